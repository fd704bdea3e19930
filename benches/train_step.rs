//! One training step of a CAM network: forward, backward, update. The peer is the same step in PyTorch on the CPU.
//!
//! `cargo bench --bench train_step`. The figures and the peer's stand in `docs/results.md`.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::exec::interpreter::{Finite, Interpreter, Options};
use wsss::exec::values::Values;
use wsss::graph::Role;
use wsss::hir;
use wsss::kernels::optimizer::Sgd;
use wsss::lower::{Choices, lower};
use wsss::ops::{Context, Draw};
use wsss::source::Sources;
use wsss::types::DimEnv;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: i64 = 8;
const CLASSES: i64 = 20;

struct NoFiles;

impl hir::Files for NoFiles {
    fn read(&self, _: &std::path::Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// The `classifier` stage of `pipelines/cam.wsss` with ResNet-18, output stride 16, on 128 × 128.
fn step(c: &mut Criterion) {
    let sets =
        [("dataset", "scenes(size = 128, classes = 20)"), ("arch", "resnet18_cam"), ("crop", "128"), ("batch", "8")];
    let sets: Vec<(String, String)> = sets.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let text = include_str!("../pipelines/cam.wsss");
    let program = hir::load("cam.wsss", text, &sets, &NoFiles, &mut sources, &mut problems);
    let choices = Choices { variants: vec!["quick".to_string()], ..Choices::default() };
    let recipe = lower("cam", &program, &choices, &mut problems);
    let mut compiled = compile(&recipe, &mut problems).expect("the recipe compiles");
    let stage = compiled.stages.remove(0);

    let dims: DimEnv = [("B".to_string(), BATCH), ("K".to_string(), CLASSES)].into();
    let draw = Draw { seed: 0, epoch: 0, samples: (0..BATCH as u64).collect() };
    let context = Context { dims, dtype: DType::F32, device: Device::Cpu, draw };
    let values = Values::plausible(&stage.graph, &context, 0).expect("every symbol has a number");
    let flops = stage.plan.flops(&stage.graph, &context.dims).expect("every symbol has a number");
    let interpreter = Interpreter::new(stage.graph, DType::F32, &Device::Cpu).expect("constants fit");
    let sgd = Sgd { momentum: 0.9, nesterov: false, weight_decay: 1e-4 };
    let velocities: HashMap<String, Tensor> = values
        .weights
        .iter()
        .map(|(path, weight)| (path.clone(), weight.zeros_like().expect("zeros of a shape")))
        .collect();
    println!("{:.1} GFLOP a step", flops as f64 / 1e9);

    c.bench_function("train step, ResNet-18 CAM, stride 16, 128 x 128, batch 8", |b| {
        b.iter(|| {
            let options = Options { finite: Finite::Losses, ..Options::default() };
            let results = interpreter.run(&values, &context, options).expect("the step runs");
            for (output, tensors) in interpreter.graph().outputs.iter().zip(&results) {
                if output.role == Role::Gradient {
                    let (weight, velocity) = (&values.weights[&output.name], &velocities[&output.name]);
                    // A rate of almost nothing: the numbers stay in the range of a network in training.
                    sgd.step(weight, &tensors[0], Some(velocity), 1e-12).expect("shapes agree");
                }
            }
            black_box(results)
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(8));
    targets = step
}
criterion_main!(benches);
