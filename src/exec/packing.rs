//! Which ops see packed maps: what a run in bfloat16 hands to each.

use candle_core::{DType, Device, Result, Tensor};

use crate::graph::{Graph, Id};
use crate::kernels::packed;
use crate::ops::Packing;
use crate::plan::{Kept, packing};

/// By node.
pub(super) struct Packed(Vec<Packing>);

impl Packed {
    pub fn of(graph: &Graph) -> Packed {
        let mut packings = vec![Packing::No; graph.bound()];
        for id in graph.ids() {
            packings[id.0 as usize] = packing(graph.node(id));
        }
        Packed(packings)
    }

    /// What a step of the device is given, packed and unpacked as its op wants it.
    pub fn inputs(&self, node: Id, mut inputs: Vec<Option<Tensor>>) -> Result<Vec<Option<Tensor>>> {
        let packing = self.0[node.0 as usize];
        for (slot, input) in inputs.iter_mut().enumerate() {
            let Some(tensor) = input else { continue };
            match packing {
                Packing::Reads | Packing::Keeps => {}
                Packing::Begins(slots) | Packing::Ends(slots) if slots.contains(&slot) => {
                    *tensor = packed::pack(tensor)?;
                }
                Packing::No | Packing::Begins(_) | Packing::Ends(_) => *tensor = packed::unpack(tensor)?,
            }
        }
        Ok(inputs)
    }
}

/// How a run on that device keeps numbers.
pub fn kept(device: &Device) -> Kept {
    Kept { packed: is_asked_for(DType::F32, device), ..Kept::F32 }
}

/// Whether a run on that device packs maps.
pub(super) fn is_asked_for(dtype: DType, device: &Device) -> bool {
    dtype == DType::F32 && (on_card(device) || is_emulated())
}

#[cfg(feature = "cuda")]
fn on_card(device: &Device) -> bool {
    use crate::kernels::cuda::precision::{self, Precision};
    device.is_cuda() && precision::get() == Precision::Bf16
}

#[cfg(not(feature = "cuda"))]
fn on_card(_: &Device) -> bool {
    false
}

fn is_emulated() -> bool {
    #[cfg(test)]
    return crate::kernels::cuda::is_emulated();
    #[cfg(not(test))]
    false
}
