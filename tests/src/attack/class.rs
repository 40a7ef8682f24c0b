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
    /// tokens; 36, a memo is missing; 2040, an account comes twice.
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
            instructions: "capacity_close, treasury_claim",
            why: "anyone may; what they pay goes to whom it belongs, and nowhere else",
            facts: &[NoSigner],
        }],
    },
    Class {
        name: "wrong_account",
        title: "wrong owner or type",
        tried: "An account of another type, of another program with the same bytes, cut short, empty, or of another \
               mint.",
        refused_with: &[
            Runtime("NotTheAccount"),
            Runtime("InvalidArgument"),
            Market(TokenAccountInvalid),
            Market(MintInvalid),
            Market(MintMismatch),
            Market(TokenProgramInvalid),
            Code(3),
        ],
        cannot_apply: &[],
    },
    Class {
        name: "substituted_address",
        title: "substituted PDA or bump",
        tried: "In an account's place another one of its type, as valid, but of another bus, offer, lane or number; \
               or an address of the right seeds with another bump.",
        refused_with: &[
            Runtime("InvalidSeeds"),
            Market(BusMismatch),
            Market(CapacityMismatch),
            Market(TraderMismatch),
            Market(VaultMismatch),
            Market(UnclaimedMismatch),
            Market(TreasuryMismatch),
            Market(LockOfferMismatch),
            Market(LockBuyerMismatch),
            Market(NotTheSeller),
        ],
        cannot_apply: &[],
    },
    Class {
        name: "duplicate_account",
        title: "duplicate mutable accounts",
        tried: "One account in two places of which one is written; the same offer twice in a batch.",
        refused_with: &[Code(2040), Market(OfferDuplicate)],
        cannot_apply: &[],
    },
    Class {
        name: "arithmetic",
        title: "overflow and rounding",
        tried: "Numbers at the ends of their types, sums and products beyond them, counters at their end, and amounts \
               that do not divide.",
        refused_with: &[
            Market(CostOverflow),
            Market(CounterOverflow),
            Market(TotalAboveLimit),
            Market(SharesInvalid),
            Market(CapacityExceeded),
            Market(NumberNotNext),
            Market(WindowTooFar),
            Market(ExpiryInPast),
            Market(FirstSlotInvalid),
        ],
        cannot_apply: &[
            Exception {
                instructions: "capacity_close",
                why: "it takes back the one that `capacity_open` counted; the end of a window saturates",
                facts: &[],
            },
            Exception { instructions: "proposal_close", why: "it computes nothing", facts: &[] },
        ],
    },
    Class {
        name: "reinitialisation",
        title: "re-initialisation",
        tried: "Creating again what exists, to set it back to its beginning.",
        refused_with: &[Code(0), Runtime("InvalidSeeds"), Market(NumberNotNext)],
        cannot_apply: &[Exception {
            instructions: "capacity_close, offer_reprice, offer_extend, offer_cancel, purchase, purchase_batch, \
                    lock_settle, lock_release, trader_close, proposal_approve, proposal_revoke, proposal_execute, \
                    proposal_close, treasury_claim",
            why: "it creates no account",
            facts: &[NoAccount("system_program")],
        }],
    },
    Class {
        name: "revival",
        title: "closed-account revival",
        tried: "Closing an account, putting lamports at its address within the same transaction, and using or making \
               it again.",
        refused_with: &[
            Runtime("NotTheAccount"),
            Market(NumberNotNext),
            Runtime("InvalidSeeds"),
            Market(GateClosed),
            Market(NonceMismatch),
        ],
        cannot_apply: &[
            Exception { instructions: "bus_create", why: "no bus is ever closed", facts: &[] },
            Exception {
                instructions: "treasury_claim",
                why: "neither a bus nor its treasury is ever closed",
                facts: &[],
            },
        ],
    },
    Class {
        name: "foreign_program",
        title: "foreign program",
        tried: "Another program in the place of the system or token program, deployed and ready to be called.",
        refused_with: &[Runtime("IncorrectProgramId"), Market(TokenProgramInvalid), Market(TokenProgramMismatch)],
        cannot_apply: &[Exception {
            instructions: "capacity_close, offer_reprice, offer_extend, offer_cancel, trader_close, proposal_approve, \
                    proposal_revoke, proposal_execute, proposal_close",
            why: "it calls no program",
            facts: &[NoAccount("token_program"), NoAccount("system_program")],
        }],
    },
    Class {
        name: "token_2022",
        title: "Token-2022 fee, hook or delegate",
        tried: "Mints that charge fees, run a hook, have a permanent delegate or get one later; token accounts with \
               extensions or delegates.",
        refused_with: &[
            Market(MintHasTransferFee),
            Market(MintHasTransferHook),
            Market(MintHasPermanentDelegate),
            Market(MintExtensionUnknown),
            Market(TokenAccountInvalid),
            Code(36),
        ],
        cannot_apply: &[
            Exception {
                instructions: "capacity_open, capacity_close, offer_reprice, offer_extend, offer_cancel, trader_open, \
                    trader_close, proposal_create, proposal_approve, proposal_revoke, proposal_close",
                why: "it moves no tokens and names no token account",
                facts: &[NoAccount("token_program")],
            },
            Exception {
                instructions: "offer_create_for_bus",
                why: "it moves no tokens, and sales are paid into the treasury that `bus_create` made",
                facts: &[NoAccount("token_program"), NoAccount("payout")],
            },
            Exception {
                instructions: "proposal_execute",
                why: "it moves no tokens; of the treasury it reads how much it holds",
                facts: &[NoAccount("token_program")],
            },
        ],
    },
    Class {
        name: "moved_price",
        title: "price or version moved",
        tried: "The price, the version, the base price or the lock fee changes between what a party saw and what it \
               signed.",
        refused_with: &[
            Market(PriceAboveLimit),
            Market(VersionMismatch),
            Market(TotalAboveLimit),
            Market(PriceBelowBase),
        ],
        cannot_apply: &[
            Exception { instructions: "bus_create", why: "who creates it signs its prices", facts: &[] },
            Exception {
                instructions: "capacity_open, capacity_close, offer_extend, offer_cancel, trader_open, trader_close",
                why: "it depends on no price",
                facts: &[],
            },
            Exception {
                instructions: "proposal_create, proposal_approve, proposal_revoke, proposal_execute, proposal_close",
                why: "it depends on no price; what moves under a decision is the column of approvals",
                facts: &[],
            },
            Exception {
                instructions: "treasury_claim",
                why: "it pays what was earned, whatever prices are now",
                facts: &[],
            },
        ],
    },
    Class {
        name: "replay",
        title: "replay and double fill",
        tried: "Sending again what has landed, in the same transaction or later, and taking the same energy or money \
               twice.",
        refused_with: &[
            Market(NonceMismatch),
            Runtime("NotTheAccount"),
            Code(0),
            Runtime("InvalidSeeds"),
            Market(NumberNotNext),
            Market(OfferDuplicate),
            Market(EnergyUnavailable),
            Market(ExpiryTooLate),
            Market(AlreadyApproved),
            Market(NotApproved),
            Market(ProposalExecuted),
            Market(NothingToClaim),
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
            Market(EnergyUnavailable),
        ],
        cannot_apply: &[
            Exception {
                instructions: "bus_create, capacity_open, capacity_close, trader_open, trader_close, offer_create, \
                    offer_create_for_bus",
                why: "it touches nothing that can be under a lock",
                facts: &[NoAccount("lock")],
            },
            Exception {
                instructions: "offer_extend",
                why: "an offer only comes to expire later, which no lock's time depends on",
                facts: &[NoAccount("lock")],
            },
            Exception {
                instructions: "proposal_create, proposal_approve, proposal_revoke, proposal_execute, proposal_close, \
                    treasury_claim",
                why: "it touches no lock",
                facts: &[NoAccount("lock")],
            },
        ],
    },
    Class {
        name: "approval",
        title: "double or stale approval",
        tried: "Counting an owner twice, one who left, or what was approved under other owners, shares or threshold; \
               deciding twice.",
        refused_with: &[
            Market(AlreadyApproved),
            Market(NotApproved),
            Market(ProposalStale),
            Market(ProposalExecuted),
            Market(ApprovalsMissing),
            Market(NotAnOwner),
            Market(ProposalOpen),
        ],
        cannot_apply: &[Exception {
            instructions: "bus_create, capacity_open, capacity_close, offer_create, offer_reprice, offer_extend, \
                    offer_cancel, purchase, purchase_batch, lock_take, lock_settle, lock_release, trader_open, \
                    trader_close, offer_create_for_bus, treasury_claim",
            why: "nobody approves it",
            facts: &[NoAccount("proposal")],
        }],
    },
    Class {
        name: "theft",
        title: "stolen rent or deposit",
        tried: "Rent, deposits, refunds or revenue paid to another wallet or account than whose they are, or spent by \
               somebody else.",
        refused_with: &[
            Market(RentPayerMismatch),
            Market(LockBuyerMismatch),
            Market(ProposerMismatch),
            Market(TraderMismatch),
            Market(VaultMismatch),
            Market(UnclaimedMismatch),
            Market(TreasuryMismatch),
            Market(RefundMismatch),
            Market(PayeeMismatch),
            Market(ClaimNotToTreasury),
            Market(OwnerUnknown),
            Market(PayeeIsBusAccount),
            Runtime("InvalidSeeds"),
            Code(4),
            Code(2040),
        ],
        cannot_apply: &[
            Exception {
                instructions: "capacity_open, trader_open, proposal_create, offer_create_for_bus",
                why: "it takes rent from the wallet that signs for it, and pays nobody",
                facts: &[],
            },
            Exception {
                instructions: "offer_reprice, offer_extend, proposal_approve, proposal_revoke, proposal_execute",
                why: "it moves neither lamports nor tokens",
                facts: &[NoAccount("token_program"), NoAccount("system_program")],
            },
        ],
    },
    Class {
        name: "capacity_leak",
        title: "capacity leak",
        tried: "Energy that is offered twice, given back twice, or lost, by any order of listing, selling, locking \
               and closing.",
        refused_with: &[
            Market(EnergyUnavailable),
            Market(CapacityExceeded),
            Market(WindowUnused),
            Market(CapacityMismatch),
            Market(BusMismatch),
            Market(LockOfferMismatch),
            Market(WindowNotOver),
            Market(WindowHasOffers),
            Market(WindowsInUse),
            Market(GateClosed),
            Runtime("NotTheAccount"),
        ],
        cannot_apply: &[
            Exception { instructions: "bus_create", why: "it makes a capacity of which nothing is listed", facts: &[] },
            Exception {
                instructions: "offer_reprice, offer_extend",
                why: "it changes no energy",
                facts: &[NoAccount("capacity")],
            },
            Exception {
                instructions: "trader_open, trader_close, proposal_approve, proposal_revoke, proposal_close, treasury_claim",
                why: "it touches no energy",
                facts: &[NoAccount("capacity"), NoAccount("offer"), NoAccount("general")],
            },
        ],
    },
];
