//! All integration tests, in one binary: the program is linked once. A folder is a subject, a file in it a command or a theme.

mod accepted;
mod cli;
mod docs;
mod errors;
mod fuzz;
mod golden;
mod library;
mod losses;
mod memory;
mod nets;
mod networks;
mod ops;
mod photographs;
mod programs;
mod proofs;
mod recipes;
mod refinement;

use std::path::Path;

/// A test file that no `mod` line names would never run.
#[test]
fn no_test_file_is_forgotten() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let here = include_str!("main.rs");
    let mut forgotten = Vec::new();
    for folder in std::fs::read_dir(&root).expect("tests/ is there") {
        let folder = folder.expect("tests/ can be listed").path();
        let name = folder.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_string();
        let declared_in = folder.join("mod.rs");
        let is_code = folder.extension().is_some_and(|extension| extension == "rs") || declared_in.is_file();
        if is_code && name != "main" && !here.contains(&format!("mod {name};")) {
            forgotten.push(folder.clone());
        }
        let Ok(declared) = std::fs::read_to_string(&declared_in) else { continue };
        for file in std::fs::read_dir(&folder).expect("the folder is there") {
            let file = file.expect("the folder can be listed").path();
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_string();
            let is_code = file.extension().is_some_and(|extension| extension == "rs");
            if is_code && stem != "mod" && !declared.contains(&format!("mod {stem};")) {
                forgotten.push(file);
            }
        }
    }
    assert!(forgotten.is_empty(), "no `mod` line names {forgotten:?}");
}
