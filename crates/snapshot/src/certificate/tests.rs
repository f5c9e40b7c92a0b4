//! What was signed is read back, and nothing else is.

use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::digest::Digest;
use crate::manifest::{Algorithm, Compression, Engine, Owner};

fn key() -> SigningKey {
    SigningKey::from_seed([1; 32])
}

fn statement() -> Statement {
    let at = DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap();
    let manifest = Manifest {
        format: 1,
        backup: Uuid::from_u128(2),
        owner: Owner::Tenant { id: Uuid::from_u128(1), slug: "acme".into() },
        engine: Engine::Sqlite,
        schema_version: 3,
        taken_at: at,
        plain_bytes: 8192,
        stored_bytes: 100,
        plain_sha256: Digest::of(b"a"),
        stored_sha256: Digest::of(b"b"),
        compression: Compression { algorithm: Algorithm::Zstd, level: 3 },
        encryption: None,
        page_size: 4096,
        rows: BTreeMap::from([("users".into(), 7)]),
        tables: None,
        tool_version: "0.1.0".into(),
    };
    Statement {
        format: Statement::FORMAT,
        issuer: "installation 018f".into(),
        issued_at: at,
        verified_at: at,
        depth: Depth::Quick,
        checks: vec![Check::Manifest, Check::Stored],
        manifest,
    }
}

#[test]
fn a_certificate_reads_back_as_what_was_stated() {
    let text = issue(&key(), &statement()).unwrap();
    let expected = Certificate { statement: statement(), signer: key().public() };
    assert_eq!(verify(&text, Some(&key().public())).unwrap(), expected);
    assert_eq!(verify(&text, None).unwrap(), expected);
}

#[test]
fn another_key_is_not_believed() {
    let stranger = SigningKey::from_seed([2; 32]);
    let text = issue(&stranger, &statement()).unwrap();
    let refused = verify(&text, Some(&key().public()));
    assert!(matches!(refused, Err(CertificateError::Signer { found, .. }) if found == stranger.public().thumbprint()));
}

#[test]
fn anyone_with_a_jose_library_can_check_it() {
    let text = issue(&key(), &statement()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let part = |name: &str| json[name].as_str().unwrap().to_owned();
    let header: serde_json::Value = serde_json::from_slice(&BASE64URL.decode(part("protected")).unwrap()).unwrap();
    assert_eq!((header["alg"].as_str(), header["jwk"]["crv"].as_str()), (Some("EdDSA"), Some("Ed25519")));
    let signed = format!("{}.{}", part("protected"), part("payload"));
    assert!(key().public().has_signed(signed.as_bytes(), &BASE64URL.decode(part("signature")).unwrap()));
    let payload: serde_json::Value = serde_json::from_slice(&BASE64URL.decode(part("payload")).unwrap()).unwrap();
    assert_eq!(payload["manifest"]["rows"]["users"], 7);
}

#[test]
fn no_byte_may_be_another_one_removed_or_added() {
    let text = issue(&key(), &statement()).unwrap();
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        for with in [b'A', b' ', b'\n', bytes[at] ^ 1] {
            let before = std::mem::replace(&mut bytes[at], with);
            if before != with {
                assert!(refused(&bytes), "byte {at} as {with}");
            }
            bytes[at] = before;
        }
        bytes.insert(at, b' ');
        assert!(refused(&bytes), "a blank before byte {at}");
        bytes.drain(at..at + 2);
        assert!(refused(&bytes), "without byte {at}");
    }
    assert!(verify(&(text + " "), None).is_err());
}

fn refused(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).map_or(true, |text| verify(text, None).is_err())
}

proptest! {
    #[test]
    fn any_change_is_refused(at in 0_usize..10_000, with: u8) {
        let mut bytes = issue(&key(), &statement()).unwrap().into_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != with);
        bytes[at] = with;
        prop_assert!(refused(&bytes));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,300}") {
        prop_assert!(verify(&text, None).is_err());
    }
}

/// Signs what [`issue`] would not.
fn forged(payload: &str, header: &serde_json::Value) -> String {
    let (payload, protected) = (BASE64URL.encode(payload), BASE64URL.encode(header.to_string()));
    let mut document = Flattened { payload, protected, signature: String::new() };
    document.signature = BASE64URL.encode(key().sign(document.signed().as_bytes()));
    document.text().unwrap()
}

#[test]
fn what_is_signed_and_no_statement_is_refused() {
    let good = serde_json::to_value(statement()).unwrap();
    let jwk = serde_json::to_value(key().public().jwk()).unwrap();
    let header = serde_json::json!({"alg": ALGORITHM, "typ": TYPE, "kid": key().public().thumbprint(), "jwk": jwk});
    assert!(verify(&forged(&good.to_string(), &header), None).is_ok());
    let changed = |pointer: &str, value: serde_json::Value| {
        let mut statement = good.clone();
        *statement.pointer_mut(pointer).unwrap() = value;
        verify(&forged(&statement.to_string(), &header), None)
    };
    assert!(matches!(changed("/format", 2.into()), Err(CertificateError::Invalid(_))));
    assert!(matches!(changed("/issuer", "".into()), Err(CertificateError::Invalid(_))));
    assert!(matches!(changed("/manifest/page_size", 3.into()), Err(CertificateError::Manifest(_))));
    assert!(matches!(changed("/depth", "deep".into()), Err(CertificateError::Malformed(_))));
    for (member, value) in [("alg", "none"), ("alg", "HS256"), ("typ", "JWT"), ("kid", "x")] {
        let mut header = header.clone();
        header[member] = value.into();
        let outcome = verify(&forged(&good.to_string(), &header), None);
        assert!(matches!(outcome, Err(CertificateError::Malformed(_))), "{member}: {outcome:?}");
    }
}

#[test]
fn an_endless_text_is_refused_unread() {
    assert!(matches!(verify(&" ".repeat(MAX_BYTES + 1), None), Err(CertificateError::TooLarge)));
}
