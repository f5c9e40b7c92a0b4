//! Connections to PostgreSQL over TLS: all of them when it is asked for, and to nobody but the server that is meant.

use chiliview_store::{Clock, Database, Ids, Settings, Store};
use secrecy::ExposeSecret;

use crate::{
    common::{open, tenant_database},
    engines::{on_postgres, skipped},
};

/// With the file of the server's authority, and that of another one.
async fn on_tls(story: impl AsyncFn(Settings, &str, &str)) {
    let file = |name| std::env::var(name).ok();
    let (Some(authority), Some(other)) = (file("CHILIVIEW_TEST_POSTGRES_CA"), file("CHILIVIEW_TEST_OTHER_CA")) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "no authority of the server's, and this is CI");
        return skipped("TLS: CHILIVIEW_TEST_POSTGRES_CA is not set");
    };
    on_postgres(async |settings| story(settings, &authority, &other).await).await;
}

fn change(settings: &Settings, change: impl FnOnce(&str) -> String) -> Settings {
    let url = settings.database_url.as_ref().unwrap().expose_secret();
    Settings { database_url: Some(change(url).into()), ..settings.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_is_encrypted_when_it_is_asked_for() {
    on_tls(async |settings, authority, _| {
        let settings = change(&settings, |url| format!("{url}?sslmode=verify-full&sslrootcert={authority}"));
        let store = open(&settings).await;
        tenant_database(&store).await;
        let Database::Postgres(schema) = store.central().clone() else { unreachable!("it was opened on PostgreSQL") };
        let count = "SELECT count(*), count(*) FILTER (WHERE ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
            WHERE datname = current_database()";
        let (all, encrypted) = sqlx::query_as::<_, (i64, i64)>(count).fetch_one(schema.pool()).await.unwrap();
        assert!(all >= 2, "its presence and its pool are {all} connections");
        assert_eq!(encrypted, all);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_authority_or_name_is_refused_and_no_password_is_told() {
    on_tls(async |settings, authority, other| {
        let settings = change(&settings, |url| url.replace("chiliview@", "chiliview:a-secret@"));
        let refusal = async |settings: &Settings| match Store::open(settings, Clock::system(), Ids).await {
            Ok(_) => panic!("it was opened"),
            Err(error) => error.to_string(),
        };
        let foreign = change(&settings, |url| format!("{url}?sslmode=verify-ca&sslrootcert={other}"));
        let misnamed = change(&settings, |url| {
            format!("{}?sslmode=verify-full&sslrootcert={authority}", url.replace("127.0.0.1", "localhost"))
        });
        for refused in [foreign, misnamed] {
            let words = refusal(&refused).await;
            assert!(words.contains("certificate") && !words.contains("a-secret"), "{words}");
        }
        let whatever_name = change(&settings, |url| {
            format!("{}?sslmode=verify-ca&sslrootcert={authority}", url.replace("127.0.0.1", "localhost"))
        });
        open(&whatever_name).await;
    })
    .await;
}
