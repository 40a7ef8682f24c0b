//! Readings that a device signs offline, and anyone brings to the chain. The device needs no SOL and no connection: what it must
//! know is a [`MeterIdentity`], which stays the same until the terms of the bus change.
//!
//! Both have a JSON form with every value under its name. Addresses and signatures are base58, numbers integers, times unix
//! seconds:
//!
//! ```json
//! {
//!   "program": "...", "bus": "...", "bus_created_at": 1780315200, "seller": "...", "terms_from": 0, "window_seconds": 900,
//!   "window_start": 1780318800, "energy_wh": 1234, "sequence": 1, "device": "...", "signature": "..."
//! }
//! ```
//!
//! The first six are the identity. [`SignedReading::verify`] checks the signature, so a reading that was changed on the way is
//! refused before anything is sent.

use {
    crate::{
        account::Keyed,
        address,
        error::{Error, Result},
        market::Market,
        send::{Sent, SharedSigner},
        wallet::Wallet,
    },
    bytemuck::Zeroable,
    multibus::state::{Bus, DeliveryBook, READING_LEN, Terms},
    serde::{Deserialize, Serialize},
    solana_address::Address,
    solana_ed25519_program::new_ed25519_instruction_with_signature,
    solana_instruction::Instruction,
    solana_sdk_ids::sysvar::instructions,
    solana_signature::Signature,
    solana_signer::Signer,
};

pub use multibus::state::{Reading, ReadingProof};

/// What a device must know to sign readings offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "IdentityText", into = "IdentityText")]
pub struct MeterIdentity {
    /// The bus.
    pub bus: Address,
    /// When the bus was created, in unix seconds: a reading then fits no bus at the same address of another chain.
    pub bus_created_at: i64,
    /// The seller's account.
    pub seller: Address,
    /// Start of the first window of the terms, in unix seconds; 0 for the terms that the bus was created with.
    pub terms_from: i64,
    /// Length of a window, in seconds.
    pub window_seconds: u32,
}

impl MeterIdentity {
    /// The identity of a seller's meter for windows of these terms.
    pub fn new(bus: &Keyed<Bus>, seller: &Address, terms: &Terms) -> Self {
        Self {
            bus: bus.address,
            bus_created_at: bus.created_at,
            seller: *seller,
            terms_from: terms.from,
            window_seconds: terms.window_seconds,
        }
    }

    /// The identity for the windows of a delivery book.
    pub fn of_book(book: &DeliveryBook) -> Self {
        Self {
            bus: book.bus,
            bus_created_at: book.bus_created_at,
            seller: book.seller,
            terms_from: book.terms.from,
            window_seconds: book.terms.window_seconds,
        }
    }

    /// The delivery book that a window is in.
    ///
    /// # Errors
    /// Where no window starts then.
    pub fn book(&self, window_start: i64) -> Result<Address> {
        Ok(address::book(&self.seller, self.outline(window_start)?.first_window))
    }

    /// What a device signs for a reading, 152 bytes.
    ///
    /// # Errors
    /// Where no window starts at the reading's `window_start`.
    pub fn message(&self, reading: &Reading) -> Result<[u8; READING_LEN]> {
        Ok(reading.message(&self.outline(reading.window_start)?))
    }

    /// Signs a reading with the device's key. Needs no network.
    ///
    /// # Errors
    /// Where no window starts at the reading's `window_start`, or the device does not sign.
    pub fn sign(&self, device: &dyn Signer, reading: Reading) -> Result<SignedReading> {
        let message = self.message(&reading)?;
        let signature = device
            .try_sign_message(&message)
            .map_err(|error| Error::Signing { wallet: device.pubkey(), cause: error.to_string() })?;
        Ok(SignedReading { meter: *self, reading, device: device.pubkey(), signature })
    }

    /// As much of the delivery book of a window as a reading names.
    fn outline(&self, window_start: i64) -> Result<DeliveryBook> {
        let refuse = || {
            Error::Invalid(format!(
                "no window starts at {window_start}: windows of {} s start from {} on; give the start of a window",
                self.window_seconds, self.terms_from
            ))
        };
        if self.window_seconds == 0 || self.terms_from < 0 || window_start < self.terms_from {
            return Err(refuse());
        }
        let terms = Terms { from: self.terms_from, window_seconds: self.window_seconds, ..Terms::zeroed() };
        let book = DeliveryBook {
            bus: self.bus,
            bus_created_at: self.bus_created_at,
            meter: address::meter(&self.seller),
            seller: self.seller,
            first_window: DeliveryBook::first_window_of(&terms, window_start),
            terms,
            ..DeliveryBook::zeroed()
        };
        book.place(window_start).map_err(|_| refuse())?;
        Ok(book)
    }
}

/// A reading that its device signed. Anyone can bring it to the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SignedText", into = "SignedText")]
pub struct SignedReading {
    /// The meter that it is of.
    pub meter: MeterIdentity,
    /// What was read.
    pub reading: Reading,
    /// Key of the device.
    pub device: Address,
    /// The device's signature of [`MeterIdentity::message`].
    pub signature: Signature,
}

impl SignedReading {
    /// Refuses a reading that its device did not sign.
    pub fn verify(&self) -> Result<()> {
        if self.signature.verify(self.device.as_ref(), &self.meter.message(&self.reading)?) {
            return Ok(());
        }
        let Reading { window_start, energy_wh, sequence } = self.reading;
        Err(Error::Invalid(format!(
            "the device {} did not sign this reading ({energy_wh} Wh in the window {window_start}, sequence {sequence}); sign it \
             again, or take it unchanged from where it was signed",
            self.device
        )))
    }

    /// The delivery book that it is for.
    pub fn book(&self) -> Result<Address> {
        self.meter.book(self.reading.window_start)
    }

    /// The instruction of the Ed25519 program and `delivery_report`, which must stand just behind it. `reporter` is anyone.
    pub fn instructions(&self, reporter: &Address) -> Result<[Instruction; 2]> {
        let message = self.meter.message(&self.reading)?;
        let signature = <[u8; 64]>::from(self.signature);
        let signed = new_ed25519_instruction_with_signature(&message, &signature, &self.device.to_bytes());
        let report =
            delivery_report(reporter, &self.book()?, &instructions::ID, &self.reading, ReadingProof::Signature);
        Ok([signed, report])
    }
}

/// Instruction `delivery_report`: says what was delivered in a window. `reporter` and `evidence` follow from the proof: the
/// device, and nothing in particular; anyone, and the sysvar of instructions; the operator, and the bus.
/// [`delivery_report_by_device`], [`SignedReading::instructions`] and [`delivery_report_by_operator`] make each of the three.
pub fn delivery_report(
    reporter: &Address,
    book: &Address,
    evidence: &Address,
    reading: &Reading,
    proof: ReadingProof,
) -> Instruction {
    let Reading { window_start, energy_wh, sequence } = *reading;
    multibus::instruction::DeliveryReport { window_start, energy_wh, sequence, proof: proof as u8 }
        .to_instruction(multibus::accounts::DeliveryReport { reporter: *reporter, book: *book, evidence: *evidence })
}

/// Instruction `delivery_report` by the window's device, which signs the transaction.
pub fn delivery_report_by_device(key: &Address, book: &Address, reading: &Reading) -> Instruction {
    delivery_report(key, book, key, reading, ReadingProof::Transaction)
}

/// Instruction `delivery_report` by the operator of the bus, who stands in for the device: at most three times a window, after
/// which the device's readings count no more.
///
/// # Errors
/// Where the window is not in the book.
pub fn delivery_report_by_operator(
    operator: &Address,
    book: &Keyed<DeliveryBook>,
    window_start: i64,
    energy_wh: u64,
) -> Result<Instruction> {
    let place = book.place(window_start).map_err(|refused| Error::from_rule(&refused))?;
    let sequence = u64::from(book.windows[place].operator_readings) + 1;
    let reading = Reading { window_start, energy_wh, sequence };
    Ok(delivery_report(operator, &book.address, &book.bus, &reading, ReadingProof::Operator))
}

impl Market {
    /// What the device of a seller's meter must know to sign readings of a window offline, by the seller's wallet. It is the
    /// same for every window of the same terms.
    pub async fn meter_identity(&self, bus: &Address, wallet: &Address, window_start: i64) -> Result<MeterIdentity> {
        let bus = self.bus(bus).await?;
        let terms = self.terms(&bus, window_start).await?;
        Ok(MeterIdentity::new(&bus, &address::seller(&bus.address, wallet), &terms))
    }
}

impl Wallet {
    /// Brings a reading that its device signed. Anyone may; this wallet pays the fee.
    pub async fn delivery_report_signed(&self, signed: &SignedReading) -> Result<Sent> {
        signed.verify()?;
        self.send_once(&signed.book()?, &signed.instructions(&self.address())?).await
    }

    /// Reports a reading by the window's device, which signs the transaction; this wallet pays the fee. `wallet` is the
    /// seller's.
    pub async fn delivery_report(
        &self,
        bus: &Address,
        wallet: &Address,
        device: &SharedSigner,
        reading: &Reading,
    ) -> Result<Sent> {
        let book = self.market().delivery_book_of(bus, wallet, reading.window_start).await?.address;
        let report = delivery_report_by_device(&device.pubkey(), &book, reading);
        self.send_once_with(&book, std::slice::from_ref(device), &[report]).await
    }

    /// Reads a window in the place of its device. This wallet must be the bus's operator; `wallet` is the seller's. It can do so
    /// three times a window, after which the device's readings count no more.
    pub async fn delivery_report_by_operator(
        &self,
        bus: &Address,
        wallet: &Address,
        window_start: i64,
        energy_wh: u64,
    ) -> Result<Sent> {
        let book = Box::new(self.market().delivery_book_of(bus, wallet, window_start).await?);
        let report = delivery_report_by_operator(&self.address(), &book, window_start, energy_wh)?;
        self.send_once(&book.address, &[report]).await
    }
}

/// [`MeterIdentity`] as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityText {
    program: String,
    bus: String,
    bus_created_at: i64,
    seller: String,
    terms_from: i64,
    window_seconds: u32,
}

impl From<MeterIdentity> for IdentityText {
    fn from(meter: MeterIdentity) -> Self {
        let MeterIdentity { bus, bus_created_at, seller, terms_from, window_seconds } = meter;
        let (program, bus, seller) = (multibus::ID.to_string(), bus.to_string(), seller.to_string());
        Self { program, bus, bus_created_at, seller, terms_from, window_seconds }
    }
}

impl TryFrom<IdentityText> for MeterIdentity {
    type Error = Error;

    fn try_from(text: IdentityText) -> Result<Self> {
        let IdentityText { program, bus, bus_created_at, seller, terms_from, window_seconds } = text;
        if address_in("program", &program)? != multibus::ID {
            return Err(Error::Invalid(format!(
                "it is for the program {program}, and this client is for {}; use the client of that program",
                multibus::ID
            )));
        }
        let (bus, seller) = (address_in("bus", &bus)?, address_in("seller", &seller)?);
        Ok(Self { bus, bus_created_at, seller, terms_from, window_seconds })
    }
}

/// [`SignedReading`] as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedText {
    program: String,
    bus: String,
    bus_created_at: i64,
    seller: String,
    terms_from: i64,
    window_seconds: u32,
    window_start: i64,
    energy_wh: u64,
    sequence: u64,
    device: String,
    signature: String,
}

impl From<SignedReading> for SignedText {
    fn from(signed: SignedReading) -> Self {
        let SignedReading { meter, reading, device, signature } = signed;
        let IdentityText { program, bus, bus_created_at, seller, terms_from, window_seconds } = meter.into();
        let Reading { window_start, energy_wh, sequence } = reading;
        let (device, signature) = (device.to_string(), signature.to_string());
        Self {
            program,
            bus,
            bus_created_at,
            seller,
            terms_from,
            window_seconds,
            window_start,
            energy_wh,
            sequence,
            device,
            signature,
        }
    }
}

impl TryFrom<SignedText> for SignedReading {
    type Error = Error;

    fn try_from(text: SignedText) -> Result<Self> {
        let SignedText {
            program,
            bus,
            bus_created_at,
            seller,
            terms_from,
            window_seconds,
            window_start,
            energy_wh,
            sequence,
            device,
            signature,
        } = text;
        let meter = IdentityText { program, bus, bus_created_at, seller, terms_from, window_seconds }.try_into()?;
        let refused = |error| Error::Invalid(format!("signature: {signature:?} is no base58 of 64 bytes ({error})"));
        Ok(Self {
            meter,
            reading: Reading { window_start, energy_wh, sequence },
            device: address_in("device", &device)?,
            signature: signature.parse().map_err(refused)?,
        })
    }
}

fn address_in(name: &str, text: &str) -> Result<Address> {
    text.parse().map_err(|error| Error::Invalid(format!("{name}: {text:?} is no address ({error}); give it in base58")))
}

#[cfg(test)]
mod tests {
    use {super::*, solana_keypair::Keypair};

    const READING: Reading = Reading { window_start: 901_800, energy_wh: 1_234, sequence: 7 };

    fn identity() -> MeterIdentity {
        let [bus, seller] = [1, 2].map(|byte| Address::new_from_array([byte; 32]));
        MeterIdentity { bus, bus_created_at: 5, seller, terms_from: 900_000, window_seconds: 900 }
    }

    #[test]
    fn a_signed_reading_survives_json_and_no_value_of_it_can_be_changed() {
        let device = Keypair::new();
        let signed = identity().sign(&device, READING).unwrap();
        signed.verify().unwrap();
        let json = serde_json::to_value(signed).unwrap();
        assert_eq!(serde_json::from_value::<SignedReading>(json.clone()).unwrap(), signed);
        assert_eq!(json.as_object().unwrap().len(), 11);
        let other = serde_json::to_value(identity().sign(&Keypair::new(), READING).unwrap()).unwrap();
        for (name, changed) in [
            ("bus", json["seller"].clone()),
            ("bus_created_at", 6.into()),
            ("seller", json["bus"].clone()),
            ("window_seconds", 450.into()),
            ("window_start", 900_900.into()),
            ("energy_wh", 1_235.into()),
            ("sequence", 8.into()),
            ("device", other["device"].clone()),
            ("signature", other["signature"].clone()),
        ] {
            let mut json = json.clone();
            json[name] = changed;
            let read: SignedReading = serde_json::from_value(json).unwrap();
            assert!(read.verify().is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_no_signed_reading_is_refused_with_its_value() {
        let signed = identity().sign(&Keypair::new(), READING).unwrap();
        let json = serde_json::to_value(signed).unwrap();
        for (name, value) in [("program", json["bus"].clone()), ("bus", "x".into()), ("signature", "y".into())] {
            let mut json = json.clone();
            json[name] = value.clone();
            let refused = serde_json::from_value::<SignedReading>(json).unwrap_err().to_string();
            assert!(refused.contains(value.as_str().unwrap()), "{refused}");
        }
        let mut more = json.clone();
        more["energy"] = 1.into();
        assert!(serde_json::from_value::<SignedReading>(more).is_err());
    }

    #[test]
    fn only_starts_of_windows_are_signed() {
        for (window_start, meter) in [
            (901_799, identity()),
            (899_100, identity()),
            (i64::MIN, identity()),
            (901_800, MeterIdentity { window_seconds: 0, ..identity() }),
            (0, MeterIdentity { terms_from: -900, ..identity() }),
        ] {
            let refused = meter.sign(&Keypair::new(), Reading { window_start, ..READING }).unwrap_err();
            assert!(refused.to_string().contains(&window_start.to_string()), "{refused}");
        }
        let book = identity().book(900_000 + 95 * 900).unwrap();
        assert_eq!(book, address::book(&identity().seller, 900_000));
        assert_eq!(identity().book(900_000 + 96 * 900).unwrap(), address::book(&identity().seller, 986_400));
    }
}
