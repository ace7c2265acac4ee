//! Lines that tests reach, as LCOV and Cobertura write it.

use std::collections::BTreeMap;
use std::path::Path;

use super::own_path;
use crate::xml::{self, Mistake, Part};

/// Files kept of one result; the sums hold all of them.
const MOST_FILES: usize = 2_000;

/// Lines that are reached, of all that can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    pub reached: u32,
    pub all: u32,
    /// The same by file of the project.
    pub files: BTreeMap<String, (u32, u32)>,
}

impl Lines {
    fn add(&mut self, root: &Path, file: &str, lines: &BTreeMap<u32, bool>) {
        let count = |lines: usize| u32::try_from(lines).unwrap_or(u32::MAX);
        let (reached, all) =
            (count(lines.values().filter(|hit| **hit).count()), count(lines.len()));
        self.reached = self.reached.saturating_add(reached);
        self.all = self.all.saturating_add(all);
        let Some(path) = own_path(root, file) else { return };
        if self.files.len() < MOST_FILES {
            self.files.insert(path, (reached, all));
        }
    }
}

/// Reads `lcov.info`: of each file its lines and how often each was reached.
///
/// # Errors
/// When a line is none of its records, or it ends within a file's.
pub fn lcov(text: &str, root: &Path) -> Result<Lines, Mistake> {
    let mut sum = Lines::default();
    let mut file: Option<&str> = None;
    let mut lines = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| Mistake { line: number + 1, column: 1, what: what.to_owned() };
        match line.trim().split_once(':') {
            Some(("SF", path)) => file = Some(path),
            Some(("DA", record)) => {
                let mut parts = record.split(',');
                let at = parts.next().and_then(|at| at.trim().parse().ok());
                // Counts may be larger than any integer, and some tools write a sign or a point.
                let hits = parts.next().and_then(|hits| hits.trim().parse::<f64>().ok());
                let (Some(at), Some(hits)) = (at, hits) else {
                    return Err(wrong("`DA` has a line's number and how often it was reached"));
                };
                *lines.entry(at).or_insert(false) |= hits > 0.0;
            }
            None if line.trim() == "end_of_record" => {
                let path = file.take().ok_or_else(|| wrong("`end_of_record` without `SF`"))?;
                sum.add(root, path, &std::mem::take(&mut lines));
            }
            None if !line.trim().is_empty() => return Err(wrong("it is no record of LCOV")),
            Some(_) | None => {}
        }
    }
    match file {
        None => Ok(sum),
        Some(_) => Err(Mistake::at(text, text.len(), "it ends before `end_of_record`")),
    }
}

/// Reads Cobertura's `coverage.xml`; `None` where it is another tool's format of that name.
///
/// # Errors
/// When it is no well-formed XML, or not whole.
pub fn cobertura(text: &str, root: &Path) -> Result<Option<Lines>, Mistake> {
    let mut files: BTreeMap<String, BTreeMap<u32, bool>> = BTreeMap::new();
    let mut sources = Vec::new();
    let mut is_ours = false;
    let mut file = None;
    let mut depth_of_methods = 0_u32;
    let mut in_source = false;
    xml::read(text, &mut |part| match part {
        Part::Begins(element) => match element.name() {
            "coverage" => is_ours |= element.attribute("line-rate").is_some(),
            "source" => in_source = true,
            "class" => file = element.attribute("filename"),
            "methods" => depth_of_methods += 1,
            // Lines of methods are among those of the class as well.
            "line" if depth_of_methods == 0 => {
                if let (Some(file), Some(at)) = (&file, element.number("number")) {
                    let hits = element.attribute("hits").and_then(|hits| hits.parse::<f64>().ok());
                    let lines = files.entry(file.clone()).or_default();
                    *lines.entry(at).or_insert(false) |= hits.is_some_and(|hits| hits > 0.0);
                }
            }
            _ => {}
        },
        Part::Text(path) if in_source => sources.push(path.trim().to_owned()),
        Part::Text(_) => {}
        Part::Ends("methods") => depth_of_methods = depth_of_methods.saturating_sub(1),
        Part::Ends("source") => in_source = false,
        Part::Ends(_) => {}
    })?;
    if !is_ours {
        return Ok(None);
    }
    let mut sum = Lines::default();
    for (file, lines) in files {
        // Its paths begin at one of the sources.
        let below = sources.iter().map(|source| format!("{}/{file}", source.trim_end_matches('/')));
        let found = below.chain([file.clone()]).find(|path| own_path(root, path).is_some());
        sum.add(root, &found.unwrap_or(file), &lines);
    }
    Ok(Some(sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(read: Result<Option<Lines>, Mistake>, expected: Expect) {
        expected.assert_eq(&match read {
            Ok(None) => "another format".to_owned(),
            Ok(Some(lines)) => format!("{} of {} lines", lines.reached, lines.all),
            Err(Mistake { line, column, what }) => format!("{line}:{column}: {what}"),
        });
    }

    #[test]
    fn what_tools_write() {
        let root = Path::new("/nonexistent");
        let lcov = |text: &str| lcov(text, root).map(Some);
        check(
            lcov(
                "TN:\nSF:src/a.rs\nFN:1,f\nDA:1,3\nDA:2,0,checksum\nDA:1,0\nLF:2\nend_of_record\nSF:b\nDA:9,1\nend_of_record\n",
            ),
            expect!["2 of 3 lines"],
        );
        check(lcov(""), expect!["0 of 0 lines"]);
        check(lcov("SF:a\nDA:1,1\n"), expect!["3:1: it ends before `end_of_record`"]);
        check(
            lcov("SF:a\nDA:x\n"),
            expect!["2:1: `DA` has a line's number and how often it was reached"],
        );
        check(lcov("SF:a\n<html>\n"), expect!["2:1: it is no record of LCOV"]);
        check(lcov("end_of_record\n"), expect!["1:1: `end_of_record` without `SF`"]);
        let cobertura = |text: &str| cobertura(text, root);
        let text = r#"<coverage line-rate="0.5"><sources><source>/x</source></sources><packages><package><classes>
            <class filename="a.py"><methods><method><lines><line number="1" hits="1"/></lines></method></methods>
            <lines><line number="1" hits="1"/><line number="2" hits="0"/></lines></class>
            <class filename="a.py"><methods/><lines><line number="2" hits="4"/><line number="3" hits="0"/></lines></class>
            </classes></package></packages></coverage>"#;
        check(cobertura(text), expect!["2 of 3 lines"]);
        check(
            cobertura("<coverage generated='1'><project/></coverage>"),
            expect!["another format"],
        );
        check(
            cobertura("<coverage line-rate='1'>\n<packages>"),
            expect!["2:11: it ends in the middle of an element"],
        );
    }
}
