//! What agents say and propose, looked over before it is kept or shown. Pure.
//!
//! Reading order: [`secrets`] (what must not be written down), [`show`] (what a terminal may get),
//! [`patch`] (what is proposed: read, applied exactly, and which paths it may touch), [`wording`] (what a
//! model said of something, held against that).

#![no_std]

extern crate alloc;

pub mod patch;
pub mod secrets;
pub mod show;
pub mod wording;
