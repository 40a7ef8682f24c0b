/** Plans: what a purchase orders, and the instruction that buys it once its lane and nonce are known. */

import { AccountRole, type Address, type Instruction } from '@solana/kit';

import { formatEnergy } from '../../amount/energy';
import { positionAddress, tokenAccountAddress, traderAddress } from '../../chain/address';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getLockSettleInstruction,
  getPositionOpenInstructionAsync,
  getPurchaseBatchInstruction,
  getPurchaseInstruction,
} from '../../generated';
import type { Bus, Lock, Offer } from '../../market/model';
import { deliveryTime } from '../../market/terms';
import { PROGRAM } from '../../programs';
import { t } from '../../words';
import { transactionHash, type Order, type PurchaseName } from './hash';

/** One attempt: what enters the hash, and the instruction once lane and nonce are known. */
export interface Plan {
  readonly kind: PurchaseName;
  readonly orders: readonly Order[];
  /** For the reader: `2.5 kWh on Sunny Street`. */
  readonly title: string;
  /** Delivery books on which it opens the buyer's position book, where another purchase has not done so before. */
  readonly opens: readonly Address[];
  /** Sizes of other accounts that it opens, and whose rent comes back. */
  readonly sizes?: readonly number[];
  readonly build: (trader: Address, nonce: bigint, hash: string) => Promise<readonly Instruction[]>;
}

/** A plan under a nonce of a lane: its hash, which is known before anything is sent, and its instructions. */
export async function madeOf(
  plan: Plan,
  wallet: Address,
  lane: number,
  nonce: bigint,
): Promise<{ readonly hash: string; readonly instructions: readonly Instruction[] }> {
  const [hash, trader] = await Promise.all([
    transactionHash(PROGRAM, plan.kind, wallet, lane, nonce, plan.orders),
    traderAddress(wallet, lane),
  ]);
  return { hash, instructions: await plan.build(trader, nonce, hash) };
}

/** Part of an offer to buy. */
export interface Item {
  readonly offer: Offer;
  readonly bus: Bus;
  readonly energyWh: bigint;
  /** With the grid fee. */
  readonly maxPricePerKwh: bigint;
  /** Whether the buyer's position book is opened first; only where the seller is paid for what is delivered. */
  readonly opensPosition: boolean;
}

const writable = (address: Address) => ({ address, role: AccountRole.WRITABLE });

/** The accounts of a purchase on delivery terms: the seller's book and the buyer's on it; none on purchase terms. */
async function booksOf({ book }: Pick<Offer, 'book'>, buyer: Address) {
  return book === undefined ? [] : [writable(book), writable(await positionAddress(book, buyer))];
}

/** Opens a buyer's position books for items where they are missing; the buyer pays the rent and gets it back. */
export async function positionOpenings(
  buyer: Address,
  items: readonly { readonly offer: Pick<Offer, 'bus' | 'book'>; readonly opensPosition: boolean }[],
): Promise<readonly Instruction[]> {
  const payer = noSigner(buyer);
  const missing = [...missingBooks(items)].map(([book, bus]) => ({ payer, bus, book, buyer }));
  return Promise.all(missing.map((accounts) => getPositionOpenInstructionAsync(accounts)));
}

/** Delivery books on which the buyer has no position, each with its bus. */
const missingBooks = (items: Parameters<typeof positionOpenings>[1]): ReadonlyMap<Address, Address> =>
  new Map(
    items.flatMap(({ offer: { bus, book }, opensPosition }) =>
      book !== undefined && opensPosition ? [[book, bus]] : [],
    ),
  );

/** Buys part of one offer, exactly, or up to an amount with a minimum. */
export function planSingle(buyer: Address, item: Item, minEnergyWh: bigint, title: string): Plan {
  const { offer, bus, energyWh, maxPricePerKwh } = item;
  return {
    kind: 'single',
    orders: [{ offer: offer.address, energyWh, maxPricePerKwh }],
    title,
    opens: [...missingBooks([item]).keys()],
    build: async (trader, nonce) => {
      const purchase = getPurchaseInstruction({
        buyer: noSigner(buyer),
        trader,
        bus: bus.address,
        offer: offer.address,
        payment: await tokenAccountAddress(buyer, bus.mint, bus.tokenProgram),
        vault: offer.vault,
        tokenProgram: bus.tokenProgram,
        nonce,
        energyWh,
        minEnergyWh,
        maxPricePerKwh,
        expectedVersion: 0,
      });
      return [...(await positionOpenings(buyer, [item])), withAccounts(purchase, await booksOf(offer, buyer))];
    },
  };
}

/** An instruction with accounts that follow those of the IDL. */
export function withAccounts(
  instruction: Instruction,
  more: readonly { readonly address: Address; readonly role: AccountRole }[],
): Instruction {
  return more.length === 0 ? instruction : { ...instruction, accounts: [...(instruction.accounts ?? []), ...more] };
}

/** Buys exact parts of several offers of buses with one mint, all or nothing. */
export function planBatch(buyer: Address, wanted: readonly Item[], maxTotal: bigint, title: string): Plan {
  const buses = new Set(wanted.map(({ bus }) => bus.address));
  const items = [...buses].flatMap((address) => wanted.filter(({ bus }) => bus.address === address));
  const first = items[0];
  if (first === undefined) throw new Refusal(t.plan.theBasketIsEmptyAdd);
  const { mint, tokenProgram } = first.bus;
  return {
    kind: 'batch',
    orders: items.map(({ offer, energyWh, maxPricePerKwh }) => ({ offer: offer.address, energyWh, maxPricePerKwh })),
    title,
    opens: [...missingBooks(items).keys()],
    build: async (trader, nonce) => {
      const instruction = getPurchaseBatchInstruction({
        buyer: noSigner(buyer),
        trader,
        payment: await tokenAccountAddress(buyer, mint, tokenProgram),
        tokenProgram,
        nonce,
        maxTotal,
        items: items.map(({ energyWh, maxPricePerKwh }) => ({ energyWh, maxPricePerKwh, expectedVersion: 0 })),
      });
      // Each bus stands once before its items.
      const books = await Promise.all(items.map(({ offer }) => booksOf(offer, buyer)));
      const accounts = items.flatMap(({ offer, bus }, index) => [
        ...(items[index - 1]?.bus.address === bus.address
          ? []
          : [{ address: bus.address, role: AccountRole.READONLY }]),
        writable(offer.address),
        writable(offer.vault),
        ...(books[index] ?? []),
      ]);
      return [...(await positionOpenings(buyer, items)), withAccounts(instruction, accounts)];
    },
  };
}

/** Buys what a lock holds; its deposit, which the seller's vault holds already, is the payment. */
export function planSettle(lock: Lock, offer: Pick<Offer, 'book'>, title: string): Plan {
  return {
    kind: 'lock',
    orders: [{ offer: lock.offer, energyWh: lock.energyWh, maxPricePerKwh: lock.pricePerKwh }],
    title,
    // Taking the lock has opened it.
    opens: [],
    build: async (trader, nonce) => {
      const settle = getLockSettleInstruction({
        buyer: noSigner(lock.buyer),
        trader,
        offer: lock.offer,
        lock: lock.address,
        nonce,
        lockNumber: lock.number,
      });
      return [withAccounts(settle, await booksOf(offer, lock.buyer))];
    },
  };
}

/** The plan of a quote: one purchase, or one batch. */
export function planItems(buyer: Address, items: readonly Item[], maxTotal: bigint): Plan {
  const energy = items.reduce((sum, { energyWh }) => sum + energyWh, 0n);
  const names = [...new Set(items.map(({ bus }) => bus.name))];
  const title = t.plan.on(formatEnergy(energy), names.join(', '), deliveryOf(items));
  const [only] = items;
  return items.length === 1 && only !== undefined
    ? planSingle(buyer, only, only.energyWh, title)
    : planBatch(buyer, items, maxTotal, title);
}

/** When the energy of items is delivered, where it is one window. */
export function deliveryOf(items: readonly Pick<Item, 'offer' | 'bus'>[]): string | undefined {
  const [first, ...others] = items;
  if (first === undefined || first.offer.windowStart === 0) return undefined;
  const { windowStart } = first.offer;
  return others.every(({ offer }) => offer.windowStart === windowStart)
    ? deliveryTime(first.bus, windowStart)
    : undefined;
}
