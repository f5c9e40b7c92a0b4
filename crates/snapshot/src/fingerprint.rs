//! What a snapshot of a database would contain, without making one.

use sha2::{Digest as _, Sha256};
use sqlx::Connection as _;
use tokio::runtime::Handle;
use tracing::info_span;

use crate::digest::Digest;
use crate::error::Error;
use crate::sqlite::{self, Layout};
use crate::task;
use crate::watch::{Phase, Watch};
use crate::write::Source;

/// Length and SHA-256 of the database as a snapshot taken now would hold it: equal to the `plain_bytes` and
/// `plain_sha256` of an earlier manifest when nothing was written since. Read in one transaction; no writer waits.
///
/// A checkpoint changes nothing here, while `VACUUM`, or a change that was undone by another one, may: then the database
/// only looks changed.
///
/// # Errors
/// [`Error::Database`] when the source cannot be read, [`Error::Torn`], [`Error::Cancelled`].
pub async fn fingerprint(source: &Source, watch: &Watch) -> Result<(u64, Digest), Error> {
    let Source::Sqlite(path) = source.clone();
    task::watched(watch, move |watch| {
        let _span = info_span!("snapshot.fingerprint").entered();
        Handle::current().block_on(async {
            let mut connection = sqlite::open_live(&path, watch).await?;
            let mut transaction = connection.begin().await.map_err(Error::database("begin to read"))?;
            let layout = Layout::of(&mut transaction).await.map_err(Error::database("read the header"))?;
            let mut meter = watch.enter(Phase::Reading, layout.bytes());
            let mut hash = Sha256::new();
            sqlite::pages(&mut transaction, layout, |page| {
                hash.update(page);
                meter.advance(page.len())
            })
            .await?;
            transaction.rollback().await.map_err(Error::database("end the reading"))?;
            connection.close().await.map_err(Error::database("close the database"))?;
            Ok((layout.bytes(), Digest::finish(hash)))
        })
    })
    .await
}
