//! Certificates of origin are taken, transferred and retired.

use {
    crate::{
        books::Model,
        cause::*,
        limit::{MAX_BENEFICIARY_BYTES, account_bytes},
        state::*,
    },
    solana_address::Address,
};

impl Model {
    /// What an owner may certify of a window, in Wh: a buyer what was delivered to it, a bid what this seller delivered for the
    /// auction, up to what was delivered to the bid, a seller what it delivered and did not sell.
    fn certifiable(
        &self,
        causes: &mut Causes,
        owner: &PassedAccount,
        at_book: &PassedAccount,
        holding: &PassedAccount,
        (book, place): (&ModelBook, usize),
    ) -> u64 {
        let window = book.windows.get(&place);
        if let Some(bid) = self.bids.get(&holding.address) {
            causes.rule(bid.buyer == owner.address, "BidBuyerMismatch");
            let fits = bid.bus == book.bus && bid.window_start == book.window_start(place);
            causes.rule(fits, "WindowNotInBook");
            causes.rule(bid.state == ModelBidState::Refunded, "PoolIncomplete");
            causes.rule(bid.delivered_wh > 0, "NothingToCertify");
            causes.rule(bid.delivered_wh == 0 || bid.certified_wh < bid.delivered_wh, "AlreadyCertified");
            let left = window.map_or(0, |window| window.delivered_auction_wh() - window.auction_certified_wh);
            let energy_wh = left.min(bid.delivered_wh - bid.certified_wh);
            causes.rule(energy_wh > 0, "NothingToCertify");
            return energy_wh;
        }
        let energy_wh = if let Some(position) = self.positions.get(&holding.address) {
            let fits = position.book == at_book.address && position.buyer == owner.address;
            causes.rule(fits, "PositionMismatch");
            causes.rule(!position.certified.contains(&place), "AlreadyCertified");
            let bought = position.windows.get(&place).filter(|_| fits);
            bought.zip(window).map_or(0, |((energy_wh, _), window)| window.delivered_of(*energy_wh))
        } else {
            causes.rule(holding.address == book.seller, "PositionMismatch");
            causes.rule(self.sellers[&book.seller].wallet == owner.address, "NotTheSeller");
            causes.rule(!window.is_some_and(|window| window.surplus_certified), "AlreadyCertified");
            window.map_or(0, ModelBookWindow::surplus_wh)
        };
        causes.rule(energy_wh > 0, "NothingToCertify");
        energy_wh
    }

    pub(super) fn certificate_take(&mut self, accounts: &[PassedAccount; 5], window_start: i64) -> Verdict {
        let [owner, at_book, holding, new, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 2, 3]);
        causes.payer(owner);
        causes.system_program(system);
        causes.written(holding);
        causes.written(new);
        let Some(book) = causes.state(at_book, true, self.books.get(&at_book.address)) else {
            return causes.verdict();
        };
        let Some(place) = book.place(window_start) else {
            causes.rule(false, "WindowNotInBook");
            return causes.verdict();
        };
        causes.rule(book.is_final(place, self.now), "WindowNotFinal");
        let energy_wh = self.certifiable(&mut causes, owner, at_book, holding, (book, place));
        let window = book.windows.get(&place);
        let range_start = window.map_or(0, |window| window.certified_wh);
        self.new_certificate(&mut causes, owner, new, (&book.seller, window_start, range_start));
        causes.verdict()?;
        let window = window.expect("something was delivered");
        let device = book.devices[window.device];
        let taken = ModelCertificate {
            bus: book.bus,
            seller: book.seller,
            device: device.key,
            source: device.source,
            window_start,
            window_seconds: book.terms.window_seconds,
            range_start,
            range_end: range_start + energy_wh,
            issued_at: self.now,
            owner: owner.address,
            rent_payer: owner.address,
        };
        // 6. No Wh is certified twice, or that was not delivered.
        let of = (taken.seller, window_start);
        let delivered = *self.delivered_ever.entry(of).or_insert(window.delivered_wh);
        assert_eq!(delivered, window.delivered_wh, "a window that was certified is final");
        assert!(taken.range_end <= delivered, "no more is certified than was delivered");
        let ranges = self.certified_ever.entry(of).or_default();
        let last = ranges.last_key_value().map_or(0, |(_, end)| *end);
        assert_eq!(range_start, last, "the next range begins where the last one ended");
        ranges.insert(range_start, taken.range_end);
        self.pay_rent(&owner.address, &new.address, account_bytes::CERTIFICATE);
        self.certificates.insert(new.address, taken);
        let window = self.books.get_mut(&at_book.address).expect("found above").windows.get_mut(&place);
        let window = window.expect("something was delivered");
        window.certified_wh += energy_wh;
        if let Some(bid) = self.bids.get_mut(&holding.address) {
            bid.certified_wh += energy_wh;
            window.auction_certified_wh += energy_wh;
            return Ok(());
        }
        match self.positions.get_mut(&holding.address) {
            Some(position) => drop(position.certified.insert(place)),
            None => window.surplus_certified = true,
        }
        Ok(())
    }

    /// A certificate can be created at the address of its range.
    fn new_certificate(
        &self,
        causes: &mut Causes,
        owner: &PassedAccount,
        new: &PassedAccount,
        (seller, window_start, range_start): (&Address, i64, u64),
    ) {
        let place = self.certificate_address(seller, window_start, range_start).0;
        causes.rule(new.address == place, "CertificateMismatch");
        if new.address == place {
            self.can_create(causes, new);
        }
        self.can_pay(causes, owner, &[(new.address, account_bytes::CERTIFICATE)], 0);
    }

    pub(super) fn certificate_transfer(
        &mut self,
        accounts: &[PassedAccount; 4],
        energy_wh: u64,
        to: Address,
    ) -> Verdict {
        let [owner, at, part, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0]);
        causes.payer(owner);
        causes.system_program(system);
        causes.written(part);
        let Some(certificate) = causes.state(at, true, self.certificates.get(&at.address)) else {
            return causes.verdict();
        };
        causes.rule(certificate.owner == owner.address, "NotTheCertificateOwner");
        causes.rule(energy_wh > 0, "EnergyZero");
        causes.rule(energy_wh <= certificate.energy_wh(), "CertificateTooSmall");
        causes.rule(to != Address::default(), "CertificateOwnerInvalid");
        let splits = energy_wh > 0 && energy_wh < certificate.energy_wh();
        if splits {
            let of = (&certificate.seller, certificate.window_start, certificate.range_end - energy_wh);
            self.new_certificate(&mut causes, owner, part, of);
        }
        causes.verdict()?;
        if !splits {
            self.certificates.get_mut(&at.address).expect("found above").owner = to;
            return Ok(());
        }
        self.pay_rent(&owner.address, &part.address, account_bytes::CERTIFICATE);
        let whole = self.certificates.get_mut(&at.address).expect("found above");
        let mut split = ModelCertificate { owner: to, rent_payer: owner.address, ..whole.clone() };
        whole.range_end -= energy_wh;
        split.range_start = whole.range_end;
        self.certificates.insert(part.address, split);
        Ok(())
    }

    pub(super) fn certificate_retire(&mut self, accounts: &[PassedAccount; 3], beneficiary: &[u8]) -> Verdict {
        let [owner, at, rent_payer] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[1]);
        causes.signer(owner);
        causes.written(rent_payer);
        if let Some(certificate) = causes.state(at, true, self.certificates.get(&at.address)) {
            causes.rule(certificate.owner == owner.address, "NotTheCertificateOwner");
            causes.rule(certificate.rent_payer == rent_payer.address, "RentPayerMismatch");
        }
        let name = std::str::from_utf8(beneficiary).expect("read as text");
        let fits = (1..=MAX_BENEFICIARY_BYTES).contains(&beneficiary.len()) && !name.chars().any(char::is_control);
        causes.rule(fits, "BeneficiaryInvalid");
        causes.verdict()?;
        self.certificates.remove(&at.address);
        self.return_rent(&at.address, &rent_payer.address);
        Ok(())
    }
}
