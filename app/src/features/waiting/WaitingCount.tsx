/** How much waits for the wallet, as a badge; it also tells the browser, which tells the user where that is allowed. */

import { useEffect, useEffectEvent } from 'react';

import { useMarket } from '../../session';
import { notices, untold } from '../../state/notices';
import { useStore } from '../../state/store';
import { t } from '../../words';
import { notify } from './notify';
import { useWaiting } from './useWaiting';
import { sayWaiting } from './waiting';

/** The badge; nothing where nothing waits. */
export function WaitingCount() {
  const waiting = useWaiting();
  const state = useMarket();
  const { isOn } = useStore(notices);
  const isCurrent = state.status.kind === 'live';
  const keys = waiting.map(({ key }) => key).join('\n');
  const onChange = useEffectEvent(() => {
    const fresh = new Set(untold(waiting.map(({ key }) => key)));
    const told = waiting
      .filter(({ key }) => fresh.has(key))
      .map((one) => ({ key: one.key, text: sayWaiting(one, state) }));
    if (isOn && told.length > 0) void notify(told);
  });
  useEffect(() => {
    if (isCurrent) onChange();
  }, [isCurrent, keys]);
  const count = waiting.length;
  useEffect(() => {
    // On the icon of the installed app.
    if ('setAppBadge' in navigator) navigator.setAppBadge(count).catch(() => undefined);
  }, [count]);
  if (count === 0) return null;
  return (
    <span className="count" data-count={count}>
      {count}
      <span className="visually-hidden">{t.waiting.waits}</span>
    </span>
  );
}
