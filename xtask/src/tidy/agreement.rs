//! Files that repeat each other say the same: the README's test command is what CI runs.

use super::{File, Problem, problem};

/// The one command that runs all tests.
const TEST_COMMAND: &str = "cargo xtask test";

/// The files that have to name it.
const PLACES: &[&str] = &["README.md", ".ci/run"];

pub fn problems(files: &[File]) -> Vec<Problem> {
    let silent = |file: &&File| {
        PLACES.contains(&file.path.as_str())
            && !file.lines().any(|(_, line)| line.trim() == TEST_COMMAND)
    };
    let remedy = format!("give `{TEST_COMMAND}` a line of its own");
    let what = "the test command is missing";
    files.iter().filter(silent).map(|file| problem(file, 1, what, remedy.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use expect_test::expect;

    #[test]
    fn readme_and_ci_run_one_command() {
        check(
            "--- README.md\nRun\n\n    cargo xtask test\n--- .ci/run\ncargo test --workspace",
            expect![
                ".ci/run:1: the test command is missing; give `cargo xtask test` a line of its own"
            ],
        );
    }
}
