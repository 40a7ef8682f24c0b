//! Events of the market, read from transaction logs. Only what the MultiBus program itself logged is believed: lines
//! of other programs, of programs that it calls or that call it, are not its events.

use {
    crate::{action::action_json, log::LogLine, terms::terms_json, text::hex},
    base64::{Engine, prelude::BASE64_STANDARD},
    multibus::math,
    serde::ser::{SerializeMap, Serializer},
    serde_json::{Value, json},
    solana_address::Address,
};

// All of them: an event that is declared in the program is there without a line here.
pub use multibus::event::*;

/// The events of one transaction.
#[derive(Clone, Debug, Default)]
pub struct ParsedEvents {
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Whether the log was cut off, or is not one that a node writes, so that events may be missing.
    pub truncated: bool,
}

impl ParsedEvents {
    /// The events of a transaction's log; none where it failed, since what it did was undone.
    pub(crate) fn of(logs: &[String], failed: bool) -> Self {
        if failed { Self::default() } else { parse(logs) }
    }
}

/// Reads the market's events from the log of a transaction that succeeded. The log of a failed transaction has none,
/// whatever it says: what it did was undone.
pub fn parse(logs: &[String]) -> ParsedEvents {
    let mut parsed = ParsedEvents::default();
    let (mut stack, mut programs) = (Vec::new(), Vec::new());
    for line in logs {
        match LogLine::parse_among(line, &mut programs) {
            LogLine::Invoke(program) => stack.push(program),
            LogLine::Success(program) | LogLine::Failed(program) => {
                // Real logs never close a frame with a different program.
                if stack.pop() != Some(program) {
                    parsed.truncated = true;
                    break;
                }
            }
            LogLine::Data(data) if stack.last() == Some(&multibus::ID) => parsed.events.extend(from_base64(data)),
            // Lines are missing from here on, so it is unknown which program logged the next one.
            LogLine::Truncated => {
                parsed.truncated = true;
                break;
            }
            LogLine::Data(_) | LogLine::Log(_) | LogLine::Other => {}
        }
    }
    parsed
}

/// Reads an event from what a program logged as data; `None` where it is none that the program can have logged.
fn from_base64(data: &str) -> Option<Event> {
    Event::from_bytes(&BASE64_STANDARD.decode(data.split(' ').next()?).ok()?).filter(is_possible)
}

/// Whether the program can have said this: it sells at the exact cost, which a bid deposits, and no purchase is larger than its
/// receipt can hold.
fn is_possible(event: &Event) -> bool {
    if let Event::BidCreated(bid) = event {
        return bid.energy_wh > 0 && math::cost(bid.energy_wh, bid.max_price_per_kwh) == Some(bid.deposit);
    }
    let Event::EnergyPurchased(EnergyPurchased { fills, .. }) = event else { return true };
    let is_exact =
        |fill: &PurchasedFill| fill.energy_wh > 0 && math::cost(fill.energy_wh, fill.price_per_kwh) == Some(fill.cost);
    let sum = |of: fn(&PurchasedFill) -> u64| fills.iter().map(of).try_fold(0, u64::checked_add);
    !fills.is_empty()
        && fills.iter().all(is_exact)
        && sum(|fill| fill.energy_wh).is_some()
        && sum(|fill| fill.cost).is_some()
}

/// The bus that an event is about, where the event names it.
pub fn bus(event: &Event) -> Option<Address> {
    event.fields().into_iter().find_map(|field| match field {
        ("bus", Field::Address(bus)) => Some(*bus),
        _ => None,
    })
}

/// Whether an event names an address, in any of its fields or fills.
pub fn names(event: &Event, address: &Address) -> bool {
    event.fields().into_iter().any(|(_, field)| match field {
        Field::Address(named) => named == address,
        Field::Fills(fills) => fills.iter().any(|fill| fill.offer == *address),
        _ => false,
    })
}

/// Energy of a purchase, in Wh. What [`parse`] read never sums to more than 64 bits hold.
pub fn energy_wh(purchase: &EnergyPurchased) -> u64 {
    purchase.fills.iter().map(|fill| fill.energy_wh).fold(0, u64::saturating_add)
}

/// Cost of a purchase, in token base units. What [`parse`] read never sums to more than 64 bits hold.
pub fn cost(purchase: &EnergyPurchased) -> u64 {
    purchase.fills.iter().map(|fill| fill.cost).fold(0, u64::saturating_add)
}

/// Writes an event as a map: `event` is its name, then come its fields under their names. Addresses are base58, hashes
/// hex, amounts integers; padding is left out. For `#[serde(serialize_with)]`.
pub fn serialize<S: Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("event", event.name())?;
    for (name, field) in event.fields() {
        match field {
            Field::Bytes(_) if name == "padding" => {}
            Field::Bytes(text) if name == "name" || name == "beneficiary" => {
                let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
                map.serialize_entry(name, &String::from_utf8_lossy(&text[..end]))?;
            }
            Field::Bytes(hash) => map.serialize_entry(name, &hex(hash))?,
            Field::Unsigned(number) => map.serialize_entry(name, &number)?,
            Field::Signed(number) => map.serialize_entry(name, &number)?,
            Field::Address(address) => map.serialize_entry(name, &address.to_string())?,
            Field::Action(action) => map.serialize_entry(name, &action_json(action))?,
            Field::Terms(terms) => map.serialize_entry(name, &terms_json(terms))?,
            Field::Owners(slots) => {
                let owners: Vec<Value> = slots
                    .iter()
                    .filter(|slot| slot.owner.to_bytes() != [0; 32])
                    .map(|slot| json!({ "owner": slot.owner.to_string(), "share_bps": slot.share_bps }))
                    .collect();
                map.serialize_entry(name, &owners)?;
            }
            Field::Shares(shares) => map.serialize_entry(name, shares)?,
            Field::Fills(fills) => {
                let fills: Vec<Value> = fills.iter().map(fill_json).collect();
                map.serialize_entry(name, &fills)?;
            }
        }
    }
    map.end()
}

fn fill_json(fill: &PurchasedFill) -> Value {
    let PurchasedFill { offer, energy_wh, price_per_kwh, cost } = fill;
    json!({ "offer": offer.to_string(), "energy_wh": energy_wh, "price_per_kwh": price_per_kwh, "cost": cost })
}

#[cfg(test)]
mod tests {
    use {super::*, anchor_lang::Discriminator};

    fn data<T: Discriminator + bytemuck::Pod>(event: &T) -> String {
        format!("Program data: {}", BASE64_STANDARD.encode([T::DISCRIMINATOR, bytemuck::bytes_of(event)].concat()))
    }

    fn expiry_set() -> OfferExpirySet {
        OfferExpirySet { offer: Address::new_from_array([1; 32]), expires_at: 5, version: 2, padding: [0; 4] }
    }

    fn names(lines: &[String]) -> Vec<&'static str> {
        parse(lines).events.iter().map(Event::name).collect()
    }

    #[test]
    fn only_the_programs_own_frames_are_believed() {
        let (bus, evil) = (multibus::ID, Address::new_from_array([6; 32]));
        let event = data(&expiry_set());
        let own = vec![format!("Program {bus} invoke [1]"), event.clone(), format!("Program {bus} success")];
        assert_eq!(names(&own), ["OfferExpirySet"]);
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
        let event = data(&expiry_set());
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
        let event = data(&expiry_set());
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
            trades_from: 9,
            version: 2,
            padding: [0; 4],
        });
        let json = serialize(&event, serde_json::value::Serializer).unwrap();
        let offer = Address::new_from_array([1; 32]).to_string();
        assert_eq!(
            json,
            serde_json::json!({ "event": "OfferRepriced", "offer": offer, "price_per_kwh": 7, "trades_from": 9, "version": 2 })
        );
    }
}
