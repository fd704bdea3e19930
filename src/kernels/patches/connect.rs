//! Patches that hang together: each region of one label is a patch of its own, small ones go to a neighbour.

/// Numbers the connected regions (four neighbours) of equal labels, row by row. A region of fewer than `least` pixels goes to the patch
/// beside it that was met last; one of more than `largest` is cut into several, as its pixels are met; so is, whatever its size, each region
/// that comes after `most` patches.
pub fn connect(labels: &[u32], [height, width]: [usize; 2], [least, largest]: [usize; 2], most: usize) -> Vec<u32> {
    const OPEN: u32 = u32::MAX;
    let mut patches = vec![OPEN; labels.len()];
    let mut count = 0;
    let mut region = Vec::new();
    for first in 0..labels.len() {
        if patches[first] != OPEN {
            continue;
        }
        let (label, mut beside) = (labels[first], None);
        region.clear();
        region.push(first);
        patches[first] = count;
        let mut met = 0;
        while met < region.len() && region.len() < largest.max(1) {
            let at = region[met];
            let (y, x) = (at / width, at % width);
            let neighbours = [
                (x + 1 < width, at + 1),
                (x > 0, at.wrapping_sub(1)),
                (y + 1 < height, at + width),
                (y > 0, at.wrapping_sub(width)),
            ];
            for (_, other) in neighbours.into_iter().filter(|(inside, _)| *inside) {
                if patches[other] == OPEN {
                    if labels[other] == label && region.len() < largest.max(1) {
                        patches[other] = count;
                        region.push(other);
                    }
                } else if patches[other] != count {
                    beside = Some(patches[other]);
                }
            }
            met += 1;
        }
        // The first region has no patch beside it yet: it is one, whatever its size.
        match beside {
            Some(beside) if region.len() < least || count as usize >= most => {
                region.iter().for_each(|at| patches[*at] = beside)
            }
            _ if count as usize >= most => region.iter().for_each(|at| patches[*at] = count - 1),
            _ => count += 1,
        }
    }
    patches
}
