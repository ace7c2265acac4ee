//! The integration of external tools and packages: what it says of lock files, with and without somebody
//! to ask.

use std::cell::RefCell;
use std::rc::Rc;

use expect_test::expect;
use onboard_agents::external_tool_integration::packages::book::Service;
use onboard_agents::external_tool_integration::packages::version::Ecosystem;
use onboard_agents::external_tool_integration::run;
use onboard_agents::host::{Ask, Door, Doors, Finding, Reply};

use super::fixture::{Fixture, History, NOW_MS};
use super::readers::Reader;
use super::registry::{Hole, Registry, Release, Triple};

const DAY_MS: i64 = 86_400_000;

/// Doors to all registries, or to some of them.
struct Served {
    doors: Vec<Door>,
    registry: Rc<RefCell<Registry>>,
}

impl Doors for Served {
    fn list(&self) -> &[Door] {
        &self.doors
    }

    fn ask(&mut self, ask: &Ask<'_>) -> Reply {
        let service = Service::ALL.into_iter().find(|service| ask.door.contains(service.host()));
        let service = service.expect("a service");
        let named = |wanted: &str| ask.fields.iter().find(|(name, _)| *name == wanted);
        assert!(named("User-Agent").is_some(), "crates.io asks for it");
        let etag = named("If-None-Match").map(|(_, value)| *value);
        (self.registry.borrow_mut().ask(service, ask.path, ask.json, etag, None), 100)
    }
}

/// A crate of a lock file: name, version, and what it needs.
type Crate<'a> = (&'a str, &'a str, &'a [&'a str]);

/// A `Cargo.lock`, whose first package is the project's own.
fn cargo_lock(crates: &[Crate<'_>]) -> String {
    let mut text = "version = 4\n".to_owned();
    for (at, (name, version, needs)) in crates.iter().enumerate() {
        text += &format!("\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        if at > 0 {
            text += "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
        }
        let needs: Vec<String> = needs.iter().map(|need| format!(" \"{need}\",\n")).collect();
        text += &format!("dependencies = [\n{}]\n", needs.concat());
    }
    text
}

/// `name: version, newest`, whether each is yanked or when it came out.
fn release(
    registry: &mut Registry,
    ecosystem: Ecosystem,
    name: &str,
    releases: &[(Triple, &str, Option<&str>)],
) {
    let one = |(version, day, why): &(Triple, &str, Option<&str>)| {
        let withdrawn = why.map(str::to_owned);
        (*version, Release { withdrawn, day: (*day).to_owned() })
    };
    let key = (ecosystem, name.to_owned());
    registry.packages.insert(key, releases.iter().map(one).collect());
}

fn hole(
    ecosystem: Ecosystem,
    name: &str,
    from: Triple,
    fixed: Option<Triple>,
    (alias, summary): (&str, &str),
) -> Hole {
    Hole {
        ecosystem,
        name: name.to_owned(),
        from,
        fixed,
        summary: summary.to_owned(),
        aliases: vec![alias.to_owned()],
        vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H".to_owned(),
        modified_s: 1,
        is_withdrawn: false,
    }
}

struct Project {
    fixture: Fixture,
    reader: Reader,
    registry: Rc<RefCell<Registry>>,
}

impl Project {
    fn new(files: &[(&str, &str)], open: &[Service]) -> Project {
        let mut history = History::default();
        history.commit("main", "ann", 30, "begin", files);
        let fixture = Fixture::of(&history);
        let mut reader = Reader::of(fixture.root());
        let registry = Rc::new(RefCell::new(Registry {
            now_s: NOW_MS / 1_000,
            page: 2,
            ..Registry::default()
        }));
        let door = |service: &Service| Door {
            url: format!("http://{}.host.onboard", service.host()),
            host: service.host().to_owned(),
            has_credential: false,
        };
        let doors = open.iter().map(door).collect();
        reader.agent.doors = Some(Box::new(Served { doors, registry: Rc::clone(&registry) }));
        Project { fixture, reader, registry }
    }

    fn look(&mut self, later_ms: i64) -> String {
        self.reader.agent.task.now_ms += later_ms;
        self.registry.borrow_mut().now_s = self.reader.agent.task.now_ms / 1_000;
        self.reader.judge(run)
    }

    fn change(&self, path: &str, text: &str) {
        self.fixture.write(path, text);
        self.fixture.git(&["add", path]);
        self.fixture.git(&["commit", "-q", "-m", "upgrade"]);
    }
}

const CRATES: [Crate<'_>; 5] = [
    ("loom", "0.1.0", &["weft", "heddle", "treadle"]),
    ("heddle", "1.4.0", &[]),
    ("shuttle", "0.8.3", &[]),
    ("treadle", "2.0.1", &[]),
    ("weft", "1.0.0", &["shuttle"]),
];

fn fill(registry: &mut Registry) {
    let crates = Ecosystem::Crates;
    let holes = [
        ("GHSA-1111-2222-3333", Some((0, 8, 7)), "A crafted pattern takes quadratic time"),
        ("RUSTSEC-2026-0001", Some((0, 8, 5)), "Quadratic time"),
        ("RUSTSEC-2026-0002", Some((0, 8, 5)), "Reads beyond the end of a buffer"),
    ];
    for (id, fixed, summary) in holes {
        let alias = if id.ends_with("0002") { "CVE-2026-0002" } else { "CVE-2026-0001" };
        let hole = hole(crates, "shuttle", (0, 1, 0), fixed, (alias, summary));
        registry.holes.insert(id.to_owned(), hole);
    }
    release(
        registry,
        crates,
        "shuttle",
        &[
            ((0, 8, 3), "2024-02-01", None),
            ((0, 8, 5), "2026-01-01", None),
            ((0, 8, 7), "2026-02-01", None),
        ],
    );
    release(
        registry,
        crates,
        "heddle",
        &[
            ((1, 4, 0), "2019-03-01", Some("")),
            ((1, 4, 1), "2019-04-01", None),
            ((4, 0, 0), "2026-03-01", None),
        ],
    );
    release(
        registry,
        crates,
        "treadle",
        &[((2, 0, 1), "2020-05-01", None), ((2, 9, 0), "2026-05-01", None)],
    );
    release(
        registry,
        crates,
        "weft",
        &[
            ((1, 0, 0), "2021-01-01", None),
            ((2, 0, 0), "2022-01-01", None),
            ((3, 0, 0), "2023-01-01", None),
        ],
    );
}

/// A package of each kind.
pub fn examples() -> Vec<Finding> {
    let mut project = Project::new(&[("Cargo.lock", &cargo_lock(&CRATES))], &Service::ALL);
    fill(&mut project.registry.borrow_mut());
    project.look(0);
    project.reader.agent.findings
}

#[test]
fn without_somebody_to_ask_it_says_what_it_would_need() {
    let lock = cargo_lock(&CRATES);
    let npm = r#"{"lockfileVersion": 3, "packages": {"": {"dependencies": {"reed": "1"}}, "node_modules/reed": {"version": "1.0.0"}}}"#;
    let files = [
        ("Cargo.lock", lock.as_str()),
        ("web/package-lock.json", npm),
        ("yarn.lock", "__metadata:\n"),
        ("tests/fixtures/Cargo.lock", "nonsense"),
        ("node_modules/x/yarn.lock", "nonsense"),
    ];
    let mut project = Project::new(&files, &[]);
    let none = project.look(0);
    // One of them is enough for what it knows.
    let mut some = Project::new(&files, &[Service::Advisories]);
    fill(&mut some.registry.borrow_mut());
    let some = some.look(0);
    let nothing = Project::new(&[("src/a.rs", "0\n")], &Service::ALL).look(0);
    expect![[r#"
        nothing to report: 5 packages in 3 lock files, `allowed_domains` lacks api.osv.dev, index.crates.io, registry.npmjs.org to look them up (yarn.lock can't be read: it is of Yarn 2 or newer, which is not understood); no results of tools; nothing new
        succeeded: 5 packages in 3 lock files, `allowed_domains` lacks index.crates.io, registry.npmjs.org to look them up (yarn.lock can't be read: it is of Yarn 2 or newer, which is not understood); no results of tools; 1 new
        [high] tools/vulnerable-dependency of shuttle 0.8.3
          shuttle 0.8.3 has 2 known vulnerabilities, fixed in 0.8.7
          The OSV database said so on 2026-11-23.
          do: Run `cargo update shuttle@0.8.3 --precise 0.8.7`.
          - File: shuttle 0.8.3, through weft
          - Number 7.5: CVSS of CVE-2026-0001 (GHSA-1111-2222-3333): A crafted pattern takes quadratic time; fixed in 0.8.7
          - Number 7.5: CVSS of CVE-2026-0002 (RUSTSEC-2026-0002): Reads beyond the end of a buffer; fixed in 0.8.5
        nothing to report: no results of tools; nothing new"#]].assert_eq(&[none, some, nothing].join("\n"));
}

#[test]
fn what_is_known_of_packages_is_said_until_the_lock_file_moves() {
    let mut project = Project::new(&[("Cargo.lock", &cargo_lock(&CRATES))], &Service::ALL);
    fill(&mut project.registry.borrow_mut());
    let first = project.look(0);
    let asked = std::mem::take(&mut project.registry.borrow_mut().asked).join("\n");
    // Nothing is asked again, and nothing is written.
    project.reader.agent.saves_left = Some(0);
    let again = project.look(900_000);
    project.reader.agent.saves_left = None;
    assert_eq!(project.registry.borrow().asked.len(), 0);
    let mut crates = CRATES;
    crates[2].1 = "0.8.7";
    project.change("Cargo.lock", &cargo_lock(&crates));
    let head = project.fixture.git(&["rev-parse", "HEAD"]);
    // What stands in between is no reason to look elsewhere.
    project.change("README", "later\n");
    let moved = project.look(900_000);
    let resolved = project.reader.agent.resolved.join("\n").replace(&head, "THE-UPGRADE");
    let asked_then = std::mem::take(&mut project.registry.borrow_mut().asked).join("\n");
    // A day later all is asked once more, and nothing has changed.
    project.look(DAY_MS);
    let asked_later = project.registry.borrow().asked.join(", ");
    expect![[r#"
        succeeded: 4 packages in Cargo.lock; no results of tools; 3 new
        [high] tools/vulnerable-dependency of shuttle 0.8.3
          shuttle 0.8.3 has 2 known vulnerabilities, fixed in 0.8.7
          The OSV database said so on 2026-11-23.
          do: Run `cargo update shuttle@0.8.3 --precise 0.8.7`.
          - File: shuttle 0.8.3, through weft
          - Number 7.5: CVSS of CVE-2026-0001 (GHSA-1111-2222-3333): A crafted pattern takes quadratic time; fixed in 0.8.7
          - Number 7.5: CVSS of CVE-2026-0002 (RUSTSEC-2026-0002): Reads beyond the end of a buffer; fixed in 0.8.5
        [low] tools/yanked-dependency of heddle 1.4.0
          heddle 1.4.0 is yanked
          Its publishers give no reason.
          do: Run `cargo update heddle@1.4.0`, which takes one that is not yanked.
          - File: heddle 1.4.0, a direct dependency
        [info] tools/outdated-dependencies of dependencies
          3 of 3 direct dependencies are far behind their newest versions
          Far is 2 major versions or 2 years; the furthest first. In all they are 15.0 libyears behind.
          do: Begin with weft: read what changed up to 3.0.0, and upgrade it alone.
          - File: weft 1.0.0, newest 3.0.0: 2 major versions, 2.0 years
          - File: heddle 1.4.0, newest 4.0.0: 1 major version, 7.0 years
          - File: treadle 2.0.1, newest 2.9.0: 6.0 years
        nothing to report: 4 packages in Cargo.lock; no results of tools; nothing new
        succeeded: 4 packages in Cargo.lock; no results of tools; 1 resolved
        resolved: tools/vulnerable-dependency of shuttle 0.8.3 by THE-UPGRADE
        asked first:
        advisories /v1/querybatch
        advisories /v1/querybatch
        advisories /v1/vulns/GHSA-1111-2222-3333
        advisories /v1/vulns/RUSTSEC-2026-0001
        advisories /v1/vulns/RUSTSEC-2026-0002
        crates /he/dd/heddle
        crates /tr/ea/treadle
        crates /we/ft/weft
        crates /sh/ut/shuttle
        advisories /v1/querybatch
        asked of the new version:
        crates /sh/ut/shuttle
        asked a day later: advisories /v1/querybatch, crates /he/dd/heddle, crates /tr/ea/treadle, crates /we/ft/weft, crates /sh/ut/shuttle"#]].assert_eq(&format!(
        "{first}\n{again}\n{moved}\nresolved: {resolved}\nasked first:\n{asked}\nasked of the new version:\n{asked_then}\nasked a day later: {asked_later}"
    ));
}

#[test]
fn many_holes_are_one_finding_and_the_gravest_come_first() {
    let npm = r#"{
  "lockfileVersion": 3,
  "packages": {
    "": { "dependencies": { "a": "1", "b": "1" }, "devDependencies": { "d": "1" } },
    "node_modules/a": { "version": "1.0.0", "dependencies": { "c": "1" } },
    "node_modules/b": { "version": "1.0.0" },
    "node_modules/c": { "version": "1.0.0" },
    "node_modules/d": { "version": "1.0.0", "dev": true },
    "node_modules/e": { "version": "1.0.0" }
  }
}
"#;
    let mut project = Project::new(&[("web/package-lock.json", npm)], &Service::ALL);
    let npm = Ecosystem::Npm;
    for (name, id, fixed) in [
        ("a", "GHSA-a", Some((1, 0, 1))),
        ("b", "GHSA-b", None),
        ("c", "GHSA-c", Some((2, 0, 0))),
        ("d", "GHSA-d", Some((1, 2, 0))),
        ("e", "MAL-2026-1", None),
    ] {
        let words = (format!("CVE-2026-{name}"), format!("A hole in {name}"));
        let hole = hole(npm, name, (0, 0, 0), fixed, (&words.0, &words.1));
        project.registry.borrow_mut().holes.insert(id.to_owned(), hole);
    }
    // The mend of `a` has a hole of its own.
    let other = hole(npm, "a", (1, 0, 1), Some((1, 0, 2)), ("CVE-2026-z", "Another"));
    project.registry.borrow_mut().holes.insert("GHSA-z".to_owned(), other);
    let many = project.look(0);
    // Where the upgrades are done, the others are said one by one.
    let text = std::fs::read_to_string(project.fixture.path("web/package-lock.json"));
    let text =
        text.expect("a file").replace("\"e\"", "\"f\"").replace("node_modules/e", "node_modules/f");
    let text = text.replace(
        "node_modules/c\": { \"version\": \"1.0.0",
        "node_modules/c\": { \"version\": \"2.0.0",
    );
    project.change("web/package-lock.json", &text);
    let few = project.look(900_000);
    expect![[r#"
        succeeded: 5 packages in web/package-lock.json; no results of tools; 1 new
        [critical] tools/vulnerable-dependency of dependencies
          5 packages have known vulnerabilities, 3 of them with a fixed version
          The gravest first. The OSV database said so on 2026-11-23.
          do: Remove e, and treat what it could read as known to others. Run `npm install a@1.0.2` in `web`. Upgrade a, or set c to 2.0.0 in `overrides` of package.json in `web`.
          - File: e 1.0.0 (it is not known through which): CVE-2026-e (MAL-2026-1), CVSS 7.5
          - File: a 1.0.0 (a direct dependency): CVE-2026-a (GHSA-a), CVSS 7.5; fixed in 1.0.2
          - File: c 1.0.0 (through a): CVE-2026-c (GHSA-c), CVSS 7.5; fixed in 2.0.0
          - File: b 1.0.0 (a direct dependency): CVE-2026-b (GHSA-b), CVSS 7.5
          - File: d 1.0.0 (a direct dependency, for development alone): CVE-2026-d (GHSA-d), CVSS 7.5; fixed in 1.2.0
        succeeded: 5 packages in web/package-lock.json; no results of tools; 3 new, 1 resolved
        [high] tools/vulnerable-dependency of a 1.0.0
          a 1.0.0 has a known vulnerability, fixed in 1.0.2
          The OSV database said so on 2026-11-23.
          do: Run `npm install a@1.0.2` in `web`.
          - File: a 1.0.0, a direct dependency
          - Number 7.5: CVSS of CVE-2026-a (GHSA-a): A hole in a; fixed in 1.0.1
        [medium] tools/vulnerable-dependency of b 1.0.0
          b 1.0.0 has a known vulnerability
          The OSV database said so on 2026-11-23.
          do: No version is known in which all of it is fixed: see whether the advisory names a way around it, or replace the package.
          - File: b 1.0.0, a direct dependency
          - Number 7.5: CVSS of CVE-2026-b (GHSA-b): A hole in b
        [medium] tools/vulnerable-dependency of d 1.0.0
          d 1.0.0 has a known vulnerability, fixed in 1.2.0
          The OSV database said so on 2026-11-23.
          do: Run `npm install --save-dev d@1.2.0` in `web`.
          - File: d 1.0.0, a direct dependency, for development alone
          - Number 7.5: CVSS of CVE-2026-d (GHSA-d): A hole in d; fixed in 1.2.0"#]].assert_eq(&format!("{many}\n{few}"));
}
