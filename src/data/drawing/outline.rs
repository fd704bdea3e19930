//! The outline of an instance as an annotation has it, packed: half a million of them are held at once, a byte or two a number.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Corners lie no further from the upper left corner than this, in pixels: a picture is smaller.
const FURTHEST: f64 = 65_536.0;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::data) enum Outline {
    /// Of each polygon: how many corners it has, then each as its distance from the one before.
    Polygons(Box<[u8]>),
    /// Lengths of runs, down the columns: outside, inside, outside, …
    Runs { height: u64, width: u64, pixels: u64, lengths: Box<[u8]> },
}

impl Outline {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Outline::Polygons(bytes) | Outline::Runs { lengths: bytes, .. } => bytes,
        }
    }
}

/// The polygons of [`Outline::Polygons`]: corners `[x, y]` in fifths of a pixel, the grid that they are drawn on.
pub(super) fn polygons(mut packed: &[u8]) -> impl Iterator<Item = Vec<[i64; 2]>> {
    std::iter::from_fn(move || {
        let corners = take(&mut packed)?;
        let mut at = [0i64; 2];
        let corner = |_| {
            for side in &mut at {
                *side += take(&mut packed).map_or(0, signed);
            }
            at
        };
        Some((0..corners).map(corner).collect())
    })
}

/// The lengths of [`Outline::Runs`].
pub(super) fn lengths(mut packed: &[u8]) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || take(&mut packed))
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

/// Small numbers of either sign as small numbers: 0, -1, 1, -2, …
fn unsigned(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn signed(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Outline, D::Error> {
        from.deserialize_any(OutlineVisitor)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of polygons, or runs as `{\"size\": …, \"counts\": …}`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut polygons: A) -> Result<Outline, A::Error> {
        let mut bytes = Vec::new();
        while let Some(numbers) = polygons.next_element::<Vec<f64>>()? {
            if numbers.len() % 2 == 1 {
                let what = format!("a polygon of {} numbers, expected `x, y, x, y, …`", numbers.len());
                return Err(de::Error::custom(what));
            }
            put(&mut bytes, numbers.len() as u64 / 2);
            let mut last = [0i64; 2];
            for (place, number) in numbers.into_iter().enumerate() {
                if number.is_nan() || number.abs() > FURTHEST {
                    return Err(de::Error::custom(format!("a polygon with a corner at {number}, beyond any picture")));
                }
                // Rounded as the field's code does it, which takes half a step further and cuts towards 0.
                let number = (5.0 * number + 0.5) as i64;
                put(&mut bytes, unsigned(number - last[place % 2]));
                last[place % 2] = number;
            }
        }
        Ok(Outline::Polygons(bytes.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Outline, A::Error> {
        let (mut size, mut counts) = (None, None);
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "size" => size = Some(entries.next_value::<[u64; 2]>()?),
                "counts" => counts = Some(entries.next_value::<Counts>()?),
                _ => drop(entries.next_value::<de::IgnoredAny>()?),
            }
        }
        let [height, width] = size.ok_or_else(|| de::Error::missing_field("size"))?;
        let Counts { pixels, lengths } = counts.ok_or_else(|| de::Error::missing_field("counts"))?;
        Ok(Outline::Runs { height, width, pixels, lengths: lengths.into() })
    }
}

/// The runs of a mask: as numbers, or as the text that COCO's tools compress them to.
#[derive(Default)]
struct Counts {
    pixels: u64,
    lengths: Vec<u8>,
}

impl Counts {
    fn add<E: de::Error>(&mut self, length: i64) -> Result<(), E> {
        let length = u32::try_from(length).map_err(|_| E::custom(format!("a run of {length} pixels")))?;
        self.pixels += u64::from(length);
        put(&mut self.lengths, u64::from(length));
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Counts, D::Error> {
        from.deserialize_any(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Counts;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the lengths of runs, as a list or as a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Counts, A::Error> {
        let mut counts = Counts::default();
        while let Some(length) = numbers.next_element::<i64>()? {
            counts.add(length)?;
        }
        Ok(counts)
    }

    /// Five bits a letter from `0` on, the lowest first; the sixth says that more follow. From the fourth run on, the difference
    /// to the one two before.
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Counts, E> {
        let mut counts = Counts::default();
        let mut earlier = [0i64; 2];
        let mut letters = text.bytes();
        let mut run = 0usize;
        while letters.len() > 0 {
            let (mut number, mut bits) = (0i64, 0);
            loop {
                let Some(letter @ b'0'..=b'o') = letters.next() else {
                    return Err(E::custom("a text of runs that is cut short or has other letters than `0` to `o`"));
                };
                let letter = i64::from(letter - b'0');
                number |= (letter & 0x1f) << bits;
                bits += 5;
                if letter & 0x20 == 0 {
                    // The highest bit of the last letter is the sign.
                    number |= if letter & 0x10 == 0 { 0 } else { -1 << bits };
                    break;
                }
                if bits > 40 {
                    return Err(E::custom("a text of runs with a number beyond any picture"));
                }
            }
            if run > 2 {
                number += earlier[run % 2];
            }
            earlier[run % 2] = number;
            counts.add(number)?;
            run += 1;
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Outline, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn runs(outline: &Outline) -> Vec<u64> {
        lengths(outline.bytes()).collect()
    }

    #[test]
    fn corners_come_back_on_the_grid_of_fifths() {
        let outline = read("[[1.3, 0.7, 12.64, -3.26, 40000, 0], [2, 2]]").unwrap();
        let all: Vec<_> = polygons(outline.bytes()).collect();
        assert_eq!(all, [vec![[7, 4], [63, -15], [200_000, 0]], vec![[10, 10]]]);
        assert_eq!(read("[]").unwrap(), Outline::Polygons([].into()));
    }

    #[test]
    fn runs_are_the_same_as_numbers_and_as_text() {
        // The text is of pycocotools.
        let text = read(r#"{"size": [10, 14], "counts": "01`00I0K2NN2230000000`1"}"#).unwrap();
        let numbers = [0, 1, 16, 1, 9, 1, 4, 3, 2, 1, 4, 3, 7, 3, 7, 3, 7, 3, 7, 3, 55];
        assert_eq!(runs(&text), numbers);
        assert_eq!(read(&format!(r#"{{"counts": {numbers:?}, "size": [10, 14], "more": {{}}}}"#)).unwrap(), text);
        assert!(matches!(text, Outline::Runs { height: 10, width: 14, pixels: 140, .. }));
    }

    #[test]
    fn what_is_no_outline_is_told() {
        let told = [
            "[[1, 2, 3]]",
            "[[1e9, 2]]",
            "[1, 2]",
            r#"{"size": [2, 2]}"#,
            r#"{"size": [2, 2], "counts": [3, -1]}"#,
            r#"{"size": [2, 2], "counts": "P"}"#,
            r#"{"size": [2, 2], "counts": "a b"}"#,
            r#"{"size": [2, 2], "counts": "ooooooooooooo0"}"#,
            "3",
        ]
        .map(|text| format!("{text}: {}\n", read(text).unwrap_err()));
        expect_test::expect![[r#"
            [[1, 2, 3]]: a polygon of 3 numbers, expected `x, y, x, y, …` at line 1 column 11
            [[1e9, 2]]: a polygon with a corner at 1000000000, beyond any picture at line 1 column 10
            [1, 2]: invalid type: integer `1`, expected a sequence at line 1 column 2
            {"size": [2, 2]}: missing field `counts` at line 1 column 16
            {"size": [2, 2], "counts": [3, -1]}: a run of -1 pixels at line 1 column 34
            {"size": [2, 2], "counts": "P"}: a text of runs that is cut short or has other letters than `0` to `o` at line 1 column 30
            {"size": [2, 2], "counts": "a b"}: a text of runs that is cut short or has other letters than `0` to `o` at line 1 column 32
            {"size": [2, 2], "counts": "ooooooooooooo0"}: a text of runs with a number beyond any picture at line 1 column 43
            3: invalid type: integer `3`, expected a list of polygons, or runs as `{"size": …, "counts": …}` at line 1 column 1
        "#]]
        .assert_eq(&told.concat());
    }
}
