//! The arrays of a file as a function is to see them: real numbers of one precision, or class indices.

use candle_core::{DType, Device, Tensor};
use indexmap::{IndexMap, IndexSet};

use crate::diag::{Code, Diagnostic};
use crate::syntax::ast;
use crate::types::{Dim, Domain, Fact};

/// An array as the function is to see it; how many classes its indices are of is found later.
pub(super) struct Input {
    pub tensor: Tensor,
    pub fact: Fact,
}

/// How many classes the indices may be of, likeliest first: an index map beside scores is of as many classes as the scores have
/// channels; alone, of as many as it needs.
pub(super) fn class_counts(inputs: &IndexMap<String, Input>) -> Vec<i64> {
    let indices = || inputs.values().filter(|input| input.fact.domain.is_index());
    let needed = indices().map(|input| largest_class(&input.tensor) + 1).max().unwrap_or(0);
    let scores = inputs.values().filter(|input| !input.fact.domain.is_index());
    let channels = scores.filter_map(|input| input.tensor.dims().get(1).map(|length| *length as i64));
    let counts: IndexSet<i64> = channels.chain([needed]).filter(|count| *count >= needed).collect();
    counts.into_iter().collect()
}

/// The facts of the inputs, indices being of that many classes.
pub(super) fn facts(inputs: &IndexMap<String, Input>, classes: i64) -> Vec<(String, Fact)> {
    let fact = |input: &Input| match &input.fact.domain {
        Domain::Index { ignore, .. } => {
            input.fact.with_domain(Domain::Index { classes: Dim::constant(classes), ignore: *ignore })
        }
        _ => input.fact.clone(),
    };
    inputs.iter().map(|(name, input)| (name.clone(), fact(input))).collect()
}

/// Real numbers or indices: as the parameter's type says, else as the file has them. All real numbers have one precision: double
/// where every real array of the file is, single otherwise.
pub(super) fn convert(
    arrays: IndexMap<String, Tensor>,
    parameters: &[&ast::Parameter],
) -> Result<IndexMap<String, Input>, Diagnostic> {
    let real = |tensor: &Tensor| tensor.dtype().is_float();
    let floats = || arrays.values().filter(|tensor| real(tensor));
    let double = floats().count() > 0 && floats().all(|tensor| tensor.dtype() == DType::F64);
    let dtype = if double { DType::F64 } else { DType::F32 };
    let mut inputs = IndexMap::new();
    for (name, tensor) in &arrays {
        let parameter = parameters.iter().find(|parameter| parameter.name.text == *name);
        let written = parameter.and_then(|parameter| parameter.ty.as_ref());
        let written = written.and_then(|ty| Domain::from_word(&ty.domain.text, &Dim::symbol("K")));
        let index = written.as_ref().map_or(!real(tensor), Domain::is_index);
        let converted = if index { indices(tensor) } else { tensor.to_dtype(dtype).map_err(|error| error.to_string()) };
        let tensor = converted
            .map_err(|what| Diagnostic::error(Code::WrongKind, format!("the array `{name}` cannot be used: {what}")))?;
        let dims = tensor.dims().iter().map(|length| Dim::constant(*length as i64)).collect();
        let domain = match index {
            true => Domain::Index { classes: Dim::constant(0), ignore: holds_ignore(&tensor) },
            false => Domain::Real,
        };
        inputs.insert(name.clone(), Input { tensor, fact: Fact::new(domain, dims) });
    }
    Ok(inputs)
}

/// Whole numbers from 0 as u32.
fn indices(tensor: &Tensor) -> Result<Tensor, String> {
    let numbers = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all()?.to_vec1::<f64>());
    let numbers = numbers.map_err(|error| error.to_string())?;
    if let Some(odd) =
        numbers.iter().find(|number| number.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(*number))
    {
        return Err(format!("it holds {odd}, expected class numbers"));
    }
    let numbers: Vec<u32> = numbers.into_iter().map(|number| number as u32).collect();
    Tensor::from_vec(numbers, tensor.dims(), &Device::Cpu).map_err(|error| error.to_string())
}

/// The highest class number, 255 aside.
fn largest_class(tensor: &Tensor) -> i64 {
    let numbers = tensor.flatten_all().and_then(|flat| flat.to_vec1::<u32>()).unwrap_or_default();
    numbers.into_iter().filter(|number| *number != 255).max().map_or(0, i64::from)
}

fn holds_ignore(tensor: &Tensor) -> bool {
    let numbers = tensor.flatten_all().and_then(|flat| flat.to_vec1::<u32>()).unwrap_or_default();
    numbers.contains(&255)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(tensor: candle_core::Result<Tensor>) -> IndexMap<String, Tensor> {
        [("x".to_string(), tensor.expect("a tensor"))].into()
    }

    #[test]
    fn whole_numbers_are_indices_unless_the_type_says_otherwise() {
        let inputs = convert(array(Tensor::new(&[0i64, 255, 3], &Device::Cpu)), &[]).expect("indices");
        assert_eq!(class_counts(&inputs), [4]);
        assert_eq!(facts(&inputs, 4)[0].1.to_string(), "index_or_ignore(4)[3]");
        let inputs = convert(array(Tensor::new(&[0.5f64, 1.0], &Device::Cpu)), &[]).expect("numbers");
        assert_eq!((inputs["x"].fact.to_string().as_str(), inputs["x"].tensor.dtype()), ("real[2]", DType::F64));
    }

    #[test]
    fn beside_scores_there_are_as_many_classes_as_channels() {
        let zeros = |shape: &[usize], dtype| Tensor::zeros(shape, dtype, &Device::Cpu).expect("a tensor");
        let arrays = [
            ("logits".to_string(), zeros(&[1, 5, 2, 2], DType::F32)),
            ("labels".to_string(), zeros(&[1, 2, 2], DType::I64)),
        ];
        assert_eq!(class_counts(&convert(arrays.into(), &[]).expect("inputs")), [5, 1]);
    }

    #[test]
    fn what_is_no_class_number_is_refused() {
        assert!(indices(&Tensor::new(&[0.5f32], &Device::Cpu).expect("a tensor")).is_err());
        assert!(indices(&Tensor::new(&[-1i64], &Device::Cpu).expect("a tensor")).is_err());
    }
}
