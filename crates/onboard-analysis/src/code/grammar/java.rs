//! Java.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_java::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: true,
};

const ROLES: &[(&str, Role)] = &[
    ("method_declaration", Role::Function),
    ("constructor_declaration", Role::Function),
    ("compact_constructor_declaration", Role::Function),
    ("lambda_expression", Role::Lambda),
    ("class_declaration", Role::Type),
    ("interface_declaration", Role::Type),
    ("enum_declaration", Role::Type),
    ("record_declaration", Role::Type),
    ("if_statement", Role::If),
    ("for_statement", Role::Loop),
    ("enhanced_for_statement", Role::Loop),
    ("while_statement", Role::Loop),
    ("do_statement", Role::Loop),
    ("switch_expression", Role::Switch),
    ("catch_clause", Role::Catch),
    ("ternary_expression", Role::Ternary),
    ("break_statement", Role::Jump),
    ("continue_statement", Role::Jump),
    ("identifier", Role::Label),
    ("binary_expression", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("line_comment", Role::Comment),
    ("block_comment", Role::Comment),
    ("string_literal", Role::Literal),
    ("character_literal", Role::Literal),
    ("decimal_integer_literal", Role::Literal),
    ("hex_integer_literal", Role::Literal),
    ("octal_integer_literal", Role::Literal),
    ("binary_integer_literal", Role::Literal),
    ("decimal_floating_point_literal", Role::Literal),
    ("hex_floating_point_literal", Role::Literal),
    ("true", Role::Literal),
    ("false", Role::Literal),
    ("null_literal", Role::Literal),
    ("type_identifier", Role::Name),
];

const DECISIONS: &[&str] =
    &["if", "for", "while", "catch", "case", "&&", "||", "ternary_expression"];

const JOINTS: &[&str] = &["&&", "||"];
