//! The treasury of a bus: revenue of the bus's own offers, divided exactly by the owners' shares.

use {
    crate::{
        account::Keyed,
        address,
        bus::{Bus, Ledger},
        error::{Error, Result},
        market::Market,
        send::Sent,
        wallet::Wallet,
    },
    serde::Serialize,
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// Instruction `treasury_claim`: pays an owner what it may claim. The owner names any token account; anyone else its
/// associated one. Where that cannot be paid, the amount is kept for the owner as a claim.
pub fn treasury_claim(caller: &Address, bus: &Keyed<Bus>, owner: &Address, destination: &Address) -> Instruction {
    multibus::instruction::TreasuryClaim {}.to_instruction(multibus::accounts::TreasuryClaim {
        caller: *caller,
        owner: *owner,
        bus: bus.address,
        ledger: address::ledger(&bus.address),
        treasury: bus.treasury,
        destination: *destination,
        unclaimed: bus.unclaimed,
        claim: address::claim(&bus.address, owner),
        token_program: bus.token_program,
        system_program: system_program::ID,
    })
}

/// What one owner, or former owner, may claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimable {
    /// The owner's wallet.
    pub owner: Address,
    /// Present share, in basis points; 0 for a former owner.
    pub share_bps: u16,
    /// What the owner may claim now, in token base units.
    pub claimable: u64,
    /// Whether the wallet has left the bus.
    pub is_former: bool,
}

/// A treasury and what its owners may claim. Amounts in token base units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treasury {
    /// The treasury's token account.
    pub address: Address,
    /// What it holds.
    pub balance: u64,
    /// Revenue that came while the treasury was frozen, and waits in the bus's unclaimed account. Owners claim it too.
    pub diverted: u64,
    /// Owners in their order, then former owners with unclaimed revenue.
    pub claims: Vec<Claimable>,
    /// What no share covers yet, fewer base units than there are owners; it is divided with later revenue.
    pub remainder: u64,
}

/// Sums of a treasury, as JSON shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TreasuryTotals {
    /// What it holds.
    pub balance: u64,
    /// Revenue that waits in the bus's unclaimed account.
    pub diverted: u64,
    /// What owners may claim now, in all.
    pub claimable: u64,
    /// What no share covers yet.
    pub remainder: u64,
}

impl Treasury {
    /// Computes a treasury from its bus, the bus's ledger and its balance in token base units.
    pub fn new(bus: &Keyed<Bus>, ledger: &Ledger, balance: u64) -> Result<Self> {
        let decode = |cause: &str| Error::Decode { kind: "bus", address: bus.address, cause: cause.to_string() };
        let too_little = || decode("its treasury holds less than its owners may claim");
        let Some(held) = balance.checked_add(ledger.diverted) else {
            return Err(decode("its treasury and the revenue that waits for it hold more than 64 bits"));
        };
        if ledger.claimable_total(bus, balance).is_none_or(|total| total > u128::from(held)) {
            return Err(too_little());
        }
        let former = &ledger.former_owners[..usize::from(ledger.former_owner_count).min(ledger.former_owners.len())];
        let present = bus.owners().iter().map(|slot| (slot.owner, slot.share_bps, false));
        let claims = present
            .chain(former.iter().map(|place| (place.owner, 0, true)))
            .map(|(owner, share_bps, is_former)| {
                let claimable = ledger.claimable(bus, &owner, balance).map_err(|_| too_little())?;
                Ok(Claimable { owner, share_bps, claimable, is_former })
            })
            .collect::<Result<Vec<_>>>()?;
        let remainder = claims.iter().try_fold(held, |left, claim| left.checked_sub(claim.claimable));
        let remainder = remainder.ok_or_else(too_little)?;
        Ok(Self { address: bus.treasury, balance, diverted: ledger.diverted, claims, remainder })
    }

    /// Its sums.
    pub fn totals(&self) -> TreasuryTotals {
        let claimable = self.claims.iter().map(|claim| claim.claimable).sum();
        TreasuryTotals { balance: self.balance, diverted: self.diverted, claimable, remainder: self.remainder }
    }
}

impl Market {
    /// The treasury of a bus and what its owners may claim.
    pub async fn treasury(&self, bus: &Address) -> Result<Treasury> {
        let (bus, ledger) = tokio::join!(self.bus(bus), self.ledger(bus));
        let (bus, ledger) = (bus?, ledger?);
        let balance = self.token_balance(&bus.treasury).await?;
        Treasury::new(&bus, &ledger, balance)
    }
}

impl Wallet {
    /// Pays an owner of a bus what it may claim, into the owner's associated token account, which is created where it
    /// is missing. Where that account cannot be paid, or the owner is itself a bus, the amount is kept as a claim. Anyone may
    /// do it for any owner.
    pub async fn treasury_claim(&self, bus: &Address, owner: &Address) -> Result<Sent> {
        let bus = self.market().bus(bus).await?;
        let settlement = self.market().settlement(&bus.address).await?;
        let destination = settlement.token_account(owner);
        let mut instructions = Vec::with_capacity(2);
        if !self.market().is_bus(owner).await? && self.chain().accounts(&[destination]).await?[0].is_none() {
            instructions.push(settlement.create_token_account(&self.address(), owner));
        }
        instructions.push(treasury_claim(&self.address(), &bus, owner, &destination));
        self.send_once(&bus.treasury, &instructions).await
    }
}
