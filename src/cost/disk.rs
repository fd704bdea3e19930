//! Bytes that a stage leaves in the store: its nets, and its maps over all pictures.

use crate::compile::CompiledStage;
use crate::graph::{Graph, Role};
use crate::types::{Dim, DimEnv, Fact, Unbound};

/// What a stage writes. Maps are counted as they would lie there unpacked: channels of zeros and class maps take less.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disk {
    /// Trained weights and states.
    pub nets: u64,
    pub maps: Vec<Saved>,
    /// Over all pictures; `None` where only the files know how many there are.
    pub total: Option<u64>,
}

/// One `save`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saved {
    pub name: String,
    /// Numbers a picture, in symbols.
    pub numbers: Dim,
    /// Bytes of one picture's file at the most.
    pub each: u64,
}

/// What an archive holds beside its one array: headers, directory, the padding of the array's own header.
const ARCHIVE: u64 = 240;

/// What a palette PNG holds beside its pixels: signature, palette, chunk heads, and what keeps apart blocks that do not pack.
const PNG: u64 = 1024;

impl Disk {
    pub(super) fn new(stage: &CompiledStage, env: &DimEnv) -> Result<Disk, Unbound> {
        let mut nets = 0;
        for weight in &stage.stage.weights {
            let mut numbers = 1;
            for dim in &weight.dims {
                numbers *= dim.eval(env)?.max(0) as u64;
            }
            nets += 4 * numbers;
        }
        let maps = saves(&stage.graph, env)?;
        Ok(Disk { nets, maps, total: None })
    }

    pub(super) fn over(mut self, images: Option<u64>) -> Disk {
        let maps: u64 = self.maps.iter().map(|map| map.each).sum();
        self.total = match images {
            _ if maps == 0 => Some(self.nets),
            Some(images) => Some(self.nets + images.saturating_mul(maps)),
            None => None,
        };
        self
    }
}

/// The maps that a graph saves of each picture.
pub(super) fn saves(graph: &Graph, env: &DimEnv) -> Result<Vec<Saved>, Unbound> {
    let mut maps = Vec::new();
    for output in graph.outputs.iter().filter(|output| output.role == Role::Save) {
        let Some(id) = output.nodes.first() else { continue };
        let fact = &graph.node(*id).fact;
        let numbers = fact.dims.iter().skip(1).fold(Dim::constant(1), |product, dim| product * dim.clone());
        let count = numbers.eval(env)?.max(0) as u64;
        let each = match height(fact) {
            // A byte a pixel and one a line.
            Some(height) => count + height.eval(env)?.max(0) as u64 + count / 1000 + PNG,
            None => 4 * count + ARCHIVE + 2 * output.name.len() as u64,
        };
        maps.push(Saved { name: output.name.clone(), numbers, each });
    }
    Ok(maps)
}

/// The height of a class map, which is written as a picture; a real map has none.
fn height(fact: &Fact) -> Option<&Dim> {
    if fact.domain.is_index() && fact.rank() == 3 { fact.dims.get(1) } else { None }
}
