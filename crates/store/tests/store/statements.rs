//! Every statement in the sources is prepared on both engines, and every function that runs one is called by a story.

mod scan;

use std::{collections::BTreeSet, fs, path::Path, path::PathBuf};

use chiliview_store::{Database, migrations, sqlite};
use scan::{Call, Sources};
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor, PgConnection, Row as _, SqlSafeStr};

use crate::{
    common::{open, tenant_database},
    engines::on_postgres,
};

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// In whose schema a source file's statements run.
fn schemas(file: &str) -> &'static [migrations::Kind] {
    use migrations::Kind::{Central, Tenant};
    match file {
        "users.rs" | "tenant_settings.rs" | "write_lock.rs" => &[Tenant],
        "audit.rs" | "idempotency.rs" => &[Central, Tenant],
        _ => &[Central],
    }
}

fn calls() -> Vec<Call> {
    let calls = Sources::read(&manifest().join("src")).calls();
    // Fewer would mean that the scan has gone blind.
    assert!(calls.len() >= 90, "{} statements", calls.len());
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_prepared_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&chiliview_store::Settings::sqlite(directory.path())).await;
    let (_, tenant) = tenant_database(&store).await;
    for call in calls() {
        for kind in schemas(&call.file) {
            let database = if *kind == migrations::Kind::Central { store.central() } else { &tenant };
            let Database::Sqlite(file) = database else { unreachable!("it was opened on SQLite") };
            let mut connection = sqlite::options(file.path()).connect().await.unwrap();
            let Some(sql) = &call.sqlite else { continue };
            let prepared = connection.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await;
            assert!(prepared.is_ok(), "{} in {kind:?}: {sql}: {:?}", call.file, prepared.err());
            connection.close().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_prepared_on_postgres() {
    let calls = calls();
    on_postgres(async |settings| {
        let store = open(&settings).await;
        let (_, tenant) = tenant_database(&store).await;
        let mut connection = PgConnection::connect(settings.database_url.unwrap().expose_secret()).await.unwrap();
        for call in &calls {
            for kind in schemas(&call.file) {
                let database = if *kind == migrations::Kind::Central { store.central() } else { &tenant };
                let Database::Postgres(schema) = database else { unreachable!("it was opened on PostgreSQL") };
                let path = format!("SET search_path TO \"{}\"", schema.name());
                connection.execute(AssertSqlSafe(path)).await.unwrap();
                let Some(sql) = &call.postgres else { continue };
                let prepared = connection.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await;
                assert!(prepared.is_ok(), "{} in {kind:?}: {sql}: {:?}", call.file, prepared.err());
            }
        }
    })
    .await;
}

/// Of hundreds of thousands, a reseller's thirty and the few that failed are found without a look at the others.
#[tokio::test(flavor = "multi_thread")]
async fn backups_that_a_list_is_narrowed_to_are_found_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&chiliview_store::Settings::sqlite(directory.path())).await;
    let Database::Sqlite(file) = store.central() else { unreachable!("it was opened on SQLite") };
    let mut connection = sqlite::options(file.path()).connect().await.unwrap();
    let lists = calls().into_iter().filter(|call| call.file == "backups/list.rs").filter_map(|call| call.sqlite);
    let narrowed: Vec<_> =
        lists.filter(|sql| ["WHERE tenant_id = $1", "AND status = $2 "].iter().any(|by| sql.contains(by))).collect();
    // Four columns, up and down, by each of the two.
    assert_eq!(narrowed.len(), 16, "{narrowed:#?}");
    for sql in narrowed {
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")))
            .fetch_one(&mut connection)
            .await
            .unwrap()
            .get::<String, _>("detail");
        assert!(plan.starts_with("SEARCH backups USING INDEX backups_by_"), "{plan}: {sql}");
    }
}

/// `pub async fn name(tx: &mut Tx…` and those that take the central database, as `module::name`.
fn public_statements() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (file, text) in Sources::read(&manifest().join("src")).texts() {
        let module = file.trim_end_matches(".rs");
        let module = if module.starts_with("queue/") { "queue" } else { module };
        for after in text.split("\npub async fn ").skip(1) {
            let (name, rest) = after.split_once('(').unwrap();
            let rest = rest.trim_start();
            if rest.starts_with("tx: &mut Tx") || rest.starts_with("central: &Database") {
                all.insert(format!("{module}::{name}"));
            }
        }
    }
    all
}

#[test]
fn every_public_statement_is_told_of_in_a_story() {
    let stories: String = fs::read_dir(manifest().join("tests/store"))
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
        .collect();
    let public = public_statements();
    assert!(public.len() > 70, "{} functions", public.len());
    let told = |name: &str| {
        // A part of a module is called by the module's name.
        let (module, function) = name.split_once("::").unwrap();
        let module = module.split('/').next().unwrap().replace("tenant_settings", "settings");
        let name = format!("{module}::{function}");
        [format!("{name}("), format!("{name})"), format!("{name},")].iter().any(|text| stories.contains(text))
    };
    let untold: Vec<_> = public.iter().filter(|name| !told(name)).collect();
    assert!(untold.is_empty(), "no story calls {untold:?}");
}
