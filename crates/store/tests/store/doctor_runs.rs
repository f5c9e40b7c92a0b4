//! Runs of the doctor.

use chiliview_store::{
    DoctorRunId, Ids,
    doctor_runs::{self, DoctorOutcome, DoctorRun, DoctorStatus, New},
    paging::Direction,
};
use serde_json::json;

use crate::{
    common::{DIRECTIONS, at, page, read, walk, write},
    engines::on_every_engine,
};

fn new(repair: bool) -> New {
    New { id: Ids.next(), repair, requested_by: "root".into(), trace_id: Some("ab".repeat(16)), at: at(0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_begun_again_after_a_crash_and_ends_once() {
    on_every_engine(async |store| {
        let db = store.central();
        let new = new(true);
        write(db, async |tx| doctor_runs::insert(tx, &new).await).await;
        let find = async || read(db, async |tx| doctor_runs::find(tx, new.id).await).await.unwrap();
        let start = async |second| write(db, async |tx| doctor_runs::start(tx, new.id, at(second)).await).await;
        assert_eq!((find().await.status, find().await.repair), (DoctorStatus::Queued, 1));
        assert!(read(db, doctor_runs::under_way).await.is_some());
        assert_eq!((start(1).await, start(2).await), (Some(1), Some(2)));
        let checks = vec![json!({"name": "shelf"})];
        let done = async |attempt| {
            let outcome = DoctorOutcome::Problems;
            write(db, async |tx| doctor_runs::done(tx, new.id, attempt, outcome, checks.clone(), at(3)).await).await
        };
        assert_eq!((done(1).await, done(2).await, done(2).await), (false, true, false));
        let run = find().await;
        assert_eq!(
            (run.status, run.outcome, run.checks.0),
            (DoctorStatus::Done, Some(DoctorOutcome::Problems), checks)
        );
        assert_eq!((run.started_at, run.finished_at, run.attempt), (Some(at(1)), Some(at(3)), 2));
        assert_eq!(start(4).await, None);
        assert!(!write(db, async |tx| doctor_runs::failed(tx, new.id, "late", at(5)).await).await);
        assert!(read(db, doctor_runs::under_way).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_followed_and_forgotten() {
    on_every_engine(async |store| {
        let db = store.central();
        let all = [new(false), new(false), new(true)];
        for new in &all {
            write(db, async |tx| doctor_runs::insert(tx, new).await).await;
        }
        assert!(write(db, async |tx| doctor_runs::failed(tx, all[1].id, "no room", at(4)).await).await);
        let key = |run: &DoctorRun| (run.id.to_string(), run.id.to_string());
        for direction in DIRECTIONS {
            let rows = walk(direction, key, async |page| read(db, async |tx| doctor_runs::list(tx, &page).await).await);
            let mut ids: Vec<DoctorRunId> = rows.await.into_iter().map(|run| run.id).collect();
            if direction == Direction::Descending {
                ids.reverse();
            }
            assert_eq!(ids, all.each_ref().map(|new| new.id));
        }
        let changed = read(db, async |tx| doctor_runs::changed_since(tx, at(0), Some(all[2].id), 9).await).await;
        assert_eq!(changed.iter().map(|run| run.id).collect::<Vec<_>>(), [all[1].id]);
        assert_eq!(changed[0].error.as_deref(), Some("no room"));
        assert_eq!(write(db, async |tx| doctor_runs::delete_older(tx, at(9)).await).await, 1);
        let left = page(Direction::Ascending, 9, None);
        assert_eq!(read(db, async |tx| doctor_runs::list(tx, &left).await).await.len(), 2);
    })
    .await;
}
