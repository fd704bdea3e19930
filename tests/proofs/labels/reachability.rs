//! Random recipes, written together with what flows where: the labels that the checker gives to each loss, map and figure are
//! compared with the sources that a walk over the recipe's own arrows reaches, exactly.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use wsss::lower::StageKind;
use wsss::types::{Label, Labels};

use super::leaks;
use crate::proofs::lowered;

/// Sources by their names in [`Labels`]: `image(train)`, `pixel(val)`, `oracle(pixel(val))`.
type Sources = BTreeSet<String>;

/// A recipe as it is written, stage by stage, with what each thing in it must have seen.
#[derive(Default)]
struct Writer {
    text: String,
    choices: Vec<u32>,
    /// `stage.save` by split.
    saves: Vec<(String, String, Sources)>,
    /// `stage.figure` as a number.
    numbers: Vec<(String, Sources)>,
    nets: Vec<(String, Sources)>,
    /// What is expected of `stage.name`.
    expected: BTreeMap<String, Sources>,
    /// Losses that must be refused.
    leaks: usize,
}

const FUNCTIONS: &str = "use data { scenes }
let d = scenes(images = 8, size = 32, classes = 2)
fn mix(a, b) = 0.5 * a + b
fn first(a, b) = a
fn pair(a, b) = { left = a, right = [b, a] }
";

impl Writer {
    fn choose(&mut self, below: usize) -> usize {
        self.choices.pop().unwrap_or(0) as usize % below.max(1)
    }

    /// A value of the body: what it is called, and what it has seen.
    fn value(&mut self, known: &[(String, Sources)]) -> (String, Sources) {
        known[self.choose(known.len())].clone()
    }

    /// An expression over known values, with the union of what it really uses.
    fn expression(&mut self, known: &[(String, Sources)]) -> (String, Sources) {
        let ((a, of_a), (b, of_b), (c, of_c)) = (self.value(known), self.value(known), self.value(known));
        let both: Sources = of_a.union(&of_b).cloned().collect();
        let all: Sources = both.union(&of_c).cloned().collect();
        match self.choose(13) {
            0 => (format!("{a} + {b}"), both),
            1 => (format!("mix({a}, {b})"), both),
            2 => (format!("first({a}, {b})"), of_a),
            3 => (format!("{{ x = {a}, y = {b} }}.y"), of_b),
            4 => (format!("pair({a}, {b}).right[0]"), of_b),
            5 => (format!("[{a}, {b}, {c}][-1]"), of_c),
            6 => (format!("total([2 * x for x in [{a}, {b}]])"), both),
            7 => (format!("fold([{a}, {b}], {c}, (sum, x) => sum * x)"), all),
            8 => (format!("{{ let f = x => x * {a}  f({b}) }}"), both),
            9 => (format!("where({a} > 0, {b}, {c})"), all),
            10 => (format!("if 1 < 2 {{ {a} }} else {{ {b} }}"), of_a),
            11 => (format!("{a} |> abs |> first({b})"), of_a),
            _ => (format!("0 * {a} + declassify({b}, \"it is a test\")"), of_a),
        }
    }

    fn stage(&mut self, place: usize) {
        let split = ["train", "val"][self.choose(2)];
        let kind = [StageKind::Train, StageKind::Infer, StageKind::Score][self.choose(3)];
        let name = format!("s{place}");
        let here: Vec<(String, String, Sources)> =
            self.saves.iter().filter(|(_, of, _)| of == split).take(3).cloned().collect();
        let joins: Vec<String> = here.iter().enumerate().map(|(i, (save, ..))| format!("j{i} = {save}")).collect();
        let with = if joins.is_empty() { String::new() } else { format!(" with {{ {} }}", joins.join(", ")) };
        let fields: String = (0..joins.len()).map(|i| format!(", j{i}")).collect();
        self.text += &format!("{} {name} {{\n", kind.word());
        self.text += &format!("  data = d.{split}{with} |> standardize |> random_crop(16)\n");
        if kind == StageKind::Train {
            self.text += "  batch = 2\n  epochs = 1\n  optimizer = sgd(lr = 0.1)\n  net own = conv(3, 2)\n";
        }
        let body = if kind == StageKind::Train { "step" } else { "each" };
        self.text += &format!("  {body} {{ image, tags, mask{fields} }} {{\n");
        let seen = |level: &str| Sources::from([format!("{level}({split})")]);
        let mut known: Vec<(String, Sources)> = vec![
            ("mean(image)".into(), Sources::new()),
            ("mean(tags)".into(), seen("image")),
            ("mean(1 * (mask == 0))".into(), seen("pixel")),
        ];
        known.extend(here.iter().enumerate().map(|(i, (.., of))| (format!("mean(j{i})"), of.clone())));
        known.extend(self.numbers.iter().cloned());
        known.extend(self.nets.iter().map(|(net, of)| (format!("mean({net}(image))"), of.clone())));
        for i in 0..2 + self.choose(4) {
            let (written, of) = self.expression(&known);
            self.text += &format!("    let v{i} = {written}\n");
            known.push((format!("v{i}"), of));
        }
        let (end, of) = known[known.len() - 1 - self.choose(2)].clone();
        match kind {
            StageKind::Train => {
                self.text += &format!("    loss l = mean(own(image)) + {end}\n");
                self.expect(&name, "l", &of);
                self.leaks += usize::from(of.iter().any(|source| source.starts_with("pixel")));
                self.leaks += usize::from(of.iter().any(|source| source.starts_with("oracle")));
                // What is refused here is not told again of what comes after.
                let mut learnt: Sources = of
                    .into_iter()
                    .filter(|source| !source.starts_with("pixel") && !source.starts_with("oracle"))
                    .collect();
                learnt.insert(format!("none({split})"));
                self.nets.push((format!("{name}.own"), learnt));
            }
            StageKind::Infer => {
                self.text += &format!("    save x = {end} + 0 * mean(image, axes = [2, 3])\n");
                self.expect(&name, "x", &of);
                self.saves.push((format!("{name}.x"), split.into(), of));
            }
            StageKind::Score => {
                self.text += &format!("    metric m = {end}\n");
                self.text += "    let maps = expand(mean(abs(image), axes = [1], keep = true), [size(image, 0), d.classes, 16, 16])\n";
                self.text += "    metric best = best_threshold(maps, mask, thresholds = [0.1, 0.2])\n";
                self.expect(&name, "m", &of);
                self.expect(&name, "best", &seen("pixel"));
                self.numbers.push((format!("{name}.m"), of));
                let oracle = Sources::from([format!("oracle(pixel({split}))")]);
                self.numbers.push((format!("{name}.best.iou"), oracle));
            }
        }
        self.text += "  }\n}\n";
    }

    fn expect(&mut self, stage: &str, name: &str, sources: &Sources) {
        self.expected.insert(format!("{stage}.{name}"), sources.clone());
    }
}

fn names(labels: &Labels) -> Sources {
    labels.iter().map(Label::to_string).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn labels_are_what_can_be_reached(choices in proptest::collection::vec(any::<u32>(), 40..160), stages in 2usize..7) {
        let mut writer = Writer { text: FUNCTIONS.into(), choices, ..Writer::default() };
        (0..stages).for_each(|place| writer.stage(place));
        let (recipe, problems) = lowered(&writer.text, &[]);
        let leaks = leaks(&problems);
        let mut found = BTreeMap::new();
        for stage in &recipe.stages {
            let named = stage.seen.losses.iter().chain(&stage.seen.saves).map(|(name, labels)| (name, labels));
            let figures = stage.seen.figures.iter().map(|figure| (&figure.name, &figure.labels));
            found.extend(named.chain(figures).map(|(name, labels)| (format!("{}.{name}", stage.name), names(labels))));
        }
        prop_assert_eq!(&found, &writer.expected, "{}", writer.text);
        prop_assert_eq!(leaks.len(), writer.leaks, "{}\n{:#?}", writer.text, leaks);
        // The way begins where the label does, and ends in the stage that is refused: first the sink, then source to sink.
        for leak in leaks {
            let source = &leak.labels[1].text;
            prop_assert!(source.contains("`mask`") || source.contains("maps"), "{}\n{leak:#?}", writer.text);
        }
    }
}
