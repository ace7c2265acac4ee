//! Tests of decisions: scenarios as text, and properties over many small worlds.

mod properties;
mod scenarios;
mod script;
mod show;
mod validation;
mod world;
