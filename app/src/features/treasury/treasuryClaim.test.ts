// @vitest-environment node

import { describe, expect, it } from 'vitest';

import { tokenAccountAddress } from '../../chain/address';
import { addressesOf, namesOf } from '../../testing/instructions';
import { byAddress, key, makeBus, marketOf, tokenAccountOf } from '../../testing/market';
import { treasuryClaimInstructions } from './treasuryClaim';

const [ADA, BEN] = [key(1), key(2)];

/** Where the last of some instructions pays. */
const destinationOf = (instructions: Parameters<typeof namesOf>[0]) => addressesOf(instructions.at(-1))[5];

describe('a share of a treasury', () => {
  it('is paid to the owner’s own token account, which is created where it is missing', async () => {
    const { bus } = await makeBus(100);
    const { instructions, isClaimed } = await treasuryClaimInstructions(marketOf({}), BEN, bus, ADA);
    expect(namesOf(instructions)).toEqual(['CreateTokenAccount', 'TreasuryClaim']);
    expect(destinationOf(instructions)).toBe(await tokenAccountAddress(ADA, bus.mint, bus.tokenProgram));
    expect(isClaimed).toBe(false);
  });

  it('goes to another account that the owner names, and needs one where its own is frozen', async () => {
    const { bus } = await makeBus(100);
    const own = await tokenAccountAddress(ADA, bus.mint, bus.tokenProgram);
    const accounts = new Map([
      [own, tokenAccountOf(bus, ADA, true)],
      [key(90), tokenAccountOf(bus, key(7))],
      [key(91), tokenAccountOf(bus, key(7), true)],
    ]);
    const live = marketOf({ buses: byAddress([bus]) }, accounts);
    await expect(treasuryClaimInstructions(live, ADA, bus, ADA)).rejects.toThrow('Name another account');
    await expect(treasuryClaimInstructions(live, ADA, bus, ADA, key(91))).rejects.toThrow('that can be paid');
    const named = await treasuryClaimInstructions(live, ADA, bus, ADA, key(90));
    expect(namesOf(named.instructions)).toEqual(['TreasuryClaim']);
    expect(destinationOf(named.instructions)).toBe(key(90));
    // Anyone else can only make it a claim of the owner.
    const other = await treasuryClaimInstructions(live, BEN, bus, ADA);
    expect(destinationOf(other.instructions)).toBe(own);
    expect(other.isClaimed).toBe(true);
  });
});
