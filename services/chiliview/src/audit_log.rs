//! `chiliview audit verify`: walks the hash chain of every audit log.

use chiliview_store::{
    Database, Store, TenantId,
    audit::{self, Verification},
    tenants,
};
use clap::Subcommand;
use serde::Serialize;

use crate::{
    cli::Call,
    exit::{Exit, Failure},
    log, open, output,
};

const PAGE: i64 = 500;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check that no line of any audit log was changed or taken away
    Verify,
}

#[derive(Serialize)]
struct Checked {
    /// `central`, or the tenant's slug.
    database: String,
    tenant_id: Option<TenantId>,
    entries: Option<i64>,
    broken_at: Option<i64>,
    error: Option<String>,
}

/// 0 when every chain holds, 13 when one is broken, 3 when one could not be read.
pub(crate) async fn run(call: Call, _command: Command) -> Result<Exit, Failure> {
    let guard = log::command(&call.settings)?;
    let store = open::existing(&call.settings).await?;
    let checked = every(&store).await;
    store.close().await;
    guard.shutdown();
    report(&checked?, call.json)
}

async fn every(store: &Store) -> Result<Vec<Checked>, Failure> {
    let mut checked = vec![check("central".to_owned(), None, Ok(store.central().clone())).await];
    let mut after = None;
    loop {
        let page = store.central().read(async |tx| tenants::ids(tx, after, PAGE).await).await?;
        let Some((last, _)) = page.last() else { return Ok(checked) };
        after = Some(*last);
        for (id, slug) in page {
            checked.push(check(slug, Some(id), store.tenant(id).await).await);
        }
    }
}

async fn check(database: String, tenant_id: Option<TenantId>, opened: chiliview_store::Result<Database>) -> Checked {
    let verified = match opened {
        Ok(opened) => opened.read(async |tx| audit::verify(tx).await).await,
        Err(error) => Err(error),
    };
    match verified {
        Ok(Verification { entries, broken_at }) => {
            Checked { database, tenant_id, entries: Some(entries), broken_at, error: None }
        }
        Err(error) => {
            let error = Some(format!("failed to {error}"));
            Checked { database, tenant_id, entries: None, broken_at: None, error }
        }
    }
}

fn report(checked: &[Checked], json: bool) -> Result<Exit, Failure> {
    let broken = checked.iter().any(|one| one.broken_at.is_some());
    let unread = checked.iter().any(|one| one.error.is_some());
    if json {
        output::json(&serde_json::json!({"ok": !broken && !unread, "items": checked}))?;
    } else {
        let rows = checked.iter().map(|one| {
            let entries = one.entries.map_or_else(|| "-".to_owned(), |entries| entries.to_string());
            let state = match (one.broken_at, &one.error) {
                (Some(line), _) => format!("broken at line {line}"),
                (None, Some(error)) => error.clone(),
                (None, None) => "whole".to_owned(),
            };
            [one.database.clone(), entries, state]
        });
        output::table(["DATABASE", "LINES", "CHAIN"], &rows.collect::<Vec<_>>())?;
    }
    Ok(match (broken, unread) {
        (true, _) => Exit::Found,
        (false, true) => Exit::Partial,
        (false, false) => Exit::Ok,
    })
}
