//! Is the project worked on as it used to be?

use onboard_analysis::calendar::{DAY_MS, date_text, day_of, monday_of, week_of};
use onboard_analysis::ledger::Ledger;
use onboard_analysis::score::graded;
use onboard_analysis::statistics::{median, quantile};
use onboard_analysis::trend::{Shift, last_shift};
use onboard_text::counted;

use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/asleep`
pub const ASLEEP: Rule = Rule {
    id: "health/asleep",
    says: "that nothing was committed for longer than the project's habit explains.",
    why: "A project that sleeps, or a clone that nobody updates, is judged up to its last commit: \
          whoever reads the other figures has to know.",
    when: &[
        Bound::at(
            "the silence is {} times as long as nineteen of twenty of the project's gaps",
            SLEEP_FACTOR,
            "judgement: well beyond the project's own habit",
        ),
        Bound::at(
            "and {} days at least",
            LEAST_SLEEP_DAYS,
            "judgement: eight weeks are longer than holidays",
        ),
    ],
    silence: "update the clone; of a finished project, pause the agent.",
};

/// `health/activity-drop`
pub const ACTIVITY_DROP: Rule = Rule {
    id: "health/activity-drop",
    says: "that commits fell to a lower level for good, since when and by how much.",
    why: "Dates that were agreed on at the pace of before no longer hold.",
    when: &[
        Bound::at(
            "weekly commits changed their level, and stayed so for {} weeks",
            onboard_analysis::trend::SHORTEST_SEGMENT as f64,
            "binary segmentation on ranks, its threshold raised with autocorrelation: about one false \
             alarm in a hundred series",
        ),
        Bound::at(
            "{} complete weeks and more are known",
            LEAST_WEEKS as f64,
            "judgement: half a year shows what is usual",
        ),
        Bound::at("with {} commits or more", LEAST_COMMITS, "judgement: fewer have no level"),
        Bound::at(
            "it is no longer ago than {} weeks",
            NEWS_WEEKS as f64,
            "judgement: what is older is how the project is now",
        ),
    ],
    silence: "it is no longer said half a year after the change, or when commits come back.",
};

/// `health/key-author-silent`
pub const KEY_AUTHOR_SILENT: Rule = Rule {
    id: "health/key-author-silent",
    says: "that one of the three most present people is silent for longer than they ever are.",
    why: "A handover is possible while somebody can still be asked.",
    when: &[
        Bound::at(
            "they committed in {} of the last 52 weeks, or more",
            KEY_WEEKS as f64,
            "judgement: a quarter of the year is a key person",
        ),
        Bound::at(
            "the silence is twice as long as nineteen of twenty of their own gaps, and {} weeks at least",
            LEAST_SILENCE_WEEKS,
            "judgement: shorter is a holiday",
        ),
        Bound::that(
            "three people or more committed within the year",
            "judgement: the silence of one of two is the project's own",
        ),
    ],
    silence: "their next commit ends it; who left for good is dismissed once.",
};

/// Weeks looked back on: two years hold a season twice.
const WEEKS: u16 = 104;
/// A trend needs half a year of weeks and this many commits before it means anything.
const LEAST_WEEKS: usize = 26;
const LEAST_COMMITS: f64 = 40.0;
/// A change older than this is how the project is now, not news.
pub(super) const NEWS_WEEKS: u16 = 26;
/// A project sleeps once its silence is this much longer than nineteen of twenty of its gaps.
const SLEEP_FACTOR: f64 = 3.0;
/// And never after less than this.
const LEAST_SLEEP_DAYS: f64 = 56.0;

/// What the weeks of a project look like.
pub struct Pulse {
    /// First week of `commits` and `people`.
    pub from: u16,
    /// Commits by people per complete week, up to the last commit's.
    pub commits: Vec<f64>,
    pub people: Vec<f64>,
    /// Days since the last commit, where that is longer than the project's own habit explains.
    pub asleep_days: Option<f64>,
}

impl Pulse {
    fn is_long_enough(&self) -> bool {
        self.commits.len() >= LEAST_WEEKS && self.commits.iter().sum::<f64>() >= LEAST_COMMITS
    }

    /// People with a commit in the last year of the pulse.
    pub fn people_of_year(&self, ledger: &Ledger) -> usize {
        let until = self.from + self.commits.len() as u16;
        let year = until.saturating_sub(52)..=until;
        let present = |weeks: &[u16]| weeks.iter().filter(|week| year.contains(week)).count();
        ledger.authors.iter().filter(|author| !author.bot && present(&author.weeks) >= 2).count()
    }
}

/// Reads the weeks up to the last complete one. Weeks of silence since the last commit count only
/// while they may be an ordinary gap; a clone nobody updates would otherwise look abandoned.
pub fn pulse(ledger: &Ledger, now_ms: i64) -> Pulse {
    let first = ledger.weeks.keys().next().copied().unwrap_or(0);
    let asleep_days = asleep(ledger, now_ms);
    let end_ms = if asleep_days.is_some() { ledger.last_ms } else { now_ms };
    let until = week_of(end_ms).saturating_sub(1);
    let from = first.max(until.saturating_sub(WEEKS - 1));
    if until < from {
        return Pulse { from, commits: Vec::new(), people: Vec::new(), asleep_days };
    }
    let commits = ledger.series(from, until, |week| f64::from(week.commits));
    Pulse { from, commits, people: ledger.people_by_week(from, until), asleep_days }
}

fn asleep(ledger: &Ledger, now_ms: i64) -> Option<f64> {
    let silent_days = (now_ms - ledger.last_ms) as f64 / DAY_MS as f64;
    let recent: Vec<u16> = ledger.weeks.keys().rev().take(usize::from(WEEKS)).copied().collect();
    let gaps: Vec<f64> = recent.windows(2).map(|pair| f64::from(pair[0] - pair[1]) * 7.0).collect();
    let usual = quantile(&gaps, 0.95).unwrap_or(7.0);
    (silent_days > (SLEEP_FACTOR * usual).max(LEAST_SLEEP_DAYS)).then_some(silent_days)
}

pub fn judge(open: &OpenFacts, pulse: &Pulse, now_ms: i64) -> Verdict {
    if let Some(days) = pulse.asleep_days {
        let why = format!("asleep: no commit for {days:.0} days");
        return Verdict::new("activity", 15, Some(0.0), why).with([sleeping(open, days)]);
    }
    if !pulse.is_long_enough() {
        let total: f64 = pulse.commits.iter().sum();
        let why = format!(
            "{total:.0} commits in {} are too few for a trend",
            counted(pulse.commits.len(), "complete week", "complete weeks")
        );
        return Verdict::new("activity", 15, None, why);
    }
    let recent = mean(&pulse.commits[pulse.commits.len() - 12..]);
    let year =
        mean(&pulse.commits[pulse.commits.len().saturating_sub(64)..pulse.commits.len() - 12]);
    let value = if year > 0.0 { graded(recent / year, 0.75, 0.1) } else { 1.0 };
    let why =
        format!("{recent:.1} commits a week in the last 12 weeks, {year:.1} in the year before");
    let drop = last_shift(&pulse.commits).and_then(|shift| dropped(open, pulse, &shift));
    Verdict::new("activity", 15, Some(value), why)
        .with(drop)
        .with(silent_authors(open, pulse, now_ms))
}

fn mean(sample: &[f64]) -> f64 {
    sample.iter().sum::<f64>() / sample.len().max(1) as f64
}

fn sleeping(open: &OpenFacts, days: f64) -> Finding {
    let last = date_text(day_of(open.ledger.last_ms));
    Finding::new(
        ASLEEP.id,
        Severity::Info,
        "project",
        format!("No commit on {} since {last}", open.mainline),
        format!(
            "The last commit is {days:.0} days old, three times longer than this project's usual \
             gaps. Trends are judged up to that day."
        ),
        "If the project goes on elsewhere, update this clone; if it is finished, pause this agent.",
        vec![
            Evidence::commit(&open.tip, format!("last commit of {}", open.mainline)),
            Evidence::number(days.round(), "days since the last commit"),
        ],
    )
}

fn dropped(open: &OpenFacts, pulse: &Pulse, shift: &Shift) -> Option<Finding> {
    let weeks = pulse.commits.len() - shift.at;
    if shift.after >= shift.before || weeks > usize::from(NEWS_WEEKS) {
        return None;
    }
    let lost = 1.0 - shift.after / shift.before;
    let severity = if lost > 0.5 && weeks >= 8 { Severity::Medium } else { Severity::Low };
    let since = date_text(monday_of(pulse.from + shift.at as u16));
    let people = |range: &[f64]| median(range).unwrap_or(0.0);
    let (before, after) = (people(&pulse.people[..shift.at]), people(&pulse.people[shift.at..]));
    Some(Finding::new(
        ACTIVITY_DROP.id,
        severity,
        "activity",
        format!("Commits fell from {:.0} to {:.0} a week since {since}", shift.before, shift.after),
        format!(
            "The usual week had {:.0} commits by {before:.0} people; for {weeks} weeks it has had \
             {:.0} by {after:.0}. The change is {:.1} times the project's usual spread and has \
             lasted, so it is no quiet week.",
            shift.before, shift.after, shift.effect
        ),
        "Ask what took the time away, and move the dates of open milestones if it will last.",
        vec![
            Evidence::number(shift.before, "median commits a week before"),
            Evidence::number(shift.after, "median commits a week since"),
            Evidence::number(weeks as f64, "weeks it has lasted"),
            Evidence::commit(&open.tip, "last commit looked at"),
        ],
    ))
}

/// Share of a year's weeks in which the key people of a project commit.
const KEY_WEEKS: usize = 12;
/// Silence shorter than this is a holiday.
const LEAST_SILENCE_WEEKS: f64 = 8.0;

/// One of the three most present people is silent for longer than they ever are.
fn silent_authors(open: &OpenFacts, pulse: &Pulse, now_ms: i64) -> Vec<Finding> {
    let until = week_of(now_ms.min(open.ledger.last_ms));
    let year = until.saturating_sub(52);
    let mut present: Vec<(usize, u32)> = (0..)
        .zip(&open.ledger.authors)
        .filter(|(_, author)| !author.bot)
        .map(|(index, author)| (author.weeks.iter().filter(|week| **week >= year).count(), index))
        .filter(|(weeks, _)| *weeks >= KEY_WEEKS)
        .collect();
    present.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
    // With one or two people, silence is the project's own and shows as such.
    if pulse.people_of_year(&open.ledger) < 3 {
        return Vec::new();
    }
    present.truncate(3);
    present.iter().filter_map(|(weeks, index)| silent(open, *index, *weeks, until)).collect()
}

fn silent(open: &OpenFacts, index: u32, weeks: usize, until: u16) -> Option<Finding> {
    let author = &open.ledger.authors[index as usize];
    let last = *author.weeks.last()?;
    let gaps: Vec<f64> = author.weeks.windows(2).map(|pair| f64::from(pair[1] - pair[0])).collect();
    let usual = quantile(&gaps, 0.95)?;
    let silence = f64::from(until.saturating_sub(last));
    if silence < (2.0 * usual).max(LEAST_SILENCE_WEEKS) {
        return None;
    }
    let owned = super::ownership::files_of(open, index);
    let last_day = date_text(day_of(author.last_ms));
    Some(Finding::new(
        KEY_AUTHOR_SILENT.id,
        Severity::Medium,
        &author.name,
        format!("{} has not committed since {last_day}", author.name),
        format!(
            "Present in {weeks} of the last 52 weeks and now silent for {silence:.0}; nineteen of \
             twenty of their gaps were at most {}. They are a main author of {}.",
            counted(usual.round() as usize, "week", "weeks"),
            counted(owned, "code file", "code files")
        ),
        format!(
            "Ask {} for a handover, and let someone else review and change what they know best.",
            author.name
        ),
        vec![
            Evidence::number(silence, "weeks of silence"),
            Evidence::number(weeks as f64, "weeks with a commit in the year before"),
            Evidence::number(owned as f64, "files they are a main author of"),
        ],
    ))
}
