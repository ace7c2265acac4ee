//! What tasks wait for, look by look, beside all looks before.

use onboard_analysis::anomaly::{Detector, Found, LEAST_PAST, UNUSUAL};
use serde::{Deserialize, Serialize};

use super::samples::{Sample, Samples};
use crate::checkpoint;
use crate::host::{AgentError, Host};

/// The past, some 200 kilobytes, is saved after so many looks, six hours of one every five minutes: half of
/// those that the samples keep, where what came since is read again.
const SAVED_EVERY: usize = 72;
/// The name it is saved under.
const SAVED_AS: &str = "watch";

/// A look unlike those before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
pub struct Alarm {
    pub at_ms: i64,
    /// Looks before that had as much or more, of so many.
    pub reached: usize,
    pub past: usize,
}

/// One resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Watch {
    detector: Detector,
    newest: Option<Alarm>,
}

/// The processor, memory and the disk.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Watches {
    of: [Watch; 3],
    /// The newest look that was taken in, and the one at which this was saved.
    seen_ms: i64,
    saved_ms: i64,
}

impl Watches {
    /// What was saved, gone on with what was sampled since; saved anew when it is time.
    pub fn load(host: &mut dyn Host, samples: &Samples) -> Result<Self, AgentError> {
        let mut watches: Self = checkpoint::load(host, SAVED_AS)?.unwrap_or_default();
        watches.take(samples);
        watches.saved_ms = watches.saved_ms.min(watches.seen_ms);
        let is_unsaved = |sample: &&Sample| sample.at_ms > watches.saved_ms;
        if samples.samples.iter().filter(is_unsaved).count() >= SAVED_EVERY {
            watches.saved_ms = watches.seen_ms;
            checkpoint::save(host, SAVED_AS, &watches)?;
        }
        Ok(watches)
    }

    fn take(&mut self, samples: &Samples) {
        let newest_ms = samples.newest_ms().unwrap_or(self.seen_ms);
        // Where the clock was set back, what was seen lies in the future no longer.
        let seen_ms = self.seen_ms.min(newest_ms);
        self.seen_ms = seen_ms;
        let is_new = |sample: &&Sample| (seen_ms + 1..=newest_ms).contains(&sample.at_ms);
        for sample in samples.samples.iter().filter(is_new) {
            self.seen_ms = sample.at_ms;
            for (watch, share) in self.of.iter_mut().zip([sample.cpu, sample.memory, sample.io]) {
                let Some(share) = share else { continue };
                let found = watch.detector.push(sample.at_ms, f64::from(share));
                if is_alarm(found) {
                    let Found { reached, past, .. } = found;
                    watch.newest = Some(Alarm { at_ms: sample.at_ms, reached, past });
                }
            }
        }
    }

    /// The newest alarm of each, in the order of a sample's shares.
    pub fn newest(&self) -> [Option<Alarm>; 3] {
        self.of.each_ref().map(|watch| watch.newest)
    }
}

/// Unusual, and more than nine tenths of a past that is long enough: that tasks wait less than usual is
/// no harm.
fn is_alarm(found: Found) -> bool {
    found.score >= UNUSUAL && found.past >= LEAST_PAST && found.reached * 10 < found.past
}
