//! Decoding of the market's accounts: the owner, the discriminator, the length and the layout version are checked,
//! and every refusal names the address and the cause.

use {
    crate::{
        address,
        error::{Error, Result},
    },
    anchor_lang::Discriminator,
    bytemuck::Pod,
    multibus::{
        constants::{LAYOUT_VERSION, MAX_BIDS, MAX_CAPACITY_WH, MAX_POWER_W, MAX_WINDOW_SECONDS, WH_PER_KWH},
        math,
        state::{
            ActionKind, Bid, BookWindow, Bus, Capacity, Certificate, Claim, Clearing, Creator, DeliveryBook, Device,
            EnergySource, Ledger, Lock, Meter, Offer, PositionBook, Proposal, Seller, Tombstone, Trader,
        },
    },
    solana_account::Account,
    solana_address::Address,
    std::ops::Deref,
};

/// The latest time that an account can name where sums of it are computed, in unix seconds: some 34,000 years from now.
const LATEST_TIME: i64 = 1 << 40;

/// An account and its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed<T> {
    /// Where the account lives.
    pub address: Address,
    /// What it holds.
    pub account: T,
}

impl<T> Deref for Keyed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.account
    }
}

/// An account of the market.
pub trait MarketAccount: Pod + Discriminator {
    /// Name of the account in messages.
    const NAME: &'static str;

    /// Where an account with these contents lives.
    fn home(&self) -> Address;

    /// The first invariant that the account breaks. Reserved bytes, and numbers that a later program may add, are not
    /// checked.
    fn broken_invariant(&self) -> Option<&'static str>;

    /// Length of the account's data, in bytes, with its discriminator.
    fn len() -> usize {
        Self::DISCRIMINATOR.len() + size_of::<Self>()
    }
}

macro_rules! market_accounts {
    ($($account:ident = $name:literal at $home:expr, later $later:expr $(, within $limits:expr)?;)+) => {
        $(impl MarketAccount for $account {
            const NAME: &'static str = $name;

            fn home(&self) -> Address {
                let home: fn(&Self) -> Address = $home;
                home(self)
            }

            fn broken_invariant(&self) -> Option<&'static str> {
                let later: fn(&mut Self) = $later;
                $(
                    let is_within: fn(&Self) -> bool = $limits;
                    if !is_within(self) {
                        return Some("its numbers are within the program's limits");
                    }
                )?
                let mut known = *self;
                later(&mut known);
                known.check_invariants().err()
            }
        })+
    };
}

market_accounts!(
    Bus = "bus" at |bus| address::bus(&bus.creator, bus.bus_seq),
        later |bus| {
            (bus.padding, bus.reserved) = ([0; 4], [0; 27]);
            (bus.terms.reserved, bus.next_terms.reserved) = ([0; 6], [0; 6]);
        };
    Tombstone = "closed bus" at |stone| address::bus(&stone.creator, stone.bus_seq),
        later |stone| (stone.padding, stone.reserved) = (0, [0; 32]);
    Creator = "creator" at |creator| address::creator(&creator.wallet),
        later |creator| (creator.padding, creator.reserved) = ([0; 6], [0; 32]);
    Capacity = "capacity" at |capacity| address::capacity(&capacity.bus, capacity.window_start),
        later |capacity| {
            (capacity.padding, capacity.padding_2, capacity.terms.reserved, capacity.reserved) = ([0; 2], [0; 3], [0; 6], [0; 14]);
        },
        within |capacity| {
            [capacity.bids, capacity.asks].iter().all(|side| side.at_price_wh <= u64::from(MAX_BIDS) * MAX_CAPACITY_WH)
        };
    Bid = "bid" at |bid| address::bid(&bid.transaction_hash),
        later |bid| (bid.padding, bid.reserved) = ([0; 5], [0; 4]);
    Clearing = "clearing" at |clearing| address::clearing(&clearing.capacity, &clearing.clearer),
        later |clearing| (clearing.padding, clearing.reserved) = ([0; 6], [0; 4]);
    Seller = "seller" at |seller| address::seller(&seller.bus, &seller.wallet),
        later |seller| (seller.padding, seller.reserved) = ([0; 4], [0; 18]);
    Offer = "offer" at |offer| address::offer(&offer.seller, offer.number),
        later |offer| {
            (offer.padding, offer.reserved) = ([0; 4], [0; 7]);
            offer.source = EnergySource::Unspecified as u8;
        },
        within |offer| {
            // Each cost was rounded up, and contains the fee: so a collection never takes more out than there is. What an
            // auction pays is rounded down, and a collection takes what there is.
            let sold_wh = offer.listed_wh.saturating_sub(offer.remaining_wh);
            let due = math::grid_fee(sold_wh, offer.grid_fee_per_kwh).saturating_sub(offer.grid_credited);
            offer.is_on_delivery() || offer.in_auction == 1 || due <= offer.proceeds
        };
    Lock = "lock" at |lock| address::lock(&lock.offer, &lock.buyer, lock.place),
        later |lock| (lock.padding, lock.reserved) = ([0; 6], [0; 6]);
    Trader = "trader" at |trader| address::trader(&trader.wallet, trader.lane),
        later |trader| (trader.padding, trader.reserved) = ([0; 4], [0; 32]);
    Claim = "claim" at |claim| address::claim(&claim.bus, &claim.wallet),
        later |claim| (claim.padding, claim.reserved) = ([0; 6], [0; 32]);
    Meter = "meter" at |meter| address::meter(&meter.seller),
        later |meter| {
            (meter.padding, meter.reserved) = ([0; 5], [0; 8]);
            meter.source = EnergySource::Unspecified as u8;
        };
    Device = "device" at |device| address::device(&device.key),
        later |device| (device.padding, device.reserved) = ([0; 5], [0; 4]);
    DeliveryBook = "delivery book" at |book| address::book(&book.seller, book.first_window),
        later |book| {
            (book.padding, book.padding_2, book.reserved, book.terms.reserved) = (0, [0; 4], [0; 6], [0; 6]);
            for window in &mut book.windows {
                window.padding = 0;
            }
            for meter in &mut book.meters {
                meter.padding = [0; 7];
            }
        },
        within |book| {
            let times = 0..=LATEST_TIME;
            let has_paid_the_fee = |window: &BookWindow| {
                u128::from(window.paid) * u128::from(WH_PER_KWH)
                    >= u128::from(window.sold_wh) * u128::from(book.terms.grid_fee_per_kwh)
            };
            times.contains(&book.terms.from)
                && times.contains(&book.first_window)
                && book.terms.window_seconds <= MAX_WINDOW_SECONDS
                && book.meters.iter().all(|meter| meter.power_w <= MAX_POWER_W)
                && book.windows.iter().all(|window| {
                    times.contains(&window.reported_at)
                        && window.sold_wh.checked_add(window.auction_wh).is_some()
                        && has_paid_the_fee(window)
                })
        };
    Certificate = "certificate"
        at |one| address::certificate(&one.seller, one.window_start, one.range_start),
        later |certificate| {
            certificate.reserved = [0; 4];
            certificate.source = EnergySource::Unspecified as u8;
        };
    Proposal = "proposal" at |proposal| address::proposal(&proposal.bus, &proposal.proposer, proposal.number),
        later |proposal| {
            (proposal.padding, proposal.reserved) = ([0; 2], [0; 64]);
            proposal.action.kind = ActionKind::Pause as u8;
        };
);

impl MarketAccount for Ledger {
    const NAME: &'static str = "ledger";

    fn home(&self) -> Address {
        address::ledger(&self.bus)
    }

    /// Its invariants need its bus: [`Market::audit`](crate::Market::audit) checks them.
    fn broken_invariant(&self) -> Option<&'static str> {
        None
    }
}

impl MarketAccount for PositionBook {
    const NAME: &'static str = "position book";

    fn home(&self) -> Address {
        address::position(&self.book, &self.buyer)
    }

    /// Its invariants need its delivery book: [`Market::audit`](crate::Market::audit) checks them.
    fn broken_invariant(&self) -> Option<&'static str> {
        None
    }
}

/// Decodes an account of the market.
///
/// Fails with [`Error::Decode`] where the account belongs to another program, is of another kind, has another length or
/// a layout that this client does not know, is at another address than its contents say, or breaks an invariant. The
/// program never wrote such an account, so no figure in it means anything.
pub fn decode<T: MarketAccount>(address: &Address, account: &Account) -> Result<Keyed<T>> {
    let refuse = |cause: String| Error::Decode { kind: T::NAME, address: *address, cause };
    if account.owner != multibus::ID {
        return Err(refuse(format!("its owner is {}, not the MultiBus program {}", account.owner, multibus::ID)));
    }
    let discriminator = T::DISCRIMINATOR.len();
    if !account.data.starts_with(T::DISCRIMINATOR) {
        return Err(refuse("it is an account of another kind".to_string()));
    }
    // The version comes first in every layout, and tells why a length is another.
    if let Some(found) = account.data.get(discriminator).filter(|version| **version != LAYOUT_VERSION) {
        let remedy = if *found < LAYOUT_VERSION { "use the client of that time" } else { "update this client" };
        return Err(refuse(format!("its layout version is {found}, this client knows {LAYOUT_VERSION}; {remedy}")));
    }
    if account.data.len() != T::len() {
        return Err(refuse(format!("it has {} bytes, not {}", account.data.len(), T::len())));
    }
    let decoded: T = bytemuck::pod_read_unaligned(&account.data[discriminator..]);
    let home = decoded.home();
    if home != *address {
        return Err(refuse(format!("its contents are those of {home}; use another node")));
    }
    if let Some(invariant) = decoded.broken_invariant() {
        return Err(refuse(format!("it breaks the invariant that {invariant}; use another node")));
    }
    Ok(Keyed { address: *address, account: decoded })
}

/// Byte offset of a field in the account's data, discriminator included.
macro_rules! offset {
    ($account:ty, $field:ident) => {
        <$account as anchor_lang::Discriminator>::DISCRIMINATOR.len() + core::mem::offset_of!($account, $field)
    };
}
pub(crate) use offset;

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable};

    fn account(offer: &Offer) -> Account {
        let data = [Offer::DISCRIMINATOR, bytemuck::bytes_of(offer)].concat();
        Account { lamports: 1, data, owner: multibus::ID, executable: false, rent_epoch: 0 }
    }

    fn cause(account: &Account) -> String {
        match decode::<Offer>(&Offer::zeroed().home(), account) {
            Err(Error::Decode { kind: "offer", cause, .. }) => cause,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_foreign_or_broken_account_is_refused_with_its_cause() {
        let offer = Offer {
            layout_version: LAYOUT_VERSION,
            version: 1,
            price_per_kwh: 7,
            full_price_per_kwh: 7,
            bus: Address::new_from_array([8; 32]),
            gate_closes_at: i64::MAX,
            least_wh: 1,
            expires_at: 1,
            ..Offer::zeroed()
        };
        let good = account(&offer);
        assert_eq!(decode::<Offer>(&offer.home(), &good).unwrap().account, offer);
        let mut foreign = good.clone();
        foreign.owner = Address::new_from_array([9; 32]);
        assert!(cause(&foreign).contains(&foreign.owner.to_string()));
        let mut other_kind = good.clone();
        other_kind.data[..8].copy_from_slice(Lock::DISCRIMINATOR);
        assert_eq!(cause(&other_kind), "it is an account of another kind");
        let mut short = good.clone();
        short.data.pop();
        assert!(cause(&short).contains("447 bytes, not 448"));
        let later = account(&Offer { layout_version: 9, ..offer });
        assert!(cause(&later).contains("layout version is 9, this client knows 2; update this client"));
        let mut longer = later.clone();
        longer.data.resize(1_000, 0);
        assert!(cause(&longer).contains("layout version is 9"), "the version explains another length");
        let earlier = account(&Offer { layout_version: 1, ..offer });
        assert!(cause(&earlier).contains("layout version is 1, this client knows 2; use the client of that time"));
        let elsewhere = account(&Offer { number: 1, ..offer });
        assert!(cause(&elsewhere).contains(&address::offer(&Address::default(), 1).to_string()));
        let impossible = account(&Offer { reserved_wh: 1, ..offer });
        assert!(cause(&impossible).contains("reserved <= remaining <= listed"));
        // A later program may use reserved bytes and know more sources.
        let newer = Offer { source: 200, reserved: [1; 7], ..offer };
        assert_eq!(decode::<Offer>(&offer.home(), &account(&newer)).unwrap().account, newer);
        assert_eq!(cause(&Account { data: Vec::new(), ..good }), "it is an account of another kind");
    }

    #[test]
    fn offsets_point_at_the_fields() {
        let offer = Offer { bus: Address::new_from_array([4; 32]), ..Offer::zeroed() };
        let data = account(&offer).data;
        assert_eq!(&data[offset!(Offer, bus)..][..32], &[4; 32]);
    }
}
