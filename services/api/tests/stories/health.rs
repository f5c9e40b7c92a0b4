//! What the service says of itself.

use std::fs;

use chiliview_store::{Ids, ShelfId};

use crate::support::on_every_engine;

#[tokio::test]
async fn a_shelf_in_the_place_of_the_one_that_is_remembered_is_seen() {
    on_every_engine(async |app| {
        app.app.shelf().recognise(app.app.store()).await.unwrap();
        let other: ShelfId = Ids.next();
        fs::write(app.shelf_path().join(".shelf"), format!("{{\"id\": \"{other}\"}}")).unwrap();
        let health = app.call(None, "GET", "/health").send().await.expect(200).json();
        assert_eq!((&health["disk"], &health["database"]), (&"degraded".into(), &"ok".into()), "{health}");
        assert!(health.get("disk_free_bytes").is_none(), "the room on another shelf is none of ours: {health}");
    })
    .await;
}
