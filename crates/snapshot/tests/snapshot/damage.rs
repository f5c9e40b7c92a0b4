//! Damage of every kind is refused, with its reason, and leaves nothing in the scratch directory.

use std::io::Write as _;

use chiliview_snapshot::{Check, Damage, Depth, Digest, Engine, Error, Identities, Manifest, Owner, Watch, prove};
use chiliview_store::transfer::digests_of_file;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::common::{Fixture, connect};

/// A proven snapshot of a small database.
async fn published() -> (Fixture, Manifest) {
    published_in(Fixture::new().await).await
}

async fn published_in(fixture: Fixture) -> (Fixture, Manifest) {
    let _live = fixture.live(500).await;
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    (fixture, manifest)
}

async fn refusal(fixture: &Fixture, expected: &Manifest) -> Damage {
    let outcome = fixture.prove(expected, Depth::Full).await;
    assert!(fixture.scratch_is_empty());
    match outcome {
        Err(Error::Damaged(damage)) => damage,
        other => panic!("no damage: {other:?}"),
    }
}

fn frame(plain: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.set_pledged_src_size(Some(plain.len() as u64)).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn every_flipped_bit_is_refused() {
    every_flipped_bit_is_refused_in(Fixture::new().await).await;
}

#[tokio::test]
async fn every_flipped_bit_of_an_encrypted_snapshot_is_refused() {
    every_flipped_bit_is_refused_in(Fixture::sealed().await).await;
}

async fn every_flipped_bit_is_refused_in(fixture: Fixture) {
    let (fixture, manifest) = published_in(fixture).await;
    let seed = std::env::var("CHILIVIEW_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stored = std::fs::read(fixture.artefact()).unwrap();
    for _ in 0..300 {
        let mut damaged = stored.clone();
        let bit = random.random_range(0..stored.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(fixture.artefact(), &damaged).unwrap();
        assert!(matches!(refusal(&fixture, &manifest).await, Damage::StoredDigest { .. }), "bit {bit}");
        let unread = fixture.prove_with(&manifest, Depth::Stored, &Identities::none()).await;
        assert!(matches!(unread, Err(Error::Damaged(Damage::StoredDigest { .. }))), "bit {bit}: {unread:?}");
    }
}

/// The digests of the manifest are no help where the manifest was forged, or wrong from the start.
#[tokio::test]
async fn flipped_bits_are_refused_even_when_the_stored_digest_agrees() {
    let (fixture, manifest) = published().await;
    let seed = std::env::var("CHILIVIEW_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stored = std::fs::read(fixture.artefact()).unwrap();
    for _ in 0..100 {
        let mut damaged = stored.clone();
        let bit = random.random_range(0..stored.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        let forged = fixture.plant(&manifest, &damaged);
        let outcome = fixture.prove(&forged, Depth::Full).await;
        // A few bits say nothing, such as two of the frame header (RFC 8878, section 3.1.1.1.1); the content is whole then.
        let whole = zstd::decode_all(&*damaged).is_ok_and(|plain| Digest::of(&plain) == manifest.plain_sha256);
        assert!(matches!(outcome, Err(Error::Damaged(_))) || whole, "bit {bit}: {outcome:?}");
    }
}

/// The bits of an age file are all authenticated. In the header's stanza for our key a flipped one means another key.
#[tokio::test]
async fn flipped_bits_of_an_encrypted_snapshot_are_refused_even_when_the_stored_digest_agrees() {
    let (fixture, manifest) = published_in(Fixture::sealed().await).await;
    let seed = std::env::var("CHILIVIEW_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let stored = std::fs::read(fixture.artefact()).unwrap();
    let header = stored.windows(5).position(|window| window == b"\n--- ").unwrap();
    for round in 0..200 {
        let mut damaged = stored.clone();
        let bytes = if round % 2 == 0 { 0..header + 60 } else { 0..stored.len() };
        let bit = random.random_range(bytes.start * 8..bytes.end * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        let forged = fixture.plant(&manifest, &damaged);
        match fixture.prove(&forged, Depth::Full).await {
            Err(Error::Damaged(_)) => {}
            Err(Error::NoIdentity { .. }) if bit / 8 <= header => {}
            other => panic!("bit {bit}: {other:?}"),
        }
        assert!(fixture.scratch_is_empty());
    }
}

#[tokio::test]
async fn an_encrypted_snapshot_that_is_cut_or_lengthened_is_refused() {
    let (fixture, manifest) = published_in(Fixture::sealed().await).await;
    let stored = std::fs::read(fixture.artefact()).unwrap();
    for kept in [0, 1, 22, 100, 16 << 10, stored.len() / 2, stored.len() - 17, stored.len() - 16, stored.len() - 1] {
        let forged = fixture.plant(&manifest, &stored[..kept]);
        let damage = refusal(&fixture, &forged).await;
        assert!(
            matches!(damage, Damage::NotEncrypted | Damage::Envelope(_) | Damage::Undecryptable(_)),
            "{kept}: {damage:?}"
        );
    }
    for extra in [vec![0], stored.clone(), vec![7; 1 << 20]] {
        let forged = fixture.plant(&manifest, &[stored.clone(), extra].concat());
        assert!(matches!(refusal(&fixture, &forged).await, Damage::Undecryptable(_)));
    }
}

/// Somebody may encrypt anything for a public key.
#[tokio::test]
async fn what_is_encrypted_for_us_and_is_no_snapshot_is_refused() {
    let (fixture, manifest) = published_in(Fixture::sealed().await).await;
    let recipient: age::x25519::Recipient = fixture.recipients.iter().next().unwrap().parse().unwrap();
    let encrypted = |plain: &[u8]| age::encrypt(&recipient, plain).unwrap();
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..2048).for_each(|_| bomb.write_all(&zeros).unwrap());
    for plain in [b"".to_vec(), b"SQLite format 3\0".to_vec(), vec![b'-'; 64 << 10]] {
        let forged = fixture.plant(&manifest, &encrypted(&plain));
        assert_eq!(refusal(&fixture, &forged).await, Damage::NotZstd);
    }
    for plain in [frame(&vec![0; 64 << 20]), bomb.finish().unwrap()] {
        let forged = fixture.plant(&manifest, &encrypted(&plain));
        assert!(matches!(refusal(&fixture, &forged).await, Damage::PlainSize { .. }));
    }
    for bare in [frame(b"not encrypted at all"), b"age-encryption.org/v1\n-> X25519 ".repeat(10_000)] {
        let forged = fixture.plant(&manifest, &bare);
        assert!(matches!(refusal(&fixture, &forged).await, Damage::NotEncrypted | Damage::Envelope(_)));
    }
}

#[tokio::test]
async fn every_truncation_is_refused() {
    let (fixture, manifest) = published().await;
    let stored = std::fs::read(fixture.artefact()).unwrap();
    for kept in [0, 1, 4, 100, stored.len() / 2, stored.len() - 1] {
        std::fs::write(fixture.artefact(), &stored[..kept]).unwrap();
        let expected = Damage::StoredSize { expected: manifest.stored_bytes, found: kept as u64 };
        assert_eq!(refusal(&fixture, &manifest).await, expected);
        let forged = fixture.plant(&manifest, &stored[..kept]);
        let damage = refusal(&fixture, &forged).await;
        assert!(matches!(damage, Damage::NotZstd | Damage::Undecodable(_) | Damage::Truncated), "{kept}: {damage:?}");
        fixture.rewrite(&manifest);
    }
}

#[tokio::test]
async fn a_second_frame_and_trailing_bytes_are_refused() {
    let (fixture, manifest) = published().await;
    let stored = std::fs::read(fixture.artefact()).unwrap();
    for extra in [stored.clone(), vec![0], frame(b""), vec![0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]] {
        let forged = fixture.plant(&manifest, &[stored.clone(), extra].concat());
        assert_eq!(refusal(&fixture, &forged).await, Damage::Trailing);
    }
}

#[tokio::test]
async fn what_is_not_zstd_is_refused() {
    let (fixture, manifest) = published().await;
    let skippable = [vec![0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], std::fs::read(fixture.artefact()).unwrap()].concat();
    for other in [b"SQLite format 3\0 and so on".to_vec(), vec![0x1f, 0x8b, 8, 0], skippable] {
        let forged = fixture.plant(&manifest, &other);
        assert_eq!(refusal(&fixture, &forged).await, Damage::NotZstd);
    }
}

#[tokio::test]
async fn a_bomb_is_stopped_at_the_manifests_size() {
    let (fixture, manifest) = published().await;
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..2048).for_each(|_| encoder.write_all(&zeros).unwrap());
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 256 << 10, "{}", bomb.len());
    let forged = fixture.plant(&manifest, &bomb);
    let damage = refusal(&fixture, &forged).await;
    let Damage::PlainSize { expected, found } = damage else { panic!("{damage:?}") };
    assert!(expected == manifest.plain_bytes && found <= expected + (256 << 10), "{found}");
}

#[tokio::test]
async fn a_frame_that_announces_another_length_is_refused_before_decoding() {
    let (fixture, manifest) = published().await;
    let forged = fixture.plant(&manifest, &frame(&vec![0; 64 << 20]));
    let expected = Damage::PlainSize { expected: manifest.plain_bytes, found: 64 << 20 };
    assert_eq!(refusal(&fixture, &forged).await, expected);
}

#[tokio::test]
async fn a_database_that_no_disk_has_room_for_is_refused_unread() {
    let (fixture, manifest) = published().await;
    let huge = Manifest { plain_bytes: 1 << 60, ..manifest.clone() };
    fixture.rewrite(&huge);
    let outcome = fixture.prove(&huge, Depth::Quick).await;
    assert!(matches!(outcome, Err(Error::NoSpace { .. })), "{outcome:?}");
    assert!(fixture.scratch_is_empty());
}

#[tokio::test]
async fn a_window_that_wants_too_much_memory_is_refused() {
    let (fixture, manifest) = published().await;
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&vec![7; 4096]).unwrap();
    let forged = fixture.plant(&manifest, &encoder.finish().unwrap());
    assert!(matches!(refusal(&fixture, &forged).await, Damage::WindowTooLarge { .. }));
}

#[tokio::test]
async fn another_tenants_snapshot_is_refused() {
    let (fixture, manifest) = published().await;
    let stranger =
        Manifest { owner: Owner::Tenant { id: Uuid::from_u128(99), slug: "acme".into() }, ..manifest.clone() };
    fixture.rewrite(&stranger);
    assert_eq!(refusal(&fixture, &manifest).await, Damage::Foreign);
    assert_eq!(refusal(&fixture, &stranger).await, Damage::Foreign);
}

#[tokio::test]
async fn another_backups_file_under_this_name_is_refused() {
    let (fixture, manifest) = published().await;
    let (other, _) = published().await;
    std::fs::copy(other.artefact(), fixture.artefact()).unwrap();
    let damage = refusal(&fixture, &manifest).await;
    assert!(matches!(damage, Damage::StoredSize { .. } | Damage::StoredDigest { .. }), "{damage:?}");
}

#[tokio::test]
async fn a_manifest_that_is_gone_garbled_or_exchanged_is_refused() {
    let (fixture, manifest) = published().await;
    fixture.rewrite(&Manifest { schema_version: 1, ..manifest.clone() });
    assert_eq!(refusal(&fixture, &manifest).await, Damage::ManifestDiffers { field: "schema_version" });
    std::fs::write(fixture.manifest(), "{}").unwrap();
    assert!(matches!(refusal(&fixture, &manifest).await, Damage::ManifestUnreadable(_)));
    std::fs::write(fixture.manifest(), vec![b' '; 2 << 20]).unwrap();
    assert!(matches!(refusal(&fixture, &manifest).await, Damage::ManifestUnreadable(_)));
    std::fs::remove_file(fixture.manifest()).unwrap();
    assert_eq!(refusal(&fixture, &manifest).await, Damage::ManifestMissing);
}

#[tokio::test]
async fn a_missing_artefact_is_named() {
    let (fixture, manifest) = published().await;
    std::fs::remove_file(fixture.artefact()).unwrap();
    assert_eq!(refusal(&fixture, &manifest).await, Damage::ArtefactMissing);
}

#[tokio::test]
async fn contents_that_contradict_the_manifest_are_refused() {
    let (fixture, manifest) = published().await;
    let mut wrong = manifest.clone();
    wrong.rows.insert("accounts".into(), 99);
    fixture.rewrite(&wrong);
    assert_eq!(refusal(&fixture, &wrong).await, Damage::Rows { table: "accounts".into(), expected: 99, found: 100 });
    wrong.rows.remove("accounts");
    fixture.rewrite(&wrong);
    assert_eq!(refusal(&fixture, &wrong).await, Damage::Tables("accounts".into()));
    wrong = Manifest { schema_version: 5, ..manifest.clone() };
    fixture.rewrite(&wrong);
    assert_eq!(refusal(&fixture, &wrong).await, Damage::SchemaVersion { expected: 5, found: 20_260_302 });
    wrong = Manifest { page_size: 512, ..manifest.clone() };
    fixture.rewrite(&wrong);
    assert!(matches!(refusal(&fixture, &wrong).await, Damage::Header { .. }));
}

/// Has artefact and manifest agree on a database that is wrong in itself.
fn plant_database(fixture: &Fixture, manifest: &Manifest, plain: &[u8]) -> Manifest {
    let claimed = Manifest { plain_bytes: plain.len() as u64, plain_sha256: Digest::of(plain), ..manifest.clone() };
    fixture.plant(&claimed, &frame(plain))
}

#[tokio::test]
async fn a_database_that_is_wrong_in_itself_is_refused() {
    let (fixture, manifest) = published().await;
    let plain = zstd::decode_all(std::fs::File::open(fixture.artefact()).unwrap()).unwrap();
    let noise = plant_database(&fixture, &manifest, &vec![42; plain.len()]);
    assert!(matches!(refusal(&fixture, &noise).await, Damage::NotADatabase(_)));
    let mut torn = plain.clone();
    torn[4096 * 3..4096 * 4].fill(0xa5);
    let torn = plant_database(&fixture, &manifest, &torn);
    let damage = refusal(&fixture, &torn).await;
    assert!(matches!(damage, Damage::Integrity { .. } | Damage::NotADatabase(_)), "{damage:?}");
}

/// Of what was read from PostgreSQL, the manifest tells each table's digest: nothing else would notice.
#[tokio::test]
async fn one_value_that_is_not_what_was_read_is_refused_at_each_depth() {
    let (fixture, manifest) = published().await;
    let file = fixture.dir.path().join("unpacked.db");
    std::fs::write(&file, zstd::decode_all(std::fs::File::open(fixture.artefact()).unwrap()).unwrap()).unwrap();
    let mut unpacked = connect(&file).await;
    let digests = digests_of_file(&mut unpacked).await.unwrap();
    let hex = |bytes: [u8; 32]| bytes.map(|byte| format!("{byte:02x}")).concat();
    let tables = digests.into_iter().map(|(name, digest)| (name, hex(digest.sha256).parse().unwrap())).collect();
    let told = Manifest { format: 3, engine: Engine::Postgres, tables: Some(tables), ..manifest };
    fixture.rewrite(&told);
    for depth in [Depth::Quick, Depth::Full] {
        let proof = fixture.prove(&told, depth).await.unwrap();
        assert!(proof.checks.contains(&Check::Tables), "{:?}", proof.checks);
    }
    let change = "PRAGMA journal_mode = DELETE; UPDATE accounts SET balance = balance + 1 WHERE id = 7";
    sqlx::raw_sql(change).execute(&mut unpacked).await.unwrap();
    unpacked.close().await.unwrap();
    let changed = plant_database(&fixture, &told, &std::fs::read(&file).unwrap());
    for depth in [Depth::Quick, Depth::Full] {
        let refused = fixture.prove(&changed, depth).await.unwrap_err();
        let Error::Damaged(damage) = refused else { panic!("{refused:?}") };
        assert_eq!(damage, Damage::TableDigest("accounts".into()));
    }
}

#[tokio::test]
async fn rows_that_refer_to_nothing_are_refused_by_the_full_proof() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live(10).await;
    let delete = "PRAGMA foreign_keys = OFF; DELETE FROM accounts WHERE id = 2";
    sqlx::raw_sql(delete).execute(&mut live).await.unwrap();
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Quick).await.unwrap();
    let expected = Damage::ForeignKey { table: "odd \" name".into(), parent: "accounts".into() };
    assert_eq!(refusal(&fixture, &manifest).await, expected);
}

#[tokio::test]
async fn unpacking_damage_makes_no_file() {
    let (fixture, manifest) = published().await;
    let mut stored = std::fs::read(fixture.artefact()).unwrap();
    *stored.last_mut().unwrap() ^= 1;
    std::fs::write(fixture.artefact(), &stored).unwrap();
    let out = fixture.scratch().join("out.db");
    let outcome = chiliview_snapshot::unpack(
        &fixture.shelf,
        &fixture.key(),
        &manifest,
        &Identities::none(),
        &out,
        &Watch::unobserved(),
    )
    .await;
    assert!(matches!(outcome, Err(Error::Damaged(Damage::StoredDigest { .. }))), "{outcome:?}");
    assert!(fixture.scratch_is_empty());
    let strange = prove(
        &fixture.shelf,
        &fixture.key(),
        &manifest,
        Depth::Quick,
        &Identities::none(),
        &fixture.scratch(),
        &Watch::unobserved(),
    )
    .await;
    assert!(strange.is_err());
}
