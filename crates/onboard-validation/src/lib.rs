//! What agents say and propose, looked over before it is kept or shown. Pure.
//!
//! Reading order: [`secrets`] (what must not be written down), [`show`] (what a terminal may get).

#![no_std]

extern crate alloc;

pub mod secrets;
pub mod show;
