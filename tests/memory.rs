//! The memory that `check --explain` predicts for a training step, against what the allocator saw.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device};
use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::exec::interpreter::{Interpreter, Options};
use wsss::exec::values::Values;
use wsss::hir;
use wsss::lower::{Choices, lower};
use wsss::ops::{Context, Draw};
use wsss::source::Sources;
use wsss::types::DimEnv;

/// Counts what is allocated and not yet freed, and the most there was of it.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Set in the process that measures: other tests beside it would be counted too.
const ALONE: &str = "WSSS_TEST_ALONE";

#[test]
fn the_predicted_peak_is_what_a_step_takes() {
    if std::env::var_os(ALONE).is_none() {
        let program = std::env::current_exe().expect("the test program has a path");
        let arguments = ["--exact", "memory::the_predicted_peak_is_what_a_step_takes", "--nocapture"];
        let output = Command::new(program).args(arguments).env(ALONE, "1").output().expect("the test program starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("predicted"), "the measuring test did not run: {said}");
        return;
    }
    for (variant, sets) in [("quick", vec![]), ("quick", vec![("arch", "resnet18_cam"), ("batch", "8")])] {
        let (predicted, measured) = step(variant, &sets);
        let ratio = measured as f64 / predicted as f64;
        println!("{variant} {sets:?}: predicted {predicted}, measured {measured}, {ratio:.3}");
        assert!((0.85..=1.15).contains(&ratio), "predicted {predicted} bytes, measured {measured} with {sets:?}");
    }
}

/// Bytes beside what the step is given, for one training step of `pipelines/cam.wsss`.
fn step(variant: &str, sets: &[(&str, &str)]) -> (usize, usize) {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let sets: Vec<(String, String)> = sets.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let text = include_str!("../pipelines/cam.wsss");
    let program = hir::load("cam.wsss", text, &sets, &NoFiles, &mut sources, &mut problems);
    let choices = Choices { variants: vec![variant.to_string()], ..Choices::default() };
    let recipe = lower("cam", &program, &choices, &mut problems);
    let mut compiled = compile(&recipe, &mut problems).expect("the recipe compiles");
    assert!(!problems.has_errors(), "{problems:?}");
    let stage = compiled.stages.remove(0);
    let batch = stage.stage.train.as_ref().expect("a train stage").batch as i64;
    let dims: DimEnv = [("B".to_string(), batch), ("K".to_string(), 6)].into();

    let memory = stage.plan.memory(&stage.graph, &dims, wsss::plan::Kept::F32).expect("every symbol has a number");
    let given = memory.weights + memory.states + memory.fields + memory.constants;
    let draw = Draw { seed: 0, epoch: 0, samples: (0..batch as u64).collect() };
    let context = Context { dims, dtype: DType::F32, device: Device::Cpu, draw };
    let held = Values::plausible(&stage.graph, &context, 0).expect("every symbol has a number");
    let interpreter = Interpreter::new(stage.graph, DType::F32, &Device::Cpu).expect("constants fit");
    // Two workers, as many buffers of their own as on the machine the figure is compared with.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("two threads");
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let results = pool.install(|| interpreter.run(&held, &context, Options::default())).expect("the step runs");
    let peak = PEAK.load(Ordering::Relaxed);
    drop(results);
    ((memory.peak - given) as usize, peak - before)
}

struct NoFiles;

impl hir::Files for NoFiles {
    fn read(&self, _: &std::path::Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}
