//! The fast loop, for after every edit: nothing is installed, nothing is linked that need not be.

use crate::command;
use crate::fences::PURE;
use crate::generate;
use crate::layers;
use crate::report::{Outcome, Report};
use crate::test;
use crate::tidy;
use crate::workspace::Workspace;

/// `cargo xtask check`.
pub fn run(workspace: &Workspace, _: &[String]) -> Result<(), String> {
    let mut report = Report::default();
    house_rules(&mut report, workspace);
    report.stage("clippy", || clippy(command::cargo(&workspace.root)));
    report.stage("pure crates' tests", || {
        let mut arguments = vec!["--lib"];
        arguments.extend(PURE.iter().flat_map(|name| ["--package", name]));
        test::tests(|| command::cargo(&workspace.root), &arguments, &[])
    });
    report.stage("dependencies", || deny(workspace, &["bans", "licenses", "sources"]));
    report.stage("advisories", || deny(workspace, &["advisories"]));
    report.close()
}

/// The stages that need no build: format, layers, tidy, generated files.
pub fn house_rules(report: &mut Report, workspace: &Workspace) {
    report.stage("format", || {
        let ended =
            command::run(command::cargo(&workspace.root).args(["fmt", "--all", "--check"]))?;
        Ok(Outcome::of(ended.success))
    });
    report.stage("layers", || layers::run(workspace, &[]).map(|()| Outcome::of(true)));
    report.stage("tidy", || tidy::run(workspace, &[]).map(|()| Outcome::of(true)));
    report.stage("generated files", || match generate::stale(workspace).as_slice() {
        [] => Ok(Outcome::of(true)),
        stale => Err(format!("{stale:?} differ from their table; run `cargo xtask generate`")),
    });
}

/// Clippy over everything, warnings being errors.
pub fn clippy(mut cargo: std::process::Command) -> Result<Outcome, String> {
    cargo.args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    Ok(Outcome::of(command::run(&mut cargo)?.success))
}

fn deny(workspace: &Workspace, checks: &[&str]) -> Result<Outcome, String> {
    if !command::succeeds(command::cargo(&workspace.root).args(["deny", "--version"])) {
        let why = "cargo-deny is not installed; get it with `cargo install --locked cargo-deny`";
        return Ok(Outcome::NotRun(why.to_string()));
    }
    let mut cargo = command::cargo(&workspace.root);
    let ended = command::run(cargo.args(["deny", "--workspace", "check"]).args(checks))?;
    if !ended.success && ended.stderr.contains("failed to fetch advisory database") {
        return Ok(Outcome::NotRun("the advisory database cannot be fetched".to_string()));
    }
    Ok(Outcome::of(ended.success))
}
