/**
 * Purchases whose fate was not known when the connection was lost or the tab was closed: watched until the chain tells,
 * then shown as they truly are.
 */

import { useEffect, useEffectEvent, useState } from 'react';

import { formatEnergy } from '../../amount/energy';
import { isUnreachable } from '../../errors/explain';
import { useMarket, useSession } from '../../session';
import { type Pending } from '../../state/journal';
import { untilAnswered } from '../../state/retry';
import { useStore } from '../../state/store';
import { HashLine } from '../../ui/action';
import { CheckIcon, CloseIcon } from '../../ui/icons';
import { t } from '../../words';
import { isLeased } from '../trader/lanes';
import { fateOf, type Fate } from './fate';

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
    // Its owner was told already that it did not happen.
    if (entry.isDenied === true && fate.kind !== 'paid') return;
    setKnown((before) => [...before.filter((item) => item.entry.hash !== entry.hash), { entry, fate }]);
  };
  if (open.length === 0 && known.length === 0) return null;
  return (
    <section className="recovery" aria-label={t.recovery.unfinishedPurchases} aria-live="polite">
      {open.map((entry) => (
        <Watch key={entry.hash} entry={entry} onKnown={onKnown} />
      ))}
      {known.map(({ entry, fate }) => (
        <div key={entry.hash} className={fate.kind === 'paid' ? 'status done' : 'status noted'}>
          {fate.kind === 'paid' && <CheckIcon />}
          <div>
            {fate.kind === 'paid'
              ? entry.isBid === true
                ? t.recovery.yourBidIsMade(
                    entry.isDenied === true && t.recovery.yourWalletSaidOtherwiseAnd,
                    entry.title,
                  )
                : t.recovery.yourPurchaseOfWentThrough(
                    entry.isDenied === true && t.recovery.yourWalletSaidOtherwiseAnd,
                    entry.title,
                    fate.receipt !== undefined && ` (${formatEnergy(fate.receipt.energyWh)})`,
                  )
              : (entry.isBid === true ? t.recovery.yourBidDidNot : t.recovery.yourPurchaseOfDidNot)(entry.title)}
            {fate.kind === 'paid' && <HashLine hash={entry.hash} />}
          </div>
          <button
            type="button"
            className="icon-button small"
            aria-label={t.recovery.dismiss}
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
  const onLook = useEffectEvent(async (signal: AbortSignal) => {
    const free = await Promise.all(
      pending.map(async ({ wallet, lane, hash }) => ((await isLeased(wallet, lane)) ? [] : [hash])),
    );
    if (!signal.aborted) setHashes(new Set(free.flat()));
  });
  const key = pending.map(({ hash }) => hash).join(' ');
  useEffect(() => {
    if (key === '') return undefined;
    const over = new AbortController();
    const first = setTimeout(() => void onLook(over.signal));
    const timer = setInterval(() => void onLook(over.signal), QUIET_MS);
    return () => {
      over.abort();
      clearTimeout(first);
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
  const onAsk = useEffectEvent(async () => {
    const fate = await fateOf(live.connection, entry);
    return fate.kind === 'open' ? undefined : fate;
  });
  const onFate = useEffectEvent((fate: Fate) => onKnown(entry, fate));
  useEffect(() => {
    const over = new AbortController();
    const watch = async () => {
      const fate = await untilAnswered(onAsk, over.signal, ASK_MS, (error) => {
        // The banner says that the node is away; asking goes on.
        if (!isUnreachable(error)) console.error(error);
      });
      if (fate !== undefined && !over.signal.aborted) onFate(fate);
    };
    void watch();
    return () => over.abort();
  }, [live, entry.hash]);
  if (entry.isDenied === true) return null;
  return (
    <div className="status running">
      <span className="spinner" aria-hidden="true" />
      <div>
        {(entry.isBid === true ? t.recovery.whatBecameOfYourBid : t.recovery.whatBecameOfYourPurchase)(
          status.kind === 'live' ? t.recovery.askingTheChain : t.recovery.waitingForTheNetworkTo,
          entry.title,
        )}
      </div>
    </div>
  );
}
