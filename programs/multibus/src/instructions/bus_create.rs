//! `bus_create`: a new bus with its ledger, its general capacity, its treasury, its account for what cannot
//! be paid and its escrow.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    super::walk::Walks,
    crate::{
        account::Account,
        constants::*,
        event::log_event,
        state::{Bus, BusConfig, Capacity, Creator, Ledger},
        token,
    },
    anchor_lang::{find_program_address, prelude::*},
};

#[derive(Accounts)]
#[instruction(bus_seq: u64)]
pub struct BusCreate {
    /// Pays the rent and gets most of it back when the bus closes; must be one of the owners.
    #[account(mut)]
    pub creator: Signer,
    /// Numbers the creator's buses.
    #[account(mut, seeds = [CREATOR_SEED, creator.address()], bump = counter.bump)]
    pub counter: Account<Creator>,
    #[account(init, payer = creator, seeds = [BUS_SEED, creator.address(), bus_seq.to_le_bytes()], bump)]
    pub bus: Account<Bus>,
    #[account(init, payer = creator, seeds = [LEDGER_SEED, bus.address()], bump)]
    pub ledger: Account<Ledger>,
    /// The general capacity (window start 0).
    #[account(init, payer = creator, seeds = [CAPACITY_SEED, bus.address(), 0i64.to_le_bytes()], bump)]
    pub capacity: Account<Capacity>,
    /// The settlement mint.
    pub mint: UncheckedAccount,
    /// Token account for the revenue of the bus's own offers, created here.
    #[account(mut)]
    pub treasury: UncheckedAccount,
    /// Token account for what cannot be paid, created here.
    #[account(mut)]
    pub unclaimed: UncheckedAccount,
    /// Token account for the deposits of bids, created here.
    #[account(mut)]
    pub escrow: UncheckedAccount,
    /// SPL Token or Token-2022, whichever owns the mint.
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<BusCreate>>, bus_seq: u64, config: BusConfig) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let clock = Clock::get()?;
    let now = clock.unix_timestamp;
    let mint_decimals = token::validate_mint(accounts.mint.account(), accounts.token_program.address())?;
    let creator = *accounts.creator.address();
    let bus_address = *accounts.bus.address();
    accounts.counter.create(bus_seq)?;
    accounts.bus.initialize(&bus_address, &creator, &config)?;
    accounts.bus.bump = ctx.bumps.bus;
    accounts.bus.bus_seq = bus_seq;
    accounts.bus.created_at = now;
    accounts.bus.mint = *accounts.mint.address();
    accounts.bus.mint_decimals = mint_decimals;
    accounts.bus.token_program = *accounts.token_program.address();
    accounts.bus.treasury = *accounts.treasury.address();
    accounts.bus.unclaimed = *accounts.unclaimed.address();
    accounts.bus.escrow = *accounts.escrow.address();
    let own_seller: [&[u8]; 3] = [SELLER_SEED, bus_address.as_ref(), bus_address.as_ref()];
    accounts.bus.seller = find_program_address(&own_seller, &crate::ID).0;
    accounts.ledger.initialize(&bus_address, accounts.bus.owner_count, clock.slot)?;
    accounts.ledger.bump = ctx.bumps.ledger;
    accounts.capacity.initialize(&accounts.bus, &bus_address, &creator, 0);
    accounts.capacity.bump = ctx.bumps.capacity;

    let token_accounts =
        [(&accounts.treasury, TREASURY_SEED), (&accounts.unclaimed, UNCLAIMED_SEED), (&accounts.escrow, ESCROW_SEED)];
    for (account, seed) in token_accounts {
        token::open_account(
            (accounts.creator.account(), account.account()),
            (accounts.mint.account(), accounts.token_program.address()),
            &bus_address,
            &[seed, bus_address.as_ref()],
        )?;
    }

    let bus = &accounts.bus;
    log_event!(BusCreated {
        bus: bus_address,
        ledger: *accounts.ledger.address(),
        capacity: *accounts.capacity.address(),
        creator,
        mint: bus.mint,
        treasury: bus.treasury,
        unclaimed: bus.unclaimed,
        escrow: bus.escrow,
        operator: bus.operator,
        grid_recipient: bus.grid_recipient,
        terms: bus.terms,
        bus_seq,
        first_proposal: accounts.ledger.owners[0].next_proposal,
        capacity_wh: bus.capacity_wh,
        base_price_per_kwh: bus.base_price_per_kwh,
        reserve_price_per_kwh: bus.reserve_price_per_kwh,
        least_wh: bus.least_wh,
        created_at: now,
        timelock_seconds: bus.timelock_seconds,
        horizon_seconds: bus.horizon_seconds,
        lock_fee_bps: bus.lock_fee_bps,
        threshold: bus.threshold,
        listing_policy: bus.listing_policy,
        owner_count: bus.owner_count,
        name_len: bus.name_len,
        pause_quorum: bus.pause_quorum,
        padding: [0; 1],
        name: bus.name,
        owners: bus.owners,
    });
    Ok(())
}
