//! From files to schemas.

use chiliview_store::{
    Database, Error, TenantId,
    data_dir::DataDir,
    migrations::Kind,
    relocation, soundness,
    sqlite::{File, Missing},
    transfer,
};
use secrecy::SecretString;

use super::{NAME, Server, refuse_lost, rows, stamp, tenants_of, which, written};
use crate::{Audience, Context, Failure, Mode, report::Report, work::Work};

pub(super) async fn run(
    context: Context,
    url: &SecretString,
    mode: Mode,
    audience: &mut dyn Audience,
) -> Result<Report, Failure> {
    let data_dir = DataDir::new(&context.settings.data_dir);
    data_dir.refuse_unfinished()?;
    data_dir.refuse_moved()?;
    if !data_dir.central().exists() {
        return Err(Failure::Refused(format!("find a platform in {}", data_dir.root().display())));
    }
    let Some(_alone) = data_dir.alone()? else { return Err(Failure::InUse(data_dir.root().to_owned())) };
    let server = Server::enter(url).await?;
    let mut work = Work::new(context, mode, data_dir.temp(), audience);
    all(&mut work, &data_dir, &server).await?;
    if mode == Mode::Do {
        let words = format!("to {} on {}\n", server.place, work.now());
        written(&data_dir.moved_out(), &words)?;
        std::fs::remove_file(data_dir.moving_out()).map_err(Error::io("remove", data_dir.moving_out()))?;
    }
    Ok(work.report(None))
}

/// Everything but the note on what stays behind.
pub(super) async fn all(work: &mut Work<'_>, data_dir: &DataDir, server: &Server) -> Result<(), Failure> {
    let (mark, begun) = which(&data_dir.moving_out(), work.context.ids)?;
    if over(server, &mark, begun).await? {
        work.ok(NAME, &server.place, "an earlier run moved everything, and was cut off then");
        return Ok(());
    }
    refuse_occupied(server, &mark, begun).await?;
    carry(work, data_dir, server, &mark).await
}

/// Whether the central database is over already, by this very move.
pub(super) async fn over(server: &Server, mark: &str, begun: bool) -> Result<bool, Error> {
    let found = relocation::central(&server.pool).mark().await?;
    Ok(begun && found.flatten().as_deref() == Some(mark))
}

/// Nothing that is there may be mixed up with what comes.
pub(super) async fn refuse_occupied(server: &Server, mark: &str, begun: bool) -> Result<(), Failure> {
    let foreign = |found: Option<&str>| !begun || found != Some(mark);
    let tenants = relocation::tenants(&server.pool).await?;
    let occupied =
        relocation::central(&server.pool).exists().await? || tenants.iter().any(|(_, found)| foreign(found.as_deref()));
    if occupied {
        let words = "there is a platform in it already; name an empty database";
        return Err(Failure::Refused(format!("move a platform to {}: {words}", server.place)));
    }
    Ok(())
}

async fn carry(work: &mut Work<'_>, data_dir: &DataDir, server: &Server, mark: &str) -> Result<(), Failure> {
    let file = File::open(&data_dir.central(), Missing::Refuse, Kind::Central, 1).await?;
    let central = Database::Sqlite(file.clone());
    let (tenants, jobs) = (tenants_of(&central).await?, relocation::jobs(&central).await?);
    soundness::check_fully(&central).await?;
    drop(central);
    file.close().await;
    drop(file);
    if work.mode == Mode::Do {
        written(&data_dir.moving_out(), mark)?;
    }
    let (mut lost, total) = (Vec::new(), tenants.len() as u64);
    for (done, (id, (slug, deleted))) in tenants.iter().enumerate() {
        work.audience.step("tenants", done as u64, total);
        match tenant(work, data_dir, server, mark, *id, slug).await? {
            Ok(()) => {}
            Err(reason) if *deleted => work.warn(NAME, slug, reason, "it is in the trash, and stays behind"),
            Err(reason) => {
                work.problem(NAME, slug, reason, "restore a backup of it, or purge it, and move again");
                lost.push(slug.clone());
            }
        }
        fail::fail_point!("recover.moved_tenant");
    }
    refuse_lost(work, &lost)?;
    if work.mode == Mode::Try {
        work.ok(NAME, "central", format!("would be moved, with {} jobs that are not over", jobs.len()));
        return Ok(());
    }
    // Those that were deleted on the other side since an earlier call.
    for (id, _) in relocation::tenants(&server.pool).await? {
        if !tenants.contains_key(&id) {
            relocation::tenant(&server.pool, id).drop_schema().await?;
        }
    }
    let aside = format!("chiliview_before_{}", stamp(work.now()));
    relocation::take_central(
        &server.pool,
        &server.alone,
        &data_dir.central(),
        &jobs,
        mark,
        &aside,
        &mut transfer::unheard,
    )
    .await?;
    work.ok(NAME, "central", format!("equal on both sides, with {} jobs that are not over", jobs.len()));
    fail::fail_point!("recover.moved_central");
    Ok(())
}

/// Why it cannot be moved, when it cannot.
async fn tenant(
    work: &mut Work<'_>,
    data_dir: &DataDir,
    server: &Server,
    mark: &str,
    id: TenantId,
    slug: &str,
) -> Result<Result<(), String>, Failure> {
    let path = data_dir.tenant_database(id);
    if let Err(error) = settled(&path).await {
        return match error {
            Error::DiskFull | Error::Unreachable(_) => Err(error.into()),
            error => Ok(Err(format!("failed to {error}"))),
        };
    }
    if work.mode == Mode::Try {
        work.ok(NAME, slug, "would be moved");
        return Ok(Ok(()));
    }
    if relocation::tenant(&server.pool, id).exists().await? {
        let there = relocation::tenant_contents(&server.pool, id, &mut transfer::unheard).await?;
        let here = transfer::contents_of_file(&path).await?;
        if there == here {
            work.ok(NAME, slug, format!("moved before, and still equal on both sides: {} rows", rows(&here.digests)));
            return Ok(Ok(()));
        }
        relocation::tenant(&server.pool, id).drop_schema().await?;
    }
    match relocation::take_tenant(&server.pool, id, &path, mark, &mut transfer::unheard).await {
        Ok(digests) => {
            work.ok(NAME, slug, format!("equal on both sides: {} rows", rows(&digests)));
            Ok(Ok(()))
        }
        Err(error @ Error::Corrupt { .. }) => Ok(Err(format!("failed to {error}"))),
        Err(error) => Err(error.into()),
    }
}

/// Migrated, whole, closed: with nothing in a WAL.
async fn settled(path: &std::path::Path) -> Result<(), Error> {
    let file = File::open(path, Missing::Refuse, Kind::Tenant, 1).await?;
    let checked = soundness::check_fully(&Database::Sqlite(file.clone())).await;
    file.close().await;
    checked
}
