//! `seller_open`: opens a seller account with its vault. A wallet opens its own where the listing policy lets it list
//! (otherwise the operator or the owners admit it); an owner opens that of the bus itself. Whoever names its first slot
//! knows the number of its first offer in advance.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart, bump_of},
        constants::*,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment,
        state::{Bus, Ledger, Seller, counter},
        token,
    },
    anchor_lang::{address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct SellerOpen {
    /// The wallet, or an owner where the bus opens its own; pays the rent and gets it back.
    #[account(mut)]
    pub payer: Signer,
    pub bus: Apart<Bus>,
    /// The bus's ledger, which counts the sellers.
    #[account(mut, constraint = ledger.bus == *bus.address() @ MultibusError::LedgerMismatch)]
    pub ledger: Account<Ledger>,
    /// The seller account, created here.
    #[account(mut)]
    pub seller: UncheckedAccount,
    /// The seller's vault, created here.
    #[account(mut)]
    pub vault: UncheckedAccount,
    #[account(address = bus.mint @ MultibusError::MintMismatch)]
    pub mint: UncheckedAccount,
    #[account(address = bus.token_program @ MultibusError::TokenProgramMismatch)]
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<SellerOpen>>, wallet: Address, first_slot: u64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let bus = &accounts.bus;
    bus.validate_acts_for(bus.address(), &wallet, accounts.payer.address())?;
    ensure!(
        address_eq(&wallet, bus.address()) || bus.may_list(&wallet, false),
        ListingClosed,
        "listing policy {}",
        bus.listing_policy
    );
    SellerAccounts {
        payer: accounts.payer.account(),
        bus,
        seller: accounts.seller.account(),
        vault: accounts.vault.account(),
        mint: accounts.mint.account(),
        token_program: accounts.token_program.account(),
    }
    .open(&mut accounts.ledger, &wallet, first_slot)
}

/// The accounts that opening a seller account needs.
pub(super) struct SellerAccounts<'a> {
    pub payer: &'a AccountView,
    pub bus: &'a Account<Bus>,
    pub seller: &'a AccountView,
    pub vault: &'a AccountView,
    pub mint: &'a AccountView,
    pub token_program: &'a AccountView,
}

impl SellerAccounts<'_> {
    /// Opens the account of a wallet, and its vault.
    #[inline(never)]
    pub fn open(&self, ledger: &mut Ledger, wallet: &Address, first_slot: u64) -> Result<()> {
        self.bus.validate_open()?;
        let clock = Clock::get()?;
        let first_slot = counter::validate_first_slot(first_slot, clock.slot)?;
        let bus = self.bus.address();
        let seeds: [&[u8]; 3] = [SELLER_SEED, bus.as_ref(), wallet.as_ref()];
        let Some(bump) = bump_of(&seeds, &crate::ID, self.seller.address()) else { refuse!(SellerMismatch) };
        let vault_seeds: [&[u8]; 2] = [VAULT_SEED, self.seller.address().as_ref()];
        let Some(vault_bump) = bump_of(&vault_seeds, &crate::ID, self.vault.address()) else { refuse!(VaultMismatch) };
        Ledger::count_open(&mut ledger.open_sellers)?;
        payment::create::<Seller>(self.payer, self.seller, &[SELLER_SEED, bus.as_ref(), wallet.as_ref(), &[bump]])?;
        token::create_account(
            (self.payer, self.vault),
            (self.mint, self.token_program.address()),
            bus,
            &[VAULT_SEED, self.seller.address().as_ref(), &[vault_bump]],
        )?;
        // SAFETY: the account was created a moment ago, so no other reference to its data exists.
        let mut seller = unsafe { Account::<Seller>::load_mut_after_init(*self.seller)? };
        seller.initialize(bus, wallet, self.payer.address(), self.vault.address(), first_slot, clock.unix_timestamp)?;
        seller.bump = bump;
        log_event!(SellerOpened {
            bus: *bus,
            seller: *seller.address(),
            wallet: *wallet,
            vault: seller.vault,
            rent_payer: seller.rent_payer,
            first_offer: seller.next_offer,
            opened_at: seller.opened_at,
        });
        Ok(())
    }

    /// Admits the wallet, and opens its account where it has none.
    #[inline(never)]
    pub fn admit(&self, ledger: &mut Ledger, wallet: &Address, by: &Address) -> Result<()> {
        if !self.seller.owned_by(&crate::ID) {
            self.open(ledger, wallet, 0)?;
        }
        let mut seller = load(self.bus, self.seller, wallet)?;
        seller.admit();
        log_event!(SellerAdmitted {
            bus: seller.bus,
            seller: *seller.address(),
            wallet: seller.wallet,
            admitted_by: *by,
        });
        Ok(())
    }
}

/// Suspends a wallet's seller account.
#[inline(never)]
pub(super) fn suspend(bus: &Account<Bus>, seller: &AccountView, wallet: &Address, by: &Address) -> Result<()> {
    let mut seller = load(bus, seller, wallet)?;
    seller.suspend();
    log_event!(SellerSuspended {
        bus: seller.bus,
        seller: *seller.address(),
        wallet: seller.wallet,
        suspended_by: *by,
    });
    Ok(())
}

/// Loads the seller account of a wallet on the bus.
fn load(bus: &Account<Bus>, seller: &AccountView, wallet: &Address) -> Result<Account<Seller>> {
    // SAFETY: the callers pass an account that they have not loaded.
    let seller = unsafe { Account::<Seller>::load_mut(*seller)? };
    ensure!(address_eq(&seller.bus, bus.address()) && address_eq(&seller.wallet, wallet), SellerMismatch);
    Ok(seller)
}
