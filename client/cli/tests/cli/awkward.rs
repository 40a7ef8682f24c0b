//! Awkward input: what shells, spreadsheets, providers and other programs hand over. One test each, named for what the user saw.

use {
    crate::support::*,
    serde_json::Value,
    std::{
        fs,
        path::Path,
        process::{Output, Stdio},
    },
};

/// Two members, one of which sells what the other wants.
const FILE: &str = "interval_start,member,load_wh,generation_wh\n\
                    2016-06-21T12:00:00Z,A,0,900\n\
                    2016-06-21T12:00:00Z,B,500,0\n";

fn with_file() -> Folder {
    let folder = Folder::new();
    fs::write(folder.path().join("file.csv"), FILE).unwrap();
    folder
}

/// The error of a call in JSON mode.
#[track_caller]
fn error(run: &Run, code: i32) -> Value {
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{}", run.stderr);
    let mut said: Value = serde_json::from_str(&run.stderr).unwrap_or_else(|error| panic!("{error}\n{}", run.stderr));
    said["error"].take()
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_refused_and_no_panic() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let mut command = folder.command(MULTIBUS);
    command.args(["--output", "json", "bus", "show"]).arg(std::ffi::OsStr::from_bytes(b"\xff"));
    let refused = error(&Run::of("bus show \\xff", command.output().unwrap()), 2);
    assert_eq!(refused["kind"], "usage");
}

#[test]
fn an_error_that_nobody_reads_is_no_panic() {
    let folder = Folder::new();
    for arguments in
        ["bus show nonsense", "--output json bus show nonsense", "-k none.json --url embedded:a.chain local fund"]
    {
        let mut command = folder.command(MULTIBUS);
        let mut child = command.args(words(arguments)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(2), "{arguments}");
    }
}

#[test]
fn without_a_command_json_is_said_in_json() {
    for arguments in ["--output json", "--output json bus"] {
        assert_eq!(error(&Folder::new().multibus(arguments), 2)["kind"], "usage");
    }
}

#[test]
fn a_variable_that_is_set_to_nothing_is_not_set() {
    let folder = with_file();
    let call = |arguments: &str| {
        let mut command = folder.command(MULTIBUS);
        command.env("MULTIBUS_URL", "").env("MULTIBUS_KEYPAIR", "").args(words(arguments));
        Run::of(arguments, command.output().unwrap())
    };
    assert_has(&call("bus list").fails(1), &["http://localhost:8899"]);
    let no_wallet = call("--url embedded:a.chain local fund").fails(2);
    assert_has(&no_wallet, &["no wallet at", ".config/solana/id.json"]);
    assert_has(&call("replay file.csv").ok(), &["2 members"]);
    // A shell variable that is not set, behind an option, is a mistake.
    let mut command = folder.command(MULTIBUS);
    let output = command.args(["--url", "", "bus", "list"]).output().unwrap();
    assert_has(&Run::of("--url '' bus list", output).fails(2), &["--url is empty"]);
}

#[test]
fn a_value_with_a_minus_sign_hears_that_nothing_is_negative() {
    let folder = Folder::new();
    let buy = format!("buy {NOWHERE} --energy");
    for arguments in [format!("{buy} -5kWh"), format!("{buy} 5kWh --max-price -1tokens"), "local warp -15m".into()] {
        let refused = folder.multibus(&arguments).fails(2);
        assert_has(&refused, &["has a minus sign", "leave the sign out"]);
        assert!(!refused.contains("tip:"), "{refused}");
        let said = error(&folder.multibus(&format!("--output json {arguments}")), 2);
        assert_has(said["message"].as_str().unwrap(), &["has a minus sign"]);
    }
    let refused = folder.multibus("local warp -5");
    assert_eq!(refused.code, Some(2));
    assert_has(&refused.stderr, &["'-5' is not a time"]);
}

#[test]
fn words_and_units_are_read_in_any_case() {
    let market = CliMarket::new("");
    let create = format!("--output JSON offer create {} --energy 2KWH --price 0.2Tokens --source Solar", market.bus);
    let offer = market.alice(&create).json();
    assert_eq!((&offer["listed_wh"], &offer["source"]), (&2_000.into(), &"solar".into()));
    let list = format!("offer list {} --sort PRICE --source SOLAR --commitment Finalized", market.bus);
    assert_has(&market.bob(&list).ok(), &["solar"]);
    assert_has(&market.folder.multibus("--url LocalNet bus list").fails(1), &["http://localhost:8899"]);
    // But small m is milli.
    let milli = format!("buy {} --energy 5mwh", market.bus);
    assert_has(&market.bob(&milli).stderr, &["a thousandth of a Wh", "5MWh"]);
}

#[test]
fn milliseconds_do_not_move_a_chain_to_the_year_59000() {
    let folder = Folder::new();
    folder.multibus("-q local wallet a.json").ok();
    let call = |arguments: &str| folder.multibus(&format!("--url embedded:a.chain -k a.json {arguments}"));
    call("local fund").ok();
    let refused = call("local warp 1800000000000");
    assert_eq!(refused.code, Some(2));
    assert_has(&refused.stderr, &["later than the year 9999", "milliseconds", "1800000000"]);
    // The chain is as it was.
    assert_has(&call("local warp 1900000000").ok(), &["2030-03-17"]);
    assert_has(&call("bus list").ok(), &[]);
}

#[test]
fn a_home_directory_behind_an_equals_sign_is_no_folder_named_tilde() {
    let folder = with_file();
    folder.multibus("-q replay file.csv --report=~/out").ok();
    assert!(folder.path().join("out/report.html").is_file() && !folder.path().join("~").exists());
    folder.multibus("-q local wallet ~/home.json").ok();
    assert!(folder.path().join("home.json").is_file());
    let missing = folder.multibus("replay ~/none.csv").fails(1);
    assert_has(&missing, &[&folder.path().join("none.csv").display().to_string()]);
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_is_traded() {
    let folder = with_file();
    let refused = folder.multibus("--url embedded:a.chain replay file.csv --report file.csv").fails(1);
    assert_has(&refused, &["file.csv cannot be written to", "check the path"]);
    assert!(!folder.path().join("a.chain").exists());
}

#[test]
fn a_report_keeps_no_files_of_an_earlier_one() {
    let folder = with_file();
    let has = |name: &str| folder.path().join("out").join(name).exists();
    folder.multibus("-q replay file.csv --terms delivery --report out").ok();
    assert!(has("deliveries.csv") && has("positions.csv"));
    folder.multibus("-q replay file.csv --report out").ok();
    assert!(has("trades.csv") && !has("deliveries.csv") && !has("positions.csv"));
    assert_eq!(fs::read_dir(folder.path().join("out")).unwrap().count(), 4);
}

#[test]
fn a_state_that_could_never_be_resumed_is_refused() {
    let folder = with_file();
    for option in ["--state", "--resume"] {
        let refused = folder.multibus(&format!("replay file.csv {option} a.state")).fails(2);
        assert_has(&refused, &["a.state could never be resumed", "--url"]);
    }
    assert!(!folder.path().join("a.state").exists());
}

#[test]
fn a_replay_that_a_network_stopped_says_how_it_goes_on() {
    let folder = with_file();
    let replay = "--output json --url http://localhost:1 replay file.csv";
    let stopped = error(&folder.multibus(replay), 1);
    assert_eq!(stopped["kind"], "network");
    assert_has(stopped["message"].as_str().unwrap(), &["http://localhost:1", "it cannot go on", "no --state"]);
    let stopped = error(&folder.multibus(&format!("{replay} --state a.state")), 1);
    assert_has(stopped["message"].as_str().unwrap(), &["it goes on with `--resume a.state`"]);
    // People are told beforehand that nothing keeps the keys.
    let told = folder.multibus("--url http://localhost:1 replay file.csv").stderr;
    assert_has(&told, &["no --state is named"]);
}

#[test]
fn the_standard_input_is_a_community_too() {
    let folder = with_file();
    let call = |arguments: &[&str], input: &Path| -> Output {
        let input = fs::File::open(input).unwrap();
        folder.command(MULTIBUS).args(arguments).stdin(input).output().unwrap()
    };
    let output = call(&["--output", "json", "replay", "-"], &folder.path().join("file.csv"));
    let report = Run::of("replay -", output).json();
    assert_eq!((&report["file"], &report["traded_wh"]), (&"the standard input".into(), &500.into()));
    fs::write(folder.path().join("broken.csv"), "a,b\n").unwrap();
    let output = call(&["replay", "-"], &folder.path().join("broken.csv"));
    assert_has(&Run::of("replay -", output).fails(1), &["the standard input: line 1"]);
}

#[cfg(unix)]
#[test]
fn a_key_that_cannot_be_read_is_named_and_never_ends_in_another_error() {
    let folder = Folder::new();
    let call = |arguments: &str| folder.multibus(&format!("--url embedded:a.chain {arguments} local fund"));
    assert_has(&call("-k .").fails(1), &[". cannot be read"]);
    assert_has(&call("-k /dev/zero").fails(2), &["/dev/zero does not hold a keypair"]);
    let mut command = folder.command(MULTIBUS);
    command.args(["--url", "embedded:a.chain", "-k", "-", "local", "fund"]);
    let output = command.stdin(fs::File::open(folder.path()).unwrap()).output().unwrap();
    assert_has(&Run::of("-k -", output).fails(1), &["the standard input cannot be read"]);
    // Editors put a mark in front.
    folder.multibus("-q local wallet a.json").ok();
    let keypair = fs::read_to_string(folder.path().join("a.json")).unwrap();
    fs::write(folder.path().join("marked.json"), format!("\u{feff}{keypair}\r\n")).unwrap();
    assert_has(&call("-k marked.json").ok(), &["got 10 SOL"]);
}

#[test]
fn a_configuration_has_defaults_for_what_it_lacks_and_may_hold_more() {
    let folder = Folder::new();
    let address = folder.multibus("-q local wallet a.json").ok();
    for configuration in [
        "json_rpc_url: embedded:a.chain\nkeypair_path: a.json\n",
        "json_rpc_url: embedded:a.chain\nkeypair_path: a.json\nunknown: [1, 2]\ncommitment: Confirmed\n",
        "json_rpc_url: embedded:a.chain\r\nwebsocket_url: ''\r\nkeypair_path: ~/a.json\r\n",
    ] {
        fs::write(folder.path().join("solana.yml"), configuration).unwrap();
        assert_has(&folder.multibus("-C solana.yml local fund").ok(), &[address.trim()]);
    }
    fs::write(folder.path().join("solana.yml"), "").unwrap();
    assert_has(&folder.multibus("-C solana.yml bus list").fails(1), &["http://localhost:8899"]);
}

#[test]
fn a_mainnet_node_of_a_provider_in_the_configuration_is_used_only_when_told_to() {
    let folder = Folder::new();
    for url in ["https://mainnet.helius-rpc.com/?api-key=SECRET", "http://api.mainnet-beta.solana.com:80/"] {
        fs::write(folder.path().join("solana.yml"), format!("json_rpc_url: '{url}'\n")).unwrap();
        let refused = folder.multibus("-C solana.yml bus list").fails(2);
        assert_has(&refused, &["solana.yml names mainnet-beta", "--url mainnet-beta"]);
        assert!(!refused.contains("SECRET"), "{refused}");
    }
}

#[test]
fn an_access_key_in_a_url_that_is_refused_is_not_shown() {
    let folder = Folder::new();
    for (url, said) in [
        (
            "https://mainnet.helius-rpc.com/?api-key=SECRET",
            "https://mainnet.helius-rpc.com is no local or test network",
        ),
        ("rpc.example.org/?api-key=SECRET", "'rpc.example.org' is not a chain"),
        ("user:SECRET@localhost:8899", "'localhost:8899' is not a chain"),
        ("http://exa mple/?api-key=SECRET", "is not the URL of an RPC node"),
        ("http://localhost:99999/SECRET", "is not the URL of an RPC node"),
    ] {
        let output = folder.command(MULTIBUS).args(["--url", url, "local", "fund"]).output().unwrap();
        let refused = String::from_utf8(output.stderr).unwrap();
        assert_has(&refused, &[said]);
        assert!(!refused.contains("SECRET"), "{refused}");
    }
    let refused = folder.multibus("--url devnet --ws localhost:8900/?api-key=SECRET bus list").fails(1);
    assert_has(&refused, &["\"localhost:8900\" is not the URL of a websocket"]);
}
