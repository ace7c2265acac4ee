//! A question is read as it was asked, its answer is bounded, names only what was asked, and holds
//! an address only where the name is allowed.

use crate::names::{LONGEST, answer, question};
use std::net::Ipv4Addr;

/// Where an allowed name is said to be.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 7);

/// The answer's part for one address.
const RECORD: usize = 16;

/// See the module.
pub fn check(bytes: &[u8]) {
    let Some(asked) = question(bytes) else { return };
    assert!(bytes.len() <= LONGEST);
    // Two more than a name may have: who reads it as a host refuses those.
    assert!(asked.name.len() <= 255);
    let labels = encoded(&asked.name);
    assert!(bytes[12..].starts_with(&labels), "the name is the one that was asked");
    let section = &bytes[12..12 + labels.len() + 4];
    for is_allowed in [true, false] {
        let made = answer(&asked, is_allowed.then_some(ADDRESS));
        assert!(made.len() <= LONGEST + RECORD);
        assert_eq!(made[..2], bytes[..2], "its number");
        assert!(made[2] & 0x80 != 0, "an answer, no question");
        assert_eq!(question(&made), None, "never taken for a question");
        assert!(made[12..].starts_with(section), "the question is repeated");
        let rest = &made[12 + section.len()..];
        let asks_address = section[labels.len()..] == [0, 1, 0, 1];
        assert_eq!(rest.len(), if is_allowed && asks_address { RECORD } else { 0 });
        assert_eq!(rest.is_empty(), !rest.ends_with(&ADDRESS.octets()));
        assert_eq!(made[3] & 0x0f, if is_allowed { 0 } else { 3 }, "no such name");
    }
}

/// A name with dots as labels with their lengths. The root has none.
fn encoded(name: &[u8]) -> Vec<u8> {
    let mut labels = Vec::new();
    for label in name.split(|b| *b == b'.').filter(|label| !label.is_empty()) {
        labels.push(u8::try_from(label.len()).expect("a short label"));
        labels.extend_from_slice(label);
    }
    labels.push(0);
    labels
}
