//! The accounts of instructions that are not called often. Anchor copies the walk over an instruction's accounts into its
//! code: about 500 bytes for each account. The instructions here share one function for it, at a few compute units an
//! account. That makes the program a fifth smaller. One that reads its remaining accounts creates no account by `init`: it walks over
//! the chain's input a second time, which needs the lengths that the chain passed.

// Anchor looks for what it generated beside the names that an instruction's signature has.
pub use super::*;
use {
    super::walk::Walked,
    anchor_lang::{AccountBitvec, AccountView, Address, Bumps, TryAccounts, prelude::ProgramError},
    core::{
        mem::MaybeUninit,
        ops::{Deref, DerefMut},
    },
};

macro_rules! apart {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("See [`", stringify!($name), "`](super::", stringify!($name), ").")]
        pub struct $name(super::$name);

        impl Bumps for $name {
            type Bumps = <super::$name as Bumps>::Bumps;
        }

        impl TryAccounts for $name {
            // The accounts are walked over below.
            const HEADER_SIZE: usize = 0;
            const MUT_MASK: [u64; 4] = <super::$name as TryAccounts>::MUT_MASK;
            const HAS_DYNAMIC_MUT_MASK: bool = {
                assert!(!<super::$name as TryAccounts>::HAS_DYNAMIC_MUT_MASK);
                false
            };
            type IxArgs<'ix> = <super::$name as TryAccounts>::IxArgs<'ix>;

            fn active_mut_mask(&self) -> [u64; 4] {
                Self::MUT_MASK
            }

            #[inline(always)]
            fn try_accounts<'ix>(
                program_id: &Address,
                _views: &[AccountView],
                _duplicates: Option<&AccountBitvec>,
                _base_offset: usize,
                data: &'ix [u8],
            ) -> Result<(Self, Self::Bumps, Self::IxArgs<'ix>), ProgramError> {
                const COUNT: usize = <super::$name as TryAccounts>::HEADER_SIZE;
                let mut room = [const { MaybeUninit::uninit() }; COUNT];
                let walked = Walked::<COUNT>::new(&mut room, &Self::MUT_MASK)?;
                // SAFETY: all of it was filled.
                let views = unsafe { core::slice::from_raw_parts(room.as_ptr().cast::<AccountView>(), COUNT) };
                let (accounts, bumps, args) = <super::$name as TryAccounts>::validate_accounts(
                    program_id,
                    views,
                    walked.cursor.duplicates(),
                    0,
                    data,
                )?;
                Ok((Self(accounts), bumps, args))
            }

            #[inline(always)]
            fn update_accounts(&mut self) -> Result<(), ProgramError> {
                self.0.update_accounts()
            }

            #[inline(always)]
            fn exit_accounts(&mut self, data: &[u8]) -> Result<(), ProgramError> {
                self.0.exit_accounts(data)
            }
        }

        impl Deref for $name {
            type Target = super::$name;

            #[inline(always)]
            fn deref(&self) -> &super::$name {
                &self.0
            }
        }

        impl DerefMut for $name {
            #[inline(always)]
            fn deref_mut(&mut self) -> &mut super::$name {
                &mut self.0
            }
        }

        #[cfg(feature = "idl-build")]
        #[doc(hidden)]
        impl $name {
            pub fn __idl_accounts() -> String {
                super::$name::__idl_accounts()
            }

            pub fn __idl_register_deps(accounts: &mut Vec<&'static str>, types: &mut Vec<&'static str>) {
                super::$name::__idl_register_deps(accounts, types);
            }
        }
    )+};
}

apart!(
    AskSettle,
    BidCancel,
    BidSettle,
    BusClose,
    BusCreate,
    CapacityClose,
    CapacityOpen,
    CertificateRetire,
    CertificateTake,
    CertificateTransfer,
    ClaimPay,
    ClearingApply,
    ClearingClose,
    ClearingOpen,
    CreatorOpen,
    DeliveryClose,
    DeliveryRefund,
    DeviceClose,
    GridSweep,
    MeterClose,
    MeterRegister,
    MeterReplace,
    OfferCancel,
    OfferSetExpiry,
    PoolReport,
    PositionClose,
    PositionSetRefund,
    ProposalApprove,
    ProposalClose,
    ProposalCreate,
    ProposalExecute,
    ProposalRevoke,
    SellerAdmit,
    SellerClose,
    SellerOpen,
    SellerSuspend,
    TraderClose,
    TraderOpen,
    TreasuryClaim,
);
