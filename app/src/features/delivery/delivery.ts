/**
 * Deliveries: what was sold on delivery terms is released to its seller and refunded to its buyers once a window is final.
 * Anyone may press for anyone, and changes nobody's outcome.
 */

import { type Address, type Base58EncodedBytes, type Instruction } from '@solana/kit';

import { capacityAddress, claimAddress, ledgerAddress } from '../../chain/address';
import { bytesOf, COMMITMENT, tokenAccount, type Connection } from '../../chain/connection';
import { send, together, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getDeliveryCloseInstruction,
  getDeliveryRefundInstruction,
  getDeliveryReleaseInstruction,
  getDeliveryReportInstruction,
  getPoolReportInstruction,
  getPositionCloseInstructionAsync,
  getPositionSetRefundInstruction,
  ReadingProof,
} from '../../generated';
import { decodePosition, KINDS, POSITION_BOOK_AT } from '../../market/decode';
import {
  bookClosesAt,
  certifiableOf,
  owesPool,
  poolDueOf,
  poolWork,
  positionClosesAt,
  refundable,
  releasable,
  windowStartOf,
} from '../../market/delivery';
import type { LiveMarket } from '../../market/live';
import type { Book, Bus, Position } from '../../market/model';
import type { MarketState } from '../../market/state';
import { PROGRAM, SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';

/** A position with the book that it is on, and its bus. */
export interface Held {
  readonly position: Position;
  readonly book: Book;
  readonly bus: Bus;
}

type Known = Pick<MarketState, 'positions' | 'books' | 'buses' | 'sellers'>;

/** Positions of a wallet whose books and buses are known. */
export function heldBy({ positions, books, buses }: Known, wallet: Address | undefined): readonly Held[] {
  return [...positions.values()].flatMap((position) => {
    const book = books.get(position.book);
    const bus = book === undefined ? undefined : buses.get(book.bus);
    return position.buyer !== wallet || book === undefined || bus === undefined ? [] : [{ position, book, bus }];
  });
}

/** Books of a wallet's sales, with their buses. */
export function soldBy(
  { books, buses, sellers }: Known,
  wallet: Address | undefined,
): readonly { readonly book: Book; readonly bus: Bus }[] {
  return [...books.values()].flatMap((book) => {
    const bus = buses.get(book.bus);
    return bus === undefined || sellers.get(book.seller)?.wallet !== wallet ? [] : [{ book, bus }];
  });
}

/** The instruction that pays a position what is due back of its final windows. */
function refundInstruction({ position, book, bus }: Held): Instruction {
  if (position.refund === undefined) throw new Refusal(t.delivery.nothingWasBought);
  return getDeliveryRefundInstruction({
    bus: bus.address,
    book: book.address,
    position: position.address,
    vault: book.vault,
    refund: position.refund,
    tokenProgram: bus.tokenProgram,
  });
}

/** What a wallet gets back now, of as many positions as one transaction holds; its own token account is created where missing. */
export async function refundInstructions(
  live: LiveMarket,
  caller: Address,
  held: readonly Held[],
): Promise<readonly Instruction[]> {
  const due = held.filter(({ book, position }) => refundable(book, position, live.now()).amount > 0n);
  const created = new Set<Address>();
  const parts: Instruction[][] = [];
  for (const one of due) {
    const own = await tokenAccount(live.connection, caller, one.position.buyer, one.bus);
    const isMissing = own.address === one.position.refund && !created.has(own.address);
    if (isMissing) created.add(own.address);
    parts.push([...(isMissing ? own.creation : []), refundInstruction(one)]);
  }
  return together(caller, parts, t.delivery.nothingIsDueBack);
}

/** Pays back what is due of a wallet's positions. */
export function deliveryRefund(
  live: LiveMarket,
  signer: Signer,
  held: readonly Held[],
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => refundInstructions(live, signer.address, held), onStage);
}

/** The positions on a delivery book, of whichever buyer, read now. */
export async function readPositions({ rpc }: Connection, book: Address): Promise<readonly Position[]> {
  const kind = KINDS.find(({ name }) => name === 'position');
  if (kind === undefined) return [];
  const bytes = (text: string) => text as Base58EncodedBytes;
  const found = await rpc
    .getProgramAccounts(PROGRAM, {
      commitment: COMMITMENT,
      encoding: 'base64',
      filters: [
        { memcmp: { offset: 0n, bytes: bytes(kind.discriminator), encoding: 'base58' } },
        { memcmp: { offset: POSITION_BOOK_AT, bytes: bytes(book), encoding: 'base58' } },
      ],
    })
    .send();
  return found.flatMap(({ pubkey, account }) => decodePosition(pubkey, bytesOf(account.data)) ?? []);
}

/** The instructions that settle a book: release it, and pay back its buyers, as many as one transaction holds. */
export async function settleInstructions(
  live: LiveMarket,
  caller: Address,
  book: Book,
  bus: Bus,
): Promise<readonly Instruction[]> {
  const now = live.now();
  const release = await releaseParts(book, bus, now);
  const positions = await readPositions(live.connection, book.address);
  const refunds = positions
    .filter((position) => refundable(book, position, now).amount > 0n)
    .map((position) => [refundInstruction({ position, book, bus })]);
  return together(caller, [...release, ...refunds], t.delivery.nothingToSettle);
}

/** Settles a book for its seller and its buyers. */
export function deliverySettle(
  live: LiveMarket,
  signer: Signer,
  book: Book,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => settleInstructions(live, signer.address, book, bus), onStage);
}

/** The instruction that counts what a seller delivered for the auction of a window, and pays it from the escrow. */
export function poolReportInstruction(book: Book, bus: Bus, capacity: Address): Instruction {
  return getPoolReportInstruction({
    ...{ bus: bus.address, capacity, seller: book.seller, book: book.address, vault: book.vault },
    ...{ escrow: bus.escrow, tokenProgram: bus.tokenProgram },
  });
}

/** A window whose part of the auction can be counted, or paid where only the payment waits. */
export interface PoolPart {
  readonly windowStart: number;
  /** What its seller gets of it, in base units. */
  readonly amount: bigint;
}

/** What can be counted of a book's parts of auctions, and what each pays to the seller. */
export function poolParts(
  { capacities }: Pick<MarketState, 'capacities'>,
  book: Book,
  now: number,
): readonly PoolPart[] {
  const starts = poolWork(book, now);
  if (starts.length === 0) return [];
  const prices = new Map<number, bigint>();
  for (const { bus, windowStart, auctionPricePerKwh, terms } of capacities.values()) {
    if (bus === book.bus) prices.set(windowStart, auctionPricePerKwh + terms.gridFeePerKwh);
  }
  // The first one also pays what the escrow still owes.
  const waiting = book.poolDue - book.poolGridFee;
  return starts.map((windowStart, index) => {
    const window = book.windows[(windowStart - book.firstWindow) / book.terms.windowSeconds];
    const price = prices.get(windowStart);
    const isCounted = window === undefined || price === undefined || !owesPool(window);
    const { due, gridFee } = isCounted ? { due: 0n, gridFee: 0n } : poolDueOf(window, price, book.terms.gridFeePerKwh);
    return { windowStart, amount: due - gridFee + (index === 0 ? waiting : 0n) };
  });
}

/** What releases all that is due of a book: to what offers sold, and for each window to what its auction sold. */
async function releaseParts(book: Book, bus: Bus, now: number): Promise<readonly (readonly Instruction[])[]> {
  const release = releasable(book, now).windows > 0 ? [[releaseInstruction(book)]] : [];
  const windows = await Promise.all(poolWork(book, now).map((start) => capacityAddress(bus.address, start)));
  return [...release, ...windows.map((capacity) => [poolReportInstruction(book, bus, capacity)])];
}

/** What a seller is due for what it delivered, in base units: of its offers' sales, and of its auctions'. */
export function dueToSeller(state: Pick<MarketState, 'capacities'>, book: Book, now: number): bigint {
  return poolParts(state, book, now).reduce((sum, { amount }) => sum + amount, releasable(book, now).amount);
}

/** The instruction that releases what is due of a book's final windows. */
export function releaseInstruction(book: Book): Instruction {
  return getDeliveryReleaseInstruction({ book: book.address, seller: book.seller });
}

/** Names other token accounts for the refunds of positions; only their buyer may. */
export function positionSetRefund(
  live: LiveMarket,
  signer: Signer,
  changes: readonly { readonly position: Position; readonly bus: Bus; readonly refund: Address }[],
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const build = async () =>
    together(
      signer.address,
      changes
        .filter(({ position, refund }) => position.refund !== refund)
        .map(({ position, bus, refund }) => [
          getPositionSetRefundInstruction({
            buyer: noSigner(signer.address),
            position: position.address,
            bus: bus.address,
            book: position.book,
            refund,
          }),
        ]),
      t.delivery.refundsGoThereAlready,
    );
  return send(live.connection, signer, build, onStage);
}

/** Tells what was delivered in a window, as the operator: at most three times, each reading replaces the one before. */
export function deliveryReport(
  live: LiveMarket,
  signer: Signer,
  book: Book,
  place: number,
  energyWh: bigint,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const build = async () => {
    await live.refresh([book.address]);
    const readings = live.state.get().books.get(book.address)?.windows[place]?.operatorReadings ?? 0;
    return [
      getDeliveryReportInstruction({
        reporter: noSigner(signer.address),
        book: book.address,
        evidence: book.bus,
        windowStart: BigInt(windowStartOf(book, place)),
        energyWh,
        // The number of the reading, so that one that is sent twice counts once.
        sequence: BigInt(readings + 1),
        proof: ReadingProof.Operator,
      }),
    ];
  };
  return send(live.connection, signer, build, onStage);
}

/** The instruction that closes a position; what is due back is paid, or waits as a claim of its buyer. */
export async function positionCloseInstruction(caller: Address, { position, book, bus }: Held): Promise<Instruction> {
  return getPositionCloseInstructionAsync({
    caller: noSigner(caller),
    bus: bus.address,
    book: book.address,
    position: position.address,
    vault: book.vault,
    // A position without a purchase names the address of zeros, and has nothing to pay.
    refund: position.refund ?? SYSTEM_PROGRAM,
    unclaimed: bus.unclaimed,
    ledger: await ledgerAddress(bus.address),
    claim: await claimAddress(bus.address, position.buyer),
    rentPayer: position.rentPayer,
    tokenProgram: bus.tokenProgram,
  });
}

/** The instruction that closes a delivery book; what is left of it goes to the grid. */
export function deliveryCloseInstruction(caller: Address, book: Book): Instruction {
  return getDeliveryCloseInstruction({
    caller: noSigner(caller),
    bus: book.bus,
    seller: book.seller,
    book: book.address,
    rentPayer: book.rentPayer,
  });
}

/** Books and positions of a wallet that can be closed now, whose rent then comes back. */
export interface Closable {
  readonly positions: readonly Held[];
  readonly books: readonly Book[];
}

/** What of a wallet's can be closed now without giving up a certificate. */
export function closable(state: Known, wallet: Address | undefined, now: number): Closable {
  return {
    // Its own wallet need not wait for the last gate where all of it is final and certified.
    positions: heldBy(state, wallet).filter(({ position, book, bus }) => {
      const [own, anybody] = [true, false].map((isBuyer) => positionClosesAt(book, bus, position, isBuyer, now));
      const isUsed = position.windows.some(({ energyWh }) => energyWh > 0n);
      const isLeft = position.windows.some((window, place) => certifiableOf(book, place, window, now) > 0n);
      const isOwnTime = own !== undefined && now >= own && isUsed && !isLeft;
      return isOwnTime || (anybody !== undefined && now >= anybody);
    }),
    books: soldBy(state, wallet).flatMap(({ book, bus }) => {
      const at = bookClosesAt(book, bus, true, now);
      return at !== undefined && now >= at ? [book] : [];
    }),
  };
}

/** Closes books and positions, as many as one transaction holds. */
export function closeRecords(
  live: LiveMarket,
  signer: Signer,
  { positions, books }: Closable,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const build = async () => {
    const parts = await Promise.all(
      positions.map(async (held) => [await positionCloseInstruction(signer.address, held)]),
    );
    return together(
      signer.address,
      [...parts, ...books.map((book) => [deliveryCloseInstruction(signer.address, book)])],
      t.delivery.nothingToClose,
    );
  };
  return send(live.connection, signer, build, onStage);
}
