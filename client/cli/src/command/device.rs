//! `multibus device`: accounts of the devices that are or were meters.

use {
    super::meter::{seller_wallets, wallet_of},
    crate::{
        failure::Failure,
        output::{Page, Reply, View},
        session::Session,
        value::{address as parse_address, format_time},
        view::{TransactionView, signature_line},
    },
    clap::{Args, Subcommand},
    multibus_client::{Address, Keyed, meter::Device},
    serde::Serialize,
};

#[derive(Subcommand, Debug)]
pub enum DeviceCommand {
    List(ListArgs),
    Close(CloseArgs),
}

/// List the devices of a bus: those of its meters, and retired ones that are not closed
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus device list BbyMExgMwz1KcBbwr3yJtkjGbx3xM1MzvWakpNJTR3yo")]
pub struct ListArgs {
    /// The bus
    #[arg(value_name = "BUS", value_parser = parse_address)]
    bus: Address,
}

/// Close the account of a retired device, once its last window has ended; anyone can, who paid the rent gets it
///
/// A device is retired when its meter gets another or is closed. Its key can be registered again then.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multibus device close Ggagb2sMJKNhqg4P3Np3F4C7eVYPwK5jJAY57BJk3QMG")]
pub struct CloseArgs {
    /// Key of the device
    #[arg(value_name = "DEVICE", value_parser = parse_address)]
    device: Address,
}

/// Runs a verb of `device`.
///
/// # Errors
/// Where the chain or the program refuses.
pub async fn run(command: DeviceCommand, session: &Session) -> Result<Reply, Failure> {
    match command {
        DeviceCommand::List(args) => list(&args.bus, session).await,
        DeviceCommand::Close(args) => close(&args.device, session).await,
    }
}

async fn list(bus: &Address, session: &Session) -> Result<Reply, Failure> {
    let market = session.market();
    let bus = market.bus(bus).await?;
    let wallets = seller_wallets(&bus.address, session).await?;
    let devices = market.devices(&bus.address).await?;
    let devices = devices.iter().map(|device| DeviceView::of(device, wallet_of(&device.seller, &wallets))).collect();
    Ok(Box::new(Listed { bus: bus.address.to_string(), devices }))
}

async fn close(key: &Address, session: &Session) -> Result<Reply, Failure> {
    let wallet = session.wallet()?;
    let device = session.market().device(key).await?.ok_or_else(|| {
        Failure::sentence(format!("no device with the key {key} is registered; check the key, or it is closed already"))
    })?;
    let sent = wallet.device_close(key).await?;
    Ok(Box::new(Closed {
        address: device.address.to_string(),
        device: key.to_string(),
        bus: device.bus.to_string(),
        rent_to: device.rent_payer.to_string(),
        transaction: TransactionView::from(&sent),
    }))
}

#[derive(Serialize)]
struct DeviceView {
    address: String,
    /// Its key.
    device: String,
    bus: String,
    seller: String,
    wallet: String,
    retired: bool,
    /// Once it is retired, the end of its last window; 0 for none.
    busy_until: i64,
    rent_payer: String,
}

impl DeviceView {
    fn of(device: &Keyed<Device>, wallet: &Address) -> Self {
        Self {
            address: device.address.to_string(),
            device: device.key.to_string(),
            bus: device.bus.to_string(),
            seller: device.seller.to_string(),
            wallet: wallet.to_string(),
            retired: device.retired != 0,
            busy_until: device.busy_until,
            rent_payer: device.rent_payer.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Listed {
    bus: String,
    devices: Vec<DeviceView>,
}

impl View for Listed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(self.devices.iter().map(|device| device.device.clone()).collect())
    }

    fn text(&self, page: &mut Page) {
        if self.devices.is_empty() {
            page.line("no devices; the operator registers one with `multibus meter register`");
            return;
        }
        page.table(
            &["device", "state"],
            self.devices.iter().map(|device| {
                let state = match (device.retired, device.busy_until) {
                    (false, _) => "in use".to_owned(),
                    (true, 0) => "retired".to_owned(),
                    (true, end) => format!("until {}", format_time(end)),
                };
                vec![device.device.clone(), state]
            }),
        );
    }
}

#[derive(Serialize)]
struct Closed {
    address: String,
    device: String,
    bus: String,
    rent_to: String,
    #[serde(flatten)]
    transaction: TransactionView,
}

impl View for Closed {
    fn essence(&self) -> Option<Vec<String>> {
        Some(vec![self.transaction.signature.clone()])
    }

    fn text(&self, page: &mut Page) {
        page.line(format!("closed the device {}; its rent went to {}", self.device, self.rent_to));
        signature_line(page, &self.transaction);
    }
}
