// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { parsePrice } from '../../amount/token';
import type { Action, Bus } from '../../market/model';
import { AUCTION, DELIVERY, key, makeBus, NO_WINDOWS } from '../../testing/market';
import { parseAddress } from '../bus/bus';
import { readTerms, termsInput, withPresent } from '../terms/TermsFields';
import { whyPointless } from './proposal';
import { startOf } from './start';

/** What the boxes of a change say before anybody touches them. */
function untouched(bus: Bus): readonly Action[] {
  const of = (kind: Action['kind']) => startOf(bus, kind);
  const walletOf = (kind: Action['kind']) => {
    const parsed = parseAddress(of(kind).wallet);
    return parsed.ok ? parsed.value : undefined;
  };
  const price = parsePrice(of('reservePriceSet').price, bus.decimals);
  const terms = readTerms(of('termsSet').terms, bus.decimals, bus.operator !== undefined);
  if (!terms.ok) throw new Error(terms.reason);
  return [
    { kind: 'thresholdSet', threshold: Number(of('thresholdSet').threshold) },
    { kind: 'timelockSet', timelockSeconds: Number(of('timelockSet').timelock) },
    { kind: 'listingPolicySet', listing: of('listingPolicySet').listing },
    { kind: 'pauseQuorumSet', pauseQuorum: Number(of('pauseQuorumSet').pauseQuorum) },
    { kind: 'reservePriceSet', reservePricePerKwh: price.ok ? price.value : 0n },
    { kind: 'operatorSet', operator: walletOf('operatorSet') },
    { kind: 'gridRecipientSet', recipient: walletOf('gridRecipientSet') },
    { kind: 'termsSet', terms: { ...terms.value, from: 900_000 } },
  ];
}

describe('a change that nobody has touched', () => {
  it('starts at what is so already, so that it cannot be proposed', async () => {
    const changed = { timelockSeconds: 86_400, listing: 'open', pauseQuorum: 1, reservePricePerKwh: 120_000n } as const;
    const wallets = { operator: key(9), gridRecipient: key(8) };
    for (const change of [{ ...changed, ...wallets, terms: DELIVERY }, { terms: AUCTION }, { terms: NO_WINDOWS }]) {
      const { bus } = await makeBus(100, change);
      const proposable = untouched(bus).filter((action) => whyPointless(bus, action, []) === undefined);
      expect(proposable).toEqual([]);
    }
  });

  it('starts at the terms that are decided already, where others wait', async () => {
    const { bus } = await makeBus(100, { terms: NO_WINDOWS, nextTerms: { ...DELIVERY, from: 900_000 } });
    expect(startOf(bus, 'termsSet').terms).toEqual(termsInput(DELIVERY, bus.decimals));
  });

  it('names no wallet where it is about another one', async () => {
    const { bus } = await makeBus(100, { operator: key(9), gridRecipient: key(8) });
    expect(startOf(bus, 'sellerSuspend').wallet).toBe('');
    expect(startOf(bus, 'basePriceSet').price).toBe('');
  });
});

describe('choices of times', () => {
  it('have the present one among them, in its place', () => {
    const choices = [
      ['0', 'none'],
      ['3600', 'an hour'],
    ] as const;
    expect(withPresent(choices, '3600')).toBe(choices);
    expect(withPresent(choices, '60', (time) => `${time} before`)).toEqual([
      ['0', 'none'],
      ['60', '1\u00a0min before'],
      ['3600', 'an hour'],
    ]);
  });
});
