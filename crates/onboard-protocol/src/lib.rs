//! What host and agent say to each other, framing, and the agent manifest. Pure.

#![no_std]

extern crate alloc;
