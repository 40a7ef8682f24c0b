//! Mints, token accounts and transfers.

use {
    crate::{books::Model, cause::*, state::*},
    solana_address::Address,
};

/// One movement of tokens.
pub(super) struct Transfer {
    pub from: Address,
    pub to: Address,
    pub authority: Address,
    pub amount: u64,
}

impl Model {
    /// The mint and the token program are those of the bus.
    pub(super) fn settlement(
        &self,
        causes: &mut Causes,
        bus: &ModelBus,
        mint: &PassedAccount,
        token_program: &PassedAccount,
    ) {
        causes.rule(mint.address == bus.mint, "MintMismatch");
        causes.rule(token_program.address == self.mints[&bus.mint].program, "TokenProgramMismatch");
    }

    /// The token account at an address, where it is of the bus's mint.
    pub(super) fn tokens_of(&self, bus: &ModelBus, account: &Address) -> Option<&ModelTokens> {
        self.tokens.get(account).filter(|tokens| tokens.mint == bus.mint)
    }

    /// Makes transfers of one mint, one after the other. If one fails, nothing moves.
    pub(super) fn transfer(&mut self, mint: &Address, transfers: &[Transfer]) -> Verdict {
        let before: Vec<(Address, Option<ModelTokens>)> = transfers
            .iter()
            .flat_map(|transfer| [transfer.from, transfer.to])
            .map(|account| (account, self.tokens.get(&account).cloned()))
            .collect();
        let result = transfers.iter().try_for_each(|transfer| self.transfer_one(mint, transfer));
        if result.is_err() {
            for (account, tokens) in before {
                if let Some(tokens) = tokens {
                    self.tokens.insert(account, tokens);
                }
            }
        }
        result
    }

    /// Adds the causes for which the transfers would fail, if `last` is the only cause so far. The program finds `last`
    /// only after the transfers, so a failing transfer comes first.
    pub(super) fn or_failed_transfers(&self, causes: &mut Causes, last: Cause, mint: &Address, transfers: &[Transfer]) {
        if *causes == last.into()
            && let Err(refused) = self.clone().transfer(mint, transfers)
        {
            causes.0.extend(refused.0);
        }
    }

    fn transfer_one(&mut self, mint: &Address, transfer: &Transfer) -> Verdict {
        let Transfer { from, to, authority, amount } = transfer;
        let mut causes = Causes::default();
        let (Some(source), Some(destination)) = (self.tokens.get(from), self.tokens.get(to)) else {
            return Err(Cause::TokenAccount.into());
        };
        causes.unless(source.mint == *mint && destination.mint == *mint, Cause::TokenAccount);
        causes.unless(!source.frozen && !destination.frozen, Cause::TokenFrozen);
        causes.unless(source.amount >= *amount, Cause::TokenFunds);
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
        if let Some(limit) = delegated {
            let left = limit - amount;
            source.delegate = (left > 0).then_some((*authority, left));
        }
        self.tokens.get_mut(to).expect("found above").amount += amount;
        // Tokens that come into an escrow are gifts; `lock_take` takes its deposit out of them again.
        if self.buses.values().any(|bus| bus.escrow == *to) {
            *self.gifts.entry(*to).or_default() += *amount as u128;
        }
        Ok(())
    }
}
