//! Manifests read back as they were written, and nothing else is read.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;

/// The one in age's own documentation.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

fn manifests() -> impl Strategy<Value = Manifest> {
    let ids = (any::<u128>(), proptest::option::of((any::<u128>(), "[a-z0-9-]{1,40}")));
    let sizes = (9_u32..=16, 1_u64..1 << 40, any::<u64>(), any::<[u8; 8]>());
    let rest =
        (any::<i64>(), 0_i64..4_000_000_000_000_000, proptest::collection::btree_map(".{0,20}", any::<u64>(), 0..8));
    (ids, sizes, rest, any::<(bool, bool)>(), "\\PC{0,20}").prop_map(
        |(ids, sizes, rest, (sqlite, encrypted), tool_version)| Manifest {
            format: if !sqlite {
                3
            } else if encrypted {
                2
            } else {
                1
            },
            backup: Uuid::from_u128(ids.0),
            owner: ids.1.map_or(Owner::Central, |(id, slug)| Owner::Tenant { id: Uuid::from_u128(id), slug }),
            engine: if sqlite { Engine::Sqlite } else { Engine::Postgres },
            schema_version: rest.0,
            taken_at: DateTime::from_timestamp_micros(rest.1).unwrap(),
            plain_bytes: sizes.1 << sizes.0,
            stored_bytes: sizes.2,
            plain_sha256: Digest::of(&sizes.3),
            stored_sha256: Digest::of(b"stored"),
            compression: Compression { algorithm: Algorithm::Zstd, level: 3 },
            encryption: encrypted
                .then(|| Encryption { scheme: Scheme::Age, recipients: Recipients::parse(RECIPIENT).unwrap() }),
            page_size: 1 << sizes.0,
            tables: (!sqlite).then(|| rest.2.keys().map(|name| (name.clone(), Digest::of(name.as_bytes()))).collect()),
            rows: rest.2,
            tool_version,
        },
    )
}

proptest! {
    #[test]
    fn a_manifest_reads_back_as_itself(manifest in manifests()) {
        let bytes = manifest.to_json().unwrap();
        prop_assert_eq!(&Manifest::read(bytes.as_slice()).unwrap(), &manifest);
        prop_assert_eq!(manifest.compare(&manifest), Ok(()));
    }

    #[test]
    fn a_manifest_cut_short_is_refused(manifest in manifests(), cut in 2_usize..4096) {
        let bytes = manifest.to_json().unwrap();
        let kept = bytes.len().saturating_sub(cut);
        prop_assert!(Manifest::from_json(&bytes[..kept]).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Manifest::from_json(&bytes).is_err());
    }
}

fn value() -> serde_json::Value {
    serde_json::json!({
        "format": 1, "backup": Uuid::nil(), "owner": {"tenant": {"id": Uuid::nil(), "slug": "acme"}},
        "engine": "sqlite", "schema_version": 3, "taken_at": "2026-11-23T10:11:12.000345Z",
        "plain_bytes": 8192, "stored_bytes": 100,
        "plain_sha256": Digest::of(b"a"), "stored_sha256": Digest::of(b"b"),
        "compression": {"algorithm": "zstd", "level": 3}, "page_size": 4096,
        "rows": {"users": 7}, "tool_version": "0.1.0",
    })
}

fn parsed(change: impl FnOnce(&mut serde_json::Value)) -> Result<Manifest, ManifestError> {
    let mut value = value();
    change(&mut value);
    Manifest::from_json(&serde_json::to_vec(&value).unwrap())
}

#[test]
fn the_shape_that_others_rely_on_is_read_and_written() {
    let manifest = parsed(|_| ()).unwrap();
    assert_eq!(serde_json::to_value(&manifest).unwrap(), value());
}

#[test]
fn unknown_fields_are_refused_at_every_depth() {
    assert!(parsed(|v| v["extra"] = 1.into()).is_err());
    assert!(parsed(|v| v["compression"]["extra"] = 1.into()).is_err());
    assert!(parsed(|v| v["owner"]["tenant"]["extra"] = 1.into()).is_err());
}

#[test]
fn a_later_format_and_impossible_sizes_are_refused() {
    assert!(parsed(|v| v["format"] = 2.into()).is_err());
    assert!(parsed(|v| v["page_size"] = 1000.into()).is_err());
    assert!(parsed(|v| v["page_size"] = 131_072.into()).is_err());
    assert!(parsed(|v| v["plain_bytes"] = 0.into()).is_err());
    assert!(parsed(|v| v["plain_bytes"] = 8193.into()).is_err());
    assert!(parsed(|v| v["plain_bytes"] = (-1).into()).is_err());
}

#[test]
fn an_encrypted_snapshots_format_is_2_and_its_recipients_are_read() {
    let encryption = |recipients: &[&str]| serde_json::json!({"scheme": "age", "recipients": recipients});
    let sealed = |v: &mut serde_json::Value, format: u32, recipients: &[&str]| {
        v["format"] = format.into();
        v["encryption"] = encryption(recipients);
    };
    let manifest = parsed(|v| sealed(v, 2, &[RECIPIENT])).unwrap();
    assert!(manifest.key(1).is_sealed());
    assert_eq!(serde_json::to_value(&manifest).unwrap()["encryption"], encryption(&[RECIPIENT]));
    assert!(parsed(|v| sealed(v, 1, &[RECIPIENT])).is_err());
    assert!(parsed(|v| sealed(v, 2, &[])).is_err());
    assert!(parsed(|v| sealed(v, 2, &["age1"])).is_err());
    assert!(parsed(|v| v["encryption"] = serde_json::json!({"scheme": "pgp", "recipients": []})).is_err());
}

#[test]
fn a_snapshot_of_postgresql_has_format_3_and_digests_of_its_tables() {
    let of_postgres = |v: &mut serde_json::Value| {
        v["format"] = 3.into();
        v["engine"] = "postgres".into();
        v["tables"] = serde_json::json!({ "users": Digest::of(b"rows") });
    };
    let manifest = parsed(of_postgres).unwrap();
    assert_eq!(manifest.tables.unwrap()["users"], Digest::of(b"rows"));
    for strange in ["format", "engine", "tables"] {
        let plain = value();
        assert!(
            parsed(|v| {
                of_postgres(v);
                v[strange] = plain[strange].clone();
            })
            .is_err(),
            "{strange}"
        );
    }
}

#[test]
fn an_endless_document_is_read_no_further_than_the_bound() {
    let mut endless = std::io::repeat(b' ');
    assert!(matches!(Manifest::read(&mut endless), Err(ManifestError::TooLarge)));
}

#[test]
fn a_difference_is_named() {
    let (one, mut other) = (parsed(|_| ()).unwrap(), parsed(|_| ()).unwrap());
    other.rows.insert("users".into(), 8);
    assert_eq!(one.compare(&other), Err(Damage::ManifestDiffers { field: "rows" }));
    other = one.clone();
    other.tool_version = "9".into();
    assert_eq!(one.compare(&other), Err(Damage::ManifestDiffers { field: "another field" }));
}
