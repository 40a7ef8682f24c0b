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
    super('You declined in your wallet; nothing was sent.');
  }
}

/** A wallet did not do what it was asked for, in its own words. */
export class WalletFailure extends Error {
  /** @param mayHaveSent Whether the wallet sends what it signs itself, so that nobody else knows. */
  constructor(
    readonly words: string,
    mayHaveSent: boolean,
  ) {
    super(
      mayHaveSent
        ? `Your wallet says: “${words}”. It may have sent it all the same: look whether it happened before you try again.`
        : `Your wallet says: “${words}”. Nothing was sent.`,
    );
  }
}

/** Nobody can tell now whether a purchase happened; the journal goes on asking. */
export class FateUnknown extends Error {
  /** @param words What the wallet said that was asked to send it. */
  constructor(
    readonly pending: Pending,
    words?: string,
  ) {
    super(
      words === undefined
        ? 'The network does not answer, so nobody can tell yet whether the purchase happened. It is watched and shown as soon as that is known; nothing is paid twice.'
        : `Your wallet says: “${words}”. It may have sent the purchase all the same, so the purchase is watched until the chain tells. Wait for that before you buy again.`,
    );
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
  return visible(words.trim().replace(/\.$/u, '')) || 'no reason';
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
  generated.MULTIBUS_ERROR__OFFER_SEQ_UNUSABLE,
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
  0: 'The token account has too little SOL for its rent; fund it.',
  1: 'Your token account holds less than the payment; add tokens, or buy less.',
  3: 'The token account is of another mint; use one of the bus’s settlement mint.',
  4: 'These tokens belong to another wallet; switch to the wallet that owns them.',
  17: 'The token account is frozen by the token’s issuer; ask the issuer.',
};

/** The system program's number for an account that exists already. */
const EXISTS = 0;
const SYSTEM_SENTENCES: Readonly<Record<number, string>> = {
  0: 'Something exists at that address already; it may have been done a moment ago.',
  1: 'Your wallet has too little SOL for rent and fees; add SOL.',
};

const INSTRUCTION_SENTENCES: Readonly<Record<string, string>> = {
  MissingRequiredSignature: 'A signature is missing; sign with the wallet that must sign.',
  InsufficientFunds: 'An account has too little SOL; add SOL.',
  IllegalOwner: 'An account is missing or belongs to another program; it may have closed a moment ago.',
  InvalidAccountOwner: 'An account is missing or belongs to another program; it may have closed a moment ago.',
  UninitializedAccount: 'An account does not exist any more; it may have closed a moment ago.',
  InvalidAccountData: 'An account is missing or of another kind; it may have closed a moment ago.',
  AccountDataTooSmall: 'An account is missing; it may have closed a moment ago.',
  AccountAlreadyInitialized: 'The account exists already; it may have been created a moment ago.',
  ComputationalBudgetExceeded: 'The transaction is too large for one; buy from fewer offers at once.',
  UnsupportedProgramId: 'MultiBus is not on this network; choose another network.',
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
  AccountNotFound: 'Your wallet has no SOL on this network; add some for fees first.',
  InsufficientFundsForFee: 'Your wallet has too little SOL for the network fee; add SOL.',
  InsufficientFundsForRent: 'An account would hold too little SOL for its rent; add SOL.',
  InvalidProgramForExecution: 'MultiBus is not on this network; choose another network.',
  ProgramAccountNotFound: 'MultiBus is not on this network; choose another network.',
  BlockhashNotFound: 'The transaction is too old, or the node lags behind; try again.',
  TooManyAccountLocks: 'The transaction names too many accounts; buy from fewer offers at once.',
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
    const name = typeof error === 'string' ? error : (Object.keys(error)[0] ?? 'an unknown error');
    return new Refusal(TRANSACTION_SENTENCES[name] ?? `The network refused the transaction (${name}); try again.`);
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
    const sentence = 'A program that this transaction uses refused it; nothing was changed.';
    return new Refusal(sentence, said ?? program, false, undefined, true);
  }
  const name = typeof instruction === 'string' ? instruction : 'an unknown error';
  return new Refusal(
    INSTRUCTION_SENTENCES[name] ?? `The transaction was refused (${name}); nothing was changed.`,
    said,
    GONE.has(name) && (program === undefined || program === PROGRAM),
    undefined,
    true,
  );
}

/** The program's sentence for an error, from the IDL. */
export function sentenceOf(code: number): string | undefined {
  const sentence = getMultibusErrorMessage(code as MultibusError) as string | undefined;
  return sentence === undefined || sentence === '' ? undefined : withStop(sentence);
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
  if (isUnreachable(error)) return 'The network does not answer. Your money is safe: nothing happens twice.';
  return withStop(cause(error));
}

/** Why something failed, in a few words: the reason behind a {@link sentence}. */
export function cause(error: unknown): string {
  // Built apps are without the texts of Kit's errors, which are left with a number and where to look it up.
  if (isSolanaError(error, SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR)) {
    return `the node answers with HTTP ${error.context.statusCode}`;
  }
  if (isSolanaError(error)) {
    const code = error.context.__code;
    return AWAY.get(code) ?? `the node answers with error ${code}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Errors of Kit, besides those of HTTP, that say that a node is not there, and what they are called here. */
const AWAY: ReadonlyMap<number, string> = new Map([
  [SOLANA_ERROR__JSON_RPC__SERVER_ERROR_NODE_UNHEALTHY, 'the node lags behind its network'],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CLOSED_BEFORE_MESSAGE_BUFFERED, 'the node has closed the connection'],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CONNECTION_CLOSED, 'the node has closed the connection'],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_FAILED_TO_CONNECT, 'the node takes no connection'],
  [SOLANA_ERROR__RPC_SUBSCRIPTIONS__EXPECTED_SERVER_SUBSCRIPTION_ID, 'the node takes no subscription'],
]);

/** Whether a request failed because the node could not be reached or did not answer in time. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof Unreachable) return true;
  if (isSolanaError(error, SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR)) return true;
  if (isSolanaError(error)) return AWAY.has(error.context.__code);
  if (!(error instanceof Error)) return false;
  if (error instanceof TypeError && /fetch|network|load failed/iu.test(error.message)) return true;
  return /Failed to fetch|WebSocket|timed? ?out|silent/iu.test(error.message);
}
