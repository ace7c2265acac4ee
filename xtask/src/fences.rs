//! The table of fences: what may be called where, and why. Each crate's `clippy.toml` is written
//! from it, so a ban and the one place that lifts it are read side by side.
//!
//! A lift covers a whole crate because the touch is that crate's job. Where only one place of a
//! crate needs it (the daemon's clock, the command line starting the daemon from its own binary,
//! a test), that place carries `#[allow(clippy::disallowed_methods, reason = "…")]` instead.

/// Every crate that has a `clippy.toml` of its own. The root's file bans everything and holds for
/// a crate that is not in this list.
pub const CRATES: &[&str] = &[
    "onboard-domain",
    "onboard-text",
    "onboard-validation",
    "onboard-analysis",
    "onboard-journal",
    "onboard-policy",
    "onboard-protocol",
    "onboard-scheduler",
    "onboard-sandbox",
    "onboard-egress",
    "onboard-writer",
    "onboard-agents",
    "onboard-daemon",
    "onboard-web",
    "onboard-cli",
    "onboard-sim",
    "xtask",
];

/// The crates that read text and decide: `#![no_std]` and `alloc`, nothing of the world.
pub const PURE: &[&str] = &[
    "onboard-domain",
    "onboard-text",
    "onboard-validation",
    "onboard-policy",
    "onboard-protocol",
    "onboard-scheduler",
];

/// Where a fence stands.
pub enum Stands {
    /// In every crate but these, each with the reason it is free.
    Outside(&'static [(&'static str, &'static str)]),
    /// In these crates and in no other.
    Inside(&'static [&'static str]),
}

/// What a ban is about; the two kinds are two lists of `clippy.toml`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Method,
    Type,
}

/// One banned path.
pub struct Ban {
    pub kind: Kind,
    pub path: &'static str,
}

/// A subject, the places where it is banned, and what to do instead.
pub struct Fence {
    pub subject: &'static str,
    pub reason: &'static str,
    pub stands: Stands,
    pub bans: &'static [Ban],
}

impl Fence {
    /// Whether the fence stands in this crate. The root's file (`None`) has every fence.
    pub fn stands_in(&self, name: Option<&str>) -> bool {
        match (&self.stands, name) {
            (_, None) => true,
            (Stands::Outside(free), Some(name)) => {
                free.iter().all(|(crate_name, _)| *crate_name != name)
            }
            (Stands::Inside(fenced), Some(name)) => fenced.contains(&name),
        }
    }
}

const fn method(path: &'static str) -> Ban {
    Ban { kind: Kind::Method, path }
}

const fn of_type(path: &'static str) -> Ban {
    Ban { kind: Kind::Type, path }
}

/// The pure crates, and the analysis, which has `std` but no world either.
const NO_FILES: &[&str] = &[
    "onboard-domain",
    "onboard-text",
    "onboard-validation",
    "onboard-policy",
    "onboard-protocol",
    "onboard-scheduler",
    "onboard-analysis",
];

const CHORE: &str = "chores drive the machine, and nothing of the product links them";

/// The fences, in the order they appear in each file.
pub const FENCES: &[Fence] = &[
    Fence {
        subject: "processes",
        reason: "a process is started by onboard-sandbox alone, behind its walls: describe a launch and hand it over",
        stands: Stands::Outside(&[("onboard-sandbox", "launching is its job"), ("xtask", CHORE)]),
        bans: &[method("std::process::Command::new"), method("tokio::process::Command::new")],
    },
    Fence {
        subject: "clock",
        reason: "time is an input: take `now` as an argument, the daemon's clock is the one reader",
        stands: Stands::Outside(&[
            ("onboard-cli", "it measures what a person waits for"),
            ("onboard-sandbox", "it enforces deadlines on real processes"),
            ("onboard-journal", "it paces group commit; what it stores carries no time of its own"),
            ("xtask", CHORE),
        ]),
        bans: &[
            method("std::time::SystemTime::now"),
            method("std::time::Instant::now"),
            method("jiff::Timestamp::now"),
            method("jiff::Zoned::now"),
            method("jiff::tz::TimeZone::system"),
            method("jiff::tz::TimeZone::try_system"),
            method("tokio::time::Instant::now"),
        ],
    },
    Fence {
        subject: "environment",
        reason: "the environment is read once, by the command line and the daemon's configuration: take the value as an argument",
        stands: Stands::Outside(&[
            ("onboard-cli", "arguments and environment are what it turns into values"),
            ("xtask", CHORE),
        ]),
        bans: &[
            method("std::env::var"),
            method("std::env::var_os"),
            method("std::env::vars"),
            method("std::env::vars_os"),
        ],
    },
    Fence {
        subject: "sleep",
        reason: "sleeping guesses: wait for the condition itself (a channel, a readable descriptor, a process's end)",
        stands: Stands::Outside(&[]),
        bans: &[method("std::thread::sleep"), method("std::thread::sleep_ms")],
    },
    Fence {
        subject: "outgoing network",
        reason: "outgoing connections live in onboard-egress: ask it, or state that the network is unreachable",
        stands: Stands::Outside(&[("onboard-egress", "the only outgoing connections are its job")]),
        bans: &[
            method("std::net::TcpStream::connect"),
            method("std::net::TcpStream::connect_timeout"),
            method("std::net::UdpSocket::bind"),
            method("tokio::net::TcpStream::connect"),
            method("tokio::net::UdpSocket::bind"),
        ],
    },
    Fence {
        subject: "network types",
        reason: "sockets of the network live in onboard-egress (outgoing) and onboard-web (incoming); local peers use unix sockets",
        stands: Stands::Outside(&[
            ("onboard-egress", "outgoing connections are its job"),
            ("onboard-web", "it listens for the browser"),
        ]),
        bans: &[
            of_type("std::net::TcpStream"),
            of_type("std::net::TcpListener"),
            of_type("std::net::UdpSocket"),
            of_type("tokio::net::TcpStream"),
            of_type("tokio::net::TcpListener"),
            of_type("tokio::net::UdpSocket"),
        ],
    },
    Fence {
        subject: "files",
        reason: "values in, values out: the caller reads and writes files",
        stands: Stands::Inside(NO_FILES),
        bans: &[
            of_type("std::fs::File"),
            of_type("std::fs::OpenOptions"),
            of_type("std::fs::DirBuilder"),
            method("std::fs::canonicalize"),
            method("std::fs::copy"),
            method("std::fs::create_dir"),
            method("std::fs::create_dir_all"),
            method("std::fs::exists"),
            method("std::fs::hard_link"),
            method("std::fs::metadata"),
            method("std::fs::read"),
            method("std::fs::read_dir"),
            method("std::fs::read_link"),
            method("std::fs::read_to_string"),
            method("std::fs::remove_dir"),
            method("std::fs::remove_dir_all"),
            method("std::fs::remove_file"),
            method("std::fs::rename"),
            method("std::fs::set_permissions"),
            method("std::fs::symlink_metadata"),
            method("std::fs::write"),
            method("std::path::Path::canonicalize"),
            method("std::path::Path::exists"),
            method("std::path::Path::is_dir"),
            method("std::path::Path::is_file"),
            method("std::path::Path::is_symlink"),
            method("std::path::Path::metadata"),
            method("std::path::Path::read_dir"),
            method("std::path::Path::read_link"),
            method("std::path::Path::symlink_metadata"),
            method("std::path::Path::try_exists"),
        ],
    },
    Fence {
        subject: "random order",
        reason: "its order differs from run to run, and replay must not: use BTreeMap or BTreeSet",
        stands: Stands::Inside(PURE),
        bans: &[of_type("std::collections::HashMap"), of_type("std::collections::HashSet")],
    },
];

/// The text of one crate's `clippy.toml`; of the root's with `None`.
pub fn clippy_toml(name: Option<&str>) -> String {
    let mut text = String::from(
        "# Written by `cargo xtask generate` from the table in xtask/src/fences.rs; change it there.\n",
    );
    for fence in FENCES {
        let Stands::Outside(free) = &fence.stands else { continue };
        if let Some((_, why)) = free.iter().find(|(crate_name, _)| Some(*crate_name) == name) {
            text.push_str(&format!("# Free here: {} ({why}).\n", fence.subject));
        }
    }
    text.push_str(&ban_list(name, "disallowed-methods", Kind::Method));
    text.push_str(&ban_list(name, "disallowed-types", Kind::Type));
    text
}

fn ban_list(name: Option<&str>, key: &str, kind: Kind) -> String {
    let mut text = format!("\n{key} = [\n");
    for fence in FENCES.iter().filter(|fence| fence.stands_in(name)) {
        for ban in fence.bans.iter().filter(|ban| ban.kind == kind) {
            // A crate, or a feature of it, that is not among the dependencies is not a mistake here.
            let invalid = if ban.path.starts_with("std::") { "" } else { ", allow-invalid = true" };
            let (path, reason) = (ban.path, fence.reason);
            text.push_str(&format!("  {{ path = \"{path}\", reason = \"{reason}\"{invalid} }},\n"));
        }
    }
    text.push_str("]\n");
    text
}

#[cfg(test)]
mod tests {
    //! Breaks every fence in every crate at once: a small workspace in a temporary folder whose
    //! crates carry the real `clippy.toml` files and the real lint table, checked by one clippy.

    use super::*;
    use crate::{command, workspace::Workspace};
    use expect_test::expect;
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    /// Stand-ins for the foreign crates whose paths are banned, so that no registry is needed.
    const JIFF: &str = "pub struct Timestamp; impl Timestamp { pub fn now() {} }
        pub struct Zoned; impl Zoned { pub fn now() {} }
        pub mod tz { pub struct TimeZone; impl TimeZone { pub fn system() {} pub fn try_system() {} } }";
    const TOKIO: &str =
        "pub mod process { pub struct Command; impl Command { pub fn new<S>(_: S) {} } }
        pub mod time { pub struct Instant; impl Instant { pub fn now() {} } }
        pub mod net { pub struct TcpStream; impl TcpStream { pub fn connect<A>(_: A) {} }
            pub struct TcpListener;
            pub struct UdpSocket; impl UdpSocket { pub fn bind<A>(_: A) {} } }";

    /// The name under which the root's own file is tried: a crate that is in no list.
    const NEWCOMER: &str = "onboard-newcomer";

    /// The generic arguments without which a mention of the path does not compile.
    fn generics(path: &str) -> &'static str {
        let name = path.rsplit("::").next().unwrap_or_default();
        let is_function = path.starts_with("std::fs::") || path.starts_with("std::env::");
        match name {
            "HashMap" => "<u8, u8>",
            "HashSet" => "<u8>",
            "copy" | "hard_link" | "rename" | "write" => "::<&str, &str>",
            "new" | "connect" | "bind" => "::<&str>",
            "vars" | "vars_os" => "",
            _ if is_function && name.starts_with(char::is_lowercase) => "::<&str>",
            _ => "",
        }
    }

    fn probe_source() -> String {
        let mut text = String::from("//! Breaks every fence.\npub fn breach() {\n");
        for (idx, ban) in FENCES.iter().flat_map(|fence| fence.bans).enumerate() {
            let whole = format!("{}{}", ban.path, generics(ban.path));
            match ban.kind {
                Kind::Method => text.push_str(&format!("let _m{idx} = {whole};\n")),
                Kind::Type => text.push_str(&format!("let _t{idx}: Option<{whole}> = None;\n")),
            }
        }
        text.push_str("}\npub fn raw() -> u8 { unsafe { core::ptr::read(&7) } }\n");
        text
    }

    fn write_crate(folder: &Path, manifest: &str, source: &str) {
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        fs::write(folder.join("src/lib.rs"), source).unwrap();
    }

    fn manifest(name: &str, tail: &str) -> String {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{tail}")
    }

    /// The lint tables of the real workspace, as text.
    fn real_lints(root: &Path) -> String {
        let text = fs::read_to_string(root.join("Cargo.toml")).unwrap();
        let from = text.find("[workspace.lints.rust]").expect("the workspace has lints");
        let to = text.find("[workspace.dependencies]").expect("the workspace has dependencies");
        assert!(from < to, "the lint tables come before the dependencies in Cargo.toml");
        text[from..to].to_string()
    }

    fn write_probe(real: &Path, folder: &Path) {
        let members: Vec<&str> = CRATES.iter().copied().chain([NEWCOMER]).collect();
        let mut root = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"stand-ins/*\"");
        for name in &members {
            root.push_str(&format!(", \"{name}\""));
        }
        root.push_str(&format!("]\n\n{}", real_lints(real)));
        fs::write(folder.join("Cargo.toml"), root).unwrap();
        fs::copy(real.join("clippy.toml"), folder.join("clippy.toml")).unwrap();
        write_crate(&folder.join("stand-ins/jiff"), &manifest("jiff", ""), JIFF);
        write_crate(&folder.join("stand-ins/tokio"), &manifest("tokio", ""), TOKIO);
        let tail = "[lints]\nworkspace = true\n[dependencies]\n\
                    jiff.path = \"../stand-ins/jiff\"\ntokio.path = \"../stand-ins/tokio\"\n";
        for name in members {
            write_crate(&folder.join(name), &manifest(name, tail), &probe_source());
            let place =
                if name == "xtask" { real.join(name) } else { real.join("crates").join(name) };
            if name != NEWCOMER {
                fs::copy(place.join("clippy.toml"), folder.join(name).join("clippy.toml")).unwrap();
            }
        }
    }

    /// What clippy refuses, by crate: banned paths, and `unsafe` for the unsafe block.
    fn refused(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
        let mut cargo = command::cargo(folder);
        cargo.args(["clippy", "--workspace", "--offline", "--quiet", "--keep-going"]);
        cargo.arg("--message-format=json").env("CARGO_TARGET_DIR", folder.join("target"));
        for name in ["CLIPPY_CONF_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CLIPPY_ARGS"] {
            cargo.env_remove(name);
        }
        let output = cargo.output().unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(
            !words.contains("is not installed"),
            "clippy is needed: rustup component add clippy"
        );
        let mut refused: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            let message = &value["message"];
            if message["level"] != "error" {
                continue;
            }
            let name = value["target"]["name"].as_str().unwrap_or_default().replace('_', "-");
            let what = match message["code"]["code"].as_str() {
                Some("unsafe_code") => Some("unsafe"),
                Some(code) if code.starts_with("clippy::disallowed_") => {
                    message["message"].as_str().and_then(|text| text.split('`').nth(1))
                }
                _ => panic!("the probe is broken: {}", message["rendered"]),
            };
            refused.entry(name).or_default().extend(what.map(str::to_string));
        }
        refused
    }

    /// How much of a fence clippy refused: `x` all, `.` nothing, `?` a part.
    fn mark(fence: &Fence, refused: &BTreeSet<String>) -> char {
        let caught = fence.bans.iter().filter(|ban| refused.contains(ban.path)).count();
        match caught {
            0 => '.',
            count if count == fence.bans.len() => 'x',
            _ => '?',
        }
    }

    #[test]
    fn clippy_refuses_every_breach_where_its_fence_stands() {
        let real = Workspace::find().unwrap().root;
        let folder = tempfile::tempdir().unwrap();
        write_probe(&real, folder.path());
        let refused = refused(folder.path());
        let mut table = String::new();
        for name in CRATES.iter().chain([&NEWCOMER]) {
            let found = refused.get(*name).cloned().unwrap_or_default();
            let marks: String =
                FENCES.iter().flat_map(|fence| [mark(fence, &found), ' ']).collect();
            let raw = if found.contains("unsafe") { 'x' } else { '.' };
            table.push_str(&format!("{name:<18} {marks}{raw}\n"));
        }
        // Columns: processes, clock, environment, sleep, outgoing network, network types, files,
        // random order, unsafe code. In a crate where the network's types are banned, so is the
        // path of their methods; `?` would be a fence with a hole.
        expect![[r#"
            onboard-domain     x x x x x x x x x
            onboard-text       x x x x x x x x x
            onboard-validation x x x x x x x x x
            onboard-analysis   x x x x x x x . x
            onboard-journal    x . x x x x . . x
            onboard-policy     x x x x x x x x x
            onboard-protocol   x x x x x x x x x
            onboard-scheduler  x x x x x x x x x
            onboard-sandbox    . . x x x x . . x
            onboard-egress     x x x x . . . . x
            onboard-writer     x x x x x x . . x
            onboard-agents     x x x x x x . . x
            onboard-daemon     x x x x x x . . x
            onboard-web        x x x x x . . . x
            onboard-cli        x . . x x x . . x
            onboard-sim        x x x x x x . . x
            xtask              . . . x x x . . x
            onboard-newcomer   x x x x x x x x x
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn a_pure_crate_has_no_clock_files_environment_or_threads() {
        let folder = tempfile::tempdir().unwrap();
        let breaches = [
            "pub fn f() { let _ = std::time::SystemTime::now(); }",
            "pub fn f() { let _ = std::fs::read(\"x\"); }",
            "pub fn f() { let _ = std::env::var(\"X\"); }",
            "pub fn f() { std::thread::spawn(|| ()); }",
            "pub fn f() { let _ = std::collections::HashMap::<u8, u8>::new(); }",
        ];
        for (idx, breach) in breaches.iter().enumerate() {
            for (header, accepted) in [("#![no_std]\nextern crate alloc;\n", false), ("", true)] {
                let file = folder.path().join(format!("probe{idx}.rs"));
                fs::write(&file, format!("{header}{breach}\n")).unwrap();
                let mut rustc = std::process::Command::new("rustc");
                rustc.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--out-dir"]);
                rustc.arg(folder.path()).arg(&file);
                assert_eq!(command::succeeds(&mut rustc), accepted, "{header}{breach}");
            }
        }
    }

    #[test]
    fn every_crate_of_the_workspace_is_in_the_table() {
        let metadata = Workspace::find().unwrap().metadata().unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let members: BTreeSet<&str> =
            packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
        assert_eq!(members, CRATES.iter().copied().collect(), "add the crate to CRATES");
    }
}
