//! Spreads what is due at once.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// How much later than due to start: always the same for a `seed`, evenly spread over `[0, bound)` in microseconds.
///
/// The seed names the run: schedule, database and due instant. Zero when `bound` is.
pub fn jitter(seed: &[u8], bound: Duration) -> Duration {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(seed).into();
    let random = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let bound = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
    let part = (u128::from(random) * u128::from(bound)) >> 64;
    Duration::from_micros(u64::try_from(part).unwrap_or(u64::MAX))
}
