//! Where a map lies, told by its pixels: a picture whose numbers grow to the right and, more slowly, downwards is sent through
//! random ops; what the checker says of the result is held against the order of the numbers in it.

use std::collections::HashMap;

use candle_core::DType;
use proptest::prelude::*;
use wsss::graph::{Graph, Id, Kind, Literal, Origin};
use wsss::ops::{Attrs, find};
use wsss::types::{Domain, Fact, Frame, View};

use crate::ops::{numbers, run, saved};

const SIDE: usize = 4;

/// `[1, 2, 4, 4]`; the channels differ by a constant.
fn picture() -> Vec<f64> {
    let place = |i: usize| (i % SIDE) as f64 + 10.0 * (i / SIDE % SIDE) as f64 + 100.0 * (i / (SIDE * SIDE)) as f64;
    (0..2 * SIDE * SIDE).map(place).collect()
}

macro_rules! steps {
    ($($step:ident,)*) => {
        #[derive(Clone, Copy, Debug)]
        enum Step { $($step,)* }

        const STEPS: &[Step] = &[$(Step::$step,)*];
    };
}

steps! {
    Mirror,
    TurnOver,
    FlipChannels,
    Double,
    Shift,
    Larger,
    OneChannel,
    MeanOfChannels,
    CutRows,
    Exchange,
    AddItself,
    TwoInABatch,
}

fn apply(graph: &mut Graph, x: Id, step: Step) -> Id {
    let rank = graph.node(x).fact.rank() as i64;
    let dims = graph.node(x).fact.dims.clone();
    let mut op = |name: &str, inputs: &[Id], attrs: Attrs| {
        let inputs: Vec<Option<Id>> = inputs.iter().copied().map(Some).collect();
        graph.apply(find(name).expect("a known op"), &inputs, attrs, Origin::default()).expect("a right use")
    };
    let axes = |axes: Vec<i64>| Attrs::new().with("axes", wsss::ops::Attr::Ints(axes));
    match step {
        Step::Mirror => op("flip", &[x], axes(vec![-1])),
        Step::TurnOver => op("flip", &[x], axes(vec![rank - 2])),
        Step::FlipChannels => op("flip", &[x], axes(vec![1])),
        Step::Double => op("affine", &[x], Attrs::new().float("scale", 2.0)),
        Step::Shift => op("add", &[x, x], Attrs::new()),
        Step::Larger => {
            op("resize", &[x], Attrs::new().dims_of("size", [6.into(), 6.into()]).flag("align_corners", true))
        }
        Step::OneChannel => op("slice", &[x], Attrs::new().int("axis", 1).dims_of("length", [1.into()])),
        Step::MeanOfChannels => op("mean", &[x], axes(vec![1]).flag("keep", true)),
        Step::CutRows => {
            let length = &dims[2] - &1.into();
            op("slice", &[x], Attrs::new().int("axis", 2).dims_of("length", [length]))
        }
        Step::Exchange => op("transpose", &[x], Attrs::new()),
        Step::AddItself => {
            let mirrored = op("flip", &[x], axes(vec![-1]));
            op("maximum", &[x, mirrored], Attrs::new())
        }
        Step::TwoInABatch => {
            let mirrored = op("flip", &[x], axes(vec![-1]));
            op("concat", &[x, mirrored], Attrs::new().int("axis", 0))
        }
    }
}

/// What the numbers of one plane say: whether they grow along rows and along columns.
fn seen(plane: &[f64], width: usize) -> Option<View> {
    let grows = |pairs: Vec<(f64, f64)>| match pairs {
        pairs if pairs.iter().all(|(a, b)| a < b) => Some(true),
        pairs if pairs.iter().all(|(a, b)| a > b) => Some(false),
        _ => None,
    };
    let right = grows(plane.chunks(width).flat_map(|row| row.windows(2).map(|pair| (pair[0], pair[1]))).collect())?;
    let down = grows((width..plane.len()).map(|i| (plane[i - width], plane[i])).collect())?;
    // Columns are 1 apart, rows 10: of a transposed picture the other way round.
    let straight = plane.len() <= width || (plane[width] - plane[0]).abs() > (plane[1] - plane[0]).abs();
    straight.then_some(View { upside_down: !down, mirrored: !right, part: false })
}

proptest! {
    #[test]
    fn a_known_view_is_the_one_the_pixels_show(steps in prop::collection::vec(prop::sample::select(STEPS), 0..7)) {
        let mut graph = Graph::new();
        let fact = Fact::new(Domain::Real, vec![1.into(), 2.into(), SIDE.into(), SIDE.into()]).in_frame(Frame::WHOLE);
        let start = graph.leaf(Kind::Weight { path: "w".into(), trained: false }, fact, Origin::default());
        let mut x = start;
        for step in &steps {
            // A picture of one row has no order from top to bottom.
            if matches!(step, Step::CutRows) && graph.node(x).fact.dims[2].as_const() < Some(3) {
                continue;
            }
            x = apply(&mut graph, x, *step);
        }
        let fact = graph.node(x).fact.clone();
        graph.outputs = vec![saved(x, 0)];
        let literal = Literal { shape: vec![1, 2, SIDE, SIDE], data: picture() };
        let value = candle_core::Tensor::from_vec(literal.data, literal.shape, &candle_core::Device::Cpu).expect("a picture");
        let result = run(graph, DType::F64, &HashMap::from([("w".to_string(), value)])).remove(0);
        let width = *result.dims().last().expect("a map");
        let area = result.dims()[2] * width;
        if let Frame::Picture(view) = fact.frame {
            for plane in numbers(&result).chunks(area) {
                let shown = seen(plane, width);
                prop_assert_eq!(shown, Some(View { part: false, ..view }), "{:?}", steps);
            }
            prop_assert_eq!(view.part, steps.iter().any(|step| matches!(step, Step::CutRows)), "{:?}", steps);
        }
        // Without the steps that are not followed, the place must be known.
        let followed = |step: &Step| !matches!(step, Step::Exchange | Step::AddItself | Step::TwoInABatch);
        prop_assert!(!steps.iter().all(followed) || matches!(fact.frame, Frame::Picture(_)), "{:?} lose the place", steps);
    }
}
