/**
 * Wallets by the Wallet Standard: whatever wallet is installed is there. The one that was used last is connected again
 * without a question, and a change of account in the wallet is followed.
 */

import {
  getBase58Decoder,
  getSignatureFromTransaction,
  getTransactionDecoder,
  getTransactionEncoder,
  type Address,
  type Signature,
} from '@solana/kit';
import { useSignAndSendTransactions, useSignTransactions } from '@solana/react';
import {
  getWalletFeature,
  useConnect,
  useDisconnect,
  useWallets,
  type UiWallet,
  type UiWalletAccount,
} from '@wallet-standard/react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';

import type { WalletChain } from '../chain/network';
import type { Signable, Signer } from '../chain/send';
import { walletError } from '../errors/explain';
import { storage } from '../state/storage';
import { t } from '../words';

/** A wallet that can connect and sign transactions. */
export type Wallet = UiWallet;

/** A connected account, with the wallet that holds its key. */
export interface Connected {
  readonly wallet: UiWallet;
  readonly account: UiWalletAccount;
}

const REMEMBERED = 'multibus:wallet';
const SIGN = 'solana:signTransaction';
/** Either of them does; the first that a wallet has is used. */
const SIGNING = [SIGN, 'solana:signAndSendTransaction'] as const;

/** What both features tell of transactions. */
interface Signing {
  readonly supportedTransactionVersions: readonly ('legacy' | number)[];
}

/** A wallet that cannot be used here, and why. */
export interface Unfit {
  readonly wallet: UiWallet;
  readonly reason: string;
}

/** Why a wallet for Solana cannot be used here; `undefined` where it can. */
export function unfitness(wallet: UiWallet): string | undefined {
  const feature = SIGNING.find((name) => wallet.features.includes(name));
  if (feature === undefined) return t.standard.itSignsNoTransactionsFor;
  if (!wallet.features.includes('standard:connect')) return t.standard.itDoesNotConnectTo;
  const { supportedTransactionVersions } = getWalletFeature(wallet, feature) as Signing;
  return supportedTransactionVersions.includes(0) ? undefined : t.standard.itSignsLegacyTransactionsOnly;
}

/** Wallets for Solana that are installed: those that can be used here, and the others. */
export function useSolanaWallets(): { readonly usable: readonly UiWallet[]; readonly unfit: readonly Unfit[] } {
  const wallets = useWallets();
  return useMemo(() => {
    const judged = wallets
      .filter(({ chains }) => chains.some((chain) => chain.startsWith('solana:')))
      .map((wallet) => ({ wallet, reason: unfitness(wallet) }));
    return {
      usable: judged.flatMap(({ wallet, reason }) => (reason === undefined ? [wallet] : [])),
      unfit: judged.flatMap(({ wallet, reason }) => (reason === undefined ? [] : [{ wallet, reason }])),
    };
  }, [wallets]);
}

/** Whether a wallet has accounts for a chain. */
export function isFor(wallet: UiWallet, chain: WalletChain): boolean {
  return wallet.chains.includes(chain);
}

/** The account that is in use; follows the wallet when its owner switches accounts or disconnects there. */
export function useConnected(): {
  readonly connected: Connected | undefined;
  readonly choose: (wallet: UiWallet, account: UiWalletAccount) => void;
  readonly forget: () => void;
} {
  const { usable: wallets } = useSolanaWallets();
  const [chosen, setChosen] = useState<{ readonly wallet: string; readonly address: string } | undefined>();
  const wallet = chosen === undefined ? undefined : wallets.find(({ name }) => name === chosen.wallet);
  // A wallet that switched accounts lists the new one in place of the old one.
  const account = wallet?.accounts.find(({ address }) => address === chosen?.address) ?? wallet?.accounts[0];
  const connected = useMemo(
    () => (wallet === undefined || account === undefined ? undefined : { wallet, account }),
    [wallet, account],
  );
  const choose = useCallback((next: UiWallet, with_: UiWalletAccount) => {
    storage.setItem(REMEMBERED, next.name);
    setChosen({ wallet: next.name, address: with_.address });
  }, []);
  const forget = useCallback(() => {
    storage.removeItem(REMEMBERED);
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
  const { usable: wallets } = useSolanaWallets();
  const [name] = useState(() => storage.getItem(REMEMBERED));
  const wallet = wallets.find((candidate) => candidate.name === name);
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
      () => storage.removeItem(REMEMBERED),
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

interface BindProps {
  readonly account: UiWalletAccount;
  readonly chain: WalletChain;
  readonly onSigner: (signer: Signer | undefined) => void;
}

/**
 * Hands the signer of a connected account to whoever needs it. Mounted only while the account signs for the chain.
 * Where a wallet can sign without sending, it does: the app then sends through the node that the user chose, again and
 * again until the transaction has landed.
 */
export function BindSigner(props: BindProps) {
  return props.account.features.includes(SIGN) ? <BindSigning {...props} /> : <BindSending {...props} />;
}

function BindSigning({ account, chain, onSigner }: BindProps) {
  const signTransactions = useSignTransactions(account, chain);
  const signer = useMemo<Signer>(
    () => ({
      address: account.address as Address,
      sends: false,
      sign: async (transactions) => {
        const outputs = await signTransactions(...transactions.map(input)).catch((error: unknown) => {
          throw walletError(error, false);
        });
        return outputs.map(({ signedTransaction }) => {
          const transaction = getTransactionDecoder().decode(signedTransaction);
          return { signature: getSignatureFromTransaction(transaction), transaction };
        });
      },
    }),
    [account.address, signTransactions],
  );
  return useHandOver(signer, onSigner);
}

function BindSending({ account, chain, onSigner }: BindProps) {
  const signAndSendTransactions = useSignAndSendTransactions(account, chain);
  const signer = useMemo<Signer>(
    () => ({
      address: account.address as Address,
      sends: true,
      sign: async (transactions) => {
        const outputs = await signAndSendTransactions(...transactions.map(input)).catch((error: unknown) => {
          throw walletError(error, true);
        });
        return outputs.map(({ signature }) => ({
          signature: getBase58Decoder().decode(signature) as Signature,
          transaction: undefined,
        }));
      },
    }),
    [account.address, signAndSendTransactions],
  );
  return useHandOver(signer, onSigner);
}

const input = (transaction: Signable) => ({ transaction: new Uint8Array(getTransactionEncoder().encode(transaction)) });

function useHandOver(signer: Signer, onSigner: (signer: Signer | undefined) => void): null {
  useEffect(() => {
    onSigner(signer);
    return () => onSigner(undefined);
  }, [onSigner, signer]);
  return null;
}
