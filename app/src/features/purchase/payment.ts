/** Whether a wallet can pay: what is known before anything is simulated, in words that name what is missing. */

import { tokensLabel } from '../../amount/token';
import type { RawAccount } from '../../chain/connection';
import { UNNAMED } from '../../chain/mint';
import { tokenBalance } from '../../chain/tokenAccount';
import { Refusal } from '../../errors/explain';
import type { Bus } from '../../market/model';
import { t } from '../../words';

/** Where a token account says whether its issuer has frozen it, and the value that says so. */
const STATE_AT = 108;
const FROZEN = 2;

/** A wallet has too few tokens. */
export class TokensMissing extends Refusal {
  /** Lamports that the purchase takes at least. */
  leastSol = 0n;
}

/** Why a wallet's token account cannot pay a total; `undefined` where it can. */
export function paymentRefusal(
  account: RawAccount | undefined,
  total: bigint,
  bus: Pick<Bus, 'token' | 'decimals'>,
): Refusal | undefined {
  const token = bus.token === UNNAMED ? t.payment.tokensOfThisMarket : bus.token;
  if (account === undefined) return new TokensMissing(t.payment.yourWalletHoldsNoYet(token));
  if (account.data[STATE_AT] === FROZEN) return new Refusal(t.payment.yourAreFrozenByTheir(token));
  const balance = tokenBalance(account);
  if (balance >= total) return undefined;
  return new TokensMissing(t.payment.yourWalletHoldsAndThis(tokensLabel(balance, bus), tokensLabel(total, bus)));
}
