//! Many processes behave as one: two that serve and three that work on one PostgreSQL, each with a data directory of its own
//! as on machines of their own, and their snapshots in a bucket; one that serves and two that work on SQLite's files. The real binary, killed at random.

mod catalogue;
mod cluster;
mod frozen;
mod imports;
mod killed;
mod outages;
mod people;
mod together;
mod ways_back;
mod writers;

use chiliview_store::Settings;

use self::cluster::Cluster;
use crate::{
    engines::{on_every_settings, on_postgres, skipped},
    postgres_server::PostgresServer,
    proxy::Proxy,
};

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_on_nothing_agree_on_everything() {
    on_every_settings(async |settings: Settings| {
        let cluster = Cluster::start(&settings).await;
        together::there_is_one_first_admin(&cluster).await;
        together::a_session_is_known_and_ended_everywhere(&cluster).await;
        together::guessing_is_slowed_down_everywhere(&cluster).await;
        together::a_request_that_comes_twice_is_done_once(&cluster).await;
        together::a_change_is_told_to_who_listens_elsewhere(&cluster).await;
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_at_random_lose_nothing_and_do_nothing_twice() {
    on_every_settings(async |settings: Settings| {
        let mut cluster = match &settings.database_url {
            Some(_) => Cluster::with_bucket(&settings).await,
            None => Cluster::start(&settings).await,
        };
        killed::schedules_fire_once_and_jobs_end_once(&mut cluster).await;
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_stand_still_keep_nobody_from_working_and_do_no_harm_when_they_wake() {
    on_postgres(async |settings: Settings| {
        let cluster = Cluster::with_bucket(&settings).await;
        frozen::others_go_on_and_who_wakes_does_no_harm(&cluster).await;
        cluster.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_server_that_crashes_under_load_costs_nothing_and_no_process_is_started_anew() {
    let Some(server) = PostgresServer::start() else { return skipped("PostgreSQL is not installed") };
    let home = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(&server.settings(home.path())).await;
    outages::a_server_that_crashes_is_waited_for(&server, &cluster).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_way_and_a_failover_to_a_standby_cost_nothing_and_no_process_is_started_anew() {
    let Some(primary) = PostgresServer::start() else { return skipped("PostgreSQL is not installed") };
    let standby = primary.standby().await;
    let home = tempfile::tempdir().unwrap();
    let direct = primary.settings(home.path());
    let proxy = Proxy::before(&direct).await;
    let cluster = Cluster::start(&proxy.on_the_way_to(&direct)).await;
    outages::a_standby_takes_the_place_of_a_server_that_is_lost(&primary, &standby, &proxy, &cluster).await;
    cluster.stop().await;
}
