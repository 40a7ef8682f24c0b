//! `bus_close`: closes a bus that its owners decided to close, once no seller, window or proposal of it is open. Anyone
//! can do it. What the treasury holds is divided among the owners, each of whom gets a claim. The rent goes to the
//! creator. A tombstone that pays the claims stays at the bus's address.

use {
    super::walk::Walks,
    crate::{
        account::{Account, Apart, BusOrTombstone},
        clock,
        constants::EMPTY_WALLET_LAMPORTS,
        error::{MultibusError, ensure, refuse},
        event::log_event,
        payment::{self, ClaimAccounts, Debt},
        state::{Bus, Capacity, Claim, Ledger, Tombstone},
        token::{BusAuthority, Settlement, TokenAccount},
    },
    anchor_lang::{
        AccountClose, Discriminator, Space,
        pinocchio::{
            Resize,
            sysvars::{Sysvar, rent::Rent},
        },
        prelude::*,
    },
};

/// Followed by the claim account of every owner, writable, in the order of the owners.
#[derive(Accounts)]
pub struct BusClose {
    /// Anyone. Pays the rent of new claims, and gets it back at once out of the bus's rent. Where that does not suffice
    /// (from about the eleventh claim on), it gets the rest back once those claims are paid.
    #[account(mut, unsafe(dup))]
    pub caller: Signer,
    #[account(mut)]
    pub bus: BusOrTombstone,
    #[account(mut)]
    pub ledger: Account<Ledger>,
    /// The bus's general capacity.
    #[account(mut, constraint = general.bus == ledger.bus && general.window_start == 0 @ MultibusError::CapacityMismatch)]
    pub general: Apart<Capacity>,
    #[account(mut, unsafe(dup))]
    pub treasury: UncheckedAccount,
    #[account(mut, unsafe(dup))]
    pub unclaimed: UncheckedAccount,
    #[account(mut, unsafe(dup))]
    pub escrow: UncheckedAccount,
    /// The bus's creator, who gets the rent.
    #[account(mut, unsafe(dup))]
    pub creator: UncheckedAccount,
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl BusClose {
    fn validate(&self, bus: &Account<Bus>) -> Result<()> {
        ensure!(bus.closing == 1, BusNotClosing);
        ensure!(self.ledger.bus == *bus.address(), LedgerMismatch);
        ensure!(*self.treasury.address() == bus.treasury, TreasuryMismatch);
        ensure!(*self.unclaimed.address() == bus.unclaimed, UnclaimedMismatch);
        ensure!(*self.escrow.address() == bus.escrow, EscrowMismatch);
        ensure!(*self.creator.address() == bus.creator, RentPayerMismatch);
        ensure!(*self.token_program.address() == bus.token_program, TokenProgramMismatch);
        self.ledger.validate_close()
    }

    /// Lamports of the closing accounts that can pay for claims: all but the tombstone's rent, and what the creator's
    /// wallet needs so that it can receive the rest.
    fn lendable(&self, stone_lamports: u64) -> u64 {
        let freed = [self.bus.lamports(), self.ledger.account().lamports(), self.general.account().lamports()];
        freed.iter().sum::<u64>().saturating_sub(stone_lamports + EMPTY_WALLET_LAMPORTS)
    }
}

pub fn handler(ctx: &mut Context<impl Walks<BusClose>>) -> Result<()> {
    let all = ctx.remaining_accounts()?;
    let claims = &all[<BusClose as TryAccounts>::HEADER_SIZE..];
    let accounts = &mut *ctx.accounts;
    let now = clock::now()?;
    let bus = Account::<Bus>::load(*accounts.bus.account())?;
    accounts.validate(&bus)?;
    ensure!(claims.len() == bus.owners().len(), OwnerClaimsMissing, "{} accounts", claims.len() as u64);

    let settlement = Settlement { mint: &bus.mint, token_program: accounts.token_program.account() };
    let (treasury, unclaimed) = (accounts.treasury.account(), accounts.unclaimed.account());
    let escrow = accounts.escrow.account();
    for account in [treasury, unclaimed, escrow] {
        settlement.sync(account)?;
    }
    let [Some(revenue), Some(held), Some(left)] =
        [treasury, unclaimed, escrow].map(|account| TokenAccount::read(account, &settlement))
    else {
        refuse!(TokenAccountInvalid)
    };
    // Of a frozen account nothing is moved, but the token program closes it where it is empty.
    let moves = |account: &TokenAccount, amount: u64| amount == 0 || !account.is_frozen;
    let moved = revenue.amount + left.amount;
    ensure!(moves(&revenue, revenue.amount) && moves(&left, left.amount) && moves(&held, moved), PayerFrozen);
    // What strangers sent to the unclaimed account, what came there while the treasury was frozen, and what auctions left
    // in the escrow, is divided with the revenue. Cannot overflow: a mint's supply fits 64 bits.
    accounts.ledger.diverted = 0;
    let divided = revenue.amount + left.amount + (held.amount - accounts.ledger.unclaimed_total);
    let shares = accounts.ledger.divide_rest(&bus, divided)?;
    let stone_len = Tombstone::DISCRIMINATOR.len() + size_of::<Tombstone>();
    let rent = Rent::get()?;
    let stone_lamports = rent.try_minimum_balance(stone_len)?;
    let claim_lamports = rent.try_minimum_balance(Account::<Claim>::INIT_SPACE)?;
    let (mut lendable, mut lent) = (accounts.lendable(stone_lamports), 0);
    for ((slot, share), claim) in bus.owners().iter().zip(shares).zip(claims) {
        if share > 0 {
            let is_lent = lendable >= claim_lamports;
            let rent_payer = if is_lent { &bus.creator } else { accounts.caller.address() };
            let debt = Debt { wallet: &slot.owner, amount: share, refund: None };
            let claim_accounts = ClaimAccounts { claim, payer: accounts.caller.account(), rent_payer };
            let claim_rent = payment::owe(bus.address(), &mut accounts.ledger, &claim_accounts, &debt)?;
            if is_lent {
                lendable -= claim_rent;
                lent += claim_rent;
            }
        }
    }
    let authority = BusAuthority::new(&bus);
    // Through the bus's account: moving its lamports to the creator works whatever is at the creator's address.
    for (account, amount) in [(treasury, revenue.amount), (escrow, left.amount)] {
        if amount > 0 {
            settlement.pay(account, unclaimed, &authority, amount)?;
        }
        settlement.close(account, bus.account(), &authority)?;
    }
    let open_claims = accounts.ledger.open_claims;
    if open_claims == 0 {
        settlement.close(unclaimed, bus.account(), &authority)?;
    }

    let stone = Tombstone::of(&bus, open_claims, now);
    log_event!(BusClosed {
        bus: *bus.address(),
        creator: bus.creator,
        closed_by: *accounts.caller.address(),
        closed_at: now,
        divided,
        shares,
        open_claims,
        padding: [0; 4],
    });
    let (creator, mut view) = (*accounts.creator.account(), *accounts.bus.account());
    view.resize(stone_len)?;
    {
        let mut data = view.try_borrow_mut()?;
        let (discriminator, body) = data.split_at_mut(Tombstone::DISCRIMINATOR.len());
        discriminator.copy_from_slice(Tombstone::DISCRIMINATOR);
        body.copy_from_slice(bytemuck::bytes_of(&stone));
    }
    accounts.general.close(view)?;
    accounts.ledger.close(view)?;
    payment::move_lamports(&view, accounts.caller.account(), lent);
    payment::move_lamports(&view, &creator, view.lamports().saturating_sub(stone_lamports));
    Ok(())
}
