// @vitest-environment node

import type { Address } from '@solana/kit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Refusal } from '../../errors/explain';
import type { Bus, Offer } from '../../market/model';
import { TOKEN_PROGRAM } from '../../programs';
import { failingOffers, leaveOut, leftOut } from './leftOut';
import { paymentRefusal } from './payment';
import type { Item } from './plan';

const item = (name: string): Item => ({
  offer: { address: name as Address } as Offer,
  bus: {} as Bus,
  energyWh: 1n,
  maxPricePerKwh: 1n,
  opensPosition: false,
});
const ofProgram = new Refusal(
  'The token account is frozen by the token’s issuer; ask the issuer.',
  '',
  false,
  17,
  true,
);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('an offer that cannot be bought', () => {
  it('is found among those that can, with the reason', async () => {
    const failing = await failingOffers([item('good'), item('bad'), item('fine')], async ({ offer }) => {
      if (offer.address === ('bad' as Address)) throw ofProgram;
    });
    expect([...failing]).toEqual([['bad', ofProgram.message]]);
  });

  it('is not blamed for what is not its own', async () => {
    for (const error of [
      new Refusal('Somebody was faster.', undefined, true, 6_000, true),
      new Refusal('Your wallet has too little SOL for the network fee; add SOL.'),
      new TypeError('Failed to fetch'),
    ]) {
      const failing = await failingOffers([item('good')], async () => {
        throw error;
      });
      expect(failing.size).toBe(0);
    }
  });

  it('is left out for a minute', () => {
    leaveOut(new Map([['bad' as Address, 'frozen']]));
    expect(leftOut.get().get('bad' as Address)).toBe('frozen');
    vi.advanceTimersByTime(59_999);
    expect(leftOut.get().size).toBe(1);
    vi.advanceTimersByTime(1);
    expect(leftOut.get().size).toBe(0);
  });
});

describe('a wallet that cannot pay', () => {
  const bus = { token: 'USDC', decimals: 6 };
  const account = (units: bigint, state = 1) => {
    const data = new Uint8Array(165);
    new DataView(data.buffer).setBigUint64(64, units, true);
    data[108] = state;
    return { owner: TOKEN_PROGRAM, data };
  };

  it('is told what is missing', () => {
    expect(paymentRefusal(undefined, 1n, bus)?.message).toBe('Your wallet holds no USDC yet. Get some before you buy.');
    expect(paymentRefusal(undefined, 1n, { ...bus, token: 'tokens' })?.message).toContain(
      'no tokens of this market yet',
    );
    expect(paymentRefusal(account(9n, 2), 1n, bus)?.message).toContain('frozen by their issuer');
    expect(paymentRefusal(account(250_000n), 260_000n, bus)?.message).toBe(
      'Your wallet holds 0.25\u00a0USDC, and this costs 0.26\u00a0USDC.',
    );
    expect(paymentRefusal(account(260_000n), 260_000n, bus)).toBeUndefined();
  });
});
