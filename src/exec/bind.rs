//! From the shapes of the tensors that came to numbers for the symbols of a graph.

use candle_core::Tensor;

use crate::graph::{Graph, Kind};
use crate::types::DimEnv;

/// `known` with every symbol that is itself an axis of a field: `H` of `image[B, 3, H, W]`.
///
/// A symbol keeps the first number it gets, and `known` stands: where another field says otherwise, the interpreter finds the
/// shape of that field wrong and names it.
pub(super) fn bind<'t>(known: &DimEnv, graph: &Graph, field: impl Fn(&str) -> Option<&'t Tensor>) -> DimEnv {
    let mut env = known.clone();
    let mut fields: Vec<_> = graph
        .ids()
        .filter_map(|id| match &graph.node(id).kind {
            Kind::Field(name) => Some((name.as_str(), &graph.node(id).fact)),
            _ => None,
        })
        .collect();
    // The picture first: its height and width are what the others are measured by.
    fields.sort_by_key(|(name, _)| (*name != "image", *name != "mask", *name));
    for (name, fact) in fields {
        let Some(tensor) = field(name) else { continue };
        for (dim, length) in fact.dims.iter().zip(tensor.dims()) {
            if let Some(symbol) = dim.as_symbol() {
                env.entry(symbol.to_owned()).or_insert(*length as i64);
            }
        }
    }
    // A picture of which only the size is used is no longer in the graph.
    if let Some([_, _, height, width]) = field("image").map(Tensor::dims) {
        env.entry("H".to_owned()).or_insert(*height as i64);
        env.entry("W".to_owned()).or_insert(*width as i64);
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::text;
    use candle_core::{DType, Device};

    #[test]
    fn symbols_take_the_lengths_of_their_axes() {
        let graph = text::parse(
            "%0 = field cam : unit[B, K, H, W]
             %1 = field image : image[B, 3, H, W]
             %2 = field coarse : unit[B, K, ceil(H/8), W_cams]
             show cam = %0
             show image = %1
             show coarse = %2",
        );
        let graph = graph.unwrap();
        let tensor = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let (cam, image, coarse) = (tensor(&[1, 6, 8, 8]), tensor(&[1, 3, 9, 7]), tensor(&[1, 6, 2, 5]));
        let known = DimEnv::from([("K".to_owned(), 6)]);
        let env = bind(&known, &graph, |name| match name {
            "cam" => Some(&cam),
            "image" => Some(&image),
            _ => Some(&coarse),
        });
        let expected = [("B", 1), ("H", 9), ("K", 6), ("W", 7), ("W_cams", 5)];
        assert_eq!(env, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }

    #[test]
    fn a_picture_that_is_only_measured_gives_its_size() {
        let graph = text::parse(
            "%0 = field coarse : unit[B, K, ceil(H/8), ceil(W/8)]
             show coarse = %0",
        );
        let (graph, device) = (graph.unwrap(), Device::Cpu);
        let [coarse, image] =
            [[1, 6, 2, 1], [1, 3, 9, 7]].map(|shape| Tensor::zeros(&shape, DType::F32, &device).unwrap());
        let env = bind(&DimEnv::new(), &graph, |name| if name == "image" { Some(&image) } else { Some(&coarse) });
        assert_eq!((env["H"], env["W"]), (9, 7));
    }
}
