//! What the tests need from the machine, why, and how it is installed.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::workspace::Workspace;

/// For what a package is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// All tests.
    Tests,
    /// The tests' second run, as an ordinary user, which only root can start.
    SecondUser,
    /// `cargo xtask bench`.
    Bench,
    /// `cargo xtask fuzz`.
    Fuzz,
}

/// A Debian package, the program of it that is used, and the reason.
struct Package {
    name: &'static str,
    program: &'static str,
    need: Need,
    why: &'static str,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "git",
        program: "git",
        need: Need::Tests,
        why: "tests build the repositories that agents read",
    },
    Package {
        name: "python3",
        program: "python3",
        need: Need::Tests,
        why: "the example agent in Python runs in its test",
    },
    Package {
        name: "util-linux",
        program: "setpriv",
        need: Need::SecondUser,
        why: "setpriv runs the tests as an ordinary user",
    },
    Package {
        name: "bubblewrap",
        program: "bwrap",
        need: Need::Bench,
        why: "the sandboxed start is measured beside bwrap's",
    },
    Package {
        name: "tinyproxy-bin",
        program: "tinyproxy",
        need: Need::Bench,
        why: "connections through the proxy are measured beside tinyproxy's",
    },
    Package {
        name: "g++",
        program: "c++",
        need: Need::Fuzz,
        why: "the fuzzer that the targets are linked with is written in C++",
    },
];

/// Whether this process may do what root may.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The folders of PATH in which a program counts: for the second user those it can enter.
pub fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| !is_root() || others_reach(folder).is_ok())
        .collect()
}

/// Whether any user may reach and read this path; else the first part of it that is closed.
///
/// # Errors
/// The closed part, or the path itself when it is not there.
pub fn others_reach(path: &Path) -> Result<(), PathBuf> {
    let path = path.canonicalize().map_err(|_| path.to_path_buf())?;
    for part in path.ancestors() {
        let mode = std::fs::metadata(part).map_err(|_| part.to_path_buf())?.permissions().mode();
        let wanted = match part == path {
            true if path.is_dir() => 0o005,
            true => 0o004,
            false => 0o001,
        };
        if mode & wanted != wanted {
            return Err(part.to_path_buf());
        }
    }
    Ok(())
}

fn is_there(package: &Package, folders: &[PathBuf]) -> bool {
    let runs = |path: PathBuf| {
        std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o001 != 0)
    };
    folders.iter().any(|folder| runs(folder.join(package.program)))
}

/// Sees that the packages of one need are there, installing what is missing.
///
/// # Errors
/// Names every package that is missing, why it is needed and the command that installs it.
pub fn ensure(need: Need) -> Result<(), String> {
    let wanted: Vec<&Package> = PACKAGES.iter().filter(|package| package.need == need).collect();
    let missing = |folders: &[PathBuf]| -> Vec<&Package> {
        wanted.iter().copied().filter(|package| !is_there(package, folders)).collect()
    };
    let absent = missing(&folders());
    if absent.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = absent.iter().map(|package| package.name).collect();
    let tried =
        if is_root() { install(&names) } else { Err("only root can install it".to_string()) };
    let absent = missing(&folders());
    match tried {
        Ok(()) if absent.is_empty() => Ok(()),
        Ok(()) => Err(remedy(&absent, "installing it did not help")),
        Err(message) => Err(remedy(&absent, &message)),
    }
}

fn remedy(absent: &[&Package], reason: &str) -> String {
    let lines: Vec<String> = absent
        .iter()
        .map(|package| format!("`{}` is missing: {}", package.program, package.why))
        .collect();
    let names: Vec<&str> = absent.iter().map(|package| package.name).collect();
    format!("{}\n{reason}; as root: apt-get install {}", lines.join("\n"), names.join(" "))
}

fn install(names: &[&str]) -> Result<(), String> {
    println!("installing {}", names.join(" "));
    let apt = |arguments: &[&str]| {
        command::output(
            Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "--quiet"])?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt(&[install.as_slice(), names].concat()).map(drop)
}

/// Sees that a component of the toolchain (`clippy`, `rustfmt`) is there, adding it when missing.
///
/// # Errors
/// Says how to add it by hand.
pub fn ensure_component(workspace: &Workspace, chore: &str, component: &str) -> Result<(), String> {
    let runs = || command::succeeds(command::cargo(&workspace.root).args([chore, "--version"]));
    if runs() {
        return Ok(());
    }
    println!("adding {component} to the toolchain");
    let added = command::output(Command::new("rustup").args(["component", "add", component]));
    match added {
        Ok(_) if runs() => Ok(()),
        Ok(_) => Err(format!("{component} was added and still does not run")),
        Err(message) => Err(format!(
            "{component} is missing ({}); add it: rustup component add {component}",
            message.lines().last().unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_folder_on_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let closed = folder.path().canonicalize().unwrap();
        assert_eq!(others_reach(&open), Err(closed));
        assert_eq!(others_reach(Path::new("/usr/bin")), Ok(()));
    }

    #[test]
    fn a_missing_package_is_said_with_its_reason_and_its_command() {
        let measured: Vec<&Package> =
            PACKAGES.iter().filter(|package| package.need == Need::Bench).collect();
        expect_test::expect![[r#"
            `bwrap` is missing: the sandboxed start is measured beside bwrap's
            `tinyproxy` is missing: connections through the proxy are measured beside tinyproxy's
            only root can install it; as root: apt-get install bubblewrap tinyproxy-bin"#]]
        .assert_eq(&remedy(&measured, "only root can install it"));
    }
}
