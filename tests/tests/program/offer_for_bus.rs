//! The bus's own offers: what owners and operator may do with them, and with offers of those who left.

use {
    multibus::{
        error::MultibusError,
        event,
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusOptions, OfferAddresses, Refusal, TestMarket, TokenProgram, chain::FIRST, event::assert_logged,
        instructions::*, key::pda, market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
};

fn create(market: &TestMarket, owner: &Address, options: OfferOptions) -> Instruction {
    offer_create_for_bus(&market.bus, market.bus.capacity, owner, options)
}

/// An own offer of the bus that lasts 1,000 s, which an owner lists; it does not trade yet.
fn listed(market: &mut TestMarket, owner: &Address) -> OfferAddresses {
    let (bus, expires_at) = (market.bus, market.now() + 1_000);
    let seller = market.open_own_seller(&bus, owner);
    let options = OfferOptions::new(0).number(market.chain.next_offer(&seller)).expires(expires_at);
    market.create_offer_for_bus(&bus, bus.capacity, owner, options)
}

/// An offer that the wallet sells itself.
fn members_offer(market: &mut TestMarket, wallet: &Address) -> OfferAddresses {
    let bus = market.bus;
    let seller = market.open_seller(&bus, wallet);
    let options = OfferOptions::new(0).number(market.chain.next_offer(&seller));
    market.create_offer(&bus, bus.capacity, wallet, options)
}

fn remove_last(market: &mut TestMarket, owners: &[Address]) {
    let (owner, bus) = (*owners.last().unwrap(), market.bus);
    market.decide(&bus, ProposalAction::OwnerRemove { owner, shares_bps: equal_shares(owners.len() - 1) });
}

#[test]
pub fn offer_create_for_bus_writes_an_offer_that_the_bus_sells() {
    let (mut market, owners) = TestMarket::owned_by(3, 3, |_| ());
    let (bus, owner) = (market.bus, owners[2]);
    let before = market.lamports(&owner);
    let expires_at = market.now() + 3_600;
    let own = market.open_own_seller(&bus, &owners[0]);
    let options = OfferOptions { number: FIRST, energy_wh: 12_345, price_per_kwh: 10_000, expires_at, source: 2 };
    let create = create(&market, &owner, options);
    let meta = market.execute(&[create]);
    let (address, bump) = pda::offer(&own.address, FIRST);
    let expected = state::Offer {
        layout_version: 2,
        bump,
        source: 2,
        cancelled: 0,
        version: 1,
        open_locks: 0,
        locks_taken: 0,
        number: FIRST,
        price_per_kwh: 10_000,
        listed_wh: 12_345,
        remaining_wh: 12_345,
        reserved_wh: 0,
        proceeds: 0,
        deposits: 0,
        window_start: 0,
        gate_closes_at: i64::MAX,
        created_at: market.now(),
        trades_from: market.now() + 120,
        expires_at,
        locked_until: 0,
        least_wh: 1,
        bus: bus.address,
        capacity: bus.capacity,
        seller: own.address,
        vault: own.vault,
        wallet: bus.address,
        rent_payer: owner,
        grid_fee_per_kwh: 0,
        grid_credited: 0,
        book: Address::default(),
        book_place: 0,
        on_delivery: 0,
        in_auction: 0,
        settled: 0,
        padding: [0; 4],
        full_price_per_kwh: 10_000,
        reserved: [0; 7],
    };
    assert_eq!(market.state::<state::Offer>(&address), expected);
    assert_eq!(before - market.lamports(&owner), market.lamports(&address));
    assert_logged(
        &meta,
        &event::OfferCreated {
            bus: bus.address,
            capacity: bus.capacity,
            offer: address,
            seller: own.address,
            rent_payer: owner,
            number: FIRST,
            energy_wh: 12_345,
            price_per_kwh: 10_000,
            grid_fee_per_kwh: 0,
            window_start: 0,
            created_at: market.now(),
            trades_from: market.now() + 120,
            expires_at,
            capacity_total_wh: 1_000_000,
            source: 2,
            padding: [0; 7],
        },
    );
}

#[test]
pub fn offer_create_for_bus_by_stranger_is_rejected() {
    // Also where anyone may list for itself.
    for listing_policy in [0, 1, 2] {
        let (mut market, owners) = TestMarket::owned_by(2, 1, |config| config.listing_policy = listing_policy);
        let (bus, stranger) = (market.bus, market.wallet("stranger"));
        market.assert_refused(&[seller_open(&bus.own_seller(), &stranger)], MultibusError::NotTheSeller);
        market.open_own_seller(&bus, &owners[1]);
        let create = create(&market, &stranger, OfferOptions::new(0));
        market.assert_refused(&[create], MultibusError::NotTheSeller);
    }
}

#[test]
pub fn offer_create_for_bus_by_an_owner_who_left_is_rejected() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let bus = market.bus;
    market.open_own_seller(&bus, &owners[1]);
    let create = create(&market, &owners[1], OfferOptions::new(0));
    remove_last(&mut market, &owners);
    market.assert_refused(&[create], MultibusError::NotTheSeller);
}

#[test]
pub fn offer_create_for_bus_keeps_the_rules_of_every_offer() {
    refuses!(arithmetic: offer_create; reinitialisation: offer_create; capacity_leak: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller, now) = (market.bus, market.seller, market.now());
    market.open_own_seller(&bus, &seller);
    let new = OfferOptions::new;
    let refused = [
        (new(0).energy(0), MultibusError::EnergyZero),
        (new(0).energy(1_000_001), MultibusError::CapacityExceeded),
        (new(0).energy(u64::MAX), MultibusError::CapacityExceeded),
        (new(0).price(9_999), MultibusError::PriceBelowBase),
        (new(0).source(6), MultibusError::SourceUnknown),
        (new(0).expires(now), MultibusError::ExpiryInPast),
        (new(0).expires(i64::MAX), MultibusError::ExpiryTooLate),
        (new(1), MultibusError::NumberNotNext),
    ];
    for (options, error) in refused {
        let create = create(&market, &seller, options);
        market.assert_refused(&[create], error);
    }
    // Its number is the bus's own, whoever else sells.
    market.offer(1);
    let first = create(&market, &seller, new(0));
    market.execute(std::slice::from_ref(&first));
    market.assert_refused(&[first], Refusal::custom(0));
    let next = create(&market, &seller, new(1));
    market.set_paused(&bus, true);
    market.assert_refused(std::slice::from_ref(&next), MultibusError::BusPaused);
    market.set_paused(&bus, false);
    market.execute(&[next]);

    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    market.open_own_seller(&bus, &seller);
    let general = create(&market, &seller, new(0));
    market.assert_refused(&[general], MultibusError::WindowsOn);
    market.execute(&[capacity_open(&bus, &seller, start)]);
    let in_window = offer_create_for_bus(&bus, bus.window(start), &seller, new(0).expires(start - 60));
    market.go_to(start - 60);
    market.assert_refused(std::slice::from_ref(&in_window), MultibusError::GateClosed);
    market.go_to(start - 61);
    market.execute(&[in_window]);
}

#[test]
pub fn the_bus_never_sells_below_its_reserve_price() {
    refuses!(moved_price: offer_create, offer_reprice, purchase, purchase_batch, lock_take);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| config.reserve_price_per_kwh = 300_000)
    });
    let (bus, seller) = (market.bus, market.seller);
    market.open_own_seller(&bus, &seller);
    for price in [10_000, 299_999] {
        let create = create(&market, &seller, OfferOptions::new(0).price(price));
        market.assert_refused(&[create], MultibusError::PriceBelowReserve);
    }
    // Members are not bound by it.
    market.offer(1_000);
    let offer = market.bus_offer(&seller, 10_000, 300_000);
    market.assert_refused(&[offer_reprice(&offer, &seller, 299_999)], MultibusError::PriceBelowReserve);
    market.buy(&offer, 1_000);
    // A reserve price that rises binds what is listed already.
    market.decide(&bus, ProposalAction::ReservePriceSet { reserve_price_per_kwh: 300_001 });
    let refused = [market.purchase(&offer, 1_000), market.batch(&[(offer, 1_000)]), market.lock_take(&offer, 1_000)];
    for trade in refused {
        market.assert_refused(&[trade], MultibusError::PriceBelowReserve);
    }
    market.execute(&[offer_reprice(&offer, &seller, 300_001)]);
    market.buy(&offer, 1_000);
    // The base price holds as well.
    market.decide(&bus, ProposalAction::ReservePriceSet { reserve_price_per_kwh: 0 });
    market.assert_refused(&[offer_reprice(&offer, &seller, 9_999)], MultibusError::PriceBelowBase);
}

#[test]
pub fn the_bus_offers_trade_120_seconds_after_they_were_listed_or_lowered() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = listed(&mut market, &seller);
    let from = market.now() + 120;
    let waits = |market: &mut TestMarket| {
        let trades = [market.purchase(&offer, 1_000), market.batch(&[(offer, 1_000)]), market.lock_take(&offer, 1_000)];
        for trade in trades {
            market.assert_refused(&[trade], MultibusError::OfferNotYetTrading);
        }
    };
    waits(&mut market);
    market.go_to(from - 1);
    waits(&mut market);
    market.go_to(from);
    market.buy(&offer, 1_000);
    // Raised, it trades on; lowered, it waits again, also in one transaction with the purchase.
    market.execute(&[offer_reprice(&offer, &seller, 300_000)]);
    market.buy(&offer, 1_000);
    let lower = offer_reprice(&offer, &seller, 299_999);
    let purchase = market.purchase(&offer, 1_000);
    market.assert_refused(&[lower.clone(), purchase], MultibusError::OfferNotYetTrading);
    market.execute(&[lower]);
    market.go_to(from + 119);
    waits(&mut market);
    market.go_to(from + 120);
    market.buy(&offer, 1_000);
    // Another expiry makes it wait for nothing; once it has expired, it does not come back.
    let expires_at = market.offer_state(&offer).expires_at;
    market.execute(&[offer_set_expiry(&offer, &seller, expires_at + 1)]);
    market.buy(&offer, 1_000);
    market.go_to(expires_at + 1);
    let late = offer_set_expiry(&offer, &seller, expires_at + 1_000);
    market.assert_refused(&[late], MultibusError::OfferExpired);
}

#[test]
pub fn the_operator_withdraws_the_bus_offers_and_those_of_who_may_not_list() {
    let (mut market, owners) = TestMarket::owned_by(2, 2, |config| {
        config.operator = Some(solana_signer::Signer::pubkey(&multibus_tests::keypair("operator")));
    });
    let (bus, operator, member) = (market.bus, market.wallet("operator"), market.wallet("member"));
    let own = listed(&mut market, &owners[0]);
    let members = members_offer(&mut market, &member);
    market.assert_refused(&[offer_cancel(&members, &operator)], MultibusError::OfferStillTrading);
    // Neither price nor expiry of the bus's offers are the operator's.
    market.assert_refused(&[offer_reprice(&own, &operator, 20_000)], MultibusError::NotTheSeller);
    let later = market.now() + 2_000;
    market.assert_refused(&[offer_set_expiry(&own, &operator, later)], MultibusError::NotTheSeller);
    market.execute(&[offer_cancel(&own, &operator)]);
    market.execute(&[seller_suspend(&bus.seller(&member), &operator)]);
    market.execute(&[offer_cancel(&members, &operator)]);
    assert!(!market.exists(&own.address) && !market.exists(&members.address));
}

#[test]
pub fn offer_create_for_bus_with_accounts_of_another_bus_is_rejected() {
    refuses!(substituted_address: offer_create; capacity_leak: offer_create);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let thief = market.wallet("thief");
    let other = market.create_bus(&thief, &bus.mint, &BusOptions::new(&thief));
    market.open_own_seller(&bus, &seller);
    market.open_own_seller(&other, &thief);
    // The thief owns the other bus, not the one whose capacity it would fill.
    let mixed = offer_create_for_bus(&other, bus.capacity, &thief, OfferOptions::new(0));
    market.assert_refused(&[mixed], MultibusError::CapacityMismatch);
    let mut mixed = create(&market, &thief, OfferOptions::new(0));
    market.assert_refused(std::slice::from_ref(&mixed), MultibusError::NotTheSeller);
    mixed.accounts[1].pubkey = other.address;
    market.assert_refused(&[mixed], MultibusError::BusMismatch);
}

#[test]
pub fn the_owner_who_listed_changes_the_bus_offers_and_the_others_withdraw_them_in_a_pause() {
    let (mut market, owners) = TestMarket::owned_by(3, 3, |config| config.pause_quorum = 2);
    let (bus, lister) = (market.bus, owners[0]);
    let offer = listed(&mut market, &lister);
    let later = market.now() + 2_000;
    market.execute(&[offer_reprice(&offer, &lister, 300_000), offer_set_expiry(&offer, &lister, later)]);
    assert_eq!(market.offer_state(&offer).version, 3);
    for other in &owners[1..] {
        market.assert_refused(&[offer_reprice(&offer, other, 310_000)], MultibusError::NotTheSeller);
        market.assert_refused(&[offer_set_expiry(&offer, other, later - 1)], MultibusError::NotTheSeller);
        market.assert_refused(&[offer_cancel(&offer, other)], MultibusError::OfferStillTrading);
    }
    // As many as may pause the bus may withdraw what one of them listed, together, each counted once.
    let together = |signers: &[(Address, bool)]| {
        let mut cancel = offer_cancel(&offer, &owners[1]);
        cancel.accounts.extend(signers.iter().map(|(owner, signs)| AccountMeta::new_readonly(*owner, *signs)));
        cancel
    };
    let stranger = market.buyer;
    let too_few = [
        vec![],
        vec![(owners[1], true), (owners[1], true)],
        vec![(owners[2], false)],
        vec![(stranger, true), (owners[2], false)],
    ];
    for signers in too_few {
        market.assert_refused(&[together(&signers)], MultibusError::OfferStillTrading);
    }
    let before = market.snapshot();
    market.execute(&[together(&[(stranger, true), (owners[2], true)])]);
    assert!(!market.exists(&offer.address));
    market.restore(before);
    // Or each alone once they have paused it.
    market.set_paused(&bus, true);
    let (before, rent) = (market.lamports(&lister), market.lamports(&offer.address));
    market.execute(&[offer_cancel(&offer, &owners[1])]);
    assert!(!market.exists(&offer.address));
    assert_eq!(market.lamports(&lister), before + rent, "the rent goes to who listed it");
    market.set_paused(&bus, false);
    let offer = listed(&mut market, &owners[1]);
    market.execute(&[offer_cancel(&offer, &owners[1])]);
}

#[test]
pub fn the_last_of_sixteen_owners_counts_where_owners_withdraw_together() {
    let (mut market, owners) = TestMarket::owned_by(16, 2, |config| config.pause_quorum = 2);
    let offer = listed(&mut market, &owners[0]);
    let mut cancel = offer_cancel(&offer, &owners[1]);
    cancel.accounts.push(AccountMeta::new_readonly(owners[15], true));
    market.execute(&[cancel]);
    assert!(!market.exists(&offer.address));
}

#[test]
pub fn a_stranger_does_nothing_with_the_bus_offers() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    let (bus, buyer) = (market.bus, market.buyer);
    let offer = listed(&mut market, &owners[2]);
    // Nor does an owner of another bus, nor the lister once it has left.
    let other_owner = market.wallet("other owner");
    market.create_bus(&other_owner, &bus.mint, &BusOptions::new(&other_owner));
    remove_last(&mut market, &owners);
    for wallet in [buyer, other_owner, owners[2]] {
        market.assert_refused(&[offer_reprice(&offer, &wallet, 20_000)], MultibusError::NotTheSeller);
        let later = market.now() + 2_000;
        market.assert_refused(&[offer_set_expiry(&offer, &wallet, later)], MultibusError::NotTheSeller);
        market.assert_refused(&[offer_cancel(&offer, &wallet)], MultibusError::OfferStillTrading);
    }
    // The owners who stayed withdraw it in a pause; the rent is still the lister's.
    market.set_paused(&bus, true);
    let (before, rent) = (market.lamports(&owners[2]), market.lamports(&offer.address));
    market.execute(&[offer_cancel(&offer, &owners[1])]);
    assert_eq!(market.lamports(&owners[2]), before + rent);
}

#[test]
pub fn an_owner_buys_from_the_bus_like_anyone() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let mint = market.bus.mint;
    let offer = market.bus_offer(&owners[0], 10_000, 250_000);
    let payment = market.token_account("owner's tokens", &mint, &owners[0], BUYER_TOKENS);
    let lane = market.open_lane(&owners[0], 0);
    let nonce = market.nonce(&lane);
    market.execute(&[batch(&lane, payment, nonce, &[(offer, 1_000)])]);
    assert_eq!(market.tokens(&offer.vault), 250_000);
}

#[test]
pub fn what_a_removed_owner_has_on_offer_any_owner_withdraws() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |config| config.listing_policy = 0);
    let bus = market.bus;
    let (leaver, stranger) = (owners[2], market.buyer);
    let offers = [members_offer(&mut market, &leaver), members_offer(&mut market, &leaver)];
    let kept = members_offer(&mut market, &owners[1]);
    market.lock(&offers[1], 4_000);
    // While it is an owner, nobody else may.
    for caller in [owners[0], owners[1], stranger] {
        market.assert_refused(&[offer_cancel(&offers[0], &caller)], MultibusError::OfferStillTrading);
    }
    remove_last(&mut market, &owners);
    market.assert_refused(&[offer_cancel(&offers[0], &stranger)], MultibusError::OfferStillTrading);
    // Withdrawing is all they may: price and expiry are the seller's.
    market.assert_refused(&[offer_reprice(&offers[0], &owners[0], 20_000)], MultibusError::NotTheSeller);
    let (before, rent) = (market.lamports(&leaver), market.lamports(&offers[0].address));
    market.execute(&[offer_cancel(&offers[0], &owners[1])]);
    assert_eq!(market.lamports(&leaver), before + rent, "the rent goes to its payer");
    // What is locked stays the buyer's.
    market.execute(&[offer_cancel(&offers[1], &owners[0])]);
    assert_eq!(market.offer_state(&offers[1]).reserved_wh, 4_000);
    let settle = market.lock_settle(&offers[1]);
    market.execute(&[settle]);
    // The offers of those who stayed are nobody's but theirs.
    market.assert_refused(&[offer_cancel(&kept, &owners[0])], MultibusError::OfferStillTrading);
    assert_eq!(market.capacity_state(&bus.capacity).available_wh, 1_000_000 - 4_000 - 10_000);
}

#[test]
pub fn a_removed_owner_still_withdraws_its_own_offers() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |config| config.listing_policy = 0);
    let offer = members_offer(&mut market, &owners[1]);
    remove_last(&mut market, &owners);
    market.execute(&[offer_cancel(&offer, &owners[1])]);
}

#[test]
pub fn where_listing_is_open_owners_withdraw_no_members_offer() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    let member = market.wallet("member");
    let offers = [members_offer(&mut market, &member), members_offer(&mut market, &owners[2])];
    remove_last(&mut market, &owners);
    for offer in offers {
        for owner in &owners[..2] {
            market.assert_refused(&[offer_cancel(&offer, owner)], MultibusError::OfferStillTrading);
        }
    }
    // Once only owners list, they may: the listing of both has ended.
    let (bus, stranger) = (market.bus, market.buyer);
    market.decide(&bus, ProposalAction::ListingPolicySet { listing_policy: 0 });
    market.assert_refused(&[offer_cancel(&offers[0], &stranger)], MultibusError::OfferStillTrading);
    for offer in offers {
        market.execute(&[offer_cancel(&offer, &owners[1])]);
    }
}

#[test]
pub fn owners_of_another_bus_withdraw_nothing() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |config| config.listing_policy = 0);
    let bus = market.bus;
    let offer = members_offer(&mut market, &owners[1]);
    remove_last(&mut market, &owners);
    let thief = market.wallet("thief");
    let other = market.create_bus(&thief, &bus.mint, &BusOptions::new(&thief));
    market.assert_refused(&[offer_cancel(&offer, &thief)], MultibusError::OfferStillTrading);
    let elsewhere = OfferAddresses { bus: other, ..offer };
    market.assert_refused(&[offer_cancel(&elsewhere, &thief)], MultibusError::BusMismatch);
}
