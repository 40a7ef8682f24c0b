//! How the accounts of an instruction are walked over without Anchor's copy of the walk.

use {
    anchor_lang::{
        AccountCursor, AccountView, Bumps, ErrorCode,
        pinocchio::account::{MAX_PERMITTED_DATA_INCREASE, NOT_BORROWED, RuntimeAccount},
        prelude::ProgramError,
    },
    core::{mem::MaybeUninit, ops::DerefMut, ptr},
};

/// Accounts `A` as [`apart`](super::apart) hands them to the handler of their instruction.
pub trait Walks<A: Bumps>: DerefMut<Target = A> + Bumps<Bumps = A::Bumps> {}

impl<A: Bumps, T: DerefMut<Target = A> + Bumps<Bumps = A::Bumps>> Walks<A> for T {}

/// Where the chain passes the accounts of an instruction: their number, then one after the other.
const INPUT: usize = 0x4_0000_0000;

/// The number of accounts of the instruction, and where they are.
#[inline(always)]
fn input() -> (usize, *mut u8) {
    let input = ptr::with_exposed_provenance_mut::<u64>(INPUT);
    // SAFETY: the chain runs the program with the number of accounts at this address.
    (unsafe { *input } as usize, input.cast())
}

/// The accounts that an instruction declares.
pub(super) struct Walked<const COUNT: usize> {
    pub(super) cursor: AccountCursor,
}

impl<const COUNT: usize> Walked<COUNT> {
    /// Walks over the accounts, which are put into `views`. Refuses too few, and one that is passed twice although both
    /// are written (`mut_mask`).
    #[inline(always)]
    pub(super) fn new(
        views: &mut [MaybeUninit<AccountView>; COUNT],
        mut_mask: &[u64; 4],
    ) -> Result<Self, ProgramError> {
        let (count, input) = input();
        if count < COUNT {
            return Err(ErrorCode::AccountNotEnoughKeys.into());
        }
        // SAFETY: the accounts are there, and `views` has room for those that are walked over.
        let mut cursor = unsafe { AccountCursor::new(input, views.as_mut_ptr().cast()) };
        walk(&mut cursor, COUNT);
        if cursor.duplicates().is_some_and(|duplicates| duplicates.intersects(mut_mask)) {
            return Err(ErrorCode::ConstraintDuplicateMutableAccount.into());
        }
        Ok(Self { cursor })
    }
}

/// The accounts behind the declared ones, read from the chain's input one after the other: cheaper than Anchor's list of them.
pub(super) struct Behind {
    next: *mut RuntimeAccount,
    left: usize,
}

/// An account as the chain passes it.
pub(super) enum Passed {
    /// For the first time.
    Once(AccountView),
    /// Again: the index of the account that it is.
    Again(u8),
}

impl Behind {
    /// Those behind the last of `declared` accounts.
    ///
    /// # Safety
    ///
    /// `last` is that account. It was not passed twice, and has the length that the chain passed.
    #[inline(always)]
    pub(super) unsafe fn new(last: &AccountView, declared: usize) -> Self {
        // SAFETY: the caller's promise.
        Self { next: unsafe { end_of(last.account_ptr().cast_mut()) }, left: input().0 - declared }
    }
}

impl Iterator for Behind {
    type Item = Passed;

    #[inline(always)]
    fn next(&mut self) -> Option<Passed> {
        self.left = self.left.checked_sub(1)?;
        let account = self.next;
        // SAFETY: the input has one more account. Where it was passed before, there is its index in place of the marker.
        let index = unsafe { (*account).borrow_state };
        if index != NOT_BORROWED {
            // SAFETY: such an account takes 8 bytes.
            self.next = unsafe { account.byte_add(size_of::<u64>()) };
            return Some(Passed::Again(index));
        }
        // SAFETY: the account is there, as the chain passed it.
        self.next = unsafe { end_of(account) };
        // SAFETY: the same.
        Some(Passed::Once(unsafe { AccountView::new_unchecked(account) }))
    }
}

/// Where the account behind this one starts: behind its data, room for it to grow, up to the next multiple of 8 bytes, and 8 bytes
/// for its rent.
///
/// # Safety
///
/// The account is in the chain's input, and has the length that the chain passed.
#[inline(always)]
unsafe fn end_of(account: *mut RuntimeAccount) -> *mut RuntimeAccount {
    const FIXED: usize = size_of::<RuntimeAccount>() + MAX_PERMITTED_DATA_INCREASE + size_of::<u64>();
    // SAFETY: the caller's promise.
    let length = unsafe { (*account).data_len } as usize;
    // SAFETY: the same.
    unsafe { account.byte_add(FIXED + length.next_multiple_of(size_of::<u64>())) }
}

/// One function for all of these instructions.
#[inline(never)]
fn walk(cursor: &mut AccountCursor, count: usize) {
    // SAFETY: there are that many accounts, and room for them.
    unsafe { cursor.walk_n(count) };
}
