//! What a subject hands to the table: one JSON object a line, on the standard output.

use serde_json::json;

/// A row of the table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What is measured.
    pub what: String,
    /// The figure.
    pub figure: String,
    /// The limit or the peer beside it.
    pub beside: String,
    /// The figure as a part of what is beside it; empty where they are no rates.
    pub ratio: String,
    /// What limits the figure.
    pub limit: String,
}

impl Row {
    /// Prints the row.
    pub fn print(&self, subject: &str) {
        let Self { what, figure, beside, ratio, limit } = self;
        println!(
            "{}",
            json!({ "subject": subject, "what": what, "figure": figure, "beside": beside, "ratio": ratio, "limit": limit })
        );
    }
}

/// Thousands separated.
pub fn grouped(number: u64) -> String {
    separated(&number.to_string())
}

/// The whole number that is nearest to a figure of 0 or more, thousands separated.
pub fn rounded(figure: f64) -> String {
    separated(&format!("{figure:.0}"))
}

fn separated(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The figure in the middle.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!([7, 1_000, 1_234_567].map(grouped), ["7", "1,000", "1,234,567"]);
        assert_eq!([0.4, 999.6, 12_345.5].map(rounded), ["0", "1,000", "12,346"]);
    }

    #[test]
    fn the_median_is_no_average() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
