//! The queue's tables.
use crate::{error::Result, seam::Database};

pub(crate) async fn migrate(_central: &Database) -> Result<()> {
    Ok(())
}
