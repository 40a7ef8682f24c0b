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
import { byAddress, DELIVERY, key, makeBus, makeSeller, marketOf, QUARTERS } from '../../testing/market';
import { proposalCreateInstructions, proposalInstruction, whyPointless } from './proposal';
import { ACTION_GROUPS, ACTION_TITLES } from './titles';

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

describe('a decision that changes nothing', () => {
  it('is told from one that does, whatever it is about', async () => {
    const { bus } = await makeBus(100, { operator: key(9), gridRecipient: key(8), leastWh: 10n });
    const admitted = await makeSeller(bus, key(20), { admitted: true });
    const suspended = await makeSeller(bus, key(21), { suspended: true });
    const elsewhere = await makeSeller((await makeBus(200)).bus, key(22), { admitted: true });
    const isPointless = (action: Action) =>
      whyPointless(bus, action, [elsewhere, admitted, suspended])?.startsWith('It is so already') === true;
    const pairs: readonly (readonly [Action, Action])[] = [
      [
        { kind: 'sharesSet', sharesBps: [6_000, 4_000] },
        { kind: 'sharesSet', sharesBps: [4_000, 6_000] },
      ],
      [
        { kind: 'thresholdSet', threshold: 2 },
        { kind: 'thresholdSet', threshold: 1 },
      ],
      [
        { kind: 'timelockSet', timelockSeconds: 0 },
        { kind: 'timelockSet', timelockSeconds: 60 },
      ],
      [
        { kind: 'capacitySet', capacityWh: 100_000n },
        { kind: 'capacitySet', capacityWh: 100_001n },
      ],
      [
        { kind: 'basePriceSet', basePricePerKwh: 1n },
        { kind: 'basePriceSet', basePricePerKwh: 2n },
      ],
      [
        { kind: 'listingPolicySet', listing: 'open' },
        { kind: 'listingPolicySet', listing: 'admitted' },
      ],
      [
        { kind: 'termsSet', terms: { ...bus.terms, from: 900_000 } },
        { kind: 'termsSet', terms: { ...DELIVERY, from: 900_000 } },
      ],
      [
        { kind: 'lockFeeSet', lockFeeBps: 100 },
        { kind: 'lockFeeSet', lockFeeBps: 0 },
      ],
      [{ kind: 'resume' }, { kind: 'pause' }],
      [
        { kind: 'pauseQuorumSet', pauseQuorum: 1 },
        { kind: 'pauseQuorumSet', pauseQuorum: 0 },
      ],
      [
        { kind: 'sellerAdmit', wallet: key(20) },
        { kind: 'sellerAdmit', wallet: key(21) },
      ],
      [
        { kind: 'sellerSuspend', wallet: key(21) },
        { kind: 'sellerSuspend', wallet: key(20) },
      ],
      [
        { kind: 'reservePriceSet', reservePricePerKwh: 0n },
        // As much as the base price now, and from then on whatever that is.
        { kind: 'reservePriceSet', reservePricePerKwh: 1n },
      ],
      [
        { kind: 'leastSizeSet', leastWh: 10n },
        { kind: 'leastSizeSet', leastWh: 1n },
      ],
      [
        { kind: 'operatorSet', operator: key(9) },
        { kind: 'operatorSet', operator: undefined },
      ],
      [
        { kind: 'gridRecipientSet', recipient: key(8) },
        { kind: 'gridRecipientSet', recipient: undefined },
      ],
    ];
    expect(pairs.filter(([pointless]) => !isPointless(pointless))).toEqual([]);
    expect(pairs.filter(([, changing]) => isPointless(changing))).toEqual([]);
    // A seller of another bus is none of this one.
    expect(isPointless({ kind: 'sellerAdmit', wallet: key(22) })).toBe(false);
    expect(isPointless({ kind: 'busClose' })).toBe(false);
    expect(isPointless({ kind: 'ownerRemove', owner: BEN, sharesBps: [10_000] })).toBe(false);
  });

  it('stands in one group of the choices, whatever it is', () => {
    expect(ACTION_GROUPS.flatMap(({ kinds }) => kinds).toSorted()).toEqual(Object.keys(ACTION_TITLES).toSorted());
  });

  it('takes in no owner again, and gives no owner the key of another', async () => {
    const { bus } = await makeBus(100);
    const joining = (owner: Proposal['proposer']) => whyPointless(bus, { kind: 'ownerAdd', owner, sharesBps: [] }, []);
    expect(joining(BEN)).toContain('an owner already');
    expect(joining(key(3))).toBeUndefined();
    const replacing = (newOwner: Proposal['proposer']) =>
      whyPointless(bus, { kind: 'ownerReplace', owner: ADA, newOwner }, []);
    expect(replacing(BEN)).toContain('an owner already');
    expect(replacing(key(3))).toBeUndefined();
  });

  it('may decide anew on when the next terms hold', async () => {
    const { bus } = await makeBus(100, { terms: QUARTERS, nextTerms: { ...DELIVERY, from: 900_000 } });
    const terms = (from: number) => whyPointless(bus, { kind: 'termsSet', terms: { ...DELIVERY, from } }, []);
    expect(terms(900_000)).toBeDefined();
    expect(terms(990_000)).toBeUndefined();
    // Staying with the present ones is a change of what is decided.
    expect(whyPointless(bus, { kind: 'termsSet', terms: { ...QUARTERS, from: 990_000 } }, [])).toBeUndefined();
  });
});
