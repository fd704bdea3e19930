//! What ranges tell of an op: a mask that is none, a threshold no number reaches, a divisor or a logarithm of 0.

use super::Use;
use crate::diag::{Code, Diagnostic};
use crate::graph::{Graph, Id, Kind};
use crate::lower::Lower;
use crate::source::Span;
use crate::types::{Domain, Fact, Interval};

impl<'p> Lower<'p, '_> {
    /// A picture is hidden by a map of 0–1: other numbers turn its colours into something no network was trained on.
    pub(super) fn masks_with_unit(&mut self, it: &Use) -> bool {
        let [Some(a), Some(b)] = it.inputs else { return true };
        let (Some(first), Some(second)) = (self.fact(*a), self.fact(*b)) else { return true };
        let picture = |fact: &Fact| matches!(fact.domain, Domain::Image(_));
        let (mask, slot) = match (picture(first), picture(second)) {
            (true, false) => (second, 1),
            (false, true) => (first, 0),
            _ => return true,
        };
        let has_places = mask.rank() >= 2 && mask.dims.iter().rev().take(2).any(|dim| !dim.is_one());
        if it.op.name != "mul" || !has_places || mask.domain.is_index() || mask.range.within(Interval::UNIT) {
            return true;
        }
        let message = format!("`*`: a picture is masked with numbers from 0 to 1, this map holds {}", mask.range);
        let (label, span) = (format!("this is {mask:#}"), it.spans.get(slot).copied().unwrap_or(it.span));
        self.report(
            Diagnostic::error(Code::DomainMismatch, message)
                .label(span, label)
                .help("`max_normalize` or `sigmoid` bring a map to 0–1, `clamp(map, lo = 0, hi = 1)` cuts it"),
        );
        false
    }

    pub(super) fn warn_of_numbers(&mut self, it: &Use, id: Id) {
        let warning = match it.op.name {
            "less" | "less_equal" | "greater" | "greater_equal" | "equal" | "not_equal" | "threshold" => {
                self.decided(it, id)
            }
            "argmax" => self.always_wins(it, id),
            "div" => self.divisor(it),
            "log" => self.logarithm(it),
            "sqrt" => self.root(it),
            "slice" => self.classes_cut(it, id),
            _ => None,
        };
        if let Some(warning) = warning {
            self.report(warning);
        }
    }

    /// A comparison that always holds, or never.
    fn decided(&self, it: &Use, id: Id) -> Option<Diagnostic> {
        let result = self.fact(id)?.range.as_point();
        let facts: Vec<&Fact> = it.inputs.iter().flatten().filter_map(|id| self.fact(*id)).collect();
        let by_class = matches!(it.op.name, "equal" | "not_equal");
        let (why, help) = if let (true, Some((index, number))) = (by_class, self.class_beside_number(&facts)) {
            if self.is_class(index, number) {
                return None;
            }
            let why = if number == 255.0 { "no pixel is marked as not known" } else { "no class has this number" };
            (
                format!("{why} in {index}"),
                "classes are whole numbers from 0; 255 stands for \"not known\" where a map says so",
            )
        } else {
            result?;
            let ranges: Vec<String> = facts.iter().map(|fact| fact.range.to_string()).collect();
            let why = match it.op.name {
                "threshold" => format!("the numbers are {}", ranges.first()?),
                _ => format!("{} beside {}", ranges.first()?, ranges.get(1)?),
            };
            (why, "compare with a number within the range of the map, or leave the comparison out")
        };
        let holds = if result == Some(1.0) || it.op.name == "not_equal" { "always holds" } else { "never holds" };
        let message = format!("`{}` {holds} here: {why}", it.op.written());
        Some(Diagnostic::warning(Code::DecidedComparison, message).label(it.span, "decided before the run").help(help))
    }

    /// Class numbers compared with one known number.
    fn class_beside_number<'a>(&self, facts: &[&'a Fact]) -> Option<(&'a Fact, f64)> {
        let [a, b] = facts else { return None };
        let (index, number) = if a.domain.is_index() { (*a, *b) } else { (*b, *a) };
        (index.domain.is_index() && !number.domain.is_index()).then_some((index, number.range.as_point()?))
    }

    fn is_class(&self, index: &Fact, number: f64) -> bool {
        let Domain::Index { classes, ignore } = &index.domain else { return true };
        let below = self.counted(classes).is_none_or(|classes| number < classes as f64);
        let class = number >= 0.0 && number.fract() == 0.0 && below && (number < 255.0 || !*ignore);
        // Without a count, 255 may be a class; where nothing is marked as not known it never is in practice.
        let not_known = number == 255.0;
        (class && !not_known) || (not_known && *ignore)
    }

    /// `argmax` over channels of which one is never below the others.
    fn always_wins(&self, it: &Use, id: Id) -> Option<Diagnostic> {
        let step = self.step.as_ref()?;
        let scores = behind_views(&step.graph, (*it.inputs.first()?)?);
        let (along, axis) = (step.graph.node(scores), step.graph.node(id).attrs.get("axis")?);
        let Kind::Op(op) = along.kind else { return None };
        if op.name != "concat" || along.attrs.get("axis") != Some(axis) {
            return None;
        }
        let parts: Vec<&Fact> =
            step.graph.inputs(scores).into_iter().flatten().map(|part| &step.graph.node(part).fact).collect();
        let winner = (0..parts.len()).find(|place| {
            let low = parts[*place].range.low();
            parts.len() > 1 && parts.iter().enumerate().all(|(other, part)| other == *place || part.range.high() < low)
        })?;
        let others: Vec<String> = parts
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != winner)
            .map(|(_, part)| part.range.to_string())
            .collect();
        let (winner, others) = (parts[winner].range, others.join(", "));
        let message = format!("`argmax`: scores of {winner} are above those of {others} at every pixel");
        let label = "decided before the run";
        let help = "a background score lies within the range of the maps: were they halved, or not normalised, before?";
        Some(Diagnostic::warning(Code::DecidedComparison, message).label(it.span, label).help(help))
    }

    fn divisor(&self, it: &Use) -> Option<Diagnostic> {
        let [Some(_), Some(divisor)] = it.inputs else { return None };
        let span = it.spans.get(1).copied().unwrap_or(it.span);
        let fact = self.fact(*divisor)?;
        if fact.range.as_point() == Some(0.0) {
            return Some(
                Diagnostic::error(Code::DivisionByZero, "`/`: the divisor is 0 everywhere")
                    .label(span, "this is 0")
                    .help("divide by something that is not always 0"),
            );
        }
        // A map that is 0 everywhere is an everyday thing: a class that is not in the picture, after `relu`.
        let step = self.step.as_ref()?;
        let made = &step.graph.node(behind_views(&step.graph, *divisor)).kind;
        let largest = matches!(made, Kind::Op(op) if op.name == "max");
        (largest && fact.range.low() == 0.0).then(|| {
            Diagnostic::warning(Code::DivisionByZero, "`/`: a largest number may be 0")
                .label(span, format!("this is {fact:#}; 0 where the whole map is 0"))
                .help("add a small number: `map / (max(map, …) + 1e-5)`")
        })
    }

    fn logarithm(&self, it: &Use) -> Option<Diagnostic> {
        let fact = self.fact((*it.inputs.first()?)?)?;
        let span = it.spans.first().copied().unwrap_or(it.span);
        if fact.range.high() <= 0.0 {
            let message = format!("`log`: no number above 0 goes in, they are {}", fact.range);
            let help = "a logarithm is taken of numbers above 0";
            return Some(
                Diagnostic::error(Code::OutOfRange, message).label(span, format!("this is {fact:#}")).help(help),
            );
        }
        let help = match fact.domain {
            Domain::Probability => "`log_softmax(scores)` is exact where a probability vanishes",
            Domain::Unit => {
                "`log_sigmoid(scores)` is exact where a probability vanishes; or `clamp(x, lo = 1e-5)` first"
            }
            Domain::Binary | Domain::Tags => "`where` chooses by truths",
            _ => return None,
        };
        (fact.range.low() == 0.0).then(|| {
            Diagnostic::warning(Code::LogOfZero, "`log`: infinite where a number is 0")
                .label(span, format!("this is {fact:#}"))
                .help(help)
        })
    }

    fn root(&self, it: &Use) -> Option<Diagnostic> {
        let fact = self.fact((*it.inputs.first()?)?)?;
        (fact.range.high() < 0.0).then(|| {
            let message = format!("`sqrt`: no root has a number below 0, they are {}", fact.range);
            let span = it.spans.first().copied().unwrap_or(it.span);
            Diagnostic::error(Code::OutOfRange, message)
                .label(span, format!("this is {fact:#}"))
                .help("`abs` or `square` before it makes numbers of 0 and up")
        })
    }

    /// A part of a class axis beyond the classes that the data set is known to have.
    fn classes_cut(&self, it: &Use, id: Id) -> Option<Diagnostic> {
        let step = self.step.as_ref()?;
        let (node, whole) = (step.graph.node(id), &self.fact((*it.inputs.first()?)?)?.dims);
        let axis = usize::try_from(node.attrs.get_int("axis").ok()?.rem_euclid(whole.len() as i64)).ok()?;
        let whole = whole.get(axis)?;
        whole.as_symbol().or(whole.as_const().is_none().then_some(""))?;
        let (there, start) = (self.counted(whole)?, self.counted(node.attrs.dims("start").ok()?.first()?)?);
        let length = self.counted(&node.fact.dims[axis])?;
        (start + length > there || length < 0).then(|| {
            let message =
                format!("`slice`: from {start} to {} is not a part of an axis of {whole}", start + length.max(0));
            Diagnostic::error(Code::OutOfRange, message)
                .label(it.span, format!("the data set has {there} here"))
                .help(format!("channels are counted from 0 to {}", there - 1))
        })
    }

    /// Thresholds that a metric tries beyond every number of its scores.
    pub(in crate::lower) fn warn_of_thresholds(&mut self, metric: &str, thresholds: &[f64], scores: &Fact, span: Span) {
        let beyond = |number: &&f64| **number > scores.range.high() || **number < scores.range.low();
        let Some(worst) = thresholds.iter().filter(beyond).max_by(|a, b| a.abs().total_cmp(&b.abs())) else { return };
        let message = format!("`{metric}`: the threshold {worst} lies beyond every score, they are {}", scores.range);
        self.report(
            Diagnostic::warning(Code::DecidedComparison, message)
                .label(span, format!("the scores are {scores:#}"))
                .help("try thresholds within the range of the scores; maps that were halved or averaged reach less"),
        );
    }
}

/// The op that gives its input on, number for number.
const HANDED_ON: &str = "declassify";

/// The node itself, behind what hands it on.
pub(super) fn handed_on(graph: &Graph, mut id: Id) -> Id {
    while let Kind::Op(op) = graph.node(id).kind
        && op.name == HANDED_ON
        && let Some(Some(input)) = graph.inputs(id).first()
    {
        id = *input;
    }
    id
}

/// The node whose numbers a chain of views shows, or one that hands them on as they are (so do the marks of labels).
pub(super) fn behind_views(graph: &Graph, mut id: Id) -> Id {
    while let Kind::Op(op) = graph.node(id).kind
        && (op.nature.view || op.name == "expand" || op.name == HANDED_ON)
        && let Some(Some(input)) = graph.inputs(id).first()
    {
        id = *input;
    }
    id
}
