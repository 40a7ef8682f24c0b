//! From an operation of a game to the instruction that is sent.

use {
    super::{game::Game, script::*},
    crate::{chain::START, instructions::*},
    multibus::{
        PurchaseItem, accounts, instruction,
        state::{BusConfig, MeterSpec, OwnerShare, ProposalAction, TermsConfig},
    },
    multibus_model::{ModelBook, call::Reading},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_keypair::Signer,
};

/// A second of the game in unix seconds; 0 stays 0.
fn time(second: i64) -> i64 {
    if second == 0 { 0 } else { START.saturating_add(second) }
}

fn terms_config(terms: &WindowTerms) -> TermsConfig {
    TermsConfig {
        window_seconds: terms.window,
        gate_closure_seconds: terms.gate,
        settlement: terms.settlement,
        grid_fee_per_kwh: terms.grid_fee,
        reading_deadline_seconds: terms.deadline,
        correction_seconds: terms.correction,
        auction: terms.auction,
    }
}

impl Game {
    pub(super) fn bus_addresses(&self, bus: u8) -> BusAddresses {
        let address = self.address(AccountRef::BusAt(bus));
        let (buses, tombstones) = (&self.model.buses, &self.model.tombstones);
        let mint = buses.get(&address).map(|bus| bus.mint).or(tombstones.get(&address).map(|bus| bus.mint));
        BusAddresses {
            address,
            creator: self.address(AccountRef::Wallet(self.creator(bus))),
            ledger: self.address(AccountRef::Ledger(bus)),
            capacity: self.address(AccountRef::CapacityAt(bus, 0)),
            treasury: self.address(AccountRef::Treasury(bus)),
            unclaimed: self.address(AccountRef::Unclaimed(bus)),
            escrow: self.address(AccountRef::EscrowAt(bus)),
            mint: mint.map_or(self.mints[0], |mint| {
                *self.mints.iter().find(|known| known.address == mint).expect("one of the mints")
            }),
        }
    }

    pub(super) fn seller_addresses(&self, bus: u8, who: u8) -> SellerAddresses {
        SellerAddresses {
            address: self.address(AccountRef::SellerAt(bus, who)),
            vault: self.address(AccountRef::Vault(bus, who)),
            wallet: self.address(AccountRef::Wallet(who)),
            bus: self.bus_addresses(bus),
        }
    }

    /// Addresses of an offer: those that its account names, or any where there is no such offer.
    pub(super) fn offer_addresses(&self, offer: OfferRef) -> OfferAddresses {
        let OfferRef(bus, who, _) = offer;
        let address = self.address(AccountRef::OfferAt(offer));
        let state = self.model.offers.get(&address);
        let seller = self.seller_addresses(bus, who);
        OfferAddresses {
            address,
            bus: seller.bus,
            capacity: state.map_or(seller.bus.capacity, |offer| offer.capacity),
            seller: seller.address,
            vault: seller.vault,
            wallet: seller.wallet,
            rent_payer: state.map_or_else(|| self.address(AccountRef::Wallet(0)), |offer| offer.rent_payer),
            book: state.and_then(|offer| offer.book).map(|(book, _)| {
                let first_window = self.model.books[&book].first_window;
                BookAddresses { address: book, seller, first_window }
            }),
        }
    }

    /// Addresses of a delivery book.
    pub(super) fn book_addresses(&self, book: BookRef) -> BookAddresses {
        let BookRef(bus, who, first) = book;
        BookAddresses {
            address: self.address(AccountRef::BookAt(book)),
            seller: self.seller_addresses(bus, who),
            first_window: START.saturating_add(first),
        }
    }

    /// Addresses of a position book.
    pub(super) fn position_addresses(&self, book: BookRef, buyer: u8) -> PositionAddresses {
        PositionAddresses {
            address: self.address(AccountRef::PositionAt(book, buyer)),
            book: self.book_addresses(book),
            buyer: self.address(AccountRef::Wallet(buyer)),
        }
    }

    /// The reading of an operation, whose sequence counts from the next one.
    fn reading(&self, book: BookRef, place: u8, wh: u64, sequence: i64, proof: Proof) -> Reading {
        let state = self.book(book);
        let window = state.and_then(|book| book.windows.get(&(place as usize)));
        let next = match proof {
            Proof::Operator => window.map_or(1, |window| window.operator_readings as u64 + 1),
            _ => window.map_or(1, |window| window.sequence + 1),
        };
        let start = state.map_or(0, |book| book.window_start(place as usize));
        Reading { window_start: start, energy_wh: wh, sequence: next.wrapping_add_signed(sequence) }
    }

    /// The instructions of signatures that come before that of an operation.
    pub(super) fn signatures(&self, operation: &Operation) -> Vec<Instruction> {
        let Operation::Report { book, place, wh, sequence, proof: Proof::Signed(key, twist), .. } = operation else {
            return Vec::new();
        };
        let mut reading = self.reading(*book, *place, *wh, *sequence, Proof::Transaction);
        let of = match twist {
            Twist::Book(other) => self.book(*other),
            _ => self.book(*book),
        };
        let Some(of) = of else { return Vec::new() };
        match twist {
            Twist::Window => reading.window_start += of.terms.window_seconds as i64,
            Twist::Energy => reading.energy_wh ^= 1,
            Twist::Sequence => reading.sequence ^= 1,
            _ => {}
        }
        let signed = self.signed(*key, of, &reading);
        let mut instruction = ed25519(std::slice::from_ref(&signed));
        match twist {
            Twist::LongerData => instruction.data.push(0),
            Twist::Account => instruction.accounts.push(AccountMeta::new_readonly(signed.0, false)),
            Twist::Twice => instruction = ed25519(&[signed.clone(), signed]),
            Twist::Missing => return Vec::new(),
            Twist::Apart => return vec![instruction, ed25519(&[])],
            _ => {}
        }
        vec![instruction]
    }

    /// A reading that a device signed.
    pub(super) fn signed(&self, device: u8, book: &ModelBook, reading: &Reading) -> Signed {
        let (key, message) = (Self::device_keypair(device), self.model.reading_message(book, reading));
        (key.pubkey(), *key.sign_message(&message).as_array(), message)
    }

    fn lane(&self, who: u8, lane: u16) -> LaneAddress {
        LaneAddress {
            address: self.address(AccountRef::LaneAt(who, lane)),
            wallet: self.address(AccountRef::Wallet(who)),
            lane,
        }
    }

    /// The nonce that is `from_next` above the lane's next one.
    fn nonce(&self, who: u8, lane: u16, from_next: i64) -> u64 {
        let next = self
            .model
            .lanes
            .get(&self.address(AccountRef::LaneAt(who, lane)))
            .map_or(0, multibus_model::ModelLane::next_nonce);
        next.wrapping_add_signed(from_next)
    }

    /// The first slot that is `ahead` of the present one.
    fn first_slot(&self, ahead: Option<i64>) -> u64 {
        ahead.map_or(0, |ahead| self.model.slot.saturating_add_signed(ahead))
    }

    /// The number that is `beside` that of a lock.
    fn lock_number(&self, offer: OfferRef, buyer: u8, place: u8, beside: i32) -> u32 {
        let lock = self.model.locks.get(&self.address(AccountRef::LockAt(offer, buyer, place)));
        lock.map_or(0, |lock| lock.number).wrapping_add_signed(beside)
    }

    /// The instruction of an operation.
    pub fn instruction(&self, operation: &Operation) -> Instruction {
        let wallet = |who: &u8| self.address(AccountRef::Wallet(*who));
        let item = |ask: &Ask| PurchaseItem { energy_wh: ask.0, max_price_per_kwh: ask.1, expected_version: ask.2 };
        match operation {
            Operation::OpenCounter { by, ahead } => creator_open(&wallet(by), self.first_slot(*ahead)),
            Operation::CreateBus { bus, mint, config } => {
                let creator = self.bus_addresses(*bus).creator;
                let mint = &self.mints[*mint as usize % self.mints.len()];
                let options = BusOptions { bus_seq: self.bus_seq(*bus), config: self.config(config) };
                bus_create(&creator, mint, &options)
            }
            Operation::CloseBus { by, bus } => {
                let at = self.bus_addresses(*bus);
                let owners: Vec<Address> = self
                    .model
                    .buses
                    .get(&at.address)
                    .map(|bus| bus.owners.iter().map(|owner| owner.wallet).collect())
                    .unwrap_or_default();
                bus_close(&at, &wallet(by), &owners)
            }
            Operation::OpenCapacity { by, bus, window } => {
                self.address(AccountRef::CapacityAt(*bus, *window));
                capacity_open(&self.bus_addresses(*bus), &wallet(by), time(*window))
            }
            Operation::CloseCapacity { by, bus, window } => {
                let at = self.address(AccountRef::CapacityAt(*bus, *window));
                let payer = self.model.capacities.get(&at).map_or_else(|| wallet(by), |capacity| capacity.rent_payer);
                let keeps = self.model.capacities.get(&at).is_some_and(|capacity| capacity.escrowed > 0);
                let close = if keeps { capacity_close_and_sweep } else { capacity_close };
                close(&self.bus_addresses(*bus), time(*window), &wallet(by), &payer)
            }
            Operation::OpenSeller { by, bus, who, ahead } => {
                let seller = self.seller_addresses(*bus, *who);
                instruction::SellerOpen { wallet: seller.wallet, first_slot: self.first_slot(*ahead) }
                    .to_instruction(seller_open_accounts(&seller, &wallet(by)))
            }
            Operation::Admit { by, bus, who } => seller_admit(&self.seller_addresses(*bus, *who), &wallet(by)),
            Operation::Suspend { by, bus, who } => seller_suspend(&self.seller_addresses(*bus, *who), &wallet(by)),
            Operation::Withdraw { by, bus, who, into } => {
                seller_withdraw(&self.seller_addresses(*bus, *who), &wallet(by), self.address(*into))
            }
            Operation::CloseSeller { by, bus, who, into } => {
                let payer = self.seller(*bus, *who).map_or_else(|| wallet(by), |seller| seller.rent_payer);
                seller_close(&self.seller_addresses(*bus, *who), &wallet(by), self.address(*into), &payer)
            }
            Operation::CreateOffer { by, new } => self.listing(&wallet(by), *new),
            Operation::Reprice { by, offer, price, version } => {
                offer_reprice_of(&self.offer_addresses(*offer), &wallet(by), *price, *version)
            }
            Operation::SetExpiry { by, offer, expires, version } => {
                offer_set_expiry_of(&self.offer_addresses(*offer), &wallet(by), time(*expires), *version)
            }
            Operation::Collect { offer } => offer_collect(&self.offer_addresses(*offer)),
            Operation::Cancel { by, offer } => offer_cancel(&self.offer_addresses(*offer), &wallet(by)),
            Operation::Buy { by, lane, nonce, offer, ask, at_least, from } => {
                let at = self.offer_addresses(*offer);
                let accounts = purchase_accounts(&at, &self.lane(*by, *lane), self.address(*from));
                let purchase = instruction::Purchase {
                    nonce: self.nonce(*by, *lane, *nonce),
                    energy_wh: ask.0,
                    min_energy_wh: *at_least,
                    max_price_per_kwh: ask.1,
                    expected_version: ask.2,
                };
                at.with_books(purchase.to_instruction(accounts), &wallet(by))
            }
            Operation::BuyBatch { by, lane, nonce, items, limit, from } => {
                let offers: Vec<_> = items.0.iter().map(|(offer, _)| self.offer_addresses(*offer)).collect();
                let asks = items.0.iter().map(|(_, ask)| item(ask)).collect();
                let mint = offers.first().map_or(self.mints[0], |offer| offer.bus.mint);
                let at = self.lane(*by, *lane);
                batch_in(&mint, &at, self.address(*from), self.nonce(*by, *lane, *nonce), *limit, &offers, asks)
            }
            Operation::TakeLock { .. } | Operation::SettleLock { .. } | Operation::ReleaseLock { .. } => {
                self.lock_instruction(operation)
            }
            Operation::OpenLane { by, lane, ahead } => trader_open(&wallet(by), *lane, self.first_slot(*ahead)),
            Operation::CloseLane { by, lane } => trader_close(&self.lane(*by, *lane), &wallet(by)),
            Operation::Propose { by, bus, number, decision } => {
                let (at, proposer) = (self.bus_addresses(*bus), wallet(by));
                let owners = self.model.buses.get(&at.address).map(|state| &state.owners);
                let owner = owners.and_then(|owners| owners.iter().find(|owner| owner.wallet == proposer));
                let number = owner.map_or(0, |owner| owner.next_proposal).wrapping_add_signed(*number);
                self.address(AccountRef::ProposalAt(*bus, *by, number));
                proposal_create(&at, &proposer, number, self.action(decision))
            }
            Operation::Approve { by, bus, proposer, number, right } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposer, *number));
                let hash = self.model.proposals.get(&at).map_or([0; 32], |proposal| proposal.hash);
                let hash = if *right { hash } else { [7; 32] };
                proposal_approve(&self.bus_addresses(*bus), at, &wallet(by), hash)
            }
            Operation::Revoke { by, bus, proposer, number } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposer, *number));
                proposal_revoke(&self.bus_addresses(*bus), at, &wallet(by))
            }
            Operation::Execute { by, bus, proposer, number } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposer, *number));
                self.execution(*bus, at, &wallet(by))
            }
            Operation::CloseProposal { by, bus, proposer, number } => {
                let at = self.address(AccountRef::ProposalAt(*bus, *proposer, *number));
                proposal_close(&self.bus_addresses(*bus), at, &wallet(by), &wallet(proposer))
            }
            Operation::ClaimRevenue { by, bus, owner, into } => {
                treasury_claim_by(&self.bus_addresses(*bus), &wallet(by), &wallet(owner), self.address(*into))
            }
            Operation::PayClaim { by, bus, who, into } => {
                let claim = self.model.claims.get(&self.address(AccountRef::ClaimAt(*bus, *who)));
                let payer = claim.map_or_else(|| wallet(by), |claim| claim.rent_payer);
                claim_pay(&self.bus_addresses(*bus), &wallet(by), &wallet(who), self.address(*into), &payer)
            }
            Operation::RegisterMeter { .. }
            | Operation::ReplaceMeter { .. }
            | Operation::CloseMeter { .. }
            | Operation::CloseDevice { .. } => self.meter_instruction(operation),
            Operation::TakeCertificate { .. }
            | Operation::CertifyBid { .. }
            | Operation::Transfer { .. }
            | Operation::Retire { .. } => self.certificate_instruction(operation),
            Operation::Bid { .. } | Operation::CancelBid { .. } | Operation::SettleBid { .. } => {
                self.bid_instruction(operation)
            }
            Operation::SettleAsk { offer } => ask_settle(&self.offer_addresses(*offer)),
            Operation::OpenClearing { .. }
            | Operation::TallyOrders { .. }
            | Operation::ApplyClearing { .. }
            | Operation::CloseClearing { .. } => self.clearing_instruction(operation),
            Operation::ReportToPool { book, window } => {
                let capacity = self.address(AccountRef::CapacityAt(book.0, *window));
                pool_report(&self.book_addresses(*book), capacity)
            }
            of_delivery => self.delivery_instruction(of_delivery),
        }
    }

    /// A listing: on delivery terms with the seller's meter and delivery book.
    fn listing(&self, lister: &Address, new: NewOffer) -> Instruction {
        let NewOffer { offer, window, wh, price, expires, source } = new;
        let OfferRef(bus, who, number) = offer;
        let options = OfferOptions { number, energy_wh: wh, price_per_kwh: price, expires_at: time(expires), source };
        let capacity = self.address(AccountRef::CapacityAt(bus, window));
        self.address(AccountRef::OfferAt(offer));
        let terms = self.model.capacities.get(&capacity).map(|capacity| capacity.terms);
        match terms.filter(multibus_model::ModelTerms::is_on_delivery) {
            Some(terms) => {
                let first = terms.first_window_of(time(window)) - START;
                self.address(AccountRef::MeterAt(bus, who));
                offer_list_in(&self.book_addresses(BookRef(bus, who, first)), capacity, lister, options)
            }
            None => offer_list(&self.seller_addresses(bus, who), capacity, lister, options),
        }
    }

    fn lock_instruction(&self, operation: &Operation) -> Instruction {
        let wallet = |who: &u8| self.address(AccountRef::Wallet(*who));
        match operation {
            Operation::TakeLock { by, offer, place, ask, from, refund } => {
                self.address(AccountRef::LockAt(*offer, *by, *place));
                let (at, refund) = (self.offer_addresses(*offer), self.address(*refund));
                let lock = instruction::LockTake {
                    place: *place,
                    energy_wh: ask.0,
                    max_price_per_kwh: ask.1,
                    expected_version: ask.2,
                    refund,
                };
                let accounts = lock_take_accounts(&at, &wallet(by), *place, self.address(*from));
                at.with_position(lock.to_instruction(accounts), &wallet(by))
            }
            Operation::SettleLock { by, lane, nonce, offer, place, beside } => {
                let at = self.offer_addresses(*offer);
                let accounts = lock_settle_accounts(&at, &self.lane(*by, *lane), *place);
                let settlement = instruction::LockSettle {
                    nonce: self.nonce(*by, *lane, *nonce),
                    lock_number: self.lock_number(*offer, *by, *place, *beside),
                };
                at.with_books(settlement.to_instruction(accounts), &wallet(by))
            }
            Operation::ReleaseLock { by, offer, buyer, place, beside } => {
                let lock = self.model.locks.get(&self.address(AccountRef::LockAt(*offer, *buyer, *place)));
                let refund = lock.map_or_else(|| wallet(by), |lock| lock.refund);
                let at = self.offer_addresses(*offer);
                let accounts = lock_release_accounts(&at, &wallet(by), &wallet(buyer), *place, refund);
                let release =
                    instruction::LockRelease { lock_number: self.lock_number(*offer, *buyer, *place, *beside) };
                at.with_position(release.to_instruction(accounts), &wallet(buyer))
            }
            other => unreachable!("{other:?} is of no lock"),
        }
    }

    /// Grid fees, delivery books and positions.
    fn delivery_instruction(&self, operation: &Operation) -> Instruction {
        let wallet = |who: &u8| self.address(AccountRef::Wallet(*who));
        match operation {
            Operation::SweepGrid { by, bus, who, into } => {
                // Without a recipient there is no claim to look at.
                let recipient = self.bus(*bus).and_then(|bus| bus.grid_recipient).unwrap_or_else(|| wallet(by));
                grid_sweep(&self.seller_addresses(*bus, *who), &wallet(by), &recipient, self.address(*into))
            }
            Operation::OpenPosition { by, book, buyer } => {
                position_open(&self.position_addresses(*book, *buyer), &wallet(by))
            }
            Operation::SetRefund { by, book, buyer, refund } => {
                let position = self.position_addresses(*book, *buyer);
                position_set_refund(&position, &wallet(by), self.address(*refund))
            }
            Operation::ClosePosition { by, book, buyer } => {
                let (position, by) = (self.position_addresses(*book, *buyer), wallet(by));
                let (refund, payer) =
                    self.position(*book, *buyer).map_or((by, by), |state| (state.refund, state.rent_payer));
                position_close(&position, &by, refund, &payer)
            }
            Operation::Report { by, book, place, wh, sequence, proof } => {
                let Reading { window_start, energy_wh, sequence } = self.reading(*book, *place, *wh, *sequence, *proof);
                let (at, reporter) = (self.book_addresses(*book), self.address(*by));
                let (proof, evidence) = match *proof {
                    Proof::Transaction => (0, reporter),
                    Proof::Signed(..) => (1, self.address(AccountRef::InstructionsSysvar)),
                    Proof::Operator => (2, at.seller.bus.address),
                    Proof::Unknown(number) => (number, reporter),
                };
                instruction::DeliveryReport { window_start, energy_wh, sequence, proof }
                    .to_instruction(accounts::DeliveryReport { reporter, book: at.address, evidence })
            }
            Operation::Release { book } => delivery_release(&self.book_addresses(*book)),
            Operation::Refund { book, buyer } => {
                let refund = self.position(*book, *buyer).map_or_else(Address::default, |position| position.refund);
                delivery_refund(&self.position_addresses(*book, *buyer), refund)
            }
            Operation::CloseBook { by, book } => {
                let payer = self.book(*book).map_or_else(|| wallet(by), |book| book.rent_payer);
                delivery_close(&self.book_addresses(*book), &wallet(by), &payer)
            }
            other => unreachable!("{other:?} is of no delivery book"),
        }
    }

    fn meter_instruction(&self, operation: &Operation) -> Instruction {
        let wallet = |who: &u8| self.address(AccountRef::Wallet(*who));
        let spec_of = |spec: &Spec| MeterSpec { source: spec.0, power_w: spec.1, valid_from: time(spec.2) };
        let key_of = |device: &u8| {
            self.address(AccountRef::DeviceAt(*device));
            self.address(AccountRef::DeviceKey(*device))
        };
        let meter_of = |bus: &u8, who: &u8| self.model.meters.get(&self.address(AccountRef::MeterAt(*bus, *who)));
        match operation {
            Operation::RegisterMeter { by, bus, who, key, spec } => {
                self.address(AccountRef::MeterAt(*bus, *who));
                meter_register(&self.seller_addresses(*bus, *who), &wallet(by), &key_of(key), spec_of(spec))
            }
            Operation::ReplaceMeter { by, bus, who, key, spec } => {
                let retired = meter_of(bus, who).map_or_else(|| key_of(&0), |meter| meter.key);
                let seller = self.seller_addresses(*bus, *who);
                meter_replace(&seller, &wallet(by), &retired, &key_of(key), spec_of(spec))
            }
            Operation::CloseMeter { by, bus, who } => {
                let (key, payer) =
                    meter_of(bus, who).map_or_else(|| (key_of(&0), wallet(by)), |meter| (meter.key, meter.rent_payer));
                meter_close(&self.seller_addresses(*bus, *who), &wallet(by), &key, &payer)
            }
            Operation::CloseDevice { key } => {
                let device = self.model.devices.get(&self.address(AccountRef::DeviceAt(*key)));
                device_close(&key_of(key), &device.map_or_else(|| wallet(&0), |device| device.rent_payer))
            }
            other => unreachable!("{other:?} is of no meter"),
        }
    }

    fn certificate_instruction(&self, operation: &Operation) -> Instruction {
        let wallet = |who: &u8| self.address(AccountRef::Wallet(*who));
        match operation {
            Operation::TakeCertificate { by, book, place, surplus } => {
                let of_seller = AccountRef::SellerAt(book.0, book.1);
                let holding = if *surplus { of_seller } else { AccountRef::PositionAt(*book, *by) };
                self.taking(&wallet(by), *book, *place, holding)
            }
            Operation::CertifyBid { by, book, place, bid } => {
                self.taking(&wallet(by), *book, *place, AccountRef::BidAt(*bid))
            }
            Operation::Transfer { by, certificate, wh, to } => {
                let at = self.address(AccountRef::CertificateAt(*certificate));
                let CertificateRef(bus, who, window, _) = *certificate;
                let part = self.model.certificates.get(&at).map_or(at, |state| {
                    let range_start = state.range_end.saturating_sub(*wh);
                    self.address(AccountRef::CertificateAt(CertificateRef(bus, who, window, range_start)))
                });
                certificate_transfer(at, &wallet(by), part, *wh, &self.address(*to))
            }
            Operation::Retire { by, certificate, name } => {
                let at = self.address(AccountRef::CertificateAt(*certificate));
                let payer = self.model.certificates.get(&at).map_or_else(|| wallet(by), |state| state.rent_payer);
                certificate_retire(at, &wallet(by), &payer, &String::from_utf8_lossy(&name.0))
            }
            other => unreachable!("{other:?} is of no certificate"),
        }
    }

    /// The instruction that takes the next certificate of the window at a place of a book.
    fn taking(&self, owner: &Address, book: BookRef, place: u8, holding: AccountRef) -> Instruction {
        let (at, state) = (self.book_addresses(book), self.book(book));
        let window = state.and_then(|book| book.windows.get(&(place as usize)));
        let range_start = window.map_or(0, |window| window.certified_wh);
        let start = state.map_or(0, |book| book.window_start(place as usize));
        let of = CertificateRef(book.0, book.1, start - START, range_start);
        let certificate = self.address(AccountRef::CertificateAt(of));
        certificate_take(&at, owner, self.address(holding), certificate, start)
    }

    /// Addresses of a bid, with the refund account that it names.
    pub(super) fn bid_addresses(&self, bid: BidRef) -> BidAddresses {
        let BidRef(bus, window, who, ..) = bid;
        let address = self.address(AccountRef::BidAt(bid));
        let state = self.model.bids.get(&address);
        BidAddresses {
            address,
            bump: self.bid_bump(bid),
            bus: self.bus_addresses(bus),
            capacity: self.address(AccountRef::CapacityAt(bus, window)),
            buyer: self.address(AccountRef::Wallet(who)),
            refund: state.map_or_else(Address::default, |bid| bid.refund),
        }
    }

    fn bid_instruction(&self, operation: &Operation) -> Instruction {
        match operation {
            Operation::Bid { by, lane, nonce, bus, window, wh, limit, below, from, refund } => {
                let nonce = self.nonce(*by, *lane, *nonce);
                let bid = BidRef(*bus, *window, *by, *lane, nonce, *wh, *limit, *below);
                let addresses = BidAddresses { refund: self.address(*refund), ..self.bid_addresses(bid) };
                let options = BidOptions { energy_wh: *wh, max_price_per_kwh: *limit, nonce };
                bid_create(&addresses, &self.lane(*by, *lane), self.address(*from), &options)
            }
            Operation::CancelBid { by, bid, into } => {
                let addresses =
                    BidAddresses { buyer: self.address(AccountRef::Wallet(*by)), ..self.bid_addresses(*bid) };
                bid_cancel(&addresses, self.address(*into))
            }
            Operation::SettleBid { by, bid, close, into } => {
                let mut addresses = self.bid_addresses(*bid);
                addresses.refund = into.map_or(addresses.refund, |into| self.address(into));
                bid_settle(&addresses, &self.address(AccountRef::Wallet(*by)), *close)
            }
            other => unreachable!("{other:?} is of no bid"),
        }
    }

    pub(super) fn clearing_addresses(&self, bus: u8, window: i64, clearer: u8) -> ClearingAddresses {
        ClearingAddresses {
            address: self.address(AccountRef::ClearingAt(bus, window, clearer)),
            capacity: self.address(AccountRef::CapacityAt(bus, window)),
            clearer: self.address(AccountRef::Wallet(clearer)),
        }
    }

    fn clearing_instruction(&self, operation: &Operation) -> Instruction {
        match operation {
            Operation::OpenClearing { by, bus, window, low, high } => {
                clearing_open(&self.clearing_addresses(*bus, *window, *by), *low, *high)
            }
            Operation::TallyOrders { by, bus, window, clearer, orders } => {
                let of = self.clearing_addresses(*bus, *window, *clearer);
                let at = ClearingAddresses { clearer: self.address(AccountRef::Wallet(*by)), ..of };
                let orders: Vec<Address> = orders.0.iter().map(|order| self.address(*order)).collect();
                clearing_tally(&at, &orders)
            }
            Operation::ApplyClearing { bus, window, clearer } => {
                clearing_apply(&self.clearing_addresses(*bus, *window, *clearer))
            }
            Operation::CloseClearing { by, bus, window, clearer } => {
                let caller = self.address(AccountRef::Wallet(*by));
                clearing_close(&self.clearing_addresses(*bus, *window, *clearer), &caller)
            }
            other => unreachable!("{other:?} is of no clearing"),
        }
    }

    /// The instruction that carries a proposal out: with the account of the seller that it is about, or the bus's own.
    pub(super) fn execution(&self, bus: u8, proposal: Address, executor: &Address) -> Instruction {
        let about = self.model.proposals.get(&proposal).and_then(|proposal| proposal.action.seller());
        let about = about.and_then(|wallet| self.who(&wallet)).unwrap_or(bus_wallet(bus));
        proposal_execute_on(&self.seller_addresses(bus, about), proposal, executor)
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
            horizon_seconds: config.horizon,
            terms: terms_config(&config.terms),
            capacity_wh: config.capacity,
            base_price_per_kwh: config.base_price,
            reserve_price_per_kwh: config.reserve_price,
            least_wh: config.least,
            operator: config.operator.map(|operator| self.address(operator)),
            grid_recipient: config.grid_recipient.map(|recipient| self.address(recipient)),
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
            Decision::Terms(from, terms) => {
                ProposalAction::TermsSet { from: START.saturating_add(from), terms: terms_config(&terms) }
            }
            Decision::GridRecipient(recipient) => {
                ProposalAction::GridRecipientSet { recipient: recipient.map(|recipient| self.address(recipient)) }
            }
            Decision::LockFee(lock_fee_bps) => ProposalAction::LockFeeSet { lock_fee_bps },
            Decision::PauseIt => ProposalAction::Pause,
            Decision::ResumeIt => ProposalAction::Resume,
            Decision::ReplaceOwner(owner, new_owner) => {
                ProposalAction::OwnerReplace { owner: self.address(owner), new_owner: self.address(new_owner) }
            }
            Decision::PauseQuorum(pause_quorum) => ProposalAction::PauseQuorumSet { pause_quorum },
            Decision::AdmitSeller(wallet) => ProposalAction::SellerAdmit { wallet: self.address(wallet) },
            Decision::SuspendSeller(wallet) => ProposalAction::SellerSuspend { wallet: self.address(wallet) },
            Decision::ReservePrice(reserve_price_per_kwh) => ProposalAction::ReservePriceSet { reserve_price_per_kwh },
            Decision::LeastSize(least_wh) => ProposalAction::LeastSizeSet { least_wh },
            Decision::SetOperator(operator) => {
                ProposalAction::OperatorSet { operator: operator.map(|operator| self.address(operator)) }
            }
            Decision::CloseIt => ProposalAction::BusClose,
        }
    }
}
