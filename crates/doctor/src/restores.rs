//! What restores leave: a lock on a tenant's database, and directories beside it.

use chiliview_store::{
    RestoreId, TenantId,
    restores::{self, Restore, RestoreStatus},
    staging::Staging,
    write_lock::{self, WriteLock},
};

use crate::{
    central::Central,
    checks::Check,
    exam::{Cannot, Exam, Finding, Subject},
    reader::{self, Place},
    says::{Advice, Found, Repair},
};

/// A restore's directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Where its database is made ready.
    Staged,
    /// What it replaced.
    Kept,
}

/// The restore that a directory's name tells of.
pub(crate) fn named(name: &str) -> Option<(RestoreId, Kind)> {
    if let Some(place) = Staging::named_by_directory(name) {
        return Some((place.restore, Kind::Staged));
    }
    name.strip_prefix(".before-")?.parse().ok().map(|id| (id, Kind::Kept))
}

/// Whether a restore still needs its directory. While that cannot be found out, it does.
pub(crate) async fn needs(exam: &Exam<'_>, central: Option<&Central>, id: RestoreId, kind: Kind) -> bool {
    match find(exam, central, id).await {
        Known::Row(row) if !row.status.is_terminal() => true,
        Known::Row(row) => kind == Kind::Kept && row.status == RestoreStatus::Done && row.undo_until.is_some(),
        Known::Nothing => false,
        Known::Unknown => true,
    }
}

enum Known {
    Row(Box<Restore>),
    Nothing,
    Unknown,
}

async fn find(exam: &Exam<'_>, central: Option<&Central>, id: RestoreId) -> Known {
    let Some(central) = central else { return Known::Unknown };
    match central.read(exam, async |tx| restores::find(tx, id).await).await {
        Ok(Some(row)) => Known::Row(Box::new(row)),
        Ok(None) => Known::Nothing,
        Err(_) => Known::Unknown,
    }
}

/// A lock whose restore is over keeps a tenant from writing for ever.
pub(crate) async fn lock(
    exam: &mut Exam<'_>,
    central: Option<&Central>,
    tenant: TenantId,
    object: Subject,
    place: Place<'_>,
) {
    // A database without the table is behind, which the check of its schema says.
    let Ok(Some(lock)) = reader::read(place, write_lock::find).await else { return };
    let over = match lock.holder.parse() {
        Ok(id) => match find(exam, central, id).await {
            Known::Row(row) => row.status.is_terminal(),
            Known::Nothing => true,
            Known::Unknown => false,
        },
        Err(_) => true,
    };
    let WriteLock { since, held_for, .. } = lock;
    if !over {
        return exam.ok(Check::WriteLock, object, Found::Locked { since, held_for });
    }
    let found = Found::LockedForNothing { since, held_for };
    let finding = Finding { check: Check::WriteLock, object, found, advice: vec![Advice::LookAtRestore] };
    exam.mend(finding, async |exam: &mut Exam<'_>| unlock(exam, tenant).await).await;
}

async fn unlock(exam: &mut Exam<'_>, tenant: TenantId) -> Result<Repair, Cannot> {
    let database = exam.store().await?.tenant(tenant).await?;
    database.write_past_lock(write_lock::unlock).await?;
    Ok(Repair::Unlocked)
}
