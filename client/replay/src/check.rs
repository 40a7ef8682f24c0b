//! The market's invariants, read from the chain and compared with the file.

use {
    crate::{
        auction_check::{FILLS, PRICES},
        community::Interval,
        error::{Doing, ReplayError},
        owners::OwnerMember,
        pools::{PoolPart, Pools},
        records::Trade,
        replay_bus::ReplayBus,
        report::{OwnerResult, TreasuryResult, income_base_units},
        state::{BusRecord, ReplayState, WindowRecord, lane_key},
        vaults::Vaults,
    },
    multibus::{
        math,
        state::{BidState, Capacity},
    },
    multibus_client::{
        Address, Keyed, address,
        audit::{Audit, BUS, CLAIMS, Findings, LEDGER, OFFERS, TREASURY as COVERED, VAULTS, WINDOWS},
        bid::BidFilter,
        delivery::has_window,
        error::Error,
        position::PositionBook,
        trader::Trader,
    },
    std::collections::{BTreeMap, HashMap, HashSet},
};

/// Every interval sold all that it could: the smaller of surplus and deficit in the file.
const TRADED: &str = "every_interval_traded_all_it_could";
/// Every window sold what members traded in it: in auctions, what both sides have need not meet.
const SOLD: &str = "windows_sold_what_members_traded";
/// Once all auctions are over, the escrow is empty, and what rounding left of them is in the treasury.
const ESCROW: &str = "the_escrow_is_empty_after_the_last_auction";
/// All tokens that exist are where they should be.
const TOKENS: &str = "tokens_are_conserved";
/// What each member has is what it was given, plus what it earned, less what it paid.
const BALANCES: &str = "balances_match_trades";
/// Nonces grow by one for each purchase, and nothing else spends them.
const NONCES: &str = "nonces_grow_by_one_per_purchase";
/// The history root of every lane is that of the purchases that were made, each once.
const HISTORY: &str = "history_roots_match_purchases";
/// Totals of the lanes on chain are what was bought and paid.
const LANES: &str = "lane_totals_match_purchases";

/// What the delivery books on the chain say of sales is what members bought.
pub(crate) const BOOKS: &str = "delivery_books_match_trades";
/// Meters reported what members really had.
pub(crate) const READINGS: &str = "meters_reported_what_members_had";
/// Buyers took certificates for all that was delivered to them, each Wh once.
pub(crate) const CERTIFICATES: &str = "certificates_match_deliveries";
/// The grid got the fees of all that was sold or delivered, and what rounding left, to the base unit.
const GRID: &str = "the_grid_got_its_fees";

/// The treasury, and the vault of the bus for it, got what buyers paid for the owners' energy and locks, to the base unit.
const TREASURY: &str = "treasury_received_what_buyers_paid";
/// What owners claimed and may still claim is their exact share of it. Together with the remainder it is all of it.
const SHARES: &str = "owners_get_their_exact_shares";

const ALL: [&str; 13] =
    [TRADED, WINDOWS, OFFERS, VAULTS, CLAIMS, LEDGER, COVERED, TOKENS, BALANCES, NONCES, HISTORY, LANES, BUS];
/// Further invariants with auctions.
const AUCTIONS: [&str; 3] = [PRICES, FILLS, ESCROW];
/// Further invariants on delivery terms.
const ON_DELIVERY: [&str; 3] = [BOOKS, READINGS, CERTIFICATES];
/// Further invariants of a co-owned replay.
const CO_OWNED: [&str; 2] = [TREASURY, SHARES];

/// What says that energy was sold as it had to be.
fn traded(bus: &ReplayBus) -> &'static str {
    if bus.options.market.has_auction() { SOLD } else { TRADED }
}

/// Energy that must have been sold in a window, in Wh. With an auction it is what members traded in the interval so far.
fn sold_in(bus: &ReplayBus, window: &WindowRecord, data: &Interval, traded_wh: u64) -> u64 {
    let until_wh = match (window.sold_until_wh, bus.options.market.has_auction()) {
        (Some(until_wh), _) => until_wh,
        (None, true) => traded_wh,
        (None, false) => data.tradable_wh(),
    };
    until_wh.saturating_sub(window.sold_before_wh)
}

/// Energy that a capacity has sold since the interval began, in Wh: what it has committed, less what its open offers have
/// left.
fn capacity_sold_wh(capacity: &Capacity, offered_wh: u64, window: &WindowRecord) -> u64 {
    capacity.committed_wh.saturating_sub(window.capacity_sold_before_wh + offered_wh)
}

/// The bus after an interval was traded: what was sold, and every invariant of its accounts. The replay says that members traded
/// `traded_wh`.
pub(crate) async fn interval(
    bus: &ReplayBus,
    window: &WindowRecord,
    traded_wh: u64,
) -> Result<Vec<String>, ReplayError> {
    let WindowRecord { interval, window_start, .. } = *window;
    let data = bus.options.community.interval(interval)?;
    let mut findings = Findings::default();
    if data.surplus_wh() == 0 {
        return Ok(findings.0);
    }
    let audit = bus.market.audit(&bus.address).await.doing(format_args!("checking interval {interval}"))?;
    let offers = audit.offers.iter().filter(|offer| offer.window_start == window_start);
    let offered_wh = offers.map(|offer| offer.remaining_wh).sum();
    let capacity = audit.capacities.iter().find(|capacity| capacity.window_start == window_start);
    let sold_wh = capacity.map_or(0, |capacity| capacity_sold_wh(capacity, offered_wh, window));
    let expected_wh = sold_in(bus, window, &data, traded_wh);
    findings.equal(traded(bus), format_args!("energy sold in {}", data.label), sold_wh, expected_wh);
    findings.0.extend(audit.violations);
    Ok(findings.0)
}

/// A window whose offers were withdrawn.
pub(crate) struct Withdrawn {
    /// Energy that was offered and not sold, in Wh; `None` where the window was closed before.
    pub withdrawn_wh: Option<u64>,
    pub violations: Vec<String>,
}

/// The capacity of a window whose offers were withdrawn.
pub(crate) async fn withdrawn(
    bus: &ReplayBus,
    window: &WindowRecord,
    traded_wh: u64,
) -> Result<Withdrawn, ReplayError> {
    let WindowRecord { interval, window_start, .. } = *window;
    let data = bus.options.community.interval(interval)?;
    let mut findings = Findings::default();
    let doing = || format!("checking interval {interval}");
    let Some(capacity) = bus.market.find_capacity(&bus.address, window_start).await.doing(doing())? else {
        return Ok(Withdrawn { withdrawn_wh: None, violations: findings.0 });
    };
    let name = &data.label;
    let sold_wh = capacity_sold_wh(&capacity, 0, window);
    let expected_wh = sold_in(bus, window, &data, traded_wh);
    findings.equal(traded(bus), format_args!("energy sold in {name}"), sold_wh, expected_wh);
    findings.equal(WINDOWS, format_args!("offers open in {name}"), capacity.open_offers, 0);
    // All of the surplus was listed, and what was not sold is available again.
    let withdrawn_wh = Some(data.surplus_wh().saturating_sub(window.sold_before_wh + sold_wh));
    Ok(Withdrawn { withdrawn_wh, violations: findings.0 })
}

/// All invariants at the end: which of them hold, and every violation that was found now or before.
pub(crate) async fn all(
    bus: &ReplayBus,
    state: &ReplayState,
    record: &BusRecord,
    audit: &Audit,
    vaults: &Vaults,
    treasury: Option<&TreasuryResult>,
) -> Result<(BTreeMap<String, bool>, Vec<String>), ReplayError> {
    let mut findings = Findings(state.violations.clone());
    if state.is_swept {
        // Wallets are empty and lanes are closed, so nothing can be compared any more.
        return Ok((state.invariants.clone(), findings.0));
    }
    let doing = "comparing chain and file";
    let market = &bus.market;
    findings.0.extend_from_slice(&audit.violations);

    let intervals = state.intervals.iter().zip(bus.options.community.intervals());
    for (result, data) in intervals.filter(|_| !bus.options.market.has_auction()) {
        let data = data?;
        findings.equal(TRADED, format_args!("energy bought in {}", data.label), result.traded_wh, data.tradable_wh());
    }

    let refunds = Refunds::new(bus, state, audit).await?;
    let mut deposits = HashMap::new();
    for lock in &audit.locks {
        *deposits.entry(lock.buyer).or_insert(0u64) += lock.deposit;
    }
    let grid = Grid::new(bus, state, audit, vaults).await?;
    let auctions = Auctions::new(bus, state, audit).await?;
    let mut in_wallets = 0u128;
    let (mut bought_wh, mut sold_wh, mut purchases, mut paid_on_chain) = (0, 0, 0, 0);
    for (number, member) in bus.members.iter().enumerate() {
        let result = &state.members[number];
        let name = &result.name;
        let balance = market.token_balance(&member.token_account).await.doing(doing)?;
        in_wallets += u128::from(balance);
        let deposit = deposits.get(&member.wallet.address()).copied().unwrap_or(0);
        let given = state.funded_base_units.get(number).copied().unwrap_or(0);
        // An owner that sells through the bus has what it claimed. What another earned is in its wallet, in its vault, or
        // kept for it where its wallet could not be paid.
        let is_owner = treasury.is_some_and(|treasury| treasury.owner(number).is_some());
        let in_vault = if is_owner { 0 } else { vaults.of_members[number].total() };
        let claims = audit.claims.iter().filter(|claim| claim.wallet == member.wallet.address());
        let kept = in_vault + claims.map(|claim| claim.amount).sum::<u64>();
        let earned = match is_owner {
            true => income_base_units(treasury, &state.members, number),
            false => result.earned_base_units + result.lock_fees_earned_base_units,
        };
        // The grid's part of what it earned was swept, or is in its vault.
        let to_grid = if is_owner { 0 } else { grid.of(number) };
        let plus = u128::from(given) + u128::from(earned) + u128::from(refunds.received[number]);
        let minus = u128::from(result.paid_base_units)
            + u128::from(result.lock_fees_paid_base_units)
            + u128::from(deposit)
            + u128::from(kept)
            + u128::from(refunds.returned[number])
            + u128::from(to_grid)
            + u128::from(auctions.deposits[number])
            + u128::from(auctions.not_earned[number]);
        findings.check(BALANCES, plus.checked_sub(minus) == Some(u128::from(balance)), || {
            format!(
                "{name} has {balance} base units, was given, earned and was refunded {plus}, and paid {minus}, of which its \
                 vault holds {kept}"
            )
        });
        let lanes = market.traders(&member.wallet.address()).await.doing(doing)?;
        let totals = check_lanes(&mut findings, state, number, &lanes);
        purchases += lanes.iter().map(|lane| lane.next_nonce - lane.first_nonce).sum::<u64>();
        // Receipts of bids say that nothing was bought yet.
        let (in_auctions_wh, in_auctions) = auctions.bought[number];
        let (bought, paid) = (totals.energy_wh + in_auctions_wh, totals.paid_base_units + in_auctions);
        findings.equal(LANES, format_args!("energy bought by {name}"), bought, result.bought_wh);
        findings.equal(LANES, format_args!("money paid by {name}"), paid, result.paid_base_units);
        (bought_wh, sold_wh) = (bought_wh + result.bought_wh, sold_wh + result.sold_wh);
        paid_on_chain += totals.paid_base_units;
    }
    let current = || state.current.iter().map(|current| current.result.clone());
    let results = || state.intervals.iter().chain(current());
    let spent = results().map(|result| result.purchases).sum::<u64>() + state.bids;
    findings.equal(NONCES, "the number of nonces spent", purchases, spent);
    let traded_wh: u64 = results().map(|result| result.traded_wh).sum();
    findings.equal(traded(bus), "energy bought by all members", bought_wh, traded_wh);
    findings.equal(traded(bus), "energy sold by all members", sold_wh, traded_wh);

    if record.mint_is_own {
        let mint = market.chain().accounts(&[record.mint]).await.doing(doing)?;
        // Both token programs keep the supply at the same place of a mint.
        let supply = mint[0].as_ref().and_then(|mint| mint.data.get(36..44)?.try_into().ok()).map(u64::from_le_bytes);
        let vaults: u128 = audit.vaults.values().map(|held| u128::from(*held)).sum();
        let of_bus = [audit.unclaimed, audit.treasury, auctions.escrow].map(u128::from);
        let found = in_wallets + vaults + of_bus.iter().sum::<u128>() + u128::from(grid.balance);
        findings.equal(VAULTS, "what strangers sent to vaults", audit.gifts, 0);
        findings.equal(TOKENS, "the sum of all balances", found, u128::from(supply.unwrap_or_default()));
    }

    if let Some(treasury) = treasury {
        let others = (0..).zip(&state.members).filter(|(member, _)| treasury.owner(*member).is_none());
        let sold_by_others: u64 = others.map(|(_, member)| member.earned_base_units).sum();
        let owners = (0..).zip(&state.members).filter(|(member, _)| treasury.owner(*member).is_some());
        let to_grid: u64 = owners.map(|(_, member)| member.grid_fee_base_units).sum();
        check_treasury(&mut findings, treasury, paid_on_chain.saturating_sub(sold_by_others + to_grid));
        for &OwnerMember { member, share_bps } in &bus.owners {
            let found = treasury.owner(member).map_or(0, |owner| owner.share_bps);
            findings.equal(SHARES, format_args!("the share of {}", bus.name(member)), found, share_bps);
        }
    }

    grid.check(&mut findings, state);
    if audit.capacities.iter().all(|capacity| capacity.window_start == 0) && bus.options.market.has_auction() {
        findings.equal(ESCROW, "what the escrow holds", auctions.escrow, 0);
        findings.equal(ESCROW, "what the treasury holds", audit.treasury, state.auction_remainder);
    }
    let options = &bus.options;
    let traded_name = traded(bus);
    let names = ALL
        .iter()
        .map(|name| if *name == TRADED { &traded_name } else { name })
        .chain(options.market.has_auction().then_some(&AUCTIONS).into_iter().flatten())
        .chain(treasury.iter().flat_map(|_| &CO_OWNED))
        .chain(options.is_on_delivery().then_some(&ON_DELIVERY).into_iter().flatten())
        .chain(options.has_grid().then_some(&GRID));
    let mut invariants: BTreeMap<String, bool> = names.map(|name| ((*name).to_owned(), true)).collect();
    for violation in &findings.0 {
        if let Some((name, _)) = violation.split_once(": ") {
            invariants.insert(name.to_owned(), false);
        }
    }
    Ok((invariants, findings.0))
}

/// What auctions have of members' money, in base units, and what members got in them.
struct Auctions {
    /// What the escrow of the bus holds.
    escrow: u64,
    /// By member: what it holds for bids beyond what the records say that they paid.
    deposits: Vec<u64>,
    /// By member: what its sales in auctions were entered for, and its vault did not get: not yet, or not at all.
    not_earned: Vec<u64>,
    /// By member: energy that it got in auctions, in Wh, and what it paid for that.
    bought: Vec<(u64, u64)>,
}

impl Auctions {
    async fn new(bus: &ReplayBus, state: &ReplayState, audit: &Audit) -> Result<Self, ReplayError> {
        let members = bus.members.len();
        let (deposits, not_earned, bought) = (vec![0; members], vec![0; members], vec![(0, 0); members]);
        let mut auctions = Self { escrow: 0, deposits, not_earned, bought };
        if !bus.options.market.has_auction() {
            return Ok(auctions);
        }
        let doing = "comparing bids";
        auctions.escrow = bus.market.token_balance(&address::escrow(&bus.address)).await.doing(doing)?;
        for bid in bus.market.bids(&of_bus(bus)).await.doing(doing)? {
            if let Some(&buyer) = bus.member_of.get(&bid.buyer) {
                auctions.deposits[buyer] += bid.deposit - bid.paid;
            }
        }
        let mut pools = Pools::new(state, audit);
        for trade in state.records.trades.iter().filter(Trade::is_by_auction) {
            if let Some(buyer) = trade.buyer {
                let (energy_wh, paid) = &mut auctions.bought[buyer];
                (*energy_wh, *paid) = (*energy_wh + trade.energy_wh, *paid + trade.paid);
            }
            if let (Some(seller), true) = (trade.seller, bus.options.is_on_delivery()) {
                auctions.not_earned[seller] += match pools.part(bus, trade.window_start, seller) {
                    PoolPart { is_counted: true, row: Some(row) } => {
                        trade.paid.saturating_sub(row.auction_released + row.auction_grid_fee)
                    }
                    _ => trade.paid,
                };
            }
        }
        Ok(auctions)
    }
}

/// Bids on the bus.
fn of_bus(bus: &ReplayBus) -> BidFilter {
    BidFilter { bus: Some(bus.address), ..BidFilter::default() }
}

/// Refunds that have left the vaults, by member, in base units.
struct Refunds {
    /// To buyers.
    received: Vec<u64>,
    /// From the vaults of sellers.
    returned: Vec<u64>,
}

impl Refunds {
    /// From the records, less what position books and bids on the chain say is still to be paid.
    async fn new(bus: &ReplayBus, state: &ReplayState, audit: &Audit) -> Result<Self, ReplayError> {
        let mut refunds = Self { received: vec![0; bus.members.len()], returned: vec![0; bus.members.len()] };
        let open: HashMap<(Address, Address), &PositionBook> =
            audit.positions.iter().map(|position| ((position.book, position.buyer), &position.account)).collect();
        let bids = match bus.options.market.has_auction() {
            true => bus.market.bids(&of_bus(bus)).await.doing("comparing bids")?,
            false => Vec::new(),
        };
        let filled: HashSet<(i64, Address)> = bids
            .iter()
            .filter(|bid| bid.state == BidState::Filled as u8)
            .map(|bid| (bid.window_start, bid.buyer))
            .collect();
        for row in state.records.positions.iter().filter(|row| row.refund > 0) {
            let Some(seller) = row.seller else {
                // The pool is not divided yet.
                if !filled.contains(&(row.window_start, bus.members[row.buyer].wallet.address())) {
                    refunds.received[row.buyer] += row.refund;
                }
                continue;
            };
            if !open.is_empty() {
                let first_window = bus.first_window_of(row.window_start);
                let book = bus.book_of(seller, first_window);
                let place = (row.window_start - first_window) / i64::from(bus.window_seconds());
                let position = open.get(&(book, bus.members[row.buyer].wallet.address()));
                if position.is_some_and(|position| !has_window(&position.refunded, place.unsigned_abs() as usize)) {
                    continue;
                }
            }
            refunds.received[row.buyer] += row.refund;
            refunds.returned[seller] += row.refund;
        }
        Ok(refunds)
    }
}

/// What the grid has and what vaults hold for it, in base units.
struct Grid {
    /// In its own account.
    balance: u64,
    /// In the vault of each member, and at last that of the bus.
    in_vaults: Vec<u64>,
    /// Swept out of each of them.
    swept: Vec<u64>,
}

impl Grid {
    async fn new(bus: &ReplayBus, state: &ReplayState, audit: &Audit, vaults: &Vaults) -> Result<Self, ReplayError> {
        let account = bus.settlement.token_account(&bus.grid.address());
        let balance = match bus.market.token_balance(&account).await {
            Err(Error::NotFound { .. }) => 0,
            balance => balance.doing("reading grid fees")?,
        };
        let mut swept = state.grid_fees_owed.clone();
        for seller in audit.sellers.iter().filter(|seller| seller.grid_fees_owed > 0) {
            // It is written down before it is swept.
            if let Some(place) = bus.seller_place(&seller.wallet) {
                swept[place] = 0;
            }
        }
        let members = vaults.of_members.iter().chain([&vaults.of_bus]);
        Ok(Self { balance, in_vaults: members.map(|vault| vault.grid_fees).collect(), swept })
    }

    /// What was credited to the grid out of a member's sales.
    fn of(&self, place: usize) -> u64 {
        self.in_vaults[place] + self.swept[place]
    }

    fn check(&self, findings: &mut Findings, state: &ReplayState) {
        findings.equal(GRID, "what the grid has", self.balance, self.swept.iter().sum());
        // Books that are not closed yet have credited a part.
        if state.periods.is_empty() {
            let credited: u64 = (0..self.swept.len()).map(|place| self.of(place)).sum();
            let due = state.members.iter().map(|member| member.grid_fee_base_units + member.remainder_base_units).sum();
            findings.equal(GRID, "what was credited to the grid", credited, due);
        }
    }
}

/// Compares the treasury with what buyers paid for the owners' energy without grid fees, in base units, and with the owners'
/// shares.
fn check_treasury(findings: &mut Findings, treasury: &TreasuryResult, paid_base_units: u64) {
    let sum = |figure: fn(&OwnerResult) -> u64| treasury.owners.iter().map(figure).sum::<u64>();
    let received = treasury.received_base_units;
    let lock_fees = sum(|owner| owner.lock_fees_base_units);
    findings.equal(
        TREASURY,
        "what the treasury received and the vault holds for it",
        received + treasury.in_vault_base_units,
        paid_base_units + lock_fees,
    );
    findings.equal(
        TREASURY,
        "the sum of what owners' energy was sold for",
        sum(|owner| owner.sales_base_units),
        paid_base_units,
    );

    let (claimed, claimable) = (sum(|owner| owner.claimed_base_units), sum(|owner| owner.claimable_base_units));
    let divided = claimed + claimable + treasury.remainder_base_units;
    findings.equal(SHARES, "the sum of claims and remainder", divided, received);
    findings.equal(SHARES, "the sum of what owners claimed", treasury.claimed_base_units, claimed);
    findings.equal(SHARES, "the sum of what owners may claim", treasury.claimable_base_units, claimable);
    let remainder = treasury.remainder_base_units;
    findings.check(SHARES, remainder < treasury.owners.len() as u64, || {
        format!("the remainder is {remainder} and should be less than the {} owners", treasury.owners.len())
    });
    for owner in &treasury.owners {
        let got = owner.claimed_base_units + owner.claimable_base_units;
        findings.equal(
            SHARES,
            format_args!("what {} gets", owner.name),
            got,
            math::share_of(received, owner.share_bps),
        );
    }
}

/// What a member bought on all of its lanes.
#[derive(Default)]
struct LaneTotals {
    energy_wh: u64,
    paid_base_units: u64,
}

/// Compares the lanes of a member with its purchases.
fn check_lanes(findings: &mut Findings, state: &ReplayState, member: usize, lanes: &[Keyed<Trader>]) -> LaneTotals {
    let name = &state.members[member].name;
    let mut totals = LaneTotals::default();
    for lane in lanes {
        totals.energy_wh += lane.total_energy_wh;
        totals.paid_base_units += lane.total_paid;
        let number = lane.lane;
        if let Err(rule) = lane.check_invariants() {
            findings.check(NONCES, false, || format!("lane {number} of {name}: {rule} does not hold"));
        }
        let Some(known) = state.lanes.get(&lane_key(member, number)) else {
            findings.equal(
                NONCES,
                format_args!("purchases of lane {number} of {name}"),
                lane.next_nonce - lane.first_nonce,
                0,
            );
            continue;
        };
        findings.equal(
            NONCES,
            format_args!("first nonce of lane {number} of {name}"),
            lane.first_nonce,
            known.first_nonce,
        );
        findings.equal(
            NONCES,
            format_args!("next nonce of lane {number} of {name}"),
            lane.next_nonce,
            known.next_nonce,
        );
        findings.check(HISTORY, lane.history_root == known.history_root, || {
            format!("the history of lane {number} of {name} on chain is not that of its purchases")
        });
        findings.equal(LANES, format_args!("energy of lane {number} of {name}"), lane.total_energy_wh, known.energy_wh);
        findings.equal(LANES, format_args!("money of lane {number} of {name}"), lane.total_paid, known.paid_base_units);
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn treasury() -> TreasuryResult {
        let owner = |member, share_bps, sales_base_units, claimed_base_units, claimable_base_units| OwnerResult {
            member,
            share_bps,
            sales_base_units,
            claimed_base_units,
            claimable_base_units,
            ..OwnerResult::default()
        };
        let mut owners = vec![owner(2, 3_334, 70, 33, 3), owner(0, 3_333, 30, 36, 0), owner(1, 3_333, 0, 0, 36)];
        owners[1].lock_fees_base_units = 10;
        TreasuryResult {
            received_base_units: 110,
            claimed_base_units: 69,
            claimable_base_units: 39,
            remainder_base_units: 2,
            owners,
            ..TreasuryResult::default()
        }
    }

    #[test]
    fn a_base_unit_that_is_missing_anywhere_is_found() {
        let found = |treasury: &TreasuryResult, paid| {
            let mut findings = Findings::default();
            check_treasury(&mut findings, treasury, paid);
            findings.0
        };
        assert_eq!(found(&treasury(), 100), [""; 0]);
        type Change = fn(&mut TreasuryResult);
        let cases: [(&str, u64, Change); 9] = [
            ("received and the vault holds for it is 113 and should be 110", 100, |t| t.in_vault_base_units = 3),
            ("received and the vault holds for it is 110 and should be 111", 101, |_| {}),
            ("owners' energy was sold for is 99 and should be 100", 100, |t| t.owners[0].sales_base_units -= 1),
            ("received and the vault holds for it is 110 and should be 109", 100, |t| {
                t.owners[1].lock_fees_base_units -= 1;
            }),
            ("claims and remainder is 109 and should be 110", 100, |t| t.remainder_base_units -= 1),
            ("what owners claimed is 68 and should be 69", 100, |t| t.claimed_base_units -= 1),
            ("what owners may claim is 40 and should be 39", 100, |t| t.claimable_base_units += 1),
            ("what  gets is 37 and should be 36", 100, |t| t.owners[2].claimable_base_units += 1),
            ("the remainder is 3 and should be less than the 3 owners", 100, |t| t.remainder_base_units += 1),
        ];
        for (what, paid, change) in cases {
            let mut treasury = treasury();
            change(&mut treasury);
            let found = found(&treasury, paid);
            assert!(found.iter().any(|violation| violation.contains(what)), "{what}: {found:?}");
        }
    }
}
