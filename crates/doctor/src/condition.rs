//! The condition of one database: whether it is whole, at which schema it stands, whose it is, and its audit chain.

use chiliview_store::{
    Engine, Result, TenantId, Tx,
    audit::{self, Verification},
    migrations::{self, Kind},
    tenant_settings,
};
use sqlx::migrate::Migrator;

use crate::says::Found;

/// What a look into a database told.
pub struct Condition {
    /// What SQLite's `integrity_check` complains of.
    pub integrity: Vec<String>,
    /// Rows that point nowhere, as `table → parent`.
    pub dangling: Vec<String>,
    /// Its schema.
    pub schema: Schema,
    /// Its audit log; none when its table cannot be read.
    pub audit: Option<Verification>,
    /// The tenant that it says it belongs to.
    pub owner: Option<TenantId>,
}

/// Where a schema stands.
pub enum Schema {
    /// At the newest version.
    Newest(i64),
    /// So many migrations behind.
    Behind(usize),
    /// Not one of this program's, and why.
    Foreign(Found),
}

impl Condition {
    /// Looks. An error means that it cannot be read at all.
    pub async fn of(tx: &mut Tx, kind: Kind) -> Result<Self> {
        let (mut integrity, mut dangling) = (Vec::new(), Vec::new());
        if tx.engine() == Engine::Sqlite {
            integrity = complaints(tx).await?;
            dangling = dangling_rows(tx).await?;
        }
        let schema = schema(tx, kind).await?;
        let ours = !matches!(schema, Schema::Foreign(_));
        let audit = if ours { Some(audit::verify(tx).await?) } else { None };
        let owner = if ours && kind == Kind::Tenant { tenant_settings::owner(tx).await? } else { None };
        Ok(Self { integrity, dangling, schema, audit, owner })
    }

    /// Whether only indexes differ from their tables: those can be made anew from what is there.
    pub(crate) fn only_indexes(&self) -> bool {
        let about_an_index = |finding: &String| {
            finding.contains(" missing from index ")
                || finding.starts_with("wrong # of entries in index ")
                || finding.starts_with("non-unique entry in index ")
        };
        !self.integrity.is_empty() && self.integrity.iter().all(about_an_index)
    }
}

/// Ten findings tell enough.
pub(crate) async fn complaints(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(String,)> = tx.query("PRAGMA integrity_check(10)").fetch_all().await?;
    Ok(rows.into_iter().map(|(finding,)| finding).filter(|finding| finding != "ok").collect())
}

async fn dangling_rows(tx: &mut Tx) -> Result<Vec<String>> {
    let rows: Vec<(String, String)> =
        tx.query("SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 10").fetch_all().await?;
    Ok(rows.into_iter().map(|(table, parent)| format!("{table} → {parent}")).collect())
}

/// Whether the database has it: one of an older version need not.
pub(crate) async fn has_table(tx: &mut Tx, name: &str) -> Result<bool> {
    let table = match tx.engine() {
        Engine::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = $1",
        Engine::Postgres => "SELECT CAST(to_regclass($1) AS TEXT) WHERE to_regclass($1) IS NOT NULL",
    };
    Ok(tx.query(table).bind(name.to_owned()).fetch_optional::<(String,)>().await?.is_some())
}

async fn schema(tx: &mut Tx, kind: Kind) -> Result<Schema> {
    if !has_table(tx, "_sqlx_migrations").await? {
        return Ok(Schema::Foreign(Found::NoMigrations));
    }
    let applied: Vec<(i64, bool, Vec<u8>)> =
        tx.query("SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version").fetch_all().await?;
    let migrator = match tx.engine() {
        Engine::Sqlite => migrations::sqlite(kind),
        Engine::Postgres => migrations::postgres(kind),
    };
    Ok(compare(migrator, &applied, migrations::newest(kind)))
}

fn compare(migrator: &Migrator, applied: &[(i64, bool, Vec<u8>)], newest: i64) -> Schema {
    for (version, success, checksum) in applied {
        if !success {
            return Schema::Foreign(Found::MigrationUnfinished { version: *version });
        }
        match migrator.iter().find(|migration| migration.version == *version) {
            None => return Schema::Foreign(Found::MigrationNewer { version: *version }),
            Some(ours) if ours.checksum.as_ref() != checksum => {
                return Schema::Foreign(Found::MigrationOther { version: *version });
            }
            Some(_) => {}
        }
    }
    match migrator.iter().count().saturating_sub(applied.len()) {
        0 => Schema::Newest(newest),
        behind => Schema::Behind(behind),
    }
}
