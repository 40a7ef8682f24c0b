//! The token accounts of a chain, and what events tell of tokens.

use {litesvm::LiteSVM, solana_account::ReadableAccount, solana_address::Address, std::collections::BTreeMap};

/// A token account: what the market needs of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBalance {
    pub mint: Address,
    pub owner: Address,
    pub amount: u64,
    /// Lamports of wrapped SOL that do not count as tokens yet: somebody sent them without a word.
    pub unsynced: u64,
}

/// Every token account of a chain.
pub type TokenBalances = BTreeMap<Address, TokenBalance>;

/// What the events of one transaction say about tokens.
#[derive(Default)]
pub(super) struct TokenTally {
    /// Tokens that came to each account, or left it; of accounts that buyers pay with, nothing is told.
    pub known: BTreeMap<Address, i128>,
    /// What all buyers paid.
    pub paid: i128,
    /// Gifts that left a vault: the treasury and the unclaimed account, of which one got them, and how much.
    pub gifts: Vec<(Address, u64)>,
}

impl TokenTally {
    pub fn moved(&mut self, from: &Address, to: &Address, amount: u64) {
        *self.known.entry(*from).or_default() -= amount as i128;
        *self.known.entry(*to).or_default() += amount as i128;
    }

    pub fn paid(&mut self, to: &Address, amount: u64) {
        *self.known.entry(*to).or_default() += amount as i128;
        self.paid += amount as i128;
    }
}

/// Every token account of a chain.
pub fn token_balances(svm: &LiteSVM) -> TokenBalances {
    let programs = [spl_token_interface::ID, spl_token_2022_interface::ID];
    let mut balances = TokenBalances::new();
    for (address, account) in &svm.accounts_db().inner {
        let data = account.data();
        let is_account = data.len() == 165 || (data.len() > 165 && data[165] == 2);
        if !programs.contains(account.owner()) || !is_account {
            continue;
        }
        let key = |at: usize| Address::try_from(&data[at..at + 32]).expect("32 bytes");
        let number = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().expect("8 bytes"));
        let amount = number(64);
        // Of wrapped SOL, byte 109 is 1 and the lamports that are not tokens follow.
        let reserve = (data[109] == 1).then(|| number(113));
        let unsynced = reserve.map_or(0, |reserve| account.lamports() - reserve - amount);
        balances.insert(*address, TokenBalance { mint: key(0), owner: key(32), amount, unsynced });
    }
    balances
}
