/** Inputs with their label, hint, and the reason why a value is refused. */

import { useId, type ReactNode } from 'react';

import type { Parsed } from '../amount/decimal';
import { formatEnergy, parseEnergy, plainEnergy, type EnergyUnit } from '../amount/energy';
import { t } from '../words';
import { classes } from './classes';

/** A labelled input with its hint, and the reason why its value is refused. */
export function Field({
  label,
  aside,
  hint,
  error,
  children,
}: {
  readonly label: string;
  /** Beside the label. */
  readonly aside?: ReactNode;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  readonly children: (props: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }) => ReactNode;
}) {
  const id = useId();
  const describedBy = `${id}-more`;
  return (
    <div className={classes('field', error !== undefined && 'invalid')}>
      {aside === undefined ? (
        <label htmlFor={id}>{label}</label>
      ) : (
        <div className="row spread">
          <label htmlFor={id}>{label}</label>
          {aside}
        </div>
      )}
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
  readAs,
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
  /** How the value reads that was read, where its text has signs that people use differently. */
  readonly readAs?: (value: bigint) => string;
}) {
  // A point and a comma mean different things to different people: what was read stands beside the box.
  const isAmbiguous = parsed?.ok === true && typeof parsed.value === 'bigint' && /[.,]/u.test(value);
  const read = isAmbiguous ? readAs?.(parsed.value) : undefined;
  const isRefused = parsed !== undefined && !parsed.ok && (value.trim() !== '' || showEmptyError);
  return (
    <Field
      label={label}
      hint={
        read === undefined ? (
          hint
        ) : (
          <>
            {t.fields.readAs(read)} {hint}
          </>
        )
      }
      error={isRefused ? parsed.reason : undefined}
    >
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
  aside,
  value,
  onChange,
  hint,
  error,
}: {
  readonly label: string;
  /** Beside the label. */
  readonly aside?: ReactNode;
  readonly value: EnergyInputValue;
  readonly onChange: (value: EnergyInputValue) => void;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
}) {
  const parsed = readEnergy(value);
  // A point and a comma mean different things to different people: what was read stands beside the box.
  const readAs = parsed.ok && /[.,]/u.test(value.text) ? formatEnergy(parsed.value) : undefined;
  const refused = !parsed.ok && value.text.trim() !== '' ? parsed.reason : error;
  const setUnit = (unit: EnergyUnit) =>
    onChange({ unit, text: parsed.ok ? plainEnergy(parsed.value, unit) : value.text });
  return (
    <Field label={label} aside={aside} hint={readAs === undefined ? hint : t.fields.readAs(readAs)} error={refused}>
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
            label={t.fields.unit}
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
  /** `undefined` where none of them is chosen. */
  readonly value: T | undefined;
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

type Options<T extends string> = readonly (readonly [T, string])[];

/** A choice from a list, which may be in groups with titles. */
export function Select<T extends string>({
  label,
  value,
  options = [],
  groups = [],
  onChange,
  hint,
}: {
  readonly label: string;
  readonly value: T;
  readonly options?: Options<T>;
  readonly groups?: readonly { readonly title: string; readonly options: Options<T> }[];
  readonly onChange: (value: T) => void;
  readonly hint?: ReactNode;
}) {
  const drawn = (of: Options<T>) =>
    of.map(([key, text]) => (
      <option key={key} value={key}>
        {text}
      </option>
    ));
  return (
    <Field label={label} hint={hint}>
      {({ 'aria-invalid': _, ...props }) => (
        <div className="input">
          <select {...props} value={value} onChange={(event) => onChange(event.target.value as T)}>
            {drawn(options)}
            {groups.map(({ title, options: own }) => (
              <optgroup key={title} label={title}>
                {drawn(own)}
              </optgroup>
            ))}
          </select>
        </div>
      )}
    </Field>
  );
}
