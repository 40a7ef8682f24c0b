/** What the wallet has bought: when, for when, from where, for how much; all of it, from the chain. */

import type { Address } from '@solana/kit';
import { useMemo, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { tokensLabel } from '../../amount/token';
import { isUnreachable, sentence } from '../../errors/explain';
import { talesWith } from '../../market/bids';
import { deliveryTime } from '../../market/terms';
import { useMarket, useSession } from '../../session';
import { useStore } from '../../state/store';
import { useAnswer } from '../../state/useAnswer';
import { Energy, Tokens } from '../../ui/amounts';
import { saveFile } from '../../ui/file';
import { Card, CopyButton, Empty, numbers, Reading, TableHead } from '../../ui/parts';
import { ReceiptLink } from '../../ui/ReceiptLink';
import { Ago } from '../../ui/time';
import { t } from '../../words';
import { bidState } from '../auction/state';
import { tokenPaidOn, type PaidToken } from '../claim/claim';
import { settlementOf } from '../delivery/TermsNote';
import { csvOf, isBid, isHistoryWanted, knownPurchases, readPurchases, withOlder, type Bought } from './history';

/** The card. */
export function Purchases() {
  const { live, wallet } = useSession();
  const { buses, holdings, trades, origins, bids, bidTales } = useMarket();
  const isAsked = useStore(isHistoryWanted);
  const [progress, setProgress] = useState<readonly [number, number]>();
  const traders = holdings?.traders;
  const known = useMemo(
    () =>
      wallet === undefined
        ? []
        : knownPurchases(
            wallet,
            (traders ?? []).flatMap(({ receipts }) => receipts),
            trades,
            talesWith(bids.values(), bidTales),
          ),
    [wallet, traders, trades, bids, bidTales],
  );
  // Who has no receipts may have closed the lanes that kept them: nothing is said before the chain has said it.
  const isWanted = isAsked || (traders !== undefined && known.length === 0);
  const older = useAnswer(
    live,
    isWanted ? wallet : undefined,
    async (signal) => {
      if (wallet === undefined) return undefined;
      return readPurchases(live.connection, wallet, signal, (read, all) => setProgress([read, all]));
    },
    { isPassing: isUnreachable },
  );
  const read = older.kind === 'answered' ? older.value : undefined;
  const all = read === undefined ? known : withOlder(known, read.purchases);
  // Lanes that are full, or were closed, had more: only the chain tells.
  const isMore = !isWanted && known.length > 0;
  const busOf = (offer: Address) => read?.buses.get(offer) ?? origins.get(offer)?.bus;
  return (
    <Card
      title={t.purchases.purchases}
      aside={
        all.length > 0 && (
          <button
            type="button"
            className="button small quiet"
            onClick={() => {
              const windowOf = (offer: Address) => origins.get(offer)?.windowStart;
              const csv = csvOf(all, busOf, windowOf, (bus) => buses.get(bus));
              saveFile('multibus-purchases.csv', csv, 'text/csv');
            }}
          >
            {t.purchases.csv}
          </button>
        )
      }
    >
      {all.length > 0 && <PurchaseTable purchases={all} busOf={busOf} />}
      {all.length === 0 && read !== undefined && (
        <Empty>{t.purchases.nothing(<a href="#/market">{t.purchases.seeOffers}</a>)}</Empty>
      )}
      {all.length === 0 && read === undefined && <Reading what={t.purchases.yours} />}
      {older.kind === 'asking' && all.length > 0 && (
        <p className="hint" role="status">
          {progress === undefined ? t.purchases.asking : t.purchases.progress(progress[0], progress[1])}
        </p>
      )}
      {older.kind === 'failed' && <p className="error-text">{sentence(older.error)}</p>}
      {isMore && (
        <button type="button" className="button small quiet" onClick={() => isHistoryWanted.set(true)}>
          {t.purchases.showAll}
        </button>
      )}
    </Card>
  );
}

function PurchaseTable({
  purchases,
  busOf,
}: {
  readonly purchases: readonly Bought[];
  readonly busOf: (offer: Address) => Address | undefined;
}) {
  const { buses, tombstones, origins } = useMarket();
  return (
    <table className="plain" aria-label={t.purchases.purchases}>
      <TableHead
        columns={[
          { title: t.purchases.when, as: 'wide-only' },
          t.purchases.delivery,
          numbers(t.purchases.energy),
          numbers(t.purchases.paid),
          { title: t.purchases.receipt, as: 'end wide-only' },
        ]}
      />
      <tbody>
        {purchases.map((one) => {
          const places = one.fills.map(({ offer }) => ({ bus: buses.get(busOf(offer) ?? ('' as Address)), offer }));
          const names = [...new Set(places.flatMap(({ bus }) => (bus === undefined ? [] : [bus.name])))];
          const windows = places.flatMap(({ bus, offer }) => {
            const start = origins.get(offer)?.windowStart;
            return bus === undefined || start === undefined ? [] : [deliveryTime(bus, start)];
          });
          const payables = one.fills.flatMap(({ offer }) => tokenPaidOn({ buses, tombstones }, busOf(offer)) ?? []);
          const isClosed = names.length === 0 && payables.length > 0;
          if (isBid(one)) return <BidRow key={one.hash} of={one} />;
          const settlements = places.flatMap(({ bus, offer }) => {
            const start = origins.get(offer)?.windowStart;
            return bus === undefined || start === undefined ? [] : (settlementOf(bus, start) ?? []);
          });
          return (
            <tr key={one.hash}>
              <td className="wide-only">
                <Ago at={one.at} />
              </td>
              <td>
                {isClosed
                  ? t.purchases.onAClosedBus
                  : windows.length === 0
                    ? t.energyCard.notKnown
                    : [...new Set(windows)].join(', ')}
                <span className="sub block">{[...names, ...new Set(settlements)].join(', ')}</span>
                <Narrow of={one} />
              </td>
              <td className="end">
                <Energy wh={one.energyWh} />
              </td>
              <td className="end number">
                <Paid units={one.paid} bus={payables[0]} />
              </td>
              <td className="end wide-only">
                <Receipt hash={one.hash} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** When it was bought and its receipt, where there is no room for columns of their own. */
function Narrow({ of: { hash, at } }: { readonly of: Pick<Bought, 'hash' | 'at'> }) {
  return (
    <span className="only-narrow">
      <Ago at={at} /> <ReceiptLink hash={hash} />
    </span>
  );
}

function Receipt({ hash }: { readonly hash: string }) {
  return (
    <>
      <ReceiptLink hash={hash} />
      <span className="wide-only">
        <CopyButton text={hash} label={t.purchases.copyHash} />
      </span>
    </>
  );
}

/** A bid: what it was for, and what became of it. */
function BidRow({ of: { hash, at, energyWh, paid, bid } }: { readonly of: Bought }) {
  const { buses } = useMarket();
  const bus = bid === undefined ? undefined : buses.get(bid.bus);
  return (
    <tr data-purchase="bid">
      <td className="wide-only">
        <Ago at={at} />
      </td>
      <td>
        {bid !== undefined && bus !== undefined && deliveryTime(bus, bid.windowStart)}
        <span className="sub block">
          {bid === undefined || bus === undefined
            ? t.auction.auction
            : [
                bus.name,
                t.auction.bought(formatEnergy(bid.energyWh), tokensLabel(bid.maxPricePerKwh, bus)),
                bidState(bid),
              ].join(', ')}
        </span>
        <Narrow of={{ hash, at }} />
      </td>
      <td className="end number">{energyWh === 0n ? '–' : formatEnergy(energyWh)}</td>
      <td className="end number">{energyWh === 0n ? '–' : <Paid units={paid} bus={bus} />}</td>
      <td className="end wide-only">
        <Receipt hash={hash} />
      </td>
    </tr>
  );
}

/** What was paid. A receipt does not name its token, so it is told where the bus is known, or all have the same one. */
function Paid({ units, bus }: { readonly units: bigint; readonly bus: PaidToken | undefined }) {
  const { buses } = useMarket();
  const all = [...buses.values()];
  const [first] = all;
  const own = bus ?? (first !== undefined && all.every(({ mint }) => mint === first.mint) ? first : undefined);
  return own === undefined ? <>{t.purchases.baseUnits(units.toString())}</> : <Tokens units={units} bus={own} />;
}
