// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { DELIVERY, key, makeBus, NO_WINDOWS, QUARTERS } from '../../testing/market';
import { changesOf, termsLabel } from '../proposal/change';
import { FIRST_TERMS, parseGridFee, readTerms } from './TermsFields';

describe('terms that owners choose', () => {
  const windows = { ...FIRST_TERMS, windowSeconds: '900', gate: '300' } as const;

  it('are read as they stand', () => {
    expect(readTerms(FIRST_TERMS, 6, false)).toMatchObject({ value: { windowSeconds: 0, gateClosureSeconds: 0 } });
    // A gate belongs to windows, and times of readings to payment on delivery.
    expect(readTerms({ ...windows, windowSeconds: '0' }, 6, false)).toMatchObject({ value: { gateClosureSeconds: 0 } });
    expect(readTerms({ ...windows, gridFee: '0.02' }, 6, false)).toEqual({
      ok: true,
      value: {
        ...{ windowSeconds: 900, gateClosureSeconds: 300, isOnDelivery: false, gridFeePerKwh: 20_000n },
        ...{ readingDeadlineSeconds: 0, correctionSeconds: 0, hasAuction: false },
      },
    });
    expect(readTerms({ ...windows, hasAuction: true }, 6, false)).toMatchObject({ value: { hasAuction: true } });
    expect(readTerms({ ...windows, settlement: 'delivery' }, 6, true)).toMatchObject({
      value: { isOnDelivery: true, readingDeadlineSeconds: 86_400, correctionSeconds: 3_600 },
    });
  });

  it('are refused where no bus can have them, with a sentence', () => {
    const refused = (input: typeof FIRST_TERMS, hasOperator: boolean) => {
      const read = readTerms(input, 6, hasOperator);
      return read.ok ? undefined : read.reason;
    };
    expect(refused({ ...FIRST_TERMS, settlement: 'delivery' }, true)).toContain('delivery windows');
    expect(refused({ ...windows, settlement: 'delivery' }, false)).toContain('operator');
    expect(refused({ ...windows, gridFee: 'much' }, true)).toContain('not a number');
    expect(refused({ ...FIRST_TERMS, hasAuction: true }, false)).toContain('choose their length');
    // No choice of the boxes is as short as that.
    const short = { ...windows, windowSeconds: '600' as never, gate: '0', hasAuction: true } as const;
    expect(refused(short, false)).toContain('at least 15\u00a0minutes');
    expect(parseGridFee('4294.967296', 6)).toEqual({ ok: true, value: 1n << 32n });
    expect(parseGridFee('4294.967297', 6)).toMatchObject({ ok: false });
    expect(parseGridFee(' ', 6)).toEqual({ ok: true, value: 0n });
  });
});

describe('a decision on terms', () => {
  it('of a base price name the least for the bus’s own energy, where it goes with it', async () => {
    const lines = (reservePricePerKwh: bigint) =>
      makeBus(100, { basePricePerKwh: 100_000n, reservePricePerKwh }).then(({ bus }) =>
        changesOf(bus, { kind: 'basePriceSet', basePricePerKwh: 120_000n }).map(([what]) => what),
      );
    expect(await lines(0n)).toHaveLength(2);
    expect(await lines(200_000n)).toEqual(['Base price']);
  });

  it('says before and after in words', async () => {
    const { bus } = await makeBus(100, { terms: QUARTERS });
    const terms = { ...DELIVERY, from: 90_000 };
    const said = new Map(changesOf(bus, { kind: 'termsSet', terms }).map(([what, ...values]) => [what, values]));
    expect(said.get('Sellers are paid')).toEqual(['at the purchase', 'for what is delivered']);
    expect(said.get('Grid fee')).toEqual(['none', '0.02\u00a0tokens/kWh']);
    expect(said.get('Time for the reading')).toEqual(['–', '1\u00a0hr']);
    expect(said.get('Time for corrections')).toEqual(['–', '2\u00a0hr']);
    expect(said.get('From')?.[0]).toBe('the start');
    // Terms that wait are what they replace.
    const waiting = changesOf({ ...bus, nextTerms: { ...NO_WINDOWS, from: 80_000 } }, { kind: 'termsSet', terms });
    expect(waiting.find(([what]) => what === 'Windows')?.[1]).toBe('no windows');
    const bidding = new Map(
      changesOf(bus, { kind: 'termsSet', terms: { ...terms, hasAuction: true } }).map(([what, ...values]) => [
        what,
        values,
      ]),
    );
    expect(bidding.get('Auction')).toEqual(['without an auction', 'An auction closes each window']);
    expect(termsLabel(bus, { ...QUARTERS, hasAuction: true })).toBe('at the purchase, no grid fee, with an auction');
    expect(termsLabel(bus, DELIVERY)).toBe('for what is delivered, grid fee 0.02\u00a0tokens/kWh');
    expect(termsLabel(bus, QUARTERS)).toBe('at the purchase, no grid fee');
    expect(changesOf(bus, { kind: 'gridRecipientSet', recipient: key(8) })).toHaveLength(1);
  });
});
