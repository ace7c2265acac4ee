//! The loopback interface of a network namespace, its routes, and sockets that listen there.

use super::{check, retry};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

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
    if address.is_ipv6() {
        // The sixth version lets a socket answer only from an address that an interface has, unless
        // it may be any; the fourth asks the routes, in which every address is local.
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND)?;
    }
    Ok(socket)
}

/// A datagram that was received: how long it is, who sent it, and the address it was sent to.
pub type Asked = (usize, SocketAddr, IpAddr);

/// Control data of one address, in aligned words: a header of two and at most twenty bytes.
const ADDRESS_WORDS: usize = 5;

/// Receives a datagram at a socket of [`bind_udp`], with the address it was sent to. What doesn't
/// fit into the buffer is lost.
///
/// # Errors
/// When there is none (`WouldBlock`), or the socket is none that tells the address.
pub fn recv_from_asked(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Asked> {
    let mut control = [0_u64; ADDRESS_WORDS];
    // SAFETY: `sockaddr_storage` is a plain structure, for which all-zero is valid.
    let mut from: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `msghdr` is a plain structure, for which all-zero is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = (&raw mut from).cast();
    message.msg_namelen = size_of_val(&from) as libc::socklen_t;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    let length = retry(|| {
        // SAFETY: every pointer in the message refers to a live, writable local of stated size.
        check(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) } as libc::c_long)
    })?;
    let (Some(from), Some(asked)) = (sender(&from), asked(&message)) else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a datagram without its addresses"));
    };
    Ok((length as usize, from, asked))
}

fn sender(from: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(from.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says which structure it is, and the storage holds and aligns each.
            let from = unsafe { &*(&raw const *from).cast::<libc::sockaddr_in>() };
            let address = Ipv4Addr::from(from.sin_addr.s_addr.to_ne_bytes());
            Some((address, u16::from_be(from.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let from = unsafe { &*(&raw const *from).cast::<libc::sockaddr_in6>() };
            let address = Ipv6Addr::from(from.sin6_addr.s6_addr);
            Some((address, u16::from_be(from.sin6_port)).into())
        }
        _ => None,
    }
}

fn asked(message: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: looks at the control data the kernel just wrote into the message's own buffer; the
    // level and the type say which structure is there.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        if header.is_null() {
            return None;
        }
        let data = libc::CMSG_DATA(header);
        match ((*header).cmsg_level, (*header).cmsg_type) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                Some(IpAddr::V4(info.ipi_addr.s_addr.to_ne_bytes().into()))
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                Some(IpAddr::V6(info.ipi6_addr.s6_addr.into()))
            }
            _ => None,
        }
    }
}

/// Sends a datagram that comes from the address `own`, as an answer has to.
///
/// # Errors
/// When the kernel doesn't take it, or the two addresses are of different families.
pub fn send_as(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    to: SocketAddr,
    own: IpAddr,
) -> io::Result<()> {
    match (to, own) {
        (SocketAddr::V4(to), IpAddr::V4(own)) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(own.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            let kind = (libc::IPPROTO_IP, libc::IP_PKTINFO);
            send_with(socket, bytes, v4(*to.ip(), to.port()), kind, info)
        }
        (SocketAddr::V6(to), IpAddr::V6(own)) => {
            let ipi6_addr = libc::in6_addr { s6_addr: own.octets() };
            let info = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: 0 };
            let kind = (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
            send_with(socket, bytes, v6(*to.ip(), to.port()), kind, info)
        }
        _ => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    }
}

/// Sends with one piece of control data, of the level and type `kind`.
fn send_with<A, I>(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    mut to: A,
    kind: (i32, i32),
    info: I,
) -> io::Result<()> {
    let mut control = [0_u64; ADDRESS_WORDS];
    let size = size_of::<I>() as u32;
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: `msghdr` is a plain structure, for which all-zero is valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = (&raw mut to).cast();
    message.msg_namelen = size_of::<A>() as libc::socklen_t;
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: arithmetic on a length.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as _;
    assert!(message.msg_controllen as usize <= size_of_val(&control), "one address fits");
    // SAFETY: the control buffer is aligned and, as was just seen, holds a header and the data.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = kind.0;
        (*header).cmsg_type = kind.1;
        (*header).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(header).cast::<I>().write_unaligned(info);
    }
    retry(|| {
        // SAFETY: every pointer in the message refers to a live local of stated size.
        check(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) }
            as libc::c_long)
    })?;
    Ok(())
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
    #[allow(clippy::disallowed_types, reason = "asks for the port, and sends nothing")]
    fn a_datagram_tells_where_it_was_sent_and_the_answer_comes_from_there() {
        use std::os::fd::AsFd;
        let any = bind_udp(Ipv4Addr::UNSPECIFIED.into(), 0).expect("a socket");
        let port = std::net::UdpSocket::from(any.try_clone().expect("a copy"));
        let port = port.local_addr().expect("an address").port();
        let peer = bind_udp(Ipv4Addr::LOCALHOST.into(), 0).expect("a socket");
        let (first, second) = (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(127, 4, 5, 6));
        let mut bytes = [0; 8];
        assert!(recv_from_asked(any.as_fd(), &mut bytes).is_err(), "nothing is there");
        send_as(peer.as_fd(), b"ask", (second, port).into(), first).expect("sent");
        let (length, from, asked) = recv_from_asked(any.as_fd(), &mut bytes).expect("received");
        assert_eq!((&bytes[..length], asked), (b"ask".as_slice(), IpAddr::V4(second)));
        send_as(any.as_fd(), b"answer", from, asked).expect("answered");
        let (length, from, _) = recv_from_asked(peer.as_fd(), &mut bytes).expect("an answer");
        assert_eq!((&bytes[..length], from), (b"answer".as_slice(), (second, port).into()));
        assert!(send_as(any.as_fd(), b"x", from, Ipv6Addr::LOCALHOST.into()).is_err());
    }

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
