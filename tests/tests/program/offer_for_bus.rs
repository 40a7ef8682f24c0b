//! `offer_create_for_bus`, what owners may do with the bus's own offers, and with offers of those who left.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::OfferCreateForBus,
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusOptions, OfferAddresses, Refusal, TestMarket, TokenProgram, event::assert_logged, instructions::*, key::pda,
        market::BUYER_TOKENS,
    },
    solana_address::Address,
    solana_instruction::error::InstructionError,
};

fn create(market: &TestMarket, owner: &Address, options: OfferOptions) -> solana_instruction::Instruction {
    offer_create_for_bus(&market.bus, market.bus.capacity, owner, options)
}

/// An offer that the wallet sells itself.
fn members_offer(market: &mut TestMarket, wallet: &Address) -> OfferAddresses {
    let bus = market.bus;
    let options = OfferOptions::new(market.next_offer_seq);
    market.next_offer_seq += 1;
    let payout = market.token_account(&format!("payout {}", options.offer_seq), &bus.mint, wallet, 0);
    market.create_offer(&bus, bus.capacity, wallet, payout, options)
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
    let options = OfferOptions { offer_seq: 5, energy_wh: 12_345, price_per_kwh: 10_000, expires_at, source: 2 };
    let create = create(&market, &owner, options);
    let meta = market.execute(&[create]);
    let (address, bump) = pda::offer(&bus.capacity, 5);
    let expected = state::Offer {
        layout_version: 1,
        bump,
        source: 2,
        owned_by_bus: 1,
        cancelled: 0,
        padding: [0; 3],
        version: 1,
        open_locks: 0,
        offer_seq: 5,
        price_per_kwh: 10_000,
        listed_wh: 12_345,
        remaining_wh: 12_345,
        reserved_wh: 0,
        window_start: 0,
        created_at: market.now(),
        expires_at,
        bus: bus.address,
        capacity: bus.capacity,
        seller: bus.address,
        payout: bus.treasury,
        rent_payer: owner,
        reserved: [0; 64],
    };
    assert_eq!(market.state::<state::Offer>(&address), expected);
    assert_eq!(before - market.lamports(&owner), market.lamports(&address));
    assert_logged(
        &meta,
        &event::OfferCreated {
            bus: bus.address,
            capacity: bus.capacity,
            offer: address,
            seller: bus.address,
            payout: bus.treasury,
            rent_payer: owner,
            offer_seq: 5,
            energy_wh: 12_345,
            price_per_kwh: 10_000,
            window_start: 0,
            created_at: market.now(),
            expires_at,
            source: 2,
            owned_by_bus: 1,
            padding: [0; 6],
        },
    );
}

#[test]
pub fn offer_create_for_bus_by_stranger_is_rejected() {
    // Also where anyone may list for itself.
    for listing_policy in [0, 1] {
        let (mut market, _) = TestMarket::owned_by(2, 1, |config| config.listing_policy = listing_policy);
        let stranger = market.wallet("stranger");
        let create = create(&market, &stranger, OfferOptions::new(0));
        market.assert_refused(&[create], MultibusError::NotAnOwner);
    }
}

#[test]
pub fn offer_create_for_bus_by_an_owner_who_left_is_rejected() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let create = create(&market, &owners[1], OfferOptions::new(0));
    remove_last(&mut market, &owners);
    market.assert_refused(&[create], MultibusError::NotAnOwner);
}

#[test]
pub fn offer_create_for_bus_keeps_the_rules_of_every_offer() {
    refuses!(
        arithmetic: offer_create_for_bus; reinitialisation: offer_create_for_bus; capacity_leak: offer_create_for_bus
    );
    let mut market = TestMarket::new();
    let (bus, seller, now) = (market.bus, market.seller, market.now());
    let new = OfferOptions::new;
    let refused = [
        (new(0).energy(0), MultibusError::EnergyZero),
        (new(0).energy(1_000_001), MultibusError::CapacityExceeded),
        (new(0).energy(u64::MAX), MultibusError::CapacityExceeded),
        (new(0).price(9_999), MultibusError::PriceBelowBase),
        (new(0).source(6), MultibusError::SourceUnknown),
        (new(0).expires(now), MultibusError::ExpiryInPast),
        (new(1_025), MultibusError::OfferSeqUnusable),
        (new(u64::MAX), MultibusError::OfferSeqUnusable),
    ];
    for (options, error) in refused {
        let create = create(&market, &seller, options);
        market.assert_refused(&[create], error);
    }
    // Its number is one of the capacity's, whoever sells.
    market.offer(1);
    let again = create(&market, &seller, new(0));
    market.assert_refused(&[again], Refusal::custom(0));
    let next = create(&market, &seller, new(1));
    market.set_paused(&bus, true);
    market.assert_refused(std::slice::from_ref(&next), MultibusError::BusPaused);
    market.set_paused(&bus, false);
    market.execute(&[next]);

    let mut market = TestMarket::windowed();
    let (bus, seller, start) = (market.bus, market.seller, market.next_window());
    let general = create(&market, &seller, new(0));
    market.assert_refused(&[general], MultibusError::WindowsOn);
    market.execute(&[capacity_open(&bus, &seller, start)]);
    let in_window = offer_create_for_bus(&bus, bus.window(start), &seller, new(0));
    market.go_to(start - 60);
    market.assert_refused(std::slice::from_ref(&in_window), MultibusError::GateClosed);
    market.go_to(start - 61);
    market.execute(&[in_window]);
}

#[test]
pub fn offer_create_for_bus_with_accounts_of_another_bus_is_rejected() {
    refuses!(substituted_address: offer_create_for_bus; capacity_leak: offer_create_for_bus);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let thief = market.wallet("thief");
    let other = market.create_bus(&thief, &bus.mint, &BusOptions::new(&thief));
    // The thief owns the other bus, not the one whose capacity it would fill.
    let mixed = offer_create_for_bus(&other, bus.capacity, &thief, OfferOptions::new(0));
    market.assert_refused(&[mixed], MultibusError::BusMismatch);
    for address in [pda::offer(&bus.capacity, 1).0, pda::offer(&other.capacity, 0).0, bus.escrow] {
        let mut accounts = offer_create_for_bus_accounts(&bus, bus.capacity, &seller, 0);
        accounts.offer = address;
        let OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at, source } = OfferOptions::new(0);
        let create =
            OfferCreateForBus { offer_seq, energy_wh, price_per_kwh, expires_at, source }.to_instruction(accounts);
        market.assert_refused(&[create], InstructionError::InvalidSeeds);
    }
}

#[test]
pub fn any_owner_reprices_extends_and_cancels_the_bus_offers() {
    let (mut market, owners) = TestMarket::owned_by(3, 3, |_| ());
    let (bus, lister) = (market.bus, owners[0]);
    let options = OfferOptions::new(0).expires(market.now() + 100);
    let offer = market.create_offer_for_bus(&bus, bus.capacity, &lister, options);
    market.execute(&[offer_reprice(&offer, &owners[1], 300_000)]);
    let later = market.now() + 200;
    market.execute(&[offer_extend(&offer, &owners[2], later)]);
    market.execute(&[offer_reprice(&offer, &owners[0], 310_000)]);
    assert_eq!(market.offer_state(&offer).version, 3);
    let (before, rent) = (market.lamports(&lister), market.lamports(&offer.address));
    market.execute(&[offer_cancel(&offer, &owners[1])]);
    assert!(!market.exists(&offer.address));
    assert_eq!(market.lamports(&lister), before + rent, "the rent goes to who listed it");
}

#[test]
pub fn a_stranger_does_nothing_with_the_bus_offers() {
    let (mut market, owners) = TestMarket::owned_by(3, 1, |_| ());
    let (bus, buyer) = (market.bus, market.buyer);
    let options = OfferOptions::new(0).expires(market.now() + 100);
    let offer = market.create_offer_for_bus(&bus, bus.capacity, &owners[2], options);
    // Nor does an owner of another bus, nor the lister once it has left.
    let other_owner = market.wallet("other owner");
    market.create_bus(&other_owner, &bus.mint, &BusOptions::new(&other_owner));
    remove_last(&mut market, &owners);
    for wallet in [buyer, other_owner, owners[2]] {
        market.assert_refused(&[offer_reprice(&offer, &wallet, 20_000)], MultibusError::NotTheSeller);
        market.assert_refused(&[offer_extend(&offer, &wallet, 0)], MultibusError::NotTheSeller);
        market.assert_refused(&[offer_cancel(&offer, &wallet)], MultibusError::OfferStillTrading);
    }
    // The owners who stayed withdraw it; the rent is still the lister's.
    let (before, rent) = (market.lamports(&owners[2]), market.lamports(&offer.address));
    market.execute(&[offer_cancel(&offer, &owners[1])]);
    assert_eq!(market.lamports(&owners[2]), before + rent);
}

#[test]
pub fn an_owner_buys_from_the_bus_like_anyone() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let (mint, treasury) = (market.bus.mint, market.bus.treasury);
    let offer = market.bus_offer(&owners[0], 10_000, 250_000);
    let payment = market.token_account("owner's tokens", &mint, &owners[0], BUYER_TOKENS);
    let lane = market.open_lane(&owners[0], 0);
    let nonce = market.nonce(&lane);
    market.execute(&[batch(&lane, payment, nonce, &[(offer, 1_000)])]);
    assert_eq!(market.tokens(&treasury), 250_000);
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

#[test]
pub fn a_payout_that_becomes_the_treasurys_owner_changes_nothing() {
    // A member hands the payout account to the bus after listing: sales there are no revenue of the treasury.
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options);
    let (bus, seller, payout) = (market.bus, market.seller, market.payout);
    let offer = market.offer(10_000);
    let hand_over = spl_token_interface::instruction::set_authority(
        &spl_token_interface::ID,
        &payout,
        Some(&bus.address),
        spl_token_interface::instruction::AuthorityType::AccountOwner,
        &seller,
        &[],
    );
    market.arrange(&[hand_over.unwrap()]);
    market.buy(&offer, 1_000);
    assert_eq!((market.tokens(&payout), market.tokens(&bus.treasury)), (250_000, 0));
}
