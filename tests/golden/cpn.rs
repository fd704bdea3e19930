//! CPN: its correlation module, its pair and its losses, by the paper and by the released code.

use super::{arrays, close, run};

#[test]
fn regions_agree_with_the_code_and_the_print_of_cpn() {
    let arrays = arrays("cpn.npz");
    let array = |name: &str| arrays[name].clone();
    let text = "use cpn { region_features, pixel_region_correlation, region_keys }
fn f(map: real[B, C, H, W], features: real[B, D, H, W], f9, f10) = {
  let regions  = region_features(map, features)
  let turned   = permute(regions, axes = [0, 2, 1])
  let embedded = conv2d(reshape(turned, dims = shape(turned) + [1]), f10)
  let queries  = conv2d(features, f9)
  {
    regions  = regions,
    meant    = pixel_region_correlation(map, region_keys(relu(embedded)), relu(queries)),
    released = pixel_region_correlation(map, region_keys(relu(embedded), as_released = true), relu(queries)),
    pixels   = pixel_region_correlation(map, region_keys(embedded), queries, factor = 1),
    classes  = pixel_region_correlation(map, region_keys(embedded), queries, over = \"classes\", factor = 1),
  }
}";
    let inputs = [
        ("map", array("out_cam_normalised")),
        ("features", array("in_features")),
        ("f9", array("in_f9")),
        ("f10", array("in_f10")),
    ];
    let found = run(text, &inputs, &[]);
    for (name, golden) in [
        ("regions", "out_region_features"),
        ("meant", "out_prcm_meant"),
        ("released", "out_prcm_code"),
        ("pixels", "out_prcm_paper_pixels"),
        ("classes", "out_prcm_paper_classes"),
    ] {
        close(name, &found[name], &array(golden), 1e-12);
    }
}
