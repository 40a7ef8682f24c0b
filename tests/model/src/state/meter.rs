//! Meters of sellers, and the devices that they are.

use {crate::call::DeviceSpec, solana_address::Address};

/// The meter of a seller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelMeter {
    pub bus: Address,
    pub seller: Address,
    pub rent_payer: Address,
    /// Key of the present device.
    pub key: Address,
    pub spec: DeviceSpec,
    /// End of the last window that the present device is the meter of; 0 for none.
    pub listed_until: i64,
    pub registered_at: i64,
}

/// A key that is registered as a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDevice {
    pub key: Address,
    pub bus: Address,
    pub seller: Address,
    pub rent_payer: Address,
    /// Once it is no meter of later windows: the end of its last one, 0 where it had none.
    pub retired: Option<i64>,
}
