//! Memories of a training that is stopped, on the pictures of the other tests.

use super::*;

/// The classifier, with the seeds it makes itself in the second and the fourth epoch.
fn recipe() -> Recipe {
    let text = RECIPE
        .replace(
            "  rates {",
            "  memory seeds: index_or_ignore[H, W] = ignore
               refresh seeds from epoch 1 every 2 epochs {{ image, tags }} {{
                 let maps = sigmoid(cls(image)) |> keep(tags)
                 argmax(concat([mean(maps, axes = [1], keep = true) * 0 + 0.5, maps], axis = 1), axis = 1)
               }}
               rates {"
                .replace("{{", "{")
                .replace("}}", "}")
                .as_str(),
        )
        .replace("  step { image, tags } {", "  step { image, tags, seeds } {")
        .replace("metric height = mean(cls(image))", "loss seg = mean(cls(image) * one_class(seeds))")
        .replace("param epochs = 3", "param epochs = 5")
        + "fn one_class(seeds) = reshape(1 * (seeds == 1), dims = [size(seeds, 0), 1, size(seeds, 1), size(seeds, 2)])\n";
    lowered(&text, &[])
}

fn bench() -> Bench {
    Bench { out: tempfile::tempdir().unwrap(), recipe: recipe(), events: Vec::new() }
}

/// The epochs before which the seeds were refreshed, counted from 1.
fn refreshed(events: &[Event]) -> Vec<String> {
    let texts = events.iter().filter_map(|event| match event {
        Event::Note { text } => text.split_once("refreshes `seeds` before epoch "),
        _ => None,
    });
    texts.map(|(_, rest)| rest.split(':').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_stopped_training_keeps_its_memory() {
    let mut whole = bench();
    let outcome = whole.run(&whole.options()).unwrap();
    assert_eq!(refreshed(&whole.events), ["2", "4"]);
    let place = whole.out.path().join("store").join(outcome.stages[0].key.as_str());
    assert!(!place.join("checkpoint").exists(), "the maps are gone when they are no longer needed");

    // In the third epoch: the seeds of the second are read again, not made again.
    let ends = |event: &Event| matches!(event, Event::EpochFinished { line, .. } if line.epoch == 2);
    // In the middle of a refresh: it goes on, and the version before it is still there.
    let refreshes = |event: &Event| matches!(event, Event::Note { text } if text.contains("before epoch 4"));
    for (when, after) in [(&ends as &dyn Fn(&Event) -> bool, &["4"][..]), (&refreshes, &["4"])] {
        let mut again = bench();
        let error = stopped(&mut again, when);
        assert_eq!(error.exit_code(), 130);
        let resumed = again.run(&again.options()).unwrap();
        assert_eq!(refreshed(&again.events), after);
        for stage in ["classifier", "cams", "seeds"] {
            assert_eq!(whole.numbers(&outcome, stage), again.numbers(&resumed, stage), "{stage}");
        }
    }
}

#[test]
fn the_number_of_workers_changes_no_seed() {
    let (mut one, mut three) = (bench(), bench());
    let first = one.run(&Options { workers: 1, ..one.options() }).unwrap();
    let second = three.run(&Options { workers: 3, ..three.options() }).unwrap();
    assert_eq!(one.numbers(&first, "classifier"), three.numbers(&second, "classifier"));
}

#[test]
fn a_memory_that_is_gone_begins_the_stage_anew() {
    let mut whole = bench();
    let outcome = whole.run(&whole.options()).unwrap();
    let mut again = bench();
    stopped(&mut again, |event| matches!(event, Event::EpochFinished { line, .. } if line.epoch == 3));
    let store = again.out.path().join("store");
    let draft = std::fs::read_dir(&store)
        .unwrap()
        .flatten()
        .find(|entry| entry.path().extension().is_some_and(|x| x == "part"));
    let memory = draft.unwrap().path().join("checkpoint/memory/seeds");
    let versions: Vec<_> = std::fs::read_dir(&memory).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(versions, ["1"]);
    std::fs::remove_dir_all(&memory).unwrap();
    let resumed = again.run(&again.options()).unwrap();
    assert_eq!(refreshed(&again.events), ["2", "4"]);
    assert_eq!(whole.numbers(&outcome, "classifier"), again.numbers(&resumed, "classifier"));
}

#[test]
fn another_schedule_is_another_result() {
    let mut bench = bench();
    bench.run(&bench.options()).unwrap();
    let refresh = &mut bench.recipe.stages[0].memories[0].refreshes[0];
    refresh.when.every = Some(3);
    let outcome = bench.run(&bench.options()).unwrap();
    assert!(outcome.stages[0].why.starts_with("refresh seeds 0 changed: "), "{}", outcome.stages[0].why);
}
