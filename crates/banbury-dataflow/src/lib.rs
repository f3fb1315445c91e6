//! Abstract interpretation of the IR.

pub mod models;
pub mod observe;
