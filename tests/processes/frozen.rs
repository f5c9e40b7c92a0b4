//! Processes that stand still (SIGSTOP) where it hurts most, for longer than anybody waits for them, and then go on.

use std::time::Duration;

use chiliview_store::postgres::tenant_schema;
use rand::RngExt as _;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::task::JoinHandle;

use super::{catalogue, cluster::Cluster};
use crate::support::{Answer, Client, PASSWORD, until};

const FROZEN: &str = "/api/tenants/frozen/users";
const OTHER: &str = "/api/tenants/other/users";

/// One that serves is frozen with a tenant's lock in its hands, and two that work are, in the middle of a backup and of a
/// restore. The others go on, and those that wake do no harm.
pub(super) async fn others_go_on_and_who_wakes_does_no_harm(cluster: &Cluster) {
    let large = tenant(cluster, "large", true).await;
    let restored = tenant(cluster, "restored", true).await;
    let backup = ended(cluster, &asked(cluster, "restored").await).await;
    add(&cluster.admin, "/api/tenants/restored/users", "since").await.expect(201);
    let waiting = freeze_in_a_transaction(cluster).await;
    let stopped = freeze_at_work(cluster, &backup).await;

    for number in 0..5 {
        add(&cluster.elsewhere(), OTHER, &format!("other-{number}")).await.expect(201);
    }
    let backup = ended(cluster, &stopped.backup).await;
    assert_eq!((&backup["status"], &backup["tenant_id"]), (&json!("verified"), &json!(large)), "{backup}");
    let restore = cluster.elsewhere().restore_ended(&stopped.restore).await;
    assert_eq!((&restore["status"], &restore["tenant_id"]), (&json!("done"), &json!(restored)), "{restore}");
    until("the frozen tenant to take writes elsewhere", async || {
        let answer = add(&cluster.elsewhere(), FROZEN, "elsewhere").await;
        assert!([201, 503].contains(&answer.status), "{answer:?}");
        (answer.status == 201).then_some(())
    })
    .await;

    cluster.serving()[0].thaw();
    let before = lives(cluster);
    stopped.workers.iter().for_each(|number| cluster.working()[*number].thaw());
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, 503, "its transaction was taken from it: {answer:?}");
    until("it serves again", async || {
        let answer = add(&cluster.admin, FROZEN, "here").await;
        assert!([201, 503].contains(&answer.status), "{answer:?}");
        (answer.status == 201).then_some(())
    })
    .await;
    assert_eq!(names(cluster, FROZEN).await, ["elsewhere", "here"]);
    // Who was frozen has lost its name in the queue, and begins anew.
    until("they work again", async || (lives(cluster) > before).then_some(())).await;
    add(&cluster.admin, "/api/tenants/restored/users", "after").await.expect(201);
    let acknowledged = [stopped.backup, asked(cluster, "restored").await];
    catalogue::is_true(cluster, &acknowledged).await;
    assert_eq!(
        names(cluster, "/api/tenants/restored/users").await,
        ["after"],
        "what was restored, and what came after"
    );
    let restore = cluster.admin.get(&format!("/api/restores/{}", stopped.restore)).await.expect(200);
    assert_eq!(restore["status"], "done", "{restore}");
    cluster.is_well();
}

/// Its id. A large one takes a while to be backed up and to be restored.
async fn tenant(cluster: &Cluster, slug: &str, large: bool) -> String {
    let made = cluster.admin.post("/api/tenants", json!({"slug": slug, "name": slug})).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    if large {
        let schema = tenant_schema(id.parse().unwrap());
        let rows = format!(
            "INSERT INTO {schema}.settings SELECT 'large.' || i, (SELECT string_agg(md5(i || ' ' || j || random()), '')
                 FROM generate_series(1, 63) AS j), 0 FROM generate_series(1, 20000) AS i"
        );
        cluster.connect().await.execute(AssertSqlSafe(rows)).await.unwrap();
    }
    id
}

async fn add(client: &Client, users: &str, username: &str) -> Answer {
    client.post(users, json!({"username": username, "email": format!("{username}@example.com")})).await
}

async fn names(cluster: &Cluster, users: &str) -> Vec<String> {
    let users = cluster.admin.all(users).await;
    let mut names: Vec<_> = users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// A backup of a tenant.
async fn asked(cluster: &Cluster, slug: &str) -> String {
    let wish = json!({"scope": "tenant", "tenant": slug});
    let queued = cluster.elsewhere().post("/api/backups", wish).await.expect(202);
    queued["id"].as_str().unwrap().to_owned()
}

async fn ended(cluster: &Cluster, backup: &str) -> Value {
    cluster.elsewhere().backup_ended(backup).await
}

/// The first that serves waits for a tenant's lock, and is frozen; then it gets the lock. What it was asked is answered later.
async fn freeze_in_a_transaction(cluster: &Cluster) -> JoinHandle<Answer> {
    let schema = tenant_schema(tenant(cluster, "frozen", false).await.parse().unwrap());
    tenant(cluster, "other", false).await;
    let mut holder = cluster.connect().await;
    let lock = format!("SELECT pg_advisory_lock(hashtextextended('{schema}', 0))");
    holder.execute(AssertSqlSafe(lock)).await.unwrap();
    let client = cluster.admin.clone();
    let waiting = tokio::spawn(async move { add(&client, FROZEN, "lost").await });
    let queue = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    until("it waits for the lock", async || (cluster.number(queue).await == 1).then_some(())).await;
    cluster.serving()[0].freeze();
    holder.close().await.unwrap();
    until("it has the lock", async || (cluster.number(queue).await == 0).then_some(())).await;
    waiting
}

/// What was asked for, and which of those that work stand still with it.
struct Stopped {
    backup: String,
    restore: String,
    workers: Vec<usize>,
}

async fn freeze_at_work(cluster: &Cluster, of: &Value) -> Stopped {
    let backup = asked(cluster, "large").await;
    let first = freeze_who_does("back_up", cluster).await;
    let ask = format!("/api/backups/{}/restore", of["id"].as_str().unwrap());
    let wish = json!({"into": "same", "slug": "restored", "password": PASSWORD});
    let restore = cluster.elsewhere().post(&ask, wish).await.expect(202);
    let second = freeze_who_does("restore", cluster).await;
    let restore = restore["id"].as_str().unwrap().to_owned();
    Stopped { backup, restore, workers: vec![first, second] }
}

async fn freeze_who_does(kind: &str, cluster: &Cluster) -> usize {
    let pid = until("the job to run", async || cluster.who_does(kind).await).await;
    // Not a wait for anything: the moment is what is tried.
    tokio::time::sleep(Duration::from_millis(rand::rng().random_range(0..1000))).await;
    let place = cluster.working().iter().position(|server| server.pid().as_raw_nonzero().get() == pid).unwrap();
    cluster.working()[place].freeze();
    place
}

/// How many names workers have had.
fn lives(cluster: &Cluster) -> usize {
    cluster.working().iter().map(|server| server.logged("worker.started")).sum()
}
