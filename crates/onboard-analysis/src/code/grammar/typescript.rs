//! TypeScript and TSX: one table, two grammars.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: false,
};

pub(super) const TSX: Table =
    Table { language: || tree_sitter_typescript::LANGUAGE_TSX.into(), ..TABLE };

const ROLES: &[(&str, Role)] = &[
    ("function_declaration", Role::Function),
    ("generator_function_declaration", Role::Function),
    ("method_definition", Role::Function),
    ("function_expression", Role::Closure),
    ("generator_function", Role::Closure),
    ("arrow_function", Role::Closure),
    ("class_declaration", Role::Type),
    ("abstract_class_declaration", Role::Type),
    ("class", Role::Type),
    ("if_statement", Role::If),
    ("else_clause", Role::Else),
    ("for_statement", Role::Loop),
    ("for_in_statement", Role::Loop),
    ("while_statement", Role::Loop),
    ("do_statement", Role::Loop),
    ("switch_statement", Role::Switch),
    ("catch_clause", Role::Catch),
    ("ternary_expression", Role::Ternary),
    ("break_statement", Role::Jump),
    ("continue_statement", Role::Jump),
    ("statement_identifier", Role::Label),
    ("binary_expression", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("assignment_pattern", Role::Defaulted),
    ("object_assignment_pattern", Role::Defaulted),
    ("required_parameter", Role::Defaulted),
    ("optional_parameter", Role::Defaulted),
    ("comment", Role::Comment),
    ("html_comment", Role::Comment),
    ("string", Role::Literal),
    ("number", Role::Literal),
    ("regex", Role::Literal),
    ("true", Role::Literal),
    ("false", Role::Literal),
    ("null", Role::Literal),
    ("undefined", Role::Literal),
    ("identifier", Role::Name),
    ("property_identifier", Role::Name),
    ("private_property_identifier", Role::Name),
    ("shorthand_property_identifier", Role::Name),
    ("shorthand_property_identifier_pattern", Role::Name),
    ("type_identifier", Role::Name),
];

const DECISIONS: &[&str] = &[
    "if",
    "for",
    "while",
    "catch",
    "case",
    "&&",
    "||",
    "??",
    "&&=",
    "||=",
    "??=",
    "ternary_expression",
];

const JOINTS: &[&str] = &["&&", "||"];
