//! What a run tries, and what its sensors tell of it: the attempt fails, and is on record.

use crate::arena::Arena;
use crate::tests::Test;
use expect_test::{Expect, expect};
use onboard_domain::violation::Sensor;

pub const ALL: &[(&str, Test)] = &[
    ("refused_calls_are_told_by_name", refused_calls_are_told_by_name),
    ("writes_are_told_with_where_they_lead", writes_are_told_with_where_they_lead),
    ("forbidden_programs_do_not_start", forbidden_programs_do_not_start),
    ("a_race_opens_nothing", a_race_opens_nothing),
    ("odd_pointers_are_the_kernels_to_refuse", odd_pointers_are_the_kernels_to_refuse),
    ("a_flood_is_counted", a_flood_is_counted),
    ("pipelines_are_not_interrupted", pipelines_are_not_interrupted),
    ("reading_is_not_told", reading_is_not_told),
];

fn check(arena: &Arena, arguments: &[&str], expect: Expect) {
    let mut profile = arena.profile(arguments);
    profile.forbidden = ["secret/", "docs/.env"].map(str::to_owned).to_vec();
    profile.forbidden_commands = vec!["tac".into()];
    let (text, told) = arena.fight_watched(profile);
    // A file of another user is refused for that first, and else for the mount: refused it is.
    let text = text.replace("EACCES", "EROFS");
    expect.assert_eq(&format!("{text}\n{told}"));
}

fn refused_calls_are_told_by_name(arena: &Arena) {
    let (_, told) = arena.fight_watched(arena.profile(&["calls"]));
    expect![[r#"
        denied_syscall: mount  denied kernel
        denied_syscall: umount2  denied kernel
        denied_syscall: pivot_root  denied kernel
        denied_syscall: chroot  denied kernel
        denied_syscall: open_tree  denied kernel
        denied_syscall: mount_setattr  denied kernel
        denied_syscall: fsopen  denied kernel
        denied_syscall: setns  denied kernel
        denied_syscall: ptrace  denied kernel
        denied_syscall: process_vm_readv  denied kernel
        denied_syscall: pidfd_getfd  denied kernel
        unavailable_feature: io_uring_setup  denied kernel
        denied_syscall: bpf  denied kernel
        denied_syscall: perf_event_open  denied kernel
        denied_syscall: userfaultfd  denied kernel
        denied_syscall: keyctl  denied kernel
        denied_syscall: add_key  denied kernel
        denied_syscall: open_by_handle_at  denied kernel
        denied_syscall: kexec_load  denied kernel
        denied_syscall: init_module  denied kernel
        denied_syscall: reboot  denied kernel
        unavailable_feature: personality  denied kernel
        denied_syscall: unshare flags 0x10000000 denied kernel
        denied_syscall: clone flags 0x10000011 denied kernel
        denied_syscall: ioctl request 0x5412 denied kernel
        denied_syscall: socket family inet denied kernel
        denied_syscall: socket family inet6 denied kernel
        unix_socket: socket family unix denied kernel
        unavailable_feature: socket family netlink denied kernel
        denied_syscall: socket family packet denied kernel
        denied_syscall: socket family vsock denied kernel
        denied_syscall: socket family alg denied kernel
    "#]]
    .assert_eq(&told);
}

fn writes_are_told_with_where_they_lead(arena: &Arena) {
    check(
        arena,
        &["writes"],
        expect![[r#"
            truncating read: EROFS
            truncate: EROFS
            chmod: EROFS
            chown: EROFS
            utimes: EROFS
            setxattr: EROFS
            mkfifo: EROFS
            openat2: EROFS
            openat2 to read: allowed
            mkdir: ENOENT
            symlink: EROFS
            hard link into: EROFS
            rename onto: EXDEV
            rename out: EXDEV
            remove forbidden: EROFS
            chmod of what is open: EROFS
            times of what is open: allowed
            within tmp: allowed
            device: EROFS
            through a link: EROFS
            relative: ENOENT
            outside: EROFS
            newline: EROFS
            to null: allowed
            to tmp: allowed

            read_only_path: openat /project/readme denied hint
            read_only_path: truncate /project/readme denied hint
            read_only_path: chmod /project/readme denied hint
            read_only_path: lchown /project/readme denied hint
            read_only_path: utimensat /project/readme denied hint
            read_only_path: setxattr /project/readme denied hint
            read_only_path: mknodat /project/fifo denied hint
            read_only_path: openat2 /project/readme denied hint
            read_only_path: mkdir /project/.git/hooks denied hint
            read_only_path: symlink /project/docs/etc denied hint
            read_only_path: linkat /project/docs/x denied hint
            forbidden_path: rename /project/docs/.env denied hint
            read_only_path: rename /project/readme denied hint
            forbidden_path: unlink /project/docs/.env denied hint
            read_only_path: fchmod /project/readme denied hint
            outside_path: openat /dev/kmsg denied hint
            read_only_path: openat /tmp/way (is /project/readme) denied hint
            outside_path: openat /usr/bin/new denied hint
            read_only_path: openat /project/two\nlines denied hint
        "#]],
    );
}

fn forbidden_programs_do_not_start(arena: &Arena) {
    check(
        arena,
        &["programs"],
        expect![[r#"
            allowed: allowed
            itself again: allowed
            by path: EROFS
            by search: EROFS
            by argument zero: EROFS
            by a link: EROFS
            copied: EROFS
            by a shell: Some(127)
            from tmp: EROFS

            forbidden_command: execve /usr/bin/tac x (is /usr/bin/tac) denied hint
            forbidden_command: execve tac x (is /usr/bin/tac) denied hint
            forbidden_command: execve tac (is /usr/bin/true) denied hint
            forbidden_command: execve /tmp/other (is /usr/bin/tac) denied hint
            unusual_exec: execve /tmp/script (is /tmp/script) denied hint
        "#]],
    );
}

/// What is told may name the wrong path; what is opened may not.
fn a_race_opens_nothing(arena: &Arena) {
    let (text, told) = arena.fight_watched(arena.profile(&["race", "5000"]));
    assert_eq!(text, "opened in the project: 0\n");
    assert!(told.contains("read_only_path: open"), "{told}");
}

fn odd_pointers_are_the_kernels_to_refuse(arena: &Arena) {
    check(
        arena,
        &["odd"],
        expect![[r#"
        null: 14
        high: 14
        no end: 36

        outside_path: openat <unreadable> denied hint
        read_only_path: openat /project/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa… denied hint
    "#]],
    );
}

fn a_flood_is_counted(arena: &Arena) {
    let fighter = arena.start(arena.profile(&["flood", "3000"])).expect("launch");
    let (_, text, mut told) = fighter.finish_told();
    told.retain(|violation| violation.sensor == Sensor::Notifier);
    assert_eq!(text, "still here\n");
    assert!(told.len() <= onboard_domain::violation::bounds::PER_RUN);
    assert_eq!(told.iter().map(|violation| violation.count).sum::<u64>(), 3000);
}

fn pipelines_are_not_interrupted(arena: &Arena) {
    let (text, told) = arena.fight_watched(arena.profile(&["pipelines"]));
    assert_eq!((text.trim(), told.as_str()), ("x", ""));
}

fn reading_is_not_told(arena: &Arena) {
    let (_, told) = arena.fight_watched(arena.profile(&["identity"]));
    assert_eq!(told, "");
}
