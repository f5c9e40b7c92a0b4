//! The worker: takes jobs from the queue and does them, in the process that serves or in one of its own.

mod backup;
mod config;
mod context;
mod deliver;
mod examine;
mod fleet;
mod housekeeping;
mod import;
mod lookout;
mod progress;
mod prove;
mod prune;
mod purge;
pub mod queue;
mod reasons;
mod restore;
mod schedule;
mod scheduler;
mod sealing;
pub mod supervise;
mod tell;
mod unchanged;
mod uploads;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use chiliview_store::reason::Reason;
use futures::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use self::queue::{Attempt, Handler, Lane, LeaseTooShort, Options, Outcome, Wake, Work};
pub use self::{config::Config, context::Context, examine::Installation, lookout::Lookout, tell::Telling};

/// How many receivers are told at once. A slow one holds one of these up, and never a backup.
const DELIVERIES: NonZeroUsize = NonZeroUsize::new(4).expect("four");
/// A receiver gets 20 seconds, a mail server 30.
const DELIVERY_LIMIT: Duration = Duration::from_mins(1);

/// Runs the worker until `shutdown`: jobs, deliveries in a lane of their own, and beside them the schedules' tick, the
/// lookout and housekeeping.
pub async fn run(
    context: Context,
    options: Options,
    session_idle: Duration,
    wake: Wake,
    shutdown: CancellationToken,
) -> Result<(), LeaseTooShort> {
    let handler = Arc::new(Jobs(context.clone()));
    let store = context.store.clone();
    let deliveries = in_the_other_lane(&options);
    let (ended, delivered, (), (), ()) = tokio::join!(
        queue::run(&store, options, handler.clone(), wake.clone(), shutdown.clone()),
        queue::run(&store, deliveries, handler, Wake::new(), shutdown.clone()),
        scheduler::run(&context, &wake, &shutdown),
        lookout::run(&context, &shutdown),
        housekeeping::run(&context, session_idle, &shutdown),
    );
    ended.and(delivered)
}

/// Deliveries need no bell, and their worker may be found dead later: its interval is soon enough.
fn in_the_other_lane(options: &Options) -> Options {
    Options {
        name: format!("{} deliveries", options.name),
        lane: Lane::Deliveries,
        parallel: DELIVERIES,
        heartbeat: options.heartbeat * 5,
        watch: None,
        ..options.clone()
    }
}

/// Which work is done where.
struct Jobs(Context);

impl Handler for Jobs {
    fn handle(&self, work: Work, attempt: Attempt) -> BoxFuture<'_, Outcome> {
        async move {
            match work {
                Work::BackUp { backup } => backup::back_up(&self.0, backup, None, &attempt).await,
                Work::Prove { backup } => prove::prove_again(&self.0, backup, &attempt).await,
                Work::Import { backup, upload } => backup::back_up(&self.0, backup, Some(upload), &attempt).await,
                Work::Restore { restore } => restore::restore(&self.0, restore, &attempt).await,
                Work::UndoRestore { restore } => restore::undo(&self.0, restore, &attempt).await,
                Work::ForgetRestored { restore } => restore::forget(&self.0, restore).await,
                Work::PurgeTenant { tenant } => purge::tenant(&self.0, tenant).await,
                Work::PurgeBackup { backup } => purge::backup(&self.0, backup).await,
                Work::RunSchedule { run } => schedule::run(&self.0, run, &attempt).await,
                Work::Prune => prune::run(&self.0).await,
                Work::Examine { run } => examine::run(&self.0, run, &attempt).await,
                Work::MigrateFleet { migration } => fleet::migrate(&self.0, migration, &attempt).await,
                Work::Deliver { delivery } => deliver::deliver(&self.0, delivery, &attempt).await,
            }
        }
        .boxed()
    }

    fn exhausted(&self, work: Work, attempt: Attempt, reason: Reason) -> BoxFuture<'_, anyhow::Result<()>> {
        async move {
            match work {
                Work::BackUp { backup } | Work::Import { backup, .. } => {
                    backup::give_up(&self.0, backup, &attempt, &reason).await
                }
                Work::Prove { backup } => prove::give_up(&self.0, backup, &attempt, &reason).await,
                Work::Deliver { delivery } => deliver::give_up(&self.0, delivery, &reason.words).await,
                Work::RunSchedule { run } => schedule::give_up(&self.0, run, &reason.words).await,
                Work::Examine { run } => examine::give_up(&self.0, run, &reason.words).await,
                Work::MigrateFleet { migration } => fleet::give_up(&self.0, migration, &reason.words).await,
                // Tomorrow is another day.
                Work::Prune => Ok(()),
                Work::Restore { restore } => restore::give_up(&self.0, restore, &attempt, &reason).await,
                Work::UndoRestore { restore } => restore::give_up_undo(&self.0, restore, &attempt, &reason).await,
                // The trash keeps what could not be purged; `doctor` and the jobs list name it.
                Work::ForgetRestored { .. } | Work::PurgeTenant { .. } | Work::PurgeBackup { .. } => Ok(()),
            }
        }
        .boxed()
    }

    fn time_limit(&self, work: &Work) -> Duration {
        match work.lane() {
            Lane::Deliveries => DELIVERY_LIMIT,
            Lane::Jobs => queue::TIME_LIMIT,
        }
    }
}
