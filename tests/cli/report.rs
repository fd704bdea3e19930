//! `wsss report`: a run as one page.

use super::{Place, TINY};

/// The folder of the only run.
fn folder(place: &Place) -> String {
    let runs = std::fs::read_dir(place.path("runs")).expect("there are runs").flatten();
    let mut names = runs.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|name| name != "store");
    names.next().expect("a run")
}

fn run(recipe: &str) -> (Place, String) {
    let place = Place::new();
    place.write("tiny.wsss", recipe).wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    let folder = folder(&place);
    (place, folder)
}

/// With one of everything that a page shows.
fn full() -> String {
    TINY.replace("//! A tiny recipe.", "//! A tiny <b>recipe</b>.")
        .replace("    loss cls =", "    show image\n    metric high = mean(gap(net(image)))\n    loss more = 0.5 * bce_with_logits(gap(net(image)), tags)\n    loss cls =")
        .replace("save map = sigmoid(cls.net(image)) |> resize_like(image)", "let map = sigmoid(cls.net(image)) |> resize_like(image)\n    save map = map\n    save best = argmax(map, axis = 1)\n    save scores = gap(map)")
        .replace("param epochs  = 1", "param epochs  = 3")
        + "\nexpect seeds.map_iou = 2 +- 0.1 @ \"Table <1>\"\n"
}

#[test]
fn run_writes_a_page_with_all_that_it_holds() {
    let (place, folder) = run(&full());
    let page = place.read(&format!("runs/{folder}/report.html"));
    let metrics: serde_json::Value =
        serde_json::from_str(&place.read(&format!("runs/{folder}/metrics.json"))).expect("JSON");
    let figure = |stage: &str, name: &str| format!("{:.4}", metrics[stage][name].as_f64().expect("a figure"));
    let iou = figure("seeds", "map_iou");
    for part in [
        "<h1>tiny</h1>",
        "<p>A tiny &lt;b&gt;recipe&lt;/b&gt;.</p>",
        "<dt>seed</dt><dd>0</dd>",
        &format!("<code>seeds.map_iou</code> <b class=\"oracle\">oracle</b></td><td>{iou}</td>"),
        &format!("<td>2 +- 0.1</td><td>{iou}</td><td>outside</td><td>Table &lt;1&gt;</td>"),
        "<code>seeds.map_iou</code>: IoU a class",
        "<li>background <i>",
        "<td>ran: it is new</td>",
        "<b>loss</b>",
        ">all together</span>",
        ">more</span>",
        "<b>learning rate</b>",
        "<b>figures of the step</b>",
        "<b>mean IoU by threshold</b>",
        "<figcaption>photograph</figcaption>",
        "<figcaption>maps.best</figcaption>",
        "<figcaption>maps.map, 0.",
        ", ruby_hound, azure_hound of 2 maps</figcaption>",
        "<figcaption>cls.image, epoch 3, ",
        ">train cls</text>",
        "<td>scenes 12 32x32 2 classes seed 0</td>",
        "<pre>//! A tiny &lt;b&gt;recipe&lt;/b&gt;.",
    ] {
        assert!(page.contains(part), "no {part} in:\n{page}");
    }
    assert!(!page.contains("http") && !page.contains("<script") && !page.contains("maps.scores"), "{page}");
    assert!(page.len() < 300_000, "{}", page.len());
}

#[test]
fn the_same_run_gives_the_same_page() {
    let (place, folder) = run(TINY);
    let first = place.read(&format!("runs/{folder}/report.html"));
    let answer = place.wsss(&["report", &folder]).expect_code(0);
    assert_eq!(answer.out, format!("report: runs/{folder}/report.html\n"));
    assert_eq!(place.read(&format!("runs/{folder}/report.html")), first);
    let answer = place.wsss(&["report", &format!("runs/{folder}"), "--out", "a/page.html", "--json"]).expect_code(0);
    let object = &answer.objects()[0];
    assert_eq!((&object["type"], &object["bytes"]), (&"report".into(), &first.len().into()));
    assert_eq!((&object["file"], &object["missing"]), (&"a/page.html".into(), &serde_json::json!([])));
    assert_eq!(place.read("a/page.html"), first);
}

#[test]
fn a_run_that_is_reused_as_a_whole_has_one_and_a_dry_run_none() {
    let (place, folder) = run(TINY);
    let page = place.path(&format!("runs/{folder}/report.html"));
    std::fs::remove_file(&page).expect("it was there");
    place.wsss(&["run", "tiny.wsss", "--dry-run"]).expect_code(0);
    assert!(!page.exists());
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    let page = std::fs::read_to_string(page).expect("it is there again");
    assert!(page.contains("<td>reused: nothing that decides its result has changed</td>"), "{page}");
}

#[test]
fn a_page_that_cannot_be_written_does_not_fail_the_run() {
    let (place, folder) = run(TINY);
    let page = place.path(&format!("runs/{folder}/report.html"));
    std::fs::remove_file(&page).expect("it was there");
    place.write(&format!("runs/{folder}/report.html/in_the_way"), "");
    let answer = place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    assert!(answer.err.contains("there is no report of this run: cannot write "), "{}", answer.err);
    assert!(answer.out.contains("results: "), "{}", answer.out);
    let answer = place.wsss(&["report", &folder]).expect_code(3);
    assert!(answer.err.contains("error[cannot-write]"), "{}", answer.err);
}

#[test]
fn what_is_missing_is_named_and_the_rest_is_shown() {
    let (place, folder) = run(TINY);
    let stages = place.read(&format!("runs/{folder}/stages.json"));
    let stages: serde_json::Value = serde_json::from_str(&stages).expect("JSON");
    let key = |at: usize| stages[at]["key"].as_str().expect("a key").to_string();
    place.write(&format!("runs/{folder}/details.json"), "{\"seeds\": 3, ");
    place.write(&format!("runs/{folder}/recipe.wsss"), "train {");
    place.write(&format!("runs/store/{}/log.jsonl", key(0)), "{}\n");
    let maps = place.path(&format!("runs/store/{}/maps/map", key(1)));
    let broken = std::fs::read_dir(&maps).expect("maps").flatten().map(|entry| entry.path()).min().expect("a map");
    std::fs::write(broken, "no archive").expect("written");
    std::fs::remove_dir_all(place.path(&format!("runs/store/{}", key(2)))).expect("removed");
    let objects = place.wsss(&["report", &folder, "--json"]).expect_code(0).objects();
    let page = place.read(&format!("runs/{folder}/report.html"));
    let missing = objects.last().expect("an object")["missing"].as_array().expect("lines");
    let starts = [
        "details.json: ".to_string(),
        format!("store/{}/log.jsonl, line 1: ", key(0)),
        format!("store/{}: the result of `seeds` is not there", key(2)),
    ];
    assert_eq!((missing.len(), objects.len()), (3, 4), "{objects:#?}");
    for start in &starts {
        assert!(
            missing.iter().any(|line| line.as_str().is_some_and(|line| line.starts_with(start.as_str()))),
            "{start}: {missing:?}"
        );
        assert!(page.contains(&format!("<p class=\"aside\">{start}")), "{start}\n{page}");
    }
    assert_eq!((&objects[0]["severity"], &objects[0]["code"]), (&"warning".into(), &"cannot-read".into()));
    assert!(page.contains("<figcaption>maps.map: ") && page.contains("<figcaption>maps.map, 0."), "{page}");
    assert!(page.contains("<pre>train {</pre>") && !page.contains("photograph<"), "{page}");
    for name in ["details.json", "recipe.wsss", "stages.json"] {
        std::fs::remove_file(place.path(&format!("runs/{folder}/{name}"))).expect("removed");
    }
    let answer = place.wsss(&["report"]).expect_code(0);
    assert_eq!(answer.err.matches("there is no such file").count(), 3, "{}", answer.err);
}

#[test]
fn a_data_set_that_went_away_leaves_the_photographs_out() {
    let place = Place::new();
    for picture in 0..4 {
        super::rgb(&place.path(&format!("own/images/{picture}.png")), 32);
    }
    place
        .write("own/classes.txt", "cat\ndog\n")
        .write("own/labels.csv", "image,classes,split\n0,cat,train\n1,dog,train\n2,cat,train\n3,dog,train\n");
    let recipe = &TINY[..TINY.find("score seeds").expect("a stage")];
    let recipe = recipe
        .replace("scenes(images = 12, size = 32, classes = 2)", "folder(\"own\")")
        .replace("dataset.val", "dataset.train")
        .replace("batch     = 8", "batch     = 2");
    place.write("tiny.wsss", recipe).wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    let name = folder(&place);
    let page = place.read(&format!("runs/{name}/report.html"));
    assert!(page.contains("photograph</figcaption>") && !page.contains("without photographs"), "{page}");
    std::fs::remove_dir_all(place.path("own")).expect("removed");
    place.wsss(&["report", &name]).expect_code(0);
    let page = place.read(&format!("runs/{name}/report.html"));
    assert!(page.contains("<p class=\"aside\">without photographs: ") && !page.contains("photograph</"), "{page}");
    assert!(page.contains("<figcaption>maps.map, 0."), "{page}");
}

#[test]
fn what_is_no_run_is_told() {
    let (place, folder) = run(TINY);
    let answer = place.wsss(&["report", "nowhere"]).expect_code(1);
    assert!(answer.err.contains("`nowhere` is no run"), "{}", answer.err);
    place.write(&format!("runs/{folder}/wsss.lock"), "seed = ");
    let answer = place.wsss(&["report", &folder]).expect_code(1);
    assert!(answer.err.contains("wsss.lock` is not the lock of one"), "{}", answer.err);
}
