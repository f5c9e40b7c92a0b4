//! What lies on a shelf, by database: names only, so that a shelf of any size fits into memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use chiliview_snapshot::{ArtefactKey, Entry, Error, Manifest, Shelf};
use chiliview_store::{BackupId, TenantId, Timestamp};
use uuid::Uuid;

use crate::report::Restored;

/// The names on a shelf.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Complete snapshots: those with a manifest. By tenant; none is the central database.
    complete: BTreeMap<Option<Uuid>, Vec<Uuid>>,
    artefacts: HashSet<ArtefactKey>,
}

/// A snapshot, and what must be in it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) key: ArtefactKey,
    pub(crate) manifest: Manifest,
}

impl Candidate {
    /// As a line of the report.
    pub(crate) fn restored(&self, now: Timestamp, passed_over: usize) -> Restored {
        let taken_at = Timestamp::from(self.manifest.taken_at);
        Restored {
            tenant_id: self.key.tenant_id().map(TenantId::from),
            slug: slug(&self.manifest).map(str::to_owned),
            backup: BackupId::from(self.manifest.backup),
            taken_at,
            age_seconds: now.since(taken_at).as_secs(),
            plain_bytes: self.manifest.plain_bytes,
            passed_over,
        }
    }
}

/// What a manifest says its tenant is called.
pub(crate) fn slug(manifest: &Manifest) -> Option<&str> {
    match &manifest.owner {
        chiliview_snapshot::Owner::Central => None,
        chiliview_snapshot::Owner::Tenant { slug, .. } => Some(slug),
    }
}

impl Inventory {
    /// Walks the shelf once.
    pub(crate) async fn of(shelf: &Shelf) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut entries = shelf.list();
        while let Some(entry) = entries.recv().await {
            match entry? {
                Entry::Manifest { key, .. } => {
                    found.complete.entry(key.tenant_id()).or_default().push(key.backup_id());
                }
                Entry::Artefact { key, .. } => {
                    found.artefacts.insert(key.plain());
                }
                Entry::Partial { .. } | Entry::Unknown { .. } => {}
            }
        }
        Ok(found)
    }

    /// The tenants that the shelf knows.
    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        self.complete.keys().filter_map(|tenant| tenant.map(TenantId::from)).collect()
    }

    /// Every complete snapshot.
    pub(crate) fn keys(&self) -> impl Iterator<Item = ArtefactKey> + '_ {
        self.complete
            .iter()
            .flat_map(|(tenant, backups)| backups.iter().map(|backup| ArtefactKey::of(*tenant, *backup, false)))
    }

    /// Artefacts without a manifest.
    pub(crate) fn incomplete(&self) -> impl Iterator<Item = &ArtefactKey> {
        let complete: HashSet<ArtefactKey> = self.keys().collect();
        self.artefacts.iter().filter(move |key| !complete.contains(key))
    }

    /// The snapshots of one database, the newest first. Where a manifest is `recorded`, the snapshot must be that one. A
    /// manifest that cannot be read is nothing that could be restored.
    pub(crate) async fn candidates(
        &self,
        shelf: &Shelf,
        tenant: Option<TenantId>,
        recorded: &HashMap<Uuid, Manifest>,
    ) -> Vec<Candidate> {
        let tenant = tenant.map(TenantId::uuid);
        let mut all = Vec::new();
        for backup in self.complete.get(&tenant).into_iter().flatten() {
            let key = ArtefactKey::of(tenant, *backup, false);
            let manifest = match recorded.get(backup) {
                Some(manifest) => Some(manifest.clone()),
                None => shelf.manifest(&key).await.ok(),
            };
            // A manifest in another's place says nothing about this name.
            let manifest = manifest.filter(|manifest| manifest.key().plain() == key);
            all.extend(manifest.map(|manifest| Candidate { key: manifest.key(), manifest }));
        }
        all.sort_by_key(|one| std::cmp::Reverse((one.manifest.taken_at, one.manifest.backup)));
        all
    }
}
