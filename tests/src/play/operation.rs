//! From an operation of a game to the instruction that is sent.

use {
    super::{game::Game, script::*},
    crate::{chain::START, instructions::*},
    multibus::{
        PurchaseItem, instruction,
        state::{BusConfig, OwnerShare, ProposalAction},
    },
    solana_address::Address,
    solana_instruction::Instruction,
};

/// A second of the game in unix seconds; 0 stays 0.
fn time(second: i64) -> i64 {
    if second == 0 { 0 } else { START.saturating_add(second) }
}

impl Game {
    fn bus_addresses(&self, bus: u8) -> BusAddresses {
        let address = self.address(AccountRef::BusAt(bus));
        let mint = self.model.buses.get(&address).map_or(self.mints[0], |state| {
            *self.mints.iter().find(|mint| mint.address == state.mint).expect("one of the mints")
        });
        BusAddresses {
            address,
            capacity: self.address(AccountRef::CapacityAt(bus, 0)),
            escrow: self.address(AccountRef::Escrow(bus)),
            treasury: self.address(AccountRef::Treasury(bus)),
            mint,
        }
    }

    /// Addresses of an offer: those that its account names, or any where there is no such offer.
    fn offer_addresses(&self, offer: OfferRef) -> OfferAddresses {
        let OfferRef(bus, window, _) = offer;
        let address = self.address(AccountRef::OfferAt(offer));
        let state = self.model.offers.get(&address);
        let party = self.address(AccountRef::Wallet(0));
        OfferAddresses {
            address,
            bus: self.bus_addresses(bus),
            capacity: self.address(AccountRef::CapacityAt(bus, window)),
            seller: state.map_or(party, |offer| offer.seller),
            payout: state.map_or_else(|| self.address(AccountRef::Tokens(0, 0, 0)), |offer| offer.payout),
            rent_payer: state.map_or(party, |offer| offer.rent_payer),
        }
    }

    /// What an offer is created with: its bus, its capacity, and the options.
    fn new_offer(&self, new: &NewOffer) -> (BusAddresses, Address, OfferOptions) {
        let NewOffer { offer: OfferRef(bus, window, offer_seq), wh: energy_wh, price: price_per_kwh, expires, source } =
            *new;
        let options = OfferOptions { offer_seq, energy_wh, price_per_kwh, expires_at: time(expires), source };
        (self.bus_addresses(bus), self.address(AccountRef::CapacityAt(bus, window)), options)
    }

    fn lane(&self, party: u8, lane: u16) -> LaneAddress {
        LaneAddress {
            address: self.address(AccountRef::LaneAt(party, lane)),
            wallet: self.address(AccountRef::Wallet(party)),
            lane,
        }
    }

    /// The nonce that is `from_next` above the lane's next one.
    fn nonce(&self, party: u8, lane: u16, from_next: i64) -> u64 {
        let next = self
            .model
            .lanes
            .get(&self.address(AccountRef::LaneAt(party, lane)))
            .map_or(0, multibus_model::ModelLane::next_nonce);
        next.wrapping_add_signed(from_next)
    }

    /// The instruction of an operation.
    pub fn instruction(&self, operation: &Operation) -> Instruction {
        let wallet = |party: &u8| self.address(AccountRef::Wallet(*party));
        let item = |ask: &Ask| PurchaseItem { energy_wh: ask.0, max_price_per_kwh: ask.1, expected_version: ask.2 };
        match operation {
            Operation::CreateBus { bus, mint, config } => {
                let creator = wallet(&self.creator(*bus));
                let config = self.config(config);
                let mint = &self.mints[*mint as usize % 3];
                bus_create(&creator, mint, &BusOptions { bus_seq: *bus as u64, config })
            }
            Operation::OpenCapacity { by, bus, window } => {
                let bus_at = self.bus_addresses(*bus);
                capacity_open(&bus_at, &wallet(by), time(*window))
            }
            Operation::CloseCapacity { bus, window } => {
                let at = self.address(AccountRef::CapacityAt(*bus, *window));
                let payer = self.model.capacities.get(&at).map_or_else(|| wallet(&0), |capacity| capacity.rent_payer);
                let mut close = capacity_close(&self.bus_addresses(*bus), time(*window), &payer);
                close.accounts[1].pubkey = at;
                close
            }
            Operation::CreateOffer { by, new, payout } => {
                let (bus, capacity, options) = self.new_offer(new);
                offer_create(&bus, capacity, &wallet(by), self.address(*payout), options)
            }
            Operation::CreateOfferForBus { by, new } => {
                let (bus, capacity, options) = self.new_offer(new);
                offer_create_for_bus(&bus, capacity, &wallet(by), options)
            }
            Operation::Reprice { by, offer, price } => {
                offer_reprice(&self.offer_addresses(*offer), &wallet(by), *price)
            }
            Operation::Extend { by, offer, expires } => {
                offer_extend(&self.offer_addresses(*offer), &wallet(by), time(*expires))
            }
            Operation::Cancel { by, offer } => offer_cancel(&self.offer_addresses(*offer), &wallet(by)),
            Operation::Buy { by, lane, nonce, offer, ask, at_least, from } => {
                let accounts =
                    purchase_accounts(&self.offer_addresses(*offer), &self.lane(*by, *lane), self.address(*from));
                instruction::Purchase {
                    nonce: self.nonce(*by, *lane, *nonce),
                    energy_wh: ask.0,
                    min_energy_wh: *at_least,
                    max_price_per_kwh: ask.1,
                    expected_version: ask.2,
                }
                .to_instruction(accounts)
            }
            Operation::BuyBatch { by, lane, nonce, items, limit, from } => {
                let offers: Vec<_> = items.0.iter().map(|(offer, _)| self.offer_addresses(*offer)).collect();
                let asks = items.0.iter().map(|(_, ask)| item(ask)).collect();
                let mint = offers.first().map_or(self.mints[0], |offer| offer.bus.mint);
                let at = self.lane(*by, *lane);
                batch_in(&mint, &at, self.address(*from), self.nonce(*by, *lane, *nonce), *limit, &offers, asks)
            }
            Operation::TakeLock { by, offer, ask, from } => {
                let accounts = lock_take_accounts(&self.offer_addresses(*offer), &wallet(by), self.address(*from));
                instruction::LockTake { energy_wh: ask.0, max_price_per_kwh: ask.1, expected_version: ask.2 }
                    .to_instruction(accounts)
            }
            Operation::SettleLock { by, lane, nonce, offer } => {
                let accounts = lock_settle_accounts(&self.offer_addresses(*offer), &self.lane(*by, *lane));
                instruction::LockSettle { nonce: self.nonce(*by, *lane, *nonce) }.to_instruction(accounts)
            }
            Operation::ReleaseLock { by, offer, buyer, refund } => {
                let offer = self.offer_addresses(*offer);
                let accounts = lock_release_accounts(&offer, &wallet(by), &wallet(buyer), self.address(*refund));
                instruction::LockRelease {}.to_instruction(accounts)
            }
            Operation::OpenLane { by, lane, ahead } => {
                let first_slot = ahead.map_or(0, |ahead| self.model.slot.saturating_add_signed(ahead));
                trader_open(&wallet(by), *lane, first_slot)
            }
            Operation::CloseLane { by, lane } => trader_close(&self.lane(*by, *lane), &wallet(by)),
            Operation::Propose { by, bus, decision } => {
                let at = self.bus_addresses(*bus);
                let seq = self.model.buses.get(&at.address).map_or(0, |state| state.proposal_seq);
                proposal_create(&at, &wallet(by), seq, self.action(decision))
            }
            Operation::Approve { by, bus, proposal } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposal));
                proposal_approve(&self.bus_addresses(*bus), at, &wallet(by))
            }
            Operation::Revoke { by, bus, proposal } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposal));
                proposal_revoke(&self.bus_addresses(*bus), at, &wallet(by))
            }
            Operation::Execute { by, bus, proposal } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposal));
                proposal_execute(&self.bus_addresses(*bus), at, &wallet(by))
            }
            Operation::CloseProposal { by, bus, proposal } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposal));
                let proposer = self.model.proposals.get(&at).map_or_else(|| wallet(&0), |proposal| proposal.proposer);
                proposal_close(&self.bus_addresses(*bus), at, &wallet(by), &proposer)
            }
            Operation::Claim { bus, owner, into } => {
                treasury_claim(&self.bus_addresses(*bus), &self.address(*owner), self.address(*into))
            }
        }
    }

    fn config(&self, config: &Config) -> BusConfig {
        BusConfig {
            // Only raw transactions can have a name that is not UTF-8.
            name: String::from_utf8_lossy(&config.name.0).into_owned(),
            owners: config
                .owners
                .0
                .iter()
                .map(|(owner, share_bps)| OwnerShare { owner: self.address(*owner), share_bps: *share_bps })
                .collect(),
            threshold: config.threshold,
            pause_quorum: config.pause_quorum,
            listing_policy: config.listing,
            lock_fee_bps: config.fee,
            timelock_seconds: config.timelock,
            window_seconds: config.window,
            gate_closure_seconds: config.gate,
            capacity_wh: config.capacity,
            base_price_per_kwh: config.base_price,
        }
    }

    fn action(&self, decision: &Decision) -> ProposalAction {
        match decision.clone() {
            Decision::AddOwner(owner, shares) => {
                ProposalAction::OwnerAdd { owner: self.address(owner), shares_bps: shares.0 }
            }
            Decision::RemoveOwner(owner, shares) => {
                ProposalAction::OwnerRemove { owner: self.address(owner), shares_bps: shares.0 }
            }
            Decision::Shares(shares) => ProposalAction::SharesSet { shares_bps: shares.0 },
            Decision::Threshold(threshold) => ProposalAction::ThresholdSet { threshold },
            Decision::Timelock(timelock_seconds) => ProposalAction::TimelockSet { timelock_seconds },
            Decision::Capacity(capacity_wh) => ProposalAction::CapacitySet { capacity_wh },
            Decision::BasePrice(base_price_per_kwh) => ProposalAction::BasePriceSet { base_price_per_kwh },
            Decision::Listing(listing_policy) => ProposalAction::ListingPolicySet { listing_policy },
            Decision::Windows(window_seconds, gate_closure_seconds) => {
                ProposalAction::WindowsSet { window_seconds, gate_closure_seconds }
            }
            Decision::LockFee(lock_fee_bps) => ProposalAction::LockFeeSet { lock_fee_bps },
            Decision::PauseIt => ProposalAction::Pause,
            Decision::ResumeIt => ProposalAction::Resume,
        }
    }
}
