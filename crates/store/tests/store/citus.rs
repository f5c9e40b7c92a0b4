//! Tenants' schemas stay such that Citus can spread them over nodes (schema-based sharding; docs/SCALE.md): a migration that
//! breaks one of its rules fails here, on a plain PostgreSQL and long before anybody distributes a schema.

mod rules;
mod text;

use chiliview_store::{
    Database, migrations,
    postgres::{self, tenant_schema},
};
use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};

use self::rules::{RULES, Rule};
use crate::{
    common::{open, tenant_database},
    engines::on_postgres,
};

/// What breaks which rule, in every schema of a tenant.
async fn violations(connection: &mut PgConnection) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for Rule { name, sql } in RULES {
        let rows: Vec<String> = sqlx::query_scalar(*sql).fetch_all(&mut *connection).await.unwrap();
        found.extend(rows.into_iter().map(|what| (*name, what)));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_migration_makes_a_schema_that_cannot_be_distributed() {
    on_postgres(async |settings| {
        let store = open(&settings).await;
        // Two, so that one that points at another is seen.
        let (first, _) = tenant_database(&store).await;
        tenant_database(&store).await;
        let Database::Postgres(central) = store.central() else { unreachable!("it was opened on PostgreSQL") };
        assert_eq!(central.name(), postgres::CENTRAL);
        let mut connection = PgConnection::connect(settings.database_url.unwrap().expose_secret()).await.unwrap();
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = $1")
            .bind(tenant_schema(first))
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert!(tables >= 5, "the rules look at {tables} tables");
        assert_eq!(violations(&mut connection).await, []);
    })
    .await;
}

/// One bad thing for each rule, and all that leads up to it.
const BAD: &[(&str, &str)] = &[
    (
        "dependency",
        "CREATE TABLE $t.a (id BIGINT PRIMARY KEY, admin TEXT COLLATE \"C\" REFERENCES chiliview.admins (id))",
    ),
    (
        "dependency",
        "CREATE TABLE chiliview.a (id BIGINT PRIMARY KEY, user_id TEXT COLLATE \"C\" REFERENCES $t.users (id))",
    ),
    ("dependency", "CREATE TABLE $t.a (id BIGINT PRIMARY KEY, other TEXT COLLATE \"C\" REFERENCES $o.users (id))"),
    ("dependency", "CREATE VIEW chiliview.all_users AS SELECT id FROM $t.users"),
    (
        "dependency",
        "CREATE SEQUENCE chiliview.numbers; CREATE TABLE $t.a (id BIGINT PRIMARY KEY DEFAULT nextval('chiliview.numbers'))",
    ),
    (
        "dependency",
        "CREATE TYPE chiliview.mood AS ENUM ('good'); CREATE TABLE $t.a (id BIGINT PRIMARY KEY, m chiliview.mood)",
    ),
    (
        "dependency",
        "CREATE FUNCTION chiliview.seven() RETURNS BIGINT LANGUAGE sql AS 'SELECT 7'; \
         CREATE TABLE $t.a (id BIGINT PRIMARY KEY DEFAULT chiliview.seven())",
    ),
    ("kind", "CREATE VIEW $t.names AS SELECT username FROM $t.users"),
    ("kind", "CREATE MATERIALIZED VIEW $t.names AS SELECT username FROM $t.users"),
    ("kind", "CREATE TABLE $t.a (id BIGINT PRIMARY KEY) PARTITION BY RANGE (id)"),
    ("inheritance", "CREATE TABLE $t.a (id BIGINT PRIMARY KEY); CREATE TABLE $t.b (PRIMARY KEY (id)) INHERITS ($t.a)"),
    (
        "trigger",
        "CREATE TRIGGER t BEFORE UPDATE ON $t.users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
    ("rule", "CREATE RULE r AS ON DELETE TO $t.users DO INSTEAD NOTHING"),
    ("function", "CREATE FUNCTION $t.seven() RETURNS BIGINT LANGUAGE sql AS 'SELECT 7'"),
    ("type", "CREATE TYPE $t.mood AS ENUM ('good', 'bad')"),
    ("type", "CREATE DOMAIN $t.slug AS TEXT CHECK (VALUE <> '')"),
    ("sequence", "CREATE TABLE $t.a (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY)"),
    ("extension", "DROP EXTENSION pgcrypto; CREATE EXTENSION pgcrypto SCHEMA $t"),
    ("key", "CREATE TABLE $t.a (id BIGINT NOT NULL)"),
    ("persistence", "CREATE UNLOGGED TABLE $t.a (id BIGINT PRIMARY KEY)"),
    ("policy", "ALTER TABLE $t.users ENABLE ROW LEVEL SECURITY"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_of_citus_finds_what_breaks_it() {
    on_postgres(async |settings| {
        let store = open(&settings).await;
        let ((tenant, _), (other, _)) = (tenant_database(&store).await, tenant_database(&store).await);
        let mut connection = PgConnection::connect(settings.database_url.unwrap().expose_secret()).await.unwrap();
        for (rule, sql) in BAD {
            let sql = sql.replace("$t", &tenant_schema(tenant)).replace("$o", &tenant_schema(other));
            let mut tx = connection.begin().await.unwrap();
            tx.execute(AssertSqlSafe(sql.clone())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let found = violations(&mut tx).await;
            assert!(found.iter().any(|(name, _)| name == rule), "{rule} does not find {sql}; found is {found:?}");
            tx.rollback().await.unwrap();
        }
        for Rule { name, .. } in RULES {
            assert!(BAD.iter().any(|(rule, _)| rule == name), "nothing shows that {name} finds anything");
        }
    })
    .await;
}

#[test]
fn no_tenant_migration_says_what_citus_cannot_pass_on() {
    for migration in migrations::postgres(migrations::Kind::Tenant).iter() {
        assert_eq!(text::refused(migration.sql.as_str()), Vec::<String>::new(), "{}", migration.description);
    }
}
