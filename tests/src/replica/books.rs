//! The market as its events tell it.

use {
    super::tokens::{TokenBalance, TokenBalances, TokenTally},
    crate::account::decode,
    anchor_lang::Discriminator,
    bytemuck::Zeroable,
    litesvm::LiteSVM,
    multibus::{event::Event, state},
    solana_account::Account,
    solana_address::Address,
    std::{
        collections::{BTreeMap, BTreeSet, VecDeque},
        fmt::Debug,
    },
};

/// The market as its events tell it: every account as it should be on the chain.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    pub(super) creators: BTreeMap<Address, state::Creator>,
    pub(super) buses: BTreeMap<Address, state::Bus>,
    pub(super) tombstones: BTreeMap<Address, state::Tombstone>,
    pub(super) ledgers: BTreeMap<Address, state::Ledger>,
    pub(super) capacities: BTreeMap<Address, state::Capacity>,
    pub(super) sellers: BTreeMap<Address, state::Seller>,
    pub(super) offers: BTreeMap<Address, state::Offer>,
    pub(super) locks: BTreeMap<Address, state::Lock>,
    pub(super) lanes: BTreeMap<Address, state::Trader>,
    pub(super) proposals: BTreeMap<Address, state::Proposal>,
    pub(super) claims: BTreeMap<Address, state::Claim>,
    pub(super) meters: BTreeMap<Address, state::Meter>,
    pub(super) devices: BTreeMap<Address, state::Device>,
    pub(super) books: BTreeMap<Address, state::DeliveryBook>,
    pub(super) positions: BTreeMap<Address, state::PositionBook>,
    pub(super) bids: BTreeMap<Address, state::Bid>,
    pub(super) clearings: BTreeMap<Address, state::Clearing>,
    /// What lies in the escrow of a bus and is of no window: what rounding left when windows closed while an account was frozen, and
    /// what bidders on other buses had paid to it.
    pub(super) left_in_escrow: BTreeMap<Address, u64>,
    pub(super) certificates: BTreeMap<Address, state::Certificate>,
    /// Every certified range of Wh so far, by seller, window and start: the end of each.
    pub(super) certified_ever: BTreeMap<(Address, i64, u64), u64>,
    /// Delivery books of a listing of which the event that opens them has not come yet.
    pub(super) unopened: BTreeSet<Address>,
    /// Tokens that the market's own accounts hold, without gifts.
    pub(super) held: BTreeMap<Address, i128>,
    /// What each wallet has ever claimed of a bus, in token base units.
    pub(super) claimed: BTreeMap<(Address, Address), u128>,
    /// The lowest nonce that a lane has not had yet; kept when the lane closes.
    pub(super) nonces: BTreeMap<Address, u64>,
    /// Every transaction hash so far.
    pub(super) hashes: BTreeSet<[u8; 32]>,
    /// Every address of a bus, an offer or a proposal so far.
    pub(super) numbered_ever: BTreeSet<Address>,
    /// Refund accounts of the locks that the present transaction takes: its events do not tell them.
    pub(super) refunds: VecDeque<Address>,
    /// Numbers of the locks that the present transaction settles.
    pub(super) settled: VecDeque<u32>,
    /// Accounts that pay for the purchases of the present transaction: its events do not tell them.
    pub(super) payments: VecDeque<Address>,
    /// Accounts that the settlements of bids of the present transaction pay: its events do not tell them.
    pub(super) bid_refunds: VecDeque<Address>,
    /// Bumps of the bids that the present transaction makes: its events do not tell them.
    pub(super) bid_bumps: VecDeque<u8>,
    /// Orders of each tally of the present transaction.
    pub(super) tallied: VecDeque<Vec<Address>>,
    /// What entitles to each certificate that the present transaction takes: a position book, a bid or a seller.
    pub(super) holdings: VecDeque<Address>,
    /// Tokens that came into an account from outside the market, by account. In a treasury they are revenue.
    pub gifts: BTreeMap<Address, u128>,
}

/// An instruction of the market as it was sent.
#[derive(Clone, Debug)]
pub struct Sent<'a> {
    pub data: &'a [u8],
    pub accounts: Vec<Address>,
}

impl Replica {
    /// Takes an account that counts something over from the chain, where a test changed it without an instruction.
    ///
    /// # Panics
    /// Where it counts nothing.
    pub fn take_over(&mut self, address: Address, account: &Account) {
        match &account.data[..8] {
            state::Creator::DISCRIMINATOR => drop(self.creators.insert(address, decode(account))),
            state::Seller::DISCRIMINATOR => drop(self.sellers.insert(address, decode(account))),
            state::Ledger::DISCRIMINATOR => drop(self.ledgers.insert(address, decode(account))),
            other => panic!("no account with a counter begins with {other:?}"),
        }
    }

    /// Applies the events of a transaction that landed, and checks the tokens that it moved. `instructions` are the
    /// transaction's instructions of the market.
    ///
    /// # Panics
    /// Where an event contradicts what was before, or other tokens moved than the events say.
    pub fn follow(
        &mut self,
        events: &[Event],
        instructions: &[Sent],
        before: &TokenBalances,
        after: &TokenBalances,
        now: i64,
    ) {
        let before = &mut before.clone();
        self.refunds = instructions.iter().filter_map(refund_of).collect();
        self.settled = instructions.iter().filter_map(number_of).collect();
        self.payments = instructions.iter().filter_map(payment_of).collect();
        self.bid_refunds = instructions.iter().filter_map(bid_refund_of).collect();
        self.bid_bumps = instructions.iter().filter_map(bump_of).collect();
        self.tallied = instructions.iter().filter_map(orders_of).collect();
        self.holdings = instructions.iter().filter_map(holding_of).collect();
        let mut tally = TokenTally::default();
        for event in events {
            self.apply(event, now, before, &mut tally);
        }
        assert!(self.unopened.is_empty(), "an event opens each delivery book: {:?}", self.unopened);
        for (bus, gift) in std::mem::take(&mut tally.gifts) {
            let state::Bus { treasury, unclaimed, .. } = *self.bus(&bus);
            // Into the treasury, or where that is frozen, into the unclaimed account, where it waits.
            let amount = |balances: &TokenBalances| balances.get(&treasury).map_or(0, |found| found.amount) as i128;
            let told = tally.known.get(&treasury).copied().unwrap_or(0);
            let reached = amount(after) - amount(before) - told >= gift as i128;
            *tally.known.entry(if reached { treasury } else { unclaimed }).or_default() += gift as i128;
            if !reached {
                self.ledger_mut(&bus).diverted += gift;
            }
        }
        // What flows into accounts of the market by way of an account that somebody named is a gift there.
        for (address, amount) in &tally.known {
            if let Some(held) = self.held.get_mut(address) {
                *held += amount;
            }
        }
        let TokenTally { mut known, paid, gifts: _ } = tally;

        // Lamports that lay at the address of a new account of wrapped SOL are a gift.
        for (address, balance) in after {
            if !before.contains_key(address) && self.held.contains_key(address) {
                let told = known.get(address).copied().unwrap_or(0);
                let gift = u64::try_from(balance.amount as i128 - told).expect("no less than the events say");
                *self.gifts.entry(*address).or_default() += gift as u128;
                before.insert(*address, TokenBalance { amount: gift, ..*balance });
            }
        }

        // Invariant 1. Tokens moved as the events say. All other movements are payments of buyers.
        let mut payments = 0i128;
        let mut supply: BTreeMap<Address, i128> = BTreeMap::new();
        for address in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let was = before.get(address).map_or(0, |balance| balance.amount) as i128;
            let is = after.get(address).map_or(0, |balance| balance.amount) as i128;
            let balance = after.get(address).or(before.get(address)).expect("one of the two");
            *supply.entry(balance.mint).or_default() += is - was;
            let rest = is - was - known.remove(address).unwrap_or(0);
            assert!(rest <= 0, "{address} got {rest} more than the events say");
            payments -= rest;
        }
        known.retain(|_, amount| *amount != 0);
        assert!(known.is_empty(), "the events tell of tokens for accounts that did not get them: {known:?}");
        assert!(supply.values().all(|change| *change == 0), "tokens appeared or vanished: {supply:?}");
        assert_eq!(payments, paid, "buyers paid what the events say");
    }

    /// Before an account of wrapped SOL closes, what was sent to it without a word counts as a gift.
    pub(super) fn sync(&mut self, account: &Address, before: &mut TokenBalances) {
        let balance = before.get_mut(account).expect("a token account");
        let more = std::mem::take(&mut balance.unsynced);
        balance.amount += more;
        *self.gifts.entry(*account).or_default() += more as u128;
    }

    fn apply(&mut self, event: &Event, now: i64, before: &mut TokenBalances, tally: &mut TokenTally) {
        match event {
            Event::CreatorOpened(event) => self.creator_opened(event),
            Event::BusCreated(event) => self.bus_created(event, now),
            Event::BusClosed(event) => self.bus_closed(event, now, before, tally),
            Event::ProposalCreated(event) => self.proposal_created(event, now),
            Event::ProposalApproved(event) => self.proposal_approved(event, now),
            Event::ProposalRevoked(event) => self.proposal_revoked(event, now),
            Event::ProposalExecuted(event) => self.proposal_executed(event, now, tally),
            Event::ProposalClosed(event) => self.proposal_closed(event, now),
            Event::TreasuryClaimed(event) => self.treasury_claimed(event, tally),
            Event::ClaimOwed(event) => self.claim_owed(event),
            Event::ClaimPaid(event) => self.claim_paid(event, before, tally),
            Event::CapacityOpened(event) => self.capacity_opened(event, now),
            Event::CapacityClosed(event) => self.capacity_closed(event, now, tally),
            Event::BidCreated(event) => self.bid_created(event, now, tally),
            Event::BidCancelled(event) => self.bid_cancelled(event, now, tally),
            Event::BidSettled(event) => self.bid_settled(event, now, tally),
            Event::AskSettled(event) => self.ask_settled(event, now, tally),
            Event::ClearingOpened(event) => self.clearing_opened(event, now),
            Event::ClearingTallied(event) => self.clearing_tallied(event),
            Event::ClearingClosed(event) => self.clearing_closed(event, now),
            Event::AuctionCleared(event) => self.auction_cleared(event, now),
            Event::PoolReported(event) => self.pool_reported(event, now, tally),
            Event::SellerOpened(event) => self.seller_opened(event, now, tally),
            Event::SellerAdmitted(event) => self.seller_admitted(event),
            Event::SellerSuspended(event) => self.seller_suspended(event),
            Event::SellerWithdrawn(event) => self.seller_withdrawn(event, tally),
            Event::SellerClosed(event) => self.seller_closed(event, before, tally),
            Event::OfferCreated(event) => self.offer_created(event, now),
            Event::OfferRepriced(event) => self.offer_repriced(event, now),
            Event::OfferExpirySet(event) => self.offer_expiry_set(event, now),
            Event::OfferCancelled(event) => self.offer_cancelled(event, now),
            Event::OfferCollected(event) => self.offer_collected(event),
            Event::LockTaken(event) => self.lock_taken(event, now, tally),
            Event::LockReleased(event) => self.lock_released(event, now, tally),
            Event::TraderOpened(event) => self.trader_opened(event, now),
            Event::TraderClosed(event) => self.trader_closed(event),
            Event::EnergyPurchased(event) => self.energy_purchased(event, now, tally),
            Event::GridFeesSwept(event) => self.grid_fees_swept(event, tally),
            Event::MeterRegistered(event) => self.meter_registered(event, now),
            Event::MeterReplaced(event) => self.meter_replaced(event, now),
            Event::MeterClosed(event) => self.meter_closed(event),
            Event::DeviceClosed(event) => self.device_closed(event, now),
            Event::BookOpened(event) => self.book_opened(event),
            Event::BookClosed(event) => self.book_closed(event, now),
            Event::PositionOpened(event) => self.position_opened(event, now),
            Event::PositionRefundSet(event) => self.position_refund_set(event),
            Event::PositionClosed(event) => self.position_closed(event, now, tally),
            Event::DeliveryReported(event) => self.delivery_reported(event, now),
            Event::DeliveryReleased(event) => self.delivery_released(event, now),
            Event::DeliveryRefunded(event) => self.delivery_refunded(event, now, tally),
            Event::CertificateTaken(event) => self.certificate_taken(event, now),
            Event::CertificateTransferred(event) => self.certificate_transferred(event),
            Event::CertificateRetired(event) => self.certificate_retired(event),
        }
    }

    /// The bus of an address.
    pub(super) fn bus(&self, address: &Address) -> &state::Bus {
        self.buses.get(address).expect("a known bus")
    }

    /// The ledger of a bus.
    pub(super) fn ledger_mut(&mut self, bus: &Address) -> &mut state::Ledger {
        self.ledgers.values_mut().find(|ledger| ledger.bus == *bus).expect("a bus's ledger")
    }

    /// Whether an account is one of the market's own token accounts.
    pub fn holds(&self, account: &Address) -> bool {
        self.held.contains_key(account)
    }

    /// What an account of the market holds now, gifts included.
    pub(super) fn balance(&self, account: &Address, tally: &TokenTally) -> u64 {
        let held = self.held[account] + tally.known.get(account).copied().unwrap_or(0);
        let gifts = self.gifts.get(account).copied().unwrap_or(0).cast_signed();
        u64::try_from(held + gifts).expect("a balance")
    }

    /// Checks that the chain is as the events say, and every invariant of the market.
    ///
    /// # Panics
    /// Where one does not hold.
    pub fn check(&self, svm: &LiteSVM, balances: &TokenBalances) {
        let mut seen = BTreeSet::new();
        for (address, account) in svm.get_program_accounts(&multibus::ID) {
            if account.data.is_empty() {
                // Somebody gave a wallet to the program.
                continue;
            }
            assert!(seen.insert(address));
            assert!(
                account.lamports >= svm.minimum_balance_for_rent_exemption(account.data.len()),
                "{address} is rent exempt"
            );
            let discriminator = account.data.get(..8).unwrap_or_else(|| panic!("{address} has no discriminator"));
            match discriminator {
                state::Creator::DISCRIMINATOR => same(&self.creators, &address, &decode(&account)),
                state::Bus::DISCRIMINATOR => same(&self.buses, &address, &bus_without_mint(decode(&account))),
                state::Tombstone::DISCRIMINATOR => {
                    same(&self.tombstones, &address, &tombstone_without_mint(decode(&account)));
                }
                state::Ledger::DISCRIMINATOR => self.check_ledger(&address, decode(&account), balances),
                state::Capacity::DISCRIMINATOR => same(&self.capacities, &address, &decode(&account)),
                state::Seller::DISCRIMINATOR => same(&self.sellers, &address, &decode(&account)),
                state::Offer::DISCRIMINATOR => same(&self.offers, &address, &decode(&account)),
                state::Lock::DISCRIMINATOR => same(&self.locks, &address, &decode(&account)),
                state::Trader::DISCRIMINATOR => same(&self.lanes, &address, &decode(&account)),
                state::Proposal::DISCRIMINATOR => same(&self.proposals, &address, &decode(&account)),
                state::Claim::DISCRIMINATOR => same(&self.claims, &address, &decode(&account)),
                state::Meter::DISCRIMINATOR => same(&self.meters, &address, &decode(&account)),
                state::Device::DISCRIMINATOR => same(&self.devices, &address, &decode(&account)),
                state::DeliveryBook::DISCRIMINATOR => same(&self.books, &address, &decode(&account)),
                state::PositionBook::DISCRIMINATOR => same(&self.positions, &address, &decode(&account)),
                state::Bid::DISCRIMINATOR => same(&self.bids, &address, &decode(&account)),
                state::Clearing::DISCRIMINATOR => same(&self.clearings, &address, &decode(&account)),
                state::Certificate::DISCRIMINATOR => same(&self.certificates, &address, &decode(&account)),
                _ => panic!("{address} is an account of an unknown type"),
            }
        }
        let told = self.creators.keys().chain(self.buses.keys()).chain(self.tombstones.keys());
        let told = told.chain(self.ledgers.keys()).chain(self.capacities.keys()).chain(self.sellers.keys());
        let told = told.chain(self.offers.keys()).chain(self.locks.keys()).chain(self.lanes.keys());
        let told = told.chain(self.proposals.keys()).chain(self.claims.keys()).chain(self.meters.keys());
        let told = told.chain(self.devices.keys()).chain(self.books.keys()).chain(self.positions.keys());
        let told = told.chain(self.bids.keys()).chain(self.clearings.keys());
        let told = told.chain(self.certificates.keys()).copied().collect::<BTreeSet<_>>();
        assert_eq!(seen, told, "the accounts on chain are those of which the events tell");
        for (account, held) in &self.held {
            let gifts = self.gifts.get(account).copied().unwrap_or(0).cast_signed();
            let found = balances.get(account).unwrap_or_else(|| panic!("{account} is a token account"));
            assert_eq!(found.amount as i128, held + gifts, "{account} holds what the events say, and gifts");
        }
        self.check_books();
        self.check_deliveries();
        self.check_auctions();
    }
}

/// A bus without what comes from the mint, not from an event.
fn bus_without_mint(bus: state::Bus) -> state::Bus {
    state::Bus { mint_decimals: 0, token_program: Address::zeroed(), ..bus }
}

/// A tombstone without what comes from the mint.
fn tombstone_without_mint(tombstone: state::Tombstone) -> state::Tombstone {
    state::Tombstone { mint_decimals: 0, token_program: Address::zeroed(), ..tombstone }
}

/// The refund account that a `lock_take` names: its last argument.
fn refund_of(sent: &Sent) -> Option<Address> {
    const LOCK_TAKE: u8 = 17;
    (sent.data.first() == Some(&LOCK_TAKE)).then(|| Address::try_from(&sent.data[22..54]).expect("32 bytes"))
}

/// The number of the lock that a `lock_settle` names: its last argument.
fn number_of(sent: &Sent) -> Option<u32> {
    const LOCK_SETTLE: u8 = 18;
    let number = || u32::from_le_bytes(sent.data[9..13].try_into().expect("4 bytes"));
    (sent.data.first() == Some(&LOCK_SETTLE)).then(number)
}

/// The bump of the address of the bid that a `bid_create` makes: its last argument.
fn bump_of(sent: &Sent) -> Option<u8> {
    const BID_CREATE: u8 = 44;
    (sent.data.first() == Some(&BID_CREATE)).then(|| sent.data[57])
}

/// The account that a `bid_settle` pays.
fn bid_refund_of(sent: &Sent) -> Option<Address> {
    const BID_SETTLE: u8 = 46;
    (sent.data.first() == Some(&BID_SETTLE)).then(|| sent.accounts[6])
}

/// The orders that a `clearing_tally` adds: the accounts after the first two.
fn orders_of(sent: &Sent) -> Option<Vec<Address>> {
    const CLEARING_TALLY: u8 = 49;
    (sent.data.first() == Some(&CLEARING_TALLY)).then(|| sent.accounts[2..].to_vec())
}

/// What entitles the owner of the certificate that a `certificate_take` creates.
fn holding_of(sent: &Sent) -> Option<Address> {
    const CERTIFICATE_TAKE: u8 = 41;
    (sent.data.first() == Some(&CERTIFICATE_TAKE)).then(|| sent.accounts[2])
}

/// The token account that pays for a `purchase` or a `purchase_batch`.
fn payment_of(sent: &Sent) -> Option<Address> {
    const PURCHASE: u8 = 15;
    const PURCHASE_BATCH: u8 = 16;
    match *sent.data.first()? {
        PURCHASE => Some(sent.accounts[4]),
        PURCHASE_BATCH => Some(sent.accounts[2]),
        _ => None,
    }
}

/// Asserts that an account is as the events tell.
fn same<T: Debug + PartialEq>(told: &BTreeMap<Address, T>, address: &Address, found: &T) {
    let told = told.get(address).unwrap_or_else(|| panic!("{address} is an account of which no event tells"));
    assert_eq!(found, told, "{address} is as its events tell");
}
