/**
 * Nonce lanes: what makes every purchase happen once. A purchase holds a lane until its fate is known. Lanes are shared
 * between the tabs of a browser by locks of the browser, and with other programs by reading the lane again.
 */

import type { Address, Instruction } from '@solana/kit';

import { PROGRAM, SYSTEM_PROGRAM, traderAddress } from '../../chain/address';
import { readAccounts, type Connection } from '../../chain/connection';
import { decodeTrader } from '../../chain/decode';
import { send, type Signer, type Stage } from '../../chain/send';
import { getTraderOpenInstruction } from '../../generated';
import { noSigner } from '../../chain/signer';
import type { Trader } from '../../market/model';

/** Lanes that one wallet uses at most from this app. */
const MAX_LANES = 16;

/** A lane in the hands of one purchase. */
export interface Lease {
  readonly wallet: Address;
  readonly lane: number;
  readonly trader: Address;
  /** Gives the lane back. */
  release(): void;
}

/** Reads a lane; `undefined` where it is not open. */
export async function readLane(connection: Connection, wallet: Address, lane: number): Promise<Trader | undefined> {
  const address = await traderAddress(wallet, lane);
  const account = (await readAccounts(connection, [address])).accounts[0];
  return account === undefined || account.owner !== PROGRAM || account.data.length === 0
    ? undefined
    : (decodeTrader(address, account.data) as Trader | undefined);
}

/** Opens a lane. */
export function traderOpen(wallet: Address, trader: Address, lane: number): Instruction {
  return getTraderOpenInstruction({ wallet: noSigner(wallet), trader, systemProgram: SYSTEM_PROGRAM, lane, firstSlot: 0n });
}

const lockName = (wallet: Address, lane: number) => `multibus:lane:${wallet}:${lane}`;

/** Takes a lane for as long as nobody else in this browser has it; `undefined` where somebody has. */
function takeLane(wallet: Address, lane: number): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(lockName(wallet, lane), { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(undefined);
          return undefined;
        }
        return new Promise<void>((release) => resolve(() => release()));
      })
      .catch(reject);
  });
}

/**
 * A free lane that is open; where none is, one is opened, which the wallet signs first. `busy` lanes have purchases
 * whose fate is not known yet.
 */
export async function leaseLane(
  connection: Connection,
  signer: Signer,
  busy: ReadonlySet<number>,
  onStage: (stage: Stage | 'opening') => void,
): Promise<Lease> {
  const wallet = signer.address;
  for (let lane = 0; lane < MAX_LANES; lane += 1) {
    if (busy.has(lane)) continue;
    const release = await takeLane(wallet, lane);
    if (release === undefined) continue;
    try {
      const trader = await traderAddress(wallet, lane);
      if ((await readLane(connection, wallet, lane)) === undefined) {
        onStage('opening');
        await send(
          connection,
          signer,
          async () => [traderOpen(wallet, trader, lane)],
          (stage) => onStage(stage === 'signing' ? 'opening' : stage),
        );
      }
      return { wallet, lane, trader, release };
    } catch (error) {
      release();
      throw error;
    }
  }
  throw new Error('All sixteen purchase lanes of this wallet are in use; wait for one of them');
}
