//! API keys: what programs show instead of a log-in. Only the token's SHA-256 is kept.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{AdminId, ApiKeyId, TenantId, UserId, words},
    paging::{Direction, Page},
    seam::Tx,
};

words! {
    /// What a key may do, at the most. What only an owner may, no key may.
    KeyRole {
        /// Tenants, users and backups.
        Operator = "operator",
        /// Reading only.
        Auditor = "auditor",
        /// One tenant's users and backups.
        Manager = "manager",
    }
}

/// A row of `api_keys`.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub hint: String,
    pub name: String,
    pub role: KeyRole,
    pub tenant_id: Option<TenantId>,
    pub admin_id: Option<AdminId>,
    pub user_id: Option<UserId>,
    pub made_by: String,
    pub expires_at: Timestamp,
    #[serde(skip)]
    pub last_used_at: Option<Timestamp>,
    #[serde(skip)]
    pub created_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, hint, name, role, tenant_id, admin_id, user_id, made_by, expires_at, last_used_at, created_at \
             FROM api_keys ",
            $rest
        )
    };
}

/// Adds a key for the token with this SHA-256.
pub async fn insert(tx: &mut Tx, key: &ApiKey, token_hash: &[u8]) -> Result<()> {
    tx.query(
        "INSERT INTO api_keys (id, token_hash, hint, name, role, tenant_id, admin_id, user_id, made_by, expires_at,
             last_used_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(key.id)
    .bind(token_hash.to_vec())
    .bind(key.hint.clone())
    .bind(key.name.clone())
    .bind(key.role)
    .bind(key.tenant_id)
    .bind(key.admin_id)
    .bind(key.user_id)
    .bind(key.made_by.clone())
    .bind(key.expires_at)
    .bind(key.last_used_at)
    .bind(key.created_at)
    .execute()
    .await?;
    Ok(())
}

/// By id.
pub async fn find(tx: &mut Tx, id: ApiKeyId) -> Result<Option<ApiKey>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// By the SHA-256 of the token.
pub async fn find_by_token(tx: &mut Tx, token_hash: &[u8]) -> Result<Option<ApiKey>> {
    tx.query(select!("WHERE token_hash = $1")).bind(token_hash.to_vec()).fetch_optional().await
}

/// Notes that the key is in use.
pub async fn touch(tx: &mut Tx, id: ApiKeyId, at: Timestamp) -> Result<()> {
    tx.query("UPDATE api_keys SET last_used_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// A page, by when they were made; with a tenant, only its own.
pub async fn list(tx: &mut Tx, tenant: Option<TenantId>, page: &Page) -> Result<Vec<ApiKey>> {
    let sql = match page.direction {
        Direction::Ascending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1)
               AND id > $2 ORDER BY id LIMIT $3"
        ),
        Direction::Descending => select!(
            "WHERE (CAST($1 AS TEXT) IS NULL OR tenant_id = $1)
               AND id < $2 ORDER BY id DESC LIMIT $3"
        ),
    };
    tx.query(sql).bind(tenant).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// How many keys the platform has, or a tenant.
pub async fn count(tx: &mut Tx, tenant: Option<TenantId>) -> Result<i64> {
    let counted = tx
        .query("SELECT count(*) FROM api_keys WHERE COALESCE(tenant_id, '') = $1")
        .bind(tenant.map(|id| id.to_string()).unwrap_or_default());
    Ok(counted.fetch_one::<(i64,)>().await?.0)
}

/// Ends one.
pub async fn delete(tx: &mut Tx, id: ApiKeyId) -> Result<bool> {
    Ok(tx.query("DELETE FROM api_keys WHERE id = $1").bind(id).execute().await? == 1)
}

/// Forgets those that ended before `before`: until then people can see why something stopped working.
pub async fn delete_ended(tx: &mut Tx, before: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM api_keys WHERE expires_at < $1").bind(before).execute().await
}
