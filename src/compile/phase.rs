//! The graph of a training step while some of its losses are off.

use super::share;
use crate::grad;
use crate::graph::{Graph, Literal, Role, Verified, verify};
use crate::lower::Stage;
use crate::passes;
use crate::types::Domain;

/// The step of a stage without the losses `off`: they are 0, nothing is differentiated by way of them, and what only they need is not
/// computed. Its outputs stand where they stand in the whole graph, but for the gradients: a weight has one where a loss
/// that is left reaches it. What `updating` moves is moved as ever.
///
/// # Errors
/// What cannot be compiled: a mistake of ours, as the whole step was.
pub fn without(stage: &Stage, off: &[&str]) -> Result<Verified<Graph>, String> {
    let mut graph = stage.graph.clone();
    for at in 0..graph.outputs.len() {
        let output = &graph.outputs[at];
        if output.role != Role::Loss || !off.contains(&output.name.as_str()) {
            continue;
        }
        let origin = output.nodes.first().map(|id| graph.node(*id).origin.clone()).unwrap_or_default();
        let zero = graph.constant(Literal { shape: Vec::new(), data: vec![0.0] }, Domain::Loss, origin);
        graph.outputs[at].nodes = vec![zero];
    }
    let moves = stage.train.as_ref().map_or(&[][..], |train| &train.moves);
    share(&mut graph)
        .and_then(|()| grad::differentiate_moving(&mut graph, moves))
        .map_err(|error| error.to_string())?;
    let graph = verify(graph).map_err(|error| error.to_string())?;
    let (graph, _) = passes::improve(graph).map_err(|error| error.to_string())?;
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::testing::lowered;

    #[test]
    fn what_only_a_loss_needs_that_is_off_is_not_computed() {
        let recipe = lowered(
            r#"
            use data { scenes }
            let d = scenes(images = 20, size = 32, classes = 2)
            train t {
              data      = d.train |> random_crop(32) |> standardize
              batch     = 4
              epochs    = 4
              optimizer = sgd(lr = 0.1)
              net a = conv(3, 2)
              net b = conv(2, 2)
              step { image } {
                let seen = a(image)
                metric first = mean(seen)
                loss near = mean(square(seen))
                loss far  = mean(sigmoid(b(seen))) from epoch 2
              }
            }"#,
            &[],
        );
        let stage = &recipe.stages[0];
        let outputs = |off: &[&str]| -> Vec<String> {
            let graph = without(stage, off).unwrap();
            graph.outputs.iter().map(|output| format!("{} {}", output.role.word(), output.name)).collect()
        };
        let convolutions = |off: &[&str]| {
            let graph = without(stage, off).unwrap();
            let is_one =
                |kind: &crate::graph::Kind| matches!(kind, crate::graph::Kind::Op(op) if op.name.starts_with("conv2d"));
            graph.ids().filter(|id| is_one(&graph.node(*id).kind)).count()
        };
        let gradients = |net: &str| ["bias", "weight"].map(|weight| format!("grad t.{net}.{weight}"));
        let mut whole = outputs(&[]);
        let rest = outputs(&["far"]);
        assert_eq!(rest[..4], ["metric first", "loss near", "loss far", "total "]);
        let mut moved = rest[4..].to_vec();
        moved.sort();
        assert_eq!(moved, gradients("a"));
        moved.extend(gradients("b"));
        assert_eq!(whole[..4], rest[..4]);
        whole[4..].sort();
        assert_eq!(whole[4..], moved);
        assert!(convolutions(&["far"]) < convolutions(&[]));
        assert_eq!(outputs(&["near", "far"]), rest[..4]);
    }
}
