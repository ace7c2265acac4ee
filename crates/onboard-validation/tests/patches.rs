//! Patches against git as the oracle: what it makes applies here to the same bytes, and what applies
//! here applies there.
#![allow(
    clippy::disallowed_methods,
    reason = "git is the oracle: it runs on files that this test made, with no configuration"
)]

use expect_test::{Expect, expect};
use onboard_validation::patch::{Change, FilePatch, apply, parse};
use std::path::Path;
use std::process::{Command, Output};

fn git(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "core.autocrlf=false"]);
    command.args(words).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.output().expect("git is installed")
}

#[track_caller]
fn done(folder: &Path, words: &[&str]) -> Vec<u8> {
    let output = git(folder, words);
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Repository {
        let folder = tempfile::tempdir().unwrap();
        done(folder.path(), &["init", "-q", "-b", "main"]);
        Repository(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path().join(path)).ok()
    }

    fn commit(&self) {
        done(self.path(), &["add", "-A"]);
        done(self.path(), &["commit", "-q", "--allow-empty", "-m", "x"]);
    }

    fn diff(&self, words: &[&str]) -> String {
        done(self.path(), &["add", "-A"]);
        let patch = done(self.path(), &[&["diff", "--cached", "HEAD"], words].concat());
        String::from_utf8(patch).unwrap()
    }

    /// Back to the commit.
    fn reset(&self) {
        done(self.path(), &["reset", "-q", "--hard"]);
    }

    /// What `git apply` makes of a patch in the work tree; `None` when it refuses.
    fn apply(&self, patch: &str) -> Option<()> {
        let file = self.path().join(".git/proposed.patch");
        std::fs::write(&file, patch).unwrap();
        let words = ["apply", "--unidiff-zero", "--whitespace=nowarn", ".git/proposed.patch"];
        git(self.path(), &words).status.success().then_some(())
    }

    /// What this crate makes of it, over the files as they are.
    fn ours(&self, file: &FilePatch) -> Option<Option<Vec<u8>>> {
        let old = file.source().and_then(|source| self.read(source));
        let target = match &file.change {
            Change::Create { .. } | Change::Rename { .. } => self.read(&file.path),
            _ => None,
        };
        match (&file.change, target) {
            (Change::Create { .. }, Some(there)) => apply(file, Some(&there)).ok(),
            (Change::Rename { .. }, Some(_)) => None,
            _ => apply(file, old.as_deref()).ok(),
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most.max(1)
    }

    /// Few different lines, so that a hunk would fit in several places.
    fn line(&mut self) -> String {
        const WORDS: [&str; 7] = ["", "a", "b", "}", "  return x;", "größe", "- @@ +"];
        let ending = if self.below(12) == 0 { "\r\n" } else { "\n" };
        format!("{}{ending}", WORDS[self.below(WORDS.len())])
    }

    fn text(&mut self) -> Vec<String> {
        let count = self.below(30);
        (0..count).map(|_| self.line()).collect()
    }

    fn edited(&mut self, lines: &[String]) -> Vec<String> {
        let mut lines = lines.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(lines.len() + 1);
            match self.below(3) {
                0 if at < lines.len() => drop(lines.remove(at)),
                1 if at < lines.len() => lines[at] = self.line(),
                _ => lines.insert(at, self.line()),
            }
        }
        lines
    }

    fn joined(&mut self, lines: &[String]) -> String {
        let mut text = lines.concat();
        if self.below(5) == 0 && text.ends_with('\n') && !text.ends_with("\r\n") {
            text.pop();
        }
        text
    }

    /// The patch with one thing wrong.
    fn broken(&mut self, patch: &str) -> String {
        let mut lines: Vec<String> = patch.split_inclusive('\n').map(str::to_string).collect();
        let at = self.below(lines.len());
        match self.below(5) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, self.line()),
            2 => lines[at] = lines[at].replace(['1', '3'], "2"),
            3 => lines[at] = lines[at].replacen(['-', '+'], " ", 1),
            _ => lines.truncate(at),
        }
        lines.concat()
    }
}

#[test]
fn random_edits_give_what_git_gives() {
    let repository = Repository::new();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut applied, mut refused, mut stricter) = (0, 0, 0);
    for _ in 0..120 {
        let before = random.text();
        let old = random.joined(&before);
        let after = random.edited(&before);
        let new = random.joined(&after);
        repository.write("f.txt", old.as_bytes());
        repository.commit();
        repository.write("f.txt", new.as_bytes());
        let context = ["-U3", "-U1", "-U0"][random.below(3)];
        let patch = repository.diff(&["--no-ext-diff", "--text", context]);
        repository.reset();
        if patch.is_empty() {
            continue;
        }
        let read = parse(&patch).unwrap_or_else(|why| panic!("{why}\n{patch}"));
        let ours = apply(&read.files[0], Some(old.as_bytes()));
        assert_eq!(ours, Ok(Some(new.into_bytes())), "{patch}");
        applied += 1;

        let broken = random.broken(&patch);
        let ours = match parse(&broken) {
            Ok(read) if read.files.len() == 1 => repository.ours(&read.files[0]),
            _ => None,
        };
        let theirs = repository.apply(&broken).map(|()| repository.read("f.txt"));
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => assert_eq!(ours, theirs, "{broken}"),
            (None, None) => refused += 1,
            (None, Some(_)) => stricter += 1,
            (Some(_), None) => panic!("git refuses what applies here:\n{old:?}\n{broken}"),
        }
        repository.reset();
        done(repository.path(), &["clean", "-qfd"]);
    }
    assert!(applied > 100 && refused > 20 && stricter < 40, "{applied} {refused} {stricter}");
}

fn shown(text: &str) -> String {
    match parse(text) {
        Err(why) => format!("{why}\n"),
        Ok(patch) => {
            let line = |file: &FilePatch| {
                let (added, removed) = file.counts();
                format!("{:?} {:?} +{added} -{removed}\n", file.change, file.path)
            };
            patch.files.iter().map(line).collect()
        }
    }
}

#[test]
fn what_git_writes_is_read() {
    let repository = Repository::new();
    repository.write("modify.txt", b"one\ntwo\n");
    repository.write("delete.txt", b"gone\n");
    repository.write("empty", b"");
    repository.write("old name.txt", b"1\n2\n3\n4\n5\n6\n7\n8\n");
    repository.write("run.sh", b"#!/bin/sh\n");
    repository.write("größe \"x\".txt", b"a\n");
    repository.commit();
    repository.write("modify.txt", b"one\nthree");
    std::fs::remove_file(repository.path().join("delete.txt")).unwrap();
    std::fs::remove_file(repository.path().join("empty")).unwrap();
    std::fs::rename(repository.path().join("old name.txt"), repository.path().join("new name.txt"))
        .unwrap();
    repository.write("new name.txt", b"1\n2\n3\n4\n5\n6\n7\n9\n");
    repository.write("created/deep/x.txt", b"x\n");
    repository.write("created/nothing", b"");
    repository.write("größe \"x\".txt", b"b\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(repository.path().join("run.sh"), mode).unwrap();
    let patch = repository.diff(&["-M"]);
    repository.reset();
    assert!(repository.apply(&patch).is_some(), "git itself takes it");
    check(
        &patch,
        expect![[r#"
            Create { executable: false } "created/deep/x.txt" +1 -0
            Rename { from: "empty", executable: false } "created/nothing" +0 -0
            Delete "delete.txt" +0 -1
            Modify { executable: false } "größe \"x\".txt" +1 -1
            Modify { executable: false } "modify.txt" +1 -1
            Rename { from: "old name.txt", executable: false } "new name.txt" +1 -1
            Modify { executable: true } "run.sh" +0 -0
        "#]],
    );
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    expect.assert_eq(&shown(text));
}

const BODY: &str = "@@ -1 +1 @@\n-a\n+b\n";

#[test]
fn hostile_and_broken_patches_are_refused_with_their_place() {
    let plain = |old: &str, new: &str| format!("--- {old}\n+++ {new}\n{BODY}");
    let git = |lines: &str| format!("diff --git a/x b/x\n{lines}");
    let cases = [
        String::new(),
        "no patch at all\n".into(),
        "\0".into(),
        plain("a/x", "b/y"),
        plain("x", "x"),
        plain("/etc/passwd", "/etc/passwd"),
        plain("/dev/null", "/dev/null"),
        String::from("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n"),
        String::from("--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-a\n+b\n"),
        String::from("--- a/x\n+++ b/x\n@@ -0 +1 @@\n-a\n+b\n"),
        String::from("--- a/x\n+++ b/x\n@@ -1 +1 @@\n?a\n"),
        String::from("--- a/x\n+++ b/x\n@@ -99999999999999999999 +1 @@\n-a\n+b\n"),
        String::from("--- a/x\n+++ b/x\n@@ -5 +5 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n"),
        format!("{}trailing words\n", plain("a/x", "b/x")),
        format!("{0}{0}", plain("a/x", "b/x")),
        git("new file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd\n"),
        git("new file mode 160000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+Subproject\n"),
        git("new file mode 104755\n"),
        git(&format!("new file mode {}\n", "x".repeat(5_000))),
        git("old mode 100755\nnew mode 100644\n"),
        git("old mode 100644\nnew mode 120000\n"),
        git("index 1234567..89abcde 120000\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"),
        git("index 1234567..89abcde\nGIT binary patch\nliteral 4\n"),
        git("Binary files a/x and b/x differ\n"),
        "diff --git a/x b/y\ncopy from x\ncopy to y\n".into(),
        "diff --git a/x b/y\nrename from x\n".into(),
        "diff --git a/x b/y\nrename from z\nrename to y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-a\n+b\n".into(),
        git(""),
        "diff --git \"a/\\x\" \"b/\\x\"\n--- \"a/\\x\"\n+++ \"b/\\x\"\n".into(),
        "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to .github/workflows/y.yml\n".into(),
        plain("a/x", "b/x").replace('\n', "\r\n"),
    ];
    let mut out = String::new();
    for case in cases {
        out.push_str(&shown(&case));
    }
    out.push_str(&shown(&format!("{}{}", plain("a/x", "b/x"), "x".repeat(300 * 1024))));
    out.push_str(&shown(
        &(0..60).map(|n| plain(&format!("a/{n}"), &format!("b/{n}"))).collect::<String>(),
    ));
    expect![[r#"
        it changes no file
        line 1: expected `diff --git a/… b/…` or `--- a/…`
        line 1: a NUL: binary content can't be proposed
        line 1: the header's lines name different files
        line 1: the name has to begin with `a/` or be /dev/null
        line 1: the name has to begin with `a/` or be /dev/null
        line 1: both names are /dev/null
        line 5: the patch ends inside of a hunk
        line 6: the patch ends inside of a hunk
        line 3: expected `@@ -LINE,COUNT +LINE,COUNT @@`
        line 4: a line of a hunk begins with ` `, `-` or `+`
        line 3: expected `@@ -LINE,COUNT +LINE,COUNT @@`
        line 9: a hunk that begins before the one above it has ended
        line 6: expected `diff --git a/… b/…` or `--- a/…`
        line 6: `x` is touched twice
        line 1: symbolic links can't be proposed
        line 1: submodules can't be proposed
        line 1: mode 104755 can't be proposed
        line 2: a mode is six octal digits, such as 100644
        line 1: of modes, only 100644 to 100755 can be proposed
        line 1: symbolic links can't be proposed
        line 2: only plain files can be proposed
        line 3: binary content can't be proposed
        line 2: binary content can't be proposed
        line 2: copies can't be proposed: create the file
        line 1: the file's name can't be told from its header
        line 1: the header's lines name different files
        line 1: nothing is changed here
        line 1: a quoted name that can't be read
        Rename { from: "x", executable: false } ".github/workflows/y.yml" +0 -0
        Modify { executable: false } "x\r" +1 -1
        a patch has at most 262144 bytes, this 307234
        line 251: more than 50 files
    "#]]
    .assert_eq(&out);
}

#[test]
fn what_does_not_apply_says_where() {
    let old = b"one\ntwo\nthree\n";
    let cases = [
        "--- a/x\n+++ b/x\n@@ -2 +2 @@\n-TWO\n+2\n",
        "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n one\n-two \n+2\n",
        "--- a/x\n+++ b/x\n@@ -9 +9 @@\n-two\n+2\n",
        "--- a/x\n+++ b/x\n@@ -2 +3 @@\n-two\n+2\n",
        "--- a/x\n+++ b/x\n@@ -3 +3 @@\n-three\n\\ No newline at end of file\n+3\n",
        "--- a/x\n+++ b/x\n@@ -2 +2 @@\n-two\n+2\n\\ No newline at end of file\n",
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+new\n",
        "--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n",
        "--- a/x\r\n+++ b/x\r\n@@ -2 +2 @@\r\n-two\r\n+2\r\n",
        "--- a/x\n+++ b/x\n@@ -2 +2 @@\n-two\r\n+2\r\n",
    ];
    let mut out = String::new();
    for case in cases {
        let line = match parse(case) {
            Ok(patch) => match apply(&patch.files[0], Some(old)) {
                Ok(new) => format!("{:?}\n", new.map(|new| String::from_utf8(new).unwrap())),
                Err(why) => format!("{:?} {}\n", why.path, why.why),
            },
            Err(why) => format!("{why}\n"),
        };
        out.push_str(&line);
    }
    expect![[r#"
        "x" line 2 is not what the patch says
        "x" line 2 is not what the patch says
        "x" line 9 is beyond its end
        "x" a hunk says new line 3 and it is line 2
        "x" line 3 is not what the patch says
        "x" a line without a newline is not the last
        "x" it is there already
        "x" it is deleted, but lines of it would remain
        "x\r" line 2 is not what the patch says
        "x" line 2 is not what the patch says
    "#]]
    .assert_eq(&out);
}

#[test]
fn mutated_patches_never_panic() {
    let mut random = Random(7);
    let seed = "diff --git a/x b/x\nold mode 100644\nnew mode 100755\nindex 1..2\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n d\n\\ No newline at end of file\n";
    for _ in 0..3_000 {
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..=random.below(6) {
            let at = random.below(bytes.len());
            bytes[at] = u8::try_from(random.below(128)).unwrap();
        }
        let text = String::from_utf8(bytes).unwrap();
        if let Ok(patch) = parse(&text) {
            for file in &patch.files {
                // Either is fine; a panic is not.
                drop(apply(file, Some(b"a\nb\nd")));
            }
        }
    }
}
