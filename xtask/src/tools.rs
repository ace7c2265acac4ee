//! Tools that ours is measured beside: of one version each, in a folder of their own below `target`,
//! never in the product.

use crate::command;
use crate::workspace::Workspace;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where they are installed.
///
/// # Errors
/// When cargo does not say where it builds.
pub fn folder(workspace: &Workspace) -> Result<PathBuf, String> {
    let metadata = workspace.metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo names no target folder")?;
    Ok(Path::new(target).join("bench-tools"))
}

/// A tool that does what one of ours does.
pub struct Tool {
    pub name: &'static str,
    pub version: &'static str,
    /// Installs this version into a folder.
    install: fn(folder: &Path, version: &str) -> Command,
    /// The program below that folder.
    program: &'static str,
}

pub const LIZARD: Tool = Tool {
    name: "lizard",
    version: "1.24.3",
    install: |folder, version| {
        let script = "python3 -m venv \"$0\" && \"$0/bin/pip\" install --quiet \"lizard==$1\"";
        shell(script, folder, version)
    },
    program: "bin/lizard",
};

pub const JSCPD: Tool = Tool {
    name: "jscpd",
    version: "5.3.3",
    install: |folder, version| {
        let script =
            "npm install --prefix \"$0\" --no-audit --no-fund --ignore-scripts \"jscpd@$1\"";
        shell(script, folder, version)
    },
    // What the package's wrapper starts: the wrapper's own start is not what is measured.
    program: "node_modules/jscpd-linux-x64-gnu/bin/jscpd",
};

pub const RUST_CODE_ANALYSIS: Tool = Tool {
    name: "rust-code-analysis-cli",
    version: "0.0.25",
    install: |folder, version| {
        let script = "cargo install --quiet --locked --root \"$0\" \"rust-code-analysis-cli@$1\"";
        shell(script, folder, version)
    },
    program: "bin/rust-code-analysis-cli",
};

pub const TOKEI: Tool = Tool {
    name: "tokei",
    version: "15.0.0",
    install: |folder, version| {
        let script = "cargo install --quiet --locked --root \"$0\" \"tokei@$1\"";
        shell(script, folder, version)
    },
    program: "bin/tokei",
};

fn shell(script: &str, folder: &Path, version: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(folder).arg(version);
    shell
}

impl Tool {
    /// Its name with its version.
    pub fn shown(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// Its program in the folder of tools, installed first where it is missing.
    ///
    /// # Errors
    /// Why it can't be had here; the row then says so.
    pub fn program(&self, tools: &Path) -> Result<PathBuf, String> {
        let folder = tools.join(format!("{}-{}", self.name, self.version));
        let program = folder.join(self.program);
        if program.exists() {
            return Ok(program);
        }
        eprintln!("installing {} for this measurement", self.shown());
        let install = || {
            fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
            command::output(&mut (self.install)(&folder, self.version))
        };
        match install() {
            Ok(_) if program.exists() => Ok(program),
            Ok(_) => Err(format!("{} was installed and has no {}", self.shown(), self.program)),
            Err(why) => {
                let last = why.lines().last().unwrap_or_default();
                Err(format!("{} can't be had here: {last}", self.shown()))
            }
        }
    }
}
