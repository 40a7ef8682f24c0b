//! Proposals: changes of a bus that its owners decide on together.

use {
    crate::{
        account::{Keyed, offset},
        address,
        bus::{Bus, ListingPolicy, OwnerShare},
        error::{Error, Result},
        event::Event,
        market::{Market, Settlement},
        send::Sent,
        terms::{Terms, terms_json},
        wallet::{Created, Wallet, number_to_use},
    },
    multibus::state::owners_after,
    serde::Serialize,
    serde_json::{Value, json},
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{Action, ActionKind, Proposal, ProposalAction, ProposalState};

/// Most transactions of a proposal that are read.
const HISTORY: usize = 1_000;

/// Instruction `proposal_create`: proposes a change and approves it. `number` is the next of the proposer.
pub fn proposal_create(proposer: &Address, bus: &Address, number: u64, action: ProposalAction) -> Instruction {
    multibus::instruction::ProposalCreate { number, action }.to_instruction(multibus::accounts::ProposalCreate {
        proposer: *proposer,
        bus: *bus,
        ledger: address::ledger(bus),
        proposal: address::proposal(bus, proposer, number),
        system_program: system_program::ID,
    })
}

/// Instruction `proposal_approve`: an owner approves exactly what was read. The program refuses another action, or the
/// same one proposed at another time, at the same address.
pub fn proposal_approve(owner: &Address, proposal: &Keyed<Proposal>) -> Instruction {
    let hash = Proposal::hash_of(&proposal.address, proposal.created_at, &proposal.action);
    multibus::instruction::ProposalApprove { hash }.to_instruction(multibus::accounts::ProposalApprove {
        owner: *owner,
        bus: proposal.bus,
        proposal: proposal.address,
    })
}

/// Instruction `proposal_revoke`: an owner withdraws its approval.
pub fn proposal_revoke(owner: &Address, bus: &Address, proposal: &Address) -> Instruction {
    multibus::instruction::ProposalRevoke {}.to_instruction(multibus::accounts::ProposalRevoke {
        owner: *owner,
        bus: *bus,
        proposal: *proposal,
    })
}

/// Instruction `proposal_execute`: executes what enough owners approved. `action` is that of the proposal: it decides which
/// seller account is passed.
pub fn proposal_execute(
    executor: &Address,
    bus: &Address,
    proposal: &Address,
    action: &ProposalAction,
    settlement: &Settlement,
) -> Instruction {
    let seller = match action {
        ProposalAction::SellerAdmit { wallet } | ProposalAction::SellerSuspend { wallet } => {
            address::seller(bus, wallet)
        }
        _ => address::seller(bus, bus),
    };
    multibus::instruction::ProposalExecute {}.to_instruction(multibus::accounts::ProposalExecute {
        executor: *executor,
        bus: *bus,
        ledger: address::ledger(bus),
        general: address::capacity(bus, 0),
        proposal: *proposal,
        treasury: address::treasury(bus),
        seller,
        vault: address::vault(&seller),
        mint: settlement.mint,
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

/// Instruction `proposal_close`: closes a proposal that is executed, stale, expired or approved by nobody.
pub fn proposal_close(closer: &Address, proposal: &Keyed<Proposal>) -> Instruction {
    multibus::instruction::ProposalClose {}.to_instruction(multibus::accounts::ProposalClose {
        closer: *closer,
        bus: proposal.bus,
        ledger: address::ledger(&proposal.bus),
        proposal: proposal.address,
        proposer: proposal.proposer,
    })
}

/// What a proposal would change of its bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Name of the bus's property, with its unit.
    pub property: &'static str,
    /// As it is now.
    pub before: Value,
    /// As it would be.
    pub after: Value,
}

/// Where a proposal stands and what it would change.
#[derive(Clone, Debug)]
pub struct ProposalStatus {
    /// The proposal.
    pub proposal: Keyed<Proposal>,
    /// What is proposed.
    pub action: ProposalAction,
    /// Owners who approve, or approved; `None` if that is unknown. After a change of owners only the history tells, and
    /// a node may not serve all of it.
    pub approved_by: Option<Vec<Address>>,
    /// Its approvals, as they are or as they were when it was executed or became stale.
    pub approvals: u8,
    /// Approvals that it needs under the present rules of the bus.
    pub approvals_needed: u8,
    /// Approvals that are missing.
    pub approvals_missing: u8,
    /// Whether owners, shares or threshold changed after it was made, or for a pause or a resume, either was done later.
    pub is_stale: bool,
    /// Whether it was carried out.
    pub is_executed: bool,
    /// First second in which it can be executed, in unix seconds, once enough owners approve.
    pub executable_at: Option<i64>,
    /// Last second in which it can be executed, in unix seconds.
    pub expires_at: i64,
    /// What it would change; empty where it was executed or is stale.
    pub changes: Vec<Change>,
}

impl ProposalStatus {
    /// Reads a proposal against its bus.
    pub fn new(proposal: Keyed<Proposal>, bus: &Bus) -> Result<Self> {
        let Some(action) = proposal.action.decode() else {
            let cause = format!("its action {} is not known; update this client", proposal.action.kind);
            return Err(Error::Decode { kind: "proposal", address: proposal.address, cause });
        };
        let is_executed = proposal.state == ProposalState::Executed as u8;
        let is_stale = !is_executed && proposal.is_stale(bus);
        let is_open = !is_executed && !is_stale;
        // An approval is a bit for a place among the owners, and places change when an owner leaves. They are still
        // those of the proposal if the version is the same, or if only its own execution changed the version without
        // removing or replacing one.
        let own_change = is_executed
            && proposal.config_version.checked_add(1) == Some(bus.config_version)
            && proposal.action.changes_owners()
            && ![ActionKind::OwnerRemove as u8, ActionKind::OwnerReplace as u8].contains(&proposal.action.kind);
        let approved_by = (bus.config_version == proposal.config_version || own_change).then(|| {
            let owners = bus.owners().iter().enumerate();
            owners.filter(|(index, _)| proposal.approvals & (1 << index) != 0).map(|(_, slot)| slot.owner).collect()
        });
        let approvals = proposal.approval_count();
        let approvals_needed = proposal.approvals_needed(bus);
        let approvals_missing = if is_open { approvals_needed.saturating_sub(approvals) } else { 0 };
        let executable_at = (is_open && approvals_missing == 0).then_some(proposal.executable_at);
        let changes = if is_open { changes(bus, &proposal.action) } else { Vec::new() };
        Ok(Self {
            proposal,
            action,
            approved_by,
            approvals,
            approvals_needed,
            approvals_missing,
            is_stale,
            is_executed,
            executable_at,
            expires_at: proposal.expires_at,
            changes,
        })
    }

    /// Whether the last second of execution has passed. One that was executed never expires.
    pub fn is_expired(&self, now: i64) -> bool {
        !self.is_executed && now > self.expires_at
    }

    /// Its state in one word: `open` (approvals are missing), `timelocked`, `executable`, `executed`, `stale` or `expired`.
    pub fn state(&self, now: i64) -> &'static str {
        if self.is_expired(now) && !self.is_stale {
            return "expired";
        }
        match (self.is_executed, self.is_stale, self.executable_at) {
            (true, ..) => "executed",
            (_, true, _) => "stale",
            (_, _, None) => "open",
            (_, _, Some(at)) if now < at => "timelocked",
            _ => "executable",
        }
    }
}

/// What an action would change of a bus, property by property.
pub fn changes(bus: &Bus, action: &Action) -> Vec<Change> {
    let change = |property, before: Value, after: Value| vec![Change { property, before, after }];
    let owners = |owners: &[OwnerShare]| {
        let list = owners.iter().map(|share| json!({ "owner": share.owner.to_string(), "share_bps": share.share_bps }));
        Value::Array(list.collect())
    };
    // Zeros stand for nobody.
    let named = |wallet: &Address| {
        if *wallet == Address::default() { Value::Null } else { json!(wallet.to_string()) }
    };
    match action.decode() {
        None => Vec::new(),
        Some(
            ProposalAction::OwnerAdd { .. }
            | ProposalAction::OwnerRemove { .. }
            | ProposalAction::OwnerReplace { .. }
            | ProposalAction::SharesSet { .. },
        ) => {
            let before: Vec<OwnerShare> =
                bus.owners().iter().map(|slot| OwnerShare { owner: slot.owner, share_bps: slot.share_bps }).collect();
            change("owners", owners(&before), owners(&owners_after(bus, action)))
        }
        Some(ProposalAction::ThresholdSet { threshold }) => change("threshold", json!(bus.threshold), json!(threshold)),
        Some(ProposalAction::TimelockSet { timelock_seconds }) => {
            change("timelock_seconds", json!(bus.timelock_seconds), json!(timelock_seconds))
        }
        Some(ProposalAction::CapacitySet { capacity_wh }) => {
            change("capacity_wh", json!(bus.capacity_wh), json!(capacity_wh))
        }
        Some(ProposalAction::BasePriceSet { base_price_per_kwh }) => {
            change("base_price_per_kwh", json!(bus.base_price_per_kwh), json!(base_price_per_kwh))
        }
        Some(ProposalAction::ListingPolicySet { listing_policy }) => {
            let name = |policy| match ListingPolicy::try_from(policy) {
                Ok(ListingPolicy::OwnersOnly) => json!("owners only"),
                Ok(ListingPolicy::Admitted) => json!("admitted sellers"),
                Ok(ListingPolicy::Open) => json!("open"),
                Err(unknown) => json!(unknown),
            };
            change("listing_policy", name(bus.listing_policy), name(listing_policy))
        }
        Some(ProposalAction::TermsSet { from, terms }) => {
            let before = (bus.next_terms.from != 0).then(|| terms_json(&bus.next_terms));
            change("next_terms", before.unwrap_or_default(), terms_json(&Terms::new(&terms, from)))
        }
        Some(ProposalAction::LockFeeSet { lock_fee_bps }) => {
            change("lock_fee_bps", json!(bus.lock_fee_bps), json!(lock_fee_bps))
        }
        Some(ProposalAction::Pause | ProposalAction::Resume) => {
            change("paused", json!(bus.paused == 1), json!(bus.paused == 0))
        }
        Some(ProposalAction::PauseQuorumSet { pause_quorum }) => {
            change("pause_quorum", json!(bus.pause_quorum), json!(pause_quorum))
        }
        // What it was before is in the seller's account.
        Some(ProposalAction::SellerAdmit { wallet }) => {
            change("admitted_seller", Value::Null, json!(wallet.to_string()))
        }
        Some(ProposalAction::SellerSuspend { wallet }) => {
            change("suspended_seller", Value::Null, json!(wallet.to_string()))
        }
        Some(ProposalAction::ReservePriceSet { reserve_price_per_kwh }) => {
            change("reserve_price_per_kwh", json!(bus.reserve_price_per_kwh), json!(reserve_price_per_kwh))
        }
        Some(ProposalAction::LeastSizeSet { least_wh }) => change("least_wh", json!(bus.least_wh), json!(least_wh)),
        Some(ProposalAction::OperatorSet { operator }) => {
            change("operator", named(&bus.operator), named(&operator.unwrap_or_default()))
        }
        Some(ProposalAction::GridRecipientSet { recipient }) => {
            change("grid_recipient", named(&bus.grid_recipient), named(&recipient.unwrap_or_default()))
        }
        Some(ProposalAction::BusClose) => change("closing", json!(bus.closing == 1), json!(true)),
    }
}

/// Whether one owner's approval is enough to execute an action at once.
pub fn is_decided_by_one(bus: &Bus, action: &ProposalAction) -> bool {
    match action {
        ProposalAction::Pause => bus.pause_approvals() == 1,
        _ => bus.threshold == 1 && bus.timelock_seconds == 0,
    }
}

impl Market {
    /// A proposal.
    pub async fn proposal(&self, proposal: &Address) -> Result<Keyed<Proposal>> {
        self.get(proposal).await
    }

    /// Proposals of a bus, oldest first.
    pub async fn proposals(&self, bus: &Address) -> Result<Vec<Keyed<Proposal>>> {
        let mut proposals: Vec<Keyed<Proposal>> = self.list(&[(offset!(Proposal, bus), bus.as_ref())]).await?;
        proposals.sort_unstable_by_key(|proposal| (proposal.created_at, proposal.number, proposal.proposer));
        Ok(proposals)
    }

    /// Where a proposal stands and what it would change.
    pub async fn proposal_status(&self, proposal: &Address) -> Result<ProposalStatus> {
        let proposal = self.proposal(proposal).await?;
        let bus = self.bus(&proposal.bus).await?;
        let mut status = ProposalStatus::new(proposal, &bus)?;
        if status.approved_by.is_none() {
            status.approved_by = self.approvers(&status.proposal).await?;
        }
        Ok(status)
    }

    /// Who approved a proposal, from the events of its transactions; `None` if the node does not serve all of them.
    async fn approvers(&self, proposal: &Keyed<Proposal>) -> Result<Option<Vec<Address>>> {
        let mut approvers = Vec::new();
        for info in self.chain().signatures_for(&proposal.address, None, HISTORY).await?.iter().rev() {
            if info.error.is_some() {
                continue;
            }
            let Some(record) = self.chain().transaction(&info.signature).await? else { return Ok(None) };
            let parsed = record.parsed();
            if parsed.truncated {
                return Ok(None);
            }
            for event in parsed.events {
                match event {
                    Event::ProposalCreated(event) if event.proposal == proposal.address => {
                        approvers.push(event.proposer);
                    }
                    Event::ProposalApproved(event) if event.proposal == proposal.address => approvers.push(event.owner),
                    Event::ProposalRevoked(event) if event.proposal == proposal.address => {
                        approvers.retain(|owner| *owner != event.owner);
                    }
                    _ => {}
                }
            }
        }
        Ok((approvers.len() == usize::from(proposal.approval_count())).then_some(approvers))
    }
}

impl Wallet {
    /// Proposes a change of a bus that this wallet owns a part of. If one approval is enough and there is no timelock,
    /// the same transaction executes it.
    pub async fn propose(&self, bus: &Address, action: &ProposalAction) -> Result<Created> {
        let settlement = self.market().settlement(bus).await?;
        let mut counter = self.counter(&address::ledger(bus)).await;
        let mut attempt = 0;
        loop {
            let (state, ledger) = tokio::join!(self.market().bus(bus), self.market().ledger(bus));
            let (state, ledger) = (state?, ledger?);
            let Some(place) = state.owner_index(&self.address()) else { return Err(self.is_no_owner(bus)) };
            let number = number_to_use(&counter, ledger.owners[place].next_proposal, attempt);
            let proposal = address::proposal(bus, &self.address(), number);
            let mut instructions = vec![proposal_create(&self.address(), bus, number, action.clone())];
            if is_decided_by_one(&state, action) {
                instructions.push(proposal_execute(&self.address(), bus, &proposal, action, &settlement));
            }
            if let Some(sent) = self.send_numbered(&proposal, &instructions, &[], &mut attempt).await? {
                *counter = number.saturating_add(1);
                return Ok(Created { address: proposal, sent });
            }
        }
    }

    /// Approves exactly the proposal that was read: the same action, proposed at the same time.
    pub async fn proposal_approve(&self, proposal: &Keyed<Proposal>) -> Result<Sent> {
        self.send_once(&proposal.address, &[proposal_approve(&self.address(), proposal)]).await
    }

    /// Withdraws the approval of a proposal.
    pub async fn proposal_revoke(&self, proposal: &Address) -> Result<Sent> {
        let bus = self.market().proposal(proposal).await?.bus;
        self.send_once(proposal, &[proposal_revoke(&self.address(), &bus, proposal)]).await
    }

    /// Executes a proposal that enough owners approved and whose timelock is over. Anyone may do so.
    pub async fn proposal_execute(&self, proposal: &Address) -> Result<Sent> {
        let read = self.market().proposal(proposal).await?;
        let settlement = self.market().settlement(&read.bus).await?;
        let Some(action) = read.action.decode() else {
            let cause = format!("its action {} is not known; update this client", read.action.kind);
            return Err(Error::Decode { kind: "proposal", address: *proposal, cause });
        };
        let execute = proposal_execute(&self.address(), &read.bus, proposal, &action, &settlement);
        self.send_once(proposal, &[execute]).await
    }

    /// Closes a proposal that is executed, stale, expired or approved by nobody. Anyone may do so. Its proposer gets the rent.
    pub async fn proposal_close(&self, proposal: &Address) -> Result<Sent> {
        let proposal = self.market().proposal(proposal).await?;
        self.send(&[proposal_close(&self.address(), &proposal)]).await
    }

    /// Proposes a new owner who gets part of this owner's share, in basis points.
    pub async fn bus_add_owner(&self, bus: &Address, owner: &Address, share_bps: u16) -> Result<Created> {
        let state = self.market().bus(bus).await?;
        let Some(own) = state.owner_index(&self.address()) else {
            return Err(self.is_no_owner(bus));
        };
        let mut shares_bps: Vec<u16> = state.owners().iter().map(|slot| slot.share_bps).collect();
        let Some(left) = shares_bps[own].checked_sub(share_bps) else {
            return Err(Error::Invalid(format!(
                "the share to hand over is {share_bps} basis points, the own share {}; give at most that",
                shares_bps[own]
            )));
        };
        shares_bps[own] = left;
        shares_bps.push(share_bps);
        self.propose(bus, &ProposalAction::OwnerAdd { owner: *owner, shares_bps }).await
    }

    fn is_no_owner(&self, bus: &Address) -> Error {
        Error::Invalid(format!("{} is not an owner of the bus {bus}; sign with an owner's wallet", self.address()))
    }
}
