//! The loopback interface of a network namespace, its routes, and sockets that listen there.

use super::check;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The loopback interface is the first of every namespace.
const LOOPBACK: u32 = 1;

/// Connections that may wait to be accepted at one socket: what a burst of an agent's threads can
/// be, and little memory of the kernel.
const BACKLOG: i32 = 128;

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    // SAFETY: integers only.
    let fd = check(libc::c_long::from(unsafe {
        libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol)
    }))?;
    // SAFETY: the kernel just returned this descriptor and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Switches the loopback interface of this namespace on; with it come its own two addresses.
pub fn bring_up_loopback() -> io::Result<()> {
    let any = socket(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    // SAFETY: `ifreq` is a plain structure, for which all-zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the request is live and names the interface by a NUL-terminated text.
    check(libc::c_long::from(unsafe {
        libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    }))?;
    Ok(())
}

/// Makes every address of a family an address of this namespace itself: whatever is connected to
/// arrives here, with the address that was meant as the local one.
pub fn own_every_address(is_v6: bool) -> io::Result<()> {
    let netlink = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    let request = route_request(is_v6);
    // SAFETY: the request is live and its length is given; the kernel is the only peer.
    check(unsafe {
        libc::send(netlink.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) as libc::c_long
    })?;
    let mut answer = [0_u8; 256];
    // SAFETY: the buffer is live, writable and of the stated length.
    let length = check(unsafe {
        libc::recv(netlink.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0) as libc::c_long
    })?;
    acknowledged(&answer[..length as usize])
}

const HEADER: usize = 16;

/// `RTM_NEWROUTE` for `local default dev lo` in the table of local addresses.
fn route_request(is_v6: bool) -> Vec<u8> {
    let family = if is_v6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE;
    let mut bytes = Vec::with_capacity(HEADER + 20);
    // Header: length (filled in below), kind, flags, sequence, sender.
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(libc::RTM_NEWROUTE.to_ne_bytes());
    bytes.extend((flags as u16).to_ne_bytes());
    bytes.extend([0; 8]);
    // Route: family, prefix lengths, service, table, protocol, scope, kind, flags.
    bytes.extend([family, 0, 0, 0, libc::RT_TABLE_LOCAL, libc::RTPROT_BOOT]);
    bytes.extend([libc::RT_SCOPE_HOST, libc::RTN_LOCAL]);
    bytes.extend(0_u32.to_ne_bytes());
    // Attribute: the interface.
    bytes.extend(8_u16.to_ne_bytes());
    bytes.extend(libc::RTA_OIF.to_ne_bytes());
    bytes.extend(LOOPBACK.to_ne_bytes());
    let length = (bytes.len() as u32).to_ne_bytes();
    bytes[..4].copy_from_slice(&length);
    bytes
}

/// Reads the kernel's acknowledgement: an error message whose number is zero.
fn acknowledged(answer: &[u8]) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let kind = answer.get(4..6).ok_or_else(invalid)?;
    let number = answer.get(HEADER..HEADER + 4).ok_or_else(invalid)?;
    if kind != (libc::NLMSG_ERROR as u16).to_ne_bytes() {
        return Err(invalid());
    }
    match i32::from_ne_bytes(number.try_into().map_err(|_| invalid())?) {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(-number)),
    }
}

/// A TCP socket that listens at `address`; non-blocking.
pub fn listen_tcp(address: IpAddr, port: u16) -> io::Result<OwnedFd> {
    let socket = bound(address, port, libc::SOCK_STREAM)?;
    // SAFETY: integers only.
    check(libc::c_long::from(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) }))?;
    Ok(socket)
}

/// A UDP socket at `address`, non-blocking, that tells with each datagram the address it was sent
/// to, so that the answer can come from there.
pub fn bind_udp(address: IpAddr, port: u16) -> io::Result<OwnedFd> {
    let socket = bound(address, port, libc::SOCK_DGRAM)?;
    let (level, option) = match address {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    set_option(&socket, level, option)?;
    Ok(socket)
}

fn bound(address: IpAddr, port: u16, kind: i32) -> io::Result<OwnedFd> {
    let kind = kind | libc::SOCK_NONBLOCK;
    match address {
        IpAddr::V4(address) => {
            let socket = socket(libc::AF_INET, kind, 0)?;
            bind(&socket, &v4(address, port))?;
            Ok(socket)
        }
        IpAddr::V6(address) => {
            let socket = socket(libc::AF_INET6, kind, 0)?;
            // The other family has a socket of its own.
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
            bind(&socket, &v6(address, port))?;
            Ok(socket)
        }
    }
}

fn v4(address: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
        sin_zero: [0; 8],
    }
}

fn v6(address: Ipv6Addr, port: u16) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: port.to_be(),
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: address.octets() },
        sin6_scope_id: 0,
    }
}

fn bind<A>(socket: &OwnedFd, address: &A) -> io::Result<()> {
    // SAFETY: the address is one of the two structures above, live, and its size is given.
    check(libc::c_long::from(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const *address).cast(),
            size_of::<A>() as libc::socklen_t,
        )
    }))?;
    Ok(())
}

fn set_option(socket: &OwnedFd, level: i32, option: i32) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the value is live and its size is given.
    check(libc::c_long::from(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    }))?;
    Ok(())
}

/// Whether this kernel has IPv6 at all.
pub fn has_v6() -> bool {
    socket(libc::AF_INET6, libc::SOCK_DGRAM, 0).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_acknowledgement_or_an_error() {
        let answer = |number: i32| {
            let mut bytes = vec![0; HEADER];
            bytes[4..6].copy_from_slice(&(libc::NLMSG_ERROR as u16).to_ne_bytes());
            bytes.extend(number.to_ne_bytes());
            bytes
        };
        let errno = |bytes: &[u8]| acknowledged(bytes).err().map(|e| e.raw_os_error());
        assert_eq!(errno(&answer(0)), None);
        assert_eq!(errno(&answer(-libc::EPERM)), Some(Some(libc::EPERM)));
        assert_eq!(errno(&[0; HEADER]), Some(None));
        assert_eq!(errno(&[0; 40]), Some(None));
    }
}
