// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { traderAddress } from '../../chain/address';
import type { Connection } from '../../chain/connection';
import type { BidTale } from '../../market/bids';
import type { Receipt, Trade } from '../../market/model';
import { NO_SIGNERS, purchaseLog } from '../../testing/node';
import { csvOf, knownPurchases, readPurchases, withOlder, type Bought } from './history';

const WALLET = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;
const OFFER = 'So11111111111111111111111111111111111111112' as Address;
const fill = { offer: OFFER, energyWh: 1_000n, pricePerKwh: 2n, cost: 2n };
const hash = (digit: string) => digit.repeat(64);

describe('purchases', () => {
  const receipt = (digit: string, purchasedAt: number) =>
    ({ hash: hash(digit), purchasedAt, lane: 0, nonce: BigInt(purchasedAt), energyWh: 7n, paid: 8n }) as Receipt;
  const trade = (digit: string, at: number, buyer = WALLET) =>
    ({ hash: hash(digit), at, lane: 0, nonce: BigInt(at), buyer, fills: [fill] }) as unknown as Trade;

  it('are known from receipts and trades, once each, newest first', () => {
    const known = knownPurchases(
      WALLET,
      [receipt('a', 10), receipt('b', 30)],
      [trade('b', 30), trade('c', 20), trade('d', 40, OFFER)],
      [],
    );
    expect(known.map(({ hash: one, fills }) => [one[0], fills.length])).toEqual([
      ['b', 1],
      ['c', 1],
      ['a', 0],
    ]);
    const older = withOlder(known, [
      { hash: hash('a'), at: 10, lane: 0, nonce: 10n, energyWh: 7n, paid: 8n, fills: [fill] },
    ]);
    expect(older.map(({ fills }) => fills.length)).toEqual([1, 1, 1]);
  });

  it('of one second are listed as they happened, whatever their hashes are', () => {
    const receiptOf = (digit: string, lane: number, nonce: bigint) => ({ ...receipt(digit, 10), lane, nonce });
    const tradeOf = (digit: string, lane: number, nonce: bigint) => ({ ...trade(digit, 10), lane, nonce });
    const order = (all: readonly Bought[]) => all.map(({ hash: one }) => one[0]).join('');
    // In lane 0 the nonces grow from hash a to c, in lane 1 from e to d; lane 1 was closed and opened again before d.
    const receipts = [receiptOf('a', 0, 1n), receiptOf('c', 0, 3n), receiptOf('d', 1, 5n << 20n)];
    const trades = [tradeOf('b', 0, 2n), tradeOf('e', 1, 7n)];
    expect(order(knownPurchases(WALLET, receipts, trades, []))).toBe('cbade');
    expect(order(knownPurchases(WALLET, receipts.toReversed(), trades.toReversed(), []))).toBe('cbade');
    const reversed = { a: 'c', b: 'b', c: 'a', d: 'e', e: 'd' } as Readonly<Record<string, string>>;
    const other = <T extends { readonly hash: string }>(one: T): T => ({
      ...one,
      hash: hash(reversed[one.hash.charAt(0)] ?? ''),
    });
    expect(order(knownPurchases(WALLET, receipts.map(other), trades.map(other), []))).toBe('abced');
    const known = knownPurchases(WALLET, receipts.map(other), [], []);
    expect(
      order(
        withOlder(
          known,
          trades.map(other).map((one) => ({ ...one, energyWh: 1n, paid: 1n })),
        ),
      ),
    ).toBe('abced');
  });

  it('that are bids take their place by their receipt where nobody told how they were made', () => {
    const of = (digit: string, nonce: bigint) => ({ ...receipt(digit, 10), nonce });
    const tale = { hash: hash('b'), buyer: WALLET, at: 10, lane: 0, nonce: 0n, signature: '' } as BidTale;
    const known = knownPurchases(WALLET, [of('a', 1n), of('b', 2n), of('c', 3n)], [], [tale]);
    expect(known.map(({ hash: one, nonce, bid }) => [one[0], nonce, bid === undefined])).toEqual([
      ['c', 3n, true],
      ['b', 2n, false],
      ['a', 1n, true],
    ]);
  });

  it('are read from the chain, in lanes that were closed, too', async () => {
    const closed = await traderAddress(WALLET, 3);
    const answer = <T>(value: T) => ({ send: async () => value });
    const transaction = (logMessages: readonly string[]) => ({
      meta: { err: null, logMessages, fee: 5_000n },
      transaction: { message: { accountKeys: [], header: NO_SIGNERS, instructions: [] } },
      slot: 1n,
      blockTime: 1n,
    });
    const rpc = {
      getSignaturesForAddress: (lane: Address) =>
        answer(
          lane === closed
            ? [
                { signature: 'bought', err: null },
                { signature: 'failed', err: {} },
                { signature: 'closing', err: null },
              ]
            : [],
        ),
      getTransaction: (signature: string) =>
        answer(transaction(signature === 'bought' ? purchaseLog(WALLET, { hash: hash('e'), nonce: 1n }) : [])),
    };
    const seen: number[] = [];
    const { purchases } = await readPurchases(
      { rpc } as unknown as Connection,
      WALLET,
      new AbortController().signal,
      (_, all) => seen.push(all),
    );
    expect(purchases.map(({ hash: one }) => one)).toEqual([hash('e')]);
    expect(seen).toEqual([2]);
  });

  it('go to a spreadsheet, which takes nothing of them for a formula', () => {
    const purchases: readonly Bought[] = [
      { hash: hash('a'), at: 0, lane: 0, nonce: 1n, energyWh: 1_000n, paid: 2n, fills: [fill] },
      { hash: hash('b'), at: 60, lane: 0, nonce: 2n, energyWh: 7n, paid: 8n, fills: [] },
    ];
    const csv = csvOf(
      purchases,
      () => '=HYPERLINK("x"), Mill' as Address,
      () => 900,
      (bus) => (bus.startsWith('=') ? { mint: OFFER, decimals: 1, name: 'Mill, new' } : undefined),
    );
    expect(csv.split('\r\n')).toEqual([
      'time,transaction_hash,offer,bus,delivery_start,energy_wh,price_per_kwh_base_units,cost_base_units,token,bus_name,cost',
      `1970-01-01T00:00:00.000Z,${hash('a')},${OFFER},"'=HYPERLINK(""x""), Mill",1970-01-01T00:15:00.000Z,1000,2,2,${OFFER},"Mill, new",0.2`,
      `1970-01-01T00:01:00.000Z,${hash('b')},,,,7,,8,,,`,
    ]);
  });

  it('that no auction has decided on leave their energy and cost empty in a spreadsheet', () => {
    const bid = { capacity: OFFER, bus: OFFER, windowStart: 900, isCancelled: false, settlement: undefined };
    const nothing = { at: 0, lane: 0, nonce: 1n, energyWh: 0n, paid: 0n, fills: [] };
    const of = (digit: string, change: Partial<BidTale>): Bought => ({
      ...{ ...nothing, hash: hash(digit) },
      bid: { ...bid, ...change } as BidTale,
    });
    const settlement = { allottedWh: 0n, paid: 0n } as NonNullable<BidTale['settlement']>;
    const rows = csvOf(
      [of('a', {}), { ...nothing, hash: hash('b') }, of('c', { isCancelled: true }), of('d', { settlement })],
      () => undefined,
      () => undefined,
      () => undefined,
    );
    // Energy, price and cost.
    const amounts = rows.split('\r\n').map((row) => row.split(',').slice(5, 8).join());
    expect(amounts.slice(1)).toEqual([',,', ',,', '0,,0', '0,,0']);
  });
});
