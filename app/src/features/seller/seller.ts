/** Sellers: their account on a bus and its vault, and what they can withdraw. */

import type { Address, Instruction } from '@solana/kit';

import { capacityAddress, claimAddress, ledgerAddress, sellerAddress, tokenAccountAddress } from '../../chain/address';
import { readAccounts } from '../../chain/connection';
import { firstOf, newCounter } from '../../chain/counter';
import { fitsTransaction, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { isFrozen } from '../../chain/tokenAccount';
import { Refusal } from '../../errors/explain';
import {
  getDeliveryReleaseInstruction,
  getGridSweepInstructionAsync,
  getOfferCollectInstruction,
  getSellerAdmitInstructionAsync,
  getSellerCloseInstructionAsync,
  getSellerOpenInstructionAsync,
  getSellerSuspendInstruction,
  getSellerWithdrawInstruction,
  WH_PER_KWH,
} from '../../generated';
import { paidFor } from '../../market/auction';
import { finalAt, heldFor, releasable, usedWindows, windowStartOf } from '../../market/delivery';
import type { LiveMarket } from '../../market/live';
import type { Book, Bus, Offer, Seller } from '../../market/model';
import { payableOf, payeeOf } from '../../market/payee';
import type { MarketState } from '../../market/state';
import { compare, compareAges, compareNames } from '../../order';
import { t } from '../../words';
import { poolParts, poolReportInstruction } from '../delivery/delivery';

/** What of a seller's money stands where. */
export interface Money {
  /** Released and not withdrawn, in base units. */
  readonly released: bigint;
  /** Paid for its offers, and collected when it withdraws. */
  readonly proceeds: bigint;
  /** What the vault holds for locks on its offers: the seller's once they settle. */
  readonly deposits: bigint;
  /** Due of windows that are final, for what offers and auctions sold, and released when it withdraws. */
  readonly due: bigint;
  /** What is held for its delivery books and is not due yet: it waits for readings. */
  readonly held: bigint;
}

/** What a seller has: in its vault, and in the bus's escrow for what auctions sold. */
export function moneyOf(
  seller: Seller,
  state: Pick<MarketState, 'offers' | 'books' | 'capacities'>,
  now: number,
): Money {
  let [proceeds, deposits] = [0n, 0n];
  for (const offer of state.offers.values()) {
    if (offer.seller !== seller.address) continue;
    // Of what was paid, the grid's part goes to the grid.
    proceeds += offer.proceeds - gridPart(offer);
    deposits += offer.deposits;
  }
  let [due, held] = [0n, 0n];
  for (const book of state.books.values()) {
    if (book.seller !== seller.address) continue;
    const free = releasable(book, now);
    due += poolParts(state, book, now).reduce((sum, { amount }) => sum + amount, free.amount);
    held += heldFor(book) - free.amount - free.gridFee + heldForAuctions(state, book, now);
  }
  return { released: seller.released, proceeds, deposits, due, held };
}

/** What the escrow holds for what auctions sold of a book's windows that are not final. */
function heldForAuctions({ capacities }: Pick<MarketState, 'capacities'>, book: Book, now: number): bigint {
  const open = new Map(
    usedWindows(book).flatMap(({ place, window }) =>
      window.auctionWh > 0n && now < finalAt(book, place) ? [[windowStartOf(book, place), window.auctionWh]] : [],
    ),
  );
  if (open.size === 0) return 0n;
  let held = 0n;
  for (const { bus, windowStart, auctionPricePerKwh, terms } of capacities.values()) {
    const soldWh = bus === book.bus ? open.get(windowStart) : undefined;
    if (soldWh !== undefined) held += paidFor(soldWh, auctionPricePerKwh + terms.gridFeePerKwh);
  }
  return held;
}

/** What a first listing needs: the seller account where there is none, and the number of the next offer. */
export async function nextOffer(
  live: LiveMarket,
  payer: Address,
  bus: Bus,
  wallet: Address,
): Promise<{ readonly seller: Address; readonly number: bigint; readonly opening: readonly Instruction[] }> {
  const seller = await sellerAddress(bus.address, wallet);
  await live.refresh([seller]);
  const known = live.state.get().sellers.get(seller);
  if (known !== undefined) return { seller, number: known.nextOffer, opening: [] };
  const { firstSlot, first } = await newCounter(live.connection);
  const open = await getSellerOpenInstructionAsync({
    payer: noSigner(payer),
    bus: bus.address,
    mint: bus.mint,
    tokenProgram: bus.tokenProgram,
    wallet,
    firstSlot,
  });
  return { seller, number: first, opening: [open] };
}

/** The grid's part of what collecting an offer's proceeds takes out, in base units. */
export function gridPart({ listedWh, remainingWh, gridFeePerKwh, gridCredited, proceeds }: Offer): bigint {
  const owed = ((listedWh - remainingWh) * gridFeePerKwh) / WH_PER_KWH - gridCredited;
  return owed < 0n ? 0n : owed > proceeds ? proceeds : owed;
}

/** What a wallet sells as, with the buses, by their names. */
export function sellersOf(
  { sellers, buses }: Pick<MarketState, 'sellers' | 'buses'>,
  wallet: Address | undefined,
): readonly { readonly seller: Seller; readonly bus: Bus }[] {
  return [...sellers.values()]
    .flatMap((seller) => {
      const bus = buses.get(seller.bus);
      return seller.wallet === wallet && bus !== undefined ? [{ seller, bus }] : [];
    })
    .sort((a, b) => compareNames(a.bus.name, b.bus.name) || compareAges(a.bus, b.bus));
}

/** Accounts that are read before a withdrawal counts what is in them: one request, and more than one transaction holds. */
const COUNTED = 99;

/** A withdrawal: its instructions, and what it pays, in base units. */
export interface Withdrawal {
  readonly instructions: readonly Instruction[];
  /** How many of the instructions, from the first, create the account that is paid. */
  readonly creation: number;
  readonly amount: bigint;
  /** What one transaction could not collect as well. */
  readonly left: bigint;
}

/**
 * Collects what was paid for a seller's offers and what it delivered to auctions, as much as one transaction holds, and pays
 * all that is released: to the seller's own token account, which is created where it is missing, or for the bus to its treasury. Anyone
 * may; the seller itself can be paid to any account, `to`.
 */
export async function withdrawal(
  live: LiveMarket,
  caller: Address,
  bus: Bus,
  chosen: Seller,
  to?: Address,
): Promise<Withdrawal> {
  // What was released or collected a moment ago is not counted again, whenever notifications come.
  const known = live.state.get();
  const counted = [...known.books.values(), ...[...known.offers.values()].filter(({ proceeds }) => proceeds > 0n)];
  const own = counted.filter(({ seller: of }) => of === chosen.address).map(({ address }) => address);
  await live.refresh([chosen.address, ...own.slice(0, COUNTED)]);
  const state = live.state.get();
  const seller = state.sellers.get(chosen.address);
  if (seller === undefined) throw new Refusal(t.seller.theAccountIsClosed);
  const { address: destination, creation } = await payableOf(live, caller, seller.wallet, bus, to);
  const withdraw = getSellerWithdrawInstruction({
    caller: noSigner(caller),
    bus: bus.address,
    seller: seller.address,
    vault: seller.vault,
    destination,
    tokenProgram: bus.tokenProgram,
  });
  const paid = [...state.offers.values()]
    .filter((offer) => offer.seller === seller.address && offer.proceeds > 0n)
    .sort((a, b) => compare(b.proceeds, a.proceeds) || compareAges(a, b));
  const collects: Instruction[] = [];
  let [amount, left] = [seller.released, 0n];
  const add = (collect: Instruction, units: bigint) => {
    if (left === 0n && fitsTransaction(caller, [...creation, ...collects, collect, withdraw])) {
      collects.push(collect);
      amount += units;
    } else left += units;
  };
  for (const book of state.books.values()) {
    const due = book.seller === seller.address ? releasable(book, live.now()).amount : 0n;
    if (due > 0n) add(getDeliveryReleaseInstruction({ book: book.address, seller: seller.address }), due);
  }
  for (const { book, parts } of await payableParts(live, bus, seller)) {
    for (const { windowStart, amount: due } of parts) {
      add(poolReportInstruction(book, bus, await capacityAddress(bus.address, windowStart)), due);
    }
  }
  for (const offer of paid) {
    add(getOfferCollectInstruction({ offer: offer.address, seller: seller.address }), offer.proceeds - gridPart(offer));
  }
  if (amount === 0n) throw new Refusal(t.seller.thereIsNothingToWithdraw);
  return { instructions: [...creation, ...collects, withdraw], creation: creation.length, amount, left };
}

/** What auctions owe to a seller, by book; nothing while the escrow or its vault is frozen, so that the rest is paid. */
async function payableParts(live: LiveMarket, bus: Bus, seller: Seller) {
  const state = live.state.get();
  const found = [...state.books.values()]
    .filter((book) => book.seller === seller.address)
    .map((book) => ({ book, parts: poolParts(state, book, live.now()).filter(({ amount }) => amount > 0n) }))
    .filter(({ parts }) => parts.length > 0);
  if (found.length === 0) return [];
  const { accounts } = await readAccounts(live.connection, [bus.escrow, seller.vault]);
  return accounts.every((account) => isFrozen(account, bus) === false) ? found : [];
}

/** Makes a withdrawal, to an account that the seller names where it does; returns what it paid, and what one transaction could not collect as well. */
export async function sellerWithdraw(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  seller: Seller,
  to: Address | undefined,
  onStage: (stage: Stage) => void,
): Promise<Pick<Withdrawal, 'amount' | 'left'>> {
  let [amount, left] = [0n, 0n];
  await send(
    live.connection,
    signer,
    async () => {
      const made = await withdrawal(live, signer.address, bus, seller, to);
      ({ amount, left } = made);
      return made.instructions;
    },
    onStage,
  );
  return { amount, left };
}

/** What was withdrawn of one token. */
export interface Withdrawn {
  readonly bus: Bus;
  readonly amount: bigint;
}

/**
 * Withdraws what a wallet earned on several buses: as much as one transaction holds, at least from one. `isAll` tells
 * whether nothing was left out for want of room, `isBlocked` whether something was because the account cannot be paid.
 */
export async function withdrawAll(
  live: LiveMarket,
  signer: Signer,
  own: readonly { readonly seller: Seller; readonly bus: Bus }[],
  onStage: (stage: Stage) => void,
): Promise<{ readonly paid: readonly Withdrawn[]; readonly isAll: boolean; readonly isBlocked: boolean }> {
  let paid: Withdrawn[] = [];
  let [isAll, isBlocked] = [true, false];
  const build = async () => {
    const instructions: Instruction[] = [];
    const creations = new Set<string>();
    paid = [];
    [isAll, isBlocked] = [true, false];
    const now = live.now();
    const state = live.state.get();
    for (const { seller, bus } of own) {
      const { released, proceeds, due } = moneyOf(seller, state, now);
      if (released + proceeds + due === 0n) continue;
      if ((await payeeOf(live, signer.address, seller.wallet, bus)).isBlocked) {
        isBlocked = true;
        continue;
      }
      const { instructions: all, creation, amount, left } = await withdrawal(live, signer.address, bus, seller);
      // One creation of the wallet's account of a token is enough.
      const more = creations.has(bus.mint) ? all.slice(creation) : all;
      if (instructions.length > 0 && !fitsTransaction(signer.address, [...instructions, ...more])) {
        isAll = false;
        continue;
      }
      instructions.push(...more);
      if (creation > 0) creations.add(bus.mint);
      isAll &&= left === 0n;
      const known = paid.find((one) => one.bus.mint === bus.mint);
      paid = [...paid.filter((one) => one !== known), { bus, amount: (known?.amount ?? 0n) + amount }];
    }
    if (instructions.length === 0) {
      throw new Refusal(isBlocked ? t.seller.theUsualIsBlocked : t.seller.thereIsNothingToWithdraw);
    }
    return instructions;
  };
  await send(live.connection, signer, build, onStage);
  return { paid, isAll, isBlocked };
}

/** Why a seller account cannot be closed by its seller now; `undefined` where it can. */
export function whyNotClosed(seller: Seller, bus: Bus, slot: bigint): string | undefined {
  if (seller.openOffers > 0) return t.seller.withdrawYourOffersFirst;
  if (seller.openBooks > 0) return t.seller.itsBooksAreOpen;
  if (seller.meter !== undefined) return t.seller.itsMeterIsRegistered;
  if (seller.gridFeesOwed > 0n) return t.seller.itOwesGridFees;
  if (bus.closing) return undefined;
  if (seller.suspended) return t.seller.whileSuspendedItStays;
  return seller.nextOffer > firstOf(slot) ? t.seller.itWasUsedAMomentAgo : undefined;
}

/** The instruction that closes a seller account: what is released is paid, or waits as a claim. */
export async function sellerCloseInstruction(caller: Address, bus: Bus, seller: Seller): Promise<Instruction> {
  const isOfBus = seller.wallet === bus.address;
  return getSellerCloseInstructionAsync({
    caller: noSigner(caller),
    bus: bus.address,
    seller: seller.address,
    destination: isOfBus ? bus.treasury : await tokenAccountAddress(seller.wallet, bus.mint, bus.tokenProgram),
    treasury: bus.treasury,
    unclaimed: bus.unclaimed,
    claim: await claimAddress(bus.address, seller.wallet),
    rentPayer: seller.rentPayer,
    tokenProgram: bus.tokenProgram,
  });
}

/** Closes a seller account with its vault; the rent goes back to who paid it. */
export function sellerClose(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  seller: Seller,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(
    live.connection,
    signer,
    async () => {
      const isOwn = seller.wallet === signer.address && seller.released > 0n;
      const own = isOwn ? await payeeOf(live, signer.address, seller.wallet, bus) : undefined;
      return [...(own?.creation ?? []), await sellerCloseInstruction(signer.address, bus, seller)];
    },
    onStage,
  );
}

/**
 * The instructions that pay grid fees to whoever is their recipient: to its own token account, which is created where it is
 * missing, or to the treasury where there is none. Anyone may.
 */
export async function gridSweepInstructions(
  live: LiveMarket,
  caller: Address,
  bus: Bus,
  seller: Seller,
): Promise<readonly Instruction[]> {
  const { gridRecipient } = bus;
  const payee =
    gridRecipient === undefined
      ? { address: bus.treasury, creation: [] }
      : await payeeOf(live, caller, gridRecipient, bus);
  const sweep = await getGridSweepInstructionAsync({
    caller: noSigner(caller),
    bus: bus.address,
    ledger: await ledgerAddress(bus.address),
    seller: seller.address,
    vault: seller.vault,
    destination: payee.address,
    unclaimed: bus.unclaimed,
    claim: await claimAddress(bus.address, gridRecipient ?? bus.address),
    tokenProgram: bus.tokenProgram,
  });
  return [...payee.creation, sweep];
}

/** Pays the grid fees of a bus's sellers, of as many as one transaction holds; returns how much. */
export async function gridSweep(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<bigint> {
  let amount = 0n;
  const build = async () => {
    const instructions: Instruction[] = [];
    amount = 0n;
    for (const seller of live.state.get().sellers.values()) {
      if (seller.bus !== bus.address || seller.gridFeesOwed === 0n) continue;
      const more = await gridSweepInstructions(live, signer.address, bus, seller);
      // One creation of the recipient's account is enough.
      const next = instructions.length === 0 ? more : more.slice(-1);
      if (!fitsTransaction(signer.address, [...instructions, ...next])) break;
      instructions.push(...next);
      amount += seller.gridFeesOwed;
    }
    if (instructions.length === 0) throw new Refusal(t.seller.noGridFeesWait);
    return instructions;
  };
  await send(live.connection, signer, build, onStage);
  return amount;
}

/** Admits a wallet as a seller, and opens its account where it has none: the operator, at once. */
export function sellerAdmit(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  wallet: Address,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(
    live.connection,
    signer,
    async () => [
      await getSellerAdmitInstructionAsync({
        operator: noSigner(signer.address),
        bus: bus.address,
        mint: bus.mint,
        tokenProgram: bus.tokenProgram,
        wallet,
      }),
    ],
    onStage,
  );
}

/** Suspends a seller: the operator, at once. */
export function sellerSuspend(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  seller: Seller,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(
    live.connection,
    signer,
    async () => [
      getSellerSuspendInstruction({ operator: noSigner(signer.address), bus: bus.address, seller: seller.address }),
    ],
    onStage,
  );
}
