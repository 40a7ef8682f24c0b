//! Counters, whose numbers are part of addresses. Each counter belongs to one actor, so nobody else can use up a
//! number. It starts above all numbers that an earlier account at the same address can have spent, so no address
//! repeats.

use {
    crate::{
        constants::*,
        error::{ensure, refuse},
    },
    anchor_lang::prelude::*,
};

/// First number of a counter that starts at a slot: `slot << 20`.
pub fn first_number(slot: u64) -> Result<u64> {
    ensure!(slot < 1 << (64 - COUNTER_SLOT_SHIFT), CounterOverflow, "slot {}", slot);
    Ok(slot << COUNTER_SLOT_SHIFT)
}

/// The slot that a new counter starts at; a `first_slot` of 0 means the present one. It is never a past slot. Since a
/// counter closes only when its numbers are below those of the present slot, a new one starts above all of them.
pub fn validate_first_slot(first_slot: u64, slot: u64) -> Result<u64> {
    let first_slot = if first_slot == 0 { slot } else { first_slot };
    let is_valid = slot <= first_slot && first_slot - slot <= FIRST_SLOT_AHEAD;
    ensure!(is_valid, FirstSlotInvalid, "first slot {}, present slot {}", first_slot, slot);
    Ok(first_slot)
}

/// Spends a number, which must be the next one; returns the one after it.
#[inline(always)]
pub fn spend(next: u64, number: u64) -> Result<u64> {
    ensure!(number == next, NumberNotNext, "number {}, the next is {}", number, next);
    match next.checked_add(1) {
        Some(after) => Ok(after),
        None => refuse!(CounterOverflow),
    }
}

/// Refuses to close a counter in a slot in which it could be opened again below a number that it spent.
pub fn validate_close(next: u64, slot: u64) -> Result<()> {
    let reopened_at = first_number(slot)?;
    ensure!(next <= reopened_at, CounterBusy, "next number {}, slot {}", next, slot);
    Ok(())
}

#[cfg(test)]
mod tests {
    use {super::*, crate::error::MultibusError};

    #[test]
    fn a_counter_starts_at_the_present_slot_or_somewhat_ahead() {
        assert_eq!(validate_first_slot(0, 7), Ok(7));
        assert_eq!(validate_first_slot(0, 0), Ok(0));
        for first_slot in [7, 8, 7 + FIRST_SLOT_AHEAD] {
            assert_eq!(validate_first_slot(first_slot, 7), Ok(first_slot));
        }
        for first_slot in [1, 6, 8 + FIRST_SLOT_AHEAD, u64::MAX] {
            let refused = Err(MultibusError::FirstSlotInvalid.into());
            assert_eq!(validate_first_slot(first_slot, 7), refused, "{first_slot}");
        }
    }

    #[test]
    fn only_the_next_number_is_spent() {
        assert_eq!(spend(5, 5), Ok(6));
        for number in [0, 4, 6, u64::MAX] {
            assert_eq!(spend(5, number), Err(MultibusError::NumberNotNext.into()), "{number}");
        }
        assert_eq!(spend(u64::MAX, u64::MAX), Err(MultibusError::CounterOverflow.into()));
    }

    #[test]
    fn a_counter_reopens_above_every_number_that_it_spent() {
        let first = first_number(5).unwrap();
        assert_eq!(first, 5 << 20);
        assert_eq!(validate_close(first, 5), Ok(()));
        assert_eq!(validate_close(first + 1, 5), Err(MultibusError::CounterBusy.into()));
        assert_eq!(validate_close(first + 1, 6), Ok(()));
        assert!(first_number(6).unwrap() > first + 1);
        assert_eq!(first_number((1 << 44) - 1), Ok(((1 << 44) - 1) << 20));
        assert_eq!(first_number(1 << 44), Err(MultibusError::CounterOverflow.into()));
        assert_eq!(validate_close(0, 1 << 44), Err(MultibusError::CounterOverflow.into()));
    }
}
