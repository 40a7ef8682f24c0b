//! `certificate_retire`: uses a certificate up in the name of a beneficiary, for good. The account closes, its event
//! remains as proof, and the rent goes to who paid it.

use {
    super::walk::Walks,
    crate::{account::Account, error::MultibusError, event::log_event, state::Certificate},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct CertificateRetire {
    #[account(address = certificate.owner @ MultibusError::NotTheCertificateOwner)]
    pub owner: Signer,
    #[account(mut, close = rent_payer)]
    pub certificate: Account<Certificate>,
    /// Who paid the rent; may be the owner.
    #[account(mut, unsafe(dup), address = certificate.rent_payer @ MultibusError::RentPayerMismatch)]
    pub rent_payer: UncheckedAccount,
}

pub fn handler(ctx: &mut Context<impl Walks<CertificateRetire>>, beneficiary: String) -> Result<()> {
    let certificate = &ctx.accounts.certificate;
    Certificate::validate_beneficiary(&beneficiary)?;
    let mut name = [0; 64];
    name[..beneficiary.len()].copy_from_slice(beneficiary.as_bytes());
    log_event!(CertificateRetired {
        certificate: *certificate.address(),
        bus: certificate.bus,
        seller: certificate.seller,
        owner: certificate.owner,
        device: certificate.device,
        window_start: certificate.window_start,
        range_start: certificate.range_start,
        range_end: certificate.range_end,
        window_seconds: certificate.window_seconds,
        source: certificate.source,
        padding: [0; 3],
        beneficiary: name,
    });
    Ok(())
}
