//! A tenant's settings.

use chiliview_store::{Ids, TenantId, tenant_settings as settings};

use crate::{
    common::{at, read, tenant_database, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_knows_its_owner_and_a_setting_is_replaced() {
    on_every_engine(async |store| {
        let (id, db) = tenant_database(&store).await;
        assert_eq!(read(&db, settings::owner).await, Some(id));
        assert_eq!(read(&db, async |tx| settings::get(tx, "theme").await).await, None);
        for value in ["dark", "light"] {
            write(&db, async |tx| settings::set(tx, "theme", value, at(1)).await).await;
            assert_eq!(read(&db, async |tx| settings::get(tx, "theme").await).await.as_deref(), Some(value));
        }
        let other: TenantId = Ids.next();
        write(&db, async |tx| settings::set_owner(tx, other, at(2)).await).await;
        assert_eq!(read(&db, settings::owner).await, Some(other));
        write(&db, async |tx| settings::set(tx, "tenant_id", "nonsense", at(3)).await).await;
        assert_eq!(read(&db, settings::owner).await, None);
    })
    .await;
}
