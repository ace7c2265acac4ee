//! Attacks on the network, with one and without.

use super::super::Report::{Nothing, Records};
use super::super::Setting::{Network, Plain};
use super::super::{Case, network, side};
use super::{HONEST, OWN};
use expect_test::expect;
use onboard_domain::violation::Rule;

#[rustfmt::skip]
pub fn all() -> Vec<Case> {
    vec![
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
                socket xdp: EPERM
                socket tipc: EPERM
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
            number: "75d",
            name: "a pair is turned to sockets of the host",
            attack: side::turned_pairs,
            report: Nothing(OWN),
            limits: "",
            setting: Network,
            expect: expect![[r#"
                connect a pair elsewhere: refused
                send elsewhere by a pair: refused
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
                tunnel to loop.example: HTTP/1.1 403 Refused
                tunnel to cloud.example: HTTP/1.1 403 Refused
                tunnel to lan.example: HTTP/1.1 403 Refused
                tunnel to six.example: HTTP/1.1 403 Refused
                tunnel to ula.example: HTTP/1.1 403 Refused
                tunnel to carrier.example: HTTP/1.1 403 Refused
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
                where the second answer leads: HTTP/1.1 403 Refused
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
                socket xdp: EPERM
                socket tipc: EPERM
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
    ]
}
