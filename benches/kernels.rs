//! Speed of the heavy kernels on layers of the networks they are for, next to Candle's own where it has one.
//!
//! `cargo bench --bench kernels -- conv` runs the convolutions only. Times depend on the machine; what is meant to be
//! read is the ratio of two lines of one run.

use std::hint::black_box;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use wsss::kernels::conv::{self, Conv2d};

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

fn quick() -> Criterion {
    assert_eq!(numbers(&[1]).dtype(), DType::F32);
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
}

criterion_group! {
    name = benches;
    config = quick();
    targets = convolutions
}
criterion_main!(benches);
