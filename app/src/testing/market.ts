/** A market for tests of what is signed: buses, sellers and offers that a test makes, on a node that has what it says. */

import { getAddressDecoder, getAddressEncoder, type Address } from '@solana/kit';

import { capacityAddress, ledgerAddress, sellerAddress, vaultAddress } from '../chain/address';
import type { Connection } from '../chain/connection';
import { customNetwork } from '../chain/network';
import type { LiveMarket } from '../market/live';
import type {
  Bid,
  Book,
  BookWindow,
  Bus,
  Capacity,
  Ledger,
  Offer,
  Position,
  PositionWindow,
  Ration,
  Seller,
} from '../market/model';
import { UNREAD, type MarketState } from '../market/state';
import type { Terms } from '../market/terms';
import { TOKEN_PROGRAM } from '../programs';

/** An address that stands for a number. */
export function key(number: number): Address {
  const bytes = new Uint8Array(32).fill(3);
  new DataView(bytes.buffer).setUint32(0, number);
  return getAddressDecoder().decode(bytes);
}

/** The slot at which the node is. */
export const SLOT = 5_000n;
/** The chain's time. */
export const NOW = 1_000_000;

/** Terms without windows. */
export const NO_WINDOWS: Terms = {
  from: 0,
  windowSeconds: 0,
  gateClosureSeconds: 0,
  isOnDelivery: false,
  gridFeePerKwh: 0n,
  readingDeadlineSeconds: 0,
  correctionSeconds: 0,
  hasAuction: false,
};

/** Terms of windows of 15 minutes, paid on purchase. */
export const QUARTERS: Terms = { ...NO_WINDOWS, windowSeconds: 900, gateClosureSeconds: 60 };

/** The same paid on delivery, with a grid fee, an hour for the reading and two for corrections. */
export const DELIVERY: Terms = {
  ...QUARTERS,
  isOnDelivery: true,
  gridFeePerKwh: 20_000n,
  readingDeadlineSeconds: 3_600,
  correctionSeconds: 7_200,
};

/** Windows of 15 minutes, paid on purchase with a grid fee, that an auction closes. */
export const AUCTION: Terms = { ...QUARTERS, gridFeePerKwh: 20_000n, hasAuction: true };

/** Accounts as a program's state is shown, by their addresses. */
export const byAddress = <T extends { readonly address: Address }>(accounts: readonly T[]): ReadonlyMap<Address, T> =>
  new Map(accounts.map((account) => [account.address, account]));

const NO_RATION: Ration = { atPriceWh: 0n, filledWh: 0n, settledWh: 0n };

/** What a capacity says of an auction that was not cleared. */
export const NO_AUCTION = {
  ...{
    openBids: 0,
    escrowed: 0n,
    clearedAt: 0,
    auctionPricePerKwh: 0n,
    volumeWh: 0n,
    bids: NO_RATION,
    asks: NO_RATION,
  },
  ...{ reportedWh: 0n, deliveredWh: 0n, poolCompleteAt: 0 },
};

/** The capacity of a window of a bus. */
export async function makeWindow(bus: Bus, windowStart: number, change: Partial<Capacity> = {}): Promise<Capacity> {
  return {
    address: await capacityAddress(bus.address, windowStart),
    bus: bus.address,
    rentPayer: key(1),
    windowStart,
    terms: bus.terms,
    gateClosesAt: windowStart - bus.terms.gateClosureSeconds,
    ...{ totalWh: 100_000n, availableWh: 100_000n, committedWh: 0n, openOffers: 0 },
    ...NO_AUCTION,
    ...change,
  };
}

/** An open bid for a kWh at 0.3 in a window. */
export function makeBid(number: number, capacity: Capacity, buyer: Address, change: Partial<Bid> = {}): Bid {
  const { energyWh = 1_000n, pricePerKwh = 300_000n } = change;
  const maxPricePerKwh = pricePerKwh + capacity.terms.gridFeePerKwh;
  return {
    ...{ address: key(number), bus: capacity.bus, capacity: capacity.address, buyer, refund: key(number + 1) },
    ...{ hash: number.toString(16).padStart(64, '0'), state: 'open', energyWh, pricePerKwh, maxPricePerKwh },
    deposit: (energyWh * maxPricePerKwh + 999n) / 1_000n,
    ...{ paid: 0n, allottedWh: 0n, deliveredWh: 0n, certifiedWh: 0n },
    ...{ windowStart: capacity.windowStart, createdAt: NOW - 50 },
    ...change,
  };
}

/** A bus, with its ledger and its general capacity. */
export async function makeBus(
  number: number,
  change: Partial<Bus> = {},
): Promise<{ readonly bus: Bus; readonly ledger: Ledger; readonly capacity: Capacity }> {
  const address = key(number);
  const bus: Bus = {
    address,
    name: 'Mill Lane',
    creator: key(1),
    owners: [
      { wallet: key(1), shareBps: 6_000 },
      { wallet: key(2), shareBps: 4_000 },
    ],
    threshold: 2,
    pauseApprovals: 1,
    pauseQuorum: 1,
    listing: 'open',
    paused: false,
    closing: false,
    mint: key(50),
    token: 'tokens',
    decimals: 6,
    tokenProgram: TOKEN_PROGRAM,
    treasury: key(number + 1),
    unclaimed: key(number + 2),
    escrow: key(number + 3),
    seller: await sellerAddress(address, address),
    operator: undefined,
    timelockSeconds: 0,
    gridRecipient: undefined,
    terms: NO_WINDOWS,
    nextTerms: undefined,
    readingsUntil: 0,
    horizonSeconds: 86_400,
    lockFeeBps: 100,
    capacityWh: 100_000n,
    basePricePerKwh: 1n,
    reservePricePerKwh: 0n,
    leastWh: 1n,
    configVersion: 0n,
    pauseVersion: 0n,
    createdAt: 0,
    ...change,
  };
  const ledger: Ledger = {
    address: await ledgerAddress(address),
    bus: address,
    openSellers: 0,
    openWindows: 0,
    openProposals: 0,
    openClaims: 0,
    unclaimedTotal: 0n,
    periodClaimed: 0n,
    accruedTotal: 0n,
    diverted: 0n,
    owners: Array.from({ length: 16 }, (_, place) => ({
      accrued: 0n,
      claimed: 0n,
      nextProposal: BigInt(place) << 20n,
    })),
    formerOwners: [],
  };
  const capacity: Capacity = {
    address: await capacityAddress(address, 0),
    bus: address,
    rentPayer: key(1),
    windowStart: 0,
    terms: NO_WINDOWS,
    gateClosesAt: Number.POSITIVE_INFINITY,
    totalWh: 100_000n,
    availableWh: 100_000n,
    committedWh: 0n,
    openOffers: 0,
    ...NO_AUCTION,
  };
  return { bus, ledger, capacity };
}

/** A seller of a bus. */
export async function makeSeller(bus: Bus, wallet: Address, change: Partial<Seller> = {}): Promise<Seller> {
  const address = await sellerAddress(bus.address, wallet);
  return {
    address,
    bus: bus.address,
    wallet,
    vault: await vaultAddress(address),
    rentPayer: wallet,
    admitted: false,
    suspended: false,
    openOffers: 0,
    nextOffer: 7n << 20n,
    released: 0n,
    gridFeesOwed: 0n,
    meter: undefined,
    openBooks: 0,
    ...change,
  };
}

/** An offer of a seller. */
export function makeOffer(number: number, seller: Seller, change: Partial<Offer> = {}): Offer {
  const { pricePerKwh = 200_000n, gridFeePerKwh = 0n } = change;
  return {
    address: key(number),
    bus: seller.bus,
    capacity: key(40),
    seller: seller.address,
    wallet: seller.wallet,
    vault: seller.vault,
    rentPayer: seller.rentPayer,
    number: BigInt(number),
    source: 'solar',
    ownedByBus: seller.wallet === seller.bus,
    cancelled: false,
    version: 1,
    openLocks: 0,
    pricePerKwh,
    gridFeePerKwh,
    fullPricePerKwh: pricePerKwh + gridFeePerKwh,
    listedWh: 5_000n,
    remainingWh: 5_000n,
    reservedWh: 0n,
    leastWh: 1n,
    proceeds: 0n,
    gridCredited: 0n,
    deposits: 0n,
    windowStart: 0,
    book: undefined,
    gateClosesAt: Number.POSITIVE_INFINITY,
    createdAt: NOW - 100,
    tradesFrom: 0,
    expiresAt: NOW + 3_600,
    lockedUntil: 0,
    isInAuction: false,
    isSettled: false,
    ...change,
  };
}

/** A window of a delivery book that nobody used. */
export const UNUSED: BookWindow = {
  state: 'unused',
  listedWh: 0n,
  soldWh: 0n,
  paid: 0n,
  auctionWh: 0n,
  unsettledOffers: 0,
  isPoolReported: false,
  auctionCertifiedWh: 0n,
  deliveredWh: 0n,
  certifiedWh: 0n,
  reportedAt: 0,
  operatorReadings: 0,
  device: 0,
  isSurplusCertified: false,
};

/** A seller's delivery book with these windows, by their places, on {@link DELIVERY} terms. */
export function makeBook(
  number: number,
  seller: Seller,
  firstWindow: number,
  windows: Readonly<Record<number, Partial<BookWindow>>>,
  change: Partial<Book> = {},
): Book {
  return {
    address: key(number),
    bus: seller.bus,
    seller: seller.address,
    vault: seller.vault,
    rentPayer: seller.wallet,
    openOffers: 0,
    openPositions: 0,
    firstWindow,
    settled: 0n,
    poolDue: 0n,
    poolGridFee: 0n,
    terms: DELIVERY,
    devices: [{ key: key(77), powerW: 8_000n, source: 'solar' }],
    windows: Array.from({ length: 96 }, (_, place) => {
      const own = windows[place];
      return own === undefined ? UNUSED : { ...UNUSED, state: 'listed', ...own };
    }),
    ...change,
  };
}

/** A buyer's position on a book with energy of these windows, by their places. */
export function makePosition(
  number: number,
  book: Book,
  buyer: Address,
  windows: Readonly<Record<number, Partial<PositionWindow>>>,
  change: Partial<Position> = {},
): Position {
  const none: PositionWindow = { energyWh: 0n, paid: 0n, isRefunded: false, isCertified: false };
  return {
    address: key(number),
    book: book.address,
    buyer,
    refund: key(number + 1),
    rentPayer: buyer,
    openLocks: 0,
    windows: Array.from({ length: 96 }, (_, place) => ({ ...none, ...windows[place] })),
    ...change,
  };
}

/** A token account of a wallet's, with nothing in it. */
export function tokenAccountOf(
  { mint, tokenProgram }: Pick<Bus, 'mint' | 'tokenProgram'>,
  owner: Address,
  isFrozen = false,
): { readonly owner: Address; readonly data: Uint8Array } {
  const data = new Uint8Array(165);
  data.set(getAddressEncoder().encode(mint), 0);
  data.set(getAddressEncoder().encode(owner), 32);
  data[108] = isFrozen ? 2 : 1;
  return { owner: tokenProgram, data };
}

/** A live market with this state, on a node that has these accounts besides. */
export function marketOf(
  state: Partial<MarketState>,
  onChain: ReadonlyMap<Address, { readonly owner: Address; readonly data: Uint8Array }> = new Map(),
): LiveMarket {
  const answer = <T>(value: T) => ({ send: async () => value });
  const rpc = {
    getSlot: () => answer(SLOT),
    getMultipleAccounts: (addresses: readonly Address[]) =>
      answer({
        context: { slot: SLOT },
        value: addresses.map((address) => {
          const account = onChain.get(address);
          return account === undefined
            ? null
            : { owner: account.owner, data: [Buffer.from(account.data).toString('base64'), 'base64'] };
        }),
      }),
  };
  const connection = { network: customNetwork('http://127.0.0.1:8899'), rpc } as unknown as Connection;
  return {
    connection,
    state: { get: () => ({ ...UNREAD, ...state }) },
    now: () => NOW,
    refresh: async () => undefined,
  } as unknown as LiveMarket;
}
