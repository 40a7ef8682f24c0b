/** What decisions are called. */

import type { Action } from '../../market/model';
import { t } from '../../words';

/** Actions as they are chosen: what is decided often first. */
export const ACTION_GROUPS: readonly {
  readonly name: keyof typeof t.proposals.groups;
  readonly kinds: readonly Action['kind'][];
}[] = [
  {
    name: 'trading',
    kinds: [
      ...(['basePriceSet', 'reservePriceSet', 'capacitySet', 'leastSizeSet'] as const),
      ...(['termsSet', 'gridRecipientSet', 'lockFeeSet'] as const),
    ],
  },
  { name: 'sellers', kinds: ['sellerAdmit', 'sellerSuspend', 'listingPolicySet', 'operatorSet'] },
  { name: 'owners', kinds: ['ownerAdd', 'ownerRemove', 'ownerReplace', 'sharesSet'] },
  { name: 'deciding', kinds: ['thresholdSet', 'pauseQuorumSet', 'timelockSet'] },
  { name: 'running', kinds: ['pause', 'resume', 'busClose'] },
];

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
  termsSet: t.change.changeTheDeliveryWindows,
  lockFeeSet: t.change.changeTheLockFee,
  pause: t.change.pauseTheBus,
  resume: t.change.letTheBusTradeAgain,
  ownerReplace: t.change.replaceAnOwnersKey,
  pauseQuorumSet: t.change.changeThePauseQuorum,
  sellerAdmit: t.change.admitASeller,
  sellerSuspend: t.change.suspendASeller,
  reservePriceSet: t.change.changeTheReservePrice,
  leastSizeSet: t.change.changeTheLeastSize,
  operatorSet: t.change.changeTheOperator,
  busClose: t.change.closeTheBus,
  gridRecipientSet: t.change.changeTheGridRecipient,
};
