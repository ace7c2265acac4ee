//! What a terminal gets steers nothing and is the same when it is escaped again; what was redacted
//! holds no secret any more, and nothing of the secret stays.

use crate::text;
use onboard_domain::violation::escape;
use onboard_validation::{secrets, show};

/// A bound for escaped texts, as records have them.
const MAX: usize = 400;

/// See the module.
pub fn check(bytes: &[u8]) {
    let escaped = escape(bytes, MAX);
    assert!(escaped.len() <= MAX, "{} bytes", escaped.len());
    assert!(!escaped.chars().any(char::is_control), "{escaped:?}");
    let Some(text) = text(bytes) else { return };
    let line = show::line(text);
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert_eq!(show::line(&line), line);
    let lines = show::lines(text);
    assert!(!lines.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "{lines:?}");
    assert_eq!(show::lines(&lines), lines);
    let found = secrets::scan(text);
    assert!(found.len() <= secrets::MOST);
    for pair in found.windows(2) {
        assert!(pair[0].range.end <= pair[1].range.start, "none inside of another");
    }
    match secrets::redact(text) {
        None => assert!(found.is_empty()),
        Some((clean, rules)) => {
            assert_eq!(rules.len(), found.len());
            assert_eq!(secrets::scan(&clean), [], "{clean:?}");
        }
    }
}
