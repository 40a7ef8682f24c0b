/** Small parts that every screen uses. */

import { useEffect, useId, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';

import type { Parsed } from '../amount/decimal';
import { formatEnergy, parseEnergy, plainEnergy, type EnergyUnit } from '../amount/energy';
import { formatTokens, formatUnits } from '../amount/token';
import { short } from '../chain/text';
import { type Bus } from '../market/model';
import { useMarket, useSession } from '../session';
import { CheckIcon, CloseIcon, CopyIcon } from './icons';

/** Seconds of the chain, every second. */
export function useNow(): number {
  const { live } = useSession();
  return useSyncExternalStore(everySecond, () => live.now());
}

const ticking = new Set<() => void>();
let ticker: ReturnType<typeof setInterval> | undefined;

/** One clock for everything on the page. */
function everySecond(listener: () => void): () => void {
  ticking.add(listener);
  ticker ??= setInterval(() => {
    for (const tick of ticking) tick();
  }, 500);
  return () => {
    ticking.delete(listener);
    if (ticking.size > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  };
}

/** Classes that apply. */
export function classes(...names: readonly (string | false | undefined)[]): string {
  return names.filter(Boolean).join(' ');
}

/** An amount of tokens; its base units are told on hover and to screen readers where `exact`. */
export function Tokens({
  units,
  bus,
  exact = false,
}: {
  readonly units: bigint;
  readonly bus: Pick<Bus, 'decimals' | 'token'>;
  readonly exact?: boolean;
}) {
  return (
    <span className="amount" title={`${formatUnits(units)} base units`}>
      <span className="number">{formatTokens(units, bus.decimals)}</span> <span className="unit">{bus.token}</span>
      {exact && <span className="base-units">{formatUnits(units)} base units</span>}
    </span>
  );
}

/** An amount of energy. */
export function Energy({ wh }: { readonly wh: bigint }) {
  const [number, unit] = formatEnergy(wh).split(/ (?=k?Wh$)/u);
  return (
    <span className="amount" title={`${formatUnits(wh)} Wh`}>
      <span className="number">{number}</span> <span className="unit">{unit}</span>
    </span>
  );
}

/** An address, short, to copy; names the reader's own. */
export function AddressLabel({ address, copy = false }: { readonly address: string; readonly copy?: boolean }) {
  const { wallet } = useSession();
  const { buses } = useMarket();
  const name = address === wallet ? 'You' : buses.get(address as never)?.name;
  return (
    <span className={classes('address', address === wallet && 'own')} title={address}>
      <Dot of={address} />
      <span className={name === undefined ? 'mono' : undefined}>{name ?? short(address)}</span>
      {copy && <CopyButton text={address} label="Copy the address" />}
    </span>
  );
}

/** A dot whose colour tells addresses apart at a glance. */
function Dot({ of }: { readonly of: string }) {
  let hash = 0;
  for (const char of of) hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0;
  return (
    <svg className="dot" width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      <circle cx="5" cy="5" r="5" fill={`hsl(${hash % 360} 46% 52%)`} />
    </svg>
  );
}

/** Copies a text. */
export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <button
      type="button"
      className="icon-button small"
      aria-label={copied ? 'Copied' : label}
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setCopied(true);
          setTimeout(() => setCopied(false), 1_500);
        });
      }}
    >
      {copied ? <CheckIcon size={14} /> : <CopyIcon size={14} />}
    </button>
  );
}

/** `4:59` until a second, "expired" after it. */
export function Countdown({ until, over = 'expired' }: { readonly until: number; readonly over?: string }) {
  const now = useNow();
  const left = until - now;
  if (left < 0) return <span className="countdown over">{over}</span>;
  return (
    <span className={classes('countdown', left <= 30 && 'soon')} role="timer">
      {duration(left, true)}
    </span>
  );
}

/** `4:59` for clocks, `15 min`, `2 h`, `3 d` for reading. */
export function duration(seconds: number, clock = false): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (clock && whole < 3_600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
  const parts: string[] = [];
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  let left = whole;
  for (const [size, name] of units) {
    if (left >= size && parts.length < 2) parts.push(`${Math.floor(left / size)} ${name}`);
    left %= size;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY_TIME = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** A time of day, with its date where that is not today. */
export function When({ at }: { readonly at: number }) {
  const date = new Date(at * 1_000);
  const isToday = date.toDateString() === new Date().toDateString();
  return <time dateTime={date.toISOString()}>{(isToday ? TIME : DAY_TIME).format(date)}</time>;
}

/** How long ago. */
export function Ago({ at }: { readonly at: number }) {
  const now = useNow();
  const seconds = Math.max(0, now - at);
  const text = seconds < 5 ? 'now' : `${duration(seconds).split(' ').slice(0, 2).join(' ')} ago`;
  return <time dateTime={new Date(at * 1_000).toISOString()}>{text}</time>;
}

/** A delivery window: `12:00–12:15`. */
export function windowLabel(start: number, seconds: number): string {
  const from = new Date(start * 1_000);
  const to = new Date((start + seconds) * 1_000);
  const isToday = from.toDateString() === new Date().toDateString();
  return `${(isToday ? TIME : DAY_TIME).format(from)}–${TIME.format(to)}`;
}

/** A titled section of a screen. */
export function Card({
  title,
  aside,
  children,
  className,
  level = 2,
}: {
  readonly title?: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
  readonly level?: 2 | 3;
}) {
  const id = useId();
  const Heading = level === 2 ? 'h2' : 'h3';
  return (
    <section className={classes('card', className)} aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <header className="card-head">
          <Heading id={id}>{title}</Heading>
          {aside !== undefined && <div className="card-aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** What a screen says where it has nothing to show. */
export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

/** A labelled input with its hint, and the reason why its value is refused. */
export function Field({
  label,
  hint,
  error,
  children,
}: {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly children: (props: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }) => ReactNode;
}) {
  const id = useId();
  const describedBy = `${id}-more`;
  return (
    <div className={classes('field', error !== undefined && 'invalid')}>
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': describedBy, 'aria-invalid': error !== undefined })}
      <p id={describedBy} className={error === undefined ? 'hint' : 'error-text'} aria-live="polite">
        {error ?? hint}
      </p>
    </div>
  );
}

/** A text input whose value is read as it is typed. */
export function TextField({
  label,
  value,
  onChange,
  parsed,
  hint,
  suffix,
  placeholder,
  inputMode = 'decimal',
  showEmptyError = false,
}: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly parsed?: Parsed<unknown>;
  readonly hint?: ReactNode;
  readonly suffix?: ReactNode;
  readonly placeholder?: string;
  readonly inputMode?: 'decimal' | 'text' | 'numeric';
  readonly showEmptyError?: boolean;
}) {
  const isRefused = parsed !== undefined && !parsed.ok && (value.trim() !== '' || showEmptyError);
  return (
    <Field label={label} hint={hint} error={isRefused ? parsed.reason : undefined}>
      {(props) => (
        <div className="input">
          <input
            {...props}
            type="text"
            inputMode={inputMode}
            autoComplete="off"
            spellCheck={false}
            value={value}
            placeholder={placeholder}
            onChange={(event) => onChange(event.target.value)}
          />
          {suffix !== undefined && <span className="suffix">{suffix}</span>}
        </div>
      )}
    </Field>
  );
}

/** An amount of energy as it stands in its input box. */
export interface EnergyInputValue {
  readonly text: string;
  readonly unit: EnergyUnit;
}

/** Reads an energy input. */
export const readEnergy = ({ text, unit }: EnergyInputValue): Parsed<bigint> => parseEnergy(text, unit);

/** An input of energy in Wh or kWh; switching the unit keeps the amount. */
export function EnergyField({
  label,
  value,
  onChange,
  hint,
  error,
}: {
  readonly label: string;
  readonly value: EnergyInputValue;
  readonly onChange: (value: EnergyInputValue) => void;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
}) {
  const parsed = readEnergy(value);
  const refused = !parsed.ok && value.text.trim() !== '' ? parsed.reason : error;
  const setUnit = (unit: EnergyUnit) =>
    onChange({ unit, text: parsed.ok ? plainEnergy(parsed.value, unit) : value.text });
  return (
    <Field label={label} hint={hint} error={refused}>
      {(props) => (
        <div className="input">
          <input
            {...props}
            type="text"
            inputMode="decimal"
            autoComplete="off"
            value={value.text}
            placeholder="0"
            onChange={(event) => onChange({ ...value, text: event.target.value })}
          />
          <Segmented
            label="Unit"
            options={[
              ['kWh', 'kWh'],
              ['Wh', 'Wh'],
            ]}
            value={value.unit}
            onChange={setUnit}
          />
        </div>
      )}
    </Field>
  );
}

/** One of a few choices. */
export function Segmented<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  readonly label: string;
  readonly options: readonly (readonly [T, ReactNode])[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}) {
  return (
    <div className="segmented" role="group" aria-label={label}>
      {options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** A choice from a list. */
export function Select<T extends string>({
  label,
  value,
  options,
  onChange,
  hint,
}: {
  readonly label: string;
  readonly value: T;
  readonly options: readonly (readonly [T, string])[];
  readonly onChange: (value: T) => void;
  readonly hint?: ReactNode;
}) {
  return (
    <Field label={label} hint={hint}>
      {({ 'aria-invalid': _, ...props }) => (
        <div className="input">
          <select {...props} value={value} onChange={(event) => onChange(event.target.value as T)}>
            {options.map(([key, text]) => (
              <option key={key} value={key}>
                {text}
              </option>
            ))}
          </select>
        </div>
      )}
    </Field>
  );
}

/** A dialog over the screen; Escape and a click beside it close it. */
export function Dialog({
  title,
  onClose,
  children,
  wide = false,
}: {
  readonly title: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly wide?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    // Escape closes it for the keyboard; the click is on the backdrop, which is part of the dialog.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions -- see above
    <dialog
      ref={dialog}
      className={classes('dialog', wide && 'wide')}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className="dialog-body">
        <header className="card-head">
          <h2 id={id}>{title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={onClose}>
            <CloseIcon />
          </button>
        </header>
        {children}
      </div>
    </dialog>
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

/** The head of a table: titles of its columns, those of numbers at their end; a hidden one is for screen readers. */
export function TableHead({
  columns,
}: {
  readonly columns: readonly (string | { readonly title: string; readonly as: 'end' | 'end wide-only' | 'hidden' })[];
}) {
  return (
    <thead>
      <tr>
        {columns.map((column) =>
          typeof column === 'string' ? (
            <th key={column} scope="col">
              {column}
            </th>
          ) : (
            <th key={column.title} scope="col" className={column.as === 'hidden' ? 'end' : column.as}>
              {column.as === 'hidden' ? <span className="visually-hidden">{column.title}</span> : column.title}
            </th>
          ),
        )}
      </tr>
    </thead>
  );
}

/** A column of numbers. */
export const numbers = (title: string) => ({ title, as: 'end' }) as const;

/** A term and what it is. */
export function Facts({ facts }: { readonly facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts.map(([term, description]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{description}</dd>
        </div>
      ))}
    </dl>
  );
}
