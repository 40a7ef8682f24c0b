//! The command line against a hostile node and hostile files. Nothing they contain controls the terminal, and every
//! failure is a sentence.

use {
    crate::support::*,
    base64::{Engine, prelude::BASE64_STANDARD},
    multibus_client::{chain::EmbeddedChain, text::is_hidden},
    multibus_test_support::node::{Lie, TestNode},
    serde_json::{Value, json},
    std::{fmt::Write as _, sync::Arc},
    tokio::runtime::Runtime,
};

/// A terminal escape, a window title, a direction override, an invisible mark, a control character of the upper range.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}lla\u{2066}\u{200b}\u{9b}31m";

/// A market behind a node that tells the truth until it is told to lie.
pub struct HostileMarket {
    _runtime: Runtime,
    pub node: Arc<TestNode>,
    pub url: String,
    pub folder: Folder,
    pub bus: String,
    pub offer: String,
    wallet: String,
}

impl HostileMarket {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let chain = Arc::new(EmbeddedChain::new().unwrap());
        let (node, url) = runtime.block_on(TestNode::start(&chain));
        let folder = Folder::new();
        let wallet = folder.multibus("-q local wallet alice.json").ok().trim().to_owned();
        let call = |arguments: &str| folder.multibus(&format!("--url {url} -k alice.json {arguments}")).ok();
        call("local fund");
        let token = call("-q local mint").trim().to_owned();
        let create = format!("-q bus create --name Sunny --mint {token} --capacity 50kWh --base-price 100000");
        let bus = call(&create).trim().to_owned();
        let offer = call(&format!("-q offer create {bus} --energy 1kWh --price 0.2tokens")).trim().to_owned();
        Self { _runtime: runtime, node, url, folder, bus, offer, wallet }
    }

    pub fn call(&self, arguments: &str) -> Run {
        self.call_as("alice.json", arguments)
    }

    pub fn call_as(&self, wallet: &str, arguments: &str) -> Run {
        self.folder.multibus(&format!("--url {} -k {wallet} {arguments}", self.url))
    }

    /// Verbs with all kinds of requests.
    fn verbs(&self) -> Vec<String> {
        let Self { bus, offer, wallet, .. } = self;
        vec![
            "bus list".into(),
            format!("bus show {bus}"),
            format!("bus list {wallet}"),
            format!("offer list {bus}"),
            format!("offer show {offer}"),
            format!("offer reprice {offer} --price 0.3tokens"),
            format!("buy {bus} --energy 10 --dry-run"),
            format!("lock take {offer} --energy 10"),
            "lock list".into(),
            format!("proposal list {bus}"),
            format!("proposal create {bus} pause"),
            format!("treasury show {bus}"),
            format!("seller show {bus}"),
            format!("seller list {bus}"),
            format!("seller withdraw {bus}"),
            format!("window list {bus}"),
            format!("claim list --bus {bus}"),
            format!("meter list {bus}"),
            format!("meter show {bus}"),
            format!("device list {bus}"),
            format!("delivery list {bus}"),
            format!("delivery show {offer}"),
            "position list".into(),
            "certificate list".into(),
            format!("certificate show {offer}"),
            format!("grid sweep {bus}"),
            format!("proposal create {bus} terms --window 15m"),
            format!("history --account {offer}"),
            format!("bus close {bus}"),
            "trader open".into(),
            "trader show".into(),
            format!("tx verify {}", "5d".repeat(32)),
            "history".into(),
            format!("watch {bus} --events 1"),
        ]
    }
}

#[track_caller]
fn assert_harmless(run: &Run) {
    let arguments = &run.arguments;
    assert!(matches!(run.code, Some(0..=2)), "`multibus {arguments}` ended with {:?}\n{}", run.code, run.stderr);
    for text in [&run.stdout, &run.stderr] {
        let hidden = text.chars().find(|character| *character != '\n' && is_hidden(*character));
        assert_eq!(hidden, None, "`multibus {arguments}`\n{text:?}");
    }
}

#[test]
fn what_a_node_says_cannot_act_on_the_terminal() {
    let hostile = HostileMarket::new();
    let calls = |verbs: &[String], run: &dyn Fn(&Run)| {
        for verb in verbs {
            for form in ["", "--output json "] {
                run(&hostile.call(&format!("{form}{verb}")));
            }
        }
    };
    // A refusal of every request.
    hostile.node.lies(|_, _, _| Lie::Refusal(-32_601, EVIL.into()));
    let mut verbs = hostile.verbs();
    calls(&verbs, &|run| {
        assert_harmless(run);
        assert_ne!(run.code, Some(0), "`multibus {}`\n{}", run.arguments, run.stdout);
    });
    let refusal = hostile.call("bus list").fails(1);
    assert_has(&refusal, &["\\u{1b}[2J", "\\u{202e}lla"]);

    // The log of a program that refuses.
    hostile.node.lies(|method, _, _| match method {
        "simulateTransaction" => Lie::Result(json!({ "context": { "slot": 1 }, "value": {
            "err": { "InstructionError": [1, { "Custom": 7 }] },
            "logs": [
                format!("Program {NOWHERE} invoke [1]"),
                format!("Program log: {EVIL}"),
                format!("Program {NOWHERE} failed: {EVIL}"),
            ],
            "unitsConsumed": 5,
        } })),
        _ => Lie::None,
    });
    // There is nothing to watch.
    verbs.pop();
    calls(&verbs, &assert_harmless);
    assert_has(
        &hostile.call(&format!("offer reprice {} --price 0.3tokens", hostile.offer)).fails(1),
        &["\\u{202e}lla"],
    );

    // A name that the program would never have taken.
    hostile.node.lies(|method, _, truth| match method {
        "getMultipleAccounts" => {
            let mut lie = truth.clone();
            for account in lie["value"].as_array_mut().into_iter().flatten() {
                name(account);
            }
            Lie::Result(lie)
        }
        "getProgramAccounts" => {
            let mut lie = truth.clone();
            for entry in lie.as_array_mut().into_iter().flatten() {
                name(&mut entry["account"]);
            }
            Lie::Result(lie)
        }
        _ => Lie::None,
    });
    for verb in ["bus list".to_owned(), format!("bus show {}", hostile.bus)] {
        for form in ["", "--output json "] {
            let run = hostile.call(&format!("{form}{verb}"));
            assert_harmless(&run);
            assert_has(&run.ok(), &[if form.is_empty() { "\\u{1b}[2J" } else { "\\u001b[2J" }]);
        }
    }
}

/// Gives an account the evil name where it is the bus's.
fn name(account: &mut Value) {
    let Some(text) = account["data"][0].as_str() else { return };
    let mut data = BASE64_STANDARD.decode(text).unwrap();
    let Some(at) = data.windows(5).position(|window| window == b"Sunny") else { return };
    let evil: String = EVIL
        .chars()
        .scan(0, |length, character| {
            *length += character.len_utf8();
            (*length <= 32).then_some(character)
        })
        .collect();
    data[at..at + evil.len()].copy_from_slice(evil.as_bytes());
    // `name_len` is the seventh byte behind the discriminator.
    data[14] = evil.len() as u8;
    account["data"][0] = json!(BASE64_STANDARD.encode(data));
}

const HEADER: &str = "interval_start,member,load_wh,generation_wh\n";

#[test]
fn a_hostile_file_is_refused_with_its_line_or_replayed_as_it_says() {
    let folder = Folder::new();
    let time = "2016-06-21T12:00:00Z";
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![0; 4_096], "the header is"),
        (b"\xff\xfei\0n\0t\0".to_vec(), "the header is \"int\""),
        (b"\xff\xfei\0\x00\xd8".to_vec(), "not UTF-16 throughout"),
        (format!("{HEADER}{time},\u{e9},1,2\n").chars().map(|character| character as u8).collect(), "is not UTF-8"),
        (format!("{HEADER}{time},\"A\0B\",1,2\n").into_bytes(), "control characters or hidden ones"),
        (format!("{HEADER}{time},{EVIL},1,2\n").into_bytes(), "control characters or hidden ones"),
        (format!("{HEADER}{time},A\u{e0041},1,2\n").into_bytes(), "A\\u{e0041}"),
        (format!("{HEADER}{time},A,NaN,2\n").into_bytes(), "not a whole number"),
        (format!("{HEADER}{time},A,1,inf\n").into_bytes(), "not a whole number"),
        (format!("{HEADER}{time},A,1e-9,2\n").into_bytes(), "not a whole number"),
        (format!("{HEADER}{time},A,1e30,2\n").into_bytes(), "check the unit"),
        (format!("{HEADER}{time},A,1e999999999999,2\n").into_bytes(), "not a whole number"),
        (format!("{HEADER}{time},A,-0.1,2\n").into_bytes(), "cannot be negative"),
        (format!("{HEADER}{time},A,\u{661},2\n").into_bytes(), "not a whole number"),
        (format!("{HEADER}{time},A,18446744073709551616,2\n").into_bytes(), "check the unit"),
        (format!("{HEADER}{time},A,1,2\n{time},A,1,2\n").into_bytes(), "in line 2; keep one"),
        (format!("{HEADER}-000001-06-21T12:00:00Z,A,1,2\n").into_bytes(), "is not a time"),
        (format!("{HEADER}+9999999-06-21T12:00:00Z,A,1,2\n").into_bytes(), "is not a time"),
        (format!("{HEADER}{time},\"{},1,2\n", "\"\"".repeat(70_000)).into_bytes(), "of 4 columns"),
        (format!("{HEADER}{}", ",".repeat(70_000)).into_bytes(), "has a header and no rows"),
        (format!("{HEADER}{}", ",x".repeat(70_000)).into_bytes(), "columns; it must have 4"),
    ];
    for (bytes, said) in cases {
        std::fs::write(folder.path().join("hostile.csv"), &bytes).unwrap();
        let run = folder.multibus("replay hostile.csv");
        assert_harmless(&run);
        assert_has(&run.fails(1), &[said]);
    }
    for (path, said) in [(".", "cannot be read"), ("missing.csv", "cannot open"), ("/dev/zero", "the header is")] {
        let run = folder.multibus(&format!("replay {path}"));
        assert_harmless(&run);
        assert_has(&run.fails(1), &[said]);
    }
}

#[test]
fn names_that_mean_something_elsewhere_are_only_names_in_a_report() {
    let folder = Folder::new();
    let names = [
        "=HYPERLINK(\"\"http://x\"\")",
        "@SUM(1)",
        "+cmd|' /C calc'!A0",
        "</title><script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "{{7*7}} ${7*7}",
        "' onmouseover='alert(1)",
        "\"\" onmouseover=\"\"alert(1)",
    ];
    let mut text = String::from(HEADER);
    for (index, name) in names.iter().enumerate() {
        let (load, generation) = if index == 0 { (0, 9_000) } else { (500, 0) };
        let _ = writeln!(text, "2016-06-21T12:00:00Z,\"{name}\",{load},{generation}");
    }
    let file = "<b>=1+1\u{202e}.csv";
    std::fs::write(folder.path().join(file), text).unwrap();
    let run = folder.multibus(&format!("replay {file} --terms delivery --report report"));
    assert_harmless(&run);
    let shown = run.stdout;
    assert_has(&shown, &["=HYPERL", "INK(\"ht"]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join("report").join(name)).unwrap();
    let page = read("report.html");
    for live in ["<script", "<img", "<b>=1", "\" onmouseover=\"", "\u{202e}"] {
        assert!(!page.contains(live), "{live}");
    }
    // Values of attributes stand between double quotes, which are escaped everywhere else. A single quote ends none.
    let without_values: String = page.split('"').step_by(2).collect();
    for tag in without_values.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        assert!(!tag.contains('\'') && !tag.contains("onmouseover"), "{tag}");
    }
    assert_has(&page, &["&lt;script&gt;alert(1)", "&lt;b&gt;=1+1\\u{202e}.csv", "default-src 'none'"]);
    // A spreadsheet takes cells with these for formulas. Names that begin so have an apostrophe in front.
    for (name, rows) in [("intervals.csv", 2), ("trades.csv", 10), ("deliveries.csv", 2), ("positions.csv", 9)] {
        let text = read(name);
        assert_eq!(text.lines().count(), rows, "{name}: {text}");
        for cell in text.lines().flat_map(|line| line.split(',')).map(|cell| cell.trim_start_matches('"')) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name}: {cell}");
        }
    }
    assert_has(
        &read("trades.csv"),
        &["\"'=HYPERLINK(\"\"http://x\"\")\"", ",'@SUM(1),", ",'+cmd|", ",'' onmouseover="],
    );
    let report: Value = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(report["member_results"][0]["name"], "=HYPERLINK(\"http://x\")");
    assert_eq!(folder.path().join("report").read_dir().unwrap().count(), 6);
}
