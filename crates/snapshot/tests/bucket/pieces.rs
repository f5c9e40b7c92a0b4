//! Pieces of uploads, and a server that fails on their way: what was acknowledged is there, and what cannot be read just now
//! is not gone.

use chiliview_snapshot::{
    Adoption, Error, Identities, PieceKey, Refusal, Shelf, Trouble, Uploaded, Watch, adopt, schema_of,
};
use chiliview_store::Ids;
use sqlx::Connection as _;

use crate::common::Fixture;
use crate::common::server::Fault;
use crate::stories::uploaded;

async fn put(shelf: &Shelf) -> Result<(), Error> {
    shelf.put_piece(&PieceKey::of(Ids.next(), Ids.next()), vec![vec![7; 300_000].into(), vec![8; 3].into()]).await
}

#[tokio::test]
async fn a_piece_goes_with_its_digest_and_passing_faults_are_lived_through() {
    let fixture = Fixture::new().await;
    let server = fixture.server.as_ref().unwrap();
    for (fault, times) in [(Fault::Status(503, "SlowDown"), 2), (Fault::Lose, 1)] {
        server.trap("PUT", "/uploads/", fault, times);
        put(&fixture.shelf).await.unwrap();
        assert!(server.sprung());
    }
    let is_sent = |request: &&String| request.starts_with("PUT") && request.contains("/uploads/");
    let sent = server.requests();
    assert!(sent.iter().filter(is_sent).all(|request| !request.contains("sum= ")), "{sent:?}");
}

#[tokio::test]
async fn a_server_that_goes_on_failing_is_told_of() {
    let fixture = Fixture::new().await;
    let server = fixture.server.as_ref().unwrap();
    for (fault, told) in [(Fault::Status(503, "SlowDown"), Trouble::Failing), (Fault::Lose, Trouble::Unreachable)] {
        server.trap("PUT", "/uploads/", fault, 1000);
        let outcome = put(&fixture.shelf).await;
        assert!(matches!(outcome, Err(Error::Shelf { trouble, .. }) if trouble == told), "{outcome:?}");
        server.sprung();
    }
    server.trap("PUT", "/uploads/", Fault::Status(507, "XMinioStorageFull"), 1000);
    let outcome = put(&fixture.shelf).await;
    assert!(matches!(outcome, Err(Error::NoSpace { .. })), "{outcome:?}");
    server.sprung();
}

async fn adopted(fixture: &Fixture, upload: &Uploaded) -> Result<(), Error> {
    let request = Adoption {
        upload: upload.clone(),
        to: fixture.scratch().join("adopted.db"),
        max_plain_bytes: 64 << 20,
        accepted: vec![schema_of(&fixture.database()).await?],
        identities: Identities::none(),
    };
    adopt(request, &Watch::unobserved()).await.map(drop)
}

#[tokio::test]
async fn what_cannot_be_read_just_now_is_neither_gone_nor_changed() {
    let fixture = Fixture::new().await;
    fixture.live(3000).await.close().await.unwrap();
    let upload = uploaded(&fixture.shelf, &std::fs::read(fixture.database()).unwrap(), None).await;
    let server = fixture.server.as_ref().unwrap();
    for (fault, told) in [
        (Fault::Status(503, "SlowDown"), Trouble::Failing),
        (Fault::Lose, Trouble::Unreachable),
        (Fault::Hang(5000), Trouble::Unreachable),
    ] {
        server.trap("GET", "/uploads/", fault, 1000);
        let outcome = adopted(&fixture, &upload).await;
        assert!(matches!(outcome, Err(Error::Shelf { trouble, .. }) if trouble == told), "{outcome:?}");
        server.sprung();
    }
    server.trap("GET", "/uploads/", Fault::Cut(5000), 1);
    server.trap("GET", "/uploads/", Fault::Status(500, "InternalError"), 1);
    let outcome = adopted(&fixture, &upload).await;
    // Its schema names no tenant: everything was read by then.
    assert!(matches!(outcome, Ok(()) | Err(Error::Refused(Refusal::Owner))), "{outcome:?}");
    assert!(server.sprung());
}

#[tokio::test]
async fn a_thousand_pieces_and_more_are_removed_page_by_page() {
    let fixture = Fixture::new().await;
    let upload = uploaded(&fixture.shelf, &[7; 10], None).await;
    let id = upload.pieces[0].key.upload();
    let folder = fixture.root().join("uploads").join(id.to_string());
    for _ in 0..2100 {
        let name: chiliview_store::PieceId = Ids.next();
        std::fs::write(folder.join(name.to_string()), "x").unwrap();
    }
    fixture.shelf.remove_upload(id).await.unwrap();
    assert!(fixture.files().is_empty());
}
