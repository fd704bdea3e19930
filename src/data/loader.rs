//! Batches, made ahead of the step that wants them.
//!
//! A thread of its own decodes and augments on its own rayon pool and hands batches through a bounded channel. The pool is
//! not shared with the consumer: a consumer that waits inside a rayon worker would otherwise hold the very thread that its
//! batch needs. Which worker loads a sample decides nothing about it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::{Array, DataError, Pipeline, Sample};
use crate::random::Stream;

/// How the samples of a pipeline become batches.
#[derive(Clone, PartialEq, Debug)]
pub struct LoaderOptions {
    /// Samples a batch, at least 1.
    pub batch: usize,
    /// An order drawn anew each epoch instead of the list's.
    pub shuffle: bool,
    /// Leaves out the last batch where it would be smaller.
    pub drop_last: bool,
    pub seed: u64,
    pub epoch: u64,
    /// Only the first so many samples of the list.
    pub limit: Option<usize>,
    /// The most batches that wait to be taken, at least 1.
    pub ahead: usize,
    /// Threads that decode; 0 stands for as many as rayon would take.
    pub workers: usize,
}

impl Default for LoaderOptions {
    fn default() -> LoaderOptions {
        LoaderOptions {
            batch: 1,
            shuffle: false,
            drop_last: false,
            seed: 0,
            epoch: 0,
            limit: None,
            ahead: 2,
            workers: 0,
        }
    }
}

impl LoaderOptions {
    /// The places in the list, batch by batch, of a split of `len` pictures.
    pub fn order(&self, len: usize) -> Vec<Vec<usize>> {
        let mut places: Vec<usize> = (0..len.min(self.limit.unwrap_or(len))).collect();
        if self.shuffle {
            Stream::new(self.seed, SHUFFLE, self.epoch, 0).shuffle(&mut places);
        }
        let batch = self.batch.max(1);
        let batches = places.chunks(batch).filter(|places| !self.drop_last || places.len() == batch);
        batches.map(<[usize]>::to_vec).collect()
    }
}

/// The place of the shuffle among the places of a recipe, which count from 0.
const SHUFFLE: u64 = u64::MAX;

/// Some samples as tensors on the CPU, by the name of the field.
///
/// | name | type and shape |
/// | --- | --- |
/// | `image` | f32 `[B, 3, H, W]` |
/// | `tags` | f32 `[B, K]`, 0 or 1 |
/// | `mask` | u32 `[B, H, W]`, 255 not known |
/// | `valid` | f32 `[B, 1, H, W]`, 0 or 1 |
/// | `size` | u32 `[B, 2]`, height and width as decoded |
/// | a joined map | f32 `[B, C, H, W]` or `[B, H, W]` as it was saved, class numbers u32 `[B, H, W]` |
/// | a joined array | f32 or u32 `[B, …]` |
#[derive(Clone, Debug)]
pub struct Batch {
    pub ids: Vec<String>,
    /// Places in the split's list.
    pub indices: Vec<u64>,
    pub tensors: BTreeMap<String, Tensor>,
}

/// The batches of one epoch, in order; ends after the first problem. Dropping it stops the work at the next sample.
pub struct Loader {
    batches: usize,
    receiver: Option<Receiver<Result<Batch, DataError>>>,
    producer: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Loader {
    pub fn new(pipeline: Arc<Pipeline>, options: LoaderOptions) -> Loader {
        let order = options.order(pipeline.len());
        let batches = order.len();
        let stop = Arc::new(AtomicBool::new(false));
        // One batch waits in the producer's hands, the others in the channel.
        let (sender, receiver) = sync_channel(options.ahead.max(1) - 1);
        let producer = Producer { pipeline, options, order, stop: stop.clone(), sender };
        let producer = std::thread::Builder::new().name("wsss-loader".to_owned()).spawn(move || producer.run());
        match producer {
            Ok(producer) => Loader { batches, receiver: Some(receiver), producer: Some(producer), stop },
            Err(error) => Loader::failed(no_thread(&error)),
        }
    }

    fn failed(problem: DataError) -> Loader {
        let (sender, receiver) = sync_channel(1);
        let sent = sender.send(Err(problem));
        debug_assert!(sent.is_ok(), "the receiver is in this function");
        Loader { batches: 0, receiver: Some(receiver), producer: None, stop: Arc::default() }
    }

    /// How many batches the epoch has.
    pub fn batches(&self) -> usize {
        self.batches
    }

    fn finish(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A producer that waits for room learns from this that nobody will make any.
        self.receiver = None;
        let panic = self.producer.take().and_then(|producer| producer.join().err());
        if let (Some(panic), false) = (panic, std::thread::panicking()) {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Result<Batch, DataError>> {
        let next = self.receiver.as_ref().and_then(|receiver| receiver.recv().ok());
        if !matches!(next, Some(Ok(_))) {
            self.finish();
        }
        next
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Producer {
    pipeline: Arc<Pipeline>,
    options: LoaderOptions,
    order: Vec<Vec<usize>>,
    stop: Arc<AtomicBool>,
    sender: SyncSender<Result<Batch, DataError>>,
}

impl Producer {
    fn run(self) {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.options.workers)
            .thread_name(|at| format!("wsss-decode-{at}"))
            .build();
        let pool = match pool {
            Ok(pool) => pool,
            // Nobody listening is the only way to fail here, and then there is nobody to tell.
            Err(error) => return drop(self.sender.send(Err(no_thread(&error)))),
        };
        if self.order.is_empty() {
            let (pictures, batch) = (self.pipeline.len(), self.options.batch);
            let what = format!("{pictures} pictures make no full batch of {batch}, and smaller ones are dropped");
            return drop(self.sender.send(Err(DataError::argument(what))));
        }
        for places in &self.order {
            let Some(batch) = pool.install(|| self.load(places)) else { return };
            let failed = batch.is_err();
            if self.sender.send(batch).is_err() || failed {
                return;
            }
        }
    }

    /// One batch, or the problem of its first bad sample; `None` once the loader is gone.
    fn load(&self, places: &[usize]) -> Option<Result<Batch, DataError>> {
        let load = |&place: &usize| {
            let stopped = self.stop.load(Ordering::Relaxed);
            (!stopped).then(|| self.pipeline.load(place, self.options.epoch, self.options.seed))
        };
        let samples: Option<Vec<Result<Sample, DataError>>> = places.par_iter().map(load).collect();
        let samples: Result<Vec<Sample>, DataError> = samples?.into_iter().collect();
        Some(samples.and_then(|samples| collate(&self.pipeline, samples)))
    }
}

impl Pipeline {
    /// The sample at `index` as a batch of its own, for work that takes pictures one by one.
    pub fn batch_of_one(&self, index: usize, epoch: u64, seed: u64) -> Result<Batch, DataError> {
        collate(self, vec![self.load(index, epoch, seed)?])
    }
}

fn collate(pipeline: &Pipeline, mut samples: Vec<Sample>) -> Result<Batch, DataError> {
    let fields = pipeline.fields();
    expect_one_size(&samples)?;
    let [height, width] = samples[0].size;
    let count = samples.len();
    let mut tensors = BTreeMap::new();
    let mut add = |name: &str, tensor: candle_core::Result<Tensor>| {
        let tensor = tensor.map_err(|error| DataError::argument(format!("`{name}` makes no batch: {error}")))?;
        tensors.insert(name.to_owned(), tensor);
        Ok(())
    };
    if fields.size {
        let sizes: Vec<u32> = samples.iter().flat_map(|sample| sample.original).map(|side| side as u32).collect();
        add("size", Tensor::from_vec(sizes, (count, 2), &Device::Cpu))?;
    }
    if fields.tags {
        let tags = samples.iter().flat_map(|sample| sample.tags.iter().flatten());
        let tags: Vec<f32> = tags.map(|&tag| f32::from(u8::from(tag))).collect();
        add("tags", Tensor::from_vec(tags, (count, pipeline.dataset().classes().len()), &Device::Cpu))?;
    }
    if fields.mask {
        let mask = samples.iter().filter_map(|sample| sample.mask.as_ref()).flat_map(|mask| &mask.data);
        let mask: Vec<u32> = mask.map(|&class| u32::from(class)).collect();
        add("mask", Tensor::from_vec(mask, (count, height, width), &Device::Cpu))?;
    }
    if fields.valid {
        let mut valid = Vec::with_capacity(count * height * width);
        for sample in &samples {
            valid.extend((0..height * width).map(|at| f32::from(u8::from(sample.is_valid(at / width, at % width)))));
        }
        add("valid", Tensor::from_vec(valid, (count, 1, height, width), &Device::Cpu))?;
    }
    let names: Vec<String> = samples[0].maps.keys().cloned().collect();
    for name in names {
        let channels = samples[0].maps[&name].channels;
        let maps = samples.iter().filter_map(|sample| sample.maps.get(&name));
        let data: Vec<f32> = maps.flat_map(|planes| &planes.data).copied().collect();
        let shape = match pipeline.is_flat(&name) && channels == 1 {
            true => vec![count, height, width],
            false => vec![count, channels, height, width],
        };
        add(&name, Tensor::from_vec(data, shape, &Device::Cpu))?;
    }
    let names: Vec<String> = samples[0].index_maps.keys().cloned().collect();
    for name in names {
        let grids = samples.iter().filter_map(|sample| sample.index_maps.get(&name));
        let data: Vec<u32> = grids.flat_map(|grid| &grid.data).copied().collect();
        add(&name, Tensor::from_vec(data, (count, height, width), &Device::Cpu))?;
    }
    let names: Vec<String> = samples[0].arrays.keys().cloned().collect();
    for name in names {
        add(&name, stack(&name, &samples)?)?;
    }
    if fields.image {
        let mut data = Vec::with_capacity(count * 3 * height * width);
        for picture in samples.iter_mut().filter_map(|sample| sample.image.take()) {
            data.extend(picture.into_planes().data);
        }
        add("image", Tensor::from_vec(data, (count, 3, height, width), &Device::Cpu))?;
    }
    let indices = samples.iter().map(|sample| sample.index).collect();
    Ok(Batch { ids: samples.into_iter().map(|sample| sample.id).collect(), indices, tensors })
}

/// The arrays of that name, one after the other; they must be of one shape.
fn stack(name: &str, samples: &[Sample]) -> Result<candle_core::Result<Tensor>, DataError> {
    let first = samples[0].arrays[name].dims();
    let (mut floats, mut indices) = (Vec::new(), Vec::new());
    for sample in samples {
        let array = sample.arrays.get(name);
        match array.filter(|array| array.dims() == first) {
            Some(Array::Float { data, .. }) => floats.extend_from_slice(data),
            Some(Array::Index { data, .. }) => indices.extend_from_slice(data),
            None => {
                let other = array.map_or(&[][..], Array::dims);
                let what = format!("`{name}` is {first:?} for `{}` and {other:?} for `{}`", samples[0].id, sample.id);
                return Err(DataError::argument(what).help("take the pictures one by one (`batch = 1`)"));
            }
        }
    }
    let mut dims = vec![samples.len()];
    dims.extend_from_slice(first);
    Ok(match indices.is_empty() {
        true => Tensor::from_vec(floats, dims, &Device::Cpu),
        false => Tensor::from_vec(indices, dims, &Device::Cpu),
    })
}

fn expect_one_size(samples: &[Sample]) -> Result<(), DataError> {
    let first = &samples[0];
    let Some(other) = samples.iter().find(|sample| sample.size != first.size) else { return Ok(()) };
    let ([h, w], [oh, ow]) = (first.size, other.size);
    let what =
        format!("pictures of one batch differ in size: `{}` is {h} × {w}, `{}` is {oh} × {ow}", first.id, other.id);
    Err(DataError::argument(what).help("crop them to one size, or take them one by one (`batch = 1`)"))
}

fn no_thread(error: &dyn std::fmt::Display) -> DataError {
    DataError::argument(format!("no thread could be started to read pictures: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{Counted, Counts};
    use crate::data::{Fields, Placed, Transform};
    use std::time::Duration;

    fn pipeline(pictures: usize) -> (Arc<Pipeline>, Arc<Counts>) {
        let (dataset, counts) = Counted::whole(pictures, 20);
        let transforms = [
            Transform::RandomResize { long_side: [12, 30] },
            Transform::RandomFlip { p: 0.5 },
            Transform::ColorJitter { brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1 },
            Transform::RandomCrop { size: [16, 18] },
            Transform::Standardize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
        ];
        let placed = transforms.into_iter().zip(10..).map(|(transform, place)| Placed::new(transform, place)).collect();
        let fields = Fields { image: true, mask: true, tags: true, valid: true, size: true };
        (Arc::new(Pipeline::new(dataset, "train", placed, Vec::new(), fields).unwrap()), counts)
    }

    /// Every number of an epoch, as bits.
    fn numbers(options: &LoaderOptions) -> Vec<(Vec<String>, String, Vec<u64>)> {
        let mut all = Vec::new();
        for batch in Loader::new(pipeline(23).0, options.clone()) {
            let batch = batch.unwrap();
            for (name, tensor) in &batch.tensors {
                let values = tensor.flatten_all().unwrap().to_dtype(candle_core::DType::F64).unwrap();
                let bits = values.to_vec1::<f64>().unwrap().into_iter().map(f64::to_bits).collect();
                all.push((batch.ids.clone(), format!("{name} {:?}", tensor.dims()), bits));
            }
        }
        all
    }

    #[test]
    fn one_worker_and_two_give_the_same_numbers() {
        let options = LoaderOptions { batch: 4, shuffle: true, seed: 5, epoch: 2, workers: 1, ..Default::default() };
        let one = numbers(&options);
        assert_eq!(one.len(), 6 * 5);
        assert_eq!(one, numbers(&LoaderOptions { workers: 2, ahead: 5, ..options.clone() }));
        assert_ne!(one, numbers(&LoaderOptions { epoch: 3, ..options.clone() }));
        assert_ne!(one, numbers(&LoaderOptions { seed: 6, ..options }));
    }

    #[test]
    fn tensors_have_the_promised_shapes() {
        let batch =
            Loader::new(pipeline(3).0, LoaderOptions { batch: 2, ..Default::default() }).next().unwrap().unwrap();
        let shapes: Vec<String> = batch
            .tensors
            .iter()
            .map(|(name, tensor)| format!("{name} {:?} {:?}", tensor.dtype(), tensor.dims()))
            .collect();
        assert_eq!(
            shapes,
            [
                "image F32 [2, 3, 16, 18]",
                "mask U32 [2, 16, 18]",
                "size U32 [2, 2]",
                "tags F32 [2, 3]",
                "valid F32 [2, 1, 16, 18]"
            ]
        );
        assert_eq!((batch.ids, batch.indices), (vec!["p0".to_owned(), "p1".to_owned()], vec![0, 1]));
    }

    #[test]
    fn order_limit_and_rest() {
        let order = |options: LoaderOptions| options.order(7);
        let plain = LoaderOptions { batch: 3, ..Default::default() };
        assert_eq!(order(plain.clone()), [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        assert_eq!(order(LoaderOptions { drop_last: true, ..plain.clone() }), [[0, 1, 2], [3, 4, 5]]);
        assert_eq!(order(LoaderOptions { limit: Some(4), ..plain.clone() }), [vec![0, 1, 2], vec![3]]);
        let mut shuffled = order(LoaderOptions { shuffle: true, ..plain }).concat();
        assert_ne!(shuffled, [0, 1, 2, 3, 4, 5, 6]);
        shuffled.sort_unstable();
        assert_eq!(shuffled, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_slow_consumer_has_no_more_than_ahead_batches_waiting() {
        for ahead in [1, 3] {
            let (pipeline, counts) = pipeline(60);
            let mut loader = Loader::new(pipeline, LoaderOptions { batch: 2, ahead, ..Default::default() });
            for taken in 1..=4 {
                loader.next().unwrap().unwrap();
                std::thread::sleep(Duration::from_millis(60));
                assert!(counts.images() <= 2 * (taken + ahead), "{} of {taken} + {ahead} batches", counts.images());
            }
            drop(loader);
            let when_dropped = counts.images();
            std::thread::sleep(Duration::from_millis(60));
            assert_eq!(counts.images(), when_dropped, "work went on after the loader was dropped");
        }
    }

    #[test]
    fn a_consumer_inside_the_only_rayon_worker_is_served() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let taken = pool.install(|| {
            let loader = Loader::new(pipeline(9).0, LoaderOptions { batch: 2, workers: 1, ..Default::default() });
            loader.map(|batch| batch.unwrap().ids.par_iter().map(String::len).sum::<usize>()).sum::<usize>()
        });
        assert_eq!(taken, 9 * "p0".len());
    }

    #[test]
    fn the_first_problem_ends_the_epoch() {
        let (dataset, _) = Counted::broken(9, 20, 5);
        let fields = Fields { image: true, ..Fields::default() };
        let pipeline = Arc::new(Pipeline::new(dataset, "train", Vec::new(), Vec::new(), fields).unwrap());
        let mut loader = Loader::new(pipeline, LoaderOptions { batch: 2, workers: 2, ..Default::default() });
        assert!(loader.next().unwrap().is_ok() && loader.next().unwrap().is_ok());
        assert_eq!(loader.next().unwrap().unwrap_err().what, "p5 is broken");
        assert!(loader.next().is_none());
    }

    #[test]
    fn nothing_to_give_is_a_problem_not_an_end() {
        let options = LoaderOptions { batch: 8, drop_last: true, ..Default::default() };
        let first = Loader::new(pipeline(7).0, options).next();
        assert_eq!(
            first.unwrap().unwrap_err().what,
            "7 pictures make no full batch of 8, and smaller ones are dropped"
        );
    }

    #[test]
    fn pictures_of_two_sizes_make_no_batch() {
        let (dataset, _) = Counted::whole(4, 20);
        let fields = Fields { image: true, ..Fields::default() };
        let pipeline = Arc::new(Pipeline::new(dataset, "train", Vec::new(), Vec::new(), fields).unwrap());
        let error =
            Loader::new(pipeline, LoaderOptions { batch: 2, ..Default::default() }).next().unwrap().unwrap_err();
        assert_eq!(error.what, "pictures of one batch differ in size: `p0` is 20 × 20, `p1` is 20 × 21");
    }

    /// As many numbers as the name of the picture has letters.
    struct Lettered;

    impl crate::data::Artifacts for Lettered {
        fn load(&self, id: &str) -> Result<crate::data::JoinedMap, DataError> {
            let data = vec![0.5; id.len()];
            Ok(crate::data::JoinedMap::Array(Array::Float { dims: vec![data.len()], data }))
        }
    }

    #[test]
    fn joined_arrays_are_stacked_where_they_are_of_one_shape() {
        let (dataset, _) = Counted::whole(11, 20);
        let joins = vec![crate::data::Join { name: "scores".into(), artifacts: Arc::new(Lettered), flat: false }];
        let pipeline = Pipeline::new(dataset, "train", Vec::new(), joins, Fields::default()).unwrap();
        let mut loader = Loader::new(Arc::new(pipeline), LoaderOptions { batch: 2, ..Default::default() });
        assert_eq!(loader.next().unwrap().unwrap().tensors["scores"].dims(), [2, 2]);
        let last = loader.last().unwrap().unwrap();
        assert_eq!((last.ids.as_slice(), last.tensors["scores"].dims()), (&["p10".to_owned()][..], &[1, 3][..]));
        let (dataset, _) = Counted::whole(11, 20);
        let joins = vec![crate::data::Join { name: "scores".into(), artifacts: Arc::new(Lettered), flat: false }];
        let pipeline = Pipeline::new(dataset, "train", Vec::new(), joins, Fields::default()).unwrap();
        let loader = Loader::new(Arc::new(pipeline), LoaderOptions { batch: 11, ..Default::default() });
        let error = loader.last().unwrap().unwrap_err();
        assert_eq!(error.what, "`scores` is [2] for `p0` and [3] for `p10`");
    }
}
