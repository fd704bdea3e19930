//! The weights of nets: how they begin, how they are kept.
//!
//! A draw belongs to the run's seed and the weight's path alone: neither the order of the weights nor what else a net holds
//! changes it.

mod files;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

pub(super) use files::{check, digest, files};

use super::RunError;
use crate::diag::{Code, Diagnostic};
use crate::files::FileError;
use crate::lower::{Init, Weight};
use crate::random::{Stream, place};
use crate::store::tensors;
use crate::types::DimEnv;

/// Weights and states by path.
pub(super) type Table = HashMap<String, Tensor>;

/// Every weight as it begins, each with storage of its own: the optimizer writes into it. `earlier` holds the weights of other
/// stages that some begin with.
///
/// # Errors
/// All that is wrong with the files that weights come from.
pub(super) fn initial(
    weights: &[Weight],
    earlier: &Table,
    dims: &DimEnv,
    seed: u64,
    dtype: DType,
) -> Result<Table, RunError> {
    let mut table = files::read(weights, dims, dtype).map_err(RunError::Input)?;
    let drawn: Vec<(&Weight, &Init)> = weights
        .iter()
        .filter(|weight| !table.contains_key(&weight.path()))
        .filter_map(|weight| match &weight.init {
            Init::File { otherwise, .. } => Some((weight, &**otherwise.as_ref()?)),
            init => Some((weight, init)),
        })
        .filter(|(_, init)| !matches!(init, Init::Weight(_)))
        .collect();
    let drawn: Result<Vec<(String, Tensor)>, RunError> = drawn
        .into_par_iter()
        .map(|(weight, init)| Ok((weight.path(), draw(weight, init, &shape(weight, dims)?, seed)?.to_dtype(dtype)?)))
        .collect();
    table.extend(drawn?);
    // A net begins with one that was declared before it, so the order of the text settles copies of copies.
    for weight in weights {
        let Init::Weight(source) = &weight.init else { continue };
        let tensor = table.get(source).or_else(|| earlier.get(source)).ok_or_else(|| lost(weight))?;
        let copy = tensor.to_dtype(dtype)?.copy()?;
        table.insert(weight.path(), copy);
    }
    Ok(table)
}

/// The lengths of a weight's axes, which only the class count can leave open.
fn shape(weight: &Weight, dims: &DimEnv) -> Result<Vec<usize>, RunError> {
    let lengths = weight.dims.iter().map(|dim| dim.eval(dims));
    let lengths: Vec<i64> = lengths
        .collect::<Result<_, _>>()
        .map_err(|error| RunError::internal(format!("the weight `{}`: {error}", weight.path())))?;
    let sized: Result<Vec<usize>, _> = lengths.iter().map(|&length| usize::try_from(length)).collect();
    sized.map_err(|_| {
        let message = format!("the weight `{}` would have the shape {lengths:?}", weight.path());
        RunError::input(Diagnostic::error(Code::OutOfRange, message).label(weight.span, "declared here"))
    })
}

fn draw(weight: &Weight, init: &Init, shape: &[usize], seed: u64) -> Result<Tensor, RunError> {
    let count = shape.iter().product::<usize>();
    let mut stream = Stream::new(seed, place(&weight.path()), 0, 0);
    let mut fill = |next: &mut dyn FnMut(&mut Stream) -> f64| (0..count).map(|_| next(&mut stream) as f32).collect();
    let fan_in = |shape: &[usize]| shape.iter().skip(1).product::<usize>().max(1) as f64;
    let fan_out = |shape: &[usize]| (count / shape.get(1).copied().unwrap_or(1).max(1)).max(1) as f64;
    let numbers: Vec<f32> = match *init {
        Init::Constant(value) => vec![value as f32; count],
        Init::Normal { std } => fill(&mut |stream| std * stream.normal()),
        Init::Uniform { low, high } => fill(&mut |stream| stream.uniform_range(low, high)),
        Init::TruncatedNormal { std, cut } => fill(&mut |stream| {
            let within = std::iter::repeat_with(|| stream.normal()).find(|number| number.abs() <= cut);
            std * within.unwrap_or(0.0)
        }),
        Init::HeNormal { fan_out: out } => {
            let fan = if out { fan_out(shape) } else { fan_in(shape) };
            let std = (2.0 / fan).sqrt();
            fill(&mut |stream| std * stream.normal())
        }
        Init::HeUniform { fan_out: out } => {
            let fan = if out { fan_out(shape) } else { fan_in(shape) };
            let bound = (6.0 / fan).sqrt();
            fill(&mut |stream| stream.uniform_range(-bound, bound))
        }
        Init::XavierNormal { gain } => {
            let std = gain * (2.0 / (fan_in(shape) + fan_out(shape))).sqrt();
            fill(&mut |stream| std * stream.normal())
        }
        Init::XavierUniform { gain } => {
            let bound = gain * (6.0 / (fan_in(shape) + fan_out(shape))).sqrt();
            fill(&mut |stream| stream.uniform_range(-bound, bound))
        }
        Init::File { .. } | Init::Weight(_) => unreachable!("only what is drawn comes here"),
    };
    Ok(Tensor::from_vec(numbers, shape, &Device::Cpu)?)
}

/// What a net is to be used with, by name.
pub(super) type Notes = Vec<(&'static str, String)>;

/// Writes each net of a stage to `net/<name>.safetensors` below `folder`, with `notes` in its header.
pub(super) fn save(folder: &Path, weights: &[Weight], table: &Table, notes: &Notes) -> Result<(), RunError> {
    let mut nets: BTreeMap<&str, Vec<(String, &Tensor)>> = BTreeMap::new();
    for weight in weights {
        let tensor = table.get(&weight.path()).ok_or_else(|| lost(weight))?;
        nets.entry(&weight.net).or_default().push((weight.name.clone(), tensor));
    }
    for (net, named) in nets {
        tensors::write(&net_file(folder, net), named, notes)?;
    }
    Ok(())
}

fn net_file(folder: &Path, net: &str) -> std::path::PathBuf {
    folder.join("net").join(format!("{net}.safetensors"))
}

fn lost(weight: &Weight) -> RunError {
    RunError::internal(format!("the weight `{}` is lost", weight.path()))
}

/// Weights of an earlier stage as it left them. `folder` is that stage's own; `weights` are all of it.
pub(super) fn borrow(folder: &Path, weights: &[&Weight], dtype: DType) -> Result<Table, RunError> {
    let mut table = Table::new();
    let nets: BTreeSet<&str> = weights.iter().map(|weight| weight.net.as_str()).collect();
    for net in nets {
        let path = net_file(folder, net);
        let mut file = tensors::read(&path)?.tensors;
        for weight in weights.iter().filter(|weight| weight.net == net) {
            let tensor = file.remove(&weight.name);
            let tensor = tensor.ok_or_else(|| FileError::broken(&path, format!("`{}` is not in it", weight.name)))?;
            table.insert(weight.path(), tensor.to_dtype(dtype)?);
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lower::WeightsFile;
    use crate::manifest::{Manifest, Names};
    use crate::source::Span;
    use crate::types::Dim;

    fn weight(net: &str, name: &str, dims: &[&str], init: Init) -> Weight {
        let dims = dims.iter().map(|dim| dim.parse::<Dim>().unwrap()).collect();
        let (stage, net, name) = ("classifier".to_owned(), net.to_owned(), name.to_owned());
        Weight { stage, net, name, dims, init, state: false, span: Span::default() }
    }

    fn env() -> DimEnv {
        DimEnv::from([("K".to_owned(), 3)])
    }

    fn numbers(weights: &[Weight], path: &str, seed: u64) -> Vec<f32> {
        let table = initial(weights, &Table::new(), &env(), seed, DType::F32).unwrap();
        table[path].flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn a_draw_depends_on_the_seed_and_the_path_alone() {
        let a = weight("oc", "head.weight", &["K", "40"], Init::Normal { std: 1.0 });
        let b = weight("oc", "conv.weight", &["8", "8"], Init::Normal { std: 1.0 });
        let path = "classifier.oc.head.weight";
        let alone = numbers(std::slice::from_ref(&a), path, 7);
        assert_eq!(alone.len(), 120);
        assert_eq!(alone, numbers(&[b.clone(), a.clone()], path, 7));
        assert_ne!(alone, numbers(std::slice::from_ref(&a), path, 8));
        assert_ne!(alone[..64], numbers(&[a, b], "classifier.oc.conv.weight", 7));
    }

    #[test]
    fn draws_have_the_spread_their_names_promise() {
        // 6 · 64 · 3 · 3 = 3456 numbers: the standard error of a standard deviation is 1.2 %, five of them are allowed.
        let spread = |init: Init| {
            let all = numbers(&[weight("oc", "w", &["6", "64", "3", "3"], init)], "classifier.oc.w", 3);
            let mean = all.iter().map(|&x| f64::from(x)).sum::<f64>() / all.len() as f64;
            (all.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / all.len() as f64).sqrt()
        };
        let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 0.06, "{found} {expected}");
        close(spread(Init::HeNormal { fan_out: false }), (2.0f64 / 576.0).sqrt());
        close(spread(Init::HeNormal { fan_out: true }), (2.0f64 / 54.0).sqrt());
        close(spread(Init::Normal { std: 0.01 }), 0.01);
        close(spread(Init::HeUniform { fan_out: false }), (2.0f64 / 576.0).sqrt());
        close(spread(Init::XavierNormal { gain: 2.0 }), 2.0 * (2.0f64 / 630.0).sqrt());
        // Without what lies beyond two deviations a normal distribution has 0.8796 of its deviation.
        close(spread(Init::TruncatedNormal { std: 0.01, cut: 2.0 }), 0.008796);
        // A uniform draw within ± b has the standard deviation b / √3.
        close(spread(Init::XavierUniform { gain: 2.0 }), 2.0 * (6.0f64 / 630.0).sqrt() / 3f64.sqrt());
        close(spread(Init::Uniform { low: -0.5, high: 0.5 }), 0.5 / 3f64.sqrt());
        assert_eq!(spread(Init::Constant(0.25)), 0.0);
    }

    fn file(path: &Path, except: &[&str]) -> WeightsFile {
        let except = except.iter().map(|name| name.to_string()).collect();
        let (path, names) = (path.to_str().unwrap().to_owned(), Names::default());
        WeightsFile { path, except, carries: None, source: None, names, strict: true }
    }

    fn begun(file: WeightsFile, net: &str, name: &str, dims: &[&str]) -> Weight {
        let otherwise = (!file.strict).then(|| Box::new(Init::Constant(7.0)));
        let init = Init::File { file: Arc::new(file), name: name.to_owned(), whole: true, otherwise };
        weight(net, &format!("trunk.{name}"), dims, init)
    }

    fn from_file(path: &Path, net: &str, name: &str, dims: &[&str]) -> Weight {
        begun(file(path, &["fc"]), net, name, dims)
    }

    #[test]
    fn a_file_is_read_under_its_own_names_and_must_fit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let tensor = |shape: &[usize]| Tensor::ones(shape, DType::F32, &Device::Cpu).unwrap();
        let (conv, bias, count) = (tensor(&[4, 3, 3, 3]), tensor(&[4]), tensor(&[1]));
        let all = [
            ("conv.weight".to_owned(), &conv),
            ("conv.bias".to_owned(), &bias),
            ("fc.weight".to_owned(), &bias),
            ("bn.num_batches_tracked".to_owned(), &count),
        ];
        tensors::write(&path, all, &[]).unwrap();
        let fits =
            [from_file(&path, "oc", "conv.weight", &["4", "3", "3", "3"]), from_file(&path, "oc", "conv.bias", &["4"])];
        let table = initial(&fits, &Table::new(), &env(), 0, DType::F32).unwrap();
        assert_eq!(table["classifier.oc.trunk.conv.weight"].dims(), [4, 3, 3, 3]);

        let wrong =
            [from_file(&path, "oc", "conv.weight", &["K", "3", "3", "3"]), from_file(&path, "oc", "bn.bias", &["4"])];
        let RunError::Input(problems) = initial(&wrong, &Table::new(), &env(), 0, DType::F32).unwrap_err() else {
            panic!("a wrong file is wrong input");
        };
        assert_eq!(problems[0].code, Code::WeightsMismatch);
        let told = "do not fit the net: 1 missing, 1 of another shape or name, 1 unexpected; 0 are loaded";
        assert!(problems[0].message.ends_with(told), "{}", problems[0].message);
        let help = problems[0].help.clone().unwrap();
        let misfits = "`bn.bias` is not in the file, which has `conv.bias`\n\
             `conv.weight` has the shape [4, 3, 3, 3] in the file, [3, 3, 3, 3] in the net\n\
             the net has no `conv.bias`\n";
        assert!(help.starts_with(misfits), "{help}");
    }

    #[test]
    fn names_become_those_of_the_net_and_may_be_forgiven() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let one = Tensor::new(&[1f64, 2.0], &Device::Cpu).unwrap();
        tensors::write(&path, [("fc_w".to_owned(), &one), ("extra".to_owned(), &one)], &[]).unwrap();
        let names = Manifest::parse("names = [[\"{layer}_w\", \"{layer}.weight\"]]").unwrap().names;
        let lenient = WeightsFile { names: names.clone(), strict: false, ..file(&path, &[]) };
        let both = |file: &WeightsFile| {
            [begun(file.clone(), "oc", "fc.weight", &["2"]), begun(file.clone(), "oc", "fc.bias", &["2"])]
        };
        let weights = both(&lenient);
        let table = initial(&weights, &Table::new(), &env(), 0, DType::F32).unwrap();
        let numbers = |name: &str| table[&format!("classifier.oc.trunk.{name}")].to_vec1::<f32>().unwrap();
        assert_eq!((numbers("fc.weight"), numbers("fc.bias")), (vec![1.0, 2.0], vec![7.0, 7.0]));
        let notes: Vec<String> = check(&weights, &env()).unwrap();
        let told = [
            "1 loaded, 1 missing, 1 unexpected: `fc.bias` begins by itself, the net has no `extra`",
            "arrays become f32: 1 of f64",
        ];
        assert!(notes.len() == 2 && notes.iter().zip(told).all(|(note, told)| note.ends_with(told)), "{notes:?}");

        let strict = both(&WeightsFile { strict: true, ..lenient.clone() });
        assert!(initial(&strict, &Table::new(), &env(), 0, DType::F32).is_err());
        // A shape that differs is never forgiven, and neither is a file of which nothing fits.
        let wrong = [begun(lenient.clone(), "oc", "fc.weight", &["K"])];
        assert!(initial(&wrong, &Table::new(), &env(), 0, DType::F32).is_err());
        let nothing = [begun(lenient, "oc", "other", &["2"])];
        assert!(initial(&nothing, &Table::new(), &env(), 0, DType::F32).is_err());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let weights = [from_file(Path::new("no/such.safetensors"), "oc", "conv.weight", &["4"])];
        let error = initial(&weights, &Table::new(), &env(), 0, DType::F32).unwrap_err();
        assert_eq!(error.exit_code(), 1);
        assert_eq!(error.diagnostics()[0].code, Code::WeightsNotFound);
        let message = &error.diagnostics()[0].message;
        assert_eq!(message, "the weights in no/such.safetensors cannot be read: there is no such file");
    }

    #[test]
    fn a_tail_that_is_cut_is_not_there() {
        let all = numbers(
            &[weight("oc", "w", &["6", "64", "3", "3"], Init::TruncatedNormal { std: 1.0, cut: 1.5 })],
            "classifier.oc.w",
            3,
        );
        assert!(all.iter().all(|number| number.abs() <= 1.5) && all.iter().any(|number| number.abs() > 1.4));
    }

    #[test]
    fn a_weight_begins_as_another() {
        let source = weight("oc", "w", &["4"], Init::Normal { std: 1.0 });
        let copy = weight("cg", "w", &["4"], Init::Weight("classifier.oc.w".into()));
        let copy_of_copy = weight("cg", "v", &["4"], Init::Weight("classifier.cg.w".into()));
        let of_earlier = weight("cg", "u", &["2"], Init::Weight("earlier.net.u".into()));
        let earlier = Table::from([("earlier.net.u".to_owned(), Tensor::new(&[1f32, 2.0], &Device::Cpu).unwrap())]);
        let all = [source, copy, copy_of_copy, of_earlier];
        let table = initial(&all, &earlier, &env(), 7, DType::F32).unwrap();
        let numbers = |path: &str| table[path].to_vec1::<f32>().unwrap();
        assert_eq!(numbers("classifier.oc.w"), numbers("classifier.cg.w"));
        assert_eq!(numbers("classifier.oc.w"), numbers("classifier.cg.v"));
        assert_eq!(numbers("classifier.cg.u"), [1.0, 2.0]);
        assert!(initial(&all[3..], &Table::new(), &env(), 7, DType::F32).is_err());
    }

    #[test]
    fn one_array_of_a_file_leaves_the_others_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let array = Tensor::new(&[1f32, 2.0, 3.0], &Device::Cpu).unwrap();
        tensors::write(&path, [("mean".to_owned(), &array), ("other".to_owned(), &array)], &[]).unwrap();
        let file = Arc::new(file(&path, &[]));
        let init = Init::File { file, name: "mean".into(), whole: false, otherwise: None };
        let both = [weight("oc", "a", &["3"], init.clone()), weight("oc", "b", &["K"], init)];
        let table = initial(&both, &Table::new(), &env(), 0, DType::F32).unwrap();
        assert_eq!(table["classifier.oc.b"].to_vec1::<f32>().unwrap(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn what_is_saved_is_borrowed() {
        let folder = tempfile::tempdir().unwrap();
        let weights = [
            weight("oc", "head.weight", &["K", "4"], Init::Normal { std: 1.0 }),
            weight("seg", "head.weight", &["K", "4"], Init::Normal { std: 1.0 }),
        ];
        let table = initial(&weights, &Table::new(), &env(), 5, DType::F32).unwrap();
        save(folder.path(), &weights, &table, &vec![("classes", "[]".into())]).unwrap();
        assert!(folder.path().join("net/seg.safetensors").exists());
        let borrowed = borrow(folder.path(), &[&weights[1]], DType::F32).unwrap();
        let numbers = |table: &Table| table["classifier.seg.head.weight"].to_vec2::<f32>().unwrap();
        assert_eq!(numbers(&borrowed), numbers(&table));
        assert_eq!(borrowed.len(), 1);
    }
}
