//! How much of the network an agent has used, against its limits.

/// The window of the request limit, and how often reaching it is reported.
const WINDOW_MS: u64 = 60_000;

/// What one agent used. It outlives a run, so that starting again doesn't fill the bucket.
#[derive(Debug)]
pub struct Meter {
    /// Requests that are free now, in parts of which a window has that many as milliseconds.
    parts: u64,
    requests_per_min: u64,
    at_ms: u64,
    reported_ms: Option<u64>,
}

/// A request that came too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    pub retry_after_s: u64,
    /// Whether it is the first one of its window, which is reported.
    pub is_first: bool,
}

impl Meter {
    /// A full bucket.
    pub fn new(requests_per_min: u32, now_ms: u64) -> Meter {
        let requests_per_min = u64::from(requests_per_min);
        let parts = requests_per_min * WINDOW_MS;
        Meter { parts, requests_per_min, at_ms: now_ms, reported_ms: None }
    }

    /// The limit of the policy in force; a lower one takes what is above it.
    pub fn limit(&mut self, requests_per_min: u32) {
        self.requests_per_min = u64::from(requests_per_min);
        self.parts = self.parts.min(self.requests_per_min * WINDOW_MS);
    }

    /// Takes one request.
    ///
    /// # Errors
    /// When the bucket is empty.
    pub fn take(&mut self, now_ms: u64) -> Result<(), TooMany> {
        let gone = now_ms.saturating_sub(self.at_ms).min(WINDOW_MS);
        self.at_ms = self.at_ms.max(now_ms);
        let full = self.requests_per_min * WINDOW_MS;
        self.parts = full.min(self.parts + gone * self.requests_per_min);
        if let Some(left) = self.parts.checked_sub(WINDOW_MS) {
            self.parts = left;
            return Ok(());
        }
        let since = self.reported_ms.map(|at| now_ms.saturating_sub(at));
        let is_first = since.is_none_or(|since| since >= WINDOW_MS);
        if is_first {
            self.reported_ms = Some(now_ms);
        }
        let missing = WINDOW_MS - self.parts;
        let wait_ms = missing.div_ceil(self.requests_per_min.max(1));
        Err(TooMany { retry_after_s: wait_ms.div_ceil(1000).max(1), is_first })
    }
}

/// How fast and how much bytes may flow in one run.
#[derive(Debug)]
pub struct Flow {
    bytes_per_s: u64,
    bytes_per_run: u64,
    /// When what went through so far is paid for.
    free_at_ms: u64,
    /// All bytes of the run, in both directions.
    total: u64,
}

impl Flow {
    /// Nothing has flowed.
    pub fn new(bytes_per_s: u64, bytes_per_run: u64) -> Flow {
        Flow { bytes_per_s: bytes_per_s.max(1), bytes_per_run, free_at_ms: 0, total: 0 }
    }

    /// Counts bytes; how long to wait before the next, or nothing when the run had all it may have.
    pub fn pass(&mut self, bytes: u64, now_ms: u64) -> Option<u64> {
        self.total = self.total.saturating_add(bytes);
        if self.total > self.bytes_per_run {
            return None;
        }
        let cost_ms = bytes.saturating_mul(1000) / self.bytes_per_s;
        self.free_at_ms = self.free_at_ms.max(now_ms).saturating_add(cost_ms);
        Some(self.free_at_ms - now_ms)
    }

    /// Bytes of the run so far.
    pub fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifty_first_of_a_minute_waits_and_is_reported_once() {
        let mut meter = Meter::new(50, 0);
        assert!((0..50).all(|_| meter.take(0).is_ok()));
        assert_eq!(meter.take(0), Err(TooMany { retry_after_s: 2, is_first: true }));
        assert_eq!(meter.take(1), Err(TooMany { retry_after_s: 2, is_first: false }));
        assert_eq!(meter.take(1200), Ok(()));
        assert_eq!(meter.take(1200), Err(TooMany { retry_after_s: 2, is_first: false }));
        meter.limit(0);
        assert!(matches!(meter.take(70_000), Err(TooMany { is_first: true, .. })));
    }

    #[test]
    fn bytes_are_paced_and_end() {
        let mut flow = Flow::new(1000, 5000);
        assert_eq!(flow.pass(500, 0), Some(500));
        assert_eq!(flow.pass(500, 0), Some(1000));
        assert_eq!(flow.pass(4000, 10_000), Some(4000));
        assert_eq!(flow.pass(1, 20_000), None);
    }
}
