//! Speed of the heavy kernels on layers of the networks they are for, next to Candle's own where it has one.
//!
//! `cargo bench --bench kernels -- conv` runs the convolutions only. Times depend on the machine; what is meant to be
//! read is the ratio of two lines of one run.

use std::hint::black_box;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use wsss::kernels::conv::{self, Conv2d};
use wsss::kernels::norm;
use wsss::kernels::pool::{self, Pool2d};
use wsss::kernels::resize::{self, Resize};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Numbers in -1..1.
fn numbers(dims: &[usize]) -> Tensor {
    let count = dims.iter().product::<usize>();
    let data: Vec<f32> = (0..count as u32).map(|i| i.wrapping_mul(2654435761) as f32 / 2f32.powi(31) - 1.0).collect();
    Tensor::from_vec(data, dims, &Device::Cpu).expect("as many numbers as the shape has")
}

struct Layer {
    name: &'static str,
    batch: usize,
    channels: [usize; 2],
    kernel: usize,
    side: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    groups: usize,
}

#[rustfmt::skip]
const LAYERS: [Layer; 10] = [
    Layer { name: "64-64 3x3 @112", batch: 2, channels: [64, 64], kernel: 3, side: 112, stride: 1, padding: 1, dilation: 1, groups: 1 },
    Layer { name: "512-512 3x3 d2 @28", batch: 2, channels: [512, 512], kernel: 3, side: 28, stride: 1, padding: 2, dilation: 2, groups: 1 },
    Layer { name: "1024-2048 1x1 @28", batch: 2, channels: [1024, 2048], kernel: 1, side: 28, stride: 1, padding: 0, dilation: 1, groups: 1 },
    Layer { name: "256-256 3x3 s2 @56", batch: 2, channels: [256, 256], kernel: 3, side: 56, stride: 2, padding: 1, dilation: 1, groups: 1 },
    Layer { name: "3-64 7x7 s2 @448", batch: 1, channels: [3, 64], kernel: 7, side: 448, stride: 2, padding: 3, dilation: 1, groups: 1 },
    Layer { name: "3-64 3x3 @448", batch: 1, channels: [3, 64], kernel: 3, side: 448, stride: 1, padding: 1, dilation: 1, groups: 1 },
    Layer { name: "512-1024 3x3 d4 @56", batch: 1, channels: [512, 1024], kernel: 3, side: 56, stride: 1, padding: 4, dilation: 4, groups: 1 },
    Layer { name: "2048-20 1x1 @28", batch: 2, channels: [2048, 20], kernel: 1, side: 28, stride: 1, padding: 0, dilation: 1, groups: 1 },
    Layer { name: "depthwise 256 3x3 @56", batch: 2, channels: [256, 256], kernel: 3, side: 56, stride: 1, padding: 1, dilation: 1, groups: 256 },
    Layer { name: "256-256 3x3 g32 @56", batch: 2, channels: [256, 256], kernel: 3, side: 56, stride: 1, padding: 1, dilation: 1, groups: 32 },
];

fn convolutions(criterion: &mut Criterion) {
    for layer in LAYERS {
        let [input, output] = layer.channels;
        let kernel = [layer.kernel; 2];
        let side = [layer.side; 2];
        let geometry =
            Conv2d::padded(side, kernel, [layer.stride; 2], [layer.padding; 2], [layer.dilation; 2], layer.groups);
        let x = numbers(&[layer.batch, input, layer.side, layer.side]);
        let w = numbers(&[output, input / layer.groups, layer.kernel, layer.kernel]);
        let gy = numbers(&[layer.batch, output, geometry.output[0], geometry.output[1]]);
        let mut group = criterion.benchmark_group(format!("conv {}", layer.name));
        group.bench_function("forward", |b| b.iter(|| conv::forward(black_box(&x), &w, None, &geometry)));
        group.bench_function("grad-input", |b| b.iter(|| conv::grad_input(black_box(&gy), &w, side, &geometry)));
        group.bench_function("grad-weight", |b| b.iter(|| conv::grad_weight(black_box(&gy), &x, kernel, &geometry)));
        group.bench_function("forward, candle", |b| {
            b.iter(|| black_box(&x).conv2d(&w, layer.padding, layer.stride, layer.dilation, layer.groups))
        });
        let (x, w) =
            (candle_core::Var::from_tensor(&x).expect("a leaf"), candle_core::Var::from_tensor(&w).expect("a leaf"));
        group.bench_function("forward and gradients, candle", |b| {
            b.iter(|| {
                let y = x.conv2d(&w, layer.padding, layer.stride, layer.dilation, layer.groups)?;
                (y * &gy)?.sum_all()?.backward()
            })
        });
        group.finish();
    }
}

/// The stem of a ResNet: 3 × 3, stride 2. Candle has no padding, and no gradient where windows overlap.
fn pools(criterion: &mut Criterion) {
    let x = numbers(&[2, 64, 224, 224]);
    let pool = Pool2d { kernel: [3; 2], stride: [2; 2], padding: [1; 2], ceil: false };
    let gy = pool::max(&x, &pool).expect("a pooled map");
    let mut group = criterion.benchmark_group("pool 64 3x3 s2 @224");
    group.bench_function("max", |b| b.iter(|| pool::max(black_box(&x), &pool)));
    group.bench_function("max, candle", |b| b.iter(|| black_box(&x).max_pool2d_with_stride(3, 2)));
    group.bench_function("max, gradient", |b| b.iter(|| pool::max_grad(black_box(&gy), &x, &pool)));
    group.bench_function("average", |b| b.iter(|| pool::average(black_box(&x), &pool)));
    group.finish();
}

/// Class maps to the size of the image. Candle has no gradient.
fn resizes(criterion: &mut Criterion) {
    let x = numbers(&[2, 21, 56, 56]);
    let to = Resize::to([448; 2], false);
    let gy = numbers(&[2, 21, 448, 448]);
    let mut group = criterion.benchmark_group("resize 21 @56-448");
    group.bench_function("bilinear", |b| b.iter(|| resize::bilinear(black_box(&x), &to)));
    group.bench_function("bilinear, candle", |b| b.iter(|| black_box(&x).upsample_bilinear2d(448, 448, false)));
    group.bench_function("bilinear, gradient", |b| b.iter(|| resize::bilinear_grad(black_box(&gy), [56; 2], &to)));
    group.finish();
}

/// Batch normalisation in training.
fn norms(criterion: &mut Criterion) {
    let (x, gy) = (numbers(&[2, 64, 112, 112]), numbers(&[2, 64, 112, 112]));
    let (weight, bias) = (numbers(&[64]), numbers(&[64]));
    let forward = |x: &Tensor| -> candle_core::Result<Tensor> {
        let stats = norm::channel_stats(x)?;
        norm::normalize(x, &stats.get(0)?, &stats.get(1)?, Some(&weight), Some(&bias), 1e-5)
    };
    let stats = norm::channel_stats(&x).expect("statistics");
    let backward = |gy: &Tensor| -> candle_core::Result<Tensor> {
        let affine = norm::grad_affine(gy, &x, &stats.get(0)?, &stats.get(1)?, 1e-5)?;
        norm::grad_batch(gy, &x, &stats, &affine, Some(&weight), 1e-5)
    };
    let peer = candle_nn::BatchNorm::new(
        64,
        Tensor::zeros(64, DType::F32, &Device::Cpu).expect("zeros"),
        Tensor::ones(64, DType::F32, &Device::Cpu).expect("ones"),
        weight.clone(),
        bias.clone(),
        1e-5,
    )
    .expect("a layer");
    let mut group = criterion.benchmark_group("norm 64 @112");
    group.bench_function("forward", |b| b.iter(|| forward(black_box(&x))));
    group.bench_function("forward, candle", |b| b.iter(|| peer.forward_train(black_box(&x))));
    group.bench_function("gradients", |b| b.iter(|| backward(black_box(&gy))));
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = convolutions, pools, resizes, norms
}
criterion_main!(benches);
