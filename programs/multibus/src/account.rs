//! The market's accounts as instructions load them.

use {
    crate::{constants::LAYOUT_VERSION, error::ensure},
    anchor_lang::{
        AccountClose, AccountInitialize, Discriminator, IdlAccountType, Owner, Space, accounts, bytemuck::Pod,
        pinocchio::ProgramResult, prelude::*,
    },
    core::ops::{Deref, DerefMut},
};

/// What every account of the market has.
pub trait Layout: Pod + Owner + Discriminator {
    /// Version of the account's layout, its first field.
    fn layout_version(&self) -> u8;
}

/// An account of the market: owned by the program, of the right kind, and of the layout that this program knows.
pub struct Account<T: Layout>(accounts::Account<T>);

impl<T: Layout> Account<T> {
    /// The account's address.
    #[inline(always)]
    pub fn address(&self) -> &Address {
        self.0.address()
    }

    #[inline(always)]
    fn checked(account: accounts::Account<T>) -> Result<Self> {
        let version = account.layout_version();
        ensure!(version == LAYOUT_VERSION, LayoutUnknown, "layout {}, this program's {}", version, LAYOUT_VERSION);
        Ok(Self(account))
    }
}

impl<T: Layout> AnchorAccount for Account<T> {
    type Data = T;
    const MIN_DATA_LEN: usize = <accounts::Account<T> as AnchorAccount>::MIN_DATA_LEN;

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        Self::checked(AnchorAccount::load(view)?)
    }

    /// # Safety
    ///
    /// No other reference to the account's data may be alive: see [`AnchorAccount::load_mut`].
    #[inline(always)]
    unsafe fn load_mut(view: AccountView) -> Result<Self> {
        // SAFETY: the caller keeps the same promise.
        Self::checked(unsafe { AnchorAccount::load_mut(view) }?)
    }

    /// # Safety
    ///
    /// See [`AnchorAccount::load_mut_after_init`].
    #[inline(always)]
    unsafe fn load_mut_after_init(view: AccountView) -> Result<Self> {
        // SAFETY: the caller keeps the same promise. A new account gets its version from its `initialize`.
        Ok(Self(unsafe { AnchorAccount::load_mut_after_init(view) }?))
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        self.0.account()
    }
}

impl<T: Layout> AccountInitialize for Account<T> {
    type Params<'a> = ();

    /// Works where somebody sent lamports to the address before.
    #[inline(always)]
    fn create_and_initialize<'a>(
        payer: &AccountView,
        account: &AccountView,
        space: usize,
        owner: &Address,
        (): &(),
        signer_seeds: Option<&[&[u8]]>,
        payer_signer_seeds: Option<&[&[u8]]>,
    ) -> Result<Self> {
        accounts::Account::create_and_initialize(payer, account, space, owner, &(), signer_seeds, payer_signer_seeds)
            .map(Self)
    }
}

impl<T: Layout> AccountClose for Account<T> {
    #[inline(always)]
    fn close(&mut self, destination: AccountView) -> ProgramResult {
        self.0.close(destination)
    }
}

impl<T: Layout> Deref for Account<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Layout> DerefMut for Account<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Layout> AsRef<AccountView> for Account<T> {
    #[inline(always)]
    fn as_ref(&self) -> &AccountView {
        self.0.account()
    }
}

impl<T: Layout> AsRef<Address> for Account<T> {
    #[inline(always)]
    fn as_ref(&self) -> &Address {
        self.0.address()
    }
}

impl<T: Layout> Discriminator for Account<T> {
    const DISCRIMINATOR: &'static [u8] = T::DISCRIMINATOR;
}

impl<T: Layout> Space for Account<T> {
    const INIT_SPACE: usize = <accounts::Account<T> as Space>::INIT_SPACE;
}

#[doc(hidden)]
impl<T: Layout + IdlAccountType> IdlAccountType for Account<T> {
    const __IDL_ACCOUNT_ENTRY: Option<&'static str> = T::__IDL_ACCOUNT_ENTRY;
    const __IDL_TYPE_DEF: Option<&'static str> = T::__IDL_TYPE_DEF;

    fn __idl_account_entry() -> Option<&'static str> {
        T::__idl_account_entry()
    }

    fn __idl_type_def() -> Option<&'static str> {
        T::__idl_type_def()
    }

    fn __register_idl_deps(accounts: &mut Vec<&'static str>, types: &mut Vec<&'static str>) {
        T::__register_idl_deps(accounts, types);
    }
}
