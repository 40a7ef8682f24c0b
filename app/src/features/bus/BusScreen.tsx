/** A bus from its owners' side: who owns it, how it decides, what is proposed, and its treasury. */

import type { Address } from '@solana/kit';

import { duration, timeLabel } from '../../amount/time';
import { formatBps } from '../../amount/token';
import { isOwner, lowestPrice, type Bus } from '../../market/model';
import { termsAt } from '../../market/terms';
import { compareAges, compareNames } from '../../order';
import { useMarket, useSession } from '../../session';
import { Energy, PricePerKwh } from '../../ui/amounts';
import { Select } from '../../ui/fields';
import { PlusIcon } from '../../ui/icons';
import { AddressLabel, Card, CopyButton, Empty, Facts, NotFound, Reading } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { PastWindows } from '../capacity/PastWindows';
import { OwedCard } from '../claim/Claims';
import { MissingReadings } from '../delivery/MissingReadings';
import { Meters } from '../meter/Meters';
import { termsLabel } from '../proposal/change';
import { Proposals } from '../proposal/Proposals';
import { Sellers } from '../seller/Sellers';
import { Treasury } from '../treasury/Treasury';
import { ClosedBus, ClosingCard } from './ClosingCard';
import { CreateBus } from './CreateBus';

/** The screen; `chosen` is a bus's address, or `new`. */
export function BusScreen({ chosen }: { readonly chosen: string | undefined }) {
  const { buses, tombstones, claims, readAt } = useMarket();
  const { wallet } = useSession();
  const now = useNow();
  const sorted = [...buses.values()].sort(
    (a, b) =>
      Number(isOwner(b, wallet)) - Number(isOwner(a, wallet)) || compareNames(a.name, b.name) || compareAges(a, b),
  );
  const isNew = chosen === 'new';
  const bus = isNew ? undefined : chosen === undefined ? sorted[0] : buses.get(chosen as Address);
  if (bus === undefined && !isNew && readAt === undefined) {
    return (
      <div className="page narrow">
        <h1 className="visually-hidden">{t.busScreen.bus}</h1>
        <Card title={t.busScreen.bus}>
          <Reading what={t.busScreen.theBuses} />
        </Card>
      </div>
    );
  }
  const stone = bus === undefined ? tombstones.get(chosen as Address) : undefined;
  if (stone !== undefined) return <ClosedBus stone={stone} />;
  if (bus === undefined && !isNew && chosen !== undefined) {
    return <NotFound what={t.busScreen.thereIsNoBusAt} />;
  }
  if (bus === undefined) {
    return (
      <div className="page narrow wide">
        <h1 className="visually-hidden">{t.busScreen.createABus}</h1>
        <CreateBus />
      </div>
    );
  }
  const owed = [...claims.values()].filter((claim) => claim.bus === bus.address);
  return (
    <div className="page split bus-page">
      <h1 className="visually-hidden">{t.busScreen.bus}</h1>
      <div className="stack">
        <div className="row spread end-aligned">
          <Select
            label={t.busScreen.bus}
            value={bus.address}
            options={sorted.map((candidate) => [
              candidate.address,
              `${candidate.name}${isOwner(candidate, wallet) ? t.marketScreen.yours : ''}`,
            ])}
            onChange={(address: Address) => {
              location.hash = `#/bus/${address}`;
            }}
          />
          <a className="button quiet" href="#/bus/new">
            <PlusIcon size={15} /> {t.busScreen.createABus}
          </a>
        </div>
        <p className="hint">{t.marketScreen.whatABusIs}</p>
        {bus.closing && <ClosingCard key={bus.address} bus={bus} />}
        <Card
          title={
            <span className="row">
              {bus.name} {bus.paused && <span className="badge warning">{t.busScreen.paused}</span>}
              {bus.closing && <span className="badge warning">{t.closing.closing}</span>}
            </span>
          }
          aside={<CopyButton text={bus.address} label={t.busScreen.copyTheBussAddress} />}
        >
          <Facts
            facts={[
              [t.busScreen.decisions, t.owners.of(bus.threshold, bus.owners.length)],
              [t.busScreen.timelock, bus.timelockSeconds === 0 ? t.busScreen.none : duration(bus.timelockSeconds)],
              [t.busScreen.pausing, t.owners.of(bus.pauseApprovals, bus.owners.length)],
              [t.busScreen.capacity, <Energy key="c" wh={bus.capacityWh} />],
              [t.busScreen.basePrice, <PricePerKwh key="b" units={bus.basePricePerKwh} bus={bus} />],
              [t.busScreen.reservePrice, <PricePerKwh key="r" units={lowestPrice(bus, true)} bus={bus} />],
              [t.busScreen.leastSize, <Energy key="l" wh={bus.leastWh} />],
              [t.busScreen.horizon, duration(bus.horizonSeconds)],
              [t.busScreen.lockFee, bus.lockFeeBps === 0 ? t.busScreen.none : formatBps(bus.lockFeeBps)],
              ...termsFacts(bus, now),
              [t.busScreen.listing, t.listings[bus.listing]],
              [
                t.busScreen.operator,
                bus.operator === undefined ? t.change.none : <AddressLabel key="o" address={bus.operator} copy />,
              ],
              [t.busScreen.token, <AddressLabel key="t" address={bus.mint} copy />],
            ]}
          />
        </Card>
        <Card title={t.busScreen.owners}>
          <ul className="lines-list">
            {bus.owners.map((owner) => (
              <li key={owner.wallet} className="row spread">
                <AddressLabel address={owner.wallet} copy />
                <span className="number">{formatBps(owner.shareBps)}</span>
              </li>
            ))}
            {bus.owners.length === 0 && <Empty>{t.busScreen.nobody}</Empty>}
          </ul>
        </Card>
        <Treasury bus={bus} />
        <OwedCard key={`owed ${bus.address}`} claims={owed} />
      </div>
      <div className="stack">
        <Proposals key={bus.address} bus={bus} />
        <Sellers key={`sellers ${bus.address}`} bus={bus} />
        <Meters key={`meters ${bus.address}`} bus={bus} />
        <MissingReadings key={`readings ${bus.address}`} bus={bus} />
        <PastWindows title={t.busScreen.pastWindows} isWanted={(capacity) => capacity.bus === bus.address} />
      </div>
    </div>
  );
}

/** The terms of a bus's windows: those of now, and those that are decided. */
function termsFacts(bus: Bus, now: number): readonly (readonly [string, string | React.ReactElement])[] {
  const terms = termsAt(bus, now);
  const { nextTerms, gridRecipient } = bus;
  const isAhead = nextTerms !== undefined && nextTerms.from > now;
  const hasFee = terms.gridFeePerKwh > 0n || (nextTerms?.gridFeePerKwh ?? 0n) > 0n;
  return [
    [t.busScreen.windows, terms.windowSeconds === 0 ? t.busScreen.none : duration(terms.windowSeconds)],
    [t.busScreen.terms, termsLabel(bus, terms)],
    ...(isAhead ? [[t.busScreen.termsFrom(timeLabel(nextTerms.from)), termsLabel(bus, nextTerms)] as const] : []),
    ...(hasFee
      ? [
          [
            t.busScreen.gridFeesGoTo,
            gridRecipient === undefined ? (
              t.treasury.theTreasury
            ) : (
              <AddressLabel key="g" address={gridRecipient} copy />
            ),
          ] as const,
        ]
      : []),
  ];
}
