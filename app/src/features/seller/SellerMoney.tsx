/** What a wallet earned as a seller: what is released and held, and withdrawing it with one button. */

import { formatSol } from '../../amount/token';
import { rentOf } from '../../chain/connection';
import { TOKEN_ACCOUNT_BYTES } from '../../chain/tokenAccount';
import { isUnreachable } from '../../errors/explain';
import { getSellerSize } from '../../generated';
import { listingRefusal, type Bus, type Seller } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { AddressLabel, Card, Facts } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { Elsewhere, UsualNote, useNamed } from '../payee/Elsewhere';
import { moneyOf, sellerClose, sellersOf, sellerWithdraw, whyNotClosed } from './seller';

/** The card of all buses on which the wallet sells; nothing where it sells on none. */
export function SellerMoneyCard() {
  const { wallet } = useSession();
  const { sellers, buses } = useMarket();
  const own = sellersOf({ sellers, buses }, wallet);
  // Of the card, because a line is gone once its account is closed.
  const closing = useAction();
  if (own.length === 0 && closing.state.kind === 'idle') return null;
  return (
    <Card title={t.seller.whatYouEarned}>
      <ul className="stack">
        {own.map(({ seller, bus }) => (
          <li key={seller.address} className="stack tight" data-seller={seller.address}>
            <strong>{bus.name}</strong>
            <SellerMoney bus={bus} seller={seller} closing={closing} />
          </li>
        ))}
      </ul>
      <ActionStatus action={closing} />
    </Card>
  );
}

/** What one seller can withdraw, what is held for locks, and why it cannot list where that is so. */
export function SellerMoney({
  bus,
  seller,
  closing,
}: {
  readonly bus: Bus;
  readonly seller: Seller;
  /** Closes the account, where it is the wallet's own. */
  readonly closing?: Action;
}) {
  const { live, signer, wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const action = useAction();
  const money = moneyOf(seller, state, now);
  const due = money.released + money.proceeds + money.due;
  const isOfBus = seller.wallet === bus.address;
  const unlisted = isOfBus ? undefined : listingRefusal(bus, seller.wallet, seller);
  const whyOpen = whyNotClosed(seller, bus, state.slot);
  const rent = useSellerRent();
  const named = useNamed();
  const isOwn = seller.wallet === wallet;
  const isRentOwn = seller.rentPayer === wallet;
  const endsAdmission = seller.admitted && bus.listing === 'admitted';
  const withdraw = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      const { amount, left } = await sellerWithdraw(live, signer, bus, seller, isOwn ? named.to : undefined, onStage);
      const more = left > 0n && t.seller.moreIsLeft(<Tokens units={left} bus={bus} />);
      return {
        message: isOfBus
          ? t.seller.wentToTheTreasury(<Tokens units={amount} bus={bus} />, more)
          : isOwn && named.to !== undefined
            ? t.seller.paidElsewhere(<Tokens units={amount} bus={bus} />, <AddressLabel address={named.to} />, more)
            : t.seller.withdrew(<Tokens units={amount} bus={bus} />, more),
      };
    });
  };
  const close = () => {
    if (signer === undefined) return;
    void closing?.run(async (onStage) => {
      await sellerClose(live, signer, bus, seller, onStage);
      return {
        message: isRentOwn
          ? t.seller.theAccountIsClosedIts
          : t.seller.theAccountIsClosedAndItsRentWent(<AddressLabel address={seller.rentPayer} />),
      };
    });
  };
  return (
    <>
      {seller.suspended ? (
        <p className="status noted">{t.seller.suspended}</p>
      ) : (
        unlisted !== undefined && <p className="status noted">{unlisted}</p>
      )}
      <Facts
        facts={[
          [isOfBus ? t.seller.notInTheTreasury : t.seller.yoursToWithdraw, <Tokens key="d" units={due} bus={bus} />],
          [t.seller.heldForLocks, <Tokens key="h" units={money.deposits} bus={bus} />],
          ...(seller.openBooks === 0
            ? []
            : [[t.seller.waitsForReadings, <Tokens key="w" units={money.held} bus={bus} />] as const]),
          ...(seller.gridFeesOwed === 0n
            ? []
            : [[t.seller.ofTheGrid, <Tokens key="g" units={seller.gridFeesOwed} bus={bus} />] as const]),
        ]}
      />
      {isOwn && <UsualNote payer={bus} due={due} />}
      {isOwn && due > 0n && <Elsewhere of={named} />}
      <div className="row wrap">
        <WalletButton onClick={withdraw} busy={action.isRunning} disabled={due === 0n || (isOwn && named.isUnreadable)}>
          {isOfBus ? t.seller.moveToTheTreasury : t.seller.withdraw}
        </WalletButton>
        {isOwn && whyOpen === undefined && closing !== undefined && (
          <WalletButton tone="quiet" onClick={close} busy={closing.isRunning}>
            {rent === undefined || !isRentOwn ? t.seller.closeTheAccount : t.seller.closeForRent(formatSol(rent))}
          </WalletButton>
        )}
      </div>
      {isOwn && whyOpen === undefined && (!isRentOwn || endsAdmission) && (
        <p className="hint">
          {!isRentOwn && t.seller.itsRentGoesTo(<AddressLabel address={seller.rentPayer} />)}{' '}
          {endsAdmission && t.seller.closingEndsAdmission}
        </p>
      )}
      <ActionStatus action={action} />
    </>
  );
}

/** Rent of a seller account with its vault, in lamports, once the node has told it. */
export function useSellerRent(): bigint | undefined {
  const { live } = useSession();
  const answer = useAnswer(
    live,
    'rent',
    async () => {
      const [seller, vault] = await Promise.all([
        rentOf(live.connection, getSellerSize()),
        rentOf(live.connection, TOKEN_ACCOUNT_BYTES),
      ]);
      return seller + vault;
    },
    { isPassing: isUnreachable },
  );
  return answer.kind === 'answered' ? answer.value : undefined;
}
