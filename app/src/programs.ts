/** Addresses of the programs that the app talks to. */

import { address } from '@solana/kit';

export { MULTIBUS_PROGRAM_ADDRESS as PROGRAM } from './generated';

/** The program on local networks. Its key is in `migrations/localnet-program-key.json`, where everybody can read it. */
export const LOCAL_PROGRAM = address('Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi');
/** The system program. */
export const SYSTEM_PROGRAM = address('11111111111111111111111111111111');
/** SPL Token. */
export const TOKEN_PROGRAM = address('TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA');
/** Token-2022. */
export const TOKEN_2022_PROGRAM = address('TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb');
/** Makes the token account that a wallet has by convention. */
export const ASSOCIATED_TOKEN_PROGRAM = address('ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL');
/** Limits and prices compute units. */
export const COMPUTE_BUDGET_PROGRAM = address('ComputeBudget111111111111111111111111111111');
/** Checks Ed25519 signatures that stand in its instruction. */
export const ED25519_PROGRAM = address('Ed25519SigVerify111111111111111111111111111');
/** What an instruction reads the others of its transaction from. */
export const INSTRUCTIONS_SYSVAR = address('Sysvar1nstructions1111111111111111111111111');
