/** What a transaction can hold. */

/** Bytes that a transaction can have on the wire. */
export const TRANSACTION_BYTES = 1_232;
/** Bytes that are left to wallets: Phantom and Solflare add instructions that guard their owners (Lighthouse). */
export const WALLET_BYTES = 96;
/** Accounts that a transaction can lock. */
export const TRANSACTION_ACCOUNTS = 64;
