//! What goes in and out of the admin resource.

use chiliview_store::{AdminId, Timestamp, admins::Admin};
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
    words::AdminRole,
};

/// An admin to be made.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct NewAdmin {
    /// What he logs in with; unique, whatever the case, and for good.
    #[garde(custom(fields::username))]
    pub(super) username: String,
    #[garde(inner(custom(fields::email)))]
    email: Option<String>,
    /// The username when absent.
    #[garde(inner(custom(fields::line)))]
    display_name: Option<String>,
    #[garde(skip)]
    role: AdminRole,
    #[garde(custom(fields::password))]
    pub(super) password: Secret,
}

/// What shall become different. A field that is absent stays, `null` clears.
#[derive(Clone, Debug, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct AdminPatch {
    #[garde(inner(custom(fields::email)))]
    #[serde(default)]
    email: Patch<String>,
    #[garde(inner(custom(fields::line)))]
    #[serde(default)]
    display_name: Patch<String>,
    #[garde(skip)]
    #[serde(default)]
    role: Patch<AdminRole>,
    /// While true, he cannot log in; his sessions end at once.
    #[garde(skip)]
    #[serde(default)]
    disabled: Patch<bool>,
}

/// An admin.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
#[expect(missing_docs, reason = "the fields are described where they are set")]
pub struct AdminInfo {
    pub id: Uuid,
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub display_name: String,
    pub role: AdminRole,
    pub disabled: bool,
    /// Whether his log-ins need a second factor.
    pub two_factor: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_login_at: Option<DateTime<Utc>>,
    /// The number in the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub(super) fn new_admin(input: NewAdmin, hash: String, id: AdminId, now: Timestamp) -> Admin {
    Admin {
        id,
        email: input.email,
        display_name: input.display_name.unwrap_or_else(|| input.username.clone()),
        username: input.username,
        role: input.role.into(),
        password_hash: hash,
        credential_version: 1,
        disabled_at: None,
        last_login_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

pub(super) fn patched(before: &Admin, patch: AdminPatch, now: Timestamp) -> Result<Admin, Problem> {
    let admin = before.clone();
    let disabled = required("/disabled", patch.disabled, admin.disabled_at.is_some())?;
    let disabled_at = disabled.then(|| admin.disabled_at.unwrap_or(now));
    let newly_disabled = disabled_at.is_some() && before.disabled_at.is_none();
    Ok(Admin {
        email: patch.email.apply(admin.email),
        display_name: patch.display_name.apply(Some(admin.display_name)).unwrap_or_else(|| admin.username.clone()),
        role: required("/role", patch.role, admin.role.into())?.into(),
        disabled_at,
        // No session of before comes back with him.
        credential_version: admin.credential_version + i64::from(newly_disabled),
        updated_at: now,
        ..admin
    })
}

pub(super) fn show(admin: Admin, two_factor: bool) -> AdminInfo {
    AdminInfo {
        id: admin.id.uuid(),
        username: admin.username,
        email: admin.email,
        display_name: admin.display_name,
        role: admin.role.into(),
        disabled: admin.disabled_at.is_some(),
        two_factor,
        disabled_at: admin.disabled_at.map(Timestamp::to_datetime),
        last_login_at: admin.last_login_at.map(Timestamp::to_datetime),
        version: admin.version,
        created_at: admin.created_at.to_datetime(),
        updated_at: admin.updated_at.to_datetime(),
    }
}
