/** Claims: what could not be paid to a wallet, which it pulls, also from a bus that has closed. */

import type { Address, Instruction } from '@solana/kit';

import { send, type Sent, type Signer, type Stage } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Refusal } from '../../errors/explain';
import { getClaimPayInstructionAsync } from '../../generated';
import type { LiveMarket } from '../../market/live';
import type { Bus, Claim, Tombstone } from '../../market/model';
import { payableOf } from '../../market/payee';
import type { MarketState } from '../../market/state';
import { t } from '../../words';

/** What is known of the bus that owes: whether it is closed by now, and its token. */
export type Debtor = Pick<Bus, 'address' | 'creator' | 'mint' | 'tokenProgram' | 'decimals' | 'unclaimed'> & {
  /** `undefined` once it is closed. */
  readonly treasury: Address | undefined;
  readonly name: string | undefined;
  readonly token: string;
};

/** The bus that owes a claim, or what is left of it. */
export function debtorOf(
  { buses, tombstones }: Pick<MarketState, 'buses' | 'tombstones'>,
  { bus: address }: Pick<Claim, 'bus'>,
): Debtor | undefined {
  const bus = buses.get(address);
  if (bus !== undefined) return bus;
  const stone = tombstones.get(address);
  return stone === undefined
    ? undefined
    : { ...stone, treasury: undefined, name: undefined, token: tokenOf(buses, stone) };
}

/** The token that is paid on a bus. */
export type PaidToken = Pick<Bus, 'address' | 'mint' | 'decimals' | 'token'>;

/** The token that is paid on a bus, which its tombstone tells once it has closed; `undefined` where nobody tells it. */
export function tokenPaidOn(
  { buses, tombstones }: Pick<MarketState, 'buses' | 'tombstones'>,
  address: Address | undefined,
): PaidToken | undefined {
  return address === undefined ? undefined : debtorOf({ buses, tombstones }, { bus: address });
}

/** The token of all buses, where they have one. */
export function onlyToken({ buses, tombstones }: Pick<MarketState, 'buses' | 'tombstones'>): PaidToken | undefined {
  const all = [...buses.keys(), ...tombstones.keys()].flatMap((one) => tokenPaidOn({ buses, tombstones }, one) ?? []);
  return new Set(all.map(({ mint }) => mint)).size === 1 ? all[0] : undefined;
}

/** What a closed bus's token is called, by the buses that settle in it. */
export function tokenOf(buses: MarketState['buses'], { mint }: Pick<Tombstone, 'mint'>): string {
  for (const bus of buses.values()) if (bus.mint === mint) return bus.token;
  return t.token.unnamed;
}

/**
 * Pays a claim to its wallet's own token account, which is created where it is missing. Anyone may; the wallet itself can be paid
 * to any account, `to`.
 */
export function claimPay(
  live: LiveMarket,
  signer: Signer,
  claim: Claim,
  to: Address | undefined,
  onStage: (stage: Stage) => void,
): Promise<Sent> {
  return send(live.connection, signer, () => claimPayInstructions(live, signer.address, claim, to), onStage);
}

/** The instructions that pay a claim. */
export async function claimPayInstructions(
  live: LiveMarket,
  caller: Address,
  claim: Claim,
  to?: Address,
): Promise<readonly Instruction[]> {
  // The bus may have closed since: its tombstone is at the same address.
  await live.refresh([claim.bus]);
  const debtor = debtorOf(live.state.get(), claim);
  if (debtor === undefined) throw new Refusal(t.claim.theBusIsNotKnown);
  const own = await payableOf(live, caller, claim.wallet, debtor, to);
  const pay = await getClaimPayInstructionAsync({
    caller: noSigner(caller),
    bus: claim.bus,
    claim: claim.address,
    wallet: claim.wallet,
    unclaimed: debtor.unclaimed,
    destination: own.address,
    rentPayer: claim.rentPayer,
    creator: debtor.creator,
    tokenProgram: debtor.tokenProgram,
  });
  return [...own.creation, pay];
}
