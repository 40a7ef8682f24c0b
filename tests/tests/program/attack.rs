//! Accounts that are not what an instruction takes them for: of another type, of another program, unsigned,
//! read-only or passed twice. Every instruction is tried with every one of them in every place.

use {
    anchor_lang::Discriminator,
    multibus::state::{self, ProposalAction},
    multibus_tests::{BusOptions, Lane, Market, Offer, Refusal, key::pda, market::*},
    solana_account::Account,
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
};

/// A valid use of every instruction, all in one market.
struct Fixture {
    market: Market,
    instructions: Vec<(&'static str, Instruction)>,
}

fn fixture() -> Fixture {
    let (mut market, owners) =
        Market::owned_by(2, 1, |config| (config.window_seconds, config.gate_closure_seconds) = (900, 60));
    let (bus, seller, buyer, start) = (market.bus, market.seller, market.buyer, market.next_window());
    let friend = owners[1];
    // An old window to close.
    let old = start;
    let sold = market.offer_in(old, |options| options);
    market.execute(&[offer_cancel(&sold, &seller)]);
    market.go_to(old + 900);
    let start = market.next_window();
    let expires_at = market.now() + 2_000;
    let one = market.offer_in(start, |options| options.expires(expires_at));
    let locked = market.offer_in(start, |options| options);
    market.lock(&locked, 1_000);
    let price = |base_price_per_kwh| ProposalAction::BasePriceSet { base_price_per_kwh };
    let open = market.propose(&bus, &seller, price(20_000));
    let done = market.propose(&bus, &seller, price(10_000));
    market.execute(&[proposal_execute(&bus, done, &seller)]);
    let (mint_key, fee_payer) = (bus.mint, market.fee_payer);
    market.arrange(&[mint_key.mint_to(&bus.treasury, &fee_payer, 1_000_000)]);
    let idle = market.open_lane(&buyer, 1);
    let (mint, payout) = (bus.mint, market.payout);
    let instructions = vec![
        ("bus_create", bus_create(&seller, &mint, &BusOptions::new(&seller).seq(9))),
        ("capacity_open", capacity_open(&bus, &seller, start + 900)),
        ("capacity_close", capacity_close(&bus, old, &seller)),
        ("offer_create", offer_create(&bus, bus.window(start), &seller, payout, OfferOptions::new(90))),
        ("offer_reprice", offer_reprice(&one, &seller, 300_000)),
        ("offer_extend", offer_extend(&one, &seller, 0)),
        ("offer_cancel", offer_cancel(&one, &seller)),
        ("purchase", market.purchase(&one, 100)),
        ("purchase_batch", market.batch(&[(one, 100)])),
        ("lock_take", market.lock_take(&one, 100)),
        ("lock_settle", market.lock_settle(&locked)),
        ("lock_release", market.lock_release(&locked, &buyer)),
        ("trader_open", trader_open(&buyer, 2)),
        ("trader_close", trader_close(&idle, &buyer)),
        ("offer_create_for_bus", offer_create_for_bus(&bus, bus.window(start), &seller, OfferOptions::new(91))),
        ("proposal_create", proposal_create(&bus, &seller, 2, price(30_000))),
        ("proposal_approve", proposal_approve(&bus, open, &friend)),
        ("proposal_revoke", proposal_revoke(&bus, open, &seller)),
        ("proposal_execute", proposal_execute(&bus, open, &buyer)),
        ("proposal_close", proposal_close(&bus, done, &buyer, &seller)),
        ("treasury_claim", treasury_claim(&bus, &seller, payout)),
    ];
    Fixture { market, instructions }
}

/// Which type of account of the program lies at an address.
fn type_at(market: &Market, address: &Address) -> Option<&'static str> {
    let account = market.svm.get_account(address)?;
    if account.owner != multibus::ID {
        return None;
    }
    let types = [
        (state::Bus::DISCRIMINATOR, "Bus"),
        (state::Capacity::DISCRIMINATOR, "Capacity"),
        (state::Offer::DISCRIMINATOR, "Offer"),
        (state::Lock::DISCRIMINATOR, "Lock"),
        (state::Trader::DISCRIMINATOR, "Trader"),
        (state::Proposal::DISCRIMINATOR, "Proposal"),
    ];
    types.iter().find(|(discriminator, _)| &account.data[..8] == *discriminator).map(|(_, name)| *name)
}

/// An account of one of the instructions.
fn account_of(instructions: &[(&'static str, Instruction)], name: &str, index: usize) -> Address {
    instructions.iter().find(|(other, _)| *other == name).expect("an instruction of the name").1.accounts[index].pubkey
}

#[test]
fn every_instruction_of_the_fixture_succeeds() {
    let Fixture { instructions, .. } = fixture();
    assert_eq!(instructions.len(), 21);
    for (name, instruction) in instructions {
        let mut market = fixture().market;
        assert!(market.send(&[instruction]).is_ok(), "{name}");
    }
}

#[test]
fn an_account_of_another_type_is_rejected_in_every_place() {
    let Fixture { mut market, instructions } = fixture();
    let buyer = market.buyer;
    let samples = [
        market.bus.address,
        market.bus.capacity,
        account_of(&instructions, "purchase", 3),
        account_of(&instructions, "lock_settle", 4),
        account_of(&instructions, "proposal_approve", 2),
        Lane::of(&buyer, 0).address,
    ];
    let mut tried = 0;
    for (name, instruction) in &instructions {
        for (index, meta) in instruction.accounts.iter().enumerate() {
            // `capacity_open` looks into its window's account only where there is one.
            let Some(expected) = type_at(&market, &meta.pubkey) else { continue };
            for sample in samples {
                if type_at(&market, &sample) == Some(expected)
                    || instruction.accounts.iter().any(|m| m.pubkey == sample)
                {
                    continue;
                }
                let mut wrong = instruction.clone();
                wrong.accounts[index].pubkey = sample;
                println!("{name}: account {index}, a {:?} for a {expected}", type_at(&market, &sample));
                market.assert_refused(&[wrong], Refusal::NotTheAccount);
                tried += 1;
            }
        }
    }
    assert!(tried > 60, "only {tried} were tried");
}

#[test]
fn an_account_of_another_program_is_rejected_in_every_place() {
    let Fixture { mut market, instructions } = fixture();
    let (fake, wallet) = (market.key("fake"), market.wallet("wallet"));
    let mut tried = 0;
    for (name, instruction) in &instructions {
        for (index, meta) in instruction.accounts.iter().enumerate() {
            if type_at(&market, &meta.pubkey).is_none() {
                continue;
            }
            // The right bytes under another program, and an empty account of nobody.
            let bytes = market.account(&meta.pubkey);
            let system = Address::default();
            for owner in [market.bus.mint.program.address(), system] {
                market.svm.set_account(fake, Account { owner, ..bytes.clone() }).unwrap();
                for address in [fake, wallet] {
                    let mut wrong = instruction.clone();
                    wrong.accounts[index].pubkey = address;
                    println!("{name}: account {index}");
                    market.assert_refused(&[wrong], Refusal::NotTheAccount);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 80, "only {tried} were tried");
}

#[test]
fn a_truncated_account_is_rejected_in_every_place() {
    let Fixture { mut market, instructions } = fixture();
    for (name, instruction) in &instructions {
        for meta in &instruction.accounts {
            if type_at(&market, &meta.pubkey).is_none() {
                continue;
            }
            let good = market.account(&meta.pubkey);
            for length in [0, 7, 8, good.data.len() - 1] {
                let mut account = good.clone();
                account.data.truncate(length);
                market.svm.set_account(meta.pubkey, account).unwrap();
                println!("{name}: {} cut to {length} bytes", meta.pubkey);
                market.assert_refused(std::slice::from_ref(instruction), Refusal::NotTheAccount);
            }
            market.svm.set_account(meta.pubkey, good).unwrap();
        }
    }
}

#[test]
fn a_missing_signature_is_rejected_in_every_place() {
    let Fixture { mut market, instructions } = fixture();
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
    assert_eq!(tried, 19, "all instructions but capacity_close and treasury_claim have one signer");
}

#[test]
fn a_readonly_account_is_rejected_wherever_it_is_written() {
    let Fixture { mut market, instructions } = fixture();
    for (name, instruction) in &instructions {
        for index in 0..instruction.accounts.len() {
            if instruction.accounts[index].is_writable {
                let mut readonly = instruction.clone();
                readonly.accounts[index].is_writable = false;
                println!("{name}: account {index}");
                let refusal = if instruction.accounts[index].is_signer {
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

#[test]
fn an_account_passed_twice_is_rejected_wherever_it_is_written() {
    let Fixture { mut market, instructions } = fixture();
    for (name, instruction) in &instructions {
        let metas = &instruction.accounts;
        for twice in 0..metas.len() {
            for place in 0..metas.len() {
                let (from, to) = (&metas[twice], &metas[place]);
                // Without the signature that a place asks for, there is nothing to see.
                if twice == place || !(from.is_writable || to.is_writable) || from.pubkey == to.pubkey || to.is_signer {
                    continue;
                }
                let mut wrong = instruction.clone();
                wrong.accounts[place].pubkey = from.pubkey;
                let before = market.svm.clone();
                // Which check refuses depends on the place; that none accepts does not.
                assert!(market.send(&[wrong]).is_err(), "{name}: account {twice} in the place of {place} too");
                market.svm = before;
            }
        }
    }
}

#[test]
fn a_foreign_system_program_is_rejected() {
    let Fixture { mut market, instructions } = fixture();
    let fake = market.key("fake system program");
    market.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    let system = solana_sdk_ids::system_program::ID;
    let mut tried = 0;
    for (name, instruction) in &instructions {
        let Some(index) = instruction.accounts.iter().position(|meta| meta.pubkey == system) else { continue };
        for program in [fake, multibus::ID, market.bus.mint.program.address()] {
            let mut wrong = instruction.clone();
            wrong.accounts[index].pubkey = program;
            println!("{name}");
            market.assert_refused(&[wrong], InstructionError::IncorrectProgramId);
            tried += 1;
        }
    }
    assert_eq!(tried, 7 * 3);
}

#[test]
#[allow(deprecated, reason = "the runtime still gives this error its old name where a program returns it")]
fn missing_accounts_are_rejected() {
    let Fixture { mut market, instructions } = fixture();
    for (name, instruction) in &instructions {
        for count in 0..instruction.accounts.len() {
            if *name == "purchase_batch" && count >= 5 {
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
    let Fixture { mut market, instructions } = fixture();
    for (name, instruction) in &instructions {
        for length in 0..instruction.data.len() {
            let mut short = instruction.clone();
            short.data.truncate(length);
            println!("{name} with {length} bytes");
            market.assert_refused(&[short], InstructionError::InvalidInstructionData);
        }
    }
    let mut unknown = instructions[0].1.clone();
    for discriminator in [1, 22, 100, 255] {
        unknown.data[0] = discriminator;
        market.assert_refused(std::slice::from_ref(&unknown), InstructionError::InvalidInstructionData);
    }
}

#[test]
fn an_offer_of_another_window_cannot_be_sold_under_this_one() {
    // Addresses follow from the seeds, so every account knows its bus, capacity and offer; nothing can be mixed.
    let mut market = Market::windowed();
    let (bus, start) = (market.bus, market.next_window());
    let one = market.offer_in(start, |options| options);
    let two = market.offer_in(start + 900, |options| options);
    let mixed = Offer { capacity: two.capacity, ..one };
    let seller = market.seller;
    market.assert_refused(&[offer_cancel(&mixed, &seller)], multibus::error::MultibusError::CapacityMismatch);
    assert_eq!(pda::capacity(&bus.address, start).0, one.capacity);
}
