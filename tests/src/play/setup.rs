//! What every game begins with: a chain with mints, wallets and token accounts.

use {
    crate::{
        chain::TestChain,
        mint::{Mint, MintExtension, TokenProgram},
    },
    litesvm::LiteSVM,
    solana_address::Address,
};

/// Parties of a game, at most.
pub const MOST_PARTIES: u8 = 12;
/// Mints: SPL Token, Token-2022, and one that the market refuses.
pub const MINTS: u8 = 3;
/// Tokens in every token account at first.
pub(super) const TOKENS: u64 = 1_000_000_000_000;
/// Lamports of every party but the last.
pub(super) const RICH: u64 = 10_000_000_000;
/// Lamports of the last party: the rent of an account or two.
pub(super) const POOR: u64 = 6_000_000;

/// A chain with the mints, wallets and token accounts of every game.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) svm: LiteSVM,
    pub(super) fee_payer: Address,
    pub(super) mints: [Mint; MINTS as usize],
}

impl Setup {
    pub(super) fn on(mut chain: TestChain) -> Self {
        let mints = [
            chain.mint("spl token", TokenProgram::SplToken, &[]),
            chain.mint("token 2022", TokenProgram::Token2022, &[MintExtension::InterestBearing]),
            chain.mint("with fees", TokenProgram::Token2022, &[MintExtension::TransferFee]),
        ];
        for party in 0..MOST_PARTIES {
            let wallet = chain.wallet(&party_name(party));
            for (number, mint) in mints.iter().enumerate().take(2) {
                for which in 0..2 {
                    chain.token_account(&tokens_name(party, number as u8, which), mint, &wallet, TOKENS);
                }
            }
        }
        let TestChain { svm, fee_payer, .. } = chain;
        let svm = svm.with_sigverify(false).with_blockhash_check(false).with_transaction_history(0);
        Self { svm, fee_payer, mints }
    }
}

pub(super) fn party_name(party: u8) -> String {
    format!("party {party}")
}

pub(super) fn tokens_name(party: u8, mint: u8, which: u8) -> String {
    format!("party {party}, mint {mint}, account {which}")
}
