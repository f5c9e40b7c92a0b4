//! The HTTP service: one file per resource, behind one edge. Nothing below this floor knows a status code.

pub mod edge;
pub mod json;
pub mod problem;
