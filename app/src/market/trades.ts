/** Trades that happened, newest first, and where the energy of each came from. */

import type { Address, Signature } from '@solana/kit';

import { COMMITMENT, type Connection } from '../chain/connection';
import { cause } from '../errors/explain';
import { PROGRAM } from '../programs';
import type { MarketEvent } from './events';
import { newestTrade, type Offer, type OfferOrigin, type Trade } from './model';
import { readTransaction } from './transactions';

/** Trades that are kept, and those that are read from the past when the page opens. */
const TRADES_KEPT = 500;
const TRADES_READ = 60;
const READ_AT_ONCE = 6;
const SIGNATURES_AT_ONCE = 1_000;

/** What is kept of an offer, as far as it is known. */
export function originOf({
  bus,
  seller,
  windowStart,
  source,
  gridFeePerKwh,
}: Partial<OfferOrigin> & Pick<OfferOrigin, 'bus'>) {
  return { bus, seller, windowStart, source, gridFeePerKwh };
}

/** Keeps the newest trades. */
export class TradeBook {
  /** Newest first. */
  trades: readonly Trade[] = [];
  readonly origins = new Map<Address, OfferOrigin>();
  /** Whether older trades were read, or why they could not be. */
  isRead = false;
  /** Whether what was read is all that ever happened on the market. */
  isWhole = false;
  missing: string | undefined;

  /** Adds a purchase; whether it was not known yet. */
  add(
    { fills, hash, buyer, lane, nonce, at, purchase: kind }: Extract<MarketEvent, { kind: 'purchased' }>,
    signature: Signature,
    slot: bigint,
  ): boolean {
    if (this.trades.some((trade) => trade.hash === hash)) return false;
    this.trades = [...this.trades, { signature, slot, hash, buyer, lane, nonce, kind, at, fills }]
      .sort(newestTrade)
      .slice(0, TRADES_KEPT);
    return true;
  }

  /** Notes of an offer what its creation tells. */
  list({ offer, ...origin }: Extract<MarketEvent, { kind: 'listed' }>): void {
    this.origins.set(offer, originOf(origin));
  }

  /** Notes of an offer what its account tells. */
  see({ address, ...origin }: Offer): void {
    this.origins.set(address, originOf(origin));
  }

  /** Reads the latest trades of the market, and whose energy they sold; `onEvents` takes what the transactions tell. */
  async readPast(
    connection: Connection,
    signal: AbortSignal,
    onEvents: (events: readonly MarketEvent[], signature: Signature, slot: bigint) => void,
  ): Promise<void> {
    try {
      const known = new Set(this.trades.map(({ signature }) => signature));
      const page = await connection.rpc
        .getSignaturesForAddress(PROGRAM, { limit: TRADES_READ, commitment: COMMITMENT })
        .send();
      const wanted = page.filter(({ err, signature }) => err === null && !known.has(signature));
      await inTurn(wanted, signal, async ({ signature, slot }) => {
        const transaction = await readTransaction(connection, signature);
        if (transaction === undefined) return;
        for (const [offer, bus] of transaction.buses) {
          if (!this.origins.has(offer)) this.origins.set(offer, originOf({ bus }));
        }
        onEvents(transaction.events, signature, slot);
      });
      await inTurn(this.unplaced(), signal, (offer) => this.place(connection, offer));
      this.isRead = true;
      this.isWhole = page.length < TRADES_READ;
      this.missing = undefined;
    } catch (error) {
      this.isRead = false;
      this.missing = cause(error);
    }
  }

  /**
   * Offers whose delivery window is not known: a purchase does not name its window, nor the settlement of a lock its bus.
   * The creation of its offer does, which is the first thing that ever happened to the offer.
   */
  private unplaced(): readonly Address[] {
    const offers = new Set(this.trades.flatMap(({ fills }) => fills.map(({ offer }) => offer)));
    return [...offers].filter((offer) => this.origins.get(offer)?.windowStart === undefined);
  }

  private async place(connection: Connection, offer: Address): Promise<void> {
    const created = await readCreation(connection, offer);
    if (created !== undefined) this.list(created);
  }
}

/** What the creation of an offer tells, from the first thing that ever happened to the offer. */
export async function readCreation(
  connection: Connection,
  offer: Address,
): Promise<Extract<MarketEvent, { kind: 'listed' }> | undefined> {
  let before: Signature | undefined;
  for (;;) {
    const page = await connection.rpc
      .getSignaturesForAddress(offer, {
        limit: SIGNATURES_AT_ONCE,
        commitment: COMMITMENT,
        ...(before === undefined ? {} : { before }),
      })
      .send();
    const oldest = page.at(-1)?.signature;
    if (page.length < SIGNATURES_AT_ONCE) {
      const first = oldest ?? before;
      const created = first === undefined ? undefined : await readTransaction(connection, first);
      return created?.events.find((event) => event.kind === 'listed' && event.offer === offer) as
        Extract<MarketEvent, { kind: 'listed' }> | undefined;
    }
    before = oldest;
  }
}

/** Does something with each value, a few at a time, until it is told to stop. */
async function inTurn<T>(values: readonly T[], signal: AbortSignal, work: (value: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < values.length && !signal.aborted; at += READ_AT_ONCE) {
    await Promise.all(values.slice(at, at + READ_AT_ONCE).map(work));
  }
}
