//! Migrations of the fleet, and which schema each tenant has.

use chiliview_store::{
    FleetMigrationId, Ids,
    fleet_migrations::{self, FleetMigrationStatus},
    paging::Direction,
    tenant_schemas, tenants,
};

use crate::{
    common::{at, failure, page, read, tenant, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_goes_from_tenant_to_tenant_and_counts_what_is_there() {
    on_every_engine(async |store| {
        let db = store.central();
        let rows = [tenant("a", "A"), tenant("b", "B"), tenant("c", "C")];
        for row in &rows {
            write(db, async |tx| tenants::insert(tx, row).await).await;
        }
        let ids = rows.each_ref().map(|row| row.id);
        assert!(!read(db, async |tx| fleet_migrations::is_known(tx, 2).await).await);
        assert!(read(db, async |tx| fleet_migrations::last(tx).await).await.is_none());
        let id: FleetMigrationId = Ids.next();
        write(db, async |tx| fleet_migrations::insert(tx, id, 2, at(0)).await).await;
        let second = failure(db, async |tx| fleet_migrations::insert(tx, Ids.next(), 2, at(0)).await).await;
        assert!(matches!(second, chiliview_store::Error::Duplicate { .. }), "{second}");
        assert!(read(db, async |tx| fleet_migrations::is_known(tx, 2).await).await);
        assert!(!read(db, async |tx| fleet_migrations::is_known(tx, 3).await).await);

        let behind = async |after| read(db, async |tx| tenant_schemas::behind(tx, 2, after, 2).await).await;
        assert_eq!(behind(None).await, [(ids[0], "a".to_owned()), (ids[1], "b".to_owned())]);
        assert_eq!(behind(Some(ids[1])).await, [(ids[2], "c".to_owned())]);
        write(db, async |tx| tenant_schemas::reached(tx, ids[0], 2, at(1)).await).await;
        write(db, async |tx| tenant_schemas::reached(tx, ids[1], 1, at(1)).await).await;
        write(db, async |tx| tenant_schemas::failed(tx, ids[1], "no room", at(2)).await).await;
        assert!(write(db, async |tx| fleet_migrations::reach(tx, id, Some(ids[1]), at(3)).await).await);
        let row = read(db, async |tx| fleet_migrations::find(tx, id).await).await.unwrap();
        assert_eq!((row.status, row.total, row.done, row.failed), (FleetMigrationStatus::Running, 3, 1, 1));
        assert_eq!((row.reached, row.started_at), (Some(ids[1]), Some(at(3))));
        let changed = read(db, async |tx| fleet_migrations::changed_since(tx, at(2), None, 9).await).await;
        assert_eq!(changed.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
        assert!(read(db, async |tx| fleet_migrations::changed_since(tx, at(3), Some(id), 9).await).await.is_empty());

        let failures =
            read(db, async |tx| tenant_schemas::failures(tx, &page(Direction::Ascending, 10, None)).await).await;
        let found: Vec<_> = failures.iter().map(|row| (row.slug.as_str(), row.version, row.error.as_deref())).collect();
        assert_eq!(found, [("b", 1, Some("no room"))]);
        assert_eq!(read(db, async |tx| tenant_schemas::counts(tx).await).await, (3, 1));
        write(db, async |tx| tenant_schemas::reached(tx, ids[1], 2, at(4)).await).await;
        assert_eq!(read(db, async |tx| tenant_schemas::counts(tx).await).await, (3, 0), "a later success is one");
        assert!(write(db, async |tx| tenant_schemas::forget(tx, ids[1]).await).await);

        let status = FleetMigrationStatus::Done;
        assert!(write(db, async |tx| fleet_migrations::end(tx, id, status, None, at(5)).await).await);
        assert!(!write(db, async |tx| fleet_migrations::end(tx, id, status, None, at(6)).await).await, "once");
        assert!(!write(db, async |tx| fleet_migrations::reach(tx, id, None, at(6)).await).await, "it is over");
        let all = read(db, async |tx| fleet_migrations::list(tx, &page(Direction::Ascending, 10, None)).await).await;
        assert_eq!(all.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
    })
    .await;
}
