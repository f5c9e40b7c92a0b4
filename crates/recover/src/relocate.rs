//! `move`: a whole platform from SQLite to PostgreSQL, or back, while nothing works with it on either side.
//!
//! Each database is proven equal on both sides by the digests of its tables before it gets its name there; the central one comes
//! last, and with it the platform has moved. Cut off, the same call goes on: what is there already is compared with what the
//! source holds *now*, for somebody may have worked on there meanwhile. The source is kept, with a note that keeps it from being
//! served by mistake.

mod to_files;
mod to_postgres;

use std::{collections::BTreeMap, fs, path::Path};

use chiliview_store::{
    Database, Error, Ids, Settings, TenantId, Timestamp, data_dir::DataDir, postgres, presence, queue::JobId, tenants,
    transfer::Digests,
};
use secrecy::SecretString;
use sqlx::PgPool;

use crate::{Audience, Context, Failure, Mode, report::Report, work::Work};

const PAGE: i64 = 500;
const NAME: &str = "database";

/// Moves the platform of the context's settings to where `to` says.
///
/// # Errors
/// [`Failure`]; then the platform is where it was.
pub async fn relocate(
    context: Context,
    to: Settings,
    mode: Mode,
    audience: &mut dyn Audience,
) -> Result<Report, Failure> {
    match (context.settings.database_url.clone(), to.database_url.clone()) {
        (None, Some(url)) => to_postgres::run(context, &url, mode, audience).await,
        (Some(url), None) => to_files::run(context, &url, &to, mode, audience).await,
        _ => Err(Failure::Refused("move a platform to the engine that it is on already".to_owned())),
    }
}

/// A server, for nobody else meanwhile.
pub(crate) struct Server {
    pub(crate) pool: PgPool,
    /// Host and database, without any password.
    pub(crate) place: String,
    pub(crate) alone: presence::Alone,
}

impl Server {
    pub(crate) async fn enter(url: &SecretString) -> Result<Self, Failure> {
        let options = postgres::options(url)?;
        let place = format!("{}/{}", options.get_host(), options.get_database().unwrap_or_default());
        let Some(alone) = presence::alone(options.clone()).await? else {
            return Err(Failure::InUse(format!("PostgreSQL ({place})").into()));
        };
        Ok(Self { pool: postgres::connect(options, 4).await?, place, alone })
    }
}

/// The tenants of a central database, with their slugs and whether they are in the trash.
async fn tenants_of(central: &Database) -> Result<BTreeMap<TenantId, (String, bool)>, Error> {
    let mut all = BTreeMap::new();
    let mut after = None;
    loop {
        let page = central.read(async |tx| tenants::ids(tx, after, PAGE).await).await?;
        let Some((last, _)) = page.last() else { return Ok(all) };
        after = Some(*last);
        for (id, slug) in page {
            let row = central.read(async |tx| tenants::find(tx, id).await).await?;
            all.insert(id, (slug, row.is_some_and(|row| row.deleted_at.is_some())));
        }
    }
}

/// Moves the files in `data_dir` into a server; only what it holds already of this very move may be there.
pub(crate) async fn to_server(work: &mut Work<'_>, data_dir: &DataDir, server: &Server) -> Result<(), Failure> {
    to_postgres::all(work, data_dir, server).await
}

/// Refuses a server that holds another platform.
pub(crate) async fn refuse_occupied(server: &Server, data_dir: &DataDir, ids: Ids) -> Result<(), Failure> {
    let (mark, begun) = which(&data_dir.moving_out(), ids)?;
    match to_postgres::over(server, &mark, begun).await? {
        true => Ok(()),
        false => to_postgres::refuse_occupied(server, &mark, begun).await,
    }
}

/// Which move this is: begun by an earlier call, or new.
fn which(note: &Path, ids: Ids) -> Result<(String, bool), Error> {
    match fs::read_to_string(note) {
        Ok(id) => Ok((id.trim().to_owned(), true)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok((format!("move-{}", ids.next::<JobId>().uuid()), false))
        }
        Err(error) => Err(Error::io("read", note)(error)),
    }
}

fn rows(digests: &Digests) -> u64 {
    digests.values().map(|digest| digest.rows).sum()
}

/// Every tenant must be over before the platform is: one that stays behind would be lost.
fn refuse_lost(work: &Work<'_>, lost: &[String]) -> Result<(), Failure> {
    if lost.is_empty() || work.mode == Mode::Try {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "move the platform: {} of its tenants cannot be moved ({}); restore or purge them first, the rest is over already",
        lost.len(),
        lost.join(", ")
    )))
}

fn written(path: &Path, words: &str) -> Result<(), Error> {
    fs::write(path, words).map_err(Error::io("write", path))?;
    chiliview_store::data_dir::sync_file(path)?;
    path.parent().map_or(Ok(()), chiliview_store::data_dir::sync_directory)
}

pub(crate) fn stamp(now: Timestamp) -> String {
    now.to_datetime().format("%Y%m%dT%H%M%S%3fZ").to_string().to_lowercase()
}
