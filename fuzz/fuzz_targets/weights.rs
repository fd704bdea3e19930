//! libFuzzer drives the readers of files of weights: any bytes are refused or read, and what is read is bounded by what is there.
#![no_main]

use wsss::checkpoints::Checkpoint;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = Checkpoint::of_bytes(bytes.to_vec()) else { return };
    for name in file.arrays.keys().cloned().collect::<Vec<_>>() {
        assert!(file.arrays[&name].length() <= (1 << 28) + 64 * bytes.len());
        let _ = file.tensor(&name);
    }
});
