//! What Anchor's IDL does not say about MultiBus, for users of `anchor-client` and `declare_program!`: addresses whose seeds
//! are not in it, the accounts that follow those of the IDL, and the events of a transaction, which are in its log.
//! `docs/anchor.md` explains each.

#![cfg(feature = "network")]

use std::ops::Deref;

use anchor_client::{CommitmentConfig, Program, Signer};
use anchor_lang::{AccountMeta, Address, ToAccountMetas};
use base64::{Engine, prelude::BASE64_STANDARD};
use solana_rpc_client_api::config::RpcTransactionConfig;
use solana_transaction_status_client_types::{UiTransactionEncoding, option_serializer::OptionSerializer};

use crate::multibus::{parsers::Event, types::Offer};

/// What `declare_program!` makes of `idls/multibus.json`.
mod declared {
    use anchor_lang::prelude::*;

    declare_program!(multibus);
}
pub use declared::multibus;

/// Derives an address of the market. The IDL has the seeds as constants, such as `LOCK_SEED`.
pub fn derive(seeds: &[&[u8]]) -> Address {
    Address::find_program_address(seeds, &multibus::ID).0
}

/// Accounts that follow those of the IDL, for `RequestBuilder::accounts`, which takes no `Vec`.
pub struct Following(pub Vec<AccountMeta>);

impl ToAccountMetas for Following {
    fn to_account_metas(&self, _: Option<bool>) -> Vec<AccountMeta> {
        self.0.clone()
    }
}

/// The accounts that follow in `purchase_batch`, for items of these offers in their order: each item's offer and vault, and a
/// bus before the first of its items. On delivery terms the books of seller and buyer follow, too.
pub fn batch_accounts(offers: &[(Address, Offer)], buyer: &Address) -> Following {
    let mut accounts = Vec::new();
    let mut bus = None;
    for (address, offer) in offers {
        if bus.replace(offer.bus) != Some(offer.bus) {
            accounts.push(AccountMeta::new_readonly(offer.bus, false));
        }
        accounts.extend([AccountMeta::new(*address, false), AccountMeta::new(offer.vault, false)]);
        if offer.on_delivery == 1 {
            let position = derive(&[multibus::constants::POSITION_SEED, offer.book.as_ref(), buyer.as_ref()]);
            accounts.extend([AccountMeta::new(offer.book, false), AccountMeta::new(position, false)]);
        }
    }
    Following(accounts)
}

/// The events that the market logged in a transaction, in their order. `Program::on` of `anchor-client` gives only events that
/// are not `bytemuck`, and of those only what comes after it has subscribed.
pub fn events_of<C: Clone + Deref<Target = impl Signer>>(program: &Program<C>, signature: &str) -> Vec<Event> {
    let config = RpcTransactionConfig {
        encoding: Some(UiTransactionEncoding::Base64),
        commitment: Some(CommitmentConfig::confirmed()),
        max_supported_transaction_version: Some(0),
    };
    let signature = signature.parse().expect("a signature");
    let transaction = program.rpc().get_transaction_with_config(&signature, config).expect("the transaction");
    let Some(OptionSerializer::Some(log)) = transaction.transaction.meta.map(|meta| meta.log_messages) else {
        panic!("the node keeps no log of {signature}")
    };
    assert!(
        !log.iter().any(|line| line == "Log truncated"),
        "the log of {signature} is cut off; read the accounts instead"
    );
    events_in(&log)
}

/// The events of the market's own frames: any program can log the same bytes.
fn events_in(log: &[String]) -> Vec<Event> {
    let market = multibus::ID.to_string();
    let mut frames: Vec<&str> = Vec::new();
    let mut events = Vec::new();
    for line in log {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["Program", program, "invoke", _] => frames.push(program),
            ["Program", _, "success"] | ["Program", _, "failed:", ..] => {
                frames.pop();
            }
            ["Program", "data:", data] if frames.last() == Some(&market.as_str()) => {
                let bytes = BASE64_STANDARD.decode(data).expect("base64");
                events.push(Event::parse(&bytes).expect("an event of the IDL"));
            }
            _ => {}
        }
    }
    events
}
