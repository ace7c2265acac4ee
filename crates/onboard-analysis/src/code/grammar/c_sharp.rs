//! C#.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_c_sharp::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: true,
};

const ROLES: &[(&str, Role)] = &[
    ("method_declaration", Role::Function),
    ("constructor_declaration", Role::Function),
    ("destructor_declaration", Role::Function),
    ("operator_declaration", Role::Function),
    ("conversion_operator_declaration", Role::Function),
    ("local_function_statement", Role::Function),
    ("accessor_declaration", Role::Function),
    ("lambda_expression", Role::Lambda),
    ("anonymous_method_expression", Role::Lambda),
    ("class_declaration", Role::Type),
    ("struct_declaration", Role::Type),
    ("interface_declaration", Role::Type),
    ("record_declaration", Role::Type),
    ("property_declaration", Role::Type),
    ("if_statement", Role::If),
    ("for_statement", Role::Loop),
    ("foreach_statement", Role::Loop),
    ("while_statement", Role::Loop),
    ("do_statement", Role::Loop),
    ("switch_statement", Role::Switch),
    ("switch_expression", Role::Switch),
    ("switch_expression_arm", Role::Arm),
    ("catch_clause", Role::Catch),
    ("conditional_expression", Role::Ternary),
    ("goto_statement", Role::Goto),
    ("identifier", Role::Label),
    ("binary_expression", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("comment", Role::Comment),
    ("string_literal", Role::Literal),
    ("verbatim_string_literal", Role::Literal),
    ("raw_string_literal", Role::Literal),
    ("character_literal", Role::Literal),
    ("integer_literal", Role::Literal),
    ("real_literal", Role::Literal),
    ("boolean_literal", Role::Literal),
    ("null_literal", Role::Literal),
];

const DECISIONS: &[&str] = &[
    "if",
    "for",
    "foreach",
    "while",
    "catch",
    "case",
    "&&",
    "||",
    "??",
    "??=",
    "conditional_expression",
    "conditional_access_expression",
];

const JOINTS: &[&str] = &["&&", "||"];
