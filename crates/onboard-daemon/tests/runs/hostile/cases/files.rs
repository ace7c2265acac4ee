//! Attacks on files: of the project, of the host, and the masks over what is forbidden.

use super::super::Report::{Nothing, Records};
use super::super::Setting::{Plain, SymlinkForbidden};
use super::super::{Case, files, processes, side};
use super::{ABSENT, NOT_STARTED};
use expect_test::expect;
use onboard_domain::violation::Rule;

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
            number: "2b",
            name: "names that other systems take for the same",
            attack: side::alike_names,
            report: Nothing(ABSENT),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                read .ENV: ENOENT
                read .env and a dot: ENOENT
                read .env and a blank: ENOENT
                read .env and a stream: ENOENT
                read .env in wide letters: ENOENT
                read .env in percent signs: ENOENT
                read .env with nothing between: ENOENT
                succeeded
            "#]],
        },
        Case {
            number: "3",
            name: "forbidden paths are looked at without being opened",
            attack: side::looks,
            report: Records(&[(Rule::ForbiddenPath, "/project/.env")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                statx .ssh/id: EACCES
                access .ssh/id: EACCES
                link target of .ssh/id: EACCES
                attributes of .ssh/id: EACCES
                watch .ssh/id: EACCES
                enter .ssh and look: EACCES
                a handle of .env, then to read: EACCES
                attributes of .env: nothing
                size of .env: nothing
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
            number: "8",
            name: "files are changed through memory, and made without names",
            attack: side::through_memory,
            report: Records(&[(Rule::ReadOnlyPath, "linkat /project/own")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                map readme to write: EACCES
                turn a mapping of readme to write: EACCES
                write a mapping of readme through its own memory: refused
                change its own program: refused
                give what has no name a name in the project: EROFS
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
            number: "12b",
            name: "files are sealed, marked, shared or frozen",
            attack: side::seal,
            report: Records(&[(Rule::DeniedSyscall, "ioctl request 0x40086602"), (Rule::DeniedSyscall, "ioctl request 0x40806685"), (Rule::DeniedSyscall, "ioctl request 0xc0045877")]),
            limits: "",
            setting: Plain,
            expect: expect![[r#"
                mark as unchangeable: EPERM
                set attributes: EPERM
                seal for ever: EPERM
                share what is the same: EPERM
                have who writes wait: EPERM
                change by fchmodat2: refused
                change by setxattrat: refused
                change by file_setattr: refused
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
    ]
}
