//! An account is replaced by another valid one of its type, but of another bus, offer, lane or number. For an account
//! that is created: an address of its seeds with another bump.

use {
    crate::fixture::{Fixture, account_names, account_of, fixture, instruction_of, is_unread, type_at},
    multibus::{constants::*, error::MultibusError, instruction::LockTake, state::ProposalAction},
    multibus_tests::{
        BusOptions, Buyer, LaneAddress, Refusal, SellerAddresses, chain::FIRST, delivery::solar, instructions::*,
        key::pda, market::lock_take,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::collections::BTreeSet,
};

/// The program signs for the address of its own seeds, and for no other.
const UNSIGNED: Refusal = Refusal::Instruction(InstructionError::PrivilegeEscalation);
const SEEDS: Refusal = Refusal::Instruction(InstructionError::InvalidSeeds);

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn an_account_of_another_bus_offer_lane_or_number_is_rejected_in_every_place() {
    refuses!(substituted_address: every);
    let Fixture {
        mut market,
        instructions,
        old,
        start,
        one,
        locked,
        open,
        member,
        spare,
        operator,
        deliveries,
        auctions,
        ..
    } = fixture();
    let (bus, buyer, seller, payment) = (market.bus, market.buyer, market.seller, market.payment);
    // A thief with a bus in the same token, a window of it, a seller account and an offer on both, a proposal, and a lane
    // and a lock on the other bus.
    let mint = bus.mint;
    let (thief, thiefs_tokens, lane) = market.chain.buyer("thief", &mint);
    let other = market.create_bus(&thief, &mint, &BusOptions::new(&thief).windowed());
    market.execute(&[capacity_open(&other, &thief, start), capacity_open(&bus, &thief, start + 1_800)]);
    let (window_there, next_window) = (other.window(start), bus.window(start + 1_800));
    let (there, here) = (market.open_seller(&other, &thief), market.open_seller(&bus, &thief));
    let first = market.slot() << 20;
    let options = OfferOptions::new(0).number(first).expires(start - 60);
    let elsewhere = market.create_offer(&other, window_there, &thief, options);
    let beside = market.create_offer(&bus, next_window, &thief, options);
    let proposal = market.propose(&other, &thief, ProposalAction::CapacitySet { capacity_wh: 7 });
    market.execute(&[lock_take(&locked, &thief, 0, thiefs_tokens, 1), lock_take(&beside, &buyer, 0, payment, 1)]);
    let (thiefs_lock, lock_beside) = (pda::lock(&locked.address, &thief, 0).0, pda::lock(&beside.address, &buyer, 0).0);
    let unborn = multibus_tests::BusAddresses::of(&thief, first + 1, mint);
    // The thief's own claim on this bus.
    let accounts = lock_take_accounts(&one, &thief, 1, thiefs_tokens);
    let refund = Address::new_from_array([7; 32]);
    let take = LockTake { place: 1, energy_wh: 1, max_price_per_kwh: u64::MAX, expected_version: 0, refund };
    market.execute(&[take.to_instruction(accounts)]);
    let release = market.release(&one, &thief, &thief, 1);
    market.execute(&[release]);
    let thiefs_claim = bus.claim(&thief);
    let own = bus.seller(&seller);
    let free = LaneAddress::of(&buyer, 3).address;
    // The thief on the bus with deliveries, too: a seller with a meter and a book, and a position of the buyer's in that.
    let d = deliveries;
    let rival = market.open_seller(&d.bus, &thief);
    let (rivals_key, unused) = (market.key("rival's device"), market.key("unused key"));
    let window = d.window + 12 * 3_600;
    let register = meter_register(&rival, &operator, &rivals_key, solar(1_000));
    market.execute(&[register, capacity_open(&d.bus, &thief, window)]);
    let options = OfferOptions::new(0).number(first).energy(100).expires(window - 60);
    let rivals = market.create_offer(&d.bus, d.bus.window(window), &thief, options);
    let rivals_book = rivals.book.expect("on delivery terms");
    let rivals_device = pda::device(&rivals_key).0;
    let buyers = d.book.position(&buyer).address;
    // The thief on the bus with auctions, too: a bid and a clearing.
    let a = auctions;
    let thief_buys = Buyer { wallet: thief, payment: thiefs_tokens, lane };
    let (create, thiefs_bid) = market.bidding(&a.bus, a.windows[3], &thief_buys, 500, 30_000);
    let thiefs_clearing = a.bus.clearing(a.windows[2], &thief);
    market.execute(&[create, clearing_open(&thiefs_clearing, 1, 2)]);
    let window_of = |index: usize| a.bus.window(a.windows[index]);
    let at = |seller: &SellerAddresses, range| pda::certificate(&seller.address, d.window, range).0;

    use MultibusError::*;
    let cases: Vec<(&str, &str, Address, Refusal)> = vec![
        ("creator_open", "creator", pda::creator(&buyer).0, SEEDS),
        ("creator_open", "creator", pda::creator(&thief).0, SEEDS),
        ("bus_create", "counter", pda::creator(&thief).0, SEEDS),
        ("bus_create", "bus", unborn.address, SEEDS),
        ("bus_create", "bus", other.address, SEEDS),
        ("bus_create", "ledger", unborn.ledger, SEEDS),
        ("bus_create", "ledger", other.ledger, SEEDS),
        ("bus_create", "capacity", unborn.capacity, SEEDS),
        ("bus_create", "treasury", unborn.treasury, SEEDS),
        ("bus_create", "treasury", other.treasury, SEEDS),
        ("bus_create", "escrow", unborn.escrow, SEEDS),
        ("bus_create", "escrow", other.escrow, SEEDS),
        ("bus_close", "escrow", other.escrow, EscrowMismatch.into()),
        ("bus_close", "escrow", spare.treasury, EscrowMismatch.into()),
        ("bus_create", "unclaimed", unborn.unclaimed, SEEDS),
        ("bus_create", "unclaimed", other.unclaimed, SEEDS),
        ("bus_close", "bus", other.address, BusNotClosing.into()),
        ("bus_close", "ledger", other.ledger, CapacityMismatch.into()),
        ("bus_close", "general", other.capacity, CapacityMismatch.into()),
        ("bus_close", "treasury", other.treasury, TreasuryMismatch.into()),
        ("bus_close", "treasury", spare.unclaimed, TreasuryMismatch.into()),
        ("bus_close", "unclaimed", other.unclaimed, UnclaimedMismatch.into()),
        ("bus_close", "creator", thief, RentPayerMismatch.into()),
        ("bus_close", "owner_claim", spare.claim(&thief), ClaimMismatch.into()),
        ("capacity_open", "bus", other.address, LedgerMismatch.into()),
        ("capacity_open", "ledger", other.ledger, LedgerMismatch.into()),
        ("capacity_open", "capacity", window_there, CapacityMismatch.into()),
        ("capacity_open", "capacity", next_window, CapacityMismatch.into()),
        ("capacity_open", "capacity", other.window(start + 900), SEEDS),
        ("capacity_close", "bus", other.address, BusMismatch.into()),
        ("capacity_close", "ledger", other.ledger, LedgerMismatch.into()),
        ("capacity_close", "capacity", window_there, BusMismatch.into()),
        ("capacity_close", "capacity", next_window, RentPayerMismatch.into()),
        ("seller_open", "bus", other.address, LedgerMismatch.into()),
        ("seller_open", "ledger", other.ledger, LedgerMismatch.into()),
        ("seller_open", "seller", here.address, SellerMismatch.into()),
        ("seller_open", "seller", bus.seller(&buyer).address, SellerMismatch.into()),
        ("seller_open", "vault", here.vault, VaultMismatch.into()),
        ("seller_open", "vault", bus.seller(&buyer).vault, VaultMismatch.into()),
        ("seller_admit", "bus", other.address, LedgerMismatch.into()),
        ("seller_admit", "ledger", other.ledger, LedgerMismatch.into()),
        ("seller_admit", "seller", here.address, SellerMismatch.into()),
        ("seller_admit", "seller", there.address, SellerMismatch.into()),
        ("seller_admit", "seller", bus.seller(&buyer).address, SellerMismatch.into()),
        ("seller_admit", "vault", here.vault, VaultMismatch.into()),
        ("seller_suspend", "bus", other.address, NotTheOperator.into()),
        ("seller_suspend", "seller", there.address, SellerMismatch.into()),
        ("seller_withdraw", "bus", other.address, BusMismatch.into()),
        ("seller_withdraw", "seller", there.address, BusMismatch.into()),
        ("seller_withdraw", "seller", here.address, VaultMismatch.into()),
        ("seller_withdraw", "vault", here.vault, VaultMismatch.into()),
        ("seller_withdraw", "vault", bus.treasury, VaultMismatch.into()),
        ("seller_close", "bus", other.address, BusMismatch.into()),
        ("seller_close", "ledger", other.ledger, LedgerMismatch.into()),
        ("seller_close", "seller", there.address, BusMismatch.into()),
        ("seller_close", "seller", here.address, VaultMismatch.into()),
        ("seller_close", "vault", here.vault, VaultMismatch.into()),
        ("seller_close", "treasury", other.treasury, TreasuryMismatch.into()),
        ("seller_close", "treasury", bus.unclaimed, TreasuryMismatch.into()),
        ("seller_close", "unclaimed", other.unclaimed, UnclaimedMismatch.into()),
        ("offer_create", "bus", other.address, BusMismatch.into()),
        ("offer_create", "capacity", window_there, CapacityMismatch.into()),
        ("offer_create", "seller", here.address, SEEDS),
        ("offer_create", "seller", there.address, SEEDS),
        ("offer_create", "offer", elsewhere.address, SEEDS),
        ("offer_create", "offer", one.address, SEEDS),
        ("offer_reprice", "bus", other.address, BusMismatch.into()),
        ("offer_reprice", "offer", elsewhere.address, BusMismatch.into()),
        ("offer_reprice", "offer", beside.address, NotTheSeller.into()),
        ("offer_set_expiry", "bus", other.address, BusMismatch.into()),
        ("offer_set_expiry", "seller", here.address, SellerMismatch.into()),
        ("offer_set_expiry", "seller", there.address, SellerMismatch.into()),
        ("offer_set_expiry", "offer", elsewhere.address, BusMismatch.into()),
        ("offer_set_expiry", "offer", beside.address, SellerMismatch.into()),
        ("offer_collect", "offer", beside.address, SellerMismatch.into()),
        ("offer_collect", "seller", here.address, SellerMismatch.into()),
        ("offer_collect", "seller", there.address, SellerMismatch.into()),
        ("offer_cancel", "bus", other.address, BusMismatch.into()),
        ("offer_cancel", "capacity", window_there, CapacityMismatch.into()),
        ("offer_cancel", "capacity", next_window, CapacityMismatch.into()),
        ("offer_cancel", "capacity", bus.capacity, CapacityMismatch.into()),
        ("offer_cancel", "seller", here.address, SellerMismatch.into()),
        ("offer_cancel", "seller", there.address, SellerMismatch.into()),
        ("offer_cancel", "offer", elsewhere.address, BusMismatch.into()),
        ("offer_cancel", "offer", beside.address, CapacityMismatch.into()),
        ("purchase", "trader", lane.address, TraderMismatch.into()),
        ("purchase", "bus", other.address, BusMismatch.into()),
        ("purchase", "offer", elsewhere.address, BusMismatch.into()),
        ("purchase", "offer", beside.address, VaultMismatch.into()),
        ("purchase", "vault", here.vault, VaultMismatch.into()),
        ("purchase_batch", "trader", lane.address, TraderMismatch.into()),
        ("purchase_batch", "bus", other.address, BusMismatch.into()),
        ("purchase_batch", "offer", elsewhere.address, BusMismatch.into()),
        ("purchase_batch", "offer", beside.address, VaultMismatch.into()),
        ("purchase_batch", "vault", here.vault, VaultMismatch.into()),
        ("lock_take", "bus", other.address, BusMismatch.into()),
        ("lock_take", "offer", elsewhere.address, SEEDS),
        ("lock_take", "offer", beside.address, SEEDS),
        ("lock_take", "lock", thiefs_lock, SEEDS),
        ("lock_take", "lock", lock_beside, SEEDS),
        ("lock_take", "vault", here.vault, VaultMismatch.into()),
        ("lock_take", "vault", bus.treasury, VaultMismatch.into()),
        ("lock_settle", "trader", lane.address, TraderMismatch.into()),
        ("lock_settle", "offer", one.address, LockOfferMismatch.into()),
        ("lock_settle", "offer", beside.address, LockOfferMismatch.into()),
        ("lock_settle", "lock", thiefs_lock, LockBuyerMismatch.into()),
        ("lock_settle", "lock", lock_beside, LockOfferMismatch.into()),
        ("lock_release", "bus", other.address, BusMismatch.into()),
        ("lock_release", "offer", one.address, LockOfferMismatch.into()),
        ("lock_release", "offer", beside.address, LockOfferMismatch.into()),
        ("lock_release", "lock", thiefs_lock, LockBuyerMismatch.into()),
        ("lock_release", "lock", lock_beside, LockOfferMismatch.into()),
        ("lock_release", "seller", here.address, SellerMismatch.into()),
        ("lock_release", "seller", there.address, SellerMismatch.into()),
        ("lock_release", "vault", here.vault, VaultMismatch.into()),
        ("lock_release", "vault", bus.treasury, VaultMismatch.into()),
        ("lock_release", "refund", thiefs_tokens, RefundMismatch.into()),
        ("trader_open", "trader", lane.address, SEEDS),
        ("trader_open", "trader", LaneAddress::of(&thief, 2).address, SEEDS),
        ("trader_open", "trader", free, SEEDS),
        ("trader_close", "trader", lane.address, TraderMismatch.into()),
        ("proposal_create", "bus", other.address, SEEDS),
        ("proposal_create", "ledger", other.ledger, LedgerMismatch.into()),
        ("proposal_create", "proposal", proposal, SEEDS),
        ("proposal_create", "proposal", bus.proposal(&seller, FIRST + 3), SEEDS),
        ("proposal_approve", "bus", other.address, BusMismatch.into()),
        ("proposal_approve", "proposal", proposal, BusMismatch.into()),
        ("proposal_revoke", "bus", other.address, BusMismatch.into()),
        ("proposal_revoke", "proposal", proposal, BusMismatch.into()),
        ("proposal_execute", "bus", other.address, BusMismatch.into()),
        ("proposal_execute", "ledger", other.ledger, LedgerMismatch.into()),
        ("proposal_execute", "general", other.capacity, CapacityMismatch.into()),
        ("proposal_execute", "general", next_window, CapacityMismatch.into()),
        ("proposal_execute", "proposal", proposal, BusMismatch.into()),
        ("proposal_execute", "treasury", other.treasury, TreasuryMismatch.into()),
        ("proposal_execute", "treasury", bus.unclaimed, TreasuryMismatch.into()),
        ("proposal_close", "bus", other.address, BusMismatch.into()),
        ("proposal_close", "ledger", other.ledger, LedgerMismatch.into()),
        ("proposal_close", "proposal", proposal, BusMismatch.into()),
        ("treasury_claim", "bus", other.address, LedgerMismatch.into()),
        ("treasury_claim", "ledger", other.ledger, LedgerMismatch.into()),
        ("treasury_claim", "treasury", other.treasury, TreasuryMismatch.into()),
        ("treasury_claim", "treasury", bus.unclaimed, TreasuryMismatch.into()),
        ("treasury_claim", "unclaimed", other.unclaimed, UnclaimedMismatch.into()),
        ("claim_pay", "bus", other.address, BusMismatch.into()),
        ("claim_pay", "ledger", other.ledger, LedgerMismatch.into()),
        ("claim_pay", "claim", thiefs_claim, ClaimMismatch.into()),
        ("claim_pay", "wallet", thief, ClaimMismatch.into()),
        ("claim_pay", "unclaimed", other.unclaimed, UnclaimedMismatch.into()),
        ("claim_pay", "unclaimed", bus.treasury, UnclaimedMismatch.into()),
        ("grid_sweep", "bus", other.address, BusMismatch.into()),
        ("grid_sweep", "seller", here.address, BusMismatch.into()),
        ("grid_sweep", "seller", rival.address, VaultMismatch.into()),
        ("grid_sweep", "vault", rival.vault, VaultMismatch.into()),
        ("grid_sweep", "vault", d.bus.treasury, VaultMismatch.into()),
        ("grid_sweep", "destination", thiefs_tokens, PayeeMismatch.into()),
        ("grid_sweep", "unclaimed", other.unclaimed, UnclaimedMismatch.into()),
        ("meter_register", "bus", other.address, BusMismatch.into()),
        ("meter_register", "seller", here.address, BusMismatch.into()),
        ("meter_register", "seller", rival.address, MeterExists.into()),
        ("meter_register", "meter", here.meter(), SEEDS),
        ("meter_register", "meter", rival.meter(), SEEDS),
        ("meter_register", "device", rivals_device, SEEDS),
        ("meter_register", "device", pda::device(&unused).0, SEEDS),
        ("meter_replace", "bus", other.address, BusMismatch.into()),
        ("meter_replace", "meter", rival.meter(), DeviceMismatch.into()),
        ("meter_replace", "retired", rivals_device, DeviceMismatch.into()),
        ("meter_replace", "retired", pda::device(&d.retired).0, DeviceMismatch.into()),
        ("meter_replace", "device", pda::device(&unused).0, SEEDS),
        ("meter_replace", "device", rivals_device, SEEDS),
        ("meter_close", "bus", other.address, BusMismatch.into()),
        ("meter_close", "seller", rival.address, SellerMismatch.into()),
        ("meter_close", "meter", rival.meter(), SellerMismatch.into()),
        ("meter_close", "device", rivals_device, DeviceMismatch.into()),
        ("meter_close", "device", pda::device(&d.retired).0, DeviceMismatch.into()),
        ("device_close", "device", rivals_device, DeviceInUse.into()),
        ("position_open", "bus", other.address, BusMismatch.into()),
        ("position_open", "book", rivals_book.address, SEEDS),
        ("position_open", "book", d.old_book.address, SEEDS),
        ("position_open", "position", buyers, SEEDS),
        ("position_open", "position", d.book.position(&thief).address, SEEDS),
        ("position_set_refund", "position", buyers, PositionMismatch.into()),
        ("position_set_refund", "bus", other.address, BusMismatch.into()),
        ("position_set_refund", "book", rivals_book.address, BookMismatch.into()),
        ("position_set_refund", "book", d.old_book.address, BookMismatch.into()),
        ("position_close", "bus", other.address, BusMismatch.into()),
        ("position_close", "book", rivals_book.address, BookMismatch.into()),
        ("position_close", "position", buyers, RefundMismatch.into()),
        ("position_close", "vault", rival.vault, VaultMismatch.into()),
        ("position_close", "vault", d.bus.treasury, VaultMismatch.into()),
        ("position_close", "refund", thiefs_tokens, RefundMismatch.into()),
        ("delivery_report", "book", rivals_book.address, WindowNotListed.into()),
        ("delivery_report", "evidence", other.address, BusMismatch.into()),
        ("delivery_release", "book", rivals_book.address, SellerMismatch.into()),
        ("delivery_release", "seller", rival.address, SellerMismatch.into()),
        ("delivery_refund", "bus", other.address, BusMismatch.into()),
        ("delivery_refund", "book", rivals_book.address, BookMismatch.into()),
        ("delivery_refund", "position", buyers, RefundMismatch.into()),
        ("delivery_refund", "vault", rival.vault, VaultMismatch.into()),
        ("delivery_refund", "vault", d.bus.treasury, VaultMismatch.into()),
        ("delivery_refund", "refund", thiefs_tokens, RefundMismatch.into()),
        ("delivery_close", "bus", other.address, BusMismatch.into()),
        ("delivery_close", "seller", rival.address, SellerMismatch.into()),
        ("delivery_close", "book", rivals_book.address, SellerMismatch.into()),
        ("certificate_take", "book", rivals_book.address, WindowNotFinal.into()),
        ("certificate_take", "book", d.old_book.address, WindowNotInBook.into()),
        ("certificate_take", "holding", d.book.position(&d.patron.wallet).address, PositionMismatch.into()),
        ("certificate_take", "holding", rival.address, PositionMismatch.into()),
        ("certificate_take", "holding", d.producer.address, NotTheSeller.into()),
        ("certificate_take", "certificate", d.certificate, CertificateMismatch.into()),
        ("certificate_take", "certificate", at(&rival, 400), CertificateMismatch.into()),
        ("certificate_transfer", "certificate", d.granted, NotTheCertificateOwner.into()),
        ("certificate_transfer", "part", d.granted, CertificateMismatch.into()),
        ("certificate_transfer", "part", at(&d.producer, 151), CertificateMismatch.into()),
        ("certificate_retire", "certificate", d.granted, NotTheCertificateOwner.into()),
        ("bid_create", "trader", lane.address, TraderMismatch.into()),
        ("bid_create", "bus", other.address, BusMismatch.into()),
        ("bid_create", "capacity", window_there, BusMismatch.into()),
        ("bid_create", "bid", thiefs_bid.address, UNSIGNED),
        ("bid_create", "bid", a.bid.address, UNSIGNED),
        ("bid_create", "escrow", other.escrow, EscrowMismatch.into()),
        ("bid_create", "escrow", a.bus.treasury, EscrowMismatch.into()),
        ("bid_cancel", "bus", other.address, BusMismatch.into()),
        ("bid_cancel", "capacity", window_of(1), CapacityMismatch.into()),
        ("bid_cancel", "bid", thiefs_bid.address, BidBuyerMismatch.into()),
        ("bid_cancel", "escrow", other.escrow, EscrowMismatch.into()),
        ("bid_cancel", "escrow", a.bus.unclaimed, EscrowMismatch.into()),
        ("bid_settle", "bus", other.address, BusMismatch.into()),
        ("bid_settle", "capacity", window_of(0), CapacityMismatch.into()),
        ("bid_settle", "bid", thiefs_bid.address, CapacityMismatch.into()),
        ("bid_settle", "buyer", thief, BidBuyerMismatch.into()),
        ("bid_settle", "escrow", other.escrow, EscrowMismatch.into()),
        ("bid_settle", "escrow", a.bus.treasury, EscrowMismatch.into()),
        ("bid_settle", "refund", thiefs_tokens, RefundMismatch.into()),
        ("ask_settle", "bus", other.address, BusMismatch.into()),
        ("ask_settle", "capacity", window_of(0), CapacityMismatch.into()),
        ("ask_settle", "offer", a.delivered.address, CapacityMismatch.into()),
        ("ask_settle", "offer", elsewhere.address, BusMismatch.into()),
        ("ask_settle", "vault", d.producer.vault, VaultMismatch.into()),
        ("ask_settle", "escrow", other.escrow, EscrowMismatch.into()),
        ("ask_settle", "book", d.book.address, BookMismatch.into()),
        ("clearing_open", "capacity", window_of(1), AuctionNotFixed.into()),
        ("clearing_open", "clearing", thiefs_clearing.address, SEEDS),
        ("clearing_open", "clearing", a.useless.address, SEEDS),
        ("clearing_tally", "clearing", thiefs_clearing.address, ClearingMismatch.into()),
        ("clearing_tally", "order", thiefs_bid.address, OrderForeign.into()),
        ("clearing_tally", "order", one.address, OrderForeign.into()),
        ("clearing_apply", "clearing", thiefs_clearing.address, ClearingMismatch.into()),
        ("clearing_apply", "clearing", a.useless.address, CapacityMismatch.into()),
        ("clearing_apply", "capacity", window_of(1), CapacityMismatch.into()),
        ("clearing_apply", "clearer", thief, ClearingMismatch.into()),
        ("clearing_close", "capacity", window_of(2), CapacityMismatch.into()),
        ("clearing_close", "clearing", thiefs_clearing.address, CapacityMismatch.into()),
        ("clearing_close", "clearer", thief, ClearingMismatch.into()),
        ("pool_report", "bus", other.address, BusMismatch.into()),
        ("pool_report", "capacity", window_there, CapacityMismatch.into()),
        ("pool_report", "capacity", window_of(3), NothingToReport.into()),
        ("pool_report", "seller", d.producer.address, SellerMismatch.into()),
        ("pool_report", "book", d.book.address, BusMismatch.into()),
        ("pool_report", "vault", d.producer.vault, VaultMismatch.into()),
        ("pool_report", "escrow", other.escrow, EscrowMismatch.into()),
        ("pool_report", "escrow", a.bus.treasury, EscrowMismatch.into()),
    ];
    assert!(market.exists(&open) && market.exists(&bus.window(old)) && own.vault != member.vault);
    let tried: BTreeSet<(&str, &str)> = cases.iter().map(|(name, account, ..)| (*name, *account)).collect();
    for (name, account, address, refusal) in cases {
        let mut wrong = instruction_of(&instructions, name).clone();
        let index = account_names(name).iter().position(|other| other == account).expect("an account of the name");
        wrong.accounts[index].pubkey = address;
        println!("{name}: {account}");
        market.assert_refused(&[wrong], refusal);
    }
    // No place of an address that follows from seeds was left out.
    for (name, instruction) in &instructions {
        for (account, meta) in account_names(name).iter().zip(&instruction.accounts) {
            let of_the_bus = [
                bus.unclaimed,
                bus.treasury,
                own.vault,
                member.vault,
                d.producer.vault,
                a.bus.escrow,
                a.producer.vault,
            ]
            .contains(&meta.pubkey);
            if is_unread(name, account) {
                continue;
            }
            let is_created = !meta.is_signer && !market.exists(&meta.pubkey);
            if of_the_bus || is_created || type_at(&market, &meta.pubkey).is_some() {
                assert!(tried.contains(&(*name, account.as_str())), "{name}: {account} is not tried");
            }
        }
    }
}

#[test]
fn an_address_with_another_bump_is_rejected_wherever_an_account_is_created() {
    refuses!(
        substituted_address: creator_open, bus_create, bus_close, capacity_open, seller_open, seller_admit, offer_create,
        lock_take, trader_open, proposal_create, meter_register, meter_replace, position_open, certificate_take,
        certificate_transfer, clearing_open
    );
    let Fixture { mut market, instructions, start, one, spare, deliveries, auctions, .. } = fixture();
    let (bus, seller, buyer) = (market.bus, market.seller, market.buyer);
    let unborn = account_of(&instructions, "bus_create", "bus");
    let wallet = |name: &str, account: &str| account_of(&instructions, name, account);
    let (newcomer, guest) = (wallet("creator_open", "wallet"), market.key("guest"));
    let (seller_to_open, admitted) = (wallet("seller_open", "seller"), wallet("seller_admit", "seller"));
    let own = bus.seller(&seller).address;
    let number = market.next_offer().to_le_bytes();
    let proposed = market.next_proposal(&bus, &seller).to_le_bytes();
    let (book, producer, window) = (deliveries.book.address, deliveries.producer.address, deliveries.window);
    let certificate = |range_start: u64| {
        seeds(&[CERTIFICATE_SEED, producer.as_ref(), &window.to_le_bytes(), &range_start.to_le_bytes()])
    };
    let created: Vec<(&str, &str, Vec<Vec<u8>>)> = vec![
        ("creator_open", "creator", seeds(&[CREATOR_SEED, newcomer.as_ref()])),
        ("bus_create", "bus", seeds(&[BUS_SEED, seller.as_ref(), &(FIRST + 4).to_le_bytes()])),
        ("bus_create", "ledger", seeds(&[LEDGER_SEED, unborn.as_ref()])),
        ("bus_create", "capacity", seeds(&[CAPACITY_SEED, unborn.as_ref(), &0i64.to_le_bytes()])),
        ("bus_create", "treasury", seeds(&[TREASURY_SEED, unborn.as_ref()])),
        ("bus_create", "unclaimed", seeds(&[UNCLAIMED_SEED, unborn.as_ref()])),
        ("bus_create", "escrow", seeds(&[ESCROW_SEED, unborn.as_ref()])),
        (
            "clearing_open",
            "clearing",
            seeds(&[
                CLEARING_SEED,
                auctions.bus.window(auctions.windows[2]).as_ref(),
                wallet("clearing_open", "clearer").as_ref(),
            ]),
        ),
        ("bus_close", "owner_claim", seeds(&[CLAIM_SEED, spare.address.as_ref(), seller.as_ref()])),
        ("capacity_open", "capacity", seeds(&[CAPACITY_SEED, bus.address.as_ref(), &(start + 900).to_le_bytes()])),
        ("seller_open", "seller", seeds(&[SELLER_SEED, bus.address.as_ref(), newcomer.as_ref()])),
        ("seller_open", "vault", seeds(&[VAULT_SEED, seller_to_open.as_ref()])),
        ("seller_admit", "seller", seeds(&[SELLER_SEED, bus.address.as_ref(), guest.as_ref()])),
        ("seller_admit", "vault", seeds(&[VAULT_SEED, admitted.as_ref()])),
        ("offer_create", "offer", seeds(&[OFFER_SEED, own.as_ref(), &number])),
        ("lock_take", "lock", seeds(&[LOCK_SEED, one.address.as_ref(), buyer.as_ref(), &[0]])),
        ("trader_open", "trader", seeds(&[TRADER_SEED, buyer.as_ref(), &2u16.to_le_bytes()])),
        ("proposal_create", "proposal", seeds(&[PROPOSAL_SEED, bus.address.as_ref(), seller.as_ref(), &proposed])),
        ("meter_register", "meter", seeds(&[METER_SEED, wallet("meter_register", "seller").as_ref()])),
        ("meter_register", "device", seeds(&[DEVICE_SEED, wallet("meter_register", "key").as_ref()])),
        ("meter_replace", "device", seeds(&[DEVICE_SEED, wallet("meter_replace", "key").as_ref()])),
        (
            "position_open",
            "position",
            seeds(&[POSITION_SEED, book.as_ref(), wallet("position_open", "payer").as_ref()]),
        ),
        ("certificate_take", "certificate", certificate(400)),
        ("certificate_transfer", "part", certificate(150)),
    ];
    for (name, account, seeds) in created {
        let index = account_names(name).iter().position(|other| other == account).expect("an account of the name");
        let good = instruction_of(&instructions, name);
        let mut addresses = addresses(&seeds);
        assert_eq!(addresses.next(), Some(good.accounts[index].pubkey), "{name}: {account}: the seeds are these");
        for address in addresses.take(3) {
            let mut wrong: Instruction = good.clone();
            wrong.accounts[index].pubkey = address;
            println!("{name}: {account}");
            let refusal: Refusal = match (name, account) {
                ("bus_close", _) => MultibusError::ClaimMismatch.into(),
                ("certificate_take" | "certificate_transfer", _) => MultibusError::CertificateMismatch.into(),
                ("seller_open" | "seller_admit", "seller") => MultibusError::SellerMismatch.into(),
                ("seller_open" | "seller_admit", _) => MultibusError::VaultMismatch.into(),
                _ => SEEDS,
            };
            market.assert_refused(&[wrong], refusal);
        }
    }
}

fn seeds(seeds: &[&[u8]]) -> Vec<Vec<u8>> {
    seeds.iter().map(|seed| seed.to_vec()).collect()
}

/// The addresses of seeds, from the highest bump down: the first is the one that the program uses.
fn addresses(seeds: &[Vec<u8>]) -> impl Iterator<Item = Address> {
    (0..=u8::MAX).rev().filter_map(move |bump| {
        let bump = [bump];
        let all: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).chain([&bump[..]]).collect();
        Address::create_program_address(&all, &multibus::ID).ok()
    })
}
