//! Durable creates a second: the store's group commit beside one commit a request (a pool, one permit, BEGIN IMMEDIATE).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use chiliview_store::{
    Clock, Database, Error, Ids, Settings, Store, Tx, sqlite,
    users::{self, User, UserRole, UserStatus},
};
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use tokio::sync::Semaphore;

use crate::{directory, median, report};

/// Many and short: whatever else the disk does meanwhile meets both ways.
const ROUNDS: usize = 40;
const ROUND: Duration = Duration::from_millis(150);

/// The same statement, committed in one way or the other.
#[derive(Clone)]
enum Path {
    Grouped(Database),
    Plain(SqlitePool, Arc<Semaphore>),
}

impl Path {
    async fn create(&self, user: &User) -> Result<()> {
        match self {
            Self::Grouped(database) => {
                database.write(async |tx| users::insert(tx, user).await).await?;
            }
            Self::Plain(pool, permit) => {
                let _permit = permit.acquire().await?;
                let mut tx = Tx::SqliteReader(pool.begin_with("BEGIN IMMEDIATE").await?);
                users::insert(&mut tx, user).await?;
                let Tx::SqliteReader(transaction) = tx else { return Err(Error::Panicked.into()) };
                transaction.commit().await?;
            }
        }
        Ok(())
    }
}

fn user() -> User {
    let id: chiliview_store::UserId = Ids.next();
    let now = Clock::system().now();
    User {
        id,
        username: id.to_string(),
        email: format!("{id}@example.com"),
        given_name: Some("Given".into()),
        family_name: Some("Family".into()),
        display_name: "Given Family".into(),
        role: UserRole::Member,
        status: UserStatus::Active,
        password_hash: None,
        credential_version: 1,
        last_login_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Acknowledged creates a second.
async fn rate(path: &Path, callers: usize) -> Result<f64> {
    let (began, done) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (path, done) = (path.clone(), done.clone());
            tokio::spawn(async move {
                while began.elapsed() < ROUND {
                    path.create(&user()).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let done = u32::try_from(done.load(Ordering::Relaxed))?;
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

/// Prints the rates at 1 and at 64 callers.
pub(crate) async fn measure() -> Result<()> {
    let directory = directory()?;
    let store = Store::open(&Settings::sqlite(directory.path()), Clock::system(), Ids).await?;
    let (grouped, plain) = (Ids.next(), Ids.next());
    store.create_tenant_database(grouped).await?;
    store.create_tenant_database(plain).await?;
    let options = sqlite::options(&store.data_dir().tenant_database(plain));
    let pool = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false).connect_with(options).await?;
    let grouped = Path::Grouped(store.tenant(grouped).await?);
    let plain = Path::Plain(pool, Arc::new(Semaphore::new(1)));
    for (callers, goal) in [(1, "≥ 1"), (64, "≥ 2")] {
        let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (one, other) = (rate(&grouped, callers).await?, rate(&plain, callers).await?);
            ours.push(one);
            theirs.push(other);
            ratios.push(one / other);
        }
        let what = format!("durable creates, {callers} at once");
        let (ours, theirs) = (median(ours), median(theirs));
        report(&what, &format!("{ours:.0}/s"), &format!("one commit each {theirs:.0}/s"), median(ratios), goal);
    }
    store.close().await;
    Ok(())
}
