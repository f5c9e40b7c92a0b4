//! API keys.

use chiliview_store::{
    ApiKeyId, Ids,
    admins::{self, AdminRole},
    api_keys::{self, ApiKey, KeyRole},
    tenants,
};

use crate::{
    common::{DIRECTIONS, admin, at, failure, read, tenant, walk, write},
    engines::on_every_engine,
};

pub(crate) fn key(role: KeyRole) -> ApiKey {
    ApiKey {
        id: Ids.next(),
        hint: "x7Qf".into(),
        name: "deploy".into(),
        role,
        tenant_id: None,
        admin_id: None,
        user_id: None,
        made_by: "root".into(),
        expires_at: at(100),
        last_used_at: None,
        created_at: at(0),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_by_its_token_used_listed_and_ended() {
    on_every_engine(async |store| {
        let db = store.central();
        let (owner, home) = (admin("a", AdminRole::Owner), tenant("t", "T"));
        write(db, async |tx| admins::insert(tx, &owner).await).await;
        write(db, async |tx| tenants::insert(tx, &home).await).await;
        let of_admin = ApiKey { admin_id: Some(owner.id), ..key(KeyRole::Operator) };
        let of_tenant = ApiKey { tenant_id: Some(home.id), admin_id: Some(owner.id), ..key(KeyRole::Manager) };
        let by_user = ApiKey { tenant_id: Some(home.id), user_id: Some(Ids.next()), ..key(KeyRole::Manager) };
        let by_user = ApiKey { expires_at: at(7), ..by_user };
        for key in [&of_admin, &of_tenant, &by_user] {
            write(db, async |tx| api_keys::insert(tx, key, key.id.uuid().as_bytes()).await).await;
        }
        let again = ApiKey { admin_id: Some(owner.id), ..key(KeyRole::Auditor) };
        let clash = failure(db, async |tx| api_keys::insert(tx, &again, of_admin.id.uuid().as_bytes()).await).await;
        assert!(clash.is_duplicate_of("api_keys", "token_hash"), "{clash}");

        write(db, async |tx| api_keys::touch(tx, of_admin.id, at(5)).await).await;
        let token = of_admin.id.uuid();
        let found = read(db, async |tx| api_keys::find_by_token(tx, token.as_bytes()).await).await.unwrap();
        assert_eq!(format!("{found:?}"), format!("{:?}", ApiKey { last_used_at: Some(at(5)), ..of_admin.clone() }));
        assert!(read(db, async |tx| api_keys::find_by_token(tx, b"other").await).await.is_none());
        assert_eq!(read(db, async |tx| api_keys::count(tx, None).await).await, 1);
        assert_eq!(read(db, async |tx| api_keys::count(tx, Some(home.id)).await).await, 2);

        for direction in DIRECTIONS {
            let ids = async |tenant| -> Vec<ApiKeyId> {
                let place = |key: &ApiKey| (key.id.to_string(), key.id.to_string());
                let list = async |page| read(db, async |tx| api_keys::list(tx, tenant, &page).await).await;
                let mut ids: Vec<_> = walk(direction, place, list).await.into_iter().map(|key| key.id).collect();
                ids.sort();
                ids
            };
            assert_eq!(ids(None).await, [of_admin.id, of_tenant.id, by_user.id]);
            assert_eq!(ids(Some(home.id)).await, [of_tenant.id, by_user.id]);
        }
        assert_eq!(write(db, async |tx| api_keys::delete_ended(tx, at(8)).await).await, 1);
        assert!(write(db, async |tx| api_keys::delete(tx, of_tenant.id).await).await);
        assert!(!write(db, async |tx| api_keys::delete(tx, of_tenant.id).await).await);
        assert!(write(db, async |tx| admins::delete(tx, owner.id).await).await);
        assert!(read(db, async |tx| api_keys::find(tx, of_admin.id).await).await.is_none(), "it goes with its maker");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_the_platforms_or_a_tenants_and_has_one_maker() {
    on_every_engine(async |store| {
        let db = store.central();
        let (owner, home) = (admin("a", AdminRole::Owner), tenant("t", "T"));
        write(db, async |tx| admins::insert(tx, &owner).await).await;
        write(db, async |tx| tenants::insert(tx, &home).await).await;
        let (tenant_id, admin_id, user_id) = (Some(home.id), Some(owner.id), Some(Ids.next()));
        for wrong in [
            key(KeyRole::Operator),
            ApiKey { admin_id, ..key(KeyRole::Manager) },
            ApiKey { admin_id, tenant_id, ..key(KeyRole::Operator) },
            ApiKey { user_id, ..key(KeyRole::Auditor) },
            ApiKey { admin_id, user_id, tenant_id, ..key(KeyRole::Manager) },
        ] {
            failure(db, async |tx| api_keys::insert(tx, &wrong, b"x").await).await;
        }
    })
    .await;
}
