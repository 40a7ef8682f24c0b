//! Counters of wallets are opened, used and closed.

use {
    crate::{books::Model, cause::*, limit::account_bytes, math::sha256, state::*},
    solana_address::Address,
};

impl Model {
    pub(super) fn creator_open(&mut self, accounts: &[PassedAccount; 3], first_slot: u64) -> Verdict {
        let [wallet, at, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1]);
        causes.payer(wallet);
        causes.system_program(system);
        self.new_account(&mut causes, at, self.creator_address(&wallet.address).0);
        self.can_pay(&mut causes, wallet, &[(at.address, account_bytes::CREATOR)], 0);
        let next_bus = self.counter_from(&mut causes, first_slot);
        causes.verdict()?;
        self.pay_rent(&wallet.address, &at.address, account_bytes::CREATOR);
        self.creators.insert(at.address, ModelCreator { wallet: wallet.address, next_bus });
        Ok(())
    }

    pub(super) fn trader_open(&mut self, accounts: &[PassedAccount; 3], lane: u16, first_slot: u64) -> Verdict {
        let [wallet, at, system] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1]);
        causes.payer(wallet);
        causes.system_program(system);
        self.new_account(&mut causes, at, self.lane_address(&wallet.address, lane).0);
        self.can_pay(&mut causes, wallet, &[(at.address, account_bytes::LANE)], 0);
        let first_nonce = self.counter_from(&mut causes, first_slot);
        causes.verdict()?;
        self.pay_rent(&wallet.address, &at.address, account_bytes::LANE);
        let opened = ModelLane {
            wallet: wallet.address,
            lane,
            first_nonce,
            opened_at: self.now,
            history_root: [0; 32],
            receipts: Vec::new(),
        };
        self.lanes.insert(at.address, opened);
        Ok(())
    }

    pub(super) fn trader_close(&mut self, accounts: &[PassedAccount; 2]) -> Verdict {
        let [wallet, at] = accounts;
        let mut causes = Causes::default();
        causes.once(accounts, &[0, 1]);
        causes.payer(wallet);
        let lane = causes.state(at, true, self.lanes.get(&at.address));
        if let Some(lane) = lane {
            causes.rule(lane.wallet == wallet.address, "TraderMismatch");
            causes.rule(lane.next_nonce() <= self.first_number(), "CounterBusy");
        }
        causes.verdict()?;
        self.lanes.remove(&at.address);
        self.return_rent(&at.address, &wallet.address);
        Ok(())
    }

    /// A buyer's lane whose next nonce is this one.
    pub(super) fn lane_of(&self, causes: &mut Causes, passed: &PassedAccount, buyer: &Address, nonce: u64) {
        let lane = causes.state(passed, true, self.lanes.get(&passed.address));
        if let Some(lane) = lane {
            causes.rule(lane.wallet == *buyer, "TraderMismatch");
            causes.rule(lane.next_nonce() == nonce, "NonceMismatch");
        }
    }

    /// The hash of a purchase of these orders: offer, Wh, highest price. Its kind is 0 for a purchase of one offer, 1 for a batch,
    /// 2 for a lock that is settled and 3 for a bid, whose order names the window's capacity.
    pub fn purchase_hash(
        &self,
        (buyer, lane, nonce): (&Address, u16, u64),
        kind: u8,
        orders: &[(Address, u64, u64)],
    ) -> [u8; 32] {
        let mut bytes = b"multibus:purchase:v1".to_vec();
        bytes.extend_from_slice(self.program.as_ref());
        bytes.extend_from_slice(buyer.as_ref());
        bytes.push(kind);
        bytes.extend_from_slice(&lane.to_le_bytes());
        bytes.extend_from_slice(&nonce.to_le_bytes());
        for (offer, energy_wh, limit) in orders {
            bytes.extend_from_slice(offer.as_ref());
            bytes.extend_from_slice(&energy_wh.to_le_bytes());
            bytes.extend_from_slice(&limit.to_le_bytes());
        }
        sha256(&[&bytes])
    }

    /// Spends a lane's next nonce on a purchase of these orders.
    pub(super) fn record(
        &mut self,
        lane: &Address,
        kind: u8,
        orders: &[(Address, u64, u64)],
        energy_wh: u64,
        paid: u64,
    ) {
        let entry = &self.lanes[lane];
        let nonce = entry.next_nonce();
        let transaction_hash = self.purchase_hash((&entry.wallet, entry.lane, nonce), kind, orders);
        let entry = self.lanes.get_mut(lane).expect("a lane");
        entry.history_root = sha256(&[&entry.history_root, &transaction_hash]);
        entry.receipts.push(ModelReceipt { transaction_hash, energy_wh, paid, purchased_at: self.now });
        // 4. Nonces only grow, and a hash is recorded once.
        assert!(self.hashes.insert(transaction_hash), "a transaction hash comes twice");
        let next = self.nonces.insert(*lane, nonce + 1);
        assert!(next.is_none_or(|next| next <= nonce), "a nonce is spent twice");
    }
}
