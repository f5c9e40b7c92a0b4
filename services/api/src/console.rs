//! The page at the root while no console is built into the binary.

use poem::{Response, handler};

#[handler]
pub(crate) fn not_built() -> Response {
    Response::builder().content_type("text/html; charset=utf-8").body(include_str!("console.html"))
}
