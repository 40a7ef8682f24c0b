//! The price rule: what a seller asks in an interval.
//!
//! `scarcity:FLOOR..CEILING`, the default: with `S` the surplus and `D` the deficit of all members in the interval,
//!
//! ```text
//! middle = CEILING - (CEILING - FLOOR) x S / (S + D)
//! ask    = middle x (1 + markup), rounded to the tick, kept within FLOOR..CEILING
//! ```
//!
//! so that energy costs half-way between what the grid pays for it (the floor) and what the grid charges (the
//! ceiling) where supply equals demand, less where the sun shines on everyone and more where few have any. The markup
//! is each seller's own, drawn anew for every interval from the seed, evenly between -spread and +spread.
//! `fixed:PRICE` asks the same always.
//!
//! In an auction, each buyer bids at a limit of its own, drawn anew for every interval from the seed, evenly from FLOOR to CEILING
//! and then rounded to the tick as asks are. It says what energy is worth to the buyer, without the grid fee.

use {
    anchor_lang::solana_program::hash::hashv,
    std::{fmt, str::FromStr},
};

/// A price rule; all prices in token base units per kWh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRule {
    /// Lowest price, at least 1; the bus's base price.
    pub floor_per_kwh: u64,
    /// Highest price, at least the floor.
    pub ceiling_per_kwh: u64,
    /// Largest markup or discount of a seller against the middle, in basis points.
    pub spread_bps: u16,
    /// Prices are multiples of this, except at floor and ceiling.
    pub tick: u64,
}

/// Highest price that a rule can have, in base units per kWh.
pub const MAX_PRICE_PER_KWH: u64 = 1_000_000_000_000;

/// 0.08 to 0.32 per kWh with six decimals, sellers within 10 % of the middle, in steps of 0.001.
impl Default for PriceRule {
    fn default() -> Self {
        Self { floor_per_kwh: 80_000, ceiling_per_kwh: 320_000, spread_bps: 1_000, tick: 1_000 }
    }
}

/// What both sides of an interval have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Energy that members can sell, in Wh.
    pub surplus_wh: u64,
    /// Energy that members want, in Wh.
    pub deficit_wh: u64,
}

impl PriceRule {
    /// The same price always.
    pub fn fixed(price_per_kwh: u64) -> Self {
        Self { floor_per_kwh: price_per_kwh, ceiling_per_kwh: price_per_kwh, spread_bps: 0, tick: 1 }
    }

    /// Refuses a rule that cannot be followed.
    ///
    /// # Errors
    /// A sentence with the value and the remedy.
    pub fn validate(&self) -> Result<(), String> {
        let Self { floor_per_kwh, ceiling_per_kwh, spread_bps, tick } = *self;
        if floor_per_kwh == 0 {
            return Err("the lowest price is 0 base units per kWh; it must be at least 1".into());
        }
        if ceiling_per_kwh < floor_per_kwh {
            return Err(format!("the highest price {ceiling_per_kwh} is below the lowest, {floor_per_kwh}; swap them"));
        }
        if ceiling_per_kwh > MAX_PRICE_PER_KWH {
            return Err(format!("the highest price {ceiling_per_kwh} is above {MAX_PRICE_PER_KWH} base units per kWh"));
        }
        if spread_bps > 10_000 {
            return Err(format!(
                "the spread {spread_bps} is above 10000 basis points, i.e. 100 %; choose a smaller one"
            ));
        }
        if tick == 0 {
            return Err("the tick is 0; it must be at least 1 base unit per kWh".into());
        }
        Ok(())
    }

    /// What a seller asks, in token base units per kWh.
    pub fn ask(&self, balance: Balance, draw: Draw) -> u64 {
        let (floor, ceiling) = (i128::from(self.floor_per_kwh), i128::from(self.ceiling_per_kwh));
        let (surplus, deficit) = (i128::from(balance.surplus_wh), i128::from(balance.deficit_wh));
        let middle = ceiling - (ceiling - floor) * surplus / (surplus + deficit).max(1);
        let spread = i128::from(self.spread_bps);
        let markup_bps = i128::from(draw.below(2 * u64::from(self.spread_bps) + 1)) - spread;
        self.rounded(middle + middle * markup_bps / 10_000)
    }

    /// What a buyer bids at most, without the grid fee, in token base units per kWh.
    pub fn limit(&self, draw: Draw) -> u64 {
        let drawn = draw.below(self.ceiling_per_kwh - self.floor_per_kwh + 1);
        self.rounded(i128::from(self.floor_per_kwh) + i128::from(drawn))
    }

    /// A price as a multiple of the tick, kept between floor and ceiling.
    fn rounded(&self, price: i128) -> u64 {
        let tick = i128::from(self.tick);
        let rounded = (price + tick / 2) / tick * tick;
        // Between floor and ceiling, which are u64.
        rounded.clamp(self.floor_per_kwh.into(), self.ceiling_per_kwh.into()).cast_unsigned() as u64
    }
}

/// `scarcity:80000..320000,spread=1000,tick=1000` or `fixed:250000`.
impl fmt::Display for PriceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { floor_per_kwh, ceiling_per_kwh, spread_bps, tick } = self;
        if floor_per_kwh == ceiling_per_kwh {
            return write!(f, "fixed:{floor_per_kwh}");
        }
        write!(f, "scarcity:{floor_per_kwh}..{ceiling_per_kwh},spread={spread_bps},tick={tick}")
    }
}

impl FromStr for PriceRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |name: &str, text: &str| {
            text.trim().parse::<u64>().map_err(|_| format!("{name} {text:?} of the price rule is not a whole number"))
        };
        let rule = match text.split_once(':') {
            Some(("fixed", price)) => Self::fixed(number("the price", price)?),
            Some(("scarcity", rest)) => {
                let mut parts = rest.split(',');
                let range = parts.next().unwrap_or_default();
                let (floor, ceiling) = range
                    .split_once("..")
                    .ok_or_else(|| format!("{range:?} is not a price range; write FLOOR..CEILING"))?;
                let mut rule = Self {
                    floor_per_kwh: number("the lowest price", floor)?,
                    ceiling_per_kwh: number("the highest price", ceiling)?,
                    ..Self::default()
                };
                for part in parts {
                    match part.split_once('=') {
                        Some(("spread", bps)) => {
                            rule.spread_bps = number("the spread", bps)?.try_into().unwrap_or(u16::MAX);
                        }
                        Some(("tick", tick)) => rule.tick = number("the tick", tick)?,
                        _ => return Err(format!("{part:?} is no part of a price rule; use spread=BPS or tick=UNITS")),
                    }
                }
                rule
            }
            _ => {
                return Err(format!(
                    "{text:?} is not a price rule; write scarcity:FLOOR..CEILING[,spread=BPS][,tick=UNITS] or \
                     fixed:PRICE, in base units per kWh"
                ));
            }
        };
        rule.validate()?;
        Ok(rule)
    }
}

/// A number drawn for one purpose, one interval and one member: the same for the same seed, whatever else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Draw(u64);

impl Draw {
    /// Draws.
    pub fn new(seed: u64, purpose: &str, interval: usize, member: usize) -> Self {
        let [seed, interval, member] = [seed, interval as u64, member as u64].map(u64::to_le_bytes);
        let digest = hashv(&[b"multibus:replay:draw", &seed, &interval, &member, purpose.as_bytes()]).to_bytes();
        Self(u64::from_le_bytes(*digest.first_chunk().unwrap_or(&[0; 8])))
    }

    /// The draw as a number below `limit` (which is at least 1), each as likely.
    pub fn below(self, limit: u64) -> u64 {
        // The high half of the product: no modulo, and its bias is below 2^-32 for the limits used here.
        ((u128::from(self.0) * u128::from(limit)) >> 64) as u64
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(self, percent: u8) -> bool {
        self.below(100) < u64::from(percent)
    }
}

#[cfg(test)]
mod tests {
    use {super::*, proptest::prelude::*};

    #[test]
    fn scarcity_moves_the_price_between_floor_and_ceiling() {
        let rule = PriceRule { spread_bps: 0, ..PriceRule::default() };
        let ask = |rule: PriceRule, surplus_wh, deficit_wh| {
            rule.ask(Balance { surplus_wh, deficit_wh }, Draw::new(1, "price", 0, 0))
        };
        assert_eq!(ask(rule, 0, 1_000), 320_000);
        assert_eq!(ask(rule, 1_000, 0), 80_000);
        assert_eq!(ask(rule, 1_000, 1_000), 200_000);
        assert_eq!(ask(rule, 3_000, 1_000), 140_000);
        assert_eq!(ask(rule, 0, 0), 320_000);
        assert_eq!(ask(PriceRule::fixed(123_457), 5, 6), 123_457);
    }

    #[test]
    fn rules_are_written_as_they_are_read() {
        for rule in [PriceRule::default(), PriceRule::fixed(7), PriceRule { tick: 1, ..PriceRule::default() }] {
            assert_eq!(rule.to_string().parse(), Ok(rule));
        }
        for (text, part) in [
            ("cheap", "is not a price rule"),
            ("fixed:0", "at least 1"),
            ("fixed:a", "not a whole number"),
            ("scarcity:5", "FLOOR..CEILING"),
            ("scarcity:5..4", "swap them"),
            ("scarcity:5..6,tick=0", "the tick is 0"),
            ("scarcity:5..6,spread=10001", "10000 basis points"),
            ("scarcity:5..6,step=1", "no part of a price rule"),
            ("fixed:1000000000001", "above"),
        ] {
            let error = text.parse::<PriceRule>().unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn limits_are_drawn_from_the_whole_range() {
        let rule = PriceRule { floor_per_kwh: 100, ceiling_per_kwh: 104, spread_bps: 0, tick: 1 };
        let limit = |member| rule.limit(Draw::new(1, "limit", 0, member));
        let mut times = [0; 5];
        (0..1_000).for_each(|member| times[(limit(member) - 100) as usize] += 1);
        assert!(times.iter().all(|times| (150..250).contains(times)), "{times:?}");
        assert_eq!(PriceRule::fixed(7).limit(Draw::new(1, "limit", 0, 0)), 7);
    }

    proptest! {
        #[test]
        fn asks_stay_within_the_rule(
            floor in 1u64..1_000_000, above in 0u64..1_000_000, spread_bps in 0u16..=10_000, tick in 1u64..5_000,
            surplus: u64, deficit: u64, seed: u64, member in 0usize..100,
        ) {
            let rule = PriceRule { floor_per_kwh: floor, ceiling_per_kwh: floor + above, spread_bps, tick };
            let ask = rule.ask(Balance { surplus_wh: surplus, deficit_wh: deficit }, Draw::new(seed, "price", 1, member));
            prop_assert!((floor..=floor + above).contains(&ask));
            let limit = rule.limit(Draw::new(seed, "limit", 1, member));
            prop_assert!((floor..=floor + above).contains(&limit));
            prop_assert!(limit.is_multiple_of(tick) || limit == floor || limit == floor + above);
        }

        #[test]
        fn draws_stay_below_their_limit(seed: u64, limit in 1u64..1_000_000) {
            prop_assert!(Draw::new(seed, "x", 0, 0).below(limit) < limit);
        }
    }
}
