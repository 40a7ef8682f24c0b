//! The meter of a seller and its devices. A device is an Ed25519 key that signs readings. A meter has one device at a
//! time.

use {
    crate::{constants::*, error::ensure, state::Offer},
    anchor_lang::{address_eq, prelude::*},
};

/// What the operator states about a device when it registers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterSpec {
    /// One of [`EnergySource`](crate::state::EnergySource).
    pub source: u8,
    /// The highest power that it can deliver, in W.
    pub power_w: u64,
    /// Start of the first window that it can measure, in unix seconds; 0 for any.
    pub valid_from: i64,
}

impl MeterSpec {
    /// Refuses a source that is unknown, and a power that is 0 or beyond its limit.
    pub fn validate(&self) -> Result<()> {
        Offer::validate_source(self.source)?;
        ensure!(
            (1..=MAX_POWER_W).contains(&self.power_w),
            PowerInvalid,
            "power {} W, largest {}",
            self.power_w,
            MAX_POWER_W
        );
        Ok(())
    }
}

/// The meter of a seller. PDA `["meter", seller]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Meter {
    pub layout_version: u8,
    pub bump: u8,
    /// One of [`EnergySource`](crate::state::EnergySource).
    pub source: u8,
    pub padding: [u8; 5],
    /// The highest power that it can deliver, in W.
    pub power_w: u64,
    /// Start of the first window that the present device can measure, in unix seconds; 0 for any.
    pub valid_from: i64,
    /// End of the last window that the present device measures, in unix seconds; 0 for none. It includes windows that it
    /// measures since it was the seller's before.
    pub listed_until: i64,
    /// When the present device was registered, in unix seconds.
    pub registered_at: i64,
    pub bus: Address,
    /// The seller's account.
    pub seller: Address,
    /// Key of the present device.
    pub key: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    pub reserved: [u64; 8],
}

const _: () = assert!(size_of::<Meter>() == 232);

impl Meter {
    /// Initialises a new meter, except for its device.
    pub fn initialize(&mut self, bus: &Address, seller: &Address, rent_payer: &Address) {
        self.layout_version = LAYOUT_VERSION;
        self.bus = *bus;
        self.seller = *seller;
        self.rent_payer = *rent_payer;
    }

    /// Sets the meter's device, for windows from `valid_from` on. Windows in which the seller has listed keep the
    /// device that they have.
    pub fn set_device(&mut self, key: &Address, spec: MeterSpec, now: i64) -> Result<()> {
        spec.validate()?;
        self.source = spec.source;
        self.power_w = spec.power_w;
        self.valid_from = spec.valid_from;
        self.listed_until = 0;
        self.registered_at = now;
        self.key = *key;
        Ok(())
    }

    /// Refuses a window before the first one that the device can measure.
    #[inline(always)]
    pub fn validate_window(&self, window_start: i64) -> Result<()> {
        ensure!(
            window_start >= self.valid_from,
            MeterNotValidYet,
            "window start {}, valid from {}",
            window_start,
            self.valid_from
        );
        Ok(())
    }

    /// Notes that the present device measures a window that ends at `window_end`.
    #[inline(always)]
    pub fn commit(&mut self, window_end: i64) {
        self.listed_until = self.listed_until.max(window_end);
    }

    /// Checks what always holds of a meter.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            source,
            padding,
            power_w,
            valid_from,
            listed_until: _,
            registered_at: _,
            bus: _,
            seller: _,
            key: _,
            rent_payer: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        let spec = MeterSpec { source: *source, power_w: *power_w, valid_from: *valid_from };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(spec.validate().is_ok(), "source and power are within their limits")?;
        invariant(*padding == [0; 5] && *reserved == [0; 8], "reserved bytes are zero")
    }
}

/// A device's key. The address allows each key once in the whole program. PDA `["device", key]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Device {
    pub layout_version: u8,
    pub bump: u8,
    /// 1 once it gets no more windows. Its account can be closed when the last of its windows has ended.
    pub retired: u8,
    pub padding: [u8; 5],
    /// Once it is retired, the end of the last window that it measures, in unix seconds; 0 for none. 0 before.
    pub busy_until: i64,
    pub key: Address,
    pub bus: Address,
    /// The seller's account.
    pub seller: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    pub reserved: [u64; 4],
}

const _: () = assert!(size_of::<Device>() == 176);

impl Device {
    /// Initialises a new device.
    pub fn initialize(&mut self, key: &Address, meter: &Meter, rent_payer: &Address) {
        self.layout_version = LAYOUT_VERSION;
        self.key = *key;
        self.bus = meter.bus;
        self.seller = meter.seller;
        self.rent_payer = *rent_payer;
    }

    /// Retires the device: it gets no more windows. Windows that it measures take its readings until they are final.
    pub fn retire(&mut self, meter: &Meter) {
        self.retired = 1;
        self.busy_until = meter.listed_until;
    }

    /// Makes a retired device the seller's meter again, which remembers until when the device is busy. Nothing can be sold
    /// twice by that: its windows are in the books of the same seller. Returns whether it did; a device that is in use, or
    /// another seller's, stays as it is.
    pub fn reinstate(&mut self, meter: &mut Meter) -> bool {
        let is_free = self.retired == 1 && address_eq(&self.seller, &meter.seller);
        if is_free {
            meter.listed_until = core::mem::take(&mut self.busy_until);
            self.retired = 0;
        }
        is_free
    }

    /// Refuses to close a device that is in use, or whose windows have not ended: its key could be registered again,
    /// and the same energy sold a second time.
    pub fn validate_close(&self, now: i64) -> Result<()> {
        ensure!(
            self.retired == 1 && now >= self.busy_until,
            DeviceInUse,
            "retired {}, busy until {}, now {}",
            self.retired,
            self.busy_until,
            now
        );
        Ok(())
    }

    /// Checks what always holds of a device.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            retired,
            padding,
            busy_until,
            key: _,
            bus: _,
            seller: _,
            rent_payer: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(*retired <= 1 && (*retired == 1 || *busy_until == 0), "only a retired device has an end")?;
        invariant(*padding == [0; 5] && *reserved == [0; 4], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::fixture::{BUS, assert_noticed, wallet},
        },
        bytemuck::Zeroable,
    };

    const SPEC: MeterSpec = MeterSpec { source: 1, power_w: 5_000, valid_from: 900 };

    fn meter() -> Meter {
        let mut meter = Meter::zeroed();
        meter.initialize(&BUS, &wallet(1), &wallet(2));
        meter.set_device(&wallet(3), SPEC, 500).unwrap();
        meter
    }

    #[test]
    fn a_meter_is_its_device_until_that_is_replaced() {
        let mut meter = meter();
        assert_eq!((meter.bus, meter.seller, meter.rent_payer, meter.key), (BUS, wallet(1), wallet(2), wallet(3)));
        assert_eq!((meter.source, meter.power_w, meter.valid_from, meter.registered_at), (1, 5_000, 900, 500));
        assert_eq!(meter.validate_window(899), Err(MultibusError::MeterNotValidYet.into()));
        assert_eq!(meter.validate_window(900), Ok(()));
        meter.commit(2_700);
        meter.commit(1_800);
        assert_eq!((meter.listed_until, meter.check_invariants()), (2_700, Ok(())));
        let mut device = Device::zeroed();
        device.initialize(&meter.key, &meter, &wallet(4));
        assert_eq!((device.key, device.bus, device.seller, device.rent_payer), (wallet(3), BUS, wallet(1), wallet(4)));
        assert_eq!(device.validate_close(9_999), Err(MultibusError::DeviceInUse.into()));
        device.retire(&meter);
        assert_eq!(device.validate_close(2_699), Err(MultibusError::DeviceInUse.into()));
        assert_eq!((device.validate_close(2_700), device.check_invariants()), (Ok(()), Ok(())));
        // It becomes the same seller's again, and stays busy.
        let (mut other, mut again) = (self::meter(), self::meter());
        other.seller = wallet(9);
        let retired = device;
        assert_eq!((device.reinstate(&mut other), device, other.listed_until), (false, retired, 0));
        assert_eq!((device.reinstate(&mut again), again.listed_until), (true, 2_700));
        assert_eq!((device.retired, device.busy_until, device.reinstate(&mut again)), (0, 0, false));
        device.retire(&again);
        assert_eq!(device, retired);
        meter.set_device(&wallet(5), MeterSpec { source: 2, power_w: 1, valid_from: 0 }, 600).unwrap();
        assert_eq!((meter.key, meter.source, meter.power_w, meter.listed_until), (wallet(5), 2, 1, 0));
        assert_noticed(
            &device,
            Device::check_invariants,
            &[
                ("the layout version is the present one", |device| device.layout_version = 1),
                ("only a retired device has an end", |device| device.retired = 2),
                ("only a retired device has an end", |device| device.retired = 0),
                ("reserved bytes are zero", |device| device.padding[4] = 1),
                ("reserved bytes are zero", |device| device.reserved[3] = 1),
            ],
        );
    }

    #[test]
    fn what_no_device_can_be_is_refused() {
        for (spec, error) in [
            (MeterSpec { source: 6, ..SPEC }, MultibusError::SourceUnknown),
            (MeterSpec { power_w: 0, ..SPEC }, MultibusError::PowerInvalid),
            (MeterSpec { power_w: MAX_POWER_W + 1, ..SPEC }, MultibusError::PowerInvalid),
        ] {
            let (mut after, before) = (meter(), meter());
            assert_eq!((after.set_device(&wallet(9), spec, 1), after), (Err(error.into()), before));
        }
        assert_eq!(MeterSpec { power_w: MAX_POWER_W, ..SPEC }.validate(), Ok(()));
        assert_noticed(
            &meter(),
            Meter::check_invariants,
            &[
                ("the layout version is the present one", |meter| meter.layout_version = 1),
                ("source and power are within their limits", |meter| meter.power_w = 0),
                ("reserved bytes are zero", |meter| meter.padding[4] = 1),
                ("reserved bytes are zero", |meter| meter.reserved[7] = 1),
            ],
        );
    }
}
