//! `wsss show`: what a stage saved of one picture.

use super::{Place, TINY};

/// A run whose stages save a map, class numbers and scores, two of them under one name.
fn place() -> Place {
    let more = TINY.replace(
        "save map = sigmoid(cls.net(image)) |> resize_like(image)",
        "let map = sigmoid(cls.net(image)) |> resize_like(image)\n    save map = map\n    save best = argmax(map, axis = 1)\n    save scores = gap(map)",
    );
    let again = TINY[TINY.find("infer maps").expect("a stage")..TINY.find("score seeds").expect("a stage")]
        .replace("infer maps", "infer flat")
        .replace("sigmoid(", "relu(");
    let place = Place::new();
    place.write("tiny.wsss", format!("{more}\n{again}"));
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    place
}

/// The id of a picture of the split `val`.
fn image(place: &Place) -> String {
    let answer = place.wsss(&["show", "maps.map", "--image", "no such"]).expect_code(1);
    assert!(answer.err.contains("error[unknown-name]: `maps.map` has no picture `no such`"), "{}", answer.err);
    let known = answer.err.split("pictures: `").nth(1).and_then(|rest| rest.split('`').next());
    known.unwrap_or_else(|| panic!("no picture is named: {}", answer.err)).to_string()
}

#[test]
fn a_map_is_a_heat_map_and_an_array() {
    let place = place();
    let id = image(&place);
    let answer = place.wsss(&["show", "maps.map", "--image", &id, "--out", "map.png"]).expect_code(0);
    assert!(answer.out.contains("real numbers of shape [2, 32, 32], from 0."), "{}", answer.out);
    assert!(answer.out.contains("side by side: 0, 1\nwritten to map.png\n"), "{}", answer.out);
    let picture = wsss::data::read_rgb(&place.path("map.png")).expect("a picture");
    assert_eq!((picture.height, picture.width), (32, 64));
    place.wsss(&["show", "maps.map", "--image", &id, "--out", "map.npz"]).expect_code(0);
    let listed = place.wsss(&["weights", "inspect", "map.npz"]).expect_code(0).out;
    assert!(listed.contains("2 × 32 × 32"), "{listed}");
}

#[test]
fn class_numbers_have_the_colours_of_voc() {
    let place = place();
    let id = image(&place);
    let objects = place.wsss(&["show", "best", "--image", &id, "--out", "best.png", "--json"]).expect_code(0).objects();
    assert_eq!((&objects[0]["stage"], &objects[0]["real"]), (&"maps".into(), &false.into()));
    let numbers = wsss::data::read_indices(&place.path("best.png")).expect("class numbers");
    let [low, high] =
        [numbers.data.iter().min(), numbers.data.iter().max()].map(|number| f64::from(*number.expect("pixels")));
    assert_eq!((objects[0]["min"].as_f64(), objects[0]["max"].as_f64()), (Some(low), Some(high)));
}

#[test]
fn what_is_meant_must_be_clear() {
    let place = place();
    let id = image(&place);
    let error = |words: &[&str]| place.wsss(&[&["show"], words, &["--image", &id]].concat()).expect_code(1).err;
    assert!(error(&["map"]).contains("say which: `maps.map`, `flat.map`"));
    assert!(error(&["maps.mop"]).contains("did you mean `maps.map`?"));
    assert!(error(&["maps.map", "--run", "nowhere"]).contains("`nowhere` is no run"));
    let scores = error(&["scores", "--out", "scores.png"]);
    assert!(scores.contains("is no picture") && scores.contains("--out scores.npz"), "{scores}");
    assert!(!place.path("scores.png").exists());
    let told = place.wsss(&["show", "scores", "--image", &id]).expect_code(0).out;
    assert!(told.starts_with("maps.scores of ") && told.contains("of shape [2]"), "{told}");
    let answer = place.wsss(&["show", "best", "--image", &id, "--out", "best.gif"]).expect_code(2);
    assert!(answer.err.contains("neither .png nor .npz"), "{}", answer.err);
}
