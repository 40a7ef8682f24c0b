//! The switch in a program that holds many mutants: a number in the program's bytes turns one mutant on.
//!
//! Building a program takes far longer than testing one mutant, so all mutants are compiled into one program, each as
//! `if planted(7) { mutant } else { original }`. The number that `planted` compares with lies in the program's data behind
//! a mark: a copy of the file with another number there is the program with another mutant. The number is read as
//! volatile, so that the compiler cannot assume its value.

use anyhow::{Context as _, Result, ensure};

/// Comes right before the number in the program's data.
const MARK: &[u8; 16] = b"planted bug no.\0";
/// File of the program that gets [`SWITCH`] appended.
pub const CRATE: &str = "programs/multibus/src/lib.rs";
/// The functions that mutants call.
pub const SWITCH: &str = r#"
#[cfg(target_os = "solana")]
static PLANTED: [u8; 18] = *b"planted bug no.\0\0\0";

/// Number of the mutant that is on; 0 for none.
#[cfg(target_os = "solana")]
#[inline(always)]
fn on() -> u16 {
    // SAFETY: both bytes belong to the array.
    u16::from_le_bytes(unsafe { core::ptr::read_volatile(PLANTED.as_ptr().add(16) as *const [u8; 2]) })
}

/// The same for unit tests, which run on the host.
#[cfg(not(target_os = "solana"))]
fn on() -> u16 {
    static ON: std::sync::LazyLock<u16> =
        std::sync::LazyLock::new(|| std::env::var("PLANTED").map_or(0, |number| number.parse().unwrap()));
    *ON
}

/// Whether this mutant is on.
#[inline(always)]
pub fn planted(number: u16) -> bool {
    on() == number
}

/// Whether no mutant from `first` to `last` is on.
#[inline(always)]
pub fn unplanted(first: u16, last: u16) -> bool {
    on().wrapping_sub(first) > last - first
}
"#;

/// The program with one mutant turned on.
pub fn turned_on(elf: &[u8], number: u16) -> Result<Vec<u8>> {
    let mut places = elf.windows(MARK.len()).enumerate().filter(|(_, window)| window == MARK).map(|(place, _)| place);
    let place = places.next().context("the program has no switch")?;
    ensure!(places.next().is_none(), "the program has two switches");
    let mut elf = elf.to_vec();
    elf[place + MARK.len()..][..2].copy_from_slice(&number.to_le_bytes());
    Ok(elf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_behind_the_mark_is_replaced() {
        let elf = [b"code".as_slice(), MARK, &[0, 0], b"more"].concat();
        let on = turned_on(&elf, 0x0102).unwrap();
        assert_eq!(&on[20..22], &[2, 1]);
        assert_eq!((&on[..20], &on[22..]), (&elf[..20], &elf[22..]));
        assert!(turned_on(b"nothing", 1).is_err());
        assert!(turned_on(&[MARK.as_slice(), MARK].concat(), 1).is_err());
    }
}
