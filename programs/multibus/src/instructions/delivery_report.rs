//! `delivery_report`: reports how much energy was delivered in a window, once it has ended. Either the device signs the
//! transaction; or it signed the reading alone, and anyone sends it; or the operator reports in its place, at most
//! three times a window, after which no more readings of the device are accepted. The first reading starts the
//! correction time, in which a later reading replaces it.

use {
    crate::{
        account::Account,
        clock,
        error::{ensure, refuse},
        event::log_event,
        state::{Bus, DeliveryBook, Reading, ReadingProof},
    },
    anchor_lang::{address_eq, pinocchio::sysvars::instructions::Instructions, prelude::*},
};

#[derive(Accounts)]
pub struct DeliveryReport {
    /// The device's key, the operator, or anyone with a reading that the device signed.
    pub reporter: Signer,
    #[account(mut)]
    pub book: Account<DeliveryBook>,
    /// The sysvar of instructions for a signed reading, the bus for the operator; else not looked at.
    pub evidence: UncheckedAccount,
}

impl DeliveryReport {
    /// Refuses a reading that is proven neither by the window's device nor by the operator.
    #[inline(always)]
    fn validate(&self, place: usize, reading: &Reading, proof: ReadingProof) -> Result<()> {
        let (evidence, reporter) = (self.evidence.account(), self.reporter.address());
        match proof {
            ReadingProof::Transaction => self.book.device(place).validate_key(reporter),
            ReadingProof::Signature => {
                let Ok(instructions) = Instructions::try_from(evidence) else { refuse!(SignedReadingMissing) };
                reading.validate_signed(&self.book, &self.book.device(place).key, &instructions)
            }
            ReadingProof::Operator => {
                ensure!(address_eq(evidence.address(), &self.book.bus), BusMismatch);
                Account::<Bus>::load(*evidence)?.validate_is_operator(reporter)
            }
        }
    }
}

pub fn handler(
    ctx: &mut Context<DeliveryReport>,
    window_start: i64,
    energy_wh: u64,
    sequence: u64,
    proof: u8,
) -> Result<()> {
    let accounts = &mut ctx.accounts;
    let proof = match ReadingProof::try_from(proof) {
        Ok(proof) => proof,
        Err(unknown) => refuse!(ReadingProofUnknown, "proof {}", unknown),
    };
    let reading = Reading { window_start, energy_wh, sequence };
    let place = accounts.book.place(window_start)?;
    accounts.validate(place, &reading, proof)?;
    let now = clock::now()?;
    accounts.book.report(place, &reading, proof, now)?;
    log_event!(DeliveryReported {
        book: *accounts.book.address(),
        reporter: *accounts.reporter.address(),
        window_start,
        energy_wh,
        sequence,
        reported_at: now,
        proof: proof as u8,
        padding: [0; 7],
    });
    Ok(())
}
