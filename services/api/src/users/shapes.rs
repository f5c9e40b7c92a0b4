//! What goes in and out of the user resource.

use chiliview_store::{
    Timestamp, UserId,
    users::{User, UserStatus as StoredStatus},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use poem_openapi::Object;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    fields,
    json::{Patch, required},
    problem::Problem,
    secret::Secret,
    words::{UserRole, UserStatus},
};

/// A user to be made.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// What he logs in with; unique in the tenant, whatever the case.
    #[garde(custom(fields::username))]
    pub(super) username: String,
    /// Unique in the tenant, whatever the case.
    #[garde(custom(fields::email))]
    pub(super) email: String,
    #[garde(inner(custom(fields::line)))]
    pub(super) given_name: Option<String>,
    #[garde(inner(custom(fields::line)))]
    pub(super) family_name: Option<String>,
    /// His names, or his username, when absent.
    #[garde(inner(custom(fields::line)))]
    pub(super) display_name: Option<String>,
    /// `member` when absent.
    #[garde(skip)]
    pub(super) role: Option<UserRole>,
    /// `active` when absent.
    #[garde(skip)]
    pub(super) status: Option<UserStatus>,
    /// Without one he cannot log in until somebody sets it.
    #[garde(inner(custom(fields::password)))]
    pub(super) password: Option<Secret>,
}

/// What shall become different. A field that is absent stays, `null` clears.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    #[garde(inner(custom(fields::username)))]
    #[serde(default)]
    username: Patch<String>,
    #[garde(inner(custom(fields::email)))]
    #[serde(default)]
    email: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    given_name: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    family_name: Patch<String>,
    /// `null` makes it follow the names again.
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    display_name: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    role: Patch<UserRole>,
    /// A user who is disabled is logged out at once.
    #[garde(skip)]
    #[serde(default)]
    status: Patch<UserStatus>,
}

/// A password that somebody is given by another.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    /// The new one. All sessions of the account end.
    #[garde(custom(fields::password))]
    pub(crate) password: Secret,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
#[expect(missing_docs, reason = "the fields are described where they are set")]
pub struct UserInfo {
    pub id: Uuid,
    pub username: String,
    pub email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    pub display_name: String,
    pub role: UserRole,
    pub status: UserStatus,
    /// Whether he has a password to log in with.
    pub has_password: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_login_at: Option<DateTime<Utc>>,
    /// The number in the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub(super) fn show(user: User) -> UserInfo {
    UserInfo {
        id: user.id.uuid(),
        username: user.username,
        email: user.email,
        given_name: user.given_name,
        family_name: user.family_name,
        display_name: user.display_name,
        role: user.role.into(),
        status: user.status.into(),
        has_password: user.password_hash.is_some(),
        last_login_at: user.last_login_at.map(Timestamp::to_datetime),
        version: user.version,
        created_at: user.created_at.to_datetime(),
        updated_at: user.updated_at.to_datetime(),
    }
}

pub(super) fn new_user(input: NewUser, hash: Option<String>, id: UserId, now: Timestamp) -> User {
    let user = User {
        id,
        username: input.username,
        email: input.email,
        given_name: input.given_name,
        family_name: input.family_name,
        display_name: String::new(),
        role: input.role.unwrap_or(UserRole::Member).into(),
        status: input.status.unwrap_or(UserStatus::Active).into(),
        password_hash: hash,
        credential_version: 1,
        last_login_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let display_name = input.display_name.unwrap_or_else(|| natural_name(&user));
    User { display_name, ..user }
}

/// How a user is called who was given no display name.
pub(super) fn natural_name(user: &User) -> String {
    match (&user.given_name, &user.family_name) {
        (Some(given), Some(family)) => format!("{given} {family}").chars().take(fields::LONGEST_LINE).collect(),
        (Some(name), None) | (None, Some(name)) => name.clone(),
        (None, None) => user.username.clone(),
    }
}

pub(super) fn patched(before: &User, patch: UserPatch, now: Timestamp) -> Result<User, Problem> {
    let follows = before.display_name == natural_name(before);
    let user = before.clone();
    let user = User {
        username: required("/username", patch.username, user.username)?,
        email: required("/email", patch.email, user.email)?,
        given_name: patch.given_name.apply(user.given_name),
        family_name: patch.family_name.apply(user.family_name),
        role: required("/role", patch.role, user.role.into())?.into(),
        status: required("/status", patch.status, user.status.into())?.into(),
        updated_at: now,
        ..user
    };
    let display_name = match patch.display_name {
        Patch::Value(name) => name,
        Patch::Absent if !follows => user.display_name.clone(),
        Patch::Absent | Patch::Null => natural_name(&user),
    };
    Ok(logged_out_if_disabled(before, User { display_name, ..user }))
}

/// A disabled user's credentials get a new version: no session of before comes back with him.
pub(super) fn logged_out_if_disabled(before: &User, after: User) -> User {
    if before.status == StoredStatus::Active && after.status == StoredStatus::Disabled {
        return User { credential_version: after.credential_version + 1, ..after };
    }
    after
}
