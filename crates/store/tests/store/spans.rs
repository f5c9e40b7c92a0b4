//! Finished spans.

use std::collections::BTreeMap;

use chiliview_store::{
    Ids,
    json_text::JsonText,
    spans::{self, Span, SpanStatus},
};
use uuid::Uuid;

use crate::{
    common::{at, read, write},
    engines::on_every_engine,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn span(id: &str, subject: Option<Uuid>, second: i64) -> Span {
    Span {
        trace_id: TRACE.into(),
        span_id: id.into(),
        parent_id: Some("b7ad6b7169203331".into()),
        subject: subject.map(|id| id.to_string()),
        name: "store.commit".into(),
        kind: "internal".into(),
        service: "worker-7".into(),
        started_at: at(second),
        micros: 1500,
        status: SpanStatus::Error,
        error: Some("no room".into()),
        attributes: JsonText(BTreeMap::from([("bytes".to_owned(), "7".to_owned())])),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_read_in_order_without_what_belongs_to_others_and_forgotten_in_time() {
    on_every_engine(async |store| {
        let db = store.central();
        let (ours, theirs): (chiliview_store::BackupId, chiliview_store::BackupId) = (Ids.next(), Ids.next());
        let (ours, theirs) = (ours.uuid(), theirs.uuid());
        let all = [
            span("c", Some(ours), 3),
            span("a", None, 1),
            span("b", Some(theirs), 2),
            Span { trace_id: "f".repeat(32), ..span("x", None, 9) },
        ];
        write(db, async |tx| spans::keep(tx, &all).await).await;
        write(db, async |tx| spans::keep(tx, &[Span { name: "again".into(), ..span("a", None, 7) }]).await).await;
        let found = async |subject| read(db, async |tx| spans::of_trace(tx, TRACE, subject).await).await;
        assert_eq!(found(Some(ours)).await, [all[1].clone(), all[0].clone()]);
        assert_eq!(found(None).await, [all[1].clone(), all[2].clone(), all[0].clone()]);
        assert_eq!(write(db, async |tx| spans::delete_older(tx, at(3)).await).await, 2);
        assert_eq!(found(None).await, [all[0].clone()]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_cannot_fill_the_table_and_the_others_keep_their_place() {
    on_every_engine(async |store| {
        let db = store.central();
        let (loud, quiet): (chiliview_store::BackupId, chiliview_store::BackupId) = (Ids.next(), Ids.next());
        for round in 0..3 {
            let many: Vec<Span> = (0..300).map(|n| span(&format!("{round}-{n}"), Some(loud.uuid()), n)).collect();
            write(db, async |tx| spans::keep(tx, &many).await).await;
        }
        write(db, async |tx| spans::keep(tx, &[span("q", Some(quiet.uuid()), 1)]).await).await;
        let of = async |id: Uuid| read(db, async |tx| spans::of_trace(tx, TRACE, Some(id)).await).await.len();
        assert_eq!((of(loud.uuid()).await, of(quiet.uuid()).await), (500, 1));
    })
    .await;
}
