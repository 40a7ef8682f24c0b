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
    multibus_test_support::{market::SOL, program_elf},
    solana_keypair::Keypair,
    solana_loader_v3_interface::instruction as loader,
    std::{
        fs,
        panic::{AssertUnwindSafe, resume_unwind},
        sync::{Arc, Mutex},
    },
};

/// The program, compiled for another address: one that this chain does not have yet.
fn program(keypair: &Keypair) -> Program {
    let built = program_elf();
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

struct TestDeployment {
    chain: Arc<EmbeddedChain>,
    keypair: Arc<Keypair>,
    program: Program,
    wallet: SharedSigner,
    reported: Arc<Mutex<Vec<Progress>>>,
    loader: Loader,
}

impl TestDeployment {
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
    let deployment = TestDeployment::new().await;
    assert_eq!(deployment.loader.inspect(&deployment.program.id).await.unwrap(), OnChain::Absent);
    assert_eq!(deployment.migrate(&deployment.program).await, Ok(Change::Deployed));
    deployment.runs(0).await;
    assert_eq!(deployment.authority().await, Some(deployment.wallet.pubkey()));

    let before = deployment.reported.lock().unwrap().len();
    assert_eq!(deployment.migrate(&deployment.program).await, Ok(Change::None));
    assert_eq!(deployment.reported.lock().unwrap().len(), before, "nothing was done");

    // Longer than the account, so it is extended; then shorter again.
    let next = longer(&deployment.program, 5_000);
    assert_eq!(deployment.migrate(&next).await, Ok(Change::Upgraded));
    assert_eq!(deployment.migrate(&next).await, Ok(Change::None));
    deployment.runs(1).await;
    assert_eq!(deployment.migrate(&deployment.program).await, Ok(Change::Upgraded));
    deployment.runs(2).await;
}

#[tokio::test]
async fn a_migration_that_was_killed_goes_on_where_it_stopped() {
    let deployment = TestDeployment::new().await;
    let doomed = Loader::new(deployment.chain.clone(), deployment.wallet.clone(), 0, |progress| {
        if matches!(progress, Progress::Written { done: 100, .. }) {
            resume_unwind(Box::new("killed"));
        }
    });
    let killed =
        AssertUnwindSafe(doomed.migrate(&deployment.program, Some(&deployment.keypair), false)).catch_unwind().await;
    assert!(killed.is_err());
    assert_eq!(deployment.loader.inspect(&deployment.program.id).await.unwrap(), OnChain::Absent);

    assert_eq!(deployment.migrate(&deployment.program).await, Ok(Change::Deployed));
    let all = deployment.program.elf.len().div_ceil(1_000);
    assert!(
        deployment.parts() <= all - 50 && deployment.parts() > 0,
        "{} of {all} parts were written again",
        deployment.parts()
    );
    deployment.runs(0).await;
}

#[tokio::test]
async fn only_the_upgrade_authority_upgrades_and_others_prepare_its_buffer() {
    let deployment = TestDeployment::new().await;
    deployment.migrate(&deployment.program).await.unwrap();
    let multisig: SharedSigner = Arc::new(Keypair::new());
    deployment.chain.airdrop(&multisig.pubkey(), 100 * SOL).await.unwrap();
    assert!(deployment.loader.set_authority(&deployment.program.id, &multisig.pubkey()).await.unwrap());
    assert!(!deployment.loader.set_authority(&deployment.program.id, &multisig.pubkey()).await.unwrap());
    assert_eq!(deployment.authority().await, Some(multisig.pubkey()));

    let next = longer(&deployment.program, 3);
    let refused = deployment.migrate(&next).await.unwrap_err();
    assert!(refused.contains(&multisig.pubkey().to_string()) && refused.contains("--prepare"), "{refused}");
    let refused =
        deployment.loader.set_authority(&deployment.program.id, &deployment.wallet.pubkey()).await.unwrap_err();
    assert!(refused.to_string().contains("sign with that authority"), "{refused}");

    let prepared = deployment.loader.migrate(&next, None, true).await.unwrap();
    let Change::Prepared { buffer, authority } = prepared.clone() else { panic!("{prepared:?}") };
    assert_eq!(authority, multisig.pubkey());
    assert_eq!(deployment.loader.migrate(&next, None, true).await.unwrap(), prepared);
    let to = multisig.pubkey();
    deployment.send(&multisig, loader::upgrade(&deployment.program.id, &buffer, &to, &to)).await;
    assert_eq!(deployment.migrate(&next).await, Ok(Change::None));
}

#[tokio::test]
async fn what_cannot_be_deployed_is_refused_before_anything_is_sent() {
    let deployment = TestDeployment::new().await;
    let refused = deployment.loader.migrate(&deployment.program, None, false).await.unwrap_err().to_string();
    assert!(refused.contains("--program-keypair"), "{refused}");
    let other = Arc::new(Keypair::new());
    let refused = deployment.loader.migrate(&deployment.program, Some(&other), false).await.unwrap_err().to_string();
    assert!(refused.contains(&other.pubkey().to_string()), "{refused}");
    let taken = Program { id: deployment.wallet.pubkey(), ..deployment.program.clone() };
    let refused = deployment.migrate(&taken).await.unwrap_err();
    assert!(refused.contains("taken"), "{refused}");
    assert!(deployment.reported.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_final_program_is_left_alone() {
    let deployment = TestDeployment::new().await;
    deployment.migrate(&deployment.program).await.unwrap();
    let wallet = deployment.wallet.pubkey();
    deployment.send(&deployment.wallet, loader::set_upgrade_authority(&deployment.program.id, &wallet, None)).await;
    assert_eq!(deployment.migrate(&deployment.program).await, Ok(Change::None));
    let refused = deployment.migrate(&longer(&deployment.program, 1)).await.unwrap_err();
    assert!(refused.contains("final"), "{refused}");
    let refused = deployment.loader.set_authority(&deployment.program.id, &wallet).await.unwrap_err().to_string();
    assert!(refused.contains("final"), "{refused}");
}

#[tokio::test]
async fn a_network_without_the_metadata_program_publishes_no_idl() {
    let deployment = TestDeployment::new().await;
    let chain: Arc<dyn Chain> = deployment.chain.clone();
    assert_eq!(idl::read(&chain, &deployment.program.id).await.unwrap(), Published::Unsupported);
}
