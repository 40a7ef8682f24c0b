/** What stands in the boxes of a change before anybody touches them: what is so already, so that nothing is proposed by itself. */

import { plainTokens } from '../../amount/token';
import type { Action, Bus, Listing } from '../../market/model';
import { termsInput, type TermsInput } from '../terms/TermsFields';

/** The boxes that start with something. */
export interface Start {
  readonly price: string;
  readonly threshold: string;
  readonly timelock: string;
  readonly listing: Listing;
  readonly wallet: string;
  readonly pauseQuorum: string;
  readonly terms: TermsInput;
}

/** What a change of a bus starts with. */
export function startOf(bus: Bus, kind: Action['kind']): Start {
  const reserve = bus.reservePricePerKwh;
  return {
    price: kind === 'reservePriceSet' && reserve !== 0n ? plainTokens(reserve, bus.decimals) : '',
    threshold: String(bus.threshold),
    timelock: String(bus.timelockSeconds),
    listing: bus.listing,
    wallet: (kind === 'operatorSet' ? bus.operator : kind === 'gridRecipientSet' ? bus.gridRecipient : undefined) ?? '',
    pauseQuorum: String(bus.pauseQuorum),
    // New terms replace what is decided and waits, where there is such.
    terms: termsInput(bus.nextTerms ?? bus.terms, bus.decimals),
  };
}
