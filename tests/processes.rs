//! Many processes behave as one: two that serve and three that work on one PostgreSQL, each with a data directory of its own
//! as on machines of their own; one that serves and two that work on SQLite's files. The real binary, killed at random.

mod cluster;
mod killed;
mod together;

use chiliview_store::Settings;

use self::cluster::Cluster;
use crate::engines::on_every_settings;

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
        let mut cluster = Cluster::start(&settings).await;
        killed::schedules_fire_once_and_jobs_end_once(&mut cluster).await;
        cluster.stop().await;
    })
    .await;
}
