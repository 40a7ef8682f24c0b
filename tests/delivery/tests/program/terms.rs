//! Next terms, the operator that delivery needs, and grid fees.

use {
    multibus::{error::MultibusError, state::*},
    multibus_delivery::{Delivery, Net, START, config, delivery_terms},
    solana_address::Address,
};

const DAY: i64 = 86_400;

/// Windows grow from 15 minutes to an hour and sellers are paid on purchase, from a window beyond the horizon on. Windows
/// before it keep their terms, and their book ends with them.
#[test]
fn next_terms_change_no_window_that_is_open() {
    let mut play = Delivery::new();
    let (owner, seller) = (play.owner, play.seller);
    let (buyer, account) = play.buyer("buyer");
    play.buy(&buyer, 1_000);
    let hourly = TermsConfig { window_seconds: 3_600, gate_closure_seconds: 600, ..TermsConfig::default() };
    let from = START + DAY + 3_600;
    let (create, _) = play.net.proposal_create(&owner, ProposalAction::TermsSet { from: START + DAY, terms: hourly });
    play.net.refuse(&[create], MultibusError::TermsTooSoon);
    let unaligned = ProposalAction::TermsSet { from: from + 900, terms: hourly };
    let (create, _) = play.net.proposal_create(&owner, unaligned);
    play.net.refuse(&[create], MultibusError::TermsMisaligned);
    play.net.decide(&owner, ProposalAction::TermsSet { from, terms: hourly });
    // The last of the present windows ends where the first of the next ones starts.
    play.net.pass(3_600);
    let late = play.net.capacity_open(&seller, from - 900);
    play.net.run(&[late]);
    let misaligned = play.net.capacity_open(&seller, from + 900);
    play.net.refuse(&[misaligned], MultibusError::WindowMisaligned);
    let open = play.net.capacity_open(&seller, from);
    play.net.run(&[open]);
    // They are fixed now, and the operator is needed until the last reading before them is final.
    let (create, _) =
        play.net.proposal_create(&owner, ProposalAction::TermsSet { from: from + 2 * DAY, terms: hourly });
    play.net.refuse(&[create], MultibusError::TermsFixed);
    let (create, _) = play.net.proposal_create(&owner, ProposalAction::OperatorSet { operator: None });
    play.net.refuse(std::slice::from_ref(&create), MultibusError::OperatorNeeded);
    // On purchase terms nothing of delivery is asked for, and there is no fee.
    let (create_offer, offer) = play.net.offer_create(&seller, &seller, from, (100_000, 2_000_000, from - 600));
    play.net.run(&[create_offer]);
    let state: Offer = play.net.state(&offer);
    assert_eq!((state.on_delivery, state.grid_fee_per_kwh, state.gate_closes_at), (0, 0, from - 600));
    let buy = play.net.purchase(&buyer, &account, &offer, 1_000);
    play.net.run(&[buy]);
    let collect = play.net.offer_collect(&offer);
    play.net.run(&[collect]);
    assert_eq!(play.net.state::<Seller>(&play.net.seller(&seller)).released, 2_000_000);
    // The book that the change cut short takes positions until its last gate, and then closes.
    let (last, book) = play.list(from - 900, 1_000, 2_000_000);
    let second = play.net.wallet("second");
    let open = play.net.position_open(&second, &book, &second);
    play.net.run(std::slice::from_ref(&open));
    play.net.pass(from - 960 - play.net.now());
    let third = play.net.wallet("third");
    let close = play.net.position_close(&third, &play.net.position(&book, &second));
    play.net.run(&[close]);
    let cancel = play.net.offer_cancel(&third, &last);
    play.net.run(&[cancel]);
    play.net.pass(from + 3_600 - play.net.now());
    let close = play.net.delivery_close(&seller, &book);
    play.net.run(&[close]);
    // Once they hold, others can be decided on.
    play.net.pass(3_600);
    play.net.decide(&owner, ProposalAction::OperatorSet { operator: None });
    assert_eq!(play.net.state::<Bus>(&play.net.bus).operator, Address::default());
    let next = ProposalAction::TermsSet { from: from + 3 * DAY, terms: delivery_terms() };
    let (create, _) = play.net.proposal_create(&owner, next);
    play.net.refuse(&[create], MultibusError::OperatorNeeded);
    play.net.decide(&owner, ProposalAction::TermsSet { from: from + 3 * DAY, terms: hourly });
    assert_eq!(play.net.state::<Bus>(&play.net.bus).terms.from, from);
}

/// Windows begin on a bus without: what is on offer outside them ends before the first.
#[test]
fn offers_outside_windows_end_before_the_first_window() {
    let mut net = Net::new(|net| config(&[(net.wallet("owner"), 10_000)]));
    let (owner, seller) = (net.creator, net.wallet("seller"));
    let horizon = 30 * DAY;
    let offer = net.seller_with_offer(&seller, 1_000, 2_000_000);
    let from = START + horizon + 3_600;
    let terms = TermsConfig { window_seconds: 3_600, ..TermsConfig::default() };
    net.decide(&owner, ProposalAction::TermsSet { from, terms });
    net.pass(DAY - 1);
    let later = net.offer_set_expiry(&seller, &offer, from + 1);
    net.refuse(&[later], MultibusError::ExpiryTooLate);
    let later = net.offer_set_expiry(&seller, &offer, from);
    net.run(&[later]);
    net.pass(from - net.now());
    let revived = net.offer_set_expiry(&seller, &offer, from + 10);
    net.refuse(&[revived], MultibusError::OfferExpired);
    let (create, _) = net.offer_create(&seller, &seller, 0, (1_000, 2_000_000, from + 10));
    net.refuse(&[create], MultibusError::WindowsOn);
}

/// The grid gets its fee of all that an offer sold, however often its proceeds are collected, and whoever is its recipient when
/// it is swept.
#[test]
fn grid_fees_of_purchase_terms_belong_to_who_is_their_recipient_when_they_are_swept() {
    let mut net = Net::new(|net| {
        let terms = TermsConfig { grid_fee_per_kwh: 333, ..TermsConfig::default() };
        BusConfig { terms, ..config(&[(net.wallet("owner"), 10_000)]) }
    });
    let (owner, seller, stranger) = (net.creator, net.wallet("seller"), net.wallet("stranger"));
    let offer = net.seller_with_offer(&seller, 100_000, 1_000);
    let (buyer, account) = net.buyer("buyer", 1_000_000);
    let mut limited = net.purchase(&buyer, &account, &offer, 1_000);
    let limit_at = limited.data.len() - 12;
    limited.data[limit_at..limit_at + 8].copy_from_slice(&1_332u64.to_le_bytes());
    net.refuse(&[limited], MultibusError::PriceAboveLimit);
    for _ in 0..10 {
        let buy = net.purchase(&buyer, &account, &offer, 101);
        let collect = net.offer_collect(&offer);
        net.run(&[buy, collect]);
    }
    // 10 x ceil(101 x 1.333) were paid; floor(1,010 x 0.333) are the grid's.
    let state: Seller = net.state(&net.seller(&seller));
    assert_eq!((state.released, state.grid_fees_owed), (1_350 - 336, 336));
    // Without a recipient they are the treasury's.
    let own = net.fund(&stranger, 0);
    let theft = net.grid_sweep(&stranger, &seller, &own);
    net.refuse(&[theft], MultibusError::SweepNotToTreasury);
    let treasury = net.treasury();
    let sweep = net.grid_sweep(&stranger, &seller, &treasury);
    net.run(std::slice::from_ref(&sweep));
    assert_eq!(net.tokens(&treasury), 336);
    net.refuse(&[sweep], MultibusError::NothingToSweep);
    // A recipient is named: what is owed by then is its own.
    let buy = net.purchase(&buyer, &account, &offer, 1_000);
    let collect = net.offer_collect(&offer);
    net.run(&[buy, collect]);
    let grid = net.wallet("grid");
    net.decide(&owner, ProposalAction::GridRecipientSet { recipient: Some(grid) });
    let elsewhere = net.grid_sweep(&stranger, &seller, &own);
    net.refuse(&[elsewhere], MultibusError::PayeeMismatch);
    // It has no account: a claim, whose rent comes back to who swept once it is paid.
    let ata = net.ata_of(&grid);
    let lamports = net.lamports(&stranger);
    let sweep = net.grid_sweep(&stranger, &seller, &ata);
    net.run(&[sweep]);
    let claim: Claim = net.state(&net.claim(&grid));
    assert_eq!((claim.amount, claim.rent_payer), (333, stranger));
    let account_of_grid = net.fund(&grid, 0);
    let pay = net.claim_pay(&stranger, &grid, &account_of_grid);
    net.run(&[pay]);
    assert_eq!((net.tokens(&account_of_grid), net.lamports(&stranger)), (333, lamports));
    // Itself, to any account of its own.
    let buy = net.purchase(&buyer, &account, &offer, 1_000);
    let collect = net.offer_collect(&offer);
    let other = net.token_account("another account", &grid, 0);
    let sweep = net.grid_sweep(&grid, &seller, &other);
    net.run(&[buy, collect, sweep]);
    assert_eq!(net.tokens(&other), 333);
}

/// A price with which the fee does not fit is refused when it is set, so that no purchase overflows.
#[test]
fn a_price_must_leave_room_for_the_grid_fee() {
    let mut net = Net::new(|net| {
        let terms = TermsConfig { grid_fee_per_kwh: 1 << 32, ..TermsConfig::default() };
        BusConfig { terms, ..config(&[(net.wallet("owner"), 10_000)]) }
    });
    let seller = net.wallet("seller");
    let offer = net.seller_with_offer(&seller, 1_000, u64::MAX - (1 << 32));
    let reprice = net.offer_reprice(&seller, &offer, u64::MAX - (1 << 32) + 1);
    net.refuse(&[reprice], MultibusError::CostOverflow);
    let (create, _) = net.offer_create(&seller, &seller, 0, (1_000, u64::MAX, net.now() + 10));
    net.refuse(&[create], MultibusError::CostOverflow);
}
