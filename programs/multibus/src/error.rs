//! Every way the market refuses. One error per cause; each sentence says what to do next. Once the program is deployed,
//! codes are append-only: a new error goes to the end (`tests/` pins the numbers).

use {anchor_lang::prelude::*, solana_program_log::Logger};

/// Refuses with an error of the market, logging the values that disagree.
macro_rules! refuse {
    ($error:ident) => {
        return Err($crate::error::MultibusError::$error.into())
    };
    ($error:ident, $template:literal $(, $value:expr)+ $(,)?) => {{
        $crate::error::log_values($template, &[$($crate::error::Value::from($value)),+]);
        return Err($crate::error::MultibusError::$error.into())
    }};
}
pub(crate) use refuse;

/// Refuses unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($refusal:tt)+) => {
        if !$condition {
            $crate::error::refuse!($($refusal)+)
        }
    };
}
pub(crate) use ensure;

/// A number in the log of a refusal.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    Unsigned(u64),
    Signed(i64),
}

macro_rules! value_from {
    ($($number:ty => $kind:ident),+) => {
        $(impl From<$number> for Value {
            fn from(value: $number) -> Self {
                Self::$kind(value.into())
            }
        })+
    };
}
value_from!(u8 => Unsigned, u16 => Unsigned, u32 => Unsigned, u64 => Unsigned, i64 => Signed);

/// Logs the values that disagree, each in place of a `{}` of the template. It is not inlined: copied into every
/// refusal, it was a third of the program's size.
#[cold]
#[inline(never)]
pub(crate) fn log_values(template: &str, values: &[Value]) {
    let mut logger = Logger::<200>::default();
    let mut values = values.iter();
    for text in template.split("{}") {
        logger.append(text);
        match values.next() {
            Some(Value::Unsigned(value)) => logger.append(*value),
            Some(Value::Signed(value)) => logger.append(*value),
            None => &logger,
        };
    }
    logger.log();
}

/// Declares the errors once: the enum, whose sentences go to the IDL, and the same sentences as a table for clients.
macro_rules! errors {
    ($(#[msg($sentence:tt)] $name:ident,)+) => {
        #[error_code]
        #[derive(Debug, PartialEq, Eq)]
        pub enum MultibusError {
            $(#[msg($sentence)] $name,)+
        }

        impl MultibusError {
            /// Every error, in the order of its code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Name of the error.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What went wrong and what to do next.
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)+
                }
            }
        }
    };
}

/// Code of the first error; the others follow in their order.
pub const FIRST_ERROR_CODE: u32 = 6_000;

impl MultibusError {
    /// Code of the error, which a refused transaction carries.
    pub const fn code(self) -> u32 {
        FIRST_ERROR_CODE + self as u32
    }

    /// The error with a code.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(code.checked_sub(FIRST_ERROR_CODE)? as usize).copied()
    }
}

errors! {
    // bus
    #[msg("The bus's name must have 1 to 32 bytes of UTF-8 without control characters; choose another name")]
    NameInvalid,
    #[msg("A bus has 1 to 16 owners; give a list of that length")]
    OwnerCountInvalid,
    #[msg("The same owner is in the list twice; name every owner once")]
    OwnerDuplicate,
    #[msg("An owner's address is all zeros; give a wallet's address")]
    OwnerZero,
    #[msg("The creator must be one of the owners; add the creator to the owner list")]
    CreatorNotOwner,
    #[msg("The revenue shares must sum to exactly 10000 basis points; correct the shares")]
    SharesInvalid,
    #[msg("The approval threshold must be from 1 to the number of owners; choose one in that range")]
    ThresholdInvalid,
    #[msg("The capacity per window must be at least 1 Wh; give a larger capacity")]
    CapacityZero,
    #[msg("The base price must be at least 1 base unit per kWh; give a higher base price")]
    BasePriceZero,
    #[msg("The lock fee can be at most 500 basis points; choose a lower fee")]
    LockFeeTooHigh,
    #[msg("The timelock can be at most 30 days; choose a shorter one")]
    TimelockTooLong,
    #[msg("A window lasts 60 to 86400 s, and its gate closes at most 86400 s before it starts; both are 0 where the bus has no windows; correct them")]
    WindowsInvalid,
    #[msg("The listing policy is unknown; use 0 (owners only), 1 (admitted sellers) or 2 (open)")]
    ListingPolicyUnknown,
    #[msg("Only an owner of the bus can do this; sign with an owner's wallet")]
    NotAnOwner,
    #[msg("The wallet is an owner of the bus already; nothing to do")]
    AlreadyOwner,
    #[msg("The bus has 16 owners already; remove one first")]
    OwnersFull,
    #[msg("The bus is paused by its owners; try again after they resume it (settling and releasing locks and withdrawing work)")]
    BusPaused,
    // settlement mint and token accounts
    #[msg("The token program must be SPL Token or Token-2022 and must own the mint; pass the mint's own token program")]
    TokenProgramInvalid,
    #[msg("The account is not an initialised mint of the token program; pass the settlement mint")]
    MintInvalid,
    #[msg("The mint can charge transfer fees, so less would arrive than was paid; use a mint without them")]
    MintHasTransferFee,
    #[msg("The mint runs a hook on every transfer; use a mint without one")]
    MintHasTransferHook,
    #[msg("The mint has a permanent delegate who could take anyone's tokens; use a mint without one")]
    MintHasPermanentDelegate,
    #[msg("The mint's tokens cannot be transferred; use a transferable mint")]
    MintNonTransferable,
    #[msg("The mint's new accounts start frozen, so sellers could not be paid; use a mint without that")]
    MintDefaultFrozen,
    #[msg("The mint can be closed and created again with other rules; use a mint without a close authority")]
    MintHasCloseAuthority,
    #[msg("The mint's transfers can be paused by its issuer; use a mint without that")]
    MintPausable,
    #[msg("The mint has an extension that is not known to be harmless; use a mint without it")]
    MintExtensionUnknown,
    #[msg("The mint is not the bus's settlement mint; pass the mint that the bus names")]
    MintMismatch,
    #[msg("The token program is not the bus's; pass the one that the bus names")]
    TokenProgramMismatch,
    #[msg("The token account is not an initialised account of the settlement mint; create one and pass it")]
    TokenAccountInvalid,
    #[msg("The refund account is not the one that the lock or the position book names; pass that one")]
    RefundMismatch,
    // capacity and windows
    #[msg("The account belongs to another bus; pass accounts of one bus")]
    BusMismatch,
    #[msg("The capacity account is not the offer's; pass the one that the offer names")]
    CapacityMismatch,
    #[msg("The bus has no delivery windows; use its general capacity")]
    WindowsOff,
    #[msg("The bus sells by delivery window; use a window's capacity")]
    WindowsOn,
    #[msg("The window's start is not a multiple of the bus's window length; use the start of a window")]
    WindowMisaligned,
    #[msg("The window is further ahead than the bus's horizon; choose an earlier one")]
    WindowTooFar,
    #[msg("The gate of this window has closed, it no longer trades; choose a later window")]
    GateClosed,
    #[msg("The window is not over yet; close its capacity after its end")]
    WindowNotOver,
    #[msg("Offers of this window are still open; cancel them first (anyone can, after gate closure)")]
    WindowHasOffers,
    #[msg("The rent goes to the wallet that paid it; pass that wallet")]
    RentPayerMismatch,
    // offers
    #[msg("The bus's listing policy leaves this seller out; ask the owners or the operator to admit it")]
    ListingClosed,
    #[msg("The energy is 0 Wh; give at least 1 Wh")]
    EnergyZero,
    #[msg("The price is below the bus's base price; ask at least the base price")]
    PriceBelowBase,
    #[msg("The window has less capacity available than the offer; offer at most what is available")]
    CapacityExceeded,
    #[msg("The energy source is unknown; use 0 to 5 (unspecified, solar, wind, hydro, biomass, storage)")]
    SourceUnknown,
    #[msg("The expiry is in the past; give a later time")]
    ExpiryInPast,
    #[msg("Only the seller can do this, or for the bus's own offers the owner who listed them; sign with that wallet")]
    NotTheSeller,
    #[msg("The offer still trades, so this wallet cannot cancel it; let its seller cancel it, or wait until it is sold out or expired")]
    OfferStillTrading,
    #[msg("All free energy of this offer is withdrawn already; its locks must be settled, or released and refunded, first")]
    NothingToCancel,
    #[msg("The offer was cancelled; choose another")]
    OfferCancelled,
    #[msg("The offer has expired; choose another, or list the energy again")]
    OfferExpired,
    #[msg("The offer has less free energy than asked for; buy less, or allow a smaller fill")]
    EnergyUnavailable,
    #[msg("The smallest acceptable fill is larger than the amount; give a minimum from 1 to the amount")]
    MinimumInvalid,
    #[msg("The offer's price with the grid fee is above your limit; raise the limit or choose another offer")]
    PriceAboveLimit,
    #[msg("The offer was changed since it was read; read it again")]
    VersionMismatch,
    #[msg("A seller cannot buy or lock its own offer; cancel it instead")]
    SelfTrade,
    #[msg("The cost does not fit 64 bits; buy less at once")]
    CostOverflow,
    // purchases and nonces
    #[msg("The total is above your limit; raise the limit or buy less")]
    TotalAboveLimit,
    #[msg("A batch has 1 to 32 items, and needs for each item its offer and vault, on delivery terms also delivery book and position book, with the bus before the first item of each bus; split it or pass the accounts")]
    BatchInvalid,
    #[msg("The same offer is in the batch twice; merge the two items")]
    OfferDuplicate,
    #[msg("The nonce is not the lane's next; ask for the lane's next nonce and sign again")]
    NonceMismatch,
    #[msg("The nonce lane belongs to another wallet; use a lane of the buyer")]
    TraderMismatch,
    // locks
    #[msg("The lock would end less than 300 s before the offer; buy at once instead")]
    LockOutlivesOffer,
    #[msg("The lock belongs to another buyer; use your own")]
    LockBuyerMismatch,
    #[msg("The lock is not on this offer; pass the offer that the lock names")]
    LockOfferMismatch,
    #[msg("The lock has expired; release it, then buy or lock again")]
    LockExpired,
    #[msg("The lock has not expired, so only its buyer can release it; wait for its expiry")]
    LockNotExpired,
    #[msg("A number would exceed what its account can hold, which normal use never does; report this as a bug")]
    CounterOverflow,
    // proposals
    #[msg("The pause quorum can be at most the threshold; choose 1 to the threshold, or 0 for the threshold")]
    PauseQuorumInvalid,
    #[msg("The list of shares must have one share for each owner after the change, in the order of the owners; correct the list")]
    ShareCountInvalid,
    #[msg("The last owner cannot be removed; add another owner first")]
    LastOwner,
    #[msg("The wallet is not an owner of the bus; name one of its owners")]
    OwnerUnknown,
    #[msg("Removing an owner would leave fewer owners than the threshold; lower the threshold first")]
    ThresholdAboveOwners,
    #[msg("Sixteen former owners have unclaimed revenue; claim on behalf of one of them first, anyone can")]
    FormerOwnersFull,
    #[msg("The next terms start within one horizon, so they cannot be replaced any more; decide others once they hold")]
    TermsFixed,
    #[msg("The bus is paused already; nothing to do")]
    AlreadyPaused,
    #[msg("The bus is not paused; nothing to do")]
    NotPaused,
    #[msg("The proposal's action is not known to this program; propose one that is")]
    ActionUnknown,
    #[msg("Owners, shares or threshold changed after this proposal was made, the bus began to close, or (for a pause or resume) it was paused or resumed; make a new one")]
    ProposalStale,
    #[msg("The proposal was executed already; nothing to do")]
    ProposalExecuted,
    #[msg("The owner approved this proposal already; an approval counts once")]
    AlreadyApproved,
    #[msg("The owner has not approved this proposal; nothing to revoke")]
    NotApproved,
    #[msg("The proposal has fewer approvals than it needs; more owners must approve")]
    ApprovalsMissing,
    #[msg("The timelock of this proposal has not passed; execute it after it ends")]
    TimelockActive,
    #[msg("The proposal can still be executed, so it cannot be closed; execute it, revoke every approval, or wait until it expires")]
    ProposalOpen,
    #[msg("The proposal's rent goes to its proposer; pass that wallet")]
    ProposerMismatch,
    // treasury
    #[msg("The treasury account is not the bus's; pass the one that the bus names")]
    TreasuryMismatch,
    #[msg("The token account is not one that the caller may choose for the wallet that is paid; pass the wallet's associated token account, or the one that it recorded")]
    PayeeMismatch,
    #[msg("The owner has nothing to claim now; claim after the next sale")]
    NothingToClaim,
    #[msg("A bus cannot be its own owner; name a wallet")]
    OwnerIsTheBus,
    #[msg(
        "What is owed to a bus goes back to the treasury of the bus that owes it, while that is open; pass that treasury"
    )]
    ClaimOfBus,
    #[msg("A counter starts at the present slot or at most 1,024 slots ahead; name such a slot, or 0 for the present one")]
    FirstSlotInvalid,
    // layouts, counters and what never ends without its end
    #[msg("The account has a layout that this program does not know; use the program that made it")]
    LayoutUnknown,
    #[msg("The number is not the next of its counter; read the counter and sign again")]
    NumberNotNext,
    #[msg("The counter is ahead of this slot, it was used or opened a moment ago; close it a few minutes later")]
    CounterBusy,
    #[msg("The horizon must be from 3600 to 31622400 s; choose one in that range")]
    HorizonInvalid,
    #[msg("A window with its gate closure must be shorter than the bus's horizon; choose shorter ones")]
    HorizonTooShort,
    #[msg("The capacity per window can be at most 2^40 Wh; give a smaller capacity")]
    CapacityTooLarge,
    #[msg("The least size must be from 1 Wh to 2^40 Wh; choose one in that range")]
    LeastSizeInvalid,
    #[msg("The amount is below the bus's least size and does not take the rest; take more, or all that is left")]
    SizeTooSmall,
    #[msg("The operator must be a wallet other than the bus; name a wallet")]
    OperatorInvalid,
    #[msg("Only the operator of the bus can do this; sign with the operator's wallet, or let the owners decide it")]
    NotTheOperator,
    #[msg("The bus is closing, nothing opens on it any more; use another bus")]
    BusClosing,
    #[msg("The bus is not closing; its owners must decide to close it first")]
    BusNotClosing,
    #[msg("Sellers, windows or proposals of the bus are still open; close them first (anyone can, once they are over)")]
    BusInUse,
    #[msg("Former owners of the bus have revenue to claim; claim on behalf of each of them first, anyone can")]
    FormerOwnersUnpaid,
    #[msg("The claim accounts of all owners must follow, in the order of the owners; pass them")]
    OwnerClaimsMissing,
    #[msg("The ledger is not the bus's; pass the bus's ledger")]
    LedgerMismatch,
    #[msg("The general capacity closes with its bus; name a window's capacity")]
    CapacityIsGeneral,
    #[msg("Nothing was sold in the window and its gate is open, so only who paid its rent, an owner or the operator can close it; wait until the gate has closed")]
    WindowUnused,
    #[msg("The account is not the seller account that the other accounts or the wallet name; pass the seller's own on this bus")]
    SellerMismatch,
    #[msg("The seller is suspended; ask the owners or the operator to admit it again")]
    SellerSuspended,
    #[msg("Offers of this seller are still open; cancel them first")]
    SellerHasOffers,
    #[msg("The vault account is not the seller's; pass the one that the seller account names")]
    VaultMismatch,
    #[msg("The seller has nothing to withdraw now; collect the proceeds of its offers first")]
    NothingToWithdraw,
    #[msg("The offer has no proceeds to collect now; collect after its next sale")]
    NothingToCollect,
    #[msg("The bus's own sales are not all in the treasury, so shares cannot change; pass the bus's seller and vault to sweep them")]
    BusSalesUnswept,
    #[msg("Sales of the bus itself go to its treasury only; pass the treasury")]
    WithdrawNotToTreasury,
    #[msg("The price is below the reserve price of the bus's own energy; ask at least the reserve price")]
    PriceBelowReserve,
    #[msg("The expiry is beyond the window's gate or the bus's horizon; give an earlier time")]
    ExpiryTooLate,
    #[msg("Locks on the offer need it for longer; give a time at least 300 s after they end")]
    ExpiryBeforeLocks,
    #[msg("The bus's own offers trade 120 s after they were listed or lowered; buy a little later")]
    OfferNotYetTrading,
    #[msg("A buyer has the places 0 to 7 for locks on one offer; name one of them")]
    LockPlaceInvalid,
    #[msg("The lock at this place is not the one that was signed for; read it and sign again")]
    LockChanged,
    #[msg("The lock was released; buy or lock again")]
    LockReleased,
    #[msg("The mint's issuer has frozen the account that pays, so nothing leaves it now; try again once it is thawed")]
    PayerFrozen,
    #[msg("The account that is to be paid takes no payments now (closed, frozen, or it asks for memos); name another")]
    PayeeUnpayable,
    #[msg("The account that is to be paid belongs to the bus; name an account of the wallet's")]
    PayeeIsBusAccount,
    #[msg("The unclaimed account is not the bus's; pass the one that the bus names")]
    UnclaimedMismatch,
    #[msg("The claim account is not the wallet's on this bus; pass that one")]
    ClaimMismatch,
    #[msg("The proposal can no longer be executed, its 30 days are over; make a new one")]
    ProposalExpired,
    #[msg("The approval names another proposal than this; read it and sign again")]
    ProposalChanged,
    #[msg("The mint pays interest that only wallets show, so they show other amounts than are paid; use a mint without that")]
    MintInterestBearing,
    #[msg("The mint scales the amounts that wallets show, so they show other amounts than are paid; use a mint without that")]
    MintScaledAmount,
    // terms and grid fees
    #[msg("New terms must start more than one horizon ahead, so that no open window changes; choose a later time")]
    TermsTooSoon,
    #[msg("New terms must start where a window of the present terms ends and a window of the new ones starts; choose such a time")]
    TermsMisaligned,
    #[msg("The settlement is unknown; use 0 (on purchase) or 1 (on delivery)")]
    SettlementUnknown,
    #[msg("The grid fee can be at most 2^32 base units per kWh; give a lower one")]
    GridFeeTooHigh,
    #[msg("Reading deadline and correction time are 3600 to 2592000 s where sellers are paid on delivery, and 0 where they are not; correct them")]
    ReadingTimesInvalid,
    #[msg("Sellers are paid on delivery only where the bus has delivery windows; give a window length")]
    DeliveryWithoutWindows,
    #[msg("The bus needs an operator while sellers are paid on delivery, and until all such windows are final; name one, or wait")]
    OperatorNeeded,
    #[msg("The recipient of grid fees must be a wallet other than the bus; name a wallet, or none for the treasury")]
    GridRecipientInvalid,
    #[msg("The seller's vault holds grid fees; sweep them first, anyone can")]
    SellerOwesGridFees,
    #[msg("The seller's vault holds no grid fees now; sweep after the next collection")]
    NothingToSweep,
    #[msg("Grid fees without a recipient go to the treasury; pass the treasury")]
    SweepNotToTreasury,
    // meters and devices
    #[msg("The power of a device must be from 1 to 2^40 W; choose one in that range")]
    PowerInvalid,
    #[msg("The seller's device measures only windows from its first valid one on; list in a later window")]
    MeterNotValidYet,
    #[msg("The device is in use, or measures windows that have not ended; replace it or close its meter, then wait for the end of its last window")]
    DeviceInUse,
    #[msg("The meter is not the seller's; pass the meter that the seller account names")]
    MeterMismatch,
    #[msg("The device account is not that of the meter's present key; pass that one")]
    DeviceMismatch,
    #[msg("The seller has a meter already; replace its device")]
    MeterExists,
    #[msg("The seller has no meter, and listing on delivery terms needs one; ask the operator to register it")]
    MeterMissing,
    #[msg("The seller still has a meter; close it first (the seller or the operator can)")]
    SellerHasMeter,
    #[msg("Only the operator or the meter's seller can close it, or anyone on a closing bus; sign with one of them")]
    MeterInUse,
    // delivery books
    #[msg("On delivery terms more accounts must follow: to list, the seller's meter and delivery book; to buy or settle a lock, its delivery book and the buyer's position book; to lock or release, the position book; to cancel, the delivery book; pass them")]
    BooksMissing,
    #[msg("The delivery book is not the one that the offer or the position book names, or not the seller's for this window; pass that one")]
    BookMismatch,
    #[msg("The position book is another buyer's or on another delivery book; pass the buyer's own")]
    PositionMismatch,
    #[msg("The window is not in this delivery book; pass the start of one of its 96 windows")]
    WindowNotInBook,
    #[msg("With this offer the seller would list more in the window than its meter can deliver; offer less")]
    PowerExceeded,
    #[msg("The windows of this delivery book have four different devices, and it has no place for another; list in the windows of a later book")]
    BookMetersFull,
    #[msg("Offers or positions of the delivery book are still open; close them first")]
    BookInUse,
    #[msg("The delivery book has a window that trades or is not final; close it later")]
    BookNotFinal,
    #[msg("Delivery books of this seller are still open; close them first")]
    SellerHasBooks,
    #[msg("Trades or certificates may still come, so only who it belongs to can close it now; wait for the time that the log names")]
    CertificatesOpen,
    #[msg("The last gate of this delivery book has closed, so it takes no new positions; use a later one")]
    BookOver,
    // readings
    #[msg("Nothing was listed in this window, so it takes no reading; report a window with listed energy")]
    WindowNotListed,
    #[msg("The window has not ended; report after its end")]
    ReadingTooEarly,
    #[msg("The window is final, it takes no reading any more")]
    ReadingTooLate,
    #[msg("The reading is more than a tenth above what the device can deliver in a window; correct it")]
    ReadingTooHigh,
    #[msg("The sequence is not above that of the window's last reading; sign a higher one")]
    SequenceUsed,
    #[msg("The operator has reported this window three times, and can do so no more")]
    OperatorReadingsSpent,
    #[msg("The operator has reported this window, so the device's readings count no more; ask the operator to correct it")]
    OperatorHasRead,
    #[msg("The key is not that of the window's device; sign with the device that the delivery book names for the window")]
    NotTheMeter,
    #[msg("The proof of a reading is unknown; use 0 (transaction), 1 (signature) or 2 (operator)")]
    ReadingProofUnknown,
    #[msg("A signed reading needs the instructions sysvar, and the device's Ed25519 signature in the instruction just before; pass both")]
    SignedReadingMissing,
    #[msg("The Ed25519 instruction does not have the one accepted form: one signature, with all parts in its own data; build it as the client does")]
    SignedReadingMalformed,
    #[msg("The device signed something other than this reading: another program, bus, meter, window, energy or sequence; pass what it signed")]
    SignedReadingOther,
    // release and refund
    #[msg("No window of the delivery book became final since the last release; release later")]
    NothingToRelease,
    #[msg("No window of the position became final since the last refund; refund later")]
    NothingToRefund,
    #[msg("Locks of the position are open; settle or release them first")]
    PositionHasLocks,
    #[msg("The position has energy of a window that is not final; close it later")]
    PositionNotFinal,
    // certificates
    #[msg("Nothing was delivered in this window that this wallet could certify")]
    NothingToCertify,
    #[msg("The certificate for this window was taken already; each Wh is certified once")]
    AlreadyCertified,
    #[msg("The certificate account is not the window's next, because another was taken a moment ago; read the book and sign again")]
    CertificateMismatch,
    #[msg("The certificate is for less energy than that; transfer at most what it certifies")]
    CertificateTooSmall,
    #[msg("The certificate belongs to another wallet; sign with its owner")]
    NotTheCertificateOwner,
    #[msg("A certificate needs an owner; name a wallet")]
    CertificateOwnerInvalid,
    #[msg("The beneficiary must be 1 to 64 bytes of text without control characters; correct it")]
    BeneficiaryInvalid,
    #[msg("The window is not final, so its energy cannot be certified yet; wait until no reading can change it")]
    WindowNotFinal,
    #[msg("The refund account can no longer change, since anyone may close the position book now; close it, and claim what that account cannot be paid")]
    RefundFixed,
    #[msg("The window's device has another source of energy; list with that source, or with 0")]
    SourceMismatch,
    // auction
    #[msg("An auction closes delivery windows; give the terms windows, or no auction")]
    AuctionWithoutWindows,
    #[msg("With an auction, gate closure and window together last at least 900 s; make one of them longer")]
    AuctionTooShort,
    #[msg("No auction closes this window; buy from its offers")]
    AuctionOff,
    #[msg("The bid's limit less the grid fee is below the bus's base price; bid more")]
    LimitBelowBase,
    #[msg("The bid is for more energy than the window's capacity; bid for less")]
    BidTooLarge,
    #[msg("The window has 2^20 bids; bid in another window, or buy from its offers")]
    BidsFull,
    #[msg("The escrow account is not the bus's; pass the one that the bus names")]
    EscrowMismatch,
    #[msg("In the last 300 s before the gate of an auction, offers and bids are only added or improved; wait until the auction is over")]
    LastMinutes,
    #[msg("The book of the auction is fixed; nothing in it changes until its price is proven, or until 24 hours after the gate")]
    BookFixed,
    #[msg("The auction is not over; wait until its price is proven and the orders of this seller are settled, or until 24 hours after the gate")]
    AuctionNotOver,
    #[msg("The price of the auction is not proven; clear it first")]
    AuctionNotCleared,
    #[msg("The window has no fixed book to clear: its gate is not there yet, its auction is over, or it has no bid or no offer")]
    AuctionNotFixed,
    #[msg("The low price is above the high price; name the lowest and the highest price that clear the book, in this order")]
    PricesReversed,
    #[msg("The account is neither a bid nor an offer of this window; tally those alone")]
    OrderForeign,
    #[msg("The orders are not in ascending order of their addresses after the last one; sort them, or open the clearing again")]
    OrderNotAscending,
    #[msg("Not every bid and offer of the window was tallied; tally the rest, or open the clearing again")]
    OrdersMissing,
    #[msg("The named prices do not clear the tallied book; open the clearing again with the right ones")]
    PriceWrong,
    #[msg("The clearing is in progress and belongs to another wallet; wait until the auction is over")]
    ClearingInUse,
    #[msg("The clearing is of another window or clearer; pass its own accounts")]
    ClearingMismatch,
    #[msg("The bid's buyer is another wallet; pass the wallet that the bid names")]
    BidBuyerMismatch,
    #[msg("The auction owes this offer a fill; settle it first (anyone can)")]
    AskUnsettled,
    #[msg("The auction has settled this offer already")]
    AskSettled,
    #[msg("The auction sells nothing of this offer, so it is free; cancel it")]
    OrderGetsNothing,
    #[msg("The bid has nothing to pay or to return now; wait, or close it as its buyer")]
    NothingToSettle,
    #[msg("Not every seller of the auction has reported its window; refund the bid once the pool is complete")]
    PoolIncomplete,
    #[msg("The delivery book has a window whose auction part is not reported or not paid; report it to the pool first (anyone can)")]
    PoolOpen,
    #[msg("The seller's auction part of this window is reported and paid, or there is none")]
    NothingToReport,
    #[msg("Bids of this window are still open; settle them first (anyone can)")]
    WindowHasBids,
    #[msg("What the auction's rounding left goes to the treasury; pass escrow, treasury and token program after the other accounts")]
    EscrowAccountsMissing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_codes_agree() {
        for (index, error) in MultibusError::ALL.iter().enumerate() {
            assert_eq!(*error as usize, index);
            assert_eq!(MultibusError::from_code(error.code()), Some(*error));
            assert_eq!(ProgramError::from(*error), ProgramError::Custom(error.code()));
            assert!(error.message().len() > 20, "{}", error.name());
        }
        assert_eq!(MultibusError::from_code(FIRST_ERROR_CODE - 1), None);
        assert_eq!(MultibusError::from_code(FIRST_ERROR_CODE + MultibusError::ALL.len() as u32), None);
    }
}
