//! What people outside are told: each notice in the transaction of the change that it is about, and by what means it goes out.

use std::fmt;

use chiliview_notify::{Fact, Kind, Notice, Outbound, Severity, mail::Mailer};
use chiliview_store::{
    Error, TenantId, Timestamp, Tx, backups,
    backups::{Backup, BackupStatus},
    json_text::JsonText,
    notices::{self, Severity as StoredSeverity},
    restores::Restore,
    schedules::Schedule,
};
use chiliview_telemetry::context;
use url::Url;

use crate::context::Context;

/// The ways out, and what an installation decides about them.
#[derive(Clone, Default)]
pub struct Telling {
    /// For webhooks and pings. Without it they fail, and say so.
    pub outbound: Option<Outbound>,
    /// For e-mail. Without it mails fail, and say so.
    pub mailer: Option<Mailer>,
    /// Where people open the console, for links.
    pub public_url: Option<Url>,
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").finish_non_exhaustive()
    }
}

/// What a notice is about, for programs and for a link.
pub(crate) struct About {
    /// `backup:<id>`, `disk:<directory>`, `schedule:<id>`.
    pub(crate) subject: String,
    /// Whose it is.
    pub(crate) tenant: Option<TenantId>,
    /// The console's page, below its root.
    pub(crate) page: String,
}

/// Raises a notice: it is told when `tx` commits, and not otherwise.
pub(crate) async fn raise(context: &Context, tx: &mut Tx, about: About, notice: Notice) -> Result<(), Error> {
    let page = context.config.telling.public_url.as_ref().and_then(|root| root.join(&about.page).ok());
    let notice = match page {
        Some(page) => notice.link(page),
        None => notice,
    };
    let detail = serde_json::to_value(&notice)
        .map_err(|error| Error::Corrupt { what: "a notice", reason: error.to_string() })?;
    let row = notices::Notice {
        id: context.store.ids().next(),
        kind: notice.kind().name().to_owned(),
        severity: stored(notice.kind().severity()),
        tenant_id: about.tenant,
        subject: about.subject,
        detail: JsonText(detail),
        trace_id: context::current_trace_id(),
        at: notice.at().into(),
    };
    let told = notices::raise(tx, context.store.ids(), &row).await?;
    tracing::info!(notice = %row.id, kind = row.kind, channels = told.len(), "notice.raised");
    Ok(())
}

fn stored(severity: Severity) -> StoredSeverity {
    match severity {
        Severity::Info => StoredSeverity::Info,
        Severity::Warning => StoredSeverity::Warning,
        Severity::Critical => StoredSeverity::Critical,
    }
}

/// A backup ended without a snapshot.
pub(crate) async fn backup_failed(context: &Context, tx: &mut Tx, backup: &Backup, reason: &str) -> Result<(), Error> {
    let notice = about_backup(context, Kind::BackupFailed, backup).fact(Fact::Phase, &backup.phase).cause(reason);
    raise(context, tx, of_backup(backup), notice).await
}

/// A snapshot that was good is not any more.
pub(crate) async fn backup_damaged(context: &Context, tx: &mut Tx, backup: &Backup, reason: &str) -> Result<(), Error> {
    let verified = backup.verified_at.map(|at| at.to_string()).unwrap_or_default();
    let notice = about_backup(context, Kind::BackupDamaged, backup).fact(Fact::LastVerified, &verified).cause(reason);
    raise(context, tx, of_backup(backup), notice).await
}

/// A database is safe, by a new snapshot or because an old one still holds it: news, if the backup before failed.
pub(crate) async fn backup_safe(context: &Context, tx: &mut Tx, backup: &Backup) -> Result<(), Error> {
    match backups::ended_before(tx, backup).await? {
        Some(BackupStatus::Failed | BackupStatus::Damaged) => {
            let notice = about_backup(context, Kind::BackupRecovered, backup);
            raise(context, tx, of_backup(backup), notice).await
        }
        _ => Ok(()),
    }
}

/// A schedule fired for the first time after others of its instants had passed.
pub(crate) async fn runs_missed(
    context: &Context,
    tx: &mut Tx,
    schedule: &Schedule,
    missed: u32,
    due_at: Timestamp,
) -> Result<(), Error> {
    let cause = format!("{missed} earlier runs were missed; this one stands for them");
    let notice = Notice::new(Kind::BackupMissed, context.now().to_datetime())
        .fact(Fact::Schedule, &schedule.name)
        .fact(Fact::Due, &due_at.to_string())
        .cause(&cause);
    let id = schedule.id;
    let about =
        About { subject: format!("schedule:{id}"), tenant: schedule.tenant_id, page: format!("schedules/{id}") };
    raise(context, tx, about, notice).await
}

/// A restore, or an undo, did not succeed.
pub(crate) async fn restore_failed(context: &Context, tx: &mut Tx, row: &Restore, reason: &str) -> Result<(), Error> {
    let id = row.id;
    let notice = Notice::new(Kind::RestoreFailed, context.now().to_datetime())
        .subject(&row.tenant_slug)
        .fact(Fact::Restore, &id.to_string())
        .fact(Fact::Phase, &row.phase)
        .cause(reason);
    let about = About { subject: format!("restore:{id}"), tenant: Some(row.tenant_id), page: format!("restores/{id}") };
    raise(context, tx, about, notice).await
}

fn about_backup(context: &Context, kind: Kind, backup: &Backup) -> Notice {
    let notice = Notice::new(kind, context.now().to_datetime()).fact(Fact::Backup, &backup.id.to_string());
    match &backup.tenant_slug {
        Some(slug) => notice.subject(slug),
        None => notice,
    }
}

fn of_backup(backup: &Backup) -> About {
    let id = backup.id;
    About { subject: format!("backup:{id}"), tenant: backup.tenant_id, page: format!("backups/{id}") }
}
