/** What waits for the wallet: decisions, money, locks, offers that ended, readings; each with what can be done. */

import { useRef, useState } from 'react';

import { send } from '../../chain/send';
import { useMarket, useSession } from '../../session';
import { notices } from '../../state/notices';
import { useStore } from '../../state/store';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Card, Empty, Reading } from '../../ui/parts';
import { Countdown } from '../../ui/time';
import { t } from '../../words';
import { BidsButton } from '../auction/MyBids';
import { CERTIFICATES_CARD } from '../certificate/Certificates';
import { ClaimList } from '../claim/Claims';
import { RefundButton } from '../delivery/Deliveries';
import { closingInstructions } from '../offer/offer';
import { Elsewhere, UsualNote, useNamed } from '../payee/Elsewhere';
import { WithdrawAll } from '../seller/WithdrawAll';
import { treasuryClaim } from '../treasury/treasuryClaim';
import { allowNotices, canNotify, isRefused, stopNotices } from './notify';
import { useWaiting } from './useWaiting';
import { sayWaiting, type Waiting, type WaitingOf } from './waiting';

/** The card. */
export function WaitingForYou() {
  const state = useMarket();
  const waiting = useWaiting();
  const refund = useAction();
  const withdraw = useAction();
  const bidding = useAction();
  // Of the card as well: what is claimed or closed waits no more, and what became of it must be read.
  const [sharing, closing, claiming] = [useAction(), useAction(), useAction()];
  const of = <K extends Waiting['kind']>(...kinds: readonly K[]) =>
    waiting.filter((one): one is WaitingOf<K> => (kinds as readonly string[]).includes(one.kind));
  const say = (one: Waiting) => sayWaiting(one, state);
  const [refunds, withdrawals] = [of('refund'), of('withdraw')];
  const [claims, bids] = [of('claim'), of('bids')];
  const isOpen = (action: typeof refund) => action.state.kind !== 'idle';
  return (
    <Card title={t.claim.waitingForYou} className="waiting">
      <div className="stack">
        {state.readAt === undefined ? (
          <Reading what={t.waiting.whatWaits} />
        ) : (
          waiting.length === 0 && <Empty>{t.waiting.nothing}</Empty>
        )}
        {of('approve', 'carryOut').map((one) => (
          <p key={one.key} className="status noted" data-waiting={one.kind}>
            <span>
              {say(one)} <a href={`#/bus/${one.bus.address}`}>{t.waiting.lookAndDecide}</a>
            </span>
          </p>
        ))}
        {of('readings').map((one) => (
          <p key={one.key} className="status noted">
            <span>
              {say(one)} <a href={`#/bus/${one.bus.address}`}>{t.waiting.readThem}</a>
            </span>
          </p>
        ))}
        {of('lock').map((one) => (
          <p key={one.key} className="status noted" data-waiting="lock">
            <span>
              {say(one)} {!one.isOver && <Countdown until={one.lock.expiresAt} />}
            </span>
          </p>
        ))}
        {(refunds.length > 0 || isOpen(refund)) && (
          <div className="stack tight" data-waiting="refund">
            {refunds.map((one) => (
              <p key={one.key}>{say(one)}</p>
            ))}
            <RefundButton action={refund} />
          </div>
        )}
        {(withdrawals.length > 0 || isOpen(withdraw)) && (
          <div className="stack tight" data-waiting="withdraw">
            {withdrawals.map((one) => (
              <p key={one.key}>{say(one)}</p>
            ))}
            <WithdrawAll action={withdraw} />
          </div>
        )}
        {(bids.length > 0 || isOpen(bidding)) && (
          <div className="stack tight" data-waiting="bids">
            {bids.map((one) => (
              <p key={one.key}>{say(one)}</p>
            ))}
            <BidsButton action={bidding} />
          </div>
        )}
        {of('share').map((one) => (
          <Share key={one.key} of={one} text={say(one)} action={sharing} />
        ))}
        <ActionStatus action={sharing} />
        {of('ended').map((one) => (
          <Ended key={one.bus.address} of={one} text={say(one)} action={closing} />
        ))}
        <ActionStatus action={closing} />
        {of('certificates').map((one) => (
          <p key={one.key} className="status noted" data-waiting={one.kind}>
            <span>
              {say(one)} <ToCertificates />
            </span>
          </p>
        ))}
        {(claims.length > 0 || isOpen(claiming)) && (
          <>
            <p className="hint">{t.claim.whatItIs}</p>
            <ClaimList claims={claims.map(({ claim }) => claim)} action={claiming} />
          </>
        )}
        <NoticeChoice />
      </div>
    </Card>
  );
}

/** The way to the card of certificates, which is further down on this screen. */
function ToCertificates() {
  return (
    <a
      href={`#${CERTIFICATES_CARD}`}
      onClick={(event) => {
        // The page's address names the screen, so it has no place within it.
        event.preventDefault();
        document.getElementById(CERTIFICATES_CARD)?.focus();
      }}
    >
      {t.waiting.takeThem}
    </a>
  );
}

/** The wallet's share of a treasury, with a button that claims it. */
function Share({
  of: { bus, amount },
  text,
  action,
}: {
  readonly of: WaitingOf<'share'>;
  readonly text: string;
  readonly action: Action;
}) {
  const { live, signer, wallet } = useSession();
  const named = useNamed();
  const { to } = named;
  const claim = () => {
    if (signer === undefined || wallet === undefined) return;
    void action.run(async (onStage) => {
      await treasuryClaim(live, signer, bus, wallet, to, onStage);
      await live.refreshBalances();
      return { message: to === undefined ? t.waiting.isClaimed : t.payee.isPaidThere };
    });
  };
  return (
    <div className="stack tight" data-waiting="share">
      <p>{text}</p>
      <UsualNote payer={bus} due={amount} />
      <Elsewhere of={named} />
      <WalletButton onClick={claim} busy={action.isRunning} disabled={named.isUnreadable}>
        {t.treasury.claim}
      </WalletButton>
    </div>
  );
}

/** Offers that ended, with a button that closes as many as one transaction holds. */
function Ended({
  of: { offers, bus },
  text,
  action,
}: {
  readonly of: WaitingOf<'ended'>;
  readonly text: string;
  readonly action: Action;
}) {
  const { live, signer } = useSession();
  const close = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const build = async () => closingInstructions(signer.address, offers, bus, live.state.get().capacities);
      await send(live.connection, signer, build, onStage);
      return { message: t.waiting.isClosed };
    });
  };
  return (
    <div className="stack tight" data-waiting="ended">
      <p>{text}</p>
      <WalletButton onClick={close} busy={action.isRunning} tone="quiet">
        {t.waiting.closeThem(offers.length)}
      </WalletButton>
    </div>
  );
}

/** Whether the browser tells of what waits. */
function NoticeChoice() {
  const { isOn } = useStore(notices);
  const [isDenied, setIsDenied] = useState(isRefused);
  const hint = useRef<HTMLSpanElement>(null);
  if (!canNotify()) return null;
  const ask = () => {
    void allowNotices().then((isAllowed) => {
      setIsDenied(!isAllowed);
      // The button is about to go, and the keyboard would lose its place with it.
      if (isRefused()) hint.current?.focus();
    });
  };
  return (
    <div className="row wrap">
      {/* Where the browser refuses for good, it does not even ask. */}
      {(isOn || !isRefused()) && (
        <button
          type="button"
          className="button small quiet"
          aria-pressed={isOn}
          onClick={() => {
            if (isOn) stopNotices();
            else ask();
          }}
        >
          {isOn ? t.waiting.tellNoMore : t.waiting.tellMe}
        </button>
      )}
      <span ref={hint} className="hint" role="status" tabIndex={-1}>
        {isDenied && !isOn && t.waiting.theBrowserRefuses}
      </span>
    </div>
  );
}
