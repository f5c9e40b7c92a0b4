//! Where the tenants' databases are, while the central one is made beside them: files, or schemas.

use std::fs;

use chiliview_doctor::{
    condition::Condition,
    reader::{self, Place},
};
use chiliview_store::{Error, TenantId, data_dir::DataDir, migrations::Kind, postgres::tenant_schema, relocation};
use sqlx::PgPool;

/// All of them.
pub(crate) enum Homes {
    Files(DataDir),
    Schemas(PgPool),
}

impl Homes {
    pub(crate) async fn holds(&self, id: TenantId) -> Result<bool, Error> {
        match self {
            Self::Files(data_dir) => Ok(data_dir.tenant_database(id).exists()),
            Self::Schemas(pool) => relocation::tenant(pool, id).exists().await,
        }
    }

    /// What people look for.
    pub(crate) fn name(&self, id: TenantId) -> String {
        match self {
            Self::Files(data_dir) => data_dir.tenant_database(id).display().to_string(),
            Self::Schemas(_) => tenant_schema(id),
        }
    }

    /// Those that are there, whoever knows them.
    pub(crate) async fn all(&self) -> Result<Vec<TenantId>, Error> {
        let data_dir = match self {
            Self::Schemas(pool) => {
                let found = relocation::tenants(pool).await?;
                return Ok(found.into_iter().map(|(id, _)| id).collect());
            }
            Self::Files(data_dir) => data_dir,
        };
        let root = data_dir.resellers();
        let entries = match fs::read_dir(&root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(Error::io("list", &root))?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let name = entry.map_err(Error::io("list", &root))?.file_name();
            let name = name.to_string_lossy();
            let id = name.parse::<TenantId>().ok().filter(|id| id.to_string() == name);
            all.extend(id.filter(|id| data_dir.tenant_database(*id).exists()));
        }
        all.sort();
        Ok(all)
    }

    /// Looks into one, and leaves it as it was.
    pub(crate) async fn look(&self, id: TenantId) -> Result<Condition, Error> {
        let (path, schema) = match self {
            Self::Files(data_dir) => (data_dir.tenant_database(id), String::new()),
            Self::Schemas(_) => (std::path::PathBuf::new(), tenant_schema(id)),
        };
        let place = match self {
            Self::Files(_) => Place::Alone(&path),
            Self::Schemas(pool) => Place::Schema(pool, &schema),
        };
        reader::read(place, async |tx| Condition::of(tx, Kind::Tenant).await).await
    }
}
