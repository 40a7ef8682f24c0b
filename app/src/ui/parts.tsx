/** Small parts that every screen uses. */

import { useId, useState, type ReactNode } from 'react';

import { short, visible } from '../amount/text';
import { useMarket, useSession } from '../session';
import { names } from '../state/names';
import { useStore } from '../state/store';
import { t } from '../words';
import { classes } from './classes';
import { CheckIcon, CopyIcon } from './icons';
import { NameButton } from './NameButton';

/** An address: by the name that the user gave it, as a bus, or short; to copy and to name. */
export function AddressLabel({ address, copy = false }: { readonly address: string; readonly copy?: boolean }) {
  const { wallet } = useSession();
  const name = useKnownName(address);
  return (
    <span className={classes('address', address === wallet && 'own')} title={address}>
      <Dot of={address} />
      <span className={name === undefined ? 'mono' : undefined}>{name ?? short(address)}</span>
      {copy && <CopyButton text={address} label={t.parts.copyTheAddress} />}
      {copy && address !== wallet && <NameButton address={address} />}
    </span>
  );
}

/** What an address is called: by the user, or as a bus; `undefined` where it has no name. */
function useKnownName(address: string): string | undefined {
  const { wallet } = useSession();
  const { buses } = useMarket();
  const given = useStore(names).get(address);
  if (address === wallet) return t.parts.you;
  return given === undefined ? buses.get(address as never)?.name : visible(given);
}

/** What addresses are called in a list to choose from, where nothing but text can stand. */
export function useNameOf(): (address: string) => string {
  const { wallet } = useSession();
  const given = useStore(names);
  return (address) => {
    const name = address === wallet ? t.parts.you : given.get(address);
    return name === undefined ? short(address) : `${visible(name)} (${short(address)})`;
  };
}

/** A dot whose colour tells addresses apart at a glance. */
export function Dot({ of }: { readonly of: string }) {
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
      aria-label={copied ? t.parts.copied : label}
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

/** A titled section of a screen. */
export function Card({
  title,
  aside,
  children,
  className,
  level = 2,
  id: place,
}: {
  readonly title?: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
  readonly level?: 2 | 3;
  /** Where others lead here: the card can be focused. */
  readonly id?: string;
}) {
  const id = useId();
  const Heading = level === 2 ? 'h2' : 'h3';
  return (
    <section
      id={place}
      tabIndex={place === undefined ? undefined : -1}
      className={classes('card', className)}
      aria-labelledby={title === undefined ? undefined : id}
    >
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

/** What stands where something is not known yet: never what stands where there is nothing. */
export function Reading({ what }: { readonly what: string }) {
  const { status } = useMarket();
  return (
    <div className="reading">
      <p className="hint">{status.kind === 'lost' ? t.parts.theNodeIsAwaySo(what) : t.parts.reading(what)}</p>
      <span className="skeleton" aria-hidden="true" />
      <span className="skeleton" aria-hidden="true" />
    </div>
  );
}

/** What stands where a screen's script is on its way. */
export function Opening() {
  return (
    <div className="page">
      <div className="card reading" role="status" aria-label={t.parts.opening}>
        <span className="skeleton" aria-hidden="true" />
        <span className="skeleton" aria-hidden="true" />
      </div>
    </div>
  );
}

/** What a screen says where there is nothing at its address. */
export function NotFound({ what, children }: { readonly what: string; readonly children?: ReactNode }) {
  return (
    <div className="page narrow">
      <Card title={t.parts.notFound}>
        <p>{what}</p>
        <p>{children ?? <a href="#/market">{t.parts.toTheMarket}</a>}</p>
      </Card>
    </div>
  );
}

/** What a screen says where it has nothing to show. */
export function Empty({ children }: { readonly children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

/** The head of a table: titles of its columns, those of numbers at their end; a hidden one is for screen readers. */
export function TableHead({
  columns,
}: {
  readonly columns: readonly (
    string | { readonly title: string; readonly as: 'end' | 'end wide-only' | 'wide-only' | 'hidden' }
  )[];
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
