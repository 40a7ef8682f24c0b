//! The hash that identifies a purchase.

use {
    crate::text::hex,
    multibus::state::{Order, PurchaseKind, transaction_hash},
    solana_address::Address,
    std::{fmt, str::FromStr},
};

/// Hash of a purchase, which its buyer knows before sending it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionHash(pub [u8; 32]);

impl TransactionHash {
    /// The hash of a purchase: from one offer, from many in a batch, or by settling a lock.
    pub fn of(kind: PurchaseKind, buyer: &Address, lane: u16, nonce: u64, orders: &[Order]) -> Self {
        Self(transaction_hash(kind, buyer, lane, nonce, orders))
    }
}

impl fmt::Display for TransactionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for TransactionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionHash({self})")
    }
}

impl FromStr for TransactionHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let refuse = || NotAHash(text.to_owned());
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(refuse());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(refuse);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(hash))
    }
}

/// A text that is not a transaction hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a transaction hash; give its 64 hexadecimal digits")]
pub struct NotAHash(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hash = TransactionHash([0xa5; 32]);
        assert_eq!(hash.to_string().parse::<TransactionHash>().unwrap(), hash);
        assert_eq!(format!("0x{hash}").parse::<TransactionHash>().unwrap(), hash);
        for wrong in ["", "a5", &"g".repeat(64), &"a".repeat(63), &"é".repeat(32)] {
            assert!(wrong.parse::<TransactionHash>().unwrap_err().to_string().contains(&format!("{wrong:?}")));
        }
    }
}
