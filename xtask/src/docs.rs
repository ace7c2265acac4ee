//! The agents' pages in `docs/agents`, written from what stands beside their rules. Links nothing of
//! the product: it builds and runs the example that writes them.

use crate::command;
use crate::workspace::Workspace;

/// `cargo xtask docs`. A test of `onboard-agents` says when it has to be run.
pub fn run(workspace: &Workspace, _: &[String]) -> Result<(), String> {
    let mut cargo = command::cargo(&workspace.root);
    cargo.args(["run", "--quiet", "--package", "onboard-agents", "--example", "manual_pages"]);
    match command::run(cargo.args(["--", "docs"]))?.success {
        true => println!("the agents' pages are up to date"),
        false => return Err("the pages could not be written".to_owned()),
    }
    Ok(())
}
