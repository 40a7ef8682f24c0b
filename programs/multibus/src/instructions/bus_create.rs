//! `bus_create`: a new bus with its general capacity, escrow and treasury.

#![allow(
    unused_variables,
    reason = "Anchor parses the `#[instruction]` arguments again where it closes accounts, and uses none"
)]

use {
    crate::{
        clock,
        constants::*,
        event::log_event,
        state::{Bus, BusConfig, Capacity},
        token::{self, TOKEN_ACCOUNT_LEN},
    },
    anchor_lang::{create_account_signed, prelude::*},
    pinocchio_token::instructions::InitializeAccount3,
};

#[derive(Accounts)]
#[instruction(bus_seq: u64)]
pub struct BusCreate {
    /// Pays the rent; must be one of the owners.
    #[account(mut)]
    pub creator: Signer,
    #[account(init, payer = creator, seeds = [BUS_SEED, creator.address(), bus_seq.to_le_bytes()], bump)]
    pub bus: Account<Bus>,
    /// The general capacity (window start 0).
    #[account(init, payer = creator, seeds = [CAPACITY_SEED, bus.address(), 0i64.to_le_bytes()], bump)]
    pub capacity: Account<Capacity>,
    /// The settlement mint.
    pub mint: UncheckedAccount,
    /// Token account for the deposits of locks, created here.
    #[account(mut, seeds = [ESCROW_SEED, bus.address()], bump)]
    pub escrow: UncheckedAccount,
    /// Token account for the revenue of the bus's own offers, created here.
    #[account(mut, seeds = [TREASURY_SEED, bus.address()], bump)]
    pub treasury: UncheckedAccount,
    /// SPL Token or Token-2022, whichever owns the mint.
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl BusCreate {
    /// Creates one of the bus's token accounts at its address.
    fn create_token_account(&self, account: &UncheckedAccount, seed: &[u8], bump: u8) -> Result<()> {
        let token_program = self.token_program.address();
        create_account_signed(
            self.creator.account(),
            account.account(),
            TOKEN_ACCOUNT_LEN,
            token_program,
            &[seed, self.bus.address().as_ref(), &[bump]],
        )?;
        InitializeAccount3::new(account.account(), self.mint.account(), self.bus.address())
            .invoke_with_program(token_program)
    }
}

pub fn handler(ctx: &mut Context<BusCreate>, bus_seq: u64, config: BusConfig) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let now = clock::now()?;
    let mint_decimals = token::validate_mint(accounts.mint.account(), accounts.token_program.address())?;
    let creator = *accounts.creator.address();
    let bus_address = *accounts.bus.address();
    accounts.bus.initialize(&bus_address, &creator, &config)?;
    accounts.bus.bump = ctx.bumps.bus;
    accounts.bus.bus_seq = bus_seq;
    accounts.bus.created_at = now;
    accounts.bus.mint = *accounts.mint.address();
    accounts.bus.mint_decimals = mint_decimals;
    accounts.bus.token_program = *accounts.token_program.address();
    accounts.bus.escrow = *accounts.escrow.address();
    accounts.bus.treasury = *accounts.treasury.address();
    accounts.capacity.initialize(accounts.bus.address(), &creator, (0, 0), config.capacity_wh);
    accounts.capacity.bump = ctx.bumps.capacity;

    accounts.create_token_account(&accounts.escrow, ESCROW_SEED, ctx.bumps.escrow)?;
    accounts.create_token_account(&accounts.treasury, TREASURY_SEED, ctx.bumps.treasury)?;

    let bus = &accounts.bus;
    log_event!(BusCreated {
        bus: *bus.address(),
        capacity: *accounts.capacity.address(),
        creator,
        mint: bus.mint,
        escrow: bus.escrow,
        treasury: bus.treasury,
        bus_seq,
        capacity_wh: bus.capacity_wh,
        base_price_per_kwh: bus.base_price_per_kwh,
        created_at: now,
        timelock_seconds: bus.timelock_seconds,
        window_seconds: bus.window_seconds,
        gate_closure_seconds: bus.gate_closure_seconds,
        lock_fee_bps: bus.lock_fee_bps,
        threshold: bus.threshold,
        listing_policy: bus.listing_policy,
        owner_count: bus.owner_count,
        name_len: bus.name_len,
        pause_quorum: bus.pause_quorum,
        padding: [0; 5],
        name: bus.name,
        owners: bus.owners,
    });
    Ok(())
}
