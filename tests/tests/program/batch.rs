//! `purchase_batch`.

use {
    crate::purchase::token_error,
    anchor_lang::Discriminator,
    multibus::{PurchaseItem, error::MultibusError, event::*, state},
    multibus_tests::{
        BusAddresses, BusOptions, OfferAddresses, Refusal, TestMarket, TokenProgram,
        event::{decode, logged},
        instructions::*,
        market::BUYER_TOKENS,
    },
    solana_account::Account,
    solana_address::Address,
    solana_address_lookup_table_interface::state::{AddressLookupTable, LookupTableMeta},
    solana_instruction::{Instruction, error::InstructionError},
    solana_message::AddressLookupTableAccount,
    spl_token_interface::error::TokenError,
    std::borrow::Cow,
};

/// `count` offers of 10 kWh, each of its own seller.
fn offers(market: &mut TestMarket, count: u64) -> Vec<OfferAddresses> {
    (0..count)
        .map(|index| {
            let (bus, seller) = (market.bus, market.wallet(&format!("seller {index}")));
            market.open_seller(&bus, &seller);
            market.create_offer(&bus, bus.capacity, &seller, OfferOptions::new(0))
        })
        .collect()
}

/// A second bus of the seller with an offer of 10 kWh.
fn second_bus(market: &mut TestMarket) -> (BusAddresses, OfferAddresses) {
    let (mint, seller) = (market.bus.mint, market.seller);
    let bus = market.create_bus(&seller, &mint, &BusOptions::new(&seller));
    market.open_seller(&bus, &seller);
    let offer = market.create_offer(&bus, bus.capacity, &seller, OfferOptions::new(0));
    (bus, offer)
}

/// A batch with limits.
fn limited(market: &TestMarket, max_total: u64, items: &[(OfferAddresses, PurchaseItem)]) -> Instruction {
    let (offers, items): (Vec<_>, Vec<_>) = items.iter().copied().unzip();
    batch_of(&market.lane, market.payment, market.nonce(&market.lane), max_total, &offers, items)
}

const fn item(energy_wh: u64) -> PurchaseItem {
    PurchaseItem { energy_wh, max_price_per_kwh: u64::MAX, expected_version: 0 }
}

/// A lookup table with these addresses, as if it had been made before.
pub fn lookup_table(market: &mut TestMarket, addresses: Vec<Address>) -> AddressLookupTableAccount {
    let key = market.key("lookup table");
    let table = AddressLookupTable { meta: LookupTableMeta::default(), addresses: Cow::Borrowed(addresses.as_slice()) };
    let data = table.serialize_for_tests().expect("a lookup table");
    let lamports = market.svm.minimum_balance_for_rent_exemption(data.len());
    let owner = solana_address_lookup_table_interface::program::ID;
    market.svm.set_account(key, Account { lamports, data, owner, ..Account::default() }).unwrap();
    AddressLookupTableAccount { key, addresses }
}

#[test]
pub fn batch_moves_energy_and_money_of_all_items() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let offers = offers(&mut market, 3);
        let nonce = market.nonce(&market.lane);
        let quoted = |energy_wh| PurchaseItem { energy_wh, max_price_per_kwh: 300_000, expected_version: 1 };
        let items = [(offers[0], quoted(1_001)), (offers[1], quoted(2_000)), (offers[2], quoted(3))];
        let batch = limited(&market, 751_000, &items);
        let meta = market.execute(&[batch]);
        let costs = [250_250, 500_000, 750];
        for ((offer, item), cost) in items.iter().zip(costs) {
            assert_eq!(market.tokens(&offer.vault), cost);
            assert_eq!(market.offer_state(offer).remaining_wh, 10_000 - item.energy_wh);
        }
        assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - 751_000);

        let mut preimage = b"multibus:purchase:v1".to_vec();
        preimage.extend_from_slice(multibus::ID.as_ref());
        preimage.extend_from_slice(market.buyer.as_ref());
        preimage.push(1);
        preimage.extend_from_slice(&0u16.to_le_bytes());
        preimage.extend_from_slice(&nonce.to_le_bytes());
        for (offer, item) in &items {
            preimage.extend_from_slice(offer.address.as_ref());
            preimage.extend_from_slice(&item.energy_wh.to_le_bytes());
            preimage.extend_from_slice(&300_000u64.to_le_bytes());
        }
        let transaction_hash = anchor_lang::solana_program::hash::hashv(&[&preimage]).to_bytes();
        let trader: state::Trader = market.state(&market.lane.address);
        let (_, receipt) = trader.receipts().next().expect("one receipt");
        assert_eq!((receipt.energy_wh, receipt.paid), (3_004, 751_000));
        assert_eq!(receipt.transaction_hash, transaction_hash);
        let fills = items
            .iter()
            .zip(costs)
            .map(|((offer, item), cost)| PurchasedFill {
                offer: offer.address,
                energy_wh: item.energy_wh,
                price_per_kwh: 250_000,
                cost,
            })
            .collect();
        let event = EnergyPurchased {
            buyer: market.buyer,
            transaction_hash,
            nonce,
            purchased_at: market.now(),
            lane: 0,
            kind: 1,
            reserved: 0,
            fills,
        };
        assert_eq!(logged(&meta.logs), [anchor_lang::Event::data(&event)]);
    }
}

#[test]
pub fn batch_of_as_many_items_as_a_transaction_holds_succeeds() {
    let mut market = TestMarket::new();
    let offers: Vec<_> = (0..20).map(|_| market.offer(10_000)).collect();
    let items: Vec<_> = offers.iter().map(|offer| (*offer, 100)).collect();
    let fits = |count: usize| {
        let transaction = market.transaction(&[market.batch(&items[..count])], &[]);
        let message = transaction.message.serialize().len();
        1 + 64 * transaction.signatures.len() + message <= 1_232
    };
    let most = (1..=20).rev().find(|count| fits(*count)).expect("one item fits");
    assert!(most >= 11, "only {most} items fit");
    let batch = market.batch(&items[..most]);
    market.execute(&[batch]);
    assert_eq!(market.tokens(&market.vault), 25_000 * most as u64);
}

#[test]
pub fn batch_of_32_items_succeeds_with_a_lookup_table() {
    let mut market = TestMarket::new();
    let offers: Vec<_> = (0..32).map(|_| market.offer(10_000)).collect();
    let items: Vec<_> = offers.iter().map(|offer| (*offer, 100)).collect();
    let batch = market.batch(&items);
    let table = lookup_table(&mut market, batch.accounts.iter().skip(2).map(|meta| meta.pubkey).collect());
    let transaction = market.transaction(&[batch], &[table]);
    let meta = market.send_transaction(transaction).expect("32 items fit");
    assert!(matches!(decode(&logged(&meta.logs)[0]), Event::EnergyPurchased(event) if event.fills.len() == 32));
    assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - 32 * 25_000);
}

#[test]
pub fn batch_with_28_vaults_succeeds_with_a_lookup_table() {
    // With the buyer's accounts, the bus and the programs, these are nearly the 64 accounts that a transaction can lock.
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let offers = offers(&mut market, 28);
        let items: Vec<_> = offers.iter().map(|offer| (*offer, 100)).collect();
        let batch = market.batch(&items);
        let table = lookup_table(&mut market, batch.accounts.iter().skip(2).map(|meta| meta.pubkey).collect());
        let transaction = market.transaction(&[batch], &[table]);
        market.send_transaction(transaction).expect("28 items fit");
        assert!(offers.iter().all(|offer| market.tokens(&offer.vault) == 25_000));
    }
}

#[test]
pub fn batch_of_33_items_is_rejected() {
    let mut market = TestMarket::new();
    let offers: Vec<_> = (0..33).map(|_| market.offer(10_000)).collect();
    let items: Vec<_> = offers.iter().map(|offer| (*offer, 1)).collect();
    let batch = market.batch(&items);
    let table = lookup_table(&mut market, batch.accounts.iter().skip(2).map(|meta| meta.pubkey).collect());
    let transaction = market.transaction(&[batch], &[table]);
    market.assert_transaction_refused(transaction, 0, MultibusError::BatchInvalid);
}

#[test]
pub fn batch_without_items_is_rejected() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let mut batch = market.batch(&[(offer, 1)]);
    let empty = limited(&market, u64::MAX, &[(offer, item(1))]);
    // No items and no accounts; no items but the accounts of one.
    batch.data = empty.data.clone();
    let items_at = 1 + 8 + 8;
    batch.data[items_at..items_at + 4].fill(0);
    batch.data.truncate(items_at + 4);
    market.assert_refused(std::slice::from_ref(&batch), MultibusError::BatchInvalid);
    batch.accounts.truncate(4);
    market.assert_refused(&[batch], MultibusError::BatchInvalid);
}

#[test]
pub fn batch_with_other_than_two_accounts_for_each_item_is_rejected() {
    let mut market = TestMarket::new();
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    let good = market.batch(&[(one, 1), (two, 1)]);
    assert_eq!(good.accounts.len(), 4 + 1 + 2 * 2);
    for count in [4, 5, 6, 7, 8] {
        let mut batch = good.clone();
        batch.accounts.truncate(count);
        market.assert_refused(&[batch], MultibusError::BatchInvalid);
    }
    let item = item_accounts(&[one], &market.buyer);
    for more in [&item[..], &item[..1], &item[1..]] {
        let mut batch = good.clone();
        batch.accounts.extend_from_slice(more);
        market.assert_refused(&[batch], MultibusError::BatchInvalid);
    }
    // Without a bus before the first item.
    let mut batch = good.clone();
    batch.accounts.remove(4);
    market.assert_refused(&[batch], MultibusError::BatchInvalid);
    market.execute(&[good]);
}

#[test]
pub fn batch_may_name_the_bus_before_every_item() {
    let mut market = TestMarket::new();
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    let mut batch = market.batch(&[(one, 1_000), (two, 1_000)]);
    let bus = batch.accounts[4].clone();
    batch.accounts.insert(7, bus);
    market.execute(&[batch]);
    assert_eq!(market.tokens(&market.vault), 500_000);
}

#[test]
pub fn batch_pays_a_seller_of_several_items_at_once() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let offers = [offers(&mut market, 2), vec![market.offer(10_000), market.offer(10_000)]].concat();
        for (chosen, count) in [(&offers[2..], 1), (&offers[..2], 2), (&offers[..], 3)] {
            let items: Vec<_> = chosen.iter().map(|offer| (*offer, 1_000)).collect();
            let batch = market.batch(&items);
            let paid = market.tokens(&market.payment);
            let meta = market.execute(&[batch]);
            assert_eq!(paid - market.tokens(&market.payment), 250_000 * items.len() as u64, "every item is paid");
            let calls: Vec<_> = meta.inner_instructions[0].iter().map(|inner| &inner.instruction.data).collect();
            assert_eq!(calls.iter().map(|data| transfers(data)).sum::<usize>(), count, "one for each vault");
        }
    }
}

/// Transfers in a call of a token program: one, or as many as SPL Token's `Batch` holds.
fn transfers(data: &[u8]) -> usize {
    const BATCH: u8 = 255;
    if data[0] != BATCH {
        return 1;
    }
    let (mut rest, mut count) = (&data[1..], 0);
    while let [_accounts, length, tail @ ..] = rest {
        rest = &tail[*length as usize..];
        count += 1;
    }
    count
}

#[test]
pub fn batch_over_several_buses_with_one_mint_succeeds() {
    let mut market = TestMarket::new();
    let (one, three) = (market.offer(10_000), market.offer(10_000));
    let (bus, two) = second_bus(&mut market);
    assert_ne!(bus.address, market.bus.address);
    // There and back again.
    let batch = market.batch(&[(one, 1_000), (two, 2_000), (three, 1_000)]);
    assert_eq!(batch.accounts.len(), 4 + 3 * 3);
    market.execute(&[batch]);
    assert_eq!((market.tokens(&market.vault), market.tokens(&two.vault)), (500_000, 500_000));
}

#[test]
pub fn batch_over_buses_with_other_mints_is_rejected() {
    refuses!(wrong_account: purchase_batch);
    let mut market = TestMarket::new();
    let (seller, one) = (market.seller, market.offer(10_000));
    for program in TokenProgram::BOTH {
        let mint = market.mint(&format!("other {program:?}"), program, &[]);
        let bus = market.create_bus(&seller, &mint, &BusOptions::new(&seller));
        market.open_seller(&bus, &seller);
        let two = market.create_offer(&bus, bus.capacity, &seller, OfferOptions::new(0));
        for items in [[(one, 1_000), (two, 1_000)], [(two, 1_000), (one, 1_000)]] {
            let mut batch = market.batch(&items);
            // Whichever bus comes first, the batch is paid in the buyer's mint.
            batch.accounts[3].pubkey = market.bus.mint.program.address();
            let refusal = match (program, items[0].0 == one) {
                (TokenProgram::Token2022, false) => MultibusError::TokenProgramMismatch,
                _ => MultibusError::MintMismatch,
            };
            market.assert_refused(&[batch], refusal);
        }
    }
}

#[test]
pub fn batch_in_another_mint_or_token_program_is_rejected() {
    refuses!(foreign_program: purchase_batch; wrong_account: purchase_batch);
    let mut market = TestMarket::new();
    let buyer = market.buyer;
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let payment = market.token_account("worthless tokens", &worthless, &buyer, 1_000_000_000);
    let offers = offers(&mut market, 2);
    // One transfer, and several in one call.
    for count in [1, 2] {
        let items: Vec<_> = offers[..count].iter().map(|offer| (*offer, 1_000)).collect();
        let mut batch = market.batch(&items);
        batch.accounts[2].pubkey = payment;
        market.assert_refused(&[batch], token_error(TokenError::MintMismatch));
    }
    let fake = market.key("fake token program");
    market.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    for program in [fake, TokenProgram::Token2022.address(), multibus::ID] {
        let mut batch = market.batch(&[(offers[0], 1_000)]);
        batch.accounts[3].pubkey = program;
        market.assert_refused(&[batch], MultibusError::TokenProgramMismatch);
    }
}

#[test]
pub fn batch_with_the_same_offer_twice_is_rejected() {
    refuses!(duplicate_account: purchase_batch; replay: purchase_batch);
    let mut market = TestMarket::new();
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    let twice = [
        vec![(one, 1_000), (one, 1_000)],
        vec![(one, 10_000), (two, 1), (one, 10_000)],
        vec![(two, 1), (one, 1_000), (one, 1_000)],
    ];
    for items in twice {
        let batch = market.batch(&items);
        market.assert_refused(&[batch], MultibusError::OfferDuplicate);
    }
}

#[test]
pub fn batch_above_the_total_limit_is_rejected() {
    refuses!(arithmetic: purchase_batch; moved_price: purchase_batch);
    let mut market = TestMarket::new();
    let (one, two) = (market.offer(10_000), market.offer(10_000));
    // 1,001 Wh at 0.25 and 1 Wh, each rounded up.
    let total = 250_250 + 250;
    let items = [(one, item(1_001)), (two, item(1))];
    for limit in [total - 1, 0] {
        let batch = limited(&market, limit, &items);
        market.assert_refused(&[batch], MultibusError::TotalAboveLimit);
    }
    let batch = limited(&market, total, &items);
    market.execute(&[batch]);
}

#[test]
pub fn batch_whose_total_overflows_is_rejected() {
    refuses!(arithmetic: purchase_batch);
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| options.with(|c| c.capacity_wh = 1 << 40));
    let dear = |options: OfferOptions| options.energy(1_000).price(u64::MAX / 2 + 1);
    let (one, two) = (market.offer_with(dear), market.offer_with(dear));
    let batch = market.batch(&[(one, 1_000), (two, 1_000)]);
    market.assert_refused(&[batch], MultibusError::CostOverflow);
    // An item alone can overflow too.
    let three = market.offer_with(|options| options.energy(10_000).price(u64::MAX));
    let batch = market.batch(&[(three, 1_001)]);
    market.assert_refused(&[batch], MultibusError::CostOverflow);
}

#[test]
pub fn batch_happens_as_a_whole_or_not_at_all() {
    refuses!(moved_price: purchase_batch; capacity_leak: purchase_batch);
    let mut market = TestMarket::new();
    let (seller, now) = (market.seller, market.now());
    let (good, good_too) = (market.offer(10_000), market.offer(10_000));
    let sold_out = market.offer(10);
    let expiring = market.offer_with(|options| options.expires(now + 1));
    let repriced = market.offer(10_000);
    market.execute(&[offer_reprice(&repriced, &seller, 300_000)]);
    market.buy(&sold_out, 10);
    market.go_to(now + 2);
    let guard =
        |max_price_per_kwh, expected_version| PurchaseItem { energy_wh: 100, max_price_per_kwh, expected_version };
    let bad = [
        (sold_out, item(1), MultibusError::EnergyUnavailable),
        (good_too, item(10_001), MultibusError::EnergyUnavailable),
        (expiring, item(1), MultibusError::OfferExpired),
        (repriced, guard(299_999, 0), MultibusError::PriceAboveLimit),
        (repriced, guard(300_000, 1), MultibusError::VersionMismatch),
        (repriced, item(0), MultibusError::EnergyZero),
    ];
    for (offer, ask, error) in bad {
        for items in [[(good, item(100)), (offer, ask)], [(offer, ask), (good, item(100))]] {
            let batch = limited(&market, u64::MAX, &items);
            market.assert_refused(&[batch], error);
        }
    }
    let batch = limited(&market, u64::MAX, &[(good, item(100)), (repriced, guard(300_000, 2))]);
    market.execute(&[batch]);
}

#[test]
pub fn batch_beyond_the_buyers_tokens_is_rejected() {
    let mut market = TestMarket::new();
    let one = market.offer(10_000);
    let dear = market.offer_with(|options| options.price(200_000_000_000));
    let batch = market.batch(&[(one, 1_000), (dear, 5)]);
    market.assert_refused(&[batch], token_error(TokenError::InsufficientFunds));
}

#[test]
pub fn batch_while_one_bus_is_paused_is_rejected() {
    let mut market = TestMarket::new();
    let one = market.offer(10_000);
    let (bus, two) = second_bus(&mut market);
    market.set_paused(&bus, true);
    let batch = market.batch(&[(one, 1_000), (two, 1_000)]);
    market.assert_refused(&[batch], MultibusError::BusPaused);
    let batch = market.batch(&[(one, 1_000)]);
    market.execute(&[batch]);
}

#[test]
pub fn batch_at_gate_closure_of_one_window_is_rejected() {
    let mut market = TestMarket::windowed();
    let start = market.next_window();
    let (one, two) = (market.offer_in(start, |options| options), market.offer_in(start + 900, |options| options));
    market.go_to(start - 60);
    let batch = market.batch(&[(two, 1), (one, 1)]);
    market.assert_refused(&[batch], MultibusError::OfferExpired);
    market.go_to(start - 61);
    let batch = market.batch(&[(two, 1), (one, 1)]);
    market.execute(&[batch]);
}

#[test]
pub fn batch_of_cancelled_offer_is_rejected() {
    let mut market = TestMarket::new();
    let seller = market.seller;
    let offer = market.offer(10_000);
    market.lock(&offer, 1_000);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let batch = market.batch(&[(offer, 1)]);
    market.assert_refused(&[batch], MultibusError::OfferCancelled);
}

#[test]
pub fn batch_with_an_offer_of_the_buyer_is_rejected() {
    let mut market = TestMarket::new();
    let (bus, buyer) = (market.bus, market.buyer);
    market.open_seller(&bus, &buyer);
    let one = market.offer(10_000);
    let own = market.create_offer(&bus, bus.capacity, &buyer, OfferOptions::new(0));
    let batch = market.batch(&[(one, 1_000), (own, 1_000)]);
    market.assert_refused(&[batch], MultibusError::SelfTrade);
}

#[test]
pub fn batch_with_any_nonce_but_the_next_is_rejected() {
    refuses!(replay: purchase_batch);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let next = market.nonce(&market.lane);
    for nonce in [0, next - 1, next + 1, u64::MAX] {
        let batch = batch(&market.lane, market.payment, nonce, &[(offer, 1)]);
        market.assert_refused(&[batch], MultibusError::NonceMismatch);
    }
    // A repeated purchase is refused for its nonce, not because nothing is left.
    let batch = market.batch(&[(offer, 10_000)]);
    market.execute(std::slice::from_ref(&batch));
    market.assert_refused(&[batch], MultibusError::NonceMismatch);
}

#[test]
pub fn batch_in_the_lane_of_another_wallet_is_rejected() {
    refuses!(substituted_address: purchase_batch);
    let mut market = TestMarket::new();
    let mint = market.bus.mint;
    let (_, _, other) = market.chain.buyer("other", &mint);
    let offer = market.offer(10_000);
    let mut batch = market.batch(&[(offer, 1_000)]);
    batch.accounts[1].pubkey = other.address;
    market.assert_refused(&[batch], MultibusError::TraderMismatch);
}

#[test]
pub fn batch_paid_to_another_account_is_rejected() {
    refuses!(theft: purchase_batch);
    let mut market = TestMarket::new();
    let offers = offers(&mut market, 2);
    let (bus, buyer) = (market.bus, market.buyer);
    let own = market.token_account("buyer's other account", &bus.mint, &buyer, 0);
    for vault in [offers[0].vault, bus.unclaimed, bus.treasury, own] {
        let mut batch = market.batch(&[(offers[0], 1_000), (offers[1], 1_000)]);
        batch.accounts[4 + 1 + 2 + 1].pubkey = vault;
        market.assert_refused(&[batch], MultibusError::VaultMismatch);
    }
}

#[test]
pub fn batch_with_somebody_elses_tokens_is_rejected() {
    refuses!(theft: purchase_batch);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, mint, authority) = (market.bus, market.bus.mint, market.fee_payer);
        let victim = market.wallet("victim");
        let victims = market.token_account("victim's tokens", &mint, &victim, 1_000_000);
        market.arrange(&[bus.unclaimed, bus.treasury].map(|account| mint.mint_to(&account, &authority, 1_000_000)));
        let offers = offers(&mut market, 2);
        for payment in [victims, bus.unclaimed, bus.treasury] {
            let mut batch = market.batch(&[(offers[0], 1_000), (offers[1], 1_000)]);
            batch.accounts[2].pubkey = payment;
            market.assert_refused(&[batch], token_error(TokenError::OwnerMismatch));
        }
    }
}

#[test]
pub fn batch_past_the_last_nonce_is_rejected() {
    refuses!(arithmetic: purchase_batch);
    let mut market = TestMarket::new();
    let lane = market.lane.address;
    let offer = market.offer(10_000);
    market.edit::<state::Trader>(&lane, |trader| trader.next_nonce = u64::MAX);
    let batch = market.batch(&[(offer, 1_000)]);
    market.assert_refused(&[batch], MultibusError::CounterOverflow);
}

#[test]
pub fn batch_under_another_bus_is_rejected() {
    refuses!(substituted_address: purchase_batch);
    let mut market = TestMarket::new();
    let one = market.offer(10_000);
    let (bus, two) = second_bus(&mut market);
    for (index, other) in [(4, bus.address), (7, market.bus.address)] {
        let mut batch = market.batch(&[(one, 1_000), (two, 1_000)]);
        batch.accounts[index].pubkey = other;
        market.assert_refused(&[batch], MultibusError::BusMismatch);
    }
    // The second item under the bus of the first.
    let mut batch = market.batch(&[(one, 1_000), (two, 1_000)]);
    batch.accounts.remove(7);
    market.assert_refused(&[batch], MultibusError::BusMismatch);
}

#[test]
pub fn batch_with_accounts_of_other_types_is_rejected() {
    refuses!(wrong_account: purchase_batch);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let (bus, lane, capacity) = (market.bus.address, market.lane.address, market.bus.capacity);
    let fakes: Vec<_> = [("fake bus", bus), ("fake offer", offer.address)]
        .map(|(name, of)| {
            let fake = market.key(name);
            let account = Account { owner: market.fee_payer, ..market.account(&of) };
            market.svm.set_account(fake, account).unwrap();
            fake
        })
        .to_vec();
    let wallet = market.wallet("anybody");
    let (bus_at, offer_at) = (4, 5);
    for (index, wrong) in [(bus_at, [capacity, fakes[0], wallet]), (offer_at, [capacity, fakes[1], wallet])] {
        for address in wrong {
            let mut batch = market.batch(&[(offer, 1_000)]);
            batch.accounts[index].pubkey = address;
            // What begins with no bus is taken for the first item's offer, which then has no bus.
            let starts_as_bus = market.account(&address).data.starts_with(state::Bus::DISCRIMINATOR);
            let refusal = if index == bus_at && !starts_as_bus {
                MultibusError::BatchInvalid.into()
            } else {
                Refusal::NotTheAccount
            };
            market.assert_refused(&[batch], refusal);
        }
    }
    // In each other's place, and the lane in the place of the offer: one account twice, of which one is written.
    for (index, address) in [(bus_at, offer.address), (offer_at, bus), (offer_at, lane)] {
        let mut batch = market.batch(&[(offer, 1_000)]);
        batch.accounts[index].pubkey = address;
        assert!(market.send(&[batch]).is_err());
    }
}

#[test]
pub fn batch_unsigned_is_rejected() {
    refuses!(missing_signer: purchase_batch);
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let mut batch = market.batch(&[(offer, 1)]);
    batch.accounts[0].is_signer = false;
    market.assert_refused(&[batch], InstructionError::MissingRequiredSignature);
}

#[test]
pub fn batch_with_a_readonly_offer_is_rejected() {
    let mut market = TestMarket::new();
    let offer = market.offer(10_000);
    let mut batch = market.batch(&[(offer, 1)]);
    batch.accounts[5].is_writable = false;
    market.assert_refused(&[batch], Refusal::custom(2000));
}

#[test]
pub fn batch_paid_from_one_of_its_vaults_is_rejected() {
    refuses!(duplicate_account: purchase_batch);
    let mut market = TestMarket::new();
    let (one, vault) = (market.offer(10_000), market.vault);
    let mut batch = market.batch(&[(one, 1_000)]);
    batch.accounts[2].pubkey = vault;
    market.assert_refused(&[batch], Refusal::custom(2040));
}
