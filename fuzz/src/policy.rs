//! What a user's layer forbids only grows, a project's is never looser than what stands above it and
//! allows no host, and what is refused says where and why.

use crate::{showable, text};
use onboard_policy::{Authority, Layer, Policy, default_layer, merge, parse_layer};

/// See the module.
pub fn check(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let defaults = default_layer().expect("the defaults are right");
    let above = merge(std::slice::from_ref(&defaults)).expect("the defaults are complete");
    for authority in [Authority::User, Authority::Project] {
        let layer = match parse_layer(text, "policy.yaml", authority) {
            Ok(layer) => layer,
            Err(problem) => {
                showable(&problem, text);
                continue;
            }
        };
        match merge(&[defaults.clone(), layer.clone()]) {
            Ok(policy) => {
                tightens(&policy, &above, authority);
                is_steady(&defaults, &layer, &policy);
            }
            Err(problem) => showable(&problem, text),
        }
    }
}

fn tightens(policy: &Policy, above: &Policy, authority: Authority) {
    // Where the organisation has said nothing, the user may set a number above its default.
    if authority == Authority::Project {
        smaller(policy, above);
    }
    assert!(policy.sandbox_mode() || !above.sandbox_mode(), "the sandbox stays on");
    for path in above.read_only_paths() {
        assert!(policy.read_only_paths().any(|own| own == path), "{path} is no longer read-only");
    }
    for path in above.forbidden_paths() {
        assert!(policy.forbidden_paths().any(|own| own == path), "{path} is no longer forbidden");
    }
    for path in policy.read_only_paths().chain(policy.forbidden_paths()) {
        assert!(!path.starts_with('/') && !path.contains('\0'), "{path:?}");
        assert!(path.split('/').all(|part| part != ".."), "{path:?}");
    }
    if authority == Authority::Project {
        assert_eq!(policy.allowed_domains().count(), 0, "a project allows no host");
    }
    // What the proxy compares byte for byte must be the form in which it reads names.
    for host in policy.allowed_domains() {
        let read = crate::host::Host::parse(host.as_bytes());
        assert_eq!(read.as_ref().map(|host| host.as_str()), Ok(host));
    }
}

fn smaller(policy: &Policy, above: &Policy) {
    let (now, then) = (policy.limits(), above.limits());
    assert!(now.cpu_percent <= then.cpu_percent);
    assert!(now.memory_mb <= then.memory_mb);
    assert!(now.pids <= then.pids);
    assert!(now.deadline_ms <= then.deadline_ms);
    assert!(now.file_size_mb <= then.file_size_mb);
    assert!(now.io_ops_per_sec <= then.io_ops_per_sec);
    assert!(now.network_requests_per_min <= then.network_requests_per_min);
}

/// A layer that is said twice says nothing more.
fn is_steady(defaults: &Layer, layer: &Layer, policy: &Policy) {
    let twice = merge(&[defaults.clone(), layer.clone(), layer.clone()]).expect("the same again");
    assert_eq!(twice.limits(), policy.limits());
    assert!(twice.allowed_domains().eq(policy.allowed_domains()));
    assert!(policy.entries().iter().all(|entry| !entry.key.is_empty()));
}
