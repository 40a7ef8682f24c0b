//! Claims: what could not be paid to a wallet. It waits in the unclaimed account of its bus until the wallet pulls it, also
//! once the bus is closed.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::{Error, Result},
        market::{Market, Settlement},
        send::Sent,
        wallet::Wallet,
    },
    anchor_lang::Discriminator,
    multibus::state::{Bus, Tombstone},
    solana_address::Address,
    solana_instruction::Instruction,
};

pub use multibus::state::Claim;

/// What a claim needs to know of its bus, which may be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimPayer {
    /// Settlement mint and token program of the bus.
    pub settlement: Settlement,
    /// Who created the bus. The last claim of a closed bus gives this wallet its rent back.
    pub creator: Address,
    /// Whether the bus is closed.
    pub is_closed: bool,
}

/// Instruction `claim_pay`: pays a wallet what it is owed. The wallet names any token account; anyone else the account that
/// the claim records, or the wallet's associated one.
pub fn claim_pay(caller: &Address, claim: &Keyed<Claim>, payer: &ClaimPayer, destination: &Address) -> Instruction {
    multibus::instruction::ClaimPay {}.to_instruction(multibus::accounts::ClaimPay {
        caller: *caller,
        bus: claim.bus,
        ledger: address::ledger(&claim.bus),
        claim: claim.address,
        wallet: claim.wallet,
        unclaimed: address::unclaimed(&claim.bus),
        destination: *destination,
        rent_payer: claim.rent_payer,
        creator: payer.creator,
        token_program: payer.settlement.token_program,
    })
}

impl Market {
    /// What a bus owes to a wallet that could not be paid; `None` where it owes nothing.
    pub async fn claim(&self, bus: &Address, wallet: &Address) -> Result<Option<Keyed<Claim>>> {
        self.find(&address::claim(bus, wallet)).await
    }

    /// Every claim on a bus, by address.
    pub async fn claims(&self, bus: &Address) -> Result<Vec<Keyed<Claim>>> {
        self.list(&[(offset!(Claim, bus), bus.as_ref())]).await
    }

    /// Every claim of a wallet, by address.
    pub async fn claims_of(&self, wallet: &Address) -> Result<Vec<Keyed<Claim>>> {
        self.list(&[(offset!(Claim, wallet), wallet.as_ref())]).await
    }

    /// What a claim needs to know of its bus, open or closed.
    pub async fn claim_payer(&self, bus: &Address) -> Result<ClaimPayer> {
        if let Some(stone) = self.tombstone(bus).await? {
            let settlement = Settlement { mint: stone.mint, token_program: stone.token_program };
            return Ok(ClaimPayer { settlement, creator: stone.creator, is_closed: true });
        }
        let bus = self.bus(bus).await?;
        let settlement = Settlement { mint: bus.mint, token_program: bus.token_program };
        Ok(ClaimPayer { settlement, creator: bus.creator, is_closed: false })
    }

    /// Whether an address is a bus, open or closed. A bus that owns a part of another is paid nothing: what it would get goes
    /// back to the other's treasury.
    pub(crate) async fn is_bus(&self, address: &Address) -> Result<bool> {
        let accounts = self.chain().accounts(&[*address]).await?;
        Ok(accounts[0].as_ref().is_some_and(|account| {
            account.owner == multibus::ID
                && [Bus::DISCRIMINATOR, Tombstone::DISCRIMINATOR].iter().any(|kind| account.data.starts_with(kind))
        }))
    }
}

impl Wallet {
    /// Pays a wallet what a bus owes it, open or closed: to the token account that the claim records where it can be paid,
    /// else to the wallet's associated one, which is created where it is missing. Anyone may do it for any wallet. What is
    /// owed to another bus goes back to the treasury of this one while it is open.
    pub async fn claim_pay(&self, bus: &Address, wallet: &Address) -> Result<Sent> {
        let claim = self.market().claim(bus, wallet).await?;
        let claim = claim.ok_or_else(|| {
            Error::Invalid(format!("the bus {bus} owes nothing to {wallet} that could not be paid; nothing to do"))
        })?;
        let payer = self.market().claim_payer(bus).await?;
        if self.market().is_bus(wallet).await? {
            if payer.is_closed {
                return Err(Error::Invalid(format!(
                    "{wallet} is itself a bus, and the bus {bus} that owes it is closed; what it is owed stays there"
                )));
            }
            let treasury = address::treasury(bus);
            return self.send(&[claim_pay(&self.address(), &claim, &payer, &treasury)]).await;
        }
        if claim.refund != Address::default()
            && self.market().is_payable(&claim.refund, wallet, &payer.settlement).await?
        {
            return self.send(&[claim_pay(&self.address(), &claim, &payer, &claim.refund)]).await;
        }
        let destination = payer.settlement.token_account(wallet);
        let mut instructions = Vec::with_capacity(2);
        if self.chain().accounts(&[destination]).await?[0].is_none() {
            instructions.push(payer.settlement.create_token_account(&self.address(), wallet));
        }
        instructions.push(claim_pay(&self.address(), &claim, &payer, &destination));
        self.send(&instructions).await
    }
}
