/**
 * Wallets by the Wallet Standard: whatever wallet is installed is there. The one that was used last is connected again
 * without a question, and a change of account in the wallet is followed.
 */

import { type Address, type Transaction } from '@solana/kit';
import { useWalletAccountTransactionSigner } from '@solana/react';
import { useConnect, useDisconnect, useWallets, type UiWallet, type UiWalletAccount } from '@wallet-standard/react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';

import type { WalletChain } from '../chain/network';
import type { Signable, Signer } from '../chain/send';
import { Declined } from '../errors/explain';

/** A wallet that can connect and sign transactions. */
export type Wallet = UiWallet;

/** A connected account, with the wallet that holds its key. */
export interface Connected {
  readonly wallet: UiWallet;
  readonly account: UiWalletAccount;
}

const REMEMBERED = 'multibus:wallet';
const NEEDED = ['standard:connect', 'solana:signTransaction'] as const;

/** Wallets that can be used here. */
export function useUsableWallets(): readonly UiWallet[] {
  const wallets = useWallets();
  return useMemo(
    () =>
      wallets.filter(
        (wallet) =>
          NEEDED.every((feature) => wallet.features.includes(feature)) &&
          wallet.chains.some((chain) => chain.startsWith('solana:')),
      ),
    [wallets],
  );
}

/** The account that is in use; follows the wallet when its owner switches accounts or disconnects there. */
export function useConnected(): {
  readonly connected: Connected | undefined;
  readonly choose: (wallet: UiWallet, account: UiWalletAccount) => void;
  readonly forget: () => void;
} {
  const wallets = useUsableWallets();
  const [chosen, setChosen] = useState<{ readonly wallet: string; readonly address: string } | undefined>();
  const wallet = chosen === undefined ? undefined : wallets.find(({ name }) => name === chosen.wallet);
  // A wallet that switched accounts lists the new one in place of the old one.
  const account = wallet?.accounts.find(({ address }) => address === chosen?.address) ?? wallet?.accounts[0];
  const connected = useMemo(
    () => (wallet === undefined || account === undefined ? undefined : { wallet, account }),
    [wallet, account],
  );
  const choose = useCallback((next: UiWallet, with_: UiWalletAccount) => {
    localStorage.setItem(REMEMBERED, next.name);
    setChosen({ wallet: next.name, address: with_.address });
  }, []);
  const forget = useCallback(() => {
    localStorage.removeItem(REMEMBERED);
    setChosen(undefined);
  }, []);
  return { connected, choose, forget };
}

/** Connects the wallet that was used last, where it still knows this page; asks nobody. */
export function Reconnect({
  onConnected,
}: {
  readonly onConnected: (wallet: UiWallet, account: UiWalletAccount) => void;
}) {
  const wallets = useUsableWallets();
  const name = useRef(localStorage.getItem(REMEMBERED));
  const wallet = wallets.find((candidate) => candidate.name === name.current);
  return wallet === undefined ? null : <ReconnectOne key={wallet.name} wallet={wallet} onConnected={onConnected} />;
}

function ReconnectOne({
  wallet,
  onConnected,
}: {
  readonly wallet: UiWallet;
  readonly onConnected: (wallet: UiWallet, account: UiWalletAccount) => void;
}) {
  const [, connect] = useConnect(wallet);
  const tried = useRef(false);
  useEffect(() => {
    if (tried.current) return;
    tried.current = true;
    connect({ silent: true }).then(
      ([account]) => {
        if (account !== undefined) onConnected(wallet, account);
      },
      // A wallet that was locked or has forgotten the page is connected by hand.
      () => localStorage.removeItem(REMEMBERED),
    );
  }, [connect, onConnected, wallet]);
  return null;
}

/** Connects one wallet; `undefined` where its owner declined. */
export function useConnectWallet(wallet: UiWallet): readonly [boolean, () => Promise<UiWalletAccount | undefined>] {
  const [isConnecting, connect] = useConnect(wallet);
  return [
    isConnecting,
    useCallback(async () => {
      const before = wallet.accounts[0];
      const [account] = before === undefined ? await connect() : [before];
      return account;
    }, [connect, wallet]),
  ];
}

/** Disconnects a wallet where it can be. */
export function DisconnectButton({
  wallet,
  onDone,
  children,
}: {
  readonly wallet: UiWallet;
  readonly onDone: () => void;
  readonly children: React.ReactNode;
}) {
  return wallet.features.includes('standard:disconnect') ? (
    <Disconnect wallet={wallet} onDone={onDone}>
      {children}
    </Disconnect>
  ) : (
    <button type="button" className="button quiet" onClick={onDone}>
      {children}
    </button>
  );
}

function Disconnect({
  wallet,
  onDone,
  children,
}: {
  readonly wallet: UiWallet;
  readonly onDone: () => void;
  readonly children: React.ReactNode;
}) {
  const [isBusy, disconnect] = useDisconnect(wallet);
  return (
    <button type="button" className="button quiet" disabled={isBusy} onClick={() => void disconnect().finally(onDone)}>
      {children}
    </button>
  );
}

/** Whether an account signs for a chain. */
export function signsFor(account: UiWalletAccount, chain: WalletChain): boolean {
  return account.chains.includes(chain);
}

/** Hands the signer of a connected account to whoever needs it. Mounted only while the account signs for the chain. */
export function BindSigner({
  account,
  chain,
  onSigner,
}: {
  readonly account: UiWalletAccount;
  readonly chain: WalletChain;
  readonly onSigner: (signer: Signer | undefined) => void;
}) {
  const wallet = useWalletAccountTransactionSigner(account, chain);
  const signer = useMemo<Signer>(
    () => ({
      address: account.address as Address,
      async sign(transaction: Signable): Promise<Transaction> {
        try {
          const [signed] = await wallet.modifyAndSignTransactions([transaction]);
          if (signed === undefined) throw new Error('the wallet returned nothing');
          return signed;
        } catch (error) {
          if (isDeclined(error)) throw new Declined();
          throw error;
        }
      },
    }),
    [account.address, wallet],
  );
  useEffect(() => {
    onSigner(signer);
    return () => onSigner(undefined);
  }, [onSigner, signer]);
  return null;
}

/** Wallets decline with EIP-1193's code 4001, or say so. */
export function isDeclined(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ('code' in error && error.code === 4001) return true;
  if ('cause' in error && error.cause !== undefined && isDeclined(error.cause)) return true;
  return 'message' in error && /reject|declin|denied|cancel/iu.test(String(error.message));
}
