// Compiles contracts/Market.sol with solc and prints the creation code of each contract as JSON.
import { readFileSync } from "node:fs";
import solc from "solc";

const source = readFileSync(new URL("contracts/Market.sol", import.meta.url), "utf8");
const input = {
  language: "Solidity",
  sources: { "Market.sol": { content: source } },
  settings: {
    optimizer: { enabled: true, runs: 10_000 },
    outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  console.error(errors.map((error) => error.formattedMessage).join("\n"));
  process.exit(1);
}
const code = Object.entries(output.contracts["Market.sol"]).map(([name, made]) => [name, made.evm.bytecode.object]);
console.log(JSON.stringify({ solc: solc.version(), code: Object.fromEntries(code) }));
