//! The whole program on real photographs, where they are at hand: the folder named by `WSSS_DATA` holds `voc6-tiny` and `weights`.

use std::path::PathBuf;

use super::cli::Place;

#[test]
fn the_cam_recipe_runs_on_forty_photographs() {
    let folder = std::env::var_os("WSSS_DATA").map(PathBuf::from).filter(|folder| folder.join("voc6-tiny").is_dir());
    let Some(folder) = folder else {
        println!("skipped: WSSS_DATA names no folder with `voc6-tiny`");
        return;
    };
    let data = format!("dataset=voc2012({:?})", folder.join("voc6-tiny"));
    let weights = format!("weights={:?}", folder.join("weights/mobilenet_v2_100_224_dequant.safetensors"));
    let place = Place::new();
    place.write("cam.wsss", include_str!("../pipelines/cam.wsss"));
    let arguments = ["run", "cam.wsss", "--variant", "voc6", "--set", &data, "--set", &weights];
    let answer = place.wsss(&arguments).expect_code(0);
    for figure in ["all_background", "ap", "cam_iou", "middle_box"] {
        assert!(answer.out.contains(figure), "{}", answer.out);
    }
    // A second run finds every stage done.
    let again = place.wsss(&arguments).expect_code(0);
    assert!(!again.err.contains("epoch 1"), "{}", again.err);
    let figures = |out: &str| out.split("results:").next().unwrap_or("").to_string();
    assert_eq!(figures(&again.out), figures(&answer.out));
}
