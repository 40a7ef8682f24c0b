//! The settlement token: which mints are accepted, what a token account must be, and how tokens move.

use {
    crate::{
        constants::BUS_SEED,
        error::{ensure, refuse},
        state::Bus,
    },
    anchor_lang::{
        address_eq,
        pinocchio::{
            cpi::{CpiAccount, Signer},
            instruction::{InstructionAccount, seeds},
        },
        prelude::*,
    },
    pinocchio_token::instructions::{Batch, BatchState, TransferChecked},
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
const ACCOUNT_STATE_INITIALIZED: u8 = 1;
const ACCOUNT_STATE_FROZEN: u8 = 2;
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

/// Calls `visit` with the number and the value of every extension; `None` where the list is malformed.
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
    let extended = is_token_2022 && data.len() > TOKEN_ACCOUNT_LEN && data[TOKEN_ACCOUNT_LEN] == ACCOUNT_TYPE_MINT;
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
                extension::INTEREST_BEARING_CONFIG
                | extension::METADATA_POINTER
                | extension::TOKEN_METADATA
                | extension::GROUP_POINTER
                | extension::TOKEN_GROUP
                | extension::GROUP_MEMBER_POINTER
                | extension::TOKEN_GROUP_MEMBER
                | extension::SCALED_UI_AMOUNT => Ok(()),
                unknown => refuse!(MintExtensionUnknown, "extension {}", unknown),
            }
        })?;
        ensure!(walked.is_some(), MintInvalid);
    }
    Ok(data[MINT_DECIMALS])
}

/// What the market reads of a token account.
pub struct TokenAccount {
    /// The wallet (or program address) that the tokens belong to.
    pub owner: Address,
    /// Whether tokens can be paid in now: neither frozen nor asking every transfer for a memo.
    pub is_payable: bool,
}

/// Reads an initialised token account of the bus's settlement mint; `None` where it is not one.
pub fn read_token_account(view: &AccountView, bus: &Bus) -> Option<TokenAccount> {
    if !view.owned_by(&bus.token_program) {
        return None;
    }
    let data = view.try_borrow().ok()?;
    let extended = data.len() > TOKEN_ACCOUNT_LEN && data[TOKEN_ACCOUNT_LEN] == ACCOUNT_TYPE_ACCOUNT;
    if data.len() != TOKEN_ACCOUNT_LEN && !extended {
        return None;
    }
    let address = |at: usize| Address::try_from(&data[at..at + 32]).ok();
    let state = data[ACCOUNT_STATE];
    if !address_eq(&address(0)?, &bus.mint) || (state != ACCOUNT_STATE_INITIALIZED && state != ACCOUNT_STATE_FROZEN) {
        return None;
    }
    let mut is_payable = state == ACCOUNT_STATE_INITIALIZED;
    if extended {
        for_each_extension(&data[TOKEN_ACCOUNT_LEN + 1..], |number, value| {
            is_payable &= number != extension::MEMO_TRANSFER || value.first() == Some(&0);
            Ok(())
        })
        .ok()??;
    }
    Some(TokenAccount { owner: address(ACCOUNT_OWNER)?, is_payable })
}

/// What the treasury of a bus holds, in token base units. Its address must have been checked against the bus.
pub fn treasury_balance(treasury: &AccountView) -> Result<u64> {
    let data = treasury.try_borrow()?;
    match data.get(ACCOUNT_AMOUNT..ACCOUNT_AMOUNT + 8).and_then(|bytes| bytes.try_into().ok()) {
        Some(bytes) => Ok(u64::from_le_bytes(bytes)),
        None => refuse!(TokenAccountInvalid),
    }
}

/// Number of the token program's `TransferChecked`, the bytes of its data, and its accounts.
const TRANSFER_CHECKED: u8 = 12;
const TRANSFER_CHECKED_LEN: usize = 10;
const TRANSFER_ACCOUNTS: usize = 4;

/// Bytes of a batch of transfers: each is its header, the instruction's number, the amount and the decimals.
const fn batch_data_len(transfers: usize) -> usize {
    Batch::header_data_len(transfers) + transfers * TRANSFER_CHECKED_LEN
}

/// What one account is paid.
pub struct Payout {
    pub account: AccountView,
    /// In token base units.
    pub amount: u64,
}

/// The accounts of a transfer, checked against the bus.
#[derive(Clone, Copy)]
pub struct Settlement<'a> {
    pub mint: &'a AccountView,
    pub token_program: &'a AccountView,
    pub decimals: u8,
}

impl Settlement<'_> {
    /// Moves tokens that `authority` may move.
    #[inline(always)]
    pub fn transfer(&self, from: &AccountView, to: &AccountView, authority: &AccountView, amount: u64) -> Result<()> {
        self.transfer_signed(from, to, authority, amount, &[])
    }

    /// Pays several accounts tokens that `authority` may move.
    #[inline(always)]
    pub fn transfer_all(&self, from: &AccountView, authority: &AccountView, payouts: &[Payout]) -> Result<()> {
        self.transfer_all_signed(from, authority, payouts, &[])
    }

    /// Moves tokens of the bus: its address signs with its seeds.
    #[inline(always)]
    pub fn transfer_from_bus(
        &self,
        from: &AccountView,
        to: &AccountView,
        bus: &Account<Bus>,
        amount: u64,
    ) -> Result<()> {
        self.transfer_all_from_bus(from, bus, &[Payout { account: *to, amount }])
    }

    /// Pays several accounts tokens of the bus.
    #[inline(always)]
    pub fn transfer_all_from_bus(&self, from: &AccountView, bus: &Account<Bus>, payouts: &[Payout]) -> Result<()> {
        let bus_seq = bus.bus_seq.to_le_bytes();
        let bump = [bus.bump];
        let seeds = seeds!(BUS_SEED, bus.creator.as_ref(), &bus_seq, &bump);
        self.transfer_all_signed(from, bus.account(), payouts, &[Signer::from(&seeds)])
    }

    /// SPL Token takes several transfers in one call (its `Batch` instruction), which saves about 850 compute units
    /// each; Token-2022 takes them one by one.
    #[inline(always)]
    fn transfer_all_signed(
        &self,
        from: &AccountView,
        authority: &AccountView,
        payouts: &[Payout],
        signers: &[Signer],
    ) -> Result<()> {
        if payouts.len() < 2 || !address_eq(self.token_program.address(), &SPL_TOKEN_ID) {
            for payout in payouts {
                self.transfer_signed(from, &payout.account, authority, payout.amount, signers)?;
            }
            return Ok(());
        }
        let mut state = BatchState::new(payouts.len() * TRANSFER_ACCOUNTS, batch_data_len(payouts.len()));
        let mut batch = state.as_batch()?;
        from.check_borrow_mut()?;
        for (index, payout) in payouts.iter().enumerate() {
            payout.account.check_borrow_mut()?;
            batch.push(
                // The runtime finds an account by its address: those that all transfers share are passed once.
                |accounts| {
                    let all = [&payout.account, from, self.mint, authority];
                    let passed = if index == 0 { all.len() } else { 1 };
                    for (account, view) in accounts.iter_mut().zip(all).take(passed) {
                        CpiAccount::init_from_account_view(view, account);
                    }
                    Ok(passed)
                },
                |metas| {
                    metas[0].write(InstructionAccount::writable(from.address()));
                    metas[1].write(InstructionAccount::readonly(self.mint.address()));
                    metas[2].write(InstructionAccount::writable(payout.account.address()));
                    metas[3].write(InstructionAccount::readonly_signer(authority.address()));
                    Ok(TRANSFER_ACCOUNTS)
                },
                |data| {
                    data[0].write(TRANSFER_CHECKED);
                    data[1..9].write_copy_of_slice(&payout.amount.to_le_bytes());
                    data[9].write(self.decimals);
                    Ok(TRANSFER_CHECKED_LEN)
                },
            )?;
        }
        batch.invoke_signed(signers)
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
        TransferChecked::new(from, self.mint, to, authority, amount, self.decimals)
            .invoke_signed_with_unverified_program(signers, self.token_program.address())
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
                10 | 18..=23 | 25 => None,
                1 => Some(MintHasTransferFee),
                3 => Some(MintHasCloseAuthority),
                6 => Some(MintDefaultFrozen),
                9 => Some(MintNonTransferable),
                12 => Some(MintHasPermanentDelegate),
                14 => Some(MintHasTransferHook),
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
    fn a_list_of_extensions_ends_with_itself_or_with_zeros() {
        let whole = mint(&[(18, 64), (10, 3)]);
        assert_eq!(validate_mint_data(&whole, true), Ok(6));
        // Room that no extension uses, and less of it than a header takes.
        for room in [1, 3, 4, 100] {
            assert_eq!(validate_mint_data(&[&whole[..], &vec![0; room]].concat(), true), Ok(6), "{room}");
        }
        // What comes after the end is nothing.
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
}
