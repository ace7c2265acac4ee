//! Lock files as their tools write them.

use super::*;
use expect_test::{Expect, expect};

/// Packages in words: where each stands, whether it is asked for, and through which it comes.
fn check(kind: Kind, text: &str, manifest: Option<&str>, expected: Expect) {
    let text = match read(kind, text, manifest) {
        Err(why) => why,
        Ok(contents) => {
            let mut text = String::new();
            for locked in &contents.packages {
                let line = locked.line.map_or("-".to_owned(), |line| line.to_string());
                let how = match (locked.is_direct, &*locked.through) {
                    (true, _) => "direct".to_owned(),
                    (false, []) => "unknown".to_owned(),
                    (false, way) => way.join(" > "),
                };
                let dev = if locked.is_dev { ", dev" } else { "" };
                text += &format!("{line}: {} {} {how}{dev}\n", locked.name, locked.version);
            }
            format!("{text}{} from elsewhere\n", contents.elsewhere)
        }
    };
    expected.assert_eq(&text);
}

#[test]
fn cargo_lock() {
    let text = r#"version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = [
 "member",
 "time 0.1.43",
]

[[package]]
name = "member"
version = "0.1.0"
dependencies = ["chrono", "own"]

[[package]]
name = "chrono"
version = "0.4.19"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "00"
dependencies = ["time 0.3.1 (registry+https://github.com/rust-lang/crates.io-index)"]

[[package]]
name = "own"
version = "1.0.0"
source = "git+https://git.example.org/own#0000"

[[package]]
name = "time"
version = "0.1.43"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "time"
version = "0.3.1"
source = "sparse+https://index.crates.io/"
"#;
    check(
        Kind::Cargo,
        text,
        None,
        expect![[r#"
            17: chrono 0.4.19 direct
            29: time 0.1.43 direct
            34: time 0.3.1 chrono
            1 from elsewhere
        "#]],
    );
    check(
        Kind::Cargo,
        "version = 4\n[[package]]\nname = 3\n",
        None,
        expect!["invalid type: integer `3`, expected a string"],
    );
}

#[test]
fn package_lock() {
    let text = r#"{
  "name": "app",
  "lockfileVersion": 3,
  "packages": {
    "": {
      "name": "app",
      "workspaces": ["packages/*"],
      "dependencies": { "express": "^4" },
      "devDependencies": { "mocha": "^10" }
    },
    "node_modules/debug": {
      "version": "2.6.9",
      "resolved": "https://registry.npmjs.org/debug/-/debug-2.6.9.tgz",
      "dependencies": { "ms": "2.0.0" }
    },
    "node_modules/express": {
      "version": "4.18.0",
      "resolved": "https://registry.npmjs.org/express/-/express-4.18.0.tgz",
      "dependencies": { "debug": "2.6.9" }
    },
    "node_modules/mocha": {
      "version": "10.0.0",
      "resolved": "https://registry.npmjs.org/mocha/-/mocha-10.0.0.tgz",
      "dev": true,
      "dependencies": { "ms": "2.1.3", "@scope/x": "1" }
    },
    "node_modules/mocha/node_modules/ms": {
      "version": "2.1.3",
      "resolved": "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz",
      "dev": true
    },
    "node_modules/@scope/x": {
      "version": "1.0.0",
      "resolved": "git+ssh://git@git.example.org/x.git#00",
      "dev": true
    },
    "node_modules/ms": {
      "version": "2.0.0",
      "resolved": "https://registry.npmjs.org/ms/-/ms-2.0.0.tgz"
    },
    "node_modules/own": {
      "resolved": "packages/own",
      "link": true
    },
    "packages/own": {
      "version": "1.0.0",
      "dependencies": { "left-pad": "1" }
    },
    "packages/own/node_modules/left-pad": {
      "version": "1.3.0",
      "resolved": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz"
    }
  }
}
"#;
    check(
        Kind::Npm,
        text,
        None,
        expect![[r#"
            11: debug 2.6.9 express
            16: express 4.18.0 direct
            49: left-pad 1.3.0 direct
            21: mocha 10.0.0 direct, dev
            37: ms 2.0.0 express > debug
            27: ms 2.1.3 mocha, dev
            1 from elsewhere
        "#]],
    );
    check(
        Kind::Npm,
        r#"{"lockfileVersion": 1, "dependencies": {}}"#,
        None,
        expect!["version 1 is not understood"],
    );
    check(
        Kind::Npm,
        r#"{"lockfileVersion": 3, "packages": {"#,
        None,
        expect!["EOF while parsing an object at line 1 column 36"],
    );
}

#[test]
fn pnpm_lock() {
    let text = "lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      '@babel/core':
        specifier: ^7
        version: 7.23.0
      vite:
        specifier: ^5
        version: 5.0.0(terser@5.1.0)
    devDependencies:
      other:
        specifier: npm:ms@2
        version: ms@2.1.3
      own:
        specifier: workspace:*
        version: link:packages/own

packages:

  '@babel/core@7.23.0':
    resolution: {integrity: sha512-a}

  ms@2.1.3:
    resolution: {integrity: sha512-b}

  terser@5.1.0:
    resolution: {integrity: sha512-c}

  from-git@1.0.0:
    resolution: {tarball: https://codeload.github.com/a/b/tar.gz/00}

  vite@5.0.0:
    resolution: {integrity: sha512-d}
    peerDependencies:
      terser: ^5

snapshots:

  '@babel/core@7.23.0': {}

  from-git@1.0.0: {}

  ms@2.1.3: {}

  terser@5.1.0:
    dependencies:
      ms: 2.1.3

  vite@5.0.0(terser@5.1.0):
    optionalDependencies:
      terser: 5.1.0
";
    check(
        Kind::Pnpm,
        text,
        None,
        expect![[r#"
        23: @babel/core 7.23.0 direct
        26: ms 2.1.3 direct
        29: terser 5.1.0 vite
        35: vite 5.0.0 direct
        1 from elsewhere
    "#]],
    );
    let six = "lockfileVersion: '6.0'

dependencies:
  express:
    specifier: ^4
    version: 4.18.0

packages:

  /debug@2.6.9:
    resolution: {integrity: sha512-a}
    dev: false

  /express@4.18.0:
    resolution: {integrity: sha512-b}
    dependencies:
      debug: 2.6.9
    dev: false
";
    check(
        Kind::Pnpm,
        six,
        None,
        expect![[r#"
        10: debug 2.6.9 express
        14: express 4.18.0 direct
        0 from elsewhere
    "#]],
    );
    check(Kind::Pnpm, "lockfileVersion: 5.4\n", None, expect!["version 5.4 is not understood"]);
}

#[test]
fn yarn_lock() {
    let text = r#"# yarn lockfile v1


"@scope/x@^1.0.0", "@scope/x@^1.1.0":
  version "1.2.0"
  resolved "https://registry.yarnpkg.com/@scope/x/-/x-1.2.0.tgz#00"

alias@npm:ms@2.0.0:
  version "2.0.0"
  resolved "https://registry.yarnpkg.com/ms/-/ms-2.0.0.tgz#00"

debug@2.6.9:
  version "2.6.9"
  resolved "https://registry.yarnpkg.com/debug/-/debug-2.6.9.tgz#00"
  dependencies:
    "@scope/x" "^1.1.0"

own@git+https://git.example.org/own:
  version "1.0.0"
  resolved "git+https://git.example.org/own#00"
"#;
    let manifest =
        r#"{"dependencies": {"debug": "2.6.9"}, "devDependencies": {"alias": "npm:ms@2.0.0"}}"#;
    check(
        Kind::Yarn,
        text,
        Some(manifest),
        expect![[r#"
        4: @scope/x 1.2.0 debug
        12: debug 2.6.9 direct
        8: ms 2.0.0 direct, dev
        1 from elsewhere
    "#]],
    );
    check(
        Kind::Yarn,
        text,
        None,
        expect![[r#"
        4: @scope/x 1.2.0 unknown
        12: debug 2.6.9 unknown
        8: ms 2.0.0 unknown
        1 from elsewhere
    "#]],
    );
    check(
        Kind::Yarn,
        "__metadata:\n  version: 8\n",
        None,
        expect!["it is of Yarn 2 or newer, which is not understood"],
    );
}

#[test]
fn locks_of_python() {
    let poetry = r#"[[package]]
name = "Flask"
version = "2.0.0"
groups = ["main"]

[package.dependencies]
Jinja2 = ">=3.0"

[[package]]
name = "jinja2"
version = "3.0.0"

[[package]]
name = "pytest"
version = "7.0.0"

[[package]]
name = "own"
version = "1.0"

[package.source]
type = "git"
url = "https://git.example.org/own"

[metadata]
lock-version = "2.0"
"#;
    let manifest = r#"[tool.poetry.dependencies]
python = "^3.10"
flask = "^2"
[tool.poetry.group.dev.dependencies]
pytest = "*"
"#;
    check(
        Kind::Poetry,
        poetry,
        Some(manifest),
        expect![[r#"
        2: flask 2.0.0 direct
        10: jinja2 3.0.0 flask
        14: pytest 7.0.0 direct, dev
        1 from elsewhere
    "#]],
    );
    let uv = r#"version = 1

[[package]]
name = "app"
source = { virtual = "." }
dependencies = [{ name = "flask" }]

[package.dev-dependencies]
dev = [{ name = "pytest", marker = "python_version > '3'" }]

[[package]]
name = "flask"
version = "2.0.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "jinja2" }]

[[package]]
name = "jinja2"
version = "3.0.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "inner"
version = "3.0.0"
source = { registry = "https://pypi.example.org/simple" }

[[package]]
name = "pytest"
version = "7.0.0"
source = { registry = "https://pypi.org/simple" }
"#;
    check(
        Kind::Uv,
        uv,
        None,
        expect![[r#"
            12: flask 2.0.0 direct
            18: jinja2 3.0.0 flask
            28: pytest 7.0.0 direct, dev
            1 from elsewhere
        "#]],
    );
    let requirements = "# made by hand
-r other.txt
Flask[async]==2.0.0 ; python_version > '3'
jinja2==3.0.0 \\
    --hash=sha256:00
requests>=2
pinned === 1.0  # why
git+https://git.example.org/x==1
star==1.*
";
    check(
        Kind::Requirements,
        requirements,
        None,
        expect![[r#"
            3: flask 2.0.0 direct
            4: jinja2 3.0.0 direct
            7: pinned 1.0 direct
            0 from elsewhere
        "#]],
    );
}

#[test]
fn go_mod() {
    let text = "module example.org/app

go 1.22

require golang.org/x/text v0.3.0

require (
\tgithub.com/gin-gonic/gin v1.6.0 // indirect
\t\"github.com/own/lib\" v1.0.0
)

replace github.com/own/lib => ../lib
";
    check(
        Kind::Go,
        text,
        None,
        expect![[r#"
        8: github.com/gin-gonic/gin 1.6.0 unknown
        5: golang.org/x/text 0.3.0 direct
        1 from elsewhere
    "#]],
    );
}

#[test]
fn what_goes_round_in_circles_ends() {
    let long = "x".repeat(300);
    let node = |name: &str, needs: &[usize]| Node {
        name: name.to_owned(),
        version: "1".to_owned(),
        is_public: true,
        needs: needs.to_vec(),
        ..Node::default()
    };
    let nodes = vec![
        node("a", &[1]),
        node("b", &[2, 9]),
        node("c", &[3]),
        node("d", &[4]),
        node("e", &[5]),
        node("f", &[0]),
        node("lost", &[]),
        node(&long, &[]),
        node("\u{1b}[31m", &[]),
    ];
    let mut graph = Graph { nodes, direct: vec![(0, true), (99, false)], says_dev: false };
    let words = |one: &Locked| format!("{} {} {:?}", one.name, one.is_dev, one.through);
    let (packages, _) = graph.walk();
    let said: Vec<String> = packages.iter().map(words).collect();
    expect![[r#"
        a true []
        b true ["a"]
        c true ["a", "b"]
        d true ["a", "b", "c"]
        e true ["a", "b", "c", "d"]
        f true ["a", "b", "…", "e"]
        lost false []"#]]
    .assert_eq(&said.join("\n"));
}
