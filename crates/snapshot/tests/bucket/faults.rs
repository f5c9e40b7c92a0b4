//! A server that fails, hangs, breaks off and loses answers: what passes is lived through, what stays is told, and none of
//! it is taken for damage.

use chiliview_snapshot::{Depth, Error, Identities, Manifest, Trouble, Watch, prove};
use futures::TryStreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::common::server::Fault;
use crate::common::{self, Fixture};

#[track_caller]
fn trouble<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Trouble {
    match outcome {
        Err(Error::Shelf { trouble, .. }) => trouble,
        other => panic!("no trouble of the shelf: {other:?}"),
    }
}

/// More than two parts, which do not compress.
async fn large() -> Fixture {
    let fixture = Fixture::new().await;
    let mut live = fixture.live(10).await;
    common::grow(&mut live, 20).await;
    fixture
}

#[tokio::test]
async fn what_fails_now_and_then_is_done_again() {
    let fixture = large().await;
    let server = fixture.server.as_ref().unwrap();
    for (method, part, fault, times) in [
        ("GET", "list-type", Fault::Status(503, "SlowDown"), 1),
        ("GET", "uploads=", Fault::Lose, 1),
        ("POST", "?uploads", Fault::Status(500, "InternalError"), 2),
        ("PUT", "partNumber=1", Fault::Status(503, "SlowDown"), 2),
        ("PUT", "partNumber=2", Fault::Lose, 1),
        ("POST", "uploadId=", Fault::Lose, 1),
        ("PUT", ".manifest.json", Fault::Lose, 1),
        ("GET", ".manifest.json", Fault::Cut(100), 1),
        ("GET", ".db.zst", Fault::Cut(1_000_000), 1),
        ("GET", ".db.zst", Fault::Hang(3_000_000), 1),
        ("HEAD", ".db.zst", Fault::Status(502, "BadGateway"), 1),
    ] {
        server.trap(method, part, fault, times);
    }
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    assert!(server.sprung(), "every fault has happened");
    assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
}

#[tokio::test]
async fn a_server_that_goes_on_failing_is_told_of_and_nothing_is_left() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(500).await;
    let server = fixture.server.as_ref().unwrap();
    for (method, part) in [
        ("GET", "list-type"),
        ("POST", "?uploads"),
        ("PUT", "partNumber=1"),
        ("POST", "uploadId="),
        ("PUT", ".manifest.json"),
    ] {
        server.trap(method, part, Fault::Status(500, "InternalError"), 1000);
        assert_eq!(trouble(fixture.write().await), Trouble::Failing, "{method} {part}");
        server.sprung();
        assert!(fixture.files().is_empty(), "{method} {part}: {:?}", fixture.files());
    }
    let manifest = fixture.write().await.unwrap();
    fixture.prove(&manifest, Depth::Full).await.unwrap();
}

async fn published() -> (Fixture, Manifest) {
    let fixture = Fixture::new().await;
    let _live = fixture.live(20_000).await;
    let manifest = fixture.write().await.unwrap();
    (fixture, manifest)
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_read_is_not_damaged() {
    let (fixture, manifest) = published().await;
    let server = fixture.server.as_ref().unwrap();
    for (part, fault, told) in [
        (".manifest.json", Fault::Status(503, "SlowDown"), Trouble::Failing),
        (".manifest.json", Fault::Hang(10), Trouble::Unreachable),
        (".db.zst", Fault::Status(500, "InternalError"), Trouble::Failing),
        (".db.zst", Fault::Lose, Trouble::Unreachable),
        (".db.zst", Fault::Hang(100_000), Trouble::Unreachable),
    ] {
        server.trap("GET", part, fault, 1000);
        for depth in [Depth::Stored, Depth::Full] {
            assert_eq!(trouble(fixture.prove(&manifest, depth).await), told, "{part} {fault:?}");
        }
        server.sprung();
        assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
    }
    fixture.prove(&manifest, Depth::Full).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_slow_is_waited_for() {
    let (fixture, manifest) = published().await;
    let server = fixture.server.as_ref().unwrap();
    server.trap("GET", ".db.zst", Fault::Trickle, 1);
    fixture.prove(&manifest, Depth::Quick).await.unwrap();
    assert!(server.sprung());
}

#[tokio::test]
async fn a_download_goes_on_where_the_server_broke_off_or_says_that_it_cannot() {
    let (fixture, manifest) = published().await;
    let server = fixture.server.as_ref().unwrap();
    let artefact = fixture.shelf.open(&fixture.key()).await.unwrap();
    let wanted = std::fs::read(fixture.artefact()).unwrap();
    let range = 1000..manifest.stored_bytes - 7;
    server.trap("GET", ".db.zst", Fault::Cut(5000), 2);
    let pieces: Vec<_> = artefact.range(range.clone()).try_collect().await.unwrap();
    assert!(pieces.concat() == wanted[range.start as usize..range.end as usize]);
    server.trap("GET", ".db.zst", Fault::Cut(5000), 1000);
    assert!(artefact.range(range.clone()).try_collect::<Vec<_>>().await.is_err());
    server.sprung();
    assert!(fixture.shelf.remove(&fixture.key()).await.unwrap());
    assert!(
        artefact.range(range).try_collect::<Vec<_>>().await.is_err(),
        "it is gone, and does not end as if it were not"
    );
}

#[tokio::test]
async fn nobody_who_answers_is_no_damage_and_no_emptiness() {
    let (fixture, manifest) = published().await;
    fixture.server.as_ref().unwrap().stop().await;
    let (shelf, key) = (&fixture.shelf, fixture.key());
    assert_eq!(trouble(fixture.prove(&manifest, Depth::Full).await), Trouble::Unreachable);
    assert_eq!(trouble(shelf.open(&key).await), Trouble::Unreachable);
    assert_eq!(trouble(shelf.manifest(&key).await), Trouble::Unreachable);
    assert_eq!(trouble(shelf.remove(&key).await), Trouble::Unreachable);
    assert_eq!(trouble(shelf.sweep().await), Trouble::Unreachable);
    assert_eq!(trouble(shelf.free_bytes().await), Trouble::Unreachable);
    assert_eq!(trouble(shelf.list().recv().await.unwrap()), Trouble::Unreachable);
    assert_eq!(trouble(fixture.write().await), Trouble::Unreachable);
}

#[tokio::test]
async fn waiting_for_a_server_ends_when_the_work_is_cancelled() {
    let (fixture, manifest) = published().await;
    let server = fixture.server.as_ref().unwrap();
    let mut patient = common::shelves::settings(&server.endpoint());
    patient.patience.answer = std::time::Duration::from_secs(3600);
    let shelf = common::shelves::open(patient).await;
    server.trap("GET", ".db.zst", Fault::Hang(50_000), 1);
    let watch = Watch { cancel: CancellationToken::new(), ..Watch::unobserved() };
    let (key, scratch, none) = (fixture.key(), fixture.scratch(), Identities::none());
    let proof = prove(&shelf, &key, &manifest, Depth::Full, &none, &scratch, &watch);
    let cancel = async {
        while server.requests().iter().all(|request| !request.starts_with("GET") || !request.contains(".db.zst")) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        watch.cancel.cancel();
    };
    let (proof, ()) = tokio::join!(proof, cancel);
    assert!(matches!(proof, Err(Error::Cancelled)), "{proof:?}");
    assert!(fixture.scratch_is_empty());
}
