//! ISIM: `pipelines/isim.wsss` against arrays made from the paper's equations and its released code, and what must hold of it.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use wsss::diag::Problems;
use wsss::hir;
use wsss::lower::{Choices, Recipe, Stage, lower};
use wsss::source::Sources;
use wsss::types::DimEnv;

use super::super::recipes::Pipelines;
use super::{arrays, close, run};

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.to_dtype(DType::F64).and_then(|tensor| tensor.flatten_all());
    flat.and_then(|flat| flat.to_vec1()).expect("numbers")
}

fn number(tensor: &Tensor) -> f64 {
    numbers(tensor)[0]
}

/// Class numbers `[B, H, W]` as a channel a class, from which a function takes them by `argmax`.
fn channels(labels: &Tensor, classes: usize) -> Tensor {
    let of = |class: usize| labels.to_dtype(DType::F64)?.eq(class as f64)?.to_dtype(DType::F64);
    let all = (0..classes).map(of).collect::<candle_core::Result<Vec<_>>>();
    all.and_then(|all| Tensor::stack(&all, 1)).expect("channels")
}

/// Eqs. 2 and 3 of scores and labels; `empty` says what becomes of labels that are all background.
fn loss(scores: &Tensor, labels: &Tensor, empty: &str) -> HashMap<String, Tensor> {
    let text = format!(
        "use \"isim.wsss\" as isim
fn f(scores: logit[B, C, H, W], channels: real[B, C, H, W]) = {{
  let labels = argmax(channels, axis = 1)
  {{
    objects = isim.holds_objects(labels, size(scores, 1)),
    loss    = isim.modified_cross_entropy(scores, labels, empty = \"{empty}\"),
  }}
}}"
    );
    let channels = channels(labels, scores.dim(1).expect("classes"));
    run(&text, &[("scores", scores.clone()), ("channels", channels)], &[])
}

#[test]
fn the_loss_agrees_with_the_released_code_and_with_the_text() {
    let arrays = arrays("isim.npz");
    for (empty, name) in [("constant", "code"), ("left out", "skip")] {
        let found = loss(&arrays["in_logits"], &arrays["in_labels"], empty);
        close("r", &found["objects"], &arrays["out_r"], 0.0);
        close(name, &found["loss"], &arrays[&format!("out_loss_{name}")], 1e-13);
        close(name, &found["grad.scores"], &arrays[&format!("out_loss_{name}_grad_logits")], 1e-12);
    }
}

/// Maps of three scales as the labels are made of them, in the order of the classes that are there and under the numbers of the data set.
#[test]
fn what_the_crf_is_told_agrees_with_the_released_code() {
    let arrays = arrays("isim.npz");
    let (threshold, confidence) = (number(&arrays["in_threshold"]), number(&arrays["in_gt_prob"]));
    let text = format!(
        "use \"isim.wsss\" as isim
use cam {{ multiscale, max_normalize }}
use seam {{ with_background_tag }}
use seeds {{ threshold_seed }}
fn f(small: real[B, K, h, w], middle: real[B, K, h, w], large: real[B, K, h, w], image: real[B, 3, H, W], tags: tags[B, K]) = {{
  let sum  = total([multiscale(view => map, image, flip = false) for map in [small, middle, large]])
  let maps = sum |> keep(tags) |> max_normalize
  let seed = threshold_seed(maps, {threshold})
  {{ maps, seed, energies = isim.unary(seed, with_background_tag(tags), {confidence}) }}
}}"
    );
    let keys = numbers(&arrays["in_keys"]);
    let image = Tensor::zeros((1, 3, 9, 8), DType::F64, &Device::Cpu).expect("a picture");
    let merged = &arrays["out_merged_cams"];

    // The classes that are there alone, and all twenty.
    for classes in [2usize, 20] {
        let place = |i: usize| if classes == 2 { i } else { keys[i] as usize };
        let spread_out = |maps: &Tensor| {
            let blank = maps.get(0).and_then(|map| map.zeros_like()).expect("a map");
            let mut all = vec![blank; classes];
            (0..2).for_each(|i| all[place(i)] = maps.get(i).expect("a map"));
            Tensor::stack(&all, 0).and_then(|maps| maps.unsqueeze(0)).expect("maps")
        };
        let mut tags = vec![0f64; classes];
        (0..2).for_each(|i| tags[place(i)] = 1.0);
        let scale = |i: usize| spread_out(&arrays["in_cams"].get(i).expect("a scale"));
        let inputs = [
            ("small", scale(0)),
            ("middle", scale(1)),
            ("large", scale(2)),
            ("image", image.clone()),
            ("tags", Tensor::new(&tags[..], &Device::Cpu).and_then(|tags| tags.unsqueeze(0)).expect("tags")),
        ];
        let found = run(&text, &inputs, &[]);
        close("maps", &found["maps"], &spread_out(merged), 1e-13);
        let expected = if classes == 2 { "out_confident" } else { "out_confident_classes" };
        close(expected, &found["seed"], &arrays[expected], 0.0);
        if classes == 2 {
            close("unary", &found["energies"], &arrays["out_unary"], 1e-13);
        }
    }
}

fn random(shape: &[usize], seed: u64) -> Tensor {
    let count = shape.iter().product::<usize>() as u64;
    let draws = (1..=count).map(|i| ((i * (2 * seed + 7919)) % 1013) as f64 / 1013.0 - 0.5);
    Tensor::from_iter(draws, &Device::Cpu).and_then(|x| x.reshape(shape)).expect("numbers")
}

#[test]
fn labels_that_are_all_background_add_a_constant() {
    let classes = 21;
    let scores = random(&[2, classes, 3, 4], 1);
    let none = Tensor::zeros((2, 3, 4), DType::U32, &Device::Cpu).expect("labels");
    let found = loss(&scores, &none, "constant");
    assert!((number(&found["loss"]) - (classes as f64).ln()).abs() < 1e-12);
    assert!(numbers(&found["grad.scores"]).iter().all(|gradient| *gradient == 0.0), "nothing is taught");
    assert_eq!(number(&loss(&scores, &none, "left out")["loss"]), 0.0);

    // Beside a picture whose labels say something: half of each.
    let one = |tensor: &Tensor, picture: usize| tensor.narrow(0, picture, 1).expect("a picture");
    let some = Tensor::arange(0u32, 12, &Device::Cpu).and_then(|x| x.reshape((1, 3, 4))).expect("labels");
    let second = number(&loss(&one(&scores, 1), &some, "constant")["loss"]);
    let both = Tensor::cat(&[one(&none, 0), some], 0).expect("labels");
    let found = loss(&scores, &both, "constant");
    assert!((number(&found["loss"]) - (21f64.ln() + second) / 2.0).abs() < 1e-12);
    let left_out = loss(&scores, &both, "left out");
    assert!((number(&left_out["loss"]) - second).abs() < 1e-12);
    assert_eq!(numbers(&left_out["objects"]), [0.0, 1.0]);
}

/// What the CRF makes holds the classes of the tags and the background, whatever the picture.
#[test]
fn labels_are_of_the_tags_alone() {
    let text = "use \"isim.wsss\" as isim
use cam { max_normalize }
use seeds { threshold_seed }
use refine { irn_crf }
fn f(map: real[B, K, H, W], picture: real[B, 3, H, W], tags: tags[B, K]) = {
  let seed = threshold_seed(map |> keep(tags) |> max_normalize, 0.3)
  {
    seed,
    made  = isim.crf_labels(seed, tags, claim(picture, \"image255\"), irn_crf),
    still = isim.crf_labels(seed, tags, claim(picture * 0, \"image255\"), { steps = 0, spatial = [], bilateral = [], confidence = 0.7 }),
  }
}";
    let tags = Tensor::new(&[[0f64, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]], &Device::Cpu).expect("tags");
    let picture = random(&[2, 3, 8, 9], 3).affine(255.0, 127.5).expect("a picture");
    let inputs = [("map", random(&[2, 4, 8, 9], 2)), ("picture", picture), ("tags", tags)];
    let found = run(text, &inputs, &[]);
    let made = numbers(&found["made"]);
    assert!(made[..72].iter().all(|class| [0.0, 2.0, 4.0].contains(class)));
    assert!(made[72..].iter().all(|class| [0.0, 3.0].contains(class)));
    close("without a step the labels stay", &found["still"], &found["seed"], 0.0);
}

/// The precision of a picture's tags where it finds each: by hand, ranks 1 and 3 of two tags; then a tag alone, in the second place; then no tag.
#[test]
fn precision_is_counted_a_picture() {
    let scores = [[3f64, 1.0, 2.0, 0.0], [1.0, 2.0, -1.0, 0.0], [1.0, 2.0, 3.0, 4.0]];
    let scores = Tensor::new(&scores, &Device::Cpu).expect("scores");
    let tags = [[1f64, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0; 4]];
    let tags = Tensor::new(&tags, &Device::Cpu).expect("tags");
    let text = "use \"isim.wsss\" as isim
fn f(scores: real[B, K], tags: tags[B, K]) = { ap = isim.image_precision(scores, tags) }";
    let found = run(text, &[("scores", scores), ("tags", tags)], &[]);
    assert!((number(&found["ap"]) - ((1.0 + 2.0 / 3.0) / 2.0 + 0.5 + 1.0) / 3.0).abs() < 1e-12);
}

fn recipe(variants: &[&str]) -> Recipe {
    let text = std::fs::read_to_string(super::super::cli::repository("pipelines/isim.wsss")).expect("the recipe");
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("isim.wsss", &text, &[], &Pipelines, &mut sources, &mut problems);
    let choices = Choices { variants: variants.iter().map(|&name| name.to_owned()).collect(), ..Choices::default() };
    let recipe = lower("isim", &program, &choices, &mut problems);
    assert!(!problems.has_errors(), "{:#?}", problems.sorted());
    recipe
}

fn training(recipe: &Recipe) -> &Stage {
    recipe.stages.iter().find(|stage| stage.name == "isim").expect("the stage")
}

/// Before which of 250 epochs, counted from 0, labels may be made anew.
#[test]
fn labels_are_made_anew_by_the_schedule() {
    let epochs = |variants: &[&str], until: usize| -> Vec<usize> {
        let recipe = recipe(variants);
        let refreshes = &training(&recipe).memories[0].refreshes;
        let whens = refreshes.iter().map(|refresh| &refresh.when).filter(|when| when.times(until) > 0);
        let whens: Vec<_> = whens.collect();
        (0..until).filter(|epoch| whens.iter().any(|when| when.may(*epoch))).collect()
    };
    assert_eq!(epochs(&[], 50), [5, 15, 25, 35, 45]);
    assert_eq!(epochs(&["every_5"], 50), (5..50).step_by(5).collect::<Vec<_>>());
    assert_eq!(epochs(&["as_released"], 225), [5, 25, 50, 75, 100, 125, 150, 175, 200]);
    assert_eq!(epochs(&["until_convergence"], 50), (5..50).collect::<Vec<_>>());
}

/// The rate falls over five epochs and is then held at the last step's.
#[test]
fn the_rate_is_held_after_five_epochs() {
    let at = |step: usize| format!("lr * isim.schedule({{ step = {step}, steps = 16500, epoch = 0, epochs = 50 }})");
    let text = format!(
        "use \"isim.wsss\" as isim
fn f(lr: real[B]) = {{ first = {}, half = {}, held = {}, last = {} }}",
        at(0),
        at(825),
        at(1650),
        at(16499),
    );
    let found = run(&text, &[("lr", Tensor::new(&[0.1f64], &Device::Cpu).expect("a rate"))], &[]);
    let held = 0.1 * (1.0f64 / 1650.0).powf(0.9);
    for (name, rate) in [("first", 0.1), ("half", 0.1 * 0.5f64.powf(0.9)), ("held", held), ("last", held)] {
        assert!((number(&found[name]) - rate).abs() < 1e-12, "{name}: {}", number(&found[name]));
    }
}

/// One layer gives scores and maps; the decoder is as large as the released one.
#[test]
fn the_network_is_that_of_the_released_code() {
    let recipe = recipe(&[]);
    let dims: DimEnv = [("K".to_owned(), 20)].into();
    let trained = training(&recipe).weights.iter().filter(|weight| !weight.state);
    let count = |part: &str| -> i64 {
        let of = trained.clone().filter(|weight| weight.name.starts_with(part));
        of.map(|weight| weight.dims.iter().map(|dim| dim.eval(&dims).expect("a length")).product::<i64>()).sum()
    };
    assert_eq!(count("classifier"), 20 * 2048);
    assert_eq!(count("encoder"), 23_508_032);
    assert_eq!(count("decoder"), 16_253_813);
}
