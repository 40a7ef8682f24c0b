//! Wrong accounts: of another type, of another program, unsigned, read-only or passed twice. Every instruction is tried
//! with each of them in every place.

use {
    crate::fixture::{Fixture, account_names, fixture, is_unread, is_writable, place_of, samples, type_at},
    multibus::error::MultibusError,
    multibus_tests::{
        OfferAddresses, Refusal, TestMarket, TokenProgram,
        attack::class::{By, Class},
        instructions::*,
        key::pda,
        refusal::code_of,
    },
    solana_account::Account,
    solana_address::Address,
    solana_instruction::error::InstructionError,
    solana_transaction_error::TransactionError,
};

#[test]
fn every_instruction_of_the_fixture_succeeds() {
    let Fixture { instructions, .. } = fixture();
    assert_eq!(instructions.len(), 53);
    for (name, instruction) in instructions {
        let mut market = fixture().market;
        let landed = market.send(&[instruction]);
        assert!(landed.is_ok(), "{name}: {:?}", landed.err().map(|failure| (failure.err, failure.meta.logs)));
    }
}

/// How an account that is of another type, or none of the program's, is refused in a place.
fn not_the_account(name: &str, account: &str, is_bus: bool) -> Refusal {
    match (name, account) {
        // A claim names its bus.
        ("claim_pay", "bus") => MultibusError::BusMismatch.into(),
        // What begins with no bus is taken for the first item's offer, which then has no bus.
        ("purchase_batch", "bus") if !is_bus => MultibusError::BatchInvalid.into(),
        // The book names the bus; what begins as no position book is taken for the seller's account.
        ("delivery_report", "evidence") => MultibusError::BusMismatch.into(),
        ("certificate_take", "holding") if !is_bus => MultibusError::PositionMismatch.into(),
        ("clearing_tally", "order") => MultibusError::OrderForeign.into(),
        _ => Refusal::NotTheAccount,
    }
}

#[test]
fn an_account_of_another_type_is_rejected_in_every_place() {
    refuses!(wrong_account: every but creator_open, trader_open);
    let Fixture { mut market, instructions, .. } = fixture();
    let samples = samples(&market);
    let mut tried = 0;
    for (name, instruction) in &instructions {
        for (meta, account) in instruction.accounts.iter().zip(account_names(name)) {
            // `capacity_open` looks into its window's account only where there is one, `seller_admit` into a seller's.
            let Some(expected) = type_at(&market, &meta.pubkey) else { continue };
            if is_unread(name, &account) {
                continue;
            }
            for sample in &samples {
                if type_at(&market, sample) == Some(expected)
                    || instruction.accounts.iter().any(|other| other.pubkey == *sample)
                {
                    continue;
                }
                let mut wrong = instruction.clone();
                wrong.accounts[place_of(name, &account)].pubkey = *sample;
                println!("{name}: {account}, a {:?} for a {expected}", type_at(&market, sample));
                let refusal = match (*name, account.as_str()) {
                    // It may be closed, so only its address is asked for.
                    ("clearing_close", "capacity") => MultibusError::CapacityMismatch.into(),
                    // A bid entitles its buyer.
                    ("certificate_take", "holding") if type_at(&market, sample) == Some("Bid") => {
                        MultibusError::BidBuyerMismatch.into()
                    }
                    _ => not_the_account(name, &account, false),
                };
                market.assert_refused(&[wrong], refusal);
                tried += 1;
            }
        }
    }
    assert!(tried > 400, "only {tried} were tried");
}

#[test]
fn an_account_of_another_program_is_rejected_in_every_place() {
    refuses!(wrong_account: every but creator_open, trader_open);
    let Fixture { mut market, instructions, .. } = fixture();
    let (fake, wallet) = (market.key("fake"), market.wallet("wallet"));
    let mut tried = 0;
    for (name, instruction) in &instructions {
        for (meta, account) in instruction.accounts.iter().zip(account_names(name)) {
            if type_at(&market, &meta.pubkey).is_none() || is_unread(name, &account) {
                continue;
            }
            // The right bytes owned by another program, and an empty account.
            let bytes = market.account(&meta.pubkey);
            let system = Address::default();
            for owner in [market.bus.mint.program.address(), system] {
                market.svm.set_account(fake, Account { owner, ..bytes.clone() }).unwrap();
                for address in [fake, wallet] {
                    let mut wrong = instruction.clone();
                    wrong.accounts[place_of(name, &account)].pubkey = address;
                    println!("{name}: {account}");
                    let refusal = match (*name, account.as_str()) {
                        ("clearing_close", "capacity") => MultibusError::CapacityMismatch.into(),
                        // A capacity that is closed reports nothing.
                        ("pool_report", "capacity") => MultibusError::NothingToReport.into(),
                        _ => not_the_account(name, &account, address == fake),
                    };
                    market.assert_refused(&[wrong], refusal);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 200, "only {tried} were tried");
}

#[test]
fn a_truncated_account_is_rejected_in_every_place() {
    refuses!(wrong_account: every but creator_open, trader_open);
    let Fixture { mut market, instructions, .. } = fixture();
    for (name, instruction) in &instructions {
        for (meta, account) in instruction.accounts.iter().zip(account_names(name)) {
            if type_at(&market, &meta.pubkey).is_none() || is_unread(name, &account) {
                continue;
            }
            let good = market.account(&meta.pubkey);
            for length in [0, 7, 8, good.data.len() - 1] {
                let mut short = good.clone();
                short.data.truncate(length);
                market.svm.set_account(meta.pubkey, short).unwrap();
                println!("{name}: {account} cut to {length} bytes");
                let refusal = match *name {
                    "claim_pay" | "delivery_report" => Refusal::NotTheAccount,
                    name => not_the_account(name, &account, length >= 8),
                };
                market.assert_refused(std::slice::from_ref(instruction), refusal);
            }
            market.svm.set_account(meta.pubkey, good).unwrap();
        }
    }
}

#[test]
pub fn an_account_of_another_layout_is_rejected_in_every_place() {
    let Fixture { mut market, instructions, .. } = fixture();
    let mut tried = 0;
    for (name, instruction) in &instructions {
        for (meta, account) in instruction.accounts.iter().zip(account_names(name)) {
            if type_at(&market, &meta.pubkey).is_none() || is_unread(name, &account) {
                continue;
            }
            let good = market.account(&meta.pubkey);
            for version in [0, 1, 3, 255] {
                let mut other = good.clone();
                other.data[8] = version;
                market.svm.set_account(meta.pubkey, other).unwrap();
                println!("{name}: {account} of layout {version}");
                let error = match (*name, account.as_str()) {
                    ("clearing_tally", "order") => MultibusError::OrderForeign,
                    _ => MultibusError::LayoutUnknown,
                };
                market.assert_refused(std::slice::from_ref(instruction), error);
                tried += 1;
            }
            market.svm.set_account(meta.pubkey, good).unwrap();
        }
    }
    assert!(tried > 200, "only {tried} were tried");
}

#[test]
fn a_missing_signature_is_rejected_in_every_place() {
    refuses!(
        missing_signer: every but offer_collect, device_close, delivery_release, delivery_refund, ask_settle,
        clearing_apply, pool_report
    );
    let Fixture { mut market, instructions, .. } = fixture();
    let mut tried = 0;
    for (name, instruction) in &instructions {
        for index in 0..instruction.accounts.len() {
            if instruction.accounts[index].is_signer {
                let mut unsigned = instruction.clone();
                unsigned.accounts[index].is_signer = false;
                println!("{name}: account {index}");
                market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 53 - 7 + 2, "all instructions but seven have a signer, and a device signs when it is registered");
}

#[test]
fn a_readonly_account_is_rejected_wherever_it_is_written() {
    let Fixture { mut market, instructions, .. } = fixture();
    for (name, instruction) in &instructions {
        for index in 0..instruction.accounts.len() {
            if instruction.accounts[index].is_writable {
                let mut readonly = instruction.clone();
                // Where a wallet is passed twice, one writable place is enough for the chain.
                let twice = instruction.accounts[index].pubkey;
                let same = readonly.accounts.iter_mut().filter(|meta| meta.pubkey == twice);
                same.for_each(|meta| meta.is_writable = false);
                println!("{name}: account {index}");
                let signs =
                    instruction.accounts.iter().any(|meta| meta.pubkey == twice && meta.is_signer && meta.is_writable);
                let refusal = if signs {
                    // Whether it signs and pays is checked at once.
                    InstructionError::MissingRequiredSignature.into()
                } else {
                    Refusal::NotWritable
                };
                market.assert_refused(&[readonly], refusal);
            }
        }
    }
}

/// Whether an account of an instruction may repeat another one: a payee chooses its account, which may be any.
fn may_repeat(name: &str, account: &str) -> bool {
    let accounts: &[&str] = match name {
        "bus_close" => &["caller", "treasury", "unclaimed", "escrow", "creator", "owner_claim"],
        "capacity_close" | "offer_cancel" | "meter_close" | "device_close" | "delivery_close"
        | "certificate_retire" => &["rent_payer"],
        "seller_withdraw" => &["vault", "destination"],
        "seller_close" => &["caller", "vault", "destination", "treasury", "unclaimed", "claim", "rent_payer"],
        "lock_release" => {
            &["caller", "buyer", "offer", "lock", "seller", "vault", "refund", "unclaimed", "ledger", "claim"]
        }
        "proposal_execute" => &["treasury", "seller", "vault"],
        "proposal_close" => &["proposer"],
        "purchase_batch" => &["bus", "offer", "vault"],
        "bid_cancel" => &["buyer", "escrow", "destination"],
        "bid_settle" => &["caller", "capacity", "bid", "buyer", "escrow", "refund", "unclaimed", "ledger", "claim"],
        "ask_settle" => &["book"],
        "clearing_tally" => &["clearing", "order"],
        "clearing_close" => &["clearer"],
        "grid_sweep" => &["caller", "ledger", "vault", "destination", "unclaimed", "claim"],
        "position_close" => {
            &["caller", "book", "position", "vault", "refund", "unclaimed", "ledger", "claim", "rent_payer"]
        }
        "delivery_refund" => &["book", "position", "vault", "refund"],
        "certificate_transfer" => &["certificate", "part"],
        "treasury_claim" => &["caller", "owner", "ledger", "treasury", "destination", "unclaimed", "claim"],
        "claim_pay" => &["bus", "ledger", "unclaimed", "destination", "rent_payer", "creator"],
        _ => &[],
    };
    accounts.contains(&account)
}

/// Whether an account that is passed twice may be refused with an error: as such, or for what it is not.
fn refuses_twice(error: &InstructionError) -> bool {
    let class = Class::named("duplicate_account").expect("a class");
    let substituted = Class::named("substituted_address").expect("a class");
    let theft = Class::named("theft").expect("a class");
    let all = class.refused_with.iter().chain(substituted.refused_with).chain(theft.refused_with);
    let known = all.filter_map(|by| match by {
        By::Market(error) => Some(code_of(*error)),
        By::Code(code) => Some(*code),
        By::Runtime(_) => None,
    });
    let codes: Vec<u32> = known.collect();
    match error {
        // What the chain never passes as writable, in a place that is written; and an account that would be paid its own rent.
        InstructionError::Custom(2000 | 2011) => true,
        InstructionError::Custom(code) => {
            codes.contains(code)
                || [MultibusError::MintMismatch, MultibusError::TokenProgramMismatch, MultibusError::BatchInvalid]
                    .map(code_of)
                    .contains(code)
        }
        other => matches!(
            other,
            InstructionError::AccountDataTooSmall
                | InstructionError::IllegalOwner
                | InstructionError::InvalidAccountData
                | InstructionError::UninitializedAccount
                | InstructionError::IncorrectProgramId
                | InstructionError::InvalidSeeds
        ),
    }
}

#[test]
fn an_account_passed_twice_is_rejected_wherever_it_is_written() {
    refuses!(
        duplicate_account: every but bus_close, lock_release, treasury_claim, device_close, position_close,
        delivery_refund, bid_settle, clearing_tally
    );
    withstands!(duplicate_account: lock_release, bid_settle);
    let Fixture { mut market, instructions, .. } = fixture();
    let (mut tried, mut landed) = (0, Vec::new());
    for (name, instruction) in &instructions {
        let (metas, names) = (&instruction.accounts, account_names(name));
        for twice in 0..metas.len() {
            for place in 0..metas.len() {
                let (from, to) = (&metas[twice], &metas[place]);
                // Without the signature that a place asks for, there is nothing to see.
                if twice == place || !(from.is_writable || to.is_writable) || from.pubkey == to.pubkey || to.is_signer {
                    continue;
                }
                let mut wrong = instruction.clone();
                wrong.accounts[place].pubkey = from.pubkey;
                println!("{name}: {} in the place of {} too", names[twice], names[place]);
                tried += 1;
                let alone = |account: &str| is_writable(name, account) && !may_repeat(name, account);
                if !may_repeat(name, &names[twice])
                    && !may_repeat(name, &names[place])
                    && (alone(&names[twice]) || alone(&names[place]))
                {
                    market.assert_refused(&[wrong], Refusal::custom(2040));
                    continue;
                }
                // Refused for what it is not, or harmless: then all books are checked.
                let before = market.snapshot();
                match market.send(std::slice::from_ref(&wrong)) {
                    Ok(_) => landed.push(format!("{name}: {} as {}", names[twice], names[place])),
                    Err(failure) => {
                        let TransactionError::InstructionError(0, error) = &failure.err else {
                            panic!("{:?}", failure.err)
                        };
                        assert!(refuses_twice(error), "{error:?}\n{}", failure.meta.logs.join("\n"));
                    }
                }
                market.restore(before);
            }
        }
    }
    assert!(tried > 600, "only {tried} were tried");
    // Where they land, the account is in a place that is not looked into, or is one that its owner may choose.
    for pair in &landed {
        let (name, rest) = pair.split_once(": ").expect("a name");
        let (_, place) = rest.split_once(" as ").expect("a place");
        let chosen = [("seller_close", "destination"), ("capacity_close", "rent_payer")];
        assert!(is_unread(name, place) || chosen.contains(&(name, place)), "{pair} lands");
    }
}

#[test]
fn a_foreign_system_program_is_rejected() {
    refuses!(
        foreign_program: creator_open, bus_create, bus_close, capacity_open, seller_open, seller_admit, seller_close,
        offer_create, lock_take, trader_open, proposal_create, proposal_execute, treasury_claim, grid_sweep,
        meter_register, meter_replace, position_open, certificate_take, certificate_transfer, bid_create, clearing_open
    );
    let Fixture { mut market, instructions, .. } = fixture();
    let fake = market.key("fake system program");
    market.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    let system = solana_sdk_ids::system_program::ID;
    let mut tried = 0;
    for (name, instruction) in &instructions {
        let Some(index) = instruction.accounts.iter().position(|meta| meta.pubkey == system) else { continue };
        if is_unread(name, "system_program") {
            continue;
        }
        for program in [fake, multibus::ID, market.bus.mint.program.address()] {
            let mut wrong = instruction.clone();
            wrong.accounts[index].pubkey = program;
            println!("{name}");
            market.assert_refused(&[wrong], InstructionError::IncorrectProgramId);
            tried += 1;
        }
    }
    assert_eq!(tried, 21 * 3);
}

#[test]
fn a_foreign_token_program_is_rejected() {
    refuses!(
        foreign_program: bus_create, bus_close, seller_open, seller_admit, seller_withdraw, seller_close, purchase,
        purchase_batch, lock_take, lock_release, proposal_execute, treasury_claim, claim_pay, grid_sweep,
        position_close, delivery_refund, bid_create, bid_cancel, bid_settle, ask_settle, pool_report
    );
    let Fixture { mut market, instructions, .. } = fixture();
    let fake = market.key("fake token program");
    market.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    let system = solana_sdk_ids::system_program::ID;
    let mut tried = 0;
    for (name, instruction) in &instructions {
        let Some(index) = account_names(name).iter().position(|account| account == "token_program") else { continue };
        assert_eq!(instruction.accounts[index].pubkey, TokenProgram::SplToken.address());
        let error = match *name {
            "bus_create" => MultibusError::TokenProgramInvalid,
            _ => MultibusError::TokenProgramMismatch,
        };
        for program in [fake, TokenProgram::Token2022.address(), system, multibus::ID] {
            let mut wrong = instruction.clone();
            wrong.accounts[index].pubkey = program;
            println!("{name}");
            market.assert_refused(&[wrong], error);
            tried += 1;
        }
    }
    assert_eq!(tried, 21 * 4);
}

#[test]
fn a_payer_that_is_no_wallet_is_rejected() {
    refuses!(wrong_account: creator_open, trader_open, capacity_open);
    let Fixture { mut market, instructions, .. } = fixture();
    // Accounts of the token program that can sign, and have lamports.
    let payers = [market.bus.mint.address, market.payment];
    for payer in payers {
        for open in [trader_open(&payer, 0, 0), creator_open(&payer, 0)] {
            market.assert_refused(&[open], InstructionError::InvalidArgument);
        }
        let mut open = instructions.iter().find(|(name, _)| *name == "capacity_open").unwrap().1.clone();
        open.accounts[0].pubkey = payer;
        market.assert_refused(&[open], InstructionError::InvalidArgument);
    }
}

#[test]
#[expect(deprecated, reason = "the runtime still gives this error its old name where a program returns it")]
fn missing_accounts_are_rejected() {
    let Fixture { mut market, instructions, .. } = fixture();
    for (name, instruction) in &instructions {
        for count in 0..instruction.accounts.len() {
            let declared = [("purchase_batch", 4), ("bus_close", 10), ("ask_settle", 6), ("clearing_tally", 2)];
            if declared.iter().any(|(other, least)| name == other && count >= *least) {
                continue;
            }
            let mut short = instruction.clone();
            short.accounts.truncate(count);
            println!("{name} with {count} accounts");
            market.assert_refused(&[short], InstructionError::NotEnoughAccountKeys);
        }
    }
}

#[test]
fn broken_instruction_data_is_rejected() {
    let Fixture { mut market, instructions, .. } = fixture();
    for (name, instruction) in &instructions {
        for length in 0..instruction.data.len() {
            let mut short = instruction.clone();
            short.data.truncate(length);
            println!("{name} with {length} bytes");
            market.assert_refused(&[short], InstructionError::InvalidInstructionData);
        }
    }
    let mut unknown = instructions[0].1.clone();
    for discriminator in [53, 54, 100, 255] {
        unknown.data[0] = discriminator;
        market.assert_refused(std::slice::from_ref(&unknown), InstructionError::InvalidInstructionData);
    }
}

#[test]
fn an_offer_of_another_window_cannot_be_sold_under_this_one() {
    refuses!(substituted_address: offer_cancel);
    // Addresses follow from the seeds, so every account knows its bus, capacity and offer; nothing can be mixed.
    let mut market = TestMarket::windowed();
    let (bus, start) = (market.bus, market.next_window());
    let one = market.offer_in(start, |options| options);
    let two = market.offer_in(start + 900, |options| options);
    let mixed = OfferAddresses { capacity: two.capacity, ..one };
    let seller = market.seller;
    market.assert_refused(&[offer_cancel(&mixed, &seller)], MultibusError::CapacityMismatch);
    assert_eq!(pda::capacity(&bus.address, start).0, one.capacity);
}
