//! The pages of what is written in Rust: primitives, metrics, builtins, from their declarations.

use super::layout::{table, wrap};
use crate::hir::builtins::{Builtin, Need};
use crate::metrics::MetricDef;
use crate::ops::{self, Arity, Default as Preset, Gradient, Input, OpDef, Param, ParamKind};

pub(super) fn family_page(family: &ops::Family) -> String {
    let mut text = format!("primitives: {}\n\n  {}\n\n", family.name, family.summary);
    let ops: Vec<&&OpDef> = family.ops.iter().filter(|op| !op.nature.internal).collect();
    let width = ops.iter().map(|op| op.name.len()).max().unwrap_or(0);
    for op in ops {
        text += &format!("  {:width$}  {}\n", op.name, op.summary);
    }
    text
}

pub(super) fn op_page(op: &OpDef) -> String {
    let mut text = format!("{}\n\n  {}\n", call_form(op.name, op.inputs, op.params), op.summary);
    text += &arguments(op.inputs, op.params);
    if !op.output.is_empty() {
        text += &format!("\n  gives     {}\n", wrap(op.output, 12));
    }
    let gradient = match op.grad {
        Gradient::None(why) => format!("none: {why}"),
        Gradient::Of(_) => "yes".into(),
    };
    text += &format!("  gradient  {}\n", wrap(&gradient, 12));
    if !op.source.is_empty() {
        text += &format!("  source    {}\n", wrap(op.source, 12));
    }
    for example in op.examples {
        let code =
            example.code.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n    ");
        text += &format!("\n  {}\n    {code}\n    → {}\n", example.about, example.answer);
    }
    text
}

pub(super) fn metric_page(metric: &MetricDef) -> String {
    let mut text = format!("metric {}\n\n  {}\n", call_form(metric.name, metric.inputs, metric.params), metric.summary);
    text += &arguments(metric.inputs, metric.params);
    if metric.oracle {
        text += "\n  an oracle: chosen by looking at pixel masks, so it may be reported and never used\n";
    }
    if !metric.source.is_empty() {
        text += &format!("\n  source    {}\n", wrap(metric.source, 12));
    }
    text
}

pub(super) fn builtin_page(builtin: &Builtin) -> String {
    let names: Vec<String> = builtin
        .parameters
        .iter()
        .map(|parameter| match parameter.need {
            Need::Required => parameter.name.to_string(),
            Need::Optional => format!("{} = …", parameter.name),
            Need::Rest => format!("{}…", parameter.name),
        })
        .collect();
    let mut text = format!("{}({})\n\n  {}\n", builtin.name, names.join(", "), builtin.summary);
    let rows = builtin.parameters.iter().map(|parameter| (parameter.name, parameter.doc.to_string()));
    text += &table(rows.collect());
    if !builtin.module.is_empty() {
        text += &format!(
            "\n  known everywhere; `use {} {{ {} }}` says where it comes from\n",
            builtin.module, builtin.name
        );
    }
    text
}

/// `conv(x, weight, bias = none, stride = [1, 1])`
fn call_form(name: &str, inputs: &[Input], params: &[Param]) -> String {
    let inputs = inputs.iter().map(|input| match input.arity {
        Arity::One => input.name.to_string(),
        Arity::Optional => format!("{} = none", input.name),
        Arity::Many => format!("[{}, …]", input.name),
    });
    let params = shown(params).map(|param| match preset(param.default) {
        Some(preset) => format!("{} = {preset}", param.name),
        None => param.name.to_string(),
    });
    format!("{name}({})", inputs.chain(params).collect::<Vec<_>>().join(", "))
}

/// The identity of a random op is given by the compiler.
fn shown(params: &[Param]) -> impl Iterator<Item = &Param> {
    params.iter().filter(|param| param.name != "place")
}

fn preset(preset: Preset) -> Option<String> {
    Some(match preset {
        Preset::Required => return None,
        Preset::Int(value) => value.to_string(),
        Preset::Float(value) => value.to_string(),
        Preset::Bool(value) => value.to_string(),
        Preset::Word(value) => format!("\"{value}\""),
        Preset::Pair([a, b]) if a == b => a.to_string(),
        Preset::Pair([a, b]) => format!("[{a}, {b}]"),
        Preset::Axes(axes) => format!("{axes:?}"),
        Preset::Absent => "none".into(),
    })
}

fn arguments(inputs: &[Input], params: &[Param]) -> String {
    let inputs = inputs.iter().map(|input| (input.name, input.doc.to_string()));
    let params = shown(params).map(|param| (param.name, format!("{} ({})", param.doc, kind(param.kind))));
    table(inputs.chain(params).collect())
}

fn kind(kind: ParamKind) -> String {
    match kind {
        ParamKind::Int => "a whole number".into(),
        ParamKind::Float => "a number".into(),
        ParamKind::Bool => "true or false".into(),
        ParamKind::Word(words) => quoted(words),
        ParamKind::Pair => "one number, or [height, width]".into(),
        ParamKind::PairOr(words) => format!("one number, [height, width], or {}", quoted(words)),
        ParamKind::Axes => "an axis, or a list of axes".into(),
        ParamKind::Dim => "a length".into(),
        ParamKind::Dims => "a list of lengths".into(),
        ParamKind::Floats => "a list of numbers".into(),
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
