#!/usr/bin/env python3
"""Recomputes the price of every auction of a replay from its orders.

    check_auctions.py REPORT_FOLDER

It needs Python 3.11 and nothing else, and shares no code with the replay, its client or the program. It reads `orders.csv`, finds
the price of each window by the rule in docs/auction.md, trying every price at which anything can change, and compares price, volume
and rationed side with `auctions.csv`, and both files with `report.json`. Where the folder has `trades.csv`, it also checks what each
order got: bids above the price and asks below it in full, those at the price their share, give or take one Wh, all others nothing.

With D(>p), D(>=p) the Wh bid above a price or at it and above, and S(<p), S(<=p) the Wh asked for below it or at it and below:

- the low price is the one with D(>p) <= S(<=p) that is 0 or has D(>=p) > S(<p);
- the high price is the one with S(<p) <= D(>=p) and S(<=p) > D(>p);
- the price is their middle, rounded down, and the volume the smaller of D(>=p) and S(<=p).

Where the volume is 0, the price means nothing, and only the volume is compared.
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

ORDERS = ["window_start", "side", "party", "energy_wh", "price_per_kwh"]
AUCTIONS = ["window_start", "price_per_kwh", "volume_wh", "rationed"]
TRADES = ["window_start", "seller", "buyer", "kind", "energy_wh", "price_per_kwh", "paid"]


class Checks:
    """Counts what was compared, and keeps what differs."""

    def __init__(self):
        self.compared = 0
        self.wrong = []

    def equal(self, what, found, expected):
        self.compared += 1
        if found != expected:
            self.wrong.append(f"{what} is {found} and should be {expected}")


class Book:
    """The orders of one window, each (party, Wh, price)."""

    def __init__(self):
        self.bids = []
        self.asks = []

    def bid(self, counts):
        return sum(energy for _, energy, price in self.bids if counts(price))

    def asked(self, counts):
        return sum(energy for _, energy, price in self.asks if counts(price))

    def is_low(self, p):
        enough = self.bid(lambda price: price > p) <= self.asked(lambda price: price <= p)
        return enough and (p == 0 or self.bid(lambda price: price >= p) > self.asked(lambda price: price < p))

    def is_high(self, p):
        enough = self.asked(lambda price: price < p) <= self.bid(lambda price: price >= p)
        return enough and self.asked(lambda price: price <= p) > self.bid(lambda price: price > p)

    def volume_at(self, p):
        return min(self.bid(lambda price: price >= p), self.asked(lambda price: price <= p))

    def outcome(self):
        """Price, volume and rationed side."""
        if not self.bid(lambda _: True) or not self.asked(lambda _: True):
            return 0, 0, ""
        candidates = {0}
        for _, _, price in self.bids + self.asks:
            candidates.update((max(0, price - 1), price, price + 1))
        low = [p for p in candidates if self.is_low(p)]
        high = [p for p in candidates if self.is_high(p)]
        if len(low) != 1 or len(high) != 1:
            raise SystemExit(f"the rule gives the low prices {low} and the high prices {high}; there is one of each")
        price = low[0] + (high[0] - low[0]) // 2
        volume = self.volume_at(price)
        if volume != max(self.volume_at(p) for p in candidates):
            raise SystemExit(f"the price {price} moves {volume} Wh, and another moves more")
        if volume == 0:
            return price, 0, ""
        if self.bid(lambda other: other >= price) > volume:
            return price, volume, "bid"
        return price, volume, "ask" if self.asked(lambda other: other <= price) > volume else ""


def read_rows(folder, name, columns):
    with open(folder / name, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if rows[0] != columns:
        raise SystemExit(f"{name} has the columns {rows[0]} and should have {columns}")
    return rows[1:]


def check_fills(check, window, book, price, volume, filled):
    """Compares what parties got with what the price gives their orders. A party with several orders is compared in sum."""
    for side, orders, is_better in [
        ("bid", book.bids, lambda other: other > price),
        ("ask", book.asks, lambda other: other < price),
    ]:
        got = filled[window, side]
        check.equal(f"energy of {side}s that was filled in {window}", sum(got.values()), volume)
        better = sum(energy for _, energy, other in orders if is_better(other))
        shared = sum(energy for _, energy, other in orders if other == price)
        left = volume - better
        least, most = defaultdict(int), defaultdict(int)
        for party, energy, other in orders:
            if volume > 0 and is_better(other):
                least[party] += energy
                most[party] += energy
            elif volume > 0 and other == price and left > 0:
                least[party] += left * energy // shared
                most[party] += min(energy, -(-left * energy // shared))
            else:
                least[party] += 0
                most[party] += 0
        for party in least.keys() | got.keys():
            is_right = least[party] <= got[party] <= most[party]
            check.equal(f"whether the {side} of {party} in {window} got its part ({got[party]} Wh)", is_right, True)


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = Path(sys.argv[1])
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    fee = report["grid_fee_per_kwh"]
    check = Checks()
    books = defaultdict(Book)
    orders = read_rows(folder, "orders.csv", ORDERS)
    for window, side, party, energy, price in orders:
        if side not in ("bid", "ask"):
            raise SystemExit(f"orders.csv has the side {side!r}; it is bid or ask")
        of_side = books[window].bids if side == "bid" else books[window].asks
        of_side.append((party, int(energy), int(price)))
    auctions = {row[0]: row for row in read_rows(folder, "auctions.csv", AUCTIONS)}
    check.equal("the windows of auctions.csv", sorted(auctions), sorted(books))

    filled = defaultdict(lambda: defaultdict(int))  # by window and side, by party
    for window, seller, buyer, kind, energy, price, _ in read_rows(folder, "trades.csv", TRADES):
        if kind == "auction":
            side, party = ("ask", seller) if seller else ("bid", buyer)
            filled[window, side][party] += int(energy)
            check.equal(f"what {party} trades at in {window}", int(price), int(auctions.get(window, ["", "0"])[1]) + fee)

    moved = 0
    for window, book in books.items():
        price, volume, rationed = book.outcome()
        _, found_price, found_volume, found_rationed = auctions.get(window, (window, "0", "0", ""))
        check.equal(f"the volume of {window}", int(found_volume), volume)
        check.equal(f"the rationed side of {window}", found_rationed, rationed)
        if volume > 0:
            check.equal(f"the price of {window}", int(found_price), price)
        check_fills(check, window, book, price, volume, filled)
        moved += volume

    def entry(row):
        return [row["window_start"], row["side"], row["party"], str(row["energy_wh"]), str(row["price_per_kwh"])]

    in_report = [entry(row) for row in report.get("orders", [])]
    plain = [[window, side, party.removeprefix("'"), *rest] for window, side, party, *rest in orders]
    bare = [[window, side, party.removeprefix("'"), *rest] for window, side, party, *rest in in_report]
    check.equal("the orders of report.json", bare, plain)
    in_report = [
        [row["window_start"], str(row["price_per_kwh"]), str(row["volume_wh"]), row["rationed"] or ""]
        for row in report.get("auctions", [])
    ]
    check.equal("the auctions of report.json", in_report, list(auctions.values()))
    for wrong in check.wrong[:20]:
        print(wrong, file=sys.stderr)
    if check.wrong:
        raise SystemExit(f"{len(check.wrong)} of {check.compared} figures are wrong")
    traded = sum(1 for row in auctions.values() if int(row[2]) > 0)
    print(
        f"all {check.compared} figures follow from the orders: {len(orders)} orders in {len(books)} windows, "
        f"{traded} of which trade {moved} Wh"
    )


if __name__ == "__main__":
    main()
