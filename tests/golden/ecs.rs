//! ECS-Net: `pipelines/ecsnet.wsss` against arrays made from the paper's equations, and what must hold of it.

use std::collections::{BTreeSet, HashMap};

use candle_core::{DType, Device, Tensor};
use wsss::diag::Problems;
use wsss::exec::check::context;
use wsss::exec::interpreter::{Interpreter, Options};
use wsss::exec::values::Values;
use wsss::graph::{Kind, verify};
use wsss::hir;
use wsss::lower::{Choices, Recipe, lower};
use wsss::source::Sources;
use wsss::types::Dim;

use super::super::networks::accepted;
use super::super::recipes::Pipelines;
use super::{arrays, close, run};

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all());
    flat.and_then(|flat| flat.to_vec1()).expect("numbers")
}

fn number(tensor: &Tensor) -> f64 {
    numbers(tensor)[0]
}

/// A pass in both directions: labels from the erased picture's heatmap, and what they teach.
fn labels_text(delta: f64, theta: f64, background: u8) -> String {
    format!(
        "use \"ecsnet.wsss\" as ecs
use erase  {{ hard_mask, gaussian_blur, erase_by_blur }}
use losses {{ cross_entropy }}
fn f(heatmap: real[B, C, H, W], heatmap_erased: real[B, C, H, W], refined: real[B, C, H, W], image: real[B, 3, H, W], tags: tags[B, K]) = {{
  let weights    = ecs.class_weights(tags, {background})
  let cam        = ecs.activation(heatmap, weights)
  let erase      = hard_mask(ecs.score(cam), above = {delta})
  let cam_erased = ecs.activation(heatmap_erased, weights)
  let labels     = ecs.reliable_labels(cam_erased, erase, {theta})
  {{
    weights,
    blurred = gaussian_blur(image, 7, 2),
    cam,
    score = ecs.score(cam),
    erase,
    erased_image = erase_by_blur(image, erase, 7, 2),
    cam_erased,
    rough = argmax(cam_erased, axis = 1),
    score_erased = ecs.score(cam_erased),
    reliable = sum(one_hot(labels), axes = [1]),
    seg_labels = labels,
    ce_sum = cross_entropy(claim(refined, \"logit\"), labels, \"sum\"),
    loss = ecs.label_loss(refined, labels),
  }}
}}"
    )
}

/// The inputs of `labels_text`, each a batch of one.
fn label_inputs(arrays: &HashMap<String, Tensor>) -> Vec<(&'static str, Tensor)> {
    let one = |name: &str| arrays[name].unsqueeze(0).expect("a batch of one");
    let tags = arrays["in_labels"].narrow(0, 1, 4).and_then(|tags| tags.unsqueeze(0)).expect("tags");
    vec![
        ("heatmap", one("in_heatmap")),
        ("heatmap_erased", one("in_heatmap_erased")),
        ("refined", one("in_refined")),
        ("image", one("in_image")),
        ("tags", tags),
    ]
}

/// Eq. 1 to 3, the suppression of noise and eq. 6, with and without the background among the classes that are there.
#[test]
fn labels_agree_with_the_paper() {
    let arrays = arrays("ecs.npz");
    let (delta, theta) = (number(&arrays["in_delta"]), number(&arrays["in_theta"]));
    assert_eq!([number(&arrays["in_blur_kernel"]), number(&arrays["in_blur_sigma"])], [7.0, 2.0]);
    for (background, suffix) in [(0, "nobg"), (1, "bg")] {
        let found = run(&labels_text(delta, theta, background), &label_inputs(&arrays), &[]);
        close("weights", &found["weights"], &arrays[&format!("in_weights_{suffix}")], 0.0);
        close("blurred", &found["blurred"], &arrays["out_blurred"], 1e-13);
        for name in ["cam", "score", "erased_image", "cam_erased", "score_erased", "ce_sum"] {
            close(name, &found[name], &arrays[&format!("out_{name}_{suffix}")], 1e-13);
        }
        for name in ["erase", "rough", "reliable", "seg_labels"] {
            close(name, &found[name], &arrays[&format!("out_{name}_{suffix}")], 0.0);
        }
        close("ce_mean", &found["loss"], &arrays[&format!("out_ce_mean_{suffix}")], 1e-13);
        let gradient = &arrays[&format!("out_ce_mean_grad_refined_{suffix}")];
        close("gradient", &found["grad.refined"], gradient, 1e-12);

        // Nothing flows back through the heatmaps; erased pixels and absent classes are in no label.
        for name in ["grad.heatmap", "grad.heatmap_erased", "grad.image"] {
            assert!(found.get(name).is_none_or(|gradient| numbers(gradient).iter().all(|&g| g == 0.0)), "{name}");
        }
        let labels = numbers(&found["seg_labels"]);
        assert!(labels.iter().zip(numbers(&found["erase"])).all(|(&label, erased)| erased == 0.0 || label == 255.0));
        assert!(labels.iter().all(|label| [1.0, 3.0, 255.0].contains(label)));
    }
}

/// Eq. 4, 5 and 7. `gap` of a map of one place is that place.
#[test]
fn classification_agrees_with_the_paper() {
    let arrays = arrays("ecs.npz");
    let names = ["o_cam", "o_pro", "o_cam_erased", "o_pro_erased"];
    let place = |name: &str| arrays[&format!("in_{name}")].reshape((1, 5, 1, 1)).expect("a place");
    let mut inputs: Vec<(&str, Tensor)> = names.iter().map(|&name| (name, place(name))).collect();
    inputs.push(label_inputs(&arrays).pop().expect("tags"));
    let losses: String =
        names.iter().map(|name| format!("  l_cls_{name} = ecs.classification_loss([[{name}]], tags),\n")).collect();
    let parameters: String = names.iter().map(|name| format!("{name}: real[B, C, H, W], ")).collect();
    let text = format!(
        "use \"ecsnet.wsss\" as ecs
fn f({parameters}tags: tags[B, K]) = {{
{losses}  loss = ecs.classification_loss([[o_cam, o_pro], [o_cam_erased, o_pro_erased]], tags),
}}"
    );
    let found = run(&text, &inputs, &[]);
    for name in names {
        let name = format!("l_cls_{name}");
        close(&name, &found[&name], &arrays[&format!("out_{name}")], 1e-13);
    }
    close("loss_cls", &found["loss"], &arrays["out_loss_cls"], 1e-13);
    close("gradient", &found["grad.o_cam"], &arrays["out_loss_cls_grad_o_cam"], 1e-12);
    for suffix in ["nobg", "bg"] {
        for reduction in ["sum", "mean"] {
            let ce = &arrays[&format!("out_ce_{reduction}_{suffix}")];
            let loss = (&found["loss"] + ce).expect("a sum");
            close("loss", &loss, &arrays[&format!("out_loss_{reduction}_{suffix}")], 1e-13);
        }
    }
}

/// Labels that nothing reaches teach nothing; nothing above the largest score is blurred.
#[test]
fn no_labels_and_nothing_erased() {
    let inputs = label_inputs(&arrays("ecs.npz"));
    let found = run(&labels_text(1.0, 1.0, 0), &inputs, &[]);
    assert!(numbers(&found["seg_labels"]).iter().all(|&label| label == 255.0));
    assert_eq!(number(&found["loss"]), 0.0);
    assert!(numbers(&found["grad.refined"]).iter().all(|&gradient| gradient == 0.0));
    assert!(numbers(&found["erase"]).iter().all(|&erased| erased == 0.0));
    let image = &inputs.iter().find(|(name, _)| *name == "image").expect("a picture").1;
    close("picture", &found["erased_image"], image, 0.0);
}

/// A map that is the same everywhere says nothing of where its class is.
#[test]
fn a_flat_map_becomes_zero() {
    let map = Tensor::full(3f64, (1, 2, 2, 2), &Device::Cpu).expect("a map");
    let tags = Tensor::ones((1, 2), DType::F64, &Device::Cpu).expect("tags");
    let text = "use \"ecsnet.wsss\" as ecs
fn f(map: real[B, C, H, W], tags: tags[B, C]) = { cam = ecs.activation(map, tags) }";
    assert_eq!(numbers(&run(text, &[("map", map), ("tags", tags)], &[])["cam"]), [0.0; 8]);
}

/// Eq. 8 of given features and of a constant one, in the net of the library.
#[test]
fn the_overlay_agrees_with_the_paper() {
    let arrays = arrays("ecs.npz");
    assert_eq!(numbers(&arrays["in_overlay_rates"]), [5.0, 7.0, 12.0]);
    let text = "use data { scenes }
use nets { dilated_overlay }
let d = scenes(images = 20, size = 32, classes = 2)
net given() {
  weight x: [1, 6, 15, 13] = zeros()
  fn features(image) = expand(x, [size(image, 0), 6, 15, 13])
}
infer t {
  data = d.val |> standardize
  net b = dilated_overlay(6, 5, dilations = [5, 7, 12])
  net g = given()
  each { image } {
    let ones = mean(g.features(image), axes = [2, 3], keep = true) * 0 + 1
    let flat = expand(ones, [size(image, 0), 6, 32, 32])
    save overlay = b(g.features(image))
    save wide    = b(flat)
    save plain   = b(flat, dilations = [])
  }
}";
    let recipe = accepted(text);
    let stage = recipe.stages.last().expect("a stage");
    let one = |name: &str| arrays[name].unsqueeze(0).expect("a batch of one");
    let weights: HashMap<String, Tensor> =
        [("t.b.weight", arrays["in_overlay_kernel"].clone()), ("t.g.x", one("in_overlay_features"))]
            .map(|(name, tensor)| (name.to_owned(), tensor))
            .into();
    let picture = Tensor::zeros((1, 3, 32, 32), DType::F64, &Device::Cpu).expect("a picture");
    let values = Values { fields: HashMap::from([("image".to_owned(), picture)]), weights, ..Values::default() };
    let graph = verify(stage.graph.clone()).expect("sound");
    let interpreter = Interpreter::new(graph, DType::F64, &Device::Cpu).expect("constants fit");
    let lengths = [("B", 1), ("K", 2), ("H", 32), ("W", 32)].map(|(name, length)| (name.to_owned(), length)).into();
    let results = interpreter.run(&values, &context(lengths), Options::default()).expect("it runs");
    let outputs = interpreter.graph().outputs.iter().map(|output| output.name.clone());
    let found: HashMap<String, Tensor> =
        outputs.zip(results).map(|(name, mut tensors)| (name, tensors.remove(0))).collect();
    close("overlay", &found["overlay"], &arrays["out_overlay"], 1e-12);

    // In the middle of a map that is the same everywhere every dilation sees the same.
    let middle = |name: &str| found[name].narrow(2, 16, 1).and_then(|map| map.narrow(3, 16, 1)).expect("a place");
    close("middle", &middle("wide"), &middle("plain"), 1e-12);
}

/// The rates of sec. 4.2 over that of the trunk: 0.01 for 100 steps, then 0.05 by the poly policy from its beginning.
#[test]
fn the_rate_warms_up_and_begins_anew() {
    let at = |step: usize| format!("lr * ecs.schedule({{ step = {step}, steps = 10576, epoch = 0, epochs = 8 }})");
    let text = format!(
        "use \"ecsnet.wsss\" as ecs
fn f(lr: real[B]) = {{ first = {}, last = {}, then = {}, half = {} }}",
        at(0),
        at(99),
        at(100),
        at(5338),
    );
    let lr = Tensor::new(&[0.05f64], &Device::Cpu).expect("a rate");
    let found = run(&text, &[("lr", lr)], &[]);
    let expected = [("first", 0.01), ("last", 0.01), ("then", 0.05), ("half", 0.05 * 0.5f64.powf(0.9))];
    for (name, rate) in expected {
        assert!((number(&found[name]) - rate).abs() < 1e-12, "{name}: {}", number(&found[name]));
    }
}

fn recipe(variants: &[&str]) -> Recipe {
    let text = std::fs::read_to_string(super::super::cli::repository("pipelines/ecsnet.wsss")).expect("the recipe");
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("ecsnet.wsss", &text, &[], &Pipelines, &mut sources, &mut problems);
    let choices = Choices { variants: variants.iter().map(|&name| name.to_owned()).collect(), ..Choices::default() };
    let recipe = lower("ecsnet", &program, &choices, &mut problems);
    assert!(!problems.has_errors(), "{:#?}", problems.sorted());
    recipe
}

/// Both passes are of one network: each weight is there once, and the erased picture's dilations add none.
#[test]
fn both_passes_share_every_weight() {
    let names = |variants: &[&str]| -> Vec<String> {
        let recipe = recipe(variants);
        let stage = recipe.stages.iter().find(|stage| stage.name == "ecs").expect("the stage");
        stage.weights.iter().map(|weight| weight.name.clone()).collect()
    };
    let (full, plain) = (names(&["quick"]), names(&["quick", "model_1_08"]));
    assert_eq!(full.iter().collect::<BTreeSet<_>>().len(), full.len());
    assert_eq!(full, plain);
    let heads: Vec<&str> = full.iter().filter_map(|name| name.strip_prefix("heads.")).collect();
    assert_eq!(heads, ["classifier.weight", "refine.f8_3.weight", "refine.f8_4.weight", "refine.f9.weight"]);
}

/// As the recipe stands (sec. 4.2): the first picture has half the side of the second, and so have its features; what is new learns ten times as fast.
#[test]
fn the_first_picture_is_the_smaller_one() {
    let recipe = recipe(&[]);
    let stage = recipe.stages.iter().find(|stage| stage.name == "ecs").expect("the stage");
    let is_there = |lengths: [usize; 3]| {
        let lengths = lengths.map(Dim::from);
        stage.graph.ids().any(|id| stage.graph.node(id).fact.dims.get(1..).is_some_and(|dims| dims == lengths))
    };
    assert!([[3, 224, 224], [4096, 28, 28], [3, 448, 448], [4096, 56, 56]].into_iter().all(is_there));
    assert_eq!(stage.train.as_ref().expect("it trains").rates, [("ecs.heads".to_owned(), 10.0)]);
}

/// The paper's baseline sees the picture once.
#[test]
fn the_baseline_sees_no_second_picture() {
    let passes = |variant: &str| {
        let recipe = recipe(&["quick", variant]);
        let stage = recipe.stages.iter().find(|stage| stage.name == "ecs").expect("the stage");
        let ops = stage.graph.ids().filter_map(|id| match stage.graph.node(id).kind {
            Kind::Op(op) => Some(op.name),
            _ => None,
        });
        ops.filter(|name| *name == "channel_stats").count() / 4
    };
    assert_eq!(["baseline", "erasing", "model_1_08"].map(passes), [1, 2, 2]);
}
