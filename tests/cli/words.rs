//! Commands that only speak: help, explain, list, doc, new, completions.

use expect_test::expect;

use super::{Place, repository, wsss};

#[test]
fn without_a_command_there_is_help_and_exit_code_2() {
    let answer = wsss(&[]).expect_code(2);
    for command in [
        "run",
        "table",
        "report",
        "runs",
        "show",
        "store",
        "check",
        "fmt",
        "graph",
        "call",
        "eval",
        "doc",
        "explain",
        "list",
        "data",
        "weights",
        "new",
        "completions",
    ] {
        assert!(answer.err.contains(&format!("\n  {command} ")), "{command} is not in the help:\n{}", answer.err);
    }
}

#[test]
fn help_and_version_are_no_mistakes() {
    wsss(&["--help"]).expect_code(0);
    wsss(&["run", "--help"]).expect_code(0);
    assert!(wsss(&["--version"]).expect_code(0).out.starts_with("wsss "));
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for words in [&["fly"][..], &["check"], &["check", "a.wsss", "--fast"], &["run", "a.wsss", "--seed", "x"], &["fmt"]]
    {
        let answer = wsss(words).expect_code(2);
        assert!(answer.err.contains("error"), "{words:?}: {}", answer.err);
    }
    wsss(&["check", "a.wsss", "--set", "crop"]).expect_code(2);
}

#[test]
fn explain_prints_a_page() {
    let page = wsss(&["explain", "unused-import"]).expect_code(0).out;
    assert!(page.starts_with("unused-import\n\nA `use` line brings in") && !page.contains("```"), "{page}");
    assert_eq!(wsss(&["explain", "error[unused-import]"]).expect_code(0).out, page);
}

#[test]
fn explain_knows_what_was_meant() {
    let answer = wsss(&["explain", "unknown-nam"]).expect_code(2);
    expect![[r#"
        error: there is no code `unknown-nam`
          help: did you mean `unknown-name`?
    "#]]
    .assert_eq(&answer.err);
}

#[test]
fn explain_without_a_code_lists_them() {
    let list = wsss(&["explain"]).expect_code(0).out;
    assert!(list.lines().count() > 40 && list.contains("supervision-leak"), "{list}");
}

#[test]
fn list_names_the_recipes() {
    let answer = wsss(&["list"]).expect_code(0);
    assert!(answer.out.contains("pipelines/cam.wsss ") && answer.out.contains(" CAM: "), "{}", answer.out);
    let objects = wsss(&["list", "--json"]).expect_code(0).objects();
    let cam = objects.iter().find(|object| object["path"] == "pipelines/cam.wsss").expect("cam is there");
    assert!(cam["variants"].as_array().expect("a list").contains(&"quick".into()));
}

#[test]
fn doc_has_an_index_and_pages() {
    let index = wsss(&["doc"]).expect_code(0).out;
    for word in ["max_normalize", "scenes", "sgd", "relu", "best_threshold_iou"] {
        assert!(index.contains(word), "{word} is not in the index");
    }
    let page = wsss(&["doc", "relu"]).expect_code(0).out;
    assert!(page.starts_with("relu(") && page.contains("→"), "{page}");
    let page = wsss(&["doc", "cam.max_normalize"]).expect_code(0).out;
    assert!(page.starts_with("fn max_normalize(map") && page.contains("use cam { max_normalize }"), "{page}");
    assert!(wsss(&["doc", "cam"]).expect_code(0).out.contains("multiscale"));
    assert!(wsss(&["doc", "sgd"]).expect_code(0).out.contains("learning rate"));
    assert!(wsss(&["doc", "max_normalise"]).expect_code(2).err.contains("did you mean `max_normalize`?"));
}

#[test]
fn new_writes_a_recipe_once() {
    let place = Place::new();
    let answer = place.wsss(&["new", "mine"]).expect_code(0);
    assert!(answer.out.starts_with("mine.wsss is written"), "{}", answer.out);
    let text = place.read("mine.wsss");
    place.write("mine.wsss", "// changed\n");
    let answer = place.wsss(&["new", "mine.wsss"]).expect_code(1);
    assert!(answer.err.contains("error[cannot-write]: `mine.wsss` exists already"), "{}", answer.err);
    assert_eq!(place.read("mine.wsss"), "// changed\n");
    place.write("mine.wsss", text);
    let answer = place.wsss(&["check", "mine.wsss"]).expect_code(0);
    expect![[r#"
        mine.wsss: no problems, 3 stages
    "#]]
    .assert_eq(&answer.out);
    place.wsss(&["fmt", "--check", "mine.wsss"]).expect_code(0);
    place.wsss(&["check", "mine.wsss", "--variant", "quick"]).expect_code(0);
    place.wsss(&["new", "no/such/folder/mine"]).expect_code(3);
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(wsss(&["completions", shell]).expect_code(0).out.contains("wsss"), "{shell}");
    }
    wsss(&["completions", "cmd"]).expect_code(2);
}

#[test]
fn the_page_of_the_command_line_names_every_option() {
    let page = std::fs::read_to_string(repository("docs/cli.md")).expect("the page is there");
    for command in ["run", "check", "fmt", "graph", "call", "eval"] {
        let help = wsss(&[command, "--help"]).expect_code(0).out;
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options.map(|option| option.trim_end_matches([',', '.', ';', ')', '`'])) {
            assert!(option == "--help" || page.contains(option), "docs/cli.md does not know {option} of `{command}`");
        }
    }
}
