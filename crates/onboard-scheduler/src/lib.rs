//! What should happen next, and why. Starts nothing. Pure.

#![no_std]

extern crate alloc;
