//! The program's events, read from a transaction's log.

use {
    base64::{Engine, engine::general_purpose::STANDARD},
    litesvm::types::TransactionMetadata,
    multibus::event::Event,
};

/// Decodes an event that the program logged.
///
/// # Panics
/// Where the bytes are no event of the program.
pub fn decode(bytes: &[u8]) -> Event {
    Event::from_bytes(bytes).unwrap_or_else(|| panic!("the program logged no event: {bytes:?}"))
}

/// The bytes of every event that the program itself logged, in order.
///
/// # Panics
/// Where the log was cut off.
pub fn logged(logs: &[String]) -> Vec<Vec<u8>> {
    let mut stack: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    let program = multibus::ID.to_string();
    for line in logs {
        assert_ne!(line, "Log truncated", "the log was cut off");
        if let Some(data) = line.strip_prefix("Program data: ") {
            if stack.last() == Some(&program.as_str()) {
                found.push(STANDARD.decode(data).expect("base64"));
            }
        } else if let Some(rest) = line.strip_prefix("Program ") {
            let mut words = rest.split(' ');
            match (words.next(), words.next()) {
                (Some(id), Some("invoke")) => stack.push(id),
                (Some(id), Some("success" | "failed:")) if stack.last() == Some(&id) => drop(stack.pop()),
                _ => {}
            }
        }
    }
    found
}

/// Compute units that each top-level invocation of the program consumed, everything that it called included.
pub fn consumed(logs: &[String]) -> Vec<u64> {
    let mut depth = 0;
    let mut found = Vec::new();
    for line in logs {
        let Some(rest) = line.strip_prefix("Program ") else { continue };
        let words: Vec<&str> = rest.split(' ').collect();
        match words[..] {
            [_, "invoke", _] => depth += 1,
            [_, "success"] | [_, "failed:", ..] => depth -= 1,
            [id, "consumed", units, "of", ..] if depth == 1 && id == multibus::ID.to_string() => {
                found.push(units.parse().expect("a number of compute units"));
            }
            _ => {}
        }
    }
    found
}

/// Asserts that a transaction logged exactly this event.
pub fn assert_logged<E: anchor_lang::Event>(meta: &TransactionMetadata, event: &E) {
    let logged = logged(&meta.logs);
    assert_eq!(logged.len(), 1, "one event for each change");
    assert_eq!(logged[0], event.data(), "the event is as expected");
}
