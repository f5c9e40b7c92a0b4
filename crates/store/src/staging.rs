//! The places in which attempts at a restore make its database ready, and what they are called. Each attempt has its own: one
//! that was frozen and overtaken, and wakes, finds nothing there that is another's.

use std::{fs, io, path::Path};

use crate::{
    Database,
    error::{Error, Result},
    ids::RestoreId,
    store::Store,
};

/// One such place. Its names on SQLite and PostgreSQL, and where a snapshot is unpacked for the latter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staging {
    /// The restore.
    pub restore: RestoreId,
    /// Which attempt's; none: where a restore's database is in the moment in which it changes places with the live one, and
    /// where versions before made it ready.
    pub attempt: Option<i64>,
}

impl Staging {
    /// Of this attempt.
    #[must_use]
    pub const fn of(restore: RestoreId, attempt: i64) -> Self {
        Self { restore, attempt: Some(attempt) }
    }

    /// Of none.
    #[must_use]
    pub const fn of_all(restore: RestoreId) -> Self {
        Self { restore, attempt: None }
    }

    /// Among the tenants' directories.
    #[must_use]
    pub fn directory(self) -> String {
        format!(".{}", self.scratch())
    }

    /// Among the files that live as long as one piece of work.
    #[must_use]
    pub fn scratch(self) -> String {
        let attempt = self.attempt.map(|attempt| format!(".{attempt}")).unwrap_or_default();
        format!("restore-{}{attempt}", self.restore)
    }

    /// Among the tenants' schemas. PostgreSQL keeps 63 bytes of a name; these are 60 at most.
    #[must_use]
    pub fn schema(self) -> String {
        let attempt = self.attempt.map(|attempt| format!("_{attempt}")).unwrap_or_default();
        format!("restore_{}{attempt}", self.restore.uuid().simple())
    }

    /// What a directory's name tells of.
    #[must_use]
    pub fn named_by_directory(name: &str) -> Option<Self> {
        Self::named_by_scratch(name.strip_prefix('.')?)
    }

    /// What the name of a directory of scratch tells of.
    #[must_use]
    pub fn named_by_scratch(name: &str) -> Option<Self> {
        let found = Self::parse(name.strip_prefix("restore-")?, '.')?;
        (found.scratch() == name).then_some(found)
    }

    /// What a schema's name tells of.
    #[must_use]
    pub fn named_by_schema(name: &str) -> Option<Self> {
        let found = Self::parse(name.strip_prefix("restore_")?, '_')?;
        (found.schema() == name).then_some(found)
    }

    fn parse(name: &str, before_attempt: char) -> Option<Self> {
        let (restore, attempt) = match name.split_once(before_attempt) {
            Some((restore, attempt)) => (restore, Some(attempt.parse().ok()?)),
            None => (name, None),
        };
        Some(Self { restore: restore.parse().ok()?, attempt })
    }
}

/// All such places that there are: here, and on the server.
pub async fn all(store: &Store) -> Result<Vec<Staging>> {
    let data_dir = store.data_dir();
    let mut all = listed(&data_dir.temp(), Staging::named_by_scratch)?;
    match store.central() {
        Database::Sqlite(_) => all.extend(listed(&data_dir.resellers(), Staging::named_by_directory)?),
        Database::Postgres(central) => all.extend(crate::schema_swap::staged(central.pool()).await?),
    }
    Ok(all)
}

/// Those that lie in `parent`.
pub(crate) fn listed(parent: &Path, named: impl Fn(&str) -> Option<Staging>) -> Result<Vec<Staging>> {
    let entries = match fs::read_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.map_err(Error::io("read", parent))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::io("read", parent))?.file_name();
        found.extend(name.to_str().and_then(&named));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    #[test]
    fn a_name_tells_of_its_place_and_fits_wherever_it_is_put() {
        let restore = Ids.next();
        for place in [Staging::of_all(restore), Staging::of(restore, 1), Staging::of(restore, i64::MAX)] {
            assert_eq!(Staging::named_by_directory(&place.directory()), Some(place));
            assert_eq!(Staging::named_by_scratch(&place.scratch()), Some(place));
            assert_eq!(Staging::named_by_schema(&place.schema()), Some(place));
            assert!(place.schema().len() <= 63, "{}", place.schema());
        }
    }

    #[test]
    fn what_is_called_otherwise_is_none() {
        let place = Staging::of(Ids.next(), 7);
        let (directory, schema) = (place.directory(), place.schema());
        for name in [
            "",
            ".restore-",
            ".restore-central-ready",
            "x",
            &schema,
            &format!("{directory}.1"),
            &format!("{directory}x"),
        ] {
            assert_eq!(Staging::named_by_directory(name), None, "{name}");
        }
        for name in
            ["", "restore_", &directory, &format!("{schema}_1"), &schema.to_uppercase(), &schema.replace("_7", "_07")]
        {
            assert_eq!(Staging::named_by_schema(name), None, "{name}");
        }
    }
}
