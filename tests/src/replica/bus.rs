//! Buses, and their treasuries.

use {
    super::{books::Replica, records::*, tokens::TokenBalances},
    crate::key::pda,
    multibus::{
        constants::*,
        event::*,
        state::{self, FormerOwner, OwnerShare, OwnerSlot},
    },
    solana_address::Address,
    std::collections::BTreeMap,
};

impl Replica {
    pub(super) fn bus_created(&mut self, event: &BusCreated, now: i64) {
        let BusCreated {
            bus,
            capacity,
            creator,
            mint,
            escrow,
            treasury,
            bus_seq,
            capacity_wh,
            base_price_per_kwh,
            created_at,
            timelock_seconds,
            window_seconds,
            gate_closure_seconds,
            lock_fee_bps,
            threshold,
            listing_policy,
            owner_count,
            name_len,
            pause_quorum,
            padding,
            name,
            owners,
        } = *event;
        assert_eq!((padding, created_at), ([0; 5], now));
        assert_eq!(capacity, pda::capacity(&bus, 0).0);
        let settings = state::Bus {
            layout_version: LAYOUT_VERSION,
            bump: pda::bus(&creator, bus_seq).1,
            threshold,
            pause_quorum,
            listing_policy,
            name_len,
            timelock_seconds,
            window_seconds,
            gate_closure_seconds,
            lock_fee_bps,
            capacity_wh,
            base_price_per_kwh,
            bus_seq,
            created_at,
            creator,
            mint,
            escrow,
            treasury,
            name,
            ..bytemuck::Zeroable::zeroed()
        };
        let owners: Vec<_> = owners[..owner_count as usize]
            .iter()
            .map(|slot| OwnerShare { owner: slot.owner, share_bps: slot.share_bps })
            .collect();
        let known = ReplicaBus { settings, capacity, owners, revenue: Revenue::default() };
        assert!((1..=known.owners.len()).contains(&(threshold as usize)), "1 <= threshold <= owners");
        assert!(pause_quorum <= threshold, "pause quorum <= threshold, 0 for the threshold");
        assert!(self.buses.insert(bus, known).is_none(), "a bus is created once");
        let general = ReplicaCapacity {
            bus,
            rent_payer: creator,
            total_wh: capacity_wh,
            available_wh: capacity_wh,
            ..ReplicaCapacity::default()
        };
        self.capacities.insert(capacity, general);
    }

    pub(super) fn check_bus(&self, address: &Address, bus: state::Bus, balances: &TokenBalances) {
        bus.check_invariants().unwrap();
        let told = self.buses.get(address).expect("a bus of which the events tell");
        let ReplicaBus { settings, capacity: _, owners, revenue } = told;
        let received = self.received(address);
        let period = revenue.period(received);
        let base_units = |amount: u128| u64::try_from(amount).expect("within 64 bits");
        let mut slots = [bytemuck::Zeroable::zeroed(); 16];
        for (slot, OwnerShare { owner, share_bps }) in slots.iter_mut().zip(owners) {
            // Claims use up what was earned under earlier shares first.
            let earned = revenue.earned.get(owner).copied().unwrap_or(0);
            let claimed = revenue.claimed.get(owner).copied().unwrap_or(0);
            *slot = OwnerSlot {
                owner: *owner,
                accrued: base_units(earned.saturating_sub(claimed)),
                claimed: base_units(claimed.saturating_sub(earned)),
                share_bps: *share_bps,
                reserved: [0; 14],
            };
        }
        let former: BTreeMap<Address, u128> = revenue
            .earned
            .keys()
            .filter(|wallet| !told.is_owner(wallet))
            .map(|wallet| (*wallet, revenue.claimable(wallet, 0, received)))
            .filter(|(_, unclaimed)| *unclaimed > 0)
            .collect();
        let places = &bus.former_owners[..bus.former_owner_count as usize];
        let found: BTreeMap<Address, u128> =
            places.iter().map(|FormerOwner { owner, accrued }| (*owner, *accrued as u128)).collect();
        assert_eq!((&found, places.len()), (&former, former.len()), "former owners keep what they earned");
        let told = state::Bus {
            owner_count: owners.len() as u8,
            owners: slots,
            former_owner_count: former.len() as u8,
            // They are in no order.
            former_owners: bus.former_owners,
            treasury_claimed: base_units(revenue.claimed_by_all()),
            treasury_settled: base_units(received - period),
            // These come from the mint, not from an event.
            mint_decimals: bus.mint_decimals,
            token_program: bus.token_program,
            ..*settings
        };
        assert_eq!(bus, told, "the bus is as its events tell");
        assert_eq!((*address, bus.bump), pda::bus(&bus.creator, bus.bus_seq));
        assert_eq!(bus.escrow, pda::escrow(address).0);
        assert_eq!(bus.treasury, pda::treasury(address).0);
        // Invariant 3.
        let deposits: u64 = self
            .locks
            .values()
            .filter(|lock| self.offers[&lock.offer].created.bus == *address)
            .map(|lock| lock.deposit)
            .sum();
        let escrow = &balances[&bus.escrow];
        assert_eq!((escrow.mint, escrow.owner), (bus.mint, *address));
        let gifts = self.gifts.get(&bus.escrow).copied().unwrap_or(0);
        assert_eq!(escrow.amount as u128, deposits as u128 + gifts, "escrow = sum of the deposits of its bus");
        // Invariant 5: the treasury covers every claim, and holds nothing else but what does not divide.
        let treasury = &balances[&bus.treasury];
        assert_eq!((treasury.mint, treasury.owner), (bus.mint, *address));
        assert_eq!(treasury.amount as u128, received - revenue.claimed_by_all(), "treasury = received - claimed");
        let claimable: u128 = former.values().sum::<u128>()
            + owners.iter().map(|share| revenue.claimable(&share.owner, share.share_bps, received)).sum::<u128>();
        let remainder = (treasury.amount as u128).checked_sub(claimable).expect("the treasury covers every claim");
        assert!(remainder < owners.len() as u128, "{remainder} base units are nobody's");
        assert_eq!(revenue.claimed_by_all() + claimable + remainder, received);
        assert_eq!(owners.iter().map(|share| share.share_bps as u32).sum::<u32>(), 10_000);
        assert!(bus.threshold >= 1 && bus.threshold <= bus.owner_count);
    }
}
