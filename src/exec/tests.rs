//! Whole stages on drawn pictures.
