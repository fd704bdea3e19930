//! Every proof against an oracle that knows nothing of it: numbers that were computed, pictures whose pixels say where they were,
//! plain reachability, differences.

mod frames;
mod gradients;
mod labels;
mod modes;
mod ranges;
