//! The numbers that decisions go by, each with its default and the reason for it.

/// Milliseconds of common lengths of time.
pub(crate) const SECOND_MS: i64 = 1_000;
pub(crate) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(crate) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// What the scheduler may be told. The defaults are for a developer's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Runs with a process at a time. 8: at the usual 10 % of a core each, under one core together.
    pub max_running: u32,
    /// What declared or measured needs of runs may add up to.
    pub capacity: Capacity,
    /// What the limits of runs with a process may add up to.
    pub budget: Budget,
    /// Waiting this long is worth one class of priority, so that nothing starves. 10 min.
    pub ageing_ms: i64,
    /// A run held back this long by locks or room has them kept free for it. 10 min.
    pub reserve_after_ms: i64,
    /// Longest time of a run whose agent names none. 30 min.
    pub deadline_ms: i64,
    /// A slot later than this was missed. 1 min: a busy loop is late by less, a stopped one by more.
    pub missed_after_ms: i64,
    /// Runs that one agent catches up on at once, whatever its policy asks. 24: a day of hours.
    pub catch_up_max: u32,
    /// A change or event settles this long before its run, so that a burst is one run. 5 s.
    pub settle_ms: i64,
    /// Least time between two triggered runs of an agent: agents that wake each other don't spin.
    /// 30 s.
    pub spacing_ms: i64,
    /// How often a continuous agent looks whether it overlooked something. 1 h.
    pub fallback_ms: i64,
    /// Longest wait for dependencies; then the run is refused. 6 h: a night's work is over by then,
    /// and a refusal is seen the same day.
    pub dependency_wait_ms: i64,
    /// First wait before a kill that has not been reported done is asked again; doubles. 10 s.
    pub kill_again_ms: i64,
    /// Longest such wait. 5 min.
    pub kill_again_max_ms: i64,
    pub breaker: BreakerSettings,
    pub adapt: AdaptSettings,
    pub pressure: PressureSettings,
}

/// Room for runs, in units: a low need takes 1, a medium one 2, a high one 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub cpu: u32,
    pub memory: u32,
    pub io: u32,
}

/// The machine's share that all runs have together. Each run reserves its limits for as long as it
/// may have a process, whatever it uses of them: then no run is slower for its neighbours, and none
/// dies of their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Percent of one core, all runs together.
    pub cpu_percent: u32,
    pub memory_mb: u32,
}

impl Budget {
    /// Half of a machine: the other half is for the people at it.
    pub fn half_of(cores: u32, memory_bytes: u64) -> Budget {
        const MIB: u64 = 1 << 20;
        let memory_mb = u32::try_from(memory_bytes / 2 / MIB).unwrap_or(u32::MAX);
        Budget { cpu_percent: cores.max(1).saturating_mul(50), memory_mb }
    }
}

/// What a high need takes of [`Capacity`].
const HIGH_NEED: u32 = 4;

/// When failing agents are left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failed runs in a row, retries counted, that open the breaker once no retry is left. 5.
    pub failures: u32,
    /// First time open; doubles with each opening in a row. 15 min.
    pub open_ms: i64,
    /// Longest time open. 24 h.
    pub open_max_ms: i64,
    /// Openings in a row, with no success between, before quarantine. 5: some four hours.
    pub quarantine_after: u32,
}

/// How intervals follow what was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptSettings {
    /// The longest interval in permille of the schedule's own; steps double. 8000.
    pub permille_max: u32,
    /// No interval grows beyond this. 7 d: a weekly look is the rarest that is still a look.
    pub longest_ms: i64,
    /// Slots in a row with nothing changed before the interval doubles. 12.
    pub idle_slots: u32,
    /// Runs are judged each time this many have ended. 3: one odd run moves nothing.
    pub runs: u32,
    /// A run that takes more than this part of its interval is slow. 250 ‰.
    pub slow_permille: u32,
    /// Failed runs in a row that double the interval before the breaker opens. 3.
    pub failures: u32,
    /// Findings shown before their reception counts. 8.
    pub shown: u64,
    /// Dismissed part of the findings shown from which an agent counts as ignored. 600 ‰.
    pub ignored_permille: u64,
    /// Below this part it no longer does. 400 ‰.
    pub heeded_permille: u64,
}

/// From when on the host is under pressure. It is over at [`PressureSettings::relief_permille`] of
/// each threshold, so that the verdict does not flap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PressureSettings {
    /// PSI `some avg10` in percent: time in which some task waited. 60, 10, 40: a build alone stays
    /// under these, a machine that people call slow does not.
    pub psi_cpu: u32,
    pub psi_memory: u32,
    pub psi_io: u32,
    /// Load per core in permille. 2000.
    pub load_permille: u32,
    /// Available memory in permille of all, below which it is tight. 100.
    pub memory_permille: u32,
    /// Below which it is severe: 30.
    pub memory_severe_permille: u32,
    /// PSI of memory from which it is severe: 40.
    pub psi_memory_severe: u32,
    /// 700.
    pub relief_permille: u32,
    /// Under pressure, waiting this long is worth one class: 30 min, so a low run goes in an hour.
    pub ageing_ms: i64,
    /// Under severe pressure a run goes alone after this wait. 10 min.
    pub severe_wait_ms: i64,
    /// A sample older than this says nothing. 2 min.
    pub stale_ms: i64,
    /// How soon to look again while runs wait for pressure to pass. 15 s.
    pub again_ms: i64,
}

impl Settings {
    /// The defaults with another number of runs at a time, and room for needs in proportion.
    #[must_use]
    pub fn with_max_running(max_running: u32) -> Settings {
        let default = Settings::default();
        let room = |units: u32| units.saturating_mul(max_running) / default.max_running;
        let Capacity { cpu, memory, io } = default.capacity;
        // A run with a high need must fit even where only one may run.
        let capacity = Capacity {
            cpu: room(cpu).max(HIGH_NEED),
            memory: room(memory).max(HIGH_NEED),
            io: room(io).max(HIGH_NEED),
        };
        Settings { max_running, capacity, ..default }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_running: 8,
            capacity: Capacity { cpu: 16, memory: 16, io: 16 },
            // Half of eight cores and of 16 GiB.
            budget: Budget { cpu_percent: 400, memory_mb: 8_192 },
            ageing_ms: 10 * MINUTE_MS,
            reserve_after_ms: 10 * MINUTE_MS,
            deadline_ms: 30 * MINUTE_MS,
            missed_after_ms: MINUTE_MS,
            catch_up_max: 24,
            settle_ms: 5 * SECOND_MS,
            spacing_ms: 30 * SECOND_MS,
            fallback_ms: HOUR_MS,
            dependency_wait_ms: 6 * HOUR_MS,
            kill_again_ms: 10 * SECOND_MS,
            kill_again_max_ms: 5 * MINUTE_MS,
            breaker: BreakerSettings::default(),
            adapt: AdaptSettings::default(),
            pressure: PressureSettings::default(),
        }
    }
}

impl Default for BreakerSettings {
    fn default() -> BreakerSettings {
        BreakerSettings {
            failures: 5,
            open_ms: 15 * MINUTE_MS,
            open_max_ms: DAY_MS,
            quarantine_after: 5,
        }
    }
}

impl Default for AdaptSettings {
    fn default() -> AdaptSettings {
        AdaptSettings {
            permille_max: 8_000,
            longest_ms: 7 * DAY_MS,
            idle_slots: 12,
            runs: 3,
            slow_permille: 250,
            failures: 3,
            shown: 8,
            ignored_permille: 600,
            heeded_permille: 400,
        }
    }
}

impl Default for PressureSettings {
    fn default() -> PressureSettings {
        PressureSettings {
            psi_cpu: 60,
            psi_memory: 10,
            psi_io: 40,
            load_permille: 2_000,
            memory_permille: 100,
            memory_severe_permille: 30,
            psi_memory_severe: 40,
            relief_permille: 700,
            ageing_ms: 30 * MINUTE_MS,
            severe_wait_ms: 10 * MINUTE_MS,
            stale_ms: 2 * MINUTE_MS,
            again_ms: 15 * SECOND_MS,
        }
    }
}
