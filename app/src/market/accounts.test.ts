// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { getBusDecoder, getBusEncoder, getTombstoneDecoder, getTombstoneEncoder, LAYOUT_VERSION } from '../generated';
import { PROGRAM } from '../programs';
import { key } from '../testing/market';
import { AccountBook } from './accounts';

const BUS = key(100);
const busData = () => {
  const zero = getBusDecoder().decode(new Uint8Array(getBusDecoder().fixedSize));
  return new Uint8Array(getBusEncoder().encode({ ...zero, layoutVersion: LAYOUT_VERSION }));
};
const stoneData = () => {
  const zero = getTombstoneDecoder().decode(new Uint8Array(getTombstoneDecoder().fixedSize));
  return new Uint8Array(getTombstoneEncoder().encode({ ...zero, layoutVersion: LAYOUT_VERSION, openClaims: 2 }));
};
const at = (data: Uint8Array) => ({ owner: PROGRAM, data });

describe('a bus that closes', () => {
  const book = () =>
    new AccountBook(
      () => true,
      () => undefined,
    );

  it('becomes a tombstone at the same address', () => {
    const kept = book();
    kept.take(BUS, at(busData()), 5n);
    expect(kept.accounts.bus.has(BUS)).toBe(true);
    kept.take(BUS, at(stoneData()), 6n);
    expect(kept.accounts.bus.has(BUS)).toBe(false);
    expect(kept.accounts.tombstone.get(BUS)?.openClaims).toBe(2);
    // A late notice of the bus changes nothing.
    kept.take(BUS, at(busData()), 5n);
    expect(kept.accounts.bus.has(BUS)).toBe(false);
  });

  it('while nobody listened is found among the tombstones, whichever list comes first', () => {
    for (const first of ['bus', 'tombstone'] as const) {
      const kept = book();
      kept.take(BUS, at(busData()), 5n);
      const lists = [() => kept.takeAll('bus', [], 9n), () => kept.takeAll('tombstone', [[BUS, at(stoneData())]], 9n)];
      for (const list of first === 'bus' ? lists : lists.toReversed()) list();
      expect(kept.accounts.bus.size).toBe(0);
      expect(kept.accounts.tombstone.has(BUS)).toBe(true);
    }
  });
});
