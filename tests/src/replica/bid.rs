//! Bids.

use {
    super::{
        auction::{Phase, give_up, phase},
        books::Replica,
        cost::{cost, part_ceil, part_floor},
        tokens::TokenTally,
    },
    crate::key::pda,
    anchor_lang::solana_program::hash::hashv,
    bytemuck::Zeroable,
    multibus::{
        constants::LAYOUT_VERSION,
        event::*,
        state::{self, BidState, Receipt, RefundOutcome},
    },
};

/// How long others wait for the certificates of a bid.
const CERTIFICATE_SECONDS: i64 = 30 * 86_400;

impl Replica {
    pub(super) fn bid_created(&mut self, event: &BidCreated, now: i64, tally: &mut TokenTally) {
        let BidCreated {
            bid,
            bus,
            capacity,
            buyer,
            refund,
            transaction_hash,
            nonce,
            energy_wh,
            max_price_per_kwh,
            deposit,
            window_start,
            created_at,
            lane: number,
            padding,
        } = *event;
        assert_eq!((created_at, padding), (now, [0; 6]));
        // A bid can be made with another bump than the first that fits: its hash never comes again.
        let bump = self.bid_bumps.pop_front().expect("a bid_create for each bid");
        let seeds: [&[u8]; 3] = [b"bid", &transaction_hash, &[bump]];
        assert_eq!(solana_address::Address::create_program_address(&seeds, &multibus::ID), Ok(bid));
        // Invariant 4.
        assert!(self.hashes.insert(transaction_hash), "a transaction hash is recorded once");
        let of = *self.bus(&bus);
        assert_eq!((of.paused, of.closing), (0, 0), "nobody bids on a paused or closing bus");
        let window = self.capacities.get_mut(&capacity).expect("a known capacity");
        assert_eq!((window.bus, window.window_start, window.terms.auction), (bus, window_start, 1));
        assert!(now < window.gate_closes_at, "bids come before the gate");
        let price_per_kwh = max_price_per_kwh - window.terms.grid_fee_per_kwh;
        assert!(price_per_kwh >= of.base_price_per_kwh, "the base price is the lowest");
        assert!((of.least_wh..=window.total_wh).contains(&energy_wh), "a bid is for energy that the window can have");
        assert_eq!(deposit as u128, cost(energy_wh, max_price_per_kwh), "the deposit is the full cost at the limit");
        window.open_bids += 1;
        window.escrowed += deposit;
        tally.paid(&of.escrow, deposit);
        let created = state::Bid {
            layout_version: LAYOUT_VERSION,
            bump,
            energy_wh,
            max_price_per_kwh,
            price_per_kwh,
            deposit,
            window_start,
            created_at,
            bus,
            capacity,
            buyer,
            refund,
            transaction_hash,
            ..Zeroable::zeroed()
        };
        assert!(self.bids.insert(bid, created).is_none(), "a bid is made once");
        let trader = pda::trader(&buyer, number).0;
        let lane = self.lanes.get_mut(&trader).expect("a known lane");
        assert_eq!(nonce, lane.next_nonce, "the next nonce is spent");
        lane.next_nonce += 1;
        self.nonces.insert(trader, lane.next_nonce);
        lane.history_root = hashv(&[&lane.history_root, &transaction_hash]).to_bytes();
        // Nothing is bought yet.
        lane.receipts[(nonce % 16) as usize] = Receipt { transaction_hash, energy_wh: 0, paid: 0, purchased_at: now };
    }

    pub(super) fn bid_cancelled(&mut self, event: &BidCancelled, now: i64, tally: &mut TokenTally) {
        let BidCancelled { bid, capacity, buyer, destination, deposit } = *event;
        let closed = self.bids.remove(&bid).expect("a known bid");
        assert_eq!((closed.capacity, closed.buyer, closed.deposit), (capacity, buyer, deposit), "all comes back");
        let window = self.capacities.get_mut(&capacity).expect("a known capacity");
        assert_eq!(phase(window, now), Phase::Trading, "bids are withdrawn before the last minutes");
        window.open_bids -= 1;
        window.escrowed -= deposit;
        tally.moved(&self.buses[&closed.bus].escrow, &destination, deposit);
    }

    pub(super) fn bid_settled(&mut self, event: &BidSettled, now: i64, tally: &mut TokenTally) {
        let BidSettled {
            bid: address,
            capacity,
            buyer,
            settled_by,
            transaction_hash,
            allotted_wh,
            paid,
            returned,
            delivered_wh,
            state,
            outcome,
            closed,
            padding,
        } = *event;
        assert_eq!(padding, [0; 5]);
        let mut bid = self.bids[&address];
        let refund = self.bid_refunds.pop_front().expect("a bid_settle for each settlement");
        assert!(refund == bid.refund || settled_by == buyer, "others pay the account that the bid names");
        assert_eq!((bid.capacity, bid.buyer, bid.transaction_hash), (capacity, buyer, transaction_hash));
        let of = *self.bus(&bid.bus);
        let is_closing = of.closing == 1;
        let window = self.capacities.get_mut(&capacity).expect("a known capacity");
        let (was, ends) = (bid.state, BidState::Refunded as u8);
        let is_complete = window.pool_complete_at != 0;
        if was == BidState::Open as u8 {
            bid.state = BidState::Filled as u8;
            give_up(window, &of, now);
            match phase(window, now) {
                Phase::Cleared => {
                    bid.allotted_wh = Self::fill(&mut window.bids, window.volume_wh, bid.energy_wh, {
                        bid.price_per_kwh.cmp(&window.price_per_kwh)
                    });
                    let full_price = window.price_per_kwh + window.terms.grid_fee_per_kwh;
                    bid.paid = u64::try_from(cost(bid.allotted_wh, full_price)).expect("within the deposit");
                }
                Phase::Over => {}
                Phase::Trading => {
                    assert!(is_closing && window.open_offers == 0, "bids wait for the auction where there will be one");
                }
                other => panic!("no bid is settled while the auction is {other:?}"),
            }
            let waits = bid.allotted_wh > 0 && window.terms.settlement == 1;
            assert_eq!(closed == 1, !waits, "a bid that waits for nothing closes");
        } else if was == BidState::Filled as u8 && !is_complete {
            assert_eq!(closed, 0, "a filled bid waits for the pool");
        } else {
            if was == BidState::Filled as u8 {
                bid.paid = part_ceil(bid.paid, window.delivered_wh, window.volume_wh);
                bid.delivered_wh = part_floor(bid.allotted_wh, window.delivered_wh, window.volume_wh);
                bid.state = ends;
            }
            let anyone = bid.certified_wh == bid.delivered_wh || now >= window.pool_complete_at + CERTIFICATE_SECONDS;
            assert!(closed == 1 || !anyone, "a bid that has its certificates closes");
            assert!(closed == 0 || anyone || settled_by == buyer, "others wait for the buyer's certificates");
        }
        assert_eq!((bid.allotted_wh, bid.paid, bid.delivered_wh), (allotted_wh, paid, delivered_wh), "the bid's part");
        assert_eq!(bid.state, state);
        let owed = bid.deposit.checked_sub(bid.paid).expect("the deposit covers what is paid");
        let state::Bus { escrow, unclaimed, .. } = *self.bus(&bid.bus);
        let is_unpaid = outcome == RefundOutcome::Unpaid as u8;
        assert!(!is_unpaid || (closed == 0 && owed > 0), "what is owed waits only with the bid");
        assert_eq!(returned, if is_unpaid { 0 } else { owed }, "all that is not spent comes back");
        if returned > 0 {
            let to = if outcome == RefundOutcome::Paid as u8 { refund } else { unclaimed };
            assert!(outcome == RefundOutcome::Paid as u8 || closed == 1, "a claim ends the bid");
            tally.moved(&escrow, &to, returned);
            // A buyer may choose the escrow of another bus, where it belongs to nobody.
            if let Some((other, _)) = self.buses.iter().find(|(_, other)| other.escrow == to) {
                *self.left_in_escrow.entry(*other).or_default() += returned;
            }
        }
        bid.deposit -= returned;
        let window = self.capacities.get_mut(&capacity).expect("found above");
        window.escrowed -= returned;
        if closed == 1 {
            window.open_bids -= 1;
            self.bids.remove(&address);
        } else {
            self.bids.insert(address, bid);
        }
    }
}
