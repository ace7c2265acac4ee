//! What a run's system calls and masks tell.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::system_calls::check(bytes));
