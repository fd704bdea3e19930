//! `wsss store gc`: what no run needs goes, all else stays.

use super::{Place, TINY};

/// Two runs that share no stage; gives the folder of the first.
fn place() -> (Place, String) {
    let place = Place::new();
    place.write("tiny.wsss", TINY);
    let first = place.wsss(&["run", "tiny.wsss", "--json"]).expect_code(0).objects();
    place.wsss(&["run", "tiny.wsss", "--variant", "longer", "--quiet"]).expect_code(0);
    (place, first.last().expect("the end")["folder"].as_str().expect("a folder").to_string())
}

fn results(place: &Place) -> usize {
    let entries = std::fs::read_dir(place.path("runs/store")).expect("a store");
    entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir())).count()
}

#[test]
fn what_run_folders_name_stays() {
    let (place, _) = place();
    let answer = place.wsss(&["store", "gc"]).expect_code(0);
    assert_eq!((answer.out.as_str(), results(&place)), ("nothing to free, 6 folders kept\n", 6));
    let dry = place.wsss(&["run", "tiny.wsss", "--dry-run"]).expect_code(0).out;
    assert_eq!(dry.matches("reused").count(), 3, "{dry}");
}

#[test]
fn what_a_removed_run_alone_needed_goes() {
    let (place, first) = place();
    std::fs::remove_dir_all(place.path(&first)).expect("removed");
    let answer = place.wsss(&["store", "gc", "--dry-run"]).expect_code(0);
    assert!(answer.out.contains("  `cls` of tiny, ") && answer.out.contains("\nwould free "), "{}", answer.out);
    assert_eq!(results(&place), 6, "a dry run frees");
    let objects = place.wsss(&["store", "gc", "--json"]).expect_code(0).objects();
    let mut stages: Vec<String> = objects[..3].iter().map(|object| object["stage"].to_string()).collect();
    stages.sort();
    assert_eq!(stages, ["\"cls\"", "\"maps\"", "\"seeds\""]);
    let sum: u64 = objects[..3].iter().filter_map(|object| object["bytes"].as_u64()).sum();
    assert!(sum > 1000, "{objects:?}");
    assert_eq!(
        objects[3],
        serde_json::json!({ "type": "store", "freed": 3, "bytes": sum, "kept": 3, "dry_run": false })
    );
    assert_eq!(results(&place), 3);
    let dry = place.wsss(&["run", "tiny.wsss", "--dry-run", "--variant", "longer"]).expect_code(0).out;
    assert_eq!(dry.matches("reused").count(), 3, "{dry}");
    place.wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    assert_eq!(results(&place), 6);
}

#[test]
fn a_lock_that_cannot_be_read_keeps_everything() {
    let (place, first) = place();
    place.write(&format!("{first}/wsss.lock"), "half a lo");
    let answer = place.wsss(&["store", "gc"]).expect_code(1);
    assert!(answer.err.contains("error[cannot-read]") && answer.err.contains("nothing was freed"), "{}", answer.err);
    assert_eq!(results(&place), 6);
}

#[test]
fn a_run_waits_while_results_are_freed_and_makes_again_what_is_gone() {
    let place = Place::new();
    place.write("tiny.wsss", TINY).wsss(&["run", "tiny.wsss", "--quiet"]).expect_code(0);
    let freeing = std::fs::File::open(place.path("runs/store/sweep.lock")).expect("a run made it");
    freeing.lock().expect("nobody holds it");
    let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_wsss"));
    run.current_dir(place.path("")).args(["run", "tiny.wsss", "--quiet"]).stdout(std::process::Stdio::null());
    let mut run = run.spawn().expect("the program starts");
    // Long enough for it to choose what it reuses.
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert!(run.try_wait().expect("it can be asked").is_none(), "the run does not wait");
    for entry in std::fs::read_dir(place.path("runs/store")).expect("a store").flatten() {
        if entry.path().is_dir() {
            std::fs::remove_dir_all(entry.path()).expect("removed");
        }
    }
    drop(freeing);
    assert!(run.wait().expect("it ends").success());
    assert_eq!(results(&place), 3);
}

#[test]
fn a_folder_without_a_store() {
    let place = Place::new();
    let answer = place.wsss(&["store", "gc", "--out", "elsewhere"]).expect_code(1);
    assert!(answer.err.contains("there is no store in `elsewhere`"), "{}", answer.err);
    assert!(!place.path("elsewhere").exists());
    place.wsss(&["store"]).expect_code(2);
}
