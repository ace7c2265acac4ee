//! Asking registries under every fault: what is known afterwards is what is there, each thing once, and
//! nothing was asked twice a day.

use std::collections::{BTreeMap, BTreeSet};

use onboard_agents::external_tool_integration::packages::asking::{
    Interest, MOST_REQUESTS, Question, Run, Wanted,
};
use onboard_agents::external_tool_integration::packages::book::{Book, Key, Service};
use onboard_agents::external_tool_integration::packages::version::Ecosystem;
use onboard_analysis::draw::Draw;

use super::registry::{FAULTS, Fault, Hole, Registry, Release, Triple, text};

const QUARTER_S: i64 = 900;
const DAY_S: i64 = 86_400;
const NAMES: [(Ecosystem, &str); 7] = [
    (Ecosystem::Crates, "weft"),
    (Ecosystem::Crates, "warp"),
    (Ecosystem::Npm, "@loom/shuttle"),
    (Ecosystem::Npm, "heddle"),
    (Ecosystem::PyPI, "bobbin-lace"),
    (Ecosystem::PyPI, "treadle"),
    (Ecosystem::Go, "example.org/reed"),
];

struct World {
    registry: Registry,
    wanted: Wanted,
    book: Book,
    draw: Draw,
    /// When each thing was answered at last.
    answered: BTreeMap<String, i64>,
    repeated: Vec<String>,
}

fn triple(draw: &mut Draw) -> Triple {
    (draw.below(4) as u64, draw.below(3) as u64, draw.below(3) as u64)
}

impl World {
    fn new(seed: u64) -> World {
        let mut draw = Draw::new(seed);
        let page = [1, 2, 1_000][draw.below(3)];
        let registry = Registry { now_s: 1_790_812_800, page, ..Registry::default() };
        let (wanted, book) = (Wanted::new(), Book::default());
        let mut world =
            World { registry, wanted, book, draw, answered: BTreeMap::new(), repeated: Vec::new() };
        for _ in 0..60 {
            world.happen();
        }
        world
    }

    /// Something that people do.
    fn happen(&mut self) {
        let draw = &mut self.draw;
        let (ecosystem, name) = NAMES[draw.below(NAMES.len())];
        let (name, version) = (name.to_owned(), triple(draw));
        match draw.below(5) {
            0 => {
                let id = format!("X-{}", draw.below(30));
                let (above, is_fixed) = (triple(draw), draw.below(3) > 0);
                let fixed = is_fixed.then_some((version.0 + above.0, above.1, above.2));
                let hole = Hole {
                    ecosystem,
                    name,
                    from: version,
                    fixed,
                    summary: format!("hole {}", draw.below(100)),
                    aliases: Vec::new(),
                    vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(),
                    modified_s: self.registry.now_s,
                    is_withdrawn: draw.below(6) == 0,
                };
                self.registry.holes.insert(id, hole);
            }
            1 | 2 => {
                let withdrawn = (draw.below(4) == 0).then(|| "broken".to_owned());
                let day = format!("202{}-0{}-11", draw.below(6), 1 + draw.below(9));
                let releases = self.registry.packages.entry((ecosystem, name)).or_default();
                releases.insert(version, Release { withdrawn, day });
            }
            3 => {
                let interest = match ecosystem {
                    Ecosystem::Go => Interest::Advisories,
                    _ => [Interest::Direct, Interest::Indirect][draw.below(2)],
                };
                self.wanted.insert(Key { ecosystem, name, version: text(version) }, interest);
            }
            _ => {
                let keys: Vec<Key> = self.wanted.keys().cloned().collect();
                if keys.len() > 6 {
                    self.wanted.remove(draw.of(&keys).expect("one"));
                }
            }
        }
    }

    /// What a question asks that may not be asked twice a day.
    fn things(&self, question: &Question) -> Vec<String> {
        match &question.json {
            None if question.path.starts_with("/v1/") => vec![question.path.clone()],
            None => {
                // Another version is another question.
                let of = |key: &&Key| question.path.contains(&key.name.replace('/', "%2f"));
                let locked: Vec<&str> =
                    self.wanted.keys().filter(of).map(|key| key.version.as_str()).collect();
                vec![format!("{} {}", question.path, locked.join(" "))]
            }
            Some(json) => {
                let asked: serde_json::Value = serde_json::from_slice(json).expect("JSON");
                asked["queries"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(ToString::to_string)
                    .collect()
            }
        }
    }

    fn run(&mut self, badness: usize) -> usize {
        let now_ms = self.registry.now_s * 1_000;
        let wanted = self.wanted.clone();
        let mut run = Run::begin(&self.book, &wanted, Service::ALL, MOST_REQUESTS, now_ms);
        while let Some(question) = run.next(&self.book) {
            let fault =
                (self.draw.below(20) < badness).then(|| *self.draw.of(&FAULTS).expect("one"));
            let begun_s = self.registry.now_s;
            let things = self.things(&question);
            for thing in &things {
                if self.answered.get(thing).is_some_and(|at_s| begun_s - at_s < DAY_S) {
                    self.repeated.push(thing.clone());
                }
            }
            let (path, json) = (&question.path, question.json.as_deref());
            let reply =
                self.registry.ask(question.service, path, json, question.etag.as_deref(), fault);
            let is_whole =
                matches!(fault, None | Some(Fault::Slow | Fault::Twice | Fault::TooLarge));
            let is_answer = reply.as_ref().is_ok_and(|it| matches!(it.status, 200 | 304 | 404));
            if is_whole && is_answer {
                let now_s = self.registry.now_s;
                self.answered.extend(things.into_iter().map(|thing| (thing, now_s)));
            }
            let passed_ms = (self.registry.now_s - begun_s) * 1_000;
            run.take(&mut self.book, &question, &reply, passed_ms);
        }
        assert!(run.asked <= MOST_REQUESTS);
        let keys = wanted.keys().cloned().collect();
        self.book.prune(&keys, self.registry.now_s * 1_000);
        run.asked
    }

    #[track_caller]
    fn check_same(&self, why: &str) {
        for key in self.wanted.keys() {
            let known: Vec<String> =
                self.book.about(key).iter().map(|advisory| advisory.id.clone()).collect();
            let there: Vec<String> = self.registry.about(key).into_iter().collect();
            assert_eq!(known, there, "{why}: {key:?} {:?}", self.book.said(key));
            for id in &known {
                let (_, advisory) = self.book.advisory(id).expect("it is known");
                let hole = &self.registry.holes[id];
                assert_eq!(advisory.summary, hole.summary, "{why}: {id}");
                let fixes: Vec<&str> = advisory.fixes(key.ecosystem, &key.name).collect();
                let fixed: Vec<String> = hole.fixed.map(text).into_iter().collect();
                assert_eq!(fixes, fixed, "{why}: {id}");
            }
            let Some(service) = Service::of(key.ecosystem) else { continue };
            let package = self.book.package(key.ecosystem, &key.name).expect("it was asked for");
            let releases = self.registry.packages.get(&(key.ecosystem, key.name.clone()));
            let releases = releases.cloned().unwrap_or_default();
            let is_meant = |(_, release): &(&Triple, &Release)| {
                service == Service::Npm || release.withdrawn.is_none()
            };
            let newest = releases.iter().rfind(is_meant).map(|(version, _)| text(*version));
            let known = package.newest.as_ref().map(|(version, _)| version.clone());
            assert_eq!(known, newest, "{why}: {key:?}");
            let withdrawn = releases.iter().find(|(version, _)| text(**version) == key.version);
            let withdrawn = withdrawn.is_some_and(|(_, release)| release.withdrawn.is_some());
            assert_eq!(package.locked[&key.version].1.is_some(), withdrawn, "{why}: {key:?}");
        }
    }
}

/// Some days of work while everything fails; then a quiet one.
fn chaos(seed: u64) {
    let why = format!("seed {seed}");
    let mut world = World::new(seed);
    let badness = [1, 5, 14][world.draw.below(3)];
    for _ in 0..40 {
        for _ in 0..world.draw.below(4) {
            world.happen();
        }
        world.registry.now_s += [QUARTER_S, QUARTER_S, DAY_S / 3][world.draw.below(3)];
        let before = (world.book.clone(), world.answered.clone());
        world.run(badness);
        // The process may die before its work is stored; what is stored is all that the next run has.
        if world.draw.below(6) == 0 {
            (world.book, world.answered) = before;
        }
        let text = serde_json::to_string(&world.book).expect("JSON");
        world.book = serde_json::from_str(&text).expect("JSON");
    }
    for _ in 0..200 {
        world.registry.now_s += QUARTER_S;
        world.run(0);
    }
    world.check_same(&why);
    assert_eq!(world.registry.breaches, 0, "{why}");
    assert_eq!(world.repeated, Vec::<String>::new(), "{why}");
    // Nothing is due before a day is over.
    let is_over =
        Run::begin(&world.book, &world.wanted, Service::ALL, 1, world.registry.now_s * 1_000);
    assert!(!is_over.is_behind(&world.book), "{why}");
}

#[test]
fn whatever_fails_all_is_known_in_the_end_and_nothing_twice() {
    (0..60).for_each(chaos);
}

/// A project whose lock file has so many packages, each with an advisory.
fn large(count: usize) -> World {
    let mut world = World::new(0);
    world.registry = Registry { now_s: 1_790_812_800, page: 1_000, ..Registry::default() };
    world.wanted.clear();
    for number in 0..count {
        let key = Key {
            ecosystem: Ecosystem::Npm,
            name: format!("part-{number}"),
            version: "1.0.0".to_owned(),
        };
        world.wanted.insert(key, Interest::Advisories);
    }
    world
}

#[test]
fn a_large_project_costs_few_requests_a_day() {
    let mut world = large(2_000);
    let asked: Vec<usize> = (0..3)
        .map(|_| {
            world.registry.now_s += QUARTER_S;
            world.run(0)
        })
        .collect();
    assert_eq!(asked, [4, 0, 0]);
    world.registry.now_s += DAY_S;
    assert_eq!(world.run(0), 4);
}

#[test]
fn a_full_book_fits_a_checkpoint() {
    let mut world = large(1_500);
    for number in 0..1_000 {
        let hole = Hole {
            ecosystem: Ecosystem::Npm,
            name: format!("part-{number}"),
            from: (0, 0, 0),
            fixed: Some((2, 0, 0)),
            summary: "a hole of which much is said ".repeat(10),
            aliases: vec![format!("CVE-2026-{number}"), format!("GHSA-aaaa-bbbb-{number}")],
            vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned(),
            modified_s: 1_790_000_000,
            is_withdrawn: false,
        };
        world.registry.holes.insert(format!("GHSA-xxxx-yyyy-{number}"), hole);
    }
    for _ in 0..40 {
        world.registry.now_s += QUARTER_S;
        world.run(0);
    }
    let keys: BTreeSet<Key> = world.wanted.keys().cloned().collect();
    assert_eq!(keys.iter().filter(|key| !world.book.about(key).is_empty()).count(), 1_000);
    let text = serde_json::to_string(&world.book).expect("JSON");
    assert!(text.len() <= onboard_agents::host::LARGEST_CHECKPOINT / 2, "{}", text.len());
}
