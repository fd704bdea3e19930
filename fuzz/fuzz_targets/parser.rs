//! libFuzzer drives `targets::parser`.
#![no_main]

#[path = "../../tests/fuzz/targets.rs"]
#[allow(dead_code, reason = "the file holds the other targets, too")]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::deep(targets::parser, text));
