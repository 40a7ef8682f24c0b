/** A token of one's own, whose issuer can freeze what wallets have of it: the one of the village has no such issuer. */

import {
  AccountRole,
  appendTransactionMessageInstructions,
  compileTransaction,
  createSolanaRpc,
  createTransactionMessage,
  generateKeyPair,
  getAddressEncoder,
  getAddressFromPublicKey,
  getBase64EncodedWireTransaction,
  getSignatureFromTransaction,
  partiallySignTransaction,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
  type Address,
  type Instruction,
} from '@solana/kit';

import { tokenAccountAddress } from '../src/chain/address';
import { SYSTEM_PROGRAM, TOKEN_PROGRAM } from '../src/programs';
import type { Keys, Market } from './network';

/** Bytes of a mint. */
const MINT_BYTES = 82n;
const DECIMALS = 6;
/** Numbers of the token program's instructions. */
const INITIALIZE_MINT = 20;
const BURN = 8;
const CLOSE_ACCOUNT = 9;
const FREEZE_ACCOUNT = 10;

const bytesOf = (address: Address) => [...getAddressEncoder().encode(address)];

/** The token. */
export class FreezableToken {
  private constructor(
    private readonly market: Market,
    private readonly issuer: Keys,
    readonly mint: Address,
  ) {}

  static async make(market: Market): Promise<FreezableToken> {
    const issuer = await market.wallet('issuer', 0);
    const keyPair = await generateKeyPair();
    const token = new FreezableToken(market, issuer, await getAddressFromPublicKey(keyPair.publicKey));
    const rent = await token.rpc.getMinimumBalanceForRentExemption(MINT_BYTES).send();
    const create = new DataView(new ArrayBuffer(20));
    create.setBigUint64(4, rent, true);
    create.setBigUint64(12, MINT_BYTES, true);
    await token.send(
      [
        {
          programAddress: SYSTEM_PROGRAM,
          accounts: [
            { address: issuer.address, role: AccountRole.WRITABLE_SIGNER },
            { address: token.mint, role: AccountRole.WRITABLE_SIGNER },
          ],
          data: Uint8Array.of(...new Uint8Array(create.buffer), ...bytesOf(TOKEN_PROGRAM)),
        },
        {
          programAddress: TOKEN_PROGRAM,
          accounts: [{ address: token.mint, role: AccountRole.WRITABLE }],
          // Who mints, and who freezes.
          data: Uint8Array.of(INITIALIZE_MINT, DECIMALS, ...bytesOf(issuer.address), 1, ...bytesOf(issuer.address)),
        },
      ],
      [keyPair],
    );
    return token;
  }

  /** Gives tokens to a wallet's usual account, which is created where it is missing. */
  async give(wallet: Address, tokens: number): Promise<void> {
    const amount = ['--mint', this.mint, '--amount', `${tokens}tokens`];
    await this.market.cli(this.issuer, 'local', 'fund', wallet, '--sol', '0', ...amount);
  }

  /** A new wallet with SOL and tokens. */
  async wallet(name: string, tokens: number): Promise<Keys> {
    const keys = await this.market.wallet(name, 0);
    await this.give(keys.address, tokens);
    return keys;
  }

  /** The usual account of a wallet. */
  accountOf(wallet: Address): Promise<Address> {
    return tokenAccountAddress(wallet, this.mint, TOKEN_PROGRAM);
  }

  /** The issuer freezes a wallet's usual account. */
  async freeze(wallet: Address): Promise<void> {
    const frozen = {
      programAddress: TOKEN_PROGRAM,
      accounts: [
        { address: await this.accountOf(wallet), role: AccountRole.WRITABLE },
        { address: this.mint, role: AccountRole.READONLY },
        { address: this.issuer.address, role: AccountRole.READONLY_SIGNER },
      ],
      data: Uint8Array.of(FREEZE_ACCOUNT),
    };
    await this.send([frozen]);
  }

  /** A wallet burns what its usual account holds, and closes it: nothing is at its address any more. */
  async close({ address, keyPair }: Keys): Promise<void> {
    const account = await this.accountOf(address);
    const owner = { address, role: AccountRole.READONLY_SIGNER };
    const burn = new DataView(new ArrayBuffer(9));
    burn.setUint8(0, BURN);
    burn.setBigUint64(1, await this.heldIn(account), true);
    await this.send(
      [
        {
          programAddress: TOKEN_PROGRAM,
          accounts: [
            { address: account, role: AccountRole.WRITABLE },
            { address: this.mint, role: AccountRole.WRITABLE },
            owner,
          ],
          data: new Uint8Array(burn.buffer),
        },
        {
          programAddress: TOKEN_PROGRAM,
          accounts: [
            { address: account, role: AccountRole.WRITABLE },
            { address: this.issuer.address, role: AccountRole.WRITABLE },
            owner,
          ],
          data: Uint8Array.of(CLOSE_ACCOUNT),
        },
      ],
      [keyPair],
    );
    const { value } = await this.rpc.getAccountInfo(account, { commitment: 'confirmed', encoding: 'base64' }).send();
    if (value !== null) throw new Error(`${account} is still there`);
  }

  /** What an account holds, in base units. */
  async heldIn(account: Address): Promise<bigint> {
    const { value } = await this.rpc.getTokenAccountBalance(account, { commitment: 'confirmed' }).send();
    return BigInt(value.amount);
  }

  private get rpc() {
    return createSolanaRpc(this.market.network.rpc_url);
  }

  private async send(instructions: readonly Instruction[], more: readonly CryptoKeyPair[] = []): Promise<void> {
    const { rpc } = this;
    const { value: blockhash } = await rpc.getLatestBlockhash({ commitment: 'confirmed' }).send();
    const paid = setTransactionMessageFeePayer(this.issuer.address, createTransactionMessage({ version: 0 }));
    const living = setTransactionMessageLifetimeUsingBlockhash(blockhash, paid);
    const unsigned = compileTransaction(appendTransactionMessageInstructions(instructions, living));
    const signed = await partiallySignTransaction([this.issuer.keyPair, ...more], unsigned);
    const wire = getBase64EncodedWireTransaction(signed);
    await rpc.sendTransaction(wire, { encoding: 'base64', preflightCommitment: 'confirmed' }).send();
    const signature = getSignatureFromTransaction(signed);
    for (;;) {
      const { value } = await rpc.getSignatureStatuses([signature]).send();
      const status = value[0];
      if (status?.err != null) throw new Error(`the token's issuer was refused: ${JSON.stringify(status.err)}`);
      if (status != null && status.confirmationStatus !== 'processed') return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
