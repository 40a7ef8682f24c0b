//! `claim_pay`: pays a wallet what could not be paid to it before, from the unclaimed account of its bus, also once the bus
//! is closed. The wallet names any token account; anyone may do it for the wallet, to the account that it recorded or to
//! its associated one. The claim closes; its rent goes to who paid it.

use {
    crate::{
        account::{Account, BusOrTombstone},
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment::{self, Payee},
        state::{Bus, Claim, Ledger, Tombstone},
        token::{BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct ClaimPay {
    /// The wallet that is owed, or anyone.
    pub caller: Signer,
    /// The bus, or what is left of it.
    #[account(mut, unsafe(dup), address = claim.bus @ MultibusError::BusMismatch)]
    pub bus: BusOrTombstone,
    /// The bus's ledger; not looked at once the bus is closed.
    #[account(mut, unsafe(dup))]
    pub ledger: UncheckedAccount,
    #[account(mut, close = rent_payer)]
    pub claim: Account<Claim>,
    /// The wallet that is owed; need not sign.
    #[account(address = claim.wallet @ MultibusError::ClaimMismatch)]
    pub wallet: UncheckedAccount,
    /// The bus's account for what could not be paid.
    #[account(mut, unsafe(dup))]
    pub unclaimed: UncheckedAccount,
    /// Token account that is paid.
    #[account(mut, unsafe(dup))]
    pub destination: UncheckedAccount,
    /// Who paid the claim's rent.
    #[account(mut, unsafe(dup), address = claim.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
    /// The bus's creator, who gets the rent of the unclaimed account with the last claim of a closed bus; not looked at
    /// otherwise.
    #[account(mut, unsafe(dup))]
    pub creator: UncheckedAccount,
    pub token_program: UncheckedAccount,
}

impl ClaimPay {
    fn settlement<'a>(&'a self, mint: &'a Address) -> Settlement<'a> {
        Settlement { mint, token_program: self.token_program.account() }
    }

    /// Refuses accounts that are not the bus's, destinations that the caller may not choose or that cannot be paid, and a
    /// payment that cannot leave.
    fn validate(&self, mint: &Address, token_program: &Address, unclaimed: &Address) -> Result<()> {
        ensure!(address_eq(self.token_program.address(), token_program), TokenProgramMismatch);
        ensure!(address_eq(self.unclaimed.address(), unclaimed), UnclaimedMismatch);
        let settlement = self.settlement(mint);
        let (destination, wallet) = (self.destination.account(), &self.claim.wallet);
        let caller_is_wallet = address_eq(self.caller.address(), wallet);
        let is_recorded = address_eq(destination.address(), &self.claim.refund);
        let payee = Payee::of(self.wallet.account(), destination)?;
        ensure!(payee != Payee::ClosedBus, PayeeUnpayable);
        if is_recorded || payee == Payee::Bus {
            let Some(account) = TokenAccount::read(destination, &settlement) else { refuse!(TokenAccountInvalid) };
            ensure!(address_eq(&account.owner, wallet), PayeeMismatch);
            ensure!(account.is_payable(), PayeeUnpayable);
        } else {
            payment::validate_payee(destination, wallet, caller_is_wallet, &self.claim.bus, &settlement)?;
        }
        ensure!(!payment::is_frozen(self.unclaimed.account(), &settlement), PayerFrozen);
        Ok(())
    }
}

pub fn handler(ctx: &mut Context<ClaimPay>) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let (amount, paid) =
        if accounts.bus.is_tombstone()? { accounts.pay_from_tombstone()? } else { accounts.pay_from_bus()? };
    log_event!(ClaimPaid {
        bus: accounts.claim.bus,
        wallet: accounts.claim.wallet,
        claim: *accounts.claim.address(),
        destination: *accounts.destination.address(),
        paid_by: *accounts.caller.address(),
        amount,
        paid,
    });
    Ok(())
}

impl ClaimPay {
    /// Returns what was claimed and what was paid, in token base units.
    fn pay_from_bus(&mut self) -> Result<(u64, u64)> {
        let bus = Account::<Bus>::load(*self.bus.account())?;
        self.validate(&bus.mint, &bus.token_program, &bus.unclaimed)?;
        // SAFETY: the ledger is loaded nowhere else in this instruction, and is no account of another kind.
        let mut ledger = unsafe { Account::<Ledger>::load_mut(*self.ledger.account())? };
        ensure!(address_eq(&ledger.bus, bus.address()), LedgerMismatch);
        let amount = self.claim.amount;
        ledger.pay_claim(amount);
        self.settlement(&bus.mint).pay(
            self.unclaimed.account(),
            self.destination.account(),
            &BusAuthority::new(&bus),
            amount,
        )?;
        Ok((amount, amount))
    }

    /// The last claim of a closed bus takes along what strangers sent to the unclaimed account, which closes.
    fn pay_from_tombstone(&mut self) -> Result<(u64, u64)> {
        // SAFETY: the tombstone is loaded nowhere else in this instruction.
        let mut stone = unsafe { Account::<Tombstone>::load_mut(*self.bus.account())? };
        self.validate(&stone.mint, &stone.token_program, &stone.unclaimed)?;
        let amount = self.claim.amount;
        let is_last = stone.close_claim()?;
        let settlement = self.settlement(&stone.mint);
        let unclaimed = self.unclaimed.account();
        let held = TokenAccount::read(unclaimed, &settlement).map_or(amount, |account| account.amount);
        let paid = if is_last { held } else { amount };
        let authority = BusAuthority::of_tombstone(&stone);
        settlement.pay(unclaimed, self.destination.account(), &authority, paid)?;
        if is_last {
            ensure!(address_eq(self.creator.address(), &stone.creator), RentPayerMismatch);
            settlement.close(unclaimed, self.creator.account(), &authority)?;
        }
        Ok((amount, paid))
    }
}
