//! Drops what no output needs.
//!
//! Needs: nothing. Leaves: no node that no output depends on.

use super::{Pass, Patch};
use crate::graph::{Graph, Id};

pub(super) const PASS: Pass = Pass { name: "drop-dead", summary: "Drops what no output needs.", run };

fn run(graph: &Graph) -> Option<Patch> {
    let mut needed = vec![false; graph.bound()];
    let mut open: Vec<Id> = graph.outputs.iter().flat_map(|output| output.nodes.iter().copied()).collect();
    while let Some(id) = open.pop() {
        if !std::mem::replace(&mut needed[id.0 as usize], true) {
            open.extend(graph.edges(id).map(|(_, input)| input));
        }
    }
    let mut patch = Patch::new();
    graph.ids().filter(|id| !needed[id.0 as usize]).for_each(|id| patch.drop_node(id));
    patch.proposed()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::passes::testing::check_pass;

    #[test]
    fn what_no_output_needs_goes() {
        check_pass(
            super::PASS,
            "%0 = field x : real[]
             %1 = weight unused : real[]
             %2 = neg(%0)
             %3 = mul(%2, %1)
             save y = %2",
            expect![[r#"
                %0 = field x : real[]
                %1 = neg(%0) : real[]
                save y = %1
            "#]],
        );
    }
}
