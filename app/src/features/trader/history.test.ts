// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { traderAddress } from '../../chain/address';
import type { Connection } from '../../chain/connection';
import type { Receipt, Trade } from '../../market/model';
import { NO_SIGNERS, purchaseLog } from '../../testing/node';
import { csvOf, knownPurchases, readPurchases, withOlder, type Bought } from './history';

const WALLET = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;
const OFFER = 'So11111111111111111111111111111111111111112' as Address;
const fill = { offer: OFFER, energyWh: 1_000n, pricePerKwh: 2n, cost: 2n };
const hash = (digit: string) => digit.repeat(64);

describe('purchases', () => {
  const receipt = (digit: string, purchasedAt: number) =>
    ({ hash: hash(digit), purchasedAt, energyWh: 7n, paid: 8n }) as Receipt;
  const trade = (digit: string, at: number, buyer = WALLET) =>
    ({ hash: hash(digit), at, buyer, fills: [fill] }) as unknown as Trade;

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
    const older = withOlder(known, [{ hash: hash('a'), at: 10, energyWh: 7n, paid: 8n, fills: [fill] }]);
    expect(older.map(({ fills }) => fills.length)).toEqual([1, 1, 1]);
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
      { hash: hash('a'), at: 0, energyWh: 1_000n, paid: 2n, fills: [fill] },
      { hash: hash('b'), at: 60, energyWh: 7n, paid: 8n, fills: [] },
    ];
    const csv = csvOf(
      purchases,
      () => '=HYPERLINK("x"), Mill',
      () => 900,
    );
    expect(csv.split('\r\n')).toEqual([
      'time,transaction_hash,offer,bus,delivery_start,energy_wh,price_per_kwh,cost',
      `1970-01-01T00:00:00.000Z,${hash('a')},${OFFER},"'=HYPERLINK(""x""), Mill",1970-01-01T00:15:00.000Z,1000,2,2`,
      `1970-01-01T00:01:00.000Z,${hash('b')},,,,7,,8`,
    ]);
  });
});
