//! Uploaded files: ours become databases again in each of their forms, and everything else is refused and leaves nothing.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use chiliview_snapshot::{
    Adopted, Adoption, Damage, Digest, Error, Identities, Refusal, Schema, Uploaded, Watch, adopt, schema_of,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::{AssertSqlSafe, Connection as _};

use crate::common::{self, Fixture, TENANT};
use crate::pieces::uploaded;

const LIMIT: u64 = 64 << 20;

/// A tenant's database that is closed, a place for uploads, and the schema that is accepted.
struct Desk {
    fixture: Fixture,
    accepted: Vec<Schema>,
}

impl Desk {
    async fn new() -> Self {
        let fixture = Fixture::sealed().await;
        let mut live = fixture.live(300).await;
        let settings = format!(
            "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (length(value) < 100)) STRICT;
             INSERT INTO settings VALUES ('tenant_id', '{TENANT}')"
        );
        sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut live).await.unwrap();
        live.close().await.unwrap();
        let accepted = vec![schema_of(&fixture.database()).await.unwrap()];
        Self { fixture, accepted }
    }

    fn plain(&self) -> Vec<u8> {
        std::fs::read(self.fixture.database()).unwrap()
    }

    fn to(&self) -> PathBuf {
        self.fixture.scratch().join("adopted.db")
    }

    async fn adopt_with(&self, upload: &[u8], identities: Identities) -> Result<Adopted, Error> {
        self.adopt_uploaded(uploaded(&self.fixture.shelf, upload, None).await, identities).await
    }

    async fn adopt_uploaded(&self, upload: Uploaded, identities: Identities) -> Result<Adopted, Error> {
        let accepted = self.accepted.clone();
        let request = Adoption { upload, to: self.to(), max_plain_bytes: LIMIT, accepted, identities };
        let outcome = adopt(request, &Watch::unobserved()).await;
        if outcome.is_err() {
            assert!(self.fixture.scratch_is_empty(), "{outcome:?}");
        }
        outcome
    }

    async fn adopt(&self, upload: &[u8]) -> Result<Adopted, Error> {
        self.adopt_with(upload, self.fixture.identities.clone()).await
    }

    async fn refusal(&self, upload: &[u8]) -> Refusal {
        match self.adopt(upload).await {
            Err(Error::Refused(refusal)) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn damage(&self, upload: &[u8]) -> Damage {
        match self.adopt(upload).await {
            Err(Error::Damaged(damage)) => damage,
            other => panic!("no damage: {other:?}"),
        }
    }

    /// The database after `sql`, as a bare file.
    async fn after(&self, sql: &str) -> Vec<u8> {
        let copy = self.fixture.dir.path().join("copy.db");
        std::fs::copy(self.fixture.database(), &copy).unwrap();
        run(&copy, sql).await;
        std::fs::read(&copy).unwrap()
    }

    fn encrypted(&self, plain: &[u8]) -> Vec<u8> {
        let recipient: age::x25519::Recipient = self.fixture.recipients.iter().next().unwrap().parse().unwrap();
        age::encrypt(&recipient, plain).unwrap()
    }
}

async fn run(database: &Path, sql: &str) {
    let mut live = common::connect(database).await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut live).await.unwrap();
    live.close().await.unwrap();
}

fn frame(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 3).unwrap()
}

/// 2 GiB of zeros.
fn bomb(start: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 19).unwrap();
    encoder.write_all(start).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..2048).for_each(|_| encoder.write_all(&zeros).unwrap());
    encoder.finish().unwrap()
}

#[tokio::test]
async fn each_form_of_a_snapshot_becomes_the_same_database() {
    let desk = Desk::new().await;
    let plain = desk.plain();
    assert_eq!(plain[18..20], [2, 2], "it is in WAL mode");
    for upload in [plain.clone(), frame(&plain), desk.encrypted(&frame(&plain))] {
        let adopted = desk.adopt(&upload).await.unwrap();
        assert_eq!(adopted.path, desk.to());
        assert_eq!((adopted.schema_version, adopted.owner_in_file), (20_260_302, Some(TENANT)));
        assert_eq!((adopted.plain_bytes, adopted.plain_sha256), (plain.len() as u64, Digest::of(&plain)));
        assert_eq!((adopted.rows["accounts"], adopted.rows["odd \" name"]), (100, 300));
        assert!(std::fs::read(desk.to()).unwrap() == plain);
        assert_eq!(desk.fixture.scratch().read_dir().unwrap().count(), 1, "no -wal, no -shm, nothing temporary");
        std::fs::remove_file(desk.to()).unwrap();
    }
}

#[tokio::test]
async fn what_write_published_is_adopted() {
    let desk = Desk::new().await;
    let manifest = desk.fixture.write().await.unwrap();
    let adopted = desk.adopt(&std::fs::read(desk.fixture.artefact()).unwrap()).await.unwrap();
    assert_eq!((adopted.plain_sha256, adopted.rows), (manifest.plain_sha256, manifest.rows));
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let desk = Desk::new().await;
    desk.adopt(&desk.plain()).await.unwrap();
    let request = Adoption {
        upload: uploaded(&desk.fixture.shelf, &desk.plain(), None).await,
        to: desk.to(),
        max_plain_bytes: LIMIT,
        accepted: desk.accepted.clone(),
        identities: Identities::none(),
    };
    assert!(matches!(adopt(request, &Watch::unobserved()).await, Err(Error::Io { .. })));
}

#[tokio::test]
async fn what_is_no_snapshot_is_refused_at_first_sight() {
    let desk = Desk::new().await;
    let gzip = [0x1f, 0x8b, 8, 0].as_slice();
    for upload in [b"".as_slice(), b"S", b"Dear admin, attached you find", b"PK\x03\x04", gzip, b"\x28\xb5\x2f"] {
        assert_eq!(desk.refusal(upload).await, Refusal::Unknown);
    }
}

#[tokio::test]
async fn a_bomb_is_refused_early() {
    let desk = Desk::new().await;
    assert_eq!(desk.refusal(&bomb(b"")).await, Refusal::Unknown, "by its first bytes");
    let bomb = bomb(b"SQLite format 3\0");
    assert!(bomb.len() < 256 << 10, "{}", bomb.len());
    assert_eq!(desk.refusal(&bomb).await, Refusal::TooLarge { limit: LIMIT });
    assert_eq!(desk.refusal(&desk.encrypted(&bomb)).await, Refusal::TooLarge { limit: LIMIT });
    let mut honest = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    honest.set_pledged_src_size(Some(LIMIT + 1)).unwrap();
    honest.write_all(&vec![0; usize::try_from(LIMIT).unwrap() + 1]).unwrap();
    assert_eq!(desk.refusal(&honest.finish().unwrap()).await, Refusal::TooLarge { limit: LIMIT });
    let bare = [desk.plain(), vec![0; usize::try_from(LIMIT).unwrap()]].concat();
    assert_eq!(desk.refusal(&bare).await, Refusal::TooLarge { limit: LIMIT });
    let mut window = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    window.window_log(27).unwrap();
    window.write_all(&[7; 4096]).unwrap();
    assert!(matches!(desk.damage(&window.finish().unwrap()).await, Damage::WindowTooLarge { .. }));
}

#[tokio::test]
async fn a_database_that_no_disk_has_room_for_is_refused_unread() {
    let desk = Desk::new().await;
    let upload = uploaded(&desk.fixture.shelf, &bomb(b"SQLite format 3\0"), None).await;
    let (accepted, identities) = (desk.accepted.clone(), Identities::none());
    let request = Adoption { upload, to: desk.to(), max_plain_bytes: 1 << 60, accepted, identities };
    assert!(matches!(adopt(request, &Watch::unobserved()).await, Err(Error::NoSpace { .. })));
    assert!(desk.fixture.scratch_is_empty());
}

#[tokio::test]
async fn a_second_frame_and_trailing_bytes_are_refused() {
    let desk = Desk::new().await;
    let plain = desk.plain();
    for extra in [vec![0], frame(b""), frame(&plain), vec![0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]] {
        let longer = [frame(&plain), extra].concat();
        assert_eq!(desk.damage(&longer).await, Damage::Trailing);
        assert_eq!(desk.damage(&desk.encrypted(&longer)).await, Damage::Trailing);
    }
    let longer = [desk.encrypted(&frame(&plain)), vec![0]].concat();
    assert!(matches!(desk.damage(&longer).await, Damage::Undecryptable(_)));
    let longer = [plain.clone(), vec![0; 4096]].concat();
    let expected = Damage::PlainSize { expected: plain.len() as u64, found: longer.len() as u64 };
    assert_eq!(desk.damage(&longer).await, expected);
}

#[tokio::test]
async fn every_truncation_is_refused() {
    let desk = Desk::new().await;
    let plain = desk.plain();
    for upload in [plain.clone(), frame(&plain), desk.encrypted(&frame(&plain))] {
        for kept in [40, 100, 4096, upload.len() / 2, upload.len() - 1] {
            let outcome = desk.adopt(&upload[..kept.min(upload.len() - 1)]).await;
            assert!(matches!(outcome, Err(Error::Damaged(_))), "{kept}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_key_that_is_not_here_is_told_from_a_passphrase() {
    let desk = Desk::new().await;
    let upload = desk.encrypted(&frame(&desk.plain()));
    for identities in [Identities::none(), common::key().1] {
        let outcome = desk.adopt_with(&upload, identities).await;
        assert!(matches!(outcome, Err(Error::NoIdentity { .. })), "{outcome:?}");
    }
    let mut scrypt = age::scrypt::Recipient::new("secret".to_owned().into());
    scrypt.set_work_factor(2);
    assert_eq!(desk.refusal(&age::encrypt(&scrypt, b"x").unwrap()).await, Refusal::Passphrase);
    assert_eq!(desk.damage(&desk.encrypted(&desk.plain())).await, Damage::NotZstd);
}

#[tokio::test]
async fn any_other_schema_is_refused_with_the_difference() {
    let desk = Desk::new().await;
    let altered = "PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, '< 100', '< 100 OR 1') WHERE name = 'settings'";
    let trigger = "CREATE TRIGGER t AFTER INSERT ON accounts BEGIN DELETE FROM settings; END";
    for (sql, named) in [
        (trigger, "trigger \"t\""),
        ("CREATE VIEW v AS SELECT 1", "view \"v\""),
        ("CREATE INDEX i ON accounts (balance)", "index \"i\""),
        ("CREATE TABLE extra (x)", "table \"extra\""),
        ("DROP TABLE settings", "table \"settings\" is missing"),
        ("ALTER TABLE accounts ADD COLUMN more TEXT", "table \"accounts\""),
        (altered, "table \"settings\""),
    ] {
        match desk.refusal(&desk.after(sql).await).await {
            Refusal::Schema(difference) => assert!(difference.contains(named), "{sql}: {difference}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn another_programs_database_is_refused() {
    let desk = Desk::new().await;
    let path = desk.fixture.dir.path().join("theirs.db");
    run(&path, "CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')").await;
    assert!(matches!(desk.refusal(&std::fs::read(&path).unwrap()).await, Refusal::Schema(_)));
}

#[tokio::test]
async fn a_name_that_a_stranger_chose_is_repeated_only_in_part() {
    let desk = Desk::new().await;
    let upload = desk.after(&format!("CREATE TABLE \"{}\" (x)", "\u{1b}[2J".repeat(5000))).await;
    let words = desk.refusal(&upload).await.to_string();
    assert!(words.len() < 600 && !words.contains('\u{1b}'), "{words}");
}

#[tokio::test]
async fn statistics_of_sqlite_are_no_difference() {
    let desk = Desk::new().await;
    let adopted = desk.adopt(&desk.after("ANALYZE").await).await.unwrap();
    assert_eq!(adopted.rows["accounts"], 100);
}

#[tokio::test]
async fn contents_that_contradict_the_schema_are_refused() {
    let desk = Desk::new().await;
    let newer = desk.after("INSERT INTO _sqlx_migrations VALUES (99999999, 'from the future')").await;
    assert_eq!(desk.refusal(&newer).await, Refusal::Version { expected: 20_260_302, found: 99_999_999 });
    let nobody = desk.after("UPDATE settings SET value = 'acme'").await;
    assert_eq!(desk.refusal(&nobody).await, Refusal::Owner);
    let dangling = desk.after("PRAGMA foreign_keys = OFF; DELETE FROM accounts WHERE id = 2").await;
    assert!(matches!(desk.damage(&dangling).await, Damage::ForeignKey { .. }));
    let unchecked = "PRAGMA ignore_check_constraints = ON; UPDATE settings SET value = hex(zeroblob(400))";
    assert!(matches!(desk.damage(&desk.after(unchecked).await).await, Damage::Integrity { .. }));
    let unowned = desk.adopt(&desk.after("DELETE FROM settings").await).await.unwrap();
    assert_eq!(unowned.owner_in_file, None);
}

#[tokio::test]
async fn corrupted_pages_are_refused() {
    let desk = Desk::new().await;
    let plain = desk.plain();
    for page in 0..plain.len() / 4096 {
        let mut torn = plain.clone();
        // The file's own header is 100 bytes long.
        torn[(page * 4096).max(100)..(page + 1) * 4096].fill(0xa5);
        let outcome = desk.adopt(&torn).await;
        assert!(matches!(outcome, Err(Error::Damaged(_) | Error::Refused(_))), "page {page}: {outcome:?}");
    }
    let mut cyclic = plain.clone();
    // The first page becomes an interior one whose only child is itself.
    cyclic[100..112].copy_from_slice(&[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let outcome = desk.adopt(&cyclic).await;
    assert!(matches!(outcome, Err(Error::Damaged(_) | Error::Refused(_))), "{outcome:?}");
}

/// SQLite takes a database of a later version for read-only, and then checks less.
#[tokio::test]
async fn a_header_of_another_version_is_refused() {
    let desk = Desk::new().await;
    for versions in [[3, 1], [3, 2], [1, 3], [0, 0], [1, 2], [2, 1]] {
        let mut changed = desk.plain();
        changed[18..20].copy_from_slice(&versions);
        assert!(matches!(desk.damage(&changed).await, Damage::NotADatabase(_)), "{versions:?}");
    }
    let mut journal = desk.plain();
    journal[18..20].copy_from_slice(&[1, 1]);
    desk.adopt(&journal).await.unwrap();
    assert!(std::fs::read(desk.to()).unwrap() == journal);
}

/// A changed byte may be within some text and stay unnoticed, since a bare file has no checksum.
#[tokio::test]
async fn whatever_is_uploaded_is_adopted_or_refused_and_never_half_kept() {
    let desk = Desk::new().await;
    let seed = std::env::var("CHILIVIEW_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let plain = desk.plain();
    for _ in 0..200 {
        let mut changed = plain.clone();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..changed.len());
            changed[at] = random.random();
        }
        match desk.adopt(&changed).await {
            Ok(adopted) => std::fs::remove_file(adopted.path).unwrap(),
            Err(Error::Damaged(_) | Error::Refused(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_not_the_file_that_was_announced_is_refused_as_that() {
    let desk = Desk::new().await;
    let none = Identities::none;
    let plain = desk.plain();
    let (whole, packed) = (desk.encrypted(&frame(&plain)), frame(&plain));
    let announced = |file: &[u8]| Some(Digest::of(file));
    for (file, sha256) in [(&plain, announced(&packed)), (&packed[..100].to_vec(), announced(&packed))] {
        let outcome = desk.adopt_uploaded(uploaded(&desk.fixture.shelf, file, sha256).await, none()).await;
        let found = Digest::of(file);
        let told = Refusal::Digest { expected: sha256.unwrap(), found };
        assert!(matches!(&outcome, Err(Error::Refused(refusal)) if *refusal == told), "{outcome:?}");
    }
    let closed = desk.adopt_uploaded(uploaded(&desk.fixture.shelf, &whole, announced(&whole)).await, none()).await;
    assert!(matches!(closed, Err(Error::NoIdentity { .. })), "it is the file, and has another fault: {closed:?}");
    let upload = uploaded(&desk.fixture.shelf, &packed, announced(&packed)).await;
    desk.adopt_uploaded(upload, none()).await.unwrap();
}

#[tokio::test]
async fn a_piece_that_is_not_what_was_sent_is_refused_with_its_place() {
    let desk = Desk::new().await;
    let packed = frame(&desk.plain());
    let fresh = async || uploaded(&desk.fixture.shelf, &packed, Some(Digest::of(&packed))).await;
    let refusal = async |upload: Uploaded| match desk.adopt_uploaded(upload, Identities::none()).await {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    };
    let lies_at = |upload: &Uploaded, piece: usize| desk.fixture.root().join(upload.pieces[piece].key.to_string());
    let other = fresh().await;

    let upload = fresh().await;
    let at = upload.pieces[1].first_byte;
    let mut bytes = std::fs::read(lies_at(&upload, 1)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(lies_at(&upload, 1), bytes).unwrap();
    assert_eq!(refusal(upload).await, Refusal::PieceChanged { at });

    let upload = fresh().await;
    std::fs::copy(lies_at(&upload, 0), lies_at(&upload, 1)).unwrap();
    assert_eq!(refusal(upload).await, Refusal::PieceChanged { at }, "of another place");

    let upload = fresh().await;
    std::fs::copy(lies_at(&other, 1), lies_at(&upload, 1)).unwrap();
    assert_eq!(refusal(upload).await, Refusal::PieceChanged { at }, "of another upload");

    let upload = fresh().await;
    std::fs::write(lies_at(&upload, 0), vec![0; 20 << 20]).unwrap();
    assert_eq!(refusal(upload).await, Refusal::PieceChanged { at: 0 }, "far too long");

    let upload = fresh().await;
    std::fs::remove_file(lies_at(&upload, 1)).unwrap();
    assert_eq!(refusal(upload).await, Refusal::PieceMissing { at });

    for hole in [1, 2] {
        let mut upload = fresh().await;
        let at = upload.pieces.remove(hole).first_byte;
        assert_eq!(refusal(upload).await, Refusal::PieceMissing { at }, "of which the list knows nothing");
    }
}

#[tokio::test]
async fn a_cancelled_adoption_leaves_nothing() {
    let desk = Desk::new().await;
    let upload = uploaded(&desk.fixture.shelf, &desk.plain(), None).await;
    let (accepted, identities) = (desk.accepted.clone(), Identities::none());
    let request = Adoption { upload, to: desk.to(), max_plain_bytes: LIMIT, accepted, identities };
    let watch = Watch::unobserved();
    watch.cancel.cancel();
    assert!(matches!(adopt(request, &watch).await, Err(Error::Cancelled)));
    assert!(desk.fixture.scratch_is_empty());
}
