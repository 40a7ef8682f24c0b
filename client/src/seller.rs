//! Sellers: each wallet that lists on a bus has a seller account there, and a vault that buyers pay into. The bus sells its
//! own energy as the seller whose wallet is the bus.

use {
    crate::{
        account::{Keyed, offset},
        address,
        bus::Bus,
        error::{Error, Result},
        market::{Market, Settlement},
        meter::{Device, device_close},
        send::Sent,
        wallet::{Created, Wallet},
    },
    multibus::{
        error::MultibusError,
        state::{DeliveryBook, Offer},
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

pub use multibus::state::Seller;

/// Accounts of devices that are closed in one transaction.
const DEVICES_AT_ONCE: usize = 12;

/// Instruction `seller_open`: opens the seller account of a wallet, or of the bus itself where an owner pays. Its offers
/// are numbered from the first number of a slot on; 0 is the slot of its transaction.
pub fn seller_open(
    payer: &Address,
    bus: &Address,
    settlement: &Settlement,
    wallet: &Address,
    first_slot: u64,
) -> Instruction {
    let seller = address::seller(bus, wallet);
    multibus::instruction::SellerOpen { wallet: *wallet, first_slot }.to_instruction(multibus::accounts::SellerOpen {
        payer: *payer,
        bus: *bus,
        ledger: address::ledger(bus),
        seller,
        vault: address::vault(&seller),
        mint: settlement.mint,
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

/// Instruction `seller_admit`: the operator lets a wallet list, and opens its seller account where it has none.
pub fn seller_admit(operator: &Address, bus: &Address, settlement: &Settlement, wallet: &Address) -> Instruction {
    let seller = address::seller(bus, wallet);
    multibus::instruction::SellerAdmit { wallet: *wallet }.to_instruction(multibus::accounts::SellerAdmit {
        operator: *operator,
        bus: *bus,
        ledger: address::ledger(bus),
        seller,
        vault: address::vault(&seller),
        mint: settlement.mint,
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

/// Instruction `seller_suspend`: the operator keeps a seller from listing.
pub fn seller_suspend(operator: &Address, bus: &Address, wallet: &Address) -> Instruction {
    multibus::instruction::SellerSuspend {}.to_instruction(multibus::accounts::SellerSuspend {
        operator: *operator,
        bus: *bus,
        seller: address::seller(bus, wallet),
    })
}

/// Instruction `seller_withdraw`: pays what is released to a seller. The seller names any token account; anyone else the
/// seller's associated one. What the bus itself sold goes to its treasury.
pub fn seller_withdraw(
    caller: &Address,
    seller: &Keyed<Seller>,
    settlement: &Settlement,
    destination: &Address,
) -> Instruction {
    multibus::instruction::SellerWithdraw {}.to_instruction(multibus::accounts::SellerWithdraw {
        caller: *caller,
        bus: seller.bus,
        seller: seller.address,
        vault: seller.vault,
        destination: *destination,
        token_program: settlement.token_program,
    })
}

/// Instruction `seller_close`: closes a seller account with its vault. What is released is paid to `destination`, or kept
/// as a claim where that account cannot be paid.
pub fn seller_close(
    caller: &Address,
    seller: &Keyed<Seller>,
    settlement: &Settlement,
    destination: &Address,
) -> Instruction {
    multibus::instruction::SellerClose {}.to_instruction(multibus::accounts::SellerClose {
        caller: *caller,
        bus: seller.bus,
        ledger: address::ledger(&seller.bus),
        seller: seller.address,
        vault: seller.vault,
        destination: *destination,
        treasury: address::treasury(&seller.bus),
        unclaimed: address::unclaimed(&seller.bus),
        claim: address::claim(&seller.bus, &seller.wallet),
        rent_payer: seller.rent_payer,
        token_program: settlement.token_program,
        system_program: system_program::ID,
    })
}

/// Whether a wallet may list on a bus now: the bus's policy lets it, and it is not suspended. `seller` is its seller
/// account there.
pub fn may_list(bus: &Keyed<Bus>, wallet: &Address, seller: Option<&Seller>) -> bool {
    let (admitted, suspended) = seller.map_or((false, false), |seller| (seller.admitted == 1, seller.suspended == 1));
    !suspended && bus.closing == 0 && (*wallet == bus.address || bus.may_list(wallet, admitted))
}

/// What a seller's vault holds, in token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SellerMoney {
    /// What the seller can withdraw now.
    pub released: u64,
    /// What open offers on purchase terms sold and nobody has collected yet, less the grid fees. Anyone can collect it at any
    /// time.
    pub proceeds: u64,
    /// Deposits of open locks, which become proceeds, or go to a delivery book, or go back.
    pub deposits: u64,
    /// What was paid on delivery terms and is neither released nor paid back yet.
    pub held: u64,
    /// Grid fees of what was collected or released, and of the proceeds. Anyone can sweep them.
    pub grid_fees: u64,
    /// What the seller and the grid get of auctions on delivery terms that were counted, and that waits in the escrow of the bus because it
    /// or the vault was frozen. [`Wallet::pool_report`] pays it.
    pub pool_due: u64,
    /// Everything in the vault. What is more than released, proceeds, deposits, held and grid fees, strangers sent there.
    pub vault: u64,
}

impl SellerMoney {
    /// Sums of a seller's account, its open offers and its open delivery books.
    pub fn new(seller: &Seller, offers: &[Keyed<Offer>], books: &[Keyed<DeliveryBook>], vault: u64) -> Self {
        let mut money = Self {
            released: seller.released,
            proceeds: 0,
            deposits: 0,
            held: 0,
            grid_fees: seller.grid_fees_owed,
            pool_due: 0,
            vault,
        };
        for offer in offers.iter().filter(|offer| offer.vault == seller.vault) {
            let mut offer = offer.account;
            money.deposits = money.deposits.saturating_add(offer.deposits);
            let collected = offer.collect();
            money.proceeds = money.proceeds.saturating_add(collected.amount);
            money.grid_fees = money.grid_fees.saturating_add(collected.grid_fee);
        }
        for book in books.iter().filter(|book| book.vault == seller.vault) {
            money.held = money.held.saturating_add(book.held());
            money.pool_due = money.pool_due.saturating_add(book.pool_due);
        }
        money
    }
}

impl Market {
    /// A wallet's seller account on a bus.
    pub async fn seller(&self, bus: &Address, wallet: &Address) -> Result<Keyed<Seller>> {
        self.get(&address::seller(bus, wallet)).await
    }

    /// The same, `None` where it is not open.
    pub async fn find_seller(&self, bus: &Address, wallet: &Address) -> Result<Option<Keyed<Seller>>> {
        self.find(&address::seller(bus, wallet)).await
    }

    /// Every seller account of a bus, by address; that of the bus itself is among them where it is open.
    pub async fn sellers(&self, bus: &Address) -> Result<Vec<Keyed<Seller>>> {
        self.list(&[(offset!(Seller, bus), bus.as_ref())]).await
    }

    /// Seller accounts of a wallet on all buses, by address.
    pub async fn sellers_of(&self, wallet: &Address) -> Result<Vec<Keyed<Seller>>> {
        self.list(&[(offset!(Seller, wallet), wallet.as_ref())]).await
    }

    /// What a seller can withdraw, and what is held for it.
    pub async fn seller_money(&self, seller: &Keyed<Seller>) -> Result<SellerMoney> {
        let (offers, books, vault) = tokio::join!(
            self.offers_of(&seller.bus, &seller.wallet),
            self.delivery_books_of(&seller.bus, &seller.wallet),
            self.token_balance(&seller.vault)
        );
        Ok(SellerMoney::new(seller, &offers?, &books?, vault?))
    }
}

impl Wallet {
    /// Opens this wallet's seller account on a bus. [`Wallet::offer_create`] does it where it is missing.
    pub async fn seller_open(&self, bus: &Address) -> Result<Created> {
        self.open_seller(bus, &self.address()).await
    }

    /// Opens the seller account of a bus itself. This wallet must own a part of the bus.
    pub async fn seller_open_for_bus(&self, bus: &Address) -> Result<Created> {
        self.open_seller(bus, bus).await
    }

    async fn open_seller(&self, bus: &Address, wallet: &Address) -> Result<Created> {
        let settlement = self.market().settlement(bus).await?;
        let seller = address::seller(bus, wallet);
        let sent = self.send_once(&seller, &[seller_open(&self.address(), bus, &settlement, wallet, 0)]).await?;
        Ok(Created { address: seller, sent })
    }

    /// Admits a seller at once. This wallet must be the bus's operator; owners decide the same with
    /// [`ProposalAction::SellerAdmit`](crate::proposal::ProposalAction::SellerAdmit).
    pub async fn seller_admit(&self, bus: &Address, wallet: &Address) -> Result<Sent> {
        let settlement = self.market().settlement(bus).await?;
        let admit = seller_admit(&self.address(), bus, &settlement, wallet);
        self.send_once(&address::seller(bus, wallet), &[admit]).await
    }

    /// Suspends a seller at once: it lists nothing until it is admitted again. This wallet must be the bus's operator.
    pub async fn seller_suspend(&self, bus: &Address, wallet: &Address) -> Result<Sent> {
        let suspend = seller_suspend(&self.address(), bus, wallet);
        self.send_once(&address::seller(bus, wallet), &[suspend]).await
    }

    /// Closes a seller account without open offers. Its seller may, or an owner where `wallet` is the bus; on a closing bus
    /// anyone. First its offers in auctions that are over are settled and withdrawn, its delivery books are closed, its meter, its retired devices as far as their windows have ended, and its
    /// grid fees are swept. What is released is paid, or kept as a claim where it cannot be. An account that was opened a moment
    /// ago, or whose offers were, is closed once the chain allows it, at most a few minutes later.
    pub async fn seller_close(&self, bus: &Address, wallet: &Address) -> Result<Sent> {
        let mut seller = self.market().seller(bus, wallet).await?;
        let rules = self.market().bus(bus).await?;
        let may_close = rules.closing == 1 || rules.acts_for(bus, wallet, &self.address());
        if seller.open_offers > 0 && may_close {
            seller = self.end_auctioned_offers(&rules, seller).await?;
        }
        if seller.open_offers == 0 && may_close {
            seller = self.wind_seller_down(&rules, seller).await?;
        }
        let settlement = self.market().settlement(bus).await?;
        let (destination, create) = self.payout_of(&seller).await?;
        // An account for nothing to be paid into would only cost its rent.
        let mut instructions: Vec<Instruction> = create.into_iter().filter(|_| seller.released > 0).collect();
        instructions.push(seller_close(&self.address(), &seller, &settlement, &destination));
        self.wait_for_counter(&instructions, seller.next_offer).await
    }

    /// Closes what a seller account without open offers still has open; returns the account as it is then.
    async fn wind_seller_down(&self, bus: &Keyed<Bus>, seller: Keyed<Seller>) -> Result<Keyed<Seller>> {
        if seller.open_books > 0 {
            let books = self.market().delivery_books_of(&seller.bus, &seller.wallet).await?;
            let books: Vec<Address> = books.iter().map(|book| book.address).collect();
            for book in &books {
                self.delivery_close(book).await?;
            }
        }
        if seller.has_meter() {
            self.meter_close(&seller.bus, &seller.wallet).await?;
        }
        let clock = self.chain().clock().await?;
        let devices = self.market().devices(&seller.bus).await?;
        let done = |device: &&Keyed<Device>| {
            device.seller == seller.address && device.validate_close(clock.unix_timestamp).is_ok()
        };
        let close: Vec<Instruction> = devices.iter().filter(done).map(device_close).collect();
        for group in close.chunks(DEVICES_AT_ONCE) {
            self.send(group).await?;
        }
        let seller = self.market().seller(&seller.bus, &seller.wallet).await?;
        if seller.grid_fees_owed == 0 {
            return Ok(seller);
        }
        let sweep = self.sweep_of(bus, &seller).await?;
        self.send(&sweep).await?;
        self.market().seller(&seller.bus, &seller.wallet).await
    }

    /// Where a seller is paid, and the instruction that creates that account where this wallet should.
    pub(crate) async fn payout_of(&self, seller: &Keyed<Seller>) -> Result<(Address, Option<Instruction>)> {
        if seller.wallet == seller.bus {
            return Ok((address::treasury(&seller.bus), None));
        }
        let settlement = self.market().settlement(&seller.bus).await?;
        let destination = settlement.token_account(&seller.wallet);
        let is_missing = self.chain().accounts(&[destination]).await?[0].is_none();
        let create = is_missing.then(|| settlement.create_token_account(&self.address(), &seller.wallet));
        Ok((destination, create))
    }

    /// Sends instructions that close a counter. One that is ahead of the present slot closes once the chain is there.
    pub(crate) async fn wait_for_counter(&self, instructions: &[Instruction], next: u64) -> Result<Sent> {
        match self.send(instructions).await {
            Err(error) if error.multibus() == Some(MultibusError::CounterBusy) => {
                let free_at = (next >> multibus::constants::COUNTER_SLOT_SHIFT).saturating_add(1);
                let slot = self.chain().clock().await?.slot;
                if free_at > slot + 2 * multibus::constants::FIRST_SLOT_AHEAD {
                    return Err(Error::Invalid(format!(
                        "the counter is {} slots ahead of the chain, which no honest use makes; use another node",
                        free_at - slot
                    )));
                }
                self.chain().wait_for_slot(free_at.max(slot + 1)).await?;
                self.send(instructions).await
            }
            other => other,
        }
    }
}
