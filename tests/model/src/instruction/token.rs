//! Mints, token accounts and transfers.

use {
    crate::{
        books::Model,
        cause::*,
        limit::account_bytes,
        state::{ModelBus, ModelTokens},
    },
    solana_address::Address,
};

/// One movement of tokens.
#[derive(Clone, Copy)]
pub(super) struct Transfer {
    pub from: Address,
    pub to: Address,
    pub authority: Address,
    pub amount: u64,
}

impl Model {
    /// The token program is that of the bus.
    pub(super) fn settlement(&self, causes: &mut Causes, mint: &Address, token_program: &PassedAccount) {
        causes.rule(token_program.address == self.mints[mint].program, "TokenProgramMismatch");
    }

    /// The mint and the token program are those of the bus.
    pub(super) fn settlement_mint(
        &self,
        causes: &mut Causes,
        bus: &ModelBus,
        mint: &PassedAccount,
        token_program: &PassedAccount,
    ) {
        causes.rule(mint.address == bus.mint, "MintMismatch");
        self.settlement(causes, &bus.mint, token_program);
    }

    /// Whether an account takes payments of a mint now.
    pub(super) fn is_payable(&self, mint: &Address, account: &Address) -> bool {
        self.tokens.get(account).is_some_and(|tokens| tokens.mint == *mint && !tokens.frozen && !tokens.asks_memo)
    }

    /// Whether an account takes payments of a mint now and belongs to a wallet.
    pub(super) fn is_payable_to(&self, mint: &Address, account: &Address, wallet: &Address) -> bool {
        self.is_payable(mint, account) && self.tokens[account].owner == *wallet
    }

    /// A new token account of the market, which its bus moves.
    pub(super) fn open_tokens(&mut self, payer: &Address, account: &Address, mint: &Address, bus: &Address) {
        self.pay_rent(payer, account, account_bytes::TOKENS);
        let reserve = self.mints[mint].is_native.then(|| self.rent_of(account_bytes::TOKENS));
        let mut tokens = ModelTokens::new(*mint, *bus, reserve);
        if let Some(reserve) = reserve {
            // Lamports that were there before are tokens from the first moment.
            tokens.amount = self.lamports_of(account) - reserve;
            *self.supply.entry(*mint).or_default() += tokens.amount as u128;
        }
        self.gifts.insert(*account, tokens.amount as i128);
        self.tokens.insert(*account, tokens);
    }

    /// Closes an empty token account of the market.
    pub(super) fn close_tokens(&mut self, account: &Address, to: &Address) {
        let closed = self.tokens.remove(account).expect("a token account");
        assert_eq!(closed.amount, 0, "an account that closes is empty");
        self.gifts.remove(account);
        self.return_rent(account, to);
    }

    /// Tokens of an account once lamports count that somebody sent to wrapped SOL without a word.
    pub(super) fn synced_amount(&self, account: &Address) -> u64 {
        match self.tokens[account].native_reserve {
            Some(reserve) => self.lamports_of(account) - reserve,
            None => self.amount_of(account),
        }
    }

    /// Counts lamports that somebody sent to wrapped SOL without a word: they are a gift.
    pub(super) fn sync(&mut self, account: &Address) {
        let amount = self.synced_amount(account);
        let tokens = self.tokens.get_mut(account).expect("a token account");
        let more = amount - tokens.amount;
        tokens.amount = amount;
        *self.supply.entry(tokens.mint).or_default() += more as u128;
        if let Some(gifts) = self.gifts.get_mut(account) {
            *gifts += more as i128;
        }
    }

    /// Tokens that came into a vault or an unclaimed account are in the books now.
    pub(super) fn book(&mut self, account: &Address, amount: u64) {
        *self.gifts.get_mut(account).expect("an account with books") -= amount as i128;
    }

    /// Makes transfers of one mint, one after the other. If one fails, nothing moves.
    pub(super) fn transfer(&mut self, transfers: &[Transfer]) -> Verdict {
        let touched: Vec<Address> = transfers.iter().flat_map(|transfer| [transfer.from, transfer.to]).collect();
        let before: Vec<_> = touched
            .iter()
            .map(|at| (*at, self.tokens.get(at).cloned(), self.lamports.get(at).copied(), self.gifts.get(at).copied()))
            .collect();
        let mut result = transfers.iter().try_for_each(|transfer| self.transfer_one(transfer));
        if let Err(causes) = &mut result {
            for (at, tokens, lamports, gifts) in before {
                tokens.map(|tokens| self.tokens.insert(at, tokens));
                lamports.map(|lamports| self.lamports.insert(at, lamports));
                gifts.map(|gifts| self.gifts.insert(at, gifts));
            }
            // The token program gets them all at once, and may find a later one first.
            for transfer in transfers {
                if let Err(refused) = self.clone().transfer_one(transfer) {
                    causes.0.extend(refused.0);
                }
                let of_account = transfers.iter().filter(|other| other.from == transfer.from);
                let sum: u128 = of_account.map(|other| other.amount as u128).sum();
                causes.unless(sum <= self.amount_of(&transfer.from) as u128, Cause::TokenFunds);
            }
        }
        result
    }

    /// Adds the causes `late`, which the program finds only after the transfers. Where these and `last` are the only causes, a
    /// transfer that fails comes first: then its causes are added, too.
    pub(super) fn or_failed_transfers(&self, causes: &mut Causes, last: Cause, late: &Causes, transfers: &[Transfer]) {
        let only_later = causes.0.iter().all(|cause| *cause == last);
        causes.0.extend(&late.0);
        if only_later
            && !causes.0.is_empty()
            && let Err(refused) = self.clone().transfer(transfers)
        {
            causes.0.extend(refused.0);
        }
    }

    fn transfer_one(&mut self, transfer: &Transfer) -> Verdict {
        let Transfer { from, to, authority, amount } = transfer;
        let mut causes = Causes::default();
        let (Some(source), Some(destination)) = (self.tokens.get(from), self.tokens.get(to)) else {
            return Err(Cause::TokenAccount.into());
        };
        causes.unless(source.mint == destination.mint, Cause::TokenAccount);
        causes.unless(!source.frozen && !destination.frozen, Cause::TokenFrozen);
        causes.unless(source.amount >= *amount, Cause::TokenFunds);
        causes.unless(!destination.asks_memo || from == to, Cause::TokenMemo);
        let delegated = source.delegate.filter(|(delegate, _)| delegate == authority).map(|(_, limit)| limit);
        match delegated {
            Some(limit) => causes.unless(limit >= *amount, Cause::TokenFunds),
            None => causes.unless(source.owner == *authority, Cause::TokenOwner),
        }
        causes.verdict()?;
        if from == to {
            return Ok(());
        }
        let source = self.tokens.get_mut(from).expect("found above");
        source.amount -= amount;
        let is_native = source.native_reserve.is_some();
        if let Some(limit) = delegated {
            let left = limit - amount;
            source.delegate = (left > 0).then_some((*authority, left));
        }
        self.tokens.get_mut(to).expect("found above").amount += amount;
        if is_native {
            *self.lamports.get_mut(from).expect("lamports of tokens") -= amount;
            *self.lamports.get_mut(to).expect("lamports of tokens") += amount;
        }
        // Tokens that come into an account with books are gifts until they are booked.
        if let Some(gifts) = self.gifts.get_mut(to) {
            *gifts += *amount as i128;
        }
        Ok(())
    }
}
