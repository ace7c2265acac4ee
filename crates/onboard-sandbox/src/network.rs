//! The ends of a run's network: sockets inside its namespace that its caller holds.
//!
//! The namespace has a loopback interface and nothing else, and every address there is is its own.
//! So whatever a program of the run connects to, by whatever name or number, arrives at one of
//! these sockets, with the address that was meant as the socket's own (`getsockname`); where none
//! listens, the kernel refuses the connection. Nothing leaves the namespace by itself: what the
//! holder of the ends doesn't pass on stays here.

use crate::profile::ProfileError;
use crate::sys::network;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

/// The port of the proxy that programs are told of.
pub const PROXY_PORT: u16 = 3128;

/// Ends of one run. The standard ones are 31 sockets; each is a descriptor of the caller.
const MAX_ENDS: usize = 64;

/// Ports whose protocols an agent has no business with; a connection is worth a record. In order:
/// FTP, SSH, telnet, mail (SMTP, POP3, IMAP and their encrypted twins), DNS over TLS, Git's own
/// protocol.
const TRIPWIRES: [u16; 10] = [21, 22, 23, 25, 465, 587, 853, 990, 993, 9418];

/// What a run's network is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// TCP ports at the loopback address alone: a proxy that programs are told of.
    pub proxies: Vec<u16>,
    /// TCP ports at every address there is, in both families.
    pub tcp: Vec<u16>,
    /// UDP ports at every address there is, in both families.
    pub udp: Vec<u16>,
}

impl Default for Network {
    /// The proxy, web, names, and what nobody should connect to.
    fn default() -> Self {
        let tcp = [80, 443, 53].into_iter().chain(TRIPWIRES).collect();
        Self { proxies: vec![PROXY_PORT], tcp, udp: vec![53, 443] }
    }
}

/// What kind of end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndKind {
    /// Listens at the loopback address.
    Proxy,
    /// Listens at every address.
    Tcp,
    /// Gets datagrams for every address, and tells for which (`IP_PKTINFO`).
    Udp,
}

/// Where one end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub kind: EndKind,
    pub port: u16,
    pub is_v6: bool,
}

/// One end: a non-blocking socket inside the run's network.
#[derive(Debug)]
pub struct End {
    pub place: Place,
    pub socket: OwnedFd,
}

impl Network {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let ports = || self.proxies.iter().chain(&self.tcp).chain(&self.udp);
        if let Some(port) = ports().find(|port| **port == 0) {
            return Err(ProfileError::Limit("network port", u64::from(*port)));
        }
        let both = self.tcp.len() + self.udp.len();
        if self.proxies.len() + 2 * both > MAX_ENDS {
            return Err(ProfileError::TooMuch("network ends"));
        }
        Ok(())
    }

    /// Every end, in the order in which they travel.
    pub(crate) fn places(&self, has_v6: bool) -> Vec<Place> {
        let place = |kind| move |port: &u16| Place { kind, port: *port, is_v6: false };
        let any = self.tcp.iter().map(place(EndKind::Tcp));
        let any: Vec<Place> = any.chain(self.udp.iter().map(place(EndKind::Udp))).collect();
        let proxies = self.proxies.iter().map(place(EndKind::Proxy));
        let v6 = any.iter().filter(|_| has_v6).map(|p| Place { is_v6: true, ..*p });
        proxies.chain(any.iter().copied()).chain(v6).collect()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            EndKind::Proxy => "proxy",
            EndKind::Tcp => "tcp",
            EndKind::Udp => "udp",
        };
        write!(f, "{kind} {}{}", self.port, if self.is_v6 { " of IPv6" } else { "" })
    }
}

impl Place {
    /// Makes the socket, in the namespace of this process.
    pub(crate) fn open(self) -> io::Result<OwnedFd> {
        let address = match (self.kind, self.is_v6) {
            (EndKind::Proxy, _) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            (_, false) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            (_, true) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        match self.kind {
            EndKind::Proxy | EndKind::Tcp => network::listen_tcp(address, self.port),
            EndKind::Udp => network::bind_udp(address, self.port),
        }
    }
}

/// Gives this process's network namespace its loopback interface and every address.
pub(crate) fn bring_up(has_v6: bool) -> io::Result<()> {
    network::bring_up_loopback()?;
    network::own_every_address(false)?;
    match has_v6.then(|| network::own_every_address(true)) {
        // Switched off for new namespaces: then nothing can be connected to by it either.
        Some(Err(e)) if matches!(e.raw_os_error(), Some(libc::EACCES | libc::EOPNOTSUPP)) => Ok(()),
        other => other.unwrap_or(Ok(())),
    }
}
