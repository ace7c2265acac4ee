//! The page: one table, the machine, and what was missed and why.

use super::Line;
use super::machine::Machine;
use super::spread::short;

/// The text of `docs/benchmarks.md`.
pub fn write(lines: &[Line], before: &Machine, after: &Machine, subject: Option<&str>) -> String {
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`, which measures everything anew; \
         `cargo xtask bench --only ROW` measures one row, `--quick` with few rounds. Figures are \
         medians with their quartiles (with few rounds: with the least and the most); each is \
         measured beside its reference in the same run.\n\n",
    );
    page.push_str(&format!(
        "Machine: {} cores ({}), {:.0} GiB of memory, Linux {}, as {}. Load when it began {}, when \
         it ended {}; more than the number of cores means that other work ran beside.\n\n",
        before.cores,
        before.processor,
        before.memory_gib,
        before.kernel,
        before.user,
        before.load,
        after.load,
    ));
    if let Some(subject) = subject {
        page.push_str(&format!("{subject} `--repository PATH` names another.\n\n"));
    }
    page.push_str("| what | ours | beside it | aim | |\n|---|---|---|---|---|\n");
    for line in lines {
        let Line { what, ours, reference, aim, .. } = line;
        page.push_str(&format!("| {what} | {ours} | {reference} | {aim} | {} |\n", verdict(line)));
    }
    let missed: Vec<&Line> =
        lines.iter().filter(|line| line.judged.is_finite() && !is_met(line)).collect();
    if !missed.is_empty() {
        page.push_str("\n## What was missed\n\n");
        for line in missed {
            page.push_str(&format!("- {}: {}. {}\n", line.what, by(line), line.why_missed));
        }
    }
    page
}

fn is_met(line: &Line) -> bool {
    line.judged <= line.limit
}

fn verdict(line: &Line) -> String {
    match line.judged.is_finite() {
        // What should be beside it could not be had.
        false => "not shown".into(),
        true if is_met(line) => "met".into(),
        true => format!("missed: {}", by(line)),
    }
}

fn by(line: &Line) -> String {
    format!("{} instead of {}", short(line.judged), short(line.limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_page() {
        let machine = || Machine {
            cores: 2,
            processor: "a processor".into(),
            memory_gib: 24.0,
            kernel: "6.1".into(),
            load: "0.10".into(),
            user: "root",
        };
        let line = |judged| Line {
            what: "start",
            ours: "20 ms".into(),
            reference: "exec of true: 1 ms".into(),
            aim: "≤ 50 ms",
            limit: 50.0,
            judged,
            why_missed: "The disk is slow.",
        };
        let page =
            write(&[line(20.0), line(60.0), line(f64::INFINITY)], &machine(), &machine(), None);
        let table = page.split_once("| what").map_or("", |(_, table)| table);
        expect![[r#"
             | ours | beside it | aim | |
            |---|---|---|---|---|
            | start | 20 ms | exec of true: 1 ms | ≤ 50 ms | met |
            | start | 20 ms | exec of true: 1 ms | ≤ 50 ms | missed: 60.0 instead of 50.0 |
            | start | 20 ms | exec of true: 1 ms | ≤ 50 ms | not shown |

            ## What was missed

            - start: 60.0 instead of 50.0. The disk is slow.
        "#]]
        .assert_eq(table);
    }
}
