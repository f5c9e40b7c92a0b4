//! Files from outside become backups, or are refused with the reason; the tenant's database is never touched by either.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use chiliview_snapshot::{Entry, Identities, PieceKey, UploadKey, Watch, unpack};
use chiliview_store::{
    BackupId, Database, Ids, TenantId, UploadId,
    backups::{self, Backup, BackupStatus, New, Origin},
    json_text::JsonText,
    queue::{self, NewJob, Work},
    tenants,
    upload_pieces::{self, Appended, UploadPiece},
    uploads::{self, Identity, Upload},
    users,
};
use secrecy::ExposeSecret as _;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, sqlite::SqliteConnectOptions};

use crate::{
    shop::{self, Shop, key, user},
    workshop::{calm, until},
};

const HOUR: Duration = Duration::from_secs(3600);

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

    /// Uploads the file in two pieces, as the API does, and waits for what becomes of it.
    async fn import(&self, bytes: &[u8], wish: Wish) -> Backup {
        let tenant = wish.tenant;
        let upload = self.upload(bytes, wish).await;
        self.finish(upload, tenant).await
    }

    async fn is_listed(&self, upload: UploadId) -> bool {
        self.shop.central().read(async |tx| uploads::find(tx, upload).await).await.unwrap().is_some()
    }

    async fn upload(&self, bytes: &[u8], wish: Wish) -> UploadId {
        let upload: UploadId = Ids.next();
        let now = self.shop.context.store.clock().now();
        let (key, text) = UploadKey::generate().unwrap();
        let row = Upload {
            id: upload,
            tenant_id: wish.tenant,
            file_name: None,
            total_bytes: i64::try_from(bytes.len()).unwrap(),
            sha256: wish.sha256,
            adopt: i64::from(wish.adopt),
            backup_id: None,
            requested_by: "test".into(),
            expires_at: now.plus(HOUR),
            created_at: now,
            identity: Some(JsonText(Identity::new(text.expose_secret().to_owned()))),
        };
        self.shop.write(async |tx| uploads::insert(tx, &row).await).await;
        let mut first_byte = 0;
        for part in bytes.chunks(bytes.len() / 2 + 1) {
            let object = Ids.next();
            let mut sealer = key.seal().unwrap();
            sealer.append(part).unwrap();
            let sealed = sealer.finish().unwrap();
            self.shop.context.shelf.put_piece(&PieceKey::of(upload, object), sealed.sealed).await.unwrap();
            let (bytes, sha256) = (i64::try_from(sealed.bytes).unwrap(), sealed.sha256.to_string());
            let piece = UploadPiece { upload_id: upload, first_byte, bytes, number: 0, object, sha256 };
            let appended =
                self.shop.write(async |tx| upload_pieces::append(tx, &piece, now, now.plus(HOUR)).await).await;
            assert_eq!(appended, Appended::Here);
            first_byte += bytes;
        }
        upload
    }

    async fn finish(&self, upload: UploadId, tenant: TenantId) -> Backup {
        let backup = self.ask(upload, tenant).await;
        let worker = self.shop.start(calm());
        let ended = self.shop.ended(backup).await;
        self.shop.idle().await;
        worker.stop().await;
        assert_eq!(self.lying_about(), [] as [String; 0], "nothing of it lies about");
        ended
    }

    /// What is being unpacked.
    fn lying_about(&self) -> Vec<String> {
        let entries = fs::read_dir(self.shop.context.store.data_dir().temp()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    async fn ask(&self, upload: UploadId, tenant: TenantId) -> BackupId {
        let new = self.backup(tenant);
        let backup = new.id;
        self.shop
            .write(async |tx| {
                backups::insert(tx, &new).await?;
                assert!(uploads::complete(tx, upload, backup, new.at).await?);
                queue::enqueue(tx, &NewJob::new(Ids.next(), Work::Import { backup, upload })).await
            })
            .await;
        backup
    }

    fn backup(&self, tenant: TenantId) -> New {
        New {
            id: Ids.next(),
            tenant: Some((tenant, "acme".into())),
            origin: Origin::Import,
            run: None,
            requested_by: "test".into(),
            trace_id: None,
            at: self.shop.context.store.clock().now(),
        }
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
        let mut lying = scene.shop.on_shelf().await;
        lying.retain(|entry| !matches!(entry, Entry::Piece { .. }));
        assert_eq!(lying.len(), 2, "the first backup's artefact and manifest, and nothing else");
    })
    .await;
}

/// Where the pieces of an upload lie.
fn lie(scene: &Scene, upload: UploadId) -> PathBuf {
    scene.shop.directory().join("shelf/uploads").join(upload.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_was_changed_or_is_missing_ends_the_import_with_the_reason() {
    on_every_engine(async |scene: Scene| {
        let (packed, _) = scene.ours().await;
        let second = packed.len() / 2 + 1;
        let refused = async |upload, reason: &str| {
            let ended = scene.finish(upload, scene.tenant).await;
            let error = ended.error.unwrap_or_default();
            assert!(error.contains(reason) && error.contains("upload it again"), "{error}");
            assert_eq!(
                (ended.status, ended.cause.as_deref(), ended.attempt),
                (BackupStatus::Failed, Some("refused"), 1)
            );
        };
        let upload = scene.upload(&packed, scene.wish()).await;
        let mut pieces: Vec<_> =
            fs::read_dir(lie(&scene, upload)).unwrap().map(|entry| entry.unwrap().path()).collect();
        pieces.sort();
        let mut bytes = fs::read(&pieces[1]).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&pieces[1], bytes).unwrap();
        refused(upload, &format!("what follows its byte {second} was changed on the shelf")).await;

        let upload = scene.upload(&packed, scene.wish()).await;
        fs::remove_dir_all(lie(&scene, upload)).unwrap();
        refused(upload, "what follows its byte 0 is not on the shelf any more").await;

        let upload = scene.upload(&packed, scene.wish()).await;
        let former = async |tx: &mut chiliview_store::Tx| {
            tx.query("UPDATE uploads SET identity = NULL WHERE id = $1").bind(upload).execute().await
        };
        scene.shop.write(former).await;
        refused(upload, "a version before this one").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_go_when_nobody_needs_them_any_more_and_strangers_after_two_days() {
    on_every_engine(async |scene: Scene| {
        let (packed, _) = scene.ours().await;
        let shop = &scene.shop;
        let used = scene.upload(&packed, scene.wish()).await;
        assert_eq!(scene.finish(used, scene.tenant).await.status, BackupStatus::Verified);
        let open = scene.upload(&packed, scene.wish()).await;
        let expired = scene.upload(&packed, scene.wish()).await;
        let long_ago = chiliview_store::Timestamp::from_micros(1);
        shop.write(async |tx| uploads::close(tx, expired, long_ago).await).await;
        let (fresh, old) = (scene.upload(&packed, scene.wish()).await, scene.upload(&packed, scene.wish()).await);
        for unknown in [fresh, old] {
            shop.write(async |tx| uploads::delete(tx, unknown).await).await;
        }
        let days = Duration::from_secs(2 * 24 * 3600 + 60);
        let then = std::time::SystemTime::from(shop.context.store.clock().now().minus(days).to_datetime());
        fs::File::open(lie(&scene, old)).unwrap().set_modified(then).unwrap();
        let former = shop.context.store.data_dir().former_uploads();
        fs::create_dir(&former).unwrap();
        for (name, age) in [(used, days), (open, HOUR)] {
            let file = fs::File::create(former.join(name.to_string())).unwrap();
            let then = shop.context.store.clock().now().minus(age).to_datetime();
            file.set_modified(std::time::SystemTime::from(then)).unwrap();
        }

        let worker = shop.start(calm());
        let gone = async || [used, expired, old].iter().all(|upload| !lie(&scene, *upload).exists());
        until("what is over is removed", gone).await;
        let find = async |id| scene.is_listed(id).await;
        until("its rows are gone", async || !find(used).await && !find(expired).await).await;
        worker.stop().await;
        let left: Vec<_> = fs::read_dir(&former).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [std::ffi::OsString::from(open.to_string())], "a version before may be at work with it");
        assert!(lie(&scene, open).exists() && find(open).await && lie(&scene, fresh).exists());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_was_uploading_goes_when_he_is_purged() {
    on_every_engine(async |scene: Scene| {
        let shop = &scene.shop;
        let (other, _) = shop.tenant().await;
        let upload = scene.upload(&[7; 100], scene.wish()).await;
        let of_another = scene.upload(&[7; 100], Wish { tenant: other, ..scene.wish() }).await;
        let now = shop.context.store.clock().now();
        let row = shop.central().read(async |tx| tenants::find(tx, scene.tenant).await).await.unwrap().unwrap();
        let deleted = tenants::Tenant { deleted_at: Some(now), purge_after: Some(now), ..row };
        shop.write(async |tx| tenants::update(tx, &deleted).await).await;
        let worker = shop.start(calm());
        shop.enqueue(Work::PurgeTenant { tenant: scene.tenant }).await;
        shop.idle().await;
        worker.stop().await;
        assert!(!lie(&scene, upload).exists() && !scene.is_listed(upload).await);
        assert!(lie(&scene, of_another).exists() && scene.is_listed(of_another).await);
    })
    .await;
}

/// Each attempt unpacks into a directory of its own, and removes no other.
#[cfg(feature = "failpoints")]
#[test]
fn one_who_was_overtaken_in_the_middle_of_an_import_removes_nothing_of_the_next_ones() {
    use crate::{
        restore_overtaken::{Gate, alone_with_room, silent},
        workshop::options,
    };
    const TEST: &str = "imports::one_who_was_overtaken_in_the_middle_of_an_import_removes_nothing_of_the_next_ones";
    alone_with_room(TEST, async || {
        on_every_engine(async |scene| {
            let (packed, _) = scene.ours().await;
            let upload = scene.upload(&packed, scene.wish()).await;
            let before = Gate::at("worker.import_adopted");
            let backup = scene.ask(upload, scene.tenant).await;
            let overtaken = silent(&scene.shop);
            before.reached().await;
            let further = Gate::at("worker.import_taken_in");
            let next = scene.shop.start(options());
            further.reached().await;
            before.open();
            overtaken.stop().await;
            let number = scene.shop.find(backup).await.unwrap().attempt;
            assert_eq!(scene.lying_about(), [format!("import-{backup}.{number}")]);
            further.open();
            let ended = scene.shop.ended(backup).await;
            scene.shop.idle().await;
            next.stop().await;
            assert_eq!((ended.status, ended.error.as_deref()), (BackupStatus::Verified, None));
            assert_eq!(scene.lying_about(), [] as [String; 0]);
        })
        .await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_left_of_an_import_that_is_over_is_swept_up() {
    on_every_engine(async |scene| {
        let (packed, _) = scene.ours().await;
        let over = scene.import(&packed, scene.wish()).await.id;
        let under_way = scene.backup(scene.tenant);
        scene.shop.write(async |tx| backups::insert(tx, &under_way).await).await;
        let temp = scene.shop.context.store.data_dir().temp();
        let needed = format!("import-{}.1", under_way.id);
        for name in [format!("import-{over}"), format!("import-{over}.1"), needed.clone()] {
            fs::create_dir(temp.join(name)).unwrap();
        }
        let worker = scene.shop.start(calm());
        until("what is over is gone", async || scene.lying_about() == [needed.clone()]).await;
        worker.stop().await;
    })
    .await;
}
