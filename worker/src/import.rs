//! An uploaded file as the source of a backup: unpacked, looked at as something hostile, and of the right owner.

use std::path::{Path, PathBuf};

use chiliview_snapshot::{Adopted, Adoption, Error as SnapshotError, Schema, Source, Watch, adopt, schema_of};
use chiliview_store::{
    BackupId, Error, TenantId, UploadId,
    backups::Backup,
    data_dir,
    error::with_causes,
    migrations::{self, Kind},
    sqlite::{File, Missing},
    tenant_settings, uploads,
};
use sha2::{Digest as _, Sha256};

use crate::{backup::Failure, context::Context};

/// No imported database may be larger. What an upload expands to is bounded by the disk before this.
const LARGEST: u64 = 256 << 30;
const CHUNK: usize = 256 << 10;

/// A database that came from outside, until the backup of it has ended.
pub(crate) struct Import {
    folder: PathBuf,
    path: PathBuf,
}

impl Import {
    /// What the backup reads.
    pub(crate) fn source(&self) -> Source {
        Source::Sqlite(self.path.clone())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if let Err(error) = data_dir::remove_tree(&self.folder) {
            // The next attempt, or the next start, removes it.
            tracing::warn!(%error, "import.not_removed");
        }
    }
}

/// Takes the file in. What is wrong with it ends the backup: no other attempt would find it better.
pub(crate) async fn take_in(
    context: &Context,
    backup: &Backup,
    upload: UploadId,
    watch: &Watch,
) -> Result<Import, Failure> {
    let row = context.store.central().read(async |tx| uploads::find(tx, upload).await).await?;
    let (Some(row), Some(tenant)) = (row, backup.tenant_id) else {
        return Err(Failure::Refused("the uploaded file is not there any more".to_owned()));
    };
    let file = context.store.data_dir().upload(upload);
    if let Some(expected) = &row.sha256 {
        let found = digest(file.clone(), watch.clone()).await?;
        if found != *expected {
            return Err(Failure::Refused(format!("the uploaded file has the SHA-256 {found}, not {expected}")));
        }
    }
    let import = folder(context, backup.id)?;
    let request = Adoption {
        upload: file,
        to: import.path.clone(),
        max_plain_bytes: LARGEST,
        accepted: schemas(&import.folder).await?,
        identities: context.config.identities.clone(),
    };
    let adopted = adopt(request, watch).await.map_err(refused)?;
    settle_owner(context, &adopted, tenant, row.adopt != 0).await?;
    Ok(import)
}

/// A directory of its own: what a killed attempt left is gone.
fn folder(context: &Context, backup: BackupId) -> Result<Import, Error> {
    let folder = context.scratch().join(format!("import-{backup}"));
    data_dir::remove_tree(&folder)?;
    data_dir::create_private(&folder)?;
    let path = folder.join("reseller.db");
    Ok(Import { folder, path })
}

/// What each released version of ChiliView makes.
async fn schemas(folder: &Path) -> Result<Vec<Schema>, Failure> {
    let mut all = Vec::new();
    for version in migrations::versions(Kind::Tenant) {
        let path = folder.join(format!("schema-{version}.db"));
        migrations::make_empty(&path, Kind::Tenant, version).await?;
        all.push(schema_of(&path).await?);
    }
    Ok(all)
}

/// Faults of the file are told as such; everything else may be better at the next attempt.
fn refused(error: SnapshotError) -> Failure {
    match error {
        SnapshotError::Damaged(_) | SnapshotError::Refused(_) | SnapshotError::NoIdentity { .. } => {
            Failure::Refused(format!("the uploaded file is not taken: {}", with_causes(&error)))
        }
        other => Failure::Snapshot(other),
    }
}

async fn settle_owner(context: &Context, adopted: &Adopted, tenant: TenantId, adopt: bool) -> Result<(), Failure> {
    if adopted.owner_in_file == Some(tenant.uuid()) {
        return Ok(());
    }
    if !adopt {
        return Err(Failure::Refused(match adopted.owner_in_file {
            Some(other) => {
                format!("the database in the uploaded file is that of the tenant {other}: an operator may adopt it")
            }
            None => "the database in the uploaded file does not say whose it is: an operator may adopt it".to_owned(),
        }));
    }
    let file = File::open(&adopted.path, Missing::Refuse, Kind::Tenant, 1).await?;
    let database = chiliview_store::Database::Sqlite(file.clone());
    let now = context.now();
    let settled = database.write(async |tx| tenant_settings::set_owner(tx, tenant, now).await).await;
    file.close().await;
    Ok(settled?)
}

/// The SHA-256 of a file, in hex.
async fn digest(path: PathBuf, watch: Watch) -> Result<String, Failure> {
    let hashing = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(&path).map_err(Error::io("open", &path))?;
        let (mut hash, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
        while !watch.cancel.is_cancelled() {
            let read = std::io::Read::read(&mut file, &mut chunk).map_err(Error::io("read", &path))?;
            if read == 0 {
                return Ok(hex::encode(hash.finalize()));
            }
            hash.update(&chunk[..read]);
        }
        Err(Failure::Snapshot(SnapshotError::Cancelled))
    });
    hashing.await.map_err(|_| Error::Panicked)?
}
