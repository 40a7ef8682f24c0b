/** Creating a bus: its owners, how they decide, and the market that it is. */

import { address, isAddress, type Address, type Instruction } from '@solana/kit';

import type { Parsed } from '../../amount/decimal';
import { busAddress, capacityAddress, creatorAddress, ledgerAddress } from '../../chain/address';
import { readAccounts, rentOf, type Connection } from '../../chain/connection';
import { newCounter } from '../../chain/counter';
import { symbolOf } from '../../chain/mint';
import { prepare, send, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { TOKEN_ACCOUNT_BYTES } from '../../chain/tokenAccount';
import { Refusal } from '../../errors/explain';
import {
  getBusCreateInstructionAsync,
  getBusSize,
  getCapacitySize,
  getCreatorOpenInstruction,
  getCreatorSize,
  getLedgerSize,
  SettlementTime,
  type TermsConfigArgs,
} from '../../generated';
import { decodeNextBus } from '../../market/decode';
import type { LiveMarket } from '../../market/live';
import { LISTING_NUMBERS, type Listing } from '../../market/model';
import type { Terms } from '../../market/terms';
import { PROGRAM, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM } from '../../programs';
import { t } from '../../words';
import type { Fees } from '../purchase/usePreview';

/** What owners decide about their bus when they create it. */
export interface BusConfig {
  readonly name: string;
  readonly owners: readonly { readonly wallet: Address; readonly shareBps: number }[];
  readonly threshold: number;
  readonly pauseQuorum: number;
  readonly listing: Listing;
  readonly lockFeeBps: number;
  readonly timelockSeconds: number;
  readonly terms: Omit<Terms, 'from'>;
  readonly horizonSeconds: number;
  readonly capacityWh: bigint;
  readonly basePricePerKwh: bigint;
  readonly reservePricePerKwh: bigint;
  readonly leastWh: bigint;
  readonly operator: Address | undefined;
  readonly gridRecipient: Address | undefined;
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

/** Terms as instructions take them. */
export function termsConfig(terms: Omit<Terms, 'from'>): TermsConfigArgs {
  const { windowSeconds, gateClosureSeconds, gridFeePerKwh, readingDeadlineSeconds, correctionSeconds } = terms;
  const settlement = terms.isOnDelivery ? SettlementTime.OnDelivery : SettlementTime.OnPurchase;
  const times = { windowSeconds, gateClosureSeconds, readingDeadlineSeconds, correctionSeconds };
  return { ...times, settlement, gridFeePerKwh, auction: terms.hasAuction };
}

/** Number of a creator's next bus, and what opens its counter where it has none yet. */
async function nextBus(
  { connection }: LiveMarket,
  creator: Address,
): Promise<{ readonly busSeq: bigint; readonly opening: readonly Instruction[] }> {
  const counter = await creatorAddress(creator);
  const account = (await readAccounts(connection, [counter])).accounts[0];
  const known = account?.owner === PROGRAM ? decodeNextBus(account.data) : undefined;
  if (known !== undefined) return { busSeq: known, opening: [] };
  const { firstSlot, first } = await newCounter(connection);
  const wallet = noSigner(creator);
  const open = getCreatorOpenInstruction({ wallet, creator: counter, systemProgram: SYSTEM_PROGRAM, firstSlot });
  return { busSeq: first, opening: [open] };
}

/** The instructions that create a bus, and its address. */
export async function busCreateInstructions(
  live: LiveMarket,
  creator: Address,
  mint: Mint,
  { listing, owners, operator, gridRecipient, terms, ...rest }: BusConfig,
): Promise<{ readonly bus: Address; readonly instructions: readonly Instruction[] }> {
  const { busSeq, opening } = await nextBus(live, creator);
  const create = await getBusCreateInstructionAsync({
    creator: noSigner(creator),
    mint: mint.address,
    tokenProgram: mint.tokenProgram,
    busSeq,
    ...rest,
    owners: owners.map(({ wallet, shareBps }) => ({ owner: wallet, shareBps })),
    listingPolicy: LISTING_NUMBERS[listing],
    operator: operator ?? null,
    terms: termsConfig(terms),
    gridRecipient: gridRecipient ?? null,
  });
  return { bus: await busAddress(creator, busSeq), instructions: [...opening, create] };
}

/** What the network takes for a new bus: the rent is that of the bus, its ledger, its capacity and its token accounts. */
export async function busCreateFees(live: LiveMarket, creator: Address, mint: Mint, config: BusConfig): Promise<Fees> {
  const { instructions } = await busCreateInstructions(live, creator, mint, config);
  const opening = instructions.length > 1 ? [getCreatorSize()] : [];
  const tokenAccounts = [TOKEN_ACCOUNT_BYTES, TOKEN_ACCOUNT_BYTES, TOKEN_ACCOUNT_BYTES];
  const sizes = [getBusSize(), getLedgerSize(), getCapacitySize(), ...tokenAccounts, ...opening];
  const [{ fee }, ...rents] = await Promise.all([
    prepare(live.connection, creator, instructions),
    ...sizes.map((size) => rentOf(live.connection, size)),
  ]);
  return { fee, rent: rents.reduce((sum, rent) => sum + rent, 0n), positionRent: 0n };
}

/** Creates a bus; returns its address. The first bus of a wallet opens the counter of its buses. */
export async function busCreate(
  live: LiveMarket,
  signer: Signer,
  mint: Mint,
  config: BusConfig,
  onStage: (stage: Stage) => void,
): Promise<Address> {
  let bus: Address | undefined;
  await send(
    live.connection,
    signer,
    async () => {
      const made = await busCreateInstructions(live, signer.address, mint, config);
      bus = made.bus;
      return made.instructions;
    },
    onStage,
  );
  if (bus === undefined) throw new Error('no bus was made');
  await live.refresh([bus, await ledgerAddress(bus), await capacityAddress(bus, 0)]);
  return bus;
}
