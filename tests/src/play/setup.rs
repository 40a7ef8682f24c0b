//! What every game begins with: a chain with mints, wallets and token accounts.

use {
    crate::{
        chain::TestChain,
        key::keypair,
        mint::{Mint, MintExtension, TokenProgram},
    },
    litesvm::LiteSVM,
    solana_account::Account,
    solana_address::Address,
    solana_signer::Signer,
    spl_associated_token_account_interface::{address, instruction as associated},
    spl_token_2022_interface::state::AccountState,
    spl_token_interface::{instruction as spl_token, native_mint},
};

/// Parties of a game, at most.
pub const MOST_PARTIES: u8 = 12;
/// Mints that the market accepts: SPL Token, Token-2022, wrapped SOL.
pub const GOOD_MINTS: u8 = 3;
/// The mint of wrapped SOL.
pub const NATIVE: u8 = 2;
/// Mints that the market refuses, each with the error.
pub const BAD_MINTS: [(MintExtension, &str); 10] = [
    (MintExtension::TransferFee, "MintHasTransferFee"),
    (MintExtension::TransferHook, "MintHasTransferHook"),
    (MintExtension::PermanentDelegate, "MintHasPermanentDelegate"),
    (MintExtension::NonTransferable, "MintNonTransferable"),
    (MintExtension::DefaultState(AccountState::Frozen), "MintDefaultFrozen"),
    (MintExtension::CloseAuthority, "MintHasCloseAuthority"),
    (MintExtension::Pausable, "MintPausable"),
    (MintExtension::PermissionedBurn, "MintExtensionUnknown"),
    (MintExtension::InterestBearing, "MintInterestBearing"),
    (MintExtension::ScaledUiAmount, "MintScaledAmount"),
];
pub const MINTS: u8 = GOOD_MINTS + BAD_MINTS.len() as u8;
/// Tokens in every token account at first.
pub(super) const TOKENS: u64 = 1_000_000_000_000;
/// Lamports of every party but the last.
pub(super) const RICH: u64 = 10_000_000_000;
/// Lamports of the last party: the rent of an account or two.
pub(super) const POOR: u64 = 9_000_000;
/// Lamports of who pays the fees, mints, freezes and gives.
const FEE_PAYER: u64 = 1_000_000_000_000_000;

/// A chain with the mints, wallets and token accounts of every game.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) svm: LiteSVM,
    pub(super) fee_payer: Address,
    pub(super) mints: Vec<Mint>,
}

impl Setup {
    pub(super) fn on(mut chain: TestChain) -> Self {
        chain.fund(&chain.fee_payer.clone(), FEE_PAYER);
        chain.svm.set_account(native_mint::ID, native_mint_account(&chain)).expect("the mint of wrapped SOL");
        let native = Mint { address: native_mint::ID, program: TokenProgram::SplToken, decimals: 9 };
        let mut mints = vec![
            chain.mint("spl token", TokenProgram::SplToken, &[]),
            chain.mint("token 2022", TokenProgram::Token2022, &[MintExtension::MetadataPointer]),
            native,
        ];
        for (number, (extension, _)) in BAD_MINTS.iter().enumerate() {
            mints.push(chain.mint(&format!("refused {number}"), TokenProgram::Token2022, &[*extension]));
        }
        let payer = chain.fee_payer;
        for party in 0..MOST_PARTIES {
            let wallet = chain.wallet(&party_name(party));
            for (number, mint) in mints.iter().enumerate().take(GOOD_MINTS as usize) {
                let number = number as u8;
                let program = mint.program.address();
                let place = address::get_associated_token_address_with_program_id(&wallet, &mint.address, &program);
                chain.arrange(&[associated::create_associated_token_account(&payer, &wallet, &mint.address, &program)]);
                let other = chain.token_account(&tokens_name(party, number, 1), mint, &wallet, 0);
                for account in [place, other] {
                    let gift = give(mint, &payer, &account, TOKENS);
                    chain.arrange(&gift);
                }
            }
        }
        let TestChain { svm, fee_payer, .. } = chain;
        let mut svm = svm.with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
        let winder = keypair(WINDER_NAME).pubkey();
        svm.set_account(winder, Account { lamports: RICH, ..Account::default() }).expect("a wallet");
        Self { svm, fee_payer, mints }
    }
}

/// The mint of wrapped SOL, which every cluster has from its first slot: without supply and authorities, with 9 decimals.
fn native_mint_account(chain: &TestChain) -> Account {
    let mut data = vec![0; 82];
    (data[44], data[45]) = (9, 1);
    let lamports = chain.svm.minimum_balance_for_rent_exemption(data.len());
    Account { lamports, data, owner: spl_token_interface::ID, ..Account::default() }
}

/// Instructions that give tokens of a mint to an account. Of wrapped SOL, these are lamports.
pub(super) fn give(
    mint: &Mint,
    payer: &Address,
    account: &Address,
    amount: u64,
) -> Vec<solana_instruction::Instruction> {
    if mint.address == native_mint::ID {
        return vec![
            solana_system_interface::instruction::transfer(payer, account, amount),
            spl_token::sync_native(&mint.program.address(), account).expect("an instruction of the token program"),
        ];
    }
    vec![mint.mint_to(account, payer, amount)]
}

/// Name of the key of who winds games down.
pub(super) const WINDER_NAME: &str = "winder";

pub(super) fn party_name(party: u8) -> String {
    format!("party {party}")
}

pub(super) fn tokens_name(party: u8, mint: u8, which: u8) -> String {
    format!("party {party}, mint {mint}, account {which}")
}

pub(super) fn device_name(device: u8) -> String {
    format!("device {device}")
}
