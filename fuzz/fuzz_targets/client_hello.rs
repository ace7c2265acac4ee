//! The first message of TLS.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::client_hello::check(bytes));
