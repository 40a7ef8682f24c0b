//! A piece of a real village's day, through the command line. The clock of a network cannot be moved, so the intervals
//! become the next windows, which are traded one after the other.

use std::{fs, path::Path};

use multibus_e2e::market::NetworkMarket;
use serde_json::Value;

/// The community's data.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/community-rural-2016.csv");
/// Quarters of an hour around the first noon: the sun shines, and some members still need more than they generate.
const INTERVALS: [&str; 2] = ["2016-06-21T12:00:00", "2016-06-21T12:15:00"];

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_a_day_is_traded_to_the_wh() {
    let fresh = NetworkMarket::new(0, |_, _| {}).await;
    let folder = tempfile::tempdir().unwrap();
    write_piece(&folder.path().join("noon.csv"));
    let mut replay = fresh.multibus(folder.path());
    replay.args(["--output", "json", "replay", "noon.csv", "--report", "report", "--state", "noon.state"]);
    let output = tokio::process::Command::from(replay).output().await.unwrap();
    let (text, notes) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{notes}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["intervals"], INTERVALS.len());
    let number = |field: &str| report[field].as_u64().unwrap_or_else(|| panic!("no {field} in {report}"));
    assert!(number("tradable_wh") > 0, "{report}");
    assert_eq!(number("traded_wh"), number("tradable_wh"));
    assert!(number("purchases") > 0 && number("paid_base_units") > 0);
    for (invariant, holds) in report["invariants"].as_object().expect("the report lists invariants") {
        assert_eq!(holds, true, "{invariant}");
    }
    assert!(folder.path().join("report/report.html").is_file());
}

/// The chosen intervals of the data, as a file of their own.
fn write_piece(path: &Path) {
    let data = fs::read_to_string(DATA).unwrap();
    let mut lines = data.lines();
    let mut piece = vec![lines.next().expect("the data has a header")];
    piece.extend(lines.filter(|line| INTERVALS.iter().any(|start| line.starts_with(start))));
    assert!(piece.len() > INTERVALS.len(), "the data has these intervals");
    fs::write(path, piece.join("\n") + "\n").unwrap();
}
