//! Where a snapshot lies on the shelf: `<tenant id | "central">/<backup id>.db.zst`, its manifest beside it; `.db.zst.age`
//! when it is encrypted. A backup has one of the two, never both.
//!
//! From the second attempt at a backup on, the attempt's number stands behind the id, `<backup id>.2.db.zst`: each writes under
//! a name of its own, and removes only its own and those before it. Whatever an attempt that was overtaken still does, after
//! however long, the snapshot of the one that came after it is not touched.
//!
//! Names are made of ids only, never of slugs or of anything a person typed, so no name can leave the shelf.

use std::fmt;
use std::str::FromStr;

use chiliview_store::{TenantId, backups::Backup};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const CENTRAL: &str = "central";
const ARTEFACT: &str = ".db.zst";
const SEALED: &str = ".db.zst.age";
const MANIFEST: &str = ".manifest.json";
/// The attempt whose names bear no number.
const FIRST: u32 = 1;

/// The name of one snapshot, relative to the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtefactKey {
    tenant: Option<Uuid>,
    backup: Uuid,
    attempt: u32,
    sealed: bool,
}

/// The text is not a name that a snapshot can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "read the name of a snapshot: it must be <tenant id or \"central\">/<backup id>[.<attempt>]{ARTEFACT} or …{SEALED}"
)]
pub struct KeyError;

impl ArtefactKey {
    /// The key of the snapshot that the first attempt at a backup makes: of the central database without a tenant.
    pub fn of(tenant: Option<Uuid>, backup: Uuid, sealed: bool) -> Self {
        Self { tenant, backup, attempt: FIRST, sealed }
    }

    /// The key under which the snapshot of a listed backup lies.
    pub fn of_backup(row: &Backup) -> Self {
        Self::of(row.tenant_id.map(TenantId::uuid), row.id.uuid(), row.encrypted != 0).by(row.artefact)
    }

    /// The last key under which anything of a backup can lie: that of its newest attempt.
    pub fn last_of(row: &Backup) -> Self {
        Self::of_backup(row).by(row.attempt.max(row.artefact))
    }

    /// The key of a snapshot of one tenant's database.
    pub fn tenant(tenant: Uuid, backup: Uuid) -> Self {
        Self::of(Some(tenant), backup, false)
    }

    /// The key of a snapshot of the central database.
    pub fn central(backup: Uuid) -> Self {
        Self::of(None, backup, false)
    }

    /// The key of what another attempt at the same backup makes: its number, from 1.
    #[must_use]
    pub fn by(self, attempt: i64) -> Self {
        let attempt = u32::try_from(attempt.max(0)).unwrap_or(u32::MAX).max(FIRST);
        Self { attempt, ..self }
    }

    /// The key of the encrypted snapshot of the same backup.
    #[must_use]
    pub fn sealed(self) -> Self {
        Self { sealed: true, ..self }
    }

    /// The key of the snapshot of the same backup that is not encrypted. What is true of a backup whether or not its
    /// artefact is encrypted is kept under this one.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { sealed: false, ..self }
    }

    /// Whether the artefact is encrypted.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Which attempt at the backup made it, from 1.
    pub fn attempt(&self) -> i64 {
        self.attempt.into()
    }

    /// Whether it is of the same backup as `last`, and not of a later attempt.
    pub(crate) fn is_up_to(&self, last: &Self) -> bool {
        (self.tenant, self.backup) == (last.tenant, last.backup) && self.attempt <= last.attempt
    }

    /// The tenant whose database was read; `None` is the central database.
    pub fn tenant_id(&self) -> Option<Uuid> {
        self.tenant
    }

    /// The backup that the snapshot belongs to.
    pub fn backup_id(&self) -> Uuid {
        self.backup
    }

    /// The directory that holds artefact and manifest.
    pub fn folder(&self) -> String {
        self.tenant.map_or_else(|| CENTRAL.to_owned(), |id| id.to_string())
    }

    /// The artefact's name inside [`folder`](Self::folder).
    pub fn artefact_file(&self) -> String {
        format!("{}{}", self.stem(), if self.sealed { SEALED } else { ARTEFACT })
    }

    /// The manifest's name inside [`folder`](Self::folder): the same for both kinds of artefacts.
    pub fn manifest_file(&self) -> String {
        format!("{}{MANIFEST}", self.stem())
    }

    fn stem(&self) -> String {
        match self.attempt {
            FIRST => self.backup.to_string(),
            later => format!("{}.{later}", self.backup),
        }
    }

    /// The [plain](Self::plain) key whose manifest is called `file` inside `folder`; only its content says which kind it is about.
    pub(crate) fn of_manifest(folder: &str, file: &str) -> Result<Self, KeyError> {
        Self::from_parts(folder, file.strip_suffix(MANIFEST).ok_or(KeyError)?)
    }

    /// The key whose artefact is called `file` inside `folder`.
    pub(crate) fn of_artefact(folder: &str, file: &str) -> Result<Self, KeyError> {
        match file.strip_suffix(SEALED) {
            Some(backup) => Self::from_parts(folder, backup).map(Self::sealed),
            None => Self::from_parts(folder, file.strip_suffix(ARTEFACT).ok_or(KeyError)?),
        }
    }

    /// Whether `name` is a directory that keys can lie in.
    pub(crate) fn is_folder(name: &str) -> bool {
        name == CENTRAL || id(name).is_ok()
    }

    fn from_parts(folder: &str, stem: &str) -> Result<Self, KeyError> {
        let tenant = if folder == CENTRAL { None } else { Some(id(folder)?) };
        let (backup, attempt) = match stem.split_once('.') {
            None => (stem, FIRST),
            Some((backup, number)) => (backup, later(number)?),
        };
        Ok(Self { tenant, backup: id(backup)?, attempt, sealed: false })
    }
}

/// `Uuid` reads braces, URNs and capitals too; a name has one spelling only.
fn id(text: &str) -> Result<Uuid, KeyError> {
    let id = Uuid::try_parse(text).map_err(|_| KeyError)?;
    if id.to_string() == text { Ok(id) } else { Err(KeyError) }
}

/// The first attempt has no number, and no number begins with a zero or a sign.
fn later(text: &str) -> Result<u32, KeyError> {
    let number: u32 = text.parse().map_err(|_| KeyError)?;
    if number > FIRST && number.to_string() == text { Ok(number) } else { Err(KeyError) }
}

impl fmt::Display for ArtefactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder(), self.artefact_file())
    }
}

impl FromStr for ArtefactKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (folder, file) = text.split_once('/').ok_or(KeyError)?;
        Self::of_artefact(folder, file)
    }
}

impl TryFrom<String> for ArtefactKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<ArtefactKey> for String {
    fn from(key: ArtefactKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_reads_back_as_itself(tenant: Option<u128>, backup: u128, attempt: u32, sealed: bool) {
            let key = ArtefactKey::of(tenant.map(Uuid::from_u128), Uuid::from_u128(backup), sealed).by(attempt.into());
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert_eq!(ArtefactKey::of_manifest(&key.folder(), &key.manifest_file()), Ok(key.plain()));
        }

        #[test]
        fn whatever_parses_is_spelled_exactly_so(text in "[a-f0-9A-F{}:./\\\\-]{0,90}|[\\PC]{0,90}") {
            if let Ok(key) = text.parse::<ArtefactKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }

        #[test]
        fn one_changed_character_never_leaves_the_shelf(at in 0_usize..80, with in "[./\\\\A-Z{} \\x00]") {
            let mut text = ArtefactKey::tenant(Uuid::from_u128(7), Uuid::from_u128(9)).to_string();
            let at = at.min(text.len() - 1);
            let same = text[at..=at] == with;
            text.replace_range(at..=at, &with);
            prop_assert!(same || text.parse::<ArtefactKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_are_not_made_of_ids_are_refused() {
        let id = Uuid::from_u128(1);
        for name in [
            String::new(),
            "central".into(),
            format!("../{id}.db.zst"),
            format!("/{id}.db.zst"),
            format!("/central/{id}.db.zst"),
            format!("central/../{id}.db.zst"),
            format!("central//{id}.db.zst"),
            format!("acme/{id}.db.zst"),
            format!("central/{id}.db"),
            format!("central/{id}.0.db.zst"),
            format!("central/{id}.1.db.zst"),
            format!("central/{id}.02.db.zst"),
            format!("central/{id}.+2.db.zst"),
            format!("central/{id}..db.zst"),
            format!("central/{id}.2.2.db.zst"),
            format!("central/{id}.4294967296.db.zst"),
            format!("central/{id}.db.age"),
            format!("central/{id}.db.zst.age.age"),
            format!("central/{id}.db.zst\n"),
            format!("central/{{{id}}}.db.zst"),
            format!("central/{}.db.zst", id.simple()),
            format!("central/{}.db.zst", Uuid::from_u128(0xabc << 100).to_string().to_uppercase()),
        ] {
            assert_eq!(name.parse::<ArtefactKey>(), Err(KeyError), "{name:?}");
        }
    }
}
