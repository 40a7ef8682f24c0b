//! What a bid would do.

use {
    super::window::{BidPreview, WindowBook},
    crate::{
        account::Keyed,
        address,
        bid::{BidOrder, bid_create},
        bus::{FIRST_SLOT_LEAD, first_number},
        capacity::Capacity,
        error::{Error, Result},
        hash::TransactionHash,
        purchase::Buyer,
        quantity::{PricePerKwh, Wh},
        trader::trader_open,
        wallet::Wallet,
    },
    bytemuck::Zeroable,
    solana_address::Address,
};

/// What a bid would do.
#[derive(Clone, Debug)]
pub struct BidQuote {
    /// What it would deposit, in token base units.
    pub deposit: u64,
    /// What it would get from the present book.
    pub preview: BidPreview,
    /// Its nonce lane.
    pub lane: u16,
    /// Its nonce, if nothing is bought before; `None` where the lane is not open.
    pub nonce: Option<u64>,
    /// Its hash under that nonce.
    pub transaction_hash: Option<TransactionHash>,
    /// Its address under that nonce.
    pub address: Option<Address>,
    /// Compute units that it would use, as simulated.
    pub compute_units: u64,
}

impl Wallet {
    /// What a bid would do, without making it: nothing is signed, and no nonce is spent.
    ///
    /// # Errors
    /// Where the program would refuse it.
    pub async fn bid_quote(&self, order: &BidOrder) -> Result<BidQuote> {
        let market = self.market();
        let wallet = self.address();
        let lane = 0;
        let (settlement, capacity, trader, bus, clock) = tokio::join!(
            market.settlement(&order.bus),
            market.find_capacity(&order.bus, order.window_start),
            market.trader(&wallet, lane),
            market.bus(&order.bus),
            self.chain().clock()
        );
        let (settlement, capacity, trader, bus, clock) = (settlement?, capacity?, trader?, bus?, clock?);
        let mut instructions = self.open_window(order, capacity.as_ref())?;
        let book = match capacity {
            Some(_) => market.book(&order.bus, order.window_start).await?,
            None => {
                let mut account = Capacity::zeroed();
                account.initialize(&bus, &order.bus, &wallet, order.window_start);
                let address = address::capacity(&order.bus, order.window_start);
                WindowBook::empty(bus, Keyed { address, account }, clock.unix_timestamp)?
            }
        };
        let nonce = trader.map(|trader| trader.next_nonce);
        let first_slot = clock.slot.saturating_add(FIRST_SLOT_LEAD);
        if nonce.is_none() {
            instructions.push(trader_open(&wallet, lane, first_slot));
        }
        let payment = order.payment.unwrap_or_else(|| settlement.token_account(&wallet));
        let buyer = Buyer { wallet, trader: address::trader(&wallet, lane), payment };
        let spent = nonce.unwrap_or_else(|| first_number(first_slot));
        instructions.push(bid_create(&buyer, lane, spent, order, &settlement));
        let simulation = self.sender().simulate(&wallet, &instructions, &[]).await?;
        if let Some(error) = simulation.error {
            let refused = Error::from_transaction(error, simulation.logs);
            return Err(self.explain_payment(refused, &order.bus, order.payment).await);
        }
        let preview = book.preview(Wh(order.energy_wh), PricePerKwh(order.max_price_per_kwh))?;
        let transaction_hash = nonce.map(|nonce| order.transaction_hash(&wallet, lane, nonce));
        Ok(BidQuote {
            deposit: preview.deposit,
            preview,
            lane,
            nonce,
            transaction_hash,
            address: transaction_hash.map(|hash| address::bid(&hash.0)),
            compute_units: simulation.compute_units,
        })
    }
}
