/** Delivery terms: what a buyer pays waits until it is known what was delivered. */

import { BN } from '@anchor-lang/core';
import { Keypair, PublicKey } from '@solana/web3.js';
import { expect } from 'chai';

import { addresses, bookAccounts } from '../multibus';
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
  SOLAR,
  travelTo,
  waitUntil,
  type Tokens,
} from '../support';

/** The shortest window, and the shortest time for corrections, in seconds. */
const WINDOW = 60;
const HOUR = 3_600;
/** Numbers of the IDL's enums `SettlementTime` and `ReadingProof`. */
const ON_DELIVERY = 1;
const BY_OPERATOR = 2;

describe('deliveries', () => {
  const { methods } = program;
  /** Alice owns the bus and is its operator. Carol sells, Dan buys. */
  const [alice, carol, dan] = [Keypair.generate(), Keypair.generate(), Keypair.generate()];
  let tokens: Tokens;
  let bus: PublicKey;
  let seller: PublicKey;
  let windowStart: number;
  let offer: PublicKey;
  let book: PublicKey;
  let position: PublicKey;

  const listed = () => list(carol, bus, windowStart, { energyWh: 5_000, pricePerKwh: 200_000, expiresAt: windowStart });
  const report = (energyWh: number, sequence: number) =>
    methods
      .deliveryReport(new BN(windowStart), new BN(energyWh), new BN(sequence), BY_OPERATOR)
      // The evidence of the operator is the bus, which names it.
      .accountsPartial({ reporter: alice.publicKey, book, evidence: bus })
      .signers([alice])
      .rpc();

  before('a bus on delivery terms', async () => {
    tokens = await found([alice, carol, dan]);
    const config = busConfig(alice.publicKey);
    bus = await createBus(alice, tokens.mint, {
      ...config,
      operator: alice.publicKey,
      terms: {
        ...config.terms,
        windowSeconds: WINDOW,
        settlement: ON_DELIVERY,
        gridFeePerKwh: new BN(50_000),
        readingDeadlineSeconds: HOUR,
        correctionSeconds: HOUR,
      },
    });
    seller = await openSeller(carol, bus);
    await openLane(dan);
    windowStart = (Math.floor((await now()) / WINDOW) + 2) * WINDOW;
    await openWindow(alice, bus, windowStart);
  });

  it('lists what a registered meter can deliver', async () => {
    expect(await refusal(listed())).to.equal('meterMissing');
    // 5 kWh in a minute. The device signs, too, so that nobody registers a key that is not his.
    const device = Keypair.generate();
    const registered = await methods
      .meterRegister(SOLAR, new BN(300_000), new BN(0))
      .accountsPartial({
        operator: alice.publicKey,
        key: device.publicKey,
        seller,
        meter: addresses.meter(seller),
        device: addresses.device(device.publicKey),
      })
      .signers([alice, device])
      .rpc();
    expect((await eventOf(registered, 'meterRegistered')).key.equals(device.publicKey)).to.equal(true);
    offer = await listed();
    // The offer names the delivery book, which the first listing opened.
    ({ book } = await program.account.offer.fetch(offer));
    expect((await program.account.deliveryBook.fetch(book)).seller.equals(seller)).to.equal(true);
  });

  it('sells into the books of seller and buyer', async () => {
    const trader = addresses.trader(dan.publicKey, 0);
    const account = await program.account.offer.fetch(offer);
    const { nextNonce } = await program.account.trader.fetch(trader);
    // The buyer's book is opened once for 96 windows, by anyone.
    position = addresses.position(book, dan.publicKey);
    const opened = await methods
      .positionOpen(dan.publicKey)
      .accountsPartial({ payer: dan.publicKey, book, position })
      .signers([dan])
      .rpc();
    expect((await eventOf(opened, 'positionOpened')).position.equals(position)).to.equal(true);
    const buying = await methods
      .purchase(nextNonce, new BN(4_000), new BN(4_000), account.fullPricePerKwh, account.version)
      .accountsPartial({ buyer: dan.publicKey, trader, offer, payment: tokens.of(dan) })
      .remainingAccounts(bookAccounts(account, dan.publicKey))
      .signers([dan])
      .rpc();
    const bought = await eventOf(buying, 'energyPurchased');
    expect(bought.fills.map(({ energyWh, cost }) => [energyWh.toNumber(), cost.toNumber()])).to.deep.equal([
      [4_000, 1_000_000],
    ]);
    expect(await tokens.balance(dan)).to.equal(FUNDS - 1_000_000);
    const { windows } = await program.account.positionBook.fetch(position);
    expect(windows[account.bookPlace]?.energyWh.toNumber()).to.equal(4_000);
  });

  it('takes the reading of the operator once the window has ended', async function () {
    this.timeout(180_000);
    expect(await refusal(report(3_000, 1))).to.equal('readingTooEarly');
    if (!(await travelTo(windowStart + WINDOW))) await waitUntil(windowStart + WINDOW);
    const reported = await eventOf(await report(3_000, 1), 'deliveryReported');
    expect([reported.energyWh.toNumber(), reported.reporter.equals(alice.publicKey)]).to.deep.equal([3_000, true]);
    const { bookPlace } = await program.account.offer.fetch(offer);
    const { windows } = await program.account.deliveryBook.fetch(book);
    expect(windows[bookPlace]?.deliveredWh.toNumber()).to.equal(3_000);
    const early = methods.deliveryRelease().accountsPartial({ book }).rpc();
    expect(await refusal(early)).to.equal('nothingToRelease');
  });

  it('pays the seller for what was delivered, and the buyer back for the rest', async function () {
    // Readings are final after an hour at the earliest, for which only a simulated network need not wait.
    if (!(await travelTo((await now()) + HOUR))) this.skip();
    const released = await methods.deliveryRelease().accountsPartial({ book }).rpc();
    const { amount, gridFee } = await eventOf(released, 'deliveryReleased');
    expect([amount.toNumber(), gridFee.toNumber()]).to.deep.equal([600_000, 150_000]);
    const refunded = await methods.deliveryRefund().accountsPartial({ position }).rpc();
    expect((await eventOf(refunded, 'deliveryRefunded')).amount.toNumber()).to.equal(250_000);
    expect(await tokens.balance(dan)).to.equal(FUNDS - 750_000);
    await methods
      .sellerWithdraw()
      .accountsPartial({ caller: carol.publicKey, seller, destination: tokens.of(carol) })
      .signers([carol])
      .rpc();
    expect(await tokens.balance(carol)).to.equal(FUNDS + 600_000);
  });
});
