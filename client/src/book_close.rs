//! Closes delivery books together with the position books on them.

use {
    crate::{
        account::Keyed,
        auction::pool_reports,
        delivery::delivery_close,
        error::Result,
        position::{PositionBook, position_close},
        send::{Sent, packed},
        wallet::Wallet,
    },
    solana_address::Address,
    solana_instruction::Instruction,
};

/// Position books that are closed in one transaction.
const CLOSED_AT_ONCE: usize = 4;

impl Wallet {
    /// Closes a delivery book, after counting its parts of auctions in their pools and closing the position books on it that this wallet
    /// may close. Its seller may (an owner for the
    /// bus), and anyone once the time for certificates is over. What is not released yet is released; what rounding left goes to
    /// the grid.
    pub async fn delivery_close(&self, book: &Address) -> Result<Sent> {
        let book = Box::new(self.market().delivery_book(book).await?);
        let (bus, positions, clock) =
            tokio::join!(self.market().bus(&book.bus), self.market().positions_on(&book.address), self.chain().clock());
        let (bus, positions, now) = (bus?, positions?, clock?.unix_timestamp);
        let settlement = self.market().settlement(&book.bus).await?;
        let may_close = |position: &&Keyed<PositionBook>| {
            position.validate_close(&book, &bus, position.buyer == self.address(), now).is_ok()
        };
        let close: Vec<Instruction> = positions
            .iter()
            .filter(may_close)
            .map(|position| position_close(&self.address(), position, &book, &settlement))
            .collect();
        let report = pool_reports(&book, &settlement, now);
        let report: Vec<[Instruction; 1]> = report.into_iter().map(|instruction| [instruction]).collect();
        for group in packed(&self.address(), report)? {
            self.send(group.as_flattened()).await?;
        }
        let mut groups = close.chunks(CLOSED_AT_ONCE).peekable();
        let mut last = Vec::new();
        while let Some(group) = groups.next() {
            if groups.peek().is_some() {
                self.send(group).await?;
            } else {
                last = group.to_vec();
            }
        }
        last.push(delivery_close(&self.address(), &book));
        self.send(&last).await
    }
}
