//! Offers: energy that sellers put up at a price per kWh.

use {
    crate::{
        account::{Keyed, decode, offset},
        address,
        bus::{FIRST_SLOT_LEAD, first_number},
        capacity::{self, capacity_open},
        chain::ChainClock,
        error::{Error, Result},
        event::Event,
        market::{Market, Settlement},
        seller::{Seller, seller_open},
        send::Sent,
        terms::Terms,
        wallet::{Wallet, number_to_use},
    },
    multibus::state::{AuctionPhase, Bus, Capacity, DeliveryBook},
    solana_address::Address,
    solana_instruction::{AccountMeta, Instruction},
    solana_sdk_ids::system_program,
};

pub use multibus::state::{EnergySource, Offer};

/// What a seller offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferTerms {
    /// Start of the delivery window in unix seconds; 0 where the bus has no windows.
    pub window_start: i64,
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// The seller's own price, in token base units per kWh. Buyers pay the grid fee on top.
    pub price_per_kwh: u64,
    /// End of trading, in unix seconds: the offer can be bought while the time is before it. For [`Wallet::offer_create`],
    /// 0 is the latest that the bus allows: the window's gate, or one horizon ahead.
    pub expires_at: i64,
    /// Where the energy comes from.
    pub source: EnergySource,
}

/// An offer that was listed, as its transaction says.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Where it is.
    pub address: Address,
    /// Its number among its seller's offers.
    pub number: u64,
    /// What is offered. The expiry is the one that was signed.
    pub terms: OfferTerms,
    /// First second in which an offer of the bus itself trades, 0 for the offers of others; `None` where the node does not
    /// serve the transaction's log.
    pub trades_from: Option<i64>,
    /// The transaction that listed it.
    pub sent: Sent,
}

/// Which offers to return: all conditions must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfferFilter {
    /// Only of this delivery window.
    pub window_start: Option<i64>,
    /// Only of this source.
    pub source: Option<EnergySource>,
    /// Only at this price or below, grid fee included, in token base units per kWh.
    pub max_price_per_kwh: Option<u64>,
    /// Only with this much free energy or more, in Wh.
    pub min_energy_wh: Option<u64>,
    /// Only of this seller's wallet.
    pub seller: Option<Address>,
    /// Not of this seller's wallet: a seller cannot buy its own offer.
    pub not_seller: Option<Address>,
}

/// The order of offers. Offers that are equal in it come in the order of their creation, then of their address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OfferSort {
    /// Lowest price first, grid fee included.
    #[default]
    Price,
    /// Most free energy first.
    Energy,
    /// Newest first.
    Newest,
    /// Soonest end of trading first.
    Expiry,
}

/// Instruction `offer_create`: takes energy from a window's capacity and puts it on offer. `wallet` is the seller's, or the
/// bus where an owner lists energy of the bus itself. `number` is the next of the seller. `of_window` are the terms of the window
/// (of its capacity, or where that is not open, [`Bus::terms_at`] its start): on delivery terms the seller's meter and its
/// delivery book, which is opened where it is missing, follow.
pub fn offer_create(
    lister: &Address,
    bus: &Address,
    wallet: &Address,
    number: u64,
    terms: &OfferTerms,
    of_window: &Terms,
) -> Instruction {
    let seller = address::seller(bus, wallet);
    let mut instruction = multibus::instruction::OfferCreate {
        number,
        energy_wh: terms.energy_wh,
        price_per_kwh: terms.price_per_kwh,
        expires_at: terms.expires_at,
        source: terms.source as u8,
    }
    .to_instruction(multibus::accounts::OfferCreate {
        lister: *lister,
        bus: *bus,
        capacity: address::capacity(bus, terms.window_start),
        seller,
        offer: address::offer(&seller, number),
        system_program: system_program::ID,
    });
    if of_window.is_on_delivery() && of_window.has_windows() && terms.window_start >= of_window.from {
        let first_window = DeliveryBook::first_window_of(of_window, terms.window_start);
        let books = [address::meter(&seller), address::book(&seller, first_window)];
        instruction.accounts.extend(books.map(|account| AccountMeta::new(account, false)));
    }
    instruction
}

/// Instruction `offer_reprice`: a new price and the next version. It changes the offer only as it was read, so that nothing
/// that was signed before lands later. The seller signs; for an offer of the bus itself, the owner who listed it.
pub fn offer_reprice(lister: &Address, offer: &Keyed<Offer>, price_per_kwh: u64) -> Instruction {
    multibus::instruction::OfferReprice { price_per_kwh, expected_version: offer.version }
        .to_instruction(multibus::accounts::OfferReprice { lister: *lister, bus: offer.bus, offer: offer.address })
}

/// Instruction `offer_set_expiry`: an earlier or a later expiry and the next version. It changes the offer only as it was
/// read. The seller signs; for an offer of the bus itself, the owner who listed it.
pub fn offer_set_expiry(lister: &Address, offer: &Keyed<Offer>, expires_at: i64) -> Instruction {
    multibus::instruction::OfferSetExpiry { expires_at, expected_version: offer.version }.to_instruction(
        multibus::accounts::OfferSetExpiry {
            lister: *lister,
            bus: offer.bus,
            seller: offer.seller,
            offer: offer.address,
        },
    )
}

/// Instruction `offer_collect`: makes what was paid for an offer its seller's to withdraw, less the grid fees. Anyone may do so.
/// On delivery terms there is nothing to collect.
pub fn offer_collect(offer: &Keyed<Offer>) -> Instruction {
    multibus::instruction::OfferCollect {}
        .to_instruction(multibus::accounts::OfferCollect { offer: offer.address, seller: offer.seller })
}

/// Instruction `offer_cancel`: withdraws what is free, and closes the offer if it has no lock left.
pub fn offer_cancel(caller: &Address, offer: &Keyed<Offer>) -> Instruction {
    let mut instruction = multibus::instruction::OfferCancel {}.to_instruction(multibus::accounts::OfferCancel {
        caller: *caller,
        bus: offer.bus,
        capacity: offer.capacity,
        seller: offer.seller,
        offer: offer.address,
        rent_payer: offer.rent_payer,
    });
    if offer.is_on_delivery() {
        instruction.accounts.push(AccountMeta::new(offer.book, false));
    }
    instruction
}

/// Instruction `ask_settle`: sells what the auction sells of an offer. On purchase terms its seller is paid, on delivery terms the
/// energy is entered in its delivery book. Anyone may; afterwards anyone cancels the offer.
pub fn ask_settle(offer: &Keyed<Offer>, settlement: &Settlement) -> Instruction {
    let mut instruction = multibus::instruction::AskSettle {}.to_instruction(multibus::accounts::AskSettle {
        bus: offer.bus,
        capacity: offer.capacity,
        offer: offer.address,
        vault: offer.vault,
        escrow: address::escrow(&offer.bus),
        token_program: settlement.token_program,
    });
    if offer.is_on_delivery() {
        instruction.accounts.push(AccountMeta::new(offer.book, false));
    }
    instruction
}

/// The instructions that end an offer in its window's auction: what it sells is settled first.
pub(crate) fn end_offer(
    caller: &Address,
    offer: &Keyed<Offer>,
    capacity: &Capacity,
    settlement: &Settlement,
) -> Vec<Instruction> {
    let mut instructions = Vec::with_capacity(2);
    if capacity.cleared_at != 0 && capacity.owes(offer) {
        instructions.push(ask_settle(offer, settlement));
    }
    instructions.push(offer_cancel(caller, offer));
    instructions
}

/// The accounts that a purchase from an offer passes behind its others: on delivery terms the delivery book of its window and the
/// buyer's position book on it, none on purchase terms.
pub(crate) fn book_accounts(offer: &Offer, buyer: &Address) -> Vec<AccountMeta> {
    if !offer.is_on_delivery() {
        return Vec::new();
    }
    let books = [offer.book, address::position(&offer.book, buyer)];
    books.map(|account| AccountMeta::new(account, false)).into()
}

/// Whether an offer can be bought now: it is neither cancelled, expired nor sold out, and its bus is neither paused nor
/// closing. An offer
/// of the bus itself also waits 120 s after it was listed or lowered, and does not trade below the reserve price.
pub fn is_tradable(offer: &Offer, bus: &Bus, now: i64) -> bool {
    bus.paused == 0
        && bus.closing == 0
        && offer.cancelled == 0
        && offer.free_wh() > 0
        && now < offer.expires_at
        && (offer.trades_from == 0 || (now >= offer.trades_from && offer.price_per_kwh >= bus.reserve_price_per_kwh))
}

impl OfferFilter {
    /// Whether an offer meets every condition.
    pub fn matches(&self, offer: &Offer) -> bool {
        self.window_start.is_none_or(|start| offer.window_start == start)
            && self.source.is_none_or(|source| offer.source == source as u8)
            && self.max_price_per_kwh.is_none_or(|price| offer.full_price_per_kwh <= price)
            && self.min_energy_wh.is_none_or(|energy| offer.free_wh() >= energy)
            && self.seller.is_none_or(|seller| offer.wallet == seller)
            && self.not_seller.is_none_or(|seller| offer.wallet != seller)
    }
}

impl OfferSort {
    /// Sorts offers.
    pub fn sort(self, offers: &mut [Keyed<Offer>]) {
        offers.sort_unstable_by_key(|offer| {
            let key = match self {
                Self::Price => i128::from(offer.full_price_per_kwh),
                Self::Energy => -i128::from(offer.free_wh()),
                Self::Newest => -i128::from(offer.created_at),
                Self::Expiry => i128::from(offer.expires_at),
            };
            (key, offer.created_at, offer.number, offer.address)
        });
    }
}

impl Market {
    /// An offer.
    pub async fn offer(&self, offer: &Address) -> Result<Keyed<Offer>> {
        self.get(offer).await
    }

    /// Offers in the order of their addresses, `None` where an offer was closed.
    pub async fn offers(&self, offers: &[Address]) -> Result<Vec<Option<Keyed<Offer>>>> {
        self.find_all(offers).await
    }

    /// Every open offer of a bus, tradable or not, by address.
    pub async fn all_offers(&self, bus: &Address) -> Result<Vec<Keyed<Offer>>> {
        self.list(&[(offset!(Offer, bus), bus.as_ref())]).await
    }

    /// Every open offer of a bus in a window, tradable or not, by address; window start 0 is outside windows.
    pub async fn offers_in(&self, bus: &Address, window_start: i64) -> Result<Vec<Keyed<Offer>>> {
        let start = window_start.to_le_bytes();
        self.list(&[(offset!(Offer, bus), bus.as_ref()), (offset!(Offer, window_start), &start)]).await
    }

    /// Every open offer of a wallet on a bus, tradable or not, by address.
    pub async fn offers_of(&self, bus: &Address, wallet: &Address) -> Result<Vec<Keyed<Offer>>> {
        self.list(&[(offset!(Offer, bus), bus.as_ref()), (offset!(Offer, wallet), wallet.as_ref())]).await
    }

    /// Offers of a bus that can be bought now and meet a filter.
    pub async fn active_offers(
        &self,
        bus: &Address,
        filter: &OfferFilter,
        sort: OfferSort,
    ) -> Result<Vec<Keyed<Offer>>> {
        // A request takes four conditions: length, kind, bus and one more. The others are checked here.
        let start = filter.window_start.map(i64::to_le_bytes);
        let mut conditions: Vec<(usize, &[u8])> = vec![(offset!(Offer, bus), bus.as_ref())];
        if let Some(seller) = &filter.seller {
            conditions.push((offset!(Offer, wallet), seller.as_ref()));
        } else if let Some(start) = &start {
            conditions.push((offset!(Offer, window_start), start));
        }
        let (offers, clock, bus) = tokio::join!(self.list::<Offer>(&conditions), self.chain().clock(), self.bus(bus));
        let (mut offers, ChainClock { unix_timestamp: now, .. }, bus) = (offers?, clock?, bus?);
        offers.retain(|offer| filter.matches(offer) && is_tradable(offer, &bus, now));
        sort.sort(&mut offers);
        Ok(offers)
    }
}

impl Wallet {
    /// Puts energy on offer. Buyers pay into this wallet's vault on the bus. If its seller account or the window is missing,
    /// the same transaction opens it. On delivery terms the seller needs a meter; its first listing in the 96 windows of a delivery
    /// book opens that book, whose rent this wallet pays and gets back.
    pub async fn offer_create(&self, bus: &Address, terms: &OfferTerms) -> Result<Listed> {
        self.list(bus, &self.address(), terms).await
    }

    /// Puts energy of a bus itself on offer. What it sells for goes to the treasury. This wallet must own a part of the
    /// bus.
    pub async fn offer_create_for_bus(&self, bus: &Address, terms: &OfferTerms) -> Result<Listed> {
        self.list(bus, bus, terms).await
    }

    async fn list(&self, bus: &Address, wallet: &Address, terms: &OfferTerms) -> Result<Listed> {
        let capacity_address = address::capacity(bus, terms.window_start);
        let seller_address = address::seller(bus, wallet);
        let rules = self.market().bus(bus).await?;
        let settlement = self.market().settlement(bus).await?;
        let mut counter = self.counter(&seller_address).await;
        let mut attempt = 0;
        loop {
            let addresses = [capacity_address, seller_address];
            let (accounts, clock) = tokio::join!(self.chain().accounts(&addresses), self.chain().clock());
            let (accounts, clock) = (accounts?, clock?);
            let mut instructions = Vec::with_capacity(3);
            let (of_window, gate_closes_at) = match accounts[0].as_ref() {
                Some(account) => {
                    let capacity = decode::<Capacity>(&capacity_address, account)?;
                    (capacity.terms, capacity.gate_closes_at)
                }
                None => {
                    if terms.window_start == 0 {
                        return Err(Error::NotFound { kind: "capacity", address: capacity_address });
                    }
                    instructions.push(capacity_open(&self.address(), bus, terms.window_start));
                    let of_window = rules.terms_at(terms.window_start);
                    (*of_window, of_window.gate_closes_at(terms.window_start))
                }
            };
            let number = match accounts[1].as_ref() {
                Some(account) => {
                    number_to_use(&counter, decode::<Seller>(&seller_address, account)?.next_offer, attempt)
                }
                None => {
                    let first_slot = clock.slot + FIRST_SLOT_LEAD;
                    instructions.push(seller_open(&self.address(), bus, &settlement, wallet, first_slot));
                    first_number(first_slot)
                }
            };
            let expires_at = match terms.expires_at {
                0 => rules.latest_expiry(gate_closes_at, clock.unix_timestamp),
                expires_at => expires_at,
            };
            let terms = OfferTerms { expires_at, ..*terms };
            instructions.push(offer_create(&self.address(), bus, wallet, number, &terms, &of_window));
            let offer = address::offer(&seller_address, number);
            let Some(sent) = self.send_numbered(&offer, &instructions, &[], &mut attempt).await? else { continue };
            *counter = number.saturating_add(1);
            let trades_from = sent.events.iter().find_map(|event| match event {
                Event::OfferCreated(event) if event.offer == offer => Some(event.trades_from),
                _ => None,
            });
            return Ok(Listed { address: offer, number, terms, trades_from, sent });
        }
    }

    /// Sets a new price on an offer of this wallet, or on one that it listed for a bus. Locked energy keeps its price.
    pub async fn offer_reprice(&self, offer: &Address, price_per_kwh: u64) -> Result<Sent> {
        let offer = self.own_offer(offer).await?;
        self.send(&[offer_reprice(&self.address(), &offer, price_per_kwh)]).await
    }

    /// Sets an earlier or a later expiry on an offer of this wallet, or on one that it listed for a bus, in unix seconds; 0
    /// for the latest that the bus allows. One that has expired does not come back.
    pub async fn offer_set_expiry(&self, offer: &Address, expires_at: i64) -> Result<Sent> {
        let offer = self.own_offer(offer).await?;
        let expires_at = match expires_at {
            0 => {
                let (bus, clock) = tokio::join!(self.market().bus(&offer.bus), self.chain().clock());
                bus?.latest_expiry(offer.gate_closes_at, clock?.unix_timestamp)
            }
            expires_at => expires_at,
        };
        self.send(&[offer_set_expiry(&self.address(), &offer, expires_at)]).await
    }

    /// Makes what was paid for an offer its seller's to withdraw, less the grid fees. Anyone may do so at any time; on delivery
    /// terms there is nothing to collect, [`Wallet::delivery_release`] takes its place.
    /// [`Wallet::seller_withdraw`] does it for all offers of a seller.
    pub async fn offer_collect(&self, offer: &Address) -> Result<Sent> {
        let offer = self.market().offer(offer).await?;
        self.send(&[offer_collect(&offer)]).await
    }

    /// Withdraws what is free of an offer, and closes it if it has no lock left. Once it no longer trades, anyone may do
    /// so; before, its seller, the owner who listed it for the bus, and the operator for an offer of the bus itself or of a
    /// suspended seller. Where an auction closes its window, it cannot be withdrawn from 300 s before the gate until the auction is
    /// over; what the auction sells of it is settled in the same transaction.
    pub async fn offer_cancel(&self, offer: &Address) -> Result<Sent> {
        let offer = self.market().offer(offer).await?;
        if offer.in_auction == 0 || offer.cancelled != 0 {
            return self.send(&[offer_cancel(&self.address(), &offer)]).await;
        }
        let (window, settlement) =
            tokio::join!(self.market().capacity(&offer.bus, offer.window_start), self.market().settlement(&offer.bus));
        let (window, settlement) = (window?, settlement?);
        self.send(&end_offer(&self.address(), &offer, &window, &settlement)).await
    }

    /// Settles and withdraws the offers of a seller in auctions that are over, and on a closing bus in those that were given up;
    /// returns the account as it is then.
    pub(crate) async fn end_auctioned_offers(&self, bus: &Keyed<Bus>, seller: Keyed<Seller>) -> Result<Keyed<Seller>> {
        let (offers, clock) = tokio::join!(self.market().offers_of(&seller.bus, &seller.wallet), self.chain().clock());
        let (mut offers, now) = (offers?, clock?.unix_timestamp);
        let may_be_over = |offer: &Offer| now >= offer.gate_closes_at || bus.closing == 1;
        offers.retain(|offer| offer.in_auction == 1 && offer.cancelled == 0 && may_be_over(offer));
        if offers.is_empty() {
            return Ok(seller);
        }
        let settlement = self.market().settlement(&seller.bus).await?;
        let windows: Vec<Address> = offers.iter().map(|offer| offer.capacity).collect();
        let windows = self.market().find_all::<Capacity>(&windows).await?;
        for (offer, window) in offers.iter().zip(windows) {
            let Some(window) = window else { continue };
            let is_over = match capacity::phase(&window, bus, now) {
                AuctionPhase::Cleared | AuctionPhase::Over => true,
                AuctionPhase::Trading => window.is_given_up(bus, now),
                _ => false,
            };
            if is_over {
                self.send(&end_offer(&self.address(), offer, &window, &settlement)).await?;
            }
        }
        self.market().seller(&seller.bus, &seller.wallet).await
    }

    async fn own_offer(&self, offer: &Address) -> Result<Keyed<Offer>> {
        let offer = self.market().offer(offer).await?;
        if !offer.is_of_bus() && offer.wallet != self.address() {
            return Err(Error::Invalid(format!(
                "the offer {} belongs to {}, not to {}; sign with the seller's wallet",
                offer.address,
                offer.wallet,
                self.address()
            )));
        }
        Ok(offer)
    }
}

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable};

    fn offer(number: u8, price_per_kwh: u64, remaining_wh: u64) -> Keyed<Offer> {
        let account = Offer {
            price_per_kwh,
            full_price_per_kwh: price_per_kwh,
            remaining_wh,
            created_at: i64::from(number),
            expires_at: 1_000 - i64::from(number),
            wallet: Address::new_from_array([number; 32]),
            source: number,
            ..Offer::zeroed()
        };
        Keyed { address: Address::new_from_array([number; 32]), account }
    }

    #[test]
    fn offers_come_in_the_asked_order() {
        let order = |sort: OfferSort| {
            let mut offers = [offer(1, 30, 5), offer(2, 10, 7), offer(3, 20, 6), offer(4, 10, 9)];
            sort.sort(&mut offers);
            offers.map(|offer| offer.source)
        };
        assert_eq!(order(OfferSort::Price), [2, 4, 3, 1]);
        assert_eq!(order(OfferSort::Energy), [4, 2, 3, 1]);
        assert_eq!(order(OfferSort::Newest), [4, 3, 2, 1]);
        assert_eq!(order(OfferSort::Expiry), [4, 3, 2, 1]);
    }

    #[test]
    fn prices_are_compared_with_the_grid_fee() {
        let with_fee = |number, price_per_kwh, grid_fee_per_kwh| {
            let mut offer = offer(number, price_per_kwh, 1);
            offer.account.grid_fee_per_kwh = grid_fee_per_kwh;
            offer.account.full_price_per_kwh += grid_fee_per_kwh;
            offer
        };
        let mut offers = [with_fee(1, 10, 5), with_fee(2, 12, 0)];
        OfferSort::Price.sort(&mut offers);
        assert_eq!(offers.map(|offer| offer.source), [2, 1]);
        let up_to = |price| OfferFilter { max_price_per_kwh: Some(price), ..OfferFilter::default() };
        assert!(up_to(15).matches(&offers[1]) && !up_to(14).matches(&offers[1]));
    }

    #[test]
    fn each_condition_of_a_filter_excludes() {
        let offer = offer(2, 10, 7);
        let any = OfferFilter::default();
        let fits = |filter: OfferFilter| filter.matches(&offer);
        assert!(fits(any));
        assert!(
            fits(OfferFilter { window_start: Some(0), ..any }) && !fits(OfferFilter { window_start: Some(1), ..any })
        );
        assert!(fits(OfferFilter { source: Some(EnergySource::Wind), ..any }));
        assert!(!fits(OfferFilter { source: Some(EnergySource::Solar), ..any }));
        assert!(fits(OfferFilter { max_price_per_kwh: Some(10), ..any }));
        assert!(!fits(OfferFilter { max_price_per_kwh: Some(9), ..any }));
        assert!(
            fits(OfferFilter { min_energy_wh: Some(7), ..any }) && !fits(OfferFilter { min_energy_wh: Some(8), ..any })
        );
        let (seller, other) = (Some(offer.wallet), Some(Address::new_from_array([9; 32])));
        assert!(fits(OfferFilter { seller, ..any }) && !fits(OfferFilter { seller: other, ..any }));
        assert!(fits(OfferFilter { not_seller: other, ..any }) && !fits(OfferFilter { not_seller: seller, ..any }));
    }

    #[test]
    fn what_does_not_trade_is_not_active() {
        let bus = Bus::zeroed();
        let expiring = offer(2, 10, 7).account;
        assert!(is_tradable(&expiring, &bus, 997) && !is_tradable(&expiring, &bus, 998));
        assert!(!is_tradable(&expiring, &Bus { paused: 1, ..bus }, 0));
        assert!(!is_tradable(&expiring, &Bus { closing: 1, ..bus }, 0));
        assert!(!is_tradable(&Offer { cancelled: 1, ..expiring }, &bus, 0));
        assert!(!is_tradable(&Offer { reserved_wh: 7, ..expiring }, &bus, 0));
        let own = Offer { trades_from: 500, ..expiring };
        assert!(is_tradable(&own, &bus, 500) && !is_tradable(&own, &bus, 499));
        let reserve = |reserve_price_per_kwh| Bus { reserve_price_per_kwh, ..bus };
        assert!(is_tradable(&own, &reserve(10), 500) && !is_tradable(&own, &reserve(11), 500));
        assert!(is_tradable(&expiring, &reserve(11), 500), "a reserve price is for the bus's own offers");
    }
}
