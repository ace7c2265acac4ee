//! Texts that people write: YAML whose values know their place, durations, and errors that point
//! at file, line and column, show the line, and say what would be right.
//!
//! Reading order: [`place`], [`problem`], [`yaml`], [`item`], [`edit`], [`mod@counted`], [`duration`], [`mod@nearest`].

#![no_std]

extern crate alloc;

pub mod counted;
pub mod duration;
pub mod edit;
pub mod item;
pub mod nearest;
pub mod place;
pub mod problem;
pub mod yaml;

pub use counted::counted;
pub use item::{Fields, Item};
pub use nearest::nearest;
pub use place::{Place, Span};
pub use problem::Problem;
pub use yaml::Document;
