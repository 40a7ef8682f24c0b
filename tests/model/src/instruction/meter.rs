//! Meters are registered, replaced and closed.

use {
    crate::{
        books::Model,
        call::DeviceSpec,
        cause::*,
        limit::{LAST_SOURCE, MAX_POWER_W, account_bytes},
        state::*,
    },
    solana_address::Address,
};

impl Model {
    fn device_fits(causes: &mut Causes, spec: &DeviceSpec) {
        causes.rule(spec.source <= LAST_SOURCE, "SourceUnknown");
        causes.rule((1..=MAX_POWER_W).contains(&spec.power_w), "PowerInvalid");
    }

    pub(super) fn meter_register(&mut self, accounts: &[PassedAccount; 7], spec: DeviceSpec) -> Verdict {
        let [operator, key, at, at_seller, new, device, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 3, 4, 5]);
        causes.payer(operator);
        causes.signer(key);
        causes.system_program(system);
        let found = self.seller_on(&mut causes, at, at_seller);
        if let Some((bus, seller)) = found {
            causes.rule(!bus.closing, "BusClosing");
            causes.rule(bus.is_operator(&operator.address), "NotTheOperator");
            causes.rule(seller.meter.is_none(), "MeterExists");
        }
        self.new_account(&mut causes, new, self.meter_address(&at_seller.address).0);
        let mut created = vec![(new.address, account_bytes::METER)];
        created.extend(self.can_open_device(&mut causes, device, key, &at_seller.address));
        self.can_pay(&mut causes, operator, &created, 0);
        Self::device_fits(&mut causes, &spec);
        causes.verdict()?;
        for (address, bytes) in created {
            self.pay_rent(&operator.address, &address, bytes);
        }
        let mut meter = ModelMeter {
            bus: at.address,
            seller: at_seller.address,
            rent_payer: operator.address,
            key: key.address,
            spec,
            listed_until: 0,
            registered_at: self.now,
        };
        self.open_device(&mut meter, device, operator);
        self.meters.insert(new.address, meter);
        self.sellers.get_mut(&at_seller.address).expect("found above").meter = Some(new.address);
        Ok(())
    }

    /// A retired device that was the seller's before.
    fn former_device(&self, at: &Address, seller: &Address) -> Option<&ModelDevice> {
        self.devices.get(at).filter(|device| device.seller == *seller && device.retired.is_some())
    }

    /// Causes for which a key cannot become a seller's device; returns the account that is created, if any.
    fn can_open_device(
        &self,
        causes: &mut Causes,
        device: &PassedAccount,
        key: &PassedAccount,
        seller: &Address,
    ) -> Option<(Address, u64)> {
        let place = self.device_address(&key.address).0;
        if device.address == place && self.former_device(&place, seller).is_some() {
            causes.written(device);
            return None;
        }
        self.new_account(causes, device, place);
        Some((device.address, account_bytes::DEVICE))
    }

    /// The device of a meter is opened, or taken back: then the meter remembers until when it is busy.
    fn open_device(&mut self, meter: &mut ModelMeter, device: &PassedAccount, operator: &PassedAccount) {
        if self.former_device(&device.address, &meter.seller).is_some() {
            let former = self.devices.get_mut(&device.address).expect("found above");
            meter.listed_until = former.retired.take().expect("a former device");
            return;
        }
        let opened = ModelDevice {
            key: meter.key,
            bus: meter.bus,
            seller: meter.seller,
            rent_payer: operator.address,
            retired: None,
        };
        self.devices.insert(device.address, opened);
    }

    pub(super) fn meter_replace(&mut self, accounts: &[PassedAccount; 7], spec: DeviceSpec) -> Verdict {
        let [operator, key, at, at_meter, retired, device, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 3, 4, 5]);
        causes.payer(operator);
        causes.signer(key);
        causes.system_program(system);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        let meter = causes.state(at_meter, true, self.meters.get(&at_meter.address));
        let old = causes.state(retired, true, self.devices.get(&retired.address));
        if let Some(bus) = bus {
            causes.rule(!bus.closing, "BusClosing");
            causes.rule(bus.is_operator(&operator.address), "NotTheOperator");
        }
        if let Some(meter) = meter {
            causes.rule(meter.bus == at.address, "BusMismatch");
            let is_present = |old: &ModelDevice| old.key == meter.key && old.retired.is_none();
            causes.rule(old.is_none_or(is_present), "DeviceMismatch");
        }
        let seller = meter.map_or(Address::default(), |meter| meter.seller);
        let created = self.can_open_device(&mut causes, device, key, &seller);
        self.can_pay(&mut causes, operator, created.as_slice(), 0);
        Self::device_fits(&mut causes, &spec);
        causes.verdict()?;
        if let Some((address, bytes)) = created {
            self.pay_rent(&operator.address, &address, bytes);
        }
        let meter = self.meters.get_mut(&at_meter.address).expect("found above");
        self.devices.get_mut(&retired.address).expect("found above").retired = Some(meter.listed_until);
        (meter.key, meter.spec) = (key.address, spec);
        (meter.listed_until, meter.registered_at) = (0, self.now);
        let mut meter = meter.clone();
        self.open_device(&mut meter, device, operator);
        self.meters.insert(at_meter.address, meter);
        Ok(())
    }

    pub(super) fn meter_close(&mut self, accounts: &[PassedAccount; 6]) -> Verdict {
        let [caller, at, at_seller, at_meter, device, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[2, 3, 4]);
        causes.signer(caller);
        causes.written(rent_payer);
        let bus = causes.state(at, false, self.buses.get(&at.address));
        let seller = causes.state(at_seller, true, self.sellers.get(&at_seller.address));
        let meter = causes.state(at_meter, true, self.meters.get(&at_meter.address));
        let present = causes.state(device, true, self.devices.get(&device.address));
        if let Some(meter) = meter {
            causes.rule(meter.bus == at.address, "BusMismatch");
            causes.rule(meter.seller == at_seller.address, "SellerMismatch");
            causes.rule(present.is_none_or(|device| device.key == meter.key), "DeviceMismatch");
            causes.rule(meter.rent_payer == rent_payer.address, "RentPayerMismatch");
        }
        if let (Some(bus), Some(seller)) = (bus, seller) {
            // No owner alone takes away the meter of the bus itself.
            let may = bus.closing || bus.is_operator(&caller.address) || seller.wallet == caller.address;
            causes.rule(may, "MeterInUse");
        }
        causes.verdict()?;
        let meter = self.meters.remove(&at_meter.address).expect("found above");
        self.devices.get_mut(&device.address).expect("found above").retired = Some(meter.listed_until);
        self.sellers.get_mut(&at_seller.address).expect("found above").meter = None;
        self.return_rent(&at_meter.address, &rent_payer.address);
        Ok(())
    }

    pub(super) fn device_close(&mut self, accounts: &[PassedAccount; 2]) -> Verdict {
        let [at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0]);
        causes.written(rent_payer);
        let device = causes.state(at, true, self.devices.get(&at.address));
        if let Some(device) = device {
            causes.rule(device.rent_payer == rent_payer.address, "RentPayerMismatch");
            causes.rule(device.retired.is_some_and(|until| self.now >= until), "DeviceInUse");
        }
        causes.verdict()?;
        self.devices.remove(&at.address);
        self.return_rent(&at.address, &rent_payer.address);
        Ok(())
    }
}
