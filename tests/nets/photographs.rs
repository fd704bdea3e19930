//! Networks with real weights on real photographs, where they are at hand: the folder named by `WSSS_DATA` holds `voc6-tiny` and `weights`.

use std::path::PathBuf;

use super::super::cli::Place;

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("WSSS_DATA").map(PathBuf::from);
    let there = folder.filter(|folder| folder.join("voc6-tiny").is_dir() && folder.join("weights").is_dir());
    if there.is_none() {
        println!("skipped: WSSS_DATA names no folder with `voc6-tiny` and `weights`");
    }
    there
}

/// Of the pictures that show cats, the share whose highest score is one of ImageNet's house cats; likewise dogs. `background` is the number
/// of classes before the first of ImageNet.
fn recipe(data: &str, uses: &str, net: &str, scores: &str, background: usize) -> String {
    let share = |name: &str, first: usize, count: usize, class: usize| {
        format!(
            "    let {name} = max(slice(scores, axis = 1, start = {}, length = {count}), axes = [1]) >= max(scores, axes = [1])
    let shown_{name} = slice(tags, axis = 1, start = {class}, length = 1)
    metric {name} = mean(shown_{name} * {name})
    metric shown_{name} = mean(shown_{name})\n",
            first + background
        )
    };
    let (cats, dogs) = (share("cats", 281, 5, 0), share("dogs", 151, 118, 2));
    format!(
        "use data {{ voc2012 }}
use nets {{ {uses} }}
let d = voc2012({data:?})
infer t {{
  data = d.train |> standardize(mean = [0.5, 0.5, 0.5], std = [0.5, 0.5, 0.5])
  net n = {net}
  each {{ image, tags }} {{
    let scores = {scores}
{cats}{dogs}  }}
}}
"
    )
}

#[track_caller]
fn check(known: &[&str], file: &str, uses: &str, net: impl Fn(&str) -> String, scores: &str, background: usize) {
    let Some(folder) = data() else { return };
    let file = folder.join("weights").join(file);
    let net = net(&format!("{{ file = {file:?}, carries = \"imagenet tags\" }}"));
    let place = Place::new();
    place.write("t.wsss", recipe(&folder.join("voc6-tiny").to_string_lossy(), uses, &net, scores, background));
    let objects = place.wsss(&["run", "t.wsss", "--json"]).expect_code(0).objects();
    let figures = &objects.last().expect("figures")["metrics"]["t"];
    let of = |name: &str| figures[name]["value"].as_f64().expect("a figure");
    for name in known {
        let share = of(name) / of(&format!("shown_{name}"));
        println!("{uses}: {name} {share:.2}");
        assert!(share >= 0.6, "{uses} knows {share:.2} of the {name}");
    }
}

#[test]
fn mobilenet_v2_knows_cats_and_dogs() {
    check(
        &["cats", "dogs"],
        "mobilenet_v2_100_224_dequant.safetensors",
        "classifier, mobilenet_v2",
        |file| format!("load(classifier(mobilenet_v2(), 1001, name = \"classifier.1\"), {file})"),
        "n(image)",
        1,
    );
}

#[test]
fn mobilenet_v1_knows_dogs() {
    check(
        &["dogs"],
        "mobilenet_v1_075_224.safetensors",
        "mobilenet_v1_cam",
        |file| format!("load(mobilenet_v1_cam(1000, alpha = 0.75), {file})"),
        "gap(n(image))",
        0,
    );
}

/// Its weights come without a classifier, so that they fit is all that shows.
#[test]
fn squeezenet_reads_the_weights_of_keras() {
    let Some(folder) = data() else { return };
    let file = folder.join("weights/squeezenet1_1_features.safetensors");
    let place = Place::new();
    place.write(
        "t.wsss",
        format!(
            "use data {{ scenes }}
use nets {{ squeezenet }}
infer t {{
  data = scenes(images = 20, size = 32).val |> subtract_mean(mean = [103.939, 116.779, 123.68])
  net n = load(squeezenet(squeeze = \"squeeze1x1\"), {{ file = {file:?}, carries = \"imagenet tags\" }})
  each {{ image }} {{ metric x = mean(n(image)) }}
}}
"
        ),
    );
    place.wsss(&["run", "t.wsss"]).expect_code(0);
}
