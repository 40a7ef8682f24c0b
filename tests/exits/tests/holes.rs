//! The holes 1 to 9 of the audit, each as it was played against the program of before, and what must happen instead.

use {
    multibus::{error::MultibusError, state::*},
    multibus_exits::{FIRST, Net, config, mint::TokenProgram},
    solana_address::Address,
};

/// A bus of one owner, with a seller `seller` who offers 100 kWh for a day at 0.0025 tokens a kWh.
fn market(program: TokenProgram) -> (Net, Address, Address) {
    let mut net = Net::of(program, &[], |net| config(&[(net.wallet("owner"), 10_000)]));
    let seller = net.wallet("seller");
    let offer = net.seller_with_offer(&seller, 100_000, 2_500_000);
    (net, seller, offer)
}

#[test]
fn hole_1_no_seller_vetoes_a_settlement() {
    for program in TokenProgram::BOTH {
        let (mut net, seller, offer) = market(program);
        let payout = net.fund(&seller, 0);
        let (buyer, account) = net.buyer("buyer", 1_000_000_000);
        let take = net.lock_take(&buyer, &account, &offer, 0, 40_000);
        net.run(&[take]);
        let lock = net.lock(&offer, &buyer, 0);
        // Whatever the seller and the issuer do to accounts, and the owners to the bus.
        if program == TokenProgram::Token2022 {
            net.ask_memo(&payout, &seller);
        } else {
            net.close_account(&payout, &seller);
        }
        let vault = net.vault(&seller);
        net.freeze(&vault);
        net.freeze(&account);
        let owner = net.creator;
        net.decide(&owner, ProposalAction::Pause);
        net.pass(300);
        let settle = net.lock_settle(&buyer, &lock);
        net.run(&[settle]);
        assert!(!net.exists(&lock));
        let state: Offer = net.state(&offer);
        assert_eq!((state.proceeds, state.deposits, state.sold_wh()), (100_000_000, 0, 40_000));
        assert_eq!(net.state::<Trader>(&net.trader(&buyer)).total_paid, 100_000_000);
        // The seller's money is its own, once its accounts take it.
        net.thaw(&vault);
        let collect = net.offer_collect(&offer);
        net.run(&[collect]);
        let other = net.token_account("another account", &seller, 0);
        let withdraw = net.seller_withdraw(&seller, &seller, &other);
        net.run(&[withdraw]);
        assert_eq!(net.tokens(&other), 100_000_000);
    }
}

#[test]
fn hole_2_every_lock_ends_whatever_accounts_are_the_same() {
    let mut net = Net::new(|net| config(&[(net.wallet("owner"), 10_000)]));
    // The seller, the buyer and a token account are one key after the other.
    let aliased = net.wallet("aliased");
    let seller = net.wallet("seller");
    let offer = net.seller_with_offer(&seller, 100_000, 2_500_000);
    let account = net.fund(&aliased, 1_000_000_000);
    let take = net.lock_take(&aliased, &account, &offer, 0, 40_000);
    net.run(&[take]);
    // The buyer's wallet becomes a token account, owned by itself; its refund account goes away.
    net.become_token_account(&aliased);
    net.close_account(&account, &aliased);
    net.pass(301);
    let lock = net.lock(&offer, &aliased, 0);
    let stranger = net.wallet("stranger");
    let release = net.lock_release(&stranger, &lock);
    let before = net.lamports(&stranger);
    net.run(&[release]);
    assert!(before - net.lamports(&stranger) < 100_000, "who ends the lock pays no rent for its buyer");
    let claim: Claim = net.state(&net.claim(&aliased));
    assert_eq!((claim.amount, claim.wallet, claim.rent_payer), (95_000_000, aliased, aliased));
    assert_eq!(net.state::<Seller>(&net.seller(&seller)).released, 5_000_000);
    // Pulled later, by the wallet that is itself the account.
    let before = net.lamports(&aliased);
    let pay = net.claim_pay(&aliased, &aliased, &aliased);
    net.run(&[pay]);
    assert_eq!(net.tokens(&aliased), 95_000_000);
    assert!(net.lamports(&aliased) > before, "the claim's rent is back");
    // The refund account of a lock can be any account of the market: it is never paid unless it is the buyer's.
    let (buyer, account) = net.buyer("buyer", 1_000_000_000);
    let (own_lock, own_claim) = (net.lock(&offer, &buyer, 4), net.claim(&buyer));
    let strange =
        [net.vault(&seller), net.unclaimed(), offer, net.seller(&seller), own_lock, own_claim, net.bus, buyer];
    // The chain passes none of these as writable.
    let reserved = [
        solana_sdk_ids::system_program::ID,
        solana_sdk_ids::sysvar::clock::ID,
        multibus::ID,
        net.mint.program.address(),
    ];
    for (number, refund) in strange.into_iter().chain(reserved).enumerate() {
        let place = number % 8;
        let mut take = net.lock_take(&buyer, &account, &offer, place as u8, 1_000);
        let end = take.data.len() - 32;
        take.data[end..].copy_from_slice(refund.as_ref());
        net.run(&[take]);
        let release = net.lock_release(&buyer, &net.lock(&offer, &buyer, place as u8));
        net.run(&[release]);
    }
    assert_eq!(net.state::<Claim>(&net.claim(&buyer)).amount, 12 * 2_375_000);
    let pay = net.claim_pay(&stranger, &buyer, &account);
    net.run(&[pay]);
    // Everything closes.
    let cancel = net.offer_cancel(&seller, &offer);
    net.run(&[cancel]);
    assert!(!net.exists(&offer));
}

#[test]
fn hole_2_a_seller_whose_wallet_is_a_token_account_pays_itself() {
    let mut net = Net::new(|net| config(&[(net.wallet("owner"), 10_000)]));
    let seller = net.wallet("seller");
    let offer = net.seller_with_offer(&seller, 100_000, 2_500_000);
    let (buyer, account) = net.buyer("buyer", 1_000_000_000);
    let buy = net.purchase(&buyer, &account, &offer, 100_000);
    net.run(&[buy]);
    net.become_token_account(&seller);
    let cancel = net.offer_cancel(&buyer, &offer);
    net.run(&[cancel]);
    let withdraw = net.seller_withdraw(&seller, &seller, &seller);
    net.run(&[withdraw]);
    assert_eq!(net.tokens(&seller), 250_000_000);
    net.pass(1);
    let close = net.seller_close(&seller, &seller, &seller);
    net.run(&[close]);
}

#[test]
fn hole_2_a_frozen_vault_holds_up_a_refund_and_nothing_else() {
    let (mut net, seller, offer) = market(TokenProgram::SplToken);
    let (buyer, account) = net.buyer("buyer", 1_000_000_000);
    let take = net.lock_take(&buyer, &account, &offer, 0, 40_000);
    net.run(&[take]);
    let (lock, vault) = (net.lock(&offer, &buyer, 0), net.vault(&seller));
    net.freeze(&vault);
    let release = net.lock_release(&buyer, &lock);
    net.run(&[release]);
    let state: Lock = net.state(&lock);
    assert_eq!((state.state, state.energy_wh, state.deposit), (LockState::Unpaid as u8, 0, 95_000_000));
    assert_eq!(net.state::<Offer>(&offer).free_wh(), 100_000, "the energy is free");
    let stranger = net.wallet("stranger");
    let again = net.lock_release(&stranger, &lock);
    net.refuse(&[again], MultibusError::PayerFrozen);
    let settle = net.lock_settle(&buyer, &lock);
    net.refuse(&[settle], MultibusError::LockReleased);
    net.thaw(&vault);
    let again = net.lock_release(&stranger, &lock);
    net.run(&[again]);
    assert_eq!((net.tokens(&account), net.exists(&lock)), (995_000_000, false));
}

#[test]
fn hole_3_one_owner_alone_does_not_sell_the_common_energy_to_itself() {
    let mut net = Net::new(|net| {
        let (first, second) = (net.wallet("first"), net.wallet("second"));
        let operator = Some(net.wallet("operator"));
        BusConfig {
            threshold: 2,
            pause_quorum: 1,
            reserve_price_per_kwh: 2_000_000,
            operator,
            ..config(&[(first, 100), (second, 9_900)])
        }
    });
    let (first, second, operator) = (net.key("first"), net.key("second"), net.key("operator"));
    let bus = net.bus;
    let open = net.seller_open(&first, &bus);
    net.run(&[open]);
    let account = net.fund(&first, 10_000_000_000);
    let lane = net.trader_open(&first);
    net.run(&[lane]);
    let end = net.now() + 86_400;
    // Not below the reserve price, not at once, and not when it was lowered a moment ago.
    let (cheap, _) = net.offer_create(&first, &bus, 0, (1_000_000, 1_000, end));
    net.refuse(&[cheap], MultibusError::PriceBelowReserve);
    let (create, offer) = net.offer_create(&first, &bus, 0, (1_000_000, 3_000_000, end));
    net.run(&[create]);
    let buy = net.purchase(&first, &account, &offer, 1_000);
    net.refuse(std::slice::from_ref(&buy), MultibusError::OfferNotYetTrading);
    let batch = net.purchase_batch(&first, &account, &[(offer, 1_000)]);
    net.refuse(&[batch], MultibusError::OfferNotYetTrading);
    let lock = net.lock_take(&first, &account, &offer, 0, 1_000);
    net.refuse(&[lock], MultibusError::OfferNotYetTrading);
    net.pass(120);
    net.run(&[buy]);
    let lower = net.offer_reprice(&first, &offer, 2_000_000);
    let too_low = net.offer_reprice(&first, &offer, 1_999_999);
    net.refuse(&[too_low], MultibusError::PriceBelowReserve);
    let buy = net.purchase(&first, &account, &offer, 1_000);
    net.refuse(&[lower.clone(), buy.clone()], MultibusError::OfferNotYetTrading);
    net.run(&[lower]);
    net.pass(119);
    net.refuse(&[buy], MultibusError::OfferNotYetTrading);
    // Time for the others and the operator to withdraw it.
    let cancel = net.offer_cancel(&operator, &offer);
    net.run(&[cancel]);
    assert!(!net.exists(&offer));
    let (create, offer) = net.offer_create(&first, &bus, 0, (1_000, 2_000_000, end));
    net.run(&[create]);
    // Another owner alone spoils no listing, but where the pause quorum has paused the bus, it withdraws.
    let cancel = net.offer_cancel(&second, &offer);
    net.refuse(std::slice::from_ref(&cancel), MultibusError::OfferStillTrading);
    net.decide(&second, ProposalAction::Pause);
    net.run(&[cancel]);
    // What was sold goes to the treasury and nowhere else.
    let seller: Seller = net.state(&net.seller(&bus));
    assert_eq!(seller.released, 3_000_000);
    let steal = net.seller_withdraw(&first, &bus, &account);
    net.refuse(&[steal], MultibusError::WithdrawNotToTreasury);
    let treasury = net.treasury();
    let stranger = net.wallet("stranger");
    let withdraw = net.seller_withdraw(&stranger, &bus, &treasury);
    net.run(&[withdraw]);
    let claim = net.treasury_claim(&first, &first, &account);
    let before = net.tokens(&account);
    net.run(&[claim]);
    assert_eq!(net.tokens(&account) - before, 30_000);
}

#[test]
fn hole_4_no_leftover_decision_is_executed() {
    let mut net = Net::new(|net| {
        let (first, second) = (net.wallet("first"), net.wallet("second"));
        let thirty_days = 30 * 86_400;
        BusConfig {
            timelock_seconds: thirty_days,
            threshold: 2,
            pause_quorum: 1,
            ..config(&[(first, 5_000), (second, 5_000)])
        }
    });
    let (first, second, stranger) = (net.key("first"), net.key("second"), net.wallet("stranger"));
    let (create, leftover) = net.proposal_create(&first, ProposalAction::Pause);
    net.run(&[create]);
    net.pass(30 * 86_400 + 1);
    let execute = net.proposal_execute(&stranger, &leftover);
    net.refuse(&[execute], MultibusError::ProposalExpired);
    let close = net.proposal_close(&stranger, &leftover);
    net.run(&[close]);
    // Two pauses are proposed, one is executed; a resume that was approved before it is stale after the next pause.
    let (create, one) = net.proposal_create(&first, ProposalAction::Pause);
    net.run(&[create]);
    let (create, other) = net.proposal_create(&second, ProposalAction::Pause);
    net.run(&[create]);
    let execute = net.proposal_execute(&stranger, &one);
    net.run(&[execute]);
    let (create, resume) = net.proposal_create(&first, ProposalAction::Resume);
    net.run(&[create]);
    let (create, spare) = net.proposal_create(&second, ProposalAction::Resume);
    net.run(&[create]);
    for (owner, proposal) in [(&second, &resume), (&first, &spare)] {
        let approve = net.proposal_approve(owner, proposal);
        net.run(&[approve]);
    }
    net.pass(30 * 86_400);
    let execute = net.proposal_execute(&stranger, &resume);
    net.run(&[execute]);
    let late = net.proposal_execute(&stranger, &other);
    net.refuse(&[late], MultibusError::ProposalStale);
    let (create, again) = net.proposal_create(&first, ProposalAction::Pause);
    net.run(&[create]);
    let execute = net.proposal_execute(&stranger, &again);
    net.run(&[execute]);
    let at_once = net.proposal_execute(&stranger, &spare);
    net.refuse(&[at_once], MultibusError::ProposalStale);
    for proposal in [other, one, resume, spare, again] {
        let close = net.proposal_close(&stranger, &proposal);
        net.run(&[close]);
    }
    // An approval names what was read.
    let (create, proposal) = net.proposal_create(&first, ProposalAction::TimelockSet { timelock_seconds: 1 });
    net.run(&[create]);
    let mut approve = net.proposal_approve(&second, &proposal);
    approve.data[5] ^= 1;
    net.refuse(&[approve], MultibusError::ProposalChanged);
}

#[test]
fn hole_5_no_dead_offer_stops_the_market() {
    let (mut net, _, offer) = market(TokenProgram::SplToken);
    // The cheapest offer, whose seller closes its account, and one of the buyer's own making.
    let dead = net.wallet("dead");
    let payout = net.fund(&dead, 0);
    let cheapest = net.seller_with_offer(&dead, 1, 1_000);
    net.close_account(&payout, &dead);
    let (buyer, account) = net.buyer("buyer", 1_000_000_000);
    let batch = net.purchase_batch(&buyer, &account, &[(cheapest, 1), (offer, 1_000)]);
    net.run(&[batch]);
    assert_eq!(net.tokens(&net.vault(&dead)), 1);
    // A seller who may no longer list is withdrawn by the owners.
    let other = net.seller_with_offer(&dead, 10_000, 1_000_000);
    let owner = net.creator;
    let cancel = net.offer_cancel(&owner, &other);
    net.refuse(std::slice::from_ref(&cancel), MultibusError::OfferStillTrading);
    net.decide(&owner, ProposalAction::SellerSuspend { wallet: dead });
    net.run(&[cancel]);
    let (create, _) = net.offer_create(&dead, &dead, 0, (1, 1_000, net.now() + 10));
    net.refuse(&[create], MultibusError::SellerSuspended);
}

#[test]
fn hole_6_nobody_uses_up_a_number_that_another_needs() {
    let mut net = Net::new(|net| {
        let (first, second) = (net.wallet("first"), net.wallet("second"));
        BusConfig { threshold: 2, ..config(&[(first, 5_000), (second, 5_000)]) }
    });
    let (first, second) = (net.key("first"), net.key("second"));
    // Signed for one number; the other owner and other sellers take theirs before it lands.
    let (signed, proposal) = net.proposal_create(&first, ProposalAction::TimelockSet { timelock_seconds: 9 });
    for _ in 0..3 {
        let (create, _) = net.proposal_create(&second, ProposalAction::TimelockSet { timelock_seconds: 1 });
        net.run(&[create]);
    }
    net.run(&[signed]);
    assert_eq!(net.state::<Proposal>(&proposal).number, FIRST);
    let (one, other) = (net.wallet("one"), net.wallet("other"));
    for wallet in [one, other] {
        let open = net.seller_open(&wallet, &wallet);
        net.run(&[open]);
    }
    let (signed, offer) = net.offer_create(&one, &one, 0, (10, 2_000_000, net.now() + 1_000));
    for _ in 0..3 {
        let (create, _) = net.offer_create(&other, &other, 0, (10, 2_000_000, net.now() + 1_000));
        net.run(&[create]);
    }
    net.run(std::slice::from_ref(&signed));
    assert_eq!(net.state::<Offer>(&offer).number, FIRST);
    // No number comes twice, not even after the account was closed and opened again.
    let cancel = net.offer_cancel(&one, &offer);
    net.run(&[cancel]);
    net.refuse(&[signed], MultibusError::NumberNotNext);
    let account = net.fund(&one, 0);
    let close = net.seller_close(&one, &one, &account);
    net.refuse(std::slice::from_ref(&close), MultibusError::CounterBusy);
    net.pass(1);
    net.run(&[close]);
    let open = net.seller_open(&one, &one);
    net.run(&[open]);
    assert!(net.state::<Seller>(&net.seller(&one)).next_offer > FIRST + 1);
    // Lamports that somebody sends to an address block nothing.
    let third = net.wallet("third");
    let payer = net.payer;
    let gifts = [net.seller(&third), net.vault(&third), net.offer(&third, FIRST), net.claim(&third)]
        .map(|address| solana_system_interface::instruction::transfer(&payer, &address, 5_000_000));
    net.run(&gifts);
    let open = net.seller_open(&third, &third);
    net.run(&[open]);
}

#[test]
fn hole_7_nobody_squats_on_capacity() {
    let mut net = Net::new(|net| {
        let owner = net.wallet("owner");
        let operator = Some(net.wallet("operator"));
        BusConfig {
            window_seconds: 3_600,
            gate_closure_seconds: 600,
            horizon_seconds: 7 * 86_400,
            operator,
            ..config(&[(owner, 10_000)])
        }
    });
    let (owner, operator, stranger) = (net.creator, net.key("operator"), net.wallet("stranger"));
    let hour = |net: &Net, ahead: i64| (net.now() / 3_600 + ahead) * 3_600;
    // Not a year ahead, only one horizon.
    let far = net.capacity_open(&stranger, hour(&net, 24 * 7 + 1));
    net.refuse(&[far], MultibusError::WindowTooFar);
    let start = hour(&net, 24 * 7);
    let open = net.capacity_open(&stranger, start);
    net.run(&[open]);
    net.decide(&owner, ProposalAction::CapacitySet { capacity_wh: 1_000 });
    let seller = net.wallet("seller");
    let open = net.seller_open(&seller, &seller);
    net.run(&[open]);
    let too_much = net.offer_create(&seller, &seller, start, (1_001, 2_000_000, start - 600)).0;
    net.refuse(&[too_much], MultibusError::CapacityExceeded);
    let (create, offer) = net.offer_create(&seller, &seller, start, (1_000, u64::MAX / 2_000_000, start - 600));
    net.run(&[create]);
    let capacity: Capacity = net.state(&net.capacity(start));
    assert_eq!((capacity.total_wh, capacity.available_wh, capacity.committed_wh), (1_000, 0, 1_000));
    // All that is left, at an absurd price: the seller is suspended and its energy withdrawn.
    let suspend = net.seller_suspend(&operator, &seller);
    net.run(&[suspend]);
    let cancel = net.offer_cancel(&operator, &offer);
    net.run(&[cancel]);
    assert_eq!(net.state::<Capacity>(&net.capacity(start)).available_wh, 1_000);
    let close = net.seller_close(&seller, &seller, &seller);
    net.refuse(&[close], MultibusError::SellerSuspended);
    // A window that nobody uses is closed by its payer or an owner at any time, and by anyone after its gate.
    let close = net.capacity_close(&seller, start, &stranger);
    net.refuse(std::slice::from_ref(&close), MultibusError::WindowUnused);
    for caller in [stranger, owner] {
        let close = net.capacity_close(&caller, start, &stranger);
        let before = net.svm.clone();
        net.run(&[close]);
        net.svm = before;
    }
    net.pass(start - 600 - net.now());
    net.run(&[close]);
}

#[test]
fn hole_8_no_lock_holds_perishable_energy_until_the_gate() {
    let (mut net, seller, offer) = market(TokenProgram::SplToken);
    let (buyer, account) = net.buyer("buyer", 1_000_000_000);
    let end = net.now() + 86_400;
    let shorten = net.offer_set_expiry(&seller, &offer, net.now() + 599);
    net.run(&[shorten]);
    let take = net.lock_take(&buyer, &account, &offer, 0, 1_000);
    net.refuse(std::slice::from_ref(&take), MultibusError::LockOutlivesOffer);
    let lengthen = net.offer_set_expiry(&seller, &offer, net.now() + 600);
    net.run(&[lengthen, take]);
    let shorten = net.offer_set_expiry(&seller, &offer, net.now() + 599);
    net.refuse(&[shorten], MultibusError::ExpiryBeforeLocks);
    // At most eight of one buyer.
    let lengthen = net.offer_set_expiry(&seller, &offer, end);
    net.run(&[lengthen]);
    for place in 1..8 {
        let take = net.lock_take(&buyer, &account, &offer, place, 1_000);
        net.run(&[take]);
    }
    let ninth = net.lock_take(&buyer, &account, &offer, 8, 1_000);
    net.refuse(&[ninth], MultibusError::LockPlaceInvalid);
}

#[test]
fn hole_9_anyone_closes_a_cancelled_offer_whose_lock_has_ended() {
    let (mut net, seller, offer) = market(TokenProgram::SplToken);
    let (buyer, account) = net.buyer("buyer", 1_000_000_000);
    let take = net.lock_take(&buyer, &account, &offer, 0, 1_000);
    net.run(&[take]);
    let cancel = net.offer_cancel(&seller, &offer);
    net.run(&[cancel]);
    assert!(net.exists(&offer));
    net.pass(301);
    let stranger = net.wallet("stranger");
    let release = net.lock_release(&stranger, &net.lock(&offer, &buyer, 0));
    net.run(&[release]);
    let close = net.offer_cancel(&stranger, &offer);
    net.run(&[close]);
    assert!(!net.exists(&offer));
    assert_eq!(net.state::<Capacity>(&net.capacity(0)).available_wh, 1_000_000);
}

/// From a bus in use to a tombstone, by strangers alone, while those who are owed make themselves unpayable.
#[test]
fn a_bus_is_wound_down_by_strangers_and_everybody_pulls_what_it_is_owed() {
    let mut net = Net::new(|net| {
        let (first, second) = (net.wallet("first"), net.wallet("second"));
        BusConfig { timelock_seconds: 10, ..config(&[(first, 3_333), (second, 6_667)]) }
    });
    let (first, second, stranger) = (net.key("first"), net.key("second"), net.wallet("stranger"));
    let bus = net.bus;
    let seller = net.wallet("seller");
    let offer = net.seller_with_offer(&seller, 100_000, 2_500_000);
    let open = net.seller_open(&first, &bus);
    net.run(&[open]);
    let (create, own) = net.offer_create(&first, &bus, 0, (100_000, 2_500_000, net.now() + 86_400));
    net.run(&[create]);
    net.pass(120);
    let (buyer, account) = net.buyer("buyer", 1_000_000_000);
    let batch = net.purchase_batch(&buyer, &account, &[(offer, 10_000), (own, 10_001)]);
    net.run(&[batch]);
    let take = net.lock_take(&buyer, &account, &offer, 3, 10_000);
    net.run(&[take]);
    net.close_account(&account, &buyer);
    let (create, close_bus) = net.proposal_create(&second, ProposalAction::BusClose);
    net.run(&[create]);
    let (create, stale) = net.proposal_create(&first, ProposalAction::Pause);
    net.run(&[create]);
    let owners = [first, second];
    let early = net.bus_close(&stranger, &owners);
    net.refuse(&[early], MultibusError::BusNotClosing);
    net.pass(10);
    let execute = net.proposal_execute(&stranger, &close_bus);
    net.run(&[execute]);
    let in_use = net.bus_close(&stranger, &owners);
    net.refuse(&[in_use], MultibusError::BusInUse);
    let (create, _) = net.offer_create(&seller, &seller, 0, (1, 2_500_000, net.now() + 10));
    net.refuse(&[create], MultibusError::BusClosing);
    let later = net.offer_set_expiry(&seller, &offer, net.now() + 2 * 86_400);
    net.refuse(&[later], MultibusError::BusClosing);
    let late = net.wallet("late");
    let open = net.seller_open(&late, &late);
    net.refuse(&[open], MultibusError::BusClosing);
    // Gifts arrive everywhere.
    let (vault, own_vault) = (net.vault(&seller), net.vault(&bus));
    for account in [vault, own_vault, net.treasury(), net.unclaimed()] {
        net.gift(&account, 7);
    }
    net.pass(86_400);
    let release = net.lock_release(&stranger, &net.lock(&offer, &buyer, 3));
    net.run(&[release]);
    for offer in [offer, own] {
        let cancel = net.offer_cancel(&stranger, &offer);
        net.run(&[cancel]);
    }
    for proposal in [close_bus, stale] {
        let close = net.proposal_close(&stranger, &proposal);
        net.run(&[close]);
    }
    let close = net.seller_close(&stranger, &seller, &net.ata_of(&seller));
    net.run(&[close]);
    let close = net.seller_close(&stranger, &bus, &net.treasury());
    net.run(&[close]);
    assert!(!net.exists(&vault) && !net.exists(&own_vault));
    let missing = net.bus_close(&stranger, &[first]);
    net.refuse(&[missing], MultibusError::OwnerClaimsMissing);
    let creator_before = net.lamports(&first);
    let close = net.bus_close(&stranger, &owners);
    net.run(&[close]);
    assert!(net.lamports(&first) > creator_before);
    assert!(!net.exists(&net.treasury()) && !net.exists(&net.ledger()) && !net.exists(&net.capacity(0)));
    let stone: Tombstone = net.state(&bus);
    assert_eq!(stone.open_claims, 4);
    // 25,002,500 of the bus's own sale, and four gifts of 7.
    let divided = 25_002_500 + 28;
    let shares = [first, second].map(|owner| net.state::<Claim>(&net.claim(&owner)).amount);
    assert_eq!(shares.iter().sum::<u64>(), divided);
    assert_eq!(shares[1], divided * 6_667 / 10_000);
    assert_eq!(net.state::<Claim>(&net.claim(&seller)).amount, 25_000_000 + 1_250_000);
    assert_eq!(net.state::<Claim>(&net.claim(&buyer)).amount, 23_750_000);
    // Years later.
    net.pass(5 * 365 * 86_400);
    net.gift(&stone.unclaimed, 3);
    let mut paid = 0;
    for wallet in [buyer, seller, second, first] {
        let account = net.fund(&wallet, 0);
        let pay = net.claim_pay(&stranger, &wallet, &account);
        net.run(&[pay]);
        paid += net.tokens(&account);
    }
    assert_eq!(paid, divided + 26_250_000 + 23_750_000 + 3);
    assert!(!net.exists(&stone.unclaimed));
    assert_eq!(net.state::<Tombstone>(&bus).open_claims, 0);
    // Nothing opens on a tombstone, and no other bus gets its address.
    let create = net.bus_create(FIRST, config(&[(first, 10_000)]));
    net.fails(&[create]);
}
