//! Artifacts joined by image, one or many under a name.

use super::figures;

#[test]
fn a_list_of_artifacts_is_a_list_of_tensors() {
    let found = figures(
        "use data { scenes }
         let d = scenes(images = 8, size = 32, classes = 2)
         infer halves {
           data = d.val
           each { image } {
             save low  = slice(image, axis = 1, start = 0, length = 1) / 2
             save top  = max(image, axes = [1])
             save mean = mean(image, axes = [2, 3])
           }
         }
         infer wholes {
           data = d.val
           each { image } { save low = slice(image, axis = 1, start = 0, length = 1) }
         }
         score joined {
           data = d.val with { maps = [s.low for s in [halves, wholes]], top = halves.top, colours = [halves.mean] }
           each { image, maps, top, colours } {
             let first = slice(image, axis = 1, start = 0, length = 1)
             metric count  = len(maps) + len(colours)
             metric halves = mean(abs(maps[0] - first / 2))
             metric wholes = mean(abs(maps[-1] - first))
             metric sum    = mean(abs(total(maps) - 1.5 * first))
             metric axes   = mean(abs(mean(stack(maps, axis = 0), axes = [0]) - 0.75 * first))
             metric flat   = mean(abs(top - max(image, axes = [1])))
             metric colour = mean(abs(colours[0] - mean(image, axes = [2, 3])))
           }
         }",
    );
    assert_eq!(found["joined.count"], 3.0);
    for name in ["halves", "wholes", "sum", "axes", "flat", "colour"] {
        assert!(found[&format!("joined.{name}")] < 1e-4, "{found:#?}");
    }
}

#[test]
fn joined_maps_move_with_their_picture() {
    let found = figures(
        "use data { scenes }
         let d = scenes(images = 8, size = 32, classes = 2)
         infer copies {
           data = d.val
           each { image, mask } {
             save red   = slice(image, axis = 1, start = 0, length = 1)
             save grey  = mean(image, axes = [1])
             save seeds = mask
           }
         }
         score moved {
           data = d.val |> random_flip(p = 1) |> random_crop(16) with {
             maps = [copies.red, copies.grey],
             seeds = copies.seeds,
           }
           each { image, mask, maps, seeds } {
             metric red   = mean(abs(maps[0] - slice(image, axis = 1, start = 0, length = 1)))
             metric grey  = mean(abs(maps[1] - mean(image, axes = [1])))
             metric seeds = mean(1 * (seeds != mask))
           }
         }",
    );
    for name in ["red", "grey", "seeds"] {
        assert!(found[&format!("moved.{name}")] < 1e-3, "{found:#?}");
    }
}
