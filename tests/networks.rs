//! What networks as text can say: which weights are trained, which parts run in which mode, where weights begin.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};

use super::cli::Place;
use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::graph::Kind;
use wsss::hir::{self, Files};
use wsss::lower::{Choices, Init, Recipe, lower};
use wsss::manifest::Manifest;
use wsss::source::Sources;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> std::io::Result<String> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

/// A `train` stage `t` over drawn scenes; before it stand `items`.
fn recipe(items: &str, entries: &str) -> String {
    format!(
        "use data {{ scenes }}\nlet d = scenes(images = 20, size = 32, classes = 2)\n{items}\n{}",
        stage("t", entries)
    )
}

fn stage(name: &str, entries: &str) -> String {
    format!(
        "train {name} {{\n  data = d.train |> standardize |> random_crop(32)\n  batch = 4\n  steps = 1\n  optimizer = sgd(lr = 0.1)\n{entries}\n}}\n"
    )
}

/// The recipe, which must have no problem.
#[track_caller]
pub fn accepted(text: &str) -> Recipe {
    let (mut sources, mut problems) = (Sources::new(), Problems::default());
    let program = hir::load("networks.wsss", text, &[], &NoFiles, &mut sources, &mut problems);
    let recipe = lower("networks", &program, &Choices::default(), &mut problems);
    if !problems.has_errors() {
        compile(&recipe, &mut problems);
    }
    assert!(problems.is_empty(), "{text}\n{:#?}", problems.sorted());
    recipe
}

/// The weights that the last stage reads, a line each: `trained`, or `fixed`.
#[track_caller]
fn check_weights(text: &str, expected: Expect) {
    let recipe = accepted(text);
    let graph = &recipe.stages.last().expect("a stage").graph;
    let mut lines: Vec<String> = graph
        .ids()
        .filter_map(|id| match &graph.node(id).kind {
            Kind::Weight { path, trained } => {
                Some(format!("{} {path}\n", if *trained { "trained" } else { "fixed  " }))
            }
            _ => None,
        })
        .collect();
    lines.sort_by(|a, b| a[8..].cmp(&b[8..]));
    expected.assert_eq(&lines.concat());
}

/// The weights of the last stage that begin as others do.
#[track_caller]
fn check_begins(text: &str, expected: Expect) {
    let recipe = accepted(text);
    let mut lines = String::new();
    for weight in &recipe.stages.last().expect("a stage").weights {
        if let Init::Weight(source) = &weight.init {
            writeln!(lines, "{} as {source}", weight.path()).expect("text is written");
        }
    }
    expected.assert_eq(&lines);
}

const TWO: &str = "net two(classes: int) {
  layer a = conv(3, 4, bias = false)
  layer b = [conv(4, 4), conv(4, classes)]
  fn forward(x) = sequence(a(x), b)
}";

#[test]
fn parts_are_frozen_by_pattern() {
    let step = "step { image } { loss l = mean(n(image)) }";
    check_weights(
        &recipe(TWO, &format!("net n = freeze(two(2), only = [\"a\", \"b.*.bias\"])\n{step}")),
        expect![[r#"
            fixed   t.n.a.weight
            fixed   t.n.b.0.bias
            trained t.n.b.0.weight
            fixed   t.n.b.1.bias
            trained t.n.b.1.weight
        "#]],
    );
    // Said inside of a net, of a layer.
    let outer = format!(
        "{TWO}\nnet outer() {{\n  layer trunk = freeze(two(2), only = [\"b.0\"])\n  fn forward(x) = trunk(x)\n}}"
    );
    check_weights(
        &recipe(&outer, &format!("net n = outer()\n{step}")),
        expect![[r#"
            trained t.n.trunk.a.weight
            fixed   t.n.trunk.b.0.bias
            fixed   t.n.trunk.b.0.weight
            trained t.n.trunk.b.1.bias
            trained t.n.trunk.b.1.weight
        "#]],
    );
}

#[test]
fn a_net_may_give_named_taps_and_take_nets() {
    let taps = format!(
        "{TWO}\nnet taps(make, classes: int) {{
  layer trunk = make(classes)
  layer heads = [conv(classes, 1) for i in 1..3]
  fn both(x) = {{ let low = trunk.a(x)  {{ low = low, high = sequence(low, trunk.b) }} }}
  fn forward(x) = fold(heads, 0, (sum, head) => sum + head(both(x).high)) + mean(both(x).low)
}}"
    );
    check_weights(
        &recipe(&taps, "net n = taps(two, 2)\nstep { image } { loss l = mean(n(image)) }"),
        expect![[r#"
            trained t.n.heads.0.bias
            trained t.n.heads.0.weight
            trained t.n.heads.1.bias
            trained t.n.heads.1.weight
            trained t.n.heads.2.bias
            trained t.n.heads.2.weight
            trained t.n.trunk.a.weight
            trained t.n.trunk.b.0.bias
            trained t.n.trunk.b.0.weight
            trained t.n.trunk.b.1.bias
            trained t.n.trunk.b.1.weight
        "#]],
    );
}

#[test]
fn a_layer_may_give_its_weights_another_name_or_none() {
    let named = format!(
        "{TWO}
net outer() {{
  layer trunk = named(freeze(two(2), only = [\"a\", \"b.0\"]), none)
  layer heads = [named(conv(2, 2), \"head_\" + i) for i in 1..2]
  fn forward(x) = sequence(trunk(x), heads)
}}"
    );
    check_weights(
        &recipe(
            &named,
            "net n = freeze(outer(), only = [\"head_1\"])\nrates { n.b.1 = 2 }\nstep { image } { loss l = mean(n(image)) }",
        ),
        expect![[r#"
            fixed   t.n.a.weight
            fixed   t.n.b.0.bias
            fixed   t.n.b.0.weight
            trained t.n.b.1.bias
            trained t.n.b.1.weight
            fixed   t.n.head_1.bias
            fixed   t.n.head_1.weight
            trained t.n.head_2.bias
            trained t.n.head_2.weight
        "#]],
    );
}

#[test]
fn one_kernel_at_several_dilations_is_one_weight() {
    let tied = "net tied(rates) {
  layer kernel = conv(3, 2, kernel = 3, bias = false)
  fn forward(x) = total([kernel(x, dilation = rate, padding = rate) for rate in rates])
}";
    check_weights(
        &recipe(tied, "net n = tied([1, 5, 7, 12])\nstep { image } { loss l = mean(n(image)) }"),
        expect![[r#"
            trained t.n.kernel.weight
        "#]],
    );
}

#[test]
fn weights_begin_as_those_of_another_net() {
    let step = "step { image } { loss l = mean(n(image)) }";
    let first = stage("a", "net n = two(2)\nstep { image } { loss l = mean(n(image)) }");
    check_begins(
        &recipe(&format!("{TWO}\n{first}"), &format!("net n = init_from(two(3), a.n, except = [\"b.1\"])\n{step}")),
        expect![[r#"
            t.n.a.weight as a.n.a.weight
            t.n.b.0.weight as a.n.b.0.weight
            t.n.b.0.bias as a.n.b.0.bias
        "#]],
    );
    check_begins(
        &recipe(&format!("{TWO}\n{first}"), &format!("net n = clone(a.n)\n{step}")),
        expect![[r#"
            t.n.a.weight as a.n.a.weight
            t.n.b.0.weight as a.n.b.0.weight
            t.n.b.0.bias as a.n.b.0.bias
            t.n.b.1.weight as a.n.b.1.weight
            t.n.b.1.bias as a.n.b.1.bias
        "#]],
    );
    // A layer of the other net, and a copy within one stage.
    let both = "net o = two(2)\nnet n = clone(o.a)\nstep { image } { loss l = mean(n(image)) + mean(o(image)) }";
    check_begins(
        &recipe(TWO, both),
        expect![[r#"
            t.n.weight as t.o.a.weight
        "#]],
    );
}

/// What a net was trained on goes with its weights.
#[test]
fn a_copy_has_seen_what_its_original_has() {
    let teacher = stage(
        "a",
        "net n = conv(3, d.classes + 1)\nstep { image, mask } { loss l = cross_entropy(claim(n(image), \"logit\"), mask) }",
    );
    let text = format!(
        "supervision pixel\n{}",
        recipe(
            &format!("use losses {{ cross_entropy }}\n{teacher}"),
            "net n = clone(a.n)\nstep { image } { loss l = mean(n(image)) }"
        )
    );
    let recipe = accepted(&text);
    let (_, seen) = &recipe.stages.last().expect("a stage").seen.nets[0];
    assert_eq!(seen.to_string(), "none(train), pixel(train)");
}

const RUN: &str = r#"use data { scenes }
let d = scenes(images = 20, size = 32, classes = 2)

net small(classes: int, norm: text = "batch", init = he_uniform("out")) {
  layer a = conv(3, 4, kernel = 3, stride = 4, bias = false, init = init)
  layer n = batch_norm(4, mode = norm)
  layer b = conv(4, classes, init = truncated_normal(0.1))
  fn features(x) = relu(n(a(x)))
  fn forward(x)  = b(if training { dropout(features(x), 0.5) } else { features(x) })
}

train first {
  data      = d.train |> standardize |> random_crop(32)
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = 0.1)
  net n     = small(d.classes)
  step { image, tags } { loss l = mean(square(gap(n(image)) - tags)) }
}

train second {
  data      = d.train |> standardize |> random_crop(32)
  batch     = 4
  epochs    = 1
  optimizer = sgd(lr = 0.1)
  net n     = eval_mode(init_from(small(d.classes, init = xavier_normal()), first.n))
  net m     = clone(first.n)
  step { image, tags } { loss l = mean(square(gap(n(image)) - tags)) + mean(square(gap(m(image)) - tags)) }
}

infer compare {
  data    = d.val |> standardize
  net m   = clone(first.n)
  net f   = init_from(small(d.classes), second.n, except = ["b"])
  each { image } {
    let same     = mean(abs(m(image) - first.n(image)))
    let trunk    = mean(abs(f.features(image) - second.n.features(image)))
    let moved    = mean(abs(second.n(image) - first.n(image)))
    let drawn    = mean(abs(train_mode(first.n, only = ["n", "b"])(image) - train_mode(first.n)(image)))
    metric same  = same
    metric trunk = trunk
    metric moved = moved
    metric drawn = drawn
  }
}
"#;

#[test]
fn copies_begin_where_their_originals_ended() {
    let place = Place::new();
    place.write("networks.wsss", RUN);
    let objects = place.wsss(&["run", "networks.wsss", "--json"]).expect_code(0).objects();
    let figures = &objects.last().expect("figures")["metrics"];
    let of = |name: &str| figures["compare"][name]["value"].as_f64().expect("a figure");
    assert_eq!((of("same"), of("trunk")), (0.0, 0.0));
    assert!(of("moved") > 1e-6 && of("drawn") > 1e-6, "{figures}");
}

/// The names that the published ResNet38 has in MXNet, made from the library's, become the library's by the manifest in `docs/weights.md`.
#[test]
fn the_manifest_of_the_reference_names_every_weight_of_resnet38() {
    let reference = include_str!("../docs/weights.md");
    let text = reference.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a manifest");
    let manifest = Manifest::parse(text).expect("it is one");
    let recipe = accepted(&recipe(
        "use nets { resnet38_cam }",
        "net n = resnet38_cam(d.classes)\nstep { image } { loss l = mean(n(image)) }",
    ));
    let weights = recipe.stages[0].weights.iter().map(|weight| weight.name.as_str());
    let mut count = 0;
    // The classifier is the recipe's own.
    for name in weights.filter(|name| !name.starts_with("fc8.")) {
        let mxnet = mxnet_name(name);
        assert_eq!(manifest.names.apply(&mxnet), name, "{mxnet}");
        count += 1;
    }
    assert!(count > 150, "{count} weights");
}

/// `b4_5.bn_branch2a.running_var` is `bn4b5_branch2a_moving_var` there.
fn mxnet_name(name: &str) -> String {
    let (path, part) = name.rsplit_once('.').expect("a layer and a part");
    let Some((block, layer)) = path.split_once('.') else {
        let part =
            [("running_mean", "moving_mean"), ("running_var", "moving_var"), ("bias", "beta"), ("weight", "gamma")]
                .into_iter()
                .find_map(|(own, other)| (part == own && path == "bn7").then_some(other));
        return format!("{path}_{}", part.unwrap_or("weight"));
    };
    let block = block.strip_prefix('b').expect("a block");
    let block = block.split_once('_').map_or(format!("{block}a"), |(n, k)| format!("{n}b{k}"));
    let (kind, branch) = layer.split_once('_').expect("a branch");
    let part = match (kind, part) {
        ("conv", _) => "weight",
        (_, "weight") => "gamma",
        (_, "bias") => "beta",
        (_, "running_mean") => "moving_mean",
        _ => "moving_var",
    };
    format!("{}{block}_{branch}_{part}", if kind == "conv" { "res" } else { "bn" })
}
