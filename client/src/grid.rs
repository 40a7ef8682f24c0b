//! Grid fees: what buyers pay on top of the price for the grid. They wait in the vaults of sellers until anyone sweeps them to
//! whoever is their recipient then; without one they are the treasury's.

use {
    crate::{
        account::Keyed, address, bus::Bus, error::Result, event::Event, market::Settlement, seller::Seller,
        wallet::Wallet, withdrawal::Withdrawn,
    },
    solana_address::Address,
    solana_instruction::Instruction,
    solana_sdk_ids::system_program,
};

/// Instruction `grid_sweep`: pays the grid fees that a seller's vault holds. The recipient names any token account; anyone else
/// the recipient's associated one, and where that cannot be paid, the recipient gets a claim. Without a recipient the
/// destination is the treasury.
pub fn grid_sweep(caller: &Address, bus: &Keyed<Bus>, seller: &Keyed<Seller>, destination: &Address) -> Instruction {
    multibus::instruction::GridSweep {}.to_instruction(multibus::accounts::GridSweep {
        caller: *caller,
        bus: bus.address,
        ledger: address::ledger(&bus.address),
        seller: seller.address,
        vault: seller.vault,
        destination: *destination,
        unclaimed: bus.unclaimed,
        claim: address::claim(&bus.address, &bus.grid_recipient),
        token_program: bus.token_program,
        system_program: system_program::ID,
    })
}

impl Wallet {
    /// Collects what is due of a seller's offers and final windows, and pays all grid fees that its vault holds to the bus's
    /// recipient of grid fees: to its associated token account, which is created where it is missing, or without a recipient to
    /// the treasury. Where the recipient cannot be paid, it gets a claim. Anyone may do it. `wallet` is the seller's.
    pub async fn grid_sweep(&self, bus: &Address, wallet: &Address) -> Result<Withdrawn> {
        let seller = self.market().seller(bus, wallet).await?;
        let bus = self.market().bus(bus).await?;
        let (mut transactions, last) = self.collect_all(&seller).await?;
        let sweep = self.sweep_of(&bus, &seller).await?;
        let sent = self.send_behind(last, &sweep, &mut transactions).await?;
        let amount = sent.events.iter().find_map(|event| match event {
            Event::GridFeesSwept(event) if event.seller == seller.address => Some(event.amount),
            _ => None,
        });
        transactions.push(sent);
        Ok(Withdrawn { amount, transactions })
    }

    /// The instructions that sweep a seller's grid fees.
    pub(crate) async fn sweep_of(&self, bus: &Keyed<Bus>, seller: &Keyed<Seller>) -> Result<Vec<Instruction>> {
        let recipient = bus.grid_recipient;
        let mut instructions = Vec::with_capacity(2);
        let destination = if recipient == Address::default() {
            bus.treasury
        } else {
            let settlement = Settlement { mint: bus.mint, token_program: bus.token_program };
            let account = settlement.token_account(&recipient);
            if !self.market().is_bus(&recipient).await? && self.chain().accounts(&[account]).await?[0].is_none() {
                instructions.push(settlement.create_token_account(&self.address(), &recipient));
            }
            account
        };
        instructions.push(grid_sweep(&self.address(), bus, seller, &destination));
        Ok(instructions)
    }
}
