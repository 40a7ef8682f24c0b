//! `session_bid_cancel`: the station's operator or the driver takes back the session's last bid, until 300 s before the gate.

use {
    crate::{
        error::ChargerError,
        state::{Session, Station, Wallet},
    },
    anchor_lang::prelude::*,
    bytemuck::Zeroable,
    multibus::{account::Account as MarketAccount, state::Bid},
};

#[derive(Accounts)]
pub struct SessionBidCancel {
    #[account(constraint = station.operator == *signer.address() || session.driver == *signer.address()
        @ ChargerError::NotOfTheSession)]
    pub signer: Signer,
    pub station: Account<Station>,
    #[account(mut, constraint = session.station == *station.address() @ ChargerError::StationMismatch)]
    pub session: Account<Session>,
    /// The session's buyer, who gets the bid's rent back.
    #[account(mut, address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(address = station.bus @ ChargerError::BusMismatch)]
    pub bus: UncheckedAccount,
    /// The window's capacity. The market checks that it is the bid's.
    #[account(mut)]
    pub capacity: UncheckedAccount,
    #[account(mut, address = session.bid @ ChargerError::BidMismatch)]
    pub bid: UncheckedAccount,
    #[account(mut)]
    pub escrow: UncheckedAccount,
    /// Gets the deposit back.
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<SessionBidCancel>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    // Read before the call, which closes the bid.
    let energy_wh = MarketAccount::<Bid>::load(*accounts.bid.account())?.energy_wh;
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let signers: [&[&[u8]]; 1] = [&seeds];
    let cancel = multibus::cpi::accounts::BidCancel {
        buyer: accounts.wallet.cpi_handle_mut(),
        bus: accounts.bus.cpi_handle(),
        capacity: accounts.capacity.cpi_handle_mut(),
        bid: accounts.bid.cpi_handle_mut(),
        escrow: accounts.escrow.cpi_handle_mut(),
        destination: accounts.payment.cpi_handle_mut(),
        token_program: accounts.token_program.cpi_handle(),
    };
    multibus::cpi::bid_cancel(CpiContext::new_with_signer(&multibus::ID, cancel, &signers))?;
    // The session added this when it made the bid.
    accounts.session.bid_wh -= energy_wh;
    accounts.session.bid = Address::zeroed();
    Ok(())
}
