//! Values in, numbers out: history, statistics, trends. No files, no git, no clock.

pub mod accuracy;
pub mod calendar;
pub mod code;
pub mod conformal;
pub mod dependency;
pub mod distribution;
pub mod draw;
pub mod history;
pub mod hotspot;
pub mod ledger;
pub mod logistic;
pub mod milestone;
pub mod note;
pub mod ownership;
pub mod path;
pub mod rank_test;
pub mod ranking;
pub mod release;
pub mod release_date;
pub mod score;
pub mod statistics;
pub mod throughput;
pub mod trend;
