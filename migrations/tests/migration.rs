//! Deployments and upgrades of the real program on the embedded chain, which executes the real loader.

use {
    futures_util::FutureExt,
    multibus::constants::TRADER_SEED,
    multibus_client::{
        Address, Signature, Signer, TransactionOptions,
        chain::{Chain, EmbeddedChain},
        multibus,
        send::Sender,
        trader,
        wallet::SharedSigner,
    },
    multibus_migrate::{
        artifact::Program,
        idl::{self, Published},
        loader::{Change, Loader, OnChain, Progress},
    },
    solana_keypair::Keypair,
    solana_loader_v3_interface::instruction as loader,
    std::{
        env, fs,
        panic::{AssertUnwindSafe, resume_unwind},
        path::{Path, PathBuf},
        sync::{Arc, Mutex},
    },
};

const SOL: u64 = 1_000_000_000;

/// The program, compiled for another address: one that this chain does not have yet.
fn program(keypair: &Keypair) -> Program {
    let built = env::var_os("MULTIBUS_PROGRAM").map(PathBuf::from);
    let built = built.unwrap_or(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/deploy/multibus.so"));
    let mut elf = fs::read(&built).unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask build`", built.display()));
    let (old, new) = (multibus::ID, keypair.pubkey());
    let mut places = 0;
    for at in 0..elf.len() - 32 {
        if elf[at..at + 32] == *old.as_ref() {
            elf[at..at + 32].copy_from_slice(new.as_ref());
            places += 1;
        }
        // The compiler compares the address word by word, so its words are operands of instructions.
        for (old, new) in old.as_ref().chunks_exact(8).zip(new.as_ref().chunks_exact(8)) {
            if elf[at..at + 4] == old[..4] && elf[at + 8..at + 12] == old[4..] {
                elf[at..at + 4].copy_from_slice(&new[..4]);
                elf[at + 8..at + 12].copy_from_slice(&new[4..]);
                places += 1;
            }
        }
    }
    assert!(places > 1);
    Program::new(elf, keypair.pubkey()).unwrap()
}

/// The same, and different: what follows the sections of an ELF is never loaded.
fn longer(program: &Program, by: usize) -> Program {
    Program { elf: [&program.elf[..], &vec![1; by]].concat(), ..program.clone() }
}

struct World {
    chain: Arc<EmbeddedChain>,
    keypair: Arc<Keypair>,
    program: Program,
    wallet: SharedSigner,
    reported: Arc<Mutex<Vec<Progress>>>,
    loader: Loader,
}

impl World {
    async fn new() -> Self {
        let chain = Arc::new(EmbeddedChain::new().expect("the program is built"));
        let keypair = Arc::new(Keypair::new());
        let wallet: SharedSigner = Arc::new(Keypair::new());
        chain.airdrop(&wallet.pubkey(), 100 * SOL).await.unwrap();
        let reported = Arc::default();
        let loader = loader_of(&chain, &wallet, &reported);
        Self { program: program(&keypair), chain, keypair, wallet, reported, loader }
    }

    async fn migrate(&self, program: &Program) -> Result<Change, String> {
        self.loader.migrate(program, Some(&self.keypair), false).await.map_err(|error| format!("{error:#}"))
    }

    /// Parts that the last run had to write.
    fn parts(&self) -> usize {
        let reported = self.reported.lock().unwrap();
        let of = reported.iter().rev().find_map(|progress| match progress {
            Progress::Written { of, .. } => Some(*of),
            Progress::Step(_) => None,
        });
        of.expect("a buffer was written")
    }

    async fn send(&self, signer: &SharedSigner, instruction: solana_instruction::Instruction) -> Signature {
        let sender = Sender::new(self.chain.clone(), TransactionOptions::default());
        sender.send(std::slice::from_ref(signer), &[instruction], &[]).await.unwrap().signature
    }

    /// Opens a nonce lane with the deployed program.
    async fn runs(&self, lane: u16) {
        let wallet = self.wallet.pubkey();
        let mut open = trader::trader_open(&wallet, lane, 0);
        let id = self.program.id;
        let seeds: [&[u8]; 3] = [TRADER_SEED, wallet.as_ref(), &lane.to_le_bytes()];
        open.accounts[1].pubkey = Address::find_program_address(&seeds, &id).0;
        open.program_id = id;
        self.send(&self.wallet, open).await;
    }

    async fn authority(&self) -> Option<Address> {
        match self.loader.inspect(&self.program.id).await.unwrap() {
            OnChain::Program { authority, .. } => authority,
            OnChain::Absent => panic!("there is no program"),
        }
    }
}

fn loader_of(chain: &Arc<EmbeddedChain>, wallet: &SharedSigner, reported: &Arc<Mutex<Vec<Progress>>>) -> Loader {
    let reported = reported.clone();
    Loader::new(chain.clone(), wallet.clone(), 0, move |progress| reported.lock().unwrap().push(progress))
}

#[tokio::test]
async fn a_program_is_deployed_once_and_upgraded_only_when_it_differs() {
    let world = World::new().await;
    assert_eq!(world.loader.inspect(&world.program.id).await.unwrap(), OnChain::Absent);
    assert_eq!(world.migrate(&world.program).await, Ok(Change::Deployed));
    world.runs(0).await;
    assert_eq!(world.authority().await, Some(world.wallet.pubkey()));

    let before = world.reported.lock().unwrap().len();
    assert_eq!(world.migrate(&world.program).await, Ok(Change::None));
    assert_eq!(world.reported.lock().unwrap().len(), before, "nothing was done");

    // Longer than the account, so it is extended; then shorter again.
    let next = longer(&world.program, 5_000);
    assert_eq!(world.migrate(&next).await, Ok(Change::Upgraded));
    assert_eq!(world.migrate(&next).await, Ok(Change::None));
    world.runs(1).await;
    assert_eq!(world.migrate(&world.program).await, Ok(Change::Upgraded));
    world.runs(2).await;
}

#[tokio::test]
async fn a_migration_that_was_killed_goes_on_where_it_stopped() {
    let world = World::new().await;
    let doomed = Loader::new(world.chain.clone(), world.wallet.clone(), 0, |progress| {
        if matches!(progress, Progress::Written { done: 100, .. }) {
            resume_unwind(Box::new("killed"));
        }
    });
    let killed = AssertUnwindSafe(doomed.migrate(&world.program, Some(&world.keypair), false)).catch_unwind().await;
    assert!(killed.is_err());
    assert_eq!(world.loader.inspect(&world.program.id).await.unwrap(), OnChain::Absent);

    assert_eq!(world.migrate(&world.program).await, Ok(Change::Deployed));
    let all = world.program.elf.len().div_ceil(1_000);
    assert!(world.parts() <= all - 50 && world.parts() > 0, "{} of {all} parts were written again", world.parts());
    world.runs(0).await;
}

#[tokio::test]
async fn only_the_upgrade_authority_upgrades_and_others_prepare_its_buffer() {
    let world = World::new().await;
    world.migrate(&world.program).await.unwrap();
    let multisig: SharedSigner = Arc::new(Keypair::new());
    world.chain.airdrop(&multisig.pubkey(), 100 * SOL).await.unwrap();
    assert!(world.loader.set_authority(&world.program.id, &multisig.pubkey()).await.unwrap());
    assert!(!world.loader.set_authority(&world.program.id, &multisig.pubkey()).await.unwrap());
    assert_eq!(world.authority().await, Some(multisig.pubkey()));

    let next = longer(&world.program, 3);
    let refused = world.migrate(&next).await.unwrap_err();
    assert!(refused.contains(&multisig.pubkey().to_string()) && refused.contains("--prepare"), "{refused}");
    let refused = world.loader.set_authority(&world.program.id, &world.wallet.pubkey()).await.unwrap_err();
    assert!(refused.to_string().contains("sign with that authority"), "{refused}");

    let prepared = world.loader.migrate(&next, None, true).await.unwrap();
    let Change::Prepared { buffer, authority } = prepared.clone() else { panic!("{prepared:?}") };
    assert_eq!(authority, multisig.pubkey());
    assert_eq!(world.loader.migrate(&next, None, true).await.unwrap(), prepared);
    let to = multisig.pubkey();
    world.send(&multisig, loader::upgrade(&world.program.id, &buffer, &to, &to)).await;
    assert_eq!(world.migrate(&next).await, Ok(Change::None));
}

#[tokio::test]
async fn what_cannot_be_deployed_is_refused_before_anything_is_sent() {
    let world = World::new().await;
    let refused = world.loader.migrate(&world.program, None, false).await.unwrap_err().to_string();
    assert!(refused.contains("--program-keypair"), "{refused}");
    let other = Arc::new(Keypair::new());
    let refused = world.loader.migrate(&world.program, Some(&other), false).await.unwrap_err().to_string();
    assert!(refused.contains(&other.pubkey().to_string()), "{refused}");
    let taken = Program { id: world.wallet.pubkey(), ..world.program.clone() };
    let refused = world.migrate(&taken).await.unwrap_err();
    assert!(refused.contains("taken"), "{refused}");
    assert!(world.reported.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_final_program_is_left_alone() {
    let world = World::new().await;
    world.migrate(&world.program).await.unwrap();
    let wallet = world.wallet.pubkey();
    world.send(&world.wallet, loader::set_upgrade_authority(&world.program.id, &wallet, None)).await;
    assert_eq!(world.migrate(&world.program).await, Ok(Change::None));
    let refused = world.migrate(&longer(&world.program, 1)).await.unwrap_err();
    assert!(refused.contains("final"), "{refused}");
    let refused = world.loader.set_authority(&world.program.id, &wallet).await.unwrap_err().to_string();
    assert!(refused.contains("final"), "{refused}");
}

#[tokio::test]
async fn a_network_without_the_metadata_program_publishes_no_idl() {
    let world = World::new().await;
    let chain: Arc<dyn Chain> = world.chain.clone();
    assert_eq!(idl::read(&chain, &world.program.id).await.unwrap(), Published::Unsupported);
}
