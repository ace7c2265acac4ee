//! How many deliveries a webhook may bring.

use onboard_domain::Time;
use onboard_domain::hook::bounds::PER_MINUTE;

/// Milliseconds in which room for one more comes back.
const EACH_MS: i64 = 60_000 / PER_MINUTE as i64;

/// Room for a minute's deliveries, which comes back evenly.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    /// When all of it is back.
    full: Time,
}

impl Rate {
    /// Takes room for one.
    ///
    /// # Errors
    /// Seconds after which there is some again.
    pub fn take(&mut self, now: Time) -> Result<(), i64> {
        // Never is it further away than a minute, unless the clock was set back.
        let is_known = self.full.since(now) <= 60_000;
        let full = if is_known { self.full.max(now) } else { now }.plus(EACH_MS);
        let over = full.since(now.plus(60_000));
        if over > 0 {
            return Err(over.div_euclid(1000) + 1);
        }
        self.full = full;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_room_comes_back_evenly() {
        let (mut rate, now) = (Rate::default(), Time(1_000_000));
        let taken = (0..1_000).take_while(|_| rate.take(now).is_ok()).count();
        assert_eq!(taken, PER_MINUTE as usize);
        assert_eq!(rate.take(now), Err(2));
        assert_eq!((rate.take(now.plus(1_000)), rate.take(now.plus(1_000))), (Ok(()), Err(2)));
        let day = (0..86_400).filter(|s| rate.take(now.plus(2_000 + s * 1_000)).is_ok()).count();
        assert_eq!(day, 86_400);
    }

    /// A signature with a time is taken for twice its tolerance; each that came in that time is known.
    #[test]
    fn what_may_come_while_a_signature_holds_is_remembered() {
        let minutes = 2 * onboard_daemon::hooks::signature::TOLERANCE_S / 60 + 1;
        let most = i64::from(PER_MINUTE) * minutes;
        assert!(most < onboard_domain::hook::bounds::KEYS as i64, "{most}");
    }
}
