/** The auction that closes a window: bids and asks, the proof of the price, and what each gets. */

import { BN } from '@anchor-lang/core';
import { Keypair, PublicKey, type AccountMeta } from '@solana/web3.js';
import { expect } from 'chai';

import { addresses, bidOf, clearingPrices, ordersOf, tallyAccounts } from '../multibus';
import {
  busConfig,
  createBus,
  eventOf,
  found,
  FUNDS,
  list,
  now,
  openLane,
  openSeller,
  openWindow,
  program,
  refusal,
  waitUntil,
  type Tokens,
} from '../support';

const WINDOW = 60;
/** The least that gate closure and window last together where an auction closes windows, in seconds. */
const LEAST = 900;
/** Until the gate, in seconds: enough to list and bid. */
const TRADING = 40;
const GRID_FEE = 50_000;

describe('an auction', () => {
  const { methods } = program;
  /** Alice owns the bus. She and Carol sell, Dan and Erin bid. */
  const [alice, carol, dan, erin] = [Keypair.generate(), Keypair.generate(), Keypair.generate(), Keypair.generate()];
  let tokens: Tokens;
  let bus: PublicKey;
  let capacity: PublicKey;
  let gate: number;
  let windowStart: number;
  const asks: PublicKey[] = [];
  const bids: PublicKey[] = [];

  /** Bids up to a price without the grid fee; returns the bid. */
  async function bid(buyer: Keypair, energyWh: number, pricePerKwh: number): Promise<PublicKey> {
    const trader = addresses.trader(buyer.publicKey, 0);
    const { lane, nextNonce } = await program.account.trader.fetch(trader);
    const [energy, limit] = [new BN(energyWh), new BN(pricePerKwh + GRID_FEE)];
    const { bid, bump } = await bidOf(capacity, buyer.publicKey, lane, nextNonce, energy, limit);
    const signature = await methods
      .bidCreate(nextNonce, energy, limit, tokens.of(buyer), bump)
      .accountsPartial({ buyer: buyer.publicKey, trader, capacity, bid, payment: tokens.of(buyer) })
      .signers([buyer])
      .rpc();
    expect((await eventOf(signature, 'bidCreated')).bid.equals(bid)).to.equal(true);
    return bid;
  }

  before('a bus with an auction, and a window that closes soon', async () => {
    tokens = await found([alice, carol, dan, erin]);
    await Promise.all([dan, erin].map(openLane));
    // A gate closure with which a gate closes soon: windows start at multiples of their length.
    gate = (await now()) + TRADING;
    windowStart = Math.ceil((gate + LEAST - WINDOW) / WINDOW) * WINDOW;
    const config = busConfig(alice.publicKey);
    bus = await createBus(alice, tokens.mint, {
      ...config,
      terms: {
        ...config.terms,
        windowSeconds: WINDOW,
        gateClosureSeconds: windowStart - gate,
        gridFeePerKwh: new BN(GRID_FEE),
        auction: true,
      },
    });
    capacity = await openWindow(alice, bus, windowStart);
    expect((await program.account.capacity.fetch(capacity)).gateClosesAt.toNumber()).to.equal(gate);
  });

  it('takes two asks and two bids until the gate', async () => {
    for (const [wallet, energyWh, pricePerKwh] of [
      [alice, 3_000, 200_000],
      [carol, 2_000, 300_000],
    ] as const) {
      await openSeller(wallet, bus);
      // An offer that lasts until the gate is an ask.
      asks.push(await list(wallet, bus, windowStart, { energyWh, pricePerKwh, expiresAt: gate }));
    }
    bids.push(await bid(dan, 2_500, 400_000), await bid(erin, 2_000, 250_000));
    // The whole cost at its limit is deposited.
    const first = await program.account.bid.fetch(bids[0] as PublicKey);
    expect([first.pricePerKwh.toNumber(), first.deposit.toNumber()]).to.deep.equal([400_000, 1_125_000]);
    expect(await tokens.balance(dan)).to.equal(FUNDS - 1_125_000);
    expect(await tokens.balance(erin)).to.equal(FUNDS - 600_000);
  });

  it('proves the price after the gate', async function () {
    this.timeout(120_000);
    await waitUntil(gate);
    const orders = await ordersOf(program, capacity);
    expect([orders.bids.length, orders.offers.length]).to.deep.equal([2, 2]);
    const { low, high } = clearingPrices(orders);
    expect([low.toNumber(), high.toNumber()]).to.deep.equal([250_000, 250_000]);
    const clearing = addresses.clearing(capacity, dan.publicKey);
    await methods
      .clearingOpen(low, high)
      .accountsPartial({ clearer: dan.publicKey, capacity, clearing })
      .signers([dan])
      .rpc();
    const tally = (accounts: AccountMeta[]) =>
      methods
        .clearingTally()
        .accountsPartial({ clearer: dan.publicKey, clearing })
        .remainingAccounts(accounts)
        .signers([dan])
        .rpc();
    const apply = () => methods.clearingApply().accountsPartial({ clearing }).rpc();
    const accounts = tallyAccounts(orders);
    expect(await refusal(tally([...accounts].reverse()))).to.equal('orderNotAscending');
    const part = await eventOf(await tally(accounts.slice(0, 3)), 'clearingTallied');
    expect(part.bids + part.offers).to.equal(3);
    expect(await refusal(apply())).to.equal('ordersMissing');
    await tally(accounts.slice(3));
    const { bidWh, askWh } = await program.account.clearing.fetch(clearing);
    const sum = (energy: BN[]) => energy.reduce((total, wh) => total + wh.toNumber(), 0);
    expect([sum(bidWh), sum(askWh)]).to.deep.equal([4_500, 5_000]);
    const cleared = await eventOf(await apply(), 'auctionCleared');
    expect([cleared.pricePerKwh.toNumber(), cleared.volumeWh.toNumber()]).to.deep.equal([250_000, 3_000]);
    // Erin bid exactly the price: what the better bid leaves is hers.
    expect([cleared.bidsAtPriceWh.toNumber(), cleared.bidsFilledWh.toNumber()]).to.deep.equal([2_000, 500]);
    expect(await program.account.clearing.fetchNullable(clearing)).to.equal(null);
  });

  it('fills bids at one price, and pays back the rest of their deposits', async () => {
    const settled = [];
    for (const address of bids) {
      const { buyer, refund } = await program.account.bid.fetch(address);
      // Anyone settles. Ledger, claim and unclaimed account count where the refund account cannot be paid.
      const signature = await methods
        .bidSettle(false)
        .accountsPartial({
          caller: carol.publicKey,
          bid: address,
          refund,
          unclaimed: addresses.unclaimed(bus),
          ledger: addresses.ledger(bus),
          claim: addresses.claim(bus, buyer),
          systemProgram: PublicKey.default,
        })
        .signers([carol])
        .rpc();
      const { allottedWh, paid, returned } = await eventOf(signature, 'bidSettled');
      settled.push([allottedWh, paid, returned].map((number) => number.toNumber()));
      expect(await program.account.bid.fetchNullable(address)).to.equal(null);
    }
    expect(settled).to.deep.equal([
      [2_500, 750_000, 375_000],
      [500, 150_000, 450_000],
    ]);
    expect(await tokens.balance(dan)).to.equal(FUNDS - 750_000);
    expect(await tokens.balance(erin)).to.equal(FUNDS - 150_000);
  });

  it('pays the seller whose ask was filled, and frees the other offer', async () => {
    const [filled, free] = asks as [PublicKey, PublicKey];
    const settle = (offer: PublicKey) => methods.askSettle().accountsPartial({ offer }).rpc();
    const { energyWh, credited } = await eventOf(await settle(filled), 'askSettled');
    expect([energyWh.toNumber(), credited.toNumber()]).to.deep.equal([3_000, 900_000]);
    expect(await refusal(settle(free))).to.equal('orderGetsNothing');
    await methods.offerCancel().accountsPartial({ caller: dan.publicKey, offer: free }).signers([dan]).rpc();

    const seller = addresses.seller(bus, alice.publicKey);
    await methods.offerCollect().accountsPartial({ offer: filled, seller }).rpc();
    await methods
      .sellerWithdraw()
      .accountsPartial({ caller: alice.publicKey, seller, destination: tokens.of(alice) })
      .signers([alice])
      .rpc();
    // 3 kWh at 0.25; the grid fee of 0.05 a kWh is the grid's.
    expect(await tokens.balance(alice)).to.equal(FUNDS + 750_000);
    const { openBids, escrowed } = await program.account.capacity.fetch(capacity);
    expect([openBids, escrowed.toNumber()]).to.deep.equal([0, 0]);
  });
});
