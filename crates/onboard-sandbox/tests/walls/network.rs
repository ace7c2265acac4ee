//! The ends of a run's network: what a program inside connects to, and where it arrives.

#![allow(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what a program can connect to is what is tried, and nothing of it leaves the sandbox"
)]

use crate::arena::Arena;
use crate::raw::{result, say};
use expect_test::expect;
use onboard_domain::violation::Rule;
use onboard_sandbox::{End, EndKind, Network, Outcome, Place};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};

/// Addresses that are connected to; each is outside, were there an outside.
const TARGETS: [&str; 6] = [
    "140.82.121.3:443",
    "[2606:4700::1111]:80",
    "127.0.0.1:3128",
    "10.1.2.3:22",
    "169.254.169.254:80",
    "1.2.3.4:8443",
];

/// What the hostile program says first at each connection.
const BANNER: &[u8] = b"SSH-2.0-agent\r\n";

/// The hostile program.
pub fn connect() {
    let mut kept = Vec::new();
    for target in TARGETS {
        let connected = TcpStream::connect(target).and_then(|mut stream| {
            stream.write_all(BANNER)?;
            kept.push(stream);
            Ok(())
        });
        say(&format!("tcp {target}"), connected);
    }
    for target in ["8.8.8.8:53", "[2001:4860:4860::8888]:443", "9.9.9.9:5353"] {
        say(&format!("udp {target}"), send(target));
    }
    for (name, family, kind, protocol) in [
        ("unix", libc::AF_UNIX, libc::SOCK_STREAM, 0),
        ("netlink", libc::AF_NETLINK, libc::SOCK_RAW, 0),
        ("packet", libc::AF_PACKET, libc::SOCK_RAW, 0),
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        ("alg", libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        ("raw", libc::AF_INET, libc::SOCK_RAW | libc::SOCK_NONBLOCK, libc::IPPROTO_TCP),
        ("ping", libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
    ] {
        // SAFETY: integers only.
        let made = unsafe { libc::socket(family, kind, protocol) };
        say(&format!("socket {name}"), result(i64::from(made)));
    }
    say("socket of the project", UnixStream::connect("/project/docker.sock"));
    say("listen", TcpListener::bind("127.0.0.1:8080"));
    say("take a port of an end", TcpListener::bind("127.0.0.1:443"));
    println!("names: {}", std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default().trim());
    let mut host = crate::hostile::host();
    host.write_all(b"!").expect("host");
    // The connections stay until the test has looked.
    host.read_exact(&mut [0]).expect("host");
}

/// By a socket that is not bound by hand, as name resolvers make theirs.
fn send(target: &str) -> std::io::Result<()> {
    use std::os::fd::FromRawFd;
    let target: SocketAddr = target.parse().expect("address");
    let family = if target.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: integers only; the descriptor is new and owned by the socket alone.
    let socket = unsafe {
        let fd = libc::socket(family, libc::SOCK_DGRAM, 0);
        result(i64::from(fd))?;
        UdpSocket::from_raw_fd(fd)
    };
    socket.connect(target)?;
    socket.send(target.to_string().as_bytes())?;
    // A refusal comes with the next call.
    socket.send(b"again").map(drop)
}

/// What arrived at a listening end: the address that was meant, and the first bytes.
fn accepted(end: &TcpListener) -> Option<String> {
    let (mut stream, _) = end.accept().ok()?;
    let meant = stream.local_addr().expect("address");
    let mut first = [0; BANNER.len()];
    stream.set_nonblocking(false).expect("mode");
    stream.read_exact(&mut first).expect("bytes");
    Some(format!("{meant} {}", String::from_utf8_lossy(&first).trim_end()))
}

pub fn everything_arrives_at_the_ends(arena: &Arena) {
    let socket = arena.project.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).expect("socket");
    let mut profile = arena.profile(&["connect"]);
    profile.network = Some(Network::default());
    let mut fighter = arena.start(profile).expect("launch");
    let ends = fighter.running.take_network();
    assert_eq!(fighter.running.take_network().len(), 0, "once");
    fighter.await_word();
    let mut seen = Vec::new();
    for End { place, socket } in ends {
        match place.kind {
            EndKind::Proxy | EndKind::Tcp => {
                let end = TcpListener::from(socket);
                seen.extend(
                    std::iter::from_fn(|| accepted(&end)).map(|s| format!("{place} < {s}")),
                );
            }
            EndKind::Udp => {
                let end = UdpSocket::from(socket);
                let mut bytes = [0; 64];
                while let Ok(length) = end.recv(&mut bytes) {
                    let text = String::from_utf8_lossy(&bytes[..length]);
                    seen.push(format!("{place} < {text}"));
                }
            }
        }
    }
    seen.sort();
    expect![[r#"
        proxy 3128 < 127.0.0.1:3128 SSH-2.0-agent
        tcp 22 < 10.1.2.3:22 SSH-2.0-agent
        tcp 443 < 140.82.121.3:443 SSH-2.0-agent
        tcp 80 < 169.254.169.254:80 SSH-2.0-agent
        tcp 80 of IPv6 < [2606:4700::1111]:80 SSH-2.0-agent
        udp 443 of IPv6 < [2001:4860:4860::8888]:443
        udp 443 of IPv6 < again
        udp 53 < 8.8.8.8:53
        udp 53 < again
    "#]]
    .assert_eq(&seen.iter().map(|line| format!("{line}\n")).collect::<String>());
    fighter.host.write_all(b"!").expect("host");
    let (ended, text, told) = fighter.finish_told();
    // Where nobody listens nobody accepts; the sensor of its calls saw it all the same, once each.
    let nowhere = told.iter().filter(|v| v.rule == Rule::ForbiddenPort);
    let nowhere: Vec<String> =
        nowhere.map(|v| format!("{} {} {} x{}\n", v.sensor, v.what, v.target, v.count)).collect();
    expect![[r#"
        notifier connect 1.2.3.4:8443 x1
        notifier connect 9.9.9.9:5353 x1
    "#]]
    .assert_eq(&nowhere.concat());
    expect![[r#"
        tcp 140.82.121.3:443: allowed
        tcp [2606:4700::1111]:80: allowed
        tcp 127.0.0.1:3128: allowed
        tcp 10.1.2.3:22: allowed
        tcp 169.254.169.254:80: allowed
        tcp 1.2.3.4:8443: ECONNREFUSED
        udp 8.8.8.8:53: allowed
        udp [2001:4860:4860::8888]:443: allowed
        udp 9.9.9.9:5353: ECONNREFUSED
        socket unix: EPERM
        socket netlink: EPERM
        socket packet: EPERM
        socket vsock: EPERM
        socket alg: EPERM
        socket raw: EPERM
        socket ping: EPERM
        socket of the project: EPERM
        listen: EPERM
        take a port of an end: EPERM
        names: nameserver 127.0.0.1
        Code(0)
    "#]]
    .assert_eq(&format!("{text}{:?}\n", ended.outcome));
    listener.set_nonblocking(true).expect("mode");
    assert!(listener.accept().is_err(), "the socket in the project was never reached");
}

/// Ends that are held keep the run's network, not its processes; none is left when they go.
pub fn ends_outlive_their_run_and_go(arena: &Arena) {
    let mut profile = arena.profile(&["forge"]);
    let network = Network { proxies: vec![3128], tcp: vec![443], udp: vec![] };
    profile.network = Some(network);
    let fighter = arena.start(profile).expect("launch");
    let ends = fighter.running.take_network();
    let (ended, _) = fighter.finish();
    assert_eq!(ended.outcome, Outcome::Code(137));
    let places: Vec<Place> = ends.iter().map(|end| end.place).collect();
    assert_eq!(places[0], Place { kind: EndKind::Proxy, port: 3128, is_v6: false });
    assert_eq!(places[1], Place { kind: EndKind::Tcp, port: 443, is_v6: false });
    assert!(ends.into_iter().all(|end| accepted(&TcpListener::from(end.socket)).is_none()));
}
