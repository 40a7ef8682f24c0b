//! Makes the token, funds the members and creates the bus; afterwards returns what is left to who paid.

use {
    crate::{
        error::{Doing, ReplayError},
        interval::LISTED_AHEAD,
        owners::OwnerMember,
        progress::Stage,
        replay::Replay,
        replay_bus::{CLOSED_AT_ONCE, Member},
        schedule::{CORRECTION_SECONDS, HORIZON_SECONDS, READING_DEADLINE_SECONDS, Schedule},
        state::BusRecord,
    },
    multibus::{
        constants::{AUCTION_PROOF_SECONDS, BOOK_WINDOWS, CERTIFICATE_SECONDS, MAX_NAME_LEN},
        math,
        state::{
            Bid, Bus, Capacity, Certificate, Clearing, Creator, DeliveryBook, Device, Ledger, Lock, Meter,
            PositionBook, Proposal, Seller, SettlementTime, TermsConfig,
        },
        token::{MINT_LEN, SPL_TOKEN_ID, TOKEN_ACCOUNT_LEN},
    },
    multibus_client::{
        Address, Instruction, SharedSigner, address,
        bus::{BusConfig, ListingPolicy, OwnerShare, creator_open},
        error::Error,
        offer::Offer,
        proposal::ProposalAction,
        send::PriorityFee,
        text::hidden,
        token::{create_associated_token, create_mint, mint_to},
        trader::Trader,
    },
    std::sync::Arc,
};

/// Decimals of the token that the replay makes.
pub(crate) const MINT_DECIMALS: u8 = 6;
/// Members that one funding transaction serves.
const FUNDED_AT_ONCE: usize = 6;
/// Lamports that a transaction pays for a signature.
const SIGNATURE_LAMPORTS: u64 = 5_000;
/// Transactions for which a member gets fees in each interval, those that conflict included.
const TRANSACTIONS_PER_INTERVAL: u64 = 12;
/// On a chain whose clock can be moved, delivery books of one seller that are open at the same time, at most.
const OPEN_PERIODS: u64 = 4;
/// Bytes in front of an account's fields, which its rent covers too.
const DISCRIMINATOR_LEN: usize = 8;

impl Replay<'_> {
    /// Makes the token, funds the members and creates the bus. What an earlier process did is not done again.
    pub async fn set_up(&mut self) -> Result<(), ReplayError> {
        const STEPS: usize = 4;
        let record = self.bus_record()?;
        let community = &self.bus.options.community;
        let (members, intervals) = (community.members.len(), community.interval_count());
        let window_seconds = community.window_seconds();
        let steps = STEPS + members.div_ceil(FUNDED_AT_ONCE);
        self.tell(Stage::Funding, 0, steps, "counting what is needed");
        let clock = self.chain().clock().await.doing("asking for the time")?;
        if !self.chain().is_embedded() {
            let closure = self.bus.options.gate_closure_seconds();
            Schedule::starting_at(clock.unix_timestamp, window_seconds, closure)
                .validate_horizon(intervals, clock.unix_timestamp)
                .map_err(ReplayError::Options)?;
        }
        let tokens = self.tokens_needed()?;
        let lamports = self.lamports_needed().await?;
        let creator = self.bus.owners[0].member;

        self.check_funder_tokens(&tokens).await?;
        self.fund_funder(&lamports).await?;
        self.tell(Stage::Funding, 1, steps, "the funding wallet is ready");
        let mint = &[record.mint];
        if record.mint_is_own && self.chain().accounts(mint).await.doing("reading the mint")?[0].is_none() {
            let funder = &self.bus.funder;
            let rent = self.chain().minimum_rent(MINT_LEN).await.doing("asking for the rent")?;
            let authority = funder.address();
            let key: SharedSigner = Arc::new(self.state.mint_key());
            let instructions = create_mint(&authority, &mint[0], &authority, MINT_DECIMALS, &SPL_TOKEN_ID, rent)
                .doing("making the token")?;
            funder.send_with(&[key], &instructions, &[]).await.doing("making the token")?;
        }
        self.tell(Stage::Funding, 2, steps, "the token is there");
        self.state.funded_base_units.clone_from(&tokens);
        self.save()?;
        let numbers: Vec<usize> = (0..members).collect();
        for (step, numbers) in numbers.chunks(FUNDED_AT_ONCE).enumerate() {
            self.fund_members(numbers, &tokens, &lamports).await?;
            self.tell(
                Stage::Funding,
                3 + step,
                steps,
                format!("{} members have money", numbers[numbers.len() - 1] + 1),
            );
        }
        self.state.is_funded = true;
        self.save()?;
        if !record.bus_is_created() {
            let bus = self.create_bus(creator).await?;
            self.name_grid(creator, &bus).await?;
            self.bus.address = bus;
            if let Some(record) = &mut self.state.bus {
                record.bus = bus;
            }
        }
        for &OwnerMember { member, share_bps } in &self.bus.owners {
            self.state.members[member].share_bps = share_bps;
        }
        self.tell(Stage::Funding, steps, steps, "the bus is there");
        self.save()
    }

    /// Creates the bus, unless an earlier process did so, and returns its address. The creator's wallet creates no other.
    async fn create_bus(&self, creator: usize) -> Result<Address, ReplayError> {
        let doing = "creating the bus";
        let wallet = &self.bus.members[creator].wallet;
        let counter = self.bus.market.creator(&wallet.address()).await.doing(doing)?;
        if let Some(counter) = &counter {
            // A counter is opened with the bus or just before it.
            let last = address::bus(&wallet.address(), counter.next_bus.saturating_sub(1));
            match self.bus.market.bus(&last).await {
                Ok(bus) => return Ok(bus.address),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error).doing(doing),
            }
        }
        if self.bus.options.has_grid() && counter.is_none() {
            // Before the bus, because 16 owners and an operator leave no room for both in one transaction.
            wallet.send(&[creator_open(&wallet.address(), 0)]).await.doing(doing)?;
        }
        let created = wallet.bus_create(&self.bus.settlement.mint, &self.bus_config()).await.doing(doing)?;
        Ok(created.address)
    }

    /// An owner names who gets the grid fees, unless an earlier process did so. Its decision takes effect at once. The
    /// configuration of a bus with 16 owners has no room for it.
    async fn name_grid(&self, owner: usize, bus: &Address) -> Result<(), ReplayError> {
        let doing = "naming who gets the grid fees";
        let (market, owner) = (&self.bus.market, &self.bus.members[owner].wallet);
        if !self.bus.options.has_grid() {
            return Ok(());
        }
        let grid = self.bus.grid.address();
        if market.bus(bus).await.doing(doing)?.grid_recipient != grid {
            let name = ProposalAction::GridRecipientSet { recipient: Some(grid) };
            owner.propose(bus, &name).await.doing(doing)?;
        }
        for proposal in market.proposals(bus).await.doing(doing)? {
            owner.proposal_close(&proposal.address).await.doing(doing)?;
        }
        Ok(())
    }

    fn bus_config(&self) -> BusConfig {
        let options = &self.bus.options;
        let community = &options.community;
        let owns = |member: usize| self.bus.owners.iter().any(|owner| owner.member == member);
        let others_sell = community.is_seller().iter().enumerate().any(|(member, sells)| *sells && !owns(member));
        // Each window has the capacity anew. Outside windows, what an interval sold is not there for the next.
        let mut capacity_wh = match community.window_seconds() {
            Some(_) => community.largest_surplus_wh(),
            None => community.totals().surplus_wh,
        };
        if options.market.has_auction() {
            // No bid is for more than the capacity of its window.
            capacity_wh = capacity_wh.max(community.largest_deficit_wh());
        }
        let name = options.bus_name.clone().unwrap_or_else(|| bus_name(&options.file));
        BusConfig {
            name,
            owners: (self.bus.owners.iter())
                .map(|&OwnerMember { member, share_bps }| OwnerShare {
                    owner: self.bus.members[member].wallet.address(),
                    share_bps,
                })
                .collect(),
            threshold: 1,
            pause_quorum: 0,
            listing_policy: if others_sell { ListingPolicy::Open } else { ListingPolicy::OwnersOnly } as u8,
            lock_fee_bps: options.lock_fee_bps,
            timelock_seconds: 0,
            horizon_seconds: HORIZON_SECONDS,
            terms: self.terms(),
            capacity_wh: capacity_wh.max(1),
            base_price_per_kwh: options.price_rule.floor_per_kwh,
            reserve_price_per_kwh: 0,
            least_wh: 1,
            // Registers the meters, and pays for them.
            operator: options.is_on_delivery().then(|| self.bus.funder.address()),
            grid_recipient: None,
        }
    }

    fn terms(&self) -> TermsConfig {
        let options = &self.bus.options;
        let terms = TermsConfig {
            window_seconds: options.community.window_seconds().unwrap_or(0),
            gate_closure_seconds: options.gate_closure_seconds(),
            settlement: SettlementTime::OnPurchase as u8,
            grid_fee_per_kwh: options.grid_fee_per_kwh,
            reading_deadline_seconds: 0,
            correction_seconds: 0,
            auction: options.market.has_auction(),
        };
        match options.is_on_delivery() {
            true => TermsConfig {
                settlement: SettlementTime::OnDelivery as u8,
                reading_deadline_seconds: READING_DEADLINE_SECONDS,
                correction_seconds: CORRECTION_SECONDS,
                ..terms
            },
            false => terms,
        }
    }

    /// Most that each member may have to pay, in base units: all that it wants at the highest price, a base unit of
    /// rounding for every fill, and fees of locks.
    fn tokens_needed(&self) -> Result<Vec<u64>, ReplayError> {
        let options = &self.bus.options;
        let ceiling = options.price_rule.ceiling_per_kwh + options.grid_fee_per_kwh;
        let mut total = 0u64;
        let fills = options.community.interval_count() as u64 * options.community.members.len() as u64;
        options
            .community
            .deficits_wh()
            .iter()
            .zip(&options.community.members)
            .map(|(&deficit_wh, name)| {
                let needed = (|| {
                    if deficit_wh == 0 {
                        return Some(0);
                    }
                    let cost = math::cost(deficit_wh, ceiling)?;
                    let fees = math::share_of(cost, options.lock_fee_bps);
                    let needed = cost.checked_add(fees)?.checked_add(fills)?;
                    total = total.checked_add(needed)?;
                    Some(needed)
                })();
                needed.ok_or_else(|| {
                    ReplayError::Options(format!(
                        "{name} wants {deficit_wh} Wh at up to {ceiling} base units per kWh: with the other members that \
                         is more than 64 bits of money; choose a lower highest price or grid fee"
                    ))
                })
            })
            .collect()
    }

    /// Lamports that each member needs. The last entry is what the funder needs for itself.
    async fn lamports_needed(&self) -> Result<Vec<u64>, ReplayError> {
        let options = &self.bus.options;
        let chain = self.chain();
        let rent = async |len: usize| chain.minimum_rent(len).await.doing("asking for the rent");
        let account = async |len: usize| rent(len + DISCRIMINATOR_LEN).await;
        let intervals = options.community.interval_count() as u64;
        let priority = match options.transaction_options.priority_fee {
            PriorityFee::None => 0,
            PriorityFee::Fixed(micro_lamports) => micro_lamports.saturating_mul(200_000) / 1_000_000,
            PriorityFee::Percentile(_) => 50_000,
        };
        let sells = options.community.is_seller();
        let sellers = sells.iter().filter(|sells| **sells).count() as u64;
        let on_delivery = options.is_on_delivery();
        // On delivery terms, a buyer takes certificates from each of its sellers.
        let transactions = TRANSACTIONS_PER_INTERVAL + if on_delivery { sellers } else { 0 };
        let fees = (intervals + 4) * transactions * (SIGNATURE_LAMPORTS + priority);
        // Windows that are open at the same time: those between their trade and their end, or all of them where time
        // does not pass.
        let open = match options.community.window_seconds() {
            None => 1,
            Some(_) if !chain.is_embedded() => intervals,
            Some(window_seconds) => {
                let closure = options.gate_closure_seconds();
                let lead_seconds = Schedule::starting_at(0, Some(window_seconds), closure).lead_seconds();
                intervals.min(lead_seconds.cast_unsigned() / u64::from(window_seconds) + 3)
            }
        };
        let empty = rent(0).await?;
        let seller_windows = match (chain.is_embedded(), options.co_owned) {
            (true, _) => open,
            (false, true) => LISTED_AHEAD as u64 + 2,
            (false, false) => 2,
        };
        // Delivery books of a seller that are open at the same time, and position books of a buyer.
        let periods = match (on_delivery, intervals.div_ceil(BOOK_WINDOWS as u64) + 1) {
            (false, _) => 0,
            // Also where a replay goes on days later: books of its first days are open then.
            (true, _) if chain.is_embedded() => OPEN_PERIODS + self.periods_for_bids(),
            (true, periods) => periods,
        };
        // A seller account and its vault, and delivery books.
        let seller = account(size_of::<Seller>()).await?
            + rent(TOKEN_ACCOUNT_LEN).await?
            + periods * account(size_of::<DeliveryBook>()).await?;
        let member = empty
            + fees
            + u64::from(options.lanes) * account(size_of::<Trader>()).await?
            + seller_windows * account(size_of::<Offer>()).await?
            + 2 * account(size_of::<Lock>()).await?;
        let buyer = match on_delivery {
            true => {
                sellers * periods * account(size_of::<PositionBook>()).await?
                    + account(size_of::<Certificate>()).await?
            }
            false => 0,
        };
        // With auctions, bids of a buyer and capacities that are open at the same time: on delivery terms until their readings
        // are final.
        let has_auction = options.market.has_auction();
        let auctions = match (has_auction, on_delivery && chain.is_embedded()) {
            (false, _) => 0,
            (true, false) => open + 1,
            (true, true) => intervals.min(OPEN_PERIODS * BOOK_WINDOWS as u64),
        };
        let buyer = buyer + auctions * account(size_of::<Bid>()).await?;
        let mut needed: Vec<u64> = sells.iter().map(|sells| member + buyer + if *sells { seller } else { 0 }).collect();
        let of_bus = account(size_of::<Creator>()).await?
            + account(size_of::<Bus>()).await?
            + account(size_of::<Ledger>()).await?
            + account(size_of::<Capacity>()).await?
            + account(size_of::<Proposal>()).await?
            + 2 * rent(TOKEN_ACCOUNT_LEN).await?;
        // An owner opens the seller account of the bus: whoever lists first.
        for &OwnerMember { member, .. } in self.bus.owners.iter().filter(|_| options.co_owned) {
            needed[member] += seller;
        }
        needed[self.bus.owners[0].member] += of_bus;
        let members = needed.len() as u64;
        // The funder withdraws what is over and pays sellers, several in a transaction.
        let groups = members.div_ceil(CLOSED_AT_ONCE as u64);
        let meters = match on_delivery {
            true => {
                let rent = account(size_of::<Meter>()).await? + account(size_of::<Device>()).await?;
                // It brings each seller's readings, with a signature each, and closes position books.
                sellers * (rent + (intervals + 4) * (2 * SIGNATURE_LAMPORTS + priority))
                    + sellers * members * (intervals / BOOK_WINDOWS as u64 + 2) * (SIGNATURE_LAMPORTS + priority)
            }
            false => 0,
        };
        // It proves the price of each auction and settles its orders.
        let clearing = match has_auction {
            true => {
                let transactions = members + sellers + 2 * groups + 8;
                account(size_of::<Clearing>()).await? + (intervals + 4) * transactions * (SIGNATURE_LAMPORTS + priority)
            }
            false => 0,
        };
        needed.push(
            empty
                + fees
                + (intervals + 4) * 2 * groups * (SIGNATURE_LAMPORTS + priority)
                + members * (rent(TOKEN_ACCOUNT_LEN).await? + 4 * (SIGNATURE_LAMPORTS + priority))
                + meters
                + rent(TOKEN_ACCOUNT_LEN).await?
                + rent(MINT_LEN).await?
                + (open.max(auctions) + LISTED_AHEAD as u64 + 1) * account(size_of::<Capacity>()).await?
                + clearing,
        );
        Ok(needed)
    }

    /// Times of 96 windows whose delivery books wait at the same time for the certificates of bids.
    fn periods_for_bids(&self) -> u64 {
        let period_seconds = u64::from(self.bus.window_seconds()) * BOOK_WINDOWS as u64;
        if !self.bus.options.market.has_auction() || period_seconds == 0 {
            return 0;
        }
        let latest = u64::from(READING_DEADLINE_SECONDS + CORRECTION_SECONDS);
        let wait = CERTIFICATE_SECONDS.cast_unsigned() + AUCTION_PROOF_SECONDS.cast_unsigned() + latest;
        wait.div_ceil(period_seconds)
    }

    async fn fund_funder(&self, lamports: &[u64]) -> Result<(), ReplayError> {
        let funder = self.bus.funder.address();
        let needed: u64 = lamports.iter().sum();
        let balance = self.chain().accounts(&[funder]).await.doing("reading the funding wallet")?;
        let balance = balance[0].as_ref().map_or(0, |account| account.lamports);
        // Members may have been funded by an earlier process.
        let wallets: Vec<Address> = self.bus.members.iter().map(|member| member.wallet.address()).collect();
        let given: u64 = self
            .chain()
            .accounts(&wallets)
            .await
            .doing("reading the members' wallets")?
            .iter()
            .zip(lamports)
            .map(|(account, needed)| account.as_ref().map_or(0, |account| account.lamports).min(*needed))
            .sum();
        let missing = needed.saturating_sub(balance).saturating_sub(given);
        if missing == 0 {
            return Ok(());
        }
        if self.bus.options.funder.is_some() {
            return Err(ReplayError::Options(format!(
                "the funding wallet {funder} has {balance} lamports and the replay needs {needed}, most of which come \
                 back; send it {missing} more"
            )));
        }
        self.chain().airdrop(&funder, missing).await.doing(format_args!(
            "asking {} for an airdrop of {missing} lamports (on a network without airdrops, name a funding keypair)",
            self.state.chain
        ))
    }

    /// Refuses a funding wallet that does not hold the tokens that members need, before any is moved.
    async fn check_funder_tokens(&self, tokens: &[u64]) -> Result<(), ReplayError> {
        let record = self.bus_record()?;
        if record.mint_is_own {
            return Ok(());
        }
        let funder = self.bus.funder.address();
        let account = address::associated_token(&funder, &record.mint, &record.token_program);
        let mut accounts = vec![account];
        accounts.extend(self.bus.members.iter().map(|member| member.token_account));
        let mut held = 0u128;
        let found = self.chain().accounts(&accounts).await.doing("reading token accounts")?;
        for (address, _) in accounts.iter().zip(&found).filter(|(_, account)| account.is_some()) {
            held += u128::from(self.bus.market.token_balance(address).await.doing("reading token accounts")?);
        }
        let needed: u128 = tokens.iter().map(|tokens| u128::from(*tokens)).sum();
        if held >= needed {
            return Ok(());
        }
        Err(ReplayError::Options(format!(
            "the funding wallet {funder} holds {held} base units of {} and the replay needs {needed}, most of which come \
             back; send {} more to {account}",
            record.mint,
            needed - held
        )))
    }

    /// Gives members the tokens and lamports that they lack.
    async fn fund_members(&self, numbers: &[usize], tokens: &[u64], lamports: &[u64]) -> Result<(), ReplayError> {
        let doing = "funding members";
        let record = self.bus_record()?;
        let funder = self.bus.funder.address();
        let funder_tokens = address::associated_token(&funder, &record.mint, &record.token_program);
        let mut instructions = Vec::new();
        for &number in numbers {
            let Member { wallet, token_account } = &self.bus.members[number];
            let address = wallet.address();
            let accounts = self.chain().accounts(&[address, *token_account]).await.doing(doing)?;
            let has_lamports = accounts[0].as_ref().map_or(0, |account| account.lamports);
            let missing = lamports[number].saturating_sub(has_lamports);
            if missing > 0 {
                instructions.push(solana_system_interface::instruction::transfer(&funder, &address, missing));
            }
            let mut has_tokens = 0;
            if accounts[1].is_some() {
                has_tokens = self.bus.market.token_balance(token_account).await.doing(doing)?;
            } else {
                instructions.push(create_associated_token(&funder, &address, &record.mint, &record.token_program));
            }
            let missing = tokens[number].saturating_sub(has_tokens);
            if missing > 0 && record.mint_is_own {
                instructions
                    .push(mint_to(&record.mint, token_account, &funder, missing, &record.token_program).doing(doing)?);
            } else if missing > 0 {
                instructions.push(transfer_tokens(&record, &funder_tokens, token_account, &funder, missing)?);
            }
        }
        if instructions.is_empty() {
            return Ok(());
        }
        self.bus.funder.send(&instructions).await.doing(doing)?;
        Ok(())
    }

    /// Returns what is left to the funder: tokens, lamports, the rent of lanes and token accounts.
    pub async fn sweep(&mut self, record: &BusRecord) -> Result<(), ReplayError> {
        let doing = "returning what is left to the funding wallet";
        let funder = self.bus.funder.address();
        let funder_tokens = address::associated_token(&funder, &record.mint, &record.token_program);
        let create = create_associated_token(&funder, &funder, &record.mint, &record.token_program);
        self.bus.funder.send(&[create]).await.doing(doing)?;
        let grid = Member {
            wallet: self.bus.grid.clone(),
            token_account: self.bus.settlement.token_account(&self.bus.grid.address()),
        };
        for Member { wallet, token_account } in self.bus.members.iter().chain([&grid]) {
            for lane in self.bus.market.traders(&wallet.address()).await.doing(doing)? {
                wallet.trader_close(lane.lane).await.doing(doing)?;
            }
            let accounts = self.chain().accounts(&[wallet.address(), *token_account]).await.doing(doing)?;
            let lamports = accounts[0].as_ref().map_or(0, |account| account.lamports);
            let mut instructions = Vec::new();
            if accounts[1].is_some() {
                let balance = self.bus.market.token_balance(token_account).await.doing(doing)?;
                if balance > 0 {
                    instructions.push(transfer_tokens(
                        record,
                        token_account,
                        &funder_tokens,
                        &wallet.address(),
                        balance,
                    )?);
                }
                instructions.push(close_tokens(record, token_account, &funder, &wallet.address())?);
            }
            if lamports > 0 {
                instructions.push(solana_system_interface::instruction::transfer(&wallet.address(), &funder, lamports));
            }
            if !instructions.is_empty() {
                self.bus.funder.send_with(&[wallet.signer().clone()], &instructions, &[]).await.doing(doing)?;
            }
        }
        self.state.is_swept = true;
        Ok(())
    }
}

/// The file's name without folder, ending and hidden characters, cut to the length that a bus's name can have.
fn bus_name(file: &str) -> String {
    let stem = std::path::Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    let mut name = String::new();
    let hidden: Vec<usize> = hidden(stem).map(|(place, _)| place).collect();
    for (_, character) in stem.char_indices().filter(|(place, _)| !hidden.contains(place)) {
        if name.len() + character.len_utf8() > MAX_NAME_LEN {
            break;
        }
        name.push(character);
    }
    if name.is_empty() { "replay".into() } else { name }
}

fn token_error(error: impl std::fmt::Display) -> ReplayError {
    ReplayError::Options(format!("the tokens cannot be moved: {error}"))
}

fn transfer_tokens(
    record: &BusRecord,
    from: &Address,
    to: &Address,
    owner: &Address,
    amount: u64,
) -> Result<Instruction, ReplayError> {
    // Both token programs take the instructions of the older one.
    let mut instruction = spl_token_interface::instruction::transfer_checked(
        &SPL_TOKEN_ID,
        from,
        &record.mint,
        to,
        owner,
        &[],
        amount,
        record.mint_decimals,
    )
    .map_err(token_error)?;
    instruction.program_id = record.token_program;
    Ok(instruction)
}

fn close_tokens(
    record: &BusRecord,
    account: &Address,
    to: &Address,
    owner: &Address,
) -> Result<Instruction, ReplayError> {
    let mut instruction =
        spl_token_interface::instruction::close_account(&SPL_TOKEN_ID, account, to, owner, &[]).map_err(token_error)?;
    instruction.program_id = record.token_program;
    Ok(instruction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_buses_fit() {
        assert_eq!(bus_name("data/community-rural-2016.csv"), "community-rural-2016");
        assert_eq!(bus_name(""), "replay");
        assert_eq!(bus_name(&"ü".repeat(40)), "ü".repeat(16));
        assert_eq!(bus_name("a\u{202e}b ☀\u{fe0f}.csv"), "ab ☀\u{fe0f}");
    }
}
