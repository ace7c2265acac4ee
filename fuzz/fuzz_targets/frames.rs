//! What agents send to their host.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::frames::check(bytes));
