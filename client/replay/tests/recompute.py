#!/usr/bin/env python3
"""Recomputes every base unit of a replay from its trades and the community's file.

    recompute.py FILE.csv REPORT_FOLDER

It needs Python 3.11 and nothing else, and shares no code with the replay. What a replay wrote into `deliveries.csv`,
`positions.csv` and `report.json` must follow from `trades.csv` and the file, by the rules in the design:

- A buyer pays ceil(Wh x price / 1000), the price with the grid fee.
- A seller that sold c Wh of a window for M and whose meter reported r Wh delivered d = min(c, r). It is released
  floor(M x d / c) less the grid's floor(d x fee / 1000).
- A buyer of that window that paid m for e Wh got floor(e x d / c) Wh and is refunded m - ceil(m x d / c).
- On purchase terms, the grid gets floor(Wh x fee / 1000) of what each seller sold in a window.

Rows of the kind `auction` have a buyer or a seller. With the price x of a window's auction, grid fee included:

- A bid that got a Wh pays ceil(a x / 1000). A seller of which the auction sold b Wh is promised floor(b x / 1000); on purchase terms
  it has that at once.
- On delivery terms, a seller that sold c Wh by trade and b Wh in the auction delivered d = min(c + b, r), of which
  d_b = floor(d x b / (c + b)) are for the auction and the rest for the trade, to which the rules above apply. For the auction it is
  due floor(d_b x / 1000), of which the grid gets floor(d_b x fee / 1000).
- With T the sum of all d_b and Q the Wh that changed hands, a bid that paid P for a Wh got floor(a x T / Q) Wh and is refunded
  P - ceil(P x T / Q).

A meter reports the surplus that its member really had; members trade by their forecast, where the file has one.

A name that begins with = + - @ or an apostrophe has one more apostrophe in front in these files, so that spreadsheets take it for
text.
"""

import csv
import io
import json
import sys
import unicodedata
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path

COLUMNS = ["interval_start", "member", "load_wh", "generation_wh"]
FORECAST = ["forecast_load_wh", "forecast_generation_wh"]


def ceil_div(a, b):
    return -(-a // b)


def read_text(path):
    data = Path(path).read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding)


def wh(text):
    """Whole Wh; `300.0` and `3e+02` are whole, too."""
    return int(Decimal(text.replace(",", ".")))


class Community:
    """What members had, and what they expected, by interval."""

    def __init__(self, path, use_forecast):
        lines = [line for line in read_text(path).splitlines() if line.strip() and not line.startswith("sep=")]
        separator = next(s for s in ",;\t" if all(column in lines[0].replace('"', "").split(s) for column in COLUMNS))
        rows = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True)
        self.labels = {}  # by instant, as the file writes them first
        self.readings = defaultdict(dict)  # by label and member: load, generation, and both expected
        for row in rows:
            row = {name.strip(): (value or "").strip() for name, value in row.items() if name}
            if not any(row.values()):
                continue
            instant = datetime.fromisoformat(row["interval_start"])
            label = self.labels.setdefault(instant, row["interval_start"])
            member = unicodedata.normalize("NFC", row["member"])
            measured = [wh(row[column]) for column in COLUMNS[2:]]
            has_forecast = use_forecast and all(column in row for column in FORECAST)
            expected = [wh(row[column]) for column in FORECAST] if has_forecast else measured
            self.readings[label][member] = (*measured, *expected)

    def in_order(self):
        return [self.labels[instant] for instant in sorted(self.labels)]

    def delivery(self, label, member):
        load, generation, _, _ = self.readings[label].get(member, (0, 0, 0, 0))
        return max(0, generation - load)

    def surplus(self, label, member):
        _, _, load, generation = self.readings[label].get(member, (0, 0, 0, 0))
        return max(0, generation - load)

    def deficit(self, label, member):
        _, _, load, generation = self.readings[label].get(member, (0, 0, 0, 0))
        return max(0, load - generation)


class Checks:
    """Counts what was compared, and keeps what differs."""

    def __init__(self):
        self.compared = 0
        self.wrong = []

    def equal(self, what, found, expected):
        self.compared += 1
        if found != expected:
            self.wrong.append(f"{what} is {found} and should be {expected}")

    def at_most(self, what, found, most):
        self.compared += 1
        if found > most:
            self.wrong.append(f"{what} is {found} and should be {most} at most")


def read_rows(folder, name, columns):
    with open(folder / name, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if rows[0] != columns:
        raise SystemExit(f"{name} has the columns {rows[0]} and should have {columns}")
    names = [place for place, column in enumerate(columns) if column in ("seller", "buyer")]
    for row in rows[1:]:
        for place in names:
            row[place] = row[place].removeprefix("'")
    return rows[1:]


def numbers(row, texts):
    """The first fields of a row as they are, the others as numbers."""
    return (*row[:texts], *map(int, row[texts:]))


def recompute(file, folder):
    folder = Path(folder)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    on_delivery = report["terms"] == "delivery"
    fee = report["grid_fee_per_kwh"]
    community = Community(file, on_delivery)
    labels = community.in_order()[: report["intervals"]]
    check = Checks()

    has_auction = "auction" in report
    columns = ["window_start", "seller", "buyer", "kind", "energy_wh", "price_per_kwh", "paid"]
    asks = {}  # by window and seller: Wh that an auction sold, and what was promised for it
    bids = {}  # by window and buyer: Wh that it got, and what it paid
    auction_price = {}  # by window, grid fee included
    sales = defaultdict(lambda: [0, 0])  # by window and seller: Wh and money
    bought = defaultdict(lambda: [0, 0])  # by window, seller and buyer
    traded = defaultdict(int)  # by window: Wh
    for row in read_rows(folder, "trades.csv", columns):
        window, seller, buyer, kind, energy, price, paid = numbers(row, 4)
        what = f"what {buyer or 'the auction'} paid {seller or 'the auction'} for {energy} Wh of {window}"
        check.equal(f"whether {window} is an interval of the file", window in community.readings, True)
        if kind == "auction":
            check.equal("whether there are auctions", has_auction, True)
            check.equal(f"whether a row of the auction of {window} has one party", bool(seller) != bool(buyer), True)
            check.equal(f"the price of {seller or buyer} in {window}", price, auction_price.setdefault(window, price))
            of_side, key = (asks, (window, seller)) if seller else (bids, (window, buyer))
            check.equal(f"whether {key[1]} has another order in {window}", key in of_side, False)
            of_side[key] = (energy, paid)
            check.equal(what, paid, energy * price // 1_000 if seller else ceil_div(energy * price, 1_000))
            continue
        check.equal(what, paid, ceil_div(energy * price, 1_000))
        check.equal(f"whether {kind} is a kind of trade", kind in ("purchase", "batch", "lock"), True)
        check.equal(f"whether {seller} bought of itself in {window}", seller == buyer, False)
        for sums in (sales[window, seller], bought[window, seller, buyer]):
            sums[0] += energy
            sums[1] += paid
        traded[window] += energy

    # An auction sells what it buys.
    volume = defaultdict(int)  # by window: Wh
    for (window, _), (energy, _) in bids.items():
        volume[window] += energy
        traded[window] += energy
    for window, price in auction_price.items():
        sold = sum(energy for (of, _), (energy, _) in asks.items() if of == window)
        check.equal(f"energy that the auction of {window} sold", sold, volume[window])

    # What each interval and member could trade, and did.
    for label in labels:
        members = community.readings[label]
        tradable = min(
            sum(community.surplus(label, member) for member in members),
            sum(community.deficit(label, member) for member in members),
        )
        if report["interrupted"] or has_auction:
            check.at_most(f"energy traded in {label}", traded[label], tradable)
        else:
            check.equal(f"energy traded in {label}", traded[label], tradable)
    wanted = defaultdict(int)
    buyers = defaultdict(list)  # by window and seller
    for (window, seller, buyer), (energy, _) in bought.items():
        wanted[window, buyer] += energy
        buyers[window, seller].append(buyer)
    for (window, buyer), (energy, _) in bids.items():
        wanted[window, buyer] += energy
    sellings = {key: (*sales.get(key, (0, 0)), *asks.get(key, (0, 0))) for key in sales.keys() | asks.keys()}
    for (window, seller), (energy, _, by_auction, _) in sellings.items():
        check.at_most(f"what {seller} sold in {window}", energy + by_auction, community.surplus(window, seller))
    for (window, buyer), energy in wanted.items():
        check.at_most(f"what {buyer} bought in {window}", energy, community.deficit(window, buyer))

    # What became of it.
    totals = defaultdict(int)
    totals["traded_wh"] = sum(energy for energy, _ in sales.values()) + sum(volume.values())
    totals["paid_base_units"] = sum(paid for _, paid in [*sales.values(), *bids.values()])
    auction_remainder = sum(paid for _, paid in bids.values()) - sum(promised for _, promised in asks.values())
    pools = defaultdict(int)  # by window: Wh delivered for the auction
    by_member = defaultdict(lambda: defaultdict(int))
    deliveries, positions = {}, {}
    for (window, seller), (sold, money, by_auction, promised) in sellings.items():
        by_member[seller]["sold_wh"] += sold + by_auction
        by_member[seller]["earned_base_units"] += money + promised
        if not on_delivery:
            # One offer of each seller and window. An interval that was resumed in a later window has two. An auction pays rounded
            # down, so the last base unit of the fee can be missing.
            grid_fee = min((sold + by_auction) * fee // 1_000, money + promised)
            totals["grid_fee_base_units"] += grid_fee
            by_member[seller]["grid_fee_base_units"] += grid_fee
            continue
        reported = community.delivery(window, seller)
        counted = min(sold + by_auction, reported)
        for_auction = counted * by_auction // (sold + by_auction)
        delivered = counted - for_auction
        grid_fee = delivered * fee // 1_000
        released = (money * delivered // sold if sold else 0) - grid_fee
        deliveries[window, seller] = (sold, money, reported, released, grid_fee)
        auction_fee = for_auction * fee // 1_000
        due = for_auction * auction_price.get(window, 0) // 1_000
        if has_auction:
            deliveries[window, seller] += (by_auction, for_auction, due - auction_fee, auction_fee)
        pools[window] += for_auction
        auction_remainder += promised - due
        totals["delivered_wh"] += counted
        totals["grid_fee_base_units"] += grid_fee + auction_fee
        by_member[seller]["delivered_wh"] += counted
        by_member[seller]["grid_fee_base_units"] += grid_fee + auction_fee
        by_member[seller]["returned_base_units"] += promised - due
        left = money - released - grid_fee
        for buyer in buyers[window, seller]:
            energy, paid = bought[window, seller, buyer]
            received = energy * delivered // sold
            refund = paid - ceil_div(paid * delivered, sold)
            positions[window, seller, buyer] = (energy, paid, received, refund)
            totals["certificates_wh"] += received
            totals["refunded_base_units"] += refund
            by_member[buyer]["received_wh"] += received
            by_member[buyer]["refunded_base_units"] += refund
            by_member[seller]["returned_base_units"] += refund
            left -= refund
        check.equal(f"whether the books of {seller} in {window} cover their refunds", left >= 0, True)
        check.at_most(f"what rounding left of {seller} in {window}", left, len(buyers[window, seller]))
        totals["remainder_base_units"] += left
        by_member[seller]["remainder_base_units"] += left
    for (window, seller, buyer), (energy, paid) in bought.items():
        by_member[buyer]["bought_wh"] += energy
        by_member[buyer]["paid_base_units"] += paid
    for (window, buyer), (energy, paid) in bids.items():
        by_member[buyer]["bought_wh"] += energy
        by_member[buyer]["paid_base_units"] += paid
        if on_delivery:
            received = energy * pools[window] // volume[window]
            refund = paid - ceil_div(paid * pools[window], volume[window])
            positions[window, "", buyer] = (energy, paid, received, refund)
            totals["certificates_wh"] += received
            totals["refunded_base_units"] += refund
            by_member[buyer]["received_wh"] += received
            by_member[buyer]["refunded_base_units"] += refund
            auction_remainder -= refund
    if has_auction:
        check.equal("what rounding left of auctions", report["auction"]["remainder_base_units"], auction_remainder)
        check.equal("what changed hands in auctions", report["auction"]["volume_wh"], sum(volume.values()))
        most = 2 * len(bids) + len(asks)
        check.equal(f"whether what rounding left of auctions is in 0..{most}", 0 <= auction_remainder <= most, True)

    if on_delivery:
        columns = ["window_start", "seller", "sold_wh", "paid", "reported_wh", "released", "grid_fee"]
        if has_auction:
            columns += ["auction_wh", "auction_delivered_wh", "auction_released", "auction_grid_fee"]
        rows = [numbers(row, 2) for row in read_rows(folder, "deliveries.csv", columns)]
        compare(check, "deliveries.csv", {row[:2]: row[2:] for row in rows}, deliveries, len(rows))
        columns = ["window_start", "seller", "buyer", "energy_wh", "paid", "delivered_wh", "refund"]
        rows = [numbers(row, 3) for row in read_rows(folder, "positions.csv", columns)]
        compare(check, "positions.csv", {row[:3]: row[3:] for row in rows}, positions, len(rows))

    for name in [
        "traded_wh",
        "paid_base_units",
        "delivered_wh",
        "refunded_base_units",
        "grid_fee_base_units",
        "certificates_wh",
        "remainder_base_units",
    ]:
        check.equal(f"{name} of the report", report[name], totals[name])
    for member in report["member_results"]:
        for figure in [
            "bought_wh",
            "sold_wh",
            "delivered_wh",
            "received_wh",
            "paid_base_units",
            "refunded_base_units",
            "earned_base_units",
            "returned_base_units",
            "grid_fee_base_units",
            "remainder_base_units",
        ]:
            name = member["name"]
            check.equal(f"{figure} of {name}", member[figure], by_member[name][figure])
    kept = sum(
        member["earned_base_units"]
        - member["returned_base_units"]
        - member["grid_fee_base_units"]
        - member["remainder_base_units"]
        for member in report["member_results"]
    )
    spread = kept + totals["refunded_base_units"] + totals["grid_fee_base_units"] + totals["remainder_base_units"]
    spread += auction_remainder
    check.equal("what sellers, buyers and the grid got together", spread, totals["paid_base_units"])
    return check, totals


def compare(check, name, found, expected, rows):
    """Compares the rows of a file with what they should be."""
    check.equal(f"the number of rows of {name}", rows, len(expected))
    for key, values in expected.items():
        check.equal(f"{name}: {', '.join(key)}", found.get(key), values)


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    check, totals = recompute(sys.argv[1], sys.argv[2])
    for wrong in check.wrong[:20]:
        print(wrong, file=sys.stderr)
    if check.wrong:
        raise SystemExit(f"{len(check.wrong)} of {check.compared} figures are wrong")
    shown = ", ".join(f"{name} {figure}" for name, figure in totals.items())
    print(f"all {check.compared} figures follow from the trades and the file: {shown}")


if __name__ == "__main__":
    main()
