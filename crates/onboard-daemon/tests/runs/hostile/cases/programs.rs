//! Attacks on programs: which may be run, from where, and with which rights.

use super::super::Report::{ByMemory, Records};
use super::super::Setting::Plain;
use super::super::{Case, processes};
use expect_test::expect;
use onboard_domain::violation::Rule;

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    vec![
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
    ]
}
