/** The wallet's bids: open, decided, waiting for the meters, refunded; each with what can be done. */

import { formatEnergy } from '../../amount/energy';
import { timeLabel } from '../../amount/time';
import { closingFrom, phaseOf, proofUntil } from '../../market/auction';
import type { Bid, Bus, Capacity } from '../../market/model';
import { deliveryTime, settledBy } from '../../market/terms';
import { compare } from '../../order';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { Card } from '../../ui/parts';
import { ReceiptLink } from '../../ui/ReceiptLink';
import { Countdown, useNow } from '../../ui/time';
import { t } from '../../words';
import { Elsewhere, UsualNote, useNamed } from '../payee/Elsewhere';
import { bidCancel, bidClose, bidsSettle, completesPool, ownSettleable, settlementOf, type BidEnd } from './auction';
import { refundsOf } from './refund';

/** The card; nothing for a wallet without bids. */
export function MyBids() {
  const { wallet } = useSession();
  const { bids, bidTales } = useMarket();
  // Of the card, because a bid that was withdrawn or settled is gone.
  const action = useAction();
  const own = [...bids.values()]
    .filter(({ buyer }) => buyer === wallet)
    .map((bid) => ({ bid, lane: bidTales.get(bid.address)?.lane ?? 0, nonce: bidTales.get(bid.address)?.nonce ?? 0n }))
    .sort(
      (a, b) =>
        a.bid.windowStart - b.bid.windowStart ||
        a.bid.createdAt - b.bid.createdAt ||
        a.lane - b.lane ||
        compare(a.nonce, b.nonce) ||
        compare(a.bid.address, b.bid.address),
    )
    .map(({ bid }) => bid);
  if (own.length === 0 && action.state.kind === 'idle') return null;
  return (
    <Card title={t.auction.yourBids}>
      <ul className="tiles" aria-label={t.auction.yourBids}>
        {own.map((bid) => (
          <BidTile key={bid.address} bid={bid} action={action} />
        ))}
      </ul>
      <ActionStatus action={action} />
    </Card>
  );
}

function BidTile({ bid, action }: { readonly bid: Bid; readonly action: Action }) {
  const { live, signer } = useSession();
  const { buses, capacities, books } = useMarket();
  const now = useNow();
  const named = useNamed();
  const [bus, capacity] = [buses.get(bid.bus), capacities.get(bid.capacity)];
  if (bus === undefined || capacity === undefined) return null;
  const phase = phaseOf(capacity, now);
  const end = settlementOf(bid, capacity, bus, now);
  const isReady = end !== undefined || (bid.state === 'filled' && completesPool(books.values(), capacity, now));
  const isLeft = bid.state === 'refunded' && bid.certifiedWh < bid.deliveredWh;
  const isWithdrawable = bid.state === 'open' && phase === 'trading';
  const { to, isUnreadable } = named;
  const settle = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await bidsSettle(live, signer, new Set([bid.address]), to, onStage);
      return { message: to === undefined ? endOf(end, bus) : t.payee.isPaidThere, hashes: [bid.hash] };
    });
  };
  const withdraw = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await bidCancel(live, signer, bid, bus, to, onStage);
      const deposit = <Tokens units={bid.deposit} bus={bus} />;
      return { message: to === undefined ? t.auction.bidIsWithdrawn(deposit) : t.payee.isPaidThere };
    });
  };
  const close = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await bidClose(live, signer, bid, bus, onStage);
      return { message: t.auction.bidIsClosed };
    });
  };
  return (
    <li className="tile" data-bid={bid.address}>
      <div className="row spread">
        <strong>{bus.name}</strong>
        <ReceiptLink hash={bid.hash} />
      </div>
      <p className="big">
        <Energy wh={bid.energyWh} />
      </p>
      <p className="sub">{deliveryTime(bus, bid.windowStart)}</p>
      <p className="sub">
        {t.auction.upTo(<Tokens units={bid.maxPricePerKwh} bus={bus} />, <Tokens units={bid.deposit} bus={bus} />)}
      </p>
      <State bid={bid} bus={bus} capacity={capacity} end={end} now={now} />
      {isReady && <RefundNote bid={bid} bus={bus} />}
      {isWithdrawable && <UsualNote payer={bus} due={bid.deposit} />}
      {(isReady || isWithdrawable) && <Elsewhere of={named} />}
      <div className="row wrap">
        {isReady && (
          <WalletButton onClick={settle} busy={action.isRunning} disabled={isUnreadable}>
            {end === undefined || end.back > 0n ? t.auction.getIt : t.auction.settle}
          </WalletButton>
        )}
        {isWithdrawable && (
          <WalletButton onClick={withdraw} busy={action.isRunning} tone="quiet" disabled={isUnreadable}>
            {t.auction.withdraw}
          </WalletButton>
        )}
        {isLeft && (
          <WalletButton onClick={close} busy={action.isRunning} tone="danger">
            {t.auction.closeWithoutCertificate}
          </WalletButton>
        )}
        <a className="button small quiet" href={`#/market/${bus.address}`}>
          {t.auction.toTheAuction}
        </a>
      </div>
    </li>
  );
}

/** Says where what comes back goes, where the account that the bid names cannot be paid. */
function RefundNote({ bid, bus }: { readonly bid: Bid; readonly bus: Bus }) {
  const { live } = useSession();
  const place = useAnswer(live, `${bid.address}:${bid.state}`, async () =>
    (await refundsOf(live.connection, bid.buyer, [bid], bus)).of(bid),
  );
  if (place.kind !== 'answered' || place.value.kind === 'named') return null;
  return (
    <p className="status noted">
      <span>{place.value.kind === 'usual' ? t.auction.paysToTheUsual : t.auction.paysNowhere}</span>
    </p>
  );
}

/** What a settlement made of a bid, in a sentence. */
function endOf(end: BidEnd | undefined, bus: Bus) {
  if (end === undefined) return t.auction.isRefunded;
  const back = <Tokens units={end.back} bus={bus} />;
  return end.allottedWh === 0n
    ? t.auction.gotNothing(back)
    : t.auction.got(<Energy wh={end.allottedWh} />, <Tokens units={end.paid} bus={bus} />, back);
}

/** Where a bid stands. */
function State({
  bid,
  bus,
  capacity,
  end,
  now,
}: {
  readonly bid: Bid;
  readonly bus: Bus;
  readonly capacity: Capacity;
  readonly end: BidEnd | undefined;
  readonly now: number;
}) {
  const { gateClosesAt: gate, terms } = capacity;
  if (bid.state === 'filled') {
    return (
      <p>
        {t.auction.filled(<Energy wh={bid.allottedWh} />, <Tokens units={bid.paid} bus={bus} />)}{' '}
        <span className="sub block">
          {end === undefined
            ? t.auction.waitsForTheMeters(timeLabel(settledBy(terms, bid.windowStart)))
            : t.auction.comesBack(<Tokens units={end.back} bus={bus} />)}
        </span>
      </p>
    );
  }
  if (bid.state === 'refunded') {
    return (
      <p>
        {t.auction.refunded(
          formatEnergy(bid.deliveredWh),
          formatEnergy(bid.allottedWh),
          <Tokens units={bid.paid} bus={bus} />,
        )}{' '}
        {bid.certifiedWh < bid.deliveredWh && <span className="sub block">{t.auction.certificateWaits}</span>}
      </p>
    );
  }
  switch (phaseOf(capacity, now)) {
    case 'trading':
      return (
        <p>
          {t.auction.decidedIn(timeLabel(gate), <Countdown until={gate} />)}{' '}
          <span className="sub block">{t.auction.withdrawUntil(timeLabel(closingFrom(gate)))}</span>
        </p>
      );
    case 'closing':
      return (
        <p>
          {t.auction.decidedIn(timeLabel(gate), <Countdown until={gate} />)}{' '}
          <span className="sub block">{t.auction.lastMinutesOfBid}</span>
        </p>
      );
    case 'fixed':
      return <p>{t.auction.isFixed(timeLabel(proofUntil(gate)))}</p>;
    default:
      return end === undefined ? null : <p>{endOf(end, bus)}</p>;
  }
}

/** Settles all of the wallet's bids that are decided; nothing where none are. */
export function BidsButton({ action }: { readonly action: Action }) {
  const { live, signer, wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const due = ownSettleable(state, wallet, now);
  const run = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await bidsSettle(live, signer, undefined, undefined, onStage);
      return { message: t.auction.aPartIsSettled };
    });
  };
  if (due.length === 0 && action.state.kind === 'idle') return null;
  return (
    <div className="stack tight">
      {due.length > 0 && (
        <WalletButton onClick={run} busy={action.isRunning}>
          {t.auction.getIt}
        </WalletButton>
      )}
      <ActionStatus action={action} />
    </div>
  );
}
