// @vitest-environment node

import {
  AccountRole,
  appendTransactionMessageInstructions,
  compileTransaction,
  createTransactionMessage,
  generateKeyPair,
  getAddressFromPublicKey,
  pipe,
  setTransactionMessageFeePayer,
  setTransactionMessageLifetimeUsingBlockhash,
  type Address,
  type Blockhash,
  type Instruction,
  type Signature,
} from '@solana/kit';
import { beforeAll, describe, expect, it } from 'vitest';

import { PROGRAM, SYSTEM_PROGRAM } from '../programs';
import { key } from '../testing/market';
import { FakeNode } from '../testing/node';
import { sign, type Cosigner, type Signable, type Signed, type Signer } from './send';

const WALLET = key(1);
let device: Cosigner;
let registration: Instruction;
/** What wallets add for their owner, and what a hostile one would have the device sign. */
const guard: Instruction = {
  programAddress: SYSTEM_PROGRAM,
  accounts: [{ address: WALLET, role: AccountRole.WRITABLE_SIGNER }],
  data: Uint8Array.of(2),
};

beforeAll(async () => {
  const keyPair = await generateKeyPair();
  device = { address: await getAddressFromPublicKey(keyPair.publicKey), keyPair };
  registration = naming(device.address, 30);
});

const naming = (address: Address, first: number): Instruction => ({
  programAddress: PROGRAM,
  accounts: [
    { address: WALLET, role: AccountRole.WRITABLE_SIGNER },
    { address, role: AccountRole.READONLY_SIGNER },
  ],
  data: Uint8Array.of(first),
});

function transactionOf(instructions: readonly Instruction[]): Signable {
  const blockhash = { blockhash: '1'.repeat(32) as Blockhash, lastValidBlockHeight: 9n };
  return compileTransaction(
    pipe(
      createTransactionMessage({ version: 0 }),
      (draft) => setTransactionMessageFeePayer(WALLET, draft),
      (draft) => setTransactionMessageLifetimeUsingBlockhash(blockhash, draft),
      (draft) => appendTransactionMessageInstructions(instructions, draft),
    ),
  );
}

/** Has a registration signed by a wallet that answers with these instructions, or sends what it got. */
async function signed(answer: readonly Instruction[], sends = false) {
  const prepared = { transaction: transactionOf([registration]), lastValidBlockHeight: 9n };
  let asked: readonly Signable[] = [];
  const wallet: Signer = {
    address: WALLET,
    sends,
    sign: async (transactions) => {
      asked = transactions;
      const transaction = sends ? undefined : transactionOf(answer);
      return [{ signature: 'signature' as Signature, transaction } satisfies Signed];
    },
  };
  const { connection } = await FakeNode.of(WALLET);
  const [submitted] = await sign(connection, wallet, [prepared], device);
  return { asked: asked[0], submitted: submitted?.transaction };
}

describe('a device', () => {
  it('signs its registration after the wallet, which may have added what guards its owner', async () => {
    const { asked, submitted } = await signed([registration, guard]);
    expect(asked?.signatures[device.address]).toBeNull();
    expect(submitted?.signatures[device.address]).toHaveLength(64);
  });

  it('signs before a wallet that sends by itself', async () => {
    const { asked, submitted } = await signed([], true);
    expect(asked?.signatures[device.address]).toHaveLength(64);
    expect(submitted).toBeUndefined();
  });

  it('signs nothing else, whatever a wallet makes of it', async () => {
    const other = naming(device.address, 31);
    for (const answer of [[other], [registration, other], [guard], [registration, registration]]) {
      await expect(signed(answer)).rejects.toThrow('the device signed nothing');
    }
  });
});
