//! What is built, what is reached, and that the numbers are right.

use expect_test::{Expect, expect};

use super::{Moves, differentiate, differentiate_moving, gradients, unknown};
use crate::exec::check;
use crate::exec::values::Values;
use crate::graph::{Output, Role, text, verify};

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

/// `l` is differentiated by `v` alone, `k` by both: what meets at `v` is added, and the total is of all losses.
#[test]
fn a_loss_that_moves_one_weight_is_not_differentiated_by_the_other() {
    let mut graph = text::parse(
        "%0 = weight w : real[]
         %1 = weight v : real[]
         %2 = mul(%0, %1)
         loss l = %2
         loss k = %2",
    )
    .unwrap();
    let moves = [Moves { loss: "l".into(), weights: ["v".to_string()].into() }];
    let report = differentiate_moving(&mut graph, &moves).unwrap();
    assert_eq!(report.moved, moves);
    assert!(report.dead_losses.is_empty() && report.unreached.is_empty());
    expect![[r#"
        %0 = weight w : real[]
        %1 = weight v : real[]
        %2 = mul(%0, %1) : real[]
        %3 = add(%2, %2) : real[]
        %4 = constant 1 : real[]
        %5 = mul(%4, %0) : real[]
        %6 = mul(%4, %1) : real[]
        %7 = mul(%4, %0) : real[]
        %8 = add(%5, %7) : real[]
        loss l = %2
        loss k = %2
        total = %3
        grad v = %8
        grad w = %6
    "#]]
    .assert_eq(&text::print(&verify(graph).unwrap()));
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
fn a_gradient_may_be_scaled_or_taken_by_another() {
    check_built(
        "%0 = weight w : real[2]
         %1 = weight v : real[2]
         %2 = scale_gradient(%0) factor=-0.5
         %3 = straight_through(%2, %1)
         %4 = add(%2, %3)
         %5 = sum(%4)
         loss l = %5",
        expect![[r#"
            %0 = weight w : real[2]
            %1 = weight v : real[2]
            %2 = scale_gradient(%0) factor=-0.5 : real[2]
            %3 = straight_through(%2, %1) : real[2]
            %4 = add(%2, %3) : real[2]
            %5 = sum(%4) : real[]
            %6 = constant 1 : real[]
            %7 = sum.grad(%6) dims=[2] : real[2]
            %8 = affine(%7) scale=-0.5 : real[2]
            loss l = %5
            total = %5
            grad v = %7
            grad w = %8
        "#]],
    );
}

fn check_gradient(before: &str, of: usize, by: &[usize], expected: Expect) {
    let mut graph = text::parse(before).unwrap();
    let ids: Vec<_> = graph.ids().collect();
    let by: Vec<_> = by.iter().map(|place| ids[*place]).collect();
    let found = gradients(&mut graph, ids[of], &by);
    for (place, id) in found.unwrap().into_iter().enumerate() {
        let name = place.to_string();
        graph.outputs.extend(id.map(|id| Output { role: Role::Save, name, nodes: vec![id], span: None }));
    }
    expected.assert_eq(&text::print(&verify(graph).unwrap()));
}

#[test]
fn a_gradient_by_a_value_in_the_middle() {
    // By %1, which %2 is computed from, and by %0 behind it; %3 has no part in it.
    check_gradient(
        "%0 = field x : real[2]
         %1 = relu(%0)
         %2 = square(%1)
         %3 = exp(%0)
         save y = %2
         save z = %3",
        2,
        &[1, 0, 3],
        expect![[r#"
            %0 = field x : real[2]
            %1 = relu(%0) : nonneg[2]
            %2 = square(%1) : nonneg[2]
            %3 = exp(%0) : nonneg[2]
            %4 = constant 1 : real[]
            %5 = expand(%4) dims=[2] : real[2]
            %6 = square.grad(%5, %1) : real[2]
            %7 = relu.grad(%6, %1) : real[2]
            save y = %2
            save z = %3
            save 0 = %6
            save 1 = %7
        "#]],
    );
}

/// The gradient of node `of` by node `by`, differentiated by every weight and held against its own differences.
fn check_again(text: &str, of: usize, by: usize) {
    let mut graph = text::parse(text).unwrap();
    let ids: Vec<_> = graph.ids().collect();
    let first = gradients(&mut graph, ids[of], &[ids[by]]).unwrap()[0].unwrap();
    graph.outputs = vec![Output { role: Role::Save, name: "first".into(), nodes: vec![first], span: None }];
    let context = check::context([("B".to_string(), 2)].into());
    let values = Values::plausible(&graph, &context, 7).unwrap();
    for difference in check::gradients(&graph, &values, &context).unwrap() {
        assert!(difference.error() < 1e-6, "{difference:?}\n{text}");
    }
}

#[test]
fn gradients_are_differentiated_again() {
    // A small network: the gradient of the scores by the picture, and by the first weight.
    let network = "%0 = weight x : real[B, 2, 5, 4]
         %1 = weight v : real[3, 2, 3, 3]
         %2 = conv2d(%0, %1) padding=[1, 1]
         %3 = state mean : real[3]
         %4 = state variance : nonneg[3]
         %5 = weight scale : real[3]
         %6 = weight shift : real[3]
         %7 = normalize(%2, %3, %4, %5, %6)
         %8 = sigmoid(%7)
         %9 = avg_pool(%8) kernel=[2, 2] padding=[1, 1]
         %10 = weight head : real[2, 3, 1, 1]
         %11 = conv2d(%9, %10)
         %12 = resize(%11) size=[4, 5] align_corners=false
         %13 = softmax(%12) axis=1
         %14 = mean(%13) axes=[2, 3]
         %15 = square(%14)
         save y = %15";
    check_again(network, 15, 0);
    check_again(network, 15, 1);
    check_again(network, 15, 9);
    // What folds, chooses and multiplies.
    let folds = "%0 = weight x : real[B, 3, 4, 2]
         %1 = tanh(%0)
         %2 = max(%1) axes=[2]
         %3 = weight w : real[2, 5]
         %4 = matmul(%2, %3)
         %5 = log_softmax(%4) axis=1
         %6 = min(%1) axes=[1, 3] keep=true
         %7 = adaptive_avg_pool(%1) size=[4, 3]
         %8 = rank_pool(%1) decay=0.5
         %9 = top_mean(%5) fraction=0.5
         %10 = mul(%6, %7)
         %11 = sum(%10) axes=[2, 3]
         %12 = mul(%11, %8)
         %13 = sum(%12) axes=[1]
         %14 = mul(%13, %9)
         save y = %14";
    check_again(folds, 14, 0);
    check_again(folds, 14, 1);
    // A transposed convolution is the gradient of one.
    let larger = "%0 = weight x : real[B, 2, 3, 2]
         %1 = weight w : real[2, 3, 2, 2]
         %2 = conv_transpose2d(%0, %1) stride=[2, 2]
         %3 = gelu(%2)
         save y = %3";
    check_again(larger, 3, 0);
    check_again(larger, 3, 1);
}

#[test]
fn a_second_derivative_that_is_not_known_is_told() {
    let mut graph = text::parse(
        "%0 = weight w : real[1, 1, 2, 2]
         %1 = field x : real[1, 1, 1, 1]
         %2 = max_pool.grad(%1, %0) kernel=[2, 2]
         %3 = mul(%2, %0)
         %4 = sum(%3)
         loss l = %4",
    )
    .unwrap();
    let report = differentiate(&mut graph).unwrap();
    assert_eq!(report.unknown.len(), 1);
    assert_eq!(unknown(&graph, report.unknown[0]).message, "the second derivative of `max_pool` is not known");
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
