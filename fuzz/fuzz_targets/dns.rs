//! Questions of DNS and their answers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::dns::check(bytes));
