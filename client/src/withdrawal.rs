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
        send::{Sent, TRANSACTION_BYTES, packed, size_of_transaction},
        wallet::Wallet,
    },
    solana_address::Address,
    solana_instruction::Instruction,
};

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
        let (mut transactions, last) = self.collect_all(seller).await?;
        let withdraw = seller_withdraw(&self.address(), seller, &settlement, destination);
        let pay: Vec<Instruction> = create.into_iter().chain([withdraw]).collect();
        let sent = self.send_behind(last, &pay, &mut transactions).await?;
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
        let collect: Vec<[Instruction; 1]> = collect.into_iter().map(|instruction| [instruction]).collect();
        let mut groups = packed(&self.address(), collect)?;
        let last = groups.pop().unwrap_or_default();
        let mut transactions = Vec::new();
        for group in groups {
            transactions.push(self.send(group.as_flattened()).await?);
        }
        Ok((transactions, last.into_iter().flatten().collect()))
    }

    /// Sends instructions behind others: in their transaction where both fit, else in the next one.
    pub(crate) async fn send_behind(
        &self,
        mut first: Vec<Instruction>,
        then: &[Instruction],
        transactions: &mut Vec<Sent>,
    ) -> Result<Sent> {
        let alone = first.len();
        first.extend_from_slice(then);
        if size_of_transaction(&self.address(), &first, &[])? > TRANSACTION_BYTES {
            transactions.push(self.send(&first[..alone]).await?);
            first.drain(..alone);
        }
        self.send(&first).await
    }
}
