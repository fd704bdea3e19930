//! Instances drawn into a mask, pixel for pixel as COCO's own tools draw them (`rleFrPoly` of pycocotools).

pub(super) mod outline;

use crate::data::{Grid, Mask};
use outline::{Outline, lengths, polygons};

/// One thing of a picture.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Instance {
    /// What its pixels become: the number of its class, from 1 on, or 255 for a crowd.
    pub value: u8,
    /// As the annotation states it.
    pub area: f64,
    pub outline: Outline,
}

/// The instances of a picture, in the order they are drawn in.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Drawing {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) instances: Vec<Instance>,
}

impl Drawing {
    pub fn mask(&self) -> Mask {
        let Drawing { height, width, .. } = *self;
        let mut mask = Grid { height, width, data: vec![0; height * width] };
        for Instance { value, outline, .. } in &self.instances {
            match outline {
                Outline::Polygons(packed) => {
                    for corners in polygons(packed) {
                        fill(&mut mask, *value, &crossings(&corners, [height, width]));
                    }
                }
                Outline::Runs { lengths: packed, .. } => {
                    let mut place = 0;
                    let ends = lengths(packed).map(|length| {
                        place += length as usize;
                        place
                    });
                    fill(&mut mask, *value, &ends.collect::<Vec<_>>());
                }
            }
        }
        mask
    }

    /// A hash of all that decides the mask.
    pub fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[self.height as u64, self.width as u64].map(u64::to_le_bytes).concat());
        for Instance { value, outline, .. } in &self.instances {
            let kind = u8::from(matches!(outline, Outline::Runs { .. }));
            let bytes = outline.bytes();
            hasher.update(&[*value, kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
        }
        hasher.finalize()
    }
}

/// Sets what lies between the first place and the second, the third and the fourth, …; places count down the columns. After
/// the last of an odd number everything is inside.
fn fill(mask: &mut Mask, value: u8, places: &[usize]) {
    let (height, width) = (mask.height, mask.width);
    for pair in places.chunks(2) {
        let end = pair.get(1).copied().unwrap_or(usize::MAX).min(height * width);
        for place in pair[0]..end {
            mask.data[place % height * width + place / height] = value;
        }
    }
}

/// Where the boundary of a polygon passes between two pixels of a column, sorted. The boundary is followed on a grid five
/// times as fine; corners are in its steps.
fn crossings(corners: &[[i64; 2]], [height, width]: [usize; 2]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut last: Option<[i64; 2]> = None;
    let next = corners.iter().cycle().skip(1);
    for (from, to) in corners.iter().zip(next) {
        walk(*from, *to, |point @ [x, y]| {
            let before = last.replace(point);
            let Some([x_before, y_before]) = before.filter(|before| before[0] != x) else { return };
            // The middle column of the five that are a pixel, whichever way it is passed.
            let column = x.max(x_before) - 1;
            if column.rem_euclid(5) != 2 || !(0..width as i64).contains(&column.div_euclid(5)) {
                return;
            }
            let row = (y.min(y_before) + 2).div_euclid(5).clamp(0, height as i64);
            found.push(column as usize / 5 * height + row as usize);
        });
    }
    found.sort_unstable();
    found
}

/// Every point of the fine grid on the way between two corners, both of them among these.
fn walk(from: [i64; 2], to: [i64; 2], mut point: impl FnMut([i64; 2])) {
    // Along the longer side, `a`; the other, `b`, is rounded. Always reckoned in the same direction, so that an edge that two
    // polygons share is the same for both.
    let a = usize::from((to[0] - from[0]).abs() < (to[1] - from[1]).abs());
    let b = 1 - a;
    let turned = from[a] > to[a];
    let (low, high) = if turned { (to, from) } else { (from, to) };
    let length = high[a] - low[a];
    let slope = if length == 0 { 0.0 } else { (high[b] - low[b]) as f64 / length as f64 };
    for step in 0..=length {
        let step = if turned { length - step } else { step };
        let mut at = [0; 2];
        at[a] = low[a] + step;
        at[b] = (low[b] as f64 + slope * step as f64 + 0.5) as i64;
        point(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn([height, width]: [usize; 2], outlines: &[(u8, &str)]) -> Mask {
        let instance = |(value, text): &(u8, &str)| Instance {
            value: *value,
            area: 0.0,
            outline: serde_json::from_str(text).unwrap(),
        };
        Drawing { height, width, instances: outlines.iter().map(instance).collect() }.mask()
    }

    fn rows(mask: &Mask) -> String {
        let row = |row: &[u8]| row.iter().map(|value| b".123456789"[usize::from(*value)] as char).collect::<String>();
        mask.data.chunks(mask.width).map(|values| format!("{}\n", row(values))).collect()
    }

    /// Every answer is that of pycocotools.
    #[test]
    fn polygons_are_drawn_as_the_field_draws_them() {
        let told = |text: &str| rows(&drawn([10, 14], &[(1, text)]));
        expect_test::expect![[r#"
            ..............
            ..111.........
            ..1111111.....
            ..1111111111..
            ..1111111111..
            ...11111111...
            ...11111111...
            ....1111111...
            .........1....
            ..............
        "#]]
        .assert_eq(&told("[[1.3, 0.7, 12.6, 3.2, 9.9, 8.8, 3.1, 7.4]]"));
        expect_test::expect![[r#"
            ..............
            ......1.......
            ......11......
            ......11......
            .111111111111.
            ...11111111...
            ....11111.....
            ....111111....
            ...11....11...
            ..............
        "#]]
        .assert_eq(&told(
            "[[7,0.2, 8.4,4.1, 13.1,4.3, 9.3,6.5, 11.2,9.8, 7.1,7.6, 2.6,9.9, 4.5,6.4, 0.4,4.2, 5.5,4.0]]",
        ));
        // Beyond every edge.
        expect_test::expect![[r#"
            ...1111111....
            .1111111111...
            1111111111111.
            11111111111111
            11111111111111
            11111111111111
            11111111111111
            11111111111111
            .1111111111111
            ..111111111111
        "#]]
        .assert_eq(&told("[[-3.5, 5.2, 6.2, -2.4, 20.0, 7.7, 5.5, 13.0]]"));
        // One instance in two parts.
        expect_test::expect![[r#"
            ..............
            .111..........
            .11...........
            .11..........1
            .1...........1
            ............11
            ............11
            ...........111
            ...........111
            ..........1111
        "#]]
        .assert_eq(&told("[[0.5, 0.5, 4.5, 0.5, 0.5, 6.5], [10.2, 9.9, 13.9, 9.9, 13.9, 2.1]]"));
    }

    /// 159,308 pixels by pycocotools: each rounding that goes another way shows here.
    #[test]
    fn a_large_polygon_has_as_many_pixels() {
        let polygon = "[[100.2, 30.7, 500.6, 10.2, 610.3, 300.9, 333.3, 420.8, 50.5, 222.2]]";
        let mask = drawn([480, 640], &[(1, polygon)]);
        assert_eq!(mask.data.iter().filter(|value| **value == 1).count(), 159_308);
    }

    #[test]
    fn runs_and_what_is_drawn_later() {
        let runs = r#"{"size": [3, 4], "counts": [1, 4, 7]}"#;
        expect_test::expect![[r#"
            .1..
            11..
            1...
        "#]]
        .assert_eq(&rows(&drawn([3, 4], &[(1, runs)])));
        let all = r#"{"size": [3, 4], "counts": [2, 10]}"#;
        expect_test::expect![[r#"
            .122
            1122
            1222
        "#]]
        .assert_eq(&rows(&drawn([3, 4], &[(2, all), (1, runs)])));
    }

    #[test]
    fn what_encloses_nothing_draws_nothing() {
        for text in ["[]", "[[]]", "[[1, 1]]", "[[1, 1, 3, 2]]", r#"{"size": [3, 4], "counts": [12]}"#] {
            assert_eq!(drawn([3, 4], &[(1, text)]).data, [0; 12], "{text}");
        }
    }
}
