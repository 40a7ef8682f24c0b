//! `report.html`: one page with its styles and charts inside. It opens offline, in light and dark, and prints.

mod books;
mod charts;
mod flows;
mod parts;
mod plot;
mod tables;

use {
    self::{
        parts::{legend, section},
        plot::span_sentence,
        tables::duration,
    },
    crate::{
        number::{decimal, grouped, kwh, percent},
        options::ReplayMarket,
        report::{IntervalResult, ReplayReport, TreasuryResult},
    },
    maud::{DOCTYPE, Markup, PreEscaped, html},
    multibus_client::text::visible,
};

const STYLE: &str = include_str!("../report.css");
/// What pages with auctions add.
const AUCTION_STYLE: &str = ".cross{fill:var(--price);stroke:var(--card);stroke-width:2}.auction{fill:var(--price)}\
                             i.price{background:var(--price)}";
/// The page may load nothing and run nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

impl ReplayReport {
    /// One page that needs nothing else.
    pub fn html(&self) -> String {
        // The template turns markup in names into text. Characters that hide or reorder text become visible here, for the
        // whole page at once.
        let mut page = String::new();
        for line in self.page().into_string().split_inclusive('\n') {
            let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
            page.push_str(&visible(text));
            page.push_str(end);
        }
        page
    }

    fn page(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    (single_quotes_escaped(&html! { title { "MultiBus: " (self.file) } }))
                    style {
                        (PreEscaped(STYLE))
                        @if self.auction.is_some() { (PreEscaped(AUCTION_STYLE)) }
                    }
                }
                (single_quotes_escaped(&html! {
                    body {
                        main {
                            (header(self))
                            (headline(self))
                            (sections(self))
                            (footer(self))
                        }
                    }
                }))
            }
        }
    }
}

/// The same markup with single quotes escaped. The template leaves them, because it writes attributes in double quotes;
/// someone may paste a part of the page elsewhere.
fn single_quotes_escaped(markup: &Markup) -> Markup {
    PreEscaped(markup.0.replace('\'', "&#39;"))
}

fn sections(report: &ReplayReport) -> Markup {
    html! {
        @let over_time = |note: String| note + &span_sentence(report);
        (section("Supply, demand and what was traded", &over_time(energy_note(report)), &charts::energy(report)))
        @if report.is_on_delivery() {
            (section("Promised and delivered", &over_time(delivery_note(report)), &charts::deliveries(report)))
        }
        @if report.auction.is_some() {
            (section("Price over the day", &over_time(auction_price_note(report)), &charts::auction_prices(report)))
            (section("Bids, asks and their price", &books::note(report), &books_of(report)))
        } @else {
            (section("Price paid over the day", &over_time(price_note(report)), &charts::prices(report)))
        }
        (section(
            "Where the energy came from",
            "What members drew, and what became of what they generated.",
            &tables::origin(report),
        ))
        (section(
            "Who bought from whom",
            flow_note(report),
            &flows::flows(report),
        ))
        (section("Members", &member_note(report), &tables::members(report)))
        @if report.is_on_delivery() {
            (section("What members promised and delivered", &settlement_note(report), &tables::deliveries(report)))
        }
        @if let Some(treasury) = &report.treasury {
            (section("What the owners share", &owner_note(report, treasury), &tables::owners(report, treasury)))
        }
        @if !report.file_sentences().is_empty() {
            (section("The file", "What one should know to read the figures above.", &tables::file(report)))
        }
        (section("Transactions", &transaction_note(report), &tables::transactions(report)))
        (section(
            "Checked from chain state",
            "Every figure above was compared with the accounts on the chain and with the file.",
            &tables::invariants(report),
        ))
    }
}

fn header(report: &ReplayReport) -> Markup {
    let results = &report.interval_results;
    let time = |interval: &IntervalResult| {
        interval.interval_start.get(..16).unwrap_or(&interval.interval_start).replace('T', " ")
    };
    html! {
        header {
            (mark())
            div {
                h1 { (report.file) }
                p {
                    (grouped(report.members)) " members, " (grouped(report.intervals)) " intervals of " (report.interval_length()) ", "
                    @match (results.get(0), results.get(results.len().saturating_sub(1))) {
                        (Some(first), Some(last)) => { (time(&first)) " to " (time(&last)) }
                        _ => "no interval",
                    }
                    " "
                    @if report.missing_readings > 0 {
                        span.badge.warn { (grouped(report.missing_readings)) " readings missing" }
                    }
                    @if report.interrupted {
                        span.badge.warn {
                            "interrupted after " (report.intervals) " of " (report.intervals_in_file) " intervals"
                        }
                    } @else if report.is_sound() {
                        span.badge.good { "every invariant holds" }
                    } @else {
                        span.badge.bad { "an invariant is violated" }
                    }
                }
            }
        }
    }
}

/// The project's mark: a bus with two generators and a load.
fn mark() -> Markup {
    html! {
        svg .mark viewBox="0 0 48 48" aria-hidden="true" {
            rect .mark-ground width="48" height="48" rx="11" {}
            path .mark-bus d="M8 24h32" {}
            path .mark-tap d="M15 24V12M24 24v12M33 24V12" {}
            circle .mark-sun cx="15" cy="11" r="4" {}
            circle .mark-sun cx="33" cy="11" r="4" {}
            circle .mark-load cx="24" cy="37" r="4" {}
        }
    }
}

fn headline(report: &ReplayReport) -> Markup {
    let card = |class: &str, name: &str, value: Markup, note: &str| {
        html! {
            .card.(class) { span { (name) } strong { (value) } span { (note) } }
        }
    };
    html! {
        .cards {
            (card(
                "traded",
                "Energy traded",
                html! { (kwh(report.traded_wh)) },
                &format!("{} of what both sides had", percent(report.traded_wh, report.tradable_wh)),
            ))
            (card(
                "demand",
                "Demand met by neighbours",
                html! { (percent(report.traded_wh, report.deficit_wh)) },
                &format!("of {} wanted", kwh(report.deficit_wh)),
            ))
            (card(
                "supply",
                "Surplus sold",
                html! { (percent(report.traded_wh, report.surplus_wh)) },
                &format!("of {}; {} withdrawn", kwh(report.surplus_wh), kwh(report.withdrawn_wh)),
            ))
            (card(
                "price",
                "Money moved",
                html! { (report.money(report.paid_base_units)) " " small { (report.currency) } },
                &format!("{} per kWh on average", report.price(report.average_price_per_kwh.floor())),
            ))
            (card(
                "plain",
                "Purchases",
                html! { (grouped(report.purchases)) },
                &format!(
                    "{} batches, {} settled locks, from {} offers",
                    grouped(report.batches),
                    grouped(report.locks_settled),
                    grouped(report.offers_created)
                ),
            ))
            (card(
                "plain",
                "Transactions",
                html! { (grouped(report.transactions_landed)) },
                &format!(
                    "in {} s; {} retried",
                    decimal(u128::from(report.wall_milliseconds), 3, 1),
                    grouped(report.transactions_retried)
                ),
            ))
        }
    }
}

/// The books that are shown, with what their colours mean.
fn books_of(report: &ReplayReport) -> Markup {
    html! {
        (legend([("demand", "bids, the highest first"), ("supply", "asks, the lowest first"), ("price", "price and energy")]))
        (books::books(report))
    }
}

fn auction_price_note(report: &ReplayReport) -> String {
    let beside = match report.market() {
        ReplayMarket::Both => "the average of what was bought from offers before the auction",
        _ => "what the same offers would have cost, the cheapest first, if buyers had just taken them",
    };
    format!(
        "What a kWh cost in the auction of each interval, in {}, grid fee included; beside it {beside}. Bids have limits between {} and \
         {}, drawn from the seed{}.",
        report.currency,
        report.price(u128::from(report.price_floor_per_kwh)),
        report.price(u128::from(report.price_ceiling_per_kwh)),
        match report.grid_fee_per_kwh {
            0 => String::new(),
            fee => format!(", and the grid fee of {} on top", report.price(u128::from(fee))),
        }
    )
}

fn flow_note(report: &ReplayReport) -> &'static str {
    if report.auction.is_some() {
        "Sellers on the left, buyers on the right. A ribbon is as wide as the energy that was sold. An auction pairs nobody: it buys \
         from the sellers and sells to the buyers."
    } else {
        "Sellers on the left, buyers on the right. A ribbon is as wide as the energy that was sold."
    }
}

fn energy_note(report: &ReplayReport) -> String {
    let by_auction = match report.market() {
        ReplayMarket::Continuous => None,
        ReplayMarket::Auction => Some("an auction at the end sells to those who bid enough"),
        ReplayMarket::Both => {
            Some("the others buy part of what they want, and an auction at the end sells to those who bid enough")
        }
    };
    if let Some(by_auction) = by_auction {
        return format!(
            "In every interval, members with a surplus offer it, and {by_auction}: {} of {} that both sides had.",
            kwh(report.traded_wh),
            kwh(report.tradable_wh)
        );
    }
    format!(
        "In every interval, members with a surplus offer it and the others buy until one side is used up: {} of {} that \
         could be traded.",
        kwh(report.traded_wh),
        kwh(report.tradable_wh)
    )
}

fn delivery_note(report: &ReplayReport) -> String {
    format!(
        "What was sold before each interval{}, and what of it the sellers' meters reported afterwards: {} of {}, {}. \
         What did not arrive is not paid for: {} {} went back to the buyers.",
        if report.traded_by_forecast { " by forecast" } else { "" },
        kwh(report.delivered_wh),
        kwh(report.traded_wh),
        percent(report.delivered_wh, report.traded_wh),
        report.money(report.refunded_base_units),
        report.currency
    )
}

fn settlement_note(report: &ReplayReport) -> String {
    format!(
        "A seller is released what was paid for the energy that it delivered, less the grid's part; its buyers share a shortfall in \
         proportion. Certificates of origin of {} were taken by buyers for what was delivered to them, and used up in their \
         names. {}.",
        kwh(report.certificates_wh),
        report.delivery_sentence()
    )
}

fn price_note(report: &ReplayReport) -> String {
    format!(
        "Average price of each interval, within the range of the prices paid, in {} per kWh. The rule asks from {}, where \
         energy is plenty, to {}, where it is scarce{}.",
        report.currency,
        report.price(u128::from(report.price_floor_per_kwh)),
        report.price(u128::from(report.price_ceiling_per_kwh)),
        match report.grid_fee_per_kwh {
            0 => String::new(),
            fee => format!("; buyers pay a grid fee of {} on top", report.price(u128::from(fee))),
        }
    )
}

fn member_note(report: &ReplayReport) -> String {
    format!(
        "Energy in kWh, money in {}. The bar shows where a member's demand came from: own generation, neighbours, outside. \
         Buyers pay into the vaults of sellers; {} was released to them, and {} is in their wallets.",
        report.currency,
        report.money(report.released_base_units),
        report.money(report.withdrawn_base_units)
    )
}

fn owner_note(report: &ReplayReport, treasury: &TreasuryResult) -> String {
    let others = report.flows.iter().any(|flow| treasury.owner(flow.seller).is_none());
    format!(
        "The owners sold through the bus: what buyers paid is in its treasury, and each owner gets its share{}. Beside it stands what \
         the energy that it delivered was sold for, in {}. The remainder, fewer base units than there are owners, stays \
         for later revenue.",
        if others { "; members who do not own the bus sold for themselves" } else { "" },
        report.currency
    )
}

fn transaction_note(report: &ReplayReport) -> String {
    format!(
        "{} sent, {} landed, {} failed and {} made again after a conflict; {} lamports of network fees. Latency is from \
         submission to confirmation: median {}, slowest {}.",
        grouped(report.transactions_sent),
        grouped(report.transactions_landed),
        grouped(report.transactions_failed),
        grouped(report.transactions_retried),
        grouped(report.fees_lamports),
        duration(report.latency_microseconds.median),
        duration(report.latency_microseconds.max)
    )
}

fn footer(report: &ReplayReport) -> Markup {
    html! {
        footer {
            "Bus " code { (report.bus) } ", settled in " code { (report.mint) } " on " (report.chain) ". Price rule "
            code { (report.price_rule) } ", seed " (report.seed) ". Energy is counted in Wh and money in base units \
             throughout; figures here are rounded down."
        }
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            community::Community,
            options::ReplayTerms,
            price::{Balance, Draw, PriceRule},
            records::Records,
            report::{Flow, MemberResult, OwnerResult, Spread},
            rows::Rows,
        },
        multibus_client::{BaseUnits, Wh, router::PriceFraction},
        std::{fmt::Write as _, path::Path},
    };

    /// A report of a community in which the first sellers sell to the first buyers.
    fn sample(community: &Community) -> ReplayReport {
        let mut members: Vec<MemberResult> = community
            .members
            .iter()
            .map(|name| MemberResult { name: name.clone(), ..MemberResult::default() })
            .collect();
        let mut flows = std::collections::BTreeMap::<(usize, usize), Flow>::new();
        let mut interval_results = Vec::new();
        let rule = PriceRule::default();
        for (number, interval) in community.intervals().enumerate() {
            let interval = interval.unwrap();
            let mut result = IntervalResult {
                interval_start: interval.label.clone(),
                start: interval.start,
                seconds: interval.seconds,
                local_start: interval.local_start,
                surplus_wh: interval.surplus_wh(),
                deficit_wh: interval.deficit_wh(),
                traded_wh: interval.tradable_wh(),
                is_complete: true,
                ..IntervalResult::default()
            };
            result.withdrawn_wh = result.surplus_wh - result.traded_wh;
            let mut left: Vec<u64> = interval.readings().map(|reading| reading.surplus_wh()).collect();
            for buyer in interval.readings() {
                let mut wanted = buyer.deficit_wh();
                for (seller, left) in interval.readings().zip(&mut left) {
                    let energy_wh = wanted.min(*left);
                    if energy_wh == 0 {
                        continue;
                    }
                    (wanted, *left) = (wanted - energy_wh, *left - energy_wh);
                    let balance = Balance { surplus_wh: result.surplus_wh, deficit_wh: result.deficit_wh };
                    let price = rule.ask(balance, Draw::new(1, "price", number, seller.member));
                    let cost = multibus::math::cost(energy_wh, price).unwrap();
                    result.paid_base_units += cost;
                    result.purchases += 1;
                    if result.lowest_price_per_kwh == 0 || price < result.lowest_price_per_kwh {
                        result.lowest_price_per_kwh = price;
                    }
                    result.highest_price_per_kwh = result.highest_price_per_kwh.max(price);
                    members[seller.member].sold_wh += energy_wh;
                    members[seller.member].earned_base_units += cost;
                    members[seller.member].released_base_units += cost;
                    members[seller.member].withdrawn_base_units += cost;
                    members[buyer.member].bought_wh += energy_wh;
                    members[buyer.member].paid_base_units += cost;
                    let flow = flows.entry((seller.member, buyer.member)).or_insert(Flow {
                        seller: seller.member,
                        buyer: buyer.member,
                        ..Flow::default()
                    });
                    flow.energy_wh += energy_wh;
                    flow.paid_base_units += cost;
                }
            }
            for reading in interval.readings() {
                let member = &mut members[reading.member];
                member.load_wh += reading.load_wh;
                member.generation_wh += reading.generation_wh;
                member.own_use_wh += reading.load_wh.min(reading.generation_wh);
                member.deficit_wh += reading.deficit_wh();
            }
            interval_results.push(result);
        }
        let totals = community.totals();
        let paid_base_units = interval_results.iter().map(|interval| interval.paid_base_units).sum();
        let spread = |median| Spread { count: 1_234, min: median - 200, median, max: median * 2, total: 0 };
        ReplayReport {
            file: "community.csv".into(),
            chain: "embedded chain".into(),
            bus: "bus".into(),
            mint: "mint".into(),
            mint_decimals: 6,
            currency: "test USD".into(),
            seed: 1,
            price_rule: rule.to_string(),
            price_floor_per_kwh: rule.floor_per_kwh,
            price_ceiling_per_kwh: rule.ceiling_per_kwh,
            terms: ReplayTerms::Purchase,
            grid_fee_per_kwh: 0,
            auction: None,
            traded_by_forecast: false,
            interrupted: false,
            members: community.members.len() as u64,
            intervals: community.interval_count() as u64,
            intervals_in_file: community.interval_count() as u64,
            interval_seconds: community.interval_seconds,
            shortest_interval_seconds: community.interval_range_seconds().0,
            longest_interval_seconds: community.interval_range_seconds().1,
            traded_in_windows: community.window_seconds().is_some(),
            missing_readings: community.missing_by_member().iter().sum(),
            gaps: community.gaps().len() as u64,
            notes: community.notes.clone(),
            load_wh: members.iter().map(|member| member.load_wh).sum(),
            generation_wh: members.iter().map(|member| member.generation_wh).sum(),
            surplus_wh: totals.surplus_wh,
            deficit_wh: totals.deficit_wh,
            tradable_wh: totals.tradable_wh,
            traded_wh: totals.tradable_wh,
            delivered_wh: 0,
            certificates_wh: 0,
            withdrawn_wh: totals.surplus_wh - totals.tradable_wh,
            offers_created: 1_000,
            purchases: 2_000,
            batches: 300,
            locks: 90,
            locks_settled: 80,
            locks_released: 10,
            paid_base_units,
            refunded_base_units: 0,
            grid_fee_base_units: 0,
            remainder_base_units: 0,
            lock_fees_base_units: 0,
            released_base_units: paid_base_units,
            withdrawn_base_units: paid_base_units,
            average_price_per_kwh: PriceFraction::new(BaseUnits(paid_base_units), Wh(totals.tradable_wh)),
            transactions_sent: 4_000,
            transactions_landed: 3_990,
            transactions_failed: 10,
            transactions_retried: 10,
            fees_lamports: 19_950_000,
            compute_units: [
                ("offer_create", spread(2_000)),
                ("purchase", spread(1_500)),
                ("purchase_batch", spread(5_000)),
            ]
            .map(|(name, spread)| (name.to_owned(), spread))
            .into(),
            latency_microseconds: spread(1_400),
            latency_histogram: vec![(1_024, 500).into(), (2_048, 3_000).into(), (4_096, 490).into()],
            wall_milliseconds: 7_654,
            invariants: [("token_conservation".to_owned(), true)].into(),
            violations: Vec::new(),
            windows_open: 0,
            periods_open: 0,
            treasury: None,
            member_results: members,
            interval_results: interval_results.into_iter().collect(),
            flows: flows.into_values().collect(),
            orders: Rows::default(),
            auctions: Rows::default(),
            records: Records::default(),
        }
    }

    fn village() -> Community {
        Community::read_path(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/community-rural-2016.csv"))
            .unwrap()
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = sample(&village()).html();
        for outside in ["http://", "https://", "<script", "<link", "url(", "@import", "src="] {
            assert!(!page.contains(outside), "{outside}");
        }
        for number in ["NaN", "inf"] {
            assert!(!page.contains(&format!("\"{number}")) && !page.contains(&format!(" {number} ")), "{number}");
        }
    }

    #[test]
    fn a_co_owned_bus_shows_what_each_owner_gets() {
        let mut report = sample(&village());
        assert!(!report.html().contains("What the owners share"));
        let owner = |member, name: &str, claimed_base_units, difference_base_units| OwnerResult {
            member,
            name: name.into(),
            share_bps: 1_205,
            delivered_wh: 12_345,
            sales_base_units: 1_234_567,
            lock_fees_base_units: 1,
            claimed_base_units,
            difference_base_units,
            ..OwnerResult::default()
        };
        report.treasury = Some(TreasuryResult {
            received_base_units: 7_000_001,
            claimed_base_units: 6_999_999,
            remainder_base_units: 2,
            in_vault_base_units: 10,
            owners: vec![owner(3, "<b>", 1_244_568, 10_000), owner(1, "M02", 1_234_563, -5)],
            ..TreasuryResult::default()
        });
        let page = report.html();
        for part in [
            "What the owners share",
            "treasury: 7.000001 received = 6.999999 claimed + 0.000002 remainder, in test USD; 0.000010 more is still in the",
            "&lt;b&gt;",
            "12.05 %",
            "12.345 kWh",
            "1.244568",
            "1.234568",
            "+0.010000",
            "−0.000005",
        ] {
            assert!(page.contains(part), "{part}");
        }
        // In the table of members, an owner has earned what it claimed.
        assert!(report.income_base_units(3) == 1_244_568 && page.contains(">1.24<"));
    }

    #[test]
    fn on_delivery_terms_the_page_shows_what_was_promised_and_what_was_delivered() {
        let mut report = sample(&village());
        assert!(!report.html().contains("Promised and delivered"));
        report.terms = ReplayTerms::Delivery;
        report.traded_by_forecast = true;
        report.grid_fee_per_kwh = 50_000;
        (report.delivered_wh, report.certificates_wh) = (report.traded_wh * 3 / 4, 4_321);
        (report.refunded_base_units, report.grid_fee_base_units, report.remainder_base_units) = (1_234_567, 89, 3);
        let delivered =
            |interval: IntervalResult| IntervalResult { delivered_wh: interval.traded_wh * 3 / 4, ..interval };
        report.interval_results = report.interval_results.iter().map(delivered).collect();
        let page = report.html();
        for part in [
            "Promised and delivered",
            "What members promised and delivered",
            "promised and not delivered",
            "sold before each interval by forecast",
            "Certificates of origin of 4.3 kWh",
            "refunded 1.234567 + grid fees 0.000089 + rounding 0.000003",
            "buyers pay a grid fee of 0.0500 on top",
        ] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn names_are_text_and_never_markup() {
        let rows = "2020-06-01T12:00:00Z,<script>alert(1)</script>,0,900\n2020-06-01T12:00:00Z,\"O'Neil & \"\"Co\"\"\",500,0\n";
        let text = format!("interval_start,member,load_wh,generation_wh\n{rows}");
        let mut report = sample(&Community::read(text.as_bytes()).unwrap());
        report.file = "<img>\u{202e}vsc.csv".into();
        let page = report.html();
        assert!(!page.contains("<script") && !page.contains("<img"));
        assert!(page.contains("&lt;img&gt;\\u{202e}vsc.csv") && !page.contains('\u{202e}'));
        assert!(page.contains("&lt;script&gt;") && page.contains("O&#39;Neil &amp; &quot;Co&quot;"));
    }

    /// A community with rows every quarter of an hour, from a time of a zone on, but for some of them.
    fn quarters(from: &str, count: usize, missing: std::ops::Range<usize>) -> Community {
        let start: jiff::Zoned = from.parse().unwrap();
        let next = |start: &jiff::Zoned| start.checked_add(jiff::Span::new().minutes(15)).ok();
        let mut text = String::from("interval_start,member,load_wh,generation_wh\n");
        let starts = std::iter::successors(Some(start), next).take(count).enumerate();
        for (_, start) in starts.filter(|(number, _)| !missing.contains(number)) {
            let label = start.strftime("%Y-%m-%dT%H:%M:%S%:z");
            let _ = writeln!(text, "{label},farm,0,90\n{label},house,70,0");
        }
        Community::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_day_when_clocks_are_set_back_has_no_gaps_and_hours_that_can_be_read() {
        for (from, count) in [
            ("2024-10-26T00:00[Europe/Berlin]", 96 * 3 + 4),
            ("2024-10-27T00:00[Europe/Berlin]", 100),
            ("2024-03-31T00:00[Europe/Berlin]", 92),
        ] {
            let page = sample(&quarters(from, count, 0..0)).html();
            let count_of = |part: &str| page.matches(part).count();
            assert_eq!(count_of("class=\"gap\""), 0, "{from}");
            // Two charts, in which an hour has 46 pixels at least.
            let hours = count_of("class=\"tick middle\"");
            assert!((8..=2 * 22).contains(&hours), "{hours} hours from {from}");
        }
        let gapped = quarters("2024-10-27T00:00[Europe/Berlin]", 100, 9..12);
        assert_eq!(sample(&gapped).html().matches("class=\"gap\"").count(), 2);
    }

    #[test]
    fn missing_readings_and_notes_are_told_on_the_page() {
        let rows = "2020-06-01T12:00:00Z,A,0,900\n2020-06-01T12:00:00Z,B,500,0\n2020-06-01T12:15:00Z,A,0,900\n";
        let text = format!("interval_start,member,load_wh,generation_wh\n{rows}");
        let mut report = sample(&Community::read(text.as_bytes()).unwrap());
        report.member_results[1].missing_readings = 1;
        report.notes.push("the column <b> is not used".into());
        let page = report.html();
        for part in
            ["1 readings missing", "1 of 4 readings are missing and count as zero: 1 of B", "column &lt;b&gt; is"]
        {
            assert!(page.contains(part), "{part}");
        }
        let complete = sample(&village());
        assert!(!complete.html().contains("missing") && complete.html().contains("the file has a gap"));
    }

    #[test]
    fn a_year_has_a_page_that_shows_days_and_leaves_out_nothing() {
        let mut text = String::from("interval_start,member,load_wh,generation_wh\n");
        for interval in 0..35_040i64 {
            let start = jiff::Timestamp::from_second(1_451_606_400 + interval * 900).unwrap();
            let _ = writeln!(text, "{start},farm,0,{}\n{start},house,{},0", interval % 60, interval % 70);
        }
        let report = sample(&Community::read(text.as_bytes()).unwrap());
        let columns = plot::columns(&report);
        assert_eq!((columns.len(), columns[1].label.as_str()), (365, "2016-01-02T00:00:00Z"));
        assert_eq!(columns[1].time, "2016-01-02T00:00:00Z to 2016-01-02T23:45:00Z");
        assert_eq!(columns.iter().map(|column| column.traded_wh).sum::<u64>(), report.traded_wh);
        assert_eq!(columns.iter().map(|column| column.surplus_wh).sum::<u64>(), report.surplus_wh);
        let page = report.html();
        assert!(page.contains("The chart shows days, each with all of its intervals."));
        assert!(page.len() < 1_000_000 && !page.contains(">00:00<"), "{}", page.len());
        // Shorter files show shorter times.
        let mut shorter = report.clone();
        for (intervals, seconds) in [(480, None), (481, Some(1_800)), (20 * 96, Some(3_600)), (60 * 96, Some(10_800))] {
            shorter.interval_results = report.interval_results.iter().take(intervals).collect();
            assert_eq!(plot::span(&shorter), seconds, "{intervals}");
        }
    }

    #[test]
    fn every_size_of_community_has_a_page() {
        for (members, intervals) in [(1, 1), (2, 1), (40, 3), (118, 2_000)] {
            let mut text = String::from("interval_start,member,load_wh,generation_wh\n");
            for interval in 0..intervals {
                let start = jiff::Timestamp::from_second(1_600_000_200 + interval * 900).unwrap();
                for member in 0..members {
                    let _ = writeln!(text, "{start},H{member},{},{}", member * 7 % 50, (member * 13 + interval) % 60);
                }
            }
            let page = sample(&Community::read(text.as_bytes()).unwrap()).html();
            assert!(page.ends_with("</html>"));
            assert!(page.len() < 2_000_000, "{}", page.len());
        }
    }
}
