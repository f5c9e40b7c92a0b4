//! Sessions.

use chiliview_store::{
    Database, Ids, SessionId,
    admins::{self, AdminRole},
    paging::Direction,
    sessions::{self, Filter, Named, Session},
    tenants,
};

use crate::{
    common::{DIRECTIONS, admin, at, failure, read, tenant, walk, write},
    engines::on_every_engine,
};

fn session() -> Session {
    Session {
        id: Ids.next(),
        admin_id: None,
        tenant_id: None,
        user_id: None,
        credential_version: 1,
        address: "2001:db8::1".into(),
        user_agent: "Firefox".into(),
        created_at: at(0),
        last_seen_at: at(0),
        expires_at: at(1000),
    }
}

async fn add(db: &Database, sessions: &[&Session]) {
    for session in sessions {
        let token = session.id.uuid().as_bytes().to_vec();
        write(db, async |tx| sessions::insert(tx, session, &token).await).await;
    }
}

async fn there(db: &Database, all: &[&Session]) -> Vec<bool> {
    let mut there = Vec::new();
    for session in all {
        there.push(read(db, async |tx| sessions::find(tx, session.id).await).await.is_some());
    }
    there
}

fn ids(sessions: Vec<Session>) -> Vec<SessionId> {
    sessions.into_iter().map(|session| session.id).collect()
}

fn key(row: &Session) -> (String, String) {
    (row.id.to_string(), row.id.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_found_by_its_token_used_renewed_and_ended() {
    on_every_engine(async |store| {
        let db = store.central();
        let owner = admin("a", AdminRole::Owner);
        write(db, async |tx| admins::insert(tx, &owner).await).await;
        let wanted = Session { admin_id: Some(owner.id), ..session() };
        add(db, &[&wanted]).await;
        let token = wanted.id.uuid().as_bytes().to_vec();
        write(db, async |tx| sessions::touch(tx, wanted.id, at(7)).await).await;
        write(db, async |tx| sessions::renew(tx, wanted.id, 5).await).await;
        let found = read(db, async |tx| sessions::find_by_token(tx, &token).await).await.unwrap();
        let wanted = Session { last_seen_at: at(7), credential_version: 5, ..wanted };
        assert_eq!(format!("{found:?}"), format!("{wanted:?}"));
        assert!(read(db, async |tx| sessions::find_by_token(tx, b"other").await).await.is_none());
        let confirmed = async || read(db, async |tx| sessions::confirmed_at(tx, wanted.id).await).await;
        assert_eq!(confirmed().await, Some(at(0)), "by the log-in that began it");
        write(db, async |tx| sessions::confirm(tx, wanted.id, at(9)).await).await;
        assert_eq!(confirmed().await, Some(at(9)));
        let again = Session { admin_id: Some(owner.id), ..session() };
        let clash = failure(db, async |tx| sessions::insert(tx, &again, &token).await).await;
        assert!(clash.is_duplicate_of("sessions", "token_hash"), "{clash}");
        assert!(write(db, async |tx| sessions::delete(tx, wanted.id).await).await);
        assert!(!write(db, async |tx| sessions::delete(tx, wanted.id).await).await);
        assert_eq!(confirmed().await, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_an_admins_or_a_users_and_nothing_else() {
    on_every_engine(async |store| {
        let db = store.central();
        let (owner, home) = (admin("a", AdminRole::Owner), tenant("t", "T"));
        write(db, async |tx| admins::insert(tx, &owner).await).await;
        write(db, async |tx| tenants::insert(tx, &home).await).await;
        let (tenant_id, user_id) = (Some(home.id), Some(Ids.next()));
        for wrong in [
            session(),
            Session { admin_id: Some(owner.id), tenant_id, user_id, ..session() },
            Session { tenant_id, ..session() },
            Session { user_id, ..session() },
            Session { admin_id: Some(Ids.next()), ..session() },
            Session { tenant_id: Some(Ids.next()), user_id, ..session() },
        ] {
            failure(db, async |tx| sessions::insert(tx, &wrong, b"token").await).await;
        }
        add(db, &[&Session { tenant_id, user_id, ..session() }]).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_by_admin_user_and_tenant_but_for_the_one_that_stays() {
    on_every_engine(async |store| {
        let db = store.central();
        let (owner, home, away) = (admin("a", AdminRole::Owner), tenant("t", "T"), tenant("u", "U"));
        write(db, async |tx| admins::insert(tx, &owner).await).await;
        write(db, async |tx| tenants::insert(tx, &home).await).await;
        write(db, async |tx| tenants::insert(tx, &away).await).await;
        let (user, other) = (Ids.next(), Ids.next());
        let of_admin = || Session { admin_id: Some(owner.id), ..session() };
        let of = |tenant, user| Session { tenant_id: Some(tenant), user_id: Some(user), ..session() };
        let (a1, a2, a3) = (of_admin(), of_admin(), of_admin());
        let (u1, u2, o1, x1) = (of(home.id, user), of(home.id, user), of(home.id, other), of(away.id, user));
        let all = [&a1, &a2, &a3, &u1, &u2, &o1, &x1];
        add(db, &all).await;
        for (direction, admins, users) in [
            (Direction::Descending, [a3.id, a2.id, a1.id], [u2.id, u1.id]),
            (Direction::Ascending, [a1.id, a2.id, a3.id], [u1.id, u2.id]),
        ] {
            let list = async |page| read(db, async |tx| sessions::of_admin(tx, owner.id, &page).await).await;
            assert_eq!(ids(walk(direction, key, list).await), admins);
            let list = async |page| read(db, async |tx| sessions::of_user(tx, home.id, user, &page).await).await;
            assert_eq!(ids(walk(direction, key, list).await), users);
        }
        assert_eq!(write(db, async |tx| sessions::delete_of_admin(tx, owner.id, Some(a2.id)).await).await, 2);
        assert_eq!(write(db, async |tx| sessions::delete_of_user(tx, home.id, user, Some(u1.id)).await).await, 1);
        assert_eq!(there(db, &all).await, [false, true, false, true, false, true, true]);
        assert_eq!(write(db, async |tx| sessions::delete_of_admin(tx, owner.id, None).await).await, 1);
        assert_eq!(write(db, async |tx| sessions::delete_of_user(tx, home.id, user, None).await).await, 1);
        assert_eq!(read(db, async |tx| sessions::count_of_tenant(tx, home.id).await).await, 1);
        assert_eq!(write(db, async |tx| sessions::delete_of_tenant(tx, home.id).await).await, 1);
        assert_eq!(there(db, &all).await, [false, false, false, false, false, false, true]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_with_their_admin_and_tenant_and_at_their_end() {
    on_every_engine(async |store| {
        let db = store.central();
        let (owner, home) = (admin("a", AdminRole::Owner), tenant("t", "T"));
        let home = tenants::Tenant { deleted_at: Some(at(0)), ..home };
        write(db, async |tx| admins::insert(tx, &owner).await).await;
        write(db, async |tx| tenants::insert(tx, &home).await).await;
        let of_admin = Session { admin_id: Some(owner.id), ..session() };
        let of_user = Session { tenant_id: Some(home.id), user_id: Some(Ids.next()), ..session() };
        let over = Session { id: Ids.next(), expires_at: at(100), last_seen_at: at(99), ..of_admin.clone() };
        let idle = Session { id: Ids.next(), last_seen_at: at(50), ..of_admin.clone() };
        let fresh = Session { id: Ids.next(), last_seen_at: at(51), expires_at: at(101), ..of_admin.clone() };
        add(db, &[&over, &idle, &fresh]).await;
        assert_eq!(write(db, async |tx| sessions::delete_ended(tx, at(100), at(50)).await).await, 2);
        assert_eq!(there(db, &[&over, &idle, &fresh]).await, [false, false, true]);
        add(db, &[&of_admin, &of_user]).await;
        assert!(write(db, async |tx| admins::delete(tx, owner.id).await).await);
        assert_eq!(there(db, &[&of_admin, &of_user, &fresh]).await, [false, true, false]);
        assert!(write(db, async |tx| tenants::purge(tx, home.id).await).await);
        assert_eq!(there(db, &[&of_user]).await, [false]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybodys_sessions_are_listed_by_whose_they_are() {
    on_every_engine(async |store| {
        let db = store.central();
        let (owner, home) = (admin("a", AdminRole::Owner), tenant("t", "T"));
        write(db, async |tx| admins::insert(tx, &owner).await).await;
        write(db, async |tx| tenants::insert(tx, &home).await).await;
        let user = Ids.next();
        let all = [
            Session { admin_id: Some(owner.id), ..session() },
            Session { tenant_id: Some(home.id), user_id: Some(user), ..session() },
            Session { tenant_id: Some(home.id), user_id: Some(Ids.next()), ..session() },
        ];
        add(db, &all.each_ref()).await;
        for (filter, wanted) in [
            (Filter::default(), vec![0, 1, 2]),
            (Filter { admin: Some(owner.id), ..Filter::default() }, vec![0]),
            (Filter { tenant: Some(home.id), ..Filter::default() }, vec![1, 2]),
            (Filter { tenant: Some(home.id), user: Some(user), ..Filter::default() }, vec![1]),
        ] {
            for direction in DIRECTIONS {
                let key = |row: &Named| key(&row.session);
                let list = async |page| read(db, async |tx| sessions::list(tx, filter, &page).await).await;
                let rows = walk(direction, key, list).await;
                for row in &rows {
                    let admin = row.session.admin_id.map(|_| "a");
                    let tenant = row.session.tenant_id.map(|_| "t");
                    assert_eq!((row.admin.as_deref(), row.tenant.as_deref()), (admin, tenant));
                }
                let mut found: Vec<_> = rows
                    .iter()
                    .map(|row| all.iter().position(|session| session.id == row.session.id).unwrap())
                    .collect();
                found.sort_unstable();
                assert_eq!(found, wanted);
            }
        }
    })
    .await;
}
