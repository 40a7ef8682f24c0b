/** All buses, to choose one. */

import type { Address } from '@solana/kit';
import { useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { formatTokens } from '../../amount/token';
import { freeWh, isOwner, type Source } from '../../market/model';
import { useSession } from '../../session';
import { Field } from '../../ui/fields';
import { SourceIcon } from '../../ui/icons';
import { classes, Empty } from '../../ui/parts';
import { t } from '../../words';
import type { BusFigures } from './figures';

/** The list. */
export function BusSelector({ sorted, current }: { readonly sorted: readonly BusFigures[]; readonly current: Address }) {
  const [search, setSearch] = useState('');
  const [source, setSource] = useState<Source | 'any'>('any');
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
    <nav className="bus-selector" aria-label={t.marketScreen.buses}>
      <Field label={t.marketScreen.findABus}>
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
      <ul className="bus-list">
        {shown.map((figures) => (
          <li key={figures.bus.address}>
            <BusLink figures={figures} isCurrent={figures.bus.address === current} />
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
}: {
  readonly figures: BusFigures;
  readonly isCurrent: boolean;
}) {
  const { wallet } = useSession();
  const free = tradable.reduce((sum, offer) => sum + freeWh(offer), 0n);
  return (
    <a
      href={`#/market/${bus.address}`}
      className={classes('bus-link', isCurrent && 'current')}
      aria-current={isCurrent ? 'true' : undefined}
    >
      <span className="row spread">
        <strong>{bus.name}</strong>
        <span className="row sources">
          {sources.map((source) => (
            <SourceIcon key={source} source={source} size={14} />
          ))}
        </span>
      </span>
      <span className="row spread sub">
        <span>
          {bus.paused
            ? t.marketScreen.paused
            : tradable.length === 0
              ? t.marketScreen.nothingOnOffer
              : t.marketScreen.free(formatEnergy(free))}
          {isOwner(bus, wallet) && t.marketScreen.yours}
        </span>
        {lowest !== undefined && (
          <span className="number">{t.marketScreen.from(formatTokens(lowest, bus.decimals))}</span>
        )}
      </span>
    </a>
  );
}
