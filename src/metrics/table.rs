//! The metrics of the language: each a declaration over one of the counters of this room.

use candle_core::{DType, Tensor};
use serde_json::json;

use super::{Accumulator, AveragePrecision, Iou, IouCounter, MetricDef, MetricValue, ThresholdSweep};
use crate::diag::Code;
use crate::ops::{Input, OpError, Param, ParamKind};
use crate::types::{Dim, Domain, Fact};

/// Every metric. Documentation follows this order.
pub static METRICS: &[MetricDef] = &[BEST_THRESHOLD_IOU, MIOU, MEAN_AVERAGE_PRECISION];

const MASK: Input = Input::one("mask", "The true class of each pixel, 255 where it is not known: index[B, H, W].");

const BEST_THRESHOLD_IOU: MetricDef = MetricDef {
    name: "best_threshold_iou",
    summary: "Mean IoU of activation maps at the background threshold that suits the masks best.",
    inputs: &[Input::one("map", "An activation a foreground class, in 0..=1: unit[B, K, H, W]."), MASK],
    params: &[Param::required("thresholds", ParamKind::Floats, "Background scores to try; `0.05..0.6 by 0.01`.")],
    source: "The usual score of CAMs and seeds: argmax of [threshold, map], as in psa (Ahn and Kwak, CVPR 2018).",
    oracle: true,
    infer: |facts, attrs| {
        let (map, mask) = (facts[0], expect_mask(facts[1])?);
        let thresholds = attrs.get_floats("thresholds")?;
        if thresholds.is_empty() || !thresholds.iter().all(|threshold| threshold.is_finite()) {
            let error = OpError::new(Code::OutOfRange, "`thresholds` is a list of at least one number");
            return Err(error.at("thresholds").help("for example `0.05..0.6 by 0.01`"));
        }
        expect_rank(map, "map", 4, "a map a foreground class: [B, K, H, W]")?;
        if !map.domain.is_a(&Domain::Unit) {
            let message = format!("`best_threshold_iou` compares with thresholds within 0..=1, `map` is {map}");
            let help = "`max_normalize` brings a map to 0..=1, `sigmoid` scores";
            return Err(OpError::new(Code::DomainMismatch, message).at("map").help(help));
        }
        let foreground = &classes(mask) - &Dim::constant(1);
        if map.dims[1] == classes(mask) {
            let message = format!("`map` has a channel for the background, {map}; the threshold stands for it");
            let help = "leave the background out: `slice(map, axis = 1, start = 1)`";
            return Err(OpError::new(Code::ClassAxisMismatch, message).at("map").help(help));
        }
        if map.dims[1] != foreground {
            let message = format!("`map` has {} channels, the mask {} foreground classes", map.dims[1], foreground);
            return Err(OpError::new(Code::ClassAxisMismatch, message).at("map"));
        }
        expect_pixels("map", &[&map.dims[0], &map.dims[2], &map.dims[3]], mask)
    },
    start: |attrs, classes| {
        let sweep = ThresholdSweep::new(attrs.get_floats("thresholds")?, classes);
        Ok(Box::new(BestThreshold(sweep)))
    },
};

const MIOU: MetricDef = MetricDef {
    name: "miou",
    summary: "Mean IoU of class maps, background included, over all pixels of the set.",
    inputs: &[Input::one("prediction", "A class a pixel, 0 for the background: index[B, H, W]."), MASK],
    params: &[],
    source: "The PASCAL VOC segmentation score (Everingham et al., IJCV 2010).",
    oracle: false,
    infer: |facts, _| {
        let (prediction, mask) = (facts[0], expect_mask(facts[1])?);
        expect_rank(prediction, "prediction", 3, "a class a pixel: [B, H, W]")?;
        let Domain::Index { classes: predicted, .. } = &prediction.domain else {
            let message = format!("`miou` compares classes, `prediction` is {prediction}");
            let help = "`argmax(scores, axis = 1)` makes classes of scores with a background";
            return Err(OpError::new(Code::DomainMismatch, message).at("prediction").help(help));
        };
        // One class alone is the background: the trivial prediction.
        if *predicted != classes(mask) && !predicted.is_one() {
            let message =
                format!("`prediction` counts {predicted} classes, the mask {} with the background", classes(mask));
            let help = "put the background first: `with_background(map, 0.3)` before `argmax`";
            return Err(OpError::new(Code::ClassAxisMismatch, message).at("prediction").help(help));
        }
        expect_pixels("prediction", &[&prediction.dims[0], &prediction.dims[1], &prediction.dims[2]], mask)
    },
    start: |_, classes| Ok(Box::new(Miou(IouCounter::new(classes + 1)))),
};

const MEAN_AVERAGE_PRECISION: MetricDef = MetricDef {
    name: "mean_average_precision",
    summary: "The mean over the classes of how well scores rank the pictures that hold the class.",
    inputs: &[
        Input::one("scores", "A score a class, larger for surer: real[B, K]."),
        Input::one("tags", "What the pictures hold: tags[B, K]."),
    ],
    params: &[],
    source: "Average precision without interpolation, as in scikit-learn; the mean over the classes that occur.",
    oracle: false,
    infer: |facts, _| {
        let (scores, tags) = (facts[0], facts[1]);
        expect_rank(scores, "scores", 2, "a score a class: [B, K]")?;
        expect_rank(tags, "tags", 2, "the tags of each picture: [B, K]")?;
        if scores.domain.is_index() {
            let message = format!("`mean_average_precision` ranks by scores, `scores` is {scores}");
            return Err(OpError::new(Code::DomainMismatch, message)
                .at("scores")
                .help("give the scores before `argmax`"));
        }
        if tags.domain != Domain::Tags {
            let message = format!("`mean_average_precision` needs the tags of the pictures, `tags` is {tags}");
            return Err(OpError::new(Code::DomainMismatch, message)
                .at("tags")
                .help("name `tags` among the fields of `each`"));
        }
        if scores.dims != tags.dims {
            let message = format!("`scores` is {scores}, `tags` is {tags}: their axes differ");
            let help = "the scores of the foreground classes are meant, one a tag";
            return Err(OpError::new(Code::ClassAxisMismatch, message).at("scores").help(help));
        }
        Ok(())
    },
    start: |_, classes| Ok(Box::new(Precision { counter: AveragePrecision::new(classes), pictures: 0 })),
};

fn expect_rank(fact: &Fact, name: &'static str, rank: usize, what: &str) -> Result<(), OpError> {
    if fact.rank() == rank {
        return Ok(());
    }
    let message = format!("`{name}` must be {what}, this is {fact}");
    Err(OpError::new(Code::RankMismatch, message).at(name))
}

fn expect_mask(mask: &Fact) -> Result<&Fact, OpError> {
    expect_rank(mask, "mask", 3, "a class a pixel: [B, H, W]")?;
    if mask.domain.is_index() {
        return Ok(mask);
    }
    let message = format!("`mask` must hold true classes, this is {mask}");
    Err(OpError::new(Code::DomainMismatch, message).at("mask").help("name `mask` among the fields of `each`"))
}

/// How many classes a mask tells apart, the background included.
fn classes(mask: &Fact) -> Dim {
    match &mask.domain {
        Domain::Index { classes, .. } => classes.clone(),
        _ => Dim::default(),
    }
}

/// Refuses what is not as large as the mask. `dims` are batch, height and width.
fn expect_pixels(name: &'static str, dims: &[&Dim; 3], mask: &Fact) -> Result<(), OpError> {
    if dims.iter().zip(&mask.dims).all(|(found, expected)| *found == expected) {
        return Ok(());
    }
    let [batch, height, width] = dims;
    let message = format!("`{name}` covers [{batch}, {height}, {width}], the mask is {mask}: every pixel needs one");
    let help = "`resize_like(map, image)` brings a map to the size of the picture";
    Err(OpError::new(Code::DimensionMismatch, message).at(name).help(help))
}

fn reals(tensor: &Tensor) -> Result<Vec<f32>, OpError> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

fn indices(tensor: &Tensor) -> Result<Vec<u32>, OpError> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}

/// The parts of a flat batch that belong to each picture.
fn by_picture<'a, T>(numbers: &'a [T], tensor: &Tensor) -> std::slice::ChunksExact<'a, T> {
    let pictures = tensor.dims().first().copied().unwrap_or(1).max(1);
    numbers.chunks_exact((numbers.len() / pictures).max(1))
}

/// `7 classes, 399 images`.
fn over(classes: usize, pictures: u64) -> String {
    let plural = |count: u64, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    format!("{}, {}", plural(classes as u64, "class", "classes"), plural(pictures, "image", "images"))
}

/// The share, unless there was nothing to take it of.
fn known(value: f64, over: usize) -> Option<f64> {
    (over > 0).then_some(value)
}

/// The number that was written: 0.3, not the 0.30000001192… that an f32 makes of it.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}

struct BestThreshold(ThresholdSweep);

impl Accumulator for BestThreshold {
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError> {
        let (maps, masks) = (reals(&tensors[0])?, indices(&tensors[1])?);
        for (map, mask) in by_picture(&maps, &tensors[0]).zip(by_picture(&masks, &tensors[1])) {
            self.0.add(map, mask);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> MetricValue {
        let curve: Vec<_> =
            self.0.curve().iter().map(|point| json!([shortest(point.threshold), point.iou.mean])).collect();
        let Some(best) = self.0.best() else {
            return MetricValue { value: None, oracle: true, over: "no threshold".into(), detail: json!(null) };
        };
        let Iou { classes, mean, over: counted, foreground, .. } = best.iou;
        MetricValue {
            value: known(mean, counted),
            oracle: true,
            over: over(counted, self.0.pictures()),
            detail: json!({
                "best_threshold": shortest(best.threshold),
                "iou": classes,
                "foreground": foreground,
                "curve": curve,
                "ignored_pixels": self.0.ignored(),
            }),
        }
    }
}

struct Miou(IouCounter);

impl Accumulator for Miou {
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError> {
        let (predictions, masks) = (indices(&tensors[0])?, indices(&tensors[1])?);
        for (prediction, mask) in by_picture(&predictions, &tensors[0]).zip(by_picture(&masks, &tensors[1])) {
            self.0.add(prediction, mask);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> MetricValue {
        let Iou { classes, mean, over: counted, foreground, .. } = self.0.iou();
        MetricValue {
            value: known(mean, counted),
            oracle: false,
            over: over(counted, self.0.pictures()),
            detail: json!({ "iou": classes, "foreground": foreground, "ignored_pixels": self.0.ignored() }),
        }
    }
}

struct Precision {
    counter: AveragePrecision,
    pictures: u64,
}

impl Accumulator for Precision {
    fn add(&mut self, tensors: &[Tensor]) -> Result<(), OpError> {
        self.counter.add(&reals(&tensors[0])?, &reals(&tensors[1])?);
        self.pictures += tensors[0].dims().first().copied().unwrap_or(0) as u64;
        Ok(())
    }

    fn finish(self: Box<Self>) -> MetricValue {
        let (mean, counted) = self.counter.mean();
        MetricValue {
            value: known(mean, counted),
            oracle: false,
            over: over(counted, self.pictures),
            detail: json!({ "average_precision": self.counter.classes() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::text;
    use crate::ops::Attrs;
    use candle_core::Device;

    fn fact(text: &str) -> Fact {
        let graph = text::parse(&format!("%0 = field x : {text}\nshow x = %0")).unwrap();
        let id = graph.ids().next().unwrap();
        graph.node(id).fact.clone()
    }

    /// What a metric says to inputs of these types; `ok` where it takes them.
    fn check(metric: &MetricDef, attrs: &Attrs, facts: [&str; 2]) -> String {
        let facts = facts.map(fact);
        match (metric.infer)(&[&facts[0], &facts[1]], attrs) {
            Ok(()) => "ok".into(),
            Err(error) => format!("{} at {}: {}", error.code, error.argument.unwrap_or("-"), error.message),
        }
    }

    const TRUTH: &str = "index_or_ignore(K + 1)[B, H, W]";

    fn thresholds(values: &[f64]) -> Attrs {
        Attrs::new().with("thresholds", crate::ops::Attr::Floats(values.to_vec()))
    }

    #[test]
    fn what_best_threshold_iou_takes() {
        let says = |map: &str| check(&BEST_THRESHOLD_IOU, &thresholds(&[0.5]), [map, TRUTH]);
        assert_eq!(says("unit[B, K, H, W]"), "ok");
        assert_eq!(says("binary[B, K, H, W]"), "ok");
        let domain = "domain-mismatch at map: `best_threshold_iou` compares with thresholds within 0..=1, ";
        assert_eq!(says("nonneg[B, K, H, W]"), format!("{domain}`map` is nonneg[B, K, H, W]"));
        let background = "class-axis-mismatch at map: `map` has a channel for the background, ";
        assert_eq!(
            says("unit[B, K + 1, H, W]"),
            format!("{background}unit[B, K + 1, H, W]; the threshold stands for it")
        );
        let classes = "class-axis-mismatch at map: `map` has 1 channels, the mask K foreground classes";
        assert_eq!(says("unit[B, 1, H, W]"), classes);
        let coarse = "dimension-mismatch at map: `map` covers [B, ceil(H/8), W], ";
        assert!(says("unit[B, K, ceil(H/8), W]").starts_with(coarse));
        assert!(says("unit[B, K]").starts_with("rank-mismatch at map"));
        let none = check(&BEST_THRESHOLD_IOU, &thresholds(&[]), ["unit[B, K, H, W]", TRUTH]);
        assert!(none.starts_with("out-of-range at thresholds"), "{none}");
        let mask = check(&BEST_THRESHOLD_IOU, &thresholds(&[0.5]), ["unit[B, K, H, W]", "unit[B, H, W]"]);
        assert!(mask.starts_with("domain-mismatch at mask"), "{mask}");
    }

    #[test]
    fn what_miou_takes() {
        let says = |prediction: &str| check(&MIOU, &Attrs::new(), [prediction, TRUTH]);
        assert_eq!(says("index(K + 1)[B, H, W]"), "ok");
        assert_eq!(says("index(1)[B, H, W]"), "ok");
        let classes =
            "class-axis-mismatch at prediction: `prediction` counts K classes, the mask K + 1 with the background";
        assert_eq!(says("index(K)[B, H, W]"), classes);
        assert!(says("unit[B, H, W]").starts_with("domain-mismatch at prediction"));
        assert!(says("index(K + 1)[B, 1, H, W]").starts_with("rank-mismatch at prediction"));
        assert!(says("index(K + 1)[B, W, H]").starts_with("dimension-mismatch at prediction"));
    }

    #[test]
    fn what_mean_average_precision_takes() {
        let says = |scores: &str, tags: &str| check(&MEAN_AVERAGE_PRECISION, &Attrs::new(), [scores, tags]);
        assert_eq!(says("logit[B, K]", "tags[B, K]"), "ok");
        assert!(says("logit[B, K + 1]", "tags[B, K]").starts_with("class-axis-mismatch at scores"));
        assert!(says("logit[B, K, H, W]", "tags[B, K]").starts_with("rank-mismatch at scores"));
        assert!(says("unit[B, K]", "unit[B, K]").starts_with("domain-mismatch at tags"));
        assert!(says("index(K)[B, K]", "tags[B, K]").starts_with("domain-mismatch at scores"));
    }

    fn tensor(numbers: &[f32], shape: &[usize]) -> Tensor {
        Tensor::from_vec(numbers.to_vec(), shape, &Device::Cpu).unwrap()
    }

    fn mask(numbers: &[u32], shape: &[usize]) -> Tensor {
        Tensor::from_vec(numbers.to_vec(), shape, &Device::Cpu).unwrap()
    }

    #[test]
    fn the_best_threshold_by_hand() {
        // One class, two pictures of two pixels, one of them not known. At 0.3 everything is right.
        let map = tensor(&[0.4, 0.1, 0.9, 0.2], &[2, 1, 1, 2]);
        let truth = mask(&[1, 0, 1, 255], &[2, 1, 2]);
        let mut metric = (BEST_THRESHOLD_IOU.start)(&thresholds(&[0.5, 0.3]), 1).unwrap();
        metric.add(&[map, truth]).unwrap();
        let value = metric.finish();
        assert_eq!((value.value, value.oracle, value.over.as_str()), (Some(1.0), true, "2 classes, 2 images"));
        assert_eq!(value.detail["best_threshold"], json!(0.3));
        // At 0.5 the first picture is all background: background 1 of 2, the class 1 of 2.
        assert_eq!(value.detail["curve"], json!([[0.3, 1.0], [0.5, 0.5]]));
        assert_eq!(value.detail["ignored_pixels"], json!(1));
    }

    #[test]
    fn miou_says_over_what() {
        // Background: 1 hit, 2 predicted, 1 true: 1/2. Class 1: 0 hits, 1 true: 0. Class 2 never occurs.
        let (prediction, truth) = (mask(&[0, 0], &[1, 1, 2]), mask(&[0, 1], &[1, 1, 2]));
        let mut metric = (MIOU.start)(&Attrs::new(), 2).unwrap();
        metric.add(&[prediction, truth]).unwrap();
        let value = metric.finish();
        assert_eq!((value.value, value.over.as_str()), (Some(0.25), "2 classes, 1 image"));
        assert_eq!(value.detail["iou"], json!([0.5, 0.0, null]));
    }

    #[test]
    fn average_precision_over_the_classes_that_occur() {
        // Class 1 is ranked right; of class 2 the second of two is right: 1/2. Class 3 never occurs.
        let scores = tensor(&[0.9, 0.8, 0.1, 0.1, 0.2, 0.3], &[2, 3]);
        let tags = tensor(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], &[2, 3]);
        let mut metric = (MEAN_AVERAGE_PRECISION.start)(&Attrs::new(), 3).unwrap();
        metric.add(&[scores, tags]).unwrap();
        let value = metric.finish();
        assert_eq!((value.value, value.over.as_str()), (Some(0.75), "2 classes, 2 images"));
        assert_eq!(value.detail["average_precision"], json!([1.0, 0.5, null]));
        let empty = (MEAN_AVERAGE_PRECISION.start)(&Attrs::new(), 3).unwrap().finish();
        assert_eq!(empty.value, None);
    }
}
