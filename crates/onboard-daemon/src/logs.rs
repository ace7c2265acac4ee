//! What agents print and log: one file a run, bounded, kept for the newest runs.

use crate::cut::cut;
use onboard_domain::{AgentId, RunId, Time};
use onboard_policy::Wall;
use onboard_validation::show;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes kept of one run; what comes after is counted, not kept.
pub const RUN_BYTES_MAX: u64 = 1024 * 1024;
/// Runs whose logs are kept, per agent.
pub const RUNS_KEPT: usize = 50;
/// Bytes of one line.
const LINE_MAX: usize = 8 * 1024;
/// A line with its time, level and source has more.
const LEAST_LINE: u64 = 128;

/// Where an agent's logs are: `<logs>/<agent>/<run>.log`, a line each:
/// `time_ms level source text`.
pub fn folder(logs: &Path, agent: AgentId) -> PathBuf {
    logs.join(agent.to_string())
}

/// The log file of one run.
pub fn file(logs: &Path, agent: AgentId, run: RunId) -> PathBuf {
    folder(logs, agent).join(format!("{run}.log"))
}

/// Runs with a log, oldest first.
pub fn runs(logs: &Path, agent: AgentId) -> Vec<RunId> {
    let Ok(entries) = fs::read_dir(folder(logs, agent)) else { return Vec::new() };
    let mut runs: Vec<RunId> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".log")?.parse().ok())
        .collect();
    runs.sort();
    runs
}

/// Bytes of all of an agent's logs.
pub fn bytes(logs: &Path, agent: AgentId) -> u64 {
    let size = |run| fs::metadata(file(logs, agent, run)).map_or(0, |meta| meta.len());
    runs(logs, agent).into_iter().map(size).sum()
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// One run's log, while it runs.
#[derive(Debug)]
pub struct RunLog {
    file: File,
    /// Bytes that it may have.
    most: u64,
    written: u64,
    suppressed: u64,
    last_words: String,
}

impl RunLog {
    /// Starts a run's log and forgets the oldest of its agent's: beyond [`RUNS_KEPT`], and as many as it
    /// takes for all of them to have at most `quota` bytes.
    ///
    /// # Errors
    /// When the file can't be created.
    pub fn create(logs: &Path, agent: AgentId, run: RunId, quota: u64) -> io::Result<RunLog> {
        fs::create_dir_all(folder(logs, agent))?;
        let kept = runs(logs, agent);
        for old in kept.iter().take((kept.len() + 1).saturating_sub(RUNS_KEPT)) {
            fs::remove_file(file(logs, agent, *old))?;
        }
        let most = RUN_BYTES_MAX.min(quota);
        let mut room = quota - most;
        for old in runs(logs, agent).into_iter().rev().filter(|old| *old != run) {
            let path = file(logs, agent, old);
            match room.checked_sub(fs::metadata(&path)?.len()) {
                Some(left) => room = left,
                None => fs::remove_file(&path)?,
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(file(logs, agent, run))?;
        Ok(RunLog { file, most, written: 0, suppressed: 0, last_words: String::new() })
    }

    /// Says which walls a policy without `sandbox_mode` lets the run do without.
    pub fn without(&mut self, at: Time, walls: &[Wall]) {
        for wall in walls {
            let text = format!(
                "this host can't hold the wall `{wall}`; without `sandbox_mode` it runs all the same"
            );
            self.line(at, Level::Warn, "host", &text);
        }
    }

    /// Adds a line; false when the run has no room for it any more. Control characters and marks of
    /// direction are escaped: the file can be looked at with any tool.
    pub fn line(&mut self, at: Time, level: Level, source: &str, text: &str) -> bool {
        let text = escape(text);
        if level == Level::Error || source == "stderr" {
            self.last_words.clone_from(&text);
        }
        let line = format!("{} {} {source} {text}\n", at.0, level.word());
        if self.written + line.len() as u64 > self.most {
            self.suppressed += 1;
            return false;
        }
        if self.file.write_all(line.as_bytes()).is_ok() {
            self.written += line.len() as u64;
        } else {
            self.suppressed += 1;
        }
        true
    }

    /// Whether it has no room for a line of any use.
    pub fn is_full(&self) -> bool {
        self.written + LEAST_LINE > self.most
    }

    /// Counts a line that is not kept.
    pub fn leave_out(&mut self) {
        self.suppressed += 1;
    }

    /// Says how much was left out, and gives the last line of trouble.
    pub fn close(mut self, at: Time) -> String {
        if self.suppressed > 0 {
            let note = format!(
                "{} warn host {} lines left out: a run keeps {} bytes\n",
                at.0, self.suppressed, self.most
            );
            // The run has ended either way; a full disk is told by the journal.
            drop(self.file.write_all(note.as_bytes()));
        }
        self.last_words
    }
}

/// One line, bounded, as a terminal may get it.
fn escape(text: &str) -> String {
    let kept = cut(text, LINE_MAX);
    let more = if kept.len() < text.len() { "…" } else { "" };
    // A tab moves nothing but to the right.
    let parts: Vec<_> = kept.split('\t').map(show::line).collect();
    format!("{}{more}", parts.join("\t"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[(&str, &str)]) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RunLog::create(folder.path(), AgentId(1), RunId(7), 1 << 30).unwrap();
        for (source, text) in lines {
            log.line(Time(5), Level::Info, source, text);
        }
        let last = log.close(Time(6));
        (fs::read_to_string(file(folder.path(), AgentId(1), RunId(7))).unwrap(), last)
    }

    #[test]
    fn control_characters_are_written_out() {
        let (text, last) = written(&[("stdout", "a\x1b[2Jb"), ("stderr", "no such file")]);
        assert_eq!(text, "5 info stdout a\\u{1b}[2Jb\n5 info stderr no such file\n");
        assert_eq!(last, "no such file");
    }

    #[test]
    fn a_flood_is_counted_and_left_out() {
        let long = "x".repeat(10_000);
        let (text, _) = written(&vec![("stdout", long.as_str()); 200]);
        assert!(text.len() as u64 <= RUN_BYTES_MAX + 200, "{}", text.len());
        assert!(
            text.ends_with("lines left out: a run keeps 1048576 bytes\n"),
            "{}",
            &text[text.len() - 99..]
        );
    }

    #[test]
    fn what_holds_the_run_less_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = RunLog::create(folder.path(), AgentId(1), RunId(7), 1 << 30).unwrap();
        log.without(Time(5), &[Wall::Cpu]);
        let text = fs::read_to_string(file(folder.path(), AgentId(1), RunId(7))).unwrap();
        assert_eq!(
            text,
            "5 warn host this host can't hold the wall `cpu`; without `sandbox_mode` it runs all the \
             same\n"
        );
    }

    #[test]
    fn the_oldest_runs_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        for run in 0..60 {
            RunLog::create(folder.path(), AgentId(1), RunId(run), 1 << 30).unwrap();
        }
        let kept = runs(folder.path(), AgentId(1));
        assert_eq!((kept.len(), kept[0], kept[49]), (50, RunId(10), RunId(59)));
    }

    #[test]
    fn the_oldest_go_when_the_quota_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(1_000);
        for run in 0..9 {
            let mut log = RunLog::create(folder.path(), AgentId(1), RunId(run), 10_000).unwrap();
            while log.line(Time(5), Level::Info, "stdout", &long) {}
            log.close(Time(6));
        }
        // Each takes all there is.
        assert_eq!(runs(folder.path(), AgentId(1)), [RunId(8)]);
        assert!(bytes(folder.path(), AgentId(1)) <= 10_200);
        drop(RunLog::create(folder.path(), AgentId(1), RunId(9), RUN_BYTES_MAX + 20_000).unwrap());
        assert_eq!(runs(folder.path(), AgentId(1)), [RunId(8), RunId(9)]);
    }
}
