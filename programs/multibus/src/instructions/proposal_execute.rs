//! `proposal_execute`: executes a proposal, once enough owners approve and the timelock has passed, and before it
//! expires. Anyone can do it. Where shares change, what the bus's own sales brought in is moved to the treasury first,
//! so that it is divided by the old shares.

use {
    super::seller_open::{self, SellerAccounts},
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment,
        state::{ActionKind, Bus, Capacity, Ledger, Moment, Proposal, Seller},
        token::{BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct ProposalExecute {
    /// Anyone; pays the rent of a seller account where one is opened, and gets it back.
    #[account(mut)]
    pub executor: Signer,
    #[account(mut, address = proposal.bus @ MultibusError::BusMismatch)]
    pub bus: Apart<Bus>,
    #[account(mut, constraint = ledger.bus == *bus.address() @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    /// The bus's general capacity.
    #[account(mut, constraint = general.bus == *bus.address() && general.window_start == 0 @ MultibusError::CapacityMismatch)]
    pub general: Apart<Capacity>,
    #[account(mut)]
    pub proposal: Account<Proposal>,
    /// The bus's treasury. What the owners earned under the present shares is computed from its balance.
    #[account(mut, unsafe(dup), address = bus.treasury @ MultibusError::TreasuryMismatch)]
    pub treasury: UncheckedAccount,
    /// Where a seller is admitted or suspended, its account; else the bus's own seller account, open or not.
    #[account(mut, unsafe(dup))]
    pub seller: UncheckedAccount,
    /// The vault of that seller.
    #[account(mut, unsafe(dup))]
    pub vault: UncheckedAccount,
    #[account(address = bus.mint @ MultibusError::MintMismatch)]
    pub mint: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl ProposalExecute {
    fn settlement(&self) -> Settlement<'_> {
        Settlement { mint: &self.bus.mint, token_program: self.token_program.account() }
    }

    /// Moves what the bus's own sales brought in and is not withdrawn to the treasury; returns it in token base units.
    fn sweep(&self) -> Result<u64> {
        let (bus, view) = (&self.bus, *self.seller.account());
        ensure!(address_eq(view.address(), &bus.seller), BusSalesUnswept);
        if !view.owned_by(&crate::ID) {
            return Ok(0);
        }
        // SAFETY: the seller account is loaded nowhere else where shares change.
        let mut seller = unsafe { Account::<Seller>::load_mut(view)? };
        if seller.released == 0 {
            return Ok(0);
        }
        let (settlement, vault) = (self.settlement(), self.vault.account());
        ensure!(address_eq(vault.address(), &seller.vault), VaultMismatch);
        ensure!(!payment::is_frozen(vault, &settlement), PayerFrozen);
        ensure!(!payment::is_frozen(self.treasury.account(), &settlement), PayeeUnpayable);
        let amount = seller.withdraw()?;
        settlement.pay(vault, self.treasury.account(), &BusAuthority::new(bus), amount)?;
        log_event!(SellerWithdrawn {
            bus: *bus.address(),
            seller: *seller.address(),
            destination: *self.treasury.address(),
            withdrawn_by: *self.executor.address(),
            amount,
        });
        Ok(amount)
    }

    /// Admits or suspends the seller whom the action names.
    fn decide_on_seller(&mut self, kind: ActionKind) -> Result<()> {
        let wallet = self.proposal.action.owner;
        let decided_by = self.proposal.address();
        if kind == ActionKind::SellerSuspend {
            return seller_open::suspend(&self.bus, self.seller.account(), &wallet, decided_by);
        }
        SellerAccounts {
            payer: self.executor.account(),
            bus: &self.bus,
            seller: self.seller.account(),
            vault: self.vault.account(),
            mint: self.mint.account(),
            token_program: self.token_program.account(),
        }
        .admit(&mut self.ledger, &wallet, decided_by)
    }
}

pub fn handler(ctx: &mut Context<impl Walks<ProposalExecute>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let clock = Clock::get()?;
    let now = clock.unix_timestamp;
    accounts.proposal.validate_execute(&accounts.bus, now)?;
    let action = accounts.proposal.action;
    let kind = action.known_kind()?;
    let swept = if kind.changes_shares() { accounts.sweep()? } else { 0 };
    let Some(treasury) = TokenAccount::read(accounts.treasury.account(), &accounts.settlement()) else {
        refuse!(TokenAccountInvalid)
    };
    let first_proposal = accounts.ledger.first_proposal(clock.slot)?;
    let moment = Moment { now, treasury_balance: treasury.amount, first_proposal };
    action.apply(&mut accounts.bus, &mut accounts.ledger, &mut accounts.general, &moment)?;
    if kind.is_of_seller() {
        accounts.decide_on_seller(kind)?;
    }
    accounts.proposal.execute(now);
    log_event!(ProposalExecuted {
        bus: *accounts.bus.address(),
        proposal: *accounts.proposal.address(),
        executed_by: *accounts.executor.address(),
        config_version: accounts.bus.config_version,
        pause_version: accounts.bus.pause_version,
        executed_at: now,
        treasury_balance: treasury.amount,
        swept,
        first_proposal,
        action,
    });
    Ok(())
}
