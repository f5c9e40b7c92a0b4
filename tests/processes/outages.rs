//! The database server goes away, and comes back, or another takes its place, while people write and backups are made. Nobody
//! starts a process anew.

use reqwest::Method;
use serde_json::json;

use super::{catalogue, cluster::Cluster, people::Person, writers::Writers};
use crate::{
    postgres_server::PostgresServer,
    proxy::Proxy,
    support::{Answer, Patience, until},
};

const TENANTS: usize = 2;
/// Those whose last word was that they listen for jobs, since a moment.
const LISTEN: &str = r#"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN "apalis%' AND backend_start > "#;

/// People who write, and the backups that were asked for.
struct Load {
    tenants: Vec<String>,
    person: Person,
    writers: Writers,
    backups: Vec<String>,
}

impl Load {
    async fn start(cluster: &Cluster) -> Self {
        let tenants: Vec<_> = (0..TENANTS).map(|number| format!("shop-{number}")).collect();
        for slug in &tenants {
            cluster.admin.post("/api/tenants", json!({"slug": slug, "name": "Reseller"})).await.expect(201);
        }
        let person = Person::new(&cluster.admin, &cluster.doors);
        let writers = Writers::start(&person, &tenants);
        Self { tenants, person, writers, backups: Vec::new() }
    }

    /// Backups of everything, which are under way by then.
    async fn ask_for_backups(&mut self, key: &str) {
        let queued = self.person.insist("/api/backups", json!({"scope": "all"}), key).await.expect(202);
        let ids = queued["items"].as_array().unwrap().iter().map(|backup| backup["id"].as_str().unwrap().to_owned());
        self.backups.extend(ids);
        let last = self.backups.last().unwrap().clone();
        let patience = Patience::begin();
        while self.person.get(&format!("/api/backups/{last}")).await["status"] == "queued" {
            patience.wait("backups to begin").await;
        }
    }

    /// Each tenant takes writes at each process that serves.
    async fn written_everywhere(&self, cluster: &Cluster, name: &str) {
        for (number, server) in cluster.serving().into_iter().enumerate() {
            for slug in &self.tenants {
                let username = format!("{name}-{number}");
                let user = json!({"username": username, "email": format!("{username}@example.com")});
                let client = cluster.admin.at(server);
                until("a write", async || {
                    let request = client.request(Method::POST, &format!("/api/tenants/{slug}/users")).json(&user);
                    let answer = Answer::to(request).await;
                    // One that was not answered may have been done.
                    assert!([201, 409, 503].contains(&answer.status), "{answer:?}");
                    (answer.status != 503).then_some(())
                })
                .await;
            }
        }
    }

    /// Nothing that was acknowledged is lost, and every job ended.
    async fn nothing_is_lost(self, cluster: &Cluster) {
        self.writers.all_is_there(&cluster.admin).await;
        catalogue::is_true(cluster, &self.backups).await;
        cluster.is_well();
    }
}

/// `pg_ctl -m immediate`, again and again.
pub(super) async fn a_server_that_crashes_is_waited_for(server: &PostgresServer, cluster: &Cluster) {
    let mut load = Load::start(cluster).await;
    let ears = server.number(&format!("{LISTEN} 'epoch'")).await;
    assert!(ears > 0, "workers listen");
    let mut events = cluster.elsewhere().request(Method::GET, "/api/events").send().await.unwrap();
    assert_eq!(events.status(), 200);
    for crash in 0..2 {
        load.ask_for_backups(&format!("crash {crash}")).await;
        server.crash();
        server.up();
        load.written_everywhere(cluster, &format!("after-{crash}")).await;
        until("all listen again", async || (server.number(&format!("{LISTEN} 'epoch'")).await == ears).then_some(()))
            .await;
    }
    // Who followed events over it all is told of what happens now; by a process that serves, of what one did that works.
    let queued = cluster.admin.post("/api/backups", json!({"scope": "central"})).await.expect(202);
    super::together::told_of_the_end(&mut events, queued["id"].as_str().unwrap()).await;
    load.nothing_is_lost(cluster).await;
}

/// The way to the server falls silent; then the server is lost for good, and a standby takes its place behind the same address.
pub(super) async fn a_standby_takes_the_place_of_a_server_that_is_lost(
    primary: &PostgresServer,
    standby: &PostgresServer,
    proxy: &Proxy,
    cluster: &Cluster,
) {
    let mut load = Load::start(cluster).await;
    let ears = primary.number(&format!("{LISTEN} 'epoch'")).await;
    load.ask_for_backups("silence").await;
    let silence = primary.number("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)").await;
    proxy.fall_silent();
    load.written_everywhere(cluster, "after-silence").await;
    let new_ears = format!("{LISTEN} to_timestamp({silence} / 1000000.0)");
    until("all listen again", async || (primary.number(&new_ears).await >= ears).then_some(())).await;

    load.ask_for_backups("failover").await;
    primary.crash();
    standby.promote();
    proxy.lead_to(standby.address());
    load.written_everywhere(cluster, "after-failover").await;
    until("all listen there", async || (standby.number(&format!("{LISTEN} 'epoch'")).await == ears).then_some(()))
        .await;
    load.nothing_is_lost(cluster).await;
}
