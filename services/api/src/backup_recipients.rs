//! For whom a tenant's backups are encrypted, beside the platform's recipients.

use std::collections::HashSet;

use chiliview_snapshot::{Recipients, RecipientsError};
use chiliview_store::{
    TenantId, Tx,
    audit::Event,
    tenant_recipients::{self, TenantRecipients},
};
use garde::Validate;
use poem_openapi::{
    Object, OpenApi,
    param::{Header, Path},
};
use serde::{Deserialize, Serialize};

use crate::{
    app::App,
    caller::Caller,
    etag::{Tagged, check_if_match},
    json::Json,
    problem::{FieldError, Problem},
};

/// A tenant's own recipients. Who holds the secret key of one of them can open the tenant's backups.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, Object)]
#[serde(deny_unknown_fields)]
pub struct BackupRecipients {
    /// Public keys of age (X25519, `age1…`), 16 at most; none: the tenant has none of its own.
    #[garde(length(max = 16))]
    pub recipients: Vec<String>,
}

/// The resource.
pub struct TenantBackupRecipients {
    app: App,
}

#[OpenApi]
impl TenantBackupRecipients {
    /// Read for whom a tenant's backups are encrypted
    ///
    /// Its own recipients; those of the platform are beside them in each backup's manifest.
    #[oai(path = "/tenants/:tenant/backup-recipients", method = "get", operation_id = "get_backup_recipients")]
    async fn get(&self, caller: Caller, tenant: Path<String>) -> Result<Tagged<BackupRecipients>, Problem> {
        let tenant = self.app.tenant(&caller, &tenant.0).await?;
        caller.require_manager_read()?;
        Ok(shown(&self.app.central().read(async |tx| found(tx, tenant.id).await).await?))
    }

    /// Set for whom a tenant's backups are encrypted
    ///
    /// It holds for backups that are made from now on; those that are there stay as they are.
    #[oai(path = "/tenants/:tenant/backup-recipients", method = "put", operation_id = "set_backup_recipients")]
    async fn set(
        &self,
        caller: Caller,
        tenant: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        input: Json<BackupRecipients>,
    ) -> Result<Tagged<BackupRecipients>, Problem> {
        caller.require_operator()?;
        let keys = public_keys(&input.0.recipients).map_err(Problem::validation)?;
        let (app, now) = (&self.app, self.app.now());
        let seen = app.tenant(&caller, &tenant.0).await?;
        let row = app.central().write(async |tx| {
            let before = found(tx, seen.id).await?;
            check_if_match(if_match.0.as_deref(), before.version)?;
            if before.keys() != keys {
                tenant_recipients::set(tx, seen.id, keys.clone(), now).await?;
                let changes = serde_json::json!({ "backup_recipients": [before.keys(), keys] });
                let event = Event::done("tenant.backup_recipients", "tenant", seen.id).changing(changes);
                app.audit(tx, &caller, event).await?;
            }
            found(tx, seen.id).await
        });
        Ok(shown(&row.await?))
    }
}

impl TenantBackupRecipients {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }
}

async fn found(tx: &mut Tx, tenant: TenantId) -> Result<TenantRecipients, Problem> {
    tenant_recipients::find(tx, tenant).await?.ok_or_else(|| Problem::not_found("tenant"))
}

fn shown(row: &TenantRecipients) -> Tagged<BackupRecipients> {
    Tagged { version: row.version, body: BackupRecipients { recipients: row.keys().to_vec() } }
}

/// Each as age writes it, or all that are none.
fn public_keys(texts: &[String]) -> Result<Vec<String>, Vec<FieldError>> {
    let (mut known, mut keys, mut wrong) = (HashSet::new(), Vec::new(), Vec::new());
    for (at, text) in texts.iter().enumerate() {
        let pointer = format!("/recipients/{at}");
        match public_key(text) {
            Ok(key) if known.insert(key.clone()) => keys.push(key),
            Ok(_) => wrong.push(FieldError::new(pointer, "duplicate", "is in the list already")),
            Err((code, detail)) => wrong.push(FieldError::new(pointer, code, detail)),
        }
    }
    if wrong.is_empty() { Ok(keys) } else { Err(wrong) }
}

fn public_key(text: &str) -> Result<String, (&'static str, &'static str)> {
    let unreadable = ("invalid", "must be an X25519 recipient as age-keygen prints it, age1…");
    match Recipients::of([text]) {
        // A comment in a file of recipients is none here.
        Ok(one) => one.iter().next().ok_or(unreadable),
        Err(RecipientsError::Secret { .. }) => {
            Err(("secret", "is a secret key: name its public key, age1…, and use that secret key no more"))
        }
        Err(_) => Err(unreadable),
    }
}
