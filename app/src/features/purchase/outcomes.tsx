/** What became of purchases that were signed together, in words. */

import { formatEnergy } from '../../amount/energy';
import type { Bus } from '../../market/model';
import type { Done } from '../../ui/action';
import { Energy } from '../../ui/amounts';
import { t } from '../../words';
import type { Plan } from './plan';
import type { Outcome } from './purchase';
import { PaidFor } from './Totals';

/** What became of purchases that were signed together, and how much of the energy wanted was certainly not bought. */
export function tell(
  plans: readonly Plan[],
  outcomes: readonly Outcome[],
  bus: Bus,
): { readonly done: Done; readonly leftWh: bigint | undefined } {
  const [only] = outcomes;
  if (outcomes.length === 1 && only?.kind === 'refused') throw only.refusal;
  if (outcomes.length === 1 && only?.kind === 'unknown') throw only.error;
  const bought = outcomes.flatMap((outcome) => (outcome.kind === 'bought' ? [outcome.purchased] : []));
  const energyOf = (index: number) => plans[index]?.orders.reduce((sum, { energyWh }) => sum + energyWh, 0n) ?? 0n;
  const sum = (values: readonly bigint[]) => values.reduce((total, value) => total + value, 0n);
  const boughtWh = sum(bought.map(({ energyWh }) => energyWh));
  const leftWh = sum(outcomes.map((outcome, index) => (outcome.kind === 'refused' ? energyOf(index) : 0n)));
  const isAll = bought.length === outcomes.length;
  return {
    leftWh,
    done: {
      tone: isAll ? 'done' : 'part',
      hashes: bought.map(({ hash }) => hash),
      message: (
        <>
          {t.outcomes.bought(
            <Energy wh={boughtWh} />,
            <PaidFor paid={bought.map(({ paid }) => paid)} bus={bus} />,
            bought.length,
            outcomes.length,
          )}
          <span className="sub block">
            {outcomes.flatMap(({ kind }, index) => (kind === 'bought' ? (plans[index]?.title ?? []) : [])).join('; ')}
          </span>
          {!isAll && (
            <ul className="outcomes">
              {outcomes.map((outcome, index) =>
                outcome.kind === 'bought' ? null : (
                  <li key={plans[index]?.orders[0]?.offer}>
                    {t.outcomes.purchase(
                      index + 1,
                      formatEnergy(energyOf(index)),
                      outcome.kind === 'refused' ? outcome.refusal.message : outcome.error.message,
                    )}
                  </li>
                ),
              )}
            </ul>
          )}
          {leftWh > 0n && <p className="hint">{t.outcomes.theThatRemainAreQuoted(formatEnergy(leftWh))}</p>}
        </>
      ),
    },
  };
}
