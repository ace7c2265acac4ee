//! PHP.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_php::LANGUAGE_PHP.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: true,
};

const ROLES: &[(&str, Role)] = &[
    ("function_definition", Role::Function),
    ("method_declaration", Role::Function),
    ("anonymous_function", Role::Closure),
    ("arrow_function", Role::Lambda),
    ("class_declaration", Role::Type),
    ("trait_declaration", Role::Type),
    ("interface_declaration", Role::Type),
    ("enum_declaration", Role::Type),
    ("if_statement", Role::If),
    ("else_if_clause", Role::ElseIf),
    ("else_clause", Role::Else),
    ("for_statement", Role::Loop),
    ("foreach_statement", Role::Loop),
    ("while_statement", Role::Loop),
    ("do_statement", Role::Loop),
    ("switch_statement", Role::Switch),
    ("match_expression", Role::Switch),
    ("catch_clause", Role::Catch),
    ("conditional_expression", Role::Ternary),
    ("goto_statement", Role::Goto),
    ("break_statement", Role::Jump),
    ("continue_statement", Role::Jump),
    ("integer", Role::Label),
    ("binary_expression", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("comment", Role::Comment),
    ("string", Role::Literal),
    ("nowdoc_string", Role::Literal),
    ("float", Role::Literal),
    ("boolean", Role::Literal),
    ("null", Role::Literal),
    ("name", Role::Name),
    ("variable_name", Role::Name),
];

const DECISIONS: &[&str] = &[
    "if",
    "elseif",
    "for",
    "foreach",
    "while",
    "catch",
    "case",
    "&&",
    "||",
    "and",
    "or",
    "conditional_expression",
    "match_conditional_expression",
    "match_default_expression",
];

const JOINTS: &[&str] = &["&&", "||", "and", "or"];
