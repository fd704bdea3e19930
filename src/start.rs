//! Starts the program that is linked against NVIDIA's libraries, or says which of them are missing and where they were looked for.
//!
//! Candle links CUDA for good, so a program with it does not begin where a library is missing, and what the system's loader says then helps nobody.
//! Libraries that came with PyTorch's wheels or a toolkit outside of the loader's path are found here, too.
//!
//! This file uses nothing of the library: whoever does is linked against CUDA.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What the run failed by: the device (docs/cli.md).
const FAILED: u8 = 3;

pub fn main() -> ExitCode {
    let program = match env::current_exe() {
        Ok(own) => own.with_file_name("wsss-cuda"),
        Err(error) => {
            return failed(&format!("where this program lies is not known: {error}"), "start `wsss-cuda` by its path");
        }
    };
    if !program.is_file() {
        let what = format!("there is no {} beside this program", program.display());
        return failed(&what, "a build with CUDA is of two programs that stay together: `wsss` and `wsss-cuda`");
    }
    let path = env::var_os("LD_LIBRARY_PATH");
    if missing(&program, path.as_ref()).is_empty() {
        return start(&program, path.as_ref());
    }
    let folders = folders(|name| env::var_os(name));
    let wider = env::join_paths(path.iter().flat_map(env::split_paths).chain(folders.iter().cloned())).ok();
    let missing = missing(&program, wider.as_ref());
    if missing.is_empty() {
        return start(&program, wider.as_ref());
    }
    let (what, help) = told(&missing, path.as_ref(), &folders);
    failed(&what, &help)
}

/// The libraries that the loader does not find for the program, with `path` as its `LD_LIBRARY_PATH`. Where the loader does not say, none.
fn missing(program: &Path, path: Option<&OsString>) -> Vec<String> {
    // The loader of Linux then lists what the program needs, and does not run it (ld.so(8)).
    let mut command = Command::new(program);
    command.env("LD_TRACE_LOADED_OBJECTS", "1");
    if let Some(path) = path {
        command.env("LD_LIBRARY_PATH", path);
    }
    let listed = if cfg!(target_os = "linux") { command.output().ok() } else { None };
    listed.map_or(Vec::new(), |listed| not_found(&String::from_utf8_lossy(&listed.stdout)))
}

/// The names of a list as `libcuda.so.1 => not found`.
fn not_found(list: &str) -> Vec<String> {
    list.lines()
        .filter_map(|line| line.trim().strip_suffix("=> not found"))
        .map(|name| name.trim().to_string())
        .collect()
}

/// Folders that may hold the libraries and are there: those of toolkits, and of wheels for Python.
fn folders(var: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let root = |name: &str| var(name).map(PathBuf::from);
    let toolkits = [root("CUDA_HOME"), root("CUDA_PATH"), Some("/usr/local/cuda".into())];
    let mut found: Vec<PathBuf> = toolkits.into_iter().flatten().map(|toolkit| toolkit.join("lib64")).collect();
    found.extend(root("CONDA_PREFIX").map(|conda| conda.join("lib")));
    let local = root("HOME").map(|home| home.join(".local"));
    let pythons = [root("VIRTUAL_ENV"), root("CONDA_PREFIX"), local, Some("/usr/local".into()), Some("/usr".into())];
    for python in pythons.into_iter().flatten() {
        for version in below(&python.join("lib"), |name| name.starts_with("python3")) {
            for packages in ["site-packages", "dist-packages"] {
                let wheels = below(&version.join(packages).join("nvidia"), |_| true);
                found.extend(wheels.into_iter().map(|wheel| wheel.join("lib")));
            }
        }
    }
    found.retain(|folder| folder.is_dir());
    found
}

/// What lies in a folder under a name that `wanted` takes, in order.
fn below(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let wanted = entries.filter(|entry| entry.file_name().to_str().is_some_and(&wanted));
    let mut found: Vec<PathBuf> = wanted.map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// What is wrong, and what to do about it.
fn told(missing: &[String], path: Option<&OsString>, folders: &[PathBuf]) -> (String, String) {
    let driver = |name: &&String| name.starts_with("libcuda.so");
    let what = format!("this program is built for CUDA, and {} cannot be found", missing.join(", "));
    let mut help = Vec::new();
    if missing.iter().any(|name| driver(&name)) {
        help.push("libcuda is a part of NVIDIA's driver: without one there is no GPU to compute on".to_string());
    }
    if missing.iter().any(|name| !driver(&name)) {
        help.push("the others are of NVIDIA's toolkit and cuDNN, or of PyTorch's wheels; `LD_LIBRARY_PATH` names their folder".into());
    }
    let looked: Vec<String> = path
        .iter()
        .flat_map(env::split_paths)
        .chain(folders.iter().cloned())
        .map(|folder| folder.display().to_string())
        .collect();
    let looked = if looked.is_empty() { String::new() } else { format!(", {}", looked.join(", ")) };
    help.push(format!("looked in the folders of the system{looked}"));
    help.push("`cargo build --release`, without `--features cuda`, makes a program that needs none of it".into());
    (what, help.join("\n  help: "))
}

fn failed(what: &str, help: &str) -> ExitCode {
    eprintln!("error[no-device]: {what}\n  help: {help}");
    ExitCode::from(FAILED)
}

/// In place of this program, with the same arguments.
fn start(program: &Path, path: Option<&OsString>) -> ExitCode {
    let mut command = Command::new(program);
    command.args(env::args_os().skip(1));
    if let Some(path) = path {
        command.env("LD_LIBRARY_PATH", path);
    }
    #[cfg(unix)]
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    #[cfg(not(unix))]
    let error = match command.status() {
        Ok(status) => return ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILED)),
        Err(error) => error,
    };
    failed(&format!("{} does not start: {error}", program.display()), "build it anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_loader_lists_as_missing() {
        let list = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibcuda.so.1 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\tlibcudnn.so.9 => not found\n";
        assert_eq!(not_found(list), ["libcuda.so.1", "libcudnn.so.9"]);
        // This very program has what it needs.
        assert_eq!(missing(&env::current_exe().unwrap(), None), Vec::<String>::new());
    }

    #[test]
    fn wheels_and_toolkits_are_looked_through() {
        let root = tempfile::tempdir().unwrap();
        let wheel = root.path().join("lib/python3.12/site-packages/nvidia/cudnn/lib");
        let toolkit = root.path().join("toolkit");
        for folder in [&wheel, &toolkit.join("lib64"), &root.path().join("lib/python2.7/site-packages/nvidia/old/lib")]
        {
            std::fs::create_dir_all(folder).unwrap();
        }
        let found = folders(|name| match name {
            "VIRTUAL_ENV" => Some(root.path().into()),
            "CUDA_HOME" => Some(toolkit.clone().into()),
            _ => None,
        });
        let own: Vec<_> = found.into_iter().filter(|folder| folder.starts_with(root.path())).collect();
        assert_eq!(own, [toolkit.join("lib64"), wheel]);
    }

    #[test]
    fn the_message_names_libraries_and_folders() {
        let (what, help) = told(&["libcudnn.so.9".into()], Some(&"/a:/b".into()), &["/c".into()]);
        assert!(what.ends_with("libcudnn.so.9 cannot be found"), "{what}");
        assert!(help.contains("/a, /b, /c") && !help.contains("driver"), "{help}");
        let (_, help) = told(&["libcuda.so.1".into()], None, &[]);
        assert!(help.contains("NVIDIA's driver") && !help.contains("cuDNN"), "{help}");
    }
}
