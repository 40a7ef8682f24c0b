//! Events of the market, read from transaction logs. Only what the MultiBus program itself logged is believed: lines
//! of other programs, of programs that it calls or that call it, are not its events.

use {
    anchor_lang::Discriminator,
    base64::{Engine, prelude::BASE64_STANDARD},
    multibus::{event::*, math},
    serde::ser::{Serialize, SerializeMap, Serializer},
    solana_address::Address,
    std::fmt,
};

pub use multibus::event::{
    BusCreated, CapacityClosed, CapacityOpened, EnergyPurchased, LockReleased, LockTaken, OfferCancelled, OfferCreated,
    OfferExtended, OfferRepriced, ProposalApproved, ProposalClosed, ProposalCreated, ProposalExecuted, ProposalRevoked,
    PurchasedFill, TraderClosed, TraderOpened, TreasuryClaimed,
};

/// What a line of a transaction's log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLine<'a> {
    /// A program starts.
    Invoke(Address),
    /// A program ended well.
    Success(Address),
    /// A program failed.
    Failed(Address),
    /// A program logged a text.
    Log(&'a str),
    /// A program logged data, in base64.
    Data(&'a str),
    /// The log was cut here: nothing after this line can be trusted to be complete.
    Truncated,
    /// Anything else, such as compute units.
    Other,
}

impl<'a> LogLine<'a> {
    /// Reads a line. Texts of programs come behind a prefix that they cannot avoid, so they cannot pose as the others.
    pub fn parse(line: &'a str) -> Self {
        if line == "Log truncated" {
            return Self::Truncated;
        }
        let Some(rest) = line.strip_prefix("Program ") else { return Self::Other };
        if let Some(text) = rest.strip_prefix("log: ") {
            return Self::Log(text);
        }
        if let Some(data) = rest.strip_prefix("data: ") {
            return Self::Data(data);
        }
        let Some((program, what)) = rest.split_once(' ') else { return Self::Other };
        let Ok(program) = program.parse::<Address>() else { return Self::Other };
        if what.starts_with("invoke [") {
            Self::Invoke(program)
        } else if what == "success" {
            Self::Success(program)
        } else if what.starts_with("failed") {
            Self::Failed(program)
        } else {
            Self::Other
        }
    }
}

/// The events of one transaction.
#[derive(Clone, Debug, Default)]
pub struct ParsedEvents {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Whether the log was cut, or goes on as none does, so that there may have been more.
    pub truncated: bool,
}

/// Reads the market's events from the log of a transaction that succeeded. The log of a failed transaction has none,
/// whatever it says: what it did was undone.
pub fn parse(logs: &[String]) -> ParsedEvents {
    let mut parsed = ParsedEvents::default();
    let mut stack = Vec::new();
    for line in logs {
        match LogLine::parse(line) {
            LogLine::Invoke(program) => stack.push(program),
            LogLine::Success(program) | LogLine::Failed(program) => {
                // A frame that another ends than began it is in no log of a chain.
                if stack.pop() != Some(program) {
                    parsed.truncated = true;
                    break;
                }
            }
            LogLine::Data(data) if stack.last() == Some(&multibus::ID) => {
                parsed.events.extend(Event::from_base64(data))
            }
            // Later lines may be missing, so nobody could tell any more whose they are.
            LogLine::Truncated => {
                parsed.truncated = true;
                break;
            }
            LogLine::Data(_) | LogLine::Log(_) | LogLine::Other => {}
        }
    }
    parsed
}

macro_rules! events {
    ($($name:ident { $($field:ident),+ $(,)? })+) => {
        /// An event of the market.
        #[allow(clippy::large_enum_variant, reason = "a bus is created rarely, and boxing it would burden every match")]
        pub enum Event {
            $(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+
        }

        impl Event {
            /// Name of the event.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($name),)+
                }
            }
        }

        impl Clone for Event {
            fn clone(&self) -> Self {
                match self {
                    $(Self::$name($name { $($field),+ }) => {
                        Self::$name($name { $($field: Clone::clone($field)),+ })
                    })+
                }
            }
        }

        impl fmt::Debug for Event {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name($name { $($field),+ }) => {
                        f.debug_struct(stringify!($name))$(.field(stringify!($field), $field))+.finish()
                    })+
                }
            }
        }

        /// As a map: `event` is the name, then the fields under their names. Addresses are base58, hashes hex, amounts
        /// integers; padding is left out.
        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("event", self.name())?;
                match self {
                    $(Self::$name($name { $($field),+ }) => {
                        $($field.put(&mut map, stringify!($field))?;)+
                    })+
                }
                map.end()
            }
        }
    };
}

events! {
    BusCreated {
        bus, capacity, creator, mint, escrow, treasury, bus_seq, capacity_wh, base_price_per_kwh, created_at,
        timelock_seconds, window_seconds, gate_closure_seconds, lock_fee_bps, threshold, listing_policy, owner_count,
        name_len, pause_quorum, padding, name, owners,
    }
    ProposalCreated { bus, proposal, proposer, proposal_seq, config_version, created_at, executable_at, action }
    ProposalApproved { proposal, owner, executable_at, approvals, padding }
    ProposalRevoked { proposal, owner, executable_at, approvals, padding }
    ProposalExecuted { bus, proposal, executed_by, config_version, executed_at, treasury_balance, action }
    ProposalClosed { bus, proposal, closed_by, executed, padding }
    TreasuryClaimed { bus, owner, destination, amount, claimed_total }
    CapacityOpened { bus, capacity, rent_payer, window_start, total_wh, window_seconds, padding }
    CapacityClosed { bus, capacity, window_start, sold_wh }
    OfferCreated {
        bus, capacity, offer, seller, payout, rent_payer, offer_seq, energy_wh, price_per_kwh, window_start, created_at,
        expires_at, source, owned_by_bus, padding,
    }
    OfferRepriced { offer, price_per_kwh, version, padding }
    OfferExtended { offer, expires_at }
    OfferCancelled { bus, offer, cancelled_by, withdrawn_wh, sold_wh, closed, padding }
    LockTaken { lock, offer, buyer, energy_wh, price_per_kwh, deposit, expires_at }
    LockReleased { lock, offer, buyer, released_by, energy_wh, refund, fee }
    TraderOpened { trader, wallet, first_nonce, lane, padding }
    TraderClosed { trader, wallet, history_root, next_nonce, lane, padding }
    EnergyPurchased { buyer, transaction_hash, nonce, purchased_at, lane, kind, reserved, fills }
}

impl Event {
    /// Reads an event from its bytes, discriminator included; `None` where they are not an event that this client
    /// knows.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        macro_rules! fixed {
            ($($name:ident),+) => {
                $(if let Some(rest) = bytes.strip_prefix($name::DISCRIMINATOR) {
                    return (rest.len() == size_of::<$name>())
                        .then(|| Self::$name(bytemuck::pod_read_unaligned(rest)));
                })+
            };
        }
        fixed!(
            BusCreated,
            ProposalCreated,
            ProposalApproved,
            ProposalRevoked,
            ProposalExecuted,
            ProposalClosed,
            TreasuryClaimed,
            CapacityOpened,
            CapacityClosed,
            OfferCreated,
            OfferRepriced,
            OfferExtended,
            OfferCancelled,
            LockTaken,
            LockReleased,
            TraderOpened,
            TraderClosed
        );
        if !bytes.starts_with(EnergyPurchased::DISCRIMINATOR) {
            return None;
        }
        let (header, fills) = bytes.split_at_checked(size_of::<EnergyPurchasedHeader>())?;
        let EnergyPurchasedHeader {
            discriminator: _,
            buyer,
            transaction_hash,
            nonce,
            purchased_at,
            lane,
            kind,
            reserved,
            fill_count,
        } = bytemuck::pod_read_unaligned(header);
        let size = size_of::<PurchasedFill>();
        if fills.len() != (fill_count as usize).checked_mul(size)? {
            return None;
        }
        let fills = fills.chunks_exact(size).map(bytemuck::pod_read_unaligned).collect();
        Some(Self::EnergyPurchased(EnergyPurchased {
            buyer,
            transaction_hash,
            nonce,
            purchased_at,
            lane,
            kind,
            reserved,
            fills,
        }))
    }

    fn from_base64(data: &str) -> Option<Self> {
        Self::from_bytes(&BASE64_STANDARD.decode(data.split(' ').next()?).ok()?).filter(Self::is_possible)
    }

    /// Whether the program can have said this: it sells at the exact cost, and no purchase is larger than its receipt can
    /// hold.
    fn is_possible(&self) -> bool {
        let Self::EnergyPurchased(EnergyPurchased { fills, .. }) = self else { return true };
        let is_exact = |fill: &PurchasedFill| {
            fill.energy_wh > 0 && math::cost(fill.energy_wh, fill.price_per_kwh) == Some(fill.cost)
        };
        let sum = |of: fn(&PurchasedFill) -> u64| fills.iter().map(of).try_fold(0, u64::checked_add);
        !fills.is_empty()
            && fills.iter().all(is_exact)
            && sum(|fill| fill.energy_wh).is_some()
            && sum(|fill| fill.cost).is_some()
    }

    /// The bus that the event is about, where the event names it.
    pub fn bus(&self) -> Option<Address> {
        match self {
            Self::BusCreated(event) => Some(event.bus),
            Self::ProposalCreated(event) => Some(event.bus),
            Self::ProposalExecuted(event) => Some(event.bus),
            Self::ProposalClosed(event) => Some(event.bus),
            Self::TreasuryClaimed(event) => Some(event.bus),
            Self::CapacityOpened(event) => Some(event.bus),
            Self::CapacityClosed(event) => Some(event.bus),
            Self::OfferCreated(event) => Some(event.bus),
            Self::OfferCancelled(event) => Some(event.bus),
            _ => None,
        }
    }
}

/// Energy of a purchase, in Wh. What [`parse`] read never sums to more than 64 bits hold.
pub fn energy_wh(purchase: &EnergyPurchased) -> u64 {
    purchase.fills.iter().map(|fill| fill.energy_wh).fold(0, u64::saturating_add)
}

/// Cost of a purchase, in token base units; likewise.
pub fn cost(purchase: &EnergyPurchased) -> u64 {
    purchase.fills.iter().map(|fill| fill.cost).fold(0, u64::saturating_add)
}

/// A field as it is written into JSON.
trait Put {
    fn put<M: SerializeMap>(&self, map: &mut M, name: &str) -> Result<(), M::Error>;
}

macro_rules! put_integers {
    ($($integer:ty),+) => {
        $(impl Put for $integer {
            fn put<M: SerializeMap>(&self, map: &mut M, name: &str) -> Result<(), M::Error> {
                map.serialize_entry(name, self)
            }
        })+
    };
}

put_integers!(u8, u16, u32, u64, i64);

impl Put for Address {
    fn put<M: SerializeMap>(&self, map: &mut M, name: &str) -> Result<(), M::Error> {
        map.serialize_entry(name, &self.to_string())
    }
}

/// Padding and reserved bytes say nothing.
macro_rules! put_nothing {
    ($($length:literal),+) => {
        $(impl Put for [u8; $length] {
            fn put<M: SerializeMap>(&self, _map: &mut M, _name: &str) -> Result<(), M::Error> {
                Ok(())
            }
        })+
    };
}

put_nothing!(4, 5, 6, 7);

impl Put for [u8; 32] {
    fn put<M: SerializeMap>(&self, map: &mut M, name: &str) -> Result<(), M::Error> {
        if name == "name" {
            let end = self.iter().position(|byte| *byte == 0).unwrap_or(self.len());
            return map.serialize_entry(name, &String::from_utf8_lossy(&self[..end]));
        }
        map.serialize_entry(name, &hex(self))
    }
}

impl Put for [multibus::state::OwnerSlot; 16] {
    fn put<M: SerializeMap>(&self, map: &mut M, name: &str) -> Result<(), M::Error> {
        let owners: Vec<_> = self
            .iter()
            .filter(|slot| slot.owner.to_bytes() != [0; 32])
            .map(|slot| serde_json::json!({ "owner": slot.owner.to_string(), "share_bps": slot.share_bps }))
            .collect();
        map.serialize_entry(name, &owners)
    }
}

impl Put for multibus::state::Action {
    fn put<M: SerializeMap>(&self, map: &mut M, name: &str) -> Result<(), M::Error> {
        map.serialize_entry(name, &crate::proposal::action_json(self))
    }
}

impl Put for Vec<PurchasedFill> {
    fn put<M: SerializeMap>(&self, map: &mut M, name: &str) -> Result<(), M::Error> {
        let fills: Vec<_> = self
            .iter()
            .map(|fill| {
                serde_json::json!({
                    "offer": fill.offer.to_string(),
                    "energy_wh": fill.energy_wh,
                    "price_per_kwh": fill.price_per_kwh,
                    "cost": fill.cost,
                })
            })
            .collect();
        map.serialize_entry(name, &fills)
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data<T: Discriminator + bytemuck::Pod>(event: &T) -> String {
        format!("Program data: {}", BASE64_STANDARD.encode([T::DISCRIMINATOR, bytemuck::bytes_of(event)].concat()))
    }

    fn extended() -> OfferExtended {
        OfferExtended { offer: Address::new_from_array([1; 32]), expires_at: 5 }
    }

    fn names(lines: &[String]) -> Vec<&'static str> {
        parse(lines).events.iter().map(Event::name).collect()
    }

    #[test]
    fn only_the_programs_own_frames_are_believed() {
        let (bus, evil) = (multibus::ID, Address::new_from_array([6; 32]));
        let event = data(&extended());
        let own = vec![format!("Program {bus} invoke [1]"), event.clone(), format!("Program {bus} success")];
        assert_eq!(names(&own), ["OfferExtended"]);
        let foreign = vec![format!("Program {evil} invoke [1]"), event.clone(), format!("Program {evil} success")];
        assert!(names(&foreign).is_empty());
        let callee = vec![
            format!("Program {bus} invoke [1]"),
            format!("Program {evil} invoke [2]"),
            event.clone(),
            format!("Program {evil} success"),
            event.clone(),
            format!("Program {bus} success"),
            event.clone(),
        ];
        assert_eq!(names(&callee).len(), 1);
        let caller = vec![
            format!("Program {evil} invoke [1]"),
            format!("Program {bus} invoke [2]"),
            format!("Program {bus} success"),
            event.clone(),
            format!("Program {evil} success"),
        ];
        assert!(names(&caller).is_empty());
        let posing = vec![
            format!("Program {evil} invoke [1]"),
            format!("Program log: Program {bus} invoke [2]"),
            format!("Program log: x\nProgram {bus} invoke [2]"),
            event.clone(),
            format!("Program {evil} success"),
        ];
        assert!(names(&posing).is_empty());
    }

    #[test]
    fn nothing_after_a_cut_is_believed() {
        let bus = multibus::ID;
        let event = data(&extended());
        let cut = vec![
            format!("Program {bus} invoke [1]"),
            event.clone(),
            "Log truncated".to_string(),
            event,
            format!("Program {bus} success"),
        ];
        let parsed = parse(&cut);
        assert!(parsed.truncated);
        assert_eq!(parsed.events.len(), 1);
        assert!(!parse(&cut[..2]).truncated);
    }

    /// A purchase of these fills, each its Wh, price per kWh and cost.
    fn purchased(fills: &[(u64, u64, u64)]) -> EnergyPurchased {
        let fill = |&(energy_wh, price_per_kwh, cost): &(u64, u64, u64)| PurchasedFill {
            offer: Address::new_from_array([1; 32]),
            energy_wh,
            price_per_kwh,
            cost,
        };
        EnergyPurchased {
            buyer: Address::new_from_array([7; 32]),
            transaction_hash: [8; 32],
            nonce: 9,
            purchased_at: 10,
            lane: 11,
            kind: 1,
            reserved: 0,
            fills: fills.iter().map(fill).collect(),
        }
    }

    #[test]
    fn a_purchase_survives_the_way_through_the_log() {
        let event = purchased(&[(1, 2_000, 2); 32]);
        let bytes = anchor_lang::Event::data(&event);
        let Some(Event::EnergyPurchased(read)) = Event::from_bytes(&bytes) else { panic!() };
        assert_eq!(anchor_lang::Event::data(&read), bytes);
        assert!(Event::from_bytes(&bytes[..bytes.len() - 1]).is_none());
        assert!(Event::from_bytes(&[1, 2, 3]).is_none());
    }

    #[test]
    fn amounts_that_the_program_cannot_have_sold_are_not_believed() {
        let believed = |fills: &[(u64, u64, u64)]| {
            let event = purchased(fills);
            let line = format!("Program data: {}", BASE64_STANDARD.encode(anchor_lang::Event::data(&event)));
            let bus = multibus::ID;
            !names(&[format!("Program {bus} invoke [1]"), line, format!("Program {bus} success")]).is_empty()
        };
        assert!(believed(&[(1_500, 250_000, 375_000), (1, 1, 1)]));
        assert!(!believed(&[]) && !believed(&[(0, 1, 0)]) && !believed(&[(1_500, 250_000, 374_999)]));
        assert!(!believed(&[(u64::MAX, 1, 1)]));
        assert!(!believed(&[(u64::MAX, 1_000, u64::MAX), (1, 1, 1)]));
    }

    #[test]
    fn a_frame_ends_as_it_began() {
        let (bus, evil) = (multibus::ID, Address::new_from_array([6; 32]));
        let event = data(&extended());
        let lines = [
            format!("Program {bus} invoke [1]"),
            format!("Program {evil} invoke [2]"),
            format!("Program {bus} success"),
            event,
        ];
        let parsed = parse(&lines);
        assert!(parsed.truncated && parsed.events.is_empty());
    }

    #[test]
    fn json_names_every_field_and_no_padding() {
        let event = Event::OfferRepriced(OfferRepriced {
            offer: Address::new_from_array([1; 32]),
            price_per_kwh: 7,
            version: 2,
            padding: [0; 4],
        });
        let json = serde_json::to_value(&event).unwrap();
        let offer = Address::new_from_array([1; 32]).to_string();
        assert_eq!(
            json,
            serde_json::json!({ "event": "OfferRepriced", "offer": offer, "price_per_kwh": 7, "version": 2 })
        );
    }
}
