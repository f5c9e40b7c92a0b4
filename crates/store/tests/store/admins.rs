//! Admins.

use chiliview_store::{
    Error,
    admins::{self, AdminRole, Filter},
};

use crate::{
    common::{DIRECTIONS, admin, at, failure, read, walk, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_is_found_changed_and_removed() {
    on_every_engine(async |store| {
        let db = store.central();
        let mut anna = admin("Anna", AdminRole::Owner);
        write(db, async |tx| admins::insert(tx, &anna).await).await;
        let found = read(db, async |tx| admins::find_by_username(tx, "aNNA").await).await.unwrap();
        assert_eq!((found.id, found.username.as_str(), found.created_at), (anna.id, "Anna", at(0)));
        assert_eq!(
            (found.password_hash, found.last_login_at, found.disabled_at),
            (anna.password_hash.clone(), None, None)
        );

        anna.email = None;
        anna.role = AdminRole::Auditor;
        anna.credential_version = 2;
        anna.disabled_at = Some(at(5));
        anna.updated_at = at(5);
        write(db, async |tx| admins::update(tx, &anna).await).await;
        write(db, async |tx| admins::logged_in(tx, anna.id, at(6)).await).await;
        let found = read(db, async |tx| admins::find(tx, anna.id).await).await.unwrap();
        assert_eq!((found.version, found.role, found.credential_version), (2, AdminRole::Auditor, 2));
        assert_eq!((found.email, found.disabled_at, found.updated_at), (None, Some(at(5)), at(5)));
        assert_eq!((found.last_login_at, found.created_at), (Some(at(6)), at(0)));

        let stale = failure(db, async |tx| admins::update(tx, &anna).await).await;
        assert!(matches!(stale, Error::VersionMismatch), "{stale}");
        assert!(write(db, async |tx| admins::delete(tx, anna.id).await).await);
        assert!(!write(db, async |tx| admins::delete(tx, anna.id).await).await);
        assert!(read(db, async |tx| admins::find(tx, anna.id).await).await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_is_taken_whatever_its_case() {
    on_every_engine(async |store| {
        let db = store.central();
        let mut second = admin("Bob", AdminRole::Operator);
        write(db, async |tx| admins::insert(tx, &admin("ÄNNA", AdminRole::Owner)).await).await;
        write(db, async |tx| admins::insert(tx, &second).await).await;
        let clash = failure(db, async |tx| admins::insert(tx, &admin("änna", AdminRole::Owner)).await).await;
        assert!(clash.is_duplicate_of("admins", "username_key"), "{clash}");
        second.username = "äNNA".into();
        let clash = failure(db, async |tx| admins::update(tx, &second).await).await;
        assert!(clash.is_duplicate_of("admins", "username_key") && !clash.is_duplicate_of("admins", "id"), "{clash}");
        assert_eq!(read(db, admins::count).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_owners_who_can_log_in_are_counted() {
    on_every_engine(async |store| {
        let db = store.central();
        let disabled = admins::Admin { disabled_at: Some(at(1)), ..admin("b", AdminRole::Owner) };
        let all =
            [admin("a", AdminRole::Owner), disabled, admin("c", AdminRole::Operator), admin("d", AdminRole::Owner)];
        assert_eq!(read(db, admins::count_active_owners).await, 0);
        for admin in &all {
            write(db, async |tx| admins::insert(tx, admin).await).await;
        }
        assert_eq!(read(db, admins::count_active_owners).await, 2);
        assert_eq!(read(db, admins::count).await, 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_searched_narrowed_and_sorted() {
    on_every_engine(async |store| {
        let db = store.central();
        let roles = [AdminRole::Owner, AdminRole::Operator, AdminRole::Auditor];
        for (number, name) in ["delta", "Alpha", "charlie", "Bravo", "100%_x", "echo", "änne"].iter().enumerate() {
            write(db, async |tx| admins::insert(tx, &admin(name, roles[number % 3])).await).await;
        }
        for direction in DIRECTIONS {
            let list = async |q: Option<&str>, role| -> Vec<String> {
                let filter = Filter { q: q.map(str::to_owned), role };
                let key = |admin: &admins::Admin| (admin.username.to_lowercase(), admin.id.to_string());
                let rows = walk(direction, key, async |page| {
                    read(db, async |tx| admins::list(tx, &filter, &page).await).await
                });
                let mut names: Vec<String> = rows.await.into_iter().map(|admin| admin.username).collect();
                if direction == DIRECTIONS[1] {
                    names.reverse();
                }
                names
            };
            let all = ["100%_x", "Alpha", "Bravo", "charlie", "delta", "echo", "änne"];
            assert_eq!(list(None, None).await, all);
            assert_eq!(list(Some("%_"), None).await, ["100%_x"]);
            assert_eq!(list(Some("ÄNNE@EXAMPLE"), None).await, ["änne"]);
            assert_eq!(list(None, Some(AdminRole::Owner)).await, ["Bravo", "delta", "änne"]);
            assert_eq!(list(Some("THE ADMIN"), Some(AdminRole::Auditor)).await, ["charlie", "echo"]);
            assert!(list(Some("nobody"), None).await.is_empty());
        }
    })
    .await;
}
