//! Users: the people inside one tenant. These statements run in that tenant's database.

use serde::Serialize;
use sqlx::FromRow;

use crate::{
    among::{among, joined},
    clock::Timestamp,
    error::{Error, Result},
    ids::{UserId, words},
    paging::{Direction, Page, search_pattern, search_text},
    seam::{Query, Tx},
};

words! {
    /// What a user may do in his tenant.
    UserRole {
        /// Its users and backups.
        Manager = "manager",
        /// Only himself.
        Member = "member",
    }
}

words! {
    /// Whether a user can log in.
    UserStatus {
        /// He can.
        Active = "active",
        /// He cannot.
        Disabled = "disabled",
    }
}

words! {
    /// By what a list of users is sorted.
    UserSort {
        /// By username.
        Username = "username",
        /// By e-mail.
        Email = "email",
        /// By when he was made.
        Created = "created",
    }
}

/// A row of `users`; it serialises to what the audit log compares.
#[derive(Clone, Debug, FromRow, Serialize)]
#[expect(missing_docs, reason = "the columns are described in the migration")]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub email: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub display_name: String,
    pub role: UserRole,
    pub status: UserStatus,
    #[serde(skip)]
    pub password_hash: Option<String>,
    #[serde(skip)]
    pub credential_version: i64,
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
            "SELECT id, username, email, given_name, family_name, display_name, role, status, password_hash, \
             credential_version, last_login_at, version, created_at, updated_at FROM users ",
            $rest
        )
    };
}

/// Adds a user. What exists is [`Error::Duplicate`] of `users.username_key` or `users.email_key`.
pub async fn insert(tx: &mut Tx, user: &User) -> Result<()> {
    tx.query(
        "INSERT INTO users (id, version, username, username_key, email, email_key, given_name, family_name,
             display_name, role, status, password_hash, credential_version, search, updated_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind_user(user)
    .bind(user.created_at)
    .execute()
    .await?;
    Ok(())
}

/// Writes every column that can change, if the row still has `user.version`; the row's version goes up by one.
pub async fn update(tx: &mut Tx, user: &User) -> Result<()> {
    let changed = tx
        .query(
            "UPDATE users SET username = $3, username_key = $4, email = $5, email_key = $6, given_name = $7,
                 family_name = $8, display_name = $9, role = $10, status = $11, password_hash = $12,
                 credential_version = $13, search = $14, updated_at = $15, version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind_user(user)
        .execute()
        .await?;
    if changed == 0 { Err(Error::VersionMismatch) } else { Ok(()) }
}

impl Query<'_> {
    /// `$1` to `$15` of both statements above.
    fn bind_user(self, user: &User) -> Self {
        self.bind(user.id)
            .bind(user.version)
            .bind(user.username.clone())
            .bind(user.username.to_lowercase())
            .bind(user.email.clone())
            .bind(user.email.to_lowercase())
            .bind(user.given_name.clone())
            .bind(user.family_name.clone())
            .bind(user.display_name.clone())
            .bind(user.role)
            .bind(user.status)
            .bind(user.password_hash.clone())
            .bind(user.credential_version)
            .bind(search(user))
            .bind(user.updated_at)
    }
}

fn search(user: &User) -> String {
    search_text(&[
        Some(&user.username),
        Some(&user.email),
        Some(&user.display_name),
        user.given_name.as_deref(),
        user.family_name.as_deref(),
    ])
}

/// Notes a log-in; no new version of the row.
pub async fn logged_in(tx: &mut Tx, id: UserId, at: Timestamp) -> Result<()> {
    tx.query("UPDATE users SET last_login_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// Removes a user.
pub async fn delete(tx: &mut Tx, id: UserId) -> Result<bool> {
    Ok(tx.query("DELETE FROM users WHERE id = $1").bind(id).execute().await? == 1)
}

/// By id.
pub async fn find(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    tx.query(select!("WHERE id = $1")).bind(id).fetch_optional().await
}

/// By username, whatever its case.
pub async fn find_by_username(tx: &mut Tx, username: &str) -> Result<Option<User>> {
    tx.query(select!("WHERE username_key = $1")).bind(username.to_lowercase()).fetch_optional().await
}

/// By e-mail, whatever its case.
pub async fn find_by_email(tx: &mut Tx, email: &str) -> Result<Option<User>> {
    tx.query(select!("WHERE email_key = $1")).bind(email.to_lowercase()).fetch_optional().await
}

/// What those of them are called that there are.
pub async fn names(tx: &mut Tx, ids: &[UserId]) -> Result<Vec<(UserId, String)>> {
    tx.query(concat!("SELECT id, username FROM users WHERE id IN ", among!())).bind(joined(ids)).fetch_all().await
}

/// How many users there are.
pub async fn count(tx: &mut Tx) -> Result<i64> {
    let (count,) = tx.query("SELECT count(*) FROM users").fetch_one::<(i64,)>().await?;
    Ok(count)
}

/// How many managers can log in.
pub async fn count_managers(tx: &mut Tx) -> Result<i64> {
    let (count,) = tx
        .query("SELECT count(*) FROM users WHERE role = 'manager' AND status = 'active'")
        .fetch_one::<(i64,)>()
        .await?;
    Ok(count)
}

/// What must be unique, of all users, a page at a time: id, username and e-mail in lower case.
pub async fn keys(tx: &mut Tx, after: Option<UserId>, limit: i64) -> Result<Vec<(UserId, String, String)>> {
    tx.query("SELECT id, username_key, email_key FROM users WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(limit)
        .fetch_all()
        .await
}

/// What to list; an absent part does not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// What was typed into the search.
    pub q: Option<String>,
    /// Only this role.
    pub role: Option<UserRole>,
    /// Only this status.
    pub status: Option<UserStatus>,
}

macro_rules! page {
    ($column:literal, $beyond:literal, $order:literal) => {
        concat!(
            "SELECT id, username, email, given_name, family_name, display_name, role, status, password_hash, \
             credential_version, last_login_at, version, created_at, updated_at FROM users \
             WHERE (CAST($1 AS TEXT) IS NULL OR search LIKE $1 ESCAPE '\\') \
               AND (CAST($2 AS TEXT) IS NULL OR role = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3) AND (",
            $column,
            ", id) ",
            $beyond,
            " ($4, $5) ORDER BY ",
            $column,
            $order,
            ", id",
            $order,
            " LIMIT $6"
        )
    };
}

/// A page.
pub async fn list(tx: &mut Tx, filter: &Filter, sort: UserSort, page: &Page) -> Result<Vec<User>> {
    let sql = match (sort, page.direction) {
        (UserSort::Username, Direction::Ascending) => page!("username_key", ">", " ASC"),
        (UserSort::Username, Direction::Descending) => page!("username_key", "<", " DESC"),
        (UserSort::Email, Direction::Ascending) => page!("email_key", ">", " ASC"),
        (UserSort::Email, Direction::Descending) => page!("email_key", "<", " DESC"),
        (UserSort::Created, Direction::Ascending) => page!("id", ">", " ASC"),
        (UserSort::Created, Direction::Descending) => page!("id", "<", " DESC"),
    };
    let (key, id) = page.start();
    tx.query(sql)
        .bind(search_pattern(filter.q.as_deref()))
        .bind(filter.role)
        .bind(filter.status)
        .bind(key)
        .bind(id)
        .bind(page.limit)
        .fetch_all()
        .await
}
