/** The offers of a bus: live, sortable, filtered; only the rows in sight are drawn, so a thousand scroll smoothly. */

import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useMemo, useRef, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { duration } from '../../amount/time';
import { formatTokens } from '../../amount/token';
import {
  freeWh,
  soonestLock,
  SOURCES,
  untradable,
  type Bus,
  type Lock,
  type Offer,
  type Source,
} from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { compare, compareAges } from '../../order';
import { useMarket, useSession } from '../../session';
import { Energy } from '../../ui/amounts';
import { classes } from '../../ui/classes';
import { LockIcon, SourceIcon } from '../../ui/icons';
import { AddressLabel, Empty } from '../../ui/parts';
import { Countdown, useNow } from '../../ui/time';
import { t } from '../../words';

type Column = 'price' | 'free' | 'remaining' | 'source' | 'seller' | 'expires';

const COLUMNS: readonly (readonly [Column, string])[] = [
  ['source', t.offerTable.source],
  ['price', t.offerTable.perKwh],
  ['free', t.offerTable.free],
  ['remaining', t.offerTable.remaining],
  ['seller', t.offerTable.seller],
  ['expires', t.offerTable.endsIn],
];

/** Height of the rows in sight, in pixels. */
const HEIGHT = 460;

function compareBy(column: Column, a: Offer, b: Offer): number {
  switch (column) {
    case 'price':
      return compare(a.fullPricePerKwh, b.fullPricePerKwh);
    case 'free':
      return compare(freeWh(b), freeWh(a));
    case 'remaining':
      return compare(b.remainingWh, a.remainingWh);
    case 'source':
      return SOURCES.indexOf(a.source) - SOURCES.indexOf(b.source);
    case 'seller':
      return compare(a.wallet, b.wallet);
    case 'expires':
      return a.expiresAt - b.expiresAt;
  }
}

/** The table; `onChoose` is called with the offer that somebody wants to buy or lock. */
export function OfferTable({
  bus,
  offers,
  onChoose,
}: {
  readonly bus: Bus;
  readonly offers: readonly Offer[];
  readonly onChoose: (offer: Offer) => void;
}) {
  const { locks } = useMarket();
  const { wallet } = useSession();
  const [sort, setSort] = useState<{ readonly column: Column; readonly down: boolean }>({
    column: 'price',
    down: false,
  });
  const [source, setSource] = useState<Source | 'all'>('all');
  const scroller = useRef<HTMLDivElement>(null);
  const byOffer = useMemo(() => {
    const map = new Map<string, Lock[]>();
    for (const lock of locks.values()) map.set(lock.offer, [...(map.get(lock.offer) ?? []), lock]);
    for (const list of map.values()) list.sort(soonestLock);
    return map;
  }, [locks]);
  const rows = useMemo(
    () =>
      offers
        .filter((offer) => source === 'all' || offer.source === source)
        .sort(
          (a, b) =>
            (sort.down ? -1 : 1) * compareBy(sort.column, a, b) || compareBy('price', a, b) || compareAges(a, b),
        ),
    [offers, source, sort],
  );
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 62,
    getItemKey: (index) => rows[index]?.address ?? index,
    overscan: 8,
  });
  const isWindowed = offers.some(({ windowStart }) => windowStart !== 0);
  const titleOf = (column: Column, title: string) =>
    column === 'expires' && isWindowed ? t.offerTable.delivery : title;
  const present = SOURCES.filter((candidate) => offers.some((offer) => offer.source === candidate));
  return (
    <>
      {(bus.closing || bus.paused) && (
        <p className="status noted">{bus.closing ? t.model.thisBusIsClosing : t.model.theOwnersHavePausedThis}</p>
      )}
      <div className="filters" role="group" aria-label={t.offerTable.filterBySource}>
        {(['all', ...present] as const).map((candidate) => (
          <button
            key={candidate}
            type="button"
            className="chip"
            aria-pressed={candidate === source}
            onClick={() => setSource(candidate)}
          >
            {candidate !== 'all' && <SourceIcon source={candidate} size={14} />}
            {candidate === 'all' ? t.offerTable.all(offers.length) : t.sources[candidate]}
          </button>
        ))}
      </div>
      {rows.length === 0 ? (
        <Empty>{t.offerTable.nothingIsOnOfferHere}</Empty>
      ) : (
        <div
          className={classes('table offers', isWindowed && 'windowed')}
          role="table"
          aria-label={t.offerTable.offers}
          aria-rowcount={rows.length + 1}
        >
          <div role="rowgroup">
            <div className="tr head" role="row" aria-rowindex={1}>
              {COLUMNS.map(([column, title]) => (
                <div
                  key={column}
                  role="columnheader"
                  className={`td td-${column}`}
                  aria-sort={sort.column === column ? (sort.down ? 'descending' : 'ascending') : 'none'}
                >
                  <button
                    type="button"
                    className="sort"
                    onClick={() => setSort({ column, down: sort.column === column && !sort.down })}
                  >
                    {titleOf(column, title)}
                    <span aria-hidden="true">{sort.column === column ? (sort.down ? ' ↓' : ' ↑') : ''}</span>
                  </button>
                </div>
              ))}
              <div role="columnheader" className="td td-act">
                <span className="visually-hidden">{t.offerTable.buy}</span>
              </div>
            </div>
          </div>
          {}
          <div
            className="scroller"
            ref={scroller}
            role="rowgroup"
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the keyboard must reach what scrolls
            tabIndex={0}
            aria-label={t.offerTable.offersScrollable}
            style={{ height: Math.min(virtual.getTotalSize() + 1, HEIGHT) }}
          >
            <div className="canvas" style={{ height: virtual.getTotalSize() }}>
              {virtual.getVirtualItems().map((item) => {
                const offer = rows[item.index];
                if (offer === undefined) return null;
                return (
                  <div
                    key={item.key}
                    ref={virtual.measureElement}
                    data-index={item.index}
                    className="row-group"
                    role="presentation"
                    style={{ transform: `translateY(${item.start}px)` }}
                  >
                    <Row
                      index={item.index + 2}
                      bus={bus}
                      offer={offer}
                      isOwn={offer.wallet === wallet}
                      locks={byOffer.get(offer.address) ?? NO_LOCKS}
                      onChoose={onChoose}
                    />
                  </div>
                );
              })}
            </div>
          </div>
        </div>
      )}
    </>
  );
}

const NO_LOCKS: readonly Lock[] = [];

/** Drawn anew only where its offer changes, not at every step of scrolling. */
const Row = memo(function Row({
  index,
  bus,
  offer,
  isOwn,
  locks,
  onChoose,
}: {
  readonly index: number;
  readonly bus: Bus;
  readonly offer: Offer;
  readonly isOwn: boolean;
  readonly locks: readonly Lock[];
  readonly onChoose: (offer: Offer) => void;
}) {
  const now = useNow();
  const why = untradable(offer, bus, now);
  const share = (wh: bigint) => (offer.listedWh === 0n ? 0 : Number((wh * 1_000n) / offer.listedWh) / 10);
  return (
    <>
      <div
        className={classes('tr', why !== undefined && 'dim')}
        role="row"
        aria-rowindex={index}
        data-offer={offer.address}
      >
        <div className="td td-source" role="cell">
          <SourceIcon source={offer.source} />
          <span>{t.sources[offer.source]}</span>
        </div>
        <div className="td td-price number" role="cell">
          {formatTokens(offer.fullPricePerKwh, bus.decimals)}
          <span className="unit only-narrow"> {t.offerTable.kwh(bus.token)}</span>
        </div>
        <div className="td td-free number" role="cell">
          <Energy wh={freeWh(offer)} />
          {offer.reservedWh > 0n && (
            <span className="sub">{t.offerTable.reserved(formatEnergy(offer.reservedWh))}</span>
          )}
        </div>
        <div className="td td-remaining" role="cell">
          <Energy wh={offer.remainingWh} />
          <svg className="mini-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            <rect width="100" height="4" className="bar-empty" />
            <rect width={share(freeWh(offer))} height="4" className="bar-listed" />
            <rect x={share(freeWh(offer))} width={share(offer.reservedWh)} height="4" className="bar-reserved" />
          </svg>
          <span className="sub">{t.offerTable.of(formatEnergy(offer.listedWh))}</span>
        </div>
        <div className="td td-seller" role="cell">
          <AddressLabel address={offer.wallet} />
        </div>
        <div className="td td-expires" role="cell">
          {offer.windowStart !== 0 && <span className="block">{deliveryTime(bus, offer.windowStart)}</span>}
          <span className={offer.windowStart === 0 ? undefined : 'sub'}>
            <span className={offer.windowStart === 0 ? 'only-narrow' : undefined}>{t.offerTable.endsIn} </span>
            {bus.closing ? (
              '–'
            ) : offer.expiresAt - now < 3_600 ? (
              <Countdown until={offer.expiresAt} />
            ) : (
              <span className="number">{duration(offer.expiresAt - now, 'short')}</span>
            )}
          </span>
          {now < offer.tradesFrom && (
            <span className="sub warning-text">{t.offerTable.tradesIn(<Countdown until={offer.tradesFrom} />)}</span>
          )}
        </div>
        <div className="td td-act" role="cell">
          <button
            type="button"
            className="button small"
            disabled={why !== undefined || isOwn}
            title={isOwn ? t.offerTable.thisIsYourOwnOffer : why}
            onClick={() => onChoose(offer)}
          >
            {t.offerTable.buy}
          </button>
        </div>
      </div>
      {locks.length > 0 && (
        <div role="row" className="locks">
          <div role="cell">
            <ul aria-label={t.offerTable.locksOnThisOffer}>
              {locks.map((lock) => (
                <li key={lock.address}>
                  <LockIcon size={13} />{' '}
                  {t.offerTable.heldBy(
                    formatEnergy(lock.energyWh),
                    <AddressLabel address={lock.buyer} />,
                    <Countdown until={lock.expiresAt} />,
                  )}
                </li>
              ))}
            </ul>
          </div>
        </div>
      )}
    </>
  );
});
