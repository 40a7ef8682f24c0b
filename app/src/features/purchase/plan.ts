/** Plans: what a purchase orders, and the instruction that buys it once its lane and nonce are known. */

import { AccountRole, type Address, type Instruction } from '@solana/kit';

import { formatEnergy } from '../../amount/energy';
import { windowLabel } from '../../amount/time';
import { tokenAccountAddress } from '../../chain/address';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getLockSettleInstruction, getPurchaseBatchInstruction, getPurchaseInstruction } from '../../generated';
import type { Bus, Lock, Offer, Trade } from '../../market/model';
import { t } from '../../words';
import type { Order } from './hash';

/** One attempt: what enters the hash, and the instruction once lane and nonce are known. */
export interface Plan {
  readonly kind: Trade['kind'];
  readonly orders: readonly Order[];
  /** For the reader: `2.5 kWh on Sunny Street`. */
  readonly title: string;
  readonly build: (trader: Address, nonce: bigint) => Promise<Instruction>;
}

/** Part of an offer to buy. */
export interface Item {
  readonly offer: Offer;
  readonly bus: Bus;
  readonly energyWh: bigint;
  readonly maxPricePerKwh: bigint;
}

/** Buys part of one offer, exactly, or up to an amount with a minimum. */
export function planSingle(buyer: Address, item: Item, minEnergyWh: bigint, title: string): Plan {
  const { offer, bus, energyWh, maxPricePerKwh } = item;
  return {
    kind: 'single',
    orders: [{ offer: offer.address, energyWh, maxPricePerKwh }],
    title,
    build: async (trader, nonce) =>
      getPurchaseInstruction({
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
      }),
  };
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
      const accounts = items.flatMap(({ offer, bus }, index) => [
        ...(items[index - 1]?.bus.address === bus.address
          ? []
          : [{ address: bus.address, role: AccountRole.READONLY }]),
        { address: offer.address, role: AccountRole.WRITABLE },
        { address: offer.vault, role: AccountRole.WRITABLE },
      ]);
      return { ...instruction, accounts: [...instruction.accounts, ...accounts] };
    },
  };
}

/** Buys what a lock holds; its deposit, which the seller's vault holds already, is the payment. */
export function planSettle(lock: Lock, title: string): Plan {
  return {
    kind: 'lock',
    orders: [{ offer: lock.offer, energyWh: lock.energyWh, maxPricePerKwh: lock.pricePerKwh }],
    title,
    build: async (trader, nonce) =>
      getLockSettleInstruction({
        buyer: noSigner(lock.buyer),
        trader,
        offer: lock.offer,
        lock: lock.address,
        nonce,
        lockNumber: lock.number,
      }),
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
    ? windowLabel(windowStart, first.bus.windowSeconds)
    : undefined;
}
