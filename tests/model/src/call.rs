//! Instructions as they are sent: one byte with their number, then the arguments. Numbers are little-endian; a list has
//! its length before it.

use solana_address::Address;

/// What a bus is created with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBus {
    pub name: Vec<u8>,
    pub owners: Vec<(Address, u16)>,
    pub threshold: u8,
    pub pause_quorum: u8,
    pub listing_policy: u8,
    pub lock_fee_bps: u16,
    pub timelock_seconds: u32,
    pub window_seconds: u32,
    pub gate_closure_seconds: u32,
    pub capacity_wh: u64,
    pub base_price_per_kwh: u64,
}

/// What a proposal changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    OwnerAdd { owner: Address, shares: Vec<u16> },
    OwnerRemove { owner: Address, shares: Vec<u16> },
    SharesSet { shares: Vec<u16> },
    ThresholdSet(u8),
    TimelockSet(u32),
    CapacitySet(u64),
    BasePriceSet(u64),
    ListingPolicySet(u8),
    WindowsSet { window: u32, gate_closure: u32 },
    LockFeeSet(u16),
    Pause,
    Resume,
}

/// What a buyer asks of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    pub energy_wh: u64,
    pub max_price: u64,
    /// Version that the offer must have; 0 for any.
    pub version: u32,
}

/// What an offer is created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub offer_seq: u64,
    pub energy_wh: u64,
    pub price: u64,
    pub expires_at: i64,
    pub source: u8,
}

/// An instruction of the market, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    BusCreate(u64, NewBus),
    CapacityOpen(i64),
    CapacityClose,
    OfferCreate(Terms),
    OfferReprice(u64),
    OfferExtend(i64),
    OfferCancel,
    Purchase { nonce: u64, item: Item, min_wh: u64 },
    PurchaseBatch { nonce: u64, max_total: u64, items: Vec<Item> },
    LockTake(Item),
    LockSettle(u64),
    LockRelease,
    TraderOpen { lane: u16, first_slot: u64 },
    TraderClose,
    OfferCreateForBus(Terms),
    ProposalCreate(Action),
    ProposalApprove,
    ProposalRevoke,
    ProposalExecute,
    ProposalClose,
    TreasuryClaim,
}

/// The bytes that are not read yet.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        Some(self.bytes(1)?[0])
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn i64(&mut self) -> Option<i64> {
        Some(self.u64()?.cast_signed())
    }

    fn address(&mut self) -> Option<Address> {
        Address::try_from(self.bytes(32)?).ok()
    }

    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u32()? as usize;
        if count > self.0.len() {
            return None;
        }
        (0..count).map(|_| one(self)).collect()
    }

    fn item(&mut self) -> Option<Item> {
        Some(Item { energy_wh: self.u64()?, max_price: self.u64()?, version: self.u32()? })
    }

    fn terms(&mut self) -> Option<Terms> {
        Some(Terms {
            offer_seq: self.u64()?,
            energy_wh: self.u64()?,
            price: self.u64()?,
            expires_at: self.i64()?,
            source: self.u8()?,
        })
    }

    fn new_bus(&mut self) -> Option<NewBus> {
        let name = self.list(Self::u8)?;
        std::str::from_utf8(&name).ok()?;
        Some(NewBus {
            name,
            owners: self.list(|reader| Some((reader.address()?, reader.u16()?)))?,
            threshold: self.u8()?,
            pause_quorum: self.u8()?,
            listing_policy: self.u8()?,
            lock_fee_bps: self.u16()?,
            timelock_seconds: self.u32()?,
            window_seconds: self.u32()?,
            gate_closure_seconds: self.u32()?,
            capacity_wh: self.u64()?,
            base_price_per_kwh: self.u64()?,
        })
    }

    fn action(&mut self) -> Option<Action> {
        Some(match self.u8()? {
            0 => Action::OwnerAdd { owner: self.address()?, shares: self.list(Self::u16)? },
            1 => Action::OwnerRemove { owner: self.address()?, shares: self.list(Self::u16)? },
            2 => Action::SharesSet { shares: self.list(Self::u16)? },
            3 => Action::ThresholdSet(self.u8()?),
            4 => Action::TimelockSet(self.u32()?),
            5 => Action::CapacitySet(self.u64()?),
            6 => Action::BasePriceSet(self.u64()?),
            7 => Action::ListingPolicySet(self.u8()?),
            8 => Action::WindowsSet { window: self.u32()?, gate_closure: self.u32()? },
            9 => Action::LockFeeSet(self.u16()?),
            10 => Action::Pause,
            11 => Action::Resume,
            _ => return None,
        })
    }
}

impl Call {
    /// Names of the instructions, in the order of [`Call::index`].
    pub const NAMES: [&'static str; 21] = [
        "bus_create",
        "capacity_open",
        "capacity_close",
        "offer_create",
        "offer_reprice",
        "offer_extend",
        "offer_cancel",
        "purchase",
        "purchase_batch",
        "lock_take",
        "lock_settle",
        "lock_release",
        "trader_open",
        "trader_close",
        "offer_create_for_bus",
        "proposal_create",
        "proposal_approve",
        "proposal_revoke",
        "proposal_execute",
        "proposal_close",
        "treasury_claim",
    ];

    /// Reads an instruction; `None` if the bytes are not one. Bytes after the arguments are ignored.
    pub fn read(data: &[u8]) -> Option<Self> {
        let mut reader = Reader(data);
        let r = &mut reader;
        Some(match r.u8()? {
            0 => Self::BusCreate(r.u64()?, r.new_bus()?),
            2 => Self::CapacityOpen(r.i64()?),
            3 => Self::CapacityClose,
            4 => Self::OfferCreate(r.terms()?),
            5 => Self::OfferReprice(r.u64()?),
            6 => Self::OfferExtend(r.i64()?),
            7 => Self::OfferCancel,
            8 => {
                let (nonce, energy_wh, min_wh) = (r.u64()?, r.u64()?, r.u64()?);
                Self::Purchase { nonce, item: Item { energy_wh, max_price: r.u64()?, version: r.u32()? }, min_wh }
            }
            9 => Self::PurchaseBatch { nonce: r.u64()?, max_total: r.u64()?, items: r.list(Reader::item)? },
            10 => Self::LockTake(r.item()?),
            11 => Self::LockSettle(r.u64()?),
            12 => Self::LockRelease,
            13 => Self::TraderOpen { lane: r.u16()?, first_slot: r.u64()? },
            14 => Self::TraderClose,
            15 => Self::OfferCreateForBus(r.terms()?),
            16 => Self::ProposalCreate(r.action()?),
            17 => Self::ProposalApprove,
            18 => Self::ProposalRevoke,
            19 => Self::ProposalExecute,
            20 => Self::ProposalClose,
            21 => Self::TreasuryClaim,
            _ => return None,
        })
    }

    /// Name of the instruction.
    pub fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// Index of the instruction in [`Call::NAMES`].
    pub fn index(&self) -> usize {
        match self {
            Self::BusCreate(..) => 0,
            Self::CapacityOpen(_) => 1,
            Self::CapacityClose => 2,
            Self::OfferCreate(_) => 3,
            Self::OfferReprice(_) => 4,
            Self::OfferExtend(_) => 5,
            Self::OfferCancel => 6,
            Self::Purchase { .. } => 7,
            Self::PurchaseBatch { .. } => 8,
            Self::LockTake(_) => 9,
            Self::LockSettle(_) => 10,
            Self::LockRelease => 11,
            Self::TraderOpen { .. } => 12,
            Self::TraderClose => 13,
            Self::OfferCreateForBus(_) => 14,
            Self::ProposalCreate(_) => 15,
            Self::ProposalApprove => 16,
            Self::ProposalRevoke => 17,
            Self::ProposalExecute => 18,
            Self::ProposalClose => 19,
            Self::TreasuryClaim => 20,
        }
    }
}
