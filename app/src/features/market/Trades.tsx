/** What was traded on a bus: prices over time, and the latest trades. */

import { useMemo } from 'react';

import { tradePartsOf, type Bus } from '../../market/model';
import { deliveryTime, termsAt } from '../../market/terms';
import { useMarket } from '../../session';
import { Energy, Tokens } from '../../ui/amounts';
import { SourceIcon } from '../../ui/icons';
import { AddressLabel, Card, Empty, numbers, Reading, TableHead } from '../../ui/parts';
import { ReceiptLink } from '../../ui/ReceiptLink';
import { Ago, useNow } from '../../ui/time';
import { t } from '../../words';
import { PriceChart } from './charts';

/** Parts of trades that are of a bus, and of windows where some are chosen. */
function useTradesOf(bus: Bus, windows: ReadonlySet<number> | undefined): ReturnType<typeof tradePartsOf> {
  const { trades, origins } = useMarket();
  return useMemo(() => tradePartsOf(trades, origins, bus.address, windows), [trades, origins, bus.address, windows]);
}

/** Prices of recent trades. */
export function Prices({ bus, windows }: { readonly bus: Bus; readonly windows: ReadonlySet<number> | undefined }) {
  const { parts } = useTradesOf(bus, windows);
  return (
    <Card title={t.marketScreen.prices}>
      {parts.length === 0 ? <NothingTraded bus={bus} /> : <PriceChart trades={parts.slice(0, 80)} bus={bus} />}
    </Card>
  );
}

/** Recent trades. */
export function Trades({ bus, windows }: { readonly bus: Bus; readonly windows: ReadonlySet<number> | undefined }) {
  const { parts, unplaced } = useTradesOf(bus, windows);
  const { tradesMissing, origins } = useMarket();
  return (
    <Card title={t.marketScreen.recentTrades}>
      {tradesMissing !== undefined && <p className="hint">{t.marketScreen.olderTradesCouldNotBe(tradesMissing)}</p>}
      {unplaced > 0 && <p className="hint">{t.marketScreen.unplaced(unplaced)}</p>}
      {parts.length === 0 ? (
        <NothingTraded bus={bus} />
      ) : (
        <table className="plain" aria-label={t.marketScreen.recentTrades}>
          <TableHead
            columns={[
              t.marketScreen.when,
              { title: t.marketScreen.buyer, as: 'wide-only' },
              numbers(t.marketScreen.energy),
              numbers(t.marketScreen.perKwh),
              { title: t.marketScreen.paid, as: 'end wide-only' },
              { title: t.purchases.receipt, as: 'end wide-only' },
            ]}
          />
          <tbody>
            {parts.slice(0, 12).map(({ key, at, source, trade, offer, energyWh, pricePerKwh, cost }) => (
              <tr key={key}>
                <td>
                  <span className="row">
                    {source !== undefined && <SourceIcon source={source} size={14} />}
                    <Ago at={at} />
                  </span>
                  <span className="sub block">{deliveryOf(bus, origins.get(offer)?.windowStart)}</span>
                  <span className="only-narrow">
                    <AddressLabel address={trade.buyer} />
                  </span>
                </td>
                <td className="wide-only">
                  <AddressLabel address={trade.buyer} />
                </td>
                <td className="end">
                  <Energy wh={energyWh} />
                </td>
                <td className="end">
                  <Tokens units={pricePerKwh} bus={bus} />
                </td>
                <td className="end wide-only">
                  <Tokens units={cost} bus={bus} />
                </td>
                <td className="end wide-only">
                  <ReceiptLink hash={trade.hash} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

/** Says that nothing was bought, once that is known. Auctions are no part of it. */
function NothingTraded({ bus }: { readonly bus: Bus }) {
  const { tradesMissing, tradesRead, tradesWhole } = useMarket();
  const { hasAuction } = termsAt(bus, useNow());
  if (!tradesRead) return tradesMissing === undefined && <Reading what={t.marketScreen.trades} />;
  if (!tradesWhole) return <Empty>{t.marketScreen.nothingWasTradedLately}</Empty>;
  return <Empty>{hasAuction ? t.marketScreen.nothingWasBoughtDirectly : t.marketScreen.nothingWasTradedHereYet}</Empty>;
}

/** When what was traded is delivered, where that is known. */
function deliveryOf(bus: Bus, windowStart: number | undefined): string {
  return windowStart === undefined || windowStart === 0 ? '' : deliveryTime(bus, windowStart);
}
