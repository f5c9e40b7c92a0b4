//! Admins: the people who manage the platform.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::{Error, Result},
    ids::{AdminId, words},
    paging::{Direction, Page, search_pattern, search_text},
    seam::Tx,
};

words! {
    /// What an admin may do.
    AdminRole {
        /// Everything, admins included.
        Owner = "owner",
        /// Tenants, users and backups.
        Operator = "operator",
        /// Reading only.
        Auditor = "auditor",
    }
}

/// A row of `admins`. Serialises without the password's hash: that is what the audit log compares.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Admin {
    pub id: AdminId,
    pub username: String,
    pub email: Option<String>,
    pub display_name: String,
    pub role: AdminRole,
    #[serde(skip)]
    pub password_hash: String,
    #[serde(skip)]
    pub credential_version: i64,
    pub disabled_at: Option<Timestamp>,
    #[serde(skip)]
    pub last_login_at: Option<Timestamp>,
    #[serde(skip)]
    pub version: i64,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub updated_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, username, email, display_name, role, password_hash, credential_version, disabled_at, \
             last_login_at, version, created_at, updated_at FROM admins ",
            $rest
        )
    };
}

/// Adds an admin. A username that exists is [`Error::Duplicate`] of `admins.username_key`.
pub async fn insert(tx: &mut Tx, admin: &Admin) -> Result<()> {
    tx.query(
        "INSERT INTO admins (id, username, username_key, email, display_name, role, password_hash, credential_version,
             disabled_at, last_login_at, search, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(admin.id)
    .bind(admin.username.clone())
    .bind(admin.username.to_lowercase())
    .bind(admin.email.clone())
    .bind(admin.display_name.clone())
    .bind(admin.role)
    .bind(admin.password_hash.clone())
    .bind(admin.credential_version)
    .bind(admin.disabled_at)
    .bind(admin.last_login_at)
    .bind(search(admin))
    .bind(admin.version)
    .bind(admin.created_at)
    .bind(admin.updated_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes every column that can change, if the row still has `admin.version`; the row's version goes up by one.
pub async fn update(tx: &mut Tx, admin: &Admin) -> Result<()> {
    let changed = tx
        .query(
            "UPDATE admins SET username = $3, username_key = $4, email = $5, display_name = $6, role = $7,
                 password_hash = $8, credential_version = $9, disabled_at = $10, search = $11, updated_at = $12,
                 version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind(admin.id)
        .bind(admin.version)
        .bind(admin.username.clone())
        .bind(admin.username.to_lowercase())
        .bind(admin.email.clone())
        .bind(admin.display_name.clone())
        .bind(admin.role)
        .bind(admin.password_hash.clone())
        .bind(admin.credential_version)
        .bind(admin.disabled_at)
        .bind(search(admin))
        .bind(admin.updated_at)
        .execute()
        .await?;
    if changed == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
}

fn search(admin: &Admin) -> String {
    search_text(&[Some(&admin.username), Some(&admin.display_name), admin.email.as_deref()])
}

/// Notes a log-in; no new version of the row.
pub async fn logged_in(tx: &mut Tx, id: AdminId, at: Timestamp) -> Result<()> {
    tx.query("UPDATE admins SET last_login_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// Removes an admin; his sessions go with him.
pub async fn delete(tx: &mut Tx, id: AdminId) -> Result<bool> {
    Ok(tx.query("DELETE FROM admins WHERE id = $1").bind(id).execute().await? == 1)
}

/// By id.
pub async fn find(tx: &mut Tx, id: AdminId) -> Result<Option<Admin>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// By username, whatever its case.
pub async fn find_by_username(tx: &mut Tx, username: &str) -> Result<Option<Admin>> {
    tx.query(select!("WHERE username_key = $1")).bind(username.to_lowercase()).fetch_optional().await
}

/// How many owners can log in.
pub async fn count_active_owners(tx: &mut Tx) -> Result<i64> {
    let (count,) = tx
        .query("SELECT count(*) FROM admins WHERE role = 'owner' AND disabled_at IS NULL")
        .fetch_one::<(i64,)>()
        .await?;
    Ok(count)
}

/// How many admins there are.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    let (count,) = tx.query("SELECT count(*) FROM admins").fetch_one::<(i64,)>().await?;
    Ok(count)
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What was typed into the search.
    pub q: Option<String>,
    /// Only this role.
    pub role: Option<AdminRole>,
}

/// A page, by username.
pub async fn list(tx: &mut Tx, filter: &Filter, page: &Page) -> Result<Vec<Admin>> {
    let sql = match page.direction {
        Direction::Ascending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR search LIKE $1 ESCAPE '\\') AND (CAST($2 AS TEXT) IS NULL OR role = $2)
               AND (username_key, id) > ($3, $4) ORDER BY username_key, id LIMIT $5"
        ),
        Direction::Descending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR search LIKE $1 ESCAPE '\\') AND (CAST($2 AS TEXT) IS NULL OR role = $2)
               AND (username_key, id) < ($3, $4) ORDER BY username_key DESC, id DESC LIMIT $5"
        ),
    };
    let (key, id) = page.start();
    tx.query(sql)
        .bind(search_pattern(filter.q.as_deref()))
        .bind(filter.role)
        .bind(key)
        .bind(id)
        .bind(page.limit)
        .fetch_all()
        .await
}
