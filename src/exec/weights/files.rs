//! Weights that begin in files: which names and shapes fit a net, and the report of those that do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use candle_core::DType;

use super::Table;
use crate::checkpoints::{Checkpoint, Number, Unreadable};
use crate::diag::{Code, Diagnostic, suggest};
use crate::exec::RunError;
use crate::lower::{Init, Weight, WeightsFile};
use crate::source::Span;
use crate::types::DimEnv;

/// Names in published files that are no weights.
const BOOKKEEPING: &str = "num_batches_tracked";

/// How many misfits of a file are named; the others are counted.
const LISTED: usize = 8;

/// One net and one file it is read from.
struct Group<'a> {
    /// Stage and net.
    net: [&'a str; 2],
    file: &'a WeightsFile,
    except: BTreeSet<&'a str>,
    /// Whether the net must want all that the file holds.
    whole: bool,
    /// By the net's name for it.
    wanted: BTreeMap<&'a str, Vec<&'a Weight>>,
    span: Span,
}

/// What of a file fits a net.
struct Fit<'a> {
    checkpoint: Checkpoint,
    /// The file's name of each weight that is there.
    loaded: Vec<(&'a Weight, String)>,
    missing: Vec<&'a str>,
    /// The net's names for what the net does not want.
    unexpected: Vec<String>,
    /// Other shapes and ambiguous names, in words.
    wrong: Vec<String>,
}

/// The weights that come from files. Those that a file need not have, and has not, are left out.
///
/// # Errors
/// All that is wrong with the files. The span of a problem is that of the first weight it is about.
pub(super) fn read(weights: &[Weight], dims: &DimEnv, dtype: DType) -> Result<Table, Vec<Diagnostic>> {
    let mut table = Table::new();
    each(weights, dims, |group, mut fit| {
        for (weight, name) in &fit.loaded {
            let tensor = fit.checkpoint.tensor(name);
            let tensor = tensor.and_then(|tensor| tensor.to_dtype(dtype).map_err(|error| error.to_string()));
            let unusable = |what| {
                let message = format!("the weights in {} cannot be read: {what}", group.file.path);
                Diagnostic::error(Code::WeightsRefused, message).label(group.span, "these weights come from the file")
            };
            table.insert(weight.path(), tensor.map_err(unusable)?);
        }
        Ok(())
    })?;
    Ok(table)
}

/// Whether every file fits, by names and shapes alone, and what is to be said of those that do.
///
/// # Errors
/// As [`read`].
pub(in crate::exec) fn check(weights: &[Weight], dims: &DimEnv) -> Result<Vec<String>, RunError> {
    let mut notes = Vec::new();
    each(weights, dims, |group, fit| {
        notes.extend(remarks(group, &fit));
        Ok(())
    })
    .map_err(RunError::Input)?;
    Ok(notes)
}

fn each<'w>(
    weights: &'w [Weight],
    dims: &DimEnv,
    mut with: impl FnMut(&Group<'w>, Fit<'w>) -> Result<(), Diagnostic>,
) -> Result<(), Vec<Diagnostic>> {
    let mut problems = Vec::new();
    for group in &groups(weights) {
        if let Err(problem) = fit(group, dims).and_then(|fit| with(group, fit)) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn groups(weights: &[Weight]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for weight in weights {
        let Init::File { file, name, whole, .. } = &weight.init else { continue };
        let net = [weight.stage.as_str(), weight.net.as_str()];
        let same = |group: &Group| {
            let of = group.file;
            group.net == net
                && group.whole == *whole
                && (&of.path, &of.names, of.strict) == (&file.path, &file.names, file.strict)
        };
        let at = groups.iter().position(same).unwrap_or_else(|| {
            let (except, wanted) = (BTreeSet::new(), BTreeMap::new());
            groups.push(Group { net, file, except, whole: *whole, wanted, span: weight.span });
            groups.len() - 1
        });
        groups[at].except.extend(file.except.iter().map(String::as_str));
        groups[at].wanted.entry(name).or_default().push(weight);
    }
    groups
}

fn fit<'w>(group: &Group<'w>, dims: &DimEnv) -> Result<Fit<'w>, Diagnostic> {
    let checkpoint = Checkpoint::open(Path::new(&group.file.path)).map_err(|error| unreadable(&error, group.span))?;
    let mut fit =
        Fit { checkpoint, loaded: Vec::new(), missing: Vec::new(), unexpected: Vec::new(), wrong: Vec::new() };
    // By the net's name.
    let mut held: BTreeMap<String, &str> = BTreeMap::new();
    for name in fit.checkpoint.arrays.keys() {
        let own = group.file.names.apply(name);
        if let Some(other) = held.insert(own.clone(), name) {
            fit.wrong.push(format!("`{other}` and `{name}` of the file both become `{own}`"));
        }
    }
    for (name, weight) in
        group.wanted.iter().flat_map(|(name, weights)| weights.iter().map(move |weight| (*name, *weight)))
    {
        let Some(in_file) = held.get(name) else {
            match (&weight.init, group.file.strict) {
                (Init::File { otherwise: None, .. }, false) => {
                    fit.wrong.push(format!("`{name}` is not in the file and has no beginning of its own"));
                }
                _ => fit.missing.push(name),
            }
            continue;
        };
        let shape = &fit.checkpoint.arrays[*in_file].shape;
        let length = |dim: &crate::types::Dim| dim.eval(dims).ok().and_then(|length| usize::try_from(length).ok());
        match weight.dims.iter().map(length).collect::<Option<Vec<usize>>>() {
            None => fit.wrong.push(format!("the shape of `{}` is not known", weight.path())),
            Some(expected) if expected != *shape => {
                fit.wrong.push(format!("`{name}` has the shape {shape:?} in the file, {expected:?} in the net"));
            }
            Some(_) => fit.loaded.push((weight, in_file.to_string())),
        }
    }
    let excepted = |name: &str| {
        let below =
            |except: &&str| name.strip_prefix(*except).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        group.except.iter().any(below)
    };
    let extra = held.keys().filter(|name| group.whole && !group.wanted.contains_key(name.as_str()));
    fit.unexpected = extra.filter(|name| !excepted(name) && !name.ends_with(BOOKKEEPING)).cloned().collect();
    let lenient = !group.file.strict && fit.wrong.is_empty() && !fit.loaded.is_empty();
    if lenient || (fit.wrong.is_empty() && fit.missing.is_empty() && fit.unexpected.is_empty()) {
        return Ok(fit);
    }
    Err(mismatch(group, &fit))
}

/// Everything that does not fit, with the name in the file that a missing one is nearest to.
fn mismatch(group: &Group, fit: &Fit) -> Diagnostic {
    let near = |name: &str| suggest::nearest(name, fit.unexpected.iter().map(String::as_str));
    let missing = fit.missing.iter().map(|name| match near(name) {
        Some(near) => format!("`{name}` is not in the file, which has `{near}`"),
        None => format!("`{name}` is not in the file"),
    });
    let unexpected = fit.unexpected.iter().map(|name| format!("the net has no `{name}`"));
    let misfits: Vec<String> = missing.chain(fit.wrong.iter().cloned()).chain(unexpected).collect();
    let what = match misfits.as_slice() {
        [one] => one.clone(),
        _ => format!("{}; {} are loaded", counts(fit), fit.loaded.len()),
    };
    let mut help = misfits[..misfits.len().min(LISTED)].join("\n");
    if misfits.len() > LISTED {
        help += &format!("\nand {} more", misfits.len() - LISTED);
    }
    help += "\n`wsss weights inspect` lists what a file holds; `except = [\"…\"]` leaves parts of it out, a manifest gives other names";
    let message = format!("the weights in {} do not fit the net: {what}", group.file.path);
    Diagnostic::error(Code::WeightsMismatch, message).label(group.span, "these weights come from the file").help(help)
}

/// `2 are missing, 1 has another shape`, what there is of each.
fn counts(fit: &Fit) -> String {
    let count = |of: usize, words: &str| (of > 0).then(|| format!("{of} {words}"));
    let all = [
        count(fit.missing.len(), "missing"),
        count(fit.wrong.len(), "of another shape or name"),
        count(fit.unexpected.len(), "unexpected"),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What a reader should know of a file that fits: names that are forgiven, numbers that are converted.
fn remarks(group: &Group, fit: &Fit) -> Vec<String> {
    let path = &group.file.path;
    let mut remarks = Vec::new();
    if !fit.missing.is_empty() || !fit.unexpected.is_empty() {
        let missing = fit.missing.iter().map(|name| format!("`{name}` begins by itself"));
        let unexpected = fit.unexpected.iter().map(|name| format!("the net has no `{name}`"));
        let all: Vec<String> = missing.chain(unexpected).collect();
        let more = if all.len() > LISTED { format!(", and {} more", all.len() - LISTED) } else { String::new() };
        let named = all[..all.len().min(LISTED)].join(", ");
        remarks.push(format!("weights in {path}: {} loaded, {}: {named}{more}", fit.loaded.len(), counts(fit)));
    }
    let mut kinds: BTreeMap<Number, usize> = BTreeMap::new();
    for (_, name) in &fit.loaded {
        *kinds.entry(fit.checkpoint.arrays[name].number).or_default() += 1;
    }
    kinds.remove(&Number::F32);
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} of {}", kind.word())).collect();
        remarks.push(format!("weights in {path}: arrays become f32: {}", kinds.join(", ")));
    }
    remarks
}

fn unreadable(error: &Unreadable, span: Span) -> Diagnostic {
    let diagnostic = error.diagnostic().label(span, "these weights come from the file");
    match error.path.exists() {
        true => diagnostic,
        false => diagnostic.help("give another path, or begin from random numbers (`weights = none`)"),
    }
}

/// Every file that weights come from, each once, with a place to point at.
pub(in crate::exec) fn files(weights: &[Weight]) -> Vec<(&str, Span)> {
    let mut files: Vec<(&str, Span)> = Vec::new();
    for weight in weights {
        if let Init::File { file, .. } = &weight.init
            && !files.iter().any(|(known, _)| known == &file.path)
        {
            files.push((&file.path, weight.span));
        }
    }
    files
}

/// BLAKE3 of a file's bytes, which are read piece by piece.
pub(in crate::exec) fn digest(file: &str, span: Span) -> Result<String, RunError> {
    let path = Path::new(file);
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(|_| ()));
    read.map_err(|error| RunError::input(unreadable(&Unreadable::missing(path, &error), span)))?;
    Ok(hasher.finalize().to_hex().to_string())
}
