/** Readings that a device has signed: whoever has one brings it, as `multibus meter sign` writes it. */

import {
  getAddressEncoder,
  getBase58Encoder,
  isAddress,
  isSignature,
  type Address,
  type Instruction,
  type Signature,
} from '@solana/kit';

import type { Parsed } from '../../amount/decimal';
import { bookAddress, meterAddress } from '../../chain/address';
import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { BOOK_WINDOWS, getDeliveryReportInstruction, READING_TAG, ReadingProof } from '../../generated';
import type { LiveMarket } from '../../market/live';
import { ED25519_PROGRAM, INSTRUCTIONS_SYSVAR, PROGRAM } from '../../programs';
import { t } from '../../words';

/** A reading with what its device signed. */
export interface SignedReading {
  readonly bus: Address;
  /** The seller's account. */
  readonly seller: Address;
  readonly busCreatedAt: bigint;
  readonly termsFrom: bigint;
  readonly windowSeconds: number;
  readonly windowStart: bigint;
  readonly energyWh: bigint;
  readonly sequence: bigint;
  readonly device: Address;
  readonly signature: Signature;
}

/** Reads a signed reading; refused where it is none, or of another program. */
export function parseReading(text: string): Parsed<SignedReading> {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    return { ok: false, reason: t.delivery.thisIsNoReading };
  }
  const fields = (typeof told === 'object' && told !== null ? told : {}) as Readonly<Record<string, unknown>>;
  const { program, bus, seller, device, signature, window_seconds: windowSeconds } = fields;
  const numbers = ['bus_created_at', 'terms_from', 'window_seconds', 'window_start', 'energy_wh', 'sequence'];
  const isWhole = (value: unknown) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  const isKey = (value: unknown): value is Address => typeof value === 'string' && isAddress(value);
  if (
    !numbers.every((name) => isWhole(fields[name])) ||
    typeof windowSeconds !== 'number' ||
    windowSeconds === 0 ||
    !isKey(bus) ||
    !isKey(seller) ||
    !isKey(device) ||
    typeof signature !== 'string' ||
    !isSignature(signature)
  ) {
    return { ok: false, reason: t.delivery.thisIsNoReading };
  }
  if (program !== PROGRAM) return { ok: false, reason: t.delivery.theReadingIsOfAnotherProgram };
  const number = (name: string) => BigInt(fields[name] as number);
  return {
    ok: true,
    value: {
      ...{ bus, seller, device, signature, windowSeconds },
      busCreatedAt: number('bus_created_at'),
      termsFrom: number('terms_from'),
      windowStart: number('window_start'),
      energyWh: number('energy_wh'),
      sequence: number('sequence'),
    },
  };
}

/** The 152 bytes that a device signs. */
async function messageOf(reading: SignedReading): Promise<Uint8Array> {
  const address = getAddressEncoder();
  const numbers = new DataView(new ArrayBuffer(36));
  numbers.setBigInt64(0, reading.busCreatedAt, true);
  numbers.setBigInt64(8, reading.windowStart, true);
  numbers.setUint32(16, reading.windowSeconds, true);
  numbers.setBigUint64(20, reading.energyWh, true);
  numbers.setBigUint64(28, reading.sequence, true);
  const bytes = new Uint8Array(numbers.buffer);
  const meter = await meterAddress(reading.seller);
  const [createdAt, rest] = [bytes.subarray(0, 8), bytes.subarray(8)];
  return joined([
    ...[READING_TAG, address.encode(PROGRAM), address.encode(reading.bus)],
    ...[createdAt, address.encode(meter), rest],
  ]);
}

function joined(parts: readonly (ArrayLike<number> & Iterable<number>)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/**
 * Head of the instruction that checks one signature: where signature, key and message lie, all of them in the instruction
 * itself, which every index 0xffff says. The program accepts no other byte.
 */
const HEAD = [1, 0, 0x30, 0, 0xff, 0xff, 0x10, 0, 0xff, 0xff, 0x70, 0, 0x98, 0, 0xff, 0xff];

/** The instructions that bring a signed reading: its signature is checked just before it is reported. */
export async function readingInstructions(reporter: Address, reading: SignedReading): Promise<readonly Instruction[]> {
  const { seller, termsFrom, windowSeconds, windowStart, energyWh, sequence } = reading;
  const length = BigInt(windowSeconds) * BOOK_WINDOWS;
  const firstWindow = termsFrom + ((windowStart - termsFrom) / length) * length;
  const key = getAddressEncoder().encode(reading.device);
  const signature = getBase58Encoder().encode(reading.signature);
  const data = joined([HEAD, key, signature, await messageOf(reading)]);
  return [
    { programAddress: ED25519_PROGRAM, accounts: [], data },
    getDeliveryReportInstruction({
      reporter: noSigner(reporter),
      book: await bookAddress(seller, Number(firstWindow)),
      evidence: INSTRUCTIONS_SYSVAR,
      ...{ windowStart, energyWh, sequence },
      proof: ReadingProof.Signature,
    }),
  ];
}

/** Brings a signed reading; anyone may. */
export function readingBring(
  live: LiveMarket,
  signer: Signer,
  reading: SignedReading,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => readingInstructions(signer.address, reading), onStage);
}
