/** My energy: everything of the wallet across buses. */

import { useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { counted } from '../../amount/text';
import { formatBps, formatSol, formatTokens } from '../../amount/token';
import { send } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { getTraderCloseInstruction } from '../../generated';
import { isOwner, type Bus, type Lock, type Trader } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { ActionStatus, useAction, WalletButton } from '../../ui/action';
import { Energy, Tokens } from '../../ui/amounts';
import { AddressLabel, Card, CopyButton, Empty, Facts, numbers, Reading, TableHead } from '../../ui/parts';
import { Ago } from '../../ui/time';
import { PastWindows } from '../capacity/PastWindows';
import { LockCard } from '../lock/LockCard';
import { OwnOffers } from '../offer/OwnOffers';
import { useBalance } from '../purchase/useBuyer';
import { history, type HistoricPurchase, type Proof } from '../verify/verify';
import { isClosable } from './lanes';

/** The screen. */
export function MineScreen() {
  const { wallet, openWallet } = useSession();
  if (wallet === undefined) {
    return (
      <div className="page">
        <h1 className="visually-hidden">My energy</h1>
        <Card title="My energy">
          <div className="stack">
            <Empty>Connect a wallet to see your buses, offers, locks and purchases.</Empty>
            <button type="button" className="button primary" onClick={() => openWallet(true)}>
              Connect a wallet
            </button>
          </div>
        </Card>
      </div>
    );
  }
  return (
    <div className="page mine">
      <h1 className="visually-hidden">My energy</h1>
      <div className="main-column">
        <Locks />
        <Purchases />
        <Card title="On offer">
          <OwnOffers />
        </Card>
      </div>
      <div className="side-column">
        <WalletCard />
        <OwnBuses />
        <PastWindows title="Rent to get back" isWanted={({ rentPayer }) => rentPayer === wallet} />
        <Lanes />
      </div>
    </div>
  );
}

function WalletCard() {
  const { wallet } = useSession();
  const { buses, holdings } = useMarket();
  const byMint = new Map([...buses.values()].map((bus) => [bus.mint, bus]));
  return (
    <Card title="Wallet">
      <Facts
        facts={[
          [
            'Address',
            <span key="a" className="row">
              {wallet !== undefined && <AddressLabel address={wallet} copy />}
            </span>,
          ],
          ['For fees and rent', holdings?.lamports === undefined ? '…' : formatSol(holdings.lamports)],
          ...[...byMint.values()].map((bus): readonly [string, React.ReactNode] => [
            bus.token === 'tokens' ? 'Tokens' : bus.token,
            <Balance key={bus.mint} bus={bus} />,
          ]),
        ]}
      />
    </Card>
  );
}

function Balance({ bus }: { readonly bus: Bus }) {
  const balance = useBalance(bus);
  return balance === undefined ? <span className="hint">…</span> : <Tokens units={balance} bus={bus} />;
}

function OwnBuses() {
  const { wallet } = useSession();
  const { buses, readAt } = useMarket();
  const own = [...buses.values()].filter((bus) => isOwner(bus, wallet));
  return (
    <Card
      title="Buses you own"
      aside={
        <a className="button small quiet" href="#/bus/new">
          Create a bus
        </a>
      }
    >
      {readAt === undefined ? (
        <Reading what="your buses" />
      ) : own.length === 0 ? (
        <Empty>You own no bus.</Empty>
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
  const own = [...locks.values()].filter(({ buyer }) => buyer === wallet).sort((a, b) => a.expiresAt - b.expiresAt);
  return (
    <Card title="Held for you">
      {readAt === undefined ? (
        <Reading what="what you hold" />
      ) : own.length === 0 ? (
        <Empty>You hold no energy. “Hold 5 min” on an offer keeps its price for five minutes.</Empty>
      ) : (
        <ul className="tiles">
          {own.map((lock: Lock) => (
            <LockCard key={lock.address} lock={lock} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Purchases() {
  const { holdings } = useMarket();
  const receipts = (holdings?.traders ?? [])
    .flatMap(({ receipts: kept }) => kept)
    .sort((a, b) => b.purchasedAt - a.purchasedAt || (b.nonce > a.nonce ? 1 : -1));
  return (
    <Card title="Purchases">
      {holdings?.traders === undefined ? (
        <Reading what="your purchases" />
      ) : receipts.length === 0 ? (
        <Empty>
          You have bought nothing yet. <a href="#/market">See what is on offer.</a>
        </Empty>
      ) : (
        <table className="plain" aria-label="Purchases">
          <TableHead columns={['When', numbers('Energy'), numbers('Paid'), numbers('Transaction hash')]} />
          <tbody>
            {receipts.map((receipt) => (
              <tr key={receipt.hash}>
                <td>
                  <Ago at={receipt.purchasedAt} />
                </td>
                <td className="end number">{formatEnergy(receipt.energyWh)}</td>
                <td className="end number">
                  <Paid units={receipt.paid} />
                </td>
                <td className="end">
                  <a className="mono" href={`#/verify/${receipt.hash}`} title={receipt.hash}>
                    {receipt.hash.slice(0, 10)}…
                  </a>
                  <CopyButton text={receipt.hash} label="Copy the transaction hash" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

/** What was paid. A receipt does not name its token, so it is told where all buses have the same one. */
function Paid({ units }: { readonly units: bigint }) {
  const { buses } = useMarket();
  const all = [...buses.values()];
  const [first] = all;
  return first !== undefined && all.every(({ mint }) => mint === first.mint) ? (
    <>{formatTokens(units, first.decimals)}</>
  ) : (
    <>{units.toString()} base units</>
  );
}

function Lanes() {
  const { holdings } = useMarket();
  const traders = holdings?.traders;
  return (
    <Card title="Purchase lanes">
      {traders === undefined ? (
        <Reading what="your lanes" />
      ) : traders.length === 0 ? (
        <Empty>Your first purchase opens a lane. It makes every purchase happen exactly once.</Empty>
      ) : (
        <ul className="lines-list">
          {traders.map((trader) => (
            <LaneLine key={trader.address} trader={trader} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function LaneLine({ trader }: { readonly trader: Trader }) {
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
            ? `${proof.purchases === 1 ? 'The purchase is' : `All ${proof.purchases} purchases are`} proven by the root on chain.`
            : proof.kind === 'gap'
              ? `${counted(proof.missing, 'purchase')} ${proof.missing === 1 ? 'is' : 'are'} missing on this node; ask one that keeps the whole history.`
              : 'The hashes do not make the root on chain; do not trust this node’s history.',
      };
    });
  };
  const close = () => {
    if (signer === undefined) return;
    void action.run(async (onStage) => {
      await send(
        live.connection,
        signer,
        async () => [getTraderCloseInstruction({ wallet: noSigner(trader.wallet), trader: trader.address })],
        onStage,
      );
      return { message: 'The lane is closed, its rent is back. It opens again with your next purchase.' };
    });
  };
  const count = trader.nextNonce - trader.firstNonce;
  return (
    <li className="stack tight">
      <div className="row spread">
        <span>
          Lane {trader.lane} <span className="hint">{counted(count, 'purchase')}</span>
        </span>
        <Energy wh={trader.totalEnergyWh} />
      </div>
      <p className="sub mono" title="The nonce of the next purchase">
        next nonce {trader.nextNonce.toString()}
      </p>
      <div className="row">
        <button type="button" className="button small quiet" onClick={check} disabled={action.isRunning}>
          Check the history
        </button>
        <WalletButton tone="quiet" onClick={close} busy={action.isRunning} disabled={!canClose}>
          Close
        </WalletButton>
        {!canClose && <span className="hint">can be closed a few minutes after it was opened</span>}
      </div>
      {found !== undefined && found.purchases.length > trader.receipts.length && (
        <details className="more">
          <summary>Older purchases</summary>
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
