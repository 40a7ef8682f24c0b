//! Mints and token accounts of SPL Token and Token-2022.

use {
    solana_address::Address,
    solana_instruction::Instruction,
    spl_token_2022_interface::{extension::*, instruction as token_2022, state::AccountState},
    spl_token_interface::instruction as spl_token,
};

/// Which program a mint belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenProgram {
    SplToken,
    Token2022,
}

impl TokenProgram {
    pub const BOTH: [Self; 2] = [Self::SplToken, Self::Token2022];

    pub fn address(self) -> Address {
        match self {
            Self::SplToken => spl_token_interface::ID,
            Self::Token2022 => spl_token_2022_interface::ID,
        }
    }
}

/// A mint. The chain's fee payer is its mint and freeze authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mint {
    pub address: Address,
    pub program: TokenProgram,
    pub decimals: u8,
}

/// An extension that a Token-2022 mint can be made with, here with the authority of whoever makes the mint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MintExtension {
    TransferFee,
    TransferHook,
    PermanentDelegate,
    NonTransferable,
    /// Default account state, with that state.
    DefaultState(AccountState),
    CloseAuthority,
    Pausable,
    ConfidentialTransfer,
    PermissionedBurn,
    InterestBearing,
    MetadataPointer,
    GroupPointer,
    GroupMemberPointer,
    ScaledUiAmount,
}

impl MintExtension {
    /// Number of the extension.
    pub fn extension_type(self) -> ExtensionType {
        match self {
            Self::TransferFee => ExtensionType::TransferFeeConfig,
            Self::TransferHook => ExtensionType::TransferHook,
            Self::PermanentDelegate => ExtensionType::PermanentDelegate,
            Self::NonTransferable => ExtensionType::NonTransferable,
            Self::DefaultState(_) => ExtensionType::DefaultAccountState,
            Self::CloseAuthority => ExtensionType::MintCloseAuthority,
            Self::Pausable => ExtensionType::Pausable,
            Self::ConfidentialTransfer => ExtensionType::ConfidentialTransferMint,
            Self::PermissionedBurn => ExtensionType::PermissionedBurn,
            Self::InterestBearing => ExtensionType::InterestBearingConfig,
            Self::MetadataPointer => ExtensionType::MetadataPointer,
            Self::GroupPointer => ExtensionType::GroupPointer,
            Self::GroupMemberPointer => ExtensionType::GroupMemberPointer,
            Self::ScaledUiAmount => ExtensionType::ScaledUiAmount,
        }
    }

    /// The instruction that adds the extension to a mint that is being made.
    pub fn initialize(self, mint: &Address, authority: &Address) -> Instruction {
        let program = &spl_token_2022_interface::ID;
        match self {
            // No fee today: its authority can set one tomorrow.
            Self::TransferFee => transfer_fee::instruction::initialize_transfer_fee_config(
                program,
                mint,
                Some(authority),
                Some(authority),
                0,
                0,
            ),
            Self::TransferHook => transfer_hook::instruction::initialize(program, mint, Some(*authority), None),
            Self::PermanentDelegate => token_2022::initialize_permanent_delegate(program, mint, authority),
            Self::NonTransferable => token_2022::initialize_non_transferable_mint(program, mint),
            Self::DefaultState(state) => {
                default_account_state::instruction::initialize_default_account_state(program, mint, &state)
            }
            Self::CloseAuthority => token_2022::initialize_mint_close_authority(program, mint, Some(authority)),
            Self::Pausable => pausable::instruction::initialize(program, mint, authority),
            Self::ConfidentialTransfer => {
                confidential_transfer::instruction::initialize_mint(program, mint, Some(*authority), true, None)
            }
            Self::PermissionedBurn => permissioned_burn::instruction::initialize(program, mint, authority),
            Self::InterestBearing => {
                interest_bearing_mint::instruction::initialize(program, mint, Some(*authority), 500)
            }
            Self::MetadataPointer => {
                metadata_pointer::instruction::initialize(program, mint, Some(*authority), Some(*mint))
            }
            Self::GroupPointer => group_pointer::instruction::initialize(program, mint, Some(*authority), Some(*mint)),
            Self::GroupMemberPointer => {
                group_member_pointer::instruction::initialize(program, mint, Some(*authority), Some(*mint))
            }
            Self::ScaledUiAmount => scaled_ui_amount::instruction::initialize(program, mint, Some(*authority), 2.0),
        }
        .expect("an instruction of Token-2022")
    }
}

impl Mint {
    /// Bytes of a mint's account.
    pub fn space(program: TokenProgram, extensions: &[MintExtension]) -> usize {
        if program == TokenProgram::SplToken || extensions.is_empty() {
            return 82;
        }
        let types: Vec<_> = extensions.iter().map(|extension| extension.extension_type()).collect();
        ExtensionType::try_calculate_account_len::<spl_token_2022_interface::state::Mint>(&types)
            .expect("extensions of a fixed size")
    }

    /// Makes an account into this mint, for `authority` to mint and freeze.
    pub fn initialize(&self, authority: &Address) -> Instruction {
        let program = self.program.address();
        match self.program {
            TokenProgram::SplToken => {
                spl_token::initialize_mint2(&program, &self.address, authority, Some(authority), self.decimals)
            }
            TokenProgram::Token2022 => {
                token_2022::initialize_mint2(&program, &self.address, authority, Some(authority), self.decimals)
            }
        }
        .expect("an instruction of the token program")
    }

    /// Makes an account into a token account of this mint.
    pub fn initialize_account(&self, account: &Address, owner: &Address) -> Instruction {
        token_2022::initialize_account3(&self.program.address(), account, &self.address, owner)
            .expect("an instruction of the token program")
    }

    /// Mints tokens.
    pub fn mint_to(&self, account: &Address, authority: &Address, amount: u64) -> Instruction {
        token_2022::mint_to(&self.program.address(), &self.address, account, authority, &[], amount)
            .expect("an instruction of the token program")
    }

    /// Makes new tokens in an account: mints them, or where this is wrapped SOL, wraps lamports of `authority`.
    pub fn fund(&self, account: &Address, authority: &Address, amount: u64) -> Vec<Instruction> {
        if !self.is_native() {
            return vec![self.mint_to(account, authority, amount)];
        }
        let send = solana_system_interface::instruction::transfer(authority, account, amount);
        let sync = token_2022::sync_native(&self.program.address(), account);
        vec![send, sync.expect("an instruction of the token program")]
    }

    /// Address of the mint of wrapped SOL of a token program.
    pub fn native(program: TokenProgram) -> Address {
        match program {
            TokenProgram::SplToken => spl_token_interface::native_mint::ID,
            TokenProgram::Token2022 => spl_token_2022_interface::native_mint::ID,
        }
    }

    /// Whether this is wrapped SOL.
    pub fn is_native(&self) -> bool {
        self.address == Self::native(self.program)
    }

    /// Moves tokens.
    pub fn transfer(&self, from: &Address, to: &Address, owner: &Address, amount: u64) -> Instruction {
        let program = self.program.address();
        token_2022::transfer_checked(&program, from, &self.address, to, owner, &[], amount, self.decimals)
            .expect("an instruction of the token program")
    }

    /// Freezes an account.
    pub fn freeze(&self, account: &Address, authority: &Address) -> Instruction {
        token_2022::freeze_account(&self.program.address(), account, &self.address, authority, &[])
            .expect("an instruction of the token program")
    }

    /// Takes a freeze back.
    pub fn thaw(&self, account: &Address, authority: &Address) -> Instruction {
        token_2022::thaw_account(&self.program.address(), account, &self.address, authority, &[])
            .expect("an instruction of the token program")
    }

    /// Closes an empty account.
    pub fn close_account(&self, account: &Address, destination: &Address, owner: &Address) -> Instruction {
        token_2022::close_account(&self.program.address(), account, destination, owner, &[])
            .expect("an instruction of the token program")
    }

    /// Gives an account to another owner.
    pub fn set_owner(&self, account: &Address, owner: &Address, new_owner: &Address) -> Instruction {
        let authority = token_2022::AuthorityType::AccountOwner;
        token_2022::set_authority(&self.program.address(), account, Some(new_owner), authority, owner, &[])
            .expect("an instruction of the token program")
    }

    /// Makes an account of Token-2022 refuse transfers without a memo; `payer` pays for the room.
    pub fn ask_memo(&self, account: &Address, owner: &Address, payer: &Address) -> [Instruction; 2] {
        let program = self.program.address();
        [
            token_2022::reallocate(&program, account, payer, owner, &[], &[ExtensionType::MemoTransfer])
                .expect("an instruction of Token-2022"),
            memo_transfer::instruction::enable_required_transfer_memos(&program, account, owner, &[])
                .expect("an instruction of Token-2022"),
        ]
    }
}
