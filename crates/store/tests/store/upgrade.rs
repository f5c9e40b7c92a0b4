//! A rolling upgrade: processes of two versions work with one database. The newer version is played by this one with
//! migrations beyond its own.

use std::borrow::Cow;

use chiliview_store::{Database, Error, Settings, Store, TenantId, migrations, sqlite, tenants, users};
use secrecy::ExposeSecret;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor, PgConnection, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

use crate::{
    common::{open, read, tenant, tenant_database, user, write},
    engines::on_every_settings,
};

const EXPAND: &str = "ALTER TABLE tenants ADD COLUMN motto TEXT";
const EXPAND_TENANT: &str = "ALTER TABLE users ADD COLUMN motto TEXT";
const CONTRACT: &str = "ALTER TABLE tenants DROP COLUMN legal_name";

fn newer(version: i64, description: &'static str, sql: &'static str) -> Migrator {
    let sql = AssertSqlSafe(sql).into_sql_str();
    let migration = Migration::new(version, Cow::Borrowed(description), MigrationType::Simple, sql, false);
    Migrator { migrations: Cow::Owned(vec![migration]), ignore_missing: true, ..Migrator::DEFAULT }
}

/// As a newer version does it at its start.
async fn migrate(settings: &Settings, database: &Database, migrator: &Migrator) {
    match database {
        Database::Sqlite(file) => {
            let mut connection = sqlite::options(file.path()).connect().await.unwrap();
            migrator.run_direct(None, &mut connection, false).await.unwrap();
            connection.close().await.unwrap();
        }
        Database::Postgres(schema) => {
            let url = settings.database_url.as_ref().unwrap().expose_secret();
            let mut connection = PgConnection::connect(url).await.unwrap();
            let path = format!("SET search_path TO \"{}\"", schema.name());
            connection.execute(AssertSqlSafe(path)).await.unwrap();
            migrator.run_direct(None, &mut connection, false).await.unwrap();
        }
    }
}

/// Reads and writes, in both schemas.
async fn works(store: &Store, id: TenantId, name: &str) {
    let row = tenant(name, name);
    write(store.central(), async |tx| tenants::insert(tx, &row).await).await;
    assert!(read(store.central(), async |tx| tenants::find(tx, row.id).await).await.is_some());
    let database = store.tenant(id).await.unwrap();
    write(&database, async |tx| users::insert(tx, &user(name)).await).await;
    assert!(read(&database, async |tx| users::find_by_username(tx, name).await).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_goes_on_and_starts_again_over_what_a_newer_one_added() {
    on_every_settings(async |settings| {
        let running = open(&settings).await;
        let (id, database) = tenant_database(&running).await;
        works(&running, id, "before").await;
        let beyond = migrations::newest(migrations::Kind::Central) + 1;
        migrate(&settings, running.central(), &newer(beyond, "mottos", EXPAND)).await;
        let beyond = migrations::newest(migrations::Kind::Tenant) + 1;
        migrate(&settings, &database, &newer(beyond, "mottos", EXPAND_TENANT)).await;

        works(&running, id, "during").await;
        running.close_tenant_database(id).await;
        works(&running, id, "opened-anew").await;
        let started = open(&settings).await;
        works(&started, id, "after").await;
        started.migrate_tenant_database(id).await.unwrap();
        let (other, _) = tenant_database(&started).await;
        works(&running, other, "made-meanwhile").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_refuses_to_start_over_what_a_newer_one_took_away() {
    on_every_settings(async |settings| {
        let running = open(&settings).await;
        let beyond = migrations::newest(migrations::Kind::Central) + 1;
        migrate(&settings, running.central(), &newer(beyond, "contract legal names", CONTRACT)).await;
        running.close().await;
        let refused = Store::open(&settings, running.clock().clone(), running.ids()).await.err().unwrap();
        assert!(matches!(refused, Error::TooOld(_)), "{refused}");
        let words = refused.to_string();
        assert!(words.contains("contract legal names") && words.contains("start the newer version"), "{words}");
    })
    .await;
}
