//! Lines added and removed between two contents, as `git log --numstat` counts them.

use gix_imara_diff::{Algorithm, Diff, InternedInput, sources::byte_lines};
use onboard_analysis::history::LineChange;

/// A NUL byte in the first this many says that a content is no text: git's own rule.
const BINARY_HEAD: usize = 8_000;

/// The change between two texts; `None` where one is no text.
pub(super) fn between(old: &[u8], new: &[u8]) -> Option<LineChange> {
    if is_binary(old) || is_binary(new) {
        return None;
    }
    if old.is_empty() || new.is_empty() {
        return Some(LineChange { added: lines(new), removed: lines(old) });
    }
    let input = InternedInput::new(byte_lines(old), byte_lines(new));
    let diff = Diff::compute(Algorithm::Myers, &input);
    Some(LineChange { added: diff.count_additions(), removed: diff.count_removals() })
}

pub(super) fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(BINARY_HEAD)].contains(&0)
}

/// Lines of a text; a last one without its newline is one too.
fn lines(text: &[u8]) -> u32 {
    let ended = text.iter().filter(|byte| **byte == b'\n').count();
    let open = usize::from(text.last().is_some_and(|last| *last != b'\n'));
    u32::try_from(ended + open).unwrap_or(u32::MAX)
}
