/** Bidding: energy of a window, the most that it may cost, what is deposited, what comes back, and when it is decided. */

import { useMemo, useState } from 'react';

import { cost } from '../../amount/cost';
import { formatEnergy, plainEnergy } from '../../amount/energy';
import { timeLabel } from '../../amount/time';
import { parsePrice, tokensLabel } from '../../amount/token';
import { WH_PER_KWH } from '../../generated';
import { bidFill, bookOf, clear, closingFrom, paidFor } from '../../market/auction';
import type { Bus } from '../../market/model';
import { deliveryTime, settledBy } from '../../market/terms';
import { useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { EnergyField, readEnergy, Select, TextField, type EnergyInputValue } from '../../ui/fields';
import { Empty } from '../../ui/parts';
import { Countdown, useNow } from '../../ui/time';
import { Worth } from '../../ui/Worth';
import { t } from '../../words';
import { Exactly, FeeLines, Shortage } from '../purchase/Totals';
import { useBalance, useBuy } from '../purchase/useBuyer';
import { usePurchasePreview } from '../purchase/usePreview';
import { bidRefusal, freshBid, mostWh, planBid, windowPhase, type AuctionWindow, type BidOrder } from './auction';
import { useOrders } from './AuctionCard';

/** The form; `windows` are those to choose from, `window` the one that is meant. */
export function BidForm({
  bus,
  windows,
  window,
  onChoose,
}: {
  readonly bus: Bus;
  readonly windows: readonly AuctionWindow[];
  readonly window: AuctionWindow;
  readonly onChoose: (start: number) => void;
}) {
  const { live, wallet } = useSession();
  const now = useNow();
  const [amount, setAmount] = useState<EnergyInputValue>({ text: '', unit: 'kWh' });
  const [limitText, setLimitText] = useState('');
  const action = useAction();
  const buy = useBuy();
  const balance = useBalance(bus);
  const open = windows.filter(({ gateClosesAt }) => now < gateClosesAt);
  const current = open.find(({ start }) => start === window.start) ?? open[0];
  const orders = useOrders(current?.capacity);
  const energy = readEnergy(amount);
  const limit = parsePrice(limitText, bus.decimals);
  const order: BidOrder | undefined =
    energy.ok && limit.ok ? { energyWh: energy.value, maxPricePerKwh: limit.value } : undefined;
  const why = order === undefined || current === undefined ? undefined : bidRefusal(bus, current, order, now);
  const deposit = order === undefined ? undefined : cost(order.energyWh, order.maxPricePerKwh);
  const isReady = order !== undefined && current !== undefined && why === undefined && deposit !== undefined;
  const isShort = isReady && wallet !== undefined && balance !== undefined && balance < deposit;
  const preview = usePurchasePreview(
    `bid:${current?.start}:${order?.energyWh}:${order?.maxPricePerKwh}:${current?.capacity === undefined}:${isShort}`,
    isReady && wallet !== undefined
      ? async () => ({ plans: [await planBid(wallet, bus, current, order)], payment: { bus, total: deposit } })
      : undefined,
  );
  if (current === undefined) return <Empty>{t.auction.noWindowToBidFor}</Empty>;
  const fee = current.terms.gridFeePerKwh;
  const most = mostWh(bus, current);
  const affordable =
    wallet === undefined || balance === undefined || !limit.ok ? most : (balance * WH_PER_KWH) / limit.value;
  const max = affordable < most ? affordable : most;
  const onBid = () => {
    if (!isReady || wallet === undefined) return;
    void action.run(async (onStage) => {
      const made = await buy(
        async () => planBid(wallet, bus, await freshBid(live, bus, current, order), order),
        onStage,
      );
      setAmount((before) => ({ ...before, text: '' }));
      return {
        message: t.auction.bidIsMade(
          <Energy wh={order.energyWh} />,
          <Tokens units={order.maxPricePerKwh} bus={bus} />,
          timeLabel(current.gateClosesAt),
          <a href="#/mine">{t.offerDialog.myEnergy}</a>,
        ),
        hashes: [made.hash],
      };
    });
  };
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        onBid();
      }}
    >
      <p className="hint">{t.auction.whatABidIs}</p>
      <Select
        label={t.auction.forWhichWindow}
        value={String(current.start)}
        options={open.map(({ start }) => [String(start), deliveryTime(bus, start)])}
        onChange={(start) => onChoose(Number(start))}
      />
      <p>
        {t.auction.decidedIn(timeLabel(current.gateClosesAt), <Countdown until={current.gateClosesAt} />)}{' '}
        {windowPhase(current, now) === 'trading' &&
          t.auction.withdrawUntil(timeLabel(closingFrom(current.gateClosesAt)))}
      </p>
      {windowPhase(current, now) === 'closing' && <p className="status noted">{t.auction.noWithdrawalNow}</p>}
      <EnergyField
        label={t.auction.howMuch}
        value={amount}
        onChange={setAmount}
        aside={
          <button
            type="button"
            className="button small quiet"
            disabled={max === 0n}
            onClick={() => setAmount(({ unit }) => ({ unit, text: plainEnergy(max, unit) }))}
          >
            {t.bestPrice.max}
          </button>
        }
        hint={
          balance === undefined || wallet === undefined
            ? t.auction.atMost(formatEnergy(most))
            : t.bestPrice.youHave(tokensLabel(balance, bus))
        }
      />
      <TextField
        label={t.auction.theMostPerKwh}
        value={limitText}
        onChange={setLimitText}
        suffix={bus.token}
        parsed={limit}
        readAs={(units) => tokensLabel(units, bus)}
        hint={fee === 0n ? t.auction.allIncluded : t.auction.feeIncluded(tokensLabel(fee, bus))}
      />
      {why !== undefined && (
        <p className="error-text" role="alert">
          {why}
        </p>
      )}
      {isReady && (
        <>
          <div className="total">
            <div className="row spread wrap grand">
              <span>{t.auction.deposit}</span>
              <span>
                <Tokens units={deposit} bus={bus} /> <Worth units={deposit} bus={bus} />
              </span>
            </div>
            <p className="hint terms">
              {t.auction.whatComesBack}{' '}
              {current.terms.isOnDelivery &&
                t.auction.whatOnDeliveryMeans(timeLabel(settledBy(current.terms, current.start)))}
            </p>
            <NowLine bus={bus} orders={orders} order={order} gridFeePerKwh={fee} />
            <dl className="lines">
              <div>
                <dt>{t.totals.delivered}</dt>
                <dd>{deliveryTime(bus, current.start)}</dd>
              </div>
              <FeeLines preview={preview} account={t.auction.bidAndLane} isLackSaid />
            </dl>
            <Exactly total={deposit} preview={preview} />
          </div>
          <Shortage balance={wallet === undefined ? undefined : balance} total={deposit} bus={bus} preview={preview} />
        </>
      )}
      <div className="buy-bar">
        <WalletButton busy={action.isRunning} disabled={!isReady || isShort || preview.kind === 'refused'}>
          {order === undefined ? t.auction.bid : t.auction.bidFor(formatEnergy(order.energyWh))}
        </WalletButton>
      </div>
      <ActionStatus action={action} />
    </form>
  );
}

/** What the bid would get if the auction ended now. */
function NowLine({
  bus,
  orders,
  order,
  gridFeePerKwh,
}: {
  readonly bus: Bus;
  readonly orders: ReturnType<typeof useOrders>;
  readonly order: BidOrder;
  readonly gridFeePerKwh: bigint;
}) {
  const { energyWh, maxPricePerKwh } = order;
  const now = useMemo(() => {
    const book = bookOf(orders);
    const own = { pricePerKwh: maxPricePerKwh - gridFeePerKwh, energyWh };
    const cleared = clear({ ...book, bids: [...book.bids, own] });
    const allotted = bidFill(cleared, own);
    const full = cleared.pricePerKwh + gridFeePerKwh;
    return { allotted, full, paid: paidFor(allotted, full), volumeWh: cleared.volumeWh };
  }, [orders, energyWh, maxPricePerKwh, gridFeePerKwh]);
  return (
    <p data-auction="now">
      {now.allotted === 0n
        ? now.volumeWh === 0n
          ? t.auction.nothingMeetsYou
          : t.auction.wouldGetNothing(<Tokens units={now.full} bus={bus} />)
        : t.auction.wouldGet(
            <Energy wh={now.allotted} />,
            <Tokens units={now.full} bus={bus} />,
            <Tokens units={now.paid} bus={bus} />,
          )}
    </p>
  );
}
