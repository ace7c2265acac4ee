//! Attacks on the kernel's calls: namespaces, mounts, other processes, rare parts of the kernel.

use super::super::Report::{Nothing, Records};
use super::super::Setting::Plain;
use super::super::{Case, processes, side};
use super::NO_EFFECT;
use expect_test::expect;
use onboard_domain::violation::Rule;

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    vec![
        Case {
            number: "35",
            name: "namespaces",
            attack: processes::namespaces,
            report: Records(&[(Rule::DeniedSyscall, "unshare flags 0x10000000"), (Rule::DeniedSyscall, "unshare flags 0x40000000"), (Rule::DeniedSyscall, "clone flags 0x10000011"), (Rule::DeniedSyscall, "setns")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                unshare user: EPERM
                unshare net: EPERM
                clone user: EPERM
                clone3: ENOSYS
                setns: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "36",
            name: "mounts and roots",
            attack: processes::mounts,
            report: Records(&[(Rule::DeniedSyscall, "mount"), (Rule::DeniedSyscall, "pivot_root"), (Rule::DeniedSyscall, "chroot")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                mount: EPERM
                pivot_root: EPERM
                chroot: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "36b",
            name: "walls of its own, which let everything pass",
            attack: side::own_walls,
            report: Records(&[(Rule::DeniedSyscall, "mount"), (Rule::ReadOnlyPath, "/project/new")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                hear calls itself: EBUSY
                mount behind a filter of its own: EPERM
                make a folder behind a ruleset of its own: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "37",
            name: "other processes are looked into",
            attack: processes::other_processes,
            report: Records(&[(Rule::DeniedSyscall, "ptrace"), (Rule::DeniedSyscall, "process_vm_readv"), (Rule::DeniedSyscall, "process_vm_writev"), (Rule::DeniedSyscall, "pidfd_getfd"), (Rule::DeniedSyscall, "kcmp")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                ptrace: EPERM
                process_vm_readv: EPERM
                process_vm_writev: EPERM
                pidfd_getfd: EPERM
                kcmp: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "37b",
            name: "the daemon, by the socket to it",
            attack: side::by_the_socket,
            report: Records(&[(Rule::DeniedSyscall, "pidfd_getfd"), (Rule::DeniedSyscall, "setns")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                number of the daemon: none
                signal to the daemon: refused
                descriptors of the daemon: EPERM
                namespaces of the daemon: refused
                enter namespaces of the daemon: EPERM
                wait for the daemon: refused
                succeeded
            "#]],
        },
        Case {
            number: "38",
            name: "system calls through a ring",
            attack: processes::rings,
            report: Records(&[(Rule::UnavailableFeature, "io_uring_setup"), (Rule::DeniedSyscall, "io_uring_enter"), (Rule::DeniedSyscall, "io_uring_register")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                io_uring_setup: EPERM
                io_uring_enter: EPERM
                io_uring_register: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "39a",
            name: "rare parts of the kernel",
            attack: processes::surface,
            report: Records(&[(Rule::DeniedSyscall, "bpf"), (Rule::DeniedSyscall, "perf_event_open"), (Rule::DeniedSyscall, "userfaultfd"), (Rule::DeniedSyscall, "keyctl"), (Rule::DeniedSyscall, "add_key"), (Rule::DeniedSyscall, "request_key")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                bpf: EPERM
                perf_event_open: EPERM
                userfaultfd: EPERM
                keyctl: EPERM
                add_key: EPERM
                request_key: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "39b",
            name: "calls that change the machine",
            attack: processes::machine,
            report: Records(&[(Rule::DeniedSyscall, "kexec_load"), (Rule::DeniedSyscall, "init_module"), (Rule::DeniedSyscall, "finit_module"), (Rule::DeniedSyscall, "reboot"), (Rule::DeniedSyscall, "swapon"), (Rule::DeniedSyscall, "syslog")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                kexec_load: EPERM
                init_module: EPERM
                finit_module: EPERM
                reboot: EPERM
                swapon: EPERM
                syslog: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "39c",
            name: "clocks, names, quotas",
            attack: processes::clocks_and_more,
            report: Records(&[(Rule::UnavailableFeature, "personality"), (Rule::DeniedSyscall, "quotactl"), (Rule::DeniedSyscall, "settimeofday"), (Rule::DeniedSyscall, "clock_settime"), (Rule::DeniedSyscall, "sethostname"), (Rule::DeniedSyscall, "acct"), (Rule::DeniedSyscall, "fanotify_init")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                personality: EPERM
                quotactl: EPERM
                settimeofday: EPERM
                clock_settime: EPERM
                sethostname: EPERM
                acct: EPERM
                fanotify_init: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "39d",
            name: "what is counted for the host's user, or the whole host",
            attack: processes::common_counts,
            report: Records(&[(Rule::UnavailableFeature, "io_setup"), (Rule::DeniedSyscall, "fcntl command 1024")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                requests to disks at once: EPERM
                a lease of a file of the project: EPERM
                a queue of messages: EMFILE
                signals that wait: EAGAIN
                timers: EAGAIN
                succeeded
            "#]],
        },
        Case {
            number: "39e",
            name: "the host's disks and programs are kept busy",
            attack: processes::nothing_done,
            report: Nothing(NO_EFFECT),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                syncfs: nothing is done
                fsync: nothing is done
                fdatasync: nothing is done
                sync_file_range: nothing is done
                have the host forget a file: nothing is done
                have the host forget a mapping: nothing is done
                have the host's program look at a crash: nothing is done
                succeeded
            "#]],
        },
        Case {
            number: "39f",
            name: "memory of others, and what the machine is made of",
            attack: processes::further,
            report: Records(&[(Rule::DeniedSyscall, "process_madvise"), (Rule::DeniedSyscall, "memfd_secret"), (Rule::DeniedSyscall, "kexec_file_load"), (Rule::DeniedSyscall, "swapoff")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                process_madvise: EPERM
                migrate_pages: EPERM
                move_pages: EPERM
                memfd_secret: EPERM
                kexec_file_load: EPERM
                delete_module: EPERM
                swapoff: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "39g",
            name: "the machine's time, names and cores",
            attack: processes::further_still,
            report: Records(&[(Rule::DeniedSyscall, "clock_adjtime"), (Rule::DeniedSyscall, "setdomainname"), (Rule::DeniedSyscall, "vhangup"), (Rule::DeniedSyscall, "prctl option 62")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                clock_adjtime: EPERM
                adjtimex: EPERM
                setdomainname: EPERM
                lookup_dcookie: EPERM
                vhangup: EPERM
                a core for itself: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "40",
            name: "the kernel's second interface",
            attack: processes::second_interface,
            report: Records(&[(Rule::DeniedSyscall, "call by another interface number 0x40000027")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                a call by the x32 interface: ENOSYS
                succeeded
            "#]],
        },
        Case {
            number: "41",
            name: "input for somebody else's terminal",
            attack: processes::terminals,
            report: Records(&[(Rule::DeniedSyscall, "ioctl request 0x5412"), (Rule::DeniedSyscall, "ioctl request 0x541c")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                TIOCSTI: EPERM
                TIOCSTI with a high bit: EPERM
                TIOCLINUX: EPERM
                succeeded
            "#]],
        },
    ]
}
