// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { byAddress, DELIVERY, key, makeBook, makeBus, makePosition, makeSeller, NOW } from '../../testing/market';
import { certifiable, parseBeneficiary } from './certificate';

describe('certificates', () => {
  it('can be taken by buyers of what they were delivered, and by sellers of what they did not sell', async () => {
    const first = NOW - 20_000;
    const { bus } = await makeBus(100, { terms: { ...DELIVERY, from: first } });
    const seller = await makeSeller(bus, key(9));
    const read = { soldWh: 1_000n, paid: 1n, deliveredWh: 1_300n, reportedAt: NOW - 9_000 };
    const book = makeBook(1, seller, first, { 3: read, 1: { ...read, deliveredWh: 500n }, 90: { soldWh: 1_000n } });
    const own = { energyWh: 400n, paid: 1n };
    const position = makePosition(2, book, key(5), { 1: own, 3: own, 90: own });
    const state = {
      buses: byAddress([bus]),
      sellers: byAddress([seller]),
      books: byAddress([book]),
      positions: byAddress([position]),
      bids: new Map(),
    };
    const found = (wallet: ReturnType<typeof key>) =>
      certifiable(state, wallet, NOW).map(({ place, energyWh, holding, isSurplus }) => [
        ...[place, energyWh, holding, isSurplus],
      ]);
    expect(found(key(5))).toEqual([
      [1, 200n, position.address, false],
      [3, 400n, position.address, false],
    ]);
    expect(found(key(9))).toEqual([[3, 300n, seller.address, true]]);
    expect(found(key(77))).toEqual([]);
  });

  it('are retired for somebody with a name of 1 to 64 bytes', () => {
    expect(parseBeneficiary('  Anna, no. 4 ')).toEqual({ ok: true, value: 'Anna, no. 4' });
    expect(parseBeneficiary(' ')).toMatchObject({ ok: false });
    expect(parseBeneficiary('é'.repeat(32))).toMatchObject({ ok: true });
    expect(parseBeneficiary('é'.repeat(33))).toMatchObject({
      ok: false,
      reason: 'At most 64\u00a0bytes; this has 66.',
    });
    expect(parseBeneficiary('a\u{7}b')).toMatchObject({ ok: false });
  });
});
