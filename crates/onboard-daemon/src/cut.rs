//! Cutting texts to a number of bytes.

/// The longest beginning of `text` that has at most `most` bytes and ends with a whole character.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let ends = (0..=most.min(text.len())).rev();
    ends.filter_map(|end| text.get(..end)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn a_character_is_never_cut() {
        assert_eq!([cut("aé", 9), cut("aé", 3), cut("aé", 2), cut("aé", 0)], ["aé", "aé", "a", ""]);
    }
}
