//! Where the weights of a net begin: with draws of their own, in a file (`load`), with the weights of another net (`clone`,
//! `init_from`).

use std::rc::Rc;
use std::sync::Arc;

use super::recipe::{Init, Weight, WeightsFile};
use super::value::{Begin, NetPath, NetValue, TensorMember, Value};
use super::{Lower, Step, modes, pattern};
use crate::diag::{Code, Diagnostic};
use crate::source::Span;
use crate::types::Labels;

/// How many misfits are named; the others are counted.
const LISTED: usize = 4;

/// How the weight at `path` begins, `begins` being those of the nets around it, outermost first, each with the length of the path
/// at which its names begin.
///
/// Another net goes before files, for it has read its own; of several nets the outermost counts, of several files the innermost.
pub(super) fn init(path: &str, tensor: &TensorMember, begins: &[(Rc<Begin>, usize)]) -> Init {
    let below = |from: usize| path[from..].trim_start_matches('.');
    for (begin, from) in begins {
        if let Begin::Net { place, except } = &**begin
            && !except.iter().any(|except| pattern::reaches(except, below(*from)))
        {
            let source = place.join(below(*from));
            return Init::Weight(format!("{}.{}.{}", source.stage, source.net, source.name));
        }
    }
    for (begin, from) in begins.iter().rev() {
        if let Begin::File(file) = &**begin {
            let own = !file.strict && !matches!(tensor.init, Init::File { .. });
            let otherwise = own.then(|| Box::new(tensor.init.clone()));
            return Init::File { file: file.clone(), name: below(*from).to_string(), whole: true, otherwise };
        }
    }
    tensor.init.clone()
}

/// An own copy of a net, which begins with that net's weights.
pub(super) fn clone<'p>(lower: &mut Lower<'p, '_>, net: &NetValue<'p>, span: Span) -> Option<Value<'p>> {
    let place = held(lower, net, "clone", span)?;
    let mut copy = net.clone();
    copy.path = None;
    copy.frozen = false;
    copy.mode = None;
    copy.marks.clear();
    copy.name = None;
    Some(begun(copy, place, Vec::new()))
}

/// `net`, whose weights begin as those of the same names in `from`.
pub(super) fn init_from<'p>(
    lower: &mut Lower<'p, '_>,
    (net, at): (&NetValue<'p>, Span),
    (from, from_at): (&NetValue<'p>, Span),
    except: Option<(Vec<String>, Span)>,
) -> Option<Value<'p>> {
    let place = held(lower, from, "init_from", from_at)?;
    if net.path.is_some() {
        lower.report(
            Diagnostic::error(Code::WrongKind, "the weights of this net have begun already")
                .label(at, "a net that a stage holds")
                .help("make a net: `net x = init_from(arch(…), stage.net)`"),
        );
        return None;
    }
    let except = match except {
        None => Vec::new(),
        Some((patterns, span)) => {
            modes::expect_parts(lower, net, &patterns, span)?;
            patterns
        }
    };
    expect_fit(lower, (net, at), (from, from_at), &except)?;
    Some(begun(net.clone(), place, except))
}

fn begun<'p>(mut net: NetValue<'p>, place: NetPath, except: Vec<String>) -> Value<'p> {
    net.begin = Some(Rc::new(Begin::Net { place, except }));
    Value::Net(net)
}

impl Lower<'_, '_> {
    /// What the nets and the files have seen that these weights begin with: it goes with them.
    pub(super) fn carried(&self, weights: &[Weight]) -> Labels {
        let mut nets: Vec<(&str, &str)> = Vec::new();
        let mut files: Vec<&Arc<WeightsFile>> = Vec::new();
        let mut brought = Labels::default();
        for weight in weights {
            if let Init::File { file, .. } = &weight.init
                && !files.iter().any(|known| Arc::ptr_eq(known, file))
            {
                files.push(file);
                brought = brought.join(&weight.init.labels());
            }
            let Init::Weight(path) = &weight.init else { continue };
            if let Some(net) = self.net_of_path(path)
                && !nets.contains(&net)
            {
                nets.push(net);
            }
        }
        let seen = nets.into_iter().filter_map(|(stage, net)| {
            let earlier = self.nets_seen.get(stage).and_then(|nets| nets.get(net));
            let own = self.step.as_ref().filter(|step| step.shown() == stage).and_then(|step| step.carried.get(net));
            earlier.or(own)
        });
        seen.fold(brought, |all, seen| all.join(seen))
    }

    /// The stage and the net of a weight; names of stages may hold dots.
    fn net_of_path<'w>(&self, path: &'w str) -> Option<(&'w str, &'w str)> {
        let own = self.step.as_ref().map(Step::shown);
        let stages = self.nets_seen.keys().map(String::as_str).chain(own.as_deref());
        let owners = stages.filter(|stage| path.strip_prefix(*stage).is_some_and(|rest| rest.starts_with('.')));
        let length = owners.map(str::len).max()?;
        Some((&path[..length], path[length + 1..].split('.').next()?))
    }
}

/// The place of a net that has weights to give.
fn held(lower: &mut Lower, net: &NetValue, word: &str, span: Span) -> Option<NetPath> {
    if let Some(place) = &net.path {
        return Some(NetPath::clone(place));
    }
    let constructor = &net.tree.net.name.text;
    lower.report(
        Diagnostic::error(
            Code::NotACompileTimeValue,
            format!("`{word}` takes the weights of a net that a stage holds, this `{constructor}` belongs to none"),
        )
        .label(span, "its weights have no name")
        .help(format!("declare it in the stage first: `net a = {constructor}(…)`")),
    );
    None
}

/// Every weight of `net` that is not excepted has one of its name and shape in `from`.
fn expect_fit<'p>(
    lower: &mut Lower<'p, '_>,
    (net, at): (&NetValue<'p>, Span),
    (from, from_at): (&NetValue<'p>, Span),
    except: &[String],
) -> Option<()> {
    let here = NetPath { stage: String::new(), net: String::new(), name: String::new() };
    let (wanted, given) = (lower.weights(net, &here), lower.weights(from, &here));
    let mut misfits = Vec::new();
    for weight in wanted.iter().filter(|weight| !except.iter().any(|except| pattern::reaches(except, &weight.name))) {
        match given.iter().find(|other| other.name == weight.name) {
            Some(other) if other.dims == weight.dims => {}
            Some(other) => {
                misfits.push(format!("`{}` is {} here, {} there", weight.name, shape(weight), shape(other)));
            }
            None => misfits.push(format!("there is no `{}`", weight.name)),
        }
    }
    if misfits.is_empty() {
        return Some(());
    }
    let count =
        if misfits.len() == 1 { misfits[0].clone() } else { format!("{} names or shapes differ", misfits.len()) };
    let advice = "`except = [\"…\"]` leaves parts to their own beginning";
    let help = match misfits.len() {
        1 => advice.to_string(),
        count => {
            let more = if count > LISTED { format!(", and {} more", count - LISTED) } else { String::new() };
            format!("{}{more}; {advice}", misfits[..count.min(LISTED)].join(", "))
        }
    };
    lower.report(
        Diagnostic::error(Code::WeightsMismatch, format!("the weights of the other net do not fit: {count}"))
            .label(at, format!("a `{}`", net.tree.net.name.text))
            .label(from_at, format!("a `{}`", from.tree.net.name.text))
            .help(help),
    );
    None
}

fn shape(weight: &Weight) -> String {
    let dims: Vec<String> = weight.dims.iter().map(|dim| dim.to_string()).collect();
    format!("[{}]", dims.join(", "))
}
