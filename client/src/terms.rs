//! The terms of delivery windows: their length and gate, when sellers are paid, and the grid fee. Terms hold from a window on;
//! owners decide on the next ones with [`ProposalAction::TermsSet`](crate::proposal::ProposalAction::TermsSet).

use {
    crate::error::{Error, Result},
    multibus::state::Bus,
    serde_json::{Value, json},
};

pub use multibus::state::{SettlementTime, Terms, TermsConfig};

/// Name of a settlement in JSON: `on_purchase` or `on_delivery`; another number as its digits.
pub fn settlement_name(settlement: u8) -> String {
    match SettlementTime::try_from(settlement) {
        Ok(SettlementTime::OnPurchase) => "on_purchase".to_string(),
        Ok(SettlementTime::OnDelivery) => "on_delivery".to_string(),
        Err(unknown) => unknown.to_string(),
    }
}

/// Terms as JSON, as owners decide on them. Times are in seconds, the fee in token base units per kWh.
pub fn config_json(terms: &TermsConfig) -> Value {
    let TermsConfig {
        window_seconds,
        gate_closure_seconds,
        settlement,
        grid_fee_per_kwh,
        reading_deadline_seconds,
        correction_seconds,
        auction,
    } = *terms;
    json!({
        "window_seconds": window_seconds,
        "gate_closure_seconds": gate_closure_seconds,
        "settlement": settlement_name(settlement),
        "grid_fee_per_kwh": grid_fee_per_kwh,
        "reading_deadline_seconds": reading_deadline_seconds,
        "correction_seconds": correction_seconds,
        "auction": auction,
    })
}

/// Terms as JSON, with the start of their first window as `from`, in unix seconds; 0 where they hold from the beginning.
pub fn terms_json(terms: &Terms) -> Value {
    let mut json = config_json(&terms.config());
    json["from"] = terms.from.into();
    json
}

/// The first time from which other terms can hold that are decided on now, in unix seconds: more than one horizon ahead,
/// where a window of the present terms ends and one of the next ones starts. The program refuses terms that hold from an
/// earlier time; those that are decided later need a later one.
///
/// # Errors
/// Where the bus cannot have such terms at all now; the program's sentence says why.
pub fn first_possible(bus: &Bus, config: &TermsConfig, now: i64) -> Result<i64> {
    let present = bus.terms_at(now);
    let lengths = [present.window_seconds, config.window_seconds];
    let step = lengths.iter().filter(|length| **length != 0).fold(1u64, |step, length| lcm(step, u64::from(*length)));
    let nearest = now.saturating_add(i64::from(bus.horizon_seconds)).cast_unsigned();
    let from = (nearest / step + 1).saturating_mul(step).cast_signed();
    bus.validate_next_terms(&Terms::new(config, from), now).map_err(|refused| Error::from_rule(&refused))?;
    Ok(from)
}

fn lcm(a: u64, b: u64) -> u64 {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    a / divisor * b
}

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable};

    #[test]
    fn the_first_possible_time_is_taken_and_the_one_before_it_is_not() {
        let windows = |window_seconds| TermsConfig { window_seconds, ..TermsConfig::default() };
        for (present, next, now) in
            [(900, 3_600, 1_000_000_007), (0, 900, 899), (600, 900, 1_800), (3_600, 0, 0), (0, 0, 5)]
        {
            let bus = Bus { terms: Terms::new(&windows(present), 0), horizon_seconds: 86_400, ..Bus::zeroed() };
            let from = first_possible(&bus, &windows(next), now).unwrap();
            for earlier in (now..from).rev().take(4_000) {
                assert!(
                    bus.validate_next_terms(&Terms::new(&windows(next), earlier), now).is_err(),
                    "{earlier} of {from}"
                );
            }
        }
        let bus = Bus { horizon_seconds: 86_400, ..Bus::zeroed() };
        let refused = first_possible(&bus, &windows(59), 0).unwrap_err();
        assert!(refused.to_string().contains("window"), "{refused}");
    }

    #[test]
    fn terms_are_named_in_json() {
        let config = TermsConfig { window_seconds: 900, settlement: 1, grid_fee_per_kwh: 7, ..TermsConfig::default() };
        let json = terms_json(&Terms::new(&config, 1_800));
        assert_eq!((&json["from"], &json["settlement"]), (&json!(1_800), &json!("on_delivery")));
        assert_eq!((settlement_name(0), settlement_name(9)), ("on_purchase".to_owned(), "9".to_owned()));
    }
}
