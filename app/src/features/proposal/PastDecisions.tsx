/** What was decided on a bus before, with who approved it: read from the chain when somebody asks. */

import { useState } from 'react';

import { momentLabel } from '../../amount/time';
import { isUnreachable, sentence } from '../../errors/explain';
import type { Bus } from '../../market/model';
import { useSession } from '../../session';
import { useAnswer } from '../../state/useAnswer';
import { AddressLabel, Empty } from '../../ui/parts';
import { t } from '../../words';
import { Change } from './change';
import { readDecisions } from './past';
import { ACTION_TITLES } from './titles';

/** A button, and the decisions once it was pressed. */
export function PastDecisions({ bus }: { readonly bus: Bus }) {
  const { live } = useSession();
  const [isAsked, setIsAsked] = useState(false);
  const [progress, setProgress] = useState<readonly [number, number]>();
  const answer = useAnswer(
    live,
    isAsked ? bus.address : undefined,
    (signal) => readDecisions(live.connection, bus.address, signal, (read, all) => setProgress([read, all])),
    { isPassing: isUnreachable },
  );
  return (
    <div className="stack tight past-decisions">
      {!isAsked && (
        <button type="button" className="button small quiet" onClick={() => setIsAsked(true)}>
          {t.pastDecisions.show}
        </button>
      )}
      {answer.kind === 'asking' && (
        <p className="hint" role="status">
          {progress === undefined ? t.pastDecisions.asking : t.pastDecisions.progress(progress[0], progress[1])}
        </p>
      )}
      {answer.kind === 'failed' && <p className="error-text">{sentence(answer.error)}</p>}
      {answer.kind === 'answered' && answer.value.length === 0 && <Empty>{t.pastDecisions.none}</Empty>}
      {answer.kind === 'answered' && answer.value.length > 0 && (
        <ul className="stack" aria-label={t.pastDecisions.decided}>
          {answer.value.map(({ proposal, action, approvals, executedAt, executedBy }) => (
            <li key={`${proposal} ${executedAt}`} className="tile">
              <h3>{action === undefined ? t.proposals.aChangeThatThisApp : ACTION_TITLES[action.kind]}</h3>
              {action !== undefined && <Change bus={bus} action={action} isDone />}
              <ul className="approvals" aria-label={t.proposals.approvals}>
                {approvals.map(({ owner, at }) => (
                  <li key={owner} className="yes">
                    <AddressLabel address={owner} /> {t.pastDecisions.approved(at === undefined ? '' : momentLabel(at))}
                  </li>
                ))}
              </ul>
              <p className="sub">
                {t.pastDecisions.carriedOut(momentLabel(executedAt), <AddressLabel address={executedBy} />)}
              </p>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
