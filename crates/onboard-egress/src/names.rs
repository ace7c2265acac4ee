//! Addresses of the names that a run may reach. Each has one of its own, so that a connection to a
//! bare address says which name was meant.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// The first address: of a range that no host has (RFC 2544), so that a connection arrives at the
/// listener. The range has room for far more names than a policy has.
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 1]);
/// How many addresses there are.
const ROOM: usize = 1 << 16;

/// Names in their order, which is that of their addresses.
#[derive(Clone, Debug, Default)]
pub struct Names(Vec<String>);

impl Names {
    /// The names, as far as there are addresses.
    pub fn of(names: &BTreeSet<String>) -> Names {
        Names(names.iter().take(ROOM).cloned().collect())
    }

    /// The address of a name.
    pub fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let at = self.0.binary_search_by(|known| known.as_str().cmp(name)).ok()?;
        Some(Ipv4Addr::from(FIRST + u32::try_from(at).ok()?))
    }

    /// Whose address this is.
    pub fn at(&self, address: IpAddr) -> Option<&str> {
        let IpAddr::V4(address) = address.to_canonical() else { return None };
        let at = address.to_bits().checked_sub(FIRST)?;
        self.0.get(usize::try_from(at).ok()?).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_an_address_and_every_address_its_name() {
        let all: BTreeSet<String> = (0..300).map(|n| format!("h{n}.example")).collect();
        let names = Names::of(&all);
        let mut seen = BTreeSet::new();
        for name in &all {
            let address = names.address(name).expect("an address");
            assert!(seen.insert(address), "{address} twice");
            assert!(address.octets().starts_with(&[198, 18]));
            assert_eq!(names.at(address.into()), Some(name.as_str()));
            assert_eq!(names.at(address.to_ipv6_mapped().into()), Some(name.as_str()));
        }
        assert_eq!(names.address("other.example"), None);
        for other in ["198.18.0.0", "198.18.1.45", "127.0.0.1", "140.82.121.3", "::1"] {
            assert_eq!(names.at(other.parse().expect("an address")), None, "{other}");
        }
    }
}
