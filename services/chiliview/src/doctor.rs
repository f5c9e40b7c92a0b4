//! `chiliview doctor`: one line a check, a summary, and an exit code.

use std::{io::IsTerminal as _, sync::Arc};

use chiliview_doctor::{Context, Credentials, Line, Mode, Repair, Report, Status};
use chiliview_store::{Clock, Ids};
use clap::Args;
use futures::{FutureExt as _, future::BoxFuture};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    first_admin, log, open, output, shelf_location,
};

/// Flags of `doctor`.
#[derive(Args)]
pub(crate) struct Options {
    /// Mend what can be mended, after copying it
    #[arg(long)]
    repair: bool,
}

/// Examines, and says how it is.
pub(crate) async fn run(call: Call, options: Options) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    if !options.repair && !call.settings.data_dir.exists() && call.settings.database_url.is_none() {
        return Err(open::nothing_there(&call.settings));
    }
    let context = Context {
        settings: open::store_settings(&call.settings),
        shelf: shelf_location::of(&call.settings)?,
        clock: Clock::system(),
        ids: Ids,
        credentials: Arc::new(Random),
    };
    let mode = if options.repair { Mode::Repair } else { Mode::Look };
    let json = call.json;
    let mut tell = |line: &Line| {
        if !json {
            print(line);
        }
    };
    let report = chiliview_doctor::examine(context, mode, &mut tell).await;
    guard.shutdown();
    conclude(&report, json)
}

/// Passwords as the API makes and hashes them.
struct Random;

impl Credentials for Random {
    fn make(&self) -> BoxFuture<'_, Result<(SecretString, String), Repair>> {
        async {
            let password = chiliview_api::passwords::random();
            let refused = |failure: Failure| Repair::Refused { error: failure.words };
            let hash = first_admin::hash(&password).await.map_err(refused)?;
            Ok((password, hash))
        }
        .boxed()
    }
}

/// A line of a report.
pub(crate) fn print(line: &Line) {
    let (word, colour) = match line.status {
        Status::Ok => ("ok", "32"),
        Status::Warning => ("warning", "33"),
        Status::Problem => ("PROBLEM", "31"),
        Status::Repaired => ("repaired", "36"),
        Status::Unrepairable => ("PROBLEM", "31"),
    };
    let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let word = if coloured { format!("\x1b[{colour}m{word:8}\x1b[0m") } else { format!("{word:8}") };
    let advice = line.advice.as_ref().map(|advice| format!("\n         → {advice}")).unwrap_or_default();
    // The exit code says it all, should nobody read on.
    let _ = output::line(&format!("{word} {}: {}: {}{advice}", line.name, line.object, line.message));
}

fn conclude(report: &Report, json: bool) -> Result<Exit, Failure> {
    let summary = report.summary;
    if json {
        let mut document = serde_json::to_value(report).map_err(Failure::failed)?;
        if let Some(admin) = &report.new_admin {
            let password = admin.password.expose_secret();
            document["new_admin"] = serde_json::json!({"username": admin.username, "password": password});
        }
        output::json(&document)?;
    } else {
        output::line(&format!(
            "\n{} ok, {} warnings, {} problems, {} repaired",
            summary.ok, summary.warnings, summary.problems, summary.repaired
        ))?;
        if let Some(admin) = &report.new_admin {
            first_admin::show(&admin.username, &admin.password);
        }
    }
    Ok(match summary {
        _ if report.locked => Exit::Locked,
        summary if summary.problems > 0 => Exit::Found,
        summary if summary.repaired > 0 => Exit::Repaired,
        _ => Exit::Ok,
    })
}
