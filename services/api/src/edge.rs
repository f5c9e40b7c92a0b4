//! What stands between the network and the handlers.

pub mod body;
