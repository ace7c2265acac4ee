//! The tests again as an ordinary user, for the crates that promise to work as both: those with
//! `both-users = true` in `[package.metadata.onboard]`. The binaries are the ones already built;
//! the user has a home, a runtime folder and a temporary folder of its own.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command;
use crate::packages;
use crate::place::Place;
use crate::report::Outcome;
use crate::test::{BUILT, libtest_counts};

/// `nobody`: the one ordinary user every Debian has.
const USER: u32 = 65_534;

/// A test binary is ended after this many seconds; the slowest honest one takes a tenth of it on
/// two cores.
const BINARY_SECONDS_MAX: u32 = 1_800;

/// A test binary and the folder its tests start in.
struct Binary {
    crate_name: String,
    folder: PathBuf,
    program: PathBuf,
}

/// Runs the marked crates' tests as an ordinary user.
pub fn run(place: &Place) -> Result<Outcome, String> {
    if !packages::is_root() {
        let why = "started as an ordinary user, who has just run them; root's half needs root";
        return Ok(Outcome::NotRun(why.to_string()));
    }
    let metadata = place.workspace.metadata()?;
    let marked = marked(&metadata);
    if marked.is_empty() {
        return Ok(Outcome::NotRun("no crate says `both-users = true`".to_string()));
    }
    packages::ensure(packages::Need::SecondUser)?;
    let built =
        place.cargo().arg("test").args(BUILT).args(["--no-run", "--message-format=json"]).output();
    let built = built.map_err(|error| format!("cargo: {error}"))?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned());
    }
    let home = Home::make()?;
    let (mut all_passed, mut all_failed) = (0, 0);
    for binary in binaries(&String::from_utf8_lossy(&built.stdout), &marked) {
        packages::others_reach(&binary.program)
            .map_err(|closed| format!("other users cannot read {}", closed.display()))?;
        println!("   {} {}", binary.crate_name, binary.program.display());
        let ended = command::run(&mut as_user(&binary, &home))?;
        let (passed, failed) = libtest_counts(&ended.stdout);
        all_passed += passed;
        all_failed += if ended.success { failed } else { failed.max(1) };
    }
    Ok(Outcome::Counted { passed: all_passed, failed: all_failed })
}

/// The marked crates: manifest path and name.
fn marked(metadata: &Value) -> Vec<(String, String)> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    packages
        .iter()
        .filter(|package| package["metadata"]["onboard"]["both-users"] == true)
        .filter_map(|package| {
            Some((package["manifest_path"].as_str()?.into(), package["name"].as_str()?.into()))
        })
        .collect()
}

/// The marked crates' test binaries in what cargo said of its build.
fn binaries(messages: &str, marked: &[(String, String)]) -> Vec<Binary> {
    let binary = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let manifest = message["manifest_path"].as_str()?;
        let (_, name) = marked.iter().find(|(path, _)| path == manifest)?;
        let program = message["executable"].as_str()?;
        (message["profile"]["test"] == true).then(|| Binary {
            crate_name: name.clone(),
            folder: Path::new(manifest).parent().unwrap_or(Path::new("/")).to_path_buf(),
            program: PathBuf::from(program),
        })
    };
    messages.lines().filter_map(binary).collect()
}

fn as_user(binary: &Binary, home: &Home) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", &BINARY_SECONDS_MAX.to_string(), "setpriv"]);
    command.args([format!("--reuid={USER}"), format!("--regid={USER}")]);
    command.args(["--clear-groups", "--inh-caps=-all", "--"]).arg(&binary.program);
    command.current_dir(&binary.folder).env_clear();
    command.env("PATH", std::env::join_paths(packages::folders()).unwrap_or_default());
    command.env("HOME", home.root.join("home")).env("TMPDIR", home.root.join("tmp"));
    command.env("XDG_RUNTIME_DIR", home.root.join("run"));
    command.env("CARGO_MANIFEST_DIR", &binary.folder).env("CARGO_PKG_NAME", &binary.crate_name);
    command
}

/// The user's folders, removed at the end. Below `/tmp` and with a short name, for a unix socket's
/// path holds 107 bytes.
struct Home {
    root: PathBuf,
}

impl Home {
    fn make() -> Result<Home, String> {
        let home = Home { root: PathBuf::from(format!("/tmp/onboard-{}", std::process::id())) };
        let say = |error: std::io::Error| format!("{}: {error}", home.root.display());
        fs::DirBuilder::new().mode(0o711).create(&home.root).map_err(say)?;
        for name in ["home", "tmp", "run"] {
            let folder = home.root.join(name);
            fs::DirBuilder::new().mode(0o700).create(&folder).map_err(say)?;
            chown(&folder, Some(USER), Some(USER)).map_err(say)?;
        }
        Ok(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_binaries_of_marked_crates_run_twice() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "a", "manifest_path": "/p/a/Cargo.toml", "metadata": { "onboard": { "both-users": true } } },
            { "name": "b", "manifest_path": "/p/b/Cargo.toml", "metadata": null },
        ] });
        let line = |manifest: &str, test: bool, executable: Option<&str>| {
            let profile = serde_json::json!({ "test": test });
            serde_json::json!({ "manifest_path": manifest, "profile": profile, "executable": executable })
                .to_string()
        };
        let messages = [
            line("/p/a/Cargo.toml", true, Some("/t/a-1")),
            line("/p/a/Cargo.toml", false, Some("/t/a")),
            line("/p/a/Cargo.toml", false, None),
            line("/p/b/Cargo.toml", true, Some("/t/b-1")),
        ];
        let found = binaries(&messages.join("\n"), &marked(&metadata));
        let programs: Vec<&Path> = found.iter().map(|binary| binary.program.as_path()).collect();
        assert_eq!(programs, [Path::new("/t/a-1")]);
        assert_eq!(found[0].folder, Path::new("/p/a"));
    }

    #[test]
    fn only_root_becomes_another_user_and_that_user_has_a_home() {
        let env = Binary {
            crate_name: "a".to_string(),
            folder: PathBuf::from("/"),
            program: PathBuf::from("/usr/bin/env"),
        };
        let script = "id -u; id -G; : > \"$HOME/x\" && : > \"$TMPDIR/x\" && echo writes";
        let said = Home::make()
            .and_then(|home| command::output(as_user(&env, &home).args(["sh", "-c", script])));
        if packages::is_root() {
            assert_eq!(said, Ok("65534\n65534\nwrites\n".to_string()));
        } else {
            assert!(said.is_err(), "{said:?}");
        }
    }
}
