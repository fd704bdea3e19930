//! What can be seen of a run while it runs: time and memory a step, and numbers that are not finite.

use std::collections::HashMap;
use std::time::Duration;

use candle_core::{CpuStorage, DType, Storage, Tensor};

use crate::graph::Id;
use crate::kernels::packed;
use crate::kernels::reduce::first_non_finite;

/// Told of every step. Sees what is really held, not what was planned.
pub trait Observer {
    fn step(&mut self, seen: Seen);
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    pub node: Id,
    /// Wall time of the op.
    pub time: Duration,
    /// Bytes of new storage; 0 where the result lies in that of an input.
    pub bytes: u64,
    /// Bytes of all results held right after the step, before anything is dropped. Leaves are not counted.
    pub live: u64,
}

/// Counts the storages of results, by address, and tells an observer.
pub(super) struct Watch<'a> {
    observer: &'a mut dyn Observer,
    storages: HashMap<usize, Held>,
    live: u64,
}

enum Held {
    /// By the caller, all through the run.
    Leaf,
    Results {
        holders: usize,
        bytes: u64,
    },
}

impl<'a> Watch<'a> {
    pub(super) fn new<'t>(observer: &'a mut dyn Observer, leaves: impl Iterator<Item = &'t Tensor>) -> Watch<'a> {
        Watch { observer, storages: leaves.map(|leaf| (address(leaf), Held::Leaf)).collect(), live: 0 }
    }

    pub(super) fn made(&mut self, node: Id, time: Duration, result: &Tensor) {
        let mut bytes = 0;
        let entry = self.storages.entry(address(result)).or_insert_with(|| {
            bytes = (result.elem_count() * result.dtype().size_in_bytes()) as u64;
            Held::Results { holders: 0, bytes }
        });
        if let Held::Results { holders, .. } = entry {
            *holders += 1;
        }
        self.live += bytes;
        self.observer.step(Seen { node, time, bytes, live: self.live });
    }

    pub(super) fn freed(&mut self, tensor: &Tensor) {
        let address = address(tensor);
        if let Some(Held::Results { holders, bytes }) = self.storages.get_mut(&address) {
            *holders -= 1;
            if *holders == 0 {
                self.live -= *bytes;
                self.storages.remove(&address);
            }
        }
    }
}

/// Where the numbers of a tensor lie. The lock that guards them has one address for as long as any view of them lives.
fn address(tensor: &Tensor) -> usize {
    let (storage, _) = tensor.storage_and_layout();
    std::ptr::from_ref::<Storage>(&storage) as usize
}

/// Whether every number is finite; indices are.
pub(super) fn all_finite(tensor: &Tensor) -> bool {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        drop(storage);
        if packed::is(tensor) {
            return packed::unpack(tensor).is_ok_and(|tensor| all_finite(&tensor));
        }
        return tensor.contiguous().is_ok_and(|tensor| all_finite(&tensor));
    };
    match &*storage {
        Storage::Cpu(CpuStorage::F32(values)) => values[start..end].iter().all(|value| value.is_finite()),
        Storage::Cpu(CpuStorage::F64(values)) => values[start..end].iter().all(|value| value.is_finite()),
        Storage::Cpu(_) => true,
        _ => {
            drop(storage);
            tensor.dtype() == DType::U32 || first_non_finite(tensor).is_ok_and(|found| found.is_none())
        }
    }
}
