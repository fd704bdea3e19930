//! `wsss eval --pred DIR --gt DIR --classes N`: mean IoU and IoU a class for folders of index PNGs.

use std::path::PathBuf;

use serde_json::json;

use super::exit::Exit;
use super::output::Output;
use crate::metrics::{self, IouCounter};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder of predictions; each PNG is compared with the one of the same name
    #[arg(long, value_name = "DIR")]
    pred: PathBuf,
    /// The folder of ground truth; 255 is ignored
    #[arg(long, value_name = "DIR")]
    gt: PathBuf,
    /// How many classes, the background included
    #[arg(long, value_name = "N")]
    classes: usize,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Exit {
    let output = Output::new(args.json);
    let report = match metrics::eval_folders(&args.pred, &args.gt, args.classes) {
        Ok(report) => report,
        Err(error) => return output.problem(error.diagnostic()),
    };
    let left = report.without_prediction.len();
    if left > 0 {
        let first = &report.without_prediction[0];
        output.note(&format!(
            "warning: {left} of the ground truth have no prediction and are not counted, the first is `{first}`"
        ));
    }
    if args.json {
        let iou = report.counter.iou();
        output.object(
            "iou",
            json!({
                "mean": iou.mean,
                "over": iou.over,
                "foreground": iou.foreground,
                "foreground_over": iou.foreground_over,
                "classes": iou.classes,
                "images": report.counter.pictures(),
                "ignored_pixels": report.counter.ignored(),
                "without_prediction": left,
            }),
        );
    } else {
        output.text(&table(&report.counter));
    }
    Exit::Done
}

fn table(counter: &IouCounter) -> String {
    let iou = counter.iou();
    let mut text = String::new();
    for (class, value) in iou.classes.iter().enumerate() {
        let name = if class == 0 { "background".to_string() } else { format!("class {class}") };
        let value = value.map_or("absent".to_string(), |value| format!("{value:.4}"));
        text += &format!("{name:10}  {value}\n");
    }
    text + &format!("\nmean IoU {:.4} over {} classes, {} images\n", iou.mean, iou.over, counter.pictures())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_of_classes() {
        let mut counter = IouCounter::new(3);
        counter.add_bytes(&[0, 0, 1, 1], &[0, 1, 1, 255]);
        expect![[r#"
            background  0.5000
            class 1     0.5000
            class 2     absent

            mean IoU 0.5000 over 2 classes, 1 images
        "#]]
        .assert_eq(&table(&counter));
    }
}
