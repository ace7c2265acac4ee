//! The table of attacks. The numbers are those of the list in `docs/safety.md`.

use super::Report::{ByGroups, ByMemory, Nothing, Records};
use super::Setting::{Brokered, Network, Plain, SymlinkForbidden};
use super::{Case, brokered, files, network, processes, resources};
use expect_test::expect;
use onboard_domain::violation::Rule;

/// Why nothing is on record, where nothing is.
const ABSENT: &str = "what is not there has nobody to tell of it";
const OWN: &str = "the kernel's ordinary answer, reached by mistake too";
const REFUSED: &str = "without control groups an allocation fails, which is an ordinary error";
const ENDS: &str = "a tree ends with its run, whatever it is";
const HONEST: &str = "honest work";
const NO_EFFECT: &str = "honest programs do it all the time, and it does nothing";
const NOT_STARTED: &str = "the run is not started, and its outcome says why";

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    vec![
        Case {
            number: "1",
            name: "forbidden paths are opened",
            attack: files::forbidden_paths,
            report: Records(&[(Rule::ForbiddenPath, "/project/.env"), (Rule::ForbiddenPath, "/project/.ssh")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                read .env: EACCES
                list .ssh: EACCES
                read .ssh/id: EACCES
                stat .ssh/id: EACCES
                may read readme: allowed
                succeeded
            "#]],
        },
        Case {
            number: "2",
            name: "other spellings of forbidden paths",
            attack: files::other_spellings,
            report: Records(&[(Rule::ForbiddenPath, "/project/.env"), (Rule::ForbiddenPath, "/project/.ssh")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                read docs/../.env: EACCES
                read .//.env: EACCES
                read /proc/self/cwd/.env: EACCES
                read /proc/self/root/project/.env: EACCES
                list .ssh/: EACCES
                succeeded
            "#]],
        },
        Case {
            number: "4",
            name: "links to forbidden paths",
            attack: files::links_of_its_own,
            report: Records(&[(Rule::ForbiddenPath, "/project/.env"), (Rule::ForbiddenPath, "/project/.ssh")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                read link to .env: EACCES
                read chain of links: EACCES
                read own link: EACCES
                read through own relative link: EACCES
                read loop: ELOOP
                succeeded
            "#]],
        },
        Case {
            number: "5",
            name: "hard links out of the project and into it",
            attack: files::hard_links,
            report: Records(&[(Rule::ReadOnlyPath, "linkat /project/copy")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                link readme into project: EROFS
                link readme into tmp: EXDEV
                link .env into tmp: EXDEV
                succeeded
            "#]],
        },
        Case {
            number: "6",
            name: "a hard link to a forbidden file from before",
            attack: files::hard_link_from_before,
            report: Nothing(NOT_STARTED),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                refused
            "#]],
        },
        Case {
            number: "7",
            name: "mount points are renamed",
            attack: files::rename_mounts,
            report: Records(&[(Rule::ReadOnlyPath, "rename /project/ssh"), (Rule::ReadOnlyPath, "/project/env"), (Rule::ReadOnlyPath, "/project/old")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                rename project: EXDEV
                rename .ssh: EROFS
                rename .env: EROFS
                rename docs: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "9",
            name: "files are renamed onto the project's",
            attack: files::rename_onto,
            report: Records(&[(Rule::ReadOnlyPath, "/project/readme"), (Rule::ReadOnlyPath, "/project/docs/x"), (Rule::ForbiddenPath, "/project/.ssh/x"), (Rule::ForbiddenPath, "/project/.env")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                rename onto readme: EXDEV
                rename into docs: EXDEV
                rename into .ssh: refused
                rename onto .env: EXDEV
                succeeded
            "#]],
        },
        Case {
            number: "10",
            name: "a file is truncated by opening it to read",
            attack: files::truncate_by_reading,
            report: Records(&[(Rule::ReadOnlyPath, "openat /project/readme")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                open to read, truncating: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "11",
            name: "other ways to open a file to write",
            attack: files::other_ways_to_open,
            report: Records(&[(Rule::ReadOnlyPath, "openat2 /project/readme"), (Rule::ReadOnlyPath, "openat /project ")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                creat: EROFS
                open: EROFS
                openat2: EROFS
                openat2, RESOLVE_BENEATH: EROFS
                O_TMPFILE: EROFS
                O_PATH, then to write: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "12",
            name: "files are changed without being written",
            attack: files::change_without_opening,
            report: Records(&[(Rule::ReadOnlyPath, "truncate /project/readme"), (Rule::ReadOnlyPath, "chmod /project/readme"), (Rule::ReadOnlyPath, "chown /project/readme"), (Rule::ReadOnlyPath, "utimensat /project/readme"), (Rule::ReadOnlyPath, "setxattr /project/readme"), (Rule::ReadOnlyPath, "removexattr /project/readme")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                truncate: EROFS
                chmod: EROFS
                chown: EROFS
                utimensat: EROFS
                setxattr: EROFS
                removexattr: EROFS
                fallocate what is open to read: EBADF
                ftruncate what is open to read: EINVAL
                succeeded
            "#]],
        },
        Case {
            number: "13",
            name: "files and folders are removed",
            attack: files::remove,
            report: Records(&[(Rule::ReadOnlyPath, "/project/readme"), (Rule::ReadOnlyPath, "/project/docs"), (Rule::ReadOnlyPath, "/project/src/main")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                unlink readme: EROFS
                rmdir docs: EROFS
                remove the tree: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "14",
            name: "folders, links, pipes and devices are made",
            attack: files::make,
            report: Records(&[(Rule::ReadOnlyPath, "/project/docs/new"), (Rule::ReadOnlyPath, "/project/docs/link"), (Rule::ReadOnlyPath, "/project/docs/fifo"), (Rule::ReadOnlyPath, "/project/docs/sda")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                mkdir: EROFS
                symlink: EROFS
                mkfifo: EROFS
                mknod in project: EROFS
                block device in tmp: EACCES
                memory device in tmp: EACCES
                succeeded
            "#]],
        },
        Case {
            number: "14b",
            name: "a pipe that lies in the project",
            attack: files::pipe_of_the_project,
            report: Records(&[(Rule::ReadOnlyPath, "/project/pipe")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                write to a pipe: EACCES
                read and write a pipe: EACCES
                succeeded
            "#]],
        },
        Case {
            number: "15",
            name: "files are opened by their handles",
            attack: files::handles,
            report: Records(&[(Rule::UnavailableFeature, "name_to_handle_at"), (Rule::DeniedSyscall, "open_by_handle_at")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                name_to_handle_at: EPERM
                open_by_handle_at: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "16",
            name: "a forbidden path is a link that an earlier run made",
            attack: files::forbidden_paths,
            report: Nothing(NOT_STARTED),
            limits: "",
            setting: SymlinkForbidden,
            expect: expect![[r#"
                refused
            "#]],
        },
        Case {
            number: "17",
            name: "a missing forbidden path is created",
            attack: files::create_what_is_missing,
            report: Records(&[(Rule::ForbiddenPath, "/project/.netrc"), (Rule::ForbiddenPath, "/project/.aws")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                create .netrc: EROFS
                create .aws: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "19",
            name: "masks are written to",
            attack: files::write_into_masks,
            report: Records(&[(Rule::ForbiddenPath, "openat /project/.env"), (Rule::ForbiddenPath, "/project/.ssh/new"), (Rule::ForbiddenPath, "chmod /project/.env"), (Rule::ForbiddenPath, "unlink /project/.env")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                write .env: EROFS
                append to .env: EACCES
                create in .ssh: EACCES
                open up .env: EROFS
                remove .env: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "20",
            name: "a path changes while the kernel reads it",
            attack: files::race_for_a_path,
            report: Records(&[(Rule::ForbiddenPath, "/project/.env")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                read .env in a race: never
                succeeded
            "#]],
        },
        Case {
            number: "21",
            name: "calls with wrong pointers",
            attack: files::wrong_pointers,
            report: Records(&[(Rule::OutsidePath, "<unreadable>"), (Rule::ReadOnlyPath, "aaaa")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                open an address that is not there: EFAULT
                open a path without an end: ENAMETOOLONG
                exec an address that is not there: EFAULT
                may read readme: allowed
                succeeded
            "#]],
        },
        Case {
            number: "23",
            name: "names that harm who prints them",
            attack: files::odd_names,
            report: Records(&[(Rule::ReadOnlyPath, "two\\nlines"), (Rule::ReadOnlyPath, "\\u{1b}[31mred"), (Rule::ReadOnlyPath, "\\xff\\xfe"), (Rule::ReadOnlyPath, "\\u{202e}txt"), (Rule::ReadOnlyPath, "nnnn")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                create a name of two lines: EROFS
                create a name with terminal codes: EROFS
                create a name that is no text: EROFS
                create a name that turns text around: EROFS
                create a name of 255 bytes: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "24",
            name: "files beyond the limit",
            attack: files::large_files,
            report: Records(&[(Rule::FileTooLarge, "")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                write 11 MiB: EFBIG
                ftruncate to 11 MiB: EFBIG
                fallocate 11 MiB: EFBIG
                write far beyond the end: EFBIG
                succeeded
            "#]],
        },
        Case {
            number: "25",
            name: "the temporary folder is filled",
            attack: files::fill_tmp,
            report: Records(&[(Rule::StorageQuota, "/tmp")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                fill tmp: ENOSPC
                100,000 files: ENOSPC
                succeeded
            "#]],
        },
        Case {
            number: "26",
            name: "files of the host",
            attack: files::files_of_the_host,
            report: Nothing(ABSENT),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                look at /etc/shadow: ENOENT
                look at /etc/ssh: ENOENT
                look at /root: ENOENT
                look at /home: ENOENT
                look at /var: ENOENT
                look at /run: ENOENT
                look at /boot: ENOENT
                succeeded
            "#]],
        },
        Case {
            number: "27",
            name: "devices of the host",
            attack: files::devices,
            report: Records(&[(Rule::OutsidePath, "/dev/mem"), (Rule::OutsidePath, "/dev/fuse")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                open /dev/mem: ENOENT
                open /dev/kmsg: ENOENT
                open /dev/fuse: ENOENT
                open /dev/sda: ENOENT
                open /dev/vda: ENOENT
                open /dev/tty: ENOENT
                may write /dev/null: allowed
                succeeded
            "#]],
        },
        Case {
            number: "28",
            name: "the first process is looked into",
            attack: files::the_first_process,
            report: Nothing(ABSENT),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                look at /proc/1/mem: ENOENT
                look at /proc/1/environ: ENOENT
                look at /proc/1/cmdline: ENOENT
                look at /proc/1/root/etc: ENOENT
                look at /proc/1/fd: ENOENT
                look at /proc/1/maps: ENOENT
                succeeded
            "#]],
        },
        Case {
            number: "29",
            name: "the kernel is looked into",
            attack: files::the_kernel_in_proc,
            report: Nothing(ABSENT),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                open /proc/sys/kernel/core_pattern: ENOENT
                open /proc/sysrq-trigger: ENOENT
                open /proc/kcore: ENOENT
                open /proc/kallsyms: ENOENT
                open /proc/keys: ENOENT
                succeeded
            "#]],
        },
        Case {
            number: "30",
            name: "masks are lifted",
            attack: files::lift_masks,
            report: Records(&[(Rule::DeniedSyscall, "umount2"), (Rule::DeniedSyscall, "mount"), (Rule::DeniedSyscall, "fsopen"), (Rule::DeniedSyscall, "open_tree"), (Rule::DeniedSyscall, "move_mount"), (Rule::DeniedSyscall, "mount_setattr")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                umount2: EPERM
                remount to write: EPERM
                fsopen: EPERM
                open_tree: EPERM
                move_mount: EPERM
                mount_setattr: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "30b",
            name: "the same by newer calls",
            attack: processes::newer_mounts,
            report: Records(&[(Rule::DeniedSyscall, "fspick"), (Rule::DeniedSyscall, "fsconfig"), (Rule::DeniedSyscall, "fsmount"), (Rule::DeniedSyscall, "open_tree_attr"), (Rule::DeniedSyscall, "statmount"), (Rule::DeniedSyscall, "listmount"), (Rule::DeniedSyscall, "listns"), (Rule::DeniedSyscall, "quotactl_fd")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                fspick: EPERM
                fsconfig: EPERM
                fsmount: EPERM
                open_tree_attr: EPERM
                statmount: EPERM
                listmount: EPERM
                listns: EPERM
                quotactl_fd: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "31",
            name: "a forbidden command is run",
            attack: processes::forbidden_command,
            report: Records(&[(Rule::ForbiddenCommand, "rm")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                rm: EACCES
                sh -c rm: exit status 127
                env rm: exit status 126
                rm that calls itself ls: EACCES
                rm by a link of another name: EACCES
                may run ls: allowed
                succeeded
            "#]],
        },
        Case {
            number: "32a",
            name: "programs are run from elsewhere",
            attack: processes::run_from_elsewhere,
            report: Records(&[(Rule::UnusualExec, "/tmp/zz"), (Rule::UnusualExec, "/tmp/script"), (Rule::ForbiddenCommand, "/usr/bin/rm --version")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                copy rm: EACCES
                a copy in tmp: EACCES
                a script in tmp: EACCES
                a copy in tmp by the linker: exit status 127
                a masked program by the linker: EACCES
                a script of a script: EACCES
                may read a script to the shell: allowed
                a masked program by its open file: EACCES
                succeeded
            "#]],
        },
        Case {
            number: "32b",
            name: "a program is run from memory alone",
            attack: processes::run_from_memory,
            report: ByMemory((Rule::UnusualExec, "memfd"), (Rule::UnavailableFeature, "memfd_create")),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                a program in memory alone: allowed
                succeeded
            "#]],
        },
        Case {
            number: "33",
            name: "files are deleted without a command",
            attack: processes::delete_without_rm,
            report: Records(&[(Rule::ReadOnlyPath, "unlink /project/readme")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                may remove what is its own: allowed
                remove readme: EROFS
                succeeded
            "#]],
        },
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
                have the host's program look at a crash: nothing is done
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
        Case {
            number: "42",
            name: "rights are gained",
            attack: processes::gain_rights,
            report: Records(&[(Rule::UnusualExec, "/tmp/id")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                rights it holds: none
                rights by programs: none
                become root: EINVAL
                may set the bit of its own file: allowed
                run with the bit set: EACCES
                succeeded
            "#]],
        },
        Case {
            number: "43a",
            name: "a fork bomb",
            attack: processes::fork_bomb,
            report: Records(&[(Rule::TooManyProcesses, "20")]),
            limits: "limits: { pids: 20 }",
            setting: Plain,
            expect: expect![[r#"
                fork without end: EAGAIN
                succeeded
            "#]],
        },
        Case {
            number: "43b",
            name: "a thread bomb",
            attack: processes::thread_bomb,
            report: Records(&[(Rule::TooManyProcesses, "20")]),
            limits: "limits: { pids: 20 }",
            setting: Plain,
            expect: expect![[r#"
                threads without end: EAGAIN
                succeeded
            "#]],
        },
        Case {
            number: "44",
            name: "orphans that ignore signals",
            attack: processes::orphans,
            report: Nothing(ENDS),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                may leave an orphan: allowed
                may leave an orphan: allowed
                may leave an orphan: allowed
                succeeded
            "#]],
        },
        Case {
            number: "45",
            name: "others are killed",
            attack: processes::signals,
            report: Nothing(OWN),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                kill the first process: EPERM
                signal a process of the host: ESRCH
                signal all there is: ESRCH
                succeeded
            "#]],
        },
        Case {
            number: "47",
            name: "what leaks into the environment",
            attack: processes::environment,
            report: Nothing(ABSENT),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                variables: AI_ONBOARD_AGENT AI_ONBOARD_HOST_FD AI_ONBOARD_PROJECT GIT_OPTIONAL_LOCKS HOME LANG PATH PWD PYTHONDONTWRITEBYTECODE TMPDIR
                descriptors: 0 1 2 3 4
                succeeded
            "#]],
        },
        Case {
            number: "48",
            name: "a flood of refused calls",
            attack: processes::flood_of_calls,
            report: Records(&[(Rule::DeniedSyscall, "mount"), (Rule::DeniedSyscall, "unshare flags 0x20000")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                killed
            "#]],
        },
        Case {
            number: "50",
            name: "honest pipelines",
            attack: processes::pipelines,
            report: Nothing(HONEST),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                may run pipelines: allowed
                succeeded
            "#]],
        },
        Case {
            number: "52",
            name: "limits and priority are raised",
            attack: processes::scheduling,
            report: Nothing(OWN),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                raise the size of files: EPERM
                raise open files: EPERM
                real-time scheduling: EPERM
                scheduling by deadline: EPERM
                more urgent than others: EACCES
                the disk before others: EPERM
                limits of a process of the host: ESRCH
                lock all memory: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "53",
            name: "a flood of output",
            attack: resources::flood_of_output,
            report: Records(&[(Rule::OutputTooLarge, "stdout")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                3 MB of output: cut off
                succeeded
            "#]],
        },
        Case {
            number: "54",
            name: "two busy threads",
            attack: resources::spin,
            report: Records(&[(Rule::CpuThrottled, "")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                two busy threads: held back
                succeeded
            "#]],
        },
        Case {
            number: "55a",
            name: "memory without end, in one process",
            attack: resources::memory,
            report: ByGroups(Rule::OutOfMemory, REFUSED),
            limits: "limits: { memory_mb: 64 }",
            setting: Plain,
            expect: expect![[r#"
                failed
            "#]],
        },
        Case {
            number: "55b",
            name: "memory without end, in many processes",
            attack: processes::shared_hunger,
            report: Records(&[(Rule::OutOfMemory, "")]),
            limits: "limits: { memory_mb: 64 }",
            setting: Plain,
            expect: expect![[r#"
                failed
            "#]],
        },
        Case {
            number: "56",
            name: "an end as if killed for memory",
            attack: resources::forged_end,
            report: Nothing(OWN),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                end as if killed for memory: believed by nobody
                failed
            "#]],
        },
        Case {
            number: "57",
            name: "writes to the disk",
            attack: resources::writes_to_disk,
            report: Records(&[(Rule::ReadOnlyPath, "/project/readme"), (Rule::ReadOnlyPath, "/project/new"), (Rule::OutsidePath, "/usr/new"), (Rule::OutsidePath, "/etc/new"), (Rule::OutsidePath, "/app/new")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                write past the cache: EROFS
                write to /: EROFS
                write to /project: EROFS
                write to /app: EROFS
                write to /usr: EROFS
                write to /etc: EROFS
                write to /dev: EROFS
                succeeded
            "#]],
        },
        Case {
            number: "58",
            name: "control groups",
            attack: resources::control_groups,
            report: Records(&[(Rule::OutsidePath, "cgroup.procs")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                names of its groups: none
                list groups: ENOENT
                leave its group: ENOENT
                succeeded
            "#]],
        },
        Case {
            number: "59",
            name: "a run that never ends",
            attack: resources::deadline,
            report: Records(&[(Rule::Deadline, "")]),
            limits: "limits: { deadline: 2s }",
            setting: Plain,
            expect: expect![[r#"
                timed_out
            "#]],
        },
        Case {
            number: "63",
            name: "direct connections",
            attack: network::direct_connections,
            report: Records(&[(Rule::DeniedSyscall, "socket family inet "), (Rule::DeniedSyscall, "socket family inet6")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                connect to 140.82.121.3:443: EPERM
                connect to [2606:4700::1111]:443: EPERM
                connect to 127.0.0.1:3128: EPERM
                connect to 169.254.169.254:80: EPERM
                connect to 10.1.2.3:8080: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "67",
            name: "ssh, ftp, git, mail",
            attack: network::other_protocols,
            report: Records(&[(Rule::DeniedSyscall, "socket family inet")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                ssh to 140.82.121.3:22: EPERM
                ftp to 140.82.121.3:21: EPERM
                git to 140.82.121.3:9418: EPERM
                mail to 140.82.121.3:25: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "70",
            name: "names are asked for",
            attack: network::names,
            report: Records(&[(Rule::DeniedSyscall, "socket family inet")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                ask 8.8.8.8:53: EPERM
                ask by tcp 8.8.8.8:53: EPERM
                ask by tls 1.1.1.1:853: EPERM
                look up a-secret.evil.example: unknown
                succeeded
            "#]],
        },
        Case {
            number: "74",
            name: "other kinds of sockets",
            attack: network::families,
            report: Records(&[(Rule::DeniedSyscall, "socket family packet"), (Rule::DeniedSyscall, "socket family vsock"), (Rule::DeniedSyscall, "socket family alg"), (Rule::UnavailableFeature, "netlink")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                socket raw: EPERM
                socket ping: EPERM
                socket netlink: EPERM
                socket packet: EPERM
                socket vsock: EPERM
                socket alg: EPERM
                socket bluetooth: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "75",
            name: "sockets of the host",
            attack: network::sockets_of_the_host,
            report: Records(&[(Rule::UnixSocket, "socket family unix")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                connect to a socket in the project: EPERM
                socket unix: EPERM
                may make a connected pair: allowed
                succeeded
            "#]],
        },
        Case {
            number: "75c",
            name: "datagrams to sockets of the host",
            attack: network::datagrams_to_the_host,
            report: Records(&[(Rule::UnixSocket, "socketpair datagrams")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                a pair of datagrams: EPERM
                a pair of raw ones: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "61",
            name: "an allowed host, with and without its proxy",
            attack: network::allowed_host,
            report: Nothing(HONEST),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                may speak TLS by the proxy: allowed
                may ask by the proxy: allowed
                may speak TLS without it: allowed
                may ask without it: allowed
                succeeded
            "#]],
        },
        Case {
            number: "62",
            name: "another host by the proxy",
            attack: network::other_host,
            report: Records(&[(Rule::ForbiddenHost, "evil.example:443")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                tunnel to another: HTTP/1.1 403 Refused
                tunnel below the allowed: HTTP/1.1 403 Refused
                tunnel to an address: HTTP/1.1 403 Refused
                tunnel to a number: HTTP/1.1 403 Refused
                tunnel to itself: HTTP/1.1 403 Refused
                succeeded
            "#]],
        },
        Case {
            number: "63b",
            name: "direct connections of an agent with a network",
            attack: network::around_the_proxy,
            report: Records(&[(Rule::ForbiddenHost, "140.82.121.3"), (Rule::ForbiddenPort, "connect 140.82.121.3:12345")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                TLS to an address: closed
                HTTP to an address: HTTP/1.1 403 Refused
                HTTP to the machine's own: HTTP/1.1 403 Refused
                a port nobody has: refused
                succeeded
            "#]],
        },
        Case {
            number: "65",
            name: "one host is asked for, another is spoken to",
            attack: network::other_name,
            report: Records(&[(Rule::SniMismatch, "evil.example")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                another name in a tunnel: closed
                another name without: closed
                succeeded
            "#]],
        },
        Case {
            number: "66",
            name: "another protocol inside a tunnel",
            attack: network::other_bytes,
            report: Records(&[(Rule::ForbiddenProtocol, "good.example")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                ssh in a tunnel: closed
                HTTP in a tunnel: closed
                succeeded
            "#]],
        },
        Case {
            number: "67b",
            name: "ssh, ftp, git, mail of an agent with a network",
            attack: network::other_protocols_captured,
            report: Records(&[(Rule::ForbiddenProtocol, "140.82.121.3:22")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                ssh: closed
                ftp: closed
                git: closed
                mail: closed
                succeeded
            "#]],
        },
        Case {
            number: "68",
            name: "another port of an allowed host",
            attack: network::other_port,
            report: Records(&[(Rule::ForbiddenPort, "good.example:9999")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                another port: HTTP/1.1 403 Refused
                ssh's port: HTTP/1.1 403 Refused
                succeeded
            "#]],
        },
        Case {
            number: "70b",
            name: "names are asked for by an agent with a network",
            attack: network::names_captured,
            report: Records(&[(Rule::ForbiddenName, "a-secret.evil.example")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                ask 8.8.8.8:53: no such name
                ask 127.0.0.1:53: no such name
                by tls: closed
                by https: closed
                succeeded
            "#]],
        },
        Case {
            number: "71",
            name: "allowed names that lead inside",
            attack: network::private_addresses,
            report: Records(&[(Rule::PrivateAddress, "loop.example"), (Rule::PrivateAddress, "cloud.example"), (Rule::PrivateAddress, "lan.example"), (Rule::PrivateAddress, "six.example"), (Rule::PrivateAddress, "ula.example"), (Rule::PrivateAddress, "carrier.example")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                tunnel to loop.example: closed
                tunnel to cloud.example: closed
                tunnel to lan.example: closed
                tunnel to six.example: closed
                tunnel to ula.example: closed
                tunnel to carrier.example: closed
                succeeded
            "#]],
        },
        Case {
            number: "72",
            name: "a name whose second answer leads inside",
            attack: network::rebinding,
            report: Records(&[(Rule::PrivateAddress, "turn.example")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                may speak where the first answer leads: allowed
                where the second answer leads: closed
                succeeded
            "#]],
        },
        Case {
            number: "73",
            name: "an allowed host sends on to another",
            attack: network::redirect,
            report: Records(&[(Rule::ForbiddenHost, "evil.example:80")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                sent away by the allowed host: HTTP/1.1 302 from outside
                go there: HTTP/1.1 403 Refused
                succeeded
            "#]],
        },
        Case {
            number: "74b",
            name: "other kinds of sockets of an agent with a network",
            attack: network::families,
            report: Records(&[(Rule::DeniedSyscall, "socket family packet"), (Rule::DeniedSyscall, "socket family vsock"), (Rule::DeniedSyscall, "socket family alg"), (Rule::UnavailableFeature, "netlink")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                socket raw: EPERM
                socket ping: EPERM
                socket netlink: EPERM
                socket packet: EPERM
                socket vsock: EPERM
                socket alg: EPERM
                socket bluetooth: EPERM
                succeeded
            "#]],
        },
        Case {
            number: "75b",
            name: "sockets of the host, by an agent with a network",
            attack: network::sockets_of_the_host,
            report: Records(&[(Rule::UnixSocket, "socket family unix")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                connect to a socket in the project: EPERM
                socket unix: EPERM
                may make a connected pair: allowed
                succeeded
            "#]],
        },
        Case {
            number: "77",
            name: "more requests than a minute has",
            attack: network::too_many,
            report: Records(&[(Rule::NetworkRate, "request http")]),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                requests without end: 50 or more good, then HTTP/1.1 429 Refused
                succeeded
            "#]],
        },
        Case {
            number: "85",
            name: "a token is told",
            attack: resources::tell_a_secret,
            report: Records(&[(Rule::OutputSecret, "token")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                [redacted: github-token]: taken out of the log
                succeeded
            "#]],
        },
        Case {
            number: "86",
            name: "a credential that is not shown",
            attack: brokered::a_credential,
            report: Records(&[
                (Rule::ForbiddenCredential, "GET forge.credential.onboard/"),
                (Rule::ForbiddenHost, "other.credential.onboard"),
                (Rule::ForbiddenPort, "forge.credential.onboard:443"),
                (Rule::ForbiddenProtocol, "two different hosts"),
            ]),
            limits: "",
            setting: Brokered,
            expect: expect![[r#"
                use it without a token: HTTP/1.1 401 Refused
                use it with another run's token: HTTP/1.1 401 Refused
                use it as another host: HTTP/1.1 400 Refused
                hide a request in pieces: HTTP/1.1 411 Refused
                hide a request behind two lengths: HTTP/1.1 400 Refused
                fold a line into the head: HTTP/1.1 400 Refused
                ask at another port: HTTP/1.1 403 Refused
                ask beside it: HTTP/1.1 403 Refused
                ask below it: HTTP/1.1 403 Refused
                begin with HTTP/2: HTTP/1.1 400 Refused
                tunnel to it: HTTP/1.1 403 Refused
                find it in the environment: none
                succeeded
            "#]],
        },
    ]
}
