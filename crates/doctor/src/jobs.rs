//! Work that nobody will finish: jobs whose worker is gone, and backups that no job is for.

use std::time::Duration;

use chiliview_store::{
    Error, Result, Tx,
    audit::{self, Actor, Event, Outcome},
    backups::{self, Backup, BackupStatus},
    queue::{self, Filter, Job, JobStatus},
    reason::{Cause, Reason},
};

use crate::{
    central::Central,
    checks::Check,
    database::words,
    exam::{Cannot, Exam, Finding},
    says::{Advice, Found, Object, Repair},
};

const LIMIT: i64 = 1000;
/// The queue gives the job of a dead worker to another within seconds; after this nobody came.
const ABANDONED: Duration = Duration::from_secs(3600);
const WHY: &str = "no worker finished it; marked as failed by the doctor";

pub(crate) async fn check(exam: &mut Exam<'_>, central: &Central) {
    let seen = central.read(exam, async |tx| Queue::look(tx).await).await;
    let queue = match seen {
        Ok(queue) => queue,
        Err(error) => {
            return exam.broken(Finding {
                check: Check::Jobs,
                object: Object::Queue.into(),
                found: Found::Unreadable { error: words(&error) },
                advice: vec![Advice::LookAtCentral],
            });
        }
    };
    if !queue.stuck.is_empty() {
        let found = Found::Stuck { count: queue.stuck.len() };
        exam.warn(Check::Jobs, Object::Queue, found, Advice::StartAndSeeLog);
    }
    for (backup, job) in &queue.abandoned {
        abandoned(exam, backup, job.as_ref()).await;
    }
    if !queue.waiting.is_empty() && queue.workers == 0 {
        let found = Found::NoWorker { waiting: queue.waiting.len() };
        exam.warn(Check::Backups, Object::Backups, found, Advice::Start);
    } else if queue.stuck.is_empty() && queue.abandoned.is_empty() {
        let found = Found::Moving { waiting: queue.waiting.len(), workers: queue.workers };
        exam.ok(Check::Jobs, Object::Queue, found);
    }
}

struct Queue {
    workers: usize,
    stuck: Vec<Job>,
    /// Backups that will be finished once a worker has time.
    waiting: Vec<Backup>,
    /// Backups that nobody will finish, with their job.
    abandoned: Vec<(Backup, Option<Job>)>,
}

impl Queue {
    async fn look(tx: &mut Tx) -> Result<Self> {
        let now = queue::now(tx).await?;
        let workers = queue::workers(tx).await?.iter().filter(|worker| worker.is_alive(now)).count();
        let stuck = queue::stuck(tx, now).await?;
        let (mut waiting, mut abandoned) = (Vec::new(), Vec::new());
        for backup in backups::unfinished(tx, LIMIT).await? {
            let filter = Filter { subject: Some(backup.id.uuid()), ..Filter::default() };
            let jobs = queue::list(tx, &filter, 10).await?;
            let open = jobs.into_iter().find(|job| matches!(job.status, JobStatus::Queued | JobStatus::Running));
            let stands = stuck.iter().any(|job| open.as_ref().is_some_and(|open| open.id == job.id));
            match open {
                Some(_) if !stands || now.since(backup.updated_at) < ABANDONED => waiting.push(backup),
                job => abandoned.push((backup, job)),
            }
        }
        Ok(Self { workers, stuck, waiting, abandoned })
    }
}

async fn abandoned(exam: &mut Exam<'_>, backup: &Backup, job: Option<&Job>) {
    let (status, since) = (backup.status, backup.updated_at);
    let found = match (backup.tenant_slug.clone(), job) {
        (Some(tenant), None) => Found::BackupWithoutJob { tenant, status },
        (None, None) => Found::CentralBackupWithoutJob { status },
        (Some(tenant), Some(_)) => Found::BackupAbandoned { tenant, status, since },
        (None, Some(_)) => Found::CentralBackupAbandoned { status, since },
    };
    let finding = Finding {
        check: Check::Backups,
        object: backup.id.to_string().into(),
        found,
        advice: vec![Advice::CancelBackup],
    };
    exam.mend(finding, async |exam: &mut Exam<'_>| mark_failed(exam, backup, job).await).await;
}

async fn mark_failed(exam: &mut Exam<'_>, backup: &Backup, job: Option<&Job>) -> Result<Repair, Cannot> {
    let store = exam.store().await?;
    let (now, why) = (store.clock().now(), Reason::new(Cause::Crashed, WHY));
    let ended = store.central().write(async |tx| {
        if let Some(job) = job {
            queue::cancel(tx, job.id).await?;
        }
        let ended = backups::end(tx, backup.id, BackupStatus::Failed, &why, now).await?;
        if ended {
            let event = Event::done("backup.fail", "backup", backup.id).ending(Outcome::Failed, WHY);
            audit::record(tx, store.ids().next(), now, &Actor::system("doctor", None), event).await?;
        }
        Ok::<_, Error>(ended)
    });
    Ok(if ended.await? { Repair::MarkedFailed } else { Repair::EndedMeanwhile })
}
