/**
 * Sending: simulated before the wallet opens, so that nobody signs what would fail; a compute-unit limit from the
 * simulation; submitted again and again until it has landed or its blockhash has expired.
 */

import {
  appendTransactionMessageInstructions,
  compileTransaction,
  createTransactionMessage,
  getBase64EncodedWireTransaction,
  getBase64Decoder,
  getCompiledTransactionMessageDecoder,
  getTransactionEncoder,
  partiallySignTransaction,
  pipe,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
  type Address,
  type Instruction,
  type Signature,
  type Transaction,
  type TransactionMessageBytesBase64,
  type TransactionWithBlockhashLifetime,
} from '@solana/kit';

import {
  cause,
  explainTransaction,
  isUnreachable,
  Refusal,
  Unreachable,
  type TransactionError,
} from '../errors/explain';
import { compare } from '../order';
import { t } from '../words';
import { computeUnitLimit, computeUnitPrice } from './address';
import { COMMITMENT, type Connection } from './connection';
import { TRANSACTION_ACCOUNTS, TRANSACTION_BYTES, WALLET_BYTES } from './limits';

/** A transaction that a wallet can sign. */
export type Signable = Transaction & TransactionWithBlockhashLifetime;

/** A transaction as it came back from a wallet, which may have added instructions that guard its owner. */
export interface Signed {
  readonly signature: Signature;
  /** `undefined` where the wallet has sent it itself. */
  readonly transaction: Transaction | undefined;
}

/** What signs: a connected wallet. */
export interface Signer {
  readonly address: Address;
  /** Whether the wallet sends what it signs itself, so that nobody else sees it before. */
  readonly sends: boolean;
  /** Signs transactions in one approval, or throws `Declined` where the user does not want to. */
  sign(transactions: readonly Signable[]): Promise<readonly Signed[]>;
}

/** A key beside the wallet's that a transaction needs, such as that of a device: it signs here and is kept nowhere. */
export interface Cosigner {
  readonly address: Address;
  readonly keyPair: CryptoKeyPair;
}

/** What is going on, for the one who waits. */
export type Stage = 'checking' | 'signing' | 'confirming';

/** What the one who waits is told. */
export type PurchaseStage = Stage | { readonly requoted: string };

/** A transaction that was signed and may land. */
export interface Submitted {
  /** `undefined` while a wallet that sends itself has not told it. */
  readonly signature: Signature | undefined;
  /** `undefined` where the wallet has sent it itself. */
  readonly transaction?: Transaction | undefined;
  readonly lastValidBlockHeight: bigint;
}

/** What became of a submitted transaction. */
export type Outcome =
  | { readonly kind: 'landed'; readonly slot: bigint }
  | { readonly kind: 'failed'; readonly refusal: Refusal }
  | { readonly kind: 'expired' };

/** A transaction that was simulated and waits to be signed. */
export interface Prepared {
  readonly transaction: Signable;
  readonly lastValidBlockHeight: bigint;
  /** Network fee in lamports. */
  readonly fee: bigint;
  readonly computeUnits: number;
  /** Priority fee in micro-lamports per compute unit. */
  readonly price: bigint;
}

const MAX_COMPUTE_UNITS = 1_400_000;
/** What the limit leaves above the simulation: 10 %, and room for a token account that grew and for what wallets add. */
const MARGIN_PERCENT = 10;
const MARGIN_UNITS = 15_000;
/** Blocks for which a blockhash lives. */
const BLOCKHASH_BLOCKS = 150n;
/** Blocks by which a node may lag behind the one that a wallet asks. */
export const LAG_BLOCKS = 32n;
/** No priority fee is paid above this price, in micro-lamports per compute unit. */
const MAX_PRICE = 200_000n;
const RESEND_MS = 2_000;
const POLL_MS = 400;

function compile(
  feePayer: Address,
  blockhash: {
    blockhash: Parameters<typeof setTransactionMessageLifetimeUsingBlockhash>[0]['blockhash'];
    lastValidBlockHeight: bigint;
  },
  instructions: readonly Instruction[],
): Signable {
  const message = pipe(
    createTransactionMessage({ version: 0 }),
    (draft) => setTransactionMessageFeePayer(feePayer, draft),
    (draft) => setTransactionMessageLifetimeUsingBlockhash(blockhash, draft),
    (draft) => appendTransactionMessageInstructions(instructions, draft),
  );
  return compileTransaction(message);
}

/** Bytes on the wire of a transaction with these instructions. */
export function sizeOf(feePayer: Address, instructions: readonly Instruction[]): number {
  const nowhere = { blockhash: '11111111111111111111111111111111' as never, lastValidBlockHeight: 0n };
  const budget = [computeUnitLimit(0), computeUnitPrice(0n)];
  return getTransactionEncoder().encode(compile(feePayer, nowhere, [...budget, ...instructions])).length;
}

/** Whether one transaction holds instructions, with room for what wallets add. */
export function fitsTransaction(feePayer: Address, instructions: readonly Instruction[]): boolean {
  const named = instructions.flatMap((one) => [one.programAddress, ...(one.accounts ?? []).map((a) => a.address)]);
  return (
    new Set(named).size < TRANSACTION_ACCOUNTS && sizeOf(feePayer, instructions) <= TRANSACTION_BYTES - WALLET_BYTES
  );
}

/** Puts instructions together as long as one transaction holds them; refused where there is none. */
export function together(
  caller: Address,
  parts: readonly (readonly Instruction[])[],
  why: string,
): readonly Instruction[] {
  const instructions: Instruction[] = [];
  for (const part of parts) {
    if (!fitsTransaction(caller, [...instructions, ...part])) break;
    instructions.push(...part);
  }
  if (instructions.length === 0) throw new Refusal(why);
  return instructions;
}

async function reach<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (isUnreachable(error)) throw new Unreachable(cause(error));
    throw error;
  }
}

/** The price that three quarters of recent transactions on the same accounts paid at most. */
async function priorityPrice({ rpc }: Connection, instructions: readonly Instruction[]): Promise<bigint> {
  const writable = instructions.flatMap(({ accounts = [] }) =>
    accounts.filter(({ role }) => (role & 1) === 1).map((account) => account.address),
  );
  const recent = await reach(rpc.getRecentPrioritizationFees([...new Set(writable)].slice(0, 64)).send());
  const prices = recent.map(({ prioritizationFee }) => BigInt(prioritizationFee)).sort((a, b) => compare(a, b));
  const price = prices[Math.floor(prices.length * 0.75)] ?? 0n;
  return price > MAX_PRICE ? MAX_PRICE : price;
}

/**
 * Simulates instructions and makes the transaction to sign.
 *
 * @throws Refusal where it would fail, with the program's sentence.
 */
export async function prepare(
  connection: Connection,
  feePayer: Address,
  instructions: readonly Instruction[],
): Promise<Prepared> {
  const { rpc } = connection;
  const [{ value: blockhash }, price] = await Promise.all([
    reach(rpc.getLatestBlockhash({ commitment: COMMITMENT }).send()),
    priorityPrice(connection, instructions),
  ]);
  // Also a price of zero is set: wallets put in one of their own where there is none, and the fee shown would not hold.
  const budget = (units: number) => [computeUnitLimit(units), computeUnitPrice(price)];
  const trial = compile(feePayer, blockhash, [...budget(MAX_COMPUTE_UNITS), ...instructions]);
  const { value } = await reach(
    rpc
      .simulateTransaction(getBase64EncodedWireTransaction(trial), {
        commitment: COMMITMENT,
        encoding: 'base64',
        replaceRecentBlockhash: true,
        sigVerify: false,
      })
      .send(),
  );
  if (value.err !== null) throw explainTransaction(value.err, value.logs ?? []);
  const used = Number(value.unitsConsumed ?? 0n);
  const computeUnits = Math.min(MAX_COMPUTE_UNITS, Math.ceil((used * (100 + MARGIN_PERCENT)) / 100) + MARGIN_UNITS);
  const transaction = compile(feePayer, blockhash, [...budget(computeUnits), ...instructions]);
  const message = getBase64Decoder().decode(transaction.messageBytes) as TransactionMessageBytesBase64;
  const { value: fee } = await reach(rpc.getFeeForMessage(message, { commitment: COMMITMENT }).send());
  return {
    transaction,
    lastValidBlockHeight: blockhash.lastValidBlockHeight,
    fee: fee ?? 0n,
    computeUnits,
    price,
  };
}

/** Submits a signed transaction, unless its wallet has, until it has landed, failed or expired. */
export async function confirm(
  { rpc }: Connection,
  { signature, transaction, lastValidBlockHeight }: Submitted & { readonly signature: Signature },
  patienceMs: number,
): Promise<Outcome> {
  const wire = transaction === undefined ? undefined : getBase64EncodedWireTransaction(transaction);
  const startedAt = Date.now();
  let sentAt = 0;
  for (;;) {
    try {
      if (wire !== undefined && Date.now() - sentAt >= RESEND_MS) {
        sentAt = Date.now();
        await rpc
          .sendTransaction(wire, {
            encoding: 'base64',
            skipPreflight: true,
            maxRetries: 0n,
            preflightCommitment: COMMITMENT,
          })
          .send();
      }
      // Height first: a transaction that is not found after its last valid block can never land.
      const height = await rpc.getBlockHeight({ commitment: COMMITMENT }).send();
      const { value } = await rpc.getSignatureStatuses([signature], { searchTransactionHistory: true }).send();
      const status = value[0];
      if (status !== null && status !== undefined && status.confirmationStatus !== 'processed') {
        if (status.err === null) return { kind: 'landed', slot: status.slot };
        return { kind: 'failed', refusal: await explainLanded(rpc, signature, status.err) };
      }
      if ((status === null || status === undefined) && height > lastValidBlockHeight) return { kind: 'expired' };
    } catch (error) {
      // The transaction may be on its way: whatever the node answers, its fate is asked for until patience is over.
      if (Date.now() - startedAt > patienceMs) throw new Unreachable(cause(error));
    }
    if (Date.now() - startedAt > patienceMs) throw new Unreachable(t.send.theNetworkDidNotConfirm);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function explainLanded(rpc: Connection['rpc'], signature: Signature, error: TransactionError): Promise<Refusal> {
  const found = await rpc
    .getTransaction(signature, { commitment: COMMITMENT, encoding: 'json', maxSupportedTransactionVersion: 0 })
    .send();
  return explainTransaction(error, found?.meta?.logMessages ?? []);
}

/** The blockhash that a transaction names. */
const blockhashOf = ({ messageBytes }: Transaction) =>
  getCompiledTransactionMessageDecoder().decode(messageBytes).lifetimeToken;

/** Last block in which whatever a wallet signs now can land, whichever blockhash it puts in. */
export async function latestExpiry({ rpc }: Connection): Promise<bigint> {
  const height = await reach(rpc.getBlockHeight({ commitment: 'processed' }).send());
  return height + BLOCKHASH_BLOCKS + LAG_BLOCKS;
}

/** Whatever names a key in a transaction's instructions, as text to compare. */
function usesOf(key: Address, { messageBytes }: Transaction): string {
  const message = getCompiledTransactionMessageDecoder().decode(messageBytes);
  if (!('instructions' in message)) return '';
  const { staticAccounts, instructions } = message;
  const named = instructions.filter(({ accountIndices = [] }) =>
    accountIndices.some((index) => staticAccounts[index] === key),
  );
  return JSON.stringify(
    named.map(({ programAddressIndex, accountIndices = [], data }) => [
      staticAccounts[programAddressIndex],
      accountIndices.map((index) => staticAccounts[index]),
      [...(data ?? [])],
    ]),
  );
}

/** Adds a cosigner's signature; only where its key is used for what was asked, and nothing else. */
async function cosign<T extends Transaction>(
  { address, keyPair }: Cosigner,
  transaction: T,
  asked: Transaction,
): Promise<T> {
  if (usesOf(address, transaction) !== usesOf(address, asked)) throw new Refusal(t.send.theWalletChangedIt);
  return partiallySignTransaction([keyPair], transaction);
}

/** Has prepared transactions signed in one approval, and by a cosigner where one is needed. */
export async function sign(
  connection: Connection,
  signer: Signer,
  prepared: readonly Pick<Prepared, 'transaction' | 'lastValidBlockHeight'>[],
  cosigner?: Cosigner,
): Promise<readonly (Submitted & { readonly signature: Signature })[]> {
  const unsigned = prepared.map(({ transaction }) => transaction);
  const early = cosigner !== undefined && signer.sends;
  // A wallet that sends itself must get the other signature with the transaction; any other may still add to it.
  const asking = early ? await Promise.all(unsigned.map((one) => cosign(cosigner, one, one))) : unsigned;
  const answered = await signer.sign(asking);
  const signed =
    cosigner === undefined || early
      ? answered
      : await Promise.all(
          answered.map(async (one, index) => {
            const [asked, { transaction }] = [unsigned[index], one];
            return asked === undefined || transaction === undefined
              ? one
              : { ...one, transaction: await cosign(cosigner, transaction, asked) };
          }),
        );
  if (signed.length !== prepared.length) {
    throw new Error(`The wallet returned ${signed.length} transactions of ${prepared.length}; nothing was sent`);
  }
  return Promise.all(
    signed.map(async ({ signature, transaction }, index) => {
      const asked = prepared[index];
      const isAsAsked =
        asked !== undefined && transaction !== undefined && blockhashOf(transaction) === blockhashOf(asked.transaction);
      const lastValidBlockHeight = isAsAsked ? asked.lastValidBlockHeight : await latestExpiry(connection);
      return { signature, transaction, lastValidBlockHeight };
    }),
  );
}

/** A transaction that landed. */
export interface Sent {
  readonly signature: Signature;
  readonly slot: bigint;
}

/** How often what conflicts with others, or expires unsigned for long, is tried. */
const ATTEMPTS = 3;
const PATIENCE_MS = 90_000;

/**
 * Simulates, has it signed, sends and waits. `build` is asked anew where something moved in between; it decides
 * whether to go on.
 */
export async function send(
  connection: Connection,
  signer: Signer,
  build: () => Promise<readonly Instruction[]>,
  onStage: (stage: Stage) => void,
  cosigner?: Cosigner,
): Promise<Sent> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      onStage('checking');
      const prepared = await prepare(connection, signer.address, await build());
      onStage('signing');
      const [submitted] = await sign(connection, signer, [prepared], cosigner);
      if (submitted === undefined) throw new Error('The wallet returned nothing');
      onStage('confirming');
      const outcome = await confirm(connection, submitted, PATIENCE_MS);
      if (outcome.kind === 'landed') return { signature: submitted.signature, slot: outcome.slot };
      if (outcome.kind === 'failed') throw outcome.refusal;
      if (attempt >= ATTEMPTS) {
        throw new Refusal(t.send.theNetworkDidNotTake);
      }
    } catch (error) {
      if (!(error instanceof Refusal && error.conflict && attempt < ATTEMPTS)) throw error;
    }
  }
}

/** Transactions of a row that a wallet signs in one approval: they must land before their blockhash expires. */
export const SIGNED_AT_ONCE = 10;

/**
 * Sends transactions of which each needs the one before. The first of each approval is simulated. The others cannot be, and
 * are given `computeUnits`. A wallet that sends itself is asked for one after the other. `onLanded` hears of each.
 */
export async function sendInOrder(
  connection: Connection,
  signer: Signer,
  steps: readonly (readonly Instruction[])[],
  computeUnits: number,
  onStage: (stage: Stage) => void,
  onLanded: (step: number) => void,
): Promise<void> {
  const atOnce = signer.sends ? 1 : SIGNED_AT_ONCE;
  for (let at = 0; at < steps.length; at += atOnce) {
    const [first = [], ...others] = steps.slice(at, at + atOnce);
    onStage('checking');
    const prepared = await prepare(connection, signer.address, first);
    const { transaction, lastValidBlockHeight, price } = prepared;
    const budget = [computeUnitLimit(computeUnits), computeUnitPrice(price)];
    const blind = others.map((instructions) => ({
      transaction: compile(signer.address, transaction.lifetimeConstraint, [...budget, ...instructions]),
      lastValidBlockHeight,
    }));
    onStage('signing');
    const submitted = await sign(connection, signer, [prepared, ...blind]);
    onStage('confirming');
    for (const [index, one] of submitted.entries()) {
      const outcome = await confirm(connection, one, PATIENCE_MS);
      if (outcome.kind === 'failed') throw outcome.refusal;
      if (outcome.kind === 'expired') throw new Refusal(t.send.theNetworkDidNotTake);
      onLanded(at + index);
    }
  }
}
