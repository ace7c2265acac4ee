//! Following runs to their ends, with what they say meanwhile.

use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::render::{Look, progress};
use indicatif::{ProgressBar, ProgressStyle};
use onboard_web::api::{RunRow, WatchLine};
use onboard_web::client::{Client, Lines, Waited};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The event that ends a run.
const ENDED: &str = "dev.ai-onboard.agent.run.ended.v1";

/// How often the elapsed time is drawn anew on a terminal.
const TICK: Duration = Duration::from_millis(200);

/// Lines about one run off a terminal come no faster: who reads them later wants to see that it
/// went on, not each step of it.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// A watch that was opened before a command, so that nothing of what follows is missed.
pub struct Follow<'a> {
    client: &'a Client,
    lines: Lines<'a>,
    look: Look,
    /// While runs are waited for on a terminal.
    bar: Option<ProgressBar>,
    /// Whether each end is told; on a terminal a summary that follows tells it.
    tells_ends: bool,
    /// When a line was last written about each run; off a terminal.
    told: BTreeMap<String, Instant>,
}

impl<'a> Follow<'a> {
    /// Starts to watch.
    ///
    /// # Errors
    /// When the daemon can't be watched.
    pub fn open(client: &'a Client, global: &Global) -> Result<Follow<'a>, Failure> {
        let mut lines = client.stream("/watch", &[("progress", "true")])?;
        let ready: Waited<WatchLine> = lines.next(Some(onboard_web::client::CALL_TIMEOUT))?;
        if ready != Waited::Line(WatchLine::Ready) {
            return Err(Failure::new(Kind::Unreachable, "the daemon did not begin to tell"));
        }
        let look = output::look_of_notes(global);
        Ok(Follow { client, lines, look, bar: None, tells_ends: true, told: BTreeMap::new() })
    }

    /// The same, before a summary on stdout that tells each end again.
    #[must_use]
    pub fn before_summary(self) -> Follow<'a> {
        let is_seen_twice = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
        let tells_ends = !is_seen_twice;
        Follow { tells_ends, ..self }
    }

    /// Waits until all of `runs` have ended, at most `timeout_ms`; gives those that did, and the
    /// ids of those that did not.
    ///
    /// # Errors
    /// When the daemon ends or the connection breaks.
    pub fn runs(
        mut self,
        runs: &[String],
        timeout_ms: i64,
    ) -> Result<(Vec<RunRow>, Vec<String>), Failure> {
        let deadline = Instant::now() + Duration::from_millis(timeout_ms.try_into().unwrap_or(0));
        let mut pending: Vec<String> = runs.to_vec();
        self.bar = if pending.is_empty() { None } else { bar() };
        let mut ended = Vec::new();
        while !pending.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.next(Some(left))? {
                Waited::Nothing => break,
                Waited::Over => return Err(gone("the daemon ended")),
                Waited::Line(WatchLine::End { reason }) => return Err(gone(&reason)),
                Waited::Line(WatchLine::Event(event)) if event.kind == ENDED => {
                    if let Some(at) =
                        pending.iter().position(|run| event.subject.as_ref() == Some(run))
                    {
                        ended.push(self.tell_end(&pending.swap_remove(at))?);
                    }
                }
                Waited::Line(WatchLine::Reset) => {
                    for run in std::mem::take(&mut pending) {
                        let row: RunRow = self.client.get(&format!("/runs/{run}"), &[])?;
                        if row.ended.is_some() {
                            ended.push(self.tell_end(&run)?);
                        } else {
                            pending.push(run);
                        }
                    }
                }
                Waited::Line(WatchLine::Progress { agent, run, live, .. })
                    if pending.contains(&run) =>
                {
                    self.tell_progress(&run, &progress::doing(&agent, &live));
                }
                Waited::Line(_) => {}
            }
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        Ok((ended, pending))
    }

    fn tell_end(&self, run: &str) -> Result<RunRow, Failure> {
        let row: RunRow = self.client.get(&format!("/runs/{run}"), &[])?;
        if !self.tells_ends {
            return Ok(row);
        }
        let line = progress::ended(&row, &self.look);
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(&line)),
            None => output::note(&line),
        }
        Ok(row)
    }

    fn tell_progress(&mut self, run: &str, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_string()),
            None if self.told.get(run).is_none_or(|told| told.elapsed() >= TOLD_EVERY) => {
                self.told.insert(run.to_string(), Instant::now());
                output::note(text);
            }
            None => {}
        }
    }
}

/// A line that is drawn over, on a terminal.
fn bar() -> Option<ProgressBar> {
    let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner)?;
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    Some(bar)
}

fn gone(reason: &str) -> Failure {
    Failure::new(Kind::Unreachable, format!("the daemon stopped telling: {reason}"))
        .hint("ai_onboard daemon status")
}
