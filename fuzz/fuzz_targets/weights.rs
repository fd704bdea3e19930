//! libFuzzer drives `targets::weights`.
#![no_main]

#[path = "../../tests/fuzz/targets.rs"]
#[allow(dead_code, reason = "the file holds the other targets, too")]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    targets::weights(bytes);
});
