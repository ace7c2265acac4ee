//! Attacks on processes: many, deaf, loud, urgent.

use super::super::Report::{Nothing, Records};
use super::super::Setting::Plain;
use super::super::{Case, processes, resources};
use super::{ABSENT, ENDS, HONEST, OWN};
use expect_test::expect;
use onboard_domain::violation::Rule;

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    vec![
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
    ]
}
