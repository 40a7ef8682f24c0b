//! The program on chain, in the upgradeable BPF loader (v3): its present state, and the steps that change it.

use {
    crate::artifact::{Program, sha256},
    anyhow::{Context, Result, bail, ensure},
    futures_util::{StreamExt, TryStreamExt, stream},
    multibus_client::{
        TransactionOptions,
        chain::Chain,
        send::{ComputeUnits, PriorityFee, Sender, TRANSACTION_BYTES, size_of_transaction},
        wallet::SharedSigner,
    },
    sha2::{Digest, Sha256},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_keypair::Keypair,
    solana_loader_v3_interface::{get_program_data_address, instruction as loader, state::UpgradeableLoaderState},
    solana_sdk_ids::bpf_loader_upgradeable,
    solana_signer::Signer,
    std::sync::Arc,
};

/// Transactions that write the buffer at the same time.
const WRITES_IN_FLIGHT: usize = 24;
/// Compute units of a transaction that writes a part of the buffer; the loader takes 2,370.
const WRITE_UNITS: u32 = 5_000;
/// Smallest extension of a program's account, in bytes.
const MIN_EXTENSION: usize = 10_240;
/// First bytes of what the wallet signs to make a buffer's keypair.
const BUFFER_TAG: &[u8] = b"multibus:migrate:buffer:v1";

/// What the chain has at the program's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnChain {
    /// Nothing.
    Absent,
    /// A program.
    Program {
        /// Who may upgrade it; `None` if it is final.
        authority: Option<Address>,
        /// The longest ELF that fits without extending the account, in bytes.
        capacity: usize,
        /// Slot of the last deployment or upgrade.
        slot: u64,
        /// Its ELF, including zeros at the end.
        elf: Vec<u8>,
    },
}

impl OnChain {
    /// Whether this is the program, followed by zeros alone.
    pub fn is(&self, program: &Program) -> bool {
        match self {
            Self::Absent => false,
            Self::Program { elf, .. } => {
                elf.strip_prefix(&program.elf[..]).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
            }
        }
    }
}

/// What a migration did to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The program was there already.
    None,
    /// It was deployed.
    Deployed,
    /// It was upgraded.
    Upgraded,
    /// A buffer with it was handed to the upgrade authority, which upgrades from it.
    Prepared {
        /// The buffer.
        buffer: Address,
        /// The upgrade authority.
        authority: Address,
    },
}

/// Deploys and upgrades programs on one chain.
pub struct Loader {
    chain: Arc<dyn Chain>,
    wallet: SharedSigner,
    writer: Sender,
    sender: Sender,
    report: Box<dyn Fn(Progress) + Send + Sync>,
}

/// How far a migration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A step begins.
    Step(String),
    /// Parts of the buffer that are written, and that were missing.
    Written {
        /// Parts written.
        done: usize,
        /// Parts that were missing.
        of: usize,
    },
}

impl Loader {
    /// A loader whose wallet pays and is the upgrade authority; the priority fee is in micro-lamports per compute unit.
    pub fn new(
        chain: Arc<dyn Chain>,
        wallet: SharedSigner,
        priority_fee: u64,
        report: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Self {
        let priority_fee = if priority_fee == 0 { PriorityFee::None } else { PriorityFee::Fixed(priority_fee) };
        let options = TransactionOptions { priority_fee, max_attempts: 10, ..TransactionOptions::default() };
        let writing = TransactionOptions { compute_units: ComputeUnits::Fixed(WRITE_UNITS), ..options };
        Self {
            writer: Sender::new(chain.clone(), writing),
            sender: Sender::new(chain.clone(), options),
            chain,
            wallet,
            report: Box::new(report),
        }
    }

    fn step(&self, step: impl Into<String>) {
        (self.report)(Progress::Step(step.into()));
    }

    /// What the chain has at an address.
    pub async fn inspect(&self, program: &Address) -> Result<OnChain> {
        let data_address = get_program_data_address(program);
        let accounts = self.chain.accounts(&[*program, data_address]).await?;
        let Some(account) = &accounts[0] else { return Ok(OnChain::Absent) };
        ensure!(
            account.owner == bpf_loader_upgradeable::ID,
            "{program} is an account of {}, not a program of the upgradeable loader; the address is taken",
            account.owner
        );
        match bincode::deserialize(&account.data) {
            Ok(UpgradeableLoaderState::Program { programdata_address }) if programdata_address == data_address => {}
            _ => bail!("{program} is an account of the loader and not a program; the address is taken"),
        }
        let Some(data) = &accounts[1] else {
            bail!("the program {program} was closed; a closed program's address cannot be used again, choose another")
        };
        let header = UpgradeableLoaderState::size_of_programdata_metadata();
        let state = data.data.get(..header).and_then(|header| bincode::deserialize(header).ok());
        let Some(UpgradeableLoaderState::ProgramData { slot, upgrade_authority_address }) = state else {
            bail!("the program {program} has no program data; it was closed, or is not deployed to the end")
        };
        let elf = data.data[header..].to_vec();
        Ok(OnChain::Program { authority: upgrade_authority_address, capacity: elf.len(), slot, elf })
    }

    /// Deploys the program if there is none, upgrades it if it differs, and does nothing if it is there. Without a
    /// program on chain, `program_keypair` is needed. If another wallet is the upgrade authority, `prepare` writes the
    /// buffer and hands it over; otherwise the program is refused.
    pub async fn migrate(
        &self,
        program: &Program,
        program_keypair: Option<&Arc<Keypair>>,
        prepare: bool,
    ) -> Result<Change> {
        let wallet = self.wallet.pubkey();
        let present = self.inspect(&program.id).await?;
        if present.is(program) {
            return Ok(Change::None);
        }
        let change = match present {
            OnChain::Absent => {
                let Some(keypair) = program_keypair else {
                    bail!(
                        "there is no program at {} yet, and deploying it takes the keypair of that address; give it with \
                         --program-keypair",
                        program.id
                    )
                };
                ensure!(
                    keypair.pubkey() == program.id,
                    "the keypair is that of {}, and the program's address is {}; give the program's own keypair",
                    keypair.pubkey(),
                    program.id
                );
                self.deploy(program, keypair).await?;
                Change::Deployed
            }
            OnChain::Program { authority: None, .. } => bail!(
                "the program {} is final and differs from {}; it can never be upgraded, deploy under another address",
                program.id,
                program.sha256()
            ),
            OnChain::Program { authority: Some(authority), capacity, .. } if authority == wallet => {
                self.upgrade(program, capacity).await?;
                Change::Upgraded
            }
            OnChain::Program { authority: Some(authority), capacity, .. } => {
                ensure!(
                    prepare,
                    "the upgrade authority of {} is {authority}, and this wallet is {wallet}; sign with that authority's \
                     wallet, or give --prepare to write the new program into a buffer that {authority} upgrades from",
                    program.id
                );
                self.extend(program, capacity).await?;
                let buffer = self.hand_over(program, &authority).await?;
                return Ok(Change::Prepared { buffer, authority });
            }
        };
        // A node may serve an older state for a moment.
        let slot = self.chain.clock().await?.slot;
        self.chain.wait_for_slot(slot + 1).await?;
        ensure!(
            self.inspect(&program.id).await?.is(program),
            "the chain does not have the program that was sent; run this again, which continues where it stopped"
        );
        Ok(change)
    }

    async fn deploy(&self, program: &Program, keypair: &Arc<Keypair>) -> Result<()> {
        let buffer = self.write_buffer(program).await?;
        self.step(format!("Deploying the program at {}", program.id));
        let wallet = self.wallet.pubkey();
        let rent = self.chain.minimum_rent(UpgradeableLoaderState::size_of_program()).await?;
        let instructions =
            loader::deploy_with_max_program_len(&wallet, &program.id, &buffer, &wallet, rent, program.elf.len())
                .context("the deployment could not be encoded")?;
        self.sender.send(&[self.wallet.clone(), keypair.clone()], &instructions, &[]).await?;
        Ok(())
    }

    async fn upgrade(&self, program: &Program, capacity: usize) -> Result<()> {
        let buffer = self.write_buffer(program).await?;
        self.extend(program, capacity).await?;
        self.step(format!("Upgrading the program at {}", program.id));
        let wallet = self.wallet.pubkey();
        self.send(&self.sender, &[loader::upgrade(&program.id, &buffer, &wallet, &wallet)]).await
    }

    /// Makes room for a longer ELF.
    async fn extend(&self, program: &Program, capacity: usize) -> Result<()> {
        let missing = program.elf.len().saturating_sub(capacity);
        if missing == 0 {
            return Ok(());
        }
        let bytes =
            u32::try_from(missing.max(MIN_EXTENSION)).context("the program is longer than an account can be")?;
        self.step(format!("Extending the program's account by {bytes} bytes"));
        let wallet = self.wallet.pubkey();
        self.send(&self.sender, &[loader::extend_program(&program.id, Some(&wallet), bytes)]).await?;
        // A program cannot be upgraded in the slot in which it was extended.
        let slot = self.chain.clock().await?.slot;
        self.chain.wait_for_slot(slot + 1).await?;
        Ok(())
    }

    async fn hand_over(&self, program: &Program, authority: &Address) -> Result<Address> {
        let keypair = self.buffer_keypair(program)?;
        let buffer = keypair.pubkey();
        if let Some((owner, _)) = self.read_buffer(&buffer, program).await?
            && owner == *authority
        {
            return Ok(buffer);
        }
        self.write_buffer(program).await?;
        self.step(format!("Handing the buffer {buffer} to {authority}"));
        let wallet = self.wallet.pubkey();
        self.send(&self.sender, &[loader::set_buffer_authority(&buffer, &wallet, authority)]).await?;
        Ok(buffer)
    }

    /// Makes another address the upgrade authority, such as the vault of a multisig. Returns whether that changed
    /// anything.
    pub async fn set_authority(&self, program: &Address, new: &Address) -> Result<bool> {
        let OnChain::Program { authority, .. } = self.inspect(program).await? else {
            bail!("there is no program at {program} whose upgrade authority could change")
        };
        let wallet = self.wallet.pubkey();
        match authority {
            Some(authority) if authority == *new => return Ok(false),
            Some(authority) => ensure!(
                authority == wallet,
                "the upgrade authority of {program} is {authority}, and this wallet is {wallet}; sign with that authority"
            ),
            None => bail!("the program {program} is final: it has no upgrade authority any more"),
        }
        self.step(format!("Making {new} the upgrade authority"));
        self.send(&self.sender, &[loader::set_upgrade_authority(program, &wallet, Some(new))]).await?;
        Ok(true)
    }

    /// The keypair of the buffer for this ELF. It is the same in every run, so a migration that was killed finds what
    /// it had written. Only the wallet can derive it.
    fn buffer_keypair(&self, program: &Program) -> Result<Arc<Keypair>> {
        let message = [BUFFER_TAG, program.id.as_ref(), sha256(&program.elf).as_bytes()].concat();
        let signature = self.wallet.try_sign_message(&message).context("the wallet could not sign")?;
        Ok(Arc::new(Keypair::new_from_array(Sha256::digest(signature).into())))
    }

    /// A buffer's authority and contents; `None` where there is no buffer.
    async fn read_buffer(&self, buffer: &Address, program: &Program) -> Result<Option<(Address, Vec<u8>)>> {
        let accounts = self.chain.accounts(&[*buffer]).await?;
        let Some(account) = &accounts[0] else { return Ok(None) };
        let header = UpgradeableLoaderState::size_of_buffer_metadata();
        let state = account.data.get(..header).and_then(|header| bincode::deserialize(header).ok());
        match state {
            Some(UpgradeableLoaderState::Buffer { authority_address: Some(authority) })
                if account.owner == bpf_loader_upgradeable::ID && account.data.len() == header + program.elf.len() =>
            {
                Ok(Some((authority, account.data[header..].to_vec())))
            }
            _ => bail!("the account {buffer}, which should be this program's buffer, is something else"),
        }
    }

    /// Creates a buffer for the ELF if there is none, and writes the parts that differ.
    async fn write_buffer(&self, program: &Program) -> Result<Address> {
        let keypair = self.buffer_keypair(program)?;
        let (wallet, buffer) = (self.wallet.pubkey(), keypair.pubkey());
        let present = match self.read_buffer(&buffer, program).await? {
            Some((authority, contents)) => {
                ensure!(
                    authority == wallet,
                    "the buffer {buffer} was handed to {authority}; upgrade from it with that authority's wallet"
                );
                contents
            }
            None => {
                let length = UpgradeableLoaderState::size_of_buffer(program.elf.len());
                let rent = self.chain.minimum_rent(length).await?;
                self.step(format!("Creating the buffer {buffer} of {length} bytes"));
                let instructions = loader::create_buffer(&wallet, &buffer, &wallet, rent, program.elf.len())
                    .context("the buffer could not be encoded")?;
                self.sender.send(&[self.wallet.clone(), keypair.clone()], &instructions, &[]).await?;
                vec![0; program.elf.len()]
            }
        };
        let length = self.part_length(&buffer)?;
        let missing: Vec<Instruction> = program
            .elf
            .chunks(length)
            .zip(present.chunks(length))
            .enumerate()
            .filter(|(_, (wanted, found))| wanted != found)
            .map(|(index, (wanted, _))| loader::write(&buffer, &wallet, (index * length) as u32, wanted.to_vec()))
            .collect();
        let of = missing.len();
        let mut done = 0;
        (self.report)(Progress::Written { done, of });
        let mut writes = stream::iter(missing)
            .map(|write| async move { self.send(&self.writer, &[write]).await })
            .buffer_unordered(WRITES_IN_FLIGHT);
        while writes.try_next().await?.is_some() {
            done += 1;
            (self.report)(Progress::Written { done, of });
        }
        Ok(buffer)
    }

    /// How much of the ELF one transaction can write.
    fn part_length(&self, buffer: &Address) -> Result<usize> {
        let wallet = self.wallet.pubkey();
        // Long enough that every length in it takes as many bytes as in a full transaction.
        const PROBE: usize = 512;
        let probe = loader::write(buffer, &wallet, 0, vec![0; PROBE]);
        let rest = TRANSACTION_BYTES - size_of_transaction(&wallet, &[probe], &[])?;
        Ok(PROBE + rest)
    }

    async fn send(&self, sender: &Sender, instructions: &[Instruction]) -> Result<()> {
        sender.send(std::slice::from_ref(&self.wallet), instructions, &[]).await?;
        Ok(())
    }
}
