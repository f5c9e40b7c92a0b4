//! What the tests have in common: an installation of its own for each, a client, a bound on every wait.

mod answer;
mod client;
mod home;
mod process;
mod server;
mod tools;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

pub(crate) use self::{
    answer::Answer,
    client::Client,
    home::{Home, PASSWORD},
    process::{Process, free_address},
    server::Server,
    tools::{binary, built, missing, project, python_environment, run},
};

/// What the files of a backup's snapshot are called before their endings: its id, and the attempt that made it.
pub(crate) fn stem(folder: &Path, backup: &str) -> String {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found = names.filter_map(|name| Some(name.strip_suffix(".db.zst")?.to_owned()));
    found.find(|stem| stem.starts_with(backup)).unwrap_or_else(|| panic!("no artefact of {backup}"))
}

const PATIENCE: Duration = Duration::from_secs(90);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Looks until there is something, and fails with `what` when there is nothing for too long.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let patience = Patience::begin();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        patience.wait(what).await;
    }
}

/// The bound on one wait, for loops that look in a task of their own.
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Between two looks. Fails with `what` when there were too many.
    pub(crate) async fn wait(&self, what: &str) {
        assert!(self.0.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// In hex, as backups show it.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(Sha256::digest(bytes))
}
