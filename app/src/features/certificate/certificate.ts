/** Certificates of origin: taken of what was delivered, given away whole or in part, and retired for somebody. */

import type { Address, Instruction } from '@solana/kit';

import type { Parsed } from '../../amount/decimal';
import { certificateAddress } from '../../chain/address';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getCertificateRetireInstruction,
  getCertificateTakeInstruction,
  getCertificateTransferInstruction,
  MAX_BENEFICIARY_LEN,
} from '../../generated';
import {
  certifiableForBids,
  certifiableOf,
  certifiableSurplus,
  finalAt,
  placeOf,
  usedWindows,
  windowStartOf,
} from '../../market/delivery';
import type { LiveMarket } from '../../market/live';
import type { Book, Certificate } from '../../market/model';
import type { MarketState } from '../../market/state';
import { compare } from '../../order';
import { SYSTEM_PROGRAM } from '../../programs';
import { t } from '../../words';
import { heldBy, soldBy } from '../delivery/delivery';

/** What a wallet can take a certificate of: delivered energy of one final window. */
export interface Certifiable {
  readonly book: Book;
  readonly place: number;
  /** The buyer's position or bid, or the seller's account. */
  readonly holding: Address;
  readonly energyWh: bigint;
  readonly isSurplus: boolean;
}

/** Everything that a wallet can take a certificate of, the oldest window first. */
export function certifiable(
  state: Pick<MarketState, 'positions' | 'books' | 'buses' | 'sellers' | 'bids'>,
  wallet: Address | undefined,
  now: number,
): readonly Certifiable[] {
  const bought = heldBy(state, wallet).flatMap(({ position, book }) =>
    position.windows.map((own, place) => ({
      ...{ book, place, holding: position.address, isSurplus: false },
      energyWh: certifiableOf(book, place, own, now),
    })),
  );
  const kept = soldBy(state, wallet).flatMap(({ book }) =>
    usedWindows(book).map(({ place }) => ({
      ...{ book, place, holding: book.seller, isSurplus: true },
      energyWh: certifiableSurplus(book, place, now),
    })),
  );
  return [...bought, ...bidden(state, wallet, now), ...kept]
    .filter(({ energyWh }) => energyWh > 0n)
    .sort(
      (a, b) =>
        windowStartOf(a.book, a.place) - windowStartOf(b.book, b.place) ||
        Number(a.isSurplus) - Number(b.isSurplus) ||
        compare(b.energyWh, a.energyWh) ||
        compare(a.holding, b.holding) ||
        compare(a.book.address, b.book.address),
    );
}

/** What bids can take: of each seller's part of their auction, as far as it goes. */
function bidden(
  { bids, books }: Pick<MarketState, 'bids' | 'books'>,
  wallet: Address | undefined,
  now: number,
): readonly Certifiable[] {
  return [...bids.values()].flatMap((bid) => {
    let left = bid.buyer === wallet && bid.state === 'refunded' ? bid.deliveredWh - bid.certifiedWh : 0n;
    return [...books.values()].flatMap((book) => {
      const place = book.bus === bid.bus ? placeOf(book, bid.windowStart) : undefined;
      const window = place === undefined ? undefined : book.windows[place];
      if (place === undefined || window === undefined || now < finalAt(book, place)) return [];
      const free = certifiableForBids(window);
      const energyWh = free < left ? free : left;
      left -= energyWh;
      return [{ book, place, holding: bid.address, isSurplus: false, energyWh }];
    });
  });
}

/** Takes a certificate. Somebody else may have taken the range a moment ago: it is then taken of the next. */
export function certificateTake(
  live: LiveMarket,
  signer: Signer,
  { book, place, holding }: Certifiable,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const build = async (): Promise<readonly Instruction[]> => {
    await live.refresh([book.address]);
    const window = live.state.get().books.get(book.address)?.windows[place];
    if (window === undefined) throw new Refusal(t.certificate.theBookIsClosed);
    const windowStart = windowStartOf(book, place);
    return [
      getCertificateTakeInstruction({
        owner: noSigner(signer.address),
        book: book.address,
        holding,
        certificate: await certificateAddress(book.seller, windowStart, window.certifiedWh),
        systemProgram: SYSTEM_PROGRAM,
        windowStart: BigInt(windowStart),
      }),
    ];
  };
  return send(live.connection, signer, build, onStage);
}

/** What a certificate is for, in Wh. */
export const certifiedWh = ({ rangeStart, rangeEnd }: Certificate): bigint => rangeEnd - rangeStart;

/** Gives a certificate to another wallet, or a part of it, which becomes a certificate of its own. */
export function certificateTransfer(
  live: LiveMarket,
  signer: Signer,
  certificate: Certificate,
  energyWh: bigint,
  to: Address,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const { address, seller, windowStart, rangeEnd } = certificate;
  const build = async () => [
    getCertificateTransferInstruction({
      owner: noSigner(signer.address),
      certificate: address,
      part:
        energyWh === certifiedWh(certificate)
          ? address
          : await certificateAddress(seller, windowStart, rangeEnd - energyWh),
      systemProgram: SYSTEM_PROGRAM,
      energyWh,
      to,
    }),
  ];
  return send(live.connection, signer, build, onStage);
}

/** Uses a certificate up for a beneficiary; this is final. */
export function certificateRetire(
  live: LiveMarket,
  signer: Signer,
  { address, rentPayer }: Certificate,
  beneficiary: string,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const owner = noSigner(signer.address);
  const build = async () => [getCertificateRetireInstruction({ owner, certificate: address, rentPayer, beneficiary })];
  return send(live.connection, signer, build, onStage);
}

/** Reads for whom a certificate is retired: 1 to 64 bytes without control characters. */
export function parseBeneficiary(text: string): Parsed<string> {
  const name = text.trim();
  const { length } = new TextEncoder().encode(name);
  if (length === 0) return { ok: false, reason: t.certificate.sayForWhom };
  if (length > Number(MAX_BENEFICIARY_LEN)) return { ok: false, reason: t.certificate.atMost64Bytes(length) };
  return /\p{Cc}/u.test(name) ? { ok: false, reason: t.bus.noControlCharactersPlease } : { ok: true, value: name };
}
