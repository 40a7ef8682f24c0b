//! The accounts that the model expects to find on chain, byte for byte.

use {
    anchor_lang::Discriminator,
    bytemuck::Zeroable,
    multibus::state::{self, BookMeter, BookWindow, FormerOwner, OwnerAccount, OwnerSlot, PositionWindow, Receipt},
    multibus_model::{
        Model, ModelBid, ModelBook, ModelBus, ModelCapacity, ModelCertificate, ModelClearing, ModelDevice, ModelLane,
        ModelMeter, ModelOffer, ModelPosition, ModelRation, ModelReceipt, ModelTerms, ModelTokens, call::Action,
        limit::LOCK_SECONDS,
    },
    solana_address::Address,
    std::{
        collections::{BTreeMap, BTreeSet},
        fmt::Debug,
    },
};

/// The layout of every account.
const LAYOUT: u8 = 2;

/// An account of the program.
pub enum Expected {
    Creator(state::Creator),
    Bus(Box<state::Bus>),
    Tombstone(state::Tombstone),
    /// Former owners are in no order.
    Ledger(Box<state::Ledger>, BTreeMap<Address, u64>),
    Capacity(Box<state::Capacity>),
    Seller(Box<state::Seller>),
    Offer(Box<state::Offer>),
    Lock(state::Lock),
    Lane(Box<state::Trader>),
    Proposal(Box<state::Proposal>),
    Claim(state::Claim),
    Meter(Box<state::Meter>),
    Device(state::Device),
    Book(Box<state::DeliveryBook>),
    Position(Box<state::PositionBook>),
    Certificate(Box<state::Certificate>),
    Bid(Box<state::Bid>),
    Clearing(Box<state::Clearing>),
}

fn same<T: Discriminator + bytemuck::AnyBitPattern + Debug + PartialEq>(
    expected: &T,
    data: &[u8],
) -> Result<(), String> {
    if data.len() != 8 + size_of::<T>() || &data[..8] != T::DISCRIMINATOR {
        return Err(format!("is of another type than {expected:?}"));
    }
    let found: T = bytemuck::pod_read_unaligned(&data[8..]);
    if found == *expected { Ok(()) } else { Err(format!("is\n  {found:?}\nand should be\n  {expected:?}")) }
}

impl Expected {
    pub fn compare(&self, data: &[u8]) -> Result<(), String> {
        match self {
            Self::Ledger(ledger, former) => {
                if data.len() != 8 + size_of::<state::Ledger>() {
                    return Err("is no ledger".to_owned());
                }
                let found: state::Ledger = bytemuck::pod_read_unaligned(&data[8..]);
                let places = &found.former_owners[..(found.former_owner_count as usize).min(16)];
                let listed: BTreeMap<_, _> =
                    places.iter().map(|FormerOwner { owner, accrued }| (*owner, *accrued)).collect();
                if listed != *former || places.len() != former.len() {
                    return Err(format!("has former owners {listed:?}, and should have {former:?}"));
                }
                let mut expected = **ledger;
                expected.former_owners[..places.len()].copy_from_slice(places);
                same(&expected, data)
            }
            Self::Creator(expected) => same(expected, data),
            Self::Bus(expected) => same(&**expected, data),
            Self::Tombstone(expected) => same(expected, data),
            Self::Capacity(expected) => same(&**expected, data),
            Self::Seller(expected) => same(&**expected, data),
            Self::Offer(expected) => same(&**expected, data),
            Self::Lock(expected) => same(expected, data),
            Self::Lane(expected) => same(&**expected, data),
            Self::Proposal(expected) => same(&**expected, data),
            Self::Claim(expected) => same(expected, data),
            Self::Meter(expected) => same(&**expected, data),
            Self::Device(expected) => same(expected, data),
            Self::Book(expected) => same(&**expected, data),
            Self::Position(expected) => same(&**expected, data),
            Self::Certificate(expected) => same(&**expected, data),
            Self::Bid(expected) => same(&**expected, data),
            Self::Clearing(expected) => same(&**expected, data),
        }
    }
}

/// The bump of an account of the program.
pub fn bump(model: &Model, address: &Address) -> u8 {
    let (found, bump) = if let Some(creator) = model.creators.get(address) {
        model.creator_address(&creator.wallet)
    } else if let Some(bus) = model.buses.get(address) {
        model.bus_address(&bus.creator, bus.bus_seq)
    } else if let Some(tombstone) = model.tombstones.get(address) {
        model.bus_address(&tombstone.creator, tombstone.bus_seq)
    } else if let Some(bus) = model.ledgers.get(address) {
        model.ledger_address(bus)
    } else if let Some(capacity) = model.capacities.get(address) {
        model.capacity_address(&capacity.bus, capacity.window_start)
    } else if let Some(seller) = model.sellers.get(address) {
        model.seller_address(&seller.bus, &seller.wallet)
    } else if let Some(offer) = model.offers.get(address) {
        model.offer_address(&offer.seller, offer.number)
    } else if let Some(lock) = model.locks.get(address) {
        model.lock_address(&lock.offer, &lock.buyer, lock.place)
    } else if let Some(lane) = model.lanes.get(address) {
        model.lane_address(&lane.wallet, lane.lane)
    } else if let Some(proposal) = model.proposals.get(address) {
        model.proposal_address(&proposal.bus, &proposal.proposer, proposal.number)
    } else if let Some(claim) = model.claims.get(address) {
        model.claim_address(&claim.bus, &claim.wallet)
    } else if let Some(meter) = model.meters.get(address) {
        model.meter_address(&meter.seller)
    } else if let Some(device) = model.devices.get(address) {
        model.device_address(&device.key)
    } else if let Some(book) = model.books.get(address) {
        model.book_address(&book.seller, book.first_window)
    } else if let Some(position) = model.positions.get(address) {
        model.position_address(&position.book, &position.buyer)
    } else if let Some(certificate) = model.certificates.get(address) {
        model.certificate_address(&certificate.seller, certificate.window_start, certificate.range_start)
    } else if let Some(bid) = model.bids.get(address) {
        let of = model.bid_address(&bid.transaction_hash, bid.bump).expect("a bump that makes an address");
        (of, bid.bump)
    } else if let Some(clearing) = model.clearings.get(address) {
        model.clearing_address(&clearing.capacity, &clearing.clearer)
    } else {
        return 0;
    };
    assert_eq!(found, *address, "an account is at its address");
    bump
}

/// The account of the program at an address; `None` where none should be.
pub fn state(model: &Model, address: &Address, bump: u8) -> Option<Expected> {
    let expected = if let Some(creator) = model.creators.get(address) {
        Expected::Creator(state::Creator {
            layout_version: LAYOUT,
            bump,
            next_bus: creator.next_bus,
            wallet: creator.wallet,
            ..Zeroable::zeroed()
        })
    } else if let Some(bus) = model.buses.get(address) {
        Expected::Bus(Box::new(self::bus(model, bus, bump)))
    } else if let Some(tombstone) = model.tombstones.get(address) {
        let mint = &model.mints[&tombstone.mint];
        Expected::Tombstone(state::Tombstone {
            layout_version: LAYOUT,
            bump,
            mint_decimals: mint.decimals,
            open_claims: model.open_of(address).3 as u32,
            bus_seq: tombstone.bus_seq,
            closed_at: tombstone.closed_at,
            creator: tombstone.creator,
            mint: tombstone.mint,
            token_program: mint.program,
            unclaimed: tombstone.unclaimed,
            ..Zeroable::zeroed()
        })
    } else if let Some(bus) = model.ledgers.get(address) {
        self::ledger(model, bus, bump)
    } else if let Some(capacity) = model.capacities.get(address) {
        Expected::Capacity(Box::new(self::capacity(capacity, bump)))
    } else if let Some(seller) = model.sellers.get(address) {
        Expected::Seller(Box::new(state::Seller {
            layout_version: LAYOUT,
            bump,
            suspended: seller.suspended as u8,
            admitted: seller.admitted as u8,
            open_offers: seller.open_offers,
            next_offer: seller.next_offer,
            released: seller.released,
            opened_at: seller.opened_at,
            bus: seller.bus,
            wallet: seller.wallet,
            vault: seller.vault,
            rent_payer: seller.rent_payer,
            grid_fees_owed: seller.grid_fees_owed,
            meter: seller.meter.unwrap_or_default(),
            open_books: seller.open_books,
            ..Zeroable::zeroed()
        }))
    } else if let Some(offer) = model.offers.get(address) {
        Expected::Offer(Box::new(self::offer(model, offer, bump)))
    } else if let Some(lock) = model.locks.get(address) {
        Expected::Lock(state::Lock {
            layout_version: LAYOUT,
            bump,
            place: lock.place,
            state: lock.is_unpaid as u8,
            number: lock.number,
            lock_fee_bps: lock.lock_fee_bps,
            energy_wh: lock.energy_wh,
            price_per_kwh: lock.price_per_kwh,
            deposit: lock.deposit,
            taken_at: lock.taken_at,
            expires_at: lock.taken_at + LOCK_SECONDS,
            bus: lock.bus,
            offer: lock.offer,
            buyer: lock.buyer,
            refund: lock.refund,
            grid_fee_per_kwh: lock.grid_fee_per_kwh,
            ..Zeroable::zeroed()
        })
    } else if let Some(lane) = model.lanes.get(address) {
        Expected::Lane(Box::new(self::lane(lane, bump)))
    } else if let Some(claim) = model.claims.get(address) {
        Expected::Claim(state::Claim {
            layout_version: LAYOUT,
            bump,
            amount: claim.amount,
            bus: claim.bus,
            wallet: claim.wallet,
            refund: claim.refund,
            rent_payer: claim.rent_payer,
            ..Zeroable::zeroed()
        })
    } else if let Some(meter) = model.meters.get(address) {
        Expected::Meter(Box::new(self::meter(meter, bump)))
    } else if let Some(device) = model.devices.get(address) {
        Expected::Device(self::device(device, bump))
    } else if let Some(book) = model.books.get(address) {
        Expected::Book(Box::new(self::book(book, bump)))
    } else if let Some(position) = model.positions.get(address) {
        Expected::Position(Box::new(self::position(position, bump)))
    } else if let Some(certificate) = model.certificates.get(address) {
        Expected::Certificate(Box::new(self::certificate(certificate, bump)))
    } else if let Some(bid) = model.bids.get(address) {
        Expected::Bid(Box::new(self::bid(bid, bump)))
    } else if let Some(clearing) = model.clearings.get(address) {
        Expected::Clearing(Box::new(self::clearing(clearing, bump)))
    } else {
        let proposal = model.proposals.get(address)?;
        Expected::Proposal(Box::new(state::Proposal {
            layout_version: LAYOUT,
            bump,
            state: proposal.executed_at.is_some() as u8,
            approvals: proposal.approvals.iter().map(|place| 1u16 << place).sum(),
            number: proposal.number,
            config_version: proposal.config_version,
            pause_version: proposal.pause_version,
            created_at: proposal.created_at,
            executable_at: proposal.executable_at,
            expires_at: proposal.expires_at,
            executed_at: proposal.executed_at.unwrap_or(0),
            was_decided: proposal.was_decided as u8,
            bus: proposal.bus,
            proposer: proposal.proposer,
            hash: proposal.hash,
            action: self::action(&proposal.action),
            ..Zeroable::zeroed()
        }))
    };
    Some(expected)
}

fn bus(model: &Model, bus: &ModelBus, bump: u8) -> state::Bus {
    let mint = &model.mints[&bus.mint];
    let mut name = [0; 32];
    name[..bus.name.len()].copy_from_slice(&bus.name);
    let mut owners = [OwnerSlot::zeroed(); 16];
    for (slot, owner) in owners.iter_mut().zip(&bus.owners) {
        (slot.owner, slot.share_bps) = (owner.wallet, owner.share_bps);
    }
    state::Bus {
        layout_version: LAYOUT,
        bump,
        owner_count: bus.owners.len() as u8,
        threshold: bus.threshold,
        listing_policy: bus.listing_policy,
        paused: bus.paused as u8,
        name_len: bus.name.len() as u8,
        mint_decimals: mint.decimals,
        timelock_seconds: bus.timelock_seconds,
        horizon_seconds: bus.horizon_seconds,
        lock_fee_bps: bus.lock_fee_bps,
        pause_quorum: bus.pause_quorum,
        closing: bus.closing as u8,
        closing_at: bus.closing_at,
        capacity_wh: bus.capacity_wh,
        base_price_per_kwh: bus.base_price_per_kwh,
        reserve_price_per_kwh: bus.reserve_price_per_kwh,
        least_wh: bus.least_wh,
        config_version: bus.config_version,
        pause_version: bus.pause_version,
        bus_seq: bus.bus_seq,
        created_at: bus.created_at,
        creator: bus.creator,
        mint: bus.mint,
        token_program: mint.program,
        treasury: bus.treasury,
        unclaimed: bus.unclaimed,
        escrow: bus.escrow,
        seller: bus.seller,
        operator: bus.operator.unwrap_or_default(),
        grid_recipient: bus.grid_recipient.unwrap_or_default(),
        terms: terms(&bus.terms),
        next_terms: bus.next_terms.as_ref().map_or_else(Zeroable::zeroed, terms),
        readings_until: bus.readings_until,
        name,
        owners,
        ..Zeroable::zeroed()
    }
}

fn ledger(model: &Model, at: &Address, bump: u8) -> Expected {
    let bus = &model.buses[at];
    let (sellers, windows, proposals, claims) = model.open_of(at);
    let mut owners = [OwnerAccount::zeroed(); 16];
    for (slot, owner) in owners.iter_mut().zip(&bus.owners) {
        *slot = OwnerAccount {
            accrued: owner.accrued as u64,
            claimed: owner.claimed as u64,
            next_proposal: owner.next_proposal,
        };
    }
    let ledger = state::Ledger {
        layout_version: LAYOUT,
        bump,
        former_owner_count: bus.former.len() as u8,
        open_sellers: sellers as u32,
        open_windows: windows as u32,
        open_proposals: proposals as u32,
        open_claims: claims as u32,
        unclaimed_total: model.claims_on(at),
        period_claimed: bus.owners.iter().map(|owner| owner.claimed).sum::<u128>() as u64,
        accrued_total: bus.accrued_by_all() as u64,
        diverted: bus.diverted,
        proposals_from: bus.proposals_from,
        bus: *at,
        owners,
        ..Zeroable::zeroed()
    };
    let former = bus.former.iter().map(|(wallet, accrued)| (*wallet, *accrued as u64)).collect();
    Expected::Ledger(Box::new(ledger), former)
}

fn ration(ration: &ModelRation) -> state::Ration {
    state::Ration { at_price_wh: ration.at_price_wh, filled_wh: ration.filled_wh, settled_wh: ration.settled_wh }
}

fn capacity(capacity: &ModelCapacity, bump: u8) -> state::Capacity {
    let mut expected = state::Capacity {
        layout_version: LAYOUT,
        bump,
        open_offers: capacity.open_offers,
        window_start: capacity.window_start,
        terms: terms(&capacity.terms),
        gate_closes_at: capacity.gate_closes_at,
        total_wh: capacity.total_wh,
        available_wh: capacity.available_wh(),
        committed_wh: capacity.committed_wh(),
        bus: capacity.bus,
        rent_payer: capacity.rent_payer,
        open_bids: capacity.open_bids,
        escrowed: capacity.escrowed,
        given_up: capacity.given_up as u8,
        ..Zeroable::zeroed()
    };
    if let Some(auction) = &capacity.auction {
        expected.cleared_at = auction.cleared_at;
        expected.price_per_kwh = auction.price_per_kwh;
        expected.volume_wh = auction.volume_wh;
        (expected.bids, expected.asks) = (ration(&auction.bids), ration(&auction.asks));
        (expected.reported_wh, expected.delivered_wh) = (auction.reported_wh, auction.delivered_wh);
        expected.pool_complete_at = auction.pool_complete_at.unwrap_or(0);
    }
    expected
}

fn bid(bid: &ModelBid, bump: u8) -> state::Bid {
    state::Bid {
        layout_version: LAYOUT,
        bump,
        state: bid.state as u8,
        energy_wh: bid.energy_wh,
        max_price_per_kwh: bid.max_price_per_kwh,
        price_per_kwh: bid.price_per_kwh,
        deposit: bid.deposit,
        paid: bid.paid,
        allotted_wh: bid.allotted_wh,
        delivered_wh: bid.delivered_wh,
        certified_wh: bid.certified_wh,
        window_start: bid.window_start,
        created_at: bid.created_at,
        bus: bid.bus,
        capacity: bid.capacity,
        buyer: bid.buyer,
        refund: bid.refund,
        transaction_hash: bid.transaction_hash,
        ..Zeroable::zeroed()
    }
}

fn clearing(clearing: &ModelClearing, bump: u8) -> state::Clearing {
    state::Clearing {
        layout_version: LAYOUT,
        bump,
        low_price: clearing.low_price,
        high_price: clearing.high_price,
        bids: clearing.count(true) as u32,
        offers: clearing.count(false) as u32,
        bid_wh: clearing.classes(true),
        ask_wh: clearing.classes(false),
        opened_at: clearing.opened_at,
        last: clearing.tallied.last_key_value().map_or_else(Address::default, |(last, _)| *last),
        bus: clearing.bus,
        capacity: clearing.capacity,
        clearer: clearing.clearer,
        ..Zeroable::zeroed()
    }
}

fn offer(model: &Model, offer: &ModelOffer, bump: u8) -> state::Offer {
    state::Offer {
        layout_version: LAYOUT,
        bump,
        source: offer.source,
        cancelled: offer.cancelled as u8 + offer.cancelled_by_lister as u8,
        version: offer.version,
        open_locks: offer.open_locks,
        least_wh: offer.least_wh,
        locks_taken: offer.locks_taken,
        number: offer.number,
        price_per_kwh: offer.price_per_kwh,
        listed_wh: offer.listed_wh,
        remaining_wh: offer.remaining_wh,
        reserved_wh: offer.reserved_wh,
        proceeds: offer.proceeds,
        deposits: offer.deposits,
        window_start: offer.window_start,
        gate_closes_at: offer.gate_closes_at,
        created_at: offer.created_at,
        trades_from: offer.trades_from,
        expires_at: offer.expires_at,
        locked_until: offer.locked_until,
        bus: offer.bus,
        capacity: offer.capacity,
        seller: offer.seller,
        vault: model.sellers[&offer.seller].vault,
        wallet: offer.wallet,
        rent_payer: offer.rent_payer,
        grid_fee_per_kwh: offer.grid_fee_per_kwh,
        grid_credited: offer.grid_credited,
        book: offer.book.map_or_else(Address::default, |(book, _)| book),
        book_place: offer.book.map_or(0, |(_, place)| place as u8),
        on_delivery: offer.book.is_some() as u8,
        full_price_per_kwh: offer.full_price(),
        in_auction: offer.in_auction as u8,
        settled: offer.settled as u8,
        ..Zeroable::zeroed()
    }
}

fn terms(terms: &ModelTerms) -> state::Terms {
    bytemuck::pod_read_unaligned(&terms.bytes())
}

fn meter(meter: &ModelMeter, bump: u8) -> state::Meter {
    state::Meter {
        layout_version: LAYOUT,
        bump,
        source: meter.spec.source,
        power_w: meter.spec.power_w,
        valid_from: meter.spec.valid_from,
        listed_until: meter.listed_until,
        registered_at: meter.registered_at,
        bus: meter.bus,
        seller: meter.seller,
        key: meter.key,
        rent_payer: meter.rent_payer,
        ..Zeroable::zeroed()
    }
}

fn device(device: &ModelDevice, bump: u8) -> state::Device {
    state::Device {
        layout_version: LAYOUT,
        bump,
        retired: device.retired.is_some() as u8,
        busy_until: device.retired.unwrap_or(0),
        key: device.key,
        bus: device.bus,
        seller: device.seller,
        rent_payer: device.rent_payer,
        ..Zeroable::zeroed()
    }
}

fn book(book: &ModelBook, bump: u8) -> state::DeliveryBook {
    let mut meters = [BookMeter::zeroed(); 4];
    for (slot, device) in meters.iter_mut().zip(&book.devices) {
        *slot = BookMeter { key: device.key, power_w: device.power_w, source: device.source, padding: [0; 7] };
    }
    let mut windows = [BookWindow::zeroed(); 96];
    for (place, window) in &book.windows {
        windows[*place] = BookWindow {
            listed_wh: window.listed_wh,
            sold_wh: window.sold_wh,
            paid: window.paid,
            delivered_wh: window.delivered_wh,
            certified_wh: window.certified_wh,
            reported_at: window.reported_at.unwrap_or(0),
            sequence: window.sequence,
            meter: window.device as u8,
            state: if window.released.is_some() { 2 } else { 1 },
            operator_readings: window.operator_readings,
            surplus_certified: window.surplus_certified as u8,
            auction_wh: window.auction_wh,
            unsettled_offers: window.unsettled_offers,
            pool_reported: window.pool_reported as u8,
            auction_certified_wh: window.auction_certified_wh,
            ..Zeroable::zeroed()
        };
    }
    state::DeliveryBook {
        layout_version: LAYOUT,
        bump,
        meter_count: book.devices.len() as u8,
        open_offers: book.open_offers,
        open_positions: book.open_positions,
        first_window: book.first_window,
        settled: book.settled(),
        terms: terms(&book.terms),
        bus: book.bus,
        bus_created_at: book.bus_created_at,
        meter: book.meter,
        seller: book.seller,
        vault: book.vault,
        rent_payer: book.rent_payer,
        meters,
        windows,
        pool_due: book.pool_due,
        pool_grid_fee: book.pool_grid_fee,
        ..Zeroable::zeroed()
    }
}

fn position(position: &ModelPosition, bump: u8) -> state::PositionBook {
    let mut windows = [PositionWindow::zeroed(); 96];
    for (place, (energy_wh, paid)) in &position.windows {
        windows[*place] = PositionWindow { energy_wh: *energy_wh, paid: *paid };
    }
    let set = |places: &BTreeSet<usize>| {
        let bits: u128 = places.iter().map(|place| 1u128 << place).sum();
        [bits as u64, (bits >> 64) as u64]
    };
    state::PositionBook {
        layout_version: LAYOUT,
        bump,
        open_locks: position.open_locks,
        refunded: set(&position.refunded),
        certified: set(&position.certified),
        book: position.book,
        buyer: position.buyer,
        refund: position.refund,
        rent_payer: position.rent_payer,
        windows,
        ..Zeroable::zeroed()
    }
}

fn certificate(certificate: &ModelCertificate, bump: u8) -> state::Certificate {
    state::Certificate {
        layout_version: LAYOUT,
        bump,
        source: certificate.source,
        window_seconds: certificate.window_seconds,
        window_start: certificate.window_start,
        range_start: certificate.range_start,
        range_end: certificate.range_end,
        issued_at: certificate.issued_at,
        device: certificate.device,
        bus: certificate.bus,
        seller: certificate.seller,
        owner: certificate.owner,
        rent_payer: certificate.rent_payer,
        ..Zeroable::zeroed()
    }
}

fn lane(lane: &ModelLane, bump: u8) -> state::Trader {
    let mut receipts = [Receipt::zeroed(); 16];
    let count = lane.receipts.len();
    for (index, receipt) in lane.receipts.iter().enumerate().skip(count.saturating_sub(16)) {
        receipts[((lane.first_nonce + index as u64) % 16) as usize] = Receipt {
            transaction_hash: receipt.transaction_hash,
            energy_wh: receipt.energy_wh,
            paid: receipt.paid,
            purchased_at: receipt.purchased_at,
        };
    }
    let total = |part: fn(&ModelReceipt) -> u64| lane.receipts.iter().map(part).fold(0u64, u64::saturating_add);
    state::Trader {
        layout_version: LAYOUT,
        bump,
        lane: lane.lane,
        next_nonce: lane.next_nonce(),
        first_nonce: lane.first_nonce,
        total_energy_wh: total(|receipt| receipt.energy_wh),
        total_paid: total(|receipt| receipt.paid),
        opened_at: lane.opened_at,
        wallet: lane.wallet,
        history_root: lane.history_root,
        receipts,
        ..Zeroable::zeroed()
    }
}

/// The model writes an action byte for byte, since a proposal's hash covers it.
fn action(action: &Action) -> state::Action {
    bytemuck::pod_read_unaligned(&action.bytes().expect("an action that was proposed"))
}

/// A token account as it is on the chain.
pub fn read_tokens(data: &[u8]) -> ModelTokens {
    let key = |at: usize| Address::try_from(&data[at..at + 32]).expect("32 bytes");
    let number = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().expect("8 bytes"));
    ModelTokens {
        mint: key(0),
        owner: key(32),
        amount: number(64),
        frozen: data[108] == 2,
        asks_memo: asks_memo(data),
        delegate: (data[72] == 1).then(|| (key(76), number(121))),
        native_reserve: (data[109] == 1).then(|| number(113)),
    }
}

/// Whether a token account has the extension that asks for memos, turned on. Extensions follow byte 166: type and length
/// in 2 bytes each, then the value.
fn asks_memo(data: &[u8]) -> bool {
    const MEMO_TRANSFER: u16 = 8;
    let mut rest = data.get(166..).unwrap_or_default();
    while let Some((head, tail)) = rest.split_at_checked(4) {
        let (kind, length) = (u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]) as usize);
        if kind == MEMO_TRANSFER {
            return tail.first() == Some(&1);
        }
        if kind == 0 {
            return false;
        }
        rest = tail.get(length..).unwrap_or_default();
    }
    false
}

/// Compares a token account.
pub fn tokens(expected: &ModelTokens, data: &[u8]) -> Result<(), String> {
    let found = read_tokens(data);
    let closable = u32::from_le_bytes(data[129..133].try_into().expect("4 bytes")) == 1;
    if found != *expected || closable {
        return Err(format!("is {found:?} (somebody else may close it: {closable}), and should be {expected:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use {super::*, multibus::constants, multibus_model::limit};

    #[test]
    fn the_model_states_the_limits_and_sizes_of_the_program() {
        assert_eq!(limit::MAX_OWNERS, constants::MAX_OWNERS);
        assert_eq!(limit::MAX_FORMER_OWNERS, constants::MAX_FORMER_OWNERS);
        assert_eq!(limit::MAX_NAME_BYTES, constants::MAX_NAME_LEN);
        assert_eq!(limit::ALL_BPS, u32::from(constants::FULL_SHARE_BPS));
        assert_eq!(limit::MAX_LOCK_FEE_BPS, constants::MAX_LOCK_FEE_BPS);
        assert_eq!(limit::MAX_CAPACITY_WH, constants::MAX_CAPACITY_WH);
        assert_eq!(limit::MAX_TIMELOCK_SECONDS, constants::MAX_TIMELOCK_SECONDS);
        assert_eq!(limit::PROPOSAL_SECONDS, constants::PROPOSAL_LIFETIME_SECONDS);
        assert_eq!(limit::WINDOW_SECONDS, constants::MIN_WINDOW_SECONDS..=constants::MAX_WINDOW_SECONDS);
        assert_eq!(limit::MAX_GATE_CLOSURE_SECONDS, constants::MAX_GATE_CLOSURE_SECONDS);
        assert_eq!(limit::HORIZON_SECONDS, constants::MIN_HORIZON_SECONDS..=constants::MAX_HORIZON_SECONDS);
        assert_eq!(limit::LOCK_SECONDS, constants::LOCK_SECONDS);
        assert_eq!(limit::LOCK_MARGIN_SECONDS, constants::LOCK_MARGIN_SECONDS);
        assert_eq!(limit::MAX_LOCKS, constants::MAX_LOCKS);
        assert_eq!(limit::BUS_OFFER_DELAY_SECONDS, constants::BUS_OFFER_DELAY_SECONDS);
        assert_eq!(limit::MAX_BATCH_ITEMS, constants::MAX_BATCH_ITEMS);
        assert_eq!(limit::MAX_FIRST_SLOT_AHEAD, constants::FIRST_SLOT_AHEAD);
        assert_eq!(limit::LONGEST_PERIOD, u128::from(constants::LONGEST_PERIOD));
        assert_eq!(limit::EMPTY_WALLET_LAMPORTS, constants::EMPTY_WALLET_LAMPORTS);
        assert_eq!(limit::COUNTER_SLOT_SHIFT, constants::COUNTER_SLOT_SHIFT);
        let bytes = |size: usize| size as u64 + 8;
        assert_eq!(limit::account_bytes::CREATOR, bytes(size_of::<state::Creator>()));
        assert_eq!(limit::account_bytes::BUS, bytes(size_of::<state::Bus>()));
        assert_eq!(limit::account_bytes::TOMBSTONE, bytes(size_of::<state::Tombstone>()));
        assert_eq!(limit::account_bytes::LEDGER, bytes(size_of::<state::Ledger>()));
        assert_eq!(limit::account_bytes::CAPACITY, bytes(size_of::<state::Capacity>()));
        assert_eq!(limit::account_bytes::SELLER, bytes(size_of::<state::Seller>()));
        assert_eq!(limit::account_bytes::OFFER, bytes(size_of::<state::Offer>()));
        assert_eq!(limit::account_bytes::LOCK, bytes(size_of::<state::Lock>()));
        assert_eq!(limit::account_bytes::LANE, bytes(size_of::<state::Trader>()));
        assert_eq!(limit::account_bytes::PROPOSAL, bytes(size_of::<state::Proposal>()));
        assert_eq!(limit::account_bytes::CLAIM, bytes(size_of::<state::Claim>()));
        assert_eq!(limit::account_bytes::METER, bytes(size_of::<state::Meter>()));
        assert_eq!(limit::account_bytes::DEVICE, bytes(size_of::<state::Device>()));
        assert_eq!(limit::account_bytes::BOOK, bytes(size_of::<state::DeliveryBook>()));
        assert_eq!(limit::account_bytes::POSITION, bytes(size_of::<state::PositionBook>()));
        assert_eq!(limit::account_bytes::CERTIFICATE, bytes(size_of::<state::Certificate>()));
        assert_eq!(limit::account_bytes::BID, bytes(size_of::<state::Bid>()));
        assert_eq!(limit::account_bytes::CLEARING, bytes(size_of::<state::Clearing>()));
        assert_eq!(limit::MIN_AUCTION_SECONDS, constants::MIN_AUCTION_SECONDS);
        assert_eq!(limit::AUCTION_CLOSING_SECONDS, constants::AUCTION_CLOSING_SECONDS);
        assert_eq!(limit::AUCTION_PROOF_SECONDS, constants::AUCTION_PROOF_SECONDS);
        assert_eq!(limit::MAX_BIDS, constants::MAX_BIDS);
        assert_eq!(limit::MAX_GRID_FEE, constants::MAX_GRID_FEE_PER_KWH);
        assert_eq!(limit::READING_SECONDS, constants::MIN_READING_SECONDS..=constants::MAX_READING_SECONDS);
        assert_eq!(limit::BOOK_WINDOWS, constants::BOOK_WINDOWS);
        assert_eq!(limit::MAX_BOOK_DEVICES, constants::MAX_BOOK_METERS);
        assert_eq!(limit::MAX_POWER_W, constants::MAX_POWER_W);
        assert_eq!(limit::MAX_OPERATOR_READINGS, constants::MAX_OPERATOR_READINGS);
        assert_eq!(limit::CERTIFICATE_SECONDS, constants::CERTIFICATE_SECONDS);
        assert_eq!(limit::MAX_BENEFICIARY_BYTES, constants::MAX_BENEFICIARY_LEN);
    }
}
