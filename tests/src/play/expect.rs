//! The accounts that the model expects to find on chain, byte for byte.

use {
    anchor_lang::Discriminator,
    bytemuck::Zeroable,
    multibus::state::{self, ActionKind, FormerOwner, OfferSeqWindow, OwnerSlot, Receipt},
    multibus_model::{
        Model, ModelBus, ModelCapacity, ModelLane, ModelOffer, ModelReceipt, ModelTokens, call::Action,
        limit::LOCK_SECONDS,
    },
    solana_address::Address,
    std::{collections::BTreeMap, fmt::Debug},
};

/// An account of the program.
pub enum Expected {
    Bus(Box<state::Bus>, BTreeMap<Address, u128>),
    Capacity(state::Capacity),
    Offer(state::Offer),
    Lock(state::Lock),
    Lane(Box<state::Trader>),
    Proposal(Box<state::Proposal>),
}

fn same<T: Discriminator + bytemuck::Pod + Debug + PartialEq>(expected: &T, data: &[u8]) -> Result<(), String> {
    if data.len() != 8 + size_of::<T>() || &data[..8] != T::DISCRIMINATOR {
        return Err(format!("is of another type than {expected:?}"));
    }
    let found: T = bytemuck::pod_read_unaligned(&data[8..]);
    if found == *expected { Ok(()) } else { Err(format!("is\n  {found:?}\nand should be\n  {expected:?}")) }
}

impl Expected {
    pub fn compare(&self, data: &[u8]) -> Result<(), String> {
        match self {
            Self::Bus(bus, former) => {
                if data.len() != 8 + size_of::<state::Bus>() {
                    return Err("is no bus".to_owned());
                }
                let found: state::Bus = bytemuck::pod_read_unaligned(&data[8..]);
                // Former owners are in no order.
                let places = &found.former_owners[..(found.former_owner_count as usize).min(16)];
                let listed: BTreeMap<_, _> =
                    places.iter().map(|FormerOwner { owner, accrued }| (*owner, *accrued as u128)).collect();
                if listed != *former || places.len() != former.len() {
                    return Err(format!("has former owners {listed:?}, and should have {former:?}"));
                }
                let mut expected = **bus;
                expected.former_owners[..places.len()].copy_from_slice(places);
                same(&expected, data)
            }
            Self::Capacity(expected) => same(expected, data),
            Self::Offer(expected) => same(expected, data),
            Self::Lock(expected) => same(expected, data),
            Self::Lane(expected) => same(&**expected, data),
            Self::Proposal(expected) => same(&**expected, data),
        }
    }
}

/// The bump of an account of the program.
pub fn bump(model: &Model, address: &Address) -> u8 {
    let (found, bump) = if let Some(bus) = model.buses.get(address) {
        model.bus_address(&bus.creator, bus.bus_seq)
    } else if let Some(capacity) = model.capacities.get(address) {
        model.capacity_address(&capacity.bus, capacity.window_start)
    } else if let Some(offer) = model.offers.get(address) {
        model.offer_address(&offer.capacity, offer.offer_seq)
    } else if let Some(lock) = model.locks.get(address) {
        model.lock_address(&lock.offer, &lock.buyer)
    } else if let Some(lane) = model.lanes.get(address) {
        model.lane_address(&lane.wallet, lane.lane)
    } else if let Some(proposal) = model.proposals.get(address) {
        model.proposal_address(&proposal.bus, proposal.proposal_seq)
    } else {
        return 0;
    };
    assert_eq!(found, *address, "an account is at its address");
    bump
}

/// The account of the program at an address; `None` where none should be.
pub fn state(model: &Model, address: &Address, bump: u8) -> Option<Expected> {
    if let Some(bus) = model.buses.get(address) {
        Some(self::bus(model, bus, bump))
    } else if let Some(capacity) = model.capacities.get(address) {
        Some(Expected::Capacity(self::capacity(capacity, bump)))
    } else if let Some(offer) = model.offers.get(address) {
        Some(Expected::Offer(self::offer(offer, bump)))
    } else if let Some(lock) = model.locks.get(address) {
        Some(Expected::Lock(state::Lock {
            layout_version: 1,
            bump,
            lock_fee_bps: lock.lock_fee_bps,
            energy_wh: lock.energy_wh,
            price_per_kwh: lock.price_per_kwh,
            deposit: lock.deposit,
            taken_at: lock.taken_at,
            expires_at: lock.taken_at + LOCK_SECONDS,
            bus: lock.bus,
            offer: lock.offer,
            buyer: lock.buyer,
            ..Zeroable::zeroed()
        }))
    } else if let Some(lane) = model.lanes.get(address) {
        Some(Expected::Lane(Box::new(self::lane(lane, bump))))
    } else {
        let proposal = model.proposals.get(address)?;
        Some(Expected::Proposal(Box::new(state::Proposal {
            layout_version: 1,
            bump,
            state: proposal.executed_at.is_some() as u8,
            approvals: proposal.approvals.iter().map(|place| 1u16 << place).sum(),
            proposal_seq: proposal.proposal_seq,
            config_version: proposal.config_version,
            created_at: proposal.created_at,
            executable_at: proposal.executable_at,
            executed_at: proposal.executed_at.unwrap_or(0),
            bus: proposal.bus,
            proposer: proposal.proposer,
            action: self::action(&proposal.action),
            ..Zeroable::zeroed()
        })))
    }
}

fn bus(model: &Model, bus: &ModelBus, bump: u8) -> Expected {
    let former = bus.former_owners();
    let mint = &model.mints[&bus.mint];
    let of = |sums: &BTreeMap<Address, u128>, wallet: &Address| sums.get(wallet).copied().unwrap_or(0);
    let mut name = [0; 32];
    name[..bus.name.len()].copy_from_slice(&bus.name);
    let mut owners = [OwnerSlot::zeroed(); 16];
    for (slot, (owner, share_bps)) in owners.iter_mut().zip(&bus.owners) {
        let (earned, claimed) = (of(&bus.earned, owner), of(&bus.claimed, owner));
        *slot = OwnerSlot {
            owner: *owner,
            accrued: earned.saturating_sub(claimed) as u64,
            claimed: claimed.saturating_sub(earned) as u64,
            share_bps: *share_bps,
            reserved: [0; 14],
        };
    }
    let expected = state::Bus {
        layout_version: 1,
        bump,
        owner_count: bus.owners.len() as u8,
        threshold: bus.threshold,
        listing_policy: bus.listing_policy,
        paused: bus.paused as u8,
        name_len: bus.name.len() as u8,
        mint_decimals: mint.decimals,
        timelock_seconds: bus.timelock_seconds,
        window_seconds: bus.window_seconds,
        gate_closure_seconds: bus.gate_closure_seconds,
        lock_fee_bps: bus.lock_fee_bps,
        pause_quorum: bus.pause_quorum,
        former_owner_count: former.len() as u8,
        capacity_wh: bus.capacity_wh,
        base_price_per_kwh: bus.base_price_per_kwh,
        config_version: bus.config_version,
        proposal_seq: bus.proposal_seq,
        bus_seq: bus.bus_seq,
        created_at: bus.created_at,
        creator: bus.creator,
        mint: bus.mint,
        token_program: mint.program,
        escrow: bus.escrow,
        treasury: bus.treasury,
        treasury_claimed: bus.claimed_by_all() as u64,
        treasury_settled: bus.earned_by_all() as u64,
        name,
        owners,
        former_owners: Zeroable::zeroed(),
        resumed_at: bus.resumed_at,
        reserved: [0; 31],
    };
    Expected::Bus(Box::new(expected), former)
}

fn capacity(capacity: &ModelCapacity, bump: u8) -> state::Capacity {
    let next = capacity.next_seq();
    let mut used = [0; 16];
    for seq in capacity.used.range(next.saturating_sub(1_024)..) {
        used[(seq / 64 % 16) as usize] |= 1 << (seq % 64);
    }
    state::Capacity {
        layout_version: 1,
        bump,
        window_seconds: capacity.window_seconds,
        window_start: capacity.window_start,
        total_wh: capacity.total_wh,
        available_wh: capacity.available_wh,
        listed_wh: capacity.listed_wh,
        sold_wh: capacity.sold_wh,
        open_offers: capacity.open_offers,
        open_windows: capacity.open_windows,
        offer_seqs: OfferSeqWindow { next, used },
        bus: capacity.bus,
        rent_payer: capacity.rent_payer,
        ..Zeroable::zeroed()
    }
}

fn offer(offer: &ModelOffer, bump: u8) -> state::Offer {
    state::Offer {
        layout_version: 1,
        bump,
        source: offer.source,
        owned_by_bus: offer.of_bus as u8,
        cancelled: offer.cancelled as u8,
        version: offer.version,
        open_locks: offer.open_locks,
        offer_seq: offer.offer_seq,
        price_per_kwh: offer.price_per_kwh,
        listed_wh: offer.listed_wh,
        remaining_wh: offer.remaining_wh,
        reserved_wh: offer.reserved_wh,
        window_start: offer.window_start,
        created_at: offer.created_at,
        expires_at: offer.expires_at,
        bus: offer.bus,
        capacity: offer.capacity,
        seller: offer.seller,
        payout: offer.payout,
        rent_payer: offer.rent_payer,
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
        layout_version: 1,
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

fn action(action: &Action) -> state::Action {
    let plain = |kind: ActionKind, value: u64| state::Action { kind: kind as u8, value, ..Zeroable::zeroed() };
    let divided = |kind: ActionKind, owner: Address, shares: &[u16]| {
        let mut shares_bps = [0; 16];
        shares_bps[..shares.len()].copy_from_slice(shares);
        state::Action { owner, share_count: shares.len() as u8, shares_bps, ..plain(kind, 0) }
    };
    match action {
        Action::OwnerAdd { owner, shares } => divided(ActionKind::OwnerAdd, *owner, shares),
        Action::OwnerRemove { owner, shares } => divided(ActionKind::OwnerRemove, *owner, shares),
        Action::SharesSet { shares } => divided(ActionKind::SharesSet, Address::default(), shares),
        Action::ThresholdSet(value) => plain(ActionKind::ThresholdSet, *value as u64),
        Action::TimelockSet(value) => plain(ActionKind::TimelockSet, *value as u64),
        Action::CapacitySet(value) => plain(ActionKind::CapacitySet, *value),
        Action::BasePriceSet(value) => plain(ActionKind::BasePriceSet, *value),
        Action::ListingPolicySet(value) => plain(ActionKind::ListingPolicySet, *value as u64),
        Action::WindowsSet { window, gate_closure } => state::Action {
            gate_closure_seconds: *gate_closure as u64,
            ..plain(ActionKind::WindowsSet, *window as u64)
        },
        Action::LockFeeSet(value) => plain(ActionKind::LockFeeSet, *value as u64),
        Action::Pause => plain(ActionKind::Pause, 0),
        Action::Resume => plain(ActionKind::Resume, 0),
    }
}

/// Compares a token account.
pub fn tokens(expected: &ModelTokens, data: &[u8]) -> Result<(), String> {
    let key = |at: usize| Address::try_from(&data[at..at + 32]).expect("32 bytes");
    let number = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().expect("8 bytes"));
    let delegate = (data[72] == 1).then(|| (key(76), number(121)));
    let found = ModelTokens { mint: key(0), owner: key(32), amount: number(64), frozen: data[108] == 2, delegate };
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
        assert_eq!(limit::MAX_TIMELOCK_SECONDS, constants::MAX_TIMELOCK_SECONDS);
        assert_eq!(limit::WINDOW_SECONDS, constants::MIN_WINDOW_SECONDS..=constants::MAX_WINDOW_SECONDS);
        assert_eq!(limit::MAX_GATE_CLOSURE_SECONDS, constants::MAX_GATE_CLOSURE_SECONDS);
        assert_eq!(limit::MAX_WINDOW_AHEAD_SECONDS, constants::WINDOW_HORIZON_SECONDS);
        assert_eq!(limit::LOCK_SECONDS, constants::LOCK_SECONDS);
        assert_eq!(limit::MAX_BATCH_ITEMS, constants::MAX_BATCH_ITEMS);
        assert_eq!(limit::OFFER_SEQ_WINDOW, constants::OFFER_SEQ_WINDOW);
        assert_eq!(limit::MAX_FIRST_SLOT_AHEAD, constants::FIRST_SLOT_AHEAD);
        assert_eq!(limit::NONCE_SLOT_SHIFT, constants::NONCE_SLOT_SHIFT);
        let bytes = |size: usize| size as u64 + 8;
        assert_eq!(limit::account_bytes::BUS, bytes(size_of::<state::Bus>()));
        assert_eq!(limit::account_bytes::CAPACITY, bytes(size_of::<state::Capacity>()));
        assert_eq!(limit::account_bytes::OFFER, bytes(size_of::<state::Offer>()));
        assert_eq!(limit::account_bytes::LOCK, bytes(size_of::<state::Lock>()));
        assert_eq!(limit::account_bytes::LANE, bytes(size_of::<state::Trader>()));
        assert_eq!(limit::account_bytes::PROPOSAL, bytes(size_of::<state::Proposal>()));
    }
}
