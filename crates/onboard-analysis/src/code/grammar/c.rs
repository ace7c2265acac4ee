//! C.

use super::{Role, Table};

pub(super) const TABLE: Table = Table {
    language: || tree_sitter_c::LANGUAGE.into(),
    roles: ROLES,
    decisions: DECISIONS,
    joints: JOINTS,
    needs_body: true,
};

const ROLES: &[(&str, Role)] = &[
    ("function_definition", Role::Function),
    ("if_statement", Role::If),
    ("else_clause", Role::Else),
    ("for_statement", Role::Loop),
    ("while_statement", Role::Loop),
    ("do_statement", Role::Loop),
    ("switch_statement", Role::Switch),
    ("seh_except_clause", Role::Catch),
    ("conditional_expression", Role::Ternary),
    ("goto_statement", Role::Goto),
    ("statement_identifier", Role::Label),
    ("binary_expression", Role::Operation),
    ("parenthesized_expression", Role::Brackets),
    ("preproc_if", Role::Directive),
    ("preproc_elif", Role::Directive),
    ("comment", Role::Comment),
    ("string_literal", Role::Literal),
    ("char_literal", Role::Literal),
    ("number_literal", Role::Literal),
    ("true", Role::Literal),
    ("false", Role::Literal),
    ("null", Role::Literal),
    ("system_lib_string", Role::Literal),
    ("identifier", Role::Name),
    ("field_identifier", Role::Name),
    ("type_identifier", Role::Name),
];

const DECISIONS: &[&str] =
    &["if", "for", "while", "case", "&&", "||", "conditional_expression", "#if", "#ifdef", "#elif"];

const JOINTS: &[&str] = &["&&", "||"];
