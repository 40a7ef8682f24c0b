//! `claim_pay`: pays a wallet what could not be paid to it before, from the unclaimed account of the bus, also once the
//! bus is closed. The wallet itself can have it paid to any token account; anyone else to the account that the wallet
//! recorded or to its associated one. The claim closes; its rent goes to who paid it. A wallet that is itself a bus is
//! paid nothing: what it was owed goes back to the treasury of the paying bus. Once the paying bus is closed, it stays
//! in the unclaimed account, so that nobody gains by closing.

use {
    super::walk::Walks,
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
    /// The bus, or its tombstone.
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

/// What pays a claim: a bus, or its tombstone.
struct PayingBus<'a> {
    mint: &'a Address,
    token_program: &'a Address,
    unclaimed: &'a Address,
    /// `None` once the bus is closed.
    treasury: Option<&'a Address>,
}

impl ClaimPay {
    fn settlement<'a>(&'a self, mint: &'a Address) -> Settlement<'a> {
        Settlement { mint, token_program: self.token_program.account() }
    }

    /// Refuses accounts that are not the bus's, destinations that the caller may not choose or that cannot be paid, and
    /// a frozen unclaimed account.
    fn validate(&self, bus: &PayingBus) -> Result<()> {
        let PayingBus { mint, token_program, unclaimed, treasury } = *bus;
        ensure!(address_eq(self.token_program.address(), token_program), TokenProgramMismatch);
        ensure!(address_eq(self.unclaimed.address(), unclaimed), UnclaimedMismatch);
        let settlement = self.settlement(mint);
        let (destination, wallet) = (self.destination.account(), &self.claim.wallet);
        let caller_is_wallet = address_eq(self.caller.address(), wallet);
        let is_recorded = address_eq(destination.address(), &self.claim.refund);
        if payment::is_bus(self.wallet.account())? {
            let goes_back = treasury.is_some_and(|treasury| address_eq(destination.address(), treasury));
            ensure!(goes_back, ClaimOfBus);
            let payable = TokenAccount::read(destination, &settlement).is_some_and(|account| account.is_payable());
            ensure!(payable, PayeeUnpayable);
        } else if is_recorded && !caller_is_wallet {
            let Some(account) = TokenAccount::read(destination, &settlement) else { refuse!(TokenAccountInvalid) };
            ensure!(address_eq(&account.owner, wallet), PayeeMismatch);
            ensure!(account.is_payable(), PayeeUnpayable);
        } else {
            Payee { wallet, bus: &self.claim.bus, settlement: &settlement }.validate(destination, caller_is_wallet)?;
        }
        ensure!(!payment::is_frozen(self.unclaimed.account(), &settlement), PayerFrozen);
        Ok(())
    }
}

pub fn handler(ctx: &mut Context<impl Walks<ClaimPay>>) -> Result<()> {
    let accounts = &mut *ctx.accounts;
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
        self.validate(&PayingBus {
            mint: &bus.mint,
            token_program: &bus.token_program,
            unclaimed: &bus.unclaimed,
            treasury: Some(&bus.treasury),
        })?;
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

    /// Returns what was claimed and what was paid, in token base units. With the last claim of a closed bus the
    /// unclaimed account closes: whatever strangers sent to it is paid too.
    fn pay_from_tombstone(&mut self) -> Result<(u64, u64)> {
        // SAFETY: the tombstone is loaded nowhere else in this instruction.
        let mut stone = unsafe { Account::<Tombstone>::load_mut(*self.bus.account())? };
        self.validate(&PayingBus {
            mint: &stone.mint,
            token_program: &stone.token_program,
            unclaimed: &stone.unclaimed,
            treasury: None,
        })?;
        let amount = self.claim.amount;
        let is_last = stone.close_claim()?;
        let settlement = self.settlement(&stone.mint);
        let unclaimed = self.unclaimed.account();
        let paid = if is_last {
            settlement.sync(unclaimed)?;
            TokenAccount::read(unclaimed, &settlement).map_or(amount, |account| account.amount)
        } else {
            amount
        };
        let authority = BusAuthority::of_tombstone(&stone);
        settlement.pay(unclaimed, self.destination.account(), &authority, paid)?;
        if is_last {
            ensure!(address_eq(self.creator.address(), &stone.creator), RentPayerMismatch);
            // Through the tombstone: moving its lamports to the creator works whatever is at the creator's address.
            let lamports = stone.account().lamports();
            settlement.close(unclaimed, stone.account(), &authority)?;
            payment::move_lamports(stone.account(), self.creator.account(), stone.account().lamports() - lamports);
        }
        Ok((amount, paid))
    }
}
