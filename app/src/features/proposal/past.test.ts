// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { ActionKind } from '../../generated';
import { key } from '../../testing/market';
import { decisionsOf, inOrder, type Dated } from './past';

const BUS = key(100);
const action = { kind: ActionKind.BasePriceSet, value: 7n };
const event = (__kind: string, data: object, at?: number) =>
  ({ event: { __kind, data: { proposal: key(900), bus: BUS, ...data } }, at }) as unknown as Dated;

describe('what was decided', () => {
  it('has who approved it when it was carried out, also after its account is closed', () => {
    const created = event('ProposalCreated', { proposer: key(1), createdAt: 10n, action });
    const events = [
      created,
      event('ProposalApproved', { owner: key(2) }, 20),
      event('ProposalApproved', { owner: key(3) }, 30),
      event('ProposalRevoked', { owner: key(3) }, 40),
      event('ProposalExecuted', { executedBy: key(4), executedAt: 50n, action }, 50),
      event('ProposalClosed', {}, 60),
    ];
    expect(decisionsOf(events)).toEqual([
      {
        proposal: key(900),
        action: { kind: 'basePriceSet', basePricePerKwh: 7n },
        proposer: key(1),
        proposedAt: 10,
        approvals: [
          { owner: key(1), at: 10 },
          { owner: key(2), at: 20 },
        ],
        executedAt: 50,
        executedBy: key(4),
      },
    ]);
    // Approvals are read after the other events; of one slot they are put between them.
    const [made, first, , , done] = events.map((one) => ({ ...one, slot: 7n }));
    const read = inOrder([{ ...created, slot: 8n }, made, done, first].flatMap((one) => one ?? []));
    expect(read.map(({ event: { __kind }, slot }) => `${slot} ${__kind}`)).toEqual([
      '7 ProposalCreated',
      '7 ProposalApproved',
      '7 ProposalExecuted',
      '8 ProposalCreated',
    ]);
    // What was never carried out is no decision, and the latest comes first.
    expect(decisionsOf([created])).toEqual([]);
    const later = { proposal: key(901) };
    const both = [
      ...events,
      event('ProposalCreated', { ...later, proposer: key(2), createdAt: 70n, action }),
      event('ProposalExecuted', { ...later, executedBy: key(2), executedAt: 80n, action }),
    ];
    expect(decisionsOf(both).map(({ executedAt }) => executedAt)).toEqual([80, 50]);
  });
});
