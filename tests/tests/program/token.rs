//! Which settlement mints a bus accepts.

use {
    multibus::{error::MultibusError, instruction::BusCreate, state::ProposalAction},
    multibus_tests::{
        BusOptions, Mint, MintExtension, Refusal, TestChain, TestMarket, TokenProgram, chain::FIRST, instructions::*,
        market::BUYER_TOKENS,
    },
    solana_account::Account,
    solana_address::Address,
    solana_instruction::Instruction,
    solana_transaction_error::TransactionError,
    spl_token_2022_interface::{
        instruction::{self as token_2022, AuthorityType},
        state::AccountState,
    },
    spl_token_interface::error::TokenError,
};

fn refused(extensions: &[MintExtension], error: MultibusError) {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::Token2022, extensions);
    let creator = chain.wallet("creator");
    chain.execute(&[creator_open(&creator, 0)]);
    chain.assert_refused(&[bus_create(&creator, &mint, &BusOptions::new(&creator))], error);
}

/// Trades everything there is in a mint: a purchase, a lock that settles and one that is released.
fn accepted(extensions: &[MintExtension]) {
    let mut chain = TestChain::new();
    let mint = chain.mint("mint", TokenProgram::Token2022, extensions);
    let mut market = TestMarket::on_chain(chain, mint, |options| options);
    let buyer = market.buyer;
    let offer = market.offer(10_000);
    market.buy(&offer, 1_000);
    market.lock(&offer, 1_000);
    let settle = market.lock_settle(&offer);
    market.execute(&[settle]);
    market.lock(&offer, 1_000);
    let release = market.lock_release(&offer, &buyer);
    market.execute(&[release]);
    let batch = market.batch(&[(offer, 1_000)]);
    market.execute(&[batch]);
    assert_eq!(market.tokens(&market.vault), 3 * 250_000 + 2_500);
    market.withdraw(&offer);
    assert_eq!(market.tokens(&market.payout), 3 * 250_000 + 2_500);
}

/// A Token-2022 mint of these bytes after its type.
fn mint_with_tail(chain: &mut TestChain, tail: &[u8]) -> Mint {
    let mint = chain.mint("mint", TokenProgram::Token2022, &[MintExtension::MetadataPointer]);
    let mut account = chain.account(&mint.address);
    account.data.truncate(165);
    account.data.extend_from_slice(tail);
    chain.svm.set_account(mint.address, account).unwrap();
    mint
}

#[test]
pub fn mint_with_transfer_fee_is_rejected() {
    refuses!(token_2022: bus_create);
    refused(&[MintExtension::TransferFee], MultibusError::MintHasTransferFee);
}

#[test]
pub fn mint_with_transfer_hook_is_rejected() {
    refuses!(token_2022: bus_create);
    refused(&[MintExtension::TransferHook], MultibusError::MintHasTransferHook);
}

#[test]
pub fn mint_with_permanent_delegate_is_rejected() {
    refuses!(token_2022: bus_create);
    refused(&[MintExtension::PermanentDelegate], MultibusError::MintHasPermanentDelegate);
}

#[test]
pub fn mint_that_pays_interest_on_paper_is_rejected() {
    refuses!(token_2022: bus_create);
    refused(&[MintExtension::InterestBearing], MultibusError::MintInterestBearing);
}

#[test]
pub fn mint_whose_shown_amounts_are_scaled_is_rejected() {
    refuses!(token_2022: bus_create);
    refused(&[MintExtension::ScaledUiAmount], MultibusError::MintScaledAmount);
}

#[test]
pub fn mint_of_non_transferable_tokens_is_rejected() {
    refused(&[MintExtension::NonTransferable], MultibusError::MintNonTransferable);
}

#[test]
pub fn mint_with_default_state_is_rejected() {
    refused(&[MintExtension::DefaultState(AccountState::Frozen)], MultibusError::MintDefaultFrozen);
    // The issuer can change it to frozen at any time.
    refused(&[MintExtension::DefaultState(AccountState::Initialized)], MultibusError::MintDefaultFrozen);
}

#[test]
pub fn mint_with_close_authority_is_rejected() {
    refused(&[MintExtension::CloseAuthority], MultibusError::MintHasCloseAuthority);
}

#[test]
pub fn mint_that_can_be_paused_is_rejected() {
    refused(&[MintExtension::Pausable], MultibusError::MintPausable);
}

#[test]
pub fn mint_with_an_extension_not_known_to_be_harmless_is_rejected() {
    refuses!(token_2022: bus_create);
    refused(&[MintExtension::ConfidentialTransfer], MultibusError::MintExtensionUnknown);
    refused(&[MintExtension::PermissionedBurn], MultibusError::MintExtensionUnknown);
    for number in [2u8, 4, 5, 7, 8, 11, 13, 15, 16, 17, 24, 27, 28, 99, 255] {
        let mut chain = TestChain::new();
        let mint = mint_with_tail(&mut chain, &[1, number, 0, 0, 0]);
        let creator = chain.wallet("creator");
        chain.execute(&[creator_open(&creator, 0)]);
        let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
        chain.assert_refused(&[create], MultibusError::MintExtensionUnknown);
    }
}

#[test]
pub fn mint_with_a_dangerous_extension_behind_harmless_ones_is_rejected() {
    refuses!(token_2022: bus_create);
    use MintExtension::*;
    refused(&[MetadataPointer, GroupPointer, TransferFee], MultibusError::MintHasTransferFee);
    refused(&[MetadataPointer, InterestBearing], MultibusError::MintInterestBearing);
    refused(&[GroupPointer, TransferHook], MultibusError::MintHasTransferHook);
    refused(&[MetadataPointer, PermanentDelegate], MultibusError::MintHasPermanentDelegate);
    refused(&[MetadataPointer, ScaledUiAmount], MultibusError::MintScaledAmount);
}

#[test]
pub fn mint_with_harmless_extensions_trades() {
    withstands!(
        token_2022: purchase, purchase_batch, lock_take, lock_settle, lock_release, seller_open, seller_withdraw
    );
    use MintExtension::*;
    for extension in [MetadataPointer, GroupPointer, GroupMemberPointer] {
        accepted(&[extension]);
    }
    accepted(&[MetadataPointer, GroupMemberPointer, GroupPointer]);
    accepted(&[]);
}

/// A treasury with 1,000 base units, and the seller's claim of them.
fn earned(market: &mut TestMarket) -> Instruction {
    let (bus, seller, payout, authority) = (market.bus, market.seller, market.payout, market.fee_payer);
    market.arrange(&[bus.mint.mint_to(&bus.treasury, &authority, 1_000)]);
    treasury_claim(&bus, &seller, payout)
}

#[test]
pub fn a_mint_gets_no_fee_hook_or_delegate_after_its_bus_was_made() {
    withstands!(
        token_2022: purchase, purchase_batch, lock_take, lock_settle, lock_release, treasury_claim, proposal_execute
    );
    use MintExtension::*;
    for present in [&[][..], &[MetadataPointer], &[MetadataPointer, GroupPointer]] {
        let mut chain = TestChain::new();
        let mint = chain.mint("mint", TokenProgram::Token2022, present);
        let mut market = TestMarket::on_chain(chain, mint, |options| options);
        let (buyer, authority) = (market.buyer, market.fee_payer);
        let before = market.account(&mint.address);
        for extension in [
            TransferFee,
            TransferHook,
            PermanentDelegate,
            NonTransferable,
            CloseAuthority,
            Pausable,
            InterestBearing,
            ScaledUiAmount,
        ] {
            let late = extension.initialize(&mint.address, &authority);
            let failure = market.send(&[late]).expect_err("a mint is what it was made as");
            assert!(
                matches!(failure.err, TransactionError::InstructionError(0, _)),
                "{extension:?}: {:?}",
                failure.err
            );
        }
        assert_eq!(market.account(&mint.address), before);
        // What is paid arrives, to the base unit.
        let offer = market.offer(10_000);
        market.buy(&offer, 1_000);
        let batch = market.batch(&[(offer, 1_000)]);
        market.execute(&[batch]);
        market.lock(&offer, 1_000);
        assert_eq!(market.tokens(&market.vault), 3 * 250_000);
        let settle = market.lock_settle(&offer);
        market.execute(&[settle]);
        market.lock(&offer, 1_000);
        let release = market.lock_release(&offer, &buyer);
        market.execute(&[release]);
        let claim = earned(&mut market);
        market.execute(&[claim]);
        market.withdraw(&offer);
        assert_eq!(market.tokens(&market.payout), 3 * 250_000 + 2_500 + 1_000);
        assert_eq!(market.tokens(&market.payment), BUYER_TOKENS - 3 * 250_000 - 2_500);
        // What the bus sold itself is swept where shares change.
        let (bus, seller) = (market.bus, market.seller);
        let own = market.bus_offer(&seller, 10_000, 250_000);
        market.buy(&own, 1_000);
        market.execute(&[offer_collect(&own)]);
        market.decide(&bus, ProposalAction::SharesSet { shares_bps: vec![10_000] });
        assert_eq!((market.tokens(&own.vault), market.tokens(&bus.treasury)), (0, 250_000));
    }
}

#[test]
pub fn the_accounts_of_a_bus_get_no_delegate_and_no_other_owner() {
    refuses!(theft: treasury_claim);
    for program in TokenProgram::BOTH {
        let mut market = TestMarket::with(program, |options| options);
        let (bus, seller, thief, mint) = (market.bus, market.seller, market.wallet("thief"), market.bus.mint);
        let thiefs = market.token_account("thief's tokens", &mint, &thief, 0);
        let vault = market.vault;
        let token = program.address();
        // Neither an owner of the bus nor a thief can sign for the bus; only the program can.
        let refused = |market: &mut TestMarket, attempt: &dyn Fn(&Address, &Address) -> Instruction| {
            let accounts = [bus.unclaimed, bus.treasury, vault].into_iter();
            for (account, signer) in accounts.flat_map(|account| [(account, seller), (account, thief)]) {
                let attempt = attempt(&account, &signer);
                market.assert_refused(&[attempt], Refusal::custom(TokenError::OwnerMismatch as u32));
            }
        };
        // While they are empty, which is when an owner could close them.
        refused(&mut market, &|account, signer| {
            token_2022::close_account(&token, account, &thief, signer, &[]).unwrap()
        });
        let claim = earned(&mut market);
        for account in [bus.unclaimed, vault] {
            market.gift(&mint, &account, 1_000);
        }
        refused(&mut market, &|account, signer| {
            token_2022::approve(&token, account, &thief, signer, &[], u64::MAX).unwrap()
        });
        for role in [AuthorityType::AccountOwner, AuthorityType::CloseAccount] {
            refused(&mut market, &|account, signer| {
                token_2022::set_authority(&token, account, Some(&thief), role.clone(), signer, &[]).unwrap()
            });
        }
        refused(&mut market, &|account, signer| {
            token_2022::transfer_checked(&token, account, &mint.address, &thiefs, signer, &[], 1, 6).unwrap()
        });
        let stolen = treasury_claim_by(&bus, &thief, &seller, thiefs);
        market.assert_refused(&[stolen], MultibusError::PayeeMismatch);
        market.execute(&[claim]);
        assert_eq!(market.tokens(&market.payout), 1_000);
    }
}

#[test]
pub fn mint_whose_extensions_are_malformed_is_rejected() {
    // A token account's type byte; an extension that is longer than the account.
    for tail in [&[2u8, 18, 0, 0, 0][..], &[0, 18, 0, 0, 0], &[1, 18, 0, 255, 0, 1, 2], &[1, 10, 0, 1, 0]] {
        let mut chain = TestChain::new();
        let mint = mint_with_tail(&mut chain, tail);
        let creator = chain.wallet("creator");
        chain.execute(&[creator_open(&creator, 0)]);
        let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
        chain.assert_refused(&[create], MultibusError::MintInvalid);
    }
}

#[test]
pub fn mint_that_is_none_is_rejected() {
    refuses!(wrong_account: bus_create);
    for program in TokenProgram::BOTH {
        let mut chain = TestChain::new();
        let creator = chain.wallet("creator");
        chain.execute(&[creator_open(&creator, 0)]);
        let mint = chain.mint("mint", program, &[]);
        let account = chain.token_account("tokens", &mint, &creator, 0);
        // A token account; a mint that is not initialised; a mint that is cut short.
        let (uninitialised, short) = (chain.key("uninitialised"), chain.key("short"));
        let mut bytes = chain.account(&mint.address);
        bytes.data[45] = 0;
        chain.svm.set_account(uninitialised, bytes.clone()).unwrap();
        bytes.data[45] = 1;
        bytes.data.truncate(81);
        chain.svm.set_account(short, bytes).unwrap();
        for address in [account, uninitialised, short] {
            let mint = Mint { address, ..mint };
            let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
            chain.assert_refused(&[create], MultibusError::MintInvalid);
        }
    }
}

#[test]
pub fn mint_with_an_extension_of_token_2022_in_spl_token_is_rejected() {
    let mut chain = TestChain::new();
    let creator = chain.wallet("creator");
    chain.execute(&[creator_open(&creator, 0)]);
    let mint = chain.mint("mint", TokenProgram::Token2022, &[MintExtension::MetadataPointer]);
    let account = Account { owner: TokenProgram::SplToken.address(), ..chain.account(&mint.address) };
    chain.svm.set_account(mint.address, account).unwrap();
    let mint = Mint { program: TokenProgram::SplToken, ..mint };
    let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
    chain.assert_refused(&[create], MultibusError::MintInvalid);
}

#[test]
pub fn mint_of_another_token_program_is_rejected() {
    refuses!(foreign_program: bus_create; wrong_account: bus_create);
    let mut chain = TestChain::new();
    let creator = chain.wallet("creator");
    chain.execute(&[creator_open(&creator, 0)]);
    let fake = chain.key("fake token program");
    chain.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    let create = |mint: &Mint, program: Address| {
        let accounts =
            multibus::accounts::BusCreate { token_program: program, ..bus_create_accounts(&creator, mint, FIRST) };
        BusCreate { bus_seq: FIRST, config: BusOptions::new(&creator).config }.to_instruction(accounts)
    };
    let spl_token = chain.mint("of SPL Token", TokenProgram::SplToken, &[]);
    let token_2022 = chain.mint("of Token-2022", TokenProgram::Token2022, &[]);
    // A mint that belongs to the foreign program which would handle it.
    let foreign = Mint { address: chain.key("foreign"), ..spl_token };
    let account = Account { owner: fake, ..chain.account(&spl_token.address) };
    chain.svm.set_account(foreign.address, account).unwrap();
    // A wallet with the bytes of a mint.
    let wallet = Mint { address: chain.wallet("wallet"), ..spl_token };
    let cases = [
        (spl_token, token_2022.program.address()),
        (token_2022, spl_token.program.address()),
        (foreign, fake),
        (foreign, spl_token.program.address()),
        (spl_token, fake),
        (wallet, solana_sdk_ids::system_program::ID),
        (spl_token, multibus::ID),
    ];
    for (mint, program) in cases {
        let create = create(&mint, program);
        chain.assert_refused(&[create], MultibusError::TokenProgramInvalid);
    }
}
