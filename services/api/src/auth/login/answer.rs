//! What a log-in answers, and the cookie that comes along.

use chrono::{DateTime, Utc};
use http::{HeaderValue, header};
use poem::{IntoResponse, Response};
use poem_openapi::{
    ApiResponse, Object,
    registry::{MetaResponses, Registry},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    caller::{Caller, Credential, Identity},
    json::{Json, NoContent},
    words::{AdminRole, UserRole},
};

/// Who is logged in.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Whoami {
    /// The admin's or user's id.
    pub id: Uuid,
    /// His username.
    pub username: String,
    /// His role, when he is an admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_role: Option<AdminRole>,
    /// His role, when he is a tenant's user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_role: Option<UserRole>,
    /// His tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<Uuid>,
    /// His tenant's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The session that the request belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// The API key that the request came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<Uuid>,
}

/// What a log-in answers.
#[derive(Clone, Debug, Serialize, Deserialize, Object)]
pub struct LoggedIn {
    /// For `Authorization: Bearer`. Shown once; the cookie that comes along holds the same.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Who is logged in.
    pub whoami: Whoami,
}

/// 200 with the session's cookie.
pub struct LoginAnswer {
    pub(super) body: LoggedIn,
    pub(super) cookie: HeaderValue,
}

/// 204 that takes the cookie back.
pub struct LogoutAnswer {
    pub(super) cookie: HeaderValue,
}

pub(super) fn whoami(caller: &Caller) -> Whoami {
    let (session_id, api_key_id) = match &caller.credential {
        Credential::Session(id) => (Some(id.uuid()), None),
        Credential::Key { id, .. } => (None, Some(id.uuid())),
    };
    match &caller.identity {
        Identity::Admin { id, username, role } => Whoami {
            id: id.uuid(),
            username: username.clone(),
            admin_role: Some((*role).into()),
            user_role: None,
            tenant_id: None,
            tenant: None,
            session_id,
            api_key_id,
        },
        Identity::User { id, username, role, tenant } => Whoami {
            id: id.uuid(),
            username: username.clone(),
            admin_role: None,
            user_role: Some((*role).into()),
            tenant_id: Some(tenant.id.uuid()),
            tenant: Some(tenant.slug.clone()),
            session_id,
            api_key_id,
        },
    }
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

impl IntoResponse for LoginAnswer {
    fn into_response(self) -> Response {
        with_cookie(Json(self.body).into_response(), self.cookie)
    }
}

impl ApiResponse for LoginAnswer {
    fn meta() -> MetaResponses {
        <Json<LoggedIn> as ApiResponse>::meta()
    }

    fn register(registry: &mut Registry) {
        <Json<LoggedIn> as ApiResponse>::register(registry);
    }
}

impl IntoResponse for LogoutAnswer {
    fn into_response(self) -> Response {
        with_cookie(NoContent.into_response(), self.cookie)
    }
}

impl ApiResponse for LogoutAnswer {
    fn meta() -> MetaResponses {
        <NoContent as ApiResponse>::meta()
    }

    fn register(registry: &mut Registry) {
        <NoContent as ApiResponse>::register(registry);
    }
}
