//! What the owners of a co-owned replay earn together, and how each claims its share.

use {
    crate::{
        error::{Doing, ReplayError},
        owners::OwnerMember,
        replay_bus::ReplayBus,
        report::{MemberResult, OwnerResult, TreasuryResult},
    },
    multibus::error::MultibusError,
    multibus_client::{error::Error, treasury::Treasury},
};

/// Owners who have something to claim.
pub(crate) async fn claimers(bus: &ReplayBus) -> Result<Vec<usize>, ReplayError> {
    let treasury = bus.market.treasury(&bus.address).await.doing("reading the treasury")?;
    let claims = treasury.claims.iter().filter(|claim| claim.claimable > 0);
    Ok(claims.filter_map(|claim| bus.member_of.get(&claim.owner).copied()).collect())
}

/// An owner claims its share.
pub(crate) async fn claim(bus: &ReplayBus, owner: usize) -> Result<(), ReplayError> {
    let wallet = &bus.members[owner].wallet;
    match wallet.treasury_claim(&bus.address, &wallet.address()).await {
        Ok(_) => Ok(()),
        // Anyone may have claimed for the owner, who has the money then.
        Err(error) if error.multibus() == Some(MultibusError::NothingToClaim) => Ok(()),
        Err(error) => Err::<(), Error>(error).doing(format_args!("{} claims its share", bus.name(owner))),
    }
}

/// The treasury on the chain, and each owner's share of it beside what its energy was sold for. What is still in the vault
/// of the bus is shared once it is in the treasury.
pub(crate) async fn result(
    bus: &ReplayBus,
    members: &[MemberResult],
    in_vault_base_units: u64,
) -> Result<TreasuryResult, ReplayError> {
    let doing = "reading the treasury";
    let (account, ledger) = tokio::join!(bus.market.bus(&bus.address), bus.market.ledger(&bus.address));
    let (account, ledger) = (account.doing(doing)?, ledger.doing(doing)?);
    let balance = bus.market.token_balance(&account.treasury).await.doing(doing)?;
    let treasury = Treasury::new(&account, &ledger, balance).doing(doing)?;
    let owners = bus
        .owners
        .iter()
        .filter_map(|&OwnerMember { member, .. }| {
            let place = account.owner_index(&bus.members[member].wallet.address())?;
            let slot = account.owners()[place];
            let claimable =
                treasury.claims.iter().find(|claim| claim.owner == slot.owner).map_or(0, |claim| claim.claimable);
            let MemberResult { name, sold_wh, lock_fees_earned_base_units, .. } = &members[member];
            let by_itself = i128::from(members[member].income_by_itself());
            let mut owner = OwnerResult {
                member,
                name: name.clone(),
                share_bps: slot.share_bps,
                delivered_wh: *sold_wh,
                sales_base_units: members[member].sales_base_units(),
                lock_fees_base_units: *lock_fees_earned_base_units,
                // Shares never change in a replay, so this is all that the owner ever claimed.
                claimed_base_units: ledger.owners[place].claimed,
                claimable_base_units: claimable,
                difference_base_units: 0,
            };
            owner.difference_base_units = i128::from(owner.revenue_base_units()) - by_itself;
            Some(owner)
        })
        .collect();
    Ok(TreasuryResult {
        address: treasury.address.to_string(),
        received_base_units: treasury.balance + treasury.diverted + ledger.period_claimed,
        in_vault_base_units,
        claimed_base_units: ledger.period_claimed,
        claimable_base_units: treasury.totals().claimable,
        remainder_base_units: treasury.remainder,
        owners,
    })
}
