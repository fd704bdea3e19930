//! Multi-Estimations.
