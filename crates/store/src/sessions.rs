//! Log-in sessions, of admins and of tenants' users. Only the token's SHA-256 is kept.

use sqlx::FromRow;

use crate::{
    clock::Timestamp,
    error::Result,
    ids::{AdminId, SessionId, TenantId, UserId},
    paging::{Direction, Page},
    seam::Tx,
};

/// A row of `sessions`: either an admin's or a tenant's user's.
#[derive(Clone, Debug, FromRow)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct Session {
    pub id: SessionId,
    pub admin_id: Option<AdminId>,
    pub tenant_id: Option<TenantId>,
    pub user_id: Option<UserId>,
    pub credential_version: i64,
    pub address: String,
    pub user_agent: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, admin_id, tenant_id, user_id, credential_version, address, user_agent, created_at, \
             last_seen_at, expires_at FROM sessions ",
            $rest
        )
    };
}

/// Adds a session for the token with this SHA-256.
pub async fn insert(tx: &mut Tx, session: &Session, token_hash: &[u8]) -> Result<()> {
    tx.query(
        "INSERT INTO sessions (id, token_hash, admin_id, tenant_id, user_id, credential_version, address, user_agent,
             created_at, last_seen_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(session.id)
    .bind(token_hash.to_vec())
    .bind(session.admin_id)
    .bind(session.tenant_id)
    .bind(session.user_id)
    .bind(session.credential_version)
    .bind(session.address.clone())
    .bind(session.user_agent.clone())
    .bind(session.created_at)
    .bind(session.last_seen_at)
    .bind(session.expires_at)
    .execute()
    .await?;
    Ok(())
}

/// By the SHA-256 of the token.
pub async fn find_by_token(tx: &mut Tx, token_hash: &[u8]) -> Result<Option<Session>> {
    tx.query(select!("WHERE token_hash = $1")).bind(token_hash.to_vec()).fetch_optional().await
}

/// By id.
pub async fn find(tx: &mut Tx, id: SessionId) -> Result<Option<Session>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// Notes that the session is in use.
pub async fn touch(tx: &mut Tx, id: SessionId, at: Timestamp) -> Result<()> {
    tx.query("UPDATE sessions SET last_seen_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// Notes that its owner has just shown that he knows the password.
pub async fn confirm(tx: &mut Tx, id: SessionId, at: Timestamp) -> Result<()> {
    tx.query("UPDATE sessions SET confirmed_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// When its owner last showed that: when it began, if not later. Nothing when it has ended.
pub async fn confirmed_at(tx: &mut Tx, id: SessionId) -> Result<Option<Timestamp>> {
    let found = tx.query("SELECT COALESCE(confirmed_at, created_at) FROM sessions WHERE id = $1").bind(id);
    Ok(found.fetch_optional::<(Timestamp,)>().await?.map(|(at,)| at))
}

/// A page of the sessions of one admin, by when they began.
pub async fn of_admin(tx: &mut Tx, id: AdminId, page: &Page) -> Result<Vec<Session>> {
    let sql = match page.direction {
        Direction::Ascending => select!("WHERE admin_id = $1 AND id > $2 ORDER BY id LIMIT $3"),
        Direction::Descending => select!("WHERE admin_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"),
    };
    tx.query(sql).bind(id).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// A page of the sessions of one user, by when they began.
pub async fn of_user(tx: &mut Tx, tenant: TenantId, user: UserId, page: &Page) -> Result<Vec<Session>> {
    let sql = match page.direction {
        Direction::Ascending => select!("WHERE tenant_id = $1 AND user_id = $2 AND id > $3 ORDER BY id LIMIT $4"),
        Direction::Descending => select!("WHERE tenant_id = $1 AND user_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4"),
    };
    tx.query(sql).bind(tenant).bind(user).bind(page.start().1).bind(page.limit).fetch_all().await
}

/// Whose sessions to list; an absent part does not narrow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only this admin's.
    pub admin: Option<AdminId>,
    /// Only those of this tenant's users.
    pub tenant: Option<TenantId>,
    /// Only this user's.
    pub user: Option<UserId>,
}

/// A session, and the names beside its ids; a user's own is in his tenant's database.
#[derive(Clone, Debug, FromRow)]
pub struct Named {
    /// The session.
    #[sqlx(flatten)]
    pub session: Session,
    /// The admin's username.
    pub admin: Option<String>,
    /// The tenant's slug.
    pub tenant: Option<String>,
}

macro_rules! everybodys {
    ($beyond:literal, $order:literal) => {
        concat!(
            "SELECT s.id, s.admin_id, s.tenant_id, s.user_id, s.credential_version, s.address, s.user_agent, s.created_at, \
                    s.last_seen_at, s.expires_at, a.username AS admin, t.slug AS tenant \
             FROM sessions AS s LEFT JOIN admins AS a ON a.id = s.admin_id LEFT JOIN tenants AS t ON t.id = s.tenant_id \
             WHERE (CAST($1 AS TEXT) IS NULL OR s.admin_id = $1) AND (CAST($2 AS TEXT) IS NULL OR s.tenant_id = $2) \
               AND (CAST($3 AS TEXT) IS NULL OR s.user_id = $3) AND s.id ", $beyond, " $4 ORDER BY s.id", $order, " LIMIT $5"
        )
    };
}

/// A page of everybody's, by when they began.
pub async fn list(tx: &mut Tx, filter: Filter, page: &Page) -> Result<Vec<Named>> {
    let sql = match page.direction {
        Direction::Ascending => everybodys!(">", " ASC"),
        Direction::Descending => everybodys!("<", " DESC"),
    };
    tx.query(sql)
        .bind(filter.admin)
        .bind(filter.tenant)
        .bind(filter.user)
        .bind(page.start().1)
        .bind(page.limit)
        .fetch_all()
        .await
}

/// Ends one.
pub async fn delete(tx: &mut Tx, id: SessionId) -> Result<bool> {
    Ok(tx.query("DELETE FROM sessions WHERE id = $1").bind(id).execute().await? == 1)
}

/// Ends all of an admin's but `keep`.
pub async fn delete_of_admin(tx: &mut Tx, id: AdminId, keep: Option<SessionId>) -> Result<u64> {
    tx.query("DELETE FROM sessions WHERE admin_id = $1 AND id <> $2")
        .bind(id)
        .bind(keep.map(|id| id.to_string()).unwrap_or_default())
        .execute()
        .await
}

/// Ends all of a user's but `keep`.
pub async fn delete_of_user(tx: &mut Tx, tenant: TenantId, user: UserId, keep: Option<SessionId>) -> Result<u64> {
    tx.query("DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2 AND id <> $3")
        .bind(tenant)
        .bind(user)
        .bind(keep.map(|id| id.to_string()).unwrap_or_default())
        .execute()
        .await
}

/// Ends all of a tenant's users'.
pub async fn delete_of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<u64> {
    tx.query("DELETE FROM sessions WHERE tenant_id = $1").bind(tenant).execute().await
}

/// How many sessions the users of a tenant have.
pub async fn count_of_tenant(tx: &mut Tx, tenant: TenantId) -> Result<i64> {
    let (count,) =
        tx.query("SELECT count(*) FROM sessions WHERE tenant_id = $1").bind(tenant).fetch_one::<(i64,)>().await?;
    Ok(count)
}

/// Lets a session outlive the change of password that it made.
pub async fn renew(tx: &mut Tx, id: SessionId, credential_version: i64) -> Result<()> {
    tx.query("UPDATE sessions SET credential_version = $2 WHERE id = $1")
        .bind(id)
        .bind(credential_version)
        .execute()
        .await?;
    Ok(())
}

/// Forgets the ones that are over: past their end, or not seen since `idle_since`.
pub async fn delete_ended(tx: &mut Tx, now: Timestamp, idle_since: Timestamp) -> Result<u64> {
    tx.query("DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2")
        .bind(now)
        .bind(idle_since)
        .execute()
        .await
}
