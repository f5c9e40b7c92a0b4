//! Looks for changes while anybody listens, once for all who do: at the central database for everybody, at a tenant's for
//! those who follow it.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use chiliview_store::{
    Database, Error, TenantId, Timestamp,
    audit::{self, Concerned},
    backups, doctor_runs, fleet_migrations, restores,
    tenants::Tenant,
};
use tokio::sync::{Mutex, broadcast};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    change::{Change, Line, Log},
    watch::Watch,
};
use crate::app::App;

/// A commit calls for a look; without a call there is one as often as this.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What is committed in quick succession is looked at together.
const GATHER: Duration = Duration::from_millis(20);
const BEHIND: usize = 1024;
const ROWS_A_LOOK: i64 = 500;
/// Pages of one look; what is more comes with the next.
const PAGES: usize = 40;
/// A change is stamped before it commits, so an earlier stamp can come into sight after a later one. Each look reaches back
/// so far, and what was told already is not told again. Lines of an audit log have numbers that do without.
pub(super) const OVERLAP: Duration = Duration::from_secs(5);

/// Who is listened to.
#[derive(Default)]
pub(crate) struct Hub {
    central: Mutex<Weak<Listening>>,
    tenants: Mutex<HashMap<TenantId, Weak<Listening>>>,
}

/// A look that goes on for as long as somebody holds this.
struct Listening {
    changes: broadcast::Sender<Change>,
    stop: CancellationToken,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Where a follower hears of changes.
pub(super) struct Source {
    pub(super) changes: broadcast::Receiver<Change>,
    _listening: Arc<Listening>,
}

impl Source {
    fn join(current: &mut Weak<Listening>, begin: impl FnOnce(broadcast::Sender<Change>, CancellationToken)) -> Self {
        if let Some(listening) = current.upgrade() {
            return Self { changes: listening.changes.subscribe(), _listening: listening };
        }
        let (sender, changes) = broadcast::channel(BEHIND);
        let listening = Arc::new(Listening { changes: sender.clone(), stop: CancellationToken::new() });
        *current = Arc::downgrade(&listening);
        begin(sender, listening.stop.clone());
        Self { changes, _listening: listening }
    }
}

impl Hub {
    /// Changes in the central database, from now on.
    pub(super) async fn central(&self, app: &App) -> Result<Source, Error> {
        let mut current = self.central.lock().await;
        let line = app.central().read(audit::last_seq).await?;
        Ok(Source::join(&mut current, |changes, stop| {
            let look =
                Look { app: app.clone(), changes, newest: app.now(), from: app.now(), told: HashMap::new(), line };
            tokio::spawn(look.run(stop));
        }))
    }

    /// Lines of a tenant's audit log, from now on.
    pub(super) async fn tenant(&self, app: &App, tenant: &Tenant) -> Result<Source, Error> {
        let mut all = self.tenants.lock().await;
        all.retain(|_, listening| listening.strong_count() > 0);
        let line = app.store().tenant(tenant.id).await?.read(audit::last_seq).await?;
        Ok(Source::join(all.entry(tenant.id).or_default(), |changes, stop| {
            tokio::spawn(look_at_tenant(app.clone(), tenant.clone(), changes, line, stop));
        }))
    }
}

/// The looks at the central database.
struct Look {
    app: App,
    changes: broadcast::Sender<Change>,
    from: Timestamp,
    newest: Timestamp,
    told: HashMap<Uuid, Timestamp>,
    line: i64,
}

impl Look {
    async fn run(mut self, stop: CancellationToken) {
        let mut watch = Watch::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = watch.changed(&self.app) => tokio::time::sleep(GATHER).await,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "events.look_failed");
            }
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        let mut behind = (self.from.max(self.newest.minus(OVERLAP)), None);
        for _ in 0..PAGES {
            let rows = rows_since(&self.app, behind.0, behind.1, ROWS_A_LOOK).await?;
            let full = i64::try_from(rows.len()).is_ok_and(|rows| rows == ROWS_A_LOOK);
            for change in rows {
                let Some((at, id)) = change.row() else { continue };
                behind = (at, Some(id));
                self.newest = self.newest.max(at);
                if self.told.insert(id, at) != Some(at) {
                    // Nobody is there any more: the next look stops.
                    let _ = self.changes.send(change);
                }
            }
            if !full {
                break;
            }
        }
        self.told.retain(|_, at| *at >= self.newest.minus(OVERLAP));
        for line in central_lines(&self.app, self.line, ROWS_A_LOOK).await? {
            self.line = line.entry.seq;
            let _ = self.changes.send(Change::Line(Arc::new(line)));
        }
        Ok(())
    }
}

/// All kinds of rows that changed after `(at, id)`, in the order of their changes.
pub(super) async fn rows_since(app: &App, at: Timestamp, id: Option<Uuid>, limit: i64) -> Result<Vec<Change>, Error> {
    let (backups, restores, runs, fleets) = app
        .central()
        .read(async |tx| {
            let backups = backups::changed_since(tx, at, id.map(Into::into), limit).await?;
            let restores = restores::changed_since(tx, at, id.map(Into::into), limit).await?;
            let runs = doctor_runs::changed_since(tx, at, id.map(Into::into), limit).await?;
            let fleets = fleet_migrations::changed_since(tx, at, id.map(Into::into), limit).await?;
            Ok::<_, Error>((backups, restores, runs, fleets))
        })
        .await?;
    let backups = backups.into_iter().map(|row| Change::Backup(Box::new(row)));
    let restores = restores.into_iter().map(|row| Change::Restore(Box::new(row)));
    let runs = runs.into_iter().map(|row| Change::Doctor(Box::new(row)));
    let fleets = fleets.into_iter().map(|row| Change::Fleet(Box::new(row)));
    let mut all: Vec<_> = backups.chain(restores).chain(runs).chain(fleets).collect();
    all.sort_by_key(Change::row);
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}

/// Lines of the platform's audit log behind `line`, and whom they concern.
pub(super) async fn central_lines(app: &App, line: i64, limit: i64) -> Result<Vec<Line>, Error> {
    let found = app.central().read(async |tx| audit::since_concerned(tx, line, limit).await).await?;
    let line = |found: Concerned| {
        let tenant = found.tenant_id.zip(found.tenant);
        Line { entry: found.entry, log: Log::Central, tenant }
    };
    Ok(found.into_iter().map(line).collect())
}

async fn look_at_tenant(
    app: App,
    tenant: Tenant,
    changes: broadcast::Sender<Change>,
    mut line: i64,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let found = match app.store().tenant(tenant.id).await {
            Ok(database) => tenant_lines(&database, &tenant, line, ROWS_A_LOOK).await,
            Err(error) => Err(error),
        };
        match found {
            Ok((lines, last)) => {
                // A restore brings back a log that ends earlier.
                line = line.min(last);
                for found in lines {
                    line = found.entry.seq;
                    let _ = changes.send(Change::Line(Arc::new(found)));
                }
            }
            Err(error) => tracing::debug!(%error, tenant = %tenant.id, "events.tenant_look_failed"),
        }
    }
}

/// Lines of a tenant's audit log behind `line`, and the number of the last line that there is.
pub(super) async fn tenant_lines(
    database: &Database,
    tenant: &Tenant,
    line: i64,
    limit: i64,
) -> Result<(Vec<Line>, i64), Error> {
    let (entries, last) = database
        .read(async |tx| Ok::<_, Error>((audit::since(tx, line, limit).await?, audit::last_seq(tx).await?)))
        .await?;
    let whose = (tenant.id, tenant.slug.clone());
    let line = |entry| Line { entry, log: Log::Tenant, tenant: Some(whose.clone()) };
    Ok((entries.into_iter().map(line).collect(), last))
}
