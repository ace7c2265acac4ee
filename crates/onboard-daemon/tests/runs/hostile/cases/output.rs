//! Attacks on what goes out through the host.

use super::super::Report::Records;
use super::super::Setting::{Brokered, Plain};
use super::super::{Case, brokered, resources};
use expect_test::expect;
use onboard_domain::violation::Rule;

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    vec![
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
