//! `wsss fmt`.

use expect_test::expect;

use super::{Place, repository, wsss};

#[test]
fn a_file_is_formatted_in_place_and_once() {
    let place = Place::new();
    place.write("a.wsss", "let  a=1 // one\n");
    assert_eq!(place.wsss(&["fmt", "a.wsss"]).expect_code(0).out, "formatted a.wsss\n");
    assert_eq!(place.read("a.wsss"), "let a = 1  // one\n");
    assert_eq!(place.wsss(&["fmt", "a.wsss"]).expect_code(0).out, "");
}

#[test]
fn check_prints_the_diff_and_changes_nothing() {
    let place = Place::new();
    place.write("a.wsss", "let  a=1\nlet b = 2\n");
    let answer = place.wsss(&["fmt", "--check", "a.wsss"]).expect_code(1);
    expect![[r#"
        --- a.wsss
        +++ a.wsss (formatted)
        @@ -1,2 +1,2 @@
        -let  a=1
        +let a = 1
         let b = 2
    "#]]
    .assert_eq(&answer.out);
    assert_eq!(place.read("a.wsss"), "let  a=1\nlet b = 2\n");
}

#[test]
fn folders_are_searched_and_broken_files_left_alone() {
    let place = Place::new();
    place.write("r/a.wsss", "let  a=1\n").write("r/sub/b.wsss", "let b = (\n").write("r/notes.txt", "let  c=1\n");
    let answer = place.wsss(&["fmt", "r"]).expect_code(1);
    assert!(answer.err.contains("error[syntax]") && answer.err.contains("b.wsss:"), "{}", answer.err);
    assert_eq!(place.read("r/a.wsss"), "let a = 1\n");
    assert_eq!(place.read("r/sub/b.wsss"), "let b = (\n");
    assert_eq!(place.read("r/notes.txt"), "let  c=1\n");
    let left = std::fs::read_dir(place.path("r")).expect("listed").count();
    assert_eq!(left, 3, "nothing is left beside the files");
}

#[test]
fn a_path_that_is_not_there_is_told() {
    let answer = wsss(&["fmt", "no-such.wsss"]).expect_code(1);
    assert!(answer.err.contains("error[cannot-read]"), "{}", answer.err);
}

#[test]
fn recipes_and_standard_library_are_formatted() {
    let folders = ["pipelines", "stdlib"].map(repository);
    let folders = folders.each_ref().map(|folder| folder.to_str().expect("a path in UTF-8"));
    wsss(&["fmt", "--check", folders[0], folders[1]]).expect_code(0);
}
