//! Places for blocks and ways for edges: ranks by longest path, order by the middle of the neighbours, then positions.
//!
//! Along the direction of the picture stand the ranks; across it the blocks of one rank. An edge over several ranks gets a point in each
//! rank between, which keeps its own place; one over very many is drawn straight and moves nothing.

use super::{Block, Edge};

/// One character of the fixed-width font, and one line.
pub(super) const CHARACTER: f64 = 6.6;
pub(super) const LINE: f64 = 14.0;
const PADDING: f64 = 8.0;

/// Between two ranks, and between two blocks of a rank.
const RANK_GAP: f64 = 26.0;
const GAP: f64 = 18.0;

/// Edges over more ranks than this do not take part in the layout.
const LONGEST: usize = 12;

const SWEEPS: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Direction {
    #[default]
    Down,
    Right,
}

/// What is to be drawn. Edges go from earlier blocks to later ones or the other way, but never round in a circle.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    pub direction: Direction,
    pub blocks: Vec<Block>,
    pub edges: Vec<Edge>,
    /// A line below the picture.
    pub note: String,
}

/// A block's place: its upper left corner and its size.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    pub blocks: Vec<Rect>,
    /// By edge: the points it goes through, ends included.
    pub ways: Vec<Vec<(f64, f64)>>,
}

/// One thing that takes a place in a rank: a block, or a point of an edge.
#[derive(Clone, Copy)]
struct Item {
    rank: usize,
    /// Across the direction.
    extent: f64,
    /// Middle, across the direction.
    at: f64,
}

/// A thing's neighbours in the rank before and in the rank after.
#[derive(Default)]
struct Neighbours {
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
}

pub(super) fn lay_out(sketch: &Sketch) -> Layout {
    let down = sketch.direction == Direction::Down;
    let sizes: Vec<(f64, f64)> = sketch.blocks.iter().map(size).collect();
    let along = |at: usize| if down { sizes[at].1 } else { sizes[at].0 };
    let across = |at: usize| if down { sizes[at].0 } else { sizes[at].1 };

    let ranks = ranks(sketch);
    let mut items: Vec<Item> =
        ranks.iter().enumerate().map(|(at, rank)| Item { rank: *rank, extent: across(at), at: 0.0 }).collect();
    let (chains, links) = chains(sketch, &ranks, &mut items);
    let mut neighbours = Neighbours { before: vec![Vec::new(); items.len()], after: vec![Vec::new(); items.len()] };
    for (from, to) in links {
        neighbours.after[from].push(to);
        neighbours.before[to].push(from);
    }
    let mut rows = vec![Vec::new(); ranks.iter().max().map_or(0, |last| last + 1)];
    items.iter().enumerate().for_each(|(at, item)| rows[item.rank].push(at));
    order(&mut rows, &neighbours);
    position(&rows, &neighbours, &mut items);

    // A rank is as thick as its thickest block; between two ranks stand the labels of a picture that goes to the right.
    let labels = sketch.edges.iter().map(|edge| edge.label.chars().count()).max().unwrap_or(0);
    let gap = if down { RANK_GAP } else { RANK_GAP + labels as f64 * CHARACTER };
    let mut thick = vec![0.0f64; rows.len()];
    ranks.iter().enumerate().for_each(|(at, rank)| thick[*rank] = thick[*rank].max(along(at)));
    let starts: Vec<f64> = thick
        .iter()
        .scan(GAP, |next, thick| {
            let start = *next;
            *next += thick + gap;
            Some(start)
        })
        .collect();

    let point = |along: f64, across: f64| if down { (across, along) } else { (along, across) };
    let corner = |at: usize| point(starts[ranks[at]], items[at].at - across(at) / 2.0);
    let blocks: Vec<Rect> = (0..sizes.len())
        .map(|at| Rect { x: corner(at).0, y: corner(at).1, width: sizes[at].0, height: sizes[at].1 })
        .collect();
    let way = |(edge, chain): (&Edge, &Vec<usize>)| {
        let begin = point(starts[ranks[edge.from]] + along(edge.from), items[edge.from].at);
        let end = point(starts[ranks[edge.to]], items[edge.to].at);
        let between = chain.iter().map(|at| {
            let rank = items[*at].rank;
            point(starts[rank] + thick[rank] / 2.0, items[*at].at)
        });
        [begin].into_iter().chain(between).chain([end]).collect()
    };
    let ways: Vec<Vec<(f64, f64)>> = sketch.edges.iter().zip(&chains).map(way).collect();
    let far = |get: fn(&Rect) -> f64| blocks.iter().map(get).fold(0.0, f64::max) + GAP;
    Layout { width: far(|rect| rect.x + rect.width), height: far(|rect| rect.y + rect.height), blocks, ways }
}

/// Width and height of a block, from its text.
fn size(block: &Block) -> (f64, f64) {
    let longest = block.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    (longest as f64 * CHARACTER + 2.0 * PADDING, block.lines.len() as f64 * LINE + PADDING)
}

/// The longest way to each block; what nothing fixed leads to stands just before the first that reads it.
fn ranks(sketch: &Sketch) -> Vec<usize> {
    let count = sketch.blocks.len();
    let (mut readers, mut inputs) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for edge in &sketch.edges {
        readers[edge.from].push(edge.to);
        inputs[edge.to].push(edge.from);
    }
    let mut waits_for: Vec<usize> = inputs.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..count).filter(|at| waits_for[*at] == 0).collect();
    let mut ranks = vec![0usize; count];
    let mut next = 0;
    while let Some(at) = order.get(next).copied() {
        next += 1;
        for reader in &readers[at] {
            ranks[*reader] = ranks[*reader].max(ranks[at] + 1);
            waits_for[*reader] -= 1;
            if waits_for[*reader] == 0 {
                order.push(*reader);
            }
        }
    }
    let mut floats = vec![false; count];
    for at in &order {
        floats[*at] = inputs[*at].iter().all(|input| floats[*input]);
    }
    for at in order.iter().rev().filter(|at| floats[**at]) {
        if let Some(first) = readers[*at].iter().map(|reader| ranks[*reader]).min() {
            ranks[*at] = first.saturating_sub(1);
        }
    }
    ranks
}

/// By edge the points it has between its ends; then every pair of things that are joined and stand in ranks that follow.
fn chains(sketch: &Sketch, ranks: &[usize], items: &mut Vec<Item>) -> (Vec<Vec<usize>>, Vec<(usize, usize)>) {
    let (mut chains, mut links) = (Vec::new(), Vec::new());
    for edge in &sketch.edges {
        let (first, last) = (ranks[edge.from], ranks[edge.to]);
        let mut chain = Vec::new();
        if last <= first + LONGEST {
            let mut from = edge.from;
            for rank in first + 1..last {
                items.push(Item { rank, extent: 0.0, at: 0.0 });
                chain.push(items.len() - 1);
                links.push((from, items.len() - 1));
                from = items.len() - 1;
            }
            links.push((from, edge.to));
        }
        chains.push(chain);
    }
    (chains, links)
}

/// Sorts every row by the mean place of what its things are joined to, from the first row to the last and back.
fn order(rows: &mut [Vec<usize>], neighbours: &Neighbours) {
    let mut place = vec![0.0; neighbours.before.len()];
    let number = |row: &[usize], place: &mut [f64]| {
        row.iter().enumerate().for_each(|(number, at)| place[*at] = number as f64);
    };
    rows.iter().for_each(|row| number(row, &mut place));
    let last = rows.len().saturating_sub(1);
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let joined = if down { &neighbours.before } else { &neighbours.after };
        for step in 0..rows.len() {
            let row = if down { &mut rows[step] } else { &mut rows[last - step] };
            let mut keyed: Vec<(f64, usize)> = row
                .iter()
                .map(|at| (mean(joined[*at].iter().map(|other| place[*other])).unwrap_or(place[*at]), *at))
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            *row = keyed.into_iter().map(|(_, at)| at).collect();
            number(row, &mut place);
        }
    }
}

/// Moves things towards the middle of their neighbours, as far as those beside them let them.
fn position(rows: &[Vec<usize>], neighbours: &Neighbours, items: &mut [Item]) {
    for row in rows {
        let mut next = 0.0;
        for at in row {
            items[*at].at = next + items[*at].extent / 2.0;
            next += items[*at].extent + GAP;
        }
    }
    let weights: Vec<f64> = (0..items.len())
        .map(|at| (neighbours.before[at].len() + neighbours.after[at].len()).max(1).pow(2) as f64)
        .collect();
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        for step in 0..rows.len() {
            let row = &rows[if down { step } else { rows.len() - 1 - step }];
            let wanted: Vec<f64> = row
                .iter()
                .map(|at| {
                    let joined = if down { &neighbours.before[*at] } else { &neighbours.after[*at] };
                    mean(joined.iter().map(|other| items[*other].at)).unwrap_or(items[*at].at)
                })
                .collect();
            settle(row, &wanted, &weights, items);
        }
    }
    let left = items.iter().map(|item| item.at - item.extent / 2.0).fold(f64::INFINITY, f64::min);
    items.iter_mut().for_each(|item| item.at += GAP - left);
}

/// Gives every thing of a row the place nearest to the one it wants that keeps the order and the room between. How near counts by the
/// square of how much it is joined to, so that what many are joined to stays and the others make room.
///
/// Counted from where it would stand if the row were packed, each place must be at least the one before it: the regression of pools of
/// neighbours that violate this is exact and linear.
fn settle(row: &[usize], wanted: &[f64], weights: &[f64], items: &mut [Item]) {
    // Sum of weighted wishes, sum of weights, how many things: one pool moves as one.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    let mut packed = Vec::with_capacity(row.len());
    for (at, item) in row.iter().enumerate() {
        let before = if at == 0 { 0.0 } else { packed[at - 1] + apart(items[row[at - 1]], items[*item]) };
        packed.push(before);
        let mut pool = ((wanted[at] - before) * weights[*item], weights[*item], 1);
        while let Some(last) = pools.last().filter(|last| last.0 / last.1 > pool.0 / pool.1) {
            pool = (pool.0 + last.0, pool.1 + last.1, pool.2 + last.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let places = pools.iter().flat_map(|(sum, weight, count)| std::iter::repeat_n(sum / weight, *count));
    for ((item, packed), place) in row.iter().zip(&packed).zip(places) {
        items[*item].at = packed + place;
    }
}

/// From middle to middle, with room between.
fn apart(a: Item, b: Item) -> f64 {
    (a.extent + b.extent) / 2.0 + GAP
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
