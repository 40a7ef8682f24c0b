// @vitest-environment happy-dom

import { AccountRole, type Address, type Signature } from '@solana/kit';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Signed, Signer } from '../../chain/send';
import { noSigner } from '../../chain/signer';
import { Declined, FateUnknown, walletError } from '../../errors/explain';
import { MULTIBUS_ERROR__NONCE_MISMATCH, MULTIBUS_ERROR__PRICE_ABOVE_LIMIT } from '../../generated';
import { PROGRAM } from '../../programs';
import { Journal, type Pending } from '../../state/journal';
import { BrowserStorage } from '../../state/storage';
import { FakeNode, fakeLocks, FakeStorage, laneData } from '../../testing/node';
import type { Plan } from './plan';
import { purchase, type PurchaseContext } from './purchase';

const WALLET = 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v' as Address;
const NONCE = 7n << 20n;
const SIGNATURE =
  '5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnbJLgp8uirBgmQpjKhoR4tjF3ZpRzrFmBV6UjKdiSZkQUW' as Signature;

const plan: Plan = {
  kind: 'single',
  orders: [{ offer: PROGRAM, energyWh: 1_000n, maxPricePerKwh: 2n }],
  title: '1 kWh on Mill Lane',
  opens: [],
  build: async (trader) => [
    {
      programAddress: PROGRAM,
      accounts: [
        { address: WALLET, role: AccountRole.WRITABLE_SIGNER, signer: noSigner(WALLET) },
        { address: trader, role: AccountRole.WRITABLE },
      ],
      data: new Uint8Array(8),
    },
  ],
};

let node: FakeNode;
let storage: FakeStorage;
let journal: Journal;

/** What a wallet does with what it is asked to sign. */
type Behaviour = (pending: readonly Pending[]) => Signed[] | Promise<Signed[]>;

/** A purchase by a wallet that sends itself, or does not, and does what a test wants. */
function buy(sends: boolean, behaviour: Behaviour, what: Plan = plan): ReturnType<typeof purchase> {
  const sign = async () => {
    try {
      return await behaviour(journal.pending.get());
    } catch (error) {
      throw walletError(error, sends);
    }
  };
  const signer: Signer = { address: WALLET, sends, sign };
  const context: PurchaseContext = {
    connection: node.connection,
    genesis: 'genesis',
    signer,
    journal,
    onStage: () => undefined,
  };
  return purchase(context, async () => what);
}

const thrown = (message: string, code?: number): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

beforeEach(async () => {
  vi.stubGlobal('navigator', { locks: fakeLocks() });
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  node = await FakeNode.of(WALLET);
  node.lane = laneData(WALLET, NONCE);
  storage = new FakeStorage();
  journal = new Journal(new BrowserStorage(() => storage));
});

describe('a wallet that sends itself', () => {
  const WORDS = [
    'cancelled: not confirmed in 30 s',
    'Transaction rejected by the network',
    'User denied? maybe',
    'request was declined',
    'Wallet is locked',
  ];

  it.each(WORDS)(
    'and then throws “%s”: is quoted, never taken for declined, and the purchase stays watched',
    async (words) => {
      const outcome = await buy(true, ([pending]) => {
        // The chain has it.
        if (pending !== undefined) node.land(pending);
        throw thrown(`${words}.`);
      }).catch((error: unknown) => error);
      expect(outcome).toBeInstanceOf(FateUnknown);
      expect(String(outcome)).toContain(`Your wallet says: “${words}”.`);
      expect(journal.pending.get()).toMatchObject([{ nonce: NONCE, isDenied: false }]);
      // Another purchase does not take its lane.
      expect(journal.pending.get()[0]?.lane).toBe(0);
    },
  );

  it('and declines with code 4001, having sent it all the same: it is not bought again', async () => {
    const first = buy(true, ([pending]) => {
      if (pending !== undefined) node.land(pending);
      throw thrown('User rejected the request.', 4001);
    });
    await expect(first).rejects.toBeInstanceOf(Declined);
    expect(journal.pending.get()).toMatchObject([{ nonce: NONCE, isDenied: true }]);
    const second = buy(true, () => {
      throw new Error('the wallet must not be asked');
    });
    await expect(second).rejects.toThrow('Your purchase of 1 kWh on Mill Lane happened after all');
  });

  it('and declines with code 4001: the next try has the same nonce, so that one of them happens at most', async () => {
    await expect(
      buy(true, () => {
        throw thrown('declined', 4001);
      }),
    ).rejects.toBeInstanceOf(Declined);
    let nonces: readonly bigint[] = [];
    const bought = await buy(true, (pending) => {
      nonces = pending.map(({ nonce }) => nonce);
      const last = pending.at(-1);
      if (last !== undefined) node.land(last, SIGNATURE);
      return [{ signature: SIGNATURE, transaction: undefined }];
    });
    expect(new Set(nonces)).toEqual(new Set([NONCE]));
    expect(bought.signature).toBe(SIGNATURE);
  });

  it.each([
    ['the same', 1_000n],
    ['another', 500n],
  ])('and declines, and sends it while %s purchase is signed: one of them happens', async (_, energyWh) => {
    await expect(
      buy(true, () => {
        throw thrown('declined', 4001);
      }),
    ).rejects.toBeInstanceOf(Declined);
    const [denied] = journal.pending.get();
    let asked = 0;
    const second = buy(
      true,
      () => {
        asked += 1;
        // The declined purchase lands first, so that this one's nonce is spent.
        if (denied !== undefined) node.land(denied);
        const err = { InstructionError: [0, { Custom: MULTIBUS_ERROR__NONCE_MISMATCH }] };
        node.landed.set(SIGNATURE, { err, logs: [] });
        return [{ signature: SIGNATURE, transaction: undefined }];
      },
      { ...plan, orders: plan.orders.map((order) => ({ ...order, energyWh })) },
    );
    // The same purchase under the same nonce has the same hash: it is the one that happened.
    if (energyWh === 1_000n) await expect(second).resolves.toMatchObject({ hash: denied?.hash });
    else await expect(second).rejects.toThrow('happened after all');
    expect(asked).toBe(1);
  });

  it('is watched where its code hides in the cause', async () => {
    const outcome = buy(true, () => {
      throw Object.assign(new Error('failed'), { cause: thrown('rejected', 4001) });
    });
    await expect(outcome).rejects.toBeInstanceOf(Declined);
    expect(journal.pending.get()).toMatchObject([{ isDenied: true }]);
  });

  it('is forgotten once its last block is over and its nonce is not spent', async () => {
    await expect(
      buy(true, () => {
        throw thrown('declined', 4001);
      }),
    ).rejects.toBeInstanceOf(Declined);
    node.height = 1_000n;
    const bought = await buy(true, (pending) => {
      expect(pending).toHaveLength(1);
      const [only] = pending;
      if (only !== undefined) node.land(only, SIGNATURE);
      return [{ signature: SIGNATURE, transaction: undefined }];
    });
    expect(bought.energyWh).toBe(1_000n);
    expect(journal.pending.get()).toEqual([]);
  });

  it('is noted before it is asked, also where the browser keeps nothing', async () => {
    storage.isFull = true;
    const outcome = await buy(true, (pending) => {
      expect(pending).toHaveLength(1);
      throw thrown('gone');
    }).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(FateUnknown);
    expect(journal.pending.get()).toHaveLength(1);
  });
});

describe('a wallet that only signs', () => {
  it('fails in its own words, and nothing is sent or watched', async () => {
    for (const words of ['rejected: enable blind signing', 'Wallet is locked']) {
      const outcome = buy(false, () => {
        throw thrown(words);
      });
      await expect(outcome).rejects.toThrow(`Your wallet says: “${words}”. Nothing was sent.`);
    }
    const declined = buy(false, () => {
      throw thrown('anything', 4001);
    });
    await expect(declined).rejects.toThrow('You declined in your wallet; nothing was sent.');
    expect(journal.pending.get()).toEqual([]);
    expect(node.sent).toBe(0);
  });
});

describe('a simulation that fails', () => {
  it('is told before the wallet is asked', async () => {
    const refused = { err: { InstructionError: [0, { Custom: MULTIBUS_ERROR__PRICE_ABOVE_LIMIT }] }, logs: [] };
    node.simulations.push(refused, refused, refused, refused, refused);
    const outcome = buy(false, () => {
      throw new Error('the wallet must not be asked');
    });
    await expect(outcome).rejects.toThrow('is above your limit');
  });
});

describe('a bid', () => {
  const bid: Plan = { ...plan, kind: 'bid', title: '1 kWh on Mill Lane, Mon 2 Dec, 12:00–12:15' };

  it('is a purchase as far as nonce, journal and wallets go, and has bought nothing yet', async () => {
    let noted: readonly Pending[] = [];
    const made = await buy(
      true,
      (pending) => {
        noted = pending;
        const [entry] = pending;
        if (entry !== undefined) node.land(entry, SIGNATURE);
        return [{ signature: SIGNATURE, transaction: undefined }];
      },
      bid,
    );
    expect(noted).toMatchObject([{ nonce: NONCE, isBid: true, hash: made.hash }]);
    // Its receipt says so little; what was bid for is told.
    expect(made).toMatchObject({ signature: SIGNATURE, energyWh: 1_000n, paid: undefined, fills: [] });
    expect(journal.pending.get()).toEqual([]);
  });

  it('of a wallet that sends itself and fails is watched as a bid, under its own hash', async () => {
    const behaviour = () => {
      throw thrown('cancelled: not confirmed in 30 s');
    };
    await expect(buy(true, behaviour, bid)).rejects.toBeInstanceOf(FateUnknown);
    const [watched] = journal.pending.get();
    expect(watched).toMatchObject({ nonce: NONCE, isBid: true, title: bid.title });
    // The hash of a bid is none of a purchase of the same orders.
    journal.forget(watched?.hash ?? '');
    await expect(buy(true, behaviour)).rejects.toBeInstanceOf(FateUnknown);
    const [other] = journal.pending.get();
    expect(other?.hash).not.toBe(watched?.hash);
    expect(other?.isBid).toBeUndefined();
  });

  it('that was declined and happened all the same is told as a bid, before anything else is signed', async () => {
    await expect(
      buy(
        true,
        () => {
          throw thrown('declined', 4_001);
        },
        bid,
      ),
    ).rejects.toBeInstanceOf(Declined);
    const [denied] = journal.pending.get();
    if (denied === undefined) throw new Error('a declined bid is watched');
    node.land(denied);
    const again = buy(true, () => {
      throw new Error('nothing is signed');
    });
    await expect(again).rejects.toThrow('Your bid for 1 kWh on Mill Lane');
  });
});
