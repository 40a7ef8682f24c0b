/** Offers from the seller's side: create, reprice, set the expiry, cancel. */

import { AccountRole, type Address, type Instruction } from '@solana/kit';

import { bookAddress, capacityAddress, meterAddress, offerAddress } from '../../chain/address';
import { fitsTransaction, prepare, send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getCapacityOpenInstructionAsync,
  getOfferCancelInstruction,
  getOfferCreateInstruction,
  getOfferRepriceInstruction,
  getOfferSetExpiryInstruction,
} from '../../generated';
import { owesAsk } from '../../market/auction';
import { firstWindowOf } from '../../market/delivery';
import type { LiveMarket } from '../../market/live';
import { SOURCE_NUMBERS, type Bus, type Capacity, type Offer, type Source } from '../../market/model';
import { termsAt } from '../../market/terms';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';
import { askSettleInstruction } from '../auction/auction';
import { withAccounts } from '../purchase/plan';
import type { Fees } from '../purchase/usePreview';
import { nextOffer } from '../seller/seller';

const writable = (address: Address) => ({ address, role: AccountRole.WRITABLE });

/** What a seller asks for. */
export interface Listed {
  readonly energyWh: bigint;
  /** Without the grid fee. */
  readonly pricePerKwh: bigint;
  readonly source: Source;
  /** Start of the delivery window, 0 where the bus has none. */
  readonly windowStart: number;
  /** First second in which it no longer trades. */
  readonly expiresAt: number;
  /** Whether the bus sells, and its treasury is paid. */
  readonly forBus: boolean;
}

/** Puts energy on offer; opens the window's capacity, the seller's account and its delivery book where they are missing. */
export function offerCreate(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  listed: Listed,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => offerCreateInstructions(live, signer.address, bus, listed), onStage);
}

/** What the network takes for an offer; the rent is told apart. */
export async function offerCreateFees(live: LiveMarket, lister: Address, bus: Bus, listed: Listed): Promise<Fees> {
  const { fee } = await prepare(live.connection, lister, await offerCreateInstructions(live, lister, bus, listed));
  return { fee, rent: 0n, positionRent: 0n };
}

/** The instructions that put energy on offer. */
export async function offerCreateInstructions(
  live: LiveMarket,
  lister: Address,
  bus: Bus,
  listed: Listed,
): Promise<readonly Instruction[]> {
  const { windowStart } = listed;
  const capacity = await capacityAddress(bus.address, windowStart);
  await live.refresh([capacity]);
  const open = live.state.get().capacities.get(capacity);
  if (open === undefined && windowStart === 0) throw new Refusal(t.offer.theBusIsNotOn);
  const { seller, number, opening } = await nextOffer(live, lister, bus, listed.forBus ? bus.address : lister);
  const terms = open?.terms ?? termsAt(bus, windowStart);
  const windowOpening =
    open !== undefined
      ? []
      : [
          await getCapacityOpenInstructionAsync({
            payer: noSigner(lister),
            bus: bus.address,
            windowStart: BigInt(windowStart),
          }),
        ];
  const create = getOfferCreateInstruction({
    lister: noSigner(lister),
    bus: bus.address,
    capacity,
    seller,
    offer: await offerAddress(seller, number),
    systemProgram: SYSTEM_PROGRAM,
    number,
    energyWh: listed.energyWh,
    pricePerKwh: listed.pricePerKwh,
    expiresAt: BigInt(listed.expiresAt),
    source: SOURCE_NUMBERS[listed.source],
  });
  const books =
    windowStart !== 0 && terms.isOnDelivery
      ? [await meterAddress(seller), await bookAddress(seller, firstWindowOf(terms, windowStart))]
      : [];
  return [...windowOpening, ...opening, withAccounts(create, books.map(writable))];
}

/** Sets a new price; energy under locks keeps the price that it was locked at. */
export function offerReprice(
  live: LiveMarket,
  signer: Signer,
  offer: Offer,
  pricePerKwh: bigint,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const lister = noSigner(signer.address);
  // Of the offer as it was shown: whoever changed it since, it is looked at again.
  const shown = { bus: offer.bus, offer: offer.address, expectedVersion: offer.version };
  const build = async () => [getOfferRepriceInstruction({ ...shown, lister, pricePerKwh })];
  return send(live.connection, signer, build, onStage);
}

/** Sets an earlier or a later expiry. */
export function offerSetExpiry(
  live: LiveMarket,
  signer: Signer,
  offer: Offer,
  expiresAt: number,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const lister = noSigner(signer.address);
  const { bus, seller, address, version: expectedVersion } = offer;
  const build = async () => [
    getOfferSetExpiryInstruction({
      lister,
      bus,
      seller,
      offer: address,
      expiresAt: BigInt(expiresAt),
      expectedVersion,
    }),
  ];
  return send(live.connection, signer, build, onStage);
}

/** The instruction that withdraws what is free of an offer, and collects what was paid for it. */
export function offerCancelInstruction(caller: Address, offer: Offer): Instruction {
  const cancel = getOfferCancelInstruction({
    caller: noSigner(caller),
    bus: offer.bus,
    capacity: offer.capacity,
    seller: offer.seller,
    offer: offer.address,
    rentPayer: offer.rentPayer,
  });
  return withAccounts(cancel, offer.book === undefined ? [] : [writable(offer.book)]);
}

/** Withdraws what is free; the offer closes where nothing is locked. */
export function offerCancel(
  live: LiveMarket,
  signer: Signer,
  offer: Offer,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, async () => [offerCancelInstruction(signer.address, offer)], onStage);
}

/** What closes an offer: where an auction owes it a sale, that is settled first. */
export function offerCloseInstructions(
  caller: Address,
  offer: Offer,
  bus: Bus,
  capacity: Capacity | undefined,
): readonly Instruction[] {
  const isOwed = capacity !== undefined && owesAsk(capacity, offer);
  return [...(isOwed ? [askSettleInstruction(offer, bus)] : []), offerCancelInstruction(caller, offer)];
}

/** The instructions that close offers which trade no more, of as many as one transaction holds. */
export function closingInstructions(
  caller: Address,
  offers: readonly Offer[],
  bus: Bus,
  capacities: ReadonlyMap<Address, Capacity>,
): readonly Instruction[] {
  const instructions: Instruction[] = [];
  for (const offer of offers) {
    const next = offerCloseInstructions(caller, offer, bus, capacities.get(offer.capacity));
    if (!fitsTransaction(caller, [...instructions, ...next])) break;
    instructions.push(...next);
  }
  return instructions;
}

/** Has an auction's sale of an offer paid; anyone may. */
export function askSettle(
  live: LiveMarket,
  signer: Signer,
  offer: Offer,
  bus: Bus,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, async () => [askSettleInstruction(offer, bus)], onStage);
}
