//! A market from its creation to a decision of its owners, through `anchor-client` and the IDL, on the node that
//! `ANCHOR_PROVIDER_URL` names.

use std::{env, rc::Rc, str::FromStr, sync::mpsc, thread::sleep, time::Duration};

use anchor_client::{Client, ClientError, Cluster, CommitmentConfig, Program, Signer};
use anchor_lang::{Address, InstructionData, ToAccountMetas};
use multibus_anchor_tests::{
    Following, batch_accounts, derive, events_of,
    multibus::{
        self, accounts,
        constants::*,
        error::MultibusError,
        events::EnergyPurchased,
        instruction,
        parsers::Event,
        types::{
            Bus, BusConfig, Creator, Ledger, Lock, Offer, OwnerShare, Proposal, ProposalAction, PurchaseItem, Seller,
            TermsConfig, Trader,
        },
    },
};
use solana_keypair::Keypair;
use solana_system_interface::{instruction::create_account, program::ID as SYSTEM};
use spl_associated_token_account_interface::{
    address::get_associated_token_address as token_account, instruction::create_associated_token_account,
};
use spl_token_interface::{
    ID as TOKEN,
    instruction::{initialize_mint2, mint_to},
};

const SOL: u64 = 1_000_000_000;
/// No accounts follow those of the IDL.
const NONE: Following = Following(Vec::new());
/// Base units of the token that every member starts with.
const FUNDS: u64 = 10_000_000;
/// Of the IDL's enums `EnergySource` and `ListingPolicy`: instructions take their numbers.
const SOLAR: u8 = 1;
const OPEN: u8 = 2;

/// Alice and Bob own the bus. Alice and Carol sell on it, Dan buys.
struct Market {
    alice: Keypair,
    bob: Keypair,
    carol: Keypair,
    dan: Keypair,
    program: Program<Rc<Keypair>>,
    mint: Address,
    bus: Address,
}

impl Market {
    /// Sends an instruction, which these wallets sign beside the payer.
    fn send(
        &self,
        accounts: impl ToAccountMetas,
        following: Following,
        args: impl InstructionData,
        signers: &[&Keypair],
    ) -> Result<Vec<Event>, ClientError> {
        let mut request = self.program.request().accounts(accounts).accounts(following).args(args);
        for signer in signers {
            request = request.signer(*signer);
        }
        let signature = request.send()?;
        Ok(events_of(&self.program, &signature.to_string()))
    }

    fn tokens(&self, wallet: &Keypair) -> u64 {
        let balance =
            self.program.rpc().get_token_account_balance(&token_account(&wallet.pubkey(), &self.mint)).unwrap();
        balance.amount.parse().unwrap()
    }

    fn ledger(&self) -> Address {
        derive(&[LEDGER_SEED, self.bus.as_ref()])
    }

    /// The capacity of a bus without windows.
    fn general(&self) -> Address {
        derive(&[CAPACITY_SEED, self.bus.as_ref(), &[0; 8]])
    }

    fn treasury(&self) -> Address {
        derive(&[TREASURY_SEED, self.bus.as_ref()])
    }

    fn trader(&self) -> Address {
        derive(&[TRADER_SEED, self.dan.pubkey().as_ref(), &0u16.to_le_bytes()])
    }

    fn next_nonce(&self) -> u64 {
        self.program.account::<Trader>(self.trader()).unwrap().next_nonce
    }

    fn purchase(&self, offer: &Address, nonce: u64, energy_wh: u64) -> Result<Vec<Event>, ClientError> {
        let Offer { bus, vault, full_price_per_kwh, version, .. } = self.program.account(*offer).unwrap();
        let accounts = accounts::Purchase {
            buyer: self.dan.pubkey(),
            trader: self.trader(),
            bus,
            offer: *offer,
            payment: token_account(&self.dan.pubkey(), &self.mint),
            vault,
            token_program: TOKEN,
        };
        let args = instruction::Purchase {
            nonce,
            energy_wh,
            min_energy_wh: energy_wh,
            max_price_per_kwh: full_price_per_kwh,
            expected_version: version,
        };
        self.send(accounts, NONE, args, &[&self.dan])
    }
}

fn airdrop(program: &Program<Rc<Keypair>>, wallet: &Address, lamports: u64) {
    program.rpc().request_airdrop(wallet, lamports).unwrap();
    for _ in 0..100 {
        if program.rpc().get_balance(wallet).unwrap() >= lamports {
            return;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("the faucet gave {wallet} nothing within 20 s");
}

/// The number of the error with which the market refuses.
fn refusal(answer: Result<Vec<Event>, ClientError>) -> u32 {
    let Err(refused) = answer else { panic!("the market took what it must refuse") };
    let text = format!("{refused:?}");
    let (_, after) = text.split_once("Custom(").unwrap_or_else(|| panic!("no error of a program: {text}"));
    after.split(')').next().unwrap().parse().unwrap()
}

fn found() -> Market {
    let url = env::var("ANCHOR_PROVIDER_URL").expect("ANCHOR_PROVIDER_URL names a node; see docs/anchor.md");
    let cluster = Cluster::from_str(&url).expect("a URL");
    let payer = Rc::new(Keypair::new());
    let client = Client::new_with_options(cluster, payer.clone(), CommitmentConfig::confirmed());
    let program = client.program(multibus::ID).unwrap();
    let [alice, bob, carol, dan] = [Keypair::new(), Keypair::new(), Keypair::new(), Keypair::new()];
    for wallet in [&*payer, &alice, &carol, &dan] {
        airdrop(&program, &wallet.pubkey(), 10 * SOL);
    }
    let mint = Keypair::new();
    let rent = program.rpc().get_minimum_balance_for_rent_exemption(82).unwrap();
    let (payer, token) = (payer.pubkey(), mint.pubkey());
    let mut request = program
        .request()
        .instruction(create_account(&payer, &token, rent, 82, &TOKEN))
        .instruction(initialize_mint2(&TOKEN, &token, &payer, None, 6).unwrap());
    for wallet in [&alice, &carol, &dan] {
        let account = token_account(&wallet.pubkey(), &token);
        request = request
            .instruction(create_associated_token_account(&payer, &wallet.pubkey(), &token, &TOKEN))
            .instruction(mint_to(&TOKEN, &token, &account, &payer, &[], FUNDS).unwrap());
    }
    request.signer(&mint).send().unwrap();

    let creator = derive(&[CREATOR_SEED, alice.pubkey().as_ref()]);
    let opening = accounts::CreatorOpen { wallet: alice.pubkey(), creator, system_program: SYSTEM };
    program.request().accounts(opening).args(instruction::CreatorOpen { first_slot: 0 }).signer(&alice).send().unwrap();
    let bus_seq = program.account::<Creator>(creator).unwrap().next_bus;
    let bus = derive(&[BUS_SEED, alice.pubkey().as_ref(), &bus_seq.to_le_bytes()]);
    Market { alice, bob, carol, dan, program, mint: token, bus }
}

/// Alice creates the bus, which she owns with Bob.
fn create(market: &Market) -> Bus {
    let Market { alice, bob, program, mint, bus, .. } = market;
    let counter = derive(&[CREATOR_SEED, alice.pubkey().as_ref()]);
    let config = BusConfig {
        name: "Mill Lane".to_owned(),
        owners: vec![
            OwnerShare { owner: alice.pubkey(), share_bps: 6_000 },
            OwnerShare { owner: bob.pubkey(), share_bps: 4_000 },
        ],
        threshold: 2,
        pause_quorum: 1,
        listing_policy: OPEN,
        lock_fee_bps: 100,
        timelock_seconds: 0,
        horizon_seconds: 86_400,
        terms: TermsConfig {
            window_seconds: 0,
            gate_closure_seconds: 0,
            settlement: 0,
            grid_fee_per_kwh: 0,
            reading_deadline_seconds: 0,
            correction_seconds: 0,
            auction: false,
        },
        capacity_wh: 50_000,
        base_price_per_kwh: 100_000,
        reserve_price_per_kwh: 0,
        least_wh: 1,
        operator: None,
        grid_recipient: None,
    };
    let creating = accounts::BusCreate {
        creator: alice.pubkey(),
        counter,
        bus: *bus,
        ledger: market.ledger(),
        capacity: market.general(),
        mint: *mint,
        treasury: market.treasury(),
        unclaimed: derive(&[UNCLAIMED_SEED, bus.as_ref()]),
        token_program: TOKEN,
        system_program: SYSTEM,
    };
    let bus_seq = program.account::<Creator>(counter).unwrap().next_bus;
    let events = market.send(creating, NONE, instruction::BusCreate { bus_seq, config }, &[alice]).unwrap();
    assert!(matches!(events.as_slice(), [Event::BusCreated(created)] if created.bus == *bus));
    let created: Bus = program.account(*bus).unwrap();
    assert_eq!(&created.name[..usize::from(created.name_len)], b"Mill Lane");
    assert_eq!((created.owner_count, created.owners[1].share_bps, created.mint), (2, 4_000, *mint));
    created
}

/// Alice and Bob decide on another base price.
fn decide(market: &Market) {
    let Market { alice, bob, dan, program, mint, bus, .. } = market;
    let (ledger, general) = (market.ledger(), market.general());
    let number = program.account::<Ledger>(ledger).unwrap().owners[0].next_proposal;
    let proposal = derive(&[PROPOSAL_SEED, bus.as_ref(), alice.pubkey().as_ref(), &number.to_le_bytes()]);
    let proposing =
        accounts::ProposalCreate { proposer: alice.pubkey(), bus: *bus, ledger, proposal, system_program: SYSTEM };
    let action = ProposalAction::BasePriceSet { base_price_per_kwh: 120_000 };
    market.send(proposing, NONE, instruction::ProposalCreate { number, action }, &[alice]).unwrap();
    let execute = || {
        let seller = derive(&[SELLER_SEED, bus.as_ref(), bus.as_ref()]);
        let executing = accounts::ProposalExecute {
            executor: dan.pubkey(),
            bus: *bus,
            ledger,
            general,
            proposal,
            treasury: market.treasury(),
            seller,
            vault: derive(&[VAULT_SEED, seller.as_ref()]),
            mint: *mint,
            token_program: TOKEN,
            system_program: SYSTEM,
        };
        market.send(executing, NONE, instruction::ProposalExecute {}, &[dan])
    };
    assert_eq!(refusal(execute()), MultibusError::ApprovalsMissing as u32);
    let Proposal { hash, action, .. } = program.account(proposal).unwrap();
    assert_eq!(action.value, 120_000);
    let approving = accounts::ProposalApprove { owner: bob.pubkey(), bus: *bus, proposal };
    let events = market.send(approving, NONE, instruction::ProposalApprove { hash }, &[bob]).unwrap();
    assert!(matches!(events.as_slice(), [Event::ProposalApproved(approved)] if approved.owner == bob.pubkey()));
    let events = execute().unwrap();
    assert!(matches!(events.as_slice(), [Event::ProposalExecuted(_)]));
    assert_eq!(program.account::<Bus>(*bus).unwrap().base_price_per_kwh, 120_000);
}

#[test]
fn a_market_from_its_creation_to_a_decision() {
    let market = found();
    let Market { alice, carol, dan, program, mint, bus, .. } = &market;
    let (ledger, general) = (market.ledger(), market.general());

    // Events as they happen, for those that are not `bytemuck`.
    let (heard, purchases) = mpsc::channel();
    let subscribed = program.on(move |_, event: EnergyPurchased| heard.send(event).unwrap()).unwrap();

    let created = create(&market);

    // Two sellers list.
    let offers = [(alice, 5_000, 200_000), (carol, 3_000, 150_000)].map(|(wallet, energy_wh, price_per_kwh)| {
        let seller = derive(&[SELLER_SEED, bus.as_ref(), wallet.pubkey().as_ref()]);
        let opening = accounts::SellerOpen {
            payer: wallet.pubkey(),
            bus: *bus,
            ledger,
            seller,
            vault: derive(&[VAULT_SEED, seller.as_ref()]),
            mint: *mint,
            token_program: TOKEN,
            system_program: SYSTEM,
        };
        let args = instruction::SellerOpen { wallet: wallet.pubkey(), first_slot: 0 };
        market.send(opening, NONE, args, &[wallet]).unwrap();
        let number = program.account::<Seller>(seller).unwrap().next_offer;
        let offer = derive(&[OFFER_SEED, seller.as_ref(), &number.to_le_bytes()]);
        let expires_at = created.created_at + 7_200;
        let listing = accounts::OfferCreate {
            lister: wallet.pubkey(),
            bus: *bus,
            capacity: general,
            seller,
            offer,
            system_program: SYSTEM,
        };
        let args = instruction::OfferCreate { number, energy_wh, price_per_kwh, expires_at, source: SOLAR };
        let events = market.send(listing, NONE, args, &[wallet]).unwrap();
        assert!(matches!(events.as_slice(), [Event::OfferCreated(listed)] if listed.offer == offer));
        offer
    });

    // Dan buys, once.
    let opening = accounts::TraderOpen { wallet: dan.pubkey(), trader: market.trader(), system_program: SYSTEM };
    market.send(opening, NONE, instruction::TraderOpen { lane: 0, first_slot: 0 }, &[dan]).unwrap();
    let nonce = market.next_nonce();
    let events = market.purchase(&offers[0], nonce, 1_000).unwrap();
    let [Event::EnergyPurchased(bought)] = events.as_slice() else { panic!("one event") };
    assert_eq!((bought.fills.len(), bought.fills[0].cost, market.tokens(dan)), (1, 200_000, FUNDS - 200_000));
    let lane: Trader = program.account(market.trader()).unwrap();
    assert_eq!(lane.receipts[(nonce % 16) as usize].transaction_hash, bought.transaction_hash);
    assert_eq!(refusal(market.purchase(&offers[0], nonce, 1_000)), MultibusError::NonceMismatch as u32);
    assert_eq!(market.tokens(dan), FUNDS - 200_000);
    let first = purchases.recv_timeout(Duration::from_secs(20)).expect("the purchase is heard");
    assert_eq!(first.transaction_hash, bought.transaction_hash);

    // A batch from both sellers, all or nothing.
    let batch = |energy_wh| {
        let found: Vec<(Address, Offer)> =
            offers.iter().map(|offer| (*offer, program.account::<Offer>(*offer).unwrap())).collect();
        let items = found
            .iter()
            .map(|(_, offer)| PurchaseItem {
                energy_wh,
                max_price_per_kwh: offer.full_price_per_kwh,
                expected_version: offer.version,
            })
            .collect();
        let accounts = accounts::PurchaseBatch {
            buyer: dan.pubkey(),
            trader: market.trader(),
            payment: token_account(&dan.pubkey(), mint),
            token_program: TOKEN,
        };
        let args = instruction::PurchaseBatch { nonce: market.next_nonce(), max_total: FUNDS, items };
        market.send(accounts, batch_accounts(&found, &dan.pubkey()), args, &[dan])
    };
    let events = batch(2_000).unwrap();
    let [Event::EnergyPurchased(bought)] = events.as_slice() else { panic!("one event") };
    assert_eq!(bought.fills.iter().map(|fill| fill.cost).collect::<Vec<_>>(), [400_000, 300_000]);
    assert_eq!(refusal(batch(1_500)), MultibusError::EnergyUnavailable as u32);
    assert_eq!(market.tokens(dan), FUNDS - 900_000);

    // A lock, settled.
    let lock = derive(&[LOCK_SEED, offers[0].as_ref(), dan.pubkey().as_ref(), &[0]]);
    let vault = program.account::<Offer>(offers[0]).unwrap().vault;
    let payment = token_account(&dan.pubkey(), mint);
    let taking = accounts::LockTake {
        buyer: dan.pubkey(),
        bus: *bus,
        offer: offers[0],
        lock,
        payment,
        vault,
        token_program: TOKEN,
        system_program: SYSTEM,
    };
    let args = instruction::LockTake {
        place: 0,
        energy_wh: 500,
        max_price_per_kwh: 200_000,
        expected_version: 0,
        refund: payment,
    };
    let events = market.send(taking, NONE, args, &[dan]).unwrap();
    assert!(matches!(events.as_slice(), [Event::LockTaken(taken)] if taken.deposit == 100_000));
    let lock_number = program.account::<Lock>(lock).unwrap().number;
    let settling = accounts::LockSettle { buyer: dan.pubkey(), trader: market.trader(), offer: offers[0], lock };
    let args = instruction::LockSettle { nonce: market.next_nonce(), lock_number };
    let events = market.send(settling, NONE, args, &[dan]).unwrap();
    assert!(matches!(events.as_slice(), [Event::EnergyPurchased(bought)] if bought.fills[0].energy_wh == 500));
    assert_eq!(market.tokens(dan), FUNDS - 1_000_000);

    decide(&market);
    subscribed.unsubscribe();
}
