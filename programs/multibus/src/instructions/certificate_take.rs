//! `certificate_take`: creates a certificate of origin for a final window: for a buyer of all Wh that were delivered to
//! it, for a bid of as much of its delivered Wh as this seller delivered for the auction, or for a seller of all Wh that
//! it delivered and did not sell. Each delivered Wh is certified once: the next
//! certificate of a window starts where the last one ended. The surplus of the bus's own offers is not certified,
//! because the bus cannot sign.

use {
    super::walk::Walks,
    crate::{
        account::{Account, bump_of},
        clock,
        constants::*,
        error::{ensure, refuse},
        event::log_event,
        payment,
        state::{Bid, BookWindow, Certificate, DeliveryBook, PositionBook, Seller},
    },
    anchor_lang::{Discriminator, address_eq, prelude::*},
};

#[derive(Accounts)]
pub struct CertificateTake {
    /// The buyer or the seller; pays the rent and gets it back.
    #[account(mut)]
    pub owner: Signer,
    #[account(mut)]
    pub book: Account<DeliveryBook>,
    /// The buyer's position book, a bid of the buyer, or the seller account.
    #[account(mut)]
    pub holding: UncheckedAccount,
    /// The certificate, created here. The first Wh that is not certified yet is part of its address.
    #[account(mut)]
    pub certificate: UncheckedAccount,
    pub system_program: Program<System>,
}

impl CertificateTake {
    /// Marks the owner's energy of a window as certified; returns it in Wh.
    fn take(&mut self, place: usize) -> Result<u64> {
        let (holding, owner) = (self.holding.account(), self.owner.address());
        if holding.try_borrow()?.starts_with(PositionBook::DISCRIMINATOR) {
            // SAFETY: no other account of this instruction is a position book.
            let mut position = unsafe { Account::<PositionBook>::load_mut(*holding)? };
            position.validate_owner(self.book.address(), owner)?;
            return position.certify(&self.book, place);
        }
        if holding.try_borrow()?.starts_with(Bid::DISCRIMINATOR) {
            // SAFETY: no other account of this instruction is a bid.
            let mut bid = unsafe { Account::<Bid>::load_mut(*holding)? };
            ensure!(address_eq(&bid.buyer, owner), BidBuyerMismatch);
            ensure!(
                address_eq(&bid.bus, &self.book.bus) && bid.window_start == self.book.window_start(place),
                WindowNotInBook
            );
            let energy_wh = self.book.windows[place].certify_for_bid(bid.certifiable_wh()?);
            ensure!(energy_wh > 0, NothingToCertify);
            bid.certified_wh += energy_wh;
            return Ok(energy_wh);
        }
        ensure!(address_eq(holding.address(), &self.book.seller), PositionMismatch);
        ensure!(address_eq(&Account::<Seller>::load(*holding)?.wallet, owner), NotTheSeller);
        let BookWindow { surplus_certified, .. } = self.book.windows[place];
        ensure!(surplus_certified == 0, AlreadyCertified);
        let energy_wh = self.book.surplus_of(place);
        ensure!(energy_wh > 0, NothingToCertify);
        self.book.windows[place].surplus_certified = 1;
        Ok(energy_wh)
    }
}

pub fn handler(ctx: &mut Context<impl Walks<CertificateTake>>, window_start: i64) -> Result<()> {
    let accounts = &mut *ctx.accounts;
    let now = clock::now()?;
    let place = accounts.book.place(window_start)?;
    ensure!(accounts.book.is_final(place, now), WindowNotFinal);
    let energy_wh = accounts.take(place)?;
    let range_start = accounts.book.certify(place, energy_wh);
    let view = accounts.certificate.account();
    let mut certificate = create(accounts.owner.account(), view, (&accounts.book.seller, window_start, range_start))?;
    let bump = certificate.bump;
    certificate.initialize(&accounts.book, place, (range_start, energy_wh), accounts.owner.address(), now);
    certificate.bump = bump;
    log_event!(CertificateTaken {
        certificate: *certificate.address(),
        book: *accounts.book.address(),
        bus: certificate.bus,
        seller: certificate.seller,
        owner: certificate.owner,
        device: certificate.device,
        window_start,
        range_start,
        range_end: certificate.range_end,
        issued_at: now,
        window_seconds: certificate.window_seconds,
        source: certificate.source,
        padding: [0; 3],
    });
    Ok(())
}

/// Creates the account of a certificate, at the address of its seller, its window and the start of its range.
#[inline(never)]
pub(super) fn create(
    payer: &AccountView,
    view: &AccountView,
    (seller, window_start, range_start): (&Address, i64, u64),
) -> Result<Account<Certificate>> {
    let (window, range) = (window_start.to_le_bytes(), range_start.to_le_bytes());
    let seeds: [&[u8]; 4] = [CERTIFICATE_SEED, seller.as_ref(), &window, &range];
    let Some(bump) = bump_of(&seeds, &crate::ID, view.address()) else { refuse!(CertificateMismatch) };
    payment::create::<Certificate>(payer, view, &[CERTIFICATE_SEED, seller.as_ref(), &window, &range, &[bump]])?;
    // SAFETY: the account was created a moment ago, so no other reference to its data exists.
    let mut certificate = unsafe { Account::<Certificate>::load_mut_after_init(*view)? };
    certificate.bump = bump;
    Ok(certificate)
}
