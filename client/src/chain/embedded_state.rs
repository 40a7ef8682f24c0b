//! Keeps an embedded chain in a file, so that one command after another can use it.
//!
//! The file is JSON: the clock, the last blockhash, every account that transactions created or changed, and the
//! executed transactions. The program's ELF and the network's own accounts are not in it. While a file is open, a lock
//! beside it (`FILE.lock`) makes other processes wait. A new state replaces the old one in a single step, so nobody
//! reads a half-written file.

use {
    super::{
        EmbeddedChain, TransactionRecord,
        embedded::{SLOT_MILLISECONDS, State},
    },
    crate::error::{Error, Result},
    base64::{Engine, prelude::BASE64_STANDARD},
    serde::{Deserialize, Serialize},
    solana_account::{Account, AccountSharedData, ReadableAccount},
    solana_address::Address,
    solana_hash::Hash,
    solana_sdk_ids::{address_lookup_table, system_program},
    solana_transaction_error::TransactionError,
    std::{
        fs::{File, TryLockError},
        io::{ErrorKind, Write},
        path::{Path, PathBuf},
        str::FromStr,
        thread,
        time::{Duration, Instant, SystemTime, UNIX_EPOCH},
    },
};

/// Version of the file's layout.
const LAYOUT_VERSION: u32 = 1;
/// How many blockhashes are tried to find that of the file: far more than a chain in a file has.
const BLOCKHASH_STEPS: u32 = 1_000_000;

/// Higher than any slot or block height.
const MOST_SLOTS: u64 = 1 << 60;
/// The last millisecond of the year 9999.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;

/// How long a process waits for another one that uses the file.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// How often it checks whether the file is free.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// A file that keeps an embedded chain. No other process can open it meanwhile.
pub struct StateFile {
    path: PathBuf,
    /// Held until the value is dropped.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    layout_version: u32,
    program: String,
    slot: u64,
    block_height: u64,
    unix_milliseconds: i64,
    /// How far the chain's clock was ahead of the machine's when it was kept, in whole seconds. Fractions are dropped,
    /// so that they do not add up over many calls.
    ahead_seconds: i64,
    blockhash: String,
    accounts: Vec<KeptAccount>,
    transactions: Vec<KeptTransaction>,
}

#[derive(Serialize, Deserialize)]
struct KeptAccount {
    address: String,
    owner: String,
    lamports: u64,
    /// Base64.
    data: String,
}

#[derive(Serialize, Deserialize)]
struct KeptTransaction {
    signature: String,
    slot: u64,
    block_time: Option<i64>,
    error: Option<TransactionError>,
    logs: Vec<String>,
    compute_units: u64,
    fee: u64,
    addresses: Vec<String>,
}

impl StateFile {
    /// Opens the file of a chain, which need not exist yet. If another process uses it, it waits a little.
    ///
    /// # Errors
    /// Where another process goes on using it, or its lock cannot be made, such as in a folder that does not exist.
    pub fn open(path: &Path) -> Result<Self> {
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let lock_path = PathBuf::from(lock_path);
        let lock = File::create(&lock_path).map_err(|error| file_error("locked", &lock_path, &error))?;
        let given_up_at = Instant::now() + LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_path_buf(), _lock: lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < given_up_at => thread::sleep(LOCK_INTERVAL),
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Invalid(format!(
                        "another process uses the chain in {}; wait until it has ended",
                        path.display()
                    )));
                }
                Err(TryLockError::Error(error)) => return Err(file_error("locked", &lock_path, &error)),
            }
        }
    }

    /// The chain of the file, or a new one where there is no file yet. Its clock goes on with the machine's.
    ///
    /// # Errors
    /// Where the file cannot be read or is not a chain's, or the program's ELF is not found.
    pub fn load(&self) -> Result<EmbeddedChain> {
        let chain = EmbeddedChain::new()?;
        if let Some(kept) = read(&self.path)? {
            chain.state().restore(kept).map_err(|cause| self.broken(&cause))?;
        }
        Ok(chain)
    }

    /// Keeps the chain.
    ///
    /// # Errors
    /// Where the file cannot be written; the old one is left as it was.
    pub fn save(&self, chain: &EmbeddedChain) -> Result<()> {
        let kept = chain.state().keep();
        let mut temporary = self.path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(&serde_json::to_vec(&kept)?)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &self.path)
        };
        write().map_err(|error| file_error("written", &self.path, &error))
    }

    fn broken(&self, cause: &str) -> Error {
        broken(&self.path, cause)
    }
}

/// The transactions in a chain's file, oldest first, each with the addresses that it mentions; none if there is no file
/// yet. It reads the last state and takes no lock.
///
/// # Errors
/// Where the file cannot be read or is not a chain's.
pub fn kept_transactions(path: &Path) -> Result<Vec<(TransactionRecord, Vec<Address>)>> {
    let transactions = read(path)?.map(|kept| kept.transactions).unwrap_or_default();
    transactions.into_iter().map(|kept| kept.restore().map_err(|cause| broken(path, &cause))).collect()
}

fn read(path: &Path) -> Result<Option<Kept>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(file_error("read", path, &error)),
    };
    let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| broken(path, &error.to_string()))?;
    if kept.layout_version != LAYOUT_VERSION || kept.program != multibus::ID.to_string() {
        let cause = format!(
            "it has layout {} and program {}, not {LAYOUT_VERSION} and {}",
            kept.layout_version,
            kept.program,
            multibus::ID
        );
        return Err(broken(path, &cause));
    }
    Ok(Some(kept))
}

fn broken(path: &Path, cause: &str) -> Error {
    Error::Invalid(format!(
        "{} is not the state of an embedded chain ({cause}); name another file, or delete it to begin a new chain",
        path.display()
    ))
}

fn file_error(action: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Invalid(format!("{} cannot be {action}: {error}; check the path and its permissions", path.display()))
}

fn machine_milliseconds() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}

fn parse<T: FromStr>(text: &str) -> core::result::Result<T, String> {
    text.parse().map_err(|_| format!("'{text}' cannot be read"))
}

impl State {
    fn keep(&self) -> Kept {
        let svm = &self.svm;
        let own_accounts = [svm.airdrop_pubkey(), system_program::ID];
        let made_by_transactions = |account: &AccountSharedData| {
            [
                system_program::ID,
                address_lookup_table::ID,
                multibus::ID,
                multibus::token::SPL_TOKEN_ID,
                multibus::token::TOKEN_2022_ID,
            ]
            .contains(account.owner())
        };
        let mut accounts: Vec<_> = (svm.accounts_db().inner.iter())
            .filter(|(address, account)| !own_accounts.contains(address) && made_by_transactions(account))
            .map(|(address, account)| KeptAccount {
                address: address.to_string(),
                owner: account.owner().to_string(),
                lamports: account.lamports(),
                data: BASE64_STANDARD.encode(account.data()),
            })
            .collect();
        accounts.sort_by(|a, b| a.address.cmp(&b.address));
        Kept {
            layout_version: LAYOUT_VERSION,
            program: multibus::ID.to_string(),
            slot: self.slot,
            block_height: self.block_height,
            unix_milliseconds: self.unix_milliseconds,
            ahead_seconds: (self.unix_milliseconds - machine_milliseconds()).max(0) / 1_000,
            blockhash: svm.latest_blockhash().to_string(),
            accounts,
            transactions: self.history.records.iter().map(KeptTransaction::of).collect(),
        }
    }

    fn restore(&mut self, kept: Kept) -> core::result::Result<(), String> {
        let (slot, height, time) = (kept.slot, kept.block_height, kept.unix_milliseconds);
        if slot.max(height) > MOST_SLOTS || !(0..=LAST_MILLISECOND).contains(&time) {
            return Err(format!("slot {slot}, block height {height} and millisecond {time} are of no chain"));
        }
        for kept in &kept.accounts {
            let account = Account {
                lamports: kept.lamports,
                data: BASE64_STANDARD.decode(&kept.data).map_err(|error| error.to_string())?,
                owner: parse(&kept.owner)?,
                executable: false,
                rent_epoch: u64::MAX,
            };
            let address = parse(&kept.address)?;
            self.svm.set_account(address, account).map_err(|error| format!("{error:?}"))?;
            self.kinds.update(&address, self.svm.accounts_db().inner.get(&address));
        }
        for transaction in kept.transactions {
            let (record, addresses) = transaction.restore()?;
            self.history.push(record, addresses);
        }
        // Every blockhash follows from the one before. Continuing after the last one used gives equal transactions new
        // signatures.
        let last: Hash = parse(&kept.blockhash)?;
        let mut steps = 0;
        while self.svm.latest_blockhash() != last {
            if steps == BLOCKHASH_STEPS {
                return Err(format!("the blockhash {last} does not follow from the first one"));
            }
            self.svm.expire_blockhash();
            steps += 1;
        }
        let now =
            kept.unix_milliseconds.max(machine_milliseconds().saturating_add(kept.ahead_seconds.saturating_mul(1_000)));
        self.slot = kept.slot;
        self.block_height = kept.block_height;
        // The new slot gives a new blockhash and takes no time.
        self.unix_milliseconds = kept.unix_milliseconds.saturating_sub(SLOT_MILLISECONDS);
        self.advance(1);
        self.advance_to(now.div_euclid(1_000));
        Ok(())
    }
}

impl KeptTransaction {
    fn of((record, addresses): &(TransactionRecord, Vec<Address>)) -> Self {
        let TransactionRecord { signature, slot, block_time, error, logs, compute_units, fee } = record;
        Self {
            signature: signature.to_string(),
            slot: *slot,
            block_time: *block_time,
            error: error.clone(),
            logs: logs.clone(),
            compute_units: *compute_units,
            fee: *fee,
            addresses: addresses.iter().map(ToString::to_string).collect(),
        }
    }

    fn restore(self) -> core::result::Result<(TransactionRecord, Vec<Address>), String> {
        let Self { signature, slot, block_time, error, logs, compute_units, fee, addresses } = self;
        let record =
            TransactionRecord { signature: parse(&signature)?, slot, block_time, error, logs, compute_units, fee };
        Ok((record, addresses.iter().map(|address| parse(address)).collect::<core::result::Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::chain::{Chain, VersionedTransaction},
        solana_keypair::Keypair,
        solana_message::{Message, VersionedMessage},
        solana_signer::Signer,
        solana_system_interface::instruction::transfer,
    };

    async fn pay(chain: &EmbeddedChain, from: &Keypair, to: &Address, lamports: u64) -> TransactionRecord {
        let blockhash = chain.latest_blockhash().await.unwrap().hash;
        let message =
            Message::new_with_blockhash(&[transfer(&from.pubkey(), to, lamports)], Some(&from.pubkey()), &blockhash);
        let transaction = VersionedTransaction::try_new(VersionedMessage::Legacy(message), &[from]).unwrap();
        let signature = chain.send(&transaction).await.unwrap();
        chain.transaction(&signature).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_kept_chain_goes_on_where_it_was() {
        let folder = std::env::temp_dir().join(format!("multibus-state-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("village.chain");
        let (payer, payee) = (Keypair::new(), Keypair::new().pubkey());

        let started_at = Instant::now();
        let file = StateFile::open(&path).unwrap();
        let chain = file.load().unwrap();
        chain.airdrop(&payer.pubkey(), 10_000_000_000).await.unwrap();
        let first = pay(&chain, &payer, &payee, 1_000_000_000).await;
        let ahead = chain.set_clock(chain.clock().await.unwrap().unix_timestamp + 100_000).unwrap();
        file.save(&chain).unwrap();
        for _ in 0..20 {
            file.save(&file.load().unwrap()).unwrap();
        }
        drop(file);

        let file = StateFile::open(&path).unwrap();
        let chain = file.load().unwrap();
        assert_eq!(chain.transaction(&first.signature).await.unwrap(), Some(first.clone()));
        let clock = chain.clock().await.unwrap();
        assert!(clock.slot > ahead.slot && clock.unix_timestamp >= ahead.unix_timestamp);
        let took = i64::try_from(started_at.elapsed().as_secs()).unwrap();
        assert!(clock.unix_timestamp <= ahead.unix_timestamp + took + 2, "the clock stays ahead by as much");
        // The same payment again is another transaction.
        let second = pay(&chain, &payer, &payee, 1_000_000_000).await;
        assert_ne!(first.signature, second.signature);
        let account = chain.accounts(&[payee]).await.unwrap().remove(0).unwrap();
        assert_eq!(account.lamports, 2_000_000_000);
        file.save(&chain).unwrap();
        let kept = kept_transactions(&path).unwrap();
        assert_eq!(kept.last().map(|(record, _)| record), Some(&second));
        assert!(kept.iter().any(|(record, addresses)| *record == first && addresses.contains(&payee)));

        std::fs::write(&path, "{}").unwrap();
        let error = file.load().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("village.chain is not the state of an embedded chain"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
