/** All buses, to choose one. */

import type { Address } from '@solana/kit';
import { useLayoutEffect, useRef, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { likeness } from '../../amount/likeness';
import { short } from '../../amount/text';
import { formatTokens } from '../../amount/token';
import { freeWh, isOwner, type Source } from '../../market/model';
import { useSession } from '../../session';
import { places } from '../../state/places';
import { useStore } from '../../state/store';
import { classes } from '../../ui/classes';
import { Field } from '../../ui/fields';
import { SourceIcon, StarIcon } from '../../ui/icons';
import { Dot, Empty } from '../../ui/parts';
import { t } from '../../words';
import type { BusFigures } from './figures';

/** The list. */
export function BusSelector({
  sorted,
  current,
}: {
  readonly sorted: readonly BusFigures[];
  readonly current: Address;
}) {
  const [search, setSearch] = useState('');
  const [source, setSource] = useState<Source | 'any'>('any');
  const [isSearching, setIsSearching] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  // Where the buses are in one line, the current one is in sight.
  useLayoutEffect(() => {
    const link = list.current?.querySelector<HTMLElement>('.current');
    if (list.current !== null && link != null) list.current.scrollLeft = link.offsetLeft - list.current.offsetLeft;
  }, [current]);
  const alike = new Map<string, number>();
  for (const { bus } of sorted) alike.set(likeness(bus.name), (alike.get(likeness(bus.name)) ?? 0) + 1);
  const needle = search.trim().toLowerCase();
  const shown = sorted.filter(
    ({ bus, sources }) =>
      (source === 'any' || sources.includes(source)) &&
      (needle === '' ||
        bus.name.toLowerCase().includes(needle) ||
        bus.address.toLowerCase().startsWith(needle) ||
        bus.owners.some(({ wallet }) => wallet.toLowerCase().startsWith(needle))),
  );
  return (
    <nav className={classes('bus-selector', isSearching && 'searching')} aria-label={t.marketScreen.buses}>
      <button
        type="button"
        className="chip phones-only"
        aria-pressed={isSearching}
        onClick={() => setIsSearching(!isSearching)}
      >
        {t.marketScreen.findABus}
      </button>
      <Field label={t.marketScreen.findABus} hint={t.marketScreen.whatABusIs}>
        {({ 'aria-invalid': _, ...props }) => (
          <div className="input">
            <input
              {...props}
              type="search"
              placeholder={t.marketScreen.nameOwnerOrAddress}
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
          </div>
        )}
      </Field>
      <div className="filters" role="group" aria-label={t.marketScreen.busesWithEnergyFrom}>
        {(['any', 'solar', 'wind', 'hydro', 'biomass', 'storage'] as const).map((candidate) => (
          <button
            key={candidate}
            type="button"
            className="chip"
            aria-pressed={source === candidate}
            aria-label={candidate === 'any' ? t.marketScreen.anySource : t.sources[candidate]}
            title={candidate === 'any' ? t.marketScreen.anySource : t.sources[candidate]}
            onClick={() => setSource(candidate)}
          >
            {candidate === 'any' ? t.marketScreen.any2 : <SourceIcon source={candidate} size={15} />}
          </button>
        ))}
      </div>
      <ul className="bus-list" ref={list}>
        {shown.map((figures) => (
          <li key={figures.bus.address}>
            <BusLink
              figures={figures}
              isCurrent={figures.bus.address === current}
              isAlike={(alike.get(likeness(figures.bus.name)) ?? 0) > 1}
            />
          </li>
        ))}
        {shown.length === 0 && <Empty>{t.marketScreen.noBusIsLikeThat}</Empty>}
      </ul>
    </nav>
  );
}

function BusLink({
  figures: { bus, tradable, sources, lowest },
  isCurrent,
  isAlike,
}: {
  readonly figures: BusFigures;
  readonly isCurrent: boolean;
  /** Whether another bus has the same name, so that its address must tell them apart. */
  readonly isAlike: boolean;
}) {
  const { wallet } = useSession();
  const isLiked = useStore(places).favourites.has(bus.address);
  const free = tradable.reduce((sum, offer) => sum + freeWh(offer), 0n);
  return (
    <a
      href={`#/market/${bus.address}`}
      className={classes('bus-link', isCurrent && 'current')}
      aria-current={isCurrent ? 'true' : undefined}
    >
      <span className="row spread">
        <strong>{bus.name}</strong>
        {isLiked && <StarIcon size={13} isFull />}
        {isAlike && (
          <span className="hint mono" title={t.marketScreen.anotherBusIsCalledAlike}>
            <Dot of={bus.address} /> {short(bus.address)}
          </span>
        )}
        <span className="row sources">
          {sources.map((source) => (
            <SourceIcon key={source} source={source} size={14} />
          ))}
        </span>
      </span>
      <span className="row spread wrap sub">
        <span>
          {bus.paused
            ? t.marketScreen.paused
            : bus.closing
              ? t.closing.closing
              : tradable.length === 0
                ? t.marketScreen.nothingOnOffer
                : t.marketScreen.free(formatEnergy(free))}
          {isOwner(bus, wallet) && t.marketScreen.yours}
        </span>
        {lowest !== undefined && (
          <span className="number">
            {t.marketScreen.from(t.change.perKwh(formatTokens(lowest, bus.decimals), bus.token))}
          </span>
        )}
      </span>
    </a>
  );
}
