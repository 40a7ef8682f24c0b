//! Purchases of `contracts/Market.sol` on revm, in process: what an EVM executes in a CPU second, with and without signatures.
//! Prints one JSON object.

use {
    anyhow::{Context as _, Result, bail, ensure},
    clap::Parser,
    cpu_time::ProcessTime,
    revm::{
        Context, ExecuteCommitEvm, MainBuilder, MainContext,
        context::{TxEnv, result::{ExecutionResult, Output}},
        database::{CacheDB, EmptyDB},
        primitives::{Address, Bytes, TxKind, U256, keccak256},
    },
    secp256k1::{Message, PublicKey, Secp256k1, SecretKey, ecdsa::RecoverableSignature},
    std::path::PathBuf,
};

/// Energy of an offer, in Wh. Nobody buys all of it.
const OFFERED_WH: u64 = 1 << 40;
/// Price of an offer, in base units per kWh.
const PRICE_PER_KWH: u64 = 250_000;
/// Gas that a transaction may use.
const GAS_LIMIT: u64 = 5_000_000;

#[derive(Parser)]
struct Options {
    /// What `compile.mjs` printed
    #[arg(long)]
    contracts: PathBuf,
    /// Purchases that are measured
    #[arg(long, default_value_t = 20_000)]
    purchases: u64,
    /// Buyers, which take turns
    #[arg(long, default_value_t = 100)]
    buyers: u8,
    /// Sellers, each with an offer
    #[arg(long, default_value_t = 20)]
    sellers: u8,
}

/// A wallet.
struct Wallet {
    secret: SecretKey,
    address: Address,
    nonce: u64,
}

impl Wallet {
    fn new(role: u8, number: u8) -> Result<Self> {
        let mut bytes = [role; 32];
        bytes[31] = number + 1;
        let secret = SecretKey::from_byte_array(bytes).context("a key is out of range")?;
        let address = address_of(&PublicKey::from_secret_key(&Secp256k1::new(), &secret));
        Ok(Self { secret, address, nonce: 0 })
    }

    fn call(&mut self, to: Address, data: Vec<u8>) -> TxEnv {
        self.transaction(TxKind::Call(to), data)
    }

    fn transaction(&mut self, kind: TxKind, data: Vec<u8>) -> TxEnv {
        let transaction = TxEnv {
            caller: self.address,
            kind,
            data: Bytes::from(data),
            nonce: self.nonce,
            gas_limit: GAS_LIMIT,
            ..TxEnv::default()
        };
        self.nonce += 1;
        transaction
    }
}

fn address_of(key: &PublicKey) -> Address {
    Address::from_slice(&keccak256(&key.serialize_uncompressed()[1..])[12..])
}

/// A call: the function's selector and its arguments, a word each.
fn encoded(function: &str, words: &[U256]) -> Vec<u8> {
    let mut data = keccak256(function)[..4].to_vec();
    for word in words {
        data.extend_from_slice(&word.to_be_bytes::<32>());
    }
    data
}

fn word(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

/// What a signer signs: the fields of the transaction, hashed. RLP would add a few bytes between them.
fn message_of(transaction: &TxEnv) -> Message {
    let to = match transaction.kind {
        TxKind::Call(to) => to,
        TxKind::Create => Address::ZERO,
    };
    let mut bytes = Vec::with_capacity(256);
    bytes.push(2);
    bytes.extend_from_slice(&transaction.chain_id.unwrap_or_default().to_be_bytes());
    bytes.extend_from_slice(&transaction.nonce.to_be_bytes());
    bytes.extend_from_slice(&transaction.gas_price.to_be_bytes());
    bytes.extend_from_slice(&transaction.gas_limit.to_be_bytes());
    bytes.extend_from_slice(to.as_slice());
    bytes.extend_from_slice(&transaction.value.to_be_bytes::<32>());
    bytes.extend_from_slice(&transaction.data);
    Message::from_digest(keccak256(&bytes).0)
}

fn main() -> Result<()> {
    let Options { contracts, purchases, buyers, sellers } = Options::parse();
    ensure!(purchases > 0 && buyers > 0 && sellers > 0, "purchases, buyers and sellers are all at least 1");
    let text = std::fs::read_to_string(&contracts).with_context(|| format!("could not read {}", contracts.display()))?;
    let compiled: serde_json::Value = serde_json::from_str(&text)?;
    let code = |name: &str| -> Result<Vec<u8>> {
        let hex = compiled["code"][name].as_str().with_context(|| format!("there is no contract {name}"))?;
        (0..hex.len() / 2).map(|byte| Ok(u8::from_str_radix(&hex[2 * byte..2 * byte + 2], 16)?)).collect()
    };
    let mut evm = Context::mainnet().with_db(CacheDB::new(EmptyDB::default())).build_mainnet();
    let mut run = |transaction: TxEnv| -> Result<(u64, Output)> {
        match evm.transact_commit(transaction)? {
            ExecutionResult::Success { output, gas, .. } => Ok((gas.tx_gas_used(), output)),
            failed => bail!("the EVM refused a transaction: {failed:?}"),
        }
    };
    let mut deployer = Wallet::new(9, 0)?;
    let deployed = |output: Output| output.address().copied().context("nothing was deployed");
    let token = deployed(run(deployer.transaction(TxKind::Create, code("Token")?))?.1)?;
    let mut creation = code("Market")?;
    creation.extend_from_slice(&word(token).to_be_bytes::<32>());
    let market = deployed(run(deployer.transaction(TxKind::Create, creation))?.1)?;
    let mut wallets = (0..buyers).map(|number| Wallet::new(1, number)).collect::<Result<Vec<_>>>()?;
    for wallet in &mut wallets {
        run(deployer.call(token, encoded("mint(address,uint256)", &[word(wallet.address), U256::from(u128::MAX >> 16)])))?;
        run(wallet.call(token, encoded("approve(address,uint256)", &[word(market), U256::MAX])))?;
    }
    for number in 0..sellers {
        let mut seller = Wallet::new(2, number)?;
        let words = [U256::from(OFFERED_WH), U256::from(PRICE_PER_KWH)];
        run(seller.call(market, encoded("list(uint256,uint256)", &words)))?;
    }
    let mut nonces = vec![0u64; wallets.len()];
    let mut buy = |number: u64| {
        let buyer = (number % u64::from(buyers)) as usize;
        let words = [
            number % u64::from(sellers),
            1 + number % 500,
            PRICE_PER_KWH,
            nonces[buyer],
        ]
        .map(U256::from);
        nonces[buyer] += 1;
        (buyer, wallets[buyer].call(market, encoded("buy(uint256,uint256,uint256,uint256)", &words)))
    };
    // The first purchase of each buyer opens its slots: it costs more, and is not measured.
    for number in 0..u64::from(buyers) {
        run(buy(number).1)?;
    }
    let transactions: Vec<(usize, TxEnv)> = (0..purchases).map(|number| buy(number + u64::from(buyers))).collect();
    let secp = Secp256k1::new();

    let started = ProcessTime::now();
    let signed: Vec<RecoverableSignature> = transactions
        .iter()
        .map(|(buyer, transaction)| secp.sign_ecdsa_recoverable(message_of(transaction), &wallets[*buyer].secret))
        .collect();
    let sign = started.elapsed();

    let started = ProcessTime::now();
    for ((buyer, transaction), signature) in transactions.iter().zip(&signed) {
        let key = secp.recover_ecdsa(message_of(transaction), signature)?;
        ensure!(address_of(&key) == wallets[*buyer].address, "another wallet signed");
    }
    let recover = started.elapsed();

    let started = ProcessTime::now();
    let mut gas = 0;
    for (_, transaction) in transactions {
        gas += run(transaction)?.0;
    }
    let execute = started.elapsed();
    println!(
        "{}",
        serde_json::json!({
            "purchases": purchases,
            "gas": gas / purchases,
            "sign_seconds": sign.as_secs_f64(),
            "recover_seconds": recover.as_secs_f64(),
            "execute_seconds": execute.as_secs_f64(),
            "solc": compiled["solc"],
        })
    );
    Ok(())
}
