//! The host as decisions see it: one sample, and whether it amounts to pressure.

use crate::settings::{PressureSettings, Settings};
use onboard_domain::Time;

/// What was last measured of the host. What this host can't tell is `None` or 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostSample {
    pub cores: u32,
    pub load1: f64,
    pub memory_available_bytes: u64,
    pub memory_total_bytes: u64,
    /// PSI `some avg10`, percent.
    pub psi_cpu_some10: Option<f64>,
    pub psi_memory_some10: Option<f64>,
    pub psi_io_some10: Option<f64>,
    pub on_battery: Option<bool>,
    pub at: Time,
}

/// How much the host may be asked to do besides what people do on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    #[default]
    Calm,
    /// High and critical runs only, and what has waited long enough.
    Pressed,
    /// One run at a time, and only after a wait.
    Severe,
}

/// A verdict and the measurement it rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub pressure: Pressure,
    /// What is short, in words.
    pub cause: &'static str,
}

impl HostSample {
    /// Judges the sample. `before` is the last verdict: pressure once felt is over only well below
    /// the thresholds.
    pub fn judge(&self, now: Time, settings: &Settings, before: Pressure) -> Verdict {
        let limits = &settings.pressure;
        if now.since(self.at) > limits.stale_ms {
            return Verdict::default();
        }
        let severe = self.severe(limits, relief(limits, before >= Pressure::Severe));
        let pressed = self.pressed(limits, relief(limits, before >= Pressure::Pressed));
        match (severe, pressed) {
            (Some(cause), _) => Verdict { pressure: Pressure::Severe, cause },
            (None, Some(cause)) => Verdict { pressure: Pressure::Pressed, cause },
            (None, None) => Verdict::default(),
        }
    }

    fn severe(&self, limits: &PressureSettings, relief: f64) -> Option<&'static str> {
        let short = self.memory_below(limits.memory_severe_permille, relief)
            || above(self.psi_memory_some10, limits.psi_memory_severe, relief);
        short.then_some("memory is almost used up")
    }

    fn pressed(&self, limits: &PressureSettings, relief: f64) -> Option<&'static str> {
        if self.memory_below(limits.memory_permille, relief)
            || above(self.psi_memory_some10, limits.psi_memory, relief)
        {
            Some("memory is short")
        } else if above(self.psi_cpu_some10, limits.psi_cpu, relief)
            || self.load1 > f64::from(self.cores.max(1) * limits.load_permille) / 1000.0 * relief
        {
            Some("the processor is busy")
        } else if above(self.psi_io_some10, limits.psi_io, relief) {
            Some("the disk is busy")
        } else if self.on_battery == Some(true) {
            Some("the machine runs on battery")
        } else {
            None
        }
    }

    fn memory_below(&self, permille: u32, relief: f64) -> bool {
        let bound = self.memory_total_bytes as f64 * f64::from(permille) / 1000.0 / relief;
        self.memory_total_bytes > 0 && (self.memory_available_bytes as f64) < bound
    }
}

fn relief(limits: &PressureSettings, felt: bool) -> f64 {
    if felt { f64::from(limits.relief_permille) / 1000.0 } else { 1.0 }
}

fn above(percent: Option<f64>, threshold: u32, relief: f64) -> bool {
    percent.is_some_and(|percent| percent > f64::from(threshold) * relief)
}
