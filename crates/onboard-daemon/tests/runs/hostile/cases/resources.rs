//! Attacks on what everybody shares: processor, memory, disk, time.

use super::super::Report::{ByGroups, ByMemory, Nothing, Records};
use super::super::Setting::Plain;
use super::super::{Case, processes, resources, side};
use super::{OWN, REFUSED};
use expect_test::expect;
use onboard_domain::violation::Rule;

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    vec![
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
            number: "55c",
            name: "memory in which the kernel keeps where memory lies",
            attack: side::tables,
            report: Records(&[(Rule::OutOfMemory, "")]),
            limits: "limits: { memory_mb: 64 }",
            setting: Plain,
            expect: expect![[r#"
                failed
            "#]],
        },
        Case {
            number: "55d",
            name: "memory in messages and semaphores",
            attack: side::messages,
            report: ByMemory((Rule::OutOfMemory, ""), (Rule::UnavailableFeature, "msgget")),
            limits: "limits: { memory_mb: 64 }",
            setting: Plain,
            expect: expect![[r#"
                failed
            "#]],
        },
        Case {
            number: "55e",
            name: "memory in sockets",
            attack: side::full_sockets,
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
    ]
}
