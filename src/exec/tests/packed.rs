//! A training step in bfloat16, its kernels emulated, beside the same step in `f32`.

use candle_core::{DType, Device, Tensor};

use super::super::check;
use super::super::interpreter::{Interpreter, Options};
use super::super::values::Values;
use super::super::watch::{Observer, Seen};
use crate::compile::compile;
use crate::compile::testing::{lowered, tell};
use crate::diag::Problems;
use crate::graph::{Id, Kind, Role};
use crate::kernels::cuda;
use crate::kernels::packed as packed_maps;
use crate::plan::Kept;

/// Every kind of layer that keeps maps packed, and some that do not; the shortcut makes gradients meet.
const RECIPE: &str = r#"
supervision image
use data   { scenes }
use losses { multilabel_soft_margin }

let dataset = scenes(images = 20, size = 32, classes = 2)

net bottle(inputs: int, planes: int) {
  layer conv1 = conv(inputs, planes, kernel = 3, padding = 1, stride = 2, bias = false)
  layer bn1   = batch_norm(planes)
  layer conv2 = conv(planes, planes, kernel = 3, padding = 2, dilation = 2, bias = false)
  layer bn2   = batch_norm(planes, mode = "frozen")
  layer down  = conv(inputs, planes, stride = 2, bias = false)
  fn forward(x) = relu(bn2(conv2(relu(bn1(conv1(x))))) + down(x))
}

net trunk(classes: int) {
  layer stem   = conv(3, 8, kernel = 3, padding = 1)
  layer block  = bottle(8, 12)
  layer head   = conv(20, classes, bias = false)
  fn forward(image) = {
    let low  = max_pool(relu(stem(image)), kernel = 3, stride = 2, padding = 1)
    let high = resize_like(block(low), low)
    head(concat([high, low], axis = 1))
  }
}

train classifier {
  data      = dataset.train |> standardize() |> random_crop(24)
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = 0.1)
  net cls = trunk(dataset.classes)
  step { image, tags } {
    let map = cls(image)
    loss tags = multilabel_soft_margin(gap(map), tags)
    loss flat = mean(square(sigmoid(map) - 0.3)) * 0.5
  }
}
"#;

/// What a run really held.
#[derive(Debug)]
struct Most(u64);

impl Observer for Most {
    fn step(&mut self, seen: Seen) {
        self.0 = self.0.max(seen.live);
    }
}

#[test]
fn a_step_in_bfloat16() {
    if !cuda::can_emulate("a step in bfloat16") {
        return;
    }
    let mut problems = Problems::default();
    let recipe = lowered(RECIPE, &[]);
    let compiled = compile(&recipe, &mut problems).unwrap_or_else(|| panic!("{}", tell(problems)));
    let graph = &compiled.stages[0].graph;
    let mut context = check::context([("B".to_string(), 4), ("K".to_string(), 2)].into());
    context.dtype = DType::F32;
    let mut values = Values::plausible(graph, &context, 1).unwrap();
    // No variance is below 0.
    values.states.values_mut().for_each(|state| *state = state.abs().unwrap());
    let mut kept = Vec::new();
    let run = |kept: &mut Vec<Id>, most: &mut Most| {
        let interpreter = Interpreter::new(graph.clone(), DType::F32, &Device::Cpu).unwrap();
        let look = &mut |id: Id, result: &Tensor| {
            if packed_maps::is(result) {
                kept.push(id);
            }
            Ok(())
        };
        let results = interpreter.looked_at(&values, &context, look).unwrap();
        let options = Options { shapes: true, observer: Some(most), ..Options::default() };
        interpreter.run(&values, &context, options).unwrap();
        results
    };
    let [mut plain_most, mut packed_most] = [Most(0), Most(0)];
    let expected = run(&mut kept, &mut plain_most);
    assert!(kept.is_empty());
    let found = cuda::emulated(|| run(&mut kept, &mut packed_most));
    let plan = crate::plan::plan(graph);
    let held = |packed| plan.memory(graph, &context.dims, Kept { packed, ..Kept::F32 }).unwrap();
    let [plain, packed] = [false, true].map(|packed| held(packed).peak - held(packed).weights);
    assert!(plain_most.0 <= plain && packed_most.0 <= packed, "{plain_most:?} {plain} {packed_most:?} {packed}");
    assert!(5 * packed_most.0 < 3 * plain_most.0, "{packed_most:?} {plain_most:?}");

    // Between the first convolution and the loss nothing is unpacked but what the loss needs; gradients of weights are not maps.
    let plain = graph.ids().filter(|id| !kept.contains(id)).filter(|id| graph.node(*id).fact.rank() == 4);
    let plain: Vec<String> = plain
        .filter_map(|id| match graph.node(id).kind {
            Kind::Op(op) => Some(format!("{} {}", op.name, graph.node(id).fact)),
            _ => None,
        })
        .collect();
    expect_test::expect![[r#"
        square nonneg[B, K, 12, 12]
        claim unit[B, K, 12, 12]
        mean.grad real[B, K, 12, 12]
        mean.grad real[B, K, 12, 12]
        square.grad real[B, K, 12, 12]
        conv2d.grad_weight real[K, 20, 1, 1]
        conv2d.grad_weight real[12, 8, 1, 1]
        conv2d.grad_weight real[12, 12, 3, 3]
        conv2d.grad_weight real[12, 8, 3, 3]
        conv2d.grad_weight real[8, 3, 3, 3]"#]]
    .assert_eq(&plain.join("\n"));

    for ((output, found), expected) in graph.outputs.iter().zip(&found).zip(&expected) {
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.dtype(), expected.dtype(), "{}", output.name);
            let [found, expected] = [found, expected].map(|x| x.flatten_all().unwrap().to_vec1::<f32>().unwrap());
            let length = |numbers: &[f32]| numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
            let apart: Vec<f32> = found.iter().zip(&expected).map(|(a, b)| a - b).collect();
            let most = if output.role == Role::Gradient { 4e-2 } else { 2e-2 };
            let (apart, whole) = (length(&apart), length(&expected));
            assert!(apart <= most * whole + 1e-6, "{}: {apart} of {whole}", output.name);
        }
    }
}
