//! The readiness probe.

use chiliview_store::readiness;

use crate::{
    common::{at, read, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_writes_one_row_over_and_over() {
    on_every_engine(async |store| {
        for second in [1, 2, 3] {
            write(store.central(), async |tx| readiness::probe(tx, at(second)).await).await;
        }
        let rows: Vec<(i64, i64)> =
            read(store.central(), async |tx| tx.query("SELECT id, checked_at FROM readiness").fetch_all().await).await;
        assert_eq!(rows, [(1, at(3).micros())]);
    })
    .await;
}
