//! The holes 1 to 9 of the audit, each as it was played against an earlier program, and what must happen instead; exits
//! that somebody tries to block, on both token programs and in wrapped SOL; and buses that strangers wind down.

use {
    multibus::{
        error::MultibusError,
        state::{self, BusConfig, LockState, OwnerShare, ProposalAction},
    },
    multibus_tests::{
        BusOptions, Mint, OfferAddresses, TestChain, TestMarket, TokenProgram,
        chain::FIRST,
        instructions::*,
        key::{keypair, pda},
        market::{BUYER_TOKENS, lock_take},
    },
    solana_address::Address,
    solana_signer::Signer,
    std::slice::from_ref,
};

/// A market with a lock fee of 5 % whose bus is as `change` makes it, and a seller who offers 100 kWh at 2.5.
fn market(program: TokenProgram, change: impl FnOnce(&mut BusConfig)) -> (TestMarket, OfferAddresses) {
    let mut market = TestMarket::with(program, |options| {
        options.with(|config| {
            (config.lock_fee_bps, config.base_price_per_kwh) = (500, 1_000);
            change(config);
        })
    });
    let offer = market.offer_with(|options| options.energy(100_000).price(2_500_000));
    (market, offer)
}

fn address(name: &str) -> Address {
    keypair(name).pubkey()
}

#[test]
fn hole_1_no_seller_vetoes_a_settlement() {
    withstands!(blocked_exit: lock_settle, offer_collect, purchase, purchase_batch, lock_take);
    for program in TokenProgram::BOTH {
        let (mut market, offer) = market(program, |_| ());
        let (bus, mint, seller, payout, payment) =
            (market.bus, market.bus.mint, market.seller, market.payout, market.payment);
        market.lock(&offer, 40_000);
        // Whatever the seller and the issuer do to accounts, and the owners to the bus.
        if program == TokenProgram::Token2022 {
            market.ask_memo(&mint, &payout, &seller);
        } else {
            market.close_token_account(&mint, &payout, &seller);
        }
        market.buy(&offer, 1_000);
        let batch = market.batch(&[(offer, 1_000)]);
        market.execute(&[batch]);
        let vault = market.vault;
        market.freeze(&mint, &vault);
        market.freeze(&mint, &payment);
        market.decide(&bus, ProposalAction::Pause);
        market.pass(300);
        market.execute(&[offer_cancel(&offer, &seller)]);
        let settle = market.lock_settle(&offer);
        market.execute(&[settle]);
        let state = market.offer_state(&offer);
        assert_eq!((state.proceeds, state.deposits, state.sold_wh()), (100_000_000, 0, 42_000));
        // The seller's money is its own, once its accounts take it.
        market.thaw(&mint, &vault);
        let other = market.token_account("another account", &mint, &seller, 0);
        let withdraw = seller_withdraw(&bus.seller(&seller), &seller, other);
        market.execute(&[offer_collect(&offer), withdraw]);
        assert_eq!(market.tokens(&other), 105_000_000);
    }
}

#[test]
fn hole_2_every_lock_ends_whatever_accounts_are_the_same() {
    withstands!(blocked_exit: lock_release, claim_pay, offer_cancel);
    for program in TokenProgram::BOTH {
        let (mut market, offer) = market(program, |_| ());
        let (bus, mint, seller, stranger) = (market.bus, market.bus.mint, market.seller, market.wallet("stranger"));
        // The buyer's wallet becomes a token account, owned by itself; its refund account goes away.
        let (aliased, account, _) = market.chain.buyer("aliased", &mint);
        market.execute(&[lock_take(&offer, &aliased, 0, account, 40_000)]);
        market.become_token_account(&mint, &aliased);
        market.close_token_account(&mint, &account, &aliased);
        market.pass(301);
        let lamports = market.lamports(&stranger);
        let release = market.release(&offer, &stranger, &aliased, 0);
        market.execute(&[release]);
        assert_eq!(market.lamports(&stranger), lamports, "who ends the lock pays no rent for its buyer");
        let claim: state::Claim = market.state(&bus.claim(&aliased));
        assert_eq!((claim.amount, claim.wallet, claim.rent_payer), (95_000_000, aliased, aliased));
        assert_eq!(market.seller_state(&bus.seller(&seller)).released, 5_000_000);
        // Pulled later, by the wallet that is itself the account.
        let pay = market.claim_payment(&bus, &aliased, &aliased, aliased);
        market.execute(&[pay]);
        assert_eq!(market.tokens(&aliased), 95_000_000);
        market.execute(&[offer_cancel(&offer, &seller)]);
        assert!(!market.exists(&offer.address));
    }
}

#[test]
fn hole_2_a_seller_whose_wallet_is_a_token_account_pays_itself() {
    withstands!(blocked_exit: seller_withdraw, seller_close, offer_cancel);
    for program in TokenProgram::BOTH {
        let (mut market, _) = market(program, |_| ());
        let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
        let wallet = market.wallet("member");
        let member = market.open_seller(&bus, &wallet);
        let offer = market.create_offer(&bus, bus.capacity, &wallet, OfferOptions::new(0));
        market.buy(&offer, 10_000);
        market.become_token_account(&mint, &wallet);
        market.execute(&[offer_cancel(&offer, &stranger)]);
        market.execute(&[seller_withdraw(&member, &wallet, wallet)]);
        assert_eq!(market.tokens(&wallet), 2_500_000);
        market.pass(1);
        market.execute(&[seller_close(&member, &wallet, wallet, &wallet)]);
        assert!(!market.exists(&member.address));
    }
}

#[test]
fn hole_2_a_frozen_vault_holds_up_a_refund_and_nothing_else() {
    refuses!(blocked_exit: lock_release);
    for program in TokenProgram::BOTH {
        let (mut market, offer) = market(program, |_| ());
        let (mint, vault, buyer, stranger) = (market.bus.mint, market.vault, market.buyer, market.wallet("stranger"));
        let lock = market.lock(&offer, 40_000);
        market.freeze(&mint, &vault);
        let release = market.lock_release(&offer, &buyer);
        market.execute(&[release]);
        let state: state::Lock = market.state(&lock);
        assert_eq!((state.state, state.energy_wh, state.deposit), (LockState::Unpaid as u8, 0, 95_000_000));
        assert_eq!(market.offer_state(&offer).free_wh(), 100_000, "the energy is free");
        let again = market.lock_release(&offer, &stranger);
        market.assert_refused(from_ref(&again), MultibusError::PayerFrozen);
        let settle = market.lock_settle(&offer);
        market.assert_refused(&[settle], MultibusError::LockReleased);
        market.thaw(&mint, &vault);
        market.execute(&[again]);
        assert_eq!((market.tokens(&market.payment), market.exists(&lock)), (995_000_000, false));
    }
}

#[test]
fn hole_3_one_owner_alone_does_not_sell_the_common_energy_to_itself() {
    let operator = address("operator");
    let (mut market, owners) = TestMarket::owned_by(2, 2, |config| {
        config.owners[0].share_bps = 100;
        config.owners[1].share_bps = 9_900;
        (config.base_price_per_kwh, config.reserve_price_per_kwh) = (1_000, 2_000_000);
        config.operator = Some(operator);
    });
    market.wallet("operator");
    let (bus, mint, first, second) = (market.bus, market.bus.mint, owners[0], owners[1]);
    let own = market.open_own_seller(&bus, &first);
    let account = market.token_account("first's tokens", &mint, &first, 10_000_000_000);
    let lane = market.open_lane(&first, 0);
    let list = |energy_wh, price, index| OfferOptions::new(index).energy(energy_wh).price(price);
    // Not below the reserve price, not at once, and not when it was lowered a moment ago.
    let cheap = offer_create_for_bus(&bus, bus.capacity, &first, list(1_000_000, 1_000, 0));
    market.assert_refused(&[cheap], MultibusError::PriceBelowReserve);
    let offer = market.create_offer_for_bus(&bus, bus.capacity, &first, list(1_000_000, 3_000_000, 0));
    let buy = |market: &TestMarket| batch(&lane, account, market.nonce(&lane), &[(offer, 1_000)]);
    let bought = buy(&market);
    market.assert_refused(from_ref(&bought), MultibusError::OfferNotYetTrading);
    market.assert_refused(&[lock_take(&offer, &first, 0, account, 1_000)], MultibusError::OfferNotYetTrading);
    market.pass(120);
    market.execute(&[bought]);
    let lower = offer_reprice(&offer, &first, 2_000_000);
    market.assert_refused(&[offer_reprice(&offer, &first, 1_999_999)], MultibusError::PriceBelowReserve);
    let bought = buy(&market);
    market.assert_refused(&[lower.clone(), bought.clone()], MultibusError::OfferNotYetTrading);
    market.execute(&[lower]);
    market.pass(119);
    market.assert_refused(&[bought], MultibusError::OfferNotYetTrading);
    // Time for the operator to withdraw it, and for the others once they have paused the bus.
    market.execute(&[offer_cancel(&offer, &operator)]);
    assert!(!market.exists(&offer.address));
    let offer = market.create_offer_for_bus(&bus, bus.capacity, &first, list(1_000, 2_000_000, 1));
    market.assert_refused(&[offer_cancel(&offer, &second)], MultibusError::OfferStillTrading);
    market.set_paused(&bus, true);
    market.execute(&[offer_cancel(&offer, &second)]);
    // What was sold goes to the treasury and nowhere else.
    assert_eq!(market.seller_state(&own).released, 3_000_000);
    market.assert_refused(&[seller_withdraw(&own, &first, account)], MultibusError::WithdrawNotToTreasury);
    let stranger = market.wallet("stranger");
    market.execute(&[seller_withdraw(&own, &stranger, bus.treasury)]);
    let before = market.tokens(&account);
    market.execute(&[treasury_claim(&bus, &first, account)]);
    assert_eq!(market.tokens(&account) - before, 30_000);
}

#[test]
fn hole_4_no_leftover_decision_is_executed() {
    refuses!(approval: proposal_execute, proposal_approve);
    const DAYS_30: i64 = 30 * 86_400;
    let (mut market, owners) = TestMarket::owned_by(2, 2, |config| {
        (config.timelock_seconds, config.pause_quorum) = (DAYS_30 as u32, 1);
    });
    let (bus, first, second, stranger) = (market.bus, owners[0], owners[1], market.wallet("stranger"));
    let close = |market: &mut TestMarket, proposal: Address| {
        let proposer = market.proposal_state(&proposal).proposer;
        market.execute(&[proposal_close(&bus, proposal, &stranger, &proposer)]);
    };
    let leftover = market.propose(&bus, &first, ProposalAction::Pause);
    market.pass(DAYS_30 + 1);
    market.assert_refused(&[proposal_execute(&bus, leftover, &stranger)], MultibusError::ProposalExpired);
    close(&mut market, leftover);
    // Two pauses are proposed, one is executed; a resume that was approved before it is stale after the next pause.
    let one = market.propose(&bus, &first, ProposalAction::Pause);
    let other = market.propose(&bus, &second, ProposalAction::Pause);
    market.execute(&[proposal_execute(&bus, one, &stranger)]);
    let resume = market.propose(&bus, &first, ProposalAction::Resume);
    let spare = market.propose(&bus, &second, ProposalAction::Resume);
    for (owner, proposal) in [(second, resume), (first, spare)] {
        market.execute(&[market.approval(&bus, proposal, &owner)]);
    }
    market.pass(DAYS_30);
    market.execute(&[proposal_execute(&bus, resume, &stranger)]);
    market.assert_refused(&[proposal_execute(&bus, other, &stranger)], MultibusError::ProposalStale);
    let again = market.propose(&bus, &first, ProposalAction::Pause);
    market.execute(&[proposal_execute(&bus, again, &stranger)]);
    market.assert_refused(&[proposal_execute(&bus, spare, &stranger)], MultibusError::ProposalStale);
    for proposal in [other, one, resume, spare, again] {
        close(&mut market, proposal);
    }
    // An approval names what was read.
    let proposal = market.propose(&bus, &first, ProposalAction::TimelockSet { timelock_seconds: 1 });
    let mut approve = market.approval(&bus, proposal, &second);
    approve.data[5] ^= 1;
    market.assert_refused(&[approve], MultibusError::ProposalChanged);
}

#[test]
fn hole_5_no_dead_offer_stops_the_market() {
    withstands!(blocked_exit: purchase_batch, offer_cancel);
    for program in TokenProgram::BOTH {
        let (mut market, offer) = market(program, |_| ());
        let (bus, mint, owner) = (market.bus, market.bus.mint, market.seller);
        // The cheapest offer, whose seller closes its account; and one that the buyer could have made itself.
        let dead = market.wallet("dead");
        let seller = market.open_seller(&bus, &dead);
        let payout = market.token_account("dead's payout", &mint, &dead, 0);
        let cheapest = market.create_offer(&bus, bus.capacity, &dead, OfferOptions::new(0).energy(1).price(1_000));
        market.close_token_account(&mint, &payout, &dead);
        market.become_token_account(&mint, &dead);
        let batch = market.batch(&[(cheapest, 1), (offer, 1_000)]);
        market.execute(&[batch]);
        assert_eq!(market.tokens(&seller.vault), 1);
        // A seller who may no longer list is withdrawn by the owners.
        let other = market.wallet("other");
        market.open_seller(&bus, &other);
        let others = market.create_offer(&bus, bus.capacity, &other, OfferOptions::new(0));
        market.assert_refused(&[offer_cancel(&others, &owner)], MultibusError::OfferStillTrading);
        market.decide(&bus, ProposalAction::SellerSuspend { wallet: other });
        market.execute(&[offer_cancel(&others, &owner)]);
        let create = offer_create(&bus, bus.capacity, &other, OfferOptions::new(1));
        market.assert_refused(&[create], MultibusError::SellerSuspended);
    }
}

#[test]
fn hole_6_nobody_uses_up_a_number_that_another_needs() {
    refuses!(replay: offer_create);
    let (mut market, owners) = TestMarket::owned_by(2, 2, |_| ());
    let (bus, first, second) = (market.bus, owners[0], owners[1]);
    // Signed for one number; the other owner and other sellers take theirs before it lands.
    let (signed, proposal) = market.proposal(&bus, &first, ProposalAction::TimelockSet { timelock_seconds: 9 });
    for _ in 0..3 {
        market.propose(&bus, &second, ProposalAction::TimelockSet { timelock_seconds: 1 });
    }
    market.execute(&[signed]);
    assert_eq!(market.proposal_state(&proposal).number, FIRST);
    let (one, other) = (market.wallet("one"), market.wallet("other"));
    let own = market.open_seller(&bus, &one);
    market.open_seller(&bus, &other);
    let signed = offer_create(&bus, bus.capacity, &one, OfferOptions::new(0));
    for index in 0..3 {
        market.create_offer(&bus, bus.capacity, &other, OfferOptions::new(index));
    }
    market.execute(from_ref(&signed));
    let offer = OfferAddresses::of(&own, bus.capacity, FIRST, &one);
    assert_eq!(market.offer_state(&offer).number, FIRST);
    // No number comes twice, not even after the account was closed and opened again.
    market.execute(&[offer_cancel(&offer, &one)]);
    market.assert_refused(&[signed], MultibusError::NumberNotNext);
    let account = market.token_account("one's tokens", &bus.mint, &one, 0);
    let close = seller_close(&own, &one, account, &one);
    market.assert_refused(from_ref(&close), MultibusError::CounterBusy);
    market.pass(1);
    market.execute(&[close, seller_open(&own, &one)]);
    assert!(market.chain.next_offer(&own) > FIRST + 1);
    // Lamports that somebody sends to an address block nothing.
    let third = market.wallet("third");
    let seller = bus.seller(&third);
    let payer = market.fee_payer;
    let addresses = [seller.address, seller.vault, pda::offer(&seller.address, FIRST).0, bus.claim(&third)];
    let gifts = addresses.map(|to| solana_system_interface::instruction::transfer(&payer, &to, 5_000_000));
    market.arrange(&gifts);
    market.open_seller(&bus, &third);
}

#[test]
fn hole_7_nobody_squats_on_capacity() {
    let operator = address("operator");
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| {
            (config.terms.window_seconds, config.terms.gate_closure_seconds) = (3_600, 600);
            (config.horizon_seconds, config.operator) = (7 * 86_400, Some(operator));
        })
    });
    market.wallet("operator");
    let (bus, owner, stranger) = (market.bus, market.seller, market.wallet("stranger"));
    let hour = |market: &TestMarket, ahead: i64| (market.now() / 3_600 + ahead) * 3_600;
    // Not a year ahead, only one horizon.
    let far = hour(&market, 24 * 7 + 1);
    market.assert_refused(&[capacity_open(&bus, &stranger, far)], MultibusError::WindowTooFar);
    let start = hour(&market, 24 * 7);
    market.execute(&[capacity_open(&bus, &stranger, start)]);
    market.decide(&bus, ProposalAction::CapacitySet { capacity_wh: 1_000 });
    let wallet = market.wallet("member");
    let member = market.open_seller(&bus, &wallet);
    let list = |energy_wh, price| {
        let options = OfferOptions::new(0).energy(energy_wh).price(price).expires(start - 600);
        offer_create(&bus, bus.window(start), &wallet, options)
    };
    market.assert_refused(&[list(1_001, 2_000_000)], MultibusError::CapacityExceeded);
    market.execute(&[list(1_000, u64::MAX / 2_000_000)]);
    let offer = OfferAddresses::of(&member, bus.window(start), FIRST, &wallet);
    let capacity = market.capacity_state(&bus.window(start));
    assert_eq!((capacity.total_wh, capacity.available_wh, capacity.committed_wh), (1_000, 0, 1_000));
    // All that is left, at an absurd price: the seller is suspended and its energy withdrawn.
    market.execute(&[seller_suspend(&member, &operator)]);
    market.execute(&[offer_cancel(&offer, &operator)]);
    assert_eq!(market.capacity_state(&bus.window(start)).available_wh, 1_000);
    let close = seller_close(&member, &wallet, wallet, &wallet);
    market.assert_refused(&[close], MultibusError::SellerSuspended);
    // A window that nobody uses is closed by its payer, an owner or the operator at any time, by anyone after its gate.
    let close = |caller: &Address| capacity_close(&bus, start, caller, &stranger);
    market.assert_refused(&[close(&wallet)], MultibusError::WindowUnused);
    for caller in [stranger, owner, operator] {
        let before = market.snapshot();
        market.execute(&[close(&caller)]);
        market.restore(before);
    }
    market.go_to(start - 600);
    market.execute(&[close(&wallet)]);
}

#[test]
fn hole_8_no_lock_holds_perishable_energy_until_the_gate() {
    refuses!(lock_expiry: lock_take, offer_set_expiry);
    let (mut market, offer) = market(TokenProgram::SplToken, |_| ());
    let (seller, now) = (market.seller, market.now());
    let end = market.offer_state(&offer).expires_at;
    market.execute(&[offer_set_expiry(&offer, &seller, now + 599)]);
    let take = market.lock_take(&offer, 1_000);
    market.assert_refused(from_ref(&take), MultibusError::LockOutlivesOffer);
    market.execute(&[offer_set_expiry(&offer, &seller, now + 600), take]);
    market.assert_refused(&[offer_set_expiry(&offer, &seller, now + 599)], MultibusError::ExpiryBeforeLocks);
    // At most eight of one buyer.
    market.execute(&[offer_set_expiry(&offer, &seller, end)]);
    for place in 1..8 {
        let take = market.lock_take_in(&offer, place, 1_000);
        market.execute(&[take]);
    }
    let ninth = market.lock_take_in(&offer, 8, 1_000);
    market.assert_refused(&[ninth], MultibusError::LockPlaceInvalid);
}

#[test]
fn hole_9_anyone_closes_a_cancelled_offer_whose_lock_has_ended() {
    withstands!(blocked_exit: offer_cancel, lock_release);
    let (mut market, offer) = market(TokenProgram::SplToken, |_| ());
    let (bus, seller, buyer, stranger) = (market.bus, market.seller, market.buyer, market.wallet("stranger"));
    market.lock(&offer, 1_000);
    market.execute(&[offer_cancel(&offer, &seller)]);
    assert!(market.exists(&offer.address));
    market.pass(301);
    let release = market.release(&offer, &stranger, &buyer, 0);
    market.execute(&[release]);
    market.execute(&[offer_cancel(&offer, &stranger)]);
    assert!(!market.exists(&offer.address));
    assert_eq!(market.capacity_state(&bus.capacity).available_wh, 1_000_000);
}

/// Hole 14: a pause after the expiry of a lock waives no fee, since a lock settles in a pause.
#[test]
fn hole_14_the_fee_is_that_of_the_moment_a_lock_was_taken_whatever_is_decided_later() {
    let (mut market, offer) = market(TokenProgram::SplToken, |_| ());
    let (bus, seller, stranger, buyer) = (market.bus, market.seller, market.wallet("stranger"), market.buyer);
    market.lock(&offer, 1_000);
    market.decide(&bus, ProposalAction::LockFeeSet { lock_fee_bps: 0 });
    market.pass(301);
    market.decide(&bus, ProposalAction::Pause);
    let release = market.release(&offer, &stranger, &buyer, 0);
    market.execute(&[release]);
    assert_eq!(market.seller_state(&bus.seller(&seller)).released, 125_000);
}

// Winding down.

/// What a party does to its accounts before a stranger winds a bus down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mischief {
    Nothing,
    Close,
    Freeze,
    GiveAway,
    AskMemo,
    BecomeTokenAccount,
    GiveWalletToTheProgram,
}

impl Mischief {
    const ALL: [Self; 7] = [
        Self::Nothing,
        Self::Close,
        Self::Freeze,
        Self::GiveAway,
        Self::AskMemo,
        Self::BecomeTokenAccount,
        Self::GiveWalletToTheProgram,
    ];

    /// Does it to a wallet and its token account.
    fn play(self, market: &mut TestMarket, mint: &Mint, wallet: &Address, account: &Address) {
        let native = mint.is_native();
        match self {
            Self::Nothing => {}
            Self::Close => market.close_token_account(mint, account, wallet),
            Self::Freeze if native => {}
            Self::Freeze => market.freeze(mint, account),
            Self::GiveAway => market.set_token_owner(mint, account, wallet, &address("receiver")),
            Self::AskMemo if mint.program == TokenProgram::SplToken => {}
            Self::AskMemo => market.ask_memo(mint, account, wallet),
            Self::BecomeTokenAccount => market.become_token_account(mint, wallet),
            Self::GiveWalletToTheProgram => {
                let assign = solana_system_interface::instruction::assign(wallet, &multibus::ID);
                market.arrange(&[assign]);
            }
        }
    }
}

/// A bus in use: offers of a member and of the bus itself, sales, a lock, an unpaid lock of a frozen vault, a claim, a
/// window or not, proposals, a former owner with revenue. Strangers wind it down after every party has done its mischief;
/// at the end nothing is left but claims, and who is owed pulls what it is owed.
fn wind_down(mint: impl FnOnce(&mut TestChain) -> Mint, mischief: Mischief, windowed: bool) {
    let mut chain = TestChain::new();
    let mint = mint(&mut chain);
    let owners: Vec<Address> = ["seller", "friend", "former"].map(|name| chain.wallet(name)).to_vec();
    let mut market = TestMarket::on_chain(chain, mint, |options| {
        let options: BusOptions = if windowed { options.windowed() } else { options };
        options.with(|config| {
            config.owners = owners
                .iter()
                .zip([3_333, 3_334, 3_333])
                .map(|(owner, share_bps)| OwnerShare { owner: *owner, share_bps })
                .collect();
            config.lock_fee_bps = 500;
        })
    });
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    market.key("receiver");
    let first = owners[0];
    let start = market.next_window();
    let capacity = if windowed {
        market.execute(&[capacity_open(&bus, &first, start)]);
        market.execute(&[capacity_open(&bus, &stranger, start + 900)]);
        bus.window(start)
    } else {
        bus.capacity
    };
    let expires_at = if windowed { start - 60 } else { market.now() + 86_400 };
    let wallet = market.wallet("member");
    let member = market.open_seller(&bus, &wallet);
    let members_account = market.token_account("member's tokens", &mint, &wallet, 0);
    let offer = market.create_offer(&bus, capacity, &wallet, OfferOptions::new(0).expires(expires_at));
    let own = market.list_for_bus(&bus, capacity, &first, 10_000, 250_000);
    market.pass(120);
    let batch = market.batch(&[(offer, 1_000), (own, 1_001)]);
    market.execute(&[batch]);
    let (buyer, payment) = (market.buyer, market.payment);
    for place in [0, 3] {
        let take = market.lock_take_in(&offer, place, 1_000);
        market.execute(&[take]);
    }
    // The revenue so far is of three owners; one of them leaves.
    market.execute(&[offer_collect(&own), seller_withdraw(&bus.own_seller(), &stranger, bus.treasury)]);
    let leave = ProposalAction::OwnerRemove { owner: owners[2], shares_bps: vec![5_000, 5_000] };
    market.decide(&bus, leave);
    market.buy(&own, 1_000);
    let stale = market.propose(&bus, &owners[1], ProposalAction::Pause);
    let seller_offer = market.create_offer(&bus, capacity, &first, OfferOptions::new(0).expires(expires_at));
    market.decide(&bus, ProposalAction::BusClose);
    let supply = all_tokens(&market, &mint);

    // Everybody does what it can.
    let payout = market.payout;
    for (wallet, account) in [(wallet, members_account), (buyer, payment), (first, payout)] {
        mischief.play(&mut market, &mint, &wallet, &account);
    }
    let vaults = [member.vault, bus.own_seller().vault];
    for account in vaults.into_iter().chain([bus.treasury, bus.unclaimed]) {
        market.gift(&mint, &account, 7);
    }
    if !mint.is_native() {
        // The issuer's part: a refund that cannot leave a frozen vault is paid once it is thawed.
        market.freeze(&mint, &member.vault);
        market.pass(301);
        let release = market.release(&offer, &stranger, &buyer, 3);
        market.execute(&[release]);
        market.thaw(&mint, &member.vault);
    }

    // A stranger ends everything.
    market.pass(2 * 86_400);
    for place in [0, 3] {
        let release = market.release(&offer, &stranger, &buyer, place);
        market.execute(&[release]);
    }
    for offer in [offer, own, seller_offer] {
        market.execute(&[offer_cancel(&offer, &stranger)]);
    }
    market.execute(&[proposal_close(&bus, stale, &stranger, &owners[1])]);
    if windowed {
        for (window, payer) in [(start, first), (start + 900, stranger)] {
            market.execute(&[capacity_close(&bus, window, &stranger, &payer)]);
        }
    }
    for seller in [bus.own_seller(), bus.seller(&first), member] {
        let rent_payer = market.seller_state(&seller).rent_payer;
        let destination = match seller.wallet == bus.address {
            true => bus.treasury,
            false => TestChain::associated_address(&mint, &seller.wallet),
        };
        market.execute(&[seller_close(&seller, &stranger, destination, &rent_payer)]);
    }
    let former = TestChain::associated_address(&mint, &owners[2]);
    market.execute(&[treasury_claim_by(&bus, &stranger, &owners[2], former)]);
    market.execute(&[bus_close(&bus, &stranger, &owners[..2])]);
    // A wallet that gave itself to the program is no account of the market.
    let all = market.svm.get_program_accounts(&multibus::ID);
    let left: Vec<_> = all.into_iter().filter(|(_, account)| !account.data.is_empty()).collect();
    let stone: state::Tombstone = market.state(&bus.address);
    let lanes_and_counters = market.all::<state::Trader>().len() + market.all::<state::Creator>().len();
    let claims = market.all::<state::Claim>();
    assert_eq!((left.len(), stone.open_claims as usize), (1 + lanes_and_counters + claims.len(), claims.len()));

    // Years later, everybody pulls what it is owed: by itself where its associated account cannot be paid.
    market.pass(5 * 365 * 86_400);
    for (_, claim) in claims {
        let wallet = claim.wallet;
        let associated = market.associated_account(&mint, &wallet);
        let pay = market.claim_payment(&bus, &stranger, &wallet, associated);
        market.execute(&[pay]);
    }
    assert!(!market.exists(&bus.unclaimed));
    assert_eq!(all_tokens(&market, &mint), supply + 4 * 7, "no token is lost");
    assert_eq!(market.state::<state::Tombstone>(&bus.address).open_claims, 0);
    // Nothing opens on a tombstone, and no other bus gets its address.
    let open = seller_open(&bus.seller(&stranger), &stranger);
    assert!(market.send(&[open]).is_err());
}

/// Tokens of a mint in all accounts.
fn all_tokens(market: &TestMarket, mint: &Mint) -> u64 {
    let balances = multibus_tests::replica::token_balances(&market.svm);
    balances.values().filter(|balance| balance.mint == mint.address).map(|balance| balance.amount).sum()
}

#[test]
fn strangers_wind_a_bus_down_whatever_its_parties_do() {
    withstands!(
        blocked_exit: lock_release, offer_cancel, capacity_close, seller_withdraw, seller_close, proposal_execute,
        proposal_close, treasury_claim, claim_pay, bus_close
    );
    for program in TokenProgram::BOTH {
        for mischief in Mischief::ALL {
            for windowed in [false, true] {
                println!("{program:?}, {mischief:?}, windows: {windowed}");
                wind_down(|chain| chain.mint("mint", program, &[]), mischief, windowed);
            }
        }
    }
}

#[test]
fn strangers_wind_down_a_bus_of_wrapped_sol() {
    for program in TokenProgram::BOTH {
        for mischief in [Mischief::Nothing, Mischief::GiveAway, Mischief::BecomeTokenAccount] {
            println!("{program:?}, {mischief:?}");
            wind_down(|chain| chain.native_mint(program), mischief, false);
        }
    }
}

#[test]
fn lanes_close_whatever_became_of_the_bus() {
    withstands!(blocked_exit: trader_close);
    let (mut market, offer) = market(TokenProgram::SplToken, |_| ());
    let (bus, buyer, lane) = (market.bus, market.buyer, market.lane);
    market.buy(&offer, 1_000);
    market.decide(&bus, ProposalAction::BusClose);
    market.pass(1);
    let (before, rent) = (market.lamports(&buyer), market.lamports(&lane.address));
    market.execute(&[trader_close(&lane, &buyer)]);
    assert_eq!(market.lamports(&buyer), before + rent);
    assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - 2_500_000);
}
