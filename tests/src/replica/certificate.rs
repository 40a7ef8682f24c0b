//! Certificates of origin.

use {
    super::{
        books::Replica,
        delivery::{auction_delivered, has, surplus},
    },
    crate::key::pda,
    bytemuck::Zeroable,
    multibus::{
        constants::LAYOUT_VERSION,
        event::*,
        state::{self, BookMeter},
    },
    solana_address::Address,
};

impl Replica {
    pub(super) fn certificate_taken(&mut self, event: &CertificateTaken, now: i64) {
        let CertificateTaken {
            certificate,
            book,
            bus,
            seller,
            owner,
            device,
            window_start,
            range_start,
            range_end,
            issued_at,
            window_seconds,
            source,
            padding,
        } = *event;
        assert_eq!((issued_at, padding), (now, [0; 3]));
        let (at, bump) = pda::certificate(&seller, window_start, range_start);
        assert_eq!(certificate, at);
        let of = self.books[&book];
        assert_eq!((of.bus, of.seller, of.terms.window_seconds), (bus, seller, window_seconds));
        let place = Self::window_place(&of, window_start);
        assert!(now >= Self::final_at(&of, place), "only what is final is certified");
        let window = of.windows[place];
        let BookMeter { key, source: of_device, .. } = of.meters[window.meter as usize];
        assert_eq!((device, source), (key, of_device), "source and device come from the meter");
        assert_eq!(range_start, window.certified_wh, "a range starts where the last one ended");
        let energy_wh = range_end - range_start;
        let holding = self.holdings.pop_front().expect("a certificate_take for each certificate");
        let window = &mut self.books.get_mut(&book).expect("found above").windows[place];
        window.certified_wh += energy_wh;
        if let Some(bid) = self.bids.get_mut(&holding) {
            assert_eq!((bid.buyer, bid.bus, bid.window_start, bid.state), (owner, bus, window_start, 2));
            let left = auction_delivered(window) - window.auction_certified_wh;
            let wanted = bid.delivered_wh - bid.certified_wh;
            assert_eq!(energy_wh, left.min(wanted), "a bid certifies what this seller delivered for it");
            assert!(energy_wh > 0, "a certificate is of something");
            window.auction_certified_wh += energy_wh;
            bid.certified_wh += energy_wh;
        } else if holding == seller {
            assert_eq!(owner, self.sellers[&seller].wallet);
            assert_eq!(window.surplus_certified, 0, "a surplus is certified once");
            assert_eq!(energy_wh, surplus(window), "a seller certifies what it did not sell");
            window.surplus_certified = 1;
        } else {
            let position = pda::position(&book, &owner).0;
            assert_eq!(holding, position);
            assert_eq!(
                energy_wh,
                Self::certifiable(&self.positions[&position], &of, place),
                "a buyer certifies its part"
            );
            let position = self.positions.get_mut(&position).expect("found above");
            assert!(!has(&position.certified, place), "a buyer certifies a window once");
            position.certified[place / 64] |= 1 << (place % 64);
        }
        let taken = state::Certificate {
            layout_version: LAYOUT_VERSION,
            bump,
            source,
            window_seconds,
            window_start,
            range_start,
            range_end,
            issued_at,
            device,
            bus,
            seller,
            owner,
            rent_payer: owner,
            ..Zeroable::zeroed()
        };
        let before = self.certified_ever.insert((seller, window_start, range_start), range_end);
        assert!(before.is_none(), "no Wh is certified twice");
        assert!(self.certificates.insert(certificate, taken).is_none(), "a certificate is opened once");
    }

    pub(super) fn certificate_transferred(&mut self, event: &CertificateTransferred) {
        let CertificateTransferred { certificate, transferred, from, to, range_start, range_end } = *event;
        let of = self.certificates.get_mut(&certificate).expect("a known certificate");
        assert_eq!((of.owner, of.range_end), (from, range_end), "the owner transfers the end of the range");
        assert_ne!(to, Address::default(), "a certificate has an owner");
        if transferred == certificate {
            assert_eq!(of.range_start, range_start, "the whole is transferred");
            of.owner = to;
            return;
        }
        assert!(of.range_start < range_start && range_start < range_end, "a part is transferred");
        of.range_end = range_start;
        let (place, bump) = pda::certificate(&of.seller, of.window_start, range_start);
        assert_eq!(transferred, place);
        let part = state::Certificate { bump, range_start, range_end, owner: to, rent_payer: from, ..*of };
        assert!(self.certificates.insert(transferred, part).is_none(), "a certificate is opened once");
    }

    pub(super) fn certificate_retired(&mut self, event: &CertificateRetired) {
        let CertificateRetired {
            certificate,
            bus,
            seller,
            owner,
            device,
            window_start,
            range_start,
            range_end,
            window_seconds,
            source,
            padding,
            beneficiary,
        } = *event;
        assert_eq!(padding, [0; 3]);
        let closed = self.certificates.remove(&certificate).expect("a known certificate");
        assert_eq!((closed.bus, closed.seller, closed.owner, closed.device), (bus, seller, owner, device));
        assert_eq!((closed.window_start, closed.window_seconds, closed.source), (window_start, window_seconds, source));
        assert_eq!((closed.range_start, closed.range_end), (range_start, range_end));
        let length = beneficiary.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let name = std::str::from_utf8(&beneficiary[..length]).expect("a beneficiary is text");
        assert!(!name.is_empty() && !name.chars().any(char::is_control), "a certificate is retired for somebody");
    }
}
