//! Hosts and authorities, and the decision about them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::hosts::check(bytes));
