//! Numbers that a stage measured, read by stages after it.

use super::figures;

#[test]
fn a_measured_number_is_what_was_measured() {
    let found = figures(
        "use data { scenes }
         let d = scenes(images = 10, size = 32, classes = 2)
         score first {
           data = d.train
           each { image, tags, mask } {
             let maps = expand(mean(image, axes = [1], keep = true) / 255, [size(image, 0), d.classes, size(image, 2), size(image, 3)])
             metric present = mean(tags)
             metric best    = best_threshold(maps, mask, thresholds = 0.1..0.9 by 0.2)
             metric best_at = best_threshold_iou(maps, mask, thresholds = 0.1..0.9 by 0.2)
           }
         }
         score second {
           data = d.train
           each { tags } {
             metric present = first.present
             metric twice   = 2 * first.present + mean(tags) - mean(tags)
             metric best    = first.best
             metric iou     = first.best.iou
             metric at      = first.best_at.threshold
           }
         }
         score third {
           data = d.val
           each { image } { metric level = mean(image / 255 > first.best) + second.twice }
         }",
    );
    let close = |a: &str, b: f64| assert!((found[a] - b).abs() < 1e-6, "{a}: {found:#?}");
    close("second.present", found["first.present"]);
    close("second.twice", 2.0 * found["first.present"]);
    close("second.best", found["first.best"]);
    close("second.at", found["first.best"]);
    close("second.iou", found["first.best_at"]);
    assert!(found["third.level"] > 2.0 * found["first.present"] - 1e-6, "{found:#?}");
}

#[test]
fn a_number_moves_what_is_trained() {
    let trained = |factor: &str| {
        let found = figures(&format!(
            "use data {{ scenes }}
             let d = scenes(images = 10, size = 32, classes = 2)
             score counts {{ data = d.train each {{ tags }} {{ metric share = {factor} }} }}
             train t {{
               data = d.train |> standardize |> random_crop(16)
               batch = 4
               epochs = 1
               optimizer = sgd(lr = 0.1)
               net cls = conv(3, d.classes)
               step {{ image, tags }} {{
                 loss fit = counts.share * mean(square(mean(cls(image), axes = [2, 3]) - tags))
               }}
             }}"
        ));
        found["t.loss"]
    };
    let (once, none) = (trained("1 + 0 * mean(tags)"), trained("0 * mean(tags)"));
    assert!(once > 0.01 && none == 0.0, "{once} {none}");
}
