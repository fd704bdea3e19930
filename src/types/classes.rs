//! Class sets by name, not by count: `K` are the foreground classes of one data set, `K2` those of another, `K + 1` has the
//! background first.

use super::Dim;

/// How two lengths that count classes differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClassGap {
    /// One of them counts the background as class 0, the other does not.
    Background,
    /// They are the classes of two data sets, were they as many.
    DataSet,
}

impl ClassGap {
    /// `None` where the lengths are equal, or differ as other lengths do.
    pub fn between(a: &Dim, b: &Dim) -> Option<ClassGap> {
        if let Some(1 | -1) = (a - b).as_const() {
            return a.as_const().is_none().then_some(ClassGap::Background);
        }
        match (class_set(a), class_set(b)) {
            (Some(one), Some(other)) if one != other => Some(ClassGap::DataSet),
            _ => None,
        }
    }

    /// What to write; of class numbers, of maps else.
    pub fn help(self, numbers: bool) -> &'static str {
        match (self, numbers) {
            (ClassGap::Background, true) => {
                "one counts the background as class 0, the other does not: `argmax(with_background(maps, level))` counts it, and no \
                 class number is ever shifted"
            }
            (ClassGap::Background, false) => {
                "one of them counts the background: `with_background(map, level)` adds it, `foreground(map)` removes it"
            }
            (ClassGap::DataSet, _) => {
                "these are the classes of two data sets; a net, a map or a mask of one says nothing of the other's"
            }
        }
    }
}

/// The data set whose classes a length counts: `K`, `K2`, with or without background.
fn class_set(dim: &Dim) -> Option<String> {
    let text = (0..=1).find_map(|background| (dim - &Dim::constant(background)).as_symbol().map(str::to_string))?;
    let number = text.strip_prefix('K')?;
    number.chars().all(|digit| digit.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_differ_by_name() {
        let between = |a: &str, b: &str| ClassGap::between(&a.parse().unwrap(), &b.parse().unwrap());
        assert_eq!(between("K", "K + 1"), Some(ClassGap::Background));
        assert_eq!(between("K + 1", "K2 + 1"), Some(ClassGap::DataSet));
        assert_eq!(between("K", "K2 + 1"), Some(ClassGap::DataSet));
        assert_eq!([between("K", "K"), between("H", "W"), between("20", "21"), between("K", "2*K")], [None; 4]);
    }
}
