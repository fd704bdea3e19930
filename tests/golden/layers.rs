//! Layers and poolings that are library text.

use candle_core::{Device, Tensor};

use super::{close, golden, run};

/// Layers that are library text, by the golden arrays of the layers they are.
#[test]
fn layers_of_the_library_agree_with_the_golden_arrays() {
    let arrays = candle_core::safetensors::load(golden("layers.safetensors"), &Device::Cpu).expect("golden arrays");
    let cases = [
        ("channel_l2_normalise", "use affinity { l2_normalize }", "l2_normalize(x)"),
        ("adaptive_max_pool_1x1", "use pool { global_max_pool }", "global_max_pool(x)"),
        ("gaussian_blur_torchvision_k5", "use erase { gaussian_blur }", "gaussian_blur(x, 5, 1)"),
        ("gaussian_blur_torchvision_k11", "use erase { gaussian_blur }", "gaussian_blur(x, 11, 4)"),
    ];
    for (case, uses, call) in cases {
        let array = |name: &str| arrays[&format!("{case}.{name}")].clone();
        let y = array("y");
        let text = format!(
            "{uses}\nfn f(x: real[B, C, H, W], gy) = {{ let y = {call}  {{ y = y, loss = sum(y * reshape(gy, dims = shape(y))) }} }}\n"
        );
        let found = run(&text, &[("x", array("x")), ("gy", array("gy"))], &[]);
        close(case, &found["y"], &y, 1e-12);
        close(case, &found["grad.x"], &array("gx"), 1e-12);
    }
}

/// By hand: two patches of three hidden, the share of the patches and of the pixels.
#[test]
fn a_complementary_pair_shares_no_pixel() {
    let image = Tensor::new(&[[[[1f64, 2.0, 3.0, 4.0]]]], &Device::Cpu).expect("an image");
    let patches = Tensor::new(&[[[0u32, 1, 2, 2]]], &Device::Cpu).expect("patches");
    let hidden = Tensor::from_vec(vec![1f64, 0., 1., 0., 0., 0., 0., 0., 0.], (1, 9), &Device::Cpu).expect("hidden");
    let text = "use erase { complementary_pair }
fn f(image, patches: index[B, H, W], hidden) = complementary_pair(image, patches, hidden, fill = 9)";
    let found = run(text, &[("image", image), ("patches", patches), ("hidden", hidden)], &[]);
    let row = |name: &str| found[name].flatten_all().and_then(|flat| flat.to_vec1::<f64>()).expect("numbers");
    assert_eq!((row("first"), row("second")), (vec![9.0, 2.0, 9.0, 9.0], vec![1.0, 9.0, 3.0, 4.0]));
    assert_eq!((row("share"), row("pixels")), (vec![1.0 - 2.0 / 9.0], vec![0.25]));
}

/// By hand: what lies between mean and maximum, and weighed means.
#[test]
fn maps_are_pooled() {
    let map = Tensor::new(&[[[[0f64, 0.0, 0.0, 2f64.ln()]]]], &Device::Cpu).expect("a map");
    let text = "use pool { log_sum_exp_pool, ngwp, focal_mask_size }
fn f(map: real[B, K, H, W]) = {
  lse = log_sum_exp_pool(map, r = 1),
  weighed = ngwp(map, claim(map * 0 + 0.5, \"unit\")),
  small = focal_mask_size(claim(map * 0 + 0.5, \"unit\"), power = 2, least = 0.5),
}";
    let found = run(text, &[("map", map)], &[]);
    let number = |name: &str| found[name].flatten_all().and_then(|flat| flat.to_vec1::<f64>()).expect("numbers")[0];
    let near = |name: &str, expected: f64| assert!((number(name) - expected).abs() < 1e-15, "{name} {}", number(name));
    near("lse", 1.25f64.ln());
    near("weighed", 0.5 * 2f64.ln() / 3.0);
    near("small", 0.0);
}
