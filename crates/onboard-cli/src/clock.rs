//! The clock that ages are shown by, read in this one place.

use onboard_domain::Time;

/// Milliseconds since 1970 that tests show ages by; the daemon does not read it.
const FIXED: &str = "AI_ONBOARD_TEST_CLOCK_MS";

/// Now.
pub fn now() -> Time {
    let fixed = std::env::var(FIXED).ok().and_then(|text| text.parse().ok()).map(Time);
    fixed.unwrap_or_else(onboard_daemon::clock::wall)
}
