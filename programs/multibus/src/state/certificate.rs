//! A certificate of origin: a range of Wh that a device delivered in a window. It has the fields of a granular
//! certificate as `EnergyTag` defines it.

use {
    crate::{
        constants::*,
        error::ensure,
        numbered::numbered_enum,
        state::{DeliveryBook, Offer},
    },
    anchor_lang::prelude::*,
};

numbered_enum! {
    /// State of a certificate.
    pub enum CertificateState {
        /// Its owner can transfer or retire it.
        Active = 0,
        /// It is used up; its account is closed.
        Retired = 1,
    }
}

/// A range of Wh that a device delivered in a window. PDA `["certificate", seller, window_start, range_start]`.
#[account]
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate {
    pub layout_version: u8,
    pub bump: u8,
    /// One of [`EnergySource`](crate::state::EnergySource).
    pub source: u8,
    /// [`CertificateState`]; active as long as the account is open.
    pub state: u8,
    /// Length of the window, in seconds.
    pub window_seconds: u32,
    /// Start of the window in which the energy was produced, in unix seconds.
    pub window_start: i64,
    /// First Wh of the range that it certifies. A window's delivered Wh are counted from 0.
    pub range_start: u64,
    /// First Wh after the range.
    pub range_end: u64,
    /// When it was issued, in unix seconds.
    pub issued_at: i64,
    /// Key of the device.
    pub device: Address,
    /// The bus that issued it.
    pub bus: Address,
    /// The seller's account.
    pub seller: Address,
    pub owner: Address,
    /// Who paid the rent and gets it back.
    pub rent_payer: Address,
    pub reserved: [u64; 4],
}

const _: () = assert!(size_of::<Certificate>() == 232);

/// Whether a text has control characters: U+0000 to U+001F, U+007F to U+009F. It looks at bytes, which costs less than
/// at characters.
fn has_control_characters(text: &str) -> bool {
    let mut before = 0;
    text.bytes().any(|byte| {
        let is_control = byte < b' ' || byte == 0x7f || (before == 0xc2 && byte < 0xa0);
        before = byte;
        is_control
    })
}

impl Certificate {
    /// Initialises a certificate of the window at a place of a book.
    pub fn initialize(
        &mut self,
        book: &DeliveryBook,
        place: usize,
        (range_start, energy_wh): (u64, u64),
        owner: &Address,
        now: i64,
    ) {
        let device = book.device(place);
        self.layout_version = LAYOUT_VERSION;
        self.source = device.source;
        self.window_seconds = book.terms.window_seconds;
        self.window_start = book.window_start(place);
        self.range_start = range_start;
        self.range_end = range_start + energy_wh;
        self.issued_at = now;
        self.device = device.key;
        self.bus = book.bus;
        self.seller = book.seller;
        self.owner = *owner;
        self.rent_payer = *owner;
    }

    /// What it certifies, in Wh.
    #[inline(always)]
    pub fn energy_wh(&self) -> u64 {
        self.range_end - self.range_start
    }

    /// Refuses to transfer 0 Wh, more than it certifies, or to an address of all zeros.
    pub fn validate_transfer(&self, energy_wh: u64, to: &Address) -> Result<()> {
        ensure!(energy_wh > 0, EnergyZero);
        ensure!(
            energy_wh <= self.energy_wh(),
            CertificateTooSmall,
            "{} Wh, it certifies {} Wh",
            energy_wh,
            self.energy_wh()
        );
        ensure!(to.to_bytes() != [0; 32], CertificateOwnerInvalid);
        Ok(())
    }

    /// Takes `energy_wh` from the end of its range; returns a certificate of that part.
    #[must_use = "it holds the energy that this certificate gave up"]
    pub fn split(&mut self, energy_wh: u64, rent_payer: &Address) -> Self {
        let mut part = *self;
        self.range_end -= energy_wh;
        part.range_start = self.range_end;
        part.rent_payer = *rent_payer;
        part
    }

    /// Refuses a beneficiary that is not 1 to 64 bytes of text without control characters.
    pub fn validate_beneficiary(beneficiary: &str) -> Result<()> {
        ensure!(
            (1..=MAX_BENEFICIARY_LEN).contains(&beneficiary.len()) && !has_control_characters(beneficiary),
            BeneficiaryInvalid,
            "the beneficiary has {} bytes",
            beneficiary.len() as u64
        );
        Ok(())
    }

    /// Checks what always holds of a certificate.
    pub fn check_invariants(&self) -> core::result::Result<(), &'static str> {
        let Self {
            layout_version,
            bump: _,
            source,
            state,
            window_seconds,
            window_start,
            range_start,
            range_end,
            issued_at,
            device: _,
            bus: _,
            seller: _,
            owner,
            rent_payer: _,
            reserved,
        } = self;
        let invariant = |holds: bool, message| if holds { Ok(()) } else { Err(message) };
        invariant(*layout_version == LAYOUT_VERSION, "the layout version is the present one")?;
        invariant(Offer::validate_source(*source).is_ok(), "the source is known")?;
        invariant(*state == CertificateState::Active as u8, "a certificate that is open is active")?;
        invariant(range_start < range_end, "a certificate is for at least one Wh")?;
        invariant(
            *issued_at >= window_start.saturating_add(*window_seconds as i64),
            "what is certified was produced before",
        )?;
        invariant(owner.to_bytes() != [0; 32], "a certificate has an owner")?;
        invariant(*reserved == [0; 4], "reserved bytes are zero")
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::fixture::{assert_noticed, wallet},
        },
        bytemuck::Zeroable,
    };

    fn certificate() -> Certificate {
        Certificate {
            layout_version: LAYOUT_VERSION,
            window_seconds: 900,
            window_start: 900,
            range_start: 10,
            range_end: 30,
            issued_at: 5_400,
            owner: wallet(1),
            rent_payer: wallet(2),
            ..Certificate::zeroed()
        }
    }

    #[test]
    fn a_part_is_split_off_the_end_and_no_wh_is_in_both() {
        let mut whole = certificate();
        assert_eq!(whole.energy_wh(), 20);
        let part = whole.split(5, &wallet(3));
        assert_eq!((whole.range_start, whole.range_end, whole.rent_payer), (10, 25, wallet(2)));
        assert_eq!((part.range_start, part.range_end, part.rent_payer), (25, 30, wallet(3)));
        assert_eq!((whole.check_invariants(), part.check_invariants()), (Ok(()), Ok(())));
    }

    #[test]
    fn what_cannot_be_transferred_is_refused() {
        let certificate = certificate();
        assert_eq!(certificate.validate_transfer(20, &wallet(2)), Ok(()));
        for (energy_wh, to, error) in [
            (0, wallet(2), MultibusError::EnergyZero),
            (21, wallet(2), MultibusError::CertificateTooSmall),
            (1, Address::default(), MultibusError::CertificateOwnerInvalid),
        ] {
            assert_eq!(certificate.validate_transfer(energy_wh, &to), Err(error.into()));
        }
        assert_eq!(Certificate::validate_beneficiary(&"x".repeat(64)), Ok(()));
        for beneficiary in ["", "a\nb", &"x".repeat(65)] {
            let refused = Certificate::validate_beneficiary(beneficiary);
            assert_eq!(refused, Err(MultibusError::BeneficiaryInvalid.into()));
        }
    }

    #[test]
    fn control_characters_are_found_byte_by_byte() {
        for character in (0..0x3000).filter_map(char::from_u32).chain(['\u{1f31e}']) {
            let text = format!("a{character}b");
            assert_eq!(has_control_characters(&text), character.is_control(), "{character:?}");
        }
    }

    #[test]
    fn every_invariant_notices_what_breaks_it() {
        assert_noticed(
            &certificate(),
            Certificate::check_invariants,
            &[
                ("the layout version is the present one", |certificate| certificate.layout_version = 1),
                ("the source is known", |certificate| certificate.source = 6),
                ("a certificate that is open is active", |certificate| certificate.state = 1),
                ("a certificate is for at least one Wh", |certificate| certificate.range_start = 30),
                ("what is certified was produced before", |certificate| certificate.issued_at = 1_799),
                ("a certificate has an owner", |certificate| certificate.owner = Address::default()),
                ("reserved bytes are zero", |certificate| certificate.reserved[3] = 1),
            ],
        );
    }
}
