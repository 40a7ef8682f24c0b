//! Withdrawals: what a seller earned is collected from its offers and paid to it.

use {
    crate::{
        account::Keyed,
        error::Result,
        event::Event,
        offer::offer_collect,
        seller::{Seller, seller_withdraw},
        send::Sent,
        wallet::Wallet,
    },
    solana_address::Address,
    solana_instruction::Instruction,
};

/// Offers whose proceeds are collected in one transaction.
const COLLECTED_AT_ONCE: usize = 12;

/// What [`Wallet::seller_withdraw`] paid.
#[derive(Clone, Debug)]
pub struct Withdrawn {
    /// Paid to the seller, in token base units, as the transaction says; `None` where the node does not serve its log.
    pub amount: Option<u64>,
    /// The transactions, in order; the last one paid.
    pub transactions: Vec<Sent>,
}

impl Wallet {
    /// Collects the proceeds of a seller's offers and pays everything that is released to its associated token account, or
    /// to the treasury where `wallet` is the bus. Anyone may do it for any seller.
    pub async fn seller_withdraw(&self, bus: &Address, wallet: &Address) -> Result<Withdrawn> {
        let seller = self.market().seller(bus, wallet).await?;
        let (destination, create) = self.payout_of(&seller).await?;
        self.withdraw(&seller, &destination, create).await
    }

    /// The same for this wallet as a seller, to any token account of the settlement mint.
    pub async fn seller_withdraw_to(&self, bus: &Address, destination: &Address) -> Result<Withdrawn> {
        let seller = self.market().seller(bus, &self.address()).await?;
        self.withdraw(&seller, destination, None).await
    }

    async fn withdraw(
        &self,
        seller: &Keyed<Seller>,
        destination: &Address,
        create: Option<Instruction>,
    ) -> Result<Withdrawn> {
        let settlement = self.market().settlement(&seller.bus).await?;
        let mut offers = self.market().offers_of(&seller.bus, &seller.wallet).await?;
        offers.retain(|offer| offer.proceeds > 0);
        let mut transactions = Vec::new();
        let mut groups = offers.chunks(COLLECTED_AT_ONCE).peekable();
        let mut last = Vec::new();
        while let Some(group) = groups.next() {
            let collect: Vec<Instruction> = group.iter().map(offer_collect).collect();
            if groups.peek().is_some() {
                transactions.push(self.send(&collect).await?);
            } else {
                last = collect;
            }
        }
        last.extend(create);
        last.push(seller_withdraw(&self.address(), seller, &settlement, destination));
        let sent = self.send(&last).await?;
        let amount = sent.events.iter().find_map(|event| match event {
            Event::SellerWithdrawn(event) if event.seller == seller.address => Some(event.amount),
            _ => None,
        });
        transactions.push(sent);
        Ok(Withdrawn { amount, transactions })
    }
}
