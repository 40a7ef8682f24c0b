//! `treasury_claim`: pays an owner (or a former owner) its exact share of everything the treasury received, less what
//! it claimed before. The owner can have it paid to any token account, anyone else only to the owner's associated one;
//! where that cannot be paid, the amount becomes a claim of the owner. An owner that is itself a bus always gets a
//! claim, which goes back to the treasury (see `claim_pay`). Revenue that waits in the unclaimed account, because the
//! treasury was frozen when it came, is moved to the treasury first. While the issuer has frozen one of the two accounts,
//! the other pays what it can.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart},
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment::{self, Debt, Payee, Payment},
        state::{Bus, Ledger, RefundOutcome},
        token::{self, BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct TreasuryClaim {
    /// The owner, or anyone. Where a claim is opened, pays its rent and gets it back once the claim is paid.
    #[account(mut, unsafe(dup))]
    pub caller: Signer,
    /// The owner who is paid; need not sign. May be the caller, or any other account.
    pub owner: UncheckedAccount,
    pub bus: Apart<Bus>,
    /// The bus's ledger. It may be passed as the owner too, where the owners chose its address.
    #[account(mut, unsafe(dup), constraint = ledger.bus == *bus.address() @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    #[account(mut, unsafe(dup), address = bus.treasury @ MultibusError::TreasuryMismatch)]
    pub treasury: UncheckedAccount,
    /// The token account that is paid.
    #[account(mut, unsafe(dup))]
    pub destination: UncheckedAccount,
    /// The bus's account for what cannot be paid.
    #[account(mut, unsafe(dup), address = bus.unclaimed @ MultibusError::UnclaimedMismatch)]
    pub unclaimed: UncheckedAccount,
    /// The claim of the owner; looked at only where the owner cannot be paid.
    #[account(mut, unsafe(dup))]
    pub claim: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl TreasuryClaim {
    /// Whether the destination is paid; if not, the amount becomes a claim. Refuses destinations that the caller may
    /// not choose.
    fn validate_destination(&self, settlement: &Settlement) -> Result<bool> {
        let (owner, destination) = (self.owner.address(), self.destination.account());
        if payment::is_bus(self.owner.account())? {
            return Ok(false);
        }
        if address_eq(self.caller.address(), owner) {
            Payee { wallet: owner, bus: self.bus.address(), settlement }.validate(destination, true)?;
            return Ok(true);
        }
        ensure!(token::is_associated(destination.address(), owner, settlement), PayeeMismatch);
        Ok(TokenAccount::read(destination, settlement).is_some_and(|account| account.pays(owner)))
    }
}

pub fn handler(ctx: &mut Context<impl Walks<TreasuryClaim>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let bus = &accounts.bus;
    let (owner, treasury) = (*accounts.owner.address(), accounts.treasury.account());
    let settlement = Settlement { mint: &accounts.bus.mint, token_program: accounts.token_program.account() };
    let is_paid = accounts.validate_destination(&settlement)?;
    let Some(held) = TokenAccount::read(treasury, &settlement) else { refuse!(TokenAccountInvalid) };
    let unclaimed = accounts.unclaimed.account();
    // Revenue that came while the treasury was frozen.
    let diverted = core::mem::take(&mut accounts.ledger.diverted);
    let amount = accounts.ledger.claim(bus, &owner, held.amount + diverted)?;
    let from = if held.is_frozen { unclaimed } else { treasury };
    let can_move = diverted > 0 && !payment::is_frozen(unclaimed, &settlement);
    let moved = can_move && !held.is_frozen;
    if moved {
        settlement.pay(unclaimed, treasury, &BusAuthority::new(bus), diverted)?;
    } else if can_move {
        ensure!(amount <= diverted, PayerFrozen, "{} due, the treasury is frozen", amount);
        accounts.ledger.diverted = diverted - amount;
    } else {
        ensure!(!held.is_frozen && amount <= held.amount, PayerFrozen);
        accounts.ledger.diverted = diverted;
    }
    let outcome = if is_paid {
        settlement.pay(from, accounts.destination.account(), &BusAuthority::new(bus), amount)?;
        RefundOutcome::Paid
    } else {
        let payment = Payment {
            bus,
            settlement,
            debt: Debt { wallet: &owner, amount, refund: None },
            from,
            payer: accounts.caller.account(),
            rent_payer: accounts.caller.address(),
            claim: accounts.claim.account(),
            unclaimed,
        };
        payment.keep_as_claim(&mut accounts.ledger)?.outcome
    };
    ensure!(outcome != RefundOutcome::Unpaid, PayerFrozen);
    log_event!(TreasuryClaimed {
        bus: *bus.address(),
        owner,
        destination: *accounts.destination.address(),
        claimed_by: *accounts.caller.address(),
        amount,
        outcome: outcome as u8,
        moved: moved as u8,
        from_unclaimed: held.is_frozen as u8,
        padding: [0; 5],
    });
    Ok(())
}
