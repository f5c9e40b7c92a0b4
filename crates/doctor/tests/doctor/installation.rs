//! An installation with an admin, two tenants with a user each, and a verified backup of the first, nobody in it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use chiliview_doctor::{Context, Credentials, Line, Mode, Repair, Report, Said, Status, examine};
use chiliview_snapshot::{Owner, Recipients, Shelf, Source, Watch, WriteRequest, write};
use chiliview_store::{
    BackupId, Clock, Error, Ids, Settings, Store, TenantId,
    admins::{self, Admin, AdminRole},
    audit::{self, Actor, Event},
    backups::{self, New, Origin, ProofDepth, Verified},
    data_dir::DataDir,
    json_text::JsonText,
    tenants::{self, Tenant, TenantStatus},
};
use futures::{FutureExt as _, future::BoxFuture};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub(crate) struct Installation {
    _directory: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) acme: TenantId,
    pub(crate) beta: TenantId,
    pub(crate) backup: BackupId,
}

impl Installation {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("data");
        let store = open(&root).await;
        let shelf = Shelf::directory(root.join("backups")).await.unwrap();
        let (acme, beta) = (Ids.next(), Ids.next());
        insert_admin(&store).await;
        tenant(&store, acme, "acme").await;
        tenant(&store, beta, "beta").await;
        let backup = back_up(&store, &shelf, acme, Recipients::none()).await;
        store.close().await;
        Self { _directory: directory, root, acme, beta, backup }
    }

    pub(crate) fn data_dir(&self) -> DataDir {
        DataDir::new(&self.root)
    }

    pub(crate) fn database(&self, tenant: TenantId) -> PathBuf {
        self.data_dir().tenant_database(tenant)
    }

    pub(crate) async fn store(&self) -> Store {
        open(&self.root).await
    }

    /// One more backup of the first tenant, encrypted; its artefact.
    pub(crate) async fn back_up_sealed(&self) -> PathBuf {
        let store = self.store().await;
        let shelf = Shelf::directory(self.root.join("backups")).await.unwrap();
        // A public key of age's documentation.
        let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let backup = back_up(&store, &shelf, self.acme, Recipients::of([recipient]).unwrap()).await;
        store.close().await;
        self.root.join(format!("backups/{}/{backup}.db.zst.age", self.acme))
    }

    pub(crate) async fn look(&self) -> Report {
        self.examine(Mode::Look).await
    }

    pub(crate) async fn repair(&self) -> Report {
        self.examine(Mode::Repair).await
    }

    async fn examine(&self, mode: Mode) -> Report {
        let mut told = 0;
        let report = examine(self.context(), mode, &mut |_| told += 1).await;
        assert_eq!(told, report.checks.len(), "each line is told as it comes");
        report.checks.iter().for_each(assert_said);
        report
    }

    pub(crate) fn context(&self) -> Context {
        Context {
            settings: Settings::sqlite(&self.root),
            shelf: self.root.join("backups").into(),
            clock: Clock::system(),
            ids: Ids,
            credentials: Arc::new(Fixed),
        }
    }

    /// Every file and directory with its mode and content.
    pub(crate) fn state(&self) -> BTreeMap<PathBuf, String> {
        let mut state = BTreeMap::new();
        walk(&self.root, &mut state);
        state
    }

    /// The copies and moved things, relative to the one repair that there was.
    pub(crate) fn aside(&self, relative: impl AsRef<Path>) -> PathBuf {
        let repairs: Vec<_> = fs::read_dir(self.root.join("repairs")).unwrap().map(Result::unwrap).collect();
        assert_eq!(repairs.len(), 1, "{repairs:?}");
        repairs[0].path().join(relative)
    }
}

/// What the codes and parameters say, once they were stored and read again, is what the line says.
#[track_caller]
pub(crate) fn assert_said(line: &Line) {
    let kept = serde_json::to_value(line).unwrap()["said"].take();
    let said: Said = serde_json::from_value(kept).unwrap();
    assert_eq!((said.message(), said.advice()), (line.message.clone(), line.advice.clone()));
    assert!(said.object.is_none_or(|object| object.to_string() == line.object), "{line:?}");
}

/// The lines that are neither ok nor a warning.
pub(crate) fn bad(report: &Report) -> Vec<&Line> {
    report.checks.iter().filter(|line| !matches!(line.status, Status::Ok | Status::Warning)).collect()
}

/// The one bad line.
pub(crate) fn only(report: &Report) -> &Line {
    let bad = bad(report);
    assert_eq!(bad.len(), 1, "{bad:#?}");
    bad[0]
}

#[track_caller]
pub(crate) fn assert_calm(report: &Report) {
    assert!(bad(report).is_empty(), "{:#?}", bad(report));
}

pub(crate) struct Fixed;

impl Credentials for Fixed {
    fn make(&self) -> BoxFuture<'_, Result<(SecretString, String), Repair>> {
        async { Ok(("correct-horse".into(), "$argon2id$".to_owned())) }.boxed()
    }
}

async fn open(root: &Path) -> Store {
    Store::open(&Settings::sqlite(root), Clock::system(), Ids).await.unwrap()
}

pub(crate) async fn insert_admin(store: &Store) {
    let now = store.clock().now();
    let admin = Admin {
        id: Ids.next(),
        username: "root".to_owned(),
        email: None,
        display_name: "Root".to_owned(),
        role: AdminRole::Owner,
        password_hash: "x".to_owned(),
        credential_version: 1,
        disabled_at: None,
        last_login_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let event = Event::done("admin.create", "admin", admin.id);
    let inserted = store.central().write(async |tx| {
        admins::insert(tx, &admin).await?;
        audit::record(tx, Ids.next(), now, &Actor::system("test", None), event).await
    });
    inserted.await.unwrap();
}

pub(crate) async fn tenant(store: &Store, id: TenantId, slug: &str) {
    let now = store.clock().now();
    let tenant = Tenant {
        id,
        slug: slug.to_owned(),
        name: slug.to_owned(),
        legal_name: None,
        contact_name: None,
        contact_email: None,
        contact_phone: None,
        external_reference: None,
        language: "en".to_owned(),
        time_zone: "UTC".to_owned(),
        notes: String::new(),
        tags: JsonText(Vec::new()),
        metadata: JsonText(BTreeMap::new()),
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
    store.create_tenant_database(id).await.unwrap();
    store.central().write(async |tx| tenants::insert(tx, &tenant).await).await.unwrap();
}

async fn back_up(store: &Store, shelf: &Shelf, tenant: TenantId, recipients: Recipients) -> BackupId {
    let (id, now): (BackupId, _) = (Ids.next(), store.clock().now());
    let request = WriteRequest {
        source: Source::Sqlite(store.data_dir().tenant_database(tenant)),
        owner: Owner::Tenant { id: tenant.uuid(), slug: "acme".to_owned() },
        backup: id.uuid(),
        attempt: 1,
        taken_at: now.to_datetime(),
        tool_version: "test".to_owned(),
        recipients,
    };
    let manifest = write(request, shelf, &Watch::unobserved()).await.unwrap().manifest;
    let proof = Verified {
        manifest: serde_json::to_string(&manifest).unwrap(),
        stored_sha256: manifest.stored_sha256.to_string(),
        stored_bytes: i64::try_from(manifest.stored_bytes).unwrap(),
        plain_bytes: i64::try_from(manifest.plain_bytes).unwrap(),
        encrypted: manifest.encryption.is_some(),
        depth: ProofDepth::Quick,
    };
    let new = New {
        id,
        tenant: Some((tenant, "acme".to_owned())),
        origin: Origin::Request,
        run: None,
        requested_by: "test".to_owned(),
        trace_id: None,
        at: now,
    };
    let verified = store.central().write(async |tx| {
        backups::insert(tx, &new).await?;
        let attempt = backups::start(tx, id, now).await?.unwrap_or_default();
        backups::verified(tx, id, attempt, &proof, now).await?;
        Ok::<_, Error>(())
    });
    verified.await.unwrap();
    id
}

fn walk(path: &Path, state: &mut BTreeMap<PathBuf, String>) {
    let meta = fs::symlink_metadata(path).unwrap();
    let content = match meta.is_file() {
        true => format!("{:x?}", Sha256::digest(fs::read(path).unwrap())),
        false => String::new(),
    };
    state.insert(path.to_owned(), format!("{:o} {content}", meta.permissions().mode()));
    if meta.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), state));
    }
}
