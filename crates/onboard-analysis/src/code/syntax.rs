//! How each language writes comments and text, and which files are written in it: one table.
//!
//! Enough to tell code lines from comment lines the way tokei does; what is more than lines comes
//! from a [grammar](super::grammar) where there is one.

use super::grammar::Grammar;
use crate::path::file_name;

/// A language as its files show it.
#[derive(Debug)]
pub struct Language {
    pub name: &'static str,
    /// Extensions, lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// Whole names of files, lower case.
    pub names: &'static [&'static str],
    /// Interpreters that a first line `#!…` may name.
    pub interpreters: &'static [&'static str],
    pub(super) comments: Comments,
    /// What makes more than lines of it; `None` where lines and history are all there is.
    pub(super) grammar: Option<fn() -> Option<&'static Grammar>>,
}

/// What begins and ends comments and texts.
#[derive(Debug)]
pub(super) struct Comments {
    pub line: &'static [&'static str],
    pub block: &'static [(&'static str, &'static str)],
    /// Comments inside comments count.
    pub nested: bool,
    /// Texts in which a backslash protects the next letter.
    pub quotes: &'static [(&'static str, &'static str)],
    /// Texts in which it does not.
    pub verbatim: &'static [(&'static str, &'static str)],
}

const QUOTE: (&str, &str) = ("\"", "\"");
const APOSTROPHE: (&str, &str) = ("'", "'");
const GRAVE: (&str, &str) = ("`", "`");
const BLOCK: &[(&str, &str)] = &[("/*", "*/")];

const C_LIKE: Comments =
    Comments { line: &["//"], block: BLOCK, nested: false, quotes: &[QUOTE], verbatim: &[] };
const SCRIPT: Comments = Comments { quotes: &[QUOTE, APOSTROPHE, GRAVE], ..C_LIKE };
const HASH: Comments = Comments {
    line: &["#"],
    block: &[],
    nested: false,
    quotes: &[QUOTE, APOSTROPHE],
    verbatim: &[],
};
const MARKUP: Comments = Comments {
    line: &[],
    block: &[("<!--", "-->")],
    nested: false,
    quotes: &[QUOTE, APOSTROPHE],
    verbatim: &[],
};
const PLAIN: Comments =
    Comments { line: &[], block: &[], nested: false, quotes: &[], verbatim: &[] };

const fn lines_only(
    name: &'static str,
    extensions: &'static [&'static str],
    comments: Comments,
) -> Language {
    Language { name, extensions, names: &[], interpreters: &[], comments, grammar: None }
}

/// Every language that is told apart. The first that fits a file is its language.
pub static LANGUAGES: &[Language] = &[
    Language {
        name: "Rust",
        extensions: &["rs"],
        names: &[],
        interpreters: &["rust-script"],
        comments: Comments {
            nested: true,
            verbatim: &[("r##\"", "\"##"), ("r#\"", "\"#")],
            ..C_LIKE
        },
        grammar: Some(super::grammar::rust),
    },
    Language {
        name: "Python",
        extensions: &["py", "pyi", "pyw"],
        names: &["sconstruct", "sconscript", "wscript"],
        interpreters: &["python", "python2", "python3", "pypy3"],
        comments: Comments {
            line: &["#"],
            block: &[],
            nested: false,
            quotes: &[("\"\"\"", "\"\"\""), ("'''", "'''"), QUOTE, APOSTROPHE],
            verbatim: &[],
        },
        grammar: Some(super::grammar::python),
    },
    Language {
        name: "JavaScript",
        extensions: &["js", "mjs", "cjs", "jsx"],
        names: &["jakefile"],
        interpreters: &["node", "nodejs", "deno", "bun"],
        comments: SCRIPT,
        grammar: Some(super::grammar::javascript),
    },
    Language {
        name: "TypeScript",
        extensions: &["ts", "mts", "cts"],
        names: &[],
        interpreters: &["ts-node", "tsx"],
        comments: SCRIPT,
        grammar: Some(super::grammar::typescript),
    },
    Language {
        name: "TSX",
        extensions: &["tsx"],
        names: &[],
        interpreters: &[],
        comments: SCRIPT,
        grammar: Some(super::grammar::tsx),
    },
    Language {
        name: "Go",
        extensions: &["go"],
        names: &[],
        interpreters: &[],
        comments: C_LIKE,
        grammar: Some(super::grammar::go),
    },
    Language {
        name: "Java",
        extensions: &["java"],
        names: &[],
        interpreters: &[],
        comments: C_LIKE,
        grammar: Some(super::grammar::java),
    },
    Language {
        name: "C",
        extensions: &["c", "h"],
        names: &[],
        interpreters: &[],
        comments: C_LIKE,
        grammar: Some(super::grammar::c),
    },
    Language {
        name: "C++",
        extensions: &["cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "h++", "ipp", "tpp", "cu"],
        names: &[],
        interpreters: &[],
        comments: Comments { verbatim: &[("R\"(", ")\"")], ..C_LIKE },
        grammar: Some(super::grammar::cpp),
    },
    Language {
        name: "C#",
        extensions: &["cs", "csx"],
        names: &[],
        interpreters: &[],
        comments: Comments { verbatim: &[("@\"", "\"")], ..C_LIKE },
        grammar: Some(super::grammar::c_sharp),
    },
    Language {
        name: "Ruby",
        extensions: &["rb", "rake", "gemspec", "ru"],
        names: &["rakefile", "gemfile", "vagrantfile", "podfile", "guardfile", "capfile"],
        interpreters: &["ruby", "jruby"],
        comments: Comments { block: &[("=begin", "=end")], ..HASH },
        grammar: Some(super::grammar::ruby),
    },
    Language {
        name: "PHP",
        extensions: &["php", "phtml"],
        names: &[],
        interpreters: &["php"],
        comments: Comments { line: &["#", "//"], block: BLOCK, ..HASH },
        grammar: Some(super::grammar::php),
    },
    Language {
        name: "Shell",
        extensions: &["sh", "bash", "ksh", "ebuild", "bats"],
        names: &["pkgbuild", ".bashrc", ".bash_profile", ".profile"],
        interpreters: &["sh", "bash", "dash", "ksh"],
        comments: HASH,
        grammar: Some(super::grammar::bash),
    },
    lines_only("Kotlin", &["kt", "kts"], Comments { nested: true, ..C_LIKE }),
    lines_only("Swift", &["swift"], Comments { nested: true, ..C_LIKE }),
    lines_only("Scala", &["scala", "sc"], Comments { nested: true, ..C_LIKE }),
    lines_only("Dart", &["dart"], SCRIPT),
    lines_only("Objective-C", &["m", "mm"], C_LIKE),
    lines_only("Zig", &["zig"], Comments { block: &[], ..C_LIKE }),
    lines_only("D", &["d"], C_LIKE),
    lines_only(
        "Groovy",
        &["groovy", "gradle"],
        Comments { quotes: &[QUOTE, APOSTROPHE], ..C_LIKE },
    ),
    lines_only("Vue", &["vue"], MARKUP),
    lines_only("Svelte", &["svelte"], MARKUP),
    lines_only("HTML", &["html", "htm", "xhtml"], MARKUP),
    lines_only("XML", &["xml", "xsd", "xsl", "svg"], MARKUP),
    lines_only("CSS", &["css"], Comments { line: &[], quotes: &[QUOTE, APOSTROPHE], ..C_LIKE }),
    lines_only(
        "Sass",
        &["scss", "sass", "less"],
        Comments { quotes: &[QUOTE, APOSTROPHE], ..C_LIKE },
    ),
    lines_only("Lua", &["lua"], Comments { line: &["--"], block: &[("--[[", "]]")], ..HASH }),
    lines_only("Perl", &["pl", "pm"], Comments { block: &[("=pod", "=cut")], ..HASH }),
    lines_only("R", &["r"], HASH),
    lines_only("Julia", &["jl"], Comments { block: &[("#=", "=#")], nested: true, ..HASH }),
    lines_only("Elixir", &["ex", "exs"], HASH),
    lines_only("Erlang", &["erl", "hrl"], Comments { line: &["%"], ..PLAIN }),
    lines_only(
        "Haskell",
        &["hs"],
        Comments { line: &["--"], block: &[("{-", "-}")], nested: true, ..PLAIN },
    ),
    lines_only(
        "OCaml",
        &["ml", "mli"],
        Comments {
            line: &[],
            block: &[("(*", "*)")],
            nested: true,
            quotes: &[QUOTE],
            verbatim: &[],
        },
    ),
    lines_only(
        "F#",
        &["fs", "fsi", "fsx"],
        Comments {
            line: &["//"],
            block: &[("(*", "*)")],
            nested: false,
            quotes: &[QUOTE],
            verbatim: &[],
        },
    ),
    lines_only(
        "Clojure",
        &["clj", "cljs", "cljc"],
        Comments { line: &[";"], quotes: &[QUOTE], ..PLAIN },
    ),
    lines_only(
        "SQL",
        &["sql"],
        Comments { line: &["--"], block: BLOCK, quotes: &[APOSTROPHE], ..PLAIN },
    ),
    lines_only("Protocol Buffers", &["proto"], C_LIKE),
    lines_only("Terraform", &["tf"], Comments { line: &["#", "//"], ..C_LIKE }),
    lines_only("PowerShell", &["ps1", "psm1"], Comments { block: &[("<#", "#>")], ..HASH }),
    lines_only("Zsh", &["zsh"], HASH),
    lines_only("Fish", &["fish"], HASH),
    lines_only(
        "Assembly",
        &["s", "asm"],
        Comments { line: &[";", "#", "//"], block: BLOCK, ..PLAIN },
    ),
    lines_only("Nim", &["nim"], Comments { block: &[("#[", "]#")], ..HASH }),
    lines_only("Solidity", &["sol"], C_LIKE),
    lines_only(
        "Visual Basic",
        &["vb"],
        Comments { line: &["'", "REM"], quotes: &[QUOTE], ..PLAIN },
    ),
    lines_only("CMake", &["cmake"], HASH),
    lines_only("YAML", &["yml", "yaml"], HASH),
    lines_only("TOML", &["toml"], HASH),
    lines_only("JSON", &["json"], PLAIN),
];

/// Files named without an extension whose language has no grammar here.
const OTHER_NAMES: &[(&str, &str)] = &[("cmakelists.txt", "CMake")];
/// The first line is looked at up to here for its interpreter.
const LONGEST_FIRST_LINE: usize = 200;

impl Language {
    /// The language of a file, by its extension, its name, or the interpreter its first line names.
    pub fn of(path: &str, content: &[u8]) -> Option<&'static Language> {
        let name = file_name(path).to_ascii_lowercase();
        let by_name = LANGUAGES.iter().find(|language| language.names.contains(&name.as_str()));
        let extension = name.rsplit_once('.').map(|(_, extension)| extension);
        by_name
            .or_else(|| {
                OTHER_NAMES
                    .iter()
                    .find(|(known, _)| *known == name)
                    .and_then(|(_, is)| Self::named(is))
            })
            .or_else(|| {
                let extension = extension?;
                LANGUAGES.iter().find(|language| language.extensions.contains(&extension))
            })
            .or_else(|| {
                let program = interpreter(content)?;
                LANGUAGES.iter().find(|language| language.interpreters.contains(&program))
            })
    }

    /// The language of this name.
    pub fn named(name: &str) -> Option<&'static Language> {
        LANGUAGES.iter().find(|language| language.name == name)
    }

    /// Whether functions of it are measured, not lines alone.
    pub fn has_grammar(&self) -> bool {
        self.grammar().is_some()
    }

    pub(super) fn grammar(&self) -> Option<&'static Grammar> {
        self.grammar?()
    }
}

/// The program that a first line `#!/usr/bin/env python3 -u` names.
fn interpreter(content: &[u8]) -> Option<&str> {
    let head = content.strip_prefix(b"#!")?;
    let head = &head[..head.len().min(LONGEST_FIRST_LINE)];
    let line = head.split(|byte| *byte == b'\n').next()?;
    let line = core::str::from_utf8(line).ok()?;
    let mut words = line.split_whitespace();
    let first = file_name(words.next()?);
    if first != "env" {
        return Some(first);
    }
    words.find(|word| !word.starts_with('-') && !word.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(files: &[(&str, &str)], expected: Expect) {
        let lines: Vec<String> = files
            .iter()
            .map(|(path, content)| {
                let language = Language::of(path, content.as_bytes());
                format!("{path}: {}", language.map_or("unknown", |language| language.name))
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn by_extension_name_and_first_line() {
        check(
            &[
                ("src/main.RS", ""),
                ("Rakefile", ""),
                ("CMakeLists.txt", ""),
                ("bin/run", "#!/usr/bin/env -S LANG=C python3 -u\n"),
                ("bin/go", "#!/bin/bash -e\n"),
                ("ui/page.tsx", ""),
                ("include/x.h", ""),
                ("a.kt", ""),
                ("LICENSE", "MIT"),
                ("x.bin", "\u{0}"),
            ],
            expect![[r#"
                src/main.RS: Rust
                Rakefile: Ruby
                CMakeLists.txt: CMake
                bin/run: Python
                bin/go: Shell
                ui/page.tsx: TSX
                include/x.h: C
                a.kt: Kotlin
                LICENSE: unknown
                x.bin: unknown"#]],
        );
    }
}
