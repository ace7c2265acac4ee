//! What people can read about the agent.

use super::{DESCRIPTION, MANIFEST, NAME};
use crate::manual::Manual;

pub const MANUAL: Manual = Manual {
    name: NAME,
    description: DESCRIPTION,
    manifest: Some(MANIFEST),
    about: ABOUT,
    rules: &[],
    publishes: &[("project.index.updated", "when there was something new to read.")],
    shares: &[(
        "commit_kinds",
        "what a language model was asked of commits, and how often it and words alone were right where the type is known.",
    )],
    examples: "",
};

const ABOUT: &str = r#"Reads what every commit changed, and what every file amounts to (functions, complexity, notes), once.
Content that was read before is not read again: after a commit, only what it changed. It says nothing
itself; what it keeps is [shared](../agents-protocol.md#facts) as files that are JSON, so an agent of your
own can read them, too: `facts_from: [project-index]`, then

```sh
ai_onboard host task | grep '^facts'
jq -r '.files[] | select(.measured.file?) | [.path, .measured.file.lines.code] | @tsv' \
    /app/facts.project-index.files-0
```

| file | holds |
|---|---|
| `index` | the commit that all is of, `tags`, and what was left out |
| `history-0` … | `paths`, `people`, and `commits`, oldest first; a change is `[path, A, M or D, lines added, lines removed, path that it was moved from]` |
| `files-0` … `files-7` | `files` of the main line's last commit, with their metrics |
| `kinds` | what a language model said of commits |

Subjects and notes are kept without what looks like a secret. Complexity is known for Rust, Python,
JavaScript, TypeScript, Go, Java, C, C++, C#, Ruby, PHP and shell; of other languages, lines.

## With a language model

Which commits are fixes, the others take from subjects, and a subject often leaves it open. Where you name
this agent in [models.yaml](../model.md#a-model-of-your-own), it asks what such commits of the last half-year are for: their
subjects, up to eight paths each, and how many lines they change; up to 64 commits a run, each once. The
answer is one word a commit and counts from the next look of the others on. Four commits of each question
declare their type and are sent without it: `ai_onboard background-agents metrics` says how often the
model is right about them, and how often words alone would be."#;
