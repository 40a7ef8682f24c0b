// @vitest-environment node

import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import {
  getCertificateTransferredEncoder,
  getEnergyPurchasedEncoder,
  getLockReleasedEncoder,
  PurchaseKind,
  RefundOutcome,
} from '../generated';
import { PROGRAM, SYSTEM_PROGRAM } from '../programs';
import { eventsOf, isCut } from './events';

const golden = JSON.parse(readFileSync(new URL('../../../client/tests/golden.json', import.meta.url), 'utf8')) as {
  events: { name: string; data: string; fields: Record<string, string> }[];
};
const dataOf = (name: string) => {
  const event = golden.events.find(
    (candidate) => candidate.name.toLowerCase().replaceAll('_', '') === name.toLowerCase(),
  );
  if (event === undefined) throw new Error(`no golden event ${name}`);
  return `Program data: ${Buffer.from(event.data, 'hex').toString('base64')}`;
};
const dataLine = (bytes: ArrayLike<number>) =>
  `Program data: ${Buffer.from(Uint8Array.from(bytes)).toString('base64')}`;
/** A purchase of 1.5 kWh at 250,000 base units per kWh, and of as much again for a price that one may forge. */
const purchase = (cost = 375_000n) => {
  const fill = { offer: PROGRAM, energyWh: 1_500n, pricePerKwh: 250_000n };
  return dataLine(
    getEnergyPurchasedEncoder().encode({
      buyer: PROGRAM,
      transactionHash: new Uint8Array(32).fill(7),
      nonce: 1n,
      purchasedAt: 2n,
      lane: 3,
      kind: PurchaseKind.Batch,
      reserved: 0,
      fills: [
        { ...fill, cost: 375_000n },
        { ...fill, cost },
      ],
    }),
  );
};
const purchased = purchase();
const other = 'Other11111111111111111111111111111111111111';

describe('events', () => {
  it('are read from the program’s own frames', () => {
    const events = eventsOf([`Program ${PROGRAM} invoke [1]`, purchased, `Program ${PROGRAM} success`]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ kind: 'purchased' });
    expect(events[0]?.kind === 'purchased' && events[0].fills.length > 0 && events[0].hash.length === 64).toBe(true);
  });

  it('of other programs, of callees and callers, and of texts that pose as frames are not believed', () => {
    expect(eventsOf([`Program ${other} invoke [1]`, purchased, `Program ${other} success`])).toEqual([]);
    expect(
      eventsOf([`Program ${PROGRAM} invoke [1]`, `Program ${other} invoke [2]`, purchased, `Program ${other} success`]),
    ).toEqual([]);
    expect(
      eventsOf([
        `Program ${other} invoke [1]`,
        `Program ${PROGRAM} invoke [2]`,
        `Program ${PROGRAM} success`,
        purchased,
        `Program log: Program ${PROGRAM} invoke [2]`,
        purchased,
      ]),
    ).toEqual([]);
  });

  it('that the program cannot have logged are not believed', () => {
    const told = (line: string) => eventsOf([`Program ${PROGRAM} invoke [1]`, line, `Program ${PROGRAM} success`]);
    expect(told(purchase())).toHaveLength(1);
    expect(told(purchase(374_999n))).toEqual([]);
    const line = dataOf('OfferCancelled');
    expect(told(line.slice(0, -8))).toEqual([]);
    for (const hostile of ['Program data: ', 'Program data: !!! <script>', 'Program data: \u{202e}']) {
      expect(told(hostile)).toEqual([]);
    }
    // Every prefix of an event, and every event with one bit flipped, is read or passed over.
    const bytes = Buffer.from(purchased.slice('Program data: '.length), 'base64');
    for (let length = 0; length < bytes.length; length += 1) {
      expect(told(dataLine(bytes.subarray(0, length)))).toEqual([]);
    }
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      for (const event of told(dataLine(flipped))) expect(event.kind).toBe('purchased');
    }
  });

  it('of a frame that another ends than began it are not believed', () => {
    expect(
      eventsOf([
        `Program ${PROGRAM} invoke [1]`,
        `Program ${other} invoke [2]`,
        `Program ${PROGRAM} success`,
        purchased,
      ]),
    ).toEqual([]);
  });

  it('tell of a lock whose refund cannot be paid yet that it stays', () => {
    const released = (outcome: RefundOutcome) => {
      const [lock, offer, buyer, releasedBy] = [PROGRAM, PROGRAM, PROGRAM, PROGRAM];
      const amounts = { energyWh: 1n, refund: 2n, fee: 0n, outcome, padding: new Uint8Array(7) };
      const event = getLockReleasedEncoder().encode({ lock, offer, buyer, releasedBy, ...amounts });
      return eventsOf([`Program ${PROGRAM} invoke [1]`, dataLine(event), `Program ${PROGRAM} success`]);
    };
    expect(released(RefundOutcome.Paid)).toEqual([{ kind: 'closed', account: PROGRAM }]);
    expect(released(RefundOutcome.Claimed)).toEqual([{ kind: 'closed', account: PROGRAM }]);
    expect(released(RefundOutcome.Unpaid)).toEqual([{ kind: 'paidOut' }]);
  });

  it('tell of a certificate that all of it went to another wallet, or that a part is one of its own', () => {
    const transferred = (part: typeof PROGRAM | typeof SYSTEM_PROGRAM) => {
      const parties = { certificate: PROGRAM, transferred: part, from: PROGRAM, to: SYSTEM_PROGRAM };
      const event = getCertificateTransferredEncoder().encode({ ...parties, rangeStart: 0n, rangeEnd: 5n });
      return eventsOf([`Program ${PROGRAM} invoke [1]`, dataLine(event), `Program ${PROGRAM} success`]);
    };
    expect(transferred(PROGRAM)).toEqual([{ kind: 'given', certificate: PROGRAM, to: SYSTEM_PROGRAM }]);
    expect(transferred(SYSTEM_PROGRAM)).toEqual([]);
  });

  it('that a log hides which was cut are noticed', () => {
    expect(isCut([`Program ${PROGRAM} invoke [1]`, 'Log truncated'])).toBe(true);
    expect(isCut([`Program ${PROGRAM} invoke [1]`, 'Program log: Log truncated'])).toBe(false);
    expect(isCut(null)).toBe(false);
  });

  it('after a cut are not believed', () => {
    expect(eventsOf([`Program ${PROGRAM} invoke [1]`, 'Log truncated', purchased])).toEqual([]);
  });
});
