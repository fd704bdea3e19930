//! What is built, what is reached, and that the numbers are right.

use expect_test::{Expect, expect};

use super::differentiate;
use crate::exec::check;
use crate::exec::values::Values;
use crate::graph::{text, verify};

fn check_built(before: &str, after: Expect) {
    let mut graph = text::parse(before).unwrap();
    differentiate(&mut graph).unwrap();
    let graph = verify(graph).unwrap();
    after.assert_eq(&text::print(&graph));
}

fn check_report(text: &str, expected: Expect) {
    let mut graph = text::parse(text).unwrap();
    let names = text::Names::new(&graph);
    let report = differentiate(&mut graph).unwrap();
    let mut said: Vec<String> = report.unreached.iter().map(|path| format!("unreached {path}")).collect();
    for dead in &report.dead_losses {
        said.push(format!("dead {}", dead.loss));
        said.extend(dead.cuts.iter().map(|cut| format!("  {}: {}", names.name(cut.node), cut.reason)));
    }
    expected.assert_eq(&said.join("\n"));
}

#[test]
fn one_weight() {
    check_built(
        "%0 = field x : real[2]
         %1 = weight w : real[2]
         %2 = mul(%0, %1)
         %3 = sum(%2)
         loss l = %3",
        expect![[r#"
            %0 = field x : real[2]
            %1 = weight w : real[2]
            %2 = mul(%0, %1) : real[2]
            %3 = sum(%2) : real[]
            %4 = constant 1 : real[]
            %5 = sum.grad(%4) dims=[2] : real[2]
            %6 = mul(%5, %0) : real[2]
            loss l = %3
            total = %3
            grad w = %6
        "#]],
    );
}

#[test]
fn losses_and_the_gradients_of_shared_nodes_are_added() {
    check_built(
        "%0 = weight w : real[]
         %1 = affine(%0) scale=2.0
         loss a = %1
         loss b = %1
         loss c = %0",
        expect![[r#"
            %0 = weight w : real[]
            %1 = affine(%0) scale=2.0 : real[]
            %2 = add(%1, %1) : real[]
            %3 = add(%2, %0) : real[]
            %4 = constant 1 : real[]
            %5 = add(%4, %4) : real[]
            %6 = affine(%5) scale=2.0 : real[]
            %7 = add(%4, %6) : real[]
            loss a = %1
            loss b = %1
            loss c = %0
            total = %3
            grad w = %7
        "#]],
    );
}

#[test]
fn nothing_is_built_towards_what_is_not_trained() {
    check_built(
        "%0 = frozen f : real[]
         %1 = weight w : real[]
         %2 = stop(%1)
         %3 = mul(%0, %2)
         %4 = mul(%3, %1)
         loss l = %4",
        expect![[r#"
            %0 = frozen f : real[]
            %1 = weight w : real[]
            %2 = stop(%1) : real[]
            %3 = mul(%0, %2) : real[]
            %4 = mul(%3, %1) : real[]
            %5 = constant 1 : real[]
            %6 = mul(%5, %3) : real[]
            loss l = %4
            total = %4
            grad w = %6
        "#]],
    );
}

#[test]
fn without_losses_nothing_happens() {
    check_built(
        "%0 = weight w : real[]
         save w = %0",
        expect![[r#"
            %0 = weight w : real[]
            save w = %0
        "#]],
    );
}

#[test]
fn all_is_reached() {
    check_report("%0 = weight w : real[]\nloss l = %0", expect![""]);
}

#[test]
fn cut_by_an_op() {
    check_report(
        "%0 = weight w : real[]
         %1 = weight v : real[]
         %2 = floor(%0)
         %3 = stop(%2)
         %4 = neg(%3)
         loss dead = %4
         loss alive = %1",
        expect![[r#"
            unreached w
            dead dead
              %2: a whole number does not change with what it was cut from"#]],
    );
}

#[test]
fn cut_because_all_is_frozen_or_nothing_is_a_weight() {
    check_report(
        "%0 = frozen w : real[]
         %1 = neg(%0)
         %2 = field x : real[]
         loss a = %1
         loss b = %2",
        expect![[r#"
            dead a
              %0: the weight is not trained here
            dead b"#]],
    );
}

#[test]
fn a_loss_cut_in_one_place_and_alive_in_another_is_alive() {
    check_report(
        "%0 = weight w : real[]
         %1 = stop(%0)
         %2 = mul(%0, %1)
         loss l = %2",
        expect![""],
    );
}

#[test]
fn twice_is_refused() {
    let mut graph = text::parse("%0 = weight w : real[]\nloss l = %0").unwrap();
    differentiate(&mut graph).unwrap();
    assert!(differentiate(&mut graph).is_err());
}

fn check_numbers(text: &str) {
    let graph = text::parse(text).unwrap();
    let context = check::context([("B".to_string(), 2)].into());
    let values = Values::plausible(&graph, &context, 7).unwrap();
    for difference in check::gradients(&graph, &values, &context).unwrap() {
        assert!(difference.error() < 1e-7, "{difference:?}\n{text}");
    }
}

#[test]
fn numbers_agree_with_finite_differences() {
    check_numbers(
        "%0 = field x : real[B, 3]
         %1 = weight w : real[1, 3]
         %2 = weight v : real[B, 1]
         %3 = mul(%0, %1)
         %4 = sigmoid(%3)
         %5 = div(%4, %2)
         %6 = softmax(%5) axis=1
         %7 = mul(%6, %4)
         %8 = mean(%7)
         loss a = %8
         %9 = sum(%1)
         %10 = tanh(%9)
         loss b = %10",
    );
    // Without a loss: what is saved, weighed.
    check_numbers(
        "%0 = weight w : real[B, 3]
         %1 = softmax(%0) axis=1
         save p = %1",
    );
}

#[test]
fn a_wrong_gradient_is_seen() {
    let graph = text::parse(
        "%0 = weight w : real[]
         %1 = stop(%0)
         %2 = mul(%0, %1)
         loss l = %2",
    )
    .unwrap();
    let context = check::context([].into());
    let values = Values::plausible(&graph, &context, 7).unwrap();
    // The square of w, half of whose gradient is stopped.
    let found = check::gradients(&graph, &values, &context).unwrap();
    assert!((found[0].difference - 2.0 * found[0].gradient).abs() < 1e-7, "{found:?}");
}
