//! Rust.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_rust::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: false,
};

const ROLES: &[(&str, Role)] = &[
    ("function_item", Role::Function),
    ("closure_expression", Role::Lambda),
    ("impl_item", Role::Type),
    ("trait_item", Role::Type),
    ("if_expression", Role::If),
    ("else_clause", Role::Else),
    ("for_expression", Role::Loop),
    ("while_expression", Role::Loop),
    ("loop_expression", Role::Loop),
    ("match_expression", Role::Switch),
    ("let_declaration", Role::LetElse),
    ("match_arm", Role::Arm),
    ("break_expression", Role::Jump),
    ("continue_expression", Role::Jump),
    ("label", Role::Label),
    ("binary_expression", Role::Operation),
    ("let_chain", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("line_comment", Role::Comment),
    ("block_comment", Role::Comment),
    ("string_literal", Role::Literal),
    ("raw_string_literal", Role::Literal),
    ("char_literal", Role::Literal),
    ("integer_literal", Role::Literal),
    ("float_literal", Role::Literal),
    ("boolean_literal", Role::Literal),
    ("identifier", Role::Name),
    ("type_identifier", Role::Name),
    ("field_identifier", Role::Name),
    ("shorthand_field_identifier", Role::Name),
];

const DECISIONS: &[&str] = &["if", "for", "while", "where", "&&", "||", "try_expression"];

const JOINTS: &[&str] = &["&&", "||"];
