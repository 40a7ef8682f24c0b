/** What the wallet bought and sold on delivery terms: promised, delivered, held, refunded and earned, window by window. */

import { useMemo, useState } from 'react';

import { timeLabel, windowLabel } from '../../amount/time';
import { refundable } from '../../market/delivery';
import type { Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, WalletButton, type Action } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { Segmented } from '../../ui/fields';
import { saveFile } from '../../ui/file';
import { AddressLabel, Card, Facts, numbers, TableHead } from '../../ui/parts';
import { useShown } from '../../ui/shown';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { deliveryRefund, heldBy } from './delivery';
import { DeliveryChart } from './DeliveryChart';
import { barsOf, deliveriesCsv, deliveryRows, sumsOf, type DeliveryRow } from './rows';

/** Windows in the chart, and rows in the table before it is unfolded. */
const BARS = 32;
const ROWS = 8;

/** The card; nothing for a wallet that has nothing on delivery terms. */
export function Deliveries() {
  const { wallet } = useSession();
  const { positions, books, buses, sellers, capacities } = useMarket();
  // Minutes are close enough for what is drawn; the program looks at its own clock.
  const now = useNow();
  const rows = useMemo(
    () => deliveryRows({ positions, books, buses, sellers, capacities }, wallet, now),
    [positions, books, buses, sellers, capacities, wallet, now],
  );
  const [side, setSide] = useState<DeliveryRow['side']>('bought');
  const sides = (['bought', 'sold'] as const).filter((one) => rows.some((row) => row.side === one));
  const shownSide = sides.includes(side) ? side : sides[0];
  if (shownSide === undefined) return null;
  const own = rows.filter((row) => row.side === shownSide);
  const tokens = [...new Map(own.map(({ bus }) => [bus.mint, bus])).values()];
  return (
    <Card
      title={t.delivery.deliveries}
      aside={
        <button
          type="button"
          className="button small quiet"
          onClick={() => saveFile('multibus-deliveries.csv', deliveriesCsv(rows), 'text/csv')}
        >
          {t.purchases.csv}
        </button>
      }
    >
      <div className="stack">
        {sides.length > 1 && (
          <Segmented
            label={t.delivery.boughtOrSold}
            options={[
              ['bought', t.delivery.bought],
              ['sold', t.delivery.sold],
            ]}
            value={shownSide}
            onChange={setSide}
          />
        )}
        {tokens.map((bus) => (
          <Sums key={bus.mint} rows={own.filter((row) => row.bus.mint === bus.mint)} bus={bus} side={shownSide} />
        ))}
        <DeliveryChart bars={barsOf(own, BARS)} />
        <Rows rows={own} />
      </div>{' '}
    </Card>
  );
}

function Sums({
  rows,
  bus,
  side,
}: {
  readonly rows: readonly DeliveryRow[];
  readonly bus: Bus;
  readonly side: DeliveryRow['side'];
}) {
  const { promisedWh, deliveredWh, held, due, settled } = sumsOf(rows);
  const isBought = side === 'bought';
  return (
    <Facts
      facts={[
        [isBought ? t.delivery.bought : t.delivery.sold, <Energy key="p" wh={promisedWh} />],
        [t.delivery.deliveredForCertain, <Energy key="d" wh={deliveredWh} />],
        [t.delivery.heldUntilRead, <Tokens key="h" units={held} bus={bus} />],
        [isBought ? t.delivery.comesBack : t.delivery.yoursNow, <Tokens key="b" units={due} bus={bus} />],
        [isBought ? t.delivery.cameBack : t.delivery.released, <Tokens key="r" units={settled} bus={bus} />],
      ]}
    />
  );
}

/** Gets back what was not delivered to the wallet; nothing where nothing is due. */
export function RefundButton({ action }: { readonly action: Action }) {
  const { live, signer, wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const due = heldBy(state, wallet).filter(({ book, position }) => refundable(book, position, now).amount > 0n);
  const run = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await deliveryRefund(live, signer, due, onStage);
      return { message: t.delivery.theRefundIsPaid };
    });
  };
  if (due.length === 0 && action.state.kind === 'idle') return null;
  return (
    <div className="stack tight">
      {due.length > 0 && (
        <WalletButton onClick={run} busy={action.isRunning}>
          {t.delivery.getTheRefund}
        </WalletButton>
      )}
      <ActionStatus action={action} />
    </div>
  );
}

function Rows({ rows }: { readonly rows: readonly DeliveryRow[] }) {
  const [shown, more] = useShown(rows, ROWS);
  return (
    <>
      <table className="plain" aria-label={t.delivery.byWindow}>
        <TableHead
          columns={[
            t.delivery.window,
            numbers(t.delivery.promised),
            numbers(t.delivery.delivered),
            { title: t.delivery.paid, as: 'end wide-only' },
          ]}
        />
        <tbody>
          {shown.map((row) => (
            <Row key={row.key} row={row} />
          ))}
        </tbody>
      </table>
      {more}
    </>
  );
}

function Row({ row }: { readonly row: DeliveryRow }) {
  const { book, bus, seller, windowStart, promisedWh, deliveredWh, paid } = row;
  const from = seller === undefined || row.side === 'sold' ? undefined : seller.wallet;
  return (
    <tr data-window={windowStart}>
      <td>
        {windowLabel(windowStart, book.terms.windowSeconds)}
        <span className="sub block">
          {bus.name} {from !== undefined && <AddressLabel address={from} />}
        </span>
        <Outcome row={row} />
      </td>
      <td className="end">
        <Energy wh={promisedWh} />
      </td>
      <td className="end">{deliveredWh === undefined ? '–' : <Energy wh={deliveredWh} />}</td>
      <td className="end wide-only">
        <Tokens units={paid} bus={bus} />
      </td>
    </tr>
  );
}

/** Where a window stands, and what becomes of its money. */
function Outcome({ row }: { readonly row: DeliveryRow }) {
  const { stage, side, bus, back, earned, held, isSettled } = row;
  const tokens = (units: bigint) => <Tokens units={units} bus={bus} />;
  if (stage === 'final') {
    if (row.promisedWh === 0n) return <span className="hint">{t.delivery.nothingWasSold}</span>;
    if (side === 'sold') return isSettled ? t.delivery.earned(tokens(earned)) : t.delivery.toWithdraw(tokens(earned));
    if (back === 0n) return <span>{t.delivery.allDelivered}</span>;
    return isSettled ? t.delivery.refunded(tokens(back)) : t.delivery.toRefund(tokens(back));
  }
  return (
    <span>
      {t.delivery.held(tokens(held))}
      <span className="sub block">
        {stage === 'waiting'
          ? t.delivery.waitsForReading(timeLabel(row.finalAt))
          : stage === 'read'
            ? t.delivery.canBeCorrected(timeLabel(row.finalAt))
            : stage === 'auction'
              ? t.delivery.waitsForAuction
              : stage === 'running'
                ? t.delivery.isRunning
                : t.delivery.isAhead}
      </span>
    </span>
  );
}
