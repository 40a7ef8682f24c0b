//! `multibus meter`: the devices that say what sellers deliver, and the readings that they sign.

use {
    super::{
        offer::{Source, window_start},
        seller::SellerArgs,
    },
    crate::{
        config::home_path,
        failure::Failure,
        output::{Page, Reply, View},
        session::{Session, device_key, read_small},
        value::{
            MeasuredEnergy, Power, Time, Window, address as parse_address, format_power, format_time, source_name,
        },
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{
        Address, Keyed,
        event::Event,
        meter::{Meter, MeterSpec},
        offer::EnergySource,
        reading::{MeterIdentity, Reading, SignedReading},
    },
    serde::Serialize,
    serde_json::Value,
    std::{
        collections::HashMap,
        path::{Path, PathBuf},
    },
};

#[derive(Subcommand, Debug)]
pub enum MeterCommand {
    Register(RegisterArgs),
    Show(ShowArgs),
    List(ListArgs),
    Replace(ReplaceArgs),
    Close(CloseArgs),
    Sign(SignArgs),
}

/// Register a device as the meter of a seller; the operator of the bus does
///
/// On delivery terms a seller lists only with a meter. The device's key signs once here, and later each of its readings; it
/// needs no SOL. A key is registered once in the whole market.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus meter register BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC \\
      --device roof.json --power 5.5kW --source solar
  multibus meter register BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      --for-bus --device mill.json --power 40kW --source hydro")]
pub struct RegisterArgs {
    #[command(flatten)]
    seller: SellerArgs,
    /// Keypair file of the device, '-' for the standard input
    #[arg(long, value_name = "FILE")]
    device: String,
    /// The most that the device can deliver: what is listed in a window is at most this for its length
    #[arg(long, value_name = "POWER")]
    power: Power,
    /// Where the energy comes from
    #[arg(long, default_value = "unspecified")]
    source: Source,
    /// Start of the first window that it can be the meter of [default: any]
    #[arg(long, value_name = "TIME")]
    valid_from: Option<Time>,
}

/// Show a seller's meter, and what its device must know to sign readings without a network
///
/// With `--output json`, the answer is the file that `meter sign --meter` takes. It stays the same until the terms of the bus
/// change: those of other windows are named with --window.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus meter show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus meter show BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC --output json")]
pub struct ShowArgs {
    #[command(flatten)]
    seller: SellerArgs,
    /// A window of the terms that readings are signed for [default: the present terms]
    #[arg(long, value_name = "START")]
    window: Option<Window>,
}

/// List the meters of a bus
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus meter list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
}

/// Put another device in the place of a meter's; the operator of the bus does
///
/// Windows in which energy is listed keep the device that they have: where that is dead, the operator reads them with
/// `delivery report`. The old device's account is closed with `device close`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus meter replace BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC --device new.json")]
pub struct ReplaceArgs {
    #[command(flatten)]
    seller: SellerArgs,
    /// Keypair file of the new device, '-' for the standard input
    #[arg(long, value_name = "FILE")]
    device: String,
    /// The most that the new device can deliver [default: as before]
    #[arg(long, value_name = "POWER")]
    power: Option<Power>,
    /// Where its energy comes from [default: as before]
    #[arg(long)]
    source: Option<Source>,
    /// Start of the first window that it can be the meter of [default: any]
    #[arg(long, value_name = "TIME")]
    valid_from: Option<Time>,
}

/// Close a seller's meter; its device is retired, the rent goes back to the operator who paid it
///
/// The operator and the seller can, for the bus's own energy only the operator; on a closing bus anyone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus meter close BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo
  multibus meter close BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo \\
      8toh8wCgApuHLZUo5T8kFnGLzAXhA4S3f45rCSZgzXnC")]
pub struct CloseArgs {
    #[command(flatten)]
    seller: SellerArgs,
}

/// Sign a reading with the key of a device, without a network and without SOL
///
/// It prints JSON that anyone brings to the chain with `delivery report --reading`. The device needs a file that `meter show
/// --output json` wrote. It is signed again with a higher sequence to correct it; the operator's readings replace it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus meter sign --meter meter.json --device roof.json \\
      --window 2027-01-15T08:00:00Z --energy 1.25kWh
  multibus meter sign --meter meter.json --device roof.json \\
      --window 1800000000 --energy 0 --sequence 2")]
pub struct SignArgs {
    /// What the device must know, as `meter show --output json` wrote it
    #[arg(long, value_name = "FILE", value_parser = home_path())]
    meter: PathBuf,
    /// Keypair file of the device, '-' for the standard input
    #[arg(long, value_name = "FILE")]
    device: String,
    /// Start of the window, in unix seconds or RFC 3339
    #[arg(long, value_name = "START")]
    window: Time,
    /// What was delivered in the window, such as 1250Wh; 0 for nothing
    #[arg(long)]
    energy: MeasuredEnergy,
    /// Number of the reading among the window's; a correction needs a higher one
    #[arg(long, value_name = "N", default_value_t = 1)]
    sequence: u64,
}

/// Runs a verb of `meter` that needs a chain.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: MeterCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        MeterCommand::Register(args) => register(&args, session).await,
        MeterCommand::Show(args) => show(&args, session).await,
        MeterCommand::List(args) => list(&args.bus, session).await,
        MeterCommand::Replace(args) => replace(&args, session).await,
        MeterCommand::Close(args) => close(&args.seller, session).await,
        MeterCommand::Sign(args) => sign(&args),
    }
}

async fn register(args: &RegisterArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let device = session.device(&args.device)?;
    let bus = session.market().bus(args.seller.bus()).await?;
    let wallet_of_seller = args.seller.wallet(session)?;
    // Its account says whose meter it is.
    let seller = session.market().find_seller(&bus.address, &wallet_of_seller).await?.ok_or_else(|| {
        Failure::sentence(format!(
            "{wallet_of_seller} has no seller account on the bus {}, which a meter belongs to; the seller opens one with \
             `multibus seller open`, or the operator with `multibus seller admit`",
            bus.address
        ))
    })?;
    let now = session.now().await?;
    let spec = MeterSpec {
        source: args.source.energy_source(),
        power_w: args.power.w,
        valid_from: args.valid_from.map_or(0, |time| time.unix_seconds(now)),
    };
    let registered = wallet.meter_register(&bus.address, &seller.wallet, &device, &spec).await?;
    let registered_at = registered.sent.events.iter().find_map(|event| match event {
        Event::MeterRegistered(event) => Some(event.registered_at),
        _ => None,
    });
    let meter = MeterView {
        address: registered.address.to_string(),
        bus: bus.address.to_string(),
        seller: seller.address.to_string(),
        wallet: seller.wallet.to_string(),
        device: device.pubkey().to_string(),
        source: source_name(spec.source as u8),
        power_w: spec.power_w,
        valid_from: spec.valid_from,
        listed_until: 0,
        registered_at: registered_at.unwrap_or(now),
        rent_payer: wallet.address().to_string(),
    };
    Ok(Box::new(Changed { did: "registered", meter, transaction: TransactionView::from(&registered.sent) }))
}

async fn show(args: &ShowArgs, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(args.seller.bus()).await?;
    let wallet = args.seller.wallet(session)?;
    let meter = find(&bus.address, &wallet, session).await?;
    let now = session.now().await?;
    let terms = match args.window {
        Some(window) => market.terms(&bus, window_start(Some(window), &bus, now)?).await?,
        None => *bus.terms_at(now),
    };
    let identity = terms.has_windows().then(|| MeterIdentity::new(&bus, &meter.seller, &terms));
    Ok(Box::new(Shown { meter: MeterView::of(&meter, &wallet), identity }))
}

/// The meter of a seller, or a sentence that says how to get one.
async fn find(bus: &Address, wallet: &Address, session: &Session) -> Result<Keyed<Meter>, Failure> {
    session.market().find_meter(bus, wallet).await?.ok_or_else(|| {
        Failure::sentence(format!(
            "the seller {wallet} has no meter on the bus {bus}; the operator registers one with `multibus meter register`"
        ))
    })
}

async fn list(bus: &Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(bus).await?;
    let wallets = seller_wallets(&bus.address, session).await?;
    let meters = market.meters(&bus.address).await?;
    let meters = meters.iter().map(|meter| MeterView::of(meter, wallet_of(&meter.seller, &wallets))).collect();
    Ok(Box::new(Meters { bus: bus.address.to_string(), meters }))
}

/// The wallets of a bus's sellers, by their accounts.
///
/// # Errors
/// Where the chain cannot be reached.
pub async fn seller_wallets(bus: &Address, session: &Session) -> Result<HashMap<Address, Address>, Failure> {
    let sellers = session.market().sellers(bus).await?;
    Ok(sellers.iter().map(|seller| (seller.address, seller.wallet)).collect())
}

/// The wallet whose account a seller is; the account itself where the node does not show it.
pub fn wallet_of<'a>(seller: &'a Address, wallets: &'a HashMap<Address, Address>) -> &'a Address {
    wallets.get(seller).unwrap_or(seller)
}

async fn replace(args: &ReplaceArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let device = session.device(&args.device)?;
    let seller = args.seller.wallet(session)?;
    let mut meter = find(args.seller.bus(), &seller, session).await?;
    let now = session.now().await?;
    let spec = MeterSpec {
        source: match args.source {
            Some(source) => source.energy_source(),
            None => EnergySource::try_from(meter.source).unwrap_or(EnergySource::Unspecified),
        },
        power_w: args.power.map_or(meter.power_w, |power| power.w),
        valid_from: args.valid_from.map_or(0, |time| time.unix_seconds(now)),
    };
    let retired = meter.key;
    let sent = wallet.meter_replace(&meter.bus, &seller, &device, &spec).await?;
    let account = &mut meter.account;
    (account.key, account.source, account.power_w) = (device.pubkey(), spec.source as u8, spec.power_w);
    (account.valid_from, account.listed_until, account.registered_at) = (spec.valid_from, 0, now);
    for event in &sent.events {
        if let Event::MeterReplaced(event) = event {
            account.registered_at = event.registered_at;
        }
    }
    Ok(Box::new(Replaced {
        meter: MeterView::of(&meter, &seller),
        retired_device: retired.to_string(),
        transaction: TransactionView::from(&sent),
    }))
}

async fn close(args: &SellerArgs, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let seller = args.wallet(session)?;
    let meter = find(args.bus(), &seller, session).await?;
    let sent = wallet.meter_close(args.bus(), &seller).await?;
    let busy_until = sent.events.iter().find_map(|event| match event {
        Event::MeterClosed(event) => Some(event.busy_until),
        _ => None,
    });
    Ok(Box::new(Closed {
        busy_until: busy_until.unwrap_or(meter.listed_until),
        meter: MeterView::of(&meter, &seller),
        transaction: TransactionView::from(&sent),
    }))
}

/// Runs `meter sign`, which needs no chain.
///
/// # Errors
/// Where a file cannot be read, no window starts then, or the time depends on a chain's clock.
pub fn sign(args: &SignArgs) -> Result<Reply, Failure> {
    let Time::At(window_start) = args.window else {
        return Err(Failure::usage(
            "a wait is counted from the clock of a chain, and signing asks none; give the window's start, such as \
             2027-01-15T08:00:00Z",
        ));
    };
    let identity = read_identity(&args.meter)?;
    let device = device_key(&args.device)?;
    let reading = Reading { window_start, energy_wh: args.energy.wh, sequence: args.sequence };
    Ok(Box::new(Signed(identity.sign(&device, reading)?)))
}

/// Reads what `meter show --output json` wrote, or the part of it that a device needs.
fn read_identity(path: &Path) -> Result<MeterIdentity, Failure> {
    let text = read_small(path).map_err(|error| Failure::file("read", path, &error))?;
    let refuse = |cause: &dyn std::fmt::Display| {
        Failure::usage(format!(
            "{} does not say what a device must know ({cause}); write it with `multibus meter show BUS WALLET --output \
             json > {}`",
            path.display(),
            path.display()
        ))
    };
    let mut value: Value = serde_json::from_str(&text).map_err(|error| refuse(&error))?;
    if let Some(identity) = value.get_mut("identity") {
        value = identity.take();
    }
    serde_json::from_value(value).map_err(|error| refuse(&error))
}

/// A seller's meter.
#[derive(Serialize)]
struct MeterView {
    address: String,
    bus: String,
    seller: String,
    /// The seller's wallet; the bus itself where it sells its own energy.
    wallet: String,
    /// Key of the device.
    device: String,
    source: String,
    power_w: u64,
    /// 0 for any window.
    valid_from: i64,
    /// End of the last window that it is the meter of, 0 for none.
    listed_until: i64,
    registered_at: i64,
    rent_payer: String,
}

impl MeterView {
    fn of(meter: &Keyed<Meter>, wallet: &Address) -> Self {
        Self {
            address: meter.address.to_string(),
            bus: meter.bus.to_string(),
            seller: meter.seller.to_string(),
            wallet: wallet.to_string(),
            device: meter.key.to_string(),
            source: source_name(meter.source),
            power_w: meter.power_w,
            valid_from: meter.valid_from,
            listed_until: meter.listed_until,
            registered_at: meter.registered_at,
            rent_payer: meter.rent_payer.to_string(),
        }
    }

    fn fields(&self) -> Vec<(&'static str, String)> {
        let moment = |time: i64, none: &str| if time == 0 { none.to_owned() } else { format_time(time) };
        let whose = if self.wallet == self.bus { "the bus itself".to_owned() } else { self.wallet.clone() };
        vec![
            ("meter", self.address.clone()),
            ("seller", whose),
            ("device", self.device.clone()),
            ("source", self.source.clone()),
            ("power", format_power(self.power_w)),
            ("valid from", moment(self.valid_from, "any window")),
            ("listed until", moment(self.listed_until, "nothing is listed yet")),
            ("registered", format_time(self.registered_at)),
        ]
    }
}

#[derive(Serialize)]
struct Changed {
    #[serde(skip)]
    did: &'static str,
    #[serde(flatten)]
    meter: MeterView,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Changed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.meter.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("{} the meter of {}", self.did, self.meter.wallet));
        page.fields(self.meter.fields());
        signature_line(page, &self.transaction);
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    meter: MeterView,
    /// What the device must know to sign readings; `null` where the terms have no windows.
    identity: Option<MeterIdentity>,
}

impl View for Shown {
    fn text(&self, page: &mut Page) {
        page.fields(self.meter.fields());
        page.line("");
        let Some(identity) = &self.identity else {
            page.line("the bus has no windows now, so nothing is signed for them");
            return;
        };
        page.line("what its device must know to sign readings without a network:");
        page.fields([
            ("program", multibus_client::multibus::ID.to_string()),
            ("bus", identity.bus.to_string()),
            ("bus created at", identity.bus_created_at.to_string()),
            ("seller account", identity.seller.to_string()),
            ("terms from", identity.terms_from.to_string()),
            ("window seconds", identity.window_seconds.to_string()),
        ]);
        page.line("write it into a file with --output json, for `multibus meter sign --meter`");
    }
}

#[derive(Serialize)]
struct Meters {
    bus: String,
    meters: Vec<MeterView>,
}

impl View for Meters {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.meters.iter().map(|meter| meter.address.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.meters.is_empty() {
            page.line("no meters; the operator registers one with `multibus meter register`");
        }
        for (index, meter) in self.meters.iter().enumerate() {
            if index > 0 {
                page.line("");
            }
            page.fields([
                ("seller", if meter.wallet == meter.bus { "the bus itself".to_owned() } else { meter.wallet.clone() }),
                ("device", meter.device.clone()),
                ("delivers", format!("{} of at most {}", meter.source, format_power(meter.power_w))),
            ]);
        }
    }
}

#[derive(Serialize)]
struct Replaced {
    #[serde(flatten)]
    meter: MeterView,
    retired_device: String,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Replaced {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.meter.address.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("replaced the device of {}'s meter", self.meter.wallet));
        page.fields(self.meter.fields());
        signature_line(page, &self.transaction);
        page.line("windows with energy keep the old device; once they have ended, close it:");
        page.line(format!("  multibus device close {}", self.retired_device));
    }
}

#[derive(Serialize)]
struct Closed {
    #[serde(flatten)]
    meter: MeterView,
    /// End of the last window of its device, 0 for none.
    busy_until: i64,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Closed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("closed the meter of {}; its rent went to {}", self.meter.wallet, self.meter.rent_payer));
        signature_line(page, &self.transaction);
        match self.busy_until {
            0 => page.line("its device measures nothing; close it, too:"),
            end => page.line(format!("its device measures until {}; then close it, too:", format_time(end))),
        }
        page.line(format!("  multibus device close {}", self.meter.device));
    }
}

/// A reading that was signed: its JSON is the text, too, because the next command reads it.
#[derive(Serialize)]
#[serde(transparent)]
struct Signed(SignedReading);

impl View for Signed {
    fn text(&self, page: &mut Page) {
        for line in crate::output::json(self, true).lines() {
            page.line(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_must_know_is_read_from_either_form() {
        let folder = tempfile::tempdir().unwrap();
        let [bus, seller] = [1, 2].map(|byte| Address::new_from_array([byte; 32]));
        let identity = MeterIdentity { bus, bus_created_at: 5, seller, terms_from: 0, window_seconds: 900 };
        let path = folder.path().join("meter.json");
        for value in [serde_json::json!(identity), serde_json::json!({ "power_w": 5, "identity": identity })] {
            std::fs::write(&path, value.to_string()).unwrap();
            assert_eq!(read_identity(&path).ok(), Some(identity));
        }
        for text in ["", "[]", "{}", "{\"identity\": null}", "{\"identity\": {\"bus\": 5}}"] {
            std::fs::write(&path, text).unwrap();
            let refused = read_identity(&path).unwrap_err().message();
            assert!(refused.contains("meter.json") && refused.contains("meter show"), "{refused}");
        }
        let missing = read_identity(&folder.path().join("none.json")).unwrap_err().message();
        assert!(missing.contains("none.json"), "{missing}");
    }
}
