//! `seller_open`, `seller_admit`, `seller_suspend`, `seller_withdraw` and `seller_close`.

use {
    multibus::{
        error::MultibusError,
        event,
        instruction::{SellerClose, SellerOpen, SellerWithdraw},
        state::{self, ProposalAction},
    },
    multibus_tests::{
        BusOptions, Refusal, SellerAddresses, TestChain, TestMarket, TokenProgram,
        chain::FIRST,
        event::{assert_logged, logged},
        instructions::*,
        key::pda,
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    std::slice::from_ref,
};

/// A market with an operator, who is returned too.
fn operated(listing_policy: u8) -> (TestMarket, Address) {
    let operator = solana_signer::Signer::pubkey(&multibus_tests::keypair("operator"));
    let mut market = TestMarket::with(TokenProgram::SplToken, |options| {
        options.with(|config| (config.operator, config.listing_policy) = (Some(operator), listing_policy))
    });
    market.wallet("operator");
    (market, operator)
}

/// A member with a seller account that sold and has 250,000 base units to withdraw.
fn sold(market: &mut TestMarket, name: &str) -> SellerAddresses {
    let (bus, wallet) = (market.bus, market.wallet(name));
    let seller = market.open_seller(&bus, &wallet);
    let options = OfferOptions::new(0).number(market.chain.next_offer(&seller));
    let offer = market.create_offer(&bus, bus.capacity, &wallet, options);
    market.buy(&offer, 1_000);
    market.execute(&[offer_cancel(&offer, &wallet)]);
    assert_eq!(market.seller_state(&seller).released, 250_000);
    market.pass(1);
    seller
}

fn close_bus(market: &mut TestMarket) {
    let bus = market.bus;
    market.decide(&bus, ProposalAction::BusClose);
}

// Opening, admitting and suspending.

#[test]
pub fn seller_open_writes_the_seller_and_its_vault() {
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, wallet) = (market.bus, market.wallet("member"));
        let seller = bus.seller(&wallet);
        let (before, open_sellers) = (market.lamports(&wallet), market.ledger(&bus).open_sellers);
        let meta = market.execute(&[seller_open(&seller, &wallet)]);
        let expected = state::Seller {
            layout_version: 2,
            bump: pda::seller(&bus.address, &wallet).1,
            suspended: 0,
            admitted: 0,
            open_offers: 0,
            next_offer: FIRST,
            released: 0,
            opened_at: market.now(),
            bus: bus.address,
            wallet,
            vault: seller.vault,
            rent_payer: wallet,
            grid_fees_owed: 0,
            meter: Address::default(),
            open_books: 0,
            padding: [0; 4],
            reserved: [0; 18],
        };
        assert_eq!(market.seller_state(&seller), expected);
        let vault = market.token_balance(&seller.vault);
        assert_eq!((vault.owner, vault.mint, vault.amount), (bus.address, bus.mint.address, 0));
        let account = market.account(&seller.vault);
        assert_eq!((account.owner, account.data.len()), (program.address(), 165));
        assert!(account.data[72..76] == [0; 4] && account.data[129..133] == [0; 4], "no delegate, no closer");
        let rent = market.lamports(&seller.address) + market.lamports(&seller.vault);
        assert_eq!(before - market.lamports(&wallet), rent);
        assert_eq!(market.ledger(&bus).open_sellers, open_sellers + 1);
        assert_logged(
            &meta,
            &event::SellerOpened {
                bus: bus.address,
                seller: seller.address,
                wallet,
                vault: seller.vault,
                rent_payer: wallet,
                first_offer: FIRST,
                opened_at: market.now(),
            },
        );
    }
}

#[test]
pub fn seller_open_where_the_policy_leaves_the_wallet_out_is_rejected() {
    for listing_policy in [0, 1] {
        let (mut market, owners) = TestMarket::owned_by(2, 1, |config| config.listing_policy = listing_policy);
        let (bus, stranger) = (market.bus, market.wallet("stranger"));
        market.assert_refused(&[seller_open(&bus.seller(&stranger), &stranger)], MultibusError::ListingClosed);
        // Owners may, and the bus itself.
        market.execute(&[seller_open(&bus.seller(&owners[1]), &owners[1])]);
        market.execute(&[seller_open(&bus.own_seller(), &owners[1])]);
    }
}

#[test]
pub fn seller_open_for_somebody_else_is_rejected() {
    refuses!(theft: seller_open);
    let mut market = TestMarket::new();
    let (bus, seller, member) = (market.bus, market.seller, market.wallet("member"));
    // Not even an owner opens it for a wallet, which alone decides what it pays rent for.
    for (payer, wallet) in [(seller, member), (market.buyer, member), (member, bus.address)] {
        market.assert_refused(&[seller_open(&bus.seller(&wallet), &payer)], MultibusError::NotTheSeller);
    }
}

#[test]
pub fn seller_open_twice_is_rejected() {
    refuses!(reinitialisation: seller_open; replay: seller_open);
    let mut market = TestMarket::new();
    let (bus, wallet) = (market.bus, market.seller);
    market.offer(1);
    market.assert_refused(&[seller_open(&bus.seller(&wallet), &wallet)], Refusal::custom(0));
}

#[test]
pub fn seller_open_at_prefunded_addresses_succeeds() {
    for lamports in [1, 1_000_000, 50_000_000] {
        let mut market = TestMarket::new();
        let (bus, wallet) = (market.bus, market.wallet("member"));
        let seller = bus.seller(&wallet);
        market.fund(&seller.address, lamports);
        market.fund(&seller.vault, lamports);
        market.execute(&[seller_open(&seller, &wallet)]);
    }
}

#[test]
pub fn seller_open_in_another_mint_is_rejected() {
    refuses!(wrong_account: seller_open, seller_admit, proposal_execute);
    let (mut market, operator) = operated(2);
    let (bus, owner, wallet) = (market.bus, market.seller, market.wallet("member"));
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let seller = bus.seller(&wallet);
    let admit = market.propose(&bus, &owner, ProposalAction::SellerAdmit { wallet });
    let instructions = [
        (seller_open(&seller, &wallet), 5),
        (seller_admit(&seller, &operator), 5),
        (proposal_execute_on(&seller, admit, &owner), 8),
    ];
    for (mut instruction, place) in instructions {
        assert_eq!(instruction.accounts[place].pubkey, bus.mint.address);
        instruction.accounts[place].pubkey = worthless.address;
        market.assert_refused(&[instruction], MultibusError::MintMismatch);
    }
}

#[test]
pub fn seller_open_names_its_first_number_ahead() {
    refuses!(arithmetic: seller_open);
    let mut market = TestMarket::new();
    let (bus, wallet) = (market.bus, market.wallet("member"));
    let (seller, slot, now) = (bus.seller(&wallet), market.slot(), market.now());
    let open = |first_slot| SellerOpen { wallet, first_slot }.to_instruction(seller_open_accounts(&seller, &wallet));
    for first_slot in [1, slot - 1, slot + 1_025, u64::MAX] {
        market.assert_refused(&[open(first_slot)], MultibusError::FirstSlotInvalid);
    }
    market.set_clock(now, 1 << 44);
    market.assert_refused(&[open(0)], MultibusError::CounterOverflow);
    market.set_clock(now, slot);
    let before = market.account(&bus.ledger);
    market.edit::<state::Ledger>(&bus.ledger, |ledger| ledger.open_sellers = u32::MAX);
    market.assert_refused(&[open(0)], MultibusError::CounterOverflow);
    market.svm.set_account(bus.ledger, before).unwrap();
    // Opened and used in one transaction.
    let first = OfferOptions::new(0).number((slot + 1_024) << 20);
    market.execute(&[open(slot + 1_024), offer_create(&bus, bus.capacity, &wallet, first)]);
}

#[test]
pub fn nothing_opens_on_a_closing_bus() {
    let (mut market, operator) = operated(1);
    let (bus, wallet) = (market.bus, market.wallet("member"));
    let seller = market.seller;
    close_bus(&mut market);
    market.assert_refused(&[seller_open(&bus.own_seller(), &seller)], MultibusError::BusClosing);
    market.assert_refused(&[seller_admit(&bus.seller(&wallet), &operator)], MultibusError::BusClosing);
}

#[test]
pub fn seller_admit_opens_the_account_or_admits_the_present_one() {
    withstands!(reinitialisation: seller_admit; token_2022: seller_admit);
    for program in TokenProgram::BOTH {
        let operator = solana_signer::Signer::pubkey(&multibus_tests::keypair("operator"));
        let mut market = TestMarket::with(program, |options| {
            options.with(|config| (config.operator, config.listing_policy) = (Some(operator), 1))
        });
        market.wallet("operator");
        let (bus, wallet) = (market.bus, market.wallet("member"));
        let seller = bus.seller(&wallet);
        let meta = market.execute(&[seller_admit(&seller, &operator)]);
        assert_eq!(logged(&meta.logs).len(), 2, "it is opened, and admitted");
        let state = market.seller_state(&seller);
        assert_eq!((state.admitted, state.suspended, state.rent_payer), (1, 0, operator));
        let offer = market.create_offer(&bus, bus.capacity, &wallet, OfferOptions::new(0));
        market.buy(&offer, 1_000);
        // Suspended it lists nothing; admitted again it goes on where it was.
        let meta = market.execute(&[seller_suspend(&seller, &operator)]);
        assert_logged(
            &meta,
            &event::SellerSuspended { bus: bus.address, seller: seller.address, wallet, suspended_by: operator },
        );
        let next = offer_create(&bus, bus.capacity, &wallet, OfferOptions::new(1));
        market.assert_refused(from_ref(&next), MultibusError::SellerSuspended);
        let before = market.seller_state(&seller);
        let meta = market.execute(&[seller_admit(&seller, &operator)]);
        assert_logged(
            &meta,
            &event::SellerAdmitted { bus: bus.address, seller: seller.address, wallet, admitted_by: operator },
        );
        let expected = state::Seller { suspended: 0, admitted: 1, ..before };
        assert_eq!(market.seller_state(&seller), expected);
        market.execute(&[next]);
    }
}

#[test]
pub fn only_the_operator_admits_and_suspends_at_once() {
    refuses!(theft: seller_admit, seller_suspend; missing_signer: seller_admit, seller_suspend);
    let (mut market, operator) = operated(2);
    let (bus, owner, buyer) = (market.bus, market.seller, market.buyer);
    let seller = bus.seller(&owner);
    for wallet in [owner, buyer] {
        market.assert_refused(&[seller_admit(&seller, &wallet)], MultibusError::NotTheOperator);
        market.assert_refused(&[seller_suspend(&seller, &wallet)], MultibusError::NotTheOperator);
    }
    for instruction in [seller_admit(&seller, &operator), seller_suspend(&seller, &operator)] {
        let mut unsigned = instruction;
        unsigned.accounts[0].is_signer = false;
        market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
    }
    // Where there is no operator, nobody is: not the zero address either, which none can sign for.
    market.decide(&bus, ProposalAction::OperatorSet { operator: None });
    market.assert_refused(&[seller_suspend(&seller, &operator)], MultibusError::NotTheOperator);
}

#[test]
pub fn owners_admit_and_suspend_by_a_decision() {
    withstands!(reinitialisation: proposal_execute);
    let mut market =
        TestMarket::with(TokenProgram::SplToken, |options| options.with(|config| config.listing_policy = 1));
    let (bus, owner, wallet) = (market.bus, market.seller, market.wallet("member"));
    let seller = bus.seller(&wallet);
    market.decide(&bus, ProposalAction::SellerAdmit { wallet });
    let state = market.seller_state(&seller);
    assert_eq!((state.admitted, state.rent_payer, state.next_offer), (1, owner, FIRST));
    market.create_offer(&bus, bus.capacity, &wallet, OfferOptions::new(0));
    market.decide(&bus, ProposalAction::SellerSuspend { wallet });
    assert_eq!(market.seller_state(&seller).suspended, 1);
    // Admitted once more, nothing of the account is lost.
    market.decide(&bus, ProposalAction::SellerAdmit { wallet });
    assert_eq!(market.seller_state(&seller), state::Seller { next_offer: FIRST + 1, open_offers: 1, ..state });
    // With another seller's accounts, or none to suspend, it is refused.
    let stranger = market.wallet("stranger");
    let suspend = market.propose(&bus, &owner, ProposalAction::SellerSuspend { wallet: stranger });
    market.assert_refused(&[proposal_execute_on(&seller, suspend, &owner)], MultibusError::SellerMismatch);
    let nothing = proposal_execute_on(&bus.seller(&stranger), suspend, &owner);
    market.assert_refused(&[nothing], Refusal::NotTheAccount);
    let admit = market.propose(&bus, &owner, ProposalAction::SellerAdmit { wallet: stranger });
    let wrong = SellerAddresses { vault: seller.vault, ..bus.seller(&stranger) };
    market.assert_refused(&[proposal_execute_on(&wrong, admit, &owner)], MultibusError::VaultMismatch);
}

#[test]
pub fn seller_admit_past_the_last_counted_seller_is_rejected() {
    refuses!(arithmetic: seller_admit);
    let (mut market, operator) = operated(1);
    let (bus, wallet) = (market.bus, market.wallet("member"));
    market.edit::<state::Ledger>(&bus.ledger, |ledger| ledger.open_sellers = u32::MAX);
    market.assert_refused(&[seller_admit(&bus.seller(&wallet), &operator)], MultibusError::CounterOverflow);
}

#[test]
pub fn a_suspended_seller_keeps_its_money_and_does_not_close() {
    let (mut market, operator) = operated(2);
    let member = sold(&mut market, "member");
    let mint = market.bus.mint;
    let tokens = market.token_account("member's tokens", &mint, &member.wallet, 0);
    market.execute(&[seller_suspend(&member, &operator)]);
    let close = seller_close(&member, &member.wallet, tokens, &member.wallet);
    market.assert_refused(from_ref(&close), MultibusError::SellerSuspended);
    market.execute(&[seller_withdraw(&member, &member.wallet, tokens)]);
    assert_eq!(market.tokens(&tokens), 250_000);
    // But in a closing bus, where it holds up nobody.
    close_bus(&mut market);
    market.execute(&[close]);
}

// Withdrawing.

#[test]
pub fn seller_withdraw_pays_what_is_released_to_any_account_that_the_seller_names() {
    withstands!(arithmetic: seller_withdraw);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, member) = (market.bus, sold(&mut market, "member"));
        let friend = market.key("friend");
        for (round, owner) in [member.wallet, friend].into_iter().enumerate() {
            let account = market.token_account(&format!("account {round}"), &bus.mint, &owner, 0);
            let meta = market.execute(&[seller_withdraw(&member, &member.wallet, account)]);
            assert_eq!((market.tokens(&account), market.tokens(&member.vault)), (250_000, 0));
            assert_logged(
                &meta,
                &event::SellerWithdrawn {
                    bus: bus.address,
                    seller: member.address,
                    destination: account,
                    withdrawn_by: member.wallet,
                    amount: 250_000,
                },
            );
            let again = seller_withdraw(&member, &member.wallet, account);
            market.assert_refused(&[again], MultibusError::NothingToWithdraw);
            sold(&mut market, "member");
        }
    }
}

#[test]
pub fn seller_withdraw_of_the_largest_amount_is_exact() {
    withstands!(arithmetic: seller_withdraw, offer_collect, seller_close, claim_pay);
    const ALL: u64 = u64::MAX;
    let mut market = TestMarket::new();
    let (bus, mint, payment, payout) = (market.bus, market.bus.mint, market.payment, market.payout);
    market.gift(&mint, &payment, ALL - multibus_tests::market::BUYER_TOKENS);
    let offer = market.offer_with(|options| options.energy(2_000).price(u64::MAX));
    market.buy(&offer, 1_000);
    market.withdraw(&offer);
    assert_eq!(market.tokens(&payout), ALL);
    // Again, into a claim and out of it.
    let (seller, stranger) = (market.seller, market.wallet("stranger"));
    market.arrange(&[mint.transfer(&payout, &payment, &seller, ALL)]);
    market.buy(&offer, 1_000);
    close_bus(&mut market);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let own = bus.seller(&seller);
    let associated = TestChain::associated_address(&mint, &seller);
    market.execute(&[seller_close(&own, &stranger, associated, &seller)]);
    assert_eq!(market.claim_amount(&bus, &seller), ALL);
    let pay = market.claim_payment(&bus, &seller, &seller, payout);
    market.execute(&[pay]);
    assert_eq!(market.tokens(&payout), ALL);
}

#[test]
pub fn seller_withdraw_by_anyone_goes_to_the_sellers_associated_account() {
    refuses!(theft: seller_withdraw);
    let mut market = TestMarket::new();
    let (bus, member, thief) = (market.bus, sold(&mut market, "member"), market.wallet("thief"));
    let thiefs = market.associated_account(&bus.mint, &thief);
    let other = market.token_account("member's other account", &bus.mint, &member.wallet, 0);
    let given_away = TestChain::associated_address(&bus.mint, &member.wallet);
    for (destination, error) in [
        (thiefs, MultibusError::PayeeMismatch),
        (other, MultibusError::PayeeMismatch),
        (bus.treasury, MultibusError::PayeeMismatch),
        (bus.unclaimed, MultibusError::PayeeMismatch),
        (member.vault, MultibusError::PayeeMismatch),
        (given_away, MultibusError::TokenAccountInvalid),
    ] {
        market.assert_refused(&[seller_withdraw(&member, &thief, destination)], error);
    }
    // Its associated account is not paid once it belongs to somebody else.
    market.associated_account(&bus.mint, &member.wallet);
    market.set_token_owner(&bus.mint, &given_away, &member.wallet, &thief);
    market.assert_refused(&[seller_withdraw(&member, &thief, given_away)], MultibusError::PayeeMismatch);
    market.set_token_owner(&bus.mint, &given_away, &thief, &member.wallet);
    market.execute(&[seller_withdraw(&member, &thief, given_away)]);
    assert_eq!(market.tokens(&given_away), 250_000);
}

#[test]
pub fn seller_withdraw_into_an_account_of_the_bus_is_rejected() {
    refuses!(theft: seller_withdraw; duplicate_account: seller_withdraw);
    let mut market = TestMarket::new();
    let (bus, member) = (market.bus, sold(&mut market, "member"));
    let of_the_bus = market.token_account("another of the bus", &bus.mint, &bus.address, 0);
    let other_vault = market.vault;
    for destination in [bus.treasury, bus.unclaimed, of_the_bus, member.vault, other_vault] {
        let withdraw = seller_withdraw(&member, &member.wallet, destination);
        market.assert_refused(&[withdraw], MultibusError::PayeeIsBusAccount);
    }
}

#[test]
pub fn seller_withdraw_to_what_is_no_token_account_of_the_mint_is_rejected() {
    refuses!(wrong_account: seller_withdraw);
    let mut market = TestMarket::new();
    let (bus, member) = (market.bus, sold(&mut market, "member"));
    let worthless = market.mint("worthless", TokenProgram::SplToken, &[]);
    let of_worthless = market.token_account("of worthless", &worthless, &member.wallet, 0);
    let token_2022 = market.mint("2022", TokenProgram::Token2022, &[]);
    let of_token_2022 = market.token_account("of 2022", &token_2022, &member.wallet, 0);
    let (missing, payout) = (market.key("missing"), market.payout);
    let mut account = market.account(&payout);
    let (fake, uninitialised, short) = (market.key("fake"), market.key("uninitialised"), market.key("short"));
    account.owner = multibus::ID;
    market.svm.set_account(fake, account.clone()).unwrap();
    account.owner = bus.mint.program.address();
    account.data[108] = 0;
    market.svm.set_account(uninitialised, account.clone()).unwrap();
    account.data[108] = 1;
    account.data.truncate(164);
    market.svm.set_account(short, account).unwrap();
    let wrong = [
        of_worthless,
        of_token_2022,
        missing,
        fake,
        uninitialised,
        short,
        bus.mint.address,
        market.lane.address,
        member.wallet,
    ];
    for destination in wrong {
        let withdraw = seller_withdraw(&member, &member.wallet, destination);
        market.assert_refused(&[withdraw], MultibusError::TokenAccountInvalid);
    }
}

#[test]
pub fn seller_withdraw_to_a_malformed_token_2022_account_is_rejected() {
    refuses!(wrong_account: seller_withdraw);
    let mut market = TestMarket::with(TokenProgram::Token2022, |options| options);
    let member = sold(&mut market, "member");
    let mint = market.bus.mint;
    let tokens = market.token_account("member's tokens", &mint, &member.wallet, 0);
    let good = market.account(&tokens);
    // A mint's type byte; a list of extensions that says to be longer than it is.
    for tail in [&[1][..], &[2, 8, 0, 9, 0, 1], &[0]] {
        let mut account = good.clone();
        account.data.extend_from_slice(tail);
        market.svm.set_account(tokens, account).unwrap();
        let withdraw = seller_withdraw(&member, &member.wallet, tokens);
        market.assert_refused(&[withdraw], MultibusError::TokenAccountInvalid);
    }
    market.svm.set_account(tokens, good).unwrap();
    market.execute(&[seller_withdraw(&member, &member.wallet, tokens)]);
}

#[test]
pub fn seller_withdraw_to_or_from_a_frozen_account_is_rejected_and_loses_nothing() {
    refuses!(blocked_exit: seller_withdraw; token_2022: seller_withdraw);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (mint, member) = (market.bus.mint, sold(&mut market, "member"));
        let (frozen, memo) = ("frozen", "memo");
        let [frozen, memo, other] =
            [frozen, memo, "other"].map(|name| market.token_account(name, &mint, &member.wallet, 0));
        market.freeze(&mint, &frozen);
        market.assert_refused(&[seller_withdraw(&member, &member.wallet, frozen)], MultibusError::PayeeUnpayable);
        if program == TokenProgram::Token2022 {
            market.ask_memo(&mint, &memo, &member.wallet);
            market.assert_refused(&[seller_withdraw(&member, &member.wallet, memo)], MultibusError::PayeeUnpayable);
        }
        market.freeze(&mint, &member.vault);
        let withdraw = seller_withdraw(&member, &member.wallet, other);
        market.assert_refused(from_ref(&withdraw), MultibusError::PayerFrozen);
        market.thaw(&mint, &member.vault);
        // The seller chooses another account.
        market.execute(&[withdraw]);
        assert_eq!(market.tokens(&other), 250_000);
    }
}

#[test]
pub fn seller_withdraw_works_while_paused_and_while_the_bus_closes() {
    withstands!(blocked_exit: seller_withdraw);
    for action in [ProposalAction::Pause, ProposalAction::BusClose] {
        let mut market = TestMarket::new();
        let (bus, member) = (market.bus, sold(&mut market, "member"));
        let tokens = market.token_account("member's tokens", &bus.mint, &member.wallet, 0);
        market.decide(&bus, action);
        market.execute(&[seller_withdraw(&member, &member.wallet, tokens)]);
        assert_eq!(market.tokens(&tokens), 250_000);
    }
}

#[test]
pub fn seller_withdraw_from_another_vault_is_rejected() {
    refuses!(theft: seller_withdraw; substituted_address: seller_withdraw);
    let mut market = TestMarket::new();
    let (bus, mint) = (market.bus, market.bus.mint);
    let (member, other) = (sold(&mut market, "member"), sold(&mut market, "other"));
    let tokens = market.token_account("member's tokens", &mint, &member.wallet, 0);
    let thiefs = market.token_account("thief's tokens", &mint, &other.wallet, 0);
    for vault in [other.vault, bus.treasury, bus.unclaimed, tokens] {
        let withdraw = seller_withdraw(&SellerAddresses { vault, ..member }, &member.wallet, tokens);
        market.assert_refused(&[withdraw], MultibusError::VaultMismatch);
    }
    // Somebody else's seller account.
    let stolen = seller_withdraw(&member, &other.wallet, thiefs);
    market.assert_refused(&[stolen], MultibusError::PayeeMismatch);
    let mut unsigned = seller_withdraw(&member, &member.wallet, tokens);
    unsigned.accounts[0].is_signer = false;
    market.assert_refused(&[unsigned], InstructionError::MissingRequiredSignature);
    let accounts = multibus::accounts::SellerWithdraw {
        caller: member.wallet,
        bus: bus.address,
        seller: member.address,
        vault: member.vault,
        destination: tokens,
        token_program: TokenProgram::Token2022.address(),
    };
    let foreign = SellerWithdraw {}.to_instruction(accounts);
    market.assert_refused(&[foreign], MultibusError::TokenProgramMismatch);
}

// Closing.

#[test]
pub fn seller_close_pays_what_is_left_and_returns_the_rent() {
    withstands!(token_2022: seller_close);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, member) = (market.bus, sold(&mut market, "member"));
        let tokens = market.token_account("member's tokens", &bus.mint, &member.wallet, 0);
        market.gift(&bus.mint, &member.vault, 7);
        let rent = market.lamports(&member.address) + market.lamports(&member.vault);
        let (before, open_sellers) = (market.lamports(&member.wallet), market.ledger(&bus).open_sellers);
        let meta = market.execute(&[seller_close(&member, &member.wallet, tokens, &member.wallet)]);
        assert!(!market.exists(&member.address) && !market.exists(&member.vault));
        assert_eq!((market.tokens(&tokens), market.tokens(&bus.treasury)), (250_000, 7), "gifts are the owners'");
        assert_eq!(market.lamports(&member.wallet), before + rent);
        assert_eq!(market.ledger(&bus).open_sellers, open_sellers - 1);
        assert_logged(
            &meta,
            &event::SellerClosed {
                bus: bus.address,
                seller: member.address,
                wallet: member.wallet,
                closed_by: member.wallet,
                destination: tokens,
                amount: 250_000,
                gift: 7,
                outcome: state::RefundOutcome::Paid as u8,
                padding: [0; 7],
            },
        );
    }
}

#[test]
pub fn seller_close_by_the_seller_pays_any_account_that_it_names_but_the_buss() {
    let mut market = TestMarket::new();
    let (bus, friend) = (market.bus, market.key("friend"));
    let friends = market.token_account("friend's tokens", &bus.mint, &friend, 0);
    let member = sold(&mut market, "member");
    market.execute(&[seller_close(&member, &member.wallet, friends, &member.wallet)]);
    assert_eq!(market.tokens(&friends), 250_000);
    // What cannot be paid, or is the bus's own, becomes a claim.
    for (index, destination) in [bus.treasury, bus.unclaimed, friend].into_iter().enumerate() {
        let member = sold(&mut market, &format!("member {index}"));
        market.execute(&[seller_close(&member, &member.wallet, destination, &member.wallet)]);
        assert_eq!(market.claim_amount(&bus, &member.wallet), 250_000);
    }
}

#[test]
pub fn seller_close_with_open_offers_or_by_a_stranger_is_rejected() {
    refuses!(theft: seller_close);
    let mut market = TestMarket::new();
    let (bus, seller, stranger) = (market.bus, market.seller, market.wallet("stranger"));
    let own = bus.seller(&seller);
    let payout = market.payout;
    let offer = market.offer(10_000);
    market.pass(1);
    let close = seller_close(&own, &seller, payout, &seller);
    market.assert_refused(from_ref(&close), MultibusError::SellerHasOffers);
    market.execute(&[offer_cancel(&offer, &seller)]);
    market.assert_refused(&[seller_close(&own, &stranger, payout, &seller)], MultibusError::NotTheSeller);
    market.assert_refused(&[seller_close(&own, &seller, payout, &stranger)], MultibusError::RentPayerMismatch);
    market.execute(&[close]);
}

#[test]
pub fn seller_close_in_the_slot_of_its_last_number_is_rejected() {
    refuses!(arithmetic: seller_close);
    let mut market = TestMarket::new();
    let (bus, seller, payout) = (market.bus, market.seller, market.payout);
    let own = bus.seller(&seller);
    let offer = market.offer(1);
    market.execute(&[offer_cancel(&offer, &seller)]);
    let close = seller_close(&own, &seller, payout, &seller);
    market.assert_refused(from_ref(&close), MultibusError::CounterBusy);
    let now = market.now();
    market.set_clock(now, 1 << 44);
    market.assert_refused(from_ref(&close), MultibusError::CounterOverflow);
    market.set_clock(now, multibus_tests::chain::START_SLOT + 1);
    market.execute(&[close]);
    // On a closing bus nothing opens again, so that nobody needs to wait.
    let mut market = TestMarket::new();
    let offer = market.offer(1);
    close_bus(&mut market);
    market.execute(&[offer_cancel(&offer, &seller), seller_close(&own, &seller, payout, &seller)]);
}

#[test]
pub fn seller_close_by_anyone_on_a_closing_bus_pays_the_associated_account_or_makes_a_claim() {
    refuses!(theft: seller_close);
    withstands!(blocked_exit: seller_close; reinitialisation: seller_close);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, mint, stranger) = (market.bus, market.bus.mint, market.wallet("stranger"));
        let names = ["paid", "never opened", "frozen", "given away", "asks for memos", "another account", "thief's"];
        let members = names.map(|name| sold(&mut market, name));
        let [paid, _, frozen, given_away, memo, _, _] = members;
        for member in [paid, frozen, given_away, memo] {
            market.associated_account(&mint, &member.wallet);
        }
        let of = |member: &SellerAddresses| TestChain::associated_address(&mint, &member.wallet);
        market.freeze(&mint, &of(&frozen));
        if program == TokenProgram::Token2022 {
            market.ask_memo(&mint, &of(&memo), &memo.wallet);
        } else {
            market.set_token_owner(&mint, &of(&given_away), &given_away.wallet, &stranger);
        }
        let other = market.token_account("other", &mint, &members[5].wallet, 0);
        let thiefs = market.token_account("thief's tokens", &mint, &stranger, 0);
        close_bus(&mut market);
        // A stranger chooses nothing: neither who is paid, nor whether it is a claim.
        for (member, destination) in
            [(members[5], other), (members[6], thiefs), (paid, stranger), (paid, bus.unclaimed)]
        {
            let close = seller_close(&member, &stranger, destination, &member.wallet);
            market.assert_refused(&[close], MultibusError::PayeeMismatch);
        }
        for (index, member) in members.iter().enumerate() {
            let destination = of(member);
            let rent_payer = market.seller_state(member).rent_payer;
            let lamports = market.lamports(&stranger);
            let meta = market.execute(&[seller_close(member, &stranger, destination, &rent_payer)]);
            let claimed = market.claim_amount(&bus, &member.wallet);
            let is_payable = match (index, program) {
                // Token-2022's associated accounts cannot be given away; SPL Token has no memos.
                (0, _) | (3, TokenProgram::Token2022) | (4, TokenProgram::SplToken) => true,
                _ => false,
            };
            assert_eq!(claimed, if is_payable { 0 } else { 250_000 }, "{}", names[index]);
            assert_eq!(logged(&meta.logs).len(), if is_payable { 1 } else { 2 });
            assert_eq!(market.lamports(&stranger), lamports, "who presses the button pays no rent");
            if !is_payable {
                let claim: state::Claim = market.state(&bus.claim(&member.wallet));
                assert_eq!((claim.rent_payer, claim.refund), (rent_payer, Address::default()));
            }
        }
        assert_eq!(market.tokens(&thiefs), 0);
    }
}

#[test]
pub fn seller_close_of_a_frozen_vault_is_rejected_and_waits() {
    refuses!(blocked_exit: seller_close);
    let mut market = TestMarket::new();
    let (bus, mint, member) = (market.bus, market.bus.mint, sold(&mut market, "member"));
    let tokens = market.token_account("member's tokens", &mint, &member.wallet, 0);
    let close = seller_close(&member, &member.wallet, tokens, &member.wallet);
    market.freeze(&mint, &member.vault);
    market.assert_refused(from_ref(&close), MultibusError::PayerFrozen);
    market.thaw(&mint, &member.vault);
    // A frozen treasury keeps no gift from the vault: it waits with what is unclaimed.
    market.gift(&mint, &member.vault, 1);
    market.freeze(&mint, &bus.treasury);
    market.freeze(&mint, &bus.unclaimed);
    market.assert_refused(from_ref(&close), MultibusError::PayeeUnpayable);
    market.thaw(&mint, &bus.unclaimed);
    market.execute(&[close]);
    assert_eq!((market.tokens(&bus.unclaimed), market.tokens(&tokens)), (1, 250_000));
    assert_eq!(market.ledger(&bus).diverted, 1, "it is the owners' revenue");
}

#[test]
pub fn seller_close_of_the_bus_itself_pays_the_treasury_alone() {
    refuses!(theft: seller_close);
    let mut market = TestMarket::new();
    let (bus, mint, seller, payout) = (market.bus, market.bus.mint, market.seller, market.payout);
    let own = bus.own_seller();
    let offer = market.bus_offer(&seller, 10_000, 250_000);
    market.buy(&offer, 1_000);
    market.execute(&[offer_cancel(&offer, &seller)]);
    for destination in [payout, bus.unclaimed] {
        let close = seller_close(&own, &seller, destination, &seller);
        market.assert_refused(&[close], MultibusError::WithdrawNotToTreasury);
    }
    let close = seller_close(&own, &seller, bus.treasury, &seller);
    for (held, error) in [(bus.treasury, MultibusError::PayeeUnpayable), (own.vault, MultibusError::PayerFrozen)] {
        market.freeze(&mint, &held);
        market.assert_refused(from_ref(&close), error);
        market.thaw(&mint, &held);
    }
    market.execute(&[close]);
    assert_eq!(market.tokens(&bus.treasury), 250_000);
}

#[test]
pub fn seller_close_with_other_accounts_is_rejected() {
    refuses!(substituted_address: seller_close; theft: seller_close; foreign_program: seller_close);
    let mut market = TestMarket::new();
    let (bus, mint, seller) = (market.bus, market.bus.mint, market.seller);
    let (member, other) = (sold(&mut market, "member"), sold(&mut market, "other"));
    let elsewhere = market.create_bus(&seller, &mint, &BusOptions::new(&seller));
    let tokens = market.token_account("member's tokens", &mint, &member.wallet, 0);
    let stranger = market.wallet("stranger");
    type Change = Box<dyn Fn(&mut multibus::accounts::SellerClose)>;
    let close = |change: &Change| -> Instruction {
        let mut accounts = multibus::accounts::SellerClose {
            caller: member.wallet,
            bus: bus.address,
            ledger: bus.ledger,
            seller: member.address,
            vault: member.vault,
            destination: tokens,
            treasury: bus.treasury,
            unclaimed: bus.unclaimed,
            claim: bus.claim(&member.wallet),
            rent_payer: member.wallet,
            token_program: mint.program.address(),
            system_program: solana_sdk_ids::system_program::ID,
        };
        change(&mut accounts);
        SellerClose {}.to_instruction(accounts)
    };
    let cases: Vec<(Change, Refusal)> = vec![
        (Box::new(move |accounts| accounts.bus = elsewhere.address), MultibusError::BusMismatch.into()),
        (Box::new(move |accounts| accounts.ledger = elsewhere.ledger), MultibusError::LedgerMismatch.into()),
        (Box::new(move |accounts| accounts.vault = other.vault), MultibusError::VaultMismatch.into()),
        (Box::new(move |accounts| accounts.vault = bus.treasury), MultibusError::VaultMismatch.into()),
        (Box::new(move |accounts| accounts.treasury = elsewhere.treasury), MultibusError::TreasuryMismatch.into()),
        (Box::new(move |accounts| accounts.unclaimed = elsewhere.unclaimed), MultibusError::UnclaimedMismatch.into()),
        (Box::new(move |accounts| accounts.rent_payer = stranger), MultibusError::RentPayerMismatch.into()),
        (
            Box::new(|accounts| accounts.token_program = TokenProgram::Token2022.address()),
            MultibusError::TokenProgramMismatch.into(),
        ),
    ];
    for (change, refusal) in cases {
        market.assert_refused(&[close(&change)], refusal);
    }
    // Where a claim is made, the claim of somebody else.
    market.freeze(&mint, &tokens);
    let unlucky = close(
        &(Box::new(move |accounts: &mut multibus::accounts::SellerClose| accounts.claim = bus.claim(&stranger))
            as Change),
    );
    market.assert_refused(&[unlucky], MultibusError::ClaimMismatch);
    let good = close(&(Box::new(|_: &mut multibus::accounts::SellerClose| ()) as Change));
    market.execute(&[good]);
    assert_eq!(market.claim_amount(&bus, &member.wallet), 250_000);
}
