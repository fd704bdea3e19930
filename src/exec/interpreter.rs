//! Runs a plan on tensors, step by step, and drops each result after its last use.
//!
//! Leaves come by name from a [`Leaves`]; what the caller holds is not copied, and views share the storage of what they look
//! at. Every input an op sees is contiguous and of the context's dtype, indices are u32. The same leaves and the same context
//! give the same bits.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};

use super::packing::{self, Packed};
use super::placement::{Placement, wants_device};
use super::watch::{self, Observer, Watch};
use crate::graph::{Clock, Graph, Id, Kind, Literal, Origin, Output, Role, Verified};
use crate::kernels::{self, packed};
use crate::ops::{Context, Eval, OpError};
use crate::plan::{self, Plan, Slot, Step};
use crate::types::{Fact, Unbound};

/// Where a run gets its leaves from. `None`: there is none of that name.
pub trait Leaves {
    /// A field of the batch.
    fn field(&self, name: &str) -> Option<Tensor>;
    /// A weight, trained or not.
    fn weight(&self, path: &str) -> Option<Tensor>;
    fn state(&self, path: &str) -> Option<Tensor>;
    fn clock(&self, clock: Clock) -> Option<f64>;
}

/// What a run looks at beside computing.
#[derive(Default)]
pub struct Options<'a> {
    pub finite: Finite,
    /// Compares the shape and the kind of number of every result with its fact. For tests.
    pub shapes: bool,
    pub observer: Option<&'a mut dyn Observer>,
}

/// Where a number that is not finite ends the run. When one is found, the run is done once more with every node looked at,
/// so that the error names the node that made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Finite {
    Unchecked,
    /// Losses and their total: one number each.
    #[default]
    Losses,
    /// Gradients as well: one pass over all of them.
    Gradients,
    /// What is saved for each picture.
    Saves,
}

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("there is no {what}")]
    NoLeaf { node: Id, what: String },
    #[error("the {what} has the shape {found:?}, expected {expected:?}")]
    LeafShape { node: Id, what: String, found: Vec<usize>, expected: Vec<usize> },
    /// A leaf that cannot be brought to the dtype or device of the run.
    #[error("the {what} cannot be used: {error}")]
    Leaf { node: Id, what: String, error: candle_core::Error },
    #[error("the device: {error}")]
    Device { error: candle_core::Error },
    #[error("`{op}`: {error}")]
    Op { node: Id, op: &'static str, origin: Origin, error: Box<OpError> },
    /// `what` is an op or a leaf, in words: a weight or a picture may be broken before anything runs.
    #[error("{output} is not a finite number; the first that is not comes from the {what}")]
    NotFinite { node: Id, what: String, origin: Origin, output: String },
    #[error(transparent)]
    Size(#[from] Unbound),
}

/// The tensors of each output, as the graph lists them.
pub type Results = Vec<Vec<Tensor>>;

/// A graph with its plan and its constants, ready to run any number of times.
pub struct Interpreter {
    graph: Verified<Graph>,
    plan: Plan,
    /// As the host has them, and as the device has them.
    constants: [Vec<(Slot, Tensor)>; 2],
    placement: Placement,
    /// What it hands to each op, where it packs maps.
    packed: Option<Packed>,
}

/// The tensors of a run, by slot. Where all is in one place, all is on the device.
struct Held {
    device: Vec<Option<Tensor>>,
    host: Vec<Option<Tensor>>,
}

impl Held {
    /// Wherever it is.
    fn get(&self, slot: Slot) -> Option<&Tensor> {
        self.device[slot as usize].as_ref().or(self.host[slot as usize].as_ref())
    }

    fn all(&self) -> impl Iterator<Item = &Tensor> {
        (0..self.device.len()).filter_map(|slot| self.get(slot as Slot))
    }
}

impl Interpreter {
    /// `dtype` and `device` are those of the contexts it will run in.
    ///
    /// # Errors
    /// A constant that does not fit on the device.
    pub fn new(graph: Verified<Graph>, dtype: DType, device: &Device) -> Result<Interpreter, RunError> {
        let plan = plan::plan(&graph);
        let placement = if device.is_cpu() { Placement::one() } else { Placement::split(&graph, &plan) };
        let packed = packing::is_asked_for(dtype, device).then(|| Packed::of(&graph));
        Interpreter::placed(graph, plan, placement, packed, dtype, device)
    }

    fn placed(
        graph: Verified<Graph>,
        plan: Plan,
        placement: Placement,
        packed: Option<Packed>,
        dtype: DType,
        device: &Device,
    ) -> Result<Interpreter, RunError> {
        let mut constants = [Vec::new(), Vec::new()];
        for (id, slot) in &plan.leaves {
            let node = graph.node(*id);
            let Kind::Constant(literal) = &node.kind else { continue };
            let kept = [placement.kept_on_host(*id), placement.kept_on_device(*id)];
            for ((constants, kept), place) in constants.iter_mut().zip(kept).zip([&Device::Cpu, device]) {
                if kept {
                    let tensor = constant(literal, &node.fact, dtype, place);
                    constants.push((*slot, tensor.map_err(|error| leaf_error(&graph, *id, error))?));
                }
            }
        }
        Ok(Interpreter { graph, plan, constants, placement, packed })
    }

    pub fn graph(&self) -> &Verified<Graph> {
        &self.graph
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// One run.
    ///
    /// # Errors
    /// A leaf that is missing or of another shape, an op that fails, a number that is not finite where [`Options`] look.
    pub fn run(&self, leaves: &dyn Leaves, context: &Context, options: Options) -> Result<Results, RunError> {
        let Options { finite, shapes, mut observer } = options;
        let results = self.execute(leaves, context, observer.take(), &mut |id, result| {
            if shapes { self.expect_fact(id, result, context) } else { Ok(()) }
        })?;
        for (output, tensors) in self.graph.outputs.iter().zip(&results) {
            let looked_at = match output.role {
                Role::Loss | Role::Total => finite != Finite::Unchecked,
                Role::Gradient => finite == Finite::Gradients,
                Role::Save => finite == Finite::Saves,
                _ => false,
            };
            if looked_at && !tensors.iter().all(watch::all_finite) {
                return Err(self.blame(leaves, context, output));
            }
        }
        Ok(results)
    }

    /// The results, with a look at every node's. For tests.
    #[cfg(test)]
    pub(super) fn looked_at(
        &self,
        leaves: &dyn Leaves,
        context: &Context,
        look: &mut dyn FnMut(Id, &Tensor) -> Result<(), RunError>,
    ) -> Result<Results, RunError> {
        self.execute(leaves, context, None, look)
    }

    /// Runs every step; `look` sees each leaf and each result when it is there.
    fn execute(
        &self,
        leaves: &dyn Leaves,
        context: &Context,
        observer: Option<&mut dyn Observer>,
        look: &mut dyn FnMut(Id, &Tensor) -> Result<(), RunError>,
    ) -> Result<Results, RunError> {
        let none = || vec![None; self.plan.slots as usize];
        let mut held = Held { device: none(), host: none() };
        for (constants, slots) in self.constants.iter().zip([&mut held.host, &mut held.device]) {
            constants.iter().for_each(|(slot, tensor)| slots[*slot as usize] = Some(tensor.clone()));
        }
        for (id, slot) in &self.plan.leaves {
            if !matches!(self.graph.node(*id).kind, Kind::Constant(_)) {
                let tensor = self.load(*id, leaves, context)?;
                self.keep(&mut held, *id, *slot, tensor, &context.device)
                    .map_err(|error| leaf_error(&self.graph, *id, error))?;
            }
            if let Some(tensor) = held.get(*slot) {
                look(*id, tensor)?;
            }
        }
        let (device, on_host) = (&context.device, Context { device: Device::Cpu, ..context.clone() });
        let mut watch = observer.map(|observer| Watch::new(observer, held.all()));
        for step in &self.plan.steps {
            let node = self.graph.node(step.node);
            let Kind::Op(op) = node.kind else { unreachable!("a step is an op") };
            let inputs = self.inputs(step, &mut held).map_err(|error| RunError::Device { error })?;
            let start = watch.as_ref().map(|_| Instant::now());
            let context = if self.placement.on_host(step.node) { &on_host } else { context };
            let eval = Eval { tensors: &inputs, attrs: &node.attrs, fact: &node.fact, context };
            let failed = |error: OpError| RunError::Op {
                node: step.node,
                op: op.name,
                origin: node.origin.clone(),
                error: error.into(),
            };
            let result = (op.eval)(&eval).and_then(|result| Ok(in_order(result)?)).map_err(failed)?;
            look(step.node, &result)?;
            drop(inputs);
            self.keep(&mut held, step.node, step.output, result, device).map_err(|error| failed(error.into()))?;
            if let (Some(watch), Some(start), Some(result)) = (&mut watch, start, held.get(step.output)) {
                // A device is handed work and does it later.
                device.synchronize().map_err(|error| RunError::Device { error })?;
                watch.made(step.node, start.elapsed(), result);
            }
            for slot in &step.frees {
                if let (Some(watch), Some(freed)) = (&mut watch, held.get(*slot)) {
                    watch.freed(freed);
                }
                (held.device[*slot as usize], held.host[*slot as usize]) = (None, None);
            }
        }
        let result = |role: &Role, slot: &Slot| {
            let host = held.host[*slot as usize].as_ref().filter(|_| !wants_device(role));
            host.or(held.get(*slot)).expect("a plan keeps its outputs").clone()
        };
        let outputs = self.graph.outputs.iter().zip(&self.plan.outputs);
        outputs
            .map(|(output, slots)| slots.iter().map(|slot| packed::unpack(&result(&output.role, slot))).collect())
            .collect::<candle_core::Result<_>>()
            .map_err(|error| RunError::Device { error })
    }

    /// Puts what a leaf or a step gave where it will be read.
    fn keep(&self, held: &mut Held, id: Id, slot: Slot, tensor: Tensor, device: &Device) -> candle_core::Result<()> {
        let at = slot as usize;
        if !self.placement.is_split() {
            held.device[at] = Some(tensor);
            return Ok(());
        }
        let from_host = tensor.device().is_cpu();
        if self.placement.kept_on_device(id) || !from_host {
            held.device[at] = Some(kernels::to_device(&tensor, device)?);
        }
        if from_host && self.placement.kept_on_host(id) {
            held.host[at] = Some(tensor);
        }
        Ok(())
    }

    /// What a step is given, where it computes. What the host has to fetch from the device it waits for, once.
    fn inputs(&self, step: &Step, held: &mut Held) -> candle_core::Result<Vec<Option<Tensor>>> {
        let on_host = self.placement.on_host(step.node);
        let mut given = |slot: &Option<Slot>| {
            let Some(slot) = slot else { return Ok(None) };
            let Held { device, host } = &mut *held;
            let (device, host) = (&device[*slot as usize], &mut host[*slot as usize]);
            match (on_host, device) {
                (false, device) => Ok(device.clone()),
                (true, Some(device)) if host.is_none() => {
                    *host = Some(packed::unpack(device)?.to_device(&Device::Cpu)?);
                    Ok(host.clone())
                }
                (true, _) => Ok(host.clone()),
            }
        };
        let inputs: Vec<_> = step.inputs.iter().map(&mut given).collect::<candle_core::Result<_>>()?;
        match &self.packed {
            Some(packed) if !on_host => packed.inputs(step.node, inputs),
            _ => Ok(inputs),
        }
    }

    /// A leaf in the dtype of the run, of the shape its fact says; where it lies, in order.
    fn load(&self, id: Id, leaves: &dyn Leaves, context: &Context) -> Result<Tensor, RunError> {
        let node = self.graph.node(id);
        let dtype = dtype_of(&node.fact, context.dtype);
        let found = match &node.kind {
            Kind::Field(name) => leaves.field(name),
            Kind::Weight { path, .. } => leaves.weight(path),
            Kind::State(path) => leaves.state(path),
            // The time stays on the host.
            Kind::Clock(clock) => match leaves.clock(*clock).map(|time| Tensor::new(time, &Device::Cpu)).transpose() {
                Ok(time) => time,
                Err(error) => return Err(leaf_error(&self.graph, id, error)),
            },
            Kind::Constant(_) | Kind::Op(_) => unreachable!("constants are made once, ops are steps"),
        };
        let tensor = found.ok_or_else(|| RunError::NoLeaf { node: id, what: what(&self.graph, id) })?;
        let expected = shape(&node.fact, context)?;
        if tensor.dims() != expected {
            let (what, found) = (what(&self.graph, id), tensor.dims().to_vec());
            return Err(RunError::LeafShape { node: id, what, found, expected });
        }
        let fits = tensor.to_dtype(dtype).and_then(|tensor| tensor.contiguous());
        fits.map_err(|error| leaf_error(&self.graph, id, error))
    }

    /// Runs again to find the first node that is not finite, among those the output depends on.
    fn blame(&self, leaves: &dyn Leaves, context: &Context, output: &Output) -> RunError {
        let mut suspects = vec![false; self.graph.bound()];
        output.nodes.iter().for_each(|id| suspects[id.0 as usize] = true);
        for step in self.plan.steps.iter().rev() {
            if suspects[step.node.0 as usize] {
                self.graph.edges(step.node).for_each(|(_, input)| suspects[input.0 as usize] = true);
            }
        }
        let not_finite = |id: Id| RunError::NotFinite {
            node: id,
            what: what(&self.graph, id),
            origin: self.graph.node(id).origin.clone(),
            output: format!("the {} `{}`", output.role.word(), output.name),
        };
        let found = self.execute(leaves, context, None, &mut |id, result| {
            if suspects[id.0 as usize] && !watch::all_finite(result) { Err(not_finite(id)) } else { Ok(()) }
        });
        match found {
            Err(error) => error,
            // The leaves gave other numbers the second time.
            Ok(_) => not_finite(output.nodes[0]),
        }
    }

    fn expect_fact(&self, id: Id, result: &Tensor, context: &Context) -> Result<(), RunError> {
        let node = self.graph.node(id);
        let (shape, dtype) = (shape(&node.fact, context)?, dtype_of(&node.fact, context.dtype));
        if result.dims() == shape && (result.dtype() == dtype || packed::is(result)) {
            return Ok(());
        }
        let found = format!("gave {:?} {:?}, inferred {:?} {dtype:?}", result.dtype(), result.dims(), shape);
        let (op, origin) = (op_name(&self.graph, id), node.origin.clone());
        Err(RunError::Op { node: id, op, origin, error: OpError::internal(found).into() })
    }
}

/// Row by row; a packed map as it is.
fn in_order(result: Tensor) -> candle_core::Result<Tensor> {
    if packed::is(&result) { Ok(result) } else { result.contiguous() }
}

/// A literal as a tensor: u32 where its domain is an index, else of `dtype`.
pub(super) fn constant(literal: &Literal, fact: &Fact, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
    Tensor::from_vec(literal.data.clone(), literal.shape.as_slice(), device)?.to_dtype(dtype_of(fact, dtype))
}

fn dtype_of(fact: &Fact, real: DType) -> DType {
    if fact.domain.is_index() { DType::U32 } else { real }
}

fn shape(fact: &Fact, context: &Context) -> Result<Vec<usize>, Unbound> {
    fact.dims.iter().map(|dim| Ok(usize::try_from(dim.eval(&context.dims)?).unwrap_or(0))).collect()
}

fn op_name(graph: &Graph, id: Id) -> &'static str {
    match graph.node(id).kind {
        Kind::Op(op) => op.name,
        _ => "leaf",
    }
}

/// A node in words.
fn what(graph: &Graph, id: Id) -> String {
    match &graph.node(id).kind {
        Kind::Field(name) => format!("field `{name}`"),
        Kind::Weight { path, .. } => format!("weight `{path}`"),
        Kind::State(path) => format!("state `{path}`"),
        Kind::Clock(clock) => format!("clock `{}`", clock.word()),
        Kind::Constant(_) => "constant".into(),
        Kind::Op(op) => format!("op `{}`", op.name),
    }
}

fn leaf_error(graph: &Graph, id: Id, error: candle_core::Error) -> RunError {
    RunError::Leaf { node: id, what: what(graph, id), error }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;
    use expect_test::{Expect, expect};

    use super::*;
    use crate::exec::check;
    use crate::exec::values::Values;
    use crate::exec::watch::Seen;
    use crate::graph::{text, verify};

    fn interpreter(text: &str) -> Interpreter {
        let graph = verify(text::parse(text).unwrap()).unwrap();
        Interpreter::new(graph, DType::F64, &Device::Cpu).unwrap()
    }

    fn values(fields: &[(&str, Tensor)]) -> Values {
        let fields = fields.iter().map(|(name, tensor)| (name.to_string(), tensor.clone())).collect();
        Values { fields, ..Values::default() }
    }

    fn vector(data: &[f64]) -> Tensor {
        Tensor::new(data, &Device::Cpu).unwrap()
    }

    /// In one place, and as if the host were another one, which must not make a difference.
    fn run(text: &str, fields: &[(&str, Tensor)]) -> Result<Results, RunError> {
        let context = check::context([("B".to_string(), 2)].into());
        let once = |interpreter: &Interpreter| {
            interpreter.run(&values(fields), &context, Options { shapes: true, ..Options::default() })
        };
        let results = once(&interpreter(text));
        let (graph, plan) = (interpreter(text).graph, interpreter(text).plan);
        let placement = Placement::split(&graph, &plan);
        let split = Interpreter::placed(graph, plan, placement, None, DType::F64, &Device::Cpu).unwrap();
        let told = |results: &Result<Results, RunError>| match results {
            Ok(results) => format!("{:?}", results.iter().flatten().map(numbers).collect::<Vec<_>>()),
            Err(error) => error.to_string(),
        };
        assert_eq!(told(&once(&split)), told(&results));
        results
    }

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn ops_of_the_host_stand_between_those_of_a_device() {
        let x = Tensor::arange(0.0, 72.0, &Device::Cpu).unwrap().reshape((2, 1, 6, 6)).unwrap();
        let results = run(
            "%0 = field x : image(real)[B, 1, 6, 6]
             %1 = affine(%0) scale=2.0 shift=1.0
             %2 = slic(%1) segments=4 lab=false
             %3 = patch_mean(%0, %2)
             %4 = mul(%3, %0)
             %5 = patch_mean(%4, %2)
             %6 = mean(%5)
             save mean = %5
             save picture = %1
             loss whole = %6",
            &[("x", x)],
        )
        .unwrap();
        assert_eq!(results.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1]);
    }

    fn check_stopped(text: &str, fields: &[(&str, Tensor)], expected: Expect) {
        expected.assert_eq(&run(text, fields).unwrap_err().to_string());
    }

    #[test]
    fn numbers_come_out_by_output() {
        let results = run(
            "%0 = field x : real[B]
             %1 = constant 3 : real[]
             %2 = mul(%0, %1)
             %3 = sum(%2)
             save y = %2
             metric m = miou(%2, %3)",
            &[("x", vector(&[1.0, 2.0]))],
        )
        .unwrap();
        assert_eq!(results[0][0].to_vec1::<f64>().unwrap(), [3.0, 6.0]);
        assert_eq!(results[1][1].to_scalar::<f64>().unwrap(), 9.0);
    }

    #[test]
    fn leaves_are_brought_to_the_dtype_of_the_run() {
        let x = Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[1u8, 0], &Device::Cpu).unwrap();
        let results = run(
            "%0 = field x : real[2]
             %1 = field m : index(2)[2]
             save x = %0
             save m = %1",
            &[("x", x), ("m", labels)],
        )
        .unwrap();
        assert_eq!((results[0][0].dtype(), results[1][0].dtype()), (DType::F64, DType::U32));
    }

    #[test]
    fn what_is_wrong_with_a_leaf() {
        let text = "%0 = field x : real[B]\nsave y = %0";
        check_stopped(text, &[], expect!["there is no field `x`"]);
        check_stopped(text, &[("x", vector(&[1.0]))], expect!["the field `x` has the shape [1], expected [2]"]);
    }

    #[test]
    fn an_op_that_fails_is_named() {
        check_stopped(
            "%0 = field x : real[1]
             %1 = expand(%0) dims=[Z]
             save y = %1",
            &[("x", vector(&[0.5]))],
            expect!["`expand`: the size `Z` is not known here"],
        );
    }

    #[test]
    fn the_first_node_that_is_not_finite_is_named() {
        let text = "
            %0 = field x : real[2]
            %1 = neg(%0)
            %2 = log(%1)
            %3 = neg(%2)
            %4 = sum(%3)
            %5 = log(%0)
            save unrelated = %5
            loss l = %4
        ";
        check_stopped(
            text,
            &[("x", vector(&[1.0, 2.0]))],
            expect!["the loss `l` is not a finite number; the first that is not comes from the op `log`"],
        );
        check_stopped(
            text,
            &[("x", vector(&[1.0, f64::NAN]))],
            expect!["the loss `l` is not a finite number; the first that is not comes from the field `x`"],
        );
        // What no loss depends on may be what it likes.
        assert!(run(text, &[("x", vector(&[-1.0, -2.0]))]).is_ok());
    }

    #[test]
    fn gradients_are_looked_at_on_demand() {
        let mut graph = text::parse(
            "%0 = weight w : real[]
             %1 = affine(%0) scale=1e300
             %2 = affine(%1) scale=1e300
             loss l = %2",
        )
        .unwrap();
        crate::grad::differentiate(&mut graph).unwrap();
        let interpreter = Interpreter::new(verify(graph).unwrap(), DType::F64, &Device::Cpu).unwrap();
        let context = check::context([].into());
        let zero = Tensor::new(0.0, &Device::Cpu).unwrap();
        let values = Values { weights: [("w".to_string(), zero)].into(), ..Values::default() };
        let run = |finite| interpreter.run(&values, &context, Options { finite, ..Options::default() });
        assert!(run(Finite::Losses).is_ok());
        let error = run(Finite::Gradients).unwrap_err().to_string();
        expect!["the grad `w` is not a finite number; the first that is not comes from the op `affine`"]
            .assert_eq(&error);
    }

    struct All(Vec<Seen>);

    impl Observer for All {
        fn step(&mut self, seen: Seen) {
            self.0.push(seen);
        }
    }

    #[test]
    fn an_observer_sees_what_is_held() {
        let interpreter = interpreter(
            "%0 = field x : real[2]
             %1 = reshape(%0) dims=[2, 1]
             %2 = neg(%1)
             %3 = reshape(%2) dims=[2]
             %4 = neg(%3)
             save y = %4",
        );
        let context = check::context([].into());
        let mut all = All(Vec::new());
        let options = Options { observer: Some(&mut all), ..Options::default() };
        interpreter.run(&values(&[("x", vector(&[1.0, 2.0]))]), &context, options).unwrap();
        // A view of a leaf, 16 bytes, a view of those, 16 more.
        let seen: Vec<(u64, u64)> = all.0.iter().map(|seen| (seen.bytes, seen.live)).collect();
        assert_eq!(seen, [(0, 0), (16, 16), (0, 16), (16, 32)]);
    }

    #[test]
    fn a_reshape_shares_the_storage() {
        let x = vector(&[1.0, 2.0]);
        let results =
            run("%0 = field x : real[2]\n%1 = reshape(%0) dims=[2, 1]\nsave y = %1", &[("x", x.clone())]).unwrap();
        let address = |tensor: &Tensor| std::ptr::from_ref(&*tensor.storage_and_layout().0);
        assert_eq!(address(&x), address(&results[0][0]));
    }
}
