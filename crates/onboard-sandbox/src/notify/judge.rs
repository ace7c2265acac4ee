//! What a call means: pure.

use super::Rules;
use super::call::{Call, FOREIGN, Kind};
use super::look::Seen;
use crate::plan::DEVICES;
use crate::profile::PROJECT_DIR;
use onboard_domain::Violation;
use onboard_domain::violation::{Action, Rule, Sensor};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// What follows from a call.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `None`: the kernel carries it out, as far as the walls let it.
    pub errno: Option<i32>,
    pub violation: Option<Violation>,
}

/// Judges one call.
pub fn judge(call: Call, seen: &Seen, rules: &Rules) -> Verdict {
    match call.kind {
        Kind::Refused { errno } => {
            Verdict { errno: Some(errno), violation: Some(refused(call, seen)) }
        }
        Kind::Reach { .. } => match &rules.ports {
            Some(ports) => Verdict { errno: None, violation: reach(call, seen, ports) },
            None => Verdict { errno: Some(libc::EPERM), violation: Some(refused(call, seen)) },
        },
        Kind::Execute { .. } => execute(call, seen, rules),
        _ => Verdict { errno: None, violation: write(call, seen, rules) },
    }
}

/// A call that the filter refuses: its numbers are the kernel's own, nothing of memory is in it.
fn refused(call: Call, seen: &Seen) -> Violation {
    let (rule, target) = match call.name {
        "socket" => {
            let family = seen.registers[0] as i32;
            let rule = match family {
                libc::AF_UNIX => Rule::UnixSocket,
                // The C library asks it for the machine's addresses before it looks a name up.
                libc::AF_NETLINK => Rule::UnavailableFeature,
                _ => Rule::DeniedSyscall,
            };
            (rule, family_name(family))
        }
        "ioctl" => (Rule::DeniedSyscall, format!("request {:#x}", seen.registers[1] as u32)),
        "prctl" => (Rule::DeniedSyscall, format!("option {}", seen.registers[0] as u32)),
        "clone" => (Rule::DeniedSyscall, format!("flags {:#x}", seen.registers[0] as u32)),
        "unshare" => (Rule::DeniedSyscall, format!("flags {:#x}", seen.registers[0] as u32)),
        FOREIGN => (Rule::DeniedSyscall, format!("number {:#x}", seen.number)),
        "mmap" => (Rule::UnavailableFeature, "huge pages".into()),
        // Who sends by it names any socket of the host that it can see, connected or not.
        "socketpair" => (Rule::UnixSocket, format!("datagrams, kind {}", seen.registers[1] & 0xF)),
        "fcntl" => (Rule::DeniedSyscall, format!("command {}", seen.registers[1] as u32)),
        // Run-times try these when they start, and do without.
        "io_setup" | "io_uring_setup" | "personality" | "name_to_handle_at" | "memfd_create"
        | "shmget" | "msgget" | "semget" => (Rule::UnavailableFeature, String::new()),
        _ => (Rule::DeniedSyscall, String::new()),
    };
    Violation::new(Sensor::Notifier, rule, call.name, target.as_bytes())
}

fn family_name(family: i32) -> String {
    let name = match family {
        libc::AF_UNIX => "unix",
        libc::AF_INET => "inet",
        libc::AF_INET6 => "inet6",
        libc::AF_NETLINK => "netlink",
        libc::AF_PACKET => "packet",
        libc::AF_VSOCK => "vsock",
        libc::AF_ALG => "alg",
        other => return format!("family {other}"),
    };
    format!("family {name}")
}

/// Somewhere that nobody listens: the kernel refuses it, and tells nobody. A run's own loopback has
/// nothing but its proxy, which is no secret, and programs look for their like there.
fn reach(call: Call, seen: &Seen, ports: &BTreeSet<u16>) -> Option<Violation> {
    let to = internet(&seen.address)?;
    if ports.contains(&to.port()) || to.ip().to_canonical().is_loopback() {
        return None;
    }
    let to = SocketAddr::new(to.ip().to_canonical(), to.port()).to_string();
    Some(Violation::new(Sensor::Notifier, Rule::ForbiddenPort, call.name, to.as_bytes()).hint())
}

/// An address of an internet family, as programs hand it to the kernel.
fn internet(bytes: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let ip: IpAddr = match family {
        libc::AF_INET => <[u8; 4]>::try_from(bytes.get(4..8)?).ok()?.into(),
        libc::AF_INET6 => <[u8; 16]>::try_from(bytes.get(8..24)?).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Where a run may write, and nobody asks.
pub fn is_writable(path: &[u8]) -> bool {
    let mut places = WRITABLE.iter().chain(DEVICES.iter());
    places.any(|place| is_below(path, place.as_bytes())) || is_memory(path)
}

/// Folders to write in, and what programs open to write when they look for their terminal. Any other
/// device is one that a run has no business with.
#[rustfmt::skip]
const WRITABLE: [&str; 10] = [
    "/tmp", "/proc/self", "/proc/thread-self", "/dev/shm", "/dev/fd", "/dev/stdin", "/dev/stdout",
    "/dev/stderr", "/dev/tty", "/dev/ptmx",
];

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

fn write(call: Call, seen: &Seen, rules: &Rules) -> Option<Violation> {
    if !seen.writes {
        return read(call, seen, rules);
    }
    let Some(raw) = &seen.raw else {
        let hidden =
            Violation::new(Sensor::Notifier, Rule::OutsidePath, call.name, b"<unreadable>");
        return Some(hidden.hint());
    };
    let named = seen.path.as_deref().unwrap_or(raw);
    let led = seen.resolved.as_deref().unwrap_or(named);
    if is_writable(named) && is_writable(led) {
        return None;
    }
    let rule = rule_of(led, rules);
    let violation = Violation::new(Sensor::Notifier, rule, call.name, named).hint();
    Some(if led == named { violation } else { violation.resolved(led) })
}

/// A read counts where it leads to what is forbidden, by its name or through a link.
fn read(call: Call, seen: &Seen, rules: &Rules) -> Option<Violation> {
    let named = seen.path.as_deref()?;
    let led = seen.resolved.as_deref().unwrap_or(named);
    let is_forbidden = |path: &&[u8]| rule_of(path, rules) == Rule::ForbiddenPath;
    [led, named].iter().find(|path| is_forbidden(path))?;
    let violation = Violation::new(Sensor::Notifier, Rule::ForbiddenPath, call.name, named).hint();
    Some(if led == named { violation } else { violation.resolved(led) })
}

/// The rule that a write at this path runs into; the path has no `.`, `..` or empty part.
pub fn rule_of(path: &[u8], rules: &Rules) -> Rule {
    let Some(inside) = path.strip_prefix(PROJECT_DIR.as_bytes()) else { return Rule::OutsidePath };
    let inside = match inside.split_first() {
        None => inside,
        Some((b'/', inside)) => inside,
        Some(_) => return Rule::OutsidePath,
    };
    match rules.forbidden.over(inside) {
        Some(_) => Rule::ForbiddenPath,
        None => Rule::ReadOnlyPath,
    }
}

fn execute(call: Call, seen: &Seen, rules: &Rules) -> Verdict {
    let allowed = |violation| Verdict { errno: None, violation };
    let Some(raw) = &seen.raw else { return allowed(None) };
    let program = seen.path.as_deref().unwrap_or(raw);
    let led = seen.resolved.as_deref().unwrap_or(program);
    let line = match seen.arguments.is_empty() {
        true => program.to_vec(),
        false => seen.arguments.join(&b' '),
    };
    if forbidden_name(seen, rules).is_some() {
        let violation = Violation::new(Sensor::Notifier, Rule::ForbiddenCommand, call.name, &line);
        let violation = violation.hint().resolved(led);
        return Verdict { errno: Some(libc::EACCES), violation: Some(violation) };
    }
    let works_there = rules.works_in_tmp && led.starts_with(b"/tmp/");
    if is_writable(led) && !works_there {
        let violation =
            Violation::new(Sensor::Notifier, Rule::UnusualExec, call.name, &line).hint();
        let violation = violation.resolved(led);
        // Below `/tmp` nothing can be executed; memory can.
        let action = if is_memory(led) { Action::Noted } else { Action::Denied };
        return allowed(Some(violation.with(action)));
    }
    allowed(None)
}

/// The name of a forbidden command that a program is started by, if it is by one.
pub fn forbidden_name<'a>(seen: &'a Seen, rules: &Rules) -> Option<&'a [u8]> {
    let program = seen.path.as_deref().or(seen.raw.as_deref())?;
    let led = seen.resolved.as_deref().unwrap_or(program);
    let argument = |at: usize| seen.arguments.get(at).map_or(&[][..], Vec::as_slice);
    // A program of many names is told by its first argument what to be.
    let applet = if is_multi_call(base(led)) { argument(1) } else { &[] };
    // A loader is told which program to load, after its own options.
    let loaded = seen.arguments.iter().skip(1).filter(|_| is_loader(base(led)));
    let names = [program, led, argument(0), applet].into_iter();
    let mut names = names.chain(loaded.map(Vec::as_slice)).map(base);
    names.find(|name| rules.forbidden_commands.has(name))
}

/// A file that is only in memory, or has no folder at all: pipes, sockets.
fn is_memory(path: &[u8]) -> bool {
    path.first() != Some(&b'/') || path.starts_with(b"/memfd:")
}

fn is_multi_call(name: &[u8]) -> bool {
    [&b"busybox"[..], b"toybox", b"coreutils"].contains(&name)
}

fn is_loader(name: &[u8]) -> bool {
    [&b"ld-linux"[..], b"ld-musl", b"ld.so"].iter().any(|begin| name.starts_with(begin))
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use onboard_policy::{NameSet, PathSet};

    fn seen(path: &str, resolved: Option<&str>, arguments: &[&str]) -> Seen {
        Seen {
            comm: b"sh".to_vec(),
            raw: Some(path.as_bytes().to_vec()),
            path: Some(path.as_bytes().to_vec()),
            resolved: resolved.map(|path| path.as_bytes().to_vec()),
            arguments: arguments.iter().map(|a| a.as_bytes().to_vec()).collect(),
            registers: [libc::AF_UNIX as u64, 0, 0, 0, 0, 0],
            writes: true,
            ..Seen::default()
        }
    }

    fn check(cases: &[(i64, Seen)], expect: Expect) {
        let rules = Rules {
            forbidden_commands: NameSet::new(["rm", "curl"].map(Into::into)),
            forbidden: PathSet::new([".env", "secret/"].map(Into::into)),
            works_in_tmp: false,
            ports: None,
        };
        let mut out = String::new();
        for (number, seen) in cases {
            let call = Call::numbered(*number).expect("a call that is handed over");
            let verdict = judge(call, seen, &rules);
            let errno = verdict.errno.map_or("go on".into(), |errno| {
                std::io::Error::from_raw_os_error(errno).to_string()
            });
            let told = verdict.violation.map_or("nothing to tell".into(), |v| {
                let resolved = v.resolved.map_or(String::new(), |path| format!(" is {path}"));
                format!(
                    "{} {}: {} {}{resolved} {}",
                    v.confidence, v.rule, v.what, v.target, v.action
                )
            });
            out.push_str(&format!("{errno}; {told}\n"));
        }
        expect.assert_eq(&out);
    }

    #[test]
    fn writes_are_told_by_where_they_lead() {
        check(
            &[
                (libc::SYS_openat, seen("/project/src/x.rs", None, &[])),
                (libc::SYS_unlinkat, seen("/project/.env", None, &[])),
                (libc::SYS_mkdirat, seen("/project/secret/new", None, &[])),
                (libc::SYS_mkdirat, seen("/project/secrets", None, &[])),
                (libc::SYS_openat, seen("/tmp/x", Some("/tmp/x"), &[])),
                (libc::SYS_openat, seen("/tmp/link", Some("/project/readme"), &[])),
                (libc::SYS_openat, seen("/usr/bin/x", None, &[])),
                (libc::SYS_openat, seen("/dev/null", None, &[])),
                (libc::SYS_openat, seen("/dev/kmsg", None, &[])),
                (libc::SYS_fchmod, seen("/project/x", None, &[])),
                (libc::SYS_fchmod, seen("pipe:[7]", None, &[])),
                (libc::SYS_openat, Seen { raw: None, ..seen("", None, &[]) }),
                (libc::SYS_openat2, Seen { writes: false, ..seen("/project/x", None, &[]) }),
                (libc::SYS_openat, Seen { writes: false, ..seen("/project/.env", None, &[]) }),
                (
                    libc::SYS_openat,
                    Seen { writes: false, ..seen("/tmp/x", Some("/project/secret/a"), &[]) },
                ),
            ],
            expect![[r#"
                go on; hint read_only_path: openat /project/src/x.rs denied
                go on; hint forbidden_path: unlinkat /project/.env denied
                go on; hint forbidden_path: mkdirat /project/secret/new denied
                go on; hint read_only_path: mkdirat /project/secrets denied
                go on; nothing to tell
                go on; hint read_only_path: openat /tmp/link is /project/readme denied
                go on; hint outside_path: openat /usr/bin/x denied
                go on; nothing to tell
                go on; hint outside_path: openat /dev/kmsg denied
                go on; hint read_only_path: fchmod /project/x denied
                go on; nothing to tell
                go on; hint outside_path: openat <unreadable> denied
                go on; nothing to tell
                go on; hint forbidden_path: openat /project/.env denied
                go on; hint forbidden_path: openat /tmp/x is /project/secret/a denied
            "#]],
        );
    }

    #[test]
    fn programs_are_told_by_each_of_their_names() {
        check(
            &[
                (libc::SYS_execve, seen("/usr/bin/ls", Some("/usr/bin/ls"), &["ls", "-l"])),
                (
                    libc::SYS_execve,
                    seen("/usr/bin/rm", Some("/usr/bin/rm"), &["rm", "-rf", "docs"]),
                ),
                (libc::SYS_execve, seen("/tmp/zz", Some("/usr/bin/rm"), &["zz"])),
                (libc::SYS_execve, seen("/usr/bin/busybox", None, &["busybox", "rm", "x"])),
                (libc::SYS_execve, seen("/usr/bin/busybox", None, &["rm", "x"])),
                (libc::SYS_execve, seen("/tmp/own", Some("/tmp/own"), &["own\u{1b}[2J"])),
                (libc::SYS_execveat, seen("/memfd:x (deleted)", None, &["x"])),
                (libc::SYS_execve, Seen { raw: None, ..seen("", None, &[]) }),
            ],
            expect![[r#"
                go on; nothing to tell
                Permission denied (os error 13); hint forbidden_command: execve rm -rf docs is /usr/bin/rm denied
                Permission denied (os error 13); hint forbidden_command: execve zz is /usr/bin/rm denied
                Permission denied (os error 13); hint forbidden_command: execve busybox rm x is /usr/bin/busybox denied
                Permission denied (os error 13); hint forbidden_command: execve rm x is /usr/bin/busybox denied
                go on; hint unusual_exec: execve own\u{1b}[2J is /tmp/own denied
                go on; hint unusual_exec: execveat x is /memfd:x (deleted) noted
                go on; nothing to tell
            "#]],
        );
    }

    #[test]
    fn refused_calls_are_told_by_name() {
        check(
            &[
                (libc::SYS_mount, Seen::default()),
                (libc::SYS_socket, seen("", None, &[])),
                (libc::SYS_io_uring_setup, Seen::default()),
                (
                    libc::SYS_unshare,
                    Seen { registers: [0x1000_0000, 0, 0, 0, 0, 0], ..Seen::default() },
                ),
            ],
            expect![[r#"
                Operation not permitted (os error 1); kernel denied_syscall: mount  denied
                Operation not permitted (os error 1); kernel unix_socket: socket family unix denied
                Operation not permitted (os error 1); kernel unavailable_feature: io_uring_setup  denied
                Operation not permitted (os error 1); kernel denied_syscall: unshare flags 0x10000000 denied
            "#]],
        );
    }

    #[test]
    fn what_nobody_listens_for_is_told() {
        let v4 = |port: u16, ip: [u8; 4]| {
            [&2_u16.to_ne_bytes()[..], &port.to_be_bytes(), &ip, &[0; 8]].concat()
        };
        let v6 = |port: u16, ip: &str| {
            let ip: std::net::Ipv6Addr = ip.parse().expect("an address");
            [&10_u16.to_ne_bytes()[..], &port.to_be_bytes(), &[0; 4], &ip.octets(), &[0; 4]]
                .concat()
        };
        let cases = [
            v4(443, [140, 82, 121, 3]),
            v4(8443, [140, 82, 121, 3]),
            v4(8443, [127, 0, 0, 1]),
            v6(8443, "2606:4700::1111"),
            v6(5432, "::1"),
            v6(9999, "::ffff:10.1.2.3"),
            v6(5432, "::ffff:127.0.0.1"),
            v4(0, [0, 0, 0, 0]),
            // Disconnects.
            vec![0, 0],
            // Not an address, and none at all.
            v4(8443, [1, 2, 3, 4])[..6].to_vec(),
            Vec::new(),
        ];
        let call = Call::numbered(libc::SYS_connect).expect("a call that is handed over");
        let rules = Rules { ports: Some([80, 443].into()), ..Rules::default() };
        let told = cases.map(|address| {
            let seen = Seen { address, ..Seen::default() };
            let verdict = judge(call, &seen, &rules);
            assert_eq!(verdict.errno, None, "the kernel decides");
            let line =
                |v: Violation| format!("{} {}: {} {}", v.confidence, v.rule, v.what, v.target);
            verdict.violation.map_or("nothing to tell".into(), line) + "\n"
        });
        expect![[r#"
            nothing to tell
            hint forbidden_port: connect 140.82.121.3:8443
            nothing to tell
            hint forbidden_port: connect [2606:4700::1111]:8443
            nothing to tell
            hint forbidden_port: connect 10.1.2.3:9999
            nothing to tell
            hint forbidden_port: connect 0.0.0.0:0
            nothing to tell
            nothing to tell
            nothing to tell
        "#]]
        .assert_eq(&told.concat());
        let without = judge(call, &Seen::default(), &Rules::default());
        assert_eq!(without.errno, Some(libc::EPERM), "without a network there is no connection");
    }

    /// Whatever is in registers and memory, a verdict is given and its texts are bounded.
    #[test]
    fn noise_is_judged() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let rules = Rules::default();
        for _ in 0..20_000 {
            let number = (next() % 480) as i64;
            let Some(call) = Call::numbered(number) else { continue };
            let mut bytes =
                |most: u64| -> Vec<u8> { (0..next() % most).map(|_| next() as u8).collect() };
            let mut noise = Seen {
                comm: bytes(20),
                raw: Some(bytes(600)),
                path: Some(bytes(600)),
                resolved: Some(bytes(600)),
                arguments: vec![bytes(130), bytes(130)],
                address: bytes(30),
                registers: [0; 6],
                writes: true,
                number: 0,
            };
            noise.registers = std::array::from_fn(|_| next());
            if let Some(violation) = judge(call, &noise, &rules).violation {
                assert!(violation.target.len() <= onboard_domain::violation::bounds::TARGET);
                assert!(violation.target.chars().all(|c| !c.is_control()));
            }
        }
    }
}
