//! The doctor: looks at everything that ChiliView keeps, says what is wrong, and mends what can be mended.
//!
//! Looking changes nothing, works while the service runs, and goes on where a database is damaged. A repair copies what
//! it changes into `repairs/<instant>/` in the data directory first; it deletes nothing, and restores nothing by itself.

mod advice;
mod aside;
mod catalogue;
mod central;
mod checks;
pub mod condition;
mod database;
mod directories;
mod exam;
mod files;
mod fleet;
mod jobs;
pub mod reader;
mod report;
mod restores;
mod says;
mod schemas;
mod self_test;
mod shelf;
mod tenants;

use std::sync::Arc;

use chiliview_snapshot::Location;
use chiliview_store::{Clock, Ids, Settings};
use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::{
    runtime::Handle,
    task::{JoinError, spawn_blocking},
};

use self::exam::Exam;
pub use self::{
    checks::Check,
    database::words,
    report::{Line, NewAdmin, Report, Status, Summary},
    says::{Advice, Found, Object, Repair, Said},
};

/// What the doctor looks at.
#[derive(Clone)]
pub struct Context {
    /// Where the databases are.
    pub settings: Settings,
    /// Where the shelf is.
    pub shelf: Location,
    /// The clock.
    pub clock: Clock,
    /// The source of ids.
    pub ids: Ids,
    /// Who makes a password when there is no admin left.
    pub credentials: Arc<dyn Credentials>,
}

/// Makes passwords: hashing belongs to a floor above.
pub trait Credentials: Send + Sync {
    /// A random password and its hash; or why there is none.
    fn make(&self) -> BoxFuture<'_, Result<(SecretString, String), Repair>>;
}

/// Whether the doctor may change anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// He only looks.
    Look,
    /// He mends what he can.
    Repair,
}

/// Examines everything; `tell` hears each line as soon as it is known.
pub async fn examine(context: Context, mode: Mode, tell: &mut dyn FnMut(&Line)) -> Report {
    let mut exam = Exam::new(context, mode, tell);
    directories::check(&mut exam).await;
    let central = central::check(&mut exam).await;
    tenants::check(&mut exam, central.as_ref()).await;
    if let Some(central) = &central {
        jobs::check(&mut exam, central).await;
        fleet::check(&mut exam, central).await;
    }
    catalogue::check(&mut exam, central.as_ref()).await;
    self_test::check(&mut exam, central.as_ref()).await;
    exam.end().await
}

/// As [`examine`], for a service: on a thread of its own, because the doctor waits for files as he goes.
///
/// # Errors
/// When he panicked.
pub async fn examine_apart(context: Context, mode: Mode) -> Result<Report, JoinError> {
    let runtime = Handle::current();
    spawn_blocking(move || runtime.block_on(examine(context, mode, &mut |_| {}))).await
}
