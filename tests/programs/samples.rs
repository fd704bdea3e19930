//! Functions of a recipe over samples: chains of augmentations, and `map` from fields to fields.

use super::figures;

#[test]
fn a_map_gives_new_fields_and_others_in_place_of_old_ones() {
    let found = figures(
        "use data { scenes }
         let d = scenes(images = 8, size = 32, classes = 2)
         infer halves { data = d.val each { image } { save half = image / 2 } }
         fn view(sample, crop) = sample |> random_flip(p = 1) |> random_crop(crop)
         fn hide(s) = { image = s.image * (1 - s.hole), shown = [s.image, 1 - s.hole] }
         fn hole(s) = { hole = threshold(mean(s.image, axes = [1], keep = true) / 255, 0.5), colour = mean(s.image, axes = [2, 3]) }
         score seen {
           data = d.val |> view(24) |> map(hole) |> map(hide) with { half = halves.half }
           each { image, shown, hole, half, tags, colour } {
             metric image  = mean(abs(image - 2 * half * (1 - hole)))
             metric shown  = mean(abs(shown[0] - 2 * half)) + mean(abs(shown[1] + hole - 1))
             metric hole   = mean(hole)
             metric tags   = max(tags)
             metric colour = mean(abs(colour - 2 * mean(half, axes = [2, 3])))
           }
         }",
    );
    for name in ["image", "shown", "colour"] {
        assert!(found[&format!("seen.{name}")] < 1e-3, "{found:#?}");
    }
    assert!((0.01..0.99).contains(&found["seen.hole"]) && found["seen.tags"] == 1.0, "{found:#?}");
}

/// A random op in a `map` is drawn anew each epoch and the same in every run.
#[test]
fn a_random_map_is_the_same_in_every_run() {
    let run = || {
        figures(
            "use data { scenes }
             let d = scenes(images = 8, size = 32, classes = 2)
             net weigh() { weight w: [3] = ones()  fn forward(x) = mean(x * reshape(w, dims = [1, 3, 1, 1])) }
             train t {
               data = d.train |> random_crop(32) |> standardize |> map(s => { image = channel_dropout(s.image, p = 0.5) })
               batch = 2
               epochs = 2
               optimizer = sgd(lr = 0.1)
               net n = weigh()
               step { image } {
                 loss l = n(image)
                 metric dark = mean(1 * (image == 0))
               }
             }",
        )
    };
    let first = run();
    assert!((0.05..0.95).contains(&first["t.dark"]), "{first:#?}");
    assert_eq!(first, run());
}
