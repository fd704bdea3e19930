//! The per-image artifacts of a stage: real maps as `.npz`, class maps as palette `.png`.

use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor};

use super::{file_name, npz, palette};
use crate::data::{self, Array, DataError, Grid, JoinedMap, Planes};
use crate::files::FileError;

/// Where the artifact `save` of the picture `id` lies in a stage's folder, without its ending.
fn stem(folder: &Path, save: &str, id: &str) -> PathBuf {
    folder.join("maps").join(file_name(save)).join(file_name(id))
}

/// Where a class map of the picture `id` lies.
pub(super) fn index_map(folder: &Path, save: &str, id: &str) -> PathBuf {
    with_ending(&stem(folder, save, id), ".png")
}

/// `2007_000032` → `2007_000032.npz`; an id may have dots of its own, so nothing is replaced.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Writes what a stage saves for one picture: `tensor` without its batch axis. Class numbers (u32 `[H, W]`, up to 255) become a
/// palette PNG; everything else an archive with one array named after the save.
///
/// # Errors
/// A file that cannot be written.
pub fn write(folder: &Path, save: &str, id: &str, tensor: &Tensor) -> Result<(), FileError> {
    let stem = stem(folder, save, id);
    if let (DType::U32, &[height, width]) = (tensor.dtype(), tensor.dims())
        && height * width > 0
    {
        let numbers = tensor.flatten_all().and_then(|flat| flat.to_vec1::<u32>());
        let numbers = numbers.map_err(|error| FileError::broken(&stem, error.to_string()))?;
        let bytes: Option<Vec<u8>> = numbers.into_iter().map(|number| u8::try_from(number).ok()).collect();
        if let Some(data) = bytes {
            return palette::write(&with_ending(&stem, ".png"), &Grid { height, width, data });
        }
    }
    npz::write(&with_ending(&stem, ".npz"), &[(save, tensor)])
}

/// Whether a whole artifact is there already, from a run that was stopped.
pub fn is_written(folder: &Path, save: &str, id: &str) -> bool {
    let stem = stem(folder, save, id);
    data::read_indices(&with_ending(&stem, ".png")).is_ok() || npz::read(&with_ending(&stem, ".npz")).is_ok()
}

/// The artifacts that one finished stage saved under one name; each is read when its picture is.
#[derive(Clone, Debug)]
pub struct StageArtifacts {
    folder: PathBuf,
    stage: String,
    save: String,
    /// Class numbers rather than a real map.
    index: bool,
}

impl StageArtifacts {
    /// `folder` is the stage's own in the store.
    pub fn new(folder: &Path, stage: &str, save: &str, index: bool) -> StageArtifacts {
        StageArtifacts { folder: folder.to_owned(), stage: stage.to_owned(), save: save.to_owned(), index }
    }
}

impl data::Artifacts for StageArtifacts {
    fn load(&self, id: &str) -> Result<JoinedMap, DataError> {
        let stem = stem(&self.folder, &self.save, id);
        let png = with_ending(&stem, ".png");
        if self.index && png.exists() {
            let Grid { height, width, data } = data::read_indices(&png)?;
            let data = data.into_iter().map(u32::from).collect();
            return Ok(JoinedMap::Index(Grid { height, width, data }));
        }
        let path = with_ending(&stem, ".npz");
        if !path.exists() {
            let what = format!("`{}.{}` was not saved for the picture `{id}`", self.stage, self.save);
            return Err(DataError::missing(&path, what).help("the two stages run over different pictures"));
        }
        let arrays = npz::read(&path).map_err(|error| DataError::broken(&path, error.what))?;
        let tensor = arrays.into_iter().next().map(|(_, tensor)| tensor);
        tensor.and_then(|tensor| joined(&tensor, self.index)).ok_or_else(|| {
            let expected = if self.index { "class numbers" } else { "real numbers" };
            DataError::broken(&path, format!("does not hold {expected}"))
        })
    }
}

fn joined(tensor: &Tensor, index: bool) -> Option<JoinedMap> {
    let (flat, dims) = (tensor.flatten_all().ok()?, tensor.dims());
    if index {
        let data: Vec<u32> = flat.to_vec1().ok()?;
        return Some(match *dims {
            [height, width] => JoinedMap::Index(Grid { height, width, data }),
            _ => JoinedMap::Array(Array::Index { dims: dims.to_vec(), data }),
        });
    }
    let data: Vec<f32> = flat.to_dtype(DType::F32).ok()?.to_vec1().ok()?;
    Some(match *dims {
        [height, width] => JoinedMap::Float(Planes { channels: 1, height, width, data }),
        [channels, height, width] => JoinedMap::Float(Planes { channels, height, width, data }),
        _ => JoinedMap::Array(Array::Float { dims: dims.to_vec(), data }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Artifacts;
    use candle_core::Device;

    #[test]
    fn maps_come_back_and_stay_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let cam = Tensor::arange(0f32, 12.0, &Device::Cpu).unwrap().reshape((2, 2, 3)).unwrap();
        let seed = Tensor::new(&[[0u32, 3], [255, 1]], &Device::Cpu).unwrap();
        let regions = Tensor::new(&[[0u32, 256]], &Device::Cpu).unwrap();
        let scores = Tensor::new(&[0.25f32, 1.0], &Device::Cpu).unwrap();
        let id = "../../2007.1";
        assert!(!is_written(folder.path(), "cam", id));
        write(folder.path(), "cam", id, &cam).unwrap();
        write(folder.path(), "seed", id, &seed).unwrap();
        write(folder.path(), "regions", id, &regions).unwrap();
        write(folder.path(), "scores", id, &scores).unwrap();
        assert!(is_written(folder.path(), "cam", id) && is_written(folder.path(), "seed", id));

        let mut files: Vec<String> = walkdir::WalkDir::new(folder.path())
            .into_iter()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().strip_prefix(folder.path()).unwrap().display().to_string())
            .collect();
        files.sort();
        let name = "%2E.%2F..%2F2007.1";
        assert_eq!(
            files,
            ["cam/%.npz", "regions/%.npz", "scores/%.npz", "seed/%.png"]
                .map(|path| format!("maps/{}", path.replace('%', name)))
        );

        let load = |save, index| StageArtifacts::new(folder.path(), "cams", save, index).load(id);
        let data: Vec<f32> = (0..12).map(|number| number as f32).collect();
        assert_eq!(load("cam", false), Ok(JoinedMap::Float(Planes { channels: 2, height: 2, width: 3, data })));
        assert_eq!(load("seed", true), Ok(JoinedMap::Index(Grid { height: 2, width: 2, data: vec![0, 3, 255, 1] })));
        assert_eq!(load("regions", true), Ok(JoinedMap::Index(Grid { height: 1, width: 2, data: vec![0, 256] })));
        let array = Array::Float { dims: vec![2], data: vec![0.25, 1.0] };
        assert_eq!(load("scores", false), Ok(JoinedMap::Array(array)));
        assert!(load("cam", true).unwrap_err().what.contains("does not hold class numbers"));
        let missing = load("other", false).unwrap_err();
        assert_eq!(missing.what, "`cams.other` was not saved for the picture `../../2007.1`");
    }
}
