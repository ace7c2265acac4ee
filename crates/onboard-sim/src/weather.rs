//! The host's load: a person works at it by day, builds run now and then, storms come as faults.

use crate::random::mix;
use onboard_domain::Time;
use onboard_scheduler::HostSample;

/// Cores of the made-up host.
pub const CORES: u32 = 8;

const MEMORY: u64 = 16 << 30;

/// What the host feels like.
#[derive(Clone, Debug)]
pub struct Weather {
    seed: u64,
    /// How hard the person works, 0 to 1000.
    busy: u64,
    /// How hard a storm shakes the host, 0 to 1000; 0 when there is none.
    storm: u64,
    battery: bool,
}

impl Weather {
    /// Calm weather.
    pub fn new(seed: u64) -> Weather {
        Weather { seed: mix(seed), busy: 0, storm: 0, battery: false }
    }

    /// A new hour of the local day begins; `weekday` counts from Monday 0.
    pub fn hour(&mut self, hour: u64, weekday: u64) {
        self.busy = busy(hour, weekday);
        // Tuesdays and Thursdays there is an hour in a meeting room.
        self.battery = matches!(weekday, 1 | 3) && hour == 11;
    }

    /// A storm of a strength begins; 0 ends it.
    pub fn storm(&mut self, strength: u64) {
        self.storm = strength;
    }

    /// Measures the host while `running` agents run.
    pub fn sample(&self, at: Time, running: u64) -> HostSample {
        // Builds last for minutes: noise that keeps for half a minute, and differs by host.
        let noise = mix(self.seed ^ (at.0.div_euclid(30_000)).unsigned_abs()) % 1000;
        let building = self.busy > 0 && noise < self.busy / 8;
        let person = if building { 700 } else { self.busy / 4 };
        let cpu = (person + running * 12 + noise / 20 + self.storm).min(1000);
        let short = self.storm.saturating_sub(600) * 2;
        let available = MEMORY - MEMORY / 1000 * (300 + self.busy / 5 + short).min(985);
        HostSample {
            cores: CORES,
            load1: (cpu * u64::from(CORES) * 2) as f64 / 1000.0,
            memory_available_bytes: available,
            memory_total_bytes: MEMORY,
            psi_cpu_some10: Some(cpu as f64 / 12.0),
            psi_memory_some10: Some(short as f64 / 16.0),
            psi_io_some10: Some((cpu + self.storm / 2) as f64 / 30.0),
            on_battery: Some(self.battery),
            at,
        }
    }
}

/// How much work a person does in an hour of the day, 0 to 1000.
pub fn busy(hour: u64, weekday: u64) -> u64 {
    let by_day: u64 = match hour {
        9..=11 | 14..=16 => 1000,
        8 | 12 | 13 | 17 => 600,
        7 | 18..=21 => 250,
        22 | 23 => 80,
        _ => 10,
    };
    if weekday >= 5 { by_day / 6 } else { by_day }
}
