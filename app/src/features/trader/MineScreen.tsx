/** My energy: everything of the wallet across buses. */

import type { Address } from '@solana/kit';
import { useState } from 'react';

import { formatBps } from '../../amount/token';
import { UNNAMED } from '../../chain/mint';
import { send } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { getTraderCloseInstruction } from '../../generated';
import { isOwner, soonestLock, type Bus, type Lock, type Trader } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton, type Action } from '../../ui/action';
import { Energy, Sol, Tokens } from '../../ui/amounts';
import { AddressLabel, Card, Empty, Facts, Reading } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { Worth } from '../../ui/Worth';
import { t } from '../../words';
import { MyBids } from '../auction/MyBids';
import { pastWindows } from '../capacity/capacity';
import { PastWindows } from '../capacity/PastWindows';
import { Certificates } from '../certificate/Certificates';
import { Deliveries } from '../delivery/Deliveries';
import { closable } from '../delivery/delivery';
import { Records } from '../delivery/Records';
import { LockCard } from '../lock/LockCard';
import { NamesCard } from '../names/NamesCard';
import { OwnOffers } from '../offer/OwnOffers';
import { useBalance } from '../purchase/useBuyer';
import { SellerMoneyCard } from '../seller/SellerMoney';
import { history, type HistoricPurchase, type Proof } from '../verify/verify';
import { WaitingForYou } from '../waiting/WaitingForYou';
import { RateFields } from '../wallet/RateFields';
import { EnergyCard } from './EnergyCard';
import { isHistoryWanted } from './history';
import { isClosable } from './lanes';
import { Purchases } from './Purchases';

/** The screen. */
export function MineScreen() {
  const { wallet, openWallet } = useSession();
  if (wallet === undefined) {
    return (
      <div className="page narrow">
        <h1 className="visually-hidden">{t.mineScreen.myEnergy}</h1>
        <Card title={t.mineScreen.myEnergy}>
          <div className="stack">
            <Empty>{t.mineScreen.connectAWalletToSee}</Empty>
            <button type="button" className="button primary" onClick={() => openWallet(true)}>
              {t.mineScreen.connectAWallet}
            </button>
          </div>
        </Card>
      </div>
    );
  }
  return (
    <div className="page mine">
      <h1 className="visually-hidden">{t.mineScreen.myEnergy}</h1>
      <div className="main-column">
        <div className="stack">
          <WaitingForYou />
          <Locks />
          <MyBids />
          <EnergyCard />
        </div>
        <div className="stack">
          <Deliveries />
          <SellerMoneyCard />
          <Certificates />
          <Purchases />
          <Card title={t.mineScreen.onOffer}>
            <OwnOffers />
          </Card>
        </div>
      </div>
      <div className="side-column">
        <WalletCard />
        <OwnBuses />
        <NamesCard />
        <Advanced />
      </div>
    </div>
  );
}

/** What nobody needs every day: lanes and their nonces, delivery records, and rent to get back. */
function Advanced() {
  const { wallet } = useSession();
  const isDue = useIsRentDue();
  return (
    <div>
      {isDue && <p className="hint">{t.mineScreen.rentCanBeFetched}</p>}
      <details className="more advanced">
        <summary>{t.mineScreen.advanced}</summary>
        <div className="stack">
          <PastWindows title={t.mineScreen.rentToGetBack} isWanted={({ rentPayer }) => rentPayer === wallet} />
          <Records />
          <Lanes />
        </div>
      </details>
    </div>
  );
}

/** Whether the wallet can get rent back that it paid, for windows or delivery records. */
function useIsRentDue(): boolean {
  const { wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const isOwn = ({ rentPayer }: { readonly rentPayer: Address }) => rentPayer === wallet;
  if (pastWindows(state, wallet, now, isOwn).some(({ isHeldUp }) => !isHeldUp)) return true;
  const { positions, books } = closable(state, wallet, now);
  return books.some(isOwn) || positions.some(({ position }) => isOwn(position));
}

function WalletCard() {
  const { wallet } = useSession();
  const { buses, holdings } = useMarket();
  const tokens = [...new Map([...buses.values()].map((bus) => [bus.mint, bus])).values()];
  return (
    <Card title={t.mineScreen.wallet}>
      <Facts
        facts={[
          [
            t.mineScreen.address,
            <span key="a" className="row">
              {wallet !== undefined && <AddressLabel address={wallet} copy />}
            </span>,
          ],
          [
            t.mineScreen.forFeesAndRent,
            holdings?.lamports === undefined ? '…' : <Sol key="s" lamports={holdings.lamports} />,
          ],
          ...tokens.map((bus): readonly [string, React.ReactNode] => [
            bus.token === UNNAMED ? t.mineScreen.tokens : bus.token,
            <Balance key={bus.mint} bus={bus} />,
          ]),
        ]}
      />
      <RateFields buses={tokens} />
    </Card>
  );
}

function Balance({ bus }: { readonly bus: Bus }) {
  const balance = useBalance(bus);
  return balance === undefined ? (
    <span className="hint">…</span>
  ) : (
    <>
      <Tokens units={balance} bus={bus} /> <Worth units={balance} bus={bus} />
    </>
  );
}

function OwnBuses() {
  const { wallet } = useSession();
  const { buses, readAt } = useMarket();
  const own = [...buses.values()].filter((bus) => isOwner(bus, wallet));
  return (
    <Card
      title={t.mineScreen.busesYouOwn}
      aside={
        <a className="button small quiet" href="#/bus/new">
          {t.mineScreen.createABus}
        </a>
      }
    >
      {readAt === undefined ? (
        <Reading what={t.mineScreen.yourBuses} />
      ) : own.length === 0 ? (
        <Empty>{t.mineScreen.youOwnNoBus}</Empty>
      ) : (
        <ul className="lines-list">
          {own.map((bus) => (
            <li key={bus.address} className="row spread">
              <a href={`#/bus/${bus.address}`}>{bus.name}</a>
              <span className="number">
                {formatBps(bus.owners.find((owner) => owner.wallet === wallet)?.shareBps ?? 0)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Locks() {
  const { wallet } = useSession();
  const { locks, readAt } = useMarket();
  // Of the card, because a lock that was settled or released is gone.
  const action = useAction();
  const own = [...locks.values()].filter(({ buyer }) => buyer === wallet).sort(soonestLock);
  return (
    <Card title={t.mineScreen.heldForYou}>
      <div className="stack">
        {readAt === undefined ? (
          <Reading what={t.mineScreen.whatYouHold} />
        ) : own.length === 0 ? (
          <Empty>{t.mineScreen.youHoldNoEnergyHold}</Empty>
        ) : (
          <ul className="tiles">
            {own.map((lock: Lock) => (
              <LockCard key={lock.address} lock={lock} action={action} />
            ))}
          </ul>
        )}
        <ActionStatus action={action} />
      </div>
    </Card>
  );
}

function Lanes() {
  const { holdings } = useMarket();
  // Of the card, because a lane that was closed is gone.
  const closing = useAction();
  const traders = holdings?.traders;
  return (
    <Card title={t.mineScreen.purchaseLanes}>
      {traders === undefined ? (
        <Reading what={t.mineScreen.yourLanes} />
      ) : traders.length === 0 ? (
        <Empty>{t.mineScreen.yourFirstPurchaseOpensA}</Empty>
      ) : (
        <ul className="lines-list">
          {traders.map((trader) => (
            <LaneLine key={trader.address} trader={trader} closing={closing} />
          ))}
        </ul>
      )}
      <ActionStatus action={closing} />
    </Card>
  );
}

function LaneLine({ trader, closing }: { readonly trader: Trader; readonly closing: Action }) {
  const { live, signer } = useSession();
  const { slot } = useMarket();
  const canClose = isClosable(trader, slot);
  const action = useAction();
  const [found, setFound] = useState<{ readonly purchases: readonly HistoricPurchase[]; readonly proof: Proof }>();
  const check = () => {
    void action.run(async () => {
      const checked = await history(live.connection, trader);
      setFound(checked);
      const { proof } = checked;
      return {
        message:
          proof.kind === 'proven'
            ? t.mineScreen.proven(proof.purchases)
            : proof.kind === 'gap'
              ? t.mineScreen.missing(proof.missing)
              : t.mineScreen.theHashesDoNotMake,
      };
    });
  };
  const close = () => {
    if (signer === undefined) return;
    void closing.run(async (onStage) => {
      await send(
        live.connection,
        signer,
        async () => [getTraderCloseInstruction({ wallet: noSigner(trader.wallet), trader: trader.address })],
        onStage,
      );
      isHistoryWanted.set(true);
      return { message: t.mineScreen.theLaneIsClosedIts };
    });
  };
  const count = trader.nextNonce - trader.firstNonce;
  return (
    <li className="stack tight">
      <div className="row spread">
        <span>{t.mineScreen.lane(trader.lane, <span className="hint">{t.mineScreen.purchasesOf(count)}</span>)}</span>
        <Energy wh={trader.totalEnergyWh} />
      </div>
      <p className="sub mono" title={t.mineScreen.theNonceOfTheNext}>
        {t.mineScreen.nextNonce(trader.nextNonce.toString())}
      </p>
      <div className="row">
        <button type="button" className="button small quiet" onClick={check} disabled={action.isRunning}>
          {t.mineScreen.checkTheHistory}
        </button>
        <WalletButton tone="quiet" onClick={close} busy={closing.isRunning} disabled={!canClose}>
          {t.mineScreen.close}
        </WalletButton>
        {!canClose && <span className="hint">{t.mineScreen.canBeClosedAFew}</span>}
      </div>
      {found !== undefined && found.purchases.length > trader.receipts.length && (
        <details className="more">
          <summary>{t.mineScreen.olderPurchases}</summary>
          <ul className="lines-list">
            {found.purchases.slice(0, -trader.receipts.length).map((purchase) => (
              <li key={purchase.hash} className="row spread">
                <a className="mono" href={`#/verify/${purchase.hash}`}>
                  {purchase.hash.slice(0, 10)}…
                </a>
                <Energy wh={purchase.energyWh} />
              </li>
            ))}
          </ul>
        </details>
      )}
      <ActionStatus action={action} />
    </li>
  );
}
