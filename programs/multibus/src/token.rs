//! The settlement token: which mints are accepted, what a token account must be, and how tokens move.

use {
    crate::{
        account::{Account, NewAccount, bump_of},
        constants::BUS_SEED,
        error::{ensure, refuse},
        state::{Bus, Tombstone},
    },
    anchor_lang::{
        address_eq,
        pinocchio::{
            cpi::{CpiAccount, Signer},
            instruction::{InstructionAccount, seeds},
        },
        prelude::*,
    },
    pinocchio_token::instructions::{Batch, BatchState, CloseAccount, InitializeAccount3, SyncNative, Transfer},
};

/// SPL Token.
pub const SPL_TOKEN_ID: Address = pinocchio_token::ID;
/// Token-2022.
pub const TOKEN_2022_ID: Address = anchor_lang::address!("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");

/// Bytes of a token account without extensions; a mint with extensions is padded to this length too.
pub const TOKEN_ACCOUNT_LEN: usize = 165;
/// Bytes of a mint without extensions.
pub const MINT_LEN: usize = 82;

const MINT_DECIMALS: usize = 44;
const MINT_IS_INITIALIZED: usize = 45;
const ACCOUNT_OWNER: usize = 32;
const ACCOUNT_AMOUNT: usize = 64;
const ACCOUNT_STATE: usize = 108;
/// 1 where the account holds wrapped SOL.
const ACCOUNT_IS_NATIVE: usize = 109;
const ACCOUNT_STATE_INITIALIZED: u8 = 1;
const ACCOUNT_STATE_FROZEN: u8 = 2;
/// Bytes of a multisig of the token programs. Its keys are free to choose, so its bytes could look like a mint or a
/// token account.
const MULTISIG_LEN: usize = 355;
const ACCOUNT_TYPE_MINT: u8 = 1;
const ACCOUNT_TYPE_ACCOUNT: u8 = 2;

/// Extensions of Token-2022 by their number in the account's data.
mod extension {
    pub const TRANSFER_FEE_CONFIG: u16 = 1;
    pub const MINT_CLOSE_AUTHORITY: u16 = 3;
    pub const DEFAULT_ACCOUNT_STATE: u16 = 6;
    pub const MEMO_TRANSFER: u16 = 8;
    pub const NON_TRANSFERABLE: u16 = 9;
    pub const INTEREST_BEARING_CONFIG: u16 = 10;
    pub const PERMANENT_DELEGATE: u16 = 12;
    pub const TRANSFER_HOOK: u16 = 14;
    pub const METADATA_POINTER: u16 = 18;
    pub const TOKEN_METADATA: u16 = 19;
    pub const GROUP_POINTER: u16 = 20;
    pub const TOKEN_GROUP: u16 = 21;
    pub const GROUP_MEMBER_POINTER: u16 = 22;
    pub const TOKEN_GROUP_MEMBER: u16 = 23;
    pub const SCALED_UI_AMOUNT: u16 = 25;
    pub const PAUSABLE: u16 = 26;
}

/// Calls `visit` with the number and the value of every extension; returns `None` where the list is malformed.
fn for_each_extension(mut list: &[u8], mut visit: impl FnMut(u16, &[u8]) -> Result<()>) -> Result<Option<()>> {
    while let Some(([low, high, length @ ..], rest)) = list.split_first_chunk::<4>() {
        let number = u16::from_le_bytes([*low, *high]);
        if number == 0 {
            return Ok(Some(()));
        }
        let Some((value, rest)) = rest.split_at_checked(u16::from_le_bytes(*length) as usize) else {
            return Ok(None);
        };
        visit(number, value)?;
        list = rest;
    }
    // Too short for another one.
    Ok(list.iter().all(|byte| *byte == 0).then_some(()))
}

/// Accepts a settlement mint: SPL Token, or Token-2022 with no extension but those known to be harmless. Returns
/// its decimals.
pub fn validate_mint(mint: &AccountView, token_program: &Address) -> Result<u8> {
    ensure!(
        (address_eq(token_program, &SPL_TOKEN_ID) || address_eq(token_program, &TOKEN_2022_ID))
            && mint.owned_by(token_program),
        TokenProgramInvalid
    );
    let data = mint.try_borrow()?;
    validate_mint_data(&data, address_eq(token_program, &TOKEN_2022_ID))
}

/// The part of [`validate_mint`] that reads the mint's bytes.
pub fn validate_mint_data(data: &[u8], is_token_2022: bool) -> Result<u8> {
    let plain = data.len() == MINT_LEN;
    let extended = is_token_2022
        && data.len() > TOKEN_ACCOUNT_LEN
        && data.len() != MULTISIG_LEN
        && data[TOKEN_ACCOUNT_LEN] == ACCOUNT_TYPE_MINT;
    ensure!((plain || extended) && data[MINT_IS_INITIALIZED] == 1, MintInvalid);
    if extended {
        let walked = for_each_extension(&data[TOKEN_ACCOUNT_LEN + 1..], |number, value| {
            match number {
                extension::TRANSFER_FEE_CONFIG => refuse!(MintHasTransferFee),
                extension::TRANSFER_HOOK => refuse!(MintHasTransferHook),
                extension::PERMANENT_DELEGATE => refuse!(MintHasPermanentDelegate),
                extension::NON_TRANSFERABLE => refuse!(MintNonTransferable),
                extension::DEFAULT_ACCOUNT_STATE => {
                    // The issuer can change the default later, so the extension is refused whatever it says now.
                    refuse!(MintDefaultFrozen, "default state {}", value.first().copied().unwrap_or(0))
                }
                extension::MINT_CLOSE_AUTHORITY => refuse!(MintHasCloseAuthority),
                extension::PAUSABLE => refuse!(MintPausable),
                extension::INTEREST_BEARING_CONFIG => refuse!(MintInterestBearing),
                extension::SCALED_UI_AMOUNT => refuse!(MintScaledAmount),
                extension::METADATA_POINTER
                | extension::TOKEN_METADATA
                | extension::GROUP_POINTER
                | extension::TOKEN_GROUP
                | extension::GROUP_MEMBER_POINTER
                | extension::TOKEN_GROUP_MEMBER => Ok(()),
                unknown => refuse!(MintExtensionUnknown, "extension {}", unknown),
            }
        })?;
        ensure!(walked.is_some(), MintInvalid);
    }
    Ok(data[MINT_DECIMALS])
}

/// What the market reads of a token account of the settlement mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAccount {
    /// The wallet (or program address) that the tokens belong to.
    pub owner: Address,
    /// In token base units.
    pub amount: u64,
    /// Whether the mint's freeze authority has frozen it: no token moves in or out.
    pub is_frozen: bool,
    /// Whether every transfer to it must come with a memo.
    pub asks_memo: bool,
}

impl TokenAccount {
    /// Reads an initialised token account of a mint; `None` where it is not one.
    #[inline(never)]
    pub fn read(view: &AccountView, settlement: &Settlement) -> Option<Self> {
        if !view.owned_by(settlement.token_program.address()) {
            return None;
        }
        let data = view.try_borrow().ok()?;
        Self::decode(&data, settlement.mint)
    }

    /// The part of [`TokenAccount::read`] that reads the account's bytes.
    #[inline(always)]
    pub fn decode(data: &[u8], mint: &Address) -> Option<Self> {
        if data.len() == MULTISIG_LEN {
            return None;
        }
        let base = data.first_chunk::<TOKEN_ACCOUNT_LEN>()?;
        let address = |at: usize| base[at..].first_chunk::<32>().map(|bytes| Address::new_from_array(*bytes));
        let state = base[ACCOUNT_STATE];
        if !address_eq(&address(0)?, mint) || (state != ACCOUNT_STATE_INITIALIZED && state != ACCOUNT_STATE_FROZEN) {
            return None;
        }
        let mut account = Self {
            owner: address(ACCOUNT_OWNER)?,
            amount: u64::from_le_bytes(*base[ACCOUNT_AMOUNT..].first_chunk()?),
            is_frozen: state == ACCOUNT_STATE_FROZEN,
            asks_memo: false,
        };
        if let [kind, extensions @ ..] = &data[TOKEN_ACCOUNT_LEN..] {
            if *kind != ACCOUNT_TYPE_ACCOUNT {
                return None;
            }
            for_each_extension(extensions, |number, value| {
                account.asks_memo |= number == extension::MEMO_TRANSFER && value.first() != Some(&0);
                Ok(())
            })
            .ok()??;
        }
        Some(account)
    }

    /// Whether a transfer to it succeeds.
    #[inline(always)]
    pub fn is_payable(&self) -> bool {
        !self.is_frozen && !self.asks_memo
    }

    /// Whether it belongs to the wallet, and a transfer to it succeeds.
    #[inline(always)]
    pub fn pays(&self, wallet: &Address) -> bool {
        self.is_payable() && address_eq(&self.owner, wallet)
    }
}

/// The associated token program.
const ASSOCIATED_TOKEN_ID: Address = anchor_lang::address!("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// Whether an account is the associated token account of a wallet.
#[inline(never)]
pub fn is_associated(account: &Address, wallet: &Address, settlement: &Settlement) -> bool {
    let seeds: [&[u8]; 3] = [wallet.as_ref(), settlement.token_program.address().as_ref(), settlement.mint.as_ref()];
    bump_of(&seeds, &ASSOCIATED_TOKEN_ID, account).is_some()
}

/// Creates a token account whose authority is a bus, also where somebody sent lamports to its address before. The last
/// seed is the bump.
pub fn create_account(
    (payer, account): (&AccountView, &AccountView),
    (mint, token_program): (&AccountView, &Address),
    bus: &Address,
    seeds: &[&[u8]],
) -> Result<()> {
    NewAccount { payer, account, space: TOKEN_ACCOUNT_LEN, owner: token_program, seeds }.create()?;
    InitializeAccount3::new(account, mint, bus).invoke_with_program(token_program)
}

/// Like [`create_account`], with seeds without the bump; refuses an account at another address.
pub fn open_account(
    (payer, account): (&AccountView, &AccountView),
    (mint, token_program): (&AccountView, &Address),
    bus: &Address,
    seeds: &[&[u8]],
) -> Result<()> {
    NewAccount { payer, account, space: TOKEN_ACCOUNT_LEN, owner: token_program, seeds }.find_and_create()?;
    InitializeAccount3::new(account, mint, bus).invoke_with_program(token_program)
}

/// Number of the token program's `Transfer`, the bytes of its data, and its accounts.
const TRANSFER: u8 = 3;
const TRANSFER_LEN: usize = 9;
const TRANSFER_ACCOUNTS: usize = 3;

/// Bytes of a batch of transfers: each is its header, the instruction's number and the amount.
const fn batch_data_len(transfers: usize) -> usize {
    Batch::header_data_len(transfers) + transfers * TRANSFER_LEN
}

/// What one account is paid.
pub struct Payout {
    pub account: AccountView,
    /// In token base units.
    pub amount: u64,
}

/// The bus, or its tombstone, as the authority over its token accounts.
pub struct BusAuthority<'a> {
    view: &'a AccountView,
    creator: &'a Address,
    bus_seq: [u8; 8],
    bump: [u8; 1],
}

impl<'a> BusAuthority<'a> {
    #[inline(always)]
    pub fn new(bus: &'a Account<Bus>) -> Self {
        Self { view: bus.account(), creator: &bus.creator, bus_seq: bus.bus_seq.to_le_bytes(), bump: [bus.bump] }
    }

    pub fn of_tombstone(stone: &'a Account<Tombstone>) -> Self {
        Self {
            view: stone.account(),
            creator: &stone.creator,
            bus_seq: stone.bus_seq.to_le_bytes(),
            bump: [stone.bump],
        }
    }
}

/// The mint of a bus and its token program. Callers check both against the bus.
///
/// Tokens move by `Transfer`, which names neither mint nor decimals. The token program compares the mints of both
/// accounts, and one of them always belongs to the bus.
#[derive(Clone, Copy)]
pub struct Settlement<'a> {
    pub mint: &'a Address,
    pub token_program: &'a AccountView,
}

impl Settlement<'_> {
    /// Moves tokens that `authority` may move.
    #[inline(always)]
    pub fn transfer(&self, from: &AccountView, to: &AccountView, authority: &AccountView, amount: u64) -> Result<()> {
        self.transfer_signed(from, to, authority, amount, &[])
    }

    /// Moves tokens of the bus: its address signs with its seeds.
    #[inline(always)]
    pub fn pay(&self, from: &AccountView, to: &AccountView, bus: &BusAuthority, amount: u64) -> Result<()> {
        BusTransfer { settlement: *self, from, to, bus, amount }.execute()
    }

    /// Like [`pay`](Self::pay), but inlined, for instructions that are called often.
    #[inline(always)]
    pub fn pay_in_place(&self, from: &AccountView, to: &AccountView, bus: &BusAuthority, amount: u64) -> Result<()> {
        let seeds = seeds!(BUS_SEED, bus.creator.as_ref(), &bus.bus_seq, &bus.bump);
        self.transfer_signed(from, to, bus.view, amount, &[Signer::from(&seeds)])
    }

    /// Where a token account of the bus holds wrapped SOL, adds lamports that somebody sent to it to its balance, so
    /// that they are treated like other gifts.
    pub fn sync(&self, account: &AccountView) -> Result<()> {
        let is_native = account.try_borrow()?.get(ACCOUNT_IS_NATIVE) == Some(&1);
        if is_native {
            SyncNative::new(account, None).invoke_with_unverified_program(self.token_program.address())?;
        }
        Ok(())
    }

    /// Closes an empty token account of the bus; its lamports go to `destination`.
    pub fn close(&self, account: &AccountView, destination: &AccountView, bus: &BusAuthority) -> Result<()> {
        let seeds = seeds!(BUS_SEED, bus.creator.as_ref(), &bus.bus_seq, &bus.bump);
        CloseAccount::new(account, destination, bus.view)
            .invoke_signed_with_unverified_program(&[Signer::from(&seeds)], self.token_program.address())
    }

    /// Pays several accounts tokens that `authority` may move. SPL Token takes several transfers in one call (its
    /// `Batch` instruction), which saves about 850 compute units each; Token-2022 takes them one by one.
    #[inline(always)]
    pub fn transfer_all(&self, from: &AccountView, authority: &AccountView, payouts: &[Payout]) -> Result<()> {
        if payouts.len() < 2 || !address_eq(self.token_program.address(), &SPL_TOKEN_ID) {
            for payout in payouts {
                self.transfer(from, &payout.account, authority, payout.amount)?;
            }
            return Ok(());
        }
        let mut state = BatchState::new(payouts.len() * TRANSFER_ACCOUNTS, batch_data_len(payouts.len()));
        let mut batch = state.as_batch()?;
        from.check_borrow_mut()?;
        for (index, payout) in payouts.iter().enumerate() {
            payout.account.check_borrow_mut()?;
            batch.push(
                // The runtime finds accounts by address, so those that all transfers share are passed once.
                |accounts| {
                    let all = [&payout.account, from, authority];
                    let passed = if index == 0 { all.len() } else { 1 };
                    for (account, view) in accounts.iter_mut().zip(all).take(passed) {
                        CpiAccount::init_from_account_view(view, account);
                    }
                    Ok(passed)
                },
                |metas| {
                    metas[0].write(InstructionAccount::writable(from.address()));
                    metas[1].write(InstructionAccount::writable(payout.account.address()));
                    metas[2].write(InstructionAccount::readonly_signer(authority.address()));
                    Ok(TRANSFER_ACCOUNTS)
                },
                |data| {
                    data[0].write(TRANSFER);
                    data[1..9].write_copy_of_slice(&payout.amount.to_le_bytes());
                    Ok(TRANSFER_LEN)
                },
            )?;
        }
        batch.invoke_signed(&[])
    }

    #[inline(always)]
    fn transfer_signed(
        &self,
        from: &AccountView,
        to: &AccountView,
        authority: &AccountView,
        amount: u64,
        signers: &[Signer],
    ) -> Result<()> {
        Transfer::new(from, to, authority, amount)
            .invoke_signed_with_unverified_program(signers, self.token_program.address())
    }
}

/// A movement of tokens of the bus.
struct BusTransfer<'a> {
    settlement: Settlement<'a>,
    from: &'a AccountView,
    to: &'a AccountView,
    bus: &'a BusAuthority<'a>,
    /// In token base units.
    amount: u64,
}

impl BusTransfer<'_> {
    /// One function for all instructions that pay.
    #[inline(never)]
    fn execute(&self) -> Result<()> {
        self.settlement.pay_in_place(self.from, self.to, self.bus, self.amount)
    }
}

#[cfg(test)]
mod tests {
    use {super::*, crate::error::MultibusError};

    /// A mint of Token-2022 with 6 decimals and these extensions: numbers and lengths of their values.
    fn mint(extensions: &[(u16, usize)]) -> Vec<u8> {
        let mut data = vec![0; TOKEN_ACCOUNT_LEN];
        (data[MINT_DECIMALS], data[MINT_IS_INITIALIZED]) = (6, 1);
        data.push(ACCOUNT_TYPE_MINT);
        for (number, length) in extensions {
            data.extend(number.to_le_bytes());
            data.extend((*length as u16).to_le_bytes());
            data.extend(vec![0; *length]);
        }
        data
    }

    #[test]
    fn only_extensions_known_to_be_harmless_are_accepted() {
        use MultibusError::*;
        for number in 1..=40 {
            let refused = match number {
                18..=23 => None,
                1 => Some(MintHasTransferFee),
                3 => Some(MintHasCloseAuthority),
                6 => Some(MintDefaultFrozen),
                9 => Some(MintNonTransferable),
                10 => Some(MintInterestBearing),
                12 => Some(MintHasPermanentDelegate),
                14 => Some(MintHasTransferHook),
                25 => Some(MintScaledAmount),
                26 => Some(MintPausable),
                _ => Some(MintExtensionUnknown),
            };
            let expected = refused.map_or(Ok(6), |error| Err(error.into()));
            assert_eq!(validate_mint_data(&mint(&[(number, 5)]), true), expected, "extension {number}");
            assert_eq!(validate_mint_data(&mint(&[(18, 64), (19, 0), (number, 0)]), true), expected, "after others");
        }
    }

    #[test]
    fn a_mint_is_plain_or_a_whole_one_of_token_2022() {
        let plain = &mint(&[])[..MINT_LEN];
        let invalid = Err(MultibusError::MintInvalid.into());
        assert_eq!(validate_mint_data(plain, false), Ok(6));
        assert_eq!(validate_mint_data(plain, true), Ok(6));
        assert_eq!(validate_mint_data(&plain[..MINT_LEN - 1], true), invalid);
        assert_eq!(validate_mint_data(&[plain, &[0]].concat(), true), invalid);
        assert_eq!(validate_mint_data(&mint(&[]), true), Ok(6));
        assert_eq!(validate_mint_data(&mint(&[]), false), invalid, "SPL Token has no extensions");
        assert_eq!(validate_mint_data(&mint(&[])[..TOKEN_ACCOUNT_LEN], true), invalid);
        for (place, value) in [(MINT_IS_INITIALIZED, 0), (MINT_IS_INITIALIZED, 2), (TOKEN_ACCOUNT_LEN, 2)] {
            let mut other = mint(&[]);
            other[place] = value;
            assert_eq!(validate_mint_data(&other, true), invalid);
        }
    }

    #[test]
    fn what_is_as_long_as_a_multisig_is_no_mint() {
        let value = MULTISIG_LEN - mint(&[(18, 0)]).len();
        for (longer, expected) in [(0, Ok(6)), (1, Err(MultibusError::MintInvalid.into())), (2, Ok(6))] {
            assert_eq!(validate_mint_data(&mint(&[(18, value - 1 + longer)]), true), expected);
        }
    }

    #[test]
    fn a_list_of_extensions_ends_with_itself_or_with_zeros() {
        let whole = mint(&[(18, 64), (20, 3)]);
        assert_eq!(validate_mint_data(&whole, true), Ok(6));
        // Zeros after the last extension, also fewer than a header takes.
        for room in [1, 3, 4, 100] {
            assert_eq!(validate_mint_data(&[&whole[..], &vec![0; room]].concat(), true), Ok(6), "{room}");
        }
        // Bytes after the end of the list are ignored.
        assert_eq!(validate_mint_data(&[&whole[..], &[0; 4], &[14, 0, 0, 0]].concat(), true), Ok(6));
        for rest in [&[14][..], &[0, 14], &[14, 0, 0], &[0, 0, 1]] {
            let longer = [&whole[..], rest].concat();
            assert_eq!(validate_mint_data(&longer, true), Err(MultibusError::MintInvalid.into()), "{rest:?}");
        }
        for cut in 1..=3 {
            let cut = &whole[..whole.len() - cut];
            assert_eq!(validate_mint_data(cut, true), Err(MultibusError::MintInvalid.into()));
        }
    }

    const MINT: Address = Address::new_from_array([5; 32]);
    const OWNER: Address = Address::new_from_array([6; 32]);

    /// A token account with 7 base units, and these extensions: numbers and values.
    fn account(state: u8, extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut data = vec![0; TOKEN_ACCOUNT_LEN];
        data[..32].copy_from_slice(MINT.as_ref());
        data[ACCOUNT_OWNER..][..32].copy_from_slice(OWNER.as_ref());
        (data[ACCOUNT_AMOUNT], data[ACCOUNT_STATE]) = (7, state);
        if !extensions.is_empty() {
            data.push(ACCOUNT_TYPE_ACCOUNT);
        }
        for (number, value) in extensions {
            data.extend(number.to_le_bytes());
            data.extend((value.len() as u16).to_le_bytes());
            data.extend(*value);
        }
        data
    }

    #[test]
    fn an_account_is_payable_unless_it_is_frozen_or_asks_for_memos() {
        let read = |state, extensions: &[(u16, &[u8])]| TokenAccount::decode(&account(state, extensions), &MINT);
        let plain = TokenAccount { owner: OWNER, amount: 7, is_frozen: false, asks_memo: false };
        assert_eq!(read(1, &[]), Some(plain));
        assert!(plain.pays(&OWNER) && !plain.pays(&MINT));
        assert_eq!(read(2, &[]), Some(TokenAccount { is_frozen: true, ..plain }));
        assert_eq!(read(1, &[(7, &[]), (8, &[0])]), Some(plain));
        // Every value of the extension but 0 counts as yes.
        for asks in [&[1][..], &[2], &[], &[1, 0]] {
            assert_eq!(read(1, &[(7, &[]), (8, asks)]), Some(TokenAccount { asks_memo: true, ..plain }));
        }
        for unpayable in [read(2, &[]), read(1, &[(8, &[1])])] {
            assert!(unpayable.is_some_and(|account| !account.is_payable() && !account.pays(&OWNER)));
        }
    }

    #[test]
    fn what_is_no_token_account_of_the_mint_is_not_read() {
        let whole = account(1, &[(7, &[])]);
        assert!(TokenAccount::decode(&whole, &MINT).is_some());
        assert_eq!(TokenAccount::decode(&whole, &OWNER), None, "another mint");
        for state in [0, 3] {
            assert_eq!(TokenAccount::decode(&account(state, &[]), &MINT), None, "state {state}");
        }
        assert_eq!(TokenAccount::decode(&whole[..TOKEN_ACCOUNT_LEN - 1], &MINT), None);
        assert_eq!(TokenAccount::decode(&[], &MINT), None);
        let mut mint = whole.clone();
        mint[TOKEN_ACCOUNT_LEN] = ACCOUNT_TYPE_MINT;
        assert_eq!(TokenAccount::decode(&mint, &MINT), None);
        assert_eq!(
            TokenAccount::decode(&[&whole[..], &[8, 0, 9, 0, 0]].concat(), &MINT),
            None,
            "a list that breaks off"
        );
    }
}
