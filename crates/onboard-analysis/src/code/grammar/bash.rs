//! Shell.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_bash::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: false,
};

const ROLES: &[(&str, Role)] = &[
    ("function_definition", Role::Function),
    ("if_statement", Role::If),
    ("elif_clause", Role::ElseIf),
    ("else_clause", Role::Else),
    ("for_statement", Role::Loop),
    ("c_style_for_statement", Role::Loop),
    ("while_statement", Role::Loop),
    ("case_statement", Role::Switch),
    ("ternary_expression", Role::Ternary),
    ("list", Role::Operation),
    ("binary_expression", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("comment", Role::Comment),
    ("raw_string", Role::Literal),
    ("ansi_c_string", Role::Literal),
    ("number", Role::Literal),
    ("regex", Role::Literal),
    ("variable_name", Role::Name),
];

const DECISIONS: &[&str] = &[
    "if",
    "elif",
    "for",
    "while",
    "until",
    "select",
    "case_item",
    "&&",
    "||",
    "ternary_expression",
];

const JOINTS: &[&str] = &["&&", "||"];
