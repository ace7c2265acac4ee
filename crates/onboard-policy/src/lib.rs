//! The safety policy's types, their merging, and the one judge. Pure.

#![no_std]

extern crate alloc;
