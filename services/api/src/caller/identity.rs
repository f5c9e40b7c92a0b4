//! Who somebody is, what he showed, and where his request came from.

use chiliview_store::{
    AdminId, ApiKeyId, SessionId, UserId,
    admins::AdminRole,
    audit::{Actor, ActorKind},
    tenants::Tenant,
    users::UserRole,
};
use poem::Request;
use uuid::Uuid;

use crate::edge::{ClientAddress, TraceId};

/// What somebody shows to be let in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The token of a session, begun with a password.
    Session(SessionId),
    /// An API key.
    Key {
        /// Its id.
        id: ApiKeyId,
        /// Its name.
        name: String,
    },
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address.
    pub address: Option<String>,
    /// The request's trace.
    pub trace_id: Option<String>,
    /// What the client says that it is; at most 200 characters of it.
    pub user_agent: String,
}

/// Who somebody is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// An admin of the platform.
    Admin {
        /// His id.
        id: AdminId,
        /// His username.
        username: String,
        /// What he may do.
        role: AdminRole,
    },
    /// A user of a tenant.
    User {
        /// His id, inside the tenant.
        id: UserId,
        /// His username.
        username: String,
        /// What he may do.
        role: UserRole,
        /// His tenant.
        tenant: Box<Tenant>,
    },
}

impl Credential {
    /// The session's id, or the key's.
    pub(crate) fn uuid(&self) -> Uuid {
        match self {
            Self::Session(id) => id.uuid(),
            Self::Key { id, .. } => id.uuid(),
        }
    }
}

impl Identity {
    /// The account's id.
    pub(crate) fn uuid(&self) -> Uuid {
        match self {
            Self::Admin { id, .. } => id.uuid(),
            Self::User { id, .. } => id.uuid(),
        }
    }

    /// Whether this is the same person, in the same tenant and role.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Admin { id, role, .. }, Self::Admin { id: other, role: others, .. }) => {
                (id, role) == (other, others)
            }
            (Self::User { id, role, tenant, .. }, Self::User { id: other, role: others, tenant: theirs, .. }) => {
                (id, role, tenant.id) == (other, others, theirs.id)
            }
            _ => false,
        }
    }
}

impl Origin {
    /// What the edge found out about a request.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        Self {
            address: request.data::<ClientAddress>().map(|address| address.0.to_string()),
            trace_id: request.data::<TraceId>().map(|trace| trace.0.clone()),
            user_agent: request.header("user-agent").unwrap_or_default().chars().take(200).collect(),
        }
    }

    /// Somebody who is not logged in.
    #[must_use]
    pub fn anonymous(&self, name: &str) -> Actor {
        Actor {
            kind: ActorKind::Anonymous,
            id: None,
            name: name.chars().take(100).collect(),
            address: self.address.clone(),
            trace_id: self.trace_id.clone(),
        }
    }
}
