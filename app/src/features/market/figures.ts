/** What buses have now, counted from their accounts. */

import type { Address } from '@solana/kit';
import { useMemo } from 'react';

import { SOURCES, untradable, type Bus, type Capacity, type Offer, type Source } from '../../market/model';
import type { MarketState } from '../../market/state';
import { useMarket } from '../../session';
import { useNow } from '../../ui/time';

/** What a bus has now, counted from its accounts. */
export interface BusFigures {
  readonly bus: Bus;
  readonly general: Capacity | undefined;
  readonly windows: readonly Capacity[];
  readonly offers: readonly Offer[];
  readonly tradable: readonly Offer[];
  readonly sources: readonly Source[];
  /** Prices as buyers pay them, with the grid fee. */
  readonly lowest: bigint | undefined;
  readonly highest: bigint | undefined;
}

/** Figures of every bus. */
export function useFigures(): ReadonlyMap<Address, BusFigures> {
  const { buses, offers, capacities } = useMarket();
  const now = useNow();
  return useMemo(() => figuresOf({ buses, offers, capacities }, now), [buses, offers, capacities, now]);
}

function figuresOf(
  { buses, offers, capacities }: Pick<MarketState, 'buses' | 'offers' | 'capacities'>,
  now: number,
): ReadonlyMap<Address, BusFigures> {
  const of = <T extends { readonly bus: Address }>(values: Iterable<T>): Map<Address, T[]> => {
    const map = new Map<Address, T[]>();
    for (const value of values) {
      const list = map.get(value.bus);
      if (list === undefined) map.set(value.bus, [value]);
      else list.push(value);
    }
    return map;
  };
  const offersOf = of(offers.values());
  const capacitiesOf = of(capacities.values());
  const figures = new Map<Address, BusFigures>();
  for (const bus of buses.values()) {
    const listed = offersOf.get(bus.address) ?? [];
    const tradable = listed.filter((offer) => untradable(offer, bus, now) === undefined);
    const prices = tradable.map(({ fullPricePerKwh }) => fullPricePerKwh);
    const own = capacitiesOf.get(bus.address) ?? [];
    figures.set(bus.address, {
      bus,
      general: own.find(({ windowStart }) => windowStart === 0),
      windows: own.filter(({ windowStart }) => windowStart !== 0).sort((a, b) => a.windowStart - b.windowStart),
      offers: listed,
      tradable,
      sources: SOURCES.filter((source) => listed.some((offer) => offer.source === source)),
      lowest: prices.length === 0 ? undefined : prices.reduce((a, b) => (a < b ? a : b)),
      highest: prices.length === 0 ? undefined : prices.reduce((a, b) => (a > b ? a : b)),
    });
  }
  return figures;
}
