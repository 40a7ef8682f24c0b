/** What an action would change: before and after, in words. */

import type { ReactNode } from 'react';

import { formatEnergy } from '../../amount/energy';
import { duration } from '../../amount/time';
import { formatBps, formatTokens } from '../../amount/token';
import { ownersAfter, type Action, type Bus } from '../../market/model';
import { AddressLabel } from '../../ui/parts';
import { t } from '../../words';

/** Title of an action. */
export const ACTION_TITLES: Readonly<Record<Action['kind'], string>> = {
  ownerAdd: t.change.takeInAnOwner,
  ownerRemove: t.change.removeAnOwner,
  sharesSet: t.change.divideTheSharesAnew,
  thresholdSet: t.change.changeTheApprovalsNeeded,
  timelockSet: t.change.changeTheTimelock,
  capacitySet: t.change.changeTheCapacity,
  basePriceSet: t.change.changeTheBasePrice,
  listingPolicySet: t.change.changeWhoMayList,
  windowsSet: t.change.changeTheDeliveryWindows,
  lockFeeSet: t.change.changeTheLockFee,
  pause: t.change.pauseTheBus,
  resume: t.change.letTheBusTradeAgain,
};

const windows = (windowSeconds: number, gateClosureSeconds: number) =>
  windowSeconds === 0
    ? t.change.noWindows
    : t.change.gate(
        duration(windowSeconds),
        gateClosureSeconds === 0 ? t.change.atTheStart : t.change.before(duration(gateClosureSeconds)),
      );

/** The values that an action changes, before and after. */
export function changesOf(bus: Bus, action: Action): readonly (readonly [string, ReactNode, ReactNode])[] {
  switch (action.kind) {
    case 'ownerAdd':
    case 'ownerRemove':
    case 'sharesSet': {
      const after = new Map(ownersAfter(bus, action).map(({ wallet, shareBps }) => [wallet, shareBps]));
      const before = new Map(bus.owners.map(({ wallet, shareBps }) => [wallet, shareBps]));
      return [...new Set([...before.keys(), ...after.keys()])].map((wallet) => {
        const was = before.get(wallet);
        const will = after.get(wallet);
        return [
          wallet,
          was === undefined ? '–' : formatBps(was),
          will === undefined ? t.change.leaves : formatBps(will),
        ];
      });
    }
    case 'thresholdSet':
      return [
        [
          t.change.approvals,
          t.owners.outOf(String(bus.threshold), bus.owners.length),
          t.owners.outOf(String(action.threshold), bus.owners.length),
        ],
      ];
    case 'timelockSet':
      return [[t.change.timelock, duration(bus.timelockSeconds), duration(action.timelockSeconds)]];
    case 'capacitySet':
      return [[t.change.capacity, formatEnergy(bus.capacityWh), formatEnergy(action.capacityWh)]];
    case 'basePriceSet':
      return [
        [
          t.change.basePrice,
          formatTokens(bus.basePricePerKwh, bus.decimals),
          formatTokens(action.basePricePerKwh, bus.decimals),
        ],
      ];
    case 'listingPolicySet':
      return [
        [
          t.change.listing,
          bus.openListing ? t.change.everybody : t.change.ownersOnly,
          action.open ? t.change.everybody : t.change.ownersOnly,
        ],
      ];
    case 'windowsSet':
      return [
        [
          t.change.windows,
          windows(bus.windowSeconds, bus.gateClosureSeconds),
          windows(action.windowSeconds, action.gateClosureSeconds),
        ],
      ];
    case 'lockFeeSet':
      return [[t.change.lockFee, formatBps(bus.lockFeeBps), formatBps(action.lockFeeBps)]];
    case 'pause':
    case 'resume':
      return [
        [
          t.change.trading,
          bus.paused ? t.change.paused : t.change.running,
          action.kind === 'pause' ? t.change.paused : t.change.running,
        ],
      ];
  }
}

/** Before and after of an action. */
export function Change({
  bus,
  action,
  isDone = false,
}: {
  readonly bus: Bus;
  readonly action: Action;
  readonly isDone?: boolean;
}) {
  const isOwners = action.kind === 'ownerAdd' || action.kind === 'ownerRemove' || action.kind === 'sharesSet';
  return (
    <table className="plain change" aria-label={t.change.whatChanges}>
      <thead>
        <tr>
          <th scope="col">{isOwners ? t.change.owner : t.change.what}</th>
          {!isDone && (
            <th scope="col" className="end">
              {t.change.before2}
            </th>
          )}
          <th scope="col" className="end">
            {isDone ? t.change.decided : t.change.after}
          </th>
        </tr>
      </thead>
      <tbody>
        {changesOf(bus, action).map(([what, before, after]) => (
          <tr key={what}>
            <th scope="row">{isOwners ? <AddressLabel address={what} /> : what}</th>
            {!isDone && <td className="end number">{before}</td>}
            <td className="end number">
              <strong className={before === after ? undefined : 'changed'}>{after}</strong>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
