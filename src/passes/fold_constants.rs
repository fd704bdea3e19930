//! Computes now what depends on constants alone.
//!
//! Needs: nothing. Leaves: no op node whose inputs are all constants, unless it draws, its size is not a number yet or above
//! [`MOST`] elements, or its kernel has no f64. Numbers are computed in f64, so a folded one is at least as exact as one
//! computed while running.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::{Pass, Patch};
use crate::graph::{Graph, Id, Kind, Literal, order};
use crate::ops::{Context, Draw, Eval};
use crate::types::{DimEnv, Fact};

pub(super) const PASS: Pass =
    Pass { name: "fold-constants", summary: "Computes now what depends on constants alone.", run };

/// A result of more elements is cheaper to compute in each run than to keep as text and bytes.
const MOST: usize = 4096;

fn run(graph: &Graph) -> Option<Patch> {
    let context = Context { dims: DimEnv::new(), dtype: DType::F64, device: Device::Cpu, draw: Draw::default() };
    let mut folded: HashMap<Id, Tensor> = HashMap::new();
    let order = order::order(graph).ok()?;
    for id in &order {
        if let Some(tensor) = fold(graph, &folded, &context, *id) {
            folded.insert(*id, tensor);
        }
    }
    let mut patch = Patch::new();
    let is_output = |id: Id| graph.outputs.iter().any(|output| output.nodes.contains(&id));
    for id in order {
        let Some(tensor) = folded.get(&id) else { continue };
        // What only folded nodes read goes with them.
        if graph.readers(id).any(|reader| !folded.contains_key(&reader)) || is_output(id) {
            let literal = literal(tensor)?;
            let node = graph.node(id);
            let wire = patch.constant(literal, node.fact.clone(), node.origin.clone());
            patch.rewire(id, wire);
        }
    }
    patch.proposed()
}

/// The value of a node whose inputs are constants or were folded before.
fn fold(graph: &Graph, folded: &HashMap<Id, Tensor>, context: &Context, id: Id) -> Option<Tensor> {
    let node = graph.node(id);
    let Kind::Op(op) = node.kind else { return None };
    if op.nature.random || size(&node.fact)? > MOST {
        return None;
    }
    let mut inputs = Vec::new();
    for input in graph.inputs(id) {
        inputs.push(match input {
            None => None,
            Some(input) => Some(match (folded.get(&input), &graph.node(input).kind) {
                (Some(tensor), _) => tensor.clone(),
                (None, Kind::Constant(literal)) => tensor(literal, &graph.node(input).fact)?,
                _ => return None,
            }),
        });
    }
    let eval = Eval { tensors: &inputs, attrs: &node.attrs, fact: &node.fact, context };
    let result = (op.eval)(&eval).ok()?.contiguous().ok()?;
    let finite = literal(&result)?.data.iter().all(|value| value.is_finite());
    finite.then_some(result)
}

/// How many elements, where that is a number.
fn size(fact: &Fact) -> Option<usize> {
    fact.dims.iter().try_fold(1usize, |product, dim| product.checked_mul(usize::try_from(dim.as_const()?).ok()?))
}

fn tensor(literal: &Literal, fact: &Fact) -> Option<Tensor> {
    let dtype = if fact.domain.is_index() { DType::U32 } else { DType::F64 };
    let tensor = Tensor::from_vec(literal.data.clone(), literal.shape.as_slice(), &Device::Cpu);
    tensor.and_then(|tensor| tensor.to_dtype(dtype)).ok()
}

fn literal(tensor: &Tensor) -> Option<Literal> {
    let data = tensor.flatten_all().and_then(|flat| flat.to_dtype(DType::F64)?.to_vec1()).ok()?;
    Some(Literal { shape: tensor.dims().to_vec(), data })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::passes::testing::check_pass;

    #[test]
    fn a_chain_becomes_its_result() {
        check_pass(
            super::PASS,
            "%0 = constant [1, 2] : real[2]
             %1 = affine(%0) scale=2.0 shift=1.0
             %2 = sum(%1)
             %3 = field x : real[]
             %4 = mul(%2, %3)
             save y = %4
             save z = %1",
            expect![[r#"
                %0 = field x : real[]
                %1 = constant [3, 5] : real[2]
                %2 = constant 8 : real[]
                %3 = mul(%2, %0) : real[]
                save y = %3
                save z = %1
            "#]],
        );
    }

    #[test]
    fn the_domain_stays() {
        check_pass(
            super::PASS,
            "%0 = constant [1, 3, 2] : logit[3]
             %1 = argmax(%0) axis=0
             save y = %1",
            expect![[r#"
                %0 = constant 1 : index(3)[]
                save y = %0
            "#]],
        );
    }

    #[test]
    fn what_is_large_or_not_finite_or_of_no_known_size_stays() {
        check_pass(
            super::PASS,
            "%0 = constant 0 : real[]
             %1 = expand(%0) dims=[5000]
             %2 = log(%0)
             %3 = expand(%0) dims=[B]
             save a = %1
             save b = %2
             save c = %3",
            expect![[r#"
                %0 = constant 0 : real[]
                %1 = expand(%0) dims=[5000] : real[5000]
                %2 = log(%0) : real[]
                %3 = expand(%0) dims=[B] : real[B]
                save a = %1
                save b = %2
                save c = %3
            "#]],
        );
    }
}
