//! The shipped recipes: each checks as it stands and with each of its variants, and runs from end to end on a few small pictures.

use std::path::Path;

use super::cli::{Answer, Place, repository, rgb};
use wsss::compile::compile;
use wsss::diag::Problems;
use wsss::hir::{self, Files};
use wsss::lower::{Choices, lower};
use wsss::source::Sources;

/// The shipped recipes, to be used by others.
pub(super) struct Pipelines;

impl Files for Pipelines {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(repository("pipelines").join(path))
    }
}

/// Names and texts of `pipelines/`.
fn shipped() -> Vec<(String, String)> {
    let files = std::fs::read_dir(repository("pipelines")).expect("pipelines/ is there");
    let paths = files.map(|file| file.expect("pipelines/ can be listed").path());
    let mut recipes: Vec<(String, String)> = paths
        // Who has run a recipe with weights has a lock beside it.
        .filter(|path| path.extension().is_some_and(|end| end == "wsss"))
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name").to_string();
            (name, std::fs::read_to_string(&path).expect("a recipe is text"))
        })
        .collect();
    recipes.sort();
    recipes
}

fn variants(text: &str) -> impl Iterator<Item = &str> {
    let headers = text.lines().filter_map(|line| line.strip_prefix("variant "));
    headers.filter_map(|rest| rest.split_whitespace().next())
}

#[test]
fn every_variant_of_every_recipe_has_no_problems() {
    for (name, text) in shipped() {
        for variant in std::iter::once(None).chain(variants(&text).map(Some)) {
            let (mut sources, mut problems) = (Sources::new(), Problems::default());
            let program = hir::load(&name, &text, &[], &Pipelines, &mut sources, &mut problems);
            let choices = Choices { variants: variant.into_iter().map(str::to_string).collect(), ..Choices::default() };
            let recipe = lower(&name, &program, &choices, &mut problems);
            if !problems.has_errors() {
                compile(&recipe, &mut problems);
            }
            assert!(problems.is_empty(), "{name}, variant {variant:?}: {:#?}", problems.sorted());
        }
    }
}

/// What makes a `quick` variant small enough for a test, param by param; a recipe takes those that it has.
const SMALL: &[&str] = &[
    "dataset=scenes(images = 12, size = 32, classes = 2)",
    "long_side=32..40 px",
    "crop=32 px",
    "batch=4 images",
    "epochs=1 epochs",
    "taught_from=0 epochs",
    "scales=[1]",
];

/// The same of params that only one recipe has, or those of the recipes that it uses.
const OWN: &[(&str, &[&str])] = &[
    ("psa.wsss", &["affinity_crop=36 px", "affinity_batch=4 images", "affinity_epochs=1 epochs"]),
    (
        "segmentation.wsss",
        &[
            "quick_psa.long_side=32..40 px",
            "quick_psa.crop=32 px",
            "quick_psa.batch=4 images",
            "quick_psa.epochs=1 epochs",
            "quick_psa.scales=[1]",
            "quick_psa.affinity_crop=36 px",
            "quick_psa.affinity_batch=4 images",
            "quick_psa.affinity_epochs=1 epochs",
        ],
    ),
    ("occse.wsss", CLASSIFIED),
    ("cpn.wsss", CHAIN),
    ("ecsnet.wsss", CHAIN),
    (
        "isim.wsss",
        &[
            "warm=0 epochs",
            "again=0 epochs",
            "walk_long_side=32..40 px",
            "walk_crop=32 px",
            "walk_batch=4 images",
            "small_seg.crop=32 px",
            "small_seg.batch=4 images",
            "small_seg.epochs=1 epochs",
        ],
    ),
    ("multi_estimations.wsss", &["seg_crop=32 px", "seg_batch=4 images", "seg_epochs=1 epochs"]),
    ("noisy_labels.wsss", &["blocks=[4]", "me.seg_crop=32 px", "me.seg_batch=4 images", "me.seg_epochs=1 epochs"]),
];

/// Of PSA's chain and of the segmentation network, and of PSA's classifier where that is used as well.
const CHAIN: &[&str] = CLASSIFIED.split_at(6).0;
const CLASSIFIED: &[&str] = &[
    "psa.affinity_crop=36 px",
    "psa.affinity_batch=4 images",
    "psa.affinity_epochs=1 epochs",
    "seg.crop=32 px",
    "seg.batch=4 images",
    "seg.epochs=1 epochs",
    "psa.long_side=32..40 px",
    "psa.crop=32 px",
    "psa.batch=4 images",
];

/// A folder with all shipped recipes.
fn with_recipes() -> Place {
    let place = Place::new();
    for (name, text) in shipped() {
        place.write(&name, &text);
    }
    place
}

/// The words that run the `quick` variant of a recipe small enough for a test.
fn quick(name: &str) -> Vec<String> {
    let own = OWN.iter().find(|(own, _)| *own == name).map_or(&[][..], |(_, sets)| sets);
    let (_, text) = shipped().into_iter().find(|(other, _)| *other == name).expect("it is there");
    // Of the common ones those that the recipe has.
    let has = |set: &&&str| set.split_once('=').is_some_and(|(param, _)| text.contains(&format!("\nparam {param} ")));
    let sets = SMALL.iter().filter(has).chain(own).flat_map(|set| ["--set", set]);
    ["run", name, "--variant", "quick"].into_iter().chain(sets).map(str::to_string).collect()
}

/// Runs `quick` with more words, which count where they say the same.
fn run_quick(place: &Place, name: &str, more: &[&str]) -> Answer {
    let words = quick(name);
    let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    place.wsss(&words).expect_code(0)
}

/// The two stages of the paper's COCO figures: the segmentation network learns what a CRF makes of the maps.
#[test]
fn oc_cse_runs_on_coco() {
    let place = with_recipes();
    for split in ["train", "val"] {
        let mut images = Vec::new();
        let mut annotations = Vec::new();
        for id in 1..=6 {
            images.push(format!(r#"{{"id": {id}, "file_name": "{split}{id}.jpg", "height": 32, "width": 32}}"#));
            let (category, side) = (5 + id % 2, 10 + id);
            annotations.push(format!(
                r#"{{"image_id": {id}, "category_id": {category}, "segmentation": [[2, 2, {side}, 2, {side}, {side}, 2, {side}]]}}"#
            ));
            rgb(&place.path(&format!("coco/{split}2014/{split}{id}.png")), 32);
        }
        let (images, annotations) = (images.join(","), annotations.join(","));
        let categories = r#"[{"id": 5, "name": "cat"}, {"id": 6, "name": "dog"}]"#;
        place.write(
            &format!("coco/annotations/instances_{split}2014.json"),
            format!(r#"{{"images": [{images}], "annotations": [{annotations}], "categories": {categories}}}"#),
        );
    }
    let words = ["--variant", "coco", "--set", "dataset=coco(\"coco\")", "--json"];
    let objects = run_quick(&place, "occse.wsss", &words).objects();
    let metrics = &objects.last().expect("figures")["metrics"];
    assert!(metrics["seeds_crf"]["miou"]["value"].is_number() && metrics["figures"]["miou"]["value"].is_number());
}

#[test]
fn the_test_split_of_voc_is_predicted() {
    let place = with_recipes();
    let ids: Vec<String> = (1..=6).map(|id| format!("2008_00000{id}")).collect();
    for id in &ids {
        rgb(&place.path(&format!("VOC2012/JPEGImages/{id}.png")), 32);
        place.write(&format!("VOC2012/Annotations/{id}.xml"), "<annotation><name>cat</name></annotation>");
    }
    place.write("VOC2012/ImageSets/Segmentation/train.txt", ids[..4].join("\n"));
    place.write("VOC2012/ImageSets/Segmentation/test.txt", ids[4..].join("\n"));
    let data = ["--variant", "voc_test", "--set", "dataset=voc2012(\"VOC2012\")", "--until", "prediction"];
    let answer = run_quick(&place, "segmentation.wsss", &data);
    assert!(answer.err.contains("`prediction.mask` of 2 pictures is packed for the server"), "{}", answer.err);
}

/// The released code of OC-CSE, and that of Puzzle-CAM and ISIM, keep the epoch that is best on masks.
#[test]
fn masks_choose_an_epoch_where_the_recipe_says_so() {
    for (name, variant, stage, epochs, figure) in [
        ("occse.wsss", "as_released", "cgnet", "epochs=3 epochs", "cam_iou"),
        ("segmentation.wsss", "best_epoch", "segmentation", "epochs=3 epochs", "val_iou"),
    ] {
        let place = with_recipes();
        let answer = run_quick(&place, name, &["--variant", variant, "--set", epochs, "--until", stage]);
        let kept = format!("`{stage}`: epoch ");
        let by = format!(" of 3 is kept, the best by `{figure}`");
        assert!(answer.err.contains(&kept) && answer.err.contains(&by), "{name}: {}", answer.err);
        // The recipe itself measures nothing of the kind.
        let plain = run_quick(&place, name, &["--set", epochs, "--until", stage]);
        assert!(!plain.err.contains(" is kept"), "{name}: {}", plain.err);
    }
}

#[test]
fn every_recipe_runs_from_end_to_end() {
    for (name, _) in shipped() {
        let place = with_recipes();
        let objects = run_quick(&place, &name, &["--json"]).objects();
        let stages = objects.last().expect("figures")["metrics"].as_object().expect("stages").clone();
        let figures = stages.values().flat_map(|stage| stage.as_object().expect("metrics").values().cloned());
        let means: Vec<f64> = figures.filter_map(|figure| figure["value"].as_f64()).collect();
        assert!(!means.is_empty() && means.iter().all(|mean| mean.is_finite()), "{name}: {stages:?}");
    }
}

/// The five papers at their default setting: every network, crop and stage as the paper has it, over two drawn pictures.
const PAPERS: &[(&str, &[&str])] = &[
    ("cpn.wsss", PAPER_CHAIN),
    ("ecsnet.wsss", PAPER_CHAIN),
    // Without weights of ImageNet the frozen norms of ResNet38 let numbers grow: a step of the paper's rate would leave no numbers.
    ("occse.wsss", PAPER_CLASSIFIED),
    (
        "isim.wsss",
        &[
            "check_on=d => d.train",
            "warm=0 epochs",
            "again=0 epochs",
            "scales=[1]",
            "walk_batch=1 images",
            "walk_epochs=1 epochs",
            "v3.batch=1 images",
            "v3.epochs=1 epochs",
            "v3.scales=[1]",
        ],
    ),
    (
        "multi_estimations.wsss",
        &[
            "networks=[{ trunk = vgg16_trunk, weights = none, prepare = as_caffe }, { trunk = resnet38_frozen, weights = none, prepare = as_torch }]",
            "saliency=none",
            "seg_weights=none",
            "seg_batch=1 images",
            "seg_epochs=1 epochs",
        ],
    ),
];

const PAPER_CHAIN: &[&str] = PAPER_CLASSIFIED.split_at(6).0;
const PAPER_CLASSIFIED: &[&str] = &[
    "scales=[1]",
    "psa.affinity_batch=1 images",
    "psa.affinity_epochs=1 epochs",
    "seg.batch=1 images",
    "seg.epochs=1 epochs",
    "seg.scales=[1]",
    "psa.batch=1 images",
    "lr=1e-30",
];

#[test]
#[ignore = "three minutes and 3 GiB: one step of each network at the paper's size, and what follows"]
fn every_paper_runs_at_its_size() {
    let of_all = [
        "dataset=scenes(images = 2, size = 480, classes = 20)",
        "learn_from=d => d.train",
        "score_on=d => d.train",
        "batch=1 images",
        "epochs=1 epochs",
    ];
    for (name, own) in PAPERS {
        let place = with_recipes();
        let sets = of_all.iter().chain(*own).flat_map(|set| ["--set", set]);
        let words: Vec<&str> = ["run", name, "--json"].into_iter().chain(sets).collect();
        let objects = place.wsss(&words).expect_code(0).objects();
        let begun = objects.iter().filter(|object| object["event"] == "stage_started");
        let trained = begun.filter(|object| object["kind"] == "train").count();
        assert!(trained >= 3, "{name}: {trained} networks were trained");
        println!("{name}: {trained} networks trained a step");
    }
}
