//! Verified backups on the real shelf, as the worker would have left them.

use chiliview_snapshot::{Owner, Recipients, Source, Watch, WriteRequest, write};
use chiliview_store::{
    BackupId, Clock, Error, Ids, Settings, Store, TenantId,
    backups::{self, New, Origin, ProofDepth, Verified},
};

use super::TestApp;

/// Public keys of age's documentation.
pub(crate) const RECIPIENTS: [&str; 2] = [
    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
    "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
];

impl TestApp {
    /// A verified backup of a tenant, or of the central database; its id, and its artefact's bytes.
    pub(crate) async fn backed_up(&self, tenant: Option<(&str, &str)>) -> (String, Vec<u8>) {
        self.shelved(tenant, Recipients::none()).await
    }

    /// …encrypted for [`RECIPIENTS`].
    pub(crate) async fn sealed(&self, tenant: Option<(&str, &str)>) -> (String, Vec<u8>) {
        self.shelved(tenant, Recipients::of(RECIPIENTS).unwrap()).await
    }

    async fn shelved(&self, tenant: Option<(&str, &str)>, recipients: Recipients) -> (String, Vec<u8>) {
        let tenant: Option<(TenantId, String)> = tenant.map(|(id, slug)| (id.parse().unwrap(), slug.to_owned()));
        let (id, now): (BackupId, _) = (Ids.next(), self.clock.now());
        let (directory, source) = database().await;
        let owner = match &tenant {
            Some((id, slug)) => Owner::Tenant { id: id.uuid(), slug: slug.clone() },
            None => Owner::Central,
        };
        let request = WriteRequest {
            source,
            owner,
            backup: id.uuid(),
            attempt: 1,
            taken_at: now.to_datetime(),
            tool_version: "test".into(),
            recipients,
        };
        let key = request.key();
        let manifest = write(request, self.app.shelf(), &Watch::unobserved()).await.unwrap().manifest;
        drop(directory);
        let proof = Verified {
            manifest: String::from_utf8(manifest.to_json().unwrap()).unwrap(),
            stored_sha256: manifest.stored_sha256.to_string(),
            stored_bytes: manifest.stored_bytes.try_into().unwrap(),
            plain_bytes: manifest.plain_bytes.try_into().unwrap(),
            encrypted: manifest.encryption.is_some(),
            depth: ProofDepth::Quick,
        };
        let new = New {
            id,
            tenant,
            origin: Origin::Request,
            run: None,
            requested_by: "test".into(),
            trace_id: None,
            at: now,
        };
        let verified = self.app.central().write(async |tx| {
            backups::insert(tx, &new).await?;
            let attempt = backups::start(tx, id, now).await?.unwrap_or_default();
            assert!(backups::verified(tx, id, attempt, &proof, now).await?);
            Ok::<_, Error>(())
        });
        verified.await.unwrap();
        let file = self.shelf_path().join(key.folder()).join(key.artefact_file());
        (id.to_string(), std::fs::read(file).unwrap())
    }
}

/// A tenant's database that belongs to no application: one of PostgreSQL's is no file.
async fn database() -> (tempfile::TempDir, Source) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&Settings::sqlite(directory.path()), Clock::system(), Ids).await.unwrap();
    let id: TenantId = Ids.next();
    store.create_tenant_database(id).await.unwrap();
    let noise = "INSERT INTO settings (key, value, updated_at) VALUES ('noise', hex(randomblob(2000000)), 0)";
    let database = store.tenant(id).await.unwrap();
    database.write(async |tx| tx.query(noise).execute().await).await.unwrap();
    drop(database);
    let path = store.data_dir().tenant_database(id);
    store.close().await;
    (directory, Source::Sqlite(path))
}
