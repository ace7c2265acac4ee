//! Real repositories, made by git itself with fixed people and dates.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// 2026-11-23 12:00 UTC.
pub const NOW_MS: i64 = 1_795_435_200_000;
const DAY_S: i64 = 86_400;

/// A folder with a repository in it, gone with the value.
pub struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    /// An empty folder.
    pub fn folder() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A repository without commits.
    pub fn new() -> Self {
        let fixture = Self::folder();
        fixture.git(&["init", "--quiet", "--initial-branch=main"]);
        fixture
    }

    /// A repository with a history and its files checked out.
    pub fn of(history: &History) -> Self {
        let fixture = Self::new();
        fixture.import(history);
        fixture.git(&["reset", "--quiet", "--hard"]);
        fixture
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        run(self.root(), arguments, b"")
    }

    /// Turns packed objects into loose ones.
    pub fn unpack(&self) {
        let folder = self.path(".git/objects/pack");
        for entry in std::fs::read_dir(folder).expect("packs") {
            let path = entry.expect("an entry").path();
            let pack = path.extension().is_some_and(|extension| extension == "pack");
            let content = pack.then(|| std::fs::read(&path).expect("a pack"));
            if path.is_file() && (pack || path.extension().is_some_and(|found| found == "idx")) {
                // A pack that is still in place would keep its objects from being unpacked.
                std::fs::remove_file(&path).expect("it goes");
            }
            if let Some(content) = content {
                run(self.root(), &["unpack-objects", "-q"], &content);
            }
        }
    }

    /// Adds a history to what is there.
    pub fn import(&self, history: &History) {
        run(self.root(), &["fast-import", "--quiet", "--force"], &history.stream);
    }
}

#[allow(clippy::disallowed_methods, reason = "a real git makes the repositories to read")]
fn run(root: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "-c",
            "protocol.file.allow=always",
            "-c",
            "core.fsync=none",
            "-c",
            "user.name=Tess",
            "-c",
            "user.email=t@t",
        ])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "2026-11-01T00:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-11-01T00:00:00Z")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git runs");
    child.stdin.take().expect("a pipe").write_all(input).expect("git reads");
    let output = child.wait_with_output().expect("git ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Commits for `git fast-import`.
#[derive(Default)]
pub struct History {
    stream: Vec<u8>,
    marks: usize,
}

impl History {
    /// Commits on top of a branch, `days_ago` days before [`NOW_MS`]. An empty content deletes.
    /// Returns the commit's mark.
    pub fn commit(
        &mut self,
        branch: &str,
        who: &str,
        days_ago: i64,
        message: &str,
        files: &[(&str, &str)],
    ) -> usize {
        self.commit_from(branch, who, days_ago, message, &[], files)
    }

    /// As [`Self::commit`], on top of the given marks.
    pub fn commit_from(
        &mut self,
        branch: &str,
        who: &str,
        days_ago: i64,
        message: &str,
        parents: &[usize],
        files: &[(&str, &str)],
    ) -> usize {
        self.marks += 1;
        let mark = self.marks;
        // Commits of one day keep their order.
        let at = NOW_MS / 1_000 - days_ago * DAY_S + mark as i64;
        let mut text = format!("commit refs/heads/{branch}\nmark :{mark}\n");
        for role in ["author", "committer"] {
            let _ = writeln!(text, "{role} {who} <{who}@example.org> {at} +0000");
        }
        let _ = write!(text, "data {}\n{message}\n", message.len());
        for (place, parent) in parents.iter().enumerate() {
            let _ = writeln!(text, "{} :{parent}", if place == 0 { "from" } else { "merge" });
        }
        for (path, content) in files {
            let _ = match *content {
                "" => writeln!(text, "D {path}"),
                _ => writeln!(text, "M 100644 inline {path}\ndata {}\n{content}", content.len()),
            };
        }
        self.raw(text.as_bytes());
        mark
    }

    pub fn tag(&mut self, name: &str, mark: usize) {
        self.raw(format!("reset refs/tags/{name}\nfrom :{mark}\n\n").as_bytes());
    }

    /// Words of the stream as they are, for what git allows and nobody should write.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
    }
}
