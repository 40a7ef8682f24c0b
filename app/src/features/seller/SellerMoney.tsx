/** What a wallet earned as a seller: what is released and held, and withdrawing it with one button. */

import { formatSol } from '../../amount/token';
import { rentOf } from '../../chain/connection';
import { isUnreachable } from '../../errors/explain';
import { getSellerSize } from '../../generated';
import { listingRefusal, type Bus, type Seller } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { AddressLabel, Card, Facts } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { Elsewhere, UsualNote, useNamed } from '../payee/Elsewhere';
import { moneyOf, sellerClose, sellersOf, sellerWithdraw, whyNotClosed } from './seller';

/** Length of a token account's data without extensions. */
const TOKEN_ACCOUNT_BYTES = 165;

/** The card of all buses on which the wallet sells; nothing where it sells on none. */
export function SellerMoneyCard() {
  const { wallet } = useSession();
  const { sellers, buses } = useMarket();
  const own = sellersOf({ sellers, buses }, wallet);
  if (own.length === 0) return null;
  return (
    <Card title={t.seller.whatYouEarned}>
      <ul className="stack">
        {own.map(({ seller, bus }) => (
          <li key={seller.address} className="stack tight" data-seller={seller.address}>
            {own.length > 1 && <strong>{bus.name}</strong>}
            <SellerMoney bus={bus} seller={seller} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

/** What one seller can withdraw, what is held for locks, and why it cannot list where that is so. */
export function SellerMoney({ bus, seller }: { readonly bus: Bus; readonly seller: Seller }) {
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
    void action.run(async (onStage) => {
      await sellerClose(live, signer, bus, seller, onStage);
      return { message: t.seller.theAccountIsClosedIts };
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
        {isOwn && whyOpen === undefined && (
          <WalletButton tone="quiet" onClick={close} busy={action.isRunning}>
            {rent === undefined ? t.seller.closeTheAccount : t.seller.closeForRent(formatSol(rent))}
          </WalletButton>
        )}
      </div>
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
