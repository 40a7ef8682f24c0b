/** Balances that somebody looks at: token accounts, and the SOL of the connected wallet. */

import type { Address } from '@solana/kit';

import { COMMITMENT, readAccounts, type Connection } from '../chain/connection';
import { tokenBalance } from '../chain/tokenAccount';

const ACCOUNTS_AT_ONCE = 100;

/** Reads balances when it is told to. */
export class Balances {
  /** Token accounts, in base units. */
  readonly tokens = new Map<Address, bigint>();
  /** SOL of the wallet, in lamports, once it is read. */
  lamports: bigint | undefined;
  private readonly watched = new Map<Address, number>();
  private wallet: Address | undefined;

  /** Reads this wallet's SOL from now on. */
  setWallet(wallet: Address | undefined): void {
    this.wallet = wallet;
    this.lamports = undefined;
  }

  /** Reads a token account's balance, too, until the returned function is called. */
  watch(account: Address): () => void {
    this.watched.set(account, (this.watched.get(account) ?? 0) + 1);
    return () => {
      const left = (this.watched.get(account) ?? 1) - 1;
      if (left > 0) this.watched.set(account, left);
      else this.watched.delete(account);
    };
  }

  /** Reads all of them. */
  async read(connection: Connection): Promise<void> {
    const { wallet } = this;
    const wanted = [...this.watched.keys()].slice(0, ACCOUNTS_AT_ONCE);
    const [read, lamports] = await Promise.all([
      wanted.length === 0 ? undefined : readAccounts(connection, wanted),
      wallet === undefined ? undefined : connection.rpc.getBalance(wallet, { commitment: COMMITMENT }).send(),
    ]);
    for (const [index, account] of wanted.entries()) this.tokens.set(account, tokenBalance(read?.accounts[index]));
    if (wallet === this.wallet && lamports !== undefined) this.lamports = lamports.value;
  }
}
