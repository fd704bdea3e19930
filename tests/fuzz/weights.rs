//! Files of weights that nobody wrote: those of `tests/checkpoints` with bytes changed, moved, doubled and lost, and archives that are packed anew
//! around members so changed, whose checksums are right again.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{Random, SLOWEST, seed, targets, time};

#[test]
fn any_file_of_weights_is_read_or_refused() {
    let (time, seed) = (time(), seed(4));
    let mut mutator = Mutator { files: files(), random: Random::new(seed) };
    let start = Instant::now();
    let (mut count, mut read) = (0u64, 0u64);
    while start.elapsed() < time {
        let (name, bytes) = mutator.next_file();
        let began = Instant::now();
        let outcome = std::panic::catch_unwind(|| targets::weights(&bytes));
        count += 1;
        let (panicked, slow) = (outcome.is_err(), began.elapsed() >= SLOWEST);
        if panicked || slow {
            let kept = std::env::temp_dir().join(format!("wsss-fuzz-{seed}-{count}-{name}"));
            std::fs::write(&kept, &bytes).expect("the file is kept");
            panic!("file {count} of seed {seed}, kept as {}: {:?}", kept.display(), began.elapsed());
        }
        read += u64::from(outcome.unwrap_or(false));
    }
    println!("{count} files of seed {seed}, {read} of them read");
    assert!(count < 100 || read > 0, "no file could be read any more: nothing behind the first look is tested");
}

/// What lies in `tests/checkpoints`, by name.
fn files() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints");
    let mut paths: Vec<PathBuf> =
        walkdir::WalkDir::new(root).into_iter().flatten().map(|entry| entry.into_path()).collect();
    paths.retain(|path| path.is_file() && path.extension().is_some_and(|ending| ending != "py"));
    paths.sort();
    let name = |path: &Path| path.file_name().expect("a file").to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).expect("a file of the repository"))).collect()
}

struct Mutator {
    files: Vec<(String, Vec<u8>)>,
    random: Random,
}

/// Numbers at which readers go wrong, as bytes.
const ODD: [&[u8]; 10] = [
    &[0],
    &[0xff],
    &[0x7f],
    &[0, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0, 0, 0, 0x80],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
    &[0, 0, 0, 0, 1, 0, 0, 0],
];

impl Mutator {
    fn next_file(&mut self) -> (String, Vec<u8>) {
        let at = self.random.below(self.files.len());
        let (name, bytes) = self.files[at].clone();
        // Inside of an archive, a change would be noticed by its checksum and go no further.
        let bytes = match (bytes.starts_with(b"PK"), self.random.below(4)) {
            (true, 0) | (false, _) => self.changed(bytes),
            (true, _) => self.repacked(&bytes),
        };
        (name, bytes)
    }

    /// The archive with one member changed, another named so, doubled or lost.
    fn repacked(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("a file of the repository");
        let (count, mut writer) = (archive.len(), ZipWriter::new(Cursor::new(Vec::new())));
        // Half of the time what is changed is the pickle, or the first array.
        let first =
            archive.file_names().position(|name| name.is_ok_and(|name| name.ends_with("data.pkl"))).unwrap_or(0);
        let chosen = if self.random.below(2) == 0 { first } else { self.random.below(count) };
        let what = self.random.below(12);
        for index in 0..count {
            let mut member = archive.by_index_raw(index).expect("a member");
            let (mut name, mut content) = (String::from_utf8_lossy(member.name_raw()).into_owned(), Vec::new());
            match member.compression() {
                CompressionMethod::Stored => member.read_to_end(&mut content),
                _ => flate2::read::DeflateDecoder::new(&mut member).read_to_end(&mut content),
            }
            .expect("a member");
            if index == chosen {
                match what {
                    0 => continue,
                    1 => name += "x",
                    _ => content = self.changed(content),
                }
            }
            let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            writer.start_file(name, stored).expect("in memory");
            writer.write_all(&content).expect("in memory");
        }
        writer.finish().expect("in memory").into_inner()
    }

    fn changed(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..1 + self.random.below(4) {
            if bytes.is_empty() {
                return bytes;
            }
            let (a, b) = (self.random.below(bytes.len()), self.random.below(bytes.len()));
            let span = a..bytes.len().min(a + 1 + self.random.below(40));
            match self.random.below(8) {
                0 => bytes[a] ^= 1 << self.random.below(8),
                1 => bytes[a] = self.random.below(256) as u8,
                2 => {
                    let odd = ODD[self.random.below(ODD.len())];
                    let end = bytes.len().min(a + odd.len());
                    bytes[a..end].copy_from_slice(&odd[..end - a]);
                }
                3 => drop(bytes.drain(span)),
                4 => {
                    let piece = bytes[span].to_vec();
                    bytes.splice(b..b, piece);
                }
                5 => {
                    let piece = bytes[span].to_vec();
                    let end = bytes.len().min(b + piece.len());
                    bytes[b..end].copy_from_slice(&piece[..end - b]);
                }
                6 => {
                    // A piece of another file.
                    let other = self.random.below(self.files.len());
                    let other = &self.files[other].1;
                    let from = self.random.below(other.len());
                    let until = other.len().min(from + 1 + self.random.below(60));
                    bytes.splice(a..a, other[from..until].to_vec());
                }
                _ => bytes.truncate(a),
            }
        }
        bytes
    }
}
