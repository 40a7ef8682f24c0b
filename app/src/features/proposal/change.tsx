/** What an action would change: before and after, in words. */

import type { ReactNode } from 'react';

import { formatEnergy } from '../../amount/energy';
import { duration, timeLabel } from '../../amount/time';
import { formatBps, formatTokens } from '../../amount/token';
import { lowestPrice, ownersAfter, type Action, type Bus } from '../../market/model';
import type { Terms } from '../../market/terms';
import { AddressLabel } from '../../ui/parts';
import { t } from '../../words';
import { settlementName } from '../delivery/TermsNote';

const windows = ({ windowSeconds, gateClosureSeconds }: Terms) =>
  windowSeconds === 0
    ? t.change.noWindows
    : t.change.gate(
        duration(windowSeconds),
        gateClosureSeconds === 0 ? t.change.atTheStart : t.change.before(duration(gateClosureSeconds)),
      );

const auctionName = ({ hasAuction }: Terms) => (hasAuction ? t.auction.closesEachWindow : t.auction.withoutAuction);

const priceOf = ({ decimals, token }: Pick<Bus, 'decimals' | 'token'>, pricePerKwh: bigint) =>
  t.change.perKwh(formatTokens(pricePerKwh, decimals), token);

/** The least that the bus's own energy is sold for, where it changes with the base price. */
function reserveWith(bus: Bus, basePricePerKwh: bigint): readonly (readonly [string, string, string])[] {
  const [before, after] = [lowestPrice(bus, true), lowestPrice({ ...bus, basePricePerKwh }, true)];
  return before === after ? [] : [[t.change.reservePrice, priceOf(bus, before), priceOf(bus, after)]];
}

/** How long a decision waits before it takes effect. */
const waitOf = (seconds: number) => (seconds === 0 ? t.busScreen.none : duration(seconds));

/** Terms in one line: when sellers are paid, and the grid fee. */
export function termsLabel(bus: Pick<Bus, 'decimals' | 'token'>, terms: Terms): string {
  const { gridFeePerKwh } = terms;
  const fee =
    gridFeePerKwh === 0n
      ? t.change.noGridFee
      : t.change.gridFeeOf(t.change.perKwh(formatTokens(gridFeePerKwh, bus.decimals), bus.token));
  return [settlementName(terms), fee, ...(terms.hasAuction ? [t.auction.withAuction] : [])].join(', ');
}

/** The values that an action changes, before and after. */
export function changesOf(bus: Bus, action: Action): readonly (readonly [string, ReactNode, ReactNode])[] {
  switch (action.kind) {
    case 'ownerAdd':
    case 'ownerRemove':
    case 'ownerReplace':
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
      return [[t.change.timelock, waitOf(bus.timelockSeconds), waitOf(action.timelockSeconds)]];
    case 'capacitySet':
      return [[t.change.capacity, formatEnergy(bus.capacityWh), formatEnergy(action.capacityWh)]];
    case 'basePriceSet':
      return [
        [t.change.basePrice, priceOf(bus, bus.basePricePerKwh), priceOf(bus, action.basePricePerKwh)],
        ...reserveWith(bus, action.basePricePerKwh),
      ];
    case 'listingPolicySet':
      return [[t.change.listing, t.listings[bus.listing], t.listings[action.listing]]];
    case 'termsSet': {
      // They replace what is decided and waits, where that can still be replaced.
      const [before, after] = [bus.nextTerms ?? bus.terms, action.terms];
      const fee = ({ gridFeePerKwh }: Terms) =>
        gridFeePerKwh === 0n
          ? t.terms.noGridFee
          : t.change.perKwh(formatTokens(gridFeePerKwh, bus.decimals), bus.token);
      const times = (seconds: number) => (seconds === 0 ? '–' : duration(seconds));
      return [
        [t.change.from, before.from === 0 ? t.change.fromTheStart : timeLabel(before.from), timeLabel(after.from)],
        [t.change.windows, windows(before), windows(after)],
        [t.auction.auction, auctionName(before), auctionName(after)],
        [t.change.sellersArePaid, settlementName(before), settlementName(after)],
        [t.change.gridFee, fee(before), fee(after)],
        [t.change.readingDeadline, times(before.readingDeadlineSeconds), times(after.readingDeadlineSeconds)],
        [t.change.correctionTime, times(before.correctionSeconds), times(after.correctionSeconds)],
      ];
    }
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
    case 'pauseQuorumSet': {
      const quorum = (approvals: number) =>
        approvals === 0 ? t.proposals.asManyAsAnyDecision : t.owners.outOf(String(approvals), bus.owners.length);
      return [[t.change.approvalsForPausing, quorum(bus.pauseQuorum), quorum(action.pauseQuorum)]];
    }
    case 'sellerAdmit':
      return [[t.change.seller, '–', <Decided key="a" of={action.wallet} what={t.change.admitted} />]];
    case 'sellerSuspend':
      return [[t.change.seller, '–', <Decided key="s" of={action.wallet} what={t.change.suspended} />]];
    case 'reservePriceSet': {
      const reserve = (pricePerKwh: bigint) =>
        pricePerKwh === 0n ? t.proposals.asTheBasePrice : priceOf(bus, pricePerKwh);
      return [[t.change.reservePrice, reserve(bus.reservePricePerKwh), reserve(action.reservePricePerKwh)]];
    }
    case 'leastSizeSet':
      return [[t.change.leastSize, formatEnergy(bus.leastWh), formatEnergy(action.leastWh)]];
    case 'operatorSet':
      return [[t.change.operator, <Operator key="b" of={bus.operator} />, <Operator key="a" of={action.operator} />]];
    case 'gridRecipientSet':
      return [
        [
          t.change.gridFeesGoTo,
          <Recipient key="b" of={bus.gridRecipient} />,
          <Recipient key="a" of={action.recipient} />,
        ],
      ];
    case 'busClose':
      return [[t.change.bus, bus.closing ? t.change.closing : t.change.running, t.change.closing]];
  }
}

function Decided({ of, what }: { readonly of: string; readonly what: string }) {
  return (
    <>
      <AddressLabel address={of} /> {what}
    </>
  );
}

function Operator({ of }: { readonly of: string | undefined }) {
  return of === undefined ? t.change.none : <AddressLabel address={of} />;
}

function Recipient({ of }: { readonly of: string | undefined }) {
  return of === undefined ? t.treasury.theTreasury : <AddressLabel address={of} />;
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
  const isOwners = ['ownerAdd', 'ownerRemove', 'ownerReplace', 'sharesSet'].includes(action.kind);
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
