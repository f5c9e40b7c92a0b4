//! A platform with tenants and backups on its shelf, nobody in it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use chiliview_doctor::Line;
use chiliview_recover::{Audience, Context, Failure, Mode, Report, Wanted, rebuild, restore_central};
use chiliview_snapshot::{
    ArtefactKey, Depth, Identities, Owner, Recipients, Shelf, Source, Watch, WriteRequest, prove, write,
};
use chiliview_store::{
    BackupId, Clock, Ids, Settings, Store, TenantId,
    backups::{self, New, Origin, ProofDepth, Verified},
    data_dir::DataDir,
    json_text::JsonText,
    migrations::Kind,
    tenant_settings,
    tenants::{self, Tenant, TenantStatus},
};
use tempfile::TempDir;

pub(crate) struct Platform {
    directory: TempDir,
}

/// Hears, and says yes or no.
pub(crate) struct Listener(pub(crate) bool);

impl Audience for Listener {
    fn line(&mut self, _: &Line) {}
    fn step(&mut self, _: &str, _: u64, _: u64) {}
    fn agree(&mut self, _: &str) -> bool {
        self.0
    }
}

pub(crate) async fn open(root: &Path) -> Store {
    Store::open(&Settings::sqlite(root), Clock::system(), Ids).await.unwrap()
}

pub(crate) fn context(root: &Path, shelf: &Path) -> Context {
    Context {
        settings: Settings::sqlite(root),
        shelf: shelf.to_owned().into(),
        next_shelf: shelf.to_owned().into(),
        identities: Identities::none(),
        trash: Duration::from_secs(30 * 24 * 3600),
        clock: Clock::system(),
        ids: Ids,
    }
}

impl Platform {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data_dir(&self) -> DataDir {
        DataDir::new(self.root())
    }

    pub(crate) fn shelf(&self) -> PathBuf {
        self.root().join("backups")
    }

    pub(crate) async fn store(&self) -> Store {
        open(&self.root()).await
    }

    pub(crate) async fn restore(&self, wanted: Wanted) -> Result<Report, Failure> {
        restore_central(context(&self.root(), &self.shelf()), wanted, Mode::Do, &mut Listener(true)).await
    }

    pub(crate) async fn rebuild(&self, into: &Path) -> Result<Report, Failure> {
        rebuild(context(into, &self.shelf()), Mode::Do, &mut Listener(true)).await
    }

    /// Where an artefact lies.
    pub(crate) fn artefact(&self, tenant: Option<TenantId>, backup: BackupId) -> PathBuf {
        self.shelf().join(key(tenant, backup).to_string())
    }

    /// Where its manifest lies.
    pub(crate) fn manifest(&self, tenant: Option<TenantId>, backup: BackupId) -> PathBuf {
        self.artefact(tenant, backup).with_file_name(key(tenant, backup).manifest_file())
    }

    /// One changed byte in the middle.
    pub(crate) fn damage(&self, tenant: Option<TenantId>, backup: BackupId) {
        let path = self.artefact(tenant, backup);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
}

pub(crate) async fn tenant(store: &Store, slug: &str) -> TenantId {
    let id = Ids.next();
    store.create_tenant_database(id).await.unwrap();
    let now = store.clock().now();
    let tenant = Tenant {
        id,
        slug: slug.into(),
        name: slug.into(),
        legal_name: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        external_reference: None,
        language: "en".into(),
        time_zone: "Etc/UTC".into(),
        notes: String::new(),
        tags: JsonText(Vec::new()),
        metadata: JsonText(std::collections::BTreeMap::new()),
        quota_users: None,
        quota_bytes: None,
        quota_backups: None,
        status: TenantStatus::Active,
        status_reason: None,
        delete_protection: 0,
        deleted_at: None,
        purge_after: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    store.central().write(async |tx| tenants::insert(tx, &tenant).await).await.unwrap();
    id
}

/// Writes something into a tenant's database.
pub(crate) async fn put(store: &Store, id: TenantId, value: &str) {
    let database = store.tenant(id).await.unwrap();
    let now = store.clock().now();
    database.write(async |tx| tenant_settings::set(tx, "theme", value, now).await).await.unwrap();
}

pub(crate) async fn get(store: &Store, id: TenantId) -> Option<String> {
    let database = store.tenant(id).await.unwrap();
    database.read(async |tx| tenant_settings::get(tx, "theme").await).await.unwrap()
}

/// The slugs of all tenants.
pub(crate) async fn slugs(store: &Store) -> Vec<String> {
    let ids = store.central().read(async |tx| tenants::ids(tx, None, 100).await).await.unwrap();
    let mut slugs: Vec<_> = ids.into_iter().map(|(_, slug)| slug).collect();
    slugs.sort();
    slugs
}

/// As the worker does it: the row is under way while the snapshot is taken, and verified once that is proven.
pub(crate) async fn back_up(store: &Store, shelf: &Path, tenant: Option<(TenantId, &str)>) -> BackupId {
    let shelf = Shelf::directory(shelf).await.unwrap();
    let id: BackupId = Ids.next();
    let new = New {
        id,
        tenant: tenant.map(|(id, slug)| (id, slug.to_owned())),
        origin: Origin::Request,
        run: None,
        requested_by: "admin".into(),
        trace_id: None,
        at: store.clock().now(),
    };
    let begun = store.central().write(async |tx| {
        backups::insert(tx, &new).await?;
        let first = backups::start(tx, id, new.at).await?;
        // A tenant's, an attempt that crashed came before.
        if tenant.is_some() { backups::start(tx, id, new.at).await } else { Ok(first) }
    });
    let attempt = begun.await.unwrap().unwrap();
    let data_dir = store.data_dir();
    let (database, kind) = match tenant {
        None => (store.central().clone(), Kind::Central),
        Some((id, _)) => (store.tenant(id).await.unwrap(), Kind::Tenant),
    };
    let request = WriteRequest {
        source: Source::of(&database, kind, data_dir.temp()),
        owner: tenant.map_or(Owner::Central, |(id, slug)| Owner::Tenant { id: id.uuid(), slug: slug.into() }),
        backup: id.uuid(),
        attempt,
        taken_at: store.clock().now().to_datetime(),
        tool_version: "test".into(),
        recipients: Recipients::default(),
    };
    let manifest = write(request, &shelf, &Watch::unobserved()).await.unwrap().manifest;
    let (key, none) = (manifest.key(attempt), Identities::none());
    prove(&shelf, &key, &manifest, Depth::Quick, &none, &data_dir.temp(), &Watch::unobserved()).await.unwrap();
    let proof = Verified {
        manifest: String::from_utf8(manifest.to_json().unwrap()).unwrap(),
        stored_sha256: manifest.stored_sha256.to_string(),
        stored_bytes: i64::try_from(manifest.stored_bytes).unwrap(),
        plain_bytes: i64::try_from(manifest.plain_bytes).unwrap(),
        encrypted: false,
        depth: ProofDepth::Quick,
    };
    let now = store.clock().now();
    let ended = store.central().write(async |tx| backups::verified(tx, id, attempt, &proof, now).await);
    assert!(ended.await.unwrap());
    id
}

/// As [`back_up`] makes it.
fn key(tenant: Option<TenantId>, backup: BackupId) -> ArtefactKey {
    ArtefactKey::of(tenant.map(TenantId::uuid), backup.uuid(), false).by(if tenant.is_some() { 2 } else { 1 })
}

/// Leaves the platform to others.
pub(crate) async fn closed(store: Store) {
    store.close().await;
    drop(store);
}
