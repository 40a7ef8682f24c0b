//! The whole history of a lane, of which only the last 16 receipts are on chain: replayed from events and verified
//! against the root on chain.

use {
    crate::{
        address,
        bid::BidStatus,
        chain::{HistoryPages, SignatureInfo},
        error::{Error, Result},
        event::{self, BidCreated, Event},
        hash::TransactionHash,
        market::Market,
        purchase::PurchasedFill,
        send::Sent,
        text::hex,
        trader::{Trader, receipts_of},
    },
    futures_util::{StreamExt, TryStreamExt, stream},
    multibus::state::next_history_root,
    solana_address::Address,
    solana_signature::Signature,
    std::{collections::BTreeMap, fmt},
};

/// Transactions that are read at once.
const READ_AT_ONCE: usize = 8;
/// Transactions that mention a lane and are read at most, and those that are looked through for one hash.
const READ_AT_MOST: usize = 1_000_000;
const LOOKED_AT_AT_MOST: usize = 10_000_000;

/// A purchase of a lane's history.
#[derive(Clone, Debug)]
pub struct HistoricPurchase {
    /// Hash of the purchase.
    pub transaction_hash: TransactionHash,
    /// Its nonce.
    pub nonce: u64,
    /// When, in unix seconds.
    pub purchased_at: i64,
    /// Energy bought, in Wh.
    pub energy_wh: u64,
    /// Paid, in token base units.
    pub paid: u64,
    /// What was bought of which offer; empty where only the receipt is known, and for a bid.
    pub fills: Vec<PurchasedFill>,
    /// The bid that it is; `None` for a purchase, and where only the receipt is known.
    pub bid: Option<BidCreated>,
    /// Its transaction; `None` where only the receipt is known.
    pub signature: Option<Signature>,
}

impl HistoricPurchase {
    /// Whether it is a bid in an auction. Its receipt says 0 Wh for 0; what became of it,
    /// [`Market::bid_status`](crate::Market::bid_status) tells.
    pub fn is_bid(&self) -> bool {
        self.energy_wh == 0
    }
}

/// What is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Purchases are missing: the node does not serve their logs.
    Gap {
        /// First missing nonce.
        first_nonce: u64,
        /// Last missing nonce.
        last_nonce: u64,
    },
    /// The hashes do not give the root on chain: at least one was changed, added or left out.
    RootMismatch {
        /// Root of the hashes that were found.
        computed: [u8; 32],
        /// Root on chain.
        on_chain: [u8; 32],
    },
    /// A purchase's amounts are not those of its receipt on chain.
    ReceiptMismatch {
        /// The purchase's nonce.
        nonce: u64,
    },
    /// The amounts do not sum to the totals on chain.
    TotalMismatch {
        /// Sum of the energy found, in Wh.
        energy_wh: u64,
        /// Sum of the payments found, in token base units.
        paid: u64,
        /// Energy on chain, in Wh.
        on_chain_energy_wh: u64,
        /// Payments on chain, in token base units.
        on_chain_paid: u64,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { first_nonce, last_nonce } => write!(
                f,
                "the purchases with nonces {first_nonce} to {last_nonce} are missing; ask a node that keeps the whole history"
            ),
            Self::RootMismatch { computed, on_chain } => write!(
                f,
                "the hashes make the root {}, the chain keeps {}; do not trust this node's history",
                hex(computed),
                hex(on_chain)
            ),
            Self::ReceiptMismatch { nonce } => write!(
                f,
                "the amounts of nonce {nonce} are not those of its receipt on chain; do not trust this node's history"
            ),
            Self::TotalMismatch { energy_wh, paid, on_chain_energy_wh, on_chain_paid } => write!(
                f,
                "the purchases sum to {energy_wh} Wh for {paid}, the chain keeps {on_chain_energy_wh} Wh for \
                 {on_chain_paid}; do not trust this node's history"
            ),
        }
    }
}

/// The history of one nonce lane since it was opened.
#[derive(Clone, Debug)]
pub struct History {
    /// The wallet.
    pub wallet: Address,
    /// The lane.
    pub lane: u16,
    /// Nonce that the lane started at.
    pub first_nonce: u64,
    /// Nonce of its next purchase. If the lane is closed, the nonce that no purchase used.
    pub next_nonce: u64,
    /// Root on chain.
    pub root: [u8; 32],
    /// Whether the lane was closed since.
    pub is_closed: bool,
    /// Purchases that were found, by nonce.
    pub purchases: Vec<HistoricPurchase>,
    /// What is wrong with it; empty for a history that is proven complete and true.
    pub flaws: Vec<Flaw>,
    /// Transactions of the lane whose logs were cut off or are not served, newest first. Purchases that are missing may be in
    /// them. Where there is no flaw, receipts and the root on chain tell that none is.
    pub unread: Vec<Signature>,
}

impl History {
    /// Whether every purchase is there and its hash is proven by the root on chain.
    pub fn is_verified(&self) -> bool {
        self.flaws.is_empty()
    }
}

/// What shows that a purchase happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Its receipt is on chain.
    Receipt,
    /// It is in a lane's history, which the root on chain proves.
    VerifiedHistory,
    /// A transaction logged it. The root on chain does not prove it, because the lane was closed or logs are missing.
    Event,
}

/// A purchase that happened.
#[derive(Clone, Debug)]
pub struct Processed {
    /// Its hash.
    pub transaction_hash: TransactionHash,
    /// Who bought.
    pub wallet: Address,
    /// Its nonce lane.
    pub lane: u16,
    /// Its nonce.
    pub nonce: u64,
    /// When, in unix seconds.
    pub purchased_at: i64,
    /// Energy bought, in Wh.
    pub energy_wh: u64,
    /// Paid, in token base units.
    pub paid: u64,
    /// Its transaction; `None` where the receipt alone tells.
    pub signature: Option<Signature>,
    /// What shows that it happened.
    pub evidence: Evidence,
    /// Where it is a bid in an auction, what became of it: it was accepted, and filled or not.
    pub bid: Option<BidStatus>,
}

impl Processed {
    /// Whether it is a bid in an auction. Then energy and payment are 0, as its receipt says.
    pub fn is_bid(&self) -> bool {
        self.energy_wh == 0
    }
}

/// What is on chain about a lane.
struct Kept {
    first_nonce: u64,
    next_nonce: u64,
    root: [u8; 32],
    trader: Option<Trader>,
}

/// An event and where it was logged.
#[derive(Clone, Debug)]
pub struct HistoricEvent {
    /// What happened.
    pub event: Event,
    /// Its transaction.
    pub signature: Signature,
    /// Slot of its block.
    pub slot: u64,
}

/// What happened to an account, as far as the node serves its transactions.
#[derive(Clone, Debug, Default)]
pub struct AccountHistory {
    /// Events that name the account, oldest first.
    pub events: Vec<HistoricEvent>,
    /// Transactions of the account whose logs were cut off or are not served: events may be missing.
    pub unread: Vec<Signature>,
}

/// The market's events in a transaction that succeeded.
struct Logged {
    signature: Signature,
    events: Vec<Event>,
    /// Whether its whole log was read.
    is_complete: bool,
}

impl Market {
    /// Finds the purchase with a hash; `None` if it did not happen. Fails where it was not found and some logs could not be
    /// read. Looks at receipts first, then at the transactions
    /// of the wallet. Without a wallet it looks at all transactions of the market, which takes long on a busy network.
    pub async fn is_transaction_processed(
        &self,
        transaction_hash: &TransactionHash,
        wallet: Option<&Address>,
    ) -> Result<Option<Processed>> {
        let traders = match wallet {
            Some(wallet) => self.traders(wallet).await?,
            None => self.list(&[]).await?,
        };
        let receipts = traders.iter().flat_map(|trader| receipts_of(trader));
        if let Some(found) = receipts.into_iter().find(|receipt| receipt.transaction_hash() == *transaction_hash) {
            let found = Processed {
                transaction_hash: *transaction_hash,
                wallet: found.wallet,
                lane: found.lane,
                nonce: found.nonce,
                purchased_at: found.receipt.purchased_at,
                energy_wh: found.receipt.energy_wh,
                paid: found.receipt.paid,
                signature: None,
                evidence: Evidence::Receipt,
                bid: None,
            };
            return self.with_bid(found).await.map(Some);
        }
        let mentions = wallet.copied().unwrap_or(multibus::ID);
        let mut unread = 0usize;
        let mut pages = HistoryPages::new(self.chain().as_ref(), &mentions, LOOKED_AT_AT_MOST);
        while let Some(page) = pages.next().await? {
            for Logged { signature, events, is_complete } in self.events_of(&page).await? {
                unread += usize::from(!is_complete);
                let Some(mut found) = events.iter().find_map(|event| processed_in(event, transaction_hash)) else {
                    continue;
                };
                found.signature = Some(signature);
                if let Ok(history) = self.history(&found.wallet, found.lane).await
                    && history.is_verified()
                    && history.purchases.iter().any(|purchase| purchase.transaction_hash == *transaction_hash)
                {
                    found.evidence = Evidence::VerifiedHistory;
                }
                return self.with_bid(found).await.map(Some);
            }
        }
        if unread > 0 {
            return Err(Error::Invalid(format!(
                "no purchase {transaction_hash} was found, but it may be in {unread} transactions whose logs were cut off or \
                 are not served; ask a node that keeps the whole history"
            )));
        }
        Ok(None)
    }

    /// Adds what became of a bid.
    async fn with_bid(&self, found: Processed) -> Result<Processed> {
        let bid = match found.is_bid() {
            true => self.bid_status(&found.transaction_hash).await?,
            false => None,
        };
        Ok(Processed { bid, ..found })
    }

    /// The history of a wallet's lane since it was last opened: replayed from its events, completed by the receipts on
    /// chain, and verified against the root.
    pub async fn history(&self, wallet: &Address, lane: u16) -> Result<History> {
        let address = address::trader(wallet, lane);
        let trader = self.trader(wallet, lane).await?.map(|trader| trader.account);
        let mut signatures = Vec::new();
        let mut pages = HistoryPages::new(self.chain().as_ref(), &address, READ_AT_MOST);
        while let Some(page) = pages.next().await? {
            signatures.extend(page);
        }
        let transactions = self.events_of(&signatures).await?;
        let kept = match trader {
            Some(trader) => Some(Kept {
                first_nonce: trader.first_nonce,
                next_nonce: trader.next_nonce,
                root: trader.history_root,
                trader: Some(trader),
            }),
            None => last_closing(&transactions, &address),
        };
        let kept = kept.ok_or(Error::NotFound { kind: "trader", address })?;
        let mut found: BTreeMap<u64, HistoricPurchase> = BTreeMap::new();
        for Logged { signature, events, .. } in &transactions {
            for event in events {
                let Some((of, purchase)) = historic(event, *signature) else { continue };
                if of == (*wallet, lane) && (kept.first_nonce..kept.next_nonce).contains(&purchase.nonce) {
                    found.insert(purchase.nonce, purchase);
                }
            }
        }
        let unread = transactions.iter().filter(|logged| !logged.is_complete).map(|logged| logged.signature).collect();
        Ok(History { unread, ..verify(*wallet, lane, &kept, found) })
    }

    /// Every event that names an account, oldest first: of a delivery book its readings, releases and refunds, of a position
    /// book what it was refunded, of a certificate how it was taken, transferred and retired. The account may be closed.
    pub async fn account_history(&self, account: &Address) -> Result<AccountHistory> {
        let mut history = AccountHistory::default();
        let mut pages = HistoryPages::new(self.chain().as_ref(), account, READ_AT_MOST);
        while let Some(page) = pages.next().await? {
            let slots: BTreeMap<Signature, u64> = page.iter().map(|info| (info.signature, info.slot)).collect();
            for Logged { signature, events, is_complete } in self.events_of(&page).await? {
                if !is_complete {
                    history.unread.push(signature);
                }
                let slot = slots.get(&signature).copied().unwrap_or_default();
                let of_account = events.into_iter().rev().filter(|event| event::names(event, account));
                history.events.extend(of_account.map(|event| HistoricEvent { event, signature, slot }));
            }
        }
        history.events.reverse();
        Ok(history)
    }

    /// The market's events of transactions, in the order given; failed ones have none.
    async fn events_of(&self, signatures: &[SignatureInfo]) -> Result<Vec<Logged>> {
        let succeeded: Vec<Signature> =
            signatures.iter().filter(|info| info.error.is_none()).map(|info| info.signature).collect();
        let read = |signature: Signature| async move {
            let record = self.chain().transaction(&signature).await?;
            let sent = Sent::new(signature, 0, record, 0);
            Ok(Logged { signature, events: sent.events, is_complete: !sent.events_missing })
        };
        stream::iter(succeeded.into_iter().map(read)).buffered(READ_AT_ONCE).try_collect().await
    }
}

/// What the chain said about a lane when it was closed for the last time. Transactions are newest first.
fn last_closing(transactions: &[Logged], address: &Address) -> Option<Kept> {
    let mut events = transactions.iter().flat_map(|logged| logged.events.iter().rev());
    let closed = events.by_ref().find_map(|event| match event {
        Event::TraderClosed(closed) if closed.trader == *address => Some(*closed),
        _ => None,
    })?;
    let first_nonce = events.find_map(|event| match event {
        Event::TraderOpened(opened) if opened.trader == *address => Some(opened.first_nonce),
        _ => None,
    })?;
    Some(Kept { first_nonce, next_nonce: closed.next_nonce, root: closed.history_root, trader: None })
}

/// The purchase or bid that an event tells of, with its wallet and lane.
fn historic(event: &Event, signature: Signature) -> Option<((Address, u16), HistoricPurchase)> {
    match event {
        Event::EnergyPurchased(event) => Some((
            (event.buyer, event.lane),
            HistoricPurchase {
                transaction_hash: TransactionHash(event.transaction_hash),
                nonce: event.nonce,
                purchased_at: event.purchased_at,
                energy_wh: event::energy_wh(event),
                paid: event::cost(event),
                fills: event.fills.clone(),
                bid: None,
                signature: Some(signature),
            },
        )),
        Event::BidCreated(event) => Some((
            (event.buyer, event.lane),
            HistoricPurchase {
                transaction_hash: TransactionHash(event.transaction_hash),
                nonce: event.nonce,
                purchased_at: event.created_at,
                energy_wh: 0,
                paid: 0,
                fills: Vec::new(),
                bid: Some(*event),
                signature: Some(signature),
            },
        )),
        _ => None,
    }
}

fn processed_in(event: &Event, transaction_hash: &TransactionHash) -> Option<Processed> {
    let ((wallet, lane), purchase) = historic(event, Signature::default())?;
    (purchase.transaction_hash == *transaction_hash).then_some(Processed {
        transaction_hash: *transaction_hash,
        wallet,
        lane,
        nonce: purchase.nonce,
        purchased_at: purchase.purchased_at,
        energy_wh: purchase.energy_wh,
        paid: purchase.paid,
        signature: None,
        evidence: Evidence::Event,
        bid: None,
    })
}

/// Compares what was found with what is on chain.
fn verify(wallet: Address, lane: u16, kept: &Kept, mut found: BTreeMap<u64, HistoricPurchase>) -> History {
    let mut flaws = Vec::new();
    for receipt in kept.trader.iter().flat_map(receipts_of) {
        let purchase = found.entry(receipt.nonce).or_insert_with(|| HistoricPurchase {
            transaction_hash: receipt.transaction_hash(),
            nonce: receipt.nonce,
            purchased_at: receipt.receipt.purchased_at,
            energy_wh: receipt.receipt.energy_wh,
            paid: receipt.receipt.paid,
            fills: Vec::new(),
            bid: None,
            signature: None,
        });
        if (purchase.energy_wh, purchase.paid, purchase.purchased_at)
            != (receipt.receipt.energy_wh, receipt.receipt.paid, receipt.receipt.purchased_at)
        {
            flaws.push(Flaw::ReceiptMismatch { nonce: receipt.nonce });
        }
    }
    let mut expected = kept.first_nonce;
    for nonce in found.keys().copied().chain([kept.next_nonce]) {
        if nonce > expected {
            flaws.push(Flaw::Gap { first_nonce: expected, last_nonce: nonce - 1 });
        }
        expected = nonce.saturating_add(1);
    }
    let is_complete = !flaws.iter().any(|flaw| matches!(flaw, Flaw::Gap { .. }));
    let purchases: Vec<HistoricPurchase> = found.into_values().collect();
    if is_complete {
        let computed =
            purchases.iter().fold([0; 32], |root, purchase| next_history_root(&root, &purchase.transaction_hash.0));
        if computed != kept.root {
            flaws.push(Flaw::RootMismatch { computed, on_chain: kept.root });
        }
        if let Some(trader) = &kept.trader {
            let sum = |of: fn(&HistoricPurchase) -> u64| purchases.iter().map(of).fold(0, u64::saturating_add);
            let (energy_wh, paid) = (sum(|purchase| purchase.energy_wh), sum(|purchase| purchase.paid));
            if (energy_wh, paid) != (trader.total_energy_wh, trader.total_paid) {
                flaws.push(Flaw::TotalMismatch {
                    energy_wh,
                    paid,
                    on_chain_energy_wh: trader.total_energy_wh,
                    on_chain_paid: trader.total_paid,
                });
            }
        }
    }
    History {
        wallet,
        lane,
        first_nonce: kept.first_nonce,
        next_nonce: kept.next_nonce,
        root: kept.root,
        is_closed: kept.trader.is_none(),
        purchases,
        flaws,
        unread: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use {super::*, bytemuck::Zeroable, multibus::state::Receipt};

    const FIRST: u64 = 5 << 20;

    /// A lane with so many purchases, and their history as its events tell it.
    fn lane(purchases: u64) -> (Kept, BTreeMap<u64, HistoricPurchase>) {
        let mut trader = Trader::zeroed();
        trader.initialize(&Address::new_from_array([1; 32]), 0, 5, 0).unwrap();
        let mut found = BTreeMap::new();
        for number in 0..purchases {
            let nonce = FIRST + number;
            let transaction_hash = [number as u8 + 1; 32];
            let (energy_wh, paid, purchased_at) = (number + 1, 2 * number, number.cast_signed());
            trader.record(nonce, Receipt { transaction_hash, energy_wh, paid, purchased_at }).unwrap();
            found.insert(
                nonce,
                HistoricPurchase {
                    transaction_hash: TransactionHash(transaction_hash),
                    nonce,
                    purchased_at,
                    energy_wh,
                    paid,
                    fills: Vec::new(),
                    bid: None,
                    signature: None,
                },
            );
        }
        let root = trader.history_root;
        (Kept { first_nonce: FIRST, next_nonce: trader.next_nonce, root, trader: Some(trader) }, found)
    }

    fn flaws(kept: &Kept, found: BTreeMap<u64, HistoricPurchase>) -> Vec<Flaw> {
        verify(Address::default(), 0, kept, found).flaws
    }

    #[test]
    fn a_true_history_is_verified() {
        for purchases in [0, 1, 16, 40] {
            let (kept, found) = lane(purchases);
            assert_eq!(flaws(&kept, found), []);
        }
    }

    #[test]
    fn receipts_fill_what_the_node_lost() {
        let (kept, mut found) = lane(40);
        found.retain(|nonce, _| *nonce < FIRST + 30);
        assert_eq!(flaws(&kept, found), []);
    }

    #[test]
    fn a_gap_is_named() {
        let (kept, mut found) = lane(40);
        found.retain(|nonce, _| !(FIRST + 3..=FIRST + 5).contains(nonce) && *nonce != FIRST);
        let gaps =
            [(0, 0), (3, 5)].map(|(first, last)| Flaw::Gap { first_nonce: FIRST + first, last_nonce: FIRST + last });
        assert_eq!(flaws(&kept, found), gaps);
    }

    #[test]
    fn a_tampered_hash_breaks_the_root() {
        let (kept, mut found) = lane(40);
        found.get_mut(&(FIRST + 7)).unwrap().transaction_hash.0[0] ^= 1;
        assert!(matches!(flaws(&kept, found)[..], [Flaw::RootMismatch { .. }]));
    }

    #[test]
    fn tampered_amounts_do_not_sum() {
        let (kept, mut found) = lane(40);
        found.get_mut(&(FIRST + 7)).unwrap().paid += 1;
        assert!(matches!(flaws(&kept, found)[..], [Flaw::TotalMismatch { .. }]));
        let (kept, mut found) = lane(40);
        found.get_mut(&(FIRST + 35)).unwrap().energy_wh += 1;
        assert!(matches!(
            flaws(&kept, found)[..],
            [Flaw::ReceiptMismatch { nonce }, Flaw::TotalMismatch { .. }] if nonce == FIRST + 35
        ));
    }
}
