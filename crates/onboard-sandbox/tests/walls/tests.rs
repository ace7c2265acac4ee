//! The tests: one a wall.

use crate::arena::{Arena, Fighter, INSTANCE, PATIENCE, eventually, processes_with};
use crate::hostile;
use crate::network;
use crate::raw::call;
use expect_test::{Expect, expect};
use onboard_domain::violation::{Rule, Sensor, Violation};
use onboard_sandbox::cgroup::{Hierarchy, Layout, Version};
use onboard_sandbox::probe::{missing_mandatory, probe};
use onboard_sandbox::{
    How, LaunchError, Layer, Limits, Mechanism, Outcome, RunRecord, Status, kill_all,
};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub type Test = fn(&Arena);

pub const ALL: &[(&str, Test)] = &[
    ("files_are_read_only_and_masked", files_are_read_only_and_masked),
    ("forbidden_paths_tell_who_tried", forbidden_paths_tell_who_tried),
    ("a_race_for_a_forbidden_path_is_told_in_full", a_race_for_a_forbidden_path_is_told_in_full),
    ("the_agent_is_nobody", the_agent_is_nobody),
    ("a_real_time_caller_has_ordinary_agents", a_real_time_caller_has_ordinary_agents),
    ("dangerous_calls_are_refused", dangerous_calls_are_refused),
    ("the_agent_is_not_root_on_the_host", the_agent_is_not_root_on_the_host),
    ("tmp_is_full_at_its_size", tmp_is_full_at_its_size),
    ("a_file_ends_at_its_limit", a_file_ends_at_its_limit),
    ("memory_of_one_process_ends_at_the_limit", memory_of_one_process_ends_at_the_limit),
    ("memory_of_many_processes_ends_at_the_limit", memory_of_many_processes_ends_at_the_limit),
    ("an_exit_code_is_no_oom", an_exit_code_is_no_oom),
    ("the_processor_share_holds", the_processor_share_holds),
    ("a_fork_bomb_ends_at_the_limit", a_fork_bomb_ends_at_the_limit),
    ("disk_reads_are_paced", disk_reads_are_paced),
    ("a_stubborn_tree_dies_at_the_deadline", a_stubborn_tree_dies_at_the_deadline),
    ("a_dead_caller_leaves_nothing", a_dead_caller_leaves_nothing),
    ("a_dead_caller_leaves_no_frozen_run", a_dead_caller_leaves_no_frozen_run),
    ("a_dead_launcher_leaves_nothing", a_dead_launcher_leaves_nothing),
    ("the_end_of_the_starting_thread_harms_nobody", the_end_of_the_starting_thread_harms_nobody),
    ("fifty_die_at_once", fifty_die_at_once),
    ("fifty_starts_leave_nothing", fifty_starts_leave_nothing),
    ("a_frozen_run_stands_still_and_can_be_killed", a_frozen_run_stands_still_and_can_be_killed),
    ("the_agent_talks_to_its_host", the_agent_talks_to_its_host),
    ("everything_arrives_at_the_ends", network::everything_arrives_at_the_ends),
    ("ends_outlive_their_run_and_go", network::ends_outlive_their_run_and_go),
    ("a_report_wakes_who_waits", a_report_wakes_who_waits),
    ("what_cannot_be_recorded_does_not_run", what_cannot_be_recorded_does_not_run),
    ("a_failed_step_is_named", a_failed_step_is_named),
    (
        "launchers_come_after_their_starter_was_killed",
        launchers_come_after_their_starter_was_killed,
    ),
    ("a_demand_for_the_kernel_is_met_or_refused", a_demand_for_the_kernel_is_met_or_refused),
    ("stale_groups_are_swept", stale_groups_are_swept),
    ("a_version_two_group_freezes_and_kills", a_version_two_group_freezes_and_kills),
    ("the_probe_tells_what_holds", the_probe_tells_what_holds),
];

fn check(arena: &Arena, arguments: &[&str], expect: Expect) {
    let mut profile = arena.profile(arguments);
    profile.forbidden = ["secret/", "docs/.env", "missing"].map(str::to_owned).to_vec();
    let (ended, text) = arena.fight(profile);
    expect.assert_eq(&format!("{text}{:?}\n", ended.outcome));
}

fn files_are_read_only_and_masked(arena: &Arena) {
    check(
        arena,
        &["files"],
        expect![[r#"
        read project: allowed
        write project: EROFS
        create in project: EROFS
        remove from project: EROFS
        rename in project: EROFS
        chmod in project: EROFS
        list masked folder: EACCES
        read in masked folder: EACCES
        read deep in masked folder: EACCES
        read through link: EACCES
        read masked file: EACCES
        open up mask: EROFS
        remove mask: EROFS
        create missing forbidden: EROFS
        write root: EROFS
        write usr: EROFS
        read shadow: ENOENT
        list home: ENOENT
        list sys: ENOENT
        list run: ENOENT
        write tmp: allowed
        shared memory: allowed
        run from tmp: EACCES
        socket file in tmp: EACCES
        device in tmp: EACCES
        write dev null: allowed
        open dev kmsg: ENOENT
        Code(0)
    "#]],
    );
    let mut names: Vec<String> = std::fs::read_dir(arena.project.path())
        .expect("project")
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok())
        .collect();
    names.sort();
    assert_eq!(names.join(" "), "docs link readme secret", "nothing was created in the project");
}

/// Whether masks can tell who tried: whether this user may use the device.
fn can_watch() -> bool {
    std::fs::File::options().read(true).write(true).open("/dev/fuse").is_ok()
}

fn forbidden_paths_tell_who_tried(arena: &Arena) {
    let mut profile = arena.profile(&["pry"]);
    profile.forbidden =
        ["docs/.env", "secret/inner", "secret/", "missing"].map(str::to_owned).to_vec();
    let (ended, text, told) = arena.start(profile).expect("launch").finish_told();
    assert_eq!(ended.outcome, Outcome::Code(0));
    let line = |v: &Violation| {
        format!("{} {}: {} {} by {} x{}\n", v.sensor, v.rule, v.what, v.target, v.comm, v.count)
    };
    // What the notifier tells of the same calls is a test of its own.
    let told: String = told.iter().filter(|v| v.sensor == Sensor::Mask).map(line).collect();
    let expect = match can_watch() {
        true => expect![[r#"
            stat mask: allowed
            stat masked file: allowed
            list mask: EACCES
            enter mask: EACCES
            read inside: EACCES
            read deep inside: EACCES
            stat inside: EACCES
            make inside: EACCES
            remove inside: EROFS
            read through link: EACCES
            read masked file: EACCES
            write masked file: EROFS
            move mask: EROFS
            move into mask: EXDEV
            read in a thread: EACCES
            read in a child: EACCES
            read missing: ENOENT
            mask forbidden_path: list /project/secret by walls x1
            mask forbidden_path: access /project/secret by walls x1
            mask forbidden_path: look up /project/secret/key by walls x4
            mask forbidden_path: look up /project/secret/inner by walls x1
            mask forbidden_path: look up /project/secret/new\n by walls x1
            mask forbidden_path: open /project/docs/.env by walls x1
            mask forbidden_path: look up /project/secret/key by sly x1
        "#]],
        // Without the device, masks are silent.
        false => expect![[r#"
            stat mask: allowed
            stat masked file: allowed
            list mask: EACCES
            enter mask: EACCES
            read inside: EACCES
            read deep inside: EACCES
            stat inside: EACCES
            make inside: EACCES
            remove inside: EACCES
            read through link: EACCES
            read masked file: EACCES
            write masked file: EROFS
            move mask: EROFS
            move into mask: EACCES
            read in a thread: EACCES
            read in a child: EACCES
            read missing: ENOENT
        "#]],
    };
    expect.assert_eq(&format!("{text}{told}"));
}

/// One thread changes a path between a good and a forbidden one while the other opens it.
fn a_race_for_a_forbidden_path_is_told_in_full(arena: &Arena) {
    let mut profile = arena.profile(&["race-for-mask"]);
    profile.forbidden = vec!["secret".into()];
    profile.limits.cpu_percent = 100;
    let (ended, text, told) = arena.start(profile).expect("launch").finish_told();
    assert_eq!(ended.outcome, Outcome::Code(0), "{text}");
    let refused: u64 = text.trim().parse().unwrap_or_else(|_| panic!("{text}"));
    let told: u64 = told.iter().filter(|v| v.sensor == Sensor::Mask).map(|v| v.count).sum();
    assert!(refused >= 300, "the race was not lost often enough: {refused}");
    assert_eq!(told, if can_watch() { refused } else { 0 });
}

fn the_agent_is_nobody(arena: &Arena) {
    check(
        arena,
        &["identity"],
        expect![[r#"
        Uid: 1000 1000 1000 1000
        Gid: 1000 1000 1000 1000
        Groups:
        CapInh: 0000000000000000
        CapPrm: 0000000000000000
        CapEff: 0000000000000000
        CapBnd: 0000000000000000
        CapAmb: 0000000000000000
        NoNewPrivs: 1
        Seccomp: 2
        env: AI_ONBOARD_HOST_FD=3 AI_ONBOARD_PROJECT=/project
        fds: 0 1 2 3 4
        stdin: "/dev/null"
        cwd: /project
        pid: 2
        proc: 2 self thread-self
        /proc/1/environ: unreadable
        /proc/1/mem: unreadable
        /proc/1/cmdline: unreadable
        /proc/1/root: unreadable
        /proc/1/fd: unreadable
        cgroup: true
        interfaces: lo
        root: .masked app bin dev etc proc project sbin tmp usr
        kill init: EPERM
        scheduling: 0
        limits: core 1 locked 0
        Code(0)
    "#]],
    );
}

/// The processor share of a group does not hold for real-time processes.
fn a_real_time_caller_has_ordinary_agents(arena: &Arena) {
    let (_, text) = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                hostile::become_real_time();
                arena.fight(arena.profile(&["identity"]))
            })
            .join()
    })
    .expect("thread");
    assert!(text.contains("scheduling: 0\n"), "{text}");
}

fn dangerous_calls_are_refused(arena: &Arena) {
    check(
        arena,
        &["calls"],
        expect![[r#"
        mount: EPERM
        umount2: EPERM
        pivot_root: EPERM
        chroot: EPERM
        open_tree: EPERM
        mount_setattr: EPERM
        fsopen: EPERM
        setns: EPERM
        ptrace: EPERM
        process_vm_readv: EPERM
        pidfd_getfd: EPERM
        io_uring_setup: EPERM
        bpf: EPERM
        perf_event_open: EPERM
        userfaultfd: EPERM
        keyctl: EPERM
        add_key: EPERM
        open_by_handle_at: EPERM
        kexec_load: EPERM
        init_module: EPERM
        reboot: EPERM
        personality: EPERM
        clone3: ENOSYS
        unshare user: EPERM
        clone user: EPERM
        ioctl TIOCSTI: EPERM
        ioctl TIOCSTI with a high bit: EPERM
        socket inet: EPERM
        socket inet6: EPERM
        socket unix: EPERM
        socket netlink: EPERM
        socket packet: EPERM
        socket vsock: EPERM
        socket alg: EPERM
        socketpair: allowed
        thread: allowed
        Code(0)
    "#]],
    );
}

/// Runs a program with changed limits: how it ended, what it wrote, what was told of it.
fn limited(
    arena: &Arena,
    arguments: &[&str],
    change: impl FnOnce(&mut Limits),
) -> (onboard_sandbox::Ended, String, String) {
    let mut profile = arena.profile(arguments);
    change(&mut profile.limits);
    let (ended, text, told) = arena.start(profile).expect("launch").finish_told();
    (ended, text, lines(&told))
}

/// Violations as lines; how often each was seen is left to the scheduler's mood.
fn lines(told: &[Violation]) -> String {
    let line = |v: &Violation| {
        assert!(v.count > 0, "{v:?}");
        let resolved = v.resolved.as_ref().map_or(String::new(), |r| format!(" = {r}"));
        format!("{} {}: {} {}{resolved}, {}\n", v.sensor, v.rule, v.what, v.target, v.action)
    };
    told.iter().map(line).collect()
}

/// A program that stands in its sandbox and waits.
fn stubborn(arena: &Arena, marker: &str) -> Fighter {
    let mut fighter = arena.start(arena.profile(&["stubborn", marker])).expect("launch");
    fighter.await_word();
    fighter
}

fn marker(test: &str) -> String {
    format!("{test}-{}", std::process::id())
}

fn the_agent_is_not_root_on_the_host(arena: &Arena) {
    let marker = marker("uid");
    let fighter = stubborn(arena, &marker);
    let pids = processes_with(&marker);
    assert_eq!(pids.len(), 4, "the agent and its three orphans");
    for pid in pids {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
        let line =
            |key: &str| status.lines().find(|l| l.starts_with(key)).expect("line").to_owned();
        assert_eq!(line("Uid:"), "Uid:\t65534\t65534\t65534\t65534");
        assert_eq!(line("Gid:"), "Gid:\t65534\t65534\t65534\t65534");
        assert_eq!(line("Groups:").trim(), "Groups:");
    }
    drop(fighter);
}

fn tmp_is_full_at_its_size(arena: &Arena) {
    for what in ["bytes", "files"] {
        let (ended, text, told) = limited(arena, &["tmp", what], |l| l.tmp_bytes = 4 << 20);
        assert_eq!(ended.outcome, Outcome::Code(0));
        let expect = match what {
            "bytes" => expect![[r#"
                tmp held 4 MiB, then ENOSPC
                launcher storage_quota: /tmp limit 4194304 bytes, denied
            "#]],
            _ => expect![[r#"
                tmp held at most 1024 files: true, then ENOSPC
                launcher storage_quota: /tmp limit of files, denied
            "#]],
        };
        expect.assert_eq(&format!("{text}{told}"));
    }
}

fn a_file_ends_at_its_limit(arena: &Arena) {
    let (ended, text, told) = limited(arena, &["big-file"], |_| ());
    expect![[r#"
        file held 10 MiB, then EFBIG
        set a larger size: EFBIG
        launcher file_too_large: write limit 10485760 bytes, killed
        launcher file_too_large: write limit 10485760 bytes = /tmp/big, denied
    "#]]
    .assert_eq(&format!("{text}{told}"));
    assert_eq!(ended.outcome, Outcome::Signal(libc::SIGXFSZ));
}

fn memory_of_one_process_ends_at_the_limit(arena: &Arena) {
    let (ended, text, told) =
        limited(arena, &["memory", "200", "1"], |l| l.memory_bytes = 48 << 20);
    assert_eq!(ended.oom, arena.kernel_holds(Layer::Memory), "{ended:?}");
    if arena.kernel_holds(Layer::Memory) {
        assert_eq!(ended.outcome, Outcome::Signal(libc::SIGKILL));
        assert!(ended.max_memory <= 48 << 20, "{ended:?}");
        assert_told(&told, "group out_of_memory: memory limit 50331648 bytes, killed");
    } else {
        // Refused by a limit of the process, which nobody counts; it was told so itself.
        assert!(!told.contains("out_of_memory"), "{told}");
        assert_eq!(ended.outcome, Outcome::Code(0));
        assert!(text.starts_with("refused after 4"), "{text}");
    }
}

fn memory_of_many_processes_ends_at_the_limit(arena: &Arena) {
    let (ended, _, told) = limited(arena, &["memory", "40", "4"], |l| {
        l.memory_bytes = 96 << 20;
        // Taking memory takes processor time, which is not what this is about.
        l.cpu_percent = 100;
    });
    let by_kernel = arena.kernel_holds(Layer::Memory);
    assert_eq!((ended.oom, ended.memory_limit_kill), (by_kernel, !by_kernel), "{ended:?}");
    let sensor = if by_kernel { "group" } else { "launcher" };
    assert_told(&told, &format!("{sensor} out_of_memory: memory limit 100663296 bytes, killed"));
    // The kernel's first version kills one process and lets the others go on.
    let whole = ended.outcome == Outcome::Signal(libc::SIGKILL);
    assert!(whole || by_kernel && ended.outcome == Outcome::Code(0), "{ended:?}");
}

fn an_exit_code_is_no_oom(arena: &Arena) {
    let (ended, _, told) = limited(arena, &["forge"], |_| ());
    assert_eq!((ended.outcome, ended.oom, told.as_str()), (Outcome::Code(137), false, ""));
}

fn the_processor_share_holds(arena: &Arena) {
    let start = Instant::now();
    let (ended, _, told) = limited(arena, &["spin", "3000"], |_| ());
    let share = ended.cpu_us as f64 / start.elapsed().as_micros() as f64;
    // Where the kernel holds it: one period's tolerance. By stopping and continuing: what may be
    // saved up at the start, and looks that a loaded machine makes late.
    let most = if arena.kernel_holds(Layer::Cpu) { 0.12 } else { 0.30 };
    assert!(share > 0.02 && share < most, "{share} of one core, {ended:?}");
    assert_eq!(
        ended.throttled_us.is_some_and(|us| us > 1_000_000),
        arena.kernel_holds(Layer::Cpu),
        "{ended:?}"
    );
    let sensor = if arena.kernel_holds(Layer::Cpu) { "group" } else { "launcher" };
    let begin = format!("{sensor} cpu_throttled: cpu limit 10 % of one core, waited ");
    assert!(told.starts_with(&begin) && told.ends_with(" ms, throttled\n"), "{told}");
    assert_eq!(told.lines().count(), 1, "once a run: {told}");
}

fn a_fork_bomb_ends_at_the_limit(arena: &Arena) {
    let mut profile = arena.profile(&["bomb"]);
    profile.limits.pids = 20;
    let mut fighter = arena.start(profile).expect("launch");
    fighter.await_word();
    let by_kernel = arena.kernel_holds(Layer::Pids);
    if !by_kernel {
        await_looks(&fighter);
    }
    fighter.host.shutdown(std::net::Shutdown::Both).expect("shutdown");
    let (ended, text, told) = fighter.finish_told();
    let told = lines(&told);
    let children: u32 = text.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(text.ends_with("children, then EAGAIN\n"), "{text}");
    assert!((15..20).contains(&children), "{text}");
    assert_eq!(ended.pids_refused.is_some_and(|n| n > 0), by_kernel, "{ended:?}");
    assert_told(
        &told,
        match by_kernel {
            true => "group too_many_processes: new process limit 20, denied",
            false => "launcher too_many_processes: all processes in use limit 20, noted",
        },
    );
}

/// Waits until the launcher woke up often enough to have looked at its run from now on.
fn await_looks(fighter: &Fighter) {
    let status = format!("/proc/{}/status", launcher(fighter));
    let wakes = || -> u64 {
        let status = std::fs::read_to_string(&status).expect("status");
        let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|n| n.trim().parse().ok()).expect("a number")
    };
    let before = wakes();
    eventually("the launcher's looks", || wakes() > before + 2);
}

/// The launcher of a run: the parent of its first process.
fn launcher(fighter: &Fighter) -> String {
    let pid = fighter.running.record().pid;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
    parent.expect("parent").to_owned()
}

/// One line of what was told is this; others may be there, for a slow machine throttles too.
fn assert_told(told: &str, line: &str) {
    assert!(told.lines().any(|l| l == line), "{line:?} is not in:\n{told}");
}

fn disk_reads_are_paced(arena: &Arena) {
    const READS: usize = 80;
    let mut file = std::fs::File::create(arena.project.path().join("data")).expect("file");
    file.write_all(&vec![7; READS * 4096]).and_then(|()| file.sync_all()).expect("data");
    let mut profile = arena.profile(&["reads", "/project/data", &READS.to_string()]);
    profile.limits.reads_per_second = Some(50);
    profile.limits.cpu_percent = 100;
    let fighter = arena.start(profile).expect("launch");
    let (_, mechanism) = fighter.running.mechanisms()[3];
    // As whoever watches a run does, some times a second.
    let mut told = Vec::new();
    while fighter.running.wait_for_end(Duration::from_millis(100)).expect("wait").is_none() {
        told.extend(fighter.running.take_violations());
    }
    let (_, text, last) = fighter.finish_told();
    let told = lines(&[told, last].concat());
    let ms: u64 = text.trim().parse().unwrap_or_else(|_| panic!("{text}"));
    match mechanism.status() {
        // 80 reads at 50 a second, less what the first slice lets through at once.
        Status::Enforced => {
            assert!(ms >= 1300, "{ms} ms");
            assert_told(&told, "group io_throttled: disk reads limit 50 a second, throttled");
        }
        status => {
            assert_eq!(status, Status::Absent, "{mechanism}");
            assert_eq!(told, "");
        }
    }
}

fn a_stubborn_tree_dies_at_the_deadline(arena: &Arena) {
    let marker = marker("deadline");
    let fighter = stubborn(arena, &marker);
    assert_eq!(fighter.running.wait(Some(Duration::from_millis(50))).expect("wait"), None);
    let proof = fighter.running.kill_and_prove(PATIENCE).expect("proof");
    assert_eq!(processes_with(&marker), Vec::<i32>::new());
    assert_eq!(proof.how, How::Killed);
    assert!(proof.elapsed < Duration::from_secs(1), "{proof:?}");
    let record = fighter.running.record().clone();
    assert_eq!(fighter.finish().0.outcome, Outcome::Signal(libc::SIGKILL));
    assert_eq!(record.kill_and_prove(PATIENCE).expect("proof").how, How::AlreadyGone);
}

fn a_dead_caller_leaves_nothing(arena: &Arena) {
    outlive(arena, "caller");
}

fn a_dead_caller_leaves_no_frozen_run(arena: &Arena) {
    outlive(arena, "freezing-caller");
}

/// Kills a caller of its own and sees that its run is gone.
fn outlive(arena: &Arena, kind: &str) {
    let marker = marker(kind);
    let exe = std::env::current_exe().expect("own program");
    let mut caller = Command::new(exe)
        .args([kind, &marker])
        // Killed, it cannot remove its folder; ours is removed with all that is in it.
        .env("TMPDIR", arena.project.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("caller");
    let mut line = String::new();
    BufReader::new(caller.stdout.take().expect("pipe")).read_line(&mut line).expect("record");
    let record: RunRecord = serde_json::from_str(&line).expect("record");
    assert!(record.is_alive());
    assert!(processes_with(&marker).len() >= 4);
    caller.kill().expect("kill");
    caller.wait().expect("wait");
    eventually("the run's end", || !record.is_alive() && processes_with(&marker).is_empty());
    assert_eq!(record.kill_and_prove(PATIENCE).expect("proof").how, How::AlreadyGone);
    record.remove_group().expect("group");
}

fn a_dead_launcher_leaves_nothing(arena: &Arena) {
    let marker = marker("launcher");
    let fighter = stubborn(arena, &marker);
    assert!(
        Command::new("kill").args(["-9", &launcher(&fighter)]).status().expect("kill").success()
    );
    let (ended, _) = fighter.finish();
    assert_eq!(ended.outcome, Outcome::Signal(libc::SIGKILL));
    assert_eq!(processes_with(&marker), Vec::<i32>::new());
}

fn the_end_of_the_starting_thread_harms_nobody(arena: &Arena) {
    let mut fighter = std::thread::scope(|scope| {
        scope.spawn(|| arena.start(arena.profile(&["echo"])).expect("launch")).join()
    })
    .expect("thread");
    fighter.host.write_all(b"a").expect("host");
    assert_eq!(fighter.await_word(), b'b');
}

fn fifty_die_at_once(arena: &Arena) {
    let marker = marker("fifty");
    let fighters: Vec<Fighter> = (0..50).map(|_| stubborn(arena, &marker)).collect();
    let records: Vec<RunRecord> = fighters.iter().map(|f| f.running.record().clone()).collect();
    assert_eq!(processes_with(&marker).len(), 200);
    let start = Instant::now();
    let proofs = kill_all(&records, Duration::from_secs(10));
    let elapsed = start.elapsed();
    assert!(proofs.iter().all(|p| p.as_ref().is_ok_and(|p| p.how == How::Killed)), "{proofs:?}");
    assert_eq!(processes_with(&marker), Vec::<i32>::new());
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    println!("fifty runs, two hundred processes: dead and proven in {} ms", elapsed.as_millis());
}

/// What a leak would make grow: open files, children, mounts, groups.
fn belongings(arena: &Arena) -> [usize; 4] {
    let own = format!("/proc/self/task/{}/children", std::process::id());
    let children = std::fs::read_to_string(own).expect("children");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    [
        std::fs::read_dir("/proc/self/fd").expect("files").count(),
        children.split_ascii_whitespace().count(),
        mounts.lines().count(),
        groups(arena),
    ]
}

/// Groups of this process's runs that exist.
fn groups(arena: &Arena) -> usize {
    let places = arena.layout.places(INSTANCE, "x");
    let entries = places.iter().filter_map(|(_, place)| std::fs::read_dir(place.parent()?).ok());
    let names = entries.flatten().flatten().filter_map(|e| e.file_name().into_string().ok());
    names.filter(|name| name.starts_with(&arena.prefix())).count()
}

fn fifty_starts_leave_nothing(arena: &Arena) {
    arena.fight(arena.profile(&["forge"]));
    let before = belongings(arena);
    for _ in 0..50 {
        arena.fight(arena.profile(&["forge"]));
    }
    assert_eq!(belongings(arena), before);
}

fn a_frozen_run_stands_still_and_can_be_killed(arena: &Arena) {
    let mut profile = arena.profile(&["echo"]);
    profile.limits.cpu_percent = 100;
    let mut fighter = arena.start(profile).expect("launch");
    fighter.running.freeze().expect("freeze");
    fighter.host.write_all(b"a").expect("host");
    fighter.host.set_read_timeout(Some(Duration::from_millis(100))).expect("timeout");
    assert!(fighter.host.read_exact(&mut [0]).is_err(), "a frozen agent answered");
    fighter.running.thaw().expect("thaw");
    fighter.host.set_read_timeout(Some(PATIENCE)).expect("timeout");
    assert_eq!(fighter.await_word(), b'b');
    fighter.running.freeze().expect("freeze");
    assert_eq!(fighter.running.kill_and_prove(PATIENCE).expect("proof").how, How::Killed);
}

fn the_agent_talks_to_its_host(arena: &Arena) {
    let mut fighter = arena.start(arena.profile(&["echo"])).expect("launch");
    fighter.host.write_all(b"a").expect("host");
    assert_eq!(fighter.await_word(), b'b');
    let usage = fighter.running.usage();
    assert!(usage.memory > 0, "{usage:?}");
    fighter.host.shutdown(std::net::Shutdown::Both).expect("shutdown");
    let (ended, text) = fighter.finish();
    assert_eq!((ended.outcome, text.as_str()), (Outcome::Code(0), ""));
}

fn a_report_wakes_who_waits(arena: &Arena) {
    let fighter = arena.start(arena.profile(&["echo"])).expect("launch");
    let tried = Violation::new(Sensor::Host, Rule::Deadline, "wait", b"for ever");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| fighter.running.wait(None).expect("wait"));
        fighter.running.reports().push(tried.clone());
        assert_eq!(waiter.join().expect("thread"), None);
    });
    assert_eq!(fighter.running.take_violations(), [tried]);
    fighter.host.shutdown(std::net::Shutdown::Both).expect("shutdown");
    let ended = fighter.running.wait(None).expect("wait").expect("the end");
    assert_eq!(ended.outcome, Outcome::Code(0));
}

fn what_cannot_be_recorded_does_not_run(arena: &Arena) {
    let marker = marker("unrecorded");
    let mut seen = None;
    let error = arena
        .start_recorded(arena.profile(&["stubborn", &marker]), |record| {
            assert!(record.is_alive() && processes_with(&marker).is_empty());
            seen = Some(record.clone());
            Err(std::io::Error::other("no space"))
        })
        .err()
        .expect("refusal");
    assert_eq!(error.to_string(), "recording the run: no space");
    assert!(!seen.expect("a record").is_alive());
    assert_eq!(processes_with(&marker), Vec::<i32>::new());
}

fn a_failed_step_is_named(arena: &Arena) {
    // What starts launchers stays.
    arena.fight(arena.profile(&["forge"]));
    let before = belongings(arena);
    let mut missing = arena.profile(&[]);
    missing.argv = vec!["/app/nothing".into()];
    let mut linked = arena.profile(&[]);
    linked.forbidden = vec!["link".into()];
    let mut gone = arena.profile(&[]);
    gone.project = arena.project.path().join("gone");
    let errors: Vec<String> = [missing, linked, gone]
        .into_iter()
        .map(|profile| {
            let error = arena.start(profile).err().expect("refusal").to_string();
            let error = error.replace(&arena.project.path().display().to_string(), "PROJECT");
            // The number of steps before it depends on the host.
            match error.split_once(" of the layer") {
                Some((_, rest)) => format!("step of the layer{rest}\n"),
                None => format!("{error}\n"),
            }
        })
        .collect();
    expect![[r#"
        step of the layer processes failed: execute /app/nothing: No such file or directory (os error 2)
        profile: forbidden path "link" is a symlink or leads through one
        profile: host path PROJECT/gone cannot be used: No such file or directory (os error 2)
    "#]].assert_eq(&errors.concat());
    assert_eq!(belongings(arena), before, "nothing is left");
}

/// The process that launchers are forked from is no more than that: runs outlive it, and the next
/// launch makes another.
fn launchers_come_after_their_starter_was_killed(arena: &Arena) {
    let mut living = arena.start(arena.profile(&["echo"])).expect("launch");
    let starters = || -> Vec<i32> {
        let own = std::process::id().cast_signed();
        let is_ours = |pid: &i32| parent(*pid) == Some(own) && !has_child(*pid);
        processes_with("ai_onboard-launcher").into_iter().filter(is_ours).collect()
    };
    let before = starters();
    assert_eq!(before.len(), 1, "one, and the launcher of a run has the run");
    let (pid, kill) = (u64::from(before[0].cast_unsigned()), libc::SIGKILL as u64);
    call(libc::SYS_kill, [pid, kill, 0, 0, 0, 0]).expect("our child, which nobody else reaps");
    eventually("the starter's end", || is_zombie(before[0]));
    let (ended, _) = arena.fight(arena.profile(&["forge"]));
    assert_eq!(ended.outcome, Outcome::Code(137));
    let after = starters();
    assert!(after.len() == 1 && after != before, "{before:?} {after:?}");
    living.host.write_all(b"x").expect("it listens");
    living.await_word();
}

fn stat_field(pid: i32, index: usize) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(") ")?.1.split(' ').nth(index).map(Into::into)
}

fn parent(pid: i32) -> Option<i32> {
    stat_field(pid, 1)?.parse().ok()
}

fn is_zombie(pid: i32) -> bool {
    stat_field(pid, 0).is_none_or(|state| state == "Z")
}

fn has_child(pid: i32) -> bool {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.is_ok_and(|children| !children.is_empty())
}

fn a_demand_for_the_kernel_is_met_or_refused(arena: &Arena) {
    let mut profile = arena.profile(&["forge"]);
    profile.must_enforce = vec![Layer::Memory, Layer::Landlock, Layer::Proc];
    match arena.start(profile) {
        Ok(fighter) => {
            assert!(arena.kernel_holds(Layer::Memory));
            assert!(fighter.running.degraded().iter().all(|weak| weak.layer != Layer::Memory));
        }
        Err(LaunchError::Missing { layer, status, mechanism }) => {
            assert!(!arena.kernel_holds(Layer::Memory));
            assert_eq!((layer, status), (Layer::Memory, Status::Degraded));
            assert_eq!(mechanism, Mechanism::DataLimitAndSum);
        }
        Err(other) => panic!("{other}"),
    }
}

fn stale_groups_are_swept(arena: &Arena) {
    let fighter = stubborn(arena, &marker("sweep"));
    let run = fighter.running.record().run.clone();
    let stale = format!("{}stale", arena.prefix());
    for (_, place) in arena.layout.places(INSTANCE, &stale) {
        std::fs::create_dir(place).expect("group");
    }
    // Other tests' runs are none of this one's.
    let sweep = arena.layout.sweep(INSTANCE, |run| !run.starts_with(&arena.prefix()));
    let in_groups = !arena.layout.hierarchies.is_empty();
    assert_eq!(
        (sweep.removed.contains(&stale), sweep.inhabited.contains(&run)),
        (in_groups, in_groups)
    );
    assert_eq!(groups(arena), arena.layout.hierarchies.len(), "the living run's");
}

/// The second version's own parts (born into the group, frozen and killed by it) need no
/// controller, so they can be tried on a host whose controllers are bound to the first.
fn a_version_two_group_freezes_and_kills(arena: &Arena) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let point =
        mounts.lines().find(|l| l.contains(" - cgroup2 ")).and_then(|l| l.split(' ').nth(4));
    let Some(point) = point.filter(|_| arena.is_root) else {
        // An ordinary user has no group to give away: the same run goes by signals.
        return a_frozen_run_stands_still_and_can_be_killed(arena);
    };
    let hierarchy =
        Hierarchy { version: Version::Two, controllers: BTreeSet::new(), own: point.into() };
    let layout = Layout { hierarchies: vec![hierarchy] };
    let arena = Arena { layout, ..Arena::new(true) };
    a_frozen_run_stands_still_and_can_be_killed(&arena);
    let fighter = arena.start(arena.profile(&["echo"])).expect("launch");
    let place = arena.layout.places(INSTANCE, &fighter.running.record().run)[0].1.clone();
    let members = std::fs::read_to_string(place.join("cgroup.procs")).expect("members");
    assert_eq!(members.lines().count(), 2, "init and the agent are in the group");
    drop(fighter);
    assert!(!place.exists(), "the group is removed with the run");
}

fn the_probe_tells_what_holds(arena: &Arena) {
    let capabilities = probe(&arena.layout);
    let limits = arena.layout.mechanisms(true).pairs();
    for capability in &capabilities {
        let limit = limits.iter().find(|(layer, _)| *layer == capability.layer);
        let expected = limit.map_or(Status::Enforced, |(_, mechanism)| mechanism.status());
        let expected = match capability.layer {
            Layer::ForbiddenPaths if !can_watch() => Status::Degraded,
            _ => expected,
        };
        let is_disk = capability.layer == Layer::DiskReads;
        // A file system without a disk has no reads to pace, whatever the controllers.
        let fits = capability.status == expected || is_disk && capability.status == Status::Absent;
        assert!(fits, "{capability:?}");
        let wants_mend = capability.status != Status::Enforced;
        assert_eq!(capability.mend.is_some(), wants_mend, "{capability:?}");
    }
    let masks = capabilities.iter().find(|c| c.layer == Layer::ForbiddenPaths).expect("masks");
    assert_eq!(masks.how.contains("attempts are reported"), can_watch(), "{masks:?}");
    let layers: Vec<Layer> = capabilities.iter().map(|c| c.layer).collect();
    assert_eq!(layers, Layer::ALL);
    assert!(missing_mandatory(&capabilities).is_empty());
}
