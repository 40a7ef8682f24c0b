/** What instructions say, for tests: their name, their data, and the addresses of their accounts by place. */

import type { Address, Instruction } from '@solana/kit';

import { identifyMultibusInstruction, MultibusInstruction } from '../generated';
import { ASSOCIATED_TOKEN_PROGRAM, PROGRAM } from '../programs';

/** The names of instructions, in their order; the creation of a token account is `CreateTokenAccount`. */
export function namesOf(instructions: readonly Instruction[]): readonly string[] {
  return instructions.map(({ programAddress, data }) => {
    if (programAddress === ASSOCIATED_TOKEN_PROGRAM) return 'CreateTokenAccount';
    if (programAddress !== PROGRAM || data === undefined) return programAddress;
    return MultibusInstruction[identifyMultibusInstruction({ data })];
  });
}

/** Data of an instruction. */
export function dataOf(instruction: Instruction | undefined): Uint8Array {
  return new Uint8Array(instruction?.data ?? []);
}

/** Addresses of an instruction's accounts. */
export function addressesOf(instruction: Instruction | undefined): readonly Address[] {
  return (instruction?.accounts ?? []).map(({ address }) => address);
}
