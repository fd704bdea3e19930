//! Class numbers: made of scores, used to read from scores.

mod argmax;
mod gather;
mod grow_seeds;
mod ignore_where;
mod most_confident;
mod one_hot;
mod pick;
mod picture;
mod remove_small;
mod threshold;
mod top_mask;
mod top_mean;

use super::Family;

pub static FAMILY: Family = Family {
    name: "index",
    summary: "Class numbers: made of scores, used to read from scores.",
    ops: &[
        &argmax::OP,
        &one_hot::OP,
        &gather::OP,
        &gather::GRAD,
        &pick::OP,
        &pick::GRAD,
        &ignore_where::OP,
        &most_confident::OP,
        &grow_seeds::OP,
        &remove_small::OP,
        &threshold::OP,
        &top_mean::OP,
        &top_mean::GRAD,
        &top_mask::OP,
    ],
};
