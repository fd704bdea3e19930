//! CPN: its pair, its correlation modules and its losses, by the paper and by the released code.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use super::{arrays, close, run};

type Arrays = HashMap<String, Tensor>;

fn largest(tensor: &Tensor) -> f64 {
    let largest = tensor.abs().and_then(|x| x.flatten_all()?.max(0)?.to_scalar::<f64>());
    largest.expect("numbers")
}

#[test]
fn the_pair_agrees_with_the_paper_and_the_code_of_cpn() {
    let arrays = arrays("cpn.npz");
    let text = "use erase { complementary_pair }
fn f(image: real[B, C, H, W], patches: index[B, H, W], hidden: real[B, N], colour) =
  complementary_pair(image, patches, hidden, fill = colour)";
    let one = |name: &str, of: DType| arrays[name].unsqueeze(0).and_then(|x| x.to_dtype(of)).expect("a batch of one");
    let inputs = [
        ("image", one("in_image", DType::F64)),
        ("patches", one("in_patches", DType::U32)),
        ("hidden", one("in_hidden", DType::F64)),
        ("colour", arrays["in_mean"].reshape((1, 3, 1, 1)).expect("three numbers")),
    ];
    let found = run(text, &inputs, &[]);
    for (name, golden) in [
        ("first", "out_image_h"),
        ("second", "out_image_hbar"),
        ("share", "out_lambda_patches"),
        ("pixels", "out_lambda_pixels"),
    ] {
        close(name, &found[name], &arrays[golden], 1e-14);
    }
}

/// The pair is the picture, cut in two; the weight of the first is the mean of its mask.
#[test]
fn the_pair_adds_up_to_the_picture() {
    let arrays = arrays("cpn.npz");
    let text = "use erase { complementary_pair }
fn f(image: real[B, C, H, W], patches: index[B, H, W], hidden: real[B, N]) = {
  let pair = complementary_pair(image, patches, hidden)
  let seen = complementary_pair(image * 0 + 1, patches, hidden)
  { both = pair.first + pair.second, pixels = pair.pixels, mean = mean(seen.first, axes = [1, 2, 3]) }
}";
    let one = |name: &str, of: DType| arrays[name].unsqueeze(0).and_then(|x| x.to_dtype(of)).expect("a batch of one");
    let image = one("in_image", DType::F64);
    let inputs = [
        ("image", image.clone()),
        ("patches", one("in_patches", DType::U32)),
        ("hidden", one("in_hidden", DType::F64)),
    ];
    let found = run(text, &inputs, &[]);
    close("both", &found["both"], &image, 0.0);
    close("mean", &found["mean"], &found["pixels"], 1e-14);
}

/// The first of the paper's extreme conditions (sec. 3.1).
#[test]
fn where_nothing_is_hidden_one_of_the_pair_is_the_picture() {
    let arrays = arrays("cpn.npz");
    let image = arrays["in_image"].unsqueeze(0).expect("a picture");
    let text = "use erase { superpixel_pair }
fn f(image: real[B, C, H, W]) = superpixel_pair(claim(image, \"image\"), segments = 9, p = 0)";
    let found = run(text, &[("image", image.clone())], &[]);
    close("first", &found["first"], &image, 0.0);
    assert_eq!(largest(&found["second"]), 0.0);
    assert_eq!((largest(&found["share"]), largest(&found["pixels"])), (1.0, 1.0));
}

#[test]
fn the_modules_agree_with_the_code_and_the_print_of_cpn() {
    let arrays = arrays("cpn.npz");
    let text = "use affinity { in_a_row, spread }
use cpn  { region_features, pixel_region_correlation, region_keys }
use seam { correlate, maps_for_correlation }

fn f(cam: logit[B, C, H, W], features: real[B, D, H, W], f9, f10) = {
  let map      = maps_for_correlation(cam)
  let regions  = region_features(map, features)
  let turned   = permute(regions, axes = [0, 2, 1])
  let embedded = conv2d(reshape(turned, dims = shape(turned) + [1]), f10)
  let queries  = conv2d(features, f9)
  let rows     = in_a_row(queries)
  let alike    = relu(matmul(rows, rows, transpose_a = true))
  let pcm      = correlate(cam, queries)
  let prcm     = keys => pixel_region_correlation(map, keys, relu(queries))
  let meant    = prcm(region_keys(relu(embedded)))
  let released = prcm(region_keys(relu(embedded), as_released = true))
  let printed  = over => pixel_region_correlation(map, region_keys(embedded), queries, over = over, factor = 1)
  {
    map, regions, pcm, meant, released,
    pcm_printed      = spread(map, alike / sum(alike, axes = [1, 2], keep = true)),
    over_pixels      = printed(\"pixels\"),
    over_classes     = printed(\"classes\"),
    refined_meant    = pcm + meant,
    refined_released = pcm + released,
  }
}";
    let inputs = [("cam", "in_cam"), ("features", "in_features"), ("f9", "in_f9"), ("f10", "in_f10")]
        .map(|(name, golden)| (name, arrays[golden].clone()));
    let found = run(text, &inputs, &[]);
    for (name, golden) in [
        ("map", "out_cam_normalised"),
        ("regions", "out_region_features"),
        ("pcm", "out_pcm_code"),
        ("pcm_printed", "out_pcm_paper"),
        ("meant", "out_prcm_meant"),
        ("released", "out_prcm_code"),
        ("over_pixels", "out_prcm_paper_pixels"),
        ("over_classes", "out_prcm_paper_classes"),
        ("refined_meant", "out_refined_meant"),
        ("refined_released", "out_refined_code"),
    ] {
        close(name, &found[name], &arrays[golden], 1e-12);
    }
}

/// Eq. 7 and 8, from which the paper comes to its modules; no part of the method.
#[test]
fn self_attention_can_be_written() {
    let arrays = arrays("cpn.npz");
    let text = "use affinity { in_a_row }
fn f(x: real[B, C, H, W], mu: real[C, C], delta: real[C, C], g: real[C, C]) = {
  let rows   = in_a_row(x)
  let likely = exp(matmul(matmul(g, rows), matmul(delta, rows), transpose_a = true))
  let mixed  = matmul(matmul(mu, rows), likely) / sum(likely, axes = [1, 2], keep = true)
  { out = reshape(mixed, dims = shape(x)) + x }
}";
    let inputs = [("x", "in_features"), ("mu", "in_mu"), ("delta", "in_delta"), ("g", "in_attention_g")]
        .map(|(name, golden)| (name, arrays[golden].clone()));
    close("attention", &run(text, &inputs, &[])["out"], &arrays["out_self_attention"], 1e-12);
}

/// A region's shares of the pixels sum to 1, and a pixel's of the regions.
#[test]
fn regions_share_out_pixels_or_pixels_regions() {
    let arrays = arrays("cpn.npz");
    let text = "use cpn { region_features, pixel_region_correlation }
fn f(map: real[B, C, H, W], features: real[B, D, H, W]) = {
  let keys   = region_features(map, features)
  let shares = over => pixel_region_correlation(map * 0 + 1, keys, features, over = over)
  { pixels = sum(shares(\"pixels\"), axes = [2, 3]), classes = sum(shares(\"classes\"), axes = [1]) }
}";
    let inputs = [("map", arrays["in_cam"].clone()), ("features", arrays["in_features"].clone())];
    for (name, sums) in run(text, &inputs, &[]) {
        close(&name, &sums, &sums.ones_like().expect("ones"), 1e-13);
    }
}

/// A recipe whose `f` is told the maps of the three branches; `body` may name `whole`, `first`, `second`, `share` and `tags`.
fn of_branches(body: &str) -> String {
    format!(
        "use \"cpn.wsss\" as cpn
use seam {{ background_power }}
fn f(
  y_o: real[B, C, H, W],
  y_h: real[B, C, H, W],
  y_hbar: real[B, C, H, W],
  refined_o: real[B, C, H, W],
  refined_h: real[B, C, H, W],
  refined_hbar: real[B, C, H, W],
  tags: tags[B, K],
  share: unit[B],
) = {{
  let whole  = {{ cam = y_o, refined = refined_o }}
  let first  = {{ cam = y_h, refined = refined_h }}
  let second = {{ cam = y_hbar, refined = refined_hbar }}
  {body}
}}"
    )
}

const MAPS: [&str; 6] = ["y_o", "y_h", "y_hbar", "refined_o", "refined_h", "refined_hbar"];

fn branches(arrays: &Arrays) -> Vec<(&'static str, Tensor)> {
    let rest = [("tags", "in_labels"), ("share", "in_lambda")].map(|(name, golden)| (name, arrays[golden].clone()));
    MAPS.iter().map(|name| (*name, arrays[&format!("in_{name}")].clone())).chain(rest).collect()
}

#[test]
fn the_losses_agree_with_the_released_code_of_cpn() {
    let arrays = arrays("cpn.npz");
    let text = of_branches(
        "let losses = cpn.pair_losses(whole, first, second, share, tags, background_first = false)
  {
    cls  = losses.cls,
    min  = losses.min,
    tcp  = losses.tcp,
    cpcr = losses.cpcr,
    loss = losses.cls + losses.min + losses.tcp + losses.cpcr,
  }",
    );
    let found = run(&text, &branches(&arrays), &[]);
    for (name, golden) in [
        ("cls", "out_loss_cls"),
        ("min", "out_loss_min_pooling_code"),
        ("tcp", "out_loss_tcp_code"),
        ("cpcr", "out_loss_cpcr_code"),
        ("loss", "out_loss_code"),
    ] {
        close(name, &found[name], &arrays[golden], 1e-12);
    }
    for name in MAPS {
        close(name, &found[&format!("grad.{name}")], &arrays[&format!("out_loss_code_grad_{name}")], 1e-12);
    }
}

#[test]
fn the_losses_agree_with_the_print_of_cpn() {
    let arrays = arrays("cpn.npz");
    let text = of_branches(
        "let seen    = reshape(share, dims = [size(share, 0), 1, 1, 1])
  let gap_of  = of => cpn.triplet(
    cpn.weighed(of(whole), tags),
    cpn.weighed(of(first), tags, seen),
    cpn.weighed(of(second), tags, 1 - seen),
    norm = sum,
  )
  let printed = cpn.pair_losses(
    whole,
    first,
    second,
    share,
    tags,
    background_first = false,
    winners = false,
    cut = false,
  )
  {
    eq6  = gap_of(branch => branch.cam),
    tcp  = gap_of(branch => branch.cam) + gap_of(branch => branch.refined),
    cpcr = printed.cpcr,
  }",
    );
    let found = run(&text, &branches(&arrays), &[]);
    for (name, golden) in
        [("eq6", "out_eq6_paper_sum"), ("tcp", "out_loss_tcp_paper_sum"), ("cpcr", "out_loss_cpcr_paper")]
    {
        close(name, &found[name], &arrays[golden], 1e-12);
    }

    // Eq. 16 with a power of 2, so that it shows.
    let text = of_branches(
        "let normal = relu(y_o) / max(relu(y_o), axes = [2, 3], keep = true)
  let map = claim(slice(normal, axis = 1, start = 1, length = size(tags, 1)), \"unit\") |> keep(tags)
  { background = background_power(map, alpha = 2) }",
    );
    close("eq16", &run(&text, &branches(&arrays), &[])["background"], &arrays["out_background"], 1e-12);
}

/// What trains what: the targets of the cross regularization are cut, as are the maps of the pair in the first triplet.
#[test]
fn the_pair_teaches_and_is_not_taught() {
    let arrays = arrays("cpn.npz");
    let gradients = |loss: &str| {
        let body = format!("{{ loss = cpn.pair_losses(whole, first, second, share, tags).{loss} }}");
        let found = run(&of_branches(&body), &branches(&arrays), &[]);
        MAPS.map(|name| found.get(&format!("grad.{name}")).is_some_and(|gradient| largest(gradient) > 0.0))
    };
    //                                  y_o    y_h    y_hbar o     h      hbar, refined
    assert_eq!(gradients("cls"), [true, true, true, false, false, false]);
    assert_eq!(gradients("min"), [false, false, false, true, true, true]);
    assert_eq!(gradients("tcp"), [true, false, false, true, true, true]);
    assert_eq!(gradients("cpcr"), [false, false, false, false, true, true]);
}

/// Maps that all agree cost nothing where the background is made before the shares are weighed; in the released order they do.
#[test]
fn maps_that_agree_cost_nothing_in_the_order_of_the_print() {
    let arrays = arrays("cpn.npz");
    let map = arrays["in_y_o"].clone();
    let agree: Vec<_> = MAPS.iter().map(|name| (*name, map.clone())).chain(branches(&arrays).split_off(6)).collect();
    let text = of_branches(
        "let losses = first_then => cpn.pair_losses(
    whole,
    first,
    second,
    share,
    tags,
    background_first = first_then,
    winners = false,
  )
  { tcp = losses(true).tcp, printed = losses(true).cpcr, released = losses(false).cpcr }",
    );
    let found = run(&text, &agree, &[]);
    let number = |name: &str| found[name].to_scalar::<f64>().expect("a loss");
    assert!(number("tcp") < 1e-15 && number("printed") < 1e-15);
    assert!(number("released") > 0.1);
}

/// A fifth of nine numbers is one of them.
#[test]
fn hard_examples_are_counted_downwards() {
    let errors: Vec<f64> = (1..=9).map(f64::from).collect();
    let errors = Tensor::from_vec(errors, (1, 9), &Device::Cpu).expect("errors");
    let text = "use losses { hard_examples }
fn f(errors: real[B, N]) = { loss = hard_examples(errors, share = 0.2) }";
    let found = run(text, &[("errors", errors)], &[]);
    assert_eq!(found["loss"].to_scalar::<f64>().expect("a loss"), 9.0);
}
