/** What the suites share: a node, members with tokens, the chain's time, and steps that each market begins with. */

import * as anchor from '@anchor-lang/core';
import { BN, type IdlTypes } from '@anchor-lang/core';
import { createAssociatedTokenAccount, createMint, getAccount, mintTo, TOKEN_PROGRAM_ID } from '@solana/spl-token';
import { LAMPORTS_PER_SOL, PublicKey, SYSVAR_CLOCK_PUBKEY, type Keypair } from '@solana/web3.js';
import { expect } from 'chai';

import {
  addresses,
  errorOf,
  eventsOf,
  listingAccounts,
  multibus,
  type MarketError,
  type MarketEvent,
  type MarketEvents,
  type Multibus,
} from './multibus';

/** Base units of the token that every member starts with. */
export const FUNDS = 10_000_000;
/** Energy sources and listing policies are numbers in instructions; their names are enums of the IDL. */
export const SOLAR = 1;
export const OPEN = 2;

const url = process.env['ANCHOR_PROVIDER_URL'] ?? 'http://127.0.0.1:8899';

export const provider = anchor.AnchorProvider.local(url, {
  commitment: 'confirmed',
  preflightCommitment: 'confirmed',
});
anchor.setProvider(provider);
const { connection } = provider;
export const program = multibus(provider);
const { methods } = program;

/** The only event of a transaction, which must have this name. */
export async function eventOf<Name extends MarketEvent['name']>(
  signature: string,
  name: Name,
): Promise<MarketEvents[Name]> {
  const events = await eventsOf(program, signature);
  expect(events.map((event) => event.name)).to.deep.equal([name]);
  return events[0]?.data as MarketEvents[Name];
}

/** The name of the error with which the market refuses. */
export async function refusal(sending: Promise<unknown>): Promise<MarketError['name'] | undefined> {
  try {
    await sending;
  } catch (thrown) {
    return errorOf(program, thrown)?.name;
  }
  throw new Error('the market took what it must refuse');
}

async function airdrop(wallet: PublicKey, sol: number) {
  const signature = await connection.requestAirdrop(wallet, sol * LAMPORTS_PER_SOL);
  const latest = await connection.getLatestBlockhash();
  await connection.confirmTransaction({ signature, ...latest }, 'confirmed');
}

/** A token, and its accounts of the members. */
export interface Tokens {
  mint: PublicKey;
  of(member: Keypair): PublicKey;
  balance(member: Keypair): Promise<number>;
}

/** Gives each member SOL and [`FUNDS`] of a new token. */
export async function found(members: readonly Keypair[]): Promise<Tokens> {
  const [first] = members;
  if (first === undefined) throw new Error('a market needs a member');
  if ((await connection.getBalance(provider.publicKey)) < 10 * LAMPORTS_PER_SOL) await airdrop(provider.publicKey, 20);
  await Promise.all(members.map(({ publicKey }) => airdrop(publicKey, 10)));
  const mint = await createMint(connection, first, first.publicKey, null, 6);
  const accounts = new Map<Keypair, PublicKey>();
  for (const member of members) {
    const account = await createAssociatedTokenAccount(connection, first, mint, member.publicKey);
    await mintTo(connection, first, mint, account, first, FUNDS);
    accounts.set(member, account);
  }
  const of = (member: Keypair) => {
    const account = accounts.get(member);
    if (account === undefined) throw new Error('only a member has a token account');
    return account;
  };
  const balance = async (member: Keypair) => Number((await getAccount(connection, of(member), 'confirmed')).amount);
  return { mint, of, balance };
}

export type BusConfig = IdlTypes<Multibus>['busConfig'];

/** A bus of one owner on which anyone sells, without windows. */
export function busConfig(owner: PublicKey): BusConfig {
  return {
    name: 'Mill Lane',
    owners: [{ owner, shareBps: 10_000 }],
    threshold: 1,
    pauseQuorum: 1,
    listingPolicy: OPEN,
    lockFeeBps: 100,
    timelockSeconds: 0,
    horizonSeconds: 86_400,
    terms: {
      windowSeconds: 0,
      gateClosureSeconds: 0,
      settlement: 0,
      gridFeePerKwh: new BN(0),
      readingDeadlineSeconds: 0,
      correctionSeconds: 0,
      auction: false,
    },
    capacityWh: new BN(50_000),
    basePricePerKwh: new BN(100_000),
    reservePricePerKwh: new BN(0),
    leastWh: new BN(1),
    operator: null,
    gridRecipient: null,
  };
}

/** Opens a creator's counter, and creates its first bus. */
export async function createBus(creator: Keypair, mint: PublicKey, config: BusConfig): Promise<PublicKey> {
  await methods.creatorOpen(new BN(0)).accountsPartial({ wallet: creator.publicKey }).signers([creator]).rpc();
  const { nextBus } = await program.account.creator.fetch(addresses.creator(creator.publicKey));
  const bus = addresses.bus(creator.publicKey, nextBus);
  const signature = await methods
    .busCreate(nextBus, config)
    // The counter, the bus, its ledger and its capacity are derived from the IDL.
    .accountsPartial({
      creator: creator.publicKey,
      mint,
      treasury: addresses.treasury(bus),
      unclaimed: addresses.unclaimed(bus),
      escrow: addresses.escrow(bus),
      tokenProgram: TOKEN_PROGRAM_ID,
    })
    .signers([creator])
    .rpc();
  expect((await eventOf(signature, 'busCreated')).bus.equals(bus)).to.equal(true);
  return bus;
}

/** Opens a window of a bus; returns its capacity. */
export async function openWindow(payer: Keypair, bus: PublicKey, windowStart: number): Promise<PublicKey> {
  const capacity = addresses.capacity(bus, new BN(windowStart));
  await methods
    .capacityOpen(new BN(windowStart))
    .accountsPartial({ payer: payer.publicKey, bus, ledger: addresses.ledger(bus), capacity })
    .signers([payer])
    .rpc();
  return capacity;
}

/** Opens the seller account of a wallet. */
export async function openSeller(wallet: Keypair, bus: PublicKey): Promise<PublicKey> {
  const seller = addresses.seller(bus, wallet.publicKey);
  const signature = await methods
    .sellerOpen(wallet.publicKey, new BN(0))
    // The mint and its program are read from the bus.
    .accountsPartial({
      payer: wallet.publicKey,
      bus,
      ledger: addresses.ledger(bus),
      seller,
      vault: addresses.vault(seller),
    })
    .signers([wallet])
    .rpc();
  expect((await eventOf(signature, 'sellerOpened')).seller.equals(seller)).to.equal(true);
  return seller;
}

/** Lists energy of a wallet until a second; returns the offer. */
export async function list(
  wallet: Keypair,
  bus: PublicKey,
  windowStart: number,
  { energyWh, pricePerKwh, expiresAt }: { energyWh: number; pricePerKwh: number; expiresAt: number },
): Promise<PublicKey> {
  const seller = addresses.seller(bus, wallet.publicKey);
  const capacity = addresses.capacity(bus, new BN(windowStart));
  const { nextOffer } = await program.account.seller.fetch(seller);
  const signature = await methods
    .offerCreate(nextOffer, new BN(energyWh), new BN(pricePerKwh), new BN(expiresAt), SOLAR)
    .accountsPartial({ lister: wallet.publicKey, bus, seller, capacity })
    .remainingAccounts(listingAccounts(seller, await program.account.capacity.fetch(capacity)))
    .signers([wallet])
    .rpc();
  const offer = addresses.offer(seller, nextOffer);
  // On delivery terms the first listing opens the seller's delivery book, too.
  const events = await eventsOf(program, signature);
  expect(events.some(({ name, data }) => name === 'offerCreated' && data.offer.equals(offer))).to.equal(true);
  return offer;
}

/** Opens the first nonce lane of a wallet. */
export async function openLane(wallet: Keypair): Promise<PublicKey> {
  await methods.traderOpen(0, new BN(0)).accountsPartial({ wallet: wallet.publicKey }).signers([wallet]).rpc();
  return addresses.trader(wallet.publicKey, 0);
}

/** The chain's time, in unix seconds. */
export async function now(): Promise<number> {
  const clock = await connection.getAccountInfo(SYSVAR_CLOCK_PUBKEY);
  if (clock === null) throw new Error('the node serves no clock');
  return Number(clock.data.readBigInt64LE(32));
}

/** Waits until the chain's time is this second. */
export async function waitUntil(second: number): Promise<void> {
  while ((await now()) < second) await new Promise((resolve) => setTimeout(resolve, 400));
}

/** Moves a simulated network forward to this second; returns whether the node can do that. */
export async function travelTo(second: number): Promise<boolean> {
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'surfnet_timeTravel',
    params: [{ absoluteTimestamp: second * 1_000 }],
  };
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (((await response.json()) as { error?: unknown }).error !== undefined) return false;
  await waitUntil(second);
  return true;
}
