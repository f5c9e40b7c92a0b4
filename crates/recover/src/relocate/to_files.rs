//! From schemas to files.

use std::{fs, path::Path};

use chiliview_store::{
    Database, Error, Settings, TenantId,
    data_dir::{DataDir, create_private, remove_tree, sync_directory, sync_file},
    migrations::Kind,
    postgres::Schema,
    relocation,
    sqlite::{File, Missing},
    transfer::{self, Contents},
};
use secrecy::SecretString;

use super::{NAME, Server, refuse_lost, rows, tenants_of, which, written};
use crate::{Audience, Context, Failure, Mode, report::Report, work::Work};

pub(super) async fn run(
    context: Context,
    url: &SecretString,
    to: &Settings,
    mode: Mode,
    audience: &mut dyn Audience,
) -> Result<Report, Failure> {
    let data_dir = DataDir::new(&to.data_dir);
    data_dir.refuse_unfinished()?;
    let server = Server::enter(url).await?;
    create_private(data_dir.root())?;
    if !to.allow_network_file_system {
        data_dir.refuse_unsafe_file_system()?;
    }
    let Some(_alone) = data_dir.alone()? else { return Err(Failure::InUse(data_dir.root().to_owned())) };
    let mut work = Work::new(context, mode, data_dir.temp(), audience);
    let (mark, begun) = which(&data_dir.moving_in(), work.context.ids)?;
    match relocation::central(&server.pool).mark().await? {
        None => return Err(Failure::Refused(format!("find a platform in {}", server.place))),
        // An earlier call did everything but take its note away.
        Some(Some(found)) if begun && found.ends_with(&mark) => {
            work.ok(NAME, data_dir.root().display(), "an earlier run moved everything, and was cut off then");
        }
        Some(Some(found)) if found.starts_with("moved") => {
            return Err(Failure::Refused(format!("move a platform out of {}: it was {found}", server.place)));
        }
        Some(_) => {
            refuse_occupied(&data_dir, begun)?;
            carry(&mut work, &data_dir, &server, &mark).await?;
        }
    }
    if mode == Mode::Do {
        let place = fs::canonicalize(data_dir.root()).map_err(Error::io("open", data_dir.root()))?;
        relocation::mark_moved(&server.pool, &format!("{} on {} by {mark}", place.display(), work.now())).await?;
        fs::remove_file(data_dir.moving_in()).map_err(Error::io("remove", data_dir.moving_in()))?;
        sync_directory(data_dir.root())?;
    }
    Ok(work.report(None))
}

/// Nothing that is there may be mixed up with what comes.
fn refuse_occupied(data_dir: &DataDir, begun: bool) -> Result<(), Failure> {
    let tenants = fs::read_dir(data_dir.resellers()).is_ok_and(|mut entries| entries.next().is_some());
    if !begun && (data_dir.central().exists() || tenants) {
        let words = "there is a platform in it already; name an empty directory with --data-dir";
        return Err(Failure::Refused(format!("move a platform to {}: {words}", data_dir.root().display())));
    }
    Ok(())
}

async fn carry(work: &mut Work<'_>, data_dir: &DataDir, server: &Server, mark: &str) -> Result<(), Failure> {
    let schema = relocation::central(&server.pool);
    let central = Database::Postgres(schema.clone());
    let (tenants, jobs) = (tenants_of(&central).await?, relocation::jobs(&central).await?);
    if work.mode == Mode::Do {
        written(&data_dir.moving_in(), mark)?;
        data_dir.create()?;
    }
    let (mut lost, total) = (Vec::new(), tenants.len() as u64);
    for (done, (id, (slug, deleted))) in tenants.iter().enumerate() {
        work.audience.step("tenants", done as u64, total);
        match tenant(work, data_dir, server, *id, slug).await? {
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
    strays(data_dir, |id| tenants.contains_key(&id))?;
    let staging = data_dir.root().join(".moving-central");
    let contents = fetched(&schema, Kind::Central, &staging, "chiliview.db").await?;
    let path = staging.join("chiliview.db");
    let file = File::open(&path, Missing::Refuse, Kind::Central, 1).await?;
    let put = relocation::put_jobs(&Database::Sqlite(file.clone()), &jobs).await;
    file.close().await;
    put?;
    sync_file(&path)?;
    fs::rename(&path, data_dir.central()).map_err(Error::io("rename", &path))?;
    sync_directory(data_dir.root())?;
    remove_tree(&staging)?;
    let rows = rows(&contents.digests);
    work.ok(NAME, "central", format!("equal on both sides: {rows} rows, and {} jobs that are not over", jobs.len()));
    fail::fail_point!("recover.moved_central");
    Ok(())
}

/// Why it cannot be moved, when it cannot.
async fn tenant(
    work: &mut Work<'_>,
    data_dir: &DataDir,
    server: &Server,
    id: TenantId,
    slug: &str,
) -> Result<Result<(), String>, Failure> {
    let schema = relocation::tenant(&server.pool, id);
    if !schema.exists().await? {
        return Ok(Err(format!("its schema {} is missing", schema.name())));
    }
    if work.mode == Mode::Try {
        work.ok(NAME, slug, "would be moved");
        return Ok(Ok(()));
    }
    if data_dir.tenant_database(id).exists() {
        let here = transfer::contents_of_file(&data_dir.tenant_database(id)).await?;
        if relocation::tenant_contents(&server.pool, id, &mut transfer::unheard).await? == here {
            work.ok(NAME, slug, format!("moved before, and still equal on both sides: {} rows", rows(&here.digests)));
            return Ok(Ok(()));
        }
        remove_tree(&data_dir.tenant(id))?;
    }
    let staging = data_dir.resellers().join(format!(".new-{id}"));
    let contents = match fetched(&schema, Kind::Tenant, &staging, "reseller.db").await {
        Err(error @ Error::Corrupt { .. }) => return Ok(Err(format!("failed to {error}"))),
        fetched => fetched?,
    };
    fs::rename(&staging, data_dir.tenant(id)).map_err(Error::io("rename", &staging))?;
    sync_directory(&data_dir.resellers())?;
    work.ok(NAME, slug, format!("equal on both sides: {} rows", rows(&contents.digests)));
    Ok(Ok(()))
}

/// A schema in a file of its own, durable, and compared with what was read.
async fn fetched(schema: &Schema, kind: Kind, staging: &Path, name: &str) -> Result<Contents, Error> {
    remove_tree(staging)?;
    create_private(staging)?;
    let path = staging.join(name);
    let read = transfer::unload(schema, kind, &path, &mut transfer::unheard).await?;
    let found = transfer::contents_of_file(&path).await?;
    if found != read {
        let reason = format!("{} does not hold what {} does", path.display(), schema.name());
        return Err(Error::Corrupt { what: "a database that was moved", reason });
    }
    sync_file(&path)?;
    sync_directory(staging)?;
    Ok(read)
}

/// Removes those that were deleted on the other side since an earlier call.
fn strays(data_dir: &DataDir, known: impl Fn(TenantId) -> bool) -> Result<(), Error> {
    let root = data_dir.resellers();
    for entry in fs::read_dir(&root).map_err(Error::io("list", &root))? {
        let name = entry.map_err(Error::io("list", &root))?.file_name();
        let stray = name.to_string_lossy().parse::<TenantId>().map_or(true, |id| !known(id));
        if stray {
            remove_tree(&root.join(name))?;
        }
    }
    Ok(())
}
