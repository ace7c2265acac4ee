//! Scatter: a stable place of an agent's own inside a window of time.

/// A stable hash of (agent, project), given by the caller.
///
/// Two agents with the same schedule get different places inside its window, and each keeps its
/// place for good, so a hundred daily agents don't all start at midnight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scatter(pub u64);

impl Scatter {
    /// No scatter: the start of each window, and the named time itself for `around`. For previews
    /// that are about no agent in particular.
    pub const NONE: Scatter = Scatter(0);

    /// The place inside `[0, width)`, in the unit of `width`; 0 for [`Scatter::NONE`].
    pub(super) fn within(self, width: i64) -> i64 {
        scale(mix(self.0), width)
    }

    /// As [`Scatter::within`], but independent of it: which day, where `within` says which time.
    pub(super) fn day_within(self, width: i64) -> i64 {
        scale(mix(self.0.wrapping_mul(GOLDEN)), width)
    }
}

/// 2^64 over the golden ratio, odd: multiplying by it loses nothing and keeps 0 at 0.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads every bit of the input over the output, so that callers may number their agents instead
/// of hashing them. Keeps 0 at 0.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(GOLDEN);
    let hash = (hash ^ (hash >> 29)).wrapping_mul(GOLDEN);
    hash ^ (hash >> 32)
}

/// Maps the whole range of `hash` onto `[0, width)`.
fn scale(hash: u64, width: i64) -> i64 {
    let width = u128::from(width.unsigned_abs());
    // Below `width`, which came from an i64.
    ((u128::from(hash) * width) >> 64) as i64
}
