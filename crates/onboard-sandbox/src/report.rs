//! What a run tried and was refused: many sensors tell, one reader takes.

use crate::sys::event::Event;
use onboard_domain::violation::{Rule, Violation, bounds};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Different attempts that get a record of their own. With one record a rule for all further ones,
/// a run never has more than the domain keeps.
const OWN_RECORD: usize = bounds::PER_RUN - Rule::ALL.len();

/// One run's violations on their way to whoever judges them. Cheap to clone: all clones are one.
///
/// The same attempt again only counts up. A reader is woken when something is *different*, at most
/// [`bounds::PER_RUN`] times a run, so that a run that repeats itself a million times costs its
/// reader nothing; [`Reports::take`] brings the counts along.
#[derive(Clone, Debug)]
pub struct Reports(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: Mutex<Vec<Known>>,
    news: Event,
}

/// An attempt and how often it was made since it was last taken.
#[derive(Debug)]
struct Known {
    /// Its own count is not used.
    violation: Violation,
    /// One record for everything else that touched the same rule.
    is_rest: bool,
    fresh: u64,
}

impl Reports {
    /// None so far.
    ///
    /// # Errors
    /// When the kernel has no descriptor left.
    pub fn new() -> io::Result<Reports> {
        Ok(Reports(Arc::new(Shared { known: Mutex::default(), news: Event::new()? })))
    }

    /// Adds a violation, or counts it to the one it is like.
    pub fn push(&self, violation: Violation) {
        let mut known = self.known();
        let times = violation.count.max(1);
        if let Some(same) = known.iter_mut().find(|k| !k.is_rest && k.violation.is_like(&violation))
        {
            same.fresh = same.fresh.saturating_add(times);
            return;
        }
        let is_rest = known.iter().filter(|k| !k.is_rest).count() >= OWN_RECORD;
        if is_rest {
            let of_rule = |k: &&mut Known| k.is_rest && k.violation.rule == violation.rule;
            if let Some(rest) = known.iter_mut().find(of_rule) {
                rest.fresh = rest.fresh.saturating_add(times);
                return;
            }
        }
        let violation = if is_rest { rest(&violation) } else { violation };
        known.push(Known { violation, is_rest, fresh: times });
        drop(known);
        self.0.news.signal();
    }

    /// What was added since the last time, each with how often.
    pub fn take(&self) -> Vec<Violation> {
        self.0.news.clear();
        let mut known = self.known();
        let fresh = known.iter_mut().filter(|k| k.fresh > 0);
        fresh.map(|k| k.violation.clone().times(std::mem::take(&mut k.fresh))).collect()
    }

    /// Readable when there is something different, until it is taken or heard.
    pub fn news(&self) -> BorrowedFd<'_> {
        self.0.news.as_fd()
    }

    /// Takes note of the news without taking the violations; whether there were any.
    pub(crate) fn hear(&self) -> bool {
        self.0.news.clear()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The record that stands for every further different attempt against the rule of this one.
fn rest(first: &Violation) -> Violation {
    let what = "further different attempts";
    let rest = Violation::new(first.sensor, first.rule, what, b"suppressed, only counted");
    Violation { confidence: first.confidence, ..rest }.with(first.action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys;
    use expect_test::{Expect, expect};
    use onboard_domain::violation::Sensor;

    fn is_woken(reports: &Reports) -> bool {
        let poll = sys::process::poll_readable(&[reports.news()], Some(std::time::Duration::ZERO));
        poll.expect("poll")[0].readable
    }

    fn read(path: &str) -> Violation {
        Violation::new(Sensor::Mask, Rule::ForbiddenPath, "open", path.as_bytes()).by(b"cat")
    }

    fn taken(reports: &Reports) -> String {
        let lines = reports.take();
        let line = |v: &Violation| {
            format!("{} {}: {} {} x{}\n", v.sensor, v.rule, v.what, v.target, v.count)
        };
        lines.iter().map(line).collect()
    }

    fn check(pushed: impl IntoIterator<Item = Violation>, expect: Expect) {
        let reports = Reports::new().expect("reports");
        pushed.into_iter().for_each(|v| reports.push(v));
        expect.assert_eq(&taken(&reports));
    }

    #[test]
    fn the_same_attempt_is_counted() {
        check(
            [read("/a"), read("/b"), read("/a").times(4), read("/a").by(b"dog")],
            expect![[r#"
                mask forbidden_path: open /a x5
                mask forbidden_path: open /b x1
                mask forbidden_path: open /a x1
            "#]],
        );
    }

    #[test]
    fn too_many_different_ones_are_counted_by_rule() {
        let flood = (0..1000).map(|n| read(&format!("/{n}")));
        let call = Violation::new(Sensor::Notifier, Rule::DeniedSyscall, "mount", b"");
        let reports = Reports::new().expect("reports");
        flood.chain([call.clone(), call, read("/0")]).for_each(|v| reports.push(v));
        assert!(reports.0.known.lock().expect("lock").len() <= bounds::PER_RUN);
        let lines = taken(&reports);
        assert_eq!(lines.lines().filter(|l| l.ends_with("x1")).count(), OWN_RECORD - 1);
        let rest: String = lines.lines().skip(OWN_RECORD).map(|l| format!("{l}\n")).collect();
        expect![[r#"
            mask forbidden_path: further different attempts suppressed, only counted x931
            notifier denied_syscall: further different attempts suppressed, only counted x2
        "#]]
        .assert_eq(&rest);
    }

    #[test]
    fn a_reader_is_woken_by_what_is_different() {
        let reports = Reports::new().expect("reports");
        let teller = reports.clone();
        assert!(!is_woken(&reports));
        std::thread::spawn(move || teller.push(read("/a"))).join().expect("thread");
        assert!(is_woken(&reports));
        assert!(reports.hear() && !is_woken(&reports) && !reports.hear());
        assert_eq!(reports.take().len(), 1);
        reports.push(read("/a"));
        assert!(!is_woken(&reports), "the same again");
        assert_eq!(reports.take().len(), 1, "but it is there");
        assert_eq!(reports.take(), []);
        reports.push(read("/b"));
        assert!(is_woken(&reports));
        reports.take();
        assert!(!is_woken(&reports));
    }
}
