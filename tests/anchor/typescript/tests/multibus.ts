/** A market from its creation to a decision of its owners, as users of Anchor write it: `anchor test`, or `npm test` with a node. */

import { BN } from '@anchor-lang/core';
import { TOKEN_PROGRAM_ID } from '@solana/spl-token';
import { Keypair, PublicKey, SystemProgram } from '@solana/web3.js';
import { expect } from 'chai';

import { addresses, batchAccounts, onEvent } from '../multibus';
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
  program,
  refusal,
  type Tokens,
} from '../support';

describe('multibus', () => {
  const { methods } = program;

  /** Alice and Bob own the bus. Alice and Carol sell on it, Dan buys. */
  const [alice, bob, carol, dan] = [Keypair.generate(), Keypair.generate(), Keypair.generate(), Keypair.generate()];
  let tokens: Tokens;
  let bus: PublicKey;
  const offers: PublicKey[] = [];

  const offerAt = (index: number) => {
    const offer = offers[index];
    if (offer === undefined) throw new Error(`there is no offer ${index}`);
    return offer;
  };

  before('members with a token', async () => {
    tokens = await found([alice, bob, carol, dan]);
  });

  it('creates a bus with two owners', async () => {
    bus = await createBus(alice, tokens.mint, {
      ...busConfig(alice.publicKey),
      owners: [
        { owner: alice.publicKey, shareBps: 6_000 },
        { owner: bob.publicKey, shareBps: 4_000 },
      ],
      threshold: 2,
    });
    const account = await program.account.bus.fetch(bus);
    expect(Buffer.from(account.name.slice(0, account.nameLen)).toString()).to.equal('Mill Lane');
    expect(account.owners.slice(0, account.ownerCount).map(({ shareBps }) => shareBps)).to.deep.equal([6_000, 4_000]);
    expect(account.mint.equals(tokens.mint)).to.equal(true);
    expect(account.basePricePerKwh.toNumber()).to.equal(100_000);
  });

  it('lists energy of two sellers', async () => {
    const expiresAt = (await now()) + 7_200;
    for (const [wallet, energyWh, pricePerKwh] of [
      [alice, 5_000, 200_000],
      [carol, 3_000, 150_000],
    ] as const) {
      await openSeller(wallet, bus);
      offers.push(await list(wallet, bus, 0, { energyWh, pricePerKwh, expiresAt }));
    }
    const all = await program.account.offer.all();
    const listed = all
      .filter(({ account }) => account.bus.equals(bus))
      .map(({ account }) => account.listedWh.toNumber());
    expect(listed.sort((a, b) => a - b)).to.deep.equal([3_000, 5_000]);
  });

  it('buys part of an offer, once', async () => {
    const trader = await openLane(dan);
    const { nextNonce } = await program.account.trader.fetch(trader);
    const buying = () =>
      methods
        .purchase(nextNonce, new BN(1_000), new BN(1_000), new BN(200_000), 0)
        // The bus, the vault and the token program are read from the offer and the bus.
        .accountsPartial({ buyer: dan.publicKey, trader, offer: offerAt(0), payment: tokens.of(dan) })
        .signers([dan])
        .rpc();
    const bought = await eventOf(await buying(), 'energyPurchased');
    expect(bought.fills.map(({ energyWh, cost }) => [energyWh.toNumber(), cost.toNumber()])).to.deep.equal([
      [1_000, 200_000],
    ]);
    expect(await tokens.balance(dan)).to.equal(FUNDS - 200_000);
    // The lane keeps the receipt of its nonce, with the hash that the event has.
    const lane = await program.account.trader.fetch(trader);
    const receipt = lane.receipts[nextNonce.umod(new BN(16)).toNumber()];
    expect(receipt?.transactionHash).to.deep.equal(bought.transactionHash);
    expect(lane.nextNonce.sub(nextNonce).toNumber()).to.equal(1);

    expect(await refusal(buying())).to.equal('nonceMismatch');
    expect(await tokens.balance(dan)).to.equal(FUNDS - 200_000);
  });

  it('buys from two sellers in one batch, all or nothing', async () => {
    const trader = addresses.trader(dan.publicKey, 0);
    const quoted = await Promise.all(
      offers.map(async (publicKey) => ({ publicKey, account: await program.account.offer.fetch(publicKey) })),
    );
    const batch = async (energy: number) => {
      const { nextNonce } = await program.account.trader.fetch(trader);
      const items = quoted.map(({ account }) => ({
        energyWh: new BN(energy),
        maxPricePerKwh: account.fullPricePerKwh,
        expectedVersion: account.version,
      }));
      return methods
        .purchaseBatch(nextNonce, new BN(FUNDS), items)
        .accountsPartial({ buyer: dan.publicKey, trader, payment: tokens.of(dan), tokenProgram: TOKEN_PROGRAM_ID })
        .remainingAccounts(batchAccounts(quoted, dan.publicKey))
        .signers([dan])
        .rpc();
    };
    const before = await tokens.balance(dan);
    const bought = await eventOf(await batch(2_000), 'energyPurchased');
    expect(bought.fills.map(({ cost }) => cost.toNumber())).to.deep.equal([400_000, 300_000]);
    expect(await tokens.balance(dan)).to.equal(before - 700_000);
    // Carol has 1,000 Wh left, so nothing of the second batch is bought.
    expect(await refusal(batch(1_500))).to.equal('energyUnavailable');
    expect(await tokens.balance(dan)).to.equal(before - 700_000);
    const left = await Promise.all(offers.map((offer) => program.account.offer.fetch(offer)));
    expect(left.map(({ remainingWh }) => remainingWh.toNumber())).to.deep.equal([2_000, 1_000]);
  });

  it('locks energy, settles one lock and gives up another', async () => {
    const offer = offerAt(0);
    const [first, second] = [0, 1].map((place) => addresses.lock(offer, dan.publicKey, place)) as [
      PublicKey,
      PublicKey,
    ];
    for (const [place, lock] of [first, second].entries()) {
      const signature = await methods
        .lockTake(place, new BN(500), new BN(200_000), 0, tokens.of(dan))
        .accountsPartial({ buyer: dan.publicKey, offer, lock, payment: tokens.of(dan) })
        .signers([dan])
        .rpc();
      expect((await eventOf(signature, 'lockTaken')).deposit.toNumber()).to.equal(100_000);
    }
    expect((await program.account.offer.fetch(offer)).reservedWh.toNumber()).to.equal(1_000);

    const trader = addresses.trader(dan.publicKey, 0);
    const { nextNonce } = await program.account.trader.fetch(trader);
    const { number: lockNumber } = await program.account.lock.fetch(first);
    const settled = await methods
      .lockSettle(nextNonce, lockNumber)
      // A signer that is left out is the provider's wallet, also where the lock names it.
      .accountsPartial({ buyer: dan.publicKey, lock: first, trader })
      .signers([dan])
      .rpc();
    expect((await eventOf(settled, 'energyPurchased')).fills[0]?.energyWh.toNumber()).to.equal(500);

    const before = await tokens.balance(dan);
    const held = await program.account.lock.fetch(second);
    const { seller } = await program.account.offer.fetch(offer);
    const released = await methods
      .lockRelease(held.number)
      .accountsPartial({
        caller: dan.publicKey,
        lock: second,
        seller,
        unclaimed: addresses.unclaimed(bus),
        ledger: addresses.ledger(bus),
        claim: addresses.claim(bus, dan.publicKey),
        systemProgram: SystemProgram.programId,
      })
      .signers([dan])
      .rpc();
    const { refund, fee } = await eventOf(released, 'lockReleased');
    expect([refund.toNumber(), fee.toNumber()]).to.deep.equal([99_000, 1_000]);
    expect(await tokens.balance(dan)).to.equal(before + 99_000);
    expect(await program.account.lock.fetchNullable(first)).to.equal(null);
    expect(await program.account.lock.fetchNullable(second)).to.equal(null);
  });

  it('hears events as they happen', async () => {
    const offer = offerAt(0);
    const heard: { price: number; signature: string }[] = [];
    const listener = onEvent(program, 'offerRepriced', (event, _slot, signature) => {
      if (event.offer.equals(offer)) heard.push({ price: event.pricePerKwh.toNumber(), signature });
    });
    // The client does not say when it has subscribed, so the price changes until it is heard.
    const sent: { price: number; signature: string }[] = [];
    while (heard.length === 0) {
      const price = 210_000 + sent.length;
      const { version } = await program.account.offer.fetch(offer);
      const signature = await methods
        .offerReprice(new BN(price), version)
        .accountsPartial({ lister: alice.publicKey, offer })
        .signers([alice])
        .rpc();
      sent.push({ price, signature });
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    await program.removeEventListener(listener);
    expect(sent).to.deep.include(heard[0]);
  });

  it('changes the base price once both owners have decided it', async () => {
    const ledger = addresses.ledger(bus);
    const { owners } = await program.account.ledger.fetch(ledger);
    const number = owners[0]?.nextProposal ?? new BN(0);
    const proposal = addresses.proposal(bus, alice.publicKey, number);
    const proposed = await methods
      .proposalCreate(number, { basePriceSet: { basePricePerKwh: new BN(120_000) } })
      .accountsPartial({ proposer: alice.publicKey, bus, ledger })
      .signers([alice])
      .rpc();
    expect((await eventOf(proposed, 'proposalCreated')).proposal.equals(proposal)).to.equal(true);
    const own = addresses.seller(bus, bus);
    const execute = () =>
      methods
        .proposalExecute()
        .accountsPartial({
          executor: dan.publicKey,
          proposal,
          ledger,
          general: addresses.capacity(bus, new BN(0)),
          seller: own,
          vault: addresses.vault(own),
        })
        .signers([dan])
        .rpc();
    expect(await refusal(execute())).to.equal('approvalsMissing');
    // An approval names the hash of what the owner has read.
    const { hash, action } = await program.account.proposal.fetch(proposal);
    expect(action.value.toNumber()).to.equal(120_000);
    const approved = await methods
      .proposalApprove(hash)
      .accountsPartial({ owner: bob.publicKey, proposal })
      .signers([bob])
      .rpc();
    expect((await eventOf(approved, 'proposalApproved')).owner.equals(bob.publicKey)).to.equal(true);
    await eventOf(await execute(), 'proposalExecuted');
    expect((await program.account.bus.fetch(bus)).basePricePerKwh.toNumber()).to.equal(120_000);
  });

  it('pays the sellers', async () => {
    const earned = [];
    for (const [index, seller] of [alice, carol].entries()) {
      const offer = offerAt(index);
      const account = addresses.seller(bus, seller.publicKey);
      await methods.offerCollect().accountsPartial({ offer, seller: account }).rpc();
      const before = await tokens.balance(seller);
      await methods
        .sellerWithdraw()
        .accountsPartial({ caller: seller.publicKey, bus, seller: account, destination: tokens.of(seller) })
        .signers([seller])
        .rpc();
      earned.push((await tokens.balance(seller)) - before);
    }
    // 1,000 and 2,000 and 500 Wh at 0.20, and the fee of the lock; 2,000 Wh at 0.15.
    expect(earned).to.deep.equal([701_000, 300_000]);
    const held = await Promise.all([alice, bob, carol, dan].map(tokens.balance));
    expect(held.reduce((sum, amount) => sum + amount, 0)).to.equal(4 * FUNDS);
  });
});
