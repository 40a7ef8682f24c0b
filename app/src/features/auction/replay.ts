/**
 * The book of an auction as the chain's history has it, so that its price can be computed by whoever doubts it, also after
 * bids and offers have closed. What is believed are the events of the market's own program.
 */

import type { Address, Signature } from '@solana/kit';

import type { Connection } from '../../chain/connection';
import { askWh, type AuctionBook, type Cleared } from '../../market/auction';
import type { RawEvent } from '../../market/events';
import { readRawEvents, signaturesOf } from '../../market/transactions';

/** An offer, as its events leave it. */
interface Ask {
  pricePerKwh: bigint;
  remainingWh: bigint;
  tradesFrom: number;
  expiresAt: number;
  cancelled: boolean;
}

/** What the history of a window says of its auction. */
export interface PastAuction {
  readonly book: AuctionBook;
  /** What the chain said when the price was proven. */
  readonly cleared: Cleared;
  readonly gridFeePerKwh: bigint;
  readonly clearer: Address;
  readonly clearedAt: number;
}

/**
 * Follows the events of a window until its price is proven, and those of its offers. First everything that names the window's
 * capacity, the oldest first; then for each of {@link offers} everything that names the offer.
 */
export class AuctionReplay {
  private readonly bids = new Map<Address, { readonly maxPricePerKwh: bigint; readonly energyWh: bigint }>();
  private readonly asks = new Map<Address, Ask>();
  private terms: { readonly gateClosesAt: number; readonly gridFeePerKwh: bigint } | undefined;
  private proof: Extract<RawEvent, { __kind: 'AuctionCleared' }>['data'] | undefined;

  constructor(private readonly capacity: Address) {}

  /** Takes an event of a transaction that names the window's capacity. */
  takeOfWindow(event: RawEvent): void {
    // From the proof on the book changes without changing the price.
    if (this.proof !== undefined) return;
    switch (event.__kind) {
      case 'CapacityOpened': {
        const { capacity, gateClosesAt, terms } = event.data;
        if (capacity !== this.capacity) break;
        // An earlier life of the account is over.
        this.bids.clear();
        this.asks.clear();
        this.terms = { gateClosesAt: Number(gateClosesAt), gridFeePerKwh: terms.gridFeePerKwh };
        break;
      }
      case 'BidCreated': {
        const { bid, capacity, maxPricePerKwh, energyWh } = event.data;
        if (capacity === this.capacity) this.bids.set(bid, { maxPricePerKwh, energyWh });
        break;
      }
      case 'BidCancelled':
      case 'BidSettled':
        this.bids.delete(event.data.bid);
        break;
      case 'OfferCreated': {
        const { offer, capacity, energyWh, pricePerKwh, tradesFrom, expiresAt } = event.data;
        if (capacity !== this.capacity) break;
        const times = { tradesFrom: Number(tradesFrom), expiresAt: Number(expiresAt) };
        this.asks.set(offer, { pricePerKwh, remainingWh: energyWh, ...times, cancelled: false });
        break;
      }
      case 'OfferCancelled': {
        const ask = this.asks.get(event.data.offer);
        if (ask !== undefined) ask.cancelled = true;
        break;
      }
      case 'AuctionCleared':
        if (event.data.capacity === this.capacity) this.proof = event.data;
        break;
      default:
        break;
    }
  }

  /** Offers whose own events are needed. */
  get offers(): readonly Address[] {
    return [...this.asks].filter(([, { cancelled }]) => !cancelled).map(([offer]) => offer);
  }

  /** Takes an event of a transaction that names an offer. */
  takeOfOffer(offer: Address, event: RawEvent): void {
    const ask = this.asks.get(offer);
    if (ask === undefined) return;
    switch (event.__kind) {
      case 'EnergyPurchased':
        for (const fill of event.data.fills) if (fill.offer === offer) ask.remainingWh -= fill.energyWh;
        break;
      case 'OfferRepriced':
        if (event.data.offer !== offer) break;
        ask.pricePerKwh = event.data.pricePerKwh;
        ask.tradesFrom = Number(event.data.tradesFrom);
        break;
      case 'OfferExpirySet':
        if (event.data.offer === offer) ask.expiresAt = Number(event.data.expiresAt);
        break;
      default:
        break;
    }
  }

  /** The book and what the chain made of it; `undefined` where the history does not tell both. */
  result(): PastAuction | undefined {
    const { terms, proof } = this;
    if (terms === undefined || proof === undefined) return undefined;
    const { gateClosesAt, gridFeePerKwh } = terms;
    const ration = (atPriceWh: bigint, filledWh: bigint) => ({ atPriceWh, filledWh, settledWh: 0n });
    return {
      gridFeePerKwh,
      clearer: proof.clearer,
      clearedAt: Number(proof.clearedAt),
      book: {
        bids: [...this.bids.values()].map(({ maxPricePerKwh, energyWh }) => ({
          pricePerKwh: maxPricePerKwh - gridFeePerKwh,
          energyWh,
        })),
        asks: [...this.asks.values()]
          .map((ask) => ({ pricePerKwh: ask.pricePerKwh, energyWh: askWh({ ...ask, gateClosesAt }) }))
          .filter(({ energyWh }) => energyWh > 0n),
      },
      cleared: {
        ...{ lowPrice: proof.lowPrice, highPrice: proof.highPrice },
        ...{ pricePerKwh: proof.pricePerKwh, volumeWh: proof.volumeWh },
        bids: ration(proof.bidsAtPriceWh, proof.bidsFilledWh),
        asks: ration(proof.asksAtPriceWh, proof.asksFilledWh),
      },
    };
  }
}

const READ_AT_ONCE = 8;

/**
 * Reads the book of a window's auction from the chain's history; `undefined` where that does not tell it. `onProgress` hears of
 * how many transactions were read.
 */
export async function readAuction(
  connection: Connection,
  capacity: Address,
  signal: AbortSignal,
  onProgress: (read: number) => void,
): Promise<PastAuction | undefined> {
  const replay = new AuctionReplay(capacity);
  let count = 0;
  const read = async (account: Address, take: (event: RawEvent) => void) => {
    const signatures: readonly Signature[] = (await signaturesOf(connection, account, signal)).toReversed();
    for (let at = 0; at < signatures.length && !signal.aborted; at += READ_AT_ONCE) {
      const some = signatures.slice(at, at + READ_AT_ONCE);
      const events = await Promise.all(some.map((one) => readRawEvents(connection, one)));
      for (const event of events.flat()) take(event);
      count += some.length;
      onProgress(count);
    }
  };
  await read(capacity, (event) => replay.takeOfWindow(event));
  for (const offer of replay.offers) {
    if (signal.aborted) return undefined;
    await read(offer, (event) => replay.takeOfOffer(offer, event));
  }
  return signal.aborted ? undefined : replay.result();
}
