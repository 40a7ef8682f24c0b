//! Readings of meters: what a device signs, and how a signed reading is found in a transaction.

use {
    crate::{
        constants::READING_TAG,
        error::{ensure, refuse},
        state::{DeliveryBook, Reading},
    },
    anchor_lang::{address_eq, pinocchio::sysvars::instructions::Instructions, prelude::*},
    core::ops::Deref,
};

/// The chain's program that checks Ed25519 signatures.
pub const ED25519_PROGRAM_ID: Address = anchor_lang::address!("Ed25519SigVerify111111111111111111111111111");

/// Bytes of the message that a device signs.
pub const READING_LEN: usize = 152;

const KEY_AT: usize = 16;
const SIGNATURE_AT: usize = KEY_AT + 32;
const MESSAGE_AT: usize = SIGNATURE_AT + 64;
/// Bytes of the data of an Ed25519 instruction with one signature of a reading.
const SIGNED_LEN: usize = MESSAGE_AT + READING_LEN;

/// First bytes of that data: it has one signature, and key, signature and message are at these offsets of the
/// instruction's own data.
const SIGNED_HEAD: [u8; KEY_AT] = {
    const OWN: u8 = 0xff;
    [
        1, // signatures
        0,
        SIGNATURE_AT as u8,
        0,
        OWN,
        OWN, // the signature, and the instruction that it is in
        KEY_AT as u8,
        0,
        OWN,
        OWN,
        MESSAGE_AT as u8,
        0,
        READING_LEN as u8,
        0,
        OWN,
        OWN,
    ]
};

impl Reading {
    /// The message that the device signs: `"multibus:delivery:v1" | program | bus | bus's creation time i64 | meter |
    /// window start i64 | window length u32 | Wh u64
    /// | sequence u64`, integers little-endian.
    ///
    /// It is valid for no other bus, meter or window. Nor is it on another chain, where a bus at the same address was created
    /// at another time.
    pub fn message(&self, book: &DeliveryBook) -> [u8; READING_LEN] {
        let mut message = [0; READING_LEN];
        let parts: [&[u8]; 9] = [
            READING_TAG,
            crate::ID.as_ref(),
            book.bus.as_ref(),
            &book.bus_created_at.to_le_bytes(),
            book.meter.as_ref(),
            &self.window_start.to_le_bytes(),
            &book.terms.window_seconds.to_le_bytes(),
            &self.energy_wh.to_le_bytes(),
            &self.sequence.to_le_bytes(),
        ];
        let mut at = 0;
        for part in parts {
            message[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        message
    }

    /// Refuses unless the instruction before the present one is exactly the device's signature of this reading: an
    /// instruction of the Ed25519 program with one signature, and with key, signature and message at fixed offsets of
    /// its own data.
    pub fn validate_signed<T: Deref<Target = [u8]>>(
        &self,
        book: &DeliveryBook,
        key: &Address,
        instructions: &Instructions<T>,
    ) -> Result<()> {
        let Ok(signed) = instructions.get_instruction_relative(-1) else { refuse!(SignedReadingMissing) };
        ensure!(address_eq(signed.get_program_id(), &ED25519_PROGRAM_ID), SignedReadingMissing);
        let data = signed.get_instruction_data();
        ensure!(
            signed.num_account_metas() == 0 && data.len() == SIGNED_LEN && data[..KEY_AT] == SIGNED_HEAD,
            SignedReadingMalformed,
            "{} accounts, {} bytes",
            signed.num_account_metas() as u64,
            data.len() as u64
        );
        ensure!(data[KEY_AT..SIGNATURE_AT] == *key.as_ref(), NotTheMeter);
        ensure!(data[MESSAGE_AT..] == self.message(book), SignedReadingOther);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::{
            error::MultibusError,
            state::fixture::{BUS, wallet},
        },
        bytemuck::Zeroable,
    };

    const READING: Reading = Reading { window_start: 900, energy_wh: 7, sequence: 8 };

    fn book() -> DeliveryBook {
        let mut book = DeliveryBook { bus: BUS, bus_created_at: 6, meter: wallet(5), ..DeliveryBook::zeroed() };
        book.terms.window_seconds = 900;
        book
    }

    fn signed(key: u8, reading: Reading, book: &DeliveryBook) -> Vec<u8> {
        [&SIGNED_HEAD[..], wallet(key).as_ref(), &[9; 64], &reading.message(book)].concat()
    }

    /// The instructions sysvar of a transaction of two instructions, while the second is executed.
    fn sysvar(program: &Address, accounts: usize, data: &[u8]) -> Vec<u8> {
        let instruction = |program: &Address, accounts: usize, data: &[u8]| {
            let mut bytes = (accounts as u16).to_le_bytes().to_vec();
            bytes.extend(vec![0; 33 * accounts]);
            bytes.extend(program.as_ref());
            bytes.extend((data.len() as u16).to_le_bytes());
            bytes.extend(data);
            bytes
        };
        let (first, second) = (instruction(program, accounts, data), instruction(&crate::ID, 0, &[]));
        let mut all = 2u16.to_le_bytes().to_vec();
        all.extend(6u16.to_le_bytes());
        all.extend((6 + first.len() as u16).to_le_bytes());
        all.extend(first);
        all.extend(second);
        all.extend(1u16.to_le_bytes());
        all
    }

    fn validate(program: &Address, accounts: usize, data: &[u8]) -> Result<()> {
        let sysvar = sysvar(program, accounts, data);
        // SAFETY: the bytes are laid out as those of the sysvar.
        let instructions = unsafe { Instructions::new_unchecked(&sysvar[..]) };
        READING.validate_signed(&book(), &wallet(3), &instructions)
    }

    #[test]
    fn a_reading_names_all_that_it_is_of() {
        let message = READING.message(&book());
        let expected = [
            &b"multibus:delivery:v1"[..],
            crate::ID.as_ref(),
            &[99; 32],
            &6i64.to_le_bytes(),
            &[5; 32],
            &900i64.to_le_bytes(),
            &900u32.to_le_bytes(),
            &7u64.to_le_bytes(),
            &8u64.to_le_bytes(),
        ];
        assert_eq!(message.to_vec(), expected.concat());
    }

    #[test]
    fn only_the_signature_of_this_reading_by_this_device_counts() {
        use MultibusError::*;
        let (book, ed25519) = (book(), ED25519_PROGRAM_ID);
        let good = signed(3, READING, &book);
        assert_eq!(validate(&ed25519, 0, &good), Ok(()));
        let refused = |error: MultibusError| Err(error.into());
        assert_eq!(validate(&crate::ID, 0, &good), refused(SignedReadingMissing));
        assert_eq!(validate(&ed25519, 1, &good), refused(SignedReadingMalformed));
        assert_eq!(validate(&ed25519, 0, &[&good[..], &[0]].concat()), refused(SignedReadingMalformed));
        assert_eq!(validate(&ed25519, 0, &good[..good.len() - 1]), refused(SignedReadingMalformed));
        assert_eq!(validate(&ed25519, 0, &[]), refused(SignedReadingMalformed));
        for place in 0..KEY_AT {
            let mut other = good.clone();
            other[place] ^= 1;
            assert_eq!(validate(&ed25519, 0, &other), refused(SignedReadingMalformed), "byte {place}");
        }
        assert_eq!(validate(&ed25519, 0, &signed(4, READING, &book)), refused(NotTheMeter));
        let mut others = vec![
            signed(3, Reading { window_start: 1_800, ..READING }, &book),
            signed(3, Reading { energy_wh: 8, ..READING }, &book),
            signed(3, Reading { sequence: 9, ..READING }, &book),
        ];
        let change: [fn(&mut DeliveryBook); 4] = [
            |book| book.bus = wallet(1),
            |book| book.bus_created_at += 1,
            |book| book.meter = wallet(1),
            |book| book.terms.window_seconds = 60,
        ];
        for change in change {
            let mut other = book;
            change(&mut other);
            others.push(signed(3, READING, &other));
        }
        for (index, other) in others.iter().enumerate() {
            assert_eq!(validate(&ed25519, 0, other), refused(SignedReadingOther), "{index}");
        }
    }

    #[test]
    fn the_first_instruction_of_a_transaction_has_none_before_it() {
        let mut sysvar = sysvar(&ED25519_PROGRAM_ID, 0, &signed(3, READING, &book()));
        let end = sysvar.len() - 2;
        sysvar[end..].copy_from_slice(&0u16.to_le_bytes());
        // SAFETY: the bytes are laid out as those of the sysvar.
        let instructions = unsafe { Instructions::new_unchecked(&sysvar[..]) };
        let refused = READING.validate_signed(&book(), &wallet(3), &instructions);
        assert_eq!(refused, Err(MultibusError::SignedReadingMissing.into()));
    }
}
