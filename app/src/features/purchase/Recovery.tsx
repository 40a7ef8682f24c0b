/**
 * Purchases whose fate was not known when the connection was lost or the tab was closed: watched until the chain tells,
 * then shown as they truly are.
 */

import { useEffect, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { useStore } from '../../state/store';
import { isUnreachable } from '../../errors/explain';
import { useMarket, useSession } from '../../session';
import { CheckIcon, CloseIcon } from '../../ui/icons';
import { HashLine } from '../../ui/action';
import { isLeased } from '../trader/lanes';
import { fateOf, type Fate } from './fate';
import { type Pending } from '../../state/journal';

const ASK_MS = 1_500;
/** A purchase that this tab is in the middle of shows itself; it is older than this where it is not. */
const QUIET_MS = 3_000;

/** Shows pending purchases and what became of them. */
export function Recovery() {
  const { journal, genesis } = useSession();
  const pending = useStore(journal.pending).filter((entry) => entry.genesis === genesis);
  const [known, setKnown] = useState<readonly { readonly entry: Pending; readonly fate: Fate }[]>([]);
  const open = useUnattended(pending);
  const onKnown = (entry: Pending, fate: Fate) => {
    journal.forget(entry.hash);
    setKnown((before) => [...before.filter((item) => item.entry.hash !== entry.hash), { entry, fate }]);
  };
  if (open.length === 0 && known.length === 0) return null;
  return (
    <section className="recovery" aria-label="Unfinished purchases" aria-live="polite">
      {open.map((entry) => (
        <Watch key={entry.hash} entry={entry} onKnown={onKnown} />
      ))}
      {known.map(({ entry, fate }) => (
        <div key={entry.hash} className={fate.kind === 'paid' ? 'status done' : 'status noted'}>
          {fate.kind === 'paid' && <CheckIcon />}
          <div>
            {fate.kind === 'paid' ? (
              <>
                Your purchase of {entry.title} went through
                {fate.receipt !== undefined && ` (${formatEnergy(fate.receipt.energyWh)})`}.
              </>
            ) : (
              <>Your purchase of {entry.title} did not happen and cannot happen any more; nothing was paid.</>
            )}
            <HashLine hash={entry.hash} />
          </div>
          <button
            type="button"
            className="icon-button small"
            aria-label="Dismiss"
            onClick={() => setKnown((before) => before.filter((item) => item.entry.hash !== entry.hash))}
          >
            <CloseIcon size={14} />
          </button>
        </div>
      ))}
    </section>
  );
}

/** Entries that no open tab is in the middle of. */
function useUnattended(pending: readonly Pending[]): readonly Pending[] {
  const [hashes, setHashes] = useState<ReadonlySet<string>>(new Set());
  const key = pending.map(({ hash }) => hash).join(' ');
  useEffect(() => {
    let isOver = false;
    const look = async () => {
      const free = await Promise.all(
        pending.map(async ({ wallet, lane, hash }) => ((await isLeased(wallet, lane)) ? [] : [hash])),
      );
      if (!isOver) setHashes(new Set(free.flat()));
    };
    void look();
    const timer = setInterval(() => void look(), QUIET_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [key]);
  return pending.filter(({ hash }) => hashes.has(hash));
}

function Watch({
  entry,
  onKnown,
}: {
  readonly entry: Pending;
  readonly onKnown: (entry: Pending, fate: Fate) => void;
}) {
  const { live } = useSession();
  const { status } = useMarket();
  useEffect(() => {
    let isOver = false;
    const ask = async () => {
      while (!isOver) {
        try {
          const fate = await fateOf(live.connection, entry);
          if (isOver) return;
          if (fate.kind !== 'open') {
            onKnown(entry, fate);
            return;
          }
        } catch (error) {
          // The banner says that the node is away; asking goes on.
          if (!isUnreachable(error)) console.error(error);
        }
        await new Promise((resolve) => setTimeout(resolve, ASK_MS));
      }
    };
    void ask();
    return () => {
      isOver = true;
    };
  }, [live, entry.hash]);
  return (
    <div className="status running">
      <span className="spinner" aria-hidden="true" />
      <div>
        {status.kind === 'live' ? 'Asking the chain' : 'Waiting for the network to ask'} what became of your purchase of{' '}
        {entry.title}. Nothing is paid twice.
      </div>
    </div>
  );
}
