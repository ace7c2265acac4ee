//! Which addresses are of the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges of IPv4 that are not the public internet's, with their prefix lengths; the last one is
/// a cloud's metadata service at an address that looks public.
const SPECIAL_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
    ([168, 63, 129, 16], 32),
];

/// Ranges inside `2000::/3` that are not: Teredo and its neighbours, documentation, 6to4. All that
/// lies outside it isn't either, IPv4 in IPv6 and NAT64 among it.
const SPECIAL_V6: [([u16; 2], u32); 4] =
    [([0x2001, 0], 23), ([0x2001, 0xdb8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// Whether an agent's connection may go there: somebody's public address, and not this machine,
/// its networks, or a way around that.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !SPECIAL_V4.iter().any(|(net, length)| same(v4, Ipv4Addr::from(*net), *length))
        }
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn same(a: Ipv4Addr, b: Ipv4Addr, length: u32) -> bool {
    (a.to_bits() ^ b.to_bits()).leading_zeros() >= length
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let high = (v6.to_bits() >> 96) as u32;
    let inside = |([a, b], length): &([u16; 2], u32)| {
        let net = (u32::from(*a) << 16) | u32::from(*b);
        (high ^ net).leading_zeros() >= *length
    };
    inside(&([0x2000, 0], 3)) && !SPECIAL_V6.iter().any(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        let public = [
            "1.1.1.1",
            "140.82.121.3",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2001:4860:4860::8888",
        ];
        let special = "0.0.0.0 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1 \
            169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.168.1.1 198.19.0.1 \
            224.0.0.1 240.0.0.1 255.255.255.255 168.63.129.16 :: ::1 ::ffff:1.1.1.1 ::1.1.1.1 \
            64:ff9b::1.1.1.1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 fc00::1 \
            fd00:ec2::254 fe80::1 fec0::1 ff02::1";
        for text in public {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
        for text in special.split_whitespace() {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
    }
}
