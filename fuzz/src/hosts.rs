//! One form of each name, nothing that anybody could take for an address, and a decision that
//! allows the one host that is listed at the one port of its protocol.

use crate::decide::{Rules, Way, decide};
use crate::host::{Host, HostError, authority};
use crate::meter::Meter;
use onboard_domain::violation::Rule;
use std::net::IpAddr;

const ALLOWED: &str = "good.example";

/// See the module.
pub fn check(bytes: &[u8]) {
    if let Ok(host) = Host::parse(bytes) {
        one_form(bytes, &host);
    }
    for default in [None, Some(80)] {
        let read = authority(bytes, default);
        assert_eq!(read, by_last_colon(bytes, default), "two readings of one text");
        for way in [Way::Tls, Way::Http, Way::Name] {
            decided(bytes, way, read.clone());
        }
    }
}

fn one_form(bytes: &[u8], host: &Host) {
    let name = host.as_str();
    assert!(!name.is_empty() && name.len() <= 253, "{name}");
    assert!(
        name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)),
        "{name}"
    );
    assert_eq!(Host::parse(name.as_bytes()).as_ref(), Ok(host), "its form is read as itself");
    let written = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    assert_eq!(written.strip_suffix('.').unwrap_or(&written), name);
    assert!(name.parse::<IpAddr>().is_err(), "{name} is an address");
    assert!(name.split('.').all(|label| !label.is_empty() && label.len() <= 63), "{name}");
}

type Read = Result<(Host, u16), HostError>;

/// The same by another way: the port is what follows the last colon. Errors are as the first has
/// them; that there is one must be agreed on.
fn by_last_colon(bytes: &[u8], default: Option<u16>) -> Read {
    let first = authority(bytes, default);
    let text = String::from_utf8_lossy(bytes);
    let split = match text.rsplit_once(':') {
        Some((name, digits)) => {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            let port = digits.parse::<u16>().ok().filter(|port| *port > 0);
            (name.to_string(), port.filter(|_| plain && digits.len() <= 5))
        }
        None => (text.to_string(), default),
    };
    match (Host::parse(split.0.as_bytes()), split.1) {
        (Ok(host), Some(port)) => Ok((host, port)),
        _ => first.and_then(|read| panic!("only one reading takes it: {read:?}")),
    }
}

fn decided(bytes: &[u8], way: Way, read: Read) {
    let rules = Rules {
        allowed: [ALLOWED.to_string()].into(),
        forbidden_protocols: ["http".to_string()].into(),
        deny_ech: true,
        requests_per_min: 1,
    };
    let mut meter = Meter::new(rules.requests_per_min, 0);
    let decision = decide(&rules, &mut meter, 0, way, read.clone());
    match &decision {
        Ok((host, port)) => {
            assert_eq!(host.as_str(), ALLOWED, "{bytes:?}");
            assert!(way == Way::Name || (way == Way::Tls && *port == 443), "{way:?} {port}");
        }
        Err(refusal) => assert!(refusal.why.len() <= 400, "{}", refusal.why),
    }
    // Whatever was asked was counted, except an allowed name.
    let again = decide(&rules, &mut meter, 1, way, read);
    let counted = !(way == Way::Name && decision.is_ok());
    assert_eq!(again.is_err_and(|refusal| refusal.rule == Rule::NetworkRate), counted);
}
