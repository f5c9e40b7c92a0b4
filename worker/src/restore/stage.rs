//! Makes a backup's database ready, in a place of its own beside the live ones: proven in full, unpacked, migrated,
//! checked, told whose it is, and locked.

use std::ops::ControlFlow;

use chiliview_snapshot::{ArtefactKey, Depth, Error as SnapshotError, Manifest, Owner, Watch, prove, unpack};
use chiliview_store::{
    Database, TenantId,
    audit::{self, Actor, Event},
    backups::{self, Backup},
    exchange::Exchange,
    migrations::{Kind, newest},
    password_hashes,
    reason::{Cause, Reason},
    restores::{Restore, Target},
    soundness,
    sqlite::{File, Missing},
    tenant_settings, write_lock,
};
use chiliview_telemetry::context::current_trace_id;

use super::failure::Failure;
use crate::{
    context::Context,
    progress::{Follower, Stop, Subject},
    queue::Attempt,
};

pub(super) async fn make_ready(
    context: &Context,
    row: &Restore,
    number: i64,
    attempt: &Attempt,
    swap: &Exchange,
) -> Result<(), Failure> {
    let backup = find(context, row).await?;
    let manifest = accept(&backup)?;
    let owner = accept_owner(&manifest, row)?;
    let follower = Follower::start(context.clone(), Subject::Restore(row.id), number, attempt.over().clone());
    let unpacked = async {
        let (key, scratch, identities) =
            (ArtefactKey::of_backup(&backup), context.scratch(), &context.config.identities);
        prove(&context.shelf, &key, &manifest, Depth::Full, identities, &scratch, follower.watch()).await?;
        fail::fail_point!("worker.restore_proven", |_| Err(Failure::injected()));
        swap.begin().await?;
        unpack(&context.shelf, &key, &manifest, identities, &swap.staged_database(), follower.watch()).await?;
        fail::fail_point!("worker.restore_unpacked", |_| Err(Failure::injected()));
        open_and_own(context, row, swap, owner).await?;
        fail::fail_point!("worker.restore_owned", |_| Err(Failure::injected()));
        seal(swap, follower.watch()).await
    };
    let unpacked = unpacked.await;
    match (unpacked, follower.finish().await) {
        (_, Some(Stop::Overtaken)) => Err(Failure::Overtaken),
        (_, Some(Stop::Cancelled)) => Err(Failure::Cancelled),
        (unpacked, None) => unpacked,
    }
}

/// The backup whose snapshot is taken: the one that was asked for, or the one that it found unchanged.
async fn find(context: &Context, row: &Restore) -> Result<Backup, Failure> {
    let central = context.store.central();
    let found = central.read(async |tx| match backups::find(tx, row.backup_id).await? {
        Some(asked) if asked.deleted_at.is_some() => Ok(Some(asked)),
        Some(asked) => backups::source(tx, &asked).await,
        None => Ok(None),
    });
    found.await?.ok_or_else(|| Failure::refused("the backup is gone"))
}

/// The manifest of a backup that may be restored.
fn accept(backup: &Backup) -> Result<Manifest, Failure> {
    if backup.deleted_at.is_some() {
        return Err(Failure::refused("the backup is in the trash"));
    }
    let (true, Some(json)) = (backup.status.counts(), &backup.manifest) else {
        return Err(Failure::refused(format!("the backup is {}, not verified", backup.status)));
    };
    let manifest = Manifest::from_json(json.as_bytes()).map_err(SnapshotError::from)?;
    let known = newest(Kind::Tenant);
    if manifest.schema_version > known {
        let version = manifest.schema_version;
        let reason =
            format!("the backup has schema {version}, this version knows {known} at most; update ChiliView first");
        return Err(Failure::ForTheNewer(Reason::new(Cause::Refused, reason)));
    }
    Ok(manifest)
}

/// Whose database it was: the tenant's own, unless a new one is made of it.
fn accept_owner(manifest: &Manifest, row: &Restore) -> Result<TenantId, Failure> {
    match manifest.owner {
        Owner::Tenant { id, .. } if row.target == Target::New || id == row.tenant_id.uuid() => Ok(id.into()),
        Owner::Tenant { .. } => Err(Failure::refused("the backup is of another tenant")),
        Owner::Central => Err(Failure::refused("the backup is of the central database")),
    }
}

async fn open_and_own(context: &Context, row: &Restore, swap: &Exchange, owner: TenantId) -> Result<(), Failure> {
    let file = File::open(&swap.staged_database(), Missing::Refuse, Kind::Tenant, 1).await?;
    let database = Database::Sqlite(file.clone());
    let ready = async {
        soundness::check_fully(&database).await?;
        if let Some(strange) = password_hashes::strange(&database).await? {
            return Err(Failure::refused(format!("the backup is not taken: {strange}")));
        }
        own(context, row, &database, owner).await
    };
    let ready = ready.await;
    file.close().await;
    ready
}

/// Where it takes long it can be called off.
async fn seal(swap: &Exchange, watch: &Watch) -> Result<(), Failure> {
    let mut step = |_| match watch.cancel.is_cancelled() {
        false => ControlFlow::Continue(()),
        true => ControlFlow::Break(()),
    };
    Ok(swap.seal(&mut step).await?)
}

/// The lock stays until the restore is over. One that the snapshot brought along is overwritten.
async fn own(context: &Context, row: &Restore, database: &Database, owner: TenantId) -> Result<(), Failure> {
    let now = context.now();
    let actor = Actor::system("worker", current_trace_id());
    let changes = serde_json::json!({ "backup": [null, row.backup_id], "requested_by": [null, row.requested_by] });
    let event = Event::done("tenant.restore", "restore", row.id).changing(changes);
    database
        .write_past_lock(async |tx| {
            if tenant_settings::owner(tx).await? != Some(owner) {
                return Err(Failure::refused("the database in the backup is another tenant's than its manifest says"));
            }
            tenant_settings::set_owner(tx, row.tenant_id, now).await?;
            write_lock::set(tx, row.id, row.tenant_id, now).await?;
            audit::record(tx, context.store.ids().next(), now, &actor, event).await?;
            Ok::<_, Failure>(())
        })
        .await
}
