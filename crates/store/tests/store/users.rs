//! Users, in a tenant's database.

use chiliview_store::{
    Error, Ids, UserId,
    paging::Direction,
    users::{self, Filter, User, UserRole, UserSort, UserStatus},
};

use crate::{
    common::{DIRECTIONS, at, failure, read, tenant_database, user, walk, write},
    engines::on_every_engine,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_found_changed_and_removed() {
    on_every_engine(async |store| {
        let (_, db) = tenant_database(&store).await;
        let mut wanted = User {
            given_name: Some("Zoë".into()),
            family_name: Some("O'Neil".into()),
            password_hash: Some("$argon2id$…".into()),
            ..user("Zoe")
        };
        write(&db, async |tx| users::insert(tx, &wanted).await).await;
        let shown = |user: &User| format!("{user:?}");
        for found in [
            read(&db, async |tx| users::find(tx, wanted.id).await).await,
            read(&db, async |tx| users::find_by_username(tx, "zOE").await).await,
            read(&db, async |tx| users::find_by_email(tx, "ZOE@EXAMPLE.COM").await).await,
        ] {
            assert_eq!(shown(&found.unwrap()), shown(&wanted));
        }
        wanted.role = UserRole::Manager;
        wanted.status = UserStatus::Disabled;
        wanted.password_hash = None;
        wanted.updated_at = at(3);
        write(&db, async |tx| users::update(tx, &wanted).await).await;
        write(&db, async |tx| users::logged_in(tx, wanted.id, at(4)).await).await;
        (wanted.version, wanted.last_login_at) = (2, Some(at(4)));
        let found = read(&db, async |tx| users::find(tx, wanted.id).await).await.unwrap();
        assert_eq!(shown(&found), shown(&wanted));
        wanted.version = 1;
        let stale = failure(&db, async |tx| users::update(tx, &wanted).await).await;
        assert!(matches!(stale, Error::VersionMismatch), "{stale}");
        assert_eq!(read(&db, users::count).await, 1);
        assert!(write(&db, async |tx| users::delete(tx, wanted.id).await).await);
        assert!(!write(&db, async |tx| users::delete(tx, wanted.id).await).await);
        assert_eq!(read(&db, users::count).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn usernames_and_addresses_are_taken_whatever_their_case_and_per_tenant() {
    on_every_engine(async |store| {
        let ((_, db), (_, other)) = (tenant_database(&store).await, tenant_database(&store).await);
        write(&db, async |tx| users::insert(tx, &user("Ünal")).await).await;
        let namesake = User { email: "elsewhere@example.com".into(), ..user("ünal") };
        let clash = failure(&db, async |tx| users::insert(tx, &namesake).await).await;
        assert!(clash.is_duplicate_of("users", "username_key"), "{clash}");
        let namesake = User { username: "somebody".into(), ..user("ÜNAL") };
        let clash = failure(&db, async |tx| users::insert(tx, &namesake).await).await;
        assert!(clash.is_duplicate_of("users", "email_key"), "{clash}");
        write(&other, async |tx| users::insert(tx, &user("ünal")).await).await;
        assert_eq!((read(&db, users::count).await, read(&other, users::count).await), (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_names_of_a_page_are_read_at_once() {
    on_every_engine(async |store| {
        let (_, db) = tenant_database(&store).await;
        let all: Vec<User> = (0..502).map(|number| user(&format!("user{number}"))).collect();
        let inserted = db.write(async |tx| {
            for user in &all {
                users::insert(tx, user).await?;
            }
            Ok::<_, Error>(())
        });
        inserted.await.unwrap();
        let gone: UserId = Ids.next();
        for count in [0, 1, 2, 501] {
            let wanted = &all[..count];
            let ids: Vec<UserId> = wanted.iter().map(|user| user.id).chain([gone]).collect();
            let mut names = read(&db, async |tx| users::names(tx, &ids).await).await;
            names.sort();
            assert!(names.into_iter().eq(wanted.iter().map(|user| (user.id, user.username.clone()))), "{count}");
        }
        assert_eq!(read(&db, async |tx| users::names(tx, &[]).await).await, []);
    })
    .await;
}

fn key(sort: UserSort, user: &User) -> (String, String) {
    let key = match sort {
        UserSort::Username => user.username.to_lowercase(),
        UserSort::Email => user.email.to_lowercase(),
        UserSort::Created => user.id.to_string(),
    };
    (key, user.id.to_string())
}

fn matches(filter: &Filter, user: &User) -> bool {
    let q = filter.q.as_deref().unwrap_or_default().to_lowercase();
    let given = user.given_name.clone().unwrap_or_default();
    [&user.username, &user.email, &given].iter().any(|text| text.to_lowercase().contains(&q))
        && filter.role.is_none_or(|role| role == user.role)
        && filter.status.is_none_or(|status| status == user.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_right_for_every_sort_direction_and_filter() {
    on_every_engine(async |store| {
        let (_, db) = tenant_database(&store).await;
        let names = ["mike", "Alpha", "zulu", "Änne", "per%cent", "under_score", "B", "b2"];
        let rows: Vec<User> = names
            .iter()
            .enumerate()
            .map(|(number, name)| User {
                email: format!("{}@{name}.example", 9 - number),
                given_name: (number % 2 == 0).then(|| format!("Given {name}")),
                role: UserRole::ALL[number % 2],
                status: UserStatus::ALL[number / 2 % 2],
                ..user(name)
            })
            .collect();
        for user in &rows {
            write(&db, async |tx| users::insert(tx, user).await).await;
        }
        for q in [None, Some("ÄNN"), Some("%"), Some("_"), Some("given"), Some("nobody")] {
            for role in [None, Some(UserRole::Manager), Some(UserRole::Member)] {
                for status in [None, Some(UserStatus::Active), Some(UserStatus::Disabled)] {
                    let filter = Filter { q: q.map(str::to_owned), role, status };
                    for &sort in UserSort::ALL {
                        let mut wanted: Vec<_> = rows.iter().filter(|user| matches(&filter, user)).collect();
                        wanted.sort_by_key(|user| key(sort, user));
                        let wanted: Vec<UserId> = wanted.iter().map(|user| user.id).collect();
                        for direction in DIRECTIONS {
                            let found = walk(
                                direction,
                                |user| key(sort, user),
                                async |page| read(&db, async |tx| users::list(tx, &filter, sort, &page).await).await,
                            );
                            let mut found: Vec<UserId> = found.await.iter().map(|user| user.id).collect();
                            if direction == Direction::Descending {
                                found.reverse();
                            }
                            assert_eq!(found, wanted, "{filter:?} {sort} {direction:?}");
                        }
                    }
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn managers_are_counted_and_keys_are_paged() {
    on_every_engine(async |store| {
        let (_, db) = tenant_database(&store).await;
        let manager = |name| User { role: UserRole::Manager, ..user(name) };
        let all = [manager("A"), User { status: UserStatus::Disabled, ..manager("b") }, user("C")];
        for user in &all {
            write(&db, async |tx| users::insert(tx, user).await).await;
        }
        assert_eq!(read(&db, users::count_managers).await, 1);
        let first = read(&db, async |tx| users::keys(tx, None, 2).await).await;
        let rest = read(&db, async |tx| users::keys(tx, Some(all[1].id), 2).await).await;
        let keys = all.each_ref().map(|user| (user.id, user.username.to_lowercase(), user.email.to_lowercase()));
        assert_eq!([first, rest].concat(), keys);
    })
    .await;
}
