/** Energy as people type and read it; a `bigint` of Wh everywhere else. */

import { t } from '../words';
import { formatDecimal, parseDecimal, plainDecimal, type Parsed } from './decimal';

/** Units that an input box offers. */
export type EnergyUnit = 'Wh' | 'kWh';

/** Digits after the point that each unit has: a kWh is a thousand Wh. */
export const ENERGY_DECIMALS: Readonly<Record<EnergyUnit, number>> = { Wh: 0, kWh: 3 };

/** Reads an amount in a unit; the text may name its own, as in `350 Wh`. */
export function parseEnergy(text: string, unit: EnergyUnit): Parsed<bigint> {
  const named = /^(.*?)\s*(wh|kwh)$/iu.exec(text.trim());
  const own = named?.[2]?.toLowerCase();
  const inUnit: EnergyUnit = own === 'wh' ? 'Wh' : own === 'kwh' ? 'kWh' : unit;
  const parsed = parseDecimal(named?.[1] ?? text, {
    decimals: ENERGY_DECIMALS[inUnit],
    noun: t.energy.anAmountOfEnergy,
    unit: inUnit,
  });
  return parsed.ok && parsed.value === 0n ? { ok: false, reason: t.energy.typeAtLeast1Wh } : parsed;
}

/** `2.5 kWh` from a kWh up, `350 Wh` below; always exact. Number and unit stay together where lines break. */
export function formatEnergy(energyWh: bigint): string {
  return energyWh >= 1_000n ? t.energy.kwh(formatDecimal(energyWh, 3)) : `${energyWh}\u00a0Wh`;
}

/** The number of a unit as an input box shows it. */
export function plainEnergy(energyWh: bigint, unit: EnergyUnit): string {
  return plainDecimal(energyWh, ENERGY_DECIMALS[unit]);
}
