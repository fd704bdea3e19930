//! Words for all that an op has, examples that give the printed answer, gradients that agree with differences, laws that hold.

use std::collections::{BTreeSet, HashMap, HashSet};

use candle_core::DType;
use expect_test::expect;

use wsss::ops::{Gradient, OpDef, all};

use super::used::{Second, Use};
use super::{examples, graph_of, nodes_of, printed, run};

#[test]
fn every_op_has_its_words() {
    let mut names = HashSet::new();
    for op in all() {
        let name = op.name;
        assert!(names.insert(name), "`{name}` is there twice");
        assert!(op.summary.ends_with('.') && !op.output.is_empty(), "`{name}` lacks words");
        assert!(op.inputs.iter().all(|input| !input.doc.is_empty()), "`{name}` has an input without words");
        assert!(op.params.iter().all(|param| !param.doc.is_empty()), "`{name}` has a param without words");
        assert!(op.nature.internal || !op.examples.is_empty(), "`{name}` has no example");
    }
}

#[test]
fn examples_give_their_answers() {
    for (op, example) in examples() {
        for dtype in [DType::F64, DType::F32] {
            let graph = graph_of(example.code).unwrap_or_else(|problem| panic!("`{}`: {problem}", op.name));
            let result = run(graph, dtype, &HashMap::new()).remove(0);
            assert_eq!(printed(&result), example.answer, "`{}` in {dtype:?}: {}", op.name, example.code);
        }
    }
}

#[test]
fn an_example_is_of_its_op() {
    for (op, example) in examples() {
        let graph = graph_of(example.code).expect("examples are right");
        assert!(!nodes_of(&graph, op).is_empty(), "`{}` does not occur in {}", op.name, example.code);
    }
}

/// Ops whose gradient is another than that of what they give: that is what they are for.
const DELIBERATE: &[&str] = &["scale_gradient", "straight_through"];

/// On every example, the gradient by every input that has one, at places a little beside those of the example: no corner is hit.
#[test]
fn gradients_agree_with_differences() {
    let honest = |op: &OpDef| matches!(op.grad, Gradient::Of(_)) && !DELIBERATE.contains(&op.name);
    for (op, example) in examples().filter(|(op, _)| honest(op)) {
        let graph = graph_of(example.code).expect("examples are right");
        for id in nodes_of(&graph, op) {
            let use_of_op = Use::at(&graph, id);
            let mut reached = 0;
            for slot in 0..use_of_op.inputs.len() {
                reached += usize::from(use_of_op.check_gradient(slot, example));
            }
            assert!(
                reached > 0 || use_of_op.trainable().count() == 0,
                "`{}` has no gradient: {}",
                op.name,
                example.code
            );
        }
    }
}

/// On every example, the gradient of the gradient, for every op whose first one changes with what it is taken by.
#[test]
fn second_gradients_agree_with_differences() {
    let mut unknown = BTreeSet::new();
    let mut checked = BTreeSet::new();
    for (op, example) in examples().filter(|(op, _)| matches!(op.grad, Gradient::Of(_))) {
        if DELIBERATE.contains(&op.name) {
            continue;
        }
        let graph = graph_of(example.code).expect("examples are right");
        for id in nodes_of(&graph, op) {
            let use_of_op = Use::at(&graph, id);
            for slot in use_of_op.trainable().collect::<Vec<_>>() {
                match use_of_op.check_second(slot, example) {
                    Second::Unknown => _ = unknown.insert(op.name),
                    Second::Checked => _ = checked.insert(op.name),
                    Second::Constant => {}
                }
            }
        }
    }
    expect![[r#"{"div", "elu", "exp", "gelu", "log", "log_sigmoid", "log_softmax", "pair_affinity", "pow", "sigmoid", "softmax", "softplus", "sqrt", "square", "tanh"}"#]].assert_eq(&format!("{checked:?}"));
    expect!["{}"].assert_eq(&format!("{unknown:?}"));
}

#[test]
fn laws_hold() {
    for (op, example) in examples() {
        let graph = graph_of(example.code).expect("examples are right");
        for id in nodes_of(&graph, op) {
            let use_of_op = Use::at(&graph, id);
            for law in (op.laws)(&use_of_op.attrs) {
                use_of_op.check_law(*law, example);
            }
        }
    }
}
