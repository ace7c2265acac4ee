//! Requests of HTTP/1 and the heads that are passed on.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::requests::check(bytes));
