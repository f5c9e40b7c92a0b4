//! Unpacked databases, until they are checked and thrown away or take their place.

use std::path::Path;

use crate::durable;
use crate::error::Error;
use crate::task;
use crate::temporary::{self, Swept, Temporary};

const PREFIX: &str = "chiliview-scratch-";

/// A file in `dir` for `bytes` of a database; `of` tells operators which.
///
/// # Errors
/// [`Error::NoSpace`] when `dir` has no room for so much, so that a snapshot that expands cannot fill the disk.
pub(crate) fn create(dir: &Path, of: &str, bytes: u64) -> Result<Temporary, Error> {
    durable::create_dir(dir)?;
    require(dir, bytes)?;
    Temporary::create(dir, &format!("{PREFIX}{of}"))
}

/// # Errors
/// [`Error::NoSpace`] when the file system of `dir` has less than `bytes` free beside its reserve.
pub(crate) fn require(dir: &Path, bytes: u64) -> Result<(), Error> {
    if durable::room(dir)?.spare_bytes() < bytes {
        return Err(Error::NoSpace { path: dir.to_path_buf(), source: None });
    }
    Ok(())
}

/// Removes what killed processes left in the scratch directory; the files of living ones stay.
///
/// # Errors
/// [`Error::Io`] when the directory cannot be read or a leftover cannot be removed.
pub async fn sweep(dir: &Path) -> Result<Swept, Error> {
    let dir = dir.to_path_buf();
    task::blocking(move || temporary::sweep(&dir, PREFIX)).await
}
