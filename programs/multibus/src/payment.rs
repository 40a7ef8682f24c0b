//! How the bus pays what it owes: to an account that can take it, or else into the unclaimed account, with a claim for
//! the wallet that is owed. Whether an account can be paid is read first, because a call that fails would undo the
//! whole transaction.

use {
    crate::{
        account::{Account, NewAccount, bump_of},
        constants::*,
        error::{ensure, refuse},
        event::log_event,
        state::{Bus, Claim, Ledger, RefundOutcome, Tombstone},
        token::{self, BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::{address_eq, prelude::*},
};

/// What the bus owes to a wallet.
#[derive(Clone, Copy)]
pub struct Debt<'a> {
    pub wallet: &'a Address,
    /// In token base units.
    pub amount: u64,
    /// The token account that the wallet named for refunds, if any.
    pub refund: Option<&'a Address>,
}

/// A payment of what is owed, from a token account of the bus. `claim` and `unclaimed` keep it where it cannot be paid,
/// and are looked at only then.
#[derive(Clone, Copy)]
pub struct Payment<'a> {
    pub bus: &'a Account<Bus>,
    pub settlement: Settlement<'a>,
    pub debt: Debt<'a>,
    pub from: &'a AccountView,
    /// Who pays the rent of a new claim.
    pub payer: &'a AccountView,
    /// Who gets that rent once the claim is paid.
    pub rent_payer: &'a Address,
    /// The claim of the wallet.
    pub claim: &'a AccountView,
    /// The bus's account for what cannot be paid.
    pub unclaimed: &'a AccountView,
}

/// How a debt was settled.
#[derive(Clone, Copy)]
pub struct Settled {
    pub outcome: RefundOutcome,
    /// Lamports that [`Payment::payer`] lent to a new claim; 0 where none was opened.
    pub lent: u64,
}

impl Settled {
    /// Without a new claim.
    const fn at_once(outcome: RefundOutcome) -> Self {
        Self { outcome, lent: 0 }
    }
}

impl Payment<'_> {
    /// Pays to `destination` where `is_payee` accepts it, else into a claim. Pays nothing (`Unpaid`) where the paying
    /// account is frozen, or the unclaimed account that it would go to. The ledger is loaded only for a claim.
    #[inline(always)]
    pub fn pay_or_claim(
        &self,
        destination: &AccountView,
        is_payee: impl FnOnce(&TokenAccount) -> bool,
        ledger: &AccountView,
    ) -> Result<Settled> {
        if is_frozen(self.from, &self.settlement) {
            return Ok(Settled::at_once(RefundOutcome::Unpaid));
        }
        if TokenAccount::read(destination, &self.settlement).is_some_and(|account| is_payee(&account)) {
            self.settlement.pay_in_place(self.from, destination, &BusAuthority::new(self.bus), self.debt.amount)?;
            return Ok(Settled::at_once(RefundOutcome::Paid));
        }
        // SAFETY: instructions pass a ledger that they have not loaded.
        let mut ledger = unsafe { Account::<Ledger>::load_mut(*ledger)? };
        ensure!(address_eq(&ledger.bus, self.bus.address()), LedgerMismatch);
        self.keep_as_claim(&mut ledger)
    }

    /// [`pay_or_claim`](Self::pay_or_claim) for instructions that are not called often; it is not inlined. Where the
    /// wallet itself is the caller, it can be paid to any account but the bus's own; else only to one of the wallet's
    /// own.
    #[inline(never)]
    pub fn pay_or_claim_once(
        &self,
        destination: &AccountView,
        caller_is_wallet: bool,
        ledger: &AccountView,
    ) -> Result<Settled> {
        let is_payee =
            |account: &TokenAccount| is_payee(account, self.debt.wallet, self.bus.address(), caller_is_wallet);
        self.pay_or_claim(destination, is_payee, ledger)
    }

    /// Moves the debt to the unclaimed account, unless that is frozen.
    #[cold]
    #[inline(never)]
    pub fn keep_as_claim(&self, ledger: &mut Ledger) -> Result<Settled> {
        ensure!(address_eq(self.unclaimed.address(), &self.bus.unclaimed), UnclaimedMismatch);
        if is_frozen(self.unclaimed, &self.settlement) {
            return Ok(Settled::at_once(RefundOutcome::Unpaid));
        }
        let claim = ClaimAccounts { claim: self.claim, payer: self.payer, rent_payer: self.rent_payer };
        let lent = owe(self.bus.address(), ledger, &claim, &self.debt)?;
        self.settlement.pay(self.from, self.unclaimed, &BusAuthority::new(self.bus), self.debt.amount)?;
        Ok(Settled { outcome: RefundOutcome::Claimed, lent })
    }
}

/// Whether a wallet can be paid to an account: where it is the caller itself, to any but the bus's own, else to one of the
/// wallet's own.
pub fn is_payee(account: &TokenAccount, wallet: &Address, bus: &Address, caller_is_wallet: bool) -> bool {
    if caller_is_wallet { account.is_payable() && !address_eq(&account.owner, bus) } else { account.pays(wallet) }
}

/// Whether the mint's issuer has frozen a token account of the bus.
#[inline(always)]
pub fn is_frozen(account: &AccountView, settlement: &Settlement) -> bool {
    TokenAccount::read(account, settlement).is_none_or(|account| account.is_frozen)
}

/// Moves lamports from an account of the market, without a call. It works for every receiver, also where somebody put a
/// program at the wallet's address.
pub fn move_lamports(from: &AccountView, to: &AccountView, lamports: u64) {
    let (mut from, mut to) = (*from, *to);
    from.set_lamports(from.lamports() - lamports);
    to.set_lamports(to.lamports() + lamports);
}

/// The claim of a wallet, and who pays for it.
pub struct ClaimAccounts<'a> {
    pub claim: &'a AccountView,
    /// Who pays the rent of a new claim.
    pub payer: &'a AccountView,
    /// Who gets that rent once the claim is paid.
    pub rent_payer: &'a Address,
}

/// Adds a debt to the wallet's claim, which is opened where there is none. The caller moves the tokens. Returns the
/// lamports that `payer` lent to a new claim: whoever compared the lamports of an account passed as the claim would take
/// a payment in wrapped SOL for them.
#[inline(never)]
pub fn owe(bus: &Address, ledger: &mut Ledger, accounts: &ClaimAccounts, debt: &Debt) -> Result<u64> {
    let ClaimAccounts { claim, payer, rent_payer } = *accounts;
    let is_new = !claim.owned_by(&crate::ID);
    let mut lent = 0;
    if is_new {
        let before = claim.lamports();
        let seeds: [&[u8]; 3] = [CLAIM_SEED, bus.as_ref(), debt.wallet.as_ref()];
        let Some(bump) = bump_of(&seeds, &crate::ID, claim.address()) else { refuse!(ClaimMismatch) };
        create::<Claim>(payer, claim, &[CLAIM_SEED, bus.as_ref(), debt.wallet.as_ref(), &[bump]])?;
        lent = claim.lamports() - before;
        // SAFETY: the account was created a moment ago, so no other reference to its data exists.
        let mut account = unsafe { Account::<Claim>::load_mut_after_init(*claim)? };
        account.initialize(bus, debt.wallet, rent_payer);
        account.bump = bump;
    }
    // SAFETY: instructions that call this load no claim themselves.
    let mut account = unsafe { Account::<Claim>::load_mut(*claim)? };
    ensure!(address_eq(&account.bus, bus) && address_eq(&account.wallet, debt.wallet), ClaimMismatch);
    account.owe(debt.amount, debt.refund);
    ledger.owe(debt.amount, is_new);
    log_event!(ClaimOwed {
        bus: *bus,
        wallet: *debt.wallet,
        claim: *claim.address(),
        refund: account.refund,
        rent_payer: account.rent_payer,
        amount: debt.amount,
        total: account.amount,
    });
    Ok(lent)
}

/// Creates an account of the market, also where somebody sent lamports to its address before.
pub fn create<T: crate::account::Layout>(payer: &AccountView, account: &AccountView, seeds: &[&[u8]]) -> Result<()> {
    NewAccount { payer, account, space: <Account<T> as Space>::INIT_SPACE, owner: &crate::ID, seeds }.create()?;
    mark::<T>(account);
    Ok(())
}

/// Writes the kind of an account that was created a moment ago.
#[inline(always)]
fn mark<T: crate::account::Layout>(account: &AccountView) {
    let kind = const { *T::DISCRIMINATOR.first_chunk::<8>().expect("kinds have 8 bytes") };
    let mut view = *account;
    // SAFETY: a new account has room for its kind and its fields, and no reference to its data exists.
    unsafe { view.data_mut_ptr().cast::<[u8; 8]>().write(kind) };
}

/// Opens an account of the market at the address that its seeds give; `seeds` come without the bump, which is returned.
pub fn open<T: crate::account::Layout>(
    payer: &AccountView,
    account: &AccountView,
    seeds: &[&[u8]],
) -> Result<(Account<T>, u8)> {
    let space = <Account<T> as Space>::INIT_SPACE;
    let bump = NewAccount { payer, account, space, owner: &crate::ID, seeds }.find_and_create()?;
    mark::<T>(account);
    // SAFETY: the account was created a moment ago, so no other reference to its data exists.
    Ok((unsafe { Account::<T>::load_mut_after_init(*account)? }, bump))
}

/// The wallet that a bus pays, and in which tokens.
pub struct Payee<'a> {
    pub wallet: &'a Address,
    pub bus: &'a Address,
    pub settlement: &'a Settlement<'a>,
}

impl Payee<'_> {
    /// Refuses an account that cannot be paid, or that the caller may not name. The wallet itself names any account but
    /// the bus's own; a stranger only the wallet's associated account.
    #[inline(never)]
    pub fn validate(&self, destination: &AccountView, caller_is_wallet: bool) -> Result<()> {
        let Some(account) = TokenAccount::read(destination, self.settlement) else { refuse!(TokenAccountInvalid) };
        if caller_is_wallet {
            ensure!(!address_eq(&account.owner, self.bus), PayeeIsBusAccount);
        } else {
            ensure!(address_eq(&account.owner, self.wallet), PayeeMismatch);
            ensure!(token::is_associated(destination.address(), self.wallet, self.settlement), PayeeMismatch);
        }
        ensure!(account.is_payable(), PayeeUnpayable);
        Ok(())
    }
}

/// Whether a wallet that is to be paid is a bus or the tombstone of one. Such a wallet is paid nothing: no instruction
/// could move those tokens on.
pub fn is_bus(wallet: &AccountView) -> Result<bool> {
    if !wallet.owned_by(&crate::ID) {
        return Ok(false);
    }
    let data = wallet.try_borrow()?;
    Ok(data.starts_with(Bus::DISCRIMINATOR) || data.starts_with(Tombstone::DISCRIMINATOR))
}
