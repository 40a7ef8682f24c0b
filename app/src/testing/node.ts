/** A node for tests: it answers what a purchase asks, and does to what is sent whatever a test wants. */

import type { Address, Signature } from '@solana/kit';

import { traderAddress } from '../chain/address';
import type { Connection } from '../chain/connection';
import { unhex } from '../chain/hex';
import { customNetwork } from '../chain/network';
import { getEnergyPurchasedEncoder, getTraderEncoder, LAYOUT_VERSION, PurchaseKind } from '../generated';
import type { Fill } from '../market/model';
import { PROGRAM } from '../programs';

/** A purchase that a lane has a receipt of. */
export interface Receipted {
  readonly hash: string;
  readonly nonce: bigint;
}

/** Data of a lane. */
export function laneData(wallet: Address, nextNonce: bigint, receipted: readonly Receipted[] = []): Uint8Array {
  const empty = { transactionHash: new Uint8Array(32), energyWh: 0n, paid: 0n, purchasedAt: 0n };
  const receipts = Array.from({ length: 16 }, () => empty);
  for (const { hash, nonce } of receipted) {
    receipts[Number(nonce % 16n)] = { transactionHash: unhex(hash), energyWh: 7n, paid: 8n, purchasedAt: 9n } as never;
  }
  return new Uint8Array(
    getTraderEncoder().encode({
      layoutVersion: LAYOUT_VERSION,
      bump: 0,
      lane: 0,
      padding: new Uint8Array(4),
      nextNonce,
      firstNonce: receipted[0]?.nonce ?? nextNonce,
      totalEnergyWh: 0n,
      totalPaid: 0n,
      openedAt: 0n,
      wallet,
      historyRoot: new Uint8Array(32),
      receipts,
      reserved: new Uint8Array(32),
    }),
  );
}

/** Header of a message in which nobody signs. */
export const NO_SIGNERS = { numRequiredSignatures: 0, numReadonlySignedAccounts: 0, numReadonlyUnsignedAccounts: 0 };

/** Log of a purchase. */
export function purchaseLog(
  wallet: Address,
  { hash, nonce }: Receipted,
  fill: Fill = { offer: PROGRAM, energyWh: 1_000n, pricePerKwh: 2n, cost: 2n },
): readonly string[] {
  const event = getEnergyPurchasedEncoder().encode({
    buyer: wallet,
    transactionHash: unhex(hash),
    nonce,
    purchasedAt: 0n,
    lane: 0,
    kind: PurchaseKind.Single,
    reserved: 0,
    fills: [fill],
  });
  return [
    `Program ${PROGRAM} invoke [1]`,
    `Program data: ${Buffer.from(new Uint8Array(event)).toString('base64')}`,
    `Program ${PROGRAM} success`,
  ];
}

/** What a simulation says. */
export interface Simulation {
  readonly err: unknown;
  readonly logs: readonly string[];
}

const FINE: Simulation = { err: null, logs: [] };

/** The node, and the chain behind it. */
export class FakeNode {
  height = 100n;
  slot = 5_000n;
  /** The wallet's lane 0, where it is open; the others are not. */
  lane: Uint8Array | undefined;
  /** Transactions that have landed, by signature: their logs, or their error. */
  readonly landed = new Map<string, { readonly err: unknown; readonly logs: readonly string[] }>();
  /** Whether it answers. */
  isAway = false;
  /** What it says to simulations, in their order; fine where it has nothing more to say. */
  readonly simulations: Simulation[] = [];
  /** What was sent to it. */
  sent = 0;
  onSend: () => void = () => undefined;

  private constructor(
    readonly wallet: Address,
    private readonly laneAddress: Address,
  ) {}

  /** A node whose chain has a wallet's lane 0, once a test sets it. */
  static async of(wallet: Address): Promise<FakeNode> {
    return new FakeNode(wallet, await traderAddress(wallet, 0));
  }

  /** The purchase happens: the lane has its receipt. */
  land(purchase: Receipted, signature?: Signature): void {
    this.lane = laneData(this.wallet, purchase.nonce + 1n, [purchase]);
    if (signature !== undefined) {
      this.landed.set(signature, { err: null, logs: purchaseLog(this.wallet, purchase) });
    }
  }

  readonly connection: Connection = (() => {
    const answer = <T>(value: () => T) => ({
      send: async () => {
        if (this.isAway) throw new TypeError('Failed to fetch');
        return value();
      },
    });
    const rpc = {
      getBlockHeight: () => answer(() => this.height),
      getSlot: () => answer(() => this.slot),
      getLatestBlockhash: () =>
        answer(() => ({ value: { blockhash: '1'.repeat(32), lastValidBlockHeight: this.height + 150n } })),
      getRecentPrioritizationFees: () => answer(() => []),
      simulateTransaction: () =>
        answer(() => ({ value: { ...(this.simulations.shift() ?? FINE), unitsConsumed: 1_000n } })),
      getFeeForMessage: () => answer(() => ({ value: 5_000n })),
      getMinimumBalanceForRentExemption: () => answer(() => 8_000_000n),
      getMultipleAccounts: (addresses: readonly Address[]) =>
        answer(() => ({
          context: { slot: this.slot },
          value: addresses.map((address) =>
            this.lane === undefined || address !== this.laneAddress
              ? null
              : { owner: PROGRAM, data: [Buffer.from(this.lane).toString('base64'), 'base64'] },
          ),
        })),
      sendTransaction: () =>
        answer(() => {
          this.sent += 1;
          this.onSend();
        }),
      getSignatureStatuses: (signatures: readonly string[]) =>
        answer(() => ({
          value: signatures.map((signature) => {
            const found = this.landed.get(signature);
            return found === undefined ? null : { err: found.err, confirmationStatus: 'confirmed', slot: this.slot };
          }),
        })),
      getTransaction: (signature: string) =>
        answer(() => {
          const found = this.landed.get(signature);
          return found === undefined
            ? null
            : {
                meta: { err: found.err, logMessages: found.logs, fee: 5_000n },
                transaction: { message: { accountKeys: [], header: NO_SIGNERS, instructions: [] } },
                slot: this.slot,
                blockTime: 1n,
              };
        }),
    };
    const network = customNetwork('http://127.0.0.1:8899');
    return { network, rpc } as unknown as Connection;
  })();
}

/** A storage of a test's own, which can be full or blocked. */
export class FakeStorage {
  readonly values = new Map<string, string>();
  isFull = false;
  isBlocked = false;

  getItem(key: string): string | null {
    this.check();
    return this.values.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.check();
    if (this.isFull) throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
    this.values.set(key, value);
  }

  removeItem(key: string): void {
    this.check();
    this.values.delete(key);
  }

  private check(): void {
    if (this.isBlocked) throw new DOMException('The operation is insecure.', 'SecurityError');
  }
}

/** The browser's locks, within one test. */
export function fakeLocks(): Pick<LockManager, 'request' | 'query'> {
  const held = new Set<string>();
  return {
    request: async (name: string, _: unknown, work: (lock: unknown) => unknown) => {
      if (held.has(name)) return work(null);
      held.add(name);
      try {
        return await work({ name });
      } finally {
        held.delete(name);
      }
    },
    query: async () => ({ held: [...held].map((name) => ({ name, mode: 'exclusive' as const, clientId: '' })) }),
  } as unknown as Pick<LockManager, 'request' | 'query'>;
}
