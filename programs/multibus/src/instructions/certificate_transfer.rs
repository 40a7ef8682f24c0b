//! `certificate_transfer`: gives a certificate to another owner, whole or in part. A part is taken from the end of the
//! range, and gets an account of its own.

use {
    super::certificate_take::create,
    super::walk::Walks,
    crate::{account::Account, error::MultibusError, event::log_event, state::Certificate},
    anchor_lang::prelude::*,
};

#[derive(Accounts)]
pub struct CertificateTransfer {
    /// The certificate's owner; pays the rent of a part's account and gets it back.
    #[account(mut, address = certificate.owner @ MultibusError::NotTheCertificateOwner)]
    pub owner: Signer,
    #[account(mut, unsafe(dup))]
    pub certificate: Account<Certificate>,
    /// The certificate of the part, created here. It is not looked at where the whole is transferred, and can then be
    /// the same account.
    #[account(mut, unsafe(dup))]
    pub part: UncheckedAccount,
    pub system_program: Program<System>,
}

pub fn handler(ctx: &mut Context<impl Walks<CertificateTransfer>>, energy_wh: u64, to: Address) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let (owner, certificate) = (*accounts.owner.address(), &mut accounts.certificate);
    certificate.validate_transfer(energy_wh, &to)?;
    let range_end = certificate.range_end;
    let mut transferred = *certificate.address();
    if energy_wh == certificate.energy_wh() {
        certificate.owner = to;
    } else {
        let split = certificate.split(energy_wh, &owner);
        let of = (&split.seller, split.window_start, split.range_start);
        let mut part = create(accounts.owner.account(), accounts.part.account(), of)?;
        let bump = part.bump;
        *part = Certificate { bump, owner: to, ..split };
        transferred = *part.address();
    }
    log_event!(CertificateTransferred {
        certificate: *certificate.address(),
        transferred,
        from: owner,
        to,
        range_start: range_end - energy_wh,
        range_end,
    });
    Ok(())
}
