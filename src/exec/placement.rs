//! Which steps run on the host where a run has another device: so that a device is never waited for without need, and works while the host does.
//!
//! On the host stay ops that have no kernel for the device, what the time alone decides (a learning rate), and what nobody but these reads of what
//! the host has anyway: a picture on its way to superpixels is not sent to the device and back.

use crate::graph::{Graph, Id, Kind, Role};
use crate::plan::Plan;

/// See the module text. Nodes by their number.
pub(super) struct Placement {
    /// Computed on the host.
    host: Vec<bool>,
    /// Read there.
    read_on_host: Vec<bool>,
    /// Read on the device.
    read_on_device: Vec<bool>,
}

impl Placement {
    /// Everything in one place.
    pub fn one() -> Placement {
        Placement { host: Vec::new(), read_on_host: Vec::new(), read_on_device: Vec::new() }
    }

    pub fn split(graph: &Graph, plan: &Plan) -> Placement {
        let at = |id: Id| id.0 as usize;
        let none = || vec![false; graph.bound()];
        let [mut known, mut timed, mut host, mut read_on_host, mut read_on_device] = [(); 5].map(|()| none());
        for (id, _) in &plan.leaves {
            let kind = &graph.node(*id).kind;
            timed[at(*id)] = matches!(kind, Kind::Clock(_));
            known[at(*id)] = timed[at(*id)] || matches!(kind, Kind::Field(_) | Kind::Constant(_));
        }
        let is_host = |id: Id| matches!(graph.node(id).kind, Kind::Op(op) if op.host.is_some());
        for step in &plan.steps {
            let inputs = || graph.edges(step.node).map(|(_, input)| input);
            let constant = |input: Id| matches!(graph.node(input).kind, Kind::Constant(_));
            known[at(step.node)] = is_host(step.node) || inputs().all(|input| known[at(input)]);
            timed[at(step.node)] =
                inputs().any(|input| timed[at(input)]) && inputs().all(|input| timed[at(input)] || constant(input));
        }
        for output in &graph.outputs {
            let read = if wants_device(&output.role) { &mut read_on_device } else { &mut read_on_host };
            output.nodes.iter().for_each(|node| read[at(*node)] = true);
        }
        // From the end on: who reads a node has its place by then.
        for step in plan.steps.iter().rev() {
            let node = at(step.node);
            let for_host_alone = read_on_host[node] && !read_on_device[node];
            host[node] = is_host(step.node) || timed[node] || (known[node] && for_host_alone);
            let read = if host[node] { &mut read_on_host } else { &mut read_on_device };
            graph.edges(step.node).for_each(|(_, input)| read[at(input)] = true);
        }
        for (id, _) in &plan.leaves {
            // Weights and states lie on the device.
            if !known[at(*id)] {
                read_on_device[at(*id)] |= read_on_host[at(*id)];
                read_on_host[at(*id)] = false;
            }
        }
        Placement { host, read_on_host, read_on_device }
    }

    pub fn is_split(&self) -> bool {
        !self.host.is_empty()
    }

    /// Whether the host computes it.
    pub fn on_host(&self, id: Id) -> bool {
        self.is_split() && self.host[id.0 as usize]
    }

    /// Whether what is there on the host is kept there.
    pub fn kept_on_host(&self, id: Id) -> bool {
        self.is_split() && self.read_on_host[id.0 as usize]
    }

    /// Whether it has to be on the device, wherever it comes from.
    pub fn kept_on_device(&self, id: Id) -> bool {
        !self.is_split() || self.read_on_device[id.0 as usize]
    }
}

/// Whether an output is used where the weights are: losses are collected there, and gradients and states stay there.
pub(super) fn wants_device(role: &Role) -> bool {
    matches!(role, Role::Loss | Role::Total | Role::Gradient | Role::Assign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{text, verify};
    use crate::plan;

    /// Nodes on the host, then those kept there, then those kept on the device.
    fn placed(text: &str) -> [Vec<u32>; 3] {
        let graph = verify(text::parse(text).unwrap()).unwrap();
        let placement = Placement::split(&graph, &plan::plan(&graph));
        let of = |is: &dyn Fn(Id) -> bool| graph.ids().filter(|id| is(*id)).map(|id| id.0).collect();
        [of(&|id| placement.on_host(id)), of(&|id| placement.kept_on_host(id)), of(&|id| placement.kept_on_device(id))]
    }

    #[test]
    fn what_time_alone_decides() {
        let [host, kept_on_host, on_device] = placed(
            "%0 = clock step : real[]
             %1 = constant 3 : real[]
             %2 = constant 2 : real[]
             %3 = field x : real[]
             %4 = div(%0, %1)
             %5 = mul(%4, %3)
             %6 = mul(%5, %2)
             grad a = %6
             rate lr = %4",
        );
        assert_eq!(host, [4]);
        assert_eq!(kept_on_host, [0, 1, 4]);
        assert_eq!(on_device, [2, 3, 4, 5, 6]);
    }

    /// The picture goes to the host's op as the host has it; what the op makes is sent once.
    #[test]
    fn what_the_host_has_anyway() {
        let [host, kept_on_host, on_device] = placed(
            "%0 = field x : real[B, 3, 8, 8]
             %1 = weight w : real[B, 3, 8, 8]
             %2 = affine(%0) scale=2.0 shift=1.0
             %3 = slic(%2) segments=4
             %4 = patch_mean(%0, %3)
             %5 = mul(%4, %1)
             %6 = mul(%5, %0)
             %7 = patch_mean(%6, %3)
             %8 = mul(%7, %1)
             grad a = %8
             save b = %2",
        );
        assert_eq!(host, [2, 3, 4, 7]);
        assert_eq!(kept_on_host, [0, 2, 3, 6]);
        assert_eq!(on_device, [0, 1, 4, 5, 7, 8]);
    }
}
