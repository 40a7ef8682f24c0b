//! How the accounts of an instruction are walked over without Anchor's copy of the walk.

use {
    anchor_lang::{AccountCursor, AccountView, Bumps, ErrorCode, prelude::ProgramError},
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

/// The most accounts that a transaction can have.
pub(super) const MOST_ACCOUNTS: usize = 256;

/// All accounts of the instruction, walked over at once: cheaper than Anchor's list of the remaining ones.
#[inline(always)]
pub(super) fn all_accounts(room: &mut [MaybeUninit<AccountView>; MOST_ACCOUNTS]) -> &[AccountView] {
    let (count, input) = input();
    // SAFETY: the accounts are there, at most 255 of them, and `room` has a place for each.
    let mut cursor = unsafe { AccountCursor::new(input, room.as_mut_ptr().cast()) };
    // SAFETY: the same.
    unsafe { cursor.walk_n(count) };
    // SAFETY: so many places were filled.
    unsafe { core::slice::from_raw_parts(room.as_ptr().cast(), count) }
}

/// One function for all of these instructions.
#[inline(never)]
fn walk(cursor: &mut AccountCursor, count: usize) {
    // SAFETY: there are that many accounts, and room for them.
    unsafe { cursor.walk_n(count) };
}
