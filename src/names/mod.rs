//! Names: how they are written and compared, and who was told which name for which address, when.

pub mod covers;
pub mod domain;
pub mod hidden;
pub mod history;
pub mod quick_hash;
pub mod resolvers;
