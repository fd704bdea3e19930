//! What may be asked of any text, and of any file of weights. Each function takes what nobody wrote to be read, and panics where the program
//! would break a promise. `tests/fuzz` drives them with mutated recipes and files, `fuzz/` with libFuzzer.

use std::io;
use std::path::Path;

use wsss::checkpoints::Checkpoint;
use wsss::compile::compile;
use wsss::cost::costs;
use wsss::diag::{Problems, brief, render};
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::{SourceId, Sources};
use wsss::syntax::{format, parse, strip_spans};

/// Longer texts take their time and show nothing that shorter ones do not.
const LONGEST: usize = 1 << 14;

/// Runs a target on the stack that commands have.
pub fn deep(target: fn(&str), text: &str) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, || target(text));
        if let Err(panic) = thread.expect("a thread can be started").join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Any text is a tree and problems, and every problem can be drawn.
pub fn parser(text: &str) {
    let mut sources = Sources::new();
    let source = sources.add("fuzz.wsss", text);
    let mut problems = Problems::default();
    let tree = parse(source, text, &mut problems);
    for item in &tree.items {
        assert!(text.get(item.span.range()).is_some(), "an item lies outside of its text");
    }
    draw(&problems, &sources);
}

/// A text without mistakes is formatted to one of the same meaning, which stays as it is when it is formatted again.
pub fn round_trip(text: &str) {
    let mut problems = Problems::default();
    let tree = parse(SourceId(0), text, &mut problems);
    if !problems.is_empty() {
        return;
    }
    let once = format(SourceId(0), text).expect("a text without mistakes can be formatted");
    let mut again = Problems::default();
    let formatted = parse(SourceId(0), &once, &mut again);
    assert!(again.is_empty(), "what was formatted has mistakes:\n{once}");
    assert!(strip_spans(tree) == strip_spans(formatted), "formatting changed the meaning:\n{text}\n---\n{once}");
    assert_eq!(format(SourceId(0), &once).ok().as_deref(), Some(once.as_str()), "formatting does not end");
}

/// Any recipe is checked: names, elaboration, gradients, passes, plan, cost.
pub fn checker(text: &str) {
    if text.len() > LONGEST {
        return;
    }
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("fuzz.wsss", text, &[], &Memory, &mut sources, &mut problems);
    let recipe = lower("fuzz", &program, &Choices::default(), &mut problems);
    if !problems.has_errors()
        && let Some(compiled) = compile(&recipe, &mut problems)
    {
        costs(&compiled, wsss::plan::Kept::F32);
    }
    let own = problems.iter().find(|problem| problem.code == wsss::diag::Code::Internal);
    assert!(own.is_none(), "a mistake of the program: {own:?}");
    draw(&problems, &sources);
}

/// Any bytes are a file of weights or none; what is read of one is bounded by what it is. Whether it was one.
pub fn weights(bytes: &[u8]) -> bool {
    let Ok(mut file) = Checkpoint::of_bytes(bytes.to_vec()) else { return false };
    let claimed: usize = file.arrays.values().map(|array| array.length()).sum();
    assert!(claimed <= (1 << 28) + 64 * bytes.len(), "{} bytes claim to hold {claimed}", bytes.len());
    for name in file.arrays.keys().cloned().collect::<Vec<_>>() {
        let (shape, length) = (file.arrays[&name].shape.clone(), file.arrays[&name].length());
        if let Ok(bytes) = file.bytes(&name) {
            assert_eq!(bytes.len(), length, "`{name}` is another than it said");
        }
        if let Ok(tensor) = file.tensor(&name) {
            assert_eq!(tensor.dims(), shape, "`{name}` is another than it said");
        }
    }
    true
}

fn draw(problems: &Problems, sources: &Sources) {
    for problem in problems.iter().take(50) {
        render::draw(problem, sources, false);
        brief::json(problem, sources);
    }
}

/// The recipes that a recipe may use by path.
struct Memory;

impl Files for Memory {
    fn read(&self, path: &Path) -> io::Result<String> {
        match path.to_str() {
            Some("base.wsss") => Ok(BASE.into()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

const BASE: &str = "
use data { scenes }
param size = 32
let dataset = scenes(images = 8, size = size, classes = 2)
infer gray {
  data = dataset.val
  each { image } { save gray = mean(image, axes = [1], keep = true) }
}
";
