//! `chiliview move`: the whole platform to the other engine, while nothing runs.

use chiliview_recover::{Mode, Report};
use chiliview_store::Settings as StoreSettings;
use clap::Args;
use secrecy::SecretString;

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    log, open, output,
    restore::{context, failure, screen::Screen},
};

/// Flags of `move`.
#[derive(Args)]
pub(crate) struct Options {
    /// Where to: `sqlite` (into --data-dir), or postgres://…
    #[arg(long, value_name = "ENGINE", env = "CHILIVIEW_MOVE_TO", hide_env_values = true)]
    to: String,
    /// Tell what would be moved, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Moves.
pub(crate) async fn run(call: Call, options: Options) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    let outcome = relocate(&call, options).await;
    guard.shutdown();
    conclude(outcome?, call.json)
}

async fn relocate(call: &Call, options: Options) -> Result<Report, Failure> {
    let here = open::store_settings(&call.settings);
    let to = match options.to.as_str() {
        "sqlite" if here.database_url.is_none() => {
            return Err(Failure::usage("move to SQLite: name where the platform is with CHILIVIEW_DATABASE_URL"));
        }
        "sqlite" => StoreSettings { database_url: None, ..here },
        url if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            StoreSettings { database_url: Some(SecretString::from(url.to_owned())), ..here }
        }
        _ => {
            return Err(Failure::usage("move: --to is neither sqlite nor a URL such as postgres://user@host/database"));
        }
    };
    let mode = if options.dry_run { Mode::Try } else { Mode::Do };
    let mut screen = Screen::new(call.json, false);
    let mut context = context(call, &call.settings, None)?;
    if to.database_url.is_some() {
        // With a URL in the settings too, the platform would be there already.
        context.settings.database_url = None;
    }
    let report = chiliview_recover::relocate(context, to, mode, &mut screen).await;
    screen.end();
    report.map_err(failure)
}

fn conclude(report: Report, json: bool) -> Result<Exit, Failure> {
    let summary = report.summary;
    if json {
        output::json(&report)?;
    } else {
        let done = if report.dry_run { "a dry run, nothing was changed" } else { "moved" };
        output::line(&format!("\n{done}; {} problems, {} warnings", summary.problems, summary.warnings))?;
    }
    Ok(if summary.problems > 0 { Exit::Partial } else { Exit::Ok })
}
