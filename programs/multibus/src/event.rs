//! One event for every state change, rich enough to rebuild all state off-chain. Events are written to the
//! transaction's log, framed as `discriminator | fields`.

use {
    crate::state::{Action, OwnerSlot},
    anchor_lang::prelude::*,
    bytemuck::{Pod, Zeroable},
};

/// A bus was created. The owners follow from the account, which is written once in the same instruction.
#[event(bytemuck)]
pub struct BusCreated {
    pub bus: Address,
    pub capacity: Address,
    pub creator: Address,
    pub mint: Address,
    pub escrow: Address,
    pub treasury: Address,
    pub bus_seq: u64,
    pub capacity_wh: u64,
    pub base_price_per_kwh: u64,
    pub created_at: i64,
    pub timelock_seconds: u32,
    pub window_seconds: u32,
    pub gate_closure_seconds: u32,
    pub lock_fee_bps: u16,
    pub threshold: u8,
    pub listing_policy: u8,
    pub owner_count: u8,
    pub name_len: u8,
    pub pause_quorum: u8,
    pub padding: [u8; 5],
    pub name: [u8; 32],
    pub owners: [OwnerSlot; 16],
}

/// A change of a bus was proposed; its proposer approves it.
#[event(bytemuck)]
pub struct ProposalCreated {
    pub bus: Address,
    pub proposal: Address,
    pub proposer: Address,
    pub proposal_seq: u64,
    pub config_version: u64,
    pub created_at: i64,
    /// First second of execution, 0 while approvals are missing.
    pub executable_at: i64,
    pub action: Action,
}

/// An owner approved a proposal.
#[event(bytemuck)]
pub struct ProposalApproved {
    pub proposal: Address,
    pub owner: Address,
    /// First second of execution, 0 while approvals are missing.
    pub executable_at: i64,
    /// Bit `i` is set while owner `i` approves.
    pub approvals: u16,
    pub padding: [u8; 6],
}

/// An owner took an approval back.
#[event(bytemuck)]
pub struct ProposalRevoked {
    pub proposal: Address,
    pub owner: Address,
    pub executable_at: i64,
    pub approvals: u16,
    pub padding: [u8; 6],
}

/// A proposal was carried out: its bus is now as the action says.
#[event(bytemuck)]
pub struct ProposalExecuted {
    pub bus: Address,
    pub proposal: Address,
    pub executed_by: Address,
    pub config_version: u64,
    pub executed_at: i64,
    /// What the treasury held, which is what settled shares were computed from, in token base units.
    pub treasury_balance: u64,
    pub action: Action,
}

/// A proposal's account was closed.
#[event(bytemuck)]
pub struct ProposalClosed {
    pub bus: Address,
    pub proposal: Address,
    pub closed_by: Address,
    /// 1 where it was executed.
    pub executed: u8,
    pub padding: [u8; 7],
}

/// An owner was paid its share of the treasury.
#[event(bytemuck)]
pub struct TreasuryClaimed {
    pub bus: Address,
    pub owner: Address,
    pub destination: Address,
    pub amount: u64,
    /// Revenue claimed by all owners, ever, in token base units.
    pub claimed_total: u64,
}

/// A delivery window's capacity was opened.
#[event(bytemuck)]
pub struct CapacityOpened {
    pub bus: Address,
    pub capacity: Address,
    pub rent_payer: Address,
    pub window_start: i64,
    pub total_wh: u64,
    pub window_seconds: u32,
    pub padding: [u8; 4],
}

/// A past window's capacity was closed.
#[event(bytemuck)]
pub struct CapacityClosed {
    pub bus: Address,
    pub capacity: Address,
    pub window_start: i64,
    pub sold_wh: u64,
}

/// Energy was put on offer.
#[event(bytemuck)]
pub struct OfferCreated {
    pub bus: Address,
    pub capacity: Address,
    pub offer: Address,
    pub seller: Address,
    pub payout: Address,
    /// Who listed it and gets its rent back: the seller, or the owner who listed for the bus.
    pub rent_payer: Address,
    pub offer_seq: u64,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub window_start: i64,
    pub created_at: i64,
    pub expires_at: i64,
    pub source: u8,
    pub owned_by_bus: u8,
    pub padding: [u8; 6],
}

/// An offer has a new price.
#[event(bytemuck)]
pub struct OfferRepriced {
    pub offer: Address,
    pub price_per_kwh: u64,
    pub version: u32,
    pub padding: [u8; 4],
}

/// An offer has a new expiry.
#[event(bytemuck)]
pub struct OfferExtended {
    pub offer: Address,
    pub expires_at: i64,
}

/// Free energy of an offer went back to its capacity; the account closed where nothing was locked.
#[event(bytemuck)]
pub struct OfferCancelled {
    pub bus: Address,
    pub offer: Address,
    pub cancelled_by: Address,
    /// Energy withdrawn, in Wh.
    pub withdrawn_wh: u64,
    /// Energy sold until now, in Wh.
    pub sold_wh: u64,
    /// 1 where the account closed.
    pub closed: u8,
    pub padding: [u8; 7],
}

/// A lock was taken; its deposit is in escrow.
#[event(bytemuck)]
pub struct LockTaken {
    pub lock: Address,
    pub offer: Address,
    pub buyer: Address,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub deposit: u64,
    pub expires_at: i64,
}

/// A lock was released without being settled.
#[event(bytemuck)]
pub struct LockReleased {
    pub lock: Address,
    pub offer: Address,
    pub buyer: Address,
    pub released_by: Address,
    pub energy_wh: u64,
    pub refund: u64,
    pub fee: u64,
}

/// A nonce lane was opened.
#[event(bytemuck)]
pub struct TraderOpened {
    pub trader: Address,
    pub wallet: Address,
    pub first_nonce: u64,
    pub lane: u16,
    pub padding: [u8; 6],
}

/// A nonce lane was closed.
#[event(bytemuck)]
pub struct TraderClosed {
    pub trader: Address,
    pub wallet: Address,
    pub history_root: [u8; 32],
    pub next_nonce: u64,
    pub lane: u16,
    pub padding: [u8; 6],
}

/// Energy was bought: from one offer, from many in a batch, or by settling a lock (see `kind`).
#[event]
pub struct EnergyPurchased {
    pub buyer: Address,
    pub transaction_hash: [u8; 32],
    pub nonce: u64,
    pub purchased_at: i64,
    pub lane: u16,
    /// [`PurchaseKind`](crate::state::PurchaseKind).
    pub kind: u8,
    pub reserved: u8,
    /// What was bought, in the order of the purchase.
    pub fills: Vec<PurchasedFill>,
}

/// One offer's part of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable, AnchorSerialize, AnchorDeserialize)]
#[cfg_attr(feature = "idl-build", derive(anchor_lang::IdlType))]
#[repr(C)]
pub struct PurchasedFill {
    pub offer: Address,
    pub energy_wh: u64,
    pub price_per_kwh: u64,
    pub cost: u64,
}

/// [`EnergyPurchased`] as it lies in the log, up to the fills: the same bytes as its serialisation, built in place.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub struct EnergyPurchasedHeader {
    pub discriminator: [u8; 8],
    pub buyer: Address,
    pub transaction_hash: [u8; 32],
    pub nonce: u64,
    pub purchased_at: i64,
    pub lane: u16,
    pub kind: u8,
    pub reserved: u8,
    pub fill_count: u32,
}

impl EnergyPurchasedHeader {
    /// Discriminator of [`EnergyPurchased`].
    pub fn discriminator() -> [u8; 8] {
        let mut discriminator = [0; 8];
        discriminator.copy_from_slice(EnergyPurchased::DISCRIMINATOR);
        discriminator
    }
}

const HEADER_WORDS: usize = size_of::<EnergyPurchasedHeader>() / 8;
const FILL_WORDS: usize = size_of::<PurchasedFill>() / 8;

/// Logs the purchase of one offer.
#[inline(always)]
pub fn log_purchase(header: EnergyPurchasedHeader, fill: PurchasedFill) {
    #[derive(Clone, Copy, Pod, Zeroable)]
    #[repr(C)]
    struct Frame {
        header: EnergyPurchasedHeader,
        fill: PurchasedFill,
    }
    sol_log_data(&[bytemuck::bytes_of(&Frame { header, fill })]);
}

/// The event of a purchase of several offers, built where it is logged from.
pub struct PurchaseLog(Vec<u64>);

impl PurchaseLog {
    /// An event with so many fills, all zero.
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

/// Logs a fixed-size event, built field by field where it is logged from: `emit!` would copy it to the heap, and an
/// event made as a value is copied once more.
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
        const DISCRIMINATOR: [u8; 8] = *<$event as anchor_lang::Discriminator>::DISCRIMINATOR.first_chunk().unwrap();
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

    /// In `cargo xtask memcheck` also that every byte of it was written.
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
        let slot = OwnerSlot { owner: wallet(9), accrued: 1, claimed: 2, share_bps: 3, reserved: [4; 14] };
        same!(BusCreated {
            bus: wallet(1),
            capacity: wallet(2),
            creator: wallet(3),
            mint: wallet(4),
            escrow: wallet(5),
            treasury: wallet(6),
            bus_seq: 7,
            capacity_wh: 8,
            base_price_per_kwh: 9,
            created_at: -10,
            timelock_seconds: 11,
            window_seconds: 12,
            gate_closure_seconds: 13,
            lock_fee_bps: 14,
            threshold: 15,
            listing_policy: 16,
            owner_count: 17,
            name_len: 18,
            pause_quorum: 19,
            padding: [0; 5],
            name: [20; 32],
            owners: [slot; 16],
        });
        same!(ProposalExecuted {
            bus: wallet(1),
            proposal: wallet(2),
            executed_by: wallet(3),
            config_version: 4,
            executed_at: 5,
            treasury_balance: 6,
            action: Action { kind: 7, value: 8, owner: wallet(9), ..Action::zeroed() },
        });
        same!(OfferCancelled {
            bus: wallet(1),
            offer: wallet(2),
            cancelled_by: wallet(3),
            withdrawn_wh: 4,
            sold_wh: 5,
            closed: 1,
            padding: [0; 7],
        });
        same!(TraderOpened { trader: wallet(1), wallet: wallet(2), first_nonce: 3, lane: 4, padding: [0; 6] });
    }
}
