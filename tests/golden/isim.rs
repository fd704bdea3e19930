//! ISIM.
