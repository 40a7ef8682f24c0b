//! Memory of this process.

/// The most memory that it ever had, in bytes; 0 where the system does not tell.
pub fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_used_is_counted() {
        let before = peak_bytes();
        let bytes = vec![1u8; 64 << 20];
        assert!(bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>() == 64 << 20);
        assert!(peak_bytes() >= before.max(64 << 20));
    }
}
