/** A bus from its owners' side: who owns it, how it decides, what is proposed, and its treasury. */

import type { Address } from '@solana/kit';

import { counted } from '../../amount/text';
import { formatBps, formatTokens } from '../../amount/token';
import { isOwner } from '../../market/model';
import { useMarket, useSession } from '../../session';
import { Energy } from '../../ui/amounts';
import { Select } from '../../ui/fields';
import { PlusIcon } from '../../ui/icons';
import { AddressLabel, Card, CopyButton, Empty, Facts, NotFound, Reading } from '../../ui/parts';
import { duration } from '../../ui/time';
import { PastWindows } from '../capacity/PastWindows';
import { Proposals } from '../proposal/Proposals';
import { Treasury } from '../treasury/Treasury';
import { CreateBus } from './CreateBus';

/** The screen; `chosen` is a bus's address, or `new`. */
export function BusScreen({ chosen }: { readonly chosen: string | undefined }) {
  const { buses, readAt } = useMarket();
  const { wallet } = useSession();
  const sorted = [...buses.values()].sort(
    (a, b) => Number(isOwner(b, wallet)) - Number(isOwner(a, wallet)) || a.name.localeCompare(b.name),
  );
  const isNew = chosen === 'new';
  const bus = isNew ? undefined : chosen === undefined ? sorted[0] : buses.get(chosen as Address);
  if (bus === undefined && !isNew && readAt === undefined) {
    return (
      <div className="page narrow">
        <h1 className="visually-hidden">Bus</h1>
        <Card title="Bus">
          <Reading what="the buses" />
        </Card>
      </div>
    );
  }
  if (bus === undefined && !isNew && chosen !== undefined) {
    return <NotFound what="There is no bus at this address on this network." />;
  }
  if (bus === undefined) {
    return (
      <div className="page narrow wide">
        <h1 className="visually-hidden">Create a bus</h1>
        <CreateBus />
      </div>
    );
  }
  return (
    <div className="page split bus-page">
      <h1 className="visually-hidden">Bus</h1>
      <div className="stack">
        <div className="row spread end-aligned">
          <Select
            label="Bus"
            value={bus.address}
            options={sorted.map((candidate) => [
              candidate.address,
              `${candidate.name}${isOwner(candidate, wallet) ? ' (yours)' : ''}`,
            ])}
            onChange={(address: Address) => {
              location.hash = `#/bus/${address}`;
            }}
          />
          <a className="button quiet" href="#/bus/new">
            <PlusIcon size={15} /> Create a bus
          </a>
        </div>
        <Card
          title={
            <span className="row">
              {bus.name} {bus.paused && <span className="badge warning">paused</span>}
            </span>
          }
          aside={<CopyButton text={bus.address} label="Copy the bus's address" />}
        >
          <Facts
            facts={[
              ['Decisions', `${bus.threshold} of ${counted(bus.owners.length, 'owner')}`],
              ['Timelock', bus.timelockSeconds === 0 ? 'none' : duration(bus.timelockSeconds)],
              ['Pausing', `${bus.pauseApprovals} of ${counted(bus.owners.length, 'owner')}`],
              ['Capacity', <Energy key="c" wh={bus.capacityWh} />],
              ['Base price', `${formatTokens(bus.basePricePerKwh, bus.decimals)} ${bus.token}/kWh`],
              ['Lock fee', bus.lockFeeBps === 0 ? 'none' : formatBps(bus.lockFeeBps)],
              ['Windows', bus.windowSeconds === 0 ? 'none' : duration(bus.windowSeconds)],
              ['Listing', bus.openListing ? 'everybody' : 'owners only'],
              ['Token', <AddressLabel key="t" address={bus.mint} copy />],
            ]}
          />
        </Card>
        <Card title="Owners">
          <ul className="lines-list">
            {bus.owners.map((owner) => (
              <li key={owner.wallet} className="row spread">
                <AddressLabel address={owner.wallet} copy />
                <span className="number">{formatBps(owner.shareBps)}</span>
              </li>
            ))}
            {bus.owners.length === 0 && <Empty>Nobody</Empty>}
          </ul>
        </Card>
        <Treasury bus={bus} />
        <PastWindows title="Past windows" isWanted={(capacity) => capacity.bus === bus.address} />
      </div>
      <Proposals key={bus.address} bus={bus} />
    </div>
  );
}
