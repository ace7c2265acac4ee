//! What a run's sensors may cost its host: a storm of attempts waits, and nobody else does.
//!
//! A call that is looked at costs the one who looks some microseconds on top of the caller's own, and
//! those are not in the run's control group. So each sensor has a share of the processor that is
//! a part of the run's; when it is used up, the next answer comes later, and who asks waits for it.

use crate::sys::process;
use std::time::{Duration, Instant};

/// Of the run's own share, in percent. Two sensors hear of calls, so together they cost at most what
/// the run itself does; honest work uses a hundredth of this.
const PART: u64 = 50;

/// Processor time that a sensor may have saved up, in microseconds: the start of any program, a
/// large compile, ten thousand calls at once.
const SAVED_US: u64 = 200_000;

/// The longest rest at once: a run that ends is seen to, at the latest, after this.
const LONGEST: Duration = Duration::from_millis(100);

/// Answers between two looks at the clock: less than the looks would cost.
const EVERY: u32 = 16;

/// One sensor's account, for the thread that works for it.
#[derive(Debug)]
pub(crate) struct Allowance {
    account: Account,
    start: Instant,
    answers: u32,
}

impl Allowance {
    /// For a run with this share of one core, in percent.
    pub(crate) fn of(cpu_percent: u32) -> Allowance {
        Allowance { account: Account::of(cpu_percent), start: Instant::now(), answers: 0 }
    }

    /// Counts an answer of this thread, and rests if its share is used up.
    pub(crate) fn answered(&mut self) {
        self.answers += 1;
        if self.answers < EVERY {
            return;
        }
        self.answers = 0;
        let now_us = self.start.elapsed().as_micros() as u64;
        let rest = self.account.settle(now_us, process::thread_time_us());
        if !rest.is_zero() {
            std::thread::park_timeout(rest);
        }
    }
}

/// Credits and debits, in microseconds.
#[derive(Debug)]
struct Account {
    /// Hundredths of a percent of one core.
    share: u64,
    balance_us: i64,
    settled_us: u64,
    used_us: u64,
}

impl Account {
    fn of(cpu_percent: u32) -> Account {
        let share = (u64::from(cpu_percent) * PART).max(1);
        Account { share, balance_us: SAVED_US as i64, settled_us: 0, used_us: 0 }
    }

    /// Credits what time has passed until now, debits what was used; how long to rest.
    fn settle(&mut self, now_us: u64, used_us: u64) -> Duration {
        let passed = now_us.saturating_sub(self.settled_us);
        let credit = passed.saturating_mul(self.share) / 10_000;
        let debit = used_us.saturating_sub(self.used_us);
        (self.settled_us, self.used_us) = (now_us, used_us);
        let signed = |us: u64| i64::try_from(us).unwrap_or(i64::MAX);
        let balance = self.balance_us.saturating_add(signed(credit)).min(signed(SAVED_US));
        self.balance_us = balance.saturating_sub(signed(debit));
        let owed = self.balance_us.min(0).unsigned_abs();
        Duration::from_micros(owed.saturating_mul(10_000) / self.share).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works whenever it does not rest, for ten seconds: what it used.
    fn storm(cpu_percent: u32) -> u64 {
        let mut account = Account::of(cpu_percent);
        let (mut now, mut used) = (0, 0);
        while now < 10_000_000 {
            (now, used) = (now + 160, used + 160);
            now += account.settle(now, used).as_micros() as u64;
        }
        used
    }

    #[test]
    fn a_storm_costs_its_part_of_the_runs_share() {
        for percent in [1, 10, 100] {
            let allowed = SAVED_US + 10_000_000 * u64::from(percent) * PART / 10_000;
            let used = storm(percent);
            assert!((allowed * 9 / 10..=allowed * 11 / 10).contains(&used), "{percent}: {used}");
        }
    }

    #[test]
    fn honest_work_never_rests() {
        let mut account = Account::of(10);
        for second in 0..100 {
            let used = second * 10_000;
            assert_eq!(account.settle(second * 1_000_000, used), Duration::ZERO);
        }
    }
}
