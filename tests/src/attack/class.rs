//! The classes of attacks: what each tries, the errors that refuse it, and the instructions that it cannot apply to.

use {
    By::{Code, Market, Runtime},
    Fact::{NoAccount, NoSigner},
    multibus::error::MultibusError::{self, *},
};

/// A class of attacks: a column of `docs/ATTACKS.md`.
pub struct Class {
    /// Its name in `refuses!` and `withstands!`.
    pub name: &'static str,
    pub title: &'static str,
    /// What is tried.
    pub tried: &'static str,
    /// The errors that refuse it. A test that claims it must see one of them for each instruction.
    pub refused_with: &'static [By],
    pub cannot_apply: &'static [Exception],
}

/// An error that refuses an attack.
pub enum By {
    Market(MultibusError),
    /// An error of the runtime or of Anchor, by its name. `NotTheAccount` is any that rejects an account's type.
    Runtime(&'static str),
    /// An error of another program by its number: 0, the address is taken; 3 and 4, another mint's and somebody else's
    /// tokens; 17, an account is frozen; 2040, an account comes twice.
    Code(u32),
}

/// Instructions that a class cannot apply to, with the reason.
pub struct Exception {
    /// Their names, separated by commas.
    pub instructions: &'static str,
    pub why: &'static str,
    /// What the IDL must say of each of them.
    pub facts: &'static [Fact],
}

/// A fact about an instruction of the IDL.
#[derive(Debug)]
pub enum Fact {
    NoSigner,
    NoAccount(&'static str),
}

impl By {
    /// The error as tests see it.
    pub fn name(&self) -> String {
        match self {
            Market(error) => error.name().to_owned(),
            Runtime(name) => (*name).to_owned(),
            Code(number) => number.to_string(),
        }
    }
}

impl Class {
    pub fn named(name: &str) -> Option<&'static Self> {
        CLASSES.iter().find(|class| class.name == name)
    }
}

pub const CLASSES: &[Class] = &[
    Class {
        name: "missing_signer",
        title: "missing signer",
        tried: "A wallet that must sign does not.",
        refused_with: &[Runtime("MissingRequiredSignature")],
        cannot_apply: &[Exception {
            instructions: "offer_collect, device_close, delivery_release, delivery_refund, ask_settle, clearing_apply, pool_report",
            why: "anyone may; what it frees goes to whose it is and nobody else",
            facts: &[NoSigner],
        }],
    },
    Class {
        name: "wrong_account",
        title: "wrong owner or type",
        tried: "An account of another type, of another program with the same bytes, cut short, empty, or of another mint.",
        refused_with: &[
            Runtime("NotTheAccount"),
            Runtime("InvalidArgument"),
            Market(BidBuyerMismatch),
            Market(TokenAccountInvalid),
            Market(MintInvalid),
            Market(MintMismatch),
            Market(TokenProgramInvalid),
            Market(BatchInvalid),
            Market(VaultMismatch),
            Market(SignedReadingMissing),
            Market(OrderForeign),
            Code(3),
        ],
        cannot_apply: &[],
    },
    Class {
        name: "substituted_address",
        title: "substituted PDA or bump",
        tried: "In an account's place another one of its type, as valid, but of another bus, seller, offer, lane or number; or an address of the right seeds with another bump.",
        refused_with: &[
            Runtime("InvalidSeeds"),
            Market(BusMismatch),
            Market(CapacityMismatch),
            Market(LedgerMismatch),
            Market(SellerMismatch),
            Market(VaultMismatch),
            Market(TraderMismatch),
            Market(TreasuryMismatch),
            Market(UnclaimedMismatch),
            Market(ClaimMismatch),
            Market(RefundMismatch),
            Market(LockOfferMismatch),
            Market(LockBuyerMismatch),
            Market(NotTheSeller),
            Market(BusSalesUnswept),
            Market(ProposalChanged),
            Market(MeterMismatch),
            Market(DeviceMismatch),
            Market(DeviceInUse),
            Market(BookMismatch),
            Market(PositionMismatch),
            Market(WindowNotListed),
            Market(CertificateMismatch),
            Market(NotTheCertificateOwner),
            Market(EscrowMismatch),
            Market(BidBuyerMismatch),
            Market(ClearingMismatch),
            Market(OrderForeign),
            Runtime("PrivilegeEscalation"),
        ],
        cannot_apply: &[],
    },
    Class {
        name: "duplicate_account",
        title: "duplicate mutable accounts",
        tried: "One account in two places of which one is written; the same offer twice in a batch.",
        refused_with: &[
            Code(2040),
            Market(OfferDuplicate),
            Runtime("NotTheAccount"),
            Market(RefundMismatch),
            Market(VaultMismatch),
            Market(SellerMismatch),
            Market(UnclaimedMismatch),
            Market(TreasuryMismatch),
            Market(TokenAccountInvalid),
            Market(PayeeIsBusAccount),
            Market(PayeeMismatch),
            Market(EscrowMismatch),
            Market(BidBuyerMismatch),
            Market(ClearingMismatch),
            Market(OrderNotAscending),
        ],
        cannot_apply: &[],
    },
    Class {
        name: "arithmetic",
        title: "overflow and rounding",
        tried: "Numbers at the ends of their types, sums and products beyond them, counters at their end, and amounts that do not divide.",
        refused_with: &[
            Market(CostOverflow),
            Market(CounterOverflow),
            Market(TotalAboveLimit),
            Market(SharesInvalid),
            Market(CapacityExceeded),
            Market(NumberNotNext),
            Market(WindowTooFar),
            Market(ExpiryInPast),
            Market(ExpiryTooLate),
            Market(FirstSlotInvalid),
            Market(PowerInvalid),
            Market(ReadingTooHigh),
            Market(WindowNotInBook),
            Market(CertificateTooSmall),
            Market(BidTooLarge),
            Market(PriceWrong),
        ],
        cannot_apply: &[
            Exception { instructions: "bid_cancel", why: "it gives back what `bid_create` took", facts: &[] },
            Exception {
                instructions: "capacity_close",
                why: "it takes back the one that `capacity_open` counted; the end of a window saturates",
                facts: &[],
            },
            Exception {
                instructions: "proposal_close, seller_suspend, meter_close, device_close, position_set_refund, certificate_retire, clearing_open, clearing_close",
                why: "it computes nothing",
                facts: &[],
            },
        ],
    },
    Class {
        name: "reinitialisation",
        title: "re-initialisation",
        tried: "Creating again what exists, to set it back to its beginning.",
        refused_with: &[
            Code(0),
            Runtime("InvalidSeeds"),
            Market(NumberNotNext),
            Market(MeterExists),
            Market(CertificateMismatch),
            Market(NonceMismatch),
        ],
        cannot_apply: &[Exception {
            instructions: "capacity_close, seller_suspend, seller_withdraw, offer_reprice, offer_set_expiry, offer_collect, offer_cancel, purchase, purchase_batch, lock_settle, trader_close, proposal_approve, proposal_revoke, proposal_close, claim_pay, meter_close, device_close, position_set_refund, delivery_report, delivery_release, delivery_refund, delivery_close, certificate_retire, bid_cancel, ask_settle, clearing_tally, clearing_apply, clearing_close, pool_report",
            why: "it creates no account",
            facts: &[NoAccount("system_program")],
        }],
    },
    Class {
        name: "revival",
        title: "closed-account revival",
        tried: "Closing an account, putting lamports at its address within the same transaction, and using or making it again.",
        refused_with: &[
            Runtime("NotTheAccount"),
            Market(NumberNotNext),
            Runtime("InvalidSeeds"),
            Market(GateClosed),
            Market(NonceMismatch),
            Code(0),
            Market(AlreadyCertified),
            Market(CertificateMismatch),
        ],
        cannot_apply: &[Exception { instructions: "creator_open", why: "a counter is never closed", facts: &[] }],
    },
    Class {
        name: "foreign_program",
        title: "foreign program",
        tried: "Another program in the place of the system or token program, deployed and ready to be called.",
        refused_with: &[
            Runtime("IncorrectProgramId"),
            Market(TokenProgramInvalid),
            Market(TokenProgramMismatch),
            Market(SignedReadingMissing),
        ],
        cannot_apply: &[Exception {
            instructions: "capacity_close, seller_suspend, offer_reprice, offer_set_expiry, offer_collect, offer_cancel, lock_settle, trader_close, proposal_approve, proposal_revoke, proposal_close, meter_close, device_close, position_set_refund, delivery_release, delivery_close, certificate_retire, clearing_tally, clearing_apply, clearing_close",
            why: "it calls no program",
            facts: &[NoAccount("token_program"), NoAccount("system_program")],
        }],
    },
    Class {
        name: "token_2022",
        title: "Token-2022 fee, hook or delegate",
        tried: "Mints that charge fees, run a hook, have a permanent delegate, pay interest, scale amounts, or get one of these later; token accounts with extensions, delegates or memos asked for.",
        refused_with: &[
            Market(MintHasTransferFee),
            Market(MintHasTransferHook),
            Market(MintHasPermanentDelegate),
            Market(MintExtensionUnknown),
            Market(MintInterestBearing),
            Market(MintScaledAmount),
            Market(PayeeUnpayable),
        ],
        cannot_apply: &[Exception {
            instructions: "creator_open, capacity_open, capacity_close, seller_suspend, offer_create, offer_reprice, offer_set_expiry, offer_collect, offer_cancel, trader_open, trader_close, proposal_create, proposal_approve, proposal_revoke, proposal_close, meter_register, meter_replace, meter_close, device_close, position_open, position_set_refund, delivery_report, delivery_release, delivery_close, certificate_take, certificate_transfer, certificate_retire, clearing_open, clearing_tally, clearing_apply, clearing_close",
            why: "it moves no tokens and names no token account",
            facts: &[NoAccount("token_program")],
        }],
    },
    Class {
        name: "moved_price",
        title: "price or version moved",
        tried: "The price, the version, the base or reserve price or the lock fee changes between what a party saw and what it signed.",
        refused_with: &[
            Market(PriceAboveLimit),
            Market(VersionMismatch),
            Market(TotalAboveLimit),
            Market(PriceBelowBase),
            Market(PriceBelowReserve),
            Market(OfferNotYetTrading),
            Market(LimitBelowBase),
            Market(PriceWrong),
        ],
        cannot_apply: &[
            Exception { instructions: "bus_create", why: "who creates it signs its prices", facts: &[] },
            Exception {
                instructions: "creator_open, bus_close, capacity_open, capacity_close, seller_open, seller_admit, seller_suspend, seller_withdraw, seller_close, offer_set_expiry, offer_collect, offer_cancel, trader_open, trader_close",
                why: "it depends on no price",
                facts: &[],
            },
            Exception {
                instructions: "proposal_create, proposal_approve, proposal_revoke, proposal_execute, proposal_close",
                why: "it depends on no price; what moves under a decision is the column of approvals",
                facts: &[],
            },
            Exception {
                instructions: "meter_register, meter_replace, meter_close, device_close, position_open, position_set_refund, delivery_report, certificate_take, certificate_transfer, certificate_retire",
                why: "it depends on no price",
                facts: &[],
            },
            Exception {
                instructions: "grid_sweep, position_close, delivery_release, delivery_refund, delivery_close",
                why: "it divides what was paid, at the price and the fee of the purchase",
                facts: &[],
            },
            Exception {
                instructions: "treasury_claim, claim_pay",
                why: "it pays what was earned or owed, whatever prices are now",
                facts: &[],
            },
            Exception {
                instructions: "bid_cancel, bid_settle, ask_settle, pool_report",
                why: "it settles at the price that was proven, or gives back a deposit",
                facts: &[],
            },
            Exception {
                instructions: "clearing_open, clearing_tally, clearing_close",
                why: "no price of a fixed book changes; what is claimed of it, `clearing_apply` checks",
                facts: &[],
            },
        ],
    },
    Class {
        name: "replay",
        title: "replay and double fill",
        tried: "Sending again what has landed, in the same transaction or later, and taking the same energy or money twice.",
        refused_with: &[
            Market(NonceMismatch),
            Market(NumberNotNext),
            Market(VersionMismatch),
            Market(LockChanged),
            Runtime("NotTheAccount"),
            Code(0),
            Runtime("InvalidSeeds"),
            Market(OfferDuplicate),
            Market(EnergyUnavailable),
            Market(AlreadyApproved),
            Market(NotApproved),
            Market(ProposalExecuted),
            Market(ProposalChanged),
            Market(NothingToClaim),
            Market(NothingToCollect),
            Market(NothingToWithdraw),
            Market(NothingToSweep),
            Market(NothingToRelease),
            Market(NothingToRefund),
            Market(MeterExists),
            Market(DeviceMismatch),
            Market(SequenceUsed),
            Market(SignedReadingMissing),
            Market(SignedReadingOther),
            Market(AlreadyCertified),
            Market(CertificateMismatch),
            Market(AskSettled),
            Market(PoolIncomplete),
            Market(OrderNotAscending),
            Market(NothingToReport),
        ],
        cannot_apply: &[],
    },
    Class {
        name: "lock_expiry",
        title: "expiry at 299, 300 and 301 s",
        tried: "The last second of a lock, the one before and the one after.",
        refused_with: &[
            Market(LockExpired),
            Market(LockNotExpired),
            Market(LockOutlivesOffer),
            Market(LockChanged),
            Market(ExpiryBeforeLocks),
            Market(EnergyUnavailable),
        ],
        cannot_apply: &[Exception {
            instructions: "creator_open, bus_create, bus_close, capacity_open, capacity_close, seller_open, seller_admit, seller_suspend, seller_withdraw, seller_close, trader_open, trader_close, offer_create, offer_collect, proposal_create, proposal_approve, proposal_revoke, proposal_execute, proposal_close, treasury_claim, claim_pay, grid_sweep, meter_register, meter_replace, meter_close, device_close, position_open, position_set_refund, position_close, delivery_report, delivery_release, delivery_refund, delivery_close, certificate_take, certificate_transfer, certificate_retire, bid_create, bid_cancel, bid_settle, ask_settle, clearing_open, clearing_tally, clearing_apply, clearing_close, pool_report",
            why: "it touches no lock",
            facts: &[NoAccount("lock")],
        }],
    },
    Class {
        name: "approval",
        title: "double, stale or late approval",
        tried: "Counting an owner twice, one who left, or what was approved under other owners, shares or threshold, before a later pause or too long ago; deciding twice.",
        refused_with: &[
            Market(AlreadyApproved),
            Market(NotApproved),
            Market(ProposalStale),
            Market(ProposalExecuted),
            Market(ProposalExpired),
            Market(ProposalChanged),
            Market(ApprovalsMissing),
            Market(NotAnOwner),
            Market(ProposalOpen),
            Market(BusClosing),
        ],
        cannot_apply: &[Exception {
            instructions: "creator_open, bus_create, bus_close, capacity_open, capacity_close, seller_open, seller_admit, seller_suspend, seller_withdraw, seller_close, offer_create, offer_reprice, offer_set_expiry, offer_collect, offer_cancel, purchase, purchase_batch, lock_take, lock_settle, lock_release, trader_open, trader_close, treasury_claim, claim_pay, grid_sweep, meter_register, meter_replace, meter_close, device_close, position_open, position_set_refund, position_close, delivery_report, delivery_release, delivery_refund, delivery_close, certificate_take, certificate_transfer, certificate_retire, bid_create, bid_cancel, bid_settle, ask_settle, clearing_open, clearing_tally, clearing_apply, clearing_close, pool_report",
            why: "nobody approves it",
            facts: &[NoAccount("proposal")],
        }],
    },
    Class {
        name: "theft",
        title: "stolen rent, deposit or revenue",
        tried: "Rent, deposits, refunds or revenue paid to another wallet or account than whose they are, or spent by somebody else; acting for a seller or the operator without being one.",
        refused_with: &[
            Market(RentPayerMismatch),
            Market(LockBuyerMismatch),
            Market(ProposerMismatch),
            Market(TraderMismatch),
            Market(VaultMismatch),
            Market(TreasuryMismatch),
            Market(UnclaimedMismatch),
            Market(SellerMismatch),
            Market(RefundMismatch),
            Market(ClaimMismatch),
            Market(PayeeMismatch),
            Market(PayeeIsBusAccount),
            Market(WithdrawNotToTreasury),
            Market(ClaimOfBus),
            Market(NotTheSeller),
            Market(NotTheOperator),
            Market(OwnerUnknown),
            Market(OwnerClaimsMissing),
            Market(BusSalesUnswept),
            Market(SweepNotToTreasury),
            Market(MeterInUse),
            Market(NotTheMeter),
            Market(SignedReadingOther),
            Market(PositionMismatch),
            Market(CertificatesOpen),
            Market(NotTheCertificateOwner),
            Market(BidBuyerMismatch),
            Market(ClearingMismatch),
            Market(AuctionNotOver),
            Market(OfferStillTrading),
            Runtime("InvalidSeeds"),
            Code(4),
            Code(2040),
        ],
        cannot_apply: &[
            Exception {
                instructions: "capacity_open, trader_open, proposal_create, position_open, clearing_open",
                why: "it takes rent from the wallet that signs for it, and pays nobody",
                facts: &[],
            },
            Exception {
                instructions: "delivery_release",
                why: "it pays nobody; what it frees is the seller's and the grid's that the book names",
                facts: &[NoAccount("token_program"), NoAccount("system_program")],
            },
            Exception {
                instructions: "offer_reprice, offer_set_expiry, proposal_approve, proposal_revoke, clearing_tally",
                why: "it moves neither lamports nor tokens",
                facts: &[NoAccount("token_program"), NoAccount("system_program")],
            },
        ],
    },
    Class {
        name: "capacity_leak",
        title: "capacity leak",
        tried: "Energy that is offered twice, given back twice, or lost, by any order of listing, selling, locking and closing.",
        refused_with: &[
            Market(EnergyUnavailable),
            Market(CapacityExceeded),
            Market(CapacityMismatch),
            Market(BusMismatch),
            Market(LockOfferMismatch),
            Market(WindowNotOver),
            Market(WindowHasOffers),
            Market(WindowUnused),
            Market(TermsFixed),
            Market(GateClosed),
            Market(TermsTooSoon),
            Market(TermsMisaligned),
            Market(PowerExceeded),
            Market(AlreadyCertified),
            Market(CertificateTooSmall),
            Market(OrderForeign),
            Market(OrderNotAscending),
            Market(OrdersMissing),
            Market(NothingToReport),
            Runtime("NotTheAccount"),
        ],
        cannot_apply: &[
            Exception { instructions: "bus_create", why: "it makes a capacity of which nothing is listed", facts: &[] },
            Exception { instructions: "bus_close", why: "no seller is open any more, so that no offer is", facts: &[] },
            Exception {
                instructions: "creator_open, seller_open, seller_admit, seller_suspend, seller_withdraw, seller_close, offer_reprice, offer_set_expiry, offer_collect",
                why: "it changes no energy",
                facts: &[NoAccount("capacity")],
            },
            Exception {
                instructions: "bid_create, bid_cancel, clearing_open, clearing_close",
                why: "it lists, sells and delivers nothing",
                facts: &[NoAccount("offer")],
            },
            Exception {
                instructions: "trader_open, trader_close, proposal_approve, proposal_revoke, proposal_close, treasury_claim, claim_pay, grid_sweep, meter_register, meter_replace, meter_close, device_close, position_open, position_set_refund, position_close, delivery_report, delivery_release, delivery_refund, delivery_close, certificate_retire",
                why: "it touches no energy",
                facts: &[NoAccount("capacity"), NoAccount("offer"), NoAccount("general")],
            },
        ],
    },
    Class {
        name: "blocked_exit",
        title: "exit that somebody else can block",
        tried: "The counterparty closes, freezes or gives away its accounts, has them ask for memos, passes one account in several places, or owns a token account as its wallet; the bus is paused or closing; nobody else acts.",
        refused_with: &[
            Market(PayerFrozen),
            Market(PayeeUnpayable),
            Market(CertificatesOpen),
            Market(NothingToRefund),
            Market(BookNotFinal),
        ],
        cannot_apply: &[Exception {
            instructions: "creator_open, bus_create, capacity_open, seller_open, seller_admit, seller_suspend, offer_create, offer_reprice, offer_set_expiry, trader_open, proposal_create, proposal_approve, proposal_revoke, meter_register, meter_replace, position_open, position_set_refund, certificate_take, certificate_transfer, bid_create",
            why: "it is no exit, and no trade with a counterparty",
            facts: &[],
        }],
    },
];
