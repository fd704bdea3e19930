//! OC-CSE.
