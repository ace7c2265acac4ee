//! Go.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_go::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: false,
};

const ROLES: &[(&str, Role)] = &[
    ("function_declaration", Role::Function),
    ("method_declaration", Role::Function),
    ("func_literal", Role::Closure),
    ("if_statement", Role::If),
    ("for_statement", Role::Loop),
    ("expression_switch_statement", Role::Switch),
    ("type_switch_statement", Role::Switch),
    ("select_statement", Role::Switch),
    ("break_statement", Role::Jump),
    ("continue_statement", Role::Jump),
    ("goto_statement", Role::Goto),
    ("label_name", Role::Label),
    ("binary_expression", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("comment", Role::Comment),
    ("interpreted_string_literal", Role::Literal),
    ("raw_string_literal", Role::Literal),
    ("rune_literal", Role::Literal),
    ("int_literal", Role::Literal),
    ("float_literal", Role::Literal),
    ("imaginary_literal", Role::Literal),
    ("true", Role::Literal),
    ("false", Role::Literal),
    ("nil", Role::Literal),
    ("identifier", Role::Name),
    ("field_identifier", Role::Name),
    ("type_identifier", Role::Name),
    ("package_identifier", Role::Name),
    ("blank_identifier", Role::Name),
];

const DECISIONS: &[&str] = &["if", "for", "case", "&&", "||"];

const JOINTS: &[&str] = &["&&", "||"];
