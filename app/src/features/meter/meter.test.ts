// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { DELIVERY, key, makeBook, makeBus, makeSeller, NOW } from '../../testing/market';
import { deviceLimit, meterRefusal } from '../offer/SellScreen';
import { isDeviceOver, parsePower, powerLabel, readDeviceKey } from './meter';

describe('the key of a device', () => {
  it('is read from the file that tools write, and nothing else', async () => {
    const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
    const seed = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey)).slice(-32);
    const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    const { keyPair } = await readDeviceKey(JSON.stringify([...seed, ...publicKey]));
    // It signs, and nobody reads it out of here again.
    expect(keyPair.privateKey.extractable).toBe(false);
    const other = JSON.stringify([...seed, ...publicKey.toReversed()]);
    for (const text of ['', 'nonsense', '{}', '[1,2,3]', JSON.stringify(Array(64).fill(256)), other]) {
      await expect(readDeviceKey(text)).rejects.toThrow('This is no key file');
    }
  });
});

describe('the power of a device', () => {
  it('is read in kW, exactly', () => {
    expect(parsePower('9.8')).toEqual({ ok: true, value: 9_800n });
    expect(parsePower('0.001')).toEqual({ ok: true, value: 1n });
    for (const text of ['', '0', '-1', '1.0001', '2000000000000']) expect(parsePower(text).ok).toBe(false);
    expect([powerLabel(9_800n), powerLabel(10_000n)]).toEqual(['9.8\u00a0kW', '10\u00a0kW']);
  });

  it('limits what can be on offer in a window, by the device that the window was first listed with', async () => {
    const { bus } = await makeBus(100, { terms: DELIVERY });
    const seller = await makeSeller(bus, key(9));
    const book = makeBook(1, seller, 0, { 1: { listedWh: 1_500n } });
    const meter = { powerW: 4_000n, validFrom: 2_700, source: 'wind' as const };
    // The present device has half of the power of the one that the book knows.
    expect(deviceLimit(meter, book, DELIVERY, 900)).toEqual({
      ...{ source: 'solar', powerW: 8_000n, mostWh: 2_000n, leftWh: 500n },
    });
    expect(deviceLimit(meter, book, DELIVERY, 1_800)).toEqual({
      ...{ source: 'wind', powerW: 4_000n, mostWh: 1_000n, leftWh: 1_000n },
    });
    expect(deviceLimit(undefined, undefined, DELIVERY, 900)).toBeUndefined();
    expect(meterRefusal(undefined, book, 900)).toContain('you have no meter here yet');
    expect(meterRefusal(meter, book, 900)).toBeUndefined();
    expect(meterRefusal(meter, book, 1_800)).toContain('measures windows from');
    expect(meterRefusal(meter, book, 2_700)).toBeUndefined();
  });
});

describe('a device', () => {
  it('is over once it is retired and its last window has ended', () => {
    const device = { busyUntil: NOW, isRetired: true } as Parameters<typeof isDeviceOver>[0];
    expect([NOW - 1, NOW].map((now) => isDeviceOver(device, now))).toEqual([false, true]);
    expect(isDeviceOver({ ...device, isRetired: false }, NOW)).toBe(false);
  });
});
