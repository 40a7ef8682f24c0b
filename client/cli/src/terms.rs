//! The terms of delivery windows: as options of `bus create` and `proposal create BUS terms`, and as answers show them.

use {
    crate::value::{Amount, Seconds, format_duration, format_energy, format_scaled, format_time},
    clap::{Args, ValueEnum},
    multibus_client::{
        Address, Keyed,
        delivery::BookMeter,
        multibus::state::{Bus, Offer},
        terms::{SettlementTime, Terms, TermsConfig, settlement_name},
    },
    serde::Serialize,
};

/// Reading deadline and correction time of delivery terms where none is given, in seconds: one day.
const READING_SECONDS: u32 = 24 * 60 * 60;

/// When sellers are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Settlement {
    /// As soon as it is bought.
    OnPurchase,
    /// For what a meter says was delivered; the rest goes back to the buyers.
    OnDelivery,
}

impl Settlement {
    fn time(self) -> SettlementTime {
        match self {
            Self::OnPurchase => SettlementTime::OnPurchase,
            Self::OnDelivery => SettlementTime::OnDelivery,
        }
    }
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

/// Terms, of which only what changes has to be given.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Terms of delivery windows")]
pub struct TermsArgs {
    /// Length of a delivery window, such as 15m; 0 for no windows
    #[arg(long, value_name = "TIME")]
    window: Option<Seconds>,
    /// How long before a window starts its trading stops
    #[arg(long, value_name = "TIME")]
    gate_closure: Option<Seconds>,
    /// When sellers are paid; on delivery needs windows and an operator
    #[arg(long, value_name = "WHEN")]
    settlement: Option<Settlement>,
    /// What buyers pay to the grid on top of the seller's price, per kWh
    #[arg(long, value_name = "PRICE")]
    grid_fee: Option<Amount>,
    /// On delivery: how long after a window ends its first reading can come, 1h to 30d [default: 1d]
    #[arg(long, value_name = "TIME")]
    reading_deadline: Option<Seconds>,
    /// On delivery: how long after its first reading another can correct it, 1h to 30d [default: 1d]
    #[arg(long, value_name = "TIME")]
    correction_time: Option<Seconds>,
    /// Whether an auction closes each window: buyers bid, and at the gate one price clears what is left; needs windows, and
    /// gate closure and window of together at least 15m
    #[arg(long)]
    auction: Option<Switch>,
}

impl TermsArgs {
    /// The terms that are meant; what is not given stays as it is in `before`.
    ///
    /// # Errors
    /// A sentence where the grid fee has more decimals than the token.
    pub fn on(&self, before: &TermsConfig, mint_decimals: u8) -> Result<TermsConfig, String> {
        let window_seconds = self.window.map_or(before.window_seconds, |length| length.0);
        let gate_closure_seconds = match (self.gate_closure, window_seconds) {
            (Some(length), _) => length.0,
            // Without windows there is no gate.
            (None, 0) => 0,
            (None, _) => before.gate_closure_seconds,
        };
        let settlement = self.settlement.map_or(before.settlement, |settlement| settlement.time() as u8);
        let reading = |given: Option<Seconds>, before: u32| match (given, before) {
            (Some(length), _) => length.0,
            (None, _) if settlement != SettlementTime::OnDelivery as u8 => 0,
            (None, 0) => READING_SECONDS,
            (None, before) => before,
        };
        Ok(TermsConfig {
            window_seconds,
            gate_closure_seconds,
            settlement,
            grid_fee_per_kwh: match &self.grid_fee {
                Some(fee) => fee.base_units(mint_decimals)?,
                None => before.grid_fee_per_kwh,
            },
            reading_deadline_seconds: reading(self.reading_deadline, before.reading_deadline_seconds),
            correction_seconds: reading(self.correction_time, before.correction_seconds),
            auction: match self.auction {
                Some(auction) => auction == Switch::On,
                // Without windows there is nothing to close.
                None => before.auction && window_seconds > 0,
            },
        })
    }
}

/// Terms as an answer has them.
#[derive(Clone, Debug, Serialize)]
pub struct TermsView {
    /// Start of the first window that they hold for; 0 for those that the bus was created with.
    from: i64,
    window_seconds: u32,
    gate_closure_seconds: u32,
    /// `on_purchase` or `on_delivery`.
    settlement: String,
    grid_fee_per_kwh: u64,
    /// 0 on purchase terms.
    reading_deadline_seconds: u32,
    /// 0 on purchase terms.
    correction_seconds: u32,
    /// Whether an auction closes each window.
    auction: bool,
}

impl TermsView {
    pub fn of(terms: &Terms) -> Self {
        Self {
            from: terms.from,
            window_seconds: terms.window_seconds,
            gate_closure_seconds: terms.gate_closure_seconds,
            settlement: settlement_name(terms.settlement),
            grid_fee_per_kwh: terms.grid_fee_per_kwh,
            reading_deadline_seconds: terms.reading_deadline_seconds,
            correction_seconds: terms.correction_seconds,
            auction: terms.has_auction(),
        }
    }

    /// The terms that a bus has now, and the next ones where they do not hold yet.
    pub fn now_and_next(bus: &Bus, now: i64) -> (Self, Option<Self>) {
        let next = &bus.next_terms;
        (Self::of(bus.terms_at(now)), (next.from > now).then(|| Self::of(next)))
    }

    /// Whether the bus has windows under them.
    pub fn has_windows(&self) -> bool {
        self.window_seconds != 0
    }

    /// The terms as labelled fields.
    pub fn fields(&self, mint_decimals: u8) -> Vec<(&'static str, String)> {
        let windows = match self.window_seconds {
            0 => "none".to_owned(),
            seconds => format!("{seconds} s each, gate closes {} s before the start", self.gate_closure_seconds),
        };
        let mut fields = vec![("windows", windows), ("paid", settlement_words(&self.settlement).to_owned())];
        if self.auction {
            fields.push(("auction", "one price at the gate for all bids and offers, see `auction list`".to_owned()));
        }
        if self.reading_deadline_seconds != 0 {
            fields.push((
                "readings",
                format!(
                    "until {} after the {}, corrected for {}",
                    format_duration(self.reading_deadline_seconds.into()),
                    if self.auction { "window and its auction" } else { "window" },
                    format_duration(self.correction_seconds.into())
                ),
            ));
        }
        fields.push((
            "grid fee",
            match self.grid_fee_per_kwh {
                0 => "none".to_owned(),
                fee => format!("{} tokens/kWh, on top of the price", format_scaled(fee, mint_decimals.into())),
            },
        ));
        fields
    }

    /// When they start to hold.
    pub fn starts_at(&self) -> String {
        format_time(self.from)
    }
}

/// When sellers are paid, in words.
pub fn settlement_words(settlement: &str) -> &'static str {
    match settlement {
        "on_purchase" => "on purchase",
        "on_delivery" => "on delivery, for what the meter says; the rest goes back",
        _ => "unknown",
    }
}

/// Name of the settlement of an offer, as terms have it.
pub fn settlement_of(offer: &Offer) -> String {
    let time = if offer.is_on_delivery() { SettlementTime::OnDelivery } else { SettlementTime::OnPurchase };
    settlement_name(time as u8)
}

/// Writes a price that buyers pay, and the grid fee in it: `0.3 tokens/kWh, of it 0.05 for the grid`.
pub fn format_full_price(full_price_per_kwh: u64, grid_fee_per_kwh: u64, mint_decimals: u8) -> String {
    let tokens = |price| format_scaled(price, mint_decimals.into());
    match grid_fee_per_kwh {
        0 => format!("{} tokens/kWh", tokens(full_price_per_kwh)),
        fee => format!("{} tokens/kWh, of it {} for the grid", tokens(full_price_per_kwh), tokens(fee)),
    }
}

/// The device of a window, as its delivery book has it.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceView {
    /// Key of the device.
    pub device: String,
    pub source: String,
    pub power_w: u64,
}

impl DeviceView {
    pub fn of(device: &BookMeter) -> Self {
        Self {
            device: device.key.to_string(),
            source: crate::value::source_name(device.source),
            power_w: device.power_w,
        }
    }
}

/// Who gets the grid fees of a bus; `None` for its treasury.
pub fn grid_recipient(bus: &Keyed<Bus>) -> Option<Address> {
    (bus.grid_recipient != Address::default()).then_some(bus.grid_recipient)
}

/// Writes energy of which the reading is not known: `1.2 kWh`, or a dash.
pub fn format_reading(energy_wh: Option<u64>) -> String {
    energy_wh.map_or_else(|| "-".to_owned(), format_energy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: TermsArgs = TermsArgs {
        window: None,
        gate_closure: None,
        settlement: None,
        grid_fee: None,
        reading_deadline: None,
        correction_time: None,
        auction: None,
    };

    #[test]
    fn what_is_not_given_stays_as_it_is() {
        let on_delivery = TermsConfig {
            window_seconds: 900,
            gate_closure_seconds: 300,
            settlement: SettlementTime::OnDelivery as u8,
            grid_fee_per_kwh: 7,
            reading_deadline_seconds: 3_600,
            correction_seconds: 7_200,
            auction: false,
        };
        assert_eq!(NOTHING.on(&on_delivery, 6), Ok(on_delivery));
        let fee = TermsArgs { grid_fee: Some(Amount::Tokens("0.05".to_owned())), ..NOTHING };
        assert_eq!(fee.on(&on_delivery, 6), Ok(TermsConfig { grid_fee_per_kwh: 50_000, ..on_delivery }));
        assert!(fee.on(&on_delivery, 1).is_err(), "the token has one decimal");
        let on_purchase = TermsArgs { settlement: Some(Settlement::OnPurchase), ..NOTHING };
        let paid_at_once =
            TermsConfig { settlement: 0, reading_deadline_seconds: 0, correction_seconds: 0, ..on_delivery };
        assert_eq!(on_purchase.on(&on_delivery, 6), Ok(paid_at_once));
        let again =
            TermsArgs { settlement: Some(Settlement::OnDelivery), correction_time: Some(Seconds(3_600)), ..NOTHING };
        let readings = TermsConfig { reading_deadline_seconds: 86_400, correction_seconds: 3_600, ..on_delivery };
        assert_eq!(again.on(&paid_at_once, 6), Ok(readings));
        let no_windows = TermsArgs { window: Some(Seconds(0)), ..NOTHING };
        let general = TermsConfig { window_seconds: 0, gate_closure_seconds: 0, ..paid_at_once };
        assert_eq!(no_windows.on(&paid_at_once, 6), Ok(general));
        // An auction stays, until it is switched off or there are no windows any more.
        let switched = |auction| TermsArgs { auction: Some(auction), ..NOTHING };
        let in_auction = TermsConfig { auction: true, ..paid_at_once };
        assert_eq!(switched(Switch::On).on(&paid_at_once, 6), Ok(in_auction));
        assert_eq!(fee.on(&in_auction, 6).map(|terms| terms.auction), Ok(true));
        assert_eq!(switched(Switch::Off).on(&in_auction, 6), Ok(paid_at_once));
        assert_eq!(no_windows.on(&in_auction, 6), Ok(general));
        // The program says why this cannot be.
        let impossible = TermsArgs { auction: Some(Switch::On), ..no_windows };
        assert_eq!(impossible.on(&paid_at_once, 6), Ok(TermsConfig { auction: true, ..general }));
    }
}
