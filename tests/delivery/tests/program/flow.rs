//! From a listing to the last closed account.

use {
    multibus::{error::MultibusError, state::*},
    multibus_delivery::{Delivery, mint::TokenProgram},
    solana_address::Address,
};

/// Everybody does its part: a seller delivers 6 of 8 kWh that two buyers bought, by purchase, batch and lock.
#[test]
fn what_was_delivered_is_paid_and_the_rest_goes_back() {
    for program in TokenProgram::BOTH {
        let mut play = Delivery::of(program);
        let (first, first_account) = play.buyer("first");
        let (second, second_account) = play.buyer("second");
        let start = wallets(&play, &[first, second]);
        play.buy(&first, 3_000);
        let batch = play.net.purchase_batch(&second, &second_account, &[(play.offer, 1_000)]);
        play.net.run(&[batch]);
        let take = play.net.lock_take(&second, &second_account, &play.offer, 0, 4_000);
        play.net.run(&[take]);
        let lock = play.net.lock(&play.offer, &second, 0);
        let settle = play.net.lock_settle(&second, &lock);
        play.net.run(&[settle]);
        // 2.5 tokens a kWh with the grid fee, all of it in the vault, under the book.
        let window = play.book_state().windows[play.book_state().place(play.window).unwrap()];
        assert_eq!((window.listed_wh, window.sold_wh, window.paid), (10_000, 8_000, 20_000_000));
        assert_eq!(play.net.tokens(&play.net.vault(&play.seller)), 20_000_000);
        play.net.refuse(&[play.net.offer_collect(&play.offer)], MultibusError::NothingToCollect);
        play.pass_window(10);
        play.net.run(&[play.report(6_000, 1)]);
        play.net.refuse(&[play.net.delivery_release(&play.book)], MultibusError::NothingToRelease);
        for buyer in [first, second] {
            let refund = play.net.delivery_refund(&play.position(&buyer));
            play.net.refuse(&[refund], MultibusError::NothingToRefund);
        }
        play.net.pass(3_600);
        // Anyone, in any order, each once.
        let refund = play.net.delivery_refund(&play.position(&first));
        play.net.run(std::slice::from_ref(&refund));
        play.net.refuse(&[refund], MultibusError::NothingToRefund);
        let release = play.net.delivery_release(&play.book);
        play.net.run(std::slice::from_ref(&release));
        play.net.refuse(&[release], MultibusError::NothingToRelease);
        let refund = play.net.delivery_refund(&play.position(&second));
        play.net.run(&[refund]);
        // Three quarters were delivered.
        assert_eq!(play.net.tokens(&first_account), 1_000_000_000 - 7_500_000 * 3 / 4);
        assert_eq!(play.net.tokens(&second_account), 1_000_000_000 - 12_500_000 * 3 / 4);
        let seller: Seller = play.net.state(&play.net.seller(&play.seller));
        assert_eq!((seller.released, seller.grid_fees_owed), (12_000_000, 3_000_000));
        certificates(&mut play, first, second);
        close_everything(&mut play, &[first, second]);
        assert_eq!(wallets(&play, &[first, second]), start, "all rent came back");
    }
}

/// Lamports of the wallets that pay rents, which pay no fees.
fn wallets(play: &Delivery, buyers: &[Address]) -> Vec<u64> {
    // What the buyers paid for their position books is in them.
    let positions = buyers.iter().map(|buyer| play.net.lamports(&play.position(buyer)));
    buyers.iter().zip(positions).map(|(buyer, position)| play.net.lamports(buyer) + position).collect()
}

/// 2,250 and 3,750 of 6,000 delivered Wh: taken, split, transferred and retired.
fn certificates(play: &mut Delivery, first: Address, second: Address) {
    let (seller, window) = (play.seller, play.window);
    let (take, of_second) = play.net.certificate_take(&second, &seller, window);
    play.net.run(std::slice::from_ref(&take));
    let state: Certificate = play.net.state(&of_second);
    assert_eq!((state.range_start, state.range_end, state.owner), (0, 3_750, second));
    assert_eq!((state.device, state.source, state.window_start, state.bus), (play.device, 1, window, play.net.bus));
    let (again, _) = play.net.certificate_take(&second, &seller, window);
    play.net.refuse(&[again], MultibusError::AlreadyCertified);
    play.net.refuse(&[take], MultibusError::AlreadyCertified);
    let (take, of_first) = play.net.certificate_take(&first, &seller, window);
    play.net.run(&[take]);
    let state: Certificate = play.net.state(&of_first);
    assert_eq!((state.range_start, state.range_end), (3_750, 6_000));
    // The seller sold all that it delivered.
    let (take, _) = play.net.certificate_take(&seller, &seller, window);
    play.net.refuse(&[take], MultibusError::NothingToCertify);
    let collector = play.net.wallet("collector");
    let (too_much, _) = play.net.certificate_transfer(&of_second, 3_751, &collector);
    play.net.refuse(&[too_much], MultibusError::CertificateTooSmall);
    let (transfer, part) = play.net.certificate_transfer(&of_second, 750, &collector);
    play.net.run(&[transfer]);
    let (whole, part_state): (Certificate, Certificate) = (play.net.state(&of_second), play.net.state(&part));
    assert_eq!((whole.range_start, whole.range_end, whole.owner), (0, 3_000, second));
    assert_eq!((part_state.range_start, part_state.range_end, part_state.owner), (3_000, 3_750, collector));
    assert_eq!(part_state.rent_payer, second);
    let (transfer, _) = play.net.certificate_transfer(&of_first, 2_250, &collector);
    play.net.run(&[transfer]);
    let mut stolen = play.net.certificate_retire(&of_first, "thief");
    stolen.accounts[0].pubkey = first;
    play.net.refuse(&[stolen], MultibusError::NotTheCertificateOwner);
    play.net.refuse(&[play.net.certificate_retire(&of_first, "")], MultibusError::BeneficiaryInvalid);
    for certificate in [of_first, of_second, part] {
        let retire = play.net.certificate_retire(&certificate, "Bakery on the square");
        play.net.run(&[retire]);
        assert!(!play.net.exists(&certificate));
    }
}

/// Closes all that is open, and asserts that nothing is left in the vault.
fn close_everything(play: &mut Delivery, buyers: &[Address]) {
    let (seller, operator) = (play.seller, play.operator);
    let cancel = play.net.offer_cancel(&seller, &play.offer);
    play.net.run(&[cancel]);
    let early = play.net.delivery_close(&seller, &play.book);
    play.net.refuse(&[early], MultibusError::BookInUse);
    for buyer in buyers {
        let close = play.net.position_close(buyer, &play.position(buyer));
        play.net.run(&[close]);
    }
    let early = play.net.delivery_close(&seller, &play.book);
    play.net.refuse(&[early], MultibusError::BookNotFinal);
    play.net.pass(86_400);
    let stranger = play.net.wallet("stranger");
    let others = play.net.delivery_close(&stranger, &play.book);
    play.net.refuse(&[others], MultibusError::CertificatesOpen);
    let capacity = play.net.capacity_close(&stranger, play.window, &seller);
    play.net.run(&[capacity]);
    let slot = play.net.seller_close(&seller, &seller, &play.net.ata_of(&seller));
    play.net.refuse(std::slice::from_ref(&slot), MultibusError::SellerHasBooks);
    let close = play.net.delivery_close(&seller, &play.book);
    play.net.run(&[close]);
    play.net.refuse(std::slice::from_ref(&slot), MultibusError::SellerHasMeter);
    let close = play.net.meter_close(&operator, &seller);
    play.net.run(&[close]);
    let device = play.net.device_close(&play.device);
    play.net.run(&[device]);
    play.net.refuse(std::slice::from_ref(&slot), MultibusError::SellerOwesGridFees);
    let grid_account = play.net.fund(&play.grid.clone(), 0);
    let sweep = play.net.grid_sweep(&stranger, &seller, &grid_account);
    play.net.run(&[sweep]);
    let own = play.net.fund(&seller, 0);
    let withdraw = play.net.seller_withdraw(&stranger, &seller, &own);
    play.net.run(&[withdraw]);
    play.net.run(&[slot]);
    assert_eq!((play.net.tokens(&own), play.net.tokens(&grid_account)), (12_000_000, 3_000_000));
    for kind in [play.net.vault(&seller), play.net.seller(&seller), play.net.meter(&seller), play.book, play.offer] {
        assert!(!play.net.exists(&kind));
    }
}

/// What a seller delivers beyond its sales is not paid, but its own to certify.
#[test]
fn what_was_not_sold_is_certified_for_its_seller() {
    let mut play = Delivery::new();
    let (buyer, account) = play.buyer("buyer");
    play.buy(&buyer, 4_000);
    play.pass_window(0);
    play.net.run(&[play.report(9_000, 7)]);
    let (take, certificate) = play.net.certificate_take(&play.seller, &play.seller, play.window);
    play.net.refuse(std::slice::from_ref(&take), MultibusError::WindowNotFinal);
    play.net.pass(3_600);
    play.net.run(std::slice::from_ref(&take));
    let state: Certificate = play.net.state(&certificate);
    assert_eq!((state.range_start, state.range_end, state.owner), (0, 5_000, play.seller));
    let (again, _) = play.net.certificate_take(&play.seller, &play.seller, play.window);
    play.net.refuse(&[again], MultibusError::AlreadyCertified);
    let (take, certificate) = play.net.certificate_take(&buyer, &play.seller, play.window);
    play.net.run(&[take]);
    let state: Certificate = play.net.state(&certificate);
    assert_eq!((state.range_start, state.range_end), (5_000, 9_000));
    let refund = play.net.delivery_refund(&play.position(&buyer));
    play.net.run(&[refund]);
    assert_eq!(play.net.tokens(&account), 1_000_000_000 - 10_000_000);
    // Nobody takes for another, or from another book.
    let stranger = play.net.wallet("stranger");
    let (mut theft, _) = play.net.certificate_take(&buyer, &play.seller, play.window);
    theft.accounts[0].pubkey = stranger;
    play.net.refuse(std::slice::from_ref(&theft), MultibusError::PositionMismatch);
    theft.accounts[2].pubkey = play.net.seller(&play.seller);
    play.net.refuse(&[theft], MultibusError::NotTheSeller);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// Locks on delivery terms: settling adds to the books, releasing does not, and neither strands a position.
#[test]
fn locks_need_a_position_and_leave_it_when_they_end() {
    let mut play = Delivery::new();
    let (buyer, account) = play.net.buyer("buyer", 1_000_000_000);
    let take = play.net.lock_take(&buyer, &account, &play.offer, 0, 4_000);
    play.net.fails(std::slice::from_ref(&take));
    let open = play.net.position_open(&play.seller, &play.book, &buyer);
    play.net.run(&[open, take]);
    let position: PositionBook = play.net.state(&play.position(&buyer));
    assert_eq!((position.open_locks, position.refund, position.rent_payer), (1, account, play.seller));
    let close = play.net.position_close(&buyer, &play.position(&buyer));
    play.net.refuse(&[close], MultibusError::PositionHasLocks);
    let lock = play.net.lock(&play.offer, &buyer, 0);
    // Another buyer's position is not this lock's.
    let (other, _) = play.buyer("other");
    let mut release = play.net.lock_release(&buyer, &lock);
    let last = release.accounts.len() - 1;
    release.accounts[last].pubkey = play.position(&other);
    play.net.refuse(std::slice::from_ref(&release), MultibusError::PositionMismatch);
    release.accounts.pop();
    play.net.refuse(&[release], MultibusError::BooksMissing);
    let release = play.net.lock_release(&buyer, &lock);
    play.net.run(&[release]);
    let position: PositionBook = play.net.state(&play.position(&buyer));
    assert_eq!((position.open_locks, position.windows.iter().map(|window| window.energy_wh).sum::<u64>()), (0, 0));
    // The lock fee is the seller's at once.
    assert_eq!(play.net.state::<Seller>(&play.net.seller(&play.seller)).released, 500_000);
    let close = play.net.position_close(&buyer, &play.position(&buyer));
    play.net.run(&[close]);
    assert!(!play.net.exists(&play.position(&buyer)));
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// A purchase on delivery terms is of the buyer's own position and the offer's own book.
#[test]
fn books_that_are_not_the_offers_are_refused() {
    let mut play = Delivery::new();
    let (buyer, account) = play.buyer("buyer");
    let (other, _) = play.buyer("other");
    let later = play.window + 86_400 - 3_600;
    let (_, other_book) = play.list(later, 1_000, 2_000_000);
    assert_ne!(other_book, play.book, "the next book");
    let open = play.net.position_open(&buyer, &other_book, &buyer);
    play.net.run(&[open]);
    let good = play.net.purchase(&buyer, &account, &play.offer, 1_000);
    let count = good.accounts.len();
    let change = |place: usize, account: Address| {
        let mut other = good.clone();
        other.accounts[place].pubkey = account;
        other
    };
    let positions = (play.position(&other), play.net.position(&other_book, &buyer));
    play.net.refuse(&[change(count - 2, other_book)], MultibusError::BookMismatch);
    play.net.refuse(&[change(count - 1, positions.0)], MultibusError::PositionMismatch);
    play.net.refuse(&[change(count - 1, positions.1)], MultibusError::PositionMismatch);
    let mut without = good.clone();
    without.accounts.truncate(count - 1);
    play.net.refuse(&[without], MultibusError::BooksMissing);
    for place in [count - 2, count - 1] {
        let mut read_only = good.clone();
        read_only.accounts[place].is_writable = false;
        play.net.fails(&[read_only]);
    }
    let batch = play.net.purchase_batch(&buyer, &account, &[(play.offer, 1_000)]);
    let mut without = batch.clone();
    without.accounts.truncate(batch.accounts.len() - 1);
    play.net.refuse(&[without], MultibusError::BooksMissing);
    let mut more = batch.clone();
    more.accounts.push(batch.accounts.last().unwrap().clone());
    play.net.refuse(&[more], MultibusError::BatchInvalid);
    play.net.run(&[good]);
    let batch = play.net.purchase_batch(&buyer, &account, &[(play.offer, 1_000)]);
    play.net.run(&[batch]);
    // Withdrawing needs the book too.
    let mut cancel = play.net.offer_cancel(&play.seller, &play.offer);
    cancel.accounts.last_mut().unwrap().pubkey = other_book;
    play.net.refuse(std::slice::from_ref(&cancel), MultibusError::BookMismatch);
    cancel.accounts.pop();
    play.net.refuse(&[cancel], MultibusError::BooksMissing);
    let owner = play.owner;
    play.net.wind_down(&owner);
}

/// No listing without a meter, above what it can deliver, or with another's meter or book.
#[test]
fn listing_on_delivery_terms_needs_a_meter_that_can_deliver_it() {
    let mut play = Delivery::new();
    let (window, seller) = (play.window, play.seller);
    let more = play.net.offer_create(&seller, &seller, window, (1, 2_000_000, window - 60)).0;
    play.net.refuse(std::slice::from_ref(&more), MultibusError::PowerExceeded);
    let bare = play.net.wallet("bare");
    let open = play.net.seller_open(&bare, &bare);
    play.net.run(&[open]);
    let (list, _) = play.net.offer_create(&bare, &bare, window, (1, 2_000_000, window - 60));
    play.net.refuse(std::slice::from_ref(&list), MultibusError::MeterMissing);
    let register = play.net.meter_register(&play.operator, &play.device, &bare, 1_000);
    play.net.fails(&[register]);
    let key = play.net.key("second device");
    let by_stranger = play.net.meter_register(&bare, &key, &bare, 1_000);
    play.net.refuse(&[by_stranger], MultibusError::NotTheOperator);
    let register = play.net.meter_register(&play.operator, &key, &bare, 1_000);
    play.net.run(&[register]);
    let mut of_other = list.clone();
    let count = list.accounts.len();
    of_other.accounts[count - 2].pubkey = play.net.meter(&seller);
    play.net.refuse(&[of_other], MultibusError::MeterMismatch);
    let mut of_other = list.clone();
    of_other.accounts[count - 1].pubkey = play.book;
    play.net.refuse(&[of_other], MultibusError::BookMismatch);
    let mut without = list.clone();
    without.accounts.truncate(count - 1);
    play.net.refuse(&[without], MultibusError::BooksMissing);
    play.net.run(&[list]);
    let again = play.net.key("third device");
    let second = play.net.meter_register(&play.operator, &again, &bare, 1_000);
    play.net.fails(&[second]);
    // Withdrawn energy can be listed again.
    let cancel = play.net.offer_cancel(&seller, &play.offer);
    play.net.run(&[cancel]);
    let (create, _) = play.net.offer_create(&seller, &seller, window, (10_000, 2_000_000, window - 60));
    play.net.run(&[create]);
    let owner = play.owner;
    play.net.wind_down(&owner);
}
