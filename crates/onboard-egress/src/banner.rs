//! Which protocol somebody speaks, by its first bytes or by its port.

/// Longest beginning by which a protocol is known.
pub const LONGEST: usize = 16;

/// First bytes that a client of a protocol sends.
const BANNERS: [(&[u8], &str); 19] = [
    (b"SSH-", "ssh"),
    (b"EHLO ", "smtp"),
    (b"HELO ", "smtp"),
    (b"USER ", "ftp"),
    (b"AUTH TLS", "ftp"),
    (b"PRI * HTTP/2", "http"),
    (b"GET ", "http"),
    (b"HEAD ", "http"),
    (b"POST ", "http"),
    (b"PUT ", "http"),
    (b"PATCH ", "http"),
    (b"DELETE ", "http"),
    (b"OPTIONS ", "http"),
    (b"TRACE ", "http"),
    (b"CONNECT ", "http"),
    (b"\x16\x03", "tls"),
    (b"\x05\x01", "socks"),
    (b"\x13BitTorrent", "bittorrent"),
    (b"\xff\xfb", "telnet"),
];

/// Ports that belong to a protocol.
const PORTS: [(u16, &str); 16] = [
    (21, "ftp"),
    (22, "ssh"),
    (23, "telnet"),
    (25, "smtp"),
    (53, "dns"),
    (80, "http"),
    (110, "pop3"),
    (143, "imap"),
    (443, "https"),
    (465, "smtp"),
    (587, "smtp"),
    (853, "dns"),
    (990, "ftp"),
    (993, "imap"),
    (995, "pop3"),
    (9418, "git"),
];

/// The protocol that these bytes begin, if it is a known one.
pub fn spoken(first: &[u8]) -> Option<&'static str> {
    let is_git = first.len() > 8 && first[..4].iter().all(u8::is_ascii_hexdigit);
    if is_git && first[4..].starts_with(b"git-") {
        return Some("git");
    }
    BANNERS.iter().find(|(banner, _)| first.starts_with(banner)).map(|(_, name)| *name)
}

/// The protocol that lives at a port.
pub fn at_port(port: u16) -> Option<&'static str> {
    PORTS.iter().find(|(number, _)| *number == port).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_known_by_their_first_words() {
        let cases: [(&[u8], Option<&str>); 6] = [
            (b"SSH-2.0-OpenSSH_9.7\r\n", Some("ssh")),
            (b"0033git-upload-pack /x\0", Some("git")),
            (b"GET / HTTP/1.1\r\n", Some("http")),
            (b"EHLO me\r\n", Some("smtp")),
            (b"", None),
            (b"\0\0\0\0", None),
        ];
        for (bytes, name) in cases {
            assert_eq!(spoken(bytes), name, "{bytes:?}");
        }
        assert_eq!(at_port(22), Some("ssh"));
        assert_eq!(at_port(4), None);
    }
}
