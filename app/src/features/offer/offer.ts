/** Offers from the seller's side: create, reprice, set the expiry, cancel. */

import type { Address, Instruction } from '@solana/kit';

import { capacityAddress, offerAddress } from '../../chain/address';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getCapacityOpenInstructionAsync,
  getOfferCancelInstruction,
  getOfferCreateInstruction,
  getOfferRepriceInstruction,
  getOfferSetExpiryInstruction,
} from '../../generated';
import type { LiveMarket } from '../../market/live';
import { SOURCE_NUMBERS, type Bus, type Offer, type Source } from '../../market/model';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';
import { nextOffer } from '../seller/seller';

/** What a seller asks for. */
export interface Terms {
  readonly energyWh: bigint;
  readonly pricePerKwh: bigint;
  readonly source: Source;
  /** Start of the delivery window, 0 where the bus has none. */
  readonly windowStart: number;
  /** First second in which it no longer trades. */
  readonly expiresAt: number;
  /** Whether the bus sells, and its treasury is paid. */
  readonly forBus: boolean;
}

/** Puts energy on offer; opens the window's capacity and the seller's account where they are missing. */
export function offerCreate(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  terms: Terms,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => offerCreateInstructions(live, signer.address, bus, terms), onStage);
}

/** The instructions that put energy on offer. */
export async function offerCreateInstructions(
  live: LiveMarket,
  lister: Address,
  bus: Bus,
  terms: Terms,
): Promise<readonly Instruction[]> {
  const capacity = await capacityAddress(bus.address, terms.windowStart);
  await live.refresh([capacity]);
  const isOpen = live.state.get().capacities.has(capacity);
  if (!isOpen && terms.windowStart === 0) throw new Refusal(t.offer.theBusIsNotOn);
  const { seller, number, opening } = await nextOffer(live, lister, bus, terms.forBus ? bus.address : lister);
  const windowOpening = isOpen
    ? []
    : [
        await getCapacityOpenInstructionAsync({
          payer: noSigner(lister),
          bus: bus.address,
          windowStart: BigInt(terms.windowStart),
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
    energyWh: terms.energyWh,
    pricePerKwh: terms.pricePerKwh,
    expiresAt: BigInt(terms.expiresAt),
    source: SOURCE_NUMBERS[terms.source],
  });
  return [...windowOpening, ...opening, create];
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
  return getOfferCancelInstruction({
    caller: noSigner(caller),
    bus: offer.bus,
    capacity: offer.capacity,
    seller: offer.seller,
    offer: offer.address,
    rentPayer: offer.rentPayer,
  });
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
