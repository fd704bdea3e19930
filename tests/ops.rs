//! What every op of the registry promises: words for all it has, examples that run and give the printed answer, results shaped
//! as inferred, gradients that agree with differences.
