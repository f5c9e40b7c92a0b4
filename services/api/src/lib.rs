//! The HTTP service: one file per resource, behind one edge. Nothing below this floor knows a status code.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test may stop at once"))]

pub mod contract;
pub mod edge;
pub mod json;
pub mod problem;
pub mod ranges;
