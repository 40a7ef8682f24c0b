//! Withdrawals: what a seller earned is collected from its offers and paid to it.

use {
    crate::{
        account::Keyed,
        auction::pool_reports,
        delivery::{delivery_release, releasable},
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

/// Offers whose proceeds are collected, and books that are released, in one transaction.
const COLLECTED_AT_ONCE: usize = 12;

/// What [`Wallet::seller_withdraw`] or [`Wallet::grid_sweep`] paid.
#[derive(Clone, Debug)]
pub struct Withdrawn {
    /// Paid, in token base units, as the transaction says; `None` where the node does not serve its log.
    pub amount: Option<u64>,
    /// The transactions, in order; the last one paid.
    pub transactions: Vec<Sent>,
}

impl Wallet {
    /// Collects the proceeds of a seller's offers, releases the final windows of its delivery books with their parts of auctions, and
    /// pays everything that is released to its associated token account, or to the treasury where `wallet` is the bus. Anyone may
    /// do it for any seller.
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
        let (mut transactions, mut last) = self.collect_all(seller).await?;
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

    /// Collects the proceeds of a seller's offers, releases the final windows of its delivery books and counts their parts of
    /// auctions. Returns what was sent,
    /// and the instructions of the last part, which are not sent yet.
    pub(crate) async fn collect_all(&self, seller: &Keyed<Seller>) -> Result<(Vec<Sent>, Vec<Instruction>)> {
        let (offers, books, clock) = tokio::join!(
            self.market().offers_of(&seller.bus, &seller.wallet),
            self.market().delivery_books_of(&seller.bus, &seller.wallet),
            self.chain().clock()
        );
        let (offers, books, now) = (offers?, books?, clock?.unix_timestamp);
        let mut collect: Vec<Instruction> =
            offers.iter().filter(|offer| offer.proceeds > 0).map(offer_collect).collect();
        collect.extend(books.iter().filter(|book| releasable(book, now).windows != [0; 2]).map(delivery_release));
        let settlement = self.market().settlement(&seller.bus).await?;
        collect.extend(books.iter().flat_map(|book| pool_reports(book, &settlement, now)));
        let mut transactions = Vec::new();
        let mut groups = collect.chunks(COLLECTED_AT_ONCE).peekable();
        let mut last = Vec::new();
        while let Some(group) = groups.next() {
            if groups.peek().is_some() {
                transactions.push(self.send(group).await?);
            } else {
                last = group.to_vec();
            }
        }
        Ok((transactions, last))
    }
}
