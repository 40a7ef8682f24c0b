/** Creating a bus: its owners, how they decide, and the market that it is. */

import { address, isAddress, type Address } from '@solana/kit';

import type { Parsed } from '../../amount/decimal';
import { busAddress, capacityAddress, escrowAddress, treasuryAddress } from '../../chain/address';
import { readAccounts, type Connection } from '../../chain/connection';
import { symbolOf } from '../../chain/mint';
import { send, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getBusCreateInstruction, ListingPolicy } from '../../generated';
import type { LiveMarket } from '../../market/live';
import { SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM } from '../../programs';
import { t } from '../../words';

/** What owners decide about their bus when they create it. */
export interface BusConfig {
  readonly name: string;
  readonly owners: readonly { readonly wallet: Address; readonly shareBps: number }[];
  readonly threshold: number;
  readonly pauseQuorum: number;
  readonly openListing: boolean;
  readonly lockFeeBps: number;
  readonly timelockSeconds: number;
  readonly windowSeconds: number;
  readonly gateClosureSeconds: number;
  readonly capacityWh: bigint;
  readonly basePricePerKwh: bigint;
}

/** A settlement token. */
export interface Mint {
  readonly address: Address;
  readonly tokenProgram: Address;
  readonly decimals: number;
  /** By its own metadata. */
  readonly symbol: string | undefined;
}

/** Reads an address that somebody typed. */
export function parseAddress(text: string): Parsed<Address> {
  const compact = text.trim();
  if (compact === '') return { ok: false, reason: t.bus.pasteAWalletsAddress };
  return isAddress(compact) ? { ok: true, value: address(compact) } : { ok: false, reason: t.bus.thisIsNotAnAddress };
}

/** Reads a bus's name: 1 to 32 bytes without control characters. */
export function parseName(text: string): Parsed<string> {
  const name = text.trim();
  const { length } = new TextEncoder().encode(name);
  if (length === 0) return { ok: false, reason: t.bus.giveTheBusAName };
  if (length > 32) return { ok: false, reason: t.bus.atMost32BytesThis(length) };
  return /\p{Cc}/u.test(name) ? { ok: false, reason: t.bus.noControlCharactersPlease } : { ok: true, value: name };
}

/** Reads a mint; refuses what is none. What the program does not accept, it says in simulation. */
export async function readMint(connection: Connection, mint: Address): Promise<Mint> {
  const account = (await readAccounts(connection, [mint])).accounts[0];
  const isTokens = account?.owner === TOKEN_PROGRAM || account?.owner === TOKEN_2022_PROGRAM;
  // Decimals lie behind the authority and the supply.
  const decimals = account?.data[44];
  if (account === undefined || !isTokens || decimals === undefined) {
    throw new Refusal(t.bus.thereIsNoTokenWith);
  }
  return { address: mint, tokenProgram: account.owner, decimals, symbol: symbolOf(account.data) };
}

/** Creates a bus; returns its address. */
export async function busCreate(
  live: LiveMarket,
  signer: Signer,
  mint: Mint,
  config: BusConfig,
  onStage: (stage: Stage) => void,
): Promise<Address> {
  const creator = signer.address;
  // Any number that the creator has not used; the time is one.
  const busSeq = BigInt(Date.now());
  const bus = await busAddress(creator, busSeq);
  const [capacity, escrow, treasury] = await Promise.all([
    capacityAddress(bus, 0),
    escrowAddress(bus),
    treasuryAddress(bus),
  ]);
  const { openListing, owners, ...rest } = config;
  await send(
    live.connection,
    signer,
    async () => [
      getBusCreateInstruction({
        creator: noSigner(creator),
        bus,
        capacity,
        mint: mint.address,
        escrow,
        treasury,
        tokenProgram: mint.tokenProgram,
        systemProgram: SYSTEM_PROGRAM,
        busSeq,
        ...rest,
        owners: owners.map(({ wallet, shareBps }) => ({ owner: wallet, shareBps })),
        listingPolicy: openListing ? ListingPolicy.Open : ListingPolicy.OwnersOnly,
      }),
    ],
    onStage,
  );
  await live.refresh([bus, capacity]);
  return bus;
}
