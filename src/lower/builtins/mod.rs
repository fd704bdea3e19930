//! What the builtins of `hir::builtins` mean.

mod augment;
mod load;
mod numbers;
mod optimizers;
mod sources;

use std::path::PathBuf;
use std::rc::Rc;

use super::call::Given;
use super::errors;
use super::operators::Operation;
use super::recipe::Init;
use super::stage::competition;
use super::value::{NetValue, OutsideMaps, Says, SubmissionValue, Value};
use super::{Lower, begin, data, modes, units};
use crate::diag::{Code, Diagnostic, suggest};
use crate::graph::{Kind, Output, Role};
use crate::hir::builtins::{Builtin, BuiltinId as Is, Need};
use crate::ops::Attrs;
use crate::source::Span;
use crate::syntax::ast::BinaryOperator;
use crate::types::{Dim, Domain, Label, Rounding};

/// Arguments by parameter; those left out are `None`, `Rest` holds any number.
struct Arguments<'p> {
    builtin: &'static Builtin,
    slots: Vec<Vec<Given<'p>>>,
    span: Span,
}

pub(super) fn call<'p>(
    lower: &mut Lower<'p, '_>,
    builtin: &'static Builtin,
    given: Vec<Given<'p>>,
    span: Span,
) -> Value<'p> {
    // A mistake inside an argument has been reported; the call then means nothing.
    if given.iter().any(|argument| argument.value.is_poison()) {
        return Value::Poison;
    }
    let Some(arguments) = bind(lower, builtin, given, span) else { return Value::Poison };
    meaning(lower, arguments).unwrap_or(Value::Poison)
}

fn bind<'p>(
    lower: &mut Lower<'p, '_>,
    builtin: &'static Builtin,
    given: Vec<Given<'p>>,
    span: Span,
) -> Option<Arguments<'p>> {
    let names: Vec<&str> = builtin.parameters.iter().map(|parameter| parameter.name).collect();
    let rest = builtin.parameters.iter().position(|parameter| parameter.need == Need::Rest);
    let (slots, mut good) = lower.distribute(builtin.name, &names, rest, given);
    for (parameter, slot) in builtin.parameters.iter().zip(&slots) {
        if slot.is_empty() && parameter.need != Need::Optional {
            lower.report(errors::missing_argument(builtin.name, parameter.name, parameter.doc, span));
            good = false;
        }
    }
    let mut slots = slots;
    for (parameter, slot) in builtin.parameters.iter().zip(&mut slots) {
        let Some(unit) = units::of_builtin(builtin.module, parameter.name) else { continue };
        for given in slot {
            given.value = lower.counting(given.value.clone(), unit, given.span);
            good &= !given.value.is_poison();
        }
    }
    good.then_some(Arguments { builtin, slots, span })
}

impl<'p> Arguments<'p> {
    fn get(&self, slot: usize) -> Option<&Given<'p>> {
        self.slots[slot].first()
    }

    fn wrong<T>(&self, lower: &mut Lower<'p, '_>, slot: usize, expected: &str) -> Option<T> {
        let given = self.get(slot)?;
        let parameter = &self.builtin.parameters[slot];
        let diagnostic = match &given.value {
            Value::Tensor(_) => errors::not_compile_time(&format!("`{}`", parameter.name), given.span),
            other => errors::wrong_kind(expected, other, given.span)
                .help(format!("`{}` of `{}`: {}", parameter.name, self.builtin.name, parameter.doc)),
        };
        lower.report(diagnostic);
        None
    }

    /// The number at `slot`, `default` where it is left out.
    fn number(&self, lower: &mut Lower<'p, '_>, slot: usize, default: f64) -> Option<f64> {
        match self.get(slot).map(|given| &given.value) {
            None => Some(default),
            Some(Value::Number(number)) => Some(*number),
            Some(_) => self.wrong(lower, slot, "a number"),
        }
    }

    fn whole(&self, lower: &mut Lower<'p, '_>, slot: usize, default: f64, least: f64) -> Option<usize> {
        let number = self.number(lower, slot, default)?;
        if number.fract() == 0.0 && (least..=1e9).contains(&number) {
            return Some(number as usize);
        }
        let parameter = &self.builtin.parameters[slot];
        let span = self.get(slot).map_or(self.span, |given| given.span);
        lower.report(errors::out_of_range(
            format!("`{}` is a whole number of at least {least}, this is {number}", parameter.name),
            span,
            parameter.doc,
        ));
        None
    }

    fn flag(&self, lower: &mut Lower<'p, '_>, slot: usize, default: bool) -> Option<bool> {
        match self.get(slot).map(|given| &given.value) {
            None => Some(default),
            Some(Value::Bool(value)) => Some(*value),
            Some(_) => self.wrong(lower, slot, "true or false"),
        }
    }

    fn text(&self, lower: &mut Lower<'p, '_>, slot: usize, default: &str) -> Option<String> {
        match self.get(slot).map(|given| &given.value) {
            None => Some(default.to_string()),
            Some(Value::Text(text)) => Some(text.to_string()),
            Some(_) => self.wrong(lower, slot, "a text"),
        }
    }

    /// A list of as many numbers as `default` has.
    fn numbers<const N: usize>(&self, lower: &mut Lower<'p, '_>, slot: usize, default: [f64; N]) -> Option<[f64; N]> {
        let Some(given) = self.get(slot) else { return Some(default) };
        if let Value::List(items) = &given.value {
            let numbers = items.iter().map(|item| match item {
                Value::Number(number) => Some(*number),
                _ => None,
            });
            if let Some(numbers) = numbers.collect::<Option<Vec<f64>>>()
                && let Ok(numbers) = numbers.try_into()
            {
                return Some(numbers);
            }
        }
        self.wrong(lower, slot, &format!("a list of {N} numbers"))
    }

    /// Both ends of a range.
    fn range(&self, lower: &mut Lower<'p, '_>, slot: usize) -> Option<[f64; 2]> {
        match self.get(slot).map(|given| &given.value) {
            Some(Value::Range(range)) if range.end.is_some() => Some([range.start, range.end?]),
            Some(Value::Number(number)) => Some([*number, *number]),
            _ => self.wrong(lower, slot, "a range"),
        }
    }

    /// One side or `[height, width]`.
    fn size(&self, lower: &mut Lower<'p, '_>, slot: usize) -> Option<[usize; 2]> {
        match self.get(slot).map(|given| &given.value) {
            Some(Value::List(_)) => {
                let [height, width] = self.numbers(lower, slot, [0.0; 2])?;
                (height.fract() == 0.0 && width.fract() == 0.0 && height >= 0.0 && width >= 0.0)
                    .then_some([height as usize, width as usize])
                    .or_else(|| self.wrong(lower, slot, "two whole numbers"))
            }
            _ => {
                let side = self.whole(lower, slot, 0.0, 1.0)?;
                Some([side, side])
            }
        }
    }
}

fn meaning<'p>(lower: &mut Lower<'p, '_>, arguments: Arguments<'p>) -> Option<Value<'p>> {
    let a = &arguments;
    Some(match a.builtin.id {
        Is::Voc2012 | Is::Coco | Is::Folder | Is::Scenes => {
            let source = sources::source(lower, a)?;
            data::dataset(lower, source)
        }
        Is::FolderMaps => {
            let folder = PathBuf::from(a.text(lower, 0, "")?);
            let carries = knowledge(lower, a, 1)?;
            Value::Maps(Rc::new(OutsideMaps { folder, carries }))
        }
        Is::VocSubmission => {
            let given = a.get(0)?;
            let mask = lower.tensor(given.value.clone(), given.span)?;
            let word = a.text(lower, 1, "comp6")?;
            let span = a.get(1).map_or(a.span, |given| given.span);
            let competition = competition(&word, span).map_err(|problem| lower.report(problem)).ok()?;
            Value::Submission(Rc::new(SubmissionValue { mask, competition }))
        }
        Is::ResizeLong
        | Is::RandomResize
        | Is::ClampLongSide
        | Is::RandomScale
        | Is::RandomFlip
        | Is::ColorJitter
        | Is::HsvJitter
        | Is::RandomCrop
        | Is::CenterCrop
        | Is::TopLeftCrop
        | Is::PadTo
        | Is::PadToMultiple
        | Is::Standardize
        | Is::SubtractMean => augment::change(lower, a)?,
        Is::Map => {
            let samples = data::expect_samples(lower, a.get(0)?)?;
            let function = a.get(1)?;
            data::map(lower, &samples, function.value.clone(), function.span)
        }
        Is::Sgd | Is::AdamW | Is::Adam | Is::RmsProp => optimizers::optimizer(lower, a)?,
        Is::Zeros => Value::Init(Init::Constant(0.0)),
        Is::Ones => Value::Init(Init::Constant(1.0)),
        Is::Constant => Value::Init(Init::Constant(a.number(lower, 0, 0.0)?)),
        Is::Normal => Value::Init(Init::Normal { std: a.number(lower, 0, 1.0)? }),
        Is::Uniform => Value::Init(Init::Uniform { low: a.number(lower, 0, 0.0)?, high: a.number(lower, 1, 1.0)? }),
        Is::TruncatedNormal => {
            let (std, cut) = (a.number(lower, 0, 1.0)?, a.number(lower, 1, 2.0)?);
            // Below that nearly every number would be drawn again.
            if cut.is_nan() || cut < 0.1 {
                let span = a.get(1).map_or(a.span, |given| given.span);
                let message = format!("`cut` is at least 0.1, this is {cut}");
                lower.report(errors::out_of_range(message, span, "2 is usual"));
                return None;
            }
            Value::Init(Init::TruncatedNormal { std, cut })
        }
        Is::HeNormal => Value::Init(Init::HeNormal { fan_out: fan_out(lower, a)? }),
        Is::HeUniform => Value::Init(Init::HeUniform { fan_out: fan_out(lower, a)? }),
        Is::XavierNormal => Value::Init(Init::XavierNormal { gain: a.number(lower, 0, 1.0)? }),
        Is::XavierUniform => Value::Init(Init::XavierUniform { gain: a.number(lower, 0, 1.0)? }),
        Is::FromFile => load::from_file(lower, a)?,
        Is::Load => load::load(lower, a)?,
        Is::Clone => {
            let (net, span) = net(lower, a, 0)?;
            begin::clone(lower, net, span)?
        }
        Is::InitFrom => {
            let (wanted, from) = (net(lower, a, 0)?, net(lower, a, 1)?);
            let except = texts(lower, a, 2)?;
            begin::init_from(lower, wanted, from, except)?
        }
        Is::Named => named(lower, a)?,
        Is::Freeze | Is::EvalMode | Is::TrainMode => {
            let (net, _) = net(lower, a, 0)?;
            let says = match a.builtin.id {
                Is::Freeze => Says::Frozen,
                Is::EvalMode => Says::Evaluates,
                _ => Says::Trains,
            };
            let only = texts(lower, a, 1)?;
            // To freeze what another stage trained says aloud what is so; to freeze twice is a slip.
            let own =
                net.path.as_ref().is_none_or(|path| lower.step.as_ref().is_some_and(|step| step.shown() == path.stage));
            if says == Says::Frozen && only.is_none() && own && net.frozen {
                lower.report(
                    Diagnostic::warning(Code::NoEffect, "`freeze` has no effect: the net is frozen already")
                        .label(a.span, "freezes it again")
                        .help("leave one of them out"),
                );
            }
            modes::said(lower, net, says, only)?
        }
        Is::Updating => updating(lower, a)?,
        Is::Tensor => {
            let domain = domain(lower, a, 1, "real")?;
            let id = lower.literal(&a.get(0)?.value, domain, a.get(0)?.span)?;
            Value::Tensor(id)
        }
        Is::Claim => {
            let word = a.text(lower, 1, "real")?;
            domain(lower, a, 1, "real")?;
            let given = a.get(0)?;
            let id = lower.tensor(given.value.clone(), given.span)?;
            lower.apply_named("claim", &[(id, given.span)], Attrs::new().word("domain", word), a.span)
        }
        Is::Declassify => declassify(lower, a)?,
        Is::Grad => gradient(lower, a)?,
        Is::Shape => {
            let given = a.get(0)?;
            let id = lower.tensor(given.value.clone(), given.span)?;
            let dims = lower.step_at(a.span)?.graph.node(id).fact.dims.clone();
            Value::list(dims.into_iter().map(Value::dim).collect())
        }
        Is::Size => size(lower, a)?,
        Is::Scaled => match a.get(0)?.value.as_dim() {
            Some(length) => Value::dim(length.scaled(a.number(lower, 1, 1.0)?, Rounding::Floor)),
            None => return a.wrong(lower, 0, "a whole number"),
        },
        Is::Len => Value::Number(list(lower, a, 0)?.len() as f64),
        Is::Zip => {
            let (left, right) = (list(lower, a, 0)?, list(lower, a, 1)?);
            if left.len() != right.len() {
                let message =
                    format!("`zip` pairs lists of equal length, these have {} and {}", left.len(), right.len());
                lower.report(errors::out_of_range(message, a.span, "shorten one of them"));
                return None;
            }
            let pairs = left.iter().zip(right.iter()).map(|(x, y)| Value::list(vec![x.clone(), y.clone()]));
            Value::list(pairs.collect())
        }
        Is::Fold => {
            let items = list(lower, a, 0)?;
            let step = a.get(2)?;
            let mut value = a.get(1)?.value.clone();
            for item in items.iter() {
                let pair = [value, item.clone()].map(|value| Given { name: None, value, span: step.span });
                value = lower.call(step.value.clone(), pair.into(), a.span, step.span);
            }
            value
        }
        Is::Total => {
            let items = list(lower, a, 0)?;
            let span = a.get(0)?.span;
            let mut items = items.iter();
            let Some(first) = items.next() else {
                lower.report(errors::out_of_range("the sum of no elements", span, "give a list of at least one"));
                return None;
            };
            let operator = BinaryOperator::Add;
            items.fold(first.clone(), |left, item| {
                lower.binary(&Operation { operator, left, right: item.clone(), at: [span; 2], span: a.span })
            })
        }
        Is::Doublings => Value::Number(numbers::doublings(lower, a)?),
        Is::Floor => numbers::rounded(lower, a, f64::floor)?,
        Is::Ceil => numbers::rounded(lower, a, f64::ceil)?,
        Is::Round => numbers::rounded(lower, a, f64::round)?,
        Is::Min => numbers::extreme(lower, a, f64::min)?,
        Is::Max => numbers::extreme(lower, a, f64::max)?,
    })
}

fn list<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize) -> Option<Rc<Vec<Value<'p>>>> {
    let given = a.get(slot)?;
    lower.elements(given.value.clone(), given.span)
}

fn net<'a, 'p>(lower: &mut Lower<'p, '_>, a: &'a Arguments<'p>, slot: usize) -> Option<(&'a NetValue<'p>, Span)> {
    let given = a.get(slot)?;
    match &given.value {
        Value::Net(net) => Some((net, given.span)),
        _ => a.wrong(lower, slot, "a net"),
    }
}

/// An optional list of texts; the outer `None` is a mistake.
#[allow(clippy::option_option, reason = "nothing given, and a mistake")]
fn texts<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize) -> Option<Option<(Vec<String>, Span)>> {
    let Some(given) = a.get(slot) else { return Some(None) };
    let Value::List(items) = &given.value else { return a.wrong(lower, slot, "a list of texts") };
    let texts = items.iter().map(|item| match item {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    });
    match texts.collect::<Option<Vec<String>>>() {
        Some(texts) => Some(Some((texts, given.span))),
        None => a.wrong(lower, slot, "a list of texts"),
    }
}

fn fan_out<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<bool> {
    match a.text(lower, 0, "in")?.as_str() {
        "in" => Some(false),
        "out" => Some(true),
        _ => a.wrong(lower, 0, "\"in\" or \"out\""),
    }
}

/// The net with another name for its place as a layer.
fn named<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let (net, _) = net(lower, a, 0)?;
    let given = a.get(1)?;
    let name = match &given.value {
        Value::Nothing => "".into(),
        Value::Text(name) if is_path(name) => name.clone(),
        Value::Text(name) => {
            let message = format!("a layer cannot be called `{name}`");
            let help = "letters, digits and `_`, parts joined by dots; `none` leaves the name out";
            let problem = Diagnostic::error(Code::OutOfRange, message).label(given.span, "this name");
            return Some(lower.report(problem.help(help)));
        }
        _ => return a.wrong(lower, 1, "a text or `none`"),
    };
    Some(Value::Net(NetValue { name: Some(name), ..net.clone() }))
}

/// Whether a text may stand in the path of a weight.
fn is_path(text: &str) -> bool {
    text.split('.').all(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// What maps or weights have learnt from, in words that the `supervision` line can name.
fn knowledge<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize) -> Option<String> {
    let what = a.text(lower, slot, "")?;
    if is_nameable(&what) {
        return Some(what);
    }
    let span = a.get(slot).map_or(a.span, |given| given.span);
    lower.report(unnameable(&what, span));
    None
}

/// One word, which stands in the `supervision` line as it is, or words that end in a kind of label.
fn is_nameable(what: &str) -> bool {
    let mut letters = what.chars();
    let word = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    word || Label::Outside(what.into()).outside_level().is_some()
}

fn unnameable(what: &str, span: Span) -> Diagnostic {
    errors::out_of_range(
        format!("`{what}` cannot stand in a `supervision` line"),
        span,
        "one word (`\"saliency\"`), or what ends in `tags`, `points`, `scribbles`, `boxes` or `masks` (`\"imagenet tags\"`)",
    )
}

/// Checks that the text names a domain that a claim may give.
fn domain<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>, slot: usize, default: &str) -> Option<Domain> {
    let word = a.text(lower, slot, default)?;
    let known = Domain::from_word(&word, &Dim::symbol("K")).filter(|domain| !domain.is_index());
    if known.is_none() {
        let span = a.get(slot).map_or(a.span, |given| given.span);
        let words = Domain::WORDS.iter().copied().filter(|word| !word.starts_with("index"));
        lower.report(
            Diagnostic::error(Code::UnknownName, format!("`{word}` is no domain of real tensors"))
                .label(span, "not known")
                .help(suggest::help(&word, "domains", words)),
        );
    }
    known
}

fn declassify<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let (given, why) = (a.get(0)?, a.get(1)?);
    let reason = a.text(lower, 1, "")?;
    if reason.trim().is_empty() {
        let problem =
            errors::out_of_range("a reason has words", why.span, "say why what the value has seen does not count");
        lower.report(problem);
        return None;
    }
    let id = lower.tensor(given.value.clone(), given.span)?;
    let Value::Tensor(clean) = lower.apply_named("declassify", &[(id, given.span)], Attrs::new(), a.span) else {
        return None;
    };
    lower.declassified(clean, reason, a.span);
    Some(Value::Tensor(clean))
}

/// Adds the gradient's nodes to the graph at hand; they are differentiated in turn where a loss is computed from them.
fn gradient<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let (of, by) = (a.get(0)?, a.get(1)?);
    let of_id = lower.tensor(of.value.clone(), of.span)?;
    let listed = match &by.value {
        Value::List(items) => items.to_vec(),
        value => vec![value.clone()],
    };
    let by_ids = listed.into_iter().map(|value| lower.tensor(value, by.span)).collect::<Option<Vec<_>>>()?;
    // What a value was called on its way does not decide whether another was computed from it.
    let by_ids: Vec<_> = by_ids.into_iter().map(|id| lower.unmarked(id)).collect();
    let step = lower.step_at(a.span)?;
    let before = step.graph.len();
    let found = crate::grad::gradients(&mut step.graph, of_id, &by_ids);
    let built = step.graph.len() - before;
    if !lower.spend(4 * built, a.span) {
        return None;
    }
    let diagnostic = match found {
        Ok(found) => match found.iter().copied().collect::<Option<Vec<_>>>() {
            Some(mut ids) if !matches!(by.value, Value::List(_)) => return ids.pop().map(Value::Tensor),
            Some(ids) => return Some(Value::list(ids.into_iter().map(Value::Tensor).collect())),
            None => Diagnostic::error(Code::NoGradient, "`grad`: `of` does not change with `at`")
                .label(by.span, "no gradient comes back to this")
                .label(of.span, "is not computed from it, or an op between has no gradient")
                .help("compute `of` from this very value: `let f = trunk(image)`, `let s = head(f)`, `grad(s, f)`"),
        },
        Err(error) => Diagnostic::error(error.code, format!("`grad`: {}", error.message))
            .label(of.span, "on the way back from here")
            .help(error.help.unwrap_or_default()),
    };
    lower.report(diagnostic);
    None
}

fn size<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let given = a.get(0)?;
    let id = lower.tensor(given.value.clone(), given.span)?;
    let axis = a.number(lower, 1, 0.0)?;
    let step = lower.step_at(a.span)?;
    let dims = step.graph.node(id).fact.dims.clone();
    let place = if axis < 0.0 { axis + dims.len() as f64 } else { axis };
    if place.fract() != 0.0 || place < 0.0 || place >= dims.len() as f64 {
        let span = a.get(1).map_or(a.span, |given| given.span);
        let help =
            if dims.is_empty() { "a scalar has no axes".to_string() } else { format!("axes: 0..{}", dims.len() - 1) };
        lower.report(errors::out_of_range(
            format!("the tensor has {} axes, there is no axis {axis}", dims.len()),
            span,
            help,
        ));
        return None;
    }
    Some(Value::dim(dims[place as usize].clone()))
}

fn updating<'p>(lower: &mut Lower<'p, '_>, a: &Arguments<'p>) -> Option<Value<'p>> {
    let (x, state, value) = (a.get(0)?, a.get(1)?, a.get(2)?);
    let state_id = lower.tensor(state.value.clone(), state.span)?;
    let value_id = lower.tensor(value.value.clone(), value.span)?;
    let span = a.span;
    let step = lower.step_at(span)?;
    let pending = step.graph.outputs.iter().find(|output| output.role == Role::Assign && output.nodes == [state_id]);
    let again = pending.and_then(|output| Some((output.name.clone(), output.span?)));
    let path = match (&step.graph.node(state_id).kind, pending) {
        (Kind::State(path), _) => Some(path.clone()),
        (_, pending) => pending.map(|output| output.name.clone()),
    };
    // In training mode the net of another stage keeps its states: they belong to the stage that trained it.
    let stage = step.stage.as_str();
    let kept = |path: &String| path.split_once('.').is_some_and(|(owner, _)| owner != stage);
    if !step.training || path.as_ref().is_some_and(kept) {
        return Some(x.value.clone());
    }
    let Some(path) = path else {
        lower.report(
            Diagnostic::error(Code::WrongKind, "only a `state` of a net is updated")
                .label(state.span, "not a state")
                .help("declare it in the net: `state running_mean: [channels] = zeros()`"),
        );
        return None;
    };
    let (old, new) = (&step.graph.node(state_id).fact, &step.graph.node(value_id).fact);
    if old.dims != new.dims {
        let diagnostic =
            Diagnostic::error(Code::DimensionMismatch, format!("a state keeps its shape: {old} is given {new}"))
                .label(value.span, format!("this is {new}"))
                .help("`reshape` the new value");
        lower.report(diagnostic);
        return None;
    }
    // A net that is called twice in a step updates its states twice: the second update starts from the first.
    let here = lower.origin(span).outermost().unwrap_or(span);
    let step = lower.step_at(span)?;
    if let Some((path, first)) = again {
        step.moved_again.push((path, [first, here]));
    }
    step.graph.outputs.retain(|output| output.role != Role::Assign || output.name != path);
    step.graph.outputs.push(Output { role: Role::Assign, name: path, nodes: vec![value_id], span: Some(here) });
    Some(x.value.clone())
}
