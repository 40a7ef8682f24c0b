/** Anchor's coder makes and reads the bytes that every client of the market must agree on, from the IDL alone. */

import { BN, BorshCoder, convertIdlToCamelCase, type Idl } from '@anchor-lang/core';
import { PublicKey } from '@solana/web3.js';
import { expect } from 'chai';

import golden from '../../../../client/tests/golden.json';
import idl from '../../../../idl/multibus.json';
import { addresses, transactionHash } from '../multibus';

const coder = new BorshCoder(convertIdlToCamelCase(idl as unknown as Idl));

const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const uncapitalised = (name: string) => name.charAt(0).toLowerCase() + name.slice(1);
const isBytes = (value: unknown[]) => value.length > 0 && value.every((item) => typeof item === 'number');

/** A decoded value as the golden file writes it: numbers in decimal, arrays of bytes in hexadecimal where they are so there. */
function written(value: unknown, expected: unknown): unknown {
  if (BN.isBN(value) || typeof value === 'number') return String(value);
  if (value instanceof PublicKey) return value.toBase58();
  if (typeof expected === 'string' && Array.isArray(value) && isBytes(value)) return Buffer.from(value).toString('hex');
  if (typeof expected === 'string' && value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value) && Array.isArray(expected))
    return value.map((item, index) => written(item, expected[index]));
  if (isObject(expected) && typeof expected['__kind'] === 'string' && isObject(value)) {
    const kind = uncapitalised(expected['__kind']);
    return { __kind: expected['__kind'], ...(written(value[kind], { ...expected, __kind: undefined }) as object) };
  }
  if (isObject(value) && isObject(expected)) {
    return Object.fromEntries(
      Object.keys(expected)
        .filter((name) => name !== '__kind')
        .map((name) => [name, written(value[camel(name)], expected[name])]),
    );
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const key = (text: string | undefined) => new PublicKey(text ?? '');
const number = (text: string | undefined) => new BN(text ?? '');

/** Each address of the helper, with the golden file's names of its seeds. */
const DERIVED: Record<keyof typeof addresses, (seeds: Record<string, string>) => PublicKey> = {
  creator: ({ wallet }) => addresses.creator(key(wallet)),
  bus: ({ creator, bus_seq }) => addresses.bus(key(creator), number(bus_seq)),
  ledger: ({ bus }) => addresses.ledger(key(bus)),
  capacity: ({ bus, window_start }) => addresses.capacity(key(bus), number(window_start)),
  treasury: ({ bus }) => addresses.treasury(key(bus)),
  unclaimed: ({ bus }) => addresses.unclaimed(key(bus)),
  escrow: ({ bus }) => addresses.escrow(key(bus)),
  seller: ({ bus, wallet }) => addresses.seller(key(bus), key(wallet)),
  vault: ({ seller }) => addresses.vault(key(seller)),
  offer: ({ seller, number: of }) => addresses.offer(key(seller), number(of)),
  lock: ({ offer, buyer, place }) => addresses.lock(key(offer), key(buyer), Number(place)),
  trader: ({ wallet, lane }) => addresses.trader(key(wallet), Number(lane)),
  proposal: ({ bus, proposer, number: of }) => addresses.proposal(key(bus), key(proposer), number(of)),
  claim: ({ bus, wallet }) => addresses.claim(key(bus), key(wallet)),
  meter: ({ seller }) => addresses.meter(key(seller)),
  device: ({ key: of }) => addresses.device(key(of)),
  book: ({ seller, first_window }) => addresses.book(key(seller), number(first_window)),
  position: ({ book, buyer }) => addresses.position(key(book), key(buyer)),
  certificate: ({ seller, window_start, range_start }) =>
    addresses.certificate(key(seller), number(window_start), number(range_start)),
  bid: ({ transaction_hash }) => addresses.bid(Buffer.from(transaction_hash ?? '', 'hex')),
  clearing: ({ capacity, clearer }) => addresses.clearing(key(capacity), key(clearer)),
};

describe('the bytes of every client', () => {
  it('lists what the IDL lists', () => {
    expect(golden.program).to.equal(idl.address);
    expect(golden.accounts.map(({ name }) => name).sort()).to.deep.equal(idl.accounts.map(({ name }) => name).sort());
    expect(golden.events.map(({ name }) => name).sort()).to.deep.equal(idl.events.map(({ name }) => name).sort());
    const used = new Set(golden.instructions.map(({ name }) => name));
    expect(idl.instructions.filter(({ name }) => !used.has(name))).to.deep.equal([]);
  });

  it('decodes every account', () => {
    for (const { name, data, fields } of golden.accounts) {
      const decoded: unknown = coder.accounts.decode(uncapitalised(name), Buffer.from(data, 'hex'));
      expect(written(decoded, fields), name).to.deep.equal(fields);
    }
  });

  it('decodes every event', () => {
    for (const { name, data, fields } of golden.events) {
      const decoded = coder.events.decode(Buffer.from(data, 'hex').toString('base64'));
      expect(decoded?.name).to.equal(uncapitalised(name));
      expect(written(decoded?.data, fields), name).to.deep.equal(fields);
    }
  });

  it('decodes and encodes every instruction', () => {
    for (const { name, data, args } of golden.instructions) {
      const decoded = coder.instruction.decode(Buffer.from(data, 'hex'));
      expect(decoded?.name).to.equal(camel(name));
      expect(written(decoded?.data, args), name).to.deep.equal(args);
      expect(coder.instruction.encode(camel(name), decoded?.data).toString('hex'), name).to.equal(data);
    }
  });

  it('derives every address', () => {
    expect(new Set(golden.addresses.map(({ name }) => name))).to.deep.equal(new Set(Object.keys(DERIVED)));
    for (const { name, seeds, address } of golden.addresses) {
      const derived = DERIVED[name as keyof typeof DERIVED](seeds as unknown as Record<string, string>);
      expect(derived.toBase58(), `${name} of ${JSON.stringify(seeds)}`).to.equal(address);
    }
  });

  it('hashes every purchase', async () => {
    for (const { buyer, kind, lane, nonce, orders, transaction_hash } of golden.transaction_hashes) {
      const parts = orders.map(({ offer, energy_wh, max_price_per_kwh }) => ({
        offer: key(offer),
        energyWh: number(energy_wh),
        maxPricePerKwh: number(max_price_per_kwh),
      }));
      const hash = await transactionHash(Number(kind), key(buyer), Number(lane), number(nonce), parts);
      expect(Buffer.from(hash).toString('hex')).to.equal(transaction_hash);
    }
  });
});
