//! Pages stay true while rows come and go between them.

use std::collections::BTreeSet;

use chiliview_store::{
    Database,
    paging::Direction,
    users::{self, Filter, User, UserSort},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::{
    common::{DIRECTIONS, page, read, tenant_database, user, write},
    engines::on_every_engine,
};

const ROUNDS: u64 = 3;

fn key(sort: UserSort, user: &User) -> (String, String) {
    let key = match sort {
        UserSort::Username => user.username.to_lowercase(),
        UserSort::Email => user.email.to_lowercase(),
        UserSort::Created => user.id.to_string(),
    };
    (key, user.id.to_string())
}

async fn insert(db: &Database, rng: &mut StdRng) -> User {
    let user = User {
        email: format!("{:08x}@example.com", rng.random::<u32>()),
        ..user(&format!("{:08x}", rng.random::<u32>()))
    };
    write(db, async |tx| users::insert(tx, &user).await).await;
    user
}

/// Walks a list while rows are added and removed between its pages: nothing twice, in order, and whoever was there from
/// the first page to the last was seen.
async fn one_walk(db: &Database, sort: UserSort, direction: Direction, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut steady = Vec::new();
    for _ in 0..rng.random_range(0..30) {
        steady.push(insert(db, &mut rng).await);
    }
    let (mut seen, mut removed) = (Vec::new(), BTreeSet::new());
    loop {
        let limit = rng.random_range(1..5);
        let page = page(direction, limit, seen.last().cloned());
        let rows = read(db, async |tx| users::list(tx, &Filter::default(), sort, &page).await).await;
        seen.extend(rows.iter().map(|user| key(sort, user)));
        if i64::try_from(rows.len()).unwrap() < limit {
            break;
        }
        for _ in 0..rng.random_range(0..3) {
            insert(db, &mut rng).await;
        }
        if let Some(victim) = steady.choose(&mut rng)
            && rng.random_bool(0.4)
        {
            write(db, async |tx| users::delete(tx, victim.id).await).await;
            removed.insert(victim.id);
        }
    }
    let ordered = match direction {
        Direction::Ascending => seen.is_sorted_by(|a, b| a < b),
        Direction::Descending => seen.is_sorted_by(|a, b| a > b),
    };
    assert!(ordered, "seed {seed}, {sort} {direction:?}: {seen:?}");
    for user in steady.iter().filter(|user| !removed.contains(&user.id)) {
        assert!(seen.contains(&key(sort, user)), "seed {seed}, {sort} {direction:?}: {} was skipped", user.username);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_repeats_nothing_and_skips_nobody_while_rows_come_and_go() {
    let first: u64 = std::env::var("CHILIVIEW_TEST_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("CHILIVIEW_TEST_SEED={first}");
    on_every_engine(async |store| {
        for round in 0..ROUNDS {
            for &sort in UserSort::ALL {
                for direction in DIRECTIONS {
                    let (id, db) = tenant_database(&store).await;
                    one_walk(&db, sort, direction, first.wrapping_add(round)).await;
                    store.remove_tenant_database(id).await.unwrap();
                }
            }
        }
    })
    .await;
}
