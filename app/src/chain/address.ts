/** Addresses that follow from seeds, and the few instructions of other programs that the app needs. */

import { AccountRole, getAddressEncoder, getProgramDerivedAddress, type Address, type Instruction } from '@solana/kit';

import {
  findBidPda,
  findBookPda,
  findBusPda,
  findCapacityPda,
  findCertificatePda,
  findClaimPda,
  findClearingPda,
  findCreatorPda,
  findDevicePda,
  findEscrowPda,
  findLedgerPda,
  findLockPda,
  findMeterPda,
  findOfferPda,
  findPositionPda,
  findProposalPda,
  findSellerPda,
  findTraderPda,
  findTreasuryPda,
  findUnclaimedPda,
  findVaultPda,
} from '../generated';
import { ASSOCIATED_TOKEN_PROGRAM, COMPUTE_BUDGET_PROGRAM, SYSTEM_PROGRAM } from '../programs';
import { unhex } from './hex';

/** The account that numbers a wallet's buses. */
export const creatorAddress = async (wallet: Address) => (await findCreatorPda({ wallet }))[0];
/** A bus of a creator. */
export const busAddress = async (creator: Address, busSeq: bigint) => (await findBusPda({ creator, busSeq }))[0];
/** Capacity of a window of a bus; window start 0 for the bus as a whole. */
export const capacityAddress = async (bus: Address, windowStart: number) =>
  (await findCapacityPda({ bus, windowStart }))[0];
/** What changes on a bus without a decision. */
export const ledgerAddress = async (bus: Address) => (await findLedgerPda({ bus }))[0];
/** A wallet's seller account on a bus. */
export const sellerAddress = async (bus: Address, wallet: Address) => (await findSellerPda({ bus, wallet }))[0];
/** The token account that is paid for a seller. */
export const vaultAddress = async (seller: Address) => (await findVaultPda({ seller }))[0];
/** An offer of a seller. */
export const offerAddress = async (seller: Address, number: bigint) => (await findOfferPda({ seller, number }))[0];
/** A buyer's lock on an offer, in one of the places that a buyer has. */
export const lockAddress = async (offer: Address, buyer: Address, place: number) =>
  (await findLockPda({ offer, buyer, place }))[0];
/** The meter of a seller. */
export const meterAddress = async (seller: Address) => (await findMeterPda({ seller }))[0];
/** The device of a key. */
export const deviceAddress = async (key: Address) => (await findDevicePda({ key }))[0];
/** The delivery book of a seller, by the start of the first of its windows. */
export const bookAddress = async (seller: Address, firstWindow: number) =>
  (await findBookPda({ seller, firstWindow }))[0];
/** The position book of a buyer on a delivery book. */
export const positionAddress = async (book: Address, buyer: Address) => (await findPositionPda({ book, buyer }))[0];
/** The certificate of a range of what a seller delivered in a window. */
export const certificateAddress = async (seller: Address, windowStart: number, rangeStart: bigint) =>
  (await findCertificatePda({ seller, windowStart, rangeStart }))[0];
/** A nonce lane of a wallet. */
export const traderAddress = async (wallet: Address, lane: number) => (await findTraderPda({ wallet, lane }))[0];
/** A proposal of an owner of a bus. */
export const proposalAddress = async (bus: Address, proposer: Address, number: bigint) =>
  (await findProposalPda({ bus, proposer, number }))[0];
/** What could not be paid to a wallet of a bus. */
export const claimAddress = async (bus: Address, wallet: Address) => (await findClaimPda({ bus, wallet }))[0];
/** The token account of a bus that holds what could not be paid. */
export const unclaimedAddress = async (bus: Address) => (await findUnclaimedPda({ bus }))[0];
/** The token account of a bus that holds the deposits of bids. */
export const escrowAddress = async (bus: Address) => (await findEscrowPda({ bus }))[0];
/** The account of a bid with the bump of its address, by the bid's hash. */
export const bidAddress = async (hash: string) => {
  const [address, bump] = await findBidPda({ transactionHash: unhex(hash) });
  return { address, bump };
};
/** The proof of a window's price that a clearer makes. */
export const clearingAddress = async (capacity: Address, clearer: Address) =>
  (await findClearingPda({ capacity, clearer }))[0];
/** Treasury of a bus. */
export const treasuryAddress = async (bus: Address) => (await findTreasuryPda({ bus }))[0];

const bytes = (key: Address) => getAddressEncoder().encode(key);

/** Where a wallet keeps a token by convention. */
export async function tokenAccountAddress(wallet: Address, mint: Address, tokenProgram: Address): Promise<Address> {
  const [derived] = await getProgramDerivedAddress({
    programAddress: ASSOCIATED_TOKEN_PROGRAM,
    seeds: [bytes(wallet), bytes(tokenProgram), bytes(mint)],
  });
  return derived;
}

/** Creates a wallet's token account where it is missing; `payer` pays its rent. */
export async function createTokenAccount(
  payer: Address,
  wallet: Address,
  mint: Address,
  tokenProgram: Address,
): Promise<Instruction> {
  return {
    programAddress: ASSOCIATED_TOKEN_PROGRAM,
    accounts: [
      { address: payer, role: AccountRole.WRITABLE_SIGNER },
      { address: await tokenAccountAddress(wallet, mint, tokenProgram), role: AccountRole.WRITABLE },
      { address: wallet, role: AccountRole.READONLY },
      { address: mint, role: AccountRole.READONLY },
      { address: SYSTEM_PROGRAM, role: AccountRole.READONLY },
      { address: tokenProgram, role: AccountRole.READONLY },
    ],
    // The idempotent creation.
    data: Uint8Array.of(1),
  };
}

/** Limits the compute units of a transaction. */
export function computeUnitLimit(units: number): Instruction {
  const data = new DataView(new ArrayBuffer(5));
  data.setUint8(0, 2);
  data.setUint32(1, units, true);
  return { programAddress: COMPUTE_BUDGET_PROGRAM, data: new Uint8Array(data.buffer) };
}

/** What is paid for being executed early, in micro-lamports per compute unit. */
export function computeUnitPrice(microLamports: bigint): Instruction {
  const data = new DataView(new ArrayBuffer(9));
  data.setUint8(0, 3);
  data.setBigUint64(1, microLamports, true);
  return { programAddress: COMPUTE_BUDGET_PROGRAM, data: new Uint8Array(data.buffer) };
}
