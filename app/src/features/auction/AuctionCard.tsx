/** The auction of a window: its book before the gate, its price afterwards, and the proof that anybody can check. */

import { useEffect, useMemo, useRef, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { timeLabel } from '../../amount/time';
import { tokensLabel } from '../../amount/token';
import { capacityAddress } from '../../chain/address';
import { sentence } from '../../errors/explain';
import {
  bookOf,
  clear,
  closingFrom,
  ordersOf,
  proofUntil,
  rationedOf,
  outcomeOf,
  type AuctionPhase,
  type Outcome,
  type WindowOrders,
} from '../../market/auction';
import type { Bus, Capacity } from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { Select } from '../../ui/fields';
import { CheckIcon } from '../../ui/icons';
import { Card, Facts } from '../../ui/parts';
import { Countdown, useNow } from '../../ui/time';
import { t } from '../../words';
import { auctionSettle, countOf, settleable, windowPhase, type AuctionWindow } from './auction';
import { AuctionChart } from './AuctionChart';
import { checkAccounts, checkAuction, type Checked } from './check';
import { auctionClear, clearingClose, isBookKnown, readClearing, transactionsFor } from './clearing';

/** The card; `windows` are those to choose from. */
export function AuctionCard({
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
  const now = useNow();
  const phase = windowPhase(window, now);
  return (
    <Card
      title={t.auction.auction}
      aside={<span className={`badge ${BADGES[phase]}`}>{t.auction.phases[phase]}</span>}
      className="auction-card"
    >
      <div className="stack">
        <Select
          label={t.auction.window}
          value={String(window.start)}
          options={windows.map((one) => [
            String(one.start),
            `${deliveryTime(bus, one.start)}, ${t.auction.phases[windowPhase(one, now)]}`,
          ])}
          onChange={(start) => onChoose(Number(start))}
        />
        <PhaseLine window={window} phase={phase} />
        {window.capacity === undefined ? (
          <p className="hint">{t.auction.nobodyBidsOrOffers}</p>
        ) : (
          <Opened key={window.capacity.address} bus={bus} capacity={window.capacity} phase={phase} />
        )}
      </div>
    </Card>
  );
}

/** How a phase looks. */
const BADGES: Readonly<Record<AuctionPhase, string>> = {
  off: 'muted',
  trading: 'good',
  closing: 'warning',
  fixed: 'warning',
  cleared: 'good',
  over: 'muted',
};

/** What the phase means, and when it ends. */
function PhaseLine({ window, phase }: { readonly window: AuctionWindow; readonly phase: AuctionPhase }) {
  const { gateClosesAt: gate, capacity } = window;
  switch (phase) {
    case 'trading':
      return (
        <p>
          {t.auction.decidedIn(timeLabel(gate), <Countdown until={gate} />)}{' '}
          {t.auction.untilThen(timeLabel(closingFrom(gate)))}
        </p>
      );
    case 'closing':
      return (
        <p className="status noted">
          <span>
            {t.auction.decidedIn(timeLabel(gate), <Countdown until={gate} />)} {t.auction.lastMinutes}
          </span>
        </p>
      );
    case 'fixed':
      return <p>{t.auction.isFixed(timeLabel(proofUntil(gate)))}</p>;
    case 'over':
      return (
        <p>
          {capacity?.openOffers === 0
            ? t.auction.nobodyOffered
            : capacity === undefined || capacity.openBids === 0
              ? t.auction.nobodyBid
              : t.auction.nobodyProved}
        </p>
      );
    case 'cleared':
    case 'off':
      return null;
  }
}

/** Bids and offers of a window, kept current. */
export function useOrders(capacity: Pick<Capacity, 'address'> | undefined): WindowOrders {
  const { bids, offers } = useMarket();
  const address = capacity?.address;
  return useMemo(
    () => (address === undefined ? { bids: [], offers: [] } : ordersOf({ bids, offers }, address)),
    [bids, offers, address],
  );
}

function Opened({
  bus,
  capacity,
  phase,
}: {
  readonly bus: Bus;
  readonly capacity: Capacity;
  readonly phase: AuctionPhase;
}) {
  const orders = useOrders(capacity);
  const book = useMemo(() => bookOf(orders), [orders]);
  const fee = capacity.terms.gridFeePerKwh;
  const preview = useMemo(() => clear(book), [book]);
  // Not of the button, because that is gone once the price is proven.
  const proving = useAction();
  const isAhead = phase === 'trading' || phase === 'closing' || phase === 'fixed';
  // Orders close once they are settled: the curves are shown as long as they are those of the price.
  const isWhole = isAhead || (phase === 'cleared' && checkAccounts(capacity, orders) !== undefined);
  const sum = (of: readonly { readonly energyWh: bigint }[]) => of.reduce((total, one) => total + one.energyWh, 0n);
  return (
    <>
      {isAhead && (
        <p className="hint">
          {t.auction.orders(
            book.bids.length,
            formatEnergy(sum(book.bids)),
            book.asks.length,
            formatEnergy(sum(book.asks)),
          )}
        </p>
      )}
      {phase === 'cleared' && <Result bus={bus} capacity={capacity} outcome={outcomeOf(capacity)} />}
      {isWhole && <AuctionChart book={book} gridFeePerKwh={fee} bus={bus} />}
      {isAhead && (
        <p data-auction="preview">
          {preview.volumeWh === 0n
            ? phase === 'fixed'
              ? t.auction.comesToNothing
              : t.auction.nothingWouldBeSold
            : (phase === 'fixed' ? t.auction.comesTo : t.auction.ifItEndedNow)(
                <Tokens units={preview.pricePerKwh + fee} bus={bus} />,
                <Energy wh={preview.volumeWh} />,
              )}
        </p>
      )}
      {phase === 'fixed' && <ClearButton capacity={capacity} action={proving} />}
      <ActionStatus action={proving} />
      {(phase === 'cleared' || phase === 'over') && (
        <>
          <LeftOver capacity={capacity} />
          <SettleButton bus={bus} capacity={capacity} />
        </>
      )}
      {phase === 'cleared' && <Check capacity={capacity} bus={bus} windowStart={capacity.windowStart} />}
    </>
  );
}

/** Price, volume, and who gets only a part. */
function Result({
  bus,
  capacity,
  outcome,
}: {
  readonly bus: Bus;
  readonly capacity: Capacity;
  readonly outcome: Outcome;
}) {
  const { volumeWh, pricePerKwh } = outcome;
  const fee = capacity.terms.gridFeePerKwh;
  if (volumeWh === 0n) return <p>{t.auction.nothingWasSold}</p>;
  const isOnDelivery = capacity.terms.isOnDelivery;
  return (
    <Facts
      facts={[
        [t.auction.price, <Tokens key="p" units={pricePerKwh + fee} bus={bus} />],
        ...(fee === 0n ? [] : [[t.offerDialog.ofItGridFee, <Tokens key="g" units={fee} bus={bus} />] as const]),
        [t.auction.volume, <Energy key="v" wh={volumeWh} />],
        [t.auction.rationing, rationingOf(outcome)],
        ...(isOnDelivery
          ? [
              [
                t.auction.read,
                capacity.poolCompleteAt === 0
                  ? t.auction.readOf(formatEnergy(capacity.reportedWh), formatEnergy(volumeWh))
                  : t.auction.deliveredOf(formatEnergy(capacity.deliveredWh), formatEnergy(volumeWh)),
              ] as const,
            ]
          : []),
      ]}
    />
  );
}

/** Who at the price gets only a part, in words. */
export function rationingOf(outcome: Outcome): string {
  const side = rationedOf(outcome);
  if (side === undefined) return t.auction.allInFull;
  const { filledWh, atPriceWh } = side === 'bid' ? outcome.bids : outcome.asks;
  return (side === 'bid' ? t.auction.bidsGetAPart : t.auction.asksGetAPart)(
    formatEnergy(filledWh),
    formatEnergy(atPriceWh),
  );
}

/** Proves the price, in as many transactions as the orders take, and goes on where somebody stopped. */
function ClearButton({ capacity, action }: { readonly capacity: Capacity; readonly action: Action }) {
  const { live, signer } = useSession();
  const state = useMarket();
  const [counted, setCounted] = useState(0);
  const isKnown = isBookKnown(state, capacity);
  const orders = capacity.openBids + capacity.openOffers;
  const transactions = transactionsFor(orders);
  const run = () => {
    if (signer === undefined) return;
    setCounted(0);
    void action.run(async (onStage) => {
      const by = await auctionClear(live, signer, capacity, onStage, setCounted);
      return { message: by === 'own' ? t.auction.priceIsProven : t.auction.somebodyElseProved };
    });
  };
  return (
    <div className="stack tight">
      <p className="hint">
        {t.auction.whatProvingIs}{' '}
        {transactions === 1 ? t.auction.costsAFee : t.auction.takesTransactions(orders, transactions)}
      </p>
      {!isKnown && <p className="hint">{t.auction.theBookIsNotKnown}</p>}
      <WalletButton onClick={run} busy={action.isRunning} disabled={!isKnown}>
        {t.auction.proveThePrice}
      </WalletButton>
      {counted > 0 && counted < orders && (
        <p className="hint" role="status">
          {t.auction.ordersCounted(counted, orders)}
        </p>
      )}
    </div>
  );
}

/** The wallet's own count of a window that needs no count any more: its rent is fetched. */
function LeftOver({ capacity }: { readonly capacity: Capacity }) {
  const { live, signer, wallet } = useSession();
  const action = useAction();
  const own = useAnswer(live, wallet === undefined ? undefined : `${capacity.address}:${wallet}`, () =>
    wallet === undefined ? Promise.resolve(undefined) : readClearing(live, capacity.address, wallet),
  );
  const isDone = action.state.kind === 'done';
  if (own.kind !== 'answered' || own.value === undefined) return null;
  const close = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await clearingClose(live, signer, capacity.address, onStage);
      return { message: t.auction.countIsClosed };
    });
  };
  return (
    <div className="stack tight">
      {!isDone && (
        <>
          <p className="hint">{t.auction.countIsLeftOver}</p>
          <WalletButton tone="quiet" onClick={close} busy={action.isRunning}>
            {t.auction.closeTheCount}
          </WalletButton>
        </>
      )}
      <ActionStatus action={action} />
    </div>
  );
}

/** Settles what can be settled of a window, for whoever it is. */
function SettleButton({ bus, capacity }: { readonly bus: Bus; readonly capacity: Capacity }) {
  const { live, signer } = useSession();
  const state = useMarket();
  const now = useNow();
  const action = useAction();
  const count = countOf(settleable(state, capacity, bus, now));
  const run = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await auctionSettle(live, signer, capacity, bus, onStage);
      return { message: t.auction.aPartIsSettled };
    });
  };
  if (count === 0 && action.state.kind === 'idle') return null;
  return (
    <div className="stack tight">
      {count > 0 && (
        <>
          <p className="hint">{t.auction.toSettle(count)}</p>
          <WalletButton tone="quiet" onClick={run} busy={action.isRunning}>
            {t.auction.settle}
          </WalletButton>
        </>
      )}
      <ActionStatus action={action} />
    </div>
  );
}

/** Computes the price anew in the browser, and says whether the chain has the same. */
export function Check({
  bus,
  capacity,
  windowStart,
}: {
  readonly bus: Bus;
  /** The window, where it is still open. */
  readonly capacity: Capacity | undefined;
  readonly windowStart: number;
}) {
  const { live } = useSession();
  const state = useMarket();
  const [progress, setProgress] = useState<number>();
  const [checked, setChecked] = useState<Checked>();
  const [failure, setFailure] = useState<string>();
  const over = useRef<AbortController>(undefined);
  useEffect(() => () => over.current?.abort(), []);
  const run = () => {
    const running = new AbortController();
    over.current = running;
    setFailure(undefined);
    setChecked(undefined);
    setProgress(0);
    const known = capacity === undefined ? undefined : { capacity, orders: ordersOf(state, capacity.address) };
    const check = async () => {
      const address = await capacityAddress(bus.address, windowStart);
      return checkAuction(live.connection, address, known, running.signal, setProgress);
    };
    check()
      .then(
        (result) => {
          if (!running.signal.aborted) setChecked(result);
        },
        (error: unknown) => setFailure(sentence(error)),
      )
      .finally(() => setProgress(undefined));
  };
  return (
    <div className="stack tight" data-auction="check">
      <p className="hint">{t.auction.whatCheckingIs}</p>
      <div className="row wrap">
        <button type="button" className="button small quiet" onClick={run} disabled={progress !== undefined}>
          {t.auction.checkItYourself}
        </button>
        {progress !== undefined && (
          <span role="status">
            <span className="spinner" aria-hidden="true" /> {t.verifyScreen.lookedAt(progress)}
          </span>
        )}
      </div>
      <div role="status" aria-live="polite">
        {checked !== undefined && (
          <CheckedText of={checked} bus={bus} gridFeePerKwh={capacity?.terms.gridFeePerKwh ?? 0n} />
        )}
        {failure !== undefined && <p className="error-text">{failure}</p>}
      </div>
    </div>
  );
}

function CheckedText({
  of: checked,
  bus,
  gridFeePerKwh,
}: {
  readonly of: Checked;
  readonly bus: Bus;
  readonly gridFeePerKwh: bigint;
}) {
  if (checked.kind === 'untold') return <p className="status noted">{t.auction.historyIsUntold}</p>;
  const { computed, told, bids, asks, from } = checked;
  const said = ({ pricePerKwh, volumeWh }: Outcome) =>
    volumeWh === 0n
      ? t.auction.nothingSold
      : t.auction.atThePrice(formatEnergy(volumeWh), tokensLabel(pricePerKwh + gridFeePerKwh, bus));
  const source = from === 'accounts' ? t.auction.fromAccounts(bids, asks) : t.auction.fromHistory(bids, asks);
  if (checked.kind === 'equal') {
    return (
      <div className="status done">
        <CheckIcon />
        <div>
          {t.auction.isEqual(said(computed))} <span className="sub block">{source}</span>
        </div>
      </div>
    );
  }
  return (
    <div className="status failed">
      <div>
        {t.auction.isDifferent(said(computed), said(told))} <span className="sub block">{source}</span>
      </div>
    </div>
  );
}
