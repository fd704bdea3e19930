//! Speed of what refines maps and scores them, on inputs of the size that the field's scripts see.
//!
//! `cargo bench --bench refine -- walk` runs the random walk only. With `WSSS_REFINE` naming a folder of arrays (docs/performance.md says how they
//! are made) inputs are those of the peers, and what comes out is compared with what they gave.

use std::collections::HashMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candle_core::{DType, Device, Storage, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use wsss::kernels::crf::{self, Kernel, Picture};
use wsss::kernels::local_refine::local_refine;
use wsss::kernels::pairs::{self, Pairs};
use wsss::kernels::patches::{self, Felzenszwalb, Slic};
use wsss::kernels::random_walk::random_walk;
use wsss::metrics::ThresholdSweep;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Freed memory stays for a minute, in large pages, as in the program.
fn keep_memory() {
    // SAFETY: options are numbers that may be set at any time; 15, `mi_option_purge_delay`, has no name in the bindings.
    unsafe {
        libmimalloc_sys::mi_option_set(15, 60_000);
        libmimalloc_sys::mi_option_set(libmimalloc_sys::mi_option_large_os_pages, 1);
    }
}

/// Numbers in 0..1.
fn numbers(dims: &[usize]) -> Tensor {
    let count = dims.iter().product::<usize>();
    let data: Vec<f32> = (0..count as u32).map(|i| i.wrapping_mul(2654435761) as f32 / 2f32.powi(32)).collect();
    Tensor::from_vec(data, dims, &Device::Cpu).expect("as many numbers as the shape has")
}

/// The arrays of a file of the folder, where there are both.
fn given(file: &str) -> Option<HashMap<String, Tensor>> {
    let path = PathBuf::from(std::env::var_os("WSSS_REFINE")?).join(file);
    if !path.exists() {
        return None;
    }
    let arrays = wsss::store::npz::read(&path).unwrap_or_else(|error| panic!("{error}"));
    Some(arrays.into_iter().collect())
}

fn f32s(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).and_then(|x| x.flatten_all()?.to_vec1()).expect("numbers")
}

fn largest_apart(found: &Tensor, expected: &Tensor) -> f32 {
    f32s(found).iter().zip(f32s(expected)).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// psa on a picture of 500 x 375: radius 5, beta 8, 256 steps.
fn walks(criterion: &mut Criterion) {
    let arrays = given("walk.npz").unwrap_or_else(|| {
        let pair = |name: &str, dims: &[usize]| (name.to_string(), numbers(dims));
        HashMap::from([pair("features", &[448, 47, 63]), pair("scores", &[21, 47, 63])])
    });
    let batch = |name: &str| arrays[name].unsqueeze(0).expect("one picture");
    let (features, scores) = (batch("features"), batch("scores"));
    let psa = Pairs { radius: 5, all: false };
    let affinity = pairs::affinity(&features, psa).expect("features");
    if let Some(expected) = arrays.get("expected") {
        let found = random_walk(&scores, &affinity, 8.0, 256).expect("a walk");
        println!("walk: at most {:.1e} from the peer's", largest_apart(&found, expected));
    }
    let few = scores.narrow(1, 0, 4).expect("four maps");
    let mut group = criterion.benchmark_group("walk 47x63");
    group.bench_function("affinity", |b| b.iter(|| pairs::affinity(black_box(&features), psa)));
    group.bench_function("21 maps", |b| b.iter(|| random_walk(black_box(&scores), &affinity, 8.0, 256)));
    group.bench_function("4 maps", |b| b.iter(|| random_walk(black_box(&few), &affinity, 8.0, 256)));
    group.finish();
}

/// The share of `edges` that have one of `others` within two pixels.
fn recall(edges: &[bool], others: &[bool], [height, width]: [usize; 2]) -> f64 {
    let near = |at: usize| {
        let (y, x) = (at / width, at % width);
        let rows = y.saturating_sub(2)..(y + 3).min(height);
        rows.into_iter()
            .any(|y| others[y * width + x.saturating_sub(2)..y * width + (x + 3).min(width)].contains(&true))
    };
    let all: Vec<usize> = (0..edges.len()).filter(|at| edges[*at]).collect();
    all.iter().filter(|at| near(**at)).count() as f64 / all.len().max(1) as f64
}

fn boundaries(labels: &Tensor, [height, width]: [usize; 2]) -> Vec<bool> {
    let labels = f32s(labels);
    let edge = |at: usize| {
        (at % width + 1 < width && labels[at] != labels[at + 1])
            || (at / width + 1 < height && labels[at] != labels[at + width])
    };
    (0..labels.len()).map(edge).collect()
}

/// A picture of 448 x 448.
fn superpixels(criterion: &mut Criterion) {
    let how = Slic { segments: 200, compactness: 10.0, iterations: 10, lab: true };
    let arrays = given("slic.npz").unwrap_or_else(|| HashMap::from([("image".to_string(), numbers(&[3, 448, 448]))]));
    let image = arrays["image"].to_dtype(DType::F32).and_then(|x| x.unsqueeze(0)).expect("a picture");
    if let Some(expected) = arrays.get("expected") {
        let size = [expected.dims()[0], expected.dims()[1]];
        let found = patches::slic(&image, &how).expect("patches");
        let (found, expected) = (boundaries(&found, size), boundaries(expected, size));
        println!(
            "slic: boundary recall {:.4} within two pixels, precision {:.4}",
            recall(&expected, &found, size),
            recall(&found, &expected, size)
        );
    }
    let graph = Felzenszwalb { scale: 100.0, sigma: 0.8, min_size: 20, most: 1024 };
    let mut group = criterion.benchmark_group("patches @448");
    group.bench_function("slic 200", |b| b.iter(|| patches::slic(black_box(&image), &how)));
    group.bench_function("felzenszwalb", |b| b.iter(|| patches::felzenszwalb(black_box(&image), &graph)));
    group.finish();
}

/// Six distances, ten rounds, four maps of a picture of 321 x 321.
fn adaptive(criterion: &mut Criterion) {
    let (maps, image) = (numbers(&[1, 4, 321, 321]), numbers(&[1, 3, 321, 321]));
    criterion.bench_function("pixel-adaptive 4 @321", |b| {
        b.iter(|| local_refine(black_box(&maps), &image, &[1, 2, 4, 8, 12, 24], 10))
    });
}

/// A picture of the size of the field's photographs: soft colours, five bright ellipses, noise; scores that lean towards the ellipses.
fn photograph(height: usize, width: usize, labels: usize) -> (Vec<f32>, Vec<f32>) {
    let pixels = height * width;
    let noise =
        |i: usize| (i as u32).wrapping_mul(2654435761).rotate_left(7).wrapping_mul(40503) as f32 / 2f32.powi(32);
    let inside = |i: usize| {
        let (y, x) = ((i / width) as f32 / height as f32, (i % width) as f32 / width as f32);
        (1..6).find(|k| {
            let (cy, cx) = (noise(31 * k), noise(77 * k));
            ((y - cy) / 0.2).powi(2) + ((x - cx) / 0.15).powi(2) < 1.0
        })
    };
    let colour = |i: usize| {
        let (channel, i) = (i / pixels, i % pixels);
        let ground = 110.0 + 50.0 * ((i % width) as f32 / 120.0 + (i / width) as f32 / 90.0 + channel as f32).sin();
        let own = inside(i).map_or(ground, |k| 40.0 + 180.0 * noise(k * 7 + channel));
        (own + 20.0 * (noise(3 * i + channel) - 0.5)).round().clamp(0.0, 255.0)
    };
    let score = |i: usize| {
        let (label, i) = (i / pixels, i % pixels);
        let own = inside(i).map_or(0, |k| k % labels) == label;
        if own { 0.3 + 0.4 * noise(i) } else { 0.5 * noise(i + label * 7919) / labels as f32 }
    };
    ((0..3 * pixels).map(colour).collect(), (0..labels * pixels).map(score).collect())
}

/// A dense CRF of ten steps as PSA has it: all classes of VOC, and those of a picture; one worker, all of them on one picture, and forty pictures side by side.
/// With a folder, `crf21.npz` and `crf4.npz` are `image`, `probabilities` and the peer's `expected`.
fn dense_crfs(criterion: &mut Criterion) {
    use rayon::prelude::*;
    let kernels =
        [Kernel::Spatial { sxy: 3.0, weight: 3.0 }, Kernel::Bilateral { sxy: 80.0, srgb: 13.0, weight: 10.0 }];
    for labels in [21, 4] {
        let arrays = given(&format!("crf{labels}.npz"));
        let (colours, scores) = match &arrays {
            Some(arrays) => (f32s(&arrays["image"]), f32s(&arrays["probabilities"])),
            None => photograph(375, 500, labels),
        };
        let run = || {
            let picture = Picture::new(black_box(&colours), [3, 375, 500])?;
            crf::mean_field(&crf::unary::from_scores(&scores), labels, &picture, &kernels, 10)
        };
        if let Some(arrays) = &arrays {
            tell_apart(&run().expect("marginals"), &f32s(&arrays["expected"]), labels);
        }
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool of one thread");
        let mut group = criterion.benchmark_group(format!("crf 500 x 375, {labels} labels"));
        group.bench_function("one worker", |b| b.iter(|| alone.install(run)));
        group.bench_function("all workers", |b| b.iter(run));
        group.bench_function("40 pictures", |b| {
            b.iter(|| (0..40).into_par_iter().map(|_| run()).for_each(|marginals| drop(black_box(marginals))))
        });
        group.finish();
    }
}

/// How far marginals are from the peer's: pixels with the same likeliest label, and the middle and the largest difference.
fn tell_apart(found: &[f32], expected: &[f32], labels: usize) {
    let pixels = found.len() / labels;
    let likeliest = |all: &[f32], at: usize| {
        (0..labels).max_by(|&a, &b| all[a * pixels + at].total_cmp(&all[b * pixels + at]).then(b.cmp(&a)))
    };
    let same = (0..pixels).filter(|&at| likeliest(found, at) == likeliest(expected, at)).count();
    let mut apart: Vec<f32> = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).collect();
    apart.sort_by(f32::total_cmp);
    println!(
        "crf, {labels} labels: {:.4} % of the labels are the peer's; |dQ| in the middle {:.1e}, at most {:.1e}",
        100.0 * same as f64 / pixels as f64,
        apart[apart.len() / 2],
        apart[apart.len() - 1]
    );
}

/// Sixty thresholds on a picture of 500 x 375; with a folder `sweep` of `NAME.npz` (maps by class number from 1) and `NAME.png`, over all of it.
fn sweeps(criterion: &mut Criterion) {
    let thresholds: Vec<f64> = (0..60).map(|i| f64::from(i) / 100.0).collect();
    let mut group = criterion.benchmark_group("sweep 60");
    for classes in [4, 20] {
        let scores = f32s(&numbers(&[classes, 375, 500]));
        let truth: Vec<u32> = (0..375 * 500u32).map(|at| at / 500 / 19).collect();
        group.bench_function(format!("{classes} maps @375x500"), |b| {
            b.iter(|| {
                let mut sweep = ThresholdSweep::new(&thresholds, classes);
                sweep.add(black_box(&scores), &truth);
                sweep
            })
        });
    }
    if let Some(folder) = std::env::var_os("WSSS_REFINE").map(|folder| PathBuf::from(folder).join("sweep")) {
        let best = folder_sweep(&folder, &thresholds).best().expect("thresholds");
        println!("sweep: best mean IoU {:.6} at {}", best.iou.mean, best.threshold);
        group.bench_function("a folder", |b| b.iter(|| folder_sweep(&folder, &thresholds)));
    }
    group.finish();
}

fn plane(storage: &Storage) -> &[f32] {
    match storage {
        Storage::Cpu(numbers) => numbers.as_slice::<f32>().expect("maps of f32"),
        _ => panic!("maps are read into memory"),
    }
}

/// Reads and counts every picture of a folder, pictures beside one another.
fn folder_sweep(folder: &Path, thresholds: &[f64]) -> ThresholdSweep {
    use rayon::prelude::*;
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let pictures: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "png")).collect();
    let one = |path: &PathBuf| {
        let mut sweep = ThresholdSweep::new(thresholds, 20);
        let mask = wsss::data::read_mask(path, 21).expect("a mask");
        let truth: Vec<u32> = mask.data.iter().map(|value| u32::from(*value)).collect();
        let maps = wsss::store::npz::read(&path.with_extension("npz")).expect("maps");
        let mut maps: Vec<(usize, &Tensor)> =
            maps.iter().map(|(name, map)| (name.parse::<usize>().expect("a class number") - 1, map)).collect();
        maps.sort_by_key(|(class, _)| *class);
        let storages: Vec<_> = maps.iter().map(|(class, map)| (*class, map.storage_and_layout().0)).collect();
        let planes: Vec<(usize, &[f32])> = storages.iter().map(|(class, storage)| (*class, plane(storage))).collect();
        sweep.add_planes(&planes, &truth);
        sweep
    };
    let empty = || ThresholdSweep::new(thresholds, 20);
    pictures.par_iter().map(one).reduce(empty, |mut sum, more| {
        sum.merge(&more);
        sum
    })
}

fn quick() -> Criterion {
    keep_memory();
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = dense_crfs, walks, superpixels, adaptive, sweeps
}
criterion_main!(benches);
