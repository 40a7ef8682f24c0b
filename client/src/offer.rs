//! Offers: energy that sellers put up at a price per kWh.

use {
    crate::{
        account::{Keyed, decode, offset},
        address,
        capacity::{capacity_open, free_offer_seq},
        chain::ChainClock,
        error::{Error, Result},
        market::Market,
        send::Sent,
        wallet::{Created, Wallet},
    },
    multibus::{
        error::MultibusError,
        state::{Bus, Capacity, OfferSeqWindow},
    },
    solana_address::Address,
    solana_instruction::{Instruction, error::InstructionError},
    solana_sdk_ids::system_program,
};

pub use multibus::state::{EnergySource, Offer};

/// How often a new offer takes another sequence number after a collision.
const SEQ_ATTEMPTS: u32 = 12;

/// What a seller offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferTerms {
    /// Start of the delivery window in unix seconds; 0 where the bus has no windows.
    pub window_start: i64,
    /// Energy, in Wh.
    pub energy_wh: u64,
    /// Price, in token base units per kWh.
    pub price_per_kwh: u64,
    /// Last second in which the offer trades, in unix seconds; 0 for no expiry.
    pub expires_at: i64,
    /// Where the energy comes from.
    pub source: EnergySource,
}

/// Which offers to return: all conditions must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfferFilter {
    /// Only of this delivery window.
    pub window_start: Option<i64>,
    /// Only of this source.
    pub source: Option<EnergySource>,
    /// Only at this price or below, in token base units per kWh.
    pub max_price_per_kwh: Option<u64>,
    /// Only with this much free energy or more, in Wh.
    pub min_energy_wh: Option<u64>,
    /// Only of this seller.
    pub seller: Option<Address>,
    /// Not of this seller: a seller cannot buy its own offer.
    pub not_seller: Option<Address>,
}

/// The order of offers. Offers that are equal in it come in the order of their creation, then of their address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OfferSort {
    /// Lowest price first.
    #[default]
    Price,
    /// Most free energy first.
    Energy,
    /// Newest first.
    Newest,
    /// Soonest end of trading first.
    Expiry,
}

/// Instruction `offer_create`: takes energy from a window's capacity and puts it on offer.
pub fn offer_create(
    seller: &Address,
    bus: &Address,
    offer_seq: u64,
    terms: &OfferTerms,
    payout: &Address,
) -> Instruction {
    let capacity = address::capacity(bus, terms.window_start);
    multibus::instruction::OfferCreate {
        offer_seq,
        energy_wh: terms.energy_wh,
        price_per_kwh: terms.price_per_kwh,
        expires_at: terms.expires_at,
        source: terms.source as u8,
    }
    .to_instruction(multibus::accounts::OfferCreate {
        seller: *seller,
        bus: *bus,
        capacity,
        offer: address::offer(&capacity, offer_seq),
        payout: *payout,
        system_program: system_program::ID,
    })
}

/// Instruction `offer_create_for_bus`: an owner puts energy of the bus itself on offer, paid into the treasury.
pub fn offer_create_for_bus(owner: &Address, bus: &Address, offer_seq: u64, terms: &OfferTerms) -> Instruction {
    let capacity = address::capacity(bus, terms.window_start);
    multibus::instruction::OfferCreateForBus {
        offer_seq,
        energy_wh: terms.energy_wh,
        price_per_kwh: terms.price_per_kwh,
        expires_at: terms.expires_at,
        source: terms.source as u8,
    }
    .to_instruction(multibus::accounts::OfferCreateForBus {
        owner: *owner,
        bus: *bus,
        capacity,
        offer: address::offer(&capacity, offer_seq),
        system_program: system_program::ID,
    })
}

/// Instruction `offer_reprice`: a new price and the next version. The seller signs; for an offer of the bus itself, any
/// owner.
pub fn offer_reprice(seller: &Address, offer: &Keyed<Offer>, price_per_kwh: u64) -> Instruction {
    multibus::instruction::OfferReprice { price_per_kwh }.to_instruction(multibus::accounts::OfferReprice {
        seller: *seller,
        bus: offer.bus,
        offer: offer.address,
    })
}

/// Instruction `offer_extend`: a later expiry, 0 for none. The seller signs; for an offer of the bus itself, any owner.
pub fn offer_extend(seller: &Address, offer: &Keyed<Offer>, expires_at: i64) -> Instruction {
    multibus::instruction::OfferExtend { expires_at }.to_instruction(multibus::accounts::OfferExtend {
        seller: *seller,
        bus: offer.bus,
        offer: offer.address,
    })
}

/// Instruction `offer_cancel`: withdraws what is free, and closes the offer if nothing is locked.
pub fn offer_cancel(caller: &Address, offer: &Keyed<Offer>) -> Instruction {
    multibus::instruction::OfferCancel {}.to_instruction(multibus::accounts::OfferCancel {
        caller: *caller,
        bus: offer.bus,
        capacity: offer.capacity,
        offer: offer.address,
        rent_payer: offer.rent_payer,
    })
}

/// Whether an offer can be bought now: it is neither cancelled, expired nor sold out, its gate is open and its bus is
/// not paused.
pub fn is_tradable(offer: &Offer, bus: &Bus, now: i64) -> bool {
    bus.paused == 0
        && offer.cancelled == 0
        && offer.free_wh() > 0
        && !offer.is_expired(now)
        && now < bus.gate_closes_at(offer.window_start)
}

impl OfferFilter {
    /// Whether an offer meets every condition.
    pub fn matches(&self, offer: &Offer) -> bool {
        self.window_start.is_none_or(|start| offer.window_start == start)
            && self.source.is_none_or(|source| offer.source == source as u8)
            && self.max_price_per_kwh.is_none_or(|price| offer.price_per_kwh <= price)
            && self.min_energy_wh.is_none_or(|energy| offer.free_wh() >= energy)
            && self.seller.is_none_or(|seller| offer.seller == seller)
            && self.not_seller.is_none_or(|seller| offer.seller != seller)
    }
}

impl OfferSort {
    /// Sorts offers.
    pub fn sort(self, offers: &mut [Keyed<Offer>]) {
        offers.sort_unstable_by_key(|offer| {
            let key = match self {
                Self::Price => i128::from(offer.price_per_kwh),
                Self::Energy => -i128::from(offer.free_wh()),
                Self::Newest => -i128::from(offer.created_at),
                Self::Expiry if offer.expires_at == 0 => i128::MAX,
                Self::Expiry => i128::from(offer.expires_at),
            };
            (key, offer.created_at, offer.offer_seq, offer.address)
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

    /// Every open offer of a wallet on a bus, tradable or not, by address.
    pub async fn offers_of(&self, bus: &Address, wallet: &Address) -> Result<Vec<Keyed<Offer>>> {
        self.list(&[(offset!(Offer, bus), bus.as_ref()), (offset!(Offer, seller), wallet.as_ref())]).await
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
            conditions.push((offset!(Offer, seller), seller.as_ref()));
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
    /// Puts energy on offer. Buyers pay into this wallet's associated token account. If that account or the window is
    /// missing, the same transaction creates it.
    pub async fn offer_create(&self, bus: &Address, terms: &OfferTerms) -> Result<Created> {
        self.list(bus, terms, false).await
    }

    /// Puts energy of a bus itself on offer. Buyers pay into its treasury. This wallet must own a part of the bus.
    pub async fn offer_create_for_bus(&self, bus: &Address, terms: &OfferTerms) -> Result<Created> {
        self.list(bus, terms, true).await
    }

    async fn list(&self, bus: &Address, terms: &OfferTerms, for_bus: bool) -> Result<Created> {
        let settlement = self.market().settlement(bus).await?;
        let payout = settlement.token_account(&self.address());
        let capacity_address = address::capacity(bus, terms.window_start);
        let mut attempt = 0;
        loop {
            let accounts = self.chain().accounts(&[capacity_address, payout]).await?;
            let mut instructions = Vec::with_capacity(3);
            let seqs = match accounts[0].as_ref() {
                Some(account) => decode::<Capacity>(&capacity_address, account)?.offer_seqs,
                None => {
                    if terms.window_start == 0 {
                        return Err(Error::NotFound { kind: "capacity", address: capacity_address });
                    }
                    instructions.push(capacity_open(&self.address(), bus, terms.window_start));
                    OfferSeqWindow { next: 0, used: [0; 16] }
                }
            };
            if !for_bus && accounts[1].is_none() {
                instructions.push(settlement.create_token_account(&self.address(), &self.address()));
            }
            let offer_seq = free_offer_seq(&capacity_address, &seqs, attempt);
            let offer = address::offer(&capacity_address, offer_seq);
            instructions.push(if for_bus {
                offer_create_for_bus(&self.address(), bus, offer_seq, terms)
            } else {
                offer_create(&self.address(), bus, offer_seq, terms, &payout)
            });
            let failure = match self.sender().send_traced(&[self.signer().clone()], &instructions, &[]).await {
                Ok(sent) => return Ok(Created { address: offer, sent }),
                Err(failure) => failure,
            };
            if let Some(sent) = self.landed_after_all(&offer, &failure).await? {
                return Ok(Created { address: offer, sent });
            }
            attempt += 1;
            if attempt >= SEQ_ATTEMPTS || !is_seq_collision(&failure.error) {
                return Err(failure.error);
            }
            if attempt > 2 {
                self.sender().pause(attempt - 2).await;
            }
        }
    }

    /// Sets a new price on an offer of this wallet, or of a bus that it owns a part of. Locked energy keeps its price.
    pub async fn offer_reprice(&self, offer: &Address, price_per_kwh: u64) -> Result<Sent> {
        let offer = self.own_offer(offer).await?;
        self.send(&[offer_reprice(&self.address(), &offer, price_per_kwh)]).await
    }

    /// Sets a later expiry on an offer of this wallet, or of a bus that it owns a part of, in unix seconds; 0 for none.
    pub async fn offer_extend(&self, offer: &Address, expires_at: i64) -> Result<Sent> {
        let offer = self.own_offer(offer).await?;
        self.send(&[offer_extend(&self.address(), &offer, expires_at)]).await
    }

    /// Withdraws what is free of an offer, and closes it if nothing is locked. Once it no longer trades, anyone may do
    /// so.
    pub async fn offer_cancel(&self, offer: &Address) -> Result<Sent> {
        let offer = self.market().offer(offer).await?;
        self.send(&[offer_cancel(&self.address(), &offer)]).await
    }

    async fn own_offer(&self, offer: &Address) -> Result<Keyed<Offer>> {
        let offer = self.market().offer(offer).await?;
        if offer.owned_by_bus == 0 && offer.seller != self.address() {
            return Err(Error::Invalid(format!(
                "the offer {} belongs to {}, not to {}; sign with the seller's wallet",
                offer.address,
                offer.seller,
                self.address()
            )));
        }
        Ok(offer)
    }
}

/// Whether another seller took the sequence number at the same time.
fn is_seq_collision(error: &Error) -> bool {
    match error {
        Error::Program(failure) => match failure.multibus {
            Some(multibus) => multibus == MultibusError::OfferSeqUnusable,
            None => {
                failure.program == Some(system_program::ID) && failure.code() == Some(0)
                    || failure.error == InstructionError::AccountAlreadyInitialized
            }
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable};

    fn offer(number: u8, price_per_kwh: u64, remaining_wh: u64) -> Keyed<Offer> {
        let account = Offer {
            price_per_kwh,
            remaining_wh,
            created_at: i64::from(number),
            expires_at: if number == 1 { 0 } else { 1_000 - i64::from(number) },
            seller: Address::new_from_array([number; 32]),
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
        let (seller, other) = (Some(offer.seller), Some(Address::new_from_array([9; 32])));
        assert!(fits(OfferFilter { seller, ..any }) && !fits(OfferFilter { seller: other, ..any }));
        assert!(fits(OfferFilter { not_seller: other, ..any }) && !fits(OfferFilter { not_seller: seller, ..any }));
    }

    #[test]
    fn what_does_not_trade_is_not_active() {
        let bus = Bus::zeroed();
        let mut expiring = offer(2, 10, 7).account;
        assert!(is_tradable(&expiring, &bus, 998) && !is_tradable(&expiring, &bus, 999));
        assert!(!is_tradable(&expiring, &Bus { paused: 1, ..bus }, 0));
        let windows = Bus { window_seconds: 60, gate_closure_seconds: 10, ..bus };
        expiring.window_start = 600;
        assert!(is_tradable(&expiring, &windows, 589) && !is_tradable(&expiring, &windows, 590));
        assert!(!is_tradable(&Offer { cancelled: 1, ..expiring }, &bus, 0));
        assert!(!is_tradable(&Offer { reserved_wh: 7, ..expiring }, &bus, 0));
    }
}
