// Generates the TypeScript client of the program from its Anchor IDL:
//
//     node generate.mjs IDL.json OUT_DIR
//
// Codama renders what the IDL says of accounts, instructions, types and errors. The rest is added here, from the same
// IDL: the addresses that no instruction derives by itself, the accounts that follow from others, the events, and the
// constants.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { argv, exit } from 'node:process';

import { extractPdasVisitor, rootNodeFromAnchorWithoutDefaultVisitor } from '@codama/nodes-from-anchor';
import { renderVisitor } from '@codama/renderers-js';
import { format } from 'prettier';
import {
  accountNode,
  accountValueNode,
  argumentValueNode,
  bytesTypeNode,
  camelCase,
  constantPdaSeedNodeFromBytes,
  createFromRoot,
  deduplicateIdenticalDefinedTypesVisitor,
  definedTypeNode,
  fixedSizeTypeNode,
  flattenInstructionDataArgumentsVisitor,
  instructionAccountNode,
  instructionNode,
  numberTypeNode,
  numberValueNode,
  pdaLinkNode,
  pdaNode,
  pdaSeedValueNode,
  pdaValueNode,
  pascalCase,
  programNode,
  publicKeyTypeNode,
  publicKeyValueNode,
  rootNode,
  setFixedAccountSizesVisitor,
  transformU8ArraysToBytesVisitor,
  unwrapInstructionArgsDefinedTypesVisitor,
  variablePdaSeedNode,
  visit,
} from 'codama';

const [idlPath, out] = argv.slice(2);
if (!idlPath || !out) {
  console.error('usage: node generate.mjs IDL.json OUT_DIR');
  exit(2);
}
const idl = JSON.parse(await readFile(idlPath, 'utf8'));

/** Stops: the IDL says something that this generator was not written for. */
function refuse(what) {
  throw new Error(`${idlPath}: ${what}`);
}

const docsOf = new Map(idl.types.map(({ name, docs }) => [camelCase(name), docs ?? []]));

/** The seed of constant bytes that the IDL names. */
function constantSeed(name) {
  const found = idl.constants?.find(constant => constant.name === name) ?? refuse(`there is no constant ${name}`);
  return constantPdaSeedNodeFromBytes('base16', Buffer.from(JSON.parse(found.value)).toString('hex'));
}

const key = name => variablePdaSeedNode(name, publicKeyTypeNode());
const number = (name, format) => variablePdaSeedNode(name, numberTypeNode(format));

/** Every address that the market derives: those that the IDL tells, and those that the program checks by itself. */
function addresses(program) {
  const found = name => program.pdas.find(pda => pda.name === name) ?? refuse(`no instruction derives ${name}`);
  // A new bus derives its general capacity, whose window start is 0: the constant stands for the window's start.
  const [seed, bus, windowStart, ...more] = found('capacity').seeds;
  if (bus?.name !== 'bus' || windowStart?.kind !== 'constantPdaSeedNode' || more.length > 0) {
    refuse('the seeds of a capacity are not "capacity", bus, window start');
  }
  const capacity = pdaNode({
    name: 'capacity',
    docs: ["The capacity of a bus's delivery window; window start 0 is the general capacity."],
    seeds: [seed, bus, number('windowStart', 'i64')],
  });
  // The counter of a creator's buses is derived twice, under two names: by its opening and by every new bus.
  const told = program.pdas.filter(pda => pda.name !== 'counter').map(pda => (pda.name === 'capacity' ? capacity : pda));
  return [
    ...told,
    pdaNode({
      name: 'seller',
      docs: ['The seller account of a wallet; of the bus itself where the wallet is the bus.'],
      seeds: [constantSeed('SELLER_SEED'), key('bus'), key('wallet')],
    }),
    pdaNode({
      name: 'vault',
      docs: ['The token account that is paid for a seller.'],
      seeds: [constantSeed('VAULT_SEED'), key('seller')],
    }),
    pdaNode({
      name: 'treasury',
      docs: ["The token account that receives the revenue of a bus's own offers."],
      seeds: [constantSeed('TREASURY_SEED'), key('bus')],
    }),
    pdaNode({
      name: 'unclaimed',
      docs: ['The token account of a bus that holds what could not be paid.'],
      seeds: [constantSeed('UNCLAIMED_SEED'), key('bus')],
    }),
    pdaNode({
      name: 'escrow',
      docs: ['The token account of a bus that holds the deposits of bids.'],
      seeds: [constantSeed('ESCROW_SEED'), key('bus')],
    }),
    pdaNode({
      name: 'bid',
      docs: ['A bid, by the hash of the transaction that made it.'],
      seeds: [
        constantSeed('BID_SEED'),
        variablePdaSeedNode('transactionHash', fixedSizeTypeNode(bytesTypeNode(), 32)),
      ],
    }),
    pdaNode({
      name: 'clearing',
      docs: ['The proof of the price of a window that a clearer makes.'],
      seeds: [constantSeed('CLEARING_SEED'), key('capacity'), key('clearer')],
    }),
    pdaNode({
      name: 'meter',
      docs: ['The meter of a seller.'],
      seeds: [constantSeed('METER_SEED'), key('seller')],
    }),
    pdaNode({
      name: 'device',
      docs: ['The device of a key, which is registered once in the program.'],
      seeds: [constantSeed('DEVICE_SEED'), key('key')],
    }),
    pdaNode({
      name: 'book',
      docs: ['The delivery book of a seller, by the start of the first of its 96 windows.'],
      seeds: [constantSeed('BOOK_SEED'), key('seller'), number('firstWindow', 'i64')],
    }),
    pdaNode({
      name: 'position',
      docs: ['The position book of a buyer on a delivery book.'],
      seeds: [constantSeed('POSITION_SEED'), key('book'), key('buyer')],
    }),
    pdaNode({
      name: 'certificate',
      docs: ['The certificate of a range of what a seller delivered in a window.'],
      seeds: [
        constantSeed('CERTIFICATE_SEED'),
        key('seller'),
        number('windowStart', 'i64'),
        number('rangeStart', 'u64'),
      ],
    }),
    pdaNode({
      name: 'lock',
      docs: ["One of a buyer's places for locks on an offer."],
      seeds: [constantSeed('LOCK_SEED'), key('offer'), key('buyer'), number('place', 'u8')],
    }),
    pdaNode({
      name: 'claim',
      docs: ['What could not be paid to a wallet.'],
      seeds: [constantSeed('CLAIM_SEED'), key('bus'), key('wallet')],
    }),
  ];
}

const SYSTEM_PROGRAM = '11111111111111111111111111111111';

/** The address of an account that follows from other accounts and arguments of its instruction. */
function derived(instruction, { name }) {
  const account = wanted => instruction.accounts.some(other => other.name === wanted);
  const argument = wanted => instruction.arguments.some(other => other.name === wanted);
  const seed = (of, value = accountValueNode(of)) => pdaSeedValueNode(of, value);
  const value = (pda, ...seeds) => pdaValueNode(pdaLinkNode(pda), seeds);
  const general = () => value('capacity', seed('bus'), seed('windowStart', numberValueNode(0)));
  switch (name) {
    case 'counter':
      return value('creator', seed('wallet', accountValueNode('creator')));
    case 'ledger':
    case 'treasury':
    case 'unclaimed':
    case 'escrow':
      return account('bus') ? value(name, seed('bus')) : undefined;
    case 'general':
      return account('bus') ? general() : undefined;
    case 'capacity':
      if (instruction.name === 'busCreate') return general();
      if (!argument('windowStart')) return undefined;
      return value('capacity', seed('bus'), seed('windowStart', argumentValueNode('windowStart')));
    case 'seller':
      return argument('wallet') ? value('seller', seed('bus'), seed('wallet', argumentValueNode('wallet'))) : undefined;
    case 'meter':
      return account('seller') ? value('meter', seed('seller')) : undefined;
    case 'device':
      return account('key') ? value('device', seed('key')) : undefined;
    case 'position':
      if (!argument('buyer')) return undefined;
      return value('position', seed('book'), seed('buyer', argumentValueNode('buyer')));
    case 'clearing':
      if (!account('clearer') || !account('capacity')) return undefined;
      return value('clearing', seed('capacity'), seed('clearer'));
    case 'vault':
      return account('seller') ? value('vault', seed('seller')) : undefined;
    case 'lock':
      if (!argument('place')) return undefined;
      return value('lock', seed('offer'), seed('buyer'), seed('place', argumentValueNode('place')));
    case 'claim': {
      const wallet = ['buyer', 'owner', 'wallet'].find(account);
      return wallet ? value('claim', seed('bus'), seed('wallet', accountValueNode(wallet))) : undefined;
    }
    case 'systemProgram':
      return publicKeyValueNode(SYSTEM_PROGRAM, 'systemProgram');
    default:
      return undefined;
  }
}

/** The program with everything that the client shall have. */
function complete(program) {
  return programNode({
    ...program,
    pdas: addresses(program),
    accounts: program.accounts.map(account => accountNode({ ...account, docs: docsOf.get(account.name) })),
    // Events decode from what a transaction logs: their discriminator and their fields.
    definedTypes: [
      ...program.definedTypes,
      ...program.events.map(({ name, data }) => definedTypeNode({ name, type: data, docs: docsOf.get(name) })),
    ],
    instructions: program.instructions.map(instruction =>
      instructionNode({
        ...instruction,
        accounts: instruction.accounts.map(account =>
          instructionAccountNode({
            ...account,
            defaultValue: derived(instruction, account) ?? account.defaultValue,
          }),
        ),
      }),
    ),
  });
}

/** `constants.ts`: the program's limits and seeds. */
function constants() {
  const literal = ({ name, type, value }) => {
    if (type === 'bytes' || type?.array?.[0] === 'u8') return `new Uint8Array(${value})`;
    if (!/^-?\d+$/.test(value)) refuse(`the constant ${name} is ${value}, which is neither a number nor bytes`);
    return ['u64', 'i64', 'u128', 'i128'].includes(type) ? `${value}n` : value;
  };
  const lines = idl.constants.map(constant => `export const ${constant.name} = ${literal(constant)};\n`);
  return `${HEAD}\n${lines.join('\n')}`;
}

/** `events.ts`: which event a transaction logged. */
function events(program) {
  const names = program.events.map(({ name }) => name);
  const types = names.map(pascalCase);
  const discriminators = new Map(idl.events.map(event => [camelCase(event.name), event.discriminator]));
  return `${HEAD}
import type { ReadonlyUint8Array } from '@solana/kit';

import {
${types.map(type => `    get${type}Decoder,\n    type ${type},`).join('\n')}
} from './types';

/** An event of the market, by its name. */
export type MultibusEvent =
${types.map(type => `    | { __kind: '${type}'; data: ${type} }`).join('\n')};

/** The first bytes of every event. */
export const MULTIBUS_EVENT_DISCRIMINATORS = {
${names.map(name => `    ${pascalCase(name)}: new Uint8Array([${discriminators.get(name).join(', ')}]),`).join('\n')}
} as const;

const decoders: { [K in MultibusEvent['__kind']]: (data: ReadonlyUint8Array) => MultibusEvent } = {
${types.map(type => `    ${type}: data => ({ __kind: '${type}', data: get${type}Decoder().decode(data) }),`).join('\n')}
};

/**
 * The event in what a program logged with \`sol_log_data\` (the bytes after "Program data: "), or \`undefined\` where
 * these bytes are no event of the market. Ask only about what the market's own program logged: any program can log
 * these bytes.
 */
export function decodeMultibusEvent(data: ReadonlyUint8Array): MultibusEvent | undefined {
    for (const [name, discriminator] of Object.entries(MULTIBUS_EVENT_DISCRIMINATORS)) {
        if (discriminator.every((byte, index) => data[index] === byte)) {
            return decoders[name as MultibusEvent['__kind']](data);
        }
    }
    return undefined;
}
`;
}

const HEAD = `/**
 * This code was AUTOGENERATED from the program's IDL by \`cargo xtask client-ts\`.
 */
`;

// Codama knows no aliases, which nothing here refers to, and renders no constants.
const types = idl.types.filter(({ name, type }) => {
  if (type.kind !== 'type') return true;
  if (JSON.stringify(idl).includes(`"defined":{"name":"${name}"`)) refuse(`the alias ${name} is used`);
  return false;
});
const anchor = rootNodeFromAnchorWithoutDefaultVisitor({ ...idl, types, constants: [] });
const program = complete(visit(anchor, extractPdasVisitor()).program);
const codama = createFromRoot(rootNode(program));
for (const visitor of [
  deduplicateIdenticalDefinedTypesVisitor(),
  setFixedAccountSizesVisitor(),
  unwrapInstructionArgsDefinedTypesVisitor(),
  flattenInstructionDataArgumentsVisitor(),
  transformU8ArraysToBytesVisitor(),
]) {
  codama.update(visitor);
}
const style = { singleQuote: true, printWidth: 120 };
await codama.accept(renderVisitor(out, { generatedFolder: '.', syncPackageJson: false, prettierOptions: style }));

/** Writes a file in the same style. */
async function write(name, code) {
  await writeFile(join(out, name), await format(code, { ...style, parser: 'typescript' }));
}
await write('constants.ts', constants());
await write('events.ts', events(program));
const index = await readFile(join(out, 'index.ts'), 'utf8');
await write('index.ts', `${index}export * from './constants';\nexport * from './events';\n`);
