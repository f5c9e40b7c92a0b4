//! What lies on a shelf, by database: names only, so that a shelf of any size fits into memory.

use std::collections::{BTreeMap, HashSet};

use chiliview_snapshot::{ArtefactKey, Entry, Error, Manifest, Shelf};
use chiliview_store::{
    BackupId, TenantId, Timestamp,
    error::with_causes,
    reason::{Cause, Reason},
};
use uuid::Uuid;

use crate::{Failure, recorded::Recorded, report::Restored, work::reason};

/// The names on a shelf.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Complete snapshots: those with a manifest. By tenant; none is the central database.
    complete: BTreeMap<Option<Uuid>, Vec<ArtefactKey>>,
    artefacts: HashSet<ArtefactKey>,
}

/// A snapshot, and what must be in it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) key: ArtefactKey,
    pub(crate) manifest: Manifest,
}

/// What there is to choose from.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// In the order in which they are tried.
    pub(crate) candidates: Vec<Candidate>,
    /// Those whose manifest is not what it should be: nothing that could be restored.
    pub(crate) unusable: Vec<(ArtefactKey, Reason)>,
}

impl Choice {
    /// That there is no candidate.
    pub(crate) fn nothing(&self, shelf: &Shelf) -> Failure {
        Failure::NoSnapshot(match self.unusable.first() {
            None => format!("{shelf} has none"),
            Some((key, reason)) => format!("{shelf} has none that can be used; {key}: {reason}"),
        })
    }

    /// How many that cannot be used are newer than this one: an id begins with its time.
    pub(crate) fn unusable_after(&self, one: &Candidate) -> usize {
        self.unusable.iter().filter(|(key, _)| key.backup_id() > one.key.backup_id()).count()
    }
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
                    found.complete.entry(key.tenant_id()).or_default().push(key);
                }
                Entry::Artefact { key, .. } => {
                    found.artefacts.insert(key.plain());
                }
                Entry::Partial { .. } | Entry::Piece { .. } | Entry::Unknown { .. } => {}
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
        self.complete.values().flatten().copied()
    }

    /// Artefacts without a manifest.
    pub(crate) fn incomplete(&self) -> impl Iterator<Item = &ArtefactKey> {
        let complete: HashSet<ArtefactKey> = self.keys().collect();
        self.artefacts.iter().filter(move |key| !complete.contains(key))
    }

    /// The snapshots of one database, the newest first. Where a manifest is `recorded`, the snapshot must be that one.
    ///
    /// # Errors
    /// As [`manifest`].
    pub(crate) async fn candidates(
        &self,
        shelf: &Shelf,
        tenant: Option<TenantId>,
        recorded: &Recorded,
    ) -> Result<Choice, Failure> {
        let tenant = tenant.map(TenantId::uuid);
        let mut choice = Choice::default();
        for key in self.complete.get(&tenant).into_iter().flatten() {
            let manifest = match recorded.get(key) {
                Some(manifest) => own(manifest.clone(), key),
                None => manifest(shelf, key).await?,
            };
            match manifest {
                Ok(manifest) => choice.candidates.push(Candidate { key: manifest.key(key.attempt()), manifest }),
                Err(reason) => choice.unusable.push((*key, reason)),
            }
        }
        choice.candidates.sort_by_key(|one| std::cmp::Reverse((one.manifest.taken_at, one.manifest.backup)));
        choice.unusable.sort_by_key(|(key, _)| std::cmp::Reverse(key.backup_id()));
        Ok(choice)
    }
}

/// The manifest of a snapshot that is listed, or why it is none.
///
/// # Errors
/// When nobody can say what is in it just now. An older snapshot instead would be taken for the newest one.
pub(crate) async fn manifest(shelf: &Shelf, key: &ArtefactKey) -> Result<Result<Manifest, Reason>, Failure> {
    match shelf.manifest(key).await {
        Ok(manifest) => Ok(own(manifest, key)),
        Err(Error::Manifest(error)) => {
            let words = format!("its manifest is unreadable: {}", with_causes(&error));
            Ok(Err(Reason::new(Cause::Damaged, words)))
        }
        Err(error @ (Error::Damaged(_) | Error::NotFound(_))) => Ok(Err(reason(&error))),
        Err(error) => Err(error.into()),
    }
}

/// A manifest in another's place says nothing about this name.
fn own(manifest: Manifest, key: &ArtefactKey) -> Result<Manifest, Reason> {
    manifest.key_beside(key).map(|_| ()).map_err(|damage| reason(&damage.into()))?;
    Ok(manifest)
}
