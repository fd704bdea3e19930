//! What the builtins mean that are update rules.

use std::rc::Rc;

use super::Arguments;
use crate::hir::builtins::BuiltinId as Is;
use crate::lower::call::Given;
use crate::lower::recipe::{Optimizer, Rule};
use crate::lower::value::{OptimizerValue, Value};
use crate::lower::{Lower, errors};

pub(super) fn optimizer<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let lr = a.number(lower, 0, 0.0)?;
    let (rule, decay, schedule) = match a.builtin.id {
        Is::Sgd => {
            let rule = Rule::Sgd { momentum: a.number(lower, 1, 0.0)?, nesterov: a.flag(lower, 3, false)? };
            (rule, (2, 0.0), 4)
        }
        Is::RmsProp => {
            let rule = Rule::RmsProp {
                alpha: a.number(lower, 1, 0.99)?,
                eps: a.number(lower, 2, 1e-8)?,
                momentum: a.number(lower, 4, 0.0)?,
            };
            (rule, (3, 0.0), 5)
        }
        id => {
            let [first, second] = a.numbers(lower, 1, [0.9, 0.999])?;
            let (betas, eps) = ((first, second), a.number(lower, 2, 1e-8)?);
            match id {
                Is::AdamW => (Rule::AdamW { betas, eps }, (3, 0.01), 4),
                _ => (Rule::Adam { betas, eps }, (3, 0.0), 4),
            }
        }
    };
    let weight_decay = a.number(lower, decay.0, decay.1)?;
    let memories: &[(f64, &str, usize)] = match &rule {
        Rule::Sgd { momentum, .. } => &[(*momentum, "momentum", 1)],
        Rule::AdamW { betas, .. } | Rule::Adam { betas, .. } => &[(betas.0, "betas", 1), (betas.1, "betas", 1)],
        Rule::RmsProp { alpha, momentum, .. } => &[(*alpha, "alpha", 1), (*momentum, "momentum", 4)],
    };
    for (memory, name, slot) in memories {
        if !(0.0..1.0).contains(memory) {
            let span = a.get(*slot).map_or(a.span, |given| given.span);
            let message = format!("`{name}` is at least 0 and below 1, this is {memory}");
            lower.report(errors::out_of_range(message, span, "0.9 is usual"));
            return None;
        }
    }
    if !(lr > 0.0 && lr.is_finite()) {
        let span = a.get(0).map_or(a.span, |given| given.span);
        lower.report(errors::out_of_range(format!("`lr` is above 0, this is {lr}"), span, "0.01 is usual for SGD"));
        return None;
    }
    if weight_decay < 0.0 {
        let message = format!("`weight_decay` is 0 and up, this is {weight_decay}");
        lower.report(errors::out_of_range(message, a.span, "5e-4 is usual"));
        return None;
    }
    let schedule = match a.get(schedule) {
        None | Some(Given { value: Value::Nothing, .. }) => None,
        Some(given) => Some((given.value.clone(), given.span)),
    };
    Some(Value::Optimizer(Rc::new(OptimizerValue { rule: Optimizer { lr, weight_decay, rule }, schedule })))
}
