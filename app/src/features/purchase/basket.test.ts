import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { readKept, storage } from '../../state/storage';
import { basket, parseBasket, putIntoBasket, takeFromBasket } from './basket';

const OFFER = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;

describe('the basket', () => {
  it('comes back as it was', () => {
    putIntoBasket({ offer: OFFER, energyWh: 1_500n });
    expect(readKept(storage, 'multibus:basket', parseBasket)).toEqual([{ offer: OFFER, energyWh: 1_500n }]);
    takeFromBasket(OFFER);
    expect(basket.get()).toEqual([]);
  });

  it('forgets what is no part of an offer', () => {
    const good = { offer: OFFER, energyWh: '1500' };
    const broken = [
      null,
      'text',
      {},
      { offer: OFFER },
      { offer: 'nobody', energyWh: '1' },
      { offer: OFFER, energyWh: 1 },
      { offer: OFFER, energyWh: '-1' },
      { offer: OFFER, energyWh: '1.5' },
      { offer: OFFER, energyWh: '' },
    ];
    expect(parseBasket(JSON.stringify([...broken, good]))).toEqual([{ offer: OFFER, energyWh: 1_500n }]);
    for (const text of ['{', '7', 'null', '{"offer":"x"}']) {
      storage.setItem('multibus:basket', text);
      expect(readKept(storage, 'multibus:basket', parseBasket)).toBeUndefined();
      expect(storage.getItem('multibus:basket')).toBeNull();
    }
  });
});
