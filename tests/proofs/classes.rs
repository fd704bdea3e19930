//! Class sets against a count of names: random programs over maps and class numbers of two data sets that have as many classes each.
//! A line is refused exactly where a count of whose classes a value has, kept beside, says that two sets meet that are not the same.

use proptest::prelude::*;
use wsss::diag::Code;

use super::lowered;

/// How often an axis has the classes of each data set, and how many channels beside them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Set {
    of: [i64; 2],
    beside: i64,
}

const FIRST: Set = Set { of: [1, 0], beside: 0 };
const WITH_BACKGROUND: Set = Set { of: [1, 0], beside: 1 };
const OTHER: Set = Set { of: [0, 1], beside: 0 };
const OTHER_WITH_BACKGROUND: Set = Set { of: [0, 1], beside: 1 };
const ONE: Set = Set { of: [0, 0], beside: 1 };

impl Set {
    fn and(self, other: Set) -> Set {
        let of = [self.of[0] + other.of[0], self.of[1] + other.of[1]];
        Set { of, beside: self.beside + other.beside }
    }

    fn with_beside(self, channels: i64) -> Set {
        Set { beside: self.beside + channels, ..self }
    }

    /// Whether it is that of a data set, and is told by its name.
    fn is_named(self) -> bool {
        self.of.iter().sum::<i64>() == 1 && matches!(self.beside, 0 | 1)
    }
}

/// A recipe as it is written, with the sets of what it has so far and the lines that must be refused.
struct Writer {
    text: String,
    choices: Vec<u32>,
    /// `[B, set, H, W]`
    maps: Vec<(String, Set)>,
    /// Class numbers of a set, `[B, H, W]`.
    labels: Vec<(String, Set)>,
    /// Whether the sets are such that the answer is about classes, not about lengths in general.
    refused: Vec<(usize, bool)>,
}

const HEAD: &str = "supervision pixel
use data { scenes }
use cam { with_background, foreground, max_normalize }
use losses { cross_entropy, multilabel_soft_margin }
let a = scenes(images = 8, size = 32, classes = 3, seed = 1)
let b = scenes(images = 8, size = 32, classes = 3, seed = 2)
infer other { data = b.val each { mask } { save seed = mask } }
score s {
  data = a.val with { seed = other.seed }
  each { image, tags, mask, seed } {
    let grey = mean(image, axes = [1], keep = true)
    let m0 = expand(grey, [size(image, 0), a.classes, size(image, 2), size(image, 3)])
    let m1 = expand(grey, [size(image, 0), b.classes, size(image, 2), size(image, 3)])
";

impl Writer {
    fn new(choices: Vec<u32>) -> Writer {
        let named = |name: &str, set: Set| (name.to_string(), set);
        Writer {
            text: HEAD.into(),
            choices,
            maps: vec![named("m0", FIRST), named("m1", OTHER), named("grey", ONE)],
            labels: vec![named("mask", WITH_BACKGROUND), named("seed", OTHER_WITH_BACKGROUND)],
            refused: Vec::new(),
        }
    }

    fn choose(&mut self, below: usize) -> usize {
        self.choices.pop().unwrap_or(0) as usize % below
    }

    fn map(&mut self) -> (String, Set) {
        let place = self.choose(self.maps.len());
        self.maps[place].clone()
    }

    fn label(&mut self) -> (String, Set) {
        let place = self.choose(self.labels.len());
        self.labels[place].clone()
    }

    /// A line where `a` and `b` meet; what it makes is there only if they are the same.
    fn meet(&mut self, line: &str, a: Set, b: Set) -> bool {
        self.text += line;
        self.text += "\n";
        if a != b {
            self.refused.push((self.text.lines().count(), a.is_named() && b.is_named()));
        }
        a == b
    }

    fn step(&mut self, place: usize) {
        let ((x, of_x), (y, of_y)) = (self.map(), self.map());
        let ((n, of_n), (k, of_k)) = (self.label(), self.label());
        let name = format!("v{place}");
        match self.choose(14) {
            0 => {
                self.text += &format!("    let {name} = max_normalize({x}) |> with_background(0.3)\n");
                self.maps.push((name, of_x.with_beside(1)));
            }
            1 if of_x.of != [0, 0] && of_x.beside > -2 => {
                self.text += &format!("    let {name} = foreground({x})\n");
                self.maps.push((name, of_x.with_beside(-1)));
            }
            2 => {
                self.text += &format!("    let {name} = concat([{x}, {y}], axis = 1)\n");
                self.maps.push((name, of_x.and(of_y)));
            }
            3 => {
                self.text += &format!("    let {name} = argmax({x})\n");
                self.labels.push((name, of_x));
            }
            4 => {
                self.text += &format!("    let {name} = one_hot({n})\n");
                self.maps.push((name, of_n));
            }
            5 => {
                self.text += &format!("    let {name} = ignore_where({n}, {n} == 0)\n");
                self.labels.push((name, of_n));
            }
            6 => {
                // One channel goes with every set.
                let met = self.meet(
                    &format!("    let {name} = {x} + {y}"),
                    if of_x == ONE { of_y } else { of_x },
                    if of_y == ONE { of_x } else { of_y },
                );
                if met {
                    self.maps.push((name, if of_x == ONE { of_y } else { of_x }));
                }
            }
            7 => {
                let (asked, set) = [
                    ("a.classes", FIRST),
                    ("a.classes + 1", WITH_BACKGROUND),
                    ("b.classes", OTHER),
                    ("b.classes + 1", OTHER_WITH_BACKGROUND),
                ][self.choose(4)];
                if self.meet(&format!("    let {name} = one_hot({n}, classes = {asked})"), of_n, set) {
                    self.maps.push((name, of_n));
                }
            }
            8 => _ = self.meet(&format!("    let {name} = gather({x}, {n})"), of_x, of_n),
            9 => _ = self.meet(&format!("    let {name} = {n} == {k}"), of_n, of_k),
            10 => {
                if self.meet(&format!("    let {name} = where({n} == 0, {n}, {k})"), of_n, of_k) {
                    self.labels.push((name, of_n));
                }
            }
            11 => {
                _ = self.meet(&format!("    let {name} = cross_entropy(claim({x}, \"logit\"), {n})"), of_x, of_n);
            }
            12 => {
                let scores = format!("claim(gap({x}), \"logit\")");
                let line = format!("    let {name} = multilabel_soft_margin({scores}, tags)");
                _ = self.meet(&line, of_x, FIRST);
            }
            _ => {
                // A prediction of one class is all background: a baseline that is measured, too.
                let counted = if of_n == ONE { WITH_BACKGROUND } else { of_n };
                _ = self.meet(&format!("    metric {name} = miou({n}, mask)"), counted, WITH_BACKGROUND);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn sets_meet_exactly_where_their_names_agree(choices in prop::collection::vec(any::<u32>(), 30..120)) {
        let mut writer = Writer::new(choices);
        (0..12).for_each(|place| writer.step(place));
        writer.text += "    metric level = mean(image)\n  }\n}\n";
        let (_, problems) = lowered(&writer.text, &[]);
        let mut found = Vec::new();
        for problem in problems.iter().filter(|problem| problem.is_error()) {
            let about_classes = match problem.code {
                Code::ClassAxisMismatch => true,
                Code::DimensionMismatch => false,
                _ => return Err(TestCaseError::fail(format!("{problem:#?}\n{}", writer.text))),
            };
            let line = writer.text[..problem.labels[0].span.start as usize].lines().count();
            found.push((line, about_classes));
        }
        let lines = |all: &[(usize, bool)]| all.iter().map(|(line, _)| *line).collect::<Vec<_>>();
        prop_assert_eq!(lines(&found), lines(&writer.refused), "{}\n{:#?}", writer.text, problems);
        for (told, (_, named)) in found.iter().zip(&writer.refused) {
            prop_assert!(told.1 || !named, "{}\n{:#?}", writer.text, problems);
        }
    }
}
