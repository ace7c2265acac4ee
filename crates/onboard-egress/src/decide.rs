//! Whether something may leave: one decision for every way of asking.

use crate::banner;
use crate::host::{Host, HostError};
use crate::meter::Meter;
use onboard_domain::violation::Rule;
use std::collections::BTreeSet;

/// What an agent may reach.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Exact names; an empty list allows none.
    pub allowed: BTreeSet<String>,
    /// Lower-case names of protocols.
    pub forbidden_protocols: BTreeSet<String>,
    /// TLS that hides a second host is refused.
    pub deny_ech: bool,
    pub requests_per_min: u32,
}

/// Which way something was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A connection that carries TLS.
    Tls,
    /// A request of plain HTTP.
    Http,
    /// A name's address.
    Name,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub rule: Rule,
    pub why: String,
    /// The protocol, where it is refused because `forbidden_protocols` names it.
    pub protocol: Option<&'static str>,
    /// Only where waiting helps.
    pub retry_after_s: Option<u64>,
    /// Whether it is worth a record: of a rate limit, one a window is.
    pub is_reported: bool,
}

impl Refusal {
    /// A refusal for which waiting doesn't help.
    pub fn new(rule: Rule, why: impl Into<String>) -> Refusal {
        Refusal { rule, why: why.into(), protocol: None, retry_after_s: None, is_reported: true }
    }

    fn of_protocol(name: &'static str, why: String) -> Refusal {
        Refusal { protocol: Some(name), ..Refusal::new(Rule::ForbiddenProtocol, why) }
    }
}

/// Decides, and counts the decision. Only the address of an allowed name is free: the connection
/// that follows is counted.
///
/// # Errors
/// The refusal, with its rule and reason.
pub fn decide(
    rules: &Rules,
    meter: &mut Meter,
    now_ms: u64,
    way: Way,
    asked: Result<(Host, u16), HostError>,
) -> Result<(Host, u16), Refusal> {
    let verdict = judge(rules, way, asked);
    if way == Way::Name && verdict.is_ok() {
        return verdict;
    }
    count(rules, meter, now_ms)?;
    verdict
}

/// Counts one thing that was asked.
///
/// # Errors
/// When there were too many.
pub fn count(rules: &Rules, meter: &mut Meter, now_ms: u64) -> Result<(), Refusal> {
    meter.take(now_ms).map_err(|many| {
        let why = format!(
            "more than max_network_requests: {} a minute; wait {} s",
            rules.requests_per_min, many.retry_after_s
        );
        let retry_after_s = Some(many.retry_after_s);
        let is_reported = many.is_first;
        Refusal { retry_after_s, is_reported, ..Refusal::new(Rule::NetworkRate, why) }
    })
}

fn judge(
    rules: &Rules,
    way: Way,
    asked: Result<(Host, u16), HostError>,
) -> Result<(Host, u16), Refusal> {
    let unlisted = if way == Way::Name { Rule::ForbiddenName } else { Rule::ForbiddenHost };
    let (host, port) = asked.map_err(|error| Refusal::new(unlisted, error.to_string()))?;
    if !rules.allowed.contains(host.as_str()) {
        return Err(Refusal::new(unlisted, format!("{host} is not in allowed_domains")));
    }
    let (own_port, protocol) = match way {
        Way::Name => return Ok((host, port)),
        Way::Tls => (443, "https"),
        Way::Http => (80, "http"),
    };
    if port != own_port {
        return Err(wrong_port(rules, port));
    }
    if rules.forbidden_protocols.contains(protocol) {
        let why = format!("{protocol} is in forbidden_protocols");
        return Err(Refusal::of_protocol(protocol, why));
    }
    Ok((host, port))
}

/// Why nothing can be reached at a port.
pub fn wrong_port(rules: &Rules, port: u16) -> Refusal {
    match banner::at_port(port) {
        Some(name) if rules.forbidden_protocols.contains(name) => {
            Refusal::of_protocol(name, format!("{name} is in forbidden_protocols"))
        }
        _ => Refusal::new(
            Rule::ForbiddenPort,
            format!("port {port}: only 443 (TLS) and 80 (HTTP) can be reached"),
        ),
    }
}

/// Why nobody may come to a port where protocols live that no agent may speak; `spoken` is the one
/// that was heard.
pub fn tripped(rules: &Rules, port: u16, spoken: Option<&'static str>) -> Refusal {
    let Some(name) = spoken.or_else(|| banner::at_port(port)) else {
        return wrong_port(rules, port);
    };
    let heard = if spoken.is_some() { "spoken" } else { "expected" };
    match rules.forbidden_protocols.contains(name) {
        true => {
            let why = format!("{name} was {heard}, and is in forbidden_protocols");
            Refusal::of_protocol(name, why)
        }
        false => {
            let why = format!("{name} was {heard}; only 443 (TLS) and 80 (HTTP) can be reached");
            Refusal::new(Rule::ForbiddenProtocol, why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::authority;
    use expect_test::{Expect, expect};

    fn check(allowed: &[&str], forbidden: &[&str], cases: &[(Way, &str)], expect: Expect) {
        let rules = Rules {
            allowed: allowed.iter().map(ToString::to_string).collect(),
            forbidden_protocols: forbidden.iter().map(ToString::to_string).collect(),
            deny_ech: true,
            requests_per_min: 4,
        };
        let mut meter = Meter::new(4, 0);
        let mut line = |(way, text): &(Way, &str)| match decide(
            &rules,
            &mut meter,
            0,
            *way,
            authority(text.as_bytes(), Some(443)),
        ) {
            Ok((host, port)) => format!("{way:?} {text}: {host} {port}\n"),
            Err(no) => format!("{way:?} {text}: {} ({})\n", no.rule, no.why),
        };
        expect.assert_eq(&cases.iter().map(&mut line).collect::<String>());
    }

    #[test]
    fn exact_names_their_ports_and_no_others() {
        check(
            &["github.com"],
            &["ssh"],
            &[(Way::Tls, "github.com"), (Way::Tls, "api.github.com"), (Way::Tls, "github.com:22")],
            expect![[r#"
                Tls github.com: github.com 443
                Tls api.github.com: forbidden_host (api.github.com is not in allowed_domains)
                Tls github.com:22: forbidden_protocol (ssh is in forbidden_protocols)
            "#]],
        );
        check(
            &["github.com"],
            &["http"],
            &[
                (Way::Http, "github.com:80"),
                (Way::Http, "github.com:443"),
                (Way::Tls, "github.com:9999"),
                (Way::Name, "evil.example"),
                (Way::Name, "github.com"),
                (Way::Tls, "github.com"),
            ],
            expect![[r#"
                Http github.com:80: forbidden_protocol (http is in forbidden_protocols)
                Http github.com:443: forbidden_port (port 443: only 443 (TLS) and 80 (HTTP) can be reached)
                Tls github.com:9999: forbidden_port (port 9999: only 443 (TLS) and 80 (HTTP) can be reached)
                Name evil.example: forbidden_name (evil.example is not in allowed_domains)
                Name github.com: github.com 443
                Tls github.com: network_rate (more than max_network_requests: 4 a minute; wait 15 s)
            "#]],
        );
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        check(
            &[],
            &[],
            &[(Way::Tls, "github.com")],
            expect![[r#"
                Tls github.com: forbidden_host (github.com is not in allowed_domains)
            "#]],
        );
    }
}
