//! Safety policies as YAML.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| onboard_fuzz::policy::check(bytes));
