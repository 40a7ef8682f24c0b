//! `bid_create`: bids for energy of a window in the auction that closes it. The full cost at the bid's limit is deposited in
//! the escrow of the bus. A bid spends a nonce and has a hash as a purchase does; its address is derived from the hash.

use {
    crate::{
        account::{Account, NewAccount},
        clock,
        constants::*,
        error::MultibusError,
        event::log_event,
        state::{Bid, BidTerms, Bus, Capacity, Order, PurchaseKind, Receipt, Trader, transaction_hash_of_one},
        token::Settlement,
    },
    anchor_lang::{Discriminator, Space, prelude::*},
};

#[derive(Accounts)]
pub struct BidCreate {
    /// The buyer, who owns the token account `payment` or is its delegate. Pays the rent and gets it back.
    #[account(mut)]
    pub buyer: Signer,
    /// A nonce lane of the buyer.
    #[account(mut, constraint = trader.wallet == *buyer.address() @ MultibusError::TraderMismatch)]
    pub trader: Account<Trader>,
    #[account(address = capacity.bus @ MultibusError::BusMismatch)]
    pub bus: Account<Bus>,
    /// The window's capacity, which counts its bids.
    #[account(mut)]
    pub capacity: Account<Capacity>,
    /// The bid, created here.
    #[account(mut)]
    pub bid: UncheckedAccount,
    /// Token account that pays the deposit.
    #[account(mut)]
    pub payment: UncheckedAccount,
    #[account(mut, address = bus.escrow @ MultibusError::EscrowMismatch)]
    pub escrow: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

/// `refund` is the token account that gets what is returned. It is checked only when it is paid: where it is not the buyer's
/// or cannot be paid then, the buyer gets a claim instead. `bump` is that of the bid's address.
pub fn handler(
    ctx: &mut Context<BidCreate>,
    nonce: u64,
    energy_wh: u64,
    max_price_per_kwh: u64,
    refund: Address,
    bump: u8,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    accounts.trader.validate_nonce(nonce)?;
    let terms = BidTerms { energy_wh, max_price_per_kwh };
    let deposit = terms.validate(&accounts.bus, &accounts.capacity, now)?;
    accounts.capacity.bid(deposit)?;
    let (buyer, capacity) = (accounts.buyer.address(), accounts.capacity.address());
    let lane = accounts.trader.lane;
    let order = Order { offer: *capacity, energy_wh, max_price_per_kwh };
    let transaction_hash = transaction_hash_of_one(PurchaseKind::Bid, buyer, lane, nonce, order);
    // Nothing is bought yet: the receipt of a bid says that 0 Wh cost 0.
    accounts.trader.record_next(Receipt { transaction_hash, energy_wh: 0, paid: 0, purchased_at: now })?;

    Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() }.transfer(
        accounts.payment.account(),
        accounts.escrow.account(),
        accounts.buyer.account(),
        deposit,
    )?;

    // The seeds sign for the new account, so the chain refuses every address but theirs, and those that sign for themselves.
    // A bump that is not the largest does no harm: the hash contains a nonce, so the same bid is never made again.
    if accounts.bid.account().is_signer() {
        return Err(ProgramError::InvalidSeeds);
    }
    NewAccount {
        payer: accounts.buyer.account(),
        account: accounts.bid.account(),
        space: <Account<Bid> as Space>::INIT_SPACE,
        owner: &crate::ID,
        seeds: &[BID_SEED, &transaction_hash, &[bump]],
    }
    .create()?;
    let mut view = *accounts.bid.account();
    view.try_borrow_mut()?[..8].copy_from_slice(Bid::DISCRIMINATOR);
    // SAFETY: the account was created a moment ago, so no other reference to its data exists.
    let mut bid = unsafe { Account::<Bid>::load_mut_after_init(view)? };
    bid.initialize(&terms, &accounts.capacity, deposit, now);
    bid.bump = bump;
    bid.capacity = *capacity;
    bid.buyer = *buyer;
    bid.refund = refund;
    bid.transaction_hash = transaction_hash;
    log_event!(BidCreated {
        bid: *bid.address(),
        bus: bid.bus,
        capacity: bid.capacity,
        buyer: *buyer,
        refund,
        transaction_hash,
        nonce,
        energy_wh,
        max_price_per_kwh,
        deposit,
        window_start: bid.window_start,
        created_at: now,
        lane,
        padding: [0; 6],
    });
    Ok(())
}
