//! Wrong accounts: of another type, of another program, unsigned, read-only or passed twice. Every instruction is tried
//! with each of them in every place.

use {
    crate::fixture::{Fixture, account_names, account_of, fixture, is_writable, type_at},
    multibus::error::MultibusError,
    multibus_tests::{LaneAddress, OfferAddresses, Refusal, TestMarket, TokenProgram, instructions::*, key::pda},
    solana_account::Account,
    solana_address::Address,
    solana_instruction::error::InstructionError,
};

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
    refuses!(wrong_account: every but bus_create, trader_open);
    let Fixture { mut market, instructions, .. } = fixture();
    let buyer = market.buyer;
    let samples = [
        market.bus.address,
        market.bus.capacity,
        account_of(&instructions, "purchase", 3),
        account_of(&instructions, "lock_settle", 4),
        account_of(&instructions, "proposal_approve", 2),
        LaneAddress::of(&buyer, 0).address,
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
    refuses!(wrong_account: every but bus_create, trader_open);
    let Fixture { mut market, instructions, .. } = fixture();
    let (fake, wallet) = (market.key("fake"), market.wallet("wallet"));
    let mut tried = 0;
    for (name, instruction) in &instructions {
        for (index, meta) in instruction.accounts.iter().enumerate() {
            if type_at(&market, &meta.pubkey).is_none() {
                continue;
            }
            // The right bytes owned by another program, and an empty account.
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
    refuses!(wrong_account: every but bus_create, trader_open);
    let Fixture { mut market, instructions, .. } = fixture();
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
    refuses!(missing_signer: every but capacity_close, treasury_claim);
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
    assert_eq!(tried, 19, "all instructions but capacity_close and treasury_claim have one signer");
}

#[test]
fn a_readonly_account_is_rejected_wherever_it_is_written() {
    let Fixture { mut market, instructions, .. } = fixture();
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

/// The error for an account that is passed a second time, in the place of another.
fn twice_refused(name: &str, twice: &str, place: &str) -> Refusal {
    // Places that may repeat another account of the instruction: the receiver of rent, and the items of a batch.
    let shared = |account: &str| match name {
        "offer_cancel" => account == "rent_payer",
        "lock_release" => account == "buyer",
        "proposal_close" => account == "proposer",
        "purchase_batch" => ["bus", "offer", "payout"].contains(&account),
        _ => false,
    };
    // What an item of a batch brings is looked at after the lane.
    if name == "purchase_batch" && place == "trader" && shared(twice) {
        return Refusal::NotTheAccount;
    }
    if [twice, place].iter().any(|account| is_writable(name, account) && !shared(account)) {
        return Refusal::custom(2040);
    }
    match (name, place) {
        ("offer_cancel", "rent_payer") => MultibusError::RentPayerMismatch.into(),
        ("lock_release", "buyer") => MultibusError::LockBuyerMismatch.into(),
        ("proposal_close", "proposer") => MultibusError::ProposerMismatch.into(),
        ("purchase_batch", "payout") => MultibusError::PayoutMismatch.into(),
        (_, "mint") => MultibusError::MintMismatch.into(),
        (_, "token_program") => MultibusError::TokenProgramMismatch.into(),
        _ => Refusal::NotTheAccount,
    }
}

#[test]
fn an_account_passed_twice_is_rejected_wherever_it_is_written() {
    refuses!(duplicate_account: every);
    let Fixture { mut market, instructions, .. } = fixture();
    let mut tried = 0;
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
                market.assert_refused(&[wrong], twice_refused(name, &names[twice], &names[place]));
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "only {tried} were tried");
}

#[test]
fn a_foreign_system_program_is_rejected() {
    refuses!(
        foreign_program: bus_create, capacity_open, offer_create, offer_create_for_bus, lock_take, trader_open,
        proposal_create
    );
    let Fixture { mut market, instructions, .. } = fixture();
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
fn a_foreign_token_program_is_rejected() {
    refuses!(
        foreign_program: bus_create, purchase, purchase_batch, lock_take, lock_settle, lock_release, treasury_claim
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
    assert_eq!(tried, 7 * 4);
}

#[test]
fn a_payer_that_is_no_wallet_is_rejected() {
    refuses!(wrong_account: trader_open, capacity_open);
    let Fixture { mut market, instructions, .. } = fixture();
    // Accounts of the token program that can sign, and have lamports.
    let payers = [market.bus.mint.address, market.payment];
    for payer in payers {
        let open_lane = trader_open(&payer, 0, 0);
        market.assert_refused(&[open_lane], InstructionError::InvalidArgument);
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
    for discriminator in [1, 22, 100, 255] {
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
