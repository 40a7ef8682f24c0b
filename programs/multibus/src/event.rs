//! One event for every state change. Together they hold all that is needed to rebuild the market's state off-chain. The
//! program writes them to the transaction's log as `discriminator | fields`.

use {
    crate::state::{Action, OwnerSlot, Terms},
    anchor_lang::prelude::*,
    bytemuck::{Pod, Zeroable},
};

/// The first bytes of an event, as a constant.
macro_rules! discriminator_of {
    ($event:ident) => {
        *<$event as anchor_lang::Discriminator>::DISCRIMINATOR.first_chunk().unwrap()
    };
}
pub(crate) use discriminator_of;

/// Declares every event once. It makes the structs of the events, which Anchor puts into the IDL, and the enum
/// [`Event`], which lists them, decodes them and gives their fields by name. Clients make JSON from those.
///
/// An event has a fixed size, or it is a header of fixed size followed by a list. The log holds its Borsh
/// serialisation.
macro_rules! events {
    (
        fixed_size {$(
            $(#[$doc:meta])*
            $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }
        )+}
        with_list {$(
            $(#[$list_event_doc:meta])*
            $list_event:ident {
                header $header:ident { $($(#[$header_field_doc:meta])* $header_field:ident: $header_type:ty,)+ }
                $(#[$list_doc:meta])*
                list $list:ident: $item:ty, counted by $count:ident
            }
        )+}
    ) => {
        $(
            $(#[$doc])*
            #[event(bytemuck)]
            #[derive(Debug, PartialEq, Eq)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)+
            }
        )+

        $(
            $(#[$list_event_doc])*
            #[event]
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $list_event {
                $($(#[$header_field_doc])* pub $header_field: $header_type,)+
                $(#[$list_doc])*
                pub $list: Vec<$item>,
            }

            #[doc = concat!("[`", stringify!($list_event), "`] before its list, as the program logs it.")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
            #[repr(C)]
            pub(crate) struct $header {
                pub discriminator: [u8; 8],
                $($(#[$header_field_doc])* pub $header_field: $header_type,)+
                #[doc = concat!("Number of `", stringify!($list), "` that follow.")]
                pub $count: u32,
            }

            impl $header {
                #[doc = concat!("Discriminator of [`", stringify!($list_event), "`].")]
                pub const fn discriminator() -> [u8; 8] {
                    discriminator_of!($list_event)
                }
            }

            impl $list_event {
                /// Decodes the event, discriminator included; `None` where it has another length than its header says.
                fn from_bytes(bytes: &[u8]) -> Option<Self> {
                    let (header, items) = bytes.split_at_checked(size_of::<$header>())?;
                    let $header { discriminator: _, $($header_field,)+ $count } = bytemuck::pod_read_unaligned(header);
                    if items.len() != ($count as usize).checked_mul(size_of::<$item>())? {
                        return None;
                    }
                    let $list = items.chunks_exact(size_of::<$item>()).map(bytemuck::pod_read_unaligned).collect();
                    Some(Self { $($header_field,)+ $list })
                }
            }
        )+

        /// An event of the market.
        #[expect(clippy::large_enum_variant, reason = "a bus is created rarely, and boxing it would burden every match")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+
            $(#[doc = concat!("See [`", stringify!($list_event), "`].")] $list_event($list_event),)+
        }

        impl Event {
            /// Every event, in the order of its declaration.
            pub const ALL: &[EventLayout] = &[
                $(EventLayout {
                    name: stringify!($name),
                    discriminator: discriminator_of!($name),
                    fixed_size: 8 + size_of::<$name>(),
                    item_size: None,
                },)+
                $(EventLayout {
                    name: stringify!($list_event),
                    discriminator: discriminator_of!($list_event),
                    fixed_size: size_of::<$header>(),
                    item_size: Some(size_of::<$item>()),
                },)+
            ];

            /// Name of the event.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)+
                    $(Self::$list_event(_) => stringify!($list_event),)+
                }
            }

            /// Decodes an event from what was logged, discriminator included; `None` where the bytes are no event of this
            /// version of the program.
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                $(if let Some(fields) = bytes.strip_prefix($name::DISCRIMINATOR) {
                    return bytemuck::try_pod_read_unaligned(fields).ok().map(Self::$name);
                })+
                $(if bytes.starts_with($list_event::DISCRIMINATOR) {
                    return $list_event::from_bytes(bytes).map(Self::$list_event);
                })+
                None
            }

            /// The fields of the event by their names, in the order of its declaration.
            pub fn fields(&self) -> Vec<(&'static str, Field<'_>)> {
                match self {
                    $(Self::$name($name { $($field),+ }) => vec![$((stringify!($field), Field::from($field))),+],)+
                    $(Self::$list_event($list_event { $($header_field,)+ $list }) => vec![
                        $((stringify!($header_field), Field::from($header_field)),)+
                        (stringify!($list), Field::from($list.as_slice())),
                    ],)+
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(event: $name) -> Self {
                Self::$name(event)
            }
        })+

        $(impl From<$list_event> for Event {
            fn from(event: $list_event) -> Self {
                Self::$list_event(event)
            }
        })+
    };
}

/// How an event is laid out in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLayout {
    pub name: &'static str,
    /// Its first bytes.
    pub discriminator: [u8; 8],
    /// Bytes of the event with its discriminator, without the items of its list. Where it has a list, the last four of
    /// these bytes are the number of items.
    pub fixed_size: usize,
    /// Bytes of one item of its list; `None` where it has no list.
    pub item_size: Option<usize>,
}

/// Value of an event's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    Unsigned(u64),
    Signed(i64),
    Address(&'a Address),
    /// A hash, a text or padding.
    Bytes(&'a [u8]),
    Action(&'a Action),
    Terms(&'a Terms),
    Owners(&'a [OwnerSlot]),
    /// Token base units, one number for each owner.
    Shares(&'a [u64; 16]),
    Fills(&'a [PurchasedFill]),
}

macro_rules! field_from {
    ($($type:ty: $value:ident => $field:expr,)+) => {
        $(impl<'a> From<&'a $type> for Field<'a> {
            fn from($value: &'a $type) -> Self {
                $field
            }
        })+
    };
}

field_from! {
    u8: number => Self::Unsigned(u64::from(*number)),
    u16: number => Self::Unsigned(u64::from(*number)),
    u32: number => Self::Unsigned(u64::from(*number)),
    u64: number => Self::Unsigned(*number),
    i64: number => Self::Signed(*number),
    Address: address => Self::Address(address),
    Action: action => Self::Action(action),
    Terms: terms => Self::Terms(terms),
    [OwnerSlot; 16]: owners => Self::Owners(owners),
    [u64; 16]: shares => Self::Shares(shares),
    [PurchasedFill]: fills => Self::Fills(fills),
}

impl<'a, const LENGTH: usize> From<&'a [u8; LENGTH]> for Field<'a> {
    fn from(bytes: &'a [u8; LENGTH]) -> Self {
        Self::Bytes(bytes)
    }
}

events! {
    fixed_size {
        /// The counter of a wallet's buses was opened.
        CreatorOpened {
            creator: Address,
            wallet: Address,
            first_bus: u64,
        }

        /// A bus was created.
        BusCreated {
            bus: Address,
            ledger: Address,
            /// The general capacity.
            capacity: Address,
            creator: Address,
            mint: Address,
            treasury: Address,
            unclaimed: Address,
            escrow: Address,
            /// Zeros for none.
            operator: Address,
            /// Zeros for the treasury.
            grid_recipient: Address,
            terms: Terms,
            bus_seq: u64,
            /// Number that each owner's first proposal has.
            first_proposal: u64,
            capacity_wh: u64,
            base_price_per_kwh: u64,
            reserve_price_per_kwh: u64,
            least_wh: u64,
            created_at: i64,
            timelock_seconds: u32,
            horizon_seconds: u32,
            lock_fee_bps: u16,
            threshold: u8,
            listing_policy: u8,
            owner_count: u8,
            name_len: u8,
            pause_quorum: u8,
            padding: [u8; 1],
            name: [u8; 32],
            owners: [OwnerSlot; 16],
        }

        /// A bus was closed. What its treasury held is now in its unclaimed account, and each owner's share in a claim.
        BusClosed {
            bus: Address,
            creator: Address,
            closed_by: Address,
            closed_at: i64,
            /// What was divided among the owners, in token base units.
            divided: u64,
            /// What each owner got, in the order of the owners, in token base units.
            shares: [u64; 16],
            /// Claims that the tombstone has to pay.
            open_claims: u32,
            padding: [u8; 4],
        }

        /// A change of a bus was proposed. Its proposer is the first to approve it.
        ProposalCreated {
            bus: Address,
            proposal: Address,
            proposer: Address,
            /// Hash of the proposal, which an approval names.
            hash: [u8; 32],
            number: u64,
            config_version: u64,
            pause_version: u64,
            created_at: i64,
            /// First second in which it can be executed, 0 while approvals are missing.
            executable_at: i64,
            /// Last second in which it can be executed.
            expires_at: i64,
            action: Action,
        }

        /// An owner approved a proposal.
        ProposalApproved {
            proposal: Address,
            owner: Address,
            /// First second in which it can be executed, 0 while approvals are missing.
            executable_at: i64,
            /// Last second in which it can be executed.
            expires_at: i64,
            /// Bit `i` is set while owner `i` approves.
            approvals: u16,
            padding: [u8; 6],
        }

        /// An owner took an approval back.
        ProposalRevoked {
            proposal: Address,
            owner: Address,
            executable_at: i64,
            approvals: u16,
            padding: [u8; 6],
        }

        /// A proposal was executed: its action has changed the bus.
        ProposalExecuted {
            bus: Address,
            proposal: Address,
            executed_by: Address,
            config_version: u64,
            pause_version: u64,
            executed_at: i64,
            /// What the treasury held, in token base units. Where shares change, what the owners earned until now is
            /// computed from it.
            treasury_balance: u64,
            /// Sales of the bus itself that this instruction moved into the treasury first, in token base units.
            swept: u64,
            /// Number of the first proposal of an owner whom the action added.
            first_proposal: u64,
            action: Action,
        }

        /// A proposal's account was closed.
        ProposalClosed {
            bus: Address,
            proposal: Address,
            closed_by: Address,
            /// 1 where it was executed.
            executed: u8,
            padding: [u8; 7],
        }

        /// An owner was paid its share of the treasury, or got a claim for it. Before, revenue that the ledger counts as
        /// diverted was moved from the unclaimed account to the treasury.
        TreasuryClaimed {
            bus: Address,
            owner: Address,
            destination: Address,
            claimed_by: Address,
            /// In token base units.
            amount: u64,
            /// [`RefundOutcome`](crate::state::RefundOutcome): paid or claimed.
            outcome: u8,
            /// 1 where revenue that waited in the unclaimed account (the ledger's `diverted`) was moved to the treasury
            /// first.
            moved: u8,
            /// 1 where such revenue was paid from the unclaimed account, because the treasury is frozen.
            from_unclaimed: u8,
            padding: [u8; 5],
        }

        /// What could not be paid to a wallet is kept for it in the unclaimed account of the bus.
        ClaimOwed {
            bus: Address,
            wallet: Address,
            claim: Address,
            /// Token account that anyone may have the claim paid to, beside the associated one; zeros for none.
            refund: Address,
            /// Who paid the claim's rent.
            rent_payer: Address,
            /// In token base units.
            amount: u64,
            /// What the claim comes to now, in token base units.
            total: u64,
        }

        /// A claim was paid and closed.
        ClaimPaid {
            bus: Address,
            wallet: Address,
            claim: Address,
            destination: Address,
            paid_by: Address,
            /// In token base units.
            amount: u64,
            /// What was paid, in token base units. It is above `amount` where the last claim of a closed bus also got
            /// what strangers had sent to the unclaimed account.
            paid: u64,
        }

        /// A delivery window's capacity was opened.
        CapacityOpened {
            bus: Address,
            capacity: Address,
            rent_payer: Address,
            window_start: i64,
            gate_closes_at: i64,
            total_wh: u64,
            terms: Terms,
        }

        /// A window's capacity was closed.
        CapacityClosed {
            bus: Address,
            capacity: Address,
            closed_by: Address,
            window_start: i64,
            sold_wh: u64,
            /// What rounding in an auction had left in the escrow and went to the treasury, in token base units.
            remainder: u64,
        }

        /// A bid was made, and its full cost deposited in the escrow.
        BidCreated {
            bid: Address,
            bus: Address,
            /// The window's capacity.
            capacity: Address,
            buyer: Address,
            /// Token account that gets what is returned.
            refund: Address,
            transaction_hash: [u8; 32],
            nonce: u64,
            energy_wh: u64,
            /// Highest price, grid fee included, in token base units per kWh.
            max_price_per_kwh: u64,
            /// In token base units.
            deposit: u64,
            window_start: i64,
            created_at: i64,
            lane: u16,
            padding: [u8; 6],
        }

        /// A bid was withdrawn; its account is closed.
        BidCancelled {
            bid: Address,
            capacity: Address,
            buyer: Address,
            /// Token account that got the deposit.
            destination: Address,
            /// In token base units.
            deposit: u64,
        }

        /// A bid was filled or returned, refunded or closed.
        BidSettled {
            bid: Address,
            capacity: Address,
            buyer: Address,
            settled_by: Address,
            /// Hash of the transaction that made the bid.
            transaction_hash: [u8; 32],
            /// Energy that the auction gave it, in Wh.
            allotted_wh: u64,
            /// What it has paid for that so far, in token base units.
            paid: u64,
            /// What this instruction returned to the buyer, in token base units.
            returned: u64,
            /// Energy that was delivered to it, in Wh; 0 before the pool is complete.
            delivered_wh: u64,
            /// [`BidState`](crate::state::BidState) afterwards.
            state: u8,
            /// [`RefundOutcome`](crate::state::RefundOutcome) of what was to be returned.
            outcome: u8,
            /// 1 where the account was closed.
            closed: u8,
            padding: [u8; 5],
        }

        /// The auction sold what it sells of an offer.
        AskSettled {
            offer: Address,
            capacity: Address,
            /// The seller's account.
            seller: Address,
            /// In Wh; rounding can make it 0.
            energy_wh: u64,
            /// What the vault got for it, grid fee included, in token base units; 0 on delivery terms.
            credited: u64,
        }

        /// A proof of the price of an auction was begun.
        ClearingOpened {
            clearing: Address,
            bus: Address,
            capacity: Address,
            clearer: Address,
            /// In token base units per kWh, without the grid fee.
            low_price: u64,
            high_price: u64,
            opened_at: i64,
        }

        /// Orders were added to a clearing.
        ClearingTallied {
            clearing: Address,
            /// The last order that was added.
            last: Address,
            /// Bids that it has now.
            bids: u32,
            /// Offers that it has now.
            offers: u32,
        }

        /// A clearing was closed without being applied.
        ClearingClosed {
            clearing: Address,
            capacity: Address,
            clearer: Address,
            closed_by: Address,
        }

        /// The price of an auction was proven. The clearing that proved it is closed.
        AuctionCleared {
            bus: Address,
            capacity: Address,
            clearing: Address,
            clearer: Address,
            window_start: i64,
            /// In token base units per kWh, without the grid fee.
            low_price: u64,
            high_price: u64,
            /// The middle of both, rounded down; it means nothing where the volume is 0.
            price_per_kwh: u64,
            /// Energy that changes hands, in Wh.
            volume_wh: u64,
            /// Energy of the bids at the price, and how much of it is filled, in Wh.
            bids_at_price_wh: u64,
            bids_filled_wh: u64,
            /// Energy of the asks at the price, and how much of it is filled, in Wh.
            asks_at_price_wh: u64,
            asks_filled_wh: u64,
            cleared_at: i64,
        }

        /// A seller's part of an auction was counted, or what it was due for earlier ones was paid.
        PoolReported {
            bus: Address,
            capacity: Address,
            book: Address,
            /// The seller's account.
            seller: Address,
            /// Start of the window that was counted; 0 where none was.
            window_start: i64,
            /// What the auction sold of it, in Wh.
            auction_wh: u64,
            /// How much of that was delivered, in Wh.
            delivered_wh: u64,
            /// What is due for it, in token base units.
            due: u64,
            /// The grid's part of that, in token base units.
            due_grid_fee: u64,
            /// What moved from the escrow to the vault, in token base units.
            paid: u64,
            /// The grid's part of that, in token base units.
            grid_fee: u64,
        }

        /// A seller account was opened with its vault.
        SellerOpened {
            bus: Address,
            seller: Address,
            wallet: Address,
            vault: Address,
            rent_payer: Address,
            /// Number of its first offer.
            first_offer: u64,
            opened_at: i64,
        }

        /// A seller was admitted, which also ends a suspension.
        SellerAdmitted {
            bus: Address,
            seller: Address,
            wallet: Address,
            /// The operator, or the proposal.
            admitted_by: Address,
        }

        /// A seller was suspended.
        SellerSuspended {
            bus: Address,
            seller: Address,
            wallet: Address,
            /// The operator, or the proposal.
            suspended_by: Address,
        }

        /// A seller was paid what was released to it.
        SellerWithdrawn {
            bus: Address,
            seller: Address,
            destination: Address,
            withdrawn_by: Address,
            /// In token base units.
            amount: u64,
        }

        /// Grid fees that a seller's vault held were paid to their recipient. Where they have none, and `destination` is
        /// the unclaimed account, the ledger counts them as revenue (`diverted`).
        GridFeesSwept {
            bus: Address,
            seller: Address,
            /// Zeros for the treasury.
            recipient: Address,
            destination: Address,
            swept_by: Address,
            /// In token base units.
            amount: u64,
            /// [`RefundOutcome`](crate::state::RefundOutcome): paid or claimed.
            outcome: u8,
            padding: [u8; 7],
        }

        /// A seller account was closed with its vault.
        SellerClosed {
            bus: Address,
            seller: Address,
            wallet: Address,
            closed_by: Address,
            destination: Address,
            /// What the seller had not withdrawn and is now paid or claimed, in token base units.
            amount: u64,
            /// What strangers had sent to the vault, in token base units.
            gift: u64,
            /// [`RefundOutcome`](crate::state::RefundOutcome): paid or claimed.
            outcome: u8,
            padding: [u8; 7],
        }

        /// Energy was put on offer.
        OfferCreated {
            bus: Address,
            capacity: Address,
            offer: Address,
            seller: Address,
            /// Who listed it and gets its rent back: the seller's wallet, or the owner who listed for the bus.
            rent_payer: Address,
            number: u64,
            energy_wh: u64,
            /// What the seller asks; buyers pay the grid fee on top.
            price_per_kwh: u64,
            grid_fee_per_kwh: u64,
            window_start: i64,
            created_at: i64,
            /// First second in which an offer of the bus itself trades; 0 for the offers of others.
            trades_from: i64,
            expires_at: i64,
            /// Total capacity of the window after the listing, in Wh.
            capacity_total_wh: u64,
            source: u8,
            padding: [u8; 7],
        }

        /// An offer has a new price.
        OfferRepriced {
            offer: Address,
            price_per_kwh: u64,
            trades_from: i64,
            version: u32,
            padding: [u8; 4],
        }

        /// An offer has a new expiry.
        OfferExpirySet {
            offer: Address,
            expires_at: i64,
            version: u32,
            padding: [u8; 4],
        }

        /// Free energy of an offer went back to its capacity; the account closed where no lock was left.
        OfferCancelled {
            bus: Address,
            offer: Address,
            cancelled_by: Address,
            /// Energy withdrawn, in Wh.
            withdrawn_wh: u64,
            /// Energy sold until now, in Wh.
            sold_wh: u64,
            /// Proceeds that were credited to the seller, in token base units.
            collected: u64,
            /// Grid fees that were taken out of the proceeds, in token base units.
            grid_fee: u64,
            /// 1 where the account closed.
            closed: u8,
            /// 1 where the seller's delivery book forgets the window, because its seller withdrew all of it before the gate.
            window_unused: u8,
            padding: [u8; 6],
        }

        /// Proceeds of an offer were credited to its seller, who can withdraw them.
        OfferCollected {
            offer: Address,
            seller: Address,
            /// In token base units.
            amount: u64,
            /// Grid fees that were taken out of the proceeds, in token base units.
            grid_fee: u64,
            /// What the seller can withdraw now, in token base units.
            released: u64,
        }

        /// A lock was taken; its deposit is in the seller's vault.
        LockTaken {
            lock: Address,
            offer: Address,
            buyer: Address,
            energy_wh: u64,
            /// Grid fee included.
            price_per_kwh: u64,
            /// Full cost of the energy, in token base units.
            deposit: u64,
            expires_at: i64,
            /// Number of the lock among all that were taken on its offer.
            number: u32,
            /// Number of the lock among its buyer's on its offer.
            place: u8,
            padding: [u8; 3],
        }

        /// A lock was released without being settled, or its refund was paid later.
        LockReleased {
            lock: Address,
            offer: Address,
            buyer: Address,
            released_by: Address,
            /// Energy that came free now, in Wh.
            energy_wh: u64,
            /// What the buyer gets back, in token base units.
            refund: u64,
            /// Lock fee that was credited to the seller, in token base units.
            fee: u64,
            /// [`RefundOutcome`](crate::state::RefundOutcome).
            outcome: u8,
            padding: [u8; 7],
        }

        /// A device was registered as the meter of a seller.
        MeterRegistered {
            bus: Address,
            seller: Address,
            meter: Address,
            key: Address,
            /// Who paid the rent of the meter and of the device's account.
            rent_payer: Address,
            power_w: u64,
            valid_from: i64,
            registered_at: i64,
            source: u8,
            padding: [u8; 7],
        }

        /// Another device measures the windows in which a seller first lists from now on.
        MeterReplaced {
            bus: Address,
            seller: Address,
            meter: Address,
            key: Address,
            retired_key: Address,
            /// Who paid the rent of the new device's account.
            rent_payer: Address,
            power_w: u64,
            valid_from: i64,
            registered_at: i64,
            /// End of the last window of the retired device, 0 for none.
            busy_until: i64,
            source: u8,
            padding: [u8; 7],
        }

        /// The meter of a seller was closed, its device retired.
        MeterClosed {
            bus: Address,
            seller: Address,
            meter: Address,
            key: Address,
            closed_by: Address,
            /// End of the last window of the retired device, 0 for none.
            busy_until: i64,
        }

        /// The account of a retired device was closed.
        DeviceClosed {
            device: Address,
            key: Address,
            bus: Address,
            seller: Address,
        }

        /// A delivery book was opened by the first listing in its windows.
        BookOpened {
            bus: Address,
            seller: Address,
            book: Address,
            rent_payer: Address,
            meter: Address,
            first_window: i64,
            terms: Terms,
        }

        /// A delivery book was closed.
        BookClosed {
            bus: Address,
            seller: Address,
            book: Address,
            closed_by: Address,
            /// Windows that were released with it: bit `i` for the window at place `i`.
            windows_low: u64,
            /// Bit `i` for the window at place `64 + i`.
            windows_high: u64,
            /// What was credited to the seller for those windows, in token base units.
            amount: u64,
            /// Grid fee of those windows, in token base units.
            grid_fee: u64,
            /// What rounding left in the book, in token base units. It is added to the grid fees that the seller owes.
            remainder: u64,
        }

        /// A position book was opened.
        PositionOpened {
            book: Address,
            position: Address,
            buyer: Address,
            rent_payer: Address,
        }

        /// A buyer named the account that refunds of a position book go to.
        PositionRefundSet {
            position: Address,
            refund: Address,
        }

        /// A position book was closed. What was not refunded yet was paid, or is kept as a claim.
        PositionClosed {
            book: Address,
            position: Address,
            buyer: Address,
            closed_by: Address,
            /// The account that it named for refunds.
            refund: Address,
            /// Windows that were refunded with it: bit `i` for the window at place `i`.
            windows_low: u64,
            /// Bit `i` for the window at place `64 + i`.
            windows_high: u64,
            /// In token base units.
            amount: u64,
            /// [`RefundOutcome`](crate::state::RefundOutcome): paid or claimed.
            outcome: u8,
            padding: [u8; 7],
        }

        /// The energy delivered in a window was reported. A later report of the same window replaces this one.
        DeliveryReported {
            book: Address,
            /// Who signed the transaction: the device, the operator, or whoever brought a signed reading.
            reporter: Address,
            window_start: i64,
            energy_wh: u64,
            sequence: u64,
            reported_at: i64,
            /// [`ReadingProof`](crate::state::ReadingProof).
            proof: u8,
            padding: [u8; 7],
        }

        /// A seller was credited for the energy that it delivered in windows that became final.
        DeliveryReleased {
            book: Address,
            seller: Address,
            /// Bit `i` is set for the window at place `i`.
            windows_low: u64,
            /// Bit `i` is set for the window at place `64 + i`.
            windows_high: u64,
            /// In token base units.
            amount: u64,
            /// Grid fee of those windows, in token base units.
            grid_fee: u64,
        }

        /// A buyer got back what it had paid for energy that was not delivered in windows that became final.
        DeliveryRefunded {
            book: Address,
            position: Address,
            buyer: Address,
            /// The account that was paid.
            refund: Address,
            /// Bit `i` is set for the window at place `i`.
            windows_low: u64,
            /// Bit `i` is set for the window at place `64 + i`.
            windows_high: u64,
            /// In token base units.
            amount: u64,
        }

        /// Delivered energy was certified.
        CertificateTaken {
            certificate: Address,
            book: Address,
            bus: Address,
            seller: Address,
            owner: Address,
            device: Address,
            window_start: i64,
            /// First Wh of the range that it certifies. A window's delivered Wh are counted from 0.
            range_start: u64,
            /// First Wh after the range.
            range_end: u64,
            issued_at: i64,
            window_seconds: u32,
            source: u8,
            padding: [u8; 3],
        }

        /// A certificate, or the last part of its range, has another owner.
        CertificateTransferred {
            certificate: Address,
            /// The certificate that the new owner has: `certificate` itself, or the new one of a part.
            transferred: Address,
            from: Address,
            to: Address,
            range_start: u64,
            range_end: u64,
        }

        /// A certificate was used up.
        CertificateRetired {
            certificate: Address,
            bus: Address,
            seller: Address,
            owner: Address,
            device: Address,
            window_start: i64,
            range_start: u64,
            range_end: u64,
            window_seconds: u32,
            source: u8,
            padding: [u8; 3],
            /// UTF-8, filled with zeros.
            beneficiary: [u8; 64],
        }

        /// A nonce lane was opened.
        TraderOpened {
            trader: Address,
            wallet: Address,
            first_nonce: u64,
            lane: u16,
            padding: [u8; 6],
        }

        /// A nonce lane was closed.
        TraderClosed {
            trader: Address,
            wallet: Address,
            history_root: [u8; 32],
            next_nonce: u64,
            lane: u16,
            padding: [u8; 6],
        }
    }
    with_list {
        /// Energy was bought: from one offer, from many in a batch, or by settling a lock (see `kind`).
        EnergyPurchased {
            header EnergyPurchasedHeader {
                buyer: Address,
                transaction_hash: [u8; 32],
                nonce: u64,
                purchased_at: i64,
                lane: u16,
                /// [`PurchaseKind`](crate::state::PurchaseKind).
                kind: u8,
                reserved: u8,
            }
            /// What was bought, in the order of the purchase.
            list fills: PurchasedFill, counted by fill_count
        }
    }
}

/// One offer's part of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct PurchasedFill {
    pub offer: Address,
    pub energy_wh: u64,
    /// Grid fee included.
    pub price_per_kwh: u64,
    /// In token base units.
    pub cost: u64,
}

const HEADER_WORDS: usize = size_of::<EnergyPurchasedHeader>() / 8;
const FILL_WORDS: usize = size_of::<PurchasedFill>() / 8;

/// Logs the purchase of one offer.
#[inline(always)]
pub(crate) fn log_purchase(header: EnergyPurchasedHeader, fill: PurchasedFill) {
    #[derive(Clone, Copy, Pod, Zeroable)]
    #[repr(C)]
    struct Frame {
        header: EnergyPurchasedHeader,
        fill: PurchasedFill,
    }
    sol_log_data(&[bytemuck::bytes_of(&Frame { header, fill })]);
}

/// The event of a purchase of several offers, built in the memory that is logged.
pub(crate) struct PurchaseLog(Vec<u64>);

impl PurchaseLog {
    /// An event with this number of fills, all zero.
    #[inline(always)]
    pub fn new(fills: usize) -> Self {
        Self(vec![0; HEADER_WORDS + FILL_WORDS * fills])
    }

    /// The fills, in the order of the purchase.
    #[inline(always)]
    pub fn fills_mut(&mut self) -> &mut [PurchasedFill] {
        bytemuck::cast_slice_mut(&mut self.0[HEADER_WORDS..])
    }

    /// Writes the header and logs the event.
    #[inline(always)]
    pub fn log(mut self, header: EnergyPurchasedHeader) {
        self.0[..HEADER_WORDS].copy_from_slice(bytemuck::cast_slice(core::slice::from_ref(&header)));
        sol_log_data(&[bytemuck::cast_slice(&self.0)]);
    }
}

/// Logs an event of a fixed size. It is built field by field in the memory that is logged. `emit!` would copy it to the
/// heap, and a value built first would be copied once more.
macro_rules! log_event {
    (@value $field:ident) => { $field };
    (@value $field:ident $value:expr) => { $value };
    ($event:ident { $($fields:tt)* }) => { $crate::event::log_event!(@to anchor_lang::sol_log_data, $event { $($fields)* }) };
    (@to $log:expr, $event:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {{
        use $crate::event::$event;
        #[repr(C)]
        struct Frame {
            discriminator: [u8; 8],
            event: $event,
        }
        const DISCRIMINATOR: [u8; 8] = $crate::event::discriminator_of!($event);
        const _: () = assert!(align_of::<$event>() <= 8);
        let mut frame = core::mem::MaybeUninit::<Frame>::uninit();
        let fields = frame.as_mut_ptr();
        // SAFETY: the fields of an allocation of the right size and alignment are assigned, and all of them: the pattern
        // below does not compile unless it names each. They are plain old data (`#[event(bytemuck)]` asserts it), so
        // assigning drops nothing, and without padding, so that every byte is initialised when the event is logged.
        let bytes = unsafe {
            (*fields).discriminator = DISCRIMINATOR;
            $((*fields).event.$field = $crate::event::log_event!(@value $field $($value)?);)*
            let $event { $($field: _),* } = &(*fields).event;
            core::slice::from_raw_parts(fields as *const u8, size_of::<Frame>())
        };
        ($log)(&[bytes]);
    }};
}
pub(crate) use log_event;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_framed_purchase_is_the_serialised_event() {
        let fill = |number: u8| PurchasedFill {
            offer: Address::new_from_array([number; 32]),
            energy_wh: number as u64,
            price_per_kwh: 2,
            cost: 3,
        };
        let event = EnergyPurchased {
            buyer: Address::new_from_array([7; 32]),
            transaction_hash: [8; 32],
            nonce: 9,
            purchased_at: -10,
            lane: 11,
            kind: 1,
            reserved: 0,
            fills: vec![fill(1), fill(2), fill(3)],
        };
        let header = EnergyPurchasedHeader {
            discriminator: EnergyPurchasedHeader::discriminator(),
            buyer: event.buyer,
            transaction_hash: event.transaction_hash,
            nonce: event.nonce,
            purchased_at: event.purchased_at,
            lane: event.lane,
            kind: event.kind,
            reserved: 0,
            fill_count: 3,
        };
        let framed = [bytemuck::bytes_of(&header), bytemuck::cast_slice(&event.fills)].concat();
        assert_eq!(framed, anchor_lang::Event::data(&event));
        assert_eq!(size_of::<EnergyPurchasedHeader>() % 8 + size_of::<PurchasedFill>() % 8, 0);
    }

    /// An event of every kind, each made of other bytes, with two items where it ends with a list.
    fn one_of_each() -> Vec<(EventLayout, Vec<u8>)> {
        let one = |(number, layout): (usize, &EventLayout)| {
            let mut bytes = layout.discriminator.to_vec();
            bytes.resize(layout.fixed_size, number as u8 + 1);
            if let Some(size) = layout.item_size {
                bytes[layout.fixed_size - 4..].copy_from_slice(&2u32.to_le_bytes());
                bytes.resize(layout.fixed_size + 2 * size, number as u8 + 101);
            }
            (*layout, bytes)
        };
        Event::ALL.iter().enumerate().map(one).collect()
    }

    #[test]
    fn every_event_is_decoded_from_its_bytes_and_from_no_others() {
        for (layout, bytes) in one_of_each() {
            let event = Event::from_bytes(&bytes).expect(layout.name);
            assert_eq!(event.name(), layout.name);
            assert_eq!(Event::from_bytes(&bytes[..bytes.len() - 1]), None, "{}", layout.name);
            assert_eq!(Event::from_bytes(&[&bytes[..], &[0]].concat()), None, "{}", layout.name);
            assert_eq!(Event::from_bytes(&layout.discriminator), None, "{}", layout.name);
        }
        assert_eq!((Event::from_bytes(&[]), Event::from_bytes(&[9; 64])), (None, None));
    }

    #[test]
    fn a_list_longer_than_its_bytes_is_no_event() {
        let (layout, mut bytes) = one_of_each().pop().unwrap();
        for count in [0, 1, 3, u32::MAX] {
            bytes[layout.fixed_size - 4..layout.fixed_size].copy_from_slice(&u32::to_le_bytes(count));
            assert_eq!(Event::from_bytes(&bytes), None, "{count}");
        }
    }

    /// The fields, written one after the other, give the event's bytes.
    #[test]
    fn the_fields_tell_every_byte_of_an_event() {
        for (layout, bytes) in one_of_each() {
            let event = Event::from_bytes(&bytes).expect(layout.name);
            let mut left = &bytes[8..];
            for (name, field) in event.fields() {
                let (start, size) = match field {
                    // As many bytes as the number has in the event: they are all alike.
                    Field::Unsigned(number) => {
                        (number.to_le_bytes().to_vec(), number.to_le_bytes().iter().filter(|byte| **byte != 0).count())
                    }
                    Field::Signed(number) => (number.to_le_bytes().to_vec(), 8),
                    Field::Address(address) => (address.to_bytes().to_vec(), 32),
                    Field::Bytes(bytes) => (bytes.to_vec(), bytes.len()),
                    Field::Terms(terms) => (bytemuck::bytes_of(terms).to_vec(), size_of::<Terms>()),
                    Field::Action(action) => (bytemuck::bytes_of(action).to_vec(), size_of::<Action>()),
                    Field::Owners(owners) => (bytemuck::cast_slice(owners).to_vec(), size_of_val(owners)),
                    Field::Shares(shares) => (bytemuck::bytes_of(shares).to_vec(), size_of_val(shares)),
                    Field::Fills(fills) => {
                        assert_eq!(left[..4], 2u32.to_le_bytes());
                        left = &left[4..];
                        (bytemuck::cast_slice(fills).to_vec(), size_of_val(fills))
                    }
                };
                assert_eq!(start[..size], left[..size], "{}.{name}", layout.name);
                left = &left[size..];
            }
            assert_eq!(left, [0; 0], "{}", layout.name);
        }
    }

    /// `cargo xtask memcheck` also finds bytes of it that were not written.
    #[test]
    fn a_logged_event_is_the_serialised_event() {
        macro_rules! same {
            ($event:ident { $($fields:tt)* }) => {
                let mut logged = Vec::new();
                log_event!(@to |parts: &[&[u8]]| logged = parts.concat(), $event { $($fields)* });
                assert_eq!(logged, anchor_lang::Event::data(&$event { $($fields)* }));
            };
        }
        let wallet = |number: u8| Address::new_from_array([number; 32]);
        let slot = OwnerSlot { owner: wallet(9), share_bps: 3, reserved: [4; 6] };
        same!(BusCreated {
            bus: wallet(1),
            ledger: wallet(2),
            capacity: wallet(3),
            creator: wallet(4),
            mint: wallet(5),
            treasury: wallet(6),
            unclaimed: wallet(7),
            escrow: wallet(10),
            operator: wallet(8),
            grid_recipient: wallet(9),
            terms: Terms { from: 1, window_seconds: 2, ..Terms::zeroed() },
            bus_seq: 7,
            first_proposal: 8,
            capacity_wh: 9,
            base_price_per_kwh: 10,
            reserve_price_per_kwh: 11,
            least_wh: 12,
            created_at: -10,
            timelock_seconds: 11,
            horizon_seconds: 14,
            lock_fee_bps: 15,
            threshold: 16,
            listing_policy: 17,
            owner_count: 18,
            name_len: 19,
            pause_quorum: 20,
            padding: [0; 1],
            name: [20; 32],
            owners: [slot; 16],
        });
        same!(ProposalExecuted {
            bus: wallet(1),
            proposal: wallet(2),
            executed_by: wallet(3),
            config_version: 4,
            pause_version: 5,
            executed_at: 6,
            treasury_balance: 7,
            swept: 8,
            first_proposal: 9,
            action: Action { kind: 7, value: 8, owner: wallet(9), ..Action::zeroed() },
        });
        same!(OfferCancelled {
            bus: wallet(1),
            offer: wallet(2),
            cancelled_by: wallet(3),
            withdrawn_wh: 4,
            sold_wh: 5,
            collected: 6,
            grid_fee: 7,
            closed: 1,
            window_unused: 0,
            padding: [0; 6],
        });
        same!(TraderOpened { trader: wallet(1), wallet: wallet(2), first_nonce: 3, lane: 4, padding: [0; 6] });
    }
}
