//! What is known of a data set without opening it: the figures its authors published, and those a recipe states itself.

use super::{Source, scenes};

/// Figures of one split. What is `None` is known only to the files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    pub images: Option<u64>,
    /// Foreground classes.
    pub classes: Option<u64>,
    /// Height and width that stand for all pictures where work and room are counted.
    pub typical: Option<[usize; 2]>,
    /// No picture is larger.
    pub largest: Option<[usize; 2]>,
}

/// What is known of a split of `source`.
pub fn known(source: &Source, split: &str) -> Known {
    match source {
        // Everingham et al., "The PASCAL Visual Object Classes Challenge 2012 Development Kit", sec. 2.4, and for `trainaug`
        // Hariharan et al., ICCV 2011. Pictures were fetched with a longest side of 500 pixels, most of them 500 × 375 or
        // turned.
        Source::Voc2012 { .. } => Known {
            images: VOC.iter().find(|(name, _)| *name == split).map(|(_, images)| *images),
            classes: Some(20),
            typical: Some([375, 500]),
            largest: Some([500, 500]),
        },
        // Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, and the site's table of downloads; a longest side of 640
        // pixels.
        Source::Coco { year, .. } => Known {
            images: COCO.iter().find(|(known, name, _)| known == year && *name == split).map(|(.., images)| *images),
            classes: Some(80),
            typical: Some([480, 640]),
            largest: Some([640, 640]),
        },
        Source::Scenes { images, size, classes, .. } => {
            let train = scenes::train_images(*images);
            Known {
                images: Some(if split == "val" { images - train } else { train } as u64),
                classes: Some(*classes as u64),
                typical: Some(*size),
                largest: Some(*size),
            }
        }
        Source::Folder { .. } => Known { images: None, classes: None, typical: None, largest: None },
    }
}

const COCO: &[(u16, &str, u64)] =
    &[(2014, "train", 82_783), (2014, "val", 40_504), (2017, "train", 118_287), (2017, "val", 5_000)];

const VOC: &[(&str, u64)] = &[("train", 1464), ("val", 1449), ("trainval", 2913), ("trainaug", 10_582), ("test", 1456)];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;

    #[test]
    fn what_is_known_of_scenes_is_what_they_are() {
        for images in [2, 3, 7, 600] {
            let source = Source::Scenes { images, size: [32, 40], classes: 3, seed: 0 };
            let dataset = data::open(&source).unwrap();
            for split in dataset.splits() {
                let known = known(&source, split);
                assert_eq!(known.images, dataset.len(split).map(|count| count as u64));
                assert_eq!(known.classes, Some(dataset.classes().len() as u64));
                assert_eq!(known.largest, Some(dataset.image_size(split, 0).unwrap()));
            }
        }
    }

    #[test]
    fn the_two_halves_of_voc_are_the_whole() {
        let images = |split: &str| known(&Source::Voc2012 { root: "none".into(), tags: None }, split).images.unwrap();
        assert_eq!(images("train") + images("val"), images("trainval"));
    }

    /// The splits of 2017 are those of 2014, dealt out anew.
    #[test]
    fn both_years_of_coco_have_as_many_pictures() {
        let of = |year, split: &str| {
            let source = Source::Coco { root: "none".into(), year, on_top: data::OnTop::Later, tags: None };
            known(&source, split).images.unwrap()
        };
        assert_eq!(of(2014, "train") + of(2014, "val"), of(2017, "train") + of(2017, "val"));
    }
}
