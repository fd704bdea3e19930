//! Patches that hang together: each region of one label is a patch of its own, small ones go to a neighbour.

/// Set in the label of a pixel that no patch has yet.
const OPEN: u32 = 1 << 31;

/// Numbers the connected regions (four neighbours) of equal labels, row by row. A region of fewer than `least` pixels goes to the patch
/// beside it that was met last; one of more than `largest` is cut into several, as its pixels are met; so is, whatever its size, each region
/// that comes after `most` patches.
///
/// Labels are below 2^31 - 1.
pub fn connect(labels: &[u32], [height, width]: [usize; 2], [least, largest]: [usize; 2], most: usize) -> Vec<u32> {
    // Labels within an edge that is no region's: one number says whether a pixel is open, and if so, of which label.
    let across = width + 2;
    let mut cells = vec![u32::MAX; (height + 2) * across];
    for y in 0..height {
        let row = &labels[y * width..][..width];
        cells[(y + 1) * across + 1..][..width].iter_mut().zip(row).for_each(|(cell, label)| *cell = label | OPEN);
    }
    let mut count = 0;
    let mut region = Vec::new();
    for first in across + 1..cells.len().saturating_sub(across) {
        let open = cells[first];
        if open < OPEN || open == u32::MAX {
            continue;
        }
        let mut beside = None;
        region.clear();
        region.push(first);
        cells[first] = count;
        let mut met = 0;
        while met < region.len() && region.len() < largest.max(1) {
            let at = region[met];
            for other in [at + 1, at - 1, at + across, at - across] {
                let cell = cells[other];
                if cell == open {
                    if region.len() < largest.max(1) {
                        cells[other] = count;
                        region.push(other);
                    }
                } else if cell < OPEN && cell != count {
                    beside = Some(cell);
                }
            }
            met += 1;
        }
        // The first region has no patch beside it yet: it is one, whatever its size.
        match beside {
            Some(beside) if region.len() < least || count as usize >= most => {
                region.iter().for_each(|at| cells[*at] = beside)
            }
            _ if count as usize >= most => region.iter().for_each(|at| cells[*at] = count - 1),
            _ => count += 1,
        }
    }
    (0..height).flat_map(|y| &cells[(y + 1) * across + 1..][..width]).copied().collect()
}
