//! `wsss data check` and `wsss eval`.

use std::path::Path;

use super::{Place, wsss};

/// A palette-free index PNG of `width` columns.
fn png(path: &Path, width: usize, indices: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("inside a folder")).expect("made");
    let file = std::fs::File::create(path).expect("created");
    let mut encoder = png::Encoder::new(file, width as u32, (indices.len() / width) as u32);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(indices).expect("written");
}

/// A grey picture, as long as it is wide.
pub fn rgb(path: &Path, side: usize) {
    std::fs::create_dir_all(path.parent().expect("inside a folder")).expect("made");
    let file = std::fs::File::create(path).expect("created");
    let mut encoder = png::Encoder::new(file, side as u32, side as u32);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&vec![128; side * side * 3]).expect("written");
}

#[test]
fn a_folder_is_checked_file_by_file() {
    let place = Place::new();
    rgb(&place.path("set/images/a.png"), 4);
    rgb(&place.path("set/images/b.png"), 4);
    place.write("set/classes.txt", "cat\ndog\n").write("set/labels.csv", "image,classes\na,cat\nb,cat;dog\n");
    let answer = place.wsss(&["data", "check", "set"]).expect_code(0);
    assert!(
        answer.out.contains("2 classes (cat, dog)") && answer.out.contains("every file can be used"),
        "{}",
        answer.out
    );

    place.write("set/labels.csv", "image,classes\na,cat\nb,cow\n").write("set/images/b.png", "no picture");
    let answer = place.wsss(&["data", "check", "set", "--json"]).expect_code(1);
    let objects = answer.objects();
    let messages: Vec<&str> = objects.iter().filter_map(|object| object["message"].as_str()).collect();
    assert!(messages.iter().any(|message| message.contains("cow")), "{messages:?}");
    assert!(messages.iter().any(|message| message.contains("b.png")), "{messages:?}");
}

#[test]
fn tags_go_out_and_come_in() {
    let place = Place::new();
    rgb(&place.path("set/images/a.png"), 4);
    rgb(&place.path("set/images/b.png"), 4);
    place.write("set/labels.csv", "image,classes\na,cat\nb,cat;dog\n").write("set/train.txt", "a\nb\n");
    place.write("set/test.txt", "c\n");
    rgb(&place.path("set/images/c.png"), 4);
    let answer = place.wsss(&["data", "tags", "set", "out/cls_labels.npy"]).expect_code(0);
    assert_eq!(answer.out.trim(), "tags of 2 pictures written to out/cls_labels.npy; 1 have none");
    let arrays = place.wsss(&["weights", "inspect", "out/cls_labels.npy"]).expect_code(0).out;
    assert!(arrays.contains("a  f32   2\n") && arrays.contains("b  f32   2\n"), "{arrays}");
    // Other tags than those of the folder, which need not have any.
    std::fs::remove_file(place.path("set/labels.csv")).expect("it is there");
    std::fs::remove_file(place.path("set/test.txt")).expect("it is there");
    place.write("set/classes.txt", "cat\ndog\n");
    let check = ["data", "check", "set", "--tags", "out/cls_labels.npy"];
    place.wsss(&check).expect_code(0);
    place.write("set/classes.txt", "cat\ndog\ncow\n");
    let answer = place.wsss(&check).expect_code(1);
    assert!(answer.err.contains("has 2 tags for `a`, the data set has 3 classes"), "{}", answer.err);
    let answer = place.wsss(&["data", "tags", "set", "more.npy"]).expect_code(1);
    assert!(answer.err.contains("no picture of the data set has tags"), "{}", answer.err);
    place.wsss(&["data", "tags", "set", "out.txt"]).expect_code(2);
}

#[test]
fn a_recipe_names_the_file_of_its_tags() {
    let place = Place::new();
    rgb(&place.path("set/images/a.png"), 4);
    place.write("set/classes.txt", "cat\ndog\n").write("set/labels.csv", "a,cat\n");
    place.wsss(&["data", "tags", "set", "cat.npy"]).expect_code(0);
    place.write("set/labels.csv", "a,dog\n");
    let recipe = |tags: &str| {
        format!(
            "use data {{ folder }}\ninfer t {{\n  data = folder(\"set\"{tags}).train\n  each {{ tags }} {{ metric cat = mean(slice(tags, axis = 1, start = 0, length = 1)) }}\n}}\n"
        )
    };
    for (tags, cat) in [("", 0.0), (", tags = none", 0.0), (", tags = \"cat.npy\"", 1.0)] {
        place.write("t.wsss", recipe(tags));
        let objects = place.wsss(&["run", "t.wsss", "--json"]).expect_code(0).objects();
        assert_eq!(objects.last().expect("figures")["metrics"]["t"]["cat"]["value"], cat, "{tags}");
    }
    place.write("t.wsss", recipe(", tags = 3"));
    let answer = place.wsss(&["run", "t.wsss"]).expect_code(1);
    assert!(answer.err.contains("`tags` of `folder`"), "{}", answer.err);
}

#[test]
fn what_is_no_data_set_is_told() {
    let place = Place::new();
    place.write("set/readme.txt", "nothing");
    let answer = place.wsss(&["data", "check", "set"]).expect_code(1);
    assert!(answer.err.contains("is not a data set of a known layout"), "{}", answer.err);
    let answer = place.wsss(&["data", "check", "none"]).expect_code(1);
    assert!(answer.err.contains("error[data-not-found]"), "{}", answer.err);
}

#[test]
fn eval_counts_pixels() {
    let place = Place::new();
    png(&place.path("gt/a.png"), 4, &[0, 0, 1, 1, 0, 0, 1, 255]);
    png(&place.path("pred/a.png"), 4, &[0, 0, 1, 1, 0, 1, 0, 1]);
    let words = ["eval", "--pred", "pred", "--gt", "gt", "--classes", "2"];
    // Background: 3 right of 5 in either; class 1: 2 right of 4 in either; 255 does not count.
    let answer = place.wsss(&words).expect_code(0);
    assert!(answer.out.contains("background  0.6000\nclass 1     0.5000\n"), "{}", answer.out);
    assert!(answer.out.contains("mean IoU 0.5500 over 2 classes, 1 images"), "{}", answer.out);
    let object = &place.wsss(&[&words[..], &["--json"]].concat()).expect_code(0).objects()[0];
    assert!((object["mean"].as_f64().expect("a number") - 0.55).abs() < 1e-12, "{object}");
}

#[test]
fn eval_tells_what_does_not_fit() {
    let place = Place::new();
    png(&place.path("gt/a.png"), 2, &[0, 7]);
    png(&place.path("pred/a.png"), 2, &[0, 1]);
    png(&place.path("wide/a.png"), 3, &[0, 1, 1]);
    let eval = |pred: &str, gt: &str| place.wsss(&["eval", "--pred", pred, "--gt", gt, "--classes", "2"]);
    assert!(eval("pred", "gt").expect_code(1).err.contains("gt/a.png"));
    assert!(eval("wide", "pred").expect_code(1).err.contains("wide/a.png"));
    assert!(eval("none", "gt").expect_code(1).err.contains("none"));
    wsss(&["eval", "--pred", "pred", "--gt", "gt"]).expect_code(2);
}

#[test]
fn a_folder_of_maps_is_joined_by_name() {
    let place = Place::new();
    for name in ["a", "b"] {
        rgb(&place.path(&format!("set/images/{name}.png")), 4);
    }
    place.write("set/labels.csv", "image,classes\na,cat\nb,cow\n");
    png(&place.path("sal/a.png"), 4, &[255; 16]);
    png(&place.path("sal/b.png"), 4, &[51; 16]);
    place.write(
        "sal.wsss",
        "use data { folder }
         score s {
           data = folder(\"set\").train with { sal = folder_maps(\"sal\", carries = \"saliency\") } |> random_crop(2)
           each { image, sal } { metric level = mean(sal) }
         }",
    );
    let ran = place.wsss(&["run", "sal.wsss", "--quiet"]).expect_code(0);
    assert!(ran.out.contains("level  0.6000"), "{}", ran.out);
    // The same maps somewhere else are the same result; other maps are not.
    png(&place.path("other/a.png"), 4, &[255; 16]);
    png(&place.path("other/b.png"), 4, &[51; 16]);
    let text = place.read("sal.wsss").replace("folder_maps(\"sal\"", "folder_maps(\"other\"");
    let again = place.write("sal.wsss", text).wsss(&["run", "sal.wsss", "--dry-run"]).expect_code(0);
    assert!(again.out.starts_with("s: reused"), "{}", again.out);
    std::fs::remove_file(place.path("other/b.png")).expect("there is one");
    let missing = place.wsss(&["run", "sal.wsss", "--quiet"]).expect_code(1);
    let told = "1 of the 2 pictures of `train` that `s` runs over have no map there, the first is `b`";
    assert!(missing.err.contains(told), "{}", missing.err);
}

/// A classifier of a folder of one's own pictures.
fn own_pictures(labels: &str) -> Place {
    let place = Place::new();
    for (side, name) in (16..).zip(["a", "b", "c", "d"]) {
        rgb(&place.path(&format!("set/images/{name}.png")), side);
        if side > 17 {
            png(&place.path(&format!("set/masks/{name}.png")), side, &vec![0; side * side]);
        }
    }
    place.write("set/classes.txt", "cat\ndog\ncow\n").write("set/labels.csv", labels);
    place.write(
        "own.wsss",
        r#"supervision image
use nets   { lenet_cam }
use losses { multilabel_soft_margin }

let pictures = folder("set")

train classifier {
  data   = pictures.train |> standardize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]) |> random_crop(16)
  batch  = 2
  epochs = 1
  optimizer = sgd(lr = 0.01)
  net cls = lenet_cam(pictures.classes)
  step { image, tags } { loss cls = multilabel_soft_margin(gap(cls(image)), tags) }
}

score nothing {
  data = pictures.val
  each { image, mask } { metric iou = miou(argmax(0 * mean(image, axes = [1], keep = true), axis = 1), mask) }
}
"#,
    );
    place
}

#[test]
fn classes_in_no_picture_and_pictures_without_a_class_are_told() {
    let place = own_pictures("a,cat;dog,train\nb,,train\nc,cat,val\nd,dog,val\n");
    let answer = place.wsss(&["data", "check", "set"]).expect_code(0).out;
    assert!(answer.contains("train: no picture of cow; 1 picture without a class"), "{answer}");
    assert!(answer.contains("val: no picture of cow\n"), "{answer}");
    let answer = place.wsss(&["run", "own.wsss", "--dry-run"]).expect_code(0);
    let told = "no picture of `train` has the class `cow`: nothing can be learnt of it; 1 of 2 pictures of `train` have no class";
    assert!(answer.err.contains(told), "{}", answer.err);
}

#[test]
fn tags_of_nothing_are_not_learnt_from() {
    let place = own_pictures("a,,train\nb,,train\nc,cat,val\nd,dog,val\n");
    let answer = place.wsss(&["run", "own.wsss"]).expect_code(1);
    assert!(
        answer.err.contains("`classifier` learns from tags, and no picture of `train` has a class"),
        "{}",
        answer.err
    );
    assert!(!place.path("runs").exists(), "something ran");
}

#[test]
fn a_mask_that_is_missing_is_told_before_anything_runs() {
    let place = own_pictures("a,cat,train\nb,dog,train\nc,cat,val\nd,dog,val\n");
    std::fs::remove_file(place.path("set/masks/d.png")).expect("it is there");
    let answer = place.wsss(&["run", "own.wsss"]).expect_code(1);
    let told = "`nothing` looks at masks, and 1 of the 2 pictures of `val` have none, the first is `d`";
    assert!(answer.err.contains(told), "{}", answer.err);
    assert!(!place.path("runs").exists(), "something ran");
    // Without the stage that looks at them all is well.
    place.wsss(&["run", "own.wsss", "--until", "classifier"]).expect_code(0);
}

/// The way out is the same for all stages that look: the stage before one may look itself.
#[test]
fn who_has_no_masks_is_told_of_the_last_stage_that_needs_none() {
    let place = own_pictures("a,cat,train\nb,dog,train\nc,cat,val\nd,dog,val\n");
    std::fs::remove_dir_all(place.path("set/masks")).expect("it is there");
    let text = place.read("own.wsss");
    let (_, score) = text.split_once("score nothing").expect("it is there");
    place.write("own.wsss", format!("{text}\nscore again{score}"));
    let told = place.wsss(&["run", "own.wsss"]).expect_code(1).err;
    assert_eq!(told.matches("`--until classifier` leaves it out").count(), 2, "{told}");
}
