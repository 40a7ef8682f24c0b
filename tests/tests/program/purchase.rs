//! `purchase`.

use {
    multibus::{error::MultibusError, event::*, instruction::Purchase, state},
    multibus_tests::{
        BusOptions, LaneAddress, OfferAddresses, Refusal, TestChain, TestMarket, TokenProgram,
        event::{decode, logged},
        instructions::*,
        market::{BUYER_TOKENS, lock_take},
    },
    solana_instruction::{Instruction, error::InstructionError},
    solana_transaction_error::TransactionError,
    spl_token_interface::error::TokenError,
    std::slice::from_ref,
};

/// The buyer's purchase, up to an amount with a minimum (Wh), with its price guards.
fn guarded(
    market: &TestMarket,
    offer: &OfferAddresses,
    energy: (u64, u64),
    max_price: u64,
    version: u32,
) -> Instruction {
    Purchase {
        nonce: market.nonce(&market.lane),
        energy_wh: energy.0,
        min_energy_wh: energy.1,
        max_price_per_kwh: max_price,
        expected_version: version,
    }
    .to_instruction(market.purchase_accounts(offer))
}

/// The buyer's purchase of 1 kWh with a nonce.
fn with_nonce(market: &TestMarket, offer: &OfferAddresses, nonce: u64) -> Instruction {
    Purchase { nonce, energy_wh: 1_000, min_energy_wh: 1_000, max_price_per_kwh: u64::MAX, expected_version: 0 }
        .to_instruction(market.purchase_accounts(offer))
}

/// The buyer's purchase of 1 kWh with other accounts.
fn with_accounts(
    market: &TestMarket,
    offer: &OfferAddresses,
    change: impl FnOnce(&mut multibus::accounts::Purchase),
) -> Instruction {
    let mut accounts = market.purchase_accounts(offer);
    change(&mut accounts);
    Purchase {
        nonce: market.nonce(&market.lane),
        energy_wh: 1_000,
        min_energy_wh: 1_000,
        max_price_per_kwh: u64::MAX,
        expected_version: 0,
    }
    .to_instruction(accounts)
}

pub(crate) fn token_error(error: TokenError) -> Refusal {
    Refusal::custom(error as u32)
}

#[test]
pub fn purchase_moves_energy_and_money_together() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let offer = market.offer(10_000);
        let nonce = market.nonce(&market.lane);
        let purchase =
            Purchase { nonce, energy_wh: 1_501, min_energy_wh: 1_501, max_price_per_kwh: 260_000, expected_version: 1 };
        let purchase = purchase.to_instruction(market.purchase_accounts(&offer));
        let meta = market.execute(&[purchase]);
        // 1,501 Wh x 250,000 / 1,000
        let cost = 375_250;
        assert_eq!(market.tokens(&market.vault), cost);
        assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - cost);
        let state = market.offer_state(&offer);
        assert_eq!((state.listed_wh, state.remaining_wh, state.version), (10_000, 8_499, 1));

        // The hash, as its definition says and not as the program's code does.
        let mut preimage = b"multibus:purchase:v1".to_vec();
        preimage.extend_from_slice(multibus::ID.as_ref());
        preimage.extend_from_slice(market.buyer.as_ref());
        preimage.push(0);
        preimage.extend_from_slice(&0u16.to_le_bytes());
        preimage.extend_from_slice(&nonce.to_le_bytes());
        preimage.extend_from_slice(offer.address.as_ref());
        preimage.extend_from_slice(&1_501u64.to_le_bytes());
        preimage.extend_from_slice(&260_000u64.to_le_bytes());
        let hash = anchor_lang::solana_program::hash::hashv(&[&preimage]).to_bytes();

        let trader: state::Trader = market.state(&market.lane.address);
        let receipt =
            state::Receipt { transaction_hash: hash, energy_wh: 1_501, paid: cost, purchased_at: market.now() };
        assert_eq!(trader.receipts().map(|(nonce, receipt)| (nonce, *receipt)).collect::<Vec<_>>(), [(nonce, receipt)]);
        assert_eq!((trader.next_nonce, trader.total_energy_wh, trader.total_paid), (nonce + 1, 1_501, cost));

        let logged = logged(&meta.logs);
        assert_eq!(logged.len(), 1);
        let fill = PurchasedFill { offer: offer.address, energy_wh: 1_501, price_per_kwh: 250_000, cost };
        let event = EnergyPurchased {
            buyer: market.buyer,
            transaction_hash: hash,
            nonce,
            purchased_at: market.now(),
            lane: 0,
            kind: 0,
            reserved: 0,
            fills: vec![fill],
        };
        assert_eq!(logged[0], anchor_lang::Event::data(&event));
        assert_eq!(decode(&logged[0]), Event::EnergyPurchased(event));
    }
}

#[test]
pub fn purchase_rounds_the_cost_up() {
    withstands!(arithmetic: purchase);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.base_price_per_kwh = 1));
    let offer = market.offer_with(|options| options.price(1));
    let mut paid = 0;
    for (energy_wh, cost) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (1_999, 2)] {
        market.buy(&offer, energy_wh);
        paid += cost;
        assert_eq!(market.tokens(&market.vault), paid, "{energy_wh} Wh");
    }
}

#[test]
pub fn purchase_up_to_an_amount_takes_what_there_is() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let purchase = guarded(&market, &offer, (4_000, 1), u64::MAX, 0);
    market.execute(&[purchase]);
    assert_eq!(market.offer_state(&offer).remaining_wh, 6_000, "all that was asked for");
    let purchase = guarded(&market, &offer, (9_000, 6_000), u64::MAX, 0);
    market.execute(&[purchase]);
    assert_eq!(market.offer_state(&offer).remaining_wh, 0, "what was left");
    assert_eq!(market.tokens(&market.vault), 2_500_000, "paid for 10 kWh at 0.25");
}

#[test]
pub fn purchase_of_less_than_was_asked_has_the_hash_of_what_was_asked() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let nonce = market.nonce(&market.lane);
    let purchase = guarded(&market, &offer, (12_000, 1), 300_000, 0);
    let meta = market.execute(&[purchase]);
    // The buyer knew it before: it is of the order, with 12 kWh and the price limit, not of the fill.
    let order = state::Order { offer: offer.address, energy_wh: 12_000, max_price_per_kwh: 300_000 };
    let hash = state::transaction_hash(state::PurchaseKind::Single, &market.buyer, 0, nonce, &[order]);
    let lane: state::Trader = market.state(&market.lane.address);
    let (_, receipt) = lane.receipts().next().expect("a receipt");
    assert_eq!((receipt.transaction_hash, receipt.energy_wh, receipt.paid), (hash, 10_000, 2_500_000));
    // The event tells the fill and the offer's price.
    let [event] = &logged(&meta.logs)[..] else { panic!("one event") };
    let Event::EnergyPurchased(event) = decode(event) else { panic!("a purchase") };
    assert_eq!(event.transaction_hash, hash);
    let [fill] = event.fills[..] else { panic!("one fill") };
    assert_eq!((fill.offer, fill.energy_wh), (offer.address, 10_000));
    assert_eq!((fill.price_per_kwh, fill.cost), (250_000, 2_500_000));
}

#[test]
pub fn purchase_up_to_an_amount_leaves_what_is_locked() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let (other, payment, _) = {
        let mint = market.bus.mint;
        market.chain.buyer("other", &mint)
    };
    market.execute(&[lock_take(&offer, &other, 0, payment, 9_000)]);
    let purchase = guarded(&market, &offer, (u64::MAX, 1), u64::MAX, 0);
    market.execute(&[purchase]);
    let state = market.offer_state(&offer);
    assert_eq!((state.remaining_wh, state.reserved_wh), (9_000, 9_000));
}

#[test]
pub fn purchase_above_the_free_energy_is_rejected() {
    refuses!(capacity_leak: purchase);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    for energy in [(10_001, 10_001), (u64::MAX, u64::MAX), (20_000, 10_001)] {
        let purchase = guarded(&market, &offer, energy, u64::MAX, 0);
        market.assert_refused(&[purchase], MultibusError::EnergyUnavailable);
    }
    market.lock(&offer, 4_000);
    let purchase = market.purchase(&offer, 6_001);
    market.assert_refused(&[purchase], MultibusError::EnergyUnavailable);
    market.buy(&offer, 6_000);
    let purchase = guarded(&market, &offer, (1, 1), u64::MAX, 0);
    market.assert_refused(&[purchase], MultibusError::EnergyUnavailable);
}

#[test]
pub fn purchase_of_the_last_wh_by_two_buyers_fills_one() {
    refuses!(replay: purchase; capacity_leak: purchase);
    let mut market = TestMarket::new();
    let mint = market.bus.mint;
    let (_, payment, lane) = market.chain.buyer("other", &mint);
    let offer = market.offer(1);
    let first = market.purchase(&offer, 1);
    let second = Purchase {
        nonce: market.nonce(&lane),
        energy_wh: 1,
        min_energy_wh: 1,
        max_price_per_kwh: u64::MAX,
        expected_version: 0,
    }
    .to_instruction(purchase_accounts(&offer, &lane, payment));
    // In one transaction neither happens, one after the other the first does.
    market.assert_refused_at(1, &[first.clone(), second.clone()], MultibusError::EnergyUnavailable);
    market.execute(&[first]);
    market.assert_refused(&[second], MultibusError::EnergyUnavailable);
    assert_eq!(market.tokens(&payment), BUYER_TOKENS);
}

#[test]
pub fn purchase_of_zero_energy_is_rejected() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let purchase = guarded(&market, &offer, (0, 0), u64::MAX, 0);
    market.assert_refused(&[purchase], MultibusError::EnergyZero);
}

#[test]
pub fn purchase_with_minimum_out_of_range_is_rejected() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    for energy in [(1_000, 0), (1_000, 1_001), (1, u64::MAX)] {
        let purchase = guarded(&market, &offer, energy, u64::MAX, 0);
        market.assert_refused(&[purchase], MultibusError::MinimumInvalid);
    }
}

#[test]
pub fn purchase_above_the_price_limit_is_rejected() {
    refuses!(moved_price: purchase);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    let quoted = guarded(&market, &offer, (1_000, 1_000), 250_000, 0);
    // The price moves between the quote and the purchase, also within one transaction.
    let raise = offer_reprice(&offer, &seller, 250_001);
    market.assert_refused(&[raise.clone(), quoted.clone()], MultibusError::PriceAboveLimit);
    market.execute(&[raise]);
    market.assert_refused(from_ref(&quoted), MultibusError::PriceAboveLimit);
    market.execute(&[offer_reprice(&offer, &seller, 250_000)]);
    market.execute(&[quoted]);
}

#[test]
pub fn purchase_of_another_version_is_rejected() {
    refuses!(moved_price: purchase);
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    for version in [2, u32::MAX] {
        let quoted = guarded(&market, &offer, (1_000, 1_000), u64::MAX, version);
        market.assert_refused(&[quoted], MultibusError::VersionMismatch);
    }
    // Repriced since, even to the same price.
    let quoted = guarded(&market, &offer, (1_000, 1_000), u64::MAX, 1);
    market.execute(&[offer_reprice(&offer, &seller, 250_000)]);
    market.assert_refused(&[quoted], MultibusError::VersionMismatch);
    let quoted = guarded(&market, &offer, (1_000, 1_000), u64::MAX, 2);
    market.execute(&[quoted]);
}

#[test]
pub fn purchase_by_the_seller_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, mint) = (market.seller, market.bus.mint);
    let payment = market.token_account("seller's other account", &mint, &seller, 1_000_000);
    let lane = market.open_lane(&seller, 0);
    let offer = market.offer(10_000);
    let purchase = Purchase {
        nonce: market.nonce(&lane),
        energy_wh: 1,
        min_energy_wh: 1,
        max_price_per_kwh: u64::MAX,
        expected_version: 0,
    }
    .to_instruction(purchase_accounts(&offer, &lane, payment));
    market.assert_refused(&[purchase], MultibusError::SelfTrade);
}

#[test]
pub fn purchase_whose_cost_overflows_is_rejected() {
    refuses!(arithmetic: purchase);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.capacity_wh = 1 << 40));
    let offer = market.offer_with(|options| options.energy(1_000_000_000).price(u64::MAX));
    for energy_wh in [1_001, 1_000_000_000] {
        let purchase = market.purchase(&offer, energy_wh);
        market.assert_refused(&[purchase], MultibusError::CostOverflow);
    }
    // A purchase that fits alone, but not beside what the offer was paid before.
    market.edit::<state::Offer>(&offer.address, |offer| offer.proceeds = 1);
    let purchase = market.purchase(&offer, 1_000);
    market.assert_refused(&[purchase], MultibusError::CostOverflow);
}

#[test]
pub fn purchase_of_the_largest_cost_succeeds() {
    withstands!(arithmetic: purchase);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.capacity_wh = 1 << 40));
    let offer = market.offer_with(|options| options.energy(1_000).price(u64::MAX));
    let (mint, payment, authority) = (market.bus.mint, market.payment, market.fee_payer);
    market.arrange(&[mint.mint_to(&payment, &authority, u64::MAX - BUYER_TOKENS)]);
    market.buy(&offer, 1_000);
    assert_eq!((market.tokens(&market.vault), market.tokens(&payment)), (u64::MAX, 0));
    let trader: state::Trader = market.state(&market.lane.address);
    assert_eq!(trader.total_paid, u64::MAX);
}

#[test]
pub fn purchase_of_more_than_32_bits_of_energy_is_rounded_up() {
    withstands!(arithmetic: purchase);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.capacity_wh = 1 << 40));
    let (energy, price) = ((1 << 32) + 1, 250_001);
    let cost = (energy as u128 * price as u128).div_ceil(1_000) as u64;
    assert_ne!(energy as u128 * price as u128 % 1_000, 0);
    let offer = market.offer_with(|options| options.energy(energy).price(price));
    let (mint, payment, authority) = (market.bus.mint, market.payment, market.fee_payer);
    market.arrange(&[mint.mint_to(&payment, &authority, cost - BUYER_TOKENS)]);
    market.buy(&offer, energy);
    assert_eq!((market.tokens(&market.vault), market.tokens(&payment)), (cost, 0));
}

#[test]
pub fn purchase_past_the_largest_total_succeeds() {
    withstands!(arithmetic: purchase);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.capacity_wh = 1 << 40));
    let offer = market.offer_with(|options| options.energy(3_000).price(u64::MAX));
    let (mint, payment, payout, seller) = (market.bus.mint, market.payment, market.payout, market.seller);
    let authority = market.fee_payer;
    market.arrange(&[mint.mint_to(&payment, &authority, u64::MAX - BUYER_TOKENS)]);
    for _ in 0..3 {
        market.buy(&offer, 1_000);
        market.withdraw(&offer);
        // The seller gives it all back.
        let back = spl_token_2022_interface::instruction::transfer_checked(
            &mint.program.address(),
            &payout,
            &mint.address,
            &payment,
            &seller,
            &[],
            u64::MAX,
            mint.decimals,
        );
        market.arrange(&[back.unwrap()]);
    }
    let trader: state::Trader = market.state(&market.lane.address);
    assert_eq!((trader.total_paid, trader.total_energy_wh), (u64::MAX, 3_000), "totals never block a purchase");
}

#[test]
pub fn purchase_from_the_expiry_second_on_is_rejected() {
    let mut market = TestMarket::new();
    let expires_at = market.now() + 60;
    let offer = market.offer_with(|options| options.expires(expires_at));
    for now in [expires_at, expires_at + 1] {
        market.go_to(now);
        let purchase = market.purchase(&offer, 1);
        market.assert_refused(&[purchase], MultibusError::OfferExpired);
    }
    market.go_to(expires_at - 1);
    market.buy(&offer, 1);
}

#[test]
pub fn purchase_at_gate_closure_is_rejected() {
    let mut market = TestMarket::windowed();
    let start = market.next_window();
    let offer = market.offer_in(start, |options| options);
    for now in [start - 60, start - 59, start, start + 900] {
        market.go_to(now);
        let purchase = market.purchase(&offer, 1);
        // An offer ends with its window's gate at the latest.
        market.assert_refused(&[purchase], MultibusError::OfferExpired);
    }
    market.go_to(start - 61);
    market.buy(&offer, 1);
}

#[test]
pub fn purchase_while_paused_is_rejected() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let offer = market.offer(10_000);
    market.set_paused(&bus, true);
    let purchase = market.purchase(&offer, 1);
    market.assert_refused(&[purchase], MultibusError::BusPaused);
    market.set_paused(&bus, false);
    market.buy(&offer, 1);
}

#[test]
pub fn nothing_trades_on_a_closing_bus() {
    let mut market = TestMarket::new();
    let bus = market.bus;
    let offer = market.offer(10_000);
    market.decide(&bus, multibus::state::ProposalAction::BusClose);
    for trade in [market.purchase(&offer, 1), market.batch(&[(offer, 1)]), market.lock_take(&offer, 1)] {
        market.assert_refused(&[trade], MultibusError::BusClosing);
    }
}

#[test]
pub fn purchase_batch_and_lock_of_the_same_order_have_different_hashes() {
    use state::PurchaseKind::{Batch, LockSettlement, Single};
    let market = TestMarket::new();
    let order = state::Order { offer: market.bus.address, energy_wh: 1_000, max_price_per_kwh: 250_000 };
    let hashes =
        [Single, Batch, LockSettlement].map(|kind| state::transaction_hash(kind, &market.buyer, 0, 7, &[order]));
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
}

#[test]
pub fn purchase_of_cancelled_offer_is_rejected() {
    let mut market = TestMarket::new();
    let (seller, buyer) = (market.seller, market.buyer);
    let offer = market.offer(10_000);
    market.lock(&offer, 1_000);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let purchase = market.purchase(&offer, 1);
    market.assert_refused(&[purchase], MultibusError::OfferCancelled);
    // What its lock releases is free, but not for sale.
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    let purchase = market.purchase(&offer, 1);
    market.assert_refused(&[purchase], MultibusError::OfferCancelled);
}

#[test]
pub fn purchase_with_any_nonce_but_the_next_is_rejected() {
    refuses!(replay: purchase);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let next = market.nonce(&market.lane);
    for nonce in [0, next - 1, next + 1, u64::MAX] {
        let purchase = with_nonce(&market, &offer, nonce);
        let failure = market.assert_refused(&[purchase], MultibusError::NonceMismatch);
        let both = format!("Program log: nonce {nonce}, the lane's next is {next}");
        assert!(failure.meta.logs.contains(&both), "the log has both numbers: {:?}", failure.meta.logs);
    }
    let purchase = with_nonce(&market, &offer, next);
    // Twice in one transaction, and again in a later one.
    market.assert_refused_at(1, &[purchase.clone(), purchase.clone()], MultibusError::NonceMismatch);
    market.execute(from_ref(&purchase));
    market.assert_refused(from_ref(&purchase), MultibusError::NonceMismatch);
    market.pass(1_000);
    market.assert_refused(from_ref(&purchase), MultibusError::NonceMismatch);
    assert_eq!(market.tokens(&market.vault), 250_000, "paid once");
    // Also where nothing is left to buy.
    let rest = market.purchase(&offer, 9_000);
    market.execute(&[rest]);
    market.assert_refused(&[purchase], MultibusError::NonceMismatch);
}

#[test]
pub fn purchase_sent_again_as_it_was_is_not_processed_again() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let purchase = market.purchase(&offer, 1_000);
    let transaction = market.transaction(&[purchase], &[]);
    market.send_transaction(transaction.clone()).expect("the first lands");
    let again = market.svm.send_transaction(transaction).expect_err("the second does not");
    assert!(matches!(again.err, TransactionError::AlreadyProcessed | TransactionError::BlockhashNotFound));
    assert_eq!(market.tokens(&market.vault), 250_000);
}

#[test]
pub fn purchase_past_the_last_nonce_is_rejected() {
    refuses!(arithmetic: purchase);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let lane = market.lane.address;
    market.edit::<state::Trader>(&lane, |trader| trader.next_nonce = u64::MAX);
    let purchase = with_nonce(&market, &offer, u64::MAX);
    market.assert_refused(&[purchase], MultibusError::CounterOverflow);
}

#[test]
pub fn purchase_in_many_lanes_needs_no_order() {
    let mut market = TestMarket::new();
    let (buyer, payment) = (market.buyer, market.payment);
    let lanes: Vec<LaneAddress> = [1, 2, u16::MAX].map(|lane| market.open_lane(&buyer, lane)).to_vec();
    let offer = market.offer(10_000);
    let purchases: Vec<_> = lanes
        .iter()
        .map(|lane| {
            Purchase {
                nonce: market.nonce(lane),
                energy_wh: 100,
                min_energy_wh: 100,
                max_price_per_kwh: u64::MAX,
                expected_version: 0,
            }
            .to_instruction(purchase_accounts(&offer, lane, payment))
        })
        .collect();
    for purchase in purchases.into_iter().rev() {
        market.execute(&[purchase]);
    }
    assert_eq!(market.offer_state(&offer).remaining_wh, 9_700);
}

#[test]
pub fn purchase_keeps_the_last_sixteen_receipts() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    for _ in 0..20 {
        market.buy(&offer, 100);
    }
    let trader: state::Trader = market.state(&market.lane.address);
    let kept: Vec<_> = trader.receipts().map(|(nonce, _)| nonce - trader.first_nonce).collect();
    assert_eq!(kept, (4..20).collect::<Vec<_>>());
}

#[test]
pub fn purchase_in_the_lane_of_another_wallet_is_rejected() {
    refuses!(substituted_address: purchase);
    let mut market = TestMarket::new();
    let mint = market.bus.mint;
    let (_, _, other) = market.chain.buyer("other", &mint);
    let offer = market.offer(10_000);
    let purchase = with_accounts(&market, &offer, |accounts| accounts.trader = other.address);
    market.assert_refused(&[purchase], MultibusError::TraderMismatch);
}

#[test]
pub fn purchase_paid_to_another_account_is_rejected() {
    refuses!(theft: purchase);
    let mut market = TestMarket::new();
    let (bus, buyer, seller) = (market.bus, market.buyer, market.seller);
    let own = market.token_account("buyer's other account", &bus.mint, &buyer, 0);
    let other_vault = market.open_own_seller(&bus, &seller).vault;
    let payout = market.payout;
    let offer = market.offer(10_000);
    for vault in [own, payout, other_vault, bus.unclaimed, bus.treasury, bus.capacity] {
        let purchase = with_accounts(&market, &offer, |accounts| accounts.vault = vault);
        market.assert_refused(&[purchase], MultibusError::VaultMismatch);
    }
}

#[test]
pub fn purchase_paid_from_the_vault_is_rejected() {
    refuses!(duplicate_account: purchase);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let purchase = with_accounts(&market, &offer, |accounts| accounts.payment = accounts.vault);
    market.assert_refused(&[purchase], Refusal::custom(2040));
}

#[test]
pub fn purchase_in_another_mint_is_rejected() {
    refuses!(wrong_account: purchase);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let buyer = market.buyer;
        let other = market.mint("worthless", program, &[]);
        let payment = market.token_account("worthless tokens", &other, &buyer, 1_000_000_000);
        let offer = market.offer(10_000);
        // The vault is of the bus's mint, so the token program refuses the account that pays.
        let purchase = with_accounts(&market, &offer, |accounts| accounts.payment = payment);
        market.assert_refused(&[purchase], token_error(TokenError::MintMismatch));
    }
}

#[test]
pub fn purchase_through_another_token_program_is_rejected() {
    refuses!(foreign_program: purchase);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let fake = market.key("fake token program");
    market.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    let programs = [fake, TokenProgram::Token2022.address(), solana_sdk_ids::system_program::ID, multibus::ID];
    for program in programs {
        let purchase = with_accounts(&market, &offer, |accounts| accounts.token_program = program);
        market.assert_refused(&[purchase], MultibusError::TokenProgramMismatch);
    }
}

#[test]
pub fn purchase_under_another_bus_is_rejected() {
    refuses!(substituted_address: purchase);
    let mut market = TestMarket::new();
    let (bus, seller) = (market.bus, market.seller);
    let other = market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller).seq(1));
    let offer = market.offer(10_000);
    market.set_paused(&bus, true);
    let purchase = with_accounts(&market, &offer, |accounts| accounts.bus = other.address);
    market.assert_refused(&[purchase], MultibusError::BusMismatch);
}

#[test]
pub fn purchase_beyond_the_buyers_tokens_is_rejected() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let offer = market.offer_with(|options| options.price(200_000_000_000));
        let purchase = market.purchase(&offer, 6);
        market.assert_refused(&[purchase], token_error(TokenError::InsufficientFunds));
        market.buy(&offer, 5);
        assert_eq!(market.tokens(&market.payment), 0);
    }
}

#[test]
pub fn purchase_with_somebody_elses_tokens_is_rejected() {
    refuses!(theft: purchase);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let mint = market.bus.mint;
        let victim = market.wallet("victim");
        let tokens = market.token_account("victim's tokens", &mint, &victim, 1_000_000);
        let offer = market.offer(10_000);
        let purchase = with_accounts(&market, &offer, |accounts| accounts.payment = tokens);
        market.assert_refused(&[purchase], token_error(TokenError::OwnerMismatch));
        // Nor with the deposits or the revenue of the bus, whose address signs for it elsewhere.
        for account in [market.vault, market.bus.unclaimed, market.bus.treasury] {
            let authority = market.fee_payer;
            market.arrange(&[mint.mint_to(&account, &authority, 1_000_000)]);
            let refusal =
                if account == market.vault { Refusal::custom(2040) } else { token_error(TokenError::OwnerMismatch) };
            let purchase = with_accounts(&market, &offer, |accounts| accounts.payment = account);
            market.assert_refused(&[purchase], refusal);
        }
    }
}

#[test]
pub fn purchase_by_a_delegate_spends_what_was_approved() {
    withstands!(token_2022: purchase);
    let mut market = TestMarket::new();
    let (mint, buyer) = (market.bus.mint, market.buyer);
    let friend = market.wallet("friend");
    let tokens = market.token_account("friend's tokens", &mint, &friend, 1_000_000);
    let approve =
        spl_token_2022_interface::instruction::approve(&mint.program.address(), &tokens, &buyer, &friend, &[], 250_000)
            .unwrap();
    market.arrange(&[approve]);
    let offer = market.offer(10_000);
    let purchase = with_accounts(&market, &offer, |accounts| accounts.payment = tokens);
    market.execute(&[purchase]);
    assert_eq!(market.tokens(&tokens), 750_000);
    assert_eq!(market.tokens(&market.payment), BUYER_TOKENS);
    let purchase = with_accounts(&market, &offer, |accounts| accounts.payment = tokens);
    market.assert_refused(&[purchase], token_error(TokenError::OwnerMismatch));
}

#[test]
pub fn purchase_depends_on_no_account_of_the_seller() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (mint, payout, seller) = (market.bus.mint, market.payout, market.seller);
        let offer = market.offer(10_000);
        market.freeze(&mint, &payout);
        market.buy(&offer, 1_000);
        market.thaw(&mint, &payout);
        market.close_token_account(&mint, &payout, &seller);
        market.buy(&offer, 1_000);
        assert_eq!(market.tokens(&market.vault), 500_000);
    }
}

#[test]
pub fn purchase_into_a_vault_that_the_issuer_froze_is_rejected_and_costs_nothing() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (mint, vault) = (market.bus.mint, market.vault);
        let offer = market.offer(10_000);
        market.freeze(&mint, &vault);
        let purchase = market.purchase(&offer, 1);
        market.assert_refused(&[purchase], token_error(TokenError::AccountFrozen));
        market.thaw(&mint, &vault);
        market.buy(&offer, 1);
    }
}

#[test]
pub fn purchase_below_the_least_size_is_rejected_unless_it_takes_the_rest() {
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.least_wh = 100));
    let offer = market.offer(350);
    for energy in [(99, 1), (1, 1)] {
        let purchase = guarded(&market, &offer, energy, u64::MAX, 0);
        market.assert_refused(&[purchase], MultibusError::SizeTooSmall);
    }
    let batch = market.batch(&[(offer, 99)]);
    market.assert_refused(&[batch], MultibusError::SizeTooSmall);
    let lock = market.lock_take(&offer, 99);
    market.assert_refused(&[lock], MultibusError::SizeTooSmall);
    market.buy(&offer, 100);
    market.buy(&offer, 200);
    // The least size is that of the listing: a later decision is about later offers.
    let bus = market.bus;
    market.decide(&bus, multibus::state::ProposalAction::LeastSizeSet { least_wh: 1_000 });
    assert_eq!(market.offer_state(&offer).least_wh, 100);
    // 50 Wh are left: part of them is too little, all of them are not.
    let part = market.purchase(&offer, 49);
    market.assert_refused(&[part], MultibusError::SizeTooSmall);
    let rest = guarded(&market, &offer, (1_000, 1), u64::MAX, 0);
    market.execute(&[rest]);
    assert_eq!(market.offer_state(&offer).remaining_wh, 0);
}

#[test]
pub fn purchase_unsigned_is_rejected() {
    refuses!(missing_signer: purchase);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let mut purchase = market.purchase(&offer, 1);
    purchase.accounts[0].is_signer = false;
    market.assert_refused(&[purchase], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn purchase_of_own_bus_by_an_owner_who_is_not_the_seller_succeeds() {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
    let (owner, payment, lane) = chain.buyer("owner", &mint);
    let bus = chain.create_bus(&owner, &mint, &BusOptions::new(&owner));
    let member = chain.wallet("member");
    chain.open_seller(&bus, &member);
    let offer = chain.create_offer(&bus, bus.capacity, &member, OfferOptions::new(0));
    let nonce = chain.nonce(&lane);
    let purchase = Purchase { nonce, energy_wh: 1, min_energy_wh: 1, max_price_per_kwh: u64::MAX, expected_version: 0 };
    chain.execute(&[purchase.to_instruction(purchase_accounts(&offer, &lane, payment))]);
}
