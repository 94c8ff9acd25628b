//! Names: how they are written and compared, and who was told which name for which address, when.

pub mod domain;
