//! `chiliview openapi`: the contract, as the service itself serves it.

use std::path::PathBuf;

use chiliview_api::{
    app::{App, Policy},
    service,
};
use chiliview_snapshot::Shelf;
use chiliview_store::{Clock, Ids, Settings, Store, queue::Wake};
use clap::Args;

use crate::{
    exit::{Exit, Failure},
    output,
};

/// Flags of `openapi`.
#[derive(Args)]
pub(crate) struct Options {
    /// Compare FILE with the document, and print nothing when they are the same
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    check: Option<PathBuf>,
    /// Write the document to FILE instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Prints, writes or compares the document.
pub(crate) async fn run(options: Options) -> Result<Exit, Failure> {
    let text = document().await?;
    if let Some(path) = options.out {
        std::fs::write(&path, text).map_err(|error| Failure::failed(format!("write {}: {error}", path.display())))?;
        return Ok(Exit::Ok);
    }
    let Some(path) = options.check else {
        output::line(text.trim_end())?;
        return Ok(Exit::Ok);
    };
    let written =
        std::fs::read_to_string(&path).map_err(|error| Failure::failed(format!("read {}: {error}", path.display())))?;
    match difference(&written, &text) {
        None => Ok(Exit::Ok),
        Some(line) => Err(Failure::failed(format!(
            "find {0} up to date: it differs from line {line} on; run `chiliview openapi --out {0}`",
            path.display()
        ))),
    }
}

/// Handlers are described by the types that hold a store: an empty one, for a moment, in a place of its own.
async fn document() -> Result<String, Failure> {
    let directory = tempfile::tempdir()?;
    let settings = Settings { allow_network_file_system: true, ..Settings::sqlite(directory.path()) };
    let store = Store::open(&settings, Clock::system(), Ids).await?;
    let shelf = Shelf::directory(store.data_dir().backups()).await?;
    let document = service::document(&App::new(store.clone(), shelf, Policy::default(), Wake::new()));
    store.close().await;
    Ok(service::text(&document))
}

/// The first line that is not the same, from 1.
fn difference(one: &str, other: &str) -> Option<usize> {
    if one == other {
        return None;
    }
    let same = one.lines().zip(other.lines()).take_while(|(one, other)| one == other).count();
    Some(same + 1)
}
