//! Meters: the device that says what a seller delivers. The operator of a bus registers it, and the device signs, too. A key is
//! registered once in the whole program. On delivery terms a seller lists only with a meter.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::Result,
        market::Market,
        send::{Sent, SharedSigner},
        wallet::{Created, Wallet},
    },
    multibus::state::EnergySource,
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{Device, Meter};

/// What the operator says of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterSpec {
    /// Where the energy comes from.
    pub source: EnergySource,
    /// The most that it can deliver, in W: 1 to 2^40.
    pub power_w: u64,
    /// Start of the first window that it can be the meter of, in unix seconds; 0 for any.
    pub valid_from: i64,
}

/// Instruction `meter_register`: the operator registers a device as the meter of a seller, by the seller's wallet (the bus for
/// its own energy). Operator and device sign; the operator pays the rent.
pub fn meter_register(
    operator: &Address,
    bus: &Address,
    wallet: &Address,
    key: &Address,
    spec: &MeterSpec,
) -> Instruction {
    let MeterSpec { source, power_w, valid_from } = *spec;
    let seller = address::seller(bus, wallet);
    multibus::instruction::MeterRegister { source: source as u8, power_w, valid_from }.to_instruction(
        multibus::accounts::MeterRegister {
            operator: *operator,
            key: *key,
            bus: *bus,
            seller,
            meter: address::meter(&seller),
            device: address::device(key),
            system_program: system_program::ID,
        },
    )
}

/// Instruction `meter_replace`: the operator replaces the device of a meter. Operator and new device sign. Windows in which
/// energy is listed keep the device that they have.
pub fn meter_replace(operator: &Address, meter: &Keyed<Meter>, key: &Address, spec: &MeterSpec) -> Instruction {
    let MeterSpec { source, power_w, valid_from } = *spec;
    multibus::instruction::MeterReplace { source: source as u8, power_w, valid_from }.to_instruction(
        multibus::accounts::MeterReplace {
            operator: *operator,
            key: *key,
            bus: meter.bus,
            meter: meter.address,
            retired: address::device(&meter.key),
            device: address::device(key),
            system_program: system_program::ID,
        },
    )
}

/// Instruction `meter_close`: closes a meter and retires its device. The operator and the seller may, for the bus's own offers
/// the operator alone, on a closing bus anyone.
pub fn meter_close(caller: &Address, meter: &Keyed<Meter>) -> Instruction {
    multibus::instruction::MeterClose {}.to_instruction(multibus::accounts::MeterClose {
        caller: *caller,
        bus: meter.bus,
        seller: meter.seller,
        meter: meter.address,
        device: address::device(&meter.key),
        rent_payer: meter.rent_payer,
    })
}

/// Instruction `device_close`: closes the account of a retired device, once the last window that it measures has ended. Anyone
/// may. Its key can be registered again then.
pub fn device_close(device: &Keyed<Device>) -> Instruction {
    multibus::instruction::DeviceClose {}
        .to_instruction(multibus::accounts::DeviceClose { device: device.address, rent_payer: device.rent_payer })
}

impl Market {
    /// The meter of a seller on a bus, by the seller's wallet; the bus for its own energy.
    pub async fn meter(&self, bus: &Address, wallet: &Address) -> Result<Keyed<Meter>> {
        self.get(&address::meter(&address::seller(bus, wallet))).await
    }

    /// The same, `None` where the seller has none.
    pub async fn find_meter(&self, bus: &Address, wallet: &Address) -> Result<Option<Keyed<Meter>>> {
        self.find(&address::meter(&address::seller(bus, wallet))).await
    }

    /// Every meter of a bus, by address.
    pub async fn meters(&self, bus: &Address) -> Result<Vec<Keyed<Meter>>> {
        self.list(&[(offset!(Meter, bus), bus.as_ref())]).await
    }

    /// The account of a device's key; `None` where the key is not registered.
    pub async fn device(&self, key: &Address) -> Result<Option<Keyed<Device>>> {
        self.find(&address::device(key)).await
    }

    /// Every device of a bus, by address: present meters, and those that are retired and not closed.
    pub async fn devices(&self, bus: &Address) -> Result<Vec<Keyed<Device>>> {
        self.list(&[(offset!(Device, bus), bus.as_ref())]).await
    }
}

impl Wallet {
    /// Registers a device as the meter of a seller, by the seller's wallet. This wallet must be the bus's operator; it pays the
    /// rent. The device signs the same transaction.
    pub async fn meter_register(
        &self,
        bus: &Address,
        wallet: &Address,
        device: &SharedSigner,
        spec: &MeterSpec,
    ) -> Result<Created> {
        let register = meter_register(&self.address(), bus, wallet, &device.pubkey(), spec);
        let meter = address::meter(&address::seller(bus, wallet));
        let sent = self.send_once_with(&meter, std::slice::from_ref(device), &[register]).await?;
        Ok(Created { address: meter, sent })
    }

    /// Replaces the device of a seller's meter. This wallet must be the bus's operator. Windows in which energy is listed keep
    /// the device that they have: where that is dead, the operator reads them.
    pub async fn meter_replace(
        &self,
        bus: &Address,
        wallet: &Address,
        device: &SharedSigner,
        spec: &MeterSpec,
    ) -> Result<Sent> {
        let meter = self.market().meter(bus, wallet).await?;
        let replace = meter_replace(&self.address(), &meter, &device.pubkey(), spec);
        self.send_once_with(&address::device(&device.pubkey()), std::slice::from_ref(device), &[replace]).await
    }

    /// Closes the meter of a seller and retires its device. The operator and the seller may, for the bus's own offers the operator
    /// alone, on a closing bus anyone.
    pub async fn meter_close(&self, bus: &Address, wallet: &Address) -> Result<Sent> {
        let meter = self.market().meter(bus, wallet).await?;
        self.send(&[meter_close(&self.address(), &meter)]).await
    }

    /// Closes the account of a retired device, by its key, once the last window that it measures has ended. Anyone may.
    pub async fn device_close(&self, key: &Address) -> Result<Sent> {
        let device = self.market().get::<Device>(&address::device(key)).await?;
        self.send(&[device_close(&device)]).await
    }
}
