/**
 * Meters: the operator registers the device that measures what a seller delivers. The device signs its registration: its key is
 * read from a file, signs one transaction, and is forgotten.
 */

import { createKeyPairFromBytes, getAddressFromPublicKey, type Address } from '@solana/kit';

import { formatDecimal, parseDecimal, type Parsed } from '../../amount/decimal';
import { deviceAddress, meterAddress } from '../../chain/address';
import { send, type Cosigner, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import {
  getDeviceCloseInstruction,
  getMeterCloseInstruction,
  getMeterRegisterInstructionAsync,
  getMeterReplaceInstructionAsync,
  MAX_POWER_W,
} from '../../generated';
import type { LiveMarket } from '../../market/live';
import { SOURCE_NUMBERS, type Device, type Meter, type Seller, type Source } from '../../market/model';
import { t } from '../../words';

/** Reads a device's key from the text of its file: 64 numbers, as `solana-keygen` and this project's tools write them. */
export async function readDeviceKey(text: string): Promise<Cosigner> {
  const refused = new Refusal(t.meter.thisIsNoKeyFile);
  let numbers: unknown;
  try {
    numbers = JSON.parse(text);
  } catch {
    throw refused;
  }
  const isByte = (value: unknown) => typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 256;
  if (!Array.isArray(numbers) || numbers.length !== 64 || !numbers.every(isByte)) throw refused;
  try {
    // The key cannot be read out of the pair again.
    const keyPair = await createKeyPairFromBytes(Uint8Array.from(numbers as number[]), false);
    return { address: await getAddressFromPublicKey(keyPair.publicKey), keyPair };
  } catch {
    throw refused;
  }
}

/** What the operator says of a device. */
export interface MeterSpec {
  readonly source: Source;
  readonly powerW: bigint;
  /** Start of the first window that it can measure. */
  readonly validFrom: number;
}

/** Reads a power in kW into W, from 1 W to the program's limit. */
export function parsePower(text: string): Parsed<bigint> {
  const parsed = parseDecimal(text, { decimals: 3, noun: t.meter.aPower, unit: t.meter.kilowatts });
  if (!parsed.ok) return parsed;
  if (parsed.value === 0n) return { ok: false, reason: t.meter.typeAPowerAboveZero };
  return parsed.value > MAX_POWER_W ? { ok: false, reason: t.meter.thatIsTooMuch } : parsed;
}

/** Registers a device as the meter of a seller who has none, or in place of the one that it has. */
export function meterRegister(
  live: LiveMarket,
  signer: Signer,
  seller: Seller,
  device: Cosigner,
  { source, powerW, validFrom }: MeterSpec,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const spec = { source: SOURCE_NUMBERS[source], powerW, validFrom: BigInt(validFrom) };
  const build = async () => {
    const meter = await meterAddress(seller.address);
    await live.refresh([meter]);
    const present = live.state.get().meters.get(meter);
    const common = {
      operator: noSigner(signer.address),
      key: noSigner(device.address),
      bus: seller.bus,
      meter,
      device: await deviceAddress(device.address),
      ...spec,
    };
    return [
      present === undefined
        ? await getMeterRegisterInstructionAsync({ ...common, seller: seller.address })
        : await getMeterReplaceInstructionAsync({ ...common, retired: await deviceAddress(present.key) }),
    ];
  };
  return send(live.connection, signer, build, onStage, device);
}

/** Takes a seller's meter away: its operator or the seller, on a closing bus anyone. Listed windows keep their device. */
export function meterClose(
  live: LiveMarket,
  signer: Signer,
  meter: Meter,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, async () => [await meterCloseInstruction(signer.address, meter)], onStage);
}

/** The instruction that takes a seller's meter away. */
export async function meterCloseInstruction(caller: Address, meter: Meter) {
  return getMeterCloseInstruction({
    caller: noSigner(caller),
    bus: meter.bus,
    seller: meter.seller,
    meter: meter.address,
    device: await deviceAddress(meter.key),
    rentPayer: meter.rentPayer,
  });
}

/** Whether a device's account can be closed: it is retired, and its last window has ended. */
export function isDeviceOver({ isRetired, busyUntil }: Device, now: number): boolean {
  return isRetired && now >= busyUntil;
}

/** Closes retired devices; the rent goes back to who paid it. */
export function deviceClose(
  live: LiveMarket,
  signer: Signer,
  devices: readonly Device[],
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  const build = async () =>
    devices.map(({ address: device, rentPayer }) => getDeviceCloseInstruction({ device, rentPayer }));
  return send(live.connection, signer, build, onStage);
}

/** A power: `9.8 kW`. */
export function powerLabel(powerW: bigint): string {
  return t.meter.kw(formatDecimal(powerW, 3));
}
