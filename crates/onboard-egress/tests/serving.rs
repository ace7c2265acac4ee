//! Connections of an agent over real sockets: what passes, what is refused, and what is reported.

use expect_test::{Expect, expect};
use onboard_domain::violation::Violation;
use onboard_egress::host::Host;
use onboard_egress::{Datagrams, Egress, End, Limits, Meter, Outside, Role, Rules, Service};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Names of a world whose every public address is one server of this test.
struct World {
    server: SocketAddr,
    lookups: AtomicU64,
    dialled: Mutex<Vec<SocketAddr>>,
    /// Bytes that the server heard.
    heard: Arc<AtomicU64>,
}

/// Where nobody listens.
const GONE: Ipv4Addr = Ipv4Addr::new(140, 82, 121, 4);

impl Outside for World {
    fn resolve(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        let before = self.lookups.fetch_add(1, Ordering::SeqCst);
        let address = match host.as_str() {
            "private.example" => "169.254.169.254",
            "gone.example" => "140.82.121.4",
            "rebinding.example" if before > 0 => "127.0.0.1",
            _ => "140.82.121.3",
        };
        Ok(vec![SocketAddr::new(address.parse().expect("an address"), port)])
    }

    fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().expect("no panic").push(address);
        match address.ip() == GONE {
            true => Err(io::ErrorKind::ConnectionRefused.into()),
            false => TcpStream::connect(self.server),
        }
    }
}

/// A run's network on ordinary sockets.
struct Net {
    egress: Option<Egress>,
    proxy: SocketAddr,
    tls: SocketAddr,
    http: SocketAddr,
    names: SocketAddr,
    names_stream: SocketAddr,
    ssh: SocketAddr,
    seen: Arc<Mutex<Vec<Violation>>>,
    world: Arc<World>,
}

fn end(role: Role, ends: &mut Vec<End>) -> SocketAddr {
    if role == Role::Names {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        let address = socket.local_addr().expect("an address");
        ends.push(End { role, socket: socket.into() });
        return address;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    listener.set_nonblocking(true).expect("non-blocking");
    let address = listener.local_addr().expect("an address");
    ends.push(End { role, socket: listener.into() });
    address
}

/// A server that says back what it hears, after `hello`, and ends when its peer does.
fn echo(heard: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let heard = Arc::clone(&heard);
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                let mut to = stream.try_clone().expect("a copy");
                let mut from = stream;
                while let Ok(length @ 1..) = from.read(&mut bytes) {
                    heard.fetch_add(length as u64, Ordering::SeqCst);
                    if bytes[..length].starts_with(b"GET ") {
                        let _ = to.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n");
                        break;
                    }
                    let _ = to.write_all(&bytes[..length]);
                    // As a server does that was told to close: it doesn't wait for its peer.
                    if bytes[..length].ends_with(b"hi") {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

/// The socket once more; it has one address only.
fn copy(socket: BorrowedFd<'_>) -> UdpSocket {
    UdpSocket::from(socket.try_clone_to_owned().expect("a copy"))
}

impl Net {
    fn new(allowed: &[&str], requests_per_min: u32) -> Net {
        Net::with(allowed, requests_per_min, true)
    }

    fn with(allowed: &[&str], requests_per_min: u32, deny_ech: bool) -> Net {
        let mut ends = Vec::new();
        let mut at = |role| end(role, &mut ends);
        let (proxy, tls, http) = (at(Role::Proxy), at(Role::Tls), at(Role::Http));
        let (names, names_stream) = (at(Role::Names), at(Role::NamesStream));
        let ssh = at(Role::Tripwire { port: 22 });
        let heard = Arc::new(AtomicU64::new(0));
        let (lookups, dialled) = (AtomicU64::new(0), Mutex::default());
        let world = World { server: echo(Arc::clone(&heard)), lookups, dialled, heard };
        let (world, seen) = (Arc::new(world), Arc::new(Mutex::new(Vec::new())));
        let reported = Arc::clone(&seen);
        let clock = AtomicU64::new(0);
        let service = Service {
            rules: Rules {
                allowed: allowed.iter().map(ToString::to_string).collect(),
                forbidden_protocols: ["ssh".to_string()].into(),
                deny_ech,
                requests_per_min,
            },
            meter: Arc::new(Mutex::new(Meter::new(requests_per_min, 0))),
            outside: world.clone(),
            broker: None,
            limits: Limits::default(),
            datagrams: Datagrams {
                receive: |socket, bytes| {
                    let (length, from) = copy(socket).recv_from(bytes)?;
                    Ok((length, from, from.ip()))
                },
                answer: |socket, bytes, to, _| copy(socket).send_to(bytes, to).map(drop),
            },
            // Each look at the clock is a little later: what trickles comes to its deadline.
            now_ms: Arc::new(move || clock.fetch_add(20, Ordering::SeqCst)),
            report: Arc::new(move |violation| reported.lock().expect("no panic").push(violation)),
        };
        let egress = Some(Egress::serve(ends, service).expect("served"));
        Net { egress, proxy, tls, http, names, names_stream, ssh, seen, world }
    }

    /// Ends it, and says what was reported.
    fn seen(mut self) -> String {
        drop(self.egress.take());
        let seen = self.seen.lock().expect("no panic");
        let line = |v: &Violation| {
            let why = v.resolved.as_deref().unwrap_or_default();
            format!("! {} {}: {} ({why})\n", v.rule, v.what, v.target)
        };
        let lines: String = seen.iter().map(line).collect();
        let ports = [self.tls, self.http, self.ssh, self.proxy];
        ports.iter().fold(lines, |text, port| text.replace(&port.to_string(), "ADDRESS"))
    }
}

/// What comes back for some bytes, with or without an end behind them.
fn say(to: SocketAddr, words: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(to).expect("connected");
    let mut heard = Vec::new();
    for (number, word) in words.iter().enumerate() {
        // Who was refused doesn't read on.
        let _ = stream.write_all(word);
        if number + 1 < words.len() {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).unwrap_or(0);
            heard.extend_from_slice(&piece[..length]);
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut heard);
    let text = String::from_utf8_lossy(&heard).replace('\r', "");
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// A `ClientHello` with these extensions.
fn hello(name: Option<&str>, is_encrypted: bool) -> Vec<u8> {
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let length = name.len() as u8;
        extensions.extend([0, 0, 0, length + 5, 0, length + 3, 0, 0, length]);
        extensions.extend(name.as_bytes());
    }
    if is_encrypted {
        extensions.extend([0xfe, 0x0d, 0, 1, 0]);
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0, 0, extensions.len() as u8]);
    body.extend(extensions);
    let mut message = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    message.extend(body);
    message
}

fn check(net: Net, heard: &[String], expect: Expect) {
    let mut text = String::new();
    for line in heard {
        text.push_str(line.lines().next().unwrap_or("(nothing)"));
        text.push('\n');
    }
    expect.assert_eq(&(text + &net.seen()));
}

const CONNECT: &[u8] = b"CONNECT github.com:443 HTTP/1.1\r\n\r\n";

#[test]
fn an_allowed_host_is_reached_with_and_without_a_proxy() {
    let net = Net::new(&["github.com"], 50);
    let first = hello(Some("github.com"), false);
    let tunnel = say(net.proxy, &[CONNECT, &first]);
    assert!(tunnel.starts_with("HTTP/1.1 200 ") && tunnel.contains("github.com"), "{tunnel}");
    let direct = say(net.tls, &[&first]);
    assert!(direct.contains("github.com"), "{direct}");
    // A side that ends its own way still hears the other.
    let long = [&first[..], &[b'x'; 100_000]].concat();
    let all = say(net.tls, &[&long]);
    assert_eq!(all.bytes().filter(|b| *b == b'x').count(), 100_000);
    assert_eq!(
        *net.world.dialled.lock().expect("no panic"),
        ["140.82.121.3:443".parse().unwrap(); 3]
    );
    assert!(net.egress.as_ref().expect("served").bytes() > 200_000);
    assert_eq!(net.seen(), "");
}

#[test]
fn other_hosts_ports_and_addresses_are_refused() {
    let net = Net::new(&["github.com"], 50);
    let connect = |to: &str| say(net.proxy, &[format!("CONNECT {to} HTTP/1.1\r\n\r\n").as_bytes()]);
    let heard = [
        connect("evil.example:443"),
        connect("api.github.com:443"),
        connect("github.com:9999"),
        connect("github.com:22"),
        connect("127.0.0.1:443"),
        connect("[::1]:443"),
        say(net.tls, &[&hello(Some("evil.example"), false)]),
        say(net.http, &[b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"]),
        say(net.ssh, &[b"SSH-2.0-x\r\n"]),
    ];
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 403 Refused
        HTTP/1.1 403 Refused
        HTTP/1.1 403 Refused
        HTTP/1.1 403 Refused
        HTTP/1.1 403 Refused
        HTTP/1.1 403 Refused
        (nothing)
        HTTP/1.1 403 Refused
        (nothing)
        ! forbidden_host connect: evil.example:443 (evil.example is not in allowed_domains)
        ! forbidden_host connect: api.github.com:443 (api.github.com is not in allowed_domains)
        ! forbidden_port connect: github.com:9999 (port 9999: only 443 (TLS) and 80 (HTTP) can be reached)
        ! forbidden_protocol connect: github.com:22 (ssh is in forbidden_protocols)
        ! forbidden_host connect: 127.0.0.1:443 (an address is no name, and only names can be allowed)
        ! forbidden_host connect: [::1]:443 (an address is no name, and only names can be allowed)
        ! forbidden_host connect tls: evil.example at ADDRESS (evil.example is not in allowed_domains)
        ! forbidden_host request http: evil.example:80 (evil.example is not in allowed_domains)
        ! forbidden_protocol connect tcp: ADDRESS (ssh was spoken, and is in forbidden_protocols)
    "#]],
    );
}

#[test]
fn an_empty_list_allows_nothing() {
    let net = Net::new(&[], 50);
    let heard = [say(net.proxy, &[CONNECT])];
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 403 Refused
        ! forbidden_host connect: github.com:443 (github.com is not in allowed_domains)
    "#]],
    );
}

#[test]
fn what_is_inside_a_tunnel_is_what_it_was_asked_for() {
    let net = Net::new(&["github.com", "other.example"], 50);
    let heard = [
        say(net.proxy, &[CONNECT, &hello(Some("other.example"), false)]),
        say(net.proxy, &[CONNECT, &hello(None, false)]),
        say(net.proxy, &[CONNECT, &hello(Some("github.com"), true)]),
        say(net.proxy, &[CONNECT, b"SSH-2.0-OpenSSH_9.7\r\n"]),
        say(net.proxy, &[CONNECT, b"GET / HTTP/1.1\r\n\r\n"]),
        say(net.proxy, &[CONNECT, b"\0\0\0"]),
        say(net.proxy, &[CONNECT, b""]),
    ];
    assert_eq!(net.world.heard.load(Ordering::SeqCst), 0, "nobody outside heard of it");
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 200 Connection established
        HTTP/1.1 200 Connection established
        HTTP/1.1 200 Connection established
        HTTP/1.1 200 Connection established
        HTTP/1.1 200 Connection established
        HTTP/1.1 200 Connection established
        HTTP/1.1 200 Connection established
        ! sni_mismatch connect tls: other.example at github.com:443 (a tunnel to github.com was asked for, and TLS is for other.example)
        ! sni_mismatch connect tls: github.com:443 (a tunnel to github.com was asked for, and in TLS no host is named)
        ! sni_mismatch connect tls: github.com at github.com:443 (TLS for github.com has an encrypted ClientHello inside, which `deny_ech` refuses)
        ! forbidden_protocol connect tls: github.com:443 (ssh instead of TLS)
        ! forbidden_protocol connect tls: github.com:443 (http instead of TLS)
        ! forbidden_protocol connect tls: github.com:443 (something unknown instead of TLS)
    "#]],
    );
}

#[test]
fn a_hidden_host_passes_only_where_the_policy_says_so() {
    let hidden = hello(Some("github.com"), true);
    let lax = Net::with(&["github.com"], 50, false);
    assert!(say(lax.tls, &[&hidden]).contains("github.com"));
    assert_eq!(lax.seen(), "");
    let strict = Net::new(&["github.com"], 50);
    assert_eq!(say(strict.tls, &[&hidden]), "");
    assert!(strict.seen().contains("`deny_ech` refuses"));
}

#[test]
fn a_name_that_leads_inside_is_not_dialled() {
    let net = Net::new(&["private.example", "rebinding.example"], 50);
    let mut heard = vec![say(net.http, &[b"GET / HTTP/1.1\r\nHost: private.example\r\n\r\n"])];
    net.world.lookups.store(0, Ordering::SeqCst);
    let first = hello(Some("rebinding.example"), false);
    heard.push(say(net.tls, &[&first]));
    heard.push(say(net.tls, &[&first]));
    assert_eq!(*net.world.dialled.lock().expect("no panic"), ["140.82.121.3:443".parse().unwrap()]);
    heard[1] = "(passed)".into();
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 403 Refused
        (passed)
        (nothing)
        ! private_address connect tcp: private.example:80 at 169.254.169.254 (private.example leads to 169.254.169.254, which is not public)
        ! private_address connect tcp: rebinding.example:443 at 127.0.0.1 (rebinding.example leads to 127.0.0.1, which is not public)
    "#]],
    );
}

#[test]
fn a_tunnel_that_leads_nowhere_is_told_so_before_it_begins() {
    let net = Net::new(&["private.example", "gone.example"], 50);
    let connect =
        |name: &str| say(net.proxy, &[format!("CONNECT {name}:443 HTTP/1.1\r\n\r\n").as_bytes()]);
    let heard = [connect("private.example"), connect("gone.example")];
    assert!(heard[1].ends_with("ai_onboard: gone.example: connection refused\n"), "{}", heard[1]);
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 403 Refused
        HTTP/1.1 502 Refused
        ! private_address connect tcp: private.example:443 at 169.254.169.254 (private.example leads to 169.254.169.254, which is not public)
    "#]],
    );
}

#[test]
fn a_redirect_is_a_new_request_and_a_new_decision() {
    let net = Net::new(&["github.com"], 50);
    let heard = [
        say(net.proxy, &[b"GET http://github.com/ HTTP/1.1\r\nHost: github.com\r\n\r\n"]),
        say(net.proxy, &[b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n"]),
    ];
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 302 Found
        HTTP/1.1 403 Refused
        ! forbidden_host request http: evil.example:80 (evil.example is not in allowed_domains)
    "#]],
    );
}

#[test]
fn requests_of_a_minute_are_limited_and_one_report_says_so() {
    let net = Net::new(&["github.com"], 3);
    let mut heard: Vec<String> = (0..5).map(|_| say(net.proxy, &[CONNECT])).collect();
    assert!(heard[4].contains("Retry-After: "), "{}", heard[4]);
    heard.push(say(net.tls, &[&hello(Some("github.com"), false)]));
    let reports = |text: &str| text.matches("network_rate").count();
    let seen = net.seen();
    assert_eq!(reports(&seen), 1, "{seen}");
    let statuses: Vec<&str> = heard.iter().filter_map(|text| text.split(' ').nth(1)).collect();
    assert_eq!(statuses, ["200", "200", "200", "429", "429"]);
}

#[test]
fn a_second_request_of_a_connection_goes_nowhere() {
    let net = Net::new(&["github.com"], 50);
    let both = b"POST http://github.com/ HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiPOST http://evil.example/ HTTP/1.1\r\n\r\n";
    let heard = say(net.proxy, &[both]);
    assert!(heard.ends_with("\n\nhi"), "{heard}");
    assert_eq!(net.seen(), "");
}

#[test]
fn heads_that_trickle_or_never_end_are_ended() {
    let net = Net::new(&["github.com"], 50);
    let huge = [b"GET http://github.com/ HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 20_000]].concat();
    let mut heard = vec![say(net.proxy, &[&huge])];
    let mut slow = TcpStream::connect(net.proxy).expect("connected");
    slow.set_nodelay(true).expect("no delay");
    // Far more bytes than the time of a head allows, one look at the clock each.
    let mut answer = String::new();
    while slow.write_all(b"G").is_ok() && answer.is_empty() {
        slow.set_read_timeout(Some(std::time::Duration::from_millis(1))).expect("a timeout");
        let mut piece = [0; 512];
        if let Ok(length) = slow.read(&mut piece) {
            answer = String::from_utf8_lossy(&piece[..length]).into_owned();
            break;
        }
    }
    heard.push(answer.replace('\r', ""));
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 431 Refused
        HTTP/1.1 408 Refused
        ! forbidden_protocol speak http: ADDRESS (the head of the request is too long)
    "#]],
    );
}

fn question(name: &str, kind: u8) -> Vec<u8> {
    let mut message = vec![1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, kind, 0, 1]);
    message
}

#[test]
fn names_are_answered_here() {
    let net = Net::new(&["github.com"], 50);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let mut heard = Vec::new();
    for (name, kind) in
        [("github.com", 1), ("github.com", 28), ("GitHub.com", 16), ("c2VjcmV0.evil.example", 1)]
    {
        socket.send_to(&question(name, kind), net.names).expect("sent");
        let mut answer = [0; 600];
        let length = socket.recv(&mut answer).expect("an answer");
        heard.push(format!(
            "{name} {kind}: code {} {:?}",
            answer[3] & 15,
            &answer[length - 4..length]
        ));
    }
    let mut stream = TcpStream::connect(net.names_stream).expect("connected");
    let asked = question("evil.example", 255);
    stream.write_all(&[&[0, asked.len() as u8], &asked[..]].concat()).expect("sent");
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).expect("an answer");
    heard.push(format!("in a stream: code {}", answer[5] & 15));
    assert_eq!(net.world.lookups.load(Ordering::SeqCst), 0);
    check(
        net,
        &heard,
        expect![[r#"
        github.com 1: code 0 [198, 18, 0, 1]
        github.com 28: code 0 [0, 28, 0, 1]
        GitHub.com 16: code 0 [0, 16, 0, 1]
        c2VjcmV0.evil.example 1: code 3 [0, 1, 0, 1]
        in a stream: code 3
        ! forbidden_name look up: c2VjcmV0.evil.example (c2vjcmv0.evil.example is not in allowed_domains)
        ! forbidden_name look up: evil.example (evil.example is not in allowed_domains)
    "#]],
    );
}

#[test]
fn the_end_of_a_run_ends_its_connections() {
    let mut net = Net::new(&["github.com"], 50);
    let mut stream = TcpStream::connect(net.tls).expect("connected");
    stream.write_all(&hello(Some("github.com"), false)).expect("sent");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("the way is open");
    drop(net.egress.take());
    let mut rest = Vec::new();
    // Either is an end.
    let _ = stream.read_to_end(&mut rest);
    assert!(TcpStream::connect(net.tls).is_err());
}

#[test]
fn all_connections_of_a_run_are_served_at_once_and_one_more_is_not() {
    let net = Net::new(&["github.com"], 200);
    let first = hello(Some("github.com"), false);
    let tell = |stream: &mut TcpStream, word: &[u8]| {
        stream.write_all(word).expect("sent");
        let mut heard = vec![0; word.len()];
        stream.read_exact(&mut heard).expect("heard");
        assert_eq!(heard, word);
    };
    let open = |_| {
        let mut stream = TcpStream::connect(net.tls).expect("connected");
        tell(&mut stream, &first);
        stream
    };
    let mut all: Vec<TcpStream> = (0..Limits::default().connections).map(open).collect();
    assert_eq!(say(net.tls, &[&first]), "", "there is no place for it");
    for stream in &mut all {
        tell(stream, b"still here");
    }
    drop(all);
    let why = "more than 64 connections of a run at a time";
    assert!(net.seen().contains(why));
}
