//! A folder of maps that no stage made (saliency, for example), one grey picture an image, by its name.

use std::path::{Path, PathBuf};

use super::files::by_stem;
use super::{Artifacts, DataError, JoinedMap, Planes, read_rgb};

/// Endings of the maps that are read.
const ENDINGS: &[&str] = &["png", "jpg", "jpeg"];

/// Grey pictures named like the images they belong to; 0–255 becomes 0–1.
#[derive(Clone, Debug)]
pub struct FolderMaps {
    folder: PathBuf,
}

impl FolderMaps {
    pub fn new(folder: &Path) -> FolderMaps {
        FolderMaps { folder: folder.to_owned() }
    }

    /// Whether a picture has a map there.
    pub fn has(&self, id: &str) -> bool {
        self.candidates(id).any(|path| path.is_file())
    }

    /// The files in which the map of a picture may be.
    fn candidates(&self, id: &str) -> impl Iterator<Item = PathBuf> {
        ENDINGS.iter().map(move |ending| self.folder.join(format!("{id}.{ending}")))
    }

    /// A hash of the names and sizes of its files. Does not depend on where the folder lies.
    ///
    /// # Errors
    /// A folder that is not there, or holds no map.
    pub fn fingerprint(&self) -> Result<String, DataError> {
        if !self.folder.is_dir() {
            return Err(DataError::missing(&self.folder, "there is no such folder of maps"));
        }
        let mut files: Vec<(String, PathBuf)> = by_stem(&self.folder, ENDINGS)?.into_iter().collect();
        if files.is_empty() {
            return Err(DataError::invalid(&self.folder, "holds no maps (`<name of the picture>.png`)"));
        }
        files.sort();
        let mut hasher = blake3::Hasher::new();
        for (name, path) in files {
            let size = std::fs::metadata(&path).map_err(|error| DataError::io(&path, &error))?.len();
            hasher.update(format!("{name:?} {size}\n").as_bytes());
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

impl Artifacts for FolderMaps {
    fn load(&self, id: &str) -> Result<JoinedMap, DataError> {
        let Some(path) = self.candidates(id).find(|path| path.is_file()) else {
            let path = self.candidates(id).next().unwrap_or_else(|| self.folder.clone());
            return Err(DataError::missing(path, format!("the picture `{id}` has no map there")));
        };
        let picture = read_rgb(&path)?;
        let grey: Option<Vec<f32>> = picture
            .data
            .chunks_exact(3)
            .map(|pixel| (pixel[0] == pixel[1] && pixel[1] == pixel[2]).then(|| f32::from(pixel[0]) / 255.0))
            .collect();
        let Some(data) = grey else {
            return Err(DataError::invalid(path, "is in colour, a map is grey: 0 for no, 255 for yes"));
        };
        Ok(JoinedMap::Float(Planes { channels: 1, height: picture.height, width: picture.width, data }))
    }

    fn needs_size(&self) -> bool {
        true
    }

    fn own_file(&self, id: &str) -> Option<PathBuf> {
        self.candidates(id).find(|path| path.is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::Tree;

    #[test]
    fn grey_pictures_by_name() {
        let tree = Tree::new();
        tree.grey("sal/a.png", 2, 2, |y, x| [[0, 51], [102, 255]][y][x]);
        let maps = FolderMaps::new(&tree.root().join("sal"));
        let JoinedMap::Float(planes) = maps.load("a").unwrap() else { panic!("a real map") };
        assert_eq!((planes.channels, planes.height, planes.width), (1, 2, 2));
        assert_eq!(planes.data, [0.0, 0.2, 0.4, 1.0]);
        let before = maps.fingerprint().unwrap();
        assert_eq!(tree.tell(&maps.load("b").err().unwrap()), "sal/b.png: the picture `b` has no map there");
        tree.jpeg("sal/b.jpg", 4, 4);
        assert_ne!(maps.fingerprint().unwrap(), before);
        assert!(tree.tell(&maps.load("b").err().unwrap()).starts_with("sal/b.jpg: is in colour"));
    }

    #[test]
    fn a_folder_without_maps_is_told() {
        let tree = Tree::new();
        tree.text("sal/readme.txt", "no maps here");
        let tell = |folder: &str| tree.tell(&FolderMaps::new(&tree.root().join(folder)).fingerprint().err().unwrap());
        assert_eq!(tell("sal"), "sal: holds no maps (`<name of the picture>.png`)");
        assert!(tell("nowhere").starts_with("nowhere: "), "{}", tell("nowhere"));
    }
}
