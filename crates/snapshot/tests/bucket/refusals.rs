//! What a server refuses for good is told as what it is: keys, rights, buckets, room. None of it is damage.

use chiliview_snapshot::{Depth, Error, Manifest, ServerSide, Shelf, Trouble};

use crate::common::Fixture;
use crate::common::server::{Fault, Server};
use crate::common::shelves;

async fn published() -> (Fixture, Manifest) {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    let manifest = fixture.write().await.unwrap();
    (fixture, manifest)
}

/// Everything that can be asked of a shelf says the same.
#[track_caller]
fn all_say(told: Vec<Result<(), Error>>, wanted: Trouble, words: &str) {
    for outcome in told {
        match outcome {
            Err(error @ Error::Shelf { trouble, .. }) => {
                assert_eq!(trouble, wanted, "{error}");
                assert!(error.to_string().contains(words), "{error}");
                assert!(!error.to_string().contains("not a secret"), "{error}");
            }
            other => panic!("no trouble of the shelf: {other:?}"),
        }
    }
}

async fn asked(fixture: &mut Fixture, shelf: Shelf, manifest: &Manifest) -> Vec<Result<(), Error>> {
    let key = fixture.key();
    fixture.shelf = shelf;
    vec![
        fixture.shelf.open(&key).await.map(drop),
        fixture.shelf.manifest(&key).await.map(drop),
        fixture.shelf.list().recv().await.unwrap().map(drop),
        fixture.shelf.free_bytes().await.map(drop),
        fixture.prove(manifest, Depth::Full).await.map(drop),
    ]
}

fn endpoint(fixture: &Fixture) -> String {
    fixture.server.as_ref().map(Server::endpoint).unwrap()
}

#[tokio::test]
async fn wrong_keys_are_wrong_keys() {
    let (mut fixture, manifest) = published().await;
    let mut settings = shelves::settings(&endpoint(&fixture));
    settings.credentials = shelves::keys("guessed");
    let wrong = shelves::open(settings).await;
    let told = asked(&mut fixture, wrong, &manifest).await;
    all_say(told, Trouble::Credentials, "SignatureDoesNotMatch");
    assert!(matches!(fixture.write().await, Err(Error::Shelf { trouble: Trouble::Credentials, .. })));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_has_lost_nothing() {
    let (mut fixture, manifest) = published().await;
    let root = fixture.server.as_ref().unwrap().bucket();
    std::fs::rename(&root, root.with_file_name("elsewhere")).unwrap();
    let same = fixture.shelf.clone();
    let told = asked(&mut fixture, same, &manifest).await;
    all_say(told, Trouble::NoBucket, "there is no such bucket");
}

#[tokio::test]
async fn a_place_where_nothing_was_ever_put_has_lost_nothing() {
    let (mut fixture, manifest) = published().await;
    let root = fixture.root();
    std::fs::rename(&root, root.with_file_name("elsewhere")).unwrap();
    let key = fixture.key();
    let told = vec![
        fixture.shelf.open(&key).await.map(drop),
        fixture.shelf.manifest(&key).await.map(drop),
        fixture.prove(&manifest, Depth::Full).await.map(drop),
    ];
    all_say(told, Trouble::NoShelf, "see whether bucket and prefix are right");
    // A new shelf is begun there by the first snapshot.
    fixture.shelf = shelves::shelf(&endpoint(&fixture)).await;
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
}

#[tokio::test]
async fn rights_that_lack_and_clocks_that_differ_are_named() {
    let (fixture, _) = published().await;
    fixture.shelf.remove(&fixture.key()).await.unwrap();
    let server = fixture.server.as_ref().unwrap();
    for (code, wanted) in [
        ("AccessDenied", Trouble::Denied),
        ("RequestTimeTooSkewed", Trouble::Clock),
        ("InvalidAccessKeyId", Trouble::Credentials),
        ("AuthorizationHeaderMalformed", Trouble::Region),
        ("SomethingNew", Trouble::Denied),
    ] {
        server.trap("PUT", "partNumber", Fault::Status(403, code), 1);
        all_say(vec![fixture.write().await.map(drop)], wanted, code);
        assert!(fixture.files().is_empty(), "{:?}", fixture.files());
    }
}

#[tokio::test]
async fn a_full_store_is_no_room_whatever_it_calls_it() {
    let (fixture, _) = published().await;
    fixture.shelf.remove(&fixture.key()).await.unwrap();
    let server = fixture.server.as_ref().unwrap();
    for (status, code) in [(403, "QuotaExceeded"), (507, "XMinioStorageFull"), (507, "")] {
        server.trap("PUT", "partNumber", Fault::Status(status, code), 1000);
        let full = fixture.write().await;
        assert!(matches!(full, Err(Error::NoSpace { .. })), "{status} {code}: {full:?}");
        server.sprung();
        assert!(fixture.files().is_empty(), "{:?}", fixture.files());
    }
}

#[tokio::test]
async fn every_part_is_sent_with_its_sum_and_the_encryption_is_asked_for() {
    let (mut fixture, _) = published().await;
    for (encryption, wanted) in [
        (ServerSide::Default, ""),
        (ServerSide::S3, "AES256"),
        (ServerSide::Kms(None), "aws:kms"),
        (ServerSide::Kms(Some("a key".into())), "aws:kms"),
    ] {
        fixture.shelf.remove(&fixture.key()).await.unwrap();
        let mut settings = shelves::settings(&endpoint(&fixture));
        settings.encryption = encryption;
        fixture.shelf = shelves::open(settings).await;
        let before = fixture.server.as_ref().unwrap().requests().len();
        fixture.write().await.unwrap();
        let requests = fixture.server.as_ref().unwrap().requests().split_off(before);
        let of = |start: &str, part: &str| {
            requests.iter().find(|request| request.starts_with(start) && request.contains(part)).unwrap().clone()
        };
        assert!(of("POST", "?uploads").ends_with(&format!("sealed={wanted}")));
        assert!(of("PUT", ".manifest.json").ends_with(&format!("sealed={wanted}")));
        assert!(!of("PUT", "partNumber").contains("sum= "), "{requests:?}");
        assert!(!of("PUT", ".manifest.json").contains("sum= "), "{requests:?}");
    }
}
