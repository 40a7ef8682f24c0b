/** What waits for the wallet: money to pull or to release, certificates to take, readings that are missing. */

import { missingReadings, refundable, releasable } from '../../market/delivery';
import { isOperator, type Bus } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { useAction } from '../../ui/action';
import { Tokens } from '../../ui/amounts';
import { Card } from '../../ui/parts';
import { useNow } from '../../ui/time';
import { t } from '../../words';
import { useCertifiable } from '../certificate/Certificates';
import { ClaimList } from '../claim/Claims';
import { RefundButton, ReleaseButton } from '../delivery/Deliveries';
import { heldBy, soldBy } from '../delivery/delivery';

/** An amount of one bus's token. */
interface Due {
  readonly bus: Bus;
  readonly amount: bigint;
}

/** Amounts by token. */
export function dueByToken(dues: readonly Due[]): readonly Due[] {
  const sums = new Map<string, Due>();
  for (const { bus, amount } of dues) {
    const before = sums.get(bus.mint);
    sums.set(bus.mint, { bus: before?.bus ?? bus, amount: (before?.amount ?? 0n) + amount });
  }
  return [...sums.values()].filter(({ amount }) => amount > 0n);
}

/** The card; nothing where nothing waits. */
export function WaitingForYou() {
  const { wallet } = useSession();
  const state = useMarket();
  const now = useNow();
  const certificates = useCertifiable();
  const refund = useAction();
  const release = useAction();
  const claims = [...state.claims.values()].filter((claim) => claim.wallet === wallet);
  const refunds = dueByToken(
    heldBy(state, wallet).map(({ bus, book, position }) => ({ bus, amount: refundable(book, position, now).amount })),
  );
  const releases = dueByToken(
    soldBy(state, wallet).map(({ bus, book }) => ({ bus, amount: releasable(book, now).amount })),
  );
  const missing = [...state.buses.values()].flatMap((bus) => {
    const count = isOperator(bus, wallet) ? missingReadings(state.books.values(), bus.address, now).length : 0;
    return count === 0 ? [] : [{ bus, count }];
  });
  const isEmpty = [claims, refunds, releases, certificates, missing].every(({ length }) => length === 0);
  // What was done is told after nothing waits any more.
  const isQuiet = refund.state.kind === 'idle' && release.state.kind === 'idle';
  return isEmpty && isQuiet ? null : (
    <Card title={t.claim.waitingForYou}>
      <div className="stack">
        {missing.map(({ bus, count }) => (
          <p key={bus.address} className="status noted">
            <span>
              {t.waiting.readings(count, bus.name)} <a href={`#/bus/${bus.address}`}>{t.waiting.readThem}</a>
            </span>
          </p>
        ))}
        {(refunds.length > 0 || refund.state.kind !== 'idle') && (
          <div className="stack tight" data-waiting="refund">
            {refunds.map(({ bus, amount }) => (
              <p key={bus.mint}>{t.waiting.refund(<Tokens units={amount} bus={bus} />)}</p>
            ))}
            <RefundButton action={refund} />
          </div>
        )}
        {(releases.length > 0 || release.state.kind !== 'idle') && (
          <div className="stack tight" data-waiting="release">
            {releases.map(({ bus, amount }) => (
              <p key={bus.mint}>{t.waiting.release(<Tokens units={amount} bus={bus} />)}</p>
            ))}
            <ReleaseButton action={release} />
          </div>
        )}
        {certificates.length > 0 && <p className="hint">{t.waiting.certificates(certificates.length)}</p>}
        {claims.length > 0 && (
          <>
            <p className="hint">{t.claim.whatItIs}</p>
            <ClaimList claims={claims} />
          </>
        )}
      </div>
    </Card>
  );
}
