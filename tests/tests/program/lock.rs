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
        BusOptions, LaneAddress, OfferAddresses, Refusal, TestChain, TestMarket, TokenProgram,
        event::{assert_logged, logged},
        instructions::*,
        key::pda,
        market::{BUYER_TOKENS, lock_take},
    },
    solana_account::Account,
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    spl_token_interface::error::TokenError,
    std::slice::from_ref,
};

/// The buyer's lock with its guards.
fn guarded(market: &TestMarket, offer: &OfferAddresses, energy_wh: u64, max_price: u64, version: u32) -> Instruction {
    let refund = market.payment;
    LockTake { place: 0, energy_wh, max_price_per_kwh: max_price, expected_version: version, refund }
        .to_instruction(market.lock_take_accounts(offer))
}

fn take_with(
    market: &TestMarket,
    offer: &OfferAddresses,
    change: impl FnOnce(&mut multibus::accounts::LockTake),
) -> Instruction {
    let mut accounts = market.lock_take_accounts(offer);
    change(&mut accounts);
    let refund = market.payment;
    LockTake { place: 0, energy_wh: 1_000, max_price_per_kwh: u64::MAX, expected_version: 0, refund }
        .to_instruction(accounts)
}

/// The buyer's lock of 1 kWh in a place, refunded to an account.
fn refunded_to(market: &TestMarket, offer: &OfferAddresses, place: u8, refund: Address) -> Instruction {
    LockTake { place, energy_wh: 1_000, max_price_per_kwh: u64::MAX, expected_version: 0, refund }
        .to_instruction(lock_take_accounts(offer, &market.buyer, place, market.payment))
}

fn settle_with(
    market: &TestMarket,
    offer: &OfferAddresses,
    change: impl FnOnce(&mut multibus::accounts::LockSettle),
) -> Instruction {
    let mut accounts = market.lock_settle_accounts(offer);
    change(&mut accounts);
    let lock_number = market.lock_number(offer, &market.buyer, 0);
    LockSettle { nonce: market.nonce(&market.lane), lock_number }.to_instruction(accounts)
}

fn release_with(
    market: &TestMarket,
    offer: &OfferAddresses,
    caller: &Address,
    change: impl FnOnce(&mut multibus::accounts::LockRelease),
) -> Instruction {
    let mut accounts = market.lock_release_accounts(offer, caller);
    change(&mut accounts);
    LockRelease { lock_number: market.lock_number(offer, &market.buyer, 0) }.to_instruction(accounts)
}

/// A second buyer with a lock on 1 kWh of the offer.
fn other_lock(market: &mut TestMarket, offer: &OfferAddresses) -> (Address, Address, LaneAddress) {
    let mint = market.bus.mint;
    let (other, payment, lane) = market.chain.buyer("other", &mint);
    market.execute(&[lock_take(offer, &other, 0, payment, 1_000)]);
    (other, payment, lane)
}

fn second_bus(market: &mut TestMarket) -> multibus_tests::BusAddresses {
    let (mint, seller) = (market.bus.mint, market.seller);
    market.create_bus(&seller, &mint, &BusOptions::new(&seller))
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
        let (address, bump) = pda::lock(&offer.address, &buyer, 0);
        let now = market.now();
        let expected = state::Lock {
            layout_version: 2,
            bump,
            place: 0,
            state: state::LockState::Held as u8,
            lock_fee_bps: 100,
            number: 1,
            padding: [0; 6],
            energy_wh: 1_001,
            price_per_kwh: 250_000,
            deposit: 250_250,
            taken_at: now,
            expires_at: now + 300,
            bus: bus.address,
            offer: offer.address,
            buyer,
            refund: market.payment,
            grid_fee_per_kwh: 0,
            reserved: [0; 6],
        };
        assert_eq!(market.state::<state::Lock>(&address), expected);
        let state = market.offer_state(&offer);
        assert_eq!((state.remaining_wh, state.reserved_wh, state.open_locks), (10_000, 1_001, 1));
        assert_eq!((state.deposits, state.proceeds, state.locked_until), (250_250, 0, now + 300));
        assert_eq!(market.tokens(&market.vault), 250_250);
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
                number: 1,
                place: 0,
                padding: [0; 3],
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
    let offer = market.offer_with(|options| options.price(1));
    let mut paid = 0;
    for (energy_wh, cost) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (1_999, 2)] {
        market.lock(&offer, energy_wh);
        assert_eq!(market.offer_state(&offer).deposits, cost, "{energy_wh} Wh");
        let settle = market.lock_settle(&offer);
        market.execute(&[settle]);
        paid += cost;
        let state = market.offer_state(&offer);
        assert_eq!((state.deposits, state.proceeds, market.tokens(&market.vault)), (0, paid, paid), "{energy_wh} Wh");
    }
}

#[test]
pub fn lock_take_by_the_seller_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, mint) = (market.seller, market.bus.mint);
    let payment = market.token_account("seller's other account", &mint, &seller, 1_000_000);
    let offer = market.offer(10_000);
    let take = lock_take(&offer, &seller, 0, payment, 1_000);
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
    market.go_to(expires_at);
    let take = market.lock_take(&expiring, 1);
    market.assert_refused(&[take], MultibusError::OfferExpired);
}

#[test]
pub fn lock_take_that_would_end_less_than_300_seconds_before_the_offer_is_rejected() {
    refuses!(lock_expiry: lock_take);
    let mut market = TestMarket::new();
    let expires_at = market.now() + 1_000;
    let offer = market.offer_with(|options| options.expires(expires_at));
    for now in [expires_at - 599, expires_at - 300, expires_at - 1] {
        market.go_to(now);
        let take = market.lock_take(&offer, 1_000);
        market.assert_refused(&[take], MultibusError::LockOutlivesOffer);
    }
    market.go_to(expires_at - 600);
    market.lock(&offer, 1_000);
    // It settles in its last second, and what it held could still be sold for 300.
    market.go_to(expires_at - 300);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
}

#[test]
pub fn lock_take_that_would_end_less_than_300_seconds_before_the_gate_is_rejected() {
    refuses!(lock_expiry: lock_take);
    let mut market = TestMarket::windowed();
    let start = market.next_window();
    let offer = market.offer_in(start, |options| options);
    let gate = start - 60;
    for now in [gate - 599, gate - 1] {
        market.go_to(now);
        let take = market.lock_take(&offer, 1_000);
        market.assert_refused(&[take], MultibusError::LockOutlivesOffer);
    }
    market.go_to(gate);
    let take = market.lock_take(&offer, 1_000);
    market.assert_refused(&[take], MultibusError::OfferExpired);
    market.go_to(gate - 600);
    market.lock(&offer, 1_000);
    market.go_to(gate - 300);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
}

#[test]
pub fn lock_take_twice_in_one_place_is_rejected() {
    refuses!(reinitialisation: lock_take; replay: lock_take);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 1_000);
    let again = market.lock_take(&offer, 1_000);
    market.assert_refused(&[again], Refusal::custom(0));
    // In another place, on another offer, and by another buyer, it works.
    let take = market.lock_take_in(&offer, 1, 1_000);
    market.execute(&[take]);
    let two = market.offer(10_000);
    market.lock(&two, 1_000);
    other_lock(&mut market, &offer);
}

#[test]
pub fn lock_take_in_a_ninth_place_is_rejected() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    for place in 0..8 {
        let take = market.lock_take_in(&offer, place, 1_000);
        market.execute(&[take]);
    }
    for place in [8, 255] {
        let take = market.lock_take_in(&offer, place, 1_000);
        market.assert_refused(&[take], MultibusError::LockPlaceInvalid);
    }
    assert_eq!(market.offer_state(&offer).open_locks, 8);
    // Each ends on its own; the order does not matter.
    let (buyer, lane) = (market.buyer, market.lane);
    for place in [7, 0, 3] {
        let settle = market.settlement(&offer, &lane, place);
        market.execute(&[settle]);
    }
    for place in [1, 6, 2, 5, 4] {
        let release = market.release(&offer, &buyer, &buyer, place);
        market.execute(&[release]);
    }
    let state = market.offer_state(&offer);
    assert_eq!((state.open_locks, state.reserved_wh, state.remaining_wh), (0, 0, 7_000));
}

#[test]
pub fn lock_take_at_a_prefunded_address_succeeds() {
    for lamports in [1, 2_000_000, 9_000_000] {
        let mut market = TestMarket::new();
        let offer = market.offer(10_000);
        let address = pda::lock(&offer.address, &market.buyer, 0).0;
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
    for lock in [
        pda::lock(&two.address, &buyer, 0).0,
        pda::lock(&one.address, &buyer, 1).0,
        pda::lock(&one.address, &other, 0).0,
        other,
    ] {
        let take = take_with(&market, &one, |accounts| accounts.lock = lock);
        market.assert_refused(&[take], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn lock_take_into_another_vault_is_rejected() {
    refuses!(substituted_address: lock_take; theft: lock_take);
    let mut market = TestMarket::new();
    let (bus, buyer, seller) = (market.bus, market.buyer, market.seller);
    let other = second_bus(&mut market);
    let elsewhere = market.open_seller(&other, &seller).vault;
    let own_sales = market.open_own_seller(&bus, &seller).vault;
    let own = market.token_account("buyer's other account", &bus.mint, &buyer, 0);
    let (payout, offer) = (market.payout, market.offer(10_000));
    for vault in [elsewhere, own_sales, bus.unclaimed, bus.treasury, own, payout] {
        let take = take_with(&market, &offer, |accounts| accounts.vault = vault);
        market.assert_refused(&[take], MultibusError::VaultMismatch);
    }
}

#[test]
pub fn lock_take_paid_from_the_vault_is_rejected() {
    refuses!(theft: lock_take; duplicate_account: lock_take);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    other_lock(&mut market, &offer);
    let take = take_with(&market, &offer, |accounts| accounts.payment = accounts.vault);
    market.assert_refused(&[take], Refusal::custom(2040));
}

#[test]
pub fn lock_take_with_another_bus_mint_or_token_program_is_rejected() {
    refuses!(substituted_address: lock_take; wrong_account: lock_take; foreign_program: lock_take);
    let mut market = TestMarket::new();
    let (other, buyer) = (second_bus(&mut market), market.buyer);
    let mint = market.mint("worthless", TokenProgram::SplToken, &[]);
    let worthless = market.token_account("worthless tokens", &mint, &buyer, 1_000_000_000);
    let offer = market.offer(10_000);
    let take = take_with(&market, &offer, |accounts| accounts.bus = other.address);
    market.assert_refused(&[take], MultibusError::BusMismatch);
    let take = take_with(&market, &offer, |accounts| accounts.payment = worthless);
    market.assert_refused(&[take], token_error(TokenError::MintMismatch));
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
    let before = market.account(&offer.address);
    market.edit::<state::Offer>(&offer.address, |offer| offer.locks_taken = u32::MAX);
    let take = market.lock_take(&offer, 1_000);
    market.assert_refused(&[take], MultibusError::CounterOverflow);
    // Nor past what 64 bits can hold of deposits.
    market.svm.set_account(offer.address, before).unwrap();
    market.edit::<state::Offer>(&offer.address, |offer| offer.deposits = u64::MAX);
    let take = market.lock_take(&offer, 1_000);
    market.assert_refused(&[take], MultibusError::CostOverflow);
}

/// Takes a lock, waits, settles it and checks everything.
fn settles_after(seconds: i64) {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let buyer = market.buyer;
        let offer = market.offer(10_000);
        let lamports = market.lamports(&buyer);
        let lock = market.lock(&offer, 4_000);
        market.pass(seconds);
        let nonce = market.nonce(&market.lane);
        let settle = market.lock_settle(&offer);
        let before = market.account(&market.vault);
        let meta = market.execute(&[settle]);
        assert_eq!(market.account(&market.vault), before, "a settlement moves no token");
        assert_eq!(market.tokens(&market.vault), 1_000_000);
        assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - 1_000_000);
        assert!(!market.exists(&lock));
        assert_eq!(market.lamports(&buyer), lamports, "the rent goes back to the buyer");
        let state = market.offer_state(&offer);
        assert_eq!((state.remaining_wh, state.reserved_wh, state.open_locks), (6_000, 0, 0));
        assert_eq!((state.proceeds, state.deposits), (1_000_000, 0));

        let mut preimage = b"multibus:purchase:v1".to_vec();
        preimage.extend_from_slice(multibus::ID.as_ref());
        preimage.extend_from_slice(buyer.as_ref());
        preimage.push(2);
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
        let taken_at = market.lock_state(&offer, &market.buyer, 0).taken_at;
        market.go_to(taken_at + seconds);
        let settle = market.lock_settle(&offer);
        market.assert_refused(&[settle], MultibusError::LockExpired);
    }
}

#[test]
pub fn lock_settle_works_while_paused_and_while_the_bus_closes() {
    for action in [ProposalAction::Pause, ProposalAction::BusClose] {
        let mut market = TestMarket::new();
        let bus = market.bus;
        let offer = market.offer(10_000);
        market.lock(&offer, 4_000);
        let settle = market.lock_settle(&offer);
        market.decide(&bus, action);
        market.pass(300);
        market.execute(&[settle]);
        assert_eq!(market.offer_state(&offer).proceeds, 1_000_000);
    }
}

#[test]
pub fn lock_settle_of_a_lock_that_was_released_is_rejected() {
    let mut market = TestMarket::new();
    let (mint, vault, buyer) = (market.bus.mint, market.vault, market.buyer);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    // A frozen vault keeps the refund, and with it the lock's account.
    market.freeze(&mint, &vault);
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    let settle = market.lock_settle(&offer);
    market.assert_refused(&[settle], MultibusError::LockReleased);
}

#[test]
pub fn what_was_signed_for_an_earlier_lock_ends_no_later_one_in_its_place() {
    refuses!(replay: lock_settle, lock_release; lock_expiry: lock_settle, lock_release);
    let mut market = TestMarket::new();
    let (buyer, stranger) = (market.buyer, market.wallet("stranger"));
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let old = [market.lock_settle(&offer), market.lock_release(&offer, &buyer)];
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    // Also one of the same second.
    market.lock(&offer, 1_000);
    for instruction in old {
        market.assert_refused(&[instruction], MultibusError::LockChanged);
    }
    let lock_number = market.lock_number(&offer, &buyer, 0);
    assert_eq!(lock_number, 2);
    for wrong in [0, 1, 3, u32::MAX] {
        let nonce = market.nonce(&market.lane);
        let settle = LockSettle { nonce, lock_number: wrong }.to_instruction(market.lock_settle_accounts(&offer));
        market.assert_refused(&[settle], MultibusError::LockChanged);
        let release =
            LockRelease { lock_number: wrong }.to_instruction(market.lock_release_accounts(&offer, &stranger));
        market.assert_refused(&[release], MultibusError::LockChanged);
    }
    // The numbers are the offer's: another buyer's lock has the next.
    let (other, _, _) = other_lock(&mut market, &offer);
    assert_eq!(market.lock_number(&offer, &other, 0), 3);
}

#[test]
pub fn lock_settle_twice_is_rejected() {
    refuses!(replay: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    let settle = market.lock_settle(&offer);
    let mut again = settle.clone();
    again.data = anchor_lang::InstructionData::data(&LockSettle {
        nonce: market.nonce(&market.lane) + 1,
        lock_number: market.lock_number(&offer, &market.buyer, 0),
    });
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
        let lock_number = market.lock_number(&offer, &market.buyer, 0);
        let settle = LockSettle { nonce, lock_number }.to_instruction(market.lock_settle_accounts(&offer));
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
    let settle = market.settlement(&offer, &other, 0);
    market.execute(&[settle]);
    assert_eq!(market.offer_state(&offer).proceeds, 1_000_000);
}

#[test]
pub fn lock_settle_by_another_buyer_is_rejected() {
    refuses!(substituted_address: lock_settle; theft: lock_settle);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let lock = market.lock(&offer, 4_000);
    let (thief, _, lane) = other_lock(&mut market, &offer);
    let mut accounts = lock_settle_accounts(&offer, &lane, 0);
    accounts.lock = lock;
    let lock_number = market.lock_number(&offer, &market.buyer, 0);
    let settle = LockSettle { nonce: market.nonce(&lane), lock_number }.to_instruction(accounts);
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
pub fn lock_settle_depends_on_no_token_account() {
    // No settlement asks for one: whoever owns or froze an account that was used before, the buyer gets its energy.
    withstands!(token_2022: lock_settle; theft: lock_settle);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (mint, seller, buyer) = (market.bus.mint, market.seller, market.buyer);
        let (payout, payment, vault) = (market.payout, market.payment, market.vault);
        let offer = market.offer(10_000);
        market.lock(&offer, 4_000);
        market.close_token_account(&mint, &payout, &seller);
        market.close_token_account(&mint, &payment, &buyer);
        market.freeze(&mint, &vault);
        let settle = market.lock_settle(&offer);
        assert_eq!(settle.accounts.len(), 4);
        market.execute(&[settle]);
        assert_eq!(market.offer_state(&offer).proceeds, 1_000_000);
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

/// The caller releases a lock on 4 kWh; returns what the buyer got back, and what the seller got.
fn release(market: &mut TestMarket, offer: &OfferAddresses, caller: &Address) -> (u64, u64) {
    let buyer = market.buyer;
    let seller = market.bus.seller(&market.seller);
    let (lock, _) = pda::lock(&offer.address, &buyer, 0);
    let (lamports, rent) = (market.lamports(&buyer), market.lamports(&lock));
    let (payment, vault) = (market.tokens(&market.payment), market.tokens(&market.vault));
    let released = market.seller_state(&seller).released;
    let release = market.lock_release(offer, caller);
    let meta = market.execute(&[release]);
    assert!(!market.exists(&lock));
    assert_eq!(market.lamports(&buyer), lamports + rent, "the rent goes to the buyer, whoever releases");
    let state = market.offer_state(offer);
    assert_eq!((state.remaining_wh, state.reserved_wh, state.open_locks), (10_000, 0, 0));
    assert_eq!(state.deposits, 0);
    let refund = market.tokens(&market.payment) - payment;
    let fee = market.seller_state(&seller).released - released;
    assert_eq!(market.tokens(&market.vault), vault - refund, "the fee stays in the vault");
    assert_logged(
        &meta,
        &LockReleased {
            lock,
            offer: offer.address,
            buyer,
            released_by: *caller,
            energy_wh: 4_000,
            refund,
            fee,
            outcome: state::RefundOutcome::Paid as u8,
            padding: [0; 7],
        },
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
        let attempts = [
            purchase.to_instruction(purchase_accounts(&offer, &lane, payment)),
            batch(&lane, payment, nonce, &[(offer, 6_001)]),
            lock_take(&offer, &other, 0, payment, 6_001),
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
            assert_eq!(market.offer_state(&offer).proceeds, 1_000_000, "4 kWh at 0.25, the price of the lock");
        }
        // Neither waits for the seller.
        market.execute(&[offer_cancel(&offer, &stranger)]);
        assert!(!market.exists(&offer.address));
    }
}

#[test]
pub fn lock_release_rounds_the_fee_for_the_buyer() {
    withstands!(arithmetic: lock_release);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| (config.lock_fee_bps, config.base_price_per_kwh) = (250, 1))
    });
    let (buyer, seller) = (market.buyer, market.bus.seller(&market.seller));
    let offer = market.offer_with(|options| options.price(1_000));
    for (energy_wh, fee) in [(39, 0), (40, 1), (79, 1), (80, 2)] {
        let (payment, released) = (market.tokens(&market.payment), market.seller_state(&seller).released);
        market.lock(&offer, energy_wh);
        let release = market.lock_release(&offer, &buyer);
        market.execute(&[release]);
        assert_eq!(market.tokens(&market.payment), payment - fee);
        assert_eq!(market.seller_state(&seller).released, released + fee);
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
pub fn a_pause_changes_no_fee_since_locks_settle_while_paused() {
    let mut market = TestMarket::new();
    let (bus, buyer, stranger) = (market.bus, market.buyer, market.wallet("stranger"));
    let offer = market.offer(10_000);
    for caller in [buyer, stranger] {
        market.set_paused(&bus, false);
        market.lock(&offer, 4_000);
        market.set_paused(&bus, true);
        market.pass(301);
        assert_eq!(release(&mut market, &offer, &caller), (990_000, 10_000));
    }
    // Nor does one that ended in between.
    market.set_paused(&bus, false);
    market.lock(&offer, 4_000);
    market.set_paused(&bus, true);
    market.set_paused(&bus, false);
    market.pass(301);
    assert_eq!(release(&mut market, &offer, &stranger), (990_000, 10_000));
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
pub fn lock_release_refunded_to_another_account_than_the_locks_is_rejected() {
    refuses!(theft: lock_release; substituted_address: lock_release; duplicate_account: lock_release);
    let mut market = TestMarket::new();
    let (bus, buyer, stranger) = (market.bus, market.buyer, market.wallet("stranger"));
    let own = market.token_account("buyer's other account", &bus.mint, &buyer, 0);
    let thiefs = market.token_account("thief's tokens", &bus.mint, &stranger, 0);
    let of_the_bus = market.token_account("another of the bus", &bus.mint, &bus.address, 0);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.pass(301);
    for caller in [buyer, stranger] {
        for refund in [own, thiefs, of_the_bus, bus.treasury, bus.unclaimed, offer.vault, offer.address] {
            let release = release_with(&market, &offer, &caller, |accounts| accounts.refund = refund);
            market.assert_refused(&[release], MultibusError::RefundMismatch);
        }
    }
}

/// Takes a lock of 1 kWh that names `refund`, makes it unpayable, and lets a stranger release it: the buyer gets a claim.
fn becomes_a_claim(
    market: &mut TestMarket,
    offer: &OfferAddresses,
    refund: Address,
    change: impl FnOnce(&mut TestMarket),
) {
    let (bus, buyer, stranger) = (market.bus, market.buyer, market.wallet("stranger"));
    let (claimed, unclaimed) = (market.claim_amount(&bus, &buyer), market.tokens(&bus.unclaimed));
    let take = refunded_to(market, offer, 0, refund);
    market.execute(&[take]);
    change(market);
    market.pass(301);
    let release = market.release(offer, &stranger, &buyer, 0);
    let meta = market.execute(&[release]);
    assert_eq!(market.claim_amount(&bus, &buyer), claimed + 247_500);
    assert_eq!(market.tokens(&bus.unclaimed), unclaimed + 247_500);
    assert!(!market.exists(&pda::lock(&offer.address, &buyer, 0).0));
    let claim: state::Claim = market.state(&bus.claim(&buyer));
    assert_eq!((claim.bus, claim.wallet, claim.refund), (bus.address, buyer, refund));
    let told: Vec<_> = logged(&meta.logs).iter().map(|bytes| multibus_tests::event::decode(bytes)).collect();
    let [Event::ClaimOwed(owed), Event::LockReleased(released)] = &told[..] else { panic!("two events: {told:?}") };
    assert_eq!((owed.amount, owed.total, owed.wallet), (247_500, claim.amount, buyer));
    assert_eq!((released.refund, released.outcome), (247_500, state::RefundOutcome::Claimed as u8));
}

#[test]
pub fn lock_release_whose_refund_account_cannot_be_paid_makes_a_claim() {
    withstands!(
        wrong_account: lock_release; token_2022: lock_release; duplicate_account: lock_release;
        reinitialisation: lock_release
    );
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, mint, buyer, seller) = (market.bus, market.bus.mint, market.buyer, market.seller);
        let stranger = market.wallet("stranger");
        let offer = market.offer(100_000);
        let fresh = |market: &mut TestMarket, name: &str| market.token_account(name, &mint, &buyer, 0);
        let closed = fresh(&mut market, "closed");
        becomes_a_claim(&mut market, &offer, closed, |market| market.close_token_account(&mint, &closed, &buyer));
        let frozen = fresh(&mut market, "frozen");
        becomes_a_claim(&mut market, &offer, frozen, |market| market.freeze(&mint, &frozen));
        let sold = fresh(&mut market, "sold");
        becomes_a_claim(&mut market, &offer, sold, |market| market.set_token_owner(&mint, &sold, &buyer, &stranger));
        if program == TokenProgram::Token2022 {
            let memo = fresh(&mut market, "memo");
            becomes_a_claim(&mut market, &offer, memo, |market| market.ask_memo(&mint, &memo, &buyer));
        }
        let worthless = market.mint("worthless", program, &[]);
        let of_worthless = market.token_account("buyer's worthless tokens", &worthless, &buyer, 0);
        let never = market.key("never opened");
        let wallet = market.wallet("a wallet");
        let (lane, payout, vault) = (market.lane.address, market.payout, market.vault);
        let lock = pda::lock(&offer.address, &buyer, 0).0;
        let strange = [
            of_worthless,
            never,
            wallet,
            lane,
            payout,
            vault,
            lock,
            offer.address,
            offer.seller,
            bus.address,
            bus.ledger,
            bus.unclaimed,
            bus.treasury,
            bus.claim(&buyer),
            buyer,
            seller,
            mint.address,
        ];
        for refund in strange {
            becomes_a_claim(&mut market, &offer, refund, |_| ());
        }
    }
}

#[test]
pub fn lock_release_whose_refund_account_no_transaction_can_write_makes_a_claim() {
    // The chain never lets a transaction write programs and sysvars.
    let mut market = TestMarket::new();
    let offer = market.offer(100_000);
    let sysvar = solana_sdk_ids::sysvar::clock::ID;
    for refund in [solana_sdk_ids::system_program::ID, sysvar, spl_token_interface::ID, multibus::ID] {
        becomes_a_claim(&mut market, &offer, refund, |_| ());
    }
}

#[test]
pub fn lock_release_to_a_multisig_that_reads_like_a_token_account_makes_a_claim() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let offer = market.offer(100_000);
        let (mint, buyer, refund) = (market.bus.mint, market.buyer, market.key("multisig"));
        // A multisig has 355 bytes, most of them keys that its maker chooses.
        let mut data = vec![0; 355];
        data[..32].copy_from_slice(mint.address.as_ref());
        data[32..64].copy_from_slice(buyer.as_ref());
        (data[108], data[165]) = (1, 2);
        let owner = program.address();
        market.svm.set_account(refund, Account { lamports: 10_000_000, data, owner, ..Account::default() }).unwrap();
        becomes_a_claim(&mut market, &offer, refund, |_| ());
    }
}

#[test]
pub fn lock_release_by_its_buyer_whose_account_is_closed_is_pulled_later_from_any_account() {
    let mut market = TestMarket::new();
    let (bus, mint, buyer, payment) = (market.bus, market.bus.mint, market.buyer, market.payment);
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.close_token_account(&mint, &payment, &buyer);
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    let other = market.token_account("buyer's other account", &mint, &buyer, 0);
    let pay = market.claim_payment(&bus, &buyer, &buyer, other);
    market.execute(&[pay]);
    assert_eq!((market.tokens(&other), market.tokens(&bus.unclaimed)), (990_000, 0));
}

#[test]
pub fn lock_release_from_a_frozen_vault_frees_the_energy_and_pays_later() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, mint, vault) = (market.bus, market.bus.mint, market.vault);
        let stranger = market.wallet("stranger");
        let offer = market.offer(10_000);
        let lock = market.lock(&offer, 4_000);
        market.freeze(&mint, &vault);
        market.pass(301);
        let release = market.lock_release(&offer, &stranger);
        market.execute(&[release]);
        let state: state::Lock = market.state(&lock);
        assert_eq!((state.state, state.energy_wh, state.deposit), (state::LockState::Unpaid as u8, 0, 990_000));
        assert_eq!(market.offer_state(&offer).free_wh(), 10_000);
        // Again while it is frozen nothing happens; the offer stays until the refund is paid.
        let again = market.lock_release(&offer, &stranger);
        market.assert_refused(from_ref(&again), MultibusError::PayerFrozen);
        let seller = market.seller;
        market.execute(&[offer_cancel(&offer, &seller)]);
        assert!(market.exists(&offer.address));
        market.assert_refused(&[offer_cancel(&offer, &seller)], MultibusError::NothingToCancel);
        // Where the refund account is unpayable and the unclaimed account is frozen, it waits as well.
        market.thaw(&mint, &vault);
        market.freeze(&mint, &bus.unclaimed);
        let payment = market.payment;
        market.freeze(&mint, &payment);
        market.assert_refused(from_ref(&again), MultibusError::PayerFrozen);
        market.thaw(&mint, &payment);
        market.execute(&[again]);
        assert_eq!((market.tokens(&payment), market.exists(&lock)), (BUYER_TOKENS - 10_000, false));
        market.execute(&[offer_cancel(&offer, &stranger)]);
        assert!(!market.exists(&offer.address));
    }
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
    refuses!(substituted_address: lock_release; theft: lock_release; foreign_program: lock_release);
    let mut market = TestMarket::new();
    let (bus, buyer, seller) = (market.bus, market.buyer, market.seller);
    let other = second_bus(&mut market);
    let elsewhere = market.open_seller(&other, &seller);
    let own_sales = market.open_own_seller(&bus, &seller);
    let sellers = market.token_account("seller's other account", &bus.mint, &seller, 0);
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    market.lock(&one, 4_000);
    type Change = Box<dyn Fn(&mut multibus::accounts::LockRelease)>;
    let refused: Vec<(Change, MultibusError)> = vec![
        (Box::new(move |accounts| accounts.bus = other.address), MultibusError::BusMismatch),
        (Box::new(move |accounts| accounts.offer = two.address), MultibusError::LockOfferMismatch),
        (Box::new(move |accounts| accounts.seller = elsewhere.address), MultibusError::SellerMismatch),
        (Box::new(move |accounts| accounts.seller = own_sales.address), MultibusError::SellerMismatch),
        (Box::new(move |accounts| accounts.vault = elsewhere.vault), MultibusError::VaultMismatch),
        (Box::new(move |accounts| accounts.vault = bus.treasury), MultibusError::VaultMismatch),
        (Box::new(move |accounts| accounts.vault = sellers), MultibusError::VaultMismatch),
        (
            Box::new(|accounts| accounts.token_program = TokenProgram::Token2022.address()),
            MultibusError::TokenProgramMismatch,
        ),
    ];
    for (change, error) in &refused {
        let release = release_with(&market, &one, &buyer, change);
        market.assert_refused(&[release], *error);
    }
    // What a claim is kept with is looked at where the refund account cannot be paid.
    let (mint, payment) = (bus.mint, market.payment);
    let stranger = market.wallet("stranger");
    market.freeze(&mint, &payment);
    // The buyer has a claim on another bus, too.
    market.decide(&other, ProposalAction::OwnerAdd { owner: buyer, shares_bps: vec![1, 9_999] });
    market.gift(&mint, &other.treasury, 10_000);
    let associated = TestChain::associated_address(&mint, &buyer);
    market.execute(&[treasury_claim_by(&other, &stranger, &buyer, associated)]);
    let claim_elsewhere = other.claim(&buyer);
    assert_eq!(market.claim_amount(&other, &buyer), 9_999);
    let refused: Vec<(Change, Refusal)> = vec![
        (Box::new(move |accounts| accounts.unclaimed = other.unclaimed), MultibusError::UnclaimedMismatch.into()),
        (Box::new(move |accounts| accounts.unclaimed = bus.treasury), MultibusError::UnclaimedMismatch.into()),
        (Box::new(move |accounts| accounts.ledger = other.ledger), MultibusError::LedgerMismatch.into()),
        (Box::new(move |accounts| accounts.ledger = accounts.bus), Refusal::NotTheAccount),
        (Box::new(move |accounts| accounts.claim = bus.claim(&stranger)), MultibusError::ClaimMismatch.into()),
        (Box::new(move |accounts| accounts.claim = claim_elsewhere), MultibusError::ClaimMismatch.into()),
        (Box::new(move |accounts| accounts.claim = accounts.offer), Refusal::NotTheAccount),
    ];
    for (change, refusal) in refused {
        let release = release_with(&market, &one, &buyer, change);
        market.assert_refused(&[release], refusal);
    }
    let good = market.lock_release(&one, &buyer);
    market.execute(&[good]);
    assert_eq!(market.claim_amount(&bus, &buyer), 990_000);
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
    // The vault still has the other buyer's deposit.
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
    let settle = market.lock_settle(&offer);
    let fund = solana_system_interface::instruction::transfer(&buyer, &lock, 5_000_000);
    market.execute(&[release.clone(), fund]);
    let account = market.account(&lock);
    assert_eq!((account.owner, account.data.len()), (Address::default(), 0));
    market.assert_refused(&[release], Refusal::NotTheAccount);
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
    let seller = market.bus.seller(&market.seller);
    assert_eq!(market.seller_state(&seller).released, 10_000, "the first lock's fee is the seller's");
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
    assert_eq!(market.offer_state(&offer).proceeds, 1_000_000);
    // Sold out now, so anyone may close it; the sale stays in the capacity's books.
    let stranger = market.wallet("stranger");
    market.execute(&[offer_cancel(&offer, &stranger)]);
    assert_eq!(market.capacity_state(&bus.capacity).committed_wh, 4_000);
}

#[test]
pub fn lock_released_after_cancellation_lets_anyone_close_the_offer() {
    let mut market = TestMarket::new();
    let (bus, seller, buyer, stranger) = (market.bus, market.seller, market.buyer, market.wallet("stranger"));
    let offer = market.offer(10_000);
    market.lock(&offer, 4_000);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    market.execute(&[offer_cancel(&offer, &stranger)]);
    let capacity = market.capacity_state(&bus.capacity);
    assert_eq!((capacity.available_wh, capacity.committed_wh, capacity.open_offers), (1_000_000, 0, 0));
}
