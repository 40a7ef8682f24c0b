//! Raw transactions as lines of text.

use {
    crate::play::{
        game::Game,
        script::{AccountRef::*, *},
    },
    base64::{Engine, engine::general_purpose::STANDARD_NO_PAD},
    multibus::state::ED25519_PROGRAM_ID,
    solana_instruction::{AccountMeta, Instruction},
    std::{fmt, str::FromStr},
};

/// One instruction: its bytes, and its accounts with flags: 1 where the account signs, plus 2 where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Raw {
    /// Whether it is one of the Ed25519 program, whose signatures are right. Else it is one of the market.
    pub is_signature: bool,
    pub data: Vec<u8>,
    pub accounts: Vec<(AccountRef, u8)>,
}

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input(pub Vec<Raw>);

/// An account in an input: a letter and numbers.
struct Name(AccountRef);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Wallet(who) => write!(f, "w{who}"),
            Tokens(party, mint, which) => write!(f, "t{party}.{mint}.{which}"),
            CounterAt(who) => write!(f, "a{who}"),
            BusAt(bus) => write!(f, "b{bus}"),
            Ledger(bus) => write!(f, "d{bus}"),
            CapacityAt(bus, window) => write!(f, "c{bus}.{window}"),
            Treasury(bus) => write!(f, "r{bus}"),
            Unclaimed(bus) => write!(f, "u{bus}"),
            SellerAt(bus, who) => write!(f, "e{bus}.{who}"),
            Vault(bus, who) => write!(f, "v{bus}.{who}"),
            OfferAt(OfferRef(bus, who, number)) => write!(f, "o{bus}.{who}.{number}"),
            LockAt(OfferRef(bus, who, number), buyer, place) => write!(f, "l{bus}.{who}.{number}.{buyer}.{place}"),
            LaneAt(who, lane) => write!(f, "n{who}.{lane}"),
            ProposalAt(bus, proposer, number) => write!(f, "p{bus}.{proposer}.{number}"),
            ClaimAt(bus, who) => write!(f, "q{bus}.{who}"),
            MintAt(mint) => write!(f, "m{mint}"),
            TokenProgramOf(mint) => write!(f, "k{mint}"),
            Stray(bus, mint) => write!(f, "y{bus}.{mint}"),
            System => write!(f, "s"),
            Market => write!(f, "x"),
            ClockSysvar => write!(f, "j"),
            Nowhere(number) => write!(f, "z{number}"),
            DeviceKey(device) => write!(f, "K{device}"),
            DeviceAt(device) => write!(f, "D{device}"),
            MeterAt(bus, who) => write!(f, "M{bus}.{who}"),
            BookAt(BookRef(bus, who, first)) => write!(f, "B{bus}.{who}.{first}"),
            PositionAt(BookRef(bus, who, first), buyer) => write!(f, "P{bus}.{who}.{first}.{buyer}"),
            CertificateAt(CertificateRef(bus, who, window, range_start)) => {
                write!(f, "C{bus}.{who}.{window}.{range_start}")
            }
            EscrowAt(bus) => write!(f, "E{bus}"),
            BidAt(BidRef(bus, window, who, lane, nonce, wh, limit, below)) => {
                let [nonce, wh, limit] = [nonce, wh, limit].map(u64::cast_signed);
                write!(f, "G{bus}.{window}.{who}.{lane}.{nonce}.{wh}.{limit}.{below}")
            }
            ClearingAt(bus, window, clearer) => write!(f, "L{bus}.{window}.{clearer}"),
            InstructionsSysvar => write!(f, "I"),
        }
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no account of an input");
        let (letter, rest) = text.split_at_checked(1).ok_or_else(wrong)?;
        let numbers: Vec<i64> = rest
            .split('.')
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?;
        let small = |at: usize| numbers.get(at).and_then(|number| u8::try_from(*number).ok()).ok_or_else(wrong);
        let number = |at: usize| numbers.get(at).copied().ok_or_else(wrong);
        let place = || Ok::<_, String>(OfferRef(small(0)?, small(1)?, number(2)?.cast_unsigned()));
        Ok(Self(match letter {
            "w" => Wallet(small(0)?),
            "t" => Tokens(small(0)?, small(1)?, small(2)?),
            "a" => CounterAt(small(0)?),
            "b" => BusAt(small(0)?),
            "d" => Ledger(small(0)?),
            "c" => CapacityAt(small(0)?, number(1)?),
            "r" => Treasury(small(0)?),
            "u" => Unclaimed(small(0)?),
            "e" => SellerAt(small(0)?, small(1)?),
            "v" => Vault(small(0)?, small(1)?),
            "o" => OfferAt(place()?),
            "l" => LockAt(place()?, small(3)?, small(4)?),
            "n" => LaneAt(small(0)?, small(1)? as u16),
            "p" => ProposalAt(small(0)?, small(1)?, number(2)?.cast_unsigned()),
            "q" => ClaimAt(small(0)?, small(1)?),
            "m" => MintAt(small(0)?),
            "k" => TokenProgramOf(small(0)?),
            "y" => Stray(small(0)?, small(1)?),
            "s" => System,
            "x" => Market,
            "j" => ClockSysvar,
            "z" => Nowhere(small(0)?),
            "K" => DeviceKey(small(0)?),
            "D" => DeviceAt(small(0)?),
            "M" => MeterAt(small(0)?, small(1)?),
            "B" => BookAt(BookRef(small(0)?, small(1)?, number(2)?)),
            "P" => PositionAt(BookRef(small(0)?, small(1)?, number(2)?), small(3)?),
            "C" => CertificateAt(CertificateRef(small(0)?, small(1)?, number(2)?, number(3)?.cast_unsigned())),
            "E" => EscrowAt(small(0)?),
            "G" => {
                let large = |at: usize| number(at).map(i64::cast_unsigned);
                BidAt(BidRef(
                    small(0)?,
                    number(1)?,
                    small(2)?,
                    small(3)? as u16,
                    large(4)?,
                    large(5)?,
                    large(6)?,
                    small(7)?,
                ))
            }
            "L" => ClearingAt(small(0)?, number(1)?, small(2)?),
            "I" => InstructionsSysvar,
            _ => return Err(wrong()),
        }))
    }
}

/// One line of a corpus: instructions with `;` between them, each its bytes in base64 (after `=`, or `+` where it is a
/// signature) and its accounts with their flags.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, raw) in self.0.iter().enumerate() {
            let (between, kind) = (if number > 0 { " ; " } else { "" }, if raw.is_signature { '+' } else { '=' });
            write!(f, "{between}{kind}{}", STANDARD_NO_PAD.encode(&raw.data))?;
            for (account, flags) in &raw.accounts {
                write!(f, " {}{}", Name(*account), ["", "!", "*", "!*"][*flags as usize % 4])?;
            }
        }
        Ok(())
    }
}

impl FromStr for Input {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let one = |text: &str| -> Result<Raw, String> {
            let mut words = text.split_whitespace();
            let word = words.next().unwrap_or_default();
            let is_signature = word.starts_with('+');
            let data =
                word.strip_prefix(['=', '+']).ok_or("an instruction begins with =bytes, a signature with +bytes")?;
            let data = STANDARD_NO_PAD.decode(data).map_err(|error| format!("the bytes are no base64: {error}"))?;
            let accounts = words
                .map(|word| {
                    let name = word.trim_end_matches(['!', '*']);
                    let flags = word.contains('!') as u8 + 2 * word.contains('*') as u8;
                    Ok((name.parse::<Name>()?.0, flags))
                })
                .collect::<Result<_, String>>()?;
            Ok(Raw { is_signature, data, accounts })
        };
        Ok(Self(line.split(';').map(one).collect::<Result<_, _>>()?))
    }
}

/// Reads a corpus: one input a line, `#` before comments.
///
/// # Errors
/// A line that is no input.
pub fn read_corpus(text: &str) -> Result<Vec<Input>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.parse().map_err(|error| format!("{error} in: {line}"))).collect()
}

/// The instructions of an input.
pub(super) fn instructions(game: &Game, input: &Input) -> Vec<Instruction> {
    let meta = |(account, flags): &(AccountRef, u8)| AccountMeta {
        pubkey: game.address(*account),
        is_signer: flags & 1 != 0 && can_sign(*account),
        is_writable: flags & 2 != 0,
    };
    let one = |raw: &Raw| Instruction {
        program_id: if raw.is_signature { ED25519_PROGRAM_ID } else { multibus::ID },
        accounts: raw.accounts.iter().map(meta).collect(),
        data: raw.data.clone(),
    };
    input.0.iter().map(one).collect()
}

/// The number of accounts and bytes of an input.
pub(super) fn length(input: &Input) -> usize {
    input.0.iter().map(|raw| raw.accounts.len() + raw.data.len()).sum()
}
