//! Small trees in COCO's layout, written as text.

use super::OnTop;
use crate::data::testing::Tree;
use crate::data::{Source, check_source, detect, open};

/// Ids with gaps, not in order: `cat` is class 1, `dog` 2, `owl` 3.
const CATEGORIES: &str =
    r#"[{"id": 90, "name": "owl"}, {"id": 17, "name": "cat", "supercategory": "animal"}, {"id": 18, "name": "dog"}]"#;

/// A square of the picture: from its left upper corner on.
fn square(id: u64, image: u64, category: u64, more: &str, [x, y, side]: [u64; 3]) -> String {
    let (right, below) = (x + side, y + side);
    format!(
        r#"{{"id": {id}, "image_id": {image}, "category_id": {category}, "iscrowd": 0, "bbox": [], "area": {}{more},
            "segmentation": [[{x}, {y}, {right}, {y}, {right}, {below}, {x}, {below}]]}}"#,
        side * side
    )
}

fn file(images: &[(u64, &str)], annotations: &[String]) -> String {
    let image = |(id, name): &(u64, &str)| {
        format!(r#"{{"license": 3, "file_name": "{name}.jpg", "height": 6, "width": 8, "id": {id}}}"#)
    };
    let images: Vec<String> = images.iter().map(image).collect();
    format!(
        r#"{{"info": {{"year": 2014}}, "images": [{}], "licenses": [], "annotations": [{}], "categories": {CATEGORIES}}}"#,
        images.join(", "),
        annotations.join(", ")
    )
}

const TRAIN: &str = "annotations/instances_train2014.json";
const VAL: &str = "annotations/instances_val2014.json";

/// Three pictures, one without annotations; a small dog before a large cat before a crowd of owls.
fn tiny() -> Tree {
    let tree = Tree::new();
    let crowd = r#"{"id": 3, "image_id": 7, "category_id": 90, "iscrowd": 1, "area": 12,
        "segmentation": {"size": [6, 8], "counts": [0, 24, 24]}}"#;
    let train = [square(1, 7, 18, "", [3, 1, 2]), square(2, 7, 17, "", [2, 1, 4]), crowd.to_owned()];
    tree.text(TRAIN, &file(&[(9, "b"), (7, "a")], &train));
    tree.text(VAL, &file(&[(8, "c")], &[square(4, 8, 90, "", [0, 0, 1])]));
    tree.jpeg("train2014/a.jpg", 6, 8);
    tree.jpeg("train2014/b.jpg", 6, 8);
    tree.jpeg("val2014/c.jpg", 6, 8);
    tree
}

fn source(tree: &Tree, on_top: OnTop) -> Source {
    Source::Coco { root: tree.root().to_owned(), year: 2014, on_top, tags: None }
}

fn mask(tree: &Tree, on_top: OnTop) -> String {
    let mask = open(&source(tree, on_top)).unwrap().mask("train", 1).unwrap().unwrap();
    let row = |row: &[u8]| {
        row.iter().map(|value| if *value == 255 { '?' } else { (b'0' + value) as char }).collect::<String>()
    };
    mask.data.chunks(mask.width).map(|values| format!("{}\n", row(values))).collect()
}

#[test]
fn classes_tags_and_splits() {
    let tree = tiny();
    assert_eq!(detect(tree.root()).unwrap(), source(&tree, OnTop::Later));
    let dataset = open(&source(&tree, OnTop::Later)).unwrap();
    assert_eq!((dataset.name(), dataset.classes()), ("coco", &["cat", "dog", "owl"].map(str::to_owned)[..]));
    assert_eq!((dataset.splits(), dataset.len("train"), dataset.len("val")), (vec!["train", "val"], Some(2), Some(1)));
    assert_eq!((dataset.id("train", 0), dataset.id("train", 1)), ("b", "a"));
    // A crowd has its tag, too; a picture without annotations has none.
    assert_eq!(dataset.tags("train", 1).unwrap(), [true, true, true]);
    assert_eq!(dataset.tags("train", 0).unwrap(), [false, false, false]);
    assert_eq!(dataset.mask("train", 0).unwrap().unwrap().data, [0; 48]);
    assert_eq!(dataset.mask("val", 0).unwrap().unwrap().data[..2], [3, 0]);
    assert_eq!((dataset.image("val", 0).unwrap().height, dataset.image_size("val", 0).unwrap()), (6, [6, 8]));
    assert_eq!(check_source(&source(&tree, OnTop::Later)), []);
}

#[test]
fn which_instance_is_seen() {
    let tree = tiny();
    expect_test::expect![[r#"
        ????0000
        ??111100
        ??111100
        ??111100
        ??111100
        ????0000
    "#]]
    .assert_eq(&mask(&tree, OnTop::Later));
    expect_test::expect![[r#"
        ????0000
        ??122100
        ??122100
        ??111100
        ??111100
        ????0000
    "#]]
    .assert_eq(&mask(&tree, OnTop::Smaller));
    let print = |on_top| open(&source(&tree, on_top)).unwrap().fingerprint().unwrap();
    assert_ne!(print(OnTop::Later), print(OnTop::Smaller));
}

#[test]
fn the_fingerprint_follows_outlines_not_the_place() {
    let print = |tree: &Tree| open(&source(tree, OnTop::Later)).unwrap().fingerprint().unwrap();
    let (one, two) = (tiny(), tiny());
    assert_eq!(print(&one), print(&two));
    two.text(VAL, &file(&[(8, "c")], &[square(4, 8, 90, "", [0, 0, 2])]));
    assert_ne!(print(&one), print(&two));
}

#[test]
fn pictures_may_lie_below_images_and_splits_may_be_absent() {
    let tree = tiny();
    for split in ["train2014", "val2014"] {
        std::fs::create_dir_all(tree.root().join("images")).unwrap();
        std::fs::rename(tree.root().join(split), tree.root().join("images").join(split)).unwrap();
    }
    assert_eq!(check_source(&detect(tree.root()).unwrap()), []);
    std::fs::remove_file(tree.root().join(VAL)).unwrap();
    assert_eq!(open(&source(&tree, OnTop::Later)).unwrap().splits(), ["train"]);
    let later = Source::Coco { root: tree.root().to_owned(), year: 2017, on_top: OnTop::Later, tags: None };
    assert_eq!(
        tree.tell(&open(&later).err().unwrap()),
        "annotations/instances_train2017.json: there is no such file; the files of 2014 are there: `year = 2014`"
    );
    std::fs::remove_file(tree.root().join(TRAIN)).unwrap();
    let told = tree.tell(&open(&source(&tree, OnTop::Later)).err().unwrap());
    assert!(told.ends_with("`coco` takes the folder that holds `annotations` and `train2014`"), "{told}");
}

/// What `data check` says of a tree with other annotations of its pictures `a` (7) and `b` (9).
fn told(train: &str, on_top: OnTop) -> String {
    let tree = tiny();
    tree.text(TRAIN, train);
    check_source(&source(&tree, on_top)).iter().map(|problem| tree.tell(problem) + "\n").collect()
}

#[test]
fn every_problem_is_told_with_the_annotation() {
    let runs = |id, size: &str, counts: &str| {
        format!(
            r#"{{"id": {id}, "image_id": 7, "category_id": 17, "segmentation": {{"size": {size}, "counts": {counts}}}}}"#
        )
    };
    let annotations = [
        square(1, 70, 17, "", [0, 0, 1]),
        square(2, 7, 19, "", [0, 0, 1]),
        runs(3, "[8, 6]", "[48]"),
        runs(4, "[6, 8]", "[47]"),
        runs(5, "[6, 8]", "[48]"),
    ];
    let images = [(7, "a"), (9, "b"), (9, "d"), (10, "a"), (11, "e")];
    let wrong = file(&images, &annotations).replacen(r#""width": 8, "id": 11"#, r#""width": 0, "id": 11"#, 1);
    expect_test::expect![[r#"
        annotations/instances_train2014.json: has two pictures 9 `d`: the other is `b`
        annotations/instances_train2014.json: has two pictures 10 `a`: the other is `a`
        annotations/instances_train2014.json: has the picture `e` with 6 × 0 pixels
        annotations/instances_train2014.json: the annotation 1 is of the picture 70, which is not there
        annotations/instances_train2014.json: the annotation 2 has the category 19, which is not there
        annotations/instances_train2014.json: the annotation 3 of `a` has runs for 8 × 6, its picture is 6 × 8 (height × width)
        annotations/instances_train2014.json: the annotation 4 of `a` has runs of 47 pixels, its picture has 48
        annotations/instances_train2014.json: the annotation 5 of `a` has no `area`, by which the smaller one is told
        train2014/d.jpg: is listed in annotations/instances_train2014.json, but there is no such file
    "#]]
    .assert_eq(&told(&wrong, OnTop::Smaller));
}

#[test]
fn a_file_that_is_no_file_of_instances_is_told() {
    let whole = file(&[(7, "a")], &[square(1, 7, 17, "", [0, 0, 1])]);
    let texts = [
        whole[..whole.len() / 2].to_owned(),
        "no JSON".to_owned(),
        whole.replace("segmentation", "caption"),
        whole.replace("[[0, 0, 1", "[[0, 0, true"),
        whole.replace(CATEGORIES, "[]"),
        whole.replace(CATEGORIES, r#"[{"id": 17, "name": "cat"}]"#),
        whole.replace("90", "18"),
        file(&[], &[]),
    ];
    let told: String = texts.iter().map(|text| told(text, OnTop::Later)).collect();
    expect_test::expect![[r#"
        annotations/instances_train2014.json: is cut short: EOF while parsing a string at line 1 column 201
        annotations/instances_train2014.json: is not JSON: expected ident at line 1 column 2
        annotations/instances_train2014.json: does not hold instances as COCO has them: missing field `segmentation` at line 2 column 50; `images`, `annotations` with a `segmentation` each, and `categories`: the files `instances_….json`
        annotations/instances_train2014.json: does not hold instances as COCO has them: invalid type: boolean `true`, expected f64 at line 2 column 40; `images`, `annotations` with a `segmentation` each, and `categories`: the files `instances_….json`
        annotations/instances_train2014.json: names no category
        annotations/instances_val2014.json: has other categories than instances_train2014.json
        annotations/instances_train2014.json: has the category 18 `owl` twice, by its id or its name
        annotations/instances_train2014.json: lists no picture
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_picture_of_another_size_is_told() {
    let tree = tiny();
    tree.jpeg("train2014/a.jpg", 6, 9);
    std::fs::remove_file(tree.root().join("val2014/c.jpg")).unwrap();
    let problems = check_source(&source(&tree, OnTop::Later));
    let told: Vec<String> = problems.iter().map(|problem| tree.tell(problem)).collect();
    expect_test::expect![[r#"
        val2014/c.jpg: is listed in annotations/instances_val2014.json, but there is no such file
        train2014/a.jpg: is 6 × 9, its mask is 6 × 8 (height × width)"#]]
    .assert_eq(&told.join("\n"));
}
