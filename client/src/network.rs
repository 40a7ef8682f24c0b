//! Which network a node belongs to, and whether this build's program address may be used there.
//!
//! The key of the local program is in the repository, so that everybody can start a local network. On a public network
//! anybody could therefore deploy a program at that address, which would take the payment account of every buyer who
//! trusts it. A build for a public network names an address of its own.

use crate::{
    Address,
    error::{Error, Result},
    text::hosts_only,
};

/// Address of the program on local networks, whose key everybody has.
pub const LOCAL_PROGRAM: Address = Address::from_str_const("Busn1mpoGaFq9TojqLXGcBRspUnTJHrA7t798oc4i4xi");

/// Genesis hashes of the public networks, with their names.
pub const PUBLIC_NETWORKS: [(&str, &str); 3] = [
    ("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d", "mainnet-beta"),
    ("4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY", "testnet"),
    ("EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG", "devnet"),
];

/// Whether the node at a URL is on this machine. Such a node is always one of a local network, also where it forked a public
/// one and answers with its genesis hash.
pub fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.split(']').next()) {
        return address.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    match name.parse::<std::net::Ipv4Addr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Refuses a program address that everybody has the key of, on a network with this genesis hash.
pub fn validate(program: &Address, genesis: &str, url: &str) -> Result<()> {
    let Some((_, network)) = PUBLIC_NETWORKS.into_iter().find(|(hash, _)| *hash == genesis) else { return Ok(()) };
    if *program != LOCAL_PROGRAM || is_loopback(url) {
        return Ok(());
    }
    Err(Error::LocalProgram { address: *program, network, url: hosts_only(url) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nodes_of_this_machine_are_local() {
        for local in [
            "http://127.0.0.1:8899",
            "http://localhost",
            "http://LOCALHOST:8899/",
            "http://user:key@127.8.9.1:1/a?b#c",
            "http://[::1]:8899",
            "127.0.0.1:8899",
        ] {
            assert!(is_loopback(local), "{local}");
        }
        for public in [
            "https://api.devnet.solana.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com:8899",
            "http://localhost@example.com",
            "http://example.com/127.0.0.1",
            "http://0.0.0.0:8899",
            "http://10.0.0.1:8899",
            "http://[::2]:8899",
        ] {
            assert!(!is_loopback(public), "{public}");
        }
    }

    #[test]
    fn the_key_that_everybody_has_is_refused_on_public_networks() {
        let url = "https://node.example/key";
        for (genesis, network) in PUBLIC_NETWORKS {
            let refused = validate(&LOCAL_PROGRAM, genesis, url).unwrap_err().to_string();
            assert!(refused.contains(&LOCAL_PROGRAM.to_string()) && refused.contains(network), "{refused}");
            assert!(refused.contains("MULTIBUS_PROGRAM_ID") && !refused.contains("/key"), "{refused}");
            assert!(validate(&LOCAL_PROGRAM, genesis, "http://127.0.0.1:8899").is_ok(), "a local fork");
            assert!(validate(&Address::new_from_array([7; 32]), genesis, url).is_ok(), "an address of its own");
        }
        assert!(
            validate(&LOCAL_PROGRAM, "11111111111111111111111111111111", url).is_ok(),
            "a network of somebody's own"
        );
    }

    #[test]
    fn a_build_without_a_name_has_the_local_address() {
        if option_env!("MULTIBUS_PROGRAM_ID").is_none_or(str::is_empty) {
            assert_eq!(multibus::ID, LOCAL_PROGRAM);
        }
    }
}
