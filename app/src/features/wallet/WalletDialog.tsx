/** Wallets: connecting one, and the one that is connected. */

import { useState } from 'react';

import { short } from '../../amount/text';
import { isDeclined, wordsOf } from '../../errors/explain';
import { useSession } from '../../session';
import { classes } from '../../ui/classes';
import { Dialog } from '../../ui/dialog';
import { WalletIcon } from '../../ui/icons';
import { AddressLabel, Empty } from '../../ui/parts';
import { device, phantomLink } from '../../wallet/phone';
import {
  DisconnectButton,
  isFor,
  signsFor,
  useConnectWallet,
  useSolanaWallets,
  type Wallet,
} from '../../wallet/standard';
import { t } from '../../words';

/** The connected wallet, or a button that connects one. */
export function WalletChip() {
  const { connected, openWallet } = useSession();
  return connected === undefined ? (
    <button type="button" className="button primary small" onClick={() => openWallet(true)}>
      <WalletIcon /> <span>{t.walletDialog.connect}</span>
    </button>
  ) : (
    <button type="button" className="chip wallet" onClick={() => openWallet(true)}>
      <img src={connected.wallet.icon} alt="" width="18" height="18" />
      <span className="mono">{short(connected.account.address)}</span>
      <span className="visually-hidden">
        {t.walletDialog.walletAccount(connected.wallet.name, connected.account.address)}
      </span>
    </button>
  );
}

/** Connects a wallet, or shows the one that is connected. */
export function WalletDialog() {
  const { isWalletOpen, openWallet, connected, disconnect, choose, chain } = useSession();
  const { usable, unfit } = useSolanaWallets();
  if (!isWalletOpen) return null;
  const close = () => openWallet(false);
  if (connected !== undefined) {
    const { wallet, account } = connected;
    return (
      <Dialog title={wallet.name} onClose={close}>
        <div className="stack">
          <p>
            <AddressLabel address={account.address} copy />
          </p>
          {chain !== undefined && !signsFor(account, chain) && (
            <p className="error-text" role="alert">
              {t.walletDialog.doesNotSignForThis(wallet.name, chain.replace('solana:', ''))}
            </p>
          )}
          {wallet.accounts.length > 1 && (
            <ul className="choices" aria-label={t.walletDialog.accounts}>
              {wallet.accounts.map((candidate) => (
                <li key={candidate.address}>
                  <button
                    type="button"
                    aria-pressed={candidate.address === account.address}
                    onClick={() => {
                      choose(wallet, candidate);
                      close();
                    }}
                  >
                    <span className="mono">{short(candidate.address)}</span>
                  </button>
                </li>
              ))}
            </ul>
          )}
          <DisconnectButton wallet={wallet} onDone={disconnect}>
            {t.walletDialog.disconnect}
          </DisconnectButton>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={t.walletDialog.connectAWallet} onClose={close}>
      <div className="stack">
        {usable.length === 0 && (
          <Empty>
            {unfit.length === 0 ? t.walletDialog.noWalletIsInstalledIn : t.walletDialog.noWalletInThisBrowser}
          </Empty>
        )}
        {usable.length === 0 && <WithoutWallet />}
        <ul className="choices">
          {usable.map((wallet) => (
            <li key={wallet.name}>
              <WalletChoice wallet={wallet} onDone={close} />
            </li>
          ))}
          {unfit.map(({ wallet, reason }) => (
            <li key={wallet.name}>
              <button type="button" disabled>
                <img src={wallet.icon} alt="" width="24" height="24" />
                <strong>{wallet.name}</strong>
                <span className="hint">{reason}</span>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}

/** Ways to a wallet where this browser has none: Phantom's own browser on a phone, Phantom elsewhere. */
function WithoutWallet() {
  const isPhone = device() !== 'desktop';
  return (
    <div className="stack tight">
      {isPhone ? (
        <>
          <p className="hint">{t.walletDialog.browsersOfPhonesHaveNone}</p>
          <a className="button primary" href={phantomLink(location.href)}>
            {t.walletDialog.openInPhantom}
          </a>
        </>
      ) : (
        <a className="button quiet" href="https://phantom.app/download" target="_blank" rel="noreferrer">
          {t.walletDialog.getPhantom}
        </a>
      )}
    </div>
  );
}

function WalletChoice({ wallet, onDone }: { readonly wallet: Wallet; readonly onDone: () => void }) {
  const { choose, chain } = useSession();
  const [isConnecting, connect] = useConnectWallet(wallet);
  const [refused, setRefused] = useState<string | undefined>();
  const onConnect = () => {
    setRefused(undefined);
    connect().then(
      (account) => {
        if (account === undefined) {
          setRefused(t.walletDialog.showsNoAccountUnlockIt(wallet.name));
          return;
        }
        choose(wallet, account);
        onDone();
      },
      (error: unknown) =>
        setRefused(
          isDeclined(error)
            ? t.walletDialog.youDeclinedIn(wallet.name)
            : t.walletDialog.says(wallet.name, wordsOf(error)),
        ),
    );
  };
  return (
    <>
      <button type="button" disabled={isConnecting} onClick={onConnect} className={classes(isConnecting && 'busy')}>
        <img src={wallet.icon} alt="" width="24" height="24" />
        <strong>{wallet.name}</strong>
        {isConnecting && <span className="hint">{t.walletDialog.waitingForTheWallet}</span>}
        {!isConnecting && chain !== undefined && !isFor(wallet, chain) && (
          <span className="hint">{t.walletDialog.doesNotSignForThis2}</span>
        )}
      </button>
      <p className="error-text" aria-live="polite">
        {refused}
      </p>
    </>
  );
}
