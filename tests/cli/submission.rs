//! Predictions for the test server of PASCAL VOC: `save mask = voc_submission(mask)`.

use std::path::{Path, PathBuf};

use super::Place;
use super::data::rgb;
use wsss::files::archive::Archive;

/// Whatever is not black is an aeroplane.
const RECIPE: &str = r#"
use data { voc2012 }
param dataset = voc2012("VOC2012")
param packed  = voc_submission

infer prediction {
  data = dataset.test
  each { image } {
    let light = mean(image, axes = [1], keep = true)
    let each  = expand(light, [size(image, 0), dataset.classes, size(image, 2), size(image, 3)])
    save mask = packed(argmax(concat([0 * light, each], axis = 1), axis = 1))
  }
}

score figures {
  data = dataset.test with { prediction = prediction.mask }
  each { prediction, mask } { metric miou = miou(prediction, mask) }
}
"#;

/// A folder whose test list has two pictures without masks or annotations.
fn place() -> Place {
    let place = Place::new();
    place.write("r.wsss", RECIPE).write("VOC2012/ImageSets/Segmentation/test.txt", "2008_000006\n2008_000001\n");
    rgb(&place.path("VOC2012/JPEGImages/2008_000006.png"), 4);
    rgb(&place.path("VOC2012/JPEGImages/2008_000001.png"), 3);
    place
}

/// The one archive below `runs`, beside the figures.
fn archive(place: &Place) -> PathBuf {
    let runs = std::fs::read_dir(place.path("runs")).expect("there are runs");
    let archives = runs.map(|run| run.expect("listed").path().join("prediction.mask.zip"));
    archives.into_iter().find(|path| path.is_file()).expect("an archive")
}

fn members(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = Archive::open(std::fs::File::open(path).expect("opened")).expect("a zip archive");
    let names: Vec<String> = archive.members().iter().map(|member| member.name.clone()).collect();
    let read = |(at, name)| (name, archive.read(at).expect("a member"));
    names.into_iter().enumerate().map(read).collect()
}

#[test]
fn a_test_split_is_predicted_and_packed() {
    let place = place();
    let answer = place.wsss(&["run", "r.wsss", "--until", "prediction"]).expect_code(0);
    assert!(answer.err.contains("`prediction.mask` of 2 pictures is packed for the server: runs/"), "{}", answer.err);
    let members = members(&archive(&place));
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    let folder = "results/VOC2012/Segmentation/comp6_test_cls";
    assert_eq!(names, [format!("{folder}/2008_000006.png"), format!("{folder}/2008_000001.png")]);
    let mut reader = png::Decoder::new(std::io::Cursor::new(&members[1].1)).read_info().expect("a PNG");
    assert_eq!((reader.info().color_type, reader.info().bit_depth), (png::ColorType::Indexed, png::BitDepth::Eight));
    let mut indices = vec![0; 9];
    reader.next_frame(&mut indices).expect("as large as its picture");
    assert_eq!(indices, [1; 9]);
    assert_eq!(reader.info().palette.as_deref().map(|palette| palette[3..6].to_vec()), Some(vec![128, 0, 0]));

    // A stage that is reused hands it out as well; one that packs something else is another.
    std::fs::remove_file(archive(&place)).expect("it is there");
    assert!(place.wsss(&["run", "r.wsss", "--until", "prediction"]).expect_code(0).err.contains("is packed"));
    let other = ["--set", "packed = mask => voc_submission(mask, competition = \"comp5\")"];
    let again = place.wsss(&[&["run", "r.wsss", "--until", "prediction", "--dry-run"][..], &other].concat());
    assert!(again.expect_code(0).out.starts_with("prediction: would run, packed mask changed"));
    let plain = ["run", "r.wsss", "--until", "prediction", "--set", "packed = mask => mask", "--out", "plain"];
    assert!(!place.wsss(&plain).expect_code(0).err.contains("packed"));
}

#[test]
fn a_split_without_masks_is_not_measured() {
    let place = place();
    let answer = place.wsss(&["run", "r.wsss"]).expect_code(1);
    assert!(answer.err.contains("error[data-not-found]"), "{}", answer.err);
    assert!(answer.err.contains("`figures` looks at masks, and no picture of `test` has one"), "{}", answer.err);
    assert!(answer.err.contains("`--until prediction` leaves it out"), "{}", answer.err);
    assert!(!place.path("runs").exists(), "something ran");
    // The test list lacks nothing that it should have.
    place.wsss(&["data", "check", "VOC2012"]).expect_code(0);
}

#[test]
fn other_classes_are_refused_before_anything_runs() {
    let place = place();
    place.write("VOC2012/classes.txt", "cat\ndog\n");
    let answer = place.wsss(&["run", "r.wsss", "--until", "prediction"]).expect_code(1);
    assert!(answer.err.contains("whose classes are others than those of voc2012 VOC2012"), "{}", answer.err);
    assert!(!place.path("runs").exists(), "something ran");
}
