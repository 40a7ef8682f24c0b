//! Buses are created.

use {
    crate::{
        books::Model,
        call::NewBus,
        cause::*,
        limit::{self, account_bytes},
        state::*,
    },
    solana_address::Address,
    std::collections::{BTreeMap, BTreeSet},
};

impl Model {
    pub(super) fn bus_create(&mut self, accounts: &[PassedAccount; 8], bus_seq: u64, config: NewBus) -> Verdict {
        let [creator, bus, capacity, mint, escrow, treasury, token_program, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1, 2, 4, 5]);
        causes.payer(creator);
        causes.system_program(system);
        self.new_account(&mut causes, bus, self.bus_address(&creator.address, bus_seq).0);
        self.new_account(&mut causes, capacity, self.capacity_address(&bus.address, 0).0);
        let (of_escrow, of_treasury) = (self.escrow_address(&bus.address), self.treasury_address(&bus.address));
        self.new_account(&mut causes, escrow, of_escrow);
        self.new_account(&mut causes, treasury, of_treasury);
        let created = [
            (bus.address, account_bytes::BUS),
            (capacity.address, account_bytes::CAPACITY),
            (escrow.address, account_bytes::TOKENS),
            (treasury.address, account_bytes::TOKENS),
        ];
        self.can_pay(&mut causes, creator, &created);
        match self.mints.get(&mint.address) {
            None => {
                causes.rule(false, "TokenProgramInvalid");
                causes.rule(!self.tokens.contains_key(&mint.address), "MintInvalid");
            }
            Some(found) => {
                causes.rule(found.program == token_program.address, "TokenProgramInvalid");
                if let Some(name) = found.refused_as {
                    causes.rule(false, name);
                }
            }
        }
        let name = std::str::from_utf8(&config.name).expect("read as text");
        causes.rule(
            !name.is_empty() && name.len() <= limit::MAX_NAME_BYTES && !name.chars().any(char::is_control),
            "NameInvalid",
        );
        let count = config.owners.len();
        causes.rule((1..=limit::MAX_OWNERS).contains(&count), "OwnerCountInvalid");
        let names: BTreeSet<_> = config.owners.iter().map(|(owner, _)| *owner).collect();
        causes.rule(names.len() == count, "OwnerDuplicate");
        causes.rule(!names.contains(&Address::default()), "OwnerZero");
        causes.rule(!names.contains(&bus.address), "OwnerIsTheBus");
        causes.rule(names.contains(&creator.address), "CreatorNotOwner");
        causes.rule(limit::are_all_shares(config.owners.iter().map(|(_, share)| share)), "SharesInvalid");
        causes.rule(config.threshold >= 1 && config.threshold as usize <= count, "ThresholdInvalid");
        causes.rule(config.pause_quorum <= config.threshold, "PauseQuorumInvalid");
        causes.rule(config.listing_policy <= limit::LAST_LISTING_POLICY, "ListingPolicyUnknown");
        causes.rule(config.lock_fee_bps <= limit::MAX_LOCK_FEE_BPS, "LockFeeTooHigh");
        causes.rule(config.timelock_seconds <= limit::MAX_TIMELOCK_SECONDS, "TimelockTooLong");
        causes.rule(limit::windows_fit(config.window_seconds, config.gate_closure_seconds), "WindowsInvalid");
        causes.rule(config.capacity_wh > 0, "CapacityZero");
        causes.rule(config.base_price_per_kwh > 0, "BasePriceZero");
        causes.verdict()?;
        for (address, bytes) in created {
            self.pay_rent(&creator.address, &address, bytes);
        }
        for account in [of_escrow, of_treasury] {
            let tokens =
                ModelTokens { mint: mint.address, owner: bus.address, amount: 0, frozen: false, delegate: None };
            self.tokens.insert(account, tokens);
        }
        let general = ModelCapacity::new(bus.address, creator.address, config.capacity_wh);
        self.capacities.insert(capacity.address, general);
        let created = ModelBus {
            creator: creator.address,
            bus_seq,
            name: config.name,
            mint: mint.address,
            escrow: of_escrow,
            treasury: of_treasury,
            owners: config.owners,
            threshold: config.threshold,
            pause_quorum: config.pause_quorum,
            listing_policy: config.listing_policy,
            paused: false,
            resumed_at: 0,
            timelock_seconds: config.timelock_seconds,
            window_seconds: config.window_seconds,
            gate_closure_seconds: config.gate_closure_seconds,
            lock_fee_bps: config.lock_fee_bps,
            capacity_wh: config.capacity_wh,
            base_price_per_kwh: config.base_price_per_kwh,
            config_version: 0,
            proposal_seq: 0,
            created_at: self.now,
            earned: BTreeMap::new(),
            claimed: BTreeMap::new(),
        };
        self.buses.insert(bus.address, created);
        Ok(())
    }
}
