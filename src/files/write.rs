//! Files that appear whole or not at all: written under another name beside their place, then renamed.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use super::FileError;

/// Writes a file whole or not at all; folders on the way are made. A file that is there is replaced in one step.
///
/// The bytes are on the disk when this returns only if `sync` is set; without it a crash of the machine (not of the
/// program) may lose them.
///
/// # Errors
/// What the operating system refuses; nothing is left behind then.
pub fn write(
    path: &Path,
    sync: bool,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), FileError> {
    let failed = |error: std::io::Error| FileError::write(path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut beside = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder).map_err(failed)?;
    {
        let mut writer = BufWriter::with_capacity(1 << 16, beside.as_file_mut());
        fill(&mut writer).and_then(|()| writer.flush()).map_err(failed)?;
    }
    readable(beside.as_file()).map_err(failed)?;
    if sync {
        beside.as_file().sync_all().map_err(failed)?;
    }
    beside.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// [`write`] for bytes that are there already.
///
/// # Errors
/// As [`write`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write(path, true, |file| file.write_all(bytes))
}

/// Pretty JSON with a line end.
///
/// # Errors
/// As [`write`].
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), FileError> {
    write(path, true, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        file.write_all(b"\n")
    })
}

/// Makes a folder with all above it.
///
/// # Errors
/// What the operating system refuses.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|error| FileError::write(path, &error))
}

/// Removes a folder with all that is in it; one that is not there is fine.
///
/// # Errors
/// What the operating system refuses.
pub fn remove_folder(path: &Path) -> Result<(), FileError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::write(path, &error)),
        _ => Ok(()),
    }
}

/// Temporary files are for their owner alone; what others shall read gets the usual rights.
#[cfg(unix)]
fn readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> std::io::Result<()> {
    Ok(())
}

/// Waits until every file below `folder` is on the disk.
///
/// # Errors
/// What the operating system refuses: a full disk is told here at the latest.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.map_err(|error| FileError::write(folder, &error.into()))?;
        let file = File::open(entry.path()).map_err(|error| FileError::write(entry.path(), &error))?;
        // Folders cannot be synced on every system; that a name is there late harms nobody.
        if entry.file_type().is_file() {
            file.sync_all().map_err(|error| FileError::write(entry.path(), &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn what_fails_half_way_leaves_nothing_and_keeps_the_old() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/file");
        write_bytes(&path, b"old").unwrap();
        let error = write(&path, true, |file| {
            file.write_all(&[0; 200_000])?;
            Err(Error::from(ErrorKind::StorageFull))
        });
        assert!(error.unwrap_err().to_string().ends_with("deep/er/file: the disk is full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "something half-written is left");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_is_really_full_is_told() {
        let full = Path::new("/dev/full");
        if let Ok(mut file) = fs::OpenOptions::new().write(true).open(full) {
            let error = file.write_all(b"x").unwrap_err();
            assert_eq!(FileError::write(full, &error).to_string(), "cannot write /dev/full: the disk is full");
        }
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("runs"), "not a folder").unwrap();
        let error = write_bytes(&folder.path().join("runs/x/metrics.json"), b"{}").unwrap_err();
        assert!(error.to_string().contains("runs/x: a file is where a folder should be"), "{error}");
    }
}
