//! Memories: computed anew at the stated epochs, over whole pictures, and moved with them.

use super::figures;

/// A training of single weights on tags, with `entries` before its step and `metrics` in it; the figures of the last epoch.
fn train(length: &str, fields: &str, entries: &str, metrics: &str) -> std::collections::BTreeMap<String, f64> {
    figures(&format!(
        "use data {{ scenes }}
         let d = scenes(images = 10, size = 32, classes = 2)
         net weigh(classes: int) {{ weight w: [1, classes] = zeros()  fn forward(tags) = tags * w }}
         train t {{
           data      = d.train |> random_flip(p = 1) |> random_crop([24, 40])
           batch     = 4
           {length}
           optimizer = sgd(lr = 1)
           net n     = weigh(d.classes)
           {entries}
           step {{ tags, {fields} }} {{
             loss up = mean(-n(tags))
             {metrics}
           }}
         }}"
    ))
}

#[test]
fn a_map_moves_with_its_picture() {
    let found = train(
        "epochs = 2",
        "image, valid, grey, mask, labels",
        "memory grey: nonneg[H, W] = 7
         refresh grey { image } { mean(image, axes = [1]) }
         memory labels: index_or_ignore[H, W] = ignore
         refresh labels from epoch 1 { mask } { mask }",
        "let inside = reshape(valid, dims = [size(valid, 0), 24, 40])
         metric grey   = mean(abs(inside * (grey - mean(image, axes = [1]))))
         metric labels = mean(1 * (labels != mask))
         metric padded = mean((1 - inside) * grey)",
    );
    assert!(found["t.grey"] < 1e-3 && found["t.labels"] == 0.0 && found["t.padded"] == 0.0, "{found:#?}");
}

#[test]
fn it_holds_what_it_begins_with_until_it_is_refreshed() {
    let entries = |when: &str| {
        format!(
            "memory grey: unit[2, H, W] = 0.5
             refresh grey {when} {{ image }} {{ slice(image, axis = 1, start = 0, length = 2) / 255 * 0 + 0.25 }}
             memory labels: index_or_ignore[H, W] = ignore
             refresh labels {when} {{ mask }} {{ mask }}"
        )
    };
    let metrics = "let inside = mean(valid)
                   metric grey    = mean(grey) / inside
                   metric unknown = mean(1 * (labels == 255))";
    // The loss falls in every epoch.
    let before = train("steps = 8", "valid, grey, labels", &entries("when plateau(up, patience = 1)"), metrics);
    assert_eq!((before["t.grey"], before["t.unknown"]), (0.5, 1.0));
    let after = train("steps = 8", "valid, grey, labels", &entries("from epoch 3"), metrics);
    assert!((after["t.grey"] - 0.25).abs() < 1e-6 && after["t.unknown"] < 1.0, "{after:#?}");
}

#[test]
fn a_refresh_may_read_what_it_replaces_and_the_time() {
    let found = train(
        "epochs = 6",
        "count, latest",
        "memory count: nonneg[K] = 0
         refresh count from epoch 1 every 2 epochs { count } { count + 1 }
         memory latest: nonneg[K] = 0
         refresh latest every 2 epochs until epoch 4 { tags } { 0 * tags + epoch }",
        "metric count  = mean(count)
         metric latest = mean(latest)",
    );
    // At 1, 3 and 5; at 0 and 2.
    assert_eq!((found["t.count"], found["t.latest"]), (3.0, 2.0), "{found:#?}");
}

#[test]
fn a_refresh_sees_the_weights_of_the_moment() {
    let found = train(
        "epochs = 3",
        "kept",
        "memory kept: real[K] = 0
         refresh kept from epoch 1 { tags } { n(0 * tags + 1) }",
        "metric kept = mean(kept)",
    );
    // Two steps an epoch, each adding a half of the share of the tags.
    assert!(found["t.kept"] > 0.1 && found["t.kept"] <= 1.0, "{found:#?}");
}

#[test]
fn a_loss_that_stands_still_calls_for_a_refresh() {
    let entries = "memory count: nonneg[K] = 0
                   refresh count when plateau(still, patience = 2) { count } { count + 1 }
                   memory latest: nonneg[K] = 0
                   refresh latest when plateau(still, patience = 2) { tags } { 0 * tags + epoch }";
    let metrics = "loss still = mean(n(tags) - n(tags)) + 1
                   metric count = mean(count)
                   metric latest = mean(latest)";
    // Epochs 0, 1 and 2 make a plateau; the next three after the refresh make another.
    for (epochs, count, latest) in [(4, 1.0, 3.0), (6, 1.0, 3.0), (7, 2.0, 6.0)] {
        let found = train(&format!("epochs = {epochs}"), "count, latest", entries, metrics);
        assert_eq!((found["t.count"], found["t.latest"]), (count, latest), "{epochs} epochs");
    }
}

#[test]
fn joined_maps_and_other_memories_are_read() {
    let found = figures(
        "use data { scenes }
         let d = scenes(images = 10, size = 32, classes = 2)
         net weigh(classes: int) { weight w: [1, classes] = zeros()  fn forward(tags) = tags * w }
         infer first { data = d.train each { image } { save red = slice(image, axis = 1, start = 0, length = 1) / 255 } }
         train t {
           data      = (d.train |> random_crop(24) with { red = first.red }) |> map(s => { red = 1 - s.red })
           batch     = 4
           epochs    = 1
           optimizer = sgd(lr = 1)
           net n     = weigh(d.classes)
           memory a: unit[1, H, W] = 0
           memory b: unit[1, H, W] = 0
           refresh a { red } { red }
           refresh b { a } { 1 - a }
           step { tags, red, a, b } {
             loss up = mean(-n(tags))
             metric a = mean(abs(a - (1 - red)))
             metric b = mean(abs(b - red))
           }
         }",
    );
    assert!(found["t.a"] < 1e-6 && found["t.b"] < 1e-6, "{found:#?}");
}
