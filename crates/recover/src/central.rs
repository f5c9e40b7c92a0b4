//! `restore --central`: another central database in the place of the present one.

use std::path::PathBuf;

use chiliview_doctor::reader::{self, Place};
use chiliview_snapshot::Shelf;
use chiliview_store::{
    Database, central_swap,
    data_dir::{DataDir, create_private, remove_tree},
    migrations::Kind,
    postgres, relocation,
    sqlite::{File, Missing},
    transfer,
};

use crate::{
    Audience, Context, Failure, Mode, Wanted, file,
    homes::Homes,
    inventory::{Candidate, Choice, Inventory},
    reconcile,
    recorded::{Recorded, recorded},
    relocate::{Server, stamp},
    report::Report,
    staging,
    work::Work,
};

const OBJECT: &str = "central";

/// Restores the central database, and makes it agree with the shelf and the tenants' databases.
///
/// # Errors
/// [`Failure`]; then the old one is where it was. What a call before this one had begun is finished first.
pub async fn restore(
    context: Context,
    wanted: Wanted,
    mode: Mode,
    audience: &mut dyn Audience,
) -> Result<Report, Failure> {
    let data_dir = DataDir::new(&context.settings.data_dir);
    data_dir.refuse_unfinished()?;
    let server = match &context.settings.database_url {
        None => None,
        Some(url) => {
            create_private(data_dir.root())?;
            Some(Server::enter(url).await?)
        }
    };
    let Some(_alone) = data_dir.alone()? else { return Err(Failure::InUse(data_dir.root().to_owned())) };
    let mut work = Work::new(context, mode, data_dir.temp(), audience);
    if let Some(kept) = central_swap::finish(&data_dir, work.now())? {
        let message = format!("a restore that was cut off is finished; what was there before is in {}", kept.display());
        work.mended("restore", OBJECT, message);
    }
    staging::sweep(&data_dir)?;
    let outcome = run(&mut work, &data_dir, server.as_ref(), wanted).await;
    staging::sweep(&data_dir)?;
    let kept = outcome?;
    Ok(work.report(kept))
}

async fn run(
    work: &mut Work<'_>,
    data_dir: &DataDir,
    server: Option<&Server>,
    wanted: Wanted,
) -> Result<Option<PathBuf>, Failure> {
    let shelf = work.context.shelf.existing().await;
    let (source, choice) = match (wanted, &shelf) {
        (Wanted::File(path), _) => {
            let own = data_dir.root().join(format!("{}file", central_swap::STAGING));
            let (source, candidate) = file::shown(&path, &own).await?;
            (source, Choice { candidates: vec![candidate], unusable: Vec::new() })
        }
        (wanted, Ok(shelf)) => (shelf.clone(), on_the_shelf(work, data_dir, server, shelf, &wanted).await?),
        (_, Err(_)) => return Err(shelf.map(drop).map_err(Failure::from).err().unwrap_or(Failure::Declined)),
    };
    let directory = staging::directory(data_dir);
    let chosen = work.first(&source, OBJECT, &choice, async |work, candidate| {
        staging::open(work, &source, candidate, &directory).await
    });
    let Some((candidate, store)) = chosen.await? else {
        return Err(Failure::NoSnapshot(format!("none of {} that were tried", choice.candidates.len())));
    };
    let homes = match server {
        None => Homes::Files(data_dir.clone()),
        Some(server) => Homes::Schemas(server.pool.clone()),
    };
    let reconciled = match &shelf {
        Ok(shelf) => reconcile::run(work, &store, &homes, shelf, &candidate).await,
        Err(_) => Err(Failure::Refused(format!("open the shelf {}: see whether it is there", work.context.shelf))),
    };
    store.close().await;
    reconciled?;
    drop(store);
    if work.mode == Mode::Try {
        return Ok(None);
    }
    agreed(work, data_dir, server, &candidate)?;
    match server {
        None => replace(work, data_dir),
        Some(server) => hand_over(work, data_dir, server).await,
    }
}

/// The last moment to say no: nothing has changed yet.
fn agreed(
    work: &mut Work<'_>,
    data_dir: &DataDir,
    server: Option<&Server>,
    candidate: &Candidate,
) -> Result<(), Failure> {
    let taken = chiliview_store::Timestamp::from(candidate.manifest.taken_at);
    let what = match server {
        None => data_dir.central().display().to_string(),
        Some(server) => format!("the central database in PostgreSQL ({})", server.place),
    };
    match work.audience.agree(&format!("Replace {what} by its state of {taken}?")) {
        true => Ok(()),
        false => Err(Failure::Declined),
    }
}

/// From its file into the server, in one transaction with the jobs that it has asked for.
async fn hand_over(work: &mut Work<'_>, data_dir: &DataDir, server: &Server) -> Result<Option<PathBuf>, Failure> {
    let path = DataDir::new(staging::directory(data_dir)).central();
    let file = File::open(&path, Missing::Refuse, Kind::Central, 1).await?;
    let jobs = relocation::jobs(&Database::Sqlite(file.clone())).await;
    file.close().await;
    drop(file);
    let stamp = stamp(work.now());
    let (mark, aside) = (format!("restored-{stamp}"), format!("chiliview_before_{stamp}"));
    let step = &mut transfer::unheard;
    let kept = relocation::take_central(&server.pool, &server.alone, &path, &jobs?, &mark, &aside, step).await?;
    match &kept {
        Some(kept) => work.ok("kept", OBJECT, format!("what was there before is in the schema {kept}")),
        None => work.ok("kept", OBJECT, "there was no central database before"),
    }
    Ok(kept.map(PathBuf::from))
}

fn replace(work: &mut Work<'_>, data_dir: &DataDir) -> Result<Option<PathBuf>, Failure> {
    let directory = staging::directory(data_dir);
    for leftover in ["resellers", "backups", "temp", "logs"] {
        remove_tree(&directory.join(leftover))?;
    }
    let kept = central_swap::replace(data_dir, &directory, work.now())?;
    match &kept {
        Some(kept) => work.ok("kept", OBJECT, format!("what was there before is in {}", kept.display())),
        None => work.ok("kept", OBJECT, "there was no central database before"),
    }
    Ok(kept)
}

async fn on_the_shelf(
    work: &mut Work<'_>,
    data_dir: &DataDir,
    server: Option<&Server>,
    shelf: &Shelf,
    wanted: &Wanted,
) -> Result<Choice, Failure> {
    let recorded = of_the_present(work, data_dir, server).await;
    let mut choice = Inventory::of(shelf).await?.candidates(shelf, None, &recorded).await?;
    // What the present catalogue knows as verified goes before what nobody vouches for; among each, the newest.
    choice.candidates.sort_by_key(|one| !recorded.contains_key(&one.key.plain()));
    if let Wanted::Backup(id) = wanted {
        choice.candidates.retain(|one| one.manifest.backup == id.uuid());
        choice.unusable.retain(|(key, _)| key.backup_id() == id.uuid());
        if choice.candidates.is_empty() && choice.unusable.is_empty() {
            return Err(Failure::NoSnapshot(format!("{shelf} has none of backup {id}")));
        }
    }
    if choice.candidates.is_empty() { Err(choice.nothing(shelf)) } else { Ok(choice) }
}

/// What the present catalogue knows of the central database's verified backups, when it can be read.
async fn of_the_present(work: &mut Work<'_>, data_dir: &DataDir, server: Option<&Server>) -> Recorded {
    let path = data_dir.central();
    let (object, there) = match server {
        None => (path.display().to_string(), path.exists()),
        // When it cannot be found out, reading it says so.
        Some(server) => (server.place.clone(), relocation::central(&server.pool).exists().await.unwrap_or(true)),
    };
    if !there {
        work.warn("catalogue", object, "it is gone, so the shelf alone tells what there is", "it is made anew");
        return Recorded::new();
    }
    let place = match server {
        None => Place::Alone(&path),
        Some(server) => Place::Schema(&server.pool, postgres::CENTRAL),
    };
    match reader::read(place, async |tx| recorded(tx, None).await).await {
        Ok(recorded) => recorded,
        Err(error) => {
            let why = chiliview_doctor::words(&error);
            let message = format!("it cannot be read, so the shelf alone tells what there is: {why}");
            work.warn("catalogue", object, message, "it is kept for whoever can read more of it");
            Recorded::new()
        }
    }
}
