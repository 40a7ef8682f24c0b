//! Instructions as they are sent: one byte with their number, then the arguments. Numbers are little-endian; a list has
//! its length before it, and what may be left out has a byte before it: 0 where it is.

use {crate::state::ModelTerms, solana_address::Address};

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
    pub horizon_seconds: u32,
    pub terms: ModelTerms,
    pub capacity_wh: u64,
    pub base_price_per_kwh: u64,
    pub reserve_price_per_kwh: u64,
    pub least_wh: u64,
    pub operator: Option<Address>,
    pub grid_recipient: Option<Address>,
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
    TermsSet(ModelTerms),
    LockFeeSet(u16),
    Pause,
    Resume,
    OwnerReplace { owner: Address, new_owner: Address },
    PauseQuorumSet(u8),
    SellerAdmit(Address),
    SellerSuspend(Address),
    ReservePriceSet(u64),
    LeastSizeSet(u64),
    OperatorSet(Option<Address>),
    BusClose,
    GridRecipientSet(Option<Address>),
}

impl Action {
    /// Bytes of an action in an account, which a proposal's hash covers.
    pub const BYTES: usize = 152;

    /// Number of the action.
    pub fn kind(&self) -> u8 {
        match self {
            Self::OwnerAdd { .. } => 0,
            Self::OwnerRemove { .. } => 1,
            Self::SharesSet { .. } => 2,
            Self::ThresholdSet(_) => 3,
            Self::TimelockSet(_) => 4,
            Self::CapacitySet(_) => 5,
            Self::BasePriceSet(_) => 6,
            Self::ListingPolicySet(_) => 7,
            Self::TermsSet(_) => 8,
            Self::LockFeeSet(_) => 9,
            Self::Pause => 10,
            Self::Resume => 11,
            Self::OwnerReplace { .. } => 12,
            Self::PauseQuorumSet(_) => 13,
            Self::SellerAdmit(_) => 14,
            Self::SellerSuspend(_) => 15,
            Self::ReservePriceSet(_) => 16,
            Self::LeastSizeSet(_) => 17,
            Self::OperatorSet(_) => 18,
            Self::BusClose => 19,
            Self::GridRecipientSet(_) => 20,
        }
    }

    /// Whether the action changes the owners, their shares or the threshold, or closes the bus.
    pub fn changes_owners(&self) -> bool {
        matches!(
            self,
            Self::OwnerAdd { .. }
                | Self::OwnerRemove { .. }
                | Self::SharesSet { .. }
                | Self::ThresholdSet(_)
                | Self::OwnerReplace { .. }
                | Self::BusClose
        )
    }

    /// Whether the action changes who gets which part of the revenue.
    pub fn changes_shares(&self) -> bool {
        matches!(self, Self::OwnerAdd { .. } | Self::OwnerRemove { .. } | Self::SharesSet { .. })
    }

    /// Whether the action pauses the bus or lets it run again.
    pub fn is_of_pause(&self) -> bool {
        matches!(self, Self::Pause | Self::Resume)
    }

    /// The wallet of the seller that the action is about.
    pub fn seller(&self) -> Option<Address> {
        match self {
            Self::SellerAdmit(wallet) | Self::SellerSuspend(wallet) => Some(*wallet),
            _ => None,
        }
    }

    /// The action as an account holds it: kind, count of shares, 6 bytes of zeros, value, terms, two addresses, 16 shares. `None` where there are more shares than places.
    pub fn bytes(&self) -> Option<[u8; Self::BYTES]> {
        let (mut value, mut terms, mut first, mut second) =
            (0u64, ModelTerms::default(), Address::default(), Address::default());
        let mut shares: &[u16] = &[];
        match self {
            Self::OwnerAdd { owner, shares: divided } | Self::OwnerRemove { owner, shares: divided } => {
                (first, shares) = (*owner, divided);
            }
            Self::SharesSet { shares: divided } => shares = divided,
            Self::ThresholdSet(number) | Self::ListingPolicySet(number) | Self::PauseQuorumSet(number) => {
                value = u64::from(*number);
            }
            Self::TimelockSet(seconds) => value = u64::from(*seconds),
            Self::CapacitySet(number)
            | Self::BasePriceSet(number)
            | Self::ReservePriceSet(number)
            | Self::LeastSizeSet(number) => value = *number,
            Self::TermsSet(next) => terms = *next,
            Self::LockFeeSet(bps) => value = u64::from(*bps),
            Self::OwnerReplace { owner, new_owner } => (first, second) = (*owner, *new_owner),
            Self::SellerAdmit(wallet) | Self::SellerSuspend(wallet) => first = *wallet,
            Self::OperatorSet(wallet) | Self::GridRecipientSet(wallet) => first = wallet.unwrap_or_default(),
            Self::Pause | Self::Resume | Self::BusClose => {}
        }
        if shares.len() > 16 {
            return None;
        }
        let mut bytes = [0; Self::BYTES];
        bytes[0] = self.kind();
        bytes[1] = shares.len() as u8;
        bytes[8..16].copy_from_slice(&value.to_le_bytes());
        bytes[16..56].copy_from_slice(&terms.bytes());
        bytes[56..88].copy_from_slice(first.as_ref());
        bytes[88..120].copy_from_slice(second.as_ref());
        for (place, share) in bytes[120..].chunks_exact_mut(2).zip(shares) {
            place.copy_from_slice(&share.to_le_bytes());
        }
        Some(bytes)
    }
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
pub struct Listing {
    pub number: u64,
    pub energy_wh: u64,
    pub price: u64,
    pub expires_at: i64,
    pub source: u8,
}

/// What an operator says of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceSpec {
    pub source: u8,
    pub power_w: u64,
    /// Start of the first window that it can be the meter of.
    pub valid_from: i64,
}

/// A reading of a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub window_start: i64,
    pub energy_wh: u64,
    pub sequence: u64,
}

/// An instruction of the market, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    CreatorOpen(u64),
    BusCreate(u64, NewBus),
    BusClose,
    CapacityOpen(i64),
    CapacityClose,
    SellerOpen { wallet: Address, first_slot: u64 },
    SellerAdmit(Address),
    SellerSuspend,
    SellerWithdraw,
    SellerClose,
    OfferCreate(Listing),
    OfferReprice { price: u64, version: u32 },
    OfferSetExpiry { expires_at: i64, version: u32 },
    OfferCollect,
    OfferCancel,
    Purchase { nonce: u64, item: Item, min_wh: u64 },
    PurchaseBatch { nonce: u64, max_total: u64, items: Vec<Item> },
    LockTake { place: u8, item: Item, refund: Address },
    LockSettle { nonce: u64, number: u32 },
    LockRelease(u32),
    TraderOpen { lane: u16, first_slot: u64 },
    TraderClose,
    ProposalCreate { number: u64, action: Action },
    ProposalApprove([u8; 32]),
    ProposalRevoke,
    ProposalExecute,
    ProposalClose,
    TreasuryClaim,
    ClaimPay,
    GridSweep,
    MeterRegister(DeviceSpec),
    MeterReplace(DeviceSpec),
    MeterClose,
    DeviceClose,
    PositionOpen(Address),
    PositionSetRefund(Address),
    PositionClose,
    DeliveryReport { reading: Reading, proof: u8 },
    DeliveryRelease,
    DeliveryRefund,
    DeliveryClose,
    CertificateTake(i64),
    CertificateTransfer { energy_wh: u64, to: Address },
    CertificateRetire(Vec<u8>),
    BidCreate { nonce: u64, energy_wh: u64, max_price: u64, refund: Address, bump: u8 },
    BidCancel,
    BidSettle { close: bool },
    AskSettle,
    ClearingOpen { low_price: u64, high_price: u64 },
    ClearingTally,
    ClearingApply,
    ClearingClose,
    PoolReport,
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

    fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
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

    /// An address that may be left out.
    #[expect(clippy::option_option, reason = "the outer one is whether the bytes can be read")]
    fn optional_address(&mut self) -> Option<Option<Address>> {
        match self.u8()? {
            0 => Some(None),
            1 => self.address().map(Some),
            _ => None,
        }
    }

    /// A text of UTF-8.
    fn text(&mut self) -> Option<Vec<u8>> {
        let text = self.list(Self::u8)?;
        std::str::from_utf8(&text).ok()?;
        Some(text)
    }

    /// Terms of windows that start at `from` or later.
    fn window_terms(&mut self, from: i64) -> Option<ModelTerms> {
        Some(ModelTerms {
            from,
            window_seconds: self.u32()?,
            gate_closure_seconds: self.u32()?,
            settlement: self.u8()?,
            grid_fee_per_kwh: self.u64()?,
            reading_deadline_seconds: self.u32()?,
            correction_seconds: self.u32()?,
            auction: self.bool()?,
        })
    }

    fn device(&mut self) -> Option<DeviceSpec> {
        Some(DeviceSpec { source: self.u8()?, power_w: self.u64()?, valid_from: self.i64()? })
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

    fn listing(&mut self) -> Option<Listing> {
        Some(Listing {
            number: self.u64()?,
            energy_wh: self.u64()?,
            price: self.u64()?,
            expires_at: self.i64()?,
            source: self.u8()?,
        })
    }

    fn new_bus(&mut self) -> Option<NewBus> {
        Some(NewBus {
            name: self.text()?,
            owners: self.list(|reader| Some((reader.address()?, reader.u16()?)))?,
            threshold: self.u8()?,
            pause_quorum: self.u8()?,
            listing_policy: self.u8()?,
            lock_fee_bps: self.u16()?,
            timelock_seconds: self.u32()?,
            horizon_seconds: self.u32()?,
            terms: self.window_terms(0)?,
            capacity_wh: self.u64()?,
            base_price_per_kwh: self.u64()?,
            reserve_price_per_kwh: self.u64()?,
            least_wh: self.u64()?,
            operator: self.optional_address()?,
            grid_recipient: self.optional_address()?,
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
            8 => {
                let from = self.i64()?;
                Action::TermsSet(self.window_terms(from)?)
            }
            9 => Action::LockFeeSet(self.u16()?),
            10 => Action::Pause,
            11 => Action::Resume,
            12 => Action::OwnerReplace { owner: self.address()?, new_owner: self.address()? },
            13 => Action::PauseQuorumSet(self.u8()?),
            14 => Action::SellerAdmit(self.address()?),
            15 => Action::SellerSuspend(self.address()?),
            16 => Action::ReservePriceSet(self.u64()?),
            17 => Action::LeastSizeSet(self.u64()?),
            // Zeros are nobody.
            18 => Action::OperatorSet(self.optional_address()?.filter(|wallet| *wallet != Address::default())),
            19 => Action::BusClose,
            20 => Action::GridRecipientSet(self.optional_address()?.filter(|wallet| *wallet != Address::default())),
            _ => return None,
        })
    }
}

impl Call {
    /// Names of the instructions, by their number.
    pub const NAMES: [&'static str; 53] = [
        "creator_open",
        "bus_create",
        "bus_close",
        "capacity_open",
        "capacity_close",
        "seller_open",
        "seller_admit",
        "seller_suspend",
        "seller_withdraw",
        "seller_close",
        "offer_create",
        "offer_reprice",
        "offer_set_expiry",
        "offer_collect",
        "offer_cancel",
        "purchase",
        "purchase_batch",
        "lock_take",
        "lock_settle",
        "lock_release",
        "trader_open",
        "trader_close",
        "proposal_create",
        "proposal_approve",
        "proposal_revoke",
        "proposal_execute",
        "proposal_close",
        "treasury_claim",
        "claim_pay",
        "grid_sweep",
        "meter_register",
        "meter_replace",
        "meter_close",
        "device_close",
        "position_open",
        "position_set_refund",
        "position_close",
        "delivery_report",
        "delivery_release",
        "delivery_refund",
        "delivery_close",
        "certificate_take",
        "certificate_transfer",
        "certificate_retire",
        "bid_create",
        "bid_cancel",
        "bid_settle",
        "ask_settle",
        "clearing_open",
        "clearing_tally",
        "clearing_apply",
        "clearing_close",
        "pool_report",
    ];

    /// Reads an instruction; `None` if the bytes are not one. Bytes after the arguments are ignored.
    pub fn read(data: &[u8]) -> Option<Self> {
        let mut reader = Reader(data);
        let r = &mut reader;
        Some(match r.u8()? {
            0 => Self::CreatorOpen(r.u64()?),
            1 => Self::BusCreate(r.u64()?, r.new_bus()?),
            2 => Self::BusClose,
            3 => Self::CapacityOpen(r.i64()?),
            4 => Self::CapacityClose,
            5 => Self::SellerOpen { wallet: r.address()?, first_slot: r.u64()? },
            6 => Self::SellerAdmit(r.address()?),
            7 => Self::SellerSuspend,
            8 => Self::SellerWithdraw,
            9 => Self::SellerClose,
            10 => Self::OfferCreate(r.listing()?),
            11 => Self::OfferReprice { price: r.u64()?, version: r.u32()? },
            12 => Self::OfferSetExpiry { expires_at: r.i64()?, version: r.u32()? },
            13 => Self::OfferCollect,
            14 => Self::OfferCancel,
            15 => {
                let (nonce, energy_wh, min_wh) = (r.u64()?, r.u64()?, r.u64()?);
                Self::Purchase { nonce, item: Item { energy_wh, max_price: r.u64()?, version: r.u32()? }, min_wh }
            }
            16 => Self::PurchaseBatch { nonce: r.u64()?, max_total: r.u64()?, items: r.list(Reader::item)? },
            17 => Self::LockTake { place: r.u8()?, item: r.item()?, refund: r.address()? },
            18 => Self::LockSettle { nonce: r.u64()?, number: r.u32()? },
            19 => Self::LockRelease(r.u32()?),
            20 => Self::TraderOpen { lane: r.u16()?, first_slot: r.u64()? },
            21 => Self::TraderClose,
            22 => Self::ProposalCreate { number: r.u64()?, action: r.action()? },
            23 => Self::ProposalApprove(r.bytes(32)?.try_into().ok()?),
            24 => Self::ProposalRevoke,
            25 => Self::ProposalExecute,
            26 => Self::ProposalClose,
            27 => Self::TreasuryClaim,
            28 => Self::ClaimPay,
            29 => Self::GridSweep,
            30 => Self::MeterRegister(r.device()?),
            31 => Self::MeterReplace(r.device()?),
            32 => Self::MeterClose,
            33 => Self::DeviceClose,
            34 => Self::PositionOpen(r.address()?),
            35 => Self::PositionSetRefund(r.address()?),
            36 => Self::PositionClose,
            37 => {
                let reading = Reading { window_start: r.i64()?, energy_wh: r.u64()?, sequence: r.u64()? };
                Self::DeliveryReport { reading, proof: r.u8()? }
            }
            38 => Self::DeliveryRelease,
            39 => Self::DeliveryRefund,
            40 => Self::DeliveryClose,
            41 => Self::CertificateTake(r.i64()?),
            42 => Self::CertificateTransfer { energy_wh: r.u64()?, to: r.address()? },
            43 => Self::CertificateRetire(r.text()?),
            44 => Self::BidCreate {
                nonce: r.u64()?,
                energy_wh: r.u64()?,
                max_price: r.u64()?,
                refund: r.address()?,
                bump: r.u8()?,
            },
            45 => Self::BidCancel,
            46 => Self::BidSettle { close: r.bool()? },
            47 => Self::AskSettle,
            48 => Self::ClearingOpen { low_price: r.u64()?, high_price: r.u64()? },
            49 => Self::ClearingTally,
            50 => Self::ClearingApply,
            51 => Self::ClearingClose,
            52 => Self::PoolReport,
            _ => return None,
        })
    }

    /// Name of the instruction that these bytes are, or begin like.
    pub fn name_of(data: &[u8]) -> Option<&'static str> {
        Self::NAMES.get(*data.first()? as usize).copied()
    }
}
