/** What an action would change: before and after, in words. */

import type { ReactNode } from 'react';

import { formatEnergy } from '../../amount/energy';
import { formatBps, formatTokens } from '../../amount/token';
import { ownersAfter, type Action, type Bus } from '../../market/model';
import { AddressLabel } from '../../ui/parts';
import { duration } from '../../ui/time';

/** Title of an action. */
export const ACTION_TITLES: Readonly<Record<Action['kind'], string>> = {
  ownerAdd: 'Take in an owner',
  ownerRemove: 'Remove an owner',
  sharesSet: 'Divide the shares anew',
  thresholdSet: 'Change the approvals needed',
  timelockSet: 'Change the timelock',
  capacitySet: 'Change the capacity',
  basePriceSet: 'Change the base price',
  listingPolicySet: 'Change who may list',
  windowsSet: 'Change the delivery windows',
  lockFeeSet: 'Change the lock fee',
  pause: 'Pause the bus',
  resume: 'Let the bus trade again',
};

const windows = (windowSeconds: number, gateClosureSeconds: number) =>
  windowSeconds === 0
    ? 'no windows'
    : `${duration(windowSeconds)}, gate ${gateClosureSeconds === 0 ? 'at the start' : `${duration(gateClosureSeconds)} before`}`;

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
        return [wallet, was === undefined ? '–' : formatBps(was), will === undefined ? 'leaves' : formatBps(will)];
      });
    }
    case 'thresholdSet':
      return [['Approvals', `${bus.threshold} of ${bus.owners.length}`, `${action.threshold} of ${bus.owners.length}`]];
    case 'timelockSet':
      return [['Timelock', duration(bus.timelockSeconds), duration(action.timelockSeconds)]];
    case 'capacitySet':
      return [['Capacity', formatEnergy(bus.capacityWh), formatEnergy(action.capacityWh)]];
    case 'basePriceSet':
      return [
        [
          'Base price',
          formatTokens(bus.basePricePerKwh, bus.decimals),
          formatTokens(action.basePricePerKwh, bus.decimals),
        ],
      ];
    case 'listingPolicySet':
      return [['Listing', bus.openListing ? 'everybody' : 'owners only', action.open ? 'everybody' : 'owners only']];
    case 'windowsSet':
      return [
        [
          'Windows',
          windows(bus.windowSeconds, bus.gateClosureSeconds),
          windows(action.windowSeconds, action.gateClosureSeconds),
        ],
      ];
    case 'lockFeeSet':
      return [['Lock fee', formatBps(bus.lockFeeBps), formatBps(action.lockFeeBps)]];
    case 'pause':
    case 'resume':
      return [['Trading', bus.paused ? 'paused' : 'running', action.kind === 'pause' ? 'paused' : 'running']];
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
    <table className="plain change" aria-label="What changes">
      <thead>
        <tr>
          <th scope="col">{isOwners ? 'Owner' : 'What'}</th>
          {!isDone && (
            <th scope="col" className="end">
              Before
            </th>
          )}
          <th scope="col" className="end">
            {isDone ? 'Decided' : 'After'}
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
