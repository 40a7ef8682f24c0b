// @vitest-environment node

import { readFileSync } from 'node:fs';

import { getAddressDecoder } from '@solana/kit';
import { describe, expect, it } from 'vitest';

import { visible } from '../amount/text';
import {
  ActionKind,
  BookWindowState,
  getBusDecoder,
  getBusEncoder,
  getCertificateDecoder,
  getCertificateEncoder,
  getDeliveryBookDecoder,
  getDeliveryBookEncoder,
  getPositionBookDecoder,
  getPositionBookEncoder,
  getProposalEncoder,
  LAYOUT_VERSION,
  ProposalState,
  SettlementTime,
} from '../generated';
import { PROGRAM, SYSTEM_PROGRAM, TOKEN_PROGRAM } from '../programs';
import { DELIVERY } from '../testing/market';
import { decodeNextBus, KINDS, POSITION_BOOK_AT } from './decode';
import type { Book, Position } from './model';

const golden = JSON.parse(readFileSync(new URL('../../../client/tests/golden.json', import.meta.url), 'utf8')) as {
  accounts: { name: string; data: string }[];
};

/** Accounts that the app calls by a shorter name. */
const NAMES: Readonly<Record<string, string>> = { DeliveryBook: 'book', PositionBook: 'position' };

/** {@link DELIVERY} from a window on, as accounts hold it. */
const TERMS = {
  from: 90_000n,
  gridFeePerKwh: DELIVERY.gridFeePerKwh,
  windowSeconds: DELIVERY.windowSeconds,
  gateClosureSeconds: DELIVERY.gateClosureSeconds,
  readingDeadlineSeconds: DELIVERY.readingDeadlineSeconds,
  correctionSeconds: DELIVERY.correctionSeconds,
  settlement: SettlementTime.OnDelivery,
  auction: 1,
  reserved: new Uint8Array(6),
};

const decoded = (data: Uint8Array) => KINDS.find((kind) => kind.matches(data))?.decode(PROGRAM, data);

describe('books', () => {
  it('tell their windows, devices and terms', () => {
    const zero = getDeliveryBookDecoder().decode(new Uint8Array(getDeliveryBookDecoder().fixedSize));
    const [window] = zero.windows;
    const [meter] = zero.meters;
    if (window === undefined || meter === undefined) throw new Error('a book has windows and devices');
    const data = getDeliveryBookEncoder().encode({
      ...zero,
      layoutVersion: LAYOUT_VERSION,
      meterCount: 1,
      firstWindow: 90_000n,
      terms: TERMS,
      meters: [{ ...meter, key: PROGRAM, powerW: 8_000n, source: 1 }, ...zero.meters.slice(1)],
      windows: [{ ...window, state: BookWindowState.Listed, soldWh: 5n, reportedAt: 7n }, ...zero.windows.slice(1)],
    });
    expect(decoded(Uint8Array.from(data))).toMatchObject({
      firstWindow: 90_000,
      terms: { ...DELIVERY, from: 90_000, hasAuction: true },
      devices: [{ key: PROGRAM, powerW: 8_000n, source: 'solar' }],
    });
    const { windows } = decoded(Uint8Array.from(data)) as Book;
    expect(windows).toHaveLength(96);
    expect(windows[0]).toMatchObject({ state: 'listed', soldWh: 5n, reportedAt: 7 });
    expect(windows[1]).toMatchObject({ state: 'unused' });
  });

  it('of buyers tell what was refunded and certified, and lie where they are looked for', () => {
    const zero = getPositionBookDecoder().decode(new Uint8Array(getPositionBookDecoder().fixedSize));
    const data = getPositionBookEncoder().encode({
      ...zero,
      layoutVersion: LAYOUT_VERSION,
      book: PROGRAM,
      buyer: TOKEN_PROGRAM,
      refunded: [1n << 63n, 1n],
      certified: [0n, 1n << 31n],
    });
    const position = decoded(Uint8Array.from(data)) as Position;
    expect(position.refund).toBeUndefined();
    expect(position.windows.flatMap(({ isRefunded }, place) => (isRefunded ? [place] : []))).toEqual([63, 64]);
    expect(position.windows.flatMap(({ isCertified }, place) => (isCertified ? [place] : []))).toEqual([95]);
    const addressAt = (offset: bigint | undefined) =>
      getAddressDecoder().decode(Uint8Array.from(data).subarray(Number(offset), Number(offset) + 32));
    expect(addressAt(POSITION_BOOK_AT)).toBe(PROGRAM);
    const walletAt = (name: string) => KINDS.find((kind) => kind.name === name)?.walletAt;
    expect(addressAt(walletAt('position'))).toBe(TOKEN_PROGRAM);
    const certificate = getCertificateDecoder().decode(new Uint8Array(getCertificateDecoder().fixedSize));
    const bytes = Uint8Array.from(getCertificateEncoder().encode({ ...certificate, owner: TOKEN_PROGRAM }));
    const at = Number(walletAt('certificate'));
    expect(getAddressDecoder().decode(bytes.subarray(at, at + 32))).toBe(TOKEN_PROGRAM);
  });
});

describe('accounts', () => {
  const bytesOfGolden = (name: string) => {
    const found = golden.accounts.find((candidate) => candidate.name === name);
    if (found === undefined) throw new Error(`no golden account ${name}`);
    return Uint8Array.from(Buffer.from(found.data, 'hex'));
  };
  const kindOf = (data: Uint8Array) => KINDS.find((kind) => kind.matches(data));

  it('of any bytes are read or passed over, and never throw', () => {
    for (const { name } of golden.accounts) {
      const data = bytesOfGolden(name);
      // A wallet's counter of buses is read alone, when it creates one; a proof of a price in progress never.
      const isOther = name === 'Creator' || name === 'Clearing';
      expect(kindOf(data)?.name).toBe(NAMES[name] ?? (isOther ? undefined : name.toLowerCase()));
      if (name === 'Creator') {
        const present = Uint8Array.from(data);
        present[8] = LAYOUT_VERSION;
        expect(decodeNextBus(present)).toBeDefined();
        expect(decodeNextBus(data.subarray(1))).toBeUndefined();
      }
      for (const length of [0, 1, 7, 8, 9, data.length - 1]) {
        const cut = data.subarray(0, length);
        expect(kindOf(cut)?.decode(PROGRAM, cut)).toBeUndefined();
      }
      const longer = Uint8Array.from([...data, 0]);
      expect(kindOf(longer)?.decode(PROGRAM, longer)).toBeUndefined();
      for (const byte of [0, 0x7f, 0xff]) {
        const filled = data.map((known, index) => (index < 8 ? known : byte));
        kindOf(filled)?.decode(PROGRAM, filled);
      }
      for (let bit = 64; bit < data.length * 8; bit += 61) {
        const flipped = Uint8Array.from(data);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        kindOf(flipped)?.decode(PROGRAM, flipped);
      }
    }
  });

  it('show what hides in a name', () => {
    const name = new TextEncoder().encode('A\u{202e}\u{1b}[2J\u{200b}é☀');
    const padded = new Uint8Array(32);
    padded.set(name);
    const own = { layoutVersion: LAYOUT_VERSION, listingPolicy: 0, nameLen: name.length, name: padded };
    const data = new Uint8Array(getBusEncoder().encode({ ...getBusDecoder().decode(bytesOfGolden('Bus')), ...own }));
    expect(kindOf(data)?.decode(PROGRAM, data)).toMatchObject({ name: 'A\\u{202e}\\u{1b}[2J\\u{200b}é☀' });
    expect(visible('שלום 太陽 🌞')).toBe('שלום 太陽 🌞');
  });

  it('tell what a proposal of each kind would do, and nothing of a kind that a later program has', () => {
    const proposed = (kind: number) => {
      const data = getProposalEncoder().encode({
        layoutVersion: LAYOUT_VERSION,
        bump: 255,
        state: ProposalState.Open,
        wasDecided: 0,
        padding: new Uint8Array(2),
        approvals: 1,
        number: 0n,
        configVersion: 0n,
        pauseVersion: 0n,
        createdAt: 0n,
        executableAt: 0n,
        expiresAt: 0n,
        hash: new Uint8Array(32),
        executedAt: 0n,
        bus: PROGRAM,
        proposer: PROGRAM,
        action: {
          kind,
          shareCount: 2,
          padding: new Uint8Array(6),
          value: 1n,
          terms: TERMS,
          owner: PROGRAM,
          newOwner: SYSTEM_PROGRAM,
          sharesBps: [6_000, 4_000, ...Array<number>(14).fill(0)],
        },
        reserved: new Uint8Array(64),
      });
      const read = kindOf(Uint8Array.from(data))?.decode(PROGRAM, Uint8Array.from(data));
      return read !== undefined && 'action' in read ? read.action : undefined;
    };
    const kinds = Object.entries(ActionKind).filter(
      (entry): entry is [string, ActionKind] => typeof entry[1] !== 'string',
    );
    expect(kinds).toHaveLength(21);
    for (const [name, number] of kinds) {
      expect(proposed(number)?.kind).toBe(name.charAt(0).toLowerCase() + name.slice(1));
    }
    expect(proposed(kinds.length)).toBeUndefined();
    const sharesBps = [6_000, 4_000];
    expect(proposed(ActionKind.OwnerAdd)).toEqual({ kind: 'ownerAdd', owner: PROGRAM, sharesBps });
    expect(proposed(ActionKind.OwnerRemove)).toEqual({ kind: 'ownerRemove', owner: PROGRAM, sharesBps });
    expect(proposed(ActionKind.SharesSet)).toEqual({ kind: 'sharesSet', sharesBps });
    expect(proposed(ActionKind.ThresholdSet)).toEqual({ kind: 'thresholdSet', threshold: 1 });
    expect(proposed(ActionKind.CapacitySet)).toEqual({ kind: 'capacitySet', capacityWh: 1n });
    expect(proposed(ActionKind.ListingPolicySet)).toEqual({ kind: 'listingPolicySet', listing: 'admitted' });
    const replaced = { kind: 'ownerReplace', owner: PROGRAM, newOwner: SYSTEM_PROGRAM };
    expect(proposed(ActionKind.OwnerReplace)).toEqual(replaced);
    expect(proposed(ActionKind.SellerAdmit)).toEqual({ kind: 'sellerAdmit', wallet: PROGRAM });
    expect(proposed(ActionKind.SellerSuspend)).toEqual({ kind: 'sellerSuspend', wallet: PROGRAM });
    expect(proposed(ActionKind.ReservePriceSet)).toEqual({ kind: 'reservePriceSet', reservePricePerKwh: 1n });
    expect(proposed(ActionKind.LeastSizeSet)).toEqual({ kind: 'leastSizeSet', leastWh: 1n });
    expect(proposed(ActionKind.OperatorSet)).toEqual({ kind: 'operatorSet', operator: PROGRAM });
    expect(proposed(ActionKind.PauseQuorumSet)).toEqual({ kind: 'pauseQuorumSet', pauseQuorum: 1 });
    expect(proposed(ActionKind.GridRecipientSet)).toEqual({ kind: 'gridRecipientSet', recipient: PROGRAM });
    expect(proposed(ActionKind.TermsSet)).toEqual({
      kind: 'termsSet',
      terms: { ...DELIVERY, from: 90_000, hasAuction: true },
    });
  });
});
