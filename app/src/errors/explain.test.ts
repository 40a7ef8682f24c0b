// @vitest-environment node

import { readFileSync } from 'node:fs';

import {
  SOLANA_ERROR__JSON_RPC__METHOD_NOT_FOUND,
  SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR,
  SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CONNECTION_CLOSED,
  SolanaError,
} from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { MULTIBUS_ERROR__NAME_INVALID, MULTIBUS_ERROR__PRICE_ABOVE_LIMIT } from '../generated';
import { PROGRAM, TOKEN_PROGRAM } from '../programs';
import { cause, Declined, explainTransaction, isUnreachable, sentence, sentenceOf, Unreachable } from './explain';

const failed = (custom: number) => ({ InstructionError: [1, { Custom: custom }] as const });

describe('a refused transaction', () => {
  it('is told in the sentence of the IDL, with the values that disagree', () => {
    const refusal = explainTransaction(failed(MULTIBUS_ERROR__PRICE_ABOVE_LIMIT), [
      `Program ${PROGRAM} invoke [1]`,
      'Program log: price 12, limit 11',
      `Program ${PROGRAM} failed: custom program error: 0x1`,
    ]);
    expect(refusal.message).toContain("The offer's price with the grid fee is above your limit");
    expect(refusal.detail).toBe('price 12, limit 11');
    expect(refusal.conflict).toBe(true);
    expect(refusal.code).toBe(MULTIBUS_ERROR__PRICE_ABOVE_LIMIT);
  });

  it('has a sentence for every error of the IDL', () => {
    const idl = JSON.parse(readFileSync(new URL('../../../idl/multibus.json', import.meta.url), 'utf8')) as {
      errors: { code: number; msg: string }[];
    };
    expect(idl.errors.length).toBeGreaterThan(80);
    for (const { code, msg } of idl.errors) expect(sentenceOf(code)).toBe(`${msg}.`);
  });

  it('blames the innermost program', () => {
    const refusal = explainTransaction(failed(1), [
      `Program ${PROGRAM} invoke [1]`,
      'Program log: a line of the market',
      `Program ${TOKEN_PROGRAM} invoke [2]`,
      'Program log: Error: insufficient funds',
      `Program ${TOKEN_PROGRAM} failed: custom program error: 0x1`,
      `Program ${PROGRAM} failed: custom program error: 0x1`,
    ]);
    expect(refusal.message).toContain('holds less than the payment');
    expect(refusal.conflict).toBe(false);
  });

  it('does not take another program’s number for the market’s', () => {
    const other = 'Other11111111111111111111111111111111111111';
    const refusal = explainTransaction(failed(MULTIBUS_ERROR__NAME_INVALID), [
      `Program ${other} invoke [1]`,
      `Program ${other} failed: custom program error: 0x1770`,
    ]);
    expect(refusal.message).toContain('A program that this transaction uses refused it');
    expect(refusal.code).toBeUndefined();
  });

  it('that names a closed account is a conflict', () => {
    const refusal = explainTransaction({ InstructionError: [0, 'UninitializedAccount'] }, []);
    expect(refusal.conflict).toBe(true);
    expect(refusal.message).toContain('does not exist any more');
  });

  it('for want of SOL says so', () => {
    expect(explainTransaction('InsufficientFundsForFee', []).message).toContain('add SOL');
    expect(explainTransaction({ InsufficientFundsForRent: { account_index: 1 } }, []).message).toContain('add SOL');
  });
});

describe('what was thrown', () => {
  it('is a sentence, never a code', () => {
    expect(sentence(new Declined())).toBe('You declined in your wallet; nothing was sent.');
    expect(sentence(new Unreachable('x'))).toContain('does not answer');
    expect(sentence(new TypeError('Failed to fetch'))).toContain('does not answer');
    expect(sentence(new Error('the wallet is locked'))).toBe('the wallet is locked.');
  });

  it('is told apart from a node that is away', () => {
    expect(isUnreachable(new TypeError('Failed to fetch'))).toBe(true);
    // Browsers say so in English, each in its own words.
    for (const words of ['Failed to fetch', 'NetworkError when attempting to fetch resource.', 'Load failed'])
      expect(cause(new TypeError(words))).toBe('the node takes no connection');
    expect(isUnreachable(new TypeError('x is not a function'))).toBe(false);
    expect(isUnreachable('text')).toBe(false);
  });

  it('by Kit is known by its code, which built apps keep, and not by its text, which they do not', () => {
    const built = (error: Error) =>
      Object.assign(error, { message: 'Solana error #1; Decode this error by running …' });
    const headers = new Headers();
    const http = { headers, message: 'Service Unavailable', statusCode: 503 };
    const busy = built(new SolanaError(SOLANA_ERROR__RPC__TRANSPORT_HTTP_ERROR, http));
    expect([isUnreachable(busy), cause(busy)]).toEqual([true, 'the node answers with HTTP 503']);
    expect(sentence(busy)).toContain('does not answer');
    const closed = built(new SolanaError(SOLANA_ERROR__RPC_SUBSCRIPTIONS__CHANNEL_CONNECTION_CLOSED));
    expect([isUnreachable(closed), cause(closed)]).toEqual([true, 'the node has closed the connection']);
    const other = built(new SolanaError(SOLANA_ERROR__JSON_RPC__METHOD_NOT_FOUND, { __serverMessage: 'no' }));
    expect(isUnreachable(other)).toBe(false);
    expect(sentence(other)).toBe(`the node answers with error ${SOLANA_ERROR__JSON_RPC__METHOD_NOT_FOUND}.`);
  });
});
