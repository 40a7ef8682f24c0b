import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Bus } from '../../market/model';
import { byAddress, DELIVERY, key, makeBus, NOW } from '../../testing/market';
import { Proposals } from './Proposals';

const OWNER = key(1);

vi.mock('../../session', () => ({
  useSession: () => ({ live: {}, wallet: OWNER, signer: undefined }),
  useMarket: () => ({ proposals: new Map(), sellers: new Map(), buses: byAddress([]), status: { kind: 'live' } }),
}));
vi.mock('../../ui/time', () => ({ useNow: () => NOW }));
vi.mock('../../ui/action', () => ({
  ActionStatus: () => null,
  useAction: () => ({ state: { kind: 'idle' }, isRunning: false, run: () => undefined }),
  WalletButton: ({ children, disabled }: { readonly children: string; readonly disabled?: boolean }) => (
    <button type="button" disabled={disabled}>
      {children}
    </button>
  ),
}));
vi.mock('./PastDecisions', () => ({ PastDecisions: () => null }));

afterEach(cleanup);

const choose = (label: string, value: string) => fireEvent.change(screen.getByLabelText(label), { target: { value } });
const propose = () => screen.getByRole<HTMLButtonElement>('button', { name: 'Propose', hidden: true });

async function open(change: Partial<Bus>): Promise<void> {
  const { bus } = await makeBus(100, { threshold: 2, ...change });
  render(<Proposals bus={bus} />);
  fireEvent.click(screen.getByRole('button', { name: 'Propose a change' }));
}

describe('a change that an owner proposes', () => {
  it('says nothing and cannot be sent before anything is chosen', async () => {
    await open({ operator: key(9), timelockSeconds: 86_400, listing: 'open', terms: DELIVERY });
    for (const kind of ['timelockSet', 'listingPolicySet', 'operatorSet', 'gridRecipientSet', 'termsSet']) {
      choose('What to change', kind);
      expect([kind, propose().disabled, screen.queryByText('Before')]).toEqual([kind, true, null]);
      expect(screen.queryByText(/It is so already/u)).toBeNull();
    }
    choose('What to change', 'timelockSet');
    choose('Decisions take effect', '3600');
    expect(propose().disabled).toBe(false);
  });

  it('on terms that wait changes nothing as long as nobody touches it', async () => {
    await open({ nextTerms: { ...DELIVERY, from: NOW + 900_000 }, operator: key(9) });
    choose('What to change', 'termsSet');
    expect(propose().disabled).toBe(true);
    choose('Delivery windows', '3600');
    expect(propose().disabled).toBe(false);
  });

  it('removes the operator only where the field is emptied', async () => {
    await open({ operator: key(9) });
    choose('What to change', 'operatorSet');
    expect(screen.getByLabelText<HTMLInputElement>('New operator’s wallet').value).toBe(key(9));
    choose('New operator’s wallet', '');
    expect(propose().disabled).toBe(false);
  });

  it('stands beside what is so now', async () => {
    await open({ capacityWh: 100_000n, lockFeeBps: 100 });
    choose('What to change', 'capacitySet');
    expect(screen.getByText('Now 100 kWh.')).toBeTruthy();
    choose('What to change', 'lockFeeSet');
    expect(screen.getByText('Now 1 %.')).toBeTruthy();
  });
});
