// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { proposalAddress, sellerAddress, vaultAddress } from '../../chain/address';
import {
  getProposalApproveInstructionDataDecoder,
  getProposalCreateInstructionDataDecoder,
  SettlementTime,
  type ProposalAction,
} from '../../generated';
import type { Action, Proposal } from '../../market/model';
import { addressesOf, dataOf, namesOf } from '../../testing/instructions';
import { byAddress, DELIVERY, key, makeBus, marketOf } from '../../testing/market';
import { proposalCreateInstructions, proposalInstruction } from './proposal';

const [ADA, BEN] = [key(1), key(2)];

async function propose(action: Action, proposer = BEN, threshold = 2) {
  const { bus, ledger } = await makeBus(100, { threshold });
  const live = marketOf({ buses: byAddress([bus]), ledgers: new Map([[bus.address, ledger]]) });
  return { bus, instructions: await proposalCreateInstructions(live, proposer, bus, action) };
}

describe('a proposal', () => {
  it('has the next number of its proposer', async () => {
    const { bus, instructions } = await propose({ kind: 'lockFeeSet', lockFeeBps: 5 });
    expect(namesOf(instructions)).toEqual(['ProposalCreate']);
    expect(getProposalCreateInstructionDataDecoder().decode(dataOf(instructions[0])).number).toBe(1n << 20n);
    expect(addressesOf(instructions[0])).toContain(await proposalAddress(bus.address, BEN, 1n << 20n));
    await expect(propose({ kind: 'pause' }, key(99))).rejects.toThrow('Only owners');
  });

  it('says every change that owners can decide on', async () => {
    const said = async (action: Action): Promise<ProposalAction> => {
      const [create] = (await propose(action)).instructions;
      return getProposalCreateInstructionDataDecoder().decode(dataOf(create)).action;
    };
    expect(await said({ kind: 'ownerReplace', owner: BEN, newOwner: key(3) })).toEqual({
      __kind: 'OwnerReplace',
      owner: BEN,
      newOwner: key(3),
    });
    expect(await said({ kind: 'pauseQuorumSet', pauseQuorum: 1 })).toEqual({
      __kind: 'PauseQuorumSet',
      pauseQuorum: 1,
    });
    expect(await said({ kind: 'sellerAdmit', wallet: key(9) })).toEqual({ __kind: 'SellerAdmit', wallet: key(9) });
    expect(await said({ kind: 'sellerSuspend', wallet: key(9) })).toEqual({ __kind: 'SellerSuspend', wallet: key(9) });
    expect(await said({ kind: 'reservePriceSet', reservePricePerKwh: 7n })).toEqual({
      __kind: 'ReservePriceSet',
      reservePricePerKwh: 7n,
    });
    expect(await said({ kind: 'leastSizeSet', leastWh: 7n })).toEqual({ __kind: 'LeastSizeSet', leastWh: 7n });
    expect(await said({ kind: 'operatorSet', operator: undefined })).toEqual({
      __kind: 'OperatorSet',
      operator: { __option: 'None' },
    });
    expect(await said({ kind: 'operatorSet', operator: key(9) })).toMatchObject({ operator: { value: key(9) } });
    expect(await said({ kind: 'listingPolicySet', listing: 'admitted' })).toMatchObject({ listingPolicy: 1 });
    expect(await said({ kind: 'busClose' })).toEqual({ __kind: 'BusClose' });
    expect(await said({ kind: 'termsSet', terms: { ...DELIVERY, from: 90_000 } })).toEqual({
      __kind: 'TermsSet',
      from: 90_000n,
      terms: {
        windowSeconds: 900,
        gateClosureSeconds: 60,
        settlement: SettlementTime.OnDelivery,
        gridFeePerKwh: 20_000n,
        readingDeadlineSeconds: 3_600,
        correctionSeconds: 7_200,
        auction: false,
      },
    });
    expect(await said({ kind: 'gridRecipientSet', recipient: key(9) })).toMatchObject({ recipient: { value: key(9) } });
    expect(await said({ kind: 'gridRecipientSet', recipient: undefined })).toMatchObject({
      recipient: { __option: 'None' },
    });
  });

  it('that is carried out at once names the seller whom it is about, else the bus’s own', async () => {
    const of = async (action: Action) => {
      const { bus, instructions } = await propose(action, ADA, 1);
      expect(namesOf(instructions)).toEqual(['ProposalCreate', 'ProposalExecute']);
      return { bus, accounts: addressesOf(instructions[1]) };
    };
    const own = await of({ kind: 'sharesSet', sharesBps: [5_000, 5_000] });
    expect(own.accounts).toEqual(expect.arrayContaining([own.bus.seller, await vaultAddress(own.bus.seller)]));
    const other = await of({ kind: 'sellerSuspend', wallet: key(9) });
    const seller = await sellerAddress(other.bus.address, key(9));
    expect(other.accounts).toEqual(expect.arrayContaining([seller, await vaultAddress(seller)]));
    expect(other.accounts).not.toContain(other.bus.seller);
  });

  it('is approved by the hash of what was shown', async () => {
    const { bus } = await makeBus(100);
    const hash = new Uint8Array(32).fill(5);
    const proposal = {
      address: key(300),
      bus: bus.address,
      proposer: ADA,
      hash,
      action: { kind: 'pause' },
    } as unknown as Proposal;
    const approve = await proposalInstruction(BEN, bus, proposal, 'approve');
    expect(getProposalApproveInstructionDataDecoder().decode(dataOf(approve)).hash).toEqual(hash);
    const names = ['revoke', 'execute', 'close'] as const;
    const made = await Promise.all(names.map((verb) => proposalInstruction(BEN, bus, proposal, verb)));
    expect(namesOf(made)).toEqual(['ProposalRevoke', 'ProposalExecute', 'ProposalClose']);
  });
});
