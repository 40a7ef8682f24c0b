//! `session_bid`: the station's operator bids for a session in the auction that closes a window. The cost at the driver's price
//! limit is deposited; the auction pays back what its price leaves.

use {
    crate::{
        error::ChargerError,
        state::{Session, Station, Wallet},
    },
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct SessionBid {
    pub operator: Signer,
    #[account(constraint = station.operator == *operator.address() @ ChargerError::NotTheOperator)]
    pub station: Account<Station>,
    #[account(mut, constraint = session.station == *station.address() @ ChargerError::StationMismatch)]
    pub session: Account<Session>,
    /// The session's buyer, who pays the bid's rent and gets it back.
    #[account(mut, address = session.wallet @ ChargerError::WalletMismatch)]
    pub wallet: UncheckedAccount,
    #[account(mut, address = session.trader @ ChargerError::LaneMismatch)]
    pub trader: UncheckedAccount,
    #[account(address = station.bus @ ChargerError::BusMismatch)]
    pub bus: UncheckedAccount,
    /// The window's capacity. The market checks that it is of the bus.
    #[account(mut)]
    pub capacity: UncheckedAccount,
    /// The bid, which the market creates at the address of its hash.
    #[account(mut)]
    pub bid: UncheckedAccount,
    #[account(mut, address = session.payment @ ChargerError::PaymentMismatch)]
    pub payment: UncheckedAccount,
    /// The escrow of the bus, which takes the deposit.
    #[account(mut)]
    pub escrow: UncheckedAccount,
    pub token_program: UncheckedAccount,
    #[account(address = multibus::ID @ ChargerError::NotTheMarket)]
    pub market: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<SessionBid>, nonce: u64, energy_wh: u64, bump: u8) -> Result<()> {
    let accounts = &mut ctx.accounts;
    accounts.session.validate_energy(energy_wh)?;
    // Cannot overflow: the sum is within the driver's limit.
    accounts.session.bid_wh += energy_wh;
    accounts.session.bid = *accounts.bid.address();
    let wallet = Wallet::of(&accounts.session);
    let seeds = wallet.seeds();
    let signers: [&[&[u8]]; 1] = [&seeds];
    let (max_price_per_kwh, refund) = (accounts.session.max_price_per_kwh, accounts.session.payment);
    let create = multibus::cpi::accounts::BidCreate {
        buyer: accounts.wallet.cpi_handle_mut(),
        trader: accounts.trader.cpi_handle_mut(),
        bus: accounts.bus.cpi_handle(),
        capacity: accounts.capacity.cpi_handle_mut(),
        bid: accounts.bid.cpi_handle_mut(),
        payment: accounts.payment.cpi_handle_mut(),
        escrow: accounts.escrow.cpi_handle_mut(),
        token_program: accounts.token_program.cpi_handle(),
        system_program: accounts.system_program.cpi_handle(),
    };
    let call = CpiContext::new_with_signer(&multibus::ID, create, &signers);
    multibus::cpi::bid_create(call, nonce, energy_wh, max_price_per_kwh, refund, bump)
}
