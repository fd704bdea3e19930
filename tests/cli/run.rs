//! `wsss run`, on a recipe that takes a second.

use super::{Place, TINY};

fn tiny() -> Place {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    place
}

/// The one folder of results that is not the store.
fn run_folder(place: &Place) -> String {
    let entries = std::fs::read_dir(place.path("runs")).expect("runs/ is there");
    let names = entries.map(|entry| entry.expect("listed").file_name().into_string().expect("text"));
    names.filter(|name| name != "store").last().expect("a run has a folder")
}

#[test]
fn a_recipe_that_is_wrong_is_not_run() {
    let place = Place::new();
    let answer = place.write("a.wsss", "let a = 1 / 0\n").wsss(&["run", "a.wsss"]).expect_code(1);
    assert!(answer.err.contains("error[division-by-zero]") && !place.path("runs").exists(), "{}", answer.err);
}

#[test]
fn figures_are_printed_and_kept_and_oracles_marked() {
    let place = tiny();
    let answer = place.wsss(&["run", "tiny.wsss", "--variant", "longer"]).expect_code(0);
    assert!(answer.out.contains("\nseeds\n  map_iou  0.") && answer.out.contains("(oracle"), "{}", answer.out);
    assert!(answer.out.contains("results: runs/tiny-"), "relative paths are printed: {}", answer.out);
    assert!(answer.err.contains("cls: epoch 2, loss "), "lines now and then: {}", answer.err);
    let folder = run_folder(&place);
    let metrics: serde_json::Value =
        serde_json::from_str(&place.read(&format!("runs/{folder}/metrics.json"))).expect("JSON");
    assert!(metrics["seeds"]["map_iou"].is_number() || metrics["seeds"]["map_iou"]["value"].is_number(), "{metrics}");
    let recipe = place.read(&format!("runs/{folder}/recipe.wsss"));
    assert!(recipe.contains("param epochs  = 2") && !recipe.contains("\nvariant"), "{recipe}");
    place.wsss(&["check", &format!("runs/{folder}/recipe.wsss")]).expect_code(0);
}

/// Who lacks a folder of maps is told of the variant that reads none; of other pictures the message does not speak.
#[test]
fn who_lacks_maps_is_told_what_does_without() {
    let place = Place::new();
    place.write(
        "a.wsss",
        "use data { scenes, folder_maps }

param saliency = folder_maps(\"sal\", carries = \"saliency\")
param images   = 4
param least    = 0.5

variant bare {
  saliency = none
}

variant strict {
  least = 0.8
}

variant quick {
  saliency = none
  images   = 6
}

let dataset = scenes(images = images, size = 32)

infer grey {
  data = dataset.train

  each { image } {
    save map = mean(image, axes = [1], keep = true) / 255
  }
}

infer bright {
  data = dataset.train with { map = if saliency == none { grey.map } else { saliency } }

  each { image, map } {
    save mask = map > least
  }
}
",
    );
    let told = place.wsss(&["run", "a.wsss"]).expect_code(1).err;
    assert!(told.contains("sal: there is no such folder of maps"), "{told}");
    assert!(told.contains("help: `--variant bare` does without these maps"), "{told}");
    place.wsss(&["run", "a.wsss", "--variant", "bare"]).expect_code(0);
    let strict = place.wsss(&["run", "a.wsss", "--variant", "strict"]).expect_code(1).err;
    assert!(strict.contains("`--variant bare` does"), "{strict}");
}

#[test]
fn what_is_there_is_not_run_again() {
    let place = tiny();
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    let dry = place.wsss(&["run", "tiny.wsss", "--dry-run", "--set", "epochs=1"]).expect_code(0).out;
    assert_eq!(dry.matches("reused").count(), 3, "{dry}");
    let dry = place.wsss(&["run", "tiny.wsss", "--dry-run", "--set", "epochs=2"]).expect_code(0).out;
    assert_eq!(dry.matches("would run").count(), 3, "{dry}");
    let answer = place.wsss(&["run", "tiny.wsss", "--force", "maps"]).expect_code(0);
    assert!(answer.err.contains("cls: reused") && answer.err.contains("maps: done in"), "{}", answer.err);
}

#[test]
fn json_is_one_object_a_line() {
    let place = tiny();
    let objects = place.wsss(&["run", "tiny.wsss", "--json"]).expect_code(0).objects();
    assert!(objects.iter().any(|object| object["event"] == "stage_finished" && object["stage"] == "cls"));
    let last = objects.last().expect("something is said");
    assert_eq!(last["type"], "finished");
    assert_eq!(last["metrics"]["seeds"]["map_iou"]["oracle"], true);
}

#[test]
fn stages_can_be_chosen() {
    let place = tiny();
    let answer = place.wsss(&["run", "tiny.wsss", "--until", "cls"]).expect_code(0);
    assert!(!answer.err.contains("maps ("), "{}", answer.err);
    let answer = place.wsss(&["run", "tiny.wsss", "--until", "clas"]).expect_code(1);
    assert!(answer.err.contains("did you mean `cls`?"), "{}", answer.err);
    place.wsss(&["run", "tiny.wsss", "--until", "cls", "--only", "maps"]).expect_code(2);
    place.wsss(&["run", "tiny.wsss", "--workers", "0"]).expect_code(2);
    place.wsss(&["run", "tiny.wsss", "--device", "gpu"]).expect_code(2);
    place.wsss(&["run", "tiny.wsss", "--precision", "f16"]).expect_code(2);
    if !cfg!(feature = "cuda") {
        let answer = place.wsss(&["run", "tiny.wsss", "--device", "cuda", "--precision", "f32"]).expect_code(3);
        assert!(answer.err.contains("this program was built without CUDA"), "{}", answer.err);
    }
}

#[test]
fn missing_data_names_the_variant_that_needs_none() {
    let place = Place::new();
    let recipe = TINY.replace("scenes(images = 12, size = 32, classes = 2)", "folder(\"no/such\")");
    let recipe = recipe.replace("variant longer {\n", "variant quick {\n  dataset = scenes(images = 12, size = 32)\n");
    let answer = place.write("a.wsss", recipe).wsss(&["run", "a.wsss"]).expect_code(1);
    assert!(answer.err.contains("error[data-not-found]") && answer.err.contains("`--variant quick`"), "{}", answer.err);
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    let place = tiny();
    place.write("file", "");
    let answer = place.wsss(&["run", "tiny.wsss", "--out", "file"]).expect_code(3);
    assert!(answer.err.contains("error[cannot-write]"), "{}", answer.err);
}

#[test]
fn until_a_stage_runs_what_it_needs_and_no_more() {
    let place = Place::new();
    let stage = |name: &str, data: &str| {
        format!("infer {name} {{ data = {data} each {{ image }} {{ save map = mean(image, axes = [1]) }} }}\n")
    };
    let data = "dataset.val";
    let recipe = [
        "use data { scenes }\nparam dataset = scenes(images = 4, size = 32, classes = 2)\n".to_string(),
        stage("first", data),
        stage("beside", &format!("{data} |> standardize")),
        stage("second", "dataset.val with { map = first.map }")
            .replace("{ image }", "{ image, map }")
            .replace("mean(image", "mean(image + unsqueeze(map, axis = 1)"),
        stage("after", &format!("{data} |> standardize([1, 1, 1], [1, 1, 1])")),
    ];
    place.write("r.wsss", recipe.concat());
    let told = place.wsss(&["run", "r.wsss", "--until", "second", "--dry-run"]).expect_code(0).out;
    let told: Vec<&str> = told.lines().filter_map(|line| line.split_once(':')).map(|(stage, _)| stage).collect();
    assert_eq!(told, ["first", "second"]);
    // Neither is memory asked for stages that do not run.
    let refused = place.wsss(&["run", "r.wsss", "--until", "second", "--mem", "1B"]).expect_code(1).err;
    assert!(refused.contains("`first`") && !refused.contains("`beside`") && !refused.contains("`after`"), "{refused}");
}
