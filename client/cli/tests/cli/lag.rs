//! A provider with several nodes, of which the one that answers lags behind the one that takes transactions: what a command
//! did is told by its own transaction.

use {
    crate::{hostile::HostileMarket, support::*},
    base64::{Engine, prelude::BASE64_STANDARD},
    multibus_client::{
        account::MarketAccount,
        multibus::state::{Bus, Lock, Offer, Proposal, Trader},
    },
    multibus_test_support::node::Lie,
    serde_json::{Value, json},
    std::{collections::HashMap, sync::Mutex},
};

/// Bytes of an account, as a node shows it.
fn length(account: &Value) -> usize {
    account["data"][0].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()).map_or(0, |data| data.len())
}

/// From now on the node does not know any account of a kind.
fn hide<T: MarketAccount>(market: &HostileMarket) {
    market.node.lies(|method, _, truth| {
        let mut lie = truth.clone();
        match method {
            "getMultipleAccounts" => {
                for account in lie["value"].as_array_mut().unwrap() {
                    if length(account) == T::len() {
                        *account = Value::Null;
                    }
                }
                Lie::Result(lie)
            }
            "getProgramAccounts" => {
                lie.as_array_mut().unwrap().retain(|entry| length(&entry["account"]) != T::len());
                Lie::Result(lie)
            }
            _ => Lie::None,
        }
    });
}

/// The fields that are the same in what a command said and in what is on chain.
#[track_caller]
fn assert_same(said: &Value, read: &Value, fields: &str) {
    for field in fields.split_whitespace() {
        assert_eq!(said[field], read[field], "{field}");
    }
}

#[test]
fn a_node_that_lags_neither_fails_a_command_nor_asks_for_it_twice() {
    let market = HostileMarket::new();
    let bus = &market.bus;
    let truth = || market.node.lies(|_, _, _| Lie::None);
    let json = |arguments: &str| market.call(&format!("--output json {arguments}")).json();

    hide::<Offer>(&market);
    let listed = json(&format!("offer create {bus} --energy 2kWh --price 0.3tokens --source wind"));
    truth();
    let offers = json(&format!("offer list {bus} --all"));
    let offers = offers["offers"].as_array().unwrap();
    assert_eq!(offers.len(), 2, "the one before and this one");
    let read = offers.iter().find(|offer| offer["address"] == listed["address"]).unwrap();
    assert_same(&listed, read, OFFER);

    let bob = market.folder.multibus("-q local wallet bob.json").ok().trim().to_owned();
    let mint = text(&json(&format!("bus show {bus}"))["mint"]);
    market.call(&format!("local fund {bob} --mint {mint} --amount 10tokens")).ok();
    hide::<Lock>(&market);
    let take = format!("--output json lock take {} --energy 500Wh", market.offer);
    let taken = market.call_as("bob.json", &take).json();
    truth();
    let locks = market.call_as("bob.json", "--output json lock list").json();
    assert_eq!(locks["locks"].as_array().unwrap().len(), 1);
    assert_same(&taken, &locks["locks"][0], LOCK);

    hide::<Proposal>(&market);
    let decided = json(&format!("proposal create {bus} least-size 10Wh"));
    truth();
    assert_eq!((&decided["executed"], &decided["changes"][0]["after"]), (&json!(true), &json!(10)));
    let read = json(&format!("proposal show {}", text(&decided["address"])));
    let own = ["changes", "executable_at", "executable_in_seconds"];
    let fields: Vec<_> = PROPOSAL.split_whitespace().filter(|field| !own.contains(field)).collect();
    assert_same(&decided, &read, &fields.join(" "));

    hide::<Trader>(&market);
    let opened = json("trader open --lane 5");
    truth();
    assert_same(&opened, &json("trader show --lane 5")["lanes"][0], TRADER);

    hide::<Bus>(&market);
    let created = json(&format!("bus create --name Second --mint {mint} --capacity 1kWh --base-price 1"));
    truth();
    assert_same(&created, &json(&format!("bus show {}", text(&created["address"]))), BUS);
}

#[test]
fn a_node_that_lags_does_not_show_the_old_price_for_the_new_one() {
    let market = HostileMarket::new();
    // Every account is as it was when it was first asked for.
    let seen: Mutex<HashMap<String, Value>> = Mutex::default();
    market.node.lies(move |method, parameters, truth| {
        if method != "getMultipleAccounts" {
            return Lie::None;
        }
        let mut lie = truth.clone();
        let mut seen = seen.lock().unwrap();
        for (address, account) in parameters[0].as_array().unwrap().iter().zip(lie["value"].as_array_mut().unwrap()) {
            *account = seen.entry(address.to_string()).or_insert_with(|| account.clone()).clone();
        }
        Lie::Result(lie)
    });
    let offer = &market.offer;
    let repriced = market.call(&format!("--output json offer reprice {offer} --price 0.3tokens")).json();
    assert_eq!((&repriced["price_per_kwh"], &repriced["version"]), (&json!(300_000), &json!(2)));
    market.node.lies(|_, _, _| Lie::None);
    let read = market.call(&format!("--output json offer show {offer}")).json();
    assert_same(&repriced, &read, OFFER);
}
