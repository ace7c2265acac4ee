//! What a path says about the file it names: code, test, generated, vendored or something else.

/// What kind of file a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Source code somebody maintains.
    Code,
    /// Code that checks other code.
    Test,
    /// Written by a program, or by another project.
    Foreign,
    /// Documents, data, configuration.
    Other,
}

const CODE: &[&str] = &[
    "ada", "adb", "asm", "astro", "bash", "c", "cc", "clj", "cljs", "cpp", "cr", "cs", "cu", "cxx",
    "d", "dart", "el", "elm", "erl", "ex", "exs", "f90", "fs", "go", "gradle", "groovy", "h", "hh",
    "hpp", "hs", "hxx", "java", "jl", "js", "jsx", "kt", "kts", "lua", "m", "mjs", "cjs", "ml",
    "mli", "mm", "mts", "cts", "nim", "pas", "php", "pl", "pm", "proto", "ps1", "py", "pyi", "pyx",
    "r", "rb", "rs", "s", "scala", "scss", "sh", "sol", "sql", "svelte", "swift", "tcl", "tf",
    "ts", "tsx", "v", "vb", "vhd", "vue", "zig", "zsh",
];

const FOREIGN_FOLDERS: &[&str] = &[
    "vendor",
    "vendored",
    "third_party",
    "third-party",
    "thirdparty",
    "node_modules",
    "external",
    "extern",
    "dist",
    "generated",
    "__generated__",
    "bower_components",
    "pods",
];

const TEST_FOLDERS: &[&str] = &[
    "test",
    "tests",
    "__tests__",
    "spec",
    "specs",
    "testing",
    "testdata",
    "test-data",
    "fixtures",
    "__fixtures__",
    "e2e",
    "playground",
    "benches",
    "bench",
    "benchmarks",
    "fuzz",
];

/// A stable 64-bit name for a path (FNV-1a over its bytes). Two paths of one project share a key
/// about once in 10¹⁰ projects of 50,000 files, and the harm is one miscounted file.
pub fn key(path: &[u8]) -> u64 {
    path.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The last component of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Judges a path by its folders and its name alone.
pub fn class(path: &str) -> Class {
    let lower = path.to_ascii_lowercase();
    let name = file_name(&lower);
    let folders = &lower[..lower.len() - name.len()];
    if folders.split('/').any(|folder| FOREIGN_FOLDERS.contains(&folder)) || is_generated(name) {
        return Class::Foreign;
    }
    let is_code = name.rsplit_once('.').is_some_and(|(_, extension)| CODE.contains(&extension));
    let in_tests = folders.split('/').any(|folder| TEST_FOLDERS.contains(&folder));
    match (is_code, in_tests || (is_code && is_test_name(name, path))) {
        (_, true) => Class::Test,
        (true, false) => Class::Code,
        (false, false) => Class::Other,
    }
}

fn is_generated(name: &str) -> bool {
    name.contains(".min.")
        || name.contains(".generated.")
        || name.contains("_generated.")
        || name.contains(".pb.")
        || name.ends_with("_pb2.py")
        || name.ends_with(".bundle.js")
}

fn is_test_name(lower: &str, path: &str) -> bool {
    let stem = lower.split('.').next().unwrap_or(lower);
    let original = file_name(path).split('.').next().unwrap_or("");
    stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || stem.ends_with("-test")
        || stem.ends_with("_spec")
        || stem == "test"
        || stem == "tests"
        || stem == "conftest"
        || lower.contains(".test.")
        || lower.contains(".spec.")
        || original.ends_with("Test")
        || original.ends_with("Tests")
        || original.ends_with("Spec")
}

/// Groups paths into the parts a person would name: top-level folders, except that a folder
/// holding more than 60 % of all paths (`src`, `packages`, `crates`) is opened one level deeper.
///
/// Returns one module name for each path, in order; `(top level)` for files in no folder.
pub fn modules<'a>(paths: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let total = paths.clone().count();
    let mut opened: Vec<String> = Vec::new();
    for _ in 0..DEEPEST_OPENED {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for path in paths.clone() {
            *counts.entry(module_of(path, &opened)).or_default() += 1;
        }
        let Some((largest, _)) =
            counts.into_iter().find(|(name, count)| *name != TOP && *count * 10 > total * 6)
        else {
            break;
        };
        let deeper = format!("{largest}/");
        if opened.contains(&deeper) || !paths.clone().any(|path| has_folder_below(path, &deeper)) {
            break;
        }
        opened.push(deeper);
    }
    paths.map(|path| module_of(path, &opened).to_owned()).collect()
}

/// Folders opened at most, one inside the other: `packages/core/src` is as deep as a name stays
/// recognisable.
const DEEPEST_OPENED: usize = 3;
/// The module of files in no folder.
const TOP: &str = "(top level)";

fn has_folder_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.contains('/'))
}

fn module_of<'a>(path: &'a str, opened: &[String]) -> &'a str {
    let mut from = 0;
    for folder in opened {
        if path.starts_with(folder.as_str()) {
            from = from.max(folder.len());
        }
    }
    match path[from..].find('/') {
        Some(end) => &path[..from + end],
        None if from > 0 => &path[..from - 1],
        None => TOP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(paths: &[&str], expected: Expect) {
        let modules = modules(paths.iter().copied());
        let lines: Vec<String> = paths
            .iter()
            .zip(modules)
            .map(|(path, module)| format!("{path}: {:?} in {module}", class(path)))
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn paths_are_judged_by_folder_and_name() {
        check(
            &[
                "src/lib.rs",
                "tests/cli.rs",
                "pkg/server_test.go",
                "core/src/main/java/QueueTest.java",
                "vendor/zlib/inflate.c",
                "web/app.min.js",
                "README.md",
                "ui/button.spec.ts",
                "latest.py",
            ],
            expect![[r#"
                src/lib.rs: Code in src
                tests/cli.rs: Test in tests
                pkg/server_test.go: Test in pkg
                core/src/main/java/QueueTest.java: Test in core
                vendor/zlib/inflate.c: Foreign in vendor
                web/app.min.js: Foreign in web
                README.md: Other in (top level)
                ui/button.spec.ts: Test in ui
                latest.py: Code in (top level)"#]],
        );
    }

    #[test]
    fn a_folder_that_holds_most_is_opened() {
        check(
            &["crates/a/x.rs", "crates/a/y.rs", "crates/b/x.rs", "crates/c/z.rs", "build.rs"],
            expect![[r#"
                crates/a/x.rs: Code in crates/a
                crates/a/y.rs: Code in crates/a
                crates/b/x.rs: Code in crates/b
                crates/c/z.rs: Code in crates/c
                build.rs: Code in (top level)"#]],
        );
        check(
            &["src/a.rs", "src/b.rs", "src/c.rs"],
            expect![[r#"
                src/a.rs: Code in src
                src/b.rs: Code in src
                src/c.rs: Code in src"#]],
        );
    }
}
