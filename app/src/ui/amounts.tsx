/** Amounts of energy and tokens, in numbers and drawn. */

import { formatEnergy } from '../amount/energy';
import { formatSol, formatTokens, formatUnits } from '../amount/token';
import type { Bus } from '../market/model';
import { t } from '../words';
import { classes } from './classes';

/** Signs of an amount that fits any line, and so is never parted. */
const SHORT = 12;

/** A number and its unit; more of it on hover. */
function Amount({ number, unit, title }: Readonly<Record<'number' | 'unit' | 'title', string>>) {
  return (
    <span className={classes('amount', number.length + unit.length < SHORT && 'short')} title={title}>
      <span className="number">{number}</span> <span className="unit">{unit}</span>
    </span>
  );
}

/** An amount of tokens; its base units are told on hover. */
export function Tokens({ units, bus }: { readonly units: bigint; readonly bus: Pick<Bus, 'decimals' | 'token'> }) {
  return (
    <Amount
      number={formatTokens(units, bus.decimals)}
      unit={bus.token}
      title={t.amounts.baseUnits(formatUnits(units))}
    />
  );
}

/** An amount of energy. */
export function Energy({ wh }: { readonly wh: bigint }) {
  const [number = '', unit = ''] = formatEnergy(wh).split(/\u00a0(?=k?Wh$)/u);
  return <Amount number={number} unit={unit} title={`${formatUnits(wh)}\u00a0Wh`} />;
}

/** An amount of SOL, exact. */
export function Sol({ lamports }: { readonly lamports: bigint }) {
  const [number, unit] = formatSol(lamports).split('\u00a0');
  return (
    <span className="amount">
      <span className="number">{number}</span> <span className="unit">{unit}</span>
    </span>
  );
}

/** A price of energy. */
export function PricePerKwh({ units, bus }: Parameters<typeof Tokens>[0]) {
  return (
    <Amount
      number={formatTokens(units, bus.decimals)}
      unit={t.marketScreen.kwh(bus.token)}
      title={t.amounts.baseUnits(formatUnits(units))}
    />
  );
}

/** One part of a bar. */
export interface BarPart {
  readonly label: string;
  readonly wh: bigint;
  readonly tone: 'sold' | 'listed' | 'reserved' | 'available';
}

/** A stacked bar of energy with its legend. */
export function EnergyBar({ parts, label }: { readonly parts: readonly BarPart[]; readonly label: string }) {
  const total = parts.reduce((sum, { wh }) => sum + wh, 0n);
  const share = (wh: bigint) => (total === 0n ? 0 : Number((wh * 10_000n) / total) / 100);
  const before = (index: number) => share(parts.slice(0, index).reduce((sum, { wh }) => sum + wh, 0n));
  return (
    <div className="energy-bar">
      <svg className="bar" role="img" aria-label={label} viewBox="0 0 100 10" preserveAspectRatio="none">
        <rect width="100" height="10" className="bar-empty" />
        {parts.map(({ label: name, wh, tone }, index) => (
          <rect key={name} x={before(index)} width={share(wh)} height="10" className={`bar-${tone}`} />
        ))}
      </svg>
      <ul className="legend">
        {parts.map(({ label: name, wh, tone }) => (
          <li key={name}>
            <span className={`swatch bar-${tone}`} aria-hidden="true" /> {name} <Energy wh={wh} />
          </li>
        ))}
      </ul>
    </div>
  );
}
