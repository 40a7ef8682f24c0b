/** A market from its creation to a decision of its owners, as users of Anchor write it: `anchor test`, or `npm test` with a node. */

import * as anchor from '@anchor-lang/core';
import { BN, type IdlEvents } from '@anchor-lang/core';
import { createAssociatedTokenAccount, createMint, getAccount, mintTo, TOKEN_PROGRAM_ID } from '@solana/spl-token';
import { Keypair, LAMPORTS_PER_SOL, PublicKey, SystemProgram } from '@solana/web3.js';
import { expect } from 'chai';

import {
  addresses,
  batchAccounts,
  errorOf,
  eventsOf,
  multibus,
  type MarketError,
  type MarketEvent,
  type Multibus,
} from '../multibus';

/** Base units of the token that every member starts with. */
const FUNDS = 10_000_000;
/** Energy sources and listing policies are numbers in instructions; their names are enums of the IDL. */
const SOLAR = 1;
const OPEN = 2;

const url = process.env['ANCHOR_PROVIDER_URL'] ?? 'http://127.0.0.1:8899';

describe('multibus', () => {
  const provider = anchor.AnchorProvider.local(url, { commitment: 'confirmed', preflightCommitment: 'confirmed' });
  anchor.setProvider(provider);
  const { connection } = provider;
  const program = multibus(provider);
  const { methods } = program;

  /** Alice and Bob own the bus. Alice and Carol sell on it, Dan buys. */
  const [alice, bob, carol, dan] = [Keypair.generate(), Keypair.generate(), Keypair.generate(), Keypair.generate()];
  const wallets = new Map<string, PublicKey>();
  let mint: PublicKey;
  let bus: PublicKey;
  const offers: PublicKey[] = [];

  const tokensOf = (wallet: Keypair) => {
    const account = wallets.get(wallet.publicKey.toBase58());
    if (account === undefined) throw new Error('the wallet has no token account');
    return account;
  };
  const balance = async (wallet: Keypair) =>
    Number((await getAccount(connection, tokensOf(wallet), 'confirmed')).amount);
  const offerAt = (index: number) => {
    const offer = offers[index];
    if (offer === undefined) throw new Error(`there is no offer ${index}`);
    return offer;
  };

  /** The only event of a transaction, which must have this name. */
  async function eventOf<Name extends MarketEvent['name']>(
    signature: string,
    name: Name,
  ): Promise<IdlEvents<Multibus>[Name]> {
    const events = await eventsOf(program, signature);
    expect(events.map((event) => event.name)).to.deep.equal([name]);
    return events[0]?.data as IdlEvents<Multibus>[Name];
  }

  /** The name of the error with which the market refuses. */
  async function refusal(sending: Promise<string>): Promise<MarketError['name'] | undefined> {
    try {
      await sending;
    } catch (thrown) {
      return errorOf(program, thrown)?.name;
    }
    throw new Error('the market took what it must refuse');
  }

  async function airdrop(wallet: PublicKey, sol: number) {
    const signature = await connection.requestAirdrop(wallet, sol * LAMPORTS_PER_SOL);
    const latest = await connection.getLatestBlockhash();
    await connection.confirmTransaction({ signature, ...latest }, 'confirmed');
  }

  before('wallets and a token', async () => {
    if ((await connection.getBalance(provider.publicKey)) < 10 * LAMPORTS_PER_SOL)
      await airdrop(provider.publicKey, 20);
    await Promise.all([alice, bob, carol, dan].map(({ publicKey }) => airdrop(publicKey, 10)));
    mint = await createMint(connection, alice, alice.publicKey, null, 6);
    for (const member of [alice, carol, dan]) {
      const account = await createAssociatedTokenAccount(connection, alice, mint, member.publicKey);
      await mintTo(connection, alice, mint, account, alice, FUNDS);
      wallets.set(member.publicKey.toBase58(), account);
    }
  });

  it('creates a bus with two owners', async () => {
    await methods.creatorOpen(new BN(0)).accountsPartial({ wallet: alice.publicKey }).signers([alice]).rpc();
    const { nextBus } = await program.account.creator.fetch(addresses.creator(alice.publicKey));
    bus = addresses.bus(alice.publicKey, nextBus);
    const signature = await methods
      .busCreate(nextBus, {
        name: 'Mill Lane',
        owners: [
          { owner: alice.publicKey, shareBps: 6_000 },
          { owner: bob.publicKey, shareBps: 4_000 },
        ],
        threshold: 2,
        pauseQuorum: 1,
        listingPolicy: OPEN,
        lockFeeBps: 100,
        timelockSeconds: 0,
        horizonSeconds: 86_400,
        terms: {
          windowSeconds: 0,
          gateClosureSeconds: 0,
          settlement: 0,
          gridFeePerKwh: new BN(0),
          readingDeadlineSeconds: 0,
          correctionSeconds: 0,
        },
        capacityWh: new BN(50_000),
        basePricePerKwh: new BN(100_000),
        reservePricePerKwh: new BN(0),
        leastWh: new BN(1),
        operator: null,
        gridRecipient: null,
      })
      // The counter, the bus, its ledger and its capacity are derived from the IDL.
      .accountsPartial({
        creator: alice.publicKey,
        mint,
        treasury: addresses.treasury(bus),
        unclaimed: addresses.unclaimed(bus),
        tokenProgram: TOKEN_PROGRAM_ID,
      })
      .signers([alice])
      .rpc();
    const created = await eventOf(signature, 'busCreated');
    expect(created.bus.equals(bus)).to.equal(true);
    const account = await program.account.bus.fetch(bus);
    expect(Buffer.from(account.name.slice(0, account.nameLen)).toString()).to.equal('Mill Lane');
    expect(account.owners.slice(0, account.ownerCount).map(({ shareBps }) => shareBps)).to.deep.equal([6_000, 4_000]);
    expect(account.mint.equals(mint)).to.equal(true);
    expect(account.basePricePerKwh.toNumber()).to.equal(100_000);
  });

  it('lists energy of two sellers', async () => {
    for (const [seller, energy, price] of [
      [alice, 5_000, 200_000],
      [carol, 3_000, 150_000],
    ] as const) {
      const account = addresses.seller(bus, seller.publicKey);
      const opened = await methods
        .sellerOpen(seller.publicKey, new BN(0))
        // The mint and its program are read from the bus.
        .accountsPartial({
          payer: seller.publicKey,
          bus,
          ledger: addresses.ledger(bus),
          seller: account,
          vault: addresses.vault(account),
        })
        .signers([seller])
        .rpc();
      expect((await eventOf(opened, 'sellerOpened')).seller.equals(account)).to.equal(true);
      const { nextOffer } = await program.account.seller.fetch(account);
      const offer = addresses.offer(account, nextOffer);
      const expiresAt = new BN(Math.floor(Date.now() / 1_000) + 7_200);
      const listed = await methods
        .offerCreate(nextOffer, new BN(energy), new BN(price), expiresAt, SOLAR)
        .accountsPartial({
          lister: seller.publicKey,
          bus,
          seller: account,
          capacity: addresses.capacity(bus, new BN(0)),
        })
        .signers([seller])
        .rpc();
      expect((await eventOf(listed, 'offerCreated')).offer.equals(offer)).to.equal(true);
      offers.push(offer);
    }
    const all = await program.account.offer.all();
    const listed = all
      .filter(({ account }) => account.bus.equals(bus))
      .map(({ account }) => account.listedWh.toNumber());
    expect(listed.sort((a, b) => a - b)).to.deep.equal([3_000, 5_000]);
  });

  it('buys part of an offer, once', async () => {
    const trader = addresses.trader(dan.publicKey, 0);
    await methods.traderOpen(0, new BN(0)).accountsPartial({ wallet: dan.publicKey }).signers([dan]).rpc();
    const { nextNonce } = await program.account.trader.fetch(trader);
    const buying = () =>
      methods
        .purchase(nextNonce, new BN(1_000), new BN(1_000), new BN(200_000), 0)
        // The bus, the vault and the token program are read from the offer and the bus.
        .accountsPartial({ buyer: dan.publicKey, trader, offer: offerAt(0), payment: tokensOf(dan) })
        .signers([dan])
        .rpc();
    const bought = await eventOf(await buying(), 'energyPurchased');
    expect(bought.fills.map(({ energyWh, cost }) => [energyWh.toNumber(), cost.toNumber()])).to.deep.equal([
      [1_000, 200_000],
    ]);
    expect(await balance(dan)).to.equal(FUNDS - 200_000);
    // The lane keeps the receipt of its nonce, with the hash that the event has.
    const lane = await program.account.trader.fetch(trader);
    const receipt = lane.receipts[nextNonce.umod(new BN(16)).toNumber()];
    expect(receipt?.transactionHash).to.deep.equal(bought.transactionHash);
    expect(lane.nextNonce.sub(nextNonce).toNumber()).to.equal(1);

    expect(await refusal(buying())).to.equal('nonceMismatch');
    expect(await balance(dan)).to.equal(FUNDS - 200_000);
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
        .accountsPartial({ buyer: dan.publicKey, trader, payment: tokensOf(dan), tokenProgram: TOKEN_PROGRAM_ID })
        .remainingAccounts(batchAccounts(quoted, dan.publicKey))
        .signers([dan])
        .rpc();
    };
    const before = await balance(dan);
    const bought = await eventOf(await batch(2_000), 'energyPurchased');
    expect(bought.fills.map(({ cost }) => cost.toNumber())).to.deep.equal([400_000, 300_000]);
    expect(await balance(dan)).to.equal(before - 700_000);
    // Carol has 1,000 Wh left, so nothing of the second batch is bought.
    expect(await refusal(batch(1_500))).to.equal('energyUnavailable');
    expect(await balance(dan)).to.equal(before - 700_000);
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
        .lockTake(place, new BN(500), new BN(200_000), 0, tokensOf(dan))
        .accountsPartial({ buyer: dan.publicKey, offer, lock, payment: tokensOf(dan) })
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

    const before = await balance(dan);
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
    expect(await balance(dan)).to.equal(before + 99_000);
    expect(await program.account.lock.fetchNullable(first)).to.equal(null);
    expect(await program.account.lock.fetchNullable(second)).to.equal(null);
  });

  it('hears events as they happen', async () => {
    const offer = offerAt(0);
    const heard: { price: number; signature: string }[] = [];
    const listener = program.addEventListener('offerRepriced', (event, _slot, signature) => {
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
      const before = await balance(seller);
      await methods
        .sellerWithdraw()
        .accountsPartial({ caller: seller.publicKey, bus, seller: account, destination: tokensOf(seller) })
        .signers([seller])
        .rpc();
      earned.push((await balance(seller)) - before);
    }
    // 1,000 and 2,000 and 500 Wh at 0.20, and the fee of the lock; 2,000 Wh at 0.15.
    expect(earned).to.deep.equal([701_000, 300_000]);
    const held = await Promise.all([alice, carol, dan].map(balance));
    expect(held.reduce((sum, tokens) => sum + tokens, 0)).to.equal(3 * FUNDS);
  });
});
