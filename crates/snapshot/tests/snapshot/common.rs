//! A shelf, a scratch directory and a small live database, as every story here needs them.

use std::path::{Path, PathBuf};

use chiliview_snapshot::{
    ArtefactKey, Depth, Digest, Error, Identities, Manifest, Owner, Proof, Recipients, Shelf, Source, Watch,
    WriteRequest, Written, prove, write,
};
use chrono::DateTime;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

use server::Server;

#[path = "server.rs"]
pub(crate) mod server;
#[path = "shelves.rs"]
pub(crate) mod shelves;

/// Where the snapshots of a whole test binary lie: `crate::KIND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    Bucket,
}

pub(crate) const TENANT: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
pub(crate) const BACKUP: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);

/// Accounts whose balances add up to this, whatever is moved between them.
pub(crate) const TOTAL: i64 = 100_000;

pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) shelf: Shelf,
    pub(crate) recipients: Recipients,
    pub(crate) identities: Identities,
    pub(crate) server: Option<Server>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (shelf, server) = match crate::KIND {
            Kind::Directory => (Shelf::directory(dir.path().join("shelf")).await.unwrap(), None),
            Kind::Bucket => {
                let server = Server::start(dir.path().join("s3")).await;
                (shelves::shelf(&server.endpoint()).await, Some(server))
            }
        };
        Self { dir, shelf, recipients: Recipients::none(), identities: Identities::none(), server }
    }

    /// One whose snapshots are encrypted.
    pub(crate) async fn sealed() -> Self {
        let (recipient, identities) = key();
        let recipients = Recipients::parse(&recipient).unwrap();
        Self { recipients, identities, ..Self::new().await }
    }

    pub(crate) fn request(&self) -> WriteRequest {
        WriteRequest { recipients: self.recipients.clone(), ..request(&self.database()) }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("reseller ü?#%.db")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.dir.path().join("scratch")
    }

    pub(crate) fn key(&self) -> ArtefactKey {
        self.request().key()
    }

    /// Where what is on the shelf lies as files.
    pub(crate) fn root(&self) -> PathBuf {
        self.server.as_ref().map_or_else(|| self.dir.path().join("shelf"), Server::objects)
    }

    /// Where the artefact lies.
    pub(crate) fn artefact(&self) -> PathBuf {
        self.root().join(self.key().to_string())
    }

    /// Where the manifest lies.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.artefact().with_file_name(self.key().manifest_file())
    }

    /// A live connection to a filled database, in WAL mode.
    pub(crate) async fn live(&self, rows: i64) -> SqliteConnection {
        let mut live = connect(&self.database()).await;
        fill(&mut live, rows).await;
        live
    }

    pub(crate) async fn write(&self) -> Result<Manifest, Error> {
        self.written().await.map(|written| written.manifest)
    }

    pub(crate) async fn written(&self) -> Result<Written, Error> {
        write(self.request(), &self.shelf, &Watch::unobserved()).await
    }

    pub(crate) async fn prove(&self, expected: &Manifest, depth: Depth) -> Result<Proof, Error> {
        self.prove_with(expected, depth, &self.identities).await
    }

    pub(crate) async fn prove_with(
        &self,
        expected: &Manifest,
        depth: Depth,
        identities: &Identities,
    ) -> Result<Proof, Error> {
        prove(&self.shelf, &self.key(), expected, depth, identities, &self.scratch(), &Watch::unobserved()).await
    }

    /// Puts other bytes under the artefact's name and has the manifest agree with them.
    pub(crate) fn plant(&self, manifest: &Manifest, stored: &[u8]) -> Manifest {
        std::fs::write(self.artefact(), stored).unwrap();
        let manifest =
            Manifest { stored_bytes: stored.len() as u64, stored_sha256: Digest::of(stored), ..manifest.clone() };
        self.rewrite(&manifest);
        manifest
    }

    pub(crate) fn rewrite(&self, manifest: &Manifest) {
        std::fs::write(self.manifest(), manifest.to_json().unwrap()).unwrap();
    }

    /// Every file below the shelf and the scratch directory, and every upload that is not over; the shelf's marker apart.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut all = Vec::new();
        collect(&self.root(), &mut all);
        collect(&self.scratch(), &mut all);
        all.retain(|path| !path.ends_with(".shelf"));
        all.extend(self.server.iter().flat_map(Server::uploads));
        all
    }

    /// What a killed writer left is not taken for the work of a living one any more.
    pub(crate) fn let_a_day_pass(&self) {
        if let Some(server) = &self.server {
            server.let_a_day_pass();
        }
    }

    pub(crate) fn scratch_is_empty(&self) -> bool {
        self.scratch().read_dir().is_ok_and(|mut entries| entries.next().is_none())
    }
}

/// A new key: its recipient and the identity.
pub(crate) fn key() -> (String, Identities) {
    use age::secrecy::ExposeSecret as _;
    let identity = age::x25519::Identity::generate();
    (identity.to_public().to_string(), Identities::parse(identity.to_string().expose_secret()).unwrap())
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in dir.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, into) } else { into.push(path) }
    }
}

pub(crate) fn request(database: &Path) -> WriteRequest {
    WriteRequest {
        source: Source::Sqlite(database.to_path_buf()),
        owner: Owner::Tenant { id: TENANT, slug: "acme".into() },
        backup: BACKUP,
        attempt: 1,
        taken_at: DateTime::from_timestamp_nanos(1_790_000_000_123_456_789),
        tool_version: "0.1.0".into(),
        recipients: Recipients::none(),
    }
}

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    let options =
        SqliteConnectOptions::new().filename(path).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    options.busy_timeout(std::time::Duration::from_secs(60)).connect().await.unwrap()
}

pub(crate) async fn fill(connection: &mut SqliteConnection, rows: i64) {
    let mut transaction = connection.begin().await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL);
         INSERT INTO _sqlx_migrations VALUES (20260101, 'first'), (20260302, 'second');
         CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL) STRICT;
         CREATE TABLE \"odd \"\" name\" (id INTEGER PRIMARY KEY, account INTEGER REFERENCES accounts, note TEXT) STRICT;
         CREATE INDEX odd_note ON \"odd \"\" name\" (note);
         CREATE VIRTUAL TABLE words USING fts5 (word);",
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::raw_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT INTO accounts SELECT i, 1000 FROM n",
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
         INSERT INTO \"odd \"\" name\" SELECT i, i % 100 + 1, 'note ' || i || hex(randomblob(40)) FROM n",
    )
    .bind(rows)
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}

/// Adds so many MiB that do not compress.
pub(crate) async fn grow(connection: &mut SqliteConnection, mib: i64) {
    sqlx::query("CREATE TABLE noise (bytes BLOB) STRICT").execute(&mut *connection).await.unwrap();
    for _ in 0..mib {
        sqlx::query("INSERT INTO noise VALUES (randomblob(1048576))").execute(&mut *connection).await.unwrap();
    }
}

/// Moves everything out of the WAL into the file.
pub(crate) async fn checkpoint(connection: &mut SqliteConnection) {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(connection).await.unwrap();
}
