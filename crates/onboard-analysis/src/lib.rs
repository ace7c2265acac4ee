//! Values in, numbers out: history, statistics, trends. No files, no git, no clock.

pub mod calendar;
pub mod code;
pub mod dependency;
pub mod history;
pub mod ledger;
pub mod milestone;
pub mod note;
pub mod ownership;
pub mod path;
pub mod release;
pub mod score;
pub mod statistics;
pub mod trend;
