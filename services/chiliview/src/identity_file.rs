//! The file of keys that open encrypted snapshots.

use std::{fs::File, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use chiliview_snapshot::Identities;

use crate::{exit::Failure, settings::Settings};

/// Everybody on the machine.
const OTHERS: u32 = 0o007;

/// The keys that the service has at hand: none without the setting. A file that everybody may read stops the start.
pub(crate) fn of_service(settings: &Settings) -> Result<Identities, Failure> {
    let Some(path) = settings.identity_file.as_deref() else { return Ok(Identities::none()) };
    let mode = File::open(path).and_then(|file| file.metadata()).map_err(|error| refused(path, &error))?;
    if mode.permissions().mode() & OTHERS != 0 {
        return Err(refused(path, &"every user of this machine may read or change them; `chmod 600` it"));
    }
    read(path)
}

/// The keys in a file, never more of it than any such file has.
pub(crate) fn read(path: &Path) -> Result<Identities, Failure> {
    let file = File::open(path).map_err(|error| refused(path, &error))?;
    let mut content = Vec::new();
    let limit = Identities::MAX_BYTES as u64 + 1;
    file.take(limit).read_to_end(&mut content).map_err(|error| refused(path, &error))?;
    Identities::parse(content).map_err(|error| refused(path, &error))
}

fn refused(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("use the keys in {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_file_that_is_missing_open_to_everybody_or_no_identity_is_refused_with_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("identities.txt");
        let settings = Settings { identity_file: Some(path.clone()), ..Settings::default() };
        let words = || of_service(&settings).unwrap_err().words;
        assert!(words().contains("identities.txt: No such file"), "{}", words());
        fs::write(&path, "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        assert!(words().contains("every user of this machine may read"), "{}", words());
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(words().contains("the recipient in line 1"), "{}", words());
        assert!(of_service(&Settings::default()).unwrap().is_empty());
    }
}
