//! Bytes of an adversary: no parser panics, and a cut message is never taken for a whole one.

use onboard_egress::{banner, clienthello, dns, host, http1};
use std::net::Ipv4Addr;

/// Numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("small")
    }
}

/// A `ClientHello` for `a.example`.
fn hello() -> Vec<u8> {
    let mut message = vec![22, 3, 1, 0, 63, 1, 0, 0, 59, 3, 3];
    message.extend([7; 32]);
    message.extend([0, 0, 2, 0x13, 1, 1, 0, 0, 16, 0, 0, 0, 12, 0, 10, 0, 0, 7]);
    message.extend(b"a.b.com");
    // The lengths above are of what is here.
    let body = message.len() - 9;
    message[4] = u8::try_from(body + 4).expect("short");
    message[8] = u8::try_from(body).expect("short");
    let at = 9 + 2 + 32 + 1 + 4 + 2;
    message[at + 1] = u8::try_from(message.len() - at - 2).expect("short");
    message
}

#[test]
fn every_cut_of_a_hello_asks_for_more() {
    let whole = hello();
    let clienthello::Look::Hello(found) = clienthello::look(&whole) else { panic!("{whole:?}") };
    assert_eq!(found.name.as_deref(), Some(b"a.b.com".as_slice()));
    for length in 0..whole.len() {
        assert_eq!(clienthello::look(&whole[..length]), clienthello::Look::More, "{length}");
    }
    // The same message in frames of one byte each.
    let framed: Vec<u8> = whole[5..].iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect();
    assert_eq!(clienthello::look(&framed), clienthello::Look::Hello(found));
}

#[test]
fn changed_bytes_never_panic() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let seeds: [Vec<u8>; 4] = [
        hello(),
        b"\x01\x02\x01\0\0\x01\0\0\0\0\0\0\x06github\x03com\0\0\x01\0\x01".to_vec(),
        b"POST http://a.example:80/x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc"
            .to_vec(),
        b"user@xn--a.example.:443".to_vec(),
    ];
    let mut answered = 0;
    for _ in 0..40_000 {
        let mut bytes = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..=numbers.below(4) {
            let at = numbers.below(bytes.len());
            bytes[at] = numbers.next().to_le_bytes()[0];
        }
        bytes.truncate(numbers.below(bytes.len() + 1));
        let _ = clienthello::look(&bytes);
        let _ = banner::spoken(&bytes);
        let _ = http1::look(&bytes, numbers.next() & 1 == 0);
        if let Ok((host, _)) = host::authority(&bytes, Some(443)) {
            assert_eq!(host::Host::parse(host.as_str().as_bytes()), Ok(host));
        }
        if let Some(question) = dns::question(&bytes) {
            answered += 1;
            assert!(dns::answer(&question, Some(Ipv4Addr::LOCALHOST)).len() <= dns::LONGEST + 16);
        }
    }
    assert!(answered > 100, "{answered}");
}
