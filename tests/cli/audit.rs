//! `wsss audit`, and what `check` and `run` say of declassified values.

use expect_test::expect;

use super::Place;

const HIDES_NOTHING: &str = "
use data { scenes }
param d = scenes(images = 8, size = 32, classes = 2)
train t {
  data = d.train |> standardize |> random_crop(16)
  batch = 2
  epochs = 1
  optimizer = sgd(lr = 0.1)
  net cls = conv(3, d.classes)
  step { image, tags } { loss fit = mean(square(mean(cls(image), axes = [2, 3]) - tags)) }
}
score s {
  data = d.val |> standardize
  each { image, tags } { metric ap = mean_average_precision(mean(t.cls(image), axes = [2, 3]), tags) }
}
";

#[test]
fn a_recipe_with_nothing_to_hide_says_so_in_one_line() {
    let place = Place::new();
    let answer = place.write("plain.wsss", HIDES_NOTHING).wsss(&["audit", "plain.wsss"]).expect_code(0);
    expect![[r#"
        plain: supervision image

        train t over `train`
          loss fit  tags(train)
          net cls   pictures(train), tags(train)

        score s over `val`
          metric ap  pictures(train), tags(train), tags(val)

        nothing to hide: no outside knowledge, no weights of unknown origin, no oracle, nothing declassified
    "#]]
    .assert_eq(&answer.out);
}

const TELLS_ALL: &str = "
supervision image + saliency
use data { scenes }
param d = scenes(images = 8, size = 32, classes = 2)
train t {
  data = d.train |> standardize |> random_crop(16)
  batch = 2
  epochs = 1
  optimizer = sgd(lr = 0.1)
  net sal = load(conv(3, 1), \"sal.safetensors\", carries = \"saliency\")
  net cls = load(conv(3, d.classes), \"cls.safetensors\")
  step { image, tags, mask } {
    let share = declassify(mean(1 * (mask == 0)), \"published\")
    loss fit = share * mean(cls(image)) * mean(tags) + mean(sal(image))
  }
}
score s {
  data = d.val |> standardize
  each { image, tags, mask } {
    let maps = claim(t.cls(image), \"nonneg\") |> keep(tags)
    metric iou   = best_threshold_iou(maps, mask, thresholds = [0.1, 0.2])
  }
}
score again {
  data = d.val |> standardize
  each { image } { metric above = mean(image > s.iou.threshold) }
}
";

#[test]
fn everything_a_reader_should_know_has_its_section() {
    let place = Place::new();
    let answer = place.write("all.wsss", TELLS_ALL).wsss(&["audit", "all.wsss"]).expect_code(0);
    expect![[r#"
        all: supervision image + saliency

        train t over `train`
          loss fit  tags(train), saliency, weights of unknown origin
          net sal   pictures(train), tags(train), saliency, weights of unknown origin
          net cls   pictures(train), tags(train), saliency, weights of unknown origin

        score s over `val`
          metric iou  pictures(train), tags(train), tags(val), pixel(val), saliency, weights of unknown origin

        score again over `val`
          metric above  pictures(train), tags(train), oracle of tags(val), oracle of pixel(val), saliency, weights of unknown origin

        knowledge from outside the data
          t.sal: saliency

        weights of unknown origin
          t.cls: cls.safetensors

        oracle figures
          s.iou: chosen by looking at pixel labels of `val`
          again.above: computed with a choice made by looking at pixel labels of `val`

        figures computed with the tags of the pictures they are measured on
          s.iou: the tags of `val`

        declassified
          all.wsss:13:17: "published" (in `t`; it had seen pixel labels of `train`)
    "#]].assert_eq(&answer.out);
    let object = &place.wsss(&["audit", "all.wsss", "--json"]).expect_code(0).objects()[0];
    assert_eq!((&object["type"], &object["supervision"]), (&"audit".into(), &"image + saliency".into()));
    assert_eq!(object["unknown_weights"][0], serde_json::json!({ "what": "cls.safetensors", "at": "t.cls" }));
    assert_eq!(object["oracles"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_recipe_that_is_wrong_is_not_audited() {
    let place = Place::new();
    let answer = place.write("wrong.wsss", "let a = 1 / 0\n").wsss(&["audit", "wrong.wsss"]).expect_code(1);
    assert!(answer.out.is_empty() && answer.err.starts_with("error[division-by-zero]"), "{}", answer.err);
}

#[test]
fn check_and_run_tell_what_was_declassified() {
    let place = Place::new();
    let honest = HIDES_NOTHING.replace("- tags", "- declassify(tags, \"a test\")");
    place.write("taken.wsss", &honest);
    let at = "declassified at taken.wsss:10:83: \"a test\" (in `t`; it had seen the tags of `train`)";
    let checked = place.wsss(&["check", "taken.wsss"]).expect_code(0);
    assert_eq!(checked.out, format!("{at}\ntaken.wsss: no problems, 2 stages\n"));
    let objects = place.wsss(&["check", "taken.wsss", "--json"]).expect_code(0).objects();
    assert_eq!((&objects[0]["type"], &objects[0]["at"]), (&"declassified".into(), &"taken.wsss:10:83".into()));
    let ran = place.wsss(&["run", "taken.wsss"]).expect_code(0);
    assert!(ran.out.starts_with(at), "{}", ran.out);
}
