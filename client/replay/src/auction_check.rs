//! What an auction must come to, from its orders alone. Every price is tried, by the rule as it is written; no code is shared with
//! the program or with the client that clears.

use {
    crate::records::{BookOrder, OrderSide},
    multibus_client::audit::Findings,
};

/// The price, volume and rationed side of every auction are those that its orders give.
pub(crate) const PRICES: &str = "auction_prices_follow_from_the_orders";
/// Orders better than the price are filled in full, those at the price share what is left, and all others get nothing.
pub(crate) const FILLS: &str = "auctions_fill_orders_by_their_price";

/// What an auction comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Without the grid fee, in base units per kWh; 0 where one side is empty.
    pub price_per_kwh: u64,
    pub volume_wh: u64,
    /// The side whose orders at the price are not filled in full.
    pub rationed: Option<OrderSide>,
    /// Energy of these orders that gets nothing, in Wh.
    pub left_at_price_wh: u64,
}

/// Energy of the orders of one side whose price passes, in Wh.
fn sum(orders: &[BookOrder], side: OrderSide, passes: impl Fn(u64) -> bool) -> u128 {
    let counted = orders.iter().filter(|order| order.side == side && passes(order.price_per_kwh));
    counted.map(|order| u128::from(order.energy_wh)).sum()
}

/// What the auction of a book comes to.
pub(crate) fn outcome(orders: &[BookOrder]) -> Outcome {
    let bid_above = |price| sum(orders, OrderSide::Bid, |bid| bid > price);
    let bid_from = |price| sum(orders, OrderSide::Bid, |bid| bid >= price);
    let asked_up_to = |price| sum(orders, OrderSide::Ask, |ask| ask <= price);
    let asked_below = |price| sum(orders, OrderSide::Ask, |ask| ask < price);
    if bid_from(0) == 0 || asked_up_to(u64::MAX) == 0 {
        return Outcome::default();
    }
    let is_low = |price: &u64| {
        bid_above(*price) <= asked_up_to(*price) && (*price == 0 || bid_from(*price) > asked_below(*price))
    };
    let is_high = |price: &u64| asked_below(*price) <= bid_from(*price) && asked_up_to(*price) > bid_above(*price);
    // The sums change at the prices of orders and right beside them.
    let beside = |order: &BookOrder| {
        [order.price_per_kwh.saturating_sub(1), order.price_per_kwh, order.price_per_kwh.saturating_add(1)]
    };
    let mut candidates: Vec<u64> = orders.iter().flat_map(beside).chain([0]).collect();
    candidates.sort_unstable();
    candidates.dedup();
    // There is exactly one of each.
    let low = candidates.iter().copied().find(is_low).unwrap_or(0);
    let high = candidates.iter().copied().find(is_high).unwrap_or(low);
    let price = low + (high - low) / 2;
    let (bids, asks) = (bid_from(price), asked_up_to(price));
    let volume = bids.min(asks);
    let (rationed, left) = match bids.cmp(&asks) {
        _ if volume == 0 => (None, 0),
        std::cmp::Ordering::Equal => (None, 0),
        std::cmp::Ordering::Greater => (Some(OrderSide::Bid), bids - volume),
        std::cmp::Ordering::Less => (Some(OrderSide::Ask), asks - volume),
    };
    // Sums of a book that was on the chain fit.
    let fits = |energy_wh: u128| u64::try_from(energy_wh).unwrap_or(u64::MAX);
    Outcome { price_per_kwh: price, volume_wh: fits(volume), rationed, left_at_price_wh: fits(left) }
}

/// Compares what the chain sold of each order (`filled_wh`, in the order of the orders) with what the price gives it.
pub(crate) fn check_fills(
    findings: &mut Findings,
    label: &str,
    orders: &[BookOrder],
    filled_wh: &[u64],
    outcome: &Outcome,
) {
    let Outcome { price_per_kwh, volume_wh, .. } = *outcome;
    for side in [OrderSide::Bid, OrderSide::Ask] {
        let is_better = |order: &BookOrder| match side {
            OrderSide::Bid => order.price_per_kwh > price_per_kwh,
            OrderSide::Ask => order.price_per_kwh < price_per_kwh,
        };
        let of_side = || orders.iter().zip(filled_wh).filter(|(order, _)| order.side == side);
        let total: u128 = of_side().map(|(_, filled)| u128::from(*filled)).sum();
        let name = side.name();
        findings.equal(FILLS, format_args!("energy of {name}s that is filled in {label}"), total, volume_wh.into());
        if volume_wh == 0 {
            continue;
        }
        let better: u128 =
            of_side().filter(|(order, _)| is_better(order)).map(|(order, _)| u128::from(order.energy_wh)).sum();
        let at_price = |order: &BookOrder| order.price_per_kwh == price_per_kwh;
        let shared: u128 = of_side().filter(|(order, _)| at_price(order)).map(|(o, _)| u128::from(o.energy_wh)).sum();
        let left = u128::from(volume_wh).saturating_sub(better);
        for (order, filled) in of_side() {
            let (energy, got) = (u128::from(order.energy_wh), u128::from(*filled));
            let is_right = if is_better(order) {
                got == energy
            } else if at_price(order) {
                // Within a Wh of its share, whatever the order of settlement.
                (got * shared).abs_diff(left * energy) < shared.max(1)
            } else {
                got == 0
            };
            findings.check(FILLS, is_right, || {
                format!(
                    "the {name} of {} in {label} for {energy} Wh at {} got {got} Wh, at the price {price_per_kwh} that \
                     leaves {left} Wh for {shared} Wh",
                    order.party, order.price_per_kwh
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use {super::*, crate::price::Draw, std::path::Path};

    fn order(side: OrderSide, energy_wh: u64, price_per_kwh: u64) -> BookOrder {
        let account = multibus_client::Address::default();
        let party = side.name().to_owned();
        BookOrder { interval: 0, window_start: 0, side, member: None, party, account, energy_wh, price_per_kwh }
    }

    fn book(bids: &[(u64, u64)], asks: &[(u64, u64)]) -> Vec<BookOrder> {
        let orders = |side, orders: &[(u64, u64)]| -> Vec<BookOrder> {
            orders.iter().map(|(energy_wh, price)| order(side, *energy_wh, *price)).collect()
        };
        [orders(OrderSide::Bid, bids), orders(OrderSide::Ask, asks)].concat()
    }

    #[test]
    fn the_price_is_the_middle_of_those_that_move_most() {
        let found = |bids, asks| {
            let Outcome { price_per_kwh, volume_wh, rationed, left_at_price_wh } = outcome(&book(bids, asks));
            (price_per_kwh, volume_wh, rationed, left_at_price_wh)
        };
        assert_eq!(found(&[], &[]), (0, 0, None, 0));
        assert_eq!(found(&[(5, 10)], &[]), (0, 0, None, 0));
        assert_eq!(found(&[(5, 20)], &[(5, 10)]), (15, 5, None, 0));
        assert_eq!(found(&[(5, 10)], &[(5, 21)]), (15, 0, None, 0));
        assert_eq!(found(&[(9, 10)], &[(5, 10)]), (10, 5, Some(OrderSide::Bid), 4));
        assert_eq!(found(&[(4, 30)], &[(3, 10), (5, 20)]), (20, 4, Some(OrderSide::Ask), 4));
    }

    /// The price of every whole number, where the books are small enough.
    #[test]
    fn no_other_price_moves_more() {
        for seed in 0..300 {
            let draw = |purpose: &str, number, limit| Draw::new(seed, purpose, number, 0).below(limit);
            let side = |purpose: &str, energy: &str| -> Vec<(u64, u64)> {
                let count = draw(purpose, 99, 7) as usize;
                (0..count).map(|number| (1 + draw(energy, number, 20), draw(purpose, number, 30))).collect()
            };
            let orders = book(&side("bid", "bid energy"), &side("ask", "ask energy"));
            let found = outcome(&orders);
            let volume = |price| {
                let bids = sum(&orders, OrderSide::Bid, |bid| bid >= price);
                bids.min(sum(&orders, OrderSide::Ask, |ask| ask <= price))
            };
            let largest = (0..40).map(volume).max().unwrap();
            assert_eq!(u128::from(found.volume_wh), largest, "{orders:?}");
        }
    }

    #[test]
    fn the_books_with_known_prices_come_to_them() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/auction");
        let expected = std::fs::read_to_string(folder.join("expected.csv")).unwrap();
        let mut books = 0;
        for line in expected.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let text = std::fs::read_to_string(folder.join(cells[0])).unwrap();
            let orders: Vec<BookOrder> = text
                .lines()
                .skip(1)
                .map(|line| {
                    let cells: Vec<&str> = line.split(',').collect();
                    let side = if cells[0] == "bid" { OrderSide::Bid } else { OrderSide::Ask };
                    order(side, cells[2].parse().unwrap(), cells[3].parse().unwrap())
                })
                .collect();
            let found = outcome(&orders);
            let number = |cell: usize| cells[cell].parse::<u64>().unwrap();
            assert_eq!(found.volume_wh, number(4), "{line}");
            if found.volume_wh > 0 {
                assert_eq!(found.price_per_kwh, number(3), "{line}");
                assert_eq!(found.rationed.map_or("", OrderSide::name), cells[5], "{line}");
            }
            books += 1;
        }
        assert_eq!(books, 16);
    }

    #[test]
    fn a_wh_that_goes_to_the_wrong_order_is_found() {
        // At 20, the bids at the price share 5 Wh.
        let orders = book(&[(3, 30), (4, 20), (6, 20), (9, 10)], &[(8, 20), (1, 21)]);
        let found = outcome(&orders);
        assert_eq!((found.price_per_kwh, found.volume_wh, found.rationed), (20, 8, Some(OrderSide::Bid)));
        let violations = |filled: [u64; 6]| {
            let mut findings = Findings::default();
            check_fills(&mut findings, "noon", &orders, &filled, &found);
            findings.0.len()
        };
        assert_eq!(violations([3, 2, 3, 0, 8, 0]), 0);
        for wrong in
            [[3, 2, 2, 0, 8, 0], [2, 3, 3, 0, 8, 0], [3, 0, 5, 0, 8, 0], [3, 2, 2, 1, 8, 0], [3, 2, 3, 0, 7, 1]]
        {
            assert!(violations(wrong) > 0, "{wrong:?}");
        }
    }
}
