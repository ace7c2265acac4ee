//! One run of lines replaced by others, as a unified diff.

/// Lines around it, as git shows them.
const CONTEXT: usize = 3;

/// Whether a path stands in a patch as it is.
pub fn is_plain(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/+@".contains(&byte))
}

/// The diff between two contents that differ in one run of lines; empty where they are the same.
pub fn unified(path: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(&new).take_while(same).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(same).count();
    if head == old.len() && head == new.len() {
        return String::new();
    }
    let begin = head.saturating_sub(CONTEXT);
    let after = tail.min(CONTEXT);
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let mut out = format!(
        "--- a/{path}\n+++ b/{path}\n@@ -{} +{} @@\n",
        range(begin, old_end + after),
        range(begin, new_end + after)
    );
    let mut put = |sign: char, lines: &[&str]| {
        for line in lines {
            out.push(sign);
            out.push_str(line);
            if !line.ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    };
    put(' ', &old[begin..head]);
    put('-', &old[head..old_end]);
    put('+', &new[head..new_end]);
    put(' ', &old[old_end..old_end + after]);
    out
}

/// Lines from one to another, counted from 1; of none, the line before.
fn range(begin: usize, end: usize) -> String {
    match end - begin {
        0 => format!("{begin},0"),
        count => format!("{},{count}", begin + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::unified;
    use onboard_validation::patch;

    /// What it says has to give the new content, whatever the ends of lines and files.
    #[test]
    fn it_applies_to_what_it_was_made_of() {
        let texts = [
            "",
            "a\n",
            "a",
            "a\nb\nc\nd\ne\nf\ng\n",
            "a\nb\nc\nX\ne\nf\ng\n",
            "a\nb\nc\nd\ne\nf\ng",
            "X\na\nb\nc\nd\ne\nf\ng\nY\n",
            "c\nd\n",
            "a\r\nb\r\n",
            "a\r\nX\r\nb\r\n",
            "a\na\na\n",
            "a\na\n",
        ];
        let mut applied = 0;
        for old in texts {
            for new in texts {
                let text = unified("src/a.rs", old, new);
                assert_eq!(text.is_empty(), old == new, "{old:?} to {new:?}");
                if text.is_empty() {
                    continue;
                }
                let read = patch::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                let result = patch::apply(&read.files[0], Some(old.as_bytes()));
                assert_eq!(
                    result.as_ref().map(Option::as_deref),
                    Ok(Some(new.as_bytes())),
                    "{text}"
                );
                applied += 1;
            }
        }
        assert_eq!(applied, texts.len() * (texts.len() - 1));
    }
}
