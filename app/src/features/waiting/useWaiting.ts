/** What waits for the connected wallet, as components see it. */

import { useEffect, useMemo } from 'react';

import { isOwner } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useNow } from '../../ui/time';
import { useCertifiable } from '../certificate/useCertifiable';
import { waitingFor, type Waiting } from './waiting';

/** What waits, kept current; nothing before everything was read. */
export function useWaiting(): readonly Waiting[] {
  const { live, wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const certificates = useCertifiable().length;
  const { buses } = state;
  const treasuries = useMemo(
    () => [...buses.values()].flatMap((bus) => (isOwner(bus, wallet) ? [bus.treasury] : [])).join(' '),
    [buses, wallet],
  );
  useEffect(() => {
    const stops = treasuries
      .split(' ')
      .filter(Boolean)
      .map((treasury) => live.watchBalance(treasury as never));
    return () => stops.forEach((stop) => stop());
  }, [live, treasuries]);
  return useMemo(
    () => (state.readAt === undefined ? [] : waitingFor(state, wallet, certificates, now)),
    [state, wallet, certificates, now],
  );
}
