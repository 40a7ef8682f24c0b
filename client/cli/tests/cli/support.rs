//! What the tests share: folders, calls of the binary, a market in a file.

use {
    multibus_test_support::program_elf,
    serde_json::Value,
    std::{
        path::Path,
        process::{Command, Output, Stdio},
    },
    tempfile::TempDir,
};

pub const MULTIBUS: &str = env!("CARGO_BIN_EXE_multibus");
/// An address at which nothing is.
pub const NOWHERE: &str = "BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo";

/// A folder of its own, removed at the end.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A command that sees this folder alone, not the settings or wallets of the person who runs the test.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).env("HOME", self.path()).stdin(Stdio::null());
        for variable in ["MULTIBUS_URL", "MULTIBUS_KEYPAIR"] {
            command.env_remove(variable);
        }
        // The folder is not below the one that holds `target`, where the binary looks.
        command.env("MULTIBUS_PROGRAM", program_elf());
        command
    }

    pub fn multibus(&self, arguments: &str) -> Run {
        let words = words(arguments);
        let output = self.command(MULTIBUS).args(&words).output().unwrap();
        Run::of(arguments, output)
    }
}

/// Splits at spaces outside of double quotes.
pub fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a call printed and how it ended.
pub struct Run {
    pub arguments: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(arguments: &str, output: Output) -> Self {
        Self {
            arguments: arguments.to_owned(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn ok(self) -> String {
        let Self { arguments, code, stdout, stderr } = self;
        assert_eq!(code, Some(0), "`multibus {arguments}`\n{stdout}{stderr}");
        assert_eq!(stderr, "", "`multibus {arguments}` is silent where nothing is wrong");
        stdout
    }

    #[track_caller]
    pub fn json(self) -> Value {
        let stdout = self.ok();
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}\n{stdout}"))
    }

    /// The error's text, where the call failed with that exit code and printed no result.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        let Self { arguments, code: found, stdout, stderr } = self;
        assert_eq!(found, Some(code), "`multibus {arguments}`\n{stdout}{stderr}");
        assert_eq!(stdout, "", "`multibus {arguments}` prints no result where it failed");
        assert!(stderr.starts_with("error: "), "`multibus {arguments}`\n{stderr}");
        stderr
    }
}

#[track_caller]
pub fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no '{part}' in:\n{text}");
    }
}

/// Names of an object's fields, in order.
pub fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Pins the fields that scripts rely on: none is missing, none is new.
#[track_caller]
pub fn assert_fields(value: &Value, expected: &str) {
    let mut expected: Vec<_> = expected.split_whitespace().collect();
    expected.sort_unstable();
    let mut found = names(value);
    found.sort_unstable();
    assert_eq!(found, expected);
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub const TRANSACTION: &str = " signature slot compute_units fee_lamports";
pub const BUS: &str = " address name creator bus_seq mint mint_decimals token_program treasury unclaimed escrow seller owners \
                       threshold pause_quorum listing operator paused closing timelock_seconds terms next_terms \
                       grid_recipient horizon_seconds lock_fee_bps capacity_wh least_wh base_price_per_kwh \
                       reserve_price_per_kwh config_version created_at";
pub const TERMS: &str = " from window_seconds gate_closure_seconds settlement grid_fee_per_kwh \
                         reading_deadline_seconds correction_seconds auction";
/// What `bus show` says beside [`BUS`].
pub const BUS_SHOWN: &str = " former_owners treasury_balance_base_units treasury_diverted_base_units treasury_claimable_base_units open_sellers \
                             open_windows open_proposals open_claims open_offers open_locks released_base_units \
                             proceeds_base_units deposits_base_units held_base_units grid_fees_base_units open_books \
                             open_positions open_bids escrowed_base_units meters unclaimed_base_units sold_wh capacities";
pub const WINDOW: &str = " address window_start gate_closes_at total_wh available_wh listed_wh sold_wh open_offers \
                          open_bids auction rent_payer closable_by";
pub const SELLER: &str = " address bus wallet vault of_bus may_list admitted suspended open_offers released_base_units \
                          proceeds_base_units releasable_base_units deposits_base_units held_base_units \
                          pool_due_base_units grid_fees_base_units vault_base_units open_books meter mint mint_decimals opened_at \
                          rent_payer";
pub const CLAIM: &str = " address bus bus_closed wallet amount_base_units mint mint_decimals refund rent_payer";
pub const OFFER: &str = " address bus capacity seller wallet vault number source state price_per_kwh \
                         grid_fee_per_kwh full_price_per_kwh settlement book mint \
                         mint_decimals listed_wh remaining_wh reserved_wh free_wh sold_wh proceeds_base_units \
                         deposits_base_units open_locks version owned_by_bus window_start created_at trades_from \
                         expires_at";
pub const PROPOSAL: &str = " address bus number proposer hash action state executed stale expired approvals \
                            approvals_needed approvals_missing approved_by created_at executable_at \
                            executable_in_seconds expires_at executed_at config_version changes";
pub const LOCK: &str = " address offer bus buyer place state energy_wh price_per_kwh grid_fee_per_kwh \
                        settlement deposit_base_units lock_fee_bps \
                        refund mint mint_decimals taken_at expires_at expired";
pub const TRADER: &str = " address wallet lane next_nonce first_nonce total_energy_wh total_paid_base_units opened_at \
                      history_root receipts";
pub const BOUGHT: &str = " energy_wh paid_base_units grid_fee_base_units refundable_base_units average_price_per_kwh mint \
                          mint_decimals purchases left_out";
pub const PURCHASE: &str =
    " transaction_hash signature slot lane nonce energy_wh paid_base_units fills compute_units attempts";
pub const FILL: &str = " offer energy_wh price_per_kwh cost_base_units grid_fee_per_kwh settlement position";

/// Alice with a bus, and Bob with money, on a chain in a file.
pub struct CliMarket {
    pub folder: Folder,
    pub alice: String,
    pub bob: String,
    pub token: String,
    pub bus: String,
}

impl CliMarket {
    /// `bus` are further options of `bus create`.
    pub fn new(bus: &str) -> Self {
        let folder = Folder::new();
        let alice = folder.multibus("-q local wallet alice.json").ok().trim().to_owned();
        let bob = folder.multibus("-q local wallet bob.json").ok().trim().to_owned();
        let mut market = Self { folder, alice, bob, token: String::new(), bus: String::new() };
        market.alice("local fund").ok();
        market.token = market.alice("-q local mint").ok().trim().to_owned();
        let (token, bob) = (market.token.clone(), market.bob.clone());
        market.alice(&format!("-q local fund {bob} --mint {token} --amount 100tokens")).ok();
        let create =
            format!("-q bus create --name \"Sunny Street\" --mint {token} --capacity 50kWh --base-price 100000 {bus}");
        market.bus = market.alice(&create).ok().trim().to_owned();
        market
    }

    pub fn call(&self, wallet: &str, arguments: &str) -> Run {
        self.folder.multibus(&format!("--url embedded:village.chain --keypair {wallet} {arguments}"))
    }

    pub fn alice(&self, arguments: &str) -> Run {
        self.call("alice.json", arguments)
    }

    pub fn bob(&self, arguments: &str) -> Run {
        self.call("bob.json", arguments)
    }

    pub fn offer(&self, options: &str) -> String {
        let create = format!("-q offer create {} {options}", self.bus);
        self.alice(&create).ok().trim().to_owned()
    }

    /// The JSON that a command of Bob's prints.
    pub fn json(&self, arguments: &str) -> Value {
        self.bob(&format!("--output json {arguments}")).json()
    }
}

/// Marks the console blocks of a page that a reader can type.
const TOUR: &str = "<!-- tour -->\n```console\n";

/// The tour of a page of the project: its marked console blocks.
pub fn tour(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page)).unwrap();
    let blocks: Vec<String> = text
        .split(TOUR)
        .skip(1)
        .map(|after| after.split_once("```").unwrap_or_else(|| panic!("{page}: a block of the tour does not end")).0)
        .map(str::to_owned)
        .collect();
    assert!(!blocks.is_empty(), "{page} has no console block behind `<!-- tour -->`");
    blocks
}

/// Types commands into a shell; returns what they print.
#[track_caller]
pub fn type_commands(folder: &Folder, typed: &str) -> String {
    let path =
        format!("{}:{}", Path::new(MULTIBUS).parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let output = folder.command("bash").env("PATH", path).args(["-euo", "pipefail", "-c", typed]).output().unwrap();
    let run = Run::of("the tour", output);
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
    run.stdout
}

/// Types the tour of a page as it stands there.
#[track_caller]
pub fn type_tour(page: &str) -> String {
    type_commands(&Folder::new(), &tour(page).join("\n"))
}
