//! The built-in agents, one folder each.
