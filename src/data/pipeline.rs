//! From a place in a list to a finished sample: decode what is asked for, join what other stages made, augment.

use std::path::PathBuf;
use std::sync::Arc;

use super::sample::{Array, Picture, Rect};
use super::{DataError, Dataset, Grid, Kind, Placed, Planes, Sample};
use crate::random::Stream;

/// What a step asks for. What is not asked for is never opened: a recipe without `mask` sees no mask.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fields {
    pub image: bool,
    pub mask: bool,
    pub tags: bool,
    /// 1 where there is picture, 0 where there is padding.
    pub valid: bool,
    /// The size the picture was decoded at.
    pub size: bool,
}

/// What another stage has made of one picture.
///
/// A map moves with the picture where something moves the picture, and must then be as large; where nothing does, it
/// arrives as it was saved, whatever its grid.
#[derive(Clone, PartialEq, Debug)]
pub enum JoinedMap {
    /// `[C, H, W]`.
    Float(Planes),
    /// Class or region numbers, `[H, W]`.
    Index(Grid<u32>),
    /// Numbers of the whole picture, which no transform changes: scores `[C]`, relations `[N, N, …]`.
    Array(Array),
    /// One number everywhere, in a map as large as the picture.
    Even { channels: usize, index: bool, value: f64 },
}

/// The maps that one output of another stage has saved, by picture.
pub trait Artifacts: Send + Sync {
    /// The map of the picture `id`, or which file is missing or broken.
    fn load(&self, id: &str) -> Result<JoinedMap, DataError>;
    /// Whether the size of the picture is needed: a map may be [`JoinedMap::Even`], which takes its size from there, or is held against it.
    fn needs_size(&self) -> bool {
        false
    }
    /// The file of a map, where maps are the user's own: those are as large as their pictures.
    fn own_file(&self, _id: &str) -> Option<PathBuf> {
        None
    }
}

/// Maps joined to each sample under a name.
#[derive(Clone)]
pub struct Join {
    pub name: String,
    pub artifacts: Arc<dyn Artifacts>,
    /// Saved as `[H, W]`: the batch has no axis of channels then, although a map has one on its way.
    pub flat: bool,
}

/// All that turns a split into samples.
#[derive(Clone)]
pub struct Pipeline {
    dataset: Arc<dyn Dataset>,
    split: String,
    transforms: Vec<Placed>,
    joins: Vec<Join>,
    fields: Fields,
    /// Whether any transform changes where things are.
    moves: bool,
}

impl Pipeline {
    /// Refuses, before anything is decoded, what cannot work: a split that does not exist or is empty, pictures that are
    /// listed and absent, a transform with impossible numbers.
    pub fn new(
        dataset: Arc<dyn Dataset>,
        split: &str,
        transforms: Vec<Placed>,
        joins: Vec<Join>,
        fields: Fields,
    ) -> Result<Pipeline, DataError> {
        match dataset.len(split) {
            None => {
                let help = crate::diag::suggest::help(split, "splits", dataset.splits());
                return Err(DataError::argument(format!("`{}` has no split `{split}`", dataset.name())).help(help));
            }
            Some(0) => {
                return Err(DataError::argument(format!("the split `{split}` of `{}` is empty", dataset.name())));
            }
            Some(_) => {}
        }
        if let Some(mistake) = transforms.iter().find_map(|placed| placed.transform.mistake()) {
            return Err(DataError::argument(mistake));
        }
        let mut absent = dataset.absent(split).into_iter();
        if let (Some(mut first), more) = (absent.next(), absent.len()) {
            if more > 0 {
                first.what += &format!(" (and {more} more)");
            }
            return Err(first.help("`wsss data check` lists all of them"));
        }
        let moves = transforms.iter().any(|placed| placed.transform.moves());
        Ok(Pipeline { dataset, split: split.to_owned(), transforms, joins, fields, moves })
    }

    /// How many samples there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "an empty split is refused at the door")]
    pub fn len(&self) -> usize {
        self.dataset.len(&self.split).unwrap_or(0)
    }

    pub fn fields(&self) -> Fields {
        self.fields
    }

    pub fn dataset(&self) -> &Arc<dyn Dataset> {
        &self.dataset
    }

    pub fn split(&self) -> &str {
        &self.split
    }

    /// Whether a joined map has no axis of channels.
    pub fn is_flat(&self, name: &str) -> bool {
        self.joins.iter().any(|join| join.flat && join.name == name)
    }

    /// The name of the picture at `index`.
    pub fn id(&self, index: usize) -> &str {
        self.dataset.id(&self.split, index)
    }

    /// The sample at `index` as `epoch` of a run with `seed` sees it.
    pub fn load(&self, index: usize, epoch: u64, seed: u64) -> Result<Sample, DataError> {
        let mut sample = self.decode(index)?;
        for join in &self.joins {
            self.join(&mut sample, join)?;
        }
        for Placed { transform, place, streams } in &self.transforms {
            transform.apply(&mut sample, streams, &mut Stream::new(seed, *place, epoch, index as u64))?;
        }
        Ok(sample)
    }

    fn decode(&self, index: usize) -> Result<Sample, DataError> {
        let (dataset, split) = (self.dataset.as_ref(), self.split.as_str());
        let mut sample = Sample { id: dataset.id(split, index).to_owned(), index: index as u64, ..Sample::default() };
        if self.fields.tags {
            sample.tags = Some(dataset.tags(split, index)?);
        }
        // Maps that move need to know the size of their picture, and a mask tells it as well.
        let sized = self.joins.iter().any(|join| join.artifacts.needs_size());
        let size_needed = self.fields.valid || sized || (self.moves && !self.joins.is_empty());
        if self.fields.image || self.fields.size || (size_needed && !self.fields.mask) {
            let image = dataset.image(split, index)?;
            sample.start([image.height, image.width]);
            sample.image = Some(Picture::Bytes(image));
        }
        if self.fields.mask {
            let Some(mask) = dataset.mask(split, index)? else {
                let what = format!("`{}` has no mask, and the recipe asks for it", sample.id);
                return Err(DataError { kind: Kind::Missing, ..DataError::argument(what) });
            };
            let size = [mask.height, mask.width];
            // A mask that does not belong to its picture is found also where the recipe does not look at the picture.
            if sample.image.is_none() {
                sample.start(dataset.image_size(split, index)?);
            }
            if let Some(problem) = super::unlike_sizes(dataset, split, index, sample.size, size) {
                return Err(problem);
            }
            sample.mask = Some(mask);
        }
        Ok(sample)
    }

    fn join(&self, sample: &mut Sample, join: &Join) -> Result<(), DataError> {
        let name = join.name.clone();
        let map = match join.artifacts.load(&sample.id)? {
            JoinedMap::Even { channels, index, value } => even(channels, index, value, sample.size),
            map => map,
        };
        let (kind, size) = match &map {
            JoinedMap::Float(planes) => ("map", [planes.height, planes.width]),
            JoinedMap::Index(grid) => ("index map", [grid.height, grid.width]),
            JoinedMap::Array(_) | JoinedMap::Even { .. } => ("array", sample.size),
        };
        if size != sample.size
            && let Some(file) = join.artifacts.own_file(&sample.id)
        {
            let ([mh, mw], [height, width]) = (size, sample.size);
            let what = format!("is {mh} × {mw}, its picture is {height} × {width} (height × width)");
            return Err(DataError::invalid(file, what).help("a map is as large as its picture"));
        }
        if self.moves && size != sample.size {
            let ([mh, mw], [height, width]) = (size, sample.size);
            let what = format!(
                "the {kind} `{name}` of `{}` is {mh} × {mw}, its picture is {height} × {width} (height × width)",
                sample.id
            );
            return Err(
                DataError::argument(what).help("only a map as large as its picture can be cropped or flipped with it")
            );
        }
        match map {
            JoinedMap::Float(planes) if self.moves => drop(sample.maps.insert(name, planes)),
            JoinedMap::Index(grid) if self.moves => drop(sample.index_maps.insert(name, grid)),
            JoinedMap::Float(Planes { channels, height, width, data }) => {
                let dims = if join.flat { vec![height, width] } else { vec![channels, height, width] };
                drop(sample.arrays.insert(name, Array::Float { dims, data }));
            }
            JoinedMap::Index(Grid { height, width, data }) => {
                drop(sample.arrays.insert(name, Array::Index { dims: vec![height, width], data }));
            }
            JoinedMap::Array(array) => drop(sample.arrays.insert(name, array)),
            // Taken apart above.
            JoinedMap::Even { .. } => {}
        }
        Ok(())
    }
}

/// A map of one number.
fn even(channels: usize, index: bool, value: f64, [height, width]: [usize; 2]) -> JoinedMap {
    match index {
        true => JoinedMap::Index(Grid { height, width, data: vec![value as u32; height * width] }),
        false => {
            let data = vec![value as f32; channels * height * width];
            JoinedMap::Float(Planes { channels, height, width, data })
        }
    }
}

impl Sample {
    /// Sets the size that everything in the sample must have.
    fn start(&mut self, size: [usize; 2]) {
        self.original = size;
        self.size = size;
        self.valid = Rect { top: 0, left: 0, height: size[0], width: size[1] };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{Counted, Tree};
    use crate::data::{Source, Transform, open};

    fn tree() -> Tree {
        let tree = Tree::new();
        tree.text("labels.csv", "a,owl;fox\nb,fox\n");
        tree.jpeg("images/a.jpg", 4, 6);
        tree.jpeg("images/b.jpg", 6, 4);
        tree.mask("masks/a.png", 4, 6, |_, x| x as u8 % 3);
        tree.mask("masks/b.png", 4, 6, |_, _| 0);
        tree
    }

    fn pipeline(tree: &Tree, fields: Fields) -> Pipeline {
        let dataset = open(&Source::Folder { root: tree.root().to_owned(), tags: None }).unwrap();
        Pipeline::new(dataset, "train", Vec::new(), Vec::new(), fields).unwrap()
    }

    #[test]
    fn a_mask_that_is_not_asked_for_is_never_opened() {
        let (dataset, counts) = Counted::whole(4, 3);
        let fields = Fields { image: true, tags: true, ..Fields::default() };
        let pipeline = Pipeline::new(dataset, "train", Vec::new(), Vec::new(), fields).unwrap();
        let sample = pipeline.load(1, 0, 0).unwrap();
        assert!(sample.mask.is_none() && sample.image.is_some() && sample.tags.is_some());
        assert_eq!((counts.images(), counts.masks()), (1, 0));
    }

    #[test]
    fn a_mask_of_another_size_names_both() {
        let tree = tree();
        let pipeline = pipeline(&tree, Fields { image: true, mask: true, ..Fields::default() });
        assert_eq!(pipeline.load(0, 0, 0).unwrap().mask.unwrap().data[..3], [0, 1, 2]);
        let error = pipeline.load(1, 0, 0).unwrap_err();
        assert_eq!(tree.tell(&error), "masks/b.png: is 4 × 6, its picture is 6 × 4 (height × width)");
    }

    #[test]
    fn what_cannot_work_is_refused_at_the_door() {
        let tree = tree();
        tree.text("labels.csv", "a,owl\nb,fox\nc,fox\nd,owl\n");
        let dataset = open(&Source::Folder { root: tree.root().to_owned(), tags: None }).unwrap();
        let new = |split: &str, transforms| {
            Pipeline::new(dataset.clone(), split, transforms, Vec::new(), Fields::default()).err().unwrap()
        };
        assert_eq!(
            tree.tell(&new("trian", Vec::new())),
            ": `folder` has no split `trian`; did you mean `train`?  splits: `train`"
        );
        assert_eq!(
            tree.tell(&new("train", Vec::new())),
            "images/c: is listed in labels.csv, but there is no such file (and 1 more); \
             `wsss data check` lists all of them"
        );
        let crop = Placed::new(Transform::RandomCrop { size: [0, 8] }, 0);
        assert_eq!(new("train", vec![crop]).what, "a side is a whole number of 1 to 32768 pixels");
    }

    struct Fixed(JoinedMap);

    impl Artifacts for Fixed {
        fn load(&self, _: &str) -> Result<JoinedMap, DataError> {
            Ok(self.0.clone())
        }
    }

    #[test]
    fn a_map_of_ones_own_is_as_large_as_its_picture() {
        let tree = tree();
        tree.grey("sal/a.png", 2, 3, |_, _| 0);
        let dataset = open(&Source::Folder { root: tree.root().to_owned(), tags: None }).unwrap();
        let artifacts = Arc::new(crate::data::FolderMaps::new(&tree.root().join("sal")));
        let join = Join { name: "saliency".into(), artifacts, flat: false };
        let pipeline = Pipeline::new(dataset, "train", Vec::new(), vec![join], Fields::default()).unwrap();
        let error = tree.tell(&pipeline.load(0, 0, 0).err().unwrap());
        assert!(error.starts_with("sal/a.png: is 2 × 3, its picture is 4 × 6 (height × width)"), "{error}");
    }

    #[test]
    fn joined_maps_move_or_arrive_as_they_were_saved() {
        let tree = tree();
        let dataset = open(&Source::Folder { root: tree.root().to_owned(), tags: None }).unwrap();
        let load = |map: JoinedMap, transforms: Vec<Transform>| {
            let join = Join { name: "cam".into(), artifacts: Arc::new(Fixed(map)), flat: false };
            let placed = transforms.into_iter().map(|transform| Placed::new(transform, 1)).collect();
            let fields = Fields::default();
            Pipeline::new(dataset.clone(), "train", placed, vec![join], fields).unwrap().load(0, 0, 0)
        };
        let coarse = JoinedMap::Float(Planes { channels: 2, height: 1, width: 2, data: vec![1.0, 2.0, 3.0, 4.0] });
        let sample = load(coarse.clone(), Vec::new()).unwrap();
        let saved = Array::Float { dims: vec![2, 1, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
        assert_eq!((&sample.arrays["cam"], sample.maps.len()), (&saved, 0));
        let flip = || vec![Transform::RandomFlip { p: 1.0 }];
        let whole = JoinedMap::Index(Grid { height: 4, width: 6, data: (0..24).collect() });
        assert_eq!(load(whole, flip()).unwrap().index_maps["cam"].data[..6], [5, 4, 3, 2, 1, 0]);
        let scores = Array::Float { dims: vec![2], data: vec![0.5, 0.25] };
        assert_eq!(load(JoinedMap::Array(scores.clone()), flip()).unwrap().arrays["cam"], scores);
        let error = load(coarse, flip()).unwrap_err();
        assert!(error.what.starts_with("the map `cam` of `a` is 1 × 2, its picture is 4 × 6"), "{error}");
    }
}
