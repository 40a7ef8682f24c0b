//! Which settlement mints a bus accepts.

use {
    multibus::{error::MultibusError, instruction::BusCreate},
    multibus_tests::{BusOptions, Market, Mint, MintExtension, TokenProgram, World, market::*},
    solana_account::Account,
    solana_address::Address,
    spl_token_2022_interface::state::AccountState,
};

fn refused(extensions: &[MintExtension], error: MultibusError) {
    let mut world = World::new();
    let mint = world.mint("mint", TokenProgram::Token2022, extensions);
    let creator = world.wallet("creator");
    world.assert_refused(&[bus_create(&creator, &mint, &BusOptions::new(&creator))], error);
}

/// Trades everything there is in a mint: a purchase, a lock that settles and one that is released.
fn accepted(extensions: &[MintExtension]) {
    let mut world = World::new();
    let mint = world.mint("mint", TokenProgram::Token2022, extensions);
    let mut market = Market::in_world(world, mint, |options| options);
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
    assert_eq!(market.tokens(&market.payout), 3 * 250_000 + 2_500);
}

/// A Token-2022 mint of these bytes after its type.
fn mint_with_tail(world: &mut World, tail: &[u8]) -> Mint {
    let mint = world.mint("mint", TokenProgram::Token2022, &[MintExtension::MetadataPointer]);
    let mut account = world.account(&mint.address);
    account.data.truncate(165);
    account.data.extend_from_slice(tail);
    world.svm.set_account(mint.address, account).unwrap();
    mint
}

#[test]
pub fn mint_with_transfer_fee_is_rejected() {
    refused(&[MintExtension::TransferFee], MultibusError::MintHasTransferFee);
}

#[test]
pub fn mint_with_transfer_hook_is_rejected() {
    refused(&[MintExtension::TransferHook], MultibusError::MintHasTransferHook);
}

#[test]
pub fn mint_with_permanent_delegate_is_rejected() {
    refused(&[MintExtension::PermanentDelegate], MultibusError::MintHasPermanentDelegate);
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
    refused(&[MintExtension::ConfidentialTransfer], MultibusError::MintExtensionUnknown);
    refused(&[MintExtension::PermissionedBurn], MultibusError::MintExtensionUnknown);
    for number in [2u8, 4, 5, 7, 8, 11, 13, 15, 16, 17, 24, 27, 28, 99, 255] {
        let mut world = World::new();
        let mint = mint_with_tail(&mut world, &[1, number, 0, 0, 0]);
        let creator = world.wallet("creator");
        let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
        world.assert_refused(&[create], MultibusError::MintExtensionUnknown);
    }
}

#[test]
pub fn mint_with_a_dangerous_extension_behind_harmless_ones_is_rejected() {
    use MintExtension::*;
    refused(&[MetadataPointer, InterestBearing, TransferFee], MultibusError::MintHasTransferFee);
    refused(&[GroupPointer, TransferHook], MultibusError::MintHasTransferHook);
    refused(&[MetadataPointer, ScaledUiAmount, PermanentDelegate], MultibusError::MintHasPermanentDelegate);
}

#[test]
pub fn mint_with_harmless_extensions_trades() {
    use MintExtension::*;
    for extension in [InterestBearing, MetadataPointer, GroupPointer, GroupMemberPointer, ScaledUiAmount] {
        accepted(&[extension]);
    }
    accepted(&[MetadataPointer, InterestBearing, GroupPointer]);
    accepted(&[]);
}

#[test]
pub fn mint_whose_extensions_are_malformed_is_rejected() {
    // A token account's type byte; an extension that is longer than the account.
    for tail in [&[2u8, 18, 0, 0, 0][..], &[0, 18, 0, 0, 0], &[1, 18, 0, 255, 0, 1, 2], &[1, 10, 0, 1, 0]] {
        let mut world = World::new();
        let mint = mint_with_tail(&mut world, tail);
        let creator = world.wallet("creator");
        let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
        world.assert_refused(&[create], MultibusError::MintInvalid);
    }
}

#[test]
pub fn mint_that_is_none_is_rejected() {
    for program in TokenProgram::BOTH {
        let mut world = World::new();
        let creator = world.wallet("creator");
        let mint = world.mint("mint", program, &[]);
        let account = world.token_account("tokens", &mint, &creator, 0);
        // A token account; a mint that is not initialised; a mint that is cut short.
        let (uninitialised, short) = (world.key("uninitialised"), world.key("short"));
        let mut bytes = world.account(&mint.address);
        bytes.data[45] = 0;
        world.svm.set_account(uninitialised, bytes.clone()).unwrap();
        bytes.data[45] = 1;
        bytes.data.truncate(81);
        world.svm.set_account(short, bytes).unwrap();
        for address in [account, uninitialised, short] {
            let mint = Mint { address, ..mint };
            let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
            world.assert_refused(&[create], MultibusError::MintInvalid);
        }
    }
}

#[test]
pub fn mint_with_an_extension_of_token_2022_in_spl_token_is_rejected() {
    let mut world = World::new();
    let creator = world.wallet("creator");
    let mint = world.mint("mint", TokenProgram::Token2022, &[MintExtension::MetadataPointer]);
    let account = Account { owner: TokenProgram::SplToken.address(), ..world.account(&mint.address) };
    world.svm.set_account(mint.address, account).unwrap();
    let mint = Mint { program: TokenProgram::SplToken, ..mint };
    let create = bus_create(&creator, &mint, &BusOptions::new(&creator));
    world.assert_refused(&[create], MultibusError::MintInvalid);
}

#[test]
pub fn mint_of_another_token_program_is_rejected() {
    let mut world = World::new();
    let creator = world.wallet("creator");
    let fake = world.key("fake token program");
    world.svm.add_program(fake, multibus_tests::elf::program()).unwrap();
    let create = |mint: &Mint, program: Address| {
        let accounts =
            multibus::accounts::BusCreate { token_program: program, ..bus_create_accounts(&creator, mint, 0) };
        BusCreate { bus_seq: 0, config: BusOptions::new(&creator).config }.to_instruction(accounts)
    };
    let spl_token = world.mint("of SPL Token", TokenProgram::SplToken, &[]);
    let token_2022 = world.mint("of Token-2022", TokenProgram::Token2022, &[]);
    // A mint that belongs to the foreign program which would handle it.
    let foreign = Mint { address: world.key("foreign"), ..spl_token };
    let account = Account { owner: fake, ..world.account(&spl_token.address) };
    world.svm.set_account(foreign.address, account).unwrap();
    // A wallet that says to be a mint.
    let wallet = Mint { address: world.wallet("wallet"), ..spl_token };
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
        world.assert_refused(&[create], MultibusError::TokenProgramInvalid);
    }
}
