//! Values in words that mean the same wherever they stand: what `wsss diff` compares of params.

use std::fmt;

use super::recipe::{Init, Optimizer, Rule};
use super::value::{Range, Value};
use crate::hir::{ModuleId, Program};
use crate::types::Dim;

/// `448`, `[0.5, 1]`, `resnet50_cam of nets`. A function or net of the recipe itself is told by its kind alone: what it does shows in
/// the stages that call it, whatever it is called.
pub(super) fn describe(program: &Program, value: &Value) -> String {
    let own = |module: ModuleId, name: &str, kind: &str| match program.modules.get(module.0) {
        Some(known) if !known.own_text => name.to_string(),
        _ => format!("{kind} of the recipe"),
    };
    match value {
        Value::Nothing => "none".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Dim(dim) => Dim::to_string(dim),
        Value::Text(text) => format!("{text:?}"),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| describe(program, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Record(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name} = {}", describe(program, value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Range(Range { start, end, step, .. }) => {
            let end = end.map_or(String::new(), |end| end.to_string());
            let step = step.map_or(String::new(), |step| format!(" by {step}"));
            format!("{start}..{end}{step}")
        }
        Value::Function(closure) => match closure.code {
            super::value::Code::Function(function) => own(closure.scope.module, &function.name.text, "a function"),
            super::value::Code::Lambda { .. } => "a function of the recipe".into(),
        },
        Value::NetDef { module, net } => own(*module, &net.name.text, "a network"),
        Value::Op(op) => op.name.into(),
        Value::Builtin(builtin) => builtin.name.into(),
        Value::Metric(metric) => metric.name.into(),
        Value::Init(init) => init.to_string(),
        Value::Dataset(dataset) => crate::data::words(&dataset.source),
        Value::Samples(samples) => format!("{} of {}", samples.split, crate::data::words(&samples.dataset.source)),
        other => other.kind().into(),
    }
}

/// As a recipe writes it: `sgd(lr = 0.1, momentum = 0.9, weight_decay = 0, nesterov = false)`.
impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Optimizer { lr, weight_decay, rule } = self;
        match rule {
            Rule::Sgd { momentum, nesterov } => {
                write!(f, "sgd(lr = {lr}, momentum = {momentum}, weight_decay = {weight_decay}, nesterov = {nesterov})")
            }
            Rule::RmsProp { alpha, eps, momentum } => write!(
                f,
                "rmsprop(lr = {lr}, alpha = {alpha}, eps = {eps}, weight_decay = {weight_decay}, momentum = {momentum})"
            ),
            Rule::AdamW { betas: (first, second), eps } | Rule::Adam { betas: (first, second), eps } => {
                let name = if matches!(rule, Rule::Adam { .. }) { "adam" } else { "adamw" };
                write!(f, "{name}(lr = {lr}, betas = [{first}, {second}], eps = {eps}, weight_decay = {weight_decay})")
            }
        }
    }
}

/// As a recipe writes it: `he_normal(fan = "in")`.
impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fan = |out: &bool| if *out { "out" } else { "in" };
        match self {
            Init::Constant(value) => write!(f, "constant({value})"),
            Init::Normal { std } => write!(f, "normal({std})"),
            Init::TruncatedNormal { std, cut } => write!(f, "truncated_normal({std}, {cut})"),
            Init::Uniform { low, high } => write!(f, "uniform({low}, {high})"),
            Init::HeNormal { fan_out } => write!(f, "he_normal(fan = \"{}\")", fan(fan_out)),
            Init::HeUniform { fan_out } => write!(f, "he_uniform(fan = \"{}\")", fan(fan_out)),
            Init::XavierNormal { gain } => write!(f, "xavier_normal(gain = {gain})"),
            Init::XavierUniform { gain } => write!(f, "xavier_uniform(gain = {gain})"),
            Init::File { file, name, otherwise, .. } => {
                write!(f, "`{name}` of {:?}", file.path)?;
                if !file.names.is_empty() {
                    write!(f, " where {}", file.names)?;
                }
                otherwise.as_ref().map_or(Ok(()), |otherwise| write!(f, ", else {otherwise}"))
            }
            Init::Weight(path) => write!(f, "as {path}"),
        }
    }
}
