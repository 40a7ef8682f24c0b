//! How instructions load and create the market's accounts.

use {
    crate::{constants::LAYOUT_VERSION, error::ensure, state::Tombstone},
    anchor_lang::{
        AccountClose, AccountInitialize, Discriminator, ErrorCode, IdlAccountType, Owner, Space, bytemuck::Pod,
        create_account_signed, create_account_with_signers, find_and_verify_program_address, pinocchio::ProgramResult,
        prelude::*,
    },
    core::ops::{Deref, DerefMut},
};

/// Bytes of the discriminator, which comes before an account's fields and says which kind it is.
const DISCRIMINATOR_LEN: usize = 8;

/// What every account of the market has.
pub trait Layout: Pod + Owner + Discriminator {
    /// Whether the checks at loading are inlined into each instruction: that saves compute units, and takes program
    /// size.
    const LOADED_OFTEN: bool = false;

    /// Whether the code that creates it is inlined into each instruction: that saves compute units, and takes program
    /// size.
    const CREATED_OFTEN: bool = false;
}

/// An account to create. It works also where somebody sent lamports to its address before.
#[derive(Clone, Copy)]
pub struct NewAccount<'a> {
    pub payer: &'a AccountView,
    pub account: &'a AccountView,
    /// Bytes of its data.
    pub space: usize,
    pub owner: &'a Address,
    /// Its seeds, the bump last.
    pub seeds: &'a [&'a [u8]],
}

impl NewAccount<'_> {
    /// Finds the bump and creates the account; here `seeds` come without the bump, which is returned. Refuses an
    /// account at another address.
    #[inline(never)]
    pub fn find_and_create(&self) -> Result<u8> {
        let Some(bump) = bump_of(self.seeds, &crate::ID, self.account.address()) else {
            return Err(ProgramError::InvalidSeeds);
        };
        let (bump_seed, count) = ([bump], self.seeds.len());
        let mut seeds: [&[u8]; 5] = [&[]; 5];
        seeds[..count].copy_from_slice(self.seeds);
        seeds[count] = &bump_seed;
        NewAccount { seeds: &seeds[..=count], ..*self }.create()?;
        Ok(bump)
    }

    /// Creates the account. It is not inlined: copied for each kind of account, it was a fifth of the program's size.
    #[inline(never)]
    pub fn create(&self) -> Result<()> {
        create_account_signed(self.payer, self.account, self.space, self.owner, self.seeds)
    }
}

/// The bump with which these seeds give the address; `None` where they give another.
#[inline(never)]
pub fn bump_of(seeds: &[&[u8]], program: &Address, address: &Address) -> Option<u8> {
    find_and_verify_program_address(seeds, program, address).ok()
}

/// An account of the market: owned by the program, of the right kind, and of the layout that this program knows.
///
/// It is Anchor's `Account` with a check of the layout, and without the borrow flags at run time: they cost compute
/// units, and it is easy to see that each instruction loads an account once.
pub struct Account<T: Layout> {
    view: AccountView,
    /// The account's fields, in the memory that the chain passes to the program.
    fields: *mut T,
    is_mutable: bool,
}

impl<T: Layout> Account<T> {
    const LEN: usize = {
        assert!(align_of::<T>() <= DISCRIMINATOR_LEN, "the chain aligns the data of accounts to 8 bytes");
        DISCRIMINATOR_LEN + size_of::<T>()
    };

    /// The account's address.
    #[inline(always)]
    pub fn address(&self) -> &Address {
        self.view.address()
    }

    /// An account that needs no check: the instruction has loaded it before, or the program recorded its address.
    ///
    /// # Safety
    ///
    /// The account is of this kind and of the present layout, and writable where it is written. While it is written,
    /// there is no other reference to its data.
    #[inline(always)]
    pub unsafe fn reload(view: AccountView) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::open(view, true) }
    }

    /// An account whose length was checked.
    ///
    /// # Safety
    ///
    /// The account has at least `LEN` bytes. While a mutable `Account` is alive, there is no other reference to its
    /// data.
    #[inline(always)]
    unsafe fn open(mut view: AccountView, is_mutable: bool) -> Self {
        // SAFETY: the caller keeps the account long enough for the discriminator and what follows it.
        let fields = unsafe { view.data_mut_ptr().add(DISCRIMINATOR_LEN) }.cast();
        Self { view, fields, is_mutable }
    }

    /// An account whose owner, kind and layout are checked.
    ///
    /// # Safety
    ///
    /// While a mutable `Account` is alive, there is no other reference to its data.
    #[inline(always)]
    unsafe fn checked(view: AccountView, is_mutable: bool) -> Result<Self> {
        const {
            assert!(T::DISCRIMINATOR.len() == DISCRIMINATOR_LEN);
        }
        if T::LOADED_OFTEN {
            check(&view, T::DISCRIMINATOR, Self::LEN)?;
        } else {
            check_apart(&view, T::DISCRIMINATOR, Self::LEN)?;
        }
        // SAFETY: the length is checked above, the rest is the caller's promise.
        Ok(unsafe { Self::open(view, is_mutable) })
    }
}

/// Refuses accounts that are not the program's, of another kind, too short, or of another layout. The layout version is the
/// first field of every account.
#[inline(always)]
fn check(view: &AccountView, kind: &[u8], len: usize) -> Result<()> {
    if !view.owned_by(&crate::ID) {
        let is_missing = view.lamports() == 0 && view.owned_by(&System::id());
        return Err(if is_missing { ProgramError::UninitializedAccount } else { ProgramError::IllegalOwner });
    }
    if view.data_len() < len {
        return Err(ProgramError::AccountDataTooSmall);
    }
    // SAFETY: the account has that many bytes and more.
    let head = unsafe { core::slice::from_raw_parts(view.data_ptr(), DISCRIMINATOR_LEN + 1) };
    if head[..DISCRIMINATOR_LEN] != *kind {
        return Err(ProgramError::InvalidAccountData);
    }
    let version = head[DISCRIMINATOR_LEN];
    ensure!(version == LAYOUT_VERSION, LayoutUnknown, "layout {}, this program's {}", version, LAYOUT_VERSION);
    Ok(())
}

/// [`check`], not inlined, for accounts that are not loaded often.
#[inline(never)]
fn check_apart(view: &AccountView, kind: &[u8], len: usize) -> Result<()> {
    check(view, kind, len)
}

impl<T: Layout> AnchorAccount for Account<T> {
    type Data = T;
    const MIN_DATA_LEN: usize = Self::LEN;

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        // SAFETY: the account is not mutable.
        unsafe { Self::checked(view, false) }
    }

    /// # Safety
    ///
    /// No other reference to the account's data may be alive: see [`AnchorAccount::load_mut`].
    #[inline(always)]
    unsafe fn load_mut(view: AccountView) -> Result<Self> {
        if !view.is_writable() {
            return Err(ErrorCode::ConstraintMut.into());
        }
        // SAFETY: the caller keeps the same promise.
        unsafe { Self::checked(view, true) }
    }

    /// # Safety
    ///
    /// See [`AnchorAccount::load_mut_after_init`].
    #[inline(always)]
    unsafe fn load_mut_after_init(view: AccountView) -> Result<Self> {
        if view.data_len() < Self::LEN {
            return Err(ProgramError::AccountDataTooSmall);
        }
        // SAFETY: the length is checked above, the rest is the caller's promise. A new account gets its layout version
        // from its `initialize`.
        Ok(unsafe { Self::open(view, true) })
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        &self.view
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
        _owner: &Address,
        (): &(),
        signer_seeds: Option<&[&[u8]]>,
        payer_signer_seeds: Option<&[&[u8]]>,
    ) -> Result<Self> {
        match (signer_seeds, payer_signer_seeds) {
            (Some(seeds), None) if !T::CREATED_OFTEN => {
                NewAccount { payer, account, space, owner: &T::OWNER, seeds }.create()?;
            }
            _ => create_account_with_signers(payer, account, space, &T::OWNER, signer_seeds, payer_signer_seeds)?,
        }
        let mut view = *account;
        view.try_borrow_mut()?[..DISCRIMINATOR_LEN].copy_from_slice(T::DISCRIMINATOR);
        // SAFETY: the account was created a moment ago, so no other reference to its data exists.
        unsafe { Self::load_mut_after_init(view) }
    }
}

impl<T: Layout> AccountClose for Account<T> {
    /// Moves all lamports to `destination`, gives the account back to the system program and clears its data.
    #[inline(always)]
    fn close(&mut self, mut destination: AccountView) -> ProgramResult {
        assert!(self.is_mutable);
        let Some(lamports) = destination.lamports().checked_add(self.view.lamports()) else {
            return Err(ProgramError::ArithmeticOverflow);
        };
        destination.set_lamports(lamports);
        self.is_mutable = false;
        // SAFETY: nothing reads the account's data after this: `self` is no longer written, and instructions end here. It also
        // sets the account's lamports to 0.
        unsafe { self.view.close_unchecked() };
        Ok(())
    }
}

impl<T: Layout> Deref for Account<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: `open` got an account that is long enough, whose data lives as long as the instruction and is aligned
        // to 8 bytes; every bit pattern is a `T`. Whoever loads a mutable one keeps other references away.
        unsafe { &*self.fields }
    }
}

impl<T: Layout> DerefMut for Account<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        assert!(self.is_mutable);
        // SAFETY: as in `deref`, and it was loaded as mutable.
        unsafe { &mut *self.fields }
    }
}

impl<T: Layout> AsRef<AccountView> for Account<T> {
    #[inline(always)]
    fn as_ref(&self) -> &AccountView {
        &self.view
    }
}

impl<T: Layout> AsRef<Address> for Account<T> {
    #[inline(always)]
    fn as_ref(&self) -> &Address {
        self.view.address()
    }
}

impl<T: Layout> Discriminator for Account<T> {
    const DISCRIMINATOR: &'static [u8] = T::DISCRIMINATOR;
}

impl<T: Layout> Space for Account<T> {
    const INIT_SPACE: usize = Self::LEN;
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

/// An [`Account`] of an instruction that is not called often. Its checks are not inlined: that takes a few compute
/// units more, and makes the program a tenth smaller.
pub struct Apart<T: Layout>(Account<T>);

impl<T: Layout> AnchorAccount for Apart<T> {
    type Data = Account<T>;
    const MIN_DATA_LEN: usize = Account::<T>::LEN;

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        check_apart(&view, T::DISCRIMINATOR, Account::<T>::LEN)?;
        // SAFETY: the length is checked above, and the account is not mutable.
        Ok(Self(unsafe { Account::open(view, false) }))
    }

    /// # Safety
    ///
    /// No other reference to the account's data may be alive: see [`AnchorAccount::load_mut`].
    #[inline(always)]
    unsafe fn load_mut(view: AccountView) -> Result<Self> {
        if !view.is_writable() {
            return Err(ErrorCode::ConstraintMut.into());
        }
        check_apart(&view, T::DISCRIMINATOR, Account::<T>::LEN)?;
        // SAFETY: the length is checked above, the rest is the caller's promise.
        Ok(Self(unsafe { Account::open(view, true) }))
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        &self.0.view
    }
}

impl<T: Layout> AccountClose for Apart<T> {
    #[inline(always)]
    fn close(&mut self, destination: AccountView) -> ProgramResult {
        self.0.close(destination)
    }
}

impl<T: Layout> Deref for Apart<T> {
    type Target = Account<T>;

    #[inline(always)]
    fn deref(&self) -> &Account<T> {
        &self.0
    }
}

impl<T: Layout> DerefMut for Apart<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Account<T> {
        &mut self.0
    }
}

#[doc(hidden)]
impl<T: Layout + IdlAccountType> IdlAccountType for Apart<T> {
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

/// A token account that somebody named earlier and that may be paid now. Only the token program checks that it is
/// writable, when it pays it. The chain never passes some addresses as writable (those of sysvars, for instance), and
/// whoever names such an address must not be able to stop the instruction.
pub struct NamedAccount(UncheckedAccount);

impl AnchorAccount for NamedAccount {
    type Data = AccountView;

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        UncheckedAccount::load(view).map(Self)
    }

    /// # Safety
    ///
    /// None is needed: the account's data is not referred to.
    #[inline(always)]
    unsafe fn load_mut(view: AccountView) -> Result<Self> {
        Self::load(view)
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        self.0.account()
    }
}

impl Deref for NamedAccount {
    type Target = AccountView;

    #[inline(always)]
    fn deref(&self) -> &AccountView {
        self.0.account()
    }
}

#[doc(hidden)]
impl IdlAccountType for NamedAccount {}

/// An account at the address of a bus: the bus or, once that is closed, its tombstone. The instruction finds out which.
pub struct BusOrTombstone(UncheckedAccount);

impl BusOrTombstone {
    /// The account's address.
    #[inline(always)]
    pub fn address(&self) -> &Address {
        self.0.address()
    }

    /// Whether the bus is closed.
    pub fn is_tombstone(&self) -> Result<bool> {
        Ok(self.0.account().try_borrow()?.starts_with(Tombstone::DISCRIMINATOR))
    }
}

impl AnchorAccount for BusOrTombstone {
    type Data = AccountView;

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        UncheckedAccount::load(view).map(Self)
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        self.0.account()
    }
}

impl Deref for BusOrTombstone {
    type Target = AccountView;

    #[inline(always)]
    fn deref(&self) -> &AccountView {
        self.0.account()
    }
}

#[doc(hidden)]
impl IdlAccountType for BusOrTombstone {
    #[cfg(feature = "idl-build")]
    fn __register_idl_deps(accounts: &mut Vec<&'static str>, types: &mut Vec<&'static str>) {
        crate::state::Bus::__register_idl_deps(accounts, types);
        Tombstone::__register_idl_deps(accounts, types);
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{error::MultibusError, state::Claim},
        anchor_lang::pinocchio::account::{NOT_BORROWED, RuntimeAccount},
        bytemuck::Zeroable,
        std::panic::{AssertUnwindSafe, catch_unwind},
    };

    const LEN: usize = 8 + size_of::<Claim>();

    /// An account as the chain passes it.
    #[derive(Clone)]
    #[repr(C)]
    struct Passed {
        header: RuntimeAccount,
        data: [u8; LEN],
    }

    impl Passed {
        fn claim() -> Self {
            let header = RuntimeAccount {
                borrow_state: NOT_BORROWED,
                is_writable: 1,
                owner: crate::ID,
                lamports: 5,
                data_len: LEN as u64,
                ..RuntimeAccount::default()
            };
            let mut data = [0; LEN];
            let claim = Claim { layout_version: LAYOUT_VERSION, amount: 7, ..Claim::zeroed() };
            data[..8].copy_from_slice(Claim::DISCRIMINATOR);
            data[8..].copy_from_slice(bytemuck::bytes_of(&claim));
            Self { header, data }
        }

        fn view(&mut self) -> AccountView {
            // SAFETY: the data follow their header, and both live as long as the test.
            unsafe { AccountView::new_unchecked((&raw mut *self).cast()) }
        }

        fn load(&mut self) -> Result<Account<Claim>> {
            Account::load(self.view())
        }

        fn load_mut(&mut self) -> Result<Account<Claim>> {
            // SAFETY: each test has one account over the same data at a time.
            unsafe { Account::load_mut(self.view()) }
        }

        fn load_mut_after_init(&mut self) -> Result<Account<Claim>> {
            // SAFETY: as above.
            unsafe { Account::load_mut_after_init(self.view()) }
        }
    }

    fn panics(action: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(action)).is_err()
    }

    #[test]
    fn only_accounts_of_the_kind_and_the_layout_are_loaded() {
        const OTHER: Address = Address::new_from_array([9; 32]);
        type Change = fn(&mut Passed);
        let cases: [(Change, ProgramError); 7] = [
            (
                |passed| (passed.header.owner, passed.header.lamports) = (System::id(), 0),
                ProgramError::UninitializedAccount,
            ),
            (|passed| passed.header.owner = System::id(), ProgramError::IllegalOwner),
            (|passed| (passed.header.owner, passed.header.lamports) = (OTHER, 0), ProgramError::IllegalOwner),
            (|passed| passed.header.data_len -= 1, ProgramError::AccountDataTooSmall),
            (|passed| passed.data[0] ^= 1, ProgramError::InvalidAccountData),
            (|passed| passed.data[7] ^= 1, ProgramError::InvalidAccountData),
            (|passed| passed.data[8] += 1, MultibusError::LayoutUnknown.into()),
        ];
        for (place, (change, error)) in cases.into_iter().enumerate() {
            let mut passed = Passed::claim();
            change(&mut passed);
            assert_eq!(passed.load().err(), Some(error.clone()), "{place}");
            assert_eq!(passed.load_mut().err(), Some(error), "{place}");
        }
        let mut sound = Passed::claim();
        assert_eq!(sound.load().map(|claim| claim.amount), Ok(7));
        assert_eq!(sound.load_mut().map(|claim| claim.amount), Ok(7));
    }

    #[test]
    fn only_what_is_loaded_as_mutable_is_written() {
        let mut passed = Passed::claim();
        let mut read = passed.load().unwrap();
        assert!(panics(|| read.amount = 8));
        assert!(panics(|| drop(read.close(Passed::claim().view()))));
        passed.load_mut().unwrap().amount = 9;
        assert_eq!(passed.load().map(|claim| claim.amount), Ok(9));
        passed.header.is_writable = 0;
        assert_eq!(passed.load_mut().err(), Some(ErrorCode::ConstraintMut.into()));
    }

    #[test]
    fn a_new_account_is_long_enough_and_has_no_layout_yet() {
        let mut passed = Passed::claim();
        passed.data[8] = 0;
        passed.load_mut_after_init().unwrap().amount = 9;
        passed.header.data_len -= 1;
        assert_eq!(passed.load_mut_after_init().err(), Some(ProgramError::AccountDataTooSmall));
    }

    #[test]
    fn who_closes_an_account_gets_its_lamports_and_writes_it_no_more() {
        let (mut passed, mut destination) = (Passed::claim(), Passed::claim());
        let mut closed = passed.load_mut().unwrap();
        assert_eq!(closed.close(destination.view()), Ok(()));
        assert!(panics(|| closed.amount = 8));
        assert_eq!((passed.header.lamports, passed.header.data_len, passed.header.owner), (0, 0, System::id()));
        assert_eq!(destination.header.lamports, 10);
        destination.header.lamports = u64::MAX;
        let mut kept = Passed::claim();
        let refused = kept.load_mut().unwrap().close(destination.view());
        assert_eq!((refused, kept.header.lamports), (Err(ProgramError::ArithmeticOverflow), 5));
    }
}
