//! How well each database is covered, and what was made day by day.

use std::time::Duration;

use chiliview_store::{
    BackupId, Database, Ids, TenantId,
    backups::{self, BackupSort, BackupStatus, Cover, CoverFilter, Covered, Filter, New, Origin, ProofDepth, Verified},
    paging::Direction,
    tenants::{self, Tenant, TenantStatus},
};

use crate::{
    common::{DIRECTIONS, at, page, read, tenant, walk, write},
    engines::on_every_engine,
};

const GRACE: Duration = Duration::from_secs(100);
const DAY: i64 = 24 * 3600;

async fn add(db: &Database, tenant: Option<&Tenant>, second: i64, origin: Origin) -> BackupId {
    let tenant = tenant.map(|tenant| (tenant.id, tenant.slug.clone()));
    let id = Ids.next();
    let new = New { id, tenant, origin, run: None, requested_by: "Anna".into(), trace_id: None, at: at(second) };
    write(db, async |tx| backups::insert(tx, &new).await).await;
    id
}

async fn verify(db: &Database, id: BackupId, second: i64, bytes: i64) {
    let proof = Verified {
        manifest: "{}".into(),
        stored_sha256: "cd".repeat(32),
        stored_bytes: bytes,
        plain_bytes: 10 * bytes,
        encrypted: false,
        depth: ProofDepth::Quick,
    };
    write(db, async |tx| {
        let attempt = backups::start(tx, id, at(second)).await?.unwrap();
        backups::verified(tx, id, attempt, &proof, at(second)).await
    })
    .await;
}

async fn fail(db: &Database, id: BackupId, second: i64) {
    write(db, async |tx| backups::end(tx, id, BackupStatus::Failed, &"no room".into(), at(second)).await).await;
}

/// The schedule of every night is due then.
async fn due(db: &Database, second: i64) {
    let sql = "UPDATE schedules SET next_at = $1, jitter_seconds = 0 WHERE scope = 'all' AND action = 'back_up'";
    write(db, async |tx| tx.query(sql).bind(at(second)).execute().await).await;
}

async fn covers(db: &Database, filter: CoverFilter) -> Vec<Covered> {
    let key = |row: &Covered| (row.sort_key.clone(), row.sort_key.clone());
    let list = async |page| read(db, async |tx| backups::covers(tx, &filter, &page, at(5000), GRACE).await).await;
    walk(Direction::Ascending, key, list).await
}

fn shown(rows: &[Covered]) -> Vec<(&str, Cover)> {
    rows.iter().map(|row| (row.slug.as_deref().unwrap_or("central"), row.cover)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worst_covered_come_first_and_the_central_database_is_among_them() {
    on_every_engine(async |store| {
        let db = store.central();
        let all = ["fine", "late", "never", "broken", "gone"].map(|slug| tenant(slug, slug));
        for tenant in &all {
            write(db, async |tx| tenants::insert(tx, tenant).await).await;
        }
        let [fine, late, _never, broken, gone] = &all;
        let gone = Tenant { deleted_at: Some(at(1)), purge_after: Some(at(9)), ..gone.clone() };
        write(db, async |tx| tenants::update(tx, &gone).await).await;
        due(db, 1000).await;
        verify(db, add(db, Some(late), 10, Origin::Schedule).await, 20, 5).await;
        let good = add(db, Some(broken), 10, Origin::Schedule).await;
        verify(db, good, 1001, 7).await;
        let newest = add(db, Some(fine), 10, Origin::Request).await;
        verify(db, newest, 1002, 11).await;
        let bad = add(db, Some(broken), 2000, Origin::Schedule).await;
        fail(db, bad, 2001).await;
        let waiting = add(db, Some(fine), 2000, Origin::Request).await;

        let rows = covers(db, CoverFilter::default()).await;
        let wanted = [
            ("broken", Cover::Failed),
            ("central", Cover::Never),
            ("never", Cover::Never),
            ("late", Cover::Late),
            ("fine", Cover::Protected),
        ];
        assert_eq!(shown(&rows), wanted);
        let (first, last) = (&rows[0], &rows[4]);
        assert_eq!((first.last_backup, first.newest_backup, first.safe_at), (Some(bad), Some(good), Some(at(1001))));
        assert_eq!((first.last_status, first.last_error.as_deref()), (Some(BackupStatus::Failed), Some("no room")));
        assert_eq!((last.last_backup, last.newest_backup), (Some(waiting), Some(newest)));
        assert_eq!((last.last_status, last.stored_bytes), (Some(BackupStatus::Queued), 11));

        let narrowed = |filter: CoverFilter| covers(db, filter);
        let one = narrowed(CoverFilter { tenant: Some(late.id), ..CoverFilter::default() }).await;
        assert_eq!(shown(&one), [("late", Cover::Late)]);
        let of_a_kind = narrowed(CoverFilter { cover: Some(Cover::Never), ..CoverFilter::default() }).await;
        assert_eq!(shown(&of_a_kind), [("central", Cover::Never), ("never", Cover::Never)]);
        let searched = narrowed(CoverFilter { q: Some("BROK".into()), ..CoverFilter::default() }).await;
        assert_eq!(shown(&searched), [("broken", Cover::Failed)]);

        let counts = async |tenant: Option<TenantId>| {
            read(db, async |tx| backups::count_covers(tx, tenant, at(5000), GRACE).await).await
        };
        let counted: Vec<_> = counts(None).await.iter().map(|row| (row.cover, row.tenants, row.oldest)).collect();
        let wanted = [
            (Cover::Failed, 1, Some(at(1001))),
            (Cover::Late, 1, Some(at(20))),
            (Cover::Never, 1, None),
            (Cover::Protected, 1, Some(at(1002))),
        ];
        assert_eq!(counted, wanted);
        let one = counts(Some(fine.id)).await;
        assert_eq!((one.len(), one[0].status, one[0].newest), (1, TenantStatus::Active, Some(at(1002))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_count_what_ended_on_them() {
    on_every_engine(async |store| {
        let db = store.central();
        let acme = tenant("acme", "Acme");
        verify(db, add(db, Some(&acme), 0, Origin::Schedule).await, 1, 5).await;
        verify(db, add(db, None, 0, Origin::Schedule).await, 2, 7).await;
        fail(db, add(db, Some(&acme), 0, Origin::Schedule).await, DAY).await;
        let days = async |tenant, from| -> Vec<(i64, BackupStatus, i64, i64)> {
            let rows = read(db, async |tx| backups::by_day(tx, tenant, at(from)).await).await;
            rows.iter().map(|row| (row.day, row.status, row.backups, row.stored_bytes)).collect()
        };
        let first = at(0).micros() / (DAY * 1_000_000);
        let failed = (first + 1, BackupStatus::Failed, 1, 0);
        assert_eq!(days(None, 0).await, [(first, BackupStatus::Verified, 2, 12), failed]);
        assert_eq!(days(Some(acme.id), 0).await, [(first, BackupStatus::Verified, 1, 5), failed]);
        assert_eq!(days(None, 100).await, [failed]);
        let shelf = async |tenant| read(db, async |tx| backups::on_shelf(tx, tenant).await).await;
        assert_eq!((shelf(None).await, shelf(Some(acme.id)).await), ((2, 12), (1, 5)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_backups_is_searched_and_sorted_every_way() {
    on_every_engine(async |store| {
        let db = store.central();
        let (acme, zeta) = (tenant("acme", "Acme"), tenant("zeta", "Zeta"));
        let ids = [
            add(db, Some(&zeta), 0, Origin::Request).await,
            add(db, Some(&acme), 10, Origin::Schedule).await,
            add(db, None, 20, Origin::Request).await,
        ];
        verify(db, ids[0], 90, 1000).await;
        verify(db, ids[1], 80, 9).await;
        fail(db, ids[2], 70).await;
        let number = |row: &backups::Backup| ids.iter().position(|id| *id == row.id).unwrap();
        for (sort, wanted) in [
            (BackupSort::Created, [0, 1, 2]),
            (BackupSort::Finished, [2, 1, 0]),
            (BackupSort::Bytes, [2, 1, 0]),
            (BackupSort::Tenant, [2, 1, 0]),
        ] {
            for direction in DIRECTIONS {
                let key = |row: &backups::Backup| (sort.key(row), row.id.to_string());
                let list = async |page| {
                    read(db, async |tx| backups::list_sorted(tx, &Filter::default(), sort, &page).await).await
                };
                let mut found: Vec<_> = walk(direction, key, list).await.iter().map(number).collect();
                if direction == Direction::Descending {
                    found.reverse();
                }
                assert_eq!(found, wanted, "{sort} {direction:?}");
            }
        }
        let all = page(Direction::Ascending, 9, None);
        for (filter, wanted) in [
            (Filter { q: Some("ZET".into()), ..Filter::default() }, vec![0]),
            (Filter { q: Some("no room".into()), ..Filter::default() }, vec![2]),
            (Filter { q: Some("central".into()), ..Filter::default() }, vec![2]),
            (Filter { q: Some("anna".into()), ..Filter::default() }, vec![0, 1, 2]),
            (Filter { q: Some(ids[1].to_string()), ..Filter::default() }, vec![1]),
            (Filter { origin: Some(Origin::Schedule), ..Filter::default() }, vec![1]),
            (Filter { since: Some(at(10)), ..Filter::default() }, vec![1, 2]),
            (Filter { since: Some(at(5)), until: Some(at(20)), ..Filter::default() }, vec![1]),
        ] {
            let rows = read(db, async |tx| backups::list(tx, &filter, &all).await).await;
            assert_eq!(rows.iter().map(number).collect::<Vec<_>>(), wanted, "{filter:?}");
        }
    })
    .await;
}
