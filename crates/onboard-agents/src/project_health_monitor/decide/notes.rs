//! Does unfinished work pile up in the comments?

use onboard_analysis::score::graded;
use onboard_text::counted;

use super::{OpenFacts, Verdict};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// `health/notes-growth`
pub const NOTES_GROWTH: Rule = Rule {
    id: "health/notes-growth",
    says: "that notes of unfinished work (TODO, FIXME, HACK, XXX) pile up, and where most came.",
    why: "Each is a promise to come back. When they grow faster than the code, nobody does.",
    when: &[
        Bound::at(
            "{} more than a quarter of a year ago",
            LEAST_GAINED as f64,
            "judgement: fewer are not worth a word",
        ),
        Bound::at("and {} % more", LEAST_SHARE * 100.0, "judgement: a quarter more in a quarter"),
        Bound::at(
            "and {} points more than the number of code files grew by",
            FASTER_THAN_CODE * 100.0,
            "judgement: a larger project has more of them",
        ),
    ],
    silence: "finish some, or turn them into issues.",
};

/// Growth smaller than this many notes in a quarter of a year is not worth a word.
const LEAST_GAINED: u32 = 15;
/// Growth must be this share of what was there …
const LEAST_SHARE: f64 = 0.25;
/// … and this much faster than the code itself grew.
const FASTER_THAN_CODE: f64 = 0.15;

pub fn judge(open: &OpenFacts) -> Verdict {
    let notes = &open.notes;
    let Some(before) = notes.before else {
        let why = format!(
            "{} now; no older state to compare with",
            counted(notes.now as usize, "note", "notes")
        );
        return Verdict::new("open notes", 10, None, why);
    };
    if notes.files == 0 {
        return Verdict::new("open notes", 10, None, "no code to read");
    }
    let growth = f64::from(notes.now) / f64::from(before.max(1)) - 1.0;
    let code = notes.files as f64 / notes.files_before.max(1) as f64 - 1.0;
    let gained = notes.now.saturating_sub(before);
    let value = if gained < LEAST_GAINED { 1.0 } else { graded(growth - code.max(0.0), 0.0, 0.6) };
    let why = format!(
        "{} TODO, FIXME, HACK and XXX now, {before} a quarter of a year before; {} and {} code files",
        notes.now, notes.files, notes.files_before
    );
    let grows = gained >= LEAST_GAINED
        && growth >= LEAST_SHARE
        && growth - code.max(0.0) >= FASTER_THAN_CODE;
    let finding = grows.then(|| {
        let mut evidence = vec![
            Evidence::number(f64::from(notes.now), "notes now"),
            Evidence::number(f64::from(before), "a quarter of a year before"),
        ];
        evidence.extend(notes.grown.iter().map(|file| {
            let text = format!("{} (+{}): {}", file.path, file.gained, file.text);
            Evidence::file(&file.path, Some(file.line), text)
        }));
        Finding::new(
            NOTES_GROWTH.id,
            Severity::Low,
            "notes",
            format!("{gained} more TODO and FIXME notes than a quarter of a year ago"),
            format!(
                "From {before} to {}, while the code went from {} to {} files.",
                notes.now, notes.files_before, notes.files
            ),
            match notes.grown.first() {
                Some(file) => {
                    format!("Start with {}: turn its notes into issues or finish them.", file.path)
                }
                None => "Turn the notes into issues or finish them.".to_owned(),
            },
            evidence,
        )
    });
    Verdict::new("open notes", 10, Some(value), why).with(finding)
}
