//! Tenants.

use std::collections::BTreeMap;

use chiliview_store::{
    Database, Error, Ids, TenantId,
    json_text::JsonText,
    paging::Direction,
    tenant_recipients,
    tenants::{self, Filter, Tenant, TenantSort, TenantStatus},
};
use serde_json::json;

use crate::{
    common::{DIRECTIONS, at, failure, read, tenant, walk, write},
    engines::on_every_engine,
};

async fn add(db: &Database, tenant: &Tenant) {
    write(db, async |tx| tenants::insert(tx, tenant).await).await;
}

fn full() -> Tenant {
    Tenant {
        legal_name: Some("Chili GmbH & Co. KG".into()),
        contact_name: Some("Jörg \"JJ\" O'Neil".into()),
        contact_email: Some("jj@example.com".into()),
        contact_phone: Some("+49 30 1234".into()),
        external_reference: Some("CRM-7".into()),
        notes: "two\nlines 🌶".into(),
        tags: JsonText(vec!["VIP".into(), "a\"b".into()]),
        metadata: JsonText(BTreeMap::from([("plan".into(), json!({"seats": 7, "trial": false}))])),
        quota_users: Some(10),
        quota_bytes: Some(i64::MAX),
        quota_backups: Some(0),
        status_reason: Some("new".into()),
        delete_protection: 1,
        ..tenant("chili", "Chili")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_column_comes_back_as_it_went_in() {
    on_every_engine(async |store| {
        let db = store.central();
        let mut wanted = full();
        add(db, &wanted).await;
        let shown = |tenant: &Tenant| format!("{tenant:?}");
        let found = read(db, async |tx| tenants::find(tx, wanted.id).await).await.unwrap();
        assert_eq!(shown(&found), shown(&wanted));

        wanted.slug = "chili-2".into();
        wanted.status = TenantStatus::Suspended;
        wanted.quota_users = None;
        wanted.tags = JsonText(vec![]);
        wanted.updated_at = at(9);
        write(db, async |tx| tenants::update(tx, &wanted).await).await;
        wanted.version = 2;
        let found = read(db, async |tx| tenants::find_by_slug(tx, "chili-2").await).await.unwrap();
        assert_eq!(shown(&found), shown(&wanted));
        assert!(read(db, async |tx| tenants::find_by_slug(tx, "chili").await).await.is_none());
        let slugs = read(db, async |tx| tenants::slugs(tx, &[Ids.next(), wanted.id]).await).await;
        assert_eq!(slugs, [(wanted.id, "chili-2".to_owned())]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_and_a_taken_slug_are_refused() {
    on_every_engine(async |store| {
        let db = store.central();
        let (first, second) = (tenant("one", "One"), tenant("two", "Two"));
        add(db, &first).await;
        add(db, &second).await;
        let clash = failure(db, async |tx| tenants::insert(tx, &tenant("one", "Another")).await).await;
        assert!(clash.is_duplicate_of("tenants", "slug"), "{clash}");
        let renamed = Tenant { slug: "one".into(), ..second.clone() };
        let clash = failure(db, async |tx| tenants::update(tx, &renamed).await).await;
        assert!(clash.is_duplicate_of("tenants", "slug"), "{clash}");
        let stale = Tenant { version: 7, ..second };
        let stale = failure(db, async |tx| tenants::update(tx, &stale).await).await;
        assert!(matches!(stale, Error::VersionMismatch), "{stale}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_trash_is_purged_and_only_what_is_due() {
    on_every_engine(async |store| {
        let db = store.central();
        let trash = |slug, end| Tenant { deleted_at: Some(at(0)), purge_after: Some(at(end)), ..tenant(slug, slug) };
        let (living, late, soon) = (tenant("living", "L"), trash("late", 20), trash("soon", 10));
        for tenant in [&living, &late, &soon] {
            add(db, tenant).await;
        }
        let due = async |now, limit| -> Vec<TenantId> {
            let due = read(db, async |tx| tenants::due_for_purge(tx, at(now), limit).await).await;
            due.into_iter().map(|tenant| tenant.id).collect()
        };
        assert!(due(9, 9).await.is_empty());
        assert_eq!(due(10, 9).await, [soon.id]);
        assert_eq!(due(30, 9).await, [soon.id, late.id]);
        assert_eq!(due(30, 1).await, [soon.id]);
        assert!(!write(db, async |tx| tenants::purge(tx, living.id).await).await);
        assert!(write(db, async |tx| tenants::purge(tx, soon.id).await).await);
        assert!(!write(db, async |tx| tenants::purge(tx, soon.id).await).await);
        let ids = read(db, async |tx| tenants::ids(tx, None, 9).await).await;
        assert_eq!(ids, [(living.id, "living".to_owned()), (late.id, "late".to_owned())]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suspended_are_backed_up_and_the_deleted_are_not() {
    on_every_engine(async |store| {
        let db = store.central();
        let suspended = Tenant { status: TenantStatus::Suspended, ..tenant("a", "A") };
        let deleted = Tenant { deleted_at: Some(at(0)), purge_after: Some(at(1)), ..tenant("b", "B") };
        let active = tenant("c", "C");
        for tenant in [&suspended, &deleted, &active] {
            add(db, tenant).await;
        }
        let next = async |after, limit| -> Vec<TenantId> {
            let some = read(db, async |tx| tenants::to_back_up(tx, after, limit).await).await;
            some.into_iter().map(|tenant| tenant.id).collect()
        };
        assert_eq!(next(None, 9).await, [suspended.id, active.id]);
        assert_eq!(next(None, 1).await, [suspended.id]);
        assert_eq!(next(Some(suspended.id), 9).await, [active.id]);
        assert!(next(Some(active.id), 9).await.is_empty());
        let behind = read(db, async |tx| tenants::ids(tx, Some(suspended.id), 1).await).await;
        assert_eq!(behind, [(deleted.id, "b".to_owned())]);
    })
    .await;
}

fn key(sort: TenantSort, tenant: &Tenant) -> (String, String) {
    let key = match sort {
        TenantSort::Name => tenant.name.clone(),
        TenantSort::Slug => tenant.slug.clone(),
        TenantSort::Created => tenant.id.to_string(),
    };
    (key, tenant.id.to_string())
}

fn many() -> Vec<Tenant> {
    let names = ["beta", "Alpha", "beta", "gamma", "Ägypten", "100% Chili", "under_score", "back\\slash", "beta"];
    let make = |(number, name): (usize, &&str)| Tenant {
        status: TenantStatus::ALL[number % 3],
        tags: JsonText(match number % 4 {
            0 => vec!["VIP".into(), "nord".into()],
            1 => vec!["vip".into()],
            2 => vec!["Ähre".into(), "nord-west".into()],
            _ => vec![],
        }),
        deleted_at: (number % 5 == 4).then(|| at(1)),
        purge_after: (number % 5 == 4).then(|| at(2)),
        ..tenant(&format!("slug-{}", 90 - number), name)
    };
    names.iter().enumerate().map(make).collect()
}

fn matches(filter: &Filter, tenant: &Tenant) -> bool {
    let q = filter.q.as_deref().unwrap_or_default().to_lowercase();
    let texts = [&tenant.name, &tenant.slug].into_iter().chain(&tenant.tags.0);
    let found = texts.map(|text| text.to_lowercase()).any(|text| text.contains(&q));
    found
        && filter.status.is_none_or(|status| status == tenant.status)
        && filter.tag.as_ref().is_none_or(|tag| tenant.tags.0.contains(tag))
        && filter.deleted == tenant.deleted_at.is_some()
}

fn filters() -> Vec<Filter> {
    let mut all = Vec::new();
    for q in [None, Some("BETA"), Some("%"), Some("_"), Some("\\"), Some("ÄG"), Some("slug-8")] {
        for tag in [None, Some("VIP"), Some("vip"), Some("Ähre"), Some("nord"), Some("n%d")] {
            for status in [None, Some(TenantStatus::Active), Some(TenantStatus::ReadOnly)] {
                for deleted in [false, true] {
                    all.push(Filter { q: q.map(str::to_owned), status, tag: tag.map(str::to_owned), deleted });
                }
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_right_for_every_sort_direction_and_filter() {
    on_every_engine(async |store| {
        let db = store.central();
        let rows = many();
        for tenant in &rows {
            add(db, tenant).await;
        }
        for filter in &filters() {
            for &sort in TenantSort::ALL {
                let mut wanted: Vec<_> = rows.iter().filter(|tenant| matches(filter, tenant)).collect();
                wanted.sort_by_key(|tenant| key(sort, tenant));
                for direction in DIRECTIONS {
                    let found = walk(
                        direction,
                        |tenant| key(sort, tenant),
                        async |page| read(db, async |tx| tenants::list(tx, filter, sort, &page).await).await,
                    );
                    let mut found: Vec<TenantId> = found.await.iter().map(|tenant| tenant.id).collect();
                    if direction == Direction::Descending {
                        found.reverse();
                    }
                    let wanted: Vec<TenantId> = wanted.iter().map(|tenant| tenant.id).collect();
                    assert_eq!(found, wanted, "{} {filter:?} {sort} {direction:?}", db.engine().as_str());
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_own_recipients_are_set_and_removed_and_raise_its_version() {
    on_every_engine(async |store| {
        let db = store.central();
        let row = tenant("acme", "Acme");
        add(db, &row).await;
        let found = async || read(db, async |tx| tenant_recipients::find(tx, row.id).await).await.unwrap();
        let set = async |keys: &[&str]| {
            let keys = keys.iter().map(ToString::to_string).collect();
            write(db, async |tx| tenant_recipients::set(tx, row.id, keys, at(1)).await).await
        };
        assert_eq!((found().await.keys(), found().await.version), (&[][..], 1));
        assert!(set(&["age1b", "age1a"]).await);
        assert_eq!((found().await.keys(), found().await.version), (&["age1b".to_owned(), "age1a".to_owned()][..], 2));
        assert!(set(&[]).await);
        assert_eq!((found().await.backup_recipients, found().await.version), (None, 3));
        assert!(!write(db, async |tx| tenant_recipients::set(tx, Ids.next(), Vec::new(), at(1)).await).await);
    })
    .await;
}
