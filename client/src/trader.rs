//! Nonce lanes. A lane makes each purchase happen at most once, and each lane has one purchase in flight.

use {
    crate::{
        account::{Keyed, offset},
        address,
        error::{Error, Result},
        hash::TransactionHash,
        lane::Lease,
        market::Market,
        send::Sent,
        wallet::{Created, Wallet},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::{Receipt, Trader};

/// Lanes that are opened in one transaction.
const OPEN_AT_ONCE: usize = 8;

/// Instruction `trader_open`: a new nonce lane of the wallet, whose nonces start at a slot: 0 for the slot of its
/// transaction, or one up to [`FIRST_SLOT_AHEAD`](multibus::constants::FIRST_SLOT_AHEAD) slots ahead of it, whose
/// [first nonce](Trader::first_nonce) is known before, so that a purchase can follow in the same transaction.
pub fn trader_open(wallet: &Address, lane: u16, first_slot: u64) -> Instruction {
    multibus::instruction::TraderOpen { lane, first_slot }.to_instruction(multibus::accounts::TraderOpen {
        wallet: *wallet,
        trader: address::trader(wallet, lane),
        system_program: system_program::ID,
    })
}

/// Instruction `trader_close`: closes a nonce lane. Opened again, it starts above every nonce that it ever had.
pub fn trader_close(wallet: &Address, lane: u16) -> Instruction {
    multibus::instruction::TraderClose {}
        .to_instruction(multibus::accounts::TraderClose { wallet: *wallet, trader: address::trader(wallet, lane) })
}

/// A receipt with the lane that keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletReceipt {
    /// The wallet.
    pub wallet: Address,
    /// The lane.
    pub lane: u16,
    /// The purchase's nonce.
    pub nonce: u64,
    /// The purchase.
    pub receipt: Receipt,
}

impl WalletReceipt {
    /// Hash of the purchase.
    pub fn transaction_hash(&self) -> TransactionHash {
        TransactionHash(self.receipt.transaction_hash)
    }
}

/// Receipts of one lane, oldest first.
pub(crate) fn receipts_of(trader: &Trader) -> impl Iterator<Item = WalletReceipt> + '_ {
    trader.receipts().map(|(nonce, receipt)| WalletReceipt {
        wallet: trader.wallet,
        lane: trader.lane,
        nonce,
        receipt: *receipt,
    })
}

impl Market {
    /// A wallet's nonce lane, `None` where it is not open.
    pub async fn trader(&self, wallet: &Address, lane: u16) -> Result<Option<Keyed<Trader>>> {
        self.find(&address::trader(wallet, lane)).await
    }

    /// Open nonce lanes of a wallet, by lane.
    pub async fn traders(&self, wallet: &Address) -> Result<Vec<Keyed<Trader>>> {
        let mut traders: Vec<Keyed<Trader>> = self.list(&[(offset!(Trader, wallet), wallet.as_ref())]).await?;
        traders.sort_unstable_by_key(|trader| trader.lane);
        Ok(traders)
    }

    /// Receipts that a wallet's open lanes keep on chain, newest first.
    pub async fn receipts(&self, wallet: &Address) -> Result<Vec<WalletReceipt>> {
        let traders = self.traders(wallet).await?;
        let mut receipts: Vec<WalletReceipt> = traders.iter().flat_map(|trader| receipts_of(trader)).collect();
        receipts.sort_unstable_by_key(|receipt| {
            (std::cmp::Reverse(receipt.receipt.purchased_at), receipt.lane, std::cmp::Reverse(receipt.nonce))
        });
        Ok(receipts)
    }
}

impl Wallet {
    /// A free lane and its next nonce. If all lanes are in use and no more may be opened, it waits.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        let lanes = self.lanes();
        loop {
            let freed = lanes.freed();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(mut lease) = lanes.pick() {
                if !lease.must_be_read() {
                    return Ok(lease);
                }
                match self.market().trader(&self.address(), lease.lane).await? {
                    None => lease.close(),
                    Some(trader) => {
                        lease.read(trader.next_nonce);
                        return Ok(lease);
                    }
                }
                continue;
            }
            if self.open_more_lanes().await? {
                continue;
            }
            freed.await;
        }
    }

    /// Reads or opens lanes; `false` if there are as many as allowed.
    async fn open_more_lanes(&self) -> Result<bool> {
        let lanes = self.lanes();
        let mut is_read = lanes.opening().await;
        if lanes.has_free() {
            return Ok(true);
        }
        if !*is_read {
            self.read_lanes().await?;
            *is_read = true;
            return Ok(true);
        }
        let open = lanes.open();
        // Double their number: few for a wallet that buys now and then, soon all for a busy one.
        let wanted = open.len().clamp(1, OPEN_AT_ONCE);
        let missing: Vec<u16> = (0..lanes.max()).filter(|lane| !open.contains(lane)).take(wanted).collect();
        if missing.is_empty() {
            return Ok(false);
        }
        let instructions: Vec<Instruction> =
            missing.iter().map(|lane| trader_open(&self.address(), *lane, 0)).collect();
        let opened = self.send(&instructions).await;
        // Another process with this wallet may have opened one of them first, so the chain is read.
        self.read_lanes().await?;
        match opened {
            Err(error) if lanes.open().iter().all(|lane| !missing.contains(lane)) => Err(error),
            _ => Ok(true),
        }
    }

    async fn read_lanes(&self) -> Result<()> {
        let lanes = self.lanes();
        let addresses: Vec<Address> = (0..lanes.max()).map(|lane| address::trader(lanes.wallet(), lane)).collect();
        for trader in self.market().find_all::<Trader>(&addresses).await?.into_iter().flatten() {
            lanes.add(&trader);
        }
        Ok(())
    }

    /// Opens a nonce lane.
    pub async fn trader_open(&self, lane: u16) -> Result<Created> {
        let sent = self.send(&[trader_open(&self.address(), lane, 0)]).await?;
        Ok(Created { address: address::trader(&self.address(), lane), sent })
    }

    /// Opens this many nonce lanes ahead, so that as many purchases can be in flight from the start.
    pub async fn open_lanes(&self, count: u16) -> Result<()> {
        let lanes = self.lanes();
        if count > lanes.max() {
            return Err(Error::Invalid(format!(
                "{count} lanes are more than this wallet may open ({}); allow more with `with_lanes`",
                lanes.max()
            )));
        }
        let mut is_read = lanes.opening().await;
        self.read_lanes().await?;
        *is_read = true;
        let open = lanes.open();
        let missing: Vec<Instruction> =
            (0..count).filter(|lane| !open.contains(lane)).map(|lane| trader_open(&self.address(), lane, 0)).collect();
        for instructions in missing.chunks(OPEN_AT_ONCE) {
            self.send(instructions).await?;
        }
        self.read_lanes().await?;
        drop(is_read);
        lanes.wake_all();
        Ok(())
    }

    /// Closes a nonce lane and gets its rent back. A lane that was used in this very slot is closed a slot later.
    pub async fn trader_close(&self, lane: u16) -> Result<Sent> {
        let next = self.market().trader(&self.address(), lane).await?.map_or(0, |trader| trader.next_nonce);
        self.wait_for_counter(&[trader_close(&self.address(), lane)], next).await
    }
}
