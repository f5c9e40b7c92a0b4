//! Backups: every way from one state to the next, and what fences an attempt that was overtaken.

use chiliview_store::{
    BackupId, Database, Ids, RunId, ScheduleId, TenantId,
    backups::{self, Backup, BackupScope, BackupStatus, Filter, New, Origin, Progress, ProofDepth, Proven, Verified},
    tenants,
};

use crate::{
    common::{DIRECTIONS, at, failure, page, read, tenant, walk, write},
    engines::on_every_engine,
};

pub(crate) fn new(tenant: Option<TenantId>) -> New {
    let tenant = tenant.map(|id| (id, "acme".to_owned()));
    New {
        id: Ids.next(),
        tenant,
        origin: Origin::Request,
        run: None,
        requested_by: "admin".into(),
        trace_id: Some("ab".repeat(16)),
        at: at(0),
    }
}

async fn add(db: &Database, tenant: Option<TenantId>) -> BackupId {
    let new = new(tenant);
    write(db, async |tx| backups::insert(tx, &new).await).await;
    new.id
}

async fn find(db: &Database, id: BackupId) -> Backup {
    read(db, async |tx| backups::find(tx, id).await).await.unwrap()
}

fn reading(done: i64) -> Progress {
    Progress { status: BackupStatus::Running, phase: "reading", done_bytes: done, total_bytes: Some(100) }
}

fn proof(bytes: i64) -> Verified {
    Verified {
        manifest: "{}".into(),
        stored_sha256: "cd".repeat(32),
        stored_bytes: bytes,
        plain_bytes: 10 * bytes,
        encrypted: false,
        depth: ProofDepth::Quick,
    }
}

async fn start(db: &Database, id: BackupId) -> Option<i64> {
    write(db, async |tx| backups::start(tx, id, at(1)).await).await
}

async fn progress(db: &Database, id: BackupId, attempt: i64) -> bool {
    write(db, async |tx| backups::progress(tx, id, attempt, &reading(50), at(2)).await).await
}

async fn verify(db: &Database, id: BackupId, attempt: i64) -> bool {
    write(db, async |tx| backups::verified(tx, id, attempt, &proof(7), at(3)).await).await
}

async fn retry(db: &Database, id: BackupId, attempt: i64) -> bool {
    write(db, async |tx| backups::retry_later(tx, id, attempt, &"full".into(), at(4)).await).await
}

async fn end(db: &Database, id: BackupId, status: BackupStatus) -> bool {
    write(db, async |tx| backups::end(tx, id, status, &"because".into(), at(5)).await).await
}

async fn cancel(db: &Database, id: BackupId) -> bool {
    write(db, async |tx| backups::request_cancel(tx, id, at(6)).await).await
}

async fn delete(db: &Database, id: BackupId) -> bool {
    write(db, async |tx| backups::delete(tx, id, at(7), at(8)).await).await
}

async fn undelete(db: &Database, id: BackupId) -> bool {
    write(db, async |tx| backups::undelete(tx, id, at(9)).await).await
}

async fn purge(db: &Database, id: BackupId) -> bool {
    write(db, async |tx| backups::purge(tx, id).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn from_queued_to_verified_every_column_is_as_it_should_be() {
    on_every_engine(async |store| {
        let db = store.central();
        let tenant = Ids.next();
        let id = add(db, Some(tenant)).await;
        let queued = find(db, id).await;
        assert_eq!(
            (queued.scope, queued.tenant_id, queued.tenant_slug.as_deref()),
            (BackupScope::Tenant, Some(tenant), Some("acme"))
        );
        assert_eq!(
            (queued.status, queued.attempt, queued.version, queued.created_at),
            (BackupStatus::Queued, 0, 1, at(0))
        );
        assert_eq!((queued.requested_by.as_str(), queued.trace_id), ("admin", Some("ab".repeat(16))));

        assert_eq!(start(db, id).await, Some(1));
        assert!(progress(db, id, 1).await);
        let running = find(db, id).await;
        assert_eq!(
            (running.status, running.phase.as_str(), running.started_at),
            (BackupStatus::Running, "reading", Some(at(1)))
        );
        assert_eq!((running.done_bytes, running.total_bytes, running.version), (50, Some(100), 2));

        assert!(verify(db, id, 1).await);
        let verified = find(db, id).await;
        assert_eq!(
            (verified.status, verified.verified_at, verified.finished_at),
            (BackupStatus::Verified, Some(at(3)), Some(at(3)))
        );
        assert_eq!((verified.stored_bytes, verified.plain_bytes, verified.done_bytes), (Some(7), Some(70), 70));
        assert_eq!((verified.manifest.as_deref(), verified.stored_sha256), (Some("{}"), Some("cd".repeat(32))));
        assert!(verified.status.is_terminal() && verified.error.is_none());
        let central = add(db, None).await;
        let central = find(db, central).await;
        assert_eq!((central.scope, central.tenant_id, central.tenant_slug), (BackupScope::Central, None, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_attempt_changes_nothing_any_more() {
    on_every_engine(async |store| {
        let db = store.central();
        let id = add(db, None).await;
        assert_eq!((start(db, id).await, start(db, id).await), (Some(1), Some(2)));
        assert!(!progress(db, id, 1).await && !verify(db, id, 1).await && !retry(db, id, 1).await);
        assert_eq!(find(db, id).await.status, BackupStatus::Running);
        assert!(retry(db, id, 2).await);
        let waiting = find(db, id).await;
        assert_eq!((waiting.status, waiting.error.as_deref()), (BackupStatus::Queued, Some("full")));
        assert!(!progress(db, id, 2).await && !verify(db, id, 2).await && !retry(db, id, 2).await, "it is not running");
        assert_eq!(start(db, id).await, Some(3));
        let again = find(db, id).await;
        assert_eq!((again.error, again.done_bytes, again.started_at), (None, 0, Some(at(1))));
        assert!(verify(db, id, 3).await);
        assert_eq!(find(db, id).await.artefact, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_stays_as_it_ended() {
    on_every_engine(async |store| {
        let db = store.central();
        for last in [BackupStatus::Failed, BackupStatus::Cancelled, BackupStatus::Verified] {
            let id = add(db, None).await;
            start(db, id).await.unwrap();
            match last {
                BackupStatus::Verified => assert!(verify(db, id, 1).await),
                other => assert!(end(db, id, other).await),
            }
            let before = format!("{:?}", find(db, id).await);
            assert_eq!(start(db, id).await, None);
            assert!(!progress(db, id, 1).await && !verify(db, id, 1).await && !retry(db, id, 1).await);
            assert!(!cancel(db, id).await && !end(db, id, BackupStatus::Failed).await);
            assert_eq!(format!("{:?}", find(db, id).await), before);
        }
        let failed = read(db, async |tx| {
            backups::list(
                tx,
                &Filter { status: Some(BackupStatus::Failed), ..Filter::default() },
                &page(DIRECTIONS[0], 9, None),
            )
            .await
        });
        let failed = failed.await.remove(0);
        assert_eq!(
            (failed.error.as_deref(), failed.phase.as_str(), failed.finished_at),
            (Some("because"), "failed", Some(at(5)))
        );
        let unproven = failure(db, async |tx| {
            tx.query("UPDATE backups SET status = 'verified' WHERE status = 'failed'").execute().await
        });
        assert!(!matches!(unproven.await, chiliview_store::Error::Duplicate { .. }), "the schema refuses it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_backup_is_cancelled_at_once_and_a_running_one_is_asked() {
    on_every_engine(async |store| {
        let db = store.central();
        let asked = async |id| read(db, async |tx| backups::is_cancel_requested(tx, id).await).await;
        let (queued, running) = (add(db, None).await, add(db, None).await);
        assert!(!asked(queued).await);
        assert!(cancel(db, queued).await);
        let cancelled = find(db, queued).await;
        assert_eq!(
            (cancelled.status, cancelled.phase.as_str(), cancelled.finished_at),
            (BackupStatus::Cancelled, "cancelled", Some(at(6)))
        );
        assert_eq!(cancelled.error.as_deref(), Some("cancelled before it began"));
        assert_eq!(start(db, queued).await, None);

        start(db, running).await.unwrap();
        assert!(cancel(db, running).await);
        assert!(asked(running).await);
        let still = find(db, running).await;
        assert_eq!(
            (still.status, still.cancel_requested_at, still.finished_at),
            (BackupStatus::Running, Some(at(6)), None)
        );
        assert!(!progress(db, running, 1).await && !verify(db, running, 1).await, "a cancelled one is never verified");
        assert!(end(db, running, BackupStatus::Cancelled).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_takes_what_has_ended_and_gives_it_back_until_it_is_purged() {
    on_every_engine(async |store| {
        let db = store.central();
        let due = async |now| read(db, async |tx| backups::due_for_purge(tx, at(now), 9).await).await.len();
        let id = add(db, None).await;
        assert!(!delete(db, id).await && !undelete(db, id).await && !purge(db, id).await);
        start(db, id).await.unwrap();
        assert!(!delete(db, id).await, "it is running");
        verify(db, id, 1).await;
        assert!(delete(db, id).await && !delete(db, id).await);
        let deleted = find(db, id).await;
        assert_eq!((deleted.deleted_at, deleted.purge_after), (Some(at(7)), Some(at(8))));
        assert_eq!((due(7).await, due(8).await), (0, 1));
        assert!(undelete(db, id).await && !undelete(db, id).await);
        assert_eq!((due(99).await, find(db, id).await.deleted_at), (0, None));
        assert!(!purge(db, id).await);
        assert!(delete(db, id).await && purge(db, id).await && !purge(db, id).await);
        assert!(read(db, async |tx| backups::find(tx, id).await).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_and_the_newest_proof_count_what_lives() {
    on_every_engine(async |store| {
        let db = store.central();
        let (tenant, other) = (Ids.next(), Ids.next());
        let newest = async |tenant| {
            read(db, async |tx| backups::newest_verified(tx, tenant).await).await.map(|backup| backup.id)
        };
        let usage = async || read(db, async |tx| backups::usage(tx, tenant).await).await;
        assert_eq!((newest(Some(tenant)).await, newest(None).await, usage().await), (None, None, (0, 0)));
        let mut verified = Vec::new();
        for tenant in [Some(tenant), Some(tenant), Some(other), None] {
            let id = add(db, tenant).await;
            start(db, id).await.unwrap();
            verify(db, id, 1).await;
            verified.push(id);
        }
        let (queued, failed) = (add(db, Some(tenant)).await, add(db, Some(tenant)).await);
        end(db, failed, BackupStatus::Failed).await;
        assert_eq!(usage().await, (3, 14), "two verified and one queued");
        let awaited = async |tenant| read(db, async |tx| backups::awaited(tx, tenant).await).await;
        assert_eq!((awaited(Some(tenant)).await, awaited(Some(other)).await, awaited(None).await), (1, 0, 0));
        assert_eq!((newest(Some(tenant)).await, newest(None).await), (Some(verified[1]), Some(verified[3])));
        delete(db, verified[1]).await;
        assert_eq!((newest(Some(tenant)).await, usage().await), (Some(verified[0]), (2, 7)));
        let unfinished = read(db, async |tx| backups::unfinished(tx, 9).await).await;
        assert_eq!(unfinished.into_iter().map(|backup| backup.id).collect::<Vec<_>>(), [queued]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_coverage_tell_what_is_not_safe() {
    on_every_engine(async |store| {
        let db = store.central();
        let all = ["a", "b", "c"].map(|slug| tenant(slug, slug));
        for tenant in &all {
            write(db, async |tx| tenants::insert(tx, tenant).await).await;
        }
        let gone = tenants::Tenant { deleted_at: Some(at(0)), ..tenant("d", "D") };
        write(db, async |tx| tenants::insert(tx, &gone).await).await;
        let covered = async || {
            let found = read(db, backups::coverage).await;
            (found.oldest_of_tenants, found.tenants_without, found.central)
        };
        assert_eq!((covered().await, read(db, backups::counts).await), ((None, 3, None), vec![]));
        for (tenant, second) in
            [(Some(all[0].id), 10), (Some(all[1].id), 20), (Some(all[0].id), 30), (None, 5), (Some(gone.id), 1)]
        {
            let id = add(db, tenant).await;
            start(db, id).await.unwrap();
            write(db, async |tx| backups::verified(tx, id, 1, &proof(1), at(second)).await).await;
        }
        add(db, Some(all[2].id)).await;
        assert_eq!(covered().await, (Some(at(20)), 1, Some(at(5))));
        assert_eq!(read(db, backups::counts).await, [(BackupStatus::Queued, 1), (BackupStatus::Verified, 5)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_narrowed_both_ways_and_changes_are_followed() {
    on_every_engine(async |store| {
        let db = store.central();
        let tenant = Ids.next();
        let mut ids = Vec::new();
        for number in 0..7 {
            ids.push(add(db, (number % 2 == 0).then_some(tenant)).await);
        }
        let scheduled: (ScheduleId, RunId) = (Ids.next(), Ids.next());
        let of_run = New { run: Some(scheduled), ..new(None) };
        write(db, async |tx| backups::insert(tx, &of_run).await).await;
        ids.push(of_run.id);
        end(db, ids[1], BackupStatus::Failed).await;
        end(db, ids[2], BackupStatus::Failed).await;
        delete(db, ids[2]).await;
        for direction in DIRECTIONS {
            let list = async |filter: Filter| -> Vec<usize> {
                let key = |backup: &Backup| (backup.id.to_string(), backup.id.to_string());
                let rows = walk(direction, key, async |page| {
                    read(db, async |tx| backups::list(tx, &filter, &page).await).await
                });
                let mut found: Vec<_> =
                    rows.await.iter().map(|row| ids.iter().position(|id| *id == row.id).unwrap()).collect();
                if direction == DIRECTIONS[1] {
                    found.reverse();
                }
                found
            };
            assert_eq!(list(Filter::default()).await, [0, 1, 3, 4, 5, 6, 7]);
            assert_eq!(list(Filter { deleted: true, ..Filter::default() }).await, [2]);
            assert_eq!(list(Filter { tenant: Some(tenant), ..Filter::default() }).await, [0, 4, 6]);
            assert_eq!(list(Filter { scope: Some(BackupScope::Central), ..Filter::default() }).await, [1, 3, 5, 7]);
            assert_eq!(list(Filter { status: Some(BackupStatus::Failed), ..Filter::default() }).await, [1]);
            let queued = Filter { tenant: Some(tenant), status: Some(BackupStatus::Queued), ..Filter::default() };
            assert_eq!(list(queued).await, [0, 4, 6]);
            let (schedule, run) = scheduled;
            assert_eq!(list(Filter { schedule: Some(schedule), ..Filter::default() }).await, [7]);
            assert_eq!(list(Filter { run: Some(run), ..Filter::default() }).await, [7]);
            assert!(list(Filter { run: Some(Ids.next()), ..Filter::default() }).await.is_empty());
        }
        let changed = async |since, id, limit| -> Vec<BackupId> {
            let rows = read(db, async |tx| backups::changed_since(tx, at(since), id, limit).await).await;
            rows.into_iter().map(|backup| backup.id).collect()
        };
        assert_eq!(changed(0, Some(ids[6]), 9).await, [ids[7], ids[1], ids[2]]);
        assert_eq!(changed(5, Some(ids[1]), 9).await, [ids[2]]);
        assert_eq!(changed(0, Some(ids[4]), 2).await, [ids[5], ids[6]]);
        assert_eq!(changed(0, None, 99).await.len(), 8);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_made_again_and_damage_is_told() {
    on_every_engine(async |store| {
        let db = store.central();
        let again = async |id| write(db, async |tx| backups::prove_again(tx, id, at(10)).await).await;
        let begin = async |id| write(db, async |tx| backups::start_proof(tx, id, at(11)).await).await;
        let proven = async |id, attempt| {
            let proven = Proven { depth: ProofDepth::Full, at: at(12) };
            write(db, async |tx| backups::proven(tx, id, attempt, proven).await).await
        };
        let damaged = async |id, attempt| {
            write(db, async |tx| backups::damaged(tx, id, attempt, &"one bit".into(), at(13)).await).await
        };
        let id = add(db, None).await;
        assert!(!again(id).await && begin(id).await.is_none(), "there is nothing to prove");
        start(db, id).await.unwrap();
        verify(db, id, 1).await;
        assert_eq!((find(db, id).await.proof, find(db, id).await.proven_at), (Some(ProofDepth::Quick), Some(at(3))));

        assert!(again(id).await && !again(id).await);
        assert_eq!(find(db, id).await.status, BackupStatus::Verifying);
        assert!(start(db, id).await.is_none() && !cancel(db, id).await, "it is no backup that is being made");
        assert!(!end(db, id, BackupStatus::Failed).await && !retry(db, id, 1).await);
        let newest = read(db, async |tx| backups::newest_verified(tx, None).await).await;
        assert_eq!(newest.map(|row| row.id), Some(id), "it counts meanwhile");
        assert_eq!((begin(id).await, begin(id).await), (Some(2), Some(3)));
        assert!(!proven(id, 2).await && !damaged(id, 2).await, "overtaken");
        assert!(proven(id, 3).await);
        let sound = find(db, id).await;
        assert_eq!(
            (sound.status, sound.proof, sound.proven_at),
            (BackupStatus::Verified, Some(ProofDepth::Full), Some(at(12)))
        );
        assert_eq!(sound.verified_at, Some(at(3)));

        assert!(again(id).await && begin(id).await == Some(4) && damaged(id, 4).await);
        let broken = find(db, id).await;
        assert_eq!((broken.status, broken.error.as_deref()), (BackupStatus::Damaged, Some("one bit")));
        assert!(read(db, async |tx| backups::newest_verified(tx, None).await).await.is_none());
        assert_eq!((broken.proof, broken.proven_at), (None, Some(at(12))));
        assert!(again(id).await && begin(id).await == Some(5), "a shelf that was unreadable may be back");
        assert!(proven(id, 5).await);
        assert_eq!((find(db, id).await.status, find(db, id).await.error), (BackupStatus::Verified, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_cannot_be_made_leaves_a_backup_as_it_was() {
    on_every_engine(async |store| {
        let db = store.central();
        let again = async |id| write(db, async |tx| backups::prove_again(tx, id, at(10)).await).await;
        let begin = async |id| write(db, async |tx| backups::start_proof(tx, id, at(11)).await).await;
        let waits = async |id, number| write(db, async |tx| backups::proof_waits(tx, id, number, at(12)).await).await;
        let later =
            async |id| write(db, async |tx| backups::prove_later(tx, id, &"no room".into(), at(14)).await).await;
        let call_off = async |id| write(db, async |tx| backups::call_off_proof(tx, id, at(15)).await).await;
        let counts = async || read(db, async |tx| backups::newest_verified(tx, None).await).await.is_some();
        let id = add(db, None).await;
        start(db, id).await.unwrap();
        assert!(!later(id).await && !call_off(id).await, "it is being made");
        verify(db, id, 1).await;
        assert!(!later(id).await && !call_off(id).await && !waits(id, 1).await, "nobody asked for a proof");

        assert!(again(id).await && begin(id).await == Some(2) && waits(id, 2).await && !waits(id, 1).await);
        assert_eq!(find(db, id).await.phase, "waiting to try again");
        assert!(later(id).await);
        let sound = find(db, id).await;
        assert_eq!((sound.status, sound.error.as_deref()), (BackupStatus::Verified, Some("no room")));
        assert_eq!((sound.proof, sound.proven_at), (Some(ProofDepth::Quick), Some(at(3))));
        assert!(again(id).await && begin(id).await == Some(3));
        let under_way = async |number| read(db, async |tx| backups::is_under_way(tx, id, number).await).await;
        assert!(under_way(3).await && !under_way(2).await);
        assert!(call_off(id).await && !under_way(3).await && counts().await);

        assert!(again(id).await && begin(id).await == Some(5));
        assert!(write(db, async |tx| backups::damaged(tx, id, 5, &"one bit".into(), at(13)).await).await);
        for end in [0, 1] {
            assert!(again(id).await && !counts().await, "damaged until the contrary is proven");
            assert!(if end == 0 { later(id).await } else { call_off(id).await });
            let broken = find(db, id).await;
            assert_eq!((broken.status, broken.error.as_deref()), (BackupStatus::Damaged, Some("one bit")));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_proofs_come_first() {
    on_every_engine(async |store| {
        let db = store.central();
        let mut ids = Vec::new();
        for _ in 0..4 {
            let id = add(db, None).await;
            start(db, id).await.unwrap();
            verify(db, id, 1).await;
            ids.push(id);
        }
        add(db, None).await;
        write(db, async |tx| backups::prove_again(tx, ids[0], at(10)).await).await;
        write(db, async |tx| backups::start_proof(tx, ids[0], at(11)).await).await.unwrap();
        let proven = Proven { depth: ProofDepth::Full, at: at(12) };
        write(db, async |tx| backups::proven(tx, ids[0], 2, proven).await).await;
        write(db, async |tx| backups::prove_again(tx, ids[3], at(13)).await).await;
        let oldest = async |before, after, limit| {
            read(db, async |tx| backups::oldest_proven(tx, before, after, limit).await).await
        };
        let first = oldest(at(99), None, 2).await;
        assert_eq!(first.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[1], ids[2]]);
        let after = first.last().map(|row| (row.proven_at, row.id));
        let rest = oldest(at(99), after, 9).await;
        assert_eq!(rest.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[0]]);
        assert!(oldest(at(12), after, 9).await.is_empty(), "what was proven since is left alone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_did_not_change_is_as_safe_as_the_backup_that_holds_it() {
    on_every_engine(async |store| {
        let db = store.central();
        let safe = async || read(db, async |tx| backups::safe_at(tx, None).await).await;
        assert_eq!(safe().await, None);
        let source = add(db, None).await;
        start(db, source).await.unwrap();
        verify(db, source, 1).await;
        let same = add(db, None).await;
        let unchanged =
            async |attempt| write(db, async |tx| backups::unchanged(tx, same, attempt, source, at(20)).await).await;
        assert!(!unchanged(1).await, "nobody began it");
        start(db, same).await.unwrap();
        assert!(!unchanged(9).await && unchanged(1).await);
        let row = find(db, same).await;
        assert_eq!((row.status, row.same_as, row.stored_bytes), (BackupStatus::Unchanged, Some(source), None));
        assert_eq!((safe().await, read(db, backups::coverage).await.central), (Some(at(20)), Some(at(20))));
        for asked in [&row, &find(db, source).await] {
            let holds = read(db, async |tx| backups::source(tx, asked).await).await;
            assert_eq!(holds.map(|row| row.id), Some(source));
        }
        assert!(delete(db, source).await);
        assert_eq!(safe().await, None, "what it stood for is gone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_backup_does_not_go_to_the_trash() {
    on_every_engine(async |store| {
        let db = store.central();
        let pin = async |id| write(db, async |tx| backups::pin(tx, id, at(6)).await).await;
        let unpin = async |id| write(db, async |tx| backups::unpin(tx, id, at(6)).await).await;
        let id = add(db, None).await;
        end(db, id, BackupStatus::Failed).await;
        assert!(pin(id).await && !delete(db, id).await);
        assert_eq!(find(db, id).await.pinned_at, Some(at(6)));
        assert!(unpin(id).await && delete(db, id).await && !pin(id).await);
        assert!(!unpin(Ids.next()).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_are_there_are_read_at_once_in_the_trash_too() {
    on_every_engine(async |store| {
        let db = store.central();
        let (one, two, _other) = (add(db, None).await, add(db, Some(Ids.next())).await, add(db, None).await);
        end(db, two, BackupStatus::Failed).await;
        assert!(delete(db, two).await);
        let ids = [two, Ids.next(), one, one];
        let mut found = read(db, async |tx| backups::find_all(tx, &ids).await).await;
        found.sort_by_key(|row| row.id);
        let wanted = [find(db, one).await, find(db, two).await];
        assert_eq!(format!("{found:?}"), format!("{wanted:?}"));
        assert!(read(db, async |tx| backups::find_all(tx, &[]).await).await.is_empty());
    })
    .await;
}
