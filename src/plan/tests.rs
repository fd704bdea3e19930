//! Order, last uses and memory, told as text; and that the model of memory is what the interpreter holds.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{Kept, Memory, Plan, plan};
use crate::exec::check;
use crate::exec::interpreter::{Finite, Interpreter, Options};
use crate::exec::values::Values;
use crate::exec::watch::{Observer, Seen};
use crate::grad::differentiate;
use crate::graph::{Graph, Verified, text, verify};
use crate::passes::testing::answers::any_text;

fn planned(text: &str) -> (Verified<Graph>, Plan) {
    let graph = verify(text::parse(text).unwrap()).unwrap();
    let plan = plan(&graph);
    (graph, plan)
}

fn check_plan(text: &str, expected: Expect) {
    let (graph, plan) = planned(text);
    let names = text::Names::new(&graph);
    let mut node_in = vec![None; plan.slots as usize];
    plan.leaves.iter().for_each(|(id, slot)| node_in[*slot as usize] = Some(*id));
    plan.steps.iter().for_each(|step| node_in[step.output as usize] = Some(step.node));
    let said = plan.steps.iter().map(|step| {
        let frees: Vec<String> = step.frees.iter().map(|slot| names.name(node_in[*slot as usize].unwrap())).collect();
        let frees = if frees.is_empty() { String::new() } else { format!(", then drop {}", frees.join(" ")) };
        format!("run {}{frees}\n", names.name(step.node))
    });
    expected.assert_eq(&said.collect::<String>());
}

#[test]
fn each_result_goes_after_its_last_reader() {
    check_plan(
        "%0 = field x : real[2]
         %1 = neg(%0)
         %2 = relu(%1)
         %3 = mul(%1, %2)
         save y = %3
         save z = %2",
        expect![[r#"
            run %1, then drop %0
            run %2
            run %3, then drop %1
        "#]],
    );
}

#[test]
fn what_no_output_needs_is_not_run() {
    check_plan(
        "%0 = field x : real[2]
         %1 = neg(%0)
         %2 = neg(%1)
         save y = %1",
        expect![[r#"
            run %1, then drop %0
        "#]],
    );
}

#[test]
fn what_shrinks_memory_goes_first() {
    check_plan(
        "%0 = field x : real[100]
         %1 = neg(%0)
         %2 = relu(%0)
         %3 = sum(%1)
         %4 = sum(%2)
         save a = %3
         save b = %4",
        expect![[r#"
            run %1
            run %3, then drop %1
            run %2, then drop %0
            run %4, then drop %2
        "#]],
    );
}

#[test]
fn a_leaf_may_be_an_output() {
    let (_, plan) = planned("%0 = field x : real[2]\nsave y = %0");
    assert!(plan.steps.is_empty());
    assert_eq!(plan.outputs, [[plan.leaves[0].1]]);
}

fn memory(text: &str) -> Memory {
    let (graph, plan) = planned(text);
    plan.memory(&graph, &[("B".to_string(), 10)].into(), Kept::F32).unwrap()
}

#[test]
fn memory_is_leaves_and_the_most_that_is_live() {
    let (graph, plan) = planned(
        "%0 = field x : real[B]
         %1 = frozen w : real[100]
         %2 = state s : real[5]
         %3 = neg(%0)
         %4 = relu(%3)
         %5 = sum(%4)
         save y = %5
         save w = %1
         save s = %2",
    );
    let memory = plan.memory(&graph, &[("B".to_string(), 10)].into(), Kept::F32).unwrap();
    let leaves = Memory { fields: 40, weights: 400, states: 20, ..Memory::default() };
    assert_eq!(memory, Memory { peak: 460 + 80, at: Some(plan.steps[1].node), activations: 80, ..leaves });
    assert!(plan.memory(&graph, &[].into(), Kept::F32).is_err());
}

#[test]
fn a_view_costs_nothing_and_keeps_what_it_looks_at() {
    let through_a_view = "
        %0 = field x : real[B]
        %1 = neg(%0)
        %2 = reshape(%1) dims=[1, B]
        %3 = relu(%2)
        %4 = relu(%3)
        save y = %4
    ";
    assert_eq!(memory(through_a_view).peak, 40 + 80);
    // The view is read again at the end: three are live.
    assert_eq!(memory(&through_a_view.replace("relu(%3)", "add(%3, %2)")).peak, 40 + 120);
}

#[test]
fn an_index_is_four_bytes_whatever_a_real_is() {
    let (graph, plan) = planned("%0 = field m : index(3)[10]\nsave m = %0");
    assert_eq!(plan.memory(&graph, &[].into(), F64).unwrap().fields, 40);
}

#[test]
fn gradients_are_counted_apart() {
    let mut graph = text::parse(
        "%0 = weight w : real[10]
         %1 = square(%0)
         %2 = sum(%1)
         loss l = %2",
    )
    .unwrap();
    differentiate(&mut graph).unwrap();
    let graph = verify(graph).unwrap();
    let memory = plan(&graph).memory(&graph, &[].into(), Kept::F32).unwrap();
    // The gradient of the sum and that of the square at once, and the loss, which is kept.
    assert_eq!((memory.weights, memory.gradients, memory.activations), (40, 40, 40 + 4));
    assert_eq!(memory.peak, 40 + 4 + 40 + 40 + 4);
}

#[test]
fn work() {
    let (graph, plan) = planned("%0 = field x : real[B, 5]\n%1 = affine(%0) scale=2.0\n%2 = neg(%1)\nsave y = %2");
    assert_eq!(plan.flops(&graph, &[("B".to_string(), 10)].into()), Ok(2 * 50 + 50));
}

const F64: Kept = Kept { real: 8, packed: false };

/// What a run really held.
#[derive(Default)]
struct Most(u64);

impl Observer for Most {
    fn step(&mut self, seen: Seen) {
        self.0 = self.0.max(seen.live);
    }
}

proptest! {
    #[test]
    fn the_model_is_what_is_held(text in any_text()) {
        let mut graph = text::parse(&text).unwrap();
        differentiate(&mut graph).unwrap();
        let context = check::context([].into());
        let values = Values::plausible(&graph, &context, 3).unwrap();
        let interpreter = Interpreter::new(verify(graph).unwrap(), context.dtype, &context.device).unwrap();
        let memory = interpreter.plan().memory(interpreter.graph(), &context.dims, F64).unwrap();
        let mut most = Most::default();
        let options = Options { finite: Finite::Unchecked, shapes: true, observer: Some(&mut most) };
        interpreter.run(&values, &context, options).unwrap();
        let held = memory.weights + memory.fields + memory.constants;
        prop_assert_eq!(memory.scratch, 0);
        prop_assert_eq!(memory.peak - held, most.0, "{}", text);
    }
}
