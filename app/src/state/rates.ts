/** What tokens are worth in a currency of the user's, as the user says; kept in this browser. */

import { isAddress } from '@solana/kit';

import { readKept, storage } from './storage';
import { Store } from './store';

const KEY = 'multibus:rates';

/** Digits after the point that a rate has. */
export const RATE_DECIMALS = 6;

/** Currencies that can be chosen. */
export const CURRENCIES = ['EUR', 'USD', 'CHF', 'GBP'] as const;
/** One of {@link CURRENCIES}. */
export type Currency = (typeof CURRENCIES)[number];

/** Rates of tokens. */
export interface Rates {
  readonly currency: Currency;
  /** By mint: what one token is worth, in millionths of the currency. */
  readonly perToken: ReadonlyMap<string, bigint>;
}

function parse(text: string): Rates {
  const kept: unknown = JSON.parse(text);
  if (typeof kept !== 'object' || kept === null) throw new Error('the rates are no object');
  const { currency, perToken } = kept as { readonly currency?: unknown; readonly perToken?: unknown };
  if (typeof perToken !== 'object' || perToken === null) throw new Error('the rates are no list');
  const rates = Object.entries(perToken).flatMap(([mint, rate]: [string, unknown]) =>
    isAddress(mint) && typeof rate === 'string' && /^\d{1,19}$/u.test(rate) ? [[mint, BigInt(rate)] as const] : [],
  );
  return { currency: CURRENCIES.find((one) => one === currency) ?? 'EUR', perToken: new Map(rates) };
}

/** The rates. */
export const rates = new Store<Rates>(readKept(storage, KEY, parse) ?? { currency: 'EUR', perToken: new Map() });

rates.subscribe(() => {
  const { currency, perToken } = rates.get();
  const kept = Object.fromEntries([...perToken].map(([mint, rate]) => [mint, rate.toString()]));
  storage.setItem(KEY, JSON.stringify({ currency, perToken: kept }));
});

/** Says what one token is worth; nothing where `rate` is `undefined`. */
export function setRate(mint: string, rate: bigint | undefined): void {
  rates.update(({ currency, perToken }) => {
    const after = new Map(perToken);
    if (rate === undefined) after.delete(mint);
    else after.set(mint, rate);
    return { currency, perToken: after };
  });
}

/** Chooses the currency. */
export function setCurrency(currency: Currency): void {
  rates.update((before) => ({ ...before, currency }));
}

/** What an amount is worth, in hundredths of the currency, rounded to the nearest; `undefined` without a rate. */
export function worthOf({ perToken }: Rates, mint: string, units: bigint, decimals: number): bigint | undefined {
  const rate = perToken.get(mint);
  if (rate === undefined) return undefined;
  const divisor = 10n ** BigInt(decimals + RATE_DECIMALS - 2);
  return (units * rate + divisor / 2n) / divisor;
}
