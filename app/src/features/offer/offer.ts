/** Offers from the seller's side: create, reprice, extend, cancel. */

import type { Address, Instruction } from '@solana/kit';

import { capacityAddress, offerAddress } from '../../chain/address';
import { tokenAccount } from '../../chain/connection';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getCapacityOpenInstruction,
  getOfferCancelInstruction,
  getOfferCreateForBusInstruction,
  getOfferCreateInstruction,
  getOfferExtendInstruction,
  getOfferRepriceInstruction,
} from '../../generated';
import type { LiveMarket } from '../../market/live';
import { SOURCE_NUMBERS, type Bus, type Offer, type Source } from '../../market/model';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';

/** What a seller asks for. */
export interface Terms {
  readonly energyWh: bigint;
  readonly pricePerKwh: bigint;
  readonly source: Source;
  /** Start of the delivery window, 0 where the bus has none. */
  readonly windowStart: number;
  /** Last second of trading, 0 for no expiry. */
  readonly expiresAt: number;
  /** Whether the bus sells, and its treasury is paid. */
  readonly forBus: boolean;
}

/** Puts energy on offer; opens the window's capacity and the seller's token account where they are missing. */
export function offerCreate(
  live: LiveMarket,
  signer: Signer,
  bus: Bus,
  terms: Terms,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const seller = signer.address;
  return send(
    live.connection,
    signer,
    async () => {
      const [capacity, general] = await Promise.all([
        capacityAddress(bus.address, terms.windowStart),
        capacityAddress(bus.address, 0),
      ]);
      await live.refresh([capacity]);
      const known = live.state.get().capacities.get(capacity);
      const instructions: Instruction[] = [];
      if (known === undefined) {
        if (terms.windowStart === 0) throw new Refusal(t.offer.theBusIsNotOn);
        instructions.push(
          getCapacityOpenInstruction({
            payer: noSigner(seller),
            bus: bus.address,
            general,
            capacity,
            systemProgram: SYSTEM_PROGRAM,
            windowStart: BigInt(terms.windowStart),
          }),
        );
      }
      const offerSeq = known?.nextOfferSeq ?? 0n;
      const args = {
        bus: bus.address,
        capacity,
        offer: await offerAddress(capacity, offerSeq),
        systemProgram: SYSTEM_PROGRAM,
        offerSeq,
        energyWh: terms.energyWh,
        pricePerKwh: terms.pricePerKwh,
        expiresAt: BigInt(terms.expiresAt),
        source: SOURCE_NUMBERS[terms.source],
      };
      if (terms.forBus) {
        instructions.push(getOfferCreateForBusInstruction({ ...args, owner: noSigner(seller) }));
      } else {
        const payout = await tokenAccount(live.connection, seller, seller, bus);
        instructions.push(
          ...payout.creation,
          getOfferCreateInstruction({ ...args, seller: noSigner(seller), payout: payout.address }),
        );
      }
      return instructions;
    },
    onStage,
  );
}

/** Sets a new price; energy under locks keeps the price that it was locked at. */
export function offerReprice(
  live: LiveMarket,
  signer: Signer,
  offer: Offer,
  pricePerKwh: bigint,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const seller = noSigner(signer.address);
  const build = async () => [getOfferRepriceInstruction({ seller, bus: offer.bus, offer: offer.address, pricePerKwh })];
  return send(live.connection, signer, build, onStage);
}

/** Sets a later expiry, 0 for none. */
export function offerExtend(
  live: LiveMarket,
  signer: Signer,
  offer: Offer,
  expiresAt: number,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const seller = noSigner(signer.address);
  const build = async () => [
    getOfferExtendInstruction({ seller, bus: offer.bus, offer: offer.address, expiresAt: BigInt(expiresAt) }),
  ];
  return send(live.connection, signer, build, onStage);
}

/** The instruction that withdraws what is free of an offer. */
export function offerCancelInstruction(caller: Address, offer: Offer): Instruction {
  return getOfferCancelInstruction({
    caller: noSigner(caller),
    bus: offer.bus,
    capacity: offer.capacity,
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
