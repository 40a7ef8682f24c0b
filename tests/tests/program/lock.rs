//! `lock_take`, `lock_settle` and `lock_release`.

use {
    crate::purchase::token_error,
    multibus::{
        error::MultibusError,
        event::*,
        instruction::{LockRelease, LockSettle, LockTake, Purchase},
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusOptions, LaneAddress, Mint, OfferAddresses, Refusal, TestMarket, TokenProgram,
        event::{assert_logged, logged},
        instructions::*,
        key::pda,
        market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    spl_token_2022_interface::{extension, instruction as token},
    spl_token_interface::error::TokenError,
    std::slice::from_ref,
};

/// The buyer's lock with its guards.
fn guarded(market: &TestMarket, offer: &OfferAddresses, energy_wh: u64, max_price: u64, version: u32) -> Instruction {
    LockTake { energy_wh, max_price_per_kwh: max_price, expected_version: version }
        .to_instruction(market.lock_take_accounts(offer))
}

fn take_with(
    market: &TestMarket,
    offer: &OfferAddresses,
    change: impl FnOnce(&mut multibus::accounts::LockTake),
) -> Instruction {
    let mut accounts = market.lock_take_accounts(offer);
    change(&mut accounts);
    LockTake { energy_wh: 1_000, max_price_per_kwh: u64::MAX, expected_version: 0 }.to_instruction(accounts)
}

fn settle_with(
    market: &TestMarket,
    offer: &OfferAddresses,
    change: impl FnOnce(&mut multibus::accounts::LockSettle),
) -> Instruction {
    let mut accounts = market.lock_settle_accounts(offer);
    change(&mut accounts);
    LockSettle { nonce: market.nonce(&market.lane) }.to_instruction(accounts)
}

fn release_with(
    market: &TestMarket,
    offer: &OfferAddresses,
    caller: &Address,
    change: impl FnOnce(&mut multibus::accounts::LockRelease),
) -> Instruction {
    let mut accounts = market.lock_release_accounts(offer, caller);
    change(&mut accounts);
    LockRelease {}.to_instruction(accounts)
}

/// A second buyer with a lock on 1 kWh of the offer.
fn other_lock(market: &mut TestMarket, offer: &OfferAddresses) -> (Address, Address, LaneAddress) {
    let mint = market.bus.mint;
    let (other, payment, lane) = market.chain.buyer("other", &mint);
    let take = LockTake { energy_wh: 1_000, max_price_per_kwh: u64::MAX, expected_version: 0 };
    market.execute(&[take.to_instruction(lock_take_accounts(offer, &other, payment))]);
    (other, payment, lane)
}

fn second_bus(market: &mut TestMarket) -> multibus_tests::BusAddresses {
    let (mint, seller) = (market.bus.mint, market.seller);
    market.create_bus(&seller, &mint, &BusOptions::new(&seller).seq(1))
}

fn freeze(mint: &Mint, account: &Address, authority: &Address) -> Instruction {
    token::freeze_account(&mint.program.address(), account, &mint.address, authority, &[]).unwrap()
}

#[test]
pub fn lock_take_reserves_energy_against_the_full_cost() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, buyer) = (market.bus, market.buyer);
        let offer = market.offer(10_000);
        let before = market.lamports(&buyer);
        let take = guarded(&market, &offer, 1_001, 250_000, 1);
        let meta = market.execute(&[take]);
        let (address, bump) = pda::lock(&offer.address, &buyer);
        let now = market.now();
        let expected = state::Lock {
            layout_version: 1,
            bump,
            lock_fee_bps: 100,
            padding: [0; 4],
            energy_wh: 1_001,
            price_per_kwh: 250_000,
            deposit: 250_250,
            taken_at: now,
            expires_at: now + 300,
            bus: bus.address,
            offer: offer.address,
            buyer,
            reserved: [0; 32],
        };
        assert_eq!(market.state::<state::Lock>(&address), expected);
        let state = market.offer_state(&offer);
        assert_eq!((state.remaining_wh, state.reserved_wh, state.open_locks), (10_000, 1_001, 1));
        assert_eq!(market.tokens(&bus.escrow), 250_250);
        assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - 250_250);
        assert_eq!(before - market.lamports(&buyer), market.lamports(&address));
        assert_logged(
            &meta,
            &LockTaken {
                lock: address,
                offer: offer.address,
                buyer,
                energy_wh: 1_001,
                price_per_kwh: 250_000,
                deposit: 250_250,
                expires_at: now + 300,
            },
        );
    }
}

#[test]
pub fn lock_take_of_zero_energy_is_rejected() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let take = market.lock_take(&offer, 0);
    market.assert_refused(&[take], MultibusError::EnergyZero);
}

#[test]
pub fn lock_take_above_the_free_energy_is_rejected() {
    refuses!(capacity_leak: lock_take);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    for energy_wh in [10_001, u64::MAX] {
        let take = market.lock_take(&offer, energy_wh);
        market.assert_refused(&[take], MultibusError::EnergyUnavailable);
    }
    market.buy(&offer, 1_000);
    other_lock(&mut market, &offer);
    let take = market.lock_take(&offer, 8_001);
    market.assert_refused(&[take], MultibusError::EnergyUnavailable);
    market.lock(&offer, 8_000);
    assert_eq!(market.offer_state(&offer).reserved_wh, 9_000);
}

#[test]
pub fn lock_take_above_the_price_limit_or_of_another_version_is_rejected() {
    refuses!(moved_price: lock_take);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    let quoted = guarded(&market, &offer, 1_000, 250_000, 0);
    let versioned = guarded(&market, &offer, 1_000, u64::MAX, 1);
    market.execute(&[offer_reprice(&offer, &seller, 250_001)]);
    market.assert_refused(&[quoted], MultibusError::PriceAboveLimit);
    market.assert_refused(&[versioned], MultibusError::VersionMismatch);
    let take = guarded(&market, &offer, 1_000, 250_001, 2);
    market.execute(&[take]);
}

#[test]
pub fn lock_take_whose_cost_overflows_is_rejected() {
    refuses!(arithmetic: lock_take);
    let mut market = TestMarket::new();
    let offer = market.offer_with(|options| options.price(u64::MAX));
    let take = market.lock_take(&offer, 1_001);
    market.assert_refused(&[take], MultibusError::CostOverflow);
}

#[test]
pub fn lock_take_rounds_the_deposit_up_and_lock_settle_pays_it() {
    withstands!(arithmetic: lock_take, lock_settle);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.base_price_per_kwh = 1));
    let escrow = market.bus.escrow;
    let offer = market.offer_with(|options| options.price(1));
    let mut paid = 0;
    for (energy_wh, cost) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (1_999, 2)] {
        market.lock(&offer, energy_wh);
        assert_eq!(market.tokens(&escrow), cost, "{energy_wh} Wh");
        let settle = market.lock_settle(&offer);
        market.execute(&[settle]);
        paid += cost;
        assert_eq!((market.tokens(&escrow), market.tokens(&market.payout)), (0, paid), "{energy_wh} Wh");
    }
}

#[test]
pub fn lock_take_by_the_seller_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, mint) = (market.seller, market.bus.mint);
    let payment = market.token_account("seller's other account", &mint, &seller, 1_000_000);
    let offer = market.offer(10_000);
    let take = LockTake { energy_wh: 1_000, max_price_per_kwh: u64::MAX, expected_version: 0 }
        .to_instruction(lock_take_accounts(&offer, &seller, payment));
    market.assert_refused(&[take], MultibusError::SelfTrade);
}

#[test]
pub fn lock_take_while_paused_is_rejected() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let offer = market.offer(10_000);
    market.set_paused(&bus, true);
    let take = market.lock_take(&offer, 1_000);
    market.assert_refused(&[take], MultibusError::BusPaused);
}

#[test]
pub fn lock_take_of_cancelled_or_expired_offer_is_rejected() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let expires_at = market.now() + 1_000;
    let offer = market.offer(10_000);
    other_lock(&mut market, &offer);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let take = market.lock_take(&offer, 1);
    market.assert_refused(&[take], MultibusError::OfferCancelled);
    let expiring = market.offer_with(|options| options.expires(expires_at));
    market.go_to(expires_at + 1);
    let take = market.lock_take(&expiring, 1);
    market.assert_refused(&[take], MultibusError::OfferExpired);
}

#[test]
pub fn lock_take_that_would_outlive_the_offer_is_rejected() {
    refuses!(lock_expiry: lock_take);
    let mut market = TestMarket::new();
    let expires_at = market.now() + 1_000;
    let offer = market.offer_with(|options| options.expires(expires_at));
    for now in [expires_at - 299, expires_at] {
        market.go_to(now);
        let take = market.lock_take(&offer, 1_000);
        market.assert_refused(&[take], MultibusError::LockOutlivesOffer);
    }
    market.go_to(expires_at - 300);
    market.lock(&offer, 1_000);
    // And settles in the last second of both.
    market.go_to(expires_at);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
}

#[test]
pub fn lock_take_that_would_outlive_the_gate_is_rejected() {
    refuses!(lock_expiry: lock_take);
    let mut market = TestMarket::windowed();
    let start = market.next_window();
    let offer = market.offer_in(start, |options| options);
    let gate = start - 60;
    for now in [gate - 300, gate - 1] {
        market.go_to(now);
        let take = market.lock_take(&offer, 1_000);
        market.assert_refused(&[take], MultibusError::LockOutlivesOffer);
    }
    market.go_to(gate);
    let take = market.lock_take(&offer, 1_000);
    market.assert_refused(&[take], MultibusError::GateClosed);
    market.go_to(gate - 301);
    market.lock(&offer, 1_000);
    market.go_to(gate - 1);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
}

#[test]
pub fn lock_take_twice_on_one_offer_is_rejected() {
    refuses!(reinitialisation: lock_take; replay: lock_take);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 1_000);
    let again = market.lock_take(&offer, 1_000);
    market.assert_refused(&[again], Refusal::custom(0));
    // On another offer, and by another buyer, it works.
    let two = market.offer(10_000);
    market.lock(&two, 1_000);
    other_lock(&mut market, &offer);
}

#[test]
pub fn lock_take_at_a_prefunded_address_succeeds() {
    for lamports in [1, 2_000_000, 9_000_000] {
        let mut market = TestMarket::new();
        let offer = market.offer(10_000);
        let address = pda::lock(&offer.address, &market.buyer).0;
        market.fund(&address, lamports);
        market.lock(&offer, 1_000);
    }
}

#[test]
pub fn lock_take_at_another_address_is_rejected() {
    refuses!(substituted_address: lock_take);
    let mut market = TestMarket::new();
    let other = market.wallet("other");
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    let buyer = market.buyer;
    for lock in [pda::lock(&two.address, &buyer).0, pda::lock(&one.address, &other).0, other] {
        let take = take_with(&market, &one, |accounts| accounts.lock = lock);
        market.assert_refused(&[take], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn lock_take_into_another_escrow_is_rejected() {
    refuses!(substituted_address: lock_take; theft: lock_take);
    let mut market = TestMarket::new();
    let (bus, buyer) = (market.bus, market.buyer);
    let other = second_bus(&mut market);
    let own = market.token_account("buyer's other account", &bus.mint, &buyer, 0);
    let offer = market.offer(10_000);
    for escrow in [other.escrow, bus.treasury, own, market.payout] {
        let take = take_with(&market, &offer, |accounts| accounts.escrow = escrow);
        market.assert_refused(&[take], MultibusError::EscrowMismatch);
    }
}

#[test]
pub fn lock_take_paid_from_the_escrow_is_rejected() {
    refuses!(theft: lock_take; duplicate_account: lock_take);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    other_lock(&mut market, &offer);
    let take = take_with(&market, &offer, |accounts| accounts.payment = accounts.escrow);
    market.assert_refused(&[take], Refusal::custom(2040));
}

#[test]
pub fn lock_take_with_another_bus_mint_or_token_program_is_rejected() {
    refuses!(substituted_address: lock_take; wrong_account: lock_take; foreign_program: lock_take);
    let mut market = TestMarket::new();
    let other = second_bus(&mut market);
    let mint = market.mint("worthless", TokenProgram::SplToken, &[]);
    let offer = market.offer(10_000);
    let take = take_with(&market, &offer, |accounts| accounts.bus = other.address);
    market.assert_refused(&[take], MultibusError::BusMismatch);
    let take = take_with(&market, &offer, |accounts| accounts.mint = mint.address);
    market.assert_refused(&[take], MultibusError::MintMismatch);
    let fake = market.key("fake token program");
    market.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    for program in [fake, TokenProgram::Token2022.address()] {
        let take = take_with(&market, &offer, |accounts| accounts.token_program = program);
        market.assert_refused(&[take], MultibusError::TokenProgramMismatch);
    }
}

#[test]
pub fn lock_take_beyond_the_buyers_tokens_is_rejected() {
    let mut market = TestMarket::new();
    let offer = market.offer_with(|options| options.price(200_000_000_000));
    let take = market.lock_take(&offer, 6);
    market.assert_refused(&[take], token_error(TokenError::InsufficientFunds));
}

#[test]
pub fn lock_take_with_somebody_elses_tokens_is_rejected() {
    refuses!(theft: lock_take);
    let mut market = TestMarket::new();
    let (mint, victim) = (market.bus.mint, market.wallet("victim"));
    let victims = market.token_account("victim's tokens", &mint, &victim, 1_000_000);
    let (treasury, authority) = (market.bus.treasury, market.fee_payer);
    market.arrange(&[mint.mint_to(&treasury, &authority, 1_000_000)]);
    let offer = market.offer(10_000);
    for payment in [victims, treasury] {
        let take = take_with(&market, &offer, |accounts| accounts.payment = payment);
        market.assert_refused(&[take], token_error(TokenError::OwnerMismatch));
    }
}

#[test]
pub fn lock_take_past_the_last_counted_lock_is_rejected() {
    refuses!(arithmetic: lock_take);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.edit::<state::Offer>(&offer.address, |offer| offer.open_locks = u32::MAX);
    let take = market.lock_take(&offer, 1_000);
    market.assert_refused(&[take], MultibusError::CounterOverflow);
}

/// Takes a lock, waits, settles it and checks everything.
fn settles_after(seconds: i64) {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, buyer) = (market.bus, market.buyer);
        let offer = market.offer(10_000);
        let lamports = market.lamports(&buyer);
        let lock = market.lock(&offer, 4_000);
        market.pass(seconds);
        let nonce = market.nonce(&market.lane);
        let settle = market.lock_settle(&offer);
        let meta = market.execute(&[settle]);
        assert_eq!((market.tokens(&market.payout), market.tokens(&bus.escrow)), (1_000_000, 0));
        assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - 1_000_000);
        assert!(!market.exists(&lock));
        assert_eq!(market.lamports(&buyer), lamports, "the rent goes back to the buyer");
        let state = market.offer_state(&offer);
        assert_eq!((state.remaining_wh, state.reserved_wh, state.open_locks), (6_000, 0, 0));

        let mut preimage = b"multibus:purchase:v1".to_vec();
        preimage.extend_from_slice(multibus::ID.as_ref());
        preimage.extend_from_slice(buyer.as_ref());
        preimage.extend_from_slice(&0u16.to_le_bytes());
        preimage.extend_from_slice(&nonce.to_le_bytes());
        preimage.extend_from_slice(offer.address.as_ref());
        preimage.extend_from_slice(&4_000u64.to_le_bytes());
        preimage.extend_from_slice(&250_000u64.to_le_bytes());
        let event = EnergyPurchased {
            buyer,
            transaction_hash: anchor_lang::solana_program::hash::hashv(&[&preimage]).to_bytes(),
            nonce,
            purchased_at: market.now(),
            lane: 0,
            kind: 2,
            reserved: 0,
            fills: vec![PurchasedFill {
                offer: offer.address,
                energy_wh: 4_000,
                price_per_kwh: 250_000,
                cost: 1_000_000,
            }],
        };
        assert_eq!(logged(&meta.logs), [anchor_lang::Event::data(&event)]);
    }
}

#[test]
pub fn lock_settle_at_once_succeeds() {
    settles_after(0);
}

#[test]
pub fn lock_settle_at_299_seconds_succeeds() {
    withstands!(lock_expiry: lock_settle);
    settles_after(299);
}

#[test]
pub fn lock_settle_at_300_seconds_succeeds() {
    withstands!(lock_expiry: lock_settle);
    settles_after(300);
}

#[test]
pub fn lock_settle_at_301_seconds_is_rejected() {
    refuses!(lock_expiry: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    for seconds in [301, 1_000_000] {
        let taken_at = market.state::<state::Lock>(&pda::lock(&offer.address, &market.buyer).0).taken_at;
        market.go_to(taken_at + seconds);
        let settle = market.lock_settle(&offer);
        market.assert_refused(&[settle], MultibusError::LockExpired);
    }
}

#[test]
pub fn lock_settle_while_paused_is_rejected() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.set_paused(&bus, true);
    let settle = market.lock_settle(&offer);
    market.assert_refused(&[settle], MultibusError::BusPaused);
}

#[test]
pub fn lock_settle_twice_is_rejected() {
    refuses!(replay: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let settle = market.lock_settle(&offer);
    let mut again = settle.clone();
    again.data = anchor_lang::InstructionData::data(&LockSettle { nonce: market.nonce(&market.lane) + 1 });
    market.assert_refused(&[settle.clone(), again.clone()], Refusal::NotTheAccount);
    market.execute(&[settle]);
    market.assert_refused(&[again], Refusal::NotTheAccount);
}

#[test]
pub fn lock_settle_with_any_nonce_but_the_next_is_rejected() {
    refuses!(replay: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let next = market.nonce(&market.lane);
    let refused = |market: &mut TestMarket, nonce| {
        let settle = LockSettle { nonce }.to_instruction(market.lock_settle_accounts(&offer));
        market.assert_refused(&[settle], MultibusError::NonceMismatch);
    };
    for nonce in [0, next - 1, next + 1] {
        refused(&mut market, nonce);
    }
    // A spent nonce is reported before an expired lock.
    market.pass(301);
    refused(&mut market, next - 1);
}

#[test]
pub fn lock_settle_past_the_last_nonce_is_rejected() {
    refuses!(arithmetic: lock_settle);
    let mut market = TestMarket::new();
    let (lane, buyer) = (market.lane.address, market.buyer);
    let other = market.open_lane(&buyer, 1);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let before = market.account(&lane);
    market.edit::<state::Trader>(&lane, |trader| trader.next_nonce = u64::MAX);
    let settle = market.lock_settle(&offer);
    market.assert_refused(&[settle], MultibusError::CounterOverflow);
    // The energy is not lost to its buyer: the lock settles in another lane.
    market.svm.set_account(lane, before).unwrap();
    let settle = LockSettle { nonce: market.nonce(&other) }.to_instruction(lock_settle_accounts(&offer, &other));
    market.execute(&[settle]);
    assert_eq!(market.tokens(&market.payout), 1_000_000);
}

#[test]
pub fn lock_settle_by_another_buyer_is_rejected() {
    refuses!(substituted_address: lock_settle; theft: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let lock = market.lock(&offer, 4_000);
    let (thief, _, lane) = other_lock(&mut market, &offer);
    let mut accounts = lock_settle_accounts(&offer, &lane);
    accounts.lock = lock;
    let settle = LockSettle { nonce: market.nonce(&lane) }.to_instruction(accounts);
    market.assert_refused(&[settle], MultibusError::LockBuyerMismatch);
    assert!(market.exists(&thief));
}

#[test]
pub fn lock_settle_in_the_lane_of_another_wallet_is_rejected() {
    refuses!(substituted_address: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let (_, _, lane) = other_lock(&mut market, &offer);
    let settle = settle_with(&market, &offer, |accounts| accounts.trader = lane.address);
    market.assert_refused(&[settle], MultibusError::TraderMismatch);
}

#[test]
pub fn lock_settle_on_another_offer_is_rejected() {
    refuses!(substituted_address: lock_settle; capacity_leak: lock_settle);
    let mut market = TestMarket::new();
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    market.lock(&one, 4_000);
    let settle = settle_with(&market, &one, |accounts| accounts.offer = two.address);
    market.assert_refused(&[settle], MultibusError::LockOfferMismatch);
}

#[test]
pub fn lock_settle_with_other_accounts_of_the_bus_is_rejected() {
    refuses!(substituted_address: lock_settle; wrong_account: lock_settle; theft: lock_settle);
    let mut market = TestMarket::new();
    let (bus, buyer) = (market.bus, market.buyer);
    let other = second_bus(&mut market);
    let own = market.token_account("buyer's other account", &bus.mint, &buyer, 0);
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let settle = settle_with(&market, &offer, |accounts| accounts.bus = other.address);
    market.assert_refused(&[settle], MultibusError::BusMismatch);
    for escrow in [other.escrow, bus.treasury] {
        let settle = settle_with(&market, &offer, |accounts| accounts.escrow = escrow);
        market.assert_refused(&[settle], MultibusError::EscrowMismatch);
    }
    for payout in [own, market.payment, bus.treasury] {
        let settle = settle_with(&market, &offer, |accounts| accounts.payout = payout);
        market.assert_refused(&[settle], MultibusError::PayoutMismatch);
    }
    let settle = settle_with(&market, &offer, |accounts| accounts.mint = worthless.address);
    market.assert_refused(&[settle], MultibusError::MintMismatch);
    let settle = settle_with(&market, &offer, |accounts| accounts.token_program = TokenProgram::Token2022.address());
    market.assert_refused(&[settle], MultibusError::TokenProgramMismatch);
}

#[test]
pub fn lock_settle_to_a_frozen_payout_is_rejected_and_releases_without_fee() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, buyer, payout, authority) = (market.bus, market.buyer, market.payout, market.fee_payer);
        let offer = market.offer(10_000);
        market.lock(&offer, 4_000);
        market.arrange(&[freeze(&bus.mint, &payout, &authority)]);
        let settle = market.lock_settle(&offer);
        market.assert_refused(&[settle], token_error(TokenError::AccountFrozen));
        let release = market.lock_release(&offer, &buyer);
        market.execute(&[release]);
        assert_eq!(market.tokens(&market.payment), BUYER_TOKENS, "the whole deposit came back");
    }
}

#[test]
pub fn lock_settle_unsigned_is_rejected() {
    refuses!(missing_signer: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let mut settle = market.lock_settle(&offer);
    settle.accounts[0].is_signer = false;
    market.assert_refused(&[settle], InstructionError::MissingRequiredSignature);
}

/// The caller releases a lock on 4 kWh; returns what the buyer and the seller have, and the log of it.
fn release(market: &mut TestMarket, offer: &OfferAddresses, caller: &Address) -> (u64, u64) {
    let (bus, buyer) = (market.bus, market.buyer);
    let (lock, _) = pda::lock(&offer.address, &buyer);
    let (lamports, rent) = (market.lamports(&buyer), market.lamports(&lock));
    let (payment, paid) = (market.tokens(&market.payment), market.token_amount(&market.payout));
    let escrow = market.tokens(&bus.escrow);
    let release = market.lock_release(offer, caller);
    let meta = market.execute(&[release]);
    assert!(!market.exists(&lock));
    assert_eq!(market.lamports(&buyer), lamports + rent, "the rent goes to the buyer, whoever releases");
    assert_eq!(market.tokens(&bus.escrow), escrow - 1_000_000);
    let state = market.offer_state(offer);
    assert_eq!((state.remaining_wh, state.reserved_wh, state.open_locks), (10_000, 0, 0));
    let refund = market.tokens(&market.payment) - payment;
    let fee = market.token_amount(&market.payout) - paid;
    assert_logged(
        &meta,
        &LockReleased { lock, offer: offer.address, buyer, released_by: *caller, energy_wh: 4_000, refund, fee },
    );
    (refund, fee)
}

#[test]
pub fn lock_release_by_its_buyer_succeeds_at_any_time() {
    for program in TokenProgram::BOTH {
        for seconds in [0, 299, 300, 301, 1_000_000] {
            let mut market = TestMarket::with(program, |options| options);
            let buyer = market.buyer;
            let offer = market.offer(10_000);
            market.lock(&offer, 4_000);
            market.pass(seconds);
            assert_eq!(release(&mut market, &offer, &buyer), (990_000, 10_000), "1 % goes to the seller");
        }
    }
}

#[test]
pub fn lock_release_by_stranger_until_300_seconds_is_rejected() {
    refuses!(lock_expiry: lock_release);
    let mut market = TestMarket::new();
    let stranger = market.wallet("stranger");
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let taken_at = market.now();
    for seconds in [0, 299, 300] {
        market.go_to(taken_at + seconds);
        for caller in [stranger, market.seller] {
            let release = market.lock_release(&offer, &caller);
            market.assert_refused(&[release], MultibusError::LockNotExpired);
        }
    }
}

#[test]
pub fn lock_release_by_stranger_at_301_seconds_succeeds() {
    withstands!(lock_expiry: lock_release);
    let mut market = TestMarket::new();
    let stranger = market.wallet("stranger");
    let lamports = market.lamports(&stranger);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.pass(301);
    assert_eq!(release(&mut market, &offer, &stranger), (990_000, 10_000));
    assert_eq!(market.lamports(&stranger), lamports);
}

#[test]
pub fn what_is_locked_is_nobody_elses_at_299_300_and_301_seconds() {
    refuses!(lock_expiry: purchase, purchase_batch, lock_take);
    withstands!(lock_expiry: offer_cancel, offer_reprice);
    for seconds in [299, 300, 301] {
        let mut market = TestMarket::new();
        let (seller, mint, stranger) = (market.seller, market.bus.mint, market.wallet("stranger"));
        let (other, payment, lane) = market.chain.buyer("other", &mint);
        let offer = market.offer(10_000);
        market.lock(&offer, 4_000);
        market.pass(seconds);
        // Also once it has expired, until somebody releases it.
        let nonce = market.nonce(&lane);
        let purchase = Purchase {
            nonce,
            energy_wh: 6_001,
            min_energy_wh: 6_001,
            max_price_per_kwh: u64::MAX,
            expected_version: 0,
        };
        let take = LockTake { energy_wh: 6_001, max_price_per_kwh: u64::MAX, expected_version: 0 };
        let attempts = [
            purchase.to_instruction(purchase_accounts(&offer, &lane, payment)),
            batch(&lane, payment, nonce, &[(offer, 6_001)]),
            take.to_instruction(lock_take_accounts(&offer, &other, payment)),
        ];
        for attempt in attempts {
            market.assert_refused(&[attempt], MultibusError::EnergyUnavailable);
        }
        // Neither a new price nor a cancelled offer changes it.
        market.execute(&[offer_reprice(&offer, &seller, 900_000), offer_cancel(&offer, &seller)]);
        let state = market.offer_state(&offer);
        assert_eq!((state.listed_wh, state.reserved_wh, state.open_locks), (4_000, 4_000, 1));
        if seconds > 300 {
            let release = market.lock_release(&offer, &stranger);
            market.execute(&[release]);
        } else {
            let settle = market.lock_settle(&offer);
            market.execute(&[settle]);
            assert_eq!(market.tokens(&market.payout), 1_000_000, "4 kWh at 0.25, the price of the lock");
        }
        market.execute(&[offer_cancel(&offer, &seller)]);
        assert!(!market.exists(&offer.address));
    }
}

#[test]
pub fn lock_release_rounds_the_fee_for_the_buyer() {
    withstands!(arithmetic: lock_release);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| (config.lock_fee_bps, config.base_price_per_kwh) = (250, 1))
    });
    let buyer = market.buyer;
    let offer = market.offer_with(|options| options.price(1_000));
    for (energy_wh, fee) in [(39, 0), (40, 1), (79, 1), (80, 2)] {
        let (payment, paid) = (market.tokens(&market.payment), market.tokens(&market.payout));
        market.lock(&offer, energy_wh);
        let release = market.lock_release(&offer, &buyer);
        market.execute(&[release]);
        assert_eq!(market.tokens(&market.payment), payment - fee);
        assert_eq!(market.tokens(&market.payout), paid + fee);
    }
}

#[test]
pub fn lock_release_where_there_is_no_fee_returns_everything() {
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.lock_fee_bps = 0));
    let buyer = market.buyer;
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    assert_eq!(release(&mut market, &offer, &buyer), (1_000_000, 0));
}

#[test]
pub fn lock_release_while_paused_costs_no_fee() {
    let mut market = TestMarket::new();
    let (bus, buyer, stranger) = (market.bus, market.buyer, market.wallet("stranger"));
    let offer = market.offer(10_000);
    for caller in [buyer, stranger] {
        market.set_paused(&bus, false);
        market.lock(&offer, 4_000);
        market.set_paused(&bus, true);
        market.pass(301);
        assert_eq!(release(&mut market, &offer, &caller), (1_000_000, 0));
    }
}

#[test]
pub fn lock_release_after_a_pause_costs_no_fee() {
    // Otherwise the owners could pause until the lock has expired, and charge a buyer who could not settle.
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.set_paused(&bus, true);
    market.pass(301);
    market.set_paused(&bus, false);
    assert_eq!(release(&mut market, &offer, &seller), (1_000_000, 0));
    // A lock of a later second is charged again.
    market.pass(1);
    market.lock(&offer, 4_000);
    market.pass(301);
    assert_eq!(release(&mut market, &offer, &seller), (990_000, 10_000));
}

#[test]
pub fn lock_release_costs_the_fee_of_the_moment_it_was_taken() {
    withstands!(moved_price: lock_release);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    for (later, fee) in [(500, 10_000), (0, 50_000)] {
        market.lock(&offer, 4_000);
        market.decide(&bus, ProposalAction::LockFeeSet { lock_fee_bps: later });
        market.pass(301);
        assert_eq!(release(&mut market, &offer, &seller), (1_000_000 - fee, fee));
    }
}

#[test]
pub fn lock_release_where_the_payout_is_frozen_waives_the_fee() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (mint, buyer, payout, authority) = (market.bus.mint, market.buyer, market.payout, market.fee_payer);
        let offer = market.offer(10_000);
        market.lock(&offer, 4_000);
        market.arrange(&[freeze(&mint, &payout, &authority)]);
        assert_eq!(release(&mut market, &offer, &buyer), (1_000_000, 0));
    }
}

#[test]
pub fn lock_release_where_the_payout_is_closed_waives_the_fee() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (mint, buyer, payout, seller) = (market.bus.mint, market.buyer, market.payout, market.seller);
        let offer = market.offer(10_000);
        market.lock(&offer, 4_000);
        let close = token::close_account(&mint.program.address(), &payout, &seller, &seller, &[]).unwrap();
        market.arrange(&[close]);
        assert_eq!(release(&mut market, &offer, &buyer), (1_000_000, 0));
    }
}

#[test]
pub fn lock_release_where_the_payout_asks_for_memos_waives_the_fee() {
    refuses!(token_2022: lock_settle);
    withstands!(token_2022: lock_release);
    let mut market = TestMarket::with(TokenProgram::Token2022, |options| options);
    let (bus, buyer, seller) = (market.bus, market.buyer, market.seller);
    let payout = market.associated_account(&bus.mint, &seller);
    let program = bus.mint.program.address();
    let payer = market.fee_payer;
    let ask = [
        token::reallocate(&program, &payout, &payer, &seller, &[], &[extension::ExtensionType::MemoTransfer]).unwrap(),
        extension::memo_transfer::instruction::enable_required_transfer_memos(&program, &payout, &seller, &[]).unwrap(),
    ];
    let offer = market.create_offer(&bus, bus.capacity, &seller, payout, OfferOptions::new(0));
    let take = LockTake { energy_wh: 4_000, max_price_per_kwh: u64::MAX, expected_version: 0 };
    let payment = market.payment;
    market.execute(&[take.to_instruction(lock_take_accounts(&offer, &buyer, payment))]);
    market.arrange(&ask);
    let settle = market.lock_settle(&offer);
    let no_memo = spl_token_2022_interface::error::TokenError::NoMemo as u32;
    market.assert_refused(&[settle], Refusal::custom(no_memo));
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    assert_eq!(market.tokens(&payment), BUYER_TOKENS);
    // Once memos are no longer asked for, the fee is due again.
    let relax = extension::memo_transfer::instruction::disable_required_transfer_memos(&program, &payout, &seller, &[]);
    market.arrange(&[relax.unwrap()]);
    market.lock(&offer, 4_000);
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    assert_eq!((market.tokens(&payment), market.tokens(&payout)), (BUYER_TOKENS - 10_000, 10_000));
}

#[test]
pub fn lock_release_refunded_to_the_payout_itself_needs_another_account() {
    refuses!(duplicate_account: lock_release);
    // A seller may name the buyer's account as payout. It then stands for the payout only.
    let mut market = TestMarket::new();
    let (bus, seller, buyer, payment) = (market.bus, market.seller, market.buyer, market.payment);
    let other = market.token_account("buyer's other account", &bus.mint, &buyer, 0);
    let offer = market.create_offer(&bus, bus.capacity, &seller, payment, OfferOptions::new(0));
    market.lock(&offer, 4_000);
    let release = market.lock_release(&offer, &buyer);
    market.assert_refused(&[release], Refusal::custom(2040));
    let release = release_with(&market, &offer, &buyer, |accounts| accounts.refund = other);
    market.execute(&[release]);
    assert_eq!(market.tokens(&payment) + market.tokens(&other), BUYER_TOKENS);
}

#[test]
pub fn lock_release_refunded_to_somebody_else_is_rejected() {
    refuses!(theft: lock_release);
    let mut market = TestMarket::new();
    let (bus, buyer, stranger) = (market.bus, market.buyer, market.wallet("stranger"));
    let thiefs = market.token_account("thief's tokens", &bus.mint, &stranger, 0);
    let of_the_bus = market.token_account("another of the bus", &bus.mint, &bus.address, 0);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.pass(301);
    for caller in [buyer, stranger] {
        for refund in [thiefs, of_the_bus, bus.treasury] {
            let release = release_with(&market, &offer, &caller, |accounts| accounts.refund = refund);
            market.assert_refused(&[release], MultibusError::RefundNotBuyers);
        }
        // Accounts that have another place in the release.
        for refund in [offer.payout, bus.escrow] {
            let release = release_with(&market, &offer, &caller, |accounts| accounts.refund = refund);
            market.assert_refused(&[release], Refusal::custom(2040));
        }
    }
}

#[test]
pub fn lock_release_refunded_to_what_is_no_token_account_is_rejected() {
    refuses!(wrong_account: lock_release);
    let mut market = TestMarket::new();
    let (buyer, seller) = (market.buyer, market.seller);
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let of_worthless = market.token_account("buyer's worthless tokens", &worthless, &buyer, 0);
    let fake = market.key("fake");
    let mut account = market.account(&market.payment);
    account.owner = seller;
    market.svm.set_account(fake, account).unwrap();
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    for refund in [of_worthless, fake, seller, market.lane.address] {
        let release = release_with(&market, &offer, &buyer, |accounts| accounts.refund = refund);
        market.assert_refused(&[release], MultibusError::TokenAccountInvalid);
    }
}

#[test]
pub fn lock_release_to_any_account_of_the_buyer_succeeds() {
    let mut market = TestMarket::new();
    let (mint, buyer, stranger) = (market.bus.mint, market.buyer, market.wallet("stranger"));
    let other = market.token_account("buyer's other account", &mint, &buyer, 0);
    let (payment, authority) = (market.payment, market.fee_payer);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    // The account that paid is frozen since.
    market.arrange(&[freeze(&mint, &payment, &authority)]);
    market.pass(301);
    let release = market.lock_release(&offer, &stranger);
    market.assert_refused(&[release], token_error(TokenError::AccountFrozen));
    let release = release_with(&market, &offer, &stranger, |accounts| accounts.refund = other);
    market.execute(&[release]);
    assert_eq!(market.tokens(&other), 990_000);
}

#[test]
pub fn lock_release_with_rent_to_somebody_else_is_rejected() {
    refuses!(theft: lock_release);
    let mut market = TestMarket::new();
    let (buyer, stranger) = (market.buyer, market.wallet("stranger"));
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.pass(301);
    for caller in [buyer, stranger] {
        let release = release_with(&market, &offer, &caller, |accounts| accounts.buyer = stranger);
        market.assert_refused(&[release], MultibusError::LockBuyerMismatch);
    }
}

#[test]
pub fn lock_release_with_other_accounts_is_rejected() {
    refuses!(substituted_address: lock_release; wrong_account: lock_release; theft: lock_release);
    let mut market = TestMarket::new();
    let (bus, buyer, seller) = (market.bus, market.buyer, market.seller);
    let other = second_bus(&mut market);
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let sellers = market.token_account("seller's other account", &bus.mint, &seller, 0);
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    market.lock(&one, 4_000);
    market.set_paused(&other, true);
    let refused = [
        (release_with(&market, &one, &buyer, |accounts| accounts.bus = other.address), MultibusError::BusMismatch),
        (
            release_with(&market, &one, &buyer, |accounts| accounts.offer = two.address),
            MultibusError::LockOfferMismatch,
        ),
        (release_with(&market, &one, &buyer, |accounts| accounts.escrow = other.escrow), MultibusError::EscrowMismatch),
        (release_with(&market, &one, &buyer, |accounts| accounts.escrow = bus.treasury), MultibusError::EscrowMismatch),
        (release_with(&market, &one, &buyer, |accounts| accounts.payout = sellers), MultibusError::PayoutMismatch),
        (
            release_with(&market, &one, &buyer, |accounts| accounts.mint = worthless.address),
            MultibusError::MintMismatch,
        ),
        (
            release_with(&market, &one, &buyer, |accounts| {
                accounts.token_program = TokenProgram::Token2022.address();
            }),
            MultibusError::TokenProgramMismatch,
        ),
    ];
    for (release, error) in refused {
        market.assert_refused(&[release], error);
    }
}

#[test]
pub fn lock_release_of_a_lock_of_another_offer_is_rejected() {
    refuses!(substituted_address: lock_release; capacity_leak: lock_release);
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    let (_, second) = (market.lock(&one, 4_000), market.lock(&two, 1));
    let release = release_with(&market, &one, &buyer, |accounts| accounts.lock = second);
    market.assert_refused(&[release], MultibusError::LockOfferMismatch);
}

#[test]
pub fn lock_release_unsigned_is_rejected() {
    refuses!(missing_signer: lock_release);
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let mut release = market.lock_release(&offer, &buyer);
    release.accounts[0].is_signer = false;
    market.assert_refused(&[release], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn lock_released_twice_is_rejected() {
    refuses!(replay: lock_release; capacity_leak: lock_release);
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    other_lock(&mut market, &offer);
    let release = market.lock_release(&offer, &buyer);
    // The escrow still has the other buyer's deposit.
    market.assert_refused(&[release.clone(), release.clone()], Refusal::NotTheAccount);
    market.execute(from_ref(&release));
    market.assert_refused(&[release], Refusal::NotTheAccount);
}

#[test]
pub fn lock_released_and_funded_in_one_transaction_stays_closed() {
    refuses!(revival: lock_release, lock_settle);
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    let offer = market.offer(10_000);
    let lock = market.lock(&offer, 4_000);
    let release = market.lock_release(&offer, &buyer);
    let fund = solana_system_interface::instruction::transfer(&buyer, &lock, 5_000_000);
    market.execute(&[release.clone(), fund]);
    let account = market.account(&lock);
    assert_eq!((account.owner, account.data.len()), (Address::default(), 0));
    market.assert_refused(&[release], Refusal::NotTheAccount);
    let settle = market.lock_settle(&offer);
    market.assert_refused(&[settle], Refusal::NotTheAccount);
}

#[test]
pub fn lock_released_and_taken_again_in_one_transaction_is_a_new_lock() {
    withstands!(revival: lock_take);
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    let offer = market.offer(10_000);
    let lock = market.lock(&offer, 4_000);
    market.pass(200);
    let release = market.lock_release(&offer, &buyer);
    let take = market.lock_take(&offer, 1_000);
    market.execute(&[release, take]);
    let state: state::Lock = market.state(&lock);
    assert_eq!((state.energy_wh, state.deposit, state.expires_at), (1_000, 250_000, market.now() + 300));
    assert_eq!(market.tokens(&market.payout), 10_000, "the first lock's fee was paid");
}

#[test]
pub fn lock_settle_after_the_offer_was_cancelled_or_repriced_keeps_its_terms() {
    withstands!(moved_price: lock_settle);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.execute(&[offer_reprice(&offer, &seller, 10_000), offer_cancel(&offer, &seller)]);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
    assert_eq!(market.tokens(&market.payout), 1_000_000);
    // Sold out now, so anyone may close it; the sale stays in the capacity's books.
    let stranger = market.wallet("stranger");
    market.execute(&[offer_cancel(&offer, &stranger)]);
    assert_eq!(market.capacity_state(&bus.capacity).sold_wh, 4_000);
}

#[test]
pub fn lock_released_after_cancellation_lets_anyone_close_the_offer_once_it_cannot_trade() {
    let mut market = TestMarket::new();
    let (bus, seller, buyer) = (market.bus, market.seller, market.buyer);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.listed_wh, capacity.sold_wh), (1_000_000, 0, 0));
}
