//! [`Labels`]: what a value has seen, as a set. Labels of pictures by strength and split, knowledge from outside the recipe's data,
//! weights nobody vouches for, and choices made by looking at labels that training may not see.
//!
//! The set is shared: cloning it counts up, joining equal sets gives one of them, and only a new combination is built.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How much a label says of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Level {
    #[default]
    None,
    Image,
    Point,
    Scribble,
    Box,
    Pixel,
}

impl Level {
    pub const ALL: [Level; 6] = [Level::None, Level::Image, Level::Point, Level::Scribble, Level::Box, Level::Pixel];

    pub fn word(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Image => "image",
            Level::Point => "point",
            Level::Scribble => "scribble",
            Level::Box => "box",
            Level::Pixel => "pixel",
        }
    }

    pub fn from_word(word: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.word() == word)
    }

    /// The level of labels by what they are called: `imagenet tags` are of the level `image`, `coco masks` of `pixel`.
    fn of_kind(words: &str) -> Option<Level> {
        Some(match words.rsplit(' ').next()? {
            "tags" => Level::Image,
            "points" => Level::Point,
            "scribbles" => Level::Scribble,
            "boxes" => Level::Box,
            "masks" => Level::Pixel,
            _ => return None,
        })
    }
}

/// One thing a value has seen.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Label {
    /// Labels of a split; at [`Level::None`] its pictures alone, which what was trained on them has seen.
    Seen { level: Level, split: Arc<str> },
    /// A choice made by looking at these labels, which training may not see.
    Oracle { level: Level, split: Arc<str> },
    /// Knowledge from outside the data, by name: `saliency`, `imagenet tags`.
    Outside(Arc<str>),
    /// A file of weights that does not say what it has learnt from.
    Unknown(Arc<str>),
}

impl Label {
    /// The level that outside knowledge is of, where its name says so (`imagenet tags`).
    pub fn outside_level(&self) -> Option<Level> {
        match self {
            Label::Outside(what) => Level::of_kind(what),
            _ => None,
        }
    }

    /// What it is, in the middle of a sentence.
    pub fn words(&self) -> String {
        match self {
            Label::Seen { level: Level::None, split } => format!("the pictures of `{split}`"),
            Label::Seen { level: Level::Image, split } => format!("the tags of `{split}`"),
            Label::Seen { level, split } => format!("{} labels of `{split}`", level.word()),
            Label::Oracle { level, split } => {
                let seen = Label::Seen { level: *level, split: split.clone() };
                format!("a choice made by looking at {}", seen.words())
            }
            Label::Outside(what) => format!("outside knowledge (`{what}`)"),
            Label::Unknown(file) => format!("weights of unknown origin (`{file}`)"),
        }
    }
}

impl Label {
    /// What it is, for a table: `tags(train)`, `pixel(val)`, `saliency`.
    pub fn short(&self) -> String {
        match self {
            Label::Seen { level: Level::None, split } => format!("pictures({split})"),
            Label::Seen { level: Level::Image, split } => format!("tags({split})"),
            Label::Seen { level, split } => format!("{}({split})", level.word()),
            Label::Oracle { level, split } => {
                format!("oracle of {}", Label::Seen { level: *level, split: split.clone() }.short())
            }
            Label::Outside(what) => what.to_string(),
            Label::Unknown(_) => "weights of unknown origin".to_string(),
        }
    }
}

/// `pixel(val)`, `oracle(pixel(val))`, `outside("saliency")`, `weights("net.safetensors")`.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Seen { level, split } => write!(f, "{}({split})", level.word()),
            Label::Oracle { level, split } => write!(f, "oracle({}({split}))", level.word()),
            Label::Outside(what) => write!(f, "outside({})", serde_json::json!(&**what)),
            Label::Unknown(file) => write!(f, "weights({})", serde_json::json!(&**file)),
        }
    }
}

/// Reads what `Display` writes.
impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Label, String> {
        let wrong = || format!("`{text}` is no label");
        let (word, rest) = text.split_once('(').ok_or_else(wrong)?;
        let inside = rest.strip_suffix(')').ok_or_else(wrong)?;
        let quoted = || -> Result<Arc<str>, String> {
            let name: String = serde_json::from_str(inside).map_err(|_| wrong())?;
            Ok(name.into())
        };
        Ok(match word {
            "oracle" => match inside.parse()? {
                Label::Seen { level, split } => Label::Oracle { level, split },
                _ => return Err(wrong()),
            },
            "outside" => Label::Outside(quoted()?),
            "weights" => Label::Unknown(quoted()?),
            level => Label::Seen { level: Level::from_word(level).ok_or_else(wrong)?, split: inside.into() },
        })
    }
}

/// A set of [`Label`]s. See the module text.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Labels {
    /// Sorted, each label once; `None` stands for the empty set, which most values have.
    set: Option<Arc<[Label]>>,
}

impl Labels {
    /// Labels of a level, from a split.
    pub fn seen(level: Level, split: &str) -> Labels {
        Labels::of([Label::Seen { level, split: split.into() }])
    }

    pub fn of(labels: impl IntoIterator<Item = Label>) -> Labels {
        let mut all: Vec<Label> = labels.into_iter().collect();
        all.sort();
        all.dedup();
        Labels { set: (!all.is_empty()).then(|| all.into()) }
    }

    pub fn is_empty(&self) -> bool {
        self.set.is_none()
    }

    /// In a fixed order: labels by strength, then oracles, then outside knowledge.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Label> {
        self.set.iter().flat_map(|set| set.iter())
    }

    pub fn contains(&self, label: &Label) -> bool {
        self.set.as_ref().is_some_and(|set| set.binary_search(label).is_ok())
    }

    /// The strongest labels seen, choices and outside knowledge aside.
    pub fn level(&self) -> Level {
        let levels = self.iter().filter_map(|label| match label {
            Label::Seen { level, .. } => Some(*level),
            _ => None,
        });
        levels.max().unwrap_or_default()
    }

    /// Whether a choice by forbidden labels has a part in it.
    pub fn is_oracle(&self) -> bool {
        self.iter().any(|label| matches!(label, Label::Oracle { .. }))
    }

    /// Everything that either has seen.
    pub fn join(&self, other: &Labels) -> Labels {
        match (&self.set, &other.set) {
            (None, _) => other.clone(),
            (_, None) => self.clone(),
            (Some(mine), Some(theirs))
                if Arc::ptr_eq(mine, theirs) || theirs.iter().all(|label| self.contains(label)) =>
            {
                self.clone()
            }
            (Some(mine), Some(_)) if mine.iter().all(|label| other.contains(label)) => other.clone(),
            (Some(mine), Some(theirs)) => Labels::of(mine.iter().chain(theirs.iter()).cloned()),
        }
    }

    pub fn join_all<'l>(all: impl IntoIterator<Item = &'l Labels>) -> Labels {
        all.into_iter().fold(Labels::default(), |joined, labels| joined.join(labels))
    }

    pub fn without(&self, other: &Labels) -> Labels {
        match other.is_empty() {
            true => self.clone(),
            false => Labels::of(self.iter().filter(|label| !other.contains(label)).cloned()),
        }
    }

    /// The labels of a number chosen by looking at values with these: what `forbidden` says training may not see becomes an
    /// oracle, the rest stays.
    pub fn chosen(&self, forbidden: impl Fn(&Label) -> bool) -> Labels {
        Labels::of(self.iter().map(|label| match label {
            Label::Seen { level, split } if forbidden(label) => Label::Oracle { level: *level, split: split.clone() },
            other => other.clone(),
        }))
    }
}

/// `image(train), pixel(val)`; nothing for the empty set.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, label) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{label}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn any_label() -> impl Strategy<Value = Label> {
        let level = proptest::sample::select(&Level::ALL[..]);
        let split = proptest::sample::select(&["train", "val", "trainaug"][..]);
        let name = proptest::sample::select(&["saliency", "imagenet tags", "a \"b\", c.safetensors"][..]);
        prop_oneof![
            (level.clone(), split.clone()).prop_map(|(level, split)| Label::Seen { level, split: split.into() }),
            (level, split).prop_map(|(level, split)| Label::Oracle { level, split: split.into() }),
            name.clone().prop_map(|name| Label::Outside(name.into())),
            name.prop_map(|name| Label::Unknown(name.into())),
        ]
    }

    fn any_labels() -> impl Strategy<Value = Labels> {
        proptest::collection::vec(any_label(), 0..6).prop_map(Labels::of)
    }

    proptest! {
        #[test]
        fn a_join_holds_what_either_holds(a in any_labels(), b in any_labels(), label in any_label()) {
            let joined = a.join(&b);
            prop_assert_eq!(joined.contains(&label), a.contains(&label) || b.contains(&label));
            prop_assert_eq!(&joined, &b.join(&a));
            prop_assert_eq!(&joined.join(&a), &joined);
            prop_assert_eq!(joined.level(), a.level().max(b.level()));
        }

        #[test]
        fn text_and_back(label in any_label()) {
            prop_assert_eq!(label.to_string().parse::<Label>(), Ok(label));
        }
    }

    #[test]
    fn a_choice_hides_the_labels_it_looked_at() {
        let labels = Labels::seen(Level::Image, "train").join(&Labels::seen(Level::Pixel, "val"));
        let chosen = labels.chosen(|label| matches!(label, Label::Seen { level: Level::Pixel, .. }));
        assert_eq!(chosen.to_string(), "image(train), oracle(pixel(val))");
        assert_eq!((chosen.level(), chosen.is_oracle()), (Level::Image, true));
    }

    #[test]
    fn outside_knowledge_has_a_level_where_its_name_says_so() {
        let level = |what: &str| Label::Outside(what.into()).outside_level();
        assert_eq!(level("imagenet tags"), Some(Level::Image));
        assert_eq!(level("coco masks"), Some(Level::Pixel));
        assert_eq!(level("saliency"), None);
    }
}
