/** A bus: its owners, its delivery windows, what is sold and on offer. */

import { formatEnergy } from '../../amount/energy';
import { duration } from '../../amount/time';
import { formatBps, formatTokens } from '../../amount/token';
import { soldWh } from '../../market/model';
import { termsAt } from '../../market/terms';
import { Energy, EnergyBar, PricePerKwh } from '../../ui/amounts';
import { PauseIcon } from '../../ui/icons';
import { AddressLabel, Card, CopyButton, Facts } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { settlementName } from '../delivery/TermsNote';
import type { BusFigures } from './figures';
import { PlaceButtons } from './PlaceButtons';

/** The card. */
export function BusCard({
  figures,
  chosen,
}: {
  readonly figures: BusFigures;
  /** Delivery windows that are meant, all where it is `undefined`. */
  readonly chosen: ReadonlySet<number> | undefined;
}) {
  const { bus, general, windows, offers, lowest, highest } = figures;
  const now = useNow();
  const terms = termsAt(bus, now);
  const isWindowed = terms.windowSeconds !== 0;
  // A bar is of one window, or of all windows that still trade, never of a bus's capacity, which is one window's.
  const capacities = !isWindowed
    ? general === undefined
      ? []
      : [general]
    : windows.filter(({ windowStart, gateClosesAt }) =>
        chosen === undefined ? now < gateClosesAt : chosen.has(windowStart),
      );
  const keys = new Set(capacities.map(({ address }) => address));
  const inScope = offers.filter((offer) => keys.has(offer.capacity));
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
  const reserved = sum(inScope.map(({ reservedWh }) => reservedWh));
  const remaining = sum(inScope.map(({ remainingWh }) => remainingWh));
  const sold = soldWh(capacities, inScope);
  const listed = remaining - reserved;
  const available = sum(capacities.map(({ availableWh }) => availableWh));
  const total = sum(capacities.map(({ totalWh }) => totalWh));
  return (
    <Card
      className="bus-card"
      title={
        <span className="row">
          {bus.name}
          {bus.paused && (
            <span className="badge warning">
              <PauseIcon size={13} /> {t.marketScreen.paused2}
            </span>
          )}
          {bus.closing && <span className="badge warning">{t.closing.closing}</span>}
        </span>
      }
      aside={
        <span className="row">
          <a className="button small quiet" href={`#/bus/${bus.address}`}>
            {t.marketScreen.ownersAndDecisions}
          </a>
          <PlaceButtons bus={bus.address} />
          <CopyButton text={bus.address} label={t.marketScreen.copyTheBussAddress} />
        </span>
      }
    >
      <div className="owners">
        <span aria-hidden="true">{t.marketScreen.owners(bus.owners.length)}</span>
        <ul aria-label={t.marketScreen.ownersAndTheirShares}>
          {bus.owners.map((owner) => (
            <li key={owner.wallet}>
              <AddressLabel address={owner.wallet} /> <span className="number">{formatBps(owner.shareBps)}</span>
            </li>
          ))}
        </ul>
      </div>
      {isWindowed && capacities.length > 1 && <p className="hint">{t.marketScreen.inAllWindows(capacities.length)}</p>}
      <EnergyBar
        label={t.marketScreen.capacityOf({
          total: formatEnergy(total),
          sold: formatEnergy(sold),
          listed: formatEnergy(listed),
          reserved: formatEnergy(reserved),
          available: formatEnergy(available),
        })}
        parts={[
          { label: t.marketScreen.sold, wh: sold, tone: 'sold' },
          { label: t.marketScreen.onOffer, wh: listed, tone: 'listed' },
          { label: t.marketScreen.reserved, wh: reserved, tone: 'reserved' },
          { label: t.marketScreen.available, wh: available, tone: 'available' },
        ]}
      />
      <Facts
        facts={[
          [
            isWindowed ? t.marketScreen.capacityOfAWindow : t.marketScreen.capacity,
            <Energy key="c" wh={isWindowed ? bus.capacityWh : total} />,
          ],
          [
            t.marketScreen.pricesNow,
            lowest === undefined || highest === undefined ? (
              <span key="p" className="hint">
                {t.marketScreen.nothingOnOffer2}
              </span>
            ) : (
              <span key="p" className="number">
                {highest !== lowest && `${formatTokens(lowest, bus.decimals)} – `}
                <PricePerKwh units={highest} bus={bus} />
              </span>
            ),
          ],
          [
            t.marketScreen.delivery,
            isWindowed
              ? terms.gateClosureSeconds === 0
                ? t.marketScreen.windowsGateClosesAtStart(duration(terms.windowSeconds))
                : t.marketScreen.windowsGateClosesBefore(
                    duration(terms.windowSeconds),
                    duration(terms.gateClosureSeconds),
                  )
              : t.marketScreen.anyTime,
          ],
          [t.marketScreen.payment, settlementName(terms)],
          ...(terms.hasAuction ? [[t.auction.auction, t.auction.closesEachWindow] as const] : []),
          ...(terms.gridFeePerKwh === 0n
            ? []
            : [[t.marketScreen.gridFee, <PricePerKwh key="g" units={terms.gridFeePerKwh} bus={bus} />] as const]),
          [t.marketScreen.listing, t.listings[bus.listing]],
        ]}
      />
    </Card>
  );
}
