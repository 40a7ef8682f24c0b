//! What the owners earn together, where they sell through the bus: read from the chain, and claimed.

use {
    super::{
        Doing, ReplayError,
        report::{MemberResult, OwnerResult, TreasuryResult},
        world::World,
    },
    multibus::error::MultibusError,
    multibus_client::{error::Error, treasury::Treasury},
};

/// Owners who have something to claim.
pub(super) async fn claimers(world: &World) -> Result<Vec<usize>, ReplayError> {
    let treasury = world.market.treasury(&world.bus).await.doing("reading the treasury")?;
    let claims = treasury.claims.iter().filter(|claim| claim.claimable > 0);
    Ok(claims.filter_map(|claim| world.member_of.get(&claim.owner).copied()).collect())
}

/// An owner claims its share.
pub(super) async fn claim(world: &World, owner: usize) -> Result<(), ReplayError> {
    let wallet = &world.members[owner].wallet;
    match wallet.treasury_claim(&world.bus, &wallet.address()).await {
        Ok(_) => Ok(()),
        // Anyone may have claimed it on the owner's behalf, and it is the owner's all the same.
        Err(error) if error.multibus() == Some(MultibusError::NothingToClaim) => Ok(()),
        Err(error) => Err::<(), Error>(error).doing(format_args!("{} claims its share", world.name(owner))),
    }
}

/// The treasury as it is on the chain, and each owner's part of it against what its energy was sold for.
pub(super) async fn result(world: &World, members: &[MemberResult]) -> Result<TreasuryResult, ReplayError> {
    let doing = "reading the treasury";
    let bus = world.market.bus(&world.bus).await.doing(doing)?;
    let balance = world.market.token_balance(&bus.treasury).await.doing(doing)?;
    let treasury = Treasury::new(&bus, balance).doing(doing)?;
    let owners = world
        .owners
        .iter()
        .filter_map(|&(member, _)| {
            let slot = bus.owners()[bus.owner_index(&world.members[member].wallet.address())?];
            let claimable =
                treasury.claims.iter().find(|claim| claim.owner == slot.owner).map_or(0, |claim| claim.claimable);
            let MemberResult { name, sold_wh, earned_base_units, lock_fees_earned_base_units, .. } = &members[member];
            let by_itself = i128::from(*earned_base_units) + i128::from(*lock_fees_earned_base_units);
            let mut owner = OwnerResult {
                member,
                name: name.clone(),
                share_bps: slot.share_bps,
                delivered_wh: *sold_wh,
                sales_base_units: *earned_base_units,
                lock_fees_base_units: *lock_fees_earned_base_units,
                // The shares never change in a replay, so that it is all that the owner ever claimed.
                claimed_base_units: slot.claimed,
                claimable_base_units: claimable,
                difference_base_units: 0,
            };
            owner.difference_base_units = i128::from(owner.revenue_base_units()) - by_itself;
            Some(owner)
        })
        .collect();
    Ok(TreasuryResult {
        address: treasury.address.to_string(),
        received_base_units: treasury.balance + treasury.claimed_total,
        claimed_base_units: treasury.claimed_total,
        claimable_base_units: treasury.totals().claimable,
        remainder_base_units: treasury.remainder,
        owners,
    })
}
