//! Ruby.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_ruby::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: false,
};

const ROLES: &[(&str, Role)] = &[
    ("method", Role::Function),
    ("singleton_method", Role::Function),
    ("block", Role::Lambda),
    ("do_block", Role::Lambda),
    ("lambda", Role::Lambda),
    ("class", Role::Type),
    ("module", Role::Type),
    ("singleton_class", Role::Type),
    ("if", Role::If),
    ("unless", Role::If),
    ("if_modifier", Role::If),
    ("unless_modifier", Role::If),
    ("elsif", Role::ElseIf),
    ("else", Role::Else),
    ("while", Role::Loop),
    ("until", Role::Loop),
    ("for", Role::Loop),
    ("while_modifier", Role::Loop),
    ("until_modifier", Role::Loop),
    ("case", Role::Switch),
    ("case_match", Role::Switch),
    ("rescue", Role::Catch),
    ("rescue_modifier", Role::Catch),
    ("conditional", Role::Ternary),
    ("binary", Role::Operation),
    ("parenthesized_statements", Role::Brackets),
    ("comment", Role::Comment),
    ("integer", Role::Literal),
    ("float", Role::Literal),
    ("character", Role::Literal),
    ("simple_symbol", Role::Literal),
    ("true", Role::Literal),
    ("false", Role::Literal),
    ("nil", Role::Literal),
    ("identifier", Role::Name),
    ("constant", Role::Name),
    ("instance_variable", Role::Name),
    ("class_variable", Role::Name),
    ("global_variable", Role::Name),
];

const DECISIONS: &[&str] = &[
    "if",
    "elsif",
    "unless",
    "while",
    "until",
    "for",
    "rescue",
    "ensure",
    "when",
    "in_clause",
    "and",
    "or",
    "&&",
    "||",
    "conditional",
];

const JOINTS: &[&str] = &["&&", "||", "and", "or"];
