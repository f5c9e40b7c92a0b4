//! Restores that need the service to be stopped: the central database, or a whole platform out of its shelf.

use chiliview_recover::{Context, Failure as RecoverFailure, Mode, Report, Wanted};
use chiliview_store::{Clock, Ids, error::with_causes};

use super::{
    Options, nobody_to_ask,
    screen::{Screen, somebody_is_there},
};
use crate::{
    cli::Call,
    exit::{Exit, Failure},
    identity_file, log, open, output,
    settings::Settings,
    shelf_location,
};

/// Restores; `lasting` are the settings that the service will have, without the flags of this call.
pub(super) async fn run(call: Call, lasting: Settings, options: Options) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    let outcome = restore(&call, &lasting, options).await;
    guard.shutdown();
    conclude(outcome?, call.json)
}

async fn restore(call: &Call, lasting: &Settings, options: Options) -> Result<Report, Failure> {
    let mode = if options.dry_run { Mode::Try } else { Mode::Do };
    let asks = options.what.central && mode == Mode::Do && !options.yes;
    if asks && !somebody_is_there(call.json) {
        return Err(nobody_to_ask("the central database"));
    }
    let context = context(call, lasting, options.identity.as_deref())?;
    let mut screen = Screen::new(call.json, asks);
    let report = if options.what.from_shelf {
        chiliview_recover::rebuild(context, mode, &mut screen).await
    } else {
        let directory = &call.settings.data_dir;
        if call.settings.database_url.is_none() && !directory.exists() {
            return Err(open::nothing_there(&call.settings));
        }
        let wanted = match (options.backup, options.file) {
            (Some(id), _) => Wanted::Backup(id),
            (None, Some(file)) => Wanted::File(file),
            (None, None) => Wanted::Newest,
        };
        chiliview_recover::restore_central(context, wanted, mode, &mut screen).await
    };
    screen.end();
    report.map_err(failure)
}

pub(crate) fn context(call: &Call, lasting: &Settings, identity: Option<&std::path::Path>) -> Result<Context, Failure> {
    Ok(Context {
        settings: open::store_settings(&call.settings),
        shelf: shelf_location::of(&call.settings)?,
        next_shelf: shelf_location::of(lasting)?,
        identities: identity.map_or_else(|| identity_file::of_service(&call.settings), identity_file::read)?,
        trash: call.settings.trash(),
        clock: Clock::system(),
        ids: Ids,
    })
}

pub(crate) fn failure(failure: RecoverFailure) -> Failure {
    let exit = match &failure {
        RecoverFailure::InUse(_) => Exit::Locked,
        RecoverFailure::Refused(_) => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, with_causes(&failure))
}

fn conclude(report: Report, json: bool) -> Result<Exit, Failure> {
    let summary = report.summary;
    if json {
        output::json(&report)?;
    } else {
        let done = if report.dry_run { "a dry run, nothing was changed: would restore" } else { "restored" };
        output::line(&format!(
            "\n{done} {} databases; {} problems, {} warnings, {} brought back",
            report.databases.len(),
            summary.problems,
            summary.warnings,
            summary.repaired
        ))?;
    }
    Ok(if summary.problems > 0 { Exit::Partial } else { Exit::Ok })
}
