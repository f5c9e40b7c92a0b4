//! How much a tenant has of what its quotas limit.

use chiliview_store::{backups, users};
use poem_openapi::{Object, OpenApi, param::Path};
use serde::{Deserialize, Serialize};

use crate::{app::App, caller::Caller, json::Json, problem::Problem};

/// The resource.
pub struct Usage {
    app: App,
}

/// What is counted against a tenant's quotas.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, Object)]
pub struct UsageInfo {
    /// Users, against `quota_users`.
    pub users: i64,
    /// Backups that are not in the trash, against `quota_backups`; those that came to nothing are not counted.
    pub backups: i64,
    /// What these take on the shelf, in bytes, against `quota_bytes`.
    pub bytes: i64,
}

#[OpenApi]
impl Usage {
    /// Read how much a tenant has of what its quotas limit
    #[oai(path = "/tenants/:tenant/usage", method = "get", operation_id = "get_tenant_usage")]
    async fn get(&self, caller: Caller, tenant: Path<String>) -> Result<Json<UsageInfo>, Problem> {
        caller.require_manager_read()?;
        let (tenant, database) = self.app.living_tenant(&caller, &tenant.0).await?;
        let users = database.read(users::count).await?;
        let (backups, bytes) = self.app.central().read(async |tx| backups::usage(tx, tenant.id).await).await?;
        Ok(Json(UsageInfo { users, backups, bytes }))
    }
}

impl Usage {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}
