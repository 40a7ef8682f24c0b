//! Numbers as people read them: grouped, with a unit, never rounded up.

/// A share in percent, to the basis point.
pub(crate) fn share(share_bps: u16) -> String {
    format!("{} %", decimal(u128::from(share_bps), 2, 2))
}

/// `1 234.5 kWh`, rounded down.
pub(crate) fn kwh(energy_wh: u64) -> String {
    format!("{} kWh", decimal(u128::from(energy_wh), 3, 1))
}

/// Part of a whole with one decimal, rounded down; 100 % of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "100 %".into();
    }
    let tenths = u128::from(part) * 1_000 / u128::from(whole);
    if tenths % 10 == 0 { format!("{} %", tenths / 10) } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

/// An integer with groups of three digits.
pub(crate) fn grouped(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `number / 10^decimals` with `shown` decimals, rounded down.
pub(crate) fn decimal(number: u128, decimals: u8, shown: u8) -> String {
    let unit = 10u128.pow(u32::from(decimals.min(30)));
    let whole = grouped(number / unit);
    if shown == 0 {
        return whole;
    }
    let fraction = format!("{:0width$}", number % unit, width = usize::from(decimals));
    let fraction: String = if decimals == 0 { String::new() } else { fraction };
    let shown = usize::from(shown);
    format!("{whole}.{:0<shown$}", fraction.chars().take(shown).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_never_rounded_up() {
        assert_eq!(grouped(0u64), "0");
        assert_eq!(grouped(1_234_567u64), "1\u{202f}234\u{202f}567");
        assert_eq!(decimal(1_999_999, 6, 2), "1.99");
        assert_eq!(decimal(5, 6, 2), "0.00");
        assert_eq!(decimal(5, 0, 2), "5.00");
        assert_eq!(decimal(1_050, 3, 1), "1.0");
        assert_eq!(percent(999, 1_000), "99.9 %");
        assert_eq!(percent(0, 0), "100 %");
        assert_eq!(share(1_205), "12.05 %");
    }
}
