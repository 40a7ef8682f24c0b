/** Shows what was there last until the node has told what is there now, and keeps what is there for the next time. */

import { useEffect } from 'react';

import type { MarketState } from '../market/state';
import { useSession } from '../session';
import { keepLast, readLast } from '../state/lastState';

/** How often what is shown is kept. */
const KEEP_MS = 20_000;
/** States of this form: one of another form is not shown. */
const FORM = 3;

/** Draws nothing. */
export function LastState() {
  const { live, network, wallet } = useSession();
  const key = `${FORM} ${network.rpcUrl} ${wallet ?? ''}`;
  useEffect(() => {
    let isOver = false;
    void readLast(key).then((kept) => {
      if (!isOver && kept !== undefined) live.showLast(kept as MarketState);
    });
    return () => {
      isOver = true;
    };
  }, [live, key]);
  useEffect(() => {
    const keep = () => {
      const state = live.state.get();
      if (state.status.kind === 'live' && state.readAt !== undefined) void keepLast(key, state);
    };
    const timer = setInterval(keep, KEEP_MS);
    document.addEventListener('visibilitychange', keep);
    window.addEventListener('pagehide', keep);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', keep);
      window.removeEventListener('pagehide', keep);
    };
  }, [live, key]);
  return null;
}
