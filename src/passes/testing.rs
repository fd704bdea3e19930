//! Before and after, as text.

use expect_test::Expect;

use super::Pass;
use super::runner::Runner;
use crate::graph::{text, verify};

/// Runs one pass until it has nothing to say.
pub(crate) fn check_pass(pass: Pass, before: &str, after: Expect) {
    let graph = text::parse(before).unwrap();
    let mut runner = Runner::new(verify(graph).unwrap().into_inner());
    runner.run(&pass).unwrap();
    after.assert_eq(&text::print(&runner.graph));
}

pub(crate) mod answers {
    //! No pass changes an answer, and passes come to an end: on small graphs made at random, gradients included.

    use proptest::prelude::*;

    use crate::exec::check;
    use crate::exec::interpreter::{Finite, Interpreter, Options};
    use crate::exec::values::Values;
    use crate::grad::differentiate;
    use crate::graph::{Graph, Verified, text, verify};
    use crate::passes::improve;

    /// What may come next: text with `@` for an earlier node. All of shape [2, 3], so that any may read any.
    const LINES: &[&str] = &[
        "add(@, @)",
        "sub(@, @)",
        "mul(@, @)",
        "neg(@)",
        "relu(@)",
        "square(@)",
        "tanh(@)",
        "stop(@)",
        "affine(@)",
        "affine(@) scale=0.0",
        "affine(@) scale=0.5 shift=-0.25",
        "flip(@)",
        "flip(@)",
        "maximum(@, @)",
        "reshape(@) dims=[2, 3]",
    ];

    /// To another shape, and back.
    const DETOURS: &[[&str; 2]] = &[
        ["reshape(@) dims=[6]", "reshape(@) dims=[2, 3]"],
        ["sum(@) axes=[0] keep=true", "expand(@) dims=[2, 3]"],
        ["mean(@)", "expand(@) dims=[2, 3]"],
        ["sum_to(@) dims=[1, 3]", "expand(@) dims=[2, 3]"],
        ["expand(@) dims=[4, 2, 3]", "sum_to(@) dims=[2, 3]"],
    ];

    /// A small graph without gradients.
    pub(crate) fn any_text() -> impl Strategy<Value = String> {
        let step = (0..LINES.len() + DETOURS.len(), any::<u32>(), any::<u32>());
        (proptest::collection::vec(step, 1..14), any::<bool>()).prop_map(|(steps, two_losses)| {
            let mut lines = vec![
                "%0 = field x : real[2, 3]".to_string(),
                "%1 = weight w : real[2, 3]".to_string(),
                "%2 = weight v : real[2, 3]".to_string(),
                "%3 = constant [0; 6] : real[2, 3]".to_string(),
                "%4 = constant [1; 6] : real[2, 3]".to_string(),
                "%5 = constant [1, 2, 3, 4, 5, 6] : real[2, 3]".to_string(),
            ];
            let mut full: Vec<usize> = (0..6).collect();
            let mut line = |full: &mut Vec<usize>, pattern: &str, reads: [usize; 2], whole: bool| {
                let mut reads = reads.into_iter();
                let body: String = pattern
                    .split_inclusive('@')
                    .map(|part| match part.strip_suffix('@') {
                        Some(part) => format!("{part}%{}", reads.next().unwrap()),
                        None => part.to_string(),
                    })
                    .collect();
                lines.push(format!("%{} = {body}", lines.len()));
                if whole {
                    full.push(lines.len() - 1);
                }
                lines.len() - 1
            };
            for (kind, a, b) in steps {
                let pick = |number: u32| full[number as usize % full.len()];
                let reads = [pick(a), pick(b)];
                match kind.checked_sub(LINES.len()) {
                    None => _ = line(&mut full, LINES[kind], reads, true),
                    Some(detour) => {
                        let [there, back] = DETOURS[detour];
                        let there = line(&mut full, there, reads, false);
                        line(&mut full, back, [there, there], true);
                    }
                }
            }
            let last = *full.last().unwrap();
            let loss = line(&mut full, "sum(@)", [last, last], false);
            lines.push(format!("loss a = %{loss}"));
            if two_losses {
                lines.push(format!("%900 = mean(%{})\nloss b = %900", full[full.len() / 2]));
            }
            lines.push(format!("save y = %{last}"));
            lines.join("\n")
        })
    }

    fn numbers(graph: &Verified<Graph>) -> Vec<(String, Vec<f64>)> {
        let context = check::context([].into());
        // The same numbers for every leaf name, whatever other leaves there are.
        let all =
            text::parse("%0 = field x : real[2, 3]\n%1 = weight w : real[2, 3]\n%2 = weight v : real[2, 3]").unwrap();
        let values = Values::plausible(&all, &context, 3).unwrap();
        let interpreter = Interpreter::new(graph.clone(), context.dtype, &context.device).unwrap();
        let options = Options { finite: Finite::Unchecked, shapes: true, observer: None };
        let results = interpreter.run(&values, &context, options).unwrap();
        let name = |output: &crate::graph::Output| format!("{} {}", output.role.word(), output.name);
        let data = |tensors: &Vec<candle_core::Tensor>| tensors[0].flatten_all().unwrap().to_vec1().unwrap();
        graph.outputs.iter().map(name).zip(results.iter().map(data)).collect()
    }

    proptest! {
        #[test]
        fn stay_the_same(text in any_text()) {
            let mut graph = text::parse(&text).unwrap();
            differentiate(&mut graph).unwrap();
            let before = verify(graph).unwrap();
            let (after, records) = improve(before.clone()).unwrap();
            prop_assert!(after.len() <= before.len());
            prop_assert_eq!(records.first().map(|record| record.before), Some(before.len()));
            prop_assert_eq!(records.last().map(|record| record.after), Some(after.len()));
            for ((name, old), (_, new)) in numbers(&before).into_iter().zip(numbers(&after)) {
                for (old, new) in old.into_iter().zip(new) {
                    let close = (old - new).abs() <= 1e-9 * old.abs().max(1.0);
                    // Where a number is not finite, any simplification may change it.
                    prop_assert!(close || !old.is_finite(), "{name}: {old} became {new}\n{text}\n{after:?}");
                }
            }
            let (again, _) = improve(after.clone()).unwrap();
            prop_assert_eq!(text::print(&again), text::print(&after));
        }
    }
}
