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
