//! What is looked at and has no name of its own.

use chiliview_store::BackupId;

use super::sentences;

sentences! {
    /// What is looked at.
    Object {
        Admins = "admins": "admins",
        Tenants = "tenants": "tenants",
        Queue = "queue": "queue",
        Backups = "backups": "backups",
        Fleet = "fleet": "the fleet",
        BackupOf { backup: BackupId, tenant: String } = "backup_of_tenant": "{backup} of {tenant}",
        CentralBackup { backup: BackupId } = "backup_of_central": "{backup} of the central database",
        UnknownTenant { database: String } = "unknown_tenant": "unknown ({database})",
        TenantSchema { tenant: String, schema: String } = "tenant_schema": "{tenant} (schema {schema})",
        OwnDirectory = "own_directory": "a tenant, a user and a session in a directory of their own",
        CentralTransaction = "central_transaction": "a transaction on the central database",
    }
}
