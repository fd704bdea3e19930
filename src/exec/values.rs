//! Leaves held in tables, and plausible numbers for all leaves of a graph: for tests, gradient checks and measuring.

use std::collections::HashMap;

use candle_core::{Result, Tensor};

use super::interpreter::Leaves;
use crate::graph::{Clock, Graph, Kind};
use crate::ops::Context;
use crate::types::{Domain, Fact, Scale};

/// Tensors by name.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub fields: HashMap<String, Tensor>,
    pub weights: HashMap<String, Tensor>,
    pub states: HashMap<String, Tensor>,
    pub clocks: HashMap<Clock, f64>,
}

impl Leaves for Values {
    fn field(&self, name: &str) -> Option<Tensor> {
        self.fields.get(name).cloned()
    }

    fn weight(&self, path: &str) -> Option<Tensor> {
        self.weights.get(path).cloned()
    }

    fn state(&self, path: &str) -> Option<Tensor> {
        self.states.get(path).cloned()
    }

    fn clock(&self, clock: Clock) -> Option<f64> {
        self.clocks.get(&clock).copied()
    }
}

impl Values {
    /// Numbers that each leaf's domain allows, away from 0 where signs matter; the first step of ten in the first of two
    /// epochs. The same seed gives the same numbers.
    ///
    /// # Errors
    /// A symbol that the context has no number for.
    pub fn plausible(graph: &Graph, context: &Context, seed: u64) -> std::result::Result<Values, crate::ops::OpError> {
        let clocks = [(Clock::Step, 0.0), (Clock::Steps, 10.0), (Clock::Epoch, 0.0), (Clock::Epochs, 2.0)];
        let mut values = Values { clocks: clocks.into_iter().collect(), ..Values::default() };
        let mut numbers = Numbers(seed);
        for id in graph.ids() {
            let node = graph.node(id);
            let (table, name) = match &node.kind {
                Kind::Field(name) => (&mut values.fields, name),
                Kind::Weight { path, .. } => (&mut values.weights, path),
                Kind::State(path) => (&mut values.states, path),
                _ => continue,
            };
            let shape = node.fact.dims.iter().map(|dim| Ok(usize::try_from(dim.eval(&context.dims)?).unwrap_or(0)));
            let shape = shape.collect::<std::result::Result<Vec<_>, crate::types::Unbound>>()?;
            let classes = match &node.fact.domain {
                Domain::Index { classes, .. } => classes.eval(&context.dims)?,
                _ => 0,
            };
            table.insert(name.clone(), tensor(&node.fact, &shape, classes, &mut numbers, context)?);
        }
        Ok(values)
    }
}

fn tensor(fact: &Fact, shape: &[usize], classes: i64, numbers: &mut Numbers, context: &Context) -> Result<Tensor> {
    let count = shape.iter().product();
    let draw = |numbers: &mut Numbers| {
        let unit = numbers.next();
        match fact.domain {
            Domain::Unit | Domain::Image(Scale::Unit) => 0.05 + 0.9 * unit,
            Domain::NonNegative | Domain::Probability | Domain::LogProbability => 0.1 + unit,
            Domain::Binary | Domain::Tags => unit.round(),
            Domain::Image(Scale::Bytes) => (255.0 * unit).round(),
            Domain::Index { .. } => (unit * classes as f64).floor(),
            // 0.1 to 1.1, either sign.
            _ if unit < 0.5 => -0.1 - 2.0 * unit,
            _ => 2.0 * unit - 0.9,
        }
    };
    let data: Vec<f64> = (0..count).map(|_| draw(numbers)).collect();
    let tensor = Tensor::from_vec(data, shape, &context.device)?;
    let tensor = match fact.domain {
        Domain::Index { .. } => return tensor.to_dtype(candle_core::DType::U32),
        Domain::Probability | Domain::LogProbability if !shape.is_empty() => {
            // The class axis is the second of a batch.
            let sum = tensor.sum_keepdim(if shape.len() > 1 { 1 } else { 0 })?;
            let prob = tensor.broadcast_div(&sum)?;
            if fact.domain == Domain::Probability { prob } else { prob.log()? }
        }
        _ => tensor,
    };
    tensor.to_dtype(context.dtype)
}

/// SplitMix64 (Steele, Lea and Flood, 2014), as numbers in 0..1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
