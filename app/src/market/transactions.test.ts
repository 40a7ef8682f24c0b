// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { LOCK_SETTLE_DISCRIMINATOR, PURCHASE_BATCH_DISCRIMINATOR, PURCHASE_DISCRIMINATOR } from '../generated';
import { key } from '../testing/market';
import { busesOf } from './transactions';

const BUYER = key(1);
const LANE = key(2);
const PAYMENT = key(3);
const TOKENS = key(4);
const BUS = key(100);
const OTHER = key(101);
const offers = new Set([200, 201, 202].map(key));

describe('the bus of an offer', () => {
  it('is found in what bought from it', () => {
    const single = [BUYER, LANE, BUS, key(200), PAYMENT, key(300), TOKENS];
    expect(busesOf(single, Uint8Array.from(PURCHASE_DISCRIMINATOR), offers)).toEqual([[key(200), BUS]]);
    const items = [BUS, key(200), key(300), key(201), key(301), OTHER, key(202), key(302)];
    const batch = [BUYER, LANE, PAYMENT, TOKENS, ...items];
    expect(busesOf(batch, Uint8Array.from(PURCHASE_BATCH_DISCRIMINATOR), offers)).toEqual([
      [key(200), BUS],
      [key(201), BUS],
      [key(202), OTHER],
    ]);
  });

  it('is found among the books of delivery terms', () => {
    const items = [BUS, key(200), key(300), key(400), key(500), key(201), key(301), OTHER, key(202), key(302)];
    const booked = [BUYER, LANE, PAYMENT, TOKENS, ...items, key(402), key(502)];
    const batch = Uint8Array.from(PURCHASE_BATCH_DISCRIMINATOR);
    expect(busesOf(booked, batch, offers)).toEqual([
      [key(200), BUS],
      [key(201), BUS],
      [key(202), OTHER],
    ]);
    // A bus after the books of the item before it.
    const turned = [BUS, key(200), key(300), key(400), key(500), OTHER, key(201), key(301), key(401), key(501)];
    expect(busesOf([BUYER, LANE, PAYMENT, TOKENS, ...turned], batch, offers)).toEqual([
      [key(200), BUS],
      [key(201), OTHER],
    ]);
  });

  it('is not in the settlement of a lock, nor in anything else', () => {
    const settle = [BUYER, LANE, key(200), key(400)];
    expect(busesOf(settle, Uint8Array.from(LOCK_SETTLE_DISCRIMINATOR), offers)).toEqual([]);
    expect(busesOf([], new Uint8Array(), offers)).toEqual([]);
  });
});
