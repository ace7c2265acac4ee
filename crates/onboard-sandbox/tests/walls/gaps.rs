//! What lies between the walls: paths that are not there yet, second names, memory that nobody has,
//! storms, and trees that can't die.

use crate::arena::{Arena, Fighter, PATIENCE, eventually, processes_with};
use crate::raw::call;
use crate::silent::{Answered, Silent};
use crate::tests::Test;
use expect_test::expect;
use onboard_domain::violation::{Rule, Sensor, Violation};
use onboard_sandbox::{KillError, LaunchError, Layer, Limits, Outcome, Profile, ReadOnly};
use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub const ALL: &[(&str, Test)] = &[
    ("every_mask_tells", every_mask_tells),
    ("reads_are_told_where_masks_are_silent", reads_are_told_where_masks_are_silent),
    ("a_forbidden_path_that_appears_is_not_seen", a_forbidden_path_that_appears_is_not_seen),
    ("a_folder_of_too_many_names_is_said", a_folder_of_too_many_names_is_said),
    ("a_second_name_of_what_is_in_a_forbidden_folder", second_names_refuse),
    ("memory_of_no_process_ends_at_the_limit", memory_of_no_process_ends_at_the_limit),
    ("a_program_in_memory_is_noted", a_program_in_memory_is_noted),
    ("huge_pages_are_the_hosts", huge_pages_are_the_hosts),
    ("watches_are_the_runs_own", watches_are_the_runs_own),
    ("another_interface_is_refused_and_told", another_interface_is_refused_and_told),
    ("a_storm_costs_its_share", a_storm_costs_its_share),
    ("a_tree_that_can_not_die_is_not_told_dead", a_tree_that_can_not_die_is_not_told_dead),
    ("a_folder_that_is_swapped_is_not_shown", a_folder_that_is_swapped_is_not_shown),
    ("a_folder_beside_is_named_by_itself", a_folder_beside_is_named_by_itself),
    ("a_start_that_nobody_answers_ends", a_start_that_nobody_answers_ends),
];

/// Whether masks can tell who tried: whether this user may use the device.
fn can_watch() -> bool {
    fs::File::options().read(true).write(true).open("/dev/fuse").is_ok()
}

fn of(told: &[Violation], rule: Rule) -> Vec<String> {
    let fits = told.iter().filter(|v| v.rule == rule);
    fits.map(|v| format!("{} {} {} x{}", v.sensor, v.what, v.target, v.count)).collect()
}

/// More forbidden paths than there are masks with a device of their own.
fn every_mask_tells(arena: &Arena) {
    let folder = arena.project.path().join("keys");
    fs::create_dir(&folder).expect("folder");
    let mut forbidden: Vec<String> = (0..40).map(|n| format!("keys/f{n}")).collect();
    forbidden
        .iter()
        .for_each(|path| fs::write(arena.project.path().join(path), "x").expect("file"));
    for n in 0..10 {
        let path = format!("keys/d{n}");
        fs::create_dir(arena.project.path().join(&path)).expect("folder");
        fs::write(arena.project.path().join(&path).join("key"), "x").expect("file");
        forbidden.push(path);
    }
    let inside = |path: &String| match path.contains("/d") {
        true => format!("{path}/key"),
        false => path.clone(),
    };
    let wanted: Vec<String> = forbidden.iter().map(inside).collect();
    let words: Vec<&str> =
        ["all-of"].into_iter().chain(wanted.iter().map(String::as_str)).collect();
    let mut profile = arena.profile(&words);
    profile.forbidden = forbidden;
    let (ended, text, told) = arena.start(profile).expect("launch").finish_told();
    assert_eq!(ended.outcome, Outcome::Code(0));
    assert_eq!(text, "{\"EACCES\": 50}\n");
    let told: Vec<&Violation> = told.iter().filter(|v| v.rule == Rule::ForbiddenPath).collect();
    let total: u64 = told.iter().map(|v| v.count).sum();
    assert!(total >= 50, "{total} of 50 are told");
    if can_watch() {
        let by_name = |n: usize| told.iter().any(|v| v.target == format!("/project/keys/f{n}"));
        assert!((0..32).all(by_name) && !by_name(32));
        let shared = |kind: &str| {
            let begin = format!("/project/(one of 18 further forbidden {kind})");
            told.iter().filter(|v| v.target.starts_with(&begin)).map(|v| v.count).sum::<u64>()
        };
        assert!(shared("files") >= 8 && shared("folders") >= 10, "{told:?}");
    }
}

fn reads_are_told_where_masks_are_silent(arena: &Arena) {
    let mut profile = arena.profile(&["all-of", "secret/key", "docs/.env", "link", "readme"]);
    profile.forbidden = ["secret", "docs/.env"].map(str::to_owned).to_vec();
    let (_, text, told) = arena.start(profile).expect("launch").finish_told();
    assert_eq!(text, "{\"EACCES\": 3, \"read\": 1}\n");
    let sensor = if can_watch() { Sensor::Mask } else { Sensor::Notifier };
    let told: Vec<Violation> = told.into_iter().filter(|v| v.sensor == sensor).collect();
    let lines = of(&told, Rule::ForbiddenPath).join("\n");
    for path in ["/project/secret", "/project/docs/.env"] {
        assert!(lines.contains(path), "{path}: {lines}");
    }
    let read: u64 = told.iter().filter(|v| v.rule == Rule::ForbiddenPath).map(|v| v.count).sum();
    assert!(read >= 3, "{lines}");
    assert!(!lines.contains("readme"), "{lines}");
}

fn a_forbidden_path_that_appears_is_not_seen(arena: &Arena) {
    let at = |name: &str| arena.project.path().join(name);
    fs::create_dir(at("src")).expect("folder");
    std::os::unix::fs::symlink("src/new", at("onward")).expect("link");
    let mut profile = arena.profile(&["names"]);
    profile.forbidden = ["secret", "missing", "docs/late", "aws/key"].map(str::to_owned).to_vec();
    let mut fighter = arena.start(profile).expect("launch");
    fighter.await_word();
    for name in ["missing", "docs/late", "new", "src/new"] {
        fs::write(at(name), name).expect("file");
    }
    fs::create_dir(at("aws")).expect("folder");
    fs::write(at("aws/key"), "x").expect("file");
    // Written in place, as editors do; and the whole of it is still ours to change.
    fs::write(at("readme"), "changed").expect("file");
    fs::remove_file(at("onward")).expect("removed");
    (&fighter.host).write_all(b"g").expect("told");
    let (_, text) = fighter.finish();
    assert_eq!(
        text,
        "what appeared: ENOENT\nwhat appeared deeper: ENOENT\nin a folder that appeared: ENOENT\n\
         another new file: ENOENT\nwhat was there: changed\n\
         new in a folder that is not fixed: src/new\nthrough a link: EACCES\n\
         names: docs link onward readme secret src\nmake the missing one: EROFS\n"
    );
}

fn a_folder_of_too_many_names_is_said(arena: &Arena) {
    for n in 0..520 {
        fs::write(arena.project.path().join(format!("n{n}")), "x").expect("file");
    }
    let mut profile = arena.profile(&["all-of", "missing", "n7"]);
    profile.forbidden = vec!["missing".into()];
    let fighter = arena.start(profile).expect("launch");
    let said: Vec<String> = fighter.running.degraded().iter().map(ToString::to_string).collect();
    assert!(said.iter().any(|line| line.contains("could not be fixed")), "{said:?}");
    let (_, text) = fighter.finish();
    assert_eq!(text, "{\"ENOENT\": 1, \"read\": 1}\n");
}

fn second_names_refuse(arena: &Arena) {
    let at = |name: &str| arena.project.path().join(name);
    fs::hard_link(at("secret/inner/key"), at("docs/again")).expect("link");
    let profile = || {
        let mut profile = arena.profile(&["all-of", "docs/again"]);
        profile.forbidden = vec!["secret".into()];
        profile
    };
    match arena.start(profile()) {
        Err(LaunchError::Profile(error)) => assert_eq!(
            error.to_string(),
            "forbidden file \"secret/inner/key\" can be read as \"docs/again\" too (a hard link): \
             give it a copy of its own, or forbid both"
        ),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was started"),
    }
    let mut both = profile();
    both.forbidden.push("docs".into());
    assert_eq!(arena.fight(both).1, "{\"EACCES\": 1}\n");
}

/// Each kind of memory that is in no process's own count.
fn memory_of_no_process_ends_at_the_limit(arena: &Arena) {
    for how in ["file", "segment", "shared", "device"] {
        let mut profile = arena.profile(&["hidden-memory", how]);
        profile.limits = Limits { memory_bytes: 64 << 20, cpu_percent: 100, ..Limits::default() };
        let (ended, text) = arena.fight(profile);
        let stopped = ended.oom || ended.memory_limit_kill || text.starts_with("EPERM after 0 MiB");
        assert!(stopped && !text.contains("took"), "{how}: {ended:?} {text}");
    }
}

fn a_program_in_memory_is_noted(arena: &Arena) {
    let (text, told) = arena.fight_watched(arena.profile(&["from-memory"]));
    // Without a control group it would be memory that nobody counts.
    let expected = match arena.kernel_holds(Layer::Memory) {
        true => ("from memory: allowed\n", "unusual_exec: execve"),
        false => ("from memory: EPERM\n", "unavailable_feature: memfd_create"),
    };
    assert_eq!(text, expected.0);
    assert!(told.starts_with(expected.1), "{told}");
}

fn huge_pages_are_the_hosts(arena: &Arena) {
    let (text, told) = arena.fight_watched(arena.profile(&["huge"]));
    assert_eq!(
        text,
        "huge pages: EPERM\na file of huge pages: EPERM\na segment of huge pages: EPERM\n\
         secret memory: EPERM\nordinary pages: allowed\n"
    );
    for name in ["mmap huge pages", "memfd_create", "shmget", "memfd_secret"] {
        assert!(told.contains(name), "{told}");
    }
}

fn watches_are_the_runs_own(arena: &Arena) {
    let fighter = arena.start(arena.profile(&["watches"])).expect("launch");
    let is_limited = !fighter.running.degraded().iter().any(|weak| weak.layer == Layer::User);
    let (_, text) = fighter.finish();
    if is_limited {
        assert_eq!(text, "16 watches, then EMFILE\n");
    }
}

fn another_interface_is_refused_and_told(arena: &Arena) {
    let (text, told) = arena.fight_watched(arena.profile(&["other-interface"]));
    if cfg!(target_arch = "x86_64") {
        assert_eq!(text, "x32: ENOSYS\n");
        let line = "denied_syscall: call by another interface number 0x40000027 denied kernel\n";
        assert_eq!(told, line);
    }
}

/// What the threads of this process with this name have used, in microseconds.
fn used_us(name: &str) -> u64 {
    let threads = fs::read_dir("/proc/self/task").expect("threads").flatten();
    let of = |thread: fs::DirEntry| {
        let comm = fs::read_to_string(thread.path().join("comm")).ok()?;
        let used = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let ns: u64 = used.split(' ').next()?.parse().ok()?;
        (comm.trim() == name).then_some(ns / 1_000)
    };
    threads.filter_map(of).sum()
}

/// Who hears of a storm of calls has half of the run's share, whatever the run has.
fn a_storm_costs_its_share(arena: &Arena) {
    /// What a sensor may have saved up, and a clock's worth of looks.
    const SAVED_US: u64 = 250_000;
    let mut profile = arena.profile(&["storm"]);
    profile.limits = Limits { cpu_percent: 20, ..Limits::default() };
    let mut fighter = arena.start(profile).expect("launch");
    let begin = Instant::now();
    fighter.await_word();
    // Until it has made use of all it may save up: from then on only its share is left.
    eventually("the storm", || used_us("notifier") >= SAVED_US);
    let (used, passed) = (used_us("notifier"), begin.elapsed().as_micros() as u64);
    assert!(used <= SAVED_US + passed / 10, "{used} us of {passed} us");
    fighter.running.kill_and_prove(PATIENCE).expect("a busy notifier keeps nobody alive");
    let (_, _, told) = fighter.finish_told();
    assert!(told.iter().any(|v| v.what == "mount" && v.count > 1_000), "{told:?}");
}

/// A process that waits for a file system which never answers: no signal ends that.
fn a_tree_that_can_not_die_is_not_told_dead(arena: &Arena) {
    // Only root mounts file systems.
    if !arena.is_root || !can_watch() {
        return;
    }
    let place = arena.project.path().join("stuck");
    fs::create_dir(&place).expect("folder");
    let silent = Silent::mount(&place, Answered::default());
    let fighter: Fighter =
        arena.start(arena.profile(&["look-at", "/project/stuck/x"])).expect("launch");
    silent.await_request();
    match fighter.running.kill_and_prove(Duration::from_millis(300)) {
        Err(error @ KillError::Unproven { .. }) => {
            let said = error.to_string();
            assert!(said.contains("(walls) waits in the kernel, uninterruptibly"), "{said}");
        }
        other => panic!("{other:?}"),
    }
    assert!(fighter.running.record().is_alive(), "what is not dead is not told dead");
    drop(silent);
    fighter.running.kill_and_prove(PATIENCE).expect("it ends when it can");
    assert_eq!(fighter.finish().0.outcome, Outcome::Signal(libc::SIGKILL));
}

/// A folder that is shown beside the project, with a text in it that says whose it is.
fn beside(arena: &Arena, folder: &Path) -> Profile {
    let mut profile = arena.profile(&["show", "/app/agent/key"]);
    profile.forbidden = vec!["secret".into()];
    profile.read_only.push(ReadOnly { host: folder.into(), name: "agent".into() });
    profile
}

/// Swaps the folder for a link to what is forbidden, and back, all the while runs start.
fn a_folder_that_is_swapped_is_not_shown(arena: &Arena) {
    /// Starts of each kind: then both sides of the race were met.
    const ENOUGH: u32 = 5;
    /// A bound for a machine on which one of them never comes.
    const TRIES: u32 = 200;
    let top = arena.project.path().canonicalize().expect("path");
    let (own, decoy) = (top.join("own"), top.join("decoy"));
    fs::create_dir(&own).expect("folder");
    fs::write(own.join("key"), "own").expect("file");
    std::os::unix::fs::symlink("secret", &decoy).expect("link");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let name = |path: &Path| CString::new(path.as_os_str().as_bytes()).expect("a path");
            let (own, decoy) = (name(&own), name(&decoy));
            let here = libc::AT_FDCWD as u64;
            let (own, decoy) = (own.as_ptr() as u64, decoy.as_ptr() as u64);
            let exchange = [here, own, here, decoy, u64::from(libc::RENAME_EXCHANGE), 0];
            while !over.load(Ordering::Relaxed) {
                call(libc::SYS_renameat2, exchange).expect("exchanged");
                std::thread::yield_now();
            }
        });
        let (mut shown, mut refused) = (0, 0);
        for _ in 0..TRIES {
            if shown >= ENOUGH && refused >= ENOUGH {
                break;
            }
            match arena.start(beside(arena, &own)) {
                Ok(fighter) => {
                    let (_, text) = fighter.finish();
                    over.store(text != "own\n", Ordering::Relaxed);
                    assert_eq!(text, "own\n", "what was not judged is shown");
                    shown += 1;
                }
                Err(LaunchError::Profile(_)) => refused += 1,
                Err(error) => {
                    over.store(true, Ordering::Relaxed);
                    panic!("{error}");
                }
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(refused > 0, "the folder was never swapped in time");
    });
}

fn a_folder_beside_is_named_by_itself(arena: &Arena) {
    let top = arena.project.path().canonicalize().expect("path");
    fs::create_dir(top.join("own")).expect("folder");
    std::os::unix::fs::symlink("own", top.join("other")).expect("link");
    let said: Vec<String> = ["other", "secret", "secret/inner", ""]
        .iter()
        .map(|folder| {
            let folder = if folder.is_empty() { top.clone() } else { top.join(folder) };
            let refused = arena.start(beside(arena, &folder)).err().expect("refused");
            refused.to_string().replace(&top.display().to_string(), "PROJECT")
        })
        .collect();
    expect![[r#"
        profile: PROJECT/other is a link or leads through one, to PROJECT/own: name the folder itself
        profile: forbidden path "secret" would be seen by another name, in PROJECT/secret
        profile: forbidden path "secret" would be seen by another name, in PROJECT/secret/inner
        profile: forbidden path "secret" would be seen by another name, in PROJECT
    "#]].assert_eq(&(said.join("\n") + "\n"));
}

/// Two starts meet a file system that is gone: one before it has a plan, one in its launcher, which no
/// signal ends. Another run is not held up.
fn a_start_that_nobody_answers_ends(arena: &Arena) {
    // Only root mounts file systems.
    if !arena.is_root || !can_watch() {
        return;
    }
    let top = arena.project.path().canonicalize().expect("path");
    let place = |name: &str| {
        let place = top.join(name);
        fs::create_dir(&place).expect("folder");
        place
    };
    let (for_all, for_others) = (place("gone"), place("half"));
    let start = |folder: &Path| arena.start(beside(arena, &folder.join("x"))).err();
    std::thread::scope(|scope| {
        // Gone before the threads are waited for, whatever comes.
        let silent = [(&for_all, false), (&for_others, true)]
            .map(|(place, own)| Silent::mount(place, Answered { own, names: false }));
        let looking = scope.spawn(|| start(&for_all));
        let building = scope.spawn(|| start(&for_others));
        silent.iter().for_each(Silent::await_request);
        let (ended, text) = arena.fight(arena.profile(&["show", "/project/readme"]));
        assert_eq!((ended.outcome, text.as_str()), (Outcome::Code(0), "hello\n"));
        let looking = looking.join().expect("no panic").expect("refused").to_string();
        assert!(looking.contains("does not answer"), "{looking}");
        // Killed, and not dead: nobody is told that it is.
        let stuck = || processes_with("ai_onboard-launcher").into_iter().any(is_killed_and_stuck);
        eventually("a launcher that can't be killed", stuck);
        assert!(!building.is_finished());
        drop(silent);
        let building = building.join().expect("no panic").expect("refused").to_string();
        assert!(building.contains("no answer came"), "{building}");
        assert!(!processes_with("ai_onboard-launcher").into_iter().any(is_killed_and_stuck));
    });
}

/// Whether a process waits where no signal reaches it, with its end before it.
fn is_killed_and_stuck(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default()
    };
    let pending = u64::from_str_radix(field("ShdPnd:"), 16).unwrap_or_default();
    field("State:").starts_with('D') && pending & 1 << (libc::SIGKILL - 1) != 0
}
