//! What a catalogue knows of snapshots: the manifests on the shelf may have been changed, those on its rows are the ones that were
//! proven.

use std::collections::HashMap;

use chiliview_snapshot::{ArtefactKey, Manifest};
use chiliview_store::{
    Result, TenantId, Tx,
    backups::{self, BackupScope, BackupStatus, Filter},
    paging::{Cursor, Direction, Page},
};

const PAGE: i64 = 500;

/// Manifests by the keys that their artefacts have when they are not encrypted.
pub(crate) type Recorded = HashMap<ArtefactKey, Manifest>;

/// Those of the verified backups of a tenant, or of the central database.
pub(crate) async fn recorded(tx: &mut Tx, tenant: Option<TenantId>) -> Result<Recorded> {
    let (scope, status) = (tenant.is_none().then_some(BackupScope::Central), Some(BackupStatus::Verified));
    let filter = Filter { tenant, scope, status, ..Filter::default() };
    let (mut all, mut after) = (HashMap::new(), None);
    loop {
        let page = Page { after: after.take(), limit: PAGE, direction: Direction::Ascending };
        let rows = backups::list(tx, &filter, &page).await?;
        let Some(last) = rows.last() else { return Ok(all) };
        after = Some(Cursor { key: last.id.to_string(), id: last.id.to_string() });
        all.extend(rows.iter().filter_map(|row| {
            Some((ArtefactKey::of_backup(row).plain(), Manifest::from_json(row.manifest.as_deref()?.as_bytes()).ok()?))
        }));
    }
}
