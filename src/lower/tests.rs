//! The front end as a whole, on small recipes.

use super::testing::{lowered, told};

#[test]
fn the_cam_recipe_has_no_problems() {
    for variants in [&[][..], &["quick"], &["voc6"]] {
        let (recipe, sources, problems) = lowered(include_str!("../../pipelines/cam.wsss"), variants, &[]);
        assert_eq!(told(&sources, &problems), "", "with {variants:?}");
        assert_eq!(recipe.stages.len(), 3);
    }
}

/// Trained numbers of a network without its classifier: the published counts, batch norm's weight and bias included.
#[test]
fn networks_have_their_published_parameter_counts() {
    let published = [
        ("resnet18", 11_176_512),
        ("resnet34", 21_284_672),
        ("resnet50", 23_508_032),
        ("mobilenet_v2", 2_206_816),
        ("resnet38", 105_023_168),
    ];
    for (name, count) in published {
        let text = format!(
            "use data {{ scenes }}\nuse nets {{ {name} }}\ntrain t {{\n  data = scenes().train |> standardize |> random_crop(32)\n  \
             batch = 2\n  epochs = 1\n  optimizer = sgd(lr = 0.1)\n  net n = {name}()\n  step {{ image }} {{ loss l = mean(n(image)) }}\n}}\n"
        );
        let (recipe, sources, problems) = lowered(&text, &[], &[]);
        assert_eq!(told(&sources, &problems), "", "{name}");
        let trained = recipe.stages[0].weights.iter().filter(|weight| !weight.state);
        let numbers = trained.map(|weight| weight.dims.iter().map(|dim| dim.as_const().unwrap()).product::<i64>());
        assert_eq!(numbers.sum::<i64>(), count, "{name}");
    }
}
