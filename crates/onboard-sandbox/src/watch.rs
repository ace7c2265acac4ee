//! Holding limits without control groups: the launcher counts, stops, continues and kills.

use crate::counted::Watched;
use crate::plan::Watch;
use crate::tree;
use std::time::{Duration, Instant};

/// How often at least a watched run is looked at. Five looks a second cost an idle run nothing
/// worth counting and bound how far memory can overshoot.
const LONGEST: Duration = Duration::from_millis(200);
/// How often at most: twice the clock tick in which `/proc` counts processor time.
const SHORTEST: Duration = Duration::from_millis(20);

/// Processor time a run may have saved up: what its share gives it in this time. More would let
/// longer bursts pass; less would need more frequent looks at idle runs.
const SAVED: Duration = Duration::from_secs(2);
/// Processor time a run starts with, in the same measure.
const SAVED_AT_START: Duration = Duration::from_millis(500);

/// The state of watching one run.
pub struct Watcher {
    root: i32,
    watch: Watch,
    account: Account,
    next: Instant,
    max_memory: u64,
    max_tasks: u64,
    stopped: Stopped,
    /// Stopped because its processor time is used up.
    paused: bool,
    /// Stopped because the caller asked.
    frozen: bool,
}

impl Watcher {
    pub fn new(root: i32, watch: Watch) -> Self {
        let now = Instant::now();
        let account = Account::new(watch.cpu_percent.unwrap_or(0));
        let stopped = Stopped::default();
        let (max_memory, max_tasks, paused, frozen) = (0, 0, false, false);
        Self { root, watch, account, next: now, max_memory, max_tasks, stopped, paused, frozen }
    }

    /// How long to sleep before the next look; `None`: nothing is watched.
    pub fn next_look(&self) -> Option<Duration> {
        self.is_active().then(|| self.next.saturating_duration_since(Instant::now()))
    }

    /// The largest sum of memory seen, in bytes.
    pub fn max_memory(&self) -> u64 {
        self.max_memory
    }

    /// What else was counted.
    pub fn counted(&self) -> Watched {
        let paused_us = self.stopped.total(Instant::now()).as_micros() as u64;
        Watched { paused_us, max_tasks: self.max_tasks }
    }

    fn is_active(&self) -> bool {
        let Watch { cpu_percent, memory_bytes, pids } = self.watch;
        cpu_percent.is_some() || memory_bytes.is_some() || pids.is_some()
    }

    /// Looks at the run if it is time; `true`: it uses more memory than it may.
    pub fn look(&mut self) -> bool {
        let now = Instant::now();
        if !self.is_active() || now < self.next {
            return false;
        }
        let mut sum = tree::sum(self.root);
        if let Some(limit) = self.watch.memory_bytes {
            sum.memory += tree::sockets(self.root);
            // Few runs map so much; those that do may hide memory in what they share.
            if sum.mapped > limit {
                sum.memory += tree::shared(self.root) + tree::tables(self.root);
            }
        }
        self.max_memory = self.max_memory.max(sum.memory);
        self.max_tasks = self.max_tasks.max(sum.tasks);
        let mut pause = LONGEST;
        if self.watch.cpu_percent.is_some() {
            let balance = self.account.settle(now, sum.cpu_us);
            self.pause(balance < 0);
            pause = self.account.until_worth_a_look(balance);
        }
        self.next = now + pause;
        self.watch.memory_bytes.is_some_and(|limit| sum.memory > limit)
    }

    fn pause(&mut self, wanted: bool) {
        if wanted != self.paused {
            self.paused = wanted;
            self.stopped.set(wanted, Instant::now());
            self.apply();
        }
    }

    /// Stops every process until [`Watcher::thaw`].
    pub fn freeze(&mut self) {
        self.frozen = true;
        self.apply();
    }

    /// Lets the processes run again, if their processor time allows.
    pub fn thaw(&mut self) {
        self.frozen = false;
        self.apply();
    }

    fn apply(&self) {
        let stop = self.paused || self.frozen;
        tree::signal_all(self.root, if stop { libc::SIGSTOP } else { libc::SIGCONT });
    }
}

/// How long a run was stopped for its processor share.
#[derive(Default)]
struct Stopped {
    before: Duration,
    since: Option<Instant>,
}

impl Stopped {
    fn set(&mut self, stopped: bool, now: Instant) {
        self.before = self.total(now);
        self.since = stopped.then_some(now);
    }

    fn total(&self, now: Instant) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| now - since)
    }
}

/// A run's account of processor time, in microseconds.
struct Account {
    percent: u32,
    balance_us: i64,
    counted_us: u64,
    settled: Option<Instant>,
}

impl Account {
    fn new(percent: u32) -> Self {
        Self { percent, balance_us: 0, counted_us: 0, settled: None }
    }

    /// What `time` is worth.
    fn share_us(&self, time: Duration) -> i64 {
        let us = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        us.saturating_mul(i64::from(self.percent)) / 100
    }

    /// Credits the time that passed and debits what was used; the new balance.
    fn settle(&mut self, now: Instant, used_us: u64) -> i64 {
        match self.settled {
            // The first look: what building the walls cost is not the run's.
            None => self.balance_us = self.share_us(SAVED_AT_START),
            Some(before) => {
                let used = used_us.saturating_sub(self.counted_us);
                let credit = self.share_us(now - before);
                self.balance_us = (self.balance_us + credit).min(self.share_us(SAVED))
                    - i64::try_from(used).unwrap_or(i64::MAX);
            }
        }
        self.settled = Some(now);
        // A process that vanished with its count must not make room for a second spending.
        self.counted_us = self.counted_us.max(used_us);
        self.balance_us
    }

    /// When the balance can next have changed sign.
    fn until_worth_a_look(&self, balance_us: i64) -> Duration {
        let us = if balance_us < 0 {
            balance_us.saturating_neg().saturating_mul(100) / i64::from(self.percent.max(1))
        } else {
            // Two cores busy spend at twice the clock's pace; more are caught a look later.
            balance_us / 2
        };
        Duration::from_micros(us.unsigned_abs()).clamp(SHORTEST, LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_busy_run_is_held_to_its_share() {
        let mut account = Account::new(10);
        let start = Instant::now();
        let (mut now, mut used, mut running_ms) = (start, 0, 0);
        account.settle(now, used);
        let mut balance = account.balance_us;
        let mut looks = 0;
        while now - start < Duration::from_secs(10) {
            let step = account.until_worth_a_look(balance);
            if balance >= 0 {
                used += step.as_micros() as u64;
                running_ms += step.as_millis();
            }
            now += step;
            balance = account.settle(now, used);
            looks += 1;
        }
        expect!["ran 1065 ms of 10 s in 104 looks"]
            .assert_eq(&format!("ran {running_ms} ms of 10 s in {looks} looks"));
    }

    #[test]
    fn an_idle_run_is_looked_at_rarely_and_saves_little() {
        let mut account = Account::new(10);
        let start = Instant::now();
        account.settle(start, 0);
        let balance = account.settle(start + Duration::from_secs(3600), 0);
        let look = account.until_worth_a_look(balance);
        expect!["saved 200000 us, next look in 100 ms"]
            .assert_eq(&format!("saved {balance} us, next look in {} ms", look.as_millis()));
    }
}
