//! How long checking takes: the largest recipe that comes with the program, and generated ones of 1,250 to 10,000 lines, which
//! show how it grows.
//!
//! `cargo bench --bench check`. Checking is all that `wsss check` does: text, names, elaboration, gradients, passes, plan.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::Sources;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Recipes that recipes use lie beside one another.
struct Pipelines;

impl Files for Pipelines {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Checks a text that has no mistakes. Gives the number of nodes of all its graphs.
fn check(name: &str, text: &str) -> usize {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load(name, text, &[], &Pipelines, &mut sources, &mut problems);
    let recipe = lower("bench", &program, &Choices::default(), &mut problems);
    let compiled = compile(&recipe, &mut problems);
    let first = problems.iter().find(|problem| problem.is_error());
    assert!(first.is_none(), "{first:?}");
    let compiled = compiled.expect("what has no mistakes is compiled");
    compiled.stages.iter().map(|stage| stage.graph.len()).sum()
}

/// The recipes of `pipelines/`, by the time they take the longest.
fn shipped(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let entries = std::fs::read_dir(folder).expect("the recipes are there").flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "wsss"));
    paths.sort();
    let mut group = c.benchmark_group("shipped");
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a recipe");
        let name = path.display().to_string();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        group.bench_function(stem, |b| b.iter(|| check(black_box(&name), black_box(&text))));
    }
    group.finish();
}

/// Lines of one unit: a param, functions, a net, a stage that trains it and one that reads it.
const UNIT: &str = r#"
param rate_# = 0.1 in 0..1

/// What stands for one of many helpers.
fn blend_#(x, y, share: number = 0.5) = {
  let left  = x * share
  let right = y * (1 - share)
  let both  = left + right
  both + 0.25 * left
}

fn folded_#(x, times: int) = fold(
  0..times,
  x,
  (value, at) => blend_#(value, x, share = 1 / (at + 2)),
)

let scales_# = [1 + at * 0.5 for at in 0..3 if at != 1]

net pixels_#(inputs: int, classes: int) {
  weight weight: [classes, inputs, 1, 1] = he_normal()
  weight bias: [classes] = zeros()
  let channels = classes

  fn map(image) = conv2d(image, weight, bias)
  fn forward(image) = relu(map(image))
}

train member_# {
  data      = dataset.train |> random_crop(32) |> standardize()
  batch     = 4
  epochs    = 2
  optimizer = sgd(lr = rate_#, momentum = 0.9)

  net first  = pixels_#(3, 8)
  net second = pixels_#(8, dataset.classes)

  step { image, tags } {
    let features = first(image)
    let mixed    = folded_#(features, 3)
    let scores   = gap(second.map(mixed))
    let target   = tags * 0.9 + 0.05
    let error    = scores - target
    loss fit    = mean(error * error)
    metric size = mean(abs(scores))
  }
}

infer maps_# {
  data = dataset.val |> standardize()

  each { image } {
    let maps = [sigmoid(member_#.second.map(member_#.first(image * scale))) for scale in scales_#]
    save map = resize_like(total(maps) / len(maps), image)
  }
}
"#;

/// A recipe of about so many lines, of units that do not know one another.
fn generated(lines: usize) -> String {
    let unit_lines = UNIT.lines().count();
    let mut text = String::from(
        "supervision image\n\nuse data { scenes }\n\nlet dataset = scenes(images = 20, size = 32, classes = 2)\n",
    );
    (0..lines / unit_lines).for_each(|number| text += &UNIT.replace('#', &number.to_string()));
    text
}

fn growing(c: &mut Criterion) {
    let mut group = c.benchmark_group("generated");
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    for lines in [1_250, 2_500, 5_000, 10_000] {
        let text = generated(lines);
        group.throughput(Throughput::Elements(lines as u64));
        group.bench_with_input(BenchmarkId::from_parameter(lines), &text, |b, text| {
            b.iter(|| check("generated.wsss", black_box(text)));
        });
    }
    group.finish();
}

criterion_group!(benches, shipped, growing);
criterion_main!(benches);
