//! `chiliview restore`: one tenant while everything runs; the central database, or a whole platform out of its shelf, while
//! nothing does.

mod offline;
pub(crate) mod screen;
mod tenant;

use std::path::PathBuf;

use chiliview_store::BackupId;
use clap::Args;

pub(crate) use self::offline::{context, failure};
use crate::{
    cli::Call,
    exit::{Exit, Failure},
    settings::Settings,
};

/// Flags of `restore`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    what: What,
    /// This backup instead of the newest verified one
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "from_shelf"])]
    backup: Option<BackupId>,
    #[command(flatten)]
    tenant: tenant::Choices,
    /// This snapshot of the central database, NAME.db.zst with NAME.manifest.json beside it
    #[arg(long, value_name = "FILE", requires = "central")]
    file: Option<PathBuf>,
    /// age identities that open encrypted snapshots instead of those in CHILIVIEW_IDENTITY_FILE
    #[arg(long, value_name = "FILE", conflicts_with = "tenant")]
    identity: Option<PathBuf>,
    /// Try everything, tell what would be, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct What {
    /// This tenant, by slug or id, from its newest verified backup; a worker does it, all others go on
    #[arg(value_name = "TENANT")]
    tenant: Option<String>,
    /// The central database, in place of the present one, which is kept
    #[arg(long)]
    central: bool,
    /// Everything, from the shelf into an empty data directory
    #[arg(long)]
    from_shelf: bool,
}

/// Restores; `lasting` are the settings that the service will have, without the flags of this call.
pub(crate) async fn run(call: Call, lasting: Settings, options: Options) -> Result<Exit, Failure> {
    match options.what.tenant.clone() {
        Some(tenant) => tenant::run(call, &tenant, options).await,
        None => offline::run(call, lasting, options).await,
    }
}

/// A question that no terminal is there for.
fn nobody_to_ask(what: &str) -> Failure {
    Failure::usage(format!("ask whether to replace {what}: nobody is there; say --yes, or --dry-run to see first"))
}
