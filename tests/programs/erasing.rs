//! A method of two stages as its paper tells it: a classifier is guided by another one that looks at what it erased.

use super::figures;

/// OC-CSE (Kweon et al., ICCV 2021), small enough for a test.
#[test]
fn class_specific_erasing_guided_by_an_ordinary_classifier() {
    let found = figures(
        "supervision image
         use data   { scenes }
         use nets   { lenet_cam }
         use cam    { max_normalize, multiscale }
         use losses { bce_with_logits }

         param dataset = scenes(images = 24, size = 32, classes = 2)
         param arch    = lenet_cam
         param crop    = 32
         param steps   = 2
         param lambda  = 1.0

         fn view(samples) = samples
           |> random_resize(long_side = 32..48)
           |> random_flip
           |> color_jitter
           |> standardize
           |> random_crop(crop)

         train ordinary {
           data      = dataset.train |> view
           batch     = 8
           steps     = steps
           optimizer = sgd(lr = 0.01, momentum = 0.9, weight_decay = 5e-4, schedule = poly(0.9))

           net oc = arch(dataset.classes)
           rates { oc.head = 10 }

           step { image, tags } {
             loss cls = bce_with_logits(gap(oc(image)), tags)
           }
         }

         train cgnet {
           data      = dataset.train |> view
           batch     = 8
           steps     = steps
           optimizer = sgd(lr = 0.01, momentum = 0.9, weight_decay = 5e-4, schedule = poly(0.9))

           net cg = arch(dataset.classes)
           rates { cg.head = 10 }

           step { image, tags } {
             let cam    = cg(image)
             let target = sample_class(tags)
             let mask   = cam |> relu |> max_normalize |> pick(target) |> resize_like(image)
             let left   = gap(ordinary.oc(image * (1 - mask)))

             loss cls = bce_with_logits(gap(cam), tags)
             loss cse = lambda * bce_with_logits(left, without(tags, target))
             show mask
           }
         }

         infer cams {
           data = dataset.val |> standardize

           each { image, tags } {
             save cam = multiscale(cgnet.cg, image, scales = [0.5, 1], flip = true) |> keep(tags) |> max_normalize
           }
         }

         score seeds {
           data = dataset.val with { cam = cams.cam }

           each { cam, mask } {
             metric cam_iou = best_threshold_iou(cam, mask, thresholds = 0.05..0.6 by 0.05)
             metric covered = mean(cam)
           }
         }",
    );
    let share = 0.0..=1.0;
    assert!(share.contains(&found["seeds.cam_iou"]) && share.contains(&found["seeds.covered"]), "{found:#?}");
    assert!(found["seeds.covered"] > 0.0, "{found:#?}");
}
