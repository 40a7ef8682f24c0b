// @vitest-environment node
//
// The generated client makes the bytes that the Rust client makes: `client/tests/golden.json` is recorded by `cargo xtask golden`
// from the Rust client, `src/generated` by `cargo xtask client-ts` from the IDL.

import { readFileSync } from 'node:fs';

import { AccountRole, address, createNoopSigner, isOption, isSome, type Address } from '@solana/kit';
import { describe, expect, test } from 'vitest';

import { transactionHash } from './features/purchase/hash';
import { quote } from './features/purchase/router';
import * as client from './generated';

interface GoldenAccount {
  address: string;
  signer: boolean;
  writable: boolean;
}

interface Golden {
  program: Address;
  addresses: { name: string; seeds: Record<string, string>; address: string }[];
  instructions: { name: string; args: object; accounts: GoldenAccount[]; data: string }[];
  accounts: { name: string; fields: object; data: string }[];
  events: { name: string; fields: object; data: string }[];
  errors: { code: number; name: string; message: string }[];
  numbered: Record<string, { name: string; number: number }[]>;
  transaction_hashes: {
    kind: string;
    buyer: Address;
    lane: string;
    nonce: string;
    orders: { offer: Address; energy_wh: string; max_price_per_kwh: string }[];
    transaction_hash: string;
  }[];
  transaction_hash_tag: string;
  router: {
    name: string;
    offers: { offer: Address; seller: Address; free_wh: string; price_per_kwh: string; least_wh?: string }[];
    want: {
      energy_wh: string;
      min_energy_wh: string;
      max_price_per_kwh: string;
      max_total: string;
      excluded_sellers: Address[];
    };
    answer:
      | {
          energy_wh: string;
          total_cost: string;
          lower_bound: string;
          fills: { offer: Address; energy_wh: string; cost: string }[];
        }
      | { refused: string; available_wh?: string; total_cost?: string; least_wh?: string };
  }[];
}

interface Idl {
  instructions: { name: string; accounts: { name: string; signer?: boolean }[] }[];
  accounts: { name: string }[];
  events: { name: string }[];
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const golden = JSON.parse(read('client/tests/golden.json')) as Golden;
const idl = JSON.parse(read('idl/multibus.json')) as Idl;

// Names come from the golden file, so the client's functions are looked up by name.
const functions = client as unknown as Record<string, (...args: never[]) => unknown>;
const called = (name: string, ...args: unknown[]): unknown => {
  const found = functions[name];
  if (!found) throw new Error(`the generated client has no ${name}`);
  return found(...(args as never[]));
};

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const pascal = (name: string) => camel(`_${name}`);
const hex = (bytes: Iterable<number>) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const bytes = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** A decoded value as the golden file writes it: numbers in decimal, bytes in hexadecimal, without discriminators. */
function written(value: unknown): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') return value.toString();
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(written);
  // What may be missing is its value or nothing.
  if (isOption(value)) return isSome(value) ? written(value.value) : null;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([name]) => name !== 'discriminator');
    return Object.fromEntries(fields.map(([name, field]) => [name, written(field)]));
  }
  return value;
}

/** The golden file's fields under the names that TypeScript has for them. */
function renamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamed);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [camelKey(name), renamed(field)]));
  }
  return value;
}
const camelKey = (name: string) => (name.startsWith('__') ? name : camel(name));

const seed = (value: string) =>
  /^[0-9a-f]{64}$/.test(value) ? bytes(value) : /^-?\d+$/.test(value) ? BigInt(value) : value;

/** Accounts that the asynchronous builder derives where they are left out. */
const DERIVED: Record<string, string[]> = {
  creator_open: ['creator', 'systemProgram'],
  bus_create: ['counter', 'bus', 'ledger', 'capacity', 'treasury', 'unclaimed', 'escrow', 'systemProgram'],
  bus_close: ['ledger', 'general', 'treasury', 'unclaimed', 'escrow', 'systemProgram'],
  capacity_open: ['ledger', 'capacity', 'systemProgram'],
  seller_open: ['ledger', 'seller', 'vault', 'systemProgram'],
  seller_admit: ['ledger', 'seller', 'vault', 'systemProgram'],
  seller_withdraw: ['vault'],
  seller_close: ['ledger', 'vault', 'treasury', 'unclaimed', 'systemProgram'],
  offer_create: ['offer', 'systemProgram'],
  lock_take: ['lock', 'systemProgram'],
  lock_release: ['vault', 'unclaimed', 'ledger', 'claim', 'systemProgram'],
  bid_create: ['escrow', 'systemProgram'],
  bid_cancel: ['escrow'],
  bid_settle: ['escrow', 'unclaimed', 'ledger', 'claim', 'systemProgram'],
  ask_settle: ['escrow'],
  clearing_open: ['clearing', 'systemProgram'],
  clearing_apply: ['clearing'],
  pool_report: ['vault', 'escrow'],
  trader_open: ['trader', 'systemProgram'],
  proposal_create: ['ledger', 'proposal', 'systemProgram'],
  proposal_execute: ['ledger', 'general', 'treasury', 'vault', 'systemProgram'],
  proposal_close: ['ledger'],
  treasury_claim: ['ledger', 'treasury', 'unclaimed', 'claim', 'systemProgram'],
  claim_pay: ['ledger', 'claim', 'unclaimed'],
  grid_sweep: ['ledger', 'vault', 'unclaimed', 'systemProgram'],
  meter_register: ['meter', 'device', 'systemProgram'],
  meter_replace: ['device', 'systemProgram'],
  meter_close: ['meter'],
  position_open: ['position', 'systemProgram'],
  position_close: ['unclaimed', 'ledger', 'systemProgram'],
};

test('the program is the same', () => {
  expect(client.MULTIBUS_PROGRAM_ADDRESS).toBe(golden.program);
});

test.each(golden.addresses)('address of $name $seeds', async ({ name, seeds, address: expected }) => {
  const named = Object.fromEntries(Object.entries(seeds).map(([key, value]) => [camel(key), seed(value)]));
  const [derived] = (await called(`find${pascal(name)}Pda`, named)) as [Address];
  expect(derived).toBe(expected);
});

describe.each(golden.instructions)('instruction $name $args', ({ name, args, accounts, data }) => {
  const described = idl.instructions.find((instruction) => instruction.name === name);
  if (described === undefined) throw new Error(`the IDL has no instruction ${name}`);
  const expected = accounts.map(({ address, signer, writable }) => ({
    address,
    role: signer
      ? writable
        ? AccountRole.WRITABLE_SIGNER
        : AccountRole.READONLY_SIGNER
      : writable
        ? AccountRole.WRITABLE
        : AccountRole.READONLY,
  }));
  const decoded = called(`get${pascal(name)}InstructionDataDecoder`) as { decode(data: Uint8Array): object };
  const inputs = Object.fromEntries(
    described.accounts.map((account, index) => {
      const key = address(accounts[index]?.address ?? '');
      return [camel(account.name), account.signer ? createNoopSigner(key) : key];
    }),
  );

  const compare = (made: unknown) => {
    const instruction = made as { programAddress: string; accounts: GoldenAccount[]; data: Uint8Array };
    expect(instruction.programAddress).toBe(golden.program);
    expect(hex(instruction.data)).toBe(data);
    // A batch's items have accounts that follow those of the IDL.
    const metas = instruction.accounts.map(({ address, role }: { address: string; role?: AccountRole }) => ({
      address,
      role,
    }));
    expect(metas).toEqual(expected.slice(0, described.accounts.length));
  };

  test('data decodes to its arguments', () => {
    // The generated client takes the fields of a bus's configuration beside the other arguments.
    const { config, ...others } = args as { config?: object };
    expect(written(decoded.decode(bytes(data)))).toEqual(renamed({ ...others, ...config }));
  });

  test('accounts and data are made of the same arguments', () => {
    compare(called(`get${pascal(name)}Instruction`, { ...inputs, ...decoded.decode(bytes(data)) }));
  });

  const derived = DERIVED[name];
  if (derived) {
    test('what can be derived is derived', async () => {
      const given = Object.fromEntries(Object.entries(inputs).filter(([account]) => !derived.includes(account)));
      compare(await called(`get${pascal(name)}InstructionAsync`, { ...given, ...decoded.decode(bytes(data)) }));
    });
  }

  test('is recognised', () => {
    expect(client.identifyMultibusInstruction({ data: bytes(data) })).toBe(
      client.MultibusInstruction[pascal(name) as keyof typeof client.MultibusInstruction],
    );
  });
});

test('every instruction, account and event of the IDL is golden', () => {
  const names = (items: { name: string }[]) => [...new Set(items.map(({ name }) => name))].sort();
  expect(names(golden.instructions)).toEqual(names(idl.instructions));
  expect(names(golden.accounts)).toEqual(names(idl.accounts));
  expect(names(golden.events)).toEqual(names(idl.events));
});

test.each(golden.accounts)('account $name', ({ name, fields, data }) => {
  const codec = called(`get${name}Codec`) as { decode(data: Uint8Array): object; encode(value: object): Uint8Array };
  const decoded = codec.decode(bytes(data));
  expect(written(decoded)).toEqual(renamed(fields));
  expect(hex(codec.encode(decoded))).toBe(data);
  expect(called(`get${name}Size`)).toBe(data.length / 2);
  expect(client.identifyMultibusAccount({ data: bytes(data) })).toBe(
    client.MultibusAccount[name as keyof typeof client.MultibusAccount],
  );
});

test.each(golden.events)('event $name', ({ name, fields, data }) => {
  const event = client.decodeMultibusEvent(bytes(data));
  expect(event?.__kind).toBe(name);
  expect(written(event?.data)).toEqual(renamed(fields));
});

test('bytes that are no event are none', () => {
  expect(client.decodeMultibusEvent(new Uint8Array(8))).toBeUndefined();
  expect(client.decodeMultibusEvent(new Uint8Array())).toBeUndefined();
});

test.each(Object.entries(golden.numbered))('the numbers of %s', (name, variants) => {
  const numbers = (client as unknown as Record<string, Record<string, number>>)[name];
  expect(variants.map((variant) => [variant.name, numbers?.[variant.name]])).toEqual(
    variants.map((variant) => [variant.name, variant.number]),
  );
});

test('errors have the same codes', () => {
  const constant = (name: string) =>
    `MULTIBUS_ERROR__${name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}` as keyof typeof client;
  for (const { code, name } of golden.errors) expect([name, client[constant(name)]]).toEqual([name, code]);
});

/** Kinds of purchases by their numbers. */
const KINDS = ['single', 'batch', 'lock', 'bid'] as const;

test.each(golden.transaction_hashes)('transaction hash $transaction_hash', async (golden) => {
  const orders = golden.orders.map((order) => ({
    offer: order.offer,
    energyWh: BigInt(order.energy_wh),
    maxPricePerKwh: BigInt(order.max_price_per_kwh),
  }));
  const { buyer, lane, nonce } = golden;
  const kind = KINDS[Number(golden.kind)];
  if (kind === undefined) throw new Error(`no purchase has the kind ${golden.kind}`);
  const hash = await transactionHash(client.MULTIBUS_PROGRAM_ADDRESS, kind, buyer, Number(lane), BigInt(nonce), orders);
  expect(hash).toBe(golden.transaction_hash);
});

test('the tag of transaction hashes is the same', () => {
  expect(hex(client.TRANSACTION_HASH_TAG)).toBe(golden.transaction_hash_tag);
});

/** The sentence of each refusal. */
const REFUSALS: Record<string, RegExp> = {
  EnergyZero: /at least 1\u00a0Wh/,
  MinimumInvalid: /from 1\u00a0Wh to the wanted amount/,
  EnergyUnavailable: /not enough energy on offer/,
  TotalAboveLimit: /costs more than your limit/,
  SizeTooSmall: /parts that the offers sell/,
  CostOverflow: /does not fit 64 bits/,
};

test.each(golden.router)('route: $name', ({ offers, want, answer }) => {
  const quoted = quote(
    offers.map(({ offer, seller, free_wh, price_per_kwh, least_wh }) => ({
      offer,
      bus: offer,
      vault: offer,
      seller,
      freeWh: BigInt(free_wh),
      pricePerKwh: BigInt(price_per_kwh),
      leastWh: BigInt(least_wh ?? '1'),
    })),
    {
      energyWh: BigInt(want.energy_wh),
      minEnergyWh: BigInt(want.min_energy_wh),
      maxPricePerKwh: BigInt(want.max_price_per_kwh),
      maxTotal: BigInt(want.max_total),
      excludedSellers: want.excluded_sellers,
    },
  );
  if ('refused' in answer) {
    if (quoted.ok) throw new Error(`${quoted.quote.energyWh}\u00a0Wh were quoted, not refused as ${answer.refused}`);
    expect(quoted.reason).toMatch(REFUSALS[answer.refused] ?? /^$/);
    expect(quoted.availableWh?.toString()).toBe(answer.available_wh);
    expect(quoted.leastCost?.toString()).toBe(answer.total_cost);
    expect(quoted.leastWh?.toString()).toBe(answer.least_wh);
    return;
  }
  if (!quoted.ok) throw new Error(quoted.reason);
  const { fills, energyWh, totalCost, lowerBound } = quoted.quote;
  expect({
    energy_wh: energyWh.toString(),
    total_cost: totalCost.toString(),
    lower_bound: lowerBound.toString(),
    fills: fills.map((fill) => ({
      offer: fill.offer.offer,
      energy_wh: fill.energyWh.toString(),
      cost: fill.cost.toString(),
    })),
  }).toEqual(answer);
});
