//! What a stage has saved, packed for the test server of PASCAL VOC: one archive, whole or not at all.

use std::path::{Path, PathBuf};

use super::artifacts::index_map;
use super::file_name;
use crate::files::archive::Stored;
use crate::files::{self, FileError};

/// Where the archive of a save lies in the folder of its stage.
pub fn path(folder: &Path, save: &str) -> PathBuf {
    folder.join(format!("{}.zip", file_name(save)))
}

/// Packs the index maps that were saved for the pictures `ids`, which lie in the folder `within` of the archive.
///
/// # Errors
/// A map that is not there, an archive that cannot be written.
pub fn pack<'i>(folder: &Path, save: &str, within: &str, ids: impl Iterator<Item = &'i str>) -> Result<(), FileError> {
    let path = path(folder, save);
    let mut archive = Stored::default();
    for id in ids {
        let map = index_map(folder, save, id);
        let bytes = std::fs::read(&map).map_err(|error| FileError::read(&map, &error))?;
        archive.add(&format!("{within}/{id}.png"), &bytes).map_err(|what| FileError::broken(&path, what))?;
    }
    let bytes = archive.finish().map_err(|what| FileError::broken(&path, what))?;
    files::write_bytes(&path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::archive::Archive;
    use crate::store::write_artifact;
    use candle_core::{Device, Tensor};

    #[test]
    fn the_archive_holds_the_maps_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let mask = Tensor::new(&[[0u32, 15, 20]], &Device::Cpu).unwrap();
        for id in ["2008_000006", "2008_000001"] {
            write_artifact(folder.path(), "mask", id, &mask).unwrap();
        }
        let pack = |ids: &[&str]| pack(folder.path(), "mask", "results/comp6_test_cls", ids.iter().copied());
        let error = pack(&["2008_000006", "2008_000007"]).unwrap_err().to_string();
        assert!(error.ends_with("2008_000007.png: there is no such file"), "{error}");
        assert!(!path(folder.path(), "mask").exists(), "half an archive is left");

        pack(&["2008_000006", "2008_000001"]).unwrap();
        let mut archive = Archive::open(std::fs::File::open(path(folder.path(), "mask")).unwrap()).unwrap();
        let names: Vec<&str> = archive.members().iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["results/comp6_test_cls/2008_000006.png", "results/comp6_test_cls/2008_000001.png"]);
        let picture = folder.path().join("picture.png");
        std::fs::write(&picture, archive.read(1).unwrap()).unwrap();
        assert_eq!(crate::data::read_indices(&picture).unwrap().data, [0, 15, 20]);
    }
}
