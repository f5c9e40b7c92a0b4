//! What attempts at restores made ready and nobody needs: each removes its own when it fails, who ends a restore removes all of
//! it, and what is left behind after that, by one who was frozen, is swept up.

use chiliview_store::{
    Error,
    restores::{self, Restore},
    staging,
};

use super::swap_of;
use crate::context::Context;

/// What an attempt that failed made ready. What fails here only makes it lie longer.
pub(super) async fn discard_own(context: &Context, row: &Restore) {
    if let Err(error) = swap_of(context, row).discard_own().await {
        tracing::warn!(restore = %row.id, %error, "restore.not_discarded");
    }
}

/// What was made ready for restores that are over. Of no attempt, it may be all that there is of a database: that is left to
/// people.
pub(crate) async fn sweep(context: &Context) -> Result<(), Error> {
    for place in staging::all(&context.store).await? {
        let Some(attempt) = place.attempt else { continue };
        let row = context.store.central().read(async |tx| restores::find(tx, place.restore).await).await?;
        let Some(row) = row.filter(|row| row.status.is_terminal()) else { continue };
        swap_of(context, &Restore { attempt, ..row }).discard_own().await?;
        tracing::info!(restore = %place.restore, attempt, "restore.leftover_removed");
    }
    Ok(())
}
