//! Metrics and copied code of a project's files, beside tools that do the same.

use super::cost::{self, Cost};
use super::history::{spent, wall};
use super::subject::list;
use super::{Bench, Line};
use crate::tools::{JSCPD, LIZARD, RUST_CODE_ANALYSIS, Tool};
use std::path::{Path, PathBuf};

/// What all four can read.
const ENDINGS: &[&str] = &[
    "rs", "py", "js", "jsx", "ts", "tsx", "go", "java", "c", "h", "cc", "cpp", "hpp", "cs", "rb",
    "php",
];
/// And what rust-code-analysis can: of its languages those that it still parses well.
const ENDINGS_RCA: &[&str] =
    &["rs", "py", "js", "jsx", "ts", "tsx", "java", "c", "h", "cc", "cpp", "hpp"];

/// Metrics of every function.
pub fn metrics(bench: &Bench) -> Result<Vec<Line>, String> {
    let files = bench.subject.files(bench)?;
    let all = list(bench, "all.list", files, ENDINGS)?;
    let some = list(bench, "some.list", files, ENDINGS_RCA)?;
    let program = bench.built.join("examples/measure_code");
    let beside_lizard = |tool: &Path| {
        let list = all.to_string_lossy();
        cost::of(tool, &["--csv", "-t", "2", "-i", "-1", "-f", &list], Path::new("/dev/null"), &[])
    };
    let folder = files.to_string_lossy();
    let beside_rca = |tool: &Path| {
        let out = bench.new_folder("metrics")?;
        let out = out.to_string_lossy();
        // It takes globs, and no list of files.
        let globs: Vec<String> =
            ENDINGS_RCA.iter().map(|ending| format!("**/*.{ending}")).collect();
        let mut words = vec!["--metrics", "-O", "json", "-j", "2", "-p", &folder, "-o", &out];
        words.extend(globs.iter().flat_map(|glob| ["-I", glob.as_str()]));
        cost::of(tool, &words, Path::new("/dev/null"), &[])
    };
    let ours = |list: &PathBuf| {
        let list = list.clone();
        let program = program.clone();
        move || cost::of(&program, &["2"], &list, &[])
    };
    Ok(vec![
        line(
            bench,
            &RUST_CODE_ANALYSIS,
            "metrics of all functions, beside rust-code-analysis",
            ("≤ 0.5 × its time", 0.5),
            ours(&some),
            beside_rca,
        )?,
        line(
            bench,
            &LIZARD,
            "metrics of all functions, beside lizard",
            ("≤ 0.25 × its time", 0.25),
            ours(&all),
            beside_lizard,
        )?,
    ])
}

/// Rounds of both, one after the other, or a line that says why there is no tool.
fn line(
    bench: &Bench,
    tool: &Tool,
    what: &'static str,
    (aim, limit): (&'static str, f64),
    ours: impl Fn() -> Result<Cost, String>,
    theirs: impl Fn(&Path) -> Result<Cost, String>,
) -> Result<Line, String> {
    let program = tool.program(&bench.tools);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(3, 1) {
        own.push(ours()?);
        if let Ok(program) = &program {
            other.push(theirs(program)?);
        }
    }
    let shown = wall(&own)?;
    let (reference, judged) = match &program {
        Ok(_) => {
            let beside = wall(&other)?;
            let text = format!("{}: {}, {}", tool.shown(), beside.show("s"), spent(&other));
            (text, shown.median() / beside.median())
        }
        // Without anything beside it nothing was met.
        Err(why) => (why.clone(), f64::INFINITY),
    };
    Ok(Line {
        what,
        ours: format!("{}, {}", shown.show("s"), spent(&own)),
        reference,
        aim,
        limit,
        judged,
        why_missed: "Both use two threads; most of the time goes into parsing.",
    })
}

/// Copied code.
pub fn duplication(bench: &Bench) -> Result<Vec<Line>, String> {
    let files = bench.subject.files(bench)?;
    let all = list(bench, "duplication.list", files, ENDINGS)?;
    let program = bench.built.join("examples/duplicates");
    let folder = files.to_string_lossy();
    let formats = "rust,python,javascript,jsx,typescript,tsx,go,java,c,c-header,cpp,cpp-header,csharp,ruby,php";
    let tool = JSCPD.program(&bench.tools);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(3, 1) {
        ours.push(cost::of(&program, &["2"], &all, &[])?);
        if let Ok(tool) = &tool {
            let words =
                ["-k", "50", "-l", "5", "-r", "silent", "--no-gitignore", "-f", formats, &folder];
            theirs.push(cost::of(tool, &words, Path::new("/dev/null"), &[])?);
        }
    }
    let most = |costs: &[Cost]| costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max);
    let (own, beside) = (wall(&ours)?, wall(&theirs));
    let reference = match &tool {
        Ok(_) => format!("{}: {}, {}", JSCPD.shown(), beside.clone()?.show("s"), spent(&theirs)),
        Err(why) => why.clone(),
    };
    let beside = beside.map_or(0.0, |beside| beside.median());
    let line = |what, aim, limit, judged, why_missed| Line {
        what,
        ours: format!("{}, {}", own.show("s"), spent(&ours)),
        reference: reference.clone(),
        aim,
        limit,
        judged,
        why_missed,
    };
    Ok(vec![
        line(
            "copied code: time",
            "≤ jscpd's time",
            1.0,
            own.median() / beside,
            "Every file is parsed, so that a renamed copy is one too; jscpd compares tokens as they stand.",
        ),
        line(
            "copied code: memory",
            "≤ a fifth of jscpd's",
            0.2,
            most(&ours) / most(&theirs),
            "All tokens are kept while places are compared.",
        ),
    ])
}
