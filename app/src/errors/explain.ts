/** What went wrong, in sentences: the program's own come from the IDL, the others name the cause and the remedy. */

import {
  isSolanaError,
  SOLANA_ERROR__JSON_RPC__SERVER_ERROR_NODE_UNHEALTHY,
  SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR,
  SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CLOSED_BEFORE_MESSAGE_BUFFERED,
  SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CONNECTION_CLOSED,
  SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_FAILED_TO_CONNECT,
  SOLANA_ERROR__RPC_SUBSCRIPTIONS__EXPECTED_SERVER_SUBSCRIPTION_ID,
} from '@solana/kit';

import { visible } from '../amount/text';
import { getMultibusErrorMessage, type MultibusError } from '../generated';
import * as generated from '../generated';
import { PROGRAM, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM } from '../programs';
import type { Pending } from '../state/journal';
import { t } from '../words';

/** A refusal that the user can read and act on. */
export class Refusal extends Error {
  /**
   * @param message What happened and what to do next.
   * @param detail The values that disagree, as the program logged them.
   * @param conflict Whether somebody else was faster or a price moved, so that a fresh quote may do.
   * @param code Number of the program's error, where it refused.
   * @param isOfProgram Whether a program refused, not the network.
   */
  constructor(
    message: string,
    readonly detail?: string,
    readonly conflict = false,
    readonly code?: number,
    readonly isOfProgram = false,
  ) {
    super(message);
  }
}

/** The user declined to sign. */
export class Declined extends Error {
  constructor() {
    super(t.explain.youDeclinedInYourWallet);
  }
}

/** A wallet did not do what it was asked for, in its own words. */
export class WalletFailure extends Error {
  /** @param mayHaveSent Whether the wallet sends what it signs itself, so that nobody else knows. */
  constructor(
    readonly words: string,
    mayHaveSent: boolean,
  ) {
    super(mayHaveSent ? t.explain.yourWalletSaysItMay(words) : t.explain.yourWalletSaysNothingWas(words));
  }
}

/** Nobody can tell now whether a purchase happened; the journal goes on asking. */
export class FateUnknown extends Error {
  /** @param words What the wallet said that was asked to send it. */
  constructor(
    readonly pending: Pending,
    words?: string,
  ) {
    super(words === undefined ? t.explain.theNetworkDoesNotAnswer : t.explain.yourWalletSaysItMay2(words));
  }
}

/** Code by which wallets say that their owner declined (EIP-1193). */
const DECLINED = 4_001;

/** Whether a wallet says by its code that its owner declined. Its words tell nothing: wallets say anything in them. */
export function isDeclined(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ('code' in error && error.code === DECLINED) return true;
  return 'cause' in error && isDeclined(error.cause);
}

/** What a wallet threw, as the error to show. */
export function walletError(error: unknown, mayHaveSent: boolean): Declined | WalletFailure {
  return isDeclined(error) ? new Declined() : new WalletFailure(wordsOf(error), mayHaveSent);
}

/** The words of whatever was thrown, without the stop at their end. */
export function wordsOf(error: unknown): string {
  const words =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  return visible(words.trim().replace(/\.$/u, '')) || t.explain.noReason;
}

/** The node did not answer; nothing is known of what was asked. */
export class Unreachable extends Error {}

/** Codes of refusals after which a fresh quote may succeed. */
const CONFLICTS: ReadonlySet<number> = new Set([
  generated.MULTIBUS_ERROR__OFFER_CANCELLED,
  generated.MULTIBUS_ERROR__OFFER_EXPIRED,
  generated.MULTIBUS_ERROR__ENERGY_UNAVAILABLE,
  generated.MULTIBUS_ERROR__PRICE_ABOVE_LIMIT,
  generated.MULTIBUS_ERROR__VERSION_MISMATCH,
  generated.MULTIBUS_ERROR__TOTAL_ABOVE_LIMIT,
  generated.MULTIBUS_ERROR__NONCE_MISMATCH,
  generated.MULTIBUS_ERROR__NUMBER_NOT_NEXT,
  generated.MULTIBUS_ERROR__GATE_CLOSED,
  generated.MULTIBUS_ERROR__FIRST_SLOT_INVALID,
]);

/** Code of the refusal of a nonce that is not the lane's next. */
export const NONCE_MISMATCH: number = generated.MULTIBUS_ERROR__NONCE_MISMATCH;
/** Code of the refusal of a new lane whose first slot is over. */
export const FIRST_SLOT_INVALID: number = generated.MULTIBUS_ERROR__FIRST_SLOT_INVALID;

/** The error that a node reports for a transaction, in its JSON form. */
export type TransactionError = string | { readonly InstructionError?: readonly [unknown, unknown] } | object;

const FIRST_CODE = 6_000;

const TOKEN_SENTENCES: Readonly<Record<number, string>> = {
  0: t.explain.theTokenAccountHasToo,
  1: t.explain.yourTokenAccountHoldsLess,
  3: t.explain.theTokenAccountIsOf,
  4: t.explain.theseTokensBelongToAnother,
  17: t.explain.theTokenAccountIsFrozen,
};

/** The system program's number for an account that exists already. */
const EXISTS = 0;
const SYSTEM_SENTENCES: Readonly<Record<number, string>> = {
  0: t.explain.somethingExistsAtThatAddress,
  1: t.explain.yourWalletHasTooLittle,
};

const INSTRUCTION_SENTENCES: Readonly<Record<string, string>> = {
  MissingRequiredSignature: t.explain.aSignatureIsMissingSign,
  InsufficientFunds: t.explain.anAccountHasTooLittle,
  IllegalOwner: t.explain.anAccountIsMissingOr,
  InvalidAccountOwner: t.explain.anAccountIsMissingOr,
  UninitializedAccount: t.explain.anAccountDoesNotExist,
  InvalidAccountData: t.explain.anAccountIsMissingOr2,
  AccountDataTooSmall: t.explain.anAccountIsMissingIt,
  AccountAlreadyInitialized: t.explain.theAccountExistsAlreadyIt,
  ComputationalBudgetExceeded: t.explain.theTransactionIsTooLarge,
  UnsupportedProgramId: t.explain.multibusIsNotOnThis,
};

/** Refusals that mean that an account closed since it was read. */
const GONE: ReadonlySet<string> = new Set([
  'IllegalOwner',
  'InvalidAccountOwner',
  'UninitializedAccount',
  'InvalidAccountData',
  'AccountDataTooSmall',
]);

const TRANSACTION_SENTENCES: Readonly<Record<string, string>> = {
  AccountNotFound: t.explain.yourWalletHasNoSol,
  InsufficientFundsForFee: t.explain.yourWalletHasTooLittle2,
  InsufficientFundsForRent: t.explain.anAccountWouldHoldToo,
  InvalidProgramForExecution: t.explain.multibusIsNotOnThis,
  ProgramAccountNotFound: t.explain.multibusIsNotOnThis,
  BlockhashNotFound: t.explain.theTransactionIsTooOld,
  TooManyAccountLocks: t.explain.theTransactionNamesTooMany,
};

/** Who refused first, and the last line that it logged. */
function refuser(logs: readonly string[]): { program: string | undefined; said: string | undefined } {
  const stack: { program: string; said?: string }[] = [];
  for (const line of logs) {
    if (!line.startsWith('Program ')) continue;
    const rest = line.slice('Program '.length);
    const top = stack.at(-1);
    if (rest.startsWith('log: ')) {
      if (top !== undefined) top.said = rest.slice('log: '.length);
      continue;
    }
    const [program = '', what = ''] = rest.split(' ', 2);
    if (what === 'invoke') stack.push({ program });
    else if (what === 'success') stack.pop();
    else if (what.startsWith('failed')) return { program, said: top?.program === program ? top.said : undefined };
  }
  return { program: undefined, said: undefined };
}

/** Explains why a transaction failed, from what the node reports and the transaction's log. */
export function explainTransaction(error: TransactionError, logs: readonly string[]): Refusal {
  const instruction =
    typeof error === 'object' && 'InstructionError' in error ? error.InstructionError?.[1] : undefined;
  if (instruction === undefined) {
    const name = typeof error === 'string' ? error : (Object.keys(error)[0] ?? t.explain.anUnknownError);
    return new Refusal(TRANSACTION_SENTENCES[name] ?? t.explain.theNetworkRefusedTheTransaction(name));
  }
  const { program, said } = refuser(logs);
  if (typeof instruction === 'object' && instruction !== null && 'Custom' in instruction) {
    const code = Number(instruction.Custom);
    const isOurs = program === undefined || program === PROGRAM;
    if (isOurs && code >= FIRST_CODE) {
      const sentence = sentenceOf(code);
      if (sentence !== undefined) return new Refusal(sentence, said, CONFLICTS.has(code), code, true);
    }
    const known =
      program === TOKEN_PROGRAM || program === TOKEN_2022_PROGRAM
        ? TOKEN_SENTENCES[code]
        : program === SYSTEM_PROGRAM
          ? SYSTEM_SENTENCES[code]
          : undefined;
    // Whoever created the account in between did what was wanted: what comes next is seen anew.
    if (known !== undefined)
      return new Refusal(known, said, program === SYSTEM_PROGRAM && code === EXISTS, undefined, true);
    const sentence = t.explain.aProgramThatThisTransaction;
    return new Refusal(sentence, said ?? program, false, undefined, true);
  }
  const name = typeof instruction === 'string' ? instruction : t.explain.anUnknownError;
  return new Refusal(
    INSTRUCTION_SENTENCES[name] ?? t.explain.theTransactionWasRefusedNothing(name),
    said,
    GONE.has(name) && (program === undefined || program === PROGRAM),
    undefined,
    true,
  );
}

/** Sentences about auctions, in the order of their codes. */
const AUCTION_SENTENCES: readonly string[] = Object.values(t.auctionErrors);

/** The program's sentence for an error: in the page's language where the app has it, else from the IDL. */
export function sentenceOf(code: number): string | undefined {
  const own = AUCTION_SENTENCES[code - generated.MULTIBUS_ERROR__AUCTION_WITHOUT_WINDOWS];
  if (own !== undefined) return own;
  const sentence = getMultibusErrorMessage(code as MultibusError) as string | undefined;
  return sentence === undefined || sentence === '' ? undefined : t.explain.ofProgram(code, withStop(sentence));
}

function withStop(sentence: string): string {
  return /[.!?]$/u.test(sentence) ? sentence : `${sentence}.`;
}

/** Whether an error's message is made for the user. */
export function isTold(error: unknown): error is Error {
  return [Refusal, Declined, WalletFailure, FateUnknown].some((kind) => error instanceof kind);
}

/** Whatever was thrown, as a sentence for the user. */
export function sentence(error: unknown): string {
  if (isTold(error)) return error.message;
  if (isUnreachable(error)) return t.explain.theNetworkDoesNotAnswer2;
  return withStop(cause(error));
}

/** Why something failed, in a few words: the reason behind a {@link sentence}. */
export function cause(error: unknown): string {
  // Built apps are without the texts of Kit's errors, which are left with a number and where to look it up.
  if (isSolanaError(error, SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR)) {
    return t.explain.theNodeAnswersWithHttp(error.context.statusCode);
  }
  if (isSolanaError(error)) {
    const code = error.context.__code;
    return AWAY.get(code) ?? t.explain.theNodeAnswersWithError(code);
  }
  if (isFailedFetch(error)) return t.explain.theNodeTakesNoConnection;
  return error instanceof Error ? error.message : String(error);
}

/** Errors of Kit, besides those of HTTP, that say that a node is not there, and what they are called here. */
const AWAY: ReadonlyMap<number, string> = new Map([
  [SOLANA_ERROR__JSON_RPC__SERVER_ERROR_NODE_UNHEALTHY, t.explain.theNodeLagsBehindIts],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CLOSED_BEFORE_MESSAGE_BUFFERED, t.explain.theNodeHasClosedThe],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CONNECTION_CLOSED, t.explain.theNodeHasClosedThe],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_FAILED_TO_CONNECT, t.explain.theNodeTakesNoConnection],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__EXPECTED_SERVER_SUBSCRIPTION_ID, t.explain.theNodeTakesNoSubscription],
]);

/** Whether a browser could not send a request at all; each browser says so in its own words, in English. */
function isFailedFetch(error: unknown): boolean {
  return error instanceof TypeError && /fetch|network|load failed/iu.test(error.message);
}

/** Whether a request failed because the node could not be reached or did not answer in time. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  if (isSolanaError(error, SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR)) return true;
  if (isSolanaError(error)) return AWAY.has(error.context.__code);
  if (!(error instanceof Error)) return false;
  if (isFailedFetch(error)) return true;
  return /Failed to fetch|WebSocket|timed? ?out|silent/iu.test(error.message);
}
