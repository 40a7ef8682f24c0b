//! Everything closes, whatever counterparties do to their accounts, and everybody is paid or can claim.

use {
    multibus::{error::MultibusError, state::*},
    multibus_delivery::{Delivery, mint::TokenProgram},
    solana_address::Address,
};

const DAY: i64 = 86_400;

/// Buyers that cannot be paid, a seller that is gone, an operator that vanished, owners that close the bus: a stranger ends it
/// all, pays for none of it, and what was owed is claimed years later.
#[test]
fn strangers_wind_a_bus_down_that_everybody_left() {
    for program in TokenProgram::BOTH {
        let mut play = Delivery::of(program);
        let (seller, owner, operator) = (play.seller, play.owner, play.operator);
        let (closed, closed_account) = play.buyer("closes its account");
        let (frozen, frozen_account) = play.buyer("is frozen");
        let (given, given_account) = play.buyer("gives its account away");
        let (aliased, aliased_account) = play.buyer("is its own account");
        let sponsor = play.net.wallet("sponsor");
        let (reserved, reserved_account) = play.net.buyer("names a reserved key", 1_000_000_000);
        let open = play.net.position_open(&sponsor, &play.book, &reserved);
        play.net.run(&[open]);
        let buyers = [closed, frozen, given, aliased, reserved];
        let accounts = [closed_account, frozen_account, given_account, aliased_account, reserved_account];
        for buyer in &buyers {
            play.buy(buyer, 1_001);
        }
        // Two more locks, one of which nobody ends until the end.
        let take = play.net.lock_take(&frozen, &frozen_account, &play.offer, 0, 999);
        let forgotten = play.net.lock_take(&given, &given_account, &play.offer, 0, 998);
        play.net.run(&[take, forgotten]);
        let lock = play.net.lock(&play.offer, &frozen, 0);
        let settle = play.net.lock_settle(&frozen, &lock);
        play.net.run(&[settle]);
        let name = play.net.position_set_refund(&reserved, &play.position(&reserved), &Address::default());
        play.net.run(&[name]);
        let theft = play.net.position_set_refund(&closed, &play.position(&reserved), &closed_account);
        play.net.refuse(&[theft], MultibusError::PositionMismatch);
        // A third of 6,004 Wh is delivered.
        play.pass_window(0);
        play.net.run(&[play.operator_report(2_001, 1)]);
        // Everybody becomes unpayable.
        play.net.close_account(&closed_account, &closed);
        play.net.freeze(&frozen_account);
        let nobody = play.net.key("nobody");
        if program == TokenProgram::SplToken {
            play.net.set_owner(&given_account, &given, &nobody);
        } else {
            play.net.ask_memo(&given_account, &given);
        }
        let name = play.net.position_set_refund(&aliased, &play.position(&aliased), &aliased);
        play.net.run(&[name]);
        play.net.become_token_account(&aliased);
        play.net.freeze(&aliased);
        play.net.decide(&owner, ProposalAction::BusClose);
        play.net.pass(3_600);
        let stranger = play.net.wallet("stranger");
        let spent = |play: &Delivery, before: u64| before - play.net.lamports(&stranger);
        let before = play.net.lamports(&stranger);
        for buyer in &buyers {
            let refund = play.net.delivery_refund(&play.position(buyer));
            play.net.refuse(&[refund], MultibusError::PayeeUnpayable);
        }
        // The seller is released all the same.
        let release = play.net.delivery_release(&play.book);
        play.net.run(&[release]);
        let released: Seller = play.net.state(&play.net.seller(&seller));
        assert_eq!(released.grid_fees_owed, 2_001 * 500_000 / 1_000);
        let early = play.net.position_close(&stranger, &play.position(&closed));
        play.net.refuse(&[early], MultibusError::CertificatesOpen);
        play.net.pass(30 * DAY);
        let held = play.net.position_close(&stranger, &play.position(&given));
        play.net.refuse(&[held], MultibusError::PositionHasLocks);
        let release = play.net.lock_release(&stranger, &play.net.lock(&play.offer, &given, 0));
        play.net.run(&[release]);
        let sponsored = play.net.lamports(&sponsor);
        for buyer in &buyers {
            let close = play.net.position_close(&stranger, &play.position(buyer));
            play.net.run(&[close]);
            let claim: Claim = play.net.state(&play.net.claim(buyer));
            assert!(claim.amount >= 2_502_500 - 2_502_500 / 3 - 2, "{}", claim.amount);
        }
        assert!(play.net.lamports(&sponsor) > sponsored, "who paid for the position gets what its claim leaves");
        let cancel = play.net.offer_cancel(&stranger, &play.offer);
        play.net.run(&[cancel]);
        let capacity = play.net.capacity_close(&stranger, play.window, &seller);
        let book = play.net.delivery_close(&stranger, &play.book);
        let meter = play.net.meter_close(&stranger, &seller);
        play.net.run(&[capacity, book, meter]);
        let device = play.net.device_close(&play.device);
        let sweep = play.net.grid_sweep(&stranger, &seller, &play.net.ata_of(&play.grid));
        play.net.run(&[device, sweep]);
        let close = play.net.seller_close(&stranger, &seller, &play.net.ata_of(&seller));
        play.net.run(&[close]);
        // The stranger lent the rent of the grid's claim, which it gets back, and nothing else.
        let lent = play.net.lamports(&play.net.claim(&play.grid));
        assert_eq!(spent(&play, before), lent);
        for proposal in play.net.all::<Proposal>() {
            let close = play.net.proposal_close(&stranger, &proposal.0);
            play.net.run(&[close]);
        }
        let close = play.net.bus_close(&stranger, &[owner]);
        play.net.run(&[close]);
        assert!(play.net.all::<DeliveryBook>().is_empty() && play.net.all::<PositionBook>().is_empty());
        assert!(play.net.all::<Meter>().is_empty() && play.net.all::<Device>().is_empty());
        // Years later.
        play.net.pass(5 * 365 * DAY);
        let mut paid = 0;
        for wallet in [closed, frozen, given, aliased, reserved, seller, play.grid] {
            let account = play.net.token_account(&format!("later {wallet}"), &wallet, 0);
            if wallet == aliased {
                play.net.thaw(&aliased);
            }
            let pay = play.net.claim_pay(&wallet, &wallet, &account);
            play.net.run(&[pay]);
            paid += play.net.tokens(&account);
        }
        // Everything that came in: 5 x 1,001 and 999 Wh bought, and the fee of the lock of 998 Wh; its deposit went back to its
        // buyer's claim too.
        let in_vault = 5 * 2_502_500 + 2_497_500 + 2_495_000;
        assert_eq!(paid, in_vault);
        let _ = (operator, accounts);
    }
}

/// While the vault is frozen nothing leaves it, nothing is lost, and once it is thawed all is paid.
#[test]
fn a_frozen_vault_keeps_refunds_until_it_is_thawed() {
    let mut play = Delivery::new();
    let (buyer, account) = play.buyer("buyer");
    play.buy(&buyer, 4_000);
    let take = play.net.lock_take(&buyer, &account, &play.offer, 0, 1_000);
    play.net.run(&[take]);
    let vault = play.net.vault(&play.seller);
    play.net.freeze(&vault);
    let lock = play.net.lock(&play.offer, &buyer, 0);
    // The energy is free; the position waits for the lock's refund.
    let release = play.net.lock_release(&buyer, &lock);
    play.net.run(&[release]);
    assert_eq!(play.net.state::<PositionBook>(&play.position(&buyer)).open_locks, 1);
    play.pass_window(0);
    play.net.run(&[play.report(1_000, 1)]);
    play.net.pass(3_600);
    let refund = play.net.delivery_refund(&play.position(&buyer));
    play.net.refuse(std::slice::from_ref(&refund), MultibusError::PayerFrozen);
    let release = play.net.delivery_release(&play.book);
    play.net.run(&[release]);
    let sweep = play.net.grid_sweep(&buyer, &play.seller, &play.net.ata_of(&play.grid));
    play.net.refuse(&[sweep], MultibusError::PayerFrozen);
    play.net.thaw(&vault);
    let release = play.net.lock_release(&buyer, &lock);
    play.net.run(&[release, refund]);
    assert_eq!(play.net.tokens(&account), 1_000_000_000 - 2_500_000 - 125_000);
    let close = play.net.position_close(&buyer, &play.position(&buyer));
    play.net.run(&[close]);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// Where nothing is left that a buyer could certify, anyone closes its position after the book's last gate, so that no buyer binds
/// its seller's rent without a reason; a refund that cannot be paid then waits in a claim.
#[test]
fn a_position_without_anything_to_certify_is_closed_by_anyone() {
    let mut play = Delivery::new();
    let stranger = play.net.wallet("stranger");
    let (first, first_account) = play.buyer("first");
    let (second, _) = play.buyer("second");
    play.buy(&first, 1_000);
    play.buy(&second, 1_000);
    play.pass_window(0);
    play.net.run(&[play.report(1_000, 1)]);
    play.net.pass(3_600);
    let (take, _) = play.net.certificate_take(&first, &play.seller, play.window);
    play.net.run(&[take]);
    let close = play.net.position_close(&stranger, &play.position(&second));
    play.net.refuse(&[close], MultibusError::CertificatesOpen);
    let close = play.net.position_close(&stranger, &play.position(&first));
    play.net.refuse(&[close], MultibusError::CertificatesOpen);
    play.net.pass(play.book_state().own_last_gate() - play.net.now());
    play.net.close_account(&first_account, &first);
    let before = (play.net.lamports(&stranger), play.net.lamports(&first), play.net.lamports(&play.position(&first)));
    let close = play.net.position_close(&stranger, &play.position(&first));
    play.net.run(&[close]);
    let claim: Claim = play.net.state(&play.net.claim(&first));
    assert_eq!((claim.amount, claim.rent_payer), (1_250_000, first));
    let rent = play.net.lamports(&play.net.claim(&first));
    assert_eq!(play.net.lamports(&stranger), before.0);
    assert_eq!(play.net.lamports(&first), before.1 + before.2 - rent);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// A position opens before the last gate of its book, and a book that nobody trades in can be cleared at once after it.
#[test]
fn no_position_opens_after_the_last_gate() {
    let mut play = Delivery::new();
    let (buyer, stranger) = (play.net.wallet("buyer"), play.net.wallet("stranger"));
    let open = play.net.position_open(&buyer, &play.book, &buyer);
    let gate = play.book_state().own_last_gate();
    play.net.pass(gate - 1 - play.net.now());
    play.net.run(std::slice::from_ref(&open));
    let close = play.net.position_close(&stranger, &play.position(&buyer));
    play.net.refuse(std::slice::from_ref(&close), MultibusError::CertificatesOpen);
    play.net.pass(1);
    play.net.run(&[close]);
    play.net.refuse(&[open], MultibusError::BookOver);
}

/// The refund account is chosen by the buyer alone, also where somebody else paid for the position.
#[test]
fn refunds_go_where_the_buyer_says() {
    let mut play = Delivery::new();
    let (buyer, account) = play.buyer("buyer");
    play.buy(&buyer, 1_000);
    assert_eq!(play.net.state::<PositionBook>(&play.position(&buyer)).refund, account);
    play.pass_window(3_600);
    let other = play.net.token_account("another account", &buyer, 0);
    let name = play.net.position_set_refund(&buyer, &play.position(&buyer), &other);
    play.net.run(&[name]);
    let mut elsewhere = play.net.delivery_refund(&play.position(&buyer));
    elsewhere.accounts[4].pubkey = account;
    play.net.refuse(&[elsewhere], MultibusError::RefundMismatch);
    let refund = play.net.delivery_refund(&play.position(&buyer));
    play.net.run(&[refund]);
    assert_eq!(play.net.tokens(&other), 2_500_000);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// Admission, windows and meters of a closing bus: nothing opens, and what is open ends.
#[test]
fn a_closing_bus_registers_no_meter() {
    let mut play = Delivery::new();
    let (owner, seller, operator) = (play.owner, play.seller, play.operator);
    let stranger = play.net.wallet("stranger");
    let close = play.net.meter_close(&stranger, &seller);
    play.net.refuse(&[close], MultibusError::MeterInUse);
    play.net.decide(&owner, ProposalAction::BusClose);
    let key = play.net.key("late device");
    let replace = play.net.meter_replace(&operator, &key, &seller, 1);
    play.net.refuse(&[replace], MultibusError::BusClosing);
    let close = play.net.meter_close(&stranger, &seller);
    play.net.run(&[close]);
    let register = play.net.meter_register(&operator, &key, &seller, 1);
    play.net.refuse(&[register], MultibusError::BusClosing);
    // The device keeps its window until that has ended, and reads it.
    play.net.refuse(&[play.net.device_close(&play.device)], MultibusError::DeviceInUse);
    play.pass_window(0);
    play.net.run(&[play.report(5_000, 1)]);
    let close = play.net.device_close(&play.device);
    play.net.run(&[close]);
}

/// A buyer names its refund account, which may be any account, also one that the closing itself takes.
#[test]
fn a_position_closes_whatever_its_refund_account_is() {
    let mut play = Delivery::new();
    let stranger = play.net.wallet("stranger");
    let buyers: Vec<Address> = (0..9).map(|number| play.buyer(&format!("buyer {number}")).0).collect();
    for buyer in &buyers {
        play.buy(buyer, 1_000);
    }
    let names = |play: &Delivery, buyer: &Address| {
        let net = &play.net;
        [
            net.bus,
            play.book,
            play.position(buyer),
            net.vault(&play.seller),
            net.unclaimed(),
            net.ledger(),
            net.claim(buyer),
        ]
    };
    for (place, buyer) in buyers.iter().enumerate() {
        let name = names(&play, buyer).get(place).copied().unwrap_or(if place == 7 { *buyer } else { stranger });
        let set = play.net.position_set_refund(buyer, &play.position(buyer), &name);
        play.net.run(&[set]);
    }
    play.pass_window(3_600);
    play.net.pass(play.book_state().own_last_gate() - play.net.now());
    for buyer in &buyers {
        let refund = play.net.delivery_refund(&play.position(buyer));
        play.net.refuse(&[refund], MultibusError::PayeeUnpayable);
        let close = play.net.position_close(&stranger, &play.position(buyer));
        play.net.run(&[close]);
        assert_eq!(play.net.state::<Claim>(&play.net.claim(buyer)).amount, 2_500_000);
    }
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// Once anyone may close a position, its refund account stays, so that no buyer changes it just before each closing.
#[test]
fn the_refund_account_is_fixed_once_others_close() {
    let mut play = Delivery::new();
    let (buyer, account) = play.buyer("buyer");
    play.buy(&buyer, 1_000);
    play.pass_window(0);
    play.net.run(&[play.report(1_000, 1)]);
    let others = play.book_state().others_close_at();
    let set = |play: &mut Delivery, refund: &Address| {
        let position = play.position(&buyer);
        play.net.position_set_refund(&buyer, &position, refund)
    };
    play.net.pass(others - 1 - play.net.now());
    let early = set(&mut play, &account);
    play.net.run(&[early]);
    play.net.pass(1);
    let late = set(&mut play, &buyer);
    play.net.refuse(&[late], MultibusError::RefundFixed);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// Energy that was listed far ahead and withdrawn again holds no closing bus open.
#[test]
fn a_withdrawn_window_far_ahead_holds_nothing_up() {
    let mut play = Delivery::new();
    let (owner, seller) = (play.owner, play.seller);
    let stranger = play.net.wallet("stranger");
    let far = play.window + 80_000 / 900 * 900;
    let (offer, book) = play.list(far, 1_000, 2_000_000);
    play.net.decide(&owner, ProposalAction::BusClose);
    for offer in [offer, play.offer] {
        let cancel = play.net.offer_cancel(&stranger, &offer);
        play.net.run(&[cancel]);
    }
    for book in [book, play.book] {
        if play.net.exists(&book) {
            let close = play.net.delivery_close(&stranger, &book);
            play.net.run(&[close]);
        }
    }
    assert_eq!(play.net.state::<Seller>(&play.net.seller(&seller)).open_books, 0);
}

/// Who opens a position first stops no trade that comes with its opening.
#[test]
fn a_position_is_opened_once_whoever_does_it() {
    let mut play = Delivery::new();
    let stranger = play.net.wallet("stranger");
    let (buyer, account) = play.net.buyer("buyer", 10_000_000);
    let early = play.net.position_open(&stranger, &play.book, &buyer);
    play.net.run(&[early]);
    let open = play.net.position_open(&buyer, &play.book, &buyer);
    let buy = play.net.purchase(&buyer, &account, &play.offer, 1_000);
    play.net.run(&[open, buy]);
    let position: PositionBook = play.net.state(&play.position(&buyer));
    let bought: u64 = position.windows.iter().map(|window| window.energy_wh).sum();
    assert_eq!((position.rent_payer, bought), (stranger, 1_000));
    assert_eq!(play.book_state().open_positions, 1);
}
