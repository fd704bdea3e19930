//! What the time decides alone, a learning rate for one: on a device it stays on the host, so that no step waits for it.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::interpreter::constant;
use crate::graph::{Graph, Id, Kind};
use crate::plan::{Plan, Slot};

/// The nodes that are made of clocks and constants alone, and those constants as the host has them.
#[derive(Default)]
pub(super) struct Timed {
    nodes: Vec<bool>,
    constants: HashMap<Slot, Tensor>,
}

impl Timed {
    pub fn of(graph: &Graph, plan: &Plan, dtype: DType) -> candle_core::Result<Timed> {
        let mut timed = Timed { nodes: vec![false; graph.bound()], constants: HashMap::new() };
        let mut literals = HashMap::new();
        for (id, slot) in &plan.leaves {
            match &graph.node(*id).kind {
                Kind::Clock(_) => timed.nodes[id.0 as usize] = true,
                Kind::Constant(literal) => _ = literals.insert(*id, (*slot, literal)),
                _ => {}
            }
        }
        for step in &plan.steps {
            let inputs = || graph.edges(step.node).map(|(_, input)| input);
            let clocked = inputs().any(|input| timed.holds(input));
            if !clocked || !inputs().all(|input| timed.holds(input) || literals.contains_key(&input)) {
                continue;
            }
            timed.nodes[step.node.0 as usize] = true;
            for (input, (slot, literal)) in inputs().filter_map(|input| Some((input, literals.get(&input)?))) {
                timed.constants.insert(*slot, constant(literal, &graph.node(input).fact, dtype, &Device::Cpu)?);
            }
        }
        Ok(timed)
    }

    pub fn holds(&self, id: Id) -> bool {
        self.nodes.get(id.0 as usize).is_some_and(|timed| *timed)
    }

    pub fn constant(&self, slot: Slot) -> Option<Tensor> {
        self.constants.get(&slot).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{text, verify};
    use crate::plan;

    #[test]
    fn what_time_alone_decides() {
        let text = "%0 = clock step : real[]
             %1 = constant 3 : real[]
             %2 = constant 2 : real[]
             %3 = field x : real[]
             %4 = div(%0, %1)
             %5 = mul(%4, %3)
             %6 = mul(%3, %2)
             save a = %5
             save b = %6
             rate lr = %4";
        let graph = verify(text::parse(text).unwrap()).unwrap();
        let plan = plan::plan(&graph);
        let timed = Timed::of(&graph, &plan, DType::F64).unwrap();
        let held: Vec<u32> = graph.ids().filter(|id| timed.holds(*id)).map(|id| id.0).collect();
        assert_eq!(held, [0, 4]);
        let slot = |number: u32| plan.leaves.iter().find(|(id, _)| id.0 == number).unwrap().1;
        assert!(timed.constant(slot(1)).is_some() && timed.constant(slot(2)).is_none());
    }
}
