//! `bus_close` and `claim_pay`: the end of a bus, and what it still owes.

use {
    multibus::{
        constants::EMPTY_WALLET_LAMPORTS,
        error::MultibusError,
        event,
        instruction::BusClose,
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusAddresses, BusOptions, Refusal, TestChain, TestMarket, TokenProgram, event::assert_logged, instructions::*,
        key::pda, market::lock_take,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::slice::from_ref,
};

/// A market of `count` owners whose bus is closing and empty but for `revenue` in its treasury.
fn closing(count: usize, revenue: u64) -> (TestMarket, Vec<Address>) {
    let (mut market, owners) = TestMarket::owned_by(count, 1, |_| ());
    let (bus, mint, seller, payout) = (market.bus, market.bus.mint, market.seller, market.payout);
    if revenue > 0 {
        market.gift(&mint, &bus.treasury, revenue);
    }
    market.decide(&bus, ProposalAction::BusClose);
    market.execute(&[seller_close(&bus.seller(&seller), &seller, payout, &seller)]);
    (market, owners)
}

/// A buyer of a name whose refund account is `refund` has a claim of 247,500 base units.
fn owed(market: &mut TestMarket, name: &str, refund: impl FnOnce(&mut TestMarket, &Address) -> Address) -> Address {
    let (bus, mint) = (market.bus, market.bus.mint);
    let (wallet, payment, _) = market.chain.buyer(name, &mint);
    let named = refund(market, &wallet);
    let offer = market.offer(1_000);
    let mut take = lock_take(&offer, &wallet, 0, payment, 1_000);
    let end = take.data.len() - 32;
    take.data[end..].copy_from_slice(named.as_ref());
    market.execute(&[take]);
    let is_open = market.exists(&named);
    if is_open {
        market.freeze(&mint, &named);
    }
    let release = market.release(&offer, &wallet, &wallet, 0);
    let seller = market.seller;
    market.execute(&[release, offer_cancel(&offer, &seller)]);
    if is_open {
        market.thaw(&mint, &named);
    }
    assert_eq!(market.claim_amount(&bus, &wallet), 247_500);
    wallet
}

fn nowhere(_: &mut TestMarket, _: &Address) -> Address {
    Address::new_from_array([7; 32])
}

#[test]
pub fn bus_close_divides_the_treasury_and_leaves_a_tombstone() {
    withstands!(arithmetic: bus_close; reinitialisation: bus_close; token_2022: bus_close);
    for program in TokenProgram::BOTH {
        let mut chain = TestChain::new();
        let mint = chain.mint("mint", program, &[]);
        let friend = chain.wallet("friend");
        let mut market = TestMarket::on_chain(chain, mint, |options| {
            options.with(|config| {
                config.owners[0].share_bps = 3_333;
                config.owners.push(state::OwnerShare { owner: friend, share_bps: 6_667 });
            })
        });
        let (bus, seller, payout) = (market.bus, market.seller, market.payout);
        market.gift(&mint, &bus.treasury, 100_010);
        // The friend has claimed before, and has a claim already, which grows.
        let own = market.token_account("friend's tokens", &mint, &friend, 0);
        market.execute(&[treasury_claim(&bus, &friend, own)]);
        assert_eq!(market.tokens(&own), 66_676);
        market.gift(&mint, &bus.treasury, 90);
        let stranger = market.wallet("stranger");
        let associated = TestChain::associated_address(&mint, &friend);
        market.execute(&[treasury_claim_by(&bus, &stranger, &friend, associated)]);
        let owed_before = market.claim_amount(&bus, &friend);
        assert_eq!(owed_before, 100_100 * 6_667 / 10_000 - 66_676);
        market.gift(&mint, &bus.unclaimed, 5);
        market.decide(&bus, ProposalAction::BusClose);
        market.execute(&[seller_close(&bus.seller(&seller), &seller, payout, &seller)]);
        let rest = market.tokens(&bus.treasury);
        let before = market.lamports(&seller);
        let meta = market.execute(&[bus_close(&bus, &stranger, &[seller, friend])]);
        // Gifts are divided too; what does not divide goes to the first.
        let divided = rest + 5;
        let shares = [market.claim_amount(&bus, &seller), market.claim_amount(&bus, &friend) - owed_before];
        assert_eq!(shares.iter().sum::<u64>(), divided);
        assert_eq!(shares[0], 100_105 - 100_105 * 6_667 / 10_000);
        let stone = state::Tombstone {
            layout_version: 2,
            bump: pda::bus(&seller, multibus_tests::chain::FIRST).1,
            mint_decimals: 6,
            padding: 0,
            open_claims: 2,
            bus_seq: multibus_tests::chain::FIRST,
            closed_at: market.now(),
            creator: seller,
            mint: mint.address,
            token_program: program.address(),
            unclaimed: bus.unclaimed,
            reserved: [0; 32],
        };
        assert_eq!(market.state::<state::Tombstone>(&bus.address), stone);
        for closed in [bus.ledger, bus.capacity, bus.treasury] {
            assert!(!market.exists(&closed));
        }
        assert!(market.lamports(&seller) > before, "the creator has its rent back");
        let mut shares_of_all = [0; 16];
        shares_of_all[..2].copy_from_slice(&shares);
        let told: Vec<_> = multibus_tests::event::logged(&meta.logs);
        let closed = event::BusClosed {
            bus: bus.address,
            creator: seller,
            closed_by: stranger,
            closed_at: market.now(),
            divided,
            shares: shares_of_all,
            open_claims: 2,
            padding: [0; 4],
        };
        assert_eq!(told.len(), 3, "two claims, and the end of the bus");
        assert_eq!(told[2], anchor_lang::Event::data(&closed));
    }
}

#[test]
pub fn bus_close_with_nothing_to_divide_leaves_no_claim() {
    let (mut market, owners) = closing(2, 0);
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    market.execute(&[bus_close(&bus, &stranger, &owners)]);
    assert_eq!(market.state::<state::Tombstone>(&bus.address).open_claims, 0);
    assert!(!market.exists(&bus.unclaimed));
}

#[test]
pub fn bus_close_of_sixteen_owners_succeeds_in_one_transaction() {
    withstands!(arithmetic: bus_close);
    let (mut market, owners) = closing(16, 1_000_003);
    let (bus, stranger) = (market.bus, market.wallet("stranger"));
    let (lamports, before) = (market.lamports(&stranger), market.lamports(&owners[0]));
    market.execute(&[bus_close(&bus, &stranger, &owners)]);
    let shares: Vec<u64> = owners.iter().map(|owner| market.claim_amount(&bus, owner)).collect();
    assert_eq!((shares.iter().sum::<u64>(), shares[0] - shares[1]), (1_000_003, 3));
    // Who presses the button may lend some rent; with the last claim it has it back.
    for owner in &owners {
        let account = market.associated_account(&bus.mint, owner);
        let pay = market.claim_payment(&bus, &stranger, owner, account);
        market.execute(&[pay]);
    }
    assert_eq!(market.lamports(&stranger), lamports);
    assert!(market.lamports(&owners[0]) > before);
}

#[test]
pub fn bus_close_lends_what_the_bus_frees_to_the_last_lamport() {
    for short in [0, 1] {
        let (mut market, owners) = closing(16, 1_000_003);
        let (bus, stranger, payer) = (market.bus, market.wallet("stranger"), market.fee_payer);
        let rent = |bytes: usize| market.svm.minimum_balance_for_rent_exemption(8 + bytes);
        let (claim, stone) = (rent(size_of::<state::Claim>()), rent(size_of::<state::Tombstone>()));
        let freed: u64 = [bus.address, bus.ledger, bus.capacity].iter().map(|account| market.lamports(account)).sum();
        let missing = 16 * claim + stone + EMPTY_WALLET_LAMPORTS - freed;
        market.arrange(&[solana_system_interface::instruction::transfer(&payer, &bus.address, missing - short)]);
        let before = market.lamports(&stranger);
        market.execute(&[bus_close(&bus, &stranger, &owners)]);
        // One lamport less, and who closes the bus waits for the rent of one claim.
        assert_eq!(market.lamports(&stranger), before - short * claim);
    }
}

#[test]
pub fn bus_close_before_it_was_decided_or_while_in_use_is_rejected() {
    let mut market = TestMarket::windowed();
    let (bus, seller, stranger) = (market.bus, market.seller, market.wallet("stranger"));
    let close = bus_close(&bus, &stranger, &[seller]);
    market.assert_refused(from_ref(&close), MultibusError::BusNotClosing);
    // A seller, a window and a proposal, each alone, keep it open.
    let start = market.next_window();
    market.execute(&[capacity_open(&bus, &seller, start)]);
    let proposal = market.propose(&bus, &seller, ProposalAction::BasePriceSet { base_price_per_kwh: 1 });
    market.decide(&bus, ProposalAction::BusClose);
    let mut with_window = close.clone();
    with_window.accounts[3].pubkey = bus.window(start);
    market.assert_refused(&[with_window], MultibusError::CapacityMismatch);
    let payout = market.payout;
    let ends = [
        seller_close(&bus.seller(&seller), &seller, payout, &seller),
        capacity_close(&bus, start, &seller, &seller),
        proposal_close(&bus, proposal, &seller, &seller),
    ];
    for left in 0..3 {
        let before = market.snapshot();
        for (index, end) in ends.iter().enumerate().filter(|(index, _)| *index != left) {
            println!("{index} is closed");
            market.execute(from_ref(end));
        }
        market.assert_refused(from_ref(&close), MultibusError::BusInUse);
        market.restore(before);
    }
    market.execute(&[ends.as_slice(), &[close]].concat());
}

#[test]
pub fn a_far_window_in_which_1_wh_was_sold_holds_no_closing_bus_open() {
    withstands!(blocked_exit: capacity_close);
    let mut market = TestMarket::windowed();
    let (bus, seller, payout, stranger) = (market.bus, market.seller, market.payout, market.wallet("stranger"));
    let far = (market.now() + 300 * 86_400) / 900 * 900;
    let offer = market.offer_in(far, |options| options);
    market.buy(&offer, 1);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let close = capacity_close(&bus, far, &stranger, &seller);
    market.assert_refused(from_ref(&close), MultibusError::WindowNotOver);
    market.decide(&bus, ProposalAction::BusClose);
    market.execute(&[close, seller_close(&bus.seller(&seller), &seller, payout, &seller)]);
    market.execute(&[bus_close(&bus, &stranger, &[seller])]);
}

#[test]
pub fn bus_close_while_a_former_owner_is_owed_is_rejected() {
    let (mut market, owners) = TestMarket::owned_by(2, 1, |_| ());
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    market.gift(&mint, &bus.treasury, 1_000);
    market.decide(&bus, ProposalAction::OwnerRemove { owner: owners[1], shares_bps: vec![10_000] });
    market.decide(&bus, ProposalAction::BusClose);
    let payout = market.payout;
    market.execute(&[seller_close(&bus.seller(&owners[0]), &owners[0], payout, &owners[0])]);
    let close = bus_close(&bus, &stranger, &owners[..1]);
    market.assert_refused(from_ref(&close), MultibusError::FormerOwnersUnpaid);
    // Anyone claims for it, whatever became of its accounts.
    let associated = TestChain::associated_address(&mint, &owners[1]);
    market.execute(&[treasury_claim_by(&bus, &stranger, &owners[1], associated), close]);
    assert_eq!(market.claim_amount(&bus, &owners[1]), 500);
    assert_eq!(market.claim_amount(&bus, &owners[0]), 500);
}

#[test]
pub fn bus_close_without_the_claims_of_all_owners_in_order_is_rejected() {
    refuses!(theft: bus_close; duplicate_account: bus_close; wrong_account: bus_close);
    let (mut market, owners) = closing(3, 1_000);
    let (bus, thief) = (market.bus, market.wallet("thief"));
    for some in [&[][..], &owners[..1], &owners[..2], &[owners[0], owners[1], owners[2], thief]] {
        let close = bus_close(&bus, &thief, some);
        market.assert_refused(&[close], MultibusError::OwnerClaimsMissing);
    }
    for wrong in [[owners[1], owners[0], owners[2]], [owners[0], owners[1], thief], [owners[0]; 3]] {
        let close = bus_close(&bus, &thief, &wrong);
        market.assert_refused(&[close], MultibusError::ClaimMismatch);
    }
    // What is no claim in the place of one.
    let mut close = bus_close(&bus, &thief, &owners);
    close.accounts[10].pubkey = pda::creator(&owners[0]).0;
    market.assert_refused(&[close], Refusal::NotTheAccount);
}

#[test]
pub fn bus_close_with_other_accounts_is_rejected() {
    refuses!(substituted_address: bus_close; theft: bus_close; foreign_program: bus_close; missing_signer: bus_close);
    let (mut market, owners) = closing(2, 1_000);
    let (bus, thief) = (market.bus, market.wallet("thief"));
    let other = market.create_bus(&thief, &bus.mint, &BusOptions::new(&thief));
    market.decide(&other, ProposalAction::BusClose);
    type Change = Box<dyn Fn(&mut multibus::accounts::BusClose)>;
    let cases: Vec<(Change, MultibusError)> = vec![
        (Box::new(move |accounts| accounts.bus = other.address), MultibusError::LedgerMismatch),
        (Box::new(move |accounts| accounts.ledger = other.ledger), MultibusError::CapacityMismatch),
        (Box::new(move |accounts| accounts.general = other.capacity), MultibusError::CapacityMismatch),
        (Box::new(move |accounts| accounts.treasury = other.treasury), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.treasury = bus.unclaimed), MultibusError::TreasuryMismatch),
        (Box::new(move |accounts| accounts.unclaimed = other.unclaimed), MultibusError::UnclaimedMismatch),
        (Box::new(move |accounts| accounts.creator = thief), MultibusError::RentPayerMismatch),
        (
            Box::new(|accounts| accounts.token_program = TokenProgram::Token2022.address()),
            MultibusError::TokenProgramMismatch,
        ),
    ];
    let good = bus_close(&bus, &thief, &owners);
    for (change, error) in cases {
        let mut accounts = multibus::accounts::BusClose {
            caller: thief,
            bus: bus.address,
            ledger: bus.ledger,
            general: bus.capacity,
            treasury: bus.treasury,
            unclaimed: bus.unclaimed,
            escrow: bus.escrow,
            creator: bus.creator,
            token_program: bus.mint.program.address(),
            system_program: solana_sdk_ids::system_program::ID,
        };
        change(&mut accounts);
        let mut close = BusClose {}.to_instruction(accounts);
        close.accounts.extend_from_slice(&good.accounts[10..]);
        market.assert_refused(&[close], error);
    }
    let mut unsigned = good.clone();
    unsigned.accounts[0].is_signer = false;
    market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
    market.execute(&[good]);
}

#[test]
pub fn bus_close_with_a_frozen_treasury_is_rejected_and_waits() {
    refuses!(blocked_exit: bus_close);
    withstands!(blocked_exit: bus_close);
    let (mut market, owners) = closing(2, 1_000);
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    let close = bus_close(&bus, &stranger, &owners);
    for account in [bus.treasury, bus.unclaimed] {
        market.freeze(&mint, &account);
        market.assert_refused(from_ref(&close), MultibusError::PayerFrozen);
        market.thaw(&mint, &account);
    }
    // A frozen account that is empty holds up nothing.
    market.freeze(&mint, &bus.escrow);
    // Nothing that an owner does keeps the bus open.
    market.become_token_account(&mint, &owners[1]);
    market.execute(&[close]);
}

/// Seen: a frozen account kept a bus open, although it was empty.
#[test]
fn frozen_accounts_without_tokens_keep_no_bus_open() {
    withstands!(blocked_exit: bus_close);
    let (mut market, owners) = closing(2, 0);
    let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
    for account in [bus.treasury, bus.unclaimed, bus.escrow] {
        market.freeze(&mint, &account);
    }
    market.execute(&[bus_close(&bus, &stranger, &owners)]);
    assert!([bus.treasury, bus.unclaimed, bus.escrow].iter().all(|account| !market.exists(account)));
}

#[test]
pub fn bus_close_twice_or_with_the_tombstone_is_rejected() {
    refuses!(replay: bus_close; revival: bus_create);
    let (mut market, owners) = closing(2, 1_000);
    let (bus, seller, stranger) = (market.bus, market.seller, market.wallet("stranger"));
    let close = bus_close(&bus, &stranger, &owners);
    market.assert_refused(&[close.clone(), close.clone()], Refusal::NotTheAccount);
    market.execute(from_ref(&close));
    market.assert_refused(&[close], Refusal::NotTheAccount);
    // Its address serves no other bus, and nothing else of it works any more.
    let again = bus_create(&seller, &bus.mint, &BusOptions::new(&seller));
    market.assert_refused(&[again], Refusal::custom(0));
    market.assert_refused(&[seller_open(&bus.seller(&stranger), &stranger)], Refusal::NotTheAccount);
    let payout = market.payout;
    market.assert_refused(&[treasury_claim(&bus, &seller, payout)], Refusal::NotTheAccount);
    market.create_bus(&seller, &bus.mint, &BusOptions::new(&seller));
}

#[test]
pub fn what_a_tombstone_owes_to_a_bus_stays_recorded() {
    // No instruction could move what a bus was paid, and none gives it to somebody else.
    refuses!(theft: claim_pay);
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::SplToken, &[]);
    let holder = chain.wallet("holder");
    let owning = chain.create_bus(&holder, &mint, &BusOptions::new(&holder));
    let mut market = TestMarket::on_chain(chain, mint, |options| {
        options.with(|config| {
            config.owners[0].share_bps = 1;
            config.owners.push(state::OwnerShare { owner: owning.address, share_bps: 9_999 });
        })
    });
    let (bus, seller, payout) = (market.bus, market.seller, market.payout);
    market.gift(&mint, &bus.treasury, 10_000);
    market.decide(&bus, ProposalAction::BusClose);
    market.execute(&[seller_close(&bus.seller(&seller), &seller, payout, &seller)]);
    market.execute(&[bus_close(&bus, &seller, &[seller, owning.address])]);
    let creators = market.associated_account(&mint, &seller);
    let associated = market.associated_account(&mint, &owning.address);
    for destination in [owning.treasury, associated, creators, payout] {
        let pay = market.claim_payment(&bus, &seller, &owning.address, destination);
        market.assert_refused(&[pay], MultibusError::ClaimOfBus);
    }
    assert_eq!(market.claim_amount(&bus, &owning.address), 9_999);
    let pay = market.claim_payment(&bus, &seller, &seller, payout);
    market.execute(&[pay]);
    assert_eq!(market.tokens(&payout), 1);
}

#[test]
pub fn a_wallet_that_only_reads_like_a_bus_is_paid() {
    let mut market = TestMarket::new();
    let (bus, mint) = (market.bus, market.bus.mint);
    let wallet = owed(&mut market, "unlucky", nowhere);
    let account = market.associated_account(&mint, &wallet);
    // Any program may write into its accounts what it likes.
    let (data, owner) = (market.account(&bus.address).data, spl_token_interface::ID);
    let like_a_bus = solana_account::Account { lamports: 10_000_000, data, owner, ..Default::default() };
    market.svm.set_account(wallet, like_a_bus).unwrap();
    let stranger = market.wallet("stranger");
    let pay = market.claim_payment(&bus, &stranger, &wallet, account);
    market.execute(&[pay]);
    assert_eq!(market.tokens(&account), 247_500);
}

#[test]
pub fn lamports_that_nobody_synced_are_gifts_of_wrapped_sol() {
    withstands!(token_2022: seller_close, bus_close, claim_pay; theft: seller_close, bus_close, claim_pay);
    for program in TokenProgram::BOTH {
        let mut chain = TestChain::new();
        let mint = chain.native_mint(program);
        let mut market = TestMarket::on_chain(chain, mint, |options| options);
        let (bus, seller, payout, stranger) = (market.bus, market.seller, market.payout, market.wallet("stranger"));
        let wallet = owed_by_release(&mut market);
        let payer = market.fee_payer;
        let send = |market: &mut TestMarket, account: &Address, lamports| {
            market.arrange(&[solana_system_interface::instruction::transfer(&payer, account, lamports)]);
        };
        let own = bus.seller(&seller);
        market.decide(&bus, ProposalAction::BusClose);
        for account in [own.vault, bus.treasury, bus.unclaimed] {
            send(&mut market, &account, 1_000);
        }
        market.execute(&[seller_close(&own, &seller, payout, &seller)]);
        // What was sent to the treasury is not synced yet.
        let arrived = (market.tokens(&bus.treasury), market.tokens(&payout));
        assert_eq!(arrived, (1_000, 2_500), "{program:?}");
        market.execute(&[bus_close(&bus, &stranger, &[seller])]);
        // All three gifts are the owner's.
        assert_eq!(market.claim_amount(&bus, &seller), 3_000);
        let pay = market.claim_payment(&bus, &stranger, &seller, TestChain::associated_address(&mint, &seller));
        market.associated_account(&mint, &seller);
        market.execute(&[pay]);
        // What arrives later goes along with the last claim.
        send(&mut market, &bus.unclaimed, 7);
        let account = market.associated_account(&mint, &wallet);
        let pay = market.claim_payment(&bus, &stranger, &wallet, account);
        market.execute(&[pay]);
        assert_eq!(market.tokens(&account), 247_507);
    }
}

/// A payment in wrapped SOL raises the lamports of the account that is paid. Passed as the claim too, that account must not
/// look like one whose rent the caller lent.
#[test]
pub fn a_payment_in_wrapped_sol_is_no_rent_that_the_caller_lent() {
    withstands!(theft: seller_close, lock_release);
    for program in TokenProgram::BOTH {
        let mut chain = TestChain::new();
        let mint = chain.native_mint(program);
        let mut market = TestMarket::on_chain(chain, mint, |options| options);
        let (bus, seller, stranger) = (market.bus, market.seller, market.wallet("stranger"));
        let (wallet, payment, _) = market.chain.buyer("patient", &mint);
        let offer = market.offer(1_000);
        market.execute(&[lock_take(&offer, &wallet, 0, payment, 1_000)]);
        market.pass(301);
        let before = market.lamports(&stranger);
        let mut release = market.release(&offer, &stranger, &wallet, 0);
        name_as_claim(&mut release, &bus.claim(&wallet), &payment);
        market.execute(&[release, offer_cancel(&offer, &seller)]);
        assert_eq!((market.lamports(&stranger), market.exists(&bus.claim(&wallet))), (before, false), "{program:?}");
        // The lock's fee is the seller's.
        let account = market.associated_account(&mint, &seller);
        market.decide(&bus, ProposalAction::BusClose);
        let mut close = seller_close(&bus.seller(&seller), &stranger, account, &seller);
        name_as_claim(&mut close, &bus.claim(&seller), &account);
        market.execute(&[close]);
        assert_eq!((market.lamports(&stranger), market.tokens(&account)), (before, 2_500), "{program:?}");
    }
}

fn name_as_claim(instruction: &mut Instruction, claim: &Address, account: &Address) {
    let place = instruction.accounts.iter().position(|meta| meta.pubkey == *claim).unwrap();
    instruction.accounts[place].pubkey = *account;
}

/// A buyer's lock of 1 kWh ends as a claim, since it names no account for its refund.
fn owed_by_release(market: &mut TestMarket) -> Address {
    let (mint, stranger) = (market.bus.mint, market.seller);
    let (wallet, payment, _) = market.chain.buyer("unlucky", &mint);
    let offer = market.offer(1_000);
    let mut take = lock_take(&offer, &wallet, 0, payment, 1_000);
    let end = take.data.len() - 32;
    take.data[end..].fill(0);
    market.execute(&[take]);
    market.pass(301);
    let release = market.release(&offer, &stranger, &wallet, 0);
    market.execute(&[release, offer_cancel(&offer, &stranger)]);
    wallet
}

// Claims.

#[test]
pub fn claim_pay_goes_where_the_wallet_says_or_to_its_recorded_or_associated_account() {
    refuses!(theft: claim_pay; duplicate_account: claim_pay);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, mint, thief) = (market.bus, market.bus.mint, market.wallet("thief"));
        let thiefs = market.associated_account(&mint, &thief);
        let wallet = owed(&mut market, "unlucky", |market, wallet| {
            let mint = market.bus.mint;
            market.token_account("recorded", &mint, wallet, 0)
        });
        let recorded = market.state::<state::Claim>(&bus.claim(&wallet)).refund;
        let other = market.token_account("another", &mint, &wallet, 0);
        let pay = |market: &TestMarket, caller: &Address, to: Address| market.claim_payment(&bus, caller, &wallet, to);
        // A stranger pays neither itself nor an account that the wallet did not name.
        for (destination, error) in [
            (thiefs, MultibusError::PayeeMismatch),
            (other, MultibusError::PayeeMismatch),
            (bus.unclaimed, MultibusError::PayeeMismatch),
            (bus.treasury, MultibusError::PayeeMismatch),
            (wallet, MultibusError::TokenAccountInvalid),
            (mint.address, MultibusError::TokenAccountInvalid),
        ] {
            let pay = pay(&market, &thief, destination);
            market.assert_refused(&[pay], error);
        }
        for destination in [bus.unclaimed, bus.treasury, market.vault] {
            let pay = pay(&market, &wallet, destination);
            market.assert_refused(&[pay], MultibusError::PayeeIsBusAccount);
        }
        // Not the recorded one either once it is somebody else's.
        if program == TokenProgram::SplToken {
            market.set_token_owner(&mint, &recorded, &wallet, &thief);
            let refused = pay(&market, &thief, recorded);
            market.assert_refused(&[refused], MultibusError::PayeeMismatch);
            // But by the wallet, which may name any.
            let before = market.snapshot();
            let own = pay(&market, &wallet, recorded);
            market.execute(&[own]);
            assert_eq!(market.tokens(&recorded), 247_500);
            market.restore(before);
            market.set_token_owner(&mint, &recorded, &thief, &wallet);
        }
        let associated = market.associated_account(&mint, &wallet);
        for (caller, destination) in [(thief, recorded), (thief, associated), (wallet, other), (wallet, thiefs)] {
            let before = market.snapshot();
            let paid = market.tokens(&destination);
            let meta = {
                let pay = pay(&market, &caller, destination);
                market.execute(&[pay])
            };
            assert_eq!(market.tokens(&destination), paid + 247_500);
            assert!(!market.exists(&bus.claim(&wallet)));
            assert_logged(
                &meta,
                &event::ClaimPaid {
                    bus: bus.address,
                    wallet,
                    claim: bus.claim(&wallet),
                    destination,
                    paid_by: caller,
                    amount: 247_500,
                    paid: 247_500,
                },
            );
            market.restore(before);
        }
    }
}

#[test]
pub fn claim_pay_of_what_cannot_be_paid_now_waits() {
    refuses!(blocked_exit: claim_pay; token_2022: claim_pay; wrong_account: claim_pay);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
        let wallet = owed(&mut market, "unlucky", nowhere);
        let associated = TestChain::associated_address(&mint, &wallet);
        let pay = market.claim_payment(&bus, &stranger, &wallet, associated);
        market.assert_refused(from_ref(&pay), MultibusError::TokenAccountInvalid);
        market.associated_account(&mint, &wallet);
        market.freeze(&mint, &associated);
        market.assert_refused(from_ref(&pay), MultibusError::PayeeUnpayable);
        market.thaw(&mint, &associated);
        market.freeze(&mint, &bus.unclaimed);
        market.assert_refused(from_ref(&pay), MultibusError::PayerFrozen);
        market.thaw(&mint, &bus.unclaimed);
        if program == TokenProgram::Token2022 {
            market.ask_memo(&mint, &associated, &wallet);
            market.assert_refused(from_ref(&pay), MultibusError::PayeeUnpayable);
            let other = market.token_account("another", &mint, &wallet, 0);
            let pay = market.claim_payment(&bus, &wallet, &wallet, other);
            market.execute(&[pay]);
        } else {
            market.execute(&[pay]);
        }
        assert_eq!(market.claim_amount(&bus, &wallet), 0);
    }
}

#[test]
pub fn claim_pay_with_other_accounts_is_rejected() {
    refuses!(
        substituted_address: claim_pay; theft: claim_pay; foreign_program: claim_pay; missing_signer: claim_pay;
        replay: claim_pay; revival: claim_pay
    );
    let mut market = TestMarket::new();
    let (bus, mint, thief) = (market.bus, market.bus.mint, market.wallet("thief"));
    let other = market.create_bus(&thief, &mint, &BusOptions::new(&thief));
    let (wallet, second) = (owed(&mut market, "unlucky", nowhere), owed(&mut market, "second", nowhere));
    let tokens = market.associated_account(&mint, &wallet);
    let good = market.claim_payment(&bus, &thief, &wallet, tokens);
    let cases = [
        (1, other.address, MultibusError::BusMismatch),
        (2, other.ledger, MultibusError::LedgerMismatch),
        (3, bus.claim(&second), MultibusError::ClaimMismatch),
        (4, second, MultibusError::ClaimMismatch),
        (5, other.unclaimed, MultibusError::UnclaimedMismatch),
        (5, bus.treasury, MultibusError::UnclaimedMismatch),
        (7, thief, MultibusError::RentPayerMismatch),
        (9, TokenProgram::Token2022.address(), MultibusError::TokenProgramMismatch),
    ];
    for (place, address, error) in cases {
        let mut pay = good.clone();
        pay.accounts[place].pubkey = address;
        market.assert_refused(&[pay], error);
    }
    let mut unsigned = good.clone();
    unsigned.accounts[0].is_signer = false;
    market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
    // Paid once, also where lamports keep its address.
    let fund = solana_system_interface::instruction::transfer(&thief, &bus.claim(&wallet), 5_000_000);
    market.assert_refused(&[good.clone(), fund, good.clone()], Refusal::NotTheAccount);
    market.execute(from_ref(&good));
    market.assert_refused(&[good], Refusal::NotTheAccount);
}

#[test]
pub fn claim_pay_on_a_tombstone_gives_the_gifts_to_the_last_and_the_rent_to_the_creator() {
    withstands!(arithmetic: claim_pay; token_2022: claim_pay);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, mint, seller, stranger) = (market.bus, market.bus.mint, market.seller, market.wallet("stranger"));
        let wallets = [owed(&mut market, "first", nowhere), owed(&mut market, "second", nowhere)];
        market.pass(1);
        let payout = market.payout;
        market.decide(&bus, ProposalAction::BusClose);
        market.execute(&[seller_close(&bus.seller(&seller), &seller, payout, &seller)]);
        market.execute(&[bus_close(&bus, &stranger, &[seller])]);
        // Years later, with what strangers sent since.
        market.pass(3 * 365 * 86_400);
        market.gift(&mint, &bus.unclaimed, 7);
        let accounts = wallets.map(|wallet| market.associated_account(&mint, &wallet));
        let first = market.claim_payment(&bus, &stranger, &wallets[0], accounts[0]);
        market.execute(&[first]);
        assert_eq!((market.tokens(&accounts[0]), market.tokens(&bus.unclaimed)), (247_500, 247_507));
        let last = market.claim_payment(&bus, &stranger, &wallets[1], accounts[1]);
        // The creator has the rent of the last account, and nobody else.
        let mut stolen = last.clone();
        stolen.accounts[8].pubkey = stranger;
        market.assert_refused(&[stolen], MultibusError::RentPayerMismatch);
        let (before, rent) = (market.lamports(&seller), market.lamports(&bus.unclaimed));
        let meta = market.execute(&[last]);
        assert_eq!((market.tokens(&accounts[1]), market.exists(&bus.unclaimed)), (247_507, false));
        assert_eq!(market.lamports(&seller), before + rent);
        assert_logged(
            &meta,
            &event::ClaimPaid {
                bus: bus.address,
                wallet: wallets[1],
                claim: bus.claim(&wallets[1]),
                destination: accounts[1],
                paid_by: stranger,
                amount: 247_500,
                paid: 247_507,
            },
        );
        assert_eq!(market.state::<state::Tombstone>(&bus.address).open_claims, 0);
    }
}

#[test]
pub fn claims_of_several_buses_keep_apart() {
    let mut market = TestMarket::new();
    let (bus, mint, seller) = (market.bus, market.bus.mint, market.seller);
    let wallet = owed(&mut market, "unlucky", nowhere);
    let other: BusAddresses = market.create_bus(&seller, &mint, &BusOptions::new(&seller));
    let tokens = market.associated_account(&mint, &wallet);
    let mut pay = market.claim_payment(&bus, &wallet, &wallet, tokens);
    let elsewhere = claim_pay(&other, &wallet, &wallet, tokens, &wallet);
    market.assert_refused(from_ref(&elsewhere), Refusal::NotTheAccount);
    pay.accounts[5] = elsewhere.accounts[5].clone();
    market.assert_refused(&[pay], MultibusError::UnclaimedMismatch);
}
