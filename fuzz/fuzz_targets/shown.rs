//! Texts of agents before they are stored and shown.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::shown::check(bytes));
