//! Numbers with the word they count.

use alloc::format;
use alloc::string::String;

/// `1 branch`, `2 branches`: `count` with `one` where it is one, else with `more`.
pub fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_more() {
        let written = [0, 1, 2].map(|count| counted(count, "branch", "branches"));
        assert_eq!(written, ["0 branches", "1 branch", "2 branches"]);
    }
}
