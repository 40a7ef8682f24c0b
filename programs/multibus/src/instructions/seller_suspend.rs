//! `seller_suspend`: the operator suspends a seller at once: it cannot list, nor close its account, until it is
//! admitted again. It can still withdraw its money. The owners can do the same by a proposal.

use {
    super::seller_open,
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        state::{Bus, Seller},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct SellerSuspend {
    pub operator: Signer,
    pub bus: Apart<Bus>,
    /// The seller account.
    #[account(mut)]
    pub seller: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<SellerSuspend>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let operator = accounts.operator.address();
    accounts.bus.validate_is_operator(operator)?;
    let wallet = Account::<Seller>::load(*accounts.seller.account())?.wallet;
    seller_open::suspend(&accounts.bus, accounts.seller.account(), &wallet, operator)
}
