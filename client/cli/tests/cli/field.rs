//! What users of wallets, shells and nodes reported: one test each, named for what they saw.

use {
    crate::{hostile::HostileMarket, support::*},
    multibus_test_support::node::Lie,
    serde_json::json,
    std::{
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        process::Stdio,
        time::{Duration, Instant},
    },
};

/// A configuration of the Solana CLI in the folder's home directory.
fn configure(folder: &Folder, keypair: &str) {
    let directory = folder.path().join(".config/solana/cli");
    std::fs::create_dir_all(&directory).unwrap();
    let text = format!(
        "---\njson_rpc_url: http://localhost:8899\nwebsocket_url: ''\nkeypair_path: {keypair}\naddress_labels: {{}}\n\
         commitment: confirmed\n"
    );
    std::fs::write(directory.join("config.yml"), text).unwrap();
}

#[test]
fn a_hardware_wallet_in_the_configuration_stops_only_what_signs() {
    let market = CliMarket::new("");
    configure(&market.folder, "usb://ledger?key=0");
    let call = |arguments: &str| market.folder.multibus(&format!("--url embedded:village.chain {arguments}"));
    assert_has(&call("bus list").ok(), &["Sunny Street"]);
    assert_has(&call(&format!("bus show {}", market.bus)).ok(), &[&market.bus]);
    let offer = market.offer("--energy 1kWh --price 100000");
    let refused = call(&format!("buy --offer {offer} --energy 1kWh")).fails(2);
    assert_has(&refused, &["usb://ledger?key=0", "--keypair"]);
}

#[test]
fn watch_ends_when_head_has_read_enough() {
    let market = CliMarket::new("");
    let mut watcher = market
        .folder
        .command(MULTIBUS)
        .args(["--url", "embedded:village.chain", "watch", &market.bus])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has said on the standard error that it watches.
    let mut said = [0; 8];
    watcher.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    drop(watcher.stdout.take());
    let since = Instant::now();
    while watcher.try_wait().unwrap().is_none() {
        if since.elapsed() > Duration::from_secs(20) {
            watcher.kill().unwrap();
            panic!("`watch` still waits for events that nobody reads");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(watcher.wait().unwrap().success());
}

#[test]
fn a_wallet_that_never_held_the_token_hears_which_token_and_how_to_get_it() {
    let market = CliMarket::new("");
    let offer = market.offer("--energy 1kWh --price 100000");
    let carol = market.folder.multibus("-q local wallet carol.json").ok().trim().to_owned();
    market.call("carol.json", "local fund").ok();
    for arguments in [
        format!("buy {} --energy 1kWh", market.bus),
        format!("buy {} --energy 1kWh --dry-run", market.bus),
        format!("buy --offer {offer} --energy 1kWh"),
        format!("batch {offer}=1kWh"),
        format!("lock take {offer} --energy 1kWh"),
    ] {
        let refused = market.call("carol.json", &arguments).fails(1);
        assert_has(&refused, &[&carol, &market.token, "local fund"]);
    }
}

#[test]
fn a_milliwatt_hour_is_not_bought_as_a_megawatt_hour() {
    let market = CliMarket::new("");
    let refused = market.alice(&format!("offer create {} --energy 5mWh --price 100000", market.bus)).fails(2);
    assert_has(&refused, &["mWh", "5MWh"]);
}

#[test]
fn a_chain_in_the_home_directory_is_found_there() {
    let market = CliMarket::new("");
    // The folder is the home directory of its commands.
    let shown = market.folder.multibus("--url embedded:~/village.chain bus list").ok();
    assert_has(&shown, &["Sunny Street"]);
}

#[test]
fn what_an_open_offer_sold_is_counted_at_once() {
    let market = CliMarket::new("");
    market.offer("--energy 5kWh --price 100000");
    market.bob(&format!("buy {} --energy 3.5kWh", market.bus)).ok();
    let shown = market.bob(&format!("bus show {}", market.bus)).ok();
    let row = shown.lines().find(|line| line.starts_with("(all)")).unwrap_or_else(|| panic!("{shown}"));
    let cells: Vec<_> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells, ["(all)", "45 kWh", "1.5 kWh", "3.5 kWh", "1"], "{shown}");
}

#[test]
fn a_verified_purchase_shows_tokens_not_only_base_units() {
    let market = CliMarket::new("");
    let offer = market.offer("--energy 1kWh --price 0.25tokens");
    let hash = market.bob(&format!("-q buy {} --energy 500Wh", market.bus)).ok();
    let verified = || market.alice(&format!("tx verify {}", hash.trim())).ok();
    assert_has(&verified(), &["0.125 tokens (125000 base units)"]);
    assert_has(&market.bob("history").ok(), &["0.125 tokens"]);
    // The token of a closed offer is found, too.
    market.alice(&format!("offer cancel {offer}")).ok();
    assert_has(&verified(), &["0.125 tokens (125000 base units)"]);
}

#[test]
fn a_cost_that_rounding_raises_fifty_times_above_the_limit_is_refused() {
    let mut market = CliMarket::new("");
    market.token = market.alice("-q local mint --decimals 2").ok().trim().to_owned();
    let (token, bob) = (market.token.clone(), market.bob.clone());
    market.alice(&format!("-q local fund {bob} --mint {token} --amount 100tokens")).ok();
    let create = format!("-q bus create --name Cents --mint {token} --capacity 50kWh --base-price 0.1tokens");
    market.bus = market.alice(&create).ok().trim().to_owned();
    let offer = market.offer("--energy 10kWh --price 0.2tokens");
    for arguments in [
        format!("buy --offer {offer} --energy 1Wh"),
        format!("buy --offer {offer} --energy 1Wh --max-price 0.2tokens"),
        format!("buy --offer {offer} --energy 1Wh --dry-run"),
        format!("buy {} --energy 1Wh --max-price 0.2tokens", market.bus),
        format!("batch {offer}=1Wh"),
        format!("batch {offer}=1Wh --dry-run"),
        format!("lock take {offer} --energy 1Wh"),
    ] {
        // Both prices are named: what it would cost per kWh, and the limit.
        assert_has(&market.bob(&arguments).fails(1), &["1000", "20", "--allow-rounding"]);
    }
    assert_eq!(market.json(&format!("offer show {offer}"))["sold_wh"], 0);
    let bought = market.json(&format!("buy --offer {offer} --energy 1Wh --allow-rounding"));
    assert_eq!(bought["paid_base_units"], 1);
    market.bob(&format!("batch {offer}=1Wh --allow-rounding")).ok();
    market.bob(&format!("lock take {offer} --energy 1Wh --allow-rounding")).ok();
    // 20.2 cents cost 21, four percent more; 24.8 cents cost 25, less than one percent more.
    market.bob(&format!("buy --offer {offer} --energy 1.01kWh")).fails(1);
    market.bob(&format!("buy --offer {offer} --energy 1.24kWh --max-price 0.2tokens")).ok();
}

#[test]
fn one_purchase_is_counted_in_the_singular() {
    let market = CliMarket::new("");
    market.offer("--energy 1kWh --price 100000");
    market.bob("trader open").ok();
    market.bob(&format!("buy {} --energy 500Wh", market.bus)).ok();
    assert_has(&market.bob("history").ok(), &[": 1 purchase, "]);
}

/// Answers one connection as a SOCKS 5 proxy that knows the village's name, and then carries bytes in both directions.
fn serve_socks(mut client: TcpStream) -> std::io::Result<()> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting)?;
    let mut methods = vec![0; greeting[1].into()];
    client.read_exact(&mut methods)?;
    client.write_all(&[5, 0])?;
    // Version, command, reserved, kind of address (3: a name), length of the name.
    let mut head = [0; 5];
    client.read_exact(&mut head)?;
    assert_eq!((head[1], head[3]), (1, 3), "the proxy, not the client, looks up the name");
    let mut name = vec![0; head[4].into()];
    client.read_exact(&mut name)?;
    assert_eq!(name, b"village.invalid");
    let mut port = [0; 2];
    client.read_exact(&mut port)?;
    let node = TcpStream::connect(("127.0.0.1", u16::from_be_bytes(port)))?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let (mut from_client, mut to_node) = (client.try_clone()?, node.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_node));
    let (mut from_node, mut to_client) = (node, client);
    std::io::copy(&mut from_node, &mut to_client)?;
    Ok(())
}

#[test]
fn a_socks_proxy_carries_what_is_watched_too() {
    let market = HostileMarket::new();
    // A node that is not at this computer is asked which network it is of.
    market.node.lies(|method, _, _| match method {
        "getGenesisHash" => Lie::Result(json!("1".repeat(32))),
        _ => Lie::None,
    });
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy_url = format!("socks5h://{}", proxy.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in proxy.incoming() {
            std::thread::spawn(move || serve_socks(client.unwrap()));
        }
    });
    // No name server knows this name: only the proxy leads to the node.
    let url = market.url.replace("127.0.0.1", "village.invalid");
    let mut watcher = market
        .folder
        .command(MULTIBUS)
        .env("ALL_PROXY", proxy_url)
        .args(["--url", &url, "watch", &market.bus, "--events", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has said on the standard error that it watches.
    let mut said = [0; 8];
    watcher.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    market.call(&format!("offer reprice {} --price 0.3tokens", market.offer)).ok();
    let mut line = String::new();
    BufReader::new(watcher.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut complaint = String::new();
    watcher.stderr.as_mut().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(line.contains("0.3 tokens"), "{line:?} {complaint}");
    assert!(watcher.wait().unwrap().success());
}
