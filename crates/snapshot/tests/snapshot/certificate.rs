//! A certificate is checked against the file alone.

use chiliview_snapshot::certificate::{self, SigningKey, Statement};
use chiliview_snapshot::{Check, Damage, Depth, Error, Identities, Watch};
use chrono::DateTime;

use crate::common::{self, Fixture};

/// A snapshot, and what its certificate states.
async fn certified(fixture: &Fixture) -> Statement {
    let _live = fixture.live(500).await;
    let written = fixture.written().await.unwrap();
    let proof = fixture.prove_with(&written.manifest, Depth::Quick, &written.proof_key).await;
    let proof = if written.proof_key.is_empty() { fixture.prove(&written.manifest, Depth::Quick).await } else { proof };
    let proof = proof.unwrap();
    let at = DateTime::from_timestamp_micros(1_790_000_001_000_000).unwrap();
    let statement = Statement {
        format: Statement::FORMAT,
        issuer: "a test".into(),
        issued_at: at,
        verified_at: at,
        depth: proof.depth,
        checks: proof.checks,
        manifest: written.manifest,
    };
    let key = SigningKey::from_seed([3; 32]);
    let text = certificate::issue(&key, &statement).unwrap();
    certificate::verify(&text, Some(&key.public())).unwrap().statement
}

async fn check(
    fixture: &Fixture,
    statement: &Statement,
    identities: &Identities,
) -> Result<(Depth, Vec<Check>), Error> {
    certificate::check_file(statement, &fixture.artefact(), identities, &fixture.scratch(), &Watch::unobserved()).await
}

#[tokio::test]
async fn the_certified_file_is_recognised() {
    let fixture = Fixture::new().await;
    let statement = certified(&fixture).await;
    let (depth, checks) = check(&fixture, &statement, &Identities::none()).await.unwrap();
    assert_eq!((depth, checks.last()), (Depth::Quick, Some(&Check::Rows)));
    assert!(fixture.scratch_is_empty());
}

#[tokio::test]
async fn an_encrypted_file_is_recognised_with_and_without_its_key() {
    let fixture = Fixture::sealed().await;
    let statement = certified(&fixture).await;
    let without = check(&fixture, &statement, &Identities::none()).await.unwrap();
    assert_eq!(without, (Depth::Stored, vec![Check::Stored, Check::Envelope]));
    let (depth, checks) = check(&fixture, &statement, &fixture.identities).await.unwrap();
    assert!(depth == Depth::Quick && checks.contains(&Check::Decrypted) && checks.contains(&Check::Rows));
    let wrong = check(&fixture, &statement, &common::key().1).await;
    assert!(matches!(wrong, Err(Error::NoIdentity { .. })), "{wrong:?}");
}

#[tokio::test]
async fn another_file_or_a_changed_one_is_not() {
    for fixture in [Fixture::new().await, Fixture::sealed().await] {
        let statement = certified(&fixture).await;
        let mut stored = std::fs::read(fixture.artefact()).unwrap();
        *stored.last_mut().unwrap() ^= 1;
        std::fs::write(fixture.artefact(), &stored).unwrap();
        let outcome = check(&fixture, &statement, &Identities::none()).await;
        assert!(matches!(outcome, Err(Error::Damaged(Damage::StoredDigest { .. }))), "{outcome:?}");
        std::fs::write(fixture.artefact(), "another").unwrap();
        let outcome = check(&fixture, &statement, &Identities::none()).await;
        assert!(matches!(outcome, Err(Error::Damaged(Damage::StoredSize { .. }))), "{outcome:?}");
        std::fs::remove_file(fixture.artefact()).unwrap();
        assert!(matches!(check(&fixture, &statement, &Identities::none()).await, Err(Error::Io { .. })));
    }
}
