//! Files from outside become backups, or are refused with the reason; the tenant's database is never touched by either.

use std::{
    fs,
    path::{Path, PathBuf},
};

use chiliview_snapshot::{Identities, Watch, unpack};
use chiliview_store::{
    Database, Ids, TenantId, UploadId,
    backups::{self, Backup, BackupStatus, New, Origin},
    queue::{self, NewJob, Work},
    uploads::{self, Upload},
    users,
};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, sqlite::SqliteConnectOptions};

use crate::{
    shop::{self, Shop, key, user},
    workshop::calm,
};

struct Scene {
    shop: Shop,
    tenant: TenantId,
}

async fn on_every_engine(story: impl AsyncFn(Scene)) {
    shop::on_every_engine(async |shop| {
        let (tenant, database) = shop.tenant().await;
        for name in ["anna", "berta"] {
            add(&database, name).await;
        }
        drop(database);
        story(Scene { shop, tenant }).await;
    })
    .await;
}

async fn add(database: &Database, name: &str) {
    let row = user(name);
    database.write(async |tx| users::insert(tx, &row).await).await.unwrap();
}

async fn names(database: &Database) -> Vec<String> {
    let rows =
        database.read(async |tx| tx.query("SELECT username FROM users ORDER BY username").fetch_all().await).await;
    rows.unwrap().into_iter().map(|(name,): (String,)| name).collect()
}

struct Wish {
    tenant: TenantId,
    sha256: Option<String>,
    adopt: bool,
}

impl Scene {
    fn wish(&self) -> Wish {
        Wish { tenant: self.tenant, sha256: None, adopt: false }
    }

    /// Uploads the file, as the API does, and waits for what becomes of it.
    async fn import(&self, bytes: &[u8], wish: Wish) -> Backup {
        let (upload, backup): (UploadId, _) = (Ids.next(), Ids.next());
        let store = &self.shop.context.store;
        let now = store.clock().now();
        fs::write(store.data_dir().upload(upload), bytes).unwrap();
        let row = Upload {
            id: upload,
            tenant_id: wish.tenant,
            file_name: None,
            total_bytes: i64::try_from(bytes.len()).unwrap(),
            sha256: wish.sha256,
            adopt: i64::from(wish.adopt),
            backup_id: Some(backup),
            requested_by: "test".into(),
            expires_at: now,
            created_at: now,
        };
        let new = New {
            id: backup,
            tenant: Some((wish.tenant, "acme".into())),
            origin: Origin::Import,
            run: None,
            requested_by: "test".into(),
            trace_id: None,
            at: now,
        };
        self.shop
            .write(async |tx| {
                uploads::insert(tx, &row).await?;
                backups::insert(tx, &new).await?;
                queue::enqueue(tx, &NewJob::new(Ids.next(), Work::Import { backup, upload })).await
            })
            .await;
        let worker = self.shop.start(calm());
        let ended = self.shop.ended(backup).await;
        self.shop.idle().await;
        worker.stop().await;
        assert_eq!(fs::read_dir(store.data_dir().temp()).unwrap().count(), 0, "nothing of it lies about");
        ended
    }

    async fn refused(&self, bytes: &[u8], wish: Wish, reason: &str) {
        let backup = self.import(bytes, wish).await;
        assert_eq!(backup.status, BackupStatus::Failed, "{reason}");
        let error = backup.error.unwrap_or_default();
        assert!(error.contains(reason), "{error:?} does not say {reason:?}");
        assert_eq!(backup.attempt, 1, "no other attempt would find it better");
        let database = self.shop.context.store.tenant(self.tenant).await.unwrap();
        assert_eq!(names(&database).await, ["anna", "berta"]);
    }

    /// The artefact of a fresh backup, and the database in it.
    async fn ours(&self) -> (Vec<u8>, Vec<u8>) {
        let backup = self.shop.backed_up(Some(self.tenant)).await;
        let plain = self.unpacked(&backup).await;
        (fs::read(self.shop.files(&backup).0).unwrap(), fs::read(plain).unwrap())
    }

    async fn unpacked(&self, backup: &Backup) -> PathBuf {
        let manifest = self.shop.manifest(backup).await;
        let plain = self.shop.directory().join(format!("plain-{}", backup.id));
        let (shelf, keys) = (&self.shop.context.shelf, Identities::none());
        unpack(shelf, &key(backup), &manifest, &keys, &plain, &Watch::unobserved()).await.unwrap();
        plain
    }
}

async fn changed(bytes: &[u8], at: &Path, sql: &'static str) -> Vec<u8> {
    fs::write(at, bytes).unwrap();
    let mut connection = SqliteConnectOptions::new().filename(at).connect().await.unwrap();
    connection.execute(sql).await.unwrap();
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    connection.close().await.unwrap();
    fs::read(at).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_file_is_taken_in_where_its_key_is() {
    on_every_engine(async |mut scene: Scene| {
        let (key, recipients) = crate::sealing::pair();
        scene.shop.context.config.recipients = recipients;
        let sealed = scene.shop.backed_up(Some(scene.tenant)).await;
        let bytes = fs::read(scene.shop.files(&sealed).0).unwrap();
        scene.refused(&bytes, scene.wish(), "there is no identity at hand").await;
        scene.shop.context.config.identities = key.clone();
        let taken = scene.import(&bytes, scene.wish()).await;
        assert_eq!((taken.status, taken.error.as_deref(), taken.encrypted), (BackupStatus::Verified, None, 1));
        assert_eq!(scene.shop.opened(&taken, &key).await.unwrap(), ["anna", "berta"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_downloaded_comes_back_packed_or_bare() {
    on_every_engine(async |scene: Scene| {
        let (packed, bare) = scene.ours().await;
        let database = scene.shop.context.store.tenant(scene.tenant).await.unwrap();
        add(&database, "carla").await;
        for file in [packed, bare] {
            let backup = scene.import(&file, scene.wish()).await;
            assert_eq!((backup.status, backup.error.as_deref()), (BackupStatus::Verified, None));
            assert_eq!((backup.origin, backup.tenant_id), (Origin::Import, Some(scene.tenant)));
            assert_eq!(scene.shop.restored(&backup).await, ["anna", "berta"]);
        }
        assert_eq!(names(&database).await, ["anna", "berta", "carla"], "an import touches no database");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_somebody_else_is_taken_only_when_it_is_adopted() {
    on_every_engine(async |scene: Scene| {
        let (packed, _) = scene.ours().await;
        let (other, _) = scene.shop.tenant().await;
        let foreign = || Wish { tenant: other, ..scene.wish() };
        scene.refused(&packed, foreign(), "an operator may adopt it").await;
        let adopted = scene.import(&packed, Wish { adopt: true, ..foreign() }).await;
        assert_eq!((adopted.status, adopted.error.as_deref()), (BackupStatus::Verified, None));
        assert_eq!(scene.shop.restored(&adopted).await, ["anna", "berta"]);
        let mut connection =
            SqliteConnectOptions::new().filename(scene.unpacked(&adopted).await).connect().await.unwrap();
        let owner = sqlx::query_scalar("SELECT value FROM settings WHERE key = 'tenant_id'").fetch_one(&mut connection);
        assert_eq!(owner.await.map(|owner: String| owner).unwrap(), other.to_string());
        connection.close().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_of_ours_is_refused_with_the_reason() {
    on_every_engine(async |scene: Scene| {
        let (packed, bare) = scene.ours().await;
        let scratch = scene.shop.directory().join("changed.db");
        let trigger = "CREATE TRIGGER t AFTER INSERT ON users BEGIN DELETE FROM audit_log; END";
        let evil = changed(&bare, &scratch, trigger).await;
        scene.refused(&evil, scene.wish(), "is not ours").await;
        let endless = "UPDATE users SET password_hash =
            '$argon2id$v=19$m=4194304,t=1000,p=1$c29tZXNhbHQxMjM0NTY$'
            || 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' WHERE username = 'berta'";
        let evil = changed(&bare, &scratch, endless).await;
        scene.refused(&evil, scene.wish(), "is none that ChiliView makes").await;
        let large = "UPDATE users SET password_hash = hex(zeroblob(50000000))";
        let evil = changed(&bare, &scratch, large).await;
        scene.refused(&evil, scene.wish(), "is none that ChiliView makes").await;
        let long = "UPDATE users SET display_name = hex(zeroblob(50000))";
        let evil = changed(&bare, &scratch, long).await;
        scene.refused(&evil, scene.wish(), "is longer than ChiliView lets anybody write").await;
        scene.refused(b"username,email\n", scene.wish(), "neither a snapshot").await;
        scene.refused(&packed[..packed.len() / 2], scene.wish(), "not taken").await;
        let wrong = Wish { sha256: Some("ab".repeat(32)), ..scene.wish() };
        scene.refused(&packed, wrong, "has the SHA-256").await;
        assert_eq!(scene.shop.on_shelf().await.len(), 2, "the first backup's artefact and manifest, and nothing else");
    })
    .await;
}
