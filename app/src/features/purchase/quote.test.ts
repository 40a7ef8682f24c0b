// @vitest-environment node

import type { Address } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { U64_MAX } from '../../amount/cost';
import { Refusal } from '../../errors/explain';
import type { Bus, Offer, Position } from '../../market/model';
import { QUARTERS } from '../../testing/market';
import {
  chosenItems,
  guarded,
  isAsShown,
  itemsOf,
  MAX_PURCHASES,
  plansOf,
  purchasesOf,
  quoteBest,
  refusalOf,
  routable,
  tooMany,
  type BestPrice,
  type Quotable,
} from './quote';
import type { Batch } from './router';

const key = (name: string) => name.padEnd(32, '1') as Address;
const MINT = key('Mint');

function bus(name: string, change: Partial<Bus> = {}): Bus {
  const own = { address: key(name), name, mint: MINT, tokenProgram: key('Token'), decimals: 6, token: 'tokens' };
  return {
    ...own,
    leastWh: 1n,
    reservePricePerKwh: 0n,
    paused: false,
    terms: QUARTERS,
    owners: [],
    ...change,
  } as unknown as Bus;
}

function offer(name: string, on: string, kWh: bigint, pricePerKwh: bigint, change: Partial<Offer> = {}): Offer {
  const energy = { listedWh: kWh * 1_000n, remainingWh: kWh * 1_000n, reservedWh: 0n };
  const place = { address: key(name), bus: key(on), wallet: key(`Wallet${name}`), vault: key(`Vault${name}`) };
  const trading = {
    leastWh: 1n,
    cancelled: false,
    expiresAt: 1_000,
    gateClosesAt: 1_000,
    tradesFrom: 0,
    ownedByBus: false,
  };
  const rest = { ...trading, windowStart: 0, source: 'solar', openLocks: 0 };
  const price = { pricePerKwh, fullPricePerKwh: pricePerKwh };
  return { ...place, ...energy, ...rest, ...price, ...change } as unknown as Offer;
}

function market(buses: readonly Bus[], offers: readonly Offer[]): Quotable {
  return {
    buses: new Map(buses.map((one) => [one.address, one])),
    offers: new Map(offers.map((one) => [one.address, one])),
    positions: new Map(),
  };
}

const MILL = bus('Mill');
const EAST = bus('East');
const FAR = bus('Far', { mint: key('Other') });
const TWO = market(
  [MILL, EAST, FAR],
  [
    offer('A', 'Mill', 2n, 200_000n),
    offer('B', 'Mill', 3n, 150_000n),
    offer('C', 'East', 9n, 100_000n),
    offer('D', 'Far', 9n, 1n),
    offer('E', 'Mill', 5n, 120_000n, { windowStart: 900 }),
    offer('F', 'Mill', 5n, 110_000n, { cancelled: true }),
    offer('G', 'Mill', 5n, 110_000n, { reservedWh: 5_000n }),
    offer('H', 'Mill', 5n, 110_000n, { expiresAt: 50 }),
  ],
);
const want = (change: Partial<BestPrice> = {}): BestPrice => ({
  scope: { mint: MINT, buses: [key('Mill')], windows: new Set([0]) },
  energyWh: 4_000n,
  minEnergyWh: 4_000n,
  maxPricePerKwh: U64_MAX,
  maxTotal: U64_MAX,
  ...change,
});
const offersOf = (fills: readonly { offer: { offer: Address } }[]) => fills.map((fill) => fill.offer.offer);

describe('a scope', () => {
  it('holds what trades now on the chosen buses, in the chosen window, for the chosen token', () => {
    const names = (change: Partial<BestPrice['scope']>, now = 100) =>
      routable(TWO, { ...want().scope, ...change }, undefined, now).map((found) => found.offer);
    expect(names({})).toEqual([key('A'), key('B')]);
    expect(names({}, 49)).toEqual([key('A'), key('B'), key('H')]);
    expect(names({}, 50)).toEqual([key('A'), key('B')]);
    expect(names({ windows: undefined })).toEqual([key('A'), key('B'), key('E')]);
    expect(names({ windows: new Set([900]) })).toEqual([key('E')]);
    expect(names({ buses: [key('Mill'), key('East')] })).toEqual([key('A'), key('B'), key('C')]);
    // Another token's bus is never in it, whoever chooses it.
    expect(names({ buses: [key('Far')] })).toEqual([]);
    expect(names({ buses: [] })).toEqual([]);
  });
});

describe('a best price', () => {
  it('is made of the cheapest offers, and never of the buyer’s own', () => {
    const quoted = quoteBest(TWO, want(), undefined, 100);
    expect(quoted).toMatchObject({ ok: true, quote: { energyWh: 4_000n, totalCost: 650_000n } });
    expect(quoted.ok && offersOf(quoted.quote.fills)).toEqual([key('B'), key('A')]);
    expect(quoteBest(TWO, want(), key('WalletB'), 100)).toMatchObject({ ok: false, availableWh: 2_000n });
  });

  it('that there is none of says what there is', () => {
    const said = (change: Partial<BestPrice>) => {
      const asked = want(change);
      const quoted = quoteBest(TWO, asked, undefined, 100);
      return quoted.ok ? undefined : refusalOf(TWO, asked, quoted);
    };
    const six = { energyWh: 6_000n, minEnergyWh: 6_000n };
    expect(said(six)).toBe('5\u00a0kWh is on offer within your limits now; buy less, or raise the limits.');
    expect(said({ maxPricePerKwh: 1n })).toBe('Nothing is on offer within your limits now.');
    expect(said({ maxTotal: 600_000n })).toBe(
      'The price moved: this costs 0.65\u00a0tokens now, and your limit is 0.60\u00a0tokens.',
    );
    expect(said({ energyWh: 0n, minEnergyWh: 0n })).toBe('Ask for at least 1\u00a0Wh.');
    expect(said({ ...six, minEnergyWh: 1n })).toBeUndefined();
  });

  it('is bought at the limits that were quoted', () => {
    const quoted = quoteBest(TWO, want(), undefined, 100);
    if (!quoted.ok) throw new Error(quoted.reason);
    const purchases = purchasesOf(quoted.quote, 1);
    expect(purchases).toHaveLength(1);
    const [plan] = plansOf(TWO, key('Buyer'), purchases, 650_000n);
    expect(plan?.title).toBe('4\u00a0kWh on Mill');
    expect(plan?.orders).toEqual([
      { offer: key('A'), energyWh: 1_000n, maxPricePerKwh: 200_000n },
      { offer: key('B'), energyWh: 3_000n, maxPricePerKwh: 150_000n },
    ]);
    const without = market([MILL], [offer('B', 'Mill', 3n, 150_000n)]);
    expect(() => itemsOf(without, key('Buyer'), quoted.quote.fills)).toThrow(
      'An offer closed while it was quoted; quote it again.',
    );
  });

  it('is made without offers of the bus that do not trade yet, or ask less than was decided', () => {
    const own = (change: Partial<Offer>) => {
      const offers = [
        offer('A', 'Mill', 9n, 200_000n),
        offer('O', 'Mill', 9n, 100_000n, { ownedByBus: true, ...change }),
      ];
      const quoted = quoteBest(market([bus('Mill', { reservePricePerKwh: 100_000n })], offers), want(), undefined, 100);
      return quoted.ok && offersOf(quoted.quote.fills);
    };
    expect(own({ tradesFrom: 101 })).toEqual([key('A')]);
    expect(own({ tradesFrom: 100 })).toEqual([key('O')]);
    expect(own({ tradesFrom: 100, pricePerKwh: 99_999n })).toEqual([key('A')]);
  });

  it('is made of parts that the bus sells', () => {
    const size = { leastWh: 2_000n };
    const offers = [offer('A', 'Mill', 2n, 200_000n, size), offer('B', 'Mill', 3n, 150_000n, size)];
    const least = market([MILL], offers);
    const quoted = quoteBest(least, want(), undefined, 100);
    expect(quoted.ok && quoted.quote.fills.map(({ energyWh }) => energyWh)).toEqual([2_000n, 2_000n]);
    const small = want({ energyWh: 1_000n, minEnergyWh: 1_000n });
    const refused = quoteBest(least, small, undefined, 100);
    expect(!refused.ok && refusalOf(least, small, refused)).toContain('parts of at least 2\u00a0kWh');
  });

  it('takes at most so many purchases at once', () => {
    const batch: Batch = { fills: [], energyWh: 1_000n, totalCost: 1n };
    expect(tooMany(Array.from({ length: MAX_PURCHASES }, () => batch))).toBeUndefined();
    expect(tooMany(Array.from({ length: MAX_PURCHASES + 1 }, () => batch))).toBe(
      'This takes 9 transactions, and 8 can be signed at once; buy less, such as 8\u00a0kWh.',
    );
  });
});

describe('what was shown', () => {
  it('is what a fresh quote buys, whatever the prices within the limits, and nothing else', () => {
    const now = (present: Quotable) => {
      const quoted = quoteBest(present, want(), undefined, 100);
      return quoted.ok ? purchasesOf(quoted.quote, 1) : [];
    };
    const offers = [...TWO.offers.values()];
    const changed = (name: string, change: Partial<Offer>) =>
      now(
        market(
          [MILL],
          offers.map((one) => (one.address === key(name) ? { ...one, ...change } : one)),
        ),
      );
    const shown = now(TWO);
    expect(isAsShown(shown, now(TWO))).toBe(true);
    expect(isAsShown(shown, changed('B', { pricePerKwh: 160_000n }))).toBe(true);
    // Somebody bought part of the cheapest, a cheaper one is there, one is gone, prices are the other way round.
    expect(isAsShown(shown, changed('B', { remainingWh: 2_500n }))).toBe(false);
    expect(isAsShown(shown, changed('F', { cancelled: false }))).toBe(false);
    expect(isAsShown(shown, changed('A', { cancelled: true }))).toBe(false);
    expect(isAsShown(shown, changed('B', { fullPricePerKwh: 300_000n }))).toBe(false);
    // The same parts in two purchases are not what was shown as one.
    const [only] = shown;
    if (only === undefined) throw new Error('nothing is quoted');
    const halves = only.fills.map((fill) => ({ ...only, fills: [fill] }));
    expect(isAsShown(shown, halves)).toBe(false);
  });

  it('leaves out what is to be left out', () => {
    const without = new Map([[key('B'), 'frozen']]);
    const quoted = quoteBest(TWO, want({ scope: { ...want().scope, without }, minEnergyWh: 1n }), undefined, 100);
    expect(quoted.ok && offersOf(quoted.quote.fills)).toEqual([key('A')]);
  });
});

describe('a guard', () => {
  it('is rounded down, and ends at 64 bits', () => {
    expect(guarded(199n, 0)).toBe(199n);
    expect(guarded(199n, 100)).toBe(200n);
    expect(guarded(199n, 500)).toBe(208n);
    expect(guarded(U64_MAX, 500)).toBe(U64_MAX);
  });
});

describe('prices', () => {
  it('are those with the grid fee', () => {
    const fee = { pricePerKwh: 150_000n, gridFeePerKwh: 50_000n, fullPricePerKwh: 200_000n };
    const charged = market([MILL], [offer('A', 'Mill', 4n, 0n, fee)]);
    expect(quoteBest(charged, want(), undefined, 100)).toMatchObject({ quote: { totalCost: 800_000n } });
    expect(quoteBest(charged, want({ maxPricePerKwh: 199_999n }), undefined, 100)).toMatchObject({ ok: false });
    const chosen = { offer: key('A'), energyWh: 1n, maxPricePerKwh: 199_999n };
    expect(() => chosenItems(charged, key('Buyer'), [chosen], 100)).toThrow(
      'changed the price to 0.20\u00a0tokens per kWh',
    );
  });
});

describe('what is paid for when it is delivered', () => {
  const books = { book: key('Book'), windowStart: 900 };
  const offers = [offer('A', 'Mill', 2n, 200_000n, books), offer('B', 'Mill', 3n, 150_000n, { windowStart: 900 })];
  const scope = { ...want().scope, windows: new Set([900]) };
  const position = { address: key('Held'), book: key('Book'), buyer: key('Buyer') } as Position;

  it('opens the buyer’s record of the seller, once', () => {
    const first = market([MILL], offers);
    const opens = (of: Quotable, buyer: Address | undefined) =>
      routable(of, scope, buyer, 100).map(({ book, opensPosition }) => [book, opensPosition]);
    const [booked, plain] = [key('Book'), undefined];
    expect(opens(first, key('Buyer'))).toEqual([
      [booked, true],
      [plain, false],
    ]);
    const later = { ...first, positions: new Map([[position.address, position]]) };
    expect(opens(later, key('Buyer'))).toEqual([
      [booked, false],
      [plain, false],
    ]);
    // Nobody else's counts.
    expect(opens(later, key('Other'))[0]).toEqual([booked, true]);
    expect(opens(later, undefined)[0]).toEqual([booked, false]);
    const [item] = chosenItems(first, key('Buyer'), [{ offer: key('A'), energyWh: 1n, maxPricePerKwh: U64_MAX }], 100);
    expect(item?.opensPosition).toBe(true);
  });
});

describe('chosen offers', () => {
  const chosen = (name: string, energyWh: bigint, maxPricePerKwh: bigint, now = 100) =>
    chosenItems(TWO, key('Buyer'), [{ offer: key(name), energyWh, maxPricePerKwh }], now);

  it('are bought as they were chosen', () => {
    expect(chosen('A', 500n, 210_000n)).toMatchObject([{ energyWh: 500n, maxPricePerKwh: 210_000n, bus: MILL }]);
  });

  it('are refused where the bus sells no part so small, unless it is the rest', () => {
    const size = { leastWh: 1_000n };
    const least = market([MILL], [offer('A', 'Mill', 1n, 1n, size), offer('B', 'Mill', 2n, 1n, size)]);
    const part = (name: string, energyWh: bigint) =>
      chosenItems(least, key('Buyer'), [{ offer: key(name), energyWh, maxPricePerKwh: 1n }], 100);
    expect(() => part('B', 999n)).toThrow('parts of at least 1\u00a0kWh');
    expect(part('B', 1_000n)).toHaveLength(1);
    expect(part('A', 1_000n)).toHaveLength(1);
  });

  it('are refused where they have moved beyond the limits', () => {
    const cases = [
      ['Z', 1n, 1n, 'This offer is gone: it was sold out or withdrawn.'],
      ['F', 1n, U64_MAX, 'This offer was cancelled. Choose another.'],
      ['H', 1n, U64_MAX, 'This offer has expired. Choose another.'],
      [
        'A',
        1n,
        199_999n,
        'The seller changed the price to 0.20\u00a0tokens per kWh, above your limit of 0.199999\u00a0tokens.',
      ],
      ['A', 2_001n, U64_MAX, 'Somebody was faster: 2\u00a0kWh of this offer is left, and you want 2.001\u00a0kWh.'],
    ] as const;
    for (const [name, energyWh, limit, sentence] of cases) {
      expect(() => chosen(name, energyWh, limit)).toThrow(new Refusal(sentence));
    }
  });
});
