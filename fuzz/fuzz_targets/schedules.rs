//! The grammar of schedules.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::schedules::check(bytes));
