// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { ledgerAddress, tokenAccountAddress } from '../../chain/address';
import type { Claim, Tombstone } from '../../market/model';
import { TOKEN_PROGRAM } from '../../programs';
import { addressesOf, namesOf } from '../../testing/instructions';
import { byAddress, key, makeBus, marketOf, tokenAccountOf } from '../../testing/market';
import { claimPayInstructions, debtorOf, onlyToken, tokenPaidOn } from './claim';

const SAM = key(9);
const claimOn = (bus: Claim['bus']): Claim => ({ address: key(60), bus, wallet: SAM, amount: 5n, rentPayer: key(8) });

describe('a claim', () => {
  it('is pulled from a running bus to the wallet’s own token account, which is created where it is missing', async () => {
    const { bus } = await makeBus(100);
    const live = marketOf({ buses: byAddress([bus]) });
    const instructions = await claimPayInstructions(live, SAM, claimOn(bus.address));
    expect(namesOf(instructions)).toEqual(['CreateTokenAccount', 'ClaimPay']);
    expect(addressesOf(instructions[1])).toEqual([
      SAM,
      bus.address,
      await ledgerAddress(bus.address),
      key(60),
      SAM,
      bus.unclaimed,
      await tokenAccountAddress(SAM, bus.mint, bus.tokenProgram),
      key(8),
      bus.creator,
      TOKEN_PROGRAM,
    ]);
  });

  it('goes to another account that its wallet names, where the usual one is frozen', async () => {
    const { bus } = await makeBus(100);
    const own = await tokenAccountAddress(SAM, bus.mint, bus.tokenProgram);
    const accounts = new Map([
      [own, tokenAccountOf(bus, SAM, true)],
      [key(90), tokenAccountOf(bus, key(7))],
    ]);
    const live = marketOf({ buses: byAddress([bus]) }, accounts);
    const claim = claimOn(bus.address);
    await expect(claimPayInstructions(live, SAM, claim)).rejects.toThrow('Name another account');
    const named = await claimPayInstructions(live, SAM, claim, key(90));
    expect(namesOf(named)).toEqual(['ClaimPay']);
    expect(addressesOf(named[0])[6]).toBe(key(90));
  });

  it('is pulled from what is left of a closed bus, by anyone', async () => {
    const { bus } = await makeBus(100);
    const stone: Tombstone = {
      address: bus.address,
      creator: key(1),
      mint: key(51),
      tokenProgram: TOKEN_PROGRAM,
      decimals: 6,
      unclaimed: key(61),
      openClaims: 1,
      closedAt: 0,
    };
    const other = (await makeBus(200, { mint: key(51), token: 'EUR' })).bus;
    const state = { buses: byAddress([other]), tombstones: byAddress([stone]) };
    const claim = claimOn(bus.address);
    expect(debtorOf({ ...state }, claim)).toMatchObject({ name: undefined, token: 'EUR', decimals: 6 });
    const [, pay] = await claimPayInstructions(marketOf(state), key(77), claim);
    expect(addressesOf(pay)).toEqual(
      expect.arrayContaining([key(77), key(61), await tokenAccountAddress(SAM, key(51), TOKEN_PROGRAM)]),
    );
  });

  it('of a bus that owns a share of another goes back to the one that owes it, which nobody could pull otherwise', async () => {
    const [debtor, owner] = [(await makeBus(100)).bus, (await makeBus(200)).bus];
    const claim = { ...claimOn(debtor.address), wallet: owner.address };
    const running = await claimPayInstructions(marketOf({ buses: byAddress([debtor, owner]) }), key(77), claim);
    expect(namesOf(running)).toEqual(['ClaimPay']);
    expect(addressesOf(running[0])[6]).toBe(debtor.treasury);
    const { address, mint, tokenProgram, decimals, unclaimed, creator } = debtor;
    const stone = { address, mint, tokenProgram, decimals, unclaimed, creator, openClaims: 1, closedAt: 0 };
    const state = { buses: byAddress([owner]), tombstones: byAddress([stone]) };
    await expect(claimPayInstructions(marketOf(state), key(77), claim)).rejects.toThrow('A bus pulls nothing');
  });

  it('of a bus that is not known is refused', async () => {
    await expect(claimPayInstructions(marketOf({}), SAM, claimOn(key(100)))).rejects.toThrow('not known');
  });
});

describe('the token that is paid', () => {
  it('is told by what a closed bus leaves, and never guessed where there are several', async () => {
    const { bus } = await makeBus(100);
    const { creator, tokenProgram, unclaimed } = bus;
    const stone = (mint: Tombstone['mint'], decimals: number): Tombstone => ({
      ...{ address: key(70), creator, tokenProgram, unclaimed, openClaims: 0, closedAt: 1, mint, decimals },
    });
    const withStone = (closed: Tombstone) => ({ buses: byAddress([bus]), tombstones: byAddress([closed]) });
    const alike = withStone(stone(bus.mint, bus.decimals));
    expect(tokenPaidOn(alike, key(70))).toMatchObject({ mint: bus.mint, token: bus.token });
    expect(onlyToken(alike)?.mint).toBe(bus.mint);
    const other = withStone(stone(key(71), 9));
    expect(tokenPaidOn(other, key(70))).toMatchObject({ mint: key(71), decimals: 9, token: 'tokens' });
    expect(onlyToken(other)).toBeUndefined();
    expect(tokenPaidOn(other, undefined)).toBeUndefined();
    expect(tokenPaidOn(other, key(72))).toBeUndefined();
  });
});
