//! What the tests share: a node, members with tokens, the chain's time, and steps that each market begins with.

use std::{env, rc::Rc, str::FromStr, sync::RwLock, thread::sleep, time::Duration};

use anchor_client::{Client, ClientError, Cluster, CommitmentConfig, Program, Signer};
use anchor_lang::{Address, InstructionData, ToAccountMetas};
use multibus_anchor_tests::{
    Following, derive, events_of, listing_accounts,
    multibus::{
        self, accounts,
        constants::*,
        instruction,
        parsers::Event,
        types::{BusConfig, Capacity, Creator, OwnerShare, Seller, TermsConfig, Trader},
    },
};
use serde_json::{Value, json};
use solana_keypair::Keypair;
use solana_rpc_client_api::request::RpcRequest;
use solana_system_interface::{instruction::create_account, program::ID as SYSTEM};
use spl_associated_token_account_interface::{
    address::get_associated_token_address, instruction::create_associated_token_account,
};
use spl_token_interface::{
    ID as TOKEN,
    instruction::{initialize_mint2, mint_to},
};

const SOL: u64 = 1_000_000_000;
/// Base units of the token that every member starts with.
pub const FUNDS: u64 = 10_000_000;
/// Of the IDL's enums `EnergySource` and `ListingPolicy`: instructions take their numbers.
pub const SOLAR: u8 = 1;
const OPEN: u8 = 2;
const CLOCK: Address = Address::from_str_const("SysvarC1ock11111111111111111111111111111111");

/// The test that moves the chain's time writes this, so that the others run before or after it.
pub static TIME: RwLock<()> = RwLock::new(());

/// No accounts follow those of the IDL.
pub fn none() -> Following {
    Following(Vec::new())
}

/// A node, and a token on it.
pub struct World {
    pub program: Program<Rc<Keypair>>,
    pub mint: Address,
}

impl World {
    /// Gives each member SOL and [`FUNDS`] of a new token.
    pub fn new(members: &[&Keypair]) -> Self {
        let url = env::var("ANCHOR_PROVIDER_URL").expect("ANCHOR_PROVIDER_URL names a node; see docs/anchor.md");
        let cluster = Cluster::from_str(&url).expect("a URL");
        let payer = Rc::new(Keypair::new());
        let client = Client::new_with_options(cluster, payer.clone(), CommitmentConfig::confirmed());
        let program = client.program(multibus::ID).unwrap();
        for wallet in members.iter().copied().chain([&*payer]) {
            airdrop(&program, &wallet.pubkey(), 10 * SOL);
        }
        let mint = Keypair::new();
        let rent = program.rpc().get_minimum_balance_for_rent_exemption(82).unwrap();
        let (payer, token) = (payer.pubkey(), mint.pubkey());
        program
            .request()
            .instruction(create_account(&payer, &token, rent, 82, &TOKEN))
            .instruction(initialize_mint2(&TOKEN, &token, &payer, None, 6).unwrap())
            .signer(&mint)
            .send()
            .unwrap();
        for wallet in members {
            let account = get_associated_token_address(&wallet.pubkey(), &token);
            program
                .request()
                .instruction(create_associated_token_account(&payer, &wallet.pubkey(), &token, &TOKEN))
                .instruction(mint_to(&TOKEN, &token, &account, &payer, &[], FUNDS).unwrap())
                .send()
                .unwrap();
        }
        Self { program, mint: token }
    }

    /// Sends an instruction, which these wallets sign beside the payer.
    pub fn send(
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

    pub fn token_account(&self, wallet: &Keypair) -> Address {
        get_associated_token_address(&wallet.pubkey(), &self.mint)
    }

    /// Tokens of a member, in base units.
    pub fn tokens(&self, wallet: &Keypair) -> u64 {
        let balance = self.program.rpc().get_token_account_balance(&self.token_account(wallet)).unwrap();
        balance.amount.parse().unwrap()
    }

    /// The chain's time, in unix seconds.
    pub fn now(&self) -> i64 {
        let clock = self.program.rpc().get_account_data(&CLOCK).unwrap();
        i64::from_le_bytes(*clock[32..].first_chunk().expect("a clock"))
    }

    pub fn wait_until(&self, second: i64) {
        while self.now() < second {
            sleep(Duration::from_millis(400));
        }
    }

    /// Moves a simulated network forward to this second.
    pub fn travel_to(&self, second: i64) {
        let travel = RpcRequest::Custom { method: "surfnet_timeTravel" };
        let params = json!([{ "absoluteTimestamp": second * 1_000 }]);
        self.program.rpc().send::<Value>(travel, params).expect("only surfpool moves its time");
        self.wait_until(second);
    }

    /// Opens a creator's counter, and creates its first bus.
    pub fn create_bus(&self, creator: &Keypair, config: BusConfig) -> Address {
        let counter = derive(&[CREATOR_SEED, creator.pubkey().as_ref()]);
        let opening = accounts::CreatorOpen { wallet: creator.pubkey(), creator: counter, system_program: SYSTEM };
        self.send(opening, none(), instruction::CreatorOpen { first_slot: 0 }, &[creator]).unwrap();
        let bus_seq = self.program.account::<Creator>(counter).unwrap().next_bus;
        let bus = derive(&[BUS_SEED, creator.pubkey().as_ref(), &bus_seq.to_le_bytes()]);
        let creating = accounts::BusCreate {
            creator: creator.pubkey(),
            counter,
            bus,
            ledger: ledger(&bus),
            capacity: capacity(&bus, 0),
            mint: self.mint,
            treasury: derive(&[TREASURY_SEED, bus.as_ref()]),
            unclaimed: derive(&[UNCLAIMED_SEED, bus.as_ref()]),
            escrow: escrow(&bus),
            token_program: TOKEN,
            system_program: SYSTEM,
        };
        let events = self.send(creating, none(), instruction::BusCreate { bus_seq, config }, &[creator]).unwrap();
        assert!(matches!(events.as_slice(), [Event::BusCreated(created)] if created.bus == bus));
        bus
    }

    /// Opens a window of a bus; returns its capacity.
    pub fn open_window(&self, payer: &Keypair, bus: &Address, window_start: i64) -> Address {
        let capacity = capacity(bus, window_start);
        let opening = accounts::CapacityOpen {
            payer: payer.pubkey(),
            bus: *bus,
            ledger: ledger(bus),
            capacity,
            system_program: SYSTEM,
        };
        self.send(opening, none(), instruction::CapacityOpen { window_start }, &[payer]).unwrap();
        capacity
    }

    /// Opens the seller account of a wallet.
    pub fn open_seller(&self, wallet: &Keypair, bus: &Address) -> Address {
        let seller = seller(bus, &wallet.pubkey());
        let opening = accounts::SellerOpen {
            payer: wallet.pubkey(),
            bus: *bus,
            ledger: ledger(bus),
            seller,
            vault: vault(&seller),
            mint: self.mint,
            token_program: TOKEN,
            system_program: SYSTEM,
        };
        let args = instruction::SellerOpen { wallet: wallet.pubkey(), first_slot: 0 };
        self.send(opening, none(), args, &[wallet]).unwrap();
        seller
    }

    /// Lists energy (Wh) of a wallet at a price (base units per kWh) until a second; returns the offer.
    pub fn list(
        &self,
        wallet: &Keypair,
        bus: &Address,
        window_start: i64,
        (energy_wh, price_per_kwh, expires_at): (u64, u64, i64),
    ) -> Result<Address, ClientError> {
        let (seller, capacity) = (seller(bus, &wallet.pubkey()), capacity(bus, window_start));
        let number = self.program.account::<Seller>(seller)?.next_offer;
        let offer = derive(&[OFFER_SEED, seller.as_ref(), &number.to_le_bytes()]);
        let listing = accounts::OfferCreate {
            lister: wallet.pubkey(),
            bus: *bus,
            capacity,
            seller,
            offer,
            system_program: SYSTEM,
        };
        let following = listing_accounts(&seller, &self.program.account::<Capacity>(capacity)?);
        let args = instruction::OfferCreate { number, energy_wh, price_per_kwh, expires_at, source: SOLAR };
        let events = self.send(listing, following, args, &[wallet])?;
        assert!(events.iter().any(|event| matches!(event, Event::OfferCreated(listed) if listed.offer == offer)));
        Ok(offer)
    }

    /// Pays a seller what was credited to it.
    pub fn withdraw(&self, wallet: &Keypair, bus: &Address) {
        let seller = seller(bus, &wallet.pubkey());
        let withdrawing = accounts::SellerWithdraw {
            caller: wallet.pubkey(),
            bus: *bus,
            seller,
            vault: vault(&seller),
            destination: self.token_account(wallet),
            token_program: TOKEN,
        };
        self.send(withdrawing, none(), instruction::SellerWithdraw {}, &[wallet]).unwrap();
    }

    /// Opens the first nonce lane of a wallet.
    pub fn open_lane(&self, wallet: &Keypair) {
        let opening = accounts::TraderOpen { wallet: wallet.pubkey(), trader: lane(wallet), system_program: SYSTEM };
        self.send(opening, none(), instruction::TraderOpen { lane: 0, first_slot: 0 }, &[wallet]).unwrap();
    }

    pub fn next_nonce(&self, wallet: &Keypair) -> u64 {
        self.program.account::<Trader>(lane(wallet)).unwrap().next_nonce
    }
}

pub fn ledger(bus: &Address) -> Address {
    derive(&[LEDGER_SEED, bus.as_ref()])
}

/// Window start 0 is the general capacity.
pub fn capacity(bus: &Address, window_start: i64) -> Address {
    derive(&[CAPACITY_SEED, bus.as_ref(), &window_start.to_le_bytes()])
}

pub fn escrow(bus: &Address) -> Address {
    derive(&[ESCROW_SEED, bus.as_ref()])
}

pub fn seller(bus: &Address, wallet: &Address) -> Address {
    derive(&[SELLER_SEED, bus.as_ref(), wallet.as_ref()])
}

pub fn vault(seller: &Address) -> Address {
    derive(&[VAULT_SEED, seller.as_ref()])
}

pub fn lane(wallet: &Keypair) -> Address {
    derive(&[TRADER_SEED, wallet.pubkey().as_ref(), &0u16.to_le_bytes()])
}

/// A bus of one owner on which anyone sells, without windows.
pub fn config(owner: &Keypair) -> BusConfig {
    BusConfig {
        name: "Mill Lane".to_owned(),
        owners: vec![OwnerShare { owner: owner.pubkey(), share_bps: 10_000 }],
        threshold: 1,
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
pub fn refusal<T>(answer: Result<T, ClientError>) -> u32 {
    let Err(refused) = answer else { panic!("the market took what it must refuse") };
    let text = format!("{refused:?}");
    let (_, after) = text.split_once("Custom(").unwrap_or_else(|| panic!("no error of a program: {text}"));
    after.split(')').next().unwrap().parse().unwrap()
}
