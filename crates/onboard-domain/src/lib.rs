//! Typed ids, commands, events, effects and the state they fold to. Pure.

#![no_std]

extern crate alloc;
