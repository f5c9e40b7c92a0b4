//! Names to addresses, asked anew for every connection: a name that turned private since it was checked is refused.

use std::io;
use std::net::IpAddr;

use futures::future::{BoxFuture, FutureExt as _};

/// Resolves names. [`SystemLookup`] is the one to use; a test has its own.
pub trait Lookup: Send + Sync {
    /// The addresses of `host`, best first.
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        }
        .boxed()
    }
}
