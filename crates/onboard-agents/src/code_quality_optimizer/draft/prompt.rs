//! What the model is asked.

use std::time::Duration;

use super::Subject;
use crate::language_model::Question;

/// Tokens beyond twice the function's own: the words around it.
const SPARE_TOKENS: usize = 1_000;

/// A long text of a slow model; a run of this agent ends after ten minutes.
const PATIENCE: Duration = Duration::from_secs(480);

const TASK: &str = "\
You refactor one function so that people follow it more easily. Keep its name, its parameters and all \
of its behaviour. Give its most deeply nested parts functions of their own, with names that say what \
they do, directly before or after it. Use early returns. Add no dependency, no comment about the \
refactoring, and change nothing else. Answer with exactly one fenced code block that replaces the \
given lines whole, indented as they are, and nothing else.";

/// A token is three bytes of code or more; the answer may be twice as long as what it replaces.
pub fn question(subject: &Subject<'_>) -> Question {
    let (function, text) = (subject.function, subject.text());
    let matter = format!(
        "File: {}\nLines {} to {}, the function `{}`: cognitive complexity {}, nesting {}.\n\n\
         ```\n{text}{}```\n",
        subject.path,
        function.first_line,
        function.last_line,
        function.full_name(),
        function.cognitive,
        function.nesting,
        if text.ends_with('\n') { "" } else { "\n" }
    );
    let tokens = text.len() * 2 / 3 + SPARE_TOKENS;
    let most_tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
    Question { task: TASK.to_owned(), matter, most_tokens, form: None, within: PATIENCE }
}
