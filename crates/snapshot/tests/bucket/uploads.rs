//! Uploads and who may complete them: of several writers of one name one wins, whole, and what the others began is ended.

use std::sync::{Arc, Mutex, mpsc};

use chiliview_snapshot::{Depth, Entry, Error, Progress, Swept, Watch, WriteRequest, Written, write};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::common::Fixture;
use crate::shelf::list;

/// Writes, and waits in the middle of it until the sender is dropped.
fn waiting(fixture: &Fixture, request: WriteRequest) -> (mpsc::Sender<()>, JoinHandle<Result<Written, Error>>) {
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let progress = move |_: Progress| wait.lock().unwrap().recv().unwrap_or_default();
    let watch = Watch { progress: Arc::new(progress), ..Watch::unobserved() };
    let shelf = fixture.shelf.clone();
    (go_on, tokio::spawn(async move { write(request, &shelf, &watch).await }))
}

async fn uploads(fixture: &Fixture, number: usize) {
    while fixture.server.as_ref().unwrap().uploads().len() < number {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn who_publishes_first_keeps_the_name_and_the_other_cannot_touch_it_any_more() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    let (go_on, slow) = waiting(&fixture, fixture.request());
    uploads(&fixture, 1).await;
    let manifest = fixture.write().await.unwrap();
    assert_eq!(fixture.files().len(), 2, "the slow one's upload was ended: {:?}", fixture.files());
    drop(go_on);
    let outcome = slow.await.unwrap();
    assert!(matches!(outcome, Err(Error::AlreadyPublished(_) | Error::Shelf { .. })), "{outcome:?}");
    fixture.prove(&manifest, Depth::Full).await.unwrap();
    assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
}

#[tokio::test]
async fn removing_a_backup_ends_what_is_being_written_under_its_name() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    let (go_on, writer) = waiting(&fixture, fixture.request());
    uploads(&fixture, 1).await;
    fixture.shelf.remove(&fixture.key()).await.unwrap();
    assert!(fixture.files().is_empty(), "{:?}", fixture.files());
    drop(go_on);
    let outcome = writer.await.unwrap();
    assert!(matches!(outcome, Err(Error::Shelf { .. })), "{outcome:?}");
    assert!(fixture.files().is_empty(), "{:?}", fixture.files());
}

#[tokio::test]
async fn removing_what_an_attempt_left_lets_the_next_one_write_on() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    fixture.write().await.unwrap();
    let later = WriteRequest { attempt: 2, ..fixture.request() };
    let (go_on, writer) = waiting(&fixture, later);
    uploads(&fixture, 1).await;
    assert!(fixture.shelf.remove(&fixture.key()).await.unwrap());
    drop(go_on);
    writer.await.unwrap().unwrap();
    assert_eq!(fixture.files().len(), 2, "{:?}", fixture.files());
}

#[tokio::test]
async fn all_that_dead_writers_left_is_listed_and_swept_page_by_page() {
    let fixture = Fixture::new().await;
    let _live = fixture.live(100).await;
    let of = |number| WriteRequest { backup: Uuid::from_u128(number), ..fixture.request() };
    let writers: Vec<_> = (1..=5).map(|number| waiting(&fixture, of(number))).collect();
    uploads(&fixture, 5).await;
    let is_partial =
        |wanted: bool| move |entry: &Entry| matches!(entry, Entry::Partial { alive, .. } if *alive == wanted);
    assert!(list(&fixture.shelf).await.iter().all(is_partial(true)));
    assert_eq!(fixture.shelf.sweep().await.unwrap(), Swept::default());
    fixture.let_a_day_pass();
    let left = list(&fixture.shelf).await;
    assert!(left.len() == 5 && left.iter().all(is_partial(false)), "{left:?}");
    assert_eq!(fixture.shelf.sweep().await.unwrap().files, 5);
    assert!(fixture.files().is_empty());
    for (go_on, writer) in writers {
        drop(go_on);
        assert!(writer.await.unwrap().is_err());
    }
    assert!(fixture.files().is_empty(), "{:?}", fixture.files());
}
