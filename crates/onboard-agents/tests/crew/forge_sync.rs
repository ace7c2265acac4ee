//! Reading a forge under every fault: what is known afterwards is what is there, and each item once.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use onboard_agents::external_tool_integration::forge::store::{Items, State, Store};
use onboard_agents::external_tool_integration::forge::sync::{MOST_REQUESTS, Run, Sync};
use onboard_agents::external_tool_integration::forge::wire::Flavour;
use onboard_agents::host::Unanswered;
use onboard_analysis::draw::Draw;

use super::forge::{BEGIN_S, FAULTS, Fault, Forge, Milestone};

const QUARTER_S: i64 = 900;
const DAY_S: i64 = 86_400;

fn sync(flavour: Flavour) -> Sync {
    let host = if flavour == Flavour::GitHub { "api.github.com" } else { "gitlab.com" };
    Sync::new(flavour, host, "octo/loom").expect("a repository")
}

/// What the agent knows, and the forge.
struct World {
    forge: Forge,
    sync: Sync,
    store: Store,
    draw: Draw,
}

impl World {
    fn new(flavour: Flavour, seed: u64) -> World {
        let forge = Forge::new(flavour);
        World { forge, sync: sync(flavour), store: Store::default(), draw: Draw::new(seed) }
    }

    /// One run, in which before each answer something may happen.
    fn run(&mut self, mut before: impl FnMut(&mut Forge, &mut Draw) -> Option<Fault>) -> Run {
        let mut run = self.sync.begin(&self.store, self.forge.now_s * 1_000);
        while let Some(request) = self.sync.next(&run) {
            let begun_s = self.forge.now_s;
            let fault = before(&mut self.forge, &mut self.draw);
            let reply = self.forge.ask(&request.path, request.etag.as_deref(), fault);
            let passed_ms = (self.forge.now_s - begun_s) * 1_000;
            self.sync.take(&mut run, &mut self.store, &request, &reply, passed_ms);
        }
        self.sync.finish(&run);
        assert!(run.asked <= MOST_REQUESTS);
        run
    }

    /// What is stored is all that the next run has.
    fn restart(&mut self) {
        let text = serde_json::to_string(&self.sync).expect("JSON");
        self.sync = serde_json::from_str(&text).expect("JSON");
        for items in [&mut self.store.issues, &mut self.store.merges] {
            let text = serde_json::to_string(&items.list().collect::<Vec<_>>()).expect("JSON");
            *items = Items::of(serde_json::from_str(&text).expect("JSON"));
        }
    }

    /// Runs without faults until all is read; a quarter of an hour between two, or what is said.
    fn heal(&mut self, between_s: i64, most_runs: usize) {
        for _ in 0..most_runs {
            self.forge.now_s += between_s;
            let run = self.run(|_, _| None);
            if run.asked > 0 && self.sync.behind_since_ms.is_none() {
                return;
            }
        }
        panic!("never read to the end: {:?}", self.sync);
    }

    #[track_caller]
    fn check_same(&self, why: &str) {
        let mut forge = self.forge.clone();
        for is_merge in [false, true] {
            let there: BTreeMap<u64, _> = forge
                .list(is_merge)
                .iter()
                .map(|(number, item)| {
                    let at = (item.created_s * 1_000, item.updated_s * 1_000, item.closed_s);
                    let state = match item.state {
                        State::Done if item.is_merge => State::Merged,
                        state => state,
                    };
                    (*number, (item.title.clone(), state, at, item.milestone))
                })
                .collect();
            let items = match (forge.flavour, is_merge) {
                (Flavour::GitLab, true) => &self.store.merges,
                _ => &self.store.issues,
            };
            let mut known = BTreeMap::new();
            for item in items.list() {
                let closed_s = item.closed_ms.map(|ms| ms / 1_000);
                let at = (item.created_ms, item.updated_ms, closed_s);
                let title = item.title.as_str().to_owned();
                let twice = known.insert(item.number, (title, item.state, at, item.milestone));
                assert_eq!(twice, None, "{why}");
            }
            let missing: Vec<_> =
                there.iter().filter(|(number, item)| known.get(number) != Some(item)).collect();
            let surplus: Vec<_> =
                known.keys().filter(|number| !there.contains_key(number)).collect();
            assert!(
                missing.is_empty() && surplus.is_empty(),
                "{why}: missing {missing:?}, surplus {surplus:?} with {:?}",
                self.sync
            );
        }
        let there: BTreeSet<(u64, &str)> =
            self.forge.milestones.iter().map(|(id, m)| (*id, m.title.as_str())).collect();
        let known: Vec<(u64, &str)> =
            self.store.milestones.iter().map(|m| (m.id, m.title.as_str())).collect();
        assert_eq!(known, there.into_iter().collect::<Vec<_>>(), "{why}");
    }
}

/// Something that people do.
fn happen(forge: &mut Forge, draw: &mut Draw, deletes: bool) {
    // Many things in one second, and pauses.
    forge.now_s += [0, 0, 0, 1, 7][draw.below(5)];
    let now_s = forge.now_s;
    let is_merge = draw.below(3) == 0;
    let numbers: Vec<u64> = forge.list(is_merge).keys().copied().collect();
    match draw.below(if deletes { 9 } else { 7 }) {
        0 | 1 => {
            let milestone = forge.milestones.keys().nth(draw.below(4)).copied();
            let title = format!("item {}", draw.below(1_000));
            forge.open(&title, is_merge, milestone);
        }
        2..4 => {
            if let Some(item) = draw.of(&numbers).and_then(|n| forge.list(is_merge).get_mut(n)) {
                item.updated_s = now_s;
                item.title = format!("{}+", item.title.chars().take(20).collect::<String>());
            }
        }
        4 => {
            // GitLab doesn't say why an issue was closed.
            let is_said = is_merge || forge.flavour == Flavour::GitHub;
            let state = if is_said && draw.below(2) == 0 { State::Dropped } else { State::Done };
            if let Some(item) = draw.of(&numbers).and_then(|n| forge.list(is_merge).get_mut(n)) {
                (item.updated_s, item.state, item.closed_s) = (now_s, state, Some(now_s));
            }
        }
        5 => {
            let most = if draw.below(20) == 0 { 230 } else { 6 };
            let id = 101 + draw.below(most) as u64;
            let title = format!("v{}", draw.below(50));
            let is_open = draw.below(3) > 0;
            let due = (draw.below(2) == 0).then(|| "2026-12-01".to_owned());
            forge.milestones.insert(id, Milestone { title, is_open, updated_s: now_s, due });
        }
        6 => {
            // Somebody puts a label on half of all at once.
            if draw.below(4) == 0 {
                let half = numbers.iter().filter(|_| draw.below(2) == 0);
                let half: Vec<u64> = half.copied().collect();
                for number in half {
                    if let Some(item) = forge.list(is_merge).get_mut(&number) {
                        item.updated_s = now_s;
                    }
                }
            }
        }
        7 => {
            let gone = draw.of(&numbers).copied();
            gone.and_then(|number| forge.list(is_merge).remove(&number));
        }
        _ => {
            let ids: Vec<u64> = forge.milestones.keys().copied().collect();
            draw.of(&ids).and_then(|id| forge.milestones.remove(id));
        }
    }
}

/// Some hours of work at a forge that fails; then everything is as it should be again.
fn chaos(flavour: Flavour, seed: u64, deletes: bool) {
    let why = format!("{flavour:?} {seed} {deletes}");
    let mut world = World::new(flavour, seed);
    world.forge.most = [100, 100, 37][world.draw.below(3)];
    for _ in 0..world.draw.below(500) {
        happen(&mut world.forge, &mut world.draw, false);
    }
    let badness = [0, 3, 10][world.draw.below(3)];
    for round in 0..24 {
        world.forge.now_s += QUARTER_S;
        if round == 12 && seed.is_multiple_of(3) && flavour == Flavour::GitHub {
            world.forge.has_moved = true;
        }
        world.forge.fits = if world.draw.below(6) == 0 { 20 } else { 100 };
        let (old_sync, old_store) = (world.sync.clone(), world.store.clone());
        world.run(|forge, draw| {
            for _ in 0..draw.below(4) * draw.below(30) {
                happen(forge, draw, deletes);
            }
            if draw.below(10) == 0 {
                forge.copy();
            }
            let fault = (draw.below(20) < badness).then(|| *draw.of(&FAULTS).expect("one"));
            // A copy that lags behind is made good by reading all once more, not by reading on.
            fault.filter(|fault| deletes || *fault != Fault::Stale)
        });
        // The process may die after its work and before all of it was stored.
        match world.draw.below(8) {
            0 => (world.sync, world.store) = (old_sync, old_store),
            1 => {
                // Items are stored first, then how far they are read, and with that milestones.
                world.sync = old_sync;
                world.store.milestones = old_store.milestones;
            }
            _ => {
                world.restart();
                continue;
            }
        }
        // Who died has also forgotten how long to wait.
        world.forge.closed_until_s = 0;
        world.restart();
    }
    assert_eq!(world.forge.breaches, 0, "{why}: it was asked too soon");
    world.forge.fits = 100;
    // Reading on is enough where nothing was deleted.
    world.heal(QUARTER_S, 60);
    if !deletes {
        world.check_same(&why);
    }
    // What is begun was begun too early; after a day all is read once more.
    for _ in 0..2 {
        world.forge.now_s += 8 * DAY_S;
        world.heal(QUARTER_S, 60);
    }
    world.check_same(&why);
    let run = world.run(|_, _| None);
    assert!(run.asked == run.unchanged && run.asked <= 3, "{why}: {run:?}");
}

#[test]
fn after_every_fault_what_is_known_is_what_is_there() {
    for seed in 0..30 {
        for flavour in [Flavour::GitHub, Flavour::GitLab] {
            chaos(flavour, seed, seed % 2 == 0);
        }
    }
}

/// What a run asks of a forge that fails in one way each time, and what is known of it then.
fn check(faults: &[Fault], expected: Expect) {
    let mut world = World::new(Flavour::GitHub, 1);
    for at in 0..130 {
        world.forge.open(&format!("item {at}"), false, None);
        world.forge.now_s += 10;
    }
    let mut lines = Vec::new();
    for fault in faults {
        let mut left = Some(*fault);
        let run = world.run(|_, _| left.take());
        let waits_s = (world.sync.wait_until_ms / 1_000 - world.forge.now_s).max(0);
        let trouble = world.sync.trouble.as_ref().map(|t| format!("{:?}: {}", t.class, t.why));
        lines.push(format!(
            "{fault:?}: asked {}, known {}, waits {waits_s} s, {}",
            run.asked,
            world.store.issues.len(),
            trouble.unwrap_or("no trouble".to_owned())
        ));
        world.forge.now_s += QUARTER_S;
    }
    assert_eq!(world.forge.breaches, 0);
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_fault_ends_the_run_and_the_next_goes_on() {
    check(
        &[
            Fault::Status(500),
            Fault::Status(502),
            Fault::Broken,
            Fault::Half,
            Fault::Page,
            Fault::Slow,
            Fault::TooMuch(429, 600),
            Fault::Secondary,
            Fault::Last(1_200),
            Fault::Last(60),
            Fault::TooMuch(403, 60),
        ],
        expect![[r#"
            Status(500): asked 1, known 0, waits 60 s, Failing: 500: the server has failed
            Status(502): asked 1, known 0, waits 120 s, Failing: 502: the server has failed
            Broken: asked 4, known 130, waits 0 s, no trouble
            Half: asked 2, known 130, waits 0 s, no trouble
            Page: asked 3, known 130, waits 0 s, no trouble
            Slow: asked 2, known 130, waits 0 s, no trouble
            TooMuch(429, 600): asked 1, known 130, waits 600 s, no trouble
            Secondary: asked 1, known 130, waits 60 s, no trouble
            Last(1200): asked 1, known 130, waits 1201 s, no trouble
            Last(60): asked 0, known 130, waits 301 s, no trouble
            TooMuch(403, 60): asked 1, known 130, waits 60 s, no trouble"#]],
    );
}

#[test]
fn refusals_wait_an_hour_and_what_is_switched_off_a_day() {
    let mut world = World::new(Flavour::GitHub, 1);
    world.forge.open("a", false, None);
    world.run(|_, _| Some(Fault::Status(401)));
    let trouble = world.sync.trouble.clone().expect("it was refused");
    expect!["Refused 401: the server has failed"]
        .assert_eq(&format!("{:?} {}", trouble.class, trouble.why));
    world.forge.now_s += 2 * QUARTER_S;
    assert_eq!(world.run(|_, _| None).asked, 0);
    world.forge.now_s += 3 * QUARTER_S;
    assert_eq!(world.run(|_, _| None).asked, 2);
    assert_eq!((world.sync.trouble.clone(), world.sync.failures), (None, 0));
    // Issues are switched off, milestones are not: that is no trouble.
    let mut at = 0;
    world.forge.now_s += QUARTER_S;
    world.run(|_, _| {
        at += 1;
        (at == 2).then_some(Fault::Status(410))
    });
    assert_eq!((world.sync.trouble.clone(), world.sync.behind_since_ms), (None, None));
    world.forge.now_s += QUARTER_S;
    assert_eq!(world.run(|_, _| None).asked, 1);
    world.forge.now_s += DAY_S;
    world.heal(QUARTER_S, 2);
    world.check_same("switched on again");
    // Where there is nothing at all, the address or the credential is wrong.
    world.forge.now_s += QUARTER_S;
    world.run(|_, _| Some(Fault::Status(404)));
    let trouble = world.sync.trouble.clone().expect("nothing is there");
    expect!["Refused 404: the server has failed"]
        .assert_eq(&format!("{:?} {}", trouble.class, trouble.why));
}

#[test]
fn ten_thousand_items_are_read_in_runs_of_forty_requests() {
    let mut world = World::new(Flavour::GitHub, 1);
    for at in 0..10_000 {
        world.forge.open(&format!("item {at}"), at % 4 == 0, None);
        world.forge.now_s += 10;
    }
    let mut asked = Vec::new();
    for _ in 0..4 {
        world.forge.now_s += QUARTER_S;
        asked.push(world.run(|_, _| None).asked);
        world.restart();
    }
    world.check_same("ten thousand");
    expect!["[40, 40, 25, 2]"].assert_eq(&format!("{asked:?}"));
    assert!(asked[..3].iter().sum::<usize>() <= 110);
}

#[test]
fn an_import_in_one_second_is_read_page_by_page_twice() {
    let mut world = World::new(Flavour::GitLab, 1);
    for at in 0..350 {
        world.forge.open(&format!("item {at}"), false, None);
    }
    world.forge.now_s = BEGIN_S + QUARTER_S;
    world.run(|_, _| None);
    world.check_same("an import");
    world.forge.now_s += QUARTER_S;
    let run = world.run(|_, _| None);
    assert_eq!((run.asked, run.unchanged), (3, 3));
    // One of the first changes, and is the last then.
    world.forge.now_s += QUARTER_S;
    world.forge.issues.get_mut(&3).expect("it is there").updated_s = world.forge.now_s;
    world.run(|_, _| None);
    world.check_same("one of them changed");
}

#[test]
fn a_single_item_that_is_too_long_is_said() {
    let mut world = World::new(Flavour::GitHub, 1);
    world.forge.open("a", false, None);
    world.forge.open("b", false, None);
    world.forge.fits = 1;
    world.run(|_, _| None);
    world.check_same("one a page");
    world.forge.open("c", false, None);
    world.forge.fits = 0;
    world.forge.now_s += QUARTER_S;
    world.run(|_, _| None);
    let trouble = world.sync.trouble.clone().expect("it does not fit");
    assert!(trouble.why.ends_with("it is too long"), "{trouble:?}");
    assert!(matches!(
        world.forge.ask("/repos/octo/loom/issues", None, None),
        Err(Unanswered::TooLarge)
    ));
}
