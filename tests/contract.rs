//! The contract is the file that is checked in: what the binary says, to the byte.

use crate::support::{Home, project};

#[test]
fn the_checked_in_document_is_what_the_binary_writes() {
    let document = project().join("openapi/chiliview.json");
    let compared = Home::new().chiliview(&["openapi", "--check", document.to_str().unwrap()]);
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
}
