//! What the nodes of each language's syntax tree mean to the metrics: one table a language.
//!
//! A table names node kinds as the grammar does. A name that the grammar does not know is a
//! mistake that a test finds; an unknown kind of a newer grammar means nothing and harms nothing.

#[cfg(feature = "bash")]
mod bash;
#[cfg(feature = "c")]
mod c;
#[cfg(feature = "c-sharp")]
mod c_sharp;
#[cfg(feature = "cpp")]
mod cpp;
#[cfg(feature = "go")]
mod go;
#[cfg(feature = "java")]
mod java;
#[cfg(feature = "javascript")]
mod javascript;
#[cfg(feature = "php")]
mod php;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "ruby")]
mod ruby;
#[cfg(feature = "rust")]
mod rust;
#[cfg(feature = "typescript")]
mod typescript;

use tree_sitter::Language;

/// What a node means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing.
    #[default]
    Plain,
    /// A function or method with a name: an entry of its own.
    Function,
    /// A function without a name: an entry of its own, and part of the named one around it.
    Closure,
    /// A short function inside of an expression: part of the one around it.
    Lambda,
    /// What gives the functions in it their owner.
    Type,
    If,
    /// A further branch that is not an `if` inside of an `else`.
    ElseIf,
    Else,
    Loop,
    Switch,
    Catch,
    Ternary,
    /// A `let … else`: one decision, told by its `else`.
    LetElse,
    /// A branch of which the first of its kind is free: N ways are N − 1 decisions.
    Arm,
    /// A jump that always names its target.
    Goto,
    /// A jump, counted where it names its target.
    Jump,
    /// The target that a jump names.
    Label,
    /// Something with operators, logical ones among them.
    Operation,
    /// Brackets around an operation.
    Brackets,
    /// A parameter or pattern that may have a default: one decision, told by its `=`.
    Defaulted,
    /// A directive whose condition belongs to another language.
    Directive,
    Comment,
    /// A text, number or other constant; its inside is not looked at.
    Literal,
    /// A name somebody chose.
    Name,
}

/// One language's table.
pub(super) struct Table {
    pub language: fn() -> Language,
    pub roles: &'static [(&'static str, Role)],
    /// Words, signs and nodes that are one decision each, as lizard counts them.
    pub decisions: &'static [&'static str],
    /// Logical operators.
    pub joints: &'static [&'static str],
    /// A function without a body is a declaration and no entry.
    pub needs_body: bool,
}

/// What the walker asks about a node by its kind's number.
#[derive(Clone, Copy, Default)]
pub(super) struct Meaning {
    pub role: Role,
    pub decision: bool,
    pub joint: bool,
    /// A call, in whichever words the grammar has for it.
    pub call: bool,
    /// A stable number of the kind's name, the same in every version of the grammar.
    pub stamp: u32,
    /// The word `else`, or the sign `=`.
    pub marks: Option<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Else,
    Equals,
}

/// A grammar with its table worked out.
pub struct Grammar {
    pub(super) language: Language,
    meanings: Vec<Meaning>,
    pub(super) needs_body: bool,
    pub(super) alternative: Option<core::num::NonZeroU16>,
    pub(super) condition: Option<core::num::NonZeroU16>,
}

impl core::fmt::Debug for Grammar {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Grammar").field("kinds", &self.meanings.len()).finish_non_exhaustive()
    }
}

impl Grammar {
    fn new(table: &Table) -> Self {
        let language = (table.language)();
        let kinds = u16::try_from(language.node_kind_count()).unwrap_or(u16::MAX);
        let meanings = (0..kinds).map(|kind| meaning(table, &language, kind)).collect();
        let alternative = language.field_id_for_name("alternative");
        let condition = language.field_id_for_name("condition");
        Self { language, meanings, needs_body: table.needs_body, alternative, condition }
    }

    /// What a node of this kind means; an error node's kind is out of range and means nothing.
    pub(super) fn meaning(&self, kind: u16) -> Meaning {
        self.meanings.get(usize::from(kind)).copied().unwrap_or_default()
    }
}

fn meaning(table: &Table, language: &Language, kind: u16) -> Meaning {
    let name = language.node_kind_for_id(kind).unwrap_or_default();
    let named = language.node_kind_is_named(kind);
    let role = table.roles.iter().find(|(known, _)| named && *known == name);
    let marks = match (named, name) {
        (false, "else") => Some(Mark::Else),
        (false, "=") => Some(Mark::Equals),
        _ => None,
    };
    // Ruby names the node as the word in it; the word is what counts.
    let is_word_too = named && language.id_for_node_kind(name, false) != 0;
    Meaning {
        role: role.map(|(_, role)| *role).unwrap_or_default(),
        decision: table.decisions.contains(&name) && !is_word_too,
        call: name.contains("call"),
        joint: !named && table.joints.contains(&name),
        stamp: stamp(name),
        marks,
    }
}

/// FNV-1a over a name, folded to 32 bits.
pub(super) const fn stamp(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// Each language's grammar, worked out once; `None` where it is not built in.
macro_rules! grammars {
    ($($function:ident = $table:path, $feature:literal;)*) => {
        $(
            pub(super) fn $function() -> Option<&'static Grammar> {
                #[cfg(feature = $feature)]
                {
                    static GRAMMAR: std::sync::OnceLock<Grammar> = std::sync::OnceLock::new();
                    Some(GRAMMAR.get_or_init(|| Grammar::new(&$table)))
                }
                #[cfg(not(feature = $feature))]
                None
            }
        )*

        #[cfg(test)]
        const TABLES: &[(&str, &Table)] = &[
            $(#[cfg(feature = $feature)] (stringify!($function), &$table),)*
        ];
    };
}

grammars! {
    bash = bash::TABLE, "bash";
    c = c::TABLE, "c";
    c_sharp = c_sharp::TABLE, "c-sharp";
    cpp = cpp::TABLE, "cpp";
    go = go::TABLE, "go";
    java = java::TABLE, "java";
    javascript = javascript::TABLE, "javascript";
    php = php::TABLE, "php";
    python = python::TABLE, "python";
    ruby = ruby::TABLE, "ruby";
    rust = rust::TABLE, "rust";
    typescript = typescript::TABLE, "typescript";
    tsx = typescript::TSX, "typescript";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_name_what_their_grammars_know() {
        let mut unknown = Vec::new();
        for (name, table) in TABLES {
            let language = (table.language)();
            let knows = |kind: &str| {
                [true, false].iter().any(|named| language.id_for_node_kind(kind, *named) != 0)
            };
            let kinds = table.roles.iter().map(|(kind, _)| *kind);
            for kind in
                kinds.chain(table.decisions.iter().copied()).chain(table.joints.iter().copied())
            {
                if !knows(kind) {
                    unknown.push(format!("{name}: {kind}"));
                }
            }
        }
        assert_eq!(unknown, Vec::<String>::new());
    }
}
