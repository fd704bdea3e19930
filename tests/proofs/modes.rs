//! A frozen batch norm is frozen: whatever is said of the net that holds it, its statistics are those it has, its states stay where
//! they are, and its weights are not trained. Told from the graph that would run.

use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::graph::{Graph, Id, Kind, Role};
use wsss::ops::fused::Step;

use super::lowered;

/// What the step of the last stage does with the batch norms: how many take statistics of the batch, how many there are, how
/// many states move, how many gradients there are.
fn told(net: &str, call: &str) -> [usize; 4] {
    let text = format!(
        r#"
        use nets {{ lenet_cam }}
        use losses {{ multilabel_soft_margin }}
        let d = scenes(images = 20, size = 32, classes = 2)
        train before {{
          data = d.train |> standardize |> random_crop(32)
          batch = 8
          epochs = 1
          optimizer = sgd(lr = 0.1)
          net n = lenet_cam(d.classes)
          step {{ image, tags }} {{ loss l = multilabel_soft_margin(gap(n(image)), tags) }}
        }}
        train t {{
          data = d.train |> standardize |> random_crop(32)
          batch = 8
          epochs = 1
          optimizer = sgd(lr = 0.1)
          net n = {net}
          net head = linear(d.classes, d.classes)
          step {{ image, tags }} {{ loss l = multilabel_soft_margin(head(gap({call}(image))), tags) }}
        }}"#
    );
    let (recipe, problems) = lowered(&text, &[]);
    assert!(problems.is_empty(), "{problems:#?}");
    let mut later = Problems::default();
    let compiled = compile(&recipe, &mut later).expect("a right recipe");
    let graph: &Graph = &compiled.stage("t").expect("the stage").graph;
    // Those that were fused too.
    let named = |id: Id| match (&graph.node(id).kind, Step::read(&graph.node(id).attrs)) {
        (Kind::Op(_), Ok(steps)) => steps.iter().map(|step| step.op.name).collect(),
        (Kind::Op(op), Err(_)) => vec![op.name],
        _ => Vec::new(),
    };
    let ops = |name: &str| graph.ids().flat_map(named).filter(|op| *op == name).count();
    let outputs = |role: Role| graph.outputs.iter().filter(|output| output.role == role).count();
    [ops("channel_stats"), ops("normalize"), outputs(Role::Assign), outputs(Role::Gradient)]
}

#[test]
fn batch_norms_do_what_is_said_of_their_net() {
    // Of the net, 13 tensors are trained: four convolutions and batch norms, and the head; of the linear layer, two.
    assert_eq!(told("lenet_cam(d.classes)", "n"), [4, 4, 8, 15], "trained");
    assert_eq!(told("freeze(lenet_cam(d.classes))", "n"), [0, 4, 0, 2], "frozen where it is made");
    assert_eq!(told("lenet_cam(d.classes)", "freeze(n)"), [0, 4, 0, 2], "frozen where it is called");
    assert_eq!(told("lenet_cam(d.classes)", "eval_mode(n)"), [0, 4, 0, 15], "trained with running statistics");
    assert_eq!(told("lenet_cam(d.classes)", "before.n"), [0, 4, 0, 2], "of another stage");
    assert_eq!(told("freeze(lenet_cam(d.classes), only = [\"trunk\"])", "n"), [0, 4, 0, 3], "a part frozen");
}

#[test]
fn a_frozen_net_that_is_said_to_train_takes_the_batch_and_trains_nothing() {
    assert_eq!(told("train_mode(freeze(lenet_cam(d.classes)))", "n"), [4, 4, 8, 2]);
}
