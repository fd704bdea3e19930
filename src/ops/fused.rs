//! `fused`: ops that go on place by place, one after the other in one pass over memory. Made by a pass when all else is done; there is no
//! way back from it to gradients.

use super::prelude::*;
use super::{Family, find};
use crate::kernels::chain;

pub(super) static FAMILY: Family =
    Family { name: "fused", summary: "Several ops in one pass over memory.", ops: &[&OP] };

pub static OP: OpDef = OpDef {
    name: "fused",
    summary: "Several ops, each on what the one before it gives, in one pass over memory.",
    inputs: &[Input::many("x", "The numbers it begins with, then what the ops take beside, in order.")],
    params: &[Param::required("ops", ParamKind::Word(&[]), "The ops, as `Step::write` has them.")],
    output: "What the last one gives.",
    nature: Nature::PLAIN.internal(),
    infer,
    eval,
    flops,
    ..OpDef::USUAL
};

/// An op within a `fused` one.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    pub op: &'static OpDef,
    pub attrs: Attrs,
    /// How many inputs it has, and which of them is what the op before it gives.
    pub inputs: usize,
    pub slot: usize,
}

impl Step {
    /// The attributes of the `fused` op of these: `"normalize/5@0 eps=1e-5, relu/1@0"`.
    pub fn write(steps: &[Step]) -> Attrs {
        let one = |step: &Step| {
            let attrs: String = step.attrs.iter().map(|(name, attr)| format!(" {name}={attr}")).collect();
            format!("{}/{}@{}{attrs}", step.op.name, step.inputs, step.slot)
        };
        Attrs::new().word("ops", steps.iter().map(one).collect::<Vec<_>>().join(", "))
    }

    /// Whether the attributes of an op can be written: numbers alone.
    pub fn has_words_for(attrs: &Attrs) -> bool {
        attrs.iter().all(|(_, attr)| matches!(attr, Attr::Float(_)))
    }

    /// The steps of such attributes.
    ///
    /// # Errors
    /// Attributes that [`Step::write`] did not make.
    pub fn read(attrs: &Attrs) -> Result<Vec<Step>, OpError> {
        let text = attrs.get_word("ops")?;
        text.split(", ")
            .map(|text| Step::parse(text).ok_or_else(|| OpError::internal(format!("`{text}` is no step of a chain"))))
            .collect()
    }

    fn parse(text: &str) -> Option<Step> {
        let mut words = text.split(' ');
        let (name, places) = words.next()?.split_once('/')?;
        let (inputs, slot) = places.split_once('@')?;
        let op = find(name).filter(|op| op.chain.is_some())?;
        let mut attrs = Attrs::new();
        for word in words {
            let (name, value) = word.split_once('=')?;
            attrs.set(op.param(name)?.name, Attr::Float(value.parse().ok()?));
        }
        let step = Step { op, attrs, inputs: inputs.parse().ok()?, slot: slot.parse().ok()? };
        (step.slot < step.inputs && step.inputs <= op.inputs.len()).then_some(step)
    }

    /// Its inputs, out of those that all steps take beside; `None` for the one that a chain hands it.
    fn take<T>(&self, others: &mut impl Iterator<Item = Option<T>>) -> Vec<Option<T>> {
        (0..self.inputs).map(|slot| if slot == self.slot { None } else { others.next().flatten() }).collect()
    }
}

/// The steps of a node, where its op is this one.
pub fn steps(op: &OpDef, attrs: &Attrs) -> Option<Vec<Step>> {
    (*op == OP).then(|| Step::read(attrs).unwrap_or_default())
}

fn infer(args: &Infer) -> Result<Fact, OpError> {
    let mut others = args.facts[1..].iter().copied();
    Step::read(args.attrs)?.iter().try_fold(args.fact(0).clone(), |fact, step| {
        let mut facts = step.take(&mut others);
        facts[step.slot] = Some(&fact);
        (step.op.infer)(&Infer { op: step.op, facts: &facts, attrs: &step.attrs })
    })
}

fn eval(args: &Eval) -> Result<Tensor, OpError> {
    let steps = Step::read(args.attrs)?;
    let mut others = args.tensors[1..].iter().cloned();
    let inputs: Vec<Vec<Option<Tensor>>> = steps.iter().map(|step| step.take(&mut others)).collect();
    let links = steps.iter().zip(&inputs).map(|(step, tensors)| {
        let chain = step.op.chain.ok_or_else(|| OpError::internal("a step that is no link"))?;
        (chain.link)(&Eval { tensors, attrs: &step.attrs, fact: args.fact, context: args.context })
    });
    Ok(chain::run(args.tensor(0), &links.collect::<Result<Vec<_>, _>>()?)?)
}

fn flops(cost: &Cost) -> u64 {
    let steps = Step::read(cost.attrs).unwrap_or_default();
    let mut others = cost.inputs.iter().skip(1).cloned();
    let one = |step: &Step| {
        let mut inputs = step.take(&mut others);
        inputs[step.slot] = Some(cost.output.to_vec());
        (step.op.flops)(&Cost { inputs: &inputs, output: cost.output, attrs: &step.attrs, real: cost.real })
    };
    steps.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_are_written() {
        let step = |name, attrs, inputs, slot| Step { op: find(name).unwrap(), attrs, inputs, slot };
        let steps = [
            step("normalize", Attrs::new().float("eps", 1e-5), 5, 0),
            step("add", Attrs::new(), 2, 1),
            step("affine", Attrs::new().float("scale", 0.1 + 0.2).float("shift", -1.0), 1, 0),
        ];
        let attrs = Step::write(&steps);
        expect_test::expect![[r#""normalize/5@0 eps=1e-5, add/2@1, affine/1@0 scale=0.30000000000000004 shift=-1.0""#]]
            .assert_eq(&attrs.get("ops").unwrap().to_string());
        assert_eq!(Step::read(&attrs).unwrap(), steps);
    }

    #[test]
    fn what_is_no_step_is_an_error() {
        for text in ["", "relu", "relu/1", "relu/1@1", "relu/2@0", "conv2d/2@0", "affine/1@0 scale", "affine/1@0 x=1"] {
            assert!(Step::read(&Attrs::new().word("ops", text)).is_err(), "{text}");
        }
    }
}
