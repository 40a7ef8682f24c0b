//! Meters and devices.

use {
    super::books::Replica,
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{constants::LAYOUT_VERSION, event::*, state},
    solana_address::Address,
};

impl Replica {
    /// A device becomes the one of a meter; returns until when it is busy, where it was the seller's before.
    fn device_opened(&mut self, bus: Address, seller: Address, key: Address, rent_payer: Address) -> i64 {
        let (place, bump) = pda::device(&key);
        if let Some(former) = self.devices.get_mut(&place) {
            assert_eq!((former.seller, former.retired), (seller, 1), "a key is registered once");
            former.retired = 0;
            return std::mem::take(&mut former.busy_until);
        }
        let opened =
            state::Device { layout_version: LAYOUT_VERSION, bump, key, bus, seller, rent_payer, ..Zeroable::zeroed() };
        self.devices.insert(place, opened);
        0
    }

    /// The present device of a meter is no meter of later windows.
    fn device_retired(&mut self, key: &Address, busy_until: i64) {
        let device = self.devices.get_mut(&pda::device(key).0).expect("a known device");
        assert_eq!(device.retired, 0, "a device is retired once");
        (device.retired, device.busy_until) = (1, busy_until);
    }

    pub(super) fn meter_registered(&mut self, event: &MeterRegistered, now: i64) {
        let MeterRegistered {
            bus,
            seller,
            meter,
            key,
            rent_payer,
            power_w,
            valid_from,
            registered_at,
            source,
            padding,
        } = *event;
        let (place, bump) = pda::meter(&seller);
        assert_eq!((meter, registered_at, padding), (place, now, [0; 7]));
        assert_eq!(rent_payer, self.bus(&bus).operator, "the operator registers meters");
        let of = self.sellers.get_mut(&seller).expect("a known seller");
        assert_eq!((of.bus, of.meter), (bus, Address::default()), "a seller has one meter");
        of.meter = meter;
        let listed_until = self.device_opened(bus, seller, key, rent_payer);
        let opened = state::Meter {
            listed_until,
            layout_version: LAYOUT_VERSION,
            bump,
            source,
            power_w,
            valid_from,
            registered_at,
            bus,
            seller,
            key,
            rent_payer,
            ..Zeroable::zeroed()
        };
        assert!(self.meters.insert(meter, opened).is_none(), "a seller has one meter");
    }

    pub(super) fn meter_replaced(&mut self, event: &MeterReplaced, now: i64) {
        let MeterReplaced {
            bus,
            seller,
            meter,
            key,
            retired_key,
            rent_payer,
            power_w,
            valid_from,
            registered_at,
            busy_until,
            source,
            padding,
        } = *event;
        assert_eq!((registered_at, padding), (now, [0; 7]));
        assert_eq!(rent_payer, self.bus(&bus).operator, "the operator replaces devices");
        let of = self.meters.get_mut(&meter).expect("a known meter");
        assert_eq!((of.bus, of.seller, of.key, of.listed_until), (bus, seller, retired_key, busy_until));
        (of.source, of.power_w, of.valid_from) = (source, power_w, valid_from);
        (of.registered_at, of.listed_until, of.key) = (now, 0, key);
        self.device_retired(&retired_key, busy_until);
        let listed_until = self.device_opened(bus, seller, key, rent_payer);
        self.meters.get_mut(&meter).expect("a known meter").listed_until = listed_until;
    }

    pub(super) fn meter_closed(&mut self, event: &MeterClosed) {
        let MeterClosed { bus, seller, meter, key, closed_by, busy_until } = *event;
        let closed = self.meters.remove(&meter).expect("a known meter");
        assert_eq!((closed.bus, closed.seller, closed.key, closed.listed_until), (bus, seller, key, busy_until));
        let of = *self.bus(&bus);
        let seller = self.sellers.get_mut(&seller).expect("a known seller");
        let is_owner = of.owners.iter().any(|slot| slot.owner == closed_by);
        let acts = closed_by == seller.wallet || (seller.wallet == bus && is_owner);
        assert!(of.closing == 1 || closed_by == of.operator || acts, "who closes a meter may");
        seller.meter = Address::default();
        self.device_retired(&key, busy_until);
    }

    pub(super) fn device_closed(&mut self, event: &DeviceClosed, now: i64) {
        let DeviceClosed { device, key, bus, seller } = *event;
        let closed = self.devices.remove(&device).expect("a known device");
        assert_eq!((closed.key, closed.bus, closed.seller, closed.retired), (key, bus, seller, 1));
        assert!(now >= closed.busy_until, "a device stays until its last window has ended");
    }
}
