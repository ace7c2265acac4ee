//! Python.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_python::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: false,
};

const ROLES: &[(&str, Role)] = &[
    ("function_definition", Role::Function),
    ("lambda", Role::Lambda),
    ("class_definition", Role::Type),
    ("if_statement", Role::If),
    ("elif_clause", Role::ElseIf),
    ("else_clause", Role::Else),
    ("for_statement", Role::Loop),
    ("while_statement", Role::Loop),
    ("match_statement", Role::Switch),
    ("except_clause", Role::Catch),
    ("conditional_expression", Role::Ternary),
    ("boolean_operator", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("comment", Role::Comment),
    ("integer", Role::Literal),
    ("float", Role::Literal),
    ("true", Role::Literal),
    ("false", Role::Literal),
    ("none", Role::Literal),
    ("identifier", Role::Name),
];

const DECISIONS: &[&str] =
    &["if", "elif", "for", "while", "except", "finally", "and", "or", "case_clause"];

const JOINTS: &[&str] = &["and", "or"];
