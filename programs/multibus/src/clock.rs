//! The chain's clock.

use anchor_lang::prelude::*;

/// Now, in unix seconds.
#[inline(always)]
pub fn now() -> Result<i64> {
    Ok(Clock::get()?.unix_timestamp)
}
