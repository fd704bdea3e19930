//! Numbers that chance decides on: drawn by place, epoch and sample, so that a run can be repeated.

mod channel_dropout;
mod dropout;
mod shared;

use super::Family;

pub(super) static FAMILY: Family =
    Family { name: "random", summary: "What chance decides.", ops: &[&dropout::OP, &channel_dropout::OP] };
