//! Encrypted snapshots: who can open them, what can be said without a key, and that the first proof needs none.

use age::secrecy::ExposeSecret as _;
use chiliview_snapshot::{Check, Depth, Entry, Error, Identities, Recipients, Watch, unpack};

use crate::common::{self, Fixture};

const OF_THE_CONTENT: [Check; 9] = [
    Check::Manifest,
    Check::Stored,
    Check::Decrypted,
    Check::Frame,
    Check::Plain,
    Check::Header,
    Check::QuickCheck,
    Check::SchemaVersion,
    Check::Rows,
];

#[tokio::test]
async fn a_server_without_any_key_proves_what_it_has_just_written() {
    let fixture = Fixture::sealed().await;
    let _live = fixture.live(20_000).await;
    let written = fixture.written().await.unwrap();
    let proof = fixture.prove_with(&written.manifest, Depth::Quick, &written.proof_key).await.unwrap();
    assert_eq!(proof.checks, OF_THE_CONTENT);
    assert!(proof.key.is_sealed());
    let named: Vec<_> = written.manifest.recipients().iter().collect();
    assert_eq!(named, fixture.recipients.iter().collect::<Vec<_>>());
    assert!(!named.contains(&written.proof_key.recipients().next().unwrap()), "nobody is told to look for that key");
}

#[tokio::test]
async fn each_recipient_opens_the_same_database() {
    let mut fixture = Fixture::sealed().await;
    let (second, second_key) = common::key();
    fixture.recipients = Recipients::of(fixture.recipients.iter().chain([second])).unwrap();
    let mut live = fixture.live(20_000).await;
    common::checkpoint(&mut live).await;
    let manifest = fixture.write().await.unwrap();
    for (n, identities) in [&fixture.identities, &second_key].into_iter().enumerate() {
        fixture.prove_with(&manifest, Depth::Full, identities).await.unwrap();
        let out = fixture.dir.path().join(format!("out{n}.db"));
        unpack(&fixture.shelf, &fixture.key(), &manifest, identities, &out, &Watch::unobserved()).await.unwrap();
        assert!(std::fs::read(&out).unwrap() == std::fs::read(fixture.database()).unwrap());
    }
}

#[tokio::test]
async fn the_file_is_what_age_and_zstd_make_of_the_database() {
    let identity = age::x25519::Identity::generate();
    let mut fixture = Fixture::sealed().await;
    fixture.recipients = Recipients::parse(&identity.to_public().to_string()).unwrap();
    let mut live = fixture.live(3000).await;
    common::checkpoint(&mut live).await;
    fixture.write().await.unwrap();
    assert!(fixture.artefact().to_string_lossy().ends_with(".db.zst.age"));
    let stored = std::fs::read(fixture.artefact()).unwrap();
    let compressed = age::decrypt(&identity, &stored).unwrap();
    assert!(zstd::decode_all(compressed.as_slice()).unwrap() == std::fs::read(fixture.database()).unwrap());
    assert!(!stored.windows(6).any(|window| window == b"SQLite"));
}

#[tokio::test]
async fn without_the_key_the_stored_bytes_are_proven_and_the_recipients_named() {
    let fixture = Fixture::sealed().await;
    let _live = fixture.live(2000).await;
    let manifest = fixture.write().await.unwrap();
    let (other, wrong) = common::key();
    let recipients: Vec<_> = fixture.recipients.iter().collect();
    for (identities, tried) in [(Identities::none(), vec![]), (wrong, vec![other])] {
        let proof = fixture.prove_with(&manifest, Depth::Stored, &identities).await.unwrap();
        assert_eq!(proof.checks, [Check::Manifest, Check::Stored, Check::Envelope]);
        assert_eq!(proof.checks, Depth::Stored.checks(&manifest));
        assert_eq!(proof.depth, Depth::Stored);
        for depth in [Depth::Quick, Depth::Full] {
            let refused = fixture.prove_with(&manifest, depth, &identities).await.unwrap_err();
            let words = refused.to_string();
            assert!(words.contains(&recipients[0]) && tried.iter().all(|key| words.contains(key)), "{words}");
            assert!(matches!(refused, Error::NoIdentity { recipients: named, tried: named_too }
                    if named == recipients && named_too == tried));
        }
        let out = fixture.dir.path().join("out.db");
        let refused = unpack(&fixture.shelf, &fixture.key(), &manifest, &identities, &out, &Watch::unobserved()).await;
        assert!(matches!(refused, Err(Error::NoIdentity { .. })) && !out.exists());
        assert!(fixture.scratch_is_empty());
    }
}

#[tokio::test]
async fn a_rotated_key_opens_what_it_was_made_for_as_long_as_it_is_kept() {
    let mut fixture = Fixture::sealed().await;
    let _live = fixture.live(100).await;
    let manifest = fixture.write().await.unwrap();
    let (_, new) = common::key();
    fixture.prove_with(&manifest, Depth::Full, &new.and(&fixture.identities)).await.unwrap();
    fixture.identities = new;
    assert!(matches!(fixture.prove(&manifest, Depth::Full).await, Err(Error::NoIdentity { .. })));
}

#[tokio::test]
async fn a_snapshot_that_is_not_encrypted_is_proven_at_every_depth_without_a_key() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    let written = fixture.written().await.unwrap();
    assert!(written.proof_key.is_empty() && written.manifest.format == 1);
    let proof = fixture.prove(&written.manifest, Depth::Stored).await.unwrap();
    assert_eq!(proof.checks, [Check::Manifest, Check::Stored]);
    assert_eq!(proof.checks, Depth::Stored.checks(&written.manifest));
    fixture.prove_with(&written.manifest, Depth::Quick, &common::key().1).await.unwrap();
}

#[tokio::test]
async fn the_manifest_of_an_encrypted_snapshot_is_read_and_says_so() {
    let fixture = Fixture::sealed().await;
    let _live = fixture.live(10).await;
    let manifest = fixture.write().await.unwrap();
    assert_eq!((manifest.format, manifest.key(1)), (2, fixture.key()));
    assert_eq!(fixture.shelf.manifest(&fixture.key().plain()).await.unwrap(), manifest);
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(fixture.manifest()).unwrap()).unwrap();
    let recipients: Vec<_> = fixture.recipients.iter().collect();
    assert_eq!(json["encryption"], serde_json::json!({"scheme": "age", "recipients": recipients}));
}

#[tokio::test]
async fn an_encrypted_snapshot_is_listed_and_removed_by_either_name() {
    let fixture = Fixture::sealed().await;
    let _live = fixture.live(10).await;
    let (shelf, sealed) = (&fixture.shelf, fixture.key());
    for key in [sealed, sealed.plain()] {
        let manifest = fixture.write().await.unwrap();
        let mut list = shelf.list();
        let mut names = Vec::new();
        while let Some(entry) = list.recv().await {
            match entry.unwrap() {
                Entry::Artefact { key, .. } => names.push(key),
                Entry::Manifest { key, .. } => assert_eq!(key, sealed.plain()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(names, [sealed]);
        fixture.prove(&manifest, Depth::Full).await.unwrap();
        assert!(shelf.remove(&key).await.unwrap());
        assert!(matches!(fixture.prove(&manifest, Depth::Stored).await, Err(Error::Damaged(_))));
        assert!(fixture.files().is_empty());
    }
}

/// A crash may have left the artefact of an attempt that did not encrypt yet.
#[tokio::test]
async fn no_plain_artefact_stays_beside_an_encrypted_one() {
    let mut fixture = Fixture::new().await;
    let _live = fixture.live(10).await;
    fixture.write().await.unwrap();
    std::fs::remove_file(fixture.manifest()).unwrap();
    let (recipient, identities) = common::key();
    fixture.recipients = Recipients::parse(&recipient).unwrap();
    let manifest = fixture.write().await.unwrap();
    fixture.prove_with(&manifest, Depth::Full, &identities).await.unwrap();
    assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
}

#[tokio::test]
async fn as_many_recipients_as_there_may_be_fit() {
    let mut fixture = Fixture::sealed().await;
    let many: Vec<_> = (1..Recipients::MAX).map(|_| common::key().0).chain(fixture.recipients.iter()).collect();
    fixture.recipients = Recipients::of(many).unwrap();
    let _live = fixture.live(10).await;
    let written = fixture.written().await.unwrap();
    fixture.prove(&written.manifest, Depth::Full).await.unwrap();
    fixture.prove_with(&written.manifest, Depth::Full, &written.proof_key).await.unwrap();
}

#[tokio::test]
async fn no_secret_is_in_any_words() {
    let identity = age::x25519::Identity::generate();
    let secret = identity.to_string();
    let identities = Identities::parse(secret.expose_secret()).unwrap();
    let fixture = Fixture::sealed().await;
    let _live = fixture.live(10).await;
    let written = fixture.written().await.unwrap();
    let refused = fixture.prove_with(&written.manifest, Depth::Quick, &identities).await.unwrap_err();
    for words in [format!("{refused}"), format!("{refused:?}"), format!("{written:?}"), format!("{identities:?}")] {
        assert!(!words.to_uppercase().contains("SECRET-KEY"), "{words}");
    }
}
